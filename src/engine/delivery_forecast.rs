//! What happens next to one delivery, and when: a pure function of the ledger state, the plan and the present, by the rules of the
//! queue.

use jiff::Timestamp;

use crate::douyin::codes::Codes;
use crate::ledger::{LedgerState, Present};
use crate::model::clock::later;
use crate::model::delivery::{DeliveryKey, Doubt, Skipped, State, StateName, Transition};
use crate::model::outcome::Class;
use crate::plan::Plan;

use super::eligibility::{ResendRules, due_in, is_turn};
use super::reclassify::Reclassifier;
use super::wave_members::{Turn, turn};

pub use super::eligibility::Waits;

/// What happens next to a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Nothing. It is issued.
    Issued,
    /// Nothing, unless a person reopens it. It is refused.
    Refused,
    /// Nothing, as long as it is skipped.
    Skipped {
        /// The reason.
        why: Skipped,
        /// Whether it was held before. It is held again when it comes back.
        held: bool,
    },
    /// An attempt is in flight. If its process has ended, the next apply finds it in doubt.
    InFlight,
    /// An apply sends it.
    Sent {
        /// The earliest time; the present if that is now.
        at: Timestamp,
        /// For a doubt, the last moment of a resend.
        until: Option<Timestamp>,
    },
    /// It is sent with a wave, from 1, or after the last one, once earlier waves have ended.
    Wave(Option<u32>),
    /// It is sent once a person has approved this wave, which has ended; 0 for the testers.
    Approval {
        /// The number of the wave, from 1.
        done: u32,
    },
    /// The next apply reclassifies its last code by the present campaign file.
    Reread(Transition),
    /// Like `Reread`, and the code leaves the outcome unknown, so it is in doubt after that.
    Doubted {
        /// The last moment of a resend, or why it waits for a person.
        resend: Result<Timestamp, Waits>,
    },
    /// It waits for an earlier coupon of the same user.
    Behind {
        /// Its ordinal.
        ordinal: u8,
        /// Its state.
        state: StateName,
    },
    /// It waits for a person.
    Person(Waits),
}

/// What happens next to `key`, for an apply at this present.
#[must_use]
pub fn next(ledger_state: &LedgerState, plan: &Plan, key: DeliveryKey, present: Present) -> Next {
    let status = ledger_state.status(key);
    let now = present.now;
    let resend = |doubt: &Doubt| ResendRules::new(plan).resend_until(ledger_state, key, doubt, present);
    if let Some(step) = reading(ledger_state, plan, present).step(&status) {
        let reread = status.next(step).ok();
        let doubt = reread
            .filter(|_| status.doubt.is_none())
            .and_then(|reread| reread.doubt);
        return doubt.map_or(Next::Reread(step), |doubt| Next::Doubted { resend: resend(&doubt) });
    }
    let due = later(now, due_in(plan, &status, now).unwrap_or_default());
    let sent = |due: Timestamp, until| {
        plan.schedule
            .opens(due.max(now))
            .map_or(Next::Person(Waits::End { end: plan.schedule.end }), |at| Next::Sent {
                at,
                until,
            })
    };
    match (status.state, status.doubt) {
        (State::Issued, _) => Next::Issued,
        (State::Refused { .. }, _) => Next::Refused,
        (State::Skipped(why), _) => Next::Skipped {
            why,
            held: status.held.is_some(),
        },
        (State::Attempting { .. }, _) => Next::InFlight,
        (State::Held { code }, _) => Next::Person(Waits::Held { code }),
        (State::Deferred { .. }, _) => sent(due, None),
        (State::InDoubt, Some(doubt)) => match resend(&doubt) {
            Err(why) => Next::Person(why),
            Ok(until) => sent(due, Some(until)),
        },
        (State::Pending, _) if !is_turn(ledger_state, key) => behind(ledger_state, key),
        (State::Pending, _) => match turn(plan, ledger_state, key.recipient) {
            Turn::Now => sent(now, None),
            Turn::At(at) => sent(at, None),
            Turn::Approved(done) => Next::Approval { done },
            Turn::With(wave) => Next::Wave(wave),
        },
        (State::InDoubt, _) => sent(now, None),
    }
}

/// The rules by the present file. Assumes that the activity does not change, because a person has to accept that.
fn reading(ledger_state: &LedgerState, plan: &Plan, present: Present) -> Reclassifier<impl Fn(i64) -> Class> {
    let codes = Codes::new(plan.codes.clone());
    Reclassifier {
        class: move |code| codes.classify(code).0,
        replays: ledger_state.accepts_replays(),
        new_activity: false,
        now: present.now,
        dated: present.ahead.is_none(),
        resend_within: plan.retry.resend_within,
    }
}

