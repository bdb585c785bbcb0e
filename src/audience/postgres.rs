//! Audiences from a PostgreSQL server.

use std::fmt::Write as _;

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use sqlx::error::DatabaseError;
use sqlx::postgres::{PgConnectOptions, PgConnection, PgRow, PgSslMode, PgStatement, PgValueFormat};
use sqlx::{ConnectOptions, Connection, Error, Executor, Postgres, Row, SqlStr, ValueRef};

use super::AudienceError;
use super::cell::{Cell, uuid};
use super::database_error::{DatabaseAction, DatabaseCause, DatabaseHelp, DatabaseName, Responsible};
use super::query::{Asked, Dialect, LogicalType, Server, TOO_SLOW, by_state, run};
use super::row_sink::{RowSink, RowSource};
use super::server_url::{Parameter, ParameterHelp, ServerUrl, UrlRules, authorities};

/// The parameters of libpq. sqlx reads few of them, logs an unknown one with its value, and ignores it.
const RULES: UrlRules = UrlRules {
    server: "PostgreSQL",
    schemes: &["postgres", "postgresql"],
    parameters: &[
        (
            "sslmode",
            Parameter::OneOf(&["disable", "allow", "prefer", "require", "verify-ca", "verify-full"]),
        ),
        ("sslrootcert", Parameter::File),
        ("sslcert", Parameter::File),
        ("sslkey", Parameter::File),
        ("host", Parameter::Any),
        ("hostaddr", Parameter::Address),
        ("port", Parameter::Port),
        ("dbname", Parameter::Any),
        ("user", Parameter::Any),
        ("password", Parameter::Any),
        ("application_name", Parameter::Any),
        ("options", Parameter::Any),
        ("channel_binding", Parameter::Ours(&["disable", "prefer", "require"])),
        ("connect_timeout", Parameter::Seconds),
        (
            "target_session_attrs",
            Parameter::Ours(&["any", "read-write", "read-only", "primary", "standby", "prefer-standby"]),
        ),
        // There is neither Kerberos nor compression, the encoding is always UTF-8, and a query has its own time limit.
        (
            "gssencmode",
            Parameter::IgnoredIf(&["disable", "prefer"], ParameterHelp::UseTls),
        ),
        ("krbsrvname", Parameter::Ignored),
        ("gsslib", Parameter::Ignored),
        ("gssdelegation", Parameter::Ignored),
        ("sslcompression", Parameter::Ignored),
        ("sslsni", Parameter::Ignored),
        (
            "sslnegotiation",
            Parameter::IgnoredIf(&["postgres"], ParameterHelp::Remove),
        ),
        ("sslcertmode", Parameter::IgnoredIf(&["allow"], ParameterHelp::Remove)),
        (
            "ssl_min_protocol_version",
            Parameter::IgnoredIf(&["TLSv1", "TLSv1.1", "TLSv1.2"], ParameterHelp::Remove),
        ),
        (
            "ssl_max_protocol_version",
            Parameter::IgnoredIf(&["TLSv1.3"], ParameterHelp::Remove),
        ),
        (
            "client_encoding",
            Parameter::IgnoredIf(&["utf8", "utf-8", "auto"], ParameterHelp::Remove),
        ),
        ("fallback_application_name", Parameter::Ignored),
        ("keepalives", Parameter::Ignored),
        ("keepalives_idle", Parameter::Ignored),
        ("keepalives_interval", Parameter::Ignored),
        ("keepalives_count", Parameter::Ignored),
        ("tcp_user_timeout", Parameter::Ignored),
        ("load_balance_hosts", Parameter::Ignored),
        (
            "min_protocol_version",
            Parameter::IgnoredIf(&["3.0"], ParameterHelp::Remove),
        ),
        ("max_protocol_version", Parameter::Ignored),
        ("service", Parameter::Unsupported(ParameterHelp::WriteHost)),
        ("servicefile", Parameter::Unsupported(ParameterHelp::WriteHost)),
        ("passfile", Parameter::Unsupported(ParameterHelp::WritePassword)),
        ("requiressl", Parameter::Unsupported(ParameterHelp::WriteSslmode)),
        ("sslpassword", Parameter::Unsupported(ParameterHelp::PlainKey)),
        ("sslcrl", Parameter::Unsupported(ParameterHelp::Remove)),
        ("sslcrldir", Parameter::Unsupported(ParameterHelp::Remove)),
        ("requirepeer", Parameter::Unsupported(ParameterHelp::Remove)),
        ("require_auth", Parameter::Unsupported(ParameterHelp::UseVerifyFull)),
        ("replication", Parameter::Unsupported(ParameterHelp::Remove)),
    ],
};

