//! Prometheus metrics of the runs of a process: instruments that events update, and their text format.
//!
//! Names follow Prometheus' conventions: base units, `_total` for counters, and no label whose values an audience or a
//! platform could multiply without limit.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use jiff::Timestamp;
use prometheus::proto::MetricFamily;
use prometheus::{
    Encoder, GaugeVec, Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry,
    TextEncoder,
};

use crate::model::delivery::{Counts, StateName};
use crate::model::event::{Attempt, Event, EventKind, Phase, Waiting};
use crate::model::identity::{AppId, CampaignName};

use crate::report::run_stats::SendStats;

/// The maximum number of distinct codes with series of their own; further codes share one.
const MOST_CODES: usize = 64;
/// Buckets for attempts; the platform usually answers within a tenth of a second, and `retry.timeout` is ten by
/// default.
const LATENCY: &[f64] = &[0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];
/// Buckets for flushes; a good disk takes a tenth of a millisecond, and a flush of a quarter of a second delays starts.
const FLUSH: &[f64] = &[
    0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0,
];

/// The metrics of one run.
pub struct Metrics {
    registry: Registry,
    counters: Counters,
    gauges: Gauges,
    live: Mutex<LiveState>,
}

/// Instruments that an event updates at once.
struct Counters {
    started: IntCounter,
    attempts: IntCounterVec,
    latency: Histogram,
    flush: Histogram,
    rows: IntCounter,
}

/// Instruments that are set from [`LiveState`] at each scrape.
struct Gauges {
    deliveries: IntGaugeVec,
    in_flight: IntGauge,
    armed: IntGauge,
    pace: GaugeVec,
    token_age: GaugeVec,
    token_expiry: GaugeVec,
    phase: IntGaugeVec,
    waiting: IntGaugeVec,
    halted: IntGauge,
}

/// The present state of the run.
#[derive(Default)]
struct LiveState {
    counts: Counts,
    /// Attempts that have started and whose end has not been emitted yet.
    outstanding: u64,
    sends: SendStats,
    per_second: f64,
    token: Option<Token>,
    codes: BTreeSet<i64>,
    phase: Option<Phase>,
    halted: bool,
    ended: bool,
}

#[derive(Clone, Copy)]
struct Token {
    fetched: Instant,
    until: Timestamp,
}

impl Metrics {
    /// The metrics of a run without events, with the plan's pace. An endpoint that serves several campaigns labels them
    /// with the app too, because two apps may each have a campaign of one name.
    ///
    /// # Errors
    /// When the name of a metric is invalid. That is a defect, and a test finds it.
    pub fn new(campaign: &CampaignName, app_id: Option<&AppId>, per_second: f64) -> Result<Self, prometheus::Error> {
        let mut labels = HashMap::from([("campaign".to_owned(), campaign.to_string())]);
        labels.extend(app_id.map(|app_id| ("app_id".to_owned(), app_id.to_string())));
        let registry = Registry::new_custom(Some("runner".to_owned()), Some(labels))?;
        let counters = Counters::new(&registry)?;
        let gauges = Gauges::new(&registry)?;
        let info = "The program that serves these metrics.";
        let build = int_gauges(&registry, "build_info", info, &["version"])?;
        build.with_label_values(&[env!("CARGO_PKG_VERSION")]).set(1);
        Ok(Self {
            registry,
            counters,
            gauges,
            live: Mutex::new(LiveState {
                per_second,
                ..LiveState::default()
            }),
        })
    }

    /// Whether the run has begun.
    #[must_use]
    pub fn has_begun(&self) -> bool {
        let live = self.live();
        live.phase.is_some() || live.halted || live.ended
    }

