//! The limits of an outbox, and what becomes of each notice.

use std::collections::{HashMap, HashSet};

use jiff::Timestamp;
use proptest::prelude::*;

use super::*;
use crate::campaign::{ChannelKind, Topic};
use crate::catalogue::Language;
use crate::model::clock::Clock;
use crate::model::secret::Secret;
use crate::notify::block::Word;
use crate::notify::notice::Slot;
use crate::notify::verdict::FaultKind;

const SLOTS: [Slot; 7] = [
    Slot::Halted,
    Slot::Ended,
    Slot::Approval,
    Slot::Waiting,
    Slot::Outage,
    Slot::Stalled,
    Slot::Wave,
];

fn channel() -> Arc<Channel> {
    Arc::new(Channel {
        kind: ChannelKind::Dingtalk,
        label: "dingtalk env:HOOK".to_owned(),
        url: Secret::new("https://example.com/hook"),
        secret: None,
        keyword: None,
        on: Topic::USUAL.to_vec(),
        language: Language::Chinese,
    })
}

fn queued(id: usize, campaign: usize, slot: Slot) -> Queued {
    Queued {
        channel: channel(),
        run: Some(campaign),
        block: Block {
            id: id.to_string(),
            campaign: campaign.to_string(),
            slot: Word::from(slot),
            at: Timestamp::UNIX_EPOCH,
            title: "标题".repeat(30),
            lines: vec!["一行".repeat(100); 5],
            command: "runner status c.yaml".to_owned(),
            object: serde_json::Value::Null,
        },
        tries: 0,
    }
}

fn fault() -> Fault {
    Fault {
        kind: FaultKind::Code,
        code: Some(1),
        message: String::new(),
    }
}

/// What happens to an outbox.
#[derive(Clone, Debug)]
enum Step {
    Push { campaign: usize, slot: usize },
    Pass { milliseconds: u64 },
    Answer { verdict: usize },
    End,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (0..3_usize, 0..SLOTS.len()).prop_map(|(campaign, slot)| Step::Push { campaign, slot }),
        6 => prop_oneof![0..4_000_u64, 0..120_000_u64, 0..2_400_000_u64]
            .prop_map(|milliseconds| Step::Pass { milliseconds }),
        4 => (0..6_usize).prop_map(|verdict| Step::Answer { verdict }),
        1 => Just(Step::End),
    ];
    proptest::collection::vec(step, 1..200)
}