/// A query to a PostgreSQL server.
pub(super) struct PostgresQuery<'s>(pub(super) &'s Server);

impl RowSource for PostgresQuery<'_> {
    fn read_rows(&self, out: &mut RowSink) -> Result<(), AudienceError> {
        let Server { url, query } = self.0;
        let mut asked = Asked::new(query, DatabaseName::PostgreSql, DatabaseHelp::PostgresTls);
        let url = asked.url(&RULES, url)?;
        if url.parameter("channel_binding") == Some("require") {
            asked.tls_help = DatabaseHelp::Binding;
        }
        run(out, async |out| {
            let connecting = async { options(&url)?.connect().await };
            let mut connection = asked.connect::<Postgres, _>(connecting).await?;
            // Everything is set within the transaction, because a pooler may give the connection to others after it.
            asked
                .set_up::<Postgres>(&mut connection, "begin read only".to_owned())
                .await?;
            check_role(&asked, &mut connection, url.parameter("target_session_attrs")).await?;
            // With this setting the server ends the query soon after the client disconnects. Some servers lack it, so
            // an error is ignored.
            let watch = "savepoint before_watch; select set_config(name, '2s', true) from pg_settings \
                         where name = 'client_connection_check_interval'";
            if sqlx::raw_sql(watch).execute(&mut connection).await.is_err() {
                let undo = "rollback to savepoint before_watch".to_owned();
                asked.set_up::<Postgres>(&mut connection, undo).await?;
            }
            let zone = query.columns.zone.iana_name().unwrap_or("UTC");
            let milliseconds = query.limits.statement.as_millis();
            let set_up = format!(
                "set session characteristics as transaction read only; set local statement_timeout = {milliseconds}; \
                 set local time zone '{zone}'"
            );
            asked.set_up::<Postgres>(&mut connection, set_up).await?;
            asked.read_rows::<Postgres>(&mut connection, out).await?;
            // All rows have arrived, so an error of closing does not matter.
            let _ = connection.close().await;
            out.end_rows_async().await
        })
    }
}

/// The options of a connection.
fn options(url: &ServerUrl) -> Result<PgConnectOptions, Error> {
    let mut plain = url.url.clone();
    let is_system = |(name, value): &(String, String)| name == "sslrootcert" && value == "system";
    let all: Vec<(String, String)> = plain.query_pairs().into_owned().collect();
    let system = all.iter().any(is_system);
    let named = all.iter().any(|(name, _)| name == "sslrootcert") || std::env::var_os("PGSSLROOTCERT").is_some();
    plain.set_query(None);
    {
        let mut pairs = plain.query_pairs_mut();
        // As a parameter, because a host in brackets would be resolved as a name.
        pairs.extend_pairs(url.ipv6.iter().map(|address| ("host", address)));
        pairs.extend_pairs(all.into_iter().filter(|pair| !is_system(pair)));
    }
    // The statements' text is no secret, but it is long. PgBouncer refuses a setting that it does not know, and this one is
    // for numbers as text, which are read as they are stored.
    let mut options = PgConnectOptions::from_url(&plain)?
        .disable_statement_logging()
        .extra_float_digits(None);
    if system || url.parameter("channel_binding") == Some("require") {
        options = options.ssl_mode(PgSslMode::VerifyFull);
    }
    match authorities() {
        Some(file) if system || !named => Ok(options.ssl_root_cert(file)),
        _ => Ok(options),
    }
}

