command = 清除已结束任务的 open_id；券 ID、状态和合计保留
files = 任务文件，或者存放它们的目录。周期任务的每一期各自计算
older-than = 只清除已完成这么久、其间没有新记录的账本：400d
dry-run = 显示将要清除的内容，但不清除
yes = 不询问确认。没有终端时必须使用
not-duration = 请写时长，例如 400d
examples =
    示例：
      runner erase campaigns/ --older-than 400d --dry-run
          哪些任务已完成 400 天，各有多少用户
      runner erase campaigns/ --older-than 400d --yes
          清除它们的 open_id，例如每晚执行
      runner erase campaigns/summer-2025.yaml
          询问后清除一个任务的 open_id

    清除无法撤销。任务仍可照常读取，只是没有 open_id：status、report、export、history 和 verify；trace 仍能按 open_id 找到用户。不能再用它发放、判定或对账。没有完成的账本保持不变。导出文件、备份和用户名单文件不受影响。

    退出码：能清除的都已清除时为 0；有任务没有完成且没有给出 --older-than 时为 3。
# $n (number)
# $users (number)
about-to-erase = 即将清除 { $n } 个账本的 open_id，共 { $users } 个用户：
cannot-be-undone = 券 ID、状态和合计保留；之后不能再用这些任务发放或判定，而且无法撤销
# $n (number)
go-on = 清除这 { $n } 个账本的 open_id？[y/N]{" "}
# $n (number)
needs-yes = 将清除 { $n } 个账本的 open_id，但没有可以询问的终端；没有改变任何内容
needs-yes-help = 请先用 `--dry-run` 查看将清除什么，再加上 `--yes`
nothing-erased = 没有清除任何内容
# $users (number)
due = 可以清除 { $users } 个用户的 open_id
# $users (number)
erased = 已清除 { $users } 个用户的 open_id
already-erased = 此前已清除，时间：{ $at }
incomplete = 尚未完成：还有待发放、结果未知或待人工判定的发放
recent = 已完成，但时间不够：从 { $due } 起可以清除
no-users = 没有用户
