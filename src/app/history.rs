//! What persons did to a campaign, from the facts of its ledger.

use jiff::Timestamp;

use crate::ledger::{Fact, ManualDecision, TermOwner};
use crate::model::actor::{Act, ActKind, Actor};
use crate::model::delivery::{Resolution, StateName};
use crate::model::envelope::RunApproval;

use super::campaign::LoadedCampaign;
use super::error::AppError;
use super::readonly_ledger;

/// One act of a person.
#[derive(Clone, Debug, PartialEq)]
pub struct HistoryEntry {
    /// The time.
    pub at: Timestamp,
    /// The person. `None` for a run of a version that did not record it, and for what no person did.
    pub by: Option<Author>,
    /// What the person did.
    pub kind: EntryKind,
}

/// The person of an act, as far as the ledger knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Author {
    /// The name.
    pub name: String,
    /// The login name and the machine.
    pub from: String,
    /// The command line. `None` for a decision on deliveries and for a signal.
    pub command: Option<String>,
}

/// What a person did.
#[derive(Clone, Debug, PartialEq)]
pub enum EntryKind {
    /// A run started.
    Applied,
    /// These changes were accepted, by their words.
    Accepted(Vec<String>),
    /// The wait after a wave was ended. It has the share of the wave; 0 for the testers.
    Approved {
        /// The share.
        share: f64,
    },
    /// The run was paused.
    Paused,
    /// The run was resumed.
    Resumed,
    /// The run was stopped.
    Stopped,
    /// The ledger was compared with the platform's own records.
    Reconciled,
    /// The run was stopped by this signal.
    StoppedBySignal(String),
    /// Deliveries were resolved.
    Resolved {
        /// How many.
        deliveries: u64,
        /// Their state before.
        from: StateName,
        /// Their resolution.
        to: Resolution,
        /// The reason.
        note: String,
    },
    /// The open_ids were erased.
    Erased {
        /// The number of users.
        users: u64,
    },
    /// Another worker of a fleet became the owner of the app id. No person did this.
    OwnerChanged(TermOwner),
    /// The run goes by an approval of the service. Its persons are the users who approved.
    RunApproved(Box<RunApproval>),
}

/// Reads what persons did to a campaign, in the order of the ledger.
pub async fn history(campaign: &LoadedCampaign) -> Result<Vec<HistoryEntry>, AppError> {
    let mut view = readonly_ledger::open_existing(campaign).await?;
    let mut gathered = Gathered::default();
    view.ledger.facts(|_, fact| gathered.add(fact)).await?;
    view.release().await;
    Ok(gathered.end())
}

/// The entries so far.
#[derive(Debug, Default)]
struct Gathered {
    entries: Vec<HistoryEntry>,
    /// The start of a run whose person is not known yet.
    begun: Option<Timestamp>,
    /// The person of the present run.
    by: Option<Author>,
    /// The decision of the last entry: one decision may be several facts.
    decision: Option<ManualDecision>,
}

impl Gathered {
    fn add(&mut self, fact: Fact) {
        let decision = self.decision.take();
        match fact {
            Fact::RunBegan { at, .. } => {
                self.end_unknown_run();
                self.begun = Some(at);
                self.by = None;
            }
            Fact::Acted { at, act } => self.act(at, *act),
            Fact::OwnerChanged { at, owner, .. } => {
                self.end_unknown_run();
                self.push(at, None, EntryKind::OwnerChanged(*owner));
            }
            Fact::RunApproved { at, approval } => {
                self.end_unknown_run();
                self.push(at, None, EntryKind::RunApproved(approval));
            }
            Fact::Closed(generation) => {
                self.end_unknown_run();
                if !generation.accepted.is_empty() {
                    let by = self.by.clone();
                    self.push(generation.at, by, EntryKind::Accepted(generation.accepted));
                }
            }
            Fact::Erased { at, erasure } => {
                self.end_unknown_run();
                let users = u64::from(erasure.recipients);
                self.push(at, Some(Author::new(&erasure.by)), EntryKind::Erased { users });
            }
            Fact::Decided { keys, decision: made } => {
                self.end_unknown_run();
                self.decide(keys.len() as u64, decision.as_ref(), *made);
            }
            _ => {}
        }
    }

    fn act(&mut self, at: Timestamp, act: Act) {
        let by = Some(Author::new(&act.by));
        let kind = match act.kind {
            ActKind::Applied => {
                self.begun = None;
                self.by.clone_from(&by);
                EntryKind::Applied
            }
            ActKind::Approved { share } => EntryKind::Approved { share },
            ActKind::Paused => EntryKind::Paused,
            ActKind::Resumed => EntryKind::Resumed,
            ActKind::Stopped if is_signal(&act.by.command) => EntryKind::StoppedBySignal(act.by.command),
            ActKind::Stopped => EntryKind::Stopped,
            ActKind::Reconciled => {
                // What a killed run left in flight is in doubt from then on, as at the start of a run.
                self.begun = None;
                EntryKind::Reconciled
            }
        };
        self.end_unknown_run();
        self.push(at, by, kind);
    }