    /// Updates the metrics by an event that arrived at `now`. Blocks only for another event or a scrape.
    pub fn count(&self, event: &Event, now: Instant) {
        let mut live = self.live();
        match &event.kind {
            EventKind::AudienceRead { rows, .. } => self.read(*rows),
            EventKind::Admitted { reading, counts, .. } => {
                // The progress events stop before the last rows; the admission has the total.
                let unusable: u64 = reading.unusable.iter().map(|(_, rows)| rows.count).sum();
                self.read(reading.listed + reading.repeated.count + unusable);
                live.counts = *counts;
            }
            EventKind::Counted { counts, .. } => live.counts = *counts,
            EventKind::Phase(phase) => live.phase = Some(phase.clone()),
            EventKind::AttemptBegan { since_run_began } => {
                live.outstanding += 1;
                live.sends.begin(*since_run_began, now);
                self.counters.started.inc();
            }
            EventKind::AttemptEnded(attempt) => {
                live.end(attempt);
                let code = live.code(attempt);
                let class = attempt.class.map_or(attempt.outcome.as_str(), |class| class.word());
                self.counters.attempts.with_label_values(&[code.as_str(), class]).inc();
                self.counters.latency.observe(attempt.latency);
            }
            EventKind::AttemptUnrecorded(attempt) => live.end(attempt),
            EventKind::Flushed { took, .. } => self.counters.flush.observe(took.as_secs_f64()),
            EventKind::PaceChanged { per_second, .. } => live.per_second = *per_second,
            EventKind::TokenFetched { until } => {
                live.token = Some(Token {
                    fetched: now,
                    until: *until,
                });
            }
            EventKind::Halted(_) => live.halted = true,
            EventKind::RunEnded { counts, .. } => {
                live.counts = *counts;
                live.ended = true;
            }
            EventKind::Queued
            | EventKind::RunBegan { .. }
            | EventKind::Admitting { .. }
            | EventKind::ActivityCreated { .. }
            | EventKind::ActivityStock { .. }
            | EventKind::ActivityReleased { .. }
            | EventKind::Asking
            | EventKind::Asked { .. }
            | EventKind::Window { .. }
            | EventKind::DayPassedOver { .. }
            | EventKind::WavesAhead { .. }
            | EventKind::Wave { .. }
            | EventKind::Approved { .. }
            | EventKind::Resolved { .. }
            | EventKind::Warning { .. } => {}
        }
    }

    fn read(&self, rows: u64) {
        self.counters.rows.inc_by(rows.saturating_sub(self.counters.rows.get()));
    }

    fn gather(&self, now: Instant) -> Vec<MetricFamily> {
        self.gauges.set(&self.live(), now);
        self.registry.gather()
    }

    /// A panic in the fold does no harm that matters to a report, so a poisoned lock is used on.
    fn live(&self) -> MutexGuard<'_, LiveState> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The metrics of all runs at `now`, in Prometheus' text format, which requires the series of each name to be adjacent.
///
/// # Errors
/// When encoding fails. That is a defect.
pub fn text(all: &[Arc<Metrics>], now: Instant) -> Result<String, prometheus::Error> {
    let mut families: BTreeMap<String, MetricFamily> = BTreeMap::new();
    for mut family in all.iter().flat_map(|metrics| metrics.gather(now)) {
        match families.entry(family.name().to_owned()) {
            Entry::Vacant(place) => {
                place.insert(family);
            }
            Entry::Occupied(mut place) => place.get_mut().mut_metric().append(&mut family.take_metric()),
        }
    }
    let families: Vec<_> = families.into_values().collect();
    let mut text = Vec::new();
    TextEncoder::new().encode(&families, &mut text)?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Metrics")
    }
}

impl LiveState {
    fn end(&mut self, attempt: &Attempt) {
        self.outstanding = self.outstanding.saturating_sub(u64::from(attempt.started));
    }

    /// The code's label. Limits the number of series if the platform keeps answering with new codes.
    fn code(&mut self, attempt: &Attempt) -> String {
        let Some(code) = attempt.code else {
            return "none".to_owned();
        };
        if self.codes.len() < MOST_CODES {
            self.codes.insert(code);
        }
        if self.codes.contains(&code) {
            code.to_string()
        } else {
            "other".to_owned()
        }
    }
}

impl Counters {
    fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        let attempts = IntCounterVec::new(
            Opts::new(
                "attempts_total",
                "Attempts whose outcome is durable, by the platform's code and what it means here.",
            ),
            &["code", "class"],
        )?;
        registry.register(Box::new(attempts.clone()))?;
        Ok(Self {
            started: counter(registry, "attempts_started_total", "Attempts that have left.")?,
            attempts,
            latency: histogram(
                registry,
                "attempt_duration_seconds",
                "From the first byte of a request to the end of its answer, or to giving up.",
                LATENCY,
            )?,
            flush: histogram(
                registry,
                "ledger_flush_duration_seconds",
                "How long a batch of facts took to become durable.",
                FLUSH,
            )?,
            rows: counter(
                registry,
                "audience_rows_read_total",
                "Rows of the audience that were read.",
            )?,
        })
    }
}

