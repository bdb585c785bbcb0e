//! Audiences from a database query: the common part of the three kinds of databases.
//!
//! The query runs on the thread of the reading, with a small runtime of its own, in a transaction that cannot write.
//! Rows are streamed and not kept. Error messages never contain the URL or its password.

use std::pin::Pin;
use std::time::Duration;

use futures_core::Stream;
use sqlx::database::HasStatementCache;
use sqlx::error::DatabaseError;
use sqlx::{Column, Database, Either, Error, Executor, IntoArguments, SqlSafeStr, SqlStr, Statement, TypeInfo};

use super::AudienceError;
use super::activity::ActivityParser;
use super::cell::Cell;
use super::columns::Columns;
use super::database_error::{DatabaseAction, DatabaseCause, DatabaseHelp, DatabaseName, QueryMistake, Responsible};
use super::error::{Role, nearest};
use super::quote_validator::LONGEST_ROW;
use super::row_sink::RowSink;
use super::server_url::{ServerUrl, UrlMistake, UrlRules, check_files};
use crate::catalogue::database;
use crate::model::certificate::CertificateFault;
use crate::model::foreign::shortened;
use crate::model::redactor::Redactor;
use crate::model::secret::{Secret, SecretRef};

/// How much longer than the server the client waits for a statement: the server's error explains more.
const GRACE: Duration = Duration::from_secs(30);
/// Who has to act if a query timed out.
pub(super) const TOO_SLOW: Responsible = Responsible::Server(DatabaseHelp::TooSlow);

/// A query to a database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    /// One statement that only reads.
    pub sql: String,
    /// The columns to read from its result.
    pub columns: Columns,
    /// The time limits.
    pub limits: Limits,
}

/// The time limits of a query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Until the connection is open.
    pub connect: Duration,
    /// Until the last row arrives.
    pub statement: Duration,
}

/// A query to a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// The reference to the server's URL.
    pub url: SecretRef,
    /// The query.
    pub query: Query,
}

impl Query {
    /// Creates a query with the default limits.
    #[must_use]
    pub fn new(sql: &str, columns: Columns) -> Self {
        Self {
            sql: sql.to_owned(),
            columns,
            limits: Limits {
                connect: Duration::from_secs(10),
                statement: Duration::from_hours(1),
            },
        }
    }
}

/// The operations that differ between databases.
pub(super) trait Dialect: Database + HasStatementCache {
    /// Whether the connection may keep a prepared statement after its execution.
    const KEEPS_STATEMENTS: bool = true;

    /// Prepares the query, and describes its columns.
    fn prepare(
        connection: &mut Self::Connection,
        sql: SqlStr,
    ) -> impl Future<Output = Result<Self::Statement, Error>> + Send;

    /// Returns the meaning of a column type; `None` if it cannot be read. `offset`: see [`Asked::offset`].
    fn logical_type(type_name: &str, offset: i32) -> Option<LogicalType>;

    /// Reads one value. A value that has to be formatted is written into `scratch`.
    fn cell<'r>(
        row: &'r Self::Row,
        at: usize,
        logical_type: LogicalType,
        scratch: &'r mut String,
    ) -> Result<Cell<'r>, Error>;

    /// Returns the party that has to fix an error.
    fn blame(said: &dyn DatabaseError) -> Responsible;
}

/// The meaning of a column's values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LogicalType {
    Text,
    Uuid,
    Whole,
    Unsigned,
    Real,
    /// A number of any size, with or without a fraction.
    Decimal,
    /// Moments as local times that are this many seconds ahead of UTC.
    Moment(i32),
    Local,
    Day,
    /// Each value has its own type.
    Any,
}

impl LogicalType {
    const fn fits(self, role: Role) -> bool {
        match role {
            Role::OpenId => matches!(
                self,
                Self::Text | Self::Uuid | Self::Whole | Self::Unsigned | Self::Decimal | Self::Any
            ),
            Role::LastActive => !matches!(self, Self::Uuid),
        }
    }
}

/// A column that is read.
#[derive(Clone, Copy)]
struct Wanted {
    at: usize,
    logical_type: LogicalType,
}

