//! Tests of the lock's files: what other users may leave in the directories, and what happens at the end of an owner.

use std::os::unix::fs::symlink;

use super::*;

const NAME: &str = "runner-app-id-test";

/// A directory like those that all users share.
fn shared() -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    fs::set_permissions(directory.path(), Permissions::from_mode(0o1777)).unwrap();
    directory
}

fn lock(directory: &Path) -> Result<LockFiles, Process> {
    LockFiles::lock_in([directory].into_iter(), NAME)
}

fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap();
    entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}

#[test]
fn one_process_has_the_file_and_it_ends_with_the_lock() {
    let directory = shared();
    let first = lock(directory.path()).unwrap();
    let mode = fs::metadata(directory.path().join(NAME)).unwrap().mode();
    assert_eq!(mode & 0o777, READABLE, "every user may lock it, whatever the umask");
    let holder = lock(directory.path()).unwrap_err();
    if cfg!(target_os = "linux") {
        let uid = rustix::process::geteuid().as_raw();
        let this = Process {
            pid: Some(std::process::id()),
            uid: Some(uid),
        };
        assert_eq!(holder, this);
    }
    assert_eq!(names(directory.path()), [NAME]);
    drop(first);
    assert!(names(directory.path()).is_empty());
    drop(lock(directory.path()).unwrap());
}

/// A process that was killed leaves its file, and the kernel has unlocked it.
#[test]
fn a_file_that_was_left_is_locked() {
    let directory = shared();
    fs::write(directory.path().join(NAME), "").unwrap();
    let held = lock(directory.path()).unwrap();
    assert_eq!(held.0.len(), 1);
    lock(directory.path()).unwrap_err();
}

#[test]
fn what_another_user_leaves_in_the_directory_keeps_nobody_out() {
    let directory = shared();
    let path = directory.path().join(NAME);
    let elsewhere = directory.path().join("elsewhere");
    let pipe = || {
        let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
        rustix::fs::mknodat(rustix::fs::CWD, &path, rustix::fs::FileType::Fifo, mode, 0).unwrap();
    };
    let leave: [&dyn Fn(); 3] = [
        &|| symlink(&elsewhere, &path).unwrap(),
        &|| fs::create_dir(&path).unwrap(),
        &pipe,
    ];
    for leave in leave {
        leave();
        let passed_over = lock(directory.path()).unwrap();
        assert!(passed_over.0.is_empty());
        drop(passed_over);
        assert!(!elsewhere.exists(), "a link is not followed");
        let is_directory = fs::symlink_metadata(&path).unwrap().is_dir();
        if is_directory {
            fs::remove_dir(&path).unwrap();
        } else {
            fs::remove_file(&path).unwrap();
        }
    }
}

#[test]
fn a_directory_in_which_users_remove_files_of_others_is_not_used() {
    for mode in [0o777, 0o1755, 0o755] {
        let directory = shared();
        fs::set_permissions(directory.path(), Permissions::from_mode(mode)).unwrap();
        assert!(lock(directory.path()).unwrap().0.is_empty(), "{mode:o}");
        assert!(names(directory.path()).is_empty());
    }
}

#[test]
fn the_process_that_has_a_lock_is_in_the_kernel_s_list() {
    let locks = "1: POSIX  ADVISORY  WRITE 10 00:1a:7 0 EOF\n\
                 2: FLOCK  ADVISORY  WRITE 4711 00:1a:7 0 EOF\n\
                 2: -> FLOCK  ADVISORY  WRITE 12 00:1a:8 0 EOF\n\
                 3: FLOCK  ADVISORY  READ 13 fe:00:9 0 EOF\n\
                 a line of another kernel\n";
    assert_eq!(find_pid(locks, "00:1a:7"), Some(4711));
    assert_eq!(find_pid(locks, "00:1a:8"), None, "it waits");
    assert_eq!(find_pid(locks, "fe:00:9"), Some(13));
}
