//! Gathers the rows of an audience and compares them with the ledger.

use std::sync::Arc;

use fixedbitset::FixedBitSet;
use jiff::Timestamp;

use crate::audience::{AudienceError, Row, Source, Totals};
use crate::campaign::{MOST_TESTERS, share_written};
use crate::catalogue::{Text, engine};
use crate::engine::send_order::SendOrder;
use crate::ledger::{AudienceOrigin, Generation, LedgerState, Present};
use crate::model::bucketing::{Bucketing, KEPT_OUT};
use crate::model::delivery::{Away, DeliveryKey, State, StateName};
use crate::model::event::{Reading, TakenOver};
use crate::model::identity::{ActivityId, Identity, OpenId};
use crate::model::mutants::mutant;
use crate::plan::{ExpiryRule, Plan, fingerprint, fingerprint_of_admitted};

use super::accept_word::Accept;
use super::admission::Admission;
use super::admission_terms::Terms;
use super::admitted_audience::AdmittedAudience;
use super::audience_rows::AudienceRows;
use super::diff::{Acceptance, Diff, Found};
use super::exclude_effects::Effects;
use super::exclude_lists::Exclusion;
use super::gathered_rows::GatheredRows;
use super::generation_facts::Changes;
use super::new_open_ids::OpenIds;
use super::owed_users::Choice;
use super::read_source::{is_over, read_all};
use super::recipient_survey::Survey;
use super::refusal::{Change, MaxCouponsSum, Refusal};
use super::source_order::LastActive;

/// Gathers the rows of an audience, to compare them with the ledger.
pub struct DiffBuilder<'b> {
    rows: GatheredRows<'b>,
    /// Set if the ledger is older than its witness.
    older_ledger: Option<Change>,
    /// Where the audience was read. `None` outside of a fleet.
    origin: Option<AudienceOrigin>,
    /// The generation whose audience is taken over. `None` for one that was read now.
    admitted: Option<&'b Generation>,
    /// Why the lists of an audience that is taken over could not be read. `None` if this machine does not have them.
    unread: Option<Text>,
}

impl<'b> DiffBuilder<'b> {
    /// Begins a reading in which nobody is excluded.
    #[must_use]
    pub fn new(ledger_state: &'b LedgerState, plan: &Plan) -> Self {
        Self::excluding(Exclusion::new(ledger_state), plan)
    }

    /// Begins a reading in which these users are excluded.
    #[must_use]
    pub fn excluding(excluded: Exclusion<'b>, plan: &Plan) -> Self {
        Self {
            rows: GatheredRows::new(excluded, plan),
            older_ledger: None,
            origin: None,
            admitted: None,
            unread: None,
        }
    }

    /// Takes the audience that the ledger has. Its lists are not read.
    #[must_use]
    pub fn admitted(admitted: &AdmittedAudience<'b>, plan: &Plan) -> Self {
        let mut builder = Self::excluding(Exclusion::admitted(admitted.ledger_state), plan);
        builder.rows.add_admitted(admitted);
        builder.origin = Some(admitted.origin().clone());
        builder.admitted = Some(admitted.generation);
        builder
    }

    /// Notes why the lists of an audience that is taken over could not be read.
    pub fn note_unread(&mut self, why: Text) {
        self.unread = Some(why);
    }

    /// Notes where the audience was read, so that another machine can go on with it.
    pub fn note_origin(&mut self, origin: AudienceOrigin) {
        self.origin = Some(origin);
    }

    /// Notes that the ledger is older than its witness, which a person has to accept.
    pub fn note_older_ledger(&mut self, change: Change) {
        self.older_ledger = Some(change);
    }

    /// Adds every row of `source`. Calls `progress` now and then with the number of rows so far. Dropping the future cancels the
    /// reading.
    ///
    /// # Errors
    /// If the source cannot be read to its end. The builder must not be used after that.
    pub async fn read(&mut self, source: &Source, mut progress: impl FnMut(u64)) -> Result<Totals, AudienceError> {
        let mut rows = 0;
        let spill = Arc::clone(self.rows.spill());
        read_all(source, &spill, |batch| {
            batch.rows().for_each(|row| self.rows.add(&row));
            rows += batch.len() as u64;
            progress(rows);
        })
        .await
    }

