//! A plan as lines for people.

use std::fmt::Write as _;

use jiff::Timestamp;
use jiff::civil::Date;

use crate::model::clock::until;
use crate::model::delivery::StateName;
use crate::report::approvals;
use crate::report::feasibility::Reason;
use crate::report::plan_view::{
    ChangeNote, EarlierLedger, LedgerNote, Money, PaceNote, PlanView, PlannedDeliveries, RequestNote,
};
use crate::report::text::{Align, Columns, columns, left, visible, visible_path, wrap};
use crate::report::times::{ahead, clock_time, counted, date_time, duration, grouped, rate, yuan};
use crate::report::wording::skip_reason;

use super::details::Details;
use super::expiry::lapses;
use super::styles::{BAD, FEASIBLE, HELP, PLAIN, STRONG, WARN};

/// Renders the plan, with styles, in lines of at most `width` columns.
#[must_use]
pub fn text(plan: &PlanView, width: usize) -> String {
    let mut text = headline(plan);
    text.push_str(&table(plan, width));
    text.push('\n');
    text.push_str(&details(plan).text(width));
    text.push_str(&changes(plan, width));
    text.push_str(&judgement(&plan.reasons, width));
    let _ = writeln!(text, "fingerprint {}", plan.fingerprint);
    if plan.reasons.is_empty() && plan.deliveries.to_send() > 0 {
        let _ = writeln!(text, "to apply this plan and no other:\n  {}", plan.apply);
    }
    text
}

fn headline(plan: &PlanView) -> String {
    let header = &plan.header;
    let title = header.title.as_deref().map(|title| format!(" {}", visible(title)));
    let coupons = |n| counted(n, "coupon", "coupons");
    let to_send = match (plan.deliveries.owed(), plan.deliveries.resent) {
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
        header.campaign,
        title.unwrap_or_default()
    )
}

/// A line of the table of counts.
struct CountLine {
    count: u64,
    name: &'static str,
    note: String,
}

/// The counts after admission, each with a name and a note.
fn table(plan: &PlanView, width: usize) -> String {
    let deliveries = &plan.deliveries;
    let line = |count, name, note| CountLine { count, name, note };
    let state = |state, name, note| line(deliveries.counts.count(state), name, note);
    let mut lines = vec![line(deliveries.owed(), "to send", owed(deliveries))];
    if deliveries.behind > 0 {
        let why = "behind a coupon of the same user that is held or in doubt";
        lines.push(line(deliveries.behind, "waiting", why.to_owned()));
    }
    if deliveries.lapsing > 0 {
        let why = "their users will be last active too long ago when their turn comes";
        lines.push(line(deliveries.lapsing, "will lapse", why.to_owned()));
    }
    lines.extend([
        state(StateName::Issued, "already issued", String::new()),
        state(StateName::Refused, "refused", String::new()),
        state(StateName::InDoubt, "in doubt", doubts(deliveries)),
        state(StateName::Held, "held", held(deliveries)),
        state(StateName::Skipped, "skipped", skipped(deliveries)),
    ]);
    let all = deliveries.counts.audience();
    let name = if all == 1 { "delivery" } else { "deliveries" };
    let total = [grouped(all), name.to_owned()];
    let cells: Vec<_> = lines
        .iter()
        .map(|line| [grouped(line.count), line.name.to_owned()])
        .collect();
    let table = Columns::new([Align::Right, Align::Left], cells.iter().chain([&total])).fit(usize::MAX, 5, usize::MAX);
    let mut text = String::new();
    for (cells, line) in cells.iter().zip(&lines) {
        let note = wrap(&line.note, width, table.width() + 4);
        let line = format!("  {}  {note}", table.cells(cells).join("  "));
        let _ = writeln!(text, "{}", line.trim_end());
    }
    let _ = writeln!(text, "  {}\n  {}", "─".repeat(table.widths()[0]), table.line(&total));
    text
}

