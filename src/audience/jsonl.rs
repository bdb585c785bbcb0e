//! Audiences in files of JSON objects, one per line.
//!
//! Only the wanted values are parsed, and numbers are kept as text: no number type of a JSON library holds an open_id
//! of thirty digits.

use std::borrow::Cow;
use std::fmt;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use serde::de::{DeserializeSeed, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer as _};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use super::AudienceError;
use super::activity::ActivityParser;
use super::batch::{Activity, usable};
use super::columns::Columns;
use super::error::nearest;
use super::input::{Input, Text};
use super::quote_validator::{Found, LONGEST_ROW};
use super::row_sink::{RowSink, RowSource};
use super::syntax_error::{BYTE_ORDER_MARK, SaveAs, SyntaxError, is_utf16};
use crate::model::event::{PlaceUnit, UnusableKind};

const BUFFER: usize = 128 << 10;

/// JSON objects, one a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JsonlSource {
    /// The files, or stdin.
    pub input: Input,
    /// The keys to read. Dots in a name lead into objects.
    pub columns: Columns,
}

impl RowSource for JsonlSource {
    fn read_rows(&self, out: &mut RowSink) -> Result<(), AudienceError> {
        let columns = &self.columns;
        let activity = ActivityParser::new(columns);
        let path = |name: &str| name.trim().split('.').map(str::to_owned).collect::<Vec<_>>();
        let open_id = path(&columns.open_id);
        let last_active = columns.last_active.as_deref().map(path);
        let wanted = Wanted {
            open_id: Some(&open_id),
            last_active: last_active.as_deref(),
        };
        self.input.each(|text| {
            out.begin(&text.name, PlaceUnit::Line);
            let mut lines = Lines::new(text);
            let path = lines.path.clone();
            let mut keys = Keys::default();
            while let Some((number, line)) = lines.next()? {
                let found = wanted.find(line).map_err(|why| lines_flaw(&path, number, line, &why))?;
                keys.add(&found, number, line);
                let id = found.open_id.as_deref().map_err(|kind| *kind);
                let id = id.and_then(|text| usable(text, columns.open_id.trim()));
                let text = found.last_active.as_deref();
                let active = text.map_or(Activity::Unknown, |text| activity.text(text));
                out.row(number, id, active)?;
            }
            keys.check(columns, &path)?;
            let (bytes, hash) = lines.finish();
            out.end(bytes, hash)
        })
    }
}

fn lines_flaw(path: &Path, line: u64, text: &[u8], why: &serde_json::Error) -> AudienceError {
    let flaw = if line == 1 && is_utf16(text) {
        let save_as = SaveAs::Utf8;
        SyntaxError::Utf16 { save_as }
    } else if text.contains(&0) {
        SyntaxError::Nul
    } else if std::str::from_utf8(text).is_err() {
        SyntaxError::NotUtf8
    } else if why.is_eof() {
        SyntaxError::CutJson
    } else if text.trim_ascii_start().starts_with(b"[") {
        SyntaxError::JsonArray
    } else if text.trim_ascii_start().starts_with(b"{") {
        SyntaxError::NotJson { column: why.column() }
    } else {
        SyntaxError::NoObject
    };
    let path = path.into();
    AudienceError::Malformed { path, line, flaw }
}

/// Which of the wanted keys a file has.
#[derive(Default)]
struct Keys {
    /// The first object, with its line.
    first: Option<(u64, Vec<u8>)>,
    has_open_id: bool,
    has_last_active: bool,
}

impl Keys {
    fn add(&mut self, found: &Picked<'_>, number: u64, line: &[u8]) {
        self.first.get_or_insert_with(|| (number, line.to_vec()));
        self.has_open_id |= found.has_open_id;
        self.has_last_active |= found.has_last_active;
    }

