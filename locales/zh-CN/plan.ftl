# The head of a plan.
headline = { $campaign }：{ $to-send }
nothing-to-send = 没有待发放的券
coupons-to-send = 待发放 { $coupons } 张券
resends = 重发 { $coupons } 张结果未知的券
# $again (number)
coupons-and-resends = 待发放 { $coupons } 张券，另有 { $again } 张结果未知的券将重发

# The table of counts.
count-to-send = 待发放
count-waiting = 等待
count-expiring = 将失活
count-issued = 已发放
count-all = { $deliveries ->
   *[other] 次发放
}
# $deferred (number)
note-deferred = 其中 { $deferred } 次此前尝试过，确定未发出
note-waiting = 同一用户之前的券待人工判定或结果未知
note-expiring = 轮到时，用户上次活跃已过去太久
# $again (number)
note-resent = { $again } 次将用同一 ID 重发
note-doubts-wait = { $waiting } 次等待人工处理
# $again (number)
note-resent-and-wait = { $again } 次将用同一 ID 重发；{ $waiting } 次等待人工处理
note-held = { $held ->
   *[other] 等待人工处理，或在任务文件的 `codes` 中写明其结果码
}
# $n (number)
skipped-for = { $reason } { $n }

# Names of values.
label-audience = 人群
label-app = 小程序
label-platform = 平台
label-stock = 库存
stock-both = { $first }；{ $then }
stock-new = 将创建第 { $number } 个活动，共 { $stock } 张券
stock-of = { $stock } 张券还剩 { $left } 张
stock-left = 如果每次发放都用掉一张，还剩 { $n } 张
stock-used-up = 如果每次发放都用掉一张，约在 { $at } 用完，还缺 { $n } 张
stock-released = 如果每次发放都用掉一张，还剩 { $n } 张，全部判定后释放
stock-short = 如果每次发放都用掉一张，还缺 { $n } 张
label-ledger = 账本
label-witness = 见证记录
label-pace = 速率
label-zone = 时区
label-schedule = 起止时间
label-hours = 发送时段
label-closed = 停发日
label-window = 当前时段
label-sending = 发放时间
label-waves = 批次
label-expiry = 失活
label-money = 金额

# Values.
audience = { $users } 个用户，没有人属于对照组
# $control (number)
audience-with-control-group = { $users } 个用户，其中 { $control } 人属于对照组
# $n (number)
excluded = 排除 { $n } 人
app = { $app }，活动 { $activity }
built-in-sandbox = 执行进程内置的沙箱
ledger-new = 新建，位于 { $dir }
ledger-since = 建于 { $since }，尚未执行过
ledger-applied = 建于 { $since }，上次执行 { $applied }
ledger-in = 位于 { $dir }
# $batch (number)
ledger-earlier = 此任务曾有另一个账本：{ $at } 最后出现，写入批 { $batch }，位于 { $dir }
no-witness = 无：XDG_STATE_HOME 和 HOME 都没有指向可写的目录
pace = { $rate }，最多 { $in-flight } 个请求同时发送中
pace-per-day = 每天最多 { $attempts } 次尝试
# $today (number)
pace-per-day-begun = 每天最多 { $attempts } 次尝试（今天已有 { $today } 次）
pace-of-run = 本次执行最多 { $deliveries } 次发放
schedule-start = { $start } 之前不发放
schedule-end = { $end } 起不再发放
schedule = { $start } 之前不发放，{ $end } 起不再发放
closed-more = { $days }，另有 { $more } 天
window-opens = { $at } 开始，{ $in }
window-opens-and-closes = { $at } 开始，{ $in }；{ $until } 结束
window-open = 开放中
window-open-until = 开放中；{ $until } 结束
sending = { $from }（{ $in }）开始，约 { $until } 结束（{ $long }）
sending-without-end = { $from }（{ $in }）开始；遥遥无期，无法结束
sending-until-end = 只能发放到 schedule.end（{ $end }）：{ $all } 张券中约 { $coupons } 张
not-sending = 在 schedule.end（{ $end }）之前无法发放
wave = 批次 { $wave }：{ $coupons } 张券
wave-from = 批次 { $wave }：{ $coupons } 张券，{ $at } 开始
last-wave = 其余用户：{ $coupons } 张券
last-wave-from = 其余用户：{ $coupons } 张券，{ $at } 开始
money-given = 已发放 { $coupons } 张券，共 { $amount }
# $unknown (number)
money-given-in-part = 已发放 { $coupons } 张券，共 { $amount }；另有 { $unknown } 张的金额未知
money-to-come = 还将发放最多 { $amount }，每张 { $each }
money-to-come-by-file = 还将发放最多 { $amount }，每张 { $each }（按任务文件）
money-at-most-of = 总共最多 { $amount }；max_worth 为 { $max }
money-limit = max_worth 为 { $max }
money-unknown = 此活动的券金额尚不清楚

