cannot-read-directory = 无法读取目录 { $path }
no-campaign-file = { $path } 中没有任务文件
no-ledger = { $campaign } 还没有账本（应在 { $path }）
wrong-clock = 账本中的时间远远超前于本机时钟；未发放任何券
cannot-read-list = 无法读取排除名单 { $list }；缺少它时不会向任何人发放
cannot-use-campaign-file = 无法使用任务文件 { $path }
excluded-without-ledger = 无法排除 { $campaign } 的用户：它在 { $path } 没有账本
outside-approval = 任务超出了批准的范围，没有发出任何券
erased = { $campaign } 的账本已清除 open_id：不能再发放、判定或对账，这次也没有做任何事
excluded-erased = 无法排除 { $campaign } 的用户：它的账本已清除 open_id
erased-on = 清除时间：{ $at }
erased-help = 要再次发放，请给任务文件换一个名称（`campaign`）：它会建立新账本，在那里，已经有本任务优惠券的用户算作新用户。`runner history` 显示是谁清除了 open_id
excluded-erased-help = 请在 `audience.exclude` 中写上这些用户的名单，例如以前导出的 CSV；如果这些用户可以再领一张券，就不要排除这个任务
needs-approval = 这个任务由服务管理，每次执行都需要服务中的批准；没有发出任何券
# $approvals (number)
file-needs-approval = 任务文件要求 { $approvals } 人批准（`approval`），只有带策略的服务才收集批准；没有发出任何券
file-needs-approval-help = 请把文件放入 `runner serve` 的目录并在那里批准发放计划，或者从文件中删去 `approval`
needs-approval-help = 请在服务页面批准发放计划，服务随后会执行。到目前为止的批准：`{ $command }`
other-plan = 发放计划与 --expect 指定的不一致；未发放任何券
audience-refused = 未开始：人群或某项变化需要你处理；未发放任何券
unknown-user = { $campaign } 的账本中没有用户 { $open_id }
cannot-resolve = 所选的发放不能全部作此判定；未作任何改动
selection-changed = 询问期间账本有了变化：现在选中 { $now } 次发放；未作任何改动
decision-unknown = 没有收到应答，不知道判定是否已经记录
cannot-read-status = 无法读取 { $path }
cannot-write-rows = 无法写入明细
cannot-make-request = 无法构造请求：{ $why }
cannot-start-thread = 无法启动线程
simulation-ended-early = 模拟没有得出结果就结束了
cannot-start-sandbox = 无法启动沙箱
cannot-ask = 无法在终端上询问
run-defect = 该任务的执行因程序缺陷而结束

other-ledger = 在 { $path } 发现了 { $campaign } 的另一个账本
other-ledger-uses = 本命令使用的是 { $path } 中的账本
other-ledger-would-use = 本命令会使用 { $path }，但那里没有账本
other-ledger-reason = { $other }；{ $cause }
other-ledger-two = 只记录在其中一个账本里的用户会再次收到券。请确认最后使用的是哪一个，并把另一个目录移出它的 `.runner`
other-ledger-in-database = 继续使用数据库中的账本：像上次执行那样给出 `--store` 或 RUNNER_STORE。用 `runner store copy FILE --to files` 可以把它移到文件
other-ledger-in-files = 不带 `--store` 和 RUNNER_STORE，继续使用文件中的账本；或用 `runner store copy FILE --to database` 把它移入数据库
other-ledger-beside-file =
    如果要继续使用它，请去掉 --state-dir 和 RUNNER_STATE_DIR，或指定它所在的目录。也可以移动它：
    { $command }
other-ledger-last-run =
    如果要继续使用它，请指定它的状态目录：
      --state-dir { $root }
    或移动它：
    { $command }
other-ledger-beside-link =
    早期版本把它保存在链接旁。请把它移到链接所指的文件旁：
    { $command }
other-ledger-among-rehearsals =
    早期版本把本机回环地址的账本保存在演练中。如果其中有真实的发放，请移动它：
    { $command }
    如果只是演练，请删除它：
      rm -r { $path }

older-ledger = 账本比它的见证记录旧；未发放任何券
lost-ledger = 该任务原有的账本不见了；未发放任何券
lost-ledger-why = 账本不存在，而之前的账本已有第 { $sequence } 个写入批落盘
older-ledger-from = 写入批 { $sequence }（{ $written }）
older-ledger-to = 写入批 { $last }
older-ledger-to-none = 没有账本
older-ledger-help = 请恢复现有的最新账本：其中没有记录的用户会再次收到券。如果没有更新的账本，请在执行时加 `--accept older_ledger`

no-credentials = 缺少 `credentials`；只有演练（`--sandbox`）不需要
no-credentials-help = 请写成 `credentials: { "{" }client_key: { "{" }env: DOUYIN_CLIENT_KEY{ "}" }, client_secret: { "{" }env: DOUYIN_CLIENT_SECRET{ "}" }{ "}" }`
set-secret = 请设置 { $name }，或在 `credentials:` 中引用其他位置
store-secret-alone = 请只保存密钥本身：一行纯文本，前面不要有 `Bearer` 之类的词
check-secret-path = 请检查 `credentials:` 中的路径及其读取权限
set-whole-secret = 请把 { $name } 设为完整的密钥
write-whole-secret = 请把完整的密钥写入 { $path }
write-secret = 请把密钥写入 { $path }

circle = `audience.exclude` 形成了循环引用：{ $circle }
circle-help = 请去掉其中一个：任务的先后必须是确定的
other-app = { $path } 是小程序 { $theirs } 的任务，而本任务属于 { $ours }
other-app-help = 同一用户在不同小程序中的 open_id 不同，这样的名单排除不了任何人
validate-it = 请用 `runner validate { $path }` 检查
on-line = 第 { $line } 行：{ $message }

namesake-beside = { $path } 是同一小程序的同名任务，会使用同一个账本
namesake-beside-help = 任务名称就是任务的标识，不能更改：请给其中一个另取名称，或放到另一个目录
namesake-given = { $path } 是同一小程序的同名任务，也在本次执行之列
namesake-given-help = 任务名称就是任务的标识，不能更改：请给其中一个另取名称，或每个任务只执行一个文件
other-credentials = { $path } 中 { $app_id } 的 `credentials` 不同
other-credentials-help = 一起执行的同一小程序的任务共用一个访问令牌：请在所有文件中写相同的引用，或分别用不同的命令执行

interrupted = 已中断
stopped-by = 已被 { $requester } 停止
interrupted-before-sending = 在发放之前被中断
interrupted-while-waiting = 在重新等待小程序 ID 时被中断
stopped-while-waiting-by = 在重新等待小程序 ID 时被 { $requester } 停止
stopped-before-sending-by = 在发放之前被 { $requester } 停止
declined = 没有得到同意
earlier-ledger = 该任务的账本上次见于 { $seen }，当时写入批为 { $batch }，位置是 { $directory }
other-activity = 活动与上次执行时不同；{ $held }
no-send-before = { $start } 之前不发放
no-send-from = { $end } 起不再发放
only-in-hours = 只在 { $hours } 发放
not-on-days = { $days } 不发放
list-of-two = { $first }，{ $second }
bad-command = 无法与工作进程交换指令
waits-for-decision = 本工作进程已被接替，正在等待人工决定：{ $error }。决定之后会自动继续；应做什么，见 `runner explain { $code }`
waits-for-worker = 小程序 ID 由 { $host } 上的进程 { $pid } 持有
ended-early = 执行提前结束
