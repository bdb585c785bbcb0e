//! Sends a command to the process that applies a campaign.

use std::time::Duration;

use crate::control::{ControlError, client};
use crate::ledger::lock::LockError;
use crate::model::event::Owner;
use crate::model::run_command::RunCommand;

use super::campaign::LoadedCampaign;
use super::error::AppError;
use super::locked_ledger::ASK_AGAIN;
use super::process::this_requester;

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
    /// The process that applies the campaign.
    pub owner: Owner,
    /// The command that it had before.
    pub before: RunCommand,
}

/// Sends a command to the process that applies the campaign. Returns `None` if no process does.
pub async fn send(campaign: &LoadedCampaign, verb: Verb) -> Result<Option<Received>, AppError> {
    let place = campaign.ledger_dir();
    let mut waited = Duration::ZERO;
    while let Some(owner) = place.applier()? {
        let socket = place.socket();
        let sent = match verb {
            Verb::Pause => client::pause(&socket, this_requester()).await,
            Verb::Resume => client::resume(&socket).await,
            Verb::Stop => client::stop(&socket, this_requester()).await,
        };
        match sent {
            Ok(before) => return Ok(Some(Received { owner, before })),
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
    Ok(None)
}
