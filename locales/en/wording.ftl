# Durations, times and amounts.
seconds-and-tenths = { $seconds }.{ $tenths } s
seconds = { $seconds } s
minutes = { $minutes } min
minutes-and-seconds = { $minutes } min { $seconds } s
hours = { $hours } h
hours-and-minutes = { $hours } h { $minutes } min
days-of-time = { $days } d
days-and-hours = { $days } d { $hours } h
ahead-of-now = in { $left }
now = now
per-second = { $n }/s

# The states of a delivery.
state-pending = pending
state-in-flight = in flight
state-deferred = deferred
state-in-doubt = in doubt
state-held = held
state-issued = issued
state-refused = refused
state-skipped = skipped
count-in-state = { $n } { $state }
no-coupons = 0 coupons
# $coupons (number)
counts-sum = { $coupons ->
        [one] { $coupons } coupon
       *[other] { $coupons } coupons
    } = { $terms }
skipped-gone = gone from the source
skipped-coupons-per-user = above coupons_per_user
skipped-earlier-refused = after a refused coupon of the same user
skipped-excluded = excluded
skipped-control-group = in the control group
skipped-lapsed = last active too long ago
skipped-limit = beyond audience.limit

# Who and what.
requester = pid { $pid } ({ $user }@{ $host })
requester-named = { $name } (pid { $pid }, { $user }@{ $host })
holder-of-other-user = the user { $user } has this app id's lock: { $pid }; only { $user } or root can end that process
holder-pid = pid { $pid }
holder-unnamed = the system does not say which
holder-in-container = a process of another container
holder-known = another run sends for this app id: { $process } on { $host } ({ $command })
holder-known-since = another run sends for this app id: { $process } on { $host } since { $since } ({ $command })
holder-worker = another worker owns the app id: { $process } on { $host } since { $since }
holder-unknown = another run sends for this app id: { $process }
holder-silent = { $holder }; it does not answer and may be suspended

# Why no further attempt starts.
drain-stopped = it was stopped by { $by }
drain-app-id-taken = { $holder }, and --no-wait is given
drain-handed-over = the app id is handed over to another worker, which goes on
drain-interrupted = it was interrupted
drain-halted = it halted
drain-end = schedule.end is past
drain-at-most = --at-most is reached
drain-gave-up = the platform was out of reach for longer than retry.give_up
drain-gave-up-cause = the platform was out of reach for longer than retry.give_up: { $cause }
drain-nothing-left = nothing is left that may be sent now
drain-not-started = schedule.start is ahead, and --no-wait is given
drain-outside-hours = it is outside schedule.hours, and --no-wait is given
drain-day-used-up = as many attempts began today as pace.per_day allows, and --no-wait is given
drain-no-window = no window opens before schedule.end
drain-no-wave = the next wave cannot begin before schedule.end
drain-between-waves = the next wave has to wait, and --no-wait is given
stop-empty-audience = the audience is empty
left-owed = { $n } still owed
left-in-doubt = { $n } in doubt
left-held = { $n } held
left-in-doubt-and-held = { $doubt } in doubt and { $held } held

# Why a run halted.
halt-code = the platform answered { $code }
halt-code-message = the platform answered { $code }: { $message }
halt-http = the answer is not one of the platform's endpoint: { $detail }
halt-refused = { $n } of the last { $of } users were refused, more than halt.refused allows
halt-held = { $n } of the last { $of } deliveries are held, more than halt.held allows
# $n (number)
halt-wave = in wave { $wave }, { $n } of { $of ->
        [one] { $of } answered delivery
       *[other] { $of } answered deliveries
    } were not issued, more than its halt_if_not_issued allows
halt-same-code = the platform answered { $code } { $n } times in a row
halt-same-code-message = the platform answered { $code } { $n } times in a row: { $message }
halt-another-ledger = another ledger has sent this campaign: user { $open-id } already had the coupon { $coupon }
halt-mixed-answers = an answer is another delivery's: the one for user { $open-id } ({ $coupon }) has the { $id } of { $other }
halt-max-coupons = max_coupons is reached: { $max }

