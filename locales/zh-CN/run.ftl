# 执行正在做什么，以及为何不发送或发送较慢。
queued = 正在排队等待读取人群
asking = 正在终端上询问是否继续
reading = 正在读取人群
reading-no-row = 正在读取人群：{ $took }后仍没有数据行
reading-rows = 正在读取人群：{ $rows } 行，{ $rate } 行/秒
reading-rows-left = 正在读取人群：{ $rows } 行，{ $rate } 行/秒，还需 { $left }
# $of (number)
admitting = 正在把用户写入账本：{ $users } / { $of }
# $of (number)
admitting-left = 正在把用户写入账本：{ $users } / { $of }，还需 { $left }
paused = 已被{ $by }暂停{ $in-flight ->
        [0] {""}
       *[other] ；正在等待 { $in-flight } 次发送中的尝试
    }
paused-while-reading = 已被{ $by }暂停；{ $meanwhile }
stopping = 正在停止：{ $why }{ $in-flight ->
        [0] {""}
       *[other] ；正在等待 { $in-flight } 次发送中的尝试
    }
slowed-down = 平台要求降速：{ $per-second }，{ $until } 恢复到 { $back-to }
wait-start = { $known ->
        [yes] { $at } 开始，{ $next }
       *[no] 正在等待开始时间
    }
wait-window = { $known ->
        [yes] 发送时段 { $at } 开始，{ $next }
       *[no] 之后不再有发送时段
    }
wait-day = 今天的 { $most } 次尝试（pace.per_day）已用完{ $known ->
        [yes] ，{ $next }继续
       *[no] {""}
    }
wait-wave = 批次 { $done } 已完成，{ $left }后开始批次 { $next }
wait-wave-over = 批次 { $done } 已完成，现在开始批次 { $next }
wait-last-wave = 批次 { $done } 已完成，{ $left }后开始其余用户
wait-last-wave-over = 批次 { $done } 已完成，现在开始其余用户
wait-previous-owner = 等待小程序 ID 的上一个持有者{ $known ->
        [yes] ，{ $next }继续
       *[no] {""}
    }
wait-lists = 等待 { $host } 列入人群：本机没有 { $path }
wait-source = 无法读取用户名单{ $known ->
        [yes] ，下次尝试：{ $next }
       *[no] {""}
    }：{ $why }
wait-lease = 等待数据库续期本工作进程的租约
wait-due = 目前没有到期的发放{ $known ->
        [yes] ，下次尝试：{ $next }
       *[no] {""}
    }
wait-user = 同一小程序的其他活动正在向剩下的用户发放，等待其结束
wait-outage = 自 { $since } 起平台无法访问{ $known ->
        [yes] ，下次探测：{ $next }
       *[no] {""}
    }
wait-outage-cause = 自 { $since } 起平台无法访问{ $known ->
        [yes] ，下次探测：{ $next }
       *[no] {""}
    }：{ $cause }
wait-platform = 平台要求等待（{ $code }）{ $known ->
        [yes] ，下次尝试：{ $next }
       *[no] {""}
    }
wait-platform-message = 平台要求等待（{ $code }：{ $message }）{ $known ->
        [yes] ，下次尝试：{ $next }
       *[no] {""}
    }
wait-token = 自 { $since } 起没有访问令牌{ $known ->
        [yes] ，下次尝试：{ $next }
       *[no] {""}
    }：{ $cause }

# 进度条与进度行。
progress = { $done } / { $all }（{ $percent }%）
list-comma = 、
comma = ，
progress-counts = { $progress }：{ $counts }
progress-counts-why = { $progress }：{ $counts }；{ $why }
progress-of-several = { $campaigns }：{ $states }；{ $progress }：{ $counts }
share = { $all } 的 { $percent }%
ends = 预计 { $at } 结束，{ $next }
ends-at = 预计 { $at } 结束
zone = 时间均为 { $zone }
state = { $state ->
        [planning] 准备中
        [waiting] 等待中
        [sending] 发送中
        [paused] 已暂停
        [draining] 停止中
        [halted] 已中止
        [ended] 已到期
        [complete] 已完成
        [incomplete] 未完成
        [idle] 未执行
        [failed] 失败
        [not_begun] 未开始
        [unusable] 无法使用
        [taken] 被占用
       *[other] { $state }
    }

# 多个任务的表格。
column-campaign = 任务
column-state = 状态
column-done = 进度
column-coupons = 券
column-issued = 已发放
column-refused = 被拒绝
column-doubt = 结果未知
column-in-doubt = 结果未知
column-held = 待判定
column-owed = 待发放
column-spent = 已发金额
column-at-most = 最高金额
column-rate = 速率
column-exit = 退出码
campaigns = { $n } 个任务
count-in-state = { $n } 个{ $state }
and-more = 另有 { $n } 个：{ $states }

