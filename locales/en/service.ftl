act = { $act ->
    [see] see campaigns
    [see_deliveries] see the deliveries that wait for a decision
    [see_person] look up a user
    [compare] compare with the platform's records
    [plan] plan again
    [approve] approve and apply
    [request] request an approval
    [give_approval] approve
    [reject] reject a request
    [apply] apply an approved plan
    [pause] pause
    [resume] resume
    [stop] stop
    [stop_all] stop all
    [freeze] freeze all sends
    [unfreeze] end a freeze
    [approve_wave] approve a wave
    [erase] erase open_ids
   *[resolve] decide on deliveries
}
denied-under-way = an approval of the campaign is under way
erase-detail = { $campaign } { $app }, { $platform }; complete for { $retain }
denied-role = your role does not allow this
denied-read-only = the service log cannot be used, so only pausing, stopping and freezing are possible
denied-store-away = the database with the service log does not answer, so only pausing, stopping and freezing are possible until it does
denied-stopping = the service is stopping
denied-unknown = there is no such campaign
denied-no-file = its file is not in the directory, or has mistakes
denied-running = the campaign is running: stop it first
denied-not-running = the campaign is not running
denied-not-paused = the campaign is not paused
denied-no-plan = there is no plan yet
denied-other-plan = the plan has changed since it was shown: look at it again
denied-nothing-to-send = the plan sends nothing
denied-not-accepted = these changes need your agreement: { $words }
denied-missed = this occurrence was missed: it was not begun within an hour of its time. `runner apply --occurrence` sends it late
denied-overlaps = another occurrence of this campaign is running and has not ended when this one begins: stop it first
denied-approvals = the policy asks for approvals that there are not: { $needs }
# $approvals (number)
denied-file-approvals = the campaign file asks for { $approvals ->
        [one] 1 approval
       *[other] { $approvals } approvals
    }, and a service without `policy` collects none: add one to the file of the service
denied-no-request = nobody has requested this plan: the policy asks for a request and for approvals of others
denied-no-policy = this service has no policy, so there is nothing to request: approve the plan
denied-requested = { $by } has requested this plan already
denied-own-request = you requested this plan, so another user has to approve it
denied-approved-before = you have approved this plan already
policy-broken = the file of the service has mistakes, and nothing begins until it has none: what runs goes on inside its approval
over-budget = the plan may spend { $needs }, and { $left } of the budget of { $max } is left
budget-unknown = nobody says what a coupon is worth, so no budget can be compared: write `coupon_value` in the campaign file
denied-frozen-before = all sends are frozen already
denied-not-frozen = nobody has frozen the sends; a freeze of the policy ends by the file of the service
frozen-by = { $by } has frozen all sends
frozen-by-for = { $by } has frozen all sends: { $note }
frozen-until = nothing is sent in the freeze “{ $name }” until { $until }
denied-no-note = a decision needs a reason

