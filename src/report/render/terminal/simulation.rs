//! A simulation as lines for people: its end, facts, and a bar for each hour.

use std::fmt::{Display, Write as _};
use std::time::Duration;

use anstyle::Style;
use jiff::civil::Date;
use jiff::tz::{Offset, TimeZone};
use jiff::{Timestamp, ZonedDateTime};

use crate::catalogue::failure::LabelHelp;
use crate::catalogue::simulation as texts;
use crate::model::clock::until;
use crate::model::delivery::StateName;
use crate::model::event::{DrainReason, Ending, Halted};
use crate::model::identity::CampaignName;
use crate::report::feasibility::Reason;
use crate::report::lists::joined;
use crate::report::reason::stop_reason;
use crate::report::simulation::SimulationView;
use crate::report::simulation::hours::Hour;
use crate::report::text::{columns, right, visible, visible_path, wrap};
use crate::report::times::{duration, grouped, rate};
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
    let mut text = format!("{}\n", wrap(&headline(&campaign, title), width, 0));
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
        "{}\n{BAD}{}{BAD:#}\n\n{}",
        wrap(&headline(campaign.as_str(), title), width, 0),
        texts::Refused,
        judgement(reasons, width)
    )
}

fn headline(campaign: &str, title: Option<&str>) -> String {
    let title = title.map(|title| format!(" {}", visible(title)));
    let campaign = format!("{STRONG}{campaign}{}{STRONG:#}", title.unwrap_or_default());
    texts::Headline { campaign: &campaign }.to_string()
}

/// Formats `at` in `zone` with its day of the week.
#[must_use]
pub fn day_and_time(at: Timestamp, zone: &TimeZone) -> String {
    with_weekday(&at.to_zoned_datetime(zone.clone()), "%Y-%m-%d %H:%M")
}

/// Formats a time with its day of the week.
#[must_use]
pub fn with_weekday(at: &ZonedDateTime, form: &str) -> String {
    let day = at.strftime("%a").to_string().to_lowercase();
    format!("{} {}", texts::Weekday { day: &day }, at.strftime(form))
}

/// The end of the campaign, in a paragraph; `None` unless the run ended.
#[must_use]
pub fn verdict(simulated: &SimulationView) -> Option<(Style, String)> {
    let stats = &simulated.stats;
    let settings = &simulated.settings;
    let ended = stats.ended?;
    let when = day_and_time(ended.at, &settings.zone);
    let took = until(settings.from, ended.at).unwrap_or_default();
    let why = || stop_reason(stats).unwrap_or_default();
    let coded = || match wording::problem(stats) {
        Some(problem) => texts::Coded {
            problem: &problem,
            why: &why(),
        }
        .to_string(),
        None => why(),
    };
    let attempts = stats.sends.attempts;
    let owed = stats.counts.owed();
    Some(match (ended.ending, &stats.halted, &stats.drain_reason) {
        (Ending::Complete, ..) if attempts == 0 => (GOOD, texts::NothingLeft.to_string()),
        (Ending::Complete, ..) => {
            let took = duration(took);
            let complete = texts::Complete {
                when: &when,
                took: &took,
            };
            (GOOD, complete.to_string())
        }
        (Ending::NeedsPerson, Some(halted), _) => {
            let by = if is_rule(halted) { "rule" } else { "answer" };
            let why = coded();
            let halted = match owed {
                0 => texts::Halted {
                    by: &by,
                    when: &when,
                    attempts,
                    why: &why,
                }
                .to_string(),
                owed => texts::HaltedOwed {
                    by: &by,
                    when: &when,
                    attempts,
                    owed,
                    why: &why,
                }
                .to_string(),
            };
            (BAD, halted)
        }
        (Ending::NeedsPerson, None, Some(DrainReason::End | DrainReason::NoWindow)) => {
            let late = texts::NotInTime {
                when: &when,
                why: &why(),
                owed,
            };
            (BAD, late.to_string())
        }
        (Ending::NeedsPerson, None, _) => {
            let left = texts::NeedsPerson {
                when: &when,
                why: &coded(),
            };
            (BAD, left.to_string())
        }
        // A simulated run is interrupted only when the simulation reaches its own limit.
        (Ending::Incomplete, _, Some(DrainReason::Interrupted)) => (WARN, texts::GoesOn { when: &when }.to_string()),
        (Ending::Incomplete, ..) => {
            let incomplete = texts::Incomplete {
                when: &when,
                why: &why(),
            };
            (WARN, incomplete.to_string())
        }
    })
}

