fault-shares = 各种故障的比例合计为 { $percent }%，超过了全部请求
cannot-listen = 无法监听 127.0.0.1:{ $port }
cannot-listen-for-signals = 无法监听信号
cannot-print-address = 无法把地址写入 stdout
give-less = 各种故障合计最多为 100%
name-another-port = 请指定其他端口；`--port 0` 会自动选择空闲端口
listening = 正在监听 { $url }
what-next =
    用它演练任务，请在另一个终端运行：
      runner apply FILE --sandbox={ $url }
    在 { $url }/ 可查看收到的请求；按 ^C 结束
# $requests (number)
# $within_second (number)
summary-requests = 共 { $requests } 个请求，任意一秒内最多 { $within_second } 个
# $users (number)
# $with_coupon (number)
# $coupons (number)
summary-coupons = 向 { $users } 个用户中的 { $with_coupon } 个发放了 { $coupons } 张券
# $twice (number)
# $replayed (number)
summary-repeats = 重放成功应答 { $replayed } 次，{ $twice } 个 ID 被发放两次
summary-code = 结果码 { $code } { $message }
summary-fault = 故障 { $fault }
write-time = 请写时长，例如 40ms、5s 或 2h
shortest-first = 较短的时长写在前面，例如 40ms..100ms
write-share = 请写 0% 到 100% 之间的比例，例如 2% 或 0.02
write-word = 请写以下之一：{ $words }
write-repeat-activity = 请写 `replay` 或 `duplicate`
write-repeat = 请写 replay、duplicate 或 ignore
