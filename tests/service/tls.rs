//! A service that encrypts requests itself.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Stdio};
use std::thread::park_timeout;
use std::time::Duration;

use reqwest::header::{COOKIE, HOST, SET_COOKIE};
use reqwest::{Certificate, Client, Response};
use tokio::runtime::Runtime;

use crate::client::Directory;
use crate::database::{TestDatabase, until};

struct Encrypted {
    child: Child,
    url: String,
    link: String,
    runtime: Runtime,
}

impl Drop for Encrypted {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Encrypted {
    fn start(directory: &Directory) -> Self {
        Self::start_with(directory, &["--sandbox"], &[], "serving")
    }

    /// Starts a service, and waits until it has printed an object of this type.
    fn start_with(directory: &Directory, options: &[&str], variables: &[(&str, String)], printed: &str) -> Self {
        let mut child = directory
            .runner(&["serve", "campaigns", "--listen", "127.0.0.1:0", "--output", "json"])
            .args(options)
            .envs(variables.iter().map(|(name, value)| (*name, value)))
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let r#type = format!("\"type\":\"{printed}\"");
        let serving = lines.find(|line| line.as_ref().unwrap().contains(&r#type));
        let serving: serde_json::Value = serde_json::from_str(&serving.unwrap().unwrap()).unwrap();
        let text = |key: &str| serving[key].as_str().unwrap_or_default().to_owned();
        Self {
            child,
            url: text("url"),
            link: text("link"),
            runtime: Runtime::new().unwrap(),
        }
    }

    /// Asks as a browser does that trusts one certificate only. `None` if that is not the one of the service.
    fn get(&self, url: &str, trusted: &str, cookie: &str) -> Option<(u16, String, String)> {
        let _inside = self.runtime.enter();
        let trusted = Certificate::from_pem(trusted.as_bytes()).unwrap();
        let client = Client::builder().no_proxy().tls_certs_only([trusted]).build().unwrap();
        let asked = client
            .get(url)
            .header(COOKIE, cookie)
            .header("accept-language", "en")
            .send();
        let answer: Response = self.runtime.block_on(asked).ok()?;
        let status = answer.status().as_u16();
        let set = answer
            .headers()
            .get(SET_COOKIE)
            .map(|set| set.to_str().unwrap().to_owned());
        let body = self.runtime.block_on(answer.text()).unwrap();
        Some((status, set.unwrap_or_default(), body))
    }

    fn wait_for(&self, trusted: &str, cookie: &str, text: &str) {
        for _ in 0..600 {
            let page = self.get(&self.url, trusted, cookie);
            if page.is_some_and(|(_, _, body)| body.contains(text)) {
                return;
            }
            park_timeout(Duration::from_millis(100));
        }
        panic!("no page has {text:?}");
    }
}

/// Writes a certificate and its key. Returns the certificate.
fn write_certificate(directory: &Directory) -> String {
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let folder = directory.temp.path();
    fs::write(folder.join("key.pem"), made.signing_key.serialize_pem()).unwrap();
    fs::write(folder.join("cert.pem"), made.cert.pem()).unwrap();
    made.cert.pem()
}

#[test]
fn a_certificate_encrypts_and_is_replaced_without_a_restart() {
    let directory = Directory::new(5);
    let text = "version: 1\ntls: {cert: cert.pem, key: key.pem}\n";
    fs::write(directory.temp.path().join("server.yaml"), text).unwrap();
    let refused = directory.run(&["serve", "campaigns", "--sandbox"]);
    let why = String::from_utf8(refused.stderr).unwrap();
    assert_eq!(refused.status.code(), Some(2), "{why}");
    assert!(why.contains("E0144") && why.contains("cert.pem"), "{why}");
    let first = write_certificate(&directory);
    let service = Encrypted::start(&directory);
    assert!(service.url.starts_with("https://127.0.0.1:"), "{}", service.url);
    let (status, set, _) = service.get(&service.link, &first, "").unwrap();
    assert_eq!(status, 200);
    assert!(set.starts_with("__Host-") && set.contains("Secure"), "{set}");
    let cookie = set.split(';').next().unwrap().to_owned();
    service.wait_for(&first, &cookie, "needs approval");
    // Nothing is said in clear text.
    let address = service.url.strip_prefix("https://").unwrap();
    let mut clear = TcpStream::connect(address).unwrap();
    write!(clear, "GET / HTTP/1.1\r\n{HOST}: {address}\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    let _ = clear.read_to_end(&mut answer);
    assert!(!String::from_utf8_lossy(&answer).contains("HTTP/1.1"));
    let second = write_certificate(&directory);
    service.wait_for(&second, &cookie, "needs approval");
    assert_eq!(service.get(&service.url, &first, &cookie), None);
    // A file with a mistake changes nothing.
    fs::write(directory.temp.path().join("key.pem"), "no key").unwrap();
    service.wait_for(&second, &cookie, "E0144");
}

#[test]
fn a_service_that_forwards_knows_the_certificate_of_the_one_that_has_the_campaigns() {
    const TLS: &str = "version: 1\ntls: {cert: cert.pem, key: key.pem}\n";
    let Some(database) = TestDatabase::create() else { return };
    let variables = [("RUNNER_STORE", database.url())];
    let directories = [(); 3].map(|()| {
        let directory = Directory::new(5);
        fs::write(directory.temp.path().join("server.yaml"), TLS).unwrap();
        directory
    });
    let [one, two, three] = &directories;
    let trusted = write_certificate(one);
    for file in ["cert.pem", "key.pem"] {
        fs::copy(one.temp.path().join(file), two.temp.path().join(file)).unwrap();
    }
    let other = write_certificate(three);
    let owner = Encrypted::start_with(one, &[], &variables, "serving");
    let standby = Encrypted::start_with(two, &[], &variables, "waiting");
    let stranger = Encrypted::start_with(three, &[], &variables, "waiting");
    let ready = |service: &Encrypted, trusted: &str| service.get(&format!("{}/readyz", service.url), trusted, "");
    until("requests are forwarded", || {
        ready(&standby, &trusted).is_some_and(|(status, ..)| status == 200)
    });
    // The link of the one that has the campaigns signs in here, too.
    let link = owner.link.replace(&owner.url, &standby.url);
    let (status, set, _) = standby.get(&link, &trusted, "").unwrap();
    assert_eq!(status, 200);
    assert!(set.starts_with("__Host-") && set.contains("Secure"), "{set}");
    let cookie = set.split(';').next().unwrap().to_owned();
    standby.wait_for(&trusted, &cookie, "needs approval");
    // A service with another certificate sends it nothing.
    until("the other certificate is refused", || {
        let page = stranger.get(&stranger.url, &other, &cookie).unwrap();
        page.0 == 503 && page.2.contains("Its certificate is not trusted here")
    });
    assert_eq!(ready(&stranger, &other).unwrap().0, 503);
}
