# What a run does, and why it sends nothing or slowly.
queued = waiting for its turn to read its audience
asking = asking on its terminal whether to continue
reading = reading the audience
reading-no-row = reading the audience: no row yet after { $took }
reading-rows = reading the audience: { $rows ->
        [one] { $rows } row
       *[other] { $rows } rows
    }, { $rate }/s
reading-rows-left = reading the audience: { $rows ->
        [one] { $rows } row
       *[other] { $rows } rows
    }, { $rate }/s, { $left } left
admitting = adding users to the ledger: { $users } of { $of ->
        [one] { $of } user
       *[other] { $of } users
    }
admitting-left = adding users to the ledger: { $users } of { $of ->
        [one] { $of } user
       *[other] { $of } users
    }, { $left } left
paused = paused by { $by }{ $in-flight ->
        [0] {""}
       *[other] ; waiting for { $in-flight } in flight
    }
paused-while-reading = paused by { $by }; { $meanwhile }
stopping = stopping: { $why }{ $in-flight ->
        [0] {""}
       *[other] ; waiting for { $in-flight } in flight
    }
slowed-down = the platform asks to slow down: { $per-second }, back to { $back-to } at { $until }
wait-start = { $known ->
        [yes] starts { $at }, { $next }
       *[no] waiting for the start
    }
wait-window = { $known ->
        [yes] window opens { $at }, { $next }
       *[no] no further window opens
    }
wait-day = the { $most } attempts of today (pace.per_day) are used up{ $known ->
        [yes] , continues { $next }
       *[no] {""}
    }
wait-wave = wave { $done } done, { $left } to wave { $next }
wait-wave-over = wave { $done } done, wave { $next } comes now
wait-last-wave = wave { $done } done, { $left } to all other users
wait-last-wave-over = wave { $done } done, all other users come now
wait-previous-owner = waiting for the previous owner of the app id{ $known ->
        [yes] , continues { $next }
       *[no] {""}
    }
wait-lists = waiting for { $host } to admit the audience: this machine does not have { $path }
wait-source = the lists of users cannot be read{ $known ->
        [yes] , next try { $next }
       *[no] {""}
    }: { $why }
wait-lease = waiting for the database to renew this worker's lease
wait-due = nothing is due at the moment{ $known ->
        [yes] , next attempt { $next }
       *[no] {""}
    }
wait-user = waiting while other campaigns of this app id send to the users that are left
wait-outage = the platform has been out of reach since { $since }{ $known ->
        [yes] , next try { $next }
       *[no] {""}
    }
wait-outage-cause = the platform has been out of reach since { $since }{ $known ->
        [yes] , next try { $next }
       *[no] {""}
    }: { $cause }
wait-platform = the platform asks to wait ({ $code }){ $known ->
        [yes] , next try { $next }
       *[no] {""}
    }
wait-platform-message = the platform asks to wait ({ $code }: { $message }){ $known ->
        [yes] , next try { $next }
       *[no] {""}
    }
wait-token = no access token since { $since }{ $known ->
        [yes] , next try { $next }
       *[no] {""}
    }: { $cause }

# The bar and the lines of progress.
progress = { $done } of { $all } ({ $percent } %)
list-comma = {", "}
comma = {", "}
progress-counts = { $progress }: { $counts }
progress-counts-why = { $progress }: { $counts }; { $why }
progress-of-several = { $campaigns }: { $states }; { $progress }: { $counts }
share = { $percent } % of { $all }
ends = ends { $at }, { $next }
ends-at = ends { $at }
zone = times in { $zone }
state = { $state ->
        [planning] planning
        [waiting] waiting
        [sending] sending
        [paused] paused
        [draining] stopping
        [halted] halted
        [ended] ended
        [complete] complete
        [incomplete] incomplete
        [idle] idle
        [failed] failed
        [not_begun] not started
        [unusable] unusable
        [taken] taken
       *[other] { $state }
    }

# Tables of several campaigns.
column-campaign = campaign
column-state = state
column-done = done
column-coupons = coupons
column-issued = issued
column-refused = refused
column-doubt = doubt
column-in-doubt = in doubt
column-held = held
column-owed = owed
column-spent = spent
column-at-most = at most
column-rate = rate
column-exit = exit
campaigns = { $n ->
        [one] { $n } campaign
       *[other] { $n } campaigns
    }
count-in-state = { $n } { $state }
and-more = and { $n } more: { $states }

