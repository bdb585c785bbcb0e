//! The live table of several campaigns.

use anstream::adapter::strip_str;
use proptest::prelude::*;

use crate::catalogue::Language;
use crate::model::event::{DrainReason, EventKind, Halted, Phase, Waiting};
use crate::model::money::{Price, PriceSource, Valuation};
use crate::report::run_view::CampaignInfo;
use crate::report::testing::{BANNED, ISSUED, RunScript, UNLISTED, shanghai};

use super::*;

/// The state of a campaign of this name after the events of `tell`.
fn row(name: &str, tell: impl FnOnce(&mut RunScript)) -> CampaignRow {
    let mut script = RunScript::new();
    script.campaign = CampaignInfo {
        name: name.to_owned(),
        ..(*script.campaign).clone()
    }
    .into();
    tell(&mut script);
    // All campaigns are shown at the same moment.
    script.now = shanghai("12:00:20");
    script.view(|view| CampaignRow::new(view, None))
}

fn sending(script: &mut RunScript) {
    script
        .begin()
        .admit(1_200)
        .phase(Phase::Sending)
        .send(240, 50, ISSUED)
        .send(3, 50, BANNED)
        .send(1, 50, UNLISTED);
}

fn waiting(script: &mut RunScript) {
    script.begin().admit(80).phase(Phase::Waiting {
        why: Waiting::Window,
        until: Some(shanghai("14:00:00")),
    });
}

fn complete(script: &mut RunScript) {
    script
        .begin()
        .admit(40)
        .phase(Phase::Sending)
        .send(40, 10, ISSUED)
        .end(Ending::Complete);
}

fn halted(script: &mut RunScript) {
    script
        .begin()
        .admit(100)
        .phase(Phase::Sending)
        .send(30, 10, ISSUED)
        .send(5, 10, UNLISTED);
    script.emit(EventKind::Halted(Halted::Held { n: 5, of: 35 }));
    script
        .phase(Phase::Draining {
            why: DrainReason::Halted,
        })
        .end(Ending::NeedsPerson);
}

fn several() -> Vec<CampaignRow> {
    let mut script = RunScript::new();
    let taken = script
        .emit(EventKind::Queued)
        .view(|view| CampaignRow::new(view, Some("another process applies it")));
    vec![
        row("bakery-breakfast", sending),
        row("bakery-members", |script| {
            script.begin().emit(EventKind::AudienceRead { rows: 0, of: None });
        }),
        row("teahouse-summer", waiting),
        row("noodles", halted),
        row("florist", complete),
        row("bookshop", |script| {
            script.emit(EventKind::Queued);
        }),
        taken,
    ]
}

fn seen(campaigns: fn() -> Vec<CampaignRow>, columns: usize, rows: usize) -> String {
    let lines = screen(&campaigns(), shanghai("12:00:20"), TerminalSize { columns, rows });
    let text = strip_str(&lines.join("\n")).to_string();
    for line in text.lines() {
        assert!(super::columns(line) < columns, "{line}");
    }
    text
}

#[test]
fn a_row_each_and_one_for_all() {
    let mut text = String::new();
    for language in Language::ALL {
        for width in [60, 80, 120] {
            text += &language.scope(|| seen(several, width, 24));
            text += "\n\n";
        }
    }
    insta::assert_snapshot!(text);
}

/// The campaigns of [`several`] whose coupons are worth this much each.
fn priced(fen: u64) -> Vec<CampaignRow> {
    let valuation = Valuation {
        price: Some(Price {
            each: Money::from_fen(fen),
            source: PriceSource::File,
        }),
        ..Valuation::default()
    };
    let with_value = |name, tell: fn(&mut RunScript)| {
        row(name, |script| {
            script.valuation = valuation;
            tell(script);
        })
    };
    let mut rows = several();
    rows[0] = with_value("bakery-breakfast", sending);
    rows[2] = with_value("teahouse-summer", waiting);
    rows[3] = with_value("noodles", halted);
    rows[4] = with_value("florist", complete);
    rows
}

#[test]
fn amounts_have_columns_where_there_is_room() {
    let mut text = String::new();
    for language in Language::ALL {
        for width in [60, 80, 120] {
            text += &language.scope(|| seen(|| priced(1_550), width, 24));
            text += "\n\n";
        }
    }
    insta::assert_snapshot!(text);
}

/// A sum without one campaign would be too low.
#[test]
fn a_sum_is_shown_only_when_every_admitted_campaign_has_an_amount() {
    let sums = |rows: &[CampaignRow]| {
        let sum = Amounts::sum(rows.iter().map(|row| &row.amounts));
        (sum.spent.map(Money::fen), sum.at_most.map(Money::fen))
    };
    let mut rows = priced(100);
    assert_eq!(
        sums(&rows),
        (Some(100 * (240 + 30 + 40)), Some(100 * (1_200 - 3 + 80 + 100 + 40)))
    );
    rows.push(row("unknown", sending));
    assert_eq!(sums(&rows), (None, None));
}

#[test]
fn states_have_colours() {
    let lines = screen(
        &several(),
        shanghai("12:00:20"),
        TerminalSize { columns: 120, rows: 24 },
    );
    let styled = |text: &str, style: Style| {
        let text = format!("{style}{text}");
        assert!(lines.iter().any(|line| line.contains(&text)), "{lines:?}");
    };
    styled("halted", of_run("halted"));
    styled("complete", of_run("complete"));
}

#[test]
fn those_that_send_or_need_somebody_come_before_others_where_there_is_no_room() {
    let many = || {
        let mut rows: Vec<_> = (1..=40).map(|n| row(&format!("done-{n:02}"), complete)).collect();
        rows.extend(several());
        rows
    };
    insta::assert_snapshot!(seen(many, 80, 12));
}

#[test]
fn where_nothing_moves_one_line_says_how_far_all_are() {
    let rows = [row("a", sending), row("b", sending), row("c", complete)];
    let at = shanghai("12:00:20");
    let text = || [line(&rows, at), line(&several(), at)].join("\n");
    insta::assert_snapshot!([text(), Language::Chinese.scope(text)].join("\n"));
}

proptest! {
    #[test]
    fn a_screen_fits_its_terminal(name in "[a-z立减券]{1,40}", columns in 24_usize..200, rows in 6_usize..60, more in 0_usize..80) {
        let mut campaigns = several();
        campaigns.extend((0..more).map(|n| row(&format!("{name}{n}"), waiting)));
        let lines = screen(&campaigns, shanghai("12:00:20"), TerminalSize { columns, rows });
        prop_assert!(lines.len() < rows, "{} lines on {rows} rows", lines.len());
        for line in &lines {
            let line = strip_str(line).to_string();
            prop_assert!(super::columns(&line) < columns, "{line:?}");
        }
    }
}
