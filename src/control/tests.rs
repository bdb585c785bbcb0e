//! Both sides in one process: a ledger on disk that is appended to while it is read over the socket.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::ledger::{Fact, Ledger, LedgerError, SledStore, StoreError};
use crate::model::clock::from_ms;
use crate::model::identity::{AppId, CampaignName, Identity, OpenId, PlatformName};
use crate::model::run_command::{Requester, RunCommand};

use super::*;

fn identity() -> Identity {
    Identity {
        campaign: CampaignName::parse("summer").unwrap(),
        app_id: AppId::parse("tt1").unwrap(),
        platform: PlatformName::FakePlatform,
    }
}

/// A batch of some kilobytes. Every seventh does not fit in one value of the store.
fn batch(n: u64) -> Vec<Fact> {
    let recipients = if n.is_multiple_of(7) { Fact::CHUNK } else { 3 };
    let name = |at: usize| OpenId::parse(&format!("ba253642-0590-40bc-a1b2-93c4d5e6f708-{n}-{at}")).unwrap();
    vec![
        Fact::run_began(from_ms(i64::try_from(n).unwrap()), Duration::from_secs(10)),
        Fact::Admitted {
            recipients: (0..recipients).map(name).collect(),
        },
    ]
}

fn facts_of(batches: u64) -> Vec<(u64, Fact)> {
    let numbered = |n| batch(n).into_iter().map(move |fact| (n, fact));
    (1..=batches).flat_map(numbered).collect()
}

