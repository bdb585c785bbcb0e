//! What happens next to a delivery, in words.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::catalogue::approval;
use crate::engine::delivery_forecast::{Next, Waits};
use crate::model::delivery::{Skipped, Transition};
use crate::report::times::clock_time;

/// Describes what happens next.
pub fn next_words(next: Next, now: Timestamp, zone: &TimeZone) -> String {
    let time = |at| clock_time(at, now, zone);
    match next {
        Next::Issued => "nothing: it is issued".to_owned(),
        Next::Refused => "nothing: it is refused; `runner resolve … --as owed` reopens it".to_owned(),
        Next::Skipped { why, held } => {
            let again = match (held, why) {
                (true, _) => "; it was held before, and is held again when that changes",
                (false, Skipped::Gone) => "; owed again when it does",
                (false, Skipped::Lapsed) => "; owed again when that changes",
                (false, _) => "",
            };
            format!("nothing: {}{again}", skipped(why))
        }
        Next::InFlight => {
            "its attempt ends; if no apply runs, the next one finds it in doubt and sends it again by the same id"
                .to_owned()
        }
        Next::Sent { at, until: None } if at <= now => "sent by the next apply".to_owned(),
        Next::Sent { at, until: None } => format!("sent by an apply from {} on", time(at)),
        Next::Sent { at, until: Some(until) } => {
            let from = if at <= now {
                String::new()
            } else {
                format!(" from {} on", time(at))
            };
            format!("sent again by an apply{from}, by the same id, until {}", time(until))
        }
        Next::Reread(step) => format!(
            "the next apply reads its code again by the campaign file: {}",
            reread(&step)
        ),
        Next::Doubted { resend } => {
            let then = match resend {
                Ok(until) => format!("sent again by the same id, until {}", time(until)),
                Err(why) => format!("waits for a person: {}", waits(why, now, zone)),
            };
            format!("the next apply reads its code again by the campaign file: in doubt, then {then}")
        }
        Next::Wave(Some(wave)) => format!("its turn comes with wave {wave}, when those before it have ended"),
        Next::Wave(None) => "its turn comes when all waves have ended".to_owned(),
        Next::Approval { done } => approval::NextApproval { done: done.into() }.to_string(),
        Next::Behind { ordinal, state } => format!("waits for coupon {ordinal}, which is {state}"),
        Next::Person(why) => format!("waits for a person: {}", waits(why, now, zone)),
    }
}

const fn skipped(why: Skipped) -> &'static str {
    match why {
        Skipped::Gone => "the audience no longer names the user",
        Skipped::CouponsPerUser => "coupons_per_user no longer reaches it",
        Skipped::EarlierRefused => "an earlier coupon of the user was refused",
        Skipped::Excluded => "a list of the excluded names the user",
        Skipped::ControlGroup => "the user is in the control group, which is never sent to",
        Skipped::Lapsed => "the user was last active longer ago than audience.active_within",
        Skipped::Limit => "audience.limit has no place for the user",
    }
}

fn waits(why: Waits, now: Timestamp, zone: &TimeZone) -> String {
    let resolve = "or `runner resolve` it";
    match why {
        Waits::Held { code } => format!("say what {code} means under `codes:` in the campaign file, {resolve}"),
        Waits::Answered { code } => {
            let code = code.map_or_else(String::new, |code| format!(", by {code}"));
            format!(
                "it may have been issued and was refused or held since{code}: ask the platform and `runner resolve` it"
            )
        }
        Waits::Old { since } => format!(
            "in doubt since {}, longer than retry.resend_within: ask the platform and `runner resolve` it",
            clock_time(since, now, zone)
        ),
        Waits::Undated => {
            "in doubt, and nobody knows for how long, because a run was made under a wrong clock (E0716): ask \
                           the platform and `runner resolve` it"
                .to_owned()
        }
        Waits::Ask => "`retry.in_doubt` is `ask`: ask the platform and `runner resolve` it".to_owned(),
        Waits::Excluded => "in doubt, and the user is excluded by now: `runner resolve` it".to_owned(),
        Waits::Beyond => "in doubt, and coupons_per_user no longer reaches it: `runner resolve` it".to_owned(),
        Waits::End { end } => {
            let tense = if end > now { "is" } else { "was" };
            let end = clock_time(end, now, zone);
            format!("schedule.end {tense} {end}, before it may be sent: put it later, or leave it unsent")
        }
    }
}

/// Describes what a code that is read again makes of its delivery.
pub const fn reread(step: &Transition) -> &'static str {
    match step {
        Transition::Owe => "owed again",
        Transition::OweUnderNewActivity => "owed again, under another activity",
        Transition::RereadRefused => "refused",
        Transition::RereadIssued => "issued",
        Transition::RereadUnknown { .. } => "in doubt",
        _ => "sent again",
    }
}
