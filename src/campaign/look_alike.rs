//! Names that look like other names: letters of several scripts in one word, wide forms, and characters that are not shown.

use unicode_script::{Script, UnicodeScript};

use crate::catalogue::campaign as text;

use super::diagnostic::Code;
use super::diagnostics::Diagnostics;
use super::value::{Value, quoted};
use crate::model::identity::is_ignorable;

/// Warns of a name that a person may take for another one.
pub(super) fn warn(value: &Value<'_>, name: &str, diagnostics: &mut Diagnostics) {
    if let Some(found) = &find(name) {
        let message = text::LookAlike {
            path: &value.path,
            name: &quoted(name),
            found,
        };
        let note = diagnostics.warning(Code::LookAlike, value.mark(), message);
        note.help(text::LookAlikeHelp);
    }
}

/// Warns of a text with typographic quotes around it, or with a full-width space at one end: YAML takes them for a part of the text.
pub(super) fn warn_around(value: &Value<'_>, written: &str, diagnostics: &mut Diagnostics) {
    let path = &value.path;
    let inner = written
        .strip_prefix(['\u{201c}', '\u{2018}'])
        .and_then(|rest| rest.strip_suffix(['\u{201d}', '\u{2019}']));
    if let Some(bare) = &inner {
        let note = diagnostics.warning(Code::LookAlike, value.mark(), text::QuotesAround { path });
        note.help(text::QuotesAroundHelp { bare });
    }
    let bare = written.trim_matches('\u{3000}');
    if bare.len() < written.len() {
        let note = diagnostics.warning(Code::LookAlike, value.mark(), text::SpaceAround { path });
        note.help(text::Write { wanted: &quoted(bare) });
    }
}

/// Describes the character that makes a name look like another one: "'а' (U+0430), a letter of Cyrillic". `None` if it
/// has no such character.
#[must_use]
pub fn find(name: &str) -> Option<String> {
    let code = |c: char| format!("U+{:04X}", u32::from(c));
    if let Some(c) = name.chars().find(|c| is_ignorable(*c)) {
        return Some(text::LookAlikeInvisible { code: &code(c) }.to_string());
    }
    if let Some(c) = name.chars().find(|c| matches!(c, '\u{ff01}'..='\u{ff5e}')) {
        let wide = text::LookAlikeWide {
            character: &c,
            code: &code(c),
        };
        return Some(wide.to_string());
    }
    let mut words = name.split(|c: char| !c.is_alphabetic());
    let (c, script) = words.find_map(foreign_letter)?;
    let foreign = text::LookAlikeScript {
        character: &c,
        code: &code(c),
        script: &script.full_name(),
    };
    Some(foreign.to_string())
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
