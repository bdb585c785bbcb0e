//! Convergence: what the source names now, held against what the ledger knows.
//!
//! Rows stream in and leave a bit, or one entry, for each user. The decision behind them is pure: either everything that
//! is to be added to the ledger, or every reason why nothing is.

mod accept;
mod facts;
mod gathered;
mod refusal;

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::audience::{self, Activity, AudienceError, Row, Source, Totals};
use crate::delivery::{Counts, DeliveryKey, Standing, State, StateName, Step};
use crate::event::{Reading, Rows, UnusableKind};
use crate::identity::OpenId;
use crate::ledger::{Book, Generation};
use crate::outcome::Class;
use crate::plan::{Plan, fingerprint};

use super::reread;
use gathered::{Newcomers, Numbers};

pub use accept::{Accept, UnknownChange};
pub use facts::Changes;
pub use gathered::OpenIds;
pub use refusal::{Change, Refusal};

/// Fewer people gone than this never stop an apply.
const FEWEST_GONE: u64 = 100;

/// The rows of one reading, gathered against what the ledger knows.
pub struct Admission<'b> {
    book: &'b Book,
    named: Numbers,
    newcomers: Newcomers,
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
    /// The present: the later of the wall clock and the ledger's newest time.
    pub now: Timestamp,
}

/// An audience that is let in: what the ledger has yet to be told, and what a person may be told.
#[derive(Debug)]
pub struct Converged {
    /// What the ledger is to be told.
    pub changes: Changes,
    /// What the source said.
    pub reading: Reading,
    /// Where all deliveries stand when the ledger has been told.
    pub counts: Counts,
    /// The changes that were accepted, in the order of the documentation.
    pub accepted: Vec<Accept>,
    /// Acceptances of what has not changed. They change nothing, and are worth a remark.
    pub needless: Vec<Accept>,
}

impl Converged {
    /// What is worth a remark and changes nothing.
    pub fn remarks(&self) -> impl Iterator<Item = String> {
        let needless = self.needless.iter();
        needless.map(|what| format!("`--accept {what}` was not needed: nothing of that kind has changed"))
    }
}

impl<'b> Admission<'b> {
    /// Begins a reading.
    #[must_use]
    pub fn new(book: &'b Book) -> Self {
        Self {
            book,
            named: Numbers::below(book.recipients()),
            newcomers: Newcomers::default(),
            listed: 0,
            repeated: Rows::default(),
            unusable: BTreeMap::new(),
            undated: Rows::default(),
            too_many: false,
        }
    }

    /// Takes every row of `source`, and says now and then how many there were so far. To break it off, drop it.
    ///
    /// # Errors
    /// When the source cannot be read to its end: then nothing that was taken counts.
    pub async fn read(&mut self, source: &Source, mut progress: impl FnMut(u64)) -> Result<Totals, AudienceError> {
        let mut rows = 0;
        audience::read(source, |batch| {
            batch.rows().for_each(|row| self.row(&row));
            rows += batch.len() as u64;
            progress(rows);
        })
        .await
    }

    /// Takes one row.
    pub fn row(&mut self, row: &Row<'_>) {
        if row.last_active == Activity::Unreadable {
            self.undated.add(row.place);
        }
        let open_id = match row.open_id {
            Ok(open_id) => open_id,
            Err(kind) => return self.unusable.entry(kind).or_default().add(row.place),
        };
        let new = match self.book.find(open_id) {
            Some(known) => self.named.insert(known),
            None if self.newcomers.contains(open_id) => false,
            None => match OpenId::check(open_id) {
                Ok(open_id) => {
                    self.too_many |= !self.newcomers.add(open_id);
                    true
                }
                // A source checks what it shows; one that did not must not get a row in, nor lose it.
                Err(_) => {
                    return self
                        .unusable
                        .entry(UnusableKind::NotPrintable)
                        .or_default()
                        .add(row.place);
                }
            },
        };
        if new {
            self.listed += 1;
        } else {
            self.repeated.add(row.place);
        }
    }

