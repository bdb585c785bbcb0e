//! What changes something, who asks for it, and whether it is allowed: [`gate`] is the one decision for every door.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};

use crate::catalogue::{Text, service as texts};
use crate::model::delivery::{Resolution, StateName};
use crate::model::envelope::Envelope;
use crate::model::money::Money;
use crate::model::mutants::mutant;
use crate::model::user::Role;

use super::policy::{Hold, Verdict};

/// Where an act comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Door {
    /// A page in a browser.
    Web,
    /// A program with a token.
    Api,
    /// The service itself, because of a file that vanished or a restart.
    Scheduler,
    /// Another command on this machine, over the socket of the run.
    Terminal,
}

/// Who asks for an act.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Who {
    /// The user.
    pub name: String,
    /// What the user may do.
    pub roles: Vec<Role>,
    /// Where the act comes from.
    pub door: Door,
    /// The address of the browser, or the command. Empty for the service itself.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub from: String,
}

impl Who {
    /// The only user of a service without users, who has every role.
    #[must_use]
    pub fn local(name: &str, from: &str) -> Self {
        Self {
            name: name.to_owned(),
            roles: Role::ALL.to_vec(),
            door: Door::Web,
            from: from.to_owned(),
        }
    }

    /// The user of another command on this machine.
    #[must_use]
    pub fn terminal(name: &str, command: &str) -> Self {
        Self {
            name: name.to_owned(),
            roles: Role::ALL.to_vec(),
            door: Door::Terminal,
            from: command.to_owned(),
        }
    }

    /// The service itself, which erases open_ids after the time that an administrator has set.
    #[must_use]
    pub fn retention() -> Self {
        Self {
            roles: vec![Role::Admin],
            ..Self::scheduler()
        }
    }

    /// The service itself. It pauses campaigns, and resumes those that a person approved.
    #[must_use]
    pub fn scheduler() -> Self {
        Self {
            name: "service".to_owned(),
            roles: vec![Role::Operator],
            door: Door::Scheduler,
            from: String::new(),
        }
    }
}

/// The campaign that an act is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Subject {
    /// The name of its file.
    pub file: String,
    /// Its name. Empty if the file cannot be used.
    pub campaign: String,
    /// Its app.
    pub app_id: String,
}

impl Subject {
    /// What identifies the campaign, whatever its file is called: the app id and the name.
    #[must_use]
    pub fn key(&self) -> (String, String) {
        (self.app_id.clone(), self.campaign.clone())
    }
}

/// The deliveries of a decision in bulk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BulkDecision {
    /// Their state. `None` in a record of a version that took any word, and then did nothing.
    #[serde(deserialize_with = "known_word")]
    pub state: Option<Undecided>,
    /// Their last code. `None` for those without one.
    pub code: Option<i64>,
    /// What they become. `None` like `state`.
    #[serde(deserialize_with = "known_word")]
    pub to: Option<DecidedState>,
    /// Whether the person accepts that a user may receive a second coupon.
    pub may_double: bool,
    /// How many the person was shown.
    pub count: u64,
    /// The reason that the person gave, for the ledger.
    pub note: String,
}

/// Reads a word. `None` for one that has no meaning.
fn known_word<'d, D: Deserializer<'d>, T: FromStr>(deserializer: D) -> Result<Option<T>, D::Error> {
    let word = Option::<String>::deserialize(deserializer)?;
    Ok(word.and_then(|word| word.parse().ok()))
}

/// A state of deliveries that wait for a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Undecided {
    /// An answer had a code that nobody has classified.
    Held,
    /// An attempt may have issued a coupon.
    InDoubt,
}

/// What a person decides about deliveries that wait for a decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DecidedState {
    /// The user has the coupon.
    Issued,
    /// The user gets no coupon.
    Refused,
    /// The coupon is sent again.
    Owed,
}

impl Undecided {
    /// The state of such a delivery.
    #[must_use]
    pub const fn state(self) -> StateName {
        match self {
            Self::Held => StateName::Held,
            Self::InDoubt => StateName::InDoubt,
        }
    }
}