# The command line.
serves = runner serves { $directory } at { $url }
serves-sandbox = runner rehearses { $directory } at { $url }: nothing real is sent
open-link = open this link; it can be used once: { $link }
link-was-used = the link was used. a new one: { $link }
link-was-used-elsewhere = a link was used. a new one: { $command }
stopping-service = { $signal }: stopping; campaigns that run continue at the next start
service-stopped = stopped
not-loopback = cannot listen on { $address }: it is not an address of this machine alone
cannot-listen = cannot listen on { $address }
cannot-listen-help = another program may have the port: name another one with --listen
cannot-print-link = cannot make a link
service-taken = another service watches { $directory }: process { $pid } on { $host } since { $since } ({ $command })
service-taken-by-unknown = another service watches { $directory }
service-taken-help = a link to it: { $command }
no-service = no service runs for { $directory }
no-service-help = start one: { $command }
waits-for-service = the service of { $host } (process { $pid }) has the campaigns of this database; this one takes over when that one ends
no-link-here = the service for { $directory } waits for another one, which has the campaigns and makes the links
no-link-here-help = make one there: `runner serve DIR --link` on { $host } (process { $pid }). it signs in here, too
forwards-requests = requests to { $url } are forwarded to it
# Why a request was not forwarded to the service that has the campaigns.
not-forwarded = { $why ->
    [refused] It takes no connections: it has just ended, or its address cannot be reached from here. Try again in a few seconds.
    [certificate] Its certificate is not trusted here, so that no request was forwarded to it. Give all services of the database the same `tls`, or a certificate for the host of `url` from an authority that this machine trusts.
    [loopback] It listens on the loopback address of its machine, so that this one cannot forward requests to it. Open its pages there, or let it listen on an address that the other machines reach, with `listen` in the file of the service or with --listen.
    [older] Its version takes no requests from other services. Open its own address.
    [twice] The request was forwarded here already, by a service that takes this one for the one with the campaigns. Try again in a few seconds.
   *[no-connection] It does not answer. Try again in a few seconds.
}
unknown-whether-done = It is not known whether this was done
unknown-whether-done-text = The service that has the campaigns got the request, and there was no answer: it may have done what was asked. Look at the campaign and at the log before you repeat it.
service-begins = the service begins
service-waits = This service waits
service-waits-text = It takes over when the other one ends or does not answer. `runner stop` and `runner pause` with --store reach every run of the fleet meanwhile.
service-lost = another worker of the fleet has taken over, because this service did not answer the database in time. its campaigns stop here, and it waits
took-effect-unrecorded = it took effect, but the service log does not take its record: a restart of the service would not know of it
not-all-stopped = { $failed } of { $all } campaigns could not be stopped
secrets-unread = the secrets of the campaign cannot be read: no answer within 30 s
recorded-late = the database does not answer: nothing was done. the act is in the log once the database answers; look there before it is repeated
not-a-directory = { $path } is not a directory
name-directory = name the directory of the campaign files
no-log = no service has a log in { $directory }
# $records (number)
log-sound = The log of the service is sound: { $records ->
        [one] { $records } record
       *[other] { $records } records
    }, each linked to the one before.
# $records (number)
log-unknown = { $records ->
        [one] { $records } record was
       *[other] { $records } records were
    } written by a newer version; the chain includes them.
# $n (number)
log-losses = it says { $n ->
        [one] once
       *[other] { $n } times
    } that a service found records of it lost; the audit page has the numbers.
# $records (number)
log-older = the log of the service is older than its witness, which saw record { $known } at { $at }: there are { $records ->
        [one] { $records } record
       *[other] { $records } records
    } now
log-older-help = restore the newest copy of the log before the service starts again. without one, the service starts and continues nothing by itself: approve again what should go on
log-last = last record: { $at }, link { $link }

# The frame.
skip-to-content = Skip to the content
navigation = Pages
notices = Notices
inbox = Inbox
campaigns = Campaigns
apps = Apps
audit = Audit
sandbox-banner = Rehearsal.
sandbox-banner-text = The platform is a sandbox inside this service: nothing real is sent.
read-only-banner = The service log cannot be used, so only pausing, stopping and freezing are possible. Start the service again once this is mended:
store-away-banner = The database does not answer. Nothing new begins, and only pausing, stopping and freezing are possible until it does; what runs stays inside its approval:
lost-records-banner = The service log is older than its witness: records { $first } to { $known } are gone, and one of them may say that a person stopped a campaign. Nothing was continued. Approve again what should go on.
scan-failure-banner = The directory cannot be read. Everything continues as it was.
frozen-banner = Frozen.
frozen-except = Except { $names }.
unfreeze = End the freeze
freezes = freeze: { $name }
unfreezes = end of the freeze
empty-directory-banner = The directory has no campaign file any longer. Nothing changes until files are there again.
stale = No connection to the service: what you see may be old.
footer = runner { $version }

