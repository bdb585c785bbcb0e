# $max (number)
coupons = { $max ->
    [one] 1 coupon was approved, and no more
   *[other] { $max } coupons were approved, and no more
}
worth = coupons worth { $max } were approved: another one of { $each } would exceed that
worth-unknown = coupons worth { $max } were approved, and neither the file nor the platform says what one is worth
# $max (number)
per-user = { $max ->
    [one] 1 coupon for each user was approved
   *[other] { $max } coupons for each user were approved
}, and the campaign gives more
early = the approval holds from { $from } on
late = the approval ended at { $until }
# $max (number)
# $listed (number)
audience = an audience of { $max } users was approved, and it has { $listed }
remedy = approve the plan again in the service, if more may be sent
# $coupons (number)
# $per_user (number)
bounds = at most { $coupons ->
    [one] 1 coupon
   *[other] { $coupons } coupons
}{ $worth ->
    [none] {""}
   *[other] {" "}worth { $worth }
}, { $per_user } for each user{ $audience ->
    [none] {""}
   *[other] , of { $audience } users
}{ $until ->
    [none] {""}
   *[other] , until { $until }
}
verify-label = approval
# $record (number)
verify-approval = record { $record } of the service log, by { $by }, { $at }: { $envelope }
# $free (number)
# $outside (number)
verify-attempts = { $outside ->
    [0] every attempt of these runs lies inside them
    [one] 1 attempt lies outside
   *[other] { $outside } attempts lie outside
}{ $free ->
    [0] {""}
    [one] ; 1 attempt of another run had no approval
   *[other] ; { $free } attempts of other runs had no approval
}
# $outside (number)
outside = { $outside ->
    [one] 1 attempt was made outside the approvals
   *[other] { $outside } attempts were made outside the approvals
}
# $ordinal (number)
first-outside = the first was for { $open_id } (coupon { $ordinal }) at { $at }: { $why }
no-approval = the run had no approval
outside-help = keep the ledger and the log of the service, and find out which program sent: this one does not
cited-agree = the log of the service has each of these approvals
cited-differ = the log of the service does not have each of these approvals
cited-absent = not compared with the log of the service: it is not here
cited-unreadable = not compared with the log of the service: it cannot be read
wrong-citation = the log of the service does not have the approval of a run
# $record (number)
wrong-citation-first = the first is the run of { $at }, which cites record { $record }: { $why }
# $records (number)
citation-missing = { $records ->
    [one] the log ends after 1 record
   *[other] the log ends after { $records } records
}
citation-other-record = the log has another record of that number
citation-newer = only a newer version of runner understands the record
citation-no-approval = the record is no approval
citation-other-campaign = the record is an approval of { $campaign } for { $app_id }
citation-other-approval = the record approves another plan, other bounds, by other users or at another time
citation-not-given = { $by } had not approved it, or the approval had lapsed or was rejected
wrong-citation-help = keep the ledger and the log, and find out whether this is the log of the service that sent
