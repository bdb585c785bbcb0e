//! Texts that programs leave in place of an open_id. No platform issues such an id, so a row with one is unusable.
//!
//! An open_id is opaque. So a rule names a text, or a shape, that only another program writes; it never says what an id
//! must look like.

use memchr::{memchr, memmem};

use crate::model::event::UnusableKind;

/// The texts that programs and people write for an absent value.
const NO_VALUE: [&str; 26] = [
    "null",
    "\\N",
    "nan",
    "nat",
    "na",
    "none",
    "nil",
    "undefined",
    "undef",
    "inf",
    "infinity",
    "n/a",
    "n.a.",
    "<null>",
    "(null)",
    "[null]",
    "<nil>",
    "<na>",
    "(blank)",
    "(empty)",
    "(none)",
    "无",
    "空",
    "暂无",
    "未知",
    "不详",
];
const BOOLEANS: [&str; 2] = ["true", "false"];
/// The first cell of a row that sums up the rows above.
const TOTALS: [&str; 8] = ["合计", "总计", "小计", "共计", "总数", "汇总", "total", "subtotal"];
/// The longest of the words above, in bytes, with a colon after it.
const LONGEST_WORD: usize = 10;
/// The UUID of nobody.
const NIL_UUID: &str = "00000000-0000-0000-0000-000000000000";
/// Errors of spreadsheets that end in a letter. All others end in `!` or `?`, in every language.
const SPREADSHEET_ERRORS: [&str; 5] = ["#N/A", "#N/D", "#N/V", "#NV", "#GETTING_DATA"];
const MONTHS: [&str; 12] = [
    "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
];

/// Returns the kind of artefact that `text` is; `None` if it may be an open_id. `header` is the name of its column.
pub(crate) fn find(text: &str, header: &str) -> Option<UnusableKind> {
    let first = text.chars().next()?;
    // The first character and the length rule out nearly every id.
    let found = match first {
        '\'' | '\u{2018}' | '\u{2019}' => Some(UnusableKind::Apostrophe),
        '"' | '\u{201c}' | '\u{201d}' => Some(UnusableKind::Quoted),
        'b' if text.starts_with("b'") || text.starts_with("b\"") => Some(UnusableKind::Quoted),
        '=' if text.starts_with("=\"") && text.ends_with('"') => Some(UnusableKind::Formula),
        '#' if is_spreadsheet_error(text) => Some(UnusableKind::SpreadsheetError),
        'E' if is_office_error(text) => Some(UnusableKind::SpreadsheetError),
        '0' if text == NIL_UUID => Some(UnusableKind::NoValue),
        '0'..='9' | '-' | '+' | '.' => number(text),
        _ => None,
    };
    found
        .or_else(|| word(text))
        .or_else(|| is_date(text).then_some(UnusableKind::Date))
        .or_else(|| (text == header).then_some(UnusableKind::Header))
        .or_else(|| is_full_width(text).then_some(UnusableKind::FullWidth))
        .or_else(|| (!first.is_alphanumeric() && has_no_letter(text)).then_some(UnusableKind::NoValue))
        .or_else(|| is_masked(text).then_some(UnusableKind::Masked))
}

fn word(text: &str) -> Option<UnusableKind> {
    if text.len() > LONGEST_WORD {
        return None;
    }
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let is = |words: &[&str]| words.iter().any(|word| unsigned.eq_ignore_ascii_case(word));
    if is(&NO_VALUE) {
        return Some(UnusableKind::NoValue);
    }
    if is(&BOOLEANS) {
        return Some(UnusableKind::Boolean);
    }
    let label = text.strip_suffix([':', '：']).unwrap_or(text);
    let is_total = TOTALS.iter().any(|word| label.eq_ignore_ascii_case(word));
    is_total.then_some(UnusableKind::Total)
}

/// Whether a spreadsheet shows the text for an error, or, with number signs alone, for a column that is too narrow.
fn is_spreadsheet_error(text: &str) -> bool {
    let name = text
        .strip_prefix('#')
        .and_then(|name| name.strip_suffix(['!', '?']))
        .unwrap_or_default();
    let is_name = |c: char| c.is_uppercase() || c.is_ascii_digit() || c == '/' || c == '_';
    SPREADSHEET_ERRORS.contains(&text)
        || (!name.is_empty() && name.chars().all(is_name))
        || text.bytes().all(|byte| byte == b'#')
}

/// Whether the text is an error of LibreOffice: `Err:502`.
fn is_office_error(text: &str) -> bool {
    let number = text.strip_prefix("Err:").unwrap_or_default();
    number.len() == 3 && number.bytes().all(|byte| byte.is_ascii_digit())
}

