//! Why a run sends nothing, sends slowly, or has stopped. It is typed, so that the process that shows it writes it in its own
//! language and with its own clock.

use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use crate::catalogue::{Grouped, Language, Text, approval, run, status};
use crate::model::actor::Actor;
use crate::model::delivery::{Resolution, StateName};
use crate::model::event::{DrainReason, Ending, Halted, Phase, Waiting};
use crate::model::run_command::Requester;

use super::approvals;
use super::attempt_detail::attempt_detail;
use super::run_stats::RunStats;
use super::text::visible;
use super::times::{ahead, clock_time, duration, left_until, rate};
use super::wording;

/// Why a run sends nothing, sends slowly, or has stopped.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// It waits for its turn to read its ledger and audience.
    Queued,
    /// It asks a person whether to go on.
    Asking,
    /// It reads its audience.
    Reading {
        /// Rows read so far.
        rows: u64,
        /// How long that took.
        took: Duration,
        /// The approximate number of rows; `None` when only reading them reveals it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        of: Option<u64>,
    },
    /// It writes new users to its ledger.
    Admitting {
        /// Users written so far.
        users: u64,
        /// All new users.
        of: u64,
        /// How long that took.
        took: Duration,
    },
    /// It is paused.
    Paused {
        /// The process that paused it.
        by: Requester,
        /// Attempts in flight.
        in_flight: u64,
        /// What it does meanwhile.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        meanwhile: Option<Box<Reason>>,
    },
    /// It waits for something.
    Waiting {
        /// What it waits for.
        why: Waiting,
        /// When the wait ends, if that is known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        until: Option<Timestamp>,
        /// Why the last attempt has no code; `None` if it has one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cause: Option<String>,
    },
    /// It waits for attempts in flight and ends.
    Draining {
        /// Why it ends.
        why: DrainReason,
        /// Attempts in flight.
        in_flight: u64,
    },
    /// The platform asked to slow down.
    SlowedDown {
        /// Starts per second.
        per_second: f64,
        /// The starts per second of the plan.
        back_to: f64,
        /// When the plan's pace is expected again.
        until: Timestamp,
    },
    /// It halted.
    Halted(Halted),
    /// Its audience is empty.
    EmptyAudience,
    /// Nothing more may be sent now, and something is left.
    LeftOver {
        /// Owed deliveries.
        owed: u64,
        /// Deliveries in doubt.
        in_doubt: u64,
        /// Held deliveries.
        held: u64,
    },
    /// It ended before its campaign was complete.
    Stopped {
        /// Why.
        why: DrainReason,
        /// Why the last attempt has no code, where that is why the run ended.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cause: Option<String>,
    },
    /// A person has decided on deliveries since the last run.
    Resolved {
        /// How many deliveries.
        deliveries: u64,
        /// The decision.
        to: Resolution,
        /// The person, as `user@host`.
        by: String,
    },
    /// `runner reconcile` has compared the ledger with the platform's own records since the last run.
    Reconciled {
        /// How many deliveries the records have settled.
        found: u64,
        /// How many a person has settled by accepting them.
        accepted: u64,
        /// The person, as `user@host`.
        by: String,
    },
    /// It ended before it could send, or failed. The process wrote why in each language.
    Failed {
        /// In English.
        english: String,
        /// In Chinese.
        chinese: String,
    },
    /// A person has ended the wait after a wave since the last run.
    Approved {
        /// The wave, from 1; 0 for the testers.
        wave: u32,
        /// The person.
        by: Actor,
    },
}

impl Reason {
    /// Why the run stopped before it was complete; `None` if it did not.
    #[must_use]
    pub fn of_stop(stats: &RunStats) -> Option<Self> {
        if stats.ended?.ending == Ending::Complete {
            return None;
        }
        if let Some(halted) = &stats.halted {
            return Some(Self::Halted(halted.clone()));
        }
        match &stats.drain_reason {
            None | Some(DrainReason::NothingLeft) if stats.counts.audience() == 0 => Some(Self::EmptyAudience),
            None | Some(DrainReason::NothingLeft) => Self::of_rest(stats),
            Some(why) => Some(Self::Stopped {
                why: why.clone(),
                cause: stats.unanswered.clone().filter(|_| *why == DrainReason::GaveUp),
            }),
        }
    }

