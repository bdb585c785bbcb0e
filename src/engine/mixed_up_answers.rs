//! Recognizes an answer that cannot be its delivery's.
//!
//! Nothing in an answer names its user, so an answer that arrives on the wrong connection looks like any other. But the
//! platform gives a new coupon_id to each coupon and a new log_id to each exchange. An id that another delivery has proves
//! that requests and answers are mixed up, or that the platform gave one coupon for two deliveries.

use std::collections::VecDeque;
use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, PoisonError};

use hashbrown::HashMap;

use crate::ledger::{Ledger, LedgerError, Store};
use crate::model::delivery::{DeliveryKey, StateName};
use crate::model::mutants::mutant;
use crate::model::outcome::{Outcome, Proof};

/// How many of the last answers of a run are remembered.
const REMEMBERED: usize = 65_536;

/// An id in an answer.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum AnswerId {
    /// The platform's name for the exchange.
    Log(String),
    /// The coupon's own id.
    Coupon(String),
}

impl AnswerId {
    /// The ids of an answer. Many answers have no coupon, and one without a code has none that can be read.
    fn all(outcome: &Outcome) -> impl Iterator<Item = Self> {
        let log = outcome.answer.as_ref().map(|answer| &answer.log_id);
        let coupon = match &outcome.proof {
            Proof::Issued { coupon, .. } => Some(&coupon.coupon_id),
            _ => None,
        };
        let log = log.filter(|id| !id.is_empty()).cloned().map(Self::Log);
        let coupon = coupon.cloned().map(Self::Coupon);
        coupon.into_iter().chain(log)
    }
}

impl fmt::Display for AnswerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Log(id) => write!(f, "log_id {id}"),
            Self::Coupon(id) => write!(f, "coupon_id {id}"),
        }
    }
}

/// Whose answer it is, by its ids.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Whose {
    /// Its ids are new: it answers the attempt.
    ThisAttempt,
    /// An earlier answer to the same delivery has one of its ids.
    ThisDelivery(AnswerId),
    /// Another delivery has one of its ids.
    Another {
        /// Which id.
        id: AnswerId,
        /// Which delivery.
        of: DeliveryKey,
    },
}

/// The ids of answers, and whose they are.
#[derive(Debug)]
pub struct Answers(Mutex<Memory>);

/// Ids are kept as hashes with a secret key. Two of the 131,072 that are remembered and a new one are the same with a
/// probability of 2^-47, so a campaign of ten million answers is halted for nothing with one of 2^-23.
#[derive(Debug)]
struct Memory {
    hashes: RandomState,
    recent: HashMap<u64, Seen>,
    /// The ids of the last answers, the oldest first. The ids of one answer have one number.
    order: VecDeque<(u64, u64)>,
    answers: u64,
    users: UserCoupons,
}

#[derive(Clone, Copy, Debug)]
struct Seen {
    by: DeliveryKey,
    /// The answer that had it last.
    last: u64,
}

impl Answers {
    /// An empty memory for this number of recipients and of deliveries for each.
    pub(super) fn new(recipients: u32, ordinals: u8) -> Self {
        Self(Mutex::new(Memory {
            hashes: RandomState::new(),
            recent: HashMap::new(),
            order: VecDeque::new(),
            answers: 0,
            users: UserCoupons {
                recipients: recipients as usize,
                rows: vec![Vec::new(); usize::from(ordinals).saturating_sub(1)],
            },
        }))
    }

    /// Finds out whose answer an outcome has, and remembers its ids.
    pub(super) fn whose(&self, key: DeliveryKey, outcome: &Outcome) -> Whose {
        if mutant!(RepeatsTaken) {
            return Whose::ThisAttempt;
        }
        let ids: Vec<_> = AnswerId::all(outcome).collect();
        self.with(|memory| memory.whose(key, &ids))
    }