async fn facts(ledger: &mut Ledger<OwnerStore>) -> Vec<(u64, Fact)> {
    let mut facts = Vec::new();
    ledger
        .facts(|sequence, fact| facts.push((sequence, fact)))
        .await
        .unwrap();
    facts
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_shown_is_the_ledger_of_one_moment() {
    const BATCHES: u64 = 60;
    let dir = tempfile::tempdir().unwrap();
    let socket = dir.path().join("summer.sock");
    let server = ControlServer::default();
    let listening = server.listen(&socket).unwrap();
    server.show(LedgerView::Empty);
    assert!(OwnerStore::ask(&socket).await.unwrap().is_none(), "there is none yet");
    server.show(LedgerView::Opening);
    let early = tokio::spawn({
        let socket = socket.clone();
        async move { OwnerStore::ask(&socket).await.unwrap().is_some() }
    });

    let store = SledStore::create(dir.path()).await.unwrap();
    let mut own = Ledger::open(store, identity()).await.unwrap();
    server.show(LedgerView::Ledger(Arc::new(own.store().reader().await.unwrap())));
    assert!(
        early.await.unwrap(),
        "whoever asks while it is opened is answered when it is"
    );
    let appending = tokio::spawn(async move {
        for n in 1..=BATCHES {
            own.append(batch(n)).await.unwrap();
        }
        own
    });
    let mut seen = 0;
    while seen < BATCHES {
        let store = OwnerStore::ask(&socket).await.unwrap().unwrap();
        let mut shown = Ledger::open(store, identity()).await.unwrap();
        assert!(shown.sequence() >= seen, "a later look shows no less");
        seen = shown.sequence();
        let all = facts(&mut shown).await;
        assert_eq!(all, facts_of(seen));
        assert_eq!(
            all,
            facts(&mut shown).await,
            "the same again, whatever was added meanwhile"
        );
    }
    let own = appending.await.unwrap();
    let store = OwnerStore::ask(&socket).await.unwrap().unwrap();
    assert_eq!(
        Ledger::open(store, identity()).await.unwrap().state().counts(),
        own.state().counts()
    );
    drop(listening);
    assert!(!socket.exists());
}

fn requester(pid: u32) -> Requester {
    Requester {
        pid,
        user: "ann".to_owned(),
        host: "till-3".to_owned(),
        name: None,
        command: String::new(),
    }
}

#[tokio::test]
async fn an_order_is_answered_by_what_was_ordered_before() {
    let dir = tempfile::tempdir().unwrap();
    let socket = dir.path().join("summer.sock");
    let server = ControlServer::default();
    let _listening = server.listen(&socket).unwrap();
    let commands = server.commands();
    let paused = |pid| RunCommand::Pause { by: requester(pid) };
    assert_eq!(client::resume(&socket, requester(2)).await.unwrap(), RunCommand::Go);
    assert_eq!(client::pause(&socket, requester(1)).await.unwrap(), RunCommand::Go);
    assert_eq!(client::pause(&socket, requester(2)).await.unwrap(), paused(1));
    assert_eq!(*commands.borrow(), paused(1), "the first who paused it stays named");
    assert_eq!(client::resume(&socket, requester(2)).await.unwrap(), paused(1));
    assert_eq!(*commands.borrow(), RunCommand::Resume { by: requester(2) });
    client::pause(&socket, requester(3)).await.unwrap();
    assert_eq!(client::stop(&socket, requester(4)).await.unwrap(), paused(3));
    let stopped = RunCommand::Stop { by: Some(requester(4)) };
    server.signalled(requester(7));
    for before in [
        client::pause(&socket, requester(5)).await,
        client::resume(&socket, requester(2)).await,
        client::stop(&socket, requester(6)).await,
    ] {
        assert_eq!(before.unwrap(), stopped, "nothing undoes a stop");
    }
    assert_eq!(*commands.borrow(), stopped);
}

#[tokio::test]
async fn no_resume_ends_a_freeze_and_the_pause_of_a_person_outlasts_it() {
    let dir = tempfile::tempdir().unwrap();
    let socket = dir.path().join("summer.sock");
    let server = ControlServer::default();
    let _listening = server.listen(&socket).unwrap();
    let resume = |pid| client::resume(&socket, requester(pid));
    server.freeze(requester(1));
    assert_eq!(*server.commands().borrow(), RunCommand::Pause { by: requester(1) });
    assert!(matches!(resume(2).await, Err(ControlError::Refused { .. })));
    assert_eq!(*server.commands().borrow(), RunCommand::Pause { by: requester(1) });
    server.thaw(Some(requester(1)));
    assert_eq!(*server.commands().borrow(), RunCommand::Resume { by: requester(1) });
    server.freeze(requester(1));
    client::pause(&socket, requester(2)).await.unwrap();
    server.thaw(None);
    assert_eq!(*server.commands().borrow(), RunCommand::Pause { by: requester(2) });
    resume(3).await.unwrap();
    assert!(server.commands().borrow().goes_on());
}

#[tokio::test]
async fn a_signal_is_a_stop_of_this_process_and_clients_see_no_requester() {
    let dir = tempfile::tempdir().unwrap();
    let socket = dir.path().join("summer.sock");
    let server = ControlServer::default();
    let _listening = server.listen(&socket).unwrap();
    server.signalled(requester(1));
    let by = requester(1);
    assert_eq!(*server.commands().borrow(), RunCommand::Interrupt { by });
    for before in [
        client::pause(&socket, requester(2)).await,
        client::resume(&socket, requester(2)).await,
        client::stop(&socket, requester(2)).await,
    ] {
        assert_eq!(before.unwrap(), RunCommand::Stop { by: None });
    }
    server.signalled(requester(3));
    assert_eq!(*server.commands().borrow(), RunCommand::Interrupt { by: requester(1) });
}

/// More connections than the server keeps say nothing, and more views than it serves read nothing.
#[tokio::test(flavor = "multi_thread")]
async fn commands_wait_for_nobody() {
    let dir = tempfile::tempdir().unwrap();
    let socket = dir.path().join("summer.sock");
    let mut server = ControlServer::default();
    // No client is dropped for being slow.
    server.patience = Duration::from_hours(1);
    let _listening = server.listen(&socket).unwrap();
    let mut clients = Vec::new();
    for n in 0..200 {
        let mut client = address::connect(&socket).await.unwrap();
        if n % 2 == 0 {
            client.write_all(b"{\"version\":1,\"ask\":\"view\"}\n").await.unwrap();
        }
        clients.push(client);
    }
    assert_eq!(client::pause(&socket, requester(1)).await.unwrap(), RunCommand::Go);
    let paused = RunCommand::Pause { by: requester(1) };
    assert_eq!(client::stop(&socket, requester(2)).await.unwrap(), paused);
    while server.views.available_permits() > 0 {
        tokio::task::yield_now().await;
    }
    let busy = OwnerStore::ask(&socket).await.unwrap_err();
    assert!(matches!(busy, ControlError::Busy { .. }), "{busy}");
    insta::assert_snapshot!(busy.to_string(), @"the process that applies the campaign is busy: 4 other commands are reading its ledger");
    drop(clients);
    server.show(LedgerView::Empty);
    while let Err(error) = OwnerStore::ask(&socket).await {
        assert!(matches!(error, ControlError::Busy { .. }), "{error}");
    }
}

/// Clients take every place of the views and read nothing. Others are silent. All are dropped.
#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_is_silent_or_reads_nothing_is_dropped() {
    let dir = tempfile::tempdir().unwrap();
    let socket = dir.path().join("summer.sock");
    let mut server = ControlServer::default();
    server.patience = Duration::from_millis(50);
    let _listening = server.listen(&socket).unwrap();
    let store = SledStore::create(dir.path()).await.unwrap();
    let mut own = Ledger::open(store, identity()).await.unwrap();
    for n in 1..=14 {
        own.append(batch(n)).await.unwrap();
    }
    server.show(LedgerView::Ledger(Arc::new(own.store().reader().await.unwrap())));
    let mut clients = Vec::new();
    for _ in 0..4 {
        let mut client = address::connect(&socket).await.unwrap();
        client.write_all(b"{\"version\":1,\"ask\":\"view\"}\n").await.unwrap();
        clients.push(client);
    }
    while let Err(error) = OwnerStore::ask(&socket).await {
        assert!(matches!(error, ControlError::Busy { .. }), "{error}");
    }
    let mut silent = address::connect(&socket).await.unwrap();
    let mut answer = String::new();
    silent.read_to_string(&mut answer).await.unwrap();
    assert!(answer.contains("nothing came"), "{answer}");
    drop(clients);
}

