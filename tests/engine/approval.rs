//! Approvals: a run waits for a person after a wave, in every kind of history.

use std::sync::Arc;
use std::time::Duration;

use runner::engine::{StopReason, approval};
use runner::ledger::Fact;
use runner::model::actor::{ActKind, Actor};
use runner::model::approval::{ApprovalAnswer, WaveWait};
use runner::model::event::{Ending, EventKind, Phase, Waiting};
use runner::model::run_command::{Requester, RunCommand};
use runner::plan::Wave;

use crate::bench::{Bench, li};
use crate::run_commands::requester;
use crate::waves::{bench, wave};
use crate::world::{Act, World};

fn approved_wave(share: f64) -> Wave {
    Wave {
        wait: WaveWait::Approval,
        ..wave(share, 0)
    }
}

fn starts(world: &World) -> usize {
    world.seen(|seen| seen.starts.len())
}

fn waits(bench: &Bench) -> Vec<u32> {
    bench.told(|kind| match kind {
        EventKind::Phase(Phase::Waiting {
            why: Waiting::Approval { done },
            until: None,
        }) => Some(*done),
        _ => None,
    })
}

/// Records an approval without a run.
async fn approve_between(bench: &Bench, wave: Option<u32>) -> Result<u32, ApprovalAnswer> {
    let mut ledger = bench.open().await;
    let now = bench.clock.now();
    let approvable = approval::check(&bench.plan, ledger.state(), wave, now)?;
    ledger.append(vec![approvable.fact(li(), now)]).await.unwrap();
    Ok(approvable.wave)
}

#[tokio::test(start_paused = true)]
async fn nothing_beyond_a_wave_starts_before_its_approval() {
    let bench = bench(&[approved_wave(0.1), approved_wave(0.3)]);
    let world = World::new(&bench.clock, 70, |_| Act::Issue);
    let persons = async {
        for wave in [Some(1), None] {
            tokio::time::sleep(Duration::from_hours(30)).await;
            let before = starts(&world);
            assert!(before > 0 && before < 200);
            tokio::time::sleep(Duration::from_hours(30)).await;
            assert_eq!(starts(&world), before, "it waits");
            assert!(matches!(
                bench.approve(wave).await,
                Some(ApprovalAnswer::Approved { .. })
            ));
        }
        std::future::pending::<()>().await;
    };
    let ended = tokio::select! {
        ended = bench.apply(200, &world) => ended,
        () = persons => unreachable!(),
    };
    assert_eq!(ended.ending, Ending::Complete);
    assert_eq!(waits(&bench), [1, 2]);
    let approved = bench.told(|kind| match kind {
        EventKind::Approved { wave, by } => Some((*wave, by.clone())),
        _ => None,
    });
    assert_eq!(approved, [(1, li()), (2, li())]);
}

#[tokio::test(start_paused = true)]
async fn a_kill_after_the_answer_forgets_no_approval() {
    let bench = bench(&[approved_wave(0.1)]);
    let world = World::new(&bench.clock, 70, |_| Act::Issue);
    let answer = tokio::select! {
        _ = bench.apply(200, &world) => unreachable!("it waits"),
        answer = async {
            tokio::time::sleep(Duration::from_mins(10)).await;
            bench.approve(None).await
        } => answer,
    };
    assert_eq!(answer, Some(ApprovalAnswer::Approved { wave: 1 }));
    assert_eq!(bench.apply(200, &world).await.ending, Ending::Complete);
    assert_eq!(world.given(), 200);
}

#[tokio::test(start_paused = true)]
async fn an_approval_without_a_run_lets_the_next_one_go_on() {
    let mut bench = bench(&[approved_wave(0.1), wave(0.3, 60)]);
    bench.plan.run.no_wait = true;
    let world = World::new(&bench.clock, 70, |_| Act::Issue);
    assert_eq!(approve_between(&bench, None).await, Err(ApprovalAnswer::NothingWaits));
    let ended = bench.apply(200, &world).await;
    assert_eq!(
        (ended.ending, ended.why),
        (Ending::Incomplete, StopReason::NotApproved(1))
    );
    let before = starts(&world);
    assert_eq!(bench.apply(200, &world).await.why, StopReason::NotApproved(1));
    assert_eq!(starts(&world), before, "a restart does not replace an approval");
    let not_ended = ApprovalAnswer::NotEnded { wave: 2 };
    assert_eq!(approve_between(&bench, Some(2)).await, Err(not_ended));
    let no_such = ApprovalAnswer::NoSuchWave { wave: 3 };
    assert_eq!(approve_between(&bench, Some(3)).await, Err(no_such));
    assert_eq!(approve_between(&bench, Some(1)).await, Ok(1));
    let again = approve_between(&bench, None).await;
    assert!(matches!(again, Err(ApprovalAnswer::Already { wave: 1, by, .. }) if by == li()));
    assert_eq!(bench.apply(200, &world).await.why, StopReason::BetweenWaves);
    // It ends a wait for a time as well.
    assert_eq!(approve_between(&bench, None).await, Ok(2));
    let ended = bench.apply(200, &world).await;
    assert_eq!(ended.ending, Ending::Complete);
    assert!(matches!(
        approve_between(&bench, None).await,
        Err(ApprovalAnswer::Already { wave: 2, .. })
    ));
}

