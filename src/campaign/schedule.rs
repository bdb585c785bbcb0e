//! When something may be sent.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use schemars::JsonSchema;

use super::diagnostic::Code;
use super::keys::{Complete, Key};
use super::notes::Notes;
use super::time;
use super::value::Value;

pub(super) const KEYS: &[Key] = &[
    Key::optional("start"),
    Key::optional("end"),
    Key::not_yet("hours"),
    Key::not_yet("closed"),
    Key::not_yet("waves"),
];

/// When something may be sent: not before the start, nothing at or after the end, resends included.
#[derive(Clone, Debug, Default, PartialEq, Eq, JsonSchema)]
#[schemars(deny_unknown_fields, transform = Complete(KEYS))]
pub struct Schedule {
    /// Nothing is sent before.
    #[schemars(schema_with = "time::schema")]
    pub start: Option<Timestamp>,
    /// Nothing starts at this time or later, retries and resends included.
    #[schemars(schema_with = "time::schema")]
    pub end: Option<Timestamp>,
}

impl Schedule {
    /// `zone` is none when the file's own cannot be read; times are then checked by their form alone.
    pub(super) fn read(value: &Value<'_>, zone: Option<&TimeZone>, notes: &mut Notes) -> Option<Self> {
        let map = value.mapping(KEYS, notes)?;
        let start = map.get("start").and_then(|value| value.time(zone, notes));
        let end = map.get("end").and_then(|value| value.time(zone, notes));
        if let (Some(from), Some(to), Some(value)) = (start, end, map.get("end"))
            && to <= from
        {
            let how = if to == from {
                "is the start"
            } else {
                "is before the start"
            };
            let note = notes.error(
                Code::Contradiction,
                value.span(),
                format!("`{}` {how}: nothing could ever be sent", value.path),
            );
            note.help("write an end that is later than `schedule.start`");
        }
        Some(Self { start, end })
    }
}
