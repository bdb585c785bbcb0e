//! What the tally promises: sums that are the events', and the harshest second exactly.

use proptest::prelude::*;

use crate::delivery::StateName;
use crate::event::{Ending, EventKind, Phase, Waiting};

use super::super::testing::{BANNED, ISSUED, Story, TIMED_OUT};
use super::*;

/// The most starts in any half-open second, by looking from each start.
fn naive(times: &[i64]) -> u64 {
    let from = |start: i64| {
        times
            .iter()
            .filter(|time| (start..start + 1_000).contains(*time))
            .count()
    };
    times.iter().map(|start| from(*start)).max().unwrap_or(0) as u64
}

proptest! {
    #[test]
    fn the_harshest_second_is_found(gaps in proptest::collection::vec(prop_oneof![0_i64..30, 900..1_100_i64], 0..120)) {
        let mut story = Story::new();
        let mut times = vec![];
        let mut now = 0;
        for gap in gaps {
            story.wait(gap).tell(EventKind::AttemptBegan);
            now += gap;
            times.push(now);
        }
        let tally = story.tally();
        prop_assert_eq!(tally.sends.second.most(), naive(&times));
        prop_assert_eq!(tally.sends.attempts, times.len() as u64);
    }

    /// A clock that is set back neither hides starts nor makes a second harsher than the starts since then are.
    #[test]
    fn a_corrected_clock_does_not_lose_a_start(back in 0_i64..10_000_000, gap in 10_i64..50) {
        let mut story = Story::new();
        for _ in 0..50 {
            story.wait(gap).tell(EventKind::AttemptBegan);
        }
        story.wait(-back);
        for _ in 0..50 {
            story.wait(gap).tell(EventKind::AttemptBegan);
        }
        let even = 1_000_u64.div_ceil(u64::try_from(gap).unwrap());
        let most = story.tally().sends.second.most();
        prop_assert!((even.min(50)..=even.min(100) + 1).contains(&most), "{} of {}", most, even);
    }

    #[test]
    fn counts_follow_the_moves(moves in proptest::collection::vec((0_usize..8, 0_usize..8), 0..200)) {
        let mut story = Story::new();
        story.begin().admit(20);
        let mut model = [0_u64; 8];
        model[StateName::Pending as usize] = 20;
        for (from, to) in moves {
            if model[from] > 0 {
                model[from] -= 1;
                model[to] += 1;
                story.tell(EventKind::Moved { from: StateName::ALL[from], to: StateName::ALL[to] });
            }
        }
        let counts = story.tally().counts;
        prop_assert_eq!(StateName::ALL.map(|state| counts.of(state)), model);
        prop_assert_eq!(counts.audience(), 20);
        prop_assert_eq!(story.end(Ending::Incomplete).tally().ended.unwrap().miscounted, None);
    }
}

#[test]
fn a_difference_to_the_ledger_is_told_and_the_ledger_is_right() {
    let mut story = Story::new();
    story.begin().tell(EventKind::Moved {
        from: StateName::Issued,
        to: StateName::Pending,
    });
    story.admit(3);
    let mut counts = Counts::default();
    counts.add(StateName::Issued, 3);
    story.tell(EventKind::RunEnded {
        ending: Ending::Complete,
        counts,
    });
    let tally = story.tally();
    assert_eq!(tally.counts, counts);
    assert_eq!(tally.ended.unwrap().miscounted.unwrap().of(StateName::Pending), 3);
}

#[test]
fn codes_keep_the_first_message_and_log_id() {
    let mut story = Story::new();
    story
        .begin()
        .admit(9)
        .send(2, 10, ISSUED)
        .send(3, 10, BANNED)
        .send(1, 10, TIMED_OUT);
    let codes = story.tally().codes;
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
    let mut story = Story::new();
    story.begin().admit(1_000).phase(Phase::Sending).send(100, 10, ISSUED);
    story.phase(Phase::Waiting {
        why: Waiting::Outage { since: story.now },
        until: None,
    });
    story.wait(600_000).phase(Phase::Sending).send(100, 10, ISSUED);
    let sends = story.tally().sends;
    assert_eq!(sends.reached().map(f64::round), Some(100.0));
    assert_eq!(sends.second.most(), 100);
}
