//! A server whose script decides what happens to each request and its connection.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::Notify;

/// One received request.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    /// The number of its connection, from 1.
    pub(crate) connection: usize,
    /// The number of the request, from 1.
    pub(crate) nth: usize,
    /// The request line and the headers.
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Seen {
    pub(crate) fn path(&self) -> &str {
        self.head.split(' ').nth(1).unwrap_or_default()
    }
}

/// What to do with a request.
pub(crate) enum Act {
    /// Write this and keep the connection open.
    Write(String),
    /// Write this and close the connection.
    WriteAndClose(String),
    /// Write this after the notification, and keep the connection open.
    WriteWhen(Arc<Notify>, String),
    /// Send nothing and keep the connection open.
    Hang,
}

#[derive(Clone)]
pub(crate) struct Server {
    pub(crate) url: String,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Server {
    pub(crate) async fn new(script: impl Fn(&Seen) -> Act + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = Self {
            url: format!("http://{}", listener.local_addr().unwrap()),
            seen: Arc::default(),
        };
        let seen = server.seen.clone();
        let script = Arc::new(script);
        tokio::spawn(async move {
            for connection in 1.. {
                let Ok((stream, _)) = listener.accept().await else {
                    return;
                };
                tokio::spawn(serve(stream, connection, seen.clone(), script.clone()));
            }
        });
        server
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }
}

async fn serve(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    connection: usize,
    seen: Arc<Mutex<Vec<Seen>>>,
    script: Arc<impl Fn(&Seen) -> Act>,
) {
    while let Some((head, body)) = request(&mut stream).await {
        let request = {
            let mut seen = seen.lock().unwrap();
            let nth = seen.len() + 1;
            seen.push(Seen {
                connection,
                nth,
                head,
                body,
            });
            seen[nth - 1].clone()
        };
        match script(&request) {
            Act::Write(answer) => {
                if stream.write_all(answer.as_bytes()).await.is_err() {
                    return;
                }
            }
            Act::WriteAndClose(answer) => {
                let _ = stream.write_all(answer.as_bytes()).await;
                let _ = stream.shutdown().await;
                return;
            }
            Act::WriteWhen(let_it, answer) => {
                let_it.notified().await;
                if stream.write_all(answer.as_bytes()).await.is_err() {
                    return;
                }
            }
            Act::Hang => std::future::pending().await,
        }
    }
}

/// Reads the next request on a connection byte by byte, so that none of the following request is taken. `None` at the end
/// of the connection.
pub(crate) async fn request(stream: &mut (impl AsyncRead + Unpin)) -> Option<(String, String)> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    let head = String::from_utf8(head).ok()?;
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    let mut body = vec![0; length.and_then(|length| length.parse().ok()).unwrap_or_default()];
    stream.read_exact(&mut body).await.ok()?;
    Some((head, String::from_utf8(body).ok()?))
}

pub(crate) fn answer(status: u16, headers: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 {status} X\r\ncontent-length: {}\r\n{headers}\r\n{body}",
        body.len()
    )
}

pub(crate) fn ok(body: &str) -> Act {
    Act::Write(answer(200, "content-type: application/json\r\n", body))
}

pub(crate) const ISSUED: &str =
    r#"{"err_no":0,"log_id":"L1","data":{"coupon_info":{"coupon_id":"709","coupon_status":10}}}"#;