    /// Refuses a file in which no object has the key of the open_ids. The other key may be absent everywhere, unless the
    /// first object has one with the same letters.
    fn check(self, columns: &Columns, path: &Path) -> Result<(), AudienceError> {
        let Some((line, first)) = self.first else { return Ok(()) };
        let mut found = Vec::new();
        if let Ok(object) = serde_json::from_slice(&first) {
            list_keys("", &object, &mut found);
        }
        let missing = |key: &str| {
            let key = key.trim().to_owned();
            AudienceError::NoKey {
                path: path.into(),
                line,
                nearest: nearest(&key, &found),
                key,
                found: found.clone(),
            }
        };
        match &columns.last_active {
            _ if !self.has_open_id => Err(missing(&columns.open_id)),
            Some(key) if !self.has_last_active && found.iter().any(|found| is_spelled_like(found, key)) => {
                Err(missing(key))
            }
            _ => Ok(()),
        }
    }
}

/// Whether two keys have the same letters and digits: `lastActive` and `last_active`.
fn is_spelled_like(a: &str, b: &str) -> bool {
    let letters = |key: &str| {
        key.chars()
            .filter(|c| c.is_alphanumeric())
            .collect::<String>()
            .to_lowercase()
    };
    letters(a) == letters(b)
}

/// Lists the keys of an object, and those of the objects within it with dots between them.
fn list_keys(prefix: &str, object: &serde_json::Value, keys: &mut Vec<String>) {
    let serde_json::Value::Object(entries) = object else {
        return;
    };
    for (key, value) in entries {
        let key = format!("{prefix}{key}");
        if value.is_object() {
            list_keys(&format!("{key}."), value, keys);
        } else {
            keys.push(key);
        }
    }
}

/// The lines of a text, hashed and limited in length.
struct Lines<'t> {
    path: std::path::PathBuf,
    text: BufReader<&'t mut Text>,
    line: Vec<u8>,
    number: u64,
    bytes: u64,
    hash: Sha256,
}

impl<'t> Lines<'t> {
    fn new(text: &'t mut Text) -> Self {
        Self {
            path: text.path.clone(),
            text: BufReader::with_capacity(BUFFER, text),
            line: Vec::new(),
            number: 0,
            bytes: 0,
            hash: Sha256::new(),
        }
    }

    /// Returns the next line that is not blank, with its number; `None` at the end.
    fn next(&mut self) -> Result<Option<(u64, &[u8])>, AudienceError> {
        let most = LONGEST_ROW as u64 + 1;
        loop {
            self.line.clear();
            let read = Read::by_ref(&mut self.text)
                .take(most)
                .read_until(b'\n', &mut self.line);
            let read = read.map_err(|error| AudienceError::new(&self.path, error).behind(self.number))?;
            if read == 0 {
                return Ok(None);
            }
            self.number += 1;
            if self.line.len() > LONGEST_ROW {
                let line = self.number;
                let flaw = SyntaxError::TooLong;
                return Err(AudienceError::new(
                    &self.path,
                    std::io::Error::other(Found { line, flaw }),
                ));
            }
            self.bytes += read as u64;
            self.hash.update(&self.line);
            let marked = self.number == 1 && self.line.starts_with(BYTE_ORDER_MARK);
            let begin = if marked { BYTE_ORDER_MARK.len() } else { 0 };
            if self.line.get(begin..).is_some_and(|line| !line.trim_ascii().is_empty()) {
                return Ok(self.line.get(begin..).map(|line| (self.number, line)));
            }
        }
    }

    fn finish(self) -> (u64, [u8; 32]) {
        (self.bytes, self.hash.finalize().into())
    }
}

/// The wanted values, with the rest of the path to each.
#[derive(Clone, Copy)]
struct Wanted<'p> {
    open_id: Option<&'p [String]>,
    last_active: Option<&'p [String]>,
}

