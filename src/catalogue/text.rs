//! A text that is written once and shown in other places: in an event, or as a reason.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Language;

/// A text in every language. It is written where its values are known, and shown in the language of the reader. Files and other
/// processes receive it in English.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Text {
    english: String,
    chinese: String,
}

impl Text {
    /// Calls `write` once for each language.
    #[must_use]
    pub fn from_fn(write: impl Fn() -> String) -> Self {
        Self {
            english: Language::English.scope(&write),
            chinese: Language::Chinese.scope(&write),
        }
    }

    /// Writes a message of the catalogue in each language.
    #[must_use]
    pub fn new(message: &impl fmt::Display) -> Self {
        Self::from_fn(|| message.to_string())
    }

    /// The text in one language.
    #[must_use]
    pub fn in_language(&self, language: Language) -> &str {
        match language {
            Language::English => &self.english,
            Language::Chinese => &self.chinese,
        }
    }

    /// The text in English.
    #[must_use]
    pub fn english(&self) -> &str {
        &self.english
    }
}

/// A text that is the same in every language, such as a message of the platform.
impl From<String> for Text {
    fn from(text: String) -> Self {
        Self {
            chinese: text.clone(),
            english: text,
        }
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        text.to_owned().into()
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.in_language(Language::current()))
    }
}

impl Serialize for Text {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.english.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::from)
    }
}

/// Writes texts in both languages, one below the other.
#[cfg(test)]
pub(crate) fn in_both_languages<'a>(texts: impl IntoIterator<Item = &'a dyn fmt::Display>) -> String {
    let each = texts.into_iter().map(|text| {
        let text = Text::from_fn(|| text.to_string());
        format!("{}\n{}\n", text.english, text.chinese)
    });
    each.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::model;

    #[test]
    fn a_text_is_shown_in_the_language_of_its_reader_and_stored_in_english() {
        let text = Language::Chinese.scope(|| Text::new(&model::NameEmpty));
        assert_eq!(Language::English.scope(|| text.to_string()), "it is empty");
        assert_eq!(Language::Chinese.scope(|| text.to_string()), "它是空的");
        let stored = Language::Chinese.scope(|| serde_json::to_string(&text).unwrap());
        assert_eq!(stored, "\"it is empty\"");
        let read: Text = serde_json::from_str(&stored).unwrap();
        assert_eq!(Language::Chinese.scope(|| read.to_string()), "it is empty");
    }
}
