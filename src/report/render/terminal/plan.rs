//! A plan as lines for people.

use std::fmt::{Display, Write as _};

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::catalogue::failure::LabelHelp;
use crate::catalogue::{plan as texts, template};
use crate::model::clock::until;
use crate::model::delivery::StateName;
use crate::model::money::{Price, PriceSource, Valuation};
use crate::plan::forecast::WaveTurns;
use crate::report::approvals;
use crate::report::feasibility::Reason;
use crate::report::lists::{joined, skipped_reasons};
use crate::report::plan_view::{
    ChangeNote, EarlierLedger, LedgerNote, PaceNote, PlanView, PlannedDeliveries, RequestNote, StockNote, TemplateNote,
};
use crate::report::text::{Align, Columns, columns, left, visible, visible_path, wrap};
use crate::report::times::{ahead, clock_time, date_time, duration, grouped, rate};
use crate::report::wording;

use super::details::Details;
use super::expiry::expiry;
use super::styles::{BAD, FEASIBLE, HELP, PLAIN, STRONG, WARN};

/// Renders the plan, with styles, in lines of at most `width` columns.
#[must_use]
pub fn text(plan: &PlanView, width: usize) -> String {
    let mut text = headline(plan, width);
    text.push_str(&table(plan, width));
    text.push('\n');
    text.push_str(&details(plan).text(width));
    text.push_str(&changes(plan, width));
    text.push_str(&judgement(&plan.reasons, width));
    let fingerprint = &plan.fingerprint;
    let _ = writeln!(text, "{}", texts::Fingerprint { fingerprint });
    if plan.reasons.is_empty() && plan.deliveries.to_send() > 0 {
        let _ = writeln!(text, "{}\n  {}", texts::ToApply, plan.apply);
    }
    text
}

fn headline(plan: &PlanView, width: usize) -> String {
    let header = &plan.header;
    let title = header.title.as_deref().map(|title| format!(" {}", visible(title)));
    let campaign = format!("{STRONG}{}{}{STRONG:#}", header.campaign, title.unwrap_or_default());
    let to_send = to_send(plan.deliveries.owed(), plan.deliveries.resent);
    let headline = texts::Headline {
        campaign: &campaign,
        to_send: &to_send,
    };
    format!("{}\n\n", wrap(&headline.to_string(), width, 0))
}

/// How many coupons would be sent, and how many of those in doubt would be sent again.
#[must_use]
pub fn to_send(owed: u64, again: u64) -> String {
    match (owed, again) {
        (0, 0) => texts::NothingToSend.to_string(),
        (coupons, 0) => texts::CouponsToSend { coupons }.to_string(),
        (0, coupons) => texts::Resends { coupons }.to_string(),
        (coupons, again) => texts::CouponsAndResends { coupons, again }.to_string(),
    }
}

/// A line of the table of counts.
#[derive(Clone, Debug)]
pub struct CountLine {
    /// The number of deliveries.
    pub count: u64,
    /// What they are.
    pub name: String,
    /// Something about them; may be empty.
    pub note: String,
}

/// The counts after admission, each with a name and a note.
#[must_use]
pub fn count_lines(plan: &PlanView) -> Vec<CountLine> {
    let deliveries = &plan.deliveries;
    let line = |count, name: &dyn Display, note| CountLine {
        count,
        name: name.to_string(),
        note,
    };
    let state = |state: StateName, note| line(deliveries.counts.count(state), &state, note);
    let mut lines = vec![line(deliveries.owed(), &texts::CountToSend, deferred(deliveries))];
    if deliveries.behind > 0 {
        let note = texts::NoteWaiting.to_string();
        lines.push(line(deliveries.behind, &texts::CountWaiting, note));
    }
    if deliveries.lapsing > 0 {
        let note = texts::NoteExpiring.to_string();
        lines.push(line(deliveries.lapsing, &texts::CountExpiring, note));
    }
    let issued = deliveries.counts.count(StateName::Issued);
    lines.extend([
        line(issued, &texts::CountIssued, String::new()),
        state(StateName::Refused, String::new()),
        state(StateName::InDoubt, doubts(deliveries)),
        state(StateName::Held, held(deliveries)),
        state(StateName::Skipped, skipped_reasons(&deliveries.skipped)),
    ]);
    lines
}

