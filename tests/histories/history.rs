//! Running a story: each of its applies through the real engine in virtual time, then further ones in which nothing goes
//! wrong any more, until there is an end.

use std::cell::RefCell;
use std::path::Path;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::Poll;
use std::time::Duration;

use jiff::civil::Weekday;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan, civil::date};
use runner::audience::{Activity, Place, Row, Totals};
use runner::campaign;
use runner::engine::app_limiter::AppLimiter;
use runner::engine::audience_diff::{Accept, Admission, Change, DiffBuilder, Exclusion, Terms};
use runner::engine::{Apply as Run, EngineError, RunOutcome};
use runner::ledger::record::link_of;
use runner::ledger::{Fact, Head, Ledger, LedgerError, LedgerState, Older};
use runner::model::calendar::{Calendar, Days, Hours};
use runner::model::clock::from_ms;
use runner::model::event::{Ending, Event, PlaceUnit};
use runner::model::identity::{ActivityId, CampaignName};
use runner::model::run_command::{Requester, RunCommand};
use runner::plan::{self, ExpiryRule, Guard, Plan, RunOptions, Wave};
use tokio::sync::watch;

use crate::checker::Checker;
use crate::disk::Disk;
use crate::env::{Env, SimulatedAppLock, Violation};
use crate::platform::ScriptedPlatform;
use crate::scenario::{Acceptance, Apply, Campaign, FixedSettings, IncidentKind, MONDAY, NAMES, Scenario, Settings};

/// After so long a run that is not the last one is stopped.
const RUN_LIMIT: Duration = Duration::from_mins(25);
/// A run that was stopped has ended by then.
const STOP_LIMIT: Duration = Duration::from_mins(1);
/// A run in which nothing goes wrong has ended by then.
const FAULTLESS_RUN_LIMIT: Duration = Duration::from_hours(12 * 24);
/// So many applies in which nothing goes wrong bring a story to its end.
const FAULTLESS_APPLIES: usize = 25;

/// How an apply ended.
#[derive(Debug)]
pub enum ApplyEnd {
    /// By itself, or by an order.
    RunOutcome(RunOutcome),
    /// The process was killed.
    Killed,
    /// Its audience was not let in.
    NotAdmitted(String),
    /// The ledger failed.
    Failed(String),
    /// It went on when it had to end.
    TimedOut,
}

/// What became of a story.
#[derive(Debug, Default)]
pub struct Outcome {
    /// The first promise that broke, if one did.
    pub broken: Option<Violation>,
    /// The story step by step, where that was asked for.
    pub told: Vec<String>,
    /// How many runs and requests it had.
    pub size: (usize, usize),
}

/// Runs a story; `loud` where somebody listens.
pub fn run(scenario: &Scenario, loud: bool) -> Outcome {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(Box::pin(run_scenario(scenario, loud)))
}

async fn run_scenario(scenario: &Scenario, loud: bool) -> Outcome {
    let env = Env::new(scenario.clone(), loud);
    let mut checker = Checker::new(scenario);
    let mut size = 0;
    for (number, apply) in scenario.applies.iter().enumerate() {
        size = number + 1;
        let ends = run_apply(&env, number, apply).await;
        checker.check(&env, apply, &ends).await;
        if env.state().broken.is_some() {
            break;
        }
    }
    let broken = env.state().broken.clone();
    if broken.is_none() && !scenario.applies.is_empty() {
        size = run_to_completion(&env, &mut checker, &faultless_apply(scenario), size).await;
    }
    let requests = env.state().trace.requests.len();
    let told = env.told();
    let broken = env.state().broken.clone();
    let size = (size, requests);
    Outcome { broken, told, size }
}

/// An apply in which nothing goes wrong: of all campaigns, as they were applied last.
fn faultless_apply(scenario: &Scenario) -> Apply {
    let last = |number: usize| {
        let mut all = scenario.applies.iter().rev().flat_map(|apply| &apply.campaigns);
        all.find(|campaign| campaign.number == number).cloned()
    };
    let mut campaigns: Vec<_> = (0..scenario.campaigns.len()).filter_map(last).collect();
    for Campaign {
        settings,
        listed,
        restored_without,
        ..
    } in &mut campaigns
    {
        *restored_without = None;
        let owed = listed.len() as u64 * u64::from(settings.coupons);
        settings.per_day = settings.per_day.filter(|most| owed < *most);
    }
    Apply {
        gap: 0,
        jump: 0,
        campaigns,
        accepts: Acceptance {
            changes: true,
            older_ledger: true,
            replays: scenario.restores_ledger(),
        },
        at_most: None,
        no_wait: false,
        kill: None,
        closes_ledger: scenario.applies.last().is_some_and(|apply| apply.closes_ledger),
        incidents: Vec::new(),
    }
}