/// An open query, with the data for its error messages.
pub(super) struct Asked<'q> {
    pub(super) query: &'q Query,
    database: DatabaseName,
    /// The texts that messages must not show: the URL and its password.
    secrets: Vec<Secret>,
    /// The longest time until the connection is open.
    connect_within: Duration,
    /// The help for a failure of TLS.
    pub(super) tls_help: DatabaseHelp,
    /// How far the session's clock is ahead of UTC, in seconds, for a database that returns moments as local times.
    pub(super) offset: i32,
}

impl<'q> Asked<'q> {
    pub(super) fn new(query: &'q Query, database: DatabaseName, tls_help: DatabaseHelp) -> Self {
        Self {
            query,
            database,
            secrets: Vec::new(),
            connect_within: query.limits.connect,
            tls_help,
            offset: 0,
        }
    }

    /// Resolves the server's URL and checks it. From here on messages hide the URL.
    pub(super) fn url(&mut self, rules: &UrlRules, reference: &SecretRef) -> Result<ServerUrl, AudienceError> {
        let server = rules.server;
        let secret = reference
            .resolve()
            .map_err(|source| AudienceError::Secret { server, source })?;
        let parsed = ServerUrl::parse(secret.expose(), rules).and_then(|url| check_files(&url).map(|()| url));
        self.secrets.push(secret);
        let unusable = |mistakes| AudienceError::Url {
            server,
            reference: reference.clone(),
            mistakes,
        };
        let url = parsed.map_err(unusable)?;
        let password = url.url.password().unwrap_or_default();
        let decoded: String = url::form_urlencoded::parse(password.replace('+', "%2B").as_bytes())
            .map(|(key, value)| {
                if value.is_empty() {
                    key.into_owned()
                } else {
                    format!("{key}={value}")
                }
            })
            .collect();
        self.secrets.extend([Secret::new(password), Secret::new(&decoded)]);
        let named = url.url.query_pairs().filter(|(name, _)| name == "password");
        self.secrets.extend(named.map(|(_, password)| Secret::new(&password)));
        let mut passwords = self.secrets.iter().skip(1).map(|password| password.expose().len());
        if passwords.any(|length| (1..Secret::SHORTEST).contains(&length)) {
            return Err(unusable(vec![UrlMistake::ShortPassword]));
        }
        self.connect_within = url.connect_timeout().unwrap_or(self.connect_within);
        Ok(url)
    }

