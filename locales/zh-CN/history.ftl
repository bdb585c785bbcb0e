command = 显示谁在何时执行、批准、暂停、恢复、停止了任务，或者作出了判定
examples =
    示例：
      runner history campaigns/summer.yaml
          谁在何时、从哪里对任务做了什么
      runner history campaigns/summer.yaml --output json | jq 'select(.act == "approved")'
          供程序读取的批准记录

    内容来自账本，其他进程正在执行任务时也能读取。旧版本没有记录操作人的执行，不显示操作人。由信号引起的停止，显示收到信号的进程的登录名；第二次信号会立即结束进程，此时停止可能来不及记录。
unknown = 未知
named-author = { $name }（{ $from }）
applied = 执行了任务
accepted = 确认了变化：{ $words }
approved = 批准了 { $share } 的批次之后的发放
approved-testers = 批准了测试用户之后的发放
owner-changed = 成为小程序 ID 的持有者：任期 { $term }，工作进程 { $worker }
paused = 暂停了执行
resumed = 恢复了执行
stopped = 停止了执行
# $users (number)
erased = 清除了 { $users } 个用户的 open_id
reconciled = 将账本与平台的记录对账
stopped-by-signal = 用信号停止了执行（{ $signal }）
# $deliveries (number)
resolved = 对 { $deliveries } 个{ $from }的发放作出判定，结果为{ $to ->
        [issued] 已发放
        [refused] 被拒绝
       *[owed] 待发放
    }：{ $note }
# $record (number)
run-approved = 按服务日志第 { $record } 条批准执行：{ $envelope }
