## Where the service listens

want-address = an address with a port, such as `127.0.0.1:7878`
address = an address with a port
want-origin = a URL such as `https://coupons.example.com`
origin = a URL
origin-clear = over http, everybody on the way can read passwords
want-certificate = the path of a file with a certificate, such as `secrets/cert.pem`
want-private-key = the path of the file with its private key, such as `secrets/key.pem`
tls-with-http = `url` begins with http, and the service encrypts requests with the certificate under `tls`
tls-with-http-help = write `https` in `url`, or remove `tls`
origin-path = the pages of the service are at the root of its host, so only the host and the port belong here
open-without-users = other machines reach this address, and there are no users
open-without-users-help = add `users`, or listen on an address of this machine, such as `127.0.0.1:7878`
open-without-url = other machines reach this address, and no `url` says that their requests are encrypted
open-without-url-help = let the service encrypt them with a certificate under `tls`, or let a proxy do so, and add `url: https://HOST`

## Users, groups and tokens

want-name = a name such as `li`
name = a name
users = a list of users
users-help = write each user on a line of its own, such as `- { "{" }name: li, password: { "{" }file: secrets/li.hash{ "}" }, roles: [author]{ "}" }`
roles = a list of { $roles }
roles-help = list one or more roles, such as `[author, operator]`
no-role = `{ $path }` names no role
repeated-name = `{ $path }` has the name { $name }, which another one has
repeated-name-help = the first one is on line { $line }: give each a name of its own
no-password = the user { $name } has no password
no-password-help = add `password: { "{" }file: secrets/{ $name }.hash{ "}" }`; `runner serve --hash-password` prints what belongs in the file
groups = names with lists of users
groups-help = write the name of each group with a list of users, such as `finance: [wang, li]`
no-member = `{ $path }` has no user
unknown-member = `{ $path }` has { $name }, who is not one of the users
unknown-member-help = add this user under `users`, or remove the name here
tokens = a list of tokens
tokens-help = write each token on a line of its own, such as `- { "{" }name: ci, hash: "sha256:…", roles: [author]{ "}" }`
want-hash = the hash of a token, as `runner serve --new-token` prints it
hash = `sha256:` and 64 digits
not-a-hash = `{ $path }` is not the hash of a token; the token itself does not belong in this file
not-a-hash-help = `runner serve --new-token` prints a new token and its hash; replace the token if this was a real one
token-of-user-help = give the token a name of its own
token-of-user = the token has the name of the user { $name }, so the log could not tell them apart
want-header = the name of a header of its own, such as `X-Auth-User`
header = the name of a header
