//! Campaign files: parsed into types, with the place of every value, and all mistakes reported at once.
//!
//! Parsing has two steps. First the text becomes a tree of values with places, limited in size and depth. Then each
//! element (one file each, with its type, its parser and its schema) takes the keys that it knows from the tree and
//! reports mistakes in the rest. No key is ignored: it is read, or refused by name.
//!
//! A value that the file leaves out is absent here; [`crate::plan`] decides its meaning.

mod audience;
mod audience_source;
mod codes;
mod coupons;
mod credentials;
mod diagnostic;
mod diagnostics;
mod duration;
mod exclude;
mod halt;
mod hours;
mod keys;
mod load;
mod names;
mod number;
mod pace;
mod platform;
mod redact;
mod render;
mod retry;
mod schedule;
mod schema;
mod share;
mod source;
mod syntax;
mod time;
mod tree;
mod value;
mod waves;
mod zone;

use std::collections::BTreeMap;
use std::path::Path;

use jiff::tz::TimeZone;

use crate::model::outcome::Class;

pub use audience::{Audience, Order};
pub use audience_source::{Csv, Delimiter, Encoding, Files, Format, Jsonl, Parquet, Server, Source, Sqlite, Stdin};
pub use coupons::Coupons;
pub use credentials::Credentials;
pub use diagnostic::{Code, Diagnostic, Excerpt, Place, Severity};
pub use exclude::Exclude;
pub use halt::{Guard, Halt};
pub use load::{MOST_BYTES, load};
pub use names::Names;
pub use pace::Pace;
pub use platform::{BaseUrl, BaseUrlError, Platform};
pub use render::render_human;
pub use retry::{InDoubt, Retry};
pub use schedule::Schedule;
pub use schema::schema;
pub use share::written as share_written;
pub use waves::Wave;

/// The defaults for what the file leaves out.
pub mod defaults {
    pub use super::audience::MAX_UNUSABLE;
    pub use super::audience_source::OPEN_ID;
    pub use super::coupons::COUPONS_PER_USER;
    pub use super::halt::{HELD, REFUSED, SAME_CODE};
    pub use super::pace::{MAX_IN_FLIGHT, PER_SECOND};
    pub use super::platform::BASE_URL;
    pub use super::retry::{ATTEMPTS, FIRST_DELAY, GIVE_UP, MAX_DELAY, RESEND_WITHIN, TIMEOUT};
}

use diagnostics::Diagnostics;
use keys::Key;
use source::{Counted, Lines, Span};
use value::{Mapping, Value, Whole};

const KEYS: &[Key] = &[
    Key::required("version", "1"),
    Key::required("campaign", "summer-2026"),
    Key::optional("title"),
    Key::required("app_id", "ttec789ac573xxxxxx01"),
    Key::required("activity_id", "\"7218071234565644204\""),
    Key::optional("timezone"),
    Key::optional("coupons_per_user"),
    Key::optional("max_coupons"),
    Key::optional("credentials"),
    Key::required("audience", "{source: {csv: {path: audience.csv, open_id: open_id}}}"),
    Key::optional("schedule"),
    Key::optional("pace"),
    Key::optional("retry"),
    Key::optional("halt"),
    Key::optional("codes"),
    Key::optional("platform"),
];

const VERSION: Whole = Whole { least: 1, most: 1 };

/// A campaign as its file describes it. A value that the file leaves out is `None`; the plan decides its meaning.
#[derive(Clone, Debug, PartialEq)]
pub struct Campaign {
    /// The names of the campaign, the app and the activity.
    pub names: Names,
    /// The time zone of every time in the file, and of times without a zone in the audience.
    pub timezone: TimeZone,
    /// The numbers of coupons.
    pub coupons: Coupons,
    /// The references to the secrets; a rehearsal needs none.
    pub credentials: Option<Credentials>,
    /// The users that receive coupons.
    pub audience: Audience,
    /// The times at which sending is allowed.
    pub schedule: Schedule,
    /// The rate of attempts.
    pub pace: Pace,
    /// The rules for retries and resends.
    pub retry: Retry,
    /// The rules that halt a run.
    pub halt: Halt,
    /// The classes of platform codes; they take precedence over the built-in table.
    pub codes: BTreeMap<i64, Class>,
    /// The platform's address.
    pub platform: Platform,
}

