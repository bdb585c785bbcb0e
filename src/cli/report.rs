//! `runner report`: writes one page about how a campaign went.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use crate::engine::next::{Next, Waits, next};
use crate::ledger::{Fact, LedgerState};
use crate::model::delivery::{DeliveryKey, DeliveryStatus, StateName};
use crate::model::identity::{AppId, CampaignName, OpenId};
use crate::model::problem::Problem;
use crate::plan::Plan;
use crate::report::history::History;
use crate::report::render::html::{EndedWave, OpenDelivery, ReportHeader, ReportView, report_page};

use super::exit::Exit;
use super::failure::Failure;
use super::locked_ledger::again;
use super::readonly_ledger::{self, CampaignArgs, ReadonlyLedger};
use super::{Context, Output, validate, whole_file};

/// How many deliveries are listed one by one. An export has all of them.
const MOST_LISTED: usize = 100;

const EXAMPLES: &str = "\
Examples:
  runner report campaigns/summer.yaml -o report.html
      how the campaign went, as one page that needs nothing else
  runner report campaigns/summer.yaml --sandbox -o rehearsal.html
      the same of its rehearsal";

/// The arguments of `runner report`.
#[derive(Clone, Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct ReportArgs {
    /// Which campaign.
    #[command(flatten)]
    pub campaign: CampaignArgs,
    /// Where the page goes; what was there is replaced once it is whole
    #[arg(short, value_name = "PAGE", required = true)]
    pub out: PathBuf,
}

#[derive(Serialize)]
struct Object<'a> {
    r#type: &'static str,
    campaign: &'a CampaignName,
    app_id: &'a AppId,
    file: String,
}

/// Writes the page.
pub fn run(args: &ReportArgs, context: &Context) -> Result<Exit, Failure> {
    let Some(parsed) = validate::usable(&args.campaign.file, context) else {
        return Ok(Exit::Input);
    };
    let plan = readonly_ledger::plan_of(&parsed, &args.campaign.rehearsal)?;
    let names = &parsed.campaign.names;
    let report = super::wait(async {
        let mut view = readonly_ledger::opened(context, &args.campaign, &plan).await?;
        let header = ReportHeader {
            campaign: names.campaign.clone(),
            title: names.title.clone(),
            app_id: names.app_id.clone(),
            activity_id: names.activity_id.clone(),
            platform: plan.identity.platform.clone(),
            ledger: view.dir.clone(),
            zone: parsed.campaign.timezone.clone(),
            now: context.clock.now(),
            per_second: plan.pace.per_second,
            again: again("apply", &args.campaign.rehearsal, context, &args.campaign.file),
        };
        let _busy = context.busy(readonly_ledger::READING);
        build(&mut view, &plan, header).await
    })??;
    let page = report_page(&report)
        .map_err(|error| Failure::new(Problem::OutputFile, "cannot draw the report's charts").caused_by(&error))?;
    whole_file::write(&args.out, page.as_bytes())?;
    let file = args.out.display().to_string();
    match context.output {
        Output::Json => context.lines.write(&Object {
            r#type: "report",
            campaign: &names.campaign,
            app_id: &names.app_id,
            file,
        }),
        Output::Human => context.talk(&format!("wrote {file}\n")),
    }
    Ok(Exit::Done)
}

