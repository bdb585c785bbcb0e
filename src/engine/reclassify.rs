//! Reclassifies deliveries that are held or in doubt and whose last answer was a code, by the classes of the present campaign
//! file.

use std::time::Duration;

use jiff::Timestamp;

use crate::model::delivery::{DeliveryStatus, Doubt, State, Transition};
use crate::model::mutants::mutant;
use crate::model::outcome::Class;

/// The rules of a reclassification.
#[derive(Clone, Copy, Debug)]
pub struct Reclassifier<C> {
    /// The class of a code by the present file. An unlisted code is [`Class::Hold`].
    pub class: C,
    /// Whether a person accepted that another ledger has sent this campaign.
    pub replays: bool,
    /// Whether the activity changed since the last apply.
    pub new_activity: bool,
    /// The present.
    pub now: Timestamp,
    /// Whether the ages of doubts are known. They are not if a person has to accept the wall clock.
    pub dated: bool,
    /// How long after the first unknown attempt a doubt may be resent.
    pub resend_within: Duration,
}

impl<C: Fn(i64) -> Class> Reclassifier<C> {
    /// The transition of a delivery whose code has another class now. `None` if there is none. After it, the next apply with the
    /// same file finds none.
    #[must_use]
    pub fn step(&self, status: &DeliveryStatus) -> Option<Transition> {
        match (status.state, status.doubt) {
            (State::Held { code }, _) => self.held(code),
            (State::InDoubt, Some(doubt)) => self.in_doubt(&doubt),
            _ => None,
        }
    }

    /// Only a code that proves that nothing was issued makes a held delivery owed again. A code that leaves the outcome unknown
    /// makes it a doubt: its age counts from that attempt, and a resend keeps the activity. A code for an earlier success, which
    /// this ledger does not have, is never a reason to send again.
    fn held(&self, code: i64) -> Option<Transition> {
        match (self.class)(code) {
            Class::Refuse => Some(Transition::RereadRefused),
            Class::Issued => self.replays.then_some(Transition::RereadIssued),
            Class::Hold => self.new_activity.then_some(Transition::OweUnderNewActivity),
            Class::Retry if mutant!(HeldOwedAgain) => Some(Transition::Owe),
            Class::Retry => Some(Transition::RereadUnknown { due: self.now }),
            Class::Throttle | Class::Token | Class::Wait | Class::Halt => Some(Transition::Owe),
        }
    }

