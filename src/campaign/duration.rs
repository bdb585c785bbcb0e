//! Parses durations: `500ms`, `10s`, `30m`, `24h`, `7d`.

use std::ops::RangeInclusive;
use std::time::Duration;

use schemars::{Schema, SchemaGenerator, json_schema};
use serde_json::Value as Json;

use crate::catalogue::campaign as text;

use super::diagnostic::Code;
use super::diagnostics::Diagnostics;
use super::keys::KeyType;
use super::number::is_plain;
use super::value::{Value, as_written};

/// The units in milliseconds, longest first.
const UNITS: [(&str, u64); 5] = [
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1000),
    ("ms", 1),
];

/// A duration in a range.
pub(super) struct DurationRange(pub(super) RangeInclusive<Duration>);

impl KeyType<Duration> for DurationRange {
    fn read(&self, value: &Value<'_>, diagnostics: &mut Diagnostics) -> Option<Duration> {
        let example = value.example();
        let path = &value.path;
        let scalar = value.scalar(&text::WantDuration { example: &example }, diagnostics)?;
        let Some(duration) = parse(&scalar.text) else {
            let message = match scalar.text.strip_prefix('-') {
                Some(rest) if parse(rest).is_some() => text::Negative { path }.to_string(),
                _ => text::NotDuration {
                    path,
                    value: &as_written(scalar),
                }
                .to_string(),
            };
            let help =
                near(&scalar.text, &self.0).unwrap_or_else(|| text::DurationHelp { example: &example }.to_string());
            return value.refuse(Code::Duration, message, help, diagnostics);
        };
        if self.0.contains(&duration) {
            return Some(duration);
        }
        let help = text::Write {
            wanted: &self.describe(),
        };
        if duration < *self.0.start() {
            value.refuse(Code::Duration, text::TooShort { path }, help, diagnostics)
        } else {
            value.refuse(Code::Duration, text::TooLong { path }, help, diagnostics)
        }
    }

    fn describe(&self) -> String {
        text::Duration {
            least: &written(*self.0.start()),
            most: &written(*self.0.end()),
        }
        .to_string()
    }

    fn schema(&self, _: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "pattern": "^(0|[1-9][0-9]*)(ms|s|m|h|d)$"})
    }

    fn write(&self, value: &Duration) -> Option<Json> {
        Some(written(*value).into())
    }
}

/// Parses a duration; `None` if the form is not exact. One that does not fit into a `u64` is the longest duration.
pub(crate) fn parse(text: &str) -> Option<Duration> {
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(digits);
    let (_, scale) = UNITS.iter().find(|(name, _)| *name == unit)?;
    is_plain(number).then(|| Duration::from_millis(number.parse().unwrap_or(u64::MAX).saturating_mul(*scale)))
}

/// Writes a duration in the largest unit that is exact.
pub(crate) fn written(duration: Duration) -> String {
    let ms = duration.as_millis();
    let (unit, scale) = UNITS
        .into_iter()
        .find(|(_, scale)| ms >= u128::from(*scale) && ms.is_multiple_of(u128::from(*scale)))
        .unwrap_or(("ms", 1));
    format!("{}{unit}", ms / u128::from(scale))
}

/// Returns the help with the duration that was probably meant; `None` if none in range can be read.
fn near(written: &str, range: &RangeInclusive<Duration>) -> Option<String> {
    let folded = written.trim().to_ascii_lowercase();
    if folded.len() > 40 {
        return None;
    }
    let allowed = |duration: &Duration| range.contains(duration);
    if is_plain(&folded) {
        let form = |unit: &str| {
            let form = format!("{folded}{unit}");
            parse(&form).filter(allowed).map(|_| form)
        };
        return match (&form("ms"), &form("s")) {
            (Some(ms), Some(s)) => Some(text::DurationOr { ms, s }.to_string()),
            (Some(ms), None) => Some(text::DurationMs { ms }.to_string()),
            (None, Some(s)) => Some(text::DurationS { s }.to_string()),
            (None, None) => None,
        };
    }
    let folded = folded.strip_prefix("pt").unwrap_or(&folded);
    let mut rest = folded;
    let mut ms = 0.0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let number: f64 = rest.get(..digits)?.parse().ok()?;
        rest = rest.get(digits..)?.trim_start();
        let letters = rest
            .find(|c: char| c.is_ascii_digit() || c == ' ')
            .unwrap_or(rest.len());
        ms += number * unit(rest.get(..letters)?)?;
        rest = rest.get(letters..)?.trim_start();
    }
    let whole = format!("{:.0}", ms.round()).parse().ok()?;
    let duration = Some(Duration::from_millis(whole)).filter(allowed)?;
    Some(
        text::WriteValue {
            value: &self::written(duration),
        }
        .to_string(),
    )
}

/// Returns the milliseconds of a unit in any common spelling; `None` for an unknown unit.
fn unit(name: &str) -> Option<f64> {
    Some(match name {
        "ms" | "msec" | "msecs" | "millis" | "millisecond" | "milliseconds" | "毫秒" => 1.0,
        "s" | "sec" | "secs" | "second" | "seconds" | "秒" => 1000.0,
        "m" | "min" | "mins" | "minute" | "minutes" | "分" | "分钟" => 60_000.0,
        "h" | "hr" | "hrs" | "hour" | "hours" | "小时" => 3_600_000.0,
        "d" | "day" | "days" | "天" => 86_400_000.0,
        "w" | "week" | "weeks" | "周" => 604_800_000.0,
        _ => return None,
    })
}
