//! `runner sandbox` from the command line.

use std::io::{BufRead, BufReader, Read};
use std::net::TcpListener;
use std::process::{Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

fn sandbox(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_runner"));
    command
        .arg("sandbox")
        .args(args)
        .env_remove("RUNNER_LOG")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

#[test]
fn it_says_where_it_listens_and_in_the_end_what_it_did() {
    let mut process = sandbox(&["--port", "0"]).spawn().expect("it starts");
    let mut line = String::new();
    BufReader::new(process.stdout.take().expect("stdout"))
        .read_line(&mut line)
        .expect("text");
    assert!(line.starts_with("listening on http://127.0.0.1:"), "{line}");
    let pid = i32::try_from(process.id())
        .ok()
        .and_then(Pid::from_raw)
        .expect("a process");
    kill_process(pid, Signal::TERM).expect("the signal is sent");
    assert_eq!(process.wait().expect("it ends").code(), Some(0));
    let mut told = String::new();
    process
        .stderr
        .take()
        .expect("stderr")
        .read_to_string(&mut told)
        .expect("text");
    let url = line.trim().trim_start_matches("listening on ");
    insta::assert_snapshot!(told.replace(url, "URL"));
}

#[test]
fn what_to_do_next_is_said_in_chinese() {
    let mut process = sandbox(&["--port", "0", "--lang", "zh"]).spawn().expect("it starts");
    let mut line = String::new();
    BufReader::new(process.stdout.take().expect("stdout"))
        .read_line(&mut line)
        .expect("text");
    let url = line.trim().trim_start_matches("正在监听 ").to_owned();
    let pid = i32::try_from(process.id())
        .ok()
        .and_then(Pid::from_raw)
        .expect("a process");
    kill_process(pid, Signal::TERM).expect("the signal is sent");
    let output = process.wait_with_output().expect("it ends");
    let said = line + &String::from_utf8_lossy(&output.stderr);
    insta::assert_snapshot!(said.replace(&url, "URL"));
}

#[test]
fn for_programs_it_says_so_in_an_object() {
    let mut process = sandbox(&["--port", "0", "--output", "json"])
        .spawn()
        .expect("it starts");
    let stdout = BufReader::new(process.stdout.take().expect("stdout"));
    let line = stdout.lines().nth(1).expect("a second line").expect("text");
    process.kill().expect("it is ended");
    process.wait().expect("it ends");
    assert!(
        line.starts_with("{\"type\":\"listening\",\"url\":\"http://127.0.0.1:"),
        "{line}"
    );
}

#[test]
fn a_port_that_is_taken_is_an_error_that_names_it() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = taken.local_addr().expect("an address").port().to_string();
    let output = sandbox(&["--port", &port]).output().expect("it starts");
    assert_eq!(output.status.code(), Some(1));
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        told.starts_with(&format!("error[E0505]: cannot listen on 127.0.0.1:{port}\ncaused by: ")),
        "{told}"
    );
    assert!(told.contains("\nhelp: name another port"), "{told}");
}

#[test]
fn too_many_faults_are_a_mistake_on_the_command_line() {
    let output = sandbox(&["--busy", "60%", "--drop", "60%"])
        .output()
        .expect("it starts");
    assert_eq!(output.status.code(), Some(2));
}
