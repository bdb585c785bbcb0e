token-refused = 平台不签发访问令牌：{ $why }
no-token = 没有访问令牌：{ $why }
token-expired = 访问令牌已过期：{ $why }
token-refused-at-once = 平台刚签发的令牌在第一次使用时就被拒绝：{ $why }
token-refused-lately = 令牌被拒绝（{ $why }）；新令牌最多每分钟请求一次
token-ended = 令牌已到期，而上一次请求令牌就在刚才
token-of-source-refused = 平台拒绝了{ $from } 中的令牌（{ $why }）
cannot-read-token = 无法读取{ $from }：{ $why }
# $seconds (number)
cannot-read-token-in-time = 在 { $seconds } 秒内无法读取{ $from }
code = 结果码 { $code }
code-with-message = 结果码 { $code }，{ $message }
fall-back = { $why }：改由 { $path } 获取令牌，而每个新令牌会在 5 分钟内使该应用其他系统的令牌失效；请让它们共用一个令牌，写 `access_token: { "{" }file: …{ "}" }`
clock-behind = 按平台应答的 Date 标头，平台的时钟比本机慢 { $difference }：请检查本机的日期和时间，以及会改写应答的代理
clock-ahead = 按平台应答的 Date 标头，平台的时钟比本机快 { $difference }：请检查本机的日期和时间，以及会改写应答的代理

call-failed = POST { $path }：{ $why }
call-answered = POST { $path } 应答的结果码是 { $code }
call-answered-with = POST { $path } 应答的结果码是 { $code }（{ $message }）
call-without-token = POST { $path } 应答 HTTP { $status }，其中没有令牌
wrong-parameter = { $answer }；有一个参数不对
wrong-key = { $answer }；client_key 不对
wrong-secret = { $answer }；client_secret 不对

too-large = HTTP { $status }，正文超过 1 MiB
no-room = HTTP { $status }，正文超过 { $usual } 字节，而当时正在读取的同类应答太多
cut = 在读完应答之前连接就断开了：{ $why }
timed-out = 在 { $within } 内没有应答
not-sent = 未发送：{ $why }

base-url = 无法向 { $base_url } 发送
proxy = 无法使用环境变量 { $variable } 中的代理：{ $why ->
     [space] 其中有空格
     [socks] 不支持 SOCKS，请指定 HTTP 代理
     [scheme] 它的协议既不是 http 也不是 https
     [not-encoded] 用户名或密码没有做百分号编码：请把 / 写成 %2F，? 写成 %3F，# 写成 %23
     [no-port] 它没有端口
    *[not-a-url] 它不是代理的 URL
    }
authorities = 无法读取环境变量 SSL_CERT_FILE 所指的证书文件 { $file }
no-certificate = 其中没有 PEM 格式的证书
setup = 无法建立 TLS 和 HTTP

cannot-write-log = 无法把请求日志写入 { $path }
server-ended = 服务器已结束
