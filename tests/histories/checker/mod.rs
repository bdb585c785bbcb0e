//! The checker. It knows the scenario, the trace and the facts of the ledgers, and shares no decision with the program:
//! its fold, windows, days, seconds and sums are its own, each as simple as possible.

mod answers;
mod ending;
mod recipients;
mod reference_state;
mod starts;
mod waves;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use runner::engine::StopReason;
use runner::ledger::{Fact, Ledger};
use runner::model::actor::ActKind;
use runner::model::delivery::{DeliveryKey, StateName};
use runner::model::event::Ending;
use runner::model::identity::{AppId, CampaignName, Identity, PlatformName};
use runner::model::outcome::{Class, NotIssued, Outcome, Proof};

use crate::disk::Disk;
use crate::env::{Env, Removal, Violation};
use crate::history::ApplyEnd;
use crate::scenario::{Apply, Campaign, FixedSettings, IncidentKind, MONDAY, NAMES, Scenario, Settings};
use crate::trace::{EmittedEvent, EmittedKind, Nanos, Request, SecondCoupon, Trace};

use answers::{AnswerOwner, RunChecker};
use reference_state::{Delivery, EndedAttempt, FactContext, Recipient, ReferenceState};
use waves::Waves;

/// The guarantee of approvals.
const ENVELOPE: &str = "each coupon lies inside the approval";

/// Resends by delivery and attempt.
type Resends = BTreeMap<(DeliveryKey, u32), DoubtSince>;

/// Since when the delivery of an attempt has been in doubt.
#[derive(Clone, Copy)]
enum DoubtSince {
    /// Before the run, for this many milliseconds when it began.
    Before(u64),
    /// Since this attempt of the run.
    Attempt(u32),
}

/// One campaign in one apply, as the scenario describes it.
#[derive(Clone, Copy)]
struct CampaignApply<'s> {
    scenario: &'s Scenario,
    rules: &'s FixedSettings,
    apply: &'s Apply,
    campaign: &'s Campaign,
}

impl<'s> CampaignApply<'s> {
    fn new(scenario: &'s Scenario, apply: &'s Apply, campaign: &'s Campaign) -> Self {
        Self {
            scenario,
            rules: &scenario.campaigns[campaign.number],
            apply,
            campaign,
        }
    }

    /// Whether a person stops the campaign in this apply.
    fn is_stopped(&self) -> bool {
        let mut incidents = self.apply.incidents.iter();
        incidents.any(|it| it.campaign == self.campaign.number && it.kind == IncidentKind::Stop)
    }

    fn now(&self) -> FactContext<'s> {
        FactContext {
            settings: &self.campaign.settings,
            resend_within: self.rules.resend_within,
        }
    }

    /// Whether this campaign made a request.
    fn made(&self, request: &Request) -> bool {
        request.campaign == self.campaign.number
    }
}

/// Checks a history after each apply.
pub struct Checker {
    scenario: Scenario,
    /// By the numbers of their campaigns.
    ledgers: Vec<LedgerChecker>,
    /// How many requests are checked.
    checked: usize,
}

/// What the checker knows of one campaign's ledger.
#[derive(Default)]
struct LedgerChecker {
    reference: ReferenceState,
    waves: Waves,
    /// Requests whose outcome is not in the ledger yet.
    open: Vec<Request>,
    resends: Resends,
    run: RunChecker,
}

/// The day of a wall time in the campaign's zone, which has no daylight saving time.
fn day_of(wall: i64) -> i64 {
    (wall + 8 * 3_600_000).div_euclid(86_400_000)
}

fn minute_of(wall: i64) -> i64 {
    (wall + 8 * 3_600_000).rem_euclid(86_400_000) / 60_000
}

impl Checker {
    pub fn new(scenario: &Scenario) -> Self {
        Self {
            scenario: scenario.clone(),
            ledgers: scenario.campaigns.iter().map(|_| LedgerChecker::default()).collect(),
            checked: 0,
        }
    }