/// The values that were found.
#[derive(Debug)]
struct Picked<'t> {
    /// The text of a string or a whole number, or the reason why it is unusable.
    open_id: Result<Cow<'t, str>, UnusableKind>,
    /// The text of a string, or any other value as written; `None` without a value.
    last_active: Option<Cow<'t, str>>,
    /// Whether the object has the key, with any value.
    has_open_id: bool,
    has_last_active: bool,
}

impl<'p> Wanted<'p> {
    fn find(self, line: &[u8]) -> Result<Picked<'_>, serde_json::Error> {
        let mut picked = Picked {
            open_id: Err(UnusableKind::Missing),
            last_active: None,
            has_open_id: false,
            has_last_active: false,
        };
        let mut json = serde_json::Deserializer::from_slice(line);
        json.deserialize_map(Into {
            wanted: self,
            picked: &mut picked,
        })?;
        json.end()?;
        Ok(picked)
    }

    /// Returns the values that are wanted under `key`.
    fn under(self, key: &str) -> Self {
        let step = |path: Option<&'p [String]>| {
            path?
                .split_first()
                .filter(|(first, _)| *first == key)
                .map(|(_, rest)| rest)
        };
        Self {
            open_id: step(self.open_id),
            last_active: step(self.last_active),
        }
    }
}

/// Visits the entries of an object.
struct Into<'p, 'f, 't> {
    wanted: Wanted<'p>,
    picked: &'f mut Picked<'t>,
}

impl<'t> Visitor<'t> for Into<'_, '_, 't> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'t>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<Key<'t>>()? {
            let wanted = self.wanted.under(&key.0);
            if wanted.open_id.is_none() && wanted.last_active.is_none() {
                map.next_value::<IgnoredAny>()?;
            } else {
                map.next_value_seed(Into {
                    wanted,
                    picked: &mut *self.picked,
                })?;
            }
        }
        Ok(())
    }
}

impl<'t> DeserializeSeed<'t> for Into<'_, '_, 't> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'t>>(self, json: D) -> Result<(), D::Error> {
        let raw = <&RawValue>::deserialize(json)?;
        let Self { wanted, picked } = self;
        let mut deeper = wanted;
        if wanted.open_id.is_some_and(<[_]>::is_empty) {
            picked.open_id = value(raw.get());
            picked.has_open_id = true;
            deeper.open_id = None;
        }
        if wanted.last_active.is_some_and(<[_]>::is_empty) {
            picked.has_last_active = true;
            picked.last_active = match value(raw.get()) {
                Ok(text) => Some(text),
                Err(UnusableKind::Missing) => None,
                Err(_) => Some(Cow::Borrowed(raw.get())),
            };
            deeper.last_active = None;
        }
        if deeper.open_id.is_none() && deeper.last_active.is_none() {
            return Ok(());
        }
        if !raw.get().starts_with('{') {
            // Only an object has deeper values.
            return Ok(());
        }
        serde_json::Deserializer::from_str(raw.get())
            .deserialize_map(Into { wanted: deeper, picked })
            .map_err(serde::de::Error::custom)
    }
}

/// A key, copied only if it has escapes.
#[derive(Deserialize)]
struct Key<'t>(#[serde(borrow)] Cow<'t, str>);

/// Returns the text of a string or of a whole number.
fn value(raw: &str) -> Result<Cow<'_, str>, UnusableKind> {
    match raw.as_bytes() {
        b"null" => Err(UnusableKind::Missing),
        [b'"', inner @ .., b'"'] if !inner.contains(&b'\\') => raw
            .get(1..raw.len() - 1)
            .map(Cow::Borrowed)
            .ok_or(UnusableKind::NotText),
        [b'"', ..] => serde_json::from_str(raw)
            .map(Cow::Owned)
            .map_err(|_| UnusableKind::NotText),
        [b'-' | b'0'..=b'9', rest @ ..] if rest.iter().all(u8::is_ascii_digit) => Ok(Cow::Borrowed(raw)),
        _ => Err(UnusableKind::WrongType),
    }
}
