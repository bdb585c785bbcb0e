//! A person's decision about deliveries, as a pure function of the ledger state: which deliveries it is about, whether it is
//! possible, and the facts that record it.

use jiff::Timestamp;
use sha2::{Digest, Sha256};

use crate::ledger::{Fact, LedgerState, ManualDecision};
use crate::model::delivery::{DeliveryKey, DeliveryStatus, Resolution, State, StateName};
use crate::model::hexadecimal::hexadecimal;
use crate::model::resolve::{
    Expected, ResolveAnswer, ResolveRefusal, ResolveRequest, Resolved, ResolvedDelivery, Selection, Which,
};

/// How many refusals an answer has at most.
const MOST_REFUSALS: usize = 1000;
/// The bytes of a digest, half as many as its characters.
const DIGEST: usize = 16;

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

/// Selects the deliveries of a decision.
///
/// # Errors
/// When nothing may be decided: why.
pub fn check(ledger_state: &LedgerState, request: &ResolveRequest) -> Result<Vec<Selected>, ResolveAnswer> {
    let selected = select(ledger_state, &request.selection, request.to).map_err(|mut refusals| {
        refusals.truncate(MOST_REFUSALS);
        ResolveAnswer::Refused { refusals }
    })?;
    let now = selected.len() as u64;
    let is_expected = match &request.expect {
        None => true,
        Some(Expected::Count(count)) => *count == now,
        Some(Expected::Digest(digest)) => *digest == self::digest(ledger_state, &selected),
    };
    if is_expected {
        Ok(selected)
    } else {
        Err(ResolveAnswer::Changed { now })
    }
}

/// Returns a digest of the selected deliveries and their states. It changes with each attempt of one of them.
#[must_use]
pub fn digest(ledger_state: &LedgerState, selected: &[Selected]) -> String {
    let mut hasher = Sha256::new();
    for Selected { key, from, code } in selected {
        let status = ledger_state.status(*key);
        hasher.update(key.recipient.to_be_bytes());
        hasher.update([key.ordinal, u8::from(status.doubt.is_some()), u8::from(code.is_some())]);
        hasher.update(code.unwrap_or_default().to_be_bytes());
        hasher.update(status.attempts.to_be_bytes());
        hasher.update(from.word());
    }
    let mut digest = hexadecimal(&hasher.finalize());
    digest.truncate(2 * DIGEST);
    digest
}

/// Returns the facts of a decision: one or more for each state of the deliveries, in chunks.
#[must_use]
pub fn facts(selected: &[Selected], request: &ResolveRequest, at: Timestamp) -> Vec<Fact> {
    let mut facts = Vec::new();
    for from in [StateName::InDoubt, StateName::Held, StateName::Refused] {
        let these = selected.iter().filter(|selected| selected.from == from);
        let these: Vec<DeliveryKey> = these.map(|selected| selected.key).collect();
        for keys in these.chunks(Fact::CHUNK) {
            let decision = ManualDecision {
                at,
                by: request.by.clone(),
                note: request.note.clone(),
                from,
                to: request.to,
                selection: request.typed.clone(),
            };
            facts.push(Fact::Decided {
                keys: keys.to_vec(),
                decision: Box::new(decision),
            });
        }
    }
    facts
}

/// Describes the deliveries of a decision after its facts: at most the first `most`.
#[must_use]
pub fn resolved(ledger_state: &LedgerState, selected: &[Selected], most: usize) -> Resolved {
    let describe = |it: &Selected| {
        let state = ledger_state.status(it.key).state;
        ResolvedDelivery {
            open_id: ledger_state.open_id(it.key.recipient),
            ordinal: it.key.ordinal,
            merchant_coupon_id: ledger_state.merchant_coupon_id(it.key).map(|id| id.to_string()),
            from: it.from,
            code: it.code,
            state: state.name(),
            skipped: match state {
                State::Skipped(why) => Some(why),
                _ => None,
            },
        }
    };
    Resolved {
        count: selected.len() as u64,
        deliveries: selected.iter().take(most).map(describe).collect(),
    }
}

/// Selects the deliveries in the order of the ledger, each once.
///
/// # Errors
/// Every reason why some of them do not allow the decision.
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
                        near: None,
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