/// The first earlier coupon of the same user that is not issued. `None` if all are.
fn behind(ledger_state: &LedgerState, key: DeliveryKey) -> Next {
    let earlier = (1..key.ordinal).find_map(|ordinal| {
        let state = ledger_state.status(DeliveryKey { ordinal, ..key }).state.name();
        (state != StateName::Issued).then_some((ordinal, state))
    });
    let (ordinal, state) = earlier.unwrap_or((key.ordinal, StateName::Pending));
    Next::Behind { ordinal, state }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::time::{Duration, Instant};

    use proptest::prelude::*;

    use super::*;
    use crate::campaign;
    use crate::engine::queue::Queue;
    use crate::model::approval::WaveWait;
    use crate::model::bucketing::{Bucketing, WAVE};
    use crate::model::clock::{Moment, from_ms};
    use crate::model::delivery::ActivityNo;
    use crate::plan::{self, InDoubt, RunOptions};

    fn present(now: Timestamp) -> Present {
        Present { now, ahead: None }
    }

    fn plan() -> Plan {
        let file = "{version: 1, campaign: summer, app_id: tt1, activity_id: 7218, \
                    audience: {source: {csv: {path: a.csv, open_id: open_id}}}}";
        let parsed = campaign::parse(Path::new("a.yaml"), file.as_bytes()).unwrap_or_else(|found| panic!("{found:?}"));
        plan::build(&parsed.campaign, RunOptions::default()).unwrap()
    }

    #[test]
    fn what_is_owed_is_sent_within_the_schedule() {
        let mut plan = plan();
        let ledger_state = LedgerState::new(plan.identity.clone());
        let key = DeliveryKey {
            recipient: 0,
            ordinal: 1,
        };
        let mut within = |start, end, now| {
            plan.schedule.start = from_ms(start);
            plan.schedule.end = from_ms(end);
            next(&ledger_state, &plan, key, present(from_ms(now)))
        };
        let sent = |at| Next::Sent {
            at: from_ms(at),
            until: None,
        };
        assert_eq!(within(0, 100, 50), sent(50));
        assert_eq!(within(70, 100, 50), sent(70));
        let end = from_ms(100);
        assert_eq!(within(0, 100, 100), Next::Person(Waits::End { end }));
    }

    #[test]
    fn who_belongs_to_a_later_wave_waits_for_those_before() {
        let mut plan = plan();
        let mut ledger_state = LedgerState::new(plan.identity.clone());
        let wave = |share, minutes| plan::Wave {
            share,
            wait: WaveWait::For(Duration::from_mins(minutes)),
            not_issued: 1.0,
        };
        // An unknown recipient has an empty open_id, which belongs to some share too.
        let key = DeliveryKey {
            recipient: 0,
            ordinal: 1,
        };
        let drawn = Bucketing::new(WAVE, &plan.identity.campaign, &plan.identity.app_id);
        let share = (1..100)
            .find(|share| drawn.within(f64::from(*share) / 100.0, &ledger_state.open_id(0)))
            .map_or(1.0, f64::from)
            / 100.0;
        plan.schedule.waves = vec![wave(share / 2.0, 30), wave(share, 60)];
        let now = from_ms(1_000_000);
        assert_eq!(next(&ledger_state, &plan, key, present(now)), Next::Wave(Some(2)));
        ledger_state.wave_ended(share / 2.0, now);
        let at = later(now, Duration::from_mins(30));
        assert_eq!(
            next(&ledger_state, &plan, key, present(now)),
            Next::Sent { at, until: None }
        );
        ledger_state.wave_ended(share, now);
        assert_eq!(
            next(&ledger_state, &plan, key, present(now)),
            Next::Sent { at: now, until: None }
        );
        plan.schedule.waves = vec![wave(share / 2.0, 30), wave(share / 1.5, 30)];
        assert_eq!(
            next(&LedgerState::new(plan.identity.clone()), &plan, key, present(now)),
            Next::Wave(None)
        );
    }

    proptest! {
        /// The message says what the queue does.
        #[test]
        fn a_doubt_waits_for_a_person_when_the_queue_does_not_resend_it(
            ordinal in 1..4_u8,
            coupons in 1..4_u8,
            (stuck, ask) in any::<(bool, bool)>(),
            (since, due, now) in (prop::option::of(0..2_000_i64), 0..2_000_i64, 0..2_000_i64),
            within in 0..2_000_u64,
        ) {
            let mut plan = plan();
            plan.coupons_per_user = coupons;
            plan.retry.resend_within = Duration::from_millis(within);
            plan.retry.in_doubt = if ask { InDoubt::Ask } else { InDoubt::Resend };
            let doubt = Doubt {
                unknown_attempts: 1,
                since: since.map(from_ms),
                activity: ActivityNo(0),
                due: from_ms(due),
                code: None,
                stuck,
            };
            let (key, now) = (DeliveryKey { recipient: 0, ordinal }, from_ms(now));
            let ledger_state = LedgerState::new(plan.identity.clone());
            let at = Moment::awake(now, Instant::now());
            let queue = Queue::new(&plan, &ledger_state, None, at);
            let resend = ResendRules::new(&plan).resend_until(&ledger_state, key, &doubt, present(now));
            prop_assert_eq!(resend.is_ok(), queue.resendable(&ledger_state, key, &doubt, now));
        }
    }
}
