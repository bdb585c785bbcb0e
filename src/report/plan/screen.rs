//! A plan as lines for people.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};
use jiff::Timestamp;
use jiff::civil::Date;

use crate::model::clock::until;
use crate::model::delivery::StateName;

use super::super::summary::{excludes, rows, unusable_kind};
use super::super::text::{columns, left, right, skip_reason, visible, wrap};
use super::super::times::{ahead, clock_time, counted, date_time, duration, grouped, rate, yuan};
use super::expiry::lapses;
use super::feasibility::Reason;
use super::{ChangeNote, EarlierLedger, LedgerNote, Money, PaceNote, Proposal, RequestNote, Stand};

const GOOD: Style = AnsiColor::Green.on_default().bold();
const BAD: Style = AnsiColor::Red.on_default().bold();
const LOOK: Style = AnsiColor::Yellow.on_default();
const STRONG: Style = Style::new().bold();
const HELP: Style = AnsiColor::Cyan.on_default().bold();

/// Renders the plan, with styles, in lines of at most `width` columns.
#[must_use]
pub fn text(plan: &Proposal, width: usize) -> String {
    let mut text = headline(plan);
    text.push_str(&table(plan, width));
    text.push('\n');
    for (name, value) in facts(plan) {
        let _ = writeln!(text, "  {name:<9} {}", wrap(&value, width, 12));
    }
    text.push_str(&changes(plan, width));
    text.push_str(&judgement(&plan.reasons, width));
    let _ = writeln!(text, "fingerprint {}", plan.fingerprint);
    if plan.reasons.is_empty() && plan.stand.to_send() > 0 {
        let _ = writeln!(text, "to apply this plan and no other:\n  {}", plan.apply);
    }
    text
}

fn headline(plan: &Proposal) -> String {
    let about = &plan.about;
    let title = about.title.as_deref().map(|title| format!(" {}", visible(title)));
    let coupons = |n| counted(n, "coupon", "coupons");
    let to_send = match (plan.stand.owed(), plan.stand.resent) {
        (0, 0) => "nothing to send".to_owned(),
        (owed, 0) => format!("{} to send", coupons(owed)),
        (0, again) => format!("{} in doubt to send again", coupons(again)),
        (owed, again) => format!(
            "{} to send, and {} in doubt to send again",
            coupons(owed),
            grouped(again)
        ),
    };
    format!(
        "{STRONG}{}{}{STRONG:#}: {to_send}\n\n",
        about.campaign,
        title.unwrap_or_default()
    )
}

/// The counts after admission, each with a name and a note.
fn table(plan: &Proposal, columns_of_all: usize) -> String {
    let stand = &plan.stand;
    let count = |state| stand.counts.count(state);
    let mut table = vec![
        (stand.owed(), "to send", owed(stand)),
        (count(StateName::Issued), "already issued", String::new()),
        (count(StateName::Refused), "refused", String::new()),
        (count(StateName::InDoubt), "in doubt", doubts(stand)),
        (count(StateName::Held), "held", held(stand)),
        (count(StateName::Skipped), "skipped", skipped(stand)),
    ];
    if stand.lapsing > 0 {
        let why = "their users will be last active too long ago when their turn comes".to_owned();
        table.insert(1, (stand.lapsing, "will lapse", why));
    }
    if stand.behind > 0 {
        let why = "behind a coupon of the same user that is held or in doubt".to_owned();
        table.insert(1, (stand.behind, "waiting", why));
    }
    let all = grouped(stand.counts.audience());
    let width = columns(&all).max(5);
    let mut text = String::new();
    for (n, name, note) in table {
        let note = wrap(&note, columns_of_all, width + 20);
        let line = format!("  {}  {}  {note}", right(&grouped(n), width), left(name, 14));
        let _ = writeln!(text, "{}", line.trim_end());
    }
    let name = if stand.counts.audience() == 1 {
        "delivery"
    } else {
        "deliveries"
    };
    let _ = writeln!(text, "  {}\n  {}  {name}", "─".repeat(width), right(&all, width));
    text
}

fn owed(stand: &Stand) -> String {
    match stand.counts.count(StateName::Deferred) {
        0 => String::new(),
        n => format!("{} of them surely not issued by an earlier attempt", grouped(n)),
    }
}