    /// Adds every tester of a source, after the audience.
    ///
    /// # Errors
    /// Like [`Self::read`].
    pub async fn read_testers(&mut self, source: &Source) -> Result<(), AudienceError> {
        let spill = Arc::clone(self.rows.spill());
        read_all(source, &spill, |batch| {
            batch.rows().for_each(|row| self.rows.add_tester_row(&row));
        })
        .await?;
        Ok(())
    }

    /// Adds a tester, after the audience.
    pub fn tester(&mut self, open_id: &OpenId) {
        // An open_id was checked when it was parsed.
        let _ = self.rows.add_tester(open_id.as_str());
    }

    /// Adds one row.
    pub fn row(&mut self, row: &Row<'_>) {
        self.rows.add(row);
    }

    /// The hash of the audience: of the source and of the exclude lists.
    #[must_use]
    pub fn hash(&self, totals: &Totals) -> [u8; 32] {
        self.rows.hash(totals)
    }

    /// Decides which facts the ledger gets.
    ///
    /// # Errors
    /// Every reason why it gets none.
    pub fn decide(self, terms: &Terms<'_>) -> Result<Admission, Vec<Refusal>> {
        self.into_diff(terms).accept()
    }

    /// Compares the rows with the ledger: the facts that would follow, the changes since the last apply, and the reasons to refuse.
    #[must_use]
    pub fn into_diff(self, terms: &Terms<'_>) -> Diff {
        let Self {
            rows,
            older_ledger,
            origin,
            admitted,
            unread,
        } = self;
        let mut rows = rows.resolve();
        let Identity { campaign, app_id, .. } = &terms.plan.identity;
        let draw = Bucketing::new(KEPT_OUT, campaign, app_id);
        let effects = rows.excluded.effects(&draw);
        let idle = rows.excluded.idle(&effects, &rows.first_named(2));
        rows.excluded.forget_people();
        let ledger_state = rows.ledger_state;
        let present = terms.present(ledger_state);
        let mut changes = file_changes(ledger_state, terms);
        let choice = Choice::new(&rows, terms);
        let survey = Survey::new(&rows, terms, &choice, &changes);
        for change in changes.iter_mut().filter(|change| change.what == Accept::ActivityId) {
            change.owed_again = survey.owed_under_new_activity;
        }

        let departures = rows.excluded.departures(&effects);
        let kept_out = rows.excluded.kept_out(&effects, &departures);
        let departed = departures.into_iter().map(|departure| {
            let open_ids = sent_to_among(&rows, &departure.left, &draw, &choice);
            departure.change_with(&open_ids)
        });
        changes.extend(survey.shrunk(ledger_state));
        changes.extend(departed);
        changes.extend(idle);
        changes.extend(wrong_clock(&present, terms));
        changes.extend(older_ledger);
        let (found, needless) = sort(changes, ledger_state, terms);
        let accepted = accepted(terms, &present, &needless);
        let taken_over = origin.as_ref().filter(|_| admitted.is_some()).map(|origin| TakenOver {
            host: origin.host.clone(),
            at: origin.at,
            unread,
        });
        let reading = reading(&rows, terms, &choice, &survey, &effects, taken_over);
        let refusals = refusals(&rows, terms, &choice, &survey, &reading, &found);
        let testers = choice.testers(&rows);
        let generation = generation(&rows, terms, present.now, admitted, &accepted);
        let noted = notes(&rows, terms, &reading, &found);
        let AudienceRows {
            newcomers, last_active, ..
        } = rows;
        let Choice { kept, order, .. } = choice;
        let send_order = send_order(order, last_active, kept.as_ref(), terms.plan.audience.lapse);
        let is_read_in_fleet = origin.is_some() && admitted.is_none();
        let admission = Admission {
            reading,
            changes: Changes {
                admitted: OpenIds::new(newcomers, kept),
                away: survey.away,
                returned: survey.returned,
                reread: survey.reread,
                kept_out,
                reread_returned: survey.reread_returned,
                testers: (testers != ledger_state.testers()).then_some(testers),
                origin,
                last_active: send_order.last_active().filter(|_| is_read_in_fleet),
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
}

/// The fact that closes the generation.
fn generation(
    rows: &AudienceRows<'_>,
    terms: &Terms<'_>,
    now: Timestamp,
    admitted: Option<&Generation>,
    accepted: &[Accept],
) -> Generation {
    let audience = rows.hash(terms.totals);
    Generation {
        at: now,
        listed: rows.counts.listed,
        source: terms.totals.hash,
        activity_id: rows.ledger_state.resolve_activity(&terms.plan.activity_id),
        coupons_per_user: terms.plan.coupons_per_user,
        control_group: share_written(terms.plan.audience.control_group),
        excluded: rows.excluded.to_facts(),
        fingerprint: match admitted {
            Some(before) => fingerprint_of_admitted(terms.plan, &before.fingerprint),
            None => fingerprint(terms.plan, &audience),
        },
        accepted: accepted.iter().map(|change| change.word().to_owned()).collect(),
    }
}

/// Remarks for a person that stop nothing.
fn notes(rows: &AudienceRows<'_>, terms: &Terms<'_>, reading: &Reading, found: &[Found]) -> Vec<Text> {
    let mut noted: Vec<_> = rows.excluded.remarks().collect();
    noted.extend(reading.taken_over.clone().map(|taken_over| goes_on(taken_over, terms)));
    if terms.rehearsal {
        // A rehearsal needs no acceptance, and is the time to notice a list in a wrong form.
        let is_idle = |found: &&Found| found.change.what == Accept::IdleExclude;
        noted.extend(found.iter().filter(is_idle).map(|found| Text::new(&found.change)));
    }
    noted
}

/// The remark that the audience was not read.
fn goes_on(TakenOver { host, at, unread }: TakenOver, terms: &Terms<'_>) -> Text {
    let at = at.to_zoned_datetime(terms.plan.schedule.zone.clone());
    let host = &host;
    let at = &at.strftime("%Y-%m-%d %H:%M:%S").to_string();
    match &unread {
        Some(why) => Text::new(&engine::GoesOnUnread { host, at, why }),
        None => Text::new(&engine::GoesOn { host, at }),
    }
}

/// The changes that this admission accepts.
fn accepted(terms: &Terms<'_>, present: &Present, needless: &[Accept]) -> Vec<Accept> {
    // A plan measures ages by the wall clock too, and a rehearsal needs no acceptance.
    let accepts = |change: &Accept| match change {
        Accept::Clock => present.ahead.is_some(),
        _ => terms.accepted.contains(change) && !needless.contains(change),
    };
    Accept::ALL.into_iter().filter(accepts).collect()
}

/// The order of sends, in which a user expires if the campaign says so. `kept` has the newcomers that are admitted; `None` for all.
fn send_order(
    order: Option<Vec<u32>>,
    last_active: LastActive,
    kept: Option<&FixedBitSet>,
    lapse: ExpiryRule,
) -> SendOrder {
    let is_kept = |newcomer: u32| kept.is_none_or(|kept| kept.contains(newcomer as usize));
    match lapse {
        ExpiryRule::Never => SendOrder::ordered(order),
        ExpiryRule::After(within) => SendOrder::ordered(order).with_expiry(last_active.numbered(is_kept), within),
    }
}

fn reading(
    rows: &AudienceRows<'_>,
    terms: &Terms<'_>,
    choice: &Choice,
    survey: &Survey,
    effects: &Effects,
    taken_over: Option<TakenOver>,
) -> Reading {
    let away = |why| survey.away_now.get(&why).copied().unwrap_or_default();
    Reading {
        listed: rows.counts.listed,
        excluded: rows.named_excluded(),
        excludes: rows.excluded.shown(effects),
        control_group: away(Away::ControlGroup),
        lapsed: away(Away::Lapsed),
        repeated: rows.counts.repeated.clone(),
        unusable: rows.counts.unusable.clone().into_iter().collect(),
        cut: choice.cut,
        undated: rows.counts.undated.clone(),
        shares: terms.totals.shares.clone(),
        taken_over,
    }
}

/// The open_ids of a few users with these hashes that are owed a coupon now. This reads all open_ids until it has found them: slow
/// for many, so it is called only for a change that a person has to decide on.
fn sent_to_among(rows: &AudienceRows<'_>, hashes: &[u64], draw: &Bucketing, choice: &Choice) -> Vec<String> {
    const FEW: usize = 3;
    let mut found = Vec::new();
    if hashes.is_empty() {
        return found;
    }
    let known = rows.ledger_state.recipients();
    let mut known_ids = rows.ledger_state.open_ids_from(0);
    let mut new_ids = rows.newcomers.from(0);
    let mut open_id = String::new();
    for user in 0..rows.users() {
        let open_ids = if user < known { &mut known_ids } else { &mut new_ids };
        if !open_ids.next_text(&mut open_id) || found.len() >= FEW {
            break;
        }
        if choice.is_owed(user, known)
            && may_be_sent(rows.ledger_state, user)
            && hashes.binary_search(&draw.number(&open_id)).is_ok()
        {
            found.push(open_id.clone());
        }
    }
    found
}

/// Whether one of a user's coupons may still be sent for the first time.
fn may_be_sent(ledger_state: &LedgerState, user: u32) -> bool {
    let is_open = |ordinal| {
        let key = DeliveryKey {
            recipient: user,
            ordinal,
        };
        let state = ledger_state.status(key).state;
        matches!(state, State::Pending | State::Deferred { .. } | State::Skipped(_))
    };
    user >= ledger_state.recipients() || (1..=ledger_state.ordinals()).any(is_open)
}

fn shown_activity(activity_id: ActivityId) -> Text {
    if activity_id.is_not_created() {
        return Text::new(&engine::NewActivity);
    }
    String::from(activity_id).into()
}

/// What changed in the campaign file since the last generation.
fn file_changes(ledger_state: &LedgerState, terms: &Terms<'_>) -> Vec<Change> {
    let Some(before) = ledger_state.generation() else {
        return Vec::new();
    };
    let mut changes = Vec::new();
    let activity_id = ledger_state.resolve_activity(&terms.plan.activity_id);
    if before.activity_id != activity_id && !before.activity_id.is_not_created() {
        changes.push(Change {
            what: Accept::ActivityId,
            from: before.activity_id.to_string().into(),
            to: shown_activity(activity_id),
            owed_again: 0,
        });
    }
    if before.coupons_per_user < terms.plan.coupons_per_user {
        changes.push(Change {
            what: Accept::CouponsPerUser,
            from: before.coupons_per_user.to_string().into(),
            to: terms.plan.coupons_per_user.to_string().into(),
            owed_again: 0,
        });
    }
    let control_group = share_written(terms.plan.audience.control_group);
    if before.control_group != control_group {
        changes.push(Change {
            what: Accept::ControlGroup,
            from: before.control_group.clone().into(),
            to: control_group.into(),
            owed_again: 0,
        });
    }
    changes
}

/// Every reason to refuse the admission.
fn refusals(
    rows: &AudienceRows<'_>,
    terms: &Terms<'_>,
    choice: &Choice,
    survey: &Survey,
    reading: &Reading,
    found: &[Found],
) -> Vec<Refusal> {
    let ledger_state = rows.ledger_state;
    let mut refusals: Vec<_> = found.iter().filter_map(Found::refusal).collect();
    refusals.extend(row_refusals(rows, terms));
    refusals.extend(nobody_left(ledger_state, terms, survey, reading));
    refusals.extend(over_max_coupons(ledger_state, survey, terms.plan));
    refusals.extend(tester_refusal(rows, terms, choice));
    refusals
}

/// The reasons to refuse that follow from the rows alone.
fn row_refusals(rows: &AudienceRows<'_>, terms: &Terms<'_>) -> Vec<Refusal> {
    let mut refusals = Vec::new();
    let audience = &terms.plan.audience;
    let unusable = rows.unusable();
    if is_over(unusable, terms.totals.rows, audience.max_unusable) {
        refusals.push(Refusal::Unusable {
            unusable,
            rows: terms.totals.rows,
            allowed: audience.max_unusable,
            by_kind: rows.counts.unusable.clone().into_iter().collect(),
        });
    }
    if rows.counts.listed == 0 && !audience.allow_empty {
        refusals.push(Refusal::Empty {
            rows: terms.totals.rows,
        });
    }
    if rows.counts.too_many {
        refusals.push(Refusal::TooMany);
    }
    refusals.extend(rows.excluded.refusals(audience.max_unusable));
    refusals
}

/// Refuses too many testers, which are a mistake, and testers of whom none can be sent to: nobody would have to approve.
fn tester_refusal(rows: &AudienceRows<'_>, terms: &Terms<'_>, choice: &Choice) -> Option<Refusal> {
    let most = MOST_TESTERS as u64;
    let named = rows.testers.named;
    let known = rows.ledger_state.recipients();
    let are_sent = rows.testers.users().iter().any(|user| choice.is_owed(*user, known));
    if !terms.plan.schedule.has_testers() {
        None
    } else if named > most {
        Some(Refusal::TooManyTesters { named, most })
    } else {
        (!are_sent).then_some(Refusal::NoTesters { named })
    }
}

/// Refuses an audience with nobody left to send to, like an empty one: a wrong clock, a wrong column or a wrong exclude list
/// has this effect. A campaign in which every user had an answer, or was skipped before, stays complete.
fn nobody_left(ledger_state: &LedgerState, terms: &Terms<'_>, survey: &Survey, reading: &Reading) -> Option<Refusal> {
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
    let counts = ledger_state.counts();
    let was_anybody_attempted = attempted.iter().any(|state| counts.count(*state) > 0);
    let loses_somebody = survey.owed > 0 || !was_anybody_attempted;
    (is_nobody_left && loses_somebody && !terms.plan.audience.allow_empty).then_some(Refusal::NobodyLeft {
        excluded,
        lapsed,
        control_group,
    })
}

/// The change that the ledger's times are too far ahead of the wall clock.
fn wrong_clock(present: &Present, terms: &Terms<'_>) -> Option<Change> {
    let zone = &terms.plan.schedule.zone;
    let written = |at: Timestamp| {
        let at = at.to_zoned_datetime(zone.clone());
        at.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
    };
    present.ahead.map(|newest| Change {
        what: Accept::Clock,
        from: written(newest).into(),
        to: written(terms.wall).into(),
        owed_again: 0,
    })
}

/// Returns each change with its acceptance, and the acceptances that were not needed. A change that can surprise nobody needs no
/// acceptance.
fn sort(changes: Vec<Change>, ledger_state: &LedgerState, terms: &Terms<'_>) -> (Vec<Found>, Vec<Accept>) {
    let counts = ledger_state.counts();
    let untouched = [StateName::Issued, StateName::InDoubt, StateName::InFlight]
        .iter()
        .all(|name| counts.count(*name) == 0);
    let found: Vec<_> = changes
        .into_iter()
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

/// Compares the coupons that the campaign can come to give with `max_coupons` and `max_worth`.
fn over_max_coupons(ledger_state: &LedgerState, survey: &Survey, plan: &Plan) -> Option<Refusal> {
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
    let max = plan.max_coupons;
    if sum.total() > max {
        return Some(Refusal::OverMaxCoupons { max, sum });
    }
    let max = plan.max_worth?;
    let valuation = ledger_state.valuation(&plan.activity_id, plan.coupon_value);
    let unstated = sum.total().saturating_sub(valuation.stated);
    let at_most = valuation.given + valuation.price?.each.times(unstated);
    (at_most > max).then_some(Refusal::OverMaxWorth { max, at_most, sum })
}
