# The file that `runner export` writes for spreadsheets.
column = { $name ->
    [open_id] open_id
    [ordinal] 第几张
    [merchant_coupon_id] 商户券 ID
    [state] 状态
    [code] 结果码
    [message] 平台消息
    [log_id] log_id
    [coupon_id] 券 ID
    [merchant_meta_no] 券模板编号
    [activity_id] 活动 ID
    [attempts] 尝试次数
    [unknown_attempts] 结果未知次数
    [first_attempt_at] 首次尝试时间
    [settled_at] 完结时间
    [receive_time] 领取时间
    [valid_begin_time] 有效期开始
    [valid_end_time] 有效期结束
    [coupon_name] 券名称
    [coupon_status] 券状态
    [discount_amount] 优惠金额（元）
    [min_pay_amount] 使用门槛（元）
    [replay] 重放应答
    [reason] 原因
   *[other] { $name }
}
column-in-zone = { $column }（{ $zone }）
# $number (number)
sheet = 发放明细 { $number }
resolved = { $to ->
    [issued] 由 { $by } 判定为已发放：{ $note }
    [refused] 由 { $by } 判定为被拒绝：{ $note }
   *[owed] 由 { $by } 判定为待发放：{ $note }
}

# Its last sheet.
sums-sheet = 汇总
sums-campaign = 任务
sums-at = 截至
sums-of-all = 汇总的是整个任务；本文件只列出了其中一部分发放。
sums-deliveries = 发放数
sums-all = 合计
sums-coupons = 券数
sums-amount = 金额（元）

# Messages of the command.
worth = 整个任务的券：{ $worth }
written = 已写入 { $rows } 条
wrote = 已将 { $rows } 条发放写入 { $file }
interrupted = 已中断：只写出了一部分发放
interrupted-file = 已中断：已写入的内容未保留
cannot = 无法导出：{ $why }
cannot-help = 用 -o 指定文件，或换一个 --format
stdout-is-json = 使用 `--output json` 时，stdout 只输出 JSON 对象
not-text = { $format } 不是文本，而 stdout 是终端
for-excel = --for-excel 只用于 csv 和 xlsx，而导出格式是 { $format }
other-ending = { $file } 的扩展名是 .{ $named }，而 --format 是 { $format }
unknown-ending = 无法导出到 { $file }：.{ $ending } 不是任何导出格式的扩展名
unknown-ending-help = 文件名请以 .csv、.jsonl、.parquet 或 .xlsx 结尾；或用 --format 指定格式
stdout = 无法写入 stdout
last-rows = 无法写入最后几行
temporary = 无法为导出的行创建临时文件
temporary-help = 请清理出空间，或把 TMPDIR 设为有足够空间的磁盘上的目录；也可以用 -o 指定文件
