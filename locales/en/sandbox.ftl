fault-shares = the shares of faults add up to { $percent }%, more than all requests
cannot-listen = cannot listen on 127.0.0.1:{ $port }
cannot-listen-for-signals = cannot listen for signals
cannot-print-address = cannot write the address to stdout
give-less = give faults 100% together at most
name-another-port = name another port; `--port 0` takes a free one
listening = listening on { $url }
what-next =
    to rehearse a campaign with it, in another terminal:
      runner apply FILE --sandbox={ $url }
    what it has received is at { $url }/; ^C ends it
# $requests (number)
# $within_second (number)
summary-requests = { $requests ->
        [one] one request
       *[other] { $requests } requests
    }, at most { $within_second } within a second
# $users (number)
# $with_coupon (number)
# $coupons (number)
summary-coupons = { $coupons ->
        [one] one coupon
       *[other] { $coupons } coupons
    } issued to { $with_coupon } of { $users } users
# $twice (number)
# $replayed (number)
summary-repeats = { $replayed ->
        [one] one success replayed
       *[other] { $replayed } successes replayed
    }, { $twice } ids issued twice
summary-code = code { $code } { $message }
summary-fault = fault { $fault }
write-time = write a time such as 40ms, 5s or 2h
shortest-first = the shortest time comes first, as in 40ms..100ms
write-share = write a share from 0% to 100%, such as 2% or 0.02
write-word = write one of: { $words }
write-repeat-activity = write `replay` or `duplicate`
write-repeat = write replay, duplicate or ignore
