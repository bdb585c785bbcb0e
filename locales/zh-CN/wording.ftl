# 时长、时间与金额。
seconds-and-tenths = { $seconds }.{ $tenths } 秒
seconds = { $seconds } 秒
minutes = { $minutes } 分钟
minutes-and-seconds = { $minutes } 分 { $seconds } 秒
hours = { $hours } 小时
hours-and-minutes = { $hours } 小时 { $minutes } 分钟
days-of-time = { $days } 天
days-and-hours = { $days } 天 { $hours } 小时
ahead-of-now = { $left }后
now = 现在
per-second = { $n }/秒

# 单次发放的状态。
state-pending = 待发放
state-in-flight = 发送中
state-deferred = 稍后重试
state-in-doubt = 结果未知
state-held = 待人工判定
state-issued = 已发放
state-refused = 被拒绝
state-skipped = 已跳过
count-in-state = { $state } { $n }
no-coupons = 0 张券
# $coupons (number)
counts-sum = { $coupons } 张券 = { $terms }
skipped-gone = 已不在数据源中
skipped-coupons-per-user = 超出 coupons_per_user
skipped-earlier-refused = 同一用户之前的券被拒绝
skipped-excluded = 在排除名单中
skipped-control-group = 属于对照组
skipped-lapsed = 已失活
skipped-limit = 超出 audience.limit

# 进程与用户。
requester = 进程 { $pid }（{ $user }@{ $host }）
requester-named = 操作人 { $name }（进程 { $pid }，{ $user }@{ $host }）
holder-of-other-user = 用户 { $user } 持有此小程序 ID 的应用锁：{ $pid }；只有 { $user } 或 root 能结束该进程
holder-pid = 进程 { $pid }
holder-unnamed = 系统无法给出是哪个进程
holder-in-container = 另一个容器中的进程
holder-known = 另一次执行正在为此小程序 ID 发放：{ $host } 上的{ $process }（{ $command }）
holder-known-since = 另一次执行正在为此小程序 ID 发放：{ $host } 上的{ $process }，始于 { $since }（{ $command }）
holder-worker = 此小程序 ID 由另一个工作进程持有：{ $host } 上的{ $process }，始于 { $since }
holder-unknown = 另一次执行正在为此小程序 ID 发放：{ $process }
holder-silent = { $holder }；它没有响应，可能已被挂起

# 不再开始新尝试的原因。
drain-stopped = 被{ $by }停止
drain-app-id-taken = { $holder }，且指定了 --no-wait
drain-handed-over = 小程序 ID 移交给另一个工作进程，由它继续
drain-interrupted = 执行被中断
drain-halted = 执行已中止
drain-end = 已过 schedule.end
drain-at-most = 已达到 --at-most
drain-gave-up = 平台无法访问的时间超过了 retry.give_up
drain-gave-up-cause = 平台无法访问的时间超过了 retry.give_up：{ $cause }
drain-nothing-left = 目前没有可以发放的了
drain-not-started = 未到 schedule.start，且指定了 --no-wait
drain-outside-hours = 当前不在 schedule.hours 内，且指定了 --no-wait
drain-day-used-up = 今天的尝试次数已达到 pace.per_day，且指定了 --no-wait
drain-no-window = schedule.end 之前不再有发送时段
drain-no-wave = 下一批次无法在 schedule.end 之前开始
drain-between-waves = 下一批次还需等待，且指定了 --no-wait
stop-empty-audience = 人群为空
left-owed = 还有 { $n } 张待发放
left-in-doubt = { $n } 张结果未知
left-held = { $n } 张待人工判定
left-in-doubt-and-held = { $doubt } 张结果未知，{ $held } 张待人工判定

# 中止的原因。
halt-code = 平台应答 { $code }
halt-code-message = 平台应答 { $code }：{ $message }
halt-http = 应答不是来自该接口：{ $detail }
halt-refused = 最近 { $of } 个用户中有 { $n } 个被拒绝，超过了 halt.refused 允许的数量
halt-held = 最近 { $of } 次发放中有 { $n } 次待人工判定，超过了 halt.held 允许的数量
# $n (number)
# $of (number)
halt-wave = 批次 { $wave } 中，{ $of } 次有应答的发放里有 { $n } 次未发出，超过了其 halt_if_not_issued 允许的数量
halt-same-code = 平台连续 { $n } 次应答 { $code }
halt-same-code-message = 平台连续 { $n } 次应答 { $code }：{ $message }
halt-another-ledger = 另一个账本发放过此任务：用户 { $open-id } 已经拿到券 { $coupon }
halt-mixed-answers = 收到了属于另一次发放的应答：用户 { $open-id }（{ $coupon }）的应答中，{ $id } 与 { $other } 的相同
halt-max-coupons = 已达到 max_coupons：{ $max }

