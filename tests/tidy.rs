//! Rules that the compiler does not check: which room may import which, where each dependency is used, and which phrases
//! comments and documents avoid. Each failure names the rule and the place.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "tidy/imports.rs"]
mod imports;

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use imports::{Crate, SourceFile, circles};

/// What each room may import.
const MAY_IMPORT: [(&str, &[&str]); 17] = [
    ("model", &[]),
    ("campaign", &["model"]),
    ("plan", &["model", "campaign"]),
    ("audience", &["model", "campaign"]),
    ("ledger", &["model"]),
    ("pace", &["model"]),
    ("douyin", &["model", "campaign", "plan", "ledger"]),
    (
        "engine",
        &["model", "campaign", "plan", "audience", "ledger", "pace", "douyin"],
    ),
    ("control", &["model", "ledger"]),
    ("fleet", &["model", "ledger"]),
    ("report", &["model", "plan::forecast"]),
    ("history", &["model", "ledger"]),
    (
        "notify",
        &[
            "model",
            "campaign",
            "report",
            "douyin::client_for",
            "douyin::ClientError",
        ],
    ),
    ("fake_platform", &["model", "douyin::wire"]),
    (
        "simulation",
        &["model", "plan", "ledger", "douyin", "engine", "fake_platform"],
    ),
    (
        "app",
        &[
            "model",
            "campaign",
            "plan",
            "audience",
            "ledger",
            "douyin",
            "engine",
            "control",
            "fleet",
            "report",
            "history",
            "notify",
            "fake_platform",
            "simulation",
        ],
    ),
    (
        "service",
        &[
            "model",
            "campaign",
            "plan",
            "ledger",
            "control",
            "report",
            "notify",
            "fake_platform",
            "app",
        ],
    ),
];

/// The only files that may use each dependency.
const HOMES: [(&str, &[&str]); 36] = [
    ("libc", &["cli/allocator.rs"]),
    ("sled", &["ledger/store/sled/sled_db.rs"]),
    ("governor", &["pace/quota.rs"]),
    (
        "reqwest",
        &[
            "app/service_client.rs",
            "douyin/bill_download.rs",
            "douyin/http.rs",
            "notify/client.rs",
        ],
    ),
    (
        "hyper",
        &[
            "douyin/http.rs",
            "douyin/proxy.rs",
            "service/web/forward.rs",
            "service/web/server.rs",
        ],
    ),
    (
        "hyper_util",
        &[
            "douyin/http.rs",
            "douyin/proxy.rs",
            "service/web/forward.rs",
            "service/web/server.rs",
        ],
    ),
    ("hyper_rustls", &["douyin/http.rs", "douyin/proxy.rs"]),
    ("http_body_util", &["douyin/http.rs", "douyin/proxy.rs"]),
    ("tower", &["douyin/http.rs", "douyin/proxy.rs", "service/web/"]),
    (
        "rustls",
        &[
            "douyin/http.rs",
            "douyin/proxy.rs",
            "fleet/postgres/connection.rs",
            "model/certificate.rs",
            "service/tls.rs",
            "service/web/encryption.rs",
            "service/web/owner_tls.rs",
        ],
    ),
    (
        "rustls_platform_verifier",
        &[
            "douyin/http.rs",
            "fleet/postgres/connection.rs",
            "service/web/owner_tls.rs",
        ],
    ),
    ("tokio_postgres", &["fleet/postgres/"]),
    ("tokio_postgres_rustls", &["fleet/postgres/connection.rs"]),
    ("aws_lc_rs", &["notify/request.rs"]),
    ("argon2", &["service/passwords.rs"]),
    ("serde_yaml", &["campaign/"]),
    ("annotate_snippets", &["campaign/"]),
    ("csv", &["audience/", "app/export/", "app/reconcile/bill.rs"]),
    ("bytes", &["audience/parquet/pages.rs"]),
    (
        "parquet",
        &[
            "audience/parquet.rs",
            "audience/parquet/pages.rs",
            "app/export/parquet.rs",
        ],
    ),
    ("rust_xlsxwriter", &["app/export/xlsx.rs"]),
    (
        "encoding_rs",
        &["app/reconcile/bill.rs", "audience/", "fake_platform/records.rs"],
    ),
    ("textwrap", &["report/text.rs"]),
    ("flate2", &["audience/input.rs", "audience/parquet/pages.rs"]),
    ("glob", &["audience/input.rs"]),
    ("zstd", &["audience/input.rs"]),
    (
        "sqlx",
        &[
            "audience/query.rs",
            "audience/postgres.rs",
            "audience/mysql.rs",
            "audience/sqlite.rs",
        ],
    ),
    (
        "axum",
        &["fake_platform/", "report/reporter/metrics_server.rs", "service/web/"],
    ),
    ("prometheus", &["report/render/prometheus.rs"]),
    ("maud", &["report/render/html/", "service/pages/"]),
    ("plotters", &["report/render/html/chart.rs"]),
    ("hdrhistogram", &["report/latencies.rs"]),
    ("clap", &["cli/", "main.rs"]),
    ("clap_complete", &["cli/completions.rs"]),
    ("clap_mangen", &["cli/man.rs"]),
    ("similar", &["cli/push.rs"]),
];

