//! Every text that a person reads, in English and Chinese: a type for each message of the catalogue in `locales/`, made by `build.rs`.
//!
//! `help::Apply.to_string()` is the text in the language of the moment. JSON, logs and files for programs are always English: they
//! are written inside [`Language::scope`].

mod language;
mod text;

pub use self::language::Language;
pub use self::text::Text;
#[cfg(test)]
pub(crate) use self::text::in_both_languages;

use std::fmt;

pub use self::texts::*;

#[allow(clippy::pedantic, reason = "generated code")]
mod texts {
    include!(concat!(env!("OUT_DIR"), "/texts.rs"));
}

/// A whole number with commas between thousands, in both languages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grouped(pub u64);

impl fmt::Display for Grouped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.0.to_string();
        let mut text = String::with_capacity(digits.len() + digits.len() / 3);
        for (at, digit) in digits.chars().enumerate() {
            if at > 0 && (digits.len() - at).is_multiple_of(3) {
                text.push(',');
            }
            text.push(digit);
        }
        f.pad(&text)
    }
}
