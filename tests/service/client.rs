//! A running service, and a browser without a screen.

use std::fs;
use std::io::{BufRead as _, BufReader, Lines, Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};
use std::ops::{Deref, DerefMut};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::thread::park_timeout;
use std::time::Duration;

use runner::service::passwords::PasswordHash;
use rustix::net::{AddressFamily, SocketType, bind, connect, socket};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// The password of the users of [`Directory::write_users`].
pub const PASSWORD: &str = "correct-horse";

/// A directory with a campaign, and nothing of the user's.
pub struct Directory {
    pub temp: TempDir,
}

impl Directory {
    /// A directory with one campaign of `users` users.
    pub fn new(users: usize) -> Self {
        let directory = Self::empty();
        directory.write("tea", "奶茶 <b>券</b>", users);
        directory
    }

    /// A directory without campaigns.
    pub fn empty() -> Self {
        let directory = Self {
            temp: tempfile::tempdir().unwrap(),
        };
        fs::create_dir(directory.campaigns()).unwrap();
        directory
    }

    pub fn campaigns(&self) -> PathBuf {
        self.temp.path().join("campaigns")
    }

    /// Writes a campaign file and its audience.
    pub fn write(&self, name: &str, title: &str, users: usize) {
        let rows: Vec<_> = (0..users).map(|user| format!("{name}-user-{user}")).collect();
        let text = format!("open_id\n{}\n", rows.join("\n"));
        fs::write(self.campaigns().join(format!("{name}.csv")), text).unwrap();
        self.write_file(name, title, "");
    }

    pub fn write_file(&self, name: &str, title: &str, more: &str) {
        let text = format!(
            "version: 1\ncampaign: {name}\ntitle: \"{title}\"\napp_id: ttec789ac573xxxxxx01\n\
             activity_id: \"7218071234565644204\"\ntimezone: Asia/Shanghai\n\
             audience:\n  source:\n    csv: {{path: {name}.csv, open_id: open_id}}\n{more}"
        );
        fs::write(self.campaigns().join(format!("{name}.yaml")), text).unwrap();
    }

    pub fn runner(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_runner"));
        command
            .args(args)
            .current_dir(self.temp.path())
            .env("XDG_STATE_HOME", self.temp.path().join("state"))
            .env("RUNNER_LANG", "en")
            .env("USER", "li")
            .env_remove("RUNNER_STORE")
            .stdin(Stdio::null());
        command
    }

    pub fn run(&self, args: &[&str]) -> Output {
        self.runner(args).output().unwrap()
    }

    /// Starts a service that rehearses, and signs in.
    pub fn serve(&self) -> Service {
        self.serve_with(&["--sandbox"], &[])
    }

    /// Writes the file of the service with these users and their roles. Their password is [`PASSWORD`].
    pub fn write_users(&self, users: &[(&str, &str)]) {
        let hash = PasswordHash::make(PASSWORD).unwrap();
        fs::write(self.temp.path().join("a.hash"), hash).unwrap();
        let lines = users
            .iter()
            .map(|(name, roles)| format!("  - {{name: {name}, password: {{file: a.hash}}, roles: [{roles}]}}\n"));
        let text = format!("version: 1\nusers:\n{}", lines.collect::<String>());
        fs::write(self.temp.path().join("server.yaml"), text).unwrap();
    }

    /// Starts a service with these options and variables, and signs in.
    pub fn serve_with(&self, options: &[&str], variables: &[(&str, String)]) -> Service {
        let mut service = self.start(options, variables);
        // A service with users has no link.
        if service.link != "/" {
            service.open_link();
        }
        service
    }

    /// Starts a service with these options and variables. Nobody is signed in.
    pub fn start(&self, options: &[&str], variables: &[(&str, String)]) -> Service {
        let (mut child, mut lines) = self.spawn(options, variables);
        let Some(serving) = read_object(&mut lines, "serving") else {
            let mut why = String::new();
            child.stderr.take().unwrap().read_to_string(&mut why).unwrap();
            panic!("the service did not begin: {why}");
        };
        Service::new(child, &serving)
    }

    /// Starts a service that waits for another one of its fleet.
    pub fn start_waiting(&self, options: &[&str], variables: &[(&str, String)]) -> WaitingService {
        let (child, mut lines) = self.spawn(options, variables);
        let waiting = read_object(&mut lines, "waiting").unwrap();
        let service = Service::new(child, &waiting);
        WaitingService { service, lines }
    }

