//! Decides which notices a run has, from its events. Pure: events and the time are arguments.

use std::time::{Duration, Instant};

use jiff::Timestamp;

use crate::catalogue::{Text, notify as text};
use crate::model::clock::Moment;
use crate::model::delivery::{Counts, StateName};
use crate::model::event::{DrainReason, Event, EventKind, Halted, Phase, Waiting};
use crate::model::outcome::Class;
use crate::model::problem::Problem;
use crate::report::reason::{Reason, stop_reason};
use crate::report::run_stats::RunStats;
use crate::report::run_view::state_at_end;
use crate::report::times::rate;
use crate::report::wording::halt_reason;

use super::notice::{CodeLine, Notice, Origin, What};

/// How long an outage, a slow platform, or a wait for a person or a process lasts before there is a notice.
pub const NOTICE_AFTER: Duration = Duration::from_mins(10);
/// How long nothing is settled, although sending is allowed, before there is a notice.
pub const STALLED: Duration = Duration::from_mins(30);
/// The most codes in a notice.
const CODES: usize = 3;

/// Something that has a notice when it has lasted for some time.
#[derive(Clone, Debug)]
struct Lasting {
    since: Instant,
    why: Text,
    is_noticed: bool,
}

impl Lasting {
    /// Returns when its notice is due. `None` after that notice.
    fn due(&self) -> Option<Instant> {
        (!self.is_noticed).then(|| self.since + NOTICE_AFTER)
    }
}

/// What is known of a run.
#[derive(Clone, Debug)]
pub struct RunWatch {
    origin: Origin,
    /// Whether the run has begun and has not ended. In a fleet, a worker that does not own the app id has no run.
    is_running: bool,
    is_halted: bool,
    /// `None` before the audience is admitted.
    counts: Option<Counts>,
    /// The platform is out of reach, or asks the campaign to wait.
    outage: Option<Lasting>,
    /// The platform asked to slow down.
    slowdown: Option<Lasting>,
    /// A person or another process is waited for.
    waiting: Option<Lasting>,
    /// The wave with a notice that it needs an approval.
    approval: Option<u32>,
    /// The time of the last progress, while sending is allowed.
    progress: Option<Instant>,
    is_stall_noticed: bool,
    done: u64,
}

impl RunWatch {
    /// Starts to watch a run that has not begun.
    #[must_use]
    pub fn new(origin: Origin) -> Self {
        Self {
            origin,
            is_running: false,
            is_halted: false,
            counts: None,
            outage: None,
            slowdown: None,
            waiting: None,
            approval: None,
            progress: None,
            is_stall_noticed: false,
            done: 0,
        }
    }

    /// Returns the notices of an event. `stats` includes the event.
    pub fn observe(&mut self, event: &Event, stats: &RunStats, now: Instant) -> Vec<Notice> {
        let mut notices = Vec::new();
        match &event.kind {
            EventKind::RunBegan { .. } => *self = Self::began(self.origin.clone()),
            _ if !self.is_running => {}
            EventKind::Admitted { counts, .. } => {
                self.counts = Some(*counts);
                self.done = done(counts);
            }
            EventKind::Counted { counts, .. } => self.count(counts, now),
            EventKind::Asking => self.wait(Text::from_fn(|| Reason::Asking.text(event.at, &self.origin.zone)), now),
            EventKind::Asked { .. } => self.waiting = None,
            EventKind::PaceChanged { per_second, until } => {
                let slow = until.map(|_| {
                    Text::from_fn(|| {
                        text::Slow {
                            rate: &rate(*per_second),
                        }
                        .to_string()
                    })
                });
                let over = replace(&mut self.slowdown, slow, now);
                notices.extend(over.map(|took| self.notice(event.at, What::OutageOver { took })));
            }
            EventKind::Phase(phase) => notices.extend(self.enter(phase, event.at, now)),
            EventKind::Wave {
                wave,
                ended: true,
                until,
                skipped,
                ..
            } => {
                let what = What::WaveEnded {
                    wave: *wave,
                    until: until.filter(|_| skipped.is_none()),
                };
                notices.push(self.notice(event.at, what));
            }
            EventKind::Halted(halted) if !self.is_halted => {
                self.is_halted = true;
                let what = What::Halted {
                    why: Text::from_fn(|| why_halted(halted)),
                    problem: halted.problem(),
                };
                let mut notice = self.notice(event.at, what);
                notice.codes = codes_of_halt(halted, stats);
                notices.push(notice);
            }
            EventKind::RunEnded { ending, counts } => {
                self.is_running = false;
                // Another worker goes on.
                if stats.drain_reason != Some(DrainReason::HandedOver) {
                    self.counts = self.counts.map(|_| *counts);
                    let what = What::Ended {
                        ending: *ending,
                        state: state_at_end(stats, *ending).word(),
                        why: why_ended(stats),
                        is_halted: self.is_halted,
                    };
                    let mut notice = self.notice(event.at, what);
                    notice.codes = codes(stats);
                    notices.push(notice);
                }
            }
            _ => {}
        }
        notices
    }

