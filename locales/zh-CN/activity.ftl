# 任务文件声明的活动。
creation-refused = 平台拒绝创建第 { $number } 个活动。什么都没有创建，也没有发送
creation-unclear = 从平台的应答看不出第 { $number } 个活动是否存在。没有发送
creation-unanswered = 没有应答说明第 { $number } 个活动是否已创建。没有发送
same-activity = 平台对第 { $number } 个活动的请求应答了 { $activity_id }，而任务此前已用过这个活动。没有发送
released-already = 活动 { $activity_id } 已释放，但还有券待发放。没有发送
nothing-to-say = 没有等待答复的活动请求
open-order = 此前请求过第 { $number } 个活动，没有应答说明它是否存在
not-settled = 还有 { $left } 次发放可能需要这个活动
none-created = 任务还没有自己的活动
none-declared = 任务文件没有声明活动

asked-for = 请求：券模板 { $template } 的 { $stock } 张券，名称“{ $name }”，merchant_activity_id 为 { $key }
answer-code = 应答：结果码 { $code }，{ $message }（log_id { $log_id }）
answer-none = 应答：{ $message }
no-message = 没有消息
no-log-id = 无

refused-help = 按应答改正（券模板、库存），然后重新执行。它会按文件中的数值请求同一个活动
unclear-help =
    请在平台控制台查看这个券模板的活动。
    如果有：{ $is_id }
    如果没有：{ $is_none }
unanswered-help = 请再次运行同一条命令：它重复同一个请求，不会产生第二个活动
released-help = 要发更多的券，需要另一个活动：{ $add }
nothing-to-say-help = `--is` 用于答复结果未知的请求。`{ $command }` 显示各个活动
open-help =
    { $number ->
        [1] 请重新执行：它会重复同一个请求
       *[other] 请再次运行同一条带 `--add { $stock }` 的命令：它会重复同一个请求
    }
not-settled-help = 等每次发放都有结果后再释放。结果未知的发放要用原来的活动重发
none-created-help = 第一次执行会创建它
none-declared-help = 请用带 `stock` 的 `activity:` 代替 `activity_id`

app-id-taken = 另一个进程占用着这个小程序
not-allowed-any-more = 就在请求之前，访问令牌或小程序的归属失效了
release-failed = 活动没有释放：{ $why }。下一次执行会再次请求

created = 已创建第 { $number } 个活动：{ $activity_id }，{ $stock } 张券
released = 已释放活动 { $activity_id }：剩余库存已退回券模板

command = 查看、加量或释放任务的活动
option-add = 再创建一个有 N 张券的活动，立即从券模板扣除库存
option-is = 对没有应答的请求，说明平台控制台显示的结果：活动 ID，或 none（没有）
option-release = 把活动剩余的库存退回券模板
option-yes = 不询问
examples =
    示例：
      runner activity summer.yaml                # 库存、已发放、剩余
      runner activity summer.yaml --add 20000    # 库存用完时，再建一个活动
      runner activity summer.yaml --release      # 任务结束之后
write-id = 请写活动 ID，或 `none`
ask-add =
    即将创建第 { $number } 个活动：券模板 { $template } 的 { $stock } 张券。
    库存立即从券模板扣除。
ask-release =
    即将释放活动 { $activity_id }。之后不能再用它发放。
go-on = {" "}继续吗？[y/N]{" "}
needs-yes = 这里无法询问，而这一操作不能撤销
add-yes = 请加上 `--yes`
nothing-done = 什么都没有做
added =
    已创建第 { $number } 个活动：{ $activity_id }，{ $stock } 张券。
    下一次执行改用这个活动发放，需要您同意这一变更：
    { $apply }
released-before = 活动此前已释放
not-released = 活动 { $activity_id } 没有释放，或者结果未知
not-released-help = 请在平台控制台查看这个活动，然后再次运行同一条命令

label-campaign = 任务
label-declared = 声明
label-release = 释放
label-activity = 活动
label-number = 活动 { $number }
declares = 券模板 { $template } 的 { $stock } 张券，名称“{ $name }”
release-rule =
    { $rule ->
        [when_settled] 每次发放都有结果之后
       *[never] 只通过 `runner activity FILE --release`
    }
named = { $activity_id }，由任务文件指定
not-yet = 尚未创建。{ $command } 会在发放之前创建它
created-at = { $activity_id }，创建于 { $at }
stock = 共 { $stock } 张：已发放 { $issued }，可能已发放 { $unknown }，剩余 { $left }
may-exist = 已请求，没有应答说明它是否存在
not-created = 已请求，没有创建
release-refused = 平台拒绝释放。{ $answer }
release-asked = 正在释放，应答未知。不再用它发放
release-unknown = 可能已释放。{ $answer }。不再用它发放
release-done = 已释放：剩余库存已退回券模板
stock-used-up = 平台统计活动 { $activity } 已领取 { $received } 张：received_num 已达到库存，库存用完。`runner activity FILE --add N` 再建一个活动
count-more = 平台统计活动 { $activity } 已领取 { $received } 张，而本任务最多发放了 { $most } 张：还有别的来源在发放该活动的券，它的库存会提前用完。请让本任务使用自己的活动
count-fewer = 平台统计活动 { $activity } 已领取 { $received } 张，而它一小时前已确认 { $confirmed } 张：统计有延迟，或者它的应答有误。执行结束后请用 `runner reconcile` 比较
stock-not-used-up = 平台统计活动 { $activity } 已领取 { $received } 张，库存 { $stock } 张：除非统计有延迟，否则原因不是库存
