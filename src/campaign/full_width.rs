//! Full-width characters, which a Chinese keyboard types in place of the signs, digits and letters of YAML.

use crate::catalogue::campaign as text;

use super::line_index::Span;

/// How many lines before an error are searched: the parser often reports a missing colon only on the next line.
const LINES: usize = 3;
/// The longest value that advice repeats as a whole, in characters.
const MOST_REPEATED: usize = 40;
const SPACE: char = '\u{3000}';
/// What people type in place of the sign of a list entry.
const DASHES: [char; 3] = ['－', '–', '—'];

/// Returns the ASCII character that was meant; `None` for any other character.
fn meant(c: char) -> Option<char> {
    match c {
        SPACE => Some(' '),
        '、' => Some(','),
        '\u{201c}' | '\u{201d}' => Some('"'),
        '\u{2018}' | '\u{2019}' => Some('\''),
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(c) - 0xfee0),
        _ => None,
    }
}

/// Names the first full-width character of a value or a key, and what to write; `None` without one. `is_structure`: whether a
/// colon or a comma in it was meant as a sign of YAML.
pub(super) fn advice(value: &str, is_structure: bool) -> Option<String> {
    let (at, found) = value
        .char_indices()
        .find(|(at, c)| meant(*c).is_some() || *at == 0 && DASHES.contains(c))?;
    let before = value.get(..at).unwrap_or_default();
    let after = value.get(at + found.len_utf8()..).unwrap_or_default();
    let is_entry = before.is_empty() && DASHES.contains(&found) && after.starts_with([' ', SPACE]);
    let is_comment = found == '＃' && (before.is_empty() || before.ends_with(' '));
    if is_structure && found == SPACE && before.is_empty() {
        return Some(text::FullWidthIndent.to_string());
    }
    if is_entry || is_comment || is_structure && matches!(found, '：' | '，') {
        return Some(sign_advice(found));
    }
    if found.is_numeric() && value.chars().nth(MOST_REPEATED).is_none() {
        let meant: String = value.chars().map(|c| meant(c).unwrap_or(c)).collect();
        let digits = text::FullWidthDigits {
            found: &value,
            meant: &meant,
        };
        return Some(digits.to_string());
    }
    character_advice(found)
}

/// Names the first full-width character of a line in a place where YAML needs a sign, and what to write; `None` without one.
pub(super) fn line_advice(line: &str) -> Option<String> {
    sign(line).map(|(_, found)| sign_advice(found))
}

/// Says what to write in place of a character within a value. `None` for an ordinary character.
fn character_advice(found: char) -> Option<String> {
    let meant = &meant(found)?;
    Some(match found {
        SPACE => text::FullWidthSpace.to_string(),
        '：' => text::FullWidthColon.to_string(),
        '，' => text::FullWidthComma.to_string(),
        '、' => text::FullWidthListComma { found: &found }.to_string(),
        '\u{2018}'..='\u{201d}' => text::TypographicQuote { found: &found, meant }.to_string(),
        _ => text::FullWidthOther { found: &found, meant }.to_string(),
    })
}

/// Says what to write in place of a character where YAML needs a sign.
fn sign_advice(found: char) -> String {
    match found {
        '：' => text::FullWidthColonSpace.to_string(),
        '，' => text::FullWidthCommaSpace.to_string(),
        '＃' => text::FullWidthComment.to_string(),
        _ if DASHES.contains(&found) => text::FullWidthDash { found: &found }.to_string(),
        _ => character_advice(found).unwrap_or_default(),
    }
}

/// Finds the full-width character in a place where YAML needs a sign, on the line of `at` or one shortly before it.
/// Returns its place, and what to write. `None` if there is none.
pub(super) fn find_sign(source: &str, at: usize) -> Option<(Span, String)> {
    let at = source.floor_char_boundary(at);
    let end = source.get(at..)?.find('\n').map_or(source.len(), |end| at + end);
    let mut end_of_line = end;
    let lines = source.get(..end)?.rsplit('\n').map(|line| {
        let start = end_of_line - line.len();
        end_of_line = start.saturating_sub(1);
        (start, line)
    });
    let lines = lines.filter(|(_, line)| !line.trim_ascii().is_empty());
    lines.take(LINES).find_map(|(start, line)| {
        let (place, found) = sign(line)?;
        let span = Span::new(start + place..start + place + found.len_utf8());
        Some((span, sign_advice(found)))
    })
}

/// Finds the first full-width character of a line in a place where YAML needs a sign, not within a value.
fn sign(line: &str) -> Option<(usize, char)> {
    let mut in_brackets = false;
    let mut has_key = false;
    let mut before = None;
    let mut last_sign = None;
    let mut quote = None;
    for (place, c) in line.char_indices() {
        has_key |= before == Some(':') && c == ' ';
        let begins_value = last_sign.is_none_or(|sign| matches!(sign, ':' | '{' | '[' | ',' | '-'));
        let is_sign = match c {
            _ if quote.is_some() => {
                quote = quote.filter(|quote| *quote != c);
                false
            }
            '"' | '\'' if begins_value => {
                quote = Some(c);
                false
            }
            '#' if matches!(before, None | Some(' ')) => return None,
            '＃' => matches!(before, None | Some(' ')),
            '：' => in_brackets || !has_key,
            '，' | '、' | '｝' | '］' => in_brackets,
            '｛' | '［' | '\u{201c}' | '\u{2018}' => begins_value,
            SPACE => before == Some(':') || matches!(line[..place].trim_ascii_start(), "" | "-"),
            _ if DASHES.contains(&c) => last_sign.is_none(),
            _ => false,
        };
        if is_sign {
            return Some((place, c));
        }
        in_brackets |= matches!(c, '{' | '[');
        before = Some(c);
        if !c.is_ascii_whitespace() {
            last_sign = Some(c);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sign_is_told_from_a_character_of_a_value() {
        for (line, found) in [
            ("campaign： c1", Some('：')),
            ("  csv： {path: a.csv}", Some('：')),
            ("campaign:　c1", Some('　')),
            ("　　per_second: 98", Some('　')),
            ("  -　csv: {path: a.csv}", Some('　')),
            ("title: a-　b", None),
            ("csv: {path： a.csv}", Some('：')),
            ("csv: {path: a.csv， open_id: x}", Some('，')),
            ("csv: ｛path: a.csv}", Some('｛')),
            ("csv: {path: a.csv｝", Some('｝')),
            ("hours: [“mon-fri 10:00-21:00”]", Some('“')),
            ("hours: [\"mon 10:00-21:00\"，\"tue 10:00-21:00\"]", Some('，')),
            ("closed: [2026-06-03、2026-06-04]", Some('、')),
            ("\"campaign\"： c1", Some('：')),
            ("  － csv: {path: a.csv}", Some('－')),
            ("— csv: {path: a.csv}", Some('—')),
            ("＃ a comment", Some('＃')),
            ("title: 'x' ＃ a comment", Some('＃')),
            ("title: 夏日：立减，特惠", None),
            ("title: 夏日　立减 “x”", None),
            ("title: \"夏日：立减", None),
            ("title: [\"夏日，立减\", 'a： ＃ b']", None),
            ("title: 夏日－立减＃1", None),
            ("# campaign： c1", None),
            ("title: x # 说明：x", None),
        ] {
            assert_eq!(sign(line).map(|(_, c)| c), found, "{line}");
        }
    }
}
