about = Sends every coupon of a Douyin mini-app campaign exactly once, and proves it
command-init = Writes a first campaign file and audience to try out
command-plan = Shows what apply would do now and whether that is feasible. Sends nothing
command-simulate = Runs a campaign on a virtual clock: shows when it would end, and how. Sends nothing
command-apply = Sends all coupons that are still owed. Safe to run again
command-serve = Watches a directory of campaigns: plans, asks for approval, applies, and shows all on web pages
command-status = Shows the state of campaigns, also while another process applies them
command-pause = Pauses a running campaign: no delivery starts until it is resumed
command-resume = Resumes a paused campaign
command-stop = Stops a running campaign in an orderly way, as ^C does
command-validate = Shows every mistake in campaign files. Opens no connection, reads no audience
command-resolve = Records your decision on deliveries that are held, in doubt or refused
command-trace = Shows everything known about one user, and what happens next
command-export = Writes one row per delivery, as CSV, JSON lines, Parquet or xlsx
command-verify = Checks the whole ledger and certifies what it says
command-store = Create, check or fill the database that several machines share
command-notify = Sends a test message to each channel under `notify`, and shows whether it arrived
command-doctor = Checks what a run needs: clock, network, token, disk, audience. Sends nothing
command-schema = Prints the JSON Schema of campaign files, for editors
command-sandbox = Runs the sandbox (a fake platform) as a server on this machine
command-report = Writes a report of a campaign as one HTML page that needs no network
command-explain = Explains a problem or a code of the platform
command-completions = Prints the completion script of a shell
command-man = Prints the manual pages
command-help = Shows the help of a command
begin =
    Where to begin:
      runner init first                              write a first campaign, with comments
      runner apply first/first.yaml --sandbox        rehearse it; nothing real is sent
      runner plan campaigns/summer.yaml              see what apply would do now
      runner apply campaigns/summer.yaml             send the coupons; safe to run again
      runner explain E0310                           read what a problem is and what to do
apply-files = Campaign files, or directories of them; `pushed:NAME`, or `pushed:` for all, are those in the database. All are applied at the same time, each with its own ledger
apply-fresh = Restart the rehearsal from the beginning
apply-notify = Send messages to the channels under `notify` in a rehearsal, too
apply-accept = Accept a change since the last apply that needs approval, in each campaign. Separate several by commas
apply-expect = Apply only if this is still the fingerprint that `runner plan` showed. Resuming that plan qualifies. For a single campaign
apply-at-most = Attempt at most N deliveries of each campaign in this run
apply-no-wait = Exit instead of waiting: with 3 for the start, a window or a wave, with 5 for another run
apply-yes = Do not ask for confirmation before sending
apply-events = Write every attempt and every other event to FILE, one JSON object per line
apply-metrics = Serve metrics for Prometheus at ADDR, such as `127.0.0.1:9464`. A port alone is served to this machine only
apply-metrics-linger = Serve metrics for DURATION after the end, such as `30s` or `2m`. Without it, for two scrapes, 30 s before a scraper came twice. ^C ends it
apply-metrics-file = Write metrics to PATH every 5 s and at the end, for the textfile collector of node_exporter. PATH ends in `.prom`
dry-run-dry-run = Send nothing and change nothing: show the plan and the first requests as they would be sent. Needs no credentials
dry-run-show = Show N requests
apply-examples =
    Examples:
      runner apply campaigns/summer.yaml --sandbox
          rehearse: the file, the audience and the pace of the campaign, against the sandbox
      runner apply campaigns/summer.yaml --events events.jsonl
          send what is owed, and record every attempt
      runner apply campaigns
          apply all campaigns of a directory at the same time; one that stops does not stop the others

    Exit codes: 0 complete; 3 the same command continues; 4 needs your attention; 5 another process is applying it. For several campaigns, the first of 1, 2, 4, 5, 3, 0 that occurs.
