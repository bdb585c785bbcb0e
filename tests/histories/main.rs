//! Histories: whole campaigns in virtual time, over several applies with edits, crashes and faults. One seed determines
//! a history, and a checker that shares no decision with the program verifies it.
//!
//! `RUNNER_HISTORY=SEED` prints one history step by step; `RUNNER_HISTORIES=1000000` sets how many run.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![allow(clippy::print_stdout, reason = "a history is printed on request")]

mod checker;
mod disk;
mod env;
mod generator;
mod history;
#[cfg(debug_assertions)]
mod mutants;
mod platform;
mod print;
mod records;
mod regressions;
mod scenario;
mod service;
mod shrink;
mod trace;

use std::fmt::Write as _;
use std::num::NonZero;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Instant;

use env::Violation;
use history::Outcome;
use scenario::Scenario;

/// How many histories a plain `cargo test` runs.
const HISTORIES: u64 = 20_000;

/// Runs a scenario. A panic is a violation too.
fn run_caught(scenario: &Scenario) -> Outcome {
    catch_unwind(AssertUnwindSafe(|| history::run(scenario, false))).unwrap_or_else(|panic| {
        let details = panic.downcast_ref::<String>().cloned().unwrap_or_default();
        Outcome {
            violation: Some(Violation::new("nothing panics", details)),
            ..Outcome::default()
        }
    })
}

/// The violation of a seed.
struct Found {
    seed: u64,
    violation: Violation,
}

/// The result of a search over the first seeds.
struct Search<T> {
    /// The result of the smallest seed that has one.
    first: Option<T>,
    /// How many histories ran.
    ran: u64,
}

/// Searches `count` seeds for the smallest one for which `run` returns something. `begin` is called in each thread.
fn search_seeds<T: Send>(
    count: u64,
    begin: impl Fn() + Sync,
    run: impl Fn(u64) -> Option<T> + Sync,
) -> Search<(u64, T)> {
    let next = AtomicU64::new(0);
    let found = AtomicU64::new(u64::MAX);
    let threads = thread::available_parallelism().map_or(1, NonZero::get);
    let look = || {
        begin();
        let mut first = None;
        loop {
            let seed = next.fetch_add(1, Ordering::SeqCst);
            if seed >= count.min(found.load(Ordering::SeqCst)) {
                return first;
            }
            if let Some(result) = run(seed) {
                found.fetch_min(seed, Ordering::SeqCst);
                first = Some((seed, result));
            }
        }
    };
    let all: Vec<_> = thread::scope(|scope| {
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(look)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    Search {
        first: all.into_iter().flatten().min_by_key(|(seed, _)| *seed),
        ran: next.load(Ordering::SeqCst).min(count),
    }
}

/// Searches `count` seeds for a violation that `looked_for` selects. `begin` is called in each thread.
fn search(count: u64, begin: impl Fn() + Sync, looked_for: impl Fn(&Violation) -> bool + Sync) -> Search<Found> {
    let violation = |seed| run_caught(&generator::scenario(seed)).violation.filter(&looked_for);
    let Search { first, ran } = search_seeds(count, begin, violation);
    Search {
        first: first.map(|(seed, violation)| Found { seed, violation }),
        ran,
    }
}

/// Describes a violation and the shortest scenario that has it too.
fn report(found: &Found) -> String {
    let Found { seed, violation } = found;
    let shrunk = shrink::shortest(&generator::scenario(*seed), violation.guarantee);
    let outcome = catch_unwind(AssertUnwindSafe(|| history::run(&shrunk.scenario, true))).unwrap_or_default();
    let details = outcome.violation.map(|violation| violation.details);
    let mut report = format!(
        "history {seed} violates a guarantee: {}\n  {}\n",
        violation.guarantee, violation.details
    );
    let _ = write!(
        report,
        "its shortest form, found in {} tries ({}):\n\n{}\n",
        shrunk.tries,
        details.unwrap_or_default(),
        shrunk.scenario
    );
    report + &outcome.log.join("\n")
}

fn env_var<T: std::str::FromStr>(name: &str) -> Option<T> {
    std::env::var(name).ok()?.parse().ok()
}

#[test]
fn no_history_violates_a_guarantee() {
    if let Some(seed) = env_var("RUNNER_HISTORY") {
        let scenario = generator::scenario(seed);
        println!("{scenario}");
        let outcome = history::run(&scenario, true);
        println!("{}", outcome.log.join("\n"));
        if let Some(violation) = outcome.violation {
            panic!("{}", report(&Found { seed, violation }));
        }
        return;
    }
    let count = env_var("RUNNER_HISTORIES").unwrap_or(HISTORIES);
    let began = Instant::now();
    let search = search(count, || {}, |_| true);
    let took = began.elapsed().as_secs_f64();
    println!("{} histories in {took:.1} s", search.ran);
    if let Some(found) = search.first {
        panic!("{}", report(&found));
    }
}

/// Compares everything that the platform saw and that runs emitted, to the millisecond.
#[test]
fn a_seed_gives_the_same_history_again() {
    for seed in 0..300 {
        let scenario = generator::scenario(seed);
        let once = history::run(&scenario, true);
        let again = history::run(&scenario, true);
        assert!(once.log == again.log && once.log.len() > 3, "history {seed}");
    }
}