struct Source {
    /// The path relative to the folder it was read from, with `/`.
    name: String,
    text: String,
}

impl Source {
    /// The top module that contains this file.
    fn room(&self) -> &str {
        self.name.split(['/', '.']).next().unwrap_or_default()
    }

    /// The lines of code, with their numbers.
    fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        let lines = self.text.lines().enumerate().map(|(at, line)| (at + 1, line));
        lines.filter(|(_, line)| !line.trim_start().starts_with("//"))
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn files(dir: &Path, extension: &str, into: &mut Vec<PathBuf>) {
    let mut entries: Vec<_> = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            files(&path, extension, into);
        } else if path.extension().is_some_and(|found| found == extension) {
            into.push(path);
        }
    }
}

fn read(dir: &str) -> Vec<Source> {
    let mut paths = Vec::new();
    if root().join(dir).exists() {
        files(&root().join(dir), "rs", &mut paths);
    }
    let name = |path: &Path| path.strip_prefix(root().join(dir)).unwrap().display().to_string();
    paths
        .iter()
        .map(|path| Source {
            name: name(path),
            text: fs::read_to_string(path).unwrap(),
        })
        .collect()
}

fn everything() -> Vec<Source> {
    ["src", "tests", "benches", "examples"]
        .iter()
        .flat_map(|dir| read(dir))
        .collect()
}

fn none(rule: &str, broken: &str) {
    assert!(broken.is_empty(), "{rule}\n\n{broken}");
}

/// The paths within this crate in a line of code.
fn named(line: &str) -> Vec<&str> {
    let end = |text: &str| {
        text.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':'))
            .unwrap_or(text.len())
    };
    line.match_indices("crate::")
        .map(|(at, found)| &line[at + found.len()..])
        .map(|rest| &rest[..end(rest)])
        .collect()
}

fn allowed(from: &str, path: &str) -> bool {
    let room = path.split("::").next().unwrap_or_default();
    if from == "cli" {
        // The command line renders results of `app`, so it sees the rooms that `app` sees, and starts the service.
        return matches!(room, "cli" | "app" | "service") || allowed("app", path);
    }
    if room == "catalogue" {
        // Every room names its own texts.
        return true;
    }
    let within = |may: &&str| path == *may || path.starts_with(&format!("{may}::"));
    room == from
        || MAY_IMPORT
            .iter()
            .any(|(who, may)| *who == from && may.iter().any(within))
}

#[test]
fn rooms_import_only_rooms_nearer_to_the_model() {
    let mut broken = String::new();
    for source in read("src") {
        let room = source.room();
        if room != "cli" && !MAY_IMPORT.iter().any(|(who, _)| *who == room) {
            continue;
        }
        for (at, line) in source.code() {
            for path in named(line).into_iter().filter(|path| !allowed(room, path)) {
                let _ = writeln!(broken, "src/{}:{at}: {room} names {path}", source.name);
            }
        }
    }
    none("each room imports only the rooms listed for it", &broken);
}

/// The files of `src` without those that only tests compile.
fn production() -> Crate {
    let is_test = |name: &str| name.split(['/', '.']).any(|part| part == "tests");
    let sources = read("src");
    let sources = sources.iter().filter(|source| !is_test(&source.name));
    Crate::new(
        sources
            .map(|source| SourceFile::parse(&source.name, &source.text))
            .collect(),
    )
}

