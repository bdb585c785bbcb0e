//! Audiences from a MySQL or MariaDB server.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::{Offset, TimeZone};
use sqlx::error::DatabaseError;
use sqlx::mysql::{MySqlConnectOptions, MySqlConnection, MySqlDatabaseError, MySqlRow, MySqlStatement};
use sqlx::{ConnectOptions, Connection, Error, Executor, MySql, Row, SqlStr, ValueRef};

use super::AudienceError;
use super::cell::Cell;
use super::database_error::{DatabaseHelp, DatabaseName, Responsible};
use super::query::{Asked, Dialect, LogicalType, Server, TOO_SLOW, by_state, run};
use super::row_sink::{RowSink, RowSource};
use super::server_url::{Parameter, ServerUrl, UrlRules, authorities};

const SSL_MODES: Parameter = Parameter::OneOf(&["disabled", "preferred", "required", "verify_ca", "verify_identity"]);

const RULES: UrlRules = UrlRules {
    server: "MySQL",
    schemes: &["mysql", "mariadb"],
    parameters: &[
        ("sslmode", SSL_MODES),
        ("ssl-mode", SSL_MODES),
        ("sslca", Parameter::File),
        ("ssl-ca", Parameter::File),
        ("sslcert", Parameter::File),
        ("ssl-cert", Parameter::File),
        ("sslkey", Parameter::File),
        ("ssl-key", Parameter::File),
        ("charset", Parameter::Any),
        ("collation", Parameter::Any),
        ("socket", Parameter::Any),
        ("connect_timeout", Parameter::Seconds),
        ("connect-timeout", Parameter::Seconds),
    ],
};

/// A query to a MySQL or MariaDB server.
pub(super) struct MysqlQuery<'s>(pub(super) &'s Server);

impl RowSource for MysqlQuery<'_> {
    fn read_rows(&self, out: &mut RowSink) -> Result<(), AudienceError> {
        let Server { url, query } = self.0;
        let mut asked = Asked::new(query, DatabaseName::MySql, DatabaseHelp::MysqlTls);
        let url = asked.url(&RULES, url)?;
        run(out, async move |out| {
            let connecting = async {
                let mut connection = options(&url)?.connect().await?;
                let row = sqlx::query("select version(), utc_timestamp()")
                    .fetch_one(&mut connection)
                    .await?;
                let zone = session_zone(row.try_get_unchecked(1)?, &query.columns.zone);
                Ok((connection, row.try_get::<String, _>(0)?, zone))
            };
            let (mut connection, version, (offset, zone)) = asked.connect::<MySql, _>(connecting).await?;
            let limit = query.limits.statement;
            // MySQL and MariaDB have different variables; that of MySQL is in milliseconds.
            let limit = if version.contains("MariaDB") {
                format!("max_statement_time = {}", limit.as_secs_f64())
            } else {
                format!("max_execution_time = {}", limit.as_millis())
            };
            // `now()` in the query, and times without a zone in its result, use the campaign's time zone.
            asked.offset = offset;
            let seconds = query.limits.statement.as_secs().max(60);
            let set_up = format!(
                "set session time_zone = '{zone}'; set session {limit}; set session net_write_timeout = {seconds}; set session transaction read only; \
                 start transaction read only"
            );
            asked.set_up::<MySql>(&mut connection, set_up).await?;
            asked.read_rows::<MySql>(&mut connection, out).await?;
            // All rows have arrived, so an error of closing does not matter.
            let _ = connection.close().await;
            out.end_rows_async().await
        })
    }
}

/// The options of a connection.
fn options(url: &ServerUrl) -> Result<MySqlConnectOptions, Error> {
    let mut options = MySqlConnectOptions::from_url(&url.url)?
        .timezone(None)
        .pipes_as_concat(false)
        .no_engine_substitution(false)
        .disable_statement_logging();
    if let Some(address) = &url.ipv6 {
        options = options.host(address);
    }
    let named = url
        .url
        .query_pairs()
        .any(|(name, _)| name == "sslca" || name == "ssl-ca");
    match authorities() {
        Some(file) if !named => Ok(options.ssl_ca(file)),
        _ => Ok(options),
    }
}

impl Dialect for MySql {
    async fn prepare(connection: &mut MySqlConnection, sql: SqlStr) -> Result<MySqlStatement, Error> {
        connection.prepare(sql).await
    }