heading-rehearsal = Rehearsal
heading-what-may-happen = Limits and approvals
heading-record = Records
heading-dry-run = Dry run
heading-what-is-written = Contents
heading-global-options = Global options
heading-which = Which deliveries
heading-arguments = Arguments
heading-decision = Decision
heading-rules = Rules
heading-faults = Faults
heading-records = The platform's own records
heading-certificate = Certificate
campaign-file = The campaign file, or `pushed:NAME` for one in the database
completions-shell = The shell
completions-examples =
    Examples:
      runner completions bash > ~/.local/share/bash-completion/completions/runner
          for bash, once it is restarted
      runner completions fish > ~/.config/fish/completions/runner.fish
          for fish
explain-code = A problem code, as in `error[E0310]`, or a code of the platform. Without it, all problems are listed
explain-examples =
    Examples:
      runner explain E0310
          what this problem is, why it occurs, and what to do
      runner explain 28001045
          what the built-in table knows about a code of the platform
      runner explain
          list every problem
export-format = The format of the rows. Default: the ending of FILE, else csv
export-state = Only deliveries in these states, separated by commas
export-out = Write to FILE instead of stdout. FILE appears when it is complete
export-for-excel = Begin a CSV with a byte order mark, so that Excel reads Chinese text. For ids with all digits, export an .xlsx instead
export-examples =
    Examples:
      runner export campaigns/summer.yaml --state issued -o issued.csv
          who has a coupon, which one, and until when it is valid
      runner export campaigns/summer.yaml --format jsonl | jq 'select(.state == "held")'
          every held delivery as a JSON object, for a program
      runner export campaigns/summer.yaml -o summer.xlsx
          a workbook: every digit of the ids, amounts in yuan, times in the campaign's zone, and the sums

    Every format has the fields of a `delivery`, in the same order. Times have the campaign's offset; in Parquet they are UTC, and in xlsx dates on the clocks of the campaign's zone. Rows are in the order of the last answer; deliveries without an answer come last. Ids are the same in every format, so an export can be read as an audience or an exclude list. In CSV, a message, a name or a reason that a spreadsheet would run as a formula is prefixed with '. An xlsx is in the language of the command; in all other formats, states and reasons are fixed English words.
global-output = What stdout carries: text for people, or JSON objects, one per line
global-verbose = Log more; given twice, much more. RUNNER_LOG takes an exact filter, such as `runner=debug`
global-log-file = Append the log to FILE instead of writing it to stderr
global-log-format = The format of the log
global-state-dir = Keep ledgers in DIR instead of `.runner` beside the campaign file
global-store = Keep ledgers in the PostgreSQL database whose URL is in the variable NAME or in the file PATH, so that several machines can share the work. Default: the URL in RUNNER_STORE
global-color = When text for people has colours: `auto` is on a terminal, unless NO_COLOR is set. Default: auto
global-lang = The language of texts for people. Default: RUNNER_LANG, else the locale (LC_ALL, LC_MESSAGES, LANG)
init-dir = Where to write the files. The directory is created if it does not exist
init-examples =
    Examples:
      runner init
          write first.yaml and first.csv into the current directory
      runner init campaigns/spring
          write them into campaigns/spring; then: runner apply campaigns/spring/first.yaml --sandbox

    It never overwrites a file.
man-out = Write one file per command into DIR instead of all pages to stdout
man-examples =
    Examples:
      runner man | man -l -
          read every page
      runner man -o ~/.local/share/man/man1
          put them where `man runner-apply` finds them
plan-paths = Campaign files, or directories of them; `pushed:NAME`, or `pushed:` for all, are those in the database
plan-accept = Plan as if this change since the last apply were accepted. Separate several by commas
plan-show-users = In each plan, name the first N users who came or went in each way
plan-online = Ask the platform for the coupon template `coupon_meta_id`, and compare it with the campaign. Needs the credentials. Sends nothing
plan-detailed-exitcode = Exit with 0 when there is nothing to send, 3 when there is, 4 when your attention is needed
plan-examples =
    Examples:
      runner plan campaigns/summer.yaml
          how many coupons would be sent, what changed, when it would end, and whether it is feasible
      runner plan campaigns --detailed-exitcode --output json
          the same for every campaign of a directory, for a program

    Exit codes: 0; or 4 when your attention is needed: a change that is not accepted, an audience that cannot be used, too little time. With --detailed-exitcode also 3 when something would be sent, and 4 when nothing would be sent and deliveries are held or in doubt.
