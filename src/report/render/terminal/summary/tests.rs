//! The end of several campaigns, for people and for programs.

use anstream::adapter::strip_str;

use crate::catalogue::Language;
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
        summary: script.view(|run| run_summary::text(run, usize::MAX)),
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
            summary: halted.view(|run| run_summary::text(run, usize::MAX)),
        },
        EndedCampaign {
            name: "noodles".into(),
            state: "incomplete",
            stats: Some(stopped.stats()),
            exit: 3,
            why: Some("it was interrupted".into()),
            summary: stopped.view(|run| run_summary::text(run, usize::MAX)),
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
    insta::assert_snapshot!(strip_str(&text(&all(), 2, "runner apply campaigns", usize::MAX)).to_string());
}

#[test]
fn a_table_fits_its_terminal() {
    let mut seen = String::new();
    for language in Language::ALL {
        for width in [60, 80, 120] {
            let text = language.scope(|| strip_str(&table(&all(), 2, width)).to_string());
            assert!(text.lines().all(|line| columns(line) <= width), "{text}");
            seen += &text;
        }
    }
    insta::assert_snapshot!(seen);
}

#[test]
fn when_all_are_complete_nothing_is_left_to_do() {
    let text = text(&[complete(), complete()], 0, "runner apply campaigns", 80);
    insta::assert_snapshot!(strip_str(&text).to_string());
}

#[test]
fn the_end_of_one_campaign_is_its_summary() {
    let one = complete();
    assert_eq!(
        text(std::slice::from_ref(&one), 0, "runner apply campaigns", 80),
        one.summary
    );
    assert!(
        strip_str(&one.summary)
            .to_string()
            .contains("40 coupons = 38 issued + 2 refused")
    );
}

#[test]
fn programs_are_told_the_total() {
    insta::assert_snapshot!(serde_json::to_string(&TotalObject::new(&all(), 2)).unwrap());
}