impl FromStr for Undecided {
    type Err = ();

    fn from_str(word: &str) -> Result<Self, ()> {
        [Self::Held, Self::InDoubt]
            .into_iter()
            .find(|undecided| undecided.state().word() == word)
            .ok_or(())
    }
}

impl DecidedState {
    /// Its word on pages, for programs and in the log.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Issued => "issued",
            Self::Refused => "refused",
            Self::Owed => "owed",
        }
    }

    /// The decision in a ledger. `may_double` says whether a user may receive a second coupon.
    #[must_use]
    pub const fn resolution(self, may_double: bool) -> Resolution {
        match self {
            Self::Issued => Resolution::Issued,
            Self::Refused => Resolution::Refused,
            Self::Owed => Resolution::Owed { may_double },
        }
    }
}

impl FromStr for DecidedState {
    type Err = ();

    fn from_str(word: &str) -> Result<Self, ()> {
        [Self::Issued, Self::Refused, Self::Owed]
            .into_iter()
            .find(|to| to.word() == word)
            .ok_or(())
    }
}

/// An act. The log has it in this form, so names and fields do not change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "act")]
pub enum Act {
    /// To see campaigns, without the ids of users.
    See,
    /// To see the held and in-doubt deliveries of a campaign.
    SeeDeliveries {
        /// The campaign.
        on: Subject,
    },
    /// To see everything that the campaigns of an app know of one user.
    SeePerson {
        /// The app.
        app_id: String,
        /// The user, as [`pseudonym`](super::person::pseudonym) names it: a record cannot be erased.
        person: String,
    },
    /// To compare a ledger with the platform's own records.
    Compare {
        /// The campaign.
        on: Subject,
    },
    /// To plan a campaign again.
    Plan {
        /// The campaign.
        on: Subject,
        /// Whether the plan is for a rehearsal from the beginning.
        fresh: bool,
    },
    /// To approve a plan and apply it.
    Approve {
        /// The campaign.
        on: Subject,
        /// The fingerprint of the plan that the person was shown.
        fingerprint: String,
        /// The words of `--accept` that the person agreed to.
        accept: Vec<String>,
        /// Whether a rehearsal begins again.
        fresh: bool,
        /// What is allowed. The service fills it in from the plan; versions before envelopes did not.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        envelope: Option<Box<Envelope>>,
    },
    /// To ask others for the approvals of a plan that the policy asks for.
    Request {
        /// The campaign.
        on: Subject,
        /// The fingerprint of the plan that the person was shown.
        fingerprint: String,
        /// The words of `--accept` that the person agreed to.
        accept: Vec<String>,
        /// Whether a rehearsal begins again.
        fresh: bool,
    },
    /// To give one of the approvals that the policy asks for.
    GiveApproval {
        /// The campaign.
        on: Subject,
        /// The fingerprint of the plan that the person was shown.
        fingerprint: String,
        /// The words of `--accept` that the person agreed to, if nobody has requested the plan.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        accept: Vec<String>,
        /// Whether a rehearsal begins again.
        #[serde(default)]
        fresh: bool,
    },
    /// To reject what was requested, or to take back one's own request.
    Reject {
        /// The campaign.
        on: Subject,
        /// The fingerprint of the plan that was requested.
        fingerprint: String,
        /// Why. May be empty.
        note: String,
    },
    /// To apply a plan that has what the policy asks for. The service does it by itself.
    Apply {
        /// The campaign.
        on: Subject,
        /// The fingerprint of the plan.
        fingerprint: String,
        /// The words of `--accept` that were agreed to.
        accept: Vec<String>,
        /// Whether a rehearsal begins again.
        fresh: bool,
        /// The users who approved. Nobody if the policy asks for nobody.
        by: Vec<String>,
        /// What is allowed. The service fills it in from the plan.
        envelope: Option<Box<Envelope>>,
        /// What the campaign may have spent before, for budgets. `None` for a rehearsal.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        spent: Option<Money>,
    },
    /// To pause a run.
    Pause {
        /// The campaign.
        on: Subject,
    },
    /// To continue after a pause.
    Resume {
        /// The campaign.
        on: Subject,
    },
    /// To stop a run.
    Stop {
        /// The campaign.
        on: Subject,
    },
    /// To stop every run.
    StopAll,
    /// To send nothing more until a person ends that.
    Freeze {
        /// Why. May be empty.
        note: String,
    },
    /// To end a freeze that a person began.
    Unfreeze,
    /// To end the wait after a wave.
    ApproveWave {
        /// The campaign.
        on: Subject,
        /// The wave, from 1; 0 for the testers.
        wave: u32,
    },
    /// To decide on held or in-doubt deliveries.
    Resolve {
        /// The campaign.
        on: Subject,
        /// The deliveries, and their new state.
        decision: BulkDecision,
    },
    /// To erase the open_ids of a ledger. The service does it by itself. The ledger may have no campaign file any more; its subject
    /// names no file then.
    Erase {
        /// The campaign.
        on: Subject,
        /// The platform of the ledger: the address, or `sandbox`.
        platform: String,
        /// How long the ledger has to be complete, as the file of the service writes it.
        retain: String,
    },
}

