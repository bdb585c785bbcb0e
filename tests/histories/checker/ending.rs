//! The end of a history: after applies without faults, each user has what is owed, or there is a reason.

use runner::engine::{RunOutcome, StopReason};
use runner::model::delivery::StateName;
use runner::model::event::Ending;

use crate::env::Violation;
use crate::trace::Trace;

use super::CampaignApply;
use super::reference_state::{Delivery, Recipient, ReferenceState};

/// The end of a campaign.
pub struct FinalCheck<'e> {
    pub reference: &'e ReferenceState,
    /// The campaign in the last apply.
    pub context: CampaignApply<'e>,
    pub ended: &'e RunOutcome,
    /// The time from which ages of doubts are measured, in milliseconds.
    pub now: i64,
}

impl FinalCheck<'_> {
    pub fn check(&self, trace: &Trace) -> Result<(), Violation> {
        for person in &self.reference.recipients {
            for (ordinal, delivery) in (1_u8..).zip(&person.deliveries) {
                if let Err(details) = self.reason(person, ordinal, delivery) {
                    let details = format!("u{} coupon {ordinal} is {}: {details}", person.user, delivery.state);
                    return Err(Violation::new(
                        "G7: in the end everybody has what is owed, or there is a reason",
                        details,
                    ));
                }
                let mut requests = trace.requests.iter();
                let id = requests
                    .find(|request| {
                        self.context.made(request) && request.user == person.user && request.key.ordinal == ordinal
                    })
                    .map(|request| request.id);
                let coupons = trace.coupons.iter().filter(|coupon| Some(coupon.id) == id).count();
                // A person has accepted this many coupons in addition to the one that is owed.
                let risks = delivery.risks as usize;
                let may_have = delivery.unknown > 0 || delivery.held_before;
                let right = match delivery.state {
                    StateName::Issued => coupons >= usize::from(!delivery.believed),
                    StateName::Refused if delivery.is_called_refused => true,
                    StateName::Pending | StateName::Deferred | StateName::Skipped if may_have => true,
                    StateName::Pending | StateName::Deferred | StateName::Skipped | StateName::Refused => {
                        coupons <= risks
                    }
                    _ => true,
                } && coupons <= 1 + risks;
                // Nobody can know what a ledger has lost.
                let lost = trace.has_lost(self.context.campaign.number, person.user, ordinal);
                let right = right || (lost && (delivery.state != StateName::Issued || coupons > 0));
                if !right {
                    let details = format!("u{} coupon {ordinal} is {} with {coupons}", person.user, delivery.state);
                    return Err(Violation::new("G1: everybody owed has exactly one coupon", details));
                }
            }
        }
        Ok(())
    }

    /// Why a delivery may remain unsettled. An error if there is no reason.
    fn reason(&self, person: &Recipient, ordinal: u8, delivery: &Delivery) -> Result<(), &'static str> {
        let person_asked = self.ended.ending == Ending::NeedsPerson;
        // A halt or the end of the schedule leaves everything as it was.
        if person_asked && self.ended.why != StopReason::NothingLeft {
            return Ok(());
        }
        let earlier = &person.deliveries[..usize::from(ordinal) - 1];
        match delivery.state {
            StateName::Issued | StateName::Refused | StateName::Skipped => Ok(()),
            _ if !person_asked => Err("and the campaign is complete"),
            StateName::Held => Ok(()),
            StateName::InDoubt if self.waits(person, ordinal, delivery) => Ok(()),
            StateName::Pending if earlier.iter().any(|delivery| delivery.state != StateName::Issued) => Ok(()),
            _ => Err("and nobody sends it"),
        }
    }

    /// Whether a doubt waits for a person.
    pub fn waits(&self, person: &Recipient, ordinal: u8, delivery: &Delivery) -> bool {
        let CampaignApply { rules, campaign, .. } = self.context;
        let age = u64::try_from(self.now - delivery.since).unwrap_or_default();
        let excluded = campaign.excluded.contains(&person.user);
        // The wait before a resend, ten minutes if the platform asks for it, may alone make the doubt too old.
        let old = age + 600_000 + rules.timeout + rules.max_delay >= rules.resend_within;
        delivery.stuck || rules.asks_person || excluded || ordinal > campaign.settings.coupons_per_user || old
    }
}
