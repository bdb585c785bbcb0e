//! Runs a scenario: each apply through the real engine in virtual time, then further applies without faults until the
//! campaigns end.

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
use runner::engine::earlier_requests::earlier_requests;
use runner::engine::{Apply as Run, EngineError, Requests, RunOutcome, approval};
use runner::ledger::record::link_of;
use runner::ledger::{Fact, Head, Ledger, LedgerError, LedgerState, Older};
use runner::model::actor::Actor;
use runner::model::approval::{ApprovalRequest, WaveWait};
use runner::model::calendar::{Calendar, Days, Hours};
use runner::model::clock::from_ms;
use runner::model::delivery::{Resolution, StateName};
use runner::model::envelope::{Envelope, RunApproval};
use runner::model::event::{Ending, Event, PlaceUnit};
use runner::model::identity::{ActivityId, CampaignName, OpenId};
use runner::model::money::Money;
use runner::model::person_request::{PersonAnswer, PersonRequest};
use runner::model::resolve::{ResolveRequest, Selection, Which};
use runner::model::run_command::{Requester, RunCommand};
use runner::plan::{self, ExpiryRule, Guard, Plan, RunOptions, Wave};
use tokio::sync::{mpsc, oneshot, watch};

use crate::checker::{Checker, identity};
use crate::disk::Disk;
use crate::env::{Env, SimulatedAppLock, Violation};
use crate::platform::ScriptedPlatform;
use crate::scenario::{Acceptance, Apply, Campaign, FixedSettings, IncidentKind, MONDAY, NAMES, Scenario, Settings};

/// A run with faults is stopped after this time.
const RUN_LIMIT: Duration = Duration::from_mins(25);
/// A run ends within this time after a stop.
const STOP_LIMIT: Duration = Duration::from_mins(1);
/// A run without faults ends within this time.
const FAULTLESS_RUN_LIMIT: Duration = Duration::from_hours(12 * 24);
/// This many applies without faults complete every campaign.
const FAULTLESS_APPLIES: usize = 25;

/// How a campaign ended in an apply.
#[derive(Debug)]
pub enum ApplyEnd {
    RunOutcome(RunOutcome),
    Killed,
    /// The audience was not admitted.
    NotAdmitted(String),
    /// The ledger failed.
    Failed(String),
    /// The run continued past its limit.
    TimedOut,
}

/// The result of a history.
#[derive(Debug, Default)]
pub struct Outcome {
    pub violation: Option<Violation>,
    /// The printed history, if it was asked for.
    pub log: Vec<String>,
    pub requests: usize,
}

/// Runs a scenario. `loud` asks for the printed history.
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
    for (number, apply) in scenario.applies.iter().enumerate() {
        let ends = run_apply(&env, number, apply).await;
        checker.check(&env, apply, &ends).await;
        if env.state().violation.is_some() {
            break;
        }
    }
    let violation = env.state().violation.clone();
    if violation.is_none() && !scenario.applies.is_empty() {
        run_to_completion(&env, &mut checker, &faultless_apply(scenario)).await;
    }
    let requests = env.state().trace.requests.len();
    let log = env.take_log();
    let violation = env.state().violation.clone();
    Outcome {
        violation,
        log,
        requests,
    }
}

/// An apply without faults of all campaigns, each with its last settings.
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
        let owed = listed.len() as u64 * u64::from(settings.coupons_per_user);
        settings.per_day = settings.per_day.filter(|most| owed < *most);
    }
    Apply {
        gap: 0,
        clock_step: 0,
        campaigns,
        accepts: Acceptance {
            changes: true,
            older_ledger: true,
            replays: scenario.restores_ledger(),
        },
        approved: false,
        at_most: None,
        no_wait: false,
        kill_at_step: None,
        closes_ledger: scenario.applies.last().is_some_and(|apply| apply.closes_ledger),
        incidents: Vec::new(),
    }
}

/// Applies without faults until no campaign is incomplete.
async fn run_to_completion(env: &Arc<Env>, checker: &mut Checker, apply: &Apply) {
    let first = env.scenario.applies.len();
    for number in first..first + FAULTLESS_APPLIES {
        let ends = run_apply(env, number, apply).await;
        checker.check(env, apply, &ends).await;
        if env.state().violation.is_some() {
            return;
        }
        let incomplete =
            |end: &ApplyEnd| matches!(end, ApplyEnd::RunOutcome(ended) if ended.ending == Ending::Incomplete);
        if ends.iter().any(incomplete) {
            continue;
        }
        for (campaign, end) in apply.campaigns.iter().zip(&ends) {
            if let ApplyEnd::RunOutcome(ended) = end {
                checker.check_end(env, apply, campaign, ended);
            }
        }
        return;
    }
    env.report_violation(Violation::new(
        "G7: the same command brings a campaign to its end",
        format!("after {FAULTLESS_APPLIES} applies without faults the campaign was still incomplete"),
    ));
}

