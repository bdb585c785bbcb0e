//! Which notices a run has, and how they read.

use std::fmt::Write as _;

use jiff::tz::TimeZone;

use super::*;
use crate::catalogue::{Language, reconcile};
use crate::model::event::{Attempt, Ending, Reading, WaveLoad};
use crate::model::identity::{ActivityId, AppId, CampaignName, OpenId, PlatformName};
use crate::model::money::{Money, Valuation};
use crate::notify::block::Block;

/// A run whose events come at chosen times.
struct Script {
    watch: RunWatch,
    stats: RunStats,
    began: Moment,
    passed: Duration,
    notices: Vec<Notice>,
}

fn origin() -> Origin {
    Origin {
        campaign: CampaignName::parse("summer-2026").unwrap(),
        title: Some("夏日<at user_id=\"all\">立减券".to_owned()),
        app_id: AppId::parse("tt1").unwrap(),
        zone: TimeZone::get("Asia/Shanghai").unwrap(),
        file: "summer.yaml".to_owned(),
        is_rehearsal: false,
        is_shared: false,
        page: None,
    }
}

fn counts(issued: u64, refused: u64, pending: u64) -> Counts {
    let mut counts = Counts::default();
    counts.add(StateName::Issued, issued);
    counts.add(StateName::Refused, refused);
    counts.add(StateName::Pending, pending);
    counts
}

impl Script {
    fn new() -> Self {
        let start = "2026-06-01T10:00:00+08:00".parse().unwrap();
        let mut script = Self {
            watch: RunWatch::new(origin()),
            stats: RunStats::default(),
            began: crate::model::clock::Clock::simulated(start).moment(),
            passed: Duration::ZERO,
            notices: Vec::new(),
        };
        script.emit(EventKind::RunBegan {
            campaign: CampaignName::parse("summer-2026").unwrap(),
            title: None,
            app_id: AppId::parse("tt1").unwrap(),
            activity_id: ActivityId::parse("7218071234565644204").unwrap(),
            platform: PlatformName::FakePlatform,
            ledger: "/home/li/campaigns".into(),
            new_ledger: true,
        });
        script.emit(EventKind::Admitted {
            reading: Box::new(Reading::default()),
            counts: counts(0, 0, 600),
            valuation: Valuation::default(),
        });
        script
    }

    fn now(&self) -> Moment {
        Moment {
            wall: self.began.wall + self.passed,
            instant: self.began.instant + self.passed,
            age: self.began.age,
        }
    }

    fn emit(&mut self, kind: EventKind) {
        let now = self.now();
        let event = Event { at: now.wall, kind };
        self.stats.fold(&event, now.instant);
        self.notices
            .extend(self.watch.observe(&event, &self.stats, now.instant));
    }

    /// Lets time pass, with the ticks that are due.
    fn pass(&mut self, minutes: u64) {
        let end = self.passed + Duration::from_mins(minutes);
        while let Some(due) = self.watch.due().filter(|due| *due <= self.began.instant + end) {
            self.passed = self.passed.max(due - self.began.instant);
            let notices = self.watch.tick(self.now());
            assert!(!notices.is_empty(), "a tick without a notice would repeat for ever");
            self.notices.extend(notices);
        }
        self.passed = end;
    }

    fn phase(&mut self, why: Waiting) {
        self.emit(EventKind::Phase(Phase::Waiting { why, until: None }));
    }

    fn sends(&mut self) {
        self.emit(EventKind::Phase(Phase::Sending));
    }

    fn settles(&mut self, issued: u64, refused: u64) {
        let counts = counts(issued, refused, 600 - issued - refused);
        let valuation = Valuation::default();
        self.emit(EventKind::Counted { counts, valuation });
    }

    fn answers(&mut self, code: i64, class: Class, message: &str) {
        self.emit(EventKind::AttemptEnded(Box::new(Attempt {
            merchant_coupon_id: "k4jggjhebt75at8pqb4j".to_owned(),
            open_id: OpenId::parse("canary-open-id").unwrap(),
            attempt: 1,
            outcome: "refused".to_owned(),
            code: Some(code),
            class: Some(class),
            classifier: None,
            message: message.to_owned(),
            log_id: "202606011000".to_owned(),
            latency: 0.1,
            started: true,
        })));
    }

