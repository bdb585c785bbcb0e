//! The halt policy: rules that recognise from a run's answers that something is wrong with the campaign and not with a
//! user.

use std::collections::VecDeque;

use crate::model::clock::Moment;
use crate::model::event::Halted;
use crate::model::outcome::{Answer, Class, Classifier, Outcome, Proof};
use crate::plan;

use super::limit::{Limit, RunEvent};

/// How many answers in a row of a kind that only a wrong address gives halt a run.
const WRONG_IN_A_ROW: u32 = 3;

/// Watches the answers of a run.
#[derive(Debug)]
pub struct HaltPolicy {
    refused: Share,
    held: Share,
    same_code: u32,
    streak: Option<(i64, u32)>,
    wrong_in_a_row: u32,
    answered: bool,
}

/// The share of hits among the last answers.
#[derive(Debug)]
struct Share {
    guard: plan::Guard,
    last: VecDeque<bool>,
    hits: u32,
}

impl Share {
    fn new(guard: plan::Guard) -> Self {
        Self {
            guard,
            last: VecDeque::new(),
            hits: 0,
        }
    }

    /// Adds an answer. Returns the hits and the size of the sample if that share is too high.
    fn add(&mut self, hit: bool) -> Option<(u32, u32)> {
        self.last.push_back(hit);
        self.hits += u32::from(hit);
        while self.last.len() > self.guard.after as usize {
            let left = self.last.pop_front().unwrap_or_default();
            self.hits -= u32::from(left);
        }
        let of = self.guard.after;
        let full = of > 0 && self.last.len() == of as usize;
        (full && f64::from(self.hits) > self.guard.over * f64::from(of)).then_some((self.hits, of))
    }
}

impl HaltPolicy {
    /// A policy with the limits of the plan, for the answers of one run.
    #[must_use]
    pub fn new(halt: &plan::Halt) -> Self {
        Self {
            refused: Share::new(halt.refused),
            held: Share::new(halt.held),
            same_code: halt.same_code.max(1),
            streak: None,
            wrong_in_a_row: 0,
            answered: false,
        }
    }

    /// Whether an answer whose status says "this is not the endpoint, or not for us" halts: on a run's first send, or
    /// as one of three in a row. Call it for each such answer, before the answer is observed.
    pub const fn wrong_address(&mut self) -> bool {
        self.wrong_in_a_row += 1;
        !self.answered || self.wrong_in_a_row >= WRONG_IN_A_ROW
    }

    /// Counts an attempt's outcome; `resend` if it was a resend of a doubt. Returns what halts the run.
    fn answered(&mut self, outcome: &Outcome, resend: bool) -> Option<Halted> {
        self.answered = true;
        if outcome.has_code() {
            self.wrong_in_a_row = 0;
        }
        let answer = outcome.answer.as_ref()?;
        let by_file = answer.classifier == Classifier::File;
        let refused = matches!(outcome.proof, Proof::Refused) && !by_file;
        let held = matches!(outcome.proof, Proof::Held) && !by_file;
        let same = self.same_code(answer, held, resend);
        if !matches!(
            outcome.proof,
            Proof::Issued { .. } | Proof::Duplicate | Proof::Refused | Proof::Held
        ) {
            return same;
        }
        let refused = self.refused.add(refused).map(|(n, of)| Halted::Refused { n, of });
        let held = self.held.add(held).map(|(n, of)| Halted::Held { n, of });
        same.or(refused).or(held)
    }

    fn same_code(&mut self, answer: &Answer, held: bool, resend: bool) -> Option<Halted> {
        if resend {
            return None;
        }
        if !held || answer.class != Class::Hold {
            self.streak = None;
            return None;
        }
        let n = match self.streak {
            Some((code, n)) if code == answer.code => n + 1,
            _ => 1,
        };
        self.streak = Some((answer.code, n));
        (n >= self.same_code).then(|| Halted::SameCode {
            code: answer.code,
            message: answer.message.clone(),
            n,
        })
    }
}

