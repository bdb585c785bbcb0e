# A user's trace.
headline = { $user }，任务 { $campaign }
headline-away = { $user }，任务 { $campaign }，{ $away ->
    [gone] 已不在人群中
    [excluded] 已被排除
    [control_group] 属于对照组
    [lapsed] 已失活
   *[limit] 超出 audience.limit
}
coupon = 第 { $ordinal } 张：{ $state }，merchant_coupon_id { $id }
next = 后续：
came = 列入第 { $generation } 个人群版本（共 { $users } 个用户）
returned = 重新列入第 { $generation } 个人群版本（共 { $users } 个用户）
left = 第 { $generation } 个人群版本（共 { $users } 个用户）{ $how ->
    [gone] 不再包含该用户
    [excluded] 排除了该用户
    [control_group] 把该用户划入对照组
    [lapsed] 判定该用户已失活
   *[limit] 因上限未包含该用户
}
lapsed-at-turn = 轮到时，该用户已失活
code-reread = 按任务文件重新判定了结果码：{ $result }
attempt = 第 { $number } 次尝试：{ $result }
under-way = 发送中
withdrawn = 发出之前已撤回
interrupted = 结果未知：进程在尝试期间结束
found-by = 由 { $at } 的执行发现
activity-and-time = 活动 { $activity }，耗时 { $took }
activity = 活动 { $activity }
milliseconds = { $ms } 毫秒
proof = { $proof ->
    [unknown] 无法得知是否已发放
    [replay] 已发放（在此次尝试之前）
    [issued] 已发放
    [duplicate] 重复
    [refused] 被拒绝
    [held] 待人工判定
    [throttled] 降速，未发放
    [token] 访问令牌无效，未发放
    [not_sent] 未发出
    [wait] 需等待，未发放
   *[halt] 中止，未发放
}
answered = { $proof }（结果码 { $code }）
answered-message = { $proof }（结果码 { $code }）：{ $message }
classified = { $proof }（结果码 { $code }，{ $class }）
classified-message = { $proof }（结果码 { $code }，{ $class }）：{ $message }
log-id = log_id { $log-id }
coupon-id = 券 { $id }
coupon-named = 券 { $id }，{ $name }
amount-off = 优惠 { $amount }
amount-from = 满 { $amount }可用
valid-until = 有效期至 { $until }
found-in-coupons = 已发放：平台记录中，用户的券里有这张券
found-in-bill = 已发放：平台 { $day } 的账单中有这张券
resolved = 由 { $by } 判定为 { $to }，此前为{ $from }
resolved-may-double = 由 { $by } 判定为 { $to }（--may-double），此前为{ $from }
chosen-by = 选择方式：{ $selection }
note = 备注：{ $note }

# What happens next.
next-issued = 无：已发放
next-refused = 无：被拒绝；可用 `runner resolve … --as owed` 恢复
next-skipped = 无：{ $why }
next-skipped-held = 无：{ $why }；此前为待人工判定，情况变化后恢复为待人工判定
next-skipped-gone = 无：{ $why }；重新列入后恢复待发放
next-skipped-lapsed = 无：{ $why }；情况变化后恢复待发放
skipped-gone = 人群中已没有该用户
skipped-coupons-per-user = 超出 coupons_per_user
skipped-earlier-refused = 该用户之前的券被拒绝
skipped-excluded = 排除名单中有该用户
skipped-control-group = 该用户属于对照组，不会发放
skipped-lapsed = 该用户上次活跃的时间早于 audience.active_within 的要求
skipped-limit = 受 audience.limit 限制，该用户没有名额
next-in-flight = 等待此次尝试结束；如果没有正在进行的执行，下一次执行会把它当作结果未知，并用同一 ID 重发
next-sent = 下一次执行会发放
next-sent-from = { $at } 起的执行会发放
next-resent = 执行时会用同一 ID 重发，截至 { $until }
next-resent-from = { $at } 起的执行会用同一 ID 重发，截至 { $until }
next-reread = 下一次执行会按任务文件重新判定其结果码：{ $result }
next-doubted = 下一次执行会按任务文件重新判定其结果码：结果未知，然后用同一 ID 重发，截至 { $until }
next-doubted-waits = 下一次执行会按任务文件重新判定其结果码：结果未知，然后等待人工处理：{ $why }
next-wave = 属于批次 { $wave }，之前的批次结束后发放
next-last-wave = 所有批次结束后发放
next-waits-for-coupon = 等待第 { $ordinal } 张券，它目前{ $state }
next-person = 等待人工处理：{ $why }
waits-held = 请在任务文件的 `codes:` 中写明 { $code } 的含义，或用 `runner resolve` 判定
waits-answered = 券可能已发放，但之后被拒绝或待人工判定：请向平台确认，再用 `runner resolve` 判定
waits-answered-code = 券可能已发放，但之后因 { $code } 被拒绝或待人工判定：请向平台确认，再用 `runner resolve` 判定
waits-old = 自 { $since } 起结果未知，已超过 retry.resend_within：请向平台确认，再用 `runner resolve` 判定
waits-undated = 结果未知，且无法得知已过多久，因为曾在错误的系统时间下执行（E0716）：请向平台确认，再用 `runner resolve` 判定
waits-ask = `retry.in_doubt` 为 `ask`：请向平台确认，再用 `runner resolve` 判定
waits-excluded = 结果未知，且该用户已被排除：请用 `runner resolve` 判定
waits-beyond = 结果未知，且已超出 coupons_per_user：请用 `runner resolve` 判定
waits-end = schedule.end 是 { $end }，早于可以发放的时间：请推迟它，或不再发放
waits-end-past = schedule.end 是 { $end }，已过，来不及发放：请推迟它，或不再发放
reread = { $step ->
    [owed] 恢复待发放
    [new_activity] 在新活动下恢复待发放
    [refused] 被拒绝
    [issued] 已发放
    [in_doubt] 结果未知
   *[resend] 重发
}
