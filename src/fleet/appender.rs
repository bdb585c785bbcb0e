//! Appends the batches of all ledgers of a worker in one statement, and finds out what became of each.

use std::collections::BTreeMap;

use super::statement::{LedgerNo, LogAnswer, LogRow, LogStatement};
use crate::ledger::Head;
use crate::model::mutants::mutant;

/// The size of the batches of one statement. A larger one could take longer than a statement may.
const MOST: usize = 4 * 1024 * 1024;

/// What became of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Appended {
    /// It is in the log, on all copies that the database keeps.
    Durable,
    /// It is not in the log and never will be: this worker is fenced.
    Fenced,
    /// Another batch is at its place.
    Parted,
    /// The batch before it is missing, although it was durable: the database has forgotten it.
    Forgotten {
        /// The last batch of the ledger.
        last: u64,
    },
}

/// The batches that wait, and those of the statement under way. At most one statement is under way.
#[derive(Debug, Default)]
pub struct Appender {
    waiting: Vec<LogRow>,
    under_way: BTreeMap<LedgerNo, LogRow>,
    stage: Stage,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Stage {
    #[default]
    Idle,
    Appends,
    /// An append was answered without these rows, or its answer is not known.
    ReadsBack,
}

/// What follows from an input.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Effects {
    /// The statement to execute now.
    pub statement: Option<LogStatement>,
    /// The batches whose end is known.
    pub ended: Vec<(LedgerNo, Appended)>,
}

impl Appender {
    /// Adds a batch. A ledger has at most one at a time.
    pub fn add(&mut self, row: LogRow) -> Effects {
        self.waiting.push(row);
        if self.stage == Stage::Idle {
            self.next(Vec::new())
        } else {
            Effects::default()
        }
    }

    /// Handles the answer to the statement under way. `None` if it failed, so that nobody knows whether it was executed.
    pub fn answer(&mut self, answer: Option<LogAnswer>) -> Effects {
        let mut ended = Vec::new();
        match (self.stage, answer) {
            (Stage::Appends, Some(LogAnswer::Appended { rows, replicated }))
                if replicated || mutant!(WarningIgnored) =>
            {
                for (ledger, sequence) in rows {
                    let is_it = |row: &LogRow| row.head.sequence == sequence;
                    if self.under_way.get(&ledger).is_some_and(is_it) {
                        self.under_way.remove(&ledger);
                        ended.push((ledger, Appended::Durable));
                    }
                }
                self.stage = Stage::ReadsBack;
            }
            (
                Stage::ReadsBack,
                Some(LogAnswer::ReadBack {
                    fenced,
                    found,
                    last,
                    replicated: true,
                }),
            ) => {
                self.stage = Stage::Appends;
                self.under_way.retain(|ledger, row| {
                    let at = |sequence| found.get(&(*ledger, sequence));
                    let last = last.get(ledger).copied().unwrap_or_default();
                    let end = end(row, at(row.head.sequence), at(row.before.sequence), last, fenced);
                    ended.extend(end.map(|end| (*ledger, end)));
                    end.is_none()
                });
            }
            (Stage::Idle, _) => {}
            // An append that was not answered may be executed yet. A reading that the standby does not have is repeated.
            (Stage::Appends | Stage::ReadsBack, _) => self.stage = Stage::ReadsBack,
        }
        self.next(ended)
    }

    /// The statement that follows, with the batches that have ended.
    fn next(&mut self, ended: Vec<(LedgerNo, Appended)>) -> Effects {
        if self.under_way.is_empty() {
            let mut bytes = 0;
            let fits = |row: &&LogRow| {
                let is_first = bytes == 0;
                bytes += row.record.len();
                is_first || bytes <= MOST
            };
            let count = self.waiting.iter().take_while(fits).count();
            let rest = self.waiting.split_off(count);
            let waiting = std::mem::replace(&mut self.waiting, rest);
            self.under_way = waiting.into_iter().map(|row| (row.ledger, row)).collect();
            self.stage = if self.under_way.is_empty() {
                Stage::Idle
            } else {
                Stage::Appends
            };
        }
        let statement = match self.stage {
            Stage::Idle => None,
            Stage::Appends => Some(LogStatement::Append(self.under_way.values().cloned().collect())),
            Stage::ReadsBack => {
                let places = self.under_way.iter().flat_map(|(ledger, row)| {
                    let before = (row.before.sequence > 0).then_some(row.before.sequence);
                    before
                        .into_iter()
                        .chain([row.head.sequence])
                        .map(|sequence| (*ledger, sequence))
                });
                Some(LogStatement::ReadBack(places.collect()))
            }
        };
        Effects { statement, ended }
    }
}

/// What became of a batch, by what is at its place and before it. `None` if it has to be appended again: an earlier statement may
/// still be executed, and the second one changes nothing then. An append that was answered without the batch proves nothing: the
/// worker can have been fenced then, and a fail-over has undone that.
fn end(row: &LogRow, at_place: Option<&Head>, before: Option<&Head>, last: u64, fenced: bool) -> Option<Appended> {
    match at_place {
        Some(head) if head.link == row.head.link => Some(Appended::Durable),
        Some(_) => Some(Appended::Parted),
        None if fenced => Some(Appended::Fenced),
        None if last < row.before.sequence => Some(Appended::Forgotten { last }),
        // The batch before it is another one than this worker knows.
        None if before.is_some_and(|head| head.link != row.before.link) => Some(Appended::Parted),
        None => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(ledger: i64, bytes: usize) -> LogRow {
        LogRow {
            ledger: LedgerNo(ledger),
            term: 1,
            before: Head::default(),
            head: Head {
                sequence: 1,
                link: [7; 8],
            },
            record: vec![7; bytes],
        }
    }

    /// The ledgers of the statement that appends.
    fn ledgers(effects: &Effects) -> Vec<i64> {
        match &effects.statement {
            Some(LogStatement::Append(rows)) => rows.iter().map(|row| row.ledger.0).collect(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn large_batches_of_several_ledgers_are_appended_in_several_statements() {
        let mut appender = Appender::default();
        let mut effects = appender.add(row(1, 10));
        for ledger in [2, 3, 4] {
            assert_eq!(appender.add(row(ledger, MOST / 2)), Effects::default());
        }
        appender.add(row(5, 2 * MOST));
        let mut statements = Vec::new();
        while effects.statement.is_some() {
            let appended = ledgers(&effects);
            let rows = appended.iter().map(|ledger| (LedgerNo(*ledger), 1)).collect();
            statements.push(appended);
            let answer = LogAnswer::Appended { rows, replicated: true };
            effects = appender.answer(Some(answer));
        }
        assert_eq!(statements, [vec![1], vec![2, 3], vec![4], vec![5]]);
    }
}
