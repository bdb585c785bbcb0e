# How the campaign would end.
headline = { $campaign }：模拟结果
complete = 将于{ $when } 全部完成，历时 { $took }。
nothing-left = 任务已完成：没有待发放的券。
halted = 将于{ $when }，在 { $attempts } 次尝试之后{ $by ->
    [rule] 被中止规则
   *[answer] 被
}中止：{ $why }。
halted-owed = 将于{ $when }，在 { $attempts } 次尝试之后{ $by ->
    [rule] 被中止规则
   *[answer] 被
}中止，还有 { $owed } 张券待发放：{ $why }。
not-in-time = 无法按时完成：{ $when } { $why }，还有 { $owed } 张券待发放。
needs-person = { $when } 起，剩余的发放都需要人工处理：{ $why }。
goes-on = 到{ $when } 仍在继续；模拟到此为止。
incomplete = 将于{ $when } 结束，但未完成：{ $why }。再次执行同一命令即可继续。
refused = 执行会在发放之前停止。
coded = { $problem }，{ $why }
explain = 详见 `runner explain { $problem }`
nothing-sent = 以上为模拟：没有发放，也没有改动任何数据

# The conditions.
label-from = 开始
label-sending = 发放
label-sandbox = 沙箱
label-ledger = 账本
from = { $from }，按 { $zone } 的时间
zone-of-campaign = 任务时区
# $most (number)
sending = { $attempts } 次尝试，每秒最多 { $most } 次
# $most (number)
sending-reached = { $attempts } 次尝试，平均 { $rate }，每秒最多 { $most } 次
ledger-continued = 从 { $dir } 继续，原账本没有改动
ledger-new = 新建

# The sandbox.
quota = 每秒最多 { $requests } 个请求，应答耗时 { $latency }，随机种子 { $seed }
# $foreign (number)
quota-shared = 每秒最多 { $requests } 个请求，其中 { $foreign } 个属于其他发送方，应答耗时 { $latency }，随机种子 { $seed }
latency-between = { $shortest }到 { $longest }
milliseconds = { $ms } 毫秒
users-refused = { $share } 的用户被拒绝
users-inactive = { $share } 的用户不活跃
# $coupons (number)
stock = 库存 { $coupons } 张券
repeat-duplicate = 重复的 ID 按重复应答
repeat-ignored = 重复的 ID 会再发一张券
streamer-plan-for = 前 { $long }有达人计划
streamer-plan-always = 一直有达人计划
faults = 所有请求中：{ $faults }
fault = { $share } { $fault }
out-of-reach = 从{ $from } 起无法访问，持续 { $long }

# Hour by hour.
weekday = { $day ->
    [mon] 周一
    [tue] 周二
    [wed] 周三
    [thu] 周四
    [fri] 周五
    [sat] 周六
   *[sun] 周日
}
column-sent = 发出
column-rate = 速率
quiet = 直到 { $until } 没有发放，共 { $long }
quiet-for = 直到 { $until } 没有发放，共 { $long }：{ $why }
waited = 等待：{ $waits }
wait = { $why }（{ $long }）

# Messages of the command.
reading-audience = 正在读取人群
# $attempts (number)
simulating = 正在模拟：{ $at }，{ $attempts } 次尝试
interrupted = 已中断：没有发放，也没有改动任何数据
from-beyond = --from 超出了日历范围
cannot-draw = 无法绘制页面中的图表
wrote = 已写入 { $file }
local-time = 请写任务时区的本地时间，例如 2026-06-01T10:00
outage-time = 请写开始时间和持续时长，例如 14:00+2h 或 2026-06-02T14:00+2h
