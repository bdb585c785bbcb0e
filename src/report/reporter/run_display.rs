//! Decides what of a run is displayed and when. Pure: takes events and ticks, returns items to write.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::catalogue::{Grouped, activity, approval, run as texts, status};
use crate::model::clock::Moment;
use crate::model::delivery::Counts;
use crate::model::event::{Attempt, Event, EventKind, Phase, Waiting};
use crate::report::approvals;
use crate::report::attempt_detail::attempt_detail;
use crate::report::reason::stop_reason;
use crate::report::render::json::RunObject;
use crate::report::render::terminal::bar;
use crate::report::render::terminal::styles::WARNING;
use crate::report::run_stats::RunStats;
use crate::report::run_view::{CampaignInfo, RunView};
use crate::report::text::visible;
use crate::report::times::{date_time, duration, rate, stamp, zone_name};
use crate::report::wording;

/// How often progress is written.
const EVERY: Duration = Duration::from_secs(10);

/// Something to write about a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DisplayItem {
    /// The bar needs drawing.
    Redraw,
    /// A line for people.
    Notice(String),
    /// A line about what a bar shows.
    Detail(String),
    /// The progress of an only run.
    Progress(String),
    /// One of several runs does something else now.
    Change(String),
    /// An object for programs.
    Json(String),
    /// An object for the record of events.
    Record(String),
}

impl DisplayItem {
    /// The line for people, if this is one; `plain` if there is no bar. Among several runs, `name` is that of the run.
    #[must_use]
    pub fn line(&self, name: Option<&str>, plain: bool) -> Option<Cow<'_, str>> {
        match (self, name) {
            (Self::Detail(_) | Self::Progress(_) | Self::Change(_), _) if !plain => None,
            (Self::Notice(line) | Self::Detail(line), Some(name)) => Some(format!("{name}: {line}").into()),
            (Self::Notice(line) | Self::Detail(line) | Self::Progress(line), None) | (Self::Change(line), Some(_)) => {
                Some(line.into())
            }
            _ => None,
        }
    }
}

/// Decides what of a run is displayed.
#[derive(Clone, Debug)]
pub struct RunDisplay {
    campaign: Arc<CampaignInfo>,
    /// The last progress that was written; `None` before the first.
    written: Option<WrittenProgress>,
    /// Whether the rate of reading the audience was written.
    has_reading_rate: bool,
    phase: PhaseKind,
    per_second: f64,
}

#[derive(Clone, Copy, Debug)]
struct WrittenProgress {
    instant: Instant,
    counts: Counts,
}

/// A phase without its details. Short waits between retries occur many times a second, and count as sending.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum PhaseKind {
    Planning,
    Paused,
    Sending,
    Start,
    Window,
    Day,
    Wave,
    Approval,
    AppId,
    PreviousOwner,
    Lease,
    Lists,
    Source,
    Outage,
    Platform,
    Token,
    Draining,
}

impl PhaseKind {
    const fn new(phase: &Phase) -> Self {
        match phase {
            Phase::Sending => Self::Sending,
            Phase::Planning => Self::Planning,
            Phase::Paused { .. } => Self::Paused,
            Phase::Draining { .. } => Self::Draining,
            Phase::Waiting { why, .. } => match why {
                Waiting::Due | Waiting::User => Self::Sending,
                Waiting::Start => Self::Start,
                Waiting::Window => Self::Window,
                Waiting::Day { .. } => Self::Day,
                Waiting::Wave { .. } => Self::Wave,
                Waiting::Approval { .. } => Self::Approval,
                Waiting::AppId { .. } => Self::AppId,
                Waiting::PreviousOwner => Self::PreviousOwner,
                Waiting::Lease => Self::Lease,
                Waiting::Lists { .. } => Self::Lists,
                Waiting::Source { .. } => Self::Source,
                Waiting::Outage { .. } => Self::Outage,
                Waiting::Platform { .. } => Self::Platform,
                Waiting::Token { .. } => Self::Token,
            },
        }
    }
}

impl RunDisplay {
    /// The display of a run without events.
    #[must_use]
    pub fn new(campaign: Arc<CampaignInfo>) -> Self {
        Self {
            per_second: campaign.per_second,
            campaign,
            written: None,
            has_reading_rate: false,
            phase: PhaseKind::Planning,
        }
    }

