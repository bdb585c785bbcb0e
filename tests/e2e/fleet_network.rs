//! Trials of a fleet whose workers are in network namespaces of their own. Packets in one direction are lost, and no connection is
//! refused or closed.
//!
//! They need root and the program `ip`, and are skipped with a message without; with `RUNNER_TEST_NETWORKS=required` they fail then.
//! `RUNNER_FLEET_NETWORK=all` makes all trials, and otherwise only the first is made.

use std::fs;
use std::io::Write as _;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use rcgen::generate_simple_self_signed;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;

use crate::fleet::{Machine, TestDatabase, end, everybody_has_one, until};
use crate::fleet_trials::{PACE, USERS, pass, too_fast};
use crate::scene::{FakePlatform, Scene};
use crate::tls::terminate_at;

/// No network card has it.
const NOBODY: &str = "02:00:00:00:00:99";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Server {
    Database,
    Platform,
}

#[derive(Clone, Copy, Debug)]
enum Direction {
    ToServer,
    ToWorker,
}

const TRIALS: [(Server, Direction); 4] = [
    (Server::Database, Direction::ToServer),
    (Server::Database, Direction::ToWorker),
    (Server::Platform, Direction::ToServer),
    (Server::Platform, Direction::ToWorker),
];

/// Runs `ip` with these words. Returns whether it succeeded.
fn ip(words: &str) -> bool {
    let ran = Command::new("ip").args(words.split(' ')).stderr(Stdio::null()).status();
    ran.is_ok_and(|status| status.success())
}

fn must_ip(words: &str) {
    assert!(ip(words), "ip {words}");
}

/// Two workers, each with a network card towards the database and one towards the platform.
struct Network {
    number: u32,
}

impl Network {
    /// `None` where namespaces cannot be made.
    fn new() -> Option<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = (std::process::id() + NEXT.fetch_add(1, Ordering::Relaxed)) % 250;
        let network = Self { number };
        if !ip(&format!("netns add {}", network.namespace(0))) {
            let is_required = std::env::var_os("RUNNER_TEST_NETWORKS").is_some_and(|said| said == "required");
            assert!(!is_required, "this machine does not allow network namespaces");
            let _ = std::io::stderr().write_all(b"skipped a trial of a fleet: no network namespaces\n");
            return None;
        }
        must_ip(&format!("netns add {}", network.namespace(1)));
        for server in [Server::Database, Server::Platform] {
            must_ip(&format!("addr add {}/32 dev lo", network.address(server)));
            for worker in 0..2 {
                network.connect(worker, server);
            }
        }
        Some(network)
    }

    fn namespace(&self, worker: u32) -> String {
        format!("rf{}w{worker}", self.number)
    }

    /// The address of a server, which both workers reach.
    fn address(&self, server: Server) -> String {
        format!("10.213.{}.{}", self.number, 1 + server as u32)
    }

    /// The names of the network cards of this machine and of a worker.
    fn cards(&self, worker: u32, server: Server) -> [String; 2] {
        ['h', 'n'].map(|end| format!("rf{}{end}{worker}{}", self.number, server as u32))
    }

    /// The addresses of these cards.
    fn ends(&self, worker: u32, server: Server) -> [String; 2] {
        let first = 16 + 8 * worker + 4 * server as u32;
        [1, 2].map(|end| format!("10.213.{}.{}", self.number, first + end))
    }

    fn connect(&self, worker: u32, server: Server) {
        let namespace = self.namespace(worker);
        let [here, there] = self.cards(worker, server);
        let [near, far] = self.ends(worker, server);
        let target = self.address(server);
        must_ip(&format!(
            "link add {here} type veth peer name {there} netns {namespace}"
        ));
        must_ip(&format!("addr add {near}/30 dev {here}"));
        must_ip(&format!("link set {here} up"));
        must_ip(&format!("-n {namespace} addr add {far}/30 dev {there}"));
        must_ip(&format!("-n {namespace} link set {there} up"));
        must_ip(&format!("-n {namespace} route add {target} via {near} dev {there}"));
    }

    /// The neighbour that the packets of a direction go to, as `ip` names it.
    fn neighbour(&self, worker: u32, server: Server, direction: Direction, verb: &str, more: &str) {
        let [here, there] = self.cards(worker, server);
        let [near, far] = self.ends(worker, server);
        let namespace = self.namespace(worker);
        must_ip(&match direction {
            Direction::ToServer => format!("-n {namespace} neigh {verb} {near} {more}dev {there}"),
            Direction::ToWorker => format!("neigh {verb} {far} {more}dev {here}"),
        });
    }

    /// Sends the packets of a direction to nobody.
    fn cut(&self, worker: u32, server: Server, direction: Direction) {
        let to_nobody = format!("lladdr {NOBODY} nud permanent ");
        self.neighbour(worker, server, direction, "replace", &to_nobody);
    }

    fn restore(&self, worker: u32, server: Server, direction: Direction) {
        self.neighbour(worker, server, direction, "del", "");
    }

    /// The same command in the namespace of a worker.
    fn inside(&self, worker: u32, command: &Command) -> Command {
        let mut inside = Command::new("ip");
        inside.args(["netns", "exec", &self.namespace(worker)]);
        inside.arg(command.get_program()).args(command.get_args());
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => inside.env(name, value),
                None => inside.env_remove(name),
            };
        }
        inside.current_dir(command.get_current_dir().unwrap());
        inside
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        inside
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        for server in [Server::Database, Server::Platform] {
            for worker in 0..2 {
                ip(&format!("link del {}", self.cards(worker, server)[0]));
            }
            ip(&format!("addr del {}/32 dev lo", self.address(server)));
        }
        for worker in 0..2 {
            ip(&format!("netns del {}", self.namespace(worker)));
        }
    }
}

