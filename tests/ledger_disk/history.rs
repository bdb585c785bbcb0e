//! Random histories that the table of transitions allows: more than an engine would do.

use std::collections::HashSet;
use std::time::Duration;

use jiff::Timestamp;
use runner::ledger::{Fact, Generation, LedgerState};
use runner::model::clock::{from_ms, later};
use runner::model::delivery::{Away, Decision, DeliveryKey, State, Transition};
use runner::model::identity::{ActivityId, OpenId};
use runner::model::outcome::{Answer, Class, Classifier, Coupon, NotIssued, Outcome, Proof, Unknown};

/// The most recipients that a history admits.
const MOST: u32 = 400;

pub struct History {
    random: fastrand::Rng,
    at: Timestamp,
    serial: u64,
}

impl History {
    pub fn new(seed: u64) -> Self {
        Self {
            random: fastrand::Rng::with_seed(seed),
            at: from_ms(1_780_000_000_000),
            serial: seed << 20,
        }
    }

    /// Returns the next batch of facts for `ledger_state`.
    pub fn next(&mut self, ledger_state: &LedgerState) -> Vec<Fact> {
        self.at = later(
            self.at.max(ledger_state.newest()),
            Duration::from_millis(self.random.u64(0..2000)),
        );
        match self.random.u8(0..20) {
            0 => vec![Fact::run_began(self.at, Duration::from_secs(10))],
            // A generation that is never closed must be ignored.
            1 if ledger_state.recipients() < MOST => {
                vec![self.admitted(), Fact::run_began(self.at, Duration::from_secs(10))]
            }
            2 => self.generation(ledger_state),
            _ if ledger_state.recipients() == 0 => self.generation(ledger_state),
            _ => self.deliveries(ledger_state),
        }
    }

    fn admitted(&mut self) -> Fact {
        let names = (0..self.random.u64(1..40)).map(|n| match (self.serial + n) % 3 {
            0 => format!("ba253642-0590-40bc-8d1e-{:012x}", self.serial + n),
            1 => format!("_000{:X}é", self.serial + n),
            _ => format!("{}", self.serial + n),
        });
        let recipients = names.map(|name| OpenId::parse(&name).expect("an open_id")).collect();
        self.serial += 40;
        Fact::Admitted { recipients }
    }

    fn generation(&mut self, ledger_state: &LedgerState) -> Vec<Fact> {
        let some = |random: &mut fastrand::Rng, away: bool| {
            let all = (0..ledger_state.recipients()).filter(|who| ledger_state.away(*who).is_some() == away);
            all.filter(|_| random.u8(0..8) == 0).collect::<Vec<_>>()
        };
        // An audience is read before anything is sent, so no attempt is in flight when it changes.
        let mut facts = vec![Fact::run_began(self.at, Duration::from_secs(10))];
        if ledger_state.recipients() < MOST {
            facts.push(self.admitted());
        }
        facts.push(Fact::Away {
            why: self.random.choice(Away::ALL).unwrap_or(Away::Gone),
            recipients: some(&mut self.random, false),
        });
        facts.push(Fact::Returned {
            recipients: some(&mut self.random, true),
        });
        let activity = self
            .random
            .choice(["7312345678901234567", "0071", "9"])
            .unwrap_or_default();
        facts.push(Fact::Closed(Box::new(Generation {
            at: self.at,
            listed: self.random.u64(..),
            source: [self.random.u8(..); 32],
            activity_id: ActivityId::parse(activity).expect("an activity"),
            coupons_per_user: self.random.u8(1..4),
            fingerprint: format!("{:x}", self.random.u64(..)),
            control_group: "0%".to_owned(),
            excluded: Vec::new(),
            accepted: vec!["source".to_owned()],
        })));
        facts
    }

    /// Facts of some deliveries, each of a different recipient, so that none depends on another.
    fn deliveries(&mut self, ledger_state: &LedgerState) -> Vec<Fact> {
        let mut chosen = HashSet::new();
        let mut facts = Vec::new();
        for _ in 0..self.random.u8(1..12) {
            let recipient = self.random.u32(0..ledger_state.recipients());
            // A later coupon is sent only after the earlier one is issued.
            let issued = |ordinal: &u8| {
                ledger_state
                    .status(DeliveryKey {
                        recipient,
                        ordinal: *ordinal,
                    })
                    .state
                    == State::Issued
            };
            let Some(ordinal) = (1..=ledger_state.coupons_per_user()).find(|ordinal| !issued(ordinal)) else {
                continue;
            };
            if chosen.insert(recipient) {
                facts.extend(self.delivery(ledger_state, DeliveryKey { recipient, ordinal }));
            }
        }
        facts
    }

