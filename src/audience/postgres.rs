//! Audiences from a PostgreSQL server.

use std::fmt::Write as _;

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use sqlx::error::DatabaseError;
use sqlx::postgres::{PgConnectOptions, PgRow, PgValueFormat};
use sqlx::{ConnectOptions, Connection, Error, Postgres, Row, ValueRef};

use super::AudienceError;
use super::cell::{Cell, uuid};
use super::error::Responsible;
use super::query::{Asked, Dialect, Expected, LogicalType, Server, TOO_SLOW, by_state, run};
use super::row_sink::{RowSink, RowSource};

const EXPECTED: Expected<'_> = Expected {
    server: "PostgreSQL",
    schemes: &["postgres", "postgresql"],
    parameters: &[
        "sslmode",
        "sslrootcert",
        "sslcert",
        "sslkey",
        "host",
        "hostaddr",
        "port",
        "dbname",
        "user",
        "password",
        "application_name",
    ],
};

/// A query to a PostgreSQL server.
pub(super) struct PostgresQuery<'s>(pub(super) &'s Server);

impl RowSource for PostgresQuery<'_> {
    fn read_rows(&self, out: &mut RowSink) -> Result<(), AudienceError> {
        let Server { url, query } = self.0;
        let mut asked = Asked::new(query, "PostgreSQL database".to_owned());
        let url = asked.url(&EXPECTED, url)?;
        run(out, async |out| {
            let options = PgConnectOptions::from_url(&url).map(ConnectOptions::disable_statement_logging);
            let connecting = async { options?.connect().await };
            let mut connection = asked.connect::<Postgres, _>(connecting).await?;
            // With this setting the server ends the query soon after the client disconnects. Some servers lack it, so
            // an error is ignored.
            let watch =
                "select set_config(name, '2s', false) from pg_settings where name = 'client_connection_check_interval'";
            let _ = sqlx::raw_sql(watch).execute(&mut connection).await;
            let zone = query.columns.zone.iana_name().unwrap_or("UTC");
            let milliseconds = query.limits.statement.as_millis();
            let set_up = format!(
                "set session characteristics as transaction read only; set statement_timeout = {milliseconds}; \
                 set time zone '{zone}'; begin read only"
            );
            asked.set_up::<Postgres>(&mut connection, set_up).await?;
            asked.read_rows::<Postgres>(&mut connection, out).await?;
            // All rows have arrived, so an error of closing does not matter.
            let _ = connection.close().await;
            out.end_rows_async().await
        })
    }
}

impl Dialect for Postgres {
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