#[tokio::test(start_paused = true)]
async fn an_approval_ends_a_wait_for_a_time() {
    let bench = bench(&[wave(0.1, 60)]);
    let world = World::new(&bench.clock, 70, |_| Act::Issue);
    let began = tokio::time::Instant::now();
    let (ended, answers) = tokio::join!(bench.apply(200, &world), async {
        tokio::time::sleep(Duration::from_mins(10)).await;
        // Two persons at once.
        tokio::join!(bench.approve(Some(1)), bench.approve(None))
    });
    let approved = Some(ApprovalAnswer::Approved { wave: 1 });
    assert_eq!(answers, (approved.clone(), approved));
    assert_eq!(ended.ending, Ending::Complete);
    assert!(began.elapsed() < Duration::from_mins(15));
    let told = bench.told(|kind| matches!(kind, EventKind::Approved { .. }).then_some(()));
    assert_eq!(told.len(), 1, "one fact for both");
}

#[tokio::test(start_paused = true)]
async fn an_approval_that_comes_too_early_or_is_not_needed_is_answered() {
    let bench = bench(&[approved_wave(0.2)]);
    let world = World::new(&bench.clock, 3_000, |_| Act::Issue);
    let (ended, answers) = tokio::join!(bench.apply(100, &world), async {
        tokio::time::sleep(Duration::from_secs(4)).await;
        let early = [bench.approve(None).await, bench.approve(Some(1)).await];
        tokio::time::sleep(Duration::from_mins(10)).await;
        (early, bench.approve(None).await, bench.approve(None).await)
    });
    let (early, approved, again) = answers;
    let not_ended = Some(ApprovalAnswer::NotEnded { wave: 1 });
    assert_eq!(early, [Some(ApprovalAnswer::NothingWaits), not_ended]);
    assert_eq!(approved, Some(ApprovalAnswer::Approved { wave: 1 }));
    assert!(matches!(again, Some(ApprovalAnswer::Already { wave: 1, .. })));
    assert_eq!(ended.ending, Ending::Complete);
}

/// Late users of an approved wave are sent to at once; users beyond a wave that ended before anybody was beyond it wait.
#[tokio::test(start_paused = true)]
async fn users_who_come_after_the_end_of_a_wave_need_its_approval() {
    let mut bench = bench(&[approved_wave(1.0)]);
    let world = World::new(&bench.clock, 70, |_| Act::Issue);
    assert_eq!(
        bench.apply(50, &world).await.ending,
        Ending::Complete,
        "nobody is beyond"
    );
    // A smaller wave needs the approval of the larger one that has ended.
    bench.plan.schedule.waves = vec![approved_wave(0.1)];
    bench.plan.run.no_wait = true;
    assert_eq!(bench.apply(100, &world).await.why, StopReason::NotApproved(1));
    assert!(world.given() < 75);
    assert_eq!(approve_between(&bench, None).await, Ok(1));
    assert_eq!(bench.apply(100, &world).await.ending, Ending::Complete);
}

#[tokio::test(start_paused = true)]
async fn a_rehearsal_shows_the_wait_for_an_approval_and_goes_on() {
    let mut bench = bench(&[approved_wave(0.1)]);
    bench.plan.schedule.waits = false;
    bench.plan.schedule.approvals = false;
    let world = World::new(&bench.clock, 70, |_| Act::Issue);
    assert_eq!(bench.apply(100, &world).await.ending, Ending::Complete);
    assert!(waits(&bench).is_empty());
    let shown = bench.told(|kind| match kind {
        EventKind::Wave {
            wave,
            approval: true,
            skipped,
            ..
        } => Some((*wave, *skipped)),
        _ => None,
    });
    assert_eq!(shown, [(Some(1), Some(Duration::ZERO))]);
}

/// The run ends with its schedule, and a halted campaign can be approved all the same.
#[tokio::test(start_paused = true)]
async fn an_approval_that_never_comes_ends_with_the_schedule() {
    let mut bench = bench(&[approved_wave(0.1)]);
    bench.plan.schedule.end = runner::model::clock::later(bench.clock.now(), Duration::from_hours(5));
    let world = World::new(&bench.clock, 70, |_| Act::Issue);
    let ended = bench.apply(100, &world).await;
    assert_eq!((ended.ending, ended.why), (Ending::NeedsPerson, StopReason::End));
    let world: Arc<World> = world;
    assert!(starts(&world) < 50);
}

/// Who pauses, resumes and stops a run is a fact of its ledger.
#[tokio::test(start_paused = true)]
async fn commands_of_persons_are_facts() {
    let by = requester();
    let signal = Requester {
        command: "SIGTERM".to_owned(),
        ..requester()
    };
    let stops = [
        (
            RunCommand::Stop { by: Some(by.clone()) },
            StopReason::Stopped(by.clone()),
        ),
        (RunCommand::Interrupt { by: signal }, StopReason::Interrupted),
    ];
    for (stop, why) in stops {
        let stopper = stop.act().unwrap().by;
        let bench = Bench::new();
        let world = World::new(&bench.clock, 3_000, |_| Act::Issue);
        let (ended, ()) = tokio::join!(bench.apply(3_000, &world), async {
            for command in [
                RunCommand::Pause { by: by.clone() },
                RunCommand::Resume { by: by.clone() },
                stop,
            ] {
                tokio::time::sleep(Duration::from_secs(5)).await;
                bench.commands.send_replace(command);
            }
        });
        assert_eq!((ended.ending, ended.why), (Ending::Incomplete, why));
        let expected = [
            (ActKind::Paused, by.actor()),
            (ActKind::Resumed, by.actor()),
            (ActKind::Stopped, stopper),
        ];
        assert_eq!(acts(&bench).await, expected);
    }
}

/// The acts in the ledger.
async fn acts(bench: &Bench) -> Vec<(ActKind, Actor)> {
    let mut acts = Vec::new();
    let mut ledger = bench.open().await;
    let note = |_, fact: Fact| {
        if let Fact::Acted { act, .. } = fact {
            acts.push((act.kind, act.by));
        }
    };
    ledger.facts(note).await.unwrap();
    acts
}
