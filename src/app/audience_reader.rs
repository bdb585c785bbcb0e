//! Reads the audience and compares it with the ledger. Applies, plans and simulations share this code.

use jiff::Timestamp;

use crate::audience::{Source, Totals};
use crate::campaign::{Exclude, Parsed, Testers};
use crate::catalogue::Text;
use crate::douyin::codes::Codes;
use crate::engine::audience_diff::{Accept, AdmittedAudience, Change, Diff, DiffBuilder, Refusal, Terms};
use crate::ledger::{AudienceOrigin, Fact, Generation, LedgerError, LedgerState};
use crate::model::actor::{Act, ActKind, Actor};
use crate::model::delivery::StateName;
use crate::model::envelope::{RunApproval, Usage};
use crate::plan::{AsOf, Difference, Fingerprint};
use crate::report::feasibility::Reason;

use super::audience_origin::{lists_hash, take_over};
use super::campaign::LoadedCampaign;
use super::doctor::with_causes;
use super::error::AppError;
use super::excluded::ExcludeLists;
use super::process::host;

/// What one reading of the audience needs.
#[derive(Clone, Copy)]
pub struct AudienceReader<'a> {
    /// The campaign.
    pub campaign: &'a LoadedCampaign,
    /// The changes that the user accepted.
    pub accepted: &'a [Accept],
    /// The change that says that the ledger is older than its witness. `None` if it is not.
    pub older_ledger: Option<&'a Change>,
    /// The person who applies. `None` if nothing is sent for real.
    pub by: Option<&'a Actor>,
    /// The approval of the service that the run goes by. `None` for an apply in a terminal, and if nothing is sent for real.
    pub approval: Option<&'a RunApproval>,
    /// Whether the run goes on for another worker of a fleet. It goes on with the admitted audience if a server with lists fails.
    pub takes_over: bool,
    /// The wall clock at the start of the use case.
    pub now: Timestamp,
}

impl AudienceReader<'_> {
    /// Returns the facts that a run appends first. From then on, an attempt that an earlier run left in flight is in doubt.
    /// In a rehearsal with the built-in fake platform, that platform ended with the killed process, so the attempt is
    /// withdrawn instead. A refusal by the next fake platform would otherwise leave a doubt that can never be settled, and
    /// the rehearsal would never complete.
    #[must_use]
    pub fn beginning(&self, ledger_state: &LedgerState) -> Vec<Fact> {
        let inside = self.campaign.at.rehearsal.is_inside();
        let under_way = ledger_state
            .unsettled()
            .filter(|(_, status)| inside && status.state.name() == StateName::InFlight);
        let called_off = under_way.map(|(key, _)| Fact::Withdrawn { key });
        called_off.chain(self.run_began()).collect()
    }

    /// Returns the facts that a run starts now, and whose it is.
    #[must_use]
    pub fn run_began(&self) -> Vec<Fact> {
        let began = Fact::run_began(self.now, self.campaign.plan.retry.timeout);
        let applied = self.by.map(|by| Fact::Acted {
            at: self.now,
            act: Box::new(Act {
                by: by.clone(),
                kind: ActKind::Applied,
            }),
        });
        let approved = self.approval.map(|approval| Fact::RunApproved {
            at: self.now,
            approval: Box::new(approval.clone()),
        });
        [began].into_iter().chain(applied).chain(approved).collect()
    }

    /// Returns the latest time that the use case knows, so that no time that a source can contain is reported as a mistake.
    /// A rehearsal also counts the start of the schedule.
    fn latest_present(&self, ledger_state: &LedgerState) -> Timestamp {
        let known = ledger_state
            .present_of_apply(self.now.max(self.campaign.environment.clock.now()))
            .now;
        match self.campaign.plan.audience.as_of {
            AsOf::Wall => known,
            AsOf::From(start) => known.max(start),
        }
    }

    /// Reads the audience and compares it with the ledger. Calls `progress` regularly with the number of rows read. Drop
    /// the future to cancel it.
    pub async fn read_diff(
        &self,
        ledger_state: &LedgerState,
        progress: impl FnMut(u64),
    ) -> Result<(Diff, Fingerprint), AppError> {
        if let Some(admitted) = take_over(self.campaign, ledger_state)? {
            return Ok(self.diff_of_admitted(&admitted, ledger_state, None));
        }
        let read = Box::pin(self.read_lists(ledger_state, progress)).await;
        let Err(error) = &read else { return read };
        if !self.takes_over || !error.is_of_audience_server() {
            return read;
        }
        match AdmittedAudience::new(ledger_state, &self.campaign.plan, &lists_hash(self.campaign)) {
            Ok(admitted) => {
                let why = Text::from_fn(|| with_causes(error));
                Ok(self.diff_of_admitted(&admitted, ledger_state, Some(why)))
            }
            Err(_) => read,
        }
    }

    async fn read_lists(
        &self,
        ledger_state: &LedgerState,
        mut progress: impl FnMut(u64),
    ) -> Result<(Diff, Fingerprint), AppError> {
        let settings = &self.campaign.parsed.campaign;
        let plan = &*self.campaign.plan;
        let present = self.latest_present(ledger_state);
        let source = Source::new(&settings.audience.source, &settings.timezone, present);
        let lists = ExcludeLists {
            campaign: self.campaign,
            present,
        };
        // A spill failure is the cause of a failed read, so it is checked first.
        let spilled = || ledger_state.spill().check().map_err(LedgerError::Store);
        let read = lists.read(ledger_state, &mut progress).await;
        spilled()?;
        let (excluded, before) = read?;
        let mut admission = DiffBuilder::excluding(excluded, plan);
        if let Some(change) = self.older_ledger {
            admission.note_older_ledger(change.clone());
        }
        if self.by.is_some() && self.campaign.database().is_some() {
            admission.note_origin(AudienceOrigin {
                at: self.now,
                host: host(),
                lists: lists_hash(self.campaign),
            });
        }
        let read = admission.read(&source, |rows| progress(before + rows)).await;
        spilled()?;
        let totals = read?;
        match &settings.audience.testers {
            Some(Testers::OpenIds(open_ids)) => open_ids.iter().for_each(|open_id| admission.tester(open_id)),
            Some(Testers::Source(testers)) => {
                let source = Source::new(testers, &settings.timezone, present);
                let read = admission.read_testers(&source).await;
                spilled()?;
                read?;
            }
            None => {}
        }
        let last = ledger_state.generation().map(|last| last.fingerprint.as_str());
        let fingerprint = Fingerprint::new(plan, &admission.hash(&totals), last);
        let diff = self.diff(admission, &totals);
        spilled()?;
        Ok((diff, fingerprint))
    }

    /// Compares the audience in the ledger with the campaign file. Its lists are on another machine, or cannot be read because of `unread`.
    fn diff_of_admitted(
        &self,
        admitted: &AdmittedAudience<'_>,
        ledger_state: &LedgerState,
        unread: Option<Text>,
    ) -> (Diff, Fingerprint) {
        let plan = &*self.campaign.plan;
        let mut admission = DiffBuilder::admitted(admitted, plan);
        if let Some(why) = unread {
            admission.note_unread(why);
        }
        if let Some(change) = self.older_ledger {
            admission.note_older_ledger(change.clone());
        }
        let last = ledger_state.generation().map_or("", |last| &last.fingerprint);
        let fingerprint = Fingerprint::of_admitted(plan, last);
        (self.diff(admission, &admitted.totals()), fingerprint)
    }

    fn diff(&self, admission: DiffBuilder<'_>, totals: &Totals) -> Diff {
        let plan = &*self.campaign.plan;
        let codes = Codes::new(plan.codes.clone());
        admission.into_diff(&Terms {
            plan,
            totals,
            accepted: self.accepted,
            rehearsal: self.campaign.at.rehearsal.is_on(),
            class: &|code| codes.classify(code).0,
            wall: self.now,
        })
    }
}

