//! The judge. It knows the story, what was seen from outside, and what the ledger claims, and shares no decision with the
//! program: it has a fold, windows, days, seconds and sums of its own, each as naive as can be.

mod claims;
mod ending;
mod people;
mod starts;
mod waves;

use std::collections::BTreeMap;
use std::sync::Arc;

use runner::delivery::{DeliveryKey, StateName};
use runner::event::Ending;
use runner::identity::{AppId, CampaignName, Identity, PlatformName};
use runner::ledger::{Fact, Ledger};
use runner::outcome::Class;

use crate::disk::Disk;
use crate::edge::Beyond;
use crate::history::End;
use crate::seen::{Request, Saying, Seen, Told};
use crate::story::{Apply, Story};

use claims::{Claims, Wrong};
use waves::Waves;

/// Attempts at deliveries that were in doubt, and since when.
type Resends = BTreeMap<(DeliveryKey, u32), i64>;

/// Judges a story as it goes on.
pub struct Oracle {
    story: Story,
    claims: Claims,
    waves: Waves,
    /// How many requests were judged.
    judged: usize,
    /// Requests whose outcome the ledger does not know yet.
    open: Vec<Request>,
    resends: Resends,
}

/// The day of a time by the wall, in the campaign's zone, whose clocks are never put forward or back.
fn day_of(wall: i64) -> i64 {
    (wall + 8 * 3_600_000).div_euclid(86_400_000)
}

/// The minute of its day.
fn minute_of(wall: i64) -> i64 {
    (wall + 8 * 3_600_000).rem_euclid(86_400_000) / 60_000
}

impl Oracle {
    pub fn new(story: &Story) -> Self {
        Self {
            story: story.clone(),
            claims: Claims::default(),
            waves: Waves::default(),
            judged: 0,
            open: Vec::new(),
            resends: Resends::new(),
        }
    }

    /// Judges what has happened since the last time.
    pub async fn judge(&mut self, beyond: &Arc<Beyond>, apply: &Apply, end: &End) {
        beyond.give();
        if let Err((promise, how)) = self.look(beyond, apply, end).await {
            beyond.broke(promise, how);
        }
    }

    /// Judges how it has ended.
    pub fn judge_end(&self, beyond: &Beyond, apply: &Apply, ended: &runner::engine::Ended) {
        let state = beyond.state();
        let now = self.claims.newest.max(beyond.wall());
        let end = ending::End {
            claims: &self.claims,
            story: &self.story,
            apply,
            ended,
            now,
        };
        let judged = end.judge(&state.seen);
        drop(state);
        if let Err((promise, how)) = judged {
            beyond.broke(promise, how);
        }
    }

    async fn look(&mut self, beyond: &Arc<Beyond>, apply: &Apply, end: &End) -> Result<(), Wrong> {
        let run = beyond.state().run;
        let failed = beyond.state().disk.failed;
        match end {
            End::Failed(why) if !failed => return Err(("G7: after any crash the same command works", why.clone())),
            End::WentOn => return Err(("a run ends when it has nothing left to do or is told to", String::new())),
            _ => {}
        }
        let unreadable = |error| ("G7: after any crash the ledger can be read", format!("{error:?}"));
        let mut ledger = Ledger::open(Disk::quiet(beyond), identity())
            .await
            .map_err(unreadable)?;
        let (mut facts, known) = (Vec::new(), self.claims.batches);
        let show = |batch, fact| {
            if batch > known {
                facts.push((batch, fact));
            }
        };
        ledger.facts(show).await.map_err(unreadable)?;
        let state = beyond.state();
        let seen = &state.seen;
        let new = &seen.requests[self.judged..];
        self.judged = seen.requests.len();
        self.open.extend(new.iter().cloned());
        let told: Vec<_> = seen.told.iter().filter(|told| told.run == run).collect();
        let before = self.claims.batches;
        let counts = self.fold(&facts, (apply, seen), end)?;
        self.waves.starts(&self.claims, (&self.story, apply), new)?;
        self.open(seen)?;
        self.held_against(&ledger)?;
        for told in told {
            self.told(told, (&counts, before), (apply, seen))?;
        }
        starts::judge((&self.story, apply), seen, (new, &self.resends))?;
        match end {
            End::Ended(_) => people::judge(&self.claims, (&self.story, apply)),
            _ => Ok(()),
        }
    }

