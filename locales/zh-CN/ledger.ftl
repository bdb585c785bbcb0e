cannot-do = { $action ->
     [append-to] 无法追加写入 { $path }
     [copy] 无法复制 { $path } 以便检查副本
     [create] 无法创建 { $path }
     [exchange] 无法把 { $path } 换成它的新版本
     [flush] 无法刷写 { $path }
     [lock] 无法锁定 { $path }
     [look-at] 无法查看 { $path }
     [look-at-file-system] 无法查看 { $path } 所在的文件系统
     [look-for] 无法查找 { $path }
     [open] 无法打开 { $path }
     [read] 无法读取 { $path }
     [remove] 无法删除 { $path }
     [rename-into-place] 无法把 { $path } 改为最终名称
     [sync] 无法把 { $path } 同步到磁盘
     [write] 无法写入 { $path }
    *[use] 无法使用 { $path }
    }
cannot-do-to-store = { $action ->
     [append-to] 无法追加写入账本存储 { $path }：{ $why }
     [flush] 无法刷写账本存储 { $path }：{ $why }
     [keep-snapshot] 无法在账本存储 { $path } 旁写入 `shortcut` 文件：{ $why }
     [open] 无法打开账本存储 { $path }：{ $why }
     [read] 无法读取账本存储 { $path }：{ $why }
    *[use] 无法使用账本存储 { $path }：{ $why }
    }
stalled = { $action ->
     [append-to] 无法追加写入账本存储 { $path }：磁盘已 { $seconds } 秒没有响应
     [flush] 无法刷写账本存储 { $path }：磁盘已 { $seconds } 秒没有响应
     [keep-snapshot] 无法在账本存储 { $path } 旁写入 `shortcut` 文件：磁盘已 { $seconds } 秒没有响应
     [open] 无法打开账本存储 { $path }：磁盘已 { $seconds } 秒没有响应
     [read] 无法读取账本存储 { $path }：磁盘已 { $seconds } 秒没有响应
    *[use] 无法使用账本存储 { $path }：磁盘已 { $seconds } 秒没有响应
    }
spill = { $action ->
     [create] 无法在 { $path } 中创建临时文件，而数据在内存中放不下
     [read] 无法读取 { $path } 中的临时文件，而数据在内存中放不下
    *[write] 无法写入 { $path } 中的临时文件，而数据在内存中放不下
    }
cannot-do-it = { $action ->
     [create] 无法创建它
     [look-at] 无法查看它
    *[open] 无法打开它
    }

gone = 账本已不在原处：{ $path } { $how ->
     [replaced] 已被替换
    *[removed] 已被删除或改名
    }
closed = 无法打开账本存储 { $path }，其中写入批 { $durable } 曾经落盘：{ $why }
in-use = 无法打开账本存储 { $path }：另一个进程正在使用它
lost = 账本存储 { $path } 在写入批 { $last } 之后就结束了，而写入批 { $durable } 曾经落盘：它的末尾已丢失或损坏
parted = 账本存储 { $path } 与账本末端在写入批 { $sequence } 处不一致：其中一个被改动过，或是从备份放回的
headless = 账本末端 { $path } 已损坏，无法判断旁边的存储是否完整
damaged = 账本存储 { $path } 的文件 `{ $file }` 在关闭之后被改动或损坏
damaged-from = 账本存储 { $path } 的文件 `{ $file }` 在关闭之后被改动或损坏，位置在从第 { $at } 字节起的 1 MiB 之内
summary = 账本存储 { $path } 的每个写入批都完好，但打开它所需的附属文件已损坏：{ $files }
list-or = { $first } 或 { $second }
cannot-do-to-database = { $action ->
     [append-to] 无法追加写入数据库 { $place } 中的账本
     [keep-snapshot] 无法为数据库 { $place } 中的账本写入快照
    *[read] 无法读取数据库 { $place } 中的账本
    }
