//! Clusters of PostgreSQL of a test's own, which it can stop, kill and promote.

use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};

use rustix::process::{Pid, Signal, kill_process};
use sqlx::{ConnectOptions as _, Connection as _, PgConnection, postgres::PgConnectOptions};

/// The user and the group that the server runs as: it refuses to run as root.
const NOBODY: u32 = 65534;

/// A cluster: a primary, or a standby until it is promoted. It ends on drop.
pub(crate) struct Cluster {
    folder: tempfile::TempDir,
    bin: PathBuf,
    settings: Vec<String>,
    pub(crate) port: u16,
    server: Option<Child>,
    /// Whether the folder is a file system of its own.
    is_mounted: bool,
}

/// The directory of the server's programs: `RUNNER_TEST_POSTGRES_BIN`, or that of the newest version which is installed. `None`
/// without a server.
fn programs() -> Option<PathBuf> {
    if let Some(bin) = std::env::var_os("RUNNER_TEST_POSTGRES_BIN") {
        return Some(bin.into());
    }
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

/// Makes a file or a folder belong to the user that the server runs as.
fn give(path: &Path) {
    if rustix::process::geteuid().is_root() {
        chown(path, Some(NOBODY), Some(NOBODY)).unwrap();
    }
}

fn write(path: &Path, text: &str) {
    std::fs::write(path, text).unwrap();
    give(path);
}

/// Copies what is in a folder, except what has one of these names, for the server.
fn copy_folder(from: &Path, to: &Path, except: &[&str]) {
    std::fs::create_dir(to).unwrap();
    std::fs::set_permissions(to, std::fs::metadata(from).unwrap().permissions()).unwrap();
    give(to);
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name();
        if except.iter().any(|except| name == *except) {
            continue;
        }
        let copy = to.join(&name);
        if entry.path().is_dir() {
            copy_folder(&entry.path(), &copy, &[]);
            continue;
        }
        match std::fs::copy(entry.path(), &copy) {
            Ok(_) => give(&copy),
            // The server removes files while it runs.
            Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::NotFound, "{}", name.display()),
        }
    }
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
        give(folder.path());
        Self {
            folder,
            bin,
            settings: settings.iter().map(ToString::to_string).collect(),
            port: free_port(),
            server: None,
            is_mounted: false,
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
        cluster.create().await;
        Some(cluster)
    }

    async fn create(&mut self) {
        let mut init = self.program("initdb");
        init.args(["-U", "postgres", "--auth=trust", "-N", "-E", "UTF8", "--locale=C", "-D"]);
        init.arg(self.data());
        run(init);
        self.start().await;
    }

    /// A primary whose disk has this many megabytes: a file system in memory. `None` where it cannot be mounted.
    pub(crate) async fn on_small_disk(megabytes: u32, settings: &[&str]) -> Option<Self> {
        let mut cluster = Self::new(programs()?, settings);
        let options = format!("size={megabytes}m,mode=700,uid={NOBODY},gid={NOBODY}");
        let mut mount = Command::new("mount");
        mount
            .args(["-t", "tmpfs", "-o", &options, "tmpfs"])
            .arg(cluster.folder.path());
        if !mount
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|mounted| mounted.success())
        {
            let is_required = std::env::var_os("RUNNER_TEST_NETWORKS").is_some_and(|said| said == "required");
            assert!(!is_required, "this machine does not allow to mount a file system");
            return None;
        }
        cluster.is_mounted = true;
        cluster.create().await;
        Some(cluster)
    }

    /// Fills the disk of the server, but for this many bytes.
    pub(crate) fn fill_disk(&self, but: usize) {
        let filler = std::fs::File::create(self.filler()).unwrap();
        let space = rustix::fs::statvfs(self.folder.path()).unwrap();
        let free = space.f_bavail * space.f_frsize;
        assert!(self.is_mounted && free < 1 << 30, "it is not the disk of the test");
        let size = free.saturating_sub(but as u64);
        rustix::fs::fallocate(&filler, rustix::fs::FallocateFlags::empty(), 0, size).unwrap();
    }

    /// Makes room on the disk again.
    pub(crate) fn empty_disk(&self) {
        std::fs::remove_file(self.filler()).unwrap();
    }

    fn filler(&self) -> PathBuf {
        self.folder.path().join("filler")
    }

    /// Whether the server has ended by itself.
    pub(crate) fn has_ended(&mut self) -> bool {
        self.server
            .as_mut()
            .is_none_or(|server| server.try_wait().unwrap().is_some())
    }

    /// A standby of this primary. It is asynchronous unless the primary's settings name it.
    pub(crate) async fn standby(&self) -> Self {
        let mut standby = Self::new(self.bin.clone(), &[]);
        self.copy_files(&standby.data()).await;
        standby.settings.push(format!(
            "primary_conninfo=host=127.0.0.1 port={} user=postgres",
            self.port
        ));
        write(&standby.data().join("standby.signal"), "");
        standby.start().await;
        standby
    }

    /// Copies the server's files while it runs. [`Cluster::restore`] puts them back.
    pub(crate) async fn backup(&self) -> PathBuf {
        let to = self.folder.path().join("backup");
        self.copy_files(&to).await;
        to
    }

    /// Copies the server's files while it runs. This is what `pg_basebackup` does, which not every package of a server has.
    async fn copy_files(&self, to: &Path) {
        let mut session = self.connect().await;
        let version = sqlx::query_scalar("select current_setting('server_version_num')::int4");
        let version: i32 = version.fetch_one(&mut session).await.unwrap();
        let [begin, end] = if version < 150_000 {
            [
                "select pg_start_backup('copy', true, false)::text",
                "select labelfile from pg_stop_backup(false, false)",
            ]
        } else {
            [
                "select pg_backup_start('copy', true)::text",
                "select labelfile from pg_backup_stop(false)",
            ]
        };
        let _: String = sqlx::query_scalar(begin).fetch_one(&mut session).await.unwrap();
        copy_folder(&self.data(), to, &["pg_wal", "postmaster.pid", "postmaster.opts"]);
        let label: String = sqlx::query_scalar(end).fetch_one(&mut session).await.unwrap();
        copy_folder(&self.data().join("pg_wal"), &to.join("pg_wal"), &[]);
        write(&to.join("backup_label"), &label);
        session.close().await.unwrap();
    }

    /// Replaces the files of a server that does not run.
    pub(crate) fn restore(&self, backup: &Path) {
        std::fs::rename(self.data(), self.folder.path().join("lost")).unwrap();
        std::fs::rename(backup, self.data()).unwrap();
    }

    /// Makes the next start a recovery as far as the files go, after which the server writes another timeline.
    pub(crate) fn recover_to_another_timeline(&mut self) {
        write(&self.data().join("recovery.signal"), "");
        self.settings.push("restore_command=false".to_owned());
    }

    /// Starts the server and waits until it answers.
    pub(crate) async fn start(&mut self) {
        let mut server = self.program("postgres");
        server.arg("-D").arg(self.data()).arg("-k").arg(self.folder.path());
        server.args(["-p", &self.port.to_string()]);
        // Nothing here loses its power.
        for setting in [
            "listen_addresses=127.0.0.1,::1",
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
        if self.is_mounted {
            let _ = Command::new("umount").arg("-l").arg(self.folder.path()).status();
        }
    }
}
