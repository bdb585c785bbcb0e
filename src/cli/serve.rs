//! `runner serve`: watches a directory of campaign files, and shows it on pages for a browser on this machine.

use std::fmt::{Display, Write as _};
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use clap::Args;
use jiff::tz::TimeZone;
use serde::Serialize;
use tokio::runtime::Handle;
use tokio::sync::watch;

use crate::app::fleet_worker::{FleetWorker, Wait};
use crate::app::kept_messages::KeptMessages;
use crate::app::process::actor;
use crate::app::service_ownership::{self, OwnAddress, Reach, ServiceOwnership};
use crate::app::{AppError, Environment, Rehearsal};
use crate::campaign::{Diagnostic, ServerFile, Store, TokenHash, parse_server, read_server};
use crate::catalogue::{Language, Text, help, service as texts};
use crate::fleet::DatabaseUrl;
use crate::ledger::ledger_dir::LedgerDirError;
use crate::ledger::lock::LockError;
use crate::ledger::service_log::{ServiceDir, ServiceLogError};
use crate::model::problem::Problem;
use crate::model::secret::Secret;
use crate::report::text::{visible, visible_path};
use crate::report::times::rfc3339;
use crate::service::accounts::digest;
use crate::service::config::{ConfigFile, ServerConfig};
use crate::service::error::ServiceError;
use crate::service::link_socket::{self, LinkAnswer, LinkSocket};
use crate::service::log_check::verify_log;
use crate::service::passwords::{LONGEST, PasswordHash, SHORTEST};
use crate::service::settings::ServiceSettings;
use crate::service::supervisor::{ServiceResources, Supervisor};
use crate::service::web::app::App;
use crate::service::web::encryption;
use crate::service::web::forward::NotForwarded;
use crate::service::web::guard::{HostNames, Hosts};
use crate::service::web::routes::router;
use crate::service::web::server::{self, Pages};
use crate::service::web::sessions::random;
use crate::service::web::standby::{self, Waited, WaitedOwner};

use super::context::Context;
use super::exit::Exit;
use super::failure::Failure;
use super::global_args::Output;
use super::load;
use super::password;
use super::runtime::block_on;
use super::signals::{self, Signal};
use super::store_args;
use super::typed::again_with;

/// The arguments of `runner serve`.
#[derive(Clone, Debug, Args)]
#[command(after_help = help::ServeExamples.to_string())]
#[expect(clippy::struct_excessive_bools, reason = "each is an option of the command line")]
pub struct ServeArgs {
    #[arg(help = help::ServeDirectory.to_string())]
    #[arg(value_name = "DIR", default_value = ".")]
    pub directory: PathBuf,
    #[arg(help = help::ServeListen.to_string())]
    #[arg(long, value_name = "ADDR")]
    pub listen: Option<SocketAddr>,
    #[arg(help = help::ServeConfig.to_string())]
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    #[arg(help = help::ServeSandbox.to_string())]
    #[arg(long, help_heading = help::HeadingRehearsal.to_string())]
    pub sandbox: bool,
    #[arg(help = help::ServeLink.to_string())]
    #[arg(long)]
    pub link: bool,
    #[arg(help = help::ServeHashPassword.to_string())]
    #[arg(long, conflicts_with_all = ["link", "new_token"])]
    pub hash_password: bool,
    #[arg(help = help::ServeNewToken.to_string())]
    #[arg(long, conflicts_with = "link")]
    pub new_token: bool,
}

/// Serves until a signal.
pub fn run(args: &ServeArgs, context: &Context) -> Result<Exit, Failure> {
    if args.hash_password {
        return hash_password(context);
    }
    if args.new_token {
        return new_token(context);
    }
    check_directory(&args.directory)?;
    if args.link {
        return block_on(print_link(args, context))?;
    }
    let config = match open_config(args)? {
        Ok(config) => config,
        Err(mistakes) => {
            load::show(&mistakes, context);
            return Ok(Exit::Input);
        }
    };
    let listen = listen_address(args, &config.current())?;
    block_on(serve(args, listen, Arc::new(config), context))?
}

