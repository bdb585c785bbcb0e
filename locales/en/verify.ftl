# A ledger that was checked.
checking = checking every batch of the ledger
sound = the ledger of { $campaign } is sound
sound-with-repeats = the ledger of { $campaign } is sound, but ids repeat that the platform gives once
label-checked = checked
label-settled = settled
label-ids = ids
label-ledger = ledger
label-begun = begun
label-erased = erased
erased = { $users ->
    [one] the open_id of 1 user, at { $at } by { $by }
   *[other] the open_ids of { $users } users, at { $at } by { $by }
}: the batches are those that the erasure wrote
label-witness = witness
checked = { $facts ->
    [one] 1 fact
   *[other] { $facts } facts
} in { $batches ->
    [one] 1 batch
   *[other] { $batches } batches
}: every checksum, every transition, the sum
# $settled (number)
settled = { $settled }, by SHA-256
# $batch (number)
witness-same = saw batch { $batch } at { $at }, which is in the ledger
# $batch (number)
witness-older = saw batch { $batch } at { $at }: { $older }

# Ids of several deliveries.
no-repeats = no coupon_id or log_id belongs to two deliveries
coupon-ids = { $ids ->
    [one] 1 coupon_id belongs
   *[other] { $ids } coupon_ids belong
} to several deliveries
log-ids = { $ids ->
    [one] 1 log_id belongs
   *[other] { $ids } log_ids belong
} to several deliveries
both-ids = { $coupon-ids ->
    [one] 1 coupon_id
   *[other] { $coupon-ids } coupon_ids
} and { $log-ids ->
    [one] 1 log_id
   *[other] { $log-ids } log_ids
} belong to several deliveries
repeated = { $repeats }, and the platform gives each of them once
repeated-help = some of these users may have no coupon: compare them with the platform's records. `runner export` has the ids of all deliveries, and `runner explain E0323` says how this comes
id-belongs = { $kind } { $id } belongs to { $deliveries ->
    [one] 1 delivery
   *[other] { $deliveries } deliveries
}
delivery = coupon { $ordinal }  { $merchant-coupon-id }  { $state }
more-deliveries = … and { $more ->
    [one] 1 delivery
   *[other] { $more } deliveries
} more
more-ids = … and { $more ->
    [one] 1 { $kind }
   *[other] { $more } { $kind }s
} more

# Certificates.
cannot-read = cannot read the certificate { $file }
not-a-certificate = { $file } is not a certificate
certificate-help = name a file that `runner verify --certificate FILE` wrote
other-type = its type is { $type }, not { $expected }
same = it says the same as { $file } of { $at }
differs = it differs from { $file } of { $at }
then-and-now = { $then } then, { $now } now
then = then
now = now
