ledger-failed = 账本出错，因此立即停止发送
app-lock-failed = 无法在本机上为该小程序 ID 取得发送的轮次
term-lost = 小程序 ID 可能已由另一个工作进程持有，因此立即停止发送
attempt-defect = 一次尝试因本程序的缺陷而异常结束
no-clock = 无法为模拟建立时钟

unknown-change = { $word } 不是可以确认的变更
accept-not-needed = 不需要 `--accept { $change }`：没有这类变更
list-names-nobody = 排除名单 { $list } 中有些行没有指明用户：{ $kinds }
goes-on-unread = 无法读取用户名单（{ $why }），因此用 { $host } 于 { $at } 列入的人群继续；此后名单中新增或移除的用户无从得知
goes-on = 本机没有用户名单，因此用 { $host } 于 { $at } 列入的人群继续；此后名单中新增或移除的用户无从得知
coupon-status = 平台发放了状态为 { $status } 的券；新券的状态是 10，其他值没有文档说明

# $rows (number)
empty-audience = 人群为空：{ $rows } 行中没有一行指明用户
empty-audience-help = 如果这是有意的，请在 `audience` 下写 `allow_empty: true`
nobody-left = 人群中没有可以发送的用户：{ $reasons }
nobody-left-excluded = { $n } 个被排除
nobody-left-lapsed = { $n } 个已失活
nobody-left-control-group = { $n } 个在对照组
nobody-left-help = 请检查排除名单、`last_active` 列和本机时钟；如果这是有意的，请在 `audience` 下写 `allow_empty: true`
# $unusable (number)
# $rows (number)
unusable-rows = 人群的 { $rows } 行中有 { $unusable } 行是无效行，超出了 `max_unusable` 允许的比例（{ $allowed }）：{ $kinds }
unusable-rows-help = 请修正数据源，或调高 `audience` 下的 `max_unusable`；无效行永远不会发送
# $unusable (number)
# $rows (number)
unusable-exclude = 排除名单 { $list } 的 { $rows } 行中有 { $unusable } 行是无效行，超出了 `max_unusable` 允许的比例（{ $allowed }），而每一行都可能是拒绝接收的用户：{ $kinds }
unusable-exclude-help = 请修正名单：只要还有这样的行，就不会发送给任何人
last-active-help = { $help }；last_active 应为 { $times }
encoding-help = { $help }；如果是 GBK 编码的 CSV 文件，请在其路径旁写 `encoding: gb18030`
# $needed (number)
# $max (number)
over-max-coupons = 该任务最多需要 { $needed } 张券，而 `max_coupons` 是 { $max }：{ $sum }
over-max-coupons-help = 请调高 `max_coupons`，或调低 `audience` 下的 `limit` 或 `coupons_per_user`
# $issued (number)
# $in_doubt (number)
# $held (number)
# $owed (number)
max-coupons-sum = 已发放 { $issued } + 结果未知 { $in_doubt } + 待人工判定 { $held } + 待发放 { $owed }
# $n (number)
max-coupons-held-skipped = { $sum } + 跳过时待人工判定的 { $n }
# $n (number)
max-coupons-reopened-doubts = { $sum } + 恢复待发放时结果未知的 { $n }
# $n (number)
max-coupons-reopened-held = { $sum } + 再次待发放时待人工判定的 { $n }
# $most (number)
too-many-users = 人群中的用户超过 { $most } 个，账本无法为更多的用户编号

# $rows (number)
unusable-kind = { $rows } 行{ $kind ->
     [empty] 的 open_id 为空
     [too-long] 的 open_id 超过 128 个字符
     [not-printable] 的 open_id 中有空格或不可显示的字符
     [wrong-fields] 的字段数与表头不同
     [not-text] 的 open_id 不是数据源编码的文本
     [missing] 没有 open_id
     [no-last-active] 没有 last_active
     [unreadable-last-active] 的 last_active 不是 2016 年到明天之间的时间
     [wrong-type] 的 open_id 既不是文本也不是整数
     [no-value] 的 open_id 是表示空值的词或符号，例如 NULL 或 -
     [spreadsheet-error] 的 open_id 是电子表格的错误值，例如 #REF!
     [formula] 的 open_id 是电子表格的公式，="…"
     [apostrophe] 的 open_id 以撇号开头
     [fraction] 的 open_id 是以 .0 结尾的数字
     [exponent] 的 open_id 是丢失了位数的数字，例如 7.21E+18
     [full-width] 的 open_id 中有全角字符
     [header] 是重复的表头
     [boolean] 的 open_id 是 TRUE 或 FALSE
     [date] 的 open_id 是日期
     [grouped] 的 open_id 中有千位分隔符，例如 7,218,071
     [quoted] 的 open_id 带引号
     [masked] 的 open_id 被部分遮盖或截断，例如 Cv4P****3rNu
    *[total] 的 open_id 是合计行的标签，例如 合计
    }（{ $places }）
places-and = { $first }、{ $second }
places-more = { $places }……
kinds-and = { $first }；{ $second }

accept-help = 如果这是有意的，请用 `--accept { $change }` 执行
clock-help = 如果本机时钟不对，请校准后运行同一条命令。如果时钟正确，请用 `--accept clock` 执行：此后结果未知的发放要等待人工处理，因为无法得知它们已持续多久
owed-again = 有 { $held } 次待人工判定的发放在新活动下再次待发放：它们可能已经发放，在 max_coupons 中按已发放计算
new-activity = 新建的活动
change-activity-id = 活动与上次执行时不同：当时是 { $from }，现在是 { $to }
change-activity-id-held = 活动与上次执行时不同：当时是 { $from }，现在是 { $to }；{ $held }
change-coupons-per-user = 每个用户应得的券比上次执行时多：当时 { $from } 张，现在 { $to } 张
change-smaller-audience = 许多仍待发放的用户从数据源中消失了，像是导出被截断：当时 { $from } 个，现在其中的 { $to } 个
change-control-group = 对照组的比例与上次执行时不同：当时是 { $from }，现在是 { $to }
change-smaller-exclude = 有用户离开了排除名单，像是名单被截断或换成了另一个文件：{ $from }；现在，{ $to }
change-idle-exclude = 排除名单 { $from }，{ $to }；形式不同或取错了列的名单就是这样
change-clock = 账本中的时间到 { $from } 为止，而本机时钟是 { $to }：它的某次执行所用的时钟不对，或者本机现在的时钟不对（{ $problem }）
change-older-ledger = 账本比它的见证记录更旧，见证记录中有 { $from }，而现在是 { $to }
change-other = `{ $change }` 与上次执行时不同：当时是 { $from }，现在是 { $to }

idle-from = { $list } 有 { $people } 人，例如 { $examples }
idle-to = 没有排除人群中的任何人，人群中有 { $examples }
examples-and = { $first } 和 { $second }
left-from = { $list } 此前排除了 { $people } 人
left-from-about = { $list } 此前排除了约 { $people } 人
left-to = 其中 { $left } 人不在任何名单中
left-to-about = 其中约 { $left } 人不在任何名单中
left-to-with = { $to }；例如会发送给 { $open_ids }
shrunk-from = { $list } 有 { $people } 人
# $people (number)
shrunk-to = { $list } 有 { $people } 人
shrunk-to-none = 没有名单
