## 数据库中的任务文件

command = 把任务文件保存到数据库，让任何工作进程都能执行
files = 任务文件，或包含任务文件的目录
name = 文件在数据库中的名称，代替它自己的文件名
list = 列出已推送的文件
show = 按数据库中的内容输出一个已推送的文件
remove = 移除已推送的文件；其账本保留，正在进行的执行继续
yes = 有改动的文件直接替换，不再询问
examples =
    示例：
      runner push campaigns/
      runner apply pushed:
      runner plan pushed:summer.yaml
      runner push --list

# $name (text), $campaign (text), $app (text)
added = 已推送 { $name }：{ $app } 的 { $campaign }。在任何机器上执行：
replaced = 已推送 { $name }：{ $app } 的 { $campaign }。正在进行的执行继续使用开始时的文件，接手的工作进程采用这个文件
unchanged = 数据库中已有 { $name }，与这里的相同
removed = 已从推送的文件中移除 { $name }；{ $campaign } 的账本保留
no-files = 没有推送任何文件
listed = { $app } 的 { $campaign }，由 { $by } 于 { $at } 从 { $host }:{ $origin } 推送
declined = 没有推送 { $name }，数据库中的文件保持不变
moved = 之前从 { $host }:{ $origin } 推送

question = 替换数据库中由 { $by } 于 { $at } 推送的 { $name }？[y/N]{" "}
needs-yes = 数据库中已有 { $name }，而这个文件与它不同
needs-yes-help = 查看上面的改动，然后加上 --yes

name-rule = 名称不能为空，也不能含有斜杠和控制字符
name-of-one = --name 只用于一个文件

only-here = { $file }：{ $path } 是文件，只有拥有它的机器才能读入其中的用户
only-piped = { $file }：用户由管道输入，只有接着该管道的机器才能读入
list-elsewhere = 无法读取 { $key }：本机 { $host } 上没有 { $path }
# $others (number)
lists-elsewhere = 无法读取 { $key }：本机 { $host } 上没有 { $path }，发券任务的另外 { $others } 份名单也不在这里
nothing-admitted = 还没有机器列入人群，因此无从继续
other-lists = 任务文件中的名单与 { $host } 列入人群时的名单不同
unknown-lists = 账本没有记录人群读自哪些名单：它不是在多机部署中列入的
unknown-activity = { $host } 列入人群时没有 `active_within`，因此账本没有用户的最后活跃时间
admit-elsewhere = 请在推送该文件的机器 { $host } 上执行；之后本机就能用列入的人群继续
admit-where-lists-are = 请在拥有这些名单的机器上执行；之后本机就能用列入的人群继续

unfit = 在本工作进程等待期间，{ $name } 又被推送，而这次执行不能采用它
unfit-help = 推送合适的文件，然后再次执行同样的命令。此后本工作进程没有发送
other-platform-pushed = 它指向另一个平台，因此有另一个账本
takes-pushed = 采用 { $by } 在本工作进程等待期间从 { $host } 推送的文件

not-pushed = 没有推送名为 { $name } 的文件
none-pushed = 没有推送任何任务文件
nearest = 是否指 pushed:{ $name }？`runner push --list` 列出全部
push-first = 先推送一个：`runner push FILE`
conflict = 无法推送 { $name }，即 { $app } 的发券任务 { $campaign }
conflict-name = 已推送的文件 { $name } 属于另一个发券任务：{ $app } 的 { $campaign }，由 { $by } 推送
conflict-campaign = 已推送的文件 { $name } 就是这个发券任务，由 { $by } 推送
conflict-meanwhile = 在此期间有人推送了该发券任务的另一个文件
conflict-help = 用 --name 给它另一个名称
conflict-campaign-help = 用选项 --name { $name } 代替那个文件，或移除它：`runner push --remove { $name }`
conflict-meanwhile-help = 查看已推送的文件：`runner push --list`
changed-meanwhile = 已推送的文件 { $name } 在此期间被改动，因此保持原样
changed-meanwhile-help = 再次执行同样的命令，查看现在会改动什么
one-name = 该命令只针对一个发券任务，而 `pushed:` 指所有已推送的文件
name-one = 在 `pushed:` 之后写一个名称；`runner push --list` 列出全部
list-them = `runner push --list` 列出已推送的文件
