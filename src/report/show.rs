//! Decides what to display when. Pure: takes events and ticks, returns pieces to write.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::model::clock::Moment;
use crate::model::delivery::Counts;
use crate::model::event::{Attempt, Event, EventKind, Phase, Waiting};

use super::json::Object;
use super::progress::{Look, Setup};
use super::run_stats::RunStats;
use super::summary;
use super::text::visible;
use super::times::{date_time, duration, grouped, rate, stamp};

/// How often a line is written.
const EVERY: Duration = Duration::from_secs(10);

/// Something to write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// The bar, if there is one, needs drawing.
    Moving,
    /// A line for people.
    Line(String),
    /// An object for programs.
    Json(String),
    /// An object for the record of events.
    Record(String),
}

/// Decides what to display of a run.
#[derive(Clone, Debug)]
pub struct Show {
    setup: Arc<Setup>,
    lines: bool,
    /// The counts that programs received last, if this is one of several campaigns: its lines begin with its name, and
    /// progress lines cover all campaigns together.
    among: Option<Counts>,
    told: Option<Instant>,
    /// Whether the rate of reading the audience was displayed.
    reading: bool,
    phase: Word,
    pace: f64,
}

/// A phase without its details. Short waits between retries occur many times a second, and count as sending.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Word {
    Planning,
    Paused,
    Sending,
    Start,
    Window,
    Day,
    Wave,
    AppId,
    Outage,
    Platform,
    Token,
    DrainReason,
}

impl Word {
    const fn new(phase: &Phase) -> Self {
        match phase {
            Phase::Sending | Phase::Waiting { why: Waiting::Due, .. } => Self::Sending,
            Phase::Planning => Self::Planning,
            Phase::Paused { .. } => Self::Paused,
            Phase::Draining { .. } => Self::DrainReason,
            Phase::Waiting { why, .. } => match why {
                Waiting::Due => Self::Sending,
                Waiting::Start => Self::Start,
                Waiting::Window => Self::Window,
                Waiting::Day { .. } => Self::Day,
                Waiting::Wave { .. } => Self::Wave,
                Waiting::AppId { .. } => Self::AppId,
                Waiting::Outage { .. } => Self::Outage,
                Waiting::Platform { .. } => Self::Platform,
                Waiting::Token { .. } => Self::Token,
            },
        }
    }
}

impl Show {
    /// The display of a run without events; with `lines`, it writes a line every ten seconds and at each change.
    #[must_use]
    pub fn new(setup: Arc<Setup>, lines: bool) -> Self {
        Self {
            pace: setup.per_second,
            setup,
            lines,
            among: None,
            told: None,
            reading: false,
            phase: Word::Planning,
        }
    }

    /// Like [`Self::new`] for one of several campaigns: lines only at each change.
    #[must_use]
    pub fn among(setup: Arc<Setup>, lines: bool) -> Self {
        Self {
            among: Some(Counts::default()),
            ..Self::new(setup, lines)
        }
    }

    fn look<'a>(&'a self, stats: &'a RunStats, now: Moment) -> Look<'a> {
        Look {
            stats,
            setup: &self.setup,
            now,
        }
    }

    /// The bar for a terminal of `width` columns.
    #[must_use]
    pub fn bar(&self, stats: &RunStats, now: Moment, width: usize) -> Vec<String> {
        self.look(stats, now).bar(width)
    }

    /// Returns what to write for an event that arrived at `instant`. `stats` already includes the event, and perhaps
    /// later ones.
    pub fn event(&mut self, stats: &RunStats, event: &Event, instant: Instant) -> Vec<Piece> {
        let at = Moment::awake(event.at, instant);
        let before = self.phase;
        let mut pieces = self.worth(stats, event, at);
        if self.among.is_some() {
            for piece in &mut pieces {
                if let Piece::Line(line) = piece {
                    *line = self.named(line);
                }
            }
            pieces.extend(self.change(stats, event, (at, before)));
        }
        pieces
    }

    fn worth(&mut self, stats: &RunStats, event: &Event, at: Moment) -> Vec<Piece> {
        let mut pieces = Vec::new();
        if let Some(object) = Object::event(stats, event, &self.setup.zone).as_ref().and_then(json) {
            if !matches!(event.kind, EventKind::AttemptEnded(_)) {
                pieces.push(Piece::Json(object.clone()));
            }
            pieces.push(Piece::Record(object));
        }
        match &event.kind {
            EventKind::RunBegan { .. } | EventKind::Admitted { .. } => {
                pieces.append(&mut self.progress(stats, at));
            }
            EventKind::Phase(phase) => {
                let word = Word::new(phase);
                if std::mem::replace(&mut self.phase, word) != word {
                    pieces.append(&mut self.progress(stats, at));
                }
            }
            EventKind::Warning { message } => {
                pieces.push(Piece::Line(format!(
                    "{WARNING}warning{WARNING:#}: {}",
                    visible(message)
                )));
            }
            EventKind::AttemptUnrecorded(attempt) => {
                pieces.push(Piece::Line(format!("{WARNING}unrecorded{WARNING:#}: {}", unrecorded(attempt))));
            }
            EventKind::Halted(halted) => {
                let why = summary::halted(halted);
                pieces.push(Piece::Line(format!("{WARNING}halted{WARNING:#}: {why}")));
            }
            EventKind::Window {
                until: Some(until),
                skipped: Some(wait),
                ..
            } => pieces.push(Piece::Line(format!(
                "a rehearsal does not wait: for real, the next window opens {}, after {}",
                date_time(*until, &self.setup.zone),
                duration(whole(*wait))
            ))),
            EventKind::DayPassedOver { most, until, wait } => pieces.push(Piece::Line(format!(
                "the {} attempts of a day (pace.per_day) are used up; a rehearsal does not wait: for real, it goes on {}, after {}",
                grouped(*most),
                date_time(*until, &self.setup.zone),
                duration(*wait)
            ))),
            EventKind::Wave {
                wave: Some(wave),
                skipped: Some(wait),
                ..
            } => pieces.push(Piece::Line(format!(
                "wave {wave} done; a rehearsal does not wait: for real, the next one begins after {}",
                duration(whole(*wait))
            ))),
            EventKind::PaceChanged { until, per_second } => {
                let slower = *per_second < std::mem::replace(&mut self.pace, *per_second);
                pieces.extend(self.pace(slower, *per_second, until.is_some()));
            }
            _ => {}
        }
        pieces
    }

