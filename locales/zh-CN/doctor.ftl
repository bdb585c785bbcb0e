subject = { $subject ->
     [file] 任务文件
     [secrets] 凭据
     [state] 状态目录
     [file_system] 文件系统
     [disk] 可用空间
     [open_files] 打开文件数
     [database] 数据库
     [tables] 数据表
     [standby] 备库
     [rights] 权限
     [round_trip] 往返时间
     [database_clock] 数据库时钟
     [audience] 人群
     [exclude] 排除名单
     [proxy] 代理
     [dns] 域名 (DNS)
     [tls] 连接
     [token] 访问令牌
    *[clock] 时钟
    }
verdict = { $verdict ->
     [ok] 正常
     [warn] 警告
    *[fail] 失败
    }
help = 处理办法：{ $help }
with-cause = { $finding }：{ $cause }
cannot-read = 无法读取 { $path }：{ $why }
# $seconds (number)
disk-silent = { $path }：磁盘在 { $seconds } 秒内没有响应
disk-silent-help = 请检查磁盘：它可能过载、出现故障，或者其后的服务器无法访问

file-pushed = { $name } 在数据库中，从 { $host } 推送
file-good = { $path } 可以读取，且只有其所有者可以写入
file-writable = 其他用户可以写入 { $path }（权限为 { $mode }），因此可以改变发送的内容
file-writable-help = `chmod go-w { $path }`
no-secrets-needed = 演练不需要凭据
secrets-good = 任务文件引用的凭据都可以读取
secret-readable = 其他用户可以读取 { $path }，其中有凭据
secret-readable-help = `chmod 600 { $path }`
state-good = { $path } 属于当前用户
state-new = { $path } 尚不存在，第一次执行时会创建
state-read-only = 当前用户不能写入 { $path }
state-help = 请给当前用户授予该处的权限，或用 --state-dir 指定别的目录
file-system-good = { $path } 不在网络文件系统上
file-system-help = 请用 --state-dir 指定本地磁盘上的目录
free = { $path } 处有 { $free } 可用
free-help = 请在该处腾出空间，或用 --state-dir 指定另一块磁盘上的目录
files-unlimited = 本进程可打开的文件数没有上限
# $most (number)
files-good = 本进程最多可打开 { $most } 个文件
# $most (number)
# $needed (number)
files-few = 本进程最多可打开 { $most } 个文件，而平台应答缓慢时，一次执行最多要打开 { $needed } 个
files-help = 请提高上限，例如 `ulimit -n { $needed }`

database-good = 已通过 TLS 连接到 { $place }，其证书有效；PostgreSQL { $version }，可以写入
database-local = 已连接到本机上的 { $place }，没有使用 TLS；PostgreSQL { $version }，可以写入
database-open = 已连接到 { $place }，没有使用 TLS：密码和所有 open_id 在途中都可能被读取；PostgreSQL { $version }，可以写入
database-open-help = 在 URL 中写 `sslmode=verify-full`；如果本机不信任其证书机构，再写 `sslrootcert`
tables-good = 数据表已就绪，所在的服务器没有变化
tables-other = 可能缺少记录：数据库所在的服务器与之前不同，或者有工作进程知道其中缺少的记录
tables-no-identity = 数据表已就绪；服务器不向该用户显示其标识，因此较难发现恢复的备份
tables-no-identity-help = 请给该用户授予 pg_control_system() 和 pg_walfile_name(pg_lsn) 的执行权限
standby-good = 备库已连接，每次提交都等待它确认
standby-not-shown = 有备库已连接；该用户无权查看每次提交是否等待它
standby-missing = synchronous_standby_names 指定了备库，但都没有连接：每次提交都在等待，因此无法发送
standby-missing-help = 请启动备库，并查看其日志
standby-accepted = 没有备库，且已接受：服务器一旦损坏，最近的记录会随之丢失
standby-help = 请在 synchronous_standby_names 中写上跟随的备库
standby-none = 没有备库：服务器一旦损坏，最近的记录会随之丢失
rights-good = 该用户具有工作进程所需的全部权限
rights-lacking = 该用户缺少 { $rights }
rights-help = 请以表的所有者身份，把这些权限授予 URL 中的用户
round-trip-good = { $ms } 毫秒
round-trip-long = { $ms } 毫秒，而每个写入批都要等待它
round-trip-help = 请让工作进程靠近数据库运行
database-clock-good = 与本机的时钟一致
# $seconds (number)
database-clock-ahead = 比本机的时钟快 { $seconds } 秒，因此不同机器的时间无法比较
# $seconds (number)
database-clock-behind = 比本机的时钟慢 { $seconds } 秒，因此不同机器的时间无法比较
database-clock-help = 请校准两边的时钟，例如 `timedatectl set-ntp true`。由哪个工作进程发送与时钟无关