fn doubts(stand: &Stand) -> String {
    let doubts = stand.counts.count(StateName::InDoubt);
    let wait = |n: u64| if n == 1 { "waits" } else { "wait" };
    match (stand.resent, doubts.saturating_sub(stand.resent)) {
        (0, 0) => String::new(),
        (resent, 0) => format!("{} will be sent again, by the same id", grouped(resent)),
        (0, waiting) => format!("{} {} for a person", grouped(waiting), wait(waiting)),
        (resent, waiting) => format!(
            "{} will be sent again, by the same id; {} {} for a person",
            grouped(resent),
            grouped(waiting),
            wait(waiting)
        ),
    }
}

fn held(stand: &Stand) -> String {
    match stand.counts.count(StateName::Held) {
        0 => String::new(),
        1 => "waits for a person, or for its code under `codes` in the file".to_owned(),
        _ => "wait for a person, or for their codes under `codes` in the file".to_owned(),
    }
}

fn skipped(stand: &Stand) -> String {
    let reasons: Vec<_> = stand
        .skipped
        .iter()
        .map(|(why, n)| format!("{} {}", grouped(*n), skip_reason(*why)))
        .collect();
    reasons.join(", ")
}

fn facts(plan: &Proposal) -> Vec<(&'static str, String)> {
    let about = &plan.about;
    let reading = &plan.stand.reading;
    let users = counted(reading.listed, "user", "users");
    let control_group = match reading.control_group {
        0 => "none of them in the control group".to_owned(),
        some => format!("{} of them in the control group", grouped(some)),
    };
    let mut facts = vec![("audience", format!("{users}, {control_group}"))];
    if reading.excluded > 0 {
        facts.push(("", format!("{} excluded", grouped(reading.excluded))));
    }
    if reading.cut > 0 {
        facts.push(("", format!("{} beyond audience.limit", grouped(reading.cut))));
    }
    facts.extend(excludes(reading));
    if reading.repeated.count > 0 {
        facts.push(("repeated", rows(&reading.repeated, reading)));
    }
    for (at, (kind, unusable)) in reading.unusable.iter().enumerate() {
        let name = if at == 0 { "unusable" } else { "" };
        facts.push((name, format!("{}: {}", rows(unusable, reading), unusable_kind(*kind))));
    }
    facts.push(("app", format!("{}, activity {}", about.app_id, about.activity_id)));
    facts.push(("platform", visible(&about.platform).into_owned()));
    facts.push(("ledger", ledger(plan)));
    if plan.ledger.begun.is_some() {
        facts.push(("", format!("in {}", visible(&plan.ledger.dir.display().to_string()))));
    }
    if let Some(EarlierLedger { dir, batch, at }) = &plan.ledger.earlier {
        let at = date_time(*at, &about.zone);
        let seen = format!("one of this campaign was last seen {at} with batch {}", grouped(*batch));
        facts.push(("", format!("{seen}, in {}", visible(dir))));
    }
    if plan.ledger.no_witness {
        let none = "none: XDG_STATE_HOME and HOME name no directory that can be written";
        facts.push(("witness", none.to_owned()));
    }
    facts.push(("pace", pace(plan)));
    facts.extend(schedule(plan).map(|said| ("schedule", said)));
    facts.extend(windows(plan));
    facts.extend(sending(plan).map(|said| ("sending", said)));
    facts.extend(waves(plan));
    for (name, lines) in [("lapse", lapses(plan)), ("money", money(plan))] {
        for (at, said) in lines.into_iter().enumerate() {
            facts.push((if at == 0 { name } else { "" }, said));
        }
    }
    facts
}

fn ledger(plan: &Proposal) -> String {
    let LedgerNote {
        dir, begun, applied, ..
    } = &plan.ledger;
    let time = |at: Timestamp| date_time(at, &plan.about.zone);
    match (begun, applied) {
        (None, _) => format!("new, at {}", visible(&dir.display().to_string())),
        (Some(begun), None) => format!("since {}, nothing applied yet", time(*begun)),
        (Some(begun), Some(applied)) => format!("since {}, last applied {}", time(*begun), time(*applied)),
    }
}

fn pace(plan: &Proposal) -> String {
    let PaceNote {
        per_second,
        max_in_flight,
        per_day,
        begun_today,
        ..
    } = plan.pace;
    let mut text = format!("{}, at most {max_in_flight} in flight", rate(per_second));
    if let Some(most) = per_day {
        let _ = write!(text, ", at most {} a day", counted(most, "attempt", "attempts"));
        if begun_today > 0 {
            let _ = write!(text, " ({} today already)", grouped(begun_today));
        }
    }
    if let Some(most) = plan.stand.at_most {
        let _ = write!(
            text,
            ", at most {} in this run",
            counted(most, "delivery", "deliveries")
        );
    }
    text
}

