# 发到群聊和 webhook 的消息。

## Lines of a message

rehearsal = { $name }（演练）
title-halted = { $name }：已中止
title-complete = { $name }：已完成
title-incomplete = { $name }：已结束，未完成
title-needs-person = { $name }：已结束，需要人工处理
title-failed = { $name }：执行失败
title-wave = { $name }：第 { $wave } 批次已结束
title-last-wave = { $name }：其余用户已发放
title-approval = { $name }：需要批准
title-waits = { $name }：等待中
title-outage = { $name }：平台异常
title-outage-over = { $name }：平台已恢复
title-stalled = { $name }：没有进展
title-missed = { $name }：已错过
title-budget = { $name }：预算
title-differs = { $name }：平台的记录与账本不一致
title-test = { $name }：测试消息
app-and-time = 小程序 { $app-id }，{ $time }
counts = { $counts }
because = 原因：{ $why }
with-code = { $why }（{ $code }）
lasts = { $why }，已持续 { $took }
next-wave = 下一批次最早 { $at } 开始
testers-done = 测试用户已发放；执行在等待 `runner approve`
wave-done = 第 { $wave } 批次已结束；执行在等待 `runner approve`
took = 持续了 { $took }
nothing-settled = 允许发送，但 { $took }内没有任何发放完结
missed-line = 应于 { $at } 开始，一小时内没有人批准；没有发送任何券
budget-line = 预算 { $max } 中已花费、结果未知和已预留共 { $used }
plan-waits = 有一份发放计划等待批准，共 { $to-send } 张券
plan-waits-with-changes = 有一份发放计划等待批准，共 { $to-send } 张券，其中有 { $changes } 项变更需要确认
title-read-only = 服务：日志无法写入
read-only-line = 服务重新启动之前只能暂停、停止和冻结：{ $why }
title-service-test = 服务：测试消息
service-time = { $time }
test-line = runner 可以向这里发送消息
code-line = 结果码 { $code }，{ $n } 次：{ $message }{ $has-log-id ->
    [yes] （log_id { $log-id }）
   *[no] {""}
}
exit = 退出码 { $exit }
look = 下一步：{ $commands }
separator = ；

## Reasons

slow = 平台要求降速到 { $rate }
another-process = 另一个进程正在为这个小程序 ID 发送
paused = 执行已暂停
stopped = 有人停止了执行
another-ledger = 另一个账本发放过这个任务的券
mixed-answers = 一个应答属于另一次发放

## What is wrong with a channel

unusable-hook = { $from } 中不是可以接收消息的 URL：{ $why ->
    [scheme] 必须以 https 开头；本机地址可以用 http
   *[not-url] 它不是 URL
}
set-variable = 请设置 { $name }，或引用其他环境变量或文件
unusable-hook-help = 请复制机器人的完整 URL，包括其中的 key
not-sent = 发给 { $channel } 的消息没有送达：{ $why }
fault = { $fault ->
    [signature] 签名不正确
    [keyword] 消息中没有机器人要求的关键词
    [address] 机器人不接受本机的地址
    [gone] 机器人不存在或已停用
    [form] 机器人拒绝消息的格式
    [status] 服务器拒绝了消息
    [code] 机器人返回了未知的结果码
    [unreadable] 应答不是机器人的应答
    [not-connected] 无法连接服务器
    [certificate] 服务器的证书不可信
    [timed-out] 没有及时收到应答
   *[cut] 应答不完整
}
fault-status = 服务器返回 HTTP { $status }
fault-with-status = { $what }（HTTP { $status }）
fault-with-code = { $what }（{ $code }）
fault-with-message = { $what }（{ $code }：{ $message }）
remedy = { $fault ->
    [signature] 请核对密钥与机器人设置中的是否一致，并检查本机时间：误差不能超过一小时
    [keyword] 请把机器人的关键词写在渠道的 `keyword` 中
    [address] 请把本机的地址加入机器人的 IP 地址段
    [gone] 请从机器人的设置中重新复制 URL
    [form] 请报告这个应答：程序发送的格式应当能被机器人接受
    [status] 请查看服务器的日志
    [code] 请在机器人的文档中查找这个结果码，然后重试
    [unreadable] 请检查 URL 是否是机器人的，以及是否有代理代替它应答
    [not-connected] 请检查网络、服务器名称和 HTTPS_PROXY
    [certificate] 请检查本机时间；如果有代理解开连接，请检查 SSL_CERT_FILE
    [timed-out] 请重试；消息可能已经送达
   *[cut] 请重试；网络可能不稳定，消息可能已经送达
}
throttled = 机器人要求放慢
throttled-help = 请过几分钟再试：机器人每分钟大约接收 20 条消息
