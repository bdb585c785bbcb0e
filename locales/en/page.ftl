# The frame of a page.
title-of-report = { $name }: report
title-of-simulation = { $name }: simulation
app = app
activity = activity
rehearsal = A rehearsal: the platform was the sandbox, and no coupon is real.
simulation = A simulation: nothing was sent, and the platform was the sandbox.
made-from-ledger = made by runner { $version } from the ledger, { $at }
made-by-simulation = made by runner { $version } by a simulation from { $at }

# How the campaign is.
nobody = Nobody is owed a coupon
complete = Complete: every delivery is settled or skipped
not-complete = Not complete: { $parts }
# $n (number)
part-owed = { $n } still owed
# $n (number)
part-in-doubt = { $n } in doubt
# $n (number)
part-held = { $n } held
meaning-issued = the user has the coupon
meaning-refused = the platform refused the user for good
meaning-skipped = not owed at present
meaning-pending = owed, not attempted yet
meaning-deferred = surely not issued yet, and due again
meaning-in-flight = being sent, or was when a process ended
meaning-in-doubt = an answer was lost: the user may have the coupon
meaning-held = a code that nobody has classified
skipped-reasons = { $meaning }: { $reasons }
coupons-in-all = coupons in all

run = { $state ->
    [halted] Halted
    [waiting] Waiting
    [paused] Paused
    [sending] Sending
    [draining] Stopping
    [planning] Preparing
   *[incomplete] Stopped
}
run-because = { $run }: { $why }
run-since = as of { $at }
run-outdated = Since then, the ledger has changed: the numbers below are those of now.

# What is left.
left = What is left, and what to do
# $n (number)
owed = { $n } still owed.
owed-advice = Run the same command; it continues where it stopped.
owed-advice-running = The process that applies the campaign sends them.
# $n (number)
in-flight = { $n } of them in flight.
in-flight-advice = If nothing runs, a process ended during these attempts: the next run counts them as in doubt and settles them.
# $n (number)
held = { $n } held.
held-advice = Find out what their codes mean and write it under `codes:` in the campaign file, for example `29005099: refuse`. The next run classifies them by it.
# $n (number)
in-doubt = { $n } in doubt.
in-doubt-advice = The user may have the coupon. The next run sends again, with the same id, those that it may. For the others, ask the platform by the log_id whether the coupon was issued.
then = Then:
# $shown (number)
# $all (number)
first-of = These are the first { $shown } of { $all }.
more-listed = { $n ->
    [one] 1 more
   *[other] { $n } more
}
column-state = state
column-user = user, and coupon
column-attempts = attempts
attempts-label = { "attempts: " }
column-last-answer = last answer
column-next = next
since = since { $at }
coupon-number = coupon { $ordinal }

# What happens next to a delivery.
next-classified = waits for its code to be classified
next-ask-platform = a person asks the platform
next-ask = a person decides: retry.in_doubt is ask
next-old = a person asks the platform: retry.resend_within is over
next-undated = a person asks the platform: nobody knows how old it is
next-excluded = a person decides: the user is excluded
next-beyond = a person decides: coupons_per_user no longer reaches it
next-end = is not sent again: schedule.end comes first
next-in-flight = is in doubt from the next run on
next-reread = the next run classifies its code again
next-sent = sent again by the next run

# Charts.
when-sent = When it was sent
when-simulated = When it would be sent
how-long = How long answers took
ended-per-second = Attempts that ended, per second
ended-per-minute = Attempts that ended, per minute
caption-per-second = Each bar is { $span } wide; the highest is { $most } per second.
caption-per-minute = Each bar is { $span } wide; the highest is { $most } per minute.
key-issued = issued
key-refused = refused
key-other = neither: slowed down, lost or held
span-seconds = { $n ->
    [one] one second
   *[other] { $n } seconds
}
span-minutes = { $n ->
    [one] one minute
   *[other] { $n } minutes
}
span-hours = { $n ->
    [one] one hour
   *[other] { $n } hours
}
span-days = { $n ->
    [one] one day
   *[other] { $n } days
}
issued-so-far = Coupons issued so far
# $issued (number)
# $all (number)
issued-caption = { $issued } of { $all }; the grey line is all of them.
answers-by-time = Answers by how long they took
answers-caption = A bar is between its two times.
figure = { $title }. { $caption }
millions = { $n } M

# Tables.
platform-answered = What the platform answered
column-code = code
column-meaning = means here
column-message = message, and the log_id of one of them
no-code = none
other-codes = others
more-codes = more codes than are listed
log-id = A log_id is the platform's name for one exchange: quote it in a complaint.
latency = Latency of { $answers ->
    [one] 1 answer
   *[other] { $answers } answers
}
half-within = half of them within
share-within = { $share } within
slowest = the slowest
attempts-per-delivery = Attempts per delivery
six-or-more = 6 or more

# The course of the campaign.
how-it-went = How it went
first-attempt = first attempt
last-attempt = last attempt
in-between = in between
runs = runs
attempts = attempts
without-end = without an end
attempts-without-end = { $attempts ->
    [one] 1 attempt: a process ended first
   *[other] { $attempts } attempts: a process ended first
}
pace = pace
at-most = at most { $rate }
wave = wave
wave-ended = of { $share } ended { $at }
testers = testers
testers-ended = ended { $at }
platform = platform
sandbox = sandbox
ledger = ledger

# A simulation.
hour-by-hour = Hour by hour
column-from = from
column-sent = sent
column-rate = rate
column-waits = waits
what-was-simulated = What was simulated

# Messages of the command.
cannot-draw = cannot draw the charts of the report
wrote = wrote { $file }
