//! The journal of probes: a line for each request before it leaves, and for each answer. It is on the disk before anything is
//! sent, so a probe that is interrupted goes on where it was.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use rustix::fs::OFlags;
use serde::{Deserialize, Serialize};

use crate::model::probe::{ProbeLog, ProbeSubject, Step, StepAnswer};

/// One line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Line {
    /// A probe begins.
    Probe {
        at: Timestamp,
        #[serde(flatten)]
        subject: ProbeSubject,
    },
    /// A request is about to leave.
    Asking { at: Timestamp, step: Step },
    /// It was answered.
    Answered {
        at: Timestamp,
        step: Step,
        #[serde(flatten)]
        answer: StepAnswer,
    },
}

/// Why a journal cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The file cannot be read or written.
    #[error("{}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A line does not belong to a journal.
    #[error("{}:{line}", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// Its number, from 1.
        line: usize,
    },
}

/// The journal of the probes of a campaign.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    /// `None` until something is written.
    file: Option<File>,
    /// Whether the last line of the file was cut by a crash.
    is_cut: bool,
    /// The last probe. `None` if there was none.
    last: Option<ProbeLog>,
}

impl Journal {
    /// Reads the journal at `path`, which may not exist.
    ///
    /// # Errors
    /// If the file cannot be read, or is no journal.
    pub fn read(path: PathBuf) -> Result<Self, JournalError> {
        let failed = |source| JournalError::Io {
            path: path.clone(),
            source,
        };
        let file = OpenOptions::new()
            .read(true)
            .custom_flags(OFlags::NOFOLLOW.bits().cast_signed())
            .open(&path);
        let mut last: Option<ProbeLog> = None;
        let mut is_cut = false;
        match file {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(failed(error)),
            Ok(file) => {
                let mut reader = BufReader::new(file);
                let mut text = String::new();
                for number in 1.. {
                    text.clear();
                    if reader.read_line(&mut text).map_err(failed)? == 0 {
                        break;
                    }
                    // A crash may have cut the last line. The request had not left then.
                    is_cut = !text.ends_with('\n');
                    if is_cut {
                        break;
                    }
                    let line = serde_json::from_str(&text).map_err(|_| JournalError::Line {
                        path: path.clone(),
                        line: number,
                    })?;
                    fold(&mut last, line);
                }
            }
        }
        Ok(Self {
            path,
            file: None,
            is_cut,
            last,
        })
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The last probe. `None` if there was none.
    #[must_use]
    pub const fn last(&self) -> Option<&ProbeLog> {
        self.last.as_ref()
    }

    /// Begins a probe.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn begin(&mut self, subject: ProbeSubject, at: Timestamp) -> Result<(), JournalError> {
        self.append(Line::Probe { at, subject })
    }

    /// Notes that a request is about to leave. On the disk when this returns.
    ///
    /// # Errors
    /// As [`Journal::begin`].
    pub fn ask(&mut self, step: Step, at: Timestamp) -> Result<(), JournalError> {
        self.append(Line::Asking { at, step })
    }

    /// Notes an answer.
    ///
    /// # Errors
    /// As [`Journal::begin`].
    pub fn take(&mut self, step: Step, at: Timestamp, answer: StepAnswer) -> Result<(), JournalError> {
        self.append(Line::Answered { at, step, answer })
    }

    fn append(&mut self, line: Line) -> Result<(), JournalError> {
        let path = self.path.clone();
        let failed = |source| JournalError::Io { path, source };
        self.write(&line).map_err(failed)?;
        fold(&mut self.last, line);
        Ok(())
    }

    fn write(&mut self, line: &Line) -> io::Result<()> {
        let file = match &mut self.file {
            Some(file) => file,
            none => {
                let file = OpenOptions::new()
                    .append(true)
                    .create(true)
                    .mode(0o600)
                    .custom_flags(OFlags::NOFOLLOW.bits().cast_signed())
                    .open(&self.path)?;
                // The name of a new file is durable once its directory is.
                if let Some(dir) = self.path.parent() {
                    File::open(dir)?.sync_all()?;
                }
                none.insert(file)
            }
        };
        let mut text = serde_json::to_string(line)?;
        text.push('\n');
        if std::mem::take(&mut self.is_cut) {
            drop_cut_line(&self.path)?;
        }
        file.write_all(text.as_bytes())?;
        file.sync_data()
    }
}

/// Removes what follows the last whole line.
fn drop_cut_line(path: &Path) -> io::Result<()> {
    let whole = std::fs::read(path)?;
    let end = whole.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    let file = OpenOptions::new().write(true).open(path)?;
    file.set_len(end as u64)?;
    file.sync_data()
}

/// Applies a line of the journal to the last probe. A `Probe` line begins a new one.
fn fold(last: &mut Option<ProbeLog>, line: Line) {
    match (line, last) {
        (Line::Probe { subject, .. }, last) => {
            let round = last.as_ref().map_or(1, |last| last.round.saturating_add(1));
            *last = Some(ProbeLog::new(subject, round));
        }
        (Line::Asking { step, .. }, Some(last)) => last.ask(step),
        (Line::Answered { at, step, answer }, Some(last)) => last.take(step, at, answer),
        (Line::Asking { .. } | Line::Answered { .. }, None) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::probe::Next;

    fn subject() -> ProbeSubject {
        ProbeSubject {
            campaign: "summer".into(),
            app_id: "tt1".into(),
            platform: "https://open.douyin.com".into(),
            open_id: "me".into(),
            coupon_meta_id: "72".into(),
        }
    }

    const AT: Timestamp = Timestamp::UNIX_EPOCH;

    #[test]
    fn a_journal_that_is_read_again_goes_on_where_it_was() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("probes.jsonl");
        let mut journal = Journal::read(path.clone()).unwrap();
        assert_eq!(journal.last(), None);
        journal.begin(subject(), AT).unwrap();
        journal.ask(Step::Create, AT).unwrap();
        let mut again = Journal::read(path.clone()).unwrap();
        assert_eq!(again.last().unwrap().unanswered(Step::Create), 1);
        let answer = StepAnswer {
            activity_id: Some("7001".into()),
            ..StepAnswer::default()
        };
        again.take(Step::Create, AT, answer).unwrap();
        let last = Journal::read(path.clone()).unwrap().last.unwrap();
        assert_eq!(last.activity_id(), Some("7001"));
        let next = last.next(AT, std::time::Duration::from_secs(1));
        assert_eq!(next, Next::Ask(Step::CreateAgain));
        again.begin(subject(), AT).unwrap();
        assert_eq!(Journal::read(path).unwrap().last.unwrap().round, 2);
    }

    #[test]
    fn a_line_that_a_crash_has_cut_is_dropped_and_any_other_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("probes.jsonl");
        let mut journal = Journal::read(path.clone()).unwrap();
        journal.begin(subject(), AT).unwrap();
        let whole = std::fs::read(&path).unwrap();
        let mut cut = whole.clone();
        cut.extend_from_slice(br#"{"type":"asking","at":"2026-"#);
        std::fs::write(&path, cut).unwrap();
        let mut journal = Journal::read(path.clone()).unwrap();
        assert_eq!(journal.last().unwrap().unanswered(Step::Create), 0);
        journal.ask(Step::Create, AT).unwrap();
        let last = Journal::read(path.clone()).unwrap().last.unwrap();
        assert_eq!(last.unanswered(Step::Create), 1);
        std::fs::write(&path, [whole.as_slice(), b"{}\n"].concat()).unwrap();
        assert!(matches!(Journal::read(path), Err(JournalError::Line { line: 2, .. })));
    }
}
