label-error = 错误
label-warning = 警告
label-cause = 原因
label-help = 处理办法

write = 请填写：{ $wanted }
write-value = 请写 `{ $value }`
write-or-omit = 请填写：{ $wanted }，或者去掉这个键
both-helps = { $first }；{ $second }
did-you-mean = 你要写的是 `{ $value }` 吗？

empty-text = 空文本
token-text = 一段包含访问令牌的文本
quoted-text = 文本 { $text }

## The file

unreadable = 无法读取{ $kind ->
    [server] 服务配置文件
   *[campaign] 任务文件
}
unreadable-absent = 请检查路径；相对路径从当前目录算起
unreadable-directory = 请指定其中的一个文件
unreadable-permission = 请让当前用户有权读取它
unreadable-other = 请检查路径及其所在的磁盘
not-a-regular-file = 它不是普通文件
too-large = { $kind ->
    [server] 服务配置文件
   *[campaign] 任务文件
}超过 1 MiB
audience-in-its-own-file = { $kind ->
    [server] 请删去其中不相关的内容
   *[campaign] 请把人群放进单独的文件，由 `audience.source` 引用
}
utf-16 = { $kind ->
    [server] 服务配置文件
   *[campaign] 任务文件
}是 UTF-16，不是 UTF-8
not-text = 字符 { $code } 不是文本
not-utf-8 = 字节 { $byte } 不是 UTF-8 文本
save-as-utf-8 = 请把文件另存为 UTF-8 文本
more-mistakes = 还有 { $n } 个错误没有列出
more-mistakes-help = 其他错误可能由前面的错误引起：请先改正前面的，再检查一次

## YAML

empty-file = 文件没有内容
empty-file-help = { $kind ->
    [server] 服务配置文件以 `version: 1` 开头；其余内容见 `runner schema server`
   *[campaign] 任务文件以 `version: 1` 开头；其余内容见 `runner schema`
}
tag = YAML 标签（`!…`）在{ $kind ->
    [server] 服务配置文件
   *[campaign] 任务文件
}中没有意义
tag-help = 请去掉标签
second-document = 从这里开始是第二个 YAML 文档
second-document-help = { $kind ->
    [server] 服务配置文件只能有一个文档：请删去 `---` 这一行
   *[campaign] 一个任务文件只能有一个文档：请把第二个任务放进单独的文件
}
endless-alias = 这个别名引用的值又包含它自己
endless-alias-help = 请直接写出这个值
too-deep = 值的嵌套超过 { $most } 层
too-deep-help = { $kind ->
    [server] 服务配置文件
   *[campaign] 任务文件
}最多需要 5 层
too-many-values = 文件中的值超过 { $most } 个
alias-bomb = 展开别名之后，文件中的值超过 { $most } 个
alias-bomb-help = 请直接写出内容，不要让别名引用别名
merge-key = 合并键（`<<`）不属于 YAML 1.2
merge-key-help = 请逐个写出这些键，或者对每个值使用别名
key-not-a-word = 键只能是一个单词
tab = YAML 在这里只允许空格，而文件中是制表符
tab-help = 请用空格缩进，每层两个
unknown-alias = 前面没有以这个别名的名称标记的值
unknown-alias-help = 请在 `*name` 要重复的值前面写 `&name`
open-quote = 这里的引号没有闭合
text-after-quote = 右引号之后还有文本
quote-help = 请用相同的引号闭合；双引号中 `\` 表示转义，单引号中不表示
unknown-escape = 双引号中没有这种转义
unknown-escape-help = 含有 `\` 的文本请用单引号
open-bracket = 这里的括号没有闭合
mismatched-bracket = 这个括号被另一种括号闭合
surplus-bracket = 这个右括号没有对应的左括号
missing-comma = 这里应当是逗号或右括号
bracket-help = 每个 `[` 和 `{ "{" }` 都要有对应的 `]` 或 `{ "}" }`，两个值之间用逗号隔开
indentation = 缩进与前面的行不一致
too-indented = 这一行比前面的行缩进更深
indentation-help = 同一层的键从同一列开始；下一层的内容多缩进两个空格
second-colon = 这一行有第二个 `:`，或者 `:` 前面不能是键的结尾
key-expected = 这里应当是键，后面跟冒号
colon-help = 请写成 `key: value`，冒号后面加空格；含有 `: ` 或 ` #` 的值要加引号
wrong-first-character = 值不能以这个字符开头
wrong-first-character-help = 请给这个值加上引号
missing-alias-name = `&` 和 `*` 用来给值命名，而这里没有名称
missing-alias-name-help = 以 `&` 或 `*` 开头的值请加上引号
inner-byte-order-mark = 文件中间有字节顺序标记
inner-byte-order-mark-help = 请删除它：它只能出现在文件开头
comment-in-value = 值还没有结束，注释就开始了
comment-in-value-help = 请在 `#` 前面加空格，或者给值加上引号
after-document = 文档结束之后还有文本
not-yaml = 这不是 YAML
not-yaml-help = 含有特殊字符的文本请加上引号