    fn view<'a>(&'a self, stats: &'a RunStats, now: Moment) -> RunView<'a> {
        RunView {
            stats,
            campaign: &self.campaign,
            now,
        }
    }

    /// Returns what to write for an event that arrived at `instant`. `stats` already includes the event, and perhaps
    /// later ones.
    pub fn event(&mut self, stats: &RunStats, event: &Event, instant: Instant) -> Vec<DisplayItem> {
        let now = Moment::awake(event.at, instant);
        let mut items = Vec::new();
        if let Some(object) = RunObject::event(stats, event, &self.campaign.zone)
            .as_ref()
            .and_then(json)
        {
            if !matches!(event.kind, EventKind::AttemptEnded(_)) {
                items.push(DisplayItem::Json(object.clone()));
            }
            items.push(DisplayItem::Record(object));
        }
        match &event.kind {
            EventKind::RunBegan { .. } | EventKind::Admitted { .. } => items.append(&mut self.progress(stats, now)),
            EventKind::Phase(phase) => {
                let phase = PhaseKind::new(phase);
                if std::mem::replace(&mut self.phase, phase) != phase {
                    items.append(&mut self.progress(stats, now));
                    if !matches!(phase, PhaseKind::Planning | PhaseKind::Draining) {
                        let line = bar::line(&self.view(stats, now), &format!("{}: ", self.name()));
                        items.push(DisplayItem::Change(line));
                    }
                }
            }
            EventKind::PaceChanged { until, per_second } => {
                let slower = *per_second < std::mem::replace(&mut self.per_second, *per_second);
                items.extend(pace(slower, *per_second, until.is_some()).map(DisplayItem::Detail));
            }
            EventKind::RunEnded { .. } => {
                let stamp = stamp(event.at, &self.campaign.zone);
                items.push(DisplayItem::Change(format!("[{stamp}] {}", self.end(stats, now))));
            }
            kind => items.extend(self.notice(kind).map(DisplayItem::Notice)),
        }
        items
    }

    /// How the run ended.
    fn end(&self, stats: &RunStats, now: Moment) -> String {
        let campaign = self.name();
        let state = self.view(stats, now).state();
        let state = texts::State { state: &state };
        let counts = wording::counts_sum(&stats.counts);
        match stop_reason(stats) {
            Some(why) => texts::EndedWhy {
                campaign: &campaign,
                state: &state,
                counts: &counts,
                why: &why,
            }
            .to_string(),
            None => texts::Ended {
                campaign: &campaign,
                state: &state,
                counts: &counts,
            }
            .to_string(),
        }
    }

    /// The line for an event that is displayed alone; `None` for any other.
    fn notice(&self, event: &EventKind) -> Option<String> {
        let zone = &self.campaign.zone;
        Some(match event {
            EventKind::Warning { message } => warning(&texts::LabelWarning, &visible(&message.to_string())),
            EventKind::AttemptUnrecorded(attempt) => warning(&texts::LabelUnrecorded, &unrecorded(attempt)),
            EventKind::Halted(halted) => warning(&texts::LabelHalted, &wording::halt_reason(halted)),
            EventKind::Window {
                until: Some(until),
                skipped: Some(wait),
                ..
            } => texts::SkippedWindow {
                at: &date_time(*until, zone),
                zone: &zone_name(zone, *until),
                wait: &duration(whole(*wait)),
            }
            .to_string(),
            EventKind::DayPassedOver { most, until, wait } => texts::SkippedDay {
                most: &Grouped(*most),
                at: &date_time(*until, zone),
                zone: &zone_name(zone, *until),
                wait: &duration(*wait),
            }
            .to_string(),
            EventKind::ActivityCreated {
                number,
                activity_id,
                stock,
            } => activity::Created {
                number,
                activity_id,
                stock: &Grouped(*stock),
            }
            .to_string(),
            EventKind::ActivityReleased { activity_id } => activity::Released { activity_id }.to_string(),
            EventKind::Approved { wave, by } => approval::EventApproved {
                wave: (*wave).into(),
                by: &approvals::actor(by),
            }
            .to_string(),
            EventKind::Resolved { deliveries, to, by } => status::Resolved {
                n: *deliveries,
                to: &to.word(),
                by: &visible(by),
            }
            .to_string(),
            EventKind::Wave {
                wave: Some(wave),
                approval: true,
                skipped: Some(_),
                ..
            } => approval::RehearsalSkips { done: (*wave).into() }.to_string(),
            EventKind::Wave {
                wave: Some(wave),
                skipped: Some(wait),
                ..
            } => texts::SkippedWave {
                wave,
                wait: &duration(whole(*wait)),
            }
            .to_string(),
            _ => return None,
        })
    }

