//! What a person asks of a run whose answer is a fact of the ledger: an approval or a decision.

use super::approval::{ApprovalAnswer, ApprovalRequest};
use super::resolve::{ResolveAnswer, ResolveRequest};

/// A request to a run. It is answered once its facts are durable, or when it has no effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PersonRequest {
    /// To end the wait after a wave.
    Approve(ApprovalRequest),
    /// To decide about deliveries.
    Resolve(ResolveRequest),
}

/// The answer of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PersonAnswer {
    /// What became of an approval.
    Approval(ApprovalAnswer),
    /// What became of a decision.
    Resolve(ResolveAnswer),
}
