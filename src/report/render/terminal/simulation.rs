//! A simulation as lines for people: its end, facts, and a bar for each hour.

use std::fmt::Write as _;
use std::time::Duration;

use anstyle::Style;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::model::clock::until;
use crate::model::event::{DrainReason, Ending, Halted};
use crate::model::identity::CampaignName;
use crate::report::feasibility::Reason;
use crate::report::reason::stop_reason;
use crate::report::simulation::SimulationView;
use crate::report::simulation::hours::Hour;
use crate::report::text::{columns, right, visible, visible_path, wrap};
use crate::report::times::{counted, duration, grouped, rate};
use crate::report::wording::{self, waited_for};

use super::details::Details;
use super::plan::judgement;
use super::run_summary::codes;
use super::styles::{BAD, FAINT, GOOD, HELP, STRONG, WARN};

/// The maximum width: longer bars say no more.
const MOST_COLUMNS: usize = 80;
/// Waits shorter than this are not shown in an hour with sends.
const NEWS: Duration = Duration::from_mins(1);

/// Renders the simulation, with styles, in lines of at most `width` columns, and never more than eighty.
#[must_use]
pub fn text(simulated: &SimulationView, width: usize) -> String {
    let width = width.min(MOST_COLUMNS);
    let Some(verdict) = verdict(simulated) else {
        return String::new();
    };
    let stats = &simulated.stats;
    let (campaign, title) = stats.run.as_ref().map_or((String::new(), None), |run| {
        (run.campaign.to_string(), run.title.as_deref())
    });
    let mut text = format!("{}\n", headline(&campaign, title));
    let (style, said) = verdict;
    let _ = writeln!(text, "{style}{}{style:#}\n", wrap(&said, width, 0));
    let _ = writeln!(text, "  {}\n", wrap(&wording::counts_sum(&stats.counts), width, 4));
    text.push_str(&details(simulated).text(width));
    let more = codes(stats, width) + &hours(simulated, width);
    if !more.is_empty() {
        text.push('\n');
        text.push_str(&more);
    }
    text.push_str(&help(simulated, width));
    text
}

/// Renders an apply that would be refused before it sends.
#[must_use]
pub fn refused(campaign: &CampaignName, title: Option<&str>, reasons: &[Reason], width: usize) -> String {
    let width = width.min(MOST_COLUMNS);
    format!(
        "{}\n{BAD}An apply would stop before it sends anything.{BAD:#}\n\n{}",
        headline(campaign.as_str(), title),
        judgement(reasons, width)
    )
}

fn headline(campaign: &str, title: Option<&str>) -> String {
    let title = title.map(|title| format!(" {}", visible(title)));
    format!("{STRONG}{campaign}{}{STRONG:#}: simulated", title.unwrap_or_default())
}

fn at(at: Timestamp, zone: &TimeZone) -> String {
    at.to_zoned_datetime(zone.clone())
        .strftime("%a %Y-%m-%d %H:%M")
        .to_string()
}

/// The end of the campaign, in a paragraph; `None` unless the run ended.
#[must_use]
pub fn verdict(simulated: &SimulationView) -> Option<(Style, String)> {
    let stats = &simulated.stats;
    let settings = &simulated.settings;
    let ended = stats.ended?;
    let when = at(ended.at, &settings.zone);
    let took = until(settings.from, ended.at).unwrap_or_default();
    let why = || stop_reason(stats).unwrap_or_default();
    let coded = || wording::problem(stats).map_or_else(why, |problem| format!("{problem}, {}", why()));
    let attempts = counted(stats.sends.attempts, "attempt", "attempts");
    let owed = counted(stats.counts.owed(), "coupon", "coupons");
    Some(match (ended.ending, &stats.halted, &stats.drain_reason) {
        (Ending::Complete, ..) if stats.sends.attempts == 0 => {
            (GOOD, "It is complete: nothing is left to send.".to_owned())
        }
        (Ending::Complete, ..) => (
            GOOD,
            format!("It would be complete on {when}, after {}.", duration(took)),
        ),
        (Ending::NeedsPerson, Some(halted), _) => {
            let by = if is_guard(halted) {
                "A guard would halt it"
            } else {
                "It would be halted"
            };
            let left = match stats.counts.owed() {
                0 => String::new(),
                _ => format!(", with {owed} still owed"),
            };
            (BAD, format!("{by} on {when}, after {attempts}{left}: {}.", coded()))
        }
        (Ending::NeedsPerson, None, Some(DrainReason::End | DrainReason::NoWindow)) => (
            BAD,
            format!(
                "It would not be done in time: on {when} {}, and {owed} would still be owed.",
                why()
            ),
        ),
        (Ending::NeedsPerson, None, _) => (
            BAD,
            format!(
                "On {when} nothing would be left that may be sent by itself, and a person would have to look: {}.",
                coded()
            ),
        ),
        // A simulated run is interrupted only when the simulation reaches its own limit.
        (Ending::Incomplete, _, Some(DrainReason::Interrupted)) => (
            WARN,
            format!("It would still go on at {when}, and was followed no further."),
        ),
        (Ending::Incomplete, ..) => (
            WARN,
            format!(
                "It would end on {when} without being complete: {}. The same command would go on.",
                why()
            ),
        ),
    })
}

