//! Mutation tests: each enables one bug and requires that the checker finds the named violation. A rule that finds no
//! mutant proves nothing.

use runner::model::mutants::{Mutant, enable};

use crate::{HISTORIES, report, search};

/// Finds a history in which a mutant violates this guarantee, and prints its shortest form.
fn found(mutant: Mutant, guarantee: &str) {
    let search = search(
        HISTORIES,
        || enable(Some(mutant)),
        |violation| violation.guarantee == guarantee,
    );
    let Some(first) = search.first else {
        panic!("none of {} histories found {mutant:?}", search.ran);
    };
    enable(Some(mutant));
    println!(
        "history {} of {} found {mutant:?}; {}\n",
        first.seed,
        search.ran,
        report(&first)
    );
}

#[test]
fn an_outcome_emitted_before_the_flush_is_found() {
    found(Mutant::ToldEarly, "only durable outcomes are emitted");
}

#[test]
fn a_send_before_the_intent_is_durable_is_found() {
    found(Mutant::SentEarly, "no send without a durable intent");
}

#[test]
fn a_pace_taken_before_the_flush_is_found() {
    found(
        Mutant::PacedEarly,
        "G4: no rolling second has more starts than the pace",
    );
}

#[test]
fn a_send_without_a_check_of_the_lease_is_found() {
    found(Mutant::TrustUnchecked, "one process has the app id");
}

#[test]
fn users_with_a_request_of_the_previous_owner_that_are_not_passed_over_are_found() {
    found(Mutant::UnfinishedForgotten, "never two requests for one user at once");
}

#[test]
fn a_new_owner_that_sends_at_once_is_found() {
    found(
        Mutant::StartsBeforeTerm,
        "G4: no rolling second has more starts than the pace",
    );
}

#[test]
fn a_connection_made_after_the_pace_is_found() {
    found(
        Mutant::ConnectedLate,
        "G4: no rolling second has more starts than the pace",
    );
}

#[test]
fn a_refusal_that_settles_a_doubt_is_found() {
    found(Mutant::RefusalSettles, "G5: the ledger says what its facts say");
}

#[test]
fn a_pace_forgotten_by_a_restart_is_found() {
    found(Mutant::Forgetful, "G4: no rolling second has more starts than the pace");
}

#[test]
fn a_wrong_address_that_proves_something_is_found() {
    found(Mutant::WrongAddressProves, "G5: what is not known is not guessed");
}

#[test]
fn a_request_during_that_of_another_campaign_is_found() {
    found(Mutant::UserTwice, "never two requests for one user at once");
}

#[test]
fn a_window_checked_when_a_send_is_queued_is_found() {
    found(Mutant::WindowWhenQueued, "nothing starts outside the schedule");
}

#[test]
fn an_answer_of_another_delivery_that_is_accepted_is_found() {
    found(Mutant::RepeatsTaken, "an answer of another delivery settles nothing");
}

#[test]
fn a_held_delivery_owed_again_without_a_doubt_is_found() {
    found(
        Mutant::HeldOwedAgain,
        "a last answer is read again as the file's codes say",
    );
}

#[test]
fn an_attempt_that_was_not_sent_and_counts_is_found() {
    found(
        Mutant::NotSentCounts,
        "a delivery has all of its attempts, and one that was not sent does not count",
    );
}

#[test]
fn an_age_by_the_wall_clock_is_found() {
    found(Mutant::StepsCount, "no step of the clock leaves a doubt to a person");
}

#[test]
fn a_ledger_that_vanishes_unnoticed_is_found() {
    found(Mutant::VanishUnnoticed, "a run whose ledger is gone stops at once");
}

#[test]
fn an_older_copy_of_a_ledger_that_is_used_is_found() {
    found(
        Mutant::OlderTaken,
        "an older copy of a ledger is used only if a person accepts it",
    );
}

#[test]
fn a_run_that_goes_on_after_a_replay_is_found() {
    found(Mutant::ReplaysTaken, "nothing starts after a halt");
}

#[test]
fn a_held_delivery_that_returns_owed_is_found() {
    found(Mutant::HeldForgotten, "G5: the ledger says what its facts say");
}

#[test]
fn a_risk_that_max_coupons_does_not_count_is_found() {
    found(Mutant::RiskUncounted, "max_coupons");
}

#[test]
fn a_worth_without_the_coupons_in_doubt_is_found() {
    found(Mutant::DoubtsWorthNothing, "max_worth");
}

#[test]
fn a_wave_that_nobody_approved_is_found() {
    found(Mutant::Unapproved, "nothing beyond a wave starts before its approval");
}

#[test]
fn a_run_that_goes_on_outside_its_approval_is_found() {
    found(Mutant::OutsideEnvelope, "each coupon lies inside the approval");
}

#[test]
fn a_decision_that_is_taken_while_attempts_are_in_flight_is_found() {
    found(Mutant::DecidedInFlight, "a decision is about what nobody is sending");
}

#[test]
fn a_doubt_that_is_owed_again_while_its_request_is_under_way_is_found() {
    found(Mutant::ReopenedUnderWay, "never two requests for one user at once");
}

#[test]
fn a_queue_that_does_not_learn_of_a_decision_is_found() {
    found(Mutant::DecisionUnheard, "G7: after any crash the same command works");
}

#[test]
fn a_former_activity_that_halts_the_campaign_is_found() {
    found(
        Mutant::FormerHalts,
        "what a former activity says concerns its delivery alone",
    );
}
