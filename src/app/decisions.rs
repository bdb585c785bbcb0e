//! The deliveries of a campaign that wait for a person, by their state and their last code, as a page shows them.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::engine::resolution::code_of;
use crate::ledger::{Fact, LedgerState};
use crate::model::activity::CreatedActivity;
use crate::model::actor::ActKind;
use crate::model::daily_attempts::DailyAttempts;
use crate::model::delivery::{Counts, DeliveryKey, DeliveryStatus, Skipped, StateName};
use crate::report::history::{History, LastAnswer};
use crate::report::render::html::EndedWave;
use crate::report::worth::WorthView;

use super::campaign::LoadedCampaign;
use super::error::AppError;
use super::readonly_ledger;
use super::reconcile::{LastCount, last_counts};
use super::report::{ended_waves, note};

/// How many deliveries of each group are listed one by one. An export has all of them.
const MOST_LISTED: usize = 20;
/// How many groups are kept. The platform may answer each attempt with another code.
const MOST_GROUPS: usize = 200;

/// What a ledger says about a campaign.
#[derive(Debug)]
pub struct Decisions {
    /// When the ledger was read.
    pub at: Timestamp,
    /// All deliveries by state.
    pub counts: Counts,
    /// The attempts by time, as far back as the present day.
    pub attempts: DailyAttempts,
    /// The skipped deliveries by reason.
    pub skipped: BTreeMap<Skipped, u64>,
    /// What the coupons are worth.
    pub worth: WorthView,
    /// The groups of deliveries that wait for a person.
    pub groups: Vec<Group>,
    /// How the campaign went so far.
    pub history: History,
    /// The waves that have ended.
    pub waves: Vec<EndedWave>,
    /// The activities that the campaign declared, in the order of their numbers.
    pub activities: Vec<CreatedActivity>,
    /// What the platform's own records have said.
    pub records: RecordsNote,
}

/// What the platform's own records have said.
#[derive(Clone, Debug, Default)]
pub struct RecordsNote {
    /// The last attempt. `None` if there was none.
    pub last_attempt: Option<Timestamp>,
    /// The last comparison. `None` if there was none.
    pub compared: Option<Timestamp>,
    /// The last count of each activity.
    pub counts: Vec<LastCount>,
    /// How many deliveries the records have settled.
    pub found: u64,
}

impl RecordsNote {
    fn add(&mut self, fact: &Fact) {
        match fact {
            Fact::Intent { at, .. } => self.last_attempt = self.last_attempt.max(Some(*at)),
            Fact::Acted { at, act } if act.kind == ActKind::Reconciled => self.compared = Some(*at),
            Fact::Found { .. } => self.found += 1,
            _ => {}
        }
    }
}

/// Deliveries in one state with one last code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Held or in doubt.
    pub state: StateName,
    /// Their last code. `None` if they had none.
    pub code: Option<i64>,
    /// The number of deliveries in the group.
    pub count: u64,
    /// The first of them.
    pub first: Vec<WaitingDelivery>,
}

/// A delivery that waits for a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WaitingDelivery {
    /// The user.
    pub open_id: String,
    /// Which of the user's coupons.
    pub ordinal: u8,
    /// How many attempts were made.
    pub attempts: u32,
    /// The last answer.
    pub last: LastAnswer,
}

/// Reads the ledger of a campaign. Returns `None` if there is no ledger.
pub async fn read(campaign: &LoadedCampaign) -> Result<Option<Decisions>, AppError> {
    let Some(mut view) = readonly_ledger::open(campaign).await? else {
        return Ok(None);
    };
    let listed = listed(view.ledger.state());
    let keys = listed.values().flat_map(|(_, first)| first.iter().map(|(key, _)| *key));
    let mut history = History::new(keys);
    let mut records = RecordsNote::default();
    view.ledger
        .facts(|_, fact| {
            records.add(&fact);
            note(&mut history, &fact);
        })
        .await?;
    if records.compared.is_some() {
        records.counts = last_counts(&mut view.ledger, campaign.plan.retry.timeout).await?;
    }
    view.release().await;
    let state = view.ledger.state();
    let plan = &campaign.plan;
    let groups = listed.into_iter().map(|((state_name, code), (count, first))| Group {
        state: state_name,
        code,
        count,
        first: first
            .into_iter()
            .map(|(key, status)| WaitingDelivery {
                open_id: state.open_id(key.recipient),
                ordinal: key.ordinal,
                attempts: status.attempts,
                last: history.last(key).cloned().unwrap_or_default(),
            })
            .collect(),
    });
    Ok(Some(Decisions {
        at: campaign.environment.clock.now(),
        counts: state.counts(),
        attempts: state.daily_attempts().clone(),
        skipped: state.skipped().clone(),
        worth: WorthView {
            counts: state.counts(),
            valuation: state.valuation(&plan.activity_id, plan.coupon_value),
            max_worth: plan.max_worth,
        },
        groups: groups.collect(),
        waves: ended_waves(state),
        activities: state.activities_asked_for().created().to_vec(),
        records,
        history,
    }))
}

/// The number of deliveries of each group, and the first of them.
type Listed = BTreeMap<(StateName, Option<i64>), (u64, Vec<(DeliveryKey, DeliveryStatus)>)>;

fn listed(state: &LedgerState) -> Listed {
    let mut listed = Listed::new();
    for (key, status) in state.unsettled() {
        let name = status.state.name();
        if !matches!(name, StateName::Held | StateName::InDoubt) {
            continue;
        }
        let group = (name, code_of(&status));
        if !listed.contains_key(&group) && listed.len() == MOST_GROUPS {
            continue;
        }
        let (count, first) = listed.entry(group).or_default();
        *count += 1;
        if first.len() < MOST_LISTED {
            first.push((key, status));
        }
    }
    listed
}
