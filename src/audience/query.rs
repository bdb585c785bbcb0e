//! An audience by a query: what the three kinds of databases have in common.
//!
//! The query runs on the reading's own thread, by a small runtime of its own, in a transaction that cannot write. Rows
//! arrive as the database finds them; none is kept. What is said of errors never has the URL or its password in it.

use std::pin::Pin;
use std::time::Duration;

use futures_core::Stream;
use sqlx::error::DatabaseError;
use sqlx::{Column, Database, Either, Error, Executor, IntoArguments, SqlSafeStr, SqlStr, Statement, TypeInfo};
use url::Url;

use super::activity::ActivityParser;
use super::cell::Cell;
use super::error::{Blame, Role, Said, nearest};
use super::reading::Out;
use super::sound::LONGEST_ROW;
use super::{AudienceError, Columns};
use crate::secret::{Secret, SecretRef};

/// Where rows of a query are: "row 1042 of the query".
const PLACE: &str = "the query";
const TLS: Blame = Blame::Server("check the TLS settings in the URL, and the server's certificate");
/// How much later than the server a statement's time is up here: the server knows better why.
const GRACE: Duration = Duration::from_secs(30);
/// What is done about a query whose time was up.
pub(super) const TOO_SLOW: Blame = Blame::Server("make the query faster, or export its result to a file");

/// What is asked of a database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    /// One statement that only reads.
    pub sql: String,
    /// What is read of each row of its result.
    pub columns: Columns,
    /// How long it may take.
    pub limits: Limits,
}

/// How long a query may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Until there is a connection.
    pub connect: Duration,
    /// Until the last row.
    pub statement: Duration,
}

/// A query to a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// Where the server's URL is to be found.
    pub url: SecretRef,
    /// What is asked of it.
    pub query: Query,
}

impl Query {
    /// A query with the usual limits.
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

/// What is peculiar to a kind of database.
pub(super) trait Dialect: Database {
    /// What the values of a column of this type are, if anything that is read. `offset`: see [`Asked::offset`].
    fn means(type_name: &str, offset: i32) -> Option<Means>;

    /// One value. What has to be written out first is written into `scratch`.
    fn cell<'r>(row: &'r Self::Row, at: usize, means: Means, scratch: &'r mut String) -> Result<Cell<'r>, Error>;

    /// Whose fault an error is.
    fn blame(said: &dyn DatabaseError) -> Blame;
}

/// What the values of a column are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Means {
    Text,
    Uuid,
    Whole,
    Unsigned,
    Real,
    /// A number of any size, with or without a fraction.
    Decimal,
    /// Moments, by clocks so many seconds ahead of UTC.
    Moment(i32),
    Local,
    Day,
    /// Each value says itself what it is.
    Any,
}

impl Means {
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
    means: Means,
}

/// A database that is being asked, for what is said of its errors.
pub(super) struct Asked<'q> {
    pub(super) query: &'q Query,
    /// What it is called: "PostgreSQL database".
    database: String,
    /// What must not be shown: the URL, and the password in it.
    secrets: Vec<Secret>,
    /// How many seconds the session's clocks are ahead of UTC, where moments arrive as times on these.
    pub(super) offset: i32,
}

impl<'q> Asked<'q> {
    pub(super) fn of(query: &'q Query, database: String) -> Self {
        Self {
            query,
            database,
            secrets: Vec::new(),
            offset: 0,
        }
    }

    /// The server's URL, if it has one of these schemes and no other parameters. It is known as a secret from here on.
    pub(super) fn url(&mut self, of: &Expected<'_>, reference: &SecretRef) -> Result<Url, AudienceError> {
        let server = of.server;
        let secret = reference
            .resolve()
            .map_err(|source| AudienceError::Secret { server, source })?;
        let wrong = |why: String| AudienceError::Url {
            server,
            reference: reference.clone(),
            why,
        };
        let url = Url::parse(secret.expose()).map_err(|error| wrong(error.to_string()))?;
        self.secrets.push(secret);
        if !of.schemes.contains(&url.scheme()) {
            return Err(wrong(format!("it does not begin with `{}://`", of.schemes[0])));
        }
        // The library would warn of a parameter that it does not know, with its value, or pass over it in silence.
        if let Some((name, _)) = url.query_pairs().find(|(name, _)| !of.parameters.contains(&&**name)) {
            let near = of
                .parameters
                .iter()
                .find(|known| strsim::osa_distance(known, &name) <= 2);
            let near = near.map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
            // A name that is like none may be anything, the rest of a password with an `&` in it included.
            return Err(wrong(format!("it has a parameter that is not known{near}")));
        }
        let password = url.password().unwrap_or_default();
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
        let named = url.query_pairs().filter(|(name, _)| name == "password");
        self.secrets.extend(named.map(|(_, password)| Secret::new(&password)));
        Ok(url)
    }