    /// Checks an apply whose campaigns ended in these ways.
    pub async fn check(&mut self, env: &Arc<Env>, apply: &Apply, ends: &[ApplyEnd]) {
        env.issue_due_coupons();
        let scenario = &self.scenario;
        let ledgers = &mut self.ledgers;
        for (campaign, end) in apply.campaigns.iter().zip(ends) {
            let context = CampaignApply::new(scenario, apply, campaign);
            let result = ledgers[campaign.number].check(env, context, self.checked, end).await;
            if let Err(violation) = result {
                env.report_violation(prefixed(env, campaign, &violation));
            }
        }
        let result = {
            let trace = &env.state().trace;
            let result = starts::check_together(scenario, apply, trace, &trace.requests[self.checked..]);
            let result = result.and_then(|()| check_second_coupons(ledgers, trace));
            self.checked = trace.requests.len();
            result
        };
        if let Err(violation) = result {
            env.report_violation(violation);
        }
    }

    /// Checks the end of a campaign.
    pub fn check_end(&self, env: &Env, apply: &Apply, campaign: &Campaign, ended: &runner::engine::RunOutcome) {
        let state = env.state();
        let reference = &self.ledgers[campaign.number].reference;
        let twice = check_second_coupons(&self.ledgers, &state.trace);
        let end = ending::FinalCheck {
            reference,
            context: CampaignApply::new(&self.scenario, apply, campaign),
            ended,
            now: self.ledgers[campaign.number].present(env, &state.trace),
        };
        let result = twice.and_then(|()| end.check(&state.trace));
        drop(state);
        if let Err(violation) = result {
            env.report_violation(prefixed(env, campaign, &violation));
        }
    }
}

/// Adds the campaign's name to the details of a violation.
fn prefixed(env: &Env, campaign: &Campaign, violation: &Violation) -> Violation {
    let details = format!("{}{}", env.campaign_prefix(campaign.number), violation.details);
    Violation::new(violation.guarantee, details)
}

impl LedgerChecker {
    /// The time from which ages of doubts are measured: the later of the wall clock and the newest time, and monotonic
    /// within the run.
    fn present(&self, env: &Env, trace: &Trace) -> i64 {
        let run_began = trace.run_starts.last().copied().unwrap_or_default();
        let elapsed = (env.now() - run_began) / 1_000_000;
        let within_run = self.run.began + i64::try_from(elapsed).unwrap_or_default();
        self.reference.newest.max(env.wall()).max(within_run)
    }

    async fn check(
        &mut self,
        env: &Arc<Env>,
        context: CampaignApply<'_>,
        checked: usize,
        end: &ApplyEnd,
    ) -> Result<(), Violation> {
        let number = context.campaign.number;
        let run = env.state().run;
        let failed = {
            let disk = &env.state().disks[number];
            // A run that is stopped while the disk stalls does not wait for longer than the timeout.
            disk.failed || (disk.longest_stall_ms >= context.rules.timeout && context.is_stopped())
        };
        match end {
            ApplyEnd::Failed(why) if !failed => {
                return Err(Violation::new(
                    "G7: after any crash the same command works",
                    why.clone(),
                ));
            }
            ApplyEnd::TimedOut => {
                return Err(Violation::new(
                    "a run ends when it has nothing left to do or is stopped",
                    String::new(),
                ));
            }
            _ => {}
        }
        {
            let state = env.state();
            let disk = &state.disks[number];
            if let Some(gone) = disk.removal {
                starts::check_stopped(context, &state.trace.requests[checked..], disk, gone)?;
            }
            if let Some(since) = state.fleet.fenced_at {
                let fenced = Removal {
                    durable: false,
                    since,
                    noticed: Some(since),
                };
                starts::check_stopped(context, &state.trace.requests[checked..], disk, fenced)?;
            }
        }
        let unreadable = |error| Violation::new("G7: after any crash the ledger can be read", format!("{error:?}"));
        let mut ledger = Ledger::open(Disk::quiet(env, number), identity(number))
            .await
            .map_err(unreadable)?;
        let (left, older) = {
            let disk = &mut env.state().disks[number];
            (disk.restored_to.take(), disk.witness.is_newer)
        };
        let mut facts = Vec::new();
        let known = left.map_or(self.reference.batches, |_| 0);
        let show = |batch, fact| {
            if batch > known {
                facts.push((batch, fact));
            }
        };
        ledger.facts(show).await.map_err(unreadable)?;
        let mut state = env.state();
        if let Some(left) = left {
            let new = facts.partition_point(|(batch, _)| *batch <= left);
            let rest = facts.split_off(new);
            self.restore(context, left, &facts, &mut state.trace.requests[..checked])?;
            facts = rest;
        }
        let trace = &state.trace;
        let sent = trace.requests[checked..].iter().find(|request| context.made(request));
        if older && !context.apply.accepts.older_ledger && (sent.is_some() || !facts.is_empty()) {
            let details = format!(
                "it took {} facts and sent {:?}",
                facts.len(),
                sent.map(|request| request.user)
            );
            return Err(Violation::new(
                "an older copy of a ledger is used only if a person accepts it",
                details,
            ));
        }
        let new = trace.requests[checked..].iter().filter(|request| context.made(request));
        let new: Vec<_> = new.cloned().collect();
        self.open.extend(new.iter().cloned());
        let events = trace.emitted.iter();
        let events: Vec<_> = events
            .filter(|event| event.run == run && event.campaign == number)
            .collect();
        let before = self.reference.batches;
        let counts = self.fold(&facts, context, trace, end)?;
        self.waves.check_starts(&self.reference, context, &new)?;
        self.check_open_requests(trace)?;
        self.check_state(&ledger)?;
        for event in events {
            self.check_event(event, &counts, before, context, trace)?;
        }
        starts::check(context, trace, &new, &self.resends)?;
        let ApplyEnd::RunOutcome(ended) = end else {
            return Ok(());
        };
        self.run.check_end(ended)?;
        answers::check_reread(&self.reference, context)?;
        if ended.why == StopReason::NothingLeft {
            let end = ending::FinalCheck {
                reference: &self.reference,
                context,
                ended,
                now: self.present(env, trace),
            };
            let waits = |person: &Recipient, ordinal, delivery: &Delivery| end.waits(person, ordinal, delivery);
            answers::check_left(&self.reference, context, &new, waits)?;
            self.check_own_doubts(context, &new, env.now())?;
        }
        recipients::check(&self.reference, context)
    }