    fn decide(&mut self, many: u64, before: Option<&ManualDecision>, made: ManualDecision) {
        let last = self.entries.last_mut().map(|entry| &mut entry.kind);
        if let (true, Some(EntryKind::Resolved { deliveries, .. })) = (before == Some(&made), last) {
            *deliveries += many;
        } else {
            let kind = EntryKind::Resolved {
                deliveries: many,
                from: made.from,
                to: made.to,
                note: made.note.clone(),
            };
            self.push(made.at, Some(Author::of_decision(&made.by)), kind);
        }
        self.decision = Some(made);
    }

    /// Adds the start of a run of a version that did not record who started it.
    fn end_unknown_run(&mut self) {
        if let Some(at) = self.begun.take() {
            self.push(at, None, EntryKind::Applied);
        }
    }

    fn push(&mut self, at: Timestamp, by: Option<Author>, kind: EntryKind) {
        self.entries.push(HistoryEntry { at, by, kind });
    }

    fn end(mut self) -> Vec<HistoryEntry> {
        self.end_unknown_run();
        self.entries
    }
}

impl Author {
    fn new(actor: &Actor) -> Self {
        Self {
            name: actor.name.clone(),
            from: format!("{}@{}", actor.user, actor.host),
            command: Some(actor.command.clone()).filter(|command| !is_signal(command)),
        }
    }

    /// Reads the person of a decision: `user@host`, or `name (user@host)`.
    fn of_decision(by: &str) -> Self {
        let named = by.strip_suffix(')').and_then(|by| by.rsplit_once(" ("));
        let (name, from) = named.unwrap_or_else(|| (by.split('@').next().unwrap_or(by), by));
        Self {
            name: name.to_owned(),
            from: from.to_owned(),
            command: None,
        }
    }
}

/// Whether the command of an act is the name of a signal.
fn is_signal(command: &str) -> bool {
    command.starts_with("SIG") && command.bytes().all(|byte| byte.is_ascii_uppercase())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::model::clock::from_ms;
    use crate::model::delivery::DeliveryKey;

    fn acted(at: i64, kind: ActKind) -> Fact {
        acted_by(at, "Li Na", "runner", kind)
    }

    fn acted_by(at: i64, name: &str, command: &str, kind: ActKind) -> Fact {
        let by = Actor {
            name: name.to_owned(),
            user: "ann".to_owned(),
            host: "till-3".to_owned(),
            command: command.to_owned(),
        };
        Fact::Acted {
            at: from_ms(at),
            act: Box::new(Act { by, kind }),
        }
    }

    fn decided(at: i64, by: &str) -> Fact {
        let decision = ManualDecision {
            at: from_ms(at),
            by: by.to_owned(),
            note: "ticket 812".to_owned(),
            from: StateName::Held,
            to: Resolution::Issued,
            selection: "--held".to_owned(),
        };
        Fact::Decided {
            keys: vec![
                DeliveryKey {
                    recipient: 0,
                    ordinal: 1,
                };
                2
            ],
            decision: Box::new(decision),
        }
    }

    #[test]
    fn acts_are_listed_with_their_persons() {
        let mut gathered = Gathered::default();
        let began = |at| Fact::run_began(from_ms(at), Duration::ZERO);
        for fact in [
            began(1),
            began(2),
            acted(2, ActKind::Applied),
            acted(3, ActKind::Paused),
            acted(4, ActKind::Resumed),
            acted(5, ActKind::Stopped),
            acted(6, ActKind::Approved { share: 0.0 }),
            decided(7, "bo@till-4"),
            decided(7, "bo@till-4"),
            decided(8, "Bo (bo@till-4)"),
            Fact::OwnerChanged {
                at: from_ms(8),
                timeout: Duration::ZERO,
                owner: Box::new(TermOwner {
                    term: 3,
                    worker: "5f".to_owned(),
                    host: "till-4".to_owned(),
                }),
            },
            began(9),
            acted_by(10, "ann", "SIGTERM", ActKind::Stopped),
        ] {
            gathered.add(fact);
        }
        let shown: Vec<_> = gathered
            .end()
            .into_iter()
            .map(|HistoryEntry { at, by, kind }| {
                let by = by.map_or_else(|| "?".to_owned(), |by| format!("{} from {}", by.name, by.from));
                format!("{} {by}: {kind:?}", at.as_millisecond())
            })
            .collect();
        insta::assert_snapshot!(shown.join("\n"), @r#"
        1 ?: Applied
        2 Li Na from ann@till-3: Applied
        3 Li Na from ann@till-3: Paused
        4 Li Na from ann@till-3: Resumed
        5 Li Na from ann@till-3: Stopped
        6 Li Na from ann@till-3: Approved { share: 0.0 }
        7 bo from bo@till-4: Resolved { deliveries: 4, from: Held, to: Issued, note: "ticket 812" }
        8 Bo from bo@till-4: Resolved { deliveries: 2, from: Held, to: Issued, note: "ticket 812" }
        8 ?: OwnerChanged(TermOwner { term: 3, worker: "5f", host: "till-4" })
        9 ?: Applied
        10 ann from ann@till-3: StoppedBySignal("SIGTERM")
        "#);
    }
}
