//! Full-width characters, which a Chinese keyboard types in place of the signs, digits and letters of YAML.

use super::line_index::Span;

/// How many lines before an error are searched: the parser often reports a missing colon only on the next line.
const LINES: usize = 3;

/// Returns the ASCII character that was meant; `None` for any other character.
fn meant(c: char) -> Option<char> {
    match c {
        '\u{3000}' => Some(' '),
        '\u{201c}' | '\u{201d}' => Some('"'),
        '\u{2018}' | '\u{2019}' => Some('\''),
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(c) - 0xfee0),
        _ => None,
    }
}

/// Names the first full-width character of `text` and what to write; `None` without one.
pub(super) fn advice(text: &str) -> Option<String> {
    text.chars().find_map(|c| Some(advice_for(c, meant(c)?)))
}

fn advice_for(found: char, meant: char) -> String {
    match found {
        '\u{3000}' => "there is a full-width space: write an ordinary space".to_owned(),
        '：' => "`：` is the full-width colon: write `:`".to_owned(),
        '，' => "`，` is the full-width comma: write `,`".to_owned(),
        '\u{2018}'..='\u{201d}' => format!("`{found}` is a typographic quote: write `{meant}`"),
        _ => format!("`{found}` is a full-width character: write `{meant}`"),
    }
}

/// Finds the full-width character in a place where YAML needs a sign, on the line of `at` or one shortly before it.
/// Returns its place, and what to write. `None` if there is none.
pub(super) fn find_sign(text: &str, at: usize) -> Option<(Span, String)> {
    let at = text.floor_char_boundary(at);
    let end = text.get(at..)?.find('\n').map_or(text.len(), |end| at + end);
    let mut end_of_line = end;
    let lines = text.get(..end)?.rsplit('\n').map(|line| {
        let start = end_of_line - line.len();
        end_of_line = start.saturating_sub(1);
        (start, line)
    });
    let lines = lines.filter(|(_, line)| !line.trim_ascii().is_empty());
    lines.take(LINES).find_map(|(start, line)| {
        let (place, found) = sign(line)?;
        let span = Span::new(start + place..start + place + found.len_utf8());
        let space = if matches!(found, '：' | '，') {
            ", with a space after it"
        } else {
            ""
        };
        Some((span, advice_for(found, meant(found)?) + space))
    })
}

/// Finds the first full-width character of a line in a place where YAML needs a sign, not within a value.
fn sign(line: &str) -> Option<(usize, char)> {
    let mut in_brackets = false;
    let mut has_key = false;
    let mut before = None;
    let mut last_sign = None;
    for (place, c) in line.char_indices() {
        has_key |= before == Some(':') && c == ' ';
        let begins_value = last_sign.is_none_or(|sign| matches!(sign, ':' | '{' | '[' | ',' | '-'));
        let is_sign = match c {
            // What follows is quoted, or a comment.
            '"' | '\'' if begins_value => return None,
            '#' if matches!(before, None | Some(' ')) => return None,
            '：' => in_brackets || !has_key,
            '，' | '｝' | '］' => in_brackets,
            '｛' | '［' | '\u{201c}' | '\u{2018}' => begins_value,
            '\u{3000}' => before == Some(':') || last_sign.is_none(),
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
            ("csv: {path： a.csv}", Some('：')),
            ("csv: {path: a.csv， open_id: x}", Some('，')),
            ("csv: ｛path: a.csv}", Some('｛')),
            ("csv: {path: a.csv｝", Some('｝')),
            ("hours: [“mon-fri 10:00-21:00”]", Some('“')),
            ("title: 夏日：立减，特惠", None),
            ("title: 夏日　立减 “x”", None),
            ("title: \"夏日：立减", None),
            ("# campaign： c1", None),
            ("title: x # 说明：x", None),
        ] {
            assert_eq!(sign(line).map(|(_, c)| c), found, "{line}");
        }
    }
}