/// Applies until there is an end that needs nobody to apply again.
async fn run_to_completion(env: &Arc<Env>, checker: &mut Checker, apply: &Apply, first: usize) -> usize {
    for number in first..first + FAULTLESS_APPLIES {
        let ends = run_apply(env, number, apply).await;
        checker.check(env, apply, &ends).await;
        if env.state().broken.is_some() {
            return number;
        }
        let incomplete =
            |end: &ApplyEnd| matches!(end, ApplyEnd::RunOutcome(ended) if ended.ending == Ending::Incomplete);
        if ends.iter().any(incomplete) {
            continue;
        }
        for (campaign, end) in apply.campaigns.iter().zip(&ends) {
            if let ApplyEnd::RunOutcome(ended) = end {
                checker.check_end(env, (apply, campaign), ended);
            }
        }
        return number;
    }
    let how =
        format!("after {FAULTLESS_APPLIES} applies in which nothing went wrong the campaign was still incomplete");
    env.report_violation("G7: the same command brings a campaign to its end", how);
    first + FAULTLESS_APPLIES
}

/// One apply, from its beginning to its end, whatever that is: how each of its campaigns ended.
async fn run_apply(env: &Arc<Env>, number: usize, apply: &Apply) -> Vec<ApplyEnd> {
    tokio::time::sleep(Duration::from_millis(apply.gap)).await;
    env.clock.shift_ms(apply.jump);
    let calm = number >= env.scenario.applies.len();
    env.begin_run(number, apply.kill, calm);
    for campaign in &apply.campaigns {
        env.put_back(campaign.number, campaign.restored_without);
    }
    env.log(|| format!("apply {} begins at {}", number + 1, crate::print::time(env.wall())));
    #[cfg(feature = "mutants")]
    runner::model::mutants::begin();
    let limiter = AppLimiter::new(SimulatedAppLock(Arc::clone(env)));
    let commands: Vec<_> = apply.campaigns.iter().map(|_| watch::channel(RunCommand::Go)).collect();
    let ended: Vec<_> = apply.campaigns.iter().map(|_| RefCell::new(None)).collect();
    let runs = apply.campaigns.iter().zip(&commands).zip(&ended);
    let runs = runs.map(|((campaign, (_, commands)), ended)| {
        let (limiter, commands) = (Arc::clone(&limiter), commands.clone());
        let run: Pin<Box<dyn Future<Output = ()> + '_>> = Box::pin(async move {
            env.open(campaign.number, true);
            let end = run_campaign(env, (apply, campaign), limiter, commands).await;
            let end = end.unwrap_or_else(ApplyEnd::Failed);
            env.open(campaign.number, false);
            let of = env.campaign_prefix(campaign.number);
            env.log(|| format!("{of}apply {} has ended: {}", number + 1, crate::print::end(&end)));
            ended.replace(Some(end));
        });
        run
    });
    let runs = join_all(runs.collect());
    let patience = async {
        let (patience, then) = if calm {
            (FAULTLESS_RUN_LIMIT, Duration::ZERO)
        } else {
            (RUN_LIMIT, STOP_LIMIT)
        };
        tokio::time::sleep(patience).await;
        for (commands, _) in &commands {
            commands.send_replace(RunCommand::Stop { by: None });
        }
        tokio::time::sleep(then).await;
    };
    let otherwise = tokio::select! {
        biased;
        () = env.killed() => || ApplyEnd::Killed,
        () = inject_incidents(env, apply, &commands) => || ApplyEnd::Killed,
        () = runs => || ApplyEnd::Killed,
        () = patience => || ApplyEnd::TimedOut,
    };
    env.state().dead = true;
    let ends = ended.into_iter().map(|ended| {
        ended.into_inner().unwrap_or_else(|| {
            let end = otherwise();
            env.log(|| format!("apply {} has ended: {}", number + 1, crate::print::end(&end)));
            end
        })
    });
    ends.collect()
}