occurrence = Which occurrence of a recurring campaign is meant, such as `2026-06-01`
rehearsal-sandbox = Rehearse, or use the rehearsal of the campaign. `apply` runs a sandbox inside itself, or uses the one at URL
report-out = The file of the page. An existing file is replaced when the page is complete
report-examples =
    Examples:
      runner report campaigns/summer.yaml -o report.html
          how the campaign went, as one page
      runner report campaigns/summer.yaml --sandbox -o rehearsal.html
          the same for its rehearsal
which-open-ids = The deliveries of these users that are held, in doubt or refused
which-ordinal = Only coupon number N of each of these users, counted from 1
which-held = All held deliveries
which-in-doubt = All deliveries in doubt
which-refused = All refused deliveries
which-code = Of these, only deliveries whose last answer was this code
decision-to = The user has the coupon; gets none; or is owed it, and the next apply sends it
decision-note = Why. The note is kept in the ledger
decision-may-double = Allow that resending a delivery in doubt may give the user a second coupon
decision-yes = Do not ask for confirmation. Needed without a terminal for several deliveries and for --may-double
resolve-examples =
    Examples:
      runner resolve campaigns/summer.yaml --held --code 990000001 --as owed --note 'ticket 812'
          send again what is held with one code
      runner resolve campaigns/summer.yaml Cv4PoJXaTPn63rNu --as refused --note 'the platform says: no coupon'
          settle the delivery in doubt of one user, when the platform has said what happened

    An issued delivery is never reopened. Deliveries that are pending, deferred or skipped follow from the audience and the campaign file, and those in flight from their answers. While an apply runs, nothing can be resolved: stop it, resolve, apply again.
runs-paths = Campaign files, or directories of them; `pushed:NAME`, or `pushed:` for all, are those in the database
runs-all = Every running campaign below the current directory, or with --state-dir every one in that state directory
help-command = The command to show help of
pause-examples =
    Examples:
      runner pause campaigns/summer.yaml
          start nothing more until `runner resume`; attempts in flight finish
      runner pause --all
          pause every running campaign below the current directory

    A pause ends with the process that is paused. Exit codes: 0 when the command was taken, 2 when the campaign is not running. For several campaigns, the first of 1, 2, 4, 5, 3, 0 that occurs; those of a directory or of --all that are not running do not count.
resume-examples =
    Examples:
      runner resume campaigns/summer.yaml
          resume a run that `runner pause` paused
      runner resume campaigns/summer.yaml --output json
          the same, with the answer as a JSON object for a program

    To continue after an interruption, use `runner apply`.
    Exit codes: 0 when the command was taken, 2 when nothing is paused. For several campaigns, the first of 1, 2, 4, 5, 3, 0 that occurs; those of a directory or of --all that are not paused do not count.
stop-examples =
    Examples:
      runner stop campaigns/summer.yaml
          stop the run in an orderly way, as ^C at its terminal does; `runner apply` continues later
      runner stop --all
          stop every running campaign below the current directory

    Exit codes: 0 when the command was taken, 2 when the campaign is not running. For several campaigns, the first of 1, 2, 4, 5, 3, 0 that occurs; those of a directory or of --all that are not running do not count. The run itself exits with 3.