    /// Folds the facts since the last time, and yields the counts behind each of their batches.
    fn fold(
        &mut self,
        facts: &[(u64, Fact)],
        (apply, seen): (&Apply, &Seen),
        end: &End,
    ) -> Result<Vec<[u64; 8]>, Wrong> {
        let mut counts = vec![self.claims.counts()];
        let first = self.claims.batches;
        for (batch, fact) in facts {
            while first + counts.len() as u64 <= *batch {
                counts.push(self.claims.counts());
            }
            self.fact(*batch, fact, (apply, seen), end)?;
            let last = counts.len() - 1;
            counts[last] = self.claims.counts();
        }
        Ok(counts)
    }

    fn fact(&mut self, batch: u64, fact: &Fact, (apply, seen): (&Apply, &Seen), end: &End) -> Result<(), Wrong> {
        if let (End::NotLetIn(_), false) = (end, matches!(fact, Fact::RunBegan { .. })) {
            return Err(("an audience that is not let in changes nothing", format!("{fact:?}")));
        }
        match fact {
            Fact::Intent { key, at, .. } => self.again(*key, at.as_millisecond())?,
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
            Fact::Ended { key, .. } => {
                let attempt = self.claims.delivery(*key)?.attempts;
                self.arrived(*key, attempt)?;
            }
            Fact::WaveEnded { share, at } => {
                self.waves.ended(&self.claims, (*share, batch, at.as_millisecond()))?;
            }
            _ => {}
        }
        self.claims.take(batch, fact)?;
        match fact {
            Fact::Intent { key, .. } => self.day(*key, apply),
            Fact::Ended { key, .. } => self.settled(*key, seen),
            _ => Ok(()),
        }
    }

    /// A doubt is sent again only while the platform may know its id, and by nobody where a person is to be asked.
    fn again(&mut self, key: DeliveryKey, at: i64) -> Result<(), Wrong> {
        let (now, rules) = (self.claims.newest.max(at), self.story.rules.clone());
        let delivery = self.claims.delivery(key)?;
        if delivery.unknown == 0 {
            return Ok(());
        }
        let attempt = delivery.attempts + 1;
        let age = u64::try_from(now - delivery.since).unwrap_or_default();
        self.resends.insert((key, attempt), delivery.since);
        if rules.ask || age > rules.resend_within {
            return Err((
                "a doubt is resent within resend_within, and not with ask",
                format!("{key:?}, after {age} ms"),
            ));
        }
        Ok(())
    }

    fn day(&mut self, key: DeliveryKey, apply: &Apply) -> Result<(), Wrong> {
        let day = day_of(self.claims.newest);
        let begun = self.claims.begun.get(&day).copied().unwrap_or_default();
        match apply.said.per_day {
            Some(most) if begun > most => Err(("per_day", format!("{begun} attempts on a day, {key:?} the last"))),
            _ => Ok(()),
        }
    }

    /// The request of an attempt that has ended: it had a durable intent.
    fn arrived(&mut self, key: DeliveryKey, attempt: u32) -> Result<(), Wrong> {
        let intent = self.claims.delivery(key)?.intent;
        let mut open = self.open.iter();
        let Some(at) = open.position(|open| open.key == key && open.attempt == attempt) else {
            let how = format!("{key:?}, attempt {attempt} ended and was never made");
            return Err(("G5: the ledger says what has happened", how));
        };
        let request = self.open.remove(at);
        durable(&request, intent)
    }

