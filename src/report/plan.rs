//! How a plan is shown to people: what would be sent and what not, what has changed, when it would be done, what it would
//! cost, and whether it can be done at all.

pub mod json;
pub mod verdict;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;

use anstyle::{AnsiColor, Style};
use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::clock::until;
use crate::delivery::{Counts, Skipped, StateName};
use crate::event::Reading;
use crate::identity::{ActivityId, AppId, CampaignName};
use crate::plan::forecast::Forecast;

use super::summary::{rows, unusable_kind};
use super::text::{columns, left, right, visible, wrap};
use super::times::{ahead, clock_time, date_time, duration, grouped, of, rate, yuan};
use verdict::Reason;

/// A plan, as it is shown.
#[derive(Clone, Debug)]
pub struct Proposal {
    /// Of what it is.
    pub about: About,
    /// The ledger that it was made for.
    pub ledger: LedgerNote,
    /// Where everything would stand, and what would be sent.
    pub stand: Stand,
    /// What is otherwise than at the last apply.
    pub changes: Vec<ChangeNote>,
    /// How fast it is sent, and when.
    pub pace: PaceNote,
    /// When it would be done.
    pub forecast: Forecast,
    /// What it is worth.
    pub money: Money,
    /// Why it cannot be made so, if it cannot.
    pub reasons: Vec<Reason>,
    /// What tells it from any other.
    pub fingerprint: String,
    /// The command that applies it and nothing else, as one would type it.
    pub apply: String,
}

/// Of what a plan is, and when and for whom it is shown.
#[derive(Clone, Debug)]
pub struct About {
    /// The campaign.
    pub campaign: CampaignName,
    /// Its title.
    pub title: Option<String>,
    /// The app.
    pub app_id: AppId,
    /// The activity.
    pub activity_id: ActivityId,
    /// Where requests would go.
    pub platform: String,
    /// By which clocks times are shown.
    pub zone: TimeZone,
    /// The present.
    pub now: Timestamp,
}

/// The ledger that a plan was made for.
#[derive(Clone, Debug)]
pub struct LedgerNote {
    /// Where it is or would be.
    pub dir: PathBuf,
    /// When it was begun; none when there is none yet.
    pub begun: Option<Timestamp>,
    /// When the last audience was let in.
    pub applied: Option<Timestamp>,
}

/// Where everything would stand, and what would be sent.
#[derive(Clone, Debug)]
pub struct Stand {
    /// Where deliveries would stand once the audience is admitted.
    pub counts: Counts,
    /// Skipped ones by reason.
    pub skipped: BTreeMap<Skipped, u64>,
    /// What the source says.
    pub reading: Reading,
    /// Doubts that would be sent again.
    pub resent: u64,
    /// Owed, but behind a coupon of the same user that waits for a person.
    pub behind: u64,
    /// The most that the run may attempt, where it was told.
    pub at_most: Option<u64>,
}

impl Stand {
    /// How many would be sent for the first time or again because they surely were not.
    #[must_use]
    pub const fn owed(&self) -> u64 {
        self.counts.owed().saturating_sub(self.behind)
    }

    /// How many would be sent, doubts included.
    #[must_use]
    pub const fn to_send(&self) -> u64 {
        self.owed() + self.resent
    }

    /// Whether something waits for a person.
    #[must_use]
    pub const fn waits(&self) -> bool {
        self.counts.of(StateName::Held) + self.counts.of(StateName::InDoubt) > self.resent
    }
}

/// Something that is otherwise than at the last apply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangeNote {
    /// What.
    pub what: &'static str,
    /// What it was; none when that is not known.
    pub from: Option<String>,
    /// What it is now; none when there is no word for it.
    pub to: Option<String>,
    /// More about it.
    pub note: Option<String>,
    /// The word of `--accept` that it needs.
    pub accept: Option<&'static str>,
    /// Whether that was given.
    pub accepted: bool,
}

/// How fast a plan is sent, and when.
#[derive(Clone, Copy, Debug)]
pub struct PaceNote {
    /// Starts per second.
    pub per_second: f64,
    /// The most in flight.
    pub max_in_flight: u16,
    /// Nothing starts before.
    pub start: Option<Timestamp>,
    /// Nothing starts from here on.
    pub end: Option<Timestamp>,
}

