# A user's trace.
headline = { $user } in { $campaign }
headline-away = { $user } in { $campaign }, { $away ->
    [gone] no longer in the audience
    [excluded] excluded
    [control_group] in the control group
    [lapsed] last active too long ago
   *[limit] beyond audience.limit
}
coupon = coupon { $ordinal }: { $state }, merchant_coupon_id { $id }
next = next:{ " " }
came = named by generation { $generation }, which names { $users ->
    [one] 1 user
   *[other] { $users } users
}
returned = named again by generation { $generation }, which names { $users ->
    [one] 1 user
   *[other] { $users } users
}
left = { $how ->
    [gone] no longer named
    [excluded] excluded
    [control_group] drawn into the control group
    [lapsed] found to be last active too long ago
   *[limit] cut at the limit
} by generation { $generation }, which names { $users ->
    [one] 1 user
   *[other] { $users } users
}
lapsed-at-turn = last active too long ago when the turn came
code-reread = its code was read again by the campaign file: { $result }
attempt = attempt { $number }: { $result }
under-way = is in flight
withdrawn = cancelled before a byte left
interrupted = outcome unknown: the process ended during the attempt
found-by = found by the run of { $at }
activity-and-time = activity { $activity }, { $took }
activity = activity { $activity }
milliseconds = { $ms } ms
proof = { $proof ->
    [unknown] nobody knows whether it was issued
    [replay] issued, before this attempt
    [issued] issued
    [duplicate] duplicate
    [refused] refused
    [held] held
    [throttled] throttled
    [token] token
    [not_sent] not sent
    [wait] wait
   *[halt] halt
}
answered = { $proof } (code { $code })
answered-message = { $proof } (code { $code }): { $message }
classified = { $proof } (code { $code }, { $class })
classified-message = { $proof } (code { $code }, { $class }): { $message }
log-id = log_id { $log-id }
coupon-id = coupon { $id }
coupon-named = coupon { $id }, { $name }
amount-off = { $amount } off
amount-from = from { $amount }
valid-until = valid until { $until }
found-in-coupons = issued: the platform's records show the coupon among the user's coupons
found-in-bill = issued: the platform's bill of { $day } has the coupon
resolved = resolved as { $to } by { $by }, was { $from }
resolved-may-double = resolved as { $to } (--may-double) by { $by }, was { $from }
chosen-by = chosen by { $selection }
note = note: { $note }

# What happens next.
next-issued = nothing: it is issued
next-refused = nothing: it is refused; `runner resolve … --as owed` reopens it
next-skipped = nothing: { $why }
next-skipped-held = nothing: { $why }; it was held before, and is held again when that changes
next-skipped-gone = nothing: { $why }; owed again when it does
next-skipped-lapsed = nothing: { $why }; owed again when that changes
skipped-gone = the audience no longer names the user
skipped-coupons-per-user = coupons_per_user no longer reaches it
skipped-earlier-refused = an earlier coupon of the user was refused
skipped-excluded = an exclude list names the user
skipped-control-group = the user is in the control group, which is never sent to
skipped-lapsed = the user was last active longer ago than audience.active_within
skipped-limit = audience.limit has no place for the user
next-in-flight = its attempt ends; if no apply runs, the next one finds it in doubt and sends it again with the same id
next-sent = sent by the next apply
next-sent-from = sent by an apply from { $at } on
next-resent = sent again by an apply, with the same id, until { $until }
next-resent-from = sent again by an apply from { $at } on, with the same id, until { $until }
next-reread = the next apply reads its code again by the campaign file: { $result }
next-doubted = the next apply reads its code again by the campaign file: in doubt, then sent again with the same id, until { $until }
next-doubted-waits = the next apply reads its code again by the campaign file: in doubt, then it waits for a person: { $why }
next-wave = its turn comes with wave { $wave }, when those before it have ended
next-last-wave = its turn comes when all waves have ended
next-waits-for-coupon = waits for coupon { $ordinal }, which is { $state }
next-person = waits for a person: { $why }
waits-held = say what { $code } means under `codes:` in the campaign file, or `runner resolve` it
waits-answered = it may have been issued and was refused or held since: ask the platform and `runner resolve` it
waits-answered-code = it may have been issued and was refused or held since, by { $code }: ask the platform and `runner resolve` it
waits-old = in doubt since { $since }, longer than retry.resend_within: ask the platform and `runner resolve` it
waits-undated = in doubt, and nobody knows for how long, because a run was made under a wrong clock (E0716): ask the platform and `runner resolve` it
waits-ask = `retry.in_doubt` is `ask`: ask the platform and `runner resolve` it
waits-excluded = in doubt, and the user is excluded by now: `runner resolve` it
waits-beyond = in doubt, and coupons_per_user no longer reaches it: `runner resolve` it
waits-end = schedule.end is { $end }, before it may be sent: put it later, or leave it unsent
waits-end-past = schedule.end was { $end }, before it could be sent: put it later, or leave it unsent
reread = { $step ->
    [owed] owed again
    [new_activity] owed again, under another activity
    [refused] refused
    [issued] issued
    [in_doubt] in doubt
   *[resend] sent again
}
