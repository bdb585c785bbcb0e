//! What was requested and has not been sent yet, with the approvals that it has: a fold over the records of the service log.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use crate::ledger::Head;
use crate::model::mutants::mutant;
use crate::model::run_state::EndState;

use super::act::{Act, Subject, Who};
use super::policy::GivenApproval;
use super::record::{Entry, Record};

/// A request for the approval of a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenRequest {
    /// The campaign.
    pub on: Subject,
    /// The fingerprint of its plan.
    pub fingerprint: String,
    /// The words of `--accept` that the author agreed to.
    pub accept: Vec<String>,
    /// Whether a rehearsal begins again.
    pub is_fresh: bool,
    /// The author.
    pub by: Who,
    /// When it was made.
    pub at: Timestamp,
    /// The number of its record.
    pub sequence: u64,
    /// The approvals that it has, one of each user.
    pub approvals: Vec<RecordedApproval>,
}

/// An approval that a record has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordedApproval {
    /// Whose it is, and when it was given.
    pub given: GivenApproval,
    /// The number of its record.
    pub sequence: u64,
}

/// The request of each campaign that has one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Requests {
    open: BTreeMap<(String, String), OpenRequest>,
    /// Who requested the plan that each campaign sent last. Absent if nobody did.
    sent: BTreeMap<(String, String), String>,
    /// The campaigns whose last run ended before it was complete: nothing is sent again without a person.
    unfinished: BTreeSet<(String, String)>,
}

impl OpenRequest {
    /// Its approvals.
    #[must_use]
    pub fn given(&self) -> Vec<GivenApproval> {
        self.approvals.iter().map(|approval| approval.given.clone()).collect()
    }

    /// Whether a user has approved it.
    #[must_use]
    pub fn is_approved_by(&self, name: &str) -> bool {
        self.approvals.iter().any(|approval| approval.given.by == name)
    }

    /// The number of the record that has lapsed at `now`: the first approval that is older than `expires`, or the request itself if it
    /// is that old and has no approval. `None` while none has.
    #[must_use]
    pub fn lapsed(&self, now: Timestamp, expires: SignedDuration) -> Option<u64> {
        let is_old = |at: Timestamp| now.duration_since(at) >= expires;
        let approval = self.approvals.iter().find(|approval| is_old(approval.given.at));
        let has_none = self.approvals.is_empty() && is_old(self.at);
        approval
            .map(|approval| approval.sequence)
            .or(has_none.then_some(self.sequence))
    }
}

impl Requests {
    /// Adds a record, which has this place in the log.
    pub fn apply(&mut self, at: Head, record: &Record) {
        match &record.entry {
            Entry::Act {
                who,
                act,
                refused: None,
            } => self.act(at.sequence, record.at, who, act),
            Entry::Lapsed { on, of } => {
                if let Some(request) = self.open.get_mut(&on.key()) {
                    request.approvals.retain(|approval| approval.sequence != *of);
                    if request.sequence == *of {
                        self.open.remove(&on.key());
                    }
                }
            }
            Entry::ServiceBegan { .. } if mutant!(ApprovalForgotten) => self.open.clear(),
            Entry::RunEnded { on, state, .. } => {
                if *state == EndState::Complete {
                    self.unfinished.remove(&on.key());
                } else {
                    self.unfinished.insert(on.key());
                }
            }
            _ => {}
        }
    }

    fn act(&mut self, sequence: u64, at: Timestamp, who: &Who, act: &Act) {
        let requested = |on: &Subject, fingerprint: &str, accept: &[String], is_fresh| OpenRequest {
            on: on.clone(),
            fingerprint: fingerprint.to_owned(),
            accept: accept.to_vec(),
            is_fresh,
            by: who.clone(),
            at,
            sequence,
            approvals: Vec::new(),
        };
        match act {
            Act::Request {
                on,
                fingerprint,
                accept,
                fresh,
            } => {
                self.open.insert(on.key(), requested(on, fingerprint, accept, *fresh));
            }
            Act::GiveApproval {
                on,
                fingerprint,
                accept,
                fresh,
            } => {
                // The only user of a service need not ask themselves.
                let own = || requested(on, fingerprint, accept, *fresh);
                let request = self.open.entry(on.key()).or_insert_with(own);
                if request.fingerprint != *fingerprint {
                    *request = own();
                }
                if !request.is_approved_by(&who.name) {
                    let by = who.name.clone();
                    let given = GivenApproval { by, at };
                    request.approvals.push(RecordedApproval { given, sequence });
                }
            }
            Act::Reject { on, .. } => {
                self.open.remove(&on.key());
            }
            Act::Approve { on, .. } | Act::Apply { on, .. } => {
                match self.open.remove(&on.key()) {
                    Some(request) => drop(self.sent.insert(on.key(), request.by.name)),
                    None => drop(self.sent.remove(&on.key())),
                }
                self.unfinished.insert(on.key());
            }
            _ => {}
        }
    }

    /// The request of a campaign. `None` without one.
    #[must_use]
    pub fn of(&self, on: &Subject) -> Option<&OpenRequest> {
        self.open.get(&on.key())
    }

    /// The users who requested the plan that a campaign sent last, and the one that waits for approvals.
    #[must_use]
    pub fn authors(&self, on: &Subject) -> Vec<String> {
        let open = self.of(on).map(|request| &request.by.name);
        self.sent.get(&on.key()).into_iter().chain(open).cloned().collect()
    }

    /// Whether the last run of a campaign did not complete it.
    #[must_use]
    pub fn is_unfinished(&self, on: &Subject) -> bool {
        self.unfinished.contains(&on.key())
    }

