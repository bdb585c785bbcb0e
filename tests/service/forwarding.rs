//! A service of a fleet that does not have the campaigns: it forwards requests to the one that does. Both are on one database. Without
//! a server the tests are skipped with a message; with `RUNNER_TEST_DATABASES=required` they fail.

use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::IpAddr;
use std::process::Output;

use runner::service::accounts::digest;
use serde_json::Value;

use crate::client::{Answer, Directory, PASSWORD, Service, WaitingService, field};
use crate::database::{TestDatabase, directory, everybody_has_one, until, variables};
use crate::fake_platform::FakePlatform;

const EVERYTHING: &str = "support, author, operator, approver, admin";
const TOKEN: &str = "runner_0123456789abcdef";
/// The addresses of clients. The services call each other from 127.0.0.1.
const BROWSER: [u8; 4] = [127, 0, 0, 2];
const GUESSER: [u8; 4] = [127, 0, 0, 3];

/// Two services with the same users and the same program. The first has the campaigns.
struct Pair {
    platform: FakePlatform,
    owner: Service,
    standby: WaitingService,
    /// The directories of both.
    directories: [Directory; 2],
    _database: TestDatabase,
}

impl Pair {
    /// `None` without a server. Each campaign has this many users.
    fn start(names: &[&str], users: usize) -> Option<Self> {
        let database = TestDatabase::create()?;
        let platform = FakePlatform::start(&["--refuse", "0%", "--latency", "30ms"]);
        let directories = [(); 2].map(|()| directory(&platform, names, users));
        let hash = digest(TOKEN).iter().fold(String::new(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        });
        for directory in &directories {
            directory.write_users(&[("li", EVERYTHING), ("wang", EVERYTHING)]);
            let path = directory.temp.path().join("server.yaml");
            let users = fs::read_to_string(&path).unwrap();
            let tokens = format!("tokens: [{{name: ci, hash: \"sha256:{hash}\", roles: [{EVERYTHING}]}}]\n");
            fs::write(path, users + &tokens).unwrap();
        }
        let variables = variables(&platform, &database.url());
        let mut owner = directories[0].serve_with(&[], &variables);
        owner.sign_in("li");
        let mut standby = directories[1].start_waiting(&[], &variables);
        standby.wait_for("/readyz", "requests are forwarded");
        standby.from = IpAddr::from(BROWSER);
        Some(Self {
            platform,
            owner,
            standby,
            directories,
            _database: database,
        })
    }

    /// The records of the log that have this text.
    fn audit(&self, text: &str) -> Vec<Value> {
        let lines = self.owner.get(&format!("/audit.jsonl?text={text}")).body;
        lines
            .lines()
            .filter_map(|line| serde_json::from_str(line).ok())
            .collect()
    }

    /// Runs a command that goes to the service that waits.
    fn command(&self, args: &[&str]) -> Output {
        self.directories[1]
            .runner(args)
            .env("RUNNER_SERVER", format!("http://{}", self.standby.host))
            .env("RUNNER_TOKEN", TOKEN)
            .output()
            .unwrap()
    }
}

/// Sends an act as a program does.
fn act(service: &Service, path: &str, key: &str) -> Answer {
    let host = &service.host;
    service.raw(
        format!(
            "POST /api/v1{path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nAuthorization: Bearer {TOKEN}\r\n\
             Idempotency-Key: {key}\r\nContent-Length: 0\r\n\r\n"
        )
        .as_bytes(),
    )
}

/// Where the records of the log say that a person has signed in from.
fn signed_in_from(records: &[Value]) -> Vec<&str> {
    let signed_in = records.iter().filter(|record| record["record"] == "signed_in");
    signed_in.filter_map(|record| record["who"]["from"].as_str()).collect()
}

