none-chosen = { $campaign } 会重复举行，但没有指明是哪一期
not-recurring = { $campaign } 不重复举行：它的文件中没有 `repeat`
leave-occurrence-out = 请去掉 --occurrence
no-occurrence = { $campaign } 在 { $date } 没有期次
nearest-two = 最接近的是 { $before } 和 { $after }；`runner plan` 会列出更多
nearest-one = 最接近的是 { $date }
which-occurrence = { $campaign } 有 { $n } 期都有账本：请指明是哪一期
name-occurrence = 例如 --occurrence { $date }
not-due = { $campaign } 现在没有到期的期次；没有发送任何券
missed = { $date } 这一期已错过：没有在 { $at } 之后一小时内开始
next-begins = { $date } 这一期于 { $at } 开始
wait-for-next =
    到时再运行同一条命令，或者现在就等待它：
    { $wait }
send-late-or-wait =
    补发错过的这一期：
    { $late }
    或者等待下一期：
    { $wait }
send-late =
    补发错过的这一期：
    { $command }
none-left = 没有剩下的期次
none-left-help = 要继续举行，请推迟 `repeat.until` 或 `schedule.end`

write-date = 请写日期，例如 `2026-06-01`

## The occurrences of a campaign

head = { $campaign } 会重复举行，按 { $zone } 的时间：
state-missed = 已错过
state-due = 到期
state-coming = 未到
has-ledger = 有账本
is-planned = 这里的发放计划
separator = {"，"}
older = 更早的 { $n } 期没有列出
shown-of-several = 这是 { $date } 这一期。另有 { $n } 期也有账本：{ $others }。用 --occurrence 指定其中一期。
