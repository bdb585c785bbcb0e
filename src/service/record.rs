//! The records of the service log, and what a service that restarts learns from them.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::ledger::Head;
use crate::model::envelope::RunApproval;
use crate::model::money::Money;
use crate::model::run_state::EndState;

use super::act::{Act, Subject, Who};

/// The version of the records that this program writes.
pub const VERSION: u32 = 1;

/// One record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// The version of its form.
    pub version: u32,
    /// When it was written.
    pub at: Timestamp,
    /// What it says.
    #[serde(flatten)]
    pub entry: Entry,
}

/// What a record says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "record")]
pub enum Entry {
    /// The service began.
    ServiceBegan {
        /// Its machine.
        host: String,
        /// Its process id.
        pid: u32,
        /// The name of the user whose process it is.
        user: String,
    },
    /// The log is older than its witness: records are gone. Nothing is continued.
    RecordsLost {
        /// The first one that is gone, or the number that it would have now.
        first: u64,
        /// The last one that the witness saw.
        known: u64,
    },
    /// The service ended in order.
    ServiceEnded,
    /// A link or a password was exchanged for a session.
    SignedIn {
        /// Who.
        who: Who,
    },
    /// A session was not given, because the password was wrong. Names that are not those of users have no record.
    SignInRefused {
        /// The user.
        user: String,
        /// The address of the browser.
        from: String,
    },
    /// A person ended a session.
    SignedOut {
        /// Who.
        who: Who,
    },
    /// Somebody asked for an act.
    Act {
        /// Who.
        who: Who,
        /// The act.
        #[serde(flatten)]
        act: Act,
        /// Why it was refused, in English. `None` if it was allowed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        refused: Option<String>,
    },
    /// The file of a recurring campaign was read for the first time. Occurrences before that are not missed.
    SeriesFound {
        /// The campaign, by the name that the file gives.
        on: Subject,
    },
    /// Nobody began an occurrence in time.
    OccurrenceMissed {
        /// The occurrence.
        on: Subject,
    },
    /// An approval or a request that nobody used for so long is void.
    Lapsed {
        /// The campaign.
        on: Subject,
        /// The number of its record.
        of: u64,
    },
    /// How an act ended.
    Result {
        /// The number of the act's record.
        of: u64,
        /// Why it failed, in English. `None` if it succeeded.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        failed: Option<String>,
    },
    /// A run ended by itself. The end of a run because the service stops has no record: it continues at the next start.
    RunEnded {
        /// The campaign.
        on: Subject,
        /// How it ended.
        state: EndState,
        /// Why it is not complete, in English.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        why: Option<String>,
        /// What the campaign may have spent by then, for budgets. `None` for a rehearsal, and for a run that did not begin to send.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        spent: Option<Money>,
    },
}

impl Entry {
    /// The campaign that it is about. `None` if it is about none, or all.
    #[must_use]
    pub const fn on(&self) -> Option<&Subject> {
        match self {
            Self::Act { act, .. } => act.on(),
            Self::SeriesFound { on }
            | Self::OccurrenceMissed { on }
            | Self::Lapsed { on, .. }
            | Self::RunEnded { on, .. } => Some(on),
            Self::ServiceBegan { .. }
            | Self::RecordsLost { .. }
            | Self::ServiceEnded
            | Self::SignedIn { .. }
            | Self::SignInRefused { .. }
            | Self::SignedOut { .. }
            | Self::Result { .. } => None,
        }
    }
}

/// A plan that was approved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApprovedPlan {
    /// Its fingerprint.
    pub fingerprint: String,
    /// The words of `--accept` that the person agreed to.
    pub accept: Vec<String>,
    /// The approval, as the ledger cites it. `None` for one of a version before envelopes.
    pub approval: Option<Arc<RunApproval>>,
}

/// Returns the approval of an act, as a ledger cites it. `None` if it approves nothing, and for one of a version before envelopes.
#[must_use]
pub fn run_approval(head: Head, at: Timestamp, who: &Who, act: &Act) -> Option<RunApproval> {
    let (fingerprint, envelope, by) = match act {
        Act::Approve {
            fingerprint, envelope, ..
        } => (fingerprint, envelope, vec![who.name.clone()]),
        // The service applies by itself what its policy allows.
        Act::Apply {
            fingerprint,
            envelope,
            by,
            ..
        } => (fingerprint, envelope, by.clone()),
        _ => return None,
    };
    Some(RunApproval {
        sequence: head.sequence,
        link: head.link,
        at,
        by,
        fingerprint: fingerprint.clone(),
        envelope: envelope.as_deref()?.clone(),
        is_required: matches!(act, Act::Apply { .. }),
    })
}