    /// Reads the coupons of earlier runs, if a user who has one may be sent another.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub(super) async fn remember_coupons<S: Store>(&self, ledger: &mut Ledger<S>) -> Result<(), LedgerError> {
        let state = ledger.state();
        let counts = state.counts();
        if state.ordinals() < 2 || counts.count(StateName::Issued) == 0 || counts.complete() {
            return Ok(());
        }
        ledger
            .fact_views(|_, _, fact| {
                if let Some((key, coupon_id)) = fact.coupon() {
                    self.remember(key, coupon_id);
                }
                Some(())
            })
            .await
    }

    /// Remembers a coupon that an earlier run issued.
    fn remember(&self, key: DeliveryKey, coupon_id: String) {
        self.with(|memory| {
            let hash = memory.hashes.hash_one(AnswerId::Coupon(coupon_id));
            memory.users.put(key, hash);
        });
    }

    fn with<R>(&self, act: impl FnOnce(&mut Memory) -> R) -> R {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Memory {
    fn whose(&mut self, key: DeliveryKey, ids: &[AnswerId]) -> Whose {
        let mut whose = Whose::ThisAttempt;
        for id in ids {
            let hash = self.hashes.hash_one(id);
            let by = match self.recent.get(&hash) {
                Some(seen) => Some(seen.by),
                None => self.users.other_with(key, hash),
            };
            match by {
                None => {}
                Some(by) if by == key => whose = Whose::ThisDelivery(id.clone()),
                Some(of) => return Whose::Another { id: id.clone(), of },
            }
        }
        for id in ids {
            let hash = self.hashes.hash_one(id);
            self.keep(key, hash);
            if matches!(id, AnswerId::Coupon(_)) {
                self.users.put(key, hash);
            }
        }
        self.forget();
        whose
    }

    fn keep(&mut self, key: DeliveryKey, hash: u64) {
        let last = self.answers;
        self.recent.insert(hash, Seen { by: key, last });
        self.order.push_back((hash, last));
    }

    /// Counts an answer, and forgets those that are too old by now.
    fn forget(&mut self) {
        self.answers += 1;
        while let Some((hash, answer)) = self.order.front().copied()
            && self.answers - answer > REMEMBERED as u64
        {
            self.order.pop_front();
            if self.recent.get(&hash).is_some_and(|seen| seen.last == answer) {
                self.recent.remove(&hash);
            }
        }
    }
}

/// The coupons of users who are owed several, for the whole campaign: 40 bits of a hash for each, so that ten million users
/// take 50 MB. A user's coupon is compared with that user's others only, and found to be one of them for nothing with a
/// probability of 2^-40.
#[derive(Debug)]
struct UserCoupons {
    recipients: usize,
    /// By ordinal, without the last one, which none follows; then by recipient. Zero where there is none.
    rows: Vec<Vec<[u8; 5]>>,
}

impl UserCoupons {
    fn put(&mut self, key: DeliveryKey, hash: u64) {
        let row = self.rows.get_mut(usize::from(key.ordinal).saturating_sub(1));
        let Some(row) = row else { return };
        row.resize(self.recipients, [0; 5]);
        if let Some(place) = row.get_mut(key.recipient as usize) {
            *place = short(hash);
        }
    }

    /// The other delivery of the same user that has this coupon.
    fn other_with(&self, key: DeliveryKey, hash: u64) -> Option<DeliveryKey> {
        (1_u8..)
            .zip(&self.rows)
            .filter(|(ordinal, _)| *ordinal != key.ordinal)
            .find(|(_, row)| row.get(key.recipient as usize) == Some(&short(hash)))
            .map(|(ordinal, _)| DeliveryKey { ordinal, ..key })
    }
}

fn short(hash: u64) -> [u8; 5] {
    let mut short = [0; 5];
    short.copy_from_slice(&hash.to_be_bytes()[..5]);
    // All zero is no coupon.
    short[4] = short[4].max(1);
    short
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::model::clock::from_ms;
    use crate::model::outcome::{Answer, Class, Classifier, Coupon};

    const fn key(recipient: u32, ordinal: u8) -> DeliveryKey {
        DeliveryKey { recipient, ordinal }
    }

    fn answer(log_id: &str, coupon_id: Option<&str>) -> Outcome {
        let coupon = coupon_id.map(|coupon_id| Coupon {
            coupon_id: coupon_id.to_owned(),
            ..Coupon::default()
        });
        Outcome {
            proof: match coupon {
                Some(coupon) => Proof::Issued {
                    coupon: Box::new(coupon),
                    replay: false,
                },
                None => Proof::Refused,
            },
            answer: Some(Answer {
                code: 0,
                message: String::new(),
                log_id: log_id.to_owned(),
                class: Class::Issued,
                classifier: Classifier::Table,
            }),
            status: Some(200),
            detail: None,
            retry_after: None,
            latency: Duration::ZERO,
            at: from_ms(0),
        }
    }

    fn another(whose: &Whose) -> Option<(String, DeliveryKey)> {
        match whose {
            Whose::Another { id, of } => Some((id.to_string(), *of)),
            _ => None,
        }
    }

    #[test]
    fn an_id_of_another_delivery_is_told_from_one_of_its_own() {
        let answers = Answers::new(9, 1);
        let whose = |recipient, log_id, coupon_id| answers.whose(key(recipient, 1), &answer(log_id, coupon_id));
        assert_eq!(whose(0, "a", Some("1")), Whose::ThisAttempt);
        assert_eq!(whose(1, "b", None), Whose::ThisAttempt);
        assert_eq!(
            whose(0, "c", Some("1")),
            Whose::ThisDelivery(AnswerId::Coupon("1".into()))
        );
        assert_eq!(
            another(&whose(2, "d", Some("1"))),
            Some(("coupon_id 1".into(), key(0, 1)))
        );
        assert_eq!(another(&whose(3, "b", Some("2"))), Some(("log_id b".into(), key(1, 1))));
        assert_eq!(
            whose(4, "2", Some("d")),
            Whose::ThisAttempt,
            "an answer of another has left nothing"
        );
    }

    #[test]
    fn an_answer_without_ids_is_nobodys() {
        let answers = Answers::new(9, 1);
        for recipient in 0..9 {
            assert_eq!(answers.whose(key(recipient, 1), &answer("", None)), Whose::ThisAttempt);
        }
    }

    #[test]
    fn the_last_65536_answers_are_remembered_and_all_coupons_of_a_user_with_several() {
        let answers = Answers::new(100_000, 2);
        answers.whose(key(0, 1), &answer("first", Some("1")));
        answers.whose(key(1, 1), &answer("second", Some("2")));
        for recipient in 2..=u32::try_from(REMEMBERED).unwrap() {
            let id = recipient.to_string();
            assert_eq!(answers.whose(key(recipient, 1), &answer(&id, None)), Whose::ThisAttempt);
        }
        let of_second = answers.whose(key(3, 2), &answer("second", None));
        assert_eq!(another(&of_second), Some(("log_id second".into(), key(1, 1))));
        assert_eq!(
            answers.whose(key(4, 2), &answer("first", None)),
            Whose::ThisAttempt,
            "forgotten"
        );
        let of_user = answers.whose(key(0, 2), &answer("new", Some("1")));
        assert_eq!(another(&of_user), Some(("coupon_id 1".into(), key(0, 1))));
        let memory = answers.0.lock().unwrap();
        assert!(memory.recent.len() <= 2 * REMEMBERED && memory.order.len() <= 2 * REMEMBERED);
    }
}
