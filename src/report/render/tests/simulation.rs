//! The rendering of simulations.

use std::time::Duration;

use anstream::adapter::strip_str;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use proptest::prelude::*;

use crate::catalogue::Language;
use crate::model::clock::{from_ms, later, until};
use crate::model::delivery::{Counts, StateName};
use crate::model::event::{DrainReason, Ending, Event, EventKind, Halted, Phase, Waiting};
use crate::model::money::Valuation;
use crate::report::render::html::{page_text, simulation_page};
use crate::report::render::json::{HourObject, SimulationObject};
use crate::report::render::terminal::simulation::text;
use crate::report::simulation::hours::{Hour, Hours};
use crate::report::simulation::{SimulationSettings, SimulationView};
use crate::report::testing::{BANNED, ISSUED, RunScript, TIMED_OUT, UNLISTED, shanghai};
use crate::report::text::columns;

fn zone(name: &str) -> TimeZone {
    TimeZone::get(name).unwrap()
}

fn waiting(why: Waiting) -> Phase {
    Phase::Waiting { why, until: None }
}

/// The simulation of a script, which began at its first event.
fn simulated(script: &RunScript) -> SimulationView {
    let from = script.events[0].at;
    let zone = script.campaign.zone.clone();
    let mut counts = Counts::default();
    counts.add(StateName::Pending, script.counts.audience());
    let mut hours = Hours::new(zone.clone(), from, counts);
    script.events.iter().for_each(|event| hours.count(event));
    SimulationView {
        settings: SimulationSettings {
            zone,
            from,
            ledger: None,
            world: vec![
                "at most 100 requests a second, answers in 40 ms to 100 ms, seed 0".to_owned(),
                "out of reach from Mon 2026-06-01 14:00 on, for 2 h".to_owned(),
            ],
            stock: None,
            seed: 0,
        },
        stats: script.stats(),
        hours: hours.until(script.now),
    }
}

/// A day and a half with a wait for the start, an outage, a night outside the windows, and every outcome.
fn eventful() -> RunScript {
    let mut script = RunScript::new();
    script
        .begin()
        .admit(400)
        .phase(waiting(Waiting::Start))
        .wait(70 * 60_000);
    script
        .phase(Phase::Sending)
        .send(120, 20_000, ISSUED)
        .send(20, 2_000, BANNED);
    script.phase(waiting(Waiting::Outage {
        since: shanghai("13:51:00"),
    }));
    script
        .wait(100 * 60_000)
        .phase(Phase::Sending)
        .send(3, 10_000, TIMED_OUT);
    script
        .send(60, 1_000, ISSUED)
        .phase(waiting(Waiting::Window))
        .wait(17 * 3_600_000);
    script
        .phase(Phase::Sending)
        .send(170, 10_000, ISSUED)
        .send(4, 1_000, UNLISTED);
    script
}

fn ended(mut script: RunScript, ending: Ending) -> RunScript {
    script.end(ending);
    script
}

#[test]
fn a_simulation_on_the_screen() {
    let mut halted = eventful();
    let n = 4;
    let of = 20;
    halted.emit(EventKind::Halted(Halted::Held { n, of }));
    let mut late = eventful();
    let why = DrainReason::End;
    late.phase(Phase::Draining { why });
    let mut away = eventful();
    let why = DrainReason::GaveUp;
    away.phase(Phase::Draining { why });
    let mut endless = RunScript::new();
    let why = DrainReason::Interrupted;
    endless.begin().admit(5).phase(Phase::Draining { why });
    let mut complete = RunScript::new();
    complete.begin().admit(5).phase(Phase::Sending).send(5, 20, ISSUED);
    let mut idle = RunScript::new();
    idle.begin().admit(0);
    let all = [
        ended(halted, Ending::NeedsPerson),
        ended(late, Ending::NeedsPerson),
        ended(away, Ending::Incomplete),
        ended(eventful(), Ending::NeedsPerson),
        ended(endless, Ending::Incomplete),
        ended(complete, Ending::Complete),
        ended(idle, Ending::Complete),
    ];
    let seen = |width: usize| {
        let screens = all.each_ref().map(|script| {
            let text = strip_str(&text(&simulated(script), width)).to_string();
            for line in text.lines() {
                // The table of codes is that of a run's summary.
                let is_code = line.trim_start().starts_with("990000003");
                assert!(columns(line) <= width.min(80) || is_code, "{width}: {line}");
            }
            text
        });
        screens.join("\n――――――――\n\n")
    };
    insta::assert_snapshot!(seen(usize::MAX));
    insta::assert_snapshot!(seen(60));
    Language::Chinese.scope(|| {
        insta::assert_snapshot!(seen(60));
        insta::assert_snapshot!(seen(80));
    });
}

#[test]
fn a_simulation_for_programs() {
    let simulated = simulated(&ended(eventful(), Ending::NeedsPerson));
    let hours: Vec<_> = HourObject::all(&simulated).collect();
    insta::assert_json_snapshot!((hours, SimulationObject::new(&simulated)));
}

#[test]
fn a_simulation_as_a_page() {
    let page = || simulation_page(&simulated(&ended(eventful(), Ending::NeedsPerson))).unwrap();
    insta::assert_snapshot!(page_text::text(&page()));
    insta::assert_snapshot!(page_text::text(&Language::Chinese.scope(page)));
}

fn event(ms: i64, kind: EventKind) -> Event {
    Event { at: from_ms(ms), kind }
}

