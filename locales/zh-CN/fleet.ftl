## 多机共用的数据库

cannot-do = { $action ->
     [connect] 无法连接数据库 { $place }
     [create-tables] 无法在数据库 { $place } 中创建表
     [create-ledger] 无法在数据库 { $place } 中创建账本
     [find-ledgers] 无法在数据库 { $place } 中查找账本
     [send-command] 无法通过数据库 { $place } 发送指令
     [read-commands] 无法在数据库 { $place } 中查看指令
     [publish-status] 无法在数据库 { $place } 中更新状态
     [read-files] 无法读取数据库 { $place } 中的任务文件
     [write-file] 无法改动数据库 { $place } 中的任务文件
     [erase-open-ids] 无法在数据库 { $place } 中替换带有 open_id 的写入批
     [keep-messages] 无法在数据库 { $place } 中保存消息
     [record-identity] 无法在数据库 { $place } 中记录服务器标识
    *[read-workers] 无法从数据库 { $place } 读取工作进程
    }
cannot-use = 无法使用数据库 { $place }
single-copy = 数据库 { $place } 只有一份数据：提交不经任何备库确认，服务器一旦损坏，已记录的发放可能随之丢失
server-identity = { $system }，时间线 { $timeline }
other-server = 数据库 { $place } 所在的服务器与之前不同（发生过主备切换，或恢复了备份）：之前是 { $recorded }，现在是 { $found }
forgetful = 数据库 { $place } 丢失了它确认过的内容
evidence-worker = 一个一直在运行的工作进程发现缺少记录
evidence-missing = 缺少 { $campaign }（{ $app }）的写入批 { $sequence }，而它曾于 { $written } 落盘
evidence-there = 本机已知的写入批都在；{ $written } 之后的记录可能已丢失
evidence-nothing = 本机没有其中任何账本的见证记录，也没有运行中的工作进程证明没有丢失
illegible = 无法读取数据库 { $place } 中账本 { $ledger } 的账本清单：{ $why }
has-ledger = 数据库 { $place } 中已有发券任务 { $campaign } 的另一个账本
not-owner = 本工作进程不持有数据库 { $place } 中的小程序 ID { $app }

no-tables = 其中没有本程序的表
without-notices = 其中的表由更早的版本创建，没有存放待发消息的表
without-files = 其中的表由更早的版本创建，没有存放任务文件的表
other-format = 其中的表是格式 { $found }，而本程序只支持格式 { $known }
not-synchronous = 它会确认尚未落盘的数据：synchronous_commit 为 { $found }
standby = 它是备库，不接受写入

url = 数据库的 URL 不是 PostgreSQL 的 URL：{ $why }
url-scheme = 它不以 postgres:// 开头
url-tls = sslmode 为 { $found }；请写 disable 或 verify-full
authorities = 无法读取 { $path } 中的证书机构
tls = 无法设置 TLS
no-answer = { $seconds } 秒内没有应答
not-replicated = 服务器已不再等待备库，备库上可能没有这些数据