    /// The first campaign with a record that has lapsed at `now`, and its number. `None` if none has.
    #[must_use]
    pub fn first_lapsed(&self, now: Timestamp, expires: SignedDuration) -> Option<(Subject, u64)> {
        let mut all = self.open.values();
        all.find_map(|request| Some((request.on.clone(), request.lapsed(now, expires)?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::clock::from_ms;
    use crate::service::record::VERSION;

    fn on() -> Subject {
        Subject {
            file: "tea.yaml".to_owned(),
            campaign: "tea".to_owned(),
            app_id: "tt1".to_owned(),
        }
    }

    fn act(name: &str, act: Act) -> Entry {
        Entry::Act {
            who: Who::local(name, "127.0.0.1"),
            act,
            refused: None,
        }
    }

    fn request(name: &str, fingerprint: &str) -> Entry {
        act(
            name,
            Act::Request {
                on: on(),
                fingerprint: fingerprint.to_owned(),
                accept: vec!["replays".to_owned()],
                fresh: false,
            },
        )
    }

    fn approve(name: &str, fingerprint: &str) -> Entry {
        act(
            name,
            Act::GiveApproval {
                on: on(),
                fingerprint: fingerprint.to_owned(),
                accept: Vec::new(),
                fresh: false,
            },
        )
    }

    /// The requests after these records, one a second.
    fn requests(entries: &[Entry]) -> Requests {
        let mut requests = Requests::default();
        for (sequence, entry) in (1..).zip(entries) {
            let at = from_ms(i64::try_from(sequence).unwrap() * 1000);
            let record = Record {
                version: VERSION,
                at,
                entry: entry.clone(),
            };
            requests.apply(Head { sequence, link: [7; 8] }, &record);
        }
        requests
    }

    fn approved_by(entries: &[Entry]) -> Option<Vec<String>> {
        let requests = requests(entries);
        let request = requests.of(&on())?;
        Some(request.given().into_iter().map(|given| given.by).collect())
    }

    #[test]
    fn a_restart_knows_what_was_requested_and_approved() {
        let two = [
            request("li", "a"),
            approve("wang", "a"),
            approve("wang", "a"),
            approve("zhao", "a"),
        ];
        assert_eq!(approved_by(&two).unwrap(), ["wang", "zhao"]);
        let known = requests(&two);
        let known = known.of(&on()).unwrap();
        assert_eq!(
            (known.by.name.as_str(), known.accept.as_slice()),
            ("li", &["replays".to_owned()][..])
        );
        // A new request begins again.
        let again = [request("li", "a"), approve("wang", "a"), request("li", "b")];
        assert_eq!(approved_by(&again).unwrap(), [""; 0]);
        let rejected = act(
            "wang",
            Act::Reject {
                on: on(),
                fingerprint: "a".to_owned(),
                note: String::new(),
            },
        );
        assert_eq!(approved_by(&[request("li", "a"), rejected]), None);
    }

    #[test]
    fn an_author_is_known_as_long_as_their_plan_is_sent() {
        let apply = || {
            act(
                "service",
                Act::Apply {
                    on: on(),
                    fingerprint: "a".to_owned(),
                    accept: Vec::new(),
                    fresh: false,
                    by: vec!["wang".to_owned()],
                    envelope: None,
                    spent: None,
                },
            )
        };
        let authors = |entries: &[Entry]| requests(entries).authors(&on());
        assert_eq!(authors(&[]), [""; 0]);
        let sent = [request("li", "a"), approve("wang", "a"), apply()];
        assert_eq!(authors(&sent[..1]), ["li"]);
        assert_eq!(authors(&sent), ["li"]);
        let again = [&sent[..], &[request("zhao", "b")]].concat();
        assert_eq!(authors(&again), ["li", "zhao"]);
        // The policy asked for nobody.
        let by_itself = [&sent[..], &[apply()]].concat();
        assert_eq!(authors(&by_itself), [""; 0]);
    }

    #[test]
    fn what_nobody_used_lapses() {
        let entries = [request("li", "a"), approve("wang", "a"), approve("zhao", "a")];
        let lapsed = |entries: &[Entry], seconds: i64| {
            let requests = requests(entries);
            let request = requests.of(&on()).unwrap();
            request.lapsed(from_ms(seconds * 1000), SignedDuration::from_secs(60))
        };
        assert_eq!(lapsed(&entries, 61), None);
        assert_eq!(lapsed(&entries, 62), Some(2), "the approval of the second second");
        let gone = Entry::Lapsed { on: on(), of: 2 };
        let after = [&entries[..], std::slice::from_ref(&gone)].concat();
        assert_eq!(approved_by(&after).unwrap(), ["zhao"]);
        assert_eq!(lapsed(&after, 62), None);
        let both = [&after[..], &[Entry::Lapsed { on: on(), of: 3 }]].concat();
        assert_eq!(lapsed(&both, 63), Some(1), "nobody has approved the request");
        assert_eq!(
            approved_by(&[&both[..], &[Entry::Lapsed { on: on(), of: 1 }]].concat()),
            None
        );
    }

    #[test]
    fn a_run_that_did_not_complete_needs_a_person() {
        let ended = |state| Entry::RunEnded {
            on: on(),
            state,
            why: None,
            spent: None,
        };
        assert!(!requests(&[]).is_unfinished(&on()));
        assert!(requests(&[ended(EndState::Halted)]).is_unfinished(&on()));
        assert!(!requests(&[ended(EndState::Halted), ended(EndState::Complete)]).is_unfinished(&on()));
    }
}
