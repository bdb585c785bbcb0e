//! The commands that go to a service: with `RUNNER_SERVER`, a file is one that the service knows, and `RUNNER_TOKEN` is the token.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use jiff::tz::TimeZone;
use serde::Deserialize;
use serde_json::{Value as Json, json};

use crate::app::run_command::Verb;
use crate::app::service_client::{ServiceClient, ServiceClientError};
use crate::app::trace::TraceWords;
use crate::catalogue::{app as app_text, approval, control_command, remote as text};
use crate::model::problem::Problem;
use crate::model::secret::{SecretError, SecretRef};
use crate::report::render::json::Status;
use crate::report::render::terminal::status::{StatusRow, table};
use crate::report::text::visible;
use crate::service::pages::AuditRow;
use crate::service::record::Record;
use crate::service::state::NumberedRecord;
use crate::service::web::{StatusObject, StatusesObject};

use super::answer_objects::{ApprovalObject, ReceivedObject};
use super::context::Context;
use super::exit::Exit;
use super::failure::Failure;
use super::global_args::Output;
use super::occurrence_args::OccurrenceArgs;
use super::terminal;
use super::trace_text;
use super::watch::Screen;

/// How often a service is asked for its statuses.
const LOOK: Duration = Duration::from_secs(1);
/// The variable with the address of a service.
const SERVER: &str = "RUNNER_SERVER";
/// The variable with the token for it.
const TOKEN: &str = "RUNNER_TOKEN";

/// The service that the environment names. `None` if it names none.
///
/// # Errors
/// If its address or its token cannot be used.
pub fn service() -> Result<Option<ServiceClient>, Failure> {
    let url = match SecretRef::Env(SERVER.to_owned()).resolve() {
        Ok(url) => url,
        Err(SecretError::Unset(_)) => return Ok(None),
        Err(error) => return Err(Failure::new(Problem::ServerUrl, text::UnusableServer).caused_by(&error)),
    };
    let token = SecretRef::Env(TOKEN.to_owned()).resolve().map_err(|error| {
        Failure::new(Problem::ServerUrl, text::NoToken)
            .caused_by(&error)
            .help(text::NoTokenHelp)
    })?;
    Ok(Some(ServiceClient::new(url.expose(), token)?))
}

/// Refuses a command that does not go to a service, while the environment names one.
pub fn refuse(command: &str) -> Result<(), Failure> {
    if std::env::var_os(SERVER).is_none_or(|value| value.is_empty()) {
        return Ok(());
    }
    Err(Failure::new(Problem::NotForServer, text::NotForServer { command: &command }).help(text::NotForServerHelp))
}

/// The campaign files that a command names.
pub struct Files<'a> {
    /// Their paths on this machine. The service knows their names.
    pub paths: &'a [PathBuf],
    /// The occurrence of recurring campaigns.
    pub occurrence: OccurrenceArgs,
}

impl Files<'_> {
    /// The campaigns as the service names them.
    fn keys(&self) -> Vec<String> {
        self.paths.iter().map(|path| key(path, self.occurrence)).collect()
    }
}

/// The campaign of a file, as the service names it.
fn key(file: &Path, occurrence: OccurrenceArgs) -> String {
    let name = file.file_name().unwrap_or(file.as_os_str()).to_string_lossy();
    match occurrence.occurrence {
        Some(date) => format!("{name}@{date}"),
        None => name.into_owned(),
    }
}

/// What a service says of a campaign.
#[derive(Deserialize)]
struct CampaignAnswer {
    campaign: String,
    app_id: String,
    #[serde(default)]
    waiting_wave: Option<u32>,
    process: Process,
}

/// The process that applies a campaign, or would.
#[derive(Deserialize)]
struct Process {
    pid: u32,
    host: String,
}

impl Process {
    fn text(&self) -> String {
        let pid = &self.pid;
        let host = &visible(&self.host);
        control_command::OnMachine { pid, host }.to_string()
    }
}

fn read<T: for<'de> Deserialize<'de>>(answer: Json, service: &ServiceClient) -> Result<T, Failure> {
    let url = service.address();
    let status = 200;
    serde_json::from_value(answer).map_err(|_| ServiceClientError::NotAService { url, status }.into())
}

