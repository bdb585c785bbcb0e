label-warning = 警告

name-writable-file = 请指定一个文件，其目录须存在且你有写权限
name-writable-directory = 请指定一个你有写权限的目录
nobody-reads-pipe = 没有程序在读取该命名管道
start-reader-first = 请先启动读取方，例如对该管道执行 `cat`；或指定一个文件
cannot-write-to = 无法写入 { $path }
cannot-write = 无法写入 { $path }
make-room-elsewhere = 没有保留任何内容；请腾出空间，或指定其他位置
cannot-write-stdout = 无法写入 stdout
cannot-write-events = 无法把事件写入 { $path }
cannot-create-directory = 无法创建目录 { $path }
missing-events = { $name } 缺少 { $n } 个事件：{ $why }；统计数字和账本没有缺失
missing-objects = { $name } 缺少 { $n } 个对象：{ $why }；统计数字和账本没有缺失
missing-log-lines = 日志缺少 { $n } 行
reader-takes-nothing = 读取方没有接收
busy-reading-ledger = 正在读取账本
busy-so-far = { $doing }，已用 { $time }

cannot-read-log-filter = 无法解析日志过滤条件
write-log-filter = RUNNER_LOG 的写法如 `debug`、`runner=debug` 或 `warn,runner::engine=trace`
cannot-write-log = 无法把日志写入 { $path }

expect-one-campaign = --expect 只能指定一个任务的发放计划，而这里给出了 { $files } 个任务文件
expect-one-campaign-help = 请单独用一条命令执行已审核的任务
write-address = 请写地址和端口，例如 127.0.0.1:9464 或 [::1]:9464，也可只写端口
write-sandbox-url = { $error }；写法如 http://127.0.0.1:8080
sandbox-is-local = 沙箱运行在本机，写法如 http://127.0.0.1:8080

init-wrote =
    已生成 { $campaign } 和 { $audience }
    演练（不会真正发券）：
    {"  "}{ $command }
init-exists = { $path } 已存在；没有写入任何文件
init-another-directory = 请指定其他目录：`runner init DIR`
init-writable-directory = 请指定一个你有写权限的目录：`runner init DIR`

cannot-make-man = 无法生成手册页
man-wrote = 已把 { $n } 个手册页写入 { $path }
cannot-start-threads = 无法启动线程

ask-about-to-send = 即将发放
ask-coupons = 券
# $coupons (number)
ask-coupons-worth = { $coupons } 张，最多共 { $worth }
ask-worth = 最多共 { $worth }
ask-campaign = 任务
ask-app = 小程序
ask-platform = 平台
ask-ledger = 账本
ask-app-activity = { $app_id }，活动 { $activity_id }
ask-new-ledger-at = 新账本，位于 { $path }
ask-existing-ledger-in = 已有账本，位于 { $path }
ask-campaign-title = { $campaign }（{ $title }）
ask-other-activity = 活动与上次执行时不同；{ $held }
ask-go-on = 已发放的券无法收回。是否继续？[y/N]{" "}
ask-go-on-with-all = 已发放的券无法收回。是否全部继续？[y/N]{" "}
ask-new-ledger = { $app_id }，活动 { $activity_id }，新账本
ask-existing-ledger = { $app_id }，活动 { $activity_id }，已有账本
ask-new-ledger-of-platform = { $app_id }，活动 { $activity_id }，新账本，{ $platform }
ask-existing-ledger-of-platform = { $app_id }，活动 { $activity_id }，已有账本，{ $platform }
ask-sum = { $campaigns } 个任务共 { $n } 张券
ask-sum-at-platform = { $campaigns } 个任务共 { $n } 张券，平台为 { $platform }
declined = 未发放任何券，也未作任何改动
declined-several = 对所询问的任务，未发放任何券，也未作任何改动
no-question = 没有可供询问的终端：以任务文件为准，不经询问直接发放
validate-usable = { $path }：{ $app_id } 的任务 { $campaign } 可以使用
validate-server = { $path }：可供 { $address } 上的服务使用，{ $users ->
        [0] 没有用户
       *[other] { $users } 个用户
    }，{ $tokens ->
        [0] 没有令牌
       *[other] { $tokens } 个令牌
    }
validate-one-file = 该文件有 { $n } 处错误；`runner explain { $code }` 说明第一处
validate-several-files = { $files } 个文件中有 { $unusable } 个存在错误，共 { $n } 处；`runner explain { $code }` 说明第一处

# Messages to channels.
no-channel = { $path } 没有指定通知渠道
no-channel-help = 请在文件中添加 `notify:`；写法见 docs/zh-CN/notify.md
test-sent = 测试消息已送达
test-verdict = { $verdict ->
    [sent] 已送达
    [throttled] 请放慢
    [unknown] 未知
   *[refused] 被拒绝
}
test-help = 帮助：{ $help }
# $seconds (number)
last-messages = 正在发送最后的消息，最多等待 { $seconds } 秒；按 ^C 结束等待
messages-not-awaited = 没有等待最后的消息发完；下次执行任务时会发送它的中止或结束消息
message-kept = 发给 { $channel } 的最后一条消息没有送达；下次执行这个任务时会发送
message-lost = 发给 { $channel } 的最后一条消息没有送达