# Users whose activity expires.
expiry-nobody = 没有用户会在轮到之前失活
expiry-users = { $users } 个用户会在轮到之前失活
expiry-users-coupons = { $users } 个用户会在轮到之前失活，涉及 { $coupons } 张券
# $n (number)
expiry-as-listed = { $expiry }；若按数据源顺序，会少发 { $n } 张
# $n (number)
expiry-order = { $expiry }；若用 `order: expiring_first`，可多发 { $n } 张
# $n (number)
expiry-until = { $at } 之前 { $n } 人
# $n (number)
expiry-more-until = 到 { $at } 再增 { $n } 人

# What changed since the last apply.
unchanged = 自上次执行（{ $since }）以来没有变化
changed = 自上次执行（{ $since }）以来的变化
change-accepted = 已确认
change-needs = 需要 --accept { $word }
change-value = { $from } → { $to }
setting-none = （未设置）
nothing-is-taken-back = 已发放的不会收回
# $held (number)
held-owed-again = { $held } 次待人工判定的发放恢复待发放，按已发放计入 max_coupons
file-means-something-else = 任务文件的设置含义有变化
read-again = { $deliveries } 次发放将重新判定
# $n (number)
moved = { $how ->
    [new] 新增
    [gone] 离开
    [excluded] 排除
    [control_group] 对照组
    [lapsed] 失活
    [limit] 超出上限
   *[back] 回归
} { $n }
moved-name = { $how ->
    [new] 新增
    [gone] 离开
    [excluded] 排除
    [control_group] 对照组
    [lapsed] 失活
    [limit] 超出上限
   *[back] 回归
}
# $more (number)
users-and-more = { $users }，另有 { $more } 人

labelled = { $name }：{ $value }
comma = { $parts }，{ $part }

# The verdict.
feasible = 可行
not-feasible = 不可行
fingerprint = 指纹 { $fingerprint }
to-apply = 只执行这份发放计划：

# Dry runs and messages.
request-only = 唯一的请求（将这样发出）
# $all (number)
request-first = { $all } 个请求中的第一个（将这样发出）
# $all (number)
requests-all = 全部 { $all } 个请求（将这样发出）
# $all (number)
# $shown (number)
requests-first = { $all } 个请求中的前 { $shown } 个（将这样发出）
dry-run = 预演：没有发放，也没有改动任何数据
interrupted = 已中断：没有发放，也没有改动任何数据
would-leave = 使用 --no-wait 时，现在执行会立即退出：{ $why }
leave-start = 未到 schedule.start
leave-hours = 当前不在 schedule.hours 内
leave-day = 今天的 pace.per_day 已用完
leave-wave = 下一批次需要等待
leave-approval = 下一批次需要批准

# The total of several plans.
total = { $campaigns } 个任务：{ $to-send }
total-name = 任务
total-until = 结束
total-verdict = 结论
total-not-planned = 错误

# Why the time does not suffice.
end-past = 已过 schedule.end：它是 { $end }，即 { $ago }前，还有 { $coupons } 张券未发放
end-past-help = 推迟 schedule.end，或不再发放其余的券
no-window = 在 schedule.end（{ $end }）之前，schedule.hours 没有任何发送时段
no-window-help = 推迟 schedule.end，或放宽 schedule.hours
# $have (number)
too-few-days = pace.per_day 太低：有 { $coupons } 张券待发放，而每天 { $per-day } 次尝试，到 schedule.end（{ $end }）之前只有 { $have } 次
raise-per-day = 调高 pace.per_day
# $in-time (number)
too-short = 按此速率时间不够：以 { $rate } 发放 { $coupons } 张券需要 { $takes }，而到 schedule.end（{ $end }）之前{ $windows ->
    [windows] 发送时段共
   *[all] 只有
} { $has }；大约只能发放 { $in-time } 张
# $in-time (number)
too-short-with-waves = 按此速率并加上 schedule.waves 的等待，时间不够：以 { $rate } 发放 { $coupons } 张券共需要 { $takes }，而到 schedule.end（{ $end }）之前{ $windows ->
    [windows] 发送时段共
   *[all] 只有
} { $has }；大约只能发放 { $in-time } 张
too-long = 无法估计的长时间
end-later = 把 schedule.end 推迟到 { $end } 或更晚
raise-pace = 把 pace.per_second 调高到 { $pace }
widen-hours = 放宽 schedule.hours
shorten-waits = 缩短 schedule.waves 的等待
or = { $first }，或{ $second }
differs-in-file = 任务文件的含义已经改变
differs-in-audience = 人群已经不同
differs-after-apply = 之后执行过另一个发放计划，所以这个计划现在会带来不同的变化
differs-without-ledger = 原有的账本已不存在，或者是空的