/// Checks that the server has the role that the URL asks for: a query on a replica may miss the newest rows.
async fn check_role(
    asked: &Asked<'_>,
    connection: &mut PgConnection,
    wanted: Option<&str>,
) -> Result<(), AudienceError> {
    let Some(wanted) = wanted.filter(|wanted| !matches!(*wanted, "any" | "prefer-standby")) else {
        return Ok(());
    };
    let sql = "select pg_is_in_recovery(), \
               pg_is_in_recovery() or current_setting('default_transaction_read_only')::bool";
    let role = sqlx::query_as(sql).persistent(false).fetch_one(connection).await;
    let (standby, read_only): (bool, bool) = role.map_err(|error| asked.cannot_begin::<Postgres>(&error))?;
    let (fits, found) = match wanted {
        "primary" => (!standby, "standby"),
        "standby" => (standby, "primary"),
        "read-write" => (!read_only, "read-only"),
        _ => (read_only, "writable"),
    };
    if fits {
        return Ok(());
    }
    let wanted = wanted.to_owned();
    Err(asked.error(
        DatabaseAction::Begin,
        Responsible::Server(DatabaseHelp::Role),
        DatabaseCause::WrongRole { found, wanted },
    ))
}

/// How many names of prepared statements may be in use by others.
const MOST_TAKEN: usize = 1_000;

impl Dialect for Postgres {
    const KEEPS_STATEMENTS: bool = false;

    async fn prepare(connection: &mut PgConnection, sql: SqlStr) -> Result<PgStatement, Error> {
        // sqlx describes a statement by a name from a fixed sequence. With a pooler, another program's statement of that
        // name may be on the connection, and ours must not stay there.
        let mut taken = 0;
        loop {
            sqlx::raw_sql("savepoint before_prepare")
                .execute(&mut *connection)
                .await?;
            match connection.prepare(sql.clone()).await {
                Err(Error::Database(said)) if said.code().as_deref() == Some("42P05") && taken < MOST_TAKEN => {
                    taken += 1;
                    let undo = "rollback to savepoint before_prepare";
                    sqlx::raw_sql(undo).execute(&mut *connection).await?;
                }
                prepared => {
                    let prepared = prepared?;
                    connection.clear_cached_statements().await?;
                    return Ok(prepared);
                }
            }
        }
    }

    fn logical_type(type_name: &str, _offset: i32) -> Option<LogicalType> {
        Some(match type_name {
            "INT2" | "INT4" | "INT8" => LogicalType::Whole,
            "OID" => LogicalType::Unsigned,
            "UUID" => LogicalType::Uuid,
            "FLOAT4" | "FLOAT8" => LogicalType::Real,
            "NUMERIC" => LogicalType::Decimal,
            "TIMESTAMPTZ" => LogicalType::Moment(0),
            "TIMESTAMP" => LogicalType::Local,
            "DATE" => LogicalType::Day,
            "TEXT" | "VARCHAR" | "CHAR" | "NAME" | "BYTEA" | "UNKNOWN" | "citext" | "CITEXT" => LogicalType::Text,
            _ => return None,
        })
    }

