//! The progress of a run: counts, rate, estimated end, and the reason while nothing is being sent. Pure: the present
//! time and the width are arguments.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::time::Duration;

use anstyle::{AnsiColor, Style};
use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::model::calendar::Calendar;
use crate::model::clock::Moment;
use crate::model::delivery::StateName;
use crate::model::event::{DrainReason, Ending, Phase, Waiting};
use crate::model::run_command::Requester;
use crate::plan::forecast;

use super::run_stats::{Admitting, RunStats};
use super::text::{columns, cut, visible};
use super::times::{ahead, clock_time, counted, duration, grouped, left_until, rate, stamp};

/// What reporters need to know besides the events.
#[derive(Clone, Debug)]
pub struct Setup {
    /// The display name of the campaign among those of the process.
    pub name: String,
    /// The campaign's time zone, for displayed times.
    pub zone: TimeZone,
    /// The windows of its schedule.
    pub calendar: Calendar,
    /// The plan's pace in starts per second.
    pub per_second: f64,
    /// The command that continues after an interruption, ready to be typed.
    pub again: String,
}

/// The state of a run at one moment.
#[derive(Clone, Copy, Debug)]
pub struct Look<'a> {
    /// The statistics of the run.
    pub stats: &'a RunStats,
    /// The campaign's setup.
    pub setup: &'a Setup,
    /// The present time.
    pub now: Moment,
}

