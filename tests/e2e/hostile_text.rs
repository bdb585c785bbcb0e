//! Text of others that commands a terminal, planted wherever a platform, a file, an argument, the environment or another
//! process can put it. No command prints it as it is.

use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use runner::ledger::ledger_dir::LedgerDir;
use runner::ledger::lock::Purpose;
use runner::model::clock::Clock;
use runner::model::event::Owner;
use runner::model::identity::{AppId, CampaignName, Identity, PlatformName};

use crate::scene::RUNNER;
use crate::terminal::open_terminal;

/// What a terminal obeys, or what hides or reorders text. Some are styles that the program writes itself.
const TRICKS: [&str; 15] = [
    "\x1b]0;",
    "\x1b[2J",
    "\x1b[8m",
    "\x1b[31m",
    "\x1b[1m",
    "\x07",
    "\r",
    "\u{7f}",
    "\u{85}",
    "\u{9b}31m",
    "\u{200b}",
    "\u{202e}",
    "\u{2066}",
    "\u{2028}",
    "\u{feff}",
];

/// Each trick, followed by a word that the program never prints.
fn planted() -> String {
    TRICKS.iter().fold("x".to_owned(), |text, trick| text + trick + "PWN")
}

/// The same for a place that ends at a carriage return.
fn planted_in_a_line() -> String {
    planted().replace("\rPWN", "")
}

/// The same as a text in quotes, in YAML and in JSON.
fn quoted() -> String {
    let escaped = |c: char| match c {
        ' '..='~' => c.to_string(),
        c => format!("\\u{:04x}", u32::from(c)),
    };
    format!("\"{}\"", planted().chars().map(escaped).collect::<String>())
}

/// Fails if a trick came through.
fn check(command: &Command, place: &str, bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    for trick in TRICKS {
        let Some(at) = text.find(&format!("{trick}PWN")) else {
            continue;
        };
        let before: String = text[..at].chars().rev().take(120).collect();
        let before: String = before.chars().rev().collect();
        panic!("{trick:?} came through on {place}, after {before:?}: {command:?}");
    }
    // Bytes that are no text came from the program only if it cut a character.
    assert!(!text.contains('\u{fffd}'), "{command:?}: {text:?}");
}

/// A platform whose answers are hostile: a success, a code that nobody knows, and an answer that is no JSON.
fn hostile_platform() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        let mut sends = 0;
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let mut head = String::new();
            while reader.read_line(&mut head).unwrap_or_default() > 2 {}
            let length = head.to_lowercase();
            let length = length
                .split("content-length: ")
                .nth(1)
                .and_then(|rest| rest.lines().next());
            let length: u64 = length.and_then(|length| length.trim().parse().ok()).unwrap_or_default();
            let mut body = Vec::new();
            let _ = reader.take(length).read_to_end(&mut body);
            let hostile = quoted();
            let sends_coupon = head.contains("send_coupon");
            sends += u32::from(sends_coupon);
            let answer = match (sends_coupon, sends) {
                (false, _) => {
                    r#"{"data":{"access_token":"clt.tok","expires_in":7200,"error_code":0,"description":""},"message":"success"}"#
                        .to_owned()
                }
                (true, 1) => {
                    let now = Clock::system().now().as_second();
                    format!(
                        r#"{{"err_no":0,"err_msg":{hostile},"log_id":{hostile},"data":{{"coupon_info":{{"coupon_id":{hostile},"coupon_name":{hostile},"coupon_status":10,"receive_time":{now}}}}}}}"#
                    )
                }
                (true, 2) => format!(r#"{{"err_no":990000001,"err_msg":{hostile},"log_id":{hostile}}}"#),
                (true, 3) => format!("<html>{}</html>", planted()),
                (true, _) => format!(r#"{{"err_no":28001003,"err_msg":{hostile},"log_id":{hostile}}}"#),
            };
            let _ = write!(
                stream,
                "HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{answer}",
                answer.len()
            );
        }
    });
    url
}

struct Hostile {
    folder: PathBuf,
    home: PathBuf,
}