/// Asks for a password and prints its hash.
fn hash_password(context: &Context) -> Result<Exit, Failure> {
    let ask = |question: &dyn Display| {
        let asked = password::ask(&context.console, question);
        asked.map_err(|error| Failure::new(Problem::System, texts::CannotReadPassword).caused_by(&error))
    };
    let Some(first) = ask(&texts::AskPassword)? else {
        return Ok(Exit::Interrupted);
    };
    let least = SHORTEST;
    if first.chars().count() < least {
        let least = least as u64;
        return Err(
            Failure::new(Problem::CommandLine, texts::PasswordTooShort { least }).help(texts::PasswordTooShortHelp)
        );
    }
    if first.len() > LONGEST {
        return Err(Failure::new(Problem::CommandLine, texts::PasswordTooLong).help(texts::PasswordsDifferHelp));
    }
    if context.terminal.can_ask {
        let Some(second) = ask(&texts::AskPasswordAgain)? else {
            return Ok(Exit::Interrupted);
        };
        if first != second {
            return Err(Failure::new(Problem::CommandLine, texts::PasswordsDiffer).help(texts::PasswordsDifferHelp));
        }
    }
    let made = PasswordHash::make(&first);
    let hash = made.map_err(|error| Failure::new(Problem::System, texts::CannotMakeHash).caused_by(&error))?;
    match context.output {
        Output::Human => context.data(&format!("{hash}\n"))?,
        Output::Json => context.lines.write(&HashObject {
            r#type: "password_hash",
            hash: &hash,
        }),
    }
    Ok(Exit::Done)
}

/// Prints a new token and its hash.
fn new_token(context: &Context) -> Result<Exit, Failure> {
    let made = random().map_err(|error| Failure::new(Problem::System, texts::CannotMakeHash).caused_by(&error))?;
    let token = format!("{TOKEN_PREFIX}{made}");
    let hash = TokenHash(digest(&token)).to_string();
    match context.output {
        Output::Human => {
            let token = texts::NewToken { token: &token };
            let line = format!("tokens:\n  - {{name: ci, hash: \"{hash}\", roles: [viewer]}}");
            context.data(&format!("{token}\n\n{}\n\n{line}\n", texts::NewTokenHelp))?;
        }
        Output::Json => context.lines.write(&TokenObject {
            r#type: "token",
            token: &token,
            hash: &hash,
        }),
    }
    Ok(Exit::Done)
}

/// What every token begins with, so that a scanner of secrets finds one.
const TOKEN_PREFIX: &str = "runner_";
/// How often the address of the service is looked for that has the campaigns.
const LOOK: Duration = Duration::from_secs(2);
/// The name of the file of a service.
pub(super) const CONFIG: &str = "server.yaml";

/// A hash, for a program.
#[derive(Serialize)]
struct HashObject<'a> {
    r#type: &'static str,
    hash: &'a str,
}

/// A token with its hash, for a program.
#[derive(Serialize)]
struct TokenObject<'a> {
    r#type: &'static str,
    token: &'a str,
    hash: &'a str,
}

/// Reads the file of the service: the one that is named, or `server.yaml` beside the directory. It is not in the directory, because
/// a person who may write campaign files must not be able to make users. Returns the mistakes of a file that has some.
fn open_config(args: &ServeArgs) -> Result<Result<ConfigFile, Vec<Diagnostic>>, Failure> {
    let directory = args.directory.canonicalize();
    let directory = directory.map_err(|error| Failure::from_error(Problem::Directory, &error))?;
    let beside = directory.parent().unwrap_or(&directory).join(CONFIG);
    let within = directory.join(CONFIG);
    let path = args.config.clone().unwrap_or_else(|| beside.clone());
    let folder = path.canonicalize().ok();
    let is_within = folder.is_some_and(|path| path.parent() == Some(&directory));
    if is_within || (args.config.is_none() && within.exists()) {
        let path = if is_within { &path } else { &within };
        let message = texts::ConfigInDirectory {
            path: &visible_path(path),
        };
        let better = &visible_path(&beside);
        return Err(Failure::new(Problem::CommandLine, message).help(texts::ConfigInDirectoryHelp { better }));
    }
    Ok(ConfigFile::open(&path, args.config.is_some()))
}

