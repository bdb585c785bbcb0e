# Messages to chat groups and webhooks.

## Lines of a message

rehearsal = rehearsal of { $name }
title-halted = { $name }: halted
title-complete = { $name }: complete
title-incomplete = { $name }: ended, not complete
title-needs-person = { $name }: ended, needs a person
title-failed = { $name }: failed
title-wave = { $name }: wave { $wave } has ended
title-last-wave = { $name }: the last users have been sent to
title-approval = { $name }: needs an approval
title-waits = { $name }: waiting
title-outage = { $name }: the platform is in trouble
title-outage-over = { $name }: the platform works again
title-stalled = { $name }: no progress
title-missed = { $name }: missed
title-budget = { $name }: budget
title-differs = { $name }: the platform's records differ
title-test = { $name }: test message
app-and-time = app { $app-id }, { $time }
counts = { $counts }
because = reason: { $why }
with-code = { $why } ({ $code })
lasts = { $why }, for { $took }
next-wave = the next wave may begin at { $at }
testers-done = the testers have been sent to; the run waits for `runner approve`
wave-done = wave { $wave } has ended; the run waits for `runner approve`
took = it took { $took }
nothing-settled = nothing was settled for { $took }, although sending is allowed
missed-line = it was to begin at { $at }, and nobody approved it within an hour; nothing was sent
budget-line = { $used } of the budget of { $max } is spent, in doubt or reserved
# $to-send (number)
plan-waits = a plan for { $to-send ->
    [one] one coupon
   *[other] { $to-send } coupons
} waits for an approval
# $to-send (number)
# $changes (number)
plan-waits-with-changes = a plan for { $to-send ->
    [one] one coupon
   *[other] { $to-send } coupons
} waits for an approval, with { $changes ->
    [one] one change
   *[other] { $changes } changes
} to agree to
title-read-only = service: its log cannot be written
read-only-line = only pausing, stopping and freezing are possible until the service is started again: { $why }
title-service-test = service: test message
service-time = { $time }
test-line = runner can send messages here
code-line = code { $code }, { $n ->
    [one] { $n } answer
   *[other] { $n } answers
}: { $message }{ $has-log-id ->
    [yes] { " " }(log_id { $log-id })
   *[no] {""}
}
exit = exit code { $exit }
look = next: { $commands }
separator = {"; "}

## Reasons

slow = the platform asks to slow down to { $rate }
another-process = another process sends for this app id
paused = the run is paused
stopped = a person stopped it
another-ledger = another ledger has sent coupons of this campaign
mixed-answers = an answer belongs to another delivery

## What is wrong with a channel

unusable-hook = { $from } does not hold a URL for messages: { $why ->
    [scheme] it must begin with https, or with http for an address of this machine
   *[not-url] it is not a URL
}
set-variable = set { $name }, or refer to another variable or file
unusable-hook-help = copy the whole URL of the bot, with its key
not-sent = a message to { $channel } was not sent: { $why }
fault = { $fault ->
    [signature] the signature is wrong
    [keyword] the message lacks the bot's keyword
    [address] the bot does not accept this machine's address
    [gone] the bot does not exist or is stopped
    [form] the bot refuses the form of the message
    [status] the server refuses the message
    [code] the bot answered with an unknown code
    [unreadable] the answer is not that of a bot
    [not-connected] there is no connection to the server
    [certificate] the server's certificate cannot be trusted
    [timed-out] there was no answer in time
   *[cut] the answer was cut off
}
fault-status = the server answered with HTTP { $status }
fault-with-status = { $what } (HTTP { $status })
fault-with-code = { $what } ({ $code })
fault-with-message = { $what } ({ $code }: { $message })
remedy = { $fault ->
    [signature] compare the secret with the one in the bot's settings, and this machine's clock with the time: it may be wrong by less than an hour
    [keyword] write the bot's keyword as `keyword` of the channel
    [address] add this machine's address to the bot's list of addresses
    [gone] copy the URL from the bot's settings again
    [form] report this answer: the program writes the message in a form that the bot should take
    [status] look at the server's log
    [code] look the code up in the documents of the bot, and try again
    [unreadable] check that the URL is that of the bot, and that no proxy answers in its place
    [not-connected] check the network, the name of the server, and HTTPS_PROXY
    [certificate] check this machine's clock, and SSL_CERT_FILE if a proxy opens connections
    [timed-out] try again; the message may have arrived
   *[cut] try again; the network may be bad, and the message may have arrived
}
throttled = the bot asks to slow down
throttled-help = try again in a few minutes: a bot takes about 20 messages a minute