/// Runs futures until each has ended.
async fn join_all(mut futures: Vec<Pin<Box<dyn Future<Output = ()> + '_>>>) {
    std::future::poll_fn(|context| {
        futures.retain_mut(|future| future.as_mut().poll(context).is_pending());
        if futures.is_empty() {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    })
    .await;
}

/// Lets happen what the story says, and goes on for ever.
async fn inject_incidents(
    env: &Arc<Env>,
    apply: &Apply,
    commands: &[(watch::Sender<RunCommand>, watch::Receiver<RunCommand>)],
) {
    let began = tokio::time::Instant::now();
    let by = Requester {
        pid: 1,
        user: "somebody".into(),
        host: "here".into(),
    };
    for happening in &apply.incidents {
        tokio::time::sleep_until(began + Duration::from_millis(happening.after)).await;
        env.log(|| happening);
        let order = match happening.kind {
            IncidentKind::Pause => RunCommand::Pause { by: by.clone() },
            IncidentKind::Resume => RunCommand::Go,
            IncidentKind::Stop => RunCommand::Stop { by: Some(by.clone()) },
            what => {
                env.inject(what, happening.campaign);
                continue;
            }
        };
        let concerned = |campaign: &Campaign| campaign.number == happening.campaign;
        let Some(at) = apply.campaigns.iter().position(concerned) else {
            continue;
        };
        let (commands, _) = &commands[at];
        if !commands.borrow().stops() {
            commands.send_replace(order);
        }
    }
    std::future::pending::<()>().await;
}

/// What `apply` does for a campaign once it has the lock of the ledger.
async fn run_campaign(
    env: &Arc<Env>,
    (apply, campaign): (&Apply, &Campaign),
    limiter: Arc<AppLimiter>,
    commands: watch::Receiver<RunCommand>,
) -> Result<ApplyEnd, String> {
    let failed = |error: LedgerError| format!("{error}: {:?}", std::error::Error::source(&error));
    let number = campaign.number;
    let plan = plan(&env.scenario.campaigns[number], apply, campaign);
    let known = env.state().disks[number].witness.last.as_ref().map(|witness| Head {
        sequence: witness.sequence,
        link: link_of(&witness.record),
    });
    let disk = Disk::new(env, number);
    let mut ledger = Ledger::open_known(disk, plan.identity.clone(), Arc::default(), known)
        .await
        .map_err(failed)?;
    let older = ledger.older().filter(|_| apply.accepts.older_ledger);
    if older.is_some() {
        ledger.accept_older();
    }
    if apply.closes_ledger {
        ledger.keep_after(500);
    }
    let now = env.clock.now();
    let began = Fact::run_began(now, plan.retry.timeout);
    let new = ledger.sequence() == 0;
    if !new {
        match ledger.append(vec![began.clone()]).await {
            Err(LedgerError::Older(older)) => return Ok(ApplyEnd::NotAdmitted(older.to_string())),
            began => began.map_err(failed)?,
        };
    }
    let admission = match admit(ledger.state(), &plan, (apply, campaign), (now, older)) {
        Ok(admission) => admission,
        Err(why) => return Ok(ApplyEnd::NotAdmitted(why)),
    };
    if new {
        ledger.append(vec![began]).await.map_err(failed)?;
    }
    for batch in admission.changes.into_batches() {
        let batch = batch.map_err(|error| failed(error.into()))?;
        ledger.append(batch).await.map_err(failed)?;
    }
    let listener = Arc::clone(env);
    let run = Run {
        platform: Arc::new(ScriptedPlatform {
            env: Arc::clone(env),
            campaign: number,
            settings: campaign.settings.clone(),
        }),
        plan: Arc::new(plan),
        ledger,
        send_order: admission.send_order,
        limiter,
        clock: env.clock.clone(),
        commands,
        emit: Arc::new(move |event: Event| listener.on_event(&event, number)),
        seed: env.scenario.seed,
    };
    env.start_witness(number);
    let ended = Box::pin(run.run()).await;
    env.write_witness(number);
    match ended {
        Ok((ended, ledger)) => {
            if apply.closes_ledger {
                ledger.close().await;
            }
            Ok(ApplyEnd::RunOutcome(ended))
        }
        Err(EngineError::Ledger(error)) => Err(failed(error)),
        Err(error) => Err(format!("{error}: {:?}", std::error::Error::source(&error))),
    }
}

fn row<'r>(place: Place<'r>, open_id: &'r str, last_active: Activity<'r>) -> Row<'r> {
    let open_id = Ok(open_id);
    Row {
        place,
        open_id,
        last_active,
    }
}

/// Holds the people of a campaign against its ledger.
fn admit(
    ledger_state: &LedgerState,
    plan: &Plan,
    (apply, campaign): (&Apply, &Campaign),
    (now, older): (Timestamp, Option<Older>),
) -> Result<Admission, String> {
    let place = |number| Place {
        within: "audience.csv",
        unit: PlaceUnit::Line,
        number,
    };
    let mut excluded = Exclusion::new(ledger_state);
    if !campaign.excluded.is_empty() {
        excluded.begin("said-no".to_owned());
        for (line, user) in (2..).zip(&campaign.excluded) {
            let open_id = format!("u{user}");
            excluded.row(&row(place(line), &open_id, Activity::Unknown));
        }
        excluded.end(&Totals {
            rows: campaign.excluded.len() as u64,
            ..Totals::default()
        });
    }
    let mut admission = DiffBuilder::excluding(excluded, plan);
    if let Some(older) = older {
        admission.note_older_ledger(Change {
            what: Accept::OlderLedger,
            from: format!("batch {}", older.known),
            to: format!("batch {}", older.last),
            owed_again: 0,
        });
    }
    for (line, (user, ago)) in (2..).zip(&campaign.listed) {
        let open_id = format!("u{user}");
        admission.row(&row(place(line), &open_id, Activity::At(last_active(*ago))));
    }
    let totals = Totals {
        rows: campaign.listed.len() as u64,
        ..Totals::default()
    };
    let is_accepted = |change: &Accept| apply.accepts.has(change.word());
    let accepted: Vec<_> = Accept::ALL.into_iter().filter(is_accepted).collect();
    let decided = admission.decide(&Terms {
        plan,
        totals: &totals,
        accepted: &accepted,
        rehearsal: false,
        class: &|code| campaign.settings.class(code),
        wall: now,
    });
    decided.map_err(|why| why.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))
}