    /// Starts again from these facts after the ledger was restored from an older copy. The requests since then are
    /// lost.
    fn restore(
        &mut self,
        context: CampaignApply<'_>,
        left: u64,
        facts: &[(u64, Fact)],
        requests: &mut [Request],
    ) -> Result<(), Violation> {
        self.reference = ReferenceState::default();
        self.waves.restore(left);
        for (batch, fact) in facts {
            if let Fact::WaveEnded { share, at } = fact {
                self.waves
                    .ended(&self.reference, context, *share, *batch, at.as_millisecond())?;
            }
            if let Fact::Acted { act, .. } = fact
                && let ActKind::Approved { share } = act.kind
            {
                self.waves.approved(share, *batch)?;
            }
            self.reference.take(*batch, fact, None)?;
        }
        self.reference.batches = left;
        self.resends.clear();
        self.open.clear();
        let ours = requests
            .iter_mut()
            .filter(|request| request.campaign == context.campaign.number && !request.lost);
        for request in ours {
            let delivery = self.reference.of_user(request.user, request.key.ordinal);
            let known = delivery.is_some_and(|delivery| {
                let is_last = delivery.attempts == request.attempt && delivery.intent <= request.durable;
                is_last || delivery.attempts > request.attempt
            });
            request.lost = !known;
        }
        Ok(())
    }

    /// Folds the new facts. Returns the counts after each of their batches.
    fn fold(
        &mut self,
        facts: &[(u64, Fact)],
        context: CampaignApply<'_>,
        trace: &Trace,
        end: &ApplyEnd,
    ) -> Result<Vec<[u64; 8]>, Violation> {
        let mut counts = vec![self.reference.counts()];
        let first = self.reference.batches;
        for (batch, fact) in facts {
            while first + counts.len() as u64 <= *batch {
                counts.push(self.reference.counts());
            }
            self.fact(*batch, fact, context, trace, end)?;
            let last = counts.len() - 1;
            counts[last] = self.reference.counts();
        }
        Ok(counts)
    }

