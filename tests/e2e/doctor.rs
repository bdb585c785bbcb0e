//! `runner doctor`: every check, against a fake platform and with faults. It never sends.

use std::fs::{self, Permissions};
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::thread;

use jiff::SignedDuration;
use rcgen::generate_simple_self_signed;
use runner::model::clock::Clock;
use serde_json::Value;
use tokio::runtime::Runtime;

use crate::mounted::Mounted;
use crate::scene::{FakePlatform, KEY, Ran, SECRET, Scene};
use crate::tls::terminate;

fn command(scene: &Scene, flags: &[&str]) -> Command {
    let mut command = scene.command("doctor", flags);
    command
        .env("WHOLE_KEY", KEY)
        .env("WHOLE_SECRET", SECRET)
        .env_remove("RUNNER_STATE_DIR");
    fs::set_permissions(scene.file(), Permissions::from_mode(0o644)).unwrap();
    command
}

fn doctor(scene: &Scene, flags: &[&str]) -> Ran {
    Ran::new(command(scene, flags).output().unwrap())
}

/// What a screen says, without what differs between machines.
fn shown(scene: &Scene, out: &str) -> String {
    let out = out.replace(scene.dir.path().to_str().unwrap(), "DIR");
    let out = out.replace(&scene.url, "URL");
    // The sandbox says how long its token lives from now on.
    let out = out.replace("119 min", "120 min").replace("119 分钟", "120 分钟");
    // The free space and the limit of open files are this machine's.
    let lines = out.lines().filter(|line| {
        !line.contains("GiB") && !line.contains("MiB") && !line.contains("open files") && !line.contains("打开文件数")
    });
    lines.flat_map(|line| [line, "\n"]).collect()
}

/// The results by the word of the check.
fn results(out: &str) -> Vec<(String, String)> {
    let objects = out.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let checks = objects.filter(|object| object["type"] == "check");
    let word = |object: &Value, key: &str| object[key].as_str().unwrap().to_owned();
    checks
        .map(|object| (word(&object, "check"), word(&object, "result")))
        .collect()
}

fn result(out: &str, check: &str) -> String {
    let found = results(out).into_iter().find(|(word, _)| word == check);
    found.unwrap_or_else(|| panic!("{check} is not in {out}")).1
}

#[test]
fn a_campaign_without_faults_passes_every_check_and_nothing_is_sent() {
    let fake_platform = FakePlatform::start(&[]);
    let scene = Scene::new(&fake_platform.url, 20);
    for language in ["en", "zh"] {
        let ran = doctor(&scene, &["--lang", language]).ends(0);
        insta::assert_snapshot!(format!("every_check_{language}"), shown(&scene, &ran.out));
    }
    assert_eq!(fake_platform.log(), Vec::<Value>::new(), "no coupon was sent");
    assert!(!scene.place().dir().exists(), "nothing was created");
    let ran = doctor(&scene, &["--output", "json"]).ends(0);
    let failed = results(&ran.out).into_iter().filter(|(_, result)| result == "fail");
    assert_eq!(failed.count(), 0, "{}", ran.out);
}

#[test]
fn a_rehearsal_needs_no_credentials_and_no_platform() {
    let scene = Scene::new("http://127.0.0.1:1", 20);
    let ran = scene
        .without_secrets("doctor", &["--sandbox", "--output", "json"])
        .ends(0);
    assert_eq!(result(&ran.out, "token"), "ok");
    assert_eq!(result(&ran.out, "clock"), "ok");
}

#[test]
fn a_platform_out_of_reach_fails() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let scene = Scene::new(&format!("http://{closed}"), 20);
    for language in ["en", "zh"] {
        let ran = doctor(&scene, &["--lang", language]).ends(1);
        let shown = shown(&scene, &ran.out).replace(&closed.to_string(), "ADDRESS");
        insta::assert_snapshot!(format!("out_of_reach_{language}"), shown);
    }
}

#[test]
fn a_secret_that_is_not_set_and_an_audience_that_is_missing_are_input() {
    let fake_platform = FakePlatform::start(&[]);
    let scene = Scene::new(&fake_platform.url, 20);
    let ran = scene.without_secrets("doctor", &["--output", "json"]).ends(2);
    assert_eq!(result(&ran.out, "secrets"), "fail");
    assert_eq!(result(&ran.out, "token"), "warn");
    fs::remove_file(scene.dir.path().join("audience.csv")).unwrap();
    let ran = doctor(&scene, &["--output", "json"]).ends(2);
    assert_eq!(result(&ran.out, "audience"), "fail");
    scene.audience(0..0);
    let ran = doctor(&scene, &["--output", "json"]).ends(4);
    assert_eq!(result(&ran.out, "audience"), "fail");
}

