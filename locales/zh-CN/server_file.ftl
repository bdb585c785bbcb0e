## Where the service listens

want-address = 带端口的地址，例如 `127.0.0.1:7878`
address = 带端口的地址
want-origin = 网址，例如 `https://coupons.example.com`
origin = 网址
origin-clear = 用 http 时，途中的任何人都能看到密码
want-certificate = 证书文件的路径，例如 `secrets/cert.pem`
want-private-key = 证书私钥文件的路径，例如 `secrets/key.pem`
tls-with-http = `url` 以 http 开头，而服务会用 `tls` 下的证书加密请求
tls-with-http-help = 在 `url` 中写 `https`，或删去 `tls`
origin-path = 服务的页面位于主机的根路径，因此这里只写主机和端口
open-without-users = 其他机器可以访问这个地址，但没有设置用户
open-without-users-help = 请添加 `users`，或者监听本机地址，例如 `127.0.0.1:7878`
open-without-url = 其他机器可以访问这个地址，但没有 `url` 表明请求经过加密
open-without-url-help = 请用 `tls` 下的证书让服务加密请求，或者用代理加密，并添加 `url: https://HOST`

## Users, groups and tokens

want-name = 名称，例如 `li`
name = 名称
users = 用户列表
users-help = 请每行写一个用户，例如 `- { "{" }name: li, password: { "{" }file: secrets/li.hash{ "}" }, roles: [author]{ "}" }`
roles = { $roles } 的列表
roles-help = 请列出一个或多个角色，例如 `[author, operator]`
no-role = `{ $path }` 没有角色
repeated-name = `{ $path }` 的名称 { $name } 已被使用
repeated-name-help = 第一个在第 { $line } 行：请使用不同的名称
no-password = 用户 { $name } 没有密码
no-password-help = 请添加 `password: { "{" }file: secrets/{ $name }.hash{ "}" }`；文件内容由 `runner serve --hash-password` 生成
groups = 组名和用户列表
groups-help = 请写组名和用户列表，例如 `finance: [wang, li]`
no-member = `{ $path }` 没有用户
unknown-member = `{ $path }` 中的 { $name } 不是已有的用户
unknown-member-help = 请在 `users` 下添加这个用户，或者在这里删去它
tokens = 令牌列表
tokens-help = 请每行写一个令牌，例如 `- { "{" }name: ci, hash: "sha256:…", roles: [author]{ "}" }`
want-hash = 令牌的哈希值，由 `runner serve --new-token` 生成
hash = `sha256:` 加 64 位数字
not-a-hash = `{ $path }` 不是令牌的哈希值；令牌本身不能写在这个文件中
not-a-hash-help = `runner serve --new-token` 会生成新的令牌及其哈希值；如果这里写的是真实令牌，请更换它
token-of-user-help = 请给令牌另起一个名称
token-of-user = 令牌与用户 { $name } 同名，日志无法区分它们
want-header = 专用请求头的名称，例如 `X-Auth-User`
header = 请求头的名称
