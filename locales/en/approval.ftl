command = Ends the wait after the testers or after a wave, with your approval
approve-wave = The wave whose wait ends, counted from 1, or `testers`. Default: the one that ended last
by = Your name, for the ledger. Default: the login name
by-empty = it is empty: give the name of a person
# $most (number)
by-long = it is too long: at most { $most } characters are kept
by-control = it has a control character
wave-number = write the number of a wave, counted from 1, or `testers`
approve-examples =
    Examples:
      runner approve campaigns/summer.yaml
          end the present wait: the run goes on, or else the next apply does
      runner approve campaigns/summer.yaml --wave 1 --by li
          end the wait after the first wave and no other one, in the name of li

    It also ends a wait for a time. The ledger records who approved, when, and from where, before the run goes on. Approving again changes nothing. Exit codes: 0; or 3 when the wave has not ended.
approved-live = { $campaign }: the wait after { $wave ->
        [0] the testers
       *[other] wave { $wave }
    } is over; the run goes on (pid { $pid })
approved = { $campaign }: the wait after { $wave ->
        [0] the testers
       *[other] wave { $wave }
    } is over; to go on: { $again }
already = { $campaign }: { $by } approved it already after { $wave ->
        [0] the testers
       *[other] wave { $wave }
    }, { $at }
nothing-waits = { $campaign }: nothing waits for an approval
not-ended = cannot approve { $campaign } after { $wave ->
        [0] the testers
       *[other] wave { $wave }
    }: not all of its deliveries have been answered
not-ended-help = approve it when it has ended and `runner status` shows the wait
no-such-wave = cannot approve { $campaign } after { $wave ->
        [0] the testers: the campaign file names none
       *[other] wave { $wave }: the campaign file has no such wave
    }
no-such-wave-help = count the waves of `schedule.waves` from 1, or leave `--wave` out
status-approved = { $wave ->
        [0] the testers were
       *[other] wave { $wave } was
    } approved by { $by }; `runner apply` goes on
waiting = { $done ->
        [0] testers
       *[other] wave { $done }
    } done, waiting for `runner approve`
draining = the rest needs an approval after { $done ->
        [0] the testers
       *[other] wave { $done }
    }, by `runner approve`, and --no-wait is given
event-approved = { $wave ->
        [0] the testers were
       *[other] wave { $wave } was
    } approved by { $by }
rehearsal-skips = { $done ->
        [0] testers
       *[other] wave { $done }
    } done; a rehearsal does not wait: for real, the rest needs `runner approve`
next-approval = sent when the wait after { $done ->
        [0] the testers
       *[other] wave { $done }
    } is over: `runner approve` ends it
actor = { $user }@{ $host }
named-actor = { $name } ({ $user }@{ $host })
plan-sending-waits = when { $done ->
        [0] the testers are
       *[other] wave { $done } is
    } approved: `runner approve`
plan-sending-open = from { $from } ({ $ahead }); at the earliest to about { $end } ({ $takes }), if each approval comes at once
plan-sending-endless = from { $from } ({ $ahead }); the rest after an approval
plan-wave-needs = wave { $wave }: { $coupons ->
        [one] 1 coupon
       *[other] { $coupons } coupons
    } after an approval of { $done ->
        [0] the testers
       *[other] wave { $done }
    }
plan-rest-needs = everybody else: { $coupons ->
        [one] 1 coupon
       *[other] { $coupons } coupons
    } after an approval of { $done ->
        [0] the testers
       *[other] wave { $done }
    }
verify-approved = approved
verify-approval = { $wave ->
        [testers] the testers
       *[other] the wave of { $wave }
    } by { $by } ({ $from }), { $at }
wait-description = { $duration }, or `approval`
# $most (number)
too-many-in-file = `{ $path }` has more than { $most } testers
too-many-in-file-help = name the few people who check the first coupons, or a source of them
testers-help = write a list of open_ids, such as `[Cv4PoJXaTPn63rNu]`, or a source
tester-wanted = write an open_id
no-tester = `{ $path }` is not an open_id
# $most (number)
testers-description = a list of at most { $most } open_ids, or a source
# $named (number)
# $most (number)
too-many-testers = `audience.testers` names { $named } users, more than { $most }
too-many-testers-help = name the few people who check the first coupons, not the audience
# $named (number)
no-testers = { $named ->
        [0] `audience.testers` names nobody
        [one] the only tester cannot be sent to
       *[other] none of the { $named } testers can be sent to
    }, so the run could not wait for their approval
no-testers-help = name users whom no exclude list names, or leave `audience.testers` out
# $coupons (number)
plan-testers = testers: { $coupons ->
        [one] 1 coupon
       *[other] { $coupons } coupons
    } from { $time } on
