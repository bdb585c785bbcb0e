## Campaign files in the database

command = Keep campaign files in the database, so that any worker can apply them
files = The campaign files, or directories of them
name = The name that the file gets in the database, instead of its own
list = List the pushed files
show = Print a pushed file as it is in the database
remove = Remove pushed files. Their ledgers stay, and their runs go on
yes = Replace a changed file without asking
examples =
    Examples:
      runner push campaigns/
      runner apply pushed:
      runner plan pushed:summer.yaml
      runner push --list

# $name (text), $campaign (text), $app (text)
added = pushed { $name }: { $campaign } of { $app }. to apply it on any machine:
replaced = pushed { $name }: { $campaign } of { $app }. a run that goes on keeps the file that it began with, and a worker that takes over takes this one
unchanged = { $name } is in the database already, as it is here
removed = removed { $name } from the pushed files. the ledger of { $campaign } stays
no-files = nothing is pushed
listed = { $campaign } of { $app }, pushed by { $by } at { $at } from { $host }:{ $origin }
declined = { $name } is not pushed, and the one in the database stays
moved = pushed from { $host }:{ $origin } before

question = replace { $name } in the database, which { $by } pushed at { $at }? [y/N]{" "}
needs-yes = { $name } is in the database already, and this one is different
needs-yes-help = look at the changes above, and add --yes

name-rule = a name is not empty, and has no slash and no control character
name-of-one = --name is for one file

only-here = { $file }: { $path } is a file, so only a machine that has it can admit the users in it
only-piped = { $file }: its users are piped in, so only the machine with the pipe can admit them
list-elsewhere = cannot read { $key }: { $path } is not on this machine, { $host }
# $others (number)
lists-elsewhere = cannot read { $key }: { $path } is not on this machine, { $host }; { $others ->
     [one] 1 more list is not
    *[other] { $others } more lists are not
    }
nothing-admitted = no machine has admitted the audience yet, so there is nothing to go on with
other-lists = the lists in the campaign file are not those of the audience that { $host } admitted
unknown-lists = the ledger does not say from which lists its audience was read: no fleet has admitted it
unknown-activity = { $host } admitted the audience without `active_within`, so the ledger does not say when its users were last active
admit-elsewhere = apply the campaign on { $host }, which it was pushed from. this machine can go on with the audience after that
admit-where-lists-are = apply the campaign on a machine that has the lists. this machine can go on with the audience after that

unfit = { $name } was pushed again while this worker waited, and this run cannot take it
unfit-help = push a file that fits, and run the same command again. nothing was sent by this worker since
other-platform-pushed = it names another platform, so it has another ledger
takes-pushed = takes the file that { $by } pushed from { $host } while this worker waited

not-pushed = no file with the name { $name } is pushed
none-pushed = no campaign file is pushed
nearest = did you mean pushed:{ $name }? `runner push --list` shows all
push-first = push one: `runner push FILE`
conflict = cannot push { $name }, the campaign { $campaign } of { $app }
conflict-name = the pushed file { $name } is of another campaign: { $campaign } of { $app }, pushed by { $by }
conflict-campaign = the pushed file { $name } is of this campaign already, pushed by { $by }
conflict-meanwhile = another file of this campaign was pushed meanwhile
conflict-help = give it another name with --name
conflict-campaign-help = replace that one by the option --name { $name }, or remove it: `runner push --remove { $name }`
conflict-meanwhile-help = look at the pushed files: `runner push --list`
changed-meanwhile = the pushed file { $name } was changed meanwhile, so it was left as it is
changed-meanwhile-help = run the same command again, to see what it changes now
one-name = this command is about one campaign, and `pushed:` means all pushed files
name-one = name one after `pushed:`. `runner push --list` shows them
list-them = `runner push --list` shows the files that are pushed