# What a person has to do.
advice-gateway = a gateway may answer so after it passed the request on, so those in doubt may have their coupon: the next apply sends them again, each by its own id and under its own activity, as `retry.in_doubt` and `retry.resend_within` in the campaign file say
advice-end = put schedule.end later in the campaign file, or leave the rest unsent
advice-no-window = put schedule.end later in the campaign file, widen schedule.hours, or leave the rest unsent
advice-no-wave = put schedule.end later in the campaign file, shorten the waits of schedule.waves, or leave the rest unsent
advice-empty-audience = check that the audience file is the right one; an audience that may be empty says `allow_empty: true`
advice-held = say in the campaign file, under `codes:`, what the held codes above mean: refuse, retry, issued or halt; or decide once, with `runner resolve FILE --held`
advice-in-doubt = whether those in doubt have their coupon is not known. one that was refused or held since is not sent again: ask the platform, by its log_id, and settle it with `runner resolve`; the others are sent again, each by its own id, as `retry.in_doubt` and `retry.resend_within` in the campaign file say
remedy-code = put right what the message names, on the platform
remedy-code-quote = put right what the message names, on the platform (in a complaint, quote log_id { $log-id })
remedy-http = check platform.base_url, the app's permissions, and any proxy between here and the platform
remedy-certificate = if the authority is your own, or the network inspects TLS, set SSL_CERT_FILE to a file with the authority's certificate. if the certificate has expired or is not valid yet, check the date and time of this machine. if it is the certificate of an authority itself, the server needs one of its own (CA:FALSE). otherwise check platform.base_url, the proxy, and the server
remedy-refused = check that the audience is of this app and the activity is the right one; raise halt.refused if this is expected
remedy-held = find out what the codes above mean and say so in the campaign file, under `codes:`
remedy-wave = look at the codes above. what was answered until now counts no more: a new apply halts by its own answers; raise halt_if_not_issued of the wave if this is expected
remedy-same-code = find out what { $code } means. if the activity has ended or its stock is used up, make another one (`runner activity FILE --add N`, if the file declares it) or name a new one as activity_id, and apply with `--accept activity_id`; otherwise say what it means, as in `codes: { "{" }{ $code }: refuse{ "}" }`
remedy-another-ledger = find that ledger and go on with it; if it is lost, `--accept replays` takes over what the platform still answers for
remedy-mixed-answers = find out what mixes up or repeats answers: a proxy or gateway between here and the platform, or a platform that gives one coupon for two deliveries of a user (then set coupons_per_user to 1). then apply again: what is in doubt is sent again by its own id
remedy-credentials = check the key and the secret, or the token, that the file's credentials refer to, and platform.base_url
remedy-max-coupons = raise max_coupons in the campaign file, if more may be given

# Codes.
outcome-without-code = { $outcome ->
        [unknown] unknown
        [not_sent] not sent
        [throttled] throttled
       *[other] { $outcome }
    }
class-unlisted = { $class } (unlisted)
class-of-file = { $class } (this file)

# Why a row cannot be used.
unusable-empty = the open_id is empty
unusable-too-long = the open_id has over 128 characters
unusable-not-printable = spaces or unprintable characters in the open_id
unusable-wrong-fields = it has more or fewer fields than the header
unusable-not-text = it is not text in the file's encoding
unusable-missing = there is no open_id
unusable-no-last-active = it does not say when the user was last active
unusable-unreadable-last-active = its last_active is no time from 2016 to tomorrow
unusable-wrong-type = the open_id is neither text nor a whole number
unusable-no-value = the open_id is a word or a sign for no value, such as NULL or -
unusable-spreadsheet-error = the open_id is an error of a spreadsheet, such as #REF!
unusable-formula = the open_id is a formula of a spreadsheet, ="…"
unusable-apostrophe = the open_id begins with an apostrophe
unusable-fraction = the open_id is a number that ends in .0
unusable-exponent = the open_id is a number with lost digits, such as 7.21E+18
unusable-full-width = the open_id has full-width characters
unusable-header = the header is repeated
unusable-boolean = the open_id is TRUE or FALSE
unusable-date = the open_id is a date
unusable-grouped = the open_id has separators of thousands, such as 7,218,071
unusable-quoted = the open_id is in quotes
unusable-masked = the open_id is covered in part or cut off, such as Cv4P****3rNu
unusable-total = the open_id is the label of a sum, such as 合计

# What a run waited for.
waited-start = before schedule.start
waited-window = outside schedule.hours
taken-over-unread = as { $host } admitted it at { $at }; the lists could not be read
taken-over = as { $host } admitted it at { $at }; this machine does not have the lists
waited-day = pace.per_day used up
waited-wave = the wait after a wave
waited-app-id = another sender of the app id
waited-previous-owner = the previous owner of the app id
waited-lease = no lease from the database
waited-source = the server with the lists of users
waited-lists = a machine with the lists of users
waited-due = retries not due yet
waited-user = other campaigns' requests to the same users
waited-outage = platform out of reach
waited-platform = the platform asks to wait
waited-token = no access token
