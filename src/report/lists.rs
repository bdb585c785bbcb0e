//! Lists within a sentence.

use std::collections::BTreeMap;

use crate::catalogue::plan::{Comma, SkippedFor};
use crate::model::delivery::Skipped;

use super::wording::skip_reason;

/// Joins the parts of a list as the language does.
#[must_use]
pub fn joined(parts: impl IntoIterator<Item = String>) -> String {
    let joined = parts.into_iter().reduce(|parts, part| {
        Comma {
            parts: &parts,
            part: &part,
        }
        .to_string()
    });
    joined.unwrap_or_default()
}

/// How many deliveries are skipped for each reason.
#[must_use]
pub fn skipped_reasons(skipped: &BTreeMap<Skipped, u64>) -> String {
    joined(skipped.iter().map(|(why, n)| {
        SkippedFor {
            n: *n,
            reason: &skip_reason(*why),
        }
        .to_string()
    }))
}