fn began() -> EventKind {
    EventKind::AttemptBegan {
        since_run_began: Duration::ZERO,
    }
}

/// How many attempts each hour of the clocks has, with one attempt a minute for four hours from just before a change of
/// offset.
fn by_the_clocks(from: &str) -> Vec<(String, u64)> {
    let zone = zone("Europe/Berlin");
    let from: Timestamp = from.parse().unwrap();
    let mut hours = Hours::new(zone.clone(), from, Counts::default());
    for minute in 0..240 {
        hours.count(&event(from.as_millisecond() + minute * 60_000, began()));
    }
    let shown = |hour: Hour| {
        let from = hour.from.to_zoned_datetime(zone.clone());
        (from.strftime("%H:%M %:::z").to_string(), hour.sent)
    };
    hours
        .until(later(from, Duration::from_hours(4)))
        .into_iter()
        .map(shown)
        .collect()
}

#[test]
fn an_hour_that_the_clocks_show_twice_has_its_offset_on_the_screen() {
    let mut script = RunScript::new();
    script
        .begin()
        .admit(1)
        .phase(Phase::Sending)
        .send(1, 20, ISSUED)
        .end(Ending::Complete);
    let mut simulated = simulated(&script);
    let from: Timestamp = "2026-10-25T01:00+02:00".parse().unwrap();
    let mut hours = Hours::new(zone("Europe/Berlin"), from, Counts::default());
    for hour in 0..4 {
        hours.count(&event(from.as_millisecond() + hour * 3_600_000, began()));
    }
    simulated.settings.zone = zone("Europe/Berlin");
    simulated.hours = hours.until(later(from, Duration::from_hours(4)));
    let screen = strip_str(&text(&simulated, 80)).to_string();
    let labels: Vec<_> = screen
        .lines()
        .filter(|line| line.ends_with('█'))
        .map(|line| &line[..15])
        .collect();
    assert_eq!(
        labels,
        [
            "Sun 10-25 01:00",
            "          02:00",
            "      +01 02:00",
            "          03:00"
        ]
    );
}

#[test]
fn an_hour_that_the_clocks_show_twice_is_two() {
    let of = |shown: &str, sent| (shown.to_owned(), sent);
    let back = by_the_clocks("2026-10-25T01:00+02:00");
    assert_eq!(
        back,
        [
            of("01:00 +02", 60),
            of("02:00 +02", 60),
            of("02:00 +01", 60),
            of("03:00 +01", 60)
        ]
    );
    let forward = by_the_clocks("2026-03-29T01:00+01:00");
    assert_eq!(
        forward,
        [
            of("01:00 +01", 60),
            of("03:00 +02", 60),
            of("04:00 +02", 60),
            of("05:00 +02", 60)
        ]
    );
    let half = by_the_clocks("2026-06-01T01:30+02:00");
    assert_eq!(half[..2], [of("01:30 +02", 30), of("02:00 +02", 60)]);
}

proptest! {
    /// Hours are consecutive from start to end, and lose no attempt, coupon or time.
    #[test]
    fn hours_lose_nothing(
        steps in prop::collection::vec((0..9_000_000_i64, 0..4_u8), 0..60),
        begins in 1_780_000_000_000_i64..1_800_000_000_000,
        name in prop::sample::select(vec!["Asia/Shanghai", "Europe/Berlin", "Asia/Kathmandu", "Australia/Lord_Howe"]),
    ) {
        let mut counts = Counts::default();
        counts.add(StateName::Pending, 100);
        let mut hours = Hours::new(zone(name), from_ms(begins), counts);
        let mut now = begins;
        let mut sent = 0;
        let mut issued = 0;
        let mut spent = 0;
        let mut doing = 0;
        for (gap, what) in steps {
            now += gap;
            spent += i64::from(doing) * gap;
            match what {
                0 => { hours.count(&event(now, began())); sent += 1; }
                1 => {
                    counts.shift(StateName::Pending, StateName::Issued);
                    hours.count(&event(now, EventKind::Counted { counts, valuation: Valuation::default() }));
                    issued += 1;
                }
                2 => { hours.count(&event(now, EventKind::Phase(Phase::Sending))); doing = 1; }
                _ => { hours.count(&event(now, EventKind::Phase(waiting(Waiting::Window)))); doing = 1; }
            }
        }
        let all = hours.until(from_ms(now));
        prop_assert_eq!(all.iter().map(|hour| hour.sent).sum::<u64>(), sent);
        prop_assert_eq!(all.iter().map(|hour| hour.issued).sum::<u64>(), issued);
        let mut at = from_ms(begins);
        for hour in &all {
            prop_assert_eq!(hour.from, at);
            at = hour.until;
            let long = until(hour.from, hour.until).unwrap_or_default();
            prop_assert!(hour.is_quiet() || long <= Duration::from_hours(1), "{:?}", hour);
            prop_assert!(hour.sending + hour.waited.values().sum::<Duration>() <= long, "{:?}", hour);
        }
        prop_assert_eq!(at, from_ms(now));
        let counted: Duration = all.iter().map(|hour| hour.sending + hour.waited.values().sum::<Duration>()).sum();
        prop_assert_eq!(counted.as_millis(), u128::from(spent.unsigned_abs()));
        prop_assert!(!all.windows(2).any(|pair| pair[0].is_quiet() && pair[1].is_quiet()));
    }
}