    fn fact(
        &mut self,
        batch: u64,
        fact: &Fact,
        context: CampaignApply<'_>,
        trace: &Trace,
        end: &ApplyEnd,
    ) -> Result<(), Violation> {
        // An approval between two applies is recorded without one.
        let is_of_no_run = matches!(
            fact,
            Fact::RunBegan { .. } | Fact::OwnerChanged { .. } | Fact::Acted { .. } | Fact::RunApproved { .. }
        );
        if let (ApplyEnd::NotAdmitted(_), false) = (end, is_of_no_run) {
            return Err(Violation::new(
                "an audience that is not admitted changes nothing",
                format!("{fact:?}"),
            ));
        }
        let mut whose = AnswerOwner::Own;
        let mut to_be_stuck = false;
        match fact {
            Fact::RunBegan { at, .. } => {
                self.run = RunChecker::new(self.reference.newest.max(at.as_millisecond()));
            }
            Fact::Intent { key, .. } if self.run.halted.is_some() => {
                let why = self.run.halted.unwrap_or_default();
                return Err(Violation::new(
                    "nothing starts after a halt",
                    format!("{key:?} after {why}"),
                ));
            }
            Fact::Intent { key, at, .. } => {
                self.check_resend(*key, context.rules)?;
                self.check_max_coupons(*key, &context.campaign.settings)?;
                self.check_envelope(*key, at.as_millisecond(), context.campaign)?;
            }
            Fact::Withdrawn { key } => {
                let (intent, attempt) = {
                    let delivery = self.reference.delivery(*key)?;
                    (delivery.intent, delivery.attempts)
                };
                let sent = |open: &Request| {
                    open.key == *key && open.attempt == attempt && (intent..batch).contains(&open.durable)
                };
                if self.open.iter().any(sent) {
                    return Err(Violation::new(
                        "a withdrawn attempt was not sent",
                        format!("{key:?}, attempt {attempt}"),
                    ));
                }
            }
            Fact::Ended { key, outcome, .. } => {
                let attempt = self.reference.delivery(*key)?.attempts;
                let request = self.take_request(*key, attempt)?;
                whose = AnswerOwner::new(&self.reference, trace, &request);
                let before = self.reference.delivery(*key)?.clone();
                let former = before.unknown > 0 && request.activity != context.campaign.settings.activity;
                self.run
                    .on_answer(&self.reference, &before, &request, whose, former, outcome);
                let waits = matches!(outcome.proof, Proof::NotIssued(NotIssued::Wait | NotIssued::Halt));
                to_be_stuck = former && waits;
            }
            Fact::Closed(generation) => {
                let accepts = context.apply.accepts;
                if let Some(word) = generation.accepted.iter().find(|word| !accepts.has(word)) {
                    return Err(Violation::new("only a person accepts changes", word.clone()));
                }
            }
            Fact::WaveEnded { share, at } => {
                self.waves
                    .ended(&self.reference, context, *share, batch, at.as_millisecond())?;
            }
            Fact::Acted { act, .. } => {
                if let ActKind::Approved { share } = act.kind {
                    self.waves.approved(share, batch)?;
                }
            }
            _ => {}
        }
        let doubts = |reference: &mut ReferenceState, key: &DeliveryKey| {
            reference.delivery(*key).map(|delivery| delivery.unknown)
        };
        let doubtful = match fact {
            Fact::Ended { key, .. } => doubts(&mut self.reference, key)? > 0,
            _ => false,
        };
        self.reference.take(batch, fact, Some(context.now()))?;
        if let Fact::Ended { key, .. } = fact
            && !doubtful
            && doubts(&mut self.reference, key)? > 0
        {
            let attempt = self.reference.delivery(*key)?.attempts;
            self.run.doubts.insert(*key, attempt);
        }
        match fact {
            Fact::Intent { key, .. } => self.check_daily_limit(*key, &context.campaign.settings),
            Fact::Ended { key, .. } if whose == AnswerOwner::OtherDelivery => {
                match self.reference.delivery(*key)?.state {
                    StateName::InDoubt => Ok(()),
                    state => Err(Violation::new(
                        "an answer of another delivery settles nothing",
                        format!("{key:?} is {state} by it"),
                    )),
                }
            }
            Fact::Ended { key, .. } if to_be_stuck && !self.reference.delivery(*key)?.stuck => {
                Err(Violation::new(answers::FORMER, format!("{key:?} may be sent again")))
            }
            Fact::Ended { key, .. } if whose == AnswerOwner::Unknowable => {
                self.reference.delivery(*key)?.believed = true;
                Ok(())
            }
            Fact::Ended { key, outcome, .. } => self.check_settled(*key, outcome, context, trace),
            _ => Ok(()),
        }
    }

