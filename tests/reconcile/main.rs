//! Comparisons with the platform's own records, in memory: a ledger, the sandbox as the platform, and a judge that knows which
//! coupons were issued.

#![expect(
    clippy::unwrap_used,
    reason = "a helper that cannot do its part fails the test that called it"
)]

mod command;
mod probe;
mod template;
mod watch;
mod world;

use std::time::Duration;

use proptest::prelude::*;
use runner::app::reconcile::{BillVerdict, Compared, CountVerdict, Misfit, Why};
use runner::fake_platform::{BillForm, BillLie, RecordSettings, Repeat};
use runner::model::delivery::StateName;

use world::{Fate, World, block_on};

const HOUR: i64 = 3_600_000;

fn history(settings: RecordSettings, fates: &[Fate]) -> World {
    let mut world = World::new(settings, Repeat::Replay, fates.len());
    for (user, fate) in fates.iter().enumerate() {
        world.send(u32::try_from(user).unwrap(), *fate);
        world.pass(HOUR);
    }
    world
}

/// Compares once, with the columns that the comparison proposed before, and checks every settlement.
fn compare(world: &mut World) -> Compared {
    block_on(world.compare())
}

/// Compares once all bills are there, with the columns named and `--accept bill`.
fn compare_by_bill(settings: RecordSettings, fates: &[Fate]) -> Compared {
    let mut world = history(settings, fates);
    world.name_columns();
    world.accept_bill();
    world.pass(48 * HOUR);
    compare(&mut world)
}

fn count(world: &World, state: StateName) -> u64 {
    world.counts().count(state)
}

/// Compares on the next days until nothing more can be settled.
fn reconcile(world: &mut World) -> Compared {
    let mut last = compare(world);
    for _ in 0..4 {
        world.confirm(&last);
        world.pass(24 * HOUR);
        last = compare(world);
    }
    last
}

#[test]
fn a_coupon_among_the_users_coupons_settles_a_lost_answer() {
    let mut world = history(
        RecordSettings::default(),
        &[
            Fate::Issued,
            Fate::LostIssued,
            Fate::LostNothing,
            Fate::HeldIssued,
            Fate::KilledIssued,
        ],
    );
    let compared = compare(&mut world);
    assert_eq!(compared.settled.len(), 3, "{compared:?}");
    assert_eq!(count(&world, StateName::InDoubt), 1);
    assert_eq!(compared.open.len(), 1);
}

#[test]
fn a_used_coupon_is_found_in_the_bill_once_its_columns_are_confirmed() {
    let settings = RecordSettings {
        used: 1.0,
        ..RecordSettings::default()
    };
    let mut world = history(settings, &[Fate::Issued, Fate::LostIssued, Fate::LostNothing]);
    let first = compare(&mut world);
    assert_eq!(first.settled.len(), 0);
    world.pass(48 * HOUR);
    let second = compare(&mut world);
    assert!(second.open.iter().all(|open| open.why == Why::NoColumns), "{second:?}");
    assert_eq!(
        second.proposal.as_ref().map(|it| it.coupon_id.as_str()),
        Some("coupon_id")
    );
    world.confirm(&second);
    let third = compare(&mut world);
    assert_eq!(third.settled.len(), 1, "{third:?}");
    assert_eq!(
        third.open.iter().map(|open| open.why.clone()).collect::<Vec<_>>(),
        [Why::Absent]
    );
    assert_eq!(count(&world, StateName::Pending), 0, "a person has not accepted it");
    world.accept_bill();
    let last = compare(&mut world);
    assert_eq!(last.accepted.len(), 1);
    assert_eq!(count(&world, StateName::InDoubt), 0);
    world.send_owed();
    world.judge_end();
}

#[test]
fn a_count_is_accepted_only_the_second_time_an_hour_later() {
    let mut world = history(RecordSettings::default(), &[Fate::Issued, Fate::LostNothing]);
    world.accept_count();
    let first = compare(&mut world);
    assert_eq!(
        first.counts.first().map(|it| it.verdict),
        Some(CountVerdict::NoneOfDoubts)
    );
    assert_eq!(first.accepted.len(), 0, "one count may be late");
    world.pass(HOUR / 2);
    assert_eq!(compare(&mut world).accepted.len(), 0);
    world.pass(HOUR);
    assert_eq!(compare(&mut world).accepted.len(), 1);
    world.send_owed();
    world.judge_end();
}