/// A campaign file without errors.
pub struct Parsed {
    /// The campaign.
    pub campaign: Campaign,
    /// The warnings, sorted by place.
    pub warnings: Vec<Diagnostic>,
    file: String,
    shown: String,
    lines: Lines,
    places: BTreeMap<String, Span>,
}

impl Parsed {
    /// Returns the file's name, as given.
    #[must_use]
    pub fn file(&self) -> &str {
        &self.file
    }

    /// Creates a diagnostic for a mistake that is found later, such as a missing audience file, at the place of a key
    /// such as `audience.source.csv.path`. If the file does not have the key, the diagnostic is about the whole file.
    #[must_use]
    pub fn mistake(&self, key: &str, code: Code, message: String, help: Option<String>) -> Diagnostic {
        let span = self.places.get(key).copied();
        let excerpt = span.map(|span| {
            let (text, mark) = self.lines.excerpt(&self.shown, span);
            let label = String::new();
            Excerpt { text, mark, label }
        });
        Diagnostic {
            severity: Severity::Error,
            code,
            message,
            file: self.file.clone(),
            place: span.map(|span| self.lines.place(&self.shown, span, &mut Counted::default())),
            cause: None,
            help,
            excerpt,
        }
    }
}

/// Parses the bytes of a campaign file. `file` is its name for messages; relative paths in it begin at its folder.
/// Files that it names are not read.
///
/// # Errors
/// All mistakes and warnings, sorted by place.
pub fn parse(file: &Path, bytes: &[u8]) -> Result<Parsed, Vec<Diagnostic>> {
    let name = file.display().to_string();
    let text = load::text(&name, bytes)?;
    let mut diagnostics = Diagnostics::new(text);
    let folder = file.parent().unwrap_or(Path::new(""));
    let campaign = tree::read(text, &mut diagnostics)
        .and_then(|(tree, root)| read(&Value::root(&tree, root), folder, &mut diagnostics));
    match campaign {
        Some(campaign) if !diagnostics.refuse() => {
            let places = diagnostics.take_places();
            let shown = diagnostics.cover(text);
            let warnings = diagnostics.finish(&name, text);
            Ok(Parsed {
                campaign,
                warnings,
                file: name,
                shown,
                lines: Lines::new(text),
                places,
            })
        }
        _ => Err(diagnostics.finish(&name, text)),
    }
}

fn read(root: &Value<'_>, folder: &Path, diagnostics: &mut Diagnostics) -> Option<Campaign> {
    let file = root.mapping(KEYS, diagnostics)?;
    version(&file, diagnostics);
    let names = Names::read(&file, diagnostics);
    let zone = match file.get("timezone") {
        Some(value) => value.zone(diagnostics),
        None => zone::named(zone::USUAL),
    };
    let coupons = Coupons::read(&file, diagnostics);
    let credentials = file
        .get("credentials")
        .and_then(|value| Credentials::read(value, folder, diagnostics));
    let audience = file
        .get("audience")
        .and_then(|value| Audience::read(value, folder, diagnostics));
    let schedule = file
        .get("schedule")
        .and_then(|value| Schedule::read(value, zone.as_ref(), diagnostics));
    let pace = file.get("pace").and_then(|value| Pace::read(value, diagnostics));
    let retry = file.get("retry").and_then(|value| Retry::read(value, diagnostics));
    let halt = file.get("halt").and_then(|value| Halt::read(value, diagnostics));
    let codes = file.get("codes").and_then(|value| codes::read(value, diagnostics));
    let platform = file
        .get("platform")
        .and_then(|value| Platform::read(value, diagnostics));
    Some(Campaign {
        names: names?,
        timezone: zone?,
        coupons,
        credentials,
        audience: audience?,
        schedule: schedule.unwrap_or_default(),
        pace: pace.unwrap_or_default(),
        retry: retry.unwrap_or_default(),
        halt: halt.unwrap_or_default(),
        codes: codes.unwrap_or_default(),
        platform: platform.unwrap_or_default(),
    })
}

/// Checks the version of the file's format.
fn version(file: &Mapping<'_>, diagnostics: &mut Diagnostics) {
    let Some(value) = file.get("version") else { return };
    let Some(scalar) = value.scalar("`1`", diagnostics) else {
        return;
    };
    if !(scalar.plain && scalar.text == "1") {
        let message = format!(
            "`version` is {}; this runner reads version 1",
            value::as_written(scalar)
        );
        diagnostics.error(Code::Number, value.span(), message).help("write `1`");
    }
}
