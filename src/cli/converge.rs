//! Reading the audience and holding it against the ledger: what `apply` does and what `plan` foretells, by the same code.

use jiff::Timestamp;

use crate::audience::Source;
use crate::campaign::{Exclude, Parsed};
use crate::delivery::StateName;
use crate::douyin::codes::Codes;
use crate::engine::admit::{Accept, Admission, Change, Refusal, Terms, Weighed};
use crate::ledger::{Book, Fact, LedgerError};
use crate::plan::{AsOf, Fingerprint, Plan};
use crate::problem::Problem;
use crate::report::plan::verdict::Reason;

use super::Context;
use super::exclude;
use super::failure::Failure;
use super::rehearsal::RehearsalArgs;

/// One reading of the audience.
#[derive(Clone, Copy)]
pub struct Converge<'a> {
    /// Where the program's options are.
    pub context: &'a Context,
    /// What the campaign's file says.
    pub parsed: &'a Parsed,
    /// What it means now.
    pub plan: &'a Plan,
    /// The changes that a person says are meant.
    pub accepted: &'a [Accept],
    /// That the ledger is older than its witness.
    pub older_ledger: Option<&'a Change>,
    /// Whether it is a rehearsal.
    pub rehearsal: &'a RehearsalArgs,
    /// The present.
    pub now: Timestamp,
}

impl Converge<'_> {
    /// What a run tells a ledger before anything else. An attempt that an earlier run left under way is in doubt from
    /// then on; but in a rehearsal whose stand-in was inside the killed process, that platform is gone with everything
    /// that it gave, so there it is called off. A refusal by the next stand-in would otherwise leave a doubt that nobody
    /// can ever settle, and the same command would not complete the rehearsal.
    #[must_use]
    pub fn beginning(&self, book: &Book) -> Vec<Fact> {
        let inside = self.rehearsal.inside();
        let under_way = book
            .unsettled()
            .filter(|(_, standing)| inside && standing.state.name() == StateName::InFlight);
        let called_off = under_way.map(|(key, _)| Fact::Withdrawn { key });
        called_off.chain([self.run_began()]).collect()
    }

    /// That a run begins now.
    #[must_use]
    pub const fn run_began(&self) -> Fact {
        Fact::run_began(self.now, self.plan.retry.timeout)
    }

    /// The present by which times in the audience are read: the latest of those that the command knows, so that no time
    /// that a source can have seen is taken for a mistake. A rehearsal takes the start of the schedule for the present.
    fn latest_present(&self, book: &Book) -> Timestamp {
        let known = book.present_of_apply(self.now.max(self.context.clock.now())).now;
        match self.plan.audience.as_of {
            AsOf::Wall => known,
            AsOf::From(start) => known.max(start),
        }
    }

    /// Reads the audience and holds it against the ledger. `progress` is told now and then how many rows were read. To
    /// break it off, drop it.
    pub async fn weigh(&self, book: &Book, mut progress: impl FnMut(u64)) -> Result<(Weighed, Fingerprint), Failure> {
        let said = &self.parsed.campaign;
        let present = self.latest_present(book);
        let source = Source::of(&said.audience.source, &said.timezone, present);
        let lists = exclude::For {
            context: self.context,
            rehearsal: self.rehearsal,
            campaign: said,
            plan: self.plan,
            present,
        };
        // It says more than that the reading was broken off.
        let spilled = || book.spill().check().map_err(LedgerError::Store);
        let read = lists.read(book, &mut progress).await;
        spilled()?;
        let (excluded, before) = read?;
        let mut admission = Admission::excluding(excluded, self.plan);
        if let Some(change) = self.older_ledger {
            admission.note_older_ledger(change.clone());
        }
        let read = admission.read(&source, |rows| progress(before + rows)).await;
        spilled()?;
        let totals = read?;
        let codes = Codes::new(self.plan.codes.clone());
        let terms = Terms {
            plan: self.plan,
            totals: &totals,
            accepted: self.accepted,
            rehearsal: self.rehearsal.on(),
            class: &|code| codes.classify(code).0,
            wall: self.now,
        };
        let last = book.generation().map(|last| last.fingerprint.as_str());
        let fingerprint = Fingerprint::new(self.plan, &admission.hash(&totals), last);
        let weighed = admission.weigh(&terms);
        spilled()?;
        Ok((weighed, fingerprint))
    }
}

/// Why an audience would not be let in; nothing when it would be.
#[must_use]
pub fn reasons(weighed: &Weighed) -> Vec<Reason> {
    let refused = |refusal: &Refusal| Reason {
        text: refusal.to_string(),
        help: refusal.help(),
    };
    weighed.refusals().iter().map(refused).collect()
}

/// About how many rows a campaign's audience and its lists of the excluded have together; nothing where only reading them
/// would tell.
#[must_use]
pub fn expected_rows(parsed: &Parsed, now: Timestamp) -> Option<u64> {
    let said = &parsed.campaign;
    let lists = said.audience.exclude.iter().flatten();
    let excluded = lists.filter_map(|list| match list {
        Exclude::Source(source) => Some(source),
        // Its ledger is asked, and has no rows.
        Exclude::Campaign(_) => None,
    });
    let all = excluded.chain([&said.audience.source]);
    all.map(|source| Source::of(source, &said.timezone, now).expected_rows())
        .sum()
}

/// Checks that a plan is the one that was reviewed, where one was.
pub fn as_reviewed(reviewed: Option<&Fingerprint>, now: &Fingerprint, plan_again: &str) -> Result<(), Failure> {
    let Some(reviewed) = reviewed else { return Ok(()) };
    let differences = reviewed.differences(now);
    if differences.is_empty() {
        return Ok(());
    }
    let mut failure = Failure::new(
        Problem::OtherPlan,
        "the plan is not the one that --expect names; nothing was sent",
    );
    failure.causes = differences.iter().map(ToString::to_string).collect();
    failure.causes.push(format!("expected {reviewed}, and it is {now}"));
    Err(failure.help(format!("`{plan_again}` shows what it is now")))
}
