about = 发放抖音小程序券：每一张恰好发一次，全程可查证
command-init = 生成第一份任务文件和人群文件，可直接演练
command-plan = 预览现在执行会做什么、能否完成；不发放
command-simulate = 用虚拟时钟模拟整个任务：何时结束、结果如何；不发放
command-apply = 发放所有待发放的券；可放心重复执行
command-serve = 管理一个任务目录：生成计划、请人批准、执行，并在网页上显示一切
command-status = 查看任务状态，其他进程正在执行时也可查看
command-pause = 暂停正在执行的任务，恢复前不再开始新的发放
command-resume = 恢复已暂停的任务
command-stop = 平稳停止正在执行的任务，等同于在其终端按 ^C
command-validate = 检查任务文件并列出全部错误；不联网、不读取人群
command-resolve = 对待人工判定、结果未知或被拒绝的发放作出判定
command-trace = 查看某个用户的全部发放记录，以及接下来会怎样
command-export = 导出发放明细，每次发放一行：CSV、JSON Lines、Parquet 或 xlsx
command-verify = 完整核验账本，并可出具核验证明
command-store = 创建、检查多台机器共用的数据库，或把账本移进移出
command-notify = 向 `notify` 中的每个渠道发送一条测试消息，并显示是否送达
command-doctor = 检查执行所需的条件：时钟、网络、令牌、磁盘、人群；不发送任何内容
command-schema = 输出任务文件的 JSON Schema，供编辑器补全和检查
command-sandbox = 在本机以服务方式运行沙箱（模拟平台）
command-report = 生成任务报告：单个 HTML 页面，图表无需联网
command-explain = 说明问题代码或平台结果码
command-completions = 输出 shell 的命令补全脚本
command-man = 输出 man 手册页
command-help = 查看某个命令的帮助
begin =
    从这里开始：
      runner init first                              生成第一个带注释的发券任务
      runner apply first/first.yaml --sandbox        演练，不会真正发券
      runner plan campaigns/summer.yaml              预览现在执行会做什么
      runner apply campaigns/summer.yaml             正式发放；中断后再次执行即可继续
      runner explain E0310                           查看某个问题的原因和处理办法
apply-files = 任务文件或存放任务文件的目录；`pushed:NAME`（或表示全部的 `pushed:`）是数据库中的任务文件；同时执行，各用各的账本
apply-fresh = 从头开始演练，清除之前的演练记录
apply-notify = 演练时也向 `notify` 中的渠道发送消息
apply-accept = 确认自上次执行以来需要确认的变化，对每个任务生效；多个用逗号分隔
apply-expect = 仅当发放计划的指纹与 `runner plan` 显示的一致时才执行，续跑同一计划也算一致；只能用于单个任务
apply-at-most = 本次执行中每个任务最多尝试 N 次发放
apply-no-wait = 不等待而直接退出：需等待开始时间、发送时段或批次时退出码为 3，需等待其他执行时为 5
apply-yes = 发放前不再询问确认
apply-events = 把每次尝试和其他事件写入 FILE，每行一个 JSON 对象
apply-metrics = 在 ADDR 上提供 Prometheus 指标，例如 `127.0.0.1:9464`；只写端口时仅限本机访问
apply-metrics-linger = 结束后继续提供指标的时长 DURATION，例如 `30s` 或 `2m`。不写时为两次抓取的时间；抓取不足两次时为 30 秒。按 ^C 立即结束
apply-metrics-file = 每 5 秒以及结束时把指标写入 PATH，供 node_exporter 的 textfile 采集器读取。PATH 以 `.prom` 结尾
dry-run-dry-run = 不发放、不改动任何数据：只显示发放计划和将要发出的前几个请求；无需凭据
dry-run-show = 显示 N 个请求
apply-examples =
    示例：
      runner apply campaigns/summer.yaml --sandbox
          演练：用真实的任务文件、人群和速率，对沙箱发放
      runner apply campaigns/summer.yaml --events events.jsonl
          发放所有待发放的券，并记录每次尝试
      runner apply campaigns
          同时执行目录下的全部任务；其中一个停下不影响其他任务

    退出码：0 已完成；3 再次执行同一命令即可继续；4 需要人工处理；5 其他进程正在执行。多个任务时，取 1、2、4、5、3、0 中最先出现的一个。