    /// A doubt is resent only if the file allows it. The age of the doubt is checked with the request.
    fn check_resend(&mut self, key: DeliveryKey, rules: &FixedSettings) -> Result<(), Violation> {
        let delivery = self.reference.delivery(key)?;
        if delivery.unknown == 0 {
            return Ok(());
        }
        if rules.asks_person {
            return Err(Violation::new("a doubt is not resent with ask", format!("{key:?}")));
        }
        let attempt = delivery.attempts + 1;
        let since = match self.run.doubts.get(&key) {
            Some(attempt) => DoubtSince::Attempt(*attempt),
            None => DoubtSince::Before(u64::try_from(self.run.began - delivery.since).unwrap_or_default()),
        };
        self.resends.insert((key, attempt), since);
        Ok(())
    }

    /// A run that has nothing left to send leaves no doubt of its own that it could still resend.
    fn check_own_doubts(&mut self, context: CampaignApply<'_>, new: &[Request], now: Nanos) -> Result<(), Violation> {
        let CampaignApply { rules, campaign, .. } = context;
        let longest = u64::try_from(longest_wait(rules)).unwrap_or_default();
        for (key, attempt) in &self.run.doubts {
            let user = self.reference.recipients[key.recipient as usize].user;
            let delivery = self.reference.delivery(*key)?;
            let waits = delivery.state != StateName::InDoubt
                || delivery.stuck
                || rules.asks_person
                || campaign.excluded.contains(&user)
                || key.ordinal > campaign.settings.coupons_per_user;
            let mut tries = new.iter().filter(|request| request.key == *key);
            let arrived = tries.clone().filter(|request| !request.was_not_sent()).count();
            let first = tries.find(|request| request.attempt == *attempt);
            let age = first.map_or(u64::MAX, |first| (now - first.start) / 1_000_000);
            let used_up = arrived as u64 >= u64::from(rules.attempts);
            if !(waits || used_up || age.saturating_add(longest) >= rules.resend_within) {
                let details = format!("u{user} coupon {} is in doubt for {age} ms", key.ordinal);
                return Err(Violation::new(
                    "no step of the clock leaves a doubt to a person",
                    details,
                ));
            }
        }
        Ok(())
    }

    fn check_max_coupons(&mut self, key: DeliveryKey, settings: &Settings) -> Result<(), Violation> {
        let known = self.reference.coupons_at_most();
        let new = self.reference.delivery(key)?.unknown == 0;
        if let Some(worth) = settings.worth.filter(|_| new) {
            // Nobody knows the value before the platform has stated it for the activity, so the first coupon of an
            // activity is sent alone, if the coupons before it leave room for any value.
            let known = known + self.reference.held();
            let is_known = worth.is_in_file || (worth.is_stated && self.reference.issued_by(settings.activity) > 0);
            let every_value_is_known = known == 0 || (worth.is_stated && known == self.reference.issued());
            let has_room = if is_known {
                (known + 1) * worth.each <= worth.most
            } else {
                every_value_is_known && known * worth.each < worth.most
            };
            if !has_room {
                return Err(Violation::new("max_worth", format!("{key:?} with {known} before it")));
            }
        }
        match settings.max_coupons {
            Some(most) if new && known >= most => {
                Err(Violation::new("max_coupons", format!("{key:?} with {known} before it")))
            }
            _ => Ok(()),
        }
    }

    /// A coupon that is added lies inside the approval that the apply goes by.
    fn check_envelope(&mut self, key: DeliveryKey, at: i64, campaign: &Campaign) -> Result<(), Violation> {
        let settings = &campaign.settings;
        let is_new = self.reference.delivery(key)?.unknown == 0;
        let Some(bounds) = settings.envelope.filter(|_| is_new) else {
            return Ok(());
        };
        let used = self.reference.coupons_at_most() + self.reference.held();
        let listed = campaign
            .listed
            .iter()
            .map(|listed| listed.user)
            .collect::<BTreeSet<_>>();
        let each = settings.worth.filter(|worth| worth.is_in_file).map(|worth| worth.each);
        let is_worth_too_much = |most| each.is_some_and(|each| (used + 1) * each > most);
        let is_outside = used >= bounds.coupons
            || bounds.most.is_some_and(is_worth_too_much)
            || bounds.until.is_some_and(|until| at >= MONDAY + until)
            || bounds.audience.is_some_and(|most| listed.len() as u64 > most);
        if is_outside {
            let details = format!("{key:?} at {} with {used} before it", crate::print::time(at));
            return Err(Violation::new(ENVELOPE, details));
        }
        Ok(())
    }