impl Act {
    /// The campaign. `None` for an act about all of them.
    #[must_use]
    pub const fn on(&self) -> Option<&Subject> {
        match self {
            Self::See | Self::SeePerson { .. } | Self::StopAll | Self::Freeze { .. } | Self::Unfreeze => None,
            Self::SeeDeliveries { on }
            | Self::Compare { on }
            | Self::Plan { on, .. }
            | Self::Approve { on, .. }
            | Self::Request { on, .. }
            | Self::GiveApproval { on, .. }
            | Self::Reject { on, .. }
            | Self::Apply { on, .. }
            | Self::Pause { on }
            | Self::Resume { on }
            | Self::Stop { on }
            | Self::ApproveWave { on, .. }
            | Self::Resolve { on, .. }
            | Self::Erase { on, .. } => Some(on),
        }
    }

    /// Its kind.
    #[must_use]
    pub const fn kind(&self) -> ActKind {
        match self {
            Self::See => ActKind::See,
            Self::SeeDeliveries { .. } => ActKind::SeeDeliveries,
            Self::SeePerson { .. } => ActKind::SeePerson,
            Self::Compare { .. } => ActKind::Compare,
            Self::Plan { .. } => ActKind::Plan,
            Self::Approve { .. } => ActKind::Approve,
            Self::Request { .. } => ActKind::Request,
            Self::GiveApproval { .. } => ActKind::GiveApproval,
            Self::Reject { .. } => ActKind::Reject,
            Self::Apply { .. } => ActKind::Apply,
            Self::Pause { .. } => ActKind::Pause,
            Self::Resume { .. } => ActKind::Resume,
            Self::Stop { .. } => ActKind::Stop,
            Self::StopAll => ActKind::StopAll,
            Self::Freeze { .. } => ActKind::Freeze,
            Self::Unfreeze => ActKind::Unfreeze,
            Self::ApproveWave { .. } => ActKind::ApproveWave,
            Self::Resolve { .. } => ActKind::Resolve,
            Self::Erase { .. } => ActKind::Erase,
        }
    }
}

/// The kinds of acts: the rows of the table of roles.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ActKind {
    /// See [`Act::See`].
    See,
    /// See [`Act::SeeDeliveries`].
    SeeDeliveries,
    /// See [`Act::SeePerson`].
    SeePerson,
    /// See [`Act::Compare`].
    Compare,
    /// See [`Act::Plan`].
    Plan,
    /// See [`Act::Approve`].
    Approve,
    /// See [`Act::Request`].
    Request,
    /// See [`Act::GiveApproval`].
    GiveApproval,
    /// See [`Act::Reject`].
    Reject,
    /// See [`Act::Apply`].
    Apply,
    /// See [`Act::Pause`].
    Pause,
    /// See [`Act::Resume`].
    Resume,
    /// See [`Act::Stop`].
    Stop,
    /// See [`Act::StopAll`].
    StopAll,
    /// See [`Act::Freeze`].
    Freeze,
    /// See [`Act::Unfreeze`].
    Unfreeze,
    /// See [`Act::ApproveWave`].
    ApproveWave,
    /// See [`Act::Resolve`].
    Resolve,
    /// See [`Act::Erase`].
    Erase,
}

