activity-not-created = （尚未创建）
name-empty = 它是空的
# $actual (number)
# $most (number)
name-too-long = 它有 { $actual } { $unit ->
     [characters] 个字符
     [digits] 位数字
    *[bytes] 个字节
    }，最多允许 { $most }
name-character = 其中不能有 { $found }：{ $name ->
     [campaign] 任务名只能用各种文字的小写字母、数字和 “-”
     [app-id] app_id 只能用字母、数字、“-” 和 “_”
     [activity-id] activity_id 只能用数字
     [user] 用户名只能用各种文字的字母、数字、“.”、“_”、“-” 和 “@”
     [coupon-meta-id] coupon_meta_id 只能用数字
    *[open-id] open_id 只能用可显示的字符，不能有空格
    }
name-not-composed = 它不是 Unicode 的合成形式（NFC），因此看起来与另一个名称相同，实际却不同

secret-in-variable = 环境变量 { $name }
secret-in-file = 文件 { $path }
secret-unset = 未设置环境变量 { $name }
secret-not-text = { $from } 中的凭据无法发送：{ $flaw ->
     [not-utf8] 它不是 UTF-8 文本
     [lines] 它不止一行
     [space] 其中有空格
     [control] 其中有控制字符
    *[not-ascii] 其中有非 ASCII 字符，例如全角字母或弯引号
    }
secret-unreadable = 无法读取文件 { $path }
secret-empty = 文件 { $path } 是空的
# $least (number)
secret-too-short = { $from } 中的凭据不足 { $least } 个字符

certificate-untrusted = 服务器的证书不受信任：本机不认识其颁发机构
certificate-authority = 服务器的证书不受信任：它是颁发机构自身的证书
certificate-expired = 按本机时钟，服务器的证书已过期
certificate-not-yet-valid = 按本机时钟，服务器的证书尚未生效
certificate-other-name = 服务器的证书属于另一个域名
certificate-other = 服务器的证书无效：{ $why }
certificate-help-authority = 请给服务器配置它自己的证书，而不是颁发机构的证书（CA:FALSE）
certificate-help-time = 请检查本机的日期和时间；如果没有错，就需要更换服务器的证书
certificate-help-name = 请使用证书所属的域名；代理或错误的 DNS 记录可能会连到另一台服务器

shortage-files-of-process = 本进程能打开的文件数已到上限。请提高上限，例如 `ulimit -n 4096`；之后同一条命令会继续
shortage-files-of-machine = 本机打开的文件太多。请结束其他程序，或提高系统的上限；之后同一条命令会继续
shortage-memory = 本机没有更多内存给本进程。请结束其他程序；之后同一条命令会继续

no-such-transition = 状态为 { $from } 的发放不能接受变更 { $step }
row-place = { $unit ->
     [line] { $within }:{ $number }
    *[row] { $within } 的第 { $number } 行
    }
readable-times = 2016 年到明天之间的时间，例如 2026-06-01、2026/6/1 9:05、2026年6月1日、2026-06-01 09:05:00、2026-06-01T09:05:00+08:00，或以秒或毫秒计的 Unix 时间
requester = 进程 { $pid }（{ $user }@{ $host }）
requester-named = 操作人 { $name }（进程 { $pid }，{ $user }@{ $host }）
panicked = 程序内部出错

role = { $role ->
    [viewer] 查看者（viewer）
    [support] 客服（support）
    [author] 编写者（author）
    [operator] 操作员（operator）
    [approver] 批准人（approver）
   *[admin] 管理员（admin）
}
