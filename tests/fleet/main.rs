//! Random histories of a fleet in virtual time: workers on machines with clocks of their own, a network that loses and delays
//! messages, a database with a standby, and the platform as the judge.

mod appends;
mod database;
mod process;
mod releases;
mod world;

use std::num::NonZero;
use std::ops::Range;
use std::panic::resume_unwind;
use std::thread;
use std::time::Duration;

use fastrand::Rng;

use database::WrongSql;
use world::{Fault, Scenario, Violation, World, Wrong};

fn history(seed: u64, wrong: Wrong) -> Result<World, (Scenario, Violation)> {
    let scenario = Scenario::draw(&mut Rng::with_seed(seed));
    let mut world = World::new(seed, scenario.clone(), wrong);
    match world.run() {
        Ok(()) => Ok(world),
        Err(violation) => Err((scenario, violation)),
    }
}

/// The seeds of the histories: `RUNNER_FLEET_HISTORIES`, a number or a range like `1000..2000`, or else as many as an
/// unoptimised build does in two minutes on two cores.
fn seeds() -> Range<u64> {
    let seeds = std::env::var("RUNNER_FLEET_HISTORIES").unwrap_or_else(|_| "20000".to_owned());
    let (first, end) = seeds.split_once("..").unwrap_or(("0", &seeds));
    let number = |text: &str| text.parse().expect("RUNNER_FLEET_HISTORIES is a number or a range");
    number(first)..number(end)
}

/// The first of these histories that violates a guarantee. Every `threads`-th is in a thread of its own.
fn first_violation(seeds: Range<u64>) -> Option<(u64, Scenario, Violation)> {
    let threads = thread::available_parallelism().map_or(1, NonZero::get);
    thread::scope(|scope| {
        let search = |skipped| {
            let mut seeds = seeds.clone().skip(skipped).step_by(threads);
            scope.spawn(move || {
                seeds.find_map(|seed| {
                    let (scenario, violation) = history(seed, Wrong::default()).err()?;
                    Some((seed, scenario, violation))
                })
            })
        };
        let searches: Vec<_> = (0..threads).map(search).collect();
        let found = searches
            .into_iter()
            .filter_map(|search| search.join().unwrap_or_else(|panic| resume_unwind(panic)));
        found.min_by_key(|(seed, ..)| *seed)
    })
}

#[test]
fn no_history_violates_a_guarantee() {
    if let Some((seed, scenario, Violation(guarantee, details))) = first_violation(seeds()) {
        panic!("history {seed} violates \"{guarantee}\": {details}\n{scenario:#?}");
    }
}

/// Looks for a history in which something that is wrong violates a guarantee.
fn found(wrong: Wrong) -> Option<(u64, Violation)> {
    (0..2_000).find_map(|seed| history(seed, wrong).err().map(|(_, violation)| (seed, violation)))
}

#[track_caller]
fn check_violates(found: Option<(u64, Violation)>, guarantees: &[&str]) {
    match found {
        Some((seed, Violation(guarantee, details))) => {
            assert!(
                guarantees.contains(&guarantee),
                "history {seed}: {guarantee}: {details}"
            );
        }
        None => panic!("no history found it"),
    }
}

#[track_caller]
fn violates(wrong: Wrong, guarantees: &[&str]) {
    check_violates(found(wrong), guarantees);
}

fn with_sql(sql: WrongSql) -> Wrong {
    Wrong {
        sql: Some(sql),
        ..Wrong::default()
    }
}

#[test]
fn a_renewal_that_does_not_ask_for_the_fence_is_found() {
    violates(
        with_sql(WrongSql::RenewsFenced),
        &["a fenced worker starts nothing", "every user is reached"],
    );
}

#[test]
fn an_append_that_does_not_hold_the_workers_row_is_found() {
    violates(with_sql(WrongSql::NoKeyShare), &["a fenced worker records nothing"]);
}

#[test]
fn an_owner_that_sends_to_users_with_an_unfinished_intent_is_found() {
    let wrong = Wrong {
        forgets_unfinished: true,
        ..Wrong::default()
    };
    violates(wrong, &["a user has one request under way"]);
}

#[cfg(debug_assertions)]
mod mutants {
    use runner::model::mutants::{Mutant, enable};

    use super::*;

    #[track_caller]
    fn mutant_violates(mutant: Mutant, guarantees: &[&str]) {
        enable(Some(mutant));
        let violation = found(Wrong::default());
        enable(None);
        check_violates(violation, guarantees);
    }

    #[test]
    fn trust_from_the_answer_of_a_renewal_is_found() {
        mutant_violates(Mutant::TrustFromAnswer, &["a fenced worker starts nothing"]);
    }

    #[test]
    fn an_outage_that_counts_as_silence_is_found() {
        mutant_violates(Mutant::OutageAsSilence, &["only a silent worker is fenced"]);
    }

    #[test]
    fn an_owner_that_sends_at_once_is_found() {
        mutant_violates(
            Mutant::NoWaitAfterFence,
            &["no rolling second has more starts than the quota"],
        );
    }

    #[test]
    fn a_batch_that_is_not_on_the_standby_is_found() {
        mutant_violates(Mutant::WarningIgnored, &["every user is reached"]);
    }
}

/// A fleet without trouble but for one fault, and the times between the last start of one owner and the first of the next.
fn changes_after(seed: u64, fault: Fault) -> Vec<Duration> {
    let scenario = Scenario {
        processes: 2,
        apps: 2,
        users: 120,
        faults: vec![(Duration::from_secs(15), fault)],
        loss: 0,
        lost_answers: 0,
        slow: false,
    };
    let mut world = World::new(seed, scenario, Wrong::default());
    world.run().expect("no guarantee is violated");
    world.changes
}

#[test]
fn an_owner_that_dies_is_replaced_within_12_seconds() {
    let mut seen = 0;
    for seed in 0..60 {
        let changes = changes_after(seed, Fault::Kill(0, Duration::from_mins(10)));
        seen += changes.len();
        let late = changes.iter().find(|gap| **gap > Duration::from_secs(12));
        assert_eq!(late, None, "history {seed}");
    }
    assert!(seen > 30, "{seen}");
}

#[test]
fn a_process_that_stops_hands_over_at_once() {
    let mut seen = 0;
    for seed in 0..60 {
        let changes = changes_after(seed, Fault::Stop(0, Duration::from_mins(10)));
        seen += changes.len();
        let late = changes.iter().find(|gap| **gap > Duration::from_secs(5));
        assert_eq!(late, None, "history {seed}");
    }
    assert!(seen > 30, "{seen}");
}

#[test]
fn a_process_that_joins_gets_its_share() {
    let mut seen = 0;
    for seed in 0..60 {
        // The second process joins after 20 seconds.
        let scenario = Scenario {
            processes: 2,
            apps: 3,
            users: 160,
            faults: vec![(Duration::from_millis(1), Fault::Kill(1, Duration::from_secs(20)))],
            loss: 0,
            lost_answers: 0,
            slow: false,
        };
        let mut world = World::new(seed, scenario, Wrong::default());
        world.run().expect("no guarantee is violated");
        seen += world.changes.len();
        let late = world.changes.iter().find(|gap| **gap > Duration::from_secs(5));
        assert_eq!(late, None, "history {seed}");
    }
    assert!(seen > 30, "{seen}");
}