## Full-width characters

full-width-sign = YAML 在这里需要半角字符，而文件中是全角字符
full-width-space = 这里有全角空格：请改为半角空格
full-width-indent = 这一行用全角空格缩进：请改为半角空格
full-width-colon = `：` 是全角冒号：请改为 `:`
full-width-colon-space = `：` 是全角冒号：请改为 `:`，后面加一个空格
full-width-comma = `，` 是全角逗号：请改为 `,`
full-width-comma-space = `，` 是全角逗号：请改为 `,`，后面加一个空格
full-width-list-comma = `{ $found }` 不是 YAML 的逗号：请改为 `,`，后面加一个空格
full-width-dash = `{ $found }` 不是列表项的符号：请改为 `-`，后面加一个空格
full-width-comment = `＃` 是全角井号：请改为 `#`，前面加一个空格
typographic-quote = `{ $found }` 是中文引号：请改为 `{ $meant }`
full-width-digits = `{ $found }` 中有全角数字：请写 `{ $meant }`
full-width-other = `{ $found }` 是全角字符：请改为 `{ $meant }`
quotes-around = `{ $path }` 两端有中文引号，它们会成为值的一部分
quotes-around-help = 请写 `{ $bare }`，或者用半角引号写成 `"{ $bare }"`
space-around = `{ $path }` 的开头或结尾有全角空格，它会成为值的一部分

## Keys and values

missing-key = 缺少 `{ $path }`
missing-key-label = 应当与这个键并列
missing-key-help = 请添加 `{ $key }: { $example }`
repeated-key = `{ $path }` 出现了两次
repeated-key-help = 第一次出现在第 { $line } 行：请只保留一个
unknown-key = `{ $path }` 下没有键 { $key }
unknown-root-key = { $file ->
    [server] 服务配置文件
   *[campaign] 任务文件
}没有键 { $key }
unknown-credentials-key = `credentials` 下没有这个键
known-keys = 可用的键：{ $keys }
no-value = `{ $path }` 没有值
not-single = `{ $path }` 应当是单个值，而这里是{ $kind ->
    [list] 列表
   *[mapping] 映射
}
not-a-list = `{ $path }` 应当是列表
not-a-mapping = `{ $path }` 应当是键值映射，而这里是{ $kind ->
    [list] 列表
   *[value] 单个值
}
root-not-a-mapping = { $file ->
    [server] 服务配置文件
   *[campaign] 任务文件
}应当是键值映射，而这里是{ $kind ->
    [list] 列表
   *[value] 单个值
}
keys-of-codes = 请在它下面写 `CODE: CLASS`，例如 `29005099: refuse`
only-key = 请在它下面写 `{ $key }:`
keys-under = 它下面应当是从 `{ $first }` 到 `{ $last }` 的键

## Numbers, shares, durations

