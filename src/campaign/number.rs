//! Parses numbers: whole numbers and rates.

use std::fmt::Display;
use std::ops::RangeInclusive;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::Value as Json;

use crate::catalogue::campaign as text;

use super::diagnostic::Code;
use super::diagnostics::Diagnostics;
use super::keys::KeyType;
use super::tree::Scalar;
use super::value::{Value, as_written};

/// A whole number in a range.
pub(super) struct IntegerRange(pub(super) RangeInclusive<u64>);

impl<T: TryFrom<u64> + Into<u64> + Copy + JsonSchema> KeyType<T> for IntegerRange {
    fn read(&self, value: &Value<'_>, diagnostics: &mut Diagnostics) -> Option<T> {
        let wanted = KeyType::<T>::describe(self);
        let scalar = value.scalar(&wanted, diagnostics)?;
        let written = &*scalar.text;
        let digits = scalar.plain && is_plain(written);
        let number = written.parse().ok();
        if let Some(number) = number.filter(|number| digits && self.0.contains(number)) {
            return T::try_from(number).ok();
        }
        let near = near_number(scalar).filter(|near| *near >= 0.0 && near.fract() == 0.0 && *near < 1e15);
        let near = near.and_then(|near| format!("{near:.0}").parse().ok());
        let near = near.filter(|near| !digits && self.0.contains(near));
        let help = near.map_or_else(
            || text::Write { wanted: &wanted }.to_string(),
            |near: u64| text::WriteValue { value: &near }.to_string(),
        );
        let path = &value.path;
        let message = match written.strip_prefix('-') {
            _ if digits && number.is_some_and(|number| number < *self.0.start()) => text::TooSmall { path }.to_string(),
            _ if digits => text::TooLargeNumber { path }.to_string(),
            Some(rest) if is_plain(rest) => text::Negative { path }.to_string(),
            _ => text::NotInteger {
                path,
                value: &as_written(scalar),
            }
            .to_string(),
        };
        value.refuse(Code::Number, message, help, diagnostics)
    }

    fn describe(&self) -> String {
        text::Integer {
            least: self.0.start(),
            most: self.0.end(),
        }
        .to_string()
    }

    fn schema(&self, generator: &mut SchemaGenerator) -> Schema {
        let mut schema = T::json_schema(generator);
        schema.insert("minimum".into(), (*self.0.start()).into());
        schema.insert("maximum".into(), (*self.0.end()).into());
        schema
    }

    fn write(&self, value: &T) -> Option<Json> {
        Some((*value).into().into())
    }
}

/// The platform's documented limit for one app id, per second.
const PLATFORM_LIMIT: f64 = 100.0;
/// The lowest rate: about one a day.
const LEAST_RATE: f64 = 0.000_01;
/// The highest rate: a thousand times the platform's limit. A higher number is a typing mistake.
const MOST_RATE: f64 = 100_000.0;

/// A rate per second: a decimal number that may be below 1. A rate over the platform's limit gives a warning.
pub(super) struct Rate;

impl KeyType<f64> for Rate {
    fn read(&self, value: &Value<'_>, diagnostics: &mut Diagnostics) -> Option<f64> {
        let scalar = value.scalar(&text::WantRate, diagnostics)?;
        let path = &value.path;
        let written = &*scalar.text;
        let decimal = scalar.plain && is_decimal(written);
        if decimal && let Ok(rate) = written.parse::<f64>() {
            let (message, help): (&dyn Display, &dyn Display) = match rate {
                0.0 => (&text::ZeroRate { path }, &text::LeastRateHelp),
                _ if rate < LEAST_RATE => (&text::TooSmall { path }, &text::LeastRateHelp),
                _ if rate > MOST_RATE => (&text::TooLargeNumber { path }, &text::MostRateHelp),
                _ => {
                    if rate > PLATFORM_LIMIT {
                        let message = text::OverLimit { path };
                        let note = diagnostics.warning(Code::OverLimit, value.span(), message);
                        note.help(text::OverLimitHelp);
                    }
                    return Some(rate);
                }
            };
            return value.refuse(Code::Number, message, help, diagnostics);
        }
        let message = match written.strip_prefix('-') {
            Some(rest) if is_decimal(rest) => text::Negative { path }.to_string(),
            _ => text::NotNumber {
                path,
                value: &as_written(scalar),
            }
            .to_string(),
        };
        let near = near_rate(scalar).filter(|near| (LEAST_RATE..=MOST_RATE).contains(near));
        let help = near.map_or_else(
            || {
                text::Write {
                    wanted: &text::WantRate,
                }
                .to_string()
            },
            |near| text::WriteValue { value: &near }.to_string(),
        );
        value.refuse(Code::Number, message, help, diagnostics)
    }

    fn describe(&self) -> String {
        text::Number {
            least: &LEAST_RATE,
            most: &MOST_RATE,
        }
        .to_string()
    }

    fn schema(&self, generator: &mut SchemaGenerator) -> Schema {
        let mut schema = f64::json_schema(generator);
        schema.insert("minimum".into(), LEAST_RATE.into());
        schema.insert("maximum".into(), MOST_RATE.into());
        schema
    }

    fn write(&self, value: &f64) -> Option<Json> {
        Some((*value).into())
    }
}

/// Whether the text is decimal digits without a sign and without leading zeros.
pub(super) fn is_plain(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'))
}

/// Whether the text is such digits, optionally with a fraction.
pub(super) fn is_decimal(text: &str) -> bool {
    match text.split_once('.') {
        None => is_plain(text),
        Some((whole, part)) => is_plain(whole) && !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()),
    }
}

/// Returns the number that was probably meant, without quotes, a plus sign, or separators; `None` if no number can be
/// read.
fn near_number(scalar: &Scalar<'_>) -> Option<f64> {
    let text = scalar.text.trim();
    let mut bare: String = text
        .trim_start_matches('+')
        .chars()
        .filter(|c| !matches!(c, '_' | ',' | ' ' | '\''))
        .collect();
    if bare.len() > 40 {
        return None;
    }
    if let Some(digits) = bare.strip_prefix("0x") {
        return u32::from_str_radix(digits, 16).ok().map(f64::from);
    }
    let scale = match bare.chars().next_back() {
        Some('k' | 'K') => 1e3,
        Some('m' | 'M') => 1e6,
        Some('万') => 1e4,
        _ => 1.0,
    };
    if scale > 1.0 {
        bare.pop();
    }
    let number: f64 = bare.parse().ok()?;
    number.is_finite().then_some(number * scale)
}

/// Returns the rate that was probably meant: `98/s`, `60/min`, `100 qps`; `None` if no rate can be read.
fn near_rate(scalar: &Scalar<'_>) -> Option<f64> {
    if let Some(number) = near_number(scalar) {
        return Some(number);
    }
    let text = scalar.text.trim().to_ascii_lowercase();
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.')?;
    let number: f64 = text.get(..digits)?.parse().ok()?;
    let unit = text
        .get(digits..)?
        .trim()
        .trim_start_matches(['/', ' '])
        .trim_start_matches("per ")
        .trim();
    let seconds = match unit {
        "s" | "sec" | "second" | "qps" | "rps" => 1.0,
        "m" | "min" | "minute" => 60.0,
        "h" | "hour" => 3600.0,
        _ => return None,
    };
    Some((number / seconds * 1e5).round() / 1e5)
}
