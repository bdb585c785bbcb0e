//! Values of the file with their paths, and the conversions that every value has.

use std::fmt::Display;
use std::path::Path;

use jiff::tz::TimeZone;

use super::diagnostic::Code;
use super::diagnostics::Diagnostics;
use super::key::Key;
use super::line_index::Span;
use super::tree::{Child, Kind, Scalar, Tree};

/// The longest quote from the file in a message, in characters.
const MOST_QUOTED: usize = 40;

/// A file, and what the meaning of its values depends on.
pub(super) struct Document<'t> {
    pub(super) tree: Tree<'t>,
    /// The base of relative paths.
    pub(super) folder: &'t Path,
    /// The zone of local times; `None` if the file's time zone is wrong.
    pub(super) zone: Option<TimeZone>,
}

/// A value of the file.
#[derive(Clone)]
pub(super) struct Value<'t> {
    document: &'t Document<'t>,
    at: Child,
    /// The keys down to the value, separated by dots: `retry.timeout`.
    pub(super) path: String,
    /// The declaration of the key; `None` for the root, an entry of a list, and a key that is not declared.
    key: Option<Key>,
}

/// A mapping that has only known keys.
pub(super) struct Mapping<'t> {
    entries: Vec<(&'static str, Span, Value<'t>)>,
}

impl<'t> Value<'t> {
    pub(super) fn root(document: &'t Document<'t>) -> Self {
        Self {
            document,
            at: document.tree.root(),
            path: String::new(),
            key: None,
        }
    }

    /// Returns a value under this one.
    pub(super) fn under(&self, key: &str, at: Child) -> Self {
        Self {
            document: self.document,
            at,
            path: self.path_of(key),
            key: None,
        }
    }

    fn path_of(&self, key: &str) -> String {
        if self.path.is_empty() {
            key.to_owned()
        } else {
            format!("{}.{key}", self.path)
        }
    }

