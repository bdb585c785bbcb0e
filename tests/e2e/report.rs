//! The report of a run, checked by a test and in a browser.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::Command;
use std::sync::{Arc, Mutex};

use runner::model::delivery::StateName;

use crate::scene::{FakePlatform, RUNNER, Ran, Scene, files};

const HOSTILE: [&str; 4] = [
    "<script>document.title='pwned'</script>",
    "=cmd|calc",
    "<img/src=/pwned.png>",
    "مستخدم",
];

/// An applied campaign with hostile user ids, refusals, doubts and held deliveries.
fn applied() -> (FakePlatform, Scene) {
    let fake_platform = FakePlatform::start(&["--refuse", "10%", "--lose-answers", "5%", "--seed", "5"]);
    let scene = Scene::new(&fake_platform.url, 0)
        .with("title: \"夏日立减券 <script>document.title='pwned'</script>\"\nretry: {in_doubt: ask}\nhalt: {same_code: 1000}");
    let users = (0..40).flat_map(|n| HOSTILE.map(|hostile| format!("{hostile}{n}")));
    let rows: Vec<_> = std::iter::once("open_id".to_owned()).chain(users).collect();
    fs::write(scene.dir.path().join("audience.csv"), rows.join("\n")).unwrap();
    scene.run(&[]).ends(4);
    (fake_platform, scene)
}

fn report(scene: &Scene, to: &str, flags: &[&str]) -> Ran {
    let mut command = Command::new(RUNNER);
    command.arg("report").arg(scene.file()).args(["-o", to]).args(flags);
    command
        .env("NO_COLOR", "1")
        .env_remove("RUNNER_LOG")
        .env_remove("RUNNER_STATE_DIR");
    Ran::new(command.output().unwrap())
}

#[test]
fn a_report_has_the_ledgers_numbers_and_changes_nothing() {
    let (_fake_platform, scene) = applied();
    let to = scene.dir.path().join("report.html");
    let before = files(scene.place().dir());
    let ran = report(&scene, to.to_str().unwrap(), &[]).ends(0);
    assert_eq!(
        (ran.out.as_str(), ran.err.contains("wrote ")),
        ("", true),
        "{}",
        ran.err
    );
    let page = fs::read_to_string(&to).unwrap();
    let counts = scene.ledger(|ledger| ledger.state().counts()).unwrap();
    for state in [StateName::Issued, StateName::Refused, StateName::InDoubt] {
        assert!(counts.count(state) > 0, "the scene has none that are {state}");
        let row = format!(
            "<td class=\"number\">{}</td><th scope=\"row\"><span class=\"dot ",
            counts.count(state)
        );
        assert!(page.contains(&row), "{row} is not in the page");
    }
    assert!(
        page.contains("<td class=\"number\">160</td>"),
        "the sum is not in the page"
    );
    assert!(page.contains("a person decides: retry.in_doubt is ask"));
    assert!(
        page.contains("<b><bdi>Stopped: "),
        "the end of the run is not in the page"
    );
    assert!(!page.contains("<script") && !page.contains("<img"));
    report(&scene, to.to_str().unwrap(), &["--lang", "zh"]).ends(0);
    let chinese = fs::read_to_string(&to).unwrap();
    assert!(
        chinese.contains("<b><bdi>已停止：") && chinese.contains("张结果未知</bdi>"),
        "the end of the run is not in the language of the reader"
    );
    let head = |files: BTreeMap<PathBuf, Vec<u8>>| files.into_iter().find(|(path, _)| path.ends_with("head"));
    let after = head(files(scene.place().dir()));
    assert!(after.is_some() && after == head(before), "a fact was added");
    report(&scene, "/no/such/directory/report.html", &[]).ends(2);
    let json = report(&scene, to.to_str().unwrap(), &["--output", "json"]).ends(0);
    assert!(json.out.contains("\"type\":\"report\""), "{}", json.out);
}

#[test]
fn without_a_ledger_there_is_nothing_to_report_and_nothing_is_made() {
    let scene = Scene::new("http://127.0.0.1:1", 3);
    let to = scene.dir.path().join("report.html");
    let before = files(scene.dir.path());
    let ran = report(&scene, to.to_str().unwrap(), &[]).ends(2);
    assert!(
        ran.err.starts_with("error[E0310]: there is no ledger of summer yet"),
        "{}",
        ran.err
    );
    assert_eq!(files(scene.dir.path()), before);
}

