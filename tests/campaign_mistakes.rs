//! Every mistake that a campaign file can have, with the exact text that a person reads, in both languages.

use std::path::Path;

use runner::Language;
use runner::campaign::{parse, parse_server, render_human};

/// A file without mistakes, which each case changes.
const GOOD: &str = "\
version: 1
campaign: summer-2026
title: 夏日立减券
app_id: ttec789ac573xxxxxx01
activity_id: 7218071234565644204
audience:
  source:
    csv: {path: audience.csv, open_id: open_id}
";

/// The messages about a file.
fn said(bytes: &[u8]) -> String {
    let found = match parse(Path::new("campaigns/c.yaml"), bytes) {
        Ok(parsed) if parsed.warnings.is_empty() => return "no mistakes\n".into(),
        Ok(parsed) => parsed.warnings,
        Err(found) => found,
    };
    render_human(&found, false)
}

/// The good file followed by `more`.
fn with(more: &str) -> String {
    said(format!("{GOOD}{more}").as_bytes())
}

/// The good file with one text replaced.
fn but(old: &str, new: &str) -> String {
    assert!(GOOD.contains(old), "{old:?} is no part of the good file");
    said(GOOD.replace(old, new).as_bytes())
}

/// The good file with another source.
fn source(source: &str) -> String {
    but("csv: {path: audience.csv, open_id: open_id}", source)
}

/// The messages about the file of a service that begins with its version and goes on with `more`.
fn server(more: &str) -> String {
    let found = match parse_server(Path::new("server.yaml"), format!("version: 1\n{more}").as_bytes()) {
        Ok(parsed) if parsed.warnings.is_empty() => return "no mistakes\n".into(),
        Ok(parsed) => parsed.warnings,
        Err(found) => found,
    };
    render_human(&found, false)
}

const HASH: &str = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

/// An author, two approvers and an admin.
const APPROVERS: &str = "users:\n  - {name: li, password: {env: A}, roles: [author]}\n  \
    - {name: wang, password: {env: A}, roles: [approver]}\n  - {name: zhao, password: {env: A}, roles: [approver]}\n  \
    - {name: qian, password: {env: A}, roles: [admin]}\ngroups: {finance: [wang, zhao, li], audit: [li]}\n";

/// One snapshot of several cases, and one of the same cases in Chinese.
macro_rules! cases {
    ($($name:ident: $($case:expr),+ $(,)?;)+) => {
        $(
            #[test]
            fn $name() {
                let said = [$($case),+].join("----\n");
                insta::assert_snapshot!(said);
            }
        )+

        #[test]
        fn every_mistake_is_told_in_chinese() {
            $(
                let said = Language::Chinese.scope(|| [$($case),+].join("----\n"));
                insta::assert_snapshot!(concat!("chinese_", stringify!($name)), said);
            )+
        }
    };
}

