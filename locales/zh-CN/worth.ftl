# What the coupons of a campaign are worth, in pages and workbooks.
title = 券的金额
issued = 已发放
open = 可能已发放
held = 待人工判定
owed = 待发放
at-most = 最多
limit = max_worth
meaning-issued = 用户已拿到这些券
meaning-open = 结果未知、发送中，或经人工恢复待发放
meaning-held = 需人工判定，可能已发放
meaning-owed = 尚需发放
meaning-at-most = 以上合计
meaning-limit = 任务文件中的上限
each-by-platform = 平台给出的面额：此活动每张券 { $each }。
each-by-file = 任务文件给出的面额：每张券 { $each }（`coupon_value`）。
# $unpriced (number)
unpriced = 有 { $unpriced } 张券面额未知，未计入任何金额。
# $n (number)
coupons = { $n } 张