    /// Requests whose outcome is not known have a durable intent.
    fn open(&mut self, seen: &Seen) -> Result<(), Wrong> {
        for request in std::mem::take(&mut self.open) {
            let delivery = self.claims.delivery(request.key)?;
            if delivery.state != StateName::InFlight || delivery.attempts != request.attempt {
                let how = format!(
                    "u{} attempt {} has none, of {}",
                    request.user,
                    request.attempt,
                    seen.requests.len()
                );
                return Err(("no send without a durable intent", how));
            }
            durable(&request, delivery.intent)?;
        }
        Ok(())
    }

    /// What the ledger says of a settled delivery is what the platform did.
    fn settled(&mut self, key: DeliveryKey, seen: &Seen) -> Result<(), Wrong> {
        let Some(id) = seen
            .requests
            .iter()
            .find(|request| request.key == key)
            .map(|request| request.id)
        else {
            return Ok(());
        };
        let delivery = self.claims.delivery(key)?;
        match delivery.state {
            StateName::Issued if !seen.has(id) && delivery.unknown == 0 => Err((
                "G5: issued is what the platform gave",
                format!("{key:?} was given nothing"),
            )),
            StateName::Refused if seen.may_have(id) => Err((
                "G5: refused is what was not given",
                format!("{key:?} may have a coupon"),
            )),
            _ => Ok(()),
        }
    }

    /// The program's fold is ours.
    fn held_against(&self, ledger: &Ledger<Disk>) -> Result<(), Wrong> {
        let book = ledger.book();
        for (recipient, person) in (0..).zip(&self.claims.people) {
            for (ordinal, delivery) in (1..).zip(&person.deliveries) {
                let said = book.standing(DeliveryKey { recipient, ordinal }).state.name();
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
        (apply, seen): (&Apply, &Seen),
    ) -> Result<(), Wrong> {
        let at = usize::try_from(told.durable - first).unwrap_or_default();
        let here = counts.get(at).copied().unwrap_or_default();
        match &told.what {
            Saying::Ended { id, attempt, outcome } => {
                let request = seen.requests.iter().find(|request| request.id.as_str() == id);
                let key = request.map(|request| request.key).ok_or(("told", id.clone()))?;
                let delivery = self.claims.delivery(key)?;
                let known = |(ended, batch, word): &(u32, u64, &str)| {
                    ended == attempt && *batch <= told.durable && word == outcome
                };
                if !delivery.ended.iter().any(known) {
                    let how = format!("{key:?}: attempt {attempt} was told as {outcome} before that was durable");
                    return Err(("told only what is durable", how));
                }
            }
            Saying::Counted(said) | Saying::RunEnded(_, said) => {
                if StateName::ALL.map(|state| said.of(state)) != here {
                    let how = format!("told {}, and it is {here:?}", crate::edge::counted(said));
                    return Err(("G3: the sum is right", how));
                }
                let open: u64 = here[..5].iter().sum();
                if let Saying::RunEnded(ending, _) = told.what
                    && (open == 0) != (ending == Ending::Complete)
                {
                    return Err(("G3: complete is a proof", format!("{ending:?} with {here:?}")));
                }
            }
            // Whoever says that a code means a coupon has it believed.
            Saying::AnotherLedger if apply.said.unlisted == Some(Class::Issued) => {}
            Saying::AnotherLedger => return Err(("there is no other ledger", String::new())),
        }
        Ok(())
    }
}

fn durable(request: &Request, intent: u64) -> Result<(), Wrong> {
    if request.durable < intent {
        let (user, durable) = (request.user, request.durable);
        let how = format!("u{user} was sent to when batch {durable} was durable, and the intent is in {intent}");
        return Err(("no send without a durable intent", how));
    }
    Ok(())
}

fn identity() -> Identity {
    Identity {
        campaign: CampaignName::parse("summer").unwrap(),
        app_id: AppId::parse("tt1").unwrap(),
        platform: PlatformName::Live("https://open.douyin.com".to_owned()),
    }
}
