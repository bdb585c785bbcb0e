command = Erases the open_ids of campaigns that have ended; ids, states and sums stay
files = Campaign files, or directories of them. Of a recurring campaign, every occurrence counts for itself
older-than = Only ledgers that have been complete, without any new fact, for so long: 400d
dry-run = Show what would be erased, and erase nothing
yes = Do not ask for confirmation. Needed without a terminal
not-duration = write a duration such as 400d
examples =
    Examples:
      runner erase campaigns/ --older-than 400d --dry-run
          which campaigns have been complete for 400 days, and how many users they have
      runner erase campaigns/ --older-than 400d --yes
          erase their open_ids, for example every night
      runner erase campaigns/summer-2025.yaml
          erase those of one campaign, after a question

    An erasure cannot be undone. The campaign can be read as before, without open_ids: status, report, export, history and verify; trace still finds a user by the open_id. Nothing can be sent, decided or compared with it any more. Ledgers that are not complete stay as they are. Exports, backups and the files with the lists of users are not touched.

    Exit codes: 0 when everything that can be erased is erased, 3 when a campaign is not complete and --older-than is not given.
# $users (number)
about-to-erase = { $n ->
        [one] about to erase the open_ids of one ledger, with { $users } users:
       *[other] about to erase the open_ids of { $n } ledgers, with { $users } users:
    }
cannot-be-undone = ids, states and sums stay; nothing can be sent or decided in these campaigns afterwards, and this cannot be undone
go-on = { $n ->
        [one] erase them? [y/N]{" "}
       *[other] erase them in all { $n } ledgers? [y/N]{" "}
    }
needs-yes = { $n ->
        [one] the open_ids of one ledger would be erased, and there is no terminal on which to ask; nothing was changed
       *[other] the open_ids of { $n } ledgers would be erased, and there is no terminal on which to ask; nothing was changed
    }
needs-yes-help = look at what would be erased with `--dry-run`, then add `--yes`
nothing-erased = nothing was erased
due = { $users ->
        [one] the open_id of 1 user can be erased
       *[other] the open_ids of { $users } users can be erased
    }
erased = { $users ->
        [one] the open_id of 1 user is erased
       *[other] the open_ids of { $users } users are erased
    }
already-erased = erased before, at { $at }
incomplete = not complete: deliveries are owed, in doubt or held
recent = complete, but not for long enough: from { $due } on
no-users = no users
