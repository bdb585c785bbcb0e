//! Values of the file with their paths, and the conversions that every value has.

use std::ops::RangeInclusive;

use super::diagnostic::Code;
use super::diagnostics::Diagnostics;
use super::keys::{Key, Need};
use super::source::Span;
use super::tree::{Child, Kind, Scalar, Tree};

/// The longest quote from the file in a message, in characters.
const MOST_QUOTED: usize = 40;

/// A value of the file.
#[derive(Clone)]
pub(super) struct Value<'t> {
    tree: &'t Tree<'t>,
    at: Child,
    /// The keys down to the value, separated by dots: `retry.timeout`.
    pub(super) path: String,
}

/// A mapping that has only known keys.
pub(super) struct Mapping<'t> {
    entries: Vec<(&'static str, Span, Value<'t>)>,
}

impl<'t> Value<'t> {
    pub(super) fn root(tree: &'t Tree<'t>, at: Child) -> Self {
        let path = String::new();
        Self { tree, at, path }
    }

    fn under(&self, key: &str, at: Child) -> Self {
        let path = if self.path.is_empty() {
            key.to_owned()
        } else {
            format!("{}.{key}", self.path)
        };
        Self {
            tree: self.tree,
            at,
            path,
        }
    }

    pub(super) fn span(&self) -> Span {
        self.at.span
    }

    /// Marks the value as a possible secret: no part of it is ever shown, wherever it is written.
    pub(super) fn conceal(&self, diagnostics: &mut Diagnostics) {
        for span in self.tree.places(self.at) {
            diagnostics.secret(span);
        }
    }