# The inbox.
scanning = Reading the directory …
no-campaigns = There is no campaign file (.yaml) in the directory.
nothing-waits = Nothing waits for you.
see-campaigns = See all campaigns
label-broken = file with mistakes
label-paused = paused
label-stopped = stopped
label-halted = halted
label-incomplete = ended early
label-failed = failed
label-approval = needs approval
label-refused = not allowed
label-waits = approved, waits
label-automatic = by itself
waits-for-others = Waits for others
requested-item = Requested by { $by }. Approvals: { $needs }.
# $to-send (number)
automatic-item = The service sends { $to-send ->
        [one] 1 coupon
       *[other] { $to-send } coupons
    } by itself when the time of the campaign has come: the policy asks for no approval.
label-not-erased = open_ids not erased
open-ids-erased = the open_ids are erased: nothing can be sent any more
not-retained = the ledger is not there any more, or the file of the service has no `retain` any more
label-plan-failed = no plan
label-wave = wave needs approval
label-held = held
label-in-doubt = in doubt
label-missed = missed
unusable-body = the body is longer than 64 KiB, or did not come in time
no-such-request = there is no such request; GET /api/v1/openapi.json lists all
audit-export = Download these records (JSON lines)
unusable-certificate = the certificate of the service cannot be used: { $path }
unusable-certificate-help = name the files of a certificate with its chain and of its private key, both in PEM
no-certificate-in-file = it has no certificate in PEM
no-key-in-file = it has no private key in PEM
label-differs = records differ
label-channel = messages are not sent
of-service = the service
# $n (number)
broken-item = { $file } has { $n ->
        [one] { $n } mistake
       *[other] { $n } mistakes
    }. What was applied before is not affected.
# $n (number)
missed-item = { $n ->
        [one] The occurrence of { $last } was
       *[other] { $n } occurrences, the last one of { $last }, were
    } not begun within an hour. Nothing was sent.
vanished-item = { $file } vanished from the directory, so its campaign is paused.
vanished-back-item = { $file } vanished, so its campaign was paused. The file is there again.
paused-item = Paused by { $by }.
stopped-item = Stopped by { $by }; coupons are still owed.
# $to-send (number)
approval-item = { $to-send ->
        [one] { $to-send } coupon
       *[other] { $to-send } coupons
    } to send.
# $to-send (number)
# $changes (number)
approval-item-with-changes = { $to-send ->
        [one] { $to-send } coupon
       *[other] { $to-send } coupons
    } to send, and { $changes ->
        [one] { $changes } change
       *[other] { $changes } changes
    } that you must agree to.
testers-item = The testers have their coupons. Everybody else waits for your approval.
wave-item = Wave { $wave } has ended. The next one waits for your approval.
# $n (number)
held-item = { $n ->
        [one] { $n } delivery has
       *[other] { $n } deliveries have
    } a code that nobody has classified.
# $n (number)
in-doubt-item = { $n ->
        [one] { $n } delivery is
       *[other] { $n } deliveries are
    } in doubt: the user may have the coupon.
see-mistakes = See the mistakes
resume-or-stop = Resume or stop
see-occurrences = See the occurrences
see-campaign = See the campaign
see-plan = See the plan
approve-wave = Approve
decide = Decide
explain = What is { $code }?

# Campaigns.
column-progress = progress
sort-label = Sorted by
sort-by = { $by ->
    [state] state
    [owed] coupons owed
    [rate] rate
   *[file] file
}
show-button = Show
none-listed = No campaign has this text.
stop-all = Stop all
freeze-all = Freeze all sends
freeze-text = Every run is paused at once, and none begins or goes on until an admin ends the freeze. Stop and pause stay possible.
freeze-note = Why
# $n (number)
percent = { $n } %
applied-by = applied by process { $pid } on { $host }: { $command }
state = { $state ->
    [planning] planning
    [waiting] waiting
    [sending] sending
    [paused] paused
    [draining] stopping
    [halted] halted
    [ended] ended
    [complete] complete
    [incomplete] ended early
    [failed] failed
    [broken] file with mistakes
    [vanished] file is gone
    [plan_failed] no plan
    [needs_approval] needs approval
    [denied] not allowed
    [waits_for_decision] needs a decision
    [recurring] recurring
    [none_left] no occurrence left
    [missed] missed
    [lapsed] approval lapsed
    [over] over
   *[idle] nothing to do
}

