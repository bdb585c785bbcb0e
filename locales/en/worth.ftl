# What the coupons of a campaign are worth, in pages and workbooks.
title = What the coupons are worth
issued = issued
open = possibly issued
held = held
owed = owed
at-most = at most
limit = max_worth
meaning-issued = the users have these coupons
meaning-open = in doubt, in flight, or reopened by a person
meaning-held = a person decides; they may have been issued
meaning-owed = still to be issued
meaning-at-most = all of these together
meaning-limit = the limit in the campaign file
each-by-platform = The platform states that a coupon of this activity is worth { $each }.
each-by-file = The campaign file says that a coupon is worth { $each } (`coupon_value`).
unpriced = { $unpriced ->
    [one] The value of 1 coupon is unknown, and no amount contains it.
   *[other] The value of { $unpriced } coupons is unknown, and no amount contains them.
}
coupons = { $n ->
    [one] 1 coupon
   *[other] { $n } coupons
}
