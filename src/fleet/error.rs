//! Errors of a fleet's database. They never show a password.

use std::fmt;

use jiff::Timestamp;

use super::postgres::{SchemaError, ServerIdentity, StatementError};
use crate::catalogue::fleet;
use crate::model::problem::Problem;

/// What was attempted on a database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DatabaseAction {
    /// To connect.
    Connect,
    /// To create the tables.
    CreateTables,
    /// To add a ledger.
    CreateLedger,
    /// To read the list of ledgers, or one of its rows.
    FindLedgers,
    /// To read who works.
    ReadWorkers,
    /// To send a command to a run.
    SendCommand,
    /// To read commands to the runs of this process.
    ReadCommands,
    /// To publish the status of the runs of this process.
    PublishStatus,
    /// To record the identity of the server.
    RecordIdentity,
    /// To read the campaign files.
    ReadFiles,
    /// To add, to replace or to remove a campaign file.
    WriteFile,
    /// To replace the batches of a ledger that have open_ids.
    EraseOpenIds,
    /// To keep messages until they are sent.
    KeepMessages,
}

impl DatabaseAction {
    /// Every action.
    #[cfg(test)]
    const ALL: [Self; 13] = [
        Self::Connect,
        Self::CreateTables,
        Self::CreateLedger,
        Self::FindLedgers,
        Self::ReadWorkers,
        Self::SendCommand,
        Self::ReadCommands,
        Self::PublishStatus,
        Self::RecordIdentity,
        Self::ReadFiles,
        Self::WriteFile,
        Self::EraseOpenIds,
        Self::KeepMessages,
    ];
}

impl fmt::Display for DatabaseAction {
    /// Writes the word that selects a text of the catalogue.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Connect => "connect",
            Self::CreateTables => "create-tables",
            Self::CreateLedger => "create-ledger",
            Self::FindLedgers => "find-ledgers",
            Self::ReadWorkers => "read-workers",
            Self::SendCommand => "send-command",
            Self::ReadCommands => "read-commands",
            Self::PublishStatus => "publish-status",
            Self::RecordIdentity => "record-identity",
            Self::ReadFiles => "read-files",
            Self::WriteFile => "write-file",
            Self::EraseOpenIds => "erase-open-ids",
            Self::KeepMessages => "keep-messages",
        })
    }
}

/// What is known of the facts in a database that may have lost some.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Evidence {
    /// A worker that ran all the time has found facts missing.
    #[error("{}", fleet::EvidenceWorker)]
    Worker,
    /// A batch that this machine knows is missing.
    #[error("{}", fleet::EvidenceMissing { campaign, app, sequence, written })]
    Missing {
        /// The campaign.
        campaign: String,
        /// Its app id.
        app: String,
        /// The number of the batch.
        sequence: u64,
        /// When it was durable.
        written: Timestamp,
    },
    /// Every batch that this machine knows is there.
    #[error("{}", fleet::EvidenceThere { written })]
    There {
        /// When the newest of them was durable.
        written: Timestamp,
    },
    /// This machine knows no ledger of the database.
    #[error("{}", fleet::EvidenceNothing)]
    Nothing,
}

/// Why a database cannot be used. `place` has its hosts and its name.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// The server failed, or cannot be reached.
    #[error("{}", fleet::CannotDo { action, place })]
    Failed {
        /// What was attempted.
        action: DatabaseAction,
        /// The database.
        place: String,
        /// The error of the connection or of the server.
        source: StatementError,
    },
    /// The server or its tables are not fit for a fleet.
    #[error("{}", fleet::CannotUse { place })]
    Unfit {
        /// The database.
        place: String,
        /// Why.
        source: SchemaError,
    },
    /// The server has no synchronous standby.
    #[error("{}", fleet::SingleCopy { place })]
    SingleCopy {
        /// The database.
        place: String,
    },
    /// The database is on another server than it was, or a worker knows of facts that are missing.
    #[error("{}", other_server(place, recorded.as_deref(), found.as_deref()))]
    OtherServer {
        /// The database.
        place: String,
        /// The identity that its server had.
        recorded: Option<Box<ServerIdentity>>,
        /// The identity that it has.
        found: Option<Box<ServerIdentity>>,
        /// What is known of the facts in it.
        source: Evidence,
    },
    /// The manifest of a ledger cannot be read.
    #[error("{}", fleet::Illegible { ledger, place, why })]
    Illegible {
        /// The database.
        place: String,
        /// The number of the ledger.
        ledger: i64,
        /// The error.
        why: String,
    },
    /// Another ledger of the campaign was created meanwhile.
    #[error("{}", fleet::HasLedger { place, campaign })]
    HasLedger {
        /// The database.
        place: String,
        /// The campaign's name.
        campaign: String,
    },
    /// This worker does not own the app id, or is fenced.
    #[error("{}", fleet::NotOwner { place, app })]
    NotOwner {
        /// The database.
        place: String,
        /// The app id.
        app: String,
    },
}

