nobody = nobody listens at { $path }
io = cannot talk to the process that applies the campaign, at { $path }
unclear = cannot understand what answers at { $path }: { $why }
newer = cannot understand the process that applies the campaign, at { $path }: { $why }
busy = the process that applies the campaign is busy: { $message }
refused = the process that applies the campaign refused: { $message }
# $seconds (number)
no-answer = no answer came within { $seconds } s
cut-short = nothing came, or not a whole line
garbage = it is not what a runner says: { $why }
newer-version = it speaks version { $found }, and this program knows versions up to { $known }
something-else = it answers something else
readers = { $n ->
        [one] 1 other command is
       *[other] { $n } other commands are
    } reading its ledger
frozen = the service has frozen all sends, and no resume ends that: its pages say until when
run-ended = the run ended before it took the request
fewer-batches = the ledger has { $durable } batches, and { $asked } were asked for
not-understood = the request was not understood: { $why }