heading-rehearsal = 演练
heading-what-may-happen = 限制与确认
heading-record = 记录
heading-dry-run = 预演
heading-what-is-written = 内容
heading-global-options = 全局选项
heading-which = 处理对象
heading-arguments = 参数
heading-decision = 判定
heading-rules = 规则
heading-faults = 故障
heading-records = 平台自己的记录
heading-certificate = 核验证明
campaign-file = 任务文件，或数据库中的 `pushed:NAME`
completions-shell = shell 名称
completions-examples =
    示例：
      runner completions bash > ~/.local/share/bash-completion/completions/runner
          用于 bash，重新打开后生效
      runner completions fish > ~/.config/fish/completions/runner.fish
          用于 fish
explain-code = 问题代码（如 `error[E0310]` 中的 E0310）或平台结果码；不填则列出所有问题
explain-examples =
    示例：
      runner explain E0310
          这个问题是什么、为什么出现、如何处理
      runner explain 28001045
          内置表中关于该平台结果码的说明
      runner explain
          列出所有问题
export-format = 导出格式；默认按 FILE 的扩展名，否则为 csv
export-state = 只导出处于这些状态的发放，用逗号分隔
export-out = 写入 FILE 而不是 stdout；写完整后文件才会出现
export-for-excel = 在 CSV 开头写入 BOM，使 Excel 正确显示中文。要在 Excel 中完整保留 ID 的每一位，请导出 .xlsx
export-examples =
    示例：
      runner export campaigns/summer.yaml --state issued -o issued.csv
          谁拿到了券、哪一张、有效期到什么时候
      runner export campaigns/summer.yaml --format jsonl | jq 'select(.state == "held")'
          以 JSON 对象导出待人工判定的发放，供程序使用
      runner export campaigns/summer.yaml -o summer.xlsx
          导出 Excel 工作簿：ID 保留每一位，金额以元为单位，时间按任务时区，并附汇总

    各种格式的字段都与 `delivery` 相同，顺序一致。时间带任务时区的偏移，Parquet 中为 UTC，xlsx 中为任务时区的日期时间。各行按最后一次应答的先后排列，没有应答的排在最后。各种格式中的 ID 完全相同，因此导出文件可以直接作为人群或排除名单使用。CSV 中，凡是会被电子表格当作公式执行的消息、名称或原因，前面都会加上 '。xlsx 使用命令的语言；其他格式中，状态和原因始终是固定的英文词。
global-output = stdout 的输出形式：供人阅读的文本，或每行一个 JSON 对象
global-verbose = 输出更多日志，写两次则更详细；RUNNER_LOG 可指定精确的过滤条件，例如 `runner=debug`
global-log-file = 把日志追加到 FILE，而不是输出到 stderr
global-log-format = 日志格式
global-state-dir = 把账本保存在 DIR，而不是任务文件旁的 `.runner`
global-store = 把账本保存在 PostgreSQL 数据库里，供多台机器分担发放；数据库 URL 取自环境变量 NAME 或文件 PATH，默认取 RUNNER_STORE 中的 URL
global-color = 文字何时带颜色：`auto` 表示在终端上且未设置 NO_COLOR 时；默认 auto
global-lang = 界面文字的语言；默认取 RUNNER_LANG，其次取系统区域设置（LC_ALL、LC_MESSAGES、LANG）
init-dir = 文件写到哪个目录；不存在则创建
init-examples =
    示例：
      runner init
          在当前目录生成 first.yaml 和 first.csv
      runner init campaigns/spring
          在 campaigns/spring 中生成；然后：runner apply campaigns/spring/first.yaml --sandbox

    不会覆盖任何已有文件。
man-out = 把每个命令的手册页分别写入 DIR，而不是全部输出到 stdout
man-examples =
    示例：
      runner man | man -l -
          阅读全部手册页
      runner man -o ~/.local/share/man/man1
          放到 `man runner-apply` 能找到的位置
