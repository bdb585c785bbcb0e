## --store 的数据库

command-init = 在数据库中建表；已有的表保持不变
init-accept = 确认可能是失误的情况：`single_copy` 表示数据库没有备库
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
# $n (number)
ledgers = { $n } 个账本
# $n (number)
worker = 工作进程 { $host }（{ $pid }），版本 { $version }：{ $n } 个小程序 ID
single-copy = 提交不经任何备库确认：服务器一旦损坏，最近的记录会随之丢失。请设置 synchronous_standby_names

moved = 已移动 { $campaign }：{ $deliveries } 次发放的 { $batches } 批记录现在位于 { $to }
original-in-files = 原账本保留在 { $path }，任何命令都不再使用它
original-in-database = 原账本留在数据库中，任何命令都不再使用它
