subject = { $subject ->
     [file] campaign file
     [secrets] secrets
     [state] state directory
     [file_system] file system
     [disk] free space
     [open_files] open files
     [database] database
     [tables] tables
     [standby] standby
     [rights] rights
     [round_trip] round trip
     [database_clock] its clock
     [audience] audience
     [exclude] exclude list
     [proxy] proxy
     [dns] name (DNS)
     [tls] connection
     [token] access token
    *[clock] clock
    }
verdict = { $verdict ->
     [ok] ok
     [warn] warn
    *[fail] fail
    }
help = help: { $help }
with-cause = { $finding }: { $cause }
cannot-read = cannot read { $path }: { $why }
# $seconds (number)
disk-silent = { $path }: the disk does not answer within { $seconds } s
disk-silent-help = look at the disk: it is overloaded or failing, or the server that provides it is out of reach

file-pushed = { $name } is in the database, pushed from { $host }
file-good = { $path } can be read, and only its owner can write to it
file-writable = other users can write to { $path } (its mode is { $mode }), so they can change what is sent
file-writable-help = `chmod go-w { $path }`
no-secrets-needed = a rehearsal needs none
secrets-good = every secret that the file refers to can be read
secret-readable = other users can read { $path }, which holds a secret
secret-readable-help = `chmod 600 { $path }`
state-good = { $path } belongs to this user
state-new = { $path } does not exist yet; the first apply creates it
state-read-only = this user cannot write to { $path }
state-help = give this user permission there, or name another directory with --state-dir
file-system-good = { $path } is not on a network file system
file-system-help = name a directory on a local disk with --state-dir
free = { $free } are free at { $path }
free-help = make room there, or name a directory on another disk with --state-dir
files-unlimited = this process may open as many files as it needs
# $most (number)
files-good = this process may open { $most } files
# $most (number)
# $needed (number)
files-few = this process may open { $most } files, and a run opens up to { $needed } if the platform is slow
files-help = raise the limit, for example with `ulimit -n { $needed }`

database-good = reached { $place } over TLS, and its certificate is valid; PostgreSQL { $version }, which takes writes
database-local = reached { $place } on this machine, without TLS; PostgreSQL { $version }, which takes writes
database-open = reached { $place } without TLS: the password and all open_ids can be read on the way; PostgreSQL { $version }, which takes writes
database-open-help = write `sslmode=verify-full` into the URL, and `sslrootcert` if its authority is not one of this machine's
tables-good = they are there, and on the server that they were on
tables-other = facts may be missing: the database is on another server than it was, or a worker knows of facts that are not there
tables-no-identity = they are there; the server does not show its identity to this user, so a restored backup is noticed less surely
tables-no-identity-help = grant execute on pg_control_system() and pg_walfile_name(pg_lsn) to this user
standby-good = one is connected, and each commit waits for it
standby-not-shown = one is connected; this user may not see whether each commit waits for it
standby-missing = synchronous_standby_names names one, and none of them is connected: each commit waits for it, so nothing can be sent
standby-missing-help = start the standby, and look at its log
standby-accepted = there is none, which was accepted: if the server is lost, what was recorded last is lost with it
standby-help = set synchronous_standby_names to a standby that follows
standby-none = there is none: if the server is lost, what was recorded last is lost with it
rights-good = this user has every right that a worker needs
rights-lacking = this user lacks { $rights }
rights-help = grant these to the user of the URL, as the owner of the tables
round-trip-good = { $ms } ms
round-trip-long = { $ms } ms, and each batch of facts waits for it
round-trip-help = run the workers near the database
database-clock-good = it agrees with this machine's
# $seconds (number)
database-clock-ahead = it is { $seconds } s ahead of this machine's, so times of several machines do not compare
# $seconds (number)
database-clock-behind = it is { $seconds } s behind this machine's, so times of several machines do not compare
database-clock-help = set the clocks of both, for example with `timedatectl set-ntp true`. which worker may send does not depend on them

piped = not checked: the rows come from a pipe, which can be read only once
rows-good = { $rows ->
     [one] the first row can be read
    *[other] the first { $rows } rows can be read
    }
# $rows (number)
# $unusable (number)
rows-unusable = { $unusable } of the first { $rows } rows cannot be used
rows-unusable-help = `runner plan` reads all rows and names those that cannot be used
rows-none = it has no rows
rows-none-help = check the source; if it is meant to be empty, write `allow_empty: true` under `audience`
# $seconds (number)
rows-slow = no row came within { $seconds } s
rows-slow-help = check that the server or the disk answers, and how long the query takes

proxy-none = none: requests go to the platform directly
proxy-used = requests go through { $proxy }
proxy-help = write it as http://HOST:PORT or http://USER:PASSWORD@HOST:PORT, or unset it
authorities-help = check the trusted certificates of this machine, and the environment variable SSL_CERT_FILE
no-name = { $host } is an address, so no name has to be looked up
name-known = { $host } is { $addresses }
name-unknown = cannot look up { $host }: { $why }
# $seconds (number)
name-slow = cannot look up { $host }: no answer within { $seconds } s
name-help = check the network and the name server of this machine, and the address in the campaign file
proxy-name-help = check the environment variable that names the proxy, such as HTTPS_PROXY, and the network and the name server of this machine
tls-good = connected to { $url } with TLS; its certificate is valid
connection-good = connected to { $url }
no-connection = cannot connect to { $url }: { $why }
# $seconds (number)
connection-slow = cannot connect to { $url }: no connection within { $seconds } s
no-connection-help = check the network, the firewall, the proxy and the address in the campaign file
no-tunnel-help = check that this machine reaches { $proxy }, and that the proxy lets it connect to the platform; HTTPS_PROXY names the proxy, its user name and its password, and NO_PROXY excepts hosts
# $minutes (number)
token-good = the platform issued one, which is valid for { $minutes } min
token-given = not checked: another program provides it, and only a send shows whether the platform accepts it
token-unchecked = not checked, because the secrets cannot be read
token-refused = the platform issues none: { $why }
token-refused-help = check `credentials` in the campaign file, and the app on the platform's console
# $seconds (number)
token-slow = the platform does not answer within { $seconds } s
token-later-help = try again in a minute; if that fails too, ask the platform's support
token-unstable = the endpoint for stable tokens is not for this app: { $why }
token-unstable-help = an apply calls client_token instead, and each of its tokens ends those of this app's other systems within 5 minutes; let them share one, by `access_token`
clock-good = it agrees with the platform's
# $seconds (number)
clock-ahead = it is { $seconds } s ahead of the platform's
# $seconds (number)
clock-behind = it is { $seconds } s behind the platform's
clock-help = set the date and time of this machine, for example with `timedatectl set-ntp true`; a proxy that rewrites answers may be the cause, too
clock-unchecked = not checked: no answer of the platform states its time

# $warnings (number)
# $failures (number)
# $all (number)
summary-failed = { $failures } of { $all } checks failed; warnings: { $warnings }. nothing was sent
# $warnings (number)
summary-warned = no check failed; warnings: { $warnings }. nothing was sent
summary-good = every check succeeded. nothing was sent
