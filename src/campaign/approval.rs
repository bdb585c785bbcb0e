//! What a campaign file asks of a service in addition to the policy.

use super::keys::keys;
use super::number::IntegerRange;

keys! {
    /// What the service needs before it sends the campaign, in addition to its policy. No file asks for less than the policy.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Approval {
        /// How many users have to approve.
        approvals: u8 = IntegerRange(1..=20), required "2";
    }
}