impl Look<'_> {
    /// The state of the run, as a word of the JSON schema.
    #[must_use]
    pub fn state(&self) -> &'static str {
        let stats = self.stats;
        match (&stats.ended, &stats.doing.phase) {
            (Some(ended), _) => state_at_end(stats, ended.ending),
            (None, Some(Phase::Waiting { .. })) => "waiting",
            (None, Some(Phase::Paused { .. })) => "paused",
            (None, Some(Phase::Draining { .. })) => "draining",
            (None, Some(Phase::Sending)) => "sending",
            (None, None) if stats.doing.queued => "waiting",
            (None, None | Some(Phase::Planning)) => "planning",
        }
    }

    /// Starts per second over the last ten seconds.
    #[must_use]
    pub fn rate(&self) -> f64 {
        self.stats.sends.rate(self.now.instant)
    }

    /// When the last owed delivery would be answered, with hours outside windows and waits after waves included: at the
    /// allowed pace, or at the measured rate when that is known to be lower. `None` while nothing is being sent, except
    /// during the wait for a wave.
    #[must_use]
    pub fn ends_at(&self) -> Option<Timestamp> {
        let stats = self.stats;
        let owed = self.stats.counts.owed();
        let sending = match &stats.doing.phase {
            Some(Phase::Sending) => true,
            Some(Phase::Waiting {
                why: Waiting::Wave { .. },
                ..
            }) if !stats.doing.ahead.is_over() => false,
            _ => return None,
        };
        if stats.ended.is_some() || owed == 0 {
            return None;
        }
        let allowed = stats.doing.slowed.map_or(self.setup.per_second, |(pace, _)| pace);
        let known = sending && stats.sends.known(self.now.instant) == Duration::from_secs(10);
        let pace = if known { allowed.min(self.rate()) } else { allowed };
        forecast::rest(&self.setup.calendar, pace, &stats.doing.ahead.left(owed), self.now.wall)
    }

    /// Why nothing is being sent, or why sending is slow; `None` when there is nothing to explain.
    #[must_use]
    pub fn why(&self) -> Option<String> {
        let stats = self.stats;
        match &stats.doing.phase {
            None | Some(Phase::Planning) => stats.audience.reading.is_none().then(|| self.reading()),
            Some(Phase::Paused { by }) => Some(self.paused(by)),
            Some(Phase::Waiting { why, until }) => Some(self.waiting(why, *until)),
            Some(Phase::Draining { why }) => Some(self.draining(why)),
            Some(Phase::Sending) => stats.doing.slowed.map(|(pace, until)| {
                format!(
                    "the platform asks to slow down: {}, back to {} at {}",
                    rate(pace),
                    rate(self.setup.per_second),
                    self.time(until)
                )
            }),
        }
    }

    fn time(&self, at: Timestamp) -> String {
        clock_time(at, self.now.wall, &self.setup.zone)
    }

    fn admitting(&self, admitting: &Admitting) -> String {
        let took = self.now.instant.saturating_duration_since(admitting.since);
        let text = format!(
            "letting the audience in: {} of {}",
            grouped(admitting.users),
            counted(admitting.of, "user", "users")
        );
        #[expect(clippy::cast_precision_loss, reason = "an estimate for showing")]
        let left = admitting.of.saturating_sub(admitting.users) as f64 / admitting.users.max(1) as f64;
        match Duration::try_from_secs_f64(took.as_secs_f64() * left) {
            // The first moments do not predict the rest.
            Ok(left) if took.as_secs() > 0 && admitting.users > 0 => format!("{text}, {} left", duration(left)),
            _ => text,
        }
    }

    fn reading(&self) -> String {
        if self.stats.doing.queued {
            return "its turn to read its audience is ahead".to_owned();
        }
        if let Some(admitting) = &self.stats.audience.admitting {
            return self.admitting(admitting);
        }
        if self.stats.doing.asking {
            return "asking on its terminal whether to go on".to_owned();
        }
        match self.stats.audience.read {
            Some(read) => {
                let took = self.now.instant.saturating_duration_since(read.since);
                reading(read.rows, took, read.of)
            }
            None => reading(0, Duration::ZERO, None),
        }
    }

    fn waiting(&self, why: &Waiting, until: Option<Timestamp>) -> String {
        let next = |verb: &str| match until {
            Some(at) => format!("{verb} {}", ahead(at, self.now.wall)),
            None => String::new(),
        };
        let joined = |what: String, next: String| {
            if next.is_empty() {
                what
            } else {
                format!("{what}, {next}")
            }
        };
        match why {
            Waiting::Start => match until {
                Some(at) => format!("starts {}, {}", self.time(at), ahead(at, self.now.wall)),
                None => "waiting for the start".to_owned(),
            },
            Waiting::Window => match until {
                Some(at) => format!("window opens {}, {}", self.time(at), ahead(at, self.now.wall)),
                None => "no window opens any more".to_owned(),
            },
            Waiting::Day { most } => joined(
                format!("the {} attempts of today (pace.per_day) are used up", grouped(*most)),
                next("goes on"),
            ),
            Waiting::Wave { done, next } => {
                let next = next.map_or_else(|| "everybody else".to_owned(), |next| format!("wave {next}"));
                match until.and_then(|at| left_until(at, self.now.wall)) {
                    Some(left) => format!("wave {done} done, {left} to {next}"),
                    None => format!("wave {done} done, {next} comes now"),
                }
            }
            Waiting::AppId { owner } => format!(
                "another run sends for this app id: pid {} on {} since {} ({})",
                owner.pid,
                visible(&owner.host),
                self.time(owner.since),
                visible(&owner.command)
            ),
            Waiting::Due => joined("nothing is due at the moment".to_owned(), next("next attempt")),
            Waiting::Outage { since } => joined(
                format!("the platform is out of reach since {}", self.time(*since)),
                next("next try"),
            ),
            Waiting::Platform { code, message } => joined(
                format!("the platform asks to wait ({code}{})", said(message)),
                next("next try"),
            ),
            Waiting::Token { since, why } => joined(
                format!("no access token since {}: {}", self.time(*since), visible(why)),
                next("next try"),
            ),
        }
    }

    fn paused(&self, by: &Requester) -> String {
        let paused = format!("paused by {}", visible(&by.to_string()));
        match self.stats.audience.reading {
            Some(_) => self.with_in_flight(paused),
            None => format!("{paused}; {}", self.reading()),
        }
    }

    fn draining(&self, why: &DrainReason) -> String {
        self.with_in_flight(format!("stopping: {}", drained(why)))
    }

    fn with_in_flight(&self, why: String) -> String {
        match self.stats.counts.count(StateName::InFlight) {
            0 => why,
            n => format!("{why}; waiting for {} in flight", grouped(n)),
        }
    }

    /// The counts in pieces that can be laid out one after another. Zeros that say nothing are omitted.
    fn pieces(&self) -> Vec<(Style, String)> {
        let counts = &self.stats.counts;
        let mut pieces = vec![
            piece(GOOD, "issued", counts.count(StateName::Issued)),
            piece(PLAIN, "refused", counts.count(StateName::Refused)),
            piece(LOOK, "in doubt", counts.count(StateName::InDoubt)),
            piece(LOOK, "held", counts.count(StateName::Held)),
        ];
        if counts.count(StateName::Skipped) > 0 {
            pieces.push(piece(PLAIN, "skipped", counts.count(StateName::Skipped)));
        }
        if self.stats.doing.phase == Some(Phase::Sending) {
            pieces.push((PLAIN, rate(self.rate())));
        }
        if let Some(ends) = self.ends_at() {
            pieces.push((
                PLAIN,
                format!("ends {}, {}", self.time(ends), ahead(ends, self.now.wall)),
            ));
        }
        pieces
    }

    /// How many deliveries are done, and out of how many.
    pub(super) fn done(&self) -> (u64, u64) {
        let counts = &self.stats.counts;
        (counts.settled() + counts.count(StateName::Skipped), counts.audience())
    }

    /// The lines of a bar for a terminal of `width` columns, with styles.
    #[must_use]
    pub fn bar(&self, width: usize) -> Vec<String> {
        let admitted = self.stats.audience.reading.is_some();
        // Some terminals wrap a line that fills the last column.
        let width = width.saturating_sub(1).max(20);
        let mut lines = vec![self.head(width, admitted)];
        if admitted {
            lines.append(&mut flow(&self.pieces(), width));
        }
        if let Some(why) = self.why() {
            let why = cut(&why, width).into_owned();
            lines.push(format!("{LOOK}{why}{LOOK:#}"));
        }
        lines
    }

    fn head(&self, width: usize, admitted: bool) -> String {
        let name = cut(&self.name(), width / 2).into_owned();
        if !admitted {
            return format!("{STRONG}{name}{STRONG:#}");
        }
        let (done, all) = self.done();
        let numbers = format!("{} of {} ({} %)", grouped(done), grouped(all), filled(done, all, 100));
        let room = width.saturating_sub(columns(&name) + columns(&numbers) + 4).min(80);
        let filled = filled(done, all, room);
        let full = "━".repeat(filled);
        let rest = "─".repeat(room - filled);
        format!("{STRONG}{name}{STRONG:#}  {GOOD}{full}{GOOD:#}{FAINT}{rest}{FAINT:#}  {numbers}")
    }

    fn name(&self) -> String {
        self.stats
            .run
            .as_ref()
            .map_or_else(String::new, |run| match &run.title {
                Some(title) => format!("{} {}", run.campaign, visible(title)),
                None => run.campaign.to_string(),
            })
    }

    /// The progress in one line, for output that is not a terminal.
    #[must_use]
    pub fn line(&self) -> String {
        self.stamped("")
    }

    /// Like [`Self::line`], among several campaigns.
    #[must_use]
    pub fn line_among(&self) -> String {
        self.stamped(&format!("{}: ", visible(&self.setup.name)))
    }

    fn stamped(&self, name: &str) -> String {
        let stamp = stamp(self.now.wall, &self.setup.zone);
        let mut text = format!("[{stamp}] {name}");
        if self.stats.audience.reading.is_some() {
            let (done, all) = self.done();
            let percent = filled(done, all, 100);
            let _ = write!(text, "{} of {} ({percent} %): ", grouped(done), grouped(all));
            let pieces: Vec<_> = self.pieces().into_iter().map(|(_, text)| text).collect();
            text.push_str(&pieces.join(", "));
        }
        match self.why() {
            Some(why) if self.stats.audience.reading.is_some() => text + "; " + &why,
            Some(why) => text + &why,
            None => text,
        }
    }
}