/// The address to listen on: that of the command line, else that of the file.
fn listen_address(args: &ServeArgs, config: &ServerConfig) -> Result<SocketAddr, Failure> {
    let none = ServerFile::default();
    let file = config.file.as_ref().unwrap_or(&none);
    let listen = args.listen.unwrap_or_else(|| file.listen());
    file.check_listen(listen).map_err(|mistake| {
        let address = &listen;
        Failure::new(Problem::ServeAddress, texts::NotLoopback { address })
            .caused_by(&mistake)
            .help(mistake.help())
    })?;
    Ok(listen)
}

fn check_directory(directory: &Path) -> Result<(), Failure> {
    if directory.is_dir() {
        return Ok(());
    }
    let path = &visible_path(directory);
    Err(Failure::new(Problem::Directory, texts::NotADirectory { path }).help(texts::NameDirectory))
}

/// The database of a service: that of the command line, else that of its file, else that of the variable. `None` if its ledgers are in
/// files, as those of a rehearsal.
fn database(store: Option<&Store>, is_rehearsal: bool, context: &Context) -> Result<Option<DatabaseUrl>, Failure> {
    if is_rehearsal {
        return Ok(None);
    }
    match store.filter(|_| context.store.is_none()) {
        Some(store) => store_args::database(Some(&store.postgres)),
        None => Ok(context.environment.database.clone()),
    }
}

fn settings(
    directory: &Path,
    is_rehearsal: bool,
    config: Arc<ConfigFile>,
    database: Option<DatabaseUrl>,
    context: &Context,
) -> ServiceSettings {
    let own = &context.environment;
    let worker = database.as_ref();
    let worker = worker.map(|url| Arc::new(service_ownership::worker(url, own.witnesses.clone())));
    ServiceSettings {
        config,
        directory: directory.to_owned(),
        state_dir: context.state_dir.clone(),
        is_rehearsal,
        environment: Environment {
            database,
            worker,
            ..own.clone()
        },
        classify: |error| Failure::from(error).code,
    }
}

/// The command line of a service for a directory, with more options.
fn command(directory: &Path, is_rehearsal: bool, context: &Context, more: &str) -> String {
    let rehearsal = if is_rehearsal { Rehearsal::Inside } else { Rehearsal::No };
    let command = again_with("serve", &rehearsal, context.state_dir.as_deref(), None, &[directory]);
    format!("{command}{more}")
}

/// The address and the certificate of a service, and what it prints.
struct Front<'c> {
    args: &'c ServeArgs,
    config: Arc<ConfigFile>,
    address: SocketAddr,
    is_tls: bool,
    context: &'c Context,
}

async fn serve(
    args: &ServeArgs,
    listen: SocketAddr,
    config: Arc<ConfigFile>,
    context: &Context,
) -> Result<Exit, Failure> {
    let listening = signals::listen(context.console.clone(), None);
    let mut signal = listening.map_err(|error| Failure::from_error(Problem::System, &error))?;
    let cannot_listen = |error: io::Error| {
        let address = &listen;
        Failure::new(Problem::ServeAddress, texts::CannotListen { address })
            .caused_by(&error)
            .help(texts::CannotListenHelp)
    };
    let store = config.current().file.as_ref().and_then(|file| file.store.clone());
    let database = database(store.as_ref(), args.sandbox, context)?;
    let tls = encryption::acceptor(&config).map_err(|error| Failure::from_error(Problem::System, &error))?;
    let listener = server::listen(listen).await.map_err(cannot_listen)?;
    let front = Front {
        args,
        address: listener.local_addr().map_err(cannot_listen)?,
        is_tls: config.current().certificate.is_some(),
        config: Arc::clone(&config),
        context,
    };
    let mut settings = settings(&args.directory, args.sandbox, config, database, context);
    let kept = |worker: Arc<FleetWorker>| Arc::new(KeptMessages::new(worker, Handle::current())) as _;
    settings.environment.kept_messages = settings.environment.worker.clone().map(kept);
    let lock = settings
        .lock()
        .await
        .map_err(|error| cannot_begin(error, args, context))?;
    let (waited, shown) = watch::channel(Waited::default());
    let (ending, ends) = watch::channel(false);
    let waiting = standby::router(front.names(), Arc::clone(&front.config), shown, ends.clone());
    let (routers, router) = watch::channel(waiting.clone());
    let serving = tokio::spawn(server::serve(listener, tls, router, ends));
    loop {
        let ownership = match settings.environment.worker.clone() {
            None => None,
            Some(worker) => {
                let owned = tokio::select! {
                    owned = front.wait_for_service(worker, &waited) => owned,
                    _ = signalled(&mut signal) => break,
                };
                // Requests that the previous owner has not answered wait no longer.
                waited.send_replace(Waited::default());
                Some(owned.map_err(|error| cannot_begin(error.into(), args, context))?)
            }
        };
        let opened = Supervisor::open_locked(settings.clone(), Arc::clone(&lock), ownership);
        let (supervisor, resources) = Box::pin(opened)
            .await
            .map_err(|error| cannot_begin(error, args, context))?;
        let show = |pages: Option<Pages>| {
            waited.send_replace(Waited::default());
            drop(routers.send_replace(pages.unwrap_or_else(|| waiting.clone())));
        };
        if Box::pin(front.serve_campaigns(supervisor, resources, show, &mut signal)).await? {
            break;
        }
    }
    ending.send_replace(true);
    let _ = serving.await;
    if let Some(worker) = &settings.environment.worker {
        worker.leave().await;
    }
    context.talk(&format!("{}\n", texts::ServiceStopped));
    Ok(Exit::Done)
}

