label-error = error
label-warning = warning
label-cause = caused by
label-help = help

## What a value is to be, after "write"

write = write { $wanted }
write-value = write `{ $value }`
write-or-omit = write { $wanted }, or leave the key out
both-helps = { $first }; { $second }
did-you-mean = did you mean `{ $value }`?

empty-text = an empty text
token-text = a text with an access token in it
quoted-text = the text { $text }

## The file

unreadable = cannot read { $kind ->
    [server] the file of the service
   *[campaign] the campaign file
}
unreadable-absent = check the path; it is relative to the current directory
unreadable-directory = name a file in it
unreadable-permission = give this user permission to read it
unreadable-other = check the path, and the disk that it is on
not-a-regular-file = it is not a regular file
too-large = { $kind ->
    [server] the file of the service
   *[campaign] the campaign file
} is larger than 1 MiB
audience-in-its-own-file = { $kind ->
    [server] remove what does not belong in it
   *[campaign] put the audience into a file of its own, which `audience.source` names
}
utf-16 = { $kind ->
    [server] the file of the service
   *[campaign] the campaign file
} is UTF-16, not UTF-8
not-text = the character { $code } is not text
not-utf-8 = the byte { $byte } is not UTF-8 text
save-as-utf-8 = save the file as UTF-8 text
more-mistakes = { $n ->
    [one] one more mistake is not listed
   *[other] { $n } more mistakes are not listed
}
more-mistakes-help = the first mistakes may be the cause of the others: correct them and validate again

## YAML

empty-file = the file is empty
empty-file-help = { $kind ->
    [server] the file of a service begins with `version: 1`; `runner schema server` describes the rest
   *[campaign] a campaign file begins with `version: 1`; `runner schema` describes the rest
}
tag = a YAML tag (`!…`) has no meaning in { $kind ->
    [server] the file of a service
   *[campaign] a campaign file
}
tag-help = remove the tag
second-document = a second YAML document begins here
second-document-help = { $kind ->
    [server] the file of a service is one document: remove the line `---`
   *[campaign] a campaign file is one document: put the second campaign into a file of its own
}
endless-alias = this alias refers to a value that contains it
endless-alias-help = write the value out
too-deep = values are nested more than { $most } levels deep
too-deep-help = { $kind ->
    [server] the file of a service needs
   *[campaign] a campaign file needs
} at most 5 levels
# $most (number)
too-many-values = the file has more than { $most } values
# $most (number)
alias-bomb = with its aliases written out, the file has more than { $most } values
alias-bomb-help = write out what is meant, without aliases to aliases
merge-key = merge keys (`<<`) are not part of YAML 1.2
merge-key-help = write the keys out, or use an alias for each value
key-not-a-word = a key must be a single word
tab = there is a tab where YAML allows only spaces
tab-help = indent with spaces, two for each level
unknown-alias = no value above has the name that this alias repeats
unknown-alias-help = write `&name` before the value that `*name` is to repeat
open-quote = a quote is opened here and not closed
text-after-quote = there is text after the closing quote
quote-help = close the quote with the same sign; in double quotes `\` begins an escape, in single quotes it does not
unknown-escape = double quotes have no such escape
unknown-escape-help = use single quotes for text with `\` in it
open-bracket = a bracket is opened and not closed
mismatched-bracket = a bracket of the other kind closes this bracket
surplus-bracket = this bracket closes nothing that is open
missing-comma = a comma or the closing bracket is expected here
bracket-help = every `[` and `{ "{" }` needs its `]` or `{ "}" }`, and there is a comma between two values
indentation = the indentation does not fit the lines above
too-indented = this line is indented deeper than the lines above it
indentation-help = keys of one mapping begin in the same column; what is under a key is indented by two more spaces
second-colon = there is a second `:` on this line, or one where no key can end
key-expected = a key is expected here, with a colon after it
colon-help = write `key: value`, with a space after the colon; put a value with `: ` or ` #` in it in quotes
wrong-first-character = no value can begin with this character
wrong-first-character-help = put the value in quotes
missing-alias-name = `&` and `*` name a value, and the name is missing here
missing-alias-name-help = put a value that begins with `&` or `*` in quotes
inner-byte-order-mark = there is a byte order mark inside the file
inner-byte-order-mark-help = delete it: it belongs only at the very beginning
comment-in-value = a comment begins where a value has not ended
comment-in-value-help = put a space before `#`, or put the value in quotes
after-document = there is text after the end of the document
not-yaml = this is not YAML
not-yaml-help = put text with special characters in quotes

