//! The judge. It knows the story, what was seen from outside, and what the ledger claims, and shares no decision with the
//! program: it has a fold, windows, days, seconds and sums of its own, each as naive as can be.

mod answers;
mod ending;
mod recipients;
mod reference_state;
mod starts;
mod waves;

use std::collections::BTreeMap;
use std::sync::Arc;

use runner::engine::StopReason;
use runner::ledger::{Fact, Ledger};
use runner::model::delivery::{DeliveryKey, StateName};
use runner::model::event::Ending;
use runner::model::identity::{AppId, CampaignName, Identity, PlatformName};
use runner::model::outcome::{Class, NotIssued, Outcome, Proof};

use crate::disk::Disk;
use crate::env::Env;
use crate::history::ApplyEnd;
use crate::scenario::{Apply, Campaign, FixedSettings, NAMES, Scenario, Settings};
use crate::trace::{EmittedEvent, EmittedKind, Nanos, Request, SecondCoupon, Trace};

use answers::{AnswerOwner, RunChecker};
use reference_state::{Delivery, FactContext, Recipient, ReferenceState, Wrong};
use waves::Waves;

/// Attempts at deliveries that were in doubt, and since when.
type Resends = BTreeMap<(DeliveryKey, u32), DoubtSince>;

/// Since when the delivery of an attempt was in doubt.
#[derive(Clone, Copy)]
enum DoubtSince {
    /// For so many milliseconds when the run began.
    Before(u64),
    /// Since this attempt of the run.
    Attempt(u32),
}

/// One campaign in one apply, by the story's own words.
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

    /// What a fact of this apply is judged by.
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

/// Judges a story as it goes on.
pub struct Checker {
    scenario: Scenario,
    /// By the numbers of their campaigns.
    ledgers: Vec<LedgerChecker>,
    /// How many requests were judged.
    judged: usize,
}

/// What the judge knows of one campaign's ledger.
#[derive(Default)]
struct LedgerChecker {
    reference: ReferenceState,
    waves: Waves,
    /// Requests whose outcome the ledger does not know yet.
    open: Vec<Request>,
    resends: Resends,
    run: RunChecker,
}

/// The day of a time by the wall, in the campaign's zone, whose clocks are never put forward or back.
fn day_of(wall: i64) -> i64 {
    (wall + 8 * 3_600_000).div_euclid(86_400_000)
}

/// The minute of its day.
fn minute_of(wall: i64) -> i64 {
    (wall + 8 * 3_600_000).rem_euclid(86_400_000) / 60_000
}

impl Checker {
    pub fn new(scenario: &Scenario) -> Self {
        Self {
            scenario: scenario.clone(),
            ledgers: scenario.campaigns.iter().map(|_| LedgerChecker::default()).collect(),
            judged: 0,
        }
    }

    /// Judges what has happened since the last time: in an apply whose campaigns ended so.
    pub async fn check(&mut self, env: &Arc<Env>, apply: &Apply, ends: &[ApplyEnd]) {
        env.give();
        let (scenario, ledgers) = (&self.scenario, &mut self.ledgers);
        for (campaign, end) in apply.campaigns.iter().zip(ends) {
            let context = CampaignApply::new(scenario, apply, campaign);
            let judged = ledgers[campaign.number].check(env, context, (self.judged, end)).await;
            if let Err((promise, how)) = judged {
                env.report_violation(promise, format!("{}{how}", env.campaign_prefix(campaign.number)));
            }
        }
        let judged = {
            let trace = &env.state().trace;
            let judged = starts::check_together((scenario, apply), trace, &trace.requests[self.judged..]);
            let judged = judged.and_then(|()| once(ledgers, trace));
            self.judged = trace.requests.len();
            judged
        };
        if let Err((promise, how)) = judged {
            env.report_violation(promise, how);
        }
    }