/// Waits for a signal, and returns its name.
async fn signalled(signal: &mut watch::Receiver<Option<Signal>>) -> &'static str {
    let first = signal.wait_for(Option::is_some).await;
    let first = first.ok().and_then(|signal| *signal);
    first.map_or("SIGTERM", Signal::name)
}

impl Front<'_> {
    const fn scheme(&self) -> &'static str {
        if self.is_tls { "https" } else { "http" }
    }

    /// The names under which the service is reached.
    fn names(&self) -> HostNames {
        let config = Arc::clone(&self.config);
        let address = self.address;
        let scheme = self.scheme();
        Arc::new(move || {
            let current = config.current();
            let url = current.file.as_ref().and_then(|file| file.url.as_ref());
            Hosts::new(address, scheme, url)
        })
    }

    /// The address for browsers and programs.
    fn url(&self) -> String {
        let current = self.config.current();
        let own = current.file.as_ref().and_then(|file| file.url.as_ref());
        own.map_or_else(|| format!("{}://{}", self.scheme(), self.address), ToString::to_string)
    }

    /// Waits until this process owns the service of the fleet. Forwards requests to the process that does meanwhile.
    async fn wait_for_service(
        &self,
        worker: Arc<FleetWorker>,
        waited: &watch::Sender<Waited>,
    ) -> Result<ServiceOwnership, AppError> {
        let waits = |wait: Wait| {
            let met = match wait {
                Wait::Owner(holder) => Waited {
                    owner: holder.owner.map(|owner| WaitedOwner {
                        host: owner.host.clone(),
                        pid: owner.pid,
                        url: None,
                        reach: Reach::Unknown,
                    }),
                    decision: None,
                },
                Wait::Decision(error) => Waited {
                    owner: None,
                    decision: Some(Text::new(&*error)),
                },
            };
            self.say_waiting(&met);
            waited.send_replace(met);
        };
        // The address is read while the worker starts, which holds the connection.
        let mut followed = Box::pin(follow_address(&worker, waited, |obstacle| {
            self.say_forwarding(obstacle);
        }));
        let mut reading = Box::pin(self.read_config_again());
        let mut linking = Box::pin(self.refuse_links(waited));
        let mut owned = Box::pin(ServiceOwnership::wait(&worker, waits));
        loop {
            tokio::select! {
                owned = &mut owned => return owned,
                () = &mut followed => {}
                () = &mut reading => {}
                () = &mut linking => {}
            }
        }
    }

    /// Reads the file of the service again and again: a certificate that is renewed counts here, too.
    async fn read_config_again(&self) {
        loop {
            tokio::time::sleep(LOOK).await;
            let config = Arc::clone(&self.config);
            // A secret may be in a file that does not answer.
            let _ = tokio::task::spawn_blocking(move || config.read_again()).await;
        }
    }

    /// Answers commands that ask for a link: the process that has the campaigns makes them.
    async fn refuse_links(&self, waited: &watch::Sender<Waited>) {
        let socket = match LinkSocket::bind(&self.place().socket()) {
            Ok(socket) => socket,
            Err(error) => {
                tracing::warn!("cannot answer commands that ask for a link: {error}");
                return std::future::pending().await;
            }
        };
        let answer = || {
            let waited = waited.borrow();
            let owner = waited.owner.as_ref();
            Ok(LinkAnswer::Waits {
                host: owner.map(|owner| owner.host.clone()).unwrap_or_default(),
                pid: owner.map(|owner| owner.pid).unwrap_or_default(),
            })
        };
        socket.serve(answer).await;
    }

    fn place(&self) -> ServiceDir {
        let Self { args, context, .. } = *self;
        ServiceDir::new(context.state_dir.as_ref().unwrap_or(&args.directory), args.sandbox)
    }

    /// Says whether requests are forwarded to the process that has the campaigns.
    fn say_forwarding(&self, obstacle: Option<NotForwarded>) {
        match (self.context.output, obstacle) {
            (Output::Human, None) => {
                let url = &self.url();
                self.context.say(&format!("{}\n", texts::ForwardsRequests { url }));
            }
            (_, Some(why)) => self.context.warn(&texts::NotForwarded { why: &why.word() }),
            (Output::Json, None) => {}
        }
    }

    fn say_waiting(&self, met: &Waited) {
        match self.context.output {
            Output::Human => self.context.say(&format!("{}\n", met.text())),
            Output::Json => {
                self.context.lines.write(&WaitingObject {
                    r#type: "waiting",
                    why: Language::English.scope(|| met.text()),
                    host: met.owner.as_ref().map(|owner| &*owner.host),
                    pid: met.owner.as_ref().map(|owner| owner.pid),
                    url: &self.url(),
                });
                self.context.lines.flush();
            }
        }
    }

    /// Serves the campaigns until a signal. Returns false if another worker of the fleet has fenced this one before.
    async fn serve_campaigns(
        &self,
        supervisor: Arc<Supervisor>,
        resources: ServiceResources,
        show: impl Fn(Option<Pages>),
        signal: &mut watch::Receiver<Option<Signal>>,
    ) -> Result<bool, Failure> {
        let Self { args, context, .. } = *self;
        let socket =
            LinkSocket::bind(&self.place().socket()).map_err(|error| Failure::from_error(Problem::System, &error))?;
        let cannot_make = |error: io::Error| Failure::from_error(Problem::System, &error);
        let own = OwnAddress {
            url: self.url(),
            listen: self.address,
            is_tls: self.is_tls,
            secret: Secret::new(&random().map_err(cannot_make)?),
        };
        let app = App::new(
            Arc::clone(&supervisor),
            self.address,
            actor(None).name,
            command(&args.directory, args.sandbox, context, " --link"),
        );
        let app = Arc::new(app.with_forwarding(&own.secret));
        let links = tokio::spawn({
            let app = Arc::clone(&app);
            async move { socket.serve(|| new_link(&app).map(LinkAnswer::Link)).await }
        });
        show(Some(router(&app)));
        self.say_serving(&app)?;
        let running = tokio::spawn({
            let supervisor = Arc::clone(&supervisor);
            async move { supervisor.run().await }
        });
        let published = tokio::spawn({
            let supervisor = Arc::clone(&supervisor);
            async move { supervisor.publish_address(&own).await }
        });
        let ended = loop {
            tokio::select! {
                name = signalled(signal) => break Some(name),
                () = Supervisor::lost(&resources) => break None,
                () = app.link_used.notified() => say_used(&app, context),
            }
        };
        links.abort();
        // Its end removes the socket, which this process may bind again.
        let _ = links.await;
        published.abort();
        if let Some(name) = ended {
            context.talk(&format!("{}\n", texts::StoppingService { signal: &name }));
            Box::pin(supervisor.stop(name, resources)).await;
        } else {
            context.warn(&texts::ServiceLost);
            show(None);
            Box::pin(supervisor.abandon(resources)).await;
        }
        let _ = running.await;
        Ok(ended.is_some())
    }

    fn say_serving(&self, app: &App) -> Result<(), Failure> {
        let Self {
            args, config, context, ..
        } = self;
        let url = self.url();
        let directory = &visible_path(&args.directory);
        let headline = if args.sandbox {
            texts::ServesSandbox { directory, url: &url }.to_string()
        } else {
            texts::Serves { directory, url: &url }.to_string()
        };
        let link = if config.current().accounts.is_local() {
            Some(new_link(app).map_err(|error| cannot_link(&error))?)
        } else {
            None
        };
        match (context.output, &link) {
            (Output::Human, Some(link)) => context.say(&format!("{headline}\n{}\n", texts::OpenLink { link })),
            (Output::Human, None) => {
                let path = &visible_path(config.path());
                context.say(&format!("{headline}\n{}\n", texts::WithUsers { path, url: &url }));
            }
            (Output::Json, _) => {
                context.lines.write(&Serving {
                    r#type: "serving",
                    url: &url,
                    link: link.as_deref(),
                    sandbox: args.sandbox,
                });
                context.lines.flush();
            }
        }
        Ok(())
    }
}

