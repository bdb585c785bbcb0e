//! Collects what a page about a campaign shows.

use std::collections::BTreeMap;
use std::fmt::Display;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::catalogue::page as texts;
use crate::engine::delivery_forecast::{Next, Waits, next};
use crate::ledger::{Fact, LedgerState};
use crate::model::delivery::{DeliveryKey, DeliveryStatus, StateName};
use crate::model::identity::OpenId;
use crate::model::run_state::{EndState, RunState};
use crate::report::history::History;
use crate::report::render::html::{EndedWave, OpenDelivery, ReportHeader, ReportView, RunNote};
use crate::report::render::json::Status;

use super::campaign::LoadedCampaign;
use super::error::AppError;
use super::readonly_ledger;
use super::status::{CampaignStatus, StatusReader};

/// How many deliveries are listed one by one. An export has all of them.
const MOST_LISTED: usize = 100;

/// Whether a report names the state of a run. After any other, the counts say all.
const fn is_named(state: RunState) -> bool {
    match state {
        RunState::Over(end) => matches!(end, EndState::Halted | EndState::Incomplete),
        RunState::Planning | RunState::Waiting | RunState::Sending | RunState::Paused | RunState::Draining => true,
    }
}

/// Reads a campaign's ledger for its page. `again` is the command that continues the campaign.
pub async fn report(campaign: LoadedCampaign, again: String) -> Result<ReportView, AppError> {
    let mut report = Box::pin(read(&campaign, again)).await?;
    report.run = Box::pin(run(campaign)).await?;
    Ok(report)
}

/// Returns what the last run does or why it ended. `None` if there is nothing to say.
async fn run(campaign: LoadedCampaign) -> Result<Option<RunNote>, AppError> {
    let now = campaign.environment.clock.now();
    let campaigns = [CampaignStatus::new(campaign)];
    let Some(row) = StatusReader::connect(&campaigns).await?.rows().await?.pop() else {
        return Ok(None);
    };
    Ok(run_note(row.status, now, &row.zone))
}

fn run_note(status: Status, now: Timestamp, zone: &TimeZone) -> Option<RunNote> {
    RunState::of_word(&status.state).filter(|state| is_named(*state))?;
    let at: Option<Timestamp> = status.at.as_deref().and_then(|at| at.parse().ok());
    // The page shows `at` beside the reason, so times such as "in 5 min" count from it.
    let reason = status.reason.map(|reason| reason.text(at.unwrap_or(now), zone));
    Some(RunNote {
        state: status.state,
        // Status files of earlier versions have only the text, and so has the status after a crash.
        why: reason.or(status.why),
        at,
        is_outdated: status.is_outdated,
        is_running: status.owner.is_some(),
    })
}

async fn read(campaign: &LoadedCampaign, again: String) -> Result<ReportView, AppError> {
    let mut view = readonly_ledger::open_existing(campaign).await?;
    let plan = &*campaign.plan;
    let names = &campaign.parsed.campaign.names;
    let header = ReportHeader {
        campaign: names.campaign.clone(),
        title: names.title.clone(),
        app_id: names.app_id.clone(),
        activity_id: view.ledger.state().resolve_activity(&plan.activity_id),
        platform: plan.identity.platform.clone(),
        ledger: view.dir.clone(),
        zone: campaign.parsed.campaign.timezone.clone(),
        now: campaign.environment.clock.now(),
        per_second: plan.pace.per_second,
        again,
    };
    let listed = listed(view.ledger.state());
    let mut history = History::new(listed.iter().map(|(key, _)| *key));
    view.ledger.facts(|_, fact| note(&mut history, &fact)).await?;
    view.release().await;
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
        waves: ended_waves(ledger_state),
        counts: ledger_state.counts(),
        valuation: ledger_state.valuation(&plan.activity_id, plan.coupon_value),
        max_worth: plan.max_worth,
        skipped: ledger_state.skipped().clone(),
        attempts: attempts(ledger_state),
        open: open.collect(),
        run: None,
        history,
        header,
    })
}

