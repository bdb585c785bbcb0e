separator = {"; "}
in-zone = { $text } ({ $zone })
owner = pid { $pid } on { $host }
owner-since = pid { $pid } on { $host } since { $since }
percent = { $n } %
more-lines = { $n ->
        [one] and { $n } more line
       *[other] and { $n } more lines
    }
as-of = as of { $at }
outdated = the ledger has changed since
outdated-why = { $why }; the ledger has changed since
interrupted = process { $pid } crashed or was killed
interrupted-in-flight = process { $pid } crashed or was killed; { $n } in flight when it ended
# $n (number)
resolved = { $n } resolved as { $to } by { $by }
reconciled = { $n ->
        [0] compared with the platform's records by { $by }; nothing was settled
        [one] one settled by the platform's records, by { $by }
       *[other] { $n } settled by the platform's records, by { $by }
    }
opening = opening the ledger
no-ledger = no ledger yet
other-ledger = no ledger here; { $other }
rehearsal-only = no ledger yet; it has been rehearsed: `--sandbox` shows the rehearsal
stock-left = stock: { $left } of { $stock } coupons left
audience-of = audience as { $host } admitted it at { $at }
no-status = there is a ledger, but no run has written its status
ledger-gone = the ledger is gone, although a run has written to it
left-out = { $file } is left out: `runner validate { $file }` shows its mistakes
damaged = it is damaged: { $why }
newer-schema = it has schema { $found }, and this program knows { $known }