    fn ends(&mut self, ending: Ending, counts: Counts) {
        self.emit(EventKind::RunEnded { ending, counts });
    }

    /// Returns the words of the notices since the last call.
    fn slots(&mut self) -> Vec<&'static str> {
        self.notices.drain(..).map(|notice| notice.what.slot().word()).collect()
    }
}

#[test]
fn every_notice_reads_well_in_both_languages() {
    let mut script = Script::new();
    script.sends();
    script.answers(0, Class::Issued, "");
    script.answers(
        28_001_045,
        Class::Refuse,
        "用户*已*注销\n@所有人 [点击](https://example.com) <at>",
    );
    script.settles(100, 1);
    script.emit(EventKind::WavesAhead {
        waves: vec![WaveLoad {
            wave: Some(1),
            to_send: 101,
            not_before: Timestamp::MIN,
            wait: crate::model::approval::WaveWait::Approval,
        }],
    });
    let wave = |wave: Option<u32>, until: Option<Timestamp>| EventKind::Wave {
        wave,
        ended: true,
        approval: false,
        until,
        skipped: None,
    };
    script.emit(wave(Some(1), "2026-06-01T11:00:00+08:00".parse().ok()));
    script.phase(Waiting::Approval { done: 1 });
    script.phase(Waiting::Approval { done: 0 });
    script.sends();
    script.emit(wave(None, None));
    script.emit(EventKind::PaceChanged {
        per_second: 12.5,
        until: "2026-06-01T12:00:00+08:00".parse().ok(),
    });
    script.pass(10);
    script.emit(EventKind::PaceChanged {
        per_second: 98.0,
        until: None,
    });
    script.pass(30);
    let since = "2026-06-01T10:40:00+08:00".parse().unwrap();
    script.phase(Waiting::Outage { since });
    script.pass(90);
    script.sends();
    script.emit(EventKind::Asking);
    script.pass(11);
    script.emit(EventKind::Asked {
        waited: Duration::from_mins(11),
    });
    script.emit(EventKind::Halted(Halted::AnotherLedger {
        open_id: OpenId::parse("canary-open-id").unwrap(),
        merchant_coupon_id: "k4jggjhebt75at8pqb4j".to_owned(),
    }));
    script.ends(Ending::NeedsPerson, counts(101, 1, 498));
    let failed = script.watch.failed(script.now().wall, Problem::Lock, 1);
    script.notices.extend(failed);
    script.notices.push(Notice {
        at: script.now().wall,
        what: What::Missed {
            start: "2026-06-01T10:00:00+08:00".parse().unwrap(),
        },
        counts: None,
        codes: Vec::new(),
    });
    script.notices.push(Notice {
        at: script.now().wall,
        what: What::Budget {
            used: Money::from_fen(24_500_000),
            max: Money::from_fen(30_000_000),
        },
        counts: None,
        codes: Vec::new(),
    });
    script.notices.push(Notice {
        at: script.now().wall,
        what: What::Differs {
            why: Text::new(&reconcile::CouponsDiffer { n: 2 }),
        },
        counts: None,
        codes: Vec::new(),
    });
    let mut by_code = Script::new();
    by_code.emit(EventKind::Halted(Halted::Code {
        code: 28_001_007,
        message: "活动已结束".to_owned(),
        log_id: "202606011001".to_owned(),
    }));
    script.notices.append(&mut by_code.notices);
    let mut complete = Script::new();
    complete.ends(Ending::Complete, counts(587, 13, 0));
    script.notices.append(&mut complete.notices);
    let mut stopped = Script::new();
    stopped.emit(EventKind::Phase(Phase::Draining {
        why: DrainReason::GaveUp,
    }));
    stopped.ends(Ending::Incomplete, counts(10, 0, 590));
    script.notices.append(&mut stopped.notices);
    let mut shown = String::new();
    for language in [Language::Chinese, Language::English] {
        for notice in &script.notices {
            let block = Block::new(&origin(), notice, language);
            let lines = block.lines.join("\n  ");
            writeln!(shown, "{}\n  {lines}\n  > {}", block.title, block.command).unwrap();
        }
        shown.push('\n');
    }
    for canary in ["canary", "/home/li", "@", "<at", "](", "k4jgg"] {
        assert!(!shown.contains(canary), "{canary} is in {shown}");
    }
    insta::assert_snapshot!(shown);
    let objects = script.notices.iter().map(|notice| {
        let mut object = Block::new(&origin(), notice, Language::Chinese).object;
        object["id"] = "…".into();
        object.to_string()
    });
    let objects: Vec<_> = objects.collect();
    assert!(!objects.join("\n").contains("canary"));
    insta::assert_snapshot!(objects.join("\n"));
}