/// Returns the waves that have ended.
pub(super) fn ended_waves(ledger_state: &LedgerState) -> Vec<EndedWave> {
    let ended = ledger_state.waves().iter().filter_map(|wave| {
        Some(EndedWave {
            share: wave.share,
            ended: wave.ended?,
        })
    });
    ended.collect()
}

/// Adds one fact to the history, if it says how the campaign went.
pub(super) fn note(history: &mut History, fact: &Fact) {
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
        | Fact::Testers { .. }
        | Fact::Origin(_)
        | Fact::LastActive { .. }
        | Fact::Closed(_)
        | Fact::Lapsed { .. }
        | Fact::Reread { .. }
        | Fact::Decided { .. }
        | Fact::WaveEnded { .. }
        | Fact::WaveHalted { .. }
        | Fact::Acted { .. }
        | Fact::Recorded { .. }
        | Fact::Found { .. }
        | Fact::OwnerChanged { .. }
        | Fact::RunApproved { .. }
        | Fact::Activity { .. }
        | Fact::AdmittedErased(_)
        | Fact::Erased { .. } => {}
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
fn next_words(next: Next) -> String {
    let words: &dyn Display = match next {
        Next::Person(Waits::Held { .. }) => &texts::NextClassified,
        Next::Person(Waits::Answered { .. }) => &texts::NextAskPlatform,
        Next::Person(Waits::Ask) => &texts::NextAsk,
        Next::Person(Waits::Old { .. }) => &texts::NextOld,
        Next::Person(Waits::Undated) => &texts::NextUndated,
        Next::Person(Waits::Excluded) => &texts::NextExcluded,
        Next::Person(Waits::Beyond) => &texts::NextBeyond,
        Next::Person(Waits::End { .. }) => &texts::NextEnd,
        Next::InFlight => &texts::NextInFlight,
        Next::Reread(_) | Next::Doubted { .. } => &texts::NextReread,
        Next::Sent { .. } => &texts::NextSent,
        Next::Issued
        | Next::Refused
        | Next::Skipped { .. }
        | Next::Behind { .. }
        | Next::Wave(_)
        | Next::Approval { .. } => &"",
    };
    words.to_string()
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::Language;
    use crate::model::event::{Halted, Waiting};
    use crate::report::reason::Reason;

    fn status(state: &str, why: &str, reason: Option<Reason>) -> Status {
        let mut status = Status::unknown("summer", "tt1", state, why);
        status.at = Some("2026-06-01T10:00:00.000+08:00".to_owned());
        status.reason = reason;
        status
    }

    /// The reason as the page shows it, in each language.
    fn reasons(status: &Status) -> [Option<String>; 2] {
        let zone = TimeZone::get("Asia/Shanghai").unwrap();
        let now = "2026-06-02T12:00:00+08:00".parse().unwrap();
        Language::ALL.map(|language| language.scope(|| run_note(status.clone(), now, &zone)?.why))
    }

    #[test]
    fn the_reason_is_in_the_language_of_the_reader() {
        let waiting = Reason::Waiting {
            why: Waiting::Start,
            until: Some("2026-06-01T11:00:00+08:00".parse().unwrap()),
            cause: None,
        };
        let halted = Reason::Halted(Halted::MaxCoupons { max: 5 });
        let said = [("waiting", waiting), ("halted", halted)]
            .map(|(state, reason)| reasons(&status(state, "in English", Some(reason))));
        insta::assert_debug_snapshot!(said);
    }

    #[test]
    fn a_status_file_without_a_reason_keeps_its_text() {
        let said = Some("max_coupons is reached".to_owned());
        assert_eq!(
            reasons(&status("incomplete", "max_coupons is reached", None)),
            [said.clone(), said]
        );
        assert_eq!(reasons(&status("complete", "", None)), [None, None]);
    }
}