/// Runs one apply and returns how each of its campaigns ended.
async fn run_apply(env: &Arc<Env>, number: usize, apply: &Apply) -> Vec<ApplyEnd> {
    tokio::time::sleep(Duration::from_millis(apply.gap)).await;
    env.clock.shift_ms(apply.clock_step);
    let faultless = number >= env.scenario.applies.len();
    env.begin_run(number, apply.kill_at_step, faultless);
    for campaign in &apply.campaigns {
        env.restore(campaign.number, campaign.restored_without);
    }
    env.log(|| format!("apply {} begins at {}", number + 1, crate::print::time(env.wall())));
    #[cfg(debug_assertions)]
    runner::model::mutants::begin();
    let limiter = AppLimiter::new(SimulatedAppLock(Arc::clone(env)));
    if env.scenario.is_fleet {
        pass_over_earlier_requests(env, &limiter).await;
    }
    let commands: Vec<_> = apply.campaigns.iter().map(|_| watch::channel(RunCommand::Go)).collect();
    let (persons, requests): (Vec<_>, Vec<_>) = apply.campaigns.iter().map(|_| mpsc::channel(8)).unzip();
    let ended: Vec<_> = apply.campaigns.iter().map(|_| RefCell::new(None)).collect();
    let runs = apply.campaigns.iter().zip(&commands).zip(&ended).zip(requests);
    let runs = runs.map(|(((campaign, (_, commands)), ended), requests)| {
        let limiter = Arc::clone(&limiter);
        let commands = commands.clone();
        let run: Pin<Box<dyn Future<Output = ()> + '_>> = Box::pin(async move {
            env.set_open(campaign.number, true);
            let end = Box::pin(run_campaign(env, apply, campaign, limiter, commands, requests)).await;
            let end = end.unwrap_or_else(ApplyEnd::Failed);
            env.set_open(campaign.number, false);
            let of = env.campaign_prefix(campaign.number);
            env.log(|| format!("{of}apply {} has ended: {}", number + 1, crate::print::apply_end(&end)));
            ended.replace(Some(end));
        });
        run
    });
    let runs = join_all(runs.collect());
    let patience = async {
        let (patience, then) = if faultless {
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
        () = env.wait_killed() => || ApplyEnd::Killed,
        () = inject_incidents(env, apply, &commands, &persons) => || ApplyEnd::Killed,
        () = approve_all(&persons), if faultless => || ApplyEnd::Killed,
        () = runs => || ApplyEnd::Killed,
        () = patience => || ApplyEnd::TimedOut,
    };
    let ends = ended.into_iter().map(|ended| {
        ended.into_inner().unwrap_or_else(|| {
            let end = otherwise();
            env.log(|| format!("apply {} has ended: {}", number + 1, crate::print::apply_end(&end)));
            end
        })
    });
    let ends: Vec<_> = ends.collect();
    let is_clean = |end: &ApplyEnd| matches!(end, ApplyEnd::RunOutcome(_) | ApplyEnd::NotAdmitted(_));
    env.end_run(ends.iter().all(is_clean));
    ends
}

/// Names the users who may have a request of the previous owner on its way, in all ledgers of the app id.
async fn pass_over_earlier_requests(env: &Arc<Env>, limiter: &AppLimiter) {
    let now = env.clock.moment();
    for (campaign, rules) in env.scenario.campaigns.iter().enumerate() {
        let timeout = Duration::from_millis(rules.timeout);
        // The run reports a ledger that cannot be read.
        let Ok(ledger) = Ledger::open(Disk::quiet(env, campaign), identity(campaign)).await else {
            continue;
        };
        let unfinished = earlier_requests(ledger.state(), timeout, now.wall);
        limiter.pass_over(unfinished.map(|user| user.open_id), now.instant + timeout);
    }
}

/// Polls all futures until each is ready.
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

