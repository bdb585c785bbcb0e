act = { $act ->
    [see] 查看发券任务
    [see_deliveries] 查看待判定的发放
    [see_person] 查询用户
    [compare] 与平台的记录对账
    [plan] 重新生成计划
    [approve] 批准并执行
    [request] 申请批准
    [give_approval] 批准
    [reject] 驳回申请
    [apply] 执行已批准的发放计划
    [pause] 暂停
    [resume] 继续
    [stop] 停止
    [stop_all] 全部停止
    [freeze] 冻结全部发送
    [unfreeze] 解除冻结
    [approve_wave] 批准批次
    [erase] 清除 open_id
   *[resolve] 判定发放结果
}
denied-under-way = 这个任务有正在进行的批准
erase-detail = { $campaign } { $app }，{ $platform }；已完成 { $retain }
denied-role = 你的角色不允许此操作
denied-read-only = 服务日志无法使用，此时只能暂停、停止和冻结
denied-store-away = 保存服务日志的数据库没有应答，恢复之前只能暂停、停止和冻结
denied-stopping = 服务正在停止
denied-unknown = 没有这个发券任务
denied-no-file = 任务文件不在目录中，或者有错误
denied-running = 任务正在执行：请先停止
denied-not-running = 任务没有在执行
denied-not-paused = 任务没有暂停
denied-no-plan = 还没有计划
denied-other-plan = 计划在你查看之后已经改变：请重新查看
denied-nothing-to-send = 计划没有要发放的券
denied-not-accepted = 这些变更需要你同意：{ $words }
denied-missed = 这一期已错过：没有在到期后一小时内开始。可以用 `runner apply --occurrence` 补发
denied-overlaps = 这个任务的另一期正在执行，并且到这一期开始时还没有结束：请先停止
denied-approvals = 还缺少策略要求的批准：{ $needs }
# $approvals (number)
denied-file-approvals = 任务文件要求 { $approvals } 人批准，而没有 `policy` 的服务不收集批准：请在服务配置文件中添加策略
denied-no-request = 还没有人申请这个计划：策略要求先申请，再由他人批准
denied-no-policy = 这个服务没有策略，无需申请：请直接批准计划
denied-requested = { $by } 已经申请了这个计划
denied-own-request = 这个计划是你申请的，须由其他用户批准
denied-approved-before = 你已经批准了这个计划
policy-broken = 服务配置文件有错误，改正之前不会开始任何任务：正在执行的任务在批准的范围内继续
over-budget = 计划最多花费 { $needs }，而预算 { $max } 只剩 { $left }
budget-unknown = 不知道一张券的面额，无法与预算比较：请在任务文件中写 `coupon_value`
denied-frozen-before = 全部发送已经冻结
denied-not-frozen = 没有人冻结发送；策略中的冻结期由服务配置文件决定
frozen-by = { $by } 冻结了全部发送
frozen-by-for = { $by } 冻结了全部发送：{ $note }
frozen-until = 在冻结期“{ $name }”内不发送，直到 { $until }
denied-no-note = 判定必须写明原因

