//! The judge. It knows the story, what was seen from outside, and what the ledger claims, and shares no decision with the
//! program: it has a fold, windows, days, seconds and sums of its own, each as naive as can be.

mod answers;
mod claims;
mod ending;
mod people;
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
use crate::history::End;
use crate::scenario::{Apply, Campaign, NAMES, Rules, Said, Scenario};
use crate::trace::{At, Request, Saying, Told, Trace, Twice};

use answers::{JudgedRun, Whose};
use claims::{Claims, Delivery, Now, Person, Wrong};
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
struct Part<'s> {
    scenario: &'s Scenario,
    rules: &'s Rules,
    apply: &'s Apply,
    campaign: &'s Campaign,
}

impl<'s> Part<'s> {
    fn new(scenario: &'s Scenario, apply: &'s Apply, campaign: &'s Campaign) -> Self {
        Self {
            scenario,
            rules: &scenario.campaigns[campaign.number],
            apply,
            campaign,
        }
    }

    /// What a fact of this apply is judged by.
    fn now(&self) -> Now<'s> {
        Now {
            said: &self.campaign.said,
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
    ledgers: Vec<JudgedLedger>,
    /// How many requests were judged.
    judged: usize,
}

/// What the judge knows of one campaign's ledger.
#[derive(Default)]
struct JudgedLedger {
    claims: Claims,
    waves: Waves,
    /// Requests whose outcome the ledger does not know yet.
    open: Vec<Request>,
    resends: Resends,
    run: JudgedRun,
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
            ledgers: scenario.campaigns.iter().map(|_| JudgedLedger::default()).collect(),
            judged: 0,
        }
    }

    /// Judges what has happened since the last time: in an apply whose campaigns ended so.
    pub async fn judge(&mut self, env: &Arc<Env>, apply: &Apply, ends: &[End]) {
        env.give();
        let (scenario, ledgers) = (&self.scenario, &mut self.ledgers);
        for (campaign, end) in apply.campaigns.iter().zip(ends) {
            let part = Part::new(scenario, apply, campaign);
            let judged = ledgers[campaign.number].judge(env, part, (self.judged, end)).await;
            if let Err((promise, how)) = judged {
                env.broke(promise, format!("{}{how}", env.name_of(campaign.number)));
            }
        }
        let judged = {
            let trace = &env.state().trace;
            let judged = starts::judge_together((scenario, apply), trace, &trace.requests[self.judged..]);
            let judged = judged.and_then(|()| once(ledgers, trace));
            self.judged = trace.requests.len();
            judged
        };
        if let Err((promise, how)) = judged {
            env.broke(promise, how);
        }
    }

    /// Judges how a campaign has ended.
    pub fn judge_end(&self, env: &Env, (apply, campaign): (&Apply, &Campaign), ended: &runner::engine::RunOutcome) {
        let state = env.state();
        let claims = &self.ledgers[campaign.number].claims;
        let twice = once(&self.ledgers, &state.trace);
        let end = ending::End {
            claims,
            part: Part::new(&self.scenario, apply, campaign),
            ended,
            now: self.ledgers[campaign.number].present(env, &state.trace),
        };
        let judged = twice.and_then(|()| end.judge(&state.trace));
        drop(state);
        if let Err((promise, how)) = judged {
            env.broke(promise, format!("{}{how}", env.name_of(campaign.number)));
        }
    }
}

impl JudgedLedger {
    /// The present by which doubts are too old: the later of the wall and the newest time, and within the run by the clock that
    /// nobody corrects.
    fn present(&self, env: &Env, trace: &Trace) -> i64 {
        let run_began = trace.began.last().copied().unwrap_or_default();
        let elapsed = (env.now() - run_began) / 1_000_000;
        let within_run = self.run.began + i64::try_from(elapsed).unwrap_or_default();
        self.claims.newest.max(env.wall()).max(within_run)
    }

