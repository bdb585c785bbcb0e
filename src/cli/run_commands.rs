//! `runner pause`, `runner resume` and `runner stop`: commands to the process that applies a campaign. If no process does,
//! the exit code is the one for a missing input.

use std::time::Duration;

use clap::Args;
use serde::Serialize;

use crate::control::{ControlError, client};
use crate::ledger::ledger_dir::LedgerDir;
use crate::ledger::lock::LockError;
use crate::model::event::Owner;
use crate::model::problem::Problem;
use crate::model::run_command::{Requester, RunCommand};
use crate::report::text::visible;

use super::exit::Exit;
use super::failure::Failure;
use super::locked_ledger::{self, ASK_AGAIN, again};
use super::readonly_ledger::{self, CampaignArgs};
use super::{Context, Output, validate};

const PAUSE: &str = "\
Examples:
  runner pause campaigns/summer.yaml
      start nothing more until `runner resume`; what is in flight is waited for
  runner pause campaigns/summer.yaml --sandbox
      the same with its rehearsal

A pause ends with the process that is paused. It ends with 0 when the order was taken, 2 when nothing runs.";

const RESUME: &str = "\
Examples:
  runner resume campaigns/summer.yaml
      let a run go on that `runner pause` holds
  runner resume campaigns/summer.yaml --output json
      the same, answered as an object for a program

To go on after an interruption is what `runner apply` does.
It ends with 0 when the order was taken, 2 when nothing is paused.";

const STOP: &str = "\
Examples:
  runner stop campaigns/summer.yaml
      end the run in an orderly way, as ^C at its terminal does; `runner apply` goes on later
  runner stop campaigns/summer.yaml --sandbox
      the same with its rehearsal

It ends with 0 when the order was taken, 2 when nothing runs; the run itself ends with 3.";

/// The arguments of `runner pause`.
#[derive(Clone, Debug, Args)]
#[command(after_help = PAUSE)]
pub struct PauseArgs {
    #[command(flatten)]
    campaign: CampaignArgs,
}

/// The arguments of `runner resume`.
#[derive(Clone, Debug, Args)]
#[command(after_help = RESUME)]
pub struct ResumeArgs {
    #[command(flatten)]
    campaign: CampaignArgs,
}

/// The arguments of `runner stop`.
#[derive(Clone, Debug, Args)]
#[command(after_help = STOP)]
pub struct StopArgs {
    #[command(flatten)]
    campaign: CampaignArgs,
}

/// How long a process is asked again that does not answer because it is starting or ending.
const PATIENCE: Duration = Duration::from_secs(10);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Verb {
    Pause,
    Resume,
    Stop,
}

/// Pauses a run.
pub fn pause(args: &PauseArgs, context: &Context) -> Result<Exit, Failure> {
    give(Verb::Pause, &args.campaign, context)
}

/// Resumes a paused run.
pub fn resume(args: &ResumeArgs, context: &Context) -> Result<Exit, Failure> {
    give(Verb::Resume, &args.campaign, context)
}

/// Stops a run.
pub fn stop(args: &StopArgs, context: &Context) -> Result<Exit, Failure> {
    give(Verb::Stop, &args.campaign, context)
}

