//! The database of a simulated fleet: the tables, and the statements as the real ones work. A commit that no standby has is undone
//! by a fail-over.

use std::collections::BTreeMap;

use runner::fleet::statement::{Answer, AppRow, LedgerNo, LogAnswer, LogRow, LogStatement, Statement, View, WorkerRow};
use runner::fleet::{AppKey, WorkerId};
use runner::ledger::Head;

/// A way in which a statement could be wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WrongSql {
    /// An append does not hold the worker's row, so that a fence can happen during it.
    NoKeyShare,
    /// A renewal does not ask whether the worker is fenced.
    RenewsFenced,
}

#[derive(Clone, Debug, Default)]
struct Tables {
    workers: BTreeMap<WorkerId, WorkerRow>,
    apps: BTreeMap<AppKey, AppRow>,
    logs: BTreeMap<LedgerNo, Vec<Entry>>,
}

/// A row of the log.
#[derive(Clone, Debug)]
pub struct Entry {
    pub by: WorkerId,
    pub row: LogRow,
}

/// An append between its begin and its commit.
#[derive(Clone, Debug)]
pub struct Open {
    pub me: WorkerId,
    was_live: bool,
    rows: Vec<LogRow>,
    /// How many fail-overs there were before it.
    fail_overs: u32,
}

#[derive(Debug, Default)]
pub struct Database {
    now: Tables,
    /// What the standby has. `None` while commits reach it.
    standby: Option<Tables>,
    pub wrong: Option<WrongSql>,
    /// The appends under way of each worker.
    open: BTreeMap<WorkerId, u32>,
    fail_overs: u32,
}

impl Database {
    pub fn new(wrong: Option<WrongSql>) -> Self {
        Self {
            wrong,
            ..Self::default()
        }
    }

    /// Whether commits reach the standby.
    pub const fn is_replicating(&self) -> bool {
        self.standby.is_none()
    }

    /// Commits no longer reach the standby.
    pub fn disconnect(&mut self) {
        self.standby.get_or_insert_with(|| self.now.clone());
    }

    /// The standby takes over.
    pub fn fail_over(&mut self) {
        if let Some(standby) = self.standby.take() {
            self.now = standby;
            self.fail_overs += 1;
            self.open.clear();
        }
    }

    /// Commits reach the standby again, and everything before them.
    pub fn reconnect(&mut self) {
        self.standby = None;
    }

    fn is_live(&self, id: WorkerId) -> bool {
        self.now.workers.get(&id).is_some_and(|row| !row.fenced)
    }

    /// Whether the server answers a statement as durable. It waits for the standby only if the statement has written or locked
    /// a row: a worker learns at once that it is fenced, even if a fail-over can undo that.
    pub fn answers(&self, me: WorkerId, statement: &Statement, answer: &Answer) -> bool {
        let is_claim = matches!(statement, Statement::Claim { .. });
        self.is_replicating() || (*answer == Answer::NotDone && !(is_claim && self.is_live(me)))
    }

    /// Executes a statement. `None` if it has to wait for an append.
    pub fn execute(&mut self, me: WorkerId, statement: &Statement) -> Option<Answer> {
        let answer = match statement {
            Statement::Register => {
                let row = WorkerRow { beat: 0, fenced: false };
                self.now.workers.entry(me).or_insert(row);
                Answer::Done
            }
            Statement::Renew => {
                let ignores = self.wrong == Some(WrongSql::RenewsFenced);
                match self.now.workers.get_mut(&me) {
                    Some(row) if !row.fenced || ignores => {
                        row.beat += 1;
                        Answer::Seen(View {
                            workers: self.now.workers.clone(),
                            apps: self.now.apps.clone(),
                        })
                    }
                    _ => Answer::NotDone,
                }
            }
            Statement::Fence { id, beat } => {
                if self.waits_for_append(*id) {
                    return None;
                }
                match self.now.workers.get_mut(id) {
                    Some(row) if !row.fenced && row.beat == *beat => {
                        row.fenced = true;
                        Answer::Done
                    }
                    _ => Answer::NotDone,
                }
            }
            Statement::Leave => {
                if self.waits_for_append(me) {
                    return None;
                }
                if let Some(row) = self.now.workers.get_mut(&me) {
                    row.fenced = true;
                }
                Answer::Done
            }
            Statement::Claim { app, after } => {
                let row = self.now.apps.get(app).copied();
                let is_owned = row.and_then(|row| row.owner).is_some_and(|owner| self.is_live(owner));
                let is_after = row.map_or(0, |row| row.term) == *after;
                if is_owned || !is_after || !self.is_live(me) {
                    Answer::NotDone
                } else {
                    let term = row.map_or(0, |row| row.term) + 1;
                    let owner = Some(me);
                    self.now.apps.insert(app.clone(), AppRow { owner, term });
                    Answer::Claimed { term }
                }
            }
            Statement::Release { app, term } => match self.now.apps.get_mut(app) {
                Some(row) if row.owner == Some(me) && row.term == *term => {
                    row.owner = None;
                    Answer::Done
                }
                _ => Answer::NotDone,
            },
        };
        Some(answer)
    }