# Apps.
apps-text = The platform allows each app a number of requests in any second. The campaigns of an app share it: those that send take turns.
app-pace = pace
slowed-pace = { $now } of { $full }
slowed-note = The platform asked to slow down. The next step back to the full pace is in { $left }.
sends-now = sends now
sent-today = requests today
token = access token
token-none = none is needed while nothing is sent
token-until = valid until { $at }
token-given = kept by another program
token-missing = none: { $why }
turns = Who uses the quota, the next one first
column-turn = turn
column-today = requests today
column-per-day = at most a day
no-limit = no limit
turn-now = sends
# $n (number)
turn-shared = sends, taking turns: { $n } campaigns send
turn-at = from { $at }
turn-after-wait = after its wait
turn-after-approval = after an approval

# A campaign.
file = file
campaign-pages = Pages of this campaign
overview = Overview
plan = Plan
decisions = Decisions
resume = Resume
pause = Pause
stop = Stop
mistakes = Mistakes in the file
mistakes-text = The file is not used until it has none. A campaign that runs continues with the plan that was applied.
ends = ends
funnel = From the audience to the coupons
funnel-listed = users in the audience
funnel-excluded = excluded
funnel-control-group = in the control group
funnel-repeated = repeated rows
funnel-unusable = unusable rows
funnel-deliveries = deliveries
waves = Waves
facts = Facts
last-run-ended = last run ended

# Occurrences.
occurrences = Occurrences
occurrences-text = Each occurrence has its own plan, approval and ledger. It is planned up to 12 hours before its time, so that it can be approved ahead.
all-occurrences = All occurrences
column-occurrence = occurrence
column-begins = begins
occurrence-past = over
next-occurrence = the next one begins { $at }
occurrence-over = The time of this occurrence is over, so the service does not begin it. `runner apply --occurrence` sends a missed one late.

# The plan.
plan-of = { $name }: plan
plan-of-broken = The file has mistakes, so there is no plan of it.
plan-of-vanished = The file is not in the directory.
planning = The plan is being made: the ledger and the audience are read.
plan-after-run = The campaign is running by the plan that was approved. What is left is planned when the run has ended.
plan-while-running = The campaign is running by the plan that was approved. This is what would change: stop the run to approve it.
plan-is-fresh = This rehearsal begins from the beginning: its ledger is deleted when you approve.
budget-title = Budget
budget-column = budget
budget-spent = spent
budget-open = in doubt
budget-reserved = reserved
budget-left = left
per-day = a day
per-month = a month
policy = Policy
not-requested = Nobody has requested this plan yet.
request-text = Your request is for exactly this plan. It is sent as soon as it has the approvals of others that the policy asks for.
# $n (number)
request-button = Request approval to send { $n ->
        [one] 1 coupon
       *[other] { $n } coupons
    }
requested-by = Requested by { $by }, { $at }.
request-agrees = The request agrees to this change:
sent-soon = It has the approvals that it needs, and is sent now.
own-request-note = You requested this plan, so another user has to approve it.
approved-before-note = You have approved this plan. Others have to approve it, too.
# $n (number)
give-approval-button = Approve { $n ->
        [one] 1 coupon
       *[other] { $n } coupons
    }