    /// Returns what to write at a tick.
    pub fn tick(&mut self, stats: &RunStats, now: Moment) -> Vec<Piece> {
        if stats.run.is_none() || stats.ended.is_some() {
            return Vec::new();
        }
        let recent = self
            .told
            .is_some_and(|told| now.instant.saturating_duration_since(told) < EVERY);
        if let Some(counted) = self.among {
            let news = !recent && counted != stats.counts;
            return if news { self.progress(stats, now) } else { Vec::new() };
        }
        // A reading that takes longer than a moment gets a line as soon as its rate is known.
        let first = reading_has_a_rate(stats, now) && !std::mem::replace(&mut self.reading, true);
        if recent && !first {
            return vec![Piece::Moving];
        }
        self.progress(stats, now)
    }

    /// The line for one of several campaigns that does something else now. The end comes last, after its cause.
    fn change(&self, stats: &RunStats, event: &Event, (at, before): (Moment, Word)) -> Option<Piece> {
        let look = self.look(stats, at);
        let line = match &event.kind {
            EventKind::Phase(_)
                if self.phase != before && !matches!(self.phase, Word::Planning | Word::DrainReason) =>
            {
                look.line_among()
            }
            EventKind::RunEnded { .. } => {
                let why = summary::why(stats).map_or_else(String::new, |why| format!("; {why}"));
                let line = format!("{}: {}{why}", look.state(), summary::sum(&stats.counts));
                format!("[{}] {}", stamp(event.at, &self.setup.zone), self.named(&line))
            }
            _ => return None,
        };
        self.lines.then_some(Piece::Line(line))
    }

    fn named(&self, line: &str) -> String {
        format!("{}: {line}", visible(&self.setup.name))
    }

    /// The bar shows the pace itself. Of a recovery, only the last step gets a line.
    fn pace(&self, slower: bool, per_second: f64, limited: bool) -> Option<Piece> {
        let line = match (slower, limited) {
            (true, _) => format!("the platform asks to slow down: {} from now on", rate(per_second)),
            (false, false) => format!("the pace is {} again", rate(per_second)),
            (false, true) => return None,
        };
        self.lines.then_some(Piece::Line(line))
    }

    fn progress(&mut self, stats: &RunStats, now: Moment) -> Vec<Piece> {
        self.told = Some(now.instant);
        self.among = self.among.map(|_| stats.counts);
        let look = self.look(stats, now);
        let mut pieces = vec![Piece::Moving];
        if self.lines && self.among.is_none() {
            pieces.push(Piece::Line(look.line()));
        }
        if let Some(object) = json(&Object::progress(&look)) {
            pieces.push(Piece::Json(object.clone()));
            pieces.push(Piece::Record(object));
        }
        pieces
    }

    /// Returns what to write at the end. `missed` events did not fit the queue.
    pub fn finish(&mut self, stats: &RunStats, now: Moment, missed: u64) -> Vec<Piece> {
        let mut pieces = Vec::new();
        if missed > 0 {
            let line = format!(
                "{WARNING}warning{WARNING:#}: {} events are missing from what was written to stdout or --events, which \
                 could not keep up; the counts and the ledger miss nothing",
                grouped(missed)
            );
            pieces.push(Piece::Line(if self.among.is_some() { self.named(&line) } else { line }));
        }
        let look = self.look(stats, now);
        if let Some(object) = Object::summary(&look).as_ref().and_then(json) {
            pieces.push(Piece::Json(object.clone()));
            pieces.push(Piece::Record(object));
        }
        pieces
    }
}

/// Rounds up to a whole second.
const fn whole(wait: Duration) -> Duration {
    Duration::from_secs(wait.as_secs() + if wait.subsec_nanos() > 0 { 1 } else { 0 })
}

fn reading_has_a_rate(stats: &RunStats, now: Moment) -> bool {
    let audience = &stats.audience;
    let read = audience.read.filter(|_| audience.reading.is_none());
    read.is_some_and(|read| now.instant.saturating_duration_since(read.since) >= Duration::from_secs(1))
}

/// An attempt that the ledger did not record, with everything that an inquiry to the platform needs.
fn unrecorded(attempt: &Attempt) -> String {
    let Attempt {
        merchant_coupon_id,
        open_id,
        attempt: number,
        outcome,
        message,
        log_id,
        ..
    } = attempt;
    let mut line = format!("attempt {number} for {open_id}, {merchant_coupon_id}: {outcome}");
    if !log_id.is_empty() {
        line.push_str(", log_id ");
        line.push_str(log_id);
    }
    if !message.is_empty() {
        line.push_str(" (");
        line.push_str(message);
        line.push(')');
    }
    visible(&line).into_owned()
}

const WARNING: anstyle::Style = anstyle::AnsiColor::Yellow.on_default().bold();

fn json(object: &impl Serialize) -> Option<String> {
    serde_json::to_string(object)
        .map_err(|error| tracing::error!("an object could not be written as JSON: {error}"))
        .ok()
}

#[cfg(test)]
mod tests;