sandbox-port = Serve on this port of 127.0.0.1. With 0, a free port is used
sandbox-seed = The seed of all random choices. The same seed refuses the same users and gives the same faults
sandbox-log = Write every request and its answer to FILE, one JSON object per line
sandbox-access-token = Accept this access token from the start, for the lifetime of a token
rule-per-second = Accept N requests per rolling second and app id
rule-foreign-load = Another sender of the same app id takes N of these
rule-token-ttl = The lifetime of an access token
rule-no-stable-token = Have no endpoint for the stable token
rule-refuse = Refuse this share of users: their accounts are closed
rule-inactive = Refuse this share of users: they have not used the mini-app for seven days
rule-stock = Give each activity a stock of N coupons
rule-repeat = The answer to an id that already has its coupon: the same success, a code for duplicates, or another coupon
rule-repeat-activity = The answer to a key that has already made an activity: the same activity, or a code for duplicates
rule-template-stock = Let activities take N coupons from each template at most
rule-template-begins = How long after the start users can receive no coupon of any template yet
rule-template-ends = How long after the start users can receive no coupon of any template any more
rule-no-template = Know no coupon template
rule-streamer-plan = A streamer has a giving plan: always, or for this time from the start
fault-latency = How long answers take: one time, or the shortest and the longest
fault-busy = Answer "system error". Half of these requests issue a coupon
fault-network-error = Answer "network error". Half of these requests issue a coupon
fault-drop = Cut the connection without issuing
fault-lose-answers = Issue, then cut the connection instead of answering
fault-cut-body = Issue, then cut the connection in the middle of the answer
fault-garbage = Issue, then answer with an unreadable body
fault-bad-gateway = Answer 502 with an HTML page. Half of these requests issue a coupon
fault-hang = Never answer. Half of these requests issue a coupon
fault-throttle = Answer "too frequent" although the pace is within the limit
fault-repeat-answers = Issue, then repeat the previous answer of the connection before the right one
record-count-delay = How long after it was received a coupon is counted
record-bill-after = How long after the start no bill is ready
record-bill-form = How bills are written: plain, chinese, untitled, gb18030, guarded or rounded
record-bill-lie = What is wrong with bills: none, truncated, empty, other-app or gaps
record-used = The coupon is used at once, so it is no more among the user's coupons
record-streamer-coupons = The user has a streamer's coupon of the same template, too
record-other-coupons = The user has a coupon of another template, too
sandbox-examples =
    Examples:
      runner sandbox --port 8080 --log requests.jsonl
          serve, and record every request; then, in another terminal: runner apply FILE --sandbox=http://127.0.0.1:8080
      runner sandbox --busy 2% --drop 1% --lose-answers 1%
          try a campaign on a bad day of the platform

    It accepts every client key and secret except the word `wrong-secret`. Its page is at /, its log at /log.jsonl.
schema-of = Which file: `campaign`, or `server` for the file of a service
schema-examples =
    Examples:
      runner schema > campaign.schema.json
          save it where your editor finds it
      runner schema --lang zh > campaign.schema.json
          save it with descriptions in Chinese
      runner schema | jq '.properties | keys'
          list the keys of the top level

    Many editors complete and check a campaign file that begins with `# yaml-language-server: $schema=campaign.schema.json`.
simulate-from = Begin at this local time of the campaign's time zone, such as 2026-06-01T10:00, instead of now
simulate-accept = Simulate as if this change since the last apply were accepted. Separate several by commas
simulate-out = Also write the result as a page. An existing file is replaced when the page is complete
simulate-examples =
    Examples:
      runner simulate campaigns/summer.yaml --from 2026-06-01T09:00 --outage 14:00+2h
          how it would go, hour by hour, if the platform were unreachable for two hours
      runner simulate campaigns/summer.yaml --inactive 5% --foreign-load 40 -o simulation.html
          whether a guard would stop it while another sender uses the app id; also as a page

    Exit codes: 0 if the campaign would be complete, 3 if the same command would continue it, 4 if it would need your attention.
status-paths = Campaign files, or directories of them; `pushed:NAME`, or `pushed:` for all, are those in the database. Default: the current directory
status-watch = Refresh until no campaign is running
status-examples =
    Examples:
      runner status campaigns
          the state of every campaign of a directory
      runner status campaigns/summer.yaml --watch
          the state of one campaign, refreshed until its run ends

    Exit codes: 0 whatever the state of the campaigns; 2 when a given file cannot be used.
