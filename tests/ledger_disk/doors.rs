//! A directory that is not writable, and the error of a second process.

use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;

use crate::child::{command, start};
use runner::ledger::lock::Purpose;

use crate::place;

/// Root may write anywhere, so the child runs as another user then.
#[test]
fn a_directory_that_is_closed_is_named() {
    let root = tempfile::tempdir().unwrap();
    std::fs::set_permissions(root.path(), std::fs::Permissions::from_mode(0o555)).unwrap();
    let mut child = command("append", root.path());
    if rustix::process::geteuid().is_root() {
        child.uid(65_534).gid(65_534).current_dir("/");
    }
    if child.output().is_err() {
        println!("skipped: nobody else may run this program where it is");
        return;
    }
    let mut said = start(child);
    if said.next().is_none() {
        println!("skipped: nobody else may run this program where it is");
        return;
    }
    let refused = said.next().unwrap().replace(root.path().to_str().unwrap(), "");
    assert_eq!(
        refused,
        "refused cannot create /.runner: Permission denied (os error 13)"
    );
    said.kill();
}

#[test]
fn a_second_process_learns_who_owns_the_ledger() {
    let root = tempfile::tempdir().unwrap();
    let lock = place(root.path())
        .lock(&crate::common::owner(), Purpose::Apply)
        .unwrap();
    let first_refusal = || {
        let mut said = start(command("append", root.path()));
        let line = std::iter::from_fn(|| said.next()).find(|line| line != "begun");
        said.kill();
        line.unwrap()
    };
    let refused = first_refusal();
    let owner = format!(
        "the campaign's ledger is taken by process {} on here",
        std::process::id()
    );
    assert!(refused.contains(&owner), "{refused}");
    drop(lock);
    assert_eq!(first_refusal(), "opened 0");
}