    /// Returns what to write at a tick: the progress every ten seconds and, as soon as it is known, the rate of reading
    /// the audience. With `only_changes`, the progress is written every ten seconds and only if the counts have changed.
    pub fn tick(&mut self, stats: &RunStats, now: Moment, only_changes: bool) -> Vec<DisplayItem> {
        if stats.run.is_none() || stats.ended.is_some() {
            return Vec::new();
        }
        let recent = self
            .written
            .is_some_and(|written| now.instant.saturating_duration_since(written.instant) < EVERY);
        let due = if only_changes {
            let counts = self.written.map(|written| written.counts).unwrap_or_default();
            !recent && counts != stats.counts
        } else {
            let first = reading_has_a_rate(stats, now) && !std::mem::replace(&mut self.has_reading_rate, true);
            !recent || first
        };
        if due {
            self.progress(stats, now)
        } else {
            vec![DisplayItem::Redraw]
        }
    }

    fn name(&self) -> Cow<'_, str> {
        visible(&self.campaign.name)
    }

    fn progress(&mut self, stats: &RunStats, now: Moment) -> Vec<DisplayItem> {
        self.written = Some(WrittenProgress {
            instant: now.instant,
            counts: stats.counts,
        });
        let view = self.view(stats, now);
        let mut items = vec![DisplayItem::Redraw, DisplayItem::Progress(bar::line(&view, ""))];
        if let Some(object) = json(&RunObject::progress(&view)) {
            items.push(DisplayItem::Json(object.clone()));
            items.push(DisplayItem::Record(object));
        }
        items
    }

    /// Returns what to write at the end. `missed` events did not fit the queue.
    pub fn finish(&mut self, stats: &RunStats, now: Moment, missed: u64) -> Vec<DisplayItem> {
        let mut items = Vec::new();
        if missed > 0 {
            let text = texts::EventsMissing { n: missed }.to_string();
            items.push(DisplayItem::Notice(warning(&texts::LabelWarning, &text)));
        }
        if let Some(object) = RunObject::summary(&self.view(stats, now)).as_ref().and_then(json) {
            items.push(DisplayItem::Json(object.clone()));
            items.push(DisplayItem::Record(object));
        }
        items
    }
}

/// The line about a changed pace. The bar shows the pace itself. `None` for the steps of a recovery but the last.
fn pace(slower: bool, per_second: f64, limited: bool) -> Option<String> {
    match (slower, limited) {
        (true, _) => Some(
            texts::Slower {
                rate: &rate(per_second),
            }
            .to_string(),
        ),
        (false, false) => Some(
            texts::PaceAgain {
                rate: &rate(per_second),
            }
            .to_string(),
        ),
        (false, true) => None,
    }
}

fn warning(label: &dyn fmt::Display, text: &str) -> String {
    format!("{WARNING}{label}{WARNING:#}{text}")
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
    let mut text = texts::UnrecordedAttempt {
        attempt: number,
        open_id,
        coupon: merchant_coupon_id,
        outcome,
    }
    .to_string();
    if !log_id.is_empty() {
        text = texts::WithLogId { text: &text, log_id }.to_string();
    }
    if !message.is_empty() {
        let message = match attempt.code {
            Some(_) => Cow::Borrowed(message.as_str()),
            None => attempt_detail(message),
        };
        text = texts::WithMessage {
            text: &text,
            message: &message,
        }
        .to_string();
    }
    visible(&text).into_owned()
}

fn json(object: &impl Serialize) -> Option<String> {
    serde_json::to_string(object)
        .map_err(|error| tracing::error!("an object could not be written as JSON: {error}"))
        .ok()
}

#[cfg(test)]
mod tests;
