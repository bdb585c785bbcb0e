activity-not-created = (not created yet)
name-empty = it is empty
# $actual (number)
# $most (number)
name-too-long = it is { $actual } { $unit ->
     [characters] characters
     [digits] digits
    *[bytes] bytes
    } long; at most { $most } are allowed
name-character = { $found } is not allowed in it: { $name ->
     [campaign] a campaign's name has lower-case letters of any script, digits and '-'
     [app-id] an app_id has letters, digits, '-' and '_'
     [activity-id] an activity_id has digits only
     [user] the name of a user has letters and digits of any script, '.', '_', '-' and '@'
     [coupon-meta-id] a coupon_meta_id has digits only
    *[open-id] an open_id has printable characters without spaces
    }
name-not-composed = it is not in Unicode's composed form (NFC), so it looks like another name but is not the same

secret-in-variable = the environment variable { $name }
secret-in-file = the file { $path }
secret-unset = the environment variable { $name } is not set
secret-not-text = { $from } does not hold a secret that can be sent: { $flaw ->
     [not-utf8] it is not UTF-8 text
     [lines] it has more than one line
     [space] there is a space in it
     [control] there is a control character in it
    *[not-ascii] there is a character in it that is not ASCII, such as a full-width letter or a typographic quote
    }
secret-unreadable = cannot read the file { $path }
secret-empty = the file { $path } is empty
# $least (number)
secret-too-short = { $from } holds a secret with fewer than { $least } characters

certificate-untrusted = the server's certificate is not trusted: its authority is unknown to this machine
certificate-authority = the server's certificate is not trusted: it is the certificate of an authority itself
certificate-expired = the server's certificate has expired, by the clock of this machine
certificate-not-yet-valid = the server's certificate is not valid yet, by the clock of this machine
certificate-other-name = the server's certificate is for another name
certificate-other = the server's certificate is not valid: { $why }
certificate-help-authority = give the server a certificate of its own, which is not an authority's (CA:FALSE)
certificate-help-time = check the date and time of this machine; if they are right, the server needs a new certificate
certificate-help-name = use the host name that the certificate is for; a proxy or a wrong DNS entry may lead to another server

shortage-files-of-process = this process may open no more files. raise the limit, for example with `ulimit -n 4096`; then the same command goes on
shortage-files-of-machine = this machine has too many open files. end other programs or raise the system's limit; then the same command goes on
shortage-memory = this machine has no more memory for this process. end other programs; then the same command goes on

no-such-transition = a delivery that is { $from } cannot take the step { $step }
row-place = { $unit ->
     [line] { $within }:{ $number }
    *[row] row { $number } of { $within }
    }
readable-times = a time from 2016 to tomorrow, such as 2026-06-01, 2026/6/1 9:05, 2026年6月1日, 2026-06-01 09:05:00, 2026-06-01T09:05:00+08:00, or Unix time in seconds or milliseconds
requester = pid { $pid } ({ $user }@{ $host })
requester-named = { $name } (pid { $pid }, { $user }@{ $host })
panicked = it panicked

role = { $role ->
    [viewer] viewer
    [support] support
    [author] author
    [operator] operator
    [approver] approver
   *[admin] admin
}