    fn logical_type(type_name: &str, offset: i32) -> Option<LogicalType> {
        Some(match type_name {
            "TINYINT" | "SMALLINT" | "MEDIUMINT" | "INT" | "BIGINT" => LogicalType::Whole,
            "TINYINT UNSIGNED" | "SMALLINT UNSIGNED" | "MEDIUMINT UNSIGNED" | "INT UNSIGNED" | "BIGINT UNSIGNED" => {
                LogicalType::Unsigned
            }
            "FLOAT" | "DOUBLE" => LogicalType::Real,
            "DECIMAL" => LogicalType::Decimal,
            "TIMESTAMP" => LogicalType::Moment(offset),
            "DATETIME" => LogicalType::Local,
            "DATE" => LogicalType::Day,
            "CHAR" | "VARCHAR" | "BINARY" | "VARBINARY" | "TEXT" | "TINYTEXT" | "MEDIUMTEXT" | "LONGTEXT" | "BLOB"
            | "TINYBLOB" | "MEDIUMBLOB" | "LONGBLOB" | "ENUM" => LogicalType::Text,
            "NULL" => LogicalType::Any,
            _ => return None,
        })
    }

    fn cell<'r>(
        row: &'r MySqlRow,
        at: usize,
        logical_type: LogicalType,
        _scratch: &'r mut String,
    ) -> Result<Cell<'r>, Error> {
        if row.try_get_raw(at)?.is_null() {
            return Ok(Cell::Null);
        }
        let bytes: &[u8] = row.try_get_unchecked(at)?;
        let cell = match logical_type {
            LogicalType::Whole => whole(bytes).map(Cell::Whole),
            LogicalType::Unsigned => unsigned(bytes).map(|number| Cell::Whole(number.into())),
            LogicalType::Real => real(bytes).map(Cell::Real),
            LogicalType::Decimal => Some(
                match std::str::from_utf8(bytes).ok().and_then(|text| text.parse().ok()) {
                    Some(number) => Cell::Whole(number),
                    None => Cell::Decimal(bytes),
                },
            ),
            LogicalType::Moment(offset) => time(bytes)
                .and_then(|at| moment(at, offset))
                .map(|at| Cell::At(at.as_millisecond())),
            LogicalType::Local => time(bytes).map(Cell::Local),
            LogicalType::Day => time(bytes).map(|at| Cell::Day(at.date())),
            LogicalType::Text | LogicalType::Uuid | LogicalType::Any => Some(Cell::Text(bytes)),
        };
        // An invalid value, such as 31 February, is an unreadable time and does not end the reading.
        Ok(cell.unwrap_or(Cell::Other))
    }

    fn blame(said: &dyn DatabaseError) -> Responsible {
        // For a timeout MySQL has an error number and no SQLSTATE of its own; MariaDB has another number.
        let number = said.try_downcast_ref().map(MySqlDatabaseError::number);
        match number {
            Some(3024 | 1969) => TOO_SLOW,
            _ => by_state(said),
        }
    }
}

/// Converts a local time that is `offset` seconds ahead of UTC.
fn moment(at: DateTime, offset: i32) -> Option<Timestamp> {
    Offset::from_seconds(offset).ok()?.to_timestamp(at).ok()
}

/// Returns the UTC offset of `zone` at the server's present time, in seconds and in the server's notation.
fn session_zone(utc: &[u8], zone: &TimeZone) -> (i32, String) {
    let now = time(utc).and_then(|at| moment(at, 0));
    let offset = now.map_or(0, |now| zone.to_offset(now).seconds());
    let sign = if offset < 0 { '-' } else { '+' };
    let minutes = offset.abs() / 60;
    (offset, format!("{sign}{:02}:{:02}", minutes / 60, minutes % 60))
}

fn unsigned(bytes: &[u8]) -> Option<u64> {
    let mut wide = [0; 8];
    wide.get_mut(..bytes.len())?.copy_from_slice(bytes);
    Some(u64::from_le_bytes(wide))
}

fn whole(bytes: &[u8]) -> Option<i128> {
    let negative = bytes.last()? & 0x80 != 0;
    let mut wide = [if negative { 0xff } else { 0 }; 8];
    wide.get_mut(..bytes.len())?.copy_from_slice(bytes);
    Some(i64::from_le_bytes(wide).into())
}

fn real(bytes: &[u8]) -> Option<f64> {
    match bytes.len() {
        4 => bytes.try_into().ok().map(|bytes| f32::from_le_bytes(bytes).into()),
        8 => bytes.try_into().ok().map(f64::from_le_bytes),
        _ => None,
    }
}

/// Decodes a length, then year, month, day, hour, minute, second and microseconds; trailing zero fields are absent.
fn time(bytes: &[u8]) -> Option<DateTime> {
    let bytes = bytes.get(1..)?;
    let at = |place: usize| bytes.get(place).map_or(Some(0), |byte| i8::try_from(*byte).ok());
    let year = i16::from_le_bytes([*bytes.first()?, *bytes.get(1)?]);
    let date = Date::new(year, at(2)?, at(3)?).ok()?;
    let micros = bytes
        .get(7..11)
        .and_then(|bytes| bytes.try_into().ok())
        .map_or(0, i32::from_le_bytes);
    let time = jiff::civil::Time::new(at(4)?, at(5)?, at(6)?, micros.checked_mul(1_000)?).ok()?;
    Some(date.to_datetime(time))
}