    /// Judges how a campaign has ended.
    pub fn check_end(&self, env: &Env, (apply, campaign): (&Apply, &Campaign), ended: &runner::engine::RunOutcome) {
        let state = env.state();
        let reference = &self.ledgers[campaign.number].reference;
        let twice = once(&self.ledgers, &state.trace);
        let end = ending::FinalCheck {
            reference,
            context: CampaignApply::new(&self.scenario, apply, campaign),
            ended,
            now: self.ledgers[campaign.number].present(env, &state.trace),
        };
        let judged = twice.and_then(|()| end.check(&state.trace));
        drop(state);
        if let Err((promise, how)) = judged {
            env.report_violation(promise, format!("{}{how}", env.campaign_prefix(campaign.number)));
        }
    }
}

impl LedgerChecker {
    /// The present by which doubts are too old: the later of the wall and the newest time, and within the run by the clock that
    /// nobody corrects.
    fn present(&self, env: &Env, trace: &Trace) -> i64 {
        let run_began = trace.began.last().copied().unwrap_or_default();
        let elapsed = (env.now() - run_began) / 1_000_000;
        let within_run = self.run.began + i64::try_from(elapsed).unwrap_or_default();
        self.reference.newest.max(env.wall()).max(within_run)
    }

    async fn check(
        &mut self,
        env: &Arc<Env>,
        context: CampaignApply<'_>,
        (judged, end): (usize, &ApplyEnd),
    ) -> Result<(), Wrong> {
        let number = context.campaign.number;
        let run = env.state().run;
        let failed = env.state().disks[number].failed;
        match end {
            ApplyEnd::Failed(why) if !failed => {
                return Err(("G7: after any crash the same command works", why.clone()));
            }
            ApplyEnd::TimedOut => {
                return Err(("a run ends when it has nothing left to do or is told to", String::new()));
            }
            _ => {}
        }
        {
            let state = env.state();
            let disk = &state.disks[number];
            if let Some(gone) = disk.gone {
                starts::stopped(context, &state.trace.requests[judged..], (disk, gone))?;
            }
        }
        let unreadable = |error| ("G7: after any crash the ledger can be read", format!("{error:?}"));
        let mut ledger = Ledger::open(Disk::quiet(env, number), identity(number))
            .await
            .map_err(unreadable)?;
        let (left, older) = {
            let disk = &mut env.state().disks[number];
            (disk.put_back.take(), disk.witness.is_newer)
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
            self.put_back(number, (left, &facts), &mut state.trace.requests[..judged])?;
            facts = rest;
        }
        let trace = &state.trace;
        let sent = trace.requests[judged..].iter().find(|request| context.made(request));
        if older && !context.apply.accepts.older_ledger && (sent.is_some() || !facts.is_empty()) {
            let how = format!(
                "it took {} facts and sent {:?}",
                facts.len(),
                sent.map(|request| request.user)
            );
            return Err((
                "a ledger older than its witness is used when a person accepts that",
                how,
            ));
        }
        let new = trace.requests[judged..].iter().filter(|request| context.made(request));
        let new: Vec<_> = new.cloned().collect();
        self.open.extend(new.iter().cloned());
        let told = trace.emitted.iter();
        let told: Vec<_> = told.filter(|told| told.run == run && told.campaign == number).collect();
        let before = self.reference.batches;
        let counts = self.fold(&facts, (context, trace), end)?;
        self.waves.starts(&self.reference, context, &new)?;
        self.open(trace)?;
        self.check_state(&ledger)?;
        for told in told {
            self.told(told, (&counts, before), (context, trace))?;
        }
        starts::check(context, trace, (&new, &self.resends))?;
        let ApplyEnd::RunOutcome(ended) = end else {
            return Ok(());
        };
        self.run.ended(ended)?;
        answers::read_again(&self.reference, context)?;
        if ended.why == StopReason::NothingLeft {
            let end = ending::FinalCheck {
                reference: &self.reference,
                context,
                ended,
                now: self.present(env, trace),
            };
            let waits = |person: &Recipient, ordinal, delivery: &Delivery| end.waits((person, ordinal), delivery);
            answers::left_behind(&self.reference, (context, &new), waits)?;
            self.nothing_left(context, &new, env.now())?;
        }
        recipients::check(&self.reference, context)
    }

