//! `runner serve`: watches a directory of campaign files, and shows it on pages for a browser on this machine.

use std::fmt::{Display, Write as _};
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError};
use std::time::Instant;

use clap::Args;
use jiff::tz::TimeZone;
use serde::Serialize;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::app::Rehearsal;
use crate::app::process::actor;
use crate::campaign::{Diagnostic, ServerFile, TokenHash};
use crate::catalogue::{help, service as texts};
use crate::ledger::ledger_dir::LedgerDirError;
use crate::ledger::lock::LockError;
use crate::ledger::service_log::{ServiceDir, ServiceLogError};
use crate::model::problem::Problem;
use crate::report::text::{visible, visible_path};
use crate::report::times::rfc3339;
use crate::service::accounts::digest;
use crate::service::config::{ConfigFile, ServerConfig};
use crate::service::link_socket::{self, LinkSocket};
use crate::service::passwords::{LONGEST, PasswordHash, SHORTEST};
use crate::service::supervisor::{ServiceError, ServiceSettings, Supervisor, verify_log};
use crate::service::web::app::App;
use crate::service::web::encryption;
use crate::service::web::routes::router;
use crate::service::web::server;
use crate::service::web::sessions::random;

use super::context::Context;
use super::exit::Exit;
use super::failure::Failure;
use super::global_args::Output;
use super::load;
use super::password;
use super::runtime::block_on;
use super::signals::{self, Signal};
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
    if context.environment.database.is_some() {
        return Err(Failure::new(Problem::CommandLine, texts::NoStore).help(texts::NoStoreHelp));
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

fn settings(directory: &Path, is_rehearsal: bool, config: Arc<ConfigFile>, context: &Context) -> ServiceSettings {
    ServiceSettings {
        config,
        directory: directory.to_owned(),
        state_dir: context.state_dir.clone(),
        is_rehearsal,
        environment: context.environment.clone(),
        classify: |error| Failure::from(error).code,
    }
}

/// The command line of a service for a directory, with more options.
fn command(directory: &Path, is_rehearsal: bool, context: &Context, more: &str) -> String {
    let rehearsal = if is_rehearsal { Rehearsal::Inside } else { Rehearsal::No };
    let command = again_with("serve", &rehearsal, context.state_dir.as_deref(), None, &[directory]);
    format!("{command}{more}")
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
    let tls = encryption::acceptor(&config).map_err(|error| Failure::from_error(Problem::System, &error))?;
    let listener = server::listen(listen).await.map_err(cannot_listen)?;
    let address = listener.local_addr().map_err(cannot_listen)?;
    let settings = settings(&args.directory, args.sandbox, Arc::clone(&config), context);
    let place = settings.place();
    let opened = Box::pin(Supervisor::open(settings)).await;
    let (supervisor, resources) = opened.map_err(|error| cannot_begin(error, args, context))?;
    let socket = LinkSocket::bind(&place.socket()).map_err(|error| Failure::from_error(Problem::System, &error))?;
    let app = Arc::new(App::new(
        Arc::clone(&supervisor),
        address,
        actor(None).name,
        command(&args.directory, args.sandbox, context, " --link"),
    ));
    let current = config.current();
    let own = current.file.as_ref().and_then(|file| file.url.as_ref());
    let url = own.map_or_else(|| format!("{}://{address}", app.scheme()), ToString::to_string);
    let directory = &visible_path(&args.directory);
    let headline = if args.sandbox {
        texts::ServesSandbox { directory, url: &url }.to_string()
    } else {
        texts::Serves { directory, url: &url }.to_string()
    };
    let link = if current.accounts.is_local() {
        Some(new_link(&app).map_err(|error| cannot_link(&error))?)
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
    let links = tokio::spawn({
        let app = Arc::clone(&app);
        async move { socket.serve(|| new_link(&app)).await }
    });
    let serving = tokio::spawn(serve_pages(listener, tls, Arc::clone(&app)));
    let running = tokio::spawn({
        let supervisor = Arc::clone(&supervisor);
        async move { supervisor.run().await }
    });
    let name = loop {
        tokio::select! {
            first = signal.wait_for(Option::is_some) => {
                let first = first.ok().and_then(|signal| *signal);
                break first.map_or("SIGTERM", Signal::name);
            }
            () = app.link_used.notified() => say_used(&app, context),
        }
    };
    context.talk(&format!("{}\n", texts::StoppingService { signal: &name }));
    links.abort();
    Box::pin(supervisor.stop(name, resources)).await;
    let _ = running.await;
    let _ = serving.await;
    context.talk(&format!("{}\n", texts::ServiceStopped));
    Ok(Exit::Done)
}

async fn serve_pages(listener: TcpListener, tls: Option<TlsAcceptor>, app: Arc<App>) {
    let stopping = app.supervisor.stopping();
    server::serve(listener, tls, router(&app), stopping).await;
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
    let link = asked.map_err(|error| {
        let directory = &visible_path(&args.directory);
        let command = &command(&args.directory, args.sandbox, context, "");
        Failure::new(Problem::NothingRuns, texts::NoService { directory })
            .caused_by(&error)
            .help(texts::NoServiceHelp { command })
    })?;
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

/// Checks the log of the service for a directory.
pub fn verify(directory: &Path, is_rehearsal: bool, context: &Context) -> Result<Exit, Failure> {
    let settings = settings(directory, is_rehearsal, Arc::new(ConfigFile::without()), context);
    if !settings.place().has_log() {
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
