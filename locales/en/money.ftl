amount = { $yuan } CNY
no-money = `{ $path }` is { $written }, which is not an amount of money
other-currency = `{ $path }` is in { $currency }; the platform's coupons are worth yuan
too-small = `{ $path }` is too small: the least is `0.01 CNY`
too-large = `{ $path }` is too large
too-precise = `{ $path }` has a part of a fen
negative = `{ $path }` is negative
money = an amount such as `{ $example }`
write = write `{ $example }`
over-max-worth = the campaign needs up to { $at_most } for { $coupons } { $coupons ->
    [one] coupon
   *[other] coupons
}, and `max_worth` is { $max }: { $sum }
over-max-worth-help = raise `max_worth`, or lower `limit` under `audience` or `coupons_per_user`
max-worth-reached = max_worth is reached: another coupon of { $each } would exceed { $max }
max-worth-unknown = max_worth is { $max }, and neither the file nor the platform says what a coupon is worth
raise-max-worth = raise max_worth in the campaign file, if more may be spent
write-coupon-value = write coupon_value into the campaign file
worth = { $issued } issued, { $owed } owed
worth-open = { $issued } issued, { $owed } owed, { $open } in doubt or held; at most { $at_most }
worth-unpriced = { $issued } issued; the value of { $unpriced ->
    [one] 1 coupon
   *[other] { $unpriced } coupons
} is unknown
spent = spent { $spent }, at most { $at_most }
spent-unpriced = spent { $spent }, { $unpriced ->
    [one] 1 coupon
   *[other] { $unpriced } coupons
} of unknown value
