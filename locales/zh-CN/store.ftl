## --store 的数据库

command-init = 在数据库中建表；已有的表保持不变
init-accept = 确认可能是失误的情况：`single_copy` 表示数据库没有备库；`older_ledger` 表示数据库可能丢失了记录；可给出两次
command-check = 检查服务器和表，并显示有哪些工作进程
command-copy = 把发券任务的账本移入或移出数据库
copy-files = 任务文件
copy-to = 账本移到哪里
examples =
    示例：
      runner store init --store env:DATABASE
      runner store copy campaigns/summer.yaml --to database

url-on-command-line = 命令行上的 URL 会让本机所有用户看到密码：请写 env:NAME 或 file:PATH
not-a-reference = 请写 env:NAME 或 file:PATH
unusable-url = 无法使用{ $reference }中的数据库 URL
url-help = 把 postgres://用户:密码@主机/数据库 形式的 URL 存入环境变量，再用 `--store env:NAME`；或设置 RUNNER_STORE
no-url = 没有指定数据库

created = { $place } 中的表已就绪
fit = 数据库 { $place } 可以使用
server = PostgreSQL { $version }
identity = 服务器 { $identity }
# $n (number)
ledgers = { $n } 个账本
# $n (number)
worker = 工作进程 { $host }（{ $pid }），版本 { $version }：{ $n } 个小程序 ID
single-copy = 提交不经任何备库确认：服务器一旦损坏，最近的记录会随之丢失。请设置 synchronous_standby_names
doubted = 一个运行中的工作进程发现缺少记录。在执行 `runner store init --accept older_ledger` 之前，工作进程都不会启动；之前应做什么，见 `runner explain E0332`
no-identity = 服务器不向该用户显示其标识，因此恢复备份或主备切换只能通过运行中的工作进程和本机的见证记录发现。请授予 pg_control_system() 和 pg_walfile_name(pg_lsn) 的执行权限
not-recorded = 尚未记录服务器标识：请执行 `runner store init`
other-server = 服务器之前是 { $recorded }：发生过主备切换，或恢复了备份。在运行中的工作进程确认没有丢失，或执行 `runner store init --accept older_ledger` 之前，工作进程都不会启动；之前应做什么，见 `runner explain E0332`

moved = 已移动 { $campaign }：{ $deliveries } 次发放的 { $batches } 批记录现在位于 { $to }
original-in-files = 原账本保留在 { $path }，任何命令都不再使用它
original-in-database = 原账本留在数据库中，任何命令都不再使用它
