## The policy in the file of a service

want-rule-name = the name of a rule, such as `large`
rules = a list of rules
rules-help = write each rule on a line of its own, such as `- { "{" }name: large, when: { "{" }worth_over: 100000 CNY{ "}" }, need: { "{" }approvals: 2{ "}" }{ "}" }`
repeated-rule = another rule has the name { $name }
repeated-rule-help = the first one is on line { $line }: give each a name of its own, so that the pages can tell them apart
need-and-deny = `{ $path }` says that such a plan is never sent, and the rule says what it needs, too
no-need = the rule says neither what a plan needs nor that it is denied
need-or-deny-help = write either `need` or `deny: true`
no-condition = `{ $path }` has no condition
no-condition-help = name at least one, such as `worth_over: 100000 CNY`; what every plan needs is under `default`
need-keys = `again`, or keys as below
need-help = write `again`, or one or more of `approvals`, `from`, `again`, `waves`, such as `{ "{" }approvals: 2, from: [finance]{ "}" }`
empty-need = `{ $path }` needs nothing
from = a list of groups
from-help = list the names of groups, such as `[finance]`
want-pattern = a name, or a pattern such as `double11-*`
patterns = one name or a list of names, with `*` for any characters
patterns-help = write a name, or a list such as `["double11-*", tea]`
no-pattern = `{ $path }` names nothing
unknown-group = `{ $path }` has { $name }, which is not one of the groups
unknown-group-help = add this group under `groups`, or remove the name here
# $needed (number)
# $many (number)
too-few-approvers = `{ $path }` needs { $needed ->
    [one] 1 approval
   *[other] { $needed } approvals
}, and { $many ->
    [0] nobody can give one
    [one] only 1 user can give one
   *[other] only { $many } users can give one
}
too-few-approvers-help = each approval is of another user with the role `approver` or `admin`: add users, or ask for fewer

budgets = a list of budgets
budgets-help = write each budget on a line of its own, such as `- { "{" }app: ttec789ac573xxxxxx01, worth: 300000 CNY{ "}" }`
want-freeze-name = the name of a freeze, such as `double 11`
freezes = a list of freezes
freezes-help = write each freeze on a line of its own, such as `- { "{" }name: double 11, from: 2026-11-10T20:00, until: 2026-11-12T00:00{ "}" }`
freeze-ends-first = `{ $path }` is not after `from`, so nothing would be frozen
freeze-ends-first-help = write a later time; `until` is the first moment in which coupons are sent again

## What a plan meets and needs

worth-over = all coupons are worth { $worth }, which is over { $max }
worth-unknown = nobody says what a coupon is worth, which counts as over { $max }
worth-per-user-over = the coupons of one user are worth { $worth }, which is over { $max }
# $coupons (number)
# $max (number)
coupons-over = the campaign gives { $coupons ->
    [one] 1 coupon
   *[other] { $coupons } coupons
}, which is over { $max }
sends-outside = its schedule allows sends outside { $hours }
audience-grew = the audience has grown by { $share }, which is over { $max }
new-app = no other campaign of the app has a ledger here
known-app = another campaign of the app has a ledger here
campaign-named = the campaign has a name that fits { $pattern }
app-named = the app has an id that fits { $pattern }
denied = the rule { $rules } does not allow this plan
waves-missing = the rule { $rules } asks for a wave that waits for an approval, and the campaign file has none: add `schedule: { "{" }waves: [{ "{" }share: 1%, wait: approval{ "}" }]{ "}" }`
# $approvals (number)
approvals-needed = { $approvals ->
    [one] 1 approval
   *[other] { $approvals } approvals
}
# $approvals (number)
approvals-needed-from = { $approvals ->
    [one] 1 approval
   *[other] { $approvals } approvals
} from { $groups }
needed-by = { $needed } ({ $why })
separator = {"; "}
by-default = by default
by-rule = by the rule { $rule }
by-file = by the campaign file
sends-by-itself = no approval: the service sends it by itself

## The command

command = Says what the policy of a service asks of campaigns
command-test = Plans campaigns, and lists the rules that each meets and what it needs
test-config = The file of the service; `server.yaml` beside the directory of the first campaign file by default
examples =
    Examples:
      runner policy test campaigns/
      runner policy test --config server.yaml summer.yaml

    Ends with 4 if a rule does not allow a plan, or asks for a wave that the campaign has not.

no-policy = { $path } has no `policy`
no-policy-help = add one, or name another file of a service with --config
meets-nothing = meets no rule
rule-line = { $rule }: { $why }
needs-line = needs: { $needs }