    /// Decides what the ledger is to be told.
    ///
    /// # Errors
    /// Every reason why it is to be told nothing.
    pub fn decide(self, terms: &Terms<'_>) -> Result<Converged, Vec<Refusal>> {
        let places = terms.plan.audience.limit.saturating_sub(self.book.recipients().into());
        let admitted = self.newcomers.len().min(places);
        let changes = self.changes(terms);
        let survey = Survey::of(&self, terms, admitted, &changes);

        let mut refusals = Vec::new();
        let changes = changes.into_iter().chain(survey.shrunk(self.book));
        let (accepted, needless) = sort(changes, self.book, terms, &mut refusals);
        let unusable: u64 = self.unusable.values().map(|rows| rows.count).sum();
        if over(unusable, terms.totals.rows, terms.plan.audience.max_unusable) {
            refusals.push(Refusal::Unusable {
                unusable,
                rows: terms.totals.rows,
                allowed: terms.plan.audience.max_unusable,
                by_kind: self.unusable.clone().into_iter().collect(),
            });
        }
        if self.listed == 0 && !terms.plan.audience.allow_empty {
            refusals.push(Refusal::Empty {
                rows: terms.totals.rows,
            });
        }
        if self.too_many {
            refusals.push(Refusal::TooMany);
        }
        refusals.extend(over_max_coupons(&survey.counts, terms.plan.max_coupons));
        if !refusals.is_empty() {
            return Err(refusals);
        }
        Ok(Converged {
            reading: Reading {
                listed: self.listed,
                repeated: self.repeated,
                unusable: self.unusable.into_iter().collect(),
                cut: survey.cut + self.newcomers.len() - admitted,
                undated: self.undated,
                shares: terms.totals.shares.clone(),
            },
            changes: Changes {
                admitted: self.newcomers.first(admitted),
                left: survey.left,
                returned: survey.returned,
                reread: survey.reread,
                generation: Generation {
                    at: terms.now,
                    listed: self.listed,
                    source: terms.totals.hash,
                    activity_id: terms.plan.activity_id.clone(),
                    coupons_per_user: terms.plan.coupons_per_user,
                    fingerprint: fingerprint(terms.plan, &terms.totals.hash),
                    accepted: accepted.iter().map(|change| change.word().to_owned()).collect(),
                },
            },
            counts: survey.counts,
            accepted,
            needless,
        })
    }

    /// What the campaign's file says otherwise than the last generation.
    fn changes(&self, terms: &Terms<'_>) -> Vec<Change> {
        let Some(before) = self.book.generation() else {
            return Vec::new();
        };
        let mut changes = Vec::new();
        if before.activity_id != terms.plan.activity_id {
            changes.push(Change {
                what: Accept::ActivityId,
                from: before.activity_id.to_string(),
                to: terms.plan.activity_id.to_string(),
            });
        }
        if before.coupons_per_user < terms.plan.coupons_per_user {
            changes.push(Change {
                what: Accept::CouponsPerUser,
                from: before.coupons_per_user.to_string(),
                to: terms.plan.coupons_per_user.to_string(),
            });
        }
        changes
    }
}

/// What a look at every recipient of the ledger finds.
#[derive(Default)]
struct Survey {
    left: Vec<u32>,
    returned: Vec<u32>,
    reread: Vec<(DeliveryKey, Step)>,
    /// Recipients whom the source names and the limit cuts.
    cut: u64,
    /// Recipients who were owed something before.
    owed: u64,
    /// Those of them whom the source no longer names.
    gone: u64,
    /// Where all deliveries will stand, newcomers included.
    counts: Counts,
}

/// By what each recipient is looked at.
struct Look<'l> {
    book: &'l Book,
    /// How many coupons a recipient had before.
    known: u8,
    /// How many they are owed now.
    coupons: u8,
    reading: reread::Reading<&'l dyn Fn(i64) -> Class>,
}

impl Survey {
    fn of(admission: &Admission<'_>, terms: &Terms<'_>, admitted: u64, changes: &[Change]) -> Self {
        let book = admission.book;
        let look = Look {
            book,
            known: book.ordinals(),
            coupons: terms.plan.coupons_per_user,
            reading: reread::Reading {
                class: terms.class,
                replays: book.accepts_replays() || terms.accepted.contains(&Accept::Replays),
                new_activity: changes.iter().any(|change| change.what == Accept::ActivityId),
                now: terms.now,
                resend_within: terms.plan.retry.resend_within,
            },
        };
        let mut survey = Self::default();
        for recipient in 0..book.recipients() {
            let named = admission.named.contains(recipient);
            let present = named && u64::from(recipient) < terms.plan.audience.limit;
            match (present, book.is_gone(recipient)) {
                (true, true) => survey.returned.push(recipient),
                (false, false) => survey.left.push(recipient),
                (true, false) | (false, true) => {}
            }
            let owed = survey.recipient(&look, recipient, present);
            survey.cut += u64::from(named && !present);
            survey.owed += u64::from(owed);
            survey.gone += u64::from(owed && !named);
        }
        survey
            .counts
            .add(StateName::Pending, admitted * u64::from(look.coupons));
        let above = u64::from(look.known.saturating_sub(look.coupons));
        survey.counts.add(StateName::Skipped, admitted * above);
        survey
    }