    /// Waits for a connection, up to the limit.
    pub(super) async fn connect<D: Dialect, T>(
        &self,
        connecting: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, AudienceError> {
        match tokio::time::timeout(self.connect_within, connecting).await {
            Ok(Ok(connection)) => Ok(connection),
            Ok(Err(error)) => Err(self.failed::<D>(DatabaseAction::Connect, &error)),
            Err(_) => Err(self.error(
                DatabaseAction::Connect,
                Responsible::Server(DatabaseHelp::Host),
                DatabaseCause::NoAnswer(self.connect_within.as_secs_f64()),
            )),
        }
    }

    /// Creates the error of an action.
    pub(super) fn error(&self, action: DatabaseAction, blame: Responsible, cause: DatabaseCause) -> AudienceError {
        AudienceError::Database {
            action,
            database: self.database.clone(),
            blame,
            source: cause,
        }
    }

    /// Converts an error before the query.
    pub(super) fn cannot_begin<D: Dialect>(&self, error: &Error) -> AudienceError {
        self.failed::<D>(DatabaseAction::Begin, error)
    }

    /// Makes the connection read-only.
    pub(super) async fn set_up<D: Dialect>(
        &self,
        connection: &mut D::Connection,
        statements: String,
    ) -> Result<(), AudienceError>
    where
        for<'c> &'c mut D::Connection: Executor<'c, Database = D>,
    {
        let done = connection.execute(sqlx::raw_sql(sqlx::AssertSqlSafe(statements))).await;
        done.map(drop).map_err(|error| self.cannot_begin::<D>(&error))
    }

    /// Runs the query and writes every row into `out`.
    pub(super) async fn read_rows<D: Dialect>(
        &self,
        connection: &mut D::Connection,
        out: &mut RowSink,
    ) -> Result<(), AudienceError>
    where
        for<'c> &'c mut D::Connection: Executor<'c, Database = D>,
        D::Arguments: IntoArguments<D>,
    {
        let limit = self.query.limits.statement + GRACE;
        match tokio::time::timeout(limit, self.rows::<D>(connection, out)).await {
            Ok(done) => done,
            Err(_) => Err(self.error(
                DatabaseAction::Read(0),
                TOO_SLOW,
                DatabaseCause::NotDone(limit.as_secs()),
            )),
        }
    }

    async fn rows<D: Dialect>(&self, connection: &mut D::Connection, out: &mut RowSink) -> Result<(), AudienceError>
    where
        for<'c> &'c mut D::Connection: Executor<'c, Database = D>,
        D::Arguments: IntoArguments<D>,
    {
        let ask = |error| self.failed::<D>(DatabaseAction::Ask, &error);
        let sql: SqlStr = sqlx::AssertSqlSafe(self.query.sql.clone()).into_sql_str();
        let statement = D::prepare(connection, sql).await.map_err(ask)?;
        let parameters = match statement.parameters() {
            Some(Either::Left(types)) => types.len(),
            Some(Either::Right(count)) => count,
            None => 0,
        };
        if parameters > 0 {
            return Err(AudienceError::NoQuery {
                why: QueryMistake::Parameters,
            });
        }
        let columns = statement.columns();
        if columns.is_empty() {
            return Err(AudienceError::NoQuery {
                why: QueryMistake::NoRows,
            });
        }
        let names: Vec<_> = columns.iter().map(|column| column.name().to_owned()).collect();
        let find = |name: &str, role| {
            let at = only(name.trim(), &names)?;
            let type_name = columns.get(at).map_or("", |column| column.type_info().name());
            match D::logical_type(type_name, self.offset).filter(|logical_type| logical_type.fits(role)) {
                Some(logical_type) => Ok(Wanted { at, logical_type }),
                None => Err(AudienceError::ColumnType {
                    path: None,
                    column: name.to_owned(),
                    found: Some(type_name.to_owned()),
                    role,
                }),
            }
        };
        let open_id = find(&self.query.columns.open_id, Role::OpenId)?;
        let last_active = self.query.columns.last_active.as_deref();
        let last_active = last_active.map(|name| find(name, Role::LastActive)).transpose()?;

        let activity = ActivityParser::new(&self.query.columns);
        let mut number = 0;
        let mut scratch = String::new();
        let mut digits = String::new();
        let mut written = String::new();
        // Rows are named by their place: "row 1042 of the query".
        out.begin_rows(&database::ThisQuery.to_string());
        let query = statement.query().persistent(D::KEEPS_STATEMENTS);
        let mut rows = query.fetch(&mut *connection);
        while let Some(row) = next(&mut rows).await {
            let failed = |error| self.failed::<D>(DatabaseAction::Read(number), &error);
            let row = row.map_err(failed)?;
            let active = match last_active {
                Some(Wanted { at, logical_type }) => D::cell(&row, at, logical_type, &mut scratch).map_err(failed)?,
                None => Cell::Null,
            };
            let active = activity.cell(&active, &mut written);
            let Wanted { at, logical_type } = open_id;
            let cell = D::cell(&row, at, logical_type, &mut scratch).map_err(failed)?;
            number += 1;
            if matches!(cell, Cell::Text(text) | Cell::Decimal(text) if text.len() > LONGEST_ROW) {
                return Err(AudienceError::LongValue {
                    path: None,
                    row: number,
                });
            }
            out.row_async(number, cell.open_id(&self.query.columns.open_id, &mut digits), active)
                .await?;
        }
        Ok(())
    }

    /// Converts an error of the database or the connection.
    fn failed<D: Dialect>(&self, action: DatabaseAction, error: &Error) -> AudienceError {
        let (cause, blame) = match error {
            Error::Database(said) => (self.message(said.message().to_owned()), D::blame(&**said)),
            Error::Io(error) => self.connection_failed(error),
            Error::Tls(error) => (
                self.message(error.to_string()),
                Responsible::Server(self.tls_help.clone()),
            ),
            // The error quotes the value, which may be a part of the password.
            Error::Configuration(_) => (DatabaseCause::BadValue, Responsible::File(DatabaseHelp::Parameters)),
            other => (
                self.message(other.to_string()),
                Responsible::Server(DatabaseHelp::Nothing),
            ),
        };
        self.error(action, blame, cause)
    }

    /// Describes a failure of the connection, whose text comes from the system and from the TLS library.
    fn connection_failed(&self, error: &std::io::Error) -> (DatabaseCause, Responsible) {
        if let Some(fault) = CertificateFault::find(error) {
            let help = if fault.help().is_none() {
                self.tls_help.clone()
            } else {
                DatabaseHelp::Certificate(fault.clone())
            };
            return (DatabaseCause::Certificate(fault), Responsible::Server(help));
        }
        let said = DatabaseCause::Message(shortened(&error.to_string()).into_owned());
        match error.kind() {
            std::io::ErrorKind::UnexpectedEof => (DatabaseCause::Closed, Responsible::Server(DatabaseHelp::Again)),
            std::io::ErrorKind::InvalidData => (said, Responsible::Server(self.tls_help.clone())),
            _ => (said, Responsible::Server(DatabaseHelp::Reach)),
        }
    }

    /// The message of the database or a library, without secrets.
    fn message(&self, said: String) -> DatabaseCause {
        DatabaseCause::Message(shortened(&self.covered(said)).into_owned())
    }

    /// Replaces every secret in a message of the server.
    fn covered(&self, mut said: String) -> String {
        for secret in self.secrets.iter().filter(|secret| !secret.expose().is_empty()) {
            said = said.replace(secret.expose(), "[secret]");
        }
        // Other forms and parts are removed of the passwords only: a part of the URL names the host.
        Redactor::new(self.secrets.iter().skip(1)).redact(&said).into_owned()
    }
}

/// Runs `work` until it ends or the reading is dropped.
pub(super) fn run(
    out: &mut RowSink,
    work: impl AsyncFnOnce(&mut RowSink) -> Result<(), AudienceError>,
) -> Result<(), AudienceError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|source| AudienceError::NoThread { source })?;
    let unwanted = out.unwanted();
    let done = runtime.block_on(async {
        tokio::select! {
            biased;
            () = unwanted => Err(AudienceError::BrokenOff),
            done = work(out) => done,
        }
    });
    // A task that waits for an unresponsive server must not delay the end.
    runtime.shutdown_background();
    done
}

