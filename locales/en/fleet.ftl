## The database of a fleet

cannot-do = cannot { $action ->
     [connect] connect to the database { $place }
     [create-tables] create the tables in the database { $place }
     [create-ledger] create a ledger in the database { $place }
     [find-ledgers] look for ledgers in the database { $place }
     [send-command] send a command through the database { $place }
     [read-commands] look for commands in the database { $place }
     [publish-status] publish the status in the database { $place }
     [read-files] read the campaign files in the database { $place }
     [write-file] change a campaign file in the database { $place }
     [erase-open-ids] replace the batches with open_ids in the database { $place }
     [keep-messages] keep a message in the database { $place }
     [record-identity] record the server's identity in the database { $place }
    *[read-workers] read the workers in the database { $place }
    }
cannot-use = cannot use the database { $place }
single-copy = the database { $place } keeps one copy: no standby confirms a commit, so a coupon that was recorded can be lost with the server
server-identity = { $system }, timeline { $timeline }
other-server = the database { $place } is not on the server that it was on (a fail-over or a restored backup): the server was { $recorded }, and is { $found }
forgetful = the database { $place } has forgotten what it acknowledged
evidence-worker = a worker that was running found facts missing
evidence-missing = batch { $sequence } of { $campaign } ({ $app }) is missing, and it was durable on { $written }
evidence-there = every batch that this machine knows is there; what was recorded after { $written } may be missing
evidence-nothing = this machine knows no ledger of it, and no running worker has shown that nothing is missing
illegible = the manifest of ledger { $ledger } in the database { $place } cannot be read: { $why }
has-ledger = the database { $place } has another ledger of the campaign { $campaign } already
not-owner = this worker does not own the app id { $app } in the database { $place }

no-tables = it has no tables of this program
without-notices = its tables were made by an earlier version, and there is none for messages that wait to be sent
without-files = its tables were made by an earlier version, and there is none for campaign files
other-format = its tables have format { $found }, and this program knows format { $known }
not-synchronous = it acknowledges what is not on disk: synchronous_commit is { $found }
standby = it is a standby, which takes no facts

url = the URL of the database is not a URL of PostgreSQL: { $why }
url-scheme = it does not begin with postgres://
url-tls = sslmode is { $found }; write disable or verify-full
authorities = cannot read the certificate authorities in { $path }
tls = cannot set up TLS
no-answer = no answer within { $seconds } s
not-replicated = the server has stopped waiting for its standby, so the standby may not have it