# The command line.
serves = runner 正在管理 { $directory }，地址 { $url }
serves-sandbox = runner 正在演练 { $directory }，地址 { $url }：不会真正发放
open-link = 请打开这个链接，只能使用一次：{ $link }
link-was-used = 链接已被使用。新的链接：{ $link }
link-was-used-elsewhere = 一个链接已被使用。获取新链接：{ $command }
stopping-service = { $signal }：正在停止；执行中的任务会在下次启动后继续
service-stopped = 已停止
not-loopback = 无法在 { $address } 上监听：这不是仅限本机的地址
cannot-listen = 无法在 { $address } 上监听
cannot-listen-help = 端口可能被另一个程序占用：请用 --listen 指定另一个端口
cannot-print-link = 无法生成链接
service-taken = 另一个服务正在管理 { $directory }：主机 { $host } 上的进程 { $pid }，自 { $since } 起（{ $command }）
service-taken-by-unknown = 另一个服务正在管理 { $directory }
service-taken-help = 获取它的链接：{ $command }
no-service = 没有服务在管理 { $directory }
no-service-help = 启动服务：{ $command }
waits-for-service = { $host } 上的服务（进程 { $pid }）正在负责这个数据库中的任务；它结束后由本服务接管
no-link-here = { $directory } 的服务正在等待另一个服务，由那个服务负责任务并生成链接
no-link-here-help = 请在那里生成链接：在 { $host } 上运行 `runner serve DIR --link`（进程 { $pid }）。该链接在这里也能登录
forwards-requests = 发往 { $url } 的请求会转发给它
# 请求为什么没有转发给负责任务的服务。
not-forwarded = { $why ->
    [refused] 它不接受连接：可能刚刚结束，或者从这里无法访问它的地址。请过几秒再试。
    [certificate] 这里不信任它的证书，因此没有向它转发任何请求。请让使用同一数据库的所有服务使用相同的 `tls`，或者使用由本机信任的机构为 `url` 的主机签发的证书。
    [loopback] 它在自己机器的环回地址上监听，因此本机无法向它转发请求。请在那台机器上打开页面，或者让它在其他机器能够访问的地址上监听：服务配置文件中的 `listen`，或者 --listen。
    [older] 它的版本不接受其他服务转发的请求。请打开它自己的地址。
    [twice] 这个请求已经被转发到这里一次，转发它的服务误以为本服务在负责任务。请过几秒再试。
   *[no-connection] 它没有应答。请过几秒再试。
}
unknown-whether-done = 不知道操作是否已经执行
unknown-whether-done-text = 负责任务的服务收到了请求，但是没有应答：要求的操作可能已经执行。重复操作之前，请先查看任务和日志。
service-begins = 服务正在启动
service-waits = 本服务正在等待
service-waits-text = 另一个服务结束或没有应答时，由本服务接管。在此期间，`runner stop` 和 `runner pause` 加上 --store 可以到达多机部署中的每次执行。
service-lost = 本服务没有及时应答数据库，多机部署中的另一个工作进程已经接管。这里的任务停止，本服务转为等待
took-effect-unrecorded = 操作已生效，但服务日志无法写入这条记录：服务重启后将不知道这次操作
not-all-stopped = { $all } 个发券任务中有 { $failed } 个无法停止
secrets-unread = 无法读取任务的密钥：30 秒内没有应答
recorded-late = 数据库没有应答：没有执行任何操作。数据库恢复后该操作会写入日志；重试之前请先查看日志
not-a-directory = { $path } 不是目录
name-directory = 请指定任务文件所在的目录
no-log = { $directory } 中没有服务日志
# $records (number)
log-sound = 服务日志完好：{ $records } 条记录，逐条相连。
# $records (number)
log-unknown = { $records } 条记录由更新的版本写入；它们同样在链中。
# $n (number)
log-losses = 日志中有 { $n } 次记载：服务发现记录丢失；编号见审计页面。
# $records (number)
log-older = 服务日志比它的见证记录旧：见证记录在 { $at } 看到第 { $known } 条记录，现在只有 { $records } 条
log-older-help = 请在服务再次启动之前恢复最新的日志副本。如果没有，服务启动后不会自行继续任何任务：请重新批准需要继续的任务
log-last = 最后一条记录：{ $at }，链值 { $link }

# The frame.
skip-to-content = 跳到正文
navigation = 页面
notices = 提示
inbox = 待办
campaigns = 发券任务
apps = 小程序
audit = 审计
sandbox-banner = 演练。
sandbox-banner-text = 平台是服务内部的沙箱：不会真正发放。
read-only-banner = 服务日志无法使用，目前只能暂停、停止和冻结。请排除以下问题后重新启动服务：
store-away-banner = 数据库没有应答。恢复之前不开始新的执行，只能暂停、停止和冻结；正在执行的任务不会超出批准的范围：
lost-records-banner = 服务日志比它的见证记录旧：第 { $first } 至 { $known } 条记录已丢失，其中可能有人停止了某个任务。没有继续任何任务。请重新批准需要继续的任务。
scan-failure-banner = 目录无法读取。一切照原样继续。
frozen-banner = 已冻结。
frozen-except = { $names } 除外。
unfreeze = 解除冻结
freezes = 冻结：{ $name }
unfreezes = 冻结结束
empty-directory-banner = 目录里已经没有任务文件。在文件重新出现之前，什么都不会改变。
stale = 与服务的连接已断开：你看到的内容可能已经过时。
footer = runner { $version }