# Lines about events.
label-warning = {"warning: "}
label-unrecorded = {"unrecorded: "}
label-halted = {"halted: "}
label-help = {"help: "}
slower = the platform asks to slow down: { $rate } from now on
pace-again = the pace is { $rate } again
skipped-window = a rehearsal does not wait: in a real run, the next window opens { $at } ({ $zone }), after { $wait }
skipped-day = the { $most } attempts of a day (pace.per_day) are used up; a rehearsal does not wait: in a real run, it continues { $at } ({ $zone }), after { $wait }
skipped-wave = wave { $wave } done; a rehearsal does not wait: in a real run, the next one begins after { $wait }
events-missing = { $n ->
        [one] { $n } event is
       *[other] { $n } events are
    } missing from what was written to stdout or --events, which could not keep up; the counts and the ledger are complete
ended = { $campaign }: { $state }: { $counts }
ended-why = { $campaign }: { $state }: { $counts }; { $why }
unrecorded-attempt = attempt { $attempt } for { $open-id }, { $coupon }: { $outcome }
with-log-id = { $text }, log_id { $log-id }
with-message = { $text } ({ $message })
question-left-out = { $n ->
        [one] { $n } more line was
       *[other] { $n } more lines were
    } left out while the question waited

# The summary at the end of a run.
end-complete = complete
end-empty = complete, with an empty audience
end-incomplete = incomplete; the same command continues it
end-needs-person = stopped; it needs your attention
code = code
class = class
answers = answers
message = message
log-id = log_id
message-and-log-id = message / log_id
no-code = none
other-codes = others
more-codes = more codes than are listed
miscounted = the events that were reported add up to other counts ({ $counted }); the ledger's counts, shown above, are right
detail-stopped = stopped
detail-took = took
detail-attempts = attempts
detail-worth = worth
detail-audience = audience
detail-exclude = exclude
detail-repeated = repeated
detail-unusable = unusable
detail-undated = undated
detail-ledger = ledger
took-reached = { $took }, { $rate } reached
# $attempts (number)
# $most (number)
attempts = { $attempts }, at most { $most } in any one second
users = { $n ->
        [one] { $n } user
       *[other] { $n } users
    }
users-excluded = { $n } excluded
users-control-group = { $n } in the control group, never sent to
users-lapsed = { $n } last active too long ago
users-cut = { $n } beyond audience.limit
excluded-by = { $list }: { $people ->
        [one] { $people } person
       *[other] { $people } people
    }, { $excluded ->
        [0] none
       *[other] { $excluded }
    } of them in the audience
rows = { $n ->
        [one] { $n } row
       *[other] { $n } rows
    }
rows-of-file = { $file } { $rows ->
        [one] { $rows } row
       *[other] { $rows } rows
    }
rows-of-files = { $files ->
        [one] { $files } file
       *[other] { $files } files
    }: { $list }
rows-of-more-files = { $files } more { $rows ->
        [one] { $rows } row
       *[other] { $rows } rows
    }
rows-at = { $rows } ({ $places }{ $more ->
        [yes] , …
       *[no] {""}
    })
row-at = row { $places }
rows-at-numbers = rows { $places }
line-at = line { $places }
lines-at = lines { $places }
row-because = { $rows }: { $why }
unreadable-last-active = its last_active is not { $times }
undated-rows = { $rows }: last_active is ignored because it is not { $times }
readable-times = a time from 2016 to tomorrow, such as 2026-06-01, 2026/6/1 9:05, 2026年6月1日, 2026-06-01 09:05:00, 2026-06-01T09:05:00+08:00, or Unix time in seconds or milliseconds
nothing-left = nothing is left to do: every delivery is settled
nothing-left-of-all = nothing is left to do: every delivery of every campaign is settled
continue = to continue this run:
then-continue = then, to continue:
continue-all = to continue all that are not complete:
explain-more = `runner explain { $problem }` says more
detail-of = { $name }: { $why }

# Messages of apply.
rehearsal-skips = a rehearsal does not wait; in a real run, the campaign sends { $times }
stopped-waiting = { $by } while it waited for the app id again; what was sent before that is in the ledger or in doubt
stopped-early = { $by } before anything was sent; who is owed what is unchanged
error-of = error[{ $code }]: { $message }
waits-for-reader = waiting for process { $pid }, which reads the ledger: { $command }
waits-for-stopped-reader = waiting for process { $pid }, which reads the ledger and was stopped (`kill -CONT { $pid }` continues it): { $command }
waits-for-owner = waiting for its turn: { $why }
stopping-on-signal = { $signal }: stopping. No new attempt starts; attempts in flight get up to { $timeout } (retry.timeout). A second signal ends the run at once, and that is safe too
ended-at-once = { $signal }: ended at once. Nothing is lost; the same command continues
nobody-asked = nobody was asked about this campaign, because it waited for another worker; give `--yes` to agree beforehand
summary-headline = { $campaign }: { $headline }
