//! Lets clap wrap Chinese help by display width. clap breaks lines at spaces only, and counts each character as one column.
//!
//! [`spread`] writes one more character after each wide one, so that clap counts two columns: a space where a line may end, else
//! a filler. [`gather`] removes these characters from what clap has rendered.

use crate::report::text::{breakable_pieces, columns};

/// The second column of a wide character where no line may end. No text contains it.
const FILLER: char = '\u{2060}';

/// Prepares a text for clap.
#[must_use]
pub fn spread(text: &str) -> String {
    let mut spread = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        for piece in breakable_pieces(line) {
            let word = piece.trim_end_matches(' ');
            let spaces = &piece[word.len()..];
            let mut characters = word.chars().peekable();
            while let Some(character) = characters.next() {
                spread.push(character);
                if is_wide(character) {
                    let may_end = characters.peek().is_none() && spaces.is_empty();
                    spread.push(if may_end { ' ' } else { FILLER });
                }
            }
            spread.push_str(spaces);
        }
    }
    spread
}

/// Restores a text that was prepared and rendered.
#[must_use]
pub fn gather(rendered: &str) -> String {
    let mut text = String::with_capacity(rendered.len());
    let mut after_wide = false;
    for character in rendered.chars() {
        if after_wide && (character == ' ' || character == FILLER) {
            after_wide = false;
            continue;
        }
        after_wide = is_wide(character);
        text.push(character);
    }
    text
}

fn is_wide(character: char) -> bool {
    columns(character.encode_utf8(&mut [0; 4])) == 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_spread_is_gathered_again() {
        for text in [
            "",
            "plain text\n  and more\n",
            "发放所有待发放的券；可放心重复执行",
            "用于 bash，重新打开后生效 \n      runner apply  演练（`--sandbox`），不会真正发券\n",
            "中 文 A中B",
        ] {
            assert_eq!(gather(&spread(text)), text);
        }
    }

    #[test]
    fn a_line_may_end_after_a_wide_character_but_not_before_a_full_stop() {
        let visible = spread("发券。A").replace(FILLER, "_");
        assert_eq!(visible, "发 券_。 A");
    }
}