    fn cell<'r>(
        row: &'r PgRow,
        at: usize,
        logical_type: LogicalType,
        scratch: &'r mut String,
    ) -> Result<Cell<'r>, Error> {
        let value = row.try_get_raw(at)?;
        if value.is_null() {
            return Ok(Cell::Null);
        }
        let bytes = value.as_bytes().map_err(Error::Decode)?;
        if value.format() == PgValueFormat::Text {
            return Ok(Cell::Text(bytes));
        }
        let cell = match logical_type {
            LogicalType::Text | LogicalType::Any => Some(Cell::Text(bytes)),
            LogicalType::Whole => whole(bytes).map(|number| Cell::Whole(number.into())),
            LogicalType::Unsigned => bytes
                .try_into()
                .ok()
                .map(|bytes| Cell::Whole(u32::from_be_bytes(bytes).into())),
            LogicalType::Real => real(bytes).map(Cell::Real),
            LogicalType::Uuid => bytes.try_into().ok().map(|bytes| {
                scratch.clear();
                scratch.extend(uuid(bytes).map(char::from));
                Cell::Text(scratch.as_bytes())
            }),
            LogicalType::Decimal => decimal(bytes, scratch).map(|()| match scratch.parse() {
                Ok(number) => Cell::Whole(number),
                Err(_) => Cell::Decimal(scratch.as_bytes()),
            }),
            LogicalType::Moment(_) => whole(bytes).map(|at| Cell::At(since_1970(at))),
            LogicalType::Local => whole(bytes).and_then(|at| {
                let at = Timestamp::from_millisecond(since_1970(at)).ok()?;
                Some(Cell::Local(jiff::tz::TimeZone::UTC.to_datetime(at)))
            }),
            LogicalType::Day => whole(bytes).and_then(|days| {
                let days = SignedDuration::from_hours(days.checked_mul(24)?);
                Date::constant(2000, 1, 1).checked_add(days).ok().map(Cell::Day)
            }),
        };
        // An invalid value, such as the time `infinity`, is an unreadable time and does not end the reading.
        Ok(cell.unwrap_or(Cell::Other))
    }

    fn blame(said: &dyn DatabaseError) -> Responsible {
        match said.code().as_deref() {
            Some("57014") => TOO_SLOW,
            Some("08P01") if said.message().contains("statement pooling") => Responsible::Server(DatabaseHelp::Pooler),
            Some("08P01") if said.message().contains("startup parameter") => Responsible::File(DatabaseHelp::Startup),
            _ => by_state(said),
        }
    }
}

/// Decodes an integer of two, four or eight bytes.
fn whole(bytes: &[u8]) -> Option<i64> {
    match bytes.len() {
        2 => bytes.try_into().ok().map(|bytes| i16::from_be_bytes(bytes).into()),
        4 => bytes.try_into().ok().map(|bytes| i32::from_be_bytes(bytes).into()),
        8 => bytes.try_into().ok().map(i64::from_be_bytes),
        _ => None,
    }
}

fn real(bytes: &[u8]) -> Option<f64> {
    match bytes.len() {
        4 => bytes.try_into().ok().map(|bytes| f32::from_be_bytes(bytes).into()),
        8 => bytes.try_into().ok().map(f64::from_be_bytes),
        _ => None,
    }
}

/// Converts microseconds since 2000, the server's epoch, to milliseconds since 1970.
fn since_1970(microseconds: i64) -> i64 {
    const YEAR_2000: i64 = 946_684_800_000;
    microseconds.div_euclid(1_000).saturating_add(YEAR_2000)
}

/// Writes a NUMERIC value as text: digits in base 10,000, of which the first counts 10,000 to the power of `weight`.
fn decimal(bytes: &[u8], text: &mut String) -> Option<()> {
    let mut words = bytes.chunks_exact(2).map(|pair| i16::from_be_bytes([pair[0], pair[1]]));
    let _count = words.next()?;
    let weight = words.next()?;
    let sign = words.next()?;
    let scale = words.next()?;
    let digits: Vec<i16> = words.collect();
    text.clear();
    match sign.cast_unsigned() {
        0x0000 => {}
        0x4000 => text.push('-'),
        _ => return None,
    }
    let digit = |place: i32| {
        usize::try_from(place)
            .ok()
            .and_then(|place| digits.get(place))
            .copied()
            .unwrap_or_default()
    };
    let weight = i32::from(weight);
    let begin = text.len();
    for place in 0..=weight {
        let _ = write!(text, "{:04}", digit(place));
    }
    let zeros = text.get(begin..)?.bytes().take_while(|byte| *byte == b'0').count();
    let whole = text.len() - begin;
    text.replace_range(begin..begin + zeros.min(whole.saturating_sub(1)), "");
    if whole == 0 {
        text.push('0');
    }
    let scale = usize::try_from(scale).ok()?;
    if scale > 0 {
        text.push('.');
        let point = text.len();
        let mut place = weight + 1;
        while text.len() < point + scale {
            let _ = write!(text, "{:04}", digit(place));
            place += 1;
        }
        text.truncate(point + scale);
    }
    Some(())
}