# 需要人工完成的事。
advice-gateway = 网关可能在转发请求之后才给出这样的应答，所以结果未知的用户可能已经拿到券：下次执行会按任务文件中的 `retry.in_doubt` 和 `retry.resend_within`，用各自的 ID 和各自的活动重发
advice-end = 请在任务文件中推迟 schedule.end，或者不再发放剩余部分
advice-no-window = 请在任务文件中推迟 schedule.end、放宽 schedule.hours，或者不再发放剩余部分
advice-no-wave = 请在任务文件中推迟 schedule.end、缩短 schedule.waves 的等待时间，或者不再发放剩余部分
advice-empty-audience = 请检查人群文件是否正确；如果人群允许为空，请写明 `allow_empty: true`
advice-held = 请在任务文件的 `codes:` 中说明上面待判定结果码的含义：refuse、retry、issued 或 halt；也可以用 `runner resolve FILE --held` 单次判定
advice-in-doubt = 结果未知的用户是否已拿到券，目前无法确定。其中后来被拒绝或待人工判定的不会重发：请凭 log_id 向平台查询，再用 `runner resolve` 判定；其余的会按任务文件中的 `retry.in_doubt` 和 `retry.resend_within`，用各自的 ID 重发
remedy-code = 请在平台上处理消息所指的问题
remedy-code-quote = 请在平台上处理消息所指的问题（向平台反馈时请提供 log_id { $log-id }）
remedy-http = 请检查 platform.base_url、小程序的权限，以及到平台之间的代理
remedy-certificate = 如果是自建的证书颁发机构，或者网络会检查 TLS，请把 SSL_CERT_FILE 设为该机构证书的文件。如果证书已过期或尚未生效，请检查本机的日期和时间。如果用的是颁发机构自身的证书，服务器需要一张单独的证书（CA:FALSE）。其他情况请检查 platform.base_url、代理和服务器
remedy-refused = 请检查人群是否属于该小程序、活动是否正确；如果这是预期的结果，请调高 halt.refused
remedy-held = 请查明上面结果码的含义，并写入任务文件的 `codes:`
remedy-wave = 请查看上面的结果码。此前的应答不再计入：新的执行按它自己的应答决定是否中止；如果这是预期的结果，请调高该批次的 halt_if_not_issued
remedy-same-code = 请查明 { $code } 的含义。如果活动已结束或库存已用完，请另建一个活动（任务文件声明了活动时，用 `runner activity FILE --add N`），或在 activity_id 中换一个活动，并用 `--accept activity_id` 执行；否则请写明它的含义，例如 `codes: { "{" }{ $code }: refuse{ "}" }`
remedy-another-ledger = 请找到那个账本并用它继续；如果它已丢失，`--accept replays` 会接管平台仍能确认的部分
remedy-mixed-answers = 请查明是什么混淆或重复了应答：可能是到平台之间的代理或网关，也可能是平台对同一用户的两次发放给出同一张券（此时请把 coupons_per_user 设为 1）。然后再次执行：结果未知的会用各自的 ID 重发
remedy-credentials = 请检查任务文件的凭据所引用的密钥及其 secret 或访问令牌，以及 platform.base_url
remedy-max-coupons = 如果允许发放更多，请在任务文件中调高 max_coupons

# 结果码。
outcome-without-code = { $outcome ->
        [unknown] 结果未知
        [not_sent] 未发送
        [throttled] 降速
       *[other] { $outcome }
    }
class-unlisted = { $class }（未列出）
class-of-file = { $class }（本文件）

# 无效行的原因。
unusable-empty = open_id 为空
unusable-too-long = open_id 超过 128 个字符
unusable-not-printable = open_id 中有空格或不可打印字符
unusable-wrong-fields = 字段数与表头不一致
unusable-not-text = 不是该文件编码的文本
unusable-missing = 没有 open_id
unusable-no-last-active = 没有用户最近活跃的时间
unusable-unreadable-last-active = last_active 不是 2016 年至明天之间的时间
unusable-wrong-type = open_id 既不是文本也不是整数
unusable-no-value = open_id 是表示空值的词或符号，例如 NULL 或 -
unusable-spreadsheet-error = open_id 是电子表格的错误值，例如 #REF!
unusable-formula = open_id 是电子表格的公式 ="…"
unusable-apostrophe = open_id 以撇号开头
unusable-fraction = open_id 是以 .0 结尾的数字
unusable-exponent = open_id 是丢失了位数的数字，例如 7.21E+18
unusable-full-width = open_id 中有全角字符
unusable-header = 表头重复出现
unusable-boolean = open_id 是 TRUE 或 FALSE
unusable-date = open_id 是日期
unusable-grouped = open_id 中有千位分隔符，例如 7,218,071
unusable-quoted = open_id 带有引号
unusable-masked = open_id 被遮盖或截断，例如 Cv4P****3rNu
unusable-total = open_id 是合计行的标签，例如“合计”

# 等待的原因。
waited-start = 未到 schedule.start
waited-window = 不在 schedule.hours 内
taken-over-unread = { $host } 于 { $at } 列入的人群；名单无法读取
taken-over = { $host } 于 { $at } 列入的人群；本机没有这些名单
waited-day = pace.per_day 已用完
waited-wave = 批次之间的等待
waited-app-id = 小程序 ID 正由另一个进程发放
waited-previous-owner = 小程序 ID 的上一个持有者
waited-lease = 没有数据库的租约
waited-source = 存放用户名单的服务器
waited-lists = 拥有用户名单的机器
waited-due = 重试时间未到
waited-user = 同一小程序的其他活动正在向同一批用户发放
waited-outage = 平台无法访问
waited-platform = 平台要求等待
waited-token = 没有访问令牌
