//! Histories: whole campaigns in virtual time, over applies, edits, crashes and faults that one seed decides, held against a
//! judge that shares no decision with the program.
//!
//! `RUNNER_HISTORY=SEED` tells one of them step by step; `RUNNER_HISTORIES=1000000` runs so many.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![allow(clippy::print_stdout, reason = "whoever asks for a story has it told")]

mod checker;
mod disk;
mod env;
mod generator;
mod history;
#[cfg(feature = "mutants")]
mod mutants;
mod platform;
mod print;
mod regressions;
mod scenario;
mod shrink;
mod trace;

use std::fmt::Write as _;
use std::num::NonZero;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Instant;

use env::Violation;
use scenario::Scenario;

/// So many histories every time.
const HISTORIES: u64 = 20_000;

/// The promise that a story breaks, if it breaks one. A panic breaks one, too.
fn violation_in(scenario: &Scenario) -> (Option<Violation>, (usize, usize)) {
    match catch_unwind(AssertUnwindSafe(|| history::run(scenario, false))) {
        Ok(outcome) => (outcome.broken, outcome.size),
        Err(panic) => {
            let how = panic.downcast_ref::<String>().cloned().unwrap_or_default();
            let promise = "nothing panics";
            (Some(Violation { promise, how }), (0, 0))
        }
    }
}

/// The first of many histories that breaks a promise that is looked for, and how many there were. Each thread begins with
/// `begin`.
fn first_violation(
    count: u64,
    begin: impl Fn() + Sync,
    looked_for: impl Fn(&Violation) -> bool + Sync,
) -> (Option<(u64, Violation)>, u64) {
    let (next, found) = (AtomicU64::new(0), AtomicU64::new(u64::MAX));
    let threads = thread::available_parallelism().map_or(1, NonZero::get);
    let look = || {
        begin();
        let mut first = None;
        loop {
            let seed = next.fetch_add(1, Ordering::SeqCst);
            if seed >= count.min(found.load(Ordering::SeqCst)) {
                return first;
            }
            if let (Some(broken), _) = violation_in(&generator::scenario(seed))
                && looked_for(&broken)
            {
                found.fetch_min(seed, Ordering::SeqCst);
                first = Some((seed, broken));
            }
        }
    };
    let all: Vec<_> = thread::scope(|scope| {
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(look)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let first = all.into_iter().flatten().min_by_key(|(seed, _)| *seed);
    (first, next.load(Ordering::SeqCst).min(count))
}

/// What a seed broke, with the shortest story that breaks it too, in words.
fn report(seed: u64, broken: &Violation) -> String {
    let (short, tries) = shrink::shortest(&generator::scenario(seed), broken.promise);
    let outcome = catch_unwind(AssertUnwindSafe(|| history::run(&short, true)));
    let (how, told) = match outcome {
        Ok(outcome) => (outcome.broken.map(|broken| broken.how), outcome.told),
        Err(_) => (None, Vec::new()),
    };
    let mut report = format!(
        "history {seed} breaks a promise: {}\n  {}\n",
        broken.promise, broken.how
    );
    let _ = write!(
        report,
        "its shortest form, found in {tries} tries ({}):\n\n{short}\n",
        how.unwrap_or_default()
    );
    report + &told.join("\n")
}

fn asked<T: std::str::FromStr>(name: &str) -> Option<T> {
    std::env::var(name).ok()?.parse().ok()
}

#[test]
fn no_history_breaks_a_promise() {
    if let Some(seed) = asked("RUNNER_HISTORY") {
        let scenario = generator::scenario(seed);
        println!("{scenario}");
        let outcome = history::run(&scenario, true);
        println!("{}", outcome.told.join("\n"));
        if let Some(broken) = outcome.broken {
            panic!("{}", report(seed, &broken));
        }
        return;
    }
    let many = asked("RUNNER_HISTORIES").unwrap_or(HISTORIES);
    let began = Instant::now();
    let (first, ran) = first_violation(many, || {}, |_| true);
    let took = began.elapsed().as_secs_f64();
    println!("{ran} histories in {took:.1} s");
    if let Some((seed, broken)) = first {
        panic!("{}", report(seed, &broken));
    }
}

/// One seed, one history: everything that the platform saw and that was told, to the millisecond.
#[test]
fn a_history_is_told_the_same_again() {
    for seed in 0..300 {
        let scenario = generator::scenario(seed);
        let (once, again) = (history::run(&scenario, true), history::run(&scenario, true));
        assert!(once.told == again.told && once.told.len() > 3, "history {seed}");
    }
}