#[test]
fn files_do_not_import_each_other_in_a_circle() {
    let program = production();
    let edges = program.edges();
    let mut broken = String::new();
    for circle in circles(&edges) {
        let _ = writeln!(broken, "a circle of {} files:", circle.len());
        for file in &circle {
            for (to, path) in edges[file].iter().filter(|(to, _)| circle.contains(to)) {
                let _ = writeln!(broken, "  {file} imports {to} by {path}");
            }
        }
    }
    none("a file can be read without the files that import it", &broken);
}

#[test]
fn a_type_has_its_methods_in_its_own_file_or_folder() {
    let mut broken = String::new();
    for (file, name) in production().stray_impls() {
        let _ = writeln!(broken, "src/{file}: impl {name}");
    }
    none(
        "an impl block lies in the file of its type or trait, or in that file's folder",
        &broken,
    );
}

/// Whether a line of code names a dependency at the start of a path.
fn names(line: &str, dependency: &str) -> bool {
    line.match_indices(&format!("{dependency}::")).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        !before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':')
    })
}

#[test]
fn one_file_has_unsafe_code() {
    let sources = read("src");
    let has_unsafe = |source: &&Source| source.code().any(|(_, line)| line.contains("unsafe_code"));
    let names: Vec<_> = sources
        .iter()
        .filter(has_unsafe)
        .map(|source| source.name.as_str())
        .collect();
    assert_eq!(names, ["cli/allocator.rs"], "the lint is allowed elsewhere");
}

#[test]
fn a_dependency_has_one_home() {
    let mut broken = String::new();
    for source in read("src") {
        for (dependency, homes) in HOMES {
            let lives = |home: &&str| source.name == *home || (home.ends_with('/') && source.name.starts_with(home));
            if homes.iter().any(lives) {
                continue;
            }
            for (at, _) in source.code().filter(|(_, line)| names(line, dependency)) {
                let _ = writeln!(
                    broken,
                    "src/{}:{at}: {dependency} lives in {}",
                    source.name,
                    homes.join(", ")
                );
            }
        }
    }
    none(
        "one dependency, one home: so it can be replaced, and its traps are known in one place",
        &broken,
    );
}

/// The files that may use a ledger in memory.
const WITHOUT_STORE: [&str; 2] = ["ledger/campaign_ledger.rs", "app/simulate.rs"];

#[test]
fn only_a_simulation_has_a_ledger_that_keeps_nothing() {
    let mut broken = String::new();
    for source in read("src") {
        if WITHOUT_STORE.contains(&source.name.as_str()) {
            continue;
        }
        for (at, _) in source.code().filter(|(_, line)| line.contains(".without_store()")) {
            let _ = writeln!(broken, "src/{}:{at}", source.name);
        }
    }
    none(
        "the permits of a ledger without a store must never reach a platform: its intents are not durable",
        &broken,
    );
}

/// The files that may name a standard output: the console, and the check for a terminal.
const OUTPUTS: [&str; 2] = ["report/console.rs", "cli/terminal.rs"];

#[test]
fn the_console_alone_writes_to_standard_outputs() {
    let banned = [
        "::stderr()",
        "::stdout()",
        "::stdout;",
        "print!(",
        "println!(",
        "dbg!(",
        "/dev/tty",
        "/dev/std",
    ];
    let mut broken = String::new();
    for source in read("src") {
        if OUTPUTS.contains(&source.name.as_str()) || source.name.ends_with("tests.rs") {
            continue;
        }
        let writes = |line: &str| banned.iter().any(|word| line.contains(word));
        // A test that is skipped says so.
        let program = source.code().take_while(|(_, line)| !line.starts_with("mod tests"));
        for (at, line) in program.filter(|(_, line)| writes(line)) {
            let _ = writeln!(broken, "src/{}:{at}: {}", source.name, line.trim());
        }
    }
    none(
        "output that bypasses report::console breaks a bar or a question, waits for a stuck reader, or obeys foreign text",
        &broken,
    );
}

#[test]
fn what_is_shown_of_a_path_has_its_escapes() {
    let shows = |source: &Source| source.room() == "cli" || source.name.starts_with("report/");
    let mut broken = String::new();
    for source in read("src").iter().filter(|source| shows(source)) {
        for (at, line) in source.code().filter(|(_, line)| line.contains(".display()")) {
            let _ = writeln!(broken, "src/{}:{at}: {}", source.name, line.trim());
        }
    }
    none(
        "paths are shown by report::text::visible_path: a file name may command a terminal",
        &broken,
    );
}

