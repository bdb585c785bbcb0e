# The file that `runner export` writes for spreadsheets.
column = { $name ->
    [open_id] open_id
    [ordinal] Coupon no.
    [merchant_coupon_id] merchant_coupon_id
    [state] State
    [code] Code
    [message] Message
    [log_id] log_id
    [coupon_id] coupon_id
    [merchant_meta_no] merchant_meta_no
    [activity_id] activity_id
    [attempts] Attempts
    [unknown_attempts] Unknown outcomes
    [first_attempt_at] First attempt
    [settled_at] Settled
    [receive_time] Received
    [valid_begin_time] Valid from
    [valid_end_time] Valid until
    [coupon_name] Coupon name
    [coupon_status] Coupon status
    [discount_amount] Discount (yuan)
    [min_pay_amount] Minimum payment (yuan)
    [replay] Replay
    [reason] Reason
   *[other] { $name }
}
column-in-zone = { $column } ({ $zone })
# $number (number)
sheet = Deliveries { $number }
resolved = { $to ->
    [issued] resolved as issued by { $by }: { $note }
    [refused] resolved as refused by { $by }: { $note }
   *[owed] resolved as owed by { $by }: { $note }
}

# Its last sheet.
sums-sheet = Sums
sums-campaign = Campaign
sums-at = As of
sums-of-all = The sums are of the whole campaign. This workbook has the rows of some of its deliveries.
sums-deliveries = Deliveries
sums-all = all
sums-coupons = Coupons
sums-amount = Amount (yuan)

# Messages of the command.
worth = all coupons of the campaign: { $worth }
written = { $rows ->
    [one] 1 delivery written
   *[other] { $rows } deliveries written
}
wrote = { $rows ->
    [one] wrote 1 delivery to { $file }
   *[other] wrote { $rows } deliveries to { $file }
}
interrupted = interrupted: not every delivery was written
interrupted-file = interrupted: nothing was kept of what was written
cannot = cannot export: { $why }
cannot-help = name a file with -o, or another --format
stdout-is-json = with `--output json`, stdout carries only JSON objects
not-text = { $format } is not text, and stdout is a terminal
for-excel = --for-excel is for csv and xlsx, and the format is { $format }
other-ending = { $file } ends in .{ $named }, and --format is { $format }
unknown-ending = cannot export to { $file }: .{ $ending } is not the ending of a format
unknown-ending-help = name a file that ends in .csv, .jsonl, .parquet or .xlsx; or choose the format with --format
stdout = cannot write to stdout
last-rows = cannot write the last rows
temporary = cannot create a temporary file for the rows
temporary-help = make room there, or set TMPDIR to a directory on a disk with room; or name a file with -o
