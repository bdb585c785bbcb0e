//! What a person wants of an apply.

use std::sync::Arc;

use crate::engine::audience_diff::Accept;
use crate::model::actor::Actor;
use crate::model::envelope::RunApproval;
use crate::plan::Fingerprint;

use super::confirmation::Confirm;

/// What a person wants of an apply, for each of its campaigns.
#[derive(Clone, Default)]
pub struct ApplyRequest {
    /// The changes since the last apply that the person accepts.
    pub accept: Vec<Accept>,
    /// The fingerprint of the plan that was reviewed.
    pub expect: Option<Fingerprint>,
    /// The approval of the service that the run goes by. A plan inside its envelope is applied, whatever [`Self::expect`] says.
    pub approval: Option<Arc<RunApproval>>,
    /// The person who applies. `None` for the login name.
    pub by: Option<Actor>,
    /// Whether a rehearsal starts with a new ledger.
    pub fresh: bool,
    /// Whether the person agrees to every send beforehand.
    pub yes: bool,
    /// Who is asked before a send. `None` if nobody can be: then the campaign file is the authority.
    pub confirm: Option<Arc<dyn Confirm>>,
}