# The inbox.
scanning = 正在读取目录……
no-campaigns = 目录里没有任务文件（.yaml）。
nothing-waits = 没有需要你处理的事项。
see-campaigns = 查看全部任务
label-broken = 文件有错误
label-paused = 已暂停
label-stopped = 已停止
label-halted = 已中止
label-incomplete = 提前结束
label-failed = 失败
label-approval = 待批准
label-refused = 不允许
label-waits = 已批准，等待中
label-automatic = 自动发放
waits-for-others = 等待他人处理
requested-item = { $by } 申请。批准：{ $needs }。
# $to-send (number)
automatic-item = 到了任务的时间，服务会自动发放 { $to-send } 张券：策略不要求批准。
label-not-erased = open_id 未清除
open-ids-erased = open_id 已清除：不能再发放
not-retained = 账本已不存在，或者服务的文件不再有 `retain`
label-plan-failed = 没有计划
label-wave = 批次待批准
label-held = 待人工判定
label-in-doubt = 结果未知
label-missed = 已错过
unusable-body = 请求体超过 64 KiB，或没有及时到达
no-such-request = 没有这种请求；GET /api/v1/openapi.json 列出全部
audit-export = 下载这些记录（JSON Lines）
unusable-certificate = 服务的证书无法使用：{ $path }
unusable-certificate-help = 写明证书（包括证书链）文件和私钥文件，都是 PEM 格式
no-certificate-in-file = 其中没有 PEM 格式的证书
no-key-in-file = 其中没有 PEM 格式的私钥
label-differs = 记录不符
label-channel = 消息没有送达
of-service = 本服务
# $n (number)
broken-item = { $file } 有 { $n } 处错误。之前已执行的不受影响。
# $n (number)
missed-item = 有 { $n } 期没有在到期后一小时内开始（最近一期是 { $last }）。没有发送任何券。
vanished-item = { $file } 从目录中消失，任务已暂停。
vanished-back-item = { $file } 曾经消失，任务因此暂停。文件现已恢复。
paused-item = 由 { $by } 暂停。
stopped-item = 由 { $by } 停止；还有待发放的券。
# $to-send (number)
approval-item = 待发放 { $to-send } 张券。
# $to-send (number)
# $changes (number)
approval-item-with-changes = 待发放 { $to-send } 张券，并有 { $changes } 项变更需要你同意。
testers-item = 测试用户已领到券。其他用户等待你批准。
wave-item = 第 { $wave } 批已结束。下一批等待你批准。
# $n (number)
held-item = { $n } 次发放返回了尚未分类的结果码。
# $n (number)
in-doubt-item = { $n } 次发放结果未知：用户可能已拿到券。
see-mistakes = 查看错误
resume-or-stop = 继续或停止
see-occurrences = 查看各期
see-campaign = 查看任务
see-plan = 查看计划
approve-wave = 批准
decide = 判定
explain = { $code } 是什么？

# Campaigns.
column-progress = 进度
sort-label = 排序
sort-by = { $by ->
    [state] 状态
    [owed] 待发放数
    [rate] 速率
   *[file] 文件
}
show-button = 显示
none-listed = 没有符合的任务。
stop-all = 全部停止
freeze-all = 冻结全部发送
freeze-text = 所有执行立即暂停，在管理员解除冻结之前，任何任务都不会开始或继续。仍可停止和暂停。
freeze-note = 原因
# $n (number)
percent = { $n } %
applied-by = 由主机 { $host } 上的进程 { $pid } 执行：{ $command }
state = { $state ->
    [planning] 准备中
    [waiting] 等待中
    [sending] 发放中
    [paused] 已暂停
    [draining] 停止中
    [halted] 已中止
    [ended] 已过期
    [complete] 已完成
    [incomplete] 提前结束
    [failed] 失败
    [broken] 文件有错误
    [vanished] 文件不在
    [plan_failed] 没有计划
    [needs_approval] 待批准
    [denied] 不允许
    [waits_for_decision] 待判定
    [recurring] 周期任务
    [none_left] 没有剩下的期次
    [missed] 已错过
    [lapsed] 批准已失效
    [over] 已结束
   *[idle] 无事可做
}

