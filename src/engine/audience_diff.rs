//! Convergence: what the source names now, held against what the ledger knows.
//!
//! Rows stream in and leave a bit, or one entry, for each user. The decision behind them is pure: either everything that
//! is to be added to the ledger, or every reason why nothing is.

mod accept;
mod choice;
mod diff;
mod effects;
mod excluded;
mod facts;
mod gathered;
mod refusal;
mod sequence;
mod survey;

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;

use crate::audience::{self, Activity, AudienceError, Batch, Next, Row, Source, Totals};
use crate::campaign::share_written;
use crate::ledger::open_id_arena::pack;
use crate::ledger::{Generation, LedgerState, Present, Spill};
use crate::model::bucketing::{Bucketing, KEPT_OUT};
use crate::model::delivery::{Away, Counts, DeliveryKey, Skipped, State, StateName};
use crate::model::event::{Reading, Rows, UnusableKind};
use crate::model::identity::{Identity, OpenId};
use crate::model::mutants::mutant;
use crate::model::outcome::Class;
use crate::plan::{ExpiryRule, Plan, fingerprint};

use super::send_order::SendOrder;
use choice::Choice;
use effects::Effects;
use gathered::{NewOpenIds, NumberSet};
use sequence::{Active, Sequence};
use survey::Survey;

pub use accept::{Accept, UnknownChange};
pub use diff::{Acceptance, Diff, Found};
pub use excluded::Exclusion;
pub use facts::Changes;
pub use gathered::OpenIds;
pub use refusal::{CLOCK_HELP, Change, MaxCouponsSum, Refusal, owed_again};

/// The rows of one reading, gathered against what the ledger knows.
pub struct DiffBuilder<'b> {
    ledger_state: &'b LedgerState,
    /// Whether it matters when a user was last active.
    dated: bool,
    excluded: Exclusion<'b>,
    named: NumberSet,
    newcomers: NewOpenIds,
    /// The open_id that is looked for.
    packed: Vec<u8>,
    sequence: Sequence,
    activity: Active,
    rows: RowsRead,
    /// That the ledger is older than its witness.
    older_ledger: Option<Change>,
}

/// What became of the rows.
#[derive(Default)]
struct RowsRead {
    listed: u64,
    repeated: Rows,
    unusable: BTreeMap<UnusableKind, Rows>,
    undated: Rows,
    too_many: bool,
}

/// By what an audience is let in.
#[derive(Clone, Copy)]
pub struct Terms<'t> {
    /// What the campaign means now.
    pub plan: &'t Plan,
    /// What was read in the end.
    pub totals: &'t Totals,
    /// The changes that a person says are meant.
    pub accepted: &'t [Accept],
    /// Whether this is a rehearsal, which asks for no acceptance.
    pub rehearsal: bool,
    /// What a code of the platform means by the campaign's file.
    pub class: &'t dyn Fn(i64) -> Class,
    /// What the wall clock says.
    pub wall: Timestamp,
}

impl Terms<'_> {
    /// What time it is for an apply that lets an audience in by these.
    fn present(&self, ledger_state: &LedgerState) -> Present {
        ledger_state.present_of_apply(self.wall)
    }
}

/// An audience that is let in: what the ledger has yet to be told, and what a person may be told.
#[derive(Debug)]
pub struct Admission {
    /// What the ledger is to be told.
    pub changes: Changes,
    /// In which order the run takes everybody, and who lapses when.
    pub send_order: SendOrder,
    /// What the source said.
    pub reading: Reading,
    /// Where all deliveries stand when the ledger has been told.
    pub counts: Counts,
    /// How many of them are skipped, by reason.
    pub skipped: BTreeMap<Skipped, u64>,
    /// The changes that were accepted, in the order of the documentation.
    pub accepted: Vec<Accept>,
    /// Acceptances of what has not changed. They change nothing, and are worth a remark.
    pub needless: Vec<Accept>,
    /// How many held deliveries are owed again because the activity changed.
    pub owed_under_new_activity: u64,
    /// What else is worth a remark and stops nothing.
    pub noted: Vec<String>,
}

impl Admission {
    /// What is worth a remark and changes nothing.
    pub fn remarks(&self) -> impl Iterator<Item = String> {
        let needless = self.needless.iter();
        let needless =
            needless.map(|what| format!("`--accept {what}` was not needed: nothing of that kind has changed"));
        needless.chain(self.noted.iter().cloned())
    }
}

impl<'b> DiffBuilder<'b> {
    /// Begins a reading for what `plan` means, in which nobody is excluded.
    #[must_use]
    pub fn new(ledger_state: &'b LedgerState, plan: &Plan) -> Self {
        Self::excluding(Exclusion::new(ledger_state), plan)
    }

