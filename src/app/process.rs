//! Describes this process to other processes.

use jiff::Timestamp;
use rustix::process::{Resource, getrlimit, setrlimit};

use crate::model::actor::Actor;
use crate::model::event::Owner;
use crate::model::run_command::Requester;

/// Describes this process, for other processes to read.
#[must_use]
pub fn this_process(now: Timestamp) -> Owner {
    Owner {
        host: host(),
        pid: std::process::id(),
        since: now,
        command: command(),
    }
}

/// Returns the command line of this process.
fn command() -> String {
    let arguments: Vec<_> = std::env::args_os()
        .map(|argument| argument.to_string_lossy().into_owned())
        .collect();
    arguments.join(" ")
}

/// Returns the name of the user `uid` in the text of `/etc/passwd`. `None` if it is not there.
fn user(passwd: &str, uid: u32) -> Option<String> {
    let uid = uid.to_string();
    passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1) == Some(&*uid)).then(|| name.to_owned())
    })
}

/// Describes this process and its user, for a command to a run. `name` is given with `--by`.
#[must_use]
pub fn this_requester(name: Option<&str>) -> Requester {
    Requester {
        pid: std::process::id(),
        user: login_name(),
        host: host(),
        name: name.map(str::to_owned),
        command: command(),
    }
}

/// Describes this process and its user, for a signal that stops its run.
#[must_use]
pub fn signalled(signal: &str) -> Requester {
    Requester {
        command: signal.to_owned(),
        ..this_requester(None)
    }
}

/// Describes the person who runs this process. `name` is given with `--by`; by default it is the login name.
#[must_use]
pub fn actor(name: Option<&str>) -> Actor {
    let user = login_name();
    Actor {
        name: name.unwrap_or(&user).to_owned(),
        user,
        host: host(),
        command: command(),
    }
}

/// Returns the name of this process's user, as far as the system knows it.
fn login_name() -> String {
    let named = ["USER", "LOGNAME"].iter().find_map(|name| std::env::var(name).ok());
    named
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| user_name(rustix::process::getuid().as_raw()))
}

/// Returns the name of a user of this machine, or the number if the user has no name.
#[must_use]
pub fn user_name(uid: u32) -> String {
    let named = || user(&std::fs::read_to_string("/etc/passwd").ok()?, uid);
    named().unwrap_or_else(|| format!("uid {uid}"))
}

/// Whether a process of this machine was stopped, by ^Z or SIGSTOP, and does nothing. False where the system does not say.
#[must_use]
pub fn is_stopped(process: &Owner) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", process.pid)).unwrap_or_default();
    // The name before the state is in brackets and may contain any character.
    let state = stat.rsplit_once(") ").and_then(|(_, rest)| rest.chars().next());
    process.host == host() && matches!(state, Some('T' | 't'))
}

/// Returns who makes a decision in this process: `user@host`, or `name (user@host)` if a person is named.
#[must_use]
pub fn person(name: Option<&str>) -> String {
    let from = format!("{}@{}", login_name(), host());
    name.map_or(from.clone(), |name| format!("{name} ({from})"))
}

pub(super) fn host() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

/// Raises the limit of open files as far as this process may: a campaign has several files and sockets, and the usual limit is too
/// low for many campaigns.
pub fn allow_many_files() {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    if let Err(error) = setrlimit(Resource::Nofile, limit) {
        tracing::info!("the number of open files stays limited: {error}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_has_a_name() {
        let passwd = "root:x:0:0:root:/root:/bin/sh\n安:x:1000:1000::/home/an:/bin/sh\nbroken\n";
        let named = [0, 1000, 1].map(|uid| user(passwd, uid));
        assert_eq!(named, [Some("root".to_owned()), Some("安".to_owned()), None]);
    }
}