impl Gauges {
    fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        let int = |name, help, labels: &[&str]| int_gauges(registry, name, help, labels);
        let float = |name, help, labels: &[&str]| gauges(registry, name, help, labels);
        Ok(Self {
            deliveries: int(
                "deliveries",
                "Deliveries by state; together they are the audience.",
                &["state"],
            )?,
            in_flight: int(
                "attempts_in_flight",
                "Attempts that have left and whose outcome is not durable yet.",
                &[],
            )?
            .with_label_values::<&str>(&[]),
            armed: int(
                "attempts_armed",
                "Attempts whose intent is durable and that have not left.",
                &[],
            )?
            .with_label_values::<&str>(&[]),
            pace: float(
                "pace_starts_per_second",
                "Starts per second: allowed at present, used over the last ten seconds, and the most in any one second.",
                &["kind"],
            )?,
            token_age: float("token_age_seconds", "How long ago the access token was fetched.", &[])?,
            token_expiry: float(
                "token_expiry_timestamp_seconds",
                "Until when the access token is valid.",
                &[],
            )?,
            phase: int("phase", "1 for what the run is doing, 0 for the rest.", &["phase"])?,
            waiting: int("waiting", "1 for what the run waits for, 0 for the rest.", &["reason"])?,
            halted: int("halted", "1 once the run has halted and a person must look.", &[])?
                .with_label_values::<&str>(&[]),
        })
    }

    fn set(&self, live: &LiveState, now: Instant) {
        for state in StateName::ALL {
            let label = state.word().to_owned();
            self.deliveries
                .with_label_values(&[label])
                .set(signed(live.counts.count(state)));
        }
        let durable = live.counts.count(StateName::InFlight);
        self.in_flight.set(signed(live.outstanding));
        self.armed.set(signed(durable.saturating_sub(live.outstanding)));
        let used = if live.sends.attempts > 0 {
            live.sends.rate(now)
        } else {
            0.0
        };
        #[expect(clippy::cast_precision_loss, reason = "starts within one second")]
        let most = live.sends.second.most() as f64;
        for (kind, value) in [("allowed", live.per_second), ("used", used), ("most", most)] {
            self.pace.with_label_values(&[kind]).set(value);
        }
        if let Some(token) = live.token {
            let age = now.saturating_duration_since(token.fetched).as_secs_f64();
            self.token_age.with_label_values::<&str>(&[]).set(age);
            self.token_expiry
                .with_label_values::<&str>(&[])
                .set(token.until.as_duration().as_secs_f64());
        }
        let (phase, waiting) = live.doing();
        for word in ["planning", "sending", "waiting", "paused", "draining", "ended"] {
            self.phase.with_label_values(&[word]).set(i64::from(word == phase));
        }
        for word in Waiting::WORDS {
            self.waiting
                .with_label_values(&[word])
                .set(i64::from(waiting == Some(word)));
        }
        self.halted.set(i64::from(live.halted));
    }
}

impl LiveState {
    /// The labels of the run's phase: what it does, and what it waits for.
    const fn doing(&self) -> (&'static str, Option<&'static str>) {
        match &self.phase {
            _ if self.ended => ("ended", None),
            None | Some(Phase::Planning) => ("planning", None),
            Some(Phase::Paused { .. }) => ("paused", None),
            Some(Phase::Sending) => ("sending", None),
            Some(Phase::Waiting { why, .. }) => ("waiting", Some(why.word())),
            Some(Phase::Draining { .. }) => ("draining", None),
        }
    }
}

fn signed(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

fn counter(registry: &Registry, name: &str, help: &str) -> Result<IntCounter, prometheus::Error> {
    let counter = IntCounter::new(name, help)?;
    registry.register(Box::new(counter.clone()))?;
    Ok(counter)
}

fn histogram(registry: &Registry, name: &str, help: &str, buckets: &[f64]) -> Result<Histogram, prometheus::Error> {
    let histogram = Histogram::with_opts(HistogramOpts::new(name, help).buckets(buckets.to_vec()))?;
    registry.register(Box::new(histogram.clone()))?;
    Ok(histogram)
}

fn int_gauges(registry: &Registry, name: &str, help: &str, labels: &[&str]) -> Result<IntGaugeVec, prometheus::Error> {
    let gauges = IntGaugeVec::new(Opts::new(name, help), labels)?;
    registry.register(Box::new(gauges.clone()))?;
    Ok(gauges)
}

fn gauges(registry: &Registry, name: &str, help: &str, labels: &[&str]) -> Result<GaugeVec, prometheus::Error> {
    let gauges = GaugeVec::new(Opts::new(name, help), labels)?;
    registry.register(Box::new(gauges.clone()))?;
    Ok(gauges)
}

#[cfg(test)]
mod tests;