#[test]
fn what_is_over_before_its_time_has_no_notice() {
    let mut script = Script::new();
    let since = script.began.wall;
    for _ in 0..3 {
        script.phase(Waiting::Outage { since });
        script.pass(9);
        script.sends();
        script.settles(1, 0);
        script.emit(EventKind::Phase(Phase::Paused {
            by: crate::model::run_command::Requester {
                pid: 1,
                user: "li".to_owned(),
                host: "host".to_owned(),
                name: None,
                command: String::new(),
            },
        }));
        script.pass(9);
        script.sends();
    }
    assert_eq!(script.slots(), [""; 0]);
}

#[test]
fn an_outage_has_one_notice_and_one_at_its_end() {
    let mut script = Script::new();
    let since = script.began.wall;
    script.phase(Waiting::Outage { since });
    script.pass(5);
    // The next probe has another time, and the outage is the same.
    script.phase(Waiting::Outage { since });
    script.pass(6);
    assert_eq!(script.slots(), ["outage"]);
    script.pass(600);
    assert_eq!(script.slots(), [""; 0]);
    script.sends();
    assert_eq!(script.slots(), ["outage"]);
}

#[test]
fn a_stall_has_one_notice_until_there_is_progress() {
    let mut script = Script::new();
    script.sends();
    script.pass(29);
    script.settles(1, 0);
    script.pass(29);
    assert_eq!(script.slots(), [""; 0]);
    script.pass(120);
    assert_eq!(script.slots(), ["stalled"]);
    script.settles(2, 0);
    script.pass(31);
    assert_eq!(script.slots(), ["stalled"]);
    // Outside of a window nothing is to be settled.
    script.phase(Waiting::Window);
    script.pass(600);
    script.sends();
    script.pass(29);
    assert_eq!(script.slots(), [""; 0]);
}

/// In a fleet, each worker sees events before it owns the app id and after it has given it up.
#[test]
fn only_a_run_that_has_begun_and_is_not_handed_over_has_notices() {
    let mut script = Script::new();
    script.watch = RunWatch::new(origin());
    script.phase(Waiting::AppId {
        holder: crate::model::event::AppLockHolder::default(),
    });
    script.pass(60);
    assert_eq!(script.slots(), [""; 0]);
    let shared = Origin {
        is_shared: true,
        page: None,
        ..origin()
    };
    script.watch = RunWatch::new(shared.clone());
    assert_eq!(script.watch.failed(script.now().wall, Problem::Lock, 1), None);
    // A worker that has lost its term waits for the app id again.
    script.watch = RunWatch::began(shared);
    script.sends();
    script.phase(Waiting::AppId {
        holder: crate::model::event::AppLockHolder::default(),
    });
    script.pass(60);
    assert_eq!(script.slots(), [""; 0]);
    let mut script = Script::new();
    script.emit(EventKind::Phase(Phase::Draining {
        why: DrainReason::HandedOver,
    }));
    script.ends(Ending::Incomplete, counts(1, 0, 599));
    script.pass(60);
    assert_eq!(script.slots(), [""; 0]);
}