fn other_server(place: &str, recorded: Option<&ServerIdentity>, found: Option<&ServerIdentity>) -> String {
    match recorded.zip(found).filter(|(recorded, found)| recorded != found) {
        Some((recorded, found)) => fleet::OtherServer {
            place: &place,
            recorded,
            found,
        }
        .to_string(),
        None => fleet::Forgetful { place: &place }.to_string(),
    }
}

impl DatabaseError {
    /// What a person has to decide before a worker may start. `None` for an error that may end by itself.
    #[must_use]
    pub const fn decision(&self) -> Option<Problem> {
        match self {
            Self::SingleCopy { .. } => Some(Problem::SingleCopy),
            Self::OtherServer { .. } => Some(Problem::OtherServer),
            Self::Failed { .. }
            | Self::Unfit { .. }
            | Self::Illegible { .. }
            | Self::HasLedger { .. }
            | Self::NotOwner { .. } => None,
        }
    }

    /// The error of a check, or of the statements that create the tables.
    pub(super) fn of_schema(action: DatabaseAction, place: String, source: SchemaError) -> Self {
        match source {
            SchemaError::Statement(source) => Self::Failed { action, place, source },
            source => Self::Unfit { place, source },
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Display;
    use std::time::Duration;

    use super::*;
    use crate::catalogue::in_both_languages;
    use crate::fleet::postgres::DatabaseUrl;

    #[test]
    fn the_errors_of_a_database_are_in_both_languages() {
        let place = || "db.example:5432/coupons".to_owned();
        let no_answer = || StatementError::NoAnswer(Duration::from_millis(2500));
        let identity = |timeline| {
            let system = "7312345678901234567".to_owned();
            Some(Box::new(ServerIdentity { system, timeline }))
        };
        let other_server = |later: i64, source| DatabaseError::OtherServer {
            place: place(),
            recorded: identity(3),
            found: identity(3 + later),
            source,
        };
        let failed = DatabaseAction::ALL.map(|action| DatabaseError::Failed {
            action,
            place: place(),
            source: no_answer(),
        });
        let others = [
            DatabaseError::Unfit {
                place: place(),
                source: SchemaError::Missing,
            },
            DatabaseError::SingleCopy { place: place() },
            other_server(1, Evidence::Nothing),
            other_server(0, Evidence::Worker),
            DatabaseError::Illegible {
                place: place(),
                ledger: 7,
                why: "EOF while parsing".to_owned(),
            },
            DatabaseError::HasLedger {
                place: place(),
                campaign: "summer".to_owned(),
            },
            DatabaseError::NotOwner {
                place: place(),
                app: "tt1".to_owned(),
            },
        ];
        let written = "2026-11-28T20:15:00Z".parse().unwrap_or_default();
        let evidence = [
            Evidence::Worker,
            Evidence::Missing {
                campaign: "summer".to_owned(),
                app: "tt1".to_owned(),
                sequence: 4133,
                written,
            },
            Evidence::There { written },
            Evidence::Nothing,
        ];
        let schema = [
            SchemaError::Missing,
            SchemaError::WithoutFiles,
            SchemaError::WithoutNotices,
            SchemaError::Format { found: 9 },
            SchemaError::NotSynchronous {
                found: "off".to_owned(),
            },
            SchemaError::Standby,
        ];
        let statements = [no_answer(), StatementError::NotReplicated];
        // A text of the URL is in the language in which it is parsed.
        let urls = ["mysql://u@db/x", "postgres://u@db/x?sslmode=prefer"];
        let urls = urls.map(|url| move || DatabaseUrl::parse(url).err().map(|error| error.to_string()));
        let mut all: Vec<&dyn Display> = Vec::new();
        all.extend(failed.iter().chain(&others).map(|error| error as &dyn Display));
        all.extend(evidence.iter().map(|error| error as &dyn Display));
        all.extend(schema.iter().map(|error| error as &dyn Display));
        all.extend(statements.iter().map(|error| error as &dyn Display));
        insta::assert_snapshot!(in_both_languages(all));
        let urls = urls.map(|url| {
            let english = url().unwrap_or_default();
            let chinese = crate::catalogue::Language::Chinese.scope(url).unwrap_or_default();
            format!("{english}\n{chinese}")
        });
        insta::assert_snapshot!(urls.join("\n"));
    }
}
