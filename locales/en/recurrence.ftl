none-chosen = { $campaign } takes place again and again, and no occurrence was named
not-recurring = { $campaign } does not recur: its file has no `repeat`
leave-occurrence-out = leave out --occurrence
no-occurrence = { $campaign } has no occurrence on { $date }
nearest-two = the nearest ones are { $before } and { $after }; `runner plan` shows more
nearest-one = the nearest one is { $date }
which-occurrence = { $n } occurrences of { $campaign } have a ledger: name the one that is meant
name-occurrence = for example --occurrence { $date }
not-due = no occurrence of { $campaign } is due; nothing was sent
missed = the occurrence of { $date } was missed: it was not begun within an hour of { $at }
next-begins = the occurrence of { $date } begins at { $at }
wait-for-next =
    run the same command then, or wait for it:
    { $wait }
send-late-or-wait =
    send the missed one late:
    { $late }
    or wait for the next one:
    { $wait }
send-late =
    send the missed one late:
    { $command }
none-left = no occurrence is left
none-left-help = to go on, move `repeat.until` or `schedule.end` to a later day

write-date = write a date such as `2026-06-01`

## The occurrences of a campaign

head = { $campaign } takes place again and again, by the clocks of { $zone }:
state-missed = missed
state-due = due
state-coming = to come
has-ledger = has a ledger
is-planned = planned here
separator = {", "}
# $n (number)
older = { $n ->
    [one] one older occurrence is not listed
   *[other] { $n } older occurrences are not listed
}
# $n (number)
shown-of-several = This is the occurrence of { $date }. { $n ->
    [one] Another one has a ledger, too
   *[other] { $n } others have a ledger, too
}: { $others }. Name one with --occurrence.