/// Forwards connections at this address to a server. Returns the port.
fn forward(runtime: &Runtime, address: &str, server: String) -> u16 {
    let listener = runtime.block_on(TcpListener::bind((address, 0))).unwrap();
    let port = listener.local_addr().unwrap().port();
    runtime.spawn(async move {
        while let Ok((mut outside, _)) = listener.accept().await {
            let server = server.clone();
            tokio::spawn(async move {
                let mut inside = TcpStream::connect(server).await?;
                let _ = (outside.set_nodelay(true), inside.set_nodelay(true));
                copy_bidirectional(&mut outside, &mut inside).await
            });
        }
    });
    port
}

/// Loses the packets of one direction between the worker that sends and a server. Without the database another worker takes over;
/// without the platform, the owner waits for it.
fn trial(server: Server, direction: Direction) {
    let Some(database) = TestDatabase::create() else { return };
    let Some(network) = Network::new() else { return };
    let runtime = Runtime::new().unwrap();
    let platform = FakePlatform::start(&["--refuse", "0%", "--latency", "30ms..80ms"]);
    let address = network.address(Server::Platform);
    let made = generate_simple_self_signed([address.clone()]).unwrap();
    let port = terminate_at(&runtime, &address, &made, &platform.url);
    let more = format!("pace: {{per_second: {PACE}}}\nretry: {{timeout: 2s}}\n");
    let scene = Scene::new(&format!("https://{address}:{port}"), USERS).with(&more);
    let trusted = scene.dir.path().join("trusted.pem");
    fs::write(&trusted, made.cert.pem()).unwrap();
    let address = network.address(Server::Database);
    let port = forward(&runtime, &address, database.address());
    let url = format!("{}?sslmode=disable", database.url_at(&address, port));
    let machines = [url.clone(), url].map(Machine::at);
    let start = |worker: u32| -> Child {
        let machine = &machines[usize::try_from(worker).unwrap()];
        let mut command = machine.command("apply", &scene, &[]);
        for name in ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"] {
            command.env_remove(name);
        }
        network
            .inside(worker, command.env("SSL_CERT_FILE", &trusted))
            .spawn()
            .unwrap()
    };
    let sent = || platform.log().len();
    let mut workers = vec![start(0)];
    until("the first worker's requests", || {
        assert!(workers[0].try_wait().unwrap().is_none(), "it has ended");
        sent() >= PACE
    });
    workers.push(start(1));
    until("the second worker", || database.workers() == 2);
    network.cut(0, server, direction);
    match server {
        Server::Database => until("another owner", || database.has_owner_of_term(2)),
        Server::Platform => {
            pass(Duration::from_secs(1));
            let before = sent();
            pass(Duration::from_secs(4));
            let is_heard = !matches!(direction, Direction::ToServer);
            assert!(is_heard || sent() == before, "requests arrived that were lost");
        }
    }
    network.restore(0, server, direction);
    for worker in workers {
        let ran = end(worker);
        assert_eq!(ran.code, Some(0), "{}\n{}", ran.out, ran.err);
    }
    let mistakes = too_fast(&platform.log());
    assert!(mistakes.is_empty(), "{mistakes:#?}");
    everybody_has_one(&Machine::new(&database), &scene, &platform, USERS);
}

#[test]
fn packets_that_are_lost_in_one_direction_give_nobody_two_coupons() {
    let is_all = std::env::var_os("RUNNER_FLEET_NETWORK").is_some_and(|said| said == "all");
    let trials = if is_all { &TRIALS[..] } else { &TRIALS[..1] };
    std::thread::scope(|scope| {
        for (server, direction) in trials {
            scope.spawn(|| trial(*server, *direction));
        }
    });
}
