# 发往服务的命令。

command = 显示谁对服务做了什么
audit-text = 只显示含有这段文字的记录
audit-file = 只显示关于这个文件的任务的记录
audit-last = 显示最后多少条记录
audit-examples =
    示例：
      export RUNNER_SERVER=https://coupons.example.com RUNNER_TOKEN=runner_...
      runner audit
          服务日志的最后 20 条记录
      runner audit --file summer.yaml --last 100 --output json
          同上，只关于一个任务，供程序使用

    退出码：0；无法访问服务时为 3，服务拒绝令牌时为 4
unusable-server = RUNNER_SERVER 中的服务地址无法使用
unusable-url = RUNNER_SERVER 中的服务地址无法使用{ $why ->
    [clear] ，令牌会以明文发送：{ $url }
    [path] ，主机后面还有内容：{ $url }
    [user] ，其中有用户名或密码
   *[not-url] ：{ $url }
}
server-url-help = 写协议、主机，也可以带端口，例如 https://coupons.example.com；http 只能用于本机
no-server = 没有指定服务
no-server-help = 把 RUNNER_SERVER 设为服务的地址，把 RUNNER_TOKEN 设为令牌；`runner verify DIR` 检查本机服务的日志
no-token = 没有访问服务的令牌
no-token-help = 把 RUNNER_TOKEN 设为服务配置文件中列出的令牌；`runner serve --new-token` 生成令牌
unreachable = 无法访问 { $url } 上的服务
unreachable-help = 检查那里的 `runner serve` 是否在运行、RUNNER_SERVER 中的地址以及网络
no-connection = 无法建立连接
not-trusted = 它的证书不可信
timed-out = 没有及时应答；要求的操作可能已经执行
cut-off = 应答不完整
unavailable = { $url } 上的服务现在不负责任务，没有执行任何操作
unavailable-help = 请过几秒再试；另一个服务接管大约需要 12 秒
not-a-service = { $url } 上应答的不是这个版本的服务（HTTP { $status }）
not-a-service-help = 检查 RUNNER_SERVER 中的地址，以及是否有代理代替服务应答
token-refused = { $url } 上的服务不认识这个令牌
token-refused-help = 检查 RUNNER_TOKEN，以及服务配置文件的 `tokens` 下是否有这个令牌的哈希值
no-message = 服务没有说明原因
unknown-user-help = 请检查 open_id 以及任务是否正确：服务的“用户查询”页面会查找一个应用的所有任务
no-such-campaign = { $url } 上的服务没有任务 { $file }
no-such-campaign-help = 按服务目录中的文件名书写；`runner status` 不带文件时列出全部任务
not-for-server = `runner { $command }` 在本机执行，而 RUNNER_SERVER 指定了一个服务
not-for-server-help = 要在本机执行，请取消设置 RUNNER_SERVER；或者使用服务的网页
only-stop-all = 服务只能逐个暂停和恢复任务
only-stop-all-help = 请写明文件；只有 `runner stop --all` 针对所有任务
stops-all = { $url } 上的所有任务在进行中的请求结束后停止
refused-help = `runner audit` 显示拒绝了什么以及原因；服务的网页显示现在可以做什么
