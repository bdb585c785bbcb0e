subject-campaign-file = 任务文件
subject-command-line = 命令行及其引用的文件
subject-ledger = 账本
subject-audience = 人群
subject-platform = 平台与沙箱
subject-run = 执行过程
subject-stopped = 执行停止、需要人工处理的原因
subject-other = 其他
more-of-one = 用 `runner explain CODE` 查看某个问题的说明
ends-with = 进程退出码为 { $exit }。

known-code = 这是平台的结果码，来源：{ $source }。内置表中的分类是 `{ $class }`：{ $class ->
     [issued] 用户已经拿到券
     [retry] 平台没有说明券是否已发出，因此这次发放结果未知，会用同一个 ID 重发
     [throttle] 没有发券；降低速率后重发
     [token] 没有发券；重新获取访问令牌后重发
     [refuse] 该用户被永久拒绝
     [hold] 这次发放转为待人工判定，直到有人确认该结果码的含义
     [wait] 没有发券；整个任务进入等待，并定期重试
    *[halt] 在人工处理之前不再发放
    }。
own-class = 可以在任务文件的 `codes:` 中改用其他分类，例如 `codes: { "{" }{ $code }: { $class }{ "}" }`。

unknown-code = 没有名为 `{ $code }` 的问题代码或已知的平台结果码
did-you-mean = 你要找的是 { $codes } 吗？
not-in-table = 内置的平台结果码表中没有它，遇到这样的应答会转为待人工判定。请向平台确认其含义并写入任务文件，例如 `codes: { "{" }{ $code }: refuse{ "}" }`
list-all = 直接运行 `runner explain` 可列出所有问题
