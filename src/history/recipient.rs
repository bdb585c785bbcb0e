//! The history of one user, in the order of the facts.

use std::borrow::Cow;

use jiff::Timestamp;

use crate::ledger::{Fact, Found, Generation, Ledger, LedgerError, LedgerState, Store};
use crate::model::delivery::{ActivityNo, Away, Decision, DeliveryKey, Resolution, StateName, Transition};
use crate::model::outcome::Outcome;

use super::index::Index;
use super::row::Row;
use super::rows;

/// One entry of a user's history.
#[derive(Clone, Debug, PartialEq)]
pub struct HistoryEntry {
    /// When it happened.
    pub at: Timestamp,
    /// What happened.
    pub what: EntryKind,
}

/// The kinds of entries in a user's history.
#[derive(Clone, Debug, PartialEq)]
pub enum EntryKind {
    /// A generation named the user for the first time.
    Came(Reading),
    /// A generation did not owe the user anything, for this reason.
    Away(Away, Reading),
    /// The user had been inactive for too long when their turn came.
    Lapsed,
    /// A generation owed the user coupons again.
    Returned(Reading),
    /// An attempt began.
    Attempt(Box<Attempt>),
    /// An apply classified the last code of a coupon again.
    Reread {
        /// Which of the user's coupons.
        ordinal: u8,
        /// The resulting transition.
        step: Transition,
    },
    /// A person decided on a coupon.
    Decided(Box<Decided>),
    /// The platform's own records show a coupon.
    Found(Box<Found>),
}

/// One reading of the audience.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// The number of the generation, from 1.
    pub generation: u32,
    /// How many users the source named.
    pub listed: u64,
}

/// An attempt and its result.
#[derive(Clone, Debug, PartialEq)]
pub struct Attempt {
    /// Which of the user's coupons.
    pub ordinal: u8,
    /// The number of the attempt of this coupon, from 1. A withdrawn attempt does not count, and the next one gets its
    /// number.
    pub number: u32,
    /// The activity that it was sent under.
    pub activity: ActivityNo,
    /// Its result.
    pub end: End,
}

/// The result of an attempt.
#[derive(Clone, Debug, PartialEq)]
pub enum End {
    /// None yet.
    UnderWay,
    /// It was withdrawn before a byte was sent.
    Withdrawn,
    /// The process ended during the attempt. The next run or owner, which began at this time, treats it as in doubt.
    Interrupted(Timestamp),
    /// It ended with this outcome.
    Ended(Decision, Box<Outcome>),
}

/// A person's decision about one coupon.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decided {
    /// Which of the user's coupons.
    pub ordinal: u8,
    /// The person.
    pub by: String,
    /// The reason.
    pub note: String,
    /// The state before the decision.
    pub from: StateName,
    /// The decision.
    pub to: Resolution,
    /// The selection that matched the coupon.
    pub selection: String,
}

impl EntryKind {
    /// Which of the user's coupons it concerns; `None` when it concerns the user.
    #[must_use]
    pub fn ordinal(&self) -> Option<u8> {
        match self {
            Self::Came(_) | Self::Away(..) | Self::Returned(_) | Self::Lapsed => None,
            Self::Attempt(attempt) => Some(attempt.ordinal),
            Self::Reread { ordinal, .. } => Some(*ordinal),
            Self::Decided(decided) => Some(decided.ordinal),
            Self::Found(found) => Some(found.key.ordinal),
        }
    }
}

/// The history of one user.
#[derive(Debug)]
pub struct RecipientHistory {
    recipient: u32,
    history: Vec<HistoryEntry>,
    index: Index,
}

impl RecipientHistory {
    /// Reads all facts of a ledger for the user with this number.
    ///
    /// # Errors
    /// As [`Ledger::facts`].
    pub async fn new<S: Store>(ledger: &mut Ledger<S>, recipient: u32) -> Result<Self, LedgerError> {
        let index = Index::new(ledger).await?;
        let mut gathering = Gathering::new(recipient);
        ledger.facts(|_, fact| gathering.take(fact)).await?;
        Ok(Self {
            recipient,
            history: gathering.history,
            index,
        })
    }

    /// All entries, in order.
    #[must_use]
    pub fn history(&self) -> &[HistoryEntry] {
        &self.history
    }

    /// The present state of one of the user's coupons.
    #[must_use]
    pub fn row<'a>(&'a self, ledger_state: &'a LedgerState, ordinal: u8) -> Row<'a> {
        let key = DeliveryKey {
            recipient: self.recipient,
            ordinal,
        };
        let ended = self.history.iter().rev().find_map(|entry| match &entry.what {
            EntryKind::Attempt(attempt) if attempt.ordinal == ordinal => match &attempt.end {
                End::Ended(_, outcome) => Some(Cow::Borrowed(&**outcome)),
                _ => None,
            },
            _ => None,
        });
        rows::row(ledger_state, &self.index, key, ended)
    }
}

struct Gathering {
    recipient: u32,
    history: Vec<HistoryEntry>,
    generations: u32,
    confirmed: u32,
    draft: PendingReading,
}

