//! What fails between this program and a database, and who has to act.

use std::fmt;
use std::path::PathBuf;

use crate::catalogue::database;
use crate::model::certificate::CertificateFault;

/// A database, by the name that messages have for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DatabaseName {
    /// A database of a PostgreSQL server.
    PostgreSql,
    /// A database of a MySQL or MariaDB server.
    MySql,
    /// An SQLite database in this file.
    Sqlite(PathBuf),
}

impl fmt::Display for DatabaseName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PostgreSql => database::Postgresql.fmt(f),
            Self::MySql => database::Mysql.fmt(f),
            Self::Sqlite(path) => database::Sqlite { path: &path.display() }.fmt(f),
        }
    }
}

/// The action that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DatabaseAction {
    /// To connect.
    Connect,
    /// To prepare the connection for the query.
    Begin,
    /// To ask for the columns of the query.
    Ask,
    /// To read the rows after this one; 0 before the first.
    Read(u64),
}

impl DatabaseAction {
    /// Says what failed, with the name of the database.
    pub(super) fn message(self, database: &DatabaseName) -> String {
        match self {
            Self::Connect => database::CannotConnect { database }.to_string(),
            Self::Begin => database::CannotBegin { database }.to_string(),
            Self::Ask => database::CannotAsk { database }.to_string(),
            Self::Read(0) => database::CannotRead { database }.to_string(),
            Self::Read(row) => database::CannotReadAfterRow { database, row: &row }.to_string(),
        }
    }
}

/// The cause of a failure, without secrets.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum DatabaseCause {
    /// The message of the database, the system or a library.
    #[error("{0}")]
    Message(String),
    /// The certificate of the server does not verify.
    #[error("{0}")]
    Certificate(CertificateFault),
    /// The server did not answer within this many seconds.
    #[error("{}", no_answer(*.0))]
    NoAnswer(f64),
    /// The query did not end within this many seconds.
    #[error("{}", not_done(*.0))]
    NotDone(u64),
    /// The server closed the connection.
    #[error("{}", database::Closed)]
    Closed,
    /// A value in the URL is not valid.
    #[error("{}", database::BadValue)]
    BadValue,
    /// The server has another role than the URL asks for.
    #[error("{}", database::WrongRole { found, wanted })]
    WrongRole {
        /// The word of the role.
        found: &'static str,
        /// The value of `target_session_attrs`.
        wanted: String,
    },
}

fn no_answer(seconds: f64) -> String {
    database::NoAnswer { seconds: &seconds }.to_string()
}

fn not_done(seconds: u64) -> String {
    database::NotDone { seconds: &seconds }.to_string()
}

/// The party that has to fix a failure, with the help.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Responsible {
    /// The user of the campaign file: its query, or the password of its URL, is wrong.
    File(DatabaseHelp),
    /// The operator of the server, the network or the disk.
    Server(DatabaseHelp),
}

impl Responsible {
    pub(super) const fn help(&self) -> &DatabaseHelp {
        match self {
            Self::File(help) | Self::Server(help) => help,
        }
    }
}

/// What to do about a failure.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is a text of the catalogue")]
pub enum DatabaseHelp {
    Nothing,
    Again,
    Binding,
    /// What a fault of a certificate itself suggests.
    Certificate(CertificateFault),
    Damaged,
    Database,
    Disk,
    Host,
    Locked,
    Memory,
    MysqlTls,
    Parameters,
    Pooler,
    PostgresTls,
    Query,
    Reach,
    ReadOnly,
    Role,
    Startup,
    TooSlow,
    User,
}

impl fmt::Display for DatabaseHelp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => Ok(()),
            Self::Again => database::HelpAgain.fmt(f),
            Self::Binding => database::HelpBinding.fmt(f),
            Self::Certificate(fault) => fault.help().unwrap_or_default().fmt(f),
            Self::Damaged => database::HelpDamaged.fmt(f),
            Self::Database => database::HelpDatabase.fmt(f),
            Self::Disk => database::HelpDisk.fmt(f),
            Self::Host => database::HelpHost.fmt(f),
            Self::Locked => database::HelpLocked.fmt(f),
            Self::Memory => database::HelpMemory.fmt(f),
            Self::MysqlTls => database::HelpMysqlTls.fmt(f),
            Self::Parameters => database::HelpParameters.fmt(f),
            Self::Pooler => database::HelpPooler.fmt(f),
            Self::PostgresTls => database::HelpPostgresTls.fmt(f),
            Self::Query => database::HelpQuery.fmt(f),
            Self::Reach => database::HelpReach.fmt(f),
            Self::ReadOnly => database::HelpReadOnly.fmt(f),
            Self::Role => database::HelpRole.fmt(f),
            Self::Startup => database::HelpStartup.fmt(f),
            Self::TooSlow => database::HelpTooSlow.fmt(f),
            Self::User => database::HelpUser.fmt(f),
        }
    }
}

/// Why a query cannot be an audience.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QueryMistake {
    /// It is more than one statement.
    Several,
    /// It has parameters.
    Parameters,
    /// It returns no rows.
    NoRows,
}

impl QueryMistake {
    /// The word that selects a text of the catalogue.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Several => "several",
            Self::Parameters => "parameters",
            Self::NoRows => "no-rows",
        }
    }
}
