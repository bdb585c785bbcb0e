# The head of a plan.
headline = { $campaign }: { $to-send }
nothing-to-send = nothing to send
coupons-to-send = { $coupons ->
    [one] 1 coupon to send
   *[other] { $coupons } coupons to send
}
resends = { $coupons ->
    [one] 1 coupon in doubt to send again
   *[other] { $coupons } coupons in doubt to send again
}
# $again (number)
coupons-and-resends = { $coupons ->
    [one] 1 coupon to send, and { $again } in doubt to send again
   *[other] { $coupons } coupons to send, and { $again } in doubt to send again
}

# The table of counts.
count-to-send = to send
count-waiting = waiting
count-expiring = will expire
count-issued = already issued
count-all = { $deliveries ->
    [one] delivery
   *[other] deliveries
}
# $deferred (number)
note-deferred = { $deferred } of them surely not issued by an earlier attempt
note-waiting = for an earlier coupon of the same user that is held or in doubt
note-expiring = the users' last activity will be too long ago when their turn comes
# $again (number)
note-resent = { $again } will be sent again, with the same id
note-doubts-wait = { $waiting ->
    [one] 1 waits for a person
   *[other] { $waiting } wait for a person
}
# $again (number)
note-resent-and-wait = { $again } will be sent again, with the same id; { $waiting ->
    [one] 1 waits for a person
   *[other] { $waiting } wait for a person
}
note-held = { $held ->
    [one] waits for a person, or for its code under `codes` in the file
   *[other] wait for a person, or for their codes under `codes` in the file
}
# $n (number)
skipped-for = { $n } { $reason }

# Names of values.
label-audience = audience
label-app = app
label-platform = platform
label-stock = stock
stock-both = { $first }; { $then }
stock-new = would create activity { $number } with { $stock } coupons
stock-of = { $left } of { $stock } coupons left
stock-left = { $n } left if each delivery takes one
stock-used-up = used up about { $at } if each delivery takes one: { $n } too few
stock-released = { $n } left if each delivery takes one, released when all are settled
stock-short = { $n } too few if each delivery takes one
label-ledger = ledger
label-witness = witness
label-pace = pace
label-zone = time zone
label-schedule = schedule
label-hours = hours
label-closed = closed
label-window = window
label-sending = sending
label-waves = waves
label-expiry = expiry
label-money = money

# Values.
audience = { $users ->
    [one] 1 user, none of them in the control group
   *[other] { $users } users, none of them in the control group
}
# $control (number)
audience-with-control-group = { $users ->
    [one] 1 user, { $control } of them in the control group
   *[other] { $users } users, { $control } of them in the control group
}
# $n (number)
excluded = { $n } excluded
app = { $app }, activity { $activity }
built-in-sandbox = the sandbox inside the process that applies
ledger-new = new, at { $dir }
ledger-since = since { $since }, nothing applied yet
ledger-applied = since { $since }, last applied { $applied }
ledger-in = in { $dir }
# $batch (number)
ledger-earlier = one of this campaign was last seen { $at } with batch { $batch }, in { $dir }
no-witness = none: XDG_STATE_HOME and HOME name no directory that can be written
pace = { $rate }, at most { $in-flight } in flight
pace-per-day = at most { $attempts ->
    [one] 1 attempt a day
   *[other] { $attempts } attempts a day
}
# $today (number)
pace-per-day-begun = at most { $attempts ->
    [one] 1 attempt a day
   *[other] { $attempts } attempts a day
} ({ $today } today already)
pace-of-run = at most { $deliveries ->
    [one] 1 delivery in this run
   *[other] { $deliveries } deliveries in this run
}
schedule-start = nothing before { $start }
schedule-end = nothing from { $end } on
schedule = nothing before { $start }, nothing from { $end } on
closed-more = { $days }, and { $more ->
    [one] 1 day more
   *[other] { $more } days more
}
window-opens = opens { $at }, { $in }
window-opens-and-closes = opens { $at }, { $in }; closes { $until }
window-open = open
window-open-until = open; closes { $until }
sending = from { $from } ({ $in }) to about { $until } ({ $long })
sending-without-end = from { $from } ({ $in }); it would not end in any calendar
sending-until-end = only until schedule.end ({ $end }): about { $coupons ->
    [one] 1 coupon
   *[other] { $coupons } coupons
} of { $all }
not-sending = not at all before schedule.end ({ $end })
wave = wave { $wave }: { $coupons ->
    [one] 1 coupon
   *[other] { $coupons } coupons
}
wave-from = wave { $wave }: { $coupons ->
    [one] 1 coupon
   *[other] { $coupons } coupons
} from { $at } on
last-wave = everybody else: { $coupons ->
    [one] 1 coupon
   *[other] { $coupons } coupons
}
last-wave-from = everybody else: { $coupons ->
    [one] 1 coupon
   *[other] { $coupons } coupons
} from { $at } on
money-given = { $amount } given by { $coupons ->
    [one] 1 coupon
   *[other] { $coupons } coupons
}
# $unknown (number)
money-given-in-part = { $amount } given by { $coupons ->
    [one] 1 coupon
   *[other] { $coupons } coupons
}; the value of { $unknown } more is not known
money-to-come = up to { $amount } to come, { $each } each
money-to-come-by-file = up to { $amount } to come, { $each } each by the campaign file
money-at-most-of = at most { $amount } in all; max_worth is { $max }
money-limit = max_worth is { $max }
money-unknown = the value of this activity's coupon is not known yet

