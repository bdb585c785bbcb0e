//! Sends a command to the process that applies a campaign.

use std::time::Duration;

use crate::control::{Command, ControlError, client};
use crate::fleet::Database;
use crate::ledger::ledger_dir::LedgerDir;
use crate::ledger::lock::LockError;
use crate::model::run_command::RunCommand;

use super::error::AppError;
use super::fleet_commands;
use super::locked_ledger::ASK_AGAIN;
use super::process::{host, this_requester};

/// How long a process is asked again that does not answer because it is starting or ending.
const PATIENCE: Duration = Duration::from_secs(10);

/// The command that applies to a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// To start nothing more until it is resumed.
    Pause,
    /// To go on after a pause.
    Resume,
    /// To end.
    Stop,
}

/// A command that was received.
#[derive(Clone, Debug)]
pub struct Received {
    /// The process that applies the campaign, or waits to do so.
    pub pid: u32,
    /// Its machine. `None` for this one.
    pub host: Option<String>,
    /// The command that it had before.
    pub before: RunCommand,
}

/// Sends a command to the process that applies the campaign whose ledger belongs at `place`, or in the database to all workers that
/// apply it. Returns `None` if no process does.
pub async fn send(
    place: &LedgerDir,
    database: Option<&Database>,
    verb: Verb,
    by: Option<&str>,
) -> Result<Option<Received>, AppError> {
    match database {
        Some(database) => send_in_fleet(place, database, verb, by).await,
        None => send_here(place, verb, by).await,
    }
}

async fn send_in_fleet(
    place: &LedgerDir,
    database: &Database,
    verb: Verb,
    by: Option<&str>,
) -> Result<Option<Received>, AppError> {
    let requester = this_requester(by);
    let name = requester.actor().name;
    let command = match verb {
        Verb::Pause => Command::Pause { by: requester },
        Verb::Resume => Command::Resume { by: Some(requester) },
        Verb::Stop => Command::Stop { by: requester },
    };
    let Some(answered) = fleet_commands::send(database, place.identity(), &command, &name).await? else {
        return Ok(None);
    };
    let before = answered.order(place.dir()).map_err(AppError::Worker)?;
    Ok(Some(Received {
        pid: answered.pid,
        host: Some(answered.host).filter(|name| *name != host()),
        before,
    }))
}

async fn send_here(place: &LedgerDir, verb: Verb, by: Option<&str>) -> Result<Option<Received>, AppError> {
    let mut waited = Duration::ZERO;
    while let Some(owner) = place.applier()? {
        let socket = place.socket();
        let sent = match verb {
            Verb::Pause => client::pause(&socket, this_requester(by)).await,
            Verb::Resume => client::resume(&socket, this_requester(by)).await,
            Verb::Stop => client::stop(&socket, this_requester(by)).await,
        };
        match sent {
            Ok(before) => {
                return Ok(Some(Received {
                    pid: owner.pid,
                    host: None,
                    before,
                }));
            }
            Err(ControlError::Nobody { .. }) if waited < PATIENCE => {
                tokio::time::sleep(ASK_AGAIN).await;
                waited += ASK_AGAIN;
            }
            Err(source) => {
                let owner = LockError::taken_by(owner);
                return Err(AppError::OwnerUnclear { source, owner });
            }
        }
    }
    if verb == Verb::Stop {
        return Ok(stop_waiting(place, by).await);
    }
    Ok(None)
}

/// Stops the applies that wait for a process that reads the ledger. Returns the last one. `None` if there is none.
async fn stop_waiting(place: &LedgerDir, by: Option<&str>) -> Option<Received> {
    let mut stopped = None;
    for (pid, socket) in place.waiting_sockets() {
        match client::stop(&socket, this_requester(by)).await {
            Ok(before) => {
                let host = None;
                stopped = Some(Received { pid, host, before });
            }
            // It ended, was killed, or has the lock by now.
            Err(error) => tracing::debug!("process {pid} does not wait any longer: {error}"),
        }
    }
    stopped
}
