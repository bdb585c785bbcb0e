token-refused = the platform gives no access token: { $why }
no-token = no access token: { $why }
token-expired = the access token has expired: { $why }
token-refused-at-once = a token that it had just issued was refused on its first use: { $why }
token-refused-lately = the token was refused ({ $why }); a new one is asked for at most once a minute
token-ended = the token has ended, and the last call for one was a moment ago
token-of-source-refused = the platform refused the one in { $from } ({ $why })
cannot-read-token = cannot read { $from }: { $why }
# $seconds (number)
cannot-read-token-in-time = cannot read { $from } within { $seconds } s
code = code { $code }
code-with-message = code { $code }, { $message }
fall-back = { $why }: tokens come from { $path } instead, and each new one ends the tokens of this app's other systems within 5 minutes; let them share one, by `access_token: { "{" }file: …{ "}" }`
clock-behind = the platform's clock is { $difference } behind this machine's, by the header Date of its answers: check the date and time of this machine, and any proxy that rewrites answers
clock-ahead = the platform's clock is { $difference } ahead of this machine's, by the header Date of its answers: check the date and time of this machine, and any proxy that rewrites answers

call-failed = POST { $path }: { $why }
call-answered = POST { $path } answered code { $code }
call-answered-with = POST { $path } answered code { $code } ({ $message })
call-without-token = POST { $path } answered HTTP { $status } without a token
wrong-parameter = { $answer }; a parameter is wrong
wrong-key = { $answer }; the client_key is wrong
wrong-secret = { $answer }; the client_secret is wrong

too-large = HTTP { $status } with a body over 1 MiB
no-room = HTTP { $status } with a body over { $usual } bytes, while too many others were being read
cut = the connection ended before the whole answer was read: { $why }
timed-out = no answer within { $within }
not-sent = not sent: { $why }

base-url = cannot send to { $base_url }
proxy = cannot use the proxy in the environment variable { $variable }: { $why ->
     [space] it has a space
     [socks] SOCKS is not supported: name a proxy over HTTP
     [scheme] its scheme is neither http nor https
     [not-encoded] its user name or password is not percent-encoded: write / as %2F, ? as %3F and # as %23
     [no-port] it has no port
    *[not-a-url] it is not the URL of a proxy
    }
authorities = cannot read the certificates in { $file }, which the environment variable SSL_CERT_FILE names
no-certificate = it has no certificate in PEM form
setup = cannot set up TLS and HTTP

cannot-write-log = cannot write the log of requests to { $path }
server-ended = the server ended
