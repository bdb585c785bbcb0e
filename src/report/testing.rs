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
use crate::model::outcome::{Class, Classifier};

use super::progress::{Look, Setup};
use super::run_stats::RunStats;

/// The events of one run, and its present time.
pub(super) struct Story {
    pub(super) now: Timestamp,
    pub(super) events: Vec<Event>,
    pub(super) counts: Counts,
    pub(super) since: Duration,
    pub(super) setup: Arc<Setup>,
}

pub(super) fn shanghai(time: &str) -> Timestamp {
    format!("2026-06-01T{time}+08:00").parse().expect("a time")
}

/// The result of an attempt.
pub(super) type End = (
    StateName,
    &'static str,
    Option<i64>,
    Option<Class>,
    Classifier,
    &'static str,
);

pub(super) const ISSUED: End = (
    StateName::Issued,
    "issued",
    Some(0),
    Some(Class::Issued),
    Classifier::Table,
    "",
);
pub(super) const BANNED: End = (
    StateName::Refused,
    "refused",
    Some(28_001_045),
    Some(Class::Refuse),
    Classifier::Table,
    "用户已注销",
);
pub(super) const UNLISTED: End = (
    StateName::Held,
    "held",
    Some(990_000_003),
    Some(Class::Hold),
    Classifier::Nobody,
    "库存不足\u{202e}\x1b[2J",
);
pub(super) const TIMED_OUT: End = (
    StateName::InDoubt,
    "unknown",
    None,
    None,
    Classifier::Nobody,
    "no answer within 10s",
);

impl Story {
    pub(super) fn new() -> Self {
        Self {
            now: shanghai("12:00:00"),
            events: Vec::new(),
            counts: Counts::default(),
            since: Duration::ZERO,
            setup: Arc::new(Setup {
                name: "summer-2026".into(),
                zone: TimeZone::get("Asia/Shanghai").expect("a zone"),
                calendar: Calendar::always(),
                per_second: 98.0,
                again: "runner apply campaigns/summer.yaml".into(),
            }),
        }
    }

    pub(super) fn tell(&mut self, kind: EventKind) -> &mut Self {
        self.events.push(Event { at: self.now, kind });
        self
    }

    pub(super) fn wait(&mut self, ms: i64) -> &mut Self {
        self.now = from_ms(self.now.as_millisecond() + ms);
        self.since += Duration::from_millis(ms.unsigned_abs());
        self
    }

    pub(super) fn begin(&mut self) -> &mut Self {
        self.tell(EventKind::RunBegan {
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
        self.tell(EventKind::Admitted {
            reading: Box::new(reading),
            counts,
        })
    }

    pub(super) fn phase(&mut self, phase: Phase) -> &mut Self {
        self.tell(EventKind::Phase(phase))
    }

    pub(super) fn start(&mut self) -> &mut Self {
        self.tell(EventKind::AttemptBegan {
            since_run_began: self.since,
        })
    }

    pub(super) fn shift(&mut self, from: StateName, to: StateName) -> &mut Self {
        self.counts.shift(from, to);
        self.tell(EventKind::Counted { counts: self.counts })
    }

    /// Attempts `n` deliveries, one every `every` milliseconds, each with this result.
    pub(super) fn send(&mut self, n: u64, every: i64, end: End) -> &mut Self {
        let (state, outcome, code, class, classifier, message) = end;
        for at in 0..n {
            self.shift(StateName::Pending, StateName::InFlight).start();
            self.tell(EventKind::AttemptEnded(Box::new(Attempt {
                merchant_coupon_id: "k4jggjhebt75at8pqb4j".into(),
                open_id: OpenId::parse(&format!("u{at}")).expect("an open_id"),
                attempt: 1,
                outcome: outcome.into(),
                code,
                class,
                classifier: Some(classifier),
                message: message.into(),
                log_id: if code.is_some() {
                    format!("20260601120000{at:06}")
                } else {
                    String::new()
                },
                latency: 0.064,
            })));
            self.shift(StateName::InFlight, state).wait(every);
        }
        self
    }

    /// Ends the run, with the counts that its events add up to.
    pub(super) fn end(&mut self, ending: Ending) -> &mut Self {
        let counts = self.counts;
        self.tell(EventKind::RunEnded { ending, counts })
    }

    pub(super) fn stats(&self) -> RunStats {
        let mut stats = RunStats::default();
        self.events
            .iter()
            .for_each(|event| stats.fold(event, instant(event.at)));
        stats
    }

    /// Calls `show` with the present state of the run.
    pub(super) fn look<T>(&self, show: impl FnOnce(&Look<'_>) -> T) -> T {
        show(&Look {
            stats: &self.stats(),
            setup: &self.setup,
            now: moment(self.now),
        })
    }
}

/// The moment at which a story's wall clock shows this time, if it is never corrected.
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
