ledger-failed = the ledger failed, so sending stopped at once
app-lock-failed = cannot take this app id's turn to send on this machine
term-lost = another worker may own the app id now, so sending stopped at once
attempt-defect = an attempt ended in a defect of this program
no-clock = cannot set up a clock for the simulation

unknown-change = { $word } is no change that can be accepted
accept-not-needed = `--accept { $change }` was not needed: nothing of that kind has changed
list-names-nobody = rows of the list { $list } name nobody: { $kinds }
goes-on-unread = the lists of users cannot be read ({ $why }), so the run goes on with the audience that { $host } admitted at { $at }. users who joined or left the lists since then are not known
goes-on = this machine does not have the lists of users, so the run goes on with the audience that { $host } admitted at { $at }. users who joined or left the lists since then are not known
coupon-status = the platform issued a coupon of status { $status }; a new coupon's is 10, and no document explains others

# $rows (number)
empty-audience = the audience is empty: none of its { $rows } rows names a user
empty-audience-help = if this is meant, write `allow_empty: true` under `audience`
nobody-left = nobody in the audience is left to send to: { $reasons }
nobody-left-excluded = { $n ->
     [one] 1 is excluded
    *[other] { $n } are excluded
    }
nobody-left-lapsed = { $n ->
     [one] 1 was last active too long ago
    *[other] { $n } were last active too long ago
    }
nobody-left-control-group = { $n ->
     [one] 1 is in the control group
    *[other] { $n } are in the control group
    }
nobody-left-help = check the exclude lists, the column of `last_active` and this machine's clock; if this is meant, write `allow_empty: true` under `audience`
# $unusable (number)
# $rows (number)
unusable-rows = { $unusable } of the audience's { $rows } rows cannot be used, which is more than `max_unusable` allows ({ $allowed }): { $kinds }
unusable-rows-help = repair the source, or raise `max_unusable` under `audience`; no unusable row is ever sent
# $unusable (number)
# $rows (number)
unusable-exclude = { $unusable } of the { $rows } rows of the exclude list { $list } cannot be used, which is more than `max_unusable` allows ({ $allowed }), and each may be a user who said no: { $kinds }
unusable-exclude-help = repair the list: nobody is sent to as long as it has such rows
last-active-help = { $help }; a last_active is { $times }
encoding-help = { $help }; for a CSV file in GBK write `encoding: gb18030` beside its path
# $needed (number)
# $max (number)
over-max-coupons = the campaign needs up to { $needed } coupons and `max_coupons` is { $max }: { $sum }
over-max-coupons-help = raise `max_coupons`, or lower `limit` under `audience` or `coupons_per_user`
# $issued (number)
# $in_doubt (number)
# $held (number)
# $owed (number)
max-coupons-sum = { $issued } issued + { $in_doubt } in doubt + { $held } held + { $owed } owed
# $n (number)
max-coupons-held-skipped = { $sum } + { $n } that were held when they were skipped
# $n (number)
max-coupons-reopened-doubts = { $sum } + { $n } that were in doubt when they were reopened
# $n (number)
max-coupons-reopened-held = { $sum } + { $n } that were held when they were owed again
# $most (number)
too-many-users = the audience names more than { $most } users, which is more than a ledger can number

# $rows (number)
unusable-kind = { $rows } { $kind ->
     [empty] with an empty open_id
     [too-long] with an open_id of over 128 characters
     [not-printable] with an open_id that has spaces or unprintable characters
     [wrong-fields] with more or fewer fields than the header
     [not-text] with an open_id that is not text in the source's encoding
     [missing] without an open_id
     [no-last-active] without a last_active
     [unreadable-last-active] with a last_active that is no time from 2016 to tomorrow
     [wrong-type] with an open_id that is neither text nor a whole number
     [no-value] with a word or a sign for no value as open_id, such as NULL or -
     [spreadsheet-error] with an error of a spreadsheet as open_id, such as #REF!
     [formula] with a formula of a spreadsheet as open_id, ="…"
     [apostrophe] with an open_id that begins with an apostrophe
     [fraction] with a number that ends in .0 as open_id
     [exponent] with a number with lost digits as open_id, such as 7.21E+18
     [full-width] with full-width characters in the open_id
     [header] with the header again
     [boolean] with TRUE or FALSE as open_id
     [date] with a date as open_id
     [grouped] with separators of thousands in the open_id, such as 7,218,071
     [quoted] with an open_id in quotes
     [masked] with an open_id that is covered in part or cut off, such as Cv4P****3rNu
    *[total] with a label of a sum as open_id, such as 合计
    } ({ $places })
places-and = { $first }, { $second }
places-more = { $places }, …
kinds-and = { $first }; { $second }

accept-help = if this is meant, apply with `--accept { $change }`
clock-help = if this machine's clock is wrong, set it and run the same command. if it is right, apply with `--accept clock`: what is in doubt then waits for a person, because nobody knows for how long it is
owed-again = { $held ->
     [one] 1 held delivery is owed again under it: it may have been issued, and counts in max_coupons as if issued
    *[other] { $held } held deliveries are owed again under it: each may have been issued, and counts in max_coupons as if issued
    }
new-activity = a new one
change-activity-id = the activity is another one than at the last apply: { $from } then, { $to } now
change-activity-id-held = the activity is another one than at the last apply: { $from } then, { $to } now; { $held }
change-coupons-per-user = each user is owed more coupons than at the last apply: { $from } then, { $to } now
change-smaller-audience = many of the users who are still owed a coupon are gone from the source, as from a truncated export: { $from } then, { $to } of them now
change-control-group = the control group is another share than at the last apply: { $from } then, { $to } now
change-smaller-exclude = users have left an exclude list, as when it is cut off or replaced by another file: { $from }; now { $to }
change-idle-exclude = the exclude list { $from }, excludes { $to }; one in another form or of another column looks like this
change-clock = the ledger has times up to { $from }, and this machine's clock says { $to }: one of its runs was made under a wrong clock, or this clock is wrong ({ $problem })
change-older-ledger = the ledger is older than its witness, which saw { $from }: there is { $to } now
change-other = `{ $change }` changed since the last apply: { $from } then, { $to } now

idle-from = { $people ->
     [one] { $list } with 1 person, such as { $examples }
    *[other] { $list } with { $people } people, such as { $examples }
    }
idle-to = nobody in the audience, which has { $examples }
examples-and = { $first } and { $second }
left-from = { $people ->
     [one] { $list } kept out 1 person
    *[other] { $list } kept out { $people } people
    }
left-from-about = { $people ->
     [one] { $list } kept out about 1 person
    *[other] { $list } kept out about { $people } people
    }
left-to = { $left ->
     [one] 1 of them is on no list
    *[other] { $left } of them are on no list
    }
left-to-about = { $left ->
     [one] about 1 of them is on no list
    *[other] about { $left } of them are on no list
    }
left-to-with = { $to }; for example, { $open_ids } would be sent to
shrunk-from = { $people ->
     [one] { $list } with 1 person
    *[other] { $list } with { $people } people
    }
# $people (number)
shrunk-to = { $list } with { $people }
shrunk-to-none = none