    fn waits_for_append(&self, id: WorkerId) -> bool {
        self.wrong != Some(WrongSql::NoKeyShare) && self.open.get(&id).is_some_and(|open| *open > 0)
    }

    /// Begins an append, which reads the worker's row now.
    pub fn begin_append(&mut self, me: WorkerId, rows: Vec<LogRow>) -> Open {
        *self.open.entry(me).or_default() += 1;
        let was_live = self.is_live(me);
        Open {
            me,
            was_live,
            rows,
            fail_overs: self.fail_overs,
        }
    }

    /// Commits an append. `None` if it ended with the server on which it began.
    pub fn commit_append(&mut self, open: Open) -> Option<LogAnswer> {
        let Open {
            me,
            was_live,
            rows,
            fail_overs,
        } = open;
        if fail_overs != self.fail_overs {
            return None;
        }
        if let Some(open) = self.open.get_mut(&me) {
            *open -= 1;
        }
        let mut appended = Vec::new();
        for row in rows {
            let log = self.now.logs.entry(row.ledger).or_default();
            let last = log.last().map_or(Head::default(), |entry| entry.row.head);
            if was_live && last == row.before {
                appended.push((row.ledger, row.head.sequence));
                log.push(Entry { by: me, row });
            }
        }
        Some(LogAnswer::Appended {
            rows: appended,
            // Without the worker's row there was nothing to lock or to write, so the server does not wait.
            replicated: self.is_replicating() || !was_live,
        })
    }

    pub fn read_back(&self, me: WorkerId, places: &[(LedgerNo, u64)]) -> LogAnswer {
        let at = |(ledger, sequence): &(LedgerNo, u64)| {
            let at = usize::try_from(*sequence).ok()?.checked_sub(1)?;
            let entry = self.now.logs.get(ledger)?.get(at)?;
            Some(((*ledger, *sequence), entry.row.head))
        };
        let found = places.iter().filter_map(at).collect();
        let last = |(ledger, _): &(LedgerNo, u64)| (*ledger, self.log(*ledger).len() as u64);
        LogAnswer::ReadBack {
            fenced: !self.is_live(me),
            found,
            last: places.iter().map(last).collect(),
            replicated: self.is_replicating(),
        }
    }

    pub fn log(&self, ledger: LedgerNo) -> &[Entry] {
        self.now.logs.get(&ledger).map_or(&[], Vec::as_slice)
    }

    /// Whether a worker was fenced, also on the standby.
    pub fn is_fenced(&self, id: WorkerId) -> bool {
        self.standby
            .as_ref()
            .unwrap_or(&self.now)
            .workers
            .get(&id)
            .is_some_and(|row| row.fenced)
    }

    pub fn owner(&self, app: &AppKey) -> Option<WorkerId> {
        self.now.apps.get(app)?.owner
    }
}

/// What a process sends to the database.
#[derive(Clone, Debug)]
pub enum Request {
    Worker(Statement),
    Log(LogStatement),
    /// Reads a whole log.
    Read(LedgerNo),
}

/// What the database answers.
#[derive(Clone, Debug)]
pub enum Reply {
    Worker(Answer),
    Log(LogAnswer),
    Read(Vec<LogRow>),
}