#[test]
fn a_service_that_waits_serves_the_pages_and_the_api_of_the_one_that_has_the_campaigns() {
    let Some(mut pair) = Pair::start(&["tea"], 400) else {
        return;
    };
    assert_eq!(pair.standby.get("/").status, 401);
    pair.standby.sign_in("wang");
    assert_eq!(
        signed_in_from(&pair.audit("wang")),
        ["127.0.0.2"],
        "{:?}",
        pair.audit("wang")
    );
    let stream = pair.standby.watch("campaign:tea.yaml");
    let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
    let event = lines.find(|line| line.starts_with("data: ")).unwrap();
    assert!(event.contains("\"sequence\":"), "{event}");
    pair.standby.approve("tea");
    pair.standby.wait_for_state("tea", "sending");
    assert!(
        lines.any(|line| line.contains("sending")),
        "the stream goes on while the campaign changes"
    );
    // An act of a program, whose answer is kept by the owner.
    let paused = act(&pair.standby, "/campaigns/tea.yaml/pause", "812");
    assert_eq!(paused.status, 200, "{}", paused.body);
    assert_eq!(act(&pair.standby, "/campaigns/tea.yaml/pause", "812").body, paused.body);
    assert_eq!(act(&pair.owner, "/campaigns/tea.yaml/pause", "812").body, paused.body);
    pair.standby.wait_for_state("tea", "paused");
    let pauses: Vec<_> = pair
        .audit("ci")
        .into_iter()
        .filter(|record| record["act"] == "pause")
        .collect();
    assert_eq!(pauses.len(), 1, "{pauses:?}");
    assert_eq!(pauses[0]["who"]["from"], "127.0.0.2");
    // Commands from another machine.
    let status = pair.command(&["status", "tea.yaml", "--output", "json"]);
    let status = String::from_utf8(status.stdout).unwrap();
    assert!(status.contains("\"campaign\":\"tea\""), "{status}");
    assert_eq!(pair.command(&["resume", "tea.yaml"]).status.code(), Some(0));
    // What is about this process is not forwarded.
    assert_eq!(pair.standby.get("/metrics").body, "");
    assert!(pair.owner.get("/metrics").body.contains("runner_"));
    for path in ["/healthz", "/assets/live.js", "/assets/service.css"] {
        assert_eq!(pair.standby.get(path).status, 200, "{path}");
    }
    pair.standby.wait_for_state("tea", "complete");
    everybody_has_one(&pair.platform, "tea", 400);
    // A link is made where the campaigns are.
    let linked = pair.directories[1].run(&["serve", "campaigns", "--link"]);
    let why = String::from_utf8(linked.stderr).unwrap();
    assert_eq!(linked.status.code(), Some(2), "{why}");
    assert!(why.contains(&format!("process {}", pair.owner.pid())), "{why}");
}

#[test]
fn the_log_and_the_limits_of_sign_ins_are_about_the_browser() {
    let Some(mut pair) = Pair::start(&[], 0) else { return };
    pair.standby.from = IpAddr::from(GUESSER);
    let guess = |service: &Service, at: usize| {
        let form = format!("name=nobody-{at}&password=wrong-{at}");
        service.post("/login", &form).status
    };
    for at in 0..10 {
        assert_eq!(guess(&pair.standby, at), 401);
    }
    assert_eq!(guess(&pair.standby, 10), 429);
    pair.standby.from = IpAddr::from(BROWSER);
    assert_eq!(guess(&pair.standby, 11), 401, "another address has tries of its own");
    // Nobody but a worker says where a request comes from.
    let forged = "Sec-Fetch-Site: same-origin\r\nX-Runner-Forwarded-For: 10.9.9.9:1\r\n";
    let with_secret = format!("{forged}X-Runner-Forwarded-Secret: 0123456789abcdef\r\n");
    let form = format!("name=wang&password={PASSWORD}");
    assert_eq!(pair.standby.post_with("/login", &form, forged).status, 303);
    // A form with a session would end it.
    let session = std::mem::take(&mut pair.owner.cookie);
    pair.owner.from = IpAddr::from(GUESSER);
    for headers in [forged, &with_secret] {
        // The address has no tries left, whatever the headers say.
        assert_eq!(pair.owner.post_with("/login", &form, headers).status, 429);
    }
    pair.owner.from = IpAddr::from([127, 0, 0, 4]);
    assert_eq!(pair.owner.post_with("/login", &form, &with_secret).status, 303);
    pair.owner.cookie = session;
    assert_eq!(signed_in_from(&pair.audit("wang")), ["127.0.0.2", "127.0.0.4"]);
}

