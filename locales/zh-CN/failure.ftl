label-error = 错误
label-caused-by = 原因
label-help = 处理办法

name-ending = 任务文件的扩展名为 .yaml 或 .yml
begin-ledger-or-sandbox = 执行 `{ $command }` 会创建账本；如果要看演练，请加 --sandbox
begin-ledger-or-campaign = 执行 `{ $command }` 会创建账本；如果要看任务本身，请去掉 --sandbox
witness-saw = { $written } 的见证记录在 { $directory } 中见到过写入批 { $sequence }
clock-times = 账本中最新的时间是 { $newest }，而本机时钟为 { $wall }，早了 { $earlier }
clock-why = 要么某次执行时时钟有误，要么现在的时钟有误
use-program-of-owner = 请使用正在执行该任务的那个版本的程序，或等它结束
wait-for-owner = 等待该进程结束，或在它的终端按 ^C 停止；状态不会丢失
run-again = 请再次执行同一命令
apply-excluded-first = 请先执行 { $file }，或把它从 `audience.exclude` 中去掉：没有它的账本，就无法知道哪些用户已有它的券
plan-shows = `{ $command }` 可查看现在的发放计划
expected-plan = 期望的指纹是 { $reviewed }，现在是 { $now }
export-names-all = `{ $command }` 会列出曾经进入人群的所有用户
did-you-mean = 是否想输入 { $name }？
status-file = 请使用正在执行该任务的那个版本的程序；该文件也可以删除，不影响任务
report-defect-of-run = 请报告此问题。发送中的请求按结果未知处理；请再次执行同一命令
please-report = 请报告此问题
miscounted = 账本中每条记录都正确，合计却不对：这是程序缺陷
# { $kept } and { $counted } are lists of counts.
counted-again = 累计得到 { $kept }，重新统计得到 { $counted }
more-like-these = 另有 { $n } 条类似情况
restore-unchanged = 未作任何改动。请从备份恢复账本的整个目录
remove-shortcut = 账本记录完好。请删除账本目录中的 `shortcut` 文件：它只是为了加快读取，会自动重新生成
write-proxy = 请写成 http://HOST:PORT 或 http://USER:PASSWORD@HOST:PORT，或取消设置
name-authorities = 请指定一个当前用户可读的 PEM 格式证书文件，或取消设置
wait-or-stop = 等它结束，或用 `runner stop` 停止；状态不会丢失
restore-or-move = 未发放任何券。请从同一份备份恢复整个目录；如果没有备份，请把它移走，下次执行会在遇到第一张已发过的券时停止
use-local-disk = 请用 --state-dir 指定本地磁盘上的目录
be-that-user = 没有读写该目录。请以该用户身份运行命令，或用 --state-dir 指定你自己的目录
only-your-user-writes = 没有读写该目录。如果确认没有别人写过，请取消其他用户的写权限：对它执行 `chmod -R go-w`；否则请用 --state-dir 指定其他目录
another-name-or-directory = 任务的小程序和平台不能更改；请给新任务另取名称，或用 --state-dir 指定其他目录
put-ledger-back = 未发放任何券。如果改动过 `ledger.json`，请改回原样；如果目录被复制或改名，请移回原位；如果任务文件有改动，请改回
write-value-again = 未发放任何券。请把该值重新写入 `ledger.json`，然后再次执行同一命令即可继续
use-newer-program = 请使用写入它的较新版本的程序
directory-gone-before = 未发放任何券。目录已被删除、改名或卸载：请放回原处，或改用存在的目录；然后再次执行同一命令即可继续
make-room-or-name = 请腾出空间或授予权限，或用 --state-dir 指定其他目录
file-in-place = 应为目录的位置上有一个文件：请移走它，或用 --state-dir 指定其他目录
nothing-changed = 未作任何改动
restore-ledger = 未发放任何券。请从备份恢复账本的整个目录
report-nothing-more-sent = 请报告此问题；之后没有再发放
nothing-more-sent-again = 之后没有再发放；请再次执行同一命令
slow-disk = 之后没有再发放。请检查磁盘：可能负载过高或发生故障。恢复响应后，再次执行同一命令即可继续
other-cause = 之后没有再发放。排除原因后，再次执行同一命令即可继续
disk-full = 之后没有再发放。请腾出磁盘空间，然后再次执行同一命令即可继续
file-limit = 之后没有再发放。文件大小受到限制：请提高上限，例如 `ulimit -f unlimited`，然后再次执行同一命令即可继续
no-permission = 之后没有再发放。请授予当前用户权限，然后再次执行同一命令即可继续
read-only-disk = 之后没有再发放。磁盘为只读：请以可写方式挂载，然后再次执行同一命令即可继续
failing-disk = 之后没有再发放。磁盘发生故障：请检查，恢复后再次执行同一命令即可继续
directory-gone = 之后没有再发放。目录已被删除、改名或卸载：请放回原处，然后再次执行同一命令即可继续
ended-run-waits = 未发放任何券。之前的执行仍在等待磁盘；它退出后，再次执行同一命令即可继续
restore-together = 未发放任何券。请从同一份备份恢复账本的整个目录，存储与账本末端须一起恢复
rebuild-store = 未发放任何券，也没有丢失写入批。请在存储旁腾出足够复制一份的空间，然后再次执行同一命令即可重建存储
ledger-gone = 之后没有再发放。再次执行任务之前，请把账本目录放回原处，或从备份恢复：否则已有券的用户会再次收到券
owner-ended = 它可能刚刚结束：请再次执行同一命令
temporary-disk = 之后没有再发放。请腾出磁盘空间，或把 TMPDIR 指向有空间的磁盘上的目录，然后再次执行同一命令即可继续
planned-fault = 这是测试中安排的故障

## 多机共用的数据库

database-again = 等数据库恢复应答后，再次运行同一条命令：没有丢失任何内容，发送中的发放为结果未知，会自动处理
database-url = 把 URL 写成 postgres://用户:密码@主机:5432/数据库；密码中的 % @ / 等字符要用百分号编码
database-authorities = 如果服务器的证书机构是自建的，在 URL 中用 sslrootcert=FILE 指定它的证书
create-tables = 对该数据库运行一次 `runner store init`
same-version = 所有机器都使用创建这些表的那个程序版本
synchronous-commit = 对该数据库和用户设置 synchronous_commit = on：尚未落盘的券在崩溃之后可能会被再发一次
name-primary = 在 URL 中写主库；可以列出多台主机，程序使用其中可写入的那台
another-worker = 可能已由另一个工作进程接管：再次运行同一条命令，它会分到自己的那份小程序 ID
forgotten-facts = 在有人检查之前不要再发券：有些券已经发出，而数据库不知道。处理办法见 `runner explain E0328`
single-copy = 配置一个同步备库，或用一次 `runner store init --accept single_copy` 接受这个风险
other-server = 请先查明是否发出过数据库不知道的券，方法见 `runner explain E0332`；之后用 `runner store init --accept older_ledger` 按现状接受该数据库，所有机器只需一次