impl ActKind {
    /// Whether a user with these roles may do it.
    #[must_use]
    pub fn allows(self, roles: &[Role]) -> bool {
        let has_one = |set: &&[Role]| roles.iter().any(|role| set.contains(role));
        self.roles().iter().all(has_one)
    }

    /// The roles that allow it: the user needs one of each set.
    #[must_use]
    pub const fn roles(self) -> &'static [&'static [Role]] {
        use Role::{Admin, Approver, Author, Operator, Support, Viewer};
        match self {
            Self::See => &[&[Viewer, Support, Author, Operator, Approver, Admin]],
            Self::Pause | Self::Stop | Self::StopAll => &[&[Support, Author, Operator, Approver, Admin]],
            Self::SeeDeliveries | Self::SeePerson => &[&[Support, Operator, Approver, Admin]],
            Self::Plan | Self::Request => &[&[Author, Operator, Admin]],
            // To approve a plan, and to apply it.
            Self::Approve => &[&[Approver, Admin], &[Operator, Admin]],
            Self::GiveApproval | Self::ApproveWave => &[&[Approver, Admin]],
            Self::Freeze => &[&[Operator, Approver, Admin]],
            Self::Unfreeze | Self::Erase => &[&[Admin]],
            // An author takes back their own request.
            Self::Reject => &[&[Author, Operator, Approver, Admin]],
            Self::Resume | Self::Resolve | Self::Apply | Self::Compare => &[&[Operator, Admin]],
        }
    }

    /// Whether it makes the program send less. Such an act is allowed while the log cannot be written, and takes effect before
    /// it is recorded.
    #[must_use]
    pub const fn only_holds_back(self) -> bool {
        matches!(self, Self::Pause | Self::Stop | Self::StopAll | Self::Freeze)
    }

    /// Whether it leads to coupons at once. A freeze forbids it.
    #[must_use]
    pub const fn begins_sends(self) -> bool {
        matches!(self, Self::Approve | Self::Apply | Self::Resume | Self::ApproveWave)
    }

    /// Whether it only shows something.
    #[must_use]
    pub const fn only_shows(self) -> bool {
        matches!(self, Self::See | Self::SeeDeliveries | Self::SeePerson)
    }

    /// Whether it needs the log: all that can lead to a coupon, and each look at the ids of users.
    const fn needs_log(self) -> bool {
        !self.only_holds_back() && !matches!(self, Self::See)
    }
}

impl fmt::Display for ActKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let act = match self {
            Self::See => "see",
            Self::SeeDeliveries => "see_deliveries",
            Self::SeePerson => "see_person",
            Self::Compare => "compare",
            Self::Plan => "plan",
            Self::Approve => "approve",
            Self::Request => "request",
            Self::GiveApproval => "give_approval",
            Self::Reject => "reject",
            Self::Apply => "apply",
            Self::Pause => "pause",
            Self::Resume => "resume",
            Self::Stop => "stop",
            Self::StopAll => "stop_all",
            Self::Freeze => "freeze",
            Self::Unfreeze => "unfreeze",
            Self::ApproveWave => "approve_wave",
            Self::Resolve => "resolve",
            Self::Erase => "erase",
        };
        texts::Act { act: &act }.fmt(f)
    }
}

/// Who applies a campaign at present.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Applier {
    /// Nobody.
    #[default]
    Nobody,
    /// This service.
    Service,
    /// Another process of this machine.
    OtherProcess,
}

/// The plan of a campaign, as far as an approval depends on it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PlanSituation {
    /// Its fingerprint.
    pub fingerprint: String,
    /// The words of `--accept` that it needs.
    pub needs: Vec<String>,
    /// Whether it would send something.
    pub sends: bool,
    /// Whether it is for a rehearsal from the beginning.
    pub is_fresh: bool,
    /// What the policy of the service says of it. `None` without a policy.
    pub policy: Option<PolicySituation>,
    /// The approvals that the campaign file asks for. `None` if it asks for none, and for a rehearsal.
    pub approvals: Option<u8>,
}

