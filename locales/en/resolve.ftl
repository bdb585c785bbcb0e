unknown-user = the ledger has no user { $open_id }
no-such-coupon = nobody has a coupon { $ordinal } in this campaign; the last is { $last }
may-double-in-doubt = coupon { $ordinal } of { $open_id } may have been issued already: it is in doubt
may-double-refused = coupon { $ordinal } of { $open_id } may have been issued already: it was in doubt when a person called it refused
is-in-state = coupon { $ordinal } of { $open_id } is { $state ->
        [issued] issued, and what is issued is never reopened
        [refused] refused already
        [in_flight] in flight: its answer decides
        [pending] pending: the next apply sends it
        [deferred] deferred: an apply sends it again
        [skipped] skipped: each apply decides that from the audience and the campaign file
        [in_doubt] in doubt
       *[held] held
    }
had-code = coupon { $ordinal } of { $open_id } was last answered with { $code }
had-no-code = coupon { $ordinal } of { $open_id } was last answered without a code
add-may-double = if a second coupon is better than none, add `--may-double`; each counts in max_coupons
take-out-of-audience = who must not be sent is taken out of the audience
apply-once-more = apply once more: what a killed run left in flight is in doubt from then on

note-empty = it is empty: say why, for those who ask later
note-too-long = it has { $length } characters; at most { $most } are kept

nothing-selected = nothing is to be resolved by { $selection }; nothing was changed
nothing-changed = nothing was changed
needs-yes-for-several =
    { $n ->
        [one] one delivery would be resolved, and there is no terminal on which to ask; nothing was changed
       *[other] { $n } deliveries would be resolved, and there is no terminal on which to ask; nothing was changed
    }
needs-yes-for-double = a user may get a second coupon by this, and there is no terminal on which to ask; nothing was changed
add-yes = look at what is chosen with `runner export` or `runner trace`, then add `--yes`
ask-again = run the same command again: it asks about what the ledger says now
ask-again-paused = pause the run by `{ $command }`, so that it changes nothing meanwhile, and run the same command again
look-whether-recorded = before you decide again, look whether it was recorded: `{ $command }`
run-goes-on = the run (pid { $pid }) goes on with what is owed now

about-to-resolve =
    { $n ->
        [one] about to resolve one coupon as { $to }
       *[other] about to resolve { $n } coupons as { $to }
    }
resolved =
    { $n ->
        [one] resolved one coupon as { $to }
       *[other] resolved { $n } coupons as { $to }
    }
chosen-by = chosen by
note = note
campaign = campaign
ledger = ledger
may-become-second = those in doubt may become a second coupon for the same user
held-may-be-issued = those held may have been issued: owed again, each counts in max_coupons as if issued
go-on =
    { $n ->
        [one] resolve this coupon of { $campaign } as { $to }? [y/N]{" "}
       *[other] resolve these { $n } coupons of { $campaign } as { $to }? [y/N]{" "}
    }
send-owed = to send what is owed:
sum-of-state = { $n } { $state }
sum-of-code = { $n } { $state }, last answered with { $code }
coupon-number = coupon { $ordinal }
skipped-by-audience = skipped, as the audience says
skipped-why = skipped ({ $why })
more-coupons = and { $n } more
decision =
    { $to ->
        [issued] issued
        [refused] refused
       *[owed] owed
    }