/// When somebody was last active who was so many seconds before the first day of the stories.
pub fn last_active(ago: i64) -> Timestamp {
    from_ms(MONDAY - ago * 1_000)
}

/// What the least campaign file means.
fn minimal_plan() -> &'static Plan {
    static PLAN: OnceLock<Plan> = OnceLock::new();
    PLAN.get_or_init(|| {
        let file = "{version: 1, campaign: summer, app_id: tt1, activity_id: 1, \
                    audience: {source: {csv: {path: a.csv, open_id: open_id}}}}";
        let parsed = campaign::parse(Path::new("summer.yaml"), file.as_bytes()).unwrap_or_else(|it| panic!("{it:?}"));
        plan::build(&parsed.campaign, RunOptions::default()).unwrap()
    })
}

/// What the file of a campaign means in an apply.
fn plan(rules: &FixedSettings, apply: &Apply, campaign: &Campaign) -> Plan {
    let settings = &campaign.settings;
    let mut plan = minimal_plan().clone();
    plan.identity.campaign = CampaignName::parse(NAMES[campaign.number]).unwrap();
    let ms = Duration::from_millis;
    plan.activity_id = ActivityId::parse(&settings.activity.to_string()).unwrap();
    plan.coupons_per_user = settings.coupons;
    plan.max_coupons = settings.most.unwrap_or(u64::MAX);
    plan.audience.control_group = f64::from(settings.control) / 100.0;
    if let Some((within, expiring_first)) = rules.active_within {
        plan.audience.lapse = ExpiryRule::After(Duration::from_secs(within));
        if expiring_first {
            plan.audience.order = plan::TurnOrder::ExpiringFirst;
        }
    }
    plan.pace.per_second = settings.per_second();
    plan.pace.max_in_flight = rules.in_flight;
    plan.pace.per_day = settings.per_day.unwrap_or(u64::MAX);
    plan.retry.timeout = ms(rules.timeout);
    (plan.retry.first_delay, plan.retry.max_delay) = (ms(rules.delays.0), ms(rules.delays.1));
    plan.retry.attempts = rules.attempts;
    plan.retry.resend_within = ms(rules.resend_within);
    if rules.asks_person {
        plan.retry.in_doubt = plan::InDoubt::Ask;
    }
    if rules.strict_halts {
        plan.halt.refused = Guard { over: 0.5, after: 4 };
        plan.halt.held = Guard { over: 0.2, after: 5 };
        plan.halt.same_code = 3;
    }
    (plan.run.at_most, plan.run.no_wait) = (apply.at_most.unwrap_or(u64::MAX), apply.no_wait);
    schedule(&mut plan.schedule, rules, settings);
    plan
}

fn schedule(schedule: &mut plan::Schedule, rules: &FixedSettings, settings: &Settings) {
    let zone: &TimeZone = &schedule.zone;
    let days = Days::range(Weekday::Monday, Weekday::Sunday);
    let hours = settings.hours.iter();
    let hours: Vec<_> = hours
        .filter_map(|(from, until)| Hours::new(days, *from, *until))
        .collect();
    let closed = settings.closed.iter();
    let closed: Vec<_> = closed.map(|day| date(2026, 6, 1).saturating_add(day.days())).collect();
    schedule.hours = Calendar::new(zone.clone(), &hours, &closed);
    let (start, end) = settings.between;
    schedule.start = start.map_or(Timestamp::MIN, |at| from_ms(MONDAY + at));
    schedule.end = end.map_or(Timestamp::MAX, |at| from_ms(MONDAY + at));
    let waves = rules.waves.iter().map(|(share, wait, halts)| Wave {
        share: f64::from(*share) / 100.0,
        wait: Duration::from_millis(*wait),
        not_issued: f64::from(*halts) / 100.0,
    });
    schedule.waves = waves.collect();
}