/// Collects the contents of the page in one reading of the facts.
async fn build(view: &mut ReadonlyLedger, plan: &Plan, header: ReportHeader) -> Result<ReportView, Failure> {
    let listed = listed(view.ledger.state());
    let mut history = History::new(listed.iter().map(|(key, _)| *key));
    view.ledger.facts(|_, fact| note(&mut history, &fact)).await?;
    let ledger_state = view.ledger.state();
    let present = ledger_state.present_of_apply(header.now);
    let open = listed.into_iter().filter_map(|(key, status)| {
        Some(OpenDelivery {
            state: status.state.name(),
            open_id: OpenId::parse(&ledger_state.open_id(key.recipient)).ok()?,
            ordinal: key.ordinal,
            attempts: status.attempts,
            since: status.doubt.and_then(|doubt| doubt.since),
            last: history.last(key).cloned().unwrap_or_default(),
            next: next_words(next(ledger_state, plan, key, present)),
        })
    });
    Ok(ReportView {
        waves: ledger_state
            .waves()
            .iter()
            .filter_map(|wave| {
                Some(EndedWave {
                    share: wave.share,
                    ended: wave.ended?,
                })
            })
            .collect(),
        counts: ledger_state.counts(),
        skipped: ledger_state.skipped().clone(),
        attempts: attempts(ledger_state),
        open: open.collect(),
        history,
        header,
    })
}

/// Adds one fact to the history, if it says how the campaign went.
fn note(history: &mut History, fact: &Fact) {
    match fact {
        Fact::RunBegan { .. } => history.run_began(),
        Fact::Intent { at, .. } => history.intended(*at),
        Fact::Withdrawn { .. } => history.withdrawn(),
        Fact::Ended { key, decision, outcome } => history.ended(*key, *decision, outcome),
        // The ledger state has these already.
        Fact::Admitted { .. }
        | Fact::Away { .. }
        | Fact::Returned { .. }
        | Fact::KeptOut(_)
        | Fact::Closed(_)
        | Fact::Lapsed { .. }
        | Fact::Reread { .. }
        | Fact::Decided { .. }
        | Fact::WaveEnded { .. }
        | Fact::WaveHalted { .. } => {}
    }
}

/// Returns the first deliveries that may need a person's attention. Those that wait for a decision come first.
fn listed(ledger_state: &LedgerState) -> Vec<(DeliveryKey, DeliveryStatus)> {
    let rank = |status: &DeliveryStatus| match status.state.name() {
        StateName::Held => Some(0),
        StateName::InDoubt if status.doubt.is_some_and(|doubt| doubt.stuck) => Some(1),
        StateName::InDoubt => Some(2),
        StateName::InFlight => Some(3),
        _ => None,
    };
    let mut listed = Vec::new();
    for wanted in 0..4 {
        let more = ledger_state
            .unsettled()
            .filter(|(_, status)| rank(status) == Some(wanted));
        listed.extend(more.take(MOST_LISTED - listed.len()));
    }
    listed
}

/// Describes what happens next to a listed delivery.
const fn next_words(next: Next) -> &'static str {
    match next {
        Next::Person(Waits::Held { .. }) => "waits for its code to be classified",
        Next::Person(Waits::Answered { .. }) => "a person asks the platform",
        Next::Person(Waits::Ask) => "a person decides: retry.in_doubt is ask",
        Next::Person(Waits::Old { .. }) => "a person asks the platform: retry.resend_within is over",
        Next::Person(Waits::Undated) => "a person asks the platform: nobody knows how old it is",
        Next::Person(Waits::Excluded) => "a person decides: the user is excluded",
        Next::Person(Waits::Beyond) => "a person decides: coupons_per_user no longer reaches it",
        Next::Person(Waits::End { .. }) => "is not sent again: schedule.end comes first",
        Next::InFlight => "is in doubt from the next run on",
        Next::Reread(_) | Next::Doubted { .. } => "the next run reads its code again",
        Next::Sent { .. } => "sent again by the next run",
        Next::Issued | Next::Refused | Next::Skipped { .. } | Next::Behind { .. } | Next::Wave(_) => "",
    }
}

/// Returns how many deliveries had each number of attempts.
fn attempts(ledger_state: &LedgerState) -> BTreeMap<u32, u64> {
    let mut attempts = BTreeMap::new();
    for recipient in 0..ledger_state.recipients() {
        for ordinal in 1..=ledger_state.ordinals() {
            let status = ledger_state.status(DeliveryKey { recipient, ordinal });
            if status.attempts > 0 {
                *attempts.entry(status.attempts).or_default() += 1;
            }
        }
    }
    attempts
}