const fn is_guard(halted: &Halted) -> bool {
    matches!(
        halted,
        Halted::Refused { .. } | Halted::Held { .. } | Halted::SameCode { .. } | Halted::Wave { .. }
    )
}

/// The conditions and the course of the simulation.
#[must_use]
pub fn details(simulated: &SimulationView) -> Details {
    let settings = &simulated.settings;
    let sends = &simulated.stats.sends;
    let mut details = Details::default();
    let zone = settings.zone.iana_name().unwrap_or("the campaign's zone");
    let from = at(settings.from, &settings.zone);
    details.add("from", format!("{from}, by the clocks of {zone}"));
    if sends.attempts > 0 {
        let mut sending = counted(sends.attempts, "attempt", "attempts");
        if let Some(reached) = sends.reached() {
            let _ = write!(sending, ", {} reached", rate(reached));
        }
        let most = grouped(sends.second.most());
        details.add("sending", format!("{sending}, at most {most} in any one second"));
    }
    for line in &settings.world {
        details.add("stand-in", line);
    }
    match &settings.ledger {
        Some(dir) => {
            let dir = visible_path(dir);
            details.add("ledger", format!("gone on from {dir}, which is as before"));
        }
        None => details.add("ledger", "new"),
    }
    details
}

/// What a person would have to do.
fn help(simulated: &SimulationView, width: usize) -> String {
    let stats = &simulated.stats;
    let mut text = String::new();
    if stats.ended.is_some_and(|ended| ended.ending == Ending::NeedsPerson) {
        text.push('\n');
        for advice in wording::advice(stats) {
            let _ = writeln!(text, "{HELP}help{HELP:#}: {}", wrap(&visible(&advice), width, 6));
        }
        if let Some(problem) = wording::problem(stats) {
            let _ = writeln!(text, "      `runner explain {problem}` says more");
        }
    }
    text.push_str("\na simulation: nothing was sent and nothing was changed\n");
    text
}