/// What coupons are worth, in fen, as far as the platform told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Money {
    /// What all of those together take off whose value was told.
    pub given: u64,
    /// How many those are.
    pub told: u64,
    /// What the latest one of this activity takes off.
    pub each: Option<u64>,
}

const GOOD: Style = AnsiColor::Green.on_default().bold();
const BAD: Style = AnsiColor::Red.on_default().bold();
const LOOK: Style = AnsiColor::Yellow.on_default();
const STRONG: Style = Style::new().bold();
const HELP: Style = AnsiColor::Cyan.on_default().bold();

/// The plan for people, with styles, in lines of at most `width` columns.
#[must_use]
pub fn text(plan: &Proposal, width: usize) -> String {
    let mut text = headline(plan);
    text.push_str(&table(plan, width));
    text.push('\n');
    for (name, value) in facts(plan) {
        let _ = writeln!(text, "  {name:<9} {}", wrap(&value, width, 12));
    }
    text.push_str(&changes(plan, width));
    text.push_str(&judgement(plan, width));
    let _ = writeln!(text, "fingerprint {}", plan.fingerprint);
    if plan.reasons.is_empty() && plan.stand.to_send() > 0 {
        let _ = writeln!(text, "to apply this plan and no other:\n  {}", plan.apply);
    }
    text
}

fn headline(plan: &Proposal) -> String {
    let about = &plan.about;
    let title = about.title.as_deref().map(|title| format!(" {}", visible(title)));
    let to_send = match plan.stand.to_send() {
        0 => "nothing to send".to_owned(),
        n => format!("{} to send", of(n, "coupon", "coupons")),
    };
    format!(
        "{STRONG}{}{}{STRONG:#}: {to_send}\n\n",
        about.campaign,
        title.unwrap_or_default()
    )
}

/// Where everything would stand: a number, a name, and what there is to say of it.
fn table(plan: &Proposal, columns_of_all: usize) -> String {
    let stand = &plan.stand;
    let count = |state| stand.counts.of(state);
    let mut table = vec![
        (stand.owed(), "to send", owed(stand)),
        (count(StateName::Issued), "already issued", String::new()),
        (count(StateName::Refused), "refused", String::new()),
        (count(StateName::InDoubt), "in doubt", doubts(stand)),
        (count(StateName::Held), "held", held(stand)),
        (count(StateName::Skipped), "skipped", skipped(stand)),
    ];
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
    match stand.counts.of(StateName::Deferred) {
        0 => String::new(),
        n => format!("{} of them surely not issued by an earlier attempt", grouped(n)),
    }
}

fn doubts(stand: &Stand) -> String {
    let doubts = stand.counts.of(StateName::InDoubt);
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
    match stand.counts.of(StateName::Held) {
        0 => String::new(),
        1 => "waits for a person, or for its code under `codes` in the file".to_owned(),
        _ => "wait for a person, or for their codes under `codes` in the file".to_owned(),
    }
}

fn skipped(stand: &Stand) -> String {
    let reasons: Vec<_> = stand
        .skipped
        .iter()
        .map(|(why, n)| format!("{} {}", grouped(*n), reason(*why)))
        .collect();
    reasons.join(", ")
}

const fn reason(why: Skipped) -> &'static str {
    match why {
        Skipped::Gone => "gone from the source",
        Skipped::CouponsPerUser => "above coupons_per_user",
        Skipped::EarlierRefused => "behind a refused coupon of the same user",
    }
}

fn facts(plan: &Proposal) -> Vec<(&'static str, String)> {
    let (about, reading) = (&plan.about, &plan.stand.reading);
    let users = of(reading.listed, "user", "users");
    let mut facts = vec![("audience", format!("{users}, none of them in the control group"))];
    if reading.cut > 0 {
        facts.push(("", format!("{} beyond audience.limit", grouped(reading.cut))));
    }
    if reading.repeated.count > 0 {
        facts.push(("repeated", rows(&reading.repeated)));
    }
    for (at, (kind, unusable)) in reading.unusable.iter().enumerate() {
        let name = if at == 0 { "unusable" } else { "" };
        facts.push((name, format!("{}: {}", rows(unusable), unusable_kind(*kind))));
    }
    facts.push(("app", format!("{}, activity {}", about.app_id, about.activity_id)));
    facts.push(("platform", visible(&about.platform).into_owned()));
    facts.push(("ledger", ledger(plan)));
    if plan.ledger.begun.is_some() {
        facts.push(("", format!("in {}", visible(&plan.ledger.dir.display().to_string()))));
    }
    facts.push(("pace", pace(plan)));
    facts.extend(schedule(plan).map(|said| ("schedule", said)));
    facts.extend(sending(plan).map(|said| ("sending", said)));
    for (at, said) in money(plan).into_iter().enumerate() {
        facts.push((if at == 0 { "money" } else { "" }, said));
    }
    facts
}

