//! The end of a story: nothing goes wrong any more, and everybody has what is owed, or there is a reason that can be named.

use runner::delivery::StateName;
use runner::engine::{Ended, Why};
use runner::event::Ending;

use crate::seen::Seen;
use crate::story::{Apply, Story};

use super::claims::{Claims, Delivery, Person, Wrong};

/// Judges the end.
pub fn judge(claims: &Claims, seen: &Seen, (story, apply): (&Story, &Apply), ended: &Ended) -> Result<(), Wrong> {
    for person in &claims.people {
        for (ordinal, delivery) in (1_u8..).zip(&person.deliveries) {
            if let Err(how) = reason(claims, (person, ordinal), (story, apply), ended) {
                let how = format!("u{} coupon {ordinal} is {}: {how}", person.user, delivery.state);
                return Err(("G7: in the end everybody has what is owed, or there is a reason", how));
            }
            let mut requests = seen.requests.iter().filter(|request| request.user == person.user);
            let id = requests.find(|request| request.key.ordinal == ordinal).map(|request| request.id);
            let coupons = seen.coupons.iter().filter(|coupon| Some(coupon.id) == id).count();
            let read_again = delivery.unknown > 0;
            let right = match delivery.state {
                StateName::Issued => coupons == 1 || read_again,
                StateName::Refused => coupons == 0,
                StateName::Pending | StateName::Deferred | StateName::Skipped => coupons == 0 || read_again,
                _ => coupons <= 1,
            };
            if !right {
                let how = format!("u{} coupon {ordinal} is {} with {coupons}", person.user, delivery.state);
                return Err(("G1: everybody owed has exactly one coupon", how));
            }
        }
    }
    Ok(())
}

/// Why a delivery may stand where it stands when nothing more goes on.
fn reason(
    claims: &Claims,
    (person, ordinal): (&Person, u8),
    (story, apply): (&Story, &Apply),
    ended: &Ended,
) -> Result<(), &'static str> {
    let delivery = &person.deliveries[usize::from(ordinal) - 1];
    let person_asked = ended.ending == Ending::NeedsPerson;
    // Whoever halted it, or its end, left everything where it was.
    if person_asked && ended.why != Why::NothingLeft {
        return Ok(());
    }
    let earlier = &person.deliveries[..usize::from(ordinal) - 1];
    match delivery.state {
        StateName::Issued | StateName::Refused | StateName::Skipped => Ok(()),
        _ if !person_asked => Err("and the campaign is complete"),
        StateName::Held => Ok(()),
        StateName::InDoubt if waits(claims, (person, ordinal), (story, apply), delivery) => Ok(()),
        StateName::Pending if earlier.iter().any(|delivery| delivery.state != StateName::Issued) => Ok(()),
        _ => Err("and nobody sends it"),
    }
}

/// Whether a doubt waits for a person.
fn waits(
    claims: &Claims,
    (person, ordinal): (&Person, u8),
    (story, apply): (&Story, &Apply),
    delivery: &Delivery,
) -> bool {
    let age = u64::try_from(claims.newest - delivery.since).unwrap_or_default();
    let excluded = apply.excluded.contains(&person.user);
    // What the machine waits for anew with every attempt may grow old by that alone.
    let old = age + story.rules.timeout + story.rules.delays.1 >= story.rules.resend_within;
    delivery.stuck || story.rules.ask || excluded || ordinal > apply.said.coupons || old
}