## Full-width characters

full-width-sign = there is a full-width character where YAML needs an ASCII one
full-width-space = there is a full-width space: write an ordinary space
full-width-indent = the line is indented with full-width spaces: write ordinary spaces
full-width-colon = `：` is the full-width colon: write `:`
full-width-colon-space = `：` is the full-width colon: write `:`, with a space after it
full-width-comma = `，` is the full-width comma: write `,`
full-width-comma-space = `，` is the full-width comma: write `,`, with a space after it
full-width-list-comma = `{ $found }` is not a comma in YAML: write `,`, with a space after it
full-width-dash = `{ $found }` is not the sign of a list entry: write `-`, with a space after it
full-width-comment = `＃` is the full-width number sign: write `#`, with a space before it
typographic-quote = `{ $found }` is a typographic quote: write `{ $meant }`
full-width-digits = `{ $found }` has full-width digits: write `{ $meant }`
full-width-other = `{ $found }` is a full-width character: write `{ $meant }`
quotes-around = `{ $path }` has typographic quotes around it, which are part of the value
quotes-around-help = write `{ $bare }`, or `"{ $bare }"` with ASCII quotes
space-around = `{ $path }` begins or ends with a full-width space, which is part of the value

## Keys and values

missing-key = `{ $path }` is missing
missing-key-label = it belongs beside this key
missing-key-help = add `{ $key }: { $example }`
repeated-key = `{ $path }` occurs twice
repeated-key-help = it occurs first on line { $line }: keep one of the two
unknown-key = `{ $path }` has no key { $key }
unknown-root-key = { $file ->
    [server] the file of a service has
   *[campaign] a campaign file has
} no key { $key }
unknown-credentials-key = `credentials` has no such key
known-keys = its keys are { $keys }
no-value = `{ $path }` has no value
not-single = `{ $path }` is { $kind ->
    [list] a list
   *[mapping] a mapping
} where a single value belongs
not-a-list = `{ $path }` is not a list
not-a-mapping = `{ $path }` is { $kind ->
    [list] a list
   *[value] a single value
} where a mapping of keys to values belongs
root-not-a-mapping = { $file ->
    [server] the file of a service
   *[campaign] a campaign file
} is { $kind ->
    [list] a list
   *[value] a single value
} where a mapping of keys to values belongs
keys-of-codes = write `CODE: CLASS` under it, such as `29005099: refuse`
only-key = write `{ $key }:` under it
keys-under = its keys belong under it, from `{ $first }` to `{ $last }`

## Numbers, shares, durations