pub(super) const GOOD: Style = AnsiColor::Green.on_default();
pub(super) const LOOK: Style = AnsiColor::Yellow.on_default();
pub(super) const STRONG: Style = Style::new().bold();
pub(super) const FAINT: Style = Style::new().dimmed();
pub(super) const PLAIN: Style = Style::new();

/// A named count; its style applies only when it is above zero.
fn piece(style: Style, name: &str, n: u64) -> (Style, String) {
    (if n == 0 { PLAIN } else { style }, format!("{name} {}", grouped(n)))
}

/// The progress of reading an audience after `took`: "reading the audience: 3,211,264 rows, 1,204,000/s, 6 s left".
/// There may be more rows than `expected`.
#[must_use]
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "rates and estimates for showing"
)]
pub fn reading(rows: u64, took: Duration, expected: Option<u64>) -> String {
    if rows == 0 && took < Duration::from_secs(1) {
        return "reading the audience".to_owned();
    }
    if rows == 0 {
        // A query may run for minutes before its first row.
        return format!("reading the audience: no row yet, {} so far", duration(took));
    }
    let per_second = rows as f64 / took.as_secs_f64().max(0.1);
    let rate = grouped(per_second as u64);
    let mut text = format!("reading the audience: {}, {rate}/s", counted(rows, "row", "rows"));
    if let Some(left) = expected.and_then(|expected| expected.checked_sub(rows)) {
        let left = Duration::from_secs((left as f64 / per_second).ceil() as u64);
        let _ = write!(text, ", {} left", duration(left));
    }
    text
}