    fn check_daily_limit(&mut self, key: DeliveryKey, settings: &Settings) -> Result<(), Violation> {
        let day = day_of(self.reference.newest);
        let begun = self.reference.begun.get(&day).copied().unwrap_or_default();
        match settings.per_day {
            Some(most) if begun > most => Err(Violation::new(
                "per_day",
                format!("{begun} attempts on a day, {key:?} the last"),
            )),
            _ => Ok(()),
        }
    }

    /// Takes the request of an attempt that has ended, and checks that its intent was durable.
    fn take_request(&mut self, key: DeliveryKey, attempt: u32) -> Result<Request, Violation> {
        let delivery = self.reference.delivery(key)?.clone();
        let mut open = self.open.iter();
        let Some(at) = open.position(|open| open.key == key && open.attempt == attempt) else {
            let details = format!("{key:?}, attempt {attempt} ended and was never made");
            return Err(Violation::new("G5: the ledger says what has happened", details));
        };
        let request = self.open.remove(at);
        check_intent(&request, &delivery)?;
        Ok(request)
    }

    /// Checks that requests without an outcome have a durable intent.
    fn check_open_requests(&mut self, trace: &Trace) -> Result<(), Violation> {
        for request in std::mem::take(&mut self.open) {
            let delivery = self.reference.delivery(request.key)?;
            if delivery.state != StateName::InFlight || delivery.attempts != request.attempt {
                let details = format!(
                    "u{} attempt {} has none, of {}",
                    request.user,
                    request.attempt,
                    trace.requests.len()
                );
                return Err(Violation::new("no send without a durable intent", details));
            }
            check_intent(&request, delivery)?;
        }
        Ok(())
    }

    /// Checks the state of a settled delivery against what the platform did.
    fn check_settled(
        &mut self,
        key: DeliveryKey,
        outcome: &Outcome,
        context: CampaignApply<'_>,
        trace: &Trace,
    ) -> Result<(), Violation> {
        let mut requests = trace.requests.iter();
        let user = self
            .reference
            .recipients
            .get(key.recipient as usize)
            .map(|person| person.user);
        let of_delivery = |request: &&Request| {
            context.made(request) && Some(request.user) == user && request.key.ordinal == key.ordinal
        };
        let Some(request) = requests.find(of_delivery) else {
            return Ok(());
        };
        let id = request.id;
        let lost = trace.has_lost(request.campaign, request.user, key.ordinal);
        let delivery = self.reference.delivery(key)?;
        let proved = matches!(outcome.proof, Proof::Issued { .. }) && delivery.unknown == 0;
        match delivery.state {
            StateName::Issued if proved && !trace.has(id, delivery.activity) => Err(Violation::new(
                "G5: issued is what the platform gave",
                format!("{key:?} was given nothing"),
            )),
            // A person accepted what was issued before that.
            StateName::Refused if trace.may_have(id, delivery.risked, delivery.attempts) && !lost => {
                Err(Violation::new(
                    "G5: refused is what was not given",
                    format!("{key:?} may have a coupon"),
                ))
            }
            _ => Ok(()),
        }
    }

    /// Checks that the program's fold agrees with the reference.
    fn check_state(&self, ledger: &Ledger<Disk>) -> Result<(), Violation> {
        let ledger_state = ledger.state();
        if let Some(outside) = ledger_state.approved_attempts().first_outside {
            return Err(Violation::new(ENVELOPE, format!("the ledger names {outside:?}")));
        }
        for (recipient, person) in (0..).zip(&self.reference.recipients) {
            for (ordinal, delivery) in (1..).zip(&person.deliveries) {
                let folded = ledger_state.status(DeliveryKey { recipient, ordinal }).state.name();
                if folded != delivery.state {
                    let details = format!("u{} coupon {ordinal} is {}, not {folded}", person.user, delivery.state);
                    return Err(Violation::new("G5: the ledger says what its facts say", details));
                }
            }
        }
        Ok(())
    }