    async fn judge(&mut self, env: &Arc<Env>, part: Part<'_>, (judged, end): (usize, &End)) -> Result<(), Wrong> {
        let number = part.campaign.number;
        let run = env.state().run;
        let failed = env.state().disks[number].failed;
        match end {
            End::Failed(why) if !failed => return Err(("G7: after any crash the same command works", why.clone())),
            End::WentOn => return Err(("a run ends when it has nothing left to do or is told to", String::new())),
            _ => {}
        }
        {
            let state = env.state();
            let disk = &state.disks[number];
            if let Some(gone) = disk.gone {
                starts::stopped(part, &state.trace.requests[judged..], (disk, gone))?;
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
        let known = left.map_or(self.claims.batches, |_| 0);
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
        let sent = trace.requests[judged..].iter().find(|request| part.made(request));
        if older && !part.apply.accepts.older_ledger && (sent.is_some() || !facts.is_empty()) {
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
        let new = trace.requests[judged..].iter().filter(|request| part.made(request));
        let new: Vec<_> = new.cloned().collect();
        self.open.extend(new.iter().cloned());
        let told = trace.told.iter();
        let told: Vec<_> = told.filter(|told| told.run == run && told.campaign == number).collect();
        let before = self.claims.batches;
        let counts = self.fold(&facts, (part, trace), end)?;
        self.waves.starts(&self.claims, part, &new)?;
        self.open(trace)?;
        self.held_against(&ledger)?;
        for told in told {
            self.told(told, (&counts, before), (part, trace))?;
        }
        starts::judge(part, trace, (&new, &self.resends))?;
        let End::RunOutcome(ended) = end else { return Ok(()) };
        self.run.ended(ended)?;
        answers::read_again(&self.claims, part)?;
        if ended.why == StopReason::NothingLeft {
            let end = ending::End {
                claims: &self.claims,
                part,
                ended,
                now: self.present(env, trace),
            };
            let waits = |person: &Person, ordinal, delivery: &Delivery| end.waits((person, ordinal), delivery);
            answers::left_behind(&self.claims, (part, &new), waits)?;
            self.nothing_left(part, &new, env.now())?;
        }
        people::judge(&self.claims, part)
    }

    /// The ledger was put back from a copy that has these facts. What was sent since is known to nobody.
    fn put_back(
        &mut self,
        campaign: usize,
        (left, facts): (u64, &[(u64, Fact)]),
        requests: &mut [Request],
    ) -> Result<(), Wrong> {
        self.claims = Claims::default();
        self.waves.put_back(left);
        for (batch, fact) in facts {
            if let Fact::WaveEnded { share, at } = fact {
                self.waves
                    .ended(&self.claims, campaign, (*share, *batch, at.as_millisecond()))?;
            }
            self.claims.take(*batch, fact, None)?;
        }
        self.claims.batches = left;
        self.resends.clear();
        self.open.clear();
        let ours = requests
            .iter_mut()
            .filter(|request| request.campaign == campaign && !request.lost);
        for request in ours {
            let delivery = self.claims.of_user(request.user, request.key.ordinal);
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
        (part, trace): (Part<'_>, &Trace),
        end: &End,
    ) -> Result<Vec<[u64; 8]>, Wrong> {
        let mut counts = vec![self.claims.counts()];
        let first = self.claims.batches;
        for (batch, fact) in facts {
            while first + counts.len() as u64 <= *batch {
                counts.push(self.claims.counts());
            }
            self.fact(*batch, fact, (part, trace), end)?;
            let last = counts.len() - 1;
            counts[last] = self.claims.counts();
        }
        Ok(counts)
    }

    fn fact(&mut self, batch: u64, fact: &Fact, (part, trace): (Part<'_>, &Trace), end: &End) -> Result<(), Wrong> {
        if let (End::NotLetIn(_), false) = (end, matches!(fact, Fact::RunBegan { .. })) {
            return Err(("an audience that is not let in changes nothing", format!("{fact:?}")));
        }
        let (mut whose, mut to_be_stuck) = (Whose::Own, false);
        match fact {
            Fact::RunBegan { at, .. } => {
                self.run = JudgedRun::new(self.claims.newest.max(at.as_millisecond()));
            }
            Fact::Intent { key, .. } if self.run.halted.is_some() => {
                let why = self.run.halted.unwrap_or_default();
                return Err(("nothing starts after a halt", format!("{key:?} after {why}")));
            }
            Fact::Intent { key, .. } => {
                self.again(*key, part.rules)?;
                self.fits(*key, part.campaign.said.most)?;
            }
            Fact::Withdrawn { key } => {
                let (intent, attempt) = {
                    let delivery = self.claims.delivery(*key)?;
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
                let attempt = self.claims.delivery(*key)?.attempts;
                let request = self.arrived(*key, attempt)?;
                whose = Whose::new(&self.claims, trace, &request);
                let before = self.claims.delivery(*key)?.clone();
                let former = before.unknown > 0 && request.activity != part.campaign.said.activity;
                self.run
                    .answered(&self.claims, &before, (&request, whose, former), outcome);
                let waits = matches!(outcome.proof, Proof::NotIssued(NotIssued::Wait | NotIssued::Halt));
                to_be_stuck = former && waits;
            }
            Fact::Closed(generation) => {
                let accepts = part.apply.accepts;
                if let Some(word) = generation.accepted.iter().find(|word| !accepts.has(word)) {
                    return Err(("what is accepted, a person accepts", word.clone()));
                }
            }
            Fact::WaveEnded { share, at } => {
                self.waves
                    .ended(&self.claims, part.campaign.number, (*share, batch, at.as_millisecond()))?;
            }
            _ => {}
        }
        let doubts = |claims: &mut Claims, key: &DeliveryKey| claims.delivery(*key).map(|delivery| delivery.unknown);
        let doubtful = match fact {
            Fact::Ended { key, .. } => doubts(&mut self.claims, key)? > 0,
            _ => false,
        };
        self.claims.take(batch, fact, Some(part.now()))?;
        if let Fact::Ended { key, .. } = fact
            && !doubtful
            && doubts(&mut self.claims, key)? > 0
        {
            let attempt = self.claims.delivery(*key)?.attempts;
            self.run.doubts.insert(*key, attempt);
        }
        match fact {
            Fact::Intent { key, .. } => self.day(*key, &part.campaign.said),
            Fact::Ended { key, .. } if whose == Whose::Anothers => match self.claims.delivery(*key)?.state {
                StateName::InDoubt => Ok(()),
                state => Err((
                    "an answer of another delivery settles nothing",
                    format!("{key:?} is {state} by it"),
                )),
            },
            Fact::Ended { key, .. } if to_be_stuck && !self.claims.delivery(*key)?.stuck => {
                Err((answers::FORMER, format!("{key:?} may be sent again")))
            }
            Fact::Ended { key, .. } if whose == Whose::Unknowable => {
                self.claims.delivery(*key)?.believed = true;
                Ok(())
            }
            Fact::Ended { key, outcome, .. } => self.settled(*key, outcome, (part, trace)),
            _ => Ok(()),
        }
    }

    /// A doubt is sent again only while the platform may know its id, and by nobody where a person is to be asked.
    fn again(&mut self, key: DeliveryKey, rules: &Rules) -> Result<(), Wrong> {
        let delivery = self.claims.delivery(key)?;
        if delivery.unknown == 0 {
            return Ok(());
        }
        if rules.ask {
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
    fn nothing_left(&mut self, part: Part<'_>, new: &[Request], now: At) -> Result<(), Wrong> {
        let Part { rules, campaign, .. } = part;
        let longest = u64::try_from(longest_wait(rules)).unwrap_or_default();
        for (key, attempt) in &self.run.doubts {
            let user = self.claims.people[key.recipient as usize].user;
            let delivery = self.claims.delivery(*key)?;
            let waits = delivery.state != StateName::InDoubt
                || delivery.stuck
                || rules.ask
                || campaign.excluded.contains(&user)
                || key.ordinal > campaign.said.coupons;
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
        let known = self.claims.coupons_at_most();
        let new = self.claims.delivery(key)?.unknown == 0;
        match most {
            Some(most) if new && known >= most => Err(("max_coupons", format!("{key:?} with {known} before it"))),
            _ => Ok(()),
        }
    }

    fn day(&mut self, key: DeliveryKey, said: &Said) -> Result<(), Wrong> {
        let day = day_of(self.claims.newest);
        let begun = self.claims.begun.get(&day).copied().unwrap_or_default();
        match said.per_day {
            Some(most) if begun > most => Err(("per_day", format!("{begun} attempts on a day, {key:?} the last"))),
            _ => Ok(()),
        }
    }

    /// The request of an attempt that has ended: it had a durable intent.
    fn arrived(&mut self, key: DeliveryKey, attempt: u32) -> Result<Request, Wrong> {
        let delivery = self.claims.delivery(key)?.clone();
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
            let delivery = self.claims.delivery(request.key)?;
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
    fn settled(&mut self, key: DeliveryKey, outcome: &Outcome, (part, trace): (Part<'_>, &Trace)) -> Result<(), Wrong> {
        let mut requests = trace.requests.iter();
        let user = self.claims.people.get(key.recipient as usize).map(|person| person.user);
        let of_delivery =
            |request: &&Request| part.made(request) && Some(request.user) == user && request.key.ordinal == key.ordinal;
        let Some(request) = requests.find(of_delivery) else {
            return Ok(());
        };
        let (id, lost) = (request.id, trace.has_lost(request.campaign, request.user, key.ordinal));
        let delivery = self.claims.delivery(key)?;
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
    fn held_against(&self, ledger: &Ledger<Disk>) -> Result<(), Wrong> {
        let ledger_state = ledger.state();
        for (recipient, person) in (0..).zip(&self.claims.people) {
            for (ordinal, delivery) in (1..).zip(&person.deliveries) {
                let said = ledger_state.status(DeliveryKey { recipient, ordinal }).state.name();
                if said != delivery.state {
                    let how = format!("u{} coupon {ordinal} is {}, not {said}", person.user, delivery.state);
                    return Err(("G5: the ledger says what its facts say", how));
                }
            }
        }
        Ok(())
    }

    /// Nobody is told before the disk is, and sums are right.
    fn told(
        &mut self,
        told: &Told,
        (counts, first): (&[[u64; 8]], u64),
        (part, trace): (Part<'_>, &Trace),
    ) -> Result<(), Wrong> {
        let at = usize::try_from(told.durable - first).unwrap_or_default();
        let here = counts.get(at).copied().unwrap_or_default();
        match &told.what {
            Saying::RunOutcome { id, attempt, outcome } => {
                let request = trace.requests.iter().find(|request| request.id.as_str() == id);
                let delivery = request.and_then(|of| self.claims.of_user(of.user, of.key.ordinal));
                let delivery = delivery.ok_or(("told", id.clone()))?;
                let known = |(ended, batch, word): &(u32, u64, &str)| {
                    ended == attempt && *batch <= told.durable && word == outcome
                };
                if !delivery.ended.iter().any(known) {
                    let how = format!("{id}: attempt {attempt} was told as {outcome} before that was durable");
                    return Err(("told only what is durable", how));
                }
            }
            Saying::Counted(said) | Saying::RunEnded(_, said) => {
                if StateName::ALL.map(|state| said.count(state)) != here {
                    let how = format!("told {}, and it is {here:?}", crate::env::counted(said));
                    return Err(("G3: the sum is right", how));
                }
                let open: u64 = here[..5].iter().sum();
                if let Saying::RunEnded(ending, _) = told.what
                    && (open == 0) != (ending == Ending::Complete)
                {
                    return Err(("G3: complete is a proof", format!("{ending:?} with {here:?}")));
                }
            }
            // A code that the file takes for a coupon is believed.
            Saying::AnotherLedger(_) if part.campaign.said.unlisted == Some(Class::Issued) => {}
            Saying::AnotherLedger(id) => {
                let is_lost = |request: &Request| request.lost && request.id.as_str() == id;
                if !trace.requests.iter().any(is_lost) {
                    return Err(("there is no other ledger", id.clone()));
                }
            }
            Saying::DueIn(ms) if *ms > longest_wait(part.rules) => {
                return Err(("no step of the clock delays anybody", format!("due in {ms} ms")));
            }
            Saying::DueIn(_) => {}
        }
        Ok(())
    }
}

/// The longest wait before a delivery is due again, in milliseconds: ten minutes where the platform asks for it.
fn longest_wait(rules: &Rules) -> i64 {
    let longest = rules.timeout.max(rules.delays.1).max(600_000);
    i64::try_from(longest).unwrap_or(i64::MAX)
}

/// No user has two coupons for one id, unless a person has taken that risk or the ledger was put back from an older copy.
fn once(ledgers: &[JudgedLedger], trace: &Trace) -> Result<(), Wrong> {
    let twice = &trace.twice;
    for second in twice {
        let Twice { campaign, key, user } = *second;
        if trace.has_lost(campaign, user, key.ordinal) {
            continue;
        }
        let delivery = ledgers[campaign].claims.of_user(user, key.ordinal);
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
