# A ledger that was checked.
checking = 正在核验账本的每个写入批
sound = { $campaign } 的账本完好
sound-with-repeats = { $campaign } 的账本完好，但有平台只会给出一次的 ID 重复出现
label-checked = 已核验
label-settled = 已完结
label-ids = ID
label-ledger = 账本
label-begun = 建于
label-erased = 清除
# $users (number)
erased = { $users } 个用户的 open_id，{ $at }，{ $by }；写入批与清除时所写的相同
label-witness = 见证记录
checked = { $batches } 个写入批中的 { $facts } 条账本记录：每个校验和、每次状态变化以及合计
# $settled (number)
settled = { $settled }，SHA-256 如下
# $batch (number)
witness-same = 于 { $at } 见到写入批 { $batch }，账本中有该批
# $batch (number)
witness-older = 于 { $at } 见到写入批 { $batch }：{ $older }

# Ids of several deliveries.
no-repeats = 没有 coupon_id 或 log_id 属于两次发放
coupon-ids = { $ids } 个 coupon_id 属于多次发放
log-ids = { $ids } 个 log_id 属于多次发放
both-ids = { $coupon-ids } 个 coupon_id 和 { $log-ids } 个 log_id 属于多次发放
repeated = { $repeats }，而平台对每个 ID 只会给出一次
repeated-help = 其中有些用户可能没有拿到券：请与平台的记录核对。`runner export` 可导出所有发放的 ID，`runner explain E0323` 说明其原因
id-belongs = { $kind } { $id } 属于 { $deliveries } 次发放
delivery = 第 { $ordinal } 张  { $merchant-coupon-id }  { $state }
more-deliveries = …… 另有 { $more } 次发放
more-ids = …… 另有 { $more } 个 { $kind }

# Certificates.
cannot-read = 无法读取核验证明 { $file }
not-a-certificate = { $file } 不是核验证明
certificate-help = 请指定由 `runner verify --certificate FILE` 写出的文件
other-type = 它的类型是 { $type }，而不是 { $expected }
same = 与 { $at } 的 { $file } 一致
differs = 与 { $at } 的 { $file } 不一致
then-and-now = 当时 { $then }，现在 { $now }
then = 当时
now = 现在
