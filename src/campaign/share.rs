//! Parses shares: `5%`, `0.5%`.

use schemars::{Schema, SchemaGenerator, json_schema};
use serde_json::Value as Json;

use super::diagnostic::Code;
use super::diagnostics::Diagnostics;
use super::keys::KeyType;
use super::number::is_decimal;
use super::value::{Value, as_written};

const WANTED: &str = "a share from `0%` to `100%`";

/// A share of a whole, as a number from 0 to 1.
pub(super) struct Share;

impl KeyType<f64> for Share {
    fn read(&self, value: &Value<'_>, diagnostics: &mut Diagnostics) -> Option<f64> {
        let scalar = value.scalar(WANTED, diagnostics)?;
        let text = &*scalar.text;
        let (what, help) = match parse(text) {
            Some(share) if share <= 1.0 => return Some(share),
            Some(_) => ("is more than everything".into(), format!("write {WANTED}")),
            None => {
                let negative = text
                    .strip_prefix('-')
                    .is_some_and(|rest| is_decimal(rest.trim_end_matches('%')));
                let what = if negative {
                    "is negative".into()
                } else {
                    format!("is {}, which is no share", as_written(scalar))
                };
                let near = near(text).unwrap_or_else(|| format!("{WANTED}, such as `5%`"));
                (what, format!("write {near}"))
            }
        };
        value.refuse(Code::Share, what, help, diagnostics)
    }

    fn describe(&self) -> String {
        WANTED.into()
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

/// Returns the share that was probably meant; `None` if none can be read.
fn near(text: &str) -> Option<String> {
    let folded = text.trim().to_ascii_lowercase();
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
        return (number <= 100.0).then(|| format!("`{number}%`"));
    }
    match number {
        0.0 => Some("`0%`".into()),
        _ if number <= 1.0 => Some(format!(
            "`{}` for that part of the whole, or `{number}%`",
            written(number)
        )),
        _ if number <= 100.0 => Some(format!("`{number}%`")),
        _ => None,
    }
}