async fn statuses(service: &ServiceClient, wanted: &[String]) -> Result<Vec<StatusRow>, Failure> {
    let answer = service.get(&["status"], &[]).await?;
    let StatusesObject { statuses: items, .. } = read(answer, service)?;
    let is_named = |item: &StatusObject, name: &String| *name == item.file || *name == item.series;
    if let Some(absent) = wanted
        .iter()
        .find(|name| !items.iter().any(|item| is_named(item, name)))
    {
        let message = text::NoSuchCampaign {
            file: &visible(absent),
            url: &service.address(),
        };
        return Err(Failure::new(Problem::ServerRefused, message).help(text::NoSuchCampaignHelp));
    }
    let is_wanted = |item: &StatusObject| wanted.is_empty() || wanted.iter().any(|name| is_named(item, name));
    let mut rows = Vec::new();
    for item in items.into_iter().filter(is_wanted) {
        let status: Status = read(item.status, service)?;
        rows.push(StatusRow {
            name: item.name,
            title: item.title,
            status: if item.outdated { status.outdated() } else { status },
            zone: TimeZone::get(&item.timezone).unwrap_or(TimeZone::UTC),
        });
    }
    Ok(rows)
}

/// `runner status` of a service.
pub async fn status(
    service: &ServiceClient,
    files: &Files<'_>,
    is_watched: bool,
    context: &Context,
) -> Result<Exit, Failure> {
    let wanted = files.keys();
    if !is_watched {
        let rows = statuses(service, &wanted).await?;
        match context.output {
            Output::Json => rows
                .iter()
                .for_each(|row| context.lines.write(&row.status.for_programs())),
            Output::Human => context.data(&table(&rows, context.now(), terminal::stdout_width()))?,
        }
        return Ok(Exit::Done);
    }
    let mut screen = Screen::new(context);
    loop {
        let rows = statuses(service, &wanted).await?;
        let over = rows.iter().all(|row| row.status.owner.is_none());
        screen.show(&rows, context.now(), over)?;
        if over || screen.closed() {
            return Ok(Exit::Done);
        }
        // A service is asked over the network.
        tokio::time::sleep(LOOK).await;
    }
}

/// `runner pause`, `resume` and `stop` of a service.
pub async fn command(
    service: &ServiceClient,
    verb: Verb,
    files: &Files<'_>,
    is_all: bool,
    context: &Context,
) -> Result<Exit, Failure> {
    let word = match verb {
        Verb::Pause => "pause",
        Verb::Resume => "resume",
        Verb::Stop => "stop",
    };
    if is_all {
        if !matches!(verb, Verb::Stop) {
            return Err(Failure::new(Problem::CommandLine, text::OnlyStopAll).help(text::OnlyStopAllHelp));
        }
        service.post(&["stop-all"], &json!({})).await?;
        match context.output {
            Output::Json => context.lines.write(&json!({"type": "order", "order": word})),
            Output::Human => context.say(&format!(
                "{}\n",
                text::StopsAll {
                    url: &service.address()
                }
            )),
        }
        return Ok(Exit::Done);
    }
    let mut exits = Vec::new();
    for path in files.paths {
        match send(service, word, &key(path, files.occurrence)).await {
            Ok(campaign) => {
                show(word, &campaign, context);
                exits.push(Exit::Done);
            }
            Err(failure) if files.paths.len() == 1 => return Err(failure),
            Err(failure) => {
                let failure = failure.of_file(path);
                context.show(&failure);
                exits.push(failure.exit);
            }
        }
    }
    Ok(Exit::of_several(exits))
}

async fn send(service: &ServiceClient, word: &str, file: &str) -> Result<CampaignAnswer, Failure> {
    let answer = service.post(&["campaigns", file, word], &json!({})).await?;
    read(answer, service)
}

fn show(word: &'static str, done: &CampaignAnswer, context: &Context) {
    match context.output {
        Output::Json => context.lines.write(&ReceivedObject {
            r#type: "order",
            campaign: &done.campaign,
            app_id: &done.app_id,
            order: word,
            pid: done.process.pid,
            host: Some(&done.process.host),
        }),
        Output::Human => {
            let campaign = &visible(&done.campaign);
            let pid = &done.process.text();
            let said = match word {
                "pause" => control_command::Paused { campaign, pid }.to_string(),
                "resume" => control_command::Resumed { campaign, pid }.to_string(),
                _ => control_command::Stops { campaign, pid }.to_string(),
            };
            context.say(&format!("{said}\n"));
        }
    }
}