#[test]
fn use_cases_print_nothing_and_know_no_command_line() {
    let banned = ["clap", "print!(", "println!(", "eprint", "stdout", "stderr", "stdin"];
    let mut broken = String::new();
    for source in read("src").iter().filter(|source| source.room() == "app") {
        for (at, line) in source.code() {
            if banned.iter().any(|word| line.contains(word)) {
                let _ = writeln!(broken, "src/{}:{at}: {}", source.name, line.trim());
            }
        }
    }
    none(
        "a use case returns its result and hands questions and progress to its caller, which may be a server",
        &broken,
    );
}

/// Where decisions are made, without an executor and without waiting.
const SYNCHRONOUS: [&str; 4] = ["engine/core/", "engine/limits/", "campaign/", "plan/"];

#[test]
fn decisions_know_no_executor() {
    let banned = ["tokio", "async fn", "async move", "async {", ".await;", ".await?"];
    let mut broken = String::new();
    for source in read("src") {
        let is_synchronous = SYNCHRONOUS.iter().any(|folder| source.name.starts_with(folder));
        if !is_synchronous || source.name.ends_with("tests.rs") {
            continue;
        }
        for (at, line) in source.code() {
            if banned.iter().any(|word| line.contains(word)) {
                let _ = writeln!(broken, "src/{}:{at}: {}", source.name, line.trim());
            }
        }
    }
    none("a decision can be replayed and simulated without an executor", &broken);
}

/// Calls of the standard library that wait for another process, a disk or a thread, and the files that may make them: each is on
/// a thread of its own there, or has a limit.
const BLOCKING: [(&str, &[&str]); 11] = [
    ("std::net::TcpStream", &[]),
    ("std::net::TcpListener", &[]),
    ("std::net::UdpSocket", &[]),
    ("to_socket_addrs", &[]),
    ("std::os::unix::net::", &["ledger/app_id_lock/socket.rs"]),
    ("std::process::Command", &[]),
    ("std::sync::Condvar", &[]),
    ("blocking_recv", &[]),
    (
        "blocking_send",
        &[
            "audience/",
            "fleet/snapshot_parts.rs",
            "ledger/store/sled/store_files.rs",
        ],
    ),
    ("blocking_lock", &[]),
    (
        ".block_on(",
        &[
            "cli/runtime.rs",
            "audience/query.rs",
            "notify/notifier.rs",
            "simulation/mod.rs",
        ],
    ),
];

#[test]
fn what_waits_for_others_is_async_or_has_a_thread_of_its_own() {
    let mut broken = String::new();
    for source in read("src") {
        let is_test = source.name.split(['/', '.']).any(|part| part == "tests");
        if is_test {
            continue;
        }
        let code = source.text.split("#[cfg(test)]\nmod ").next().unwrap_or_default();
        for (call, homes) in BLOCKING {
            let lives = |home: &&str| source.name == *home || (home.ends_with('/') && source.name.starts_with(home));
            if homes.iter().any(lives) {
                continue;
            }
            let lines = code.lines().enumerate();
            let is_code = |line: &str| !line.trim_start().starts_with("//");
            for (at, _) in lines.filter(|(_, line)| is_code(line) && line.contains(call)) {
                let _ = writeln!(broken, "src/{}:{}: {call}", source.name, at + 1);
            }
        }
    }
    none(
        "a peer that is suspended must not hold up a thread of the executor: use tokio's call with a time limit",
        &broken,
    );
}

#[test]
fn every_file_says_what_it_is_for() {
    let mut broken = String::new();
    for source in everything().iter().filter(|source| !source.text.starts_with("//!")) {
        let _ = writeln!(broken, "{}", source.name);
    }
    none("every file begins with what it is for", &broken);
}

#[test]
fn main_is_a_doorbell() {
    let lines = fs::read_to_string(root().join("src/main.rs")).unwrap().lines().count();
    assert!(lines <= 30, "main.rs has {lines} lines; it parses, runs and exits");
}

