//! Clusters of PostgreSQL of a test's own, which it can stop, kill and promote.

use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};

use rustix::process::{Pid, Signal, kill_process};
use sqlx::{ConnectOptions as _, PgConnection, postgres::PgConnectOptions};

/// The user and the group that the server runs as: it refuses to run as root.
const NOBODY: u32 = 65534;

/// A cluster: a primary, or a standby until it is promoted. It ends on drop.
pub(crate) struct Cluster {
    folder: tempfile::TempDir,
    bin: PathBuf,
    settings: Vec<String>,
    pub(crate) port: u16,
    server: Option<Child>,
}

/// The directory of the server's programs. `None` where it is not installed.
fn programs() -> Option<PathBuf> {
    let mut found: Vec<_> = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path().join("bin"))
        .filter(|bin| bin.join("initdb").is_file())
        .collect();
    found.sort();
    let bin = found.pop();
    assert!(
        bin.is_some() || std::env::var_os("RUNNER_TEST_DATABASES").is_none_or(|said| said != "required"),
        "initdb is not in /usr/lib/postgresql, and RUNNER_TEST_DATABASES=required"
    );
    bin
}

/// A command that does not run as root.
fn command(program: &Path) -> Command {
    if !rustix::process::geteuid().is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    let id = NOBODY.to_string();
    command
        .args(["--reuid", &id, "--regid", &id, "--clear-groups"])
        .arg(program);
    command
}

fn run(mut command: Command) {
    let done = command.stdin(Stdio::null()).output().unwrap();
    assert!(
        done.status.success(),
        "{command:?}: {}",
        String::from_utf8_lossy(&done.stderr)
    );
}

/// A port that no test has. It is not one that the system gives to a connection of another test meanwhile.
fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let first = u16::try_from(std::process::id() % 10_000).unwrap();
    loop {
        let port = 15_000 + (first + NEXT.fetch_add(1, Ordering::Relaxed)) % 15_000;
        if std::net::TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

impl Cluster {
    fn new(bin: PathBuf, settings: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        if rustix::process::geteuid().is_root() {
            chown(folder.path(), Some(NOBODY), Some(NOBODY)).unwrap();
        }
        Self {
            folder,
            bin,
            settings: settings.iter().map(ToString::to_string).collect(),
            port: free_port(),
            server: None,
        }
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn program(&self, name: &str) -> Command {
        let mut command = command(&self.bin.join(name));
        command.current_dir(self.folder.path());
        command
    }

    /// A primary with these settings. `None` where the server is not installed.
    pub(crate) async fn primary(settings: &[&str]) -> Option<Self> {
        let mut cluster = Self::new(programs()?, settings);
        let mut init = cluster.program("initdb");
        init.args(["-U", "postgres", "--auth=trust", "-N", "-E", "UTF8", "--locale=C", "-D"]);
        init.arg(cluster.data());
        run(init);
        cluster.start().await;
        Some(cluster)
    }

    /// A standby of this primary. It is asynchronous unless the primary's settings name it.
    pub(crate) async fn standby(&self) -> Self {
        let mut standby = Self::new(self.bin.clone(), &[]);
        let mut copy = standby.program("pg_basebackup");
        copy.args(["-h", "127.0.0.1", "-U", "postgres", "-R", "-N", "-c", "fast", "-p"]);
        copy.arg(self.port.to_string()).arg("-D").arg(standby.data());
        run(copy);
        standby.start().await;
        standby
    }

    /// Copies the server's files while it runs. [`Cluster::restore`] puts them back.
    pub(crate) fn backup(&self) -> PathBuf {
        let to = self.folder.path().join("backup");
        let mut copy = self.program("pg_basebackup");
        copy.args(["-h", "127.0.0.1", "-U", "postgres", "-N", "-c", "fast", "-p"]);
        copy.arg(self.port.to_string()).arg("-D").arg(&to);
        run(copy);
        to
    }

    /// Replaces the files of a server that does not run.
    pub(crate) fn restore(&self, backup: &Path) {
        std::fs::rename(self.data(), self.folder.path().join("lost")).unwrap();
        std::fs::rename(backup, self.data()).unwrap();
    }

    /// Makes the next start a recovery as far as the files go, after which the server writes another timeline.
    pub(crate) fn recover_to_another_timeline(&mut self) {
        std::fs::write(self.data().join("recovery.signal"), "").unwrap();
        self.settings.push("restore_command=false".to_owned());
    }

    /// Starts the server and waits until it answers.
    pub(crate) async fn start(&mut self) {
        let mut server = self.program("postgres");
        server.arg("-D").arg(self.data()).arg("-k").arg(self.folder.path());
        server.args(["-p", &self.port.to_string()]);
        // Nothing here loses its power.
        for setting in [
            "listen_addresses=127.0.0.1",
            "fsync=off",
            "max_connections=60",
            "shared_buffers=16MB",
        ] {
            server.args(["-c", setting]);
        }
        for setting in &self.settings {
            server.args(["-c", setting]);
        }
        let mut server = server
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        while self.try_connect().await.is_none() {
            assert!(server.try_wait().unwrap().is_none(), "the server has ended");
            tokio::task::yield_now().await;
        }
        self.server = Some(server);
    }

    async fn try_connect(&self) -> Option<PgConnection> {
        let url = format!("postgres://postgres@127.0.0.1:{}/postgres", self.port);
        url.parse::<PgConnectOptions>().unwrap().connect().await.ok()
    }

    /// A connection with all rights.
    pub(crate) async fn connect(&self) -> PgConnection {
        self.try_connect().await.unwrap()
    }

    fn signal(&self, signal: Signal) {
        if let Some(server) = &self.server {
            kill_process(Pid::from_child(server), signal).unwrap();
        }
    }

    /// Suspends all processes of the server, or lets them go on. Its connections stay open and are silent.
    pub(crate) fn suspend(&self, is_suspended: bool) {
        let signal = if is_suspended { Signal::STOP } else { Signal::CONT };
        let Some(server) = &self.server else { return };
        self.signal(signal);
        let id = server.id();
        let children = std::fs::read_to_string(format!("/proc/{id}/task/{id}/children")).unwrap();
        for child in children.split_whitespace() {
            let child = Pid::from_raw(child.parse().unwrap()).unwrap();
            // It may have ended.
            let _ = kill_process(child, signal);
        }
    }

    fn end(&mut self, signal: Signal) {
        self.signal(signal);
        if let Some(mut server) = self.server.take() {
            server.wait().unwrap();
        }
    }

    /// Stops the server in order, and ends its connections.
    pub(crate) fn stop(&mut self) {
        self.end(Signal::INT);
    }

    /// Kills the server like a crash. Its processes end soon.
    pub(crate) fn kill(&mut self) {
        self.end(Signal::KILL);
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if self.server.is_some() {
            self.suspend(false);
            self.end(Signal::QUIT);
        }
    }
}