value-text = 文本
value-keys = 下列键
negative = `{ $path }` 不能是负数
too-small = `{ $path }` 太小
too-large-number = `{ $path }` 太大
integer = { $least } 到 { $most } 的整数
not-integer = `{ $path }` 是 { $value }，不是整数
number = { $least } 到 { $most } 的数
not-number = `{ $path }` 是 { $value }，不是数
want-rate = 每秒的发送次数，例如 `98` 或 `0.5`
zero-rate = `{ $path }` 是 0：永远不会发送
least-rate-help = 请填写不小于 0.00001 的数，约为每天一次；如果什么都不想发送，就不要执行这个任务
most-rate-help = 平台文档规定的上限是每秒 100 次：请写 `98`
over-limit = `{ $path }` 超过了平台文档规定的单个小程序上限 100
over-limit-help = 请写不超过 `98` 的数，除非平台为这个小程序提高了上限
share = `0%` 到 `100%` 的比例
want-share = `0%` 到 `100%` 的比例，例如 `5%`
not-share = `{ $path }` 是 { $value }，不是比例
share-over-all = `{ $path }` 超过了 100%
share-part = 表示几分之几请写 `{ $share }`，否则请写 `{ $percent }`
control-group = `0%` 到小于 `100%` 的比例
control-group-all = `{ $path }` 是 100%：不会给任何人发券
control-group-help = 请填写不发券的用户所占的比例，例如 `5%`
duration = `{ $least }` 到 `{ $most }` 的时长
want-duration = 时长，例如 `{ $example }`
not-duration = `{ $path }` 是 { $value }，不是时长
duration-help = 请填写整数加 `ms`、`s`、`m`、`h` 或 `d`，例如 `{ $example }`
duration-or = 按毫秒请写 `{ $ms }`，按秒请写 `{ $s }`
duration-ms = 按毫秒请写 `{ $ms }`
duration-s = 按秒请写 `{ $s }`
too-short = `{ $path }` 太短
too-long = `{ $path }` 太长
retry-delays = `retry.first_delay`（{ $first }）比 `retry.max_delay`（{ $most }）长
retry-delays-help = 请写 `max_delay: { $first }` 或更长

## Words and names

separator = 、
one-of = { $words } 之一
did-you-mean-one-of = 你要写的是 `{ $value }` 吗？可用的值：{ $words }
cannot-be = `{ $path }` 不能是 { $value }
cannot-be-because = `{ $path }` 不能是 { $value }：{ $why }
boolean = `true` 或 `false`
not-boolean = `{ $path }` 只能是 true 或 false，不能是 { $value }
version = `version` 是 { $value }；这个版本的 runner 读取版本 1
codes = 结果码到分类的映射
not-a-code = { $value } 不是平台的结果码
not-a-code-help = 请填写平台应答中 `err_no` 的整数，例如 `29005099`
success-code = 结果码 0 表示平台成功，不能改变它的含义
success-code-help = 请去掉它
want-campaign = 名称，例如 `summer-2026`
want-app-id = 小程序 ID，例如 `ttec789ac573xxxxxx01`
want-activity-id = 活动的数字 ID，即 `create_developer_activity` 的应答
want-coupon-meta-id = 券模板的数字 ID，平台控制台可以查到
want-bill-column = 账单中这一列的列名，或从 1 开始的列号
two-activities = 文件中同时有 `activity` 和 `activity_id`
two-activities-help = 只保留一个：活动已存在就写 `activity_id`，由第一次执行创建就写 `activity`
activity-without-template = `activity` 需要 `coupon_meta_id`
activity-without-template-help = 请写出活动从哪个券模板取券：`coupon_meta_id: "…"`
activity-without-stock = `activity` 需要 `stock`，或者用 `max_coupons` 代替
activity-without-stock-help = 请写出活动最多发多少张券：在 `activity` 下写 `stock: 100000`
activity-name-too-long = `{ $path }` 超过 { $most } 个字符
activity-name-too-long-help = 请写短一些；这个名称只在平台控制台显示
want-title = 给人看的标题
want-csv-path = CSV 文件的路径
want-jsonl-path = JSON Lines 文件的路径
want-parquet-path = Parquet 文件的路径
want-database-path = 数据库文件的路径
want-campaign-path = 另一个任务的文件
want-secret-path = 存放密钥的文件的路径
want-column = open_id 所在列的名称
want-result-column = 查询结果中 open_id 所在列的名称
want-json-key = open_id 所在的键，例如 `user.open_id`
want-column-or-key = open_id 所在的列或键的名称
want-last-active = 用户最近一次活跃时间所在列的名称
want-query = 查询语句，例如 `select open_id from members`
want-variable = 环境变量的名称，例如 `DOUYIN_CLIENT_KEY`
want-url = URL，例如 `{ $example }`
look-alike = `{ $path }` 容易与其他名称混淆：{ $name } 中有 { $found }
look-alike-help = 如果不是有意为之，请重新输入：看起来相同的两个名称，其实不同
look-alike-invisible = { $code }，不可见的字符
look-alike-wide = “{ $character }”（{ $code }），另一个字符的全角形式
look-alike-script = “{ $character }”（{ $code }），{ $script ->
    [Cyrillic] 西里尔
    [Greek] 希腊
    [Latin] 拉丁
   *[other] { $script }{ " " }
}字母

## Times

