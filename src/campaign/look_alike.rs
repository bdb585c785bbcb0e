//! Names that look like other names: letters of several scripts in one word, wide forms, and characters that are not shown.

use unicode_script::{Script, UnicodeScript};

use super::diagnostic::Code;
use super::diagnostics::Diagnostics;
use super::value::{Value, quoted};
use crate::model::identity::is_ignorable;

/// Warns of a name that a person may take for another one.
pub(super) fn warn(value: &Value<'_>, text: &str, diagnostics: &mut Diagnostics) {
    if let Some(found) = find(text) {
        let path = &value.path;
        let message = format!("`{path}` looks like another name: {} has {found}", quoted(text));
        diagnostics
            .warning(Code::LookAlike, value.mark(), message)
            .help("type the name again, unless it is meant so: two names that look the same are two names");
    }
}

/// Describes the character that makes a name look like another one: "'а' (U+0430), a letter of Cyrillic". `None` if it
/// has no such character.
#[must_use]
pub fn find(text: &str) -> Option<String> {
    let described = |c: char, what: &str| {
        let code = u32::from(c);
        if is_ignorable(c) {
            format!("U+{code:04X}, {what}")
        } else {
            format!("'{c}' (U+{code:04X}), {what}")
        }
    };
    if let Some(c) = text.chars().find(|c| is_ignorable(*c)) {
        return Some(described(c, "a character that is not shown"));
    }
    if let Some(c) = text.chars().find(|c| matches!(c, '\u{ff01}'..='\u{ff5e}')) {
        return Some(described(c, "the wide form of another character"));
    }
    let mut words = text.split(|c: char| !c.is_alphabetic());
    let (c, script) = words.find_map(foreign_letter)?;
    Some(described(c, &format!("a letter of {}", script.full_name())))
}

/// Returns a letter of a word that is in another script than the letters before it. Chinese, Japanese and Korean are
/// written with letters of several scripts, Latin among them.
fn foreign_letter(word: &str) -> Option<(char, Script)> {
    let mut alphabet = None;
    let mut has_east_asian = false;
    for c in word.chars() {
        match c.script() {
            Script::Common | Script::Inherited | Script::Unknown => {}
            Script::Han | Script::Hiragana | Script::Katakana | Script::Bopomofo | Script::Hangul => {
                if let Some((before, script)) = alphabet.filter(|(_, script)| *script != Script::Latin) {
                    return Some((before, script));
                }
                has_east_asian = true;
            }
            script => {
                let first = alphabet.get_or_insert((c, script)).1;
                if script != first {
                    // Of two alphabets, the other one than Latin is the surprise.
                    return if script == Script::Latin {
                        alphabet
                    } else {
                        Some((c, script))
                    };
                }
                if has_east_asian && script != Script::Latin {
                    return Some((c, script));
                }
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usual_names_are_no_look_alikes() {
        for name in [
            "summer-2026",
            "奶茶",
            "奶茶vip券",
            "vip奶茶2",
            "夏日ソーダ",
            "커피coffee",
            "лето-summer",
            "été",
            "हिन्दी",
            "open_id",
            "data/members-*.csv",
            "",
        ] {
            assert_eq!(find(name), None, "{name:?}");
        }
    }

    #[test]
    fn a_character_that_deceives_is_described() {
        for (name, found) in [
            ("summеr", "'е' (U+0435), a letter of Cyrillic"),
            ("рlan", "'р' (U+0440), a letter of Cyrillic"),
            ("vιp", "'ι' (U+03B9), a letter of Greek"),
            ("奶茶а", "'а' (U+0430), a letter of Cyrillic"),
            ("а奶茶", "'а' (U+0430), a letter of Cyrillic"),
            ("open\u{200b}_id", "U+200B, a character that is not shown"),
            ("open_id\u{fe0f}", "U+FE0F, a character that is not shown"),
            ("o\u{ad}pen", "U+00AD, a character that is not shown"),
            ("open\u{feff}", "U+FEFF, a character that is not shown"),
            ("奶茶２", "'２' (U+FF12), the wide form of another character"),
        ] {
            assert_eq!(find(name).as_deref(), Some(found), "{name:?}");
        }
    }
}
