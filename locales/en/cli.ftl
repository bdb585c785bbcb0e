label-warning = warning

name-writable-file = name a file in a directory that exists and that you may write to
name-writable-directory = name a directory that you may write to
nobody-reads-pipe = nobody reads this named pipe
start-reader-first = start its reader first, for example `cat` of the pipe; or name a file
cannot-write-to = cannot write to { $path }
cannot-write = cannot write { $path }
make-room-elsewhere = nothing of it was kept; make room there or name another place
cannot-write-stdout = cannot write to stdout
cannot-write-events = cannot write the events to { $path }
cannot-create-directory = cannot create the directory { $path }
missing-events =
    { $n ->
        [one] one event is missing from { $name }: { $why }; the counts and the ledger miss nothing
       *[other] { $n } events are missing from { $name }: { $why }; the counts and the ledger miss nothing
    }
missing-objects =
    { $n ->
        [one] one object is missing from { $name }: { $why }; the counts and the ledger miss nothing
       *[other] { $n } objects are missing from { $name }: { $why }; the counts and the ledger miss nothing
    }
missing-log-lines =
    { $n ->
        [one] one line is missing from the log
       *[other] { $n } lines are missing from the log
    }
reader-takes-nothing = its reader takes nothing
busy-reading-ledger = reading the ledger
busy-so-far = { $doing }, { $time } so far

cannot-read-log-filter = cannot read the log's filter
write-log-filter = write RUNNER_LOG like `debug`, `runner=debug` or `warn,runner::engine=trace`
cannot-write-log = cannot write the log to { $path }

expect-one-campaign = --expect names the plan of one campaign, and { $files } campaign files are given
expect-one-campaign-help = apply the campaign that was reviewed by a command of its own
write-address = write an address and a port, as in 127.0.0.1:9464 or [::1]:9464, or a port alone
write-sandbox-url = { $error }; write it like http://127.0.0.1:8080
sandbox-is-local = a sandbox runs on this machine: write it like http://127.0.0.1:8080

init-wrote =
    wrote { $campaign } and { $audience }
    to rehearse it; nothing real is sent:
    {"  "}{ $command }
init-exists = { $path } exists already; nothing was written
init-another-directory = name another directory: `runner init DIR`
init-writable-directory = name a directory that you may write to: `runner init DIR`

cannot-make-man = cannot make the manual pages
man-wrote =
    { $n ->
        [one] wrote one page into { $path }
       *[other] wrote { $n } pages into { $path }
    }
cannot-start-threads = cannot start threads

ask-about-to-send = about to send
ask-coupons = coupons
# $coupons (number)
ask-coupons-worth = { $coupons }, worth up to { $worth }
ask-worth = worth up to { $worth }
ask-campaign = campaign
ask-app = app
ask-platform = platform
ask-ledger = ledger
ask-app-activity = { $app_id }, activity { $activity_id }
ask-new-ledger-at = new, at { $path }
ask-existing-ledger-in = existing, in { $path }
ask-campaign-title = { $campaign } ({ $title })
ask-other-activity = the activity is another one than at the last apply; { $held }
ask-go-on = an issued coupon cannot be taken back. go on? [y/N]{" "}
ask-go-on-with-all = an issued coupon cannot be taken back. go on with all of them? [y/N]{" "}
ask-new-ledger = { $app_id }, activity { $activity_id }, new ledger
ask-existing-ledger = { $app_id }, activity { $activity_id }, existing ledger
ask-new-ledger-of-platform = { $app_id }, activity { $activity_id }, new ledger, { $platform }
ask-existing-ledger-of-platform = { $app_id }, activity { $activity_id }, existing ledger, { $platform }
ask-sum =
    { $n ->
        [one] one coupon in { $campaigns } campaigns
       *[other] { $n } coupons in { $campaigns } campaigns
    }
ask-sum-at-platform =
    { $n ->
        [one] one coupon in { $campaigns } campaigns, at { $platform }
       *[other] { $n } coupons in { $campaigns } campaigns, at { $platform }
    }
declined = nothing was sent and nothing was changed
declined-several = nothing was sent and nothing was changed for those that were asked about
no-question = there is no terminal on which to ask: the campaign file decides, and sending begins without a question
validate-usable = { $path }: { $campaign } for { $app_id } can be used
# $users (number)
# $tokens (number)
validate-server = { $path }: a service at { $address } can use it, with { $users ->
        [0] no users
        [one] one user
       *[other] { $users } users
    } and { $tokens ->
        [0] no tokens
        [one] one token
       *[other] { $tokens } tokens
    }
validate-one-file =
    { $n ->
        [one] one mistake in this file; `runner explain { $code }` says more about it
       *[other] { $n } mistakes in this file; `runner explain { $code }` says more about the first
    }
validate-several-files =
    { $n ->
        [one] one mistake, in { $unusable } of { $files } files; `runner explain { $code }` says more about it
       *[other] { $n } mistakes, in { $unusable } of { $files } files; `runner explain { $code }` says more about the first
    }

# Messages to channels.
no-channel = { $path } names no channel for messages
no-channel-help = add `notify:` to the file; docs/notify.md shows how
test-sent = the test message was sent
test-verdict = { $verdict ->
    [sent] sent
    [throttled] slow down
    [unknown] unknown
   *[refused] refused
}
test-help = help: { $help }
# $seconds (number)
last-messages = waiting up to { $seconds } s for the last messages to the channels; ^C ends the wait
messages-not-awaited = the last messages were not waited for; the next apply of a campaign sends its halt or end
message-kept = the last message to { $channel } was not sent; the next apply of the campaign sends it
message-lost = the last message to { $channel } was not sent