/// Lays out pieces in lines of at most `width` columns, two spaces apart.
fn flow(pieces: &[(Style, String)], width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    let mut used = 0;
    for (style, text) in pieces {
        let text = cut(text, width);
        let wide = columns(&text);
        if used > 0 && used + 2 + wide > width {
            lines.push(std::mem::take(&mut line));
            used = 0;
        }
        if used > 0 {
            line.push_str("  ");
            used += 2;
        }
        let _ = write!(line, "{style}{text}{style:#}");
        used += wide;
    }
    lines.push(line);
    lines
}

/// How many of `room` cells are full; the last one only when everything is done.
pub(super) fn filled(done: u64, all: u64, room: usize) -> usize {
    let cells = u128::from(done) * room as u128 / u128::from(all.max(1));
    usize::try_from(cells).map_or(room, |cells| cells.min(room))
}

/// The state of a run that has ended, as a word of the JSON schema.
pub(super) fn state_at_end(stats: &RunStats, ending: Ending) -> &'static str {
    let past_end = matches!(
        stats.doing.drained,
        Some(DrainReason::End | DrainReason::NoWindow | DrainReason::NoWave)
    );
    match ending {
        Ending::Complete => "complete",
        Ending::NeedsPerson if stats.halted.is_some() => "halted",
        Ending::NeedsPerson if past_end => "ended",
        Ending::Incomplete | Ending::NeedsPerson => "incomplete",
    }
}

/// Why no further attempt starts, in a few words.
#[must_use]
pub fn drained(why: &DrainReason) -> Cow<'static, str> {
    let why = match why {
        DrainReason::Stopped { by } => return format!("it was stopped by {}", visible(&by.to_string())).into(),
        DrainReason::Interrupted => "it was interrupted",
        DrainReason::Halted => "it halted",
        DrainReason::End => "schedule.end is past",
        DrainReason::AtMost => "--at-most is reached",
        DrainReason::GaveUp => "the platform was out of reach for longer than retry.give_up",
        DrainReason::NothingLeft => "nothing is left that may be sent now",
        DrainReason::NotStarted => "schedule.start is ahead, and --no-wait is given",
        DrainReason::OutsideHours => "it is outside schedule.hours, and --no-wait is given",
        DrainReason::DayUsedUp => "as many attempts began today as pace.per_day allows, and --no-wait is given",
        DrainReason::NoWindow => "no window opens before schedule.end",
        DrainReason::NoWave => "the next wave cannot begin before schedule.end",
        DrainReason::BetweenWaves => "the next wave has to wait, and --no-wait is given",
        DrainReason::AppIdTaken => "another run sends for this app id, and --no-wait is given",
    };
    why.into()
}

/// The platform's message for text after a code; empty without a message.
pub(super) fn said(message: &str) -> String {
    if message.is_empty() {
        String::new()
    } else {
        format!(": {}", visible(message))
    }
}

#[cfg(test)]
mod tests;
