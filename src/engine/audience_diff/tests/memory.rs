//! A ledger over a store in memory, and one apply to it.

use crate::audience::Activity;
use crate::audience::Row;
use crate::audience::Totals;
use crate::ledger::AudienceOrigin;
use crate::ledger::Generation;
use crate::ledger::LedgerState;
use crate::ledger::Spill;
use crate::model::delivery::Away;
use crate::model::event::UnusableKind;
use crate::model::outcome::Class;
use crate::plan::Plan;
use jiff::Timestamp;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};

use super::super::*;
use crate::audience::Place;
use crate::campaign;
use crate::ledger::memory::MemoryStore;
use crate::ledger::{Fact, Ledger};
use crate::model::clock::from_ms;
use crate::model::delivery::{Decision, DeliveryKey, DeliveryStatus, State};
use crate::model::event::PlaceUnit;
use crate::model::outcome::{Coupon, Outcome, Proof, Unknown};
use crate::plan::{self, RunOptions};

pub(super) const CODE: i64 = 29_005_099;

/// The hash of the settings of the lists in all tests.
pub(super) const LISTS: [u8; 32] = [7; 32];

/// A real ledger over a store in memory.
pub(super) struct Memory {
    store: MemoryStore,
    ledger: Ledger<MemoryStore>,
    runtime: Runtime,
}

/// All that a book says of one recipient.
pub(super) type Image = (String, Option<Away>, Vec<DeliveryStatus>);

impl Memory {
    pub(super) fn new() -> Self {
        // So that most open_ids lie in a file.
        Self::spilling(Spill::beyond(0, 2, std::env::temp_dir()))
    }

    /// A new ledger that moves open_ids out of memory like this.
    pub(super) fn spilling(spill: Spill) -> Self {
        Self::open(MemoryStore::default(), Arc::new(spill))
    }

    /// Opens what is durable, and begins a run.
    fn open(store: MemoryStore, spill: Arc<Spill>) -> Self {
        let runtime = Builder::new_current_thread().build().expect("a runtime");
        let ledger = runtime
            .block_on(Ledger::open_spilling(store.clone(), plan().identity, spill))
            .expect("the ledger opens");
        let mut memory = Self { store, ledger, runtime };
        memory.append(vec![Fact::run_began(from_ms(0), Duration::from_secs(10))]);
        memory
    }

    /// The process ends, and another one opens the ledger.
    pub(super) fn reopen(&mut self) {
        *self = Self::open(self.store.clone(), Arc::clone(self.state().spill()));
    }

    pub(super) fn state(&self) -> &LedgerState {
        self.ledger.state()
    }

    pub(super) fn append(&mut self, facts: Vec<Fact>) {
        self.runtime.block_on(self.ledger.append(facts)).expect("the facts fit");
    }

    pub(super) fn image(&self) -> (Option<Generation>, Vec<Image>) {
        let ledger_state = self.state();
        let standings = |recipient| {
            let all =
                (1..=ledger_state.ordinals()).map(|ordinal| ledger_state.status(DeliveryKey { recipient, ordinal }));
            (
                ledger_state.open_id(recipient),
                ledger_state.away(recipient),
                all.collect(),
            )
        };
        (
            ledger_state.generation().cloned(),
            (0..ledger_state.recipients()).map(standings).collect(),
        )
    }

    pub(super) fn open_ids(&self) -> Vec<String> {
        self.image().1.into_iter().map(|(open_id, _, _)| open_id).collect()
    }

    /// Sends one delivery, if it can be sent and it is its turn, with this end.
    pub(super) fn send(&mut self, key: DeliveryKey, decision: Decision) {
        let before = (1..key.ordinal).map(|ordinal| DeliveryKey { ordinal, ..key });
        let its_turn = before
            .map(|key| self.state().status(key).state)
            .all(|state| state == State::Issued);
        if its_turn && self.state().status(key).state == State::Pending {
            self.attempt(key, decision);
        }
    }

    /// Attempts one delivery, with this end.
    pub(super) fn attempt(&mut self, key: DeliveryKey, decision: Decision) {
        self.attempt_with(key, decision, Proof::Unknown(Unknown::TimedOut));
    }

    /// Attempts one delivery, for which the platform issues a coupon of this value.
    pub(super) fn attempt_issued(&mut self, key: DeliveryKey, fen: i64) {
        let coupon = Box::new(Coupon {
            discount_amount: Some(fen),
            ..Coupon::default()
        });
        self.attempt_with(key, Decision::Issued, Proof::Issued { coupon, replay: false });
    }

    fn attempt_with(&mut self, key: DeliveryKey, decision: Decision, proof: Proof) {
        let activity = self.state().current_activity().expect("a generation was closed");
        let outcome = Box::new(Outcome {
            proof,
            answer: None,
            status: None,
            detail: None,
            retry_after: None,
            latency: Duration::ZERO,
            at: from_ms(0),
        });
        let intent = Fact::Intent {
            key,
            at: from_ms(0),
            activity,
        };
        self.append(vec![intent, Fact::Ended { key, decision, outcome }]);
    }

    pub(super) fn all(&self) -> impl Iterator<Item = DeliveryKey> + use<> {
        let most = self.state().ordinals();
        (0..self.state().recipients())
            .flat_map(move |recipient| (1..=most).map(move |ordinal| DeliveryKey { recipient, ordinal }))
    }
}