    /// Returns the notice of a failure that ended the run. `None` if another machine may apply the campaign.
    #[must_use]
    pub fn failed(&self, at: Timestamp, problem: Problem, exit: u8) -> Option<Notice> {
        let is_owner = self.is_running || !self.origin.is_shared;
        is_owner.then(|| self.notice(at, What::Failed { problem, exit }))
    }

    fn began(origin: Origin) -> Self {
        Self {
            is_running: true,
            ..Self::new(origin)
        }
    }

    fn notice(&self, at: Timestamp, what: What) -> Notice {
        Notice {
            at,
            what,
            counts: self.counts,
            codes: Vec::new(),
        }
    }

    fn count(&mut self, counts: &Counts, now: Instant) {
        self.counts = self.counts.map(|_| *counts);
        if done(counts) != self.done {
            self.done = done(counts);
            self.progress = self.progress.map(|_| now);
            self.is_stall_noticed = false;
        }
    }

    fn wait(&mut self, why: Text, now: Instant) {
        replace(&mut self.waiting, Some(why), now);
    }

    /// Notes what the run does now.
    fn enter(&mut self, phase: &Phase, at: Timestamp, now: Instant) -> Vec<Notice> {
        let why = |why: &Waiting| {
            let reason = Reason::Waiting {
                why: why.clone(),
                until: None,
                cause: None,
            };
            Text::from_fn(|| reason.text(at, &self.origin.zone))
        };
        let mut outage = None;
        let mut waiting = None;
        let mut sends = false;
        let mut notices = Vec::new();
        match phase {
            Phase::Sending
            | Phase::Waiting {
                why: Waiting::Due | Waiting::User,
                ..
            } => sends = true,
            Phase::Waiting {
                why: trouble @ (Waiting::Outage { .. } | Waiting::Token { .. } | Waiting::Platform { .. }),
                ..
            } => outage = Some(why(trouble)),
            Phase::Waiting {
                why: Waiting::Approval { done },
                ..
            } => {
                if self.approval != Some(*done) {
                    self.approval = Some(*done);
                    notices.push(self.notice(at, What::NeedsApproval { done: *done }));
                }
            }
            Phase::Waiting {
                why: Waiting::AppId { .. },
                ..
            } if self.origin.is_shared => self.is_running = false,
            Phase::Waiting {
                why: Waiting::AppId { .. },
                ..
            } => waiting = Some(Text::new(&text::AnotherProcess)),
            Phase::Paused { .. } => waiting = Some(Text::new(&text::Paused)),
            Phase::Planning | Phase::Draining { .. } | Phase::Waiting { .. } => {}
        }
        let over = replace(&mut self.outage, outage, now);
        notices.extend(over.map(|took| self.notice(at, What::OutageOver { took })));
        replace(&mut self.waiting, waiting, now);
        if !sends {
            self.progress = None;
        } else if self.progress.is_none() {
            self.progress = Some(now);
            self.is_stall_noticed = false;
        }
        notices
    }

    /// Returns when [`Self::tick`] has a notice. `None` if only an event can change that.
    #[must_use]
    pub fn due(&self) -> Option<Instant> {
        if !self.is_running {
            return None;
        }
        let lasting = [&self.outage, &self.slowdown, &self.waiting];
        let lasting = lasting.into_iter().flatten().filter_map(Lasting::due);
        let stalled = self.progress.filter(|_| !self.is_stall_noticed);
        lasting.chain(stalled.map(|since| since + STALLED)).min()
    }