#[test]
fn nothing_is_left_open() {
    let marks = [
        concat!("TO", "DO"),
        concat!("FIX", "ME"),
        concat!("XX", "X:"),
        concat!("HA", "CK"),
    ];
    let mut broken = String::new();
    for source in everything() {
        for (at, line) in source.text.lines().enumerate() {
            if marks.iter().any(|mark| line.contains(mark)) {
                let _ = writeln!(broken, "{}:{}: {}", source.name, at + 1, line.trim());
            }
        }
    }
    none("what is left open is an issue, not a comment", &broken);
}

/// Phrases that prose avoids, each with what to write instead.
const PHRASES: [(&str, &str); 33] = [
    ("so many", "a number, or `this many`"),
    ("by which", "`whose`, or a sentence of its own"),
    ("behind", "`after`; `behind` is for places"),
    ("anew", "`again`"),
    ("let go", "`release`, `close`"),
    ("lets go", "`releases`, `closes`"),
    ("letting go", "`releasing`, `closing`"),
    ("nothing where", "`None` if"),
    ("is none", "`is `None``, `there is no`, `does not count`"),
    ("the same of", "`like`"),
    ("stand", "`is`"),
    ("stands", "`is`"),
    ("stood", "`was`"),
    ("bear", "`have`, `allow`"),
    ("bears", "`has`, `allows`"),
    ("borne", "`allowed`"),
    ("tell of", "`name`, `say`"),
    ("tells of", "`names`, `says`"),
    ("told of", "`named`"),
    ("tells what", "`says`, `emits`"),
    ("tells that", "`says`"),
    ("tells how", "`says`"),
    ("tells when", "`says`"),
    ("tells whether", "`says`"),
    ("is told", "`emits`, `learns`, `reads`"),
    ("are told", "`emits`, `learns`, `read`"),
    ("was told", "`emitted`, `learnt`"),
    ("were told", "`emitted`, `learnt`"),
    ("be told", "`emitted`, `learn`"),
    ("otherwise than", "`differs from`, `changed`"),
    ("stand-in", "`fake platform`; `sandbox` for users"),
    ("let in", "`admitted`"),
    ("lets in", "`admits`"),
];

/// Plain English that contains one of the phrases.
const PLAIN: [&str; 9] = [
    "behind a gateway",
    "behind a link",
    "behind a proxy",
    "behind real http",
    "behind the platform's",
    "behind this machine",
    "left behind",
    "there is none",
    "told apart",
];

/// Files whose doc comments users read as help or as a JSON Schema. Snapshots guard those texts.
fn documents_for_users(source: &str) -> bool {
    ["JsonSchema", "keys! {", "clap::"]
        .iter()
        .any(|mark| source.contains(mark))
}

/// A passage of prose: its first line, and its text on one line.
struct Passage {
    line: usize,
    text: String,
}

/// The comments of a source file, each block as one passage.
fn comments(text: &str) -> Vec<Passage> {
    let skips_docs = documents_for_users(text);
    let mut passages: Vec<Passage> = Vec::new();
    let mut continues = false;
    for (at, line) in text.lines().enumerate() {
        let Some(comment) = line.trim_start().strip_prefix("//") else {
            continues = false;
            continue;
        };
        if skips_docs && comment.starts_with('/') {
            continue;
        }
        let comment = comment.trim_start_matches(['/', '!']).trim();
        match passages.last_mut().filter(|_| continues) {
            Some(passage) => {
                passage.text.push(' ');
                passage.text.push_str(comment);
            }
            None => passages.push(Passage {
                line: at + 1,
                text: comment.to_owned(),
            }),
        }
        continues = true;
    }
    passages
}

/// The paragraphs of a document, without its blocks of code and output.
fn paragraphs(text: &str) -> Vec<Passage> {
    let mut passages = Vec::new();
    let mut is_code = false;
    for (at, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            is_code = !is_code;
        } else if !is_code {
            passages.push(Passage {
                line: at + 1,
                text: line.to_owned(),
            });
        }
    }
    passages
}

/// Prose in lower case without [`PLAIN`].
fn suspect(text: &str) -> String {
    PLAIN
        .iter()
        .fold(text.to_lowercase(), |text, plain| text.replace(plain, ""))
}

/// Whether text contains a phrase as whole words.
fn uses(text: &str, phrase: &str) -> bool {
    text.match_indices(phrase).any(|(at, _)| {
        let is_word = |c: char| c.is_alphanumeric() || c == '_' || c == '`';
        let before = text[..at].chars().next_back();
        let after = &text[at + phrase.len()..];
        !before.is_some_and(is_word) && !after.starts_with(is_word)
    })
}