    /// Begins a reading for what `plan` means, in which these people are not sent to.
    #[must_use]
    pub fn excluding(excluded: Exclusion<'b>, plan: &Plan) -> Self {
        let ledger_state = excluded.state();
        let dated = plan.audience.lapse != ExpiryRule::Never;
        Self {
            ledger_state,
            dated,
            excluded,
            named: NumberSet::below(ledger_state.recipients()),
            newcomers: NewOpenIds::new(Arc::clone(ledger_state.spill())),
            packed: Vec::new(),
            sequence: Sequence::default(),
            activity: Active::new(if dated { ledger_state.recipients() } else { 0 }),
            rows: RowsRead::default(),
            older_ledger: None,
        }
    }

    /// Notes that the ledger is older than its witness, which a person has to accept.
    pub fn note_older_ledger(&mut self, change: Change) {
        self.older_ledger = Some(change);
    }

    /// Takes every row of `source`, and says now and then how many there were so far. To break it off, drop it.
    ///
    /// # Errors
    /// When the source cannot be read to its end: then nothing that was taken counts.
    pub async fn read(&mut self, source: &Source, mut progress: impl FnMut(u64)) -> Result<Totals, AudienceError> {
        let mut rows = 0;
        take(source, self.ledger_state.spill(), |batch| {
            batch.rows().for_each(|row| self.row(&row));
            rows += batch.len() as u64;
            progress(rows);
        })
        .await
    }

    /// Takes one row.
    pub fn row(&mut self, row: &Row<'_>) {
        match self.usable(row).and_then(|(open_id, at)| self.take(open_id, at)) {
            Ok(true) => self.rows.listed += 1,
            Ok(false) => self.rows.repeated.add(row.place),
            Err(kind) => {
                let rows = self.rows.unusable.entry(kind).or_default();
                match row.last_active {
                    Activity::Unreadable(value) if kind == UnusableKind::UnreadableLastActive => {
                        rows.add_value(row.place, value);
                    }
                    _ => rows.add(row.place),
                }
            }
        }
    }