/// What a policy says of a plan, and what was requested.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicySituation {
    /// The verdict, with the approvals that there are.
    pub verdict: Verdict,
    /// The request for this plan. `None` without one, and if it was for another plan.
    pub request: Option<RequestSituation>,
    /// Why the plan is not sent although it has its approvals. `None` if nothing holds it back.
    pub waits: Option<Text>,
    /// Whether nothing but the approvals keeps the service from sending the plan without a request: nobody has stopped the campaign,
    /// its last run completed it, and no change needs an agreement.
    pub is_undisturbed: bool,
}

/// A request, as far as an act depends on it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RequestSituation {
    /// The author.
    pub by: String,
    /// The users who have approved.
    pub approved_by: Vec<String>,
}

impl PolicySituation {
    /// Whether the service sends the plan by itself now.
    #[must_use]
    pub fn goes(&self) -> bool {
        self.has_all() && self.waits.is_none()
    }

    /// Whether nothing is missing for that but what the plan waits for.
    #[must_use]
    pub fn has_all(&self) -> bool {
        let is_held = self.verdict.hold() != Hold::Nothing && !mutant!(ApprovalsUncounted);
        !is_held && (self.request.is_some() || self.is_undisturbed)
    }
}

/// Whether an occurrence may begin.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OccurrenceSituation {
    /// It may, or the campaign takes place once.
    #[default]
    Open,
    /// Nobody began it in time.
    Missed,
    /// Another occurrence of its campaign is running and has not ended when this one begins.
    Overlaps,
}

/// A campaign, as far as an act depends on it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CampaignSituation {
    /// Who applies it.
    pub applier: Applier,
    /// Whether its run is paused, or was when the service stopped.
    pub is_paused: bool,
    /// Whether its file was there at the last scan and can be used.
    pub has_file: bool,
    /// Its plan. `None` before it is planned, and if it cannot be.
    pub plan: Option<PlanSituation>,
    /// Whether it may begin, if it is an occurrence.
    pub occurrence: OccurrenceSituation,
    /// Why nothing of it begins or goes on: a freeze, or a policy that cannot be read. `None` if nothing holds it back.
    pub frozen: Option<Text>,
    /// The users who requested the plan that it sends, or that waits for approvals.
    pub authors: Vec<String>,
    /// Whether the service has one user, who may approve what they requested.
    pub is_local: bool,
}

/// Whether the log can be written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogSituation {
    /// It can.
    #[default]
    Usable,
    /// It cannot, until the service is started again.
    Unusable,
    /// It cannot while its database does not answer.
    Away,
}

/// What an act depends on besides its user.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Situation {
    /// Whether the log can be written.
    pub log: LogSituation,
    /// Whether the service is stopping.
    pub is_stopping: bool,
    /// Whether a person has frozen all sends.
    pub is_frozen: bool,
    /// The campaign of the act. `None` if there is no such campaign.
    pub campaign: Option<CampaignSituation>,
    /// Whether a request of the campaign waits for approvals, or an approved plan of it is not sent to its end.
    pub is_under_way: bool,
}

/// An act that is allowed. Only [`gate`] makes one, and executing an act needs one.
#[derive(Debug)]
pub struct Allowed {
    act: Act,
    who: Who,
}

impl Allowed {
    /// The act.
    #[must_use]
    pub const fn act(&self) -> &Act {
        &self.act
    }

    /// Who asked for it.
    #[must_use]
    pub const fn who(&self) -> &Who {
        &self.who
    }
}

