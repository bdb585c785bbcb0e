//! Parses time zones by their IANA names. The zone database is built into the program, so a campaign means the same on
//! every machine.

use jiff::tz::{TimeZone, TimeZoneDatabase};
use schemars::{Schema, SchemaGenerator, json_schema};

use super::diagnostic::Code;
use super::diagnostics::Diagnostics;
use super::value::{Value, quoted};

/// The default time zone.
pub(super) const USUAL: &str = "Asia/Shanghai";

impl Value<'_> {
    /// Returns a time zone; `None` after reporting any other value.
    pub(super) fn zone(&self, diagnostics: &mut Diagnostics) -> Option<TimeZone> {
        const WANTED: &str = "the IANA name of a time zone, such as `Asia/Shanghai`";
        let text = &*self.scalar(WANTED, diagnostics)?.text;
        let zone = named(text);
        if zone.is_none() {
            let message = format!("`{}` is {}, which is no time zone", self.path, quoted(text));
            let help = near(text).map_or_else(|| format!("write {WANTED}"), |near| format!("write `{near}`"));
            diagnostics.error(Code::Zone, self.span(), message).help(help);
        }
        zone
    }
}

/// Returns the zone with exactly this name; `None` if the database does not have it.
pub(super) fn named(name: &str) -> Option<TimeZone> {
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
        return Some(USUAL.into());
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

pub(super) fn schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "string", "minLength": 1, "examples": ["Asia/Shanghai", "Asia/Tokyo", "UTC"]})
}