/// Shows where the service that has the campaigns is, as soon as that is known. Calls `say` once for each owner, with the reason if
/// requests cannot be forwarded to it.
async fn follow_address(worker: &FleetWorker, waited: &watch::Sender<Waited>, say: impl Fn(Option<NotForwarded>)) {
    let mut owners = waited.subscribe();
    let mut said: Option<(String, u32)> = None;
    loop {
        match service_ownership::read_address(worker).await {
            Ok(Some(address)) if waited.send_if_modified(|waited| waited.note_address(&address)) => {
                let now = Some((address.host, address.pid));
                if said != now {
                    say(waited.borrow().obstacle());
                    said = now;
                }
            }
            Ok(_) => {}
            Err(error) => tracing::debug!("the address of the service cannot be read: {error}"),
        }
        // What this loop has written is no news.
        owners.mark_unchanged();
        tokio::select! {
            () = tokio::time::sleep(LOOK) => {}
            // The sender is borrowed, so it is there.
            _ = owners.changed() => {}
        }
    }
}

fn new_link(app: &App) -> io::Result<String> {
    if !app.supervisor.config().current().accounts.is_local() {
        return Err(io::ErrorKind::PermissionDenied.into());
    }
    let mut sessions = app.sessions.lock().unwrap_or_else(PoisonError::into_inner);
    let key = sessions.new_key(Instant::now())?;
    Ok(format!("{}://{}/link/{key}", app.scheme(), app.address))
}