# Apps.
apps-text = 平台限制每个小程序在任意一秒内的请求数。同一小程序的任务共用这个限额：正在发放的任务轮流发送。
app-pace = 速率
slowed-pace = { $now }（计划 { $full }）
slowed-note = 平台要求降速。{ $left }后向计划速率恢复一步。
sends-now = 当前发送
sent-today = 今日请求数
token = 访问令牌
token-none = 没有发送，不需要令牌
token-until = 有效期至 { $at }
token-given = 由其他程序更新
token-missing = 没有可用的令牌：{ $why }
turns = 谁在使用限额，按先后排列
column-turn = 顺序
column-today = 今日请求数
column-per-day = 每日上限
no-limit = 不限
turn-now = 正在发送
# $n (number)
turn-shared = 轮流发送：共 { $n } 个任务
turn-at = { $at } 起
turn-after-wait = 等待结束之后
turn-after-approval = 批准之后

# A campaign.
file = 文件
campaign-pages = 此任务的页面
overview = 概览
plan = 计划
decisions = 判定
resume = 继续
pause = 暂停
stop = 停止
mistakes = 文件中的错误
mistakes-text = 有错误的文件不会被使用。执行中的任务按已批准的计划继续。
ends = 预计结束
funnel = 从人群到发券
funnel-listed = 人群中的用户
funnel-excluded = 已排除
funnel-control-group = 对照组
funnel-repeated = 重复的行
funnel-unusable = 无法使用的行
funnel-deliveries = 次发放
waves = 批次
facts = 基本信息
last-run-ended = 上次执行结束

# Occurrences.
occurrences = 期次
occurrences-text = 每一期都有自己的计划、批准和账本。计划最早在到期前 12 小时生成，因此可以提前批准。
all-occurrences = 全部期次
column-occurrence = 期次
column-begins = 开始时间
occurrence-past = 已结束
next-occurrence = 下一期于 { $at } 开始
occurrence-over = 这一期的时间已过，服务不会开始它。错过的一期可以用 `runner apply --occurrence` 补发。

# The plan.
plan-of = { $name }：计划
plan-of-broken = 文件有错误，没有相应的计划。
plan-of-vanished = 文件不在目录中。
planning = 正在生成计划：读取账本和人群。
plan-after-run = 任务正按已批准的计划执行。本次执行结束后会为剩余部分生成计划。
plan-while-running = 任务正按已批准的计划执行。以下是将会改变的内容：要批准它，请先停止执行。
plan-is-fresh = 这次演练从头开始：批准后会删除演练账本。
budget-title = 预算
budget-column = 预算
budget-spent = 已花费
budget-open = 结果未知
budget-reserved = 已预留
budget-left = 剩余
per-day = 每天
per-month = 每月
policy = 策略
not-requested = 还没有人申请这个计划。
request-text = 申请只针对这个计划。得到策略要求的他人批准后，立即发放。
# $n (number)
request-button = 申请发放 { $n } 张券
requested-by = { $by } 于 { $at } 申请。
request-agrees = 申请人同意这项变化：
sent-soon = 所需的批准已经齐全，正在发放。
own-request-note = 这个计划是你申请的，须由其他用户批准。
approved-before-note = 你已经批准了这个计划，还须其他用户批准。
# $n (number)
give-approval-button = 批准发放 { $n } 张券
take-back = 撤回申请
reject-note = 驳回原因
reject-button = 驳回
meets-no-rule = 计划不符合任何规则。
policy-needs = 需要{ $needs }。
too-few-approvers = 需要 { $needs } 份批准，而能批准的用户只有 { $may } 个：申请人不能批准自己的申请，批准人必须在所要求的组中。请修改 server.yaml，或者修改提出这项要求的地方。
changes-since = 自上次执行以来的变更
needs-agreement = 需要你同意
simulation-title = 预计过程
simulation-running = 正在用虚拟时钟模拟这份计划。
simulation-text = 从计划生成时开始模拟；模拟平台会拒绝百分之二的用户。模拟不会真正发放。
simulation-refused = 任务会在发放之前停止。
simulation-too-large = 人群太大，无法在这里模拟。可以使用 `runner simulate { $file }`。
simulation-too-long = 模拟耗时太长，已结束。`runner simulate { $file }` 没有这个限制。
what-would-happen = 将会发生什么
plan-details = 详情
fingerprint-label = 计划指纹
planned-at = 计划时间
approve-title = 批准
approve-bounds = 批准的范围：{ $bounds }。每次发送都会对照这个范围。
approve-text = 你的批准只针对这份计划。如果开始执行时文件或人群已经不同，则不会发送任何内容，并会再次询问你。
agree-to = { $change ->
    [activity_id] 我同意改用另一个活动发券。
    [coupons_per_user] 我同意每个用户得到更多的券。
    [control_group] 我同意改变不发券用户的比例。
    [smaller_audience] 我同意人群中少了许多用户。
    [smaller_exclude] 我同意排除名单中少了许多用户。
    [idle_exclude] 我同意某个排除名单没有排除任何人。
    [older_ledger] 我同意用较旧的账本副本继续。
    [replays] 我同意继续，尽管另一个账本发放过此任务。
   *[clock] 我同意本机时钟是正确的。
}
# $n (number)
approve-button = 批准并发放 { $n } 张券
plan-again = 重新生成计划
rehearse-from-beginning = 从头演练
requests = 最先的请求
requests-text = 将按此发送；用户 ID 和令牌已隐藏。
requests-of-rehearsal = 将按此发送给沙箱；用户 ID 已隐藏。

