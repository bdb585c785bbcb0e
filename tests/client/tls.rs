//! TLS: an invalid certificate halts the run, and any other failure of the handshake proves that nothing was sent.

use std::sync::Arc;

use rcgen::generate_simple_self_signed;
use runner::model::outcome::{NotIssued, Outcome, Proof};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

use crate::{permit, platform, send};

async fn outcome<F: Future<Output = ()> + Send>(serve: impl Fn(TcpStream) -> F + Send + 'static) -> Outcome {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://localhost:{}", listener.local_addr().unwrap().port());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            serve(stream).await;
        }
    });
    send(&platform(&url), permit().await).await
}

#[tokio::test]
async fn a_certificate_that_nobody_vouches_for_halts() {
    let made = generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let outcome = outcome(move |stream| {
        let acceptor = acceptor.clone();
        async move { drop(acceptor.accept(stream).await) }
    })
    .await;
    assert_eq!(outcome.proof, Proof::NotIssued(NotIssued::Halt), "{outcome:?}");
    let detail = outcome.detail.expect("no code says it");
    let without_port: String = detail.chars().filter(|c| !c.is_ascii_digit()).collect();
    insta::assert_snapshot!(without_port);
}

#[tokio::test]
async fn a_handshake_that_fails_is_surely_not_sent() {
    let outcome = outcome(|mut stream| async move {
        let _ = stream.write_all(b"HTTP/1.1 400 this is no TLS\r\n\r\n").await;
    })
    .await;
    assert_eq!(outcome.proof, Proof::NotIssued(NotIssued::NotSent), "{outcome:?}");
}
