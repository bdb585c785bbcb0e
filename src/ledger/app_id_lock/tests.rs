//! Tests of the app id's lock beside other processes that answer, are silent, or belong to other users.

use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};

use super::*;
use crate::model::clock::from_ms;

fn owner(pid: u32) -> Owner {
    Owner {
        host: "here".to_owned(),
        pid,
        since: from_ms(0),
        command: "runner apply summer.yaml".to_owned(),
    }
}

/// An app id that no other test locks.
fn app_id(test: &str) -> AppId {
    AppId::parse(&format!("tt-{test}-{}", std::process::id())).unwrap()
}

async fn try_take(port: u16, app_id: &AppId) -> Result<AppIdLock, AppIdLockError> {
    AppIdLock::try_take(&format!("http://127.0.0.1:{port}"), app_id, &owner(1)).await
}

fn holder(taken: Result<AppIdLock, AppIdLockError>) -> Holder {
    match taken {
        Err(AppIdLockError::Taken(holder)) => holder,
        Err(error) => panic!("{error}"),
        Ok(_) => panic!("it was free"),
    }
}

fn listen(port: u16, app_id: &AppId) -> UnixListener {
    let name = name(&format!("http://127.0.0.1:{port}"), app_id);
    UnixListener::bind_addr(&SocketAddr::from_abstract_name(name).unwrap()).unwrap()
}

#[tokio::test]
async fn an_app_id_has_one_owner_for_each_platform_that_answers() {
    let app_id = app_id("owner");
    let first = try_take(1, &app_id).await.unwrap();
    let other = try_take(2, &app_id).await.unwrap();
    for port in [1, 1, 1, 2] {
        let holder = holder(try_take(port, &app_id).await);
        let said = holder.owner.unwrap();
        assert_eq!(said.command, "runner apply summer.yaml");
        assert_eq!(said.pid, std::process::id(), "the kernel knows better than the owner");
        assert_eq!(holder.process.pid, Some(std::process::id()));
        assert!(holder.process.is_of_this_user() && !holder.is_silent);
    }
    drop(first);
    let again = try_take(1, &app_id).await.unwrap();
    drop((again, other));
}

/// A process that is suspended accepts nothing. The executor has one thread, so a call that blocked it would let no other task
/// go on.
#[tokio::test(flavor = "current_thread")]
async fn a_holder_that_is_silent_delays_no_other_task() {
    let app_id = app_id("silent");
    let _suspended = listen(1, &app_id);
    let mut others = 0_u32;
    let name = name("http://127.0.0.1:1", &app_id);
    let asked = tokio::select! {
        biased;
        asked = socket::ask(&name, PATIENCE) => asked,
        () = async {
            loop {
                tokio::task::yield_now().await;
                others += 1;
            }
        } => unreachable!(),
    };
    let Asked::Process { process, answer: None } = asked else {
        panic!("it answered");
    };
    assert_eq!(process.pid, Some(std::process::id()), "the kernel names it");
    assert!(others > 0, "it blocked the thread");
    let holder = holder(try_take(1, &app_id).await);
    assert!(holder.is_silent && holder.process == process, "{holder:?}");
}

/// A process that was suspended for a long time has a full queue, in which a connect would wait for room.
#[tokio::test(flavor = "current_thread")]
async fn a_holder_with_a_full_queue_is_not_waited_for() {
    let app_id = app_id("full");
    let listener = listen(1, &app_id);
    rustix::net::listen(&listener, 0).unwrap();
    let _in_queue = UnixStream::connect_addr(&listener.local_addr().unwrap()).unwrap();
    let holder = holder(try_take(1, &app_id).await);
    assert!(holder.is_silent && holder.owner.is_none(), "{holder:?}");
    assert_eq!(holder.process, Process::default(), "even the kernel does not name it");
}

/// A release must end while a client has connected and reads nothing.
#[tokio::test]
async fn a_release_waits_for_no_client() {
    let app_id = app_id("release");
    let lock = try_take(1, &app_id).await.unwrap();
    let name = SocketAddr::from_abstract_name(name("http://127.0.0.1:1", &app_id)).unwrap();
    let clients: Vec<_> = (0..100).map(|_| UnixStream::connect_addr(&name).unwrap()).collect();
    drop(lock);
    drop(try_take(1, &app_id).await.unwrap());
    drop(clients);
}

#[test]
fn a_process_of_another_user_is_not_of_this_one() {
    let uid = rustix::process::geteuid().as_raw();
    let of = |uid| Process { pid: Some(1), uid };
    assert!(of(Some(uid)).is_of_this_user());
    assert!(!of(Some(uid + 1)).is_of_this_user());
    assert!(!of(None).is_of_this_user());
}