approval-lapsed = 服务在这次执行开始之前被终止，批准已失效
plan-changed = 计划在批准之后已经改变，因此没有发送任何内容

# Decisions.
decisions-of = { $name }：判定
decide-while-running = 任务正在执行。没有请求在途时，执行会记录判定，并按那时待发放的券继续。如果届时该组已有变化，则不作任何判定。
nothing-to-decide = 没有等待判定的发放。
ledger-read-at = 账本读取于 { $at }。
column-user = 用户
# $n (number)
group-title = { $n } 次{ $state }
held-help = 平台返回的结果码没有分类，或被你归为 `hold`。如果它的含义固定，请写进文件的 `codes`；否则在这里判定。
in-doubt-help = 应答丢失，或结果码无法确定：用户可能已拿到券。请凭 log_id 向平台查询。
# $n (number)
first-of-group = 前 { $n } 次
# $n (number)
decide-as = 这 { $n } 次发放的实际结果是什么？
as-issued = 用户已拿到券。
as-refused = 用户没有券，也不再发放。
as-owed = 用户没有券：下次执行任务时发放。
may-double = 如果重新发放：我接受用户可能得到第二张券。
note-label = 原因（写入账本），例如工单号
decide-button = 判定 { $n } 次发放
# $shown (number)
# $now (number)
other-count = 你看到的是 { $shown } 次发放，现在是 { $now } 次：请重新查看。没有做出任何判定
bad-form = 这个请求不是由本服务的页面发出的

# The platform's own records.
records = 活动与平台的记录
comparing = 正在与平台的记录对账。
compared-at = 上次对账：{ $at }。
# $n (number)
compared-found = 平台的记录判定了 { $n } 次发放。
never-compared = 还没有与平台的记录对账。如果文件中有 `coupon_meta_id` 或者有未决的发放，服务会在每个有请求的日子之后自动对账。
compare = 立即对账
column-stock = 库存
column-used = 已发放
column-left = 剩余
activity-released = 已释放
column-in-ledger = 账本中已确认
column-open = 账本中未决
column-at-platform = 平台的领取数
column-verdict = 结论
count-too-early = 领取数取得太早，最近的请求还没有计入
count-unknown = 平台没有给出领取数
count-some = 平台的领取数包含一部分未决的发放
# $n (number)
differs-item = 有 { $n } 个活动，平台的领取数与账本不符。
see-records = 查看记录
most-in-second = 单秒最多

# A person.
person = 用户查询
person-text = 同一小程序的各个任务所知道的一个用户的全部情况。每次查看都会记入服务日志，日志中不含 open_id。
open-id-label = open_id
person-button = 查询
# The log has a name for the user that only a person who knows the open_id can find.
person-recorded = 日志中用 `{ $name }` 表示这个用户。
person-unknown = 这个小程序的任务都没有这个用户的记录。
person-not-in = 以下任务没有记录：