    fn spawn(&self, options: &[&str], variables: &[(&str, String)]) -> (Child, Printed) {
        let mut child = self
            .runner(&["serve", "campaigns", "--listen", "127.0.0.1:0", "--output", "json"])
            .args(options)
            .envs(variables.iter().map(|(name, value)| (*name, value)))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        (child, lines)
    }
}

/// What a service prints, line by line.
type Printed = Lines<BufReader<ChildStdout>>;

/// The next object of this type. `None` if the service has ended.
fn read_object(lines: &mut Printed, r#type: &str) -> Option<serde_json::Value> {
    let objects = lines.map_while(Result::ok);
    let mut objects = objects.filter_map(|line| serde_json::from_str::<serde_json::Value>(&line).ok());
    objects.find(|object| object["type"] == r#type)
}

/// A service that waits for another one of its fleet.
pub struct WaitingService {
    service: Service,
    lines: Printed,
}

impl Deref for WaitingService {
    type Target = Service;

    fn deref(&self) -> &Service {
        &self.service
    }
}

impl DerefMut for WaitingService {
    fn deref_mut(&mut self) -> &mut Service {
        &mut self.service
    }
}

impl WaitingService {
    /// Waits until it has taken over, and signs in.
    pub fn serves(mut self) -> Service {
        let serving = read_object(&mut self.lines, "serving").unwrap();
        let (_, link) = address(&serving);
        self.service.link = link;
        // A service with users has no link.
        if self.service.link != "/" {
            self.service.open_link();
        }
        self.service
    }
}

/// The host and the path that a service has printed.
fn address(printed: &serde_json::Value) -> (String, String) {
    let url = printed["url"].as_str().unwrap();
    let link = printed["link"].as_str().unwrap_or(url);
    let address = link.split_once("://").unwrap().1;
    let (host, path) = address.split_once('/').unwrap_or((address, ""));
    (host.to_owned(), format!("/{path}"))
}

/// A response.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }
}

