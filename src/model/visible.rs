//! Shows foreign text: every character that deceives a reader of a terminal is replaced by its escape.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::path::Path;

/// Returns `text` with every control character, direction mark and invisible character replaced by its escape. Text that
/// a platform, a file, an environment variable or another process determines must pass through this before it is shown.
#[must_use]
pub fn visible(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_trick) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        push(&mut shown, c);
    }
    Cow::Owned(shown)
}

/// Returns a path as it is shown: like [`visible`].
#[must_use]
pub fn visible_path(path: &Path) -> String {
    visible(&path.to_string_lossy()).into_owned()
}

/// Appends `c`, or its escape.
pub fn push(shown: &mut String, c: char) {
    match c {
        '\n' => shown.push_str("\\n"),
        '\r' => shown.push_str("\\r"),
        '\t' => shown.push_str("\\t"),
        // Writing to a string cannot fail.
        c if is_trick(c) => drop(write!(shown, "\\u{{{:x}}}", u32::from(c))),
        c => shown.push(c),
    }
}

/// Whether `c` moves the cursor, changes the direction of writing, or has no width.
#[must_use]
pub fn is_trick(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180e}'
            | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}'
            | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn tricks_are_shown_for_what_they_are() {
        assert_eq!(visible("尝试过于频繁"), "尝试过于频繁");
        assert_eq!(
            visible("a\x1b[2Jb\u{202e}c\r\n\u{feff}\u{7f}\u{9b}"),
            "a\\u{1b}[2Jb\\u{202e}c\\r\\n\\u{feff}\\u{7f}\\u{9b}"
        );
        assert_eq!(visible_path(Path::new("a\u{200b}\x07.csv")), "a\\u{200b}\\u{7}.csv");
    }

    proptest! {
        #[test]
        fn whatever_is_shown_is_free_of_tricks(text in any::<String>()) {
            let shown = visible(&text).into_owned();
            prop_assert!(!shown.chars().any(is_trick));
            prop_assert_eq!(visible(&shown), shown.as_str());
        }
    }
}