#[test]
fn a_count_contradicts_the_ledger_only_if_the_requests_before_it_had_settled() {
    let settings = RecordSettings {
        count_delay: Duration::from_hours(10),
        ..RecordSettings::default()
    };
    let mut world = World::new(settings, Repeat::Replay, 4);
    for user in 0..3 {
        world.send(user, Fate::Issued);
        world.pass(HOUR);
    }
    assert_eq!(block_on(world.last_counts()), [], "nobody has asked");
    compare(&mut world);
    let [late] = block_on(world.last_counts()).try_into().unwrap();
    assert_eq!((late.account.certain, late.verdict), (3, Some(CountVerdict::Behind)));
    assert!(late.differs());
    world.pass(12 * HOUR);
    compare(&mut world);
    let [agrees] = block_on(world.last_counts()).try_into().unwrap();
    assert_eq!(
        (agrees.received, agrees.verdict),
        (Some(3), Some(CountVerdict::NoneOfDoubts))
    );
    assert!(!agrees.differs());
    world.send(3, Fate::Issued);
    let [older] = block_on(world.last_counts()).try_into().unwrap();
    assert_eq!(older.verdict, None, "another coupon was sent since");
    assert!(!older.differs());
}

#[test]
fn a_bill_is_asked_for_when_its_day_has_ended_and_again_while_it_is_being_made() {
    let settings = RecordSettings {
        used: 1.0,
        bill_after: Duration::from_hours(40),
        ..RecordSettings::default()
    };
    let mut world = history(settings, &[Fate::Issued, Fate::LostIssued]);
    let first = compare(&mut world);
    assert!(
        first.can_go_on() && first.bills.iter().all(|bill| bill.read.is_none()),
        "{first:?}"
    );
    let last = reconcile(&mut world);
    assert_eq!(count(&world, StateName::InDoubt), 0, "{last:?}");
}

#[test]
fn the_same_bill_is_not_fetched_twice_unless_it_is_bad() {
    let settings = RecordSettings {
        used: 1.0,
        ..RecordSettings::default()
    };
    let mut world = history(settings, &[Fate::Issued, Fate::LostNothing]);
    world.pass(48 * HOUR);
    let first = compare(&mut world);
    world.confirm(&first);
    let fetched = world.downloads();
    compare(&mut world);
    assert_eq!(world.downloads(), fetched);
}

#[test]
fn a_bill_that_lacks_a_known_coupon_settles_nothing() {
    for bill_lie in [BillLie::Empty, BillLie::OtherApp, BillLie::Truncated] {
        let settings = RecordSettings {
            used: 1.0,
            bill_lie,
            ..RecordSettings::default()
        };
        let compared = compare_by_bill(
            settings,
            &[Fate::Issued, Fate::LostIssued, Fate::Issued, Fate::LostNothing],
        );
        let verdicts: Vec<_> = compared.bills.iter().filter_map(|bill| bill.read.as_ref()).collect();
        assert!(
            verdicts
                .iter()
                .any(|read| matches!(read.verdict, BillVerdict::Lacks { .. })),
            "{bill_lie:?}: {verdicts:?}"
        );
        assert_eq!(
            (compared.settled.len(), compared.accepted.len()),
            (0, 0),
            "{bill_lie:?}"
        );
    }
}

/// The half of the bill that is left has the only coupon that the ledger knows.
#[test]
fn a_bill_that_is_cut_after_the_last_known_coupon_settles_nothing_because_the_count_disagrees() {
    let settings = RecordSettings {
        used: 1.0,
        bill_lie: BillLie::Truncated,
        ..RecordSettings::default()
    };
    let compared = compare_by_bill(settings, &[Fate::Issued, Fate::LostIssued]);
    assert_eq!((compared.settled.len(), compared.accepted.len()), (0, 0));
    let why: Vec<_> = compared.open.iter().map(|open| open.why.clone()).collect();
    assert_eq!(why, [Why::CountDisagrees]);
}

#[test]
fn ids_that_a_spreadsheet_rounded_are_refused() {
    let settings = RecordSettings {
        used: 1.0,
        bill_form: BillForm::Rounded,
        ..RecordSettings::default()
    };
    let compared = compare_by_bill(settings, &[Fate::Issued, Fate::LostIssued]);
    let flawed = |verdict: &BillVerdict| matches!(verdict, BillVerdict::Flawed(_));
    assert!(
        compared
            .bills
            .iter()
            .filter_map(|bill| bill.read.as_ref())
            .any(|read| flawed(&read.verdict))
    );
    assert_eq!((compared.settled.len(), compared.accepted.len()), (0, 0));
}

#[test]
fn a_streamers_coupon_is_nobodys_proof() {
    let settings = RecordSettings {
        streamer_coupons: 1.0,
        other_coupons: 1.0,
        ..RecordSettings::default()
    };
    let mut world = history(settings, &[Fate::Issued, Fate::LostIssued, Fate::LostNothing]);
    // The user of the answer that issued nothing has coupons of others from the same minute.
    world.give_others(2);
    let compared = compare(&mut world);
    assert_eq!(compared.settled.len(), 1, "{compared:?}");
}

