//! Mutants: bugs that tests enable to show that a checker finds them, one per thread, chosen at run time. Only a build with debug
//! assertions has them, so no release does.

/// Whether this mutant is enabled in this thread.
#[cfg(not(debug_assertions))]
macro_rules! mutant {
    ($bug:ident) => {
        false
    };
}

/// Whether this mutant is enabled in this thread.
#[cfg(debug_assertions)]
macro_rules! mutant {
    ($bug:ident) => {
        $crate::model::mutants::has($crate::model::mutants::Mutant::$bug)
    };
}

/// The records to append in place of one: that record.
#[cfg(not(debug_assertions))]
macro_rules! appended {
    ($record:expr) => {
        [$record]
    };
}

/// The records to append in place of one: the previous record, with [`Mutant::SentEarly`].
#[cfg(debug_assertions)]
macro_rules! appended {
    ($record:expr) => {
        $crate::model::mutants::in_place_of($record)
    };
}

pub(crate) use {appended, mutant};

#[cfg(debug_assertions)]
pub use bugs::{Mutant, begin, enable, has, in_place_of};

#[cfg(debug_assertions)]
mod bugs {
    use std::cell::{Cell, RefCell};

    /// A mutant.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum Mutant {
        /// An outcome is emitted before it is durable.
        ToldEarly,
        /// A send leaves before its intent is durable: each batch is durable with the next one.
        SentEarly,
        /// The pace is taken before the intents are durable.
        PacedEarly,
        /// The pace is taken before the connection is made.
        ConnectedLate,
        /// A refusal settles a delivery that has a lost answer.
        RefusalSettles,
        /// The pace before a restart is forgotten.
        Forgetful,
        /// The send window is checked when a send is queued, and not when it starts.
        WindowWhenQueued,
        /// A ledger that was removed or replaced during a run is not noticed.
        VanishUnnoticed,
        /// An older copy of a ledger is used.
        OlderTaken,
        /// A success that is older than its attempt halts no run.
        ReplaysTaken,
        /// The reservation of a user by another campaign is ignored.
        UserTwice,
        /// A held delivery whose code is now classified as `retry` is owed again without a doubt.
        HeldOwedAgain,
        /// A delivery that was held when it was skipped is owed when its recipient returns.
        HeldForgotten,
        /// `max_coupons` does not count the held deliveries that another activity makes owed again.
        RiskUncounted,
        /// `max_worth` does not count the coupons in doubt or in flight.
        DoubtsWorthNothing,
        /// A wait or a halt that answers a resend under a former activity concerns the campaign.
        FormerHalts,
        /// An answer from a wrong address means that nothing was issued.
        WrongAddressProves,
        /// An attempt that was certainly not sent counts as one.
        NotSentCounts,
        /// An answer with the ids of another delivery is accepted.
        RepeatsTaken,
        /// A wave is approved as soon as it has ended.
        Unapproved,
        /// A run goes on outside the envelope of its approval.
        OutsideEnvelope,
        /// A decision is taken while attempts are in flight.
        DecidedInFlight,
        /// A decision owes a doubt again while its request may be at the platform.
        ReopenedUnderWay,
        /// The queue does not learn of a decision.
        DecisionUnheard,
        /// A service that restarts forgets what was requested and approved.
        ApprovalForgotten,
        /// A user may approve their own request.
        OwnApproval,
        /// A plan is sent whether or not it has its approvals.
        ApprovalsUncounted,
        /// An approval counts after its time.
        ExpiredCounts,
        /// The freezes of a policy hold nothing.
        FreezeUnheard,
        /// A run reserves nothing of a budget.
        BudgetUnreserved,
        /// An activity is released while a delivery is in doubt.
        ReleaseIgnoresDoubt,
        /// An activity is released while a delivery is held.
        ReleaseIgnoresHeld,
        /// A released activity is sent under.
        SentAfterRelease,
        /// The creation of an activity whose answer was lost is followed by the next activity.
        LostCreatedAgain,
        /// A bill that lacks some coupons that the ledger knows counts as complete.
        TruncatedBillTrusted,
        /// A bill that has none of the coupons that the ledger knows counts as complete.
        OtherAppBillTrusted,
        /// A delivery that no bill has is owed again without a person.
        AbsenceSettles,
        /// The count of another activity is compared with a doubt.
        OtherActivityCounted,
        /// The age of a doubt within a run is measured by the wall clock.
        StepsCount,
        /// An attempt does not check whether its worker still owns the app id.
        TrustUnchecked,
        /// The users with a request of the previous owner are not passed over.
        UnfinishedForgotten,
        /// The campaigns of a new owner start at once.
        StartsBeforeTerm,
        /// A worker trusts its lease from the answer of a renewal on.
        TrustFromAnswer,
        /// A worker counts the time in which the database is away as silence of other workers.
        OutageAsSilence,
        /// A new owner of an app id sends at once.
        NoWaitAfterFence,
        /// A batch that is not on the standby counts as durable.
        WarningIgnored,
    }

    thread_local! {
        static ENABLED: Cell<Option<Mutant>> = const { Cell::new(None) };
        static HELD_BACK: RefCell<Option<Vec<u8>>> = const { RefCell::new(None) };
    }

    /// Enables a mutant in this thread, or disables all.
    pub fn enable(mutant: Option<Mutant>) {
        ENABLED.set(mutant);
        begin();
    }

    /// Forgets the records of an earlier process.
    pub fn begin() {
        HELD_BACK.take();
    }

    /// Whether a mutant is enabled in this thread.
    #[must_use]
    pub fn has(mutant: Mutant) -> bool {
        ENABLED.get() == Some(mutant)
    }

    /// The records to append in place of one.
    pub fn in_place_of(record: Vec<u8>) -> impl Iterator<Item = Vec<u8>> {
        let record = Some(record);
        let now = if has(Mutant::SentEarly) {
            HELD_BACK.replace(record)
        } else {
            record
        };
        now.into_iter()
    }
}
