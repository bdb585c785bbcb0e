command = 与平台自己的记录对账，将其能证明的结果记入账本。不发送任何请求发券
option-dry-run = 显示会向平台查询什么。不查询，也不改动任何内容
option-accept = 接受一种记录作为证据。`bill`：结果未知、而且不在相应日期完整账单中的发放，恢复为待发放。`count`：以平台的领取数判定一个活动中所有结果未知的发放。可以重复这个选项，也可以用逗号分隔
option-columns = 账单各列的含义，写列名或从 1 开始的列号，例如 `coupon_id=2,open_id=1`。本次执行中取代任务文件的 `bill.columns`
option-sample = 随机抽取多少张已发放的券，按券 ID 向平台查询：平台显示的与账本是否一致，处于什么状态。默认 10；0 表示不查
option-watch = 每天之后再对账，直到任务完成而且没有结果未知的发放。平台与账本不一致时，向 `notify` 中订阅 `differs` 的渠道发送消息
examples =
    示例：
      runner reconcile campaigns/summer.yaml --dry-run
          会查询多少次、涉及哪些日期
      runner reconcile campaigns/summer.yaml
          向平台查询，并将其记录能证明的结果记入账本
      runner reconcile campaigns/summer.yaml --accept bill
          不在相应日期任何完整账单中的，恢复为待发放

    每个应答都保存在账本中。退出码：0 不再有结果未知的发放，3 稍后用同一条命令可能判定更多，4 需要人工判定，5 该任务或其小程序正在执行。

doing-counts = 正在查询平台的领取数
doing-users = 正在查询用户的券：{ $asked } / { $all }
doing-spots = 正在查询已发放的券：{ $asked } / { $all }
doing-bill = 正在获取 { $day } 的账单
doing-comparing = 正在比对账单与账本

title = { $campaign } 与平台记录的对账结果
preview-title = { $campaign }：会向平台查询的内容
preview-counts = { $activities } 的领取数
preview-users =
    { $n ->
        [0] 没有用户：没有结果未知或待人工判定的发放
       *[other] { $n } 个用户的券
    }
preview-spots =
    { $n ->
        [0] 不查
       *[other] { $n } 张已发放的券，按券 ID
    }
preview-bills = { $days } 的账单
preview-no-bills = 无
preview-nothing = 没有查询，也没有改动任何内容。
label-count = 领取数
label-users = 用户
label-spots = 抽查
label-bills = 账单
no-template = 没有查询：任务文件没有写 `coupon_meta_id`
count = 活动 { $activity }：平台统计 { $received } 张；账本中 { $certain } 张已确认，{ $in_doubt } 次结果未知
count-says = { $numbers }；{ $says }
count-failed = 活动 { $activity }：没有得到应答：{ $why }
count-unknown = 活动 { $activity }：平台没有给出领取数
count-behind = 平台的统计有延迟，或者统计的不是这些券
count-agrees = 两者一致
count-none = 结果未知的可能都没有发放；一小时后再查询一次，就可以接受这个领取数
count-none-twice = 第二次得到这个结果：结果未知的很可能都没有发放
count-all = 结果未知的可能都已发放
count-more = 这个活动还有别处在发券
users =
    { $asked ->
        [0] 没有需要查询的用户
       *[other] 查询了 { $asked } 个用户，其中 { $found } 个有这张券
    }
users-failed = 有的查询没有得到应答：{ $why }
spots = 查询了 { $n } 张已发放的券：{ $states }
spot-unused = { $n } 张未使用
spot-status = { $n } 张的 coupon_status 是 { $status }
spot-no-status = { $n } 张没有 coupon_status
spot-not-shown = { $n } 张没有显示
bill-not-ready = 平台还在生成
bill-too-early = 当天结束之后才会生成
bill-failed = 没有取到：{ $why }
bill-no-data = 平台没有数据：当天没有人领券
bill-kept = 保存为 { $file }
bill-trusted = { $rows } 张券，账本所知的当天的券都在其中
bill-unchecked = { $rows } 张券；账本没有当天的券，无法检验这份账单
bill-lacks = 账本所知的当天 { $known } 张券中，账单缺 { $missing } 张，所以不以它判定任何发放
flaw-unreadable = 无法读取：{ $why }
flaw-not-text = 不是文本，所以不以它判定任何发放
flaw-width = 第 { $row } 行有 { $columns } 列，而第一行有 { $expected } 列，所以不以它判定任何发放
flaw-not-a-table = 第 { $row } 行不是表格的一行，所以不以它判定任何发放
flaw-no-column = 没有 { $name } 这一列
flaw-two-columns = 有两列都叫 { $name }
flaw-changed-id = 第 { $row } 行的 ID 被电子表格改动过（{ $cell }），所以不以它判定任何发放
settled-found = { $n } 次发放现在是已发放：平台的记录中有它们的券。
accepted-issued = 因为你接受平台的领取数，{ $n } 次发放按已发放处理。
accepted-owed = 因为你接受平台的记录，{ $n } 次发放恢复为待发放。
nothing-open = 不再有结果未知的发放。
still-open = 还有 { $n } 次发放没有判定：
open-because = { $n }：{ $why }
and-more = { $list } 等，另有 { $more } 个
why-no-bill = { $day } 的账单还没有
why-bad-bill = { $day } 的账单不可信
why = { $why ->
        [not_asked] 平台没有回答这个用户的查询
        [undated] 发送的时间未知，无法与记录对应
        [unknown_template] 有一张券可能就是它，但账本没有这个券模板的券可以比对
        [several] 用户有几张券都可能是它
        [unclear] 用户有一张券可能是它，但时间或券模板存疑
        [id_of_another] 找到的券属于另一次发放
        [no_columns] 账单各列的含义还没有确认
        [no_template] 账单中没有它，但任务文件没有写 `coupon_meta_id`，无法查询领取数
        [count_unknown] 账单中没有它，但平台没有给出领取数，或者统计有延迟
        [count_disagrees] 账单中没有它，但平台统计的券比这样能解释的多
        [absent] 相应日期的账单中都没有它，平台的领取数也一致
       *[held] 待人工判定，而且没有记录显示有券
    }
