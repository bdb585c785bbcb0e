//! Parses shares: `5%`, `0.5%`.

use schemars::{Schema, SchemaGenerator, json_schema};

use super::diagnostic::Code;
use super::diagnostics::Diagnostics;
use super::number::is_decimal;
use super::value::{Value, as_written};

impl Value<'_> {
    /// Returns a share as a number from 0 to 1; `None` after reporting any other value.
    pub(super) fn share(&self, diagnostics: &mut Diagnostics) -> Option<f64> {
        const WANTED: &str = "a share from `0%` to `100%`";
        let scalar = self.scalar(WANTED, diagnostics)?;
        let text = &*scalar.text;
        let percent = text
            .strip_suffix('%')
            .filter(|number| is_decimal(number))
            .and_then(|number| number.parse::<f64>().ok());
        match percent {
            Some(percent) if percent <= 100.0 => return Some(percent / 100.0),
            Some(_) => {
                let message = format!("`{}` is more than everything", self.path);
                diagnostics
                    .error(Code::Share, self.span(), message)
                    .help(format!("write {WANTED}"));
            }
            None => {
                let negative = text
                    .strip_prefix('-')
                    .is_some_and(|rest| is_decimal(rest.trim_end_matches('%')));
                let message = if negative {
                    format!("`{}` is negative", self.path)
                } else {
                    format!("`{}` is {}, which is no share", self.path, as_written(scalar))
                };
                let help = near(text).map_or_else(
                    || format!("write {WANTED}, such as `5%`"),
                    |near| format!("write {near}"),
                );
                diagnostics.error(Code::Share, self.span(), message).help(help);
            }
        }
        None
    }
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

pub(super) fn schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "string", "pattern": "^(0|[1-9][0-9]?|100)(\\.[0-9]+)?%$"})
}
