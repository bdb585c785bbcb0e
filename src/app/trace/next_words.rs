//! What happens next to a delivery, in words.

use std::fmt::Display;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::catalogue::approval;
use crate::catalogue::trace as texts;
use crate::engine::delivery_forecast::{Next, Waits};
use crate::model::delivery::{Skipped, Transition};
use crate::report::times::clock_time;

/// Describes what happens next.
#[must_use]
pub fn next_words(next: Next, now: Timestamp, zone: &TimeZone) -> String {
    let time = |at| clock_time(at, now, zone);
    match next {
        Next::Issued => texts::NextIssued.to_string(),
        Next::Refused => texts::NextRefused.to_string(),
        Next::Skipped { why, held } => not_owed(why, held),
        Next::InFlight => texts::NextInFlight.to_string(),
        Next::Sent { at, until: None } if at <= now => texts::NextSent.to_string(),
        Next::Sent { at, until: None } => texts::NextSentFrom { at: &time(at) }.to_string(),
        Next::Sent { at, until: Some(until) } if at <= now => texts::NextResent { until: &time(until) }.to_string(),
        Next::Sent { at, until: Some(until) } => texts::NextResentFrom {
            at: &time(at),
            until: &time(until),
        }
        .to_string(),
        Next::Reread(step) => texts::NextReread { result: &reread(&step) }.to_string(),
        Next::Doubted { resend: Ok(until) } => texts::NextDoubted { until: &time(until) }.to_string(),
        Next::Doubted { resend: Err(why) } => texts::NextDoubtedWaits {
            why: &waits(why, now, zone),
        }
        .to_string(),
        Next::Wave(Some(wave)) => texts::NextWave { wave: &wave }.to_string(),
        Next::Wave(None) => texts::NextLastWave.to_string(),
        Next::Behind { ordinal, state } => texts::NextWaitsForCoupon {
            ordinal: &ordinal,
            state: &state,
        }
        .to_string(),
        Next::Person(why) => texts::NextPerson {
            why: &waits(why, now, zone),
        }
        .to_string(),
        Next::Approval { done } => approval::NextApproval { done: done.into() }.to_string(),
    }
}

fn not_owed(why: Skipped, held: bool) -> String {
    let reason: &dyn Display = match why {
        Skipped::Gone => &texts::SkippedGone,
        Skipped::CouponsPerUser => &texts::SkippedCouponsPerUser,
        Skipped::EarlierRefused => &texts::SkippedEarlierRefused,
        Skipped::Excluded => &texts::SkippedExcluded,
        Skipped::ControlGroup => &texts::SkippedControlGroup,
        Skipped::Lapsed => &texts::SkippedLapsed,
        Skipped::Limit => &texts::SkippedLimit,
    };
    match (held, why) {
        (true, _) => texts::NextSkippedHeld { why: reason }.to_string(),
        (false, Skipped::Gone) => texts::NextSkippedGone { why: reason }.to_string(),
        (false, Skipped::Lapsed) => texts::NextSkippedLapsed { why: reason }.to_string(),
        (false, _) => texts::NextSkipped { why: reason }.to_string(),
    }
}

fn waits(why: Waits, now: Timestamp, zone: &TimeZone) -> String {
    match why {
        Waits::Held { code } => texts::WaitsHeld { code: &code }.to_string(),
        Waits::Answered { code: None } => texts::WaitsAnswered.to_string(),
        Waits::Answered { code: Some(code) } => texts::WaitsAnsweredCode { code: &code }.to_string(),
        Waits::Old { since } => texts::WaitsOld {
            since: &clock_time(since, now, zone),
        }
        .to_string(),
        Waits::Undated => texts::WaitsUndated.to_string(),
        Waits::Ask => texts::WaitsAsk.to_string(),
        Waits::Excluded => texts::WaitsExcluded.to_string(),
        Waits::Beyond => texts::WaitsBeyond.to_string(),
        Waits::End { end } if end > now => texts::WaitsEnd {
            end: &clock_time(end, now, zone),
        }
        .to_string(),
        Waits::End { end } => texts::WaitsEndPast {
            end: &clock_time(end, now, zone),
        }
        .to_string(),
    }
}

/// Describes what a code that is read again makes of its delivery.
pub fn reread(step: &Transition) -> String {
    let step = match step {
        Transition::Owe => "owed",
        Transition::OweUnderNewActivity => "new_activity",
        Transition::RereadRefused => "refused",
        Transition::RereadIssued => "issued",
        Transition::RereadUnknown { .. } => "in_doubt",
        _ => "resend",
    };
    texts::Reread { step: &step }.to_string()
}
