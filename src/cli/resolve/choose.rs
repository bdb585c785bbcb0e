//! Which deliveries a decision is about: all that were chosen, or every reason why not.

use crate::delivery::{DeliveryKey, Resolution, Standing, State, StateName};
use crate::ledger::Book;
use crate::report::text::visible;

use crate::cli::trace::nearest;

/// What a person chose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selection {
    /// Whose deliveries.
    pub who: Who,
    /// Only those that were last answered with this code.
    pub code: Option<i64>,
}

/// Whose deliveries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Who {
    /// These users'.
    Users {
        /// Who.
        open_ids: Vec<String>,
        /// Which of their coupons; all that wait for a person when none is named.
        ordinal: Option<u8>,
    },
    /// Everything in this state.
    All(StateName),
}

/// A delivery that is decided about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chosen {
    /// Which.
    pub key: DeliveryKey,
    /// The state that it is in.
    pub from: StateName,
    /// The last code that is known of it.
    pub code: Option<i64>,
}

/// Why a delivery cannot be decided about.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    /// Nobody has this open_id.
    #[error("the ledger has no user {}", visible(open_id))]
    Unknown {
        /// The open_id.
        open_id: String,
        /// Whom it is like.
        near: Option<String>,
    },
    /// Nobody has so many coupons.
    #[error("nobody has a coupon {ordinal} in this campaign; the last is {last}")]
    NoSuchCoupon {
        /// Which was named.
        ordinal: u8,
        /// Which is the last.
        last: u8,
    },
    /// It would send again what may have been issued.
    #[error("coupon {ordinal} of {} may have been issued already: it {}", visible(open_id), doubted(*from))]
    MayDouble {
        /// Whose.
        open_id: String,
        /// Which.
        ordinal: u8,
        /// In which state it is.
        from: StateName,
    },
    /// It is in a state from where nobody decides so.
    #[error("coupon {ordinal} of {} is {}", visible(open_id), undecided(*from))]
    State {
        /// Whose.
        open_id: String,
        /// Which.
        ordinal: u8,
        /// In which state it is.
        from: StateName,
    },
    /// It was answered with another code.
    #[error("coupon {ordinal} of {} was last answered with {}", visible(open_id), code.map_or_else(|| "no code".to_owned(), |code| code.to_string()))]
    OtherCode {
        /// Whose.
        open_id: String,
        /// Which.
        ordinal: u8,
        /// The code.
        code: Option<i64>,
    },
}

const fn doubted(from: StateName) -> &'static str {
    match from {
        StateName::Refused => "was in doubt when a person called it refused",
        _ => "is in doubt",
    }
}

const fn undecided(from: StateName) -> &'static str {
    match from {
        StateName::Issued => "issued, and what is issued is never reopened",
        StateName::Refused => "refused already",
        StateName::InFlight => "in flight: its answer decides",
        StateName::Pending => "pending: the next apply sends it",
        StateName::Deferred => "deferred: an apply sends it again",
        StateName::Skipped => "skipped: the audience and the campaign file decide that anew with every apply",
        StateName::InDoubt => "in doubt",
        StateName::Held => "held",
    }
}

impl Trouble {
    /// What to do about it.
    pub fn help(&self) -> Option<String> {
        match self {
            Self::Unknown { near, .. } => near.as_ref().map(|near| format!("did you mean {}?", visible(near))),
            Self::MayDouble { .. } => Some(
                "if a second coupon is better than none, add `--may-double`; each counts in max_coupons".to_owned(),
            ),
            Self::State { from, .. } => match from {
                StateName::Pending | StateName::Deferred => {
                    Some("who must not be sent is taken out of the audience".to_owned())
                }
                StateName::InFlight => {
                    Some("apply once more: what a killed run left in flight is in doubt from then on".to_owned())
                }
                _ => None,
            },
            Self::NoSuchCoupon { .. } | Self::OtherCode { .. } => None,
        }
    }
}

