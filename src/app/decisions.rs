//! The deliveries of a campaign that wait for a person, by their state and their last code, as a page shows them.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::engine::resolution::code_of;
use crate::ledger::LedgerState;
use crate::model::delivery::{Counts, DeliveryKey, DeliveryStatus, Skipped, StateName};
use crate::report::history::{History, LastAnswer};
use crate::report::render::html::EndedWave;
use crate::report::worth::WorthView;

use super::campaign::LoadedCampaign;
use super::error::AppError;
use super::readonly_ledger;
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
}

/// Deliveries in one state with one last code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Held or in doubt.
    pub state: StateName,
    /// Their last code. `None` if they had none.
    pub code: Option<i64>,
    /// How many.
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
    view.ledger.facts(|_, fact| note(&mut history, &fact)).await?;
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
        skipped: state.skipped().clone(),
        worth: WorthView {
            counts: state.counts(),
            valuation: state.valuation(&plan.activity_id, plan.coupon_value),
            max_worth: plan.max_worth,
        },
        groups: groups.collect(),
        waves: ended_waves(state),
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