trace-open-id = The open_id of the user
trace-examples =
    Examples:
      runner trace campaigns/summer.yaml ba253642-0590-40bc-a1b2-93c4d5e6f708
          which coupon a user has or why there is none, and the log_id to ask the platform about
      runner trace campaigns/summer.yaml ba253642-0590-40bc-a1b2-93c4d5e6f708 --output json
          the same for a program: a `delivery` for each coupon, with its history and what happens next
validate-paths = Campaign files, directories of them, or the file of a service; `pushed:NAME`, or `pushed:` for all, are those in the database
validate-examples =
    Examples:
      runner validate campaigns/summer.yaml
          check one file
      runner validate campaigns --output json
          check every .yaml and .yml file of a directory, for a program
      runner validate server.yaml
          check the file of a service; the secrets that it names are not read

    Exit codes: 0 when every file can be used, 2 otherwise.
verify-certificate = Write what the ledger says, with a checksum, to FILE
verify-against = Compare the ledger with the certificate in FILE
serve-directory = The directory of campaign files
serve-listen = The address of the pages; 127.0.0.1:7878 if nothing says otherwise. Other machines need users and https
serve-sandbox = Rehearses every campaign against a sandbox inside the service: nothing real is sent
serve-link = Prints a new link to the service that is running for this directory, and ends
serve-config = The file of the service, with users and roles; `server.yaml` beside DIR if it exists
serve-hash-password = Asks for a password, prints its hash for the file of the service, and ends
serve-new-token = Prints a new token for a program and its hash, and ends
serve-examples =
    Examples:
      runner serve campaigns/ --sandbox
          rehearse every campaign of a directory from a web page
      runner serve campaigns/
          apply them: each plan waits for your approval on a page
      runner serve campaigns/ --link
          print a link to that service again
      runner serve --hash-password > secrets/li.hash
          make the hash of a password for a user in server.yaml

verify-examples =
    Examples:
      runner verify campaigns/summer.yaml --certificate summer.json
          check every record, and keep a certificate
      runner verify campaigns/summer.yaml --against summer.json
          check whether the ledger still says the same, and what differs
      runner verify campaigns/
          check the log of the service for this directory

    Exit codes: 0 when the ledger is sound (and the same); 4 when it differs, is older than its witness, or has a coupon_id or log_id that belongs to several deliveries; 1 when it is damaged: the file and the last good fact are named. The SHA-256 of a certificate is over the sorted lines `merchant_coupon_id state` of all issued and refused deliveries, which `runner export --state issued,refused` lists.
world-seed = The seed of all random choices. The same seed gives the same simulation
world-outage = The platform is unreachable from a local time of the campaign's time zone: 14:00+2h on the first day on which that is ahead, or 2026-06-02T14:00+2h. Can be given several times
usage = Usage:
heading-options = Options
heading-commands = Commands
option-help = Show this help
option-version = Show the version

with-default = { $help } [default: { $value }]
with-values = { $help } [possible values: { $values }]
with-variable = { $help } [env: { $variable }]
doctor-examples =
    Examples:
      runner doctor campaigns/summer.yaml
          check this machine, the network, the platform and the audience; one call for a token, no coupon
      runner doctor campaigns/summer.yaml --output json
          one JSON object for each check
      runner doctor campaigns/summer.yaml --sandbox
          check against the sandbox, without credentials

    Exit code: 0 if no check fails; 1, 2 or 4 as an apply would end
notify-examples =
    Examples:
      runner notify campaigns/summer.yaml
          send a test message to each channel of the file
      runner notify server.yaml
          the same for the channels of a service
      runner notify campaigns/summer.yaml --output json
          the same for programs

    Exit code: 0 if each message was sent; 3 if nobody knows or the channel asks to slow down; 4 if a channel refuses it; 2 if a URL or a secret is missing
