command = 用一张发给自己的券，向平台询问文档没有说明的事，并显示应写入任务文件的内容
option-open-id = 得到这张券的人：你自己在这个小程序中的 open_id。必须在最近七天内用过这个小程序
option-yes = 不询问，直接开始。费用在任何情况下都会显示
option-wait = 最多等待多久，直到平台统计到这张券，例如 `10m`
option-again = 上一次探测已经完成，再做一次。要再用一张券
examples =
    示例：
      runner probe campaigns/summer.yaml --open-id ba253642-0590-40bc-xxx
          显示费用，询问，然后探测
      runner probe campaigns/summer.yaml --open-id ba253642-0590-40bc-xxx --wait 30m
          等待领取数更久

    券模板 `coupon_meta_id` 的一张券发给你，出自库存为 1 的活动，最后删除这个活动。每次请求发出之前都已写下，中断之后用同一条命令继续。退出码：0 已有答案，3 用同一条命令继续，4 平台没有发券，5 该任务或其小程序正在执行。

costs-title = 这次探测做什么，可能花费什么：
costs-activity = 用券模板 { $template } 创建一个库存为 1 的活动，库存立即从券模板扣除。用同一个幂等键请求两次：如果平台不理会幂等键，就会有第二个库存为 1 的活动。
costs-coupon = 给 { $open_id } 发一张券，归此人所有。另有两次请求会要求库存中没有的券：如果平台不遵守库存，每次会多发一张。
costs-end = 最后删除所创建的活动，剩余库存退回券模板。
goes-on = 上一次探测没有完成：这次从那里继续。
needs-yes = 探测会发出一张券，而这里无法询问
add-yes = 确认无误请加 `--yes`
go-on = 继续吗？[y/N]
nothing-done = 没有做任何事

step = { $step ->
        [create] 创建库存为 1 的活动：从券模板扣除一张
        [create_again] 用同一个幂等键重复这次请求：没有花费，或第二个库存 1
        [send] 发券：你会得到它
        [send_again] 用同一个 merchant_coupon_id 重复这次请求：没有花费，因为库存已用完
        [send_another] 再发一张库存中没有的券：平台遵守库存就没有花费
        [read_coupon] 按券 ID 查询这张券：没有花费
        [count] 查询活动的领取数：没有花费
        [delete] 删除活动：剩余库存退回券模板
        [delete_other] 删除第二个活动：库存退回券模板
        [delete_again] 再删除一次：没有花费
       *[send_after_deletion] 用已删除的活动发券：确已删除就没有花费
    }
answered = 应答：{ $answer }
again = 没有明确的应答，再次请求：{ $answer }
waiting = 等待平台统计到这张券
answer-code = 结果码 { $code } { $message }（log_id { $log_id }）
answer-none = 应答没有结果码：{ $message }
answer-success = 成功（log_id { $log_id }）

title = { $campaign }：平台的应答
label-created = 重复创建
label-repeat = 重复发券
label-stock = 库存用完
label-deleted = 活动已删除
label-deleted-again = 再次删除
label-status = 未使用的券
label-count = 领取数
label-not-created = 创建
label-not-sent = 发券
not-created = 被拒绝：结果码 { $code } { $message }
not-sent = 没有发出：结果码 { $code } { $message }
created-replays = 同一个活动：重复不会再创建
created-code = 结果码 { $code } { $message }，没有第二个活动
created-another = 第二个活动：幂等键不起作用，丢失应答时必须到平台控制台查看
repeat-replays = 同一张券：重复不会再发
repeat-code = 结果码 { $code } { $message }，没有第二张券
repeat-unclear = 结果码 { $code } { $message }，与库存用完时换一个 ID 的应答相同：重复是否会发第二张券，不得而知
repeat-another = 第二张券：重复会再发一张
used-up-code = 结果码 { $code } { $message }
used-up-none = 库存已用完，仍然发了券
deleted-code = 结果码 { $code } { $message }
deleted-none = 活动已删除，仍然发了券
deleted-unclear = 结果码 { $code } { $message }，与库存用完时相同
deleted-again-success = 再次成功
deleted-again-code = 结果码 { $code } { $message }
status-shown = coupon_status { $status }
status-absent = 显示，但没有 coupon_status
status-not-shown = 按券 ID 查询时没有显示
count-within = 最多 { $at_most } 之后
count-between = { $longer_than } 至 { $at_most } 之后
count-longer = { $longer_than } 之内没有；要知道，请用更长的 `--wait` 再探测
not-asked = 没有询问
no-message = （没有消息）
keys-title = 应写入任务文件：
key-comment = { $step ->
        [send_again] 重复的 merchant_coupon_id
        [send_another] 库存用完
       *[send_after_deletion] 活动已删除
    }
key-ask = 重复可能会发第二张券
nothing-to-write = 内置规则合适：没有需要写入任务文件的内容。
journal = 所有应答都在 { $file }。

no-template = 探测需要券模板，而任务文件没有写
no-template-help = 请在任务文件中写 `coupon_meta_id: "…"`：平台控制台显示这个 ID
other-unfinished = 这个任务的另一次探测没有完成
other-unfinished-because = 它在 { $platform } 给 { $open_id } 发券模板 { $template } 的一张券
other-unfinished-help = 请用那个 open_id 执行这条命令，完成那次探测，使其活动得以删除
no-answer = 平台没有给出明确的应答
no-answer-help = 没有损失：同一条命令会用同一个请求继续
not-ready = 无法发出请求
not-ready-help = 请检查 `credentials`；`runner doctor` 可以测试。同一条命令会继续
journal-help = 如果文件已损坏，请将它移走：之后的探测会从头开始
refused = 平台没有发券
refused-create-help = 请看应答：券模板可能已结束，或没有库存。`runner plan FILE --online` 显示券模板
refused-send-help = 请看应答：此人可能七天内没有用过这个小程序，或已经有这张券。请用另一个 open_id 并加 `--again` 再探测