/// What the service has to do with a campaign.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Charge {
    /// It applies the approved plan.
    Run(ApprovedPlan),
    /// A person, or the service because the file vanished, paused it.
    Paused {
        /// The plan that a resume applies.
        plan: ApprovedPlan,
        /// Who paused it.
        by: Who,
    },
    /// A person stopped it.
    Stopped {
        /// Who.
        by: Who,
    },
}

/// The charge of each campaign that has one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Charges {
    charges: BTreeMap<(String, String), (Subject, Charge)>,
    /// The acts without a result, whose failure would take the charge back.
    approvals: BTreeMap<u64, (String, String)>,
}

impl Charges {
    /// Adds a record, which has this number and this link in the hash chain.
    pub fn apply(&mut self, at: Head, record: &Record) {
        match &record.entry {
            Entry::Act {
                who,
                act,
                refused: None,
            } => self.act(at, record.at, who, act),
            Entry::Result { of, failed: Some(_) } => {
                if let Some(key) = self.approvals.remove(of) {
                    self.charges.remove(&key);
                }
            }
            Entry::Result { of, failed: None } => drop(self.approvals.remove(of)),
            Entry::RunEnded { on, .. } => {
                // A person's stop stays known after its run has ended.
                self.charges
                    .retain(|at, (_, charge)| *at != on.key() || matches!(charge, Charge::Stopped { .. }));
            }
            Entry::RecordsLost { .. } => self.charges.retain(|_, (_, charge)| !matches!(charge, Charge::Run(_))),
            Entry::ServiceBegan { .. }
            | Entry::ServiceEnded
            | Entry::SignedIn { .. }
            | Entry::SeriesFound { .. }
            | Entry::OccurrenceMissed { .. }
            | Entry::Lapsed { .. }
            | Entry::SignInRefused { .. }
            | Entry::SignedOut { .. }
            | Entry::Act { refused: Some(_), .. } => {}
        }
    }

    fn act(&mut self, head: Head, at: Timestamp, who: &Who, act: &Act) {
        let sequence = head.sequence;
        match act {
            Act::Approve {
                on,
                fingerprint,
                accept,
                ..
            }
            | Act::Apply {
                on,
                fingerprint,
                accept,
                ..
            } => {
                let plan = ApprovedPlan {
                    fingerprint: fingerprint.clone(),
                    accept: accept.clone(),
                    approval: run_approval(head, at, who, act).map(Arc::new),
                };
                self.approvals.insert(sequence, on.key());
                self.charges.insert(on.key(), (on.clone(), Charge::Run(plan)));
            }
            Act::Pause { on } => {
                if let Some((_, charge)) = self.charges.get_mut(&on.key())
                    && let Charge::Run(plan) = charge
                {
                    let plan = plan.clone();
                    *charge = Charge::Paused { plan, by: who.clone() };
                }
            }
            Act::Resume { on } => {
                if let Some((_, charge)) = self.charges.get_mut(&on.key())
                    && let Charge::Paused { plan, .. } = charge
                {
                    self.approvals.insert(sequence, on.key());
                    *charge = Charge::Run(plan.clone());
                }
            }
            Act::Stop { on } => {
                if let Some((_, charge)) = self.charges.get_mut(&on.key()) {
                    *charge = Charge::Stopped { by: who.clone() };
                }
            }
            Act::StopAll => {
                for (_, charge) in self.charges.values_mut() {
                    *charge = Charge::Stopped { by: who.clone() };
                }
            }
            Act::See
            | Act::Freeze { .. }
            | Act::Unfreeze
            | Act::SeeDeliveries { .. }
            | Act::SeePerson { .. }
            | Act::Compare { .. }
            | Act::Plan { .. }
            | Act::Request { .. }
            | Act::GiveApproval { .. }
            | Act::Reject { .. }
            | Act::ApproveWave { .. }
            | Act::Erase { .. }
            | Act::Resolve { .. } => {}
        }
    }

