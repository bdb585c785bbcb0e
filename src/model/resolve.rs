//! A person's decision about deliveries: what is asked of the owner of a ledger, and the answer.

use std::fmt::Display;

use serde::{Deserialize, Serialize};

use crate::catalogue::{failure, resolve as text};

use super::delivery::{Resolution, Skipped, StateName};
use super::visible::visible;

/// A decision, as the owner of a ledger receives it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResolveRequest {
    /// The deliveries that it is about.
    pub selection: Selection,
    /// The decision.
    pub to: Resolution,
    /// The reason, as the person wrote it.
    pub note: String,
    /// The selection, as the person wrote it.
    pub typed: String,
    /// The person, as `user@host`.
    pub by: String,
    /// What the person has seen of the selection. `None` if the decision is about whatever is selected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expect: Option<Expected>,
}

/// What a person has seen of a selection. If it has changed since, nothing is decided.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Expected {
    /// How many deliveries it has.
    Count(u64),
    /// These deliveries in these states, as a digest.
    Digest(String),
}

/// A person's selection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Selection {
    /// The users or the state.
    pub which: Which,
    /// Only deliveries whose last code is this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<i64>,
}

/// The users or the state of a selection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Which {
    /// These users.
    Users {
        /// Their open_ids.
        open_ids: Vec<String>,
        /// The ordinal. `None` for all that wait for a person.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        ordinal: Option<u8>,
    },
    /// Every delivery in this state.
    All(StateName),
    /// Every delivery in this state without a last code.
    AllWithoutCode(StateName),
}

/// What became of a decision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "resolve")]
pub enum ResolveAnswer {
    /// It is durable.
    Resolved(Resolved),
    /// Nothing was decided: some selected deliveries do not allow it.
    Refused {
        /// The reasons. Of very many only the first.
        refusals: Vec<ResolveRefusal>,
    },
    /// Nothing was decided: the selection differs from the expected one.
    Changed {
        /// How many deliveries are selected by now.
        now: u64,
    },
    /// The ledger failed while the decision was written. Whether it is durable shows when the ledger is opened again.
    Unknown,
}

/// The deliveries of a decision that is durable.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resolved {
    /// How many there are.
    pub count: u64,
    /// They, in the order of the ledger. Of very many only the first.
    pub deliveries: Vec<ResolvedDelivery>,
}

/// A delivery after a decision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResolvedDelivery {
    /// The user.
    pub open_id: String,
    /// Which of the user's coupons.
    pub ordinal: u8,
    /// The idempotency key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub merchant_coupon_id: Option<String>,
    /// The state before the decision.
    pub from: StateName,
    /// The last code before the decision. `None` if there was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<i64>,
    /// The state after the decision.
    pub state: StateName,
    /// Why it is skipped now. `None` in other states.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub skipped: Option<Skipped>,
}

/// Why a delivery cannot be decided about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case", tag = "why")]
pub enum ResolveRefusal {
    /// The open_id is not in the ledger.
    #[error("{}", text::UnknownUser { open_id: &visible(open_id) })]
    Unknown {
        /// The open_id.
        open_id: String,
        /// A similar open_id.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        near: Option<String>,
    },
    /// No user has that many coupons.
    #[error("{}", text::NoSuchCoupon { ordinal, last })]
    NoSuchCoupon {
        /// The given ordinal.
        ordinal: u8,
        /// The last ordinal.
        last: u8,
    },
    /// It would be sent again, but may have been issued.
    #[error("{}", may_double(open_id, *ordinal, *from))]
    MayDouble {
        /// The user.
        open_id: String,
        /// The ordinal.
        ordinal: u8,
        /// Its state.
        from: StateName,
    },
    /// Its state does not allow this decision.
    #[error("{}", text::IsInState { ordinal, open_id: &visible(open_id), state: &from.word() })]
    State {
        /// The user.
        open_id: String,
        /// The ordinal.
        ordinal: u8,
        /// Its state.
        from: StateName,
    },
    /// Its last code is another one.
    #[error("{}", had_code(open_id, *ordinal, *code))]
    OtherCode {
        /// The user.
        open_id: String,
        /// The ordinal.
        ordinal: u8,
        /// The last code.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        code: Option<i64>,
    },
}

fn may_double(open_id: &str, ordinal: u8, from: StateName) -> String {
    let open_id: &dyn Display = &visible(open_id);
    let ordinal: &dyn Display = &ordinal;
    match from {
        StateName::Refused => text::MayDoubleRefused { ordinal, open_id }.to_string(),
        _ => text::MayDoubleInDoubt { ordinal, open_id }.to_string(),
    }
}

fn had_code(open_id: &str, ordinal: u8, code: Option<i64>) -> String {
    let open_id: &dyn Display = &visible(open_id);
    let ordinal: &dyn Display = &ordinal;
    match &code {
        Some(code) => text::HadCode { ordinal, open_id, code }.to_string(),
        None => text::HadNoCode { ordinal, open_id }.to_string(),
    }
}

impl ResolveRefusal {
    /// Returns what to do. `None` if there is no advice.
    #[must_use]
    pub fn help(&self) -> Option<String> {
        match self {
            Self::Unknown { near, .. } => near.as_ref().map(|near| {
                let name = &visible(near);
                failure::DidYouMean { name }.to_string()
            }),
            Self::MayDouble { .. } => Some(text::AddMayDouble.to_string()),
            Self::State { from, .. } => match from {
                StateName::Pending | StateName::Deferred => Some(text::TakeOutOfAudience.to_string()),
                StateName::InFlight => Some(text::ApplyOnceMore.to_string()),
                _ => None,
            },
            Self::NoSuchCoupon { .. } | Self::OtherCode { .. } => None,
        }
    }
}
