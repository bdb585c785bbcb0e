//! Parses shares: `5%`, `0.5%`.

use schemars::{Schema, SchemaGenerator, json_schema};
use serde_json::Value as Json;

use crate::catalogue::campaign as text;

use super::diagnostic::Code;
use super::diagnostics::Diagnostics;
use super::keys::KeyType;
use super::number::is_decimal;
use super::value::{Value, as_written};

/// A share of a whole, as a number from 0 to 1.
pub(super) struct Share;

impl KeyType<f64> for Share {
    fn read(&self, value: &Value<'_>, diagnostics: &mut Diagnostics) -> Option<f64> {
        let scalar = value.scalar(&text::Share, diagnostics)?;
        let path = &value.path;
        let written = &*scalar.text;
        let (message, help) = match parse(written) {
            Some(share) if share <= 1.0 => return Some(share),
            Some(_) => (
                text::ShareOverAll { path }.to_string(),
                text::Write { wanted: &text::Share }.to_string(),
            ),
            None => {
                let negative = written
                    .strip_prefix('-')
                    .is_some_and(|rest| is_decimal(rest.trim_end_matches('%')));
                let message = if negative {
                    text::Negative { path }.to_string()
                } else {
                    text::NotShare {
                        path,
                        value: &as_written(scalar),
                    }
                    .to_string()
                };
                let help = near(written).unwrap_or_else(|| {
                    text::Write {
                        wanted: &text::WantShare,
                    }
                    .to_string()
                });
                (message, help)
            }
        };
        value.refuse(Code::Share, message, help, diagnostics)
    }

    fn describe(&self) -> String {
        text::Share.to_string()
    }

    fn schema(&self, _: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "pattern": "^(0|[1-9][0-9]?|100)(\\.[0-9]+)?%$"})
    }

    fn write(&self, value: &f64) -> Option<Json> {
        Some(written(*value).into())
    }
}

/// Parses a share, also one above the whole; `None` for any other form.
pub(super) fn parse(text: &str) -> Option<f64> {
    let number = text.strip_suffix('%').filter(|number| is_decimal(number))?;
    Some(number.parse::<f64>().ok()? / 100.0)
}

/// Writes a share in the form in which it is parsed.
#[must_use]
pub fn written(share: f64) -> String {
    format!("{}%", (share * 1e8).round() / 1e6)
}

/// Returns the help with the share that was probably meant; `None` if none can be read.
fn near(written: &str) -> Option<String> {
    let folded = written.trim().to_ascii_lowercase();
    let bare = folded
        .trim_end_matches('%')
        .trim_end_matches("percent")
        .trim_end_matches('％')
        .trim();
    if bare.len() > 20 {
        return None;
    }
    let number: f64 = bare
        .parse()
        .ok()
        .filter(|number: &f64| number.is_finite() && *number >= 0.0)?;
    if bare.len() < folded.len() {
        return (number <= 100.0).then(|| write_percent(number));
    }
    match number {
        0.0 => Some(write_percent(number)),
        _ if number <= 1.0 => Some(
            text::SharePart {
                share: &self::written(number),
                percent: &format!("{number}%"),
            }
            .to_string(),
        ),
        _ if number <= 100.0 => Some(write_percent(number)),
        _ => None,
    }
}

fn write_percent(number: f64) -> String {
    text::WriteValue {
        value: &format!("{number}%"),
    }
    .to_string()
}