    /// Whom a row names, and when they were last active where that matters.
    fn usable<'r>(&mut self, row: &Row<'r>) -> Result<(&'r str, Option<Timestamp>), UnusableKind> {
        let open_id = row.open_id?;
        match row.last_active {
            Activity::At(at) => Ok((open_id, self.dated.then_some(at))),
            Activity::Unknown if self.dated => Err(UnusableKind::NoLastActive),
            Activity::Unreadable(_) if self.dated => Err(UnusableKind::UnreadableLastActive),
            Activity::Unreadable(value) => {
                self.rows.undated.add_value(row.place, value);
                Ok((open_id, None))
            }
            Activity::Unknown => Ok((open_id, None)),
        }
    }

    /// Takes a user; says whether it is the first time.
    fn take(&mut self, open_id: &str, at: Option<Timestamp>) -> Result<bool, UnusableKind> {
        let known = self.ledger_state.recipients();
        pack(open_id, &mut self.packed);
        let (user, new) = if let Some(recipient) = self.ledger_state.find_packed(&self.packed) {
            let new = !self.named.contains(recipient);
            if new {
                let before = || {
                    (0..known)
                        .filter(|n| self.named.contains(*n))
                        .chain(known..known + self.newcomers.len())
                };
                self.sequence.name(recipient, || before().collect());
                self.named.insert(recipient);
            }
            (recipient, new)
        } else if let Some(new) = self.excluded.name_stranger(&self.packed) {
            return Ok(new);
        } else {
            // A source checks what it shows; one that did not must not get a row in, nor lose it.
            OpenId::check(open_id).map_err(|_| UnusableKind::NotPrintable)?;
            let room = known
                .checked_add(self.newcomers.len())
                .is_some_and(|all| all < u32::MAX);
            let Some((newcomer, new)) = self.newcomers.add(&self.packed).filter(|_| room) else {
                self.rows.too_many = true;
                return Ok(true);
            };
            if new {
                self.sequence.name(known + newcomer, Vec::new);
            }
            (known + newcomer, new)
        };
        if let Some(at) = at {
            self.activity.at(user, at);
        }
        Ok(new)
    }

    /// The hash of the audience: of the source, and of who is excluded.
    #[must_use]
    pub fn hash(&self, totals: &Totals) -> [u8; 32] {
        self.excluded.hash(totals.hash)
    }

    /// Decides what the ledger is to be told.
    ///
    /// # Errors
    /// Every reason why it is to be told nothing.
    pub fn decide(self, terms: &Terms<'_>) -> Result<Admission, Vec<Refusal>> {
        self.into_diff(terms).accept()
    }

    /// Holds what was gathered against the ledger: what would follow, what has changed, and what speaks against it.
    #[must_use]
    pub fn into_diff(mut self, terms: &Terms<'_>) -> Diff {
        self.newcomers.forget_index();
        let Identity { campaign, app_id, .. } = &terms.plan.identity;
        let draw = Bucketing::new(KEPT_OUT, campaign, app_id);
        let effects = self.excluded.effects(&draw);
        let idle = self.excluded.idle(&effects, &self.first_named(2));
        self.excluded.forget_people();
        let present = terms.present(self.ledger_state);
        let mut changes = self.changes(terms);
        let choice = Choice::new(&self, terms);
        let survey = Survey::new(&self, terms, &choice, &changes);
        for change in changes.iter_mut().filter(|change| change.what == Accept::ActivityId) {
            change.owed_again = survey.owed_under_new_activity;
        }

        let mut refusals = Vec::new();
        let departures = self.excluded.departures(&effects);
        let kept_out = self.excluded.kept_out(&effects, &departures);
        let departed = departures.into_iter().map(|departure| {
            let open_ids = self.sent_to_among(&departure.left, &draw, &choice);
            departure.change_with(&open_ids)
        });
        let departed: Vec<_> = departed.collect();
        let changes = changes.into_iter().chain(survey.shrunk(self.ledger_state));
        let clock = clock(&present, terms);
        let changes = changes
            .chain(departed)
            .chain(idle)
            .chain(clock)
            .chain(self.older_ledger.take());
        let (found, needless) = sort(changes, self.ledger_state, terms);
        refusals.extend(found.iter().filter_map(Found::refusal));
        // Whoever foretells goes by the wall clock as well, and a rehearsal asks nobody.
        let accepts = |change: &Accept| match change {
            Accept::Clock => present.ahead.is_some(),
            _ => terms.accepted.contains(change) && !needless.contains(change),
        };
        let accepted: Vec<_> = Accept::ALL.into_iter().filter(accepts).collect();
        let reading = self.reading(terms, &choice, &survey, &effects);
        refusals.extend(self.flaws(terms));
        refusals.extend(self.nobody_left(terms, &survey, &reading));
        refusals.extend(over_max_coupons(self.ledger_state, &survey, terms.plan.max_coupons));
        let audience = self.hash(terms.totals);
        let generation = Generation {
            at: present.now,
            listed: self.rows.listed,
            source: terms.totals.hash,
            activity_id: terms.plan.activity_id.clone(),
            coupons_per_user: terms.plan.coupons_per_user,
            control_group: share_written(terms.plan.audience.control_group),
            excluded: self.excluded.told(),
            fingerprint: fingerprint(terms.plan, &audience),
            accepted: accepted.iter().map(|change| change.word().to_owned()).collect(),
        };
        let mut noted: Vec<_> = self.excluded.remarks().collect();
        if terms.rehearsal {
            // A rehearsal asks nobody, and is the time to notice a list in a wrong form.
            let is_idle = |found: &&Found| found.change.what == Accept::IdleExclude;
            noted.extend(found.iter().filter(is_idle).map(|found| found.change.told()));
        }
        let Self {
            newcomers, activity, ..
        } = self;
        let Choice { kept, order, .. } = choice;
        let is_kept = |newcomer| kept.as_ref().is_none_or(|kept| kept.contains(newcomer));
        let send_order = match terms.plan.audience.lapse {
            ExpiryRule::Never => SendOrder::ordered(order),
            ExpiryRule::After(within) => SendOrder::ordered(order).with_expiry(activity.numbered(is_kept), within),
        };
        let admission = Admission {
            reading,
            changes: Changes {
                admitted: newcomers.keep(kept),
                away: survey.away,
                returned: survey.returned,
                reread: survey.reread,
                kept_out,
                reread_returned: survey.reread_returned,
                generation,
            },
            send_order,
            counts: survey.counts,
            skipped: survey.skipped,
            accepted,
            needless,
            owed_under_new_activity: survey.owed_under_new_activity,
            noted,
        };
        Diff::new(admission, found, refusals)
    }

    fn reading(&self, terms: &Terms<'_>, choice: &Choice, survey: &Survey, effects: &Effects) -> Reading {
        let away = |why| survey.away_now.get(&why).copied().unwrap_or_default();
        Reading {
            listed: self.rows.listed,
            excluded: self.named_excluded(),
            excludes: self.excluded.shown(effects),
            control_group: away(Away::ControlGroup),
            lapsed: away(Away::Lapsed),
            repeated: self.rows.repeated.clone(),
            unusable: self.rows.unusable.clone().into_iter().collect(),
            cut: choice.cut,
            undated: self.rows.undated.clone(),
            shares: terms.totals.shares.clone(),
        }
    }

    /// The open_ids of the first users whom the source names, at most `most` of them, the excluded among them left out if the
    /// ledger does not know them.
    fn first_named(&self, most: usize) -> Vec<String> {
        let new = (0..self.newcomers.len()).map_while(|newcomer| self.newcomers.open_id(newcomer));
        let known = (0..self.ledger_state.recipients()).filter(|recipient| self.named.contains(*recipient));
        let known = known.map(|recipient| self.ledger_state.open_id(recipient));
        new.chain(known).take(most).collect()
    }

    /// The open_ids of a few users with these hashes who would be sent to now. It looks at everybody until it has found
    /// them, which takes a while for many: nobody is told that but a person who has to decide.
    fn sent_to_among(&self, hashes: &[u64], draw: &Bucketing, choice: &Choice) -> Vec<String> {
        const FEW: usize = 3;
        let mut found = Vec::new();
        if hashes.is_empty() {
            return found;
        }
        let known = self.ledger_state.recipients();
        let mut known_ids = self.ledger_state.open_ids_from(0);
        let mut new_ids = self.newcomers.open_ids_from(0);
        let mut open_id = String::new();
        for user in 0..known + self.newcomers.len() {
            let open_ids = if user < known { &mut known_ids } else { &mut new_ids };
            if !open_ids.next_text(&mut open_id) || found.len() >= FEW {
                break;
            }
            if choice.is_owed(user, known)
                && self.may_be_sent(user)
                && hashes.binary_search(&draw.number(&open_id)).is_ok()
            {
                found.push(open_id.clone());
            }
        }
        found
    }

    /// Whether one of a user's coupons may still be sent for the first time.
    fn may_be_sent(&self, user: u32) -> bool {
        let is_open = |ordinal| {
            let key = DeliveryKey {
                recipient: user,
                ordinal,
            };
            let state = self.ledger_state.status(key).state;
            matches!(state, State::Pending | State::Deferred { .. } | State::Skipped(_))
        };
        user >= self.ledger_state.recipients() || (1..=self.ledger_state.ordinals()).any(is_open)
    }

    /// How many of those whom the source names are excluded.
    fn named_excluded(&self) -> u64 {
        let named = |recipient: &u32| self.named.contains(*recipient) && self.excluded.has_known(*recipient);
        (0..self.ledger_state.recipients()).filter(named).count() as u64 + self.excluded.strangers_named()
    }

    /// What the campaign's file says otherwise than the last generation.
    fn changes(&self, terms: &Terms<'_>) -> Vec<Change> {
        let Some(before) = self.ledger_state.generation() else {
            return Vec::new();
        };
        let mut changes = Vec::new();
        if before.activity_id != terms.plan.activity_id {
            changes.push(Change {
                what: Accept::ActivityId,
                from: before.activity_id.to_string(),
                to: terms.plan.activity_id.to_string(),
                owed_again: 0,
            });
        }
        if before.coupons_per_user < terms.plan.coupons_per_user {
            changes.push(Change {
                what: Accept::CouponsPerUser,
                from: before.coupons_per_user.to_string(),
                to: terms.plan.coupons_per_user.to_string(),
                owed_again: 0,
            });
        }
        let control_group = share_written(terms.plan.audience.control_group);
        if before.control_group != control_group {
            changes.push(Change {
                what: Accept::ControlGroup,
                from: before.control_group.clone(),
                to: control_group,
                owed_again: 0,
            });
        }
        changes
    }

    /// What is wrong with this reading, whatever was read before.
    fn flaws(&self, terms: &Terms<'_>) -> Vec<Refusal> {
        let mut refusals = Vec::new();
        let audience = &terms.plan.audience;
        let unusable: u64 = self.rows.unusable.values().map(|rows| rows.count).sum();
        if over(unusable, terms.totals.rows, audience.max_unusable) {
            refusals.push(Refusal::Unusable {
                unusable,
                rows: terms.totals.rows,
                allowed: audience.max_unusable,
                by_kind: self.rows.unusable.clone().into_iter().collect(),
            });
        }
        if self.rows.listed == 0 && !audience.allow_empty {
            refusals.push(Refusal::Empty {
                rows: terms.totals.rows,
            });
        }
        if self.rows.too_many {
            refusals.push(Refusal::TooMany);
        }
        refusals.extend(self.excluded.flaws(audience.max_unusable));
        refusals
    }

    /// An audience with nobody left to send to counts as empty: a wrong clock, a wrong column or a wrong
    /// exclude list looks like this. A campaign in which everybody has had an answer, or was skipped before, stays complete.
    fn nobody_left(&self, terms: &Terms<'_>, survey: &Survey, reading: &Reading) -> Option<Refusal> {
        let Reading {
            listed,
            excluded,
            control_group,
            lapsed,
            ..
        } = *reading;
        let is_nobody_left = listed > 0 && listed == excluded + control_group + lapsed;
        let attempted = [
            StateName::Issued,
            StateName::Refused,
            StateName::InDoubt,
            StateName::InFlight,
            StateName::Held,
        ];
        let counts = self.ledger_state.counts();
        let was_anybody_attempted = attempted.iter().any(|state| counts.count(*state) > 0);
        let loses_somebody = survey.owed > 0 || !was_anybody_attempted;
        (is_nobody_left && loses_somebody && !terms.plan.audience.allow_empty).then_some(Refusal::NobodyLeft {
            excluded,
            lapsed,
            control_group,
        })
    }
}

