//! The JSON objects about a run.

use crate::model::event::{Ending, Phase};

use super::super::show::{Piece, Show};
use super::super::testing::{BANNED, ISSUED, Story, TIMED_OUT, instant, moment, shanghai, spoilt_reading};
use super::*;

/// The record of a story's events.
fn record(story: &Story) -> Vec<String> {
    let mut show = Show::new(story.setup.clone(), false);
    let mut stats = RunStats::default();
    let mut pieces = vec![];
    for event in &story.events {
        stats.fold(event, instant(event.at));
        pieces.append(&mut show.event(&stats, event, instant(event.at)));
    }
    pieces.append(&mut show.finish(&stats, moment(story.now), 0));
    pieces
        .into_iter()
        .filter_map(|piece| match piece {
            Piece::Record(object) => Some(object),
            _ => None,
        })
        .collect()
}

#[test]
fn a_record_of_everything() {
    let mut story = Story::new();
    let mut counts = Counts::default();
    counts.add(StateName::Pending, 4);
    story.begin().wait(120).admit_reading(counts, spoilt_reading(4));
    let owner = Owner {
        host: "till-3".into(),
        pid: 4711,
        since: shanghai("11:58:02"),
        command: "runner apply autumn.yaml".into(),
    };
    story.phase(Phase::Waiting {
        why: Waiting::AppId { owner },
        until: None,
    });
    story.wait(4_000).tell(EventKind::TokenFetched {
        until: shanghai("14:00:04"),
    });
    story
        .phase(Phase::Sending)
        .send(1, 500, ISSUED)
        .send(1, 500, BANNED)
        .send(1, 500, TIMED_OUT);
    for until in [Some(shanghai("12:03:10")), None] {
        story.tell(EventKind::PaceChanged {
            per_second: if until.is_some() { 49.0 } else { 98.0 },
            until,
        });
    }
    story.tell(EventKind::Warning {
        message: "coupon_status 20".into(),
    });
    story.tell(EventKind::Halted(Halted::Credentials { why: "10003".into() }));
    story.end(Ending::NeedsPerson);
    let objects = record(&story);
    for object in &objects {
        let value: serde_json::Value = serde_json::from_str(object).expect("JSON");
        assert!(!object.contains("null") && value["type"].is_string(), "{object}");
    }
    insta::assert_snapshot!(objects.join("\n"));
}
