separator = ；
in-zone = { $text }（{ $zone }）
owner = { $host } 上的进程 { $pid }
owner-since = { $host } 上的进程 { $pid }，始于 { $since }
percent = { $n }%
more-lines = 另有 { $n } 行
as-of = 截至 { $at }
outdated = 此后账本有变化
outdated-why = { $why }；此后账本有变化
interrupted = 进程 { $pid } 崩溃或被终止
interrupted-in-flight = 进程 { $pid } 崩溃或被终止；当时有 { $n } 次尝试在发送中
# $n (number)
resolved = { $to ->
    [issued] { $by } 将 { $n } 次发放判定为已发放
    [refused] { $by } 将 { $n } 次发放判定为被拒绝
   *[owed] { $by } 将 { $n } 次发放判定为待发放
}
reconciled = { $n ->
    [0] { $by } 与平台的记录对过账，没有判定任何发放
   *[other] { $by } 以平台的记录判定了 { $n } 次发放
}
opening = 正在打开账本
no-ledger = 还没有账本
other-ledger = 这里没有账本；{ $other }
rehearsal-only = 还没有正式账本，只做过演练：用 `--sandbox` 查看演练
stock-left = 库存：剩余 { $left } / { $stock } 张
audience-of = 人群由 { $host } 于 { $at } 列入
no-status = 有账本，但没有执行写过它的状态
ledger-gone = 有执行写过账本，但账本已不存在
left-out = 略过 { $file }：`runner validate { $file }` 会列出其中的错误
damaged = 文件已损坏：{ $why }
newer-schema = 它的格式版本是 { $found }，而本程序只支持到 { $known }
