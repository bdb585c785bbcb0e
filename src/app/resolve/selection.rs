//! Selects the deliveries of a decision: all that were named, or every reason why not.

use std::fmt::Display;

use crate::catalogue::{failure, resolve as text};
use crate::ledger::LedgerState;
use crate::model::delivery::{DeliveryKey, DeliveryStatus, Resolution, State, StateName};
use crate::report::text::visible;

use crate::app::nearest::nearest;

/// A person's selection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selection {
    /// The users or the state.
    pub which: Which,
    /// Only deliveries whose last code is this one.
    pub code: Option<i64>,
}

/// The users or the state of a selection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Which {
    /// These users.
    Users {
        /// Their open_ids.
        open_ids: Vec<String>,
        /// The ordinal. `None` for all that wait for a person.
        ordinal: Option<u8>,
    },
    /// Every delivery in this state.
    All(StateName),
    /// Every delivery in this state without a last code.
    AllWithoutCode(StateName),
}

/// A selected delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Selected {
    /// The delivery.
    pub key: DeliveryKey,
    /// Its present state.
    pub from: StateName,
    /// Its last known code.
    pub code: Option<i64>,
}

/// Why a delivery cannot be decided about.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ResolveRefusal {
    /// The open_id is not in the ledger.
    #[error("{}", text::UnknownUser { open_id: &visible(open_id) })]
    Unknown {
        /// The open_id.
        open_id: String,
        /// A similar open_id.
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

/// Selects the deliveries in the order of the ledger, each once. Fails with every refusal.
pub fn select(
    ledger_state: &LedgerState,
    selection: &Selection,
    to: Resolution,
) -> Result<Vec<Selected>, Vec<ResolveRefusal>> {
    let mut selected = Vec::new();
    let mut refusals = Vec::new();
    match &selection.which {
        Which::All(state) | Which::AllWithoutCode(state) => {
            let is_codeless = matches!(selection.which, Which::AllWithoutCode(_));
            for recipient in 0..ledger_state.recipients() {
                for ordinal in 1..=ledger_state.ordinals() {
                    let key = DeliveryKey { recipient, ordinal };
                    let status = ledger_state.status(key);
                    let fits = if is_codeless {
                        code_of(&status).is_none()
                    } else {
                        has_code(&status, selection.code)
                    };
                    if status.state.name() == *state && fits {
                        take(ledger_state, key, to, &mut selected, &mut refusals);
                    }
                }
            }
        }
        Which::Users { open_ids, ordinal } => {
            for open_id in open_ids {
                let open_id = open_id.trim();
                match ledger_state.find(open_id) {
                    Some(recipient) => {
                        for key in select_of_user(ledger_state, recipient, *ordinal, selection.code, &mut refusals) {
                            take(ledger_state, key, to, &mut selected, &mut refusals);
                        }
                    }
                    None => refusals.push(ResolveRefusal::Unknown {
                        open_id: open_id.to_owned(),
                        near: nearest(ledger_state, open_id),
                    }),
                }
            }
        }
    }
    selected.sort_unstable_by_key(|selected| selected.key);
    selected.dedup_by_key(|selected| selected.key);
    if refusals.is_empty() {
        Ok(selected)
    } else {
        Err(refusals)
    }
}

/// Returns the selected deliveries of one user: the named one, or all that wait for a person, or else the first one, so
/// that its refusal is reported.
fn select_of_user(
    ledger_state: &LedgerState,
    recipient: u32,
    ordinal: Option<u8>,
    code: Option<i64>,
    refusals: &mut Vec<ResolveRefusal>,
) -> Vec<DeliveryKey> {
    let last = ledger_state.ordinals();
    if let Some(ordinal) = ordinal.filter(|ordinal| *ordinal > last) {
        refusals.push(ResolveRefusal::NoSuchCoupon { ordinal, last });
        return Vec::new();
    }
    let keys = (1..=last).filter(|it| ordinal.is_none_or(|named| named == *it));
    let keys: Vec<_> = keys.map(|ordinal| DeliveryKey { recipient, ordinal }).collect();
    let waits = |key: &&DeliveryKey| {
        let state = ledger_state.status(**key).state.name();
        matches!(state, StateName::InDoubt | StateName::Held | StateName::Refused)
    };
    let waiting: Vec<_> = keys.iter().filter(waits).copied().collect();
    if waiting.is_empty() {
        let not_issued = |key: &&DeliveryKey| ledger_state.status(**key).state != State::Issued;
        return keys
            .iter()
            .find(not_issued)
            .or(keys.first())
            .copied()
            .into_iter()
            .collect();
    }
    let coded = waiting.iter().filter(|key| has_code(&ledger_state.status(**key), code));
    let coded: Vec<_> = coded.copied().collect();
    if coded.is_empty() {
        refusals.extend(waiting.first().map(|key| ResolveRefusal::OtherCode {
            open_id: ledger_state.open_id(recipient),
            ordinal: key.ordinal,
            code: code_of(&ledger_state.status(*key)),
        }));
    }
    coded
}

fn take(
    ledger_state: &LedgerState,
    key: DeliveryKey,
    to: Resolution,
    selected: &mut Vec<Selected>,
    refusals: &mut Vec<ResolveRefusal>,
) {
    let status = ledger_state.status(key);
    let from = status.state.name();
    let open_id = || ledger_state.open_id(key.recipient);
    let ordinal = key.ordinal;
    if status.can_become(to) {
        let code = code_of(&status);
        selected.push(Selected { key, from, code });
    } else if status.reopens_doubt(to) {
        let open_id = open_id();
        refusals.push(ResolveRefusal::MayDouble { open_id, ordinal, from });
    } else {
        let open_id = open_id();
        refusals.push(ResolveRefusal::State { open_id, ordinal, from });
    }
}

fn has_code(status: &DeliveryStatus, code: Option<i64>) -> bool {
    code.is_none() || code_of(status) == code
}

/// Returns the last known code of a delivery that waits for a person. `None` if it does not wait or had no code.
#[must_use]
pub fn code_of(status: &DeliveryStatus) -> Option<i64> {
    match (status.state, status.doubt) {
        (State::InDoubt | State::Refused { .. }, Some(doubt)) => doubt.code,
        (State::Held { code } | State::Refused { code }, _) => Some(code),
        _ => None,
    }
}
