# How the campaign would end.
headline = { $campaign }: simulated
complete = It would be complete on { $when }, after { $took }.
nothing-left = It is complete: nothing is left to send.
halted = { $by ->
    [rule] A halt rule would stop it
   *[answer] It would be halted
} on { $when }, after { $attempts ->
    [one] 1 attempt
   *[other] { $attempts } attempts
}: { $why }.
halted-owed = { $by ->
    [rule] A halt rule would stop it
   *[answer] It would be halted
} on { $when }, after { $attempts ->
    [one] 1 attempt
   *[other] { $attempts } attempts
}, with { $owed ->
    [one] 1 coupon
   *[other] { $owed } coupons
} still owed: { $why }.
not-in-time = It would not be done in time: on { $when } { $why }, and { $owed ->
    [one] 1 coupon would still be owed
   *[other] { $owed } coupons would still be owed
}.
needs-person = On { $when } nothing would be left that can be sent without a person: { $why }.
goes-on = It would still go on at { $when }; the simulation ends there.
incomplete = It would end on { $when } without being complete: { $why }. The same command would continue.
refused = An apply would stop before it sends anything.
coded = { $problem }, { $why }
explain = `runner explain { $problem }` says more
nothing-sent = a simulation: nothing was sent and nothing was changed

# The conditions.
label-from = from
label-sending = sending
label-sandbox = sandbox
label-ledger = ledger
from = { $from }, on the clocks of { $zone }
zone-of-campaign = the campaign's zone
# $most (number)
sending = { $attempts ->
    [one] 1 attempt
   *[other] { $attempts } attempts
}, at most { $most } in any one second
# $most (number)
sending-reached = { $attempts ->
    [one] 1 attempt
   *[other] { $attempts } attempts
}, { $rate } reached, at most { $most } in any one second
ledger-continued = continued from { $dir }, which is unchanged
ledger-new = new

# The sandbox.
quota = at most { $requests ->
    [one] 1 request a second
   *[other] { $requests } requests a second
}, answers in { $latency }, seed { $seed }
# $foreign (number)
quota-shared = at most { $requests ->
    [one] 1 request a second
   *[other] { $requests } requests a second
}, { $foreign } of them another sender's, answers in { $latency }, seed { $seed }
latency-between = { $shortest } to { $longest }
milliseconds = { $ms } ms
users-refused = { $share } of users refused
users-inactive = { $share } of users not active
# $coupons (number)
stock = { $coupons ->
    [one] 1 coupon in stock
   *[other] { $coupons } coupons in stock
}
repeat-duplicate = a repeated id is answered as a duplicate
repeat-ignored = a repeated id is one more coupon
streamer-plan-for = a streamer's plan for the first { $long }
streamer-plan-always = a streamer's plan that never ends
faults = of all requests { $faults }
fault = { $share } { $fault }
out-of-reach = out of reach from { $from } on, for { $long }

# Hour by hour.
weekday = { $day ->
    [mon] Mon
    [tue] Tue
    [wed] Wed
    [thu] Thu
    [fri] Fri
    [sat] Sat
   *[sun] Sun
}
column-sent = sent
column-rate = rate
quiet = nothing until { $until }, { $long }
quiet-for = nothing until { $until }, { $long }: { $why }
waited = waited: { $waits }
wait = { $why } ({ $long })

# Messages of the command.
reading-audience = reading the audience
# $attempts (number)
simulating = simulating: { $at }, { $attempts } attempts
interrupted = interrupted: nothing was sent and nothing was changed
from-beyond = --from is beyond the calendar
cannot-draw = cannot draw the charts of the page
wrote = wrote { $file }
local-time = write a local time of the campaign's zone, such as 2026-06-01T10:00
outage-time = write when it begins and how long it lasts, such as 14:00+2h or 2026-06-02T14:00+2h