# Users whose activity expires.
expiry-nobody = no user's activity expires before their turn
expiry-users = { $users ->
    [one] the activity of 1 user expires before their turn
   *[other] the activity of { $users } users expires before their turn
}
expiry-users-coupons = { $users ->
    [one] the activity of 1 user expires before their turn, { $coupons ->
        [one] 1 coupon
       *[other] { $coupons } coupons
    }
   *[other] the activity of { $users } users expires before their turn, { $coupons ->
        [one] 1 coupon
       *[other] { $coupons } coupons
    }
}
# $n (number)
expiry-as-listed = { $expiry }; as listed, { $n } fewer would be sent
# $n (number)
expiry-order = { $expiry }; `order: expiring_first` would send { $n } more
# $n (number)
expiry-until = { $n } until { $at }
# $n (number)
expiry-more-until = { $n } more until { $at }

# What changed since the last apply.
unchanged = nothing has changed since the last apply ({ $since })
changed = changed since the last apply ({ $since })
change-accepted = accepted
change-needs = needs --accept { $word }
change-value = { $from } → { $to }
setting-none = (not set)
nothing-is-taken-back = nothing is taken back
# $held (number)
held-owed-again = { $held } held owed again, counted in max_coupons as if issued
file-means-something-else = the file's settings mean something else
read-again = { $deliveries ->
    [one] 1 delivery is read again
   *[other] { $deliveries } deliveries are read again
}
# $n (number)
moved = { $n } { $how ->
    [new] new
    [gone] gone
    [excluded] excluded
    [control_group] in the control group
    [lapsed] last active too long ago
    [limit] beyond the limit
   *[back] back
}
moved-name = { $how ->
    [new] new
    [gone] gone
    [excluded] excluded
    [control_group] control group
    [lapsed] inactive
    [limit] limit
   *[back] back
}
# $more (number)
users-and-more = { $users }, and { $more } more

labelled = { $name }: { $value }
comma = { $parts }, { $part }

# The verdict.
feasible = feasible
not-feasible = not feasible
fingerprint = fingerprint { $fingerprint }
to-apply = to apply this plan and no other:

# Dry runs and messages.
request-only = the only request, as it would be sent
# $all (number)
request-first = the first of { $all } requests, as it would be sent
# $all (number)
requests-all = the { $all } requests, as they would be sent
# $all (number)
# $shown (number)
requests-first = the first { $shown } of { $all } requests, as they would be sent
dry-run = a dry run: nothing was sent and nothing was changed
interrupted = interrupted: nothing was sent and nothing was changed
would-leave = with --no-wait, an apply would end now: { $why }
leave-start = schedule.start is ahead
leave-hours = it is outside schedule.hours
leave-day = today's pace.per_day is used up
leave-wave = the next wave has to wait
leave-approval = the next wave needs an approval

# The total of several plans.
total = { $campaigns ->
    [one] 1 campaign: { $to-send }
   *[other] { $campaigns } campaigns: { $to-send }
}
total-name = campaign
total-until = until
total-verdict = verdict
total-not-planned = error

# Why the time does not suffice.
end-past = schedule.end is past: it was { $end }, { $ago } ago, and { $coupons ->
    [one] 1 coupon is still to send
   *[other] { $coupons } coupons are still to send
}
end-past-help = put schedule.end later, or leave the rest unsent
no-window = no window of schedule.hours opens before schedule.end ({ $end })
no-window-help = put schedule.end later, or widen schedule.hours
# $have (number)
too-few-days = pace.per_day is too low: { $coupons ->
    [one] 1 coupon is
   *[other] { $coupons } coupons are
} to send, and { $per-day ->
    [one] 1 attempt a day leaves
   *[other] { $per-day } attempts a day leave
} { $have } until schedule.end ({ $end })
raise-per-day = raise pace.per_day
# $in-time (number)
too-short = the time is too short for the pace: { $coupons ->
    [one] 1 coupon at { $rate } takes
   *[other] { $coupons } coupons at { $rate } take
} { $takes }, and until schedule.end ({ $end }) { $windows ->
    [windows] the windows leave
   *[all] there are
} { $has }; about { $in-time } would be sent
# $in-time (number)
too-short-with-waves = the time is too short for the pace and the waits of schedule.waves: { $coupons ->
    [one] 1 coupon at { $rate } takes
   *[other] { $coupons } coupons at { $rate } take
} { $takes } together, and until schedule.end ({ $end }) { $windows ->
    [windows] the windows leave
   *[all] there are
} { $has }; about { $in-time } would be sent
too-long = longer than there are calendars
end-later = put schedule.end at { $end } or later
raise-pace = raise pace.per_second to { $pace }
widen-hours = widen schedule.hours
shorten-waits = shorten the waits of schedule.waves
or = { $first }, or { $second }
differs-in-file = the campaign file means something else now
differs-in-audience = the audience is another one now
differs-after-apply = another plan was applied since, so this one would change something else now
differs-without-ledger = the ledger that was there is gone or empty now