    /// Returns the kind of the value for messages.
    fn what(&self) -> &'static str {
        match self.tree.kind(self.at) {
            Kind::Scalar(_) => "a single value",
            Kind::List(_) => "a list",
            Kind::Map(_) => "a mapping",
        }
    }

    pub(super) fn kind(&self) -> &'t Kind<'t> {
        self.tree.kind(self.at)
    }

    /// Returns the place to mark: all of a single value, the first byte of anything else.
    pub(super) fn mark(&self) -> Span {
        match self.tree.kind(self.at) {
            Kind::Scalar(_) => self.at.span,
            Kind::List(_) | Kind::Map(_) => self.at.span.first(1),
        }
    }

    /// Returns the single value; `None` for a list or a mapping.
    pub(super) fn single(&self) -> Option<&'t Scalar<'t>> {
        match self.tree.kind(self.at) {
            Kind::Scalar(scalar) => Some(scalar),
            Kind::List(_) | Kind::Map(_) => None,
        }
    }

    /// Returns the single value; `None` after reporting any other kind or an absent value. `wanted` describes the value
    /// for the help, such as "a duration such as `10s`".
    pub(super) fn scalar(&self, wanted: &str, diagnostics: &mut Diagnostics) -> Option<&'t Scalar<'t>> {
        let Some(scalar) = self.single() else {
            let message = format!("`{}` is {} where a single value belongs", self.path, self.what());
            diagnostics
                .error(Code::WrongType, self.mark(), message)
                .help(format!("write {wanted}"));
            return None;
        };
        if scalar.plain && scalar.text.is_empty() {
            self.nothing(diagnostics)
                .help(format!("write {wanted}, or leave the key out"));
            return None;
        }
        Some(scalar)
    }

    /// Returns the values of a list, each with its index as its key; `None` after reporting any other kind. `wanted` is
    /// the help.
    pub(super) fn list(&self, wanted: &str, diagnostics: &mut Diagnostics) -> Option<Vec<Self>> {
        let Kind::List(entries) = self.kind() else {
            let message = format!("`{}` is not a list", self.path);
            diagnostics.error(Code::WrongType, self.mark(), message).help(wanted);
            return None;
        };
        let entries = entries.iter().enumerate();
        let entries = entries.map(|(at, entry)| {
            let entry = self.under(&at.to_string(), *entry);
            diagnostics.place(&entry.path, entry.mark());
            entry
        });
        Some(entries.collect())
    }

    fn nothing<'n>(&self, diagnostics: &'n mut Diagnostics) -> &'n mut super::diagnostics::PendingDiagnostic {
        diagnostics.error(Code::NoValue, self.span(), format!("`{}` has no value", self.path))
    }

    /// Returns any text, quoted or not, as written; `None` after reporting an empty one.
    pub(super) fn text(&self, wanted: &str, diagnostics: &mut Diagnostics) -> Option<String> {
        let scalar = self.scalar(wanted, diagnostics)?;
        if scalar.text.trim().is_empty() {
            self.nothing(diagnostics).help(format!("write {wanted}"));
            return None;
        }
        Some(scalar.text.clone().into_owned())
    }

    /// Returns the meaning of one of `words`; `None` after reporting any other word.
    pub(super) fn word<T: Copy>(&self, words: &[(&str, T)], diagnostics: &mut Diagnostics) -> Option<T> {
        let list = words
            .iter()
            .map(|(word, _)| format!("`{word}`"))
            .collect::<Vec<_>>()
            .join(", ");
        let scalar = self.scalar(&format!("one of {list}"), diagnostics)?;
        if let Some((_, meaning)) = words.iter().find(|(word, _)| *word == scalar.text) {
            return Some(*meaning);
        }
        let near = nearest(&scalar.text, words.iter().map(|(word, _)| *word));
        let help = near.map_or_else(
            || format!("write one of {list}"),
            |near| format!("did you mean `{near}`? It is one of {list}"),
        );
        let message = format!("`{}` cannot be {}", self.path, quoted(&scalar.text));
        diagnostics.error(Code::Word, self.span(), message).help(help);
        None
    }

    /// Returns a boolean; `None` after reporting any other value.
    pub(super) fn bool(&self, diagnostics: &mut Diagnostics) -> Option<bool> {
        let scalar = self.scalar("`true` or `false`", diagnostics)?;
        match (scalar.plain, &*scalar.text) {
            (true, "true") => return Some(true),
            (true, "false") => return Some(false),
            _ => {}
        }
        let help = match &*scalar.text.to_ascii_lowercase() {
            "true" | "yes" | "on" | "y" | "1" => "write `true`",
            "false" | "no" | "off" | "n" | "0" => "write `false`",
            _ => "write `true` or `false`",
        };
        let message = format!("`{}` is true or false, not {}", self.path, as_written(scalar));
        diagnostics.error(Code::WrongType, self.span(), message).help(help);
        None
    }

    /// Returns the mapping with the given keys; `None` after reporting any other kind. Unknown, missing and repeated
    /// keys are reported.
    pub(super) fn mapping(&self, keys: &'static [Key], diagnostics: &mut Diagnostics) -> Option<Mapping<'t>> {
        let entries = self.entries(keys, diagnostics)?;
        let mut known: Vec<(&'static str, Span, Self)> = Vec::new();
        for (key, value) in entries {
            let Some(name) = self.key(*key, diagnostics) else {
                continue;
            };
            let Some(found) = keys.iter().find(|key| key.name == name) else {
                self.unknown(*key, name, keys, diagnostics);
                continue;
            };
            if let Some((_, first, _)) = known.iter().find(|(known, ..)| *known == found.name) {
                self.repeated(key.span, found.name, *first, diagnostics);
                continue;
            }
            let value = self.under(found.name, *value);
            diagnostics.place(&value.path, value.mark());
            known.push((found.name, key.span, value));
        }
        let head = entries.first().map_or(self.mark(), |(key, _)| key.span);
        for key in keys {
            if let Need::Required(example) = key.need
                && !known.iter().any(|(known, ..)| *known == key.name)
            {
                let path = self.under(key.name, self.at).path;
                let note = diagnostics.error(Code::MissingKey, head, format!("`{path}` is missing"));
                note.label("it belongs beside this key")
                    .help(format!("add `{}: {example}`", key.name));
            }
        }
        Some(Mapping { entries: known })
    }

    /// Returns all keys and values of a mapping; `None` after reporting any other kind. `keys` are for the help.
    pub(super) fn entries(&self, keys: &[Key], diagnostics: &mut Diagnostics) -> Option<&'t [(Child, Child)]> {
        if let Kind::Map(entries) = self.tree.kind(self.at) {
            return Some(entries);
        }
        let names: Vec<_> = keys.iter().map(|key| key.name).collect();
        let wanted = match names.as_slice() {
            [] => "write `CODE: CLASS` under it, such as `29005099: refuse`".to_owned(),
            [one] => format!("write `{one}:` under it"),
            [first, .., last] => format!("its keys belong under it, from `{first}` to `{last}`"),
        };
        if self
            .single()
            .is_some_and(|scalar| scalar.plain && scalar.text.is_empty())
        {
            self.nothing(diagnostics).help(wanted);
            return None;
        }
        let whose = if self.path.is_empty() {
            "a campaign file".into()
        } else {
            format!("`{}`", self.path)
        };
        let message = format!("{whose} is {} where a mapping of keys to values belongs", self.what());
        diagnostics.error(Code::WrongType, self.mark(), message).help(wanted);
        None
    }

    /// Returns a key as text; `None` after reporting a key that is not.
    pub(super) fn key(&self, key: Child, diagnostics: &mut Diagnostics) -> Option<&'t str> {
        match self.tree.kind(key) {
            Kind::Scalar(scalar) if scalar.plain && scalar.text == "<<" => {
                let note = diagnostics.error(Code::Exotic, key.span, "merge keys (`<<`) are not part of YAML 1.2");
                note.help("write the keys out, or use an alias for each value");
                None
            }
            Kind::Scalar(scalar) => Some(&scalar.text),
            Kind::List(_) | Kind::Map(_) => {
                diagnostics.error(Code::WrongType, key.span.first(1), "a key is a single word");
                None
            }
        }
    }

    /// Returns the value under a key that is not one of a fixed set.
    pub(super) fn entry(&self, key: &str, value: Child) -> Self {
        self.under(key, value)
    }

    pub(super) fn repeated(&self, span: Span, name: &str, first: Span, diagnostics: &mut Diagnostics) {
        let line = diagnostics.line(first);
        let path = self.under(name, self.at).path;
        let note = diagnostics.error(Code::RepeatedKey, span, format!("`{path}` stands there twice"));
        note.help(format!("it stands first in line {line}: keep one of the two"));
    }

    fn unknown(&self, key: Child, name: &str, keys: &[Key], diagnostics: &mut Diagnostics) {
        let whose = if self.path.is_empty() {
            "a campaign file".into()
        } else {
            format!("`{}`", self.path)
        };
        let names = || keys.iter().map(|key| key.name);
        let near = if diagnostics.crowded() {
            None
        } else {
            nearest(name, names())
        };
        let help = near.map_or_else(
            || {
                format!(
                    "its keys are {}",
                    names().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
                )
            },
            |near| format!("did you mean `{near}`?"),
        );
        let message = if near.is_none() && self.path == "credentials" {
            // The key may be the secret itself.
            diagnostics.secret(key.span);
            "`credentials` has no such key".to_owned()
        } else {
            format!("{whose} has no key {}", quoted(name))
        };
        diagnostics.error(Code::UnknownKey, key.span, message).help(help);
    }
}

