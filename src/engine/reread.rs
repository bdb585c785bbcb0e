//! Reading again what nobody could act on before: deliveries that are held or in doubt and whose last answer was a code,
//! by the classes that the campaign's file gives its codes now.

use std::time::Duration;

use jiff::Timestamp;

use crate::model::delivery::{DeliveryStatus, Doubt, State, Transition};
use crate::model::mutants::mutant;
use crate::model::outcome::Class;

/// By what a delivery is read again.
#[derive(Clone, Copy, Debug)]
pub struct Reading<C> {
    /// What a code means by the file as it is now; an unlisted one is [`Class::Hold`].
    pub class: C,
    /// Whether it is accepted that another ledger has sent this campaign.
    pub replays: bool,
    /// Whether new deliveries go under another activity than at the last apply.
    pub new_activity: bool,
    /// The present.
    pub now: Timestamp,
    /// Whether the ages of doubts are known: not where a person has to accept the wall clock.
    pub dated: bool,
    /// For how long after the first unknown attempt a doubt may be resent.
    pub resend_within: Duration,
}

impl<C: Fn(i64) -> Class> Reading<C> {
    /// The step that a delivery takes, if its code means something else by now. Taken, it is not found again by the next
    /// apply with the same file.
    #[must_use]
    pub fn step(&self, status: &DeliveryStatus) -> Option<Transition> {
        match (status.state, status.doubt) {
            (State::Held { code }, _) => self.held(code),
            (State::InDoubt, Some(doubt)) => self.in_doubt(&doubt),
            _ => None,
        }
    }

    /// Only a code that says that nothing was issued makes a held delivery owed again. One that leaves the outcome of
    /// its attempt unknown makes it a doubt: its age counts from that attempt, and a resend keeps the activity. A code
    /// that means an earlier success, which is not in this ledger, is never a reason to send again.
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

    /// A doubt is settled by a confirmation alone; what is not stuck is resent without being asked here.
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
        }
    }

    fn reading(class: Class) -> Reading<impl Fn(i64) -> Class> {
        Reading {
            class: move |_| class,
            replays: false,
            new_activity: false,
            now: from_ms(1_000),
            dated: true,
            resend_within: DAY,
        }
    }

    /// What each class makes of a held delivery and of a doubt that stuck to an answer: one line of the promise each.
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

    /// Whatever else changed, and however old it is: what may have been issued keeps the time and the activity of its
    /// attempt.
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

    /// The table of transitions takes every step that is decided here, and the next apply finds nothing to decide.
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