/// Returns the kind of a number that a spreadsheet or a program has rewritten: `7218071234565644204.0`, `7.21807E+18`,
/// `7.218071234565644E18`, `7,218,071`; `None` for any other text.
fn number(text: &str) -> Option<UnusableKind> {
    // Nearly every id that begins with a digit has a letter soon.
    let is_of_number = |byte| matches!(byte, b'0'..=b'9' | b'.' | b',' | b'-' | b'+' | b'e' | b'E');
    if !text.bytes().all(is_of_number) {
        return None;
    }
    let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    if is_grouped(unsigned) {
        return Some(UnusableKind::Grouped);
    }
    let (whole, rest) = unsigned.split_at(digits(unsigned));
    // Some languages write a decimal comma.
    let (fraction, rest) = match rest.strip_prefix(['.', ',']) {
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
    let exponent = rest.strip_prefix(['e', 'E'])?;
    let signed = exponent.strip_prefix(['-', '+']);
    let exponent = signed.unwrap_or(exponent);
    let is_exponent = !exponent.is_empty() && digits(exponent) == exponent.len();
    // Without a sign and a fraction it may be an id: `7e18`.
    (is_exponent && (signed.is_some() || !fraction.is_empty())).then_some(UnusableKind::Exponent)
}

/// Whether the text is a number of thousands: `7,218,071`, `7,218.00`.
fn is_grouped(text: &str) -> bool {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let mut groups = whole.split(',');
    let are_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let first = groups.next().unwrap_or_default();
    let rest: Vec<_> = groups.collect();
    (1..=3).contains(&first.len())
        && are_digits(first)
        && !rest.is_empty()
        && rest.iter().all(|group| group.len() == 3 && are_digits(group))
        && are_digits(fraction)
}

/// Whether a spreadsheet shows the text for a date: `2026/11/27`, `27/11/2026`, `27-Nov`, `Nov-26`, `11月27日`.
fn is_date(text: &str) -> bool {
    /// The longest of them is `2026-11-27T20:27:00.000000+08:00`.
    const LONGEST: usize = 32;
    if text.len() > LONGEST
        || !text
            .bytes()
            .any(|byte| matches!(byte, b'-' | b'/' | b'.') || !byte.is_ascii())
    {
        return false;
    }
    let date = text.split_once('T').map_or(text, |(date, time)| {
        let is_time = time.contains(':') && time.bytes().all(|byte| !byte.is_ascii_alphabetic() || byte == b'Z');
        if is_time { date } else { text }
    });
    let separator = |c: char| matches!(c, '-' | '/' | '.' | '年' | '月');
    let parts: Vec<_> = date.strip_suffix('日').unwrap_or(date).splitn(4, separator).collect();
    let number = |text: &str, most: u16| {
        let is_short = (1..=4).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
        is_short && text.parse::<u16>().is_ok_and(|number| (1..=most).contains(&number))
    };
    let day = |text: &str| text.len() <= 2 && number(text, 31);
    let month = |text: &str| text.len() <= 2 && number(text, 12);
    let year = |text: &str| text.len() == 4 && number(text, 2999) && text.starts_with(['1', '2']);
    let short_year = |text: &str| year(text) || text.len() == 2 && number(text, 99);
    let named = |text: &str| MONTHS.iter().any(|month| text.eq_ignore_ascii_case(month));
    match parts.as_slice() {
        [first, second, third] => {
            let one_sign = ['-', '/', '.'].iter().any(|sign| date.matches(*sign).count() == 2);
            let is_named = date.contains('年') && date.contains('月');
            let year_first = year(first) && month(second) && day(third);
            let year_last = (day(first) && month(second) || month(first) && day(second)) && year(third);
            let month_named = day(first) && named(second) && short_year(third);
            (one_sign || is_named) && (year_first || month_named) || date.matches('/').count() == 2 && year_last
        }
        [first, second] if date.contains('月') => month(first) && day(second),
        [first, second] if date.contains('-') => {
            (day(first) && named(second)) || (named(first) && (day(second) || short_year(second)))
        }
        _ => false,
    }
}

/// Whether the text has an ASCII letter, digit or sign in its full-width form, as a Chinese keyboard types it.
fn is_full_width(text: &str) -> bool {
    !text.is_ascii() && text.chars().any(|c| ('\u{ff01}'..='\u{ff5e}').contains(&c))
}

/// Whether a program has covered a part of the text, or cut it off: `Cv4P****3rNu`, `ba253642-05…`.
fn is_masked(text: &str) -> bool {
    let covered = memchr(b'*', text.as_bytes()).is_some() && memmem::find(text.as_bytes(), b"***").is_some();
    covered || text.ends_with("...") || text.ends_with('…')
}

/// Whether the text has neither a letter nor a digit, such as `-` or `/`.
fn has_no_letter(text: &str) -> bool {
    !text.chars().any(char::is_alphanumeric)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(text: &str) -> Option<UnusableKind> {
        find(text, "open_id")
    }

    #[test]
    fn what_programs_leave_in_place_of_an_id_is_no_id() {
        let all: [(UnusableKind, &[&str]); 15] = [
            (
                UnusableKind::NoValue,
                &[
                    "NULL",
                    "null",
                    "\\N",
                    "\\n",
                    "NaN",
                    "-nan",
                    "NaT",
                    "NA",
                    "None",
                    "nil",
                    "undefined",
                    "-inf",
                    "Infinity",
                    "N/A",
                    "<NA>",
                    "<nil>",
                    "(null)",
                    "[NULL]",
                    "<null>",
                    "(blank)",
                    "无",
                    "暂无",
                    "-",
                    "--",
                    "—",
                    "/",
                    "?",
                    "...",
                    "00000000-0000-0000-0000-000000000000",
                ],
            ),
            (UnusableKind::Boolean, &["TRUE", "true", "False"]),
            (UnusableKind::Total, &["合计", "总计", "合计:", "Total", "subtotal:"]),
            (
                UnusableKind::SpreadsheetError,
                &[
                    "#NAME?",
                    "#REF!",
                    "#N/A",
                    "#VALUE!",
                    "#DIV/0!",
                    "#SPILL!",
                    "#ERROR!",
                    "#WERT!",
                    "#ÜBERLAUF!",
                    "#NV",
                    "Err:502",
                    "########",
                ],
            ),
            (UnusableKind::Formula, &["=\"user0002AbCd\"", "=\"\""]),
            (
                UnusableKind::Apostrophe,
                &["'user0003AbCd", "'", "'7218071234565644204", "’7218071234565644204"],
            ),
            (
                UnusableKind::Quoted,
                &[
                    "\"user0003AbCd\"",
                    "\"\"",
                    "“user0003AbCd”",
                    "b'user0003AbCd'",
                    "b\"x\"",
                ],
            ),
            (
                UnusableKind::Fraction,
                &["7218071234565644204.0", "1.00", "-1.0", "1,00"],
            ),
            (
                UnusableKind::Exponent,
                &[
                    "7.21807E+18",
                    "7e+18",
                    "7.2e-05",
                    "1E+09",
                    "7.218071234565644E18",
                    "7,21807E+18",
                ],
            ),
            (
                UnusableKind::Grouped,
                &["7,218,071,234,565,644,204", "1,234", "7,218.00", "-1,234"],
            ),
            (
                UnusableKind::Date,
                &[
                    "2026/11/27",
                    "2026/1/7",
                    "2026-11-27",
                    "2026-11-27T20:27:00+08:00",
                    "2026.11.27",
                    "11/27/2026",
                    "27/11/2026",
                    "27-Nov",
                    "27-Nov-26",
                    "Nov-26",
                    "Mar-1",
                    "11月27日",
                    "2026年11月27日",
                ],
            ),
            (UnusableKind::FullWidth, &["ｕｓｅｒ０００４", "user－1", "会员１"]),
            (
                UnusableKind::Masked,
                &["Cv4P****3rNu", "ba253642-0590-***", "ba253642-05...", "ba253642-05…"],
            ),
            (UnusableKind::Header, &["open_id"]),
            (UnusableKind::TooLong, &[]),
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
            "00000000-0000-0000-0000-000000000001",
            "Cv4PoJXaTPn63rNu",
            "-000AbCdEf11",
            "_000Normal1",
            "7218071234565644204",
            "-12",
            "0",
            "0071",
            "7e18",
            "12e5ab",
            "7.25",
            "7,25",
            "1,2345",
            "1.2.0",
            "1234567890.1612345678",
            ".0",
            "5.",
            "nullable",
            "None-7",
            "_000NaN",
            "unundefined",
            "trueblue",
            "Totally",
            "user#1",
            "#user-1",
            "#1",
            "Err:5021",
            "=cmd|'/c_calc'!A1",
            "=A1",
            "o'neill",
            "b-17",
            "a*b**c",
            "20260530",
            "2026-05",
            "2026-13-01",
            "2026-05-30-7",
            "12-34",
            "1/2/3",
            "3-Feb-Mar",
            "Nov-",
            "May",
            "Open_id",
            "会员7",
            "无名",
            "合计1",
            "é",
        ] {
            assert_eq!(kind(text), None, "{text}");
        }
    }
}
