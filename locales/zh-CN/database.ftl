postgresql = PostgreSQL 数据库
mysql = MySQL 数据库
sqlite = SQLite 数据库 { $path }
this-query = 查询结果

## What failed

secret = 无法连接人群的 { $server } 服务器
secret-help = 请把它设置为服务器的 URL，例如 scheme://user:password@host/database
url = 无法连接人群的 { $server } 服务器：{ $reference } 中没有可用的 URL：{ $why }
url-help = { $server } 的 URL 形如 { $example }
no-query = 无法用查询读取人群：{ $why ->
    [several] 查询不止一条语句
    [parameters] 查询带有参数，而没有可以代入的值
   *[no-rows] 查询不返回任何行
}
no-query-help = 请写一条返回 open_id 的 `select`
cannot-connect = 无法连接人群的 { $database }
cannot-begin = 无法开始读取人群：{ $database }
cannot-ask = 无法查询人群的 { $database }
cannot-read = 无法读取人群：{ $database }
cannot-read-after-row = 无法读取人群第 { $row } 行之后的内容：{ $database }
no-answer = { $seconds } s 内没有应答
not-done = 查询没有在 { $seconds } s 内完成
closed = 服务器关闭了连接
bad-value = URL 中有无法理解的值
wrong-role = 服务器是{ $found ->
    [standby] 备库
    [primary] 主库
    [read-only] 只读的
   *[writable] 可写的
}，而 URL 要求 target_session_attrs={ $wanted }

## What to do

help-too-slow = 请优化查询，或者把结果导出为文件
help-host = 请检查 URL 中的主机和端口，以及从这里能否连接到服务器
help-parameters = 请检查 URL 中的参数
help-again = 请在服务器恢复应答之后再次运行同一命令
help-reach = 请检查服务器是否在运行，以及从这里能否连接到它
help-read-only = 查询只能读取：什么都没有改变
help-user = 请检查 URL 中的用户名和密码；% @ / 等字符在其中要做百分号编码
help-database = 请检查 URL 中的数据库名称
help-query = 请改正任务文件中的查询
help-locked = 其他程序锁定了数据库：请再次运行同一命令
help-memory = 它需要超过 64 MiB 的内存：请只查询 open_id 和时间；其中某个值可能过长
help-disk = 磁盘出错：请检查磁盘，然后再次运行同一命令
help-damaged = 数据库已损坏：请恢复它
help-postgres-tls = 请检查 URL 中的 TLS 设置；如果服务器使用自有的证书机构，请用 sslrootcert=FILE 或环境变量 SSL_CERT_FILE 指定它的证书
help-mysql-tls = 请检查 URL 中的 TLS 设置；如果服务器使用自有的证书机构，请用 ssl-ca=FILE 或环境变量 SSL_CERT_FILE 指定它的证书
help-binding = `channel_binding=require` 要求 TLS 的证书通过验证：请用 sslrootcert 指定证书机构的证书，或者写 channel_binding=prefer
help-pooler = 连接池给每条语句换一个连接，而查询需要一个不能写入的连接：请为这个数据库设置 pool_mode = transaction 或 session，或者直接连接服务器
help-startup = 请从 URL 以及环境变量 PGOPTIONS 和 PGAPPNAME 中去掉这个参数，或者把它加入 PgBouncer 的 ignore_startup_parameters
help-role = 请在 URL 中写这种服务器的主机，或者去掉 target_session_attrs

## The URL

begins-with = 它不是以 `{ $scheme }://` 开头
several-hosts = 它有多个主机
several-hosts-help = 请只写其中一个：有完整人群的服务器或副本
not-port = 参数 `{ $name }` 的值不是端口号
not-address = 参数 `{ $name }` 的值不是 IP 地址
not-one-of = 参数 `{ $name }` 的值不是 { $values } 之一
not-seconds = 参数 `{ $name }` 的值不是秒数
unsupported-value = 参数 `{ $name }` 不支持这个值
unsupported = 不支持参数 `{ $name }`
foreign-parameter = 它有参数 `{ $name }`，而 { $server } 没有这个参数
hidden-parameter = 第 { $number } 个参数未知，这里不显示
hidden-parameter-help = 请去掉它；如果它是密码的一部分，请对它前面的 `&` 做百分号编码
near-parameter = 它有未知的参数 `{ $name }`；你要写的是 `{ $near }` 吗？
near-hidden-parameter = 它有未知的参数；你要写的是 `{ $near }` 吗？
parameter-help = `{ $name }`：{ $help }
help-remove = 请去掉它
help-use-tls = 请用 TLS，写 sslmode=verify-full
help-use-verify-full = 请改用 sslmode=verify-full
help-write-host = 请在 URL 中写主机、用户和数据库
help-write-password = 请把密码写在 URL 或 ~/.pgpass 中
help-write-sslmode = 请写 sslmode=require
help-plain-key = 请使用没有加密的私钥
number-sign = 它有 `#`，在网页地址中表示结尾，在这里没有意义
number-sign-help = 在用户名或密码中，请把 # 写成 %23
unencoded = 用户名或密码没有做百分号编码：其中有 { $characters }
unencoded-help = 请对用户名和密码做百分号编码：{ $codes }
write-as = { $character } 写成 { $code }
unreadable-file = 无法读取 `{ $name }` 的文件：{ $error }
unreadable-authorities = 无法读取 SSL_CERT_FILE 的文件 { $path }：{ $error }
unreadable-file-help = 请指定当前用户有权读取的 PEM 格式证书文件
short-password = 密码少于 { $least } 个字符
separator = 、
both = { $first }；{ $second }