plan-paths = 任务文件或存放任务文件的目录；`pushed:NAME`（或表示全部的 `pushed:`）是数据库中的任务文件
plan-accept = 按已确认这些变化来预览；多个用逗号分隔
plan-show-users = 每种变化列出前 N 个新增、离开等的用户
plan-online = 向平台查询券模板 `coupon_meta_id`，并与任务比对。需要凭证。不发送任何请求发券
plan-detailed-exitcode = 没有可发放的退出码为 0，有则为 3，需要人工处理为 4
plan-examples =
    示例：
      runner plan campaigns/summer.yaml
          将发放多少张、有哪些变化、何时结束、能否完成
      runner plan campaigns --detailed-exitcode --output json
          对目录下的每个任务做同样的预览，供程序使用

    退出码：0；需要人工处理时为 4，例如有未确认的变化、人群无法使用、时间不够。使用 --detailed-exitcode 时，有可发放的为 3；没有可发放的、但有待人工判定或结果未知的发放时也为 4。
occurrence = 指定周期任务的哪一期，例如 `2026-06-01`
rehearsal-sandbox = 演练，或查看任务的演练数据；`apply` 使用内置沙箱，或使用 URL 处正在运行的沙箱
report-out = 报告页面的文件名；页面写完整后才会替换已有文件
report-examples =
    示例：
      runner report campaigns/summer.yaml -o report.html
          任务执行情况，单个页面
      runner report campaigns/summer.yaml --sandbox -o rehearsal.html
          演练的执行情况
which-open-ids = 这些用户的待人工判定、结果未知或被拒绝的发放
which-ordinal = 只处理这些用户的第 N 张券，从 1 开始计数
which-held = 所有待人工判定的发放
which-in-doubt = 所有结果未知的发放
which-refused = 所有被拒绝的发放
which-code = 其中只处理最后一次结果码为 N 的发放
decision-to = issued：用户已有券；refused：不再发放；owed：仍待发放，下次执行时发出
decision-note = 判定的理由，保存在账本中
decision-may-double = 允许重发结果未知的发放，用户可能因此拿到两张券
decision-yes = 不再询问确认；没有终端时，判定多次发放或使用 --may-double 必须给出
resolve-examples =
    示例：
      runner resolve campaigns/summer.yaml --held --code 990000001 --as owed --note '工单 812'
          重新发放因某个结果码而待人工判定的券
      runner resolve campaigns/summer.yaml Cv4PoJXaTPn63rNu --as refused --note '平台确认：未发券'
          平台确认结果后，完结某个用户结果未知的发放

    已发放的券永远不会重新发放。待发放、稍后重试、已跳过的发放由人群和任务文件决定，发送中的由平台的应答决定。任务正在执行时无法判定：请先停止，判定后再次执行。
runs-paths = 任务文件或存放任务文件的目录；`pushed:NAME`（或表示全部的 `pushed:`）是数据库中的任务文件
runs-all = 当前目录及其下级目录中正在执行的所有任务；给出 --state-dir 时，指该状态目录中的所有任务
help-command = 要查看帮助的命令
pause-examples =
    示例：
      runner pause campaigns/summer.yaml
          在 `runner resume` 之前不再开始新的发放；已发出的请求会等到应答
      runner pause --all
          暂停当前目录及其下级目录中正在执行的所有任务

    被暂停的进程退出后，暂停随之结束。退出码：指令已接受为 0，任务未在执行为 2。多个任务时，取 1、2、4、5、3、0 中最先出现的一个；目录或 --all 中未在执行的任务不计入。
resume-examples =
    示例：
      runner resume campaigns/summer.yaml
          恢复被 `runner pause` 暂停的执行
      runner resume campaigns/summer.yaml --output json
          同上，以 JSON 对象输出结果，供程序使用

    中断之后要继续发放，请用 `runner apply`。
    退出码：指令已接受为 0，没有被暂停的执行为 2。多个任务时，取 1、2、4、5、3、0 中最先出现的一个；目录或 --all 中没有暂停的任务不计入。
stop-examples =
    示例：
      runner stop campaigns/summer.yaml
          平稳停止执行，等同于在其终端按 ^C；之后用 `runner apply` 继续
      runner stop --all
          停止当前目录及其下级目录中正在执行的所有任务

    退出码：指令已接受为 0，任务未在执行为 2。多个任务时，取 1、2、4、5、3、0 中最先出现的一个；目录或 --all 中未在执行的任务不计入。被停止的执行自身的退出码为 3。