/// Accepts one connection and answers it with `bytes`.
fn say(path: &Path, bytes: Vec<u8>) -> PathBuf {
    let listener = address::bind(path).unwrap();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let _ = stream.read(&mut [0; 1024]).await;
        let _ = stream.write_all(&bytes).await;
    });
    path.to_owned()
}

#[tokio::test]
async fn an_owner_that_breaks_off_or_talks_nonsense_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("summer.sock");
    let head = b"{\"version\":1,\"answer\":\"view\",\"batches\":2}\n";
    for (behind, cut) in [
        (&b""[..], true),
        (b"\0\0", true),
        (b"\0\0\0\x05fact", true),
        (b"\xff\xff\xff\xff and no four gigabytes", true),
        (b"\0\0\0\x04fact\0\0\0\x04fact", false),
    ] {
        let store = OwnerStore::ask(&say(&path, [&head[..], behind].concat())).await;
        let error = Ledger::open(store.unwrap().unwrap(), identity()).await.unwrap_err();
        // That the owner ended says nothing about its ledger.
        let broken_off = matches!(error, LedgerError::Store(StoreError::Owner { .. }));
        let unreadable = matches!(error, LedgerError::Record { sequence: 1, .. });
        assert_eq!((broken_off, unreadable), (cut, !cut), "{error}");
    }
    let gone = OwnerStore::ask(&say(&path, Vec::new())).await.unwrap_err();
    assert!(matches!(gone, ControlError::Nobody { .. }), "{gone}");
    let refused = OwnerStore::ask(&say(
        &path,
        b"{\"version\":1,\"answer\":\"taken\",\"before\":{\"order\":\"go\"}}\n".to_vec(),
    ))
    .await;
    assert!(matches!(refused, Err(ControlError::Unclear { .. })));
}
