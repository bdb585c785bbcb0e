//! What a comparison found, for people.

use std::collections::BTreeMap;
use std::fmt::{Display, Write as _};

use crate::app::LoadedCampaign;
use crate::app::reconcile::{
    ActivityCount, BillOfDay, BillState, BillVerdict, Compared, CountVerdict, Flaw, Misfit, Preview, Request,
    SpotCheck, Why,
};
use crate::catalogue::reconcile as text;
use crate::ledger::LedgerState;
use crate::model::delivery::Resolution;
use crate::model::outcome::UNUSED_COUPON;
use crate::report::lists::joined;
use crate::report::text::{columns, left, visible, visible_path, wrap};

use crate::cli::typed::again;

use super::columns_text::pairs;
use super::objects::word;

/// How many deliveries and coupons are named.
const NAMED: usize = 5;

/// Returns what a comparison would ask for.
pub(super) fn preview(campaign: &LoadedCampaign, preview: &Preview, width: usize) -> String {
    let name: &dyn Display = &campaign.plan.identity.campaign;
    let mut shown = format!("{}\n\n", text::PreviewTitle { campaign: name });
    let count = if campaign.parsed.campaign.names.coupon_meta_id.is_none() {
        text::NoTemplate.to_string()
    } else {
        text::PreviewCounts {
            activities: &joined(preview.activities.iter().map(ToString::to_string)),
        }
        .to_string()
    };
    let days = joined(preview.days.iter().map(ToString::to_string));
    let bills = if days.is_empty() {
        text::PreviewNoBills.to_string()
    } else {
        text::PreviewBills { days: &days }.to_string()
    };
    shown.push_str(&rows(
        [
            (text::LabelCount.to_string(), vec![count]),
            (
                text::LabelUsers.to_string(),
                vec![text::PreviewUsers { n: preview.users }.to_string()],
            ),
            (
                text::LabelSpots.to_string(),
                vec![text::PreviewSpots { n: preview.sample }.to_string()],
            ),
            (text::LabelBills.to_string(), vec![bills]),
        ],
        width,
    ));
    let _ = writeln!(shown, "\n{}", text::PreviewNothing);
    shown
}

/// Lines with a label in front of the first line of each group.
fn rows(groups: impl IntoIterator<Item = (String, Vec<String>)>, width: usize) -> String {
    let groups: Vec<_> = groups.into_iter().filter(|(_, lines)| !lines.is_empty()).collect();
    let widest = groups.iter().map(|(label, _)| columns(label)).max().unwrap_or_default();
    let mut shown = String::new();
    for (label, lines) in groups {
        let mut label = label;
        for line in lines {
            let line = wrap(&line, width, widest + 4);
            let _ = writeln!(shown, "  {}  {line}", left(&label, widest));
            label.clear();
        }
    }
    shown
}

/// Returns what a comparison found, and what follows.
pub(super) fn compared(
    campaign: &LoadedCampaign,
    request: &Request,
    compared: &Compared,
    state: &LedgerState,
    width: usize,
) -> String {
    let name: &dyn Display = &campaign.plan.identity.campaign;
    let mut shown = format!("{}\n\n", text::Title { campaign: name });
    let counts = if request.coupon_meta_id.is_none() {
        vec![text::NoTemplate.to_string()]
    } else {
        compared.counts.iter().map(count).collect()
    };
    let mut users = vec![
        text::Users {
            asked: compared.users.asked,
            found: compared.users.found,
        }
        .to_string(),
    ];
    users.extend(compared.users.failed.as_ref().map(|why| {
        let why = visible(&why.to_string()).into_owned();
        text::UsersFailed { why: &why }.to_string()
    }));
    shown.push_str(&rows(
        [
            (text::LabelCount.to_string(), counts),
            (text::LabelUsers.to_string(), users),
            (text::LabelSpots.to_string(), spots(&compared.spots)),
            (text::LabelBills.to_string(), compared.bills.iter().map(bill).collect()),
        ],
        width,
    ));
    shown.push('\n');
    settled(compared, &mut shown);
    open(compared, state, width, &mut shown);
    foreign(compared, &mut shown);
    differ(&compared.spots, state, &mut shown);
    proposal(compared, &mut shown);
    next(campaign, compared, &mut shown);
    shown
}

fn count(count: &ActivityCount) -> String {
    let activity: &dyn Display = &count.activity_id;
    let account = count.account;
    let Some(received) = count.received else {
        let why = count.failed.as_ref().map(|why| visible(&why.to_string()).into_owned());
        return match &why {
            Some(why) => text::CountFailed { activity, why }.to_string(),
            None => text::CountUnknown { activity }.to_string(),
        };
    };
    let numbers = text::Count {
        activity,
        received,
        certain: account.certain,
        in_doubt: account.in_doubt,
    };
    let says = match count.verdict {
        CountVerdict::Unknown | CountVerdict::SomeOfDoubts => return numbers.to_string(),
        CountVerdict::Behind => text::CountBehind.to_string(),
        CountVerdict::NoneOfDoubts if account.in_doubt == 0 => text::CountAgrees.to_string(),
        CountVerdict::NoneOfDoubts if count.is_confirmed => text::CountNoneTwice.to_string(),
        CountVerdict::NoneOfDoubts => text::CountNone.to_string(),
        CountVerdict::AllOfDoubts => text::CountAll.to_string(),
        CountVerdict::More => text::CountMore.to_string(),
    };
    text::CountSays {
        numbers: &numbers,
        says: &says,
    }
    .to_string()
}