#[test]
fn permissions_of_others_are_named() {
    let fake_platform = FakePlatform::start(&[]);
    let scene = Scene::new(&fake_platform.url, 20);
    let state = scene.dir.path().join(".runner");
    fs::create_dir(&state).unwrap();
    fs::set_permissions(&state, Permissions::from_mode(0o777)).unwrap();
    let ran = doctor(&scene, &["--output", "json"]).ends(1);
    assert_eq!(result(&ran.out, "state"), "fail");
    fs::set_permissions(&state, Permissions::from_mode(0o700)).unwrap();
    let mut command = command(&scene, &["--output", "json"]);
    fs::set_permissions(scene.file(), Permissions::from_mode(0o666)).unwrap();
    let ran = Ran::new(command.output().unwrap()).ends(0);
    assert_eq!(result(&ran.out, "file"), "warn");
    assert_eq!(result(&ran.out, "state"), "ok");
}

/// The lines of a screen from the checks of the network on, in both languages.
fn network(scene: &Scene, exit: i32, variables: &[(&str, &str)]) -> String {
    let screens = ["en", "zh"].map(|language| {
        let mut command = command(scene, &["--lang", language]);
        for name in [
            "ALL_PROXY",
            "all_proxy",
            "https_proxy",
            "NO_PROXY",
            "no_proxy",
            "SSL_CERT_FILE",
        ] {
            command.env_remove(name);
        }
        let ran = Ran::new(command.envs(variables.iter().copied()).output().unwrap()).ends(exit);
        let out = shown(scene, &ran.out);
        let is_network = |line: &str| {
            ["proxy", "代理", "connection", "连接"]
                .iter()
                .any(|subject| line.contains(subject))
        };
        let lines = out.lines().skip_while(|line| !is_network(line));
        lines.collect::<Vec<_>>().join("\n")
    });
    screens.join("\n\n")
}

#[test]
fn a_certificate_that_is_not_trusted_needs_a_person() {
    let runtime = Runtime::new().unwrap();
    let fake_platform = FakePlatform::start(&[]);
    let made = generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let port = terminate(&runtime, &made, &fake_platform.url);
    let scene = Scene::new(&format!("https://localhost:{port}"), 20);
    let mask = |shown: String| {
        shown
            .replace(&port.to_string(), "PORT")
            .replace("::1, 127.0.0.1", "127.0.0.1")
    };
    insta::assert_snapshot!(mask(network(&scene, 4, &[])));

    let trusted = scene.dir.path().join("trusted.pem");
    fs::write(&trusted, made.cert.pem()).unwrap();
    let trusted = trusted.to_str().unwrap();
    insta::assert_snapshot!(mask(network(&scene, 0, &[("SSL_CERT_FILE", trusted)])));
    let missing = [("SSL_CERT_FILE", "/no/such/file.pem")];
    insta::assert_snapshot!(mask(network(&scene, 2, &missing)));
    assert_eq!(fake_platform.log(), Vec::<Value>::new(), "no coupon was sent");
}

/// Serves one answer to every request, and reads only its head.
fn serve(answer: impl Fn() -> String + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
            let begins = lines.by_ref().map_while(Result::ok).take_while(|line| !line.is_empty());
            // The check of the connection sends nothing.
            if begins.count() > 0 {
                let _ = stream.write_all(answer().as_bytes());
            }
        }
    });
    address
}

#[test]
fn a_proxy_that_refuses_or_is_out_of_reach_fails() {
    let scene = Scene::new("https://platform.invalid", 20);
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let refusing = serve(|| "HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n".to_owned());
    let mut screens = String::new();
    for address in [closed, refusing] {
        let proxy = format!("http://buyer:canary-7@{address}");
        let shown = network(&scene, 1, &[("HTTPS_PROXY", &proxy)]);
        screens.push_str(&shown.replace(&address.to_string(), "PROXY"));
        screens.push_str("\n\n");
    }
    assert!(!screens.contains("canary-7"), "{screens}");
    screens.push_str(&network(&scene, 2, &[("HTTPS_PROXY", "socks5://127.0.0.1:1080")]));
    insta::assert_snapshot!(screens);
}

