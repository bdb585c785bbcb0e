//! The end of several campaigns, for people and for programs.

use crate::model::event::{Ending, EventKind, Halted, Phase};
use crate::report::render::json::TotalObject;
use crate::report::render::terminal::run_summary;
use crate::report::testing::{BANNED, ISSUED, RunScript, UNLISTED};
use crate::report::text::columns;

use super::*;

fn script(tell: impl FnOnce(&mut RunScript)) -> RunScript {
    let mut script = RunScript::new();
    script.begin();
    tell(&mut script);
    script
}

fn complete() -> EndedCampaign {
    let script = script(|script| {
        script
            .admit(40)
            .phase(Phase::Sending)
            .send(38, 10, ISSUED)
            .send(2, 10, BANNED)
            .end(Ending::Complete);
    });
    EndedCampaign {
        name: "florist".into(),
        state: "complete",
        stats: Some(script.stats()),
        exit: 0,
        why: None,
        summary: script.view(run_summary::text),
    }
}

fn all() -> Vec<EndedCampaign> {
    let halted = script(|script| {
        script
            .admit(100)
            .phase(Phase::Sending)
            .send(30, 10, ISSUED)
            .send(5, 10, UNLISTED);
        script
            .emit(EventKind::Halted(Halted::Held { n: 5, of: 35 }))
            .end(Ending::NeedsPerson);
    });
    let stopped = script(|script| {
        script
            .admit(1_200)
            .phase(Phase::Sending)
            .send(7, 10, ISSUED)
            .end(Ending::Incomplete);
    });
    vec![
        EndedCampaign {
            name: "campaigns/broken.yaml".into(),
            state: "unusable",
            stats: None,
            exit: 2,
            why: None,
            summary: String::new(),
        },
        complete(),
        EndedCampaign {
            name: "夏日冷泡茶-券".into(),
            state: "halted",
            stats: Some(halted.stats()),
            exit: 4,
            why: Some("it halted".into()),
            summary: halted.view(run_summary::text),
        },
        EndedCampaign {
            name: "noodles".into(),
            state: "incomplete",
            stats: Some(stopped.stats()),
            exit: 3,
            why: Some("it was interrupted".into()),
            summary: stopped.view(run_summary::text),
        },
        EndedCampaign {
            name: "bookshop".into(),
            state: "taken",
            stats: None,
            exit: 5,
            why: Some("error[E0301]: another process is applying this campaign".into()),
            summary: String::new(),
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
fn the_end_of_one_campaign_is_its_summary() {
    let one = complete();
    assert_eq!(
        text(std::slice::from_ref(&one), 0, "runner apply campaigns", 80),
        one.summary
    );
    assert!(one.summary.contains("40 coupons = 38 issued + 2 refused"));
}

#[test]
fn programs_are_told_the_total() {
    insta::assert_snapshot!(serde_json::to_string(&TotalObject::new(&all(), 2)).unwrap());
}