fn ledger(plan: &Proposal) -> String {
    let LedgerNote { dir, begun, applied } = &plan.ledger;
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
        ..
    } = plan.pace;
    let mut text = format!("{}, at most {max_in_flight} in flight", rate(per_second));
    if let Some(most) = plan.stand.at_most {
        let _ = write!(text, ", at most {} in this run", of(most, "delivery", "deliveries"));
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

/// "from 10:00:01 (in 2 h 13 min) to about 10:17:40 (17 min 39 s)".
fn sending(plan: &Proposal) -> Option<String> {
    let (about, forecast) = (&plan.about, &plan.forecast);
    let starts = forecast.starts_at?;
    let time = |at| clock_time(whole_second(at), about.now, &about.zone);
    let from = format!("from {} ({})", time(starts), ahead(starts, about.now));
    Some(match forecast.ends_at {
        None => format!("{from}; it would not end in any calendar"),
        Some(ends) => {
            let takes = until(starts, ends).unwrap_or_default();
            format!("{from} to about {} ({})", time(ends), duration(takes))
        }
    })
}

fn whole_second(at: Timestamp) -> Timestamp {
    Timestamp::from_second(at.as_second()).unwrap_or(at)
}

fn money(plan: &Proposal) -> Vec<String> {
    let Money { given, told, each } = plan.money;
    let issued = plan.stand.counts.of(StateName::Issued);
    let mut said = Vec::new();
    if told > 0 {
        let untold = match issued.saturating_sub(told) {
            0 => String::new(),
            n => format!(", and the value of {} more was not told", grouped(n)),
        };
        said.push(format!(
            "{} given by {}{untold}",
            yuan(given),
            of(told, "coupon", "coupons")
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
    for (change, difference) in plan.changes.iter().zip(shown) {
        let _ = write!(text, "  {}  {}", left(change.what, names), left(&difference, wide));
        if let Some(word) = change.accept {
            let said = if change.accepted {
                "accepted".to_owned()
            } else {
                format!("needs --accept {word}")
            };
            if names + wide + columns(&said) + 6 > width {
                let _ = write!(text, "\n{:1$}", "", names + 4);
            } else {
                text.push_str("  ");
            }
            let style = if change.accepted { Style::new() } else { LOOK };
            let _ = write!(text, "{style}{said}{style:#}");
        }
        text.truncate(text.trim_end().len());
        text.push('\n');
    }
    text.push('\n');
    text
}

fn difference(change: &ChangeNote) -> String {
    // An activity is a number that nobody counts with.
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

fn judgement(plan: &Proposal, width: usize) -> String {
    if plan.reasons.is_empty() {
        return format!("{GOOD}feasible{GOOD:#}\n");
    }
    let mut text = format!("{BAD}not feasible{BAD:#}\n");
    for reason in &plan.reasons {
        let _ = writeln!(text, "  {}", wrap(&visible(&reason.text), width, 2));
        if let Some(help) = &reason.help {
            let _ = writeln!(text, "  {HELP}help{HELP:#}: {}", wrap(help, width, 8));
        }
    }
    text
}

/// A request as it would go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestNote {
    /// To whom.
    pub open_id: String,
    /// Which of their coupons, from 1.
    pub ordinal: u8,
    /// By which idempotency key.
    pub merchant_coupon_id: String,
    /// The method.
    pub method: String,
    /// The whole address.
    pub url: String,
    /// The headers by name, in order, without the token.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: String,
}

/// The first requests of `all`, in lines for people.
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

#[cfg(test)]
mod tests;
