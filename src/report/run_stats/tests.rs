//! Properties of the run statistics: sums equal those of the events, and the fullest second is exact.

use proptest::prelude::*;

use crate::model::delivery::StateName;
use crate::model::event::{Ending, EventKind, Phase, Waiting};

use crate::report::testing::{AttemptResult, BANNED, ISSUED, RunScript, TIMED_OUT, instant};

use super::send_stats::{SECOND, per_second};
use super::*;

/// The most starts in any half-open second, computed naively.
fn naive(times: &[i64]) -> u64 {
    let from = |start: i64| {
        times
            .iter()
            .filter(|time| (start..start + SECOND).contains(*time))
            .count()
    };
    times.iter().map(|start| from(*start)).max().unwrap_or(0) as u64
}

/// A script with starts at these microseconds, reported in this order.
fn starts(times: &[i64]) -> RunStats {
    let mut script = RunScript::new();
    for time in times {
        script.since = Duration::from_micros(time.unsigned_abs());
        script.start();
    }
    script.stats()
}

proptest! {
    #[test]
    fn the_harshest_second_is_found(
        gaps in proptest::collection::vec(prop_oneof![0_i64..30_000, 998_000..1_002_000_i64, Just(SECOND)], 0..120),
        late in proptest::collection::vec(any::<prop::sample::Index>(), 0..20),
    ) {
        let mut now = 0;
        let mut times: Vec<_> = gaps.into_iter().map(|gap| { now += gap; now }).collect();
        for index in late {
            let place = index.index(times.len().max(2) - 1);
            // No report is late by a second or more.
            if place + 1 < times.len() && times[place + 1] - times[place] < SECOND {
                times.swap(place, place + 1);
            }
        }
        let sends = starts(&times).sends;
        prop_assert_eq!(sends.second.most(), naive(&times));
        prop_assert_eq!(sends.attempts, times.len() as u64);
        let most = per_second(sends.second.most(), Duration::from_secs(1));
        prop_assert!(sends.reached().is_none_or(|rate| rate <= most));
    }

    /// Corrections of the wall clock do not change anything that is measured.
    #[test]
    fn a_corrected_clock_is_no_matter(steps in proptest::collection::vec(-100_000_000_i64..100_000_000, 1..9)) {
        let mut script = RunScript::new();
        script.begin();
        script.emit(EventKind::AudienceRead { rows: 0, of: None }).wait(1_000);
        script.admit(100).phase(Phase::Sending).send(100, 10, ISSUED).end(Ending::Incomplete);
        let mut stats = RunStats::default();
        let mut corrected = 0;
        for (nth, event) in script.events.iter().enumerate() {
            corrected += steps[nth % steps.len()];
            let at = crate::model::clock::from_ms(event.at.as_millisecond() + corrected);
            stats.fold(&Event { at, kind: event.kind.clone() }, instant(event.at));
        }
        let now = instant(script.now);
        prop_assert_eq!(stats.took(now), Duration::from_secs(2));
        prop_assert_eq!(stats.audience.read.map(|read| now - read.since), Some(Duration::from_secs(2)));
        let sends = &stats.sends;
        prop_assert_eq!(sends.second.most(), 100);
        prop_assert_eq!(sends.reached().map(f64::round), Some(100.0));
        prop_assert!((sends.rate(now) - 100.0).abs() < 2.0);
    }
}

#[test]
fn the_last_counts_are_the_ledgers() {
    let mut script = RunScript::new();
    script.begin().admit(3).send(2, 10, ISSUED).end(Ending::Incomplete);
    let stats = script.stats();
    assert_eq!(stats.counts, script.counts);
    assert_eq!(stats.ended.unwrap().miscounted, None);
    // The counts gain a delivery that was never admitted.
    let mut counts = script.counts;
    counts.add(StateName::Issued, 1);
    script.emit(EventKind::RunEnded {
        ending: Ending::Complete,
        counts,
    });
    let ended = script.stats().ended.unwrap();
    assert_eq!(ended.miscounted, Some(script.counts));
}

#[test]
fn codes_keep_the_first_message_and_log_id() {
    let mut script = RunScript::new();
    script
        .begin()
        .admit(9)
        .send(2, 10, ISSUED)
        .send(3, 10, BANNED)
        .send(1, 10, TIMED_OUT);
    let codes = script.stats().codes;
    let counts: Vec<_> = codes.values().map(|code| (code.count, code.message.as_str())).collect();
    assert_eq!(counts, [(1, "no answer within 10s"), (2, ""), (3, "用户已注销")]);
    let banned = &codes[&(Some(28_001_045), String::new())];
    assert_eq!(
        (banned.log_id.as_str(), banned.class),
        ("20260601120000000000", Some(Class::Refuse))
    );
}

#[test]
fn a_wait_is_no_part_of_the_rate() {
    let mut script = RunScript::new();
    script.begin().admit(1_000).phase(Phase::Sending).send(100, 10, ISSUED);
    script.phase(Phase::Waiting {
        why: Waiting::Outage { since: script.now },
        until: None,
    });
    script.wait(600_000).phase(Phase::Sending).send(100, 10, ISSUED);
    let sends = script.stats().sends;
    assert_eq!(sends.reached().map(f64::round), Some(100.0));
    assert_eq!(sends.second.most(), 100);
}

/// Short bursts with waits in between: no second has more than two starts.
#[test]
fn the_rate_that_was_reached_is_no_higher_than_the_harshest_second() {
    let mut script = RunScript::new();
    script.begin().admit(100).phase(Phase::Sending);
    for _ in 0..8 {
        script.start().wait(6).start();
        script.phase(Phase::Waiting {
            why: Waiting::Outage { since: script.now },
            until: None,
        });
        script.wait(5_000).phase(Phase::Sending);
    }
    let sends = script.stats().sends;
    assert_eq!((sends.second.most(), sends.reached().map(f64::round)), (2, Some(2.0)));
}

/// Twelve attempts within 19 s: sending was allowed while nothing was due.
#[test]
fn the_wait_for_a_retry_is_part_of_the_rate() {
    let mut script = RunScript::new();
    script.begin().admit(100).phase(Phase::Sending);
    for _ in 0..4 {
        script.start().wait(6).start().wait(6).start();
        script.phase(Phase::Waiting {
            why: Waiting::Due,
            until: None,
        });
        script.wait(5_000).phase(Phase::Sending);
    }
    let reached = script.stats().sends.reached().unwrap();
    assert!((0.6..0.8).contains(&reached), "{reached}");
}

#[test]
fn codes_without_end_are_counted_together() {
    let mut script = RunScript::new();
    script.begin().admit(2_000);
    let answered = |code| AttemptResult {
        code: Some(code),
        ..BANNED
    };
    for code in 0..1_000 {
        script.send(1, 10, answered(code));
    }
    script.send(1, 10, TIMED_OUT).send(2, 10, answered(7));
    let stats = script.stats();
    assert_eq!((stats.codes.len(), stats.other_codes), (MOST_CODES + 1, 800));
    assert_eq!(stats.codes[&(Some(7), String::new())].count, 3);
}
