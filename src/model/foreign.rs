//! Text that others wrote, in messages.

use std::borrow::Cow;

/// The most characters of a foreign text in a message: enough to recognise it.
const MOST: usize = 200;

/// Returns the text, or its beginning and its length if it is too long for a message.
#[must_use]
pub fn shortened(text: &str) -> Cow<'_, str> {
    match text.char_indices().nth(MOST) {
        None => Cow::Borrowed(text),
        Some((end, _)) => {
            let begin = text.get(..end).unwrap_or_default();
            Cow::Owned(format!("{begin}… ({} characters)", text.chars().count()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_is_cut_and_its_length_is_shown() {
        let fits = "券".repeat(MOST);
        assert_eq!(shortened(&fits), fits);
        let long = "券".repeat(1 << 20);
        assert_eq!(shortened(&long), format!("{fits}… (1048576 characters)"));
    }
}
