//! Goes over every recipient of the ledger: which are gone or return, which codes are read again, and the counts of deliveries
//! after the apply.

use std::collections::BTreeMap;

use crate::ledger::LedgerState;
use crate::model::delivery::{Away, Counts, DeliveryKey, DeliveryStatus, Skipped, State, StateName, Transition};
use crate::model::outcome::Class;

use super::accept_word::Accept;
use super::admission_terms::Terms;
use super::audience_rows::AudienceRows;
use super::owed_users::Choice;
use super::refusal::Change;
use crate::engine::reclassify;

/// Fewer users that are gone never stop an apply.
const FEWEST_GONE: u64 = 100;

#[derive(Default)]
pub(super) struct Survey {
    pub(super) away: BTreeMap<Away, Vec<u32>>,
    pub(super) returned: Vec<u32>,
    pub(super) reread: Vec<(DeliveryKey, Transition)>,
    /// Rereads of deliveries that come back held, which follow their return.
    pub(super) reread_returned: Vec<(DeliveryKey, Transition)>,
    /// Held deliveries that are owed again under another activity.
    pub(super) owed_under_new_activity: u64,
    /// Skipped deliveries that were held before.
    pub(super) held_skipped: u64,
    /// Recipients that were owed a coupon before.
    pub(super) owed: u64,
    /// The recipients among those that the source no longer names.
    gone: u64,
    /// Users that are not owed anything now, newcomers included.
    pub(super) away_now: BTreeMap<Away, u64>,
    /// The counts of deliveries after the apply, newcomers included.
    pub(super) counts: Counts,
    /// The skipped ones among them, by reason.
    pub(super) skipped: BTreeMap<Skipped, u64>,
}

/// What the decision on each recipient depends on.
struct Rules<'l> {
    ledger_state: &'l LedgerState,
    /// Coupons of each recipient in the ledger.
    known: u8,
    /// Coupons that each recipient is owed now.
    coupons: u8,
    reading: reclassify::Reclassifier<&'l dyn Fn(i64) -> Class>,
}

impl Survey {
    pub(super) fn new(rows: &AudienceRows<'_>, terms: &Terms<'_>, choice: &Choice, changes: &[Change]) -> Self {
        let ledger_state = rows.ledger_state;
        let present = terms.present(ledger_state);
        let rules = Rules {
            ledger_state,
            known: ledger_state.ordinals(),
            coupons: terms.plan.coupons_per_user,
            reading: reclassify::Reclassifier {
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
            let owed = survey.recipient(&rules, recipient, away);
            survey.owed += u64::from(owed);
            survey.gone += u64::from(owed && away == Some(Away::Gone));
            if let Some(why) = away {
                *survey.away_now.entry(why).or_default() += 1;
            }
        }
        survey.newcomers(rows, choice, &rules);
        survey
    }

    fn newcomers(&mut self, rows: &AudienceRows<'_>, choice: &Choice, rules: &Rules<'_>) {
        let mut present = u64::from(choice.admitted);
        for (number, away) in choice.newcomers(rows) {
            if let Some(why) = away {
                present -= 1;
                self.away.entry(why).or_default().push(number);
                *self.away_now.entry(why).or_default() += 1;
                self.skip(why.skipped(), u64::from(rules.known.max(rules.coupons)));
            }
        }
        let coupons = u64::from(rules.coupons);
        self.counts.add(StateName::Pending, present * coupons);
        self.skip(
            Skipped::CouponsPerUser,
            present * u64::from(rules.known.saturating_sub(rules.coupons)),
        );
    }

    fn skip(&mut self, why: Skipped, many: u64) {
        self.counts.add(StateName::Skipped, many);
        if many > 0 {
            *self.skipped.entry(why).or_default() += many;
        }
    }

    /// Adds one recipient. Returns whether a coupon was owed before.
    fn recipient(&mut self, rules: &Rules<'_>, recipient: u32, away: Option<Away>) -> bool {
        let mut was_owed = false;
        let mut refused = false;
        for ordinal in 1..=rules.known.max(rules.coupons) {
            let key = DeliveryKey { recipient, ordinal };
            let mut status = DeliveryStatus::PENDING;
            if ordinal <= rules.known {
                status = rules.ledger_state.status(key);
                was_owed |= is_owed(&status.state);
            }
            let was_skipped = matches!(status.state, State::Skipped(_));
            let reached = ordinal <= rules.coupons;
            let why = if let Some(away) = away {
                Some(away.skipped())
            } else if reached {
                refused.then_some(Skipped::EarlierRefused)
            } else {
                Some(Skipped::CouponsPerUser)
            };
            if let (true, None, Ok(returned)) = (was_skipped, why, status.next(rules.ledger_state.return_step())) {
                status = returned;
            }
            let step = rules.reading.step(&status).filter(|step| match step {
                Transition::Owe | Transition::OweUnderNewActivity => why.is_none(),
                // Skipped for this reason, a held delivery is skipped before it could be read again.
                Transition::RereadUnknown { .. } => why.is_none_or(|why| !why.takes_held()),
                // A user who said no is not sent to, not even to learn the outcome of the first attempt.
                Transition::RereadResend { .. } => reached && away != Some(Away::Excluded),
                // After a refused coupon, a held delivery is skipped before it could be read again.
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
            let name = state_after(&status.state, why);
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

    /// The change of an audience that many users have left: a truncated export looks like this.
    pub(super) fn shrunk(&self, ledger_state: &LedgerState) -> Option<Change> {
        let much = self.gone >= FEWEST_GONE && self.gone * 10 > self.owed;
        (much && ledger_state.generation().is_some()).then(|| Change {
            what: Accept::SmallerAudience,
            from: self.owed.to_string().into(),
            to: (self.owed - self.gone).to_string().into(),
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

/// The state of a delivery after the apply, if it is owed or skipped for `why`. A delivery that may have been issued keeps its
/// state.
fn state_after(state: &State, why: Option<Skipped>) -> StateName {
    match (state, why) {
        (State::Held { .. }, Some(why)) if why.takes_held() => StateName::Skipped,
        (State::Pending | State::Deferred { .. } | State::Skipped(_), Some(_)) => StateName::Skipped,
        _ => state.name(),
    }
}
