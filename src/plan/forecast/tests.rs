//! Forecasts of runs and of the obstacles in their way.

use std::path::Path;

use proptest::prelude::*;

use super::*;
use crate::campaign::parse;
use crate::model::clock::from_ms;
use crate::model::clock::until;
use crate::plan::{RunOptions, build};

const NOW: i64 = 1_780_272_000_000;

fn plan(more: &str) -> Plan {
    let text = format!(
        "version: 1\ncampaign: summer\napp_id: tt1\nactivity_id: 71\n\
         audience: {{source: {{csv: {{path: a.csv, open_id: id}}}}}}\n{more}"
    );
    let parsed = parse(Path::new("c.yaml"), text.as_bytes()).unwrap_or_else(|found| panic!("{found:?}"));
    build(&parsed.campaign, RunOptions::default()).expect("it can be planned")
}

fn said(plan: &Plan, to_send: u64) -> Forecast {
    let load = Load {
        to_send,
        first_due: Timestamp::MIN,
        last_due: Timestamp::MIN,
        begun_today: 0,
        waves: Vec::new(),
        expired_waves: Vec::new(),
    };
    forecast(plan, &load, from_ms(NOW))
}

/// Seconds from the present to the last answer.
fn ends_in(plan: &Plan, to_send: u64) -> f64 {
    let ends = said(plan, to_send).ends_at.expect("it ends");
    until(from_ms(NOW), ends).unwrap_or_default().as_secs_f64()
}

#[test]
fn the_end_is_the_pace_and_a_second_and_a_slow_start() {
    for (more, to_send, seconds) in [
        ("", 1, 1.07),
        ("", 600, 7.34),
        ("", 100_000, 1_021.6),
        ("pace: {per_second: 0.5}", 100, 200.07),
        ("pace: {max_in_flight: 1}", 100, 8.0),
    ] {
        let ends = ends_in(&plan(more), to_send);
        assert!((ends - seconds).abs() < 0.2, "{more} {to_send}: {ends}");
    }
}

#[test]
fn a_start_that_is_ahead_is_waited_for() {
    let mut plan = plan("");
    plan.schedule.start = from_ms(NOW + 3_600_000);
    let forecast = said(&plan, 10);
    assert_eq!(forecast.starts_at, Some(from_ms(NOW + 3_601_000)));
    assert_eq!((forecast.obstacle, forecast.in_time), (None, 10));
}

#[test]
fn nothing_to_send_needs_no_time() {
    let mut plan = plan("");
    plan.schedule.end = from_ms(NOW - 1);
    let none = Forecast {
        starts_at: None,
        ends_at: None,
        in_time: 0,
        obstacle: None,
        waves: Vec::new(),
    };
    assert_eq!(said(&plan, 0), none);
}

#[test]
fn an_end_that_is_past_is_named() {
    let mut plan = plan("");
    plan.schedule.end = from_ms(NOW);
    let forecast = said(&plan, 5);
    assert_eq!(forecast.obstacle, Some(Obstacle::EndPast { end: from_ms(NOW) }));
    assert_eq!(forecast.in_time, 0);
}

#[test]
fn a_time_that_is_too_short_names_the_pace_that_would_do() {
    let mut plan = plan("");
    plan.schedule.end = from_ms(NOW + 601_000);
    let forecast = said(&plan, 100_000);
    let Some(Obstacle::TooShort { takes, has, pace, .. }) = forecast.obstacle else {
        panic!("{forecast:?}");
    };
    assert_eq!((takes.as_secs(), has.as_secs(), pace), (1_021, 601, Some(167)));
    assert!((58_700..58_800).contains(&forecast.in_time), "{}", forecast.in_time);
}

#[test]
fn a_resend_that_is_due_late_is_waited_for_and_can_come_too_late() {
    let mut plan = plan("");
    let load = Load {
        to_send: 2,
        first_due: Timestamp::MIN,
        last_due: from_ms(NOW + 10_000),
        begun_today: 0,
        waves: Vec::new(),
        expired_waves: Vec::new(),
    };
    let ends = forecast(&plan, &load, from_ms(NOW)).ends_at;
    assert_eq!(ends, Some(later(from_ms(NOW + 10_000), ANSWER)));
    plan.schedule.end = from_ms(NOW + 5_000);
    let forecast = forecast(&plan, &load, from_ms(NOW));
    assert!(matches!(forecast.obstacle, Some(Obstacle::TooShort { .. })));
    assert_eq!(forecast.in_time, 1);
}