/// Chooses what is decided about, in the order of the ledger; each once.
pub fn choose(book: &Book, selection: &Selection, to: Resolution) -> Result<Vec<Chosen>, Vec<Trouble>> {
    let (mut chosen, mut troubles) = (Vec::new(), Vec::new());
    match &selection.who {
        Who::All(state) => {
            for recipient in 0..book.recipients() {
                for ordinal in 1..=book.ordinals() {
                    let key = DeliveryKey { recipient, ordinal };
                    let standing = book.standing(key);
                    if standing.state.name() == *state && has_code(&standing, selection.code) {
                        take(book, key, to, &mut chosen, &mut troubles);
                    }
                }
            }
        }
        Who::Users { open_ids, ordinal } => {
            for open_id in open_ids {
                let open_id = open_id.trim();
                match book.find(open_id) {
                    Some(recipient) => {
                        for key in of_user(book, recipient, *ordinal, selection.code, &mut troubles) {
                            take(book, key, to, &mut chosen, &mut troubles);
                        }
                    }
                    None => troubles.push(Trouble::Unknown {
                        open_id: open_id.to_owned(),
                        near: nearest(book, open_id),
                    }),
                }
            }
        }
    }
    chosen.sort_unstable_by_key(|chosen| chosen.key);
    chosen.dedup_by_key(|chosen| chosen.key);
    if troubles.is_empty() { Ok(chosen) } else { Err(troubles) }
}

/// Those of one user's deliveries that are meant: the named one, or all that wait for a person, or else the first that a
/// person may have had in mind, for its trouble to be told.
fn of_user(
    book: &Book,
    recipient: u32,
    ordinal: Option<u8>,
    code: Option<i64>,
    troubles: &mut Vec<Trouble>,
) -> Vec<DeliveryKey> {
    let last = book.ordinals();
    if let Some(ordinal) = ordinal.filter(|ordinal| *ordinal > last) {
        troubles.push(Trouble::NoSuchCoupon { ordinal, last });
        return Vec::new();
    }
    let keys = (1..=last).filter(|it| ordinal.is_none_or(|named| named == *it));
    let keys: Vec<_> = keys.map(|ordinal| DeliveryKey { recipient, ordinal }).collect();
    let waits = |key: &&DeliveryKey| {
        let state = book.standing(**key).state.name();
        matches!(state, StateName::InDoubt | StateName::Held | StateName::Refused)
    };
    let waiting: Vec<_> = keys.iter().filter(waits).copied().collect();
    if waiting.is_empty() {
        let not_issued = |key: &&DeliveryKey| book.standing(**key).state != State::Issued;
        return keys
            .iter()
            .find(not_issued)
            .or(keys.first())
            .copied()
            .into_iter()
            .collect();
    }
    let coded = waiting.iter().filter(|key| has_code(&book.standing(**key), code));
    let coded: Vec<_> = coded.copied().collect();
    if coded.is_empty() {
        troubles.extend(waiting.first().map(|key| Trouble::OtherCode {
            open_id: book.open_id(recipient),
            ordinal: key.ordinal,
            code: code_of(&book.standing(*key)),
        }));
    }
    coded
}

fn take(book: &Book, key: DeliveryKey, to: Resolution, chosen: &mut Vec<Chosen>, troubles: &mut Vec<Trouble>) {
    let standing = book.standing(key);
    let from = standing.state.name();
    let (open_id, ordinal) = (|| book.open_id(key.recipient), key.ordinal);
    if standing.can_become(to) {
        let code = code_of(&standing);
        chosen.push(Chosen { key, from, code });
    } else if standing.reopens_doubt(to) {
        let open_id = open_id();
        troubles.push(Trouble::MayDouble { open_id, ordinal, from });
    } else {
        let open_id = open_id();
        troubles.push(Trouble::State { open_id, ordinal, from });
    }
}

fn has_code(standing: &Standing, code: Option<i64>) -> bool {
    code.is_none() || code_of(standing) == code
}

/// The last code that is known of a delivery that waits for a person.
fn code_of(standing: &Standing) -> Option<i64> {
    match (standing.state, standing.doubt) {
        (State::InDoubt | State::Refused { .. }, Some(doubt)) => doubt.code,
        (State::Held { code } | State::Refused { code }, _) => Some(code),
        _ => None,
    }
}