value-text = text
value-keys = keys
negative = `{ $path }` is negative
too-small = `{ $path }` is too small
too-large-number = `{ $path }` is too large
integer = a whole number from { $least } to { $most }
not-integer = `{ $path }` is { $value }, which is not a whole number
number = a number from { $least } to { $most }
not-number = `{ $path }` is { $value }, which is not a number
want-rate = a number of sends a second, such as `98` or `0.5`
zero-rate = `{ $path }` is 0: nothing would ever be sent
least-rate-help = write a number from 0.00001, which is about one a day; to send nothing, do not apply the campaign
most-rate-help = the platform's documented limit is 100 a second: write `98`
over-limit = `{ $path }` is over the platform's documented limit of 100 for one app id
over-limit-help = write at most `98`, unless the platform has granted this app id more
share = a share from `0%` to `100%`
want-share = a share from `0%` to `100%`, such as `5%`
not-share = `{ $path }` is { $value }, which is not a share
share-over-all = `{ $path }` is more than 100%
share-part = write `{ $share }` for that part of the whole, or `{ $percent }`
control-group = a share from `0%` to below `100%`
control-group-all = `{ $path }` is 100%: nobody would be sent to
control-group-help = write the share of users that get no coupon, such as `5%`
duration = a duration from `{ $least }` to `{ $most }`
want-duration = a duration such as `{ $example }`
not-duration = `{ $path }` is { $value }, which is not a duration
duration-help = write a whole number and `ms`, `s`, `m`, `h` or `d`, such as `{ $example }`
duration-or = write `{ $ms }` for milliseconds, or `{ $s }` for seconds
duration-ms = write `{ $ms }` for milliseconds
duration-s = write `{ $s }` for seconds
too-short = `{ $path }` is too short
too-long = `{ $path }` is too long
retry-delays = `retry.first_delay`, { $first }, is longer than `retry.max_delay`, { $most }
retry-delays-help = write `max_delay: { $first }` or more

## Words and names

separator = ,{ " " }
one-of = one of { $words }
did-you-mean-one-of = did you mean `{ $value }`? It is one of { $words }
cannot-be = `{ $path }` cannot be { $value }
cannot-be-because = `{ $path }` cannot be { $value }: { $why }
boolean = `true` or `false`
not-boolean = `{ $path }` is true or false, not { $value }
version = `version` is { $value }; this runner reads version 1
codes = a mapping of codes to classes
not-a-code = { $value } is not a code of the platform
not-a-code-help = write the integer that the platform answered as `err_no`, such as `29005099`
success-code = code 0 is the platform's success, and its meaning cannot be changed
success-code-help = remove it
want-campaign = a name such as `summer-2026`
want-app-id = the mini-app's id, such as `ttec789ac573xxxxxx01`
want-activity-id = the activity's digits, as `create_developer_activity` answered them
want-coupon-meta-id = the coupon template's digits, as the platform's console shows them
want-bill-column = the column's title in the bill, or its number, from 1
two-activities = the file has both `activity` and `activity_id`
two-activities-help = keep one: `activity_id` for an activity that exists, `activity` for one that the first apply creates
activity-without-template = `activity` needs `coupon_meta_id`
activity-without-template-help = name the template that the activity takes its coupons from: `coupon_meta_id: "…"`
activity-without-stock = `activity` needs `stock`, or a `max_coupons` in its place
activity-without-stock-help = say how many coupons the activity may give: `stock: 100000` under `activity`
activity-name-too-long = `{ $path }` is longer than { $most } characters
activity-name-too-long-help = write a shorter name; only the platform's console shows it
want-title = the title that people read
want-csv-path = the path of the CSV file
want-jsonl-path = the path of the file of JSON lines
want-parquet-path = the path of the Parquet file
want-database-path = the path of the database's file
want-campaign-path = the other campaign's file
want-secret-path = the path of a file that has the secret
want-column = the name of the column with the open_ids
want-result-column = the name of the result's column with the open_ids
want-json-key = the key of the open_ids, such as `user.open_id`
want-column-or-key = the name of the column or key with the open_ids
want-last-active = the name of the column that says when a user was last active
want-query = a query, such as `select open_id from members`
want-variable = the name of an environment variable, such as `DOUYIN_CLIENT_KEY`
want-url = a URL such as `{ $example }`
look-alike = `{ $path }` looks like another name: { $name } has { $found }
look-alike-help = type the name again, unless it is meant so: two names that look the same are two names
look-alike-invisible = { $code }, a character that is not shown
look-alike-wide = '{ $character }' ({ $code }), the wide form of another character
look-alike-script = '{ $character }' ({ $code }), a letter of { $script }