sandbox-port = 在 127.0.0.1 的该端口提供服务；0 表示自动选择空闲端口
sandbox-seed = 随机种子：相同的种子会拒绝相同的用户、产生相同的故障
sandbox-log = 把每个请求及其应答写入 FILE，每行一个 JSON 对象
sandbox-access-token = 启动时就接受该访问令牌，有效期同普通令牌
rule-per-second = 每个小程序 ID 在任意一秒内最多接受 N 个请求
rule-foreign-load = 其中 N 个被同一小程序 ID 的其他发送方占用
rule-token-ttl = 访问令牌的有效期
rule-no-stable-token = 不提供稳定版访问令牌接口
rule-refuse = 拒绝该比例的用户：账号已注销
rule-inactive = 拒绝该比例的用户：近七天未使用小程序
rule-stock = 每个活动的库存为 N 张
rule-repeat = 对已发过券的 ID 如何应答：再次给出原应答、给出重复码，或再发一张
rule-repeat-activity = 对已创建过活动的 merchant_activity_id 如何应答：再次给出同一活动，或给出重复码
rule-template-stock = 活动最多可从每个券模板取 N 张券
rule-template-begins = 启动之后多久，用户才能领取券模板的券
rule-template-ends = 启动之后多久，用户不能再领取券模板的券
rule-no-template = 没有任何券模板
rule-streamer-plan = 主播正在执行发券计划：一直如此，或从启动起持续该时长
fault-latency = 应答耗时：一个时长，或最短与最长
fault-busy = 应答“系统错误”，其中一半实际已发券
fault-network-error = 应答“网络错误”，其中一半实际已发券
fault-drop = 断开连接，不发券
fault-lose-answers = 发券后断开连接，不应答
fault-cut-body = 发券后在应答途中断开连接
fault-garbage = 发券后应答无法解析的内容
fault-bad-gateway = 应答 502 和 HTML 页面，其中一半实际已发券
fault-hang = 始终不应答，其中一半实际已发券
fault-throttle = 在未超限时应答“请求过于频繁”
fault-repeat-answers = 发券后先重复该连接上一次的应答，再给出正确的应答
record-count-delay = 券领取多久之后计入领取数
record-bill-after = 启动后多久之内没有账单
record-bill-form = 账单的写法：plain、chinese、untitled、gb18030、guarded 或 rounded
record-bill-lie = 账单的错误：none、truncated、empty、other-app 或 gaps
record-used = 券立即被使用，所以不在用户的券里
record-streamer-coupons = 用户还有一张主播发的同模板的券
record-other-coupons = 用户还有一张另一个模板的券
sandbox-examples =
    示例：
      runner sandbox --port 8080 --log requests.jsonl
          启动沙箱并记录每个请求；然后在另一个终端运行：runner apply FILE --sandbox=http://127.0.0.1:8080
      runner sandbox --busy 2% --drop 1% --lose-answers 1%
          模拟平台状况不佳时的任务表现

    除 `wrong-secret` 外，任何 client key 和 secret 都会被接受。沙箱页面在 /，请求日志在 /log.jsonl。
schema-of = 哪种文件：`campaign`（任务），或者 `server`（服务配置）
schema-examples =
    示例：
      runner schema > campaign.schema.json
          保存到编辑器能找到的位置
      runner schema --lang zh > campaign.schema.json
          保存中文说明的版本
      runner schema | jq '.properties | keys'
          列出顶层的键

    任务文件以 `# yaml-language-server: $schema=campaign.schema.json` 开头时，多数编辑器会自动补全和检查。
simulate-from = 从任务时区的该本地时间开始，例如 2026-06-01T10:00，而不是现在
simulate-accept = 按已确认这些变化来模拟；多个用逗号分隔
simulate-out = 同时把结果写成页面；页面写完整后才会替换已有文件
simulate-examples =
    示例：
      runner simulate campaigns/summer.yaml --from 2026-06-01T09:00 --outage 14:00+2h
          如果平台有两小时无法访问，任务会怎样逐小时进行、何时结束
      runner simulate campaigns/summer.yaml --inactive 5% --foreign-load 40 -o simulation.html
          有其他发送方占用同一小程序 ID 时是否会触发中止规则；同时生成页面

    退出码：任务能完成为 0，再次执行同一命令即可继续为 3，需要人工处理为 4。
status-paths = 任务文件或存放任务文件的目录；`pushed:NAME`（或表示全部的 `pushed:`）是数据库中的任务文件；默认为当前目录
status-watch = 持续刷新，直到没有任务在执行
status-examples =
    示例：
      runner status campaigns
          目录下每个任务的状态
      runner status campaigns/summer.yaml --watch
          持续刷新一个任务的状态，直到执行结束

    退出码：无论任务处于什么状态都为 0；指定的文件无法使用时为 2。
