//! A plan's fingerprint: the same for two plans exactly when they mean the same for the same audience.

use sha2::{Digest, Sha256};

use crate::identity::PlatformName;

use super::{Guard, InDoubt, Lapse, Order, Plan};

/// What the hash begins with, so that no other hash of ours can be equal.
const DOMAIN: &str = "runner/plan/v1";

/// Sixteen hexadecimal digits over everything that the plan means and the hash of the audience it was made with. What
/// one run was told (its bounds) is no part of it, so that a run which goes on with an agreed plan is recognised.
#[must_use]
pub fn fingerprint(plan: &Plan, audience: &[u8; 32]) -> String {
    let mut meaning = Meaning::default();
    meaning.text(DOMAIN);
    meaning.text(plan.identity.campaign.as_str());
    meaning.text(plan.identity.app_id.as_str());
    match &plan.identity.platform {
        PlatformName::Sandbox => meaning.text("sandbox"),
        PlatformName::Live(_) => {
            meaning.text("live");
            meaning.text(&plan.base_url);
        }
    }
    meaning.text(plan.activity_id.as_str());
    meaning.number(plan.coupons_per_user.into());
    meaning.number(plan.max_coupons);
    meaning.number(plan.audience.limit);
    meaning.number(plan.audience.allow_empty.into());
    meaning.real(plan.audience.max_unusable);
    meaning.bytes(&plan.schedule.start.as_millisecond().to_be_bytes());
    meaning.bytes(&plan.schedule.end.as_millisecond().to_be_bytes());
    meaning.real(plan.pace.per_second);
    meaning.number(plan.pace.max_in_flight.into());
    meaning.behaviour(plan);
    meaning.number(plan.codes.len() as u64);
    for (code, class) in &plan.codes {
        meaning.bytes(&code.to_be_bytes());
        meaning.text(class.word());
    }
    meaning.bytes(audience);
    meaning.selection(plan);
    let hash = meaning.0.finalize();
    let first = hash
        .iter()
        .take(8)
        .fold(0, |first: u64, byte| (first << 8) | u64::from(*byte));
    format!("{first:016x}")
}

/// Fields, each behind its length: no two lists of fields are the same bytes.
#[derive(Default)]
struct Meaning(Sha256);

impl Meaning {
    fn bytes(&mut self, bytes: &[u8]) {
        self.0.update((bytes.len() as u64).to_be_bytes());
        self.0.update(bytes);
    }

    fn text(&mut self, text: &str) {
        self.bytes(text.as_bytes());
    }

    fn number(&mut self, number: u64) {
        self.bytes(&number.to_be_bytes());
    }

    fn real(&mut self, number: f64) {
        self.bytes(&number.to_bits().to_be_bytes());
    }

    /// Keys that a file need not have and that came later: each by its name, and only where it says something, so that the
    /// plans of files without them are known as before.
    fn selection(&mut self, plan: &Plan) {
        if plan.audience.order == Order::ExpiringFirst {
            self.text("expiring_first");
        }
        if plan.audience.control_group > 0.0 {
            self.text("control_group");
            self.real(plan.audience.control_group);
        }
        if let Lapse::After(within) = plan.audience.lapse {
            self.text("active_within");
            self.bytes(&within.as_nanos().to_be_bytes());
        }
    }

    fn behaviour(&mut self, plan: &Plan) {
        let retry = &plan.retry;
        self.number(retry.attempts.into());
        for duration in [
            retry.first_delay,
            retry.max_delay,
            retry.timeout,
            retry.resend_within,
            retry.give_up,
        ] {
            self.bytes(&duration.as_nanos().to_be_bytes());
        }
        self.text(match retry.in_doubt {
            InDoubt::Resend => "resend",
            InDoubt::Ask => "ask",
        });
        for Guard { over, after } in [plan.halt.refused, plan.halt.held] {
            self.real(over);
            self.number(after.into());
        }
        self.number(plan.halt.same_code.into());
    }
}