    /// Waits for a connection, at most so long as is allowed.
    pub(super) async fn connect<D: Dialect, T>(
        &self,
        connecting: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, AudienceError> {
        let doing = || format!("connect to the audience's {}", self.database);
        match tokio::time::timeout(self.query.limits.connect, connecting).await {
            Ok(Ok(connection)) => Ok(connection),
            Ok(Err(error)) => Err(self.failed::<D>(doing(), &error)),
            Err(_) => Err(AudienceError::Database {
                doing: doing(),
                blame: Blame::Server(
                    "check the host and the port in the URL, and that the server can be reached from here",
                ),
                source: Said(format!(
                    "no answer within {} s",
                    self.query.limits.connect.as_secs_f64()
                )),
            }),
        }
    }

    /// Prepares the connection for reading only.
    pub(super) async fn set_up<D: Dialect>(
        &self,
        connection: &mut D::Connection,
        statements: String,
    ) -> Result<(), AudienceError>
    where
        for<'c> &'c mut D::Connection: Executor<'c, Database = D>,
    {
        let done = connection.execute(sqlx::raw_sql(sqlx::AssertSqlSafe(statements))).await;
        done.map(drop)
            .map_err(|error| self.failed::<D>(format!("begin to read from the audience's {}", self.database), &error))
    }

    /// Asks, and puts every row into `out`.
    pub(super) async fn pour<D: Dialect>(
        &self,
        connection: &mut D::Connection,
        out: &mut Out,
    ) -> Result<(), AudienceError>
    where
        for<'c> &'c mut D::Connection: Executor<'c, Database = D>,
        D::Arguments: IntoArguments<D>,
    {
        let limit = self.query.limits.statement + GRACE;
        match tokio::time::timeout(limit, self.rows::<D>(connection, out)).await {
            Ok(done) => done,
            Err(_) => Err(AudienceError::Database {
                doing: format!("read the audience from its {}", self.database),
                blame: TOO_SLOW,
                source: Said(format!("the query was not done within {} s", limit.as_secs())),
            }),
        }
    }

    async fn rows<D: Dialect>(&self, connection: &mut D::Connection, out: &mut Out) -> Result<(), AudienceError>
    where
        for<'c> &'c mut D::Connection: Executor<'c, Database = D>,
        D::Arguments: IntoArguments<D>,
    {
        let ask = |error| self.failed::<D>(format!("ask the audience's {}", self.database), &error);
        let sql: SqlStr = sqlx::AssertSqlSafe(self.query.sql.clone()).into_sql_str();
        let statement = connection.prepare(sql).await.map_err(ask)?;
        let parameters = match statement.parameters() {
            Some(Either::Left(types)) => types.len(),
            Some(Either::Right(count)) => count,
            None => 0,
        };
        if parameters > 0 {
            return Err(AudienceError::NoQuery {
                why: "it has parameters, and nothing to put in their place",
            });
        }
        let columns = statement.columns();
        if columns.is_empty() {
            return Err(AudienceError::NoQuery {
                why: "it returns no rows, so it is not asking for anything",
            });
        }
        let names: Vec<_> = columns.iter().map(|column| column.name().to_owned()).collect();
        let find = |name: &str, role| {
            let at = only(name.trim(), &names)?;
            let type_name = columns.get(at).map_or("", |column| column.type_info().name());
            match D::means(type_name, self.offset).filter(|means| means.fits(role)) {
                Some(means) => Ok(Wanted { at, means }),
                None => Err(AudienceError::ColumnType {
                    place: PLACE.to_owned(),
                    column: name.to_owned(),
                    found: type_name.to_owned(),
                    role,
                }),
            }
        };
        let open_id = find(&self.query.columns.open_id, Role::OpenId)?;
        let last_active = self.query.columns.last_active.as_deref();
        let last_active = last_active.map(|name| find(name, Role::LastActive)).transpose()?;

        let activity = ActivityParser::new(&self.query.columns);
        let mut number = 0;
        let (mut scratch, mut digits, mut written) = (String::new(), String::new(), String::new());
        out.begin_rows(PLACE);
        let mut rows = statement.query().fetch(&mut *connection);
        while let Some(row) = next(&mut rows).await {
            let failed = |error| {
                let doing = match number {
                    0 => format!("read the audience from its {}", self.database),
                    _ => format!("read the audience from its {} behind row {number}", self.database),
                };
                self.failed::<D>(doing, &error)
            };
            let row = row.map_err(failed)?;
            let active = match last_active {
                Some(Wanted { at, means }) => D::cell(&row, at, means, &mut scratch).map_err(failed)?,
                None => Cell::Null,
            };
            let active = activity.cell(&active, &mut written);
            let Wanted { at, means } = open_id;
            let cell = D::cell(&row, at, means, &mut scratch).map_err(failed)?;
            number += 1;
            if matches!(cell, Cell::Text(text) | Cell::Decimal(text) if text.len() > LONGEST_ROW) {
                return Err(AudienceError::LongValue {
                    place: format!("row {number} of {PLACE}"),
                });
            }
            out.row_async(number, cell.open_id(&self.query.columns.open_id, &mut digits), active)
                .await?;
        }
        Ok(())
    }

    /// What a database or the way to it said.
    fn failed<D: Dialect>(&self, doing: String, error: &Error) -> AudienceError {
        let (said, blame) = match error {
            Error::Database(said) => (said.message().to_owned(), D::blame(&**said)),
            Error::Io(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => (
                "the server closed the connection".to_owned(),
                Blame::Server("run the same command again when the server answers"),
            ),
            // A certificate that is refused arrives as data that is none.
            Error::Io(error) if error.kind() == std::io::ErrorKind::InvalidData => (error.to_string(), TLS),
            Error::Io(error) => (
                error.to_string(),
                Blame::Server("check that the server runs and can be reached from here"),
            ),
            Error::Tls(error) => (error.to_string(), TLS),
            // It quotes what it does not understand, and that may be a piece of the password.
            Error::Configuration(_) => (
                "a value in the URL is not understood".to_owned(),
                Blame::File("check the parameters in the URL"),
            ),
            other => (other.to_string(), Blame::Server("")),
        };
        AudienceError::Database {
            doing,
            blame,
            source: Said(self.covered(said)),
        }
    }

    /// What was said, with every secret in it covered.
    fn covered(&self, mut said: String) -> String {
        for secret in self.secrets.iter().filter(|secret| !secret.expose().is_empty()) {
            said = said.replace(secret.expose(), "[secret]");
        }
        said
    }
}

/// Runs what is to be done until it is done, or until nobody wants it any more.
pub(super) fn run(
    out: &mut Out,
    work: impl AsyncFnOnce(&mut Out) -> Result<(), AudienceError>,
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
    // What still hangs on a server that does not answer must not hold up the end.
    runtime.shutdown_background();
    done
}

/// What a server's URL has to be.
pub(super) struct Expected<'e> {
    pub(super) server: &'static str,
    pub(super) schemes: &'e [&'static str],
    pub(super) parameters: &'e [&'static str],
}