/// Why an act is not allowed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// None of the user's roles allows it.
    #[error("{}", texts::DeniedRole)]
    Role,
    /// The log cannot be written.
    #[error("{}", texts::DeniedReadOnly)]
    ReadOnly,
    /// The database with the log does not answer.
    #[error("{}", texts::DeniedStoreAway)]
    StoreAway,
    /// The service is stopping.
    #[error("{}", texts::DeniedStopping)]
    Stopping,
    /// There is no such campaign.
    #[error("{}", texts::DeniedUnknown)]
    Unknown,
    /// The file is not there, or cannot be used.
    #[error("{}", texts::DeniedNoFile)]
    NoFile,
    /// The campaign is running.
    #[error("{}", texts::DeniedRunning)]
    Running,
    /// The campaign is not running.
    #[error("{}", texts::DeniedNotRunning)]
    NotRunning,
    /// The campaign is not paused.
    #[error("{}", texts::DeniedNotPaused)]
    NotPaused,
    /// There is no plan.
    #[error("{}", texts::DeniedNoPlan)]
    NoPlan,
    /// The plan is another one than the person was shown.
    #[error("{}", texts::DeniedOtherPlan)]
    OtherPlan,
    /// The plan sends nothing.
    #[error("{}", texts::DeniedNothingToSend)]
    NothingToSend,
    /// A change was not agreed to.
    #[error("{}", texts::DeniedNotAccepted { words: &.0.join(", ") })]
    NotAccepted(Vec<String>),
    /// The occurrence was missed.
    #[error("{}", texts::DeniedMissed)]
    Missed,
    /// Another occurrence of the campaign is still running.
    #[error("{}", texts::DeniedOverlaps)]
    Overlaps,
    /// A rule of the policy does not allow the plan: no approval helps.
    #[error("{0}")]
    Policy(Text),
    /// The policy asks for approvals that there are not.
    #[error("{}", texts::DeniedApprovals { needs: &.0 })]
    Approvals(String),
    /// The campaign file asks for approvals, and only a service with a policy collects them.
    #[error("{}", texts::DeniedFileApprovals { approvals: u64::from(*.0) })]
    FileApprovals(u8),
    /// The service has a policy, so an approval needs a request.
    #[error("{}", texts::DeniedNoRequest)]
    NoRequest,
    /// The service has no policy, so there is nothing to request.
    #[error("{}", texts::DeniedNoPolicy)]
    NoPolicy,
    /// The plan was requested before.
    #[error("{}", texts::DeniedRequested { by: &.0 })]
    Requested(String),
    /// The person requested the plan, so another one has to approve it.
    #[error("{}", texts::DeniedOwnRequest)]
    OwnRequest,
    /// The person has approved the plan before.
    #[error("{}", texts::DeniedApprovedBefore)]
    ApprovedBefore,
    /// Nothing is sent at present.
    #[error("{0}")]
    Frozen(Text),
    /// The plan has its approvals, and something else holds it back.
    #[error("{0}")]
    Waits(Text),
    /// A person has frozen all sends already.
    #[error("{}", texts::DeniedFrozenBefore)]
    FrozenBefore,
    /// No person has frozen the sends.
    #[error("{}", texts::DeniedNotFrozen)]
    NotFrozen,
    /// The decision has no reason.
    #[error("{}", texts::DeniedNoNote)]
    NoNote,
    /// A request waits for approvals, or an approved plan is not sent to its end.
    #[error("{}", texts::DeniedUnderWay)]
    UnderWay,
}

impl Denied {
    /// The word for it, for programs.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Role => "role",
            Self::ReadOnly => "read_only",
            Self::StoreAway => "store_away",
            Self::Stopping => "stopping",
            Self::Unknown => "unknown",
            Self::NoFile => "no_file",
            Self::Running => "running",
            Self::NotRunning => "not_running",
            Self::NotPaused => "not_paused",
            Self::NoPlan => "no_plan",
            Self::OtherPlan => "other_plan",
            Self::NothingToSend => "nothing_to_send",
            Self::NotAccepted(_) => "not_accepted",
            Self::Missed => "missed",
            Self::Overlaps => "overlaps",
            Self::NoNote => "no_note",
            Self::Policy(_) => "policy",
            Self::Approvals(_) => "approvals",
            Self::FileApprovals(_) => "file_approvals",
            Self::NoRequest => "no_request",
            Self::NoPolicy => "no_policy",
            Self::Requested(_) => "requested",
            Self::OwnRequest => "own_request",
            Self::ApprovedBefore => "approved_before",
            Self::Frozen(_) => "frozen",
            Self::Waits(_) => "waits",
            Self::FrozenBefore => "frozen_before",
            Self::NotFrozen => "not_frozen",
            Self::UnderWay => "under_way",
        }
    }
}

