command = Shows who applied, approved, paused, resumed, stopped or resolved what, and when
examples =
    Examples:
      runner history campaigns/summer.yaml
          who did what to the campaign, when, and from where
      runner history campaigns/summer.yaml --output json | jq 'select(.act == "approved")'
          its approvals, for a program

    It reads the ledger, also while another process applies the campaign. Runs of versions that did not record their person are shown without one. A stop by a signal is shown with the login name of the process that received it; a second signal ends that process at once, before the stop may be recorded.
unknown = unknown
named-author = { $name } ({ $from })
applied = applied the campaign
accepted = accepted: { $words }
approved = approved what comes after the wave of { $share }
approved-testers = approved what comes after the testers
owner-changed = became the owner of the app id: term { $term }, worker { $worker }
paused = paused the run
resumed = resumed the run
stopped = stopped the run
erased = erased the open_ids of { $users ->
        [one] 1 user
       *[other] { $users } users
    }
reconciled = compared the ledger with the platform's records
stopped-by-signal = stopped the run by a signal ({ $signal })
resolved = resolved { $deliveries ->
        [one] 1 delivery
       *[other] { $deliveries } deliveries
    } that { $deliveries ->
        [one] was
       *[other] were
    } { $from }, as { $to ->
        [issued] issued
        [refused] refused
       *[owed] owed
    }: { $note }
# $record (number)
run-approved = applied by record { $record } of the service log: { $envelope }
