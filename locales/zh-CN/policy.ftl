## The policy in the file of a service

want-rule-name = 规则名称，例如 `large`
rules = 规则列表
rules-help = 请每行写一条规则，例如 `- { "{" }name: large, when: { "{" }worth_over: 100000 CNY{ "}" }, need: { "{" }approvals: 2{ "}" }{ "}" }`
repeated-rule = 另一条规则也叫 { $name }
repeated-rule-help = 第一条在第 { $line } 行：请使用不同的名称，以便在页面上区分
need-and-deny = `{ $path }` 表示这样的计划一律不发，而规则又写了需要什么
no-need = 规则既没有写计划需要什么，也没有写禁止
need-or-deny-help = 请写 `need` 或 `deny: true`，二者只写一个
no-condition = `{ $path }` 没有条件
no-condition-help = 请至少写一个条件，例如 `worth_over: 100000 CNY`；所有计划都需要的写在 `default` 下
need-keys = `again`，或者下面的键
need-help = 请写 `again`，或者 `approvals`、`from`、`again`、`waves` 中的一个或几个，例如 `{ "{" }approvals: 2, from: [finance]{ "}" }`
empty-need = `{ $path }` 什么也不需要
from = 组的列表
from-help = 请列出组名，例如 `[finance]`
want-pattern = 名称，或者 `double11-*` 这样的模式
patterns = 一个名称或名称列表，`*` 代表任意字符
patterns-help = 请写名称，或者列表，例如 `["double11-*", tea]`
no-pattern = `{ $path }` 中没有名称
unknown-group = `{ $path }` 中的 { $name } 不是已有的组
unknown-group-help = 请在 `groups` 下添加这个组，或者在这里删去它
# $needed (number)
# $many (number)
too-few-approvers = `{ $path }` 需要 { $needed } 人批准，而{ $many ->
    [0] 没有人可以批准
   *[other] 只有 { $many } 人可以批准
}
too-few-approvers-help = 每次批准须来自不同的用户，其角色为 `approver` 或 `admin`：请添加用户，或者减少批准人数

budgets = 预算列表
budgets-help = 请每行写一个预算，例如 `- { "{" }app: ttec789ac573xxxxxx01, worth: 300000 CNY{ "}" }`
want-freeze-name = 冻结期名称，例如 `double 11`
freezes = 冻结期列表
freezes-help = 请每行写一个冻结期，例如 `- { "{" }name: double 11, from: 2026-11-10T20:00, until: 2026-11-12T00:00{ "}" }`
freeze-ends-first = `{ $path }` 不晚于 `from`，不会冻结任何内容
freeze-ends-first-help = 请写更晚的时间；`until` 是恢复发送的时刻

## What a plan meets and needs

worth-over = 全部券价值 { $worth }，超过 { $max }
worth-unknown = 不知道一张券的面额，按超过 { $max }处理
worth-per-user-over = 一个用户的券价值 { $worth }，超过 { $max }
# $coupons (number)
# $max (number)
coupons-over = 发放 { $coupons } 张券，超过 { $max } 张
sends-outside = 发送时段可能在 { $hours } 之外
audience-grew = 人群增加了 { $share }，超过 { $max }
new-app = 这里没有该应用其他发券任务的账本
known-app = 这里有该应用其他发券任务的账本
campaign-named = 发券任务的名称符合 { $pattern }
app-named = 应用 ID 符合 { $pattern }
denied = 规则 { $rules } 不允许这个计划
waves-missing = 规则 { $rules } 要求有等待批准的批次，而任务文件中没有：请添加 `schedule: { "{" }waves: [{ "{" }share: 1%, wait: approval{ "}" }]{ "}" }`
# $approvals (number)
approvals-needed = { $approvals } 人批准
# $approvals (number)
approvals-needed-from = { $groups } 中 { $approvals } 人批准
needed-by = { $needed }（{ $why }）
separator = ；
by-default = 默认
by-rule = 规则 { $rule }
by-file = 任务文件
sends-by-itself = 无需批准：服务会自动发放

## The command

command = 列出服务的策略对发券任务的要求
command-test = 生成发放计划，列出每个任务符合的规则和需要的批准
test-config = 服务配置文件；默认是第一个任务文件所在目录旁的 `server.yaml`
examples =
    示例：
      runner policy test campaigns/
      runner policy test --config server.yaml summer.yaml

    有规则不允许某个计划，或要求任务没有的批次时，退出码为 4。

no-policy = { $path } 中没有 `policy`
no-policy-help = 请添加策略，或者用 --config 指定另一个服务配置文件
meets-nothing = 不符合任何规则
rule-line = { $rule }：{ $why }
needs-line = 需要：{ $needs }