/// The lines about the spot check. Empty if no coupon was asked for.
fn spots(spots: &SpotCheck) -> Vec<String> {
    let states = spots.statuses.iter().map(|(status, n)| match status {
        Some(UNUSED_COUPON) => text::SpotUnused { n: *n }.to_string(),
        Some(status) => text::SpotStatus { n: *n, status }.to_string(),
        None => text::SpotNoStatus { n: *n }.to_string(),
    });
    let not_shown = (spots.not_shown > 0).then(|| text::SpotNotShown { n: spots.not_shown }.to_string());
    let states = joined(states.chain(not_shown));
    let asked = (spots.asked > 0).then(|| {
        let n = spots.asked;
        text::Spots { n, states: &states }.to_string()
    });
    let failed = spots.failed.as_ref().map(|why| {
        let why = visible(&why.to_string()).into_owned();
        text::UsersFailed { why: &why }.to_string()
    });
    asked.into_iter().chain(failed).collect()
}

/// Lists the coupons that do not fit.
fn differ(spots: &SpotCheck, state: &LedgerState, shown: &mut String) {
    if spots.differ.is_empty() {
        return;
    }
    let n = spots.differ.len() as u64;
    let _ = writeln!(shown, "\n{}", text::Differ { n });
    for (key, coupon_id, misfit) in spots.differ.iter().take(NAMED) {
        let open_id = state.open_id(key.recipient);
        let line = text::DifferCoupon {
            coupon: &visible(coupon_id),
            user: &visible(&open_id),
            why: &misfit_word(*misfit),
        };
        let _ = writeln!(shown, "  {line}");
    }
}

fn misfit_word(misfit: Misfit) -> String {
    match misfit {
        Misfit::ReceiveTime => text::MisfitTime.to_string(),
        Misfit::Template => text::MisfitTemplate.to_string(),
        Misfit::Streamer => text::MisfitStreamer.to_string(),
    }
}

fn bill(bill: &BillOfDay) -> String {
    let day = &bill.day;
    let state = match (&bill.state, &bill.read) {
        (BillState::NotReady, _) => text::BillNotReady.to_string(),
        (BillState::TooEarly, _) => text::BillTooEarly.to_string(),
        (BillState::Failed(why), _) => text::BillFailed { why: &visible(why) }.to_string(),
        (BillState::NoData, None) => text::BillNoData.to_string(),
        (BillState::Kept(kept), None) => text::BillKept {
            file: &visible_path(&kept.path),
        }
        .to_string(),
        (_, Some(read)) => bill_verdict(&read.verdict, read.rows),
    };
    format!("{day}  {state}")
}

/// Returns what a bill says.
pub(super) fn bill_verdict(verdict: &BillVerdict, rows: u64) -> String {
    match verdict {
        BillVerdict::Trusted => text::BillTrusted { rows }.to_string(),
        BillVerdict::Unchecked if rows == 0 => text::BillNoData.to_string(),
        BillVerdict::Unchecked => text::BillUnchecked { rows }.to_string(),
        BillVerdict::Lacks { missing, known } => text::BillLacks {
            missing: *missing,
            known: *known,
        }
        .to_string(),
        BillVerdict::Flawed(flaw) => flawed(flaw),
    }
}

fn flawed(flaw: &Flaw) -> String {
    match flaw {
        Flaw::Unreadable(why) => text::FlawUnreadable { why: &visible(why) }.to_string(),
        Flaw::NotText => text::FlawNotText.to_string(),
        Flaw::Width { row, columns, expected } => text::FlawWidth {
            row: *row,
            columns: *columns as u64,
            expected: *expected as u64,
        }
        .to_string(),
        Flaw::NotATable { row } => text::FlawNotATable { row: *row }.to_string(),
        Flaw::NoColumn(name) => text::FlawNoColumn { name: &visible(name) }.to_string(),
        Flaw::TwoColumns(name) => text::FlawTwoColumns { name: &visible(name) }.to_string(),
        Flaw::ChangedId { row, cell } => text::FlawChangedId {
            row: *row,
            cell: &visible(cell),
        }
        .to_string(),
    }
}

