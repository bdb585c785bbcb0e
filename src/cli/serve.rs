//! `runner serve`: watches a directory of campaign files, and shows it on pages for a browser on this machine.

use std::fmt::Write as _;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use clap::Args;
use jiff::tz::TimeZone;
use serde::Serialize;
use tokio::net::TcpListener;
use tokio::sync::Notify;

use crate::app::Rehearsal;
use crate::app::process::actor;
use crate::catalogue::{help, service as texts};
use crate::ledger::ledger_dir::LedgerDirError;
use crate::ledger::lock::LockError;
use crate::ledger::service_log::ServiceLogError;
use crate::model::problem::Problem;
use crate::report::text::{visible, visible_path};
use crate::report::times::rfc3339;
use crate::service::link_socket::{self, LinkSocket};
use crate::service::supervisor::{ServiceError, ServiceSettings, Supervisor, verify_log};
use crate::service::web::app::App;
use crate::service::web::live::LiveCache;
use crate::service::web::routes::router;
use crate::service::web::server;
use crate::service::web::sessions::Sessions;

use super::context::Context;
use super::exit::Exit;
use super::failure::Failure;
use super::global_args::Output;
use super::runtime::block_on;
use super::signals::{self, Signal};
use super::typed::again_with;

/// The arguments of `runner serve`.
#[derive(Clone, Debug, Args)]
#[command(after_help = help::ServeExamples.to_string())]
pub struct ServeArgs {
    #[arg(help = help::ServeDirectory.to_string())]
    #[arg(value_name = "DIR", default_value = ".")]
    pub directory: PathBuf,
    #[arg(help = help::ServeListen.to_string())]
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:7878")]
    pub listen: SocketAddr,
    #[arg(help = help::ServeSandbox.to_string())]
    #[arg(long, help_heading = help::HeadingRehearsal.to_string())]
    pub sandbox: bool,
    #[arg(help = help::ServeLink.to_string())]
    #[arg(long)]
    pub link: bool,
}

/// Serves until a signal.
pub fn run(args: &ServeArgs, context: &Context) -> Result<Exit, Failure> {
    if context.environment.database.is_some() {
        return Err(Failure::new(Problem::CommandLine, texts::NoStore).help(texts::NoStoreHelp));
    }
    check_directory(&args.directory)?;
    if args.link {
        return block_on(print_link(args, context))?;
    }
    if !args.listen.ip().is_loopback() {
        let address = &args.listen;
        return Err(Failure::new(Problem::ServeAddress, texts::NotLoopback { address }).help(texts::NotLoopbackHelp));
    }
    block_on(serve(args, context))?
}

fn check_directory(directory: &Path) -> Result<(), Failure> {
    if directory.is_dir() {
        return Ok(());
    }
    let path = &visible_path(directory);
    Err(Failure::new(Problem::Directory, texts::NotADirectory { path }).help(texts::NameDirectory))
}

fn settings(directory: &Path, is_rehearsal: bool, context: &Context) -> ServiceSettings {
    ServiceSettings {
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

async fn serve(args: &ServeArgs, context: &Context) -> Result<Exit, Failure> {
    let listening = signals::listen(context.console.clone(), None);
    let mut signal = listening.map_err(|error| Failure::from_error(Problem::System, &error))?;
    let cannot_listen = |error: io::Error| {
        let address = &args.listen;
        Failure::new(Problem::ServeAddress, texts::CannotListen { address })
            .caused_by(&error)
            .help(texts::CannotListenHelp)
    };
    let listener = server::listen(args.listen).await.map_err(cannot_listen)?;
    let address = listener.local_addr().map_err(cannot_listen)?;
    let settings = settings(&args.directory, args.sandbox, context);
    let place = settings.place();
    let opened = Box::pin(Supervisor::open(settings)).await;
    let (supervisor, resources) = opened.map_err(|error| cannot_begin(error, args, context))?;
    let socket = LinkSocket::bind(&place.socket()).map_err(|error| Failure::from_error(Problem::System, &error))?;
    let app = Arc::new(App {
        supervisor: Arc::clone(&supervisor),
        sessions: Mutex::new(Sessions::default()),
        address,
        user: actor(None).name,
        link_command: command(&args.directory, args.sandbox, context, " --link"),
        live: LiveCache::default(),
        link_used: Notify::new(),
    });
    let url = format!("http://{address}");
    let directory = &visible_path(&args.directory);
    let headline = if args.sandbox {
        texts::ServesSandbox { directory, url: &url }.to_string()
    } else {
        texts::Serves { directory, url: &url }.to_string()
    };
    let link = new_link(&app).map_err(|error| cannot_link(&error))?;
    match context.output {
        Output::Human => context.say(&format!("{headline}\n{}\n", texts::OpenLink { link: &link })),
        Output::Json => {
            context.lines.write(&Serving {
                r#type: "serving",
                url: &url,
                link: &link,
                sandbox: args.sandbox,
            });
            context.lines.flush();
        }
    }
    let links = tokio::spawn({
        let app = Arc::clone(&app);
        async move { socket.serve(|| new_link(&app)).await }
    });
    let serving = tokio::spawn(serve_pages(listener, Arc::clone(&app)));
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

async fn serve_pages(listener: TcpListener, app: Arc<App>) {
    let stopping = app.supervisor.stopping();
    server::serve(listener, router(&app), stopping).await;
}

fn new_link(app: &App) -> io::Result<String> {
    let mut sessions = app.sessions.lock().unwrap_or_else(PoisonError::into_inner);
    let key = sessions.new_key(Instant::now())?;
    Ok(format!("http://{}/link/{key}", app.address))
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
    link: &'a str,
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
    let place = settings(&args.directory, args.sandbox, context).place();
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
    let settings = settings(directory, is_rehearsal, context);
    if !settings.place().has_log() {
        let directory = &visible_path(directory);
        let help = texts::NoServiceHelp {
            command: &command(Path::new(&**directory), is_rehearsal, context, ""),
        };
        return Err(Failure::new(Problem::NothingRuns, texts::NoLog { directory }).help(help));
    }
    let args = ServeArgs {
        directory: directory.to_owned(),
        listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        sandbox: is_rehearsal,
        link: false,
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
