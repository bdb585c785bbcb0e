//! Commands to the runs of a fleet. They lie in its database, so they reach a run on any machine. Every worker with the campaign
//! takes each command, also one that waits for the app id: the campaign stays stopped or paused when its owner changes. The owner
//! answers. A decision about deliveries is for the owner alone, which says that it takes it before it does, because the decision
//! waits until nothing is in flight: a command that nobody takes in time is never taken.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::control::{Command, ControlError, ControlServer, client};
use crate::fleet::postgres::commands::CommandRow;
use crate::fleet::{AppKey, Database};
use crate::model::approval::ApprovalAnswer;
use crate::model::identity::Identity;
use crate::model::resolve::ResolveAnswer;
use crate::model::run_command::RunCommand;

use super::error::AppError;
use super::fleet_runs::{FleetRun, FleetRuns};
use super::process::host;

/// How often commands are looked for.
const LOOK: Duration = Duration::from_millis(400);
/// After this time a worker that waits for the app id answers in place of the owner.
const OWNER_FIRST: Duration = Duration::from_secs(2);
/// How long a command waits for the first answer. After that no run takes it any more.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long the answer of a worker may take that has taken a command.
const TAKEN_PATIENCE: Duration = Duration::from_mins(2);
/// For how long a command that was committed late is still found.
const OVERLAP: Duration = Duration::from_secs(20);

/// The result of a command that no run has taken.
const NOBODY: &str = "null";

/// Where commands are found, for messages.
const TABLE: &str = "runner_command";

/// The answer of a worker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Answer {
    host: String,
    pid: u32,
    /// The answer as on the control socket. `None` while the worker has only taken the command.
    #[serde(rename = "answer", default, skip_serializing_if = "Option::is_none")]
    line: Option<Value>,
}

impl Answer {
    fn text(line: Option<Value>) -> String {
        let answer = Self {
            host: host(),
            pid: std::process::id(),
            line,
        };
        serde_json::to_string(&answer).unwrap_or_default()
    }
}

/// The worker that answered, and its answer as on the control socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answered {
    /// Its machine.
    pub host: String,
    /// Its process id.
    pub pid: u32,
    line: Vec<u8>,
}

impl Answered {
    /// The command that was in effect before.
    pub fn order(&self, place: &Path) -> Result<RunCommand, ControlError> {
        client::order_answer(place, &self.line)
    }

    /// Parses the answer to an approval.
    pub fn approval(&self, place: &Path) -> Result<ApprovalAnswer, ControlError> {
        client::approval_answer(place, &self.line)
    }

    /// What became of a decision.
    pub fn resolve(&self, place: &Path) -> Result<ResolveAnswer, ControlError> {
        client::resolve_answer(place, &self.line)
    }
}

/// Sends a command to the runs of a campaign. Returns `None` if no run took it in time; then none will. If a run took it and gives
/// no answer, the error is [`AppError::Worker`].
pub async fn send(
    database: &Database,
    identity: &Identity,
    command: &Command,
    by: &str,
) -> Result<Option<Answered>, AppError> {
    let line = client::line(command).map_err(AppError::Command)?;
    let text = String::from_utf8_lossy(&line);
    let app = AppKey::of_ledger(identity);
    let id = database
        .send_command(&app, identity.campaign.as_str(), text.trim_end(), by)
        .await?;
    let begun = Instant::now();
    loop {
        tokio::time::sleep(LOOK / 2).await;
        if let Some(result) = database.command_result(id).await? {
            let Answer { host, pid, line } =
                serde_json::from_str(&result).map_err(|error| AppError::Command(error.into()))?;
            let Some(line) = line else {
                if begun.elapsed() > TAKEN_PATIENCE {
                    return Err(AppError::Worker(client::no_answer(Path::new(TABLE), TAKEN_PATIENCE)));
                }
                continue;
            };
            let line = serde_json::to_vec(&line).map_err(|error| AppError::Command(error.into()))?;
            return Ok(Some(Answered { host, pid, line }));
        }
        // A command that is answered here is taken by nobody else.
        if begun.elapsed() > PATIENCE && database.answer_command(id, NOBODY).await? {
            return Ok(None);
        }
    }
}

/// Passes commands to the runs of this process, for ever.
pub(super) async fn take(runs: Arc<FleetRuns>, database: Database) {
    let mut seen = BTreeSet::new();
    let mut looked: Option<Instant> = None;
    loop {
        let since = looked.map_or(Duration::ZERO, |looked| looked.elapsed()) + OVERLAP;
        match database.recent_commands(since).await {
            Ok(commands) => {
                let ids: BTreeSet<i64> = commands.iter().map(|command| command.id).collect();
                for command in commands {
                    // Commands from before this process are not for it.
                    let is_new = seen.insert(command.id) && looked.is_some();
                    let run = runs.get(&(command.app.clone(), command.campaign.clone()));
                    if let Some(run) = run.filter(|_| is_new) {
                        tokio::spawn(respond(database.clone(), run, command));
                    }
                }
                seen.retain(|id| ids.contains(id));
                looked = Some(Instant::now());
            }
            Err(error) => tracing::warn!("cannot look for commands: {error}"),
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// Passes the last order to a campaign that begins: a campaign that was paused stays paused on any worker. A stop has ended.
pub(super) async fn keep_order(
    database: &Database,
    identity: &Identity,
    server: &ControlServer,
) -> Result<(), AppError> {
    let app = AppKey::of_ledger(identity);
    let mut kept = None;
    loop {
        let order = database.last_order(&app, identity.campaign.as_str()).await?;
        if order == kept {
            return Ok(());
        }
        let line = order.as_deref().unwrap_or_default();
        match client::command(Path::new(TABLE), line.as_bytes()) {
            Ok(Command::Stop { .. } | Command::Approve(_) | Command::Resolve(_)) => {}
            Ok(command) => {
                server.respond(command).await.map_err(AppError::Command)?;
            }
            Err(error) => tracing::warn!("cannot read the last order: {error}"),
        }
        // Another order may have been taken meanwhile.
        kept = order;
    }
}

async fn respond(database: Database, run: FleetRun, row: CommandRow) {
    let CommandRow {
        id,
        command: text,
        is_open,
        ..
    } = row;
    let FleetRun { server, is_owner, .. } = run;
    let command = match client::command(Path::new(TABLE), text.as_bytes()) {
        // Only a run that sends can record an approval.
        Ok(Command::Approve(_) | Command::Resolve(_)) if !(is_owner && is_open) => return,
        Ok(command) => command,
        Err(error) => return tracing::warn!("cannot take the command {id}: {error}"),
    };
    let mut taken = None;
    if matches!(command, Command::Resolve(_)) {
        let text = Answer::text(None);
        match database.answer_command(id, &text).await {
            Ok(true) => taken = Some(text),
            Ok(false) => return,
            Err(error) => return tracing::warn!("cannot take the command {id}: {error}"),
        }
    }
    let line = match server.respond(command).await {
        Ok(line) => line,
        Err(error) => return tracing::warn!("cannot answer a command: {error}"),
    };
    if !is_owner {
        tokio::time::sleep(OWNER_FIRST).await;
    }
    let text = Answer::text(Some(serde_json::from_slice(&line).unwrap_or_default()));
    let answered = match taken {
        Some(taken) => database.replace_answer(id, &taken, &text).await,
        None => database.answer_command(id, &text).await,
    };
    if let Err(error) = answered {
        tracing::warn!("cannot answer a command: {error}");
    }
}
