//! Collects what a page about a campaign shows.

use std::collections::BTreeMap;

use crate::engine::delivery_forecast::{Next, Waits, next};
use crate::ledger::{Fact, LedgerState};
use crate::model::delivery::{DeliveryKey, DeliveryStatus, StateName};
use crate::model::identity::OpenId;
use crate::report::history::History;
use crate::report::render::html::{EndedWave, OpenDelivery, ReportHeader, ReportView};

use super::campaign::LoadedCampaign;
use super::error::AppError;
use super::readonly_ledger;

/// How many deliveries are listed one by one. An export has all of them.
const MOST_LISTED: usize = 100;

/// Reads a campaign's ledger for its page. `again` is the command that continues the campaign.
pub async fn report(campaign: &LoadedCampaign, again: String) -> Result<ReportView, AppError> {
    let mut view = readonly_ledger::open_existing(campaign).await?;
    let plan = &*campaign.plan;
    let names = &campaign.parsed.campaign.names;
    let header = ReportHeader {
        campaign: names.campaign.clone(),
        title: names.title.clone(),
        app_id: names.app_id.clone(),
        activity_id: names.activity_id.clone(),
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
        | Fact::Testers { .. }
        | Fact::Closed(_)
        | Fact::Lapsed { .. }
        | Fact::Reread { .. }
        | Fact::Decided { .. }
        | Fact::WaveEnded { .. }
        | Fact::WaveHalted { .. }
        | Fact::Acted { .. } => {}
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
        Next::Issued
        | Next::Refused
        | Next::Skipped { .. }
        | Next::Behind { .. }
        | Next::Wave(_)
        | Next::Approval { .. } => "",
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