const fn is_rule(halted: &Halted) -> bool {
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
    let zone = match settings.zone.iana_name() {
        Some(zone) => zone.to_owned(),
        None => texts::ZoneOfCampaign.to_string(),
    };
    let from = texts::From {
        from: &day_and_time(settings.from, &settings.zone),
        zone: &zone,
    };
    details.add(texts::LabelFrom.to_string(), from.to_string());
    if sends.attempts > 0 {
        let attempts = sends.attempts;
        let most = sends.second.most();
        let sending = match sends.reached() {
            None => texts::Sending { attempts, most }.to_string(),
            Some(reached) => texts::SendingReached {
                attempts,
                rate: &rate(reached),
                most,
            }
            .to_string(),
        };
        details.add(texts::LabelSending.to_string(), sending);
    }
    for line in &settings.world {
        details.add(texts::LabelSandbox.to_string(), line);
    }
    let ledger = match &settings.ledger {
        Some(dir) => texts::LedgerContinued {
            dir: &visible_path(dir),
        }
        .to_string(),
        None => texts::LedgerNew.to_string(),
    };
    details.add(texts::LabelLedger.to_string(), ledger);
    details
}

/// What a person would have to do.
fn help(simulated: &SimulationView, width: usize) -> String {
    let stats = &simulated.stats;
    let mut text = String::new();
    if stats.ended.is_some_and(|ended| ended.ending == Ending::NeedsPerson) {
        text.push('\n');
        let label = LabelHelp.to_string();
        let indent = columns(&label) + 2;
        for advice in wording::advice(stats) {
            let _ = writeln!(
                text,
                "{HELP}{label}{HELP:#}: {}",
                wrap(&visible(&advice), width, indent)
            );
        }
        if let Some(problem) = wording::problem(stats) {
            let _ = writeln!(text, "{:indent$}{}", "", texts::Explain { problem: &problem });
        }
    }
    let _ = writeln!(text, "\n{}", texts::NothingSent);
    text
}

/// A column of numbers: its name, and its value in an hour.
struct Column {
    name: String,
    number: fn(&Hour) -> u64,
    width: usize,
}

/// The columns of the table; those that are zero in every hour are omitted.
struct Columns {
    shown: Vec<Column>,
    /// The width of the times at the beginning of the rows.
    label: usize,
    /// Whether there is room for the rate.
    has_rate: bool,
    /// The width of the bar.
    bar: usize,
    most: u64,
}

const RATE: usize = 7;

impl Columns {
    fn new(hours: &[Hour], label: usize, width: usize) -> Self {
        let most = |number: fn(&Hour) -> u64| hours.iter().map(number).max().unwrap_or(0);
        let column = |name: &dyn Display, number: fn(&Hour) -> u64| {
            let name = name.to_string();
            let width = columns(&name).max(columns(&grouped(most(number))));
            Column { name, number, width }
        };
        let mut shown = vec![
            column(&texts::ColumnSent, |hour| hour.sent),
            column(&StateName::Issued, |hour| hour.issued),
        ];
        let others = [
            column(&StateName::Refused, |hour| hour.refused),
            column(&StateName::InDoubt, |hour| hour.in_doubt),
            column(&StateName::Held, |hour| hour.held),
        ];
        shown.extend(others.into_iter().filter(|column| most(column.number) > 0));
        let numbers = label + shown.iter().map(|column| column.width + 2).sum::<usize>();
        let with_rate = numbers + 2 + RATE;
        Self {
            has_rate: with_rate <= width,
            bar: width.saturating_sub(with_rate + 2),
            most: most(|hour| hour.sent),
            label,
            shown,
        }
    }