fn schedule(plan: &Proposal) -> Option<String> {
    let time = |at: Timestamp| date_time(at, &plan.about.zone);
    match (plan.pace.start.map(time), plan.pace.end.map(time)) {
        (None, None) => None,
        (Some(start), None) => Some(format!("nothing before {start}")),
        (None, Some(end)) => Some(format!("nothing from {end} on")),
        (Some(start), Some(end)) => Some(format!("nothing before {start}, nothing from {end} on")),
    }
}

/// The hours, the closed days from today on, and the window that is open or opens next.
fn windows(plan: &Proposal) -> Vec<(&'static str, String)> {
    const SHOWN: usize = 10;
    let about = &plan.about;
    let calendar = &plan.pace.calendar;
    let mut facts = Vec::new();
    let hours: Vec<_> = calendar.hours().iter().map(ToString::to_string).collect();
    if !hours.is_empty() {
        facts.push(("hours", hours.join(", ")));
    }
    let today = about.now.to_zoned_datetime(about.zone.clone()).date();
    let ahead_of = |day: &&Date| **day >= today;
    let closed: Vec<_> = calendar
        .closed()
        .iter()
        .filter(ahead_of)
        .map(ToString::to_string)
        .collect();
    if !closed.is_empty() {
        let more = closed.len().saturating_sub(SHOWN);
        let more = (more > 0).then(|| format!(", and {} more", counted(more as u64, "day", "days")));
        let first = closed.into_iter().take(SHOWN).collect::<Vec<_>>().join(", ");
        facts.push(("closed", first + &more.unwrap_or_default()));
    }
    if let Some(window) = plan.pace.window(about.now) {
        let time = |at| clock_time(at, about.now, &about.zone);
        let mut text = if window.opens > about.now {
            format!("opens {}, {}", time(window.opens), ahead(window.opens, about.now))
        } else {
            "open".to_owned()
        };
        if window.closes < Timestamp::MAX {
            let until = clock_time(window.closes, window.opens.max(about.now), &about.zone);
            let _ = write!(text, "; closes {until}");
        }
        facts.push(("window", text));
    }
    facts
}

/// "from 10:00:01 (in 2 h 13 min) to about 10:17:40 (17 min 39 s)".
fn sending(plan: &Proposal) -> Option<String> {
    let about = &plan.about;
    let forecast = &plan.forecast;
    let starts = forecast.starts_at?;
    let time = |at, day| clock_time(whole_second(at), day, &about.zone);
    let from = format!("from {} ({})", time(starts, about.now), ahead(starts, about.now));
    Some(match forecast.ends_at {
        None => format!("{from}; it would not end in any calendar"),
        Some(ends) => {
            let takes = until(starts, ends).unwrap_or_default();
            format!("{from} to about {} ({})", time(ends, starts), duration(takes))
        }
    })
}

/// The waves: how many deliveries each has, and when it begins.
fn waves(plan: &Proposal) -> Vec<(&'static str, String)> {
    let mut day = plan.about.now;
    let mut facts = Vec::new();
    for turns in &plan.forecast.waves {
        let who = turns
            .wave
            .map_or_else(|| "everybody else".to_owned(), |wave| format!("wave {wave}"));
        let mut text = format!("{who}: {}", counted(turns.to_send, "coupon", "coupons"));
        if let Some(begins) = turns.begins {
            let _ = write!(
                text,
                " from {} on",
                clock_time(whole_second(begins), day, &plan.about.zone)
            );
            day = begins;
        }
        facts.push((if facts.is_empty() { "waves" } else { "" }, text));
    }
    facts
}

fn whole_second(at: Timestamp) -> Timestamp {
    Timestamp::from_second(at.as_second()).unwrap_or(at)
}

fn money(plan: &Proposal) -> Vec<String> {
    let Money { given, told, each } = plan.money;
    let issued = plan.stand.counts.count(StateName::Issued);
    let mut said = Vec::new();
    if told > 0 {
        let untold = match issued.saturating_sub(told) {
            0 => String::new(),
            n => format!(", and the value of {} more was not told", grouped(n)),
        };
        said.push(format!(
            "{} given by {}{untold}",
            yuan(given),
            counted(told, "coupon", "coupons")
        ));
    }
    match (each, plan.stand.to_send()) {
        (_, 0) => {}
        (Some(each), n) => said.push(format!(
            "up to {} to come, {} each",
            yuan(each.saturating_mul(n)),
            yuan(each)
        )),
        (None, _) if told > 0 => said.push("what this activity's coupon is worth is not known yet".to_owned()),
        (None, _) => {}
    }
    said
}

