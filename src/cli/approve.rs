//! `runner approve`: ends the wait after a wave. The approval is durable when the command ends.

use clap::Args;

use crate::app::approve::{self, Approved};
use crate::catalogue::approval as texts;
use crate::model::approval::ApprovalAnswer;
use crate::model::problem::Problem;
use crate::report::approvals;
use crate::report::times::{date_time, rfc3339};

use super::answer_objects::ApprovalObject;
use super::by_args::ByArgs;
use super::campaign_args::CampaignArgs;
use super::context::Context;
use super::exit::Exit;
use super::failure::Failure;
use super::global_args::Output;
use super::load;
use super::remote;
use super::runtime::block_on;
use super::typed::again;

/// The word for the testers as a value of `--wave`.
const TESTERS: &str = "testers";

/// The arguments of `runner approve`.
#[derive(Clone, Debug, Args)]
#[command(after_help = texts::ApproveExamples.to_string())]
pub struct ApproveArgs {
    #[command(flatten)]
    campaign: CampaignArgs,
    #[arg(help = texts::ApproveWave.to_string())]
    #[arg(long, value_name = "N|testers", value_parser = wave)]
    wave: Option<u32>,
    #[command(flatten)]
    by: ByArgs,
}

/// Approves a wave.
pub fn run(args: &ApproveArgs, context: &Context) -> Result<Exit, Failure> {
    if let Some(service) = remote::service()? {
        let campaign = &args.campaign;
        let approved = remote::approve(&service, &campaign.file, campaign.occurrence, args.wave, context);
        return block_on(approved)?;
    }
    let Some(campaign) = load::campaign(&args.campaign, context)? else {
        return Ok(Exit::Input);
    };
    let by = args.by.actor();
    let approved = block_on(approve::approve_at_terminal(&campaign, args.wave, &by))??;
    let identity = &campaign.plan.identity;
    let name = identity.campaign.as_str();
    let zone = &campaign.parsed.campaign.timezone;
    let again = again("apply", &campaign.at);
    let mut object = ApprovalObject {
        r#type: "approval",
        campaign: name,
        app_id: identity.app_id.as_str(),
        result: "approved",
        wave: None,
        by: None,
        from: None,
        at: None,
        pid: approved.pid,
    };
    let text = match &approved.answer {
        ApprovalAnswer::NoSuchWave { wave } => {
            let message = texts::NoSuchWave {
                campaign: &name,
                wave: (*wave).into(),
            };
            return Err(Failure::new(Problem::NoSuchWave, message.to_string()).help(texts::NoSuchWaveHelp.to_string()));
        }
        ApprovalAnswer::NotEnded { wave } => {
            let message = texts::NotEnded {
                campaign: &name,
                wave: (*wave).into(),
            };
            return Err(Failure::new(Problem::NotEnded, message.to_string()).help(texts::NotEndedHelp.to_string()));
        }
        ApprovalAnswer::NothingWaits => {
            object.result = "nothing_waits";
            texts::NothingWaits { campaign: &name }.to_string()
        }
        ApprovalAnswer::Approved { wave } => {
            object.wave = Some(*wave);
            object.by = Some(by.name.clone());
            object.from = Some(format!("{}@{}", by.user, by.host));
            approved_text(name, *wave, &approved, &again)
        }
        ApprovalAnswer::Already { wave, at, by } => {
            object.result = "already_approved";
            object.wave = Some(*wave);
            object.by = Some(by.name.clone());
            object.from = Some(format!("{}@{}", by.user, by.host));
            object.at = Some(rfc3339(*at, zone));
            texts::Already {
                campaign: &name,
                wave: (*wave).into(),
                by: &approvals::actor(by),
                at: &date_time(*at, zone),
            }
            .to_string()
        }
    };
    match context.output {
        Output::Json => context.lines.write(&object),
        Output::Human => context.say(&format!("{text}\n")),
    }
    Ok(Exit::Done)
}

fn approved_text(campaign: &str, wave: u32, approved: &Approved, again: &str) -> String {
    let wave = wave.into();
    match approved.pid {
        Some(pid) => texts::ApprovedLive {
            campaign: &campaign,
            wave,
            pid: &pid,
        }
        .to_string(),
        None => texts::Approved {
            campaign: &campaign,
            wave,
            again: &again,
        }
        .to_string(),
    }
}

fn wave(text: &str) -> Result<u32, String> {
    if text == TESTERS {
        return Ok(0);
    }
    let number = text.parse().ok().filter(|wave| *wave > 0);
    number.ok_or_else(|| texts::WaveNumber.to_string())
}
