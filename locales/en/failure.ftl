label-error = error
label-caused-by = caused by
label-help = help

name-ending = campaign files end in .yaml or .yml
begin-ledger-or-sandbox = `{ $command }` begins one; with --sandbox, its rehearsal is meant
begin-ledger-or-campaign = `{ $command }` begins one; without --sandbox, the campaign itself is meant
witness-saw = its witness of { $written } saw batch { $sequence } in { $directory }
clock-times = its newest time is { $newest }, and this machine's clock says { $wall }, which is { $earlier } earlier
clock-why = one of its runs was made under a wrong clock, or this clock is wrong
use-program-of-owner = use the program that applies the campaign, or wait until it is done
wait-for-owner = wait until that process is done, or stop it there with ^C; its state is safe
run-again = run the same command again
apply-excluded-first = apply { $file } first, or take it out of `audience.exclude`: without its ledger nobody knows who has a coupon of it
plan-shows = `{ $command }` shows what it is now
expected-plan = expected { $reviewed }, and it is { $now }
export-names-all = `{ $command }` names everybody who ever was in the audience
did-you-mean = did you mean { $name }?
status-file = use the program that applies the campaign; the file can also be removed, it is only a courtesy
report-defect-of-run = please report this. what was in flight is in doubt; run the same command again
please-report = please report this
miscounted = the ledger's sum is not right, though each of its facts is: a defect of this program
# { $kept } and { $counted } are lists of counts.
counted-again = counted on the way { $kept }, counted again { $counted }
more-like-these =
    { $n ->
        [one] one more like these
       *[other] { $n } more like these
    }
restore-unchanged = nothing was changed. restore the ledger's whole directory from a backup
remove-shortcut = its facts are sound. remove the file `shortcut` in the ledger's directory: it only spares the reading of them, and is made again
write-proxy = write it as http://HOST:PORT or http://USER:PASSWORD@HOST:PORT, or unset it
name-authorities = name a file of certificates in PEM form that this user may read, or unset it
wait-or-stop = wait until it is done, or end it by `runner stop`; its state is safe
restore-or-move = nothing was sent. restore the whole directory from one backup; without one, move it away, and the next run stops at the first coupon that was sent before
use-local-disk = name a directory on a local disk with --state-dir
be-that-user = nothing was read or written there. run the command as that user, or name a directory of your own with --state-dir
only-your-user-writes = nothing was read or written there. if nobody else has written to it, let only your user write to it: `chmod -R go-w` it; otherwise name another directory with --state-dir
another-name-or-directory = a campaign keeps its app and platform for ever; give the new one another name, or name another directory with --state-dir
put-ledger-back = nothing was sent. if `ledger.json` was altered, put it back as it was; if the directory was copied or renamed, move it back to its own place; if the campaign file has changed, change it back
write-value-again = nothing was sent. write that value into `ledger.json` again; then the same command goes on
use-newer-program = go on with the newer program that wrote it
directory-gone-before = nothing was sent. the directory was removed, renamed or unmounted: put it back, or go to one that exists; then the same command goes on
make-room-or-name = make room or give permission there, or name another directory with --state-dir
file-in-place = a file is where a directory belongs: move it away, or name another directory with --state-dir
nothing-changed = nothing was changed
restore-ledger = nothing was sent. restore the ledger's whole directory from a backup
report-nothing-more-sent = please report this; nothing more was sent
nothing-more-sent-again = nothing more was sent; run the same command again
slow-disk = nothing more was sent. look at the disk: it is overloaded or failing. once it answers, the same command goes on
other-cause = nothing more was sent. once the cause is gone, the same command goes on
disk-full = nothing more was sent. make room there; then the same command goes on
file-limit = nothing more was sent. the size of files is limited: raise the limit, for example with `ulimit -f unlimited`; then the same command goes on
no-permission = nothing more was sent. give this user permission there; then the same command goes on
read-only-disk = nothing more was sent. the disk is read-only: mount it for writing; then the same command goes on
failing-disk = nothing more was sent. the disk is failing: look at it; once it works, the same command goes on
directory-gone = nothing more was sent. the directory was removed, renamed or unmounted: put it back; then the same command goes on
ended-run-waits = nothing was sent. a run that has ended waits for its disk there; once it is gone, the same command goes on
restore-together = nothing was sent. restore the ledger's whole directory from one backup, store and head together
rebuild-store = nothing was sent, and no batch is lost. make room for a copy of the store beside it; then the same command rebuilds the store
ledger-gone = nothing more was sent. put the ledger's directory back where it was, or restore it from a backup, before you apply the campaign again: without it, users who have a coupon are sent to again
owner-ended = it may have ended meanwhile: run the same command again
temporary-disk = nothing more was sent. make room there, or let TMPDIR name a directory of a disk that has some; then the same command goes on
planned-fault = this is a fault that a test has planned

## The database of a fleet

database-again = run the same command again when the database answers: nothing is lost, and deliveries in flight are in doubt and are resolved automatically
database-url = write the URL as postgres://user:password@host:5432/database; characters such as % @ / in the password are percent-encoded
database-authorities = if the server's authority is your own, name its certificate with sslrootcert=FILE in the URL
create-tables = run `runner store init` once with this database
same-version = use the version of this program that made the tables, the same on all machines
synchronous-commit = set synchronous_commit = on for this database and user: a coupon that is not on disk can be sent a second time after a crash
name-primary = name the primary in the URL; several hosts can be listed, and the one that takes writes is used
another-worker = another worker may have taken over: run the same command again, and it takes its share of the app ids
forgotten-facts = send nothing more before a person has looked: coupons were sent that the database does not know. `runner explain E0328` says what to do
single-copy = set up a synchronous standby, or accept the risk once with `runner store init --accept single_copy`
other-server = find out first whether coupons were sent that the database does not know: `runner explain E0332` says how. then accept the database as it is, once for all machines, with `runner store init --accept older_ledger`