#[test]
fn what_a_service_refuses_is_refused_by_one_that_forwards_to_it() {
    let Some(mut pair) = Pair::start(&["tea"], 5) else {
        return;
    };
    pair.standby.sign_in("li");
    pair.standby.wait_for("/", "needs approval");
    let plan = pair.standby.get("/campaigns/tea.yaml/plan").body;
    let form = format!("fingerprint={}", field(&plan, "fingerprint"));
    for headers in [
        "",
        "Sec-Fetch-Site: cross-site\r\n",
        "Origin: http://evil.example\r\n",
        "Origin: null\r\n",
        "Sec-Fetch-Site: same-origin\r\nOrigin: http://evil.example\r\n",
    ] {
        let refused = pair.standby.post_with("/campaigns/tea.yaml/approve", &form, headers);
        assert_eq!(refused.status, 403, "{headers:?}");
    }
    // Each service takes only the names under which it is reached itself, however a request calls itself.
    let names = [
        ("evil.example", &*pair.standby),
        (&pair.standby.host, &pair.owner),
        (&pair.owner.host, &pair.standby),
    ];
    for (name, service) in names {
        for more in [
            "",
            "X-Runner-Forwarded-For: 127.0.0.1:1\r\nX-Runner-Forwarded-Secret: 0123456789abcdef\r\n",
        ] {
            let cookie = &pair.standby.cookie;
            let request =
                format!("GET / HTTP/1.1\r\nHost: {name}\r\nConnection: close\r\nCookie: {cookie}\r\n{more}\r\n");
            let answer = service.raw(request.as_bytes());
            assert_eq!(answer.status, 421, "{request}");
            assert!(!answer.body.contains("tea"), "{}", answer.body);
        }
    }
    let large = "a".repeat(65 * 1024);
    assert_eq!(pair.standby.post("/login", &large).status, 413);
    // A worker that took this one for the owner would forward for ever.
    let twice = pair.standby.post_with(
        "/campaigns/tea.yaml/approve",
        &form,
        "Sec-Fetch-Site: same-origin\r\nX-Runner-Forwarded-Secret: 0123456789abcdef\r\n",
    );
    assert_eq!(twice.status, 503);
    assert!(twice.body.contains("was forwarded here already"), "{}", twice.body);
    let is_approved = || pair.owner.get("/audit").body.contains("approve and apply");
    assert!(!is_approved());
    pair.standby.approve("tea");
    assert!(is_approved());
}

#[test]
fn a_service_that_waits_takes_over_from_the_one_that_it_forwarded_to() {
    let Some(mut pair) = Pair::start(&["tea"], 400) else {
        return;
    };
    pair.standby.sign_in("li");
    pair.standby.approve("tea");
    pair.standby.wait_for_state("tea", "sending");
    let stream = pair.standby.watch("inbox");
    let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
    assert!(lines.any(|line| line.starts_with("data: ")));
    pair.owner.kill();
    assert_eq!(lines.find(|line| line.starts_with("event")), None, "the stream ends");
    // Nobody listens there, which is known at once.
    pair.standby.language = "zh";
    let waits = pair.standby.get("/campaigns");
    assert_eq!(waits.status, 503, "{}", waits.body);
    assert_eq!(waits.header("retry-after"), Some("2"));
    assert!(waits.body.contains("它不接受连接"), "{}", waits.body);
    pair.standby.language = "en";
    let refused = act(&pair.standby, "/campaigns/tea.yaml/pause", "813");
    assert_eq!(refused.status, 503, "{}", refused.body);
    assert!(refused.body.contains("It takes no connections"), "{}", refused.body);
    let command = pair.command(&["pause", "tea.yaml"]);
    let why = String::from_utf8(command.stderr).unwrap();
    assert_eq!(command.status.code(), Some(3), "{why}");
    assert!(why.contains("E0351") && why.contains("nothing was done"), "{why}");
    let Pair { platform, standby, .. } = pair;
    let mut service = standby.serves();
    assert_eq!(
        service.get("/").status,
        401,
        "sessions end with the process that has them"
    );
    service.sign_in("li");
    service.wait_for_state("tea", "complete");
    everybody_has_one(&platform, "tea", 400);
}

#[test]
fn an_act_whose_answer_was_lost_is_not_repeated() {
    let Some(mut pair) = Pair::start(&["tea"], 400) else {
        return;
    };
    pair.standby.sign_in("li");
    pair.standby.approve("tea");
    pair.standby.wait_for_state("tea", "sending");
    pair.owner.suspend(true);
    // The system takes the connection, and nobody answers until this service has fenced the other one.
    let unknown = pair.standby.post("/campaigns/tea.yaml/stop", "");
    assert_eq!(unknown.status, 504, "{}", unknown.body);
    assert!(
        unknown.body.contains("It is not known whether this was done"),
        "{}",
        unknown.body
    );
    let Pair {
        platform,
        owner,
        standby,
        ..
    } = pair;
    let mut service = standby.serves();
    service.sign_in("li");
    service.wait_for_state("tea", "complete");
    everybody_has_one(&platform, "tea", 400);
    // The owner of before reads the act, and is fenced.
    owner.suspend(false);
    until("the first service forwards", || {
        owner.get("/readyz").body.contains("requests are forwarded")
    });
}
