//! Compares the approvals that the runs of a ledger cite with the service log: each has to be there as it was cited, and to hold.

use std::collections::BTreeMap;

use crate::ledger::service_log::{LogCheck, LoggedRecord};
use crate::ledger::{Citation, Citations, Head};
use crate::model::identity::Identity;

use super::act::Act;
use super::record::{Entry, Record, run_approval};
use super::requests::{OpenRequest, Requests};

/// A run whose approval the log does not have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrongCitation {
    /// The run, and the approval that it cites.
    pub citation: Citation,
    /// Why that approval does not count.
    pub why: CitationFault,
}

/// Why an approval that a run cites does not count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CitationFault {
    /// The log ends before that record.
    Missing {
        /// The number of records that it has.
        records: u64,
    },
    /// The record is another one: its hash is not the cited one.
    OtherRecord,
    /// Only a newer version understands the record.
    Newer,
    /// The record approves nothing, or was refused.
    NoApproval,
    /// The record is about another campaign.
    OtherCampaign {
        /// The name of that campaign.
        campaign: String,
        /// Its app.
        app_id: String,
    },
    /// The record approves something else than the ledger says: another plan, other bounds, other persons, or at another time.
    OtherApproval,
    /// A person who is said to have approved had not, had been rejected, or the approval had lapsed.
    NotGiven {
        /// The person.
        by: String,
    },
}

/// Finds the first run whose approval the log does not have. `None` if it has each of them.
#[must_use]
pub fn first_wrong(log: &LogCheck, identity: &Identity, citations: &Citations) -> Option<WrongCitation> {
    let given = given_approvals(log);
    citations.all().iter().find_map(|citation| {
        let why = fault(log, identity, citation, &given)?;
        let citation = citation.clone();
        Some(WrongCitation { citation, why })
    })
}

fn fault(
    log: &LogCheck,
    identity: &Identity,
    citation: &Citation,
    given: &BTreeMap<u64, Vec<String>>,
) -> Option<CitationFault> {
    let cited = &citation.approval;
    let records = log.records();
    let Some(logged) = records.iter().find(|logged| logged.sequence == cited.sequence) else {
        let records = log.head().sequence;
        return Some(CitationFault::Missing { records });
    };
    if logged.link != cited.link {
        return Some(CitationFault::OtherRecord);
    }
    let Some(record) = read(logged) else {
        return Some(CitationFault::Newer);
    };
    let Entry::Act {
        who,
        act: act @ (Act::Approve { on, .. } | Act::Apply { on, .. }),
        refused: None,
    } = &record.entry
    else {
        return Some(CitationFault::NoApproval);
    };
    if on.campaign != identity.campaign.as_str() || on.app_id != identity.app_id.as_str() {
        return Some(CitationFault::OtherCampaign {
            campaign: on.campaign.clone(),
            app_id: on.app_id.clone(),
        });
    }
    if run_approval(head(logged), record.at, who, act).as_ref() != Some(cited) {
        return Some(CitationFault::OtherApproval);
    }
    let known = given.get(&logged.sequence)?;
    let not_given = cited.by.iter().find(|by| !known.contains(by))?;
    Some(CitationFault::NotGiven { by: not_given.clone() })
}

/// The users whose approvals held when the service applied a plan, by the number of that record.
fn given_approvals(log: &LogCheck) -> BTreeMap<u64, Vec<String>> {
    let mut requests = Requests::default();
    let mut given = BTreeMap::new();
    for logged in log.records() {
        let Some(record) = read(logged) else { continue };
        if let Entry::Act {
            act: Act::Apply { on, .. },
            refused: None,
            ..
        } = &record.entry
        {
            let open = requests.of(on).map(OpenRequest::given).unwrap_or_default();
            given.insert(logged.sequence, open.into_iter().map(|given| given.by).collect());
        }
        requests.apply(head(logged), &record);
    }
    given
}

fn read(logged: &LoggedRecord) -> Option<Record> {
    serde_json::from_slice(&logged.body).ok()
}

const fn head(logged: &LoggedRecord) -> Head {
    Head {
        sequence: logged.sequence,
        link: logged.link,
    }
}

#[cfg(test)]
mod tests;
