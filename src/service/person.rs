//! What all campaigns of an app know of one user.

use std::sync::Arc;

use crate::app::trace::{Trace, trace};
use crate::app::{AppError, LoadedCampaign};
use crate::model::hexadecimal::hexadecimal;

use super::accounts::digest;
use super::fault::{Classify, Fault};

/// A campaign that may know a user.
pub struct Searched {
    /// The name of its file.
    pub file: String,
    /// Its title.
    pub heading: String,
    /// The campaign.
    pub loaded: Arc<LoadedCampaign>,
}

/// What was asked about a user.
pub struct Person {
    /// The app.
    pub app_id: String,
    /// The user.
    pub open_id: String,
    /// What each campaign knows. `None` if it does not know the user, or has no ledger.
    pub found: Vec<(Searched, Result<Option<Trace>, Fault>)>,
}

/// How the log names a user: it keeps no open_id, because records cannot be erased.
#[must_use]
pub fn pseudonym(app_id: &str, open_id: &str) -> String {
    let hash = digest(&format!("{app_id}\n{open_id}"));
    hexadecimal(&hash[..8])
}

/// Searches the ledgers one after the other: each is read whole.
pub async fn search(app_id: String, open_id: String, campaigns: Vec<Searched>, classify: Classify) -> Person {
    let mut found = Vec::new();
    for searched in campaigns {
        let traced = match Box::pin(trace(&searched.loaded, &open_id)).await {
            Ok(trace) => Ok(Some(trace)),
            Err(AppError::UnknownUser { .. } | AppError::NoLedger { .. }) => Ok(None),
            Err(error) => Err(Fault::new(error, classify)),
        };
        found.push((searched, traced));
    }
    Person { app_id, open_id, found }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pseudonym_belongs_to_one_user_of_one_app() {
        let one = pseudonym("tt1", "1u");
        assert_eq!(one, pseudonym("tt1", "1u"));
        assert_eq!(one.len(), 16);
        assert_ne!(one, pseudonym("tt11", "u"));
        assert_ne!(one, pseudonym("tt1", "2u"));
    }
}
