//! The end of several campaigns, for people and for programs.

use crate::model::event::{Ending, EventKind, Halted, Phase};
use crate::report::testing::{BANNED, ISSUED, Story, UNLISTED};

use super::*;

fn story(tell: impl FnOnce(&mut Story)) -> Story {
    let mut story = Story::new();
    story.begin();
    tell(&mut story);
    story
}

fn complete() -> EndedRun {
    let story = story(|story| {
        story
            .admit(40)
            .phase(Phase::Sending)
            .send(38, 10, ISSUED)
            .send(2, 10, BANNED)
            .end(Ending::Complete);
    });
    EndedRun {
        name: "florist".into(),
        state: "complete",
        stats: Some(story.stats()),
        exit: 0,
        detail: None,
    }
}

fn all() -> Vec<EndedRun> {
    let halted = story(|story| {
        story
            .admit(100)
            .phase(Phase::Sending)
            .send(30, 10, ISSUED)
            .send(5, 10, UNLISTED);
        story
            .tell(EventKind::Halted(Halted::Held { n: 5, of: 35 }))
            .end(Ending::NeedsPerson);
    });
    let stopped = story(|story| {
        story
            .admit(1_200)
            .phase(Phase::Sending)
            .send(7, 10, ISSUED)
            .end(Ending::Incomplete);
    });
    vec![
        EndedRun {
            name: "campaigns/broken.yaml".into(),
            state: "unusable",
            stats: None,
            exit: 2,
            detail: None,
        },
        complete(),
        EndedRun {
            name: "夏日冷泡茶-券".into(),
            state: "halted",
            stats: Some(halted.stats()),
            exit: 4,
            detail: Some(halted.look(super::super::summary::text)),
        },
        EndedRun {
            name: "noodles".into(),
            state: "incomplete",
            stats: Some(stopped.stats()),
            exit: 3,
            detail: Some("noodles: it was interrupted".into()),
        },
        EndedRun {
            name: "bookshop".into(),
            state: "taken",
            stats: None,
            exit: 5,
            detail: Some("bookshop: error[E0301]: another process is applying this campaign".into()),
        },
    ]
}

#[test]
fn all_of_them_in_a_table_and_then_what_there_is_to_do() {
    insta::assert_snapshot!(text(&all(), 2, "runner apply campaigns", usize::MAX));
}

#[test]
fn a_table_fits_a_terminal_of_80_columns() {
    let text = table(&all(), 2, 80);
    assert!(text.lines().all(|line| columns(line) <= 80), "{text}");
}

#[test]
fn when_all_are_complete_nothing_is_left_to_do() {
    insta::assert_snapshot!(text(&[complete(), complete()], 0, "runner apply campaigns", 80));
}

#[test]
fn programs_are_told_the_total() {
    insta::assert_snapshot!(serde_json::to_string(&Total::new(&all(), 2)).unwrap());
}