    /// What is left when nothing more may be sent now; `None` if nothing is.
    fn of_rest(stats: &RunStats) -> Option<Self> {
        let in_doubt = stats.counts.count(StateName::InDoubt);
        let held = stats.counts.count(StateName::Held);
        let owed = stats.counts.owed();
        (in_doubt + held + owed > 0).then_some(Self::LeftOver { owed, in_doubt, held })
    }

    /// Why the run does not send, or sends slowly, in this phase; `None` without a reason.
    #[must_use]
    pub fn of_phase(stats: &RunStats, back_to: f64, now: std::time::Instant) -> Option<Self> {
        let is_admitted = stats.audience.reading.is_some();
        let in_flight = stats.counts.count(StateName::InFlight);
        match &stats.phase {
            None | Some(Phase::Planning) => (!is_admitted).then(|| Self::of_reading(stats, now)),
            Some(Phase::Paused { by }) => Some(Self::Paused {
                by: by.clone(),
                in_flight: if is_admitted { in_flight } else { 0 },
                meanwhile: (!is_admitted).then(|| Box::new(Self::of_reading(stats, now))),
            }),
            Some(Phase::Waiting { why, until }) => Some(Self::Waiting {
                why: why.clone(),
                until: *until,
                cause: stats
                    .unanswered
                    .clone()
                    .filter(|_| matches!(why, Waiting::Outage { .. })),
            }),
            Some(Phase::Draining { why }) => Some(Self::Draining {
                why: why.clone(),
                in_flight,
            }),
            Some(Phase::Sending) => stats.slowdown.map(|slowdown| Self::SlowedDown {
                per_second: slowdown.per_second,
                back_to,
                until: slowdown.until,
            }),
        }
    }

    fn of_reading(stats: &RunStats, now: std::time::Instant) -> Self {
        if stats.is_queued {
            return Self::Queued;
        }
        if let Some(admitting) = &stats.audience.admitting {
            return Self::Admitting {
                users: admitting.users,
                of: admitting.of,
                took: now.saturating_duration_since(admitting.since),
            };
        }
        if stats.is_asking {
            return Self::Asking;
        }
        stats.audience.read.map_or(
            Self::Reading {
                rows: 0,
                took: Duration::ZERO,
                of: None,
            },
            |read| Self::Reading {
                rows: read.rows,
                took: now.saturating_duration_since(read.since),
                of: read.of,
            },
        )
    }

    /// Why a run ended before it could send, or failed.
    #[must_use]
    pub fn failed(why: &Text) -> Self {
        let text = |language| why.in_language(language).to_owned();
        Self::Failed {
            english: text(Language::English),
            chinese: text(Language::Chinese),
        }
    }

    /// The reason for people, with times in `zone`.
    #[must_use]
    pub fn text(&self, now: Timestamp, zone: &TimeZone) -> String {
        match self {
            Self::Queued => run::Queued.to_string(),
            Self::Asking => run::Asking.to_string(),
            Self::Reading { rows, took, of } => reading_progress(*rows, *took, *of),
            Self::Admitting { users, of, took } => admission_progress(*users, *of, *took),
            Self::Paused {
                by,
                in_flight,
                meanwhile,
            } => paused(by, *in_flight, meanwhile.as_ref().map(|reason| reason.text(now, zone))),
            Self::Waiting { why, until, cause } => waiting(why, *until, cause.as_deref(), now, zone),
            Self::Draining { why, in_flight } => run::Stopping {
                why: &wording::drain_reason(why),
                in_flight: *in_flight,
            }
            .to_string(),
            Self::SlowedDown {
                per_second,
                back_to,
                until,
            } => run::SlowedDown {
                per_second: &rate(*per_second),
                back_to: &rate(*back_to),
                until: &clock_time(*until, now, zone),
            }
            .to_string(),
            Self::Halted(halted) => wording::halt_reason(halted),
            Self::EmptyAudience => wording::empty_audience(),
            Self::LeftOver { owed, in_doubt, held } => wording::left_over(*owed, *in_doubt, *held),
            Self::Stopped { why, cause } => wording::stopped(why, cause.as_deref()),
            Self::Resolved { deliveries, to, by } => status::Resolved {
                n: *deliveries,
                to: &to.word(),
                by: &visible(by),
            }
            .to_string(),
            Self::Reconciled { found, accepted, by } => status::Reconciled {
                n: found + accepted,
                by: &visible(by),
            }
            .to_string(),
            Self::Failed { english, chinese } => match Language::current() {
                Language::English => english.clone(),
                Language::Chinese => chinese.clone(),
            },
            Self::Approved { wave, by } => approval::StatusApproved {
                wave: (*wave).into(),
                by: &approvals::actor(by),
            }
            .to_string(),
        }
    }

