//! What a look at every recipient of the ledger finds: who comes and goes, which codes are read again, and where all
//! deliveries will stand.

use std::collections::BTreeMap;

use crate::ledger::LedgerState;
use crate::model::delivery::{Away, Counts, DeliveryKey, DeliveryStatus, Skipped, State, StateName, Transition};
use crate::model::outcome::Class;

use super::choice::Choice;
use super::{Accept, Change, DiffBuilder, Terms};
use crate::engine::reread;

/// Fewer people gone than this never stop an apply.
const FEWEST_GONE: u64 = 100;

/// What was found.
#[derive(Default)]
pub(super) struct Survey {
    pub(super) away: BTreeMap<Away, Vec<u32>>,
    pub(super) returned: Vec<u32>,
    pub(super) reread: Vec<(DeliveryKey, Transition)>,
    /// Those of them that come back held, and are read again after that.
    pub(super) reread_returned: Vec<(DeliveryKey, Transition)>,
    /// How many held deliveries another activity makes owed again.
    pub(super) owed_under_new_activity: u64,
    /// How many deliveries will be skipped that were held before.
    pub(super) held_skipped: u64,
    /// Recipients who were owed something before.
    pub(super) owed: u64,
    /// Those of them whom the source no longer names.
    gone: u64,
    /// How many are away by now, newcomers included.
    pub(super) away_now: BTreeMap<Away, u64>,
    /// Where all deliveries will stand, newcomers included.
    pub(super) counts: Counts,
    /// How many will be skipped, by reason.
    pub(super) skipped: BTreeMap<Skipped, u64>,
}

/// By what each recipient is looked at.
struct Look<'l> {
    ledger_state: &'l LedgerState,
    /// How many coupons a recipient had before.
    known: u8,
    /// How many they are owed now.
    coupons: u8,
    reading: reread::Reading<&'l dyn Fn(i64) -> Class>,
}

impl Survey {
    pub(super) fn new(admission: &DiffBuilder<'_>, terms: &Terms<'_>, choice: &Choice, changes: &[Change]) -> Self {
        let ledger_state = admission.ledger_state;
        let present = terms.present(ledger_state);
        let look = Look {
            ledger_state,
            known: ledger_state.ordinals(),
            coupons: terms.plan.coupons_per_user,
            reading: reread::Reading {
                class: terms.class,
                replays: ledger_state.accepts_replays() || terms.accepted.contains(&Accept::Replays),
                new_activity: changes.iter().any(|change| change.what == Accept::ActivityId),
                now: present.now,
                dated: present.ahead.is_none(),
                resend_within: terms.plan.retry.resend_within,
            },
        };
        let mut survey = Self::default();
        for recipient in 0..ledger_state.recipients() {
            let away = choice.away(recipient);
            match (away, ledger_state.away(recipient)) {
                (None, Some(_)) => survey.returned.push(recipient),
                (Some(why), before) if before != away => survey.away.entry(why).or_default().push(recipient),
                _ => {}
            }
            let owed = survey.recipient(&look, recipient, away);
            survey.owed += u64::from(owed);
            survey.gone += u64::from(owed && away == Some(Away::Gone));
            if let Some(why) = away {
                *survey.away_now.entry(why).or_default() += 1;
            }
        }
        survey.newcomers(admission, choice, &look);
        survey
    }

    fn newcomers(&mut self, admission: &DiffBuilder<'_>, choice: &Choice, look: &Look<'_>) {
        let mut present = u64::from(choice.admitted);
        for (number, away) in choice.newcomers(admission) {
            if let Some(why) = away {
                present -= 1;
                self.away.entry(why).or_default().push(number);
                *self.away_now.entry(why).or_default() += 1;
                self.skip(why.skipped(), u64::from(look.known.max(look.coupons)));
            }
        }
        let coupons = u64::from(look.coupons);
        self.counts.add(StateName::Pending, present * coupons);
        self.skip(
            Skipped::CouponsPerUser,
            present * u64::from(look.known.saturating_sub(look.coupons)),
        );
    }

    fn skip(&mut self, why: Skipped, many: u64) {
        self.counts.add(StateName::Skipped, many);
        if many > 0 {
            *self.skipped.entry(why).or_default() += many;
        }
    }

    /// Looks at one recipient. Says whether a coupon was owed before.
    fn recipient(&mut self, look: &Look<'_>, recipient: u32, away: Option<Away>) -> bool {
        let (mut was_owed, mut refused) = (false, false);
        for ordinal in 1..=look.known.max(look.coupons) {
            let key = DeliveryKey { recipient, ordinal };
            let mut status = DeliveryStatus::PENDING;
            if ordinal <= look.known {
                status = look.ledger_state.status(key);
                was_owed |= is_owed(&status.state);
            }
            let was_skipped = matches!(status.state, State::Skipped(_));
            let reached = ordinal <= look.coupons;
            let why = if let Some(away) = away {
                Some(away.skipped())
            } else if reached {
                refused.then_some(Skipped::EarlierRefused)
            } else {
                Some(Skipped::CouponsPerUser)
            };
            if let (true, None, Ok(returned)) = (was_skipped, why, status.next(look.ledger_state.return_step())) {
                status = returned;
            }
            let step = look.reading.step(&status).filter(|step| match step {
                Transition::Owe | Transition::OweUnderNewActivity => why.is_none(),
                // A held one that is skipped for this reason is skipped before it could be read again.
                Transition::RereadUnknown { .. } => why.is_none_or(|why| !why.takes_held()),
                // Who said no is not sent to, not even to learn what became of the first attempt.
                Transition::RereadResend { .. } => reached && away != Some(Away::Excluded),
                // Behind a coupon that is refused by now a held one is skipped before it could be read again.
                _ => !refused || status.state == State::InDoubt,
            });
            if let Some((step, next)) = step.and_then(|step| Some((step, status.next(step).ok()?))) {
                let reread = if was_skipped {
                    &mut self.reread_returned
                } else {
                    &mut self.reread
                };
                reread.push((key, step));
                self.owed_under_new_activity += u64::from(step == Transition::OweUnderNewActivity);
                status = next;
            }
            let name = stands(&status.state, why);
            refused |= name == StateName::Refused;
            match why {
                Some(why) if name == StateName::Skipped => {
                    self.skip(why, 1);
                    self.held_skipped += u64::from(status.held.is_some());
                }
                _ => self.counts.add(name, 1),
            }
        }
        was_owed
    }

    /// A truncated export looks just like a shrunken audience.
    pub(super) fn shrunk(&self, ledger_state: &LedgerState) -> Option<Change> {
        let much = self.gone >= FEWEST_GONE && self.gone * 10 > self.owed;
        (much && ledger_state.generation().is_some()).then(|| Change {
            what: Accept::SmallerAudience,
            from: self.owed.to_string(),
            to: (self.owed - self.gone).to_string(),
            owed_again: 0,
        })
    }
}

const fn is_owed(state: &State) -> bool {
    matches!(
        state,
        State::Pending | State::Deferred { .. } | State::Attempting { .. }
    )
}

/// Where a delivery will stand that is owed, or is not for this reason: what may have been issued stays what it is. One that
/// comes back stands here as it does after that.
fn stands(state: &State, why: Option<Skipped>) -> StateName {
    match (state, why) {
        (State::Held { .. }, Some(why)) if why.takes_held() => StateName::Skipped,
        (State::Pending | State::Deferred { .. } | State::Skipped(_), Some(_)) => StateName::Skipped,
        _ => state.name(),
    }
}
