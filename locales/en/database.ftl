postgresql = PostgreSQL database
mysql = MySQL database
sqlite = SQLite database { $path }
this-query = the query

## What failed

secret = cannot connect to the audience's { $server } server
secret-help = set it to the URL of the server, such as scheme://user:password@host/database
url = cannot connect to the audience's { $server } server: { $reference } holds no usable URL: { $why }
url-help = a { $server } URL is { $example }
no-query = cannot read the audience by its query: { $why ->
    [several] it is more than one statement
    [parameters] it has parameters, and nothing to put in their place
   *[no-rows] it returns no rows
}
no-query-help = write one `select` that returns the open_ids
cannot-connect = cannot connect to the audience's { $database }
cannot-begin = cannot begin to read from the audience's { $database }
cannot-ask = cannot ask the audience's { $database }
cannot-read = cannot read the audience from its { $database }
cannot-read-after-row = cannot read the audience from its { $database } after row { $row }
no-answer = no answer within { $seconds } s
not-done = the query was not done within { $seconds } s
closed = the server closed the connection
bad-value = a value in the URL is not understood
wrong-role = the server is { $found ->
    [standby] a standby
    [primary] a primary
    [read-only] read-only
   *[writable] not read-only
}, and the URL asks for target_session_attrs={ $wanted }

## What to do

help-too-slow = make the query faster, or export its result to a file
help-host = check the host and the port in the URL, and that the server can be reached from here
help-parameters = check the parameters in the URL
help-again = run the same command again when the server answers
help-reach = check that the server runs and can be reached from here
help-read-only = the query must only read: nothing was changed
help-user = check the user and the password in the URL; characters such as % @ / are percent-encoded there
help-database = check the database's name in the URL
help-query = correct the query in the campaign file
help-locked = another program keeps the database locked: run the same command again
help-memory = it needs over 64 MiB of memory: select the open_id and the time only; one of them may be far too long
help-disk = the disk failed: check it, then run the same command again
help-damaged = the database is damaged: restore it
help-postgres-tls = check the TLS settings in the URL; if the server's authority is your own, name its certificate with sslrootcert=FILE, or with the variable SSL_CERT_FILE
help-mysql-tls = check the TLS settings in the URL; if the server's authority is your own, name its certificate with ssl-ca=FILE, or with the variable SSL_CERT_FILE
help-binding = `channel_binding=require` is met by TLS with a certificate that verifies: name the authority's certificate with sslrootcert, or write channel_binding=prefer
help-pooler = the pooler gives each statement another connection, and a query needs one that cannot write: set pool_mode = transaction or session for this database, or connect to the server itself
help-startup = remove that parameter from the URL and from the variables PGOPTIONS and PGAPPNAME, or add it to ignore_startup_parameters of PgBouncer
help-role = name the host of such a server in the URL, or remove target_session_attrs

## The URL

begins-with = it does not begin with `{ $scheme }://`
several-hosts = it names several hosts
several-hosts-help = name one of them: the server, or the replica, that has the whole audience
not-port = the value of its parameter `{ $name }` is not a port number
not-address = the value of its parameter `{ $name }` is not an IP address
not-one-of = the value of its parameter `{ $name }` is not one of { $values }
not-seconds = the value of its parameter `{ $name }` is not a number of seconds
unsupported-value = its parameter `{ $name }` is not supported with this value
unsupported = its parameter `{ $name }` is not supported
foreign-parameter = it has the parameter `{ $name }`, which is not a parameter of { $server }
hidden-parameter = its parameter number { $number } is not known, and is not shown
hidden-parameter-help = remove it; if it is a part of the password, percent-encode the `&` before it
near-parameter = it has a parameter `{ $name }` that is not known; did you mean `{ $near }`?
near-hidden-parameter = it has a parameter that is not known; did you mean `{ $near }`?
parameter-help = `{ $name }`: { $help }
help-remove = remove it
help-use-tls = use TLS, with sslmode=verify-full
help-use-verify-full = use sslmode=verify-full instead
help-write-host = write host, user and database in the URL
help-write-password = write the password in the URL, or in ~/.pgpass
help-write-sslmode = write sslmode=require
help-plain-key = use a key that is not encrypted
number-sign = it has a `#`, which ends the URL of a page and nothing here
number-sign-help = in a user name or password, write # as %23
unencoded = its user name or password is not percent-encoded: it has { $characters }
unencoded-help = percent-encode the user name and the password: write { $codes }
write-as = { $character } as { $code }
unreadable-file = the file of `{ $name }` cannot be read: { $error }
unreadable-authorities = the file of SSL_CERT_FILE, { $path }, cannot be read: { $error }
unreadable-file-help = name a file of certificates in PEM form that this user may read
# $least (number)
short-password = its password has fewer than { $least } characters
separator = ,{ " " }
both = { $first }; { $second }
