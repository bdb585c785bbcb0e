cannot-do = cannot { $action ->
     [append-to] append to { $path }
     [copy] copy { $path } to look at the copy
     [create] create { $path }
     [exchange] exchange { $path } with its new version
     [flush] flush { $path }
     [lock] lock { $path }
     [look-at] look at { $path }
     [look-at-file-system] look at the file system of { $path }
     [look-for] look for { $path }
     [open] open { $path }
     [read] read { $path }
     [remove] remove { $path }
     [rename-into-place] rename { $path } into place
     [sync] sync { $path }
     [write] write { $path }
    *[use] use { $path }
    }
cannot-do-to-store = cannot { $action ->
     [append-to] append to
     [flush] flush
     [keep-snapshot] write the file `shortcut` beside
     [open] open
     [read] read
    *[use] use
    } the ledger's store at { $path }: { $why }
stalled = cannot { $action ->
     [append-to] append to
     [flush] flush
     [keep-snapshot] write the file `shortcut` beside
     [open] open
     [read] read
    *[use] use
    } the ledger's store at { $path }: the disk has not answered for { $seconds } s
spill = cannot { $action ->
     [create] create
     [read] read
    *[write] write
    } a temporary file in { $path }, for what is too much for the memory
cannot-do-it = cannot { $action ->
     [create] create
     [look-at] look at
    *[open] open
    } it

gone = the ledger is gone: { $path } { $how ->
     [replaced] was replaced
    *[removed] was removed or renamed
    }
closed = cannot open the ledger's store at { $path }, where batch { $durable } was durable: { $why }
in-use = cannot open the ledger's store at { $path }: another process has it open
lost = the ledger's store at { $path } ends after batch { $last }, but batch { $durable } was durable: its end is lost or damaged
parted = the ledger's store at { $path } and its head do not belong together at batch { $sequence }: one of them was altered or put back
headless = the ledger's head at { $path } is damaged, so nobody can say whether the store beside it is whole
damaged = `{ $file }` of the ledger's store at { $path } was changed or damaged after it was closed
damaged-from = `{ $file }` of the ledger's store at { $path } was changed or damaged after it was closed, within the mebibyte from byte { $at } on
summary = every batch of the ledger's store at { $path } is good, but what is kept beside them to open it is damaged: { $files }
list-or = { $first } or { $second }
cannot-do-to-database = cannot { $action ->
     [append-to] append to
     [keep-snapshot] write a snapshot of
    *[read] read
    } the ledger in the database { $place }
fenced = the database { $place } takes nothing more from this worker: it was silent for too long, or it has handed over the app id
overtaken = batch { $sequence } of the ledger in the database { $place } is another one than this worker knows
forgotten = the ledger in the database { $place } ends at batch { $last }, but batch { $durable } was durable: the database has forgotten what it acknowledged
owner = the process that applies the campaign stopped showing its ledger at { $path }
planned = the store failed as planned
store-closed = it is closed
store-released = it was released
reader-stopped = its reader has stopped
thread-panicked = its thread panicked
process-ending = the process is ending
store-damaged = it is damaged ({ $why })
no-room-for-copy = { $needed } MiB are needed in one of { $places }; TMPDIR names another directory
link = it is a symbolic link, and a ledger's files are never opened through links
no-file = it is not a regular file

unfinished = cannot read the ledger to its end; { $last }
record = batch { $sequence } of the ledger cannot be read; { $last }
illegal-fact = batch { $sequence } of the ledger contradicts what came before it; { $last }
given-up = the run was stopped while the disk did not answer: whether the last batch is in the ledger is not known
failed = the ledger failed before and takes nothing more from this process
nothing-good = nothing before it is sound
last-good = the last good one is batch { $sequence }, up to { $newest }
older = the ledger ends at batch { $last }, and batch { $known } of it was durable before
other-batch = batch { $known } of the ledger is another one than was durable before

newer-record = it has format { $found }, and this program knows formats up to { $known }
altered-record = it is not what was written: its checksum differs
senseless-record = it cannot be read as facts
no-such-transition = delivery { $recipient }/{ $ordinal } cannot take it
unknown-delivery = it names recipient { $recipient }, coupon { $ordinal }, which was never admitted
admitted-twice = it admits a recipient a second time
wrong-activity = it is under an activity that was never named, or is not the present one
out-of-turn = it attempts coupon { $ordinal } of recipient { $recipient } before the one before it is issued
wrong-term = it names an owner of term { $term } after that of term { $before }
not-moved = it says that recipient { $recipient } went away or returned, who did not
wrong-coupons = it owes each user { $coupons } coupons
not-reread = it reads a delivery again and takes a step of another kind
not-there = it decides about coupon { $ordinal } of recipient { $recipient }, which is not { $state }
too-many = there are no numbers left for what it names

not-own = cannot use the state directory { $path }: { $why }
of-another-user = it belongs to another user (uid { $uid }), and this process runs as uid { $ours }
writable = other users may write to it (its mode is { $mode })
network = cannot keep a ledger in { $path }: { $kind } is a network file system
foreign = the ledger at { $path } belongs to { $what } { $theirs }, not to { $ours }
altered = `ledger.json` of the ledger at { $path } was altered: its { $what } is { $ours }, and the file says { $theirs }
newer = the ledger at { $path } has format { $found }, and this program knows formats up to { $known }
illegible = cannot read whose ledger it is from { $path }: { $why }
missing = the ledger at { $path } is damaged: `{ $missing }` is missing
real = only the ledger of a rehearsal can be started again; the one at { $path } is of real deliveries

taken = the campaign's ledger is taken by process { $pid } on { $host } since { $since }: { $command }
taken-by-unknown = the campaign's ledger is taken by another process
app-lock-taken = the app id's lock is taken
app-lock = cannot take the app id's lock @{ $name }
other-witness = it is of another ledger

not-what-was-written = the ledger is not what was written
not-what-was-written-files = the ledger is not what was written: its store's { $files } was changed or damaged
miscounted = the sum is wrong: { $kept } is kept, and counted again it is { $counted }; { $last }
wrong-snapshot = the file `shortcut` as of batch { $sequence } differs from the sum of the facts up to there; { $last }
wave-not-ended = it approves a wave that has not ended
wrong-origin = it says twice where the audience was read, or has more times of last activity than users
illegal-activity-step = a step of the declared activity contradicts those before it
wrong-erasure = it does not agree with the erasure of the open_ids
wrong-testers = it names testers that were never admitted, or names them twice