/// Shows a new link after one was used: at a terminal only, because a log is read by others.
fn say_used(app: &App, context: &Context) {
    if context.output != Output::Human {
        return;
    }
    let text = if context.terminal.stdout {
        match new_link(app) {
            Ok(link) => texts::LinkWasUsed { link: &link }.to_string(),
            Err(error) => error.to_string(),
        }
    } else {
        let command = &app.link_command;
        texts::LinkWasUsedElsewhere { command }.to_string()
    };
    context.say(&format!("{text}\n"));
}

/// What a program reads of a service that begins.
#[derive(Serialize)]
struct Serving<'a> {
    r#type: &'static str,
    url: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    link: Option<&'a str>,
    sandbox: bool,
}

/// What a program reads of a service that waits for another one.
#[derive(Serialize)]
struct WaitingObject<'a> {
    r#type: &'static str,
    why: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    host: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pid: Option<u32>,
    url: &'a str,
}

/// A link, for a program.
#[derive(Serialize)]
struct Link<'a> {
    r#type: &'static str,
    link: &'a str,
}

/// Asks the running service for a link.
async fn print_link(args: &ServeArgs, context: &Context) -> Result<Exit, Failure> {
    let place = ServiceDir::new(context.state_dir.as_ref().unwrap_or(&args.directory), args.sandbox);
    let asked = link_socket::ask(&place.socket()).await;
    let directory = &visible_path(&args.directory);
    let answer = asked.map_err(|error| {
        let command = &command(&args.directory, args.sandbox, context, "");
        Failure::new(Problem::NothingRuns, texts::NoService { directory })
            .caused_by(&error)
            .help(texts::NoServiceHelp { command })
    })?;
    let link = match answer {
        LinkAnswer::Link(link) => link,
        LinkAnswer::Waits { host, pid } => {
            let failure = Failure::new(Problem::NothingRuns, texts::NoLinkHere { directory });
            return Err(if host.is_empty() {
                failure
            } else {
                let host = &visible(&host);
                failure.help(texts::NoLinkHereHelp { host, pid: &pid })
            });
        }
    };
    match context.output {
        Output::Human => context.data(&format!("{}\n", visible(&link)))?,
        Output::Json => context.lines.write(&Link {
            r#type: "link",
            link: &link,
        }),
    }
    Ok(Exit::Done)
}