fn give(what: Verb, args: &CampaignArgs, context: &Context) -> Result<Exit, Failure> {
    let Some(parsed) = validate::usable(&args.file, context) else {
        return Ok(Exit::Input);
    };
    let plan = readonly_ledger::plan_of(&parsed, &args.rehearsal)?;
    let place = locked_ledger::ledger_dir(context, &args.file, &plan);
    let campaign = plan.identity.campaign.as_str();
    let Some((owner, before)) = super::wait(tell(what, &place))?? else {
        let apply = again("apply", &args.rehearsal, context, &args.file);
        let help = match what {
            Verb::Resume => format!("to go on after an interruption, `{apply}`"),
            Verb::Pause | Verb::Stop => other(args),
        };
        return Err(Failure::new(Problem::NothingRuns, format!("nothing applies {campaign} at present")).help(help));
    };
    let said = match (what, &before) {
        (Verb::Pause, RunCommand::Go) => "paused: nothing more starts, and what is in flight is waited for".to_owned(),
        (Verb::Pause, RunCommand::Pause { by }) => format!("paused already, by {}", visible(&by.to_string())),
        (Verb::Resume, RunCommand::Pause { .. }) => "goes on".to_owned(),
        (Verb::Stop, RunCommand::Go | RunCommand::Pause { .. }) => "stops: what is in flight is waited for".to_owned(),
        (Verb::Stop, RunCommand::Stop { by }) => format!("stops already, {}", stopped_by(by.as_ref())),
        (Verb::Pause | Verb::Resume, RunCommand::Stop { by }) => {
            let message = format!("{campaign} is stopping already, {}", stopped_by(by.as_ref()));
            let apply = again("apply", &args.rehearsal, context, &args.file);
            return Err(
                Failure::new(Problem::EndsAlready, message).help(format!("when it has ended, `{apply}` goes on"))
            );
        }
        (Verb::Resume, RunCommand::Go) => {
            let message = format!("{campaign} is not paused: process {} applies it", owner.pid);
            let apply = again("apply", &args.rehearsal, context, &args.file);
            return Err(
                Failure::new(Problem::NotPaused, message).help(format!("to go on after an interruption, `{apply}`"))
            );
        }
    };
    match context.output {
        Output::Json => context.lines.write(&Taken {
            r#type: "order",
            campaign,
            app_id: plan.identity.app_id.as_str(),
            order: what,
            pid: owner.pid,
        }),
        Output::Human => context.say(&format!("{campaign} {said} (pid {})\n", owner.pid)),
    }
    Ok(Exit::Done)
}

/// A command that was accepted, for programs.
#[derive(Serialize)]
struct Taken<'a> {
    r#type: &'static str,
    campaign: &'a str,
    app_id: &'a str,
    order: Verb,
    pid: u32,
}

fn stopped_by(by: Option<&Requester>) -> String {
    by.map_or_else(
        || "by a signal".to_owned(),
        |by| format!("by {}", visible(&by.to_string())),
    )
}

fn other(args: &CampaignArgs) -> String {
    if args.rehearsal.on() {
        "without --sandbox, the campaign itself is meant".to_owned()
    } else {
        "with --sandbox, its rehearsal is meant".to_owned()
    }
}

/// Sends the command to the process that applies the campaign. Returns that process and the order it had before. `None` if
/// no process applies the campaign.
async fn tell(what: Verb, place: &LedgerDir) -> Result<Option<(Owner, RunCommand)>, Failure> {
    let mut waited = Duration::ZERO;
    while let Some(owner) = place.applier()? {
        let socket = place.socket();
        let told = match what {
            Verb::Pause => client::pause(&socket, this_requester()).await,
            Verb::Resume => client::resume(&socket).await,
            Verb::Stop => client::stop(&socket, this_requester()).await,
        };
        match told {
            Ok(before) => return Ok(Some((owner, before))),
            Err(ControlError::Nobody { .. }) if waited < PATIENCE => {
                tokio::time::sleep(ASK_AGAIN).await;
                waited += ASK_AGAIN;
            }
            Err(error) => {
                let taken = LockError::taken_by(owner);
                return Err(readonly_ledger::unanswered(&error, &taken));
            }
        }
    }
    Ok(None)
}

/// Returns the name of the user `uid` in the text of `/etc/passwd`. `None` if it is not there.
fn user(passwd: &str, uid: u32) -> Option<String> {
    let uid = uid.to_string();
    passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1) == Some(&*uid)).then(|| name.to_owned())
    })
}

/// Describes this process and its user.
fn this_requester() -> Requester {
    let named = ["USER", "LOGNAME"]
        .into_iter()
        .find_map(|name| std::env::var(name).ok());
    let uid = rustix::process::getuid().as_raw();
    let looked_up = || user(&std::fs::read_to_string("/etc/passwd").ok()?, uid);
    Requester {
        pid: std::process::id(),
        user: named.or_else(looked_up).unwrap_or_else(|| format!("uid {uid}")),
        host: rustix::system::uname().nodename().to_string_lossy().into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_has_a_name() {
        let passwd = "root:x:0:0:root:/root:/bin/sh\n安:x:1000:1000::/home/an:/bin/sh\nbroken\n";
        let named = [0, 1000, 1].map(|uid| user(passwd, uid));
        assert_eq!(named, [Some("root".to_owned()), Some("安".to_owned()), None]);
    }
}
