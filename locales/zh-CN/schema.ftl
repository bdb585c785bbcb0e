description = { $key ->
    [Campaign] 一个发券任务：一个活动、一个人群、一份时间安排。
    [Campaign-version] 任务文件格式的版本。
    [Campaign-campaign] 任务的永久名称，每个 merchant_coupon_id 都由它参与生成：任意语言的小写文字（NFC）、数字和 `-`，最长 64 字节。
    [Campaign-title] 给人看的标题。
    [Campaign-app_id] 小程序 ID：字母、数字、`-` 和 `_`，最多 64 个字符。
    [Campaign-activity_id] 新发放的券所属的活动：数字，加不加引号都可以。
    [Campaign-bill] `runner reconcile` 怎样读平台的日账单。
    [Campaign-coupon_meta_id] 活动所用的券模板：数字，加不加引号都可以。`activity` 需要它，`runner reconcile` 查询平台的领取数时也需要它。
    [Campaign-activity] 代替 `activity_id`：由第一次执行创建的活动。
    [Activity] 由第一次执行创建的活动，券都从它发出。
    [Activity-stock] 活动最多发放的券数，创建时立即从券模板的库存中扣除。不写时取 `max_coupons`。
    [Activity-name] 平台控制台显示的名称。不写时取标题，没有标题就取任务名。
    [Activity-release] 剩余库存何时退回券模板。
    [ReleaseWord] 剩余库存退回券模板的时机。
    [ReleaseWord-never] 只在有人要求时：`runner activity FILE --release`。
    [ReleaseWord-when_settled] 由发现每次发放都已有结果的那次执行退回。
    [Campaign-timezone] 文件中所有时间和日期的时区，写 IANA 名称。
    [Campaign-coupons_per_user] 每个用户应得的券数；每张券都有自己的 ID。
    [Campaign-max_coupons] 任务从头到尾最多发放的券数。
    [Campaign-coupon_value] 券的面额。不写时，以第一张已发放的券为准。平台给出的面额优先。
    [Campaign-max_worth] 任务从头到尾所有券的总面额上限。
    [Campaign-notify] 接收执行消息的机器人和服务器。
    [Campaign-approval] 服务在策略之外还需要什么，才发放这个任务。
    [Approval] 服务在策略之外还需要什么，才发放这个任务。任何文件的要求都不会低于策略。
    [Approval-approvals] 需要多少人批准。
    [Campaign-codes] 平台结果码的含义，优先于内置表。
    [Audience] 给谁发券。
    [Audience-source] 用户名单的来源。
    [Audience-exclude] 不给谁发券：任意一种数据源的名单，以及其他任务已发的券。
    [Audience-testers] 最先发放的用户，不论数据源中有没有他们；发完后等待 `runner approve`。
    [Audience-active_within] 轮到用户时，如果最近一次活跃早于这个时长，就跳过这个用户。
    [Audience-order] 谁先发放。
    [Audience-control_group] 永远不发券的人群比例，由固定的哈希选出。
    [Audience-limit] 任务从头到尾最多给多少用户发券，取最先列入的那些。
    [Audience-allow_empty] 人群为空时是否照常执行；否则停止执行。
    [Audience-max_unusable] 无效行占读取行数的比例超过它时，停止执行。
    [Bill] `runner reconcile` 怎样读平台的日账单。
    [Bill-timezone] 账单日期和不带时区的时间所用的时区，写 IANA 名称。
    [Bill-columns] 账单各列的含义，由人确认；不写时由 `runner reconcile` 根据内容给出建议。
    [BillColumns] 账单各列的含义：写列名，或从 1 开始的列号。
    [BillColumns-coupon_id] 券 ID 所在的列。
    [BillColumns-open_id] 用户 open_id 所在的列。
    [BillColumns-receive_time] 领取时间所在的列。
    [BillColumns-merchant_meta_no] 商户券模板号所在的列。
    [BillColumns-coupon_meta_id] 券模板 ID 所在的列。
    [BillColumns-activity_id] 活动 ID 所在的列。
    [Channel] 接收执行消息的一个渠道：只能是其中一种。
    [Channel-feishu] 飞书或 Lark 群的自定义机器人。
    [Channel-dingtalk] 钉钉群的自定义机器人。
    [Channel-wecom] 企业微信群机器人。
    [Channel-webhook] 按 Standard Webhooks 规则接收 JSON 的服务器。
    [Channel-on] 通知哪些内容。
    [Channel-language] 消息的语言。
    [Class] 平台结果码在这里的含义，也就是任务文件 `codes` 中的词。
    [Class-issued] 用户已经拿到券。
    [Class-retry] 平台没有办成，也没有说明是否已经发券：用同一个 ID 重发。
    [Class-throttle] 太快；没有发券。
    [Class-token] 访问令牌无效；没有发券。
    [Class-refuse] 该用户被永久拒绝。
    [Class-hold] 待人工判定。
    [Class-wait] 整个任务需要等待。
    [Class-halt] 中止：需要人工处理。
    [Credentials] `client_key` 加 `client_secret`，或者只有 `access_token`。每项都是引用；绝不写密钥本身。
    [Credentials-client_key] 小程序的 key。
    [Credentials-client_secret] 小程序的 secret。
    [Credentials-access_token] 由其他系统续期的访问令牌；过期后从文件重新读取。
    [Credentials-env] 环境变量的名称。
    [Credentials-file] 只存放这个密钥的文件。
    [Csv] 有表头行的 CSV 文件，可以用 gzip 或 zstd 压缩。
    [Csv-path] 文件，或者 `part-*.csv` 这样的通配模式；相对路径从任务文件所在的目录算起。
    [Csv-open_id] 用户的 open_id 所在的列。
    [Csv-last_active] 用户最近一次活跃时间所在的列。
    [Csv-encoding] 文件的编码；不写时为 `utf-8`。
    [Csv-delimiter] 字段之间的分隔符；不写时根据表头行判断。
    [Delimiter] 字段之间的分隔符。
    [Delimiter-comma] `,`
    [Delimiter-semicolon] `;`
    [Delimiter-tab] 制表符。
    [Encoding] 文件的编码。
    [Encoding-utf-8] Unicode，最常用的编码。
    [Encoding-gb18030] 国内电子表格软件的编码，包含 GBK 和 GB 2312。
    [Every] 任务多久举行一次。
    [Every-day] 每天。
    [Every-week] 每周的某些日子。
    [Every-month] 每月的某些日子。
    [Exclude] 一个不发券的用户名单：一个数据源，或者另一个任务。
    [Exclude-other] 在这个文件的任务中已经有券、或可能有券的所有用户。
    [Format] 管道输入的格式。
    [Format-csv] 有表头行的 CSV。
    [Format-jsonl] 每行一个 JSON 对象。
    [Guard] 最近的应答中，超过多少比例算过多。
    [Guard-over] 比例；超过它就中止执行。
    [Guard-after] 按最近多少个应答判断；不足这个数时不判断。
    [Halt] 什么情况下中止执行。
    [Halt-refused] 被内置表判为拒绝的用户过多。不写时：200 个中超过 50%。
    [Halt-held] 待人工判定的发放过多。不写时：500 个中超过 20%。
    [Halt-same_code] 同一个未知或待人工判定的结果码连续出现这么多次。
    [InDoubt] 结果未知的发放如何处理。
    [InDoubt-resend] 用同一个 ID 重发。
    [InDoubt-ask] 等待人工处理。
    [Jsonl] 每行一个 JSON 对象的文件，可以用 gzip 或 zstd 压缩。
    [Jsonl-path] 文件，或者 `members-*.jsonl.gz` 这样的通配模式；相对路径从任务文件所在的目录算起。
    [Jsonl-open_id] 用户的 open_id 所在的键；用点号取嵌套字段：`user.open_id`。
    [Jsonl-last_active] 用户最近一次活跃时间所在的键。
    [Order] 谁先发放。
    [Order-as_listed] 按数据源的顺序。
    [Order-expiring_first] 最快超出 `active_within` 的用户先发。
    [Missed] 一期如果没有在它的时刻之后一小时内开始，怎么处理。
    [Missed-skip] 只显示出来；有人执行它才会开始。
    [Missed-once] 最近的一期会晚些开始，只要下一期还没有开始。
    [Pace] 整个小程序开始尝试的速率。
    [Pace-per_second] 任意一秒内开始的尝试数，可以小于 1。平台文档规定的上限是 100。
    [Pace-per_day] 任务时区的一个自然日内的尝试数，含重试和重发；重启后继续累计。
    [Pace-max_in_flight] 同时处于发送中的最大请求数。
    [Parquet] Parquet 文件。
    [Parquet-path] 文件，或者 `part-*.parquet` 这样的通配模式；相对路径从任务文件所在的目录算起。
    [Parquet-open_id] 用户的 open_id 所在的列；用点号取嵌套字段：`user.open_id`。
    [Parquet-last_active] 用户最近一次活跃时间所在的列。
    [Platform] 请求发往哪里。
    [Platform-base_url] 平台的地址；只有回环地址可以用 http。
    [ProxyAuth] 在请求到达服务之前登录用户的代理，它在请求头中写明用户名，并用另一个请求头中的密钥证明自己；它必须删去收到的请求中的这两个请求头。
    [ProxyAuth-header] 写有用户名的请求头。
    [ProxyAuth-secret] 代理用来证明自己的密钥的引用。
    [ProxyAuth-secret_header] 写有该密钥的请求头。
    [ProxyAuth-env] 环境变量的名称。
    [ProxyAuth-file] 只存放这个密钥的文件。
    [Repeat] 任务何时重复举行。每一期都是一个独立的任务，有自己的券 ID、账本和发放计划。一期从它的时刻起，可以发送到下一期开始为止。
    [Repeat-every] 多久举行一次。
    [Repeat-on] 在哪些日子：星期为 `mon` 到 `sun`，月份中的日子为 1 到 31 或 `last`。没有这一天的月份不举行。
    [Repeat-at] 一期开始的时刻，按 `timezone` 的时间。
    [Repeat-until] 最后一期最晚在这一天开始。
    [Repeat-missed] 一期如果没有在它的时刻之后一小时内开始，怎么处理。
    [Retry] 什么要重试、何时重试、重试几次。
    [Retry-attempts] 一次执行中，单次发放的尝试次数。
    [Retry-first_delay] 第一次与第二次尝试之间的延迟；此后逐次翻倍，并带随机抖动。
    [Retry-max_delay] 翻倍所能达到的最长延迟。
    [Retry-timeout] 一次尝试的超时时间。
    [Retry-in_doubt] 结果未知的发放如何处理。
    [Retry-resend_within] 首次结果未知之后，多长时间内可以重发；超过之后由人判定。
    [Retry-give_up] 平台中断超过这个时长，就结束执行。
    [Role] 用户可以做什么。
    [Role-viewer] 查看任务，看不到用户 ID。
    [Role-support] 还可以暂停和停止任务，查看单个用户的记录。
    [Role-author] 规划任务，暂停和停止任务。
    [Role-operator] 执行、恢复和判定。
    [Role-approver] 批准他人的请求。
    [Role-admin] 可以做任何操作。
    [Schedule] 什么时候可以发送：不早于开始时间，不晚于结束时间，并且只在时段之内，重发也不例外。
    [Schedule-start] 在此之前不发送。
    [Schedule-end] 从此刻起不再开始任何尝试，重试和重发也不例外。
    [Schedule-hours] 每周可以开始尝试的时段，按 `timezone` 的时间。不写时不限。跨过午夜的时段算在开始的那一天。
    [Schedule-closed] 停发日：这些日期没有时段开始。
    [Schedule-waves] 比其他人先发的几部分人群，按此顺序，每个批次之后等待一段时间。
    [Server] 对服务器的查询。
    [Server-url] 服务器的 URL 在哪里；URL 中有密码，所以只写引用。
    [Server-query] 一条只读的语句。
    [Server-open_id] 查询结果中 open_id 所在的列；不写时为 `open_id`。
    [Server-last_active] 查询结果中用户最近一次活跃时间所在的列。
    [Server-env] 环境变量的名称。
    [Server-file] 只存放这个密钥的文件。
    [Service] 一个服务：在哪里监听，谁可以使用。
    [Service-version] 文件格式的版本。
    [Service-listen] 服务监听的地址。其他机器能访问的地址需要有用户和使用 https 的 `url`。
    [Service-url] 浏览器和程序访问服务的地址，例如前面代理的地址。
    [Service-timezone] 文件中日期和月份的时区，写 IANA 名称。
    [Service-users] 可以使用服务的人。没有时只有一个用户，即启动进程的用户。
    [Service-groups] 用户组：组名和用户列表。
    [Service-tokens] 可以使用服务的程序。
    [Service-policy] 计划在发放之前需要什么。
    [Policy] 每个计划需要什么，以及符合条件的计划另外需要什么，服务才会发放。
    [Policy-default] 每个计划需要什么。
    [Policy-rules] 符合条件的计划另外需要什么。符合的规则全部有效。
    [Policy-budgets] 应用的券在一天或一个月内最多值多少。
    [Period] 预算的周期，按 `timezone` 的时间。
    [Period-day] 一天。
    [Period-month] 一个月。
    [Budget] 一个预算：应用的券在一天或一个月内最多值多少。一次执行计入开始时所在的周期。
    [Budget-app] 共用预算的应用 ID；`*` 代表任意字符。
    [Budget-per] 预算的周期。
    [Budget-worth] 券最多值多少。
    [Policy-freezes] 不发送任何内容的时间。
    [Freeze] 冻结期：不发送任何内容的时间。
    [Freeze-name] 名称，用于页面和日志。
    [Freeze-from] 开始时刻，按 `timezone` 的时间。
    [Freeze-until] 恢复发送的时刻，按 `timezone` 的时间。
    [Freeze-except] 不受限制的发券任务；`*` 代表任意字符。
    [Policy-expires] 批准，以及没有批准的申请，在没有发放时的有效时间。
    [BaseNeed] 每个计划需要什么。
    [BaseNeed-approvals] 需要多少用户批准。为 0 时，计划生成后自动发放，除非有其他限制。
    [BaseNeed-from] 哪些组的批准有效；不写则所有用户。
    [Rule] 符合条件的计划另外需要什么。
    [Rule-name] 规则的名称，用于页面和日志。
    [Rule-when] 条件。全部符合时规则生效。
    [Rule-need] 计划需要什么：批准、批次或 `again`。
    [Rule-deny] 服务是否完全不发放这样的计划。
    [When] 规则的条件。
    [When-worth_over] 发券任务的全部券（包括已发放的）价值超过这个金额，或者不知道一张券的面额。
    [When-worth_per_user_over] 一个用户的券价值超过这个金额，或者不知道一张券的面额。
    [When-coupons_over] 发券任务发放的券（包括已发放的）多于这个数量。
    [When-sends_outside] 按 `timezone` 的时间，发送时段可能在这些时间之外。
    [When-audience_grew] 与上次执行相比，人群增加的比例超过这个值。
    [When-new_app] 这里没有该应用其他发券任务的账本。
    [When-campaign] 发券任务的名称是其中之一；`*` 代表任意字符。
    [When-app] 应用 ID 是其中之一；`*` 代表任意字符。
    [Need] 计划需要什么。
    [Need-approvals] 需要多少用户批准。只写 `from` 时为 1。
    [Need-from] 哪些组的批准有效；不写则所有用户。
    [Need-again] 即使 `default` 不需要批准，是否也要有人批准。
    [Need-waves] 发券任务是否需要有等待批准的批次。
    [Service-retain] 账本完成之后保留 open_id 的时长。不写则一直保留。
    [Service-notify] 接收消息的渠道：关于每个任务和服务本身。
    [Store] 任务的账本和服务的日志不放在文件中时的位置：多机部署的数据库。修改后需要重启。
    [Store-postgres] PostgreSQL 数据库 URL 的引用；它的表由 `runner store init` 创建。
    [Store-env] 环境变量的名称。
    [Store-file] 只存放这个 URL 的文件。
    [Source] 用户名单的来源：只能是其中一种。
    [Source-postgres] 对 PostgreSQL 服务器的查询，在只读事务中执行。
    [Source-mysql] 对 MySQL 或 MariaDB 服务器的查询，在只读事务中执行。
    [Sqlite] 对 SQLite 数据库的查询，只读打开。
    [Sqlite-path] 数据库文件；相对路径从任务文件所在的目录算起。
    [Sqlite-query] 一条只读的语句。
    [Sqlite-open_id] 查询结果中 open_id 所在的列；不写时为 `open_id`。
    [Sqlite-last_active] 查询结果中用户最近一次活跃时间所在的列。
    [Stdin] 用管道输入的数据，可以用 gzip 或 zstd 压缩。每次执行都要重新输入。
    [Stdin-format] 数据的格式。
    [Stdin-open_id] 用户的 open_id 所在的列或键。
    [Stdin-last_active] 用户最近一次活跃时间所在的列或键。
    [Stdin-encoding] 用于 CSV：编码；不写时为 `utf-8`。
    [Stdin-delimiter] 用于 CSV：字段之间的分隔符；不写时根据表头行判断。
    [Token] 可以使用服务的程序。
    [Token-name] 程序的名称，会写入日志。
    [Token-hash] 令牌的 SHA-256。`runner serve --new-token` 会同时生成两者。
    [Token-roles] 程序可以做什么。
    [User] 可以使用服务的人。
    [User-name] 名称，用于登录，会写入日志。
    [User-password] 密码哈希的引用。由 `runner serve --hash-password` 生成。
    [User-env] 环境变量的名称。
    [User-file] 只存放这个哈希值的文件。
    [User-roles] 这个人可以做什么。
    [Wave] 比其他人先发的一部分人群，由固定的哈希选出。
    [Wave-share] 这个批次结束时已经发放过的人群比例，包含前面的批次。
    [Wave-wait] 批次结束后等待多久才开始新的尝试：一段时间，或者 `approval`，即等到 `runner approve` 为止。
    [Wave-halt_if_not_issued] 本批次的应答中，没有发出券的超过这个比例，就中止执行。
    [MessageLanguage] 消息的语言。
    [MessageLanguage-zh] 中文。
    [MessageLanguage-en] 英文。
    [PlainBot] 只靠 URL 保密的群机器人。
    [PlainBot-env] 环境变量的名称。
    [PlainBot-file] 只存放这个密钥的文件。
    [PlainBot-url] 对机器人 URL 的引用；知道这个 URL 的人都能使用机器人。
    [SignedBot] 可以校验签名和关键词的群机器人。
    [SignedBot-env] 环境变量的名称。
    [SignedBot-file] 只存放这个密钥的文件。
    [SignedBot-url] 对机器人 URL 的引用；知道这个 URL 的人都能使用机器人。
    [SignedBot-secret] 对签名密钥的引用。机器人不校验签名时不写。
    [SignedBot-keyword] 机器人要求每条消息都包含的关键词；没有要求时不写。
    [Tls] 服务自己加密请求时使用的证书。两个文件有变化时会重新读取。
    [Tls-cert] 证书文件，包括签发它的证书，PEM 格式。
    [Tls-key] 私钥文件，PEM 格式。
    [Topic] 消息的内容。
    [Topic-halted] 执行已中止，需要人工处理。
    [Topic-ended] 执行已结束，不论任务是否完成。
    [Topic-waiting] 执行等待人工或等待其他进程超过 10 分钟。
    [Topic-approval] 一个批次已结束，下一批次需要批准；或者 `runner serve` 中有发放计划需要批准。
    [Topic-outage] 平台无法访问或降速超过 10 分钟，以及这种情况的结束。
    [Topic-wave] 一个批次已结束。
    [Topic-stalled] 允许发送，但 30 分钟内没有任何发放完结。
    [Topic-missed] 周期任务的一期已错过。只有 `runner serve` 会发现。
    [Topic-budget] 一次执行使服务的预算用到 80 % 或更多。只有 `runner serve` 有预算。
    [Topic-differs] 平台自己的记录与账本不一致。只有 `runner reconcile --watch` 会发现。
    [Webhook] 按 Standard Webhooks 规则接收 JSON 的服务器。
    [Webhook-env] 环境变量的名称。
    [Webhook-file] 只存放这个密钥的文件。
    [Webhook-url] 对服务器 URL 的引用。
    [Webhook-secret] 对签名密钥的引用，例如 `whsec_…`。不写时消息没有签名。
   *[other] { $english }
}