    /// Whether the text has a time of day.
    #[must_use]
    pub const fn has_time(&self) -> bool {
        match self {
            Self::SlowedDown { .. } => true,
            Self::Waiting { why, until, .. } => match why {
                Waiting::Start | Waiting::Window => until.is_some(),
                Waiting::AppId { holder } => holder.owner.is_some(),
                Waiting::Outage { .. } | Waiting::Token { .. } => true,
                Waiting::Day { .. }
                | Waiting::Wave { .. }
                | Waiting::Approval { .. }
                | Waiting::PreviousOwner
                | Waiting::Lease
                | Waiting::Lists { .. }
                | Waiting::Source { .. }
                | Waiting::Due
                | Waiting::User
                | Waiting::Platform { .. } => false,
            },
            _ => false,
        }
    }
}

/// Why the run stopped before it was complete, for people; `None` if it did not.
#[must_use]
pub fn stop_reason(stats: &RunStats) -> Option<String> {
    // None of these reasons has a time.
    Reason::of_stop(stats).map(|reason| reason.text(Timestamp::UNIX_EPOCH, &TimeZone::UTC))
}

fn paused(by: &Requester, in_flight: u64, meanwhile: Option<String>) -> String {
    let by = wording::requester(by);
    match meanwhile {
        Some(meanwhile) => run::PausedWhileReading {
            by: &by,
            meanwhile: &meanwhile,
        }
        .to_string(),
        None => run::Paused { by: &by, in_flight }.to_string(),
    }
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
pub fn reading_progress(rows: u64, took: Duration, expected: Option<u64>) -> String {
    if rows == 0 && took < Duration::from_secs(1) {
        return run::Reading.to_string();
    }
    if rows == 0 {
        // A query may run for minutes before its first row.
        return run::ReadingNoRow { took: &duration(took) }.to_string();
    }
    let per_second = rows as f64 / took.as_secs_f64().max(0.1);
    let rate = Grouped(per_second as u64);
    match expected.and_then(|expected| expected.checked_sub(rows)) {
        Some(left) => {
            let left = Duration::from_secs((left as f64 / per_second).ceil() as u64);
            run::ReadingRowsLeft {
                rows,
                rate: &rate,
                left: &duration(left),
            }
            .to_string()
        }
        None => run::ReadingRows { rows, rate: &rate }.to_string(),
    }
}

fn admission_progress(users: u64, of: u64, took: Duration) -> String {
    #[expect(clippy::cast_precision_loss, reason = "an estimate for showing")]
    let left = of.saturating_sub(users) as f64 / users.max(1) as f64;
    match Duration::try_from_secs_f64(took.as_secs_f64() * left) {
        // The first moments do not predict the rest.
        Ok(left) if took.as_secs() > 0 && users > 0 => run::AdmittingLeft {
            users: &Grouped(users),
            of,
            left: &duration(left),
        }
        .to_string(),
        _ => run::Admitting {
            users: &Grouped(users),
            of,
        }
        .to_string(),
    }
}

fn waiting(why: &Waiting, until: Option<Timestamp>, cause: Option<&str>, now: Timestamp, zone: &TimeZone) -> String {
    let time = |at| clock_time(at, now, zone);
    // Which of two texts a message is: with or without the end of the wait.
    let known = if until.is_some() { "yes" } else { "no" };
    let next = until.map_or_else(String::new, |at| ahead(at, now));
    let at = until.map_or_else(String::new, time);
    match why {
        Waiting::Start => run::WaitStart {
            known: &known,
            at: &at,
            next: &next,
        }
        .to_string(),
        Waiting::Window => run::WaitWindow {
            known: &known,
            at: &at,
            next: &next,
        }
        .to_string(),
        Waiting::Day { most } => run::WaitDay {
            most: &Grouped(*most),
            known: &known,
            next: &next,
        }
        .to_string(),
        Waiting::Wave { done, next } => {
            let left = until.and_then(|at| left_until(at, now));
            match (next, left) {
                (Some(next), Some(left)) => run::WaitWave {
                    done,
                    next,
                    left: &left,
                }
                .to_string(),
                (Some(next), None) => run::WaitWaveOver { done, next }.to_string(),
                (None, Some(left)) => run::WaitLastWave { done, left: &left }.to_string(),
                (None, None) => run::WaitLastWaveOver { done }.to_string(),
            }
        }
        Waiting::Approval { done } => approval::Waiting { done: (*done).into() }.to_string(),
        Waiting::AppId { holder } => {
            let since = holder.owner.as_ref().map(|owner| time(owner.since));
            wording::app_lock_holder(holder, since.as_deref())
        }
        Waiting::PreviousOwner => run::WaitPreviousOwner {
            known: &known,
            next: &next,
        }
        .to_string(),
        Waiting::Lease => run::WaitLease.to_string(),
        Waiting::Lists { path, host } => run::WaitLists {
            path: &visible(path),
            host: &visible(host),
        }
        .to_string(),
        Waiting::Source { why } => run::WaitSource {
            why: &visible(&why.to_string()),
            known: &known,
            next: &next,
        }
        .to_string(),
        Waiting::Due => run::WaitDue {
            known: &known,
            next: &next,
        }
        .to_string(),
        Waiting::User => run::WaitUser.to_string(),
        Waiting::Outage { since } => match cause {
            Some(cause) => run::WaitOutageCause {
                since: &time(*since),
                cause: &visible(&attempt_detail(cause)),
                known: &known,
                next: &next,
            }
            .to_string(),
            None => run::WaitOutage {
                since: &time(*since),
                known: &known,
                next: &next,
            }
            .to_string(),
        },
        Waiting::Platform { code, message } if message.is_empty() => run::WaitPlatform {
            code,
            known: &known,
            next: &next,
        }
        .to_string(),
        Waiting::Platform { code, message } => run::WaitPlatformMessage {
            code,
            message: &visible(message),
            known: &known,
            next: &next,
        }
        .to_string(),
        Waiting::Token { since, why } => run::WaitToken {
            since: &time(*since),
            cause: &visible(&why.to_string()),
            known: &known,
            next: &next,
        }
        .to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::testing::shanghai;

    #[test]
    fn another_process_reads_the_same_reason() {
        let reasons = [
            Reason::Waiting {
                why: Waiting::Outage {
                    since: shanghai("12:00:00"),
                },
                until: Some(shanghai("12:01:00")),
                cause: Some("dns error".into()),
            },
            Reason::Halted(Halted::MaxCoupons { max: 5 }),
            Reason::Paused {
                by: Requester {
                    pid: 1,
                    user: "ops".into(),
                    host: "till-3".into(),
                    name: None,
                    command: String::new(),
                },
                in_flight: 0,
                meanwhile: Some(Box::new(Reason::Queued)),
            },
            Reason::EmptyAudience,
            Reason::Resolved {
                deliveries: 14,
                to: Resolution::Owed { may_double: false },
                by: "li@till-3".into(),
            },
        ];
        for reason in reasons {
            let text = serde_json::to_string(&reason).unwrap();
            assert_eq!(serde_json::from_str::<Reason>(&text).unwrap(), reason, "{text}");
        }
    }
}
