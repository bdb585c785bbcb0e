command = 批准继续发放：结束测试用户或某个批次之后的等待
approve-wave = 要结束哪个批次之后的等待，从 1 数起；也可以写 `testers`。默认：最近完成的一个
by = 记入账本的姓名。默认：登录名
by-empty = 内容为空：请写批准人的姓名
# $most (number)
by-long = 太长：最多 { $most } 个字符
by-control = 含有控制字符
wave-number = 请写批次的序号（从 1 数起），或者 `testers`
approve-examples =
    示例：
      runner approve campaigns/summer.yaml
          结束当前的等待：正在执行的任务随即继续，否则由下一次 apply 继续
      runner approve campaigns/summer.yaml --wave 1 --by li
          以 li 的名义只结束第一批之后的等待

    按时间等待的批次也可以这样提前结束。谁在何时、从哪里批准，会先写入账本，然后才继续发放。重复批准不会有任何变化。退出码：0；批次还没有完成时为 3。
approved-live = { $campaign }：{ $wave ->
        [0] 测试用户之后
       *[other] 批次 { $wave } 之后
    }的等待已结束，任务继续发放（pid { $pid }）
approved = { $campaign }：{ $wave ->
        [0] 测试用户之后
       *[other] 批次 { $wave } 之后
    }的等待已结束。继续发放：{ $again }
already = { $campaign }：{ $wave ->
        [0] 测试用户之后
       *[other] 批次 { $wave } 之后
    }的发放已由 { $by } 批准，时间 { $at }
nothing-waits = { $campaign }：没有等待批准的内容
not-ended = 无法批准 { $campaign } 的{ $wave ->
        [0] 测试用户
       *[other] 批次 { $wave }
    }：其中还有发放没有得到应答
not-ended-help = 等它完成、`runner status` 显示正在等待批准之后再批准
no-such-wave = 无法批准 { $campaign } 的{ $wave ->
        [0] 测试用户：任务文件没有指定测试用户
       *[other] 批次 { $wave }：任务文件没有这个批次
    }
no-such-wave-help = 按 `schedule.waves` 的顺序从 1 数起，或者不写 `--wave`
status-approved = { $wave ->
        [0] 测试用户
       *[other] 批次 { $wave }
    } 已由 { $by } 批准；用 `runner apply` 继续
waiting = { $done ->
        [0] 测试用户已完成
       *[other] 批次 { $done } 已完成
    }，等待 `runner approve`
draining = { $done ->
        [0] 测试用户之后
       *[other] 批次 { $done } 之后
    }的发放需要用 `runner approve` 批准，且指定了 --no-wait
event-approved = { $wave ->
        [0] 测试用户
       *[other] 批次 { $wave }
    } 已由 { $by } 批准
rehearsal-skips = { $done ->
        [0] 测试用户已完成
       *[other] 批次 { $done } 已完成
    }；演练不等待，正式执行时其余发放需要 `runner approve`
next-approval = { $done ->
        [0] 测试用户之后
       *[other] 批次 { $done } 之后
    }的等待结束后发放：用 `runner approve` 结束等待
actor = { $user }@{ $host }
named-actor = { $name }（{ $user }@{ $host }）
plan-sending-waits = { $done ->
        [0] 测试用户
       *[other] 批次 { $done }
    } 批准之后开始：`runner approve`
plan-sending-open = 从 { $from } 开始（{ $ahead }）；如果每次都立即批准，最早到 { $end } 左右结束（{ $takes }）
plan-sending-endless = 从 { $from } 开始（{ $ahead }）；其余在批准之后发放
plan-wave-needs = 批次 { $wave }：{ $coupons } 张券，在{ $done ->
        [0] 测试用户获得批准
       *[other] 批次 { $done } 获得批准
    }之后发放
plan-rest-needs = 其余用户：{ $coupons } 张券，在{ $done ->
        [0] 测试用户获得批准
       *[other] 批次 { $done } 获得批准
    }之后发放
verify-approved = 批准
verify-approval = { $wave ->
        [testers] 测试用户
       *[other] { $wave } 的批次
    } 由 { $by }（{ $from }）批准，{ $at }
wait-description = { $duration }，或 `approval`
# $most (number)
too-many-in-file = `{ $path }` 的测试用户超过 { $most } 个
too-many-in-file-help = 只写负责检查第一批券的少数人，或者一个数据源
testers-help = 写 open_id 的列表，例如 `[Cv4PoJXaTPn63rNu]`，或者一个数据源
tester-wanted = 写一个 open_id
no-tester = `{ $path }` 不是 open_id
# $most (number)
testers-description = 最多 { $most } 个 open_id 的列表，或一个数据源
# $named (number)
# $most (number)
too-many-testers = `audience.testers` 有 { $named } 个用户，超过上限 { $most }
too-many-testers-help = 只写负责检查第一批券的少数人，不要写整个人群
# $named (number)
no-testers = { $named ->
        [0] `audience.testers` 里没有用户
       *[other] { $named } 个测试用户都不能发放
    }，因此无法等待对他们的批准
no-testers-help = 写不在排除名单里的用户，或者去掉 `audience.testers`
# $coupons (number)
plan-testers = 测试用户：{ $coupons } 张券，从 { $time } 开始