/// The page in two frames, as wide as a telephone and as a desktop, and what a script sees in them.
const FRAMES: &str = "<!DOCTYPE html><meta charset=utf-8><title>frames</title>\
    <iframe src=/report.html width=390 height=2000></iframe><iframe src=/report.html width=1440 height=2000></iframe>\
    <pre id=seen></pre><script>onload = () => { seen.textContent = [...document.querySelectorAll('iframe')].map(frame => {\
    const page = frame.contentDocument, all = page.documentElement;\
    return [all.scrollWidth <= frame.clientWidth, page.scripts.length, page.images.length, page.title.includes('alert'),\
    page.querySelectorAll('svg').length, page.querySelector('h1').textContent.includes('立减券')].join(' ') }).join(';') }</script>";

/// Serves the frames and the page to a browser, and records the requested paths.
fn serve(page: String) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let asked = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&asked);
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let log = Arc::clone(&log);
            let page = page.clone();
            std::thread::spawn(move || answer(stream, &page, &log));
        }
    });
    (address, asked)
}

fn answer(mut stream: TcpStream, page: &str, log: &Mutex<Vec<String>>) {
    let mut lines = BufReader::new(stream.try_clone().unwrap())
        .lines()
        .map_while(Result::ok);
    let Some(request) = lines.next() else { return };
    lines.by_ref().find(String::is_empty);
    let path = request.split(' ').nth(1).unwrap_or_default().to_owned();
    let body = match path.as_str() {
        "/" => FRAMES,
        "/report.html" => page,
        _ => "",
    };
    log.lock().unwrap().push(path);
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/html; charset=utf-8\r\nconnection: close";
    let _ = write!(stream, "{head}\r\ncontent-length: {}\r\n\r\n{body}", body.len());
}

fn chromium() -> Option<&'static str> {
    ["chromium", "chromium-browser", "google-chrome"]
        .into_iter()
        .find(|name| Command::new(name).arg("--version").output().is_ok())
}

#[test]
fn a_browser_shows_it_without_a_word_or_a_request() {
    let Some(chromium) = chromium() else {
        println!("skipped: there is no Chromium on this machine");
        return;
    };
    let (_fake_platform, scene) = applied();
    let to = scene.dir.path().join("report.html");
    report(&scene, to.to_str().unwrap(), &[]).ends(0);
    let (address, asked) = serve(fs::read_to_string(&to).unwrap());
    let profile = tempfile::tempdir().unwrap();
    let output = Command::new(chromium)
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-background-networking",
            "--enable-logging=stderr",
        ])
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .args(["--window-size=1900,1000", "--virtual-time-budget=10000", "--dump-dom"])
        .arg(format!("http://{address}/"))
        .output()
        .unwrap();
    let dom = String::from_utf8_lossy(&output.stdout);
    let said = String::from_utf8_lossy(&output.stderr);
    let console: Vec<_> = said.lines().filter(|line| line.contains("CONSOLE")).collect();
    assert_eq!(console, Vec::<&str>::new());
    let seen = dom
        .split("<pre id=\"seen\">")
        .nth(1)
        .and_then(|rest| rest.split("</pre>").next());
    assert_eq!(
        seen,
        Some("true 0 0 false 6 true;true 0 0 false 6 true"),
        "fits, scripts, images, title taken over, charts, Chinese; at 390 and at 1440: {said}"
    );
    let mut asked = asked.lock().unwrap().clone();
    asked.sort();
    // The icon belongs to the frames. The page's own icon is not fetched.
    asked.retain(|path| path != "/favicon.ico");
    assert_eq!(asked, ["/", "/report.html", "/report.html"]);
}

#[test]
fn a_report_into_a_pipe_that_closes_early_is_no_panic() {
    let (_fake_platform, scene) = applied();
    let mut child = Command::new(RUNNER)
        .arg("report")
        .arg(scene.file())
        .args(["-o", "/dev/stdout"])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut first = [0; 15];
    child.stdout.take().unwrap().read_exact(&mut first).unwrap();
    assert_eq!(&first, b"<!DOCTYPE html>");
    let ran = Ran::new(child.wait_with_output().unwrap());
    assert!(!ran.err.contains("panicked"), "{}", ran.err);
}