    fn delivery(&mut self, ledger_state: &LedgerState, key: DeliveryKey) -> Option<Fact> {
        let at = self.at;
        let delivery_status = ledger_state.status(key);
        let intent = |activity| Some(Fact::Intent { key, at, activity });
        let reread = |step| Some(Fact::Reread { key, step, at });
        match (delivery_status.state, delivery_status.doubt) {
            (State::Pending | State::Deferred { .. }, None) => intent(ledger_state.current_activity()?),
            (State::Attempting { .. }, _) if self.random.u8(0..10) == 0 => Some(Fact::Withdrawn { key }),
            (State::Attempting { began, .. }, _) => Some(self.ended(key, began)),
            (State::InDoubt, Some(doubt)) if !doubt.stuck => intent(doubt.activity),
            (State::InDoubt, Some(_)) if self.random.bool() => reread(Transition::RereadResend { due: at }),
            (State::InDoubt, Some(_)) => reread(Transition::RereadIssued),
            (State::Held { .. }, None) => match self.random.u8(0..5) {
                0 => reread(Transition::Owe),
                1 => reread(Transition::RereadIssued),
                2 => reread(Transition::RereadUnknown { due: at }),
                3 => reread(Transition::OweUnderNewActivity),
                _ => reread(Transition::RereadRefused),
            },
            _ => None,
        }
    }

    fn ended(&mut self, key: DeliveryKey, began: Timestamp) -> Fact {
        let due = later(self.at, Duration::from_secs(self.random.u64(0..600)));
        let code = 28_001_000 + self.random.i64(0..20);
        let (decision, proof, answer) = match self.random.u8(0..10) {
            0 => (Decision::Refused { code }, Proof::Refused, Some((code, Class::Refuse))),
            1 => (Decision::Held { code }, Proof::Held, Some((code, Class::Hold))),
            2 => {
                let proof = Proof::NotIssued(NotIssued::Throttled);
                (
                    Decision::NotIssued { due, code: Some(code) },
                    proof,
                    Some((code, Class::Throttle)),
                )
            }
            3 => (
                Decision::Unknown { due, code: None },
                Proof::Unknown(Unknown::Cut),
                None,
            ),
            4 => {
                let proof = Proof::Unknown(Unknown::SystemError);
                (
                    Decision::Unknown { due, code: Some(code) },
                    proof,
                    Some((code, Class::Retry)),
                )
            }
            n => (Decision::Issued, self.issued(n == 5), Some((0, Class::Issued))),
        };
        let answer = answer.map(|(code, class)| Answer {
            code,
            message: if code == 0 {
                "success".to_owned()
            } else {
                format!("错误 {code}")
            },
            log_id: format!("{}{:020X}", self.at.strftime("%Y%m%d%H%M%S"), self.random.u64(..)),
            class,
            classifier: Classifier::Table,
        });
        let outcome = Outcome {
            proof,
            status: answer.as_ref().map(|_| 200),
            detail: answer.is_none().then(|| format!("no answer, begun at {began}")),
            answer,
            retry_after: None,
            latency: Duration::from_micros(self.random.u64(40_000..100_000)),
            at: self.at,
        };
        Fact::Ended {
            key,
            decision,
            outcome: Box::new(outcome),
        }
    }

    fn issued(&mut self, replay: bool) -> Proof {
        let received = self.at.as_second();
        let coupon = Coupon {
            coupon_id: self.random.u64(1 << 62..u64::MAX / 2).to_string(),
            merchant_meta_no: Some("45ed-8f3d".to_owned()),
            coupon_name: Some("奶茶立减10元券".to_owned()),
            coupon_status: Some(10),
            discount_type: Some(1),
            discount_amount: Some(1000),
            min_pay_amount: Some(1500),
            receive_time: Some(received),
            valid_begin_time: Some(received),
            valid_end_time: Some(received + 7 * 86_400),
        };
        Proof::Issued {
            coupon: Box::new(coupon),
            replay,
        }
    }
}