    /// Only a confirmation settles a doubt. Doubts that are not stuck are resent without a transition.
    fn in_doubt(&self, doubt: &Doubt) -> Option<Transition> {
        match (self.class)(doubt.code?) {
            Class::Issued => Some(Transition::RereadIssued),
            Class::Refuse | Class::Hold => None,
            Class::Retry | Class::Throttle | Class::Token | Class::Wait | Class::Halt => {
                let until = doubt.resend_until(self.resend_within).filter(|_| self.dated);
                let young = until.is_some_and(|until| self.now < until);
                (doubt.stuck && young).then_some(Transition::RereadResend { due: self.now })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::clock::{from_ms, later};
    use crate::model::delivery::{ActivityNo, Held};

    const DAY: Duration = Duration::from_hours(24);

    fn doubt(code: Option<i64>, stuck: bool) -> DeliveryStatus {
        DeliveryStatus {
            state: State::InDoubt,
            attempts: 2,
            doubt: Some(Doubt {
                unknown_attempts: 1,
                since: Some(from_ms(0)),
                activity: ActivityNo(0),
                due: from_ms(10),
                code,
                stuck,
            }),
            held: None,
            reopened: false,
        }
    }

    fn held() -> DeliveryStatus {
        DeliveryStatus {
            state: State::Held { code: 7 },
            attempts: 1,
            doubt: None,
            held: Some(Held {
                code: 7,
                began: Some(from_ms(500)),
                activity: ActivityNo(3),
            }),
            reopened: false,
        }
    }

    fn reading(class: Class) -> Reclassifier<impl Fn(i64) -> Class> {
        Reclassifier {
            class: move |_| class,
            replays: false,
            new_activity: false,
            now: from_ms(1_000),
            dated: true,
            resend_within: DAY,
        }
    }

    /// The effect of each class on a held delivery and on a doubt with an answer.
    #[test]
    fn every_class_is_read_as_promised() {
        let resend = Transition::RereadResend { due: from_ms(1_000) };
        for class in Class::ALL {
            let (of_held, of_doubt) = match class {
                Class::Issued => (None, Some(Transition::RereadIssued)),
                Class::Refuse => (Some(Transition::RereadRefused), None),
                Class::Hold => (None, None),
                Class::Retry => (Some(Transition::RereadUnknown { due: from_ms(1_000) }), Some(resend)),
                Class::Throttle | Class::Token | Class::Wait | Class::Halt => (Some(Transition::Owe), Some(resend)),
            };
            let reading = reading(class);
            assert_eq!(reading.step(&held()), of_held, "held, {class:?}");
            assert_eq!(reading.step(&doubt(Some(7), true)), of_doubt, "in doubt, {class:?}");
        }
    }

    #[test]
    fn a_held_success_settles_only_when_replays_are_accepted() {
        let mut reading = reading(Class::Issued);
        reading.new_activity = true;
        assert_eq!(reading.step(&held()), None);
        reading.replays = true;
        assert_eq!(reading.step(&held()), Some(Transition::RereadIssued));
    }

    #[test]
    fn a_new_activity_owes_the_held_again_and_leaves_doubts_alone() {
        let mut reading = reading(Class::Hold);
        reading.new_activity = true;
        assert_eq!(reading.step(&held()), Some(Transition::OweUnderNewActivity));
        assert_eq!(reading.step(&doubt(Some(7), true)), None);
    }

    /// A delivery that may have been issued keeps the time and the activity of its attempt.
    #[test]
    fn a_held_delivery_whose_code_leaves_its_outcome_unknown_is_a_doubt_of_its_attempt() {
        let mut reading = reading(Class::Retry);
        reading.new_activity = true;
        reading.now = later(from_ms(500), DAY * 2);
        let step = reading.step(&held()).expect("it is read again");
        let doubted = held().next(step).expect("the table has the step");
        let doubt = doubted.doubt.expect("it is in doubt");
        assert_eq!(doubted.state, State::InDoubt);
        assert_eq!(
            (doubt.since, doubt.activity, doubt.unknown_attempts),
            (Some(from_ms(500)), ActivityNo(3), 1)
        );
        assert_eq!((doubt.code, doubt.stuck), (Some(7), false));
    }

    #[test]
    fn only_a_young_doubt_with_an_answer_that_ended_its_resending_is_let_go_again() {
        let mut reading = reading(Class::Retry);
        assert_eq!(
            reading.step(&doubt(None, false)),
            None,
            "the answer was lost: nothing to read"
        );
        assert_eq!(reading.step(&doubt(Some(7), false)), None, "it is resent anyway");
        reading.now = later(from_ms(0), DAY);
        assert_eq!(reading.step(&doubt(Some(7), true)), None, "too old");
    }

    /// The transition table allows every transition, and the next apply finds none.
    #[test]
    fn every_step_is_in_the_table_and_taken_once() {
        for class in Class::ALL {
            for (replays, new_activity) in [(false, false), (true, false), (false, true), (true, true)] {
                let mut reading = reading(class);
                (reading.replays, reading.new_activity) = (replays, new_activity);
                for status in [held(), doubt(Some(7), true), doubt(Some(7), false), doubt(None, false)] {
                    let Some(step) = reading.step(&status) else { continue };
                    let next = status.next(step).expect("the table has the step");
                    assert_eq!(reading.step(&next), None, "{status:?} took {step:?}");
                }
            }
        }
    }
}