/// `runner approve` of a service: the wave that waits, or the one that is named.
pub async fn approve(
    service: &ServiceClient,
    file: &Path,
    occurrence: OccurrenceArgs,
    wave: Option<u32>,
    context: &Context,
) -> Result<Exit, Failure> {
    let file = key(file, occurrence);
    let campaign: CampaignAnswer = read(service.get(&["campaigns", &file], &[]).await?, service)?;
    let wave = wave.or(campaign.waiting_wave);
    if let Some(wave) = wave {
        service
            .post(&["campaigns", &file, "wave"], &json!({"wave": wave}))
            .await?;
    }
    let name = &visible(&campaign.campaign);
    match context.output {
        Output::Json => context.lines.write(&ApprovalObject {
            r#type: "approval",
            campaign: &campaign.campaign,
            app_id: &campaign.app_id,
            result: if wave.is_some() { "approved" } else { "nothing_waits" },
            wave,
            by: None,
            from: None,
            at: None,
            pid: Some(campaign.process.pid),
        }),
        Output::Human => {
            let said = match wave {
                Some(wave) => approval::ApprovedLive {
                    campaign: name,
                    wave: wave.into(),
                    pid: &campaign.process.text(),
                }
                .to_string(),
                None => approval::NothingWaits { campaign: name }.to_string(),
            };
            context.say(&format!("{said}\n"));
        }
    }
    Ok(Exit::Done)
}

/// What a service says of a user.
#[derive(Deserialize)]
struct PersonAnswer {
    campaigns: Vec<KnownBy>,
}

/// What a campaign knows of a user.
#[derive(Deserialize)]
struct KnownBy {
    campaign: String,
    objects: Vec<Json>,
    #[serde(default)]
    words: Option<TraceWords>,
    #[serde(default)]
    problem: Option<ReadProblem>,
}

/// Why a campaign cannot be searched.
#[derive(Deserialize)]
struct ReadProblem {
    message: String,
    causes: Vec<String>,
}

/// `runner trace` of a service.
pub async fn trace(
    service: &ServiceClient,
    file: &Path,
    occurrence: OccurrenceArgs,
    open_id: &str,
    context: &Context,
) -> Result<Exit, Failure> {
    let asked = json!({"file": key(file, occurrence), "open_id": open_id});
    let PersonAnswer { campaigns } = read(service.post(&["person"], &asked).await?, service)?;
    for known in campaigns {
        if let Some(problem) = known.problem {
            return Err(Failure::new(Problem::ServerRefused, problem.message).because(problem.causes));
        }
        let Some(words) = known.words else {
            let message = app_text::UnknownUser {
                campaign: &known.campaign,
                open_id: &visible(open_id),
            };
            return Err(Failure::new(Problem::UnknownUser, message).help(text::UnknownUserHelp));
        };
        match context.output {
            Output::Json => known.objects.iter().for_each(|object| context.lines.write(object)),
            Output::Human => context.data(&trace_text::text(&words, terminal::stdout_width_or_any()))?,
        }
    }
    Ok(Exit::Done)
}

/// `runner audit`: the records of the log of a service.
pub async fn audit(
    service: &ServiceClient,
    text: Option<&str>,
    file: Option<&Path>,
    last: u16,
    context: &Context,
) -> Result<Exit, Failure> {
    let mut query = vec![("limit", last.to_string())];
    query.extend(text.map(|text| ("text", text.to_owned())));
    query.extend(file.map(|file| ("file", key(file, OccurrenceArgs::default()))));
    let mut answer = service.get(&["audit"], &query).await?;
    let records: Vec<Json> = read(answer["records"].take(), service)?;
    if context.output == Output::Json {
        for mut record in records {
            record["type"] = "audit_record".into();
            context.lines.write(&record);
        }
        return Ok(Exit::Done);
    }
    let mut rows = Vec::new();
    for record in records {
        let sequence = record["sequence"].as_u64().unwrap_or_default();
        let record: Arc<Record> = Arc::new(read(record, service)?);
        rows.push(NumberedRecord { sequence, record });
    }
    context.data(&render(&rows))?;
    Ok(Exit::Done)
}

/// A record in a line, with its details in another one.
fn render(records: &[NumberedRecord]) -> String {
    let zone = TimeZone::system();
    let mut lines = String::new();
    for record in records {
        let row = AuditRow::new(record, &zone);
        let all = [&row.time, &row.who, &row.what, row.file.as_ref().unwrap_or(&row.result)];
        let mut line = format!("{:>5}  ", row.sequence);
        let parts = all
            .into_iter()
            .filter(|part| !part.is_empty())
            .map(|part| visible(part));
        line.push_str(&parts.collect::<Vec<_>>().join("  "));
        if row.file.is_some() && !row.result.is_empty() {
            // Writing to a string cannot fail.
            let _ = write!(line, "  {}", visible(&row.result));
        }
        let _ = writeln!(lines, "{line}");
        if !row.detail.is_empty() {
            let _ = writeln!(lines, "       {}", visible(&row.detail));
        }
    }
    lines
}
