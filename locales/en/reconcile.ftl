command = Compares a ledger with the platform's own records, and settles what they prove. Sends nothing
option-dry-run = Show what the platform would be asked. Asks nothing and changes nothing
option-accept = Accept a record as proof. `bill`: a delivery in doubt that is in no complete bill of its days is owed again. `count`: the platform's count settles all deliveries in doubt of an activity. Repeat the option or separate them by commas
option-columns = What the columns of the bills hold, each as a title or a number from 1, such as `coupon_id=2,open_id=1`. It replaces `bill.columns` of the campaign file for this run
option-sample = How many issued coupons the platform is asked for by their ids, drawn at random: whether it shows them as the ledger has them, and in which state. 10 unless given; 0 asks for none
option-watch = Compare again after each day, until the campaign is complete and nothing is in doubt. A message goes to the channels of `notify` with the topic `differs` if the platform and the ledger differ
examples =
    Examples:
      runner reconcile campaigns/summer.yaml --dry-run
          how many questions it would be, and about which days
      runner reconcile campaigns/summer.yaml
          ask the platform, and settle what its records prove
      runner reconcile campaigns/summer.yaml --accept bill
          owe again what is in no complete bill of its days

    Each answer is kept in the ledger. Exit codes: 0 nothing is in doubt any more, 3 the same command may settle more later, 4 a person has to decide, 5 a run of the campaign or of its app is under way.

doing-counts = asking the platform for its counts
# $asked (number)
# $all (number)
doing-users = asking for the coupons of users: { $asked } of { $all }
# $asked (number)
# $all (number)
doing-spots = asking for issued coupons: { $asked } of { $all }
doing-bill = fetching the bill of { $day }
doing-comparing = comparing the bills with the ledger

title = { $campaign }, compared with the platform's own records
preview-title = { $campaign }: what the platform would be asked
preview-counts = how many coupons it counts of { $activities }
preview-users =
    { $n ->
        [0] no user: nothing is in doubt or held
        [one] the coupons of one user
       *[other] the coupons of { $n } users
    }
preview-spots =
    { $n ->
        [0] none
        [one] one issued coupon, by its id
       *[other] { $n } issued coupons, by their ids
    }
preview-bills = those of { $days }
preview-no-bills = none
preview-nothing = Nothing was asked, and nothing was changed.
label-count = count
label-users = users
label-spots = sample
label-bills = bills
no-template = not asked: the campaign file has no `coupon_meta_id`
# $received (number)
# $certain (number)
# $in_doubt (number)
count = activity { $activity }: the platform counts { $received }; the ledger has { $certain } confirmed and { $in_doubt } in doubt
count-says = { $numbers }; { $says }
count-failed = activity { $activity }: not answered: { $why }
count-unknown = activity { $activity }: the platform has no count of it
count-behind = the platform's count is late, or is of something else
count-agrees = they agree
count-none = what is in doubt was probably not issued; asked again an hour later, the count can be accepted
count-none-twice = for the second time: what is in doubt was very probably not issued
count-all = all that is in doubt was probably issued
count-more = something else gives coupons of this activity
# $found (number)
users =
    { $asked ->
        [0] nobody had to be asked about
        [one] one user was asked about, { $found } has the coupon
       *[other] { $asked } users were asked about, { $found } have the coupon
    }
users-failed = not all were answered: { $why }
spots =
    { $n ->
        [one] one issued coupon was asked for
       *[other] { $n } issued coupons were asked for
    }: { $states }
# $n (number)
spot-unused = { $n } unused
# $n (number)
spot-status = { $n } with coupon_status { $status }
# $n (number)
spot-no-status = { $n } without a coupon_status
# $n (number)
spot-not-shown = { $n } not shown
bill-not-ready = the platform is still making it
bill-too-early = not made before the day has ended
bill-failed = not fetched: { $why }
bill-no-data = the platform has none: no coupon was received that day
bill-kept = kept as { $file }
# $rows (number)
bill-trusted = { $rows } coupons, with all that the ledger knows of that day
# $rows (number)
bill-unchecked = { $rows } coupons; the ledger knows none of that day, so the bill cannot be checked
bill-lacks =
    { $missing ->
        [one] it lacks one
       *[other] it lacks { $missing }
    } of the { $known ->
        [one] one coupon
       *[other] { $known } coupons
    } that the ledger knows of that day, so it settles nothing
flaw-unreadable = it cannot be read: { $why }
flaw-not-text = it is not text, so it settles nothing
# $row (number)
# $columns (number)
# $expected (number)
flaw-width = line { $row } has { $columns } columns and the first has { $expected }, so it settles nothing
# $row (number)
flaw-not-a-table = line { $row } is not one of a table, so it settles nothing
flaw-no-column = it has no column { $name }
flaw-two-columns = it has two columns { $name }
# $row (number)
flaw-changed-id = the id in line { $row } was changed by a spreadsheet ({ $cell }), so it settles nothing
settled-found =
    { $n ->
        [one] One delivery is issued now: the platform's records show its coupon.
       *[other] { $n } deliveries are issued now: the platform's records show their coupons.
    }
accepted-issued =
    { $n ->
        [one] One delivery counts as issued, because you accept the platform's count.
       *[other] { $n } deliveries count as issued, because you accept the platform's count.
    }
accepted-owed =
    { $n ->
        [one] One delivery is owed again, because you accept the platform's records.
       *[other] { $n } deliveries are owed again, because you accept the platform's records.
    }