    /// The ledger was put back from a copy that has these facts. What was sent since is known to nobody.
    fn put_back(
        &mut self,
        campaign: usize,
        (left, facts): (u64, &[(u64, Fact)]),
        requests: &mut [Request],
    ) -> Result<(), Wrong> {
        self.reference = ReferenceState::default();
        self.waves.put_back(left);
        for (batch, fact) in facts {
            if let Fact::WaveEnded { share, at } = fact {
                self.waves
                    .ended(&self.reference, campaign, (*share, *batch, at.as_millisecond()))?;
            }
            self.reference.take(*batch, fact, None)?;
        }
        self.reference.batches = left;
        self.resends.clear();
        self.open.clear();
        let ours = requests
            .iter_mut()
            .filter(|request| request.campaign == campaign && !request.lost);
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

    /// Folds the facts since the last time, and yields the counts behind each of their batches.
    fn fold(
        &mut self,
        facts: &[(u64, Fact)],
        (context, trace): (CampaignApply<'_>, &Trace),
        end: &ApplyEnd,
    ) -> Result<Vec<[u64; 8]>, Wrong> {
        let mut counts = vec![self.reference.counts()];
        let first = self.reference.batches;
        for (batch, fact) in facts {
            while first + counts.len() as u64 <= *batch {
                counts.push(self.reference.counts());
            }
            self.fact(*batch, fact, (context, trace), end)?;
            let last = counts.len() - 1;
            counts[last] = self.reference.counts();
        }
        Ok(counts)
    }

    fn fact(
        &mut self,
        batch: u64,
        fact: &Fact,
        (context, trace): (CampaignApply<'_>, &Trace),
        end: &ApplyEnd,
    ) -> Result<(), Wrong> {
        if let (ApplyEnd::NotAdmitted(_), false) = (end, matches!(fact, Fact::RunBegan { .. })) {
            return Err(("an audience that is not let in changes nothing", format!("{fact:?}")));
        }
        let (mut whose, mut to_be_stuck) = (AnswerOwner::Own, false);
        match fact {
            Fact::RunBegan { at, .. } => {
                self.run = RunChecker::new(self.reference.newest.max(at.as_millisecond()));
            }
            Fact::Intent { key, .. } if self.run.halted.is_some() => {
                let why = self.run.halted.unwrap_or_default();
                return Err(("nothing starts after a halt", format!("{key:?} after {why}")));
            }
            Fact::Intent { key, .. } => {
                self.again(*key, context.rules)?;
                self.fits(*key, context.campaign.settings.most)?;
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
                    return Err((
                        "what was called off was not sent",
                        format!("{key:?}, attempt {attempt}"),
                    ));
                }
            }
            Fact::Ended { key, outcome, .. } => {
                let attempt = self.reference.delivery(*key)?.attempts;
                let request = self.arrived(*key, attempt)?;
                whose = AnswerOwner::new(&self.reference, trace, &request);
                let before = self.reference.delivery(*key)?.clone();
                let former = before.unknown > 0 && request.activity != context.campaign.settings.activity;
                self.run
                    .answered(&self.reference, &before, (&request, whose, former), outcome);
                let waits = matches!(outcome.proof, Proof::NotIssued(NotIssued::Wait | NotIssued::Halt));
                to_be_stuck = former && waits;
            }
            Fact::Closed(generation) => {
                let accepts = context.apply.accepts;
                if let Some(word) = generation.accepted.iter().find(|word| !accepts.has(word)) {
                    return Err(("what is accepted, a person accepts", word.clone()));
                }
            }
            Fact::WaveEnded { share, at } => {
                self.waves.ended(
                    &self.reference,
                    context.campaign.number,
                    (*share, batch, at.as_millisecond()),
                )?;
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
            Fact::Intent { key, .. } => self.day(*key, &context.campaign.settings),
            Fact::Ended { key, .. } if whose == AnswerOwner::OtherDelivery => {
                match self.reference.delivery(*key)?.state {
                    StateName::InDoubt => Ok(()),
                    state => Err((
                        "an answer of another delivery settles nothing",
                        format!("{key:?} is {state} by it"),
                    )),
                }
            }
            Fact::Ended { key, .. } if to_be_stuck && !self.reference.delivery(*key)?.stuck => {
                Err((answers::FORMER, format!("{key:?} may be sent again")))
            }
            Fact::Ended { key, .. } if whose == AnswerOwner::Unknowable => {
                self.reference.delivery(*key)?.believed = true;
                Ok(())
            }
            Fact::Ended { key, outcome, .. } => self.settled(*key, outcome, (context, trace)),
            _ => Ok(()),
        }
    }

    /// A doubt is sent again only while the platform may know its id, and by nobody where a person is to be asked.
    fn again(&mut self, key: DeliveryKey, rules: &FixedSettings) -> Result<(), Wrong> {
        let delivery = self.reference.delivery(key)?;
        if delivery.unknown == 0 {
            return Ok(());
        }
        if rules.asks_person {
            return Err(("a doubt is not resent with ask", format!("{key:?}")));
        }
        let attempt = delivery.attempts + 1;
        let since = match self.run.doubts.get(&key) {
            Some(attempt) => DoubtSince::Attempt(*attempt),
            None => DoubtSince::Before(u64::try_from(self.run.began - delivery.since).unwrap_or_default()),
        };
        self.resends.insert((key, attempt), since);
        Ok(())
    }

    /// A run that has nothing left to send has left no doubt of its own that it may still resend.
    fn nothing_left(&mut self, context: CampaignApply<'_>, new: &[Request], now: Nanos) -> Result<(), Wrong> {
        let CampaignApply { rules, campaign, .. } = context;
        let longest = u64::try_from(longest_wait(rules)).unwrap_or_default();
        for (key, attempt) in &self.run.doubts {
            let user = self.reference.people[key.recipient as usize].user;
            let delivery = self.reference.delivery(*key)?;
            let waits = delivery.state != StateName::InDoubt
                || delivery.stuck
                || rules.asks_person
                || campaign.excluded.contains(&user)
                || key.ordinal > campaign.settings.coupons;
            let mut tries = new.iter().filter(|request| request.key == *key);
            let arrived = tries.clone().filter(|request| !request.was_not_sent()).count();
            let first = tries.find(|request| request.attempt == *attempt);
            let age = first.map_or(u64::MAX, |first| (now - first.start) / 1_000_000);
            let used_up = arrived as u64 >= u64::from(rules.attempts);
            if !(waits || used_up || age.saturating_add(longest) >= rules.resend_within) {
                let how = format!("u{user} coupon {} is in doubt for {age} ms", key.ordinal);
                return Err(("no step of the clock leaves a doubt to a person", how));
            }
        }
        Ok(())
    }

    /// A new coupon fits within the file's `max_coupons`.
    fn fits(&mut self, key: DeliveryKey, most: Option<u64>) -> Result<(), Wrong> {
        let known = self.reference.coupons_at_most();
        let new = self.reference.delivery(key)?.unknown == 0;
        match most {
            Some(most) if new && known >= most => Err(("max_coupons", format!("{key:?} with {known} before it"))),
            _ => Ok(()),
        }
    }

    fn day(&mut self, key: DeliveryKey, settings: &Settings) -> Result<(), Wrong> {
        let day = day_of(self.reference.newest);
        let begun = self.reference.begun.get(&day).copied().unwrap_or_default();
        match settings.per_day {
            Some(most) if begun > most => Err(("per_day", format!("{begun} attempts on a day, {key:?} the last"))),
            _ => Ok(()),
        }
    }

    /// The request of an attempt that has ended: it had a durable intent.
    fn arrived(&mut self, key: DeliveryKey, attempt: u32) -> Result<Request, Wrong> {
        let delivery = self.reference.delivery(key)?.clone();
        let mut open = self.open.iter();
        let Some(at) = open.position(|open| open.key == key && open.attempt == attempt) else {
            let how = format!("{key:?}, attempt {attempt} ended and was never made");
            return Err(("G5: the ledger says what has happened", how));
        };
        let request = self.open.remove(at);
        durable(&request, &delivery)?;
        Ok(request)
    }

    /// Requests whose outcome is not known have a durable intent.
    fn open(&mut self, trace: &Trace) -> Result<(), Wrong> {
        for request in std::mem::take(&mut self.open) {
            let delivery = self.reference.delivery(request.key)?;
            if delivery.state != StateName::InFlight || delivery.attempts != request.attempt {
                let how = format!(
                    "u{} attempt {} has none, of {}",
                    request.user,
                    request.attempt,
                    trace.requests.len()
                );
                return Err(("no send without a durable intent", how));
            }
            durable(&request, delivery)?;
        }
        Ok(())
    }

    /// What the ledger says of a settled delivery is what the platform did.
    fn settled(
        &mut self,
        key: DeliveryKey,
        outcome: &Outcome,
        (context, trace): (CampaignApply<'_>, &Trace),
    ) -> Result<(), Wrong> {
        let mut requests = trace.requests.iter();
        let user = self
            .reference
            .people
            .get(key.recipient as usize)
            .map(|person| person.user);
        let of_delivery = |request: &&Request| {
            context.made(request) && Some(request.user) == user && request.key.ordinal == key.ordinal
        };
        let Some(request) = requests.find(of_delivery) else {
            return Ok(());
        };
        let (id, lost) = (request.id, trace.has_lost(request.campaign, request.user, key.ordinal));
        let delivery = self.reference.delivery(key)?;
        let proved = matches!(outcome.proof, Proof::Issued { .. }) && delivery.unknown == 0;
        match delivery.state {
            StateName::Issued if proved && !trace.has(id, delivery.activity) => Err((
                "G5: issued is what the platform gave",
                format!("{key:?} was given nothing"),
            )),
            // A person has taken the risk of what was given before.
            StateName::Refused if trace.may_have(id, delivery.risked) && !lost => Err((
                "G5: refused is what was not given",
                format!("{key:?} may have a coupon"),
            )),
            _ => Ok(()),
        }
    }

    /// The program's fold is ours.
    fn check_state(&self, ledger: &Ledger<Disk>) -> Result<(), Wrong> {
        let ledger_state = ledger.state();
        for (recipient, person) in (0..).zip(&self.reference.people) {
            for (ordinal, delivery) in (1..).zip(&person.deliveries) {
                let folded = ledger_state.status(DeliveryKey { recipient, ordinal }).state.name();
                if folded != delivery.state {
                    let how = format!("u{} coupon {ordinal} is {}, not {folded}", person.user, delivery.state);
                    return Err(("G5: the ledger says what its facts say", how));
                }
            }
        }
        Ok(())
    }

    /// Nobody is told before the disk is, and sums are right.
    fn told(
        &mut self,
        told: &EmittedEvent,
        (counts, first): (&[[u64; 8]], u64),
        (context, trace): (CampaignApply<'_>, &Trace),
    ) -> Result<(), Wrong> {
        let at = usize::try_from(told.durable - first).unwrap_or_default();
        let here = counts.get(at).copied().unwrap_or_default();
        match &told.what {
            EmittedKind::AttemptEnded { id, attempt, outcome } => {
                let request = trace.requests.iter().find(|request| request.id.as_str() == id);
                let delivery = request.and_then(|of| self.reference.of_user(of.user, of.key.ordinal));
                let delivery = delivery.ok_or(("told", id.clone()))?;
                let known = |(ended, batch, word): &(u32, u64, &str)| {
                    ended == attempt && *batch <= told.durable && word == outcome
                };
                if !delivery.ended.iter().any(known) {
                    let how = format!("{id}: attempt {attempt} was told as {outcome} before that was durable");
                    return Err(("told only what is durable", how));
                }
            }
            EmittedKind::Counted(settings) | EmittedKind::RunEnded(_, settings) => {
                if StateName::ALL.map(|state| settings.count(state)) != here {
                    let how = format!("told {}, and it is {here:?}", crate::env::describe_counts(settings));
                    return Err(("G3: the sum is right", how));
                }
                let open: u64 = here[..5].iter().sum();
                if let EmittedKind::RunEnded(ending, _) = told.what
                    && (open == 0) != (ending == Ending::Complete)
                {
                    return Err(("G3: complete is a proof", format!("{ending:?} with {here:?}")));
                }
            }
            // A code that the file takes for a coupon is believed.
            EmittedKind::AnotherLedger(_) if context.campaign.settings.unlisted == Some(Class::Issued) => {}
            EmittedKind::AnotherLedger(id) => {
                let is_lost = |request: &Request| request.lost && request.id.as_str() == id;
                if !trace.requests.iter().any(is_lost) {
                    return Err(("there is no other ledger", id.clone()));
                }
            }
            EmittedKind::DueIn(ms) if *ms > longest_wait(context.rules) => {
                return Err(("no step of the clock delays anybody", format!("due in {ms} ms")));
            }
            EmittedKind::DueIn(_) => {}
        }
        Ok(())
    }
}

/// The longest wait before a delivery is due again, in milliseconds: ten minutes where the platform asks for it.
fn longest_wait(rules: &FixedSettings) -> i64 {
    let longest = rules.timeout.max(rules.delays.1).max(600_000);
    i64::try_from(longest).unwrap_or(i64::MAX)
}

/// No user has two coupons for one id, unless a person has taken that risk or the ledger was put back from an older copy.
fn once(ledgers: &[LedgerChecker], trace: &Trace) -> Result<(), Wrong> {
    let twice = &trace.twice;
    for second in twice {
        let SecondCoupon { campaign, key, user } = *second;
        if trace.has_lost(campaign, user, key.ordinal) {
            continue;
        }
        let delivery = ledgers[campaign].reference.of_user(user, key.ordinal);
        let risks = delivery.map_or(0, |delivery| delivery.risks as usize);
        let many = twice.iter().filter(|other| **other == *second).count();
        if many > risks {
            let how = format!("u{user} has {} coupons of ordinal {}", many + 1, key.ordinal);
            return Err(("G1: no user gets a coupon twice", how));
        }
    }
    Ok(())
}

/// The intent of a request is durable, and under the same activity.
fn durable(request: &Request, delivery: &Delivery) -> Result<(), Wrong> {
    let Request { user, durable, .. } = request;
    let Delivery { intent, activity, .. } = delivery;
    if durable < intent {
        let how = format!("u{user} was sent to when batch {durable} was durable, and the intent is in {intent}");
        return Err(("no send without a durable intent", how));
    }
    if request.activity != *activity {
        let how = format!(
            "u{user} was sent to under activity {}, intended under {activity}",
            request.activity
        );
        return Err(("no send without a durable intent", how));
    }
    Ok(())
}

fn identity(campaign: usize) -> Identity {
    Identity {
        campaign: CampaignName::parse(NAMES[campaign]).unwrap(),
        app_id: AppId::parse("tt1").unwrap(),
        platform: PlatformName::Live("https://open.douyin.com".to_owned()),
    }
}