fn owed(deliveries: &PlannedDeliveries) -> String {
    match deliveries.counts.count(StateName::Deferred) {
        0 => String::new(),
        n => format!("{} of them surely not issued by an earlier attempt", grouped(n)),
    }
}

fn doubts(deliveries: &PlannedDeliveries) -> String {
    let doubts = deliveries.counts.count(StateName::InDoubt);
    let wait = |n: u64| if n == 1 { "waits" } else { "wait" };
    match (deliveries.resent, doubts.saturating_sub(deliveries.resent)) {
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

fn held(deliveries: &PlannedDeliveries) -> String {
    match deliveries.counts.count(StateName::Held) {
        0 => String::new(),
        1 => "waits for a person, or for its code under `codes` in the file".to_owned(),
        _ => "wait for a person, or for their codes under `codes` in the file".to_owned(),
    }
}

fn skipped(deliveries: &PlannedDeliveries) -> String {
    let reasons: Vec<_> = deliveries
        .skipped
        .iter()
        .map(|(why, n)| format!("{} {}", grouped(*n), skip_reason(*why)))
        .collect();
    reasons.join(", ")
}

fn details(plan: &PlanView) -> Details {
    let header = &plan.header;
    let reading = &plan.deliveries.reading;
    let users = counted(reading.listed, "user", "users");
    let control_group = match reading.control_group {
        0 => "none of them in the control group".to_owned(),
        some => format!("{} of them in the control group", grouped(some)),
    };
    let mut details = Details::default();
    details.add("audience", format!("{users}, {control_group}"));
    if reading.excluded > 0 {
        details.add("audience", format!("{} excluded", grouped(reading.excluded)));
    }
    details.add_left_out(reading);
    details.add("app", format!("{}, activity {}", header.app_id, header.activity_id));
    details.add("platform", visible(&header.platform));
    add_ledger(&mut details, plan);
    details.add("pace", pace(plan));
    if let Some(schedule) = schedule(plan) {
        details.add("schedule", schedule);
    }
    add_windows(&mut details, plan);
    if let Some(sending) = sending(plan) {
        details.add("sending", sending);
    }
    add_waves(&mut details, plan);
    for line in lapses(plan) {
        details.add("lapse", line);
    }
    for line in money(plan) {
        details.add("money", line);
    }
    details
}

fn add_ledger(details: &mut Details, plan: &PlanView) {
    let LedgerNote {
        dir,
        begun,
        applied,
        earlier,
        no_witness,
    } = &plan.ledger;
    let time = |at: Timestamp| date_time(at, &plan.header.zone);
    let dir = visible_path(dir);
    match (begun, applied) {
        (None, _) => details.add("ledger", format!("new, at {dir}")),
        (Some(begun), None) => details.add("ledger", format!("since {}, nothing applied yet", time(*begun))),
        (Some(begun), Some(applied)) => {
            let ledger = format!("since {}, last applied {}", time(*begun), time(*applied));
            details.add("ledger", ledger);
        }
    }
    if begun.is_some() {
        details.add("ledger", format!("in {dir}"));
    }
    if let Some(EarlierLedger { dir, batch, at }) = earlier {
        let at = time(*at);
        let seen = format!("one of this campaign was last seen {at} with batch {}", grouped(*batch));
        details.add("ledger", format!("{seen}, in {}", visible(dir)));
    }
    if *no_witness {
        let none = "none: XDG_STATE_HOME and HOME name no directory that can be written";
        details.add("witness", none);
    }
}

fn pace(plan: &PlanView) -> String {
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
    if let Some(most) = plan.deliveries.at_most {
        let _ = write!(
            text,
            ", at most {} in this run",
            counted(most, "delivery", "deliveries")
        );
    }
    text
}

fn schedule(plan: &PlanView) -> Option<String> {
    let time = |at: Timestamp| date_time(at, &plan.header.zone);
    match (plan.pace.start.map(time), plan.pace.end.map(time)) {
        (None, None) => None,
        (Some(start), None) => Some(format!("nothing before {start}")),
        (None, Some(end)) => Some(format!("nothing from {end} on")),
        (Some(start), Some(end)) => Some(format!("nothing before {start}, nothing from {end} on")),
    }
}

/// The hours, the closed days from today on, and the window that is open or opens next.
fn add_windows(details: &mut Details, plan: &PlanView) {
    const SHOWN: usize = 10;
    let header = &plan.header;
    let calendar = &plan.pace.calendar;
    let hours: Vec<_> = calendar.hours().iter().map(ToString::to_string).collect();
    if !hours.is_empty() {
        details.add("hours", hours.join(", "));
    }
    let today = header.now.to_zoned_datetime(header.zone.clone()).date();
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
        details.add("closed", first + &more.unwrap_or_default());
    }
    if let Some(window) = plan.pace.window(header.now) {
        let time = |at| clock_time(at, header.now, &header.zone);
        let mut text = if window.opens > header.now {
            format!("opens {}, {}", time(window.opens), ahead(window.opens, header.now))
        } else {
            "open".to_owned()
        };
        if window.closes < Timestamp::MAX {
            let until = clock_time(window.closes, window.opens.max(header.now), &header.zone);
            let _ = write!(text, "; closes {until}");
        }
        details.add("window", text);
    }
}

/// "from 10:00:01 (in 2 h 13 min) to about 10:17:40 (17 min 39 s)".
fn sending(plan: &PlanView) -> Option<String> {
    let header = &plan.header;
    let forecast = &plan.forecast;
    if let Some(text) = approvals::planned_sending(forecast, header.now, &header.zone) {
        return Some(text);
    }
    let starts = forecast.starts_at?;
    let time = |at, day| clock_time(whole_second(at), day, &header.zone);
    let from = format!("from {} ({})", time(starts, header.now), ahead(starts, header.now));
    Some(match forecast.ends_at {
        None => format!("{from}; it would not end in any calendar"),
        Some(ends) => {
            let takes = until(starts, ends).unwrap_or_default();
            format!("{from} to about {} ({})", time(ends, starts), duration(takes))
        }
    })
}

/// The waves: how many deliveries each has, and when it begins.
fn add_waves(details: &mut Details, plan: &PlanView) {
    let mut day = plan.header.now;
    for turns in &plan.forecast.waves {
        if let Some(text) = approvals::planned_wave(turns, plan.header.now, &plan.header.zone) {
            details.add("waves", text);
            continue;
        }
        let who = turns
            .wave
            .map_or_else(|| "everybody else".to_owned(), |wave| format!("wave {wave}"));
        let mut text = format!("{who}: {}", counted(turns.to_send, "coupon", "coupons"));
        if let Some(begins) = turns.begins {
            let _ = write!(
                text,
                " from {} on",
                clock_time(whole_second(begins), day, &plan.header.zone)
            );
            day = begins;
        }
        details.add("waves", text);
    }
}

fn whole_second(at: Timestamp) -> Timestamp {
    Timestamp::from_second(at.as_second()).unwrap_or(at)
}

fn money(plan: &PlanView) -> Vec<String> {
    let Money { given, told, each } = plan.money;
    let issued = plan.deliveries.counts.count(StateName::Issued);
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
    match (each, plan.deliveries.to_send()) {
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

fn changes(plan: &PlanView, width: usize) -> String {
    let Some(applied) = plan.ledger.applied else {
        return "\n".to_owned();
    };
    let since = date_time(applied, &plan.header.zone);
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
        let style = if change.accepted { PLAIN } else { WARN };
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
#[must_use]
pub fn judgement(reasons: &[Reason], width: usize) -> String {
    if reasons.is_empty() {
        return format!("{FEASIBLE}feasible{FEASIBLE:#}\n");
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
