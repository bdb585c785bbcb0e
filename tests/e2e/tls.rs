//! Whole runs over TLS: with a trusted certificate and without.

use std::fs;
use std::sync::Arc;

use rcgen::{CertifiedKey, KeyPair, generate_simple_self_signed};
use runner::model::delivery::StateName;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

use crate::scene::{FakePlatform, Ran, Scene};

/// Decrypts TLS on loopback and forwards to the fake platform. Returns its port.
pub fn terminate(runtime: &Runtime, made: &CertifiedKey<KeyPair>, fake_platform: &str) -> u16 {
    terminate_at(runtime, "127.0.0.1", made, fake_platform)
}

/// Decrypts TLS at an address of this machine and forwards to the fake platform. Returns its port.
pub fn terminate_at(runtime: &Runtime, address: &str, made: &CertifiedKey<KeyPair>, fake_platform: &str) -> u16 {
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let behind = fake_platform.strip_prefix("http://").unwrap().to_owned();
    let listener = runtime.block_on(TcpListener::bind((address, 0))).unwrap();
    let port = listener.local_addr().unwrap().port();
    runtime.spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            let behind = behind.clone();
            tokio::spawn(async move {
                let mut outside = acceptor.accept(stream).await?;
                let mut inside = TcpStream::connect(behind).await?;
                copy_bidirectional(&mut outside, &mut inside).await
            });
        }
    });
    port
}

#[test]
fn a_certificate_that_is_vouched_for_completes_and_any_other_halts() {
    let runtime = Runtime::new().unwrap();
    let fake_platform = FakePlatform::start(&["--refuse", "0%"]);
    let made = generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let port = terminate(&runtime, &made, &fake_platform.url);
    let scene = Scene::new(&format!("https://localhost:{port}"), 20);
    let trusted = scene.dir.path().join("trusted.pem");
    fs::write(&trusted, made.cert.pem()).unwrap();

    let stranger = Ran::new(scene.apply(&[]).output().unwrap()).ends(4);
    assert!(stranger.out.contains("certificate"), "{}", stranger.out);
    assert!(
        fake_platform.log().is_empty(),
        "nothing is sent to whom nobody vouches for"
    );

    Ran::new(scene.apply(&[]).env("SSL_CERT_FILE", &trusted).output().unwrap()).ends(0);
    let counts = scene.ledger(|ledger| ledger.state().counts()).unwrap();
    assert_eq!(counts.count(StateName::Issued), 20);
    assert!(fake_platform.issued_each_by_one_request());
}