    pub(super) fn folder(&self) -> &'t Path {
        self.document.folder
    }

    pub(super) fn zone(&self) -> Option<&'t TimeZone> {
        self.document.zone.as_ref()
    }

    /// Returns an example of the value, for messages; empty if the key has none.
    pub(super) fn example(&self) -> String {
        self.key.and_then(|key| key.example()).unwrap_or_default()
    }

    pub(super) fn span(&self) -> Span {
        self.at.span
    }

    /// Marks the value as a possible secret: no part of it is ever shown, wherever it is written.
    pub(super) fn conceal(&self, diagnostics: &mut Diagnostics) {
        for span in self.document.tree.places(self.at) {
            diagnostics.secret(span);
        }
    }

    /// Returns the kind of the value for messages.
    fn kind_name(&self) -> &'static str {
        match self.kind() {
            Kind::Scalar(_) => "a single value",
            Kind::List(_) => "a list",
            Kind::Map(_) => "a mapping",
        }
    }

    pub(super) fn kind(&self) -> &'t Kind<'t> {
        self.document.tree.kind(self.at)
    }

    /// Returns the place to mark: all of a single value, the first byte of anything else.
    pub(super) fn mark(&self) -> Span {
        match self.as_scalar() {
            Some(_) => self.at.span,
            None => self.at.span.first(1),
        }
    }

    /// Returns the single value; `None` for a list or a mapping.
    pub(super) fn as_scalar(&self) -> Option<&'t Scalar<'t>> {
        match self.kind() {
            Kind::Scalar(scalar) => Some(scalar),
            Kind::List(_) | Kind::Map(_) => None,
        }
    }

    /// Reports a mistake in this value and returns `None`. `what` follows the name of the key in the message.
    pub(super) fn refuse<T>(
        &self,
        code: Code,
        what: impl Display,
        help: impl Into<String>,
        diagnostics: &mut Diagnostics,
    ) -> Option<T> {
        let message = format!("`{}` {what}", self.path);
        diagnostics.error(code, self.mark(), message).help(help);
        None
    }

    /// Whether this is a mapping without keys.
    pub(super) fn is_empty(&self) -> bool {
        matches!(self.kind(), Kind::Map(entries) if entries.is_empty())
    }

    /// Returns the value under a key without reporting anything; `None` if this is no mapping with that key.
    pub(super) fn find(&self, key: &str) -> Option<Self> {
        let Kind::Map(entries) = self.kind() else { return None };
        let (_, value) = entries.iter().find(|(name, _)| match self.document.tree.kind(*name) {
            Kind::Scalar(name) => name.text == key,
            Kind::List(_) | Kind::Map(_) => false,
        })?;
        Some(self.under(key, *value))
    }

    /// Returns the single value; `None` after reporting any other kind or an absent value. `wanted` describes the value
    /// for the help, such as "a duration such as `10s`".
    pub(super) fn scalar(&self, wanted: &str, diagnostics: &mut Diagnostics) -> Option<&'t Scalar<'t>> {
        let Some(scalar) = self.as_scalar() else {
            let what = format!("is {} where a single value belongs", self.kind_name());
            return self.refuse(Code::WrongType, what, format!("write {wanted}"), diagnostics);
        };
        if scalar.plain && scalar.text.is_empty() {
            let help = format!("write {wanted}, or leave the key out");
            return self.refuse(Code::NoValue, "has no value", help, diagnostics);
        }
        Some(scalar)
    }

    /// Reads the entries of a list, each with its index as its key; `None` after reporting any other kind or a mistake in
    /// an entry. `wanted` is the help.
    pub(super) fn list<T>(
        &self,
        wanted: &str,
        diagnostics: &mut Diagnostics,
        mut read: impl FnMut(&Self, &mut Diagnostics) -> Option<T>,
    ) -> Option<Vec<T>> {
        let Kind::List(entries) = self.kind() else {
            return self.refuse(Code::WrongType, "is not a list", wanted, diagnostics);
        };
        let entries = entries.iter().enumerate().map(|(at, entry)| {
            let entry = self.under(&at.to_string(), *entry);
            diagnostics.place(&entry.path, entry.mark());
            read(&entry, diagnostics)
        });
        // Every entry is parsed, so that all mistakes are reported at once.
        let entries: Vec<_> = entries.collect();
        entries.into_iter().collect()
    }

    /// Returns any text, quoted or not, as written; `None` after reporting an empty one.
    pub(super) fn text(&self, wanted: &str, diagnostics: &mut Diagnostics) -> Option<String> {
        let scalar = self.scalar(wanted, diagnostics)?;
        if scalar.text.trim().is_empty() {
            return self.refuse(Code::NoValue, "has no value", format!("write {wanted}"), diagnostics);
        }
        Some(scalar.text.clone().into_owned())
    }

    /// Returns the mapping with the given keys; `None` after reporting any other kind. Unknown, missing and repeated
    /// keys are reported.
    pub(super) fn mapping(&self, keys: &[Key], diagnostics: &mut Diagnostics) -> Option<Mapping<'t>> {
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
            let mut value = self.under(found.name, *value);
            value.key = Some(*found);
            diagnostics.place(&value.path, value.mark());
            known.push((found.name, key.span, value));
        }
        let head = entries.first().map_or(self.mark(), |(key, _)| key.span);
        for key in keys.iter().filter(|key| key.required) {
            if !known.iter().any(|(known, ..)| *known == key.name) {
                let message = format!("`{}` is missing", self.path_of(key.name));
                let example = key.example.unwrap_or_default();
                diagnostics
                    .error(Code::MissingKey, head, message)
                    .label("it belongs beside this key")
                    .help(format!("add `{}: {example}`", key.name));
            }
        }
        Some(Mapping { entries: known })
    }

    /// Returns all keys and values of a mapping; `None` after reporting any other kind. `keys` are for the help.
    pub(super) fn entries(&self, keys: &[Key], diagnostics: &mut Diagnostics) -> Option<&'t [(Child, Child)]> {
        if let Kind::Map(entries) = self.document.tree.kind(self.at) {
            return Some(entries);
        }
        let names: Vec<_> = keys.iter().map(|key| key.name).collect();
        let wanted = match names.as_slice() {
            [] => "write `CODE: CLASS` under it, such as `29005099: refuse`".to_owned(),
            [one] => format!("write `{one}:` under it"),
            [first, .., last] => format!("its keys belong under it, from `{first}` to `{last}`"),
        };
        if self
            .as_scalar()
            .is_some_and(|scalar| scalar.plain && scalar.text.is_empty())
        {
            return self.refuse(Code::NoValue, "has no value", wanted, diagnostics);
        }
        let message = format!(
            "{} is {} where a mapping of keys to values belongs",
            self.name(),
            self.kind_name()
        );
        diagnostics.error(Code::WrongType, self.mark(), message).help(wanted);
        None
    }

    /// Returns a key as text; `None` after reporting a key that is not.
    pub(super) fn key(&self, key: Child, diagnostics: &mut Diagnostics) -> Option<&'t str> {
        match self.document.tree.kind(key) {
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

    /// Returns the name of the mapping for messages.
    fn name(&self) -> String {
        if self.path.is_empty() {
            "a campaign file".into()
        } else {
            format!("`{}`", self.path)
        }
    }

    /// Reports a key that occurs before, at `first`.
    pub(super) fn repeated(&self, span: Span, name: &str, first: Span, diagnostics: &mut Diagnostics) {
        let line = diagnostics.line(first);
        let message = format!("`{}` stands there twice", self.path_of(name));
        let note = diagnostics.error(Code::RepeatedKey, span, message);
        note.help(format!("it stands first in line {line}: keep one of the two"));
    }

    fn unknown(&self, key: Child, name: &str, keys: &[Key], diagnostics: &mut Diagnostics) {
        let near = if diagnostics.crowded() {
            None
        } else {
            nearest(name, keys.iter().map(|key| key.name))
        };
        let help = if let Some(near) = near {
            format!("did you mean `{near}`?")
        } else {
            let names: Vec<_> = keys.iter().map(|key| format!("`{}`", key.name)).collect();
            format!("its keys are {}", names.join(", "))
        };
        let message = if near.is_none() && self.path == "credentials" {
            // The key may be the secret itself.
            diagnostics.secret(key.span);
            "`credentials` has no such key".to_owned()
        } else {
            format!("{} has no key {}", self.name(), quoted(name))
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