impl Limit for HaltPolicy {
    fn observe(&mut self, event: &RunEvent<'_>, _now: Moment) -> Option<Halted> {
        match event {
            RunEvent::Outcome { outcome, resend } => self.answered(outcome, *resend),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::model::clock::from_ms;
    use crate::model::outcome::{Coupon, Unknown};

    const HALT: plan::Halt = plan::Halt {
        refused: plan::Guard { over: 0.5, after: 10 },
        held: plan::Guard { over: 0.2, after: 20 },
        same_code: 5,
    };

    fn outcome(proof: Proof, code: i64, class: Class, classifier: Classifier) -> Outcome {
        Outcome {
            proof,
            answer: Some(Answer {
                code,
                message: String::new(),
                log_id: String::new(),
                class,
                classifier,
            }),
            status: Some(200),
            detail: None,
            retry_after: None,
            latency: Duration::ZERO,
            at: from_ms(0),
        }
    }

    fn issued() -> Outcome {
        let coupon = Box::new(Coupon::default());
        outcome(
            Proof::Issued { coupon, replay: false },
            0,
            Class::Issued,
            Classifier::Table,
        )
    }

    fn refused(classifier: Classifier) -> Outcome {
        outcome(Proof::Refused, 28_001_045, Class::Refuse, classifier)
    }

    fn held(code: i64) -> Outcome {
        outcome(Proof::Held, code, Class::Hold, Classifier::Nobody)
    }

    #[test]
    fn over_half_refused_by_the_table_halts_and_half_does_not() {
        let mut halt_policy = HaltPolicy::new(&HALT);
        for _ in 0..5 {
            assert_eq!(halt_policy.answered(&issued(), false), None);
            assert_eq!(halt_policy.answered(&refused(Classifier::Table), false), None);
        }
        assert_eq!(
            halt_policy.answered(&refused(Classifier::Table), false),
            Some(Halted::Refused { n: 6, of: 10 })
        );
    }

    #[test]
    fn what_the_file_classified_counts_in_none() {
        let mut halt_policy = HaltPolicy::new(&HALT);
        for _ in 0..100 {
            assert_eq!(halt_policy.answered(&refused(Classifier::File), false), None);
            let hold = outcome(Proof::Held, 7, Class::Hold, Classifier::File);
            assert_eq!(halt_policy.answered(&hold, false), None);
        }
    }

    #[test]
    fn a_streak_of_one_held_code_halts() {
        let mut halt_policy = HaltPolicy::new(&HALT);
        for code in [7, 7, 7, 7, 8, 7, 7, 7, 7] {
            assert_eq!(halt_policy.answered(&held(code), false), None);
            assert_eq!(
                halt_policy.answered(&held(7), true),
                None,
                "an answer to a resend is aside"
            );
        }
        assert!(matches!(
            halt_policy.answered(&held(7), false),
            Some(Halted::SameCode { code: 7, n: 5, .. })
        ));
    }

    #[test]
    fn scattered_held_codes_halt_by_their_share() {
        let mut halt_policy = HaltPolicy::new(&HALT);
        let halted: Vec<_> = (0..20)
            .filter_map(|n| {
                let outcome = if n % 4 == 0 { held(n) } else { issued() };
                halt_policy.answered(&outcome, false)
            })
            .collect();
        assert_eq!(halted, [Halted::Held { n: 5, of: 20 }]);
    }

    #[test]
    fn a_wrong_address_halts_on_the_first_send_or_the_third_in_a_row() {
        let nothing = || Outcome {
            answer: None,
            ..outcome(Proof::Unknown(Unknown::Unreadable), 0, Class::Hold, Classifier::Nobody)
        };
        assert!(HaltPolicy::new(&HALT).wrong_address());
        let mut halt_policy = HaltPolicy::new(&HALT);
        halt_policy.answered(&issued(), false);
        assert!(!halt_policy.wrong_address());
        halt_policy.answered(&nothing(), false);
        assert!(!halt_policy.wrong_address());
        halt_policy.answered(&issued(), false);
        assert!(!halt_policy.wrong_address());
        assert!(!halt_policy.wrong_address());
        assert!(halt_policy.wrong_address());
    }

    /// It is the platform's own answer, though it is kept without its code.
    #[test]
    fn a_success_without_a_coupon_ends_a_row_of_wrong_addresses() {
        let no_coupon = Outcome {
            answer: None,
            status: Some(403),
            ..outcome(Proof::Unknown(Unknown::NoCoupon), 0, Class::Issued, Classifier::Table)
        };
        let mut halt_policy = HaltPolicy::new(&HALT);
        halt_policy.answered(&issued(), false);
        assert!(!halt_policy.wrong_address());
        assert!(!halt_policy.wrong_address());
        halt_policy.answered(&no_coupon, false);
        assert!(!halt_policy.wrong_address());
    }
}