take-back = Take the request back
reject-note = Why not
reject-button = Reject
meets-no-rule = The plan meets no rule.
policy-needs = It needs { $needs }.
too-few-approvers = Only { $may } of the users can give these { $needs } approvals: nobody approves their own request, and an approver must be in the groups. Change server.yaml, or what asks for them.
changes-since = What changed since the last apply
needs-agreement = needs your agreement
simulation-title = How it would go
simulation-running = The plan is being simulated on a virtual clock.
simulation-text = Simulated from the moment of the plan against a sandbox that refuses two users of a hundred. It sends nothing.
simulation-refused = The campaign would stop before it sends anything.
simulation-too-large = The audience is too large to be simulated here. `runner simulate { $file }` does it.
simulation-too-long = The simulation was ended because it took too long. `runner simulate { $file }` has no limit.
what-would-happen = What would happen
plan-details = Details
fingerprint-label = fingerprint
planned-at = planned at
approve-title = Approve
approve-bounds = It allows { $bounds }. Each send is held against these bounds.
approve-text = Your approval is for exactly this plan. If the file or the audience is another one when it starts, nothing is sent and you are asked again.
agree-to = { $change ->
    [activity_id] I agree that coupons are sent from another activity.
    [coupons_per_user] I agree that each user receives more coupons.
    [control_group] I agree that another share of users receives nothing.
    [smaller_audience] I agree that many users have left the audience.
    [smaller_exclude] I agree that many users have left an exclude list.
    [idle_exclude] I agree that an exclude list excludes nobody.
    [older_ledger] I agree to continue with an older copy of the ledger.
    [replays] I agree to continue though another ledger has sent this campaign.
   *[clock] I agree that the clock of this machine is right.
}
# $n (number)
approve-button = Approve and send { $n ->
        [one] { $n } coupon
       *[other] { $n } coupons
    }
plan-again = Plan again
rehearse-from-beginning = Rehearse from the beginning
requests = The first requests
requests-text = As they would be sent; the ids of users and the token are hidden.
requests-of-rehearsal = As they would be sent to the sandbox; the ids of users are hidden.

approval-lapsed = the service was killed before its run began, and the approval has lapsed since
plan-changed = the plan has changed since it was approved, so nothing was sent

# Decisions.
decisions-of = { $name }: decisions
decide-while-running = The campaign is running. The run records a decision as soon as no request is on its way, and goes on with what is owed then. If a group has changed by then, nothing is decided.
nothing-to-decide = No delivery waits for a decision.
ledger-read-at = The ledger was read at { $at }.
column-user = user
# $n (number)
group-title = { $n } { $state }
held-help = The platform answered with a code that has no class, or that you classified as `hold`. If it always means the same, write it under `codes` in the file; else decide here.
in-doubt-help = An answer was lost, or a code leaves it open: the user may have the coupon. Ask the platform by the log_id.
# $n (number)
first-of-group = The first { $n }
# $n (number)
decide-as = What happened to { $n ->
        [one] this { $n } delivery
       *[other] these { $n } deliveries
    }?
as-issued = The user has the coupon.
as-refused = The user has no coupon and receives none.
as-owed = The user has no coupon: send it when the campaign is applied again.
may-double = If they are sent again: I accept that a user may receive a second coupon.
note-label = Why (for the ledger), such as a ticket number
decide-button = Decide on { $n }
# $shown (number)
# $now (number)
other-count = you were shown { $shown } deliveries, and now there are { $now }: look again. nothing was decided
bad-form = the request is not one that a page of this service makes

# The platform's own records.
records = Activities and the platform's records
comparing = The ledger is being compared with the platform's records.
compared-at = Compared with the platform's records at { $at }.
# $n (number)
compared-found = They settled { $n ->
        [one] { $n } delivery
       *[other] { $n } deliveries
    }.
never-compared = Not yet compared with the platform's records. The service compares by itself after each day with requests, if the file has `coupon_meta_id` or deliveries are open.
compare = Compare now
column-stock = stock
column-used = issued
column-left = left
activity-released = released
column-in-ledger = confirmed in the ledger
column-open = open in the ledger
column-at-platform = counted by the platform
column-verdict = what follows
count-too-early = counted before the last requests had settled
count-unknown = the platform has no count
count-some = the platform counts some of what is open
# $n (number)
differs-item = The platform counts other coupons than the ledger has, for { $n ->
        [one] { $n } activity
       *[other] { $n } activities
    }.
see-records = See the records
most-in-second = most in a second