nothing-open = Nothing is in doubt any more.
still-open =
    { $n ->
        [one] One delivery is still open:
       *[other] { $n } deliveries are still open:
    }
# $n (number)
open-because = { $n }: { $why }
and-more = { $list } and { $more ->
        [one] one more
       *[other] { $more } more
    }
why-no-bill = the bill of { $day } is not there yet
why-bad-bill = the bill of { $day } cannot be trusted
why = { $why ->
        [not_asked] the platform did not answer about the user
        [undated] the times of its attempts are unknown, so no record can be matched
        [unknown_template] a coupon may be the one, but the ledger knows no coupon of this template to compare it with
        [several] several coupons of the user may be the one
        [unclear] a coupon of the user may be the one, but its time or its template leave a doubt
        [id_of_another] the coupon that was found is another delivery's
        [no_columns] the columns of the bills are not confirmed
        [no_template] no bill has it, but without `coupon_meta_id` in the campaign file the count cannot be asked for
        [count_unknown] no bill has it, but the platform's count is missing or late
        [count_disagrees] no bill has it, but the platform counts more coupons than that explains
        [absent] no bill of its days has it, and the platform's count agrees
       *[held] it is held, and no record shows a coupon
    }
foreign =
    { $n ->
        [one] The bills have one coupon of this campaign's activity or template that the ledger does not know:
       *[other] The bills have { $n } coupons of this campaign's activity or template that the ledger does not know:
    }
foreign-coupon = { $coupon } of { $user }, { $day }
differ =
    { $n ->
        [one] The platform shows one issued coupon in another way than the ledger:
       *[other] The platform shows { $n } issued coupons in another way than the ledger:
    }
differ-coupon = { $coupon } of { $user }: { $why }
misfit-time = another time of receipt
misfit-template = another template
misfit-streamer = given by a streamer
proposal = The columns of the bills, judged by what they hold. If they are right, add this to the campaign file:
next-accept-bill = To owe again what no bill has:
next-accept-count = To settle by the platform's count what is in doubt:
next-later = To settle more, later:
next-person = What no record settles, a person decides. To look at one:
next-apply = To send what is owed:

untrusted-bill = the platform's bill of { $day } contradicts the ledger or cannot be read
untrusted-bill-help = nothing was settled by it, and it is fetched again the next time. If this stays so, check `bill.timezone` and `bill.columns`, and ask the platform, with the `log_id` from the ledger's export
coupons-differ =
    { $n ->
        [one] the platform shows one issued coupon in another way than the ledger
       *[other] the platform shows { $n } issued coupons in another way than the ledger
    }
coupons-differ-help = look at these users with `runner trace`, and ask the platform, with the `log_id` of the delivery. If the time of receipt differs by whole hours, check the time zone of the bill that settled the delivery
# $received (number)
differ-more = the platform counts { $received } coupons of activity { $activity }, more than the ledger can explain
# $received (number)
# $certain (number)
differ-fewer = the platform counts { $received } coupons of activity { $activity } for the second time, fewer than the { $certain } that it has confirmed
differ-foreign =
    { $n ->
        [one] the bills have one coupon of this campaign that the ledger does not know
       *[other] the bills have { $n } coupons of this campaign that the ledger does not know
    }
columns-unconfirmed = nobody has confirmed what the columns of the platform's bills hold
columns-help = compare the proposal with the bill, then add it to the campaign file, or run `{ $command }`
columns-unknown-help = no column has the coupon_ids of this ledger. Look at the bill in the state directory, and name its columns with `--columns`
columns-form = { $pair } is not of the form `coupon_id=COLUMN`
columns-name = { $name } is no column of a bill; known are coupon_id, open_id, receive_time, merchant_meta_no, coupon_meta_id and activity_id
columns-required = name at least coupon_id and open_id

app-taken = another process sends for this app
app-taken-help = nothing was changed. Run the same command again when that process has ended
no-app-lock = the lock of the app cannot be taken
no-records = the platform answers no question of this app
no-records-help = nothing was settled. Check `credentials`; `runner doctor` tests them
no-sandbox = a sandbox inside a rehearsal ends with its process, so it cannot be asked afterwards
no-sandbox-help = run `runner sandbox` in another terminal, and give its address to both: `--sandbox=URL`
end-run-first = nothing was changed. Wait for the end of the run, or end it by `runner stop`

download-address = the address of the bill is not one that may be used: it has to begin with https
# $status (number)
download-status = { $host } answered with the HTTP status { $status }
download-too-large = the bill at { $host } is larger than 4 GiB
download-broken = the download from { $host } broke off: { $why }
# $seconds (number)
download-silent = nothing came for { $seconds } s
download-encoded = it is compressed, which was not asked for
download-not-kept = the bill cannot be written to the state directory
query-refused = code { $code } { $message } (log_id { $log_id })
query-unreadable = the answer is not one of the platform (HTTP status { $status })

verify-label = platform
verify-records = asked last at { $at }; { $found ->
        [one] one delivery was settled by its records
       *[other] { $found } deliveries were settled by its records
    }, { $bills ->
        [0] without bills
        [one] with the bill of one day
       *[other] with the bills of { $bills } days
    }
watch-busy = another process sends; comparing again at { $at }
watch-next = comparing again at { $at }
watch-rehearsal = a rehearsal is compared once: it has no next day
watch-unsent = the message about the difference did not reach { $channel }
