//! Texts that programs leave in place of an open_id. No platform issues such an id, so a row with one is unusable.

use crate::model::event::UnusableKind;

/// The texts that programs write for an absent value.
const NO_VALUE: [&str; 11] = [
    "null",
    "\\N",
    "nan",
    "none",
    "nil",
    "undefined",
    "n/a",
    "<null>",
    "(null)",
    "[null]",
    "<na>",
];
/// The errors that spreadsheets show in a cell.
const SPREADSHEET_ERRORS: [&str; 14] = [
    "#BLOCKED!",
    "#BUSY!",
    "#CALC!",
    "#CONNECT!",
    "#DIV/0!",
    "#FIELD!",
    "#GETTING_DATA",
    "#N/A",
    "#NAME?",
    "#NULL!",
    "#NUM!",
    "#REF!",
    "#SPILL!",
    "#VALUE!",
];

/// Returns the kind of artefact that `text` is; `None` if it may be an open_id. `header` is the name of its column.
pub(crate) fn find(text: &str, header: &str) -> Option<UnusableKind> {
    let first = text.bytes().next()?;
    // The first byte rules out nearly every id.
    let found = match first {
        b'\'' => Some(UnusableKind::Apostrophe),
        b'=' if text.starts_with("=\"") && text.ends_with('"') => Some(UnusableKind::Formula),
        b'#' if is_spreadsheet_error(text) => Some(UnusableKind::SpreadsheetError),
        b'0'..=b'9' | b'-' | b'+' | b'.' => number(text),
        b'\\' | b'<' | b'(' | b'[' | b'N' | b'n' | b'U' | b'u' if is_no_value(text) => Some(UnusableKind::NoValue),
        _ => None,
    };
    found
        .or_else(|| (text == header).then_some(UnusableKind::Header))
        .or_else(|| is_full_width(text).then_some(UnusableKind::FullWidth))
}

fn is_no_value(text: &str) -> bool {
    NO_VALUE.iter().any(|word| text.eq_ignore_ascii_case(word))
}

/// Whether a spreadsheet shows the text for an error, or, with number signs alone, for a column that is too narrow.
fn is_spreadsheet_error(text: &str) -> bool {
    SPREADSHEET_ERRORS.contains(&text) || text.bytes().all(|byte| byte == b'#')
}

/// Returns the kind of a number that a spreadsheet has rewritten: `7218071234565644204.0`, `7.21807E+18`; `None` for
/// any other text.
fn number(text: &str) -> Option<UnusableKind> {
    let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (whole, rest) = unsigned.split_at(digits(unsigned));
    let (fraction, rest) = match rest.strip_prefix('.') {
        Some(rest) => rest.split_at(digits(rest)),
        None => ("", rest),
    };
    if whole.is_empty() {
        return None;
    }
    if rest.is_empty() {
        let zeros = !fraction.is_empty() && fraction.bytes().all(|byte| byte == b'0');
        return zeros.then_some(UnusableKind::Fraction);
    }
    let exponent = rest.strip_prefix(['e', 'E'])?.strip_prefix(['-', '+'])?;
    let is_exponent = !exponent.is_empty() && digits(exponent) == exponent.len();
    is_exponent.then_some(UnusableKind::Exponent)
}

/// Whether the text has an ASCII letter, digit or sign in its full-width form, as a Chinese keyboard types it.
fn is_full_width(text: &str) -> bool {
    !text.is_ascii() && text.chars().any(|c| ('\u{ff01}'..='\u{ff5e}').contains(&c))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(text: &str) -> Option<UnusableKind> {
        find(text, "open_id")
    }

    #[test]
    fn what_programs_leave_in_place_of_an_id_is_no_id() {
        let all: [(UnusableKind, &[&str]); 8] = [
            (
                UnusableKind::NoValue,
                &[
                    "NULL",
                    "null",
                    "\\N",
                    "\\n",
                    "NaN",
                    "None",
                    "nil",
                    "undefined",
                    "N/A",
                    "<NA>",
                    "(null)",
                    "[NULL]",
                    "<null>",
                ],
            ),
            (
                UnusableKind::SpreadsheetError,
                &["#NAME?", "#REF!", "#N/A", "#VALUE!", "#DIV/0!", "#SPILL!", "########"],
            ),
            (UnusableKind::Formula, &["=\"user0002AbCd\"", "=\"\""]),
            (
                UnusableKind::Apostrophe,
                &["'user0003AbCd", "'", "'7218071234565644204"],
            ),
            (UnusableKind::Fraction, &["7218071234565644204.0", "1.00", "-1.0"]),
            (UnusableKind::Exponent, &["7.21807E+18", "7e+18", "7.2e-05", "1E+09"]),
            (UnusableKind::FullWidth, &["ｕｓｅｒ０００４", "user－1", "会员１"]),
            (UnusableKind::Header, &["open_id"]),
        ];
        for (expected, texts) in all {
            for text in texts {
                assert_eq!(kind(text), Some(expected), "{text}");
            }
        }
    }

    #[test]
    fn ids_that_only_look_alike_are_ids() {
        for text in [
            "ba253642-0590-40bc-a9f1-0123456789ab",
            "7218071234565644204",
            "-12",
            "0071",
            "7e18",
            "12e5ab",
            "7.25",
            "1.2.0",
            "1234567890.1612345678",
            ".0",
            "5.",
            "nullable",
            "None-7",
            "_000NaN",
            "unundefined",
            "user#1",
            "#user-1",
            "=cmd|'/c_calc'!A1",
            "=A1",
            "o'neill",
            "Open_id",
            "会员7",
            "é",
        ] {
            assert_eq!(kind(text), None, "{text}");
        }
    }
}
