//! The first of two passes over the facts. It keeps sixteen bytes for each delivery, from which the second pass
//! recognises the last outcome of a delivery.

use std::sync::Arc;

use hashbrown::HashMap;
use jiff::Timestamp;

use crate::ledger::{Fact, Found, Ledger, LedgerError, LedgerState, ManualDecision, Store};
use crate::model::clock::from_ms;
use crate::model::delivery::{ActivityNo, Decision, DeliveryKey, Transition};

/// `Brief::first` of a delivery without an attempt.
const NEVER: i64 = i64::MIN;
/// `Brief::activity` of a delivery without an attempt.
const NONE: u16 = u16::MAX;

/// What the facts record about each delivery and the ledger state does not keep.
#[derive(Debug)]
pub struct Index {
    recipients: usize,
    briefs: Vec<Brief>,
    /// Entries only for the few deliveries that something other than an outcome settled.
    later: HashMap<DeliveryKey, Later>,
    outcomes: u32,
}

#[derive(Clone, Copy, Debug)]
struct Brief {
    /// When the first attempt began, in milliseconds since the Unix epoch.
    first: i64,
    /// The number of the last outcome among all outcomes of the ledger, from 1; 0 without one.
    last: u32,
    /// How many attempts ended with an unknown outcome.
    unknown: u16,
    /// The activity of the last attempt.
    activity: u16,
}

const NOTHING: Brief = Brief {
    first: NEVER,
    last: 0,
    unknown: 0,
    activity: NONE,
};

/// What changed a delivery after its last outcome.
#[derive(Clone, Debug, Default)]
pub struct Later {
    /// When a person, or a code that was classified again, settled it.
    pub settled_at: Option<Timestamp>,
    /// The last decision of a person.
    pub decision: Option<Arc<ManualDecision>>,
    /// The coupon that the platform's own records show.
    pub found: Option<Arc<Found>>,
}

impl Index {
    /// Reads all facts of a ledger.
    ///
    /// # Errors
    /// As [`Ledger::facts`].
    pub async fn new<S: Store>(ledger: &mut Ledger<S>) -> Result<Self, LedgerError> {
        let mut index = Self::empty(ledger.state());
        let mut under_way = HashMap::new();
        ledger
            .fact_views(|_, _, fact| {
                match fact {
                    Fact::Ended { key, decision, .. } => index.ended(key, decision, &mut under_way),
                    Fact::Intent { key, at, activity } => index.began(key, at, activity, &mut under_way),
                    Fact::Admitted { .. } | Fact::AdmittedErased(_) => {}
                    fact => index.take(fact.decode()?, &mut under_way),
                }
                Some(())
            })
            .await?;
        Ok(index)
    }

    fn empty(ledger_state: &LedgerState) -> Self {
        let recipients = ledger_state.recipients() as usize;
        Self {
            recipients,
            briefs: vec![NOTHING; recipients * usize::from(ledger_state.ordinals())],
            later: HashMap::new(),
            outcomes: 0,
        }
    }

    /// When the first attempt of a delivery began; `None` without an attempt.
    #[must_use]
    pub fn first_attempt_at(&self, key: DeliveryKey) -> Option<Timestamp> {
        let first = self.brief(key).first;
        (first != NEVER).then(|| from_ms(first))
    }

    /// The number of the delivery's last outcome among all outcomes of the ledger, from 1; `None` without an outcome.
    #[must_use]
    pub fn last_outcome(&self, key: DeliveryKey) -> Option<u32> {
        Some(self.brief(key).last).filter(|last| *last > 0)
    }

    /// How many attempts of the delivery ended with an unknown outcome.
    #[must_use]
    pub fn unknown_attempts(&self, key: DeliveryKey) -> u32 {
        self.brief(key).unknown.into()
    }

    /// The activity of the delivery's last attempt; `None` without an attempt.
    #[must_use]
    pub fn activity(&self, key: DeliveryKey) -> Option<ActivityNo> {
        Some(self.brief(key).activity)
            .filter(|activity| *activity != NONE)
            .map(ActivityNo)
    }

