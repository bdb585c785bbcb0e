//! A network between the workers of a fleet and a server, which can be cut for one worker, in both directions or in one.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::process::Child;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::spawn;
use std::time::{Duration, Instant};

/// How a request for a coupon begins.
const SEND: &[u8] = b"POST /api/promotion/v1/coupon/send_coupon";

/// What becomes of the bytes of a direction that is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// They arrive when the link works again.
    Late,
    /// They are lost, and with them the connection.
    Lost,
}

/// What is cut for a worker.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Directions {
    pub to_server: bool,
    pub to_worker: bool,
    /// New connections are not made.
    pub new: bool,
}

/// A request for a coupon that a worker sent.
#[derive(Clone, Copy, Debug)]
pub struct Send {
    pub pid: u32,
    pub at: Instant,
}

#[derive(Default)]
struct State {
    workers: Vec<u32>,
    cut: BTreeMap<u32, Directions>,
    sends: Vec<Send>,
    slowest_answer: Duration,
    is_over: bool,
}

/// A connection of a worker.
struct Connection {
    pid: u32,
    /// When the request was passed on that the server has not answered.
    asked: Mutex<Option<Instant>>,
}

struct Shared {
    server: SocketAddr,
    cut: Cut,
    state: Mutex<State>,
    changed: Condvar,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// Waits while a direction is cut for a worker. Returns whether it was.
    fn wait(&self, pid: u32, is_cut: impl Fn(Directions) -> bool) -> bool {
        let waits = |state: &State| !state.is_over && state.cut.get(&pid).is_some_and(|cut| is_cut(*cut));
        let mut state = self.state();
        let was_cut = waits(&state);
        while waits(&state) {
            state = self.changed.wait(state).unwrap();
        }
        was_cut
    }

    /// Passes on the bytes of one direction until the connection ends. Its end is passed on, too.
    fn pump(&self, mut from: TcpStream, mut to: TcpStream, connection: &Connection, is_to_server: bool) {
        let pid = connection.pid;
        let mut buffer = [0; 16 * 1024];
        loop {
            let read = from.read(&mut buffer).unwrap_or_default();
            if !is_to_server && let Some(asked) = connection.asked.lock().unwrap().take() {
                let mut state = self.state();
                state.slowest_answer = state.slowest_answer.max(asked.elapsed());
            }
            let was_cut = self.wait(pid, |cut| if is_to_server { cut.to_server } else { cut.to_worker });
            if read == 0 || (was_cut && self.cut == Cut::Lost) {
                break;
            }
            if is_to_server && buffer.starts_with(SEND) {
                let at = Instant::now();
                *connection.asked.lock().unwrap() = Some(at);
                self.state().sends.push(Send { pid, at });
            }
            if to.write_all(&buffer[..read]).is_err() {
                break;
            }
        }
        let _ = to.shutdown(Shutdown::Both);
        let _ = from.shutdown(Shutdown::Both);
    }

    fn connect(self: &Arc<Self>, client: TcpStream) {
        let pid = self.worker(&client);
        self.wait(pid, |cut| cut != Directions::default());
        let Ok(server) = TcpStream::connect(self.server) else {
            return;
        };
        let _ = (client.set_nodelay(true), server.set_nodelay(true));
        let (Ok(client_again), Ok(server_again)) = (client.try_clone(), server.try_clone()) else {
            return;
        };
        let connection = Arc::new(Connection {
            pid,
            asked: Mutex::default(),
        });
        let (shared, shared_connection) = (Arc::clone(self), Arc::clone(&connection));
        spawn(move || shared.pump(client_again, server_again, &shared_connection, true));
        self.pump(server, client, &connection, false);
    }

    /// The process at the other end of a connection on this machine. 0 for a process that is not a worker.
    fn worker(&self, client: &TcpStream) -> u32 {
        let (Ok(SocketAddr::V4(from)), Ok(SocketAddr::V4(to))) = (client.peer_addr(), client.local_addr()) else {
            return 0;
        };
        let hex = |address: std::net::SocketAddrV4| {
            let ip = u32::from_le_bytes(address.ip().octets());
            format!("{ip:08X}:{:04X}", address.port())
        };
        let (from, to) = (hex(from), hex(to));
        let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
        let inode = table.lines().find_map(|line| {
            let fields: Vec<_> = line.split_whitespace().collect();
            (fields.get(1) == Some(&&*from) && fields.get(2) == Some(&&*to)).then(|| fields.get(9).copied())?
        });
        let socket = format!("socket:[{}]", inode.unwrap_or_default());
        let holds = |pid: &&u32| {
            let open = std::fs::read_dir(format!("/proc/{pid}/fd"));
            let mut open = open.into_iter().flatten().flatten();
            open.any(|entry| std::fs::read_link(entry.path()).is_ok_and(|to| to.as_os_str() == &*socket))
        };
        let workers = self.state().workers.clone();
        workers.iter().find(holds).copied().unwrap_or_default()
    }
}

/// The link.
pub struct Link {
    pub port: u16,
    shared: Arc<Shared>,
}

impl Link {
    pub fn to(server: &str, cut: Cut) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::new(Shared {
            server: server.parse().unwrap(),
            cut,
            state: Mutex::default(),
            changed: Condvar::new(),
        });
        let accepts = Arc::clone(&shared);
        spawn(move || {
            while let Ok((client, _)) = listener.accept() {
                if accepts.state().is_over {
                    break;
                }
                let shared = Arc::clone(&accepts);
                spawn(move || shared.connect(client));
            }
        });
        Self { port, shared }
    }

    /// Starts a worker, whose connections are its own from the first one on.
    pub fn start(links: [&Self; 2], start: impl FnOnce() -> Child) -> Child {
        let mut states = links.map(|link| link.shared.state());
        let worker = start();
        for state in &mut states {
            state.workers.push(worker.id());
        }
        worker
    }

    pub fn cut(&self, pid: u32, directions: Directions) {
        self.shared.state().cut.insert(pid, directions);
        self.shared.changed.notify_all();
    }

    pub fn restore(&self, pid: u32) {
        self.cut(pid, Directions::default());
    }

    /// The longest time between a request for a coupon and the first byte of its answer, before it is passed on.
    pub fn slowest_answer(&self) -> Duration {
        self.shared.state().slowest_answer
    }

    /// Every request for a coupon that passed, in order.
    pub fn sends(&self) -> Vec<Send> {
        self.shared.state().sends.clone()
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.shared.state().is_over = true;
        self.shared.changed.notify_all();
        // Wakes the thread that accepts.
        let _ = TcpStream::connect(("127.0.0.1", self.port));
    }
}