fn cannot_link(error: &io::Error) -> Failure {
    Failure::new(Problem::System, texts::CannotPrintLink).caused_by(error)
}

fn cannot_begin(error: ServiceError, args: &ServeArgs, context: &Context) -> Failure {
    match error {
        ServiceError::Log(ServiceLogError::Dir(LedgerDirError::Lock(LockError::Taken { owner, .. }))) => {
            let directory = &visible_path(&args.directory);
            let message = match &owner {
                Some(owner) => texts::ServiceTaken {
                    directory,
                    pid: &owner.pid,
                    host: &owner.host,
                    since: &rfc3339(owner.since, &TimeZone::system()),
                    command: &owner.command,
                }
                .to_string(),
                None => texts::ServiceTakenByUnknown { directory }.to_string(),
            };
            let command = &command(&args.directory, args.sandbox, context, " --link");
            Failure::new(Problem::ServiceTaken, message).help(texts::ServiceTakenHelp { command })
        }
        error => error.into(),
    }
}

/// What a program reads of a log that was checked.
#[derive(Serialize)]
struct LogObject {
    r#type: &'static str,
    records: u64,
    newer: u64,
    losses: u64,
    link: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    last: Option<String>,
}

/// The database that the file of a service beside a directory names. `None` if it names none, or is not there.
fn read_store(directory: &Path) -> Result<Option<Store>, Vec<Diagnostic>> {
    let directory = directory.canonicalize().unwrap_or_else(|_| directory.to_owned());
    let path = directory.parent().unwrap_or(&directory).join(CONFIG);
    if !path.is_file() {
        return Ok(None);
    }
    Ok(parse_server(&path, &read_server(&path)?)?.content.store)
}

/// Checks the log of the service for a directory.
pub fn verify(directory: &Path, is_rehearsal: bool, context: &Context) -> Result<Exit, Failure> {
    let store = match read_store(directory) {
        Ok(store) => store,
        Err(mistakes) => {
            load::show(&mistakes, context);
            return Ok(Exit::Input);
        }
    };
    let database = database(store.as_ref(), is_rehearsal, context)?;
    let settings = settings(
        directory,
        is_rehearsal,
        Arc::new(ConfigFile::without()),
        database,
        context,
    );
    if !settings.is_in_database() && !settings.place().has_log() {
        let directory = &visible_path(directory);
        let help = texts::NoServiceHelp {
            command: &command(Path::new(&**directory), is_rehearsal, context, ""),
        };
        return Err(Failure::new(Problem::NothingRuns, texts::NoLog { directory }).help(help));
    }
    let args = ServeArgs {
        directory: directory.to_owned(),
        listen: None,
        config: None,
        sandbox: is_rehearsal,
        link: false,
        hash_password: false,
        new_token: false,
    };
    let checked = block_on(verify_log(&settings))?.map_err(|error| cannot_begin(error, &args, context))?;
    if let Some(witness) = &checked.older_than {
        let at = &rfc3339(witness.written, &TimeZone::system());
        let message = texts::LogOlder {
            known: &witness.sequence,
            at,
            records: checked.records,
        };
        return Err(Failure::new(Problem::OlderServiceLog, message).help(texts::LogOlderHelp));
    }
    let last = checked.last.map(|at| rfc3339(at, &TimeZone::system()));
    match context.output {
        Output::Json => context.lines.write(&LogObject {
            r#type: "service_log",
            records: checked.records,
            newer: checked.newer,
            losses: checked.losses,
            link: checked.link,
            last,
        }),
        Output::Human => {
            let mut text = format!(
                "{}\n",
                texts::LogSound {
                    records: checked.records
                }
            );
            if checked.newer > 0 {
                // Writing to a string cannot fail.
                let _ = writeln!(text, "{}", texts::LogUnknown { records: checked.newer });
            }
            if checked.losses > 0 {
                let _ = writeln!(text, "{}", texts::LogLosses { n: checked.losses });
            }
            if let Some(at) = &last {
                let link = &checked.link;
                let _ = writeln!(text, "{}", texts::LogLast { at, link });
            }
            context.data(&text)?;
        }
    }
    Ok(Exit::Done)
}