/// Applies the incidents of an apply at their times. Never returns.
async fn inject_incidents(
    env: &Arc<Env>,
    apply: &Apply,
    commands: &[(watch::Sender<RunCommand>, watch::Receiver<RunCommand>)],
    persons: &[Person],
) {
    let began = tokio::time::Instant::now();
    let by = Requester {
        pid: 1,
        user: "somebody".into(),
        host: "here".into(),
        name: None,
        command: String::new(),
    };
    for incident in &apply.incidents {
        tokio::time::sleep_until(began + Duration::from_millis(incident.after)).await;
        env.log(|| incident);
        let order = match incident.kind {
            IncidentKind::Pause => RunCommand::Pause { by: by.clone() },
            IncidentKind::Resume => RunCommand::Resume { by: by.clone() },
            IncidentKind::Stop => RunCommand::Stop { by: Some(by.clone()) },
            IncidentKind::Approve | IncidentKind::Resolve { .. } => {
                let mut concerned = apply.campaigns.iter().zip(persons);
                if let Some((_, person)) = concerned.find(|(campaign, _)| campaign.number == incident.campaign) {
                    match incident.kind {
                        IncidentKind::Resolve { state, to } => resolve(person, state, to),
                        _ => approve(person),
                    }
                }
                continue;
            }
            what => {
                env.inject(what, incident.campaign);
                continue;
            }
        };
        let concerned = |campaign: &Campaign| campaign.number == incident.campaign;
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

type Person = mpsc::Sender<(PersonRequest, oneshot::Sender<PersonAnswer>)>;

fn somebody() -> Actor {
    Actor {
        name: "somebody".into(),
        user: "somebody".into(),
        host: "here".into(),
        command: "runner approve".into(),
    }
}

/// Approves the wave of a run that ended last. The answer is not waited for, as by a person who is interrupted.
fn approve(person: &Person) {
    let request = ApprovalRequest {
        wave: None,
        by: somebody(),
    };
    ask(person, PersonRequest::Approve(request));
}

/// Decides about all deliveries in a state.
fn resolve(person: &Person, state: StateName, to: Resolution) {
    let request = ResolveRequest {
        selection: Selection {
            which: Which::All(state),
            code: None,
        },
        to,
        note: "somebody says so".into(),
        typed: state.word().into(),
        by: "somebody@here".into(),
        expect: None,
    };
    ask(person, PersonRequest::Resolve(request));
}

fn ask(person: &Person, request: PersonRequest) {
    // The run may have ended, or take no more at present.
    let _ = person.try_send((request, oneshot::channel().0));
}

/// Approves every wave within a minute. Never returns.
async fn approve_all(persons: &[Person]) {
    loop {
        tokio::time::sleep(Duration::from_mins(1)).await;
        persons.iter().for_each(approve);
    }
}

/// What `apply` does for a campaign once it holds the lock of the ledger.
async fn run_campaign(
    env: &Arc<Env>,
    apply: &Apply,
    campaign: &Campaign,
    limiter: Arc<AppLimiter>,
    commands: watch::Receiver<RunCommand>,
    requests: Requests,
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
    if apply.approved
        && ledger.older().is_none()
        && let Ok(approvable) = approval::check(&plan, ledger.state(), None, now)
    {
        ledger
            .append(vec![approvable.fact(somebody(), now)])
            .await
            .map_err(failed)?;
    }
    let mut began = Vec::from_iter(env.owner_changed(plan.retry.timeout));
    began.push(Fact::run_began(now, plan.retry.timeout));
    let approval = approval_of(&campaign.settings);
    began.extend(approval.map(|approval| Fact::RunApproved {
        at: now,
        approval: Box::new(approval),
    }));
    let new = ledger.sequence() == 0;
    if !new {
        match ledger.append(began.clone()).await {
            Err(LedgerError::Older(older)) => return Ok(ApplyEnd::NotAdmitted(older.to_string())),
            began => began.map_err(failed)?,
        };
    }
    let admission = match admit(
        ledger.state(),
        &plan,
        apply,
        (&env.scenario.campaigns[number], campaign),
        now,
        older,
    ) {
        Ok(admission) => admission,
        Err(why) => return Ok(ApplyEnd::NotAdmitted(why)),
    };
    if new {
        ledger.append(began).await.map_err(failed)?;
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
        requests,
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

/// Compares the audience of a campaign with its ledger.
fn admit(
    ledger_state: &LedgerState,
    plan: &Plan,
    apply: &Apply,
    (rules, campaign): (&FixedSettings, &Campaign),
    now: Timestamp,
    older: Option<Older>,
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
            from: format!("batch {}", older.known).into(),
            to: format!("batch {}", older.last).into(),
            owed_again: 0,
        });
    }
    for (line, listed) in (2..).zip(&campaign.listed) {
        let open_id = format!("u{}", listed.user);
        admission.row(&row(
            place(line),
            &open_id,
            Activity::At(last_active(listed.inactive_for)),
        ));
    }
    let totals = Totals {
        rows: campaign.listed.len() as u64,
        ..Totals::default()
    };
    for tester in &rules.testers {
        admission.tester(&OpenId::parse(&format!("u{tester}")).unwrap());
    }
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

/// Converts seconds before [`MONDAY`] to a timestamp.
pub fn last_active(ago: i64) -> Timestamp {
    from_ms(MONDAY - ago * 1_000)
}

/// The plan of a minimal campaign file.
fn minimal_plan() -> &'static Plan {
    static PLAN: OnceLock<Plan> = OnceLock::new();
    PLAN.get_or_init(|| {
        let file = "{version: 1, campaign: summer, app_id: tt1, activity_id: 1, \
                    audience: {source: {csv: {path: a.csv, open_id: open_id}}}}";
        let parsed = campaign::parse(Path::new("summer.yaml"), file.as_bytes()).unwrap_or_else(|it| panic!("{it:?}"));
        plan::build(&parsed.campaign, RunOptions::default()).unwrap()
    })
}

/// The approval of the service that an apply goes by.
fn approval_of(settings: &Settings) -> Option<RunApproval> {
    let bounds = settings.envelope?;
    let in_file = settings.worth.filter(|worth| worth.is_in_file);
    Some(RunApproval {
        sequence: 7,
        link: [7; 8],
        at: from_ms(MONDAY),
        by: vec!["wang".to_owned()],
        fingerprint: "0a1b2c3d4e-5f60718293-first".to_owned(),
        envelope: Envelope {
            coupons: bounds.coupons,
            worth: bounds.most.filter(|_| settings.worth.is_some()).map(Money::from_fen),
            coupon_value: in_file.map(|worth| Money::from_fen(worth.each)),
            per_user: settings.coupons_per_user,
            from: from_ms(0),
            until: bounds.until.map(|until| from_ms(MONDAY + until)),
            audience: bounds.audience,
        },
        is_required: false,
    })
}

/// The plan of a campaign in an apply.
fn plan(rules: &FixedSettings, apply: &Apply, campaign: &Campaign) -> Plan {
    let settings = &campaign.settings;
    let mut plan = minimal_plan().clone();
    plan.identity.campaign = CampaignName::parse(NAMES[campaign.number]).unwrap();
    let ms = Duration::from_millis;
    plan.activity_id = ActivityId::parse(&settings.activity.to_string()).unwrap();
    plan.coupons_per_user = settings.coupons_per_user;
    plan.max_coupons = settings.max_coupons.unwrap_or(u64::MAX);
    plan.max_worth = settings.worth.map(|worth| Money::from_fen(worth.most));
    plan.coupon_value = settings
        .worth
        .filter(|worth| worth.is_in_file)
        .map(|worth| Money::from_fen(worth.each));
    plan.audience.control_group = f64::from(settings.control_percent) / 100.0;
    if let Some(active_within) = &rules.active_within {
        plan.audience.lapse = ExpiryRule::After(Duration::from_secs(active_within.seconds));
        if active_within.expiring_first {
            plan.audience.order = plan::TurnOrder::ExpiringFirst;
        }
    }
    plan.pace.per_second = settings.per_second();
    plan.pace.max_in_flight = rules.max_in_flight;
    plan.pace.per_day = settings.per_day.unwrap_or(u64::MAX);
    plan.retry.timeout = ms(rules.timeout);
    plan.retry.first_delay = ms(rules.first_delay);
    plan.retry.max_delay = ms(rules.max_delay);
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
    plan.run.at_most = apply.at_most.unwrap_or(u64::MAX);
    plan.run.no_wait = apply.no_wait;
    schedule(&mut plan.schedule, rules, settings);
    plan
}

fn schedule(schedule: &mut plan::Schedule, rules: &FixedSettings, settings: &Settings) {
    let zone: &TimeZone = &schedule.zone;
    let days = Days::range(Weekday::Monday, Weekday::Sunday);
    let hours = settings.hours.iter();
    let hours: Vec<_> = hours
        .filter_map(|window| Hours::new(days, window.from, window.until))
        .collect();
    let closed = settings.closed.iter();
    let closed: Vec<_> = closed.map(|day| date(2026, 6, 1).saturating_add(day.days())).collect();
    schedule.hours = Calendar::new(zone.clone(), &hours, &closed);
    schedule.start = settings.start.map_or(Timestamp::MIN, |at| from_ms(MONDAY + at));
    schedule.end = settings.end.map_or(Timestamp::MAX, |at| from_ms(MONDAY + at));
    let waves = rules.all_waves();
    let waves = waves.iter().map(|wave| Wave {
        share: f64::from(wave.share) / 100.0,
        wait: if wave.approval {
            WaveWait::Approval
        } else {
            WaveWait::For(Duration::from_millis(wave.wait))
        },
        not_issued: f64::from(wave.halt_share) / 100.0,
    });
    schedule.waves = waves.collect();
}