    /// Checks an event: it follows its flush, and its counts are right.
    fn check_event(
        &mut self,
        event: &EmittedEvent,
        counts: &[[u64; 8]],
        first: u64,
        context: CampaignApply<'_>,
        trace: &Trace,
    ) -> Result<(), Violation> {
        let at = usize::try_from(event.durable - first).unwrap_or_default();
        let here = counts.get(at).copied().unwrap_or_default();
        match &event.kind {
            EmittedKind::AttemptEnded { id, attempt, outcome } => {
                let request = trace.requests.iter().find(|request| request.id.as_str() == id);
                let delivery = request.and_then(|of| self.reference.of_user(of.user, of.key.ordinal));
                let delivery =
                    delivery.ok_or_else(|| Violation::new("an emitted outcome belongs to a delivery", id.clone()))?;
                let known = |ended: &EndedAttempt| {
                    ended.attempt == *attempt && ended.batch <= event.durable && ended.proof == outcome
                };
                if !delivery.ended.iter().any(known) {
                    let details = format!("{id}: attempt {attempt} was emitted as {outcome} before that was durable");
                    return Err(Violation::new("only durable outcomes are emitted", details));
                }
            }
            EmittedKind::Counted(settings) | EmittedKind::RunEnded(_, settings) => {
                if StateName::ALL.map(|state| settings.count(state)) != here {
                    let details = format!("emitted {}, and it is {here:?}", crate::env::describe_counts(settings));
                    return Err(Violation::new("G3: the sum is right", details));
                }
                let open: u64 = here[..5].iter().sum();
                if let EmittedKind::RunEnded(ending, _) = event.kind
                    && (open == 0) != (ending == Ending::Complete)
                {
                    return Err(Violation::new(
                        "G3: complete is a proof",
                        format!("{ending:?} with {here:?}"),
                    ));
                }
            }
            // A code that the file classifies as issued is believed.
            EmittedKind::AnotherLedger(_) if context.campaign.settings.unlisted == Some(Class::Issued) => {}
            EmittedKind::AnotherLedger(id) => {
                let is_lost = |request: &Request| request.lost && request.id.as_str() == id;
                if !trace.requests.iter().any(is_lost) {
                    return Err(Violation::new("there is no other ledger", id.clone()));
                }
            }
            EmittedKind::DueIn(ms) if *ms > longest_wait(context.rules) => {
                return Err(Violation::new(
                    "no step of the clock delays a delivery",
                    format!("due in {ms} ms"),
                ));
            }
            EmittedKind::DueIn(_) => {}
            EmittedKind::Approved(wave) => self.waves.check_emitted(context, *wave, event.durable)?,
        }
        Ok(())
    }
}

/// The longest wait before a delivery is due again, in milliseconds: ten minutes if the platform asks for it.
fn longest_wait(rules: &FixedSettings) -> i64 {
    let longest = rules.timeout.max(rules.max_delay).max(600_000);
    i64::try_from(longest).unwrap_or(i64::MAX)
}

/// No id has two coupons, unless a person accepted that or the ledger was restored from an older copy.
fn check_second_coupons(ledgers: &[LedgerChecker], trace: &Trace) -> Result<(), Violation> {
    let twice = &trace.second_coupons;
    for second in twice {
        let SecondCoupon { campaign, key, user } = *second;
        if trace.has_lost(campaign, user, key.ordinal) {
            continue;
        }
        let delivery = ledgers[campaign].reference.of_user(user, key.ordinal);
        let risks = delivery.map_or(0, |delivery| delivery.risks as usize);
        let many = twice.iter().filter(|other| **other == *second).count();
        if many > risks {
            let details = format!("u{user} has {} coupons of ordinal {}", many + 1, key.ordinal);
            return Err(Violation::new("G1: no user gets a coupon twice", details));
        }
    }
    Ok(())
}

/// Checks that the intent of a request was durable and had the same activity.
fn check_intent(request: &Request, delivery: &Delivery) -> Result<(), Violation> {
    let Request { user, durable, .. } = request;
    let Delivery { intent, activity, .. } = delivery;
    if durable < intent {
        let details = format!("u{user} was sent to when batch {durable} was durable, and the intent is in {intent}");
        return Err(Violation::new("no send without a durable intent", details));
    }
    if request.activity != *activity {
        let details = format!(
            "u{user} was sent to under activity {}, intended under {activity}",
            request.activity
        );
        return Err(Violation::new("no send without a durable intent", details));
    }
    Ok(())
}

/// The identity of a campaign's ledger.
pub fn identity(campaign: usize) -> Identity {
    Identity {
        campaign: CampaignName::parse(NAMES[campaign]).unwrap(),
        app_id: AppId::parse("tt1").unwrap(),
        platform: PlatformName::Live("https://open.douyin.com".to_owned()),
    }
}
