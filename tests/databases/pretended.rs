//! Servers that no installation gives: one that is silent, one without TLS, and one that reports a wrong password and
//! quotes it.

use std::time::Duration;

use runner::audience::Source;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::{Url, all, told};

const PASSWORD: &str = "canary-31415";

/// Serves one connection, and returns its URL and port.
async fn serve<F: Future<Output = ()> + Send>(with: impl FnOnce(TcpStream) -> F + Send + 'static) -> (Url, u16) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        with(stream).await;
    });
    (
        Url::new(&format!("postgres://reader:{PASSWORD}@127.0.0.1:{port}/members")),
        port,
    )
}

/// Reads the next message of a client. The first messages have no kind.
async fn message(stream: &mut TcpStream, kind: bool) -> Vec<u8> {
    if kind {
        stream.read_u8().await.unwrap();
    }
    let length = stream.read_u32().await.unwrap();
    let mut body = vec![0; length as usize - 4];
    stream.read_exact(&mut body).await.unwrap();
    body
}

async fn refuse_tls(stream: &mut TcpStream) {
    message(stream, false).await;
    stream.write_all(b"N").await.unwrap();
}

async fn error_of(url: &Url) -> String {
    let error = all(&Source::Postgres(url.ask("select 'u' as open_id")))
        .await
        .unwrap_err();
    let debug = format!("{error:?}");
    assert!(!debug.contains("canary") && !debug.contains("%2"), "{debug}");
    told(&error)
}

#[tokio::test]
async fn a_wrong_password_is_reported_and_not_shown() {
    let (url, _) = serve(async |mut stream| {
        refuse_tls(&mut stream).await;
        message(&mut stream, false).await;
        stream.write_all(b"R\0\0\0\x08\0\0\0\x03").await.unwrap();
        let password = message(&mut stream, true).await;
        let password = String::from_utf8(password).unwrap();
        let said = format!(
            "SFATAL\0VFATAL\0C28P01\0Mpassword authentication failed for user \"reader\" with {}\0\0",
            password.trim_end_matches('\0')
        );
        stream.write_u8(b'E').await.unwrap();
        stream.write_u32(u32::try_from(said.len() + 4).unwrap()).await.unwrap();
        stream.write_all(said.as_bytes()).await.unwrap();
        let _ = stream.read_u8().await;
    })
    .await;
    insta::assert_snapshot!(error_of(&url).await);
}

#[tokio::test]
async fn tls_is_demanded_of_a_server_without_it() {
    let (_, port) = serve(async |mut stream| {
        refuse_tls(&mut stream).await;
        let _ = stream.read_u8().await;
    })
    .await;
    let url = Url::new(&format!(
        "postgres://reader:{PASSWORD}@127.0.0.1:{port}/members?sslmode=require"
    ));
    insta::assert_snapshot!(error_of(&url).await);
}

#[tokio::test]
async fn a_server_that_says_nothing() {
    let (url, _) = serve(async |stream| {
        let _open = stream;
        std::future::pending::<()>().await;
    })
    .await;
    let mut source = url.ask("select 'u' as open_id");
    source.query.limits.connect = Duration::from_millis(100);
    insta::assert_snapshot!(told(&all(&Source::Postgres(source)).await.unwrap_err()));
}

/// A MySQL server speaks first. A silent one is abandoned just as soon.
#[tokio::test]
async fn a_mysql_server_that_says_nothing() {
    let (_, port) = serve(async |stream| {
        let _open = stream;
        std::future::pending::<()>().await;
    })
    .await;
    let url = Url::new(&format!("mysql://reader:{PASSWORD}@127.0.0.1:{port}/members"));
    let mut source = url.ask("select 'u' as open_id");
    source.query.limits.connect = Duration::from_millis(100);
    insta::assert_snapshot!(told(&all(&Source::Mysql(source)).await.unwrap_err()));
}

#[tokio::test]
async fn no_server_at_all() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let url = Url::new(&format!("postgres://reader:{PASSWORD}@127.0.0.1:{port}/members"));
    insta::assert_snapshot!(error_of(&url).await);
}

/// The reference resolves to an invalid URL, which must not be shown either.
#[tokio::test]
async fn what_is_no_url_of_a_server() {
    let mut said = String::new();
    for url in [
        "canary-31415",
        "mysql://reader:canary-31415@db/members",
        "postgres://reader:canary-31415@db:port/members",
        "postgres://reader:canary-31415@db/members?sslmod=canary-31415",
        "postgres://reader@db/members?canary-31415",
        "postgres://reader:canary-31415@db/members?sslmode=canary-31415",
        "postgres://reader:ca%6Eary-31415@127.0.0.1:1/members",
        "postgres://reader:zqxyw@127.0.0.1:1/members",
        "postgres://reader@127.0.0.1:1/members?password=zqxyw",
        "",
    ] {
        let asked = Url::new(url);
        let text = error_of(&asked).await;
        assert!(!text.contains("canary") && !text.contains("zqx"), "{text}");
        said += &text.replace(&asked.path.display().to_string(), "URL");
    }
    insta::assert_snapshot!(said);
}
