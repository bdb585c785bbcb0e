//! What is wrong with a channel and what to do, for people.

use crate::campaign::ChannelKind;
use crate::catalogue::notify as text;
use crate::report::text::visible;

use super::verdict::{Fault, FaultKind};

/// The longest message of a channel that is shown, in characters.
const MOST_MESSAGE: usize = 200;

/// Returns what is wrong, in a few words.
#[must_use]
pub fn fault(kind: ChannelKind, fault: &Fault) -> String {
    let what = text::Fault {
        fault: &fault.kind.word(),
    };
    let message: String = visible(&fault.message).chars().take(MOST_MESSAGE).collect();
    match (fault.code, message.as_str(), fault.kind) {
        (None, ..) => what.to_string(),
        (Some(status), _, FaultKind::Status) => text::FaultStatus { status: &status }.to_string(),
        (Some(status), "", FaultKind::Gone) if kind == ChannelKind::Webhook || status < 600 => text::FaultWithStatus {
            what: &what,
            status: &status,
        }
        .to_string(),
        (Some(code), "", _) => text::FaultWithCode {
            what: &what,
            code: &code,
        }
        .to_string(),
        (Some(code), message, _) => text::FaultWithMessage {
            what: &what,
            code: &code,
            message: &message,
        }
        .to_string(),
    }
}

/// Returns what to do about it.
#[must_use]
pub fn remedy(kind: FaultKind) -> String {
    text::Remedy { fault: &kind.word() }.to_string()
}