local-time = 本地时间，例如 `2026-06-01T10:00`
not-local-time = `{ $path }` 是 { $value }，不是本地时间
skipped-time = `{ $path }` 不存在：{ $zone } 的时钟拨快时跳过了它
repeated-time = `{ $path }` 出现两次：{ $zone } 的时钟拨慢时会重复它
repeated-time-help = 取较早的一次（与 UTC 相差 { $before }），而不是较晚的一次（与 UTC 相差 { $after }）
beyond-calendar = `{ $path }` 超出了日历范围
zone-help = 这里的时间按 { $zone } 计：请写 `{ $value }`
month-days = 那个月有 { $days } 天，请填写：{ $wanted }
dates = 日期列表
dates-help = 请填写日期列表，例如 `[2026-06-03]`
want-date = 日期，例如 `2026-06-03`
not-date = `{ $path }` 是 { $value }，不是日期
want-time-of-day = 一天中的时刻，例如 `10:00`
not-time-of-day = `{ $path }` 是 { $value }，不是一天中的时刻
days = 日子的列表：`mon` 到 `sun`，或者 1 到 31 和 `last`
days-help = 请填写日子的列表，例如 `[mon, thu]` 或 `[1, last]`
want-day = 一个日子，例如 `mon`、`15` 或 `last`
want-weekday = `mon` 到 `sun` 中的一天
want-month-day = 1 到 31 中的一天，或者 `last`
not-day = `{ $path }` 是 { $value }，不是日子
other-day = `{ $path }` 不是{ $every ->
    [week] 星期中的一天
   *[month] 月份中的一天
}
no-days = `repeat.every: { $every }` 需要在 `repeat.on` 中写明日子
no-days-of-week-help = 请加上 `on: [mon]`
no-days-of-month-help = 请加上 `on: [1]`
no-days-in-list = `{ $path }` 中没有日子
days-of-daily = `{ $path }` 写了日子，而 `repeat.every: day` 表示每一天
days-of-daily-help = 请去掉 `on`，或者写 `every: week`
never-repeats = `{ $path }` 永远不会举行：规则中没有剩下任何一天
never-repeats-help = 请推迟 `repeat.until` 或 `schedule.end`，或者提前 `schedule.start`
want-zone = IANA 时区名称，例如 `Asia/Shanghai`
not-zone = `{ $path }` 是 { $value }，不是时区
hours = 每周发送时段的列表
one-window = 时段，例如 `09:00-21:00`；不是每天时前面写星期
hours-help = 请填写时段列表，例如 `["mon-fri 10:00-21:00"]`
want-hours = 星期和时刻，例如 `mon-fri 10:00-21:00` 或 `sat,sun 09:00-24:00`
no-hours = `{ $path }` 中没有时段
no-hours-help = 如果任何时间都可以发送，请去掉这个键
not-hours = `{ $path }` 是 { $value }，不是发送时段
empty-hours = `{ $path }` 的结束时刻就是开始时刻
empty-hours-help = 如果要表示全天，请写 `{ $days } 00:00-24:00`
end-is-start = `{ $path }` 就是开始时间：永远不会发送
end-before-start = `{ $path }` 早于开始时间：永远不会发送
end-help = 请填写晚于 `schedule.start` 的结束时间
no-window = `{ $path }` 使 `schedule.start` 到 `schedule.end` 之间没有任何发送时段
no-window-help = 请放宽 `schedule.hours`，从 `schedule.closed` 去掉某一天，或者推迟 `schedule.end`
waves = 最多 { $most } 个批次的列表
waves-help = 请填写批次列表，例如 `[{ "{" }share: 1%, wait: 30m{ "}" }]`
too-many-waves = `{ $path }` 有 { $n } 个批次，超过了 { $most } 个
too-many-waves-help = 请减少批次
wave-not-larger = `{ $path }` 不大于前一个批次的比例 { $before }
wave-not-larger-help = 比例是累计的：请填写大于 `{ $before }` 的比例，或者去掉这个批次
wave-of-nobody = `{ $path }` 是 0%：这个批次没有用户
wave-of-nobody-help = 请填写大于 `0%` 的比例，或者去掉这个批次

## The audience

