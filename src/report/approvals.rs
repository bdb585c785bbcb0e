//! Approvals in words: who gave one, and what of a plan waits for one.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::catalogue::approval;
use crate::model::actor::Actor;
use crate::model::clock::until;
use crate::plan::forecast::{Forecast, WaveTurns};

use super::text::visible;
use super::times::{ahead, clock_time, duration};

/// A person, and from where.
#[must_use]
pub fn actor(by: &Actor) -> String {
    let user = &visible(&by.user);
    let host = &visible(&by.host);
    if by.name == by.user {
        approval::Actor { user, host }.to_string()
    } else {
        let name = &visible(&by.name);
        approval::NamedActor { name, user, host }.to_string()
    }
}

/// The wave whose approval everything that would be sent waits for; `None` if something is sent before an approval.
fn awaited(forecast: &Forecast) -> Option<u32> {
    forecast.waves.first()?.approval
}

/// The waves whose approval is needed before everything is sent, by number; 0 for the testers.
#[must_use]
pub fn needed(forecast: &Forecast) -> Vec<u32> {
    let mut needed: Vec<_> = forecast.waves.iter().filter_map(|turns| turns.approval).collect();
    needed.dedup();
    needed
}

/// The testers of a plan, or a wave and what it waits for instead of a time; `None` for a wave that begins at a time.
#[must_use]
pub fn planned_wave(turns: &WaveTurns, now: Timestamp, zone: &TimeZone) -> Option<String> {
    let coupons = turns.to_send;
    if let (Some(0), Some(begins)) = (turns.wave, turns.begins) {
        let time = &clock_time(whole_second(begins), now, zone);
        return Some(approval::PlanTesters { coupons, time }.to_string());
    }
    let done = turns.approval?.into();
    Some(match turns.wave {
        Some(wave) => {
            let wave = &wave;
            approval::PlanWaveNeeds { wave, coupons, done }.to_string()
        }
        None => approval::PlanRestNeeds { coupons, done }.to_string(),
    })
}

/// When a plan that needs approvals is sent; `None` for any other plan.
#[must_use]
pub fn planned_sending(forecast: &Forecast, now: Timestamp, zone: &TimeZone) -> Option<String> {
    if let Some(done) = awaited(forecast) {
        return Some(approval::PlanSendingWaits { done: done.into() }.to_string());
    }
    if needed(forecast).is_empty() {
        return None;
    }
    let starts = forecast.starts_at?;
    let time = |at, day| clock_time(whole_second(at), day, zone);
    let from = &time(starts, now);
    let ahead = &ahead(starts, now);
    Some(match forecast.ends_at {
        None => approval::PlanSendingEndless { from, ahead }.to_string(),
        Some(ends) => approval::PlanSendingOpen {
            from,
            ahead,
            end: &time(ends, starts),
            takes: &duration(until(starts, ends).unwrap_or_default()),
        }
        .to_string(),
    })
}

fn whole_second(at: Timestamp) -> Timestamp {
    Timestamp::from_second(at.as_second()).unwrap_or(at)
}