/// Returns the position of the only column with this name.
fn only(name: &str, names: &[String]) -> Result<usize, AudienceError> {
    let mut found = names.iter().enumerate().filter(|(_, found)| *found == name);
    match (found.next(), found.count()) {
        (Some((at, _)), 0) => Ok(at),
        (Some(_), more) => Err(AudienceError::Ambiguous {
            column: name.to_owned(),
            times: more + 1,
        }),
        (None, _) => Err(AudienceError::NoSuchColumn {
            path: None,
            column: name.to_owned(),
            nearest: nearest(name, names),
            found: names.to_vec(),
        }),
    }
}

async fn next<S: Stream + Unpin>(stream: &mut S) -> Option<S::Item> {
    std::future::poll_fn(|context| Pin::new(&mut *stream).poll_next(context)).await
}

/// Returns the party that has to fix an error, by its SQLSTATE.
pub(super) fn by_state(said: &dyn DatabaseError) -> Responsible {
    let state = said.code().unwrap_or_default();
    match state.get(..2).unwrap_or_default() {
        _ if state == "25006" => Responsible::File(DatabaseHelp::ReadOnly),
        "28" => Responsible::File(DatabaseHelp::User),
        "3D" => Responsible::File(DatabaseHelp::Database),
        "42" | "22" | "25" | "26" | "0A" | "21" => Responsible::File(DatabaseHelp::Query),
        _ => Responsible::Server(DatabaseHelp::Again),
    }
}
