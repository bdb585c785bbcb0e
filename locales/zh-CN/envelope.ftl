# $max (number)
coupons = 只批准了 { $max } 张券
worth = 批准的总金额是 { $max }：再发一张 { $each } 的券就会超过
worth-unknown = 批准的总金额是 { $max }，而任务文件和平台都没有给出券的面额
# $max (number)
per-user = 批准的是每个用户 { $max } 张券，而任务要发的更多
early = 批准从 { $from } 起有效
late = 批准已于 { $until } 失效
# $max (number)
# $listed (number)
audience = 批准的人群是 { $max } 个用户，而现在有 { $listed } 个
remedy = 如果可以继续发放，请在服务页面重新批准发放计划
# $coupons (number)
# $per_user (number)
bounds = 最多 { $coupons } 张券{ $worth ->
    [none] {""}
   *[other] 、共 { $worth }
}，每个用户 { $per_user } 张{ $audience ->
    [none] {""}
   *[other] ，最多 { $audience } 个用户
}{ $until ->
    [none] {""}
   *[other] ，到 { $until } 为止
}
verify-label = 批准
# $record (number)
verify-approval = 服务日志第 { $record } 条，由 { $by } 批准，{ $at }：{ $envelope }
# $free (number)
# $outside (number)
verify-attempts = { $outside ->
    [0] 这些执行的每次尝试都在批准的范围之内
   *[other] 有 { $outside } 次尝试超出范围
}{ $free ->
    [0] {""}
   *[other] ；另有 { $free } 次尝试属于没有批准的执行
}
# $outside (number)
outside = 有 { $outside } 次尝试超出了批准的范围
# $ordinal (number)
first-outside = 第一次是给 { $open_id }（第 { $ordinal } 张券），{ $at }：{ $why }
no-approval = 那次执行没有获得批准
outside-help = 保留账本和服务日志，查清是哪个程序发送的：本程序不会这样发送
cited-agree = 服务日志中有以上每一次批准
cited-differ = 服务日志中缺少其中的批准
cited-absent = 未与服务日志核对：这里没有服务日志
cited-unreadable = 未与服务日志核对：无法读取服务日志
wrong-citation = 服务日志中没有某次执行所依据的批准
# $record (number)
wrong-citation-first = 第一次是 { $at } 的执行，它引用第 { $record } 条记录：{ $why }
# $records (number)
citation-missing = 服务日志只有 { $records } 条记录
citation-other-record = 服务日志的这一条是另一条记录
citation-newer = 只有更新版本的 runner 才能读懂这条记录
citation-no-approval = 这条记录不是批准
citation-other-campaign = 这条记录批准的是 { $app_id } 的任务 { $campaign }
citation-other-approval = 这条记录批准的是另一个发放计划、另一个范围，或者由其他用户、在其他时间批准
citation-not-given = { $by } 没有批准过，或者批准已失效、已被驳回
wrong-citation-help = 保留账本和服务日志，查清这里的日志是否属于发送这些券的服务