/// Returns why the audience would not be admitted. Empty if it would be.
#[must_use]
pub fn reasons(diff: &Diff) -> Vec<Reason> {
    let refused = |refusal: &Refusal| Reason {
        text: refusal.to_string(),
        help: refusal.help(),
    };
    diff.refusals().iter().map(refused).collect()
}

/// Returns about how many rows the audience and its exclude lists have. `None` if the number is not known before they are
/// read.
#[must_use]
pub fn expected_rows(parsed: &Parsed, now: Timestamp) -> Option<u64> {
    let settings = &parsed.campaign;
    let lists = settings.audience.exclude.iter().flatten();
    let excluded = lists.filter_map(|list| match list {
        Exclude::Source(source) => Some(source),
        // The ledger of that campaign is read instead, and has no rows.
        Exclude::Campaign(_) => None,
    });
    let all = excluded.chain([&settings.audience.source]);
    all.map(|source| Source::new(source, &settings.timezone, now).expected_rows())
        .sum()
}

/// Checks that the plan is the reviewed one, if one is given.
pub fn check_reviewed(
    campaign: &LoadedCampaign,
    reviewed: Option<&Fingerprint>,
    now: &Fingerprint,
) -> Result<(), AppError> {
    match reviewed.filter(|reviewed| !reviewed.differences(now).is_empty()) {
        Some(reviewed) => Err(AppError::OtherPlan {
            at: Box::new(campaign.at.clone()),
            reviewed: Box::new(reviewed.clone()),
            now: Box::new(now.clone()),
        }),
        None => Ok(()),
    }
}

/// Checks that the plan is inside the approval that the run goes by: the file is the approved one, and so is the audience, unless
/// the envelope allows another one of its size.
pub fn check_approved(
    campaign: &LoadedCampaign,
    approval: &RunApproval,
    now: &Fingerprint,
    generation: &Generation,
    at: Timestamp,
) -> Result<(), AppError> {
    let envelope = &approval.envelope;
    let reviewed = approval.fingerprint.parse::<Fingerprint>();
    let allows = |difference: &Difference| match difference {
        Difference::File | Difference::LedgerGone => false,
        Difference::Audience | Difference::Applied => envelope.audience.is_some(),
    };
    if let Ok(reviewed) = &reviewed
        && !reviewed.differences(now).iter().all(allows)
    {
        return check_reviewed(campaign, Some(reviewed), now);
    }
    // The engine holds each send against the coupons and their worth.
    let planned = Usage {
        per_user: generation.coupons_per_user,
        listed: generation.listed,
        ..Usage::default()
    };
    let outside = |excess| AppError::OutsideApproval { excess };
    envelope.check(&planned, 0, at).map_err(outside)
}