/// The one column of this name.
fn only(name: &str, names: &[String]) -> Result<usize, AudienceError> {
    let mut found = names.iter().enumerate().filter(|(_, found)| *found == name);
    match (found.next(), found.count()) {
        (Some((at, _)), 0) => Ok(at),
        (Some(_), more) => Err(AudienceError::Ambiguous {
            place: PLACE.to_owned(),
            column: name.to_owned(),
            times: more + 1,
        }),
        (None, _) => Err(AudienceError::NoSuchColumn {
            place: PLACE.to_owned(),
            column: name.to_owned(),
            nearest: nearest(name, names),
            found: names.to_vec(),
        }),
    }
}

async fn next<S: Stream + Unpin>(stream: &mut S) -> Option<S::Item> {
    std::future::poll_fn(|context| Pin::new(&mut *stream).poll_next(context)).await
}

/// Whose fault an error is, by its SQLSTATE.
pub(super) fn by_state(said: &dyn DatabaseError) -> Blame {
    let state = said.code().unwrap_or_default();
    match state.get(..2).unwrap_or_default() {
        _ if state == "25006" => Blame::File("the query must only read: nothing was changed"),
        "28" => Blame::File("check the user and the password in the URL"),
        "3D" => Blame::File("check the database's name in the URL"),
        "42" | "22" | "25" | "26" | "0A" | "21" => Blame::File("put the query in the campaign file right"),
        _ => Blame::Server("run the same command again when the server answers"),
    }
}