foreign = 账单中有 { $n } 张本任务活动或券模板的券，账本不知道它们：
foreign-coupon = { $coupon }，用户 { $user }，{ $day }
differ = 有 { $n } 张已发放的券，平台显示的与账本不同：
differ-coupon = { $coupon }，用户 { $user }：{ $why }
misfit-time = 领取时间不同
misfit-template = 券模板不同
misfit-streamer = 由主播发放
proposal = 根据内容判断的账单各列的含义。确认无误后，请写入任务文件：
next-accept-bill = 要使账单中没有的恢复为待发放：
next-accept-count = 要以平台的领取数判定结果未知的发放：
next-later = 稍后再对账：
next-person = 记录不能判定的，由人工判定。查看其中一个：
next-apply = 发送待发放的券：

untrusted-bill = 平台 { $day } 的账单与账本矛盾，或者无法读取
untrusted-bill-help = 没有以它判定任何发放，下次会重新获取。如果一直这样，请检查 `bill.timezone` 和 `bill.columns`，并带上账本导出中的 `log_id` 询问平台
coupons-differ = 有 { $n } 张已发放的券，平台显示的与账本不同
coupons-differ-help = 请用 `runner trace` 查看这些用户，并带上该次发放的 `log_id` 询问平台。如果领取时间相差整数小时，请检查判定这次发放所用账单的时区
differ-more = 平台统计活动 { $activity } 已领取 { $received } 张，比账本能解释的多
differ-fewer = 平台第二次统计活动 { $activity } 已领取 { $received } 张，比它已确认的 { $certain } 张少
differ-foreign = 账单中有 { $n } 张本任务的券，账本不知道它们
columns-unconfirmed = 平台账单各列的含义还没有人确认
columns-help = 请对照账单检查建议，再写入任务文件，或执行 `{ $command }`
columns-unknown-help = 没有一列是本账本的券 ID。请查看状态目录中的账单，用 `--columns` 指明各列
columns-form = { $pair } 的写法不是 `coupon_id=列`
columns-name = { $name } 不是账单的列；可用的有 coupon_id、open_id、receive_time、merchant_meta_no、coupon_meta_id 和 activity_id
columns-required = 至少要写 coupon_id 和 open_id

app-taken = 另一个进程正在为这个小程序发送
app-taken-help = 没有任何改动。请在那个进程结束后再执行同一条命令
no-app-lock = 无法取得应用锁
no-records = 平台不回答这个小程序的任何查询
no-records-help = 没有判定任何发放。请检查 `credentials`；`runner doctor` 可以测试
no-sandbox = 演练内部的沙箱随进程结束，之后无法查询
no-sandbox-help = 请在另一个终端执行 `runner sandbox`，并在演练和对账时都写上它的地址：`--sandbox=URL`
end-run-first = 没有任何改动。请等待执行结束，或用 `runner stop` 结束它

download-address = 账单的地址不能使用：必须以 https 开头
download-status = { $host } 的应答是 HTTP 状态 { $status }
download-too-large = { $host } 上的账单超过 4 GiB
download-broken = 从 { $host } 下载中断：{ $why }
download-silent = { $seconds } 秒没有收到数据
download-encoded = 内容经过压缩，而请求中没有要求
download-not-kept = 无法将账单写入状态目录
query-refused = 结果码 { $code } { $message }（log_id { $log_id }）
query-unreadable = 应答不是平台的（HTTP 状态 { $status }）

verify-label = 平台
verify-records = 最近一次查询在 { $at }；以其记录判定了 { $found } 次发放，{ $bills ->
        [0] 没有账单
       *[other] 账单 { $bills } 天
    }
watch-busy = 另一个进程正在发送；{ $at } 再对账
watch-next = { $at } 再对账
watch-rehearsal = 演练只对账一次：它没有第二天
watch-unsent = 关于不一致的消息没有送达 { $channel }
