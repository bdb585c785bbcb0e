//! The effect on a held delivery when the campaign file, the activity or the audience changes: it may have been issued.

use std::ops::Range;
use std::sync::Arc;

use runner::engine::RunOutcome;
use runner::engine::audience_diff::{Accept, Admission, Refusal};
use runner::ledger::memory::MemoryStore;
use runner::ledger::{Fact, Ledger};
use runner::model::delivery::StateName;
use runner::model::event::Ending;
use runner::model::identity::ActivityId;
use runner::model::outcome::Class;

use crate::bench::{self, Bench, listed};
use crate::world::{Act, World};

/// The code that the first file does not classify.
const CODE: i64 = 31_000_009;
const USERS: u32 = 30;

/// Compares an audience of `users` with a ledger, with a file that gives [`CODE`] this class.
fn decide(
    bench: &Bench,
    ledger: &Ledger<MemoryStore>,
    users: Range<u32>,
    class: Class,
    accepted: &[Accept],
) -> Result<Admission, Vec<Refusal>> {
    let class = |code| if code == CODE { class } else { Class::Hold };
    bench::decide(bench, ledger, &listed(users), accepted, &class)
}

async fn begin(bench: &Bench) -> Ledger<MemoryStore> {
    let mut ledger = bench.open().await;
    let began = Fact::run_began(bench.clock.now(), bench.plan.retry.timeout);
    ledger.append(vec![began]).await.unwrap();
    ledger
}

/// One apply whose audience must be admitted.
async fn apply(bench: &Bench, world: &Arc<World>, users: Range<u32>, class: Class) -> RunOutcome {
    let mut ledger = begin(bench).await;
    let admission = decide(bench, &ledger, users, class, &Accept::ALL[..5]).expect("everything is accepted");
    for batch in admission.changes.into_batches() {
        ledger.append(batch.unwrap()).await.unwrap();
    }
    assert_eq!(
        ledger.state().counts(),
        admission.counts,
        "the counts that were foretold"
    );
    bench
        .send_by(admission.send_order, ledger, world)
        .await
        .expect("the run ends")
}

/// A platform that issues the coupons of the first three users and then reports an internal problem.
fn issues_and_hides(bench: &Bench) -> Arc<World> {
    World::new(&bench.clock, 50, |ask| {
        let hides = ask.nth == 1 && ["u0", "u1", "u2"].contains(&ask.open_id.as_str());
        if hides {
            Act::IssueAndSay(CODE, Class::Hold)
        } else {
            Act::Issue
        }
    })
}

/// How many ids were sent under more than one activity. Each may mean two coupons of one user.
fn under_two_activities(world: &World) -> usize {
    world.seen(|seen| seen.activities.values().filter(|under| under.len() > 1).count())
}

#[tokio::test(start_paused = true)]
async fn a_held_code_that_is_retried_later_is_resent_under_its_own_activity() {
    let mut bench = Bench::new();
    let world = issues_and_hides(&bench);
    let ended = apply(&bench, &world, 0..USERS, Class::Hold).await;
    assert_eq!(
        (
            ended.counts.count(StateName::Issued),
            ended.counts.count(StateName::Held)
        ),
        (27, 3)
    );

    bench.plan.activity_id = ActivityId::parse("72").unwrap();
    bench.plan.max_coupons = USERS.into();
    let ended = apply(&bench, &world, 0..USERS, Class::Retry).await;
    assert_eq!(
        (ended.ending, ended.counts.count(StateName::Issued)),
        (Ending::Complete, 30)
    );
    assert_eq!((under_two_activities(&world), world.given()), (0, 30));
}

#[tokio::test(start_paused = true)]
async fn a_held_attempt_older_than_resend_within_waits_for_a_person() {
    let bench = Bench::new();
    let world = issues_and_hides(&bench);
    apply(&bench, &world, 0..USERS, Class::Hold).await;
    let asked = world.seen(|seen| seen.starts.len());
    bench.clock.shift_ms(25 * 3_600_000);
    let ended = apply(&bench, &world, 0..USERS, Class::Retry).await;
    assert_eq!(
        (ended.ending, ended.counts.count(StateName::InDoubt)),
        (Ending::NeedsPerson, 3)
    );
    assert_eq!(world.seen(|seen| seen.starts.len()), asked, "nothing was sent");
}

/// Its user left and came back, and the activity changed in between: no decision was made about its code.
#[tokio::test(start_paused = true)]
async fn a_held_delivery_whose_user_was_gone_for_a_while_is_held_again() {
    let mut bench = Bench::new();
    let world = issues_and_hides(&bench);
    apply(&bench, &world, 0..USERS, Class::Hold).await;
    let ended = apply(&bench, &world, 3..USERS, Class::Hold).await;
    assert_eq!(
        (ended.ending, ended.counts.count(StateName::Skipped)),
        (Ending::Complete, 3)
    );

    bench.plan.activity_id = ActivityId::parse("72").unwrap();
    apply(&bench, &world, 3..USERS, Class::Hold).await;
    let ended = apply(&bench, &world, 0..USERS, Class::Hold).await;
    assert_eq!(
        (ended.ending, ended.counts.count(StateName::Held)),
        (Ending::NeedsPerson, 3)
    );
    assert_eq!(under_two_activities(&world), 0);

    // If it is read again in the apply in which its user returns, it is a doubt of its own activity.
    apply(&bench, &world, 3..USERS, Class::Hold).await;
    let ended = apply(&bench, &world, 0..USERS, Class::Retry).await;
    assert_eq!(
        (ended.ending, ended.counts.count(StateName::Issued)),
        (Ending::Complete, 30)
    );
    assert_eq!((under_two_activities(&world), world.given()), (0, 30));
}

#[tokio::test(start_paused = true)]
async fn held_deliveries_that_go_under_another_activity_count_as_if_issued() {
    let mut bench = Bench::new();
    let world = issues_and_hides(&bench);
    apply(&bench, &world, 0..USERS, Class::Hold).await;
    bench.plan.activity_id = ActivityId::parse("72").unwrap();
    bench.plan.max_coupons = 32;
    let accepted = [Accept::ActivityId];
    let refusals = decide(&bench, &begin(&bench).await, 0..USERS, Class::Hold, &accepted).unwrap_err();
    let text: Vec<_> = refusals.iter().map(ToString::to_string).collect();
    assert_eq!(
        text,
        ["the campaign needs up to 33 coupons and `max_coupons` is 32: \
          27 issued + 0 in doubt + 0 held + 3 owed + 3 that were held when they were owed again"]
    );

    bench.plan.max_coupons = 33;
    let ended = apply(&bench, &world, 0..USERS, Class::Hold).await;
    assert_eq!((ended.ending, under_two_activities(&world)), (Ending::Complete, 3));
    let ledger = bench.open().await;
    assert_eq!(ledger.state().reopened_held(), 3, "for ever");
    // There is no room for one more coupon, and a run that was admitted under an older limit stops before it.
    bench.plan.max_coupons = 34;
    assert!(decide(&bench, &begin(&bench).await, 0..USERS + 1, Class::Hold, &[]).is_ok());
    bench.plan.max_coupons = 33;
    assert!(decide(&bench, &begin(&bench).await, 0..USERS + 1, Class::Hold, &[]).is_err());
    let ended = bench.apply(USERS + 1, &world).await;
    assert_eq!((ended.counts.count(StateName::Pending), world.given()), (1, 30));
}