/// The named values of a plan, in the order of display.
#[must_use]
pub fn values(plan: &PlanView) -> Vec<(String, String)> {
    let named = details(plan).into_values();
    named.map(|(name, value)| (name.into_owned(), value)).collect()
}

/// The changes since the last apply, a line each.
#[must_use]
pub fn change_list(plan: &PlanView) -> Vec<ChangeLine> {
    plan.changes.iter().flat_map(change_lines).collect()
}

fn table(plan: &PlanView, width: usize) -> String {
    let deliveries = &plan.deliveries;
    let lines = count_lines(plan);
    let all = deliveries.counts.audience();
    let total = [grouped(all), texts::CountAll { deliveries: all }.to_string()];
    let cells: Vec<_> = lines
        .iter()
        .map(|line| [grouped(line.count), line.name.clone()])
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

fn deferred(deliveries: &PlannedDeliveries) -> String {
    match deliveries.counts.count(StateName::Deferred) {
        0 => String::new(),
        deferred => texts::NoteDeferred { deferred }.to_string(),
    }
}

fn doubts(deliveries: &PlannedDeliveries) -> String {
    let doubts = deliveries.counts.count(StateName::InDoubt);
    match (deliveries.resent, doubts.saturating_sub(deliveries.resent)) {
        (0, 0) => String::new(),
        (again, 0) => texts::NoteResent { again }.to_string(),
        (0, waiting) => texts::NoteDoubtsWait { waiting }.to_string(),
        (again, waiting) => texts::NoteResentAndWait { again, waiting }.to_string(),
    }
}

fn held(deliveries: &PlannedDeliveries) -> String {
    match deliveries.counts.count(StateName::Held) {
        0 => String::new(),
        held => texts::NoteHeld { held }.to_string(),
    }
}

fn details(plan: &PlanView) -> Details {
    let header = &plan.header;
    let reading = &plan.deliveries.reading;
    let mut details = Details::default();
    let users = reading.listed;
    let audience = match reading.control_group {
        0 => texts::Audience { users }.to_string(),
        control => texts::AudienceWithControlGroup { users, control }.to_string(),
    };
    details.add(texts::LabelAudience.to_string(), audience);
    if reading.excluded > 0 {
        let excluded = texts::Excluded { n: reading.excluded };
        details.add(texts::LabelAudience.to_string(), excluded.to_string());
    }
    if let Some(taken_over) = &reading.taken_over {
        let taken_over = wording::taken_over(taken_over, &header.zone);
        details.add(texts::LabelAudience.to_string(), taken_over);
    }
    details.add_left_out(reading);
    let app = texts::App {
        app: &header.app_id,
        activity: &header.activity_id.shown(),
    };
    details.add(texts::LabelApp.to_string(), app.to_string());
    if let Some(stock) = plan.stock {
        details.add(
            texts::LabelStock.to_string(),
            stock_text(stock, plan.deliveries.to_send(), &header.zone),
        );
    }
    if let Some(template) = &plan.template {
        for line in template_lines(template, &header.zone) {
            details.add(template::Label.to_string(), line);
        }
    }
    details.add(texts::LabelPlatform.to_string(), visible(&header.platform));
    add_ledger(&mut details, plan);
    details.add(texts::LabelPace.to_string(), pace(plan));
    if let Some(zone) = header.zone.iana_name() {
        details.add(texts::LabelZone.to_string(), zone);
    }
    if let Some(schedule) = schedule(plan) {
        details.add(texts::LabelSchedule.to_string(), schedule);
    }
    add_windows(&mut details, plan);
    for line in sending(plan) {
        details.add(texts::LabelSending.to_string(), line);
    }
    add_waves(&mut details, plan);
    for line in expiry(plan) {
        details.add(texts::LabelExpiry.to_string(), line);
    }
    for line in money(plan) {
        details.add(texts::LabelMoney.to_string(), line);
    }
    details
}

/// The stock of the declared activity, and what is left of it if each delivery takes a coupon.
fn stock_text(note: StockNote, to_send: u64, zone: &TimeZone) -> String {
    let StockNote {
        number,
        is_new,
        stock,
        left,
        used_up_at,
        is_released,
    } = note;
    let stock = &grouped(stock);
    let first = if is_new {
        texts::StockNew { number: &number, stock }.to_string()
    } else {
        texts::StockOf {
            stock,
            left: &grouped(left),
        }
        .to_string()
    };
    let then = match (left.checked_sub(to_send), used_up_at) {
        (Some(after), _) if is_released => texts::StockReleased { n: &grouped(after) }.to_string(),
        (Some(after), _) => texts::StockLeft { n: &grouped(after) }.to_string(),
        (None, Some(at)) => texts::StockUsedUp {
            n: &grouped(to_send - left),
            at: &date_time(at, zone),
        }
        .to_string(),
        (None, None) => texts::StockShort {
            n: &grouped(to_send - left),
        }
        .to_string(),
    };
    texts::StockBoth {
        first: &first,
        then: &then,
    }
    .to_string()
}

/// What the platform says about the template, and what a person should know of it.
fn template_lines(note: &TemplateNote, zone: &TimeZone) -> Vec<String> {
    let id: &dyn Display = &note.coupon_meta_id;
    let named = match &note.name {
        Some(name) => template::Name {
            template: id,
            name: &visible(name),
        }
        .to_string(),
        None => id.to_string(),
    };
    let time = |at: Option<Timestamp>| at.map_or_else(|| template::AnyTime.to_string(), |at| date_time(at, zone));
    let receive = template::Receive {
        from: &time(note.receive_from),
        until: &time(note.receive_until),
    };
    let parts = [
        Some(named),
        note.stock.map(|n| template::Stock { n: &grouped(n) }.to_string()),
        note.is_known.then(|| receive.to_string()),
        note.status
            .map(|status| template::Status { status: &status }.to_string()),
    ];
    let first = joined(parts.into_iter().flatten());
    std::iter::once(first).chain(note.warnings.iter().cloned()).collect()
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
    let ledger = match (begun, applied) {
        (None, _) => texts::LedgerNew { dir: &dir }.to_string(),
        (Some(begun), None) => texts::LedgerSince { since: &time(*begun) }.to_string(),
        (Some(begun), Some(applied)) => texts::LedgerApplied {
            since: &time(*begun),
            applied: &time(*applied),
        }
        .to_string(),
    };
    details.add(texts::LabelLedger.to_string(), ledger);
    if begun.is_some() {
        details.add(
            texts::LabelLedger.to_string(),
            texts::LedgerIn { dir: &dir }.to_string(),
        );
    }
    if let Some(EarlierLedger { dir, batch, at }) = earlier {
        let earlier = texts::LedgerEarlier {
            at: &time(*at),
            batch: *batch,
            dir: &visible(dir),
        };
        details.add(texts::LabelLedger.to_string(), earlier.to_string());
    }
    if *no_witness {
        details.add(texts::LabelWitness.to_string(), texts::NoWitness.to_string());
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
    let pace = texts::Pace {
        rate: &rate(per_second),
        in_flight: &max_in_flight,
    };
    let per_day = per_day.map(|attempts| match begun_today {
        0 => texts::PacePerDay { attempts }.to_string(),
        today => texts::PacePerDayBegun { attempts, today }.to_string(),
    });
    let of_run = plan.deliveries.at_most;
    let of_run = of_run.map(|deliveries| texts::PaceOfRun { deliveries }.to_string());
    joined([pace.to_string()].into_iter().chain(per_day).chain(of_run))
}

fn schedule(plan: &PlanView) -> Option<String> {
    let time = |at: Timestamp| date_time(at, &plan.header.zone);
    match (plan.pace.start.map(time), plan.pace.end.map(time)) {
        (None, None) => None,
        (Some(start), None) => Some(texts::ScheduleStart { start: &start }.to_string()),
        (None, Some(end)) => Some(texts::ScheduleEnd { end: &end }.to_string()),
        (Some(start), Some(end)) => Some(
            texts::Schedule {
                start: &start,
                end: &end,
            }
            .to_string(),
        ),
    }
}

/// The hours, the closed days from today on, and the window that is open or opens next.
fn add_windows(details: &mut Details, plan: &PlanView) {
    const SHOWN: usize = 10;
    let header = &plan.header;
    let calendar = &plan.pace.calendar;
    let hours: Vec<_> = calendar.hours().iter().map(ToString::to_string).collect();
    if !hours.is_empty() {
        details.add(texts::LabelHours.to_string(), hours.join(", "));
    }
    let today = header.now.to_zoned_datetime(header.zone.clone()).date();
    let ahead_of = |day: &&Date| **day >= today;
    let closed: Vec<_> = calendar
        .closed()
        .iter()
        .filter(ahead_of)
        .map(ToString::to_string)
        .collect();
    let days = closed.iter().take(SHOWN).cloned().collect::<Vec<_>>().join(", ");
    match closed.len().saturating_sub(SHOWN) as u64 {
        _ if closed.is_empty() => {}
        0 => details.add(texts::LabelClosed.to_string(), days),
        more => details.add(
            texts::LabelClosed.to_string(),
            texts::ClosedMore { days: &days, more }.to_string(),
        ),
    }
    if let Some(window) = plan.pace.window(header.now) {
        let is_open = window.opens <= header.now;
        let at = clock_time(window.opens, header.now, &header.zone);
        let ahead = ahead(window.opens, header.now);
        let until = clock_time(window.closes, window.opens.max(header.now), &header.zone);
        let window = match (is_open, window.closes < Timestamp::MAX) {
            (true, false) => texts::WindowOpen.to_string(),
            (true, true) => texts::WindowOpenUntil { until: &until }.to_string(),
            (false, false) => texts::WindowOpens { at: &at, r#in: &ahead }.to_string(),
            (false, true) => texts::WindowOpensAndCloses {
                at: &at,
                r#in: &ahead,
                until: &until,
            }
            .to_string(),
        };
        details.add(texts::LabelWindow.to_string(), window);
    }
}

/// "from 10:00:01 (in 2 h 13 min) to about 10:17:40 (17 min 39 s)", and how much of that is before the end of the schedule.
fn sending(plan: &PlanView) -> Vec<String> {
    let header = &plan.header;
    let forecast = &plan.forecast;
    if let Some(text) = approvals::planned_sending(forecast, header.now, &header.zone) {
        return vec![text];
    }
    let time = |at, day| clock_time(whole_second(at), day, &header.zone);
    let sending = forecast.starts_at.map(|starts| {
        let from = time(starts, header.now);
        let ahead = ahead(starts, header.now);
        match forecast.ends_at {
            None => texts::SendingWithoutEnd {
                from: &from,
                r#in: &ahead,
            }
            .to_string(),
            Some(ends) => texts::Sending {
                from: &from,
                r#in: &ahead,
                until: &time(ends, starts),
                long: &duration(until(starts, ends).unwrap_or_default()),
            }
            .to_string(),
        }
    });
    let end = plan.pace.end.filter(|_| forecast.obstacle.is_some());
    let until_end = end.map(|end| {
        let end = date_time(end, &header.zone);
        match forecast.in_time {
            0 => texts::NotSending { end: &end }.to_string(),
            coupons => texts::SendingUntilEnd {
                end: &end,
                coupons,
                all: &grouped(plan.deliveries.in_this_run()),
            }
            .to_string(),
        }
    });
    sending.into_iter().chain(until_end).collect()
}

/// The waves: how many deliveries each has, and when it begins.
fn add_waves(details: &mut Details, plan: &PlanView) {
    let mut day = plan.header.now;
    for turns in &plan.forecast.waves {
        if let Some(text) = approvals::planned_wave(turns, plan.header.now, &plan.header.zone) {
            details.add(texts::LabelWaves.to_string(), text);
            continue;
        }
        let at = turns.begins.map(|begins| {
            let at = clock_time(whole_second(begins), day, &plan.header.zone);
            day = begins;
            at
        });
        details.add(texts::LabelWaves.to_string(), wave(turns, at.as_deref()));
    }
}

fn wave(turns: &WaveTurns, at: Option<&str>) -> String {
    let coupons = turns.to_send;
    match (turns.wave, at) {
        (Some(wave), None) => texts::Wave { wave: &wave, coupons }.to_string(),
        (Some(wave), Some(at)) => texts::WaveFrom {
            wave: &wave,
            coupons,
            at: &at,
        }
        .to_string(),
        (None, None) => texts::LastWave { coupons }.to_string(),
        (None, Some(at)) => texts::LastWaveFrom { coupons, at: &at }.to_string(),
    }
}

fn whole_second(at: Timestamp) -> Timestamp {
    Timestamp::from_second(at.as_second()).unwrap_or(at)
}

fn money(plan: &PlanView) -> Vec<String> {
    let Valuation {
        given, stated, price, ..
    } = plan.valuation;
    let counts = &plan.deliveries.counts;
    let mut lines = Vec::new();
    if stated > 0 {
        lines.push(match counts.count(StateName::Issued).saturating_sub(stated) {
            0 => texts::MoneyGiven {
                amount: &given,
                coupons: stated,
            }
            .to_string(),
            unknown => texts::MoneyGivenInPart {
                amount: &given,
                coupons: stated,
                unknown,
            }
            .to_string(),
        });
    }
    match (price, plan.deliveries.to_send()) {
        (_, 0) => {}
        (Some(Price { each, source }), n) => {
            let amount = &each.times(n);
            let each = &each;
            lines.push(match source {
                PriceSource::File => texts::MoneyToComeByFile { amount, each }.to_string(),
                PriceSource::Platform => texts::MoneyToCome { amount, each }.to_string(),
            });
        }
        (None, _) if stated > 0 || plan.max_worth.is_some() => lines.push(texts::MoneyUnknown.to_string()),
        (None, _) => {}
    }
    let at_most = plan.valuation.known_worth(counts).filter(|worth| worth.unpriced == 0);
    let at_most = at_most.map(|worth| worth.at_most());
    match (at_most, plan.max_worth) {
        (Some(amount), Some(max)) => lines.push(
            texts::MoneyAtMostOf {
                amount: &amount,
                max: &max,
            }
            .to_string(),
        ),
        (None, Some(max)) => lines.push(texts::MoneyLimit { max: &max }.to_string()),
        (_, None) => {}
    }
    lines
}

/// A change as it is shown.
#[derive(Clone, Debug)]
pub struct ChangeLine {
    /// What changed.
    pub what: String,
    /// How it changed.
    pub difference: String,
    /// Whether it needs an agreement, and has it; may be empty.
    pub consent: String,
    /// Whether it has it.
    pub accepted: bool,
}

fn changes(plan: &PlanView, width: usize) -> String {
    let Some(applied) = plan.ledger.applied else {
        return "\n".to_owned();
    };
    let since = date_time(applied, &plan.header.zone);
    if plan.changes.is_empty() {
        return format!("\n{}\n\n", texts::Unchanged { since: &since });
    }
    let mut text = format!("\n{}\n", texts::Changed { since: &since });
    let lines: Vec<_> = plan.changes.iter().flat_map(change_lines).collect();
    let widest = |of: fn(&ChangeLine) -> &str| lines.iter().map(|line| columns(of(line))).max().unwrap_or(0);
    let names = widest(|line| &line.what);
    let differences = widest(|line| &line.difference);
    let consents = widest(|line| &line.consent);
    let beside = names + differences + consents + 6 <= width;
    for line in &lines {
        let ChangeLine {
            what,
            difference,
            consent,
            accepted,
        } = line;
        let _ = write!(text, "  {}  ", left(what, names));
        let style = if *accepted { PLAIN } else { WARN };
        let wrapped = wrap(difference, width, names + 4);
        let _ = match (consent.as_str(), beside) {
            ("", _) => writeln!(text, "{wrapped}"),
            (_, true) => writeln!(text, "{}  {style}{consent}{style:#}", left(difference, differences)),
            (_, false) => writeln!(text, "{wrapped}\n{:1$}{style}{consent}{style:#}", "", names + 4),
        };
    }
    text.push('\n');
    text
}

/// A line for a change; for the settings of the file, a line for each that is known; and one for each group of users.
fn change_lines(change: &ChangeNote) -> Vec<ChangeLine> {
    let line = |what: &str, difference| ChangeLine {
        what: what.to_owned(),
        difference,
        consent: String::new(),
        accepted: false,
    };
    if let Some(settings) = &change.settings {
        return settings
            .iter()
            .map(|setting| line(&setting.key, value(setting.from.as_deref(), setting.to.as_deref())))
            .collect();
    }
    let mut lines = vec![ChangeLine {
        what: change.what.to_owned(),
        difference: difference(change),
        consent: consent(change),
        accepted: change.accepted,
    }];
    lines.extend(
        change
            .users
            .iter()
            .filter(|users| !users.first.is_empty())
            .map(|users| {
                let first: Vec<_> = users.first.iter().map(|open_id| visible(open_id)).collect();
                let first = first.join(", ");
                let more = users.count.saturating_sub(users.first.len() as u64);
                let name = texts::MovedName { how: &users.how };
                let listed = match more {
                    0 => first,
                    more => texts::UsersAndMore { users: &first, more }.to_string(),
                };
                line(
                    "",
                    texts::Labelled {
                        name: &name,
                        value: &listed,
                    }
                    .to_string(),
                )
            }),
    );
    lines
}

/// What approval a change needs or has.
fn consent(change: &ChangeNote) -> String {
    match (change.accept, change.accepted) {
        (None, _) => String::new(),
        (Some(_), true) => texts::ChangeAccepted.to_string(),
        (Some(word), false) => texts::ChangeNeeds { word: &word }.to_string(),
    }
}

/// The value of a setting before and now.
fn value(from: Option<&str>, to: Option<&str>) -> String {
    let shown =
        |value: Option<&str>| value.map_or_else(|| texts::SettingNone.to_string(), |text| visible(text).into_owned());
    texts::ChangeValue {
        from: &shown(from),
        to: &shown(to),
    }
    .to_string()
}

fn difference(change: &ChangeNote) -> String {
    // An activity is an identifier and gets no thousands separators.
    let shown = |text: &String| match text.parse() {
        Ok(n) if change.what.ends_with("audience") => grouped(n),
        _ => visible(text).into_owned(),
    };
    let value = match (&change.from, &change.to) {
        (Some(from), Some(to)) => texts::ChangeValue {
            from: &shown(from),
            to: &shown(to),
        }
        .to_string(),
        (Some(one), None) | (None, Some(one)) => shown(one),
        (None, None) => String::new(),
    };
    match &change.note {
        None => value,
        Some(note) if value.is_empty() => note.clone(),
        Some(note) => texts::Labelled {
            name: &value,
            value: note,
        }
        .to_string(),
    }
}

/// Whether a plan is feasible, and the reasons if not.
#[must_use]
pub fn judgement(reasons: &[Reason], width: usize) -> String {
    if reasons.is_empty() {
        return format!("{FEASIBLE}{}{FEASIBLE:#}\n", texts::Feasible);
    }
    let mut text = format!("{BAD}{}{BAD:#}\n", texts::NotFeasible);
    for reason in reasons {
        let _ = writeln!(text, "  {}", wrap(&visible(&reason.text), width, 2));
        if let Some(help) = &reason.help {
            let label = LabelHelp.to_string();
            let help = wrap(help, width, columns(&label) + 4);
            let _ = writeln!(text, "  {HELP}{label}{HELP:#}: {help}");
        }
    }
    text
}

/// Renders the first requests out of `all`.
#[must_use]
pub fn requests(first: &[RequestNote], all: u64) -> String {
    let shown = first.len() as u64;
    let head = match (shown, all) {
        (0, _) => return String::new(),
        (1, 1) => texts::RequestOnly.to_string(),
        (1, _) => texts::RequestFirst { all }.to_string(),
        _ if shown == all => texts::RequestsAll { all }.to_string(),
        _ => texts::RequestsFirst { shown, all }.to_string(),
    };
    let mut text = format!("\n{head}\n");
    for request in first {
        let _ = writeln!(text, "\n  {} {}", request.method, visible(&request.url));
        for (name, value) in &request.headers {
            let _ = writeln!(text, "  {name}: {}", visible(value));
        }
        let _ = writeln!(text, "\n  {}", visible(&request.body));
    }
    text
}