impl<'t> Mapping<'t> {
    /// Returns the value under a key; `None` if the file does not have the key.
    pub(super) fn get(&self, name: &str) -> Option<&Value<'t>> {
        self.entries
            .iter()
            .find(|(known, ..)| *known == name)
            .map(|(.., value)| value)
    }

    /// Iterates over the keys in the file, with their places, in order.
    pub(super) fn present(&self) -> impl Iterator<Item = (&'static str, Span)> {
        self.entries.iter().map(|(name, span, _)| (*name, *span))
    }
}

/// The range of a whole number.
#[derive(Clone, Copy, Debug)]
pub(super) struct Whole {
    pub(super) least: u64,
    pub(super) most: u64,
}

impl Whole {
    pub(super) const fn range(self) -> RangeInclusive<u64> {
        self.least..=self.most
    }
}

/// Quotes text of the file for a message, cut and without control characters. A text with an access token, which has a
/// recognisable form, is never repeated.
pub(super) fn quoted(text: &str) -> String {
    if text.is_empty() {
        return "an empty text".to_owned();
    }
    if text.contains("clt.") {
        return "a text with an access token in it".to_owned();
    }
    let mut out: String = text
        .chars()
        .take(MOST_QUOTED)
        .flat_map(|c| {
            if c.is_control() {
                c.escape_default().collect()
            } else {
                vec![c]
            }
        })
        .collect();
    if text.chars().nth(MOST_QUOTED).is_some() {
        out.push('…');
    }
    format!("`{out}`")
}

/// Like [`quoted`], and shows whether the value was written in quotes.
pub(super) fn as_written(scalar: &Scalar<'_>) -> String {
    if scalar.plain || scalar.text.is_empty() {
        quoted(&scalar.text)
    } else {
        format!("the text {}", quoted(&scalar.text))
    }
}

/// Returns the word that was probably meant; `None` if no word is close.
pub(super) fn nearest<'w>(written: &str, words: impl Iterator<Item = &'w str>) -> Option<&'w str> {
    if written.len() > MOST_QUOTED {
        return None;
    }
    let folded = written.trim().to_lowercase().replace(['-', ' '], "_");
    let scored = words.map(|word| {
        (
            strsim::jaro_winkler(&folded, word),
            strsim::osa_distance(&folded, word),
            word,
        )
    });
    let near = scored.filter(|(alike, distance, word)| *alike > 0.8 && *distance <= 1 + word.chars().count() / 3);
    near.min_by_key(|(_, distance, _)| *distance).map(|(.., word)| word)
}