# 事件行。
label-warning = 警告：
label-unrecorded = 未记录：
label-halted = 已中止：
label-help = 处理办法：
slower = 平台要求降速：从现在起 { $rate }
pace-again = 速率恢复为 { $rate }
skipped-window = 演练不等待：实际执行时，下一发送时段在 { $wait }后的 { $at }（{ $zone }）开始
skipped-day = 一天的 { $most } 次尝试（pace.per_day）已用完；演练不等待：实际执行时，在 { $wait }后的 { $at }（{ $zone }）继续
skipped-wave = 批次 { $wave } 已完成；演练不等待：实际执行时，下一批次在 { $wait }后开始
events-missing = stdout 或 --events 跟不上，缺少 { $n } 个事件；计数和账本是完整的
ended = { $campaign }：{ $state }：{ $counts }
ended-why = { $campaign }：{ $state }：{ $counts }；{ $why }
unrecorded-attempt = { $open-id } 的第 { $attempt } 次尝试，{ $coupon }：{ $outcome }
with-log-id = { $text }，log_id { $log-id }
with-message = { $text }（{ $message }）
question-left-out = 等待回答期间省略了 { $n } 行

# 执行结束时的汇总。
end-complete = 已完成
end-empty = 已完成，人群为空
end-incomplete = 未完成；用同一条命令继续
end-needs-person = 已停止，需要人工处理
code = 结果码
class = 分类
answers = 应答数
message = 消息
log-id = log_id
message-and-log-id = 消息 / log_id
no-code = 无
other-codes = 其他
more-codes = 结果码过多，未全部列出
miscounted = 已报告的事件加起来是另一组计数（{ $counted }）；以上面账本的计数为准
detail-stopped = 停止原因
detail-took = 用时
detail-attempts = 尝试
detail-worth = 金额
detail-audience = 人群
detail-exclude = 排除名单
detail-repeated = 重复行
detail-unusable = 无效行
detail-undated = 无活跃时间
detail-ledger = 账本
took-reached = { $took }，达到 { $rate }
# $attempts (number)
# $most (number)
attempts = { $attempts } 次，任一秒内最多 { $most } 次
users = { $n } 个用户
users-excluded = { $n } 个在排除名单中
users-control-group = { $n } 个属于对照组，不会发放
users-lapsed = { $n } 个已失活
users-cut = { $n } 个超出 audience.limit
excluded-by = { $list }：{ $people } 人，其中 { $excluded } 人在人群中
rows = { $n } 行
rows-of-file = { $file } { $rows } 行
rows-of-files = { $files } 个文件：{ $list }
rows-of-more-files = 另外 { $files } 个文件共 { $rows } 行
rows-at = { $rows }（{ $places }{ $more ->
        [yes] 等
       *[no] {""}
    }）
row-at = 第 { $places } 行
rows-at-numbers = 第 { $places } 行
line-at = 第 { $places } 行
lines-at = 第 { $places } 行
row-because = { $rows }：{ $why }
unreadable-last-active = last_active 不是{ $times }
undated-rows = { $rows }：忽略 last_active，因为它不是{ $times }
readable-times = 2016 年至明天之间的时间，例如 2026-06-01、2026/6/1 9:05、2026年6月1日、2026-06-01 09:05:00、2026-06-01T09:05:00+08:00，或以秒、毫秒计的 Unix 时间
nothing-left = 没有剩余工作：所有发放均已完结
nothing-left-of-all = 没有剩余工作：所有任务的所有发放均已完结
continue = 继续这次执行：
then-continue = 处理后，用以下命令继续：
continue-all = 继续所有未完成的任务：
explain-more = 详见 `runner explain { $problem }`
detail-of = { $name }：{ $why }

# apply 的消息。
rehearsal-skips = 演练不等待；实际执行时，任务的发送时间：{ $times }
stopped-waiting = { $by }，当时正在重新等待小程序 ID；此前发送的请求已记入账本，或结果未知
stopped-early = { $by }，尚未发送任何请求；待发放的内容没有变化
error-of = error[{ $code }]：{ $message }
waits-for-reader = 正在等待读取账本的进程 { $pid }：{ $command }
waits-for-stopped-reader = 正在等待读取账本的进程 { $pid }，它已被停住（用 `kill -CONT { $pid }` 让它继续）：{ $command }
waits-for-owner = 正在排队等待：{ $why }
stopping-on-signal = 收到 { $signal }，正在停止：不再开始新的尝试，发送中的尝试最多等待 { $timeout }（retry.timeout）。再收到一次信号会立即结束，同样安全
ended-at-once = 再次收到 { $signal }：已立即结束。没有丢失任何记录，用同一条命令继续
nobody-asked = 此任务一直在等待另一个工作进程，因此没有询问；用 `--yes` 可以事先同意
summary-headline = { $campaign }：{ $headline }