## Times

local-time = a local time such as `2026-06-01T10:00`
not-local-time = `{ $path }` is { $value }, which is not a local time
skipped-time = `{ $path }` does not exist: the clocks of { $zone } are put forward over it
repeated-time = `{ $path }` comes twice: the clocks of { $zone } are put back over it
repeated-time-help = the earlier one is taken, at { $before } from UTC, not the later one at { $after }
beyond-calendar = `{ $path }` is beyond the calendar
zone-help = times here are those of { $zone }: write `{ $value }`
month-days = that month has { $days } days: write { $wanted }
dates = a list of dates
dates-help = write a list of dates, such as `[2026-06-03]`
want-date = a date such as `2026-06-03`
not-date = `{ $path }` is { $value }, which is not a date
want-time-of-day = a time of day such as `10:00`
not-time-of-day = `{ $path }` is { $value }, which is not a time of day
days = a list of days: `mon` to `sun`, or 1 to 31 and `last`
days-help = write a list of days, such as `[mon, thu]` or `[1, last]`
want-day = a day such as `mon`, `15` or `last`
want-weekday = a day from `mon` to `sun`
want-month-day = a day from 1 to 31, or `last`
not-day = `{ $path }` is { $value }, which is not a day
other-day = `{ $path }` is not a day of the { $every }
no-days = `repeat.every: { $every }` needs the days, in `repeat.on`
no-days-of-week-help = add `on: [mon]`
no-days-of-month-help = add `on: [1]`
no-days-in-list = `{ $path }` has no day in it
days-of-daily = `{ $path }` has days, but `repeat.every: day` means all of them
days-of-daily-help = remove `on`, or write `every: week`
never-repeats = `{ $path }` never takes place: no day of the rule is left
never-repeats-help = move `repeat.until` or `schedule.end` to a later day, or `schedule.start` to an earlier one
want-zone = the IANA name of a time zone, such as `Asia/Shanghai`
not-zone = `{ $path }` is { $value }, which is not a time zone
hours = a list of windows of the week
one-window = hours such as `09:00-21:00`, with days if not every day
hours-help = write a list of windows, such as `["mon-fri 10:00-21:00"]`
want-hours = days and hours, such as `mon-fri 10:00-21:00` or `sat,sun 09:00-24:00`
no-hours = `{ $path }` has no window in it
no-hours-help = leave the key out if sends may start at any time
not-hours = `{ $path }` is { $value }, which is not a window
empty-hours = `{ $path }` ends when it begins
empty-hours-help = write `{ $days } 00:00-24:00` if the whole day is meant
end-is-start = `{ $path }` is the start: nothing could ever be sent
end-before-start = `{ $path }` is before the start: nothing could ever be sent
end-help = write an end that is later than `schedule.start`
no-window = `{ $path }` leaves no window between `schedule.start` and `schedule.end`
no-window-help = widen `schedule.hours`, remove a day from `schedule.closed`, or make `schedule.end` later
waves = a list of at most { $most } waves
waves-help = write a list of waves, such as `[{ "{" }share: 1%, wait: 30m{ "}" }]`
too-many-waves = `{ $path }` has { $n } waves, more than { $most }
too-many-waves-help = write fewer waves
wave-not-larger = `{ $path }` is no more than the share of the wave before it, { $before }
wave-not-larger-help = shares are cumulative: write more than `{ $before }`, or remove the wave
wave-of-nobody = `{ $path }` is 0%: the wave would have no users
wave-of-nobody-help = write a share above `0%`, or remove the wave

## The audience