# A person.
person = Person
person-text = Everything that the campaigns of an app know of one user. Each look is recorded in the log of the service, without the open_id.
open-id-label = open_id
person-button = Look up
# The log has a name for the user that only a person who knows the open_id can find.
person-recorded = The log names this user `{ $name }`.
person-unknown = No campaign of this app knows this user.
person-not-in = Not known in:

# Audit.
audit-text = Everything that was asked of this service, also what was refused. Each record is linked to the one before; `runner verify` checks the whole log.
# $records (number)
log-head = { $records } records; the last link is { $link }
filter-label = Only with this text
filter-button = Filter
no-records = No record has this text.
column-time = time
column-who = who
column-what = what
column-result = result
service-began = service started
service-ended = service stopped
records-lost = records { $first } to { $known } of the log were gone
signed-in = opened a link
refused = was refused: { $why }
failed = failed: { $why }
done = done
result-of = result of { $of }
run-ended = run ended
series-found = found a recurring campaign
occurrence-missed = an occurrence was missed
lapsed-record = record { $of } has lapsed: nobody used it in time
approved-by = approved by { $by }
approved-by-nobody = the policy asks for no approval
who-terminal = { $name } (terminal: { $command })
who-service = the service itself
wave-detail = wave { $wave }
# $n (number)
decision-detail = { $n } { $state }, code { $code } → { $to }: { $note }

# Small pages.
sign-in-title = Open the link of the service
sign-in-text = This page needs a session. Type this command on the machine of the service, and open the link that it prints:
link-used = This link does not work any longer
continue = Continue
act-failed = This did not happen
nothing-happened = Nothing was changed.
back = Back
not-found = There is no such page
not-found-text = The address is wrong, or the campaign is not there any longer.
wrong-host = This is not an address of the service
wrong-host-text = Open the service by the address that it printed. A page under another name could be an attack.
other-site = This request comes from another site
other-site-text = Nothing was changed. Only a page of this service may ask for that: go back, and use its button.
newer-records = it has records of a newer version of runner, which this version does not understand; start that version

# Users.
secret-of-service-help = check the reference; the service reads it again every two seconds
not-a-password-hash = { $from } does not hold the hash of a password
not-a-password-hash-help = put into it what `runner serve --hash-password` prints
login-title = Sign in
login-name = Name
login-password = Password
login-button = Sign in
login-wrong = The name or the password is wrong.
# $seconds (number)
login-too-many = Too many attempts. Try again in { $seconds } s.
sign-out = Sign out
sign-in-refused = sign in
wrong-password = wrong password
signed-out = signed out
broken-config-banner = The file of the service has mistakes.
broken-config-text = What it said before stays in force.
needs-role = To { $act } needs the role { $roles }.
role-or = { " or " }
role-and = , and { "" }
with-users = users and roles are in { $path }; sign in at { $url }/login
config-in-directory = { $path } is in the directory of the campaign files
config-in-directory-help = a person who may write campaign files could then make users. move it beside the directory: { $better }
ask-password = Password:{ " " }
ask-password-again = Again:{ " " }
passwords-differ = the two passwords differ
passwords-differ-help = start again; nothing was made
# $least (number)
password-too-short = the password has fewer than { $least } characters
password-too-short-help = choose a longer one
password-too-long = the password is too long
cannot-read-password = cannot read the password
cannot-make-hash = cannot make the hash
new-token = token: { $token }
new-token-help = Give the token to the program, and keep it secret: it is shown only now. In the file of the service:

# For programs.
no-token = this needs a token: send `Authorization: Bearer TOKEN`
not-json = the body is not JSON: send `Content-Type: application/json`
app-or-file = name either `app_id` or `file`
not-an-object = the body is a list: send a JSON object
bad-idempotency-key = `Idempotency-Key` is empty, too long, or has other characters than letters, digits and signs of ASCII
request-executed = the same request is being executed: ask again later
other-request-with-key = another request had this `Idempotency-Key`: choose a new one