fn documents() -> Vec<Source> {
    let mut names: Vec<_> = ["ARCHITECTURE.md", "CONTRIBUTING.md", "GLOSSARY.md", "README.md"]
        .map(str::to_owned)
        .to_vec();
    let docs = fs::read_dir(root().join("docs")).unwrap();
    names.extend(
        docs.map(|entry| format!("docs/{}", entry.unwrap().file_name().display()))
            .filter(|name| Path::new(name).extension().is_some_and(|extension| extension == "md")),
    );
    names.sort();
    let text = |name: &String| fs::read_to_string(root().join(name)).unwrap();
    names
        .into_iter()
        .map(|name| Source {
            text: text(&name),
            name,
        })
        .collect()
}

/// The lines of the files under `dir` with this extension.
fn lines_of(dir: &str, extension: &str) -> Vec<(String, Vec<Passage>)> {
    let mut paths = Vec::new();
    files(&root().join(dir), extension, &mut paths);
    let lines = |path: &PathBuf| {
        let text = fs::read_to_string(path).unwrap();
        let lines = text.lines().enumerate();
        let passages = lines.map(|(at, line)| Passage {
            line: at + 1,
            text: line.to_owned(),
        });
        (
            path.strip_prefix(root()).unwrap().display().to_string(),
            passages.collect(),
        )
    };
    paths.iter().map(lines).collect()
}

/// Each avoided phrase in these passages, on a line of its own.
fn avoided_phrases(files: impl IntoIterator<Item = (String, Vec<Passage>)>) -> String {
    let mut broken = String::new();
    for (name, passages) in files {
        for passage in passages {
            let text = suspect(&passage.text);
            for (phrase, instead) in PHRASES.iter().filter(|(phrase, _)| uses(&text, phrase)) {
                let _ = writeln!(broken, "{name}:{}: `{phrase}`: write {instead}", passage.line);
            }
        }
    }
    broken
}

/// A path in a document may leave out the folders that its line has named before.
#[test]
fn every_file_that_the_map_names_exists() {
    let mut paths = Vec::new();
    for dir in ["src", "tests", "benches", "examples", "build", "fuzz"] {
        files(&root().join(dir), "rs", &mut paths);
    }
    let paths: Vec<_> = paths.iter().map(|path| format!("/{}", path.display())).collect();
    let mut broken = String::new();
    for document in documents()
        .iter()
        .filter(|document| !document.name.starts_with("docs/"))
    {
        let quoted = document.text.split('`').skip(1).step_by(2);
        let is_file = |text: &&str| {
            Path::new(text).extension().is_some_and(|extension| extension == "rs") && !text.contains(['*', '…', ' '])
        };
        for file in quoted.filter(is_file) {
            let end = format!("/{file}");
            if !paths.iter().any(|path| path.ends_with(&end)) {
                let _ = writeln!(broken, "{}: `{file}`", document.name);
            }
        }
    }
    none("every file that the map names exists", &broken);
}

#[test]
fn texts_for_users_are_plain_english() {
    let mut texts = lines_of("locales/en", "ftl");
    for passage in texts.iter_mut().flat_map(|(_, passages)| passages) {
        // The name of a message is not its text.
        if let Some((_, text)) = passage.text.split_once(" = ") {
            passage.text = text.to_owned();
        }
    }
    let shown = ["src", "tests"].map(|dir| lines_of(dir, "snap"));
    assert!(texts.len() > 10 && shown.iter().all(|files| files.len() > 10));
    let broken = avoided_phrases(texts.into_iter().chain(shown.into_iter().flatten()));
    none("texts for users are plain English", &broken);
}

#[test]
fn comments_and_documents_are_plain_english() {
    let code = ["src", "tests", "benches", "examples"].iter().flat_map(|dir| {
        read(dir)
            .into_iter()
            .map(move |source| (format!("{dir}/{}", source.name), comments(&source.text)))
    });
    // This file lists the phrases.
    let code = code.filter(|(name, _)| name != "tests/tidy.rs");
    let documents = documents()
        .into_iter()
        .map(|source| (source.name, paragraphs(&source.text)));
    let broken = avoided_phrases(code.chain(documents));
    none("comments and documents are plain English", &broken);
}
