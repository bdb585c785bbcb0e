nobody = { $path } 上没有进程在监听
io = 无法与 { $path } 上正在执行该任务的进程通信
unclear = 无法理解 { $path } 上的应答：{ $why }
newer = 无法理解 { $path } 上正在执行该任务的进程：{ $why }
busy = 正在执行该任务的进程正忙：{ $message }
refused = 正在执行该任务的进程拒绝了请求：{ $message }
# $seconds (number)
no-answer = 在 { $seconds } 秒内没有应答
cut-short = 什么也没有收到，或不足一行
garbage = 它不是 runner 的消息：{ $why }
newer-version = 它使用协议版本 { $found }，本程序最高只支持版本 { $known }
something-else = 它的应答与请求不符
# $n (number)
readers = 另有 { $n } 个命令正在读取其账本
frozen = 服务已冻结全部发送，恢复命令无效：冻结到何时见服务的页面
run-ended = 执行在受理请求之前已结束
fewer-batches = 账本有 { $durable } 个写入批，而请求的是 { $asked } 个
not-understood = 无法理解请求：{ $why }
