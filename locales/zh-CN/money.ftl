amount = { $yuan } 元
no-money = `{ $path }` 的值是 { $written }，不是金额
other-currency = `{ $path }` 的币种是 { $currency }；平台的券以人民币计价
too-small = `{ $path }` 太小：最少是 `0.01 CNY`
too-large = `{ $path }` 太大
too-precise = `{ $path }` 小于一分的部分无法表示
negative = `{ $path }` 是负数
money = 金额，例如 `{ $example }`
write = 请写 `{ $example }`
# $coupons (number)
over-max-worth = 任务最多需要 { $coupons } 张券、共 { $at_most }，而 `max_worth` 是 { $max }：{ $sum }
over-max-worth-help = 调高 `max_worth`，或者调低 `audience` 下的 `limit` 或 `coupons_per_user`
max-worth-reached = 已达到 max_worth：再发一张 { $each } 的券就会超过 { $max }
max-worth-unknown = max_worth 是 { $max }，而任务文件和平台都没有给出券的面额
raise-max-worth = 如果可以多花，就在任务文件里调高 max_worth
write-coupon-value = 在任务文件里写上 coupon_value
worth = 已发放 { $issued }，待发放 { $owed }
worth-open = 已发放 { $issued }，待发放 { $owed }，结果未知或待人工判定 { $open }；最多 { $at_most }
# $unpriced (number)
worth-unpriced = 已发放 { $issued }；另有 { $unpriced } 张券面额未知
spent = 已发金额 { $spent }，最多 { $at_most }
# $unpriced (number)
spent-unpriced = 已发金额 { $spent }，另有 { $unpriced } 张券面额未知