    /// Takes note of an act that only holds back, before its record is durable.
    pub fn hold_back(&mut self, who: &Who, act: &Act) {
        if act.kind().only_holds_back() {
            self.act(Head::default(), Timestamp::UNIX_EPOCH, who, act);
        }
    }

    /// The charge of a campaign. `None` if the service has nothing to do with it.
    #[must_use]
    pub fn of(&self, campaign: &str, app_id: &str) -> Option<&Charge> {
        let (_, charge) = self.charges.get(&(app_id.to_owned(), campaign.to_owned()))?;
        Some(charge)
    }

    /// Whether the act with this number has started its run. It has not if the service was killed just after the record.
    #[must_use]
    pub fn is_started(&self, sequence: u64) -> bool {
        !self.approvals.contains_key(&sequence)
    }

    /// Every campaign with its charge.
    pub fn all(&self) -> impl Iterator<Item = (&Subject, &Charge)> {
        self.charges.values().map(|(on, charge)| (on, charge))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::envelope::Envelope;

    fn on(campaign: &str) -> Subject {
        Subject {
            file: format!("{campaign}.yaml"),
            campaign: campaign.to_owned(),
            app_id: "tt1".to_owned(),
        }
    }

    fn act(act: Act) -> Entry {
        Entry::Act {
            who: Who::local("li", "127.0.0.1"),
            act,
            refused: None,
        }
    }

    fn approve(campaign: &str) -> Entry {
        act(Act::Approve {
            on: on(campaign),
            fingerprint: "a-b-first".to_owned(),
            accept: Vec::new(),
            fresh: false,
            envelope: None,
        })
    }

    fn charges(entries: &[Entry]) -> Charges {
        let mut charges = Charges::default();
        for (sequence, entry) in (1..).zip(entries) {
            let record = Record {
                version: VERSION,
                at: Timestamp::UNIX_EPOCH,
                entry: entry.clone(),
            };
            let head = Head { sequence, link: [7; 8] };
            charges.apply(head, &record);
        }
        charges
    }

    fn word(entries: &[Entry]) -> &'static str {
        match charges(entries).of("tea", "tt1") {
            None => "none",
            Some(Charge::Run(_)) => "run",
            Some(Charge::Paused { .. }) => "paused",
            Some(Charge::Stopped { .. }) => "stopped",
        }
    }

    #[test]
    fn a_restart_continues_what_was_approved_and_not_what_a_person_held_back() {
        let tea = || on("tea");
        let pause = || act(Act::Pause { on: tea() });
        let stop = || act(Act::Stop { on: tea() });
        let ended = || Entry::RunEnded {
            on: tea(),
            state: EndState::Complete,
            why: None,
            spent: None,
        };
        assert_eq!(word(&[]), "none");
        assert_eq!(word(&[approve("tea")]), "run");
        assert_eq!(word(&[approve("tea"), pause()]), "paused");
        assert_eq!(word(&[approve("tea"), pause(), act(Act::Resume { on: tea() })]), "run");
        assert_eq!(word(&[approve("tea"), stop(), ended()]), "stopped");
        assert_eq!(word(&[approve("tea"), act(Act::StopAll)]), "stopped");
        assert_eq!(word(&[approve("tea"), ended()]), "none");
        assert_eq!(
            word(&[approve("milk"), approve("tea"), act(Act::Stop { on: on("milk") })]),
            "run"
        );
        let lost = || Entry::RecordsLost { first: 2, known: 9 };
        assert_eq!(word(&[approve("tea"), lost()]), "none", "it may have been stopped");
        assert_eq!(word(&[approve("tea"), pause(), lost()]), "paused");
        let failed = Entry::Result {
            of: 1,
            failed: Some("the plan changed".to_owned()),
        };
        assert_eq!(word(&[approve("tea"), failed.clone()]), "none");
        // A run that has started is known from one that a kill kept from starting.
        let done = Entry::Result { of: 1, failed: None };
        assert!(!charges(&[approve("tea")]).is_started(1));
        assert!(charges(&[approve("tea"), done]).is_started(1));
        // The failure of another act takes nothing back.
        assert_eq!(word(&[pause(), approve("tea"), failed]), "run");
    }