#[test]
fn where_nothing_is_due_yet_the_turn_is_taken_when_something_is() {
    let load = Load {
        to_send: 1,
        first_due: from_ms(NOW + 10_000),
        last_due: from_ms(NOW + 10_000),
        begun_today: 0,
        waves: Vec::new(),
        expired_waves: Vec::new(),
    };
    let forecast = forecast(&plan(""), &load, from_ms(NOW));
    assert_eq!(forecast.starts_at, Some(from_ms(NOW + 11_000)));
    assert_eq!(forecast.ends_at, Some(later(from_ms(NOW + 11_000), ANSWER)));
}

#[test]
fn a_pace_that_no_calendar_can_hold_is_no_panic() {
    let forecast = said(&plan("pace: {per_second: 0.001}"), u64::MAX);
    assert_eq!((forecast.ends_at, forecast.obstacle), (None, None));
    let mut short = plan("pace: {per_second: 0.001}");
    short.schedule.end = from_ms(NOW + 1);
    assert!(said(&short, u64::MAX).obstacle.is_some());
}

proptest! {
    #[test]
    fn a_forecast_is_of_a_piece(
        per_second in prop_oneof![1_u32..1_000, Just(98)], most in 1_u16..1_024, to_send in 1_u64..1_000_000,
        end in 0_i64..4_000_000, at_most in prop_oneof![Just(u64::MAX), 1_u64..1_000],
    ) {
        let mut plan = plan("");
        (plan.pace.per_second, plan.pace.max_in_flight) = (f64::from(per_second) / 10.0, most);
        plan.run.at_most = at_most;
        let free = said(&plan, to_send);
        prop_assert_eq!((free.in_time, free.obstacle), (to_send.min(at_most), None));
        plan.schedule.end = from_ms(NOW + end);
        let bounded = said(&plan, to_send);
        prop_assert_eq!(bounded.ends_at, free.ends_at);
        prop_assert_eq!(bounded.obstacle.is_some(), bounded.in_time < to_send.min(at_most));
        // As many deliveries as the forecast calls in time, and no more, fit before the end.
        if bounded.in_time > 0 {
            let done = said(&plan, bounded.in_time);
            prop_assert!(done.obstacle.is_none() || done.in_time + 1 >= bounded.in_time, "{:?} {:?}", bounded, done);
        }
    }
}

#[test]
fn a_limit_by_the_day_spreads_the_rest_over_the_days_that_follow() {
    // It is 08:00 in Shanghai.
    let plan = plan("pace: {per_day: 1000}");
    let load = Load {
        to_send: 2_500,
        first_due: Timestamp::MIN,
        last_due: Timestamp::MIN,
        begun_today: 400,
        waves: Vec::new(),
        expired_waves: Vec::new(),
    };
    let ends = forecast(&plan, &load, from_ms(NOW)).ends_at.expect("it ends");
    let midnight = from_ms(NOW + 40 * 3_600_000);
    let behind = until(midnight, ends)
        .expect("600, 1,000 and 900 on the third day")
        .as_secs_f64();
    assert!((behind - 10.2).abs() < 0.5, "{behind} s after midnight");
}

#[test]
fn days_that_are_too_few_are_named_with_what_they_have() {
    let mut plan = plan("pace: {per_day: 1000}");
    plan.schedule.end = from_ms(NOW + 17 * 3_600_000);
    let forecast = said(&plan, 2_500);
    let end = plan.schedule.end;
    assert_eq!(
        (forecast.obstacle, forecast.in_time),
        (
            Some(Obstacle::TooFewDays {
                end,
                per_day: 1_000,
                have: 2_000
            }),
            2_000
        )
    );
}

proptest! {
    #[test]
    fn a_limit_that_no_day_reaches_changes_nothing(to_send in 1_u64..2_000_000, hours in 0_i64..400) {
        let mut free = plan("schedule: {hours: [\"mon-fri 10:00-21:00\", \"sat 22:00-03:00\"]}");
        free.schedule.end = from_ms(NOW + hours * 3_600_000);
        let limited = Plan { pace: crate::plan::Pace { per_day: u64::MAX - 1, ..free.pace }, ..free.clone() };
        let free = said(&free, to_send);
        let limited = said(&limited, to_send);
        prop_assert_eq!(free.starts_at, limited.starts_at);
        prop_assert!(free.in_time.abs_diff(limited.in_time) <= 1);
        let apart = free.ends_at.zip(limited.ends_at).map(|(a, b)| a.duration_until(b).abs());
        prop_assert!(apart.is_none_or(|apart| apart < jiff::SignedDuration::from_millis(5)), "{apart:?}");
    }
}