/// A column of numbers: its name, and its value in an hour.
type Column = (&'static str, fn(&Hour) -> u64);

/// The columns of the table; those that are zero in every hour are omitted.
struct Columns {
    shown: Vec<Column>,
    widths: Vec<usize>,
    /// The width of the bar.
    bar: usize,
    most: u64,
}

const LABEL: usize = 15;
const RATE: usize = 7;

impl Columns {
    fn new(hours: &[Hour], width: usize) -> Self {
        let always: [Column; 2] = [("sent", |hour| hour.sent), ("issued", |hour| hour.issued)];
        let others: [Column; 3] = [
            ("refused", |hour| hour.refused),
            ("in doubt", |hour| hour.in_doubt),
            ("held", |hour| hour.held),
        ];
        let there = |(_, number): &Column| hours.iter().any(|hour| number(hour) > 0);
        let shown: Vec<_> = always.into_iter().chain(others.into_iter().filter(there)).collect();
        let most = |number: fn(&Hour) -> u64| hours.iter().map(number).max().unwrap_or(0);
        let widths: Vec<_> = shown
            .iter()
            .map(|(name, number)| columns(name).max(columns(&grouped(most(*number)))))
            .collect();
        let before = LABEL + widths.iter().map(|width| width + 2).sum::<usize>() + 2 + RATE + 2;
        Self {
            bar: width.saturating_sub(before),
            most: most(|hour| hour.sent),
            shown,
            widths,
        }
    }

    fn head(&self) -> String {
        let mut line = " ".repeat(LABEL);
        for ((name, _), width) in self.shown.iter().zip(&self.widths) {
            let _ = write!(line, "  {}", right(name, *width));
        }
        format!("{FAINT}{line}  {}{FAINT:#}\n", right("rate", RATE))
    }

    fn row(&self, hour: &Hour) -> String {
        let mut line = String::new();
        for ((_, number), width) in self.shown.iter().zip(&self.widths) {
            let _ = write!(line, "  {}", right(&grouped(number(hour)), *width));
        }
        let reached = hour.rate().map(rate).unwrap_or_default();
        let _ = write!(line, "  {}", right(&reached, RATE));
        match bar(hour.sent, self.most, self.bar) {
            bar if bar.is_empty() => line.trim_end().to_owned(),
            bar => format!("{line}  {GOOD}{bar}{GOOD:#}"),
        }
    }
}

/// A bar of `n` of `most` on `room` columns, to an eighth of a column; empty only for zero.
fn bar(n: u64, most: u64, room: usize) -> String {
    const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    let eighths = u128::from(n) * room as u128 * 8 / u128::from(most.max(1));
    let eighths = usize::try_from(eighths).unwrap_or(0).min(room * 8);
    let eighths = if n > 0 && room > 0 { eighths.max(1) } else { eighths };
    format!("{}{}", "█".repeat(eighths / 8), EIGHTHS[eighths % 8])
}

const fn form_of(same_day: bool) -> &'static str {
    if same_day { "%H:%M" } else { "%a %m-%d %H:%M" }
}

/// The hours, one line each. The day is shown where it begins; a time without events is one line.
fn hours(simulated: &SimulationView, width: usize) -> String {
    let hours = &simulated.hours;
    let zone = &simulated.settings.zone;
    if hours.iter().all(Hour::is_quiet) {
        return String::new();
    }
    let columns = Columns::new(hours, width);
    let mut text = columns.head();
    let mut before = None;
    for hour in hours {
        let from = hour.from.to_zoned_datetime(zone.clone());
        let form = match before.replace((from.date(), from.offset())) {
            Some((day, offset)) if day != from.date() || offset == from.offset() => form_of(day == from.date()),
            // The zone's offset changed since the last line: the clocks may show an hour twice.
            Some(_) => "%:::z %H:%M",
            None => form_of(false),
        };
        let label = right(&from.strftime(form).to_string(), LABEL);
        if hour.is_quiet() {
            let said = wrap(&quiet(hour, zone), width, LABEL + 2);
            let _ = writeln!(text, "{label}  {FAINT}{said}{FAINT:#}");
            continue;
        }
        let _ = writeln!(text, "{label}{}", columns.row(hour));
        if let Some(waits) = waits(hour) {
            let _ = writeln!(text, "{:LABEL$}  {WARN}{}{WARN:#}", "", wrap(&waits, width, LABEL + 2));
        }
    }
    text
}

/// "nothing until Tue 06-02 10:00, 13 h: outside schedule.hours".
#[must_use]
pub fn quiet(hour: &Hour, zone: &TimeZone) -> String {
    let from = hour.from.to_zoned_datetime(zone.clone());
    let end = hour.until.to_zoned_datetime(zone.clone());
    let form = form_of(from.date() == end.date());
    let long = duration(until(hour.from, hour.until).unwrap_or_default());
    let why = match hour.waits().as_slice() {
        [] => String::new(),
        [(word, _)] => format!(": {}", waited_for(word)),
        several => format!(": {}", listed(several)),
    };
    format!("nothing until {}, {long}{why}", end.strftime(form))
}

/// What the run waited for in an hour with sends.
#[must_use]
pub fn waits(hour: &Hour) -> Option<String> {
    let mut waits = hour.waits();
    waits.retain(|(_, long)| *long >= NEWS);
    (!waits.is_empty()).then(|| format!("waited: {}", listed(&waits)))
}

/// "outside schedule.hours (13 h), pace.per_day used up (2 h)".
fn listed(waits: &[(&'static str, Duration)]) -> String {
    let said = waits
        .iter()
        .map(|(word, long)| format!("{} ({})", waited_for(word), duration(*long)));
    said.collect::<Vec<_>>().join(", ")
}