#[test]
fn a_spot_check_counts_the_states_of_issued_coupons_and_finds_what_does_not_fit() {
    let settings = RecordSettings {
        used: 0.5,
        ..RecordSettings::default()
    };
    let mut world = history(settings, &[Fate::Issued; 8]);
    let spots = compare(&mut world).spots;
    assert_eq!((spots.asked, spots.not_shown, spots.differ.len()), (8, 0, 0));
    let states: Vec<_> = spots.statuses.keys().copied().collect();
    assert_eq!(states, [Some(10), Some(20)], "{spots:?}");

    let mut world = World::new(RecordSettings::default(), Repeat::Replay, 2);
    world.send(0, Fate::Issued);
    world.send_and_misread_the_time(1);
    let spots = compare(&mut world).spots;
    let differ: Vec<_> = spots
        .differ
        .iter()
        .map(|(key, _, misfit)| (key.recipient, *misfit))
        .collect();
    assert_eq!(differ, [(1, Misfit::ReceiveTime)]);
}

#[test]
fn columns_are_proposed_from_what_they_hold_in_every_form() {
    let form = |bill_form| {
        let settings = RecordSettings {
            bill_form,
            other_coupons: 0.5,
            streamer_coupons: 0.5,
            ..RecordSettings::default()
        };
        let mut fates = vec![Fate::Issued; 12];
        fates.push(Fate::LostNothing);
        let mut world = history(settings, &fates);
        world.pass(48 * HOUR);
        let compared = compare(&mut world);
        let proposal = compared.proposal.map(|it| {
            let optional = [it.receive_time, it.merchant_meta_no, it.coupon_meta_id, it.activity_id];
            let optional = optional.map(|column| column.unwrap_or_else(|| "-".to_owned()));
            format!("{} {} {}", it.coupon_id, it.open_id, optional.join(" "))
        });
        format!(
            "{}: {}",
            bill_form.word(),
            proposal.unwrap_or_else(|| "none".to_owned())
        )
    };
    insta::assert_snapshot!(BillForm::ALL.map(form).join("\n"));
}

prop_compose! {
    fn settings()(
        form in prop::sample::select(BillForm::ALL.to_vec()),
        lie in prop::sample::select(BillLie::ALL.to_vec()),
        is_honest in prop::bool::weighted(0.7),
        used in prop::sample::select(vec![0.0, 0.5, 1.0]),
        beside in prop::sample::select(vec![0.0, 0.3]),
        count_delay in 0..12_u64,
        bill_after in 0..30_u64,
    ) -> RecordSettings {
        RecordSettings {
            count_delay: Duration::from_hours(count_delay),
            bill_after: Duration::from_hours(bill_after),
            bill_form: form,
            bill_lie: if is_honest { BillLie::None } else { lie },
            used,
            streamer_coupons: beside,
            other_coupons: beside,
            ..RecordSettings::default()
        }
    }
}

fn repeat() -> impl Strategy<Value = Repeat> {
    prop::sample::select(vec![Repeat::Replay, Repeat::Duplicate, Repeat::Ignore])
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 160, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever befell the answers, and whatever the bills say: a settlement agrees with what was issued. If the records are
    /// honest and can be compared, nobody is left out, and nobody has a second coupon.
    #[test]
    fn lost_answers_are_settled_rightly_or_not_at_all(
        settings in settings(),
        repeat in repeat(),
        fates in prop::collection::vec((prop::sample::select(Fate::ALL.to_vec()), 0..5_i64), 3..14),
        kill in any::<bool>(),
    ) {
        let mut world = World::new(settings.clone(), repeat, fates.len());
        for (user, (fate, hours)) in fates.iter().enumerate() {
            world.send(u32::try_from(user).unwrap(), *fate);
            world.pass(hours * HOUR + 1_000);
        }
        world.accept_bill();
        let mut last = compare(&mut world);
        for _ in 0..5 {
            world.confirm(&last);
            world.pass(24 * HOUR);
            if kill {
                world.kill();
            }
            last = compare(&mut world);
            prop_assert!(last.spots.differ.is_empty() && last.spots.not_shown == 0, "{:?}", last.spots);
        }
        let is_readable = settings.bill_lie == BillLie::None && settings.bill_form != BillForm::Rounded;
        if is_readable && world.knows_a_coupon_of_each_day() {
            prop_assert_eq!(count(&world, StateName::InDoubt), 0, "{:?}\n{:?}", settings, last);
            world.send_owed();
            world.judge_end();
        }
    }
}