fenced = 数据库 { $place } 不再接受本工作进程的写入：它沉默过久而被隔离，或者已移交该小程序 ID
overtaken = 数据库 { $place } 中账本的写入批 { $sequence } 与本工作进程所知的不是同一个
forgotten = 数据库 { $place } 中的账本在写入批 { $last } 处结束，而写入批 { $durable } 曾经落盘：数据库丢失了它确认过的内容
owner = 正在执行该任务的进程不再提供它的账本（{ $path }）
planned = 存储按测试的安排失败
store-closed = 它已关闭
store-released = 它已释放
reader-stopped = 它的读取线程已停止
thread-panicked = 它的线程异常退出
process-ending = 进程正在结束
store-damaged = 它已损坏（{ $why }）
no-room-for-copy = 需要在以下任一目录中有 { $needed } MiB 空间：{ $places }；可用 TMPDIR 指定别的目录
link = 它是符号链接，而账本的文件从不通过链接打开
no-file = 它不是普通文件

unfinished = 无法把账本读到末尾；{ $last }
record = 无法读取账本的写入批 { $sequence }；{ $last }
illegal-fact = 账本的写入批 { $sequence } 与之前的记录矛盾；{ $last }
given-up = 执行在磁盘没有响应时被停止：最后一个写入批是否已在账本中，无法得知
failed = 账本此前已经出错，不再接受本进程的写入
nothing-good = 它之前没有完好的写入批
last-good = 最后一个完好的是写入批 { $sequence }，时间到 { $newest }
older = 账本在写入批 { $last } 处结束，而它的写入批 { $known } 曾经落盘
other-batch = 账本的写入批 { $known } 与之前落盘的不是同一个

newer-record = 它的格式是 { $found }，本程序最高只支持格式 { $known }
altered-record = 它与写入时不同：校验和不符
senseless-record = 它无法解读为账本记录
no-such-transition = 发放 { $recipient }/{ $ordinal } 不能接受这条记录
unknown-delivery = 它提到用户 { $recipient } 的第 { $ordinal } 张券，而账本从未收录
admitted-twice = 它重复收录同一个用户
wrong-activity = 它所属的活动从未出现过，或不是当前活动
out-of-turn = 用户 { $recipient } 的前一张券还没有发放，它就尝试第 { $ordinal } 张
wrong-term = 它在任期 { $before } 的持有者之后指明了任期 { $term } 的持有者
not-moved = 它说用户 { $recipient } 离开或返回了人群，但并没有
wrong-coupons = 它给每个用户 { $coupons } 张券
not-reread = 它重新判读一次发放，却带有另一类变更
not-there = 它判定用户 { $recipient } 的第 { $ordinal } 张券，而该券的状态不是“{ $state }”
too-many = 编号已用尽，无法再为它提到的内容编号

not-own = 无法使用状态目录 { $path }：{ $why }
of-another-user = 它属于另一个用户（uid { $uid }），而本进程以 uid { $ours } 运行
writable = 其他用户可以写入它（权限为 { $mode }）
network = 无法在 { $path } 中保存账本：{ $kind } 是网络文件系统
foreign = 账本 { $path } 属于 { $what } { $theirs }，而不是 { $ours }
altered = 账本 { $path } 的 `ledger.json` 被改动过：账本的 { $what } 是 { $ours }，而文件中写的是 { $theirs }
newer = 账本 { $path } 的格式是 { $found }，本程序最高只支持格式 { $known }
illegible = 无法从 { $path } 得知账本属于谁：{ $why }
missing = 账本 { $path } 已损坏：缺少 `{ $missing }`
real = 只有演练的账本可以重新开始；{ $path } 是正式账本

taken = 该任务的账本正被主机 { $host } 上的进程 { $pid } 占用，自 { $since } 起：{ $command }
taken-by-unknown = 该任务的账本正被另一个进程占用
app-lock-taken = 小程序 ID 的应用锁已被占用
app-lock = 无法获取小程序 ID 的应用锁 @{ $name }
other-witness = 它属于另一个账本

not-what-was-written = 账本与写入时不同
not-what-was-written-files = 账本与写入时不同：其存储的文件 { $files } 被改动或损坏
miscounted = 总数不对：记录的是 { $kept }，重新计数得到 { $counted }；{ $last }
wrong-snapshot = 截至写入批 { $sequence } 的 `shortcut` 文件与到此为止的账本记录之和不一致；{ $last }
wave-not-ended = 它批准了一个尚未结束的批次
wrong-origin = 它两次说明人群从何处读取，或者最后活跃时间多于用户
illegal-activity-step = 声明的活动有一步与之前的记录矛盾
wrong-erasure = 它与 open_id 的清除记录不一致
wrong-testers = 其中的测试用户从未列入，或者重复列出