piped = 未检查：数据来自管道，只能读取一次
rows-good = 前 { $rows } 行可以读取
# $rows (number)
# $unusable (number)
rows-unusable = 前 { $rows } 行中有 { $unusable } 行是无效行
rows-unusable-help = `runner plan` 会读取所有行，并指出哪些是无效行
rows-none = 其中没有任何行
rows-none-help = 请检查数据源；如果有意留空，请在 `audience` 下写 `allow_empty: true`
# $seconds (number)
rows-slow = 在 { $seconds } 秒内没有读到任何行
rows-slow-help = 请检查服务器或磁盘是否响应，以及查询需要多长时间

proxy-none = 没有代理，请求直接发往平台
proxy-used = 请求经由 { $proxy }
proxy-help = 请写成 http://HOST:PORT 或 http://USER:PASSWORD@HOST:PORT，或取消该变量
authorities-help = 请检查本机信任的证书，以及环境变量 SSL_CERT_FILE
no-name = { $host } 是地址，不需要解析域名
name-known = { $host } 的地址是 { $addresses }
name-unknown = 无法解析 { $host }：{ $why }
# $seconds (number)
name-slow = 无法解析 { $host }：在 { $seconds } 秒内没有应答
name-help = 请检查本机的网络和域名服务器，以及任务文件中的地址
proxy-name-help = 请检查指定代理的环境变量（例如 HTTPS_PROXY），以及本机的网络和域名服务器
tls-good = 已通过 TLS 连接到 { $url }，其证书有效
connection-good = 已连接到 { $url }
no-connection = 无法连接到 { $url }：{ $why }
# $seconds (number)
connection-slow = 无法连接到 { $url }：在 { $seconds } 秒内没有建立连接
no-connection-help = 请检查网络、防火墙、代理，以及任务文件中的地址
no-tunnel-help = 请检查本机能否访问 { $proxy }，以及代理是否允许本机连接平台；代理及其用户名和密码由 HTTPS_PROXY 指定，例外的主机由 NO_PROXY 指定
# $minutes (number)
token-good = 平台签发了访问令牌，有效期 { $minutes } 分钟
token-given = 未检查：令牌由其他程序提供，只有发送时才知道平台是否接受
token-unchecked = 未检查，因为无法读取凭据
token-refused = 平台不签发访问令牌：{ $why }
token-refused-help = 请检查任务文件中的 `credentials`，以及平台控制台上的应用
# $seconds (number)
token-slow = 平台在 { $seconds } 秒内没有应答
token-later-help = 请一分钟后重试；如果仍然失败，请联系平台支持
token-unstable = 稳定令牌的接口不适用于该应用：{ $why }
token-unstable-help = 执行时会改用 client_token，而它的每个新令牌会在 5 分钟内使该应用其他系统的令牌失效；请用 `access_token` 让它们共用一个令牌
clock-good = 与平台的时钟一致
# $seconds (number)
clock-ahead = 比平台的时钟快 { $seconds } 秒
# $seconds (number)
clock-behind = 比平台的时钟慢 { $seconds } 秒
clock-help = 请校准本机的日期和时间，例如 `timedatectl set-ntp true`；也可能是代理改写了应答
clock-unchecked = 未检查：平台的应答中没有时间

# $warnings (number)
# $failures (number)
# $all (number)
summary-failed = { $all } 项检查中有 { $failures } 项失败，{ $warnings } 项有警告。没有发送任何内容
# $warnings (number)
summary-warned = 没有失败的检查，{ $warnings } 项有警告。没有发送任何内容
summary-good = 所有检查都正常。没有发送任何内容