    #[test]
    fn a_restart_cites_the_same_approval() {
        let mut entry = approve("tea");
        let allowed = Envelope {
            coupons: 40,
            worth: Some(Money::from_fen(20_000)),
            coupon_value: Some(Money::from_fen(500)),
            per_user: 1,
            from: Timestamp::UNIX_EPOCH,
            until: None,
            audience: None,
        };
        if let Entry::Act {
            act: Act::Approve { envelope, .. },
            ..
        } = &mut entry
        {
            *envelope = Some(Box::new(allowed.clone()));
        }
        let written = serde_json::to_string(&entry).unwrap();
        let read: Entry = serde_json::from_str(&written).unwrap();
        let charged = charges(&[Entry::ServiceEnded, read]);
        let Some(Charge::Run(plan)) = charged.of("tea", "tt1") else {
            panic!("{charged:?}");
        };
        let cited = plan.approval.as_deref().unwrap();
        assert_eq!((cited.sequence, cited.link), (2, [7; 8]));
        assert_eq!(
            (cited.by.as_slice(), &cited.envelope),
            (&["li".to_owned()][..], &allowed)
        );
        // An approval of a version before envelopes allows its plan alone.
        let before = charges(&[approve("tea")]);
        assert!(matches!(before.of("tea", "tt1"), Some(Charge::Run(plan)) if plan.approval.is_none()));
    }

    #[test]
    fn an_act_that_holds_back_counts_before_its_record() {
        let who = Who::local("li", "127.0.0.1");
        let word_after = |act: &Act| {
            let mut charges = charges(&[approve("tea")]);
            charges.hold_back(&who, act);
            match charges.of("tea", "tt1") {
                Some(Charge::Run(_)) => "run",
                Some(Charge::Paused { .. }) => "paused",
                Some(Charge::Stopped { .. }) => "stopped",
                None => "none",
            }
        };
        assert_eq!(word_after(&Act::Pause { on: on("tea") }), "paused");
        assert_eq!(word_after(&Act::Stop { on: on("tea") }), "stopped");
        assert_eq!(word_after(&Act::StopAll), "stopped");
        assert_eq!(word_after(&Act::Resume { on: on("tea") }), "run");
    }

    #[test]
    fn a_refused_act_changes_nothing() {
        let Entry::Act { who, act, .. } = approve("tea") else {
            unreachable!()
        };
        let refused = Entry::Act {
            who,
            act,
            refused: Some("the plan changed".to_owned()),
        };
        assert_eq!(word(&[refused]), "none");
    }

    #[test]
    fn records_keep_their_form() {
        let records = [
            Entry::ServiceBegan {
                host: "till-3".to_owned(),
                pid: 7,
                user: "ops".to_owned(),
            },
            approve("tea"),
            act(Act::StopAll),
            Entry::Result { of: 2, failed: None },
            Entry::SeriesFound { on: on("tea") },
            Entry::RecordsLost { first: 4, known: 9 },
            Entry::OccurrenceMissed {
                on: on("tea@2026-06-01"),
            },
            act(Act::Request {
                on: on("tea"),
                fingerprint: "a-b-first".to_owned(),
                accept: vec!["replays".to_owned()],
                fresh: false,
            }),
            act(Act::GiveApproval {
                on: on("tea"),
                fingerprint: "a-b-first".to_owned(),
                accept: Vec::new(),
                fresh: false,
            }),
            act(Act::Reject {
                on: on("tea"),
                fingerprint: "a-b-first".to_owned(),
                note: "too many".to_owned(),
            }),
            act(Act::Apply {
                on: on("tea"),
                fingerprint: "a-b-first".to_owned(),
                accept: Vec::new(),
                fresh: false,
                by: vec!["wang".to_owned(), "zhao".to_owned()],
                envelope: None,
                spent: Some(Money::from_fen(500)),
            }),
            Entry::Lapsed { on: on("tea"), of: 8 },
            act(Act::Freeze {
                note: "double 11".to_owned(),
            }),
            act(Act::Unfreeze),
        ];
        let written = records.map(|entry| {
            let record = Record {
                version: VERSION,
                at: Timestamp::UNIX_EPOCH,
                entry,
            };
            let text = serde_json::to_string(&record).unwrap();
            assert_eq!(serde_json::from_str::<Record>(&text).unwrap(), record);
            text
        });
        insta::assert_snapshot!(written.join("\n"));
    }
}
