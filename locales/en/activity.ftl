# The activity that a campaign declares.
creation-refused = the platform refused to create activity { $number }. Nothing was created, and nothing was sent
creation-unclear = the platform's answer does not say whether activity { $number } exists. Nothing was sent
creation-unanswered = no answer says whether activity { $number } was created. Nothing was sent
same-activity = the platform answered the request for activity { $number } with { $activity_id }, which the campaign has had before. Nothing was sent
released-already = activity { $activity_id } was released, and coupons are still owed. Nothing was sent
nothing-to-say = no request for an activity waits for an answer
open-order = activity { $number } was asked for before, and no answer says whether it exists
not-settled =
    { $left ->
        [one] one delivery may still need the activity
       *[other] { $left } deliveries may still need the activity
    }
none-created = the campaign has no activity of its own
none-declared = the campaign file declares no activity

asked-for = asked for: { $stock } coupons of template { $template }, named “{ $name }”, as merchant_activity_id { $key }
answer-code = answered: code { $code }, { $message } (log_id { $log_id })
answer-none = answered: { $message }
no-message = no message
no-log-id = none

refused-help = correct what the answer names (template, stock), then apply again. It asks for the same activity, with the numbers of the file
unclear-help =
    look at the activities of the template in the platform's console.
    if it is there: { $is_id }
    if it is not:   { $is_none }
unanswered-help = run the same command again: it repeats the same request, which makes no second activity
released-help = more coupons need another activity: { $add }
nothing-to-say-help = `--is` answers for a request whose answer is not known. `{ $command }` shows the activities
open-help =
    { $number ->
        [one] apply again: it repeats the same request
       *[other] run the same command with `--add { $stock }` again: it repeats the same request
    }
not-settled-help = release it when every delivery has its outcome. A doubt needs its activity to be sent again
none-created-help = the first apply creates it
none-declared-help = write `activity: ` with its `stock` in place of `activity_id`

app-id-taken = another process has the app id
not-allowed-any-more = the token or the ownership of the app id ended just before the request
release-failed = the activity is not released: { $why }. The next apply asks again

created = activity { $number } created: { $activity_id }, { $stock } coupons
released = activity { $activity_id } released: what was left of its stock is in the template again

command = Show, enlarge or release the activity of a campaign
option-add = Create one more activity with N coupons. The template's stock pays for it at once
option-is = Say what the platform's console shows for the request without an answer: the activity's id, or none
option-release = Give what is left of the activity's stock back to the template
option-yes = Do not ask
examples =
    Examples:
      runner activity summer.yaml                # stock, coupons issued, what is left
      runner activity summer.yaml --add 20000    # one more activity, when the stock is used up
      runner activity summer.yaml --release      # after the campaign
write-id = write the activity's id, or `none`
ask-add =
    about to create activity { $number } with { $stock } coupons of template { $template }.
    its stock is taken from the template at once.
ask-release =
    about to release activity { $activity_id }. Nothing can be sent under it any more.
go-on = {" "}go on? [y/N]{" "}
needs-yes = nobody can be asked here, and this cannot be undone
add-yes = add `--yes`
nothing-done = nothing was done
added =
    activity { $number } created: { $activity_id }, { $stock } coupons.
    the next apply sends under it, and asks for your consent to the change:
    { $apply }
released-before = the activity was released before
not-released = activity { $activity_id } is not released, or nobody knows
not-released-help = look at the activity in the platform's console, then run the same command again

label-campaign = campaign
label-declared = declared
label-release = release
label-activity = activity
label-number = activity { $number }
declares = { $stock } coupons of template { $template }, named “{ $name }”
release-rule =
    { $rule ->
        [when_settled] when every delivery has its outcome
       *[never] only by `runner activity FILE --release`
    }
named = { $activity_id }, named by the campaign file
not-yet = not created yet. { $command } creates it before it sends
created-at = { $activity_id }, since { $at }
stock = { $stock } coupons: { $issued } issued, { $unknown } perhaps issued, { $left } left
may-exist = asked for, and no answer says whether it exists
not-created = asked for, and not created
release-refused = the platform refused to release it. { $answer }
release-asked = being released: the answer is not known. Nothing is sent under it any more
release-unknown = perhaps released. { $answer }. Nothing is sent under it any more
release-done = released: what was left is in the template again
stock-used-up = the platform counts { $received } coupons of activity { $activity }: its received_num has reached the stock, so the stock is used up. `runner activity FILE --add N` makes another one
count-more = the platform counts { $received } coupons of activity { $activity }, and this campaign can have sent { $most } at most: something else gives coupons of it, so its stock ends sooner. give the campaign an activity of its own
count-fewer = the platform counts { $received } coupons of activity { $activity }, and it had confirmed { $confirmed } an hour ago: its count is late, or its answers are wrong. compare with `runner reconcile` after the run
stock-not-used-up = the platform counts { $received } coupons of activity { $activity }, of a stock of { $stock }: unless its count is late, the stock is not the reason