/// What the pending generation says about the user so far.
#[derive(Default)]
struct PendingReading {
    admitted: u32,
    away: Option<Away>,
    returned: bool,
}

impl Gathering {
    fn new(recipient: u32) -> Self {
        Self {
            recipient,
            history: Vec::new(),
            generations: 0,
            confirmed: 0,
            draft: PendingReading::default(),
        }
    }

    fn take(&mut self, fact: Fact) {
        match fact {
            // Nothing is in flight when a run or a term begins, and a generation that was not closed is void.
            Fact::RunBegan { at, .. } | Fact::OwnerChanged { at, .. } => {
                self.draft = PendingReading::default();
                for attempt in self.under_way() {
                    attempt.end = End::Interrupted(at);
                }
            }
            Fact::Admitted { recipients } => {
                self.draft.admitted += u32::try_from(recipients.len()).unwrap_or_default();
            }
            Fact::AdmittedErased(recipients) => {
                self.draft.admitted += u32::try_from(recipients.len()).unwrap_or_default();
            }
            Fact::Away { why, recipients } => {
                if recipients.contains(&self.recipient) {
                    self.draft.away = Some(why);
                }
            }
            Fact::Lapsed { recipient, at } => {
                if recipient == self.recipient {
                    self.entry(at, EntryKind::Lapsed);
                }
            }
            Fact::Returned { recipients } => self.draft.returned |= recipients.contains(&self.recipient),
            Fact::Closed(generation) => self.close(&generation),
            Fact::Intent { key, at, activity } if key.recipient == self.recipient => self.attempt(key, at, activity),
            Fact::Withdrawn { key } => self.end(key, End::Withdrawn),
            Fact::Ended { key, decision, outcome } => self.end(key, End::Ended(decision, outcome)),
            Fact::Reread { key, step, at } if key.recipient == self.recipient => {
                let ordinal = key.ordinal;
                self.entry(at, EntryKind::Reread { ordinal, step });
            }
            Fact::Decided { keys, decision } => {
                let recipient = self.recipient;
                for key in keys.into_iter().filter(|key| key.recipient == recipient) {
                    let decided = Decided {
                        ordinal: key.ordinal,
                        by: decision.by.clone(),
                        note: decision.note.clone(),
                        from: decision.from,
                        to: decision.to,
                        selection: decision.selection.clone(),
                    };
                    self.entry(decision.at, EntryKind::Decided(Box::new(decided)));
                }
            }
            Fact::Found { at, found } if found.key.recipient == self.recipient => {
                self.entry(at, EntryKind::Found(found));
            }
            Fact::Activity { .. }
            | Fact::Erased { .. }
            | Fact::Intent { .. }
            | Fact::Found { .. }
            | Fact::Recorded { .. }
            | Fact::Reread { .. }
            | Fact::KeptOut(_)
            | Fact::Testers { .. }
            | Fact::Origin(_)
            | Fact::LastActive { .. }
            | Fact::WaveEnded { .. }
            | Fact::WaveHalted { .. }
            | Fact::Acted { .. }
            | Fact::RunApproved { .. } => {}
        }
    }

    fn close(&mut self, generation: &Generation) {
        self.generations += 1;
        let draft = std::mem::take(&mut self.draft);
        let before = self.confirmed;
        self.confirmed += draft.admitted;
        let reading = Reading {
            generation: self.generations,
            listed: generation.listed,
        };
        if (before..self.confirmed).contains(&self.recipient) {
            self.entry(generation.at, EntryKind::Came(reading));
        }
        if let Some(why) = draft.away {
            self.entry(generation.at, EntryKind::Away(why, reading));
        }
        if draft.returned {
            self.entry(generation.at, EntryKind::Returned(reading));
        }
    }

    fn attempt(&mut self, key: DeliveryKey, at: Timestamp, activity: ActivityNo) {
        let made = self.history.iter().filter(|entry| match &entry.what {
            EntryKind::Attempt(attempt) => attempt.ordinal == key.ordinal && attempt.end != End::Withdrawn,
            _ => false,
        });
        let attempt = Attempt {
            ordinal: key.ordinal,
            number: u32::try_from(made.count()).unwrap_or(u32::MAX).saturating_add(1),
            activity,
            end: End::UnderWay,
        };
        self.entry(at, EntryKind::Attempt(Box::new(attempt)));
    }

    fn end(&mut self, key: DeliveryKey, end: End) {
        if key.recipient == self.recipient
            && let Some(attempt) = self.under_way().find(|attempt| attempt.ordinal == key.ordinal)
        {
            attempt.end = end;
        }
    }

    fn under_way(&mut self) -> impl Iterator<Item = &mut Attempt> {
        self.history.iter_mut().filter_map(|entry| match &mut entry.what {
            EntryKind::Attempt(attempt) if attempt.end == End::UnderWay => Some(&mut **attempt),
            _ => None,
        })
    }

    fn entry(&mut self, at: Timestamp, what: EntryKind) {
        self.history.push(HistoryEntry { at, what });
    }
}
