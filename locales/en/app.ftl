cannot-read-directory = cannot read the directory { $path }
no-campaign-file = there is no campaign file in { $path }
no-ledger = there is no ledger of { $campaign } yet at { $path }
wrong-clock = the ledger's times are far ahead of this machine's clock; nothing was sent
cannot-read-list = cannot read the excluded list { $list }; nobody is sent to without it
cannot-use-campaign-file = cannot use the campaign file { $path }
excluded-without-ledger = cannot exclude the users of { $campaign }: it has no ledger at { $path }
outside-approval = the campaign is outside its approval; nothing was sent
erased = the open_ids of the ledger of { $campaign } were erased. Nothing more can be sent, decided or compared, and nothing was done
excluded-erased = cannot exclude the users of { $campaign }: the open_ids of its ledger were erased
erased-on = they were erased at { $at }
erased-help = to send again, give the campaign file another name (`campaign`): it begins a new ledger, in which users who have a coupon of this one count as new. `runner history` shows who erased the open_ids
excluded-erased-help = name a list of these users in `audience.exclude`, such as a CSV that was exported before; or leave the campaign out, if its users may receive another coupon
needs-approval = the service has this campaign in charge, and every run needs an approval of it; nothing was sent
# $approvals (number)
file-needs-approval = the campaign file asks for { $approvals ->
        [one] 1 approval
       *[other] { $approvals } approvals
    } (`approval`), which only a service with a policy collects; nothing was sent
file-needs-approval-help = put the file into the directory of `runner serve`, and approve its plan there; or remove `approval` from the file
needs-approval-help = approve the plan in the service, which applies it then. The approvals so far: `{ $command }`
other-plan = the plan is not the one that --expect names; nothing was sent
audience-refused = not started: the audience or a change needs your attention; nothing was sent
unknown-user = the ledger of { $campaign } has no user { $open_id }
cannot-resolve = cannot resolve all that was chosen; nothing was changed
selection-changed = the ledger has changed since the question was asked: { $now ->
        [one] one delivery is
       *[other] { $now } deliveries are
    } chosen by now; nothing was changed
decision-unknown = whether the decision was recorded is not known: its answer did not come
cannot-read-status = cannot read { $path }
cannot-write-rows = cannot write the rows
cannot-make-request = cannot make a request: { $why }
cannot-start-thread = cannot start a thread
simulation-ended-early = the simulation ended without a result
cannot-start-sandbox = cannot start the sandbox
cannot-ask = cannot ask on the terminal
run-defect = the run of this campaign ended in a defect of this program

other-ledger = another ledger of { $campaign } was found in { $path }
other-ledger-uses = this command uses the one in { $path }
other-ledger-would-use = this command would use { $path }, where there is none
other-ledger-reason = { $other }; { $cause }
other-ledger-two = users whom only one of them knows would be sent to again. find out which one was used last, and move the other directory out of its `.runner`
other-ledger-in-database = go on with the ledger in the database: give `--store` or RUNNER_STORE as that run did. `runner store copy FILE --to files` moves it into files
other-ledger-in-files = go on with the files by leaving out `--store` and RUNNER_STORE, or move them into the database: `runner store copy FILE --to database`
other-ledger-beside-file =
    to go on with it, leave out --state-dir and RUNNER_STATE_DIR, or name its directory. or move it:
    { $command }
other-ledger-last-run =
    to go on with it, name its state directory:
      --state-dir { $root }
    or move it:
    { $command }
other-ledger-beside-link =
    an earlier version kept it beside the link. move it to the file that the link leads to:
    { $command }
other-ledger-among-rehearsals =
    an earlier version kept the ledgers of loopback addresses among the rehearsals. if this one has real deliveries, move it:
    { $command }
    if it was only rehearsed, remove it:
      rm -r { $path }

older-ledger = the ledger is older than its witness; nothing was sent
lost-ledger = the ledger that this campaign had is gone; nothing was sent
lost-ledger-why = there is no ledger, and batch { $sequence } of one was durable before
older-ledger-from = batch { $sequence } on { $written }
older-ledger-to = batch { $last }
older-ledger-to-none = no ledger
older-ledger-help = restore the newest ledger there is: users whom it does not know are sent to again. if there is none, apply with `--accept older_ledger`

no-credentials = `credentials` is missing; only a rehearsal (`--sandbox`) goes without
no-credentials-help = write `credentials: { "{" }client_key: { "{" }env: DOUYIN_CLIENT_KEY{ "}" }, client_secret: { "{" }env: DOUYIN_CLIENT_SECRET{ "}" }{ "}" }`
set-secret = set { $name }, or refer to another place under `credentials:`
store-secret-alone = store the secret alone, as one line of plain text, without a word before it such as `Bearer`
check-secret-path = check the path under `credentials:` and who may read it
set-whole-secret = set { $name } to the whole secret
write-whole-secret = write the whole secret into { $path }
write-secret = write the secret into { $path }

circle = `audience.exclude` goes round in a circle: { $circle }
circle-help = take one of them out: which campaign comes first has to be certain
other-app = { $path } is a campaign of the app { $theirs }, and this one of { $ours }
other-app-help = a user has another open_id in each app, so such a list would exclude nobody
validate-it = look at it with `runner validate { $path }`
on-line = line { $line }: { $message }

namesake-beside = { $path } is of the same campaign and app, and would share its ledger
namesake-beside-help = a campaign's name is its identity for ever: give one of them another, or another directory
namesake-given = { $path } is of the same campaign and app, and is given too
namesake-given-help = a campaign's name is its identity for ever: give one of them another, or apply one file of each campaign
other-credentials = { $path } has other `credentials` for { $app_id }
other-credentials-help = campaigns of one app that are applied together share one access token: write the same references into all of them, or apply them by commands of their own

interrupted = interrupted
stopped-by = stopped by { $requester }
interrupted-before-sending = interrupted before anything was sent
interrupted-while-waiting = interrupted while it waited for the app id again
stopped-while-waiting-by = stopped by { $requester } while it waited for the app id again
stopped-before-sending-by = stopped by { $requester } before anything was sent
declined = nobody agreed to it
earlier-ledger = one of this campaign was last seen { $seen } with batch { $batch }, in { $directory }
other-activity = the activity is another one than at the last apply; { $held }
no-send-before = nothing before { $start }
no-send-from = nothing from { $end } on
only-in-hours = only { $hours }
not-on-days = not on { $days }
list-of-two = { $first }, and { $second }
bad-command = cannot exchange a command with the worker
waits-for-decision = this worker was replaced, and waits for a person's decision: { $error }. it goes on by itself after that; `runner explain { $code }` says what to do
waits-for-worker = process { $pid } on { $host } owns the app id
ended-early = it ended early