    fn head(&self) -> String {
        let mut line = " ".repeat(self.label);
        for column in &self.shown {
            let _ = write!(line, "  {}", right(&column.name, column.width));
        }
        if self.has_rate {
            let _ = write!(line, "  {}", right(&texts::ColumnRate.to_string(), RATE));
        }
        format!("{FAINT}{line}{FAINT:#}\n")
    }

    fn row(&self, hour: &Hour) -> String {
        let mut line = String::new();
        for column in &self.shown {
            let number = grouped((column.number)(hour));
            let _ = write!(line, "  {}", right(&number, column.width));
        }
        if self.has_rate {
            let reached = hour.rate().map(rate).unwrap_or_default();
            let _ = write!(line, "  {}", right(&reached, RATE));
        }
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

/// The beginning of an hour: the time, with the day before it where a day begins.
fn hour_label(from: &ZonedDateTime, before: Option<(Date, Offset)>) -> String {
    match before {
        Some((day, _)) if day != from.date() => with_weekday(from, "%m-%d %H:%M"),
        // The zone's offset changed since the last line: the clocks may show an hour twice.
        Some((_, offset)) if offset != from.offset() => from.strftime("%:::z %H:%M").to_string(),
        Some(_) => from.strftime("%H:%M").to_string(),
        None => with_weekday(from, "%m-%d %H:%M"),
    }
}

/// The hours, one line each. The day is shown where it begins; a time without events is one line.
fn hours(simulated: &SimulationView, width: usize) -> String {
    let hours = &simulated.hours;
    let zone = &simulated.settings.zone;
    if hours.iter().all(Hour::is_quiet) {
        return String::new();
    }
    let mut before = None;
    let labels: Vec<_> = hours
        .iter()
        .map(|hour| {
            let from = hour.from.to_zoned_datetime(zone.clone());
            let label = hour_label(&from, before);
            before = Some((from.date(), from.offset()));
            label
        })
        .collect();
    let label = labels.iter().map(|label| columns(label)).max().unwrap_or_default();
    let table = Columns::new(hours, label, width);
    let mut text = table.head();
    for (hour, begins) in hours.iter().zip(&labels) {
        let begins = right(begins, label);
        if hour.is_quiet() {
            let said = wrap(&quiet(hour, zone), width, label + 2);
            let _ = writeln!(text, "{begins}  {FAINT}{said}{FAINT:#}");
            continue;
        }
        let _ = writeln!(text, "{begins}{}", table.row(hour));
        if let Some(waits) = waits(hour) {
            let _ = writeln!(text, "{:label$}  {WARN}{}{WARN:#}", "", wrap(&waits, width, label + 2));
        }
    }
    text
}

/// "nothing until Tue 06-02 10:00, 13 h: outside schedule.hours".
#[must_use]
pub fn quiet(hour: &Hour, zone: &TimeZone) -> String {
    let from = hour.from.to_zoned_datetime(zone.clone());
    let end = hour.until.to_zoned_datetime(zone.clone());
    let end = if from.date() == end.date() {
        end.strftime("%H:%M").to_string()
    } else {
        with_weekday(&end, "%m-%d %H:%M")
    };
    let long = duration(until(hour.from, hour.until).unwrap_or_default());
    let why = match hour.waits().as_slice() {
        [] => {
            return texts::Quiet {
                until: &end,
                long: &long,
            }
            .to_string();
        }
        [(word, _)] => waited_for(word),
        several => listed(several),
    };
    texts::QuietFor {
        until: &end,
        long: &long,
        why: &why,
    }
    .to_string()
}

/// What the run waited for in an hour with sends.
#[must_use]
pub fn waits(hour: &Hour) -> Option<String> {
    let mut waits = hour.waits();
    waits.retain(|(_, long)| *long >= NEWS);
    (!waits.is_empty()).then(|| texts::Waited { waits: &listed(&waits) }.to_string())
}

/// "outside schedule.hours (13 h), pace.per_day used up (2 h)".
fn listed(waits: &[(&'static str, Duration)]) -> String {
    joined(waits.iter().map(|(word, long)| {
        texts::Wait {
            why: &waited_for(word),
            long: &duration(*long),
        }
        .to_string()
    }))
}