trace-open-id = 用户的 open_id
trace-examples =
    示例：
      runner trace campaigns/summer.yaml ba253642-0590-40bc-a1b2-93c4d5e6f708
          用户拿到了哪张券，或为什么没有；以及向平台查询用的 log_id
      runner trace campaigns/summer.yaml ba253642-0590-40bc-a1b2-93c4d5e6f708 --output json
          同上，供程序使用：每张券一个 `delivery`，含历史记录和后续动作
validate-paths = 任务文件、存放任务文件的目录，或服务的配置文件；`pushed:NAME`（或表示全部的 `pushed:`）是数据库中的任务文件
validate-examples =
    示例：
      runner validate campaigns/summer.yaml
          检查一个文件
      runner validate campaigns --output json
          检查目录下所有 .yaml 和 .yml 文件，供程序使用
      runner validate server.yaml
          检查服务的配置文件；不读取其中引用的密钥

    退出码：所有文件都可用为 0，否则为 2。
verify-certificate = 把账本内容的摘要及校验和写入 FILE
verify-against = 与 FILE 中的核验证明比对
serve-directory = 任务文件所在的目录
serve-listen = 网页的地址；未指定时为 127.0.0.1:7878。供其他机器访问时需要用户和 https
serve-sandbox = 用服务内部的沙箱演练每个任务：不会真正发放
serve-link = 为这个目录正在运行的服务输出一个新链接，然后结束
serve-config = 服务配置文件，包含用户和角色；不写时使用 DIR 旁边的 `server.yaml`（如果有）
serve-hash-password = 询问密码，输出写入服务配置文件的哈希值，然后结束
serve-new-token = 为程序输出一个新令牌及其哈希值，然后结束
serve-examples =
    示例：
      runner serve campaigns/ --sandbox
          在网页上演练目录中的每个任务
      runner serve campaigns/
          正式执行：每份计划都在网页上等待你批准
      runner serve campaigns/ --link
          再次输出该服务的链接
      runner serve --hash-password > secrets/li.hash
          为 server.yaml 中的用户生成密码的哈希值

verify-examples =
    示例：
      runner verify campaigns/summer.yaml --certificate summer.json
          核验每条记录，并保存一份核验证明
      runner verify campaigns/summer.yaml --against summer.json
          核对账本与核验证明是否一致，有何差异
      runner verify campaigns/
          核验这个目录的服务日志

    退出码：账本完好（且一致）为 0；不一致、早于见证记录，或有 coupon_id、log_id 属于多次发放时为 4；账本损坏为 1，并指出文件和最后一条完好的账本记录。核验证明的 SHA-256 对所有已发放和被拒绝的发放计算，内容是排序后的 `merchant_coupon_id state` 各行，可用 `runner export --state issued,refused` 导出。
world-seed = 随机种子：相同的种子得到相同的模拟
world-outage = 平台从任务时区的某个本地时间起无法访问：14:00+2h 表示最近一个尚未到来的 14:00 起两小时，也可写成 2026-06-02T14:00+2h；可多次使用
usage = 用法:
heading-options = 选项
heading-commands = 命令
option-help = 显示帮助
option-version = 显示版本

with-default = { $help } [默认：{ $value }]
with-values = { $help } [可选值：{ $values }]
with-variable = { $help } [环境变量：{ $variable }]
doctor-examples =
    示例：
      runner doctor campaigns/summer.yaml
          检查本机、网络、平台和人群；只请求一次令牌，不发券
      runner doctor campaigns/summer.yaml --output json
          每项检查输出一个 JSON 对象
      runner doctor campaigns/summer.yaml --sandbox
          对沙箱进行检查，不需要凭据

    退出码：没有失败的检查时为 0，否则为 1、2 或 4，与执行时相同
notify-examples =
    示例：
      runner notify campaigns/summer.yaml
          向文件中的每个渠道发送一条测试消息
      runner notify server.yaml
          对服务的渠道做同样的事
      runner notify campaigns/summer.yaml --output json
          输出供程序读取

    退出码：每条消息都已送达时为 0；结果未知或渠道要求放慢时为 3；渠道拒绝时为 4；缺少 URL 或密钥时为 2
