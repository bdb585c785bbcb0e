# The frame of a page.
title-of-report = { $name }：任务报告
title-of-simulation = { $name }：模拟报告
app = 小程序
activity = 活动
rehearsal = 这是一次演练：平台是沙箱，没有真正发券。
simulation = 这是一次模拟：没有真正发放，平台是沙箱。
made-from-ledger = 由 runner { $version } 根据账本生成，{ $at }
made-by-simulation = 由 runner { $version } 模拟生成，模拟始于 { $at }

# How the campaign is.
nobody = 没有待发放的用户
complete = 已完成：每次发放都已完结或跳过
not-complete = 未完成：{ $parts }
# $n (number)
part-owed = 待发放 { $n }
# $n (number)
part-in-doubt = 结果未知 { $n }
# $n (number)
part-held = 待人工判定 { $n }
meaning-issued = 用户已拿到券
meaning-refused = 平台永久拒绝该用户
meaning-skipped = 目前不需发放
meaning-pending = 待发放，尚未尝试
meaning-deferred = 确定尚未发出，稍后重试
meaning-in-flight = 正在发送，或进程结束时正在发送
meaning-in-doubt = 未收到应答：用户可能已拿到券
meaning-held = 结果码尚未分类
skipped-reasons = { $meaning }：{ $reasons }
coupons-in-all = 张券合计

run = { $state ->
    [halted] 已中止
    [waiting] 等待中
    [paused] 已暂停
    [sending] 正在发放
    [draining] 正在停止
    [planning] 准备中
   *[incomplete] 已停止
}
run-because = { $run }：{ $why }
run-since = 截至 { $at }
run-outdated = 此后账本有变化：下面的数字以当前账本为准。

# What is left.
left = 剩余发放与处理办法
# $n (number)
owed = 待发放 { $n }。
owed-advice = 再次执行同一命令，会从停下的地方继续。
owed-advice-running = 正在执行此任务的进程会继续发放。
# $n (number)
in-flight = 其中发送中 { $n }。
in-flight-advice = 如果没有正在进行的执行，说明进程在这些尝试期间结束：下一次执行会把它们当作结果未知来处理。
# $n (number)
held = 待人工判定 { $n }。
held-advice = 请查明其结果码的含义，写入任务文件的 `codes:`，例如 `29005099: refuse`。下一次执行会据此重新判定。
# $n (number)
in-doubt = 结果未知 { $n }。
in-doubt-advice = 用户可能已拿到券。下一次执行会用同一 ID 重发允许重发的部分；其余的请凭 log_id 向平台确认券是否已发放。
then = 然后执行：
# $shown (number)
# $all (number)
first-of = 以上是 { $all } 次中的前 { $shown } 次。
# $n (number)
more-listed = 其余 { $n } 次
column-state = 状态
column-user = 用户与券
column-attempts = 尝试次数
attempts-label = 尝试次数：
column-last-answer = 最后一次应答
column-next = 后续
since = 自 { $at } 起
coupon-number = 第 { $ordinal } 张

# What happens next to a delivery.
next-classified = 等待对结果码分类
next-ask-platform = 需人工向平台确认
next-ask = 需人工判定：retry.in_doubt 为 ask
next-old = 需人工向平台确认：已超过 retry.resend_within
next-undated = 需人工向平台确认：无法得知已过多久
next-excluded = 需人工判定：该用户已被排除
next-beyond = 需人工判定：已超出 coupons_per_user
next-end = 不再重发：schedule.end 先到
next-in-flight = 下一次执行起结果未知
next-reread = 下一次执行会重新判定其结果码
next-sent = 下一次执行会重发

# Charts.
when-sent = 发放进度
when-simulated = 预计发放进度
how-long = 应答耗时
ended-per-second = 每秒结束的尝试
ended-per-minute = 每分钟结束的尝试
caption-per-second = 每个柱代表 { $span }；最高为每秒 { $most }。
caption-per-minute = 每个柱代表 { $span }；最高为每分钟 { $most }。
key-issued = 已发放
key-refused = 被拒绝
key-other = 其他：降速、未收到应答或待人工判定
span-seconds = { $n } 秒
span-minutes = { $n } 分钟
span-hours = { $n } 小时
span-days = { $n } 天
issued-so-far = 累计已发放
# $issued (number)
# $all (number)
issued-caption = 共 { $all } 张，已发放 { $issued } 张；灰线为总数。
answers-by-time = 应答耗时分布
answers-caption = 每个柱位于两个时间之间。
figure = { $title }。{ $caption }
millions = { $n } M

# Tables.
platform-answered = 平台的应答
column-code = 结果码
column-meaning = 本任务中的分类
column-message = 消息，以及其中一次的 log_id
no-code = 无
other-codes = 其他
more-codes = 其余未列出的结果码
log-id = log_id 是平台对一次请求的标识：向平台反馈问题时请提供它。
latency = { $answers } 次应答的耗时
half-within = 一半不超过
share-within = { $share } 不超过
slowest = 最慢
attempts-per-delivery = 每次发放的尝试次数
six-or-more = 6 次及以上

# The course of the campaign.
how-it-went = 执行情况
first-attempt = 首次尝试
last-attempt = 最后一次尝试
in-between = 历时
runs = 执行次数
attempts = 尝试次数
without-end = 没有结束的尝试
attempts-without-end = { $attempts } 次：进程先结束了
pace = 速率
at-most = 最高 { $rate }
wave = 批次
wave-ended = 占 { $share }，{ $at } 结束
testers = 测试用户
testers-ended = { $at } 结束
platform = 平台
sandbox = 沙箱
ledger = 账本

# A simulation.
hour-by-hour = 每小时情况
column-from = 开始
column-sent = 发出
column-rate = 速率
column-waits = 等待
what-was-simulated = 模拟条件

# Messages of the command.
cannot-draw = 无法绘制报告中的图表
wrote = 已写入 { $file }