/// That the ledger's times are too far ahead of the wall clock to go by.
fn clock(present: &Present, terms: &Terms<'_>) -> Option<Change> {
    let zone = &terms.plan.schedule.zone;
    let written = |at: Timestamp| {
        let at = at.to_zoned_datetime(zone.clone());
        at.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
    };
    present.ahead.map(|newest| Change {
        what: Accept::Clock,
        from: written(newest),
        to: written(terms.wall),
        owed_again: 0,
    })
}

/// Reads the whole of `source`, and breaks off when open_ids can no more be put aside: then there is no room for the rest.
async fn take(source: &Source, spill: &Spill, mut each: impl FnMut(&Batch)) -> Result<Totals, AudienceError> {
    let mut reading = audience::Reading::begin(source)?;
    loop {
        let next = reading.next().await?;
        if spill.check().is_err() {
            return Err(AudienceError::BrokenOff);
        }
        match next {
            Next::Rows(batch) => each(&batch),
            Next::End(totals) => return Ok(totals),
        }
    }
}

/// Says of each change whether it needs a person and has one's consent, and which acceptances were not needed. A change
/// needs nobody where nothing could surprise.
fn sort(
    changes: impl Iterator<Item = Change>,
    ledger_state: &LedgerState,
    terms: &Terms<'_>,
) -> (Vec<Found>, Vec<Accept>) {
    let counts = ledger_state.counts();
    let untouched = [StateName::Issued, StateName::InDoubt, StateName::InFlight]
        .iter()
        .all(|name| counts.count(*name) == 0);
    let found: Vec<_> = changes
        .map(|change| {
            let free = terms.rehearsal || (change.what == Accept::ActivityId && untouched);
            let acceptance = if free {
                Acceptance::NotNeeded
            } else if terms.accepted.contains(&change.what) {
                Acceptance::Given
            } else {
                Acceptance::Missing
            };
            Found { change, acceptance }
        })
        .collect();
    let was_found = |what: Accept| match what {
        Accept::Replays => !ledger_state.accepts_replays(),
        _ => found.iter().any(|found| found.change.what == what),
    };
    let needless = Accept::ALL
        .into_iter()
        .filter(|what| terms.accepted.contains(what) && !was_found(*what))
        .collect();
    (found, needless)
}

fn over_max_coupons(ledger_state: &LedgerState, survey: &Survey, max: u64) -> Option<Refusal> {
    let sum = MaxCouponsSum {
        issued: survey.counts.count(StateName::Issued),
        in_doubt: survey.counts.count(StateName::InDoubt),
        held: survey.counts.count(StateName::Held),
        held_skipped: survey.held_skipped,
        owed: survey.counts.owed(),
        reopened_doubts: ledger_state.reopened_doubts(),
        reopened_held: if mutant!(RiskUncounted) {
            0
        } else {
            ledger_state.reopened_held() + survey.owed_under_new_activity
        },
    };
    (sum.total() > max).then_some(Refusal::OverMaxCoupons { max, sum })
}

/// Whether `part` of `whole` is more than the share.
#[expect(clippy::cast_precision_loss, reason = "rows are far fewer than 2^52")]
fn over(part: u64, whole: u64, share: f64) -> bool {
    part as f64 > whole as f64 * share
}

#[cfg(test)]
mod tests;
