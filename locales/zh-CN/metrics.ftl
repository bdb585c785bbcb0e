cannot-serve = 无法在 { $address } 上提供指标
cannot-serve-help = 请用 --metrics 指定另一个端口；`ss -ltnp` 会显示端口被哪个进程占用。没有发送任何内容
served-at = 指标地址：{ $url }
served-to-all = 指标地址：{ $url }；能访问该地址的人都可以读到任务的各项计数
served-after-end = 指标在 { $url } 上再保留 { $time }，以便抓取到结束时的状态；按 ^C 立即结束
# $seconds (number)
disk-does-not-answer = 磁盘在 { $seconds } 秒内没有响应
file-is-old = 警告：{ $path } 没有反映本次执行的结束状态：{ $why }
not-prom = { $path } 不以 .prom 结尾，而 node_exporter 的 textfile 采集器只读取这样的文件
