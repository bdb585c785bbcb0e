command = Asks the platform what no document says, with one coupon for yourself, and shows what to write into the file
option-open-id = The person who gets the coupon: your own open_id in this mini-app. You have to have used the mini-app within the last seven days
option-yes = Begin without a question. What it costs is shown either way
option-wait = How long to wait at most until the platform counts the coupon, such as `10m`
option-again = Make another probe, although the last one is over. It costs another coupon
examples =
    Examples:
      runner probe campaigns/summer.yaml --open-id ba253642-0590-40bc-xxx
          show what it would cost, ask, and make the probe
      runner probe campaigns/summer.yaml --open-id ba253642-0590-40bc-xxx --wait 30m
          wait longer for the count

    One coupon of the template `coupon_meta_id` goes to you, of an activity with a stock of 1 that is deleted at the end. Each request is written down before it leaves, so the same command goes on after an interruption. Exit codes: 0 the answers are there, 3 the same command goes on, 4 the platform gave no coupon, 5 a run of the campaign or of its app is under way.

costs-title = What this probe does, and what it may cost:
costs-activity = It creates an activity of the template { $template } with a stock of 1, which is taken from the template at once. It asks for it twice with one key: if the platform ignores the key, that is a second activity with a stock of 1.
costs-coupon = It sends one coupon to { $open_id }. The person keeps it. Two more requests ask for coupons that the stock does not have: if the platform does not keep to the stock, each is one more coupon.
costs-end = It deletes what it has created. What is left of the stock is in the template again.
goes-on = The last probe is not over: this goes on with it.
needs-yes = a probe gives a coupon, and nobody can be asked
add-yes = add `--yes` if that is right
go-on = Go on? [y/N]
nothing-done = nothing was done

step = { $step ->
        [create] create an activity with a stock of 1: takes one coupon from the template
        [create_again] repeat that request with the same key: costs nothing, or a second stock of 1
        [send] send the coupon: you get it
        [send_again] repeat that request with the same merchant_coupon_id: costs nothing, as the stock is used up
        [send_another] send another coupon, which the stock does not have: costs nothing if the platform keeps to it
        [read_coupon] ask for the coupon by its id: costs nothing
        [count] ask for the count of the activity: costs nothing
        [delete] delete the activity: what is left of its stock is in the template again
        [delete_other] delete the second activity: its stock is in the template again
        [delete_again] delete the activity once more: costs nothing
       *[send_after_deletion] send a coupon of the deleted activity: costs nothing if it is deleted
    }
answered = answered: { $answer }
again = not answered clearly, asking again: { $answer }
waiting = waiting until the platform counts the coupon
answer-code = code { $code } { $message } (log_id { $log_id })
answer-none = no answer with a code: { $message }
answer-success = success (log_id { $log_id })

title = { $campaign }: what the platform answers
label-created = creation repeated
label-repeat = coupon repeated
label-stock = stock used up
label-deleted = activity deleted
label-deleted-again = deleted again
label-status = unused coupon
label-count = count
label-not-created = creation
label-not-sent = coupon
not-created = refused with code { $code } { $message }
not-sent = none was issued: code { $code } { $message }
created-replays = the same activity: a repeat creates none
created-code = code { $code } { $message }, and no second activity
created-another = a second activity: the key protects from nothing, so a lost answer has to be looked up in the platform's console
repeat-replays = the same coupon: a repeat gives none
repeat-code = code { $code } { $message }, and no second coupon
repeat-unclear = code { $code } { $message }, as for another id with the stock used up: whether a repeat would give a second coupon is unknown
repeat-another = a second coupon: a repeat gives another one
used-up-code = code { $code } { $message }
used-up-none = it issued the coupon although the stock was used up
deleted-code = code { $code } { $message }
deleted-none = it issued the coupon although the activity was deleted
deleted-unclear = code { $code } { $message }, as when the stock is used up
deleted-again-success = success again
deleted-again-code = code { $code } { $message }
status-shown = coupon_status { $status }
status-absent = shown without a coupon_status
status-not-shown = not shown when it is asked for by its id
count-within = after { $at_most } at most
count-between = after { $longer_than } to { $at_most }
count-longer = not within { $longer_than }; probe again with a longer `--wait` to know
not-asked = not asked
no-message = (no message)
keys-title = To write into the campaign file:
key-comment = { $step ->
        [send_again] a repeated merchant_coupon_id
        [send_another] the stock is used up
       *[send_after_deletion] the activity is deleted
    }
key-ask = a repeat may give a second coupon
nothing-to-write = The built-in rules fit: there is nothing to write into the campaign file.
journal = Every answer is in { $file }.

no-template = a probe needs the coupon template, and the campaign file names none
no-template-help = add `coupon_meta_id: "…"` to the campaign file: the id that the platform's console shows
other-unfinished = another probe of this campaign is not over
other-unfinished-because = it gives a coupon of template { $template } to { $open_id } at { $platform }
other-unfinished-help = go on with it: run the command with that open_id, so that its activity is deleted
no-answer = the platform gave no clear answer
no-answer-help = nothing is lost: the same command goes on with the same request
not-ready = no request can be made
not-ready-help = check `credentials`; `runner doctor` tests them. The same command goes on
journal-help = move the file away if it is damaged: a probe then begins again from the first request
refused = the platform gave no coupon
refused-create-help = read the answer: the template may be over or have no stock. `runner plan FILE --online` shows the template
refused-send-help = read the answer: the person may not have used the mini-app within seven days, or has had this coupon. Then probe with another open_id and `--again`