impl Hostile {
    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(RUNNER);
        command
            .args(args)
            .current_dir(&self.folder)
            .env("USER", planted())
            .env("TOKEN", "clt.tok")
            .env("TERM", "xterm-256color")
            .env("XDG_STATE_HOME", &self.home)
            .env_remove("RUNNER_LOG")
            .env_remove("NO_COLOR")
            .stdin(Stdio::null());
        command
    }

    /// Runs a command whose stdout and stderr are pipes, and at a terminal.
    fn run(&self, args: &[&str]) {
        let mut command = self.command(args);
        let output = command.output().unwrap();
        check(&command, "stdout", &output.stdout);
        check(&command, "stderr", &output.stderr);
        self.run_at_terminal(args);
    }

    fn run_at_terminal(&self, args: &[&str]) {
        let (mut keyboard, terminal) = open_terminal();
        // The terminal is closed when the process ends, and not before this command is dropped.
        let mut process = {
            let mut command = self.command(args);
            command.stdout(terminal.try_clone().unwrap()).stderr(terminal);
            command.spawn().unwrap()
        };
        let mut bytes = Vec::new();
        let mut piece = [0; 4096];
        while let Ok(read @ 1..) = keyboard.read(&mut piece) {
            bytes.extend_from_slice(&piece[..read]);
        }
        process.wait().unwrap();
        check(&self.command(args), "a terminal", &bytes);
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.folder.join(name), text).unwrap();
    }

    fn campaign(&self, name: &str, more: &str) {
        let source = "csv: {path: users.csv, open_id: open_id}";
        self.write(name, &campaign("c", source, more));
    }
}

fn campaign(name: &str, source: &str, more: &str) -> String {
    format!(
        "version: 1\ncampaign: {name}\ntitle: {}\napp_id: tt1\nactivity_id: \"1\"\naudience:\n  source: {{{source}}}\n{more}\n",
        quoted()
    )
}

fn owner() -> Owner {
    Owner {
        host: planted(),
        pid: std::process::id(),
        since: jiff::Timestamp::UNIX_EPOCH,
        command: planted(),
    }
}

fn place(folder: &Path, name: &str, url: &str) -> LedgerDir {
    let identity = Identity {
        campaign: CampaignName::parse(name).unwrap(),
        app_id: AppId::parse("tt1").unwrap(),
        platform: PlatformName::Live(url.to_owned()),
    };
    LedgerDir::new(folder, &identity)
}