    /// What changed the delivery after its last outcome; `None` when only outcomes did.
    #[must_use]
    pub fn later(&self, key: DeliveryKey) -> Option<&Later> {
        self.later.get(&key)
    }

    fn brief(&self, key: DeliveryKey) -> Brief {
        self.place(key)
            .and_then(|place| self.briefs.get(place))
            .copied()
            .unwrap_or(NOTHING)
    }

    fn place(&self, key: DeliveryKey) -> Option<usize> {
        let row = usize::from(key.ordinal).checked_sub(1)?;
        Some(row * self.recipients + key.recipient as usize)
    }

    fn change(&mut self, key: DeliveryKey, change: impl FnOnce(&mut Brief)) {
        if let Some(brief) = self.place(key).and_then(|place| self.briefs.get_mut(place)) {
            change(brief);
        }
    }

    fn began(
        &mut self,
        key: DeliveryKey,
        at: Timestamp,
        activity: ActivityNo,
        under_way: &mut HashMap<DeliveryKey, Brief>,
    ) {
        under_way.insert(key, self.brief(key));
        self.change(key, |brief| {
            if brief.first == NEVER {
                brief.first = at.as_millisecond();
            }
            brief.activity = activity.0;
        });
    }

    fn ended(&mut self, key: DeliveryKey, decision: Decision, under_way: &mut HashMap<DeliveryKey, Brief>) {
        under_way.remove(&key);
        self.outcomes = self.outcomes.saturating_add(1);
        let last = self.outcomes;
        let unknown = matches!(decision, Decision::Unknown { .. });
        self.change(key, |brief| {
            brief.last = last;
            brief.unknown = brief.unknown.saturating_add(unknown.into());
        });
        if let Some(later) = self.later.get_mut(&key) {
            later.settled_at = None;
        }
    }

    /// Applies one fact. `under_way` maps each attempt in flight to the state before it, which a withdrawal restores.
    fn take(&mut self, fact: Fact, under_way: &mut HashMap<DeliveryKey, Brief>) {
        match fact {
            // The process ended during these attempts: nothing is in flight when a run begins.
            Fact::RunBegan { .. } | Fact::OwnerChanged { .. } => {
                for (key, _) in under_way.drain() {
                    self.change(key, |brief| brief.unknown = brief.unknown.saturating_add(1));
                }
            }
            Fact::Intent { key, at, activity } => self.began(key, at, activity, under_way),
            Fact::Withdrawn { key } => {
                if let Some(before) = under_way.remove(&key) {
                    self.change(key, |brief| *brief = before);
                }
            }
            Fact::Ended { key, decision, .. } => self.ended(key, decision, under_way),
            Fact::Reread { key, at, step } => {
                let unknown = matches!(step, Transition::RereadUnknown { .. });
                self.change(key, |brief| {
                    brief.unknown = brief.unknown.saturating_add(unknown.into());
                });
                self.later.entry(key).or_default().settled_at = Some(at);
            }
            Fact::Decided { keys, decision } => {
                let decision: Arc<ManualDecision> = decision.into();
                for key in keys {
                    self.later.insert(
                        key,
                        Later {
                            settled_at: Some(decision.at),
                            decision: Some(Arc::clone(&decision)),
                            found: None,
                        },
                    );
                }
            }
            Fact::Found { at, found } => {
                let key = found.key;
                let later = Later {
                    settled_at: Some(at),
                    decision: None,
                    found: Some(Arc::new(*found)),
                };
                self.later.insert(key, later);
            }
            Fact::Admitted { .. }
            | Fact::AdmittedErased(_)
            | Fact::Erased { .. }
            | Fact::Away { .. }
            | Fact::Returned { .. }
            | Fact::KeptOut(_)
            | Fact::Testers { .. }
            | Fact::Origin(_)
            | Fact::LastActive { .. }
            | Fact::Lapsed { .. }
            | Fact::WaveEnded { .. }
            | Fact::WaveHalted { .. }
            | Fact::Acted { .. }
            | Fact::Recorded { .. }
            | Fact::Activity { .. }
            | Fact::Closed(_)
            | Fact::RunApproved { .. } => {}
        }
    }
}