/// What the least campaign file means in a rehearsal.
fn plan() -> Plan {
    let file = "{version: 1, campaign: summer, app_id: tt1, activity_id: 7218, \
                audience: {source: {csv: {path: a.csv, open_id: open_id}}}}";
    let parsed = campaign::parse(Path::new("summer.yaml"), file.as_bytes()).unwrap_or_else(|found| panic!("{found:?}"));
    let sandbox = Some("http://127.0.0.1:1".to_owned());
    let options = RunOptions {
        sandbox,
        ..RunOptions::default()
    };
    plan::build(&parsed.campaign, options).expect("it has a plan")
}

/// One apply: what the file says, what the source names, what was accepted.
#[derive(Clone)]
pub(super) struct Apply {
    pub(super) plan: Plan,
    pub(super) rows: Vec<Result<String, UnusableKind>>,
    pub(super) accepted: Vec<Accept>,
    pub(super) rehearsal: bool,
    pub(super) class: Class,
    /// What the rows say of their users' last activity, as far as it goes.
    pub(super) active: Vec<Activity<'static>>,
    /// The lists of the excluded, by name.
    pub(super) excluded: Vec<(String, Vec<String>)>,
    pub(super) now: Timestamp,
    /// Where it is read, in a fleet.
    pub(super) origin: Option<AudienceOrigin>,
}

impl Apply {
    pub(super) fn new<S: ToString>(open_ids: impl IntoIterator<Item = S>) -> Self {
        Self {
            plan: plan(),
            rows: open_ids.into_iter().map(|open_id| Ok(open_id.to_string())).collect(),
            accepted: Vec::new(),
            rehearsal: false,
            class: Class::Hold,
            active: Vec::new(),
            excluded: Vec::new(),
            now: from_ms(1_000),
            origin: None,
        }
    }

    pub(super) fn accepting(mut self, accepted: &[Accept]) -> Self {
        self.accepted = accepted.to_vec();
        self
    }

    pub(super) fn with(mut self, change: impl FnOnce(&mut Plan)) -> Self {
        change(&mut self.plan);
        self
    }

    pub(super) fn decide(&self, ledger: &Memory) -> Result<Admission, Vec<Refusal>> {
        let row = |number, open_id, last_active| Row {
            place: Place {
                within: "audience.csv",
                unit: PlaceUnit::Line,
                number,
            },
            open_id,
            last_active,
        };
        let mut excluded = Exclusion::new(ledger.state());
        for (name, open_ids) in &self.excluded {
            if name.starts_with("campaign ") {
                excluded.campaign(name.clone(), open_ids.iter().cloned());
                continue;
            }
            excluded.begin(name.clone());
            let rows = (2..).zip(open_ids);
            rows.for_each(|(line, open_id)| {
                let open_id = Some(open_id.as_str()).filter(|open_id| !open_id.is_empty());
                excluded.row(&row(line, open_id.ok_or(UnusableKind::Empty), Activity::Unknown));
            });
            excluded.end(&Totals {
                rows: open_ids.len() as u64,
                ..Totals::default()
            });
        }
        let mut admission = DiffBuilder::excluding(excluded, &self.plan);
        let active = self.active.iter().copied().chain(std::iter::repeat(Activity::Unknown));
        for (line, (open_id, active)) in (2..).zip(self.rows.iter().zip(active)) {
            admission.row(&row(line, open_id.as_deref().map_err(|kind| *kind), active));
        }
        if let Some(origin) = &self.origin {
            admission.note_origin(origin.clone());
        }
        let totals = Totals {
            rows: self.rows.len() as u64,
            bytes: 0,
            hash: [0; 32],
            shares: Vec::new(),
        };
        self.decide_with(admission, &totals)
    }

    /// Goes on with the audience that the ledger has, without its rows.
    pub(super) fn take_over(&self, ledger: &Memory) -> Result<Admission, NotTakenOver> {
        let admitted = AdmittedAudience::new(ledger.state(), &self.plan, &LISTS)?;
        let admission = DiffBuilder::admitted(&admitted, &self.plan);
        let decided = self.decide_with(admission, &admitted.totals());
        Ok(decided.expect("what was admitted is admitted again"))
    }

    fn decide_with(&self, admission: DiffBuilder<'_>, totals: &Totals) -> Result<Admission, Vec<Refusal>> {
        admission.decide(&Terms {
            plan: &self.plan,
            totals,
            accepted: &self.accepted,
            rehearsal: self.rehearsal,
            class: &|_| self.class,
            wall: self.now,
        })
    }

    /// Applies, and tells the ledger.
    pub(super) fn to(&self, ledger: &mut Memory) -> Admission {
        let admission = self.decide(ledger).expect("the audience is admitted");
        admit(admission, ledger)
    }

    /// Goes on with the audience that the ledger has, and tells the ledger.
    pub(super) fn take_over_to(&self, ledger: &mut Memory) -> Result<Admission, NotTakenOver> {
        let admission = self.take_over(ledger)?;
        Ok(admit(admission, ledger))
    }

    pub(super) fn refused(&self, ledger: &Memory) -> String {
        let refusals = self.decide(ledger).expect_err("the audience is not admitted");
        let told = refusals.iter().map(|refusal| match refusal.help() {
            Some(help) => format!("{refusal}\n  help: {help}"),
            None => refusal.to_string(),
        });
        told.collect::<Vec<_>>().join("\n")
    }
}

/// Tells the ledger of an admission.
fn admit(admission: Admission, ledger: &mut Memory) -> Admission {
    for batch in admission.changes.clone().into_batches() {
        ledger.append(batch.expect("everybody can be read"));
    }
    assert_eq!(
        ledger.state().counts(),
        admission.counts,
        "the counts that were foretold"
    );
    assert_eq!(ledger.state().counts(), ledger.state().recount());
    admission
}