#[test]
fn nothing_that_others_write_commands_the_terminal() {
    let dir = tempfile::tempdir().unwrap();
    let hostile = Hostile {
        folder: dir.path().join(planted()),
        home: dir.path().join("home"),
    };
    fs::create_dir_all(&hostile.folder).unwrap();
    let planted = planted();
    let text = quoted();
    let file = format!("{planted}.yaml");
    let file = file.as_str();

    // What is wrong with files, and with what they name.
    hostile.write("users.csv", "open_id\nu1\nu2\nu3\nu4\n");
    let line = planted_in_a_line();
    hostile.write(&format!("data-{planted}.csv"), &format!("open_id\nu1\n{line}\ny z\n"));
    hostile.write("header.csv", &format!("{line}\nu1\n"));
    hostile.write("bytes.csv", "open_id\n\u{9b}31mPWN\n");
    let column = format!("csv: {{path: header.csv, open_id: {text}}}");
    let absent = format!("csv: {{path: {text}, open_id: open_id}}");
    let sqlite = format!("sqlite: {{path: users.csv, query: {text}}}");
    let sources = [
        ("column.yaml", column.as_str()),
        ("absent.yaml", &absent),
        ("glob.yaml", "csv: {path: \"data*.csv\", open_id: other}"),
        ("rows.yaml", "csv: {path: \"data*.csv\", open_id: open_id}"),
        ("bytes.yaml", "csv: {path: bytes.csv, open_id: open_id}"),
        ("sqlite.yaml", &sqlite),
    ];
    for (name, source) in sources {
        hostile.write(name, &campaign(name.strip_suffix(".yaml").unwrap(), source, ""));
    }
    let more = [
        ("keys.yaml", format!("{text}: 1\npace: {{{text}: {text}}}")),
        ("zone.yaml", format!("timezone: {text}")),
        ("secret.yaml", format!("credentials: {{access_token: {{env: {text}}}}}")),
        (
            "secret-file.yaml",
            format!("credentials: {{access_token: {{file: {text}}}}}"),
        ),
        ("url.yaml", format!("platform: {{base_url: {text}}}")),
        (
            "exclude.yaml",
            format!("  exclude: [{{campaign: {text}}}, {{csv: {{path: {text}, open_id: {text}}}}}]"),
        ),
        ("raw.yaml", format!("x: {planted}")),
    ];
    for (name, more) in &more {
        hostile.campaign(name, more);
    }
    hostile.write(
        "name.yaml",
        &campaign(&text, "csv: {path: users.csv, open_id: open_id}", ""),
    );
    hostile.campaign(file, "");
    let names = sources.iter().map(|(name, _)| *name);
    for name in names
        .chain(more.iter().map(|(name, _)| *name))
        .chain(["name.yaml", file])
    {
        hostile.run(&["validate", name]);
        hostile.run(&["plan", name, "--output", "json"]);
        hostile.run(&["apply", name, "--sandbox", "-vv"]);
        hostile.run(&["status", name, "--sandbox"]);
    }

    // What is typed.
    for args in [
        &[planted.as_str()][..],
        &["plan", &planted],
        &["plan", file, &format!("--{planted}")],
        &["plan", file, "--output", &planted],
        &["apply", file, "--expect", &planted],
        &["apply", file, "--accept", &planted],
        &["apply", file, "--metrics", &planted],
        &["apply", file, "--sandbox", "--events", &format!("absent/{planted}")],
        &["plan", file, "--log-file", &format!("absent/{planted}")],
        &["plan", file, "--state-dir", &planted],
        &["trace", file, &planted],
        &["trace", file, &planted, "--sandbox"],
        &["explain", &planted],
        &["init", &format!("new-{planted}")],
        &["init", &format!("new-{planted}")],
        &["man", "-o", &format!("man-{planted}")],
        &[
            "resolve",
            file,
            &planted,
            "--as",
            "refused",
            "--note",
            &planted,
            "--sandbox",
        ],
        &["report", file, "--sandbox", "-o", &format!("report-{planted}")],
        &["export", file, "--sandbox", "-o", &format!("export-{planted}")],
        &[
            "verify",
            file,
            "--sandbox",
            "--certificate",
            &format!("certificate-{planted}"),
        ],
        &["verify", file, "--sandbox", "--against", &planted],
        &["simulate", file, "-o", &format!("simulation-{planted}")],
        &["completions", &planted],
        &["sandbox", "--port", &planted],
    ] {
        hostile.run(args);
    }

    // What a platform answers, and another process says.
    let url = hostile_platform();
    let more =
        format!("  max_unusable: 100%\ncredentials: {{access_token: {{env: TOKEN}}}}\nplatform: {{base_url: {url}}}");
    hostile.write(
        "sent.yaml",
        &campaign("sent", "csv: {path: users.csv, open_id: open_id}", &more),
    );
    hostile.run(&["apply", "sent.yaml", "-vv", "--yes", "--events", "events"]);
    for args in [
        &["apply", ".", "--yes"][..],
        &["apply", "sent.yaml", "--yes", "--output", "json"],
        &["trace", "sent.yaml", "u1"],
        &["trace", "sent.yaml", "u2", "--output", "json"],
        &["trace", "sent.yaml", "u3"],
        &["verify", "sent.yaml"],
        &["status", "sent.yaml"],
        &["report", "sent.yaml", "-o", "page.html"],
        &[
            "export",
            "sent.yaml",
            "--format",
            "jsonl",
            "--output",
            "json",
            "-o",
            "rows",
        ],
        &[
            "resolve",
            "sent.yaml",
            "u2",
            "--as",
            "refused",
            "--note",
            &planted,
            "--yes",
        ],
        &["trace", "sent.yaml", "u2"],
    ] {
        hostile.run(args);
    }
    // A pipe carries data as it is.
    hostile.run_at_terminal(&["export", "sent.yaml"]);
    hostile.run_at_terminal(&["export", "sent.yaml", "--format", "jsonl"]);
    for written in ["events", "page.html"] {
        let bytes = fs::read(hostile.folder.join(written)).unwrap();
        assert!(
            bytes.windows(3).any(|bytes| bytes == b"PWN"),
            "{written} has nothing of the platform"
        );
        check(&hostile.command(&[]), written, &bytes);
    }
    let place = place(&hostile.folder, "sent", &url);
    {
        let _held = place.lock(&owner(), Purpose::Apply).unwrap();
        for verb in ["apply", "status", "verify"] {
            hostile.run(&[verb, "sent.yaml"]);
        }
    }
    {
        let _held = place.lock(&owner(), Purpose::Look).unwrap();
        hostile.run(&["apply", "sent.yaml", "--no-wait"]);
    }
    let mut status = fs::read_to_string(place.status()).unwrap();
    for key in ["state", "why", "campaign"] {
        let Some((before, after)) = status.split_once(&format!("\"{key}\":\"")) else {
            continue;
        };
        let after = after.split_once('"').unwrap().1;
        let mut changed = before.to_owned();
        write!(changed, "\"{key}\":{text}{after}").unwrap();
        status = changed;
    }
    fs::write(place.status(), &status).unwrap();
    hostile.run(&["status", "sent.yaml"]);
    let manifest = place.dir().join("ledger.json");
    let ours = fs::read_to_string(&manifest).unwrap();
    for theirs in [ours.replace("\"sent\"", &text), planted.clone()] {
        fs::write(&manifest, theirs).unwrap();
        hostile.run(&["plan", "sent.yaml"]);
    }
}
