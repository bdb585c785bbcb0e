cannot-serve = cannot serve metrics at { $address }
cannot-serve-help = name another port with --metrics; `ss -ltnp` shows which process has one. nothing was sent
served-at = metrics at { $url }
served-to-all = metrics at { $url }; everybody who reaches this address can read the campaign's counts
served-after-end = metrics stay at { $url } for { $time }, so that the end is scraped; ^C ends that now
# $seconds (number)
disk-does-not-answer = the disk does not answer within { $seconds } s
file-is-old = warning: { $path } does not show the end of the run: { $why }
not-prom = { $path } does not end in .prom, and the textfile collector of node_exporter reads only such files