one-source = 一个数据源
second-source = `{ $path }` 有第二个数据源 `{ $source }`
second-source-help = 一个人群只能有一个数据源：请只保留一个
no-source = `{ $path }` 没有指定数据源
no-source-help = 请写 `csv: { "{" }path: audience.csv, open_id: open_id{ "}" }`
not-for-jsonl = `{ $path }` 对 JSON Lines 没有意义
not-for-jsonl-help = 请去掉它：JSON 总是 UTF-8，也没有分隔符
activity-without-column = `{ $path }` 需要数据源中的 `last_active`
activity-without-column-help = 请写明用户最近一次活跃时间所在的列：在 `open_id` 旁边写 `last_active: …`
order-without-activity = `{ $path }` 是 `expiring_first`，但没有失活的规则
order-without-activity-help = 请添加 `active_within: 7d` 和数据源中的 `last_active`；或者改为 `as_listed`
exclude = 数据源和发券任务的列表
exclude-help = 请每行写一个名单，例如 `- csv: { "{" }path: opted-out.csv, open_id: open_id{ "}" }`
second-stdin = `{ $path }` 再次读取了管道输入
second-stdin-help = 管道输入只能读取一次：请把其他名单放进文件

## Credentials and the platform

credentials = 两种形式之一
reference = `{ "{" }env: NAME{ "}" }` 或 `{ "{" }file: PATH{ "}" }`
reference-help = 请写 `{ "{" }env: NAME{ "}" }` 或 `{ "{" }file: PATH{ "}" }`
secret-help = 请写 `{ "{" }env: NAME{ "}" }` 或 `{ "{" }file: PATH{ "}" }`；如果它是真实的密钥，请换一个新的
secret-in-clear = `{ $path }` 不是引用；密钥不能写在这个文件里
only-references = `{ $path }` 只能用 `env` 或 `file` 引用
not-a-variable = `{ $path }` 不是环境变量的名称
not-a-variable-help = 请填写环境变量的名称，不带 `$` 和花括号，例如 `DOUYIN_CLIENT_KEY`；绝不要写密钥本身
two-references = `{ $path }` 既引用了环境变量，又引用了文件
no-reference = `{ $path }` 既没有引用环境变量，也没有引用文件
key-without-secret = `credentials` 有 key 而没有 secret
key-without-secret-help = 请添加 `client_secret: { "{" }env: NAME{ "}" }`
secret-without-key = `credentials` 有 secret 而没有 key
secret-without-key-help = 请添加 `client_key: { "{" }env: NAME{ "}" }`
no-credentials = `credentials` 没有指定凭据
no-credentials-help = 请写 `client_key` 和 `client_secret`，或者只写 `access_token`
two-credentials = `credentials` 同时有两种形式
two-credentials-help = 请只保留 `client_key` 和 `client_secret`，或者只保留 `access_token`
not-url = 它不是 URL
url-scheme = 只支持 https
url-clear = 用 http 时，沿途的任何人都能看到访问令牌
url-user = 它带有用户名或密码，这里不应当有
url-tail = `?` 或 `#` 之后的部分会在请求中丢失
unusable-url = `{ $path }` 不能使用
unusable-url-because = `{ $path }` 不能使用：{ $why }
url-clear-help = 请写 { $url }；http 只能用于本机地址，例如 127.0.0.1

## Channels of messages

want-keyword = 机器人要求每条消息都包含的关键词
topics-help = 请把通知内容写成列表，例如 `on: [halted, ended]`
topics-description = { $topics } 的列表
no-topic = `{ $path }` 没有指定要通知的内容
no-topic-help = 请列出一项或多项，例如 `on: [halted, ended]`，或者删去这个键
channels = 通知渠道的列表，最多 { $most } 个
channels-help = 请每行写一个渠道，例如 `- feishu: { "{" }url: { "{" }env: FEISHU_HOOK{ "}" }{ "}" }`
too-many-channels = `{ $path }` 有 { $n } 个渠道，超过 { $most } 个
too-many-channels-help = 请减少渠道
no-channel-kind = `{ $path }` 没有指定由什么接收消息
no-channel-kind-help = 请写 `feishu`、`dingtalk`、`wecom`、`webhook` 之一，例如 `feishu: { "{" }url: { "{" }env: FEISHU_HOOK{ "}" }{ "}" }`
second-channel = `{ $path }` 指定了第二个接收方 `{ $kind }`
second-channel-help = 请把每个接收方写成单独一项，前面加 `-`

## The plan

rehearsal-url = 无法在“{ $url }”演练
rehearsal-elsewhere = 无法在“{ $url }”演练：沙箱只能在本机，使用回环地址
fingerprint-form = 指纹由三段组成，如 `runner plan` 所示，例如 0a1b2c3d4e-5f60718293-first
