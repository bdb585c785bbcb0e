//! Parses time zones by their IANA names. The zone database is built into the program, so a campaign means the same on
//! every machine.

use jiff::tz::{TimeZone, TimeZoneDatabase};
use schemars::{Schema, SchemaGenerator, json_schema};
use serde_json::Value as Json;

use crate::catalogue::campaign as text;

use super::diagnostic::Code;
use super::diagnostics::Diagnostics;
use super::keys::KeyType;
use super::value::{Value, quoted};

const DEFAULT: &str = "Asia/Shanghai";

/// The IANA name of a time zone.
pub(super) struct Zone;

impl KeyType<TimeZone> for Zone {
    fn read(&self, value: &Value<'_>, diagnostics: &mut Diagnostics) -> Option<TimeZone> {
        let written = &*value.scalar(&text::WantZone, diagnostics)?.text;
        named(written).or_else(|| {
            let message = text::NotZone {
                path: &value.path,
                value: &quoted(written),
            };
            let help = near(written).map_or_else(
                || {
                    text::Write {
                        wanted: &text::WantZone,
                    }
                    .to_string()
                },
                |near| text::WriteValue { value: &near }.to_string(),
            );
            value.refuse(Code::Zone, message, help, diagnostics)
        })
    }

    fn schema(&self, _: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "minLength": 1, "examples": ["Asia/Shanghai", "Asia/Tokyo", "UTC"]})
    }

    fn write(&self, zone: &TimeZone) -> Option<Json> {
        zone.iana_name().map(Into::into)
    }
}

pub(super) fn default() -> TimeZone {
    named(DEFAULT).unwrap_or(TimeZone::UTC)
}

/// Returns the zone of a file; `None` if it names a zone that does not exist.
pub(super) fn of_file(root: &Value<'_>) -> Option<TimeZone> {
    match root.find("timezone") {
        Some(value) => named(&value.as_scalar()?.text),
        None => Some(default()),
    }
}

/// Returns the zone with exactly this name; `None` if the database does not have it.
fn named(name: &str) -> Option<TimeZone> {
    let zone = TimeZoneDatabase::bundled().get(name).ok()?;
    (zone.iana_name() == Some(name)).then_some(zone)
}

/// Returns the zone that was probably meant: another case, a city alone, a misspelling, or an informal name of China's
/// time; `None` if no zone is close.
fn near(text: &str) -> Option<String> {
    if text.len() > 40 {
        return None;
    }
    let folded = text.trim().to_lowercase().replace(' ', "_");
    let china = [
        "beijing",
        "asia/beijing",
        "peking",
        "shanghai",
        "china",
        "cst",
        "utc+8",
        "utc+08:00",
        "gmt+8",
        "gmt+08:00",
        "+08:00",
        "+8",
        "+0800",
        "北京",
        "北京时间",
        "上海",
        "中国",
        "asia/shenzhen",
        "asia/guangzhou",
    ];
    if china.contains(&folded.as_str()) {
        return Some(DEFAULT.into());
    }
    let database = TimeZoneDatabase::bundled();
    let names = database.available().map(|name| name.to_string());
    let scored = names.filter_map(|name| {
        let lower = name.to_lowercase();
        let city = lower.rsplit('/').next().unwrap_or_default();
        let distance = strsim::osa_distance(&folded, &lower).min(strsim::osa_distance(&folded, city));
        (distance <= 1 + folded.chars().count() / 6).then_some((distance, name))
    });
    scored.min().map(|(_, name)| name)
}