/// Decides whether `who` may do `act` now.
///
/// # Errors
/// The reason why not.
pub fn gate(act: Act, who: Who, situation: &Situation) -> Result<Allowed, Denied> {
    let kind = act.kind();
    if !kind.allows(&who.roles) {
        return Err(Denied::Role);
    }
    if kind.needs_log() {
        match situation.log {
            LogSituation::Usable => {}
            LogSituation::Unusable => return Err(Denied::ReadOnly),
            LogSituation::Away => return Err(Denied::StoreAway),
        }
    }
    if kind.needs_log() && !kind.only_shows() && situation.is_stopping {
        return Err(Denied::Stopping);
    }
    match act {
        Act::Freeze { .. } if situation.is_frozen => return Err(Denied::FrozenBefore),
        Act::Unfreeze if !situation.is_frozen => return Err(Denied::NotFrozen),
        Act::Erase { .. } if situation.is_under_way => return Err(Denied::UnderWay),
        _ => {}
    }
    match &situation.campaign {
        Some(campaign) if act.on().is_some() => check_campaign(&act, &who, campaign)?,
        // A ledger stays after its file is gone, with the open_ids of its users.
        None if act.on().is_some() && !matches!(act, Act::Erase { .. }) => return Err(Denied::Unknown),
        _ => {}
    }
    Ok(Allowed { act, who })
}

fn check_campaign(act: &Act, who: &Who, campaign: &CampaignSituation) -> Result<(), Denied> {
    let is_running = campaign.applier != Applier::Nobody;
    if let Some(frozen) = campaign.frozen.as_ref().filter(|_| act.kind().begins_sends()) {
        return Err(Denied::Frozen(frozen.clone()));
    }
    match act {
        // A campaign that is paused without a process is stopped for good by `Stop`.
        Act::Stop { .. } if !is_running && !campaign.is_paused => return Err(Denied::NotRunning),
        Act::Pause { .. } if !is_running => return Err(Denied::NotRunning),
        Act::Resume { .. } if !campaign.is_paused => return Err(Denied::NotPaused),
        Act::SeeDeliveries { .. }
        | Act::Compare { .. }
        | Act::Plan { .. }
        | Act::ApproveWave { .. }
        | Act::Resume { .. }
            if !campaign.has_file =>
        {
            return Err(Denied::NoFile);
        }
        Act::Resume { .. } if !is_running => check_occurrence(campaign)?,
        Act::Compare { .. } | Act::Erase { .. } if is_running => return Err(Denied::Running),
        Act::See
        | Act::SeePerson { .. }
        | Act::StopAll
        | Act::Freeze { .. }
        | Act::Unfreeze
        | Act::Stop { .. }
        | Act::Pause { .. }
        | Act::SeeDeliveries { .. }
        | Act::Compare { .. }
        | Act::Plan { .. }
        | Act::Erase { .. }
        | Act::Resume { .. } => {}
        Act::ApproveWave { .. } => {
            let mut authors = campaign.authors.iter();
            if authors.any(|author| is_own_request(&who.name, author, campaign.is_local)) {
                return Err(Denied::OwnRequest);
            }
        }
        Act::Approve {
            fingerprint,
            accept,
            fresh,
            ..
        } => {
            let plan = check_plan(campaign, fingerprint, *fresh)?;
            check_accepted(plan, accept)?;
            if plan.policy.is_some() {
                return Err(Denied::NoRequest);
            }
            // Without a policy nobody but the one who sends it approves.
            if let Some(approvals) = plan.approvals {
                return Err(Denied::FileApprovals(approvals));
            }
        }
        Act::Request {
            fingerprint,
            accept,
            fresh,
            ..
        } => {
            let plan = check_plan(campaign, fingerprint, *fresh)?;
            check_accepted(plan, accept)?;
            let policy = check_policy(plan)?;
            if let Some(request) = &policy.request {
                return Err(Denied::Requested(request.by.clone()));
            }
        }
        Act::GiveApproval {
            fingerprint,
            accept,
            fresh,
            ..
        } => {
            let plan = check_plan(campaign, fingerprint, *fresh)?;
            let policy = check_policy(plan)?;
            match &policy.request {
                None if !campaign.is_local => return Err(Denied::NoRequest),
                None => check_accepted(plan, accept)?,
                Some(request) if is_own_request(&who.name, &request.by, campaign.is_local) && !mutant!(OwnApproval) => {
                    return Err(Denied::OwnRequest);
                }
                Some(request) if request.approved_by.contains(&who.name) => return Err(Denied::ApprovedBefore),
                Some(_) => {}
            }
        }
        Act::Reject { fingerprint, .. } => {
            let plan = campaign.plan.as_ref().filter(|plan| plan.fingerprint == *fingerprint);
            let request = plan.and_then(|plan| plan.policy.as_ref()?.request.as_ref());
            let request = request.ok_or(Denied::NoRequest)?;
            if !ActKind::GiveApproval.allows(&who.roles) && request.by != who.name {
                return Err(Denied::Role);
            }
        }
        Act::Apply {
            fingerprint,
            accept,
            fresh,
            ..
        } => {
            let plan = check_plan(campaign, fingerprint, *fresh)?;
            check_accepted(plan, accept)?;
            let policy = check_policy(plan)?;
            match &policy.waits {
                _ if !policy.has_all() => return Err(Denied::Approvals(policy.verdict.needs_text())),
                Some(why) => return Err(Denied::Waits(why.clone())),
                None => {}
            }
        }
        Act::Resolve { decision, .. } => {
            if !campaign.has_file {
                return Err(Denied::NoFile);
            }
            if decision.note.trim().is_empty() {
                return Err(Denied::NoNote);
            }
        }
    }
    Ok(())
}