cases! {
    the_good_file: with("");
    the_file_of_a_service:
        server(&format!(
            "listen: 0.0.0.0:7878\nurl: https://coupons.example.com\ntimezone: Asia/Shanghai\nusers:\n  \
             - {{name: li, password: {{env: LI}}, roles: [author]}}\n  \
             - {{name: 王, password: {{file: w.hash}}, roles: [approver, operator]}}\n\
             groups: {{finance: [王]}}\ntokens: [{{name: ci, hash: \"{HASH}\", roles: [author]}}]\n"
        )),
        server("user:\n"),
        server("--- \nversion: 1\n"),
        server("listen: localhost:80\nurl: http://coupons.example.com\n"),
        server("listen: 8080\nurl: https://li:hunter2@coupons.example.com/runner\n"),
        server("listen: coupons\nurl: https://coupons.example.com/runner\n"),
        server("listen: 0.0.0.0:7878\n"),
        server("url: http://127.0.0.1:7878\ntls: {cert: cert.pem}\n"),
        server("url: http://127.0.0.1:7878\ntls: {cert: cert.pem, key: key.pem}\n"),
        server("listen: 0.0.0.0:7878\nusers: [{name: li, password: {env: LI}, roles: [admin]}]\n"),
        server("users:\n  - {name: li, pasword: hunter2, roles: [author]}\n  - {name: li, password: hunter2, roles: []}\n"),
        server("users:\n  - {name: li x, password: {env: LI}, roles: [autor, boss]}\n  - {name: li, password: {env: A}, roles: author}\n"),
        server("users:\n  - {name: li, password: {env: A}, roles: [author]}\n  - {name: li, password: {env: A}, roles: [author]}\n  - {name: wu, roles: [viewer]}\n"),
        server("users: [{name: li, password: {env: A}, roles: [author]}]\ngroups:\n  finance: [lii, wang]\n  ops: []\n  \"a b\": [li]\n"),
        server("users: li\ngroups: [li]\ntokens: {name: ci}\n"),
        server("notify:\n  - feishu: https://open.feishu.cn/hook/hunter2\n  - wecom: {url: {env: HOOK}}\n    on: [halt]\n"),
        server("retain: 400\n"),
        server("retain: 12h\n"),
        server("tokens:\n  - {name: ci, hash: hunter2, roles: [author]}\n  - {name: cd, token: hunter2, roles: [author]}\n"),
        server(&format!(
            "users: [{{name: li, password: {{env: A}}, roles: [author]}}]\ntokens: [{{name: li, hash: \"{HASH}\", roles: [author]}}]\n"
        ));
    policy:
        server(&format!("{APPROVERS}policy:\n  default: {{approvals: 1}}\n  rules:\n    \
             - {{name: large, when: {{worth_over: 100000 CNY}}, need: {{approvals: 2, from: [finance]}}}}\n    \
             - {{name: night, when: {{sends_outside: \"mon-fri 09:00-21:00\", app: \"tt*\"}}, need: again}}\n    \
             - {{name: dear, when: {{worth_per_user_over: 50 CNY}}, deny: true}}\n  expires: 48h\n")),
        server("policy: 2\n"),
        server(&format!("{APPROVERS}policy:\n  defaults: {{approvals: 1}}\n  default: {{approvals: none, form: [finance]}}\n  expires: 2 days\n")),
        server(&format!("{APPROVERS}policy:\n  rules:\n    - {{name: a, when: {{worth: 5}}, need: agian}}\n    \
             - {{name: b, when: {{worth_over: 100000, audience_grew: 0.05, sends_outside: 9-21}}, need: {{approval: 2}}}}\n    \
             - {{when: {{}}, need: {{}}}}\n    - {{name: c, when: {{coupons_over: 10}}}}\n    \
             - {{name: d, when: {{coupons_over: 10}}, need: again, deny: true}}\n    \
             - {{name: e, when: {{new_app: yes}}, deny: false}}\n    - {{name: f, when: {{campaign: []}}, deny: true}}\n")),
        server(&format!("{APPROVERS}policy:\n  default: {{approvals: 3, from: [finanse]}}\n  rules:\n    \
             - {{name: a, when: {{coupons_over: 10}}, need: {{approvals: 3, from: [finance]}}}}\n    \
             - {{name: a, when: {{coupons_over: 20}}, need: {{from: [audit]}}}}\n")),
        server("policy: {default: {approvals: 2}}\n");
    names_that_look_alike:
        but("summer-2026", "summеr-2026"),
        but("summer-2026", "summer\u{fe0f}-2026"),
        but("summer-2026", "奶茶\u{ff12}"),
        but("summer-2026", "奶茶vip"),
        source("csv: {path: audienсe.csv, open_id: \"open\u{200b}_id\", last_active: ｓeen}"),
        source("parquet: {path: 会员list.parquet, open_id: 用户id}");
    unknown_keys:
        with("shedule:\n  start: 2026-06-01T10:00\n"),
        with("retry:\n  attempt: 6\n  firstDelay: 1s\n  colour: red\n"),
        with("codes: {29005099: refused}\n夏日: 1\n");
    money:
        with("coupon_value: 10\n"),
        with("coupon_value: 10元\nmax_worth: 3万\n"),
        with("coupon_value: 10 USD\nmax_worth: ten\n"),
        with("coupon_value: 1.005 CNY\nmax_worth: 0 CNY\n"),
        with("coupon_value: -1 CNY\nmax_worth: 99999999999999 CNY\n"),
        with("coupon_value: [10]\nmax_worth: \n"),
        with("coupon_value: 10 CNY\nmax_worth: 0.50 CNY\n");
    full_width:
        but("campaign: ", "campaign： "),
        but("campaign: ", "campaign:\u{3000}"),
        but("version: 1", "version： 1"),
        but("audience:\n", "audience：\n"),
        but("source:\n", "source：\n"),
        but("csv: {", "csv： {"),
        but("path: a", "path： a"),
        but("audience.csv, ", "audience.csv，"),
        but("csv: {", "csv: ｛"),
        but("7218071234565644204", "７２１８０７１２３４５６５６４４２０４"),
        but("7218071234565644204", "“7218071234565644204”"),
        with("pace: {per_second: ９８}\nretry: {timeout: １０s, attempts: ６}\nschedule: {start: 2026-06-01T10：00, waves: [{share: ５％, wait: 1h}]}\n"),
        with("pace:\n\u{3000}\u{3000}per_second: 98\n"),
        with("schedule:\n  hours: [“mon-fri 10:00-21:00”]\n"),
        with("titles： 夏日\n"),
        with("pace:\n  per_second：98\n"),
        with("pace: {per_second：98， max_in_flight：4}\n"),
        with("pace: {per_second: 98} ＃ 注释\n"),
        with("pace:\n  per_second: 98 ＃ 注释\n"),
        with("＃ 注释\npace: {per_second: 98}\n"),
        with("schedule:\n  closed:\n    － 2026-06-03\n    － 2026-06-04\n"),
        with("schedule:\n  closed: [2026-06-03、2026-06-04]\n"),
        with("schedule:\n  closed: [\"2026-06-03\"，\"2026-06-04\"]\n"),
        with("schedule:\n  closed: ［2026-06-03］\n"),
        but("source:\n", "exclude:\n    － csv: {path: a.csv, open_id: a}\n  source:\n"),
        but("source:\n", "exclude:\n    -\u{3000}csv: {path: a.csv, open_id: a}\n  source:\n"),
        but("version: 1", "version: １"),
        but("campaign: summer-2026", "campaign: ‘summer-2026’"),
        but("summer-2026", "summer-2026\u{3000}"),
        with("retry:\n  timeout： 10s\n"),
        with("timezone: “Asia/Shanghai”\ncodes: {２９００５０９９: refuse, 29005098： hold}\n"),
        source("csv: {path: “audience.csv”, open_id: ‘open_id’, encoding: “utf-8”}"),
        source("csv: {path: audience.csv\u{3000}, open_id: open_id}"),
        source("csv:\n      path： audience.csv\n      open_id: open_id");
    missing_keys:
        said(b"title: x\n"),
        but("path: audience.csv, ", "");
    repeated_keys:
        with("campaign: other\n"),
        with("pace: {per_second: 1, per_second: 2}\n"),
        with("codes:\n  29005099: refuse\n  29005099: hold\n");
    waves:
        with("schedule:\n  waves:\n    - {share: 1%, wait: 30m}\n    - {share: 10%, wait: 1h, halt_if_not_issued: 30%}\n    - {share: 100%, wait: 0s}\n"),
        with("schedule:\n  waves: {share: 1%, wait: 30m}\n"),
        with("schedule:\n  waves: [1%, 10%]\n"),
        with("schedule:\n  waves:\n    - {share: 10%}\n    - {wait: 30m}\n    - {share: 10%, wait: 30, halt_if_not_issued: 0.3}\n    - {share: 5%, wait: 1h}\n    - {share: 0.5, waits: 1h}\n"),
        with("schedule:\n  waves:\n    - {share: 0%, wait: 30m}\n    - {share: 101%, wait: 60d}\n"),
        narrow(&with(&format!("schedule:\n  waves: [{}]\n", each(101, |n| format!("{{share: 0.{n}%, wait: 1m}}, ")))));
    hours:
        with("schedule:\n  hours: [\"mon-fri 10:00-21:00\", \"sat-mon,wed 22:00-02:00\", \"sun 00:00-24:00\"]\n  closed: [2026-06-03]\n"),
        with("schedule:\n  hours: mon-fri 10:00-21:00\n  closed: 2026-06-03\n"),
        with("schedule:\n  hours: []\n  closed: []\n"),
        with("schedule:\n  hours:\n  closed:\n    -\n"),
        with("schedule:\n  hours: [Mon-Fri 10-21, mom 10:00-21:00, 周末 10：00-12：00, fri 10:00-10:00, sat 24:00-25:00, someday]\n"),
        with("schedule:\n  hours: [10:00-21:00, weekdays 9am-5pm, {mon: 10:00}, \"\"]\n"),
        with("schedule:\n  closed: [2026-6-3, 2026/06/03, 3.6.2026, 2026-02-30, 2026-06-03T00:00, tomorrow, [2026-06-03]]\n"),
        with("schedule:\n  start: 2026-06-01T10:00\n  end: 2026-06-03T10:00\n  closed: [2026-06-01, 2026-06-02, 2026-06-03]\n"),
        with("schedule:\n  start: 2026-06-01T10:00\n  end: 2026-06-03T10:00\n  hours: [fri 10:00-12:00]\n"),
        with("schedule:\n  start: 2026-06-01T10:00\n  end: 2026-06-03T10:00\n  hours: [wed 09:59-12:00]\n"),
        with("schedule:\n  start: 2026-06-01T10:00\n  end: 2026-06-03T10:00\n  closed: [2026-06-01, tomorrow, 2026-06-02]\n  hours: [wed 10:00-12:00]\n");
    repeat:
        with("repeat: {every: week, on: [mon, thu], at: \"10:00\", until: 2026-12-31, missed: once}\n"),
        with("repeat: {every: month, on: [1, 15, last], at: 10:00}\n"),
        with("repeat: {every: day, at: 10:00}\n"),
        with("repeat: weekly\n"),
        with("repeat:\n  every: weekly\n  on: [Monday, 周三, 3rd, 32, 0, -1, [mon], {mon: 1}, someday, lst]\n  at: 10点\n  until: 2026-6-30\n  missed: twice\n  from: 2026-06-01\n"),
        with("repeat: {every: week}\n"),
        with("repeat: {every: month, at: 24:00}\n"),
        with("repeat: {every: week, on: [mon, 1, last], at: 9:00}\n"),
        with("repeat: {every: month, on: [1, mon], at: \"9am\"}\n"),
        with("repeat: {every: day, on: [mon], at: 10:00:00}\n"),
        with("repeat: {every: week, on: [], at: \"\"}\n"),
        with("repeat: {every: week, on: mon, at: [10:00], until: never}\n"),
        with("schedule: {start: 2026-07-01T00:00}\nrepeat: {every: week, on: [mon], at: 10:00, until: 2026-06-30}\n"),
        with("schedule: {end: 2026-06-08T10:00, start: 2026-06-01T10:01}\nrepeat: {every: week, on: [mon], at: 10:00}\n"),
        with("timezone: Asia/Beijing\nschedule: {start: 2026-07-01}\nrepeat: {every: week, on: [mon], at: 10:00, until: 2026-06-30}\n"),
        but("summer-2026", "summer@2026-06-01");
    exclude:
        but("source:\n", "exclude: opted-out.csv\n  source:\n"),
        but("source:\n", "exclude:\n    - opted-out.csv\n    - {csv: {path: a.csv}}\n    - {campaign: a.yaml, csv: {path: a.csv, open_id: a}}\n    - {campaign: [a.yaml]}\n    -\n  source:\n"),
        but("source:\n", "exclude: []\n  source:\n");
    activity:
        but("source:\n", "active_within: 7d\n  source:\n"),
        but("source:\n", "order: expiring_first\n  source:\n"),
        but("source:\n", "order: expiring_last\n  active_within: 7\n  source:\n"),
        but("source:\n    csv: {path: audience.csv, open_id: open_id}", "active_within: 1s\n  source:\n    csv: {path: audience.csv, open_id: open_id, last_active: seen}"),
        but("source:\n    csv: {path: audience.csv, open_id: open_id}", "active_within: 7d\n  order: expiring_first\n  source:\n    csv: {path: audience.csv, open_id: open_id, last_active: seen}");
    control_group:
        but("source:\n", "control_group: 100%\n  source:\n"),
        but("source:\n", "control_group: -5%\n  source:\n"),
        but("source:\n", "control_group: 0.05\n  source:\n"),
        but("source:\n", "control_group: 0%\n  source:\n");
    wrong_types:
        with("retry: 6\npace: [98]\nhalt:\ncodes: refuse\n"),
        with("timezone: [Asia/Shanghai]\nmax_coupons: {}\ncoupons_per_user: \"2\"\nretry:\n  timeout:\n"),
        but("  source:\n    csv: {path: audience.csv, open_id: open_id}\n", "  source: audience.csv\n  allow_empty: yes\n"),
        said(b"- version: 1\n"),
        said(b"summer\n"),
        with("[1, 2]: 3\n");
    sources:
        but("open_id: open_id}", "open_id: open_id}\n    stdin: {format: csv}"),
        but("\n    csv: {path: audience.csv, open_id: open_id}", " {}"),
        source("jsonl: {path: [], open_ids: user.open_id, last_active: }"),
        source("parquet: {path: part.parquet, encoding: utf-8}\n    jsonl: {}"),
        source("sqlite: {path: members.db, sql: select 1}"),
        source("stdin: {format: json, open_id: id, delimiter: '|'}"),
        source("stdin: {format: jsonl, open_id: id, encoding: utf-8}"),
        source("exel: {path: a.xlsx, open_id: id}"),
        source("stdin: {format: csv, open_id: id}\n  exclude: [stdin: {format: csv, open_id: id}]");
    servers:
        source("postgres: {url: {env: AUDIENCE_URL}}"),
        source("postgres: {url: 'postgres://u:secret@db/x', query: select 1}"),
        source("mysql: 'mysql://db/x?password=secret'"),
        source("postgresql: {url: {env: AUDIENCE_URL}, query: select 1}"),
        source("mysql: {url: {env: 'mysql://u:secret@db/x'}, query: '', open_id: []}"),
        source("mysql: {uri: 'mysql://u:secret@db/x', query: select 1}"),
        but("\n    csv: {path: audience.csv, open_id: open_id}", " 'mysql://db/x?password=secret'");
    numbers:
        with("retry: {attempts: -1}\npace: {per_second: -5, per_day: 0, max_in_flight: 0}\nmax_coupons: 0\n"),
        with("retry: {attempts: six}\npace: {per_second: .nan, max_in_flight: 2000}\nmax_coupons: 100,000\n"),
        with("retry: {attempts: 6.0}\npace: {per_second: .inf}\nmax_coupons: 99999999999999999999999999\n"),
        with("retry: {attempts: 1e3}\npace: {per_second: 1e999}\ncoupons_per_user: 010\nmax_coupons: 10万\n"),
        with("pace: {per_second: 0, max_in_flight: 0x10}\nhalt: {same_code: NaN}\n"),
        with("pace: {per_second: 98/s}\n"),
        with("pace: {per_second: 60 per minute}\n"),
        with("pace: {per_second: \"98\"}\n"),
        with("pace: {per_second: 1000000}\n"),
        with("pace: {per_second: 120}\n");
    durations:
        with("retry: {first_delay: 500, max_delay: 1.5h, timeout: 10 seconds, give_up: half a day}\n"),
        with("retry: {first_delay: -1s, max_delay: 1h30m, timeout: PT10S, give_up: 1w}\n"),
        with("retry: {first_delay: 0s, max_delay: 99999999999999999999999d, timeout: 2MIN, give_up: 05h}\n");
    shares:
        but("  source:\n", "  max_unusable: 0.01\n  source:\n"),
        with("halt:\n  refused: {over: 150%, after: 200}\n  held: {over: -5%, after: 0}\n"),
        with("halt:\n  refused: {over: 50 percent, after: 1.5}\n  held: {over: much, after: many}\n"),
        with("halt:\n  refused: {over: 50}\n");
    zones:
        with("timezone: Beijing\n"),
        with("timezone: asia/shanghai\n"),
        with("timezone: Asia/Shangai\n"),
        with("timezone: Berlin\n"),
        with("timezone: Mars/Olympus\nschedule: {start: 2026-06-01T10:00, end: tomorrow}\n"),
        with("timezone: \"\"\n");
    times:
        with("schedule: {start: 2026-06-01 10:00, end: 2026-06-07}\n"),
        with("schedule: {start: 2026-02-30T10:00, end: 2026-06-07T24:00}\n"),
        with("schedule: {start: 2026-06-01T10:00+08:00, end: 2026-06-07T14:00Z}\n"),
        with("schedule: {start: tomorrow, end: 1.6.2026 10:00}\n"),
        with("schedule: {start: 2026-6-1T9:5, end: 2026-06-01T23:59:60}\n"),
        with("timezone: Europe/Berlin\nschedule: {start: 2026-03-29T02:30}\n"),
        with("timezone: Europe/Berlin\nschedule: {start: 2026-10-25T02:30}\n"),
        with("schedule:\n  start: 2026-06-07T22:00\n  end: 2026-06-01T10:00\n"),
        with("schedule: {start: 2026-06-07T22:00, end: 2026-06-07T22:00}\n");
    words:
        with("retry: {in_doubt: reseend}\ncodes: {29005099: refused, 29005098: skip, abc: hold, 0: hold, 1.5: hold}\n"),
        but("open_id: open_id", "open_id: open_id, encoding: UTF8, delimiter: '|'");
    names:
        but("summer-2026", "Summer 2026"),
        but("summer-2026", "cafe\u{301}"),
        but("summer-2026", &"很".repeat(30)),
        but("ttec789ac573xxxxxx01", "tt ec"),
        but("7218071234565644204", "721807xxxxxx5644204"),
        but("7218071234565644204", "7.218e18"),
        but("title: 夏日立减券", "title:");
    urls:
        with("platform: {base_url: http://open.douyin.com}\n"),
        with("platform: {base_url: open.douyin.com}\n"),
        with("platform: {base_url: ftp://open.douyin.com}\n"),
        with("platform: {base_url: 'https://open.douyin.com/?a=1'}\n"),
        with("platform: {base_url: https://me:hunter2@open.douyin.com}\n"),
        with("platform: {base_url: http://127.0.0.1.evil.example:8080}\n"),
        with("platform: {base_url: http://127.0.0.1:8080/}\n"),
        with("platform: {base_url: 'http://[::1]:8080'}\n"),
        with("platform: {base_url: http://localhost}\n");
    credentials:
        with("credentials:\n  client_key: {env: KEY}\n"),
        with("credentials:\n  client_secret: {file: /run/secrets/douyin}\n"),
        with("credentials:\n  client_key: {env: KEY}\n  client_secret: {env: SECRET}\n  access_token: {env: TOKEN}\n"),
        with("credentials: {}\n"),
        with("credentials:\n"),
        with("credentials:\n  access_token: {env: TOKEN, file: token.txt}\n"),
        with("credentials:\n  access_token: {}\n"),
        with("credentials:\n  access_token:\n");
    channels:
        with("notify: https://open.feishu.cn/open-apis/bot/v2/hook/canary\n"),
        with("notify: [https://open.feishu.cn/open-apis/bot/v2/hook/canary]\n"),
        with("notify:\n  - feishu: https://open.feishu.cn/open-apis/bot/v2/hook/canary\n"),
        with("notify:\n  - feishu: {url: https://open.feishu.cn/open-apis/bot/v2/hook/canary}\n"),
        with("notify:\n  - feishu: {hook: https://open.feishu.cn/canary, secret: canary-12345}\n"),
        with("notify:\n  - fieshu: {url: {env: HOOK}}\n    language: zh\n"),
        with("notify:\n  - slack: {url: https://hooks.slack.com/canary}\n"),
        with("notify:\n  - wecom: {url: {env: HOOK}, secret: {env: SECRET}}\n"),
        with("notify:\n  - wecom: {url: {env: HOOK}}\n    webhook: {url: {env: HOOK}}\n"),
        with("notify:\n  - {}\n  - on: [halted]\n"),
        with("notify:\n  - wecom: {url: {env: HOOK}}\n    on: [halt, finished]\n    language: fr\n"),
        with("notify:\n  - wecom: {url: {env: HOOK}}\n    on: []\n  - feishu: {url: {env: HOOK}}\n    on: halted\n"),
        with(&format!("notify:\n{}", each(21, |_| "  - wecom: {url: {env: HOOK}}\n".to_owned()))),
        with("notify:\n"),
        with("notify: []\n");
    contradictions:
        with("retry: {first_delay: 30s, max_delay: 10s}\n"),
        with("retry: {first_delay: 5m}\n");
    syntax:
        with("schedule:\n\tstart: 2026-06-01T10:00\n"),
        with("schedule:\n  start: 2026-06-01T10:00\n \tend: 2026-06-07T10:00\n"),
        with("pace: {per_second: 98\n"),
        with("codes: {1: hold]\n"),
        with("retry:\n  attempts: 6\n   timeout: 10s\n"),
        but("title: 夏日立减券", "title: 夏日: 立减券"),
        but("title: 夏日立减券", "title: \"夏日"),
        but("title: 夏日立减券", "title: @夏日"),
        but("title: 夏日立减券", "title: *summer"),
        but("title: 夏日立减券", "title: 'a' b"),
        but("title: 夏日立减券", "title: \"\\q\""),
        but("title: 夏日立减券", "title: !!str 夏日"),
        with("---\nversion: 1\n"),
        with("base: &base {per_second: 1}\npace:\n  <<: *base\n"),
        with("just a line\n");
    empty_files:
        said(b""),
        said(b"\n\n# nothing\n"),
        said(b"---\n");
    no_text:
        said(b"\x7fELF\x02\x01\x01\x00\x00"),
        said(b"version: 1\ntitle: \xcf\xc4\xc8\xd5\n"),
        said(b"\xff\xfev\0e\0r\0"),
        said(b"version: 1\ntitle: \x1b[31mred\n");
    deep:
        said("[".repeat(20_000).as_bytes()),
        said("{a: ".repeat(20_000).as_bytes()),
        said("- ".repeat(20_000).as_bytes()),
        said(each(1000, |n| format!("{}a:\n", " ".repeat(n))).as_bytes()),
        said(nested(65).as_bytes()),
        said(nested(64).as_bytes());
    aliases:
        with(&bomb()),
        with("retry: &r [*r]\n"),
        with("x: &s 5\ncoupons_per_user: *s\n");
    large:
        said("# padding\n".repeat(220_000).as_bytes()),
        said(format!("codes: {{{}}}", each(30_000, |n| format!("{n}: hold, "))).as_bytes());
    many_mistakes: shortened(&with(&each(5000, |n| format!("key{n}: 1\n"))));
    long_lines: with(&format!("title{}: 1\n", "长".repeat(300)));
}

fn each(count: usize, piece: impl Fn(usize) -> String) -> String {
    (0..count).map(piece).collect::<Vec<_>>().concat()
}

/// A list nested `depth` levels deep.
fn nested(depth: usize) -> String {
    format!("{}1{}\n", "[".repeat(depth), "]".repeat(depth))
}

/// Ten levels, each ten times the one before: ten thousand million values in ten lines.
fn bomb() -> String {
    each(10, |n| {
        let last = if n == 0 { "x, ".into() } else { format!("*a{}, ", n - 1) };
        format!("a{n}: &a{n} [{}]\n", last.repeat(10))
    })
}

fn shortened(text: &str) -> String {
    let lines: Vec<_> = text.lines().collect();
    let first = &lines[..12];
    let last = &lines[lines.len() - 10..];
    [first, &["…"], last].concat().join("\n")
}

/// The start of each line.
fn narrow(text: &str) -> String {
    let lines = text
        .lines()
        .map(|line| line.chars().take(60).collect::<String>() + "\n");
    lines.collect()
}
