//! Parses numbers: whole numbers and rates.

use super::diagnostic::Code;
use super::diagnostics::Diagnostics;
use super::tree::Scalar;
use super::value::{Value, Whole, as_written};

/// The lowest rate: about one a day.
pub(super) const LEAST_RATE: f64 = 0.000_01;
/// The highest rate: a thousand times the platform's limit. A higher number is a typing mistake.
pub(super) const MOST_RATE: f64 = 100_000.0;

impl Value<'_> {
    /// Returns a whole number in range; `None` after reporting any other value.
    pub(super) fn whole(&self, bounds: Whole, diagnostics: &mut Diagnostics) -> Option<u64> {
        let Whole { least, most, .. } = bounds;
        let wanted = format!("a whole number from {least} to {most}");
        let scalar = self.scalar(&wanted, diagnostics)?;
        let text = &*scalar.text;
        let digits = scalar.plain && is_plain(text);
        if digits
            && let Ok(number) = text.parse()
            && bounds.range().contains(&number)
        {
            return Some(number);
        }
        let path = &self.path;
        if digits {
            let small = text.parse().is_ok_and(|number: u64| number < least);
            let much = if small { "small" } else { "large" };
            let message = format!("`{path}` is too {much}");
            diagnostics
                .error(Code::Number, self.span(), message)
                .help(format!("write {wanted}"));
            return None;
        }
        let message = match text.strip_prefix('-') {
            Some(rest) if is_plain(rest) => format!("`{path}` is negative"),
            _ => format!("`{path}` is {}, which is no whole number", as_written(scalar)),
        };
        let near = near_number(scalar).filter(|near| *near >= 0.0 && near.fract() == 0.0 && *near < 1e15);
        let near = near
            .and_then(|near| format!("{near:.0}").parse().ok())
            .filter(|near| bounds.range().contains(near));
        let help = near.map_or_else(|| format!("write {wanted}"), |near: u64| format!("write `{near}`"));
        diagnostics.error(Code::Number, self.span(), message).help(help);
        None
    }

    /// Returns a rate per second, a decimal number that may be below 1; `None` after reporting any other value.
    pub(super) fn rate(&self, diagnostics: &mut Diagnostics) -> Option<f64> {
        const WANTED: &str = "a number of sends a second, such as `98` or `0.5`";
        let scalar = self.scalar(WANTED, diagnostics)?;
        let text = &*scalar.text;
        let path = &self.path;
        let decimal = scalar.plain && is_decimal(text);
        if decimal && let Ok(rate) = text.parse::<f64>() {
            if (LEAST_RATE..=MOST_RATE).contains(&rate) {
                return Some(rate);
            }
            let message = match rate {
                0.0 => format!("`{path}` is 0: nothing would ever be sent"),
                _ if rate < LEAST_RATE => format!("`{path}` is too small"),
                _ => format!("`{path}` is too large"),
            };
            let help = if rate < LEAST_RATE {
                "write a number from 0.00001, which is about one a day; to send nothing, don't apply the campaign"
            } else {
                "the platform's documented limit is 100 a second: write `98`"
            };
            diagnostics.error(Code::Number, self.span(), message).help(help);
            return None;
        }
        let message = match text.strip_prefix('-') {
            Some(rest) if is_decimal(rest) => format!("`{path}` is negative"),
            _ => format!("`{path}` is {}, which is no number", as_written(scalar)),
        };
        let near = near_rate(scalar).filter(|near| (LEAST_RATE..=MOST_RATE).contains(near));
        let help = near.map_or_else(|| format!("write {WANTED}"), |near| format!("write `{near}`"));
        diagnostics.error(Code::Number, self.span(), message).help(help);
        None
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
