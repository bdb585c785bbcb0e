## The database of --store

command-init = Create the tables in the database. Tables that exist stay as they are
init-accept = Accept what may be a mistake: `single_copy`, a database without a standby; `older_ledger`, a database that may have lost facts. It can be given twice
command-check = Check the server and the tables, and show who works
command-copy = Move the ledgers of campaigns into the database or out of it
copy-files = The campaign files
copy-to = Where the ledgers are moved
examples =
    Examples:
      runner store init --store env:DATABASE
      runner store copy campaigns/summer.yaml --to database

url-on-command-line = a URL on the command line shows its password to everybody on this machine: give env:NAME or file:PATH
not-a-reference = give env:NAME or file:PATH
unusable-url = cannot use the URL of the database, { $reference }
url-help = put a URL such as postgres://user:password@host/database into an environment variable, and give `--store env:NAME`, or set RUNNER_STORE
no-url = no database is given

created = the tables in { $place } are there
fit = the database { $place } can be used
server = PostgreSQL { $version }
identity = server { $identity }
# $n (number)
ledgers = { $n ->
     [0] no ledger
     [one] 1 ledger
    *[other] { $n } ledgers
    }
# $n (number)
worker = worker { $host } ({ $pid }), version { $version }: { $n ->
     [0] no app id
     [one] 1 app id
    *[other] { $n } app ids
    }
single-copy = no standby confirms a commit: if the server is lost, what was recorded last is lost with it. set synchronous_standby_names
doubted = a running worker found facts missing. no worker starts before `runner store init --accept older_ledger`: `runner explain E0332` says what to do first
no-identity = the server does not show its identity to this user, so a restored backup or a fail-over is noticed only by what running workers and the witnesses of this machine know. grant execute on pg_control_system() and pg_walfile_name(pg_lsn)
not-recorded = the identity of the server is not recorded: run `runner store init`
other-server = the server was { $recorded }: a fail-over or a restored backup. no worker starts before a running worker has found that nothing is missing, or `runner store init --accept older_ledger`: `runner explain E0332` says what to do first

moved = moved { $campaign }: { $batches } batches of { $deliveries } deliveries are in { $to }
original-in-files = the original is kept in { $path }, and no command uses it
original-in-database = the original stays in the database, and no command uses it