fn settled(compared: &Compared, shown: &mut String) {
    let found = compared.settled.len() as u64;
    let accepted = |wanted: fn(Resolution) -> bool| {
        let these = compared.accepted.iter().filter(|(_, to)| wanted(*to));
        these.count() as u64
    };
    let owed = accepted(|to| matches!(to, Resolution::Owed { .. }));
    let issued = accepted(|to| to == Resolution::Issued);
    if found > 0 {
        let _ = writeln!(shown, "{}", text::SettledFound { n: found });
    }
    if issued > 0 {
        let _ = writeln!(shown, "{}", text::AcceptedIssued { n: issued });
    }
    if owed > 0 {
        let _ = writeln!(shown, "{}", text::AcceptedOwed { n: owed });
    }
    if compared.open.is_empty() {
        let _ = writeln!(shown, "{}", text::NothingOpen);
    }
}

/// Lists what is open by its reason, with the first users of each.
fn open(compared: &Compared, state: &LedgerState, width: usize, shown: &mut String) {
    let mut groups: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (at, open) in compared.open.iter().enumerate() {
        groups.entry(why(&open.why)).or_default().push(at);
    }
    if !compared.open.is_empty() {
        let n = compared.open.len() as u64;
        let _ = writeln!(shown, "{}", text::StillOpen { n });
    }
    for (why, these) in groups {
        let n = these.len() as u64;
        let line = text::OpenBecause { n, why: &why }.to_string();
        let _ = writeln!(shown, "  {}", wrap(&line, width, 4));
        let names = these.iter().take(NAMED).filter_map(|at| compared.open.get(*at));
        let names: Vec<String> = names
            .map(|open| visible(&state.open_id(open.key.recipient)).into_owned())
            .collect();
        let more = these.len().saturating_sub(NAMED) as u64;
        let mut list = joined(names);
        if more > 0 {
            list = text::AndMore { list: &list, more }.to_string();
        }
        let _ = writeln!(shown, "    {}", wrap(&list, width, 4));
    }
}

fn why(why: &Why) -> String {
    match why {
        Why::NoBill(day) => text::WhyNoBill { day }.to_string(),
        Why::BadBill(day) => text::WhyBadBill { day }.to_string(),
        other => text::Why { why: &word(other) }.to_string(),
    }
}

fn foreign(compared: &Compared, shown: &mut String) {
    if compared.foreign_count == 0 {
        return;
    }
    let n = compared.foreign_count;
    let _ = writeln!(shown, "\n{}", text::Foreign { n });
    for coupon in compared.foreign.iter().take(NAMED) {
        let line = text::ForeignCoupon {
            coupon: &visible(&coupon.coupon_id),
            user: &visible(&coupon.open_id),
            day: &coupon.day,
        };
        let _ = writeln!(shown, "  {line}");
    }
}

fn proposal(compared: &Compared, shown: &mut String) {
    let Some(proposal) = &compared.proposal else { return };
    let _ = writeln!(shown, "\n{}\n\n  bill:\n    columns:", text::Proposal);
    for (name, column) in pairs(proposal) {
        let quoted = serde_json::Value::from(column);
        let _ = writeln!(shown, "      {name}: {}", visible(&quoted.to_string()));
    }
}

/// Says what to do next.
fn next(campaign: &LoadedCampaign, compared: &Compared, shown: &mut String) {
    let is_open = |wanted: fn(&Why) -> bool| compared.open.iter().any(|open| wanted(&open.why));
    let reconcile = again("reconcile", &campaign.at);
    let mut say = |what: &dyn Display, command: String| {
        let _ = writeln!(shown, "\n{what}\n  {command}");
    };
    if is_open(|why| *why == Why::Absent) {
        say(&text::NextAcceptBill, format!("{reconcile} --accept bill"));
    }
    let is_countable = |count: &ActivityCount| {
        let says = matches!(count.verdict, CountVerdict::NoneOfDoubts)
            || (count.verdict == CountVerdict::AllOfDoubts && count.account.other == 0);
        says && count.account.in_doubt > 0
    };
    if compared.in_doubt() > 0
        && compared
            .counts
            .iter()
            .any(|count| is_countable(count) && count.is_confirmed)
    {
        say(&text::NextAcceptCount, format!("{reconcile} --accept count"));
    } else if compared.in_doubt() > 0 && (compared.can_go_on() || compared.counts.iter().any(is_countable)) {
        say(&text::NextLater, reconcile);
    }
    let needs_person = |why: &Why| {
        matches!(
            why,
            Why::Several | Why::Unclear | Why::UnknownTemplate | Why::IdOfAnother | Why::Undated
        )
    };
    if is_open(needs_person) {
        say(&text::NextPerson, format!("{} OPEN_ID", again("trace", &campaign.at)));
    }
    let is_owed = compared
        .accepted
        .iter()
        .any(|(_, to)| matches!(to, Resolution::Owed { .. }));
    if is_owed || (!compared.settled.is_empty() && compared.open.is_empty()) {
        say(&text::NextApply, again("apply", &campaign.at));
    }
}