#[test]
fn a_proxy_without_an_address_is_looked_for_in_the_environment() {
    let scene = Scene::new("https://platform.invalid", 20);
    let shown = network(&scene, 1, &[("HTTPS_PROXY", "http://proxy.invalid:3128")]);
    // The system says in its own words why it does not know the name.
    let mask = |line: &str| match line.find(['(', '：']) {
        _ if !line.contains("proxy.invalid:") && !line.contains("proxy.invalid：") => line.to_owned(),
        _ => line.split("proxy.invalid").next().unwrap().to_owned() + "proxy.invalid WHY",
    };
    let lines: Vec<_> = shown.lines().map(mask).collect();
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn a_clock_that_differs_from_the_platforms_is_named() {
    for (name, ahead, exit) in [("ahead", -30, 0), ("behind", 3_600, 1)] {
        let platform = serve(move || {
            let date = Clock::system().now() + SignedDuration::from_secs(ahead);
            let body = r#"{"data":{"access_token":"clt.1","expires_in":7200,"error_code":0},"message":"success"}"#;
            let date = date.strftime("%a, %d %b %Y %H:%M:%S GMT");
            let length = body.len();
            format!("HTTP/1.1 200 OK\r\ndate: {date}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}")
        });
        let scene = Scene::new(&format!("http://{platform}"), 20);
        let shown = network(&scene, exit, &[]);
        // A second may pass between the two clocks.
        let shown = ["29 ", "31 "]
            .iter()
            .fold(shown, |shown, near| shown.replace(near, "30 "));
        let shown = ["3,599 ", "3,601 "]
            .iter()
            .fold(shown, |shown, near| shown.replace(near, "3,600 "));
        insta::assert_snapshot!(format!("clock_{name}"), shown);
    }
}

#[test]
fn a_state_directory_without_permission_fails() {
    let fake_platform = FakePlatform::start(&[]);
    let scene = Scene::new(&fake_platform.url, 20);
    let closed = scene.dir.path().join("closed");
    fs::create_dir(&closed).unwrap();
    fs::set_permissions(scene.dir.path(), Permissions::from_mode(0o755)).unwrap();
    fs::set_permissions(&closed, Permissions::from_mode(0o555)).unwrap();
    for language in ["en", "zh"] {
        let mut command = command(&scene, &["--lang", language, "--state-dir"]);
        command.arg(&closed);
        // Root may write anywhere, so another user runs the program then.
        if rustix::process::geteuid().is_root() {
            std::os::unix::fs::chown(&closed, Some(65_534), Some(65_534)).unwrap();
            command.uid(65_534).gid(65_534).current_dir("/");
        }
        let Ok(output) = command.output() else {
            println!("skipped: nobody else may run this program where it is");
            return;
        };
        let ran = Ran::new(output).ends(1);
        let shown = shown(&scene, &ran.out);
        let failed = shown.lines().skip_while(|line| !line.contains("DIR/closed"));
        let failed: Vec<_> = failed.take(2).collect();
        insta::assert_snapshot!(format!("closed_state_{language}"), failed.join("\n"));
    }
}

#[test]
fn a_disk_that_is_nearly_full_fails() {
    let fake_platform = FakePlatform::start(&[]);
    let scene = Scene::new(&fake_platform.url, 20);
    let mut screens = String::new();
    for (size, exit) in [("size=50m", 1), ("size=500m", 0)] {
        let state = scene.dir.path().join("state");
        fs::create_dir_all(&state).unwrap();
        let Some(_mounted) = Mounted::tmpfs(&state, &format!("{size},mode=700")) else {
            println!("skipped: nothing can be mounted here");
            return;
        };
        for language in ["en", "zh"] {
            let flags = ["--lang", language, "--state-dir", state.to_str().unwrap()];
            let ran = doctor(&scene, &flags).ends(exit);
            let out = ran.out.replace(scene.dir.path().to_str().unwrap(), "DIR");
            let lines = out.lines().skip_while(|line| !line.contains(" MiB"));
            screens.extend(lines.take(2).flat_map(|line| [line, "\n"]));
        }
    }
    insta::assert_snapshot!(screens);
}
