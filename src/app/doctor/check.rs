//! What is checked, and what a check has found.

use std::fmt;

use crate::model::problem::Ends;

/// What is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// The permissions of the campaign file.
    File,
    /// The secrets that the file refers to.
    Secrets,
    /// The state directory and its permissions.
    State,
    /// The file system of the state directory.
    FileSystem,
    /// The free space there.
    Disk,
    /// How many files the process may open.
    OpenFiles,
    /// The database of a fleet, and the way to it.
    Database,
    /// The tables in it.
    Tables,
    /// The standby that each of its commits waits for.
    Standby,
    /// The rights of this user in it.
    Rights,
    /// The time that a statement takes to it and back.
    RoundTrip,
    /// Its clock, against this machine's.
    DatabaseClock,
    /// The first rows of the audience.
    Audience,
    /// The first rows of an exclude list.
    Exclude,
    /// The proxy that the environment names.
    Proxy,
    /// The name of the platform's host, or of the proxy.
    Dns,
    /// A connection to the platform, with TLS.
    Tls,
    /// The access token.
    Token,
    /// The clock of this machine, against the platform's.
    Clock,
}

impl Subject {
    /// Every subject, in the order in which they are checked.
    pub const ALL: [Self; 19] = [
        Self::File,
        Self::Secrets,
        Self::State,
        Self::FileSystem,
        Self::Disk,
        Self::OpenFiles,
        Self::Database,
        Self::Tables,
        Self::Standby,
        Self::Rights,
        Self::RoundTrip,
        Self::DatabaseClock,
        Self::Audience,
        Self::Exclude,
        Self::Proxy,
        Self::Dns,
        Self::Tls,
        Self::Token,
        Self::Clock,
    ];

    /// The subject's word in JSON.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Secrets => "secrets",
            Self::State => "state",
            Self::FileSystem => "file_system",
            Self::Disk => "disk",
            Self::OpenFiles => "open_files",
            Self::Database => "database",
            Self::Tables => "tables",
            Self::Standby => "standby",
            Self::Rights => "rights",
            Self::RoundTrip => "round_trip",
            Self::DatabaseClock => "database_clock",
            Self::Audience => "audience",
            Self::Exclude => "exclude",
            Self::Proxy => "proxy",
            Self::Dns => "dns",
            Self::Tls => "tls",
            Self::Token => "token",
            Self::Clock => "clock",
        }
    }
}

/// The result of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing is wrong.
    Good,
    /// A run may go wrong, or this could not be checked.
    Warning,
    /// A run cannot succeed. The value says how a run would end.
    Failed(Ends),
}

/// One check and its result, in the language of the moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// What was checked.
    pub subject: Subject,
    /// The result.
    pub verdict: Verdict,
    /// What was found.
    pub finding: String,
    /// What to do. `None` if there is nothing to do.
    pub help: Option<String>,
}

impl Check {
    pub(super) fn new(subject: Subject, verdict: Verdict, finding: &impl fmt::Display) -> Self {
        Self {
            subject,
            verdict,
            finding: finding.to_string(),
            help: None,
        }
    }

    pub(super) fn good(subject: Subject, finding: &impl fmt::Display) -> Self {
        Self::new(subject, Verdict::Good, finding)
    }

    pub(super) fn warning(subject: Subject, finding: &impl fmt::Display) -> Self {
        Self::new(subject, Verdict::Warning, finding)
    }

    pub(super) fn failed(subject: Subject, ends: Ends, finding: &impl fmt::Display) -> Self {
        Self::new(subject, Verdict::Failed(ends), finding)
    }

    pub(super) fn help(mut self, help: &impl fmt::Display) -> Self {
        self.help = Some(help.to_string());
        self
    }
}