# Audit.
audit-text = 向本服务提出的一切操作，包括被拒绝的。每条记录都与前一条相连；`runner verify` 可核验整份日志。
# $records (number)
log-head = { $records } 条记录；最后的链值是 { $link }
filter-label = 只显示包含此文字的
filter-button = 筛选
no-records = 没有包含此文字的记录。
column-time = 时间
column-who = 操作人
column-what = 操作
column-result = 结果
service-began = 服务启动
service-ended = 服务停止
signed-in = 打开链接
refused = 已拒绝：{ $why }
failed = 失败：{ $why }
done = 完成
result-of = { $of } 的结果
run-ended = 执行结束
records-lost = 日志的第 { $first } 至 { $known } 条记录已丢失
series-found = 发现周期任务
occurrence-missed = 错过了一期
lapsed-record = 记录 { $of } 已过期：没有及时使用
approved-by = 由 { $by } 批准
approved-by-nobody = 策略不要求批准
who-terminal = { $name }（终端：{ $command }）
who-service = 服务自身
wave-detail = 第 { $wave } 批
# $n (number)
decision-detail = { $n } 次 { $state }，结果码 { $code } → { $to }：{ $note }

# Small pages.
sign-in-title = 请打开服务的链接
sign-in-text = 这个页面需要会话。请在服务所在的机器上输入以下命令，并打开它输出的链接：
link-used = 这个链接已失效
continue = 继续
act-failed = 操作没有执行
nothing-happened = 什么都没有改变。
back = 返回
not-found = 没有这个页面
not-found-text = 地址有误，或者任务已经不在。
wrong-host = 这不是服务的地址
wrong-host-text = 请用服务输出的地址打开。其他名称下的页面可能是攻击。
other-site = 这个请求来自其他网站
other-site-text = 什么都没有改变。只有本服务的页面可以发出这种请求：请返回，使用页面上的按钮。
newer-records = 其中有更新版本的 runner 写入的记录，此版本无法理解；请启动更新的版本

# Users.
secret-of-service-help = 请检查这个引用；服务每两秒重新读取一次
not-a-password-hash = { $from } 中不是密码的哈希值
not-a-password-hash-help = 请写入 `runner serve --hash-password` 输出的内容
login-title = 登录
login-name = 用户名
login-password = 密码
login-button = 登录
login-wrong = 用户名或密码不正确。
# $seconds (number)
login-too-many = 尝试次数过多。请在 { $seconds } 秒后重试。
sign-out = 退出登录
sign-in-refused = 登录
wrong-password = 密码错误
signed-out = 已退出登录
broken-config-banner = 服务配置文件有错误。
broken-config-text = 之前的内容继续有效。
needs-role = “{ $act }”需要角色：{ $roles }。
role-or = { "" }或
role-and = { "" }，以及
with-users = 用户和角色见 { $path }；登录地址：{ $url }/login
config-in-directory = { $path } 在任务文件所在的目录中
config-in-directory-help = 能写任务文件的人就能添加用户。请把它移到目录旁边：{ $better }
ask-password = 密码：{ "" }
ask-password-again = 再次输入：{ "" }
passwords-differ = 两次输入的密码不同
passwords-differ-help = 请重新开始；没有生成任何内容
# $least (number)
password-too-short = 密码少于 { $least } 个字符
password-too-short-help = 请选择更长的密码
password-too-long = 密码太长
cannot-read-password = 无法读取密码
cannot-make-hash = 无法生成哈希值
new-token = 令牌：{ $token }
new-token-help = 请把令牌交给程序并保密：它只显示这一次。服务配置文件中写：

# For programs.
no-token = 需要令牌：请发送 `Authorization: Bearer TOKEN`
not-json = 正文不是 JSON：请发送 `Content-Type: application/json`
app-or-file = 请写 `app_id` 或 `file` 之一
not-an-object = 正文是列表：请发送 JSON 对象
bad-idempotency-key = `Idempotency-Key` 为空、过长，或含有 ASCII 字母、数字和符号以外的字符
request-executed = 相同的请求正在执行：请稍后再问
other-request-with-key = 另一个请求用过这个 `Idempotency-Key`：请换一个
