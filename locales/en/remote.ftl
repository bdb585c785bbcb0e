# Commands that go to a service.

command = Shows who did what with a service
audit-text = Only records with this text
audit-file = Only records about the campaign of this file
audit-last = How many records are shown, the last ones
audit-examples =
    Examples:
      export RUNNER_SERVER=https://coupons.example.com RUNNER_TOKEN=runner_...
      runner audit
          the last 20 records of the log of the service
      runner audit --file summer.yaml --last 100 --output json
          the same about one campaign, for a program

    Exit codes: 0, or 3 when the service cannot be reached, 4 when it refuses the token.
unusable-server = the address of the service in RUNNER_SERVER cannot be used
unusable-url = the address of the service in RUNNER_SERVER cannot be used{ $why ->
    [clear] , because the token would be sent in clear text: { $url }
    [path] , because something follows the host: { $url }
    [user] , because it has a user name or a password
   *[not-url] : { $url }
}
server-url-help = write the scheme, the host and perhaps a port, such as https://coupons.example.com; http only for this machine
no-server = no service is named
no-server-help = set RUNNER_SERVER to its address and RUNNER_TOKEN to a token; `runner verify DIR` checks the log of a service on this machine
no-token = there is no token for the service
no-token-help = set RUNNER_TOKEN to a token that the file of the service names; `runner serve --new-token` makes one
unreachable = the service at { $url } cannot be reached
unreachable-help = check that `runner serve` is running there, the address in RUNNER_SERVER, and the network
no-connection = there is no connection
not-trusted = its certificate cannot be trusted
timed-out = there was no answer in time; it may have done what was asked
cut-off = the answer was cut off
unavailable = the service at { $url } does not have the campaigns now, and nothing was done
unavailable-help = try again in a few seconds; a service that takes over needs about 12 seconds
not-a-service = what answers at { $url } is not a service of this version (HTTP { $status })
not-a-service-help = check the address in RUNNER_SERVER, and that no proxy answers in place of the service
token-refused = the service at { $url } does not know the token
token-refused-help = check RUNNER_TOKEN, and that the file of the service has the hash of this token under `tokens`
no-message = the service gave no reason
unknown-user-help = check the open_id, and that this campaign is the right one: the page “Person” of the service searches all campaigns of an app
no-such-campaign = the service at { $url } has no campaign { $file }
no-such-campaign-help = name the file as it is in the directory of the service; `runner status` without a file lists all
not-for-server = `runner { $command }` works on this machine, and RUNNER_SERVER names a service
not-for-server-help = unset RUNNER_SERVER to work here, or use the pages of the service
only-stop-all = a service pauses and resumes campaigns one by one
only-stop-all-help = name the files; only `runner stop --all` is about every campaign
stops-all = every campaign of { $url } stops when its attempts in flight have finished
refused-help = `runner audit` shows what was refused and why, and the pages of the service what is possible now