    /// Returns the notices of what has lasted until now.
    pub fn tick(&mut self, now: Moment) -> Vec<Notice> {
        if !self.is_running {
            return Vec::new();
        }
        let mut whats = Vec::new();
        for lasting in [&mut self.outage, &mut self.slowdown] {
            whats.extend(last(lasting, now.instant).map(|(why, took)| What::Outage { why, took }));
        }
        whats.extend(last(&mut self.waiting, now.instant).map(|(why, took)| What::Waits { why, took }));
        if let Some(since) = self.progress
            && !self.is_stall_noticed
            && now.instant >= since + STALLED
        {
            self.is_stall_noticed = true;
            let took = now.instant.saturating_duration_since(since);
            whats.push(What::Stalled { took });
        }
        whats.into_iter().map(|what| self.notice(now.wall, what)).collect()
    }
}

/// Replaces what lasts. A new reason for what lasts already keeps its start. Returns how long it took, if it is over and
/// had a notice.
fn replace(lasting: &mut Option<Lasting>, why: Option<Text>, now: Instant) -> Option<Duration> {
    match (lasting.as_mut(), why) {
        (Some(known), Some(why)) => {
            known.why = why;
            None
        }
        (None, Some(why)) => {
            *lasting = Some(Lasting {
                since: now,
                why,
                is_noticed: false,
            });
            None
        }
        (_, None) => {
            let over = lasting.take()?;
            over.is_noticed.then(|| now.saturating_duration_since(over.since))
        }
    }
}

/// Returns what has lasted long enough, once.
fn last(lasting: &mut Option<Lasting>, now: Instant) -> Option<(Text, Duration)> {
    let known = lasting
        .as_mut()
        .filter(|known| known.due().is_some_and(|due| due <= now))?;
    known.is_noticed = true;
    Some((known.why.clone(), now.saturating_duration_since(known.since)))
}

const fn done(counts: &Counts) -> u64 {
    counts.settled() + counts.count(StateName::Skipped) + counts.count(StateName::Held)
}

/// Returns why a run halted, without the user that it concerns.
fn why_halted(halted: &Halted) -> String {
    match halted {
        Halted::AnotherLedger { .. } => text::AnotherLedger.to_string(),
        Halted::MixedAnswers { .. } => text::MixedAnswers.to_string(),
        other => halt_reason(other),
    }
}

/// Returns why a run ended, without users and processes. `None` if its campaign is complete.
fn why_ended(stats: &RunStats) -> Option<Text> {
    if let Some(halted) = &stats.halted {
        return Some(Text::from_fn(|| why_halted(halted)));
    }
    match &stats.drain_reason {
        Some(DrainReason::Stopped { .. }) => Some(Text::new(&text::Stopped)),
        Some(DrainReason::AppIdTaken { .. }) => Some(Text::new(&text::AnotherProcess)),
        _ => stop_reason(stats).map(|_| Text::from_fn(|| stop_reason(stats).unwrap_or_default())),
    }
}

/// Returns the code that halted the run, and the most frequent others. Its attempt is not among the statistics yet.
fn codes_of_halt(halted: &Halted, stats: &RunStats) -> Vec<CodeLine> {
    let mut lines = codes(stats);
    let Halted::Code { code, message, log_id } = halted else {
        return lines;
    };
    let earlier = lines
        .iter()
        .find(|line| line.code == *code)
        .map_or(0, |line| line.count);
    lines.retain(|line| line.code != *code);
    let line = CodeLine {
        code: *code,
        message: message.clone(),
        log_id: log_id.clone(),
        count: earlier.max(1),
    };
    lines.insert(0, line);
    lines.truncate(CODES);
    lines
}

/// Returns the most frequent codes that are not a coupon.
fn codes(stats: &RunStats) -> Vec<CodeLine> {
    let is_coupon = |code: Option<i64>, class: Option<Class>| code == Some(0) || class == Some(Class::Issued);
    let failed = stats
        .codes
        .iter()
        .filter(|((code, _), count)| !is_coupon(*code, count.class));
    let mut lines: Vec<_> = failed
        .filter_map(|((code, _), count)| {
            Some(CodeLine {
                code: (*code)?,
                message: count.message.clone(),
                log_id: count.log_id.clone(),
                count: count.count,
            })
        })
        .collect();
    lines.sort_by_key(|line| std::cmp::Reverse(line.count));
    lines.truncate(CODES);
    lines
}

#[cfg(test)]
mod tests;
