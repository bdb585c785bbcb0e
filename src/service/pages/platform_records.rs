//! The activities of a campaign, and what the platform's own records say of them.

use maud::{Markup, html};

use crate::app::reconcile::{CountVerdict, LastCount};
use crate::catalogue::{page as report_texts, reconcile as reconcile_texts, service as texts};
use crate::model::activity::{CreatedActivity, Release};
use crate::report::render::html::page::{scrolling, theirs, time};
use crate::report::times::grouped;

use crate::service::act::{ActKind, Applier};
use crate::service::campaign_entry::{CampaignEntry, Source};

use super::{View, links};

/// The section. Empty for a campaign that has sent nothing and declares no activity.
pub fn section(view: &View<'_>, entry: &CampaignEntry) -> Markup {
    let (Some(ledger), Some(loaded)) = (&entry.ledger, &entry.loaded) else {
        return html! {};
    };
    let zone = &loaded.parsed.campaign.timezone;
    let records = &ledger.records;
    let can_compare = !view.is_rehearsal
        && records.last_attempt.is_some()
        && entry.applier() == Applier::Nobody
        && matches!(entry.source, Source::Good);
    if ledger.activities.is_empty() && records.compared.is_none() && !can_compare {
        return html! {};
    }
    html! {
        section id="records" {
            h2 { (texts::Records) }
            @if !ledger.activities.is_empty() { (activities(&ledger.activities)) }
            @if entry.is_comparing {
                p.note { (texts::Comparing) }
            } @else if let Some(at) = records.compared {
                p.quiet { (texts::ComparedAt { at: &time(at, zone) }) @if records.found > 0 { " " (texts::ComparedFound { n: records.found }) } }
            } @else if can_compare {
                p.quiet { (texts::NeverCompared) }
            }
            @if !records.counts.is_empty() { (counts(&records.counts)) }
            @if can_compare && !entry.is_comparing {
                (view.act(ActKind::Compare, html! {
                    form method="post" action=(links::below(&entry.file, "compare")) {
                        button.plain id="act-compare" type="submit" { (texts::Compare) }
                    }
                }))
            }
        }
    }
}

fn activities(all: &[CreatedActivity]) -> Markup {
    let table = html! {
        table.stack {
            thead { tr {
                th scope="col" { (report_texts::Activity) } th.number scope="col" { (texts::ColumnStock) }
                th.number scope="col" { (texts::ColumnUsed) } th.number scope="col" { (texts::ColumnLeft) } th scope="col" {}
            } }
            tbody { @for activity in all {
                tr {
                    th scope="row" { code { (theirs(activity.activity_id.as_str())) } }
                    td.number data-label=(texts::ColumnStock) { (grouped(activity.order.stock)) }
                    td.number data-label=(texts::ColumnUsed) { (grouped(activity.issued)) }
                    td.number data-label=(texts::ColumnLeft) { (grouped(activity.order.stock.saturating_sub(activity.issued))) }
                    td { @if activity.release == Release::Done { span.label.plain { (texts::ActivityReleased) } } }
                }
            } }
        }
    };
    scrolling(&texts::Records, &table)
}

fn counts(all: &[LastCount]) -> Markup {
    let table = html! {
        table.stack {
            thead { tr {
                th scope="col" { (report_texts::Activity) } th.number scope="col" { (texts::ColumnInLedger) }
                th.number scope="col" { (texts::ColumnOpen) } th.number scope="col" { (texts::ColumnAtPlatform) }
                th scope="col" { (texts::ColumnVerdict) }
            } }
            tbody { @for count in all {
                tr {
                    th scope="row" { code { (theirs(count.activity_id.as_str())) } }
                    td.number data-label=(texts::ColumnInLedger) { (grouped(count.account.certain)) }
                    td.number data-label=(texts::ColumnOpen) { (grouped(count.account.in_doubt + count.account.other)) }
                    td.number data-label=(texts::ColumnAtPlatform) { (count.received.map(grouped).unwrap_or_default()) }
                    td {
                        @let text = verdict(count);
                        @if count.differs() { span.label.bad { (text) } } @else { (text) }
                    }
                }
            } }
        }
    };
    scrolling(&texts::Records, &table)
}

fn verdict(count: &LastCount) -> String {
    match count.verdict {
        None => texts::CountTooEarly.to_string(),
        Some(CountVerdict::Unknown) => texts::CountUnknown.to_string(),
        Some(CountVerdict::Behind) => reconcile_texts::CountBehind.to_string(),
        Some(CountVerdict::NoneOfDoubts) if count.account.in_doubt == 0 => reconcile_texts::CountAgrees.to_string(),
        Some(CountVerdict::NoneOfDoubts) => reconcile_texts::CountNone.to_string(),
        Some(CountVerdict::SomeOfDoubts) => texts::CountSome.to_string(),
        Some(CountVerdict::AllOfDoubts) => reconcile_texts::CountAll.to_string(),
        Some(CountVerdict::More) => reconcile_texts::CountMore.to_string(),
    }
}