fn moment(start: Moment, passed: Duration) -> Moment {
    Moment {
        wall: start.wall + passed,
        instant: start.instant + passed,
        age: start.age,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    /// Over any sequence of events and answers, the limits of a bot are kept, each halt and each end is sent, waits or has been
    /// replaced by a newer one of its campaign, and none is sent again after a success.
    #[test]
    fn limits_are_kept_and_no_end_is_lost_or_sent_twice(steps in steps(), offset in 0..1_800_u64) {
        let clock = Clock::simulated(Timestamp::UNIX_EPOCH + Duration::from_secs(offset));
        let start = clock.moment();
        let mut passed = Duration::ZERO;
        let mut outbox = Outbox::new("https://example.com/hook");
        let mut is_ending = false;
        let mut starts: Vec<Instant> = Vec::new();
        let mut open: HashMap<String, (usize, Slot)> = HashMap::new();
        let mut sent: HashSet<String> = HashSet::new();
        let mut id = 0;
        for step in steps {
            let now = moment(start, passed);
            match step {
                Step::Push { campaign, slot } => {
                    id += 1;
                    let new = queued(id, campaign, SLOTS[slot]);
                    open.insert(new.block.id.clone(), (campaign, SLOTS[slot]));
                    for old in outbox.push(new) {
                        let (of, was) = open.remove(&old.block.id).unwrap();
                        prop_assert_eq!(of, campaign);
                        prop_assert!(was == SLOTS[slot] || (SLOTS[slot].is_kept() && !was.is_kept()));
                    }
                }
                Step::Pass { milliseconds } => passed += Duration::from_millis(milliseconds),
                Step::End => is_ending = true,
                Step::Answer { verdict } => {
                    let verdict = match verdict {
                        0 | 1 => Verdict::Sent,
                        2 => Verdict::Throttled(Duration::from_mins(1)),
                        3 => Verdict::Unknown(fault()),
                        4 => Verdict::Unfit(fault()),
                        _ => Verdict::Dead(fault()),
                    };
                    if outbox.in_flight.is_empty() {
                        continue;
                    }
                    let settled = outbox.answered(verdict, now.instant);
                    for done in settled.sent {
                        prop_assert!(open.remove(&done.block.id).is_some());
                        prop_assert!(sent.insert(done.block.id));
                    }
                    for lost in settled.dropped {
                        let (campaign, slot) = open.remove(&lost.block.id).unwrap();
                        let has_newer = open.values().any(|known| *known == (campaign, slot));
                        prop_assert!(!slot.is_kept() || has_newer, "{:?} is lost", slot);
                    }
                }
            }
            let now = moment(start, passed);
            match outbox.next(now, is_ending) {
                Next::Send { blocks, .. } => {
                    prop_assert!(!blocks.is_empty());
                    for block in &blocks {
                        prop_assert!(open.contains_key(&block.id), "sent again, or never asked for");
                    }
                    let first_waits = outbox.waiting.iter().map(|queued| queued.block.slot).min();
                    prop_assert!(first_waits.is_none_or(|waits| waits >= blocks[0].slot));
                    if let Some(last) = starts.last() {
                        prop_assert!(now.instant - *last >= GAP);
                    }
                    starts.push(now.instant);
                    let in_minute = starts.iter().filter(|at| now.instant - **at < MINUTE).count();
                    prop_assert!(in_minute <= MOST_A_MINUTE);
                    let second = now.wall.as_second().rem_euclid(1_800);
                    prop_assert!(is_ending || second >= 7, "{second} s after a half hour");
                }
                Next::At(at) => prop_assert!(at > now.instant),
                Next::Nothing => {}
            }
            // Whatever is neither sent nor replaced is still in the outbox.
            let held: HashSet<_> = outbox.waiting.iter().chain(&outbox.in_flight).map(|q| q.block.id.clone()).collect();
            prop_assert_eq!(held, open.keys().cloned().collect::<HashSet<_>>());
        }
    }
}

#[test]
fn halts_go_first_and_what_waits_is_one_message() {
    let mut outbox = Outbox::new("https://example.com/hook");
    let start = Clock::simulated(Timestamp::UNIX_EPOCH + Duration::from_mins(10)).moment();
    for (id, (campaign, slot)) in [(0, Slot::Wave), (1, Slot::Outage), (2, Slot::Ended), (3, Slot::Halted)]
        .into_iter()
        .enumerate()
    {
        assert!(outbox.push(queued(id, campaign, slot)).is_empty());
    }
    let Next::Send { blocks, .. } = outbox.next(start, false) else {
        panic!("it waits")
    };
    let slots: Vec<_> = blocks.iter().map(|block| block.slot).collect();
    assert_eq!(slots[..2], [Word::Halted, Word::Ended]);
    assert_eq!(slots.len(), 4);
}

/// A bot that was asked too often blocks for ten minutes, and each message in that time starts them again.
#[test]
fn a_bot_that_asks_twice_to_slow_down_is_left_alone_for_ten_minutes() {
    let mut outbox = Outbox::new("https://example.com/hook");
    let start = Clock::simulated(Timestamp::UNIX_EPOCH + Duration::from_mins(10)).moment();
    outbox.push(queued(0, 0, Slot::Halted));
    for (at, wait) in [(0, 60), (60, 600), (660, 600)] {
        let now = moment(start, Duration::from_secs(at));
        assert!(matches!(outbox.next(now, false), Next::Send { .. }));
        outbox.answered(Verdict::Throttled(Duration::from_mins(1)), now.instant);
        let Next::At(next) = outbox.next(now, false) else {
            panic!("it does not wait")
        };
        assert_eq!(next - now.instant, Duration::from_secs(wait));
    }
}