/// Whether a user may not approve something because they requested it. The only user of a service need not ask anybody.
#[must_use]
pub fn is_own_request(user: &str, author: &str, is_local: bool) -> bool {
    user == author && !is_local
}

/// The plan that an act is about, if it can be applied now.
fn check_plan<'a>(
    campaign: &'a CampaignSituation,
    fingerprint: &str,
    fresh: bool,
) -> Result<&'a PlanSituation, Denied> {
    if !campaign.has_file {
        return Err(Denied::NoFile);
    }
    if campaign.applier != Applier::Nobody {
        return Err(Denied::Running);
    }
    check_occurrence(campaign)?;
    let plan = campaign.plan.as_ref().ok_or(Denied::NoPlan)?;
    if plan.fingerprint != fingerprint || plan.is_fresh != fresh {
        return Err(Denied::OtherPlan);
    }
    if !plan.sends && plan.needs.is_empty() {
        return Err(Denied::NothingToSend);
    }
    Ok(plan)
}

/// What the policy says of a plan that somebody can approve.
fn check_policy(plan: &PlanSituation) -> Result<&PolicySituation, Denied> {
    let policy = plan.policy.as_ref().ok_or(Denied::NoPolicy)?;
    match policy.verdict.refusal() {
        Some(why) => Err(Denied::Policy(why)),
        None => Ok(policy),
    }
}

fn check_accepted(plan: &PlanSituation, accept: &[String]) -> Result<(), Denied> {
    let missing: Vec<_> = plan
        .needs
        .iter()
        .filter(|word| !accept.contains(word))
        .cloned()
        .collect();
    if !missing.is_empty() {
        return Err(Denied::NotAccepted(missing));
    }
    Ok(())
}

const fn check_occurrence(campaign: &CampaignSituation) -> Result<(), Denied> {
    match campaign.occurrence {
        OccurrenceSituation::Open => Ok(()),
        OccurrenceSituation::Missed => Err(Denied::Missed),
        OccurrenceSituation::Overlaps => Err(Denied::Overlaps),
    }
}

#[cfg(test)]
mod tests;
