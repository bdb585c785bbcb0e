//! Invented runs for tests: events with times, and their statistics.

use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::model::calendar::Calendar;
use crate::model::clock::{Moment, from_ms, until};
use crate::model::delivery::{Counts, StateName};
use crate::model::event::{
    Attempt, Ending, Event, EventKind, ExcludeList, Phase, PlaceUnit, Reading, RowPlace, Rows, UnusableKind,
};
use crate::model::identity::{ActivityId, AppId, CampaignName, OpenId, PlatformName};
use crate::model::money::Valuation;
use crate::model::outcome::{Class, Classifier};

use super::run_stats::RunStats;
use super::run_view::{CampaignInfo, RunView};

/// The events of one run, and its present time.
pub(super) struct RunScript {
    pub(super) now: Timestamp,
    pub(super) events: Vec<Event>,
    pub(super) counts: Counts,
    pub(super) valuation: Valuation,
    pub(super) since: Duration,
    pub(super) campaign: Arc<CampaignInfo>,
}

pub(super) fn shanghai(time: &str) -> Timestamp {
    format!("2026-06-01T{time}+08:00").parse().expect("a time")
}

/// The result of an attempt.
#[derive(Clone, Copy)]
pub(super) struct AttemptResult {
    pub(super) state: StateName,
    pub(super) outcome: &'static str,
    pub(super) code: Option<i64>,
    pub(super) class: Option<Class>,
    pub(super) classifier: Classifier,
    pub(super) message: &'static str,
}

pub(super) const ISSUED: AttemptResult = AttemptResult {
    state: StateName::Issued,
    outcome: "issued",
    code: Some(0),
    class: Some(Class::Issued),
    classifier: Classifier::Table,
    message: "",
};
pub(super) const BANNED: AttemptResult = AttemptResult {
    state: StateName::Refused,
    outcome: "refused",
    code: Some(28_001_045),
    class: Some(Class::Refuse),
    classifier: Classifier::Table,
    message: "用户已注销",
};
pub(super) const UNLISTED: AttemptResult = AttemptResult {
    state: StateName::Held,
    outcome: "held",
    code: Some(990_000_003),
    class: Some(Class::Hold),
    classifier: Classifier::Nobody,
    message: "库存不足\u{202e}\x1b[2J",
};
pub(super) const TIMED_OUT: AttemptResult = AttemptResult {
    state: StateName::InDoubt,
    outcome: "unknown",
    code: None,
    class: None,
    classifier: Classifier::Nobody,
    message: "no answer within 10s",
};

impl RunScript {
    pub(super) fn new() -> Self {
        Self {
            now: shanghai("12:00:00"),
            events: Vec::new(),
            counts: Counts::default(),
            valuation: Valuation::default(),
            since: Duration::ZERO,
            campaign: Arc::new(CampaignInfo {
                name: "summer-2026".into(),
                zone: TimeZone::get("Asia/Shanghai").expect("a zone"),
                calendar: Calendar::always(),
                per_second: 98.0,
                again: "runner apply campaigns/summer.yaml".into(),
            }),
        }
    }

    pub(super) fn emit(&mut self, kind: EventKind) -> &mut Self {
        self.events.push(Event { at: self.now, kind });
        self
    }

    pub(super) fn wait(&mut self, ms: i64) -> &mut Self {
        self.now = from_ms(self.now.as_millisecond() + ms);
        self.since += Duration::from_millis(ms.unsigned_abs());
        self
    }

    pub(super) fn begin(&mut self) -> &mut Self {
        self.emit(EventKind::RunBegan {
            campaign: CampaignName::parse("summer-2026").expect("a name"),
            title: Some("夏日立减券".into()),
            app_id: AppId::parse("ttec789ac573xxxxxx01").expect("an app"),
            activity_id: ActivityId::parse("7218071234565644204").expect("an activity"),
            platform: PlatformName::FakePlatform,
            ledger: "campaigns/.runner/sandbox/ttec789ac573xxxxxx01/summer-2026".into(),
            new_ledger: true,
        })
    }

    pub(super) fn admit(&mut self, owed: u64) -> &mut Self {
        let mut counts = Counts::default();
        counts.add(StateName::Pending, owed);
        self.admit_reading(
            counts,
            Reading {
                listed: owed,
                ..Reading::default()
            },
        )
    }