fn changes(plan: &Proposal, width: usize) -> String {
    let Some(applied) = plan.ledger.applied else {
        return "\n".to_owned();
    };
    let since = date_time(applied, &plan.about.zone);
    if plan.changes.is_empty() {
        return format!("\nnothing has changed since the last apply ({since})\n\n");
    }
    let mut text = format!("\nchanged since the last apply ({since})\n");
    let shown: Vec<_> = plan.changes.iter().map(difference).collect();
    let names = plan
        .changes
        .iter()
        .map(|change| columns(change.what))
        .max()
        .unwrap_or(0);
    let wide = shown.iter().map(|text| columns(text)).max().unwrap_or(0);
    let said: Vec<_> = plan.changes.iter().map(consent).collect();
    let longest = said.iter().map(|said| columns(said)).max().unwrap_or(0);
    let beside = names + wide + longest + 6 <= width;
    for ((change, difference), said) in plan.changes.iter().zip(shown).zip(said) {
        let _ = write!(text, "  {}  ", left(change.what, names));
        let style = if change.accepted { Style::new() } else { LOOK };
        let wrapped = wrap(&difference, width, names + 4);
        let _ = match (said.as_str(), beside) {
            ("", _) => writeln!(text, "{wrapped}"),
            (said, true) => writeln!(text, "{}  {style}{said}{style:#}", left(&difference, wide)),
            (said, false) => writeln!(text, "{wrapped}\n{:1$}{style}{said}{style:#}", "", names + 4),
        };
    }
    text.push('\n');
    text
}

/// What approval a change needs or has.
fn consent(change: &ChangeNote) -> String {
    match (change.accept, change.accepted) {
        (None, _) => String::new(),
        (Some(_), true) => "accepted".to_owned(),
        (Some(word), false) => format!("needs --accept {word}"),
    }
}

fn difference(change: &ChangeNote) -> String {
    // An activity is an identifier and gets no thousands separators.
    let value = |text: &String| match text.parse() {
        Ok(n) if change.what.ends_with("audience") => grouped(n),
        _ => visible(text).into_owned(),
    };
    let mut text = match (&change.from, &change.to) {
        (Some(from), Some(to)) => format!("{} → {}", value(from), value(to)),
        (Some(one), None) | (None, Some(one)) => value(one),
        (None, None) => String::new(),
    };
    if let Some(note) = &change.note {
        text.push_str(if text.is_empty() { "" } else { ": " });
        text.push_str(note);
    }
    text
}

/// Whether a plan is feasible, and the reasons if not.
pub(in crate::report) fn judgement(reasons: &[Reason], width: usize) -> String {
    if reasons.is_empty() {
        return format!("{GOOD}feasible{GOOD:#}\n");
    }
    let mut text = format!("{BAD}not feasible{BAD:#}\n");
    for reason in reasons {
        let _ = writeln!(text, "  {}", wrap(&visible(&reason.text), width, 2));
        if let Some(help) = &reason.help {
            let _ = writeln!(text, "  {HELP}help{HELP:#}: {}", wrap(help, width, 8));
        }
    }
    text
}

/// Renders the first requests out of `all`.
#[must_use]
pub fn requests(first: &[RequestNote], all: u64) -> String {
    let shown = first.len() as u64;
    let mut text = match (shown, all) {
        (0, _) => return String::new(),
        (1, 1) => "\nthe one request, as it would go\n".to_owned(),
        (1, _) => format!("\nthe first of {} requests, as it would go\n", grouped(all)),
        _ if shown == all => format!("\nthe {} requests, as they would go\n", grouped(all)),
        _ => format!(
            "\nthe first {} of {} requests, as they would go\n",
            grouped(shown),
            grouped(all)
        ),
    };
    for request in first {
        let _ = writeln!(text, "\n  {} {}", request.method, visible(&request.url));
        for (name, value) in &request.headers {
            let _ = writeln!(text, "  {name}: {}", visible(value));
        }
        let _ = writeln!(text, "\n  {}", visible(&request.body));
    }
    text
}