/// A running service. Dropping it kills it.
pub struct Service {
    child: Child,
    pub host: String,
    pub link: String,
    pub cookie: String,
    pub language: &'static str,
    /// More headers of every request, each with its end of line.
    pub headers: String,
    /// The address that requests come from.
    pub from: IpAddr,
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Service {
    fn new(child: Child, printed: &serde_json::Value) -> Self {
        let (host, link) = address(printed);
        Self {
            child,
            host,
            link,
            cookie: String::new(),
            language: "en",
            headers: String::new(),
            from: Ipv4Addr::LOCALHOST.into(),
        }
    }

    /// A connection to the service from the address of this client.
    fn connect(&self) -> TcpStream {
        let socket = socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
        bind(&socket, &SocketAddr::new(self.from, 0)).unwrap();
        connect(&socket, &self.host.parse::<SocketAddr>().unwrap()).unwrap();
        TcpStream::from(socket)
    }

    /// Suspends the process, or lets it go on.
    pub fn suspend(&self, is_suspended: bool) {
        let signal = if is_suspended { Signal::STOP } else { Signal::CONT };
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    fn open_link(&mut self) {
        let opened = self.get(&self.link);
        assert_eq!(opened.status, 200, "{}", opened.body);
        self.take_session(&opened);
    }

    /// Signs a user of [`Directory::write_users`] in.
    pub fn sign_in(&mut self, name: &str) {
        self.cookie.clear();
        let signed_in = self.post("/login", &format!("name={name}&password={PASSWORD}"));
        assert_eq!(signed_in.status, 303, "{}", signed_in.body);
        self.take_session(&signed_in);
    }

    fn take_session(&mut self, answer: &Answer) {
        let cookie = answer.header("set-cookie").unwrap();
        assert!(
            cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"),
            "{cookie}"
        );
        let session = cookie.split(';').next().unwrap().to_owned();
        self.cookie = session;
    }

    /// Sends bytes as they are, and reads the whole answer.
    pub fn raw(&self, request: &[u8]) -> Answer {
        let mut stream = self.connect();
        // The service may close the connection before it has read everything.
        let _ = stream.write_all(request);
        let mut bytes = Vec::new();
        let _ = stream.read_to_end(&mut bytes);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
        Answer {
            status: status.unwrap_or(0),
            head: head.to_owned(),
            body: body.to_owned(),
        }
    }

    fn head(&self, method: &str, path: &str) -> String {
        format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nCookie: {}\r\nAccept-Language: {}\r\n{}",
            self.host, self.cookie, self.language, self.headers
        )
    }

    pub fn get(&self, path: &str) -> Answer {
        let answer = self.raw(format!("{}\r\n", self.head("GET", path)).as_bytes());
        // No file of a test has this element, so it is the page's own, escaped twice.
        assert!(!answer.body.contains("&lt;bdi&gt;"), "{path}: {}", answer.body);
        answer
    }

    /// Opens the stream of a live part.
    pub fn watch(&self, topic: &str) -> TcpStream {
        let mut stream = self.connect();
        let head = self.head("GET", &format!("/live?on={topic}"));
        stream.write_all(format!("{head}\r\n").as_bytes()).unwrap();
        stream
    }

    /// Sends a form as a browser does.
    pub fn post(&self, path: &str, form: &str) -> Answer {
        self.post_with(path, form, "Sec-Fetch-Site: same-origin\r\n")
    }

    pub fn post_with(&self, path: &str, form: &str, headers: &str) -> Answer {
        let head = self.head("POST", path);
        let length = form.len();
        self.raw(format!("{head}{headers}Content-Length: {length}\r\n\r\n{form}").as_bytes())
    }

    /// Sends a form and waits for no answer.
    pub fn send(&self, path: &str, form: &str) {
        let mut stream = self.connect();
        let head = self.head("POST", path);
        let length = form.len();
        let request = format!("{head}Sec-Fetch-Site: same-origin\r\nContent-Length: {length}\r\n\r\n{form}");
        stream.write_all(request.as_bytes()).unwrap();
    }

    /// Loads a page again and again until it has `text`.
    pub fn wait_for(&self, path: &str, text: &str) -> String {
        let mut last = String::new();
        for _ in 0..1200 {
            last = self.get(path).body;
            if last.contains(text) {
                return last;
            }
            park_timeout(Duration::from_millis(100));
        }
        panic!("{path} never has {text:?}:\n{last}");
    }

    /// The state of a campaign as its live part says it.
    pub fn wait_for_state(&self, name: &str, state: &str) -> String {
        self.wait_for(&format!("/campaigns/{name}.yaml"), &format!("\">{state}</span>"))
    }

    /// Approves the plan that is shown.
    pub fn approve(&self, name: &str) {
        let path = format!("/campaigns/{name}.yaml/plan");
        let page = self.wait_for(&path, "name=\"fingerprint\"");
        let fingerprint = field(&page, "fingerprint");
        let approved = self.post(
            &format!("/campaigns/{name}.yaml/approve"),
            &format!("fingerprint={fingerprint}"),
        );
        assert_eq!(approved.status, 303, "{}", approved.body);
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Ends the service in order. Returns its exit code.
    pub fn stop(&mut self) -> Option<i32> {
        self.terminate();
        self.child.wait().unwrap().code()
    }

    /// Asks the service to end in order.
    pub fn terminate(&self) {
        kill_process(Pid::from_child(&self.child), Signal::TERM).unwrap();
    }

    /// Ends the service at once, as a crash does.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

/// The value of a hidden field.
pub fn field(page: &str, name: &str) -> String {
    let (_, after) = page.split_once(&format!("name=\"{name}\" value=\"")).unwrap();
    after.split('"').next().unwrap().to_owned()
}

/// The number of coupons that the campaign's ledger of rehearsals has issued.
pub fn issued(directory: &Directory, name: &str) -> u64 {
    counted(directory, name, "issued")
}

/// The number of deliveries in a state, in the campaign's ledger of rehearsals.
pub fn counted(directory: &Directory, name: &str, state: &str) -> u64 {
    let file = Path::new("campaigns").join(format!("{name}.yaml"));
    let output = directory.run(&["status", file.to_str().unwrap(), "--sandbox", "--output", "json"]);
    let text = String::from_utf8(output.stdout).unwrap();
    let status = text.lines().find(|line| line.contains("\"status\"")).unwrap();
    let status: serde_json::Value = serde_json::from_str(status).unwrap();
    status["counts"][state].as_u64().unwrap_or(0)
}

/// The variables of a service whose wall clock is ahead by this offset. `None` where libfaketime is not installed.
pub fn clock_ahead(offset: &str) -> Option<[(&'static str, String); 3]> {
    let found = glob::glob("/usr/lib/*/faketime/libfaketimeMT.so.1").unwrap();
    let Some(library) = found.flatten().next() else {
        let is_required = std::env::var_os("RUNNER_TEST_FAKETIME").is_some_and(|said| said == "required");
        assert!(!is_required, "libfaketime is not installed");
        return None;
    };
    Some([
        ("LD_PRELOAD", library.to_str().unwrap().to_owned()),
        ("FAKETIME", offset.to_owned()),
        ("DONT_FAKE_MONOTONIC", "1".to_owned()),
    ])
}
