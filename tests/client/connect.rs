//! The connection comes before the pace: it is made without a byte of a request, and a send writes on it at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use runner::douyin::{Connection, Platform, Sent};
use runner::model::delivery::StateName;
use runner::model::event::{Event, EventKind};
use runner::model::outcome::{NotIssued, Proof};
use runner::model::run_command::RunCommand;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::server::{Act, ISSUED, Server, answer, ok, request};
use crate::{permit, permits, platform, send};

/// Many connects complete together. Each request leaves when its own start is taken, and no sooner.
#[tokio::test]
async fn connections_that_are_made_together_send_one_by_one() {
    const MANY: usize = 20;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let platform = platform(&format!("http://{}", listener.local_addr().unwrap()));
    let mut held = Vec::new();
    let mut streams: Vec<TcpStream> = Vec::new();
    for _ in 0..MANY {
        held.push((platform.ready().await.unwrap(), platform.connect().await.unwrap()));
        streams.push(listener.accept().await.unwrap().0);
    }
    let permits = permits(u32::try_from(MANY).unwrap()).await;
    for (nth, (permit, (access, connection))) in permits.into_iter().zip(held).enumerate() {
        for silent in &streams[nth..] {
            let read = silent.try_read(&mut [0; 1]).map_err(|error| error.kind());
            assert_eq!(read, Err(std::io::ErrorKind::WouldBlock), "after {nth} starts");
        }
        let serve = async {
            let (_, body) = request(&mut streams[nth]).await.unwrap();
            let said = answer(200, "connection: close\r\n", ISSUED);
            streams[nth].write_all(said.as_bytes()).await.unwrap();
            body
        };
        let id = permit.merchant_coupon_id().to_string();
        let (Sent { outcome, .. }, body) = tokio::join!(platform.send(access, connection, permit), serve);
        assert!(matches!(outcome.proof, Proof::Issued { .. }), "{outcome:?}");
        assert!(body.contains(&id), "{body}");
    }
}

/// The server holds the handshake. A start that was counted by then would leave together with later ones.
#[tokio::test]
async fn no_start_is_counted_before_the_connection_and_a_stop_ends_the_wait_for_it() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://localhost:{}", listener.local_addr().unwrap().port());
    let (commands, told) = watch::channel(RunCommand::Go);
    let starts = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&starts);
    let emit = Arc::new(move |event: Event| {
        if matches!(event.kind, EventKind::AttemptBegan { .. }) {
            counted.fetch_add(1, Ordering::SeqCst);
        }
    });
    let hold = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut hello = [0; 1];
        stream.read_exact(&mut hello).await.unwrap();
        let before = starts.load(Ordering::SeqCst);
        commands.send_replace(RunCommand::Stop { by: None });
        (before, stream)
    };
    let ((ended, ledger), (before, stream)) = tokio::join!(crate::mixed::apply(&url, told, emit), hold);
    drop(stream);
    assert_eq!((before, starts.load(Ordering::SeqCst)), (0, 0));
    let counts = ledger.state().counts();
    assert_eq!(counts.count(StateName::Pending), counts.audience(), "{:?}", ended.why);
}

#[tokio::test]
async fn a_connection_that_is_closed_before_its_request_is_surely_not_sent() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let platform = platform(&format!("http://{}", listener.local_addr().unwrap()));
    let connection = platform.connect().await.unwrap();
    drop(listener.accept().await.unwrap());
    let permit = permit().await;
    let access = platform.ready().await.unwrap();
    while connection.is_usable() {
        tokio::task::yield_now().await;
    }
    let Sent { outcome, .. } = platform.send(access, connection, permit).await;
    assert_eq!(outcome.proof, Proof::NotIssued(NotIssued::NotSent), "{outcome:?}");
}

/// A connection that the server closed while it was idle, or while its attempt waited for the pace, is replaced.
#[tokio::test]
async fn a_used_connection_that_the_server_closed_is_not_usable() {
    let server = Server::new(|seen| match seen.nth {
        2 => Act::WriteAndClose(answer(200, "", ISSUED)),
        _ => ok(ISSUED),
    })
    .await;
    let platform = platform(&server.url);
    let mut permits = permits(3).await;
    send(&platform, permits.remove(0)).await;
    let access = platform.ready().await.unwrap();
    let connection = platform.connect().await.unwrap();
    assert!(connection.is_usable());
    let Sent { connection, .. } = platform.send(access, connection, permits.remove(0)).await;
    let connection = connection.unwrap();
    while connection.is_usable() {
        tokio::task::yield_now().await;
    }
    connection.release();
    send(&platform, permits.remove(0)).await;
    let connections: Vec<usize> = server.seen().iter().map(|seen| seen.connection).collect();
    assert_eq!(connections, [1, 1, 2]);
}