    pub(super) fn admit_reading(&mut self, counts: Counts, reading: Reading) -> &mut Self {
        self.counts = counts;
        self.emit(EventKind::Admitted {
            reading: Box::new(reading),
            counts,
            valuation: self.valuation,
        })
    }

    pub(super) fn phase(&mut self, phase: Phase) -> &mut Self {
        self.emit(EventKind::Phase(phase))
    }

    pub(super) fn start(&mut self) -> &mut Self {
        self.emit(EventKind::AttemptBegan {
            since_run_began: self.since,
        })
    }

    pub(super) fn shift(&mut self, from: StateName, to: StateName) -> &mut Self {
        self.counts.shift(from, to);
        self.emit(EventKind::Counted {
            counts: self.counts,
            valuation: self.valuation,
        })
    }

    /// Attempts `n` deliveries, one every `every` milliseconds, each with this result.
    pub(super) fn send(&mut self, n: u64, every: i64, result: AttemptResult) -> &mut Self {
        for at in 0..n {
            self.shift(StateName::Pending, StateName::InFlight).start();
            self.emit(EventKind::AttemptEnded(Box::new(Attempt {
                started: true,
                merchant_coupon_id: "k4jggjhebt75at8pqb4j".into(),
                open_id: OpenId::parse(&format!("u{at}")).expect("an open_id"),
                attempt: 1,
                outcome: result.outcome.into(),
                code: result.code,
                class: result.class,
                classifier: Some(result.classifier),
                message: result.message.into(),
                log_id: if result.code.is_some() {
                    format!("20260601120000{at:06}")
                } else {
                    String::new()
                },
                latency: 0.064,
            })));
            self.shift(StateName::InFlight, result.state).wait(every);
        }
        self
    }

    /// Ends the run, with the counts that its events add up to.
    pub(super) fn end(&mut self, ending: Ending) -> &mut Self {
        let counts = self.counts;
        self.emit(EventKind::RunEnded { ending, counts })
    }

    pub(super) fn stats(&self) -> RunStats {
        let mut stats = RunStats::default();
        self.events
            .iter()
            .for_each(|event| stats.fold(event, instant(event.at)));
        stats
    }

    /// Calls `show` with the present state of the run.
    pub(super) fn view<T>(&self, show: impl FnOnce(&RunView<'_>) -> T) -> T {
        show(&RunView {
            stats: &self.stats(),
            campaign: &self.campaign,
            now: moment(self.now),
        })
    }
}

/// The moment at which a script's wall clock shows this time, if it is never corrected.
pub(super) fn moment(wall: Timestamp) -> Moment {
    static LONG_BEFORE: LazyLock<(Timestamp, Instant)> = LazyLock::new(|| (shanghai("00:00:00"), Instant::now()));
    let (began, instant) = *LONG_BEFORE;
    Moment::awake(wall, instant + until(began, wall).unwrap_or_default())
}

pub(super) fn instant(wall: Timestamp) -> Instant {
    moment(wall).instant
}

fn place(number: u64) -> RowPlace {
    RowPlace {
        within: "audience.csv".into(),
        unit: PlaceUnit::Line,
        number,
        value: None,
    }
}

/// A reading with unusable rows of every kind.
pub(super) fn spoilt_reading(listed: u64) -> Reading {
    let rows = |lines: &[u64], count| Rows {
        count,
        first: lines.iter().map(|line| place(*line)).collect(),
    };
    Reading {
        listed,
        repeated: rows(&[5, 9, 12], 3),
        unusable: vec![
            (UnusableKind::Empty, rows(&[17], 1)),
            (UnusableKind::NotPrintable, rows(&[40, 41, 42, 50, 51], 1_207)),
        ],
        excludes: [("csv opted-out.csv", 1_200, 34), ("campaign spring", 1, 0)]
            .map(|(list, people, excluded)| ExcludeList {
                list: list.to_owned(),
                people,
                excluded,
            })
            .into(),
        cut: 25,
        ..Reading::default()
    }
}

/// A run in the middle of its sends.
pub(super) fn sending() -> RunScript {
    let mut script = RunScript::new();
    script.begin().admit(100_600).phase(Phase::Sending);
    script
        .send(1_176, 10, ISSUED)
        .send(24, 10, BANNED)
        .send(2, 10, TIMED_OUT);
    script
}