one-source = one source
second-source = `{ $path }` names a second source, `{ $source }`
second-source-help = an audience has exactly one source: keep one of them
no-source = `{ $path }` names no source
no-source-help = write `csv: { "{" }path: audience.csv, open_id: open_id{ "}" }`
not-for-jsonl = `{ $path }` means nothing for JSON lines
not-for-jsonl-help = remove it: JSON is UTF-8 and has no delimiter
activity-without-column = `{ $path }` needs `last_active` in the source
activity-without-column-help = name the column that says when a user was last active: `last_active: …` beside `open_id`
order-without-activity = `{ $path }` is `expiring_first`, and nothing expires
order-without-activity-help = add `active_within: 7d`, and `last_active` in the source; or write `as_listed`
exclude = a list of sources and campaigns
exclude-help = write each list on a line of its own, such as `- csv: { "{" }path: opted-out.csv, open_id: open_id{ "}" }`
second-stdin = `{ $path }` reads the piped data a second time
second-stdin-help = put all lists but one into files

## Credentials and the platform

credentials = one of two forms
reference = `{ "{" }env: NAME{ "}" }` or `{ "{" }file: PATH{ "}" }`
reference-help = write `{ "{" }env: NAME{ "}" }` or `{ "{" }file: PATH{ "}" }`
secret-help = write `{ "{" }env: NAME{ "}" }` or `{ "{" }file: PATH{ "}" }`; if it was ever a real secret, replace it with a new one
secret-in-clear = `{ $path }` is not a reference; a secret does not belong in this file
only-references = `{ $path }` is a reference by `env` or by `file`, and by nothing else
not-a-variable = `{ $path }` is not the name of an environment variable
not-a-variable-help = write the variable's name, without `$` or braces, such as `DOUYIN_CLIENT_KEY`; never the secret itself
two-references = `{ $path }` names a variable and a file
no-reference = `{ $path }` names neither a variable nor a file
key-without-secret = `credentials` has a key without its secret
key-without-secret-help = add `client_secret: { "{" }env: NAME{ "}" }`
secret-without-key = `credentials` has a secret without its key
secret-without-key-help = add `client_key: { "{" }env: NAME{ "}" }`
no-credentials = `credentials` names no credentials
no-credentials-help = write `client_key` and `client_secret`, or `access_token` alone
two-credentials = `credentials` has two forms at once
two-credentials-help = keep `client_key` and `client_secret`, or `access_token` alone
not-url = it is not a URL
url-scheme = only https is supported
url-clear = over http, everybody on the way can read the access token
url-user = it has a user name or password, which does not belong in it
url-tail = it has a part after `?` or `#`, which requests would lose
unusable-url = `{ $path }` cannot be used
unusable-url-because = `{ $path }` cannot be used: { $why }
url-clear-help = write { $url }; http is only for an address of this machine, such as 127.0.0.1

## Channels of messages

want-keyword = the word that the bot demands in each message
topics-help = write the topics as a list, such as `on: [halted, ended]`
topics-description = a list of { $topics }
no-topic = `{ $path }` names no topic
no-topic-help = list one or more topics, such as `on: [halted, ended]`, or leave the key out
channels = a list of channels, at most { $most }
channels-help = write each channel on a line of its own, such as `- feishu: { "{" }url: { "{" }env: FEISHU_HOOK{ "}" }{ "}" }`
too-many-channels = `{ $path }` has { $n } channels, more than { $most }
too-many-channels-help = write fewer channels
no-channel-kind = `{ $path }` does not say what receives the messages
no-channel-kind-help = write one of `feishu`, `dingtalk`, `wecom` and `webhook`, such as `feishu: { "{" }url: { "{" }env: FEISHU_HOOK{ "}" }{ "}" }`
second-channel = `{ $path }` names a second receiver, `{ $kind }`
second-channel-help = write each receiver as an entry of its own, with `-` before it

## The plan

rehearsal-url = cannot rehearse at "{ $url }"
rehearsal-elsewhere = cannot rehearse at "{ $url }": a sandbox is on this machine, at a loopback address
fingerprint-form = a fingerprint is three words as `runner plan` shows them, such as 0a1b2c3d4e-5f60718293-first