    /// Looks at one recipient, who is still one or not. Says whether a coupon was owed before.
    fn recipient(&mut self, look: &Look<'_>, recipient: u32, present: bool) -> bool {
        let (mut was_owed, mut refused) = (false, false);
        for ordinal in 1..=look.known.max(look.coupons) {
            let key = DeliveryKey { recipient, ordinal };
            let mut standing = Standing::PENDING;
            if ordinal <= look.known {
                standing = look.book.standing(key);
                was_owed |= is_owed(&standing.state);
            }
            let reached = ordinal <= look.coupons;
            let owed = present && reached && !refused;
            let step = look.reading.step(&standing).filter(|step| match step {
                Step::Owe => owed,
                Step::RereadResend { .. } => reached,
                // Behind a coupon that is refused by now a held one is skipped before it could be read again.
                _ => !refused || standing.state == State::InDoubt,
            });
            if let Some((step, next)) = step.and_then(|step| Some((step, standing.next(step).ok()?))) {
                self.reread.push((key, step));
                standing = next;
            }
            let name = if owed {
                owed_again(&standing.state)
            } else {
                skipped(&standing.state)
            };
            refused |= name == StateName::Refused;
            self.counts.add(name, 1);
        }
        was_owed
    }

    /// A truncated export looks just like a shrunken audience.
    fn shrunk(&self, book: &Book) -> Option<Change> {
        let much = self.gone >= FEWEST_GONE && self.gone * 10 > self.owed;
        (much && book.generation().is_some()).then(|| Change {
            what: Accept::SmallerAudience,
            from: self.owed.to_string(),
            to: (self.owed - self.gone).to_string(),
        })
    }
}

/// Parts the acceptances into those that let a change in and those that were not needed; a change without one is a
/// refusal, unless nothing could surprise.
fn sort(
    changes: impl Iterator<Item = Change>,
    book: &Book,
    terms: &Terms<'_>,
    refusals: &mut Vec<Refusal>,
) -> (Vec<Accept>, Vec<Accept>) {
    let counts = book.counts();
    let untouched = [StateName::Issued, StateName::InDoubt, StateName::InFlight]
        .iter()
        .all(|name| counts.of(*name) == 0);
    let mut found = Vec::new();
    for change in changes {
        found.push(change.what);
        let free = terms.rehearsal || (change.what == Accept::ActivityId && untouched);
        if !free && !terms.accepted.contains(&change.what) {
            refusals.push(Refusal::Change(change));
        }
    }
    if !book.accepts_replays() {
        found.push(Accept::Replays);
    }
    Accept::ALL
        .into_iter()
        .filter(|change| terms.accepted.contains(change))
        .partition(|change| found.contains(change))
}

fn over_max_coupons(counts: &Counts, max: u64) -> Option<Refusal> {
    let (issued, in_doubt, held, owed) = (
        counts.of(StateName::Issued),
        counts.of(StateName::InDoubt),
        counts.of(StateName::Held),
        counts.owed(),
    );
    (issued + in_doubt + held + owed > max).then_some(Refusal::OverMaxCoupons {
        max,
        issued,
        in_doubt,
        held,
        owed,
    })
}

/// Whether `part` of `whole` is more than the share.
#[expect(clippy::cast_precision_loss, reason = "rows are far fewer than 2^52")]
fn over(part: u64, whole: u64, share: f64) -> bool {
    part as f64 > whole as f64 * share
}

const fn is_owed(state: &State) -> bool {
    matches!(
        state,
        State::Pending | State::Deferred { .. } | State::Attempting { .. }
    )
}

/// Where a delivery stands that is not owed: what may have been issued stays what it is.
const fn skipped(state: &State) -> StateName {
    match state {
        State::Pending | State::Deferred { .. } | State::Held { .. } | State::Skipped(_) => StateName::Skipped,
        State::Attempting { .. } | State::InDoubt | State::Issued | State::Refused { .. } => state.name(),
    }
}

/// Where a delivery stands that is owed, if it is not settled.
const fn owed_again(state: &State) -> StateName {
    match state {
        State::Skipped(_) => StateName::Pending,
        _ => state.name(),
    }
}

#[cfg(test)]
mod tests;
