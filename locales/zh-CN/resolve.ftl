unknown-user = 账本中没有用户 { $open_id }
no-such-coupon = 该任务没有第 { $ordinal } 张券；最多到第 { $last } 张
may-double-in-doubt = { $open_id } 的第 { $ordinal } 张券可能已经发放：结果未知
may-double-refused = { $open_id } 的第 { $ordinal } 张券可能已经发放：人工判定为被拒绝时结果未知
is-in-state = { $open_id } 的第 { $ordinal } 张券{ $state ->
        [issued] 已发放，已发放的券永远不会重新发放
        [refused] 已经是被拒绝
        [in_flight] 正在发送中，由应答决定结果
        [pending] 待发放，下次执行时发出
        [deferred] 将稍后重试，执行时会再次发送
        [skipped] 已跳过，每次执行都由人群和任务文件决定
        [in_doubt] 结果未知
       *[held] 待人工判定
    }
had-code = { $open_id } 的第 { $ordinal } 张券最后一次的结果码是 { $code }
had-no-code = { $open_id } 的第 { $ordinal } 张券最后一次没有结果码
add-may-double = 如果宁可多发一张也不能少发，请加 `--may-double`；每张都计入 max_coupons
take-out-of-audience = 不应发放的用户请从人群中去掉
apply-once-more = 请再执行一次：被强行结束的执行留下的发送中请求，此后按结果未知处理

note-empty = 内容为空：请写明理由，供以后查阅
note-too-long = 共 { $length } 个字符，最多保留 { $most } 个

nothing-selected = 按 { $selection } 没有需要判定的发放；未作任何改动
nothing-changed = 未作任何改动
needs-yes-for-several = 将判定 { $n } 次发放，而没有可供询问的终端；未作任何改动
needs-yes-for-double = 用户可能因此拿到两张券，而没有可供询问的终端；未作任何改动
add-yes = 请先用 `runner export` 或 `runner trace` 查看所选的发放，再加 `--yes`
ask-again = 请再次执行同一命令：会按账本现在的内容重新询问
ask-again-paused = 请先用 `{ $command }` 暂停执行，使其间不再变化，再执行同一命令
look-whether-recorded = 再次判定之前，请先查看是否已经记录：`{ $command }`
run-goes-on = 正在执行的进程（pid { $pid }）会按现在待发放的券继续

about-to-resolve = 即将把 { $n } 张券判定为{ $to }
resolved = 已把 { $n } 张券判定为{ $to }
chosen-by = 选择条件
note = 理由
campaign = 任务
ledger = 账本
may-become-second = 其中结果未知的，用户可能因此拿到两张券
held-may-be-issued = 其中待人工判定的可能已经发放：恢复待发放后，每张都按已发放计入 max_coupons
go-on = 把 { $campaign } 的这 { $n } 张券判定为{ $to }？[y/N]{" "}
send-owed = 发放待发放的券：
sum-of-state = { $n } 张{ $state }
sum-of-code = { $n } 张{ $state }，最后一次的结果码是 { $code }
coupon-number = 第 { $ordinal } 张券
skipped-by-audience = 已跳过（由人群决定）
skipped-why = 已跳过（{ $why }）
more-coupons = 另有 { $n } 张
decision =
    { $to ->
        [issued] 已发放
        [refused] 被拒绝
       *[owed] 待发放
    }
