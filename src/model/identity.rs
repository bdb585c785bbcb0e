//! Permanent names: campaign, app, activity, user. Each is validated once, when it is parsed.

use std::fmt;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use unicode_normalization::{UnicodeNormalization, is_nfc};
use url::{Host, Url};

use crate::catalogue::model;

/// The rule that a name breaks. The message states the rule; the caller adds the place of the text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// The text is empty.
    #[error("{}", model::NameEmpty)]
    Empty,
    /// The text is longer than allowed.
    #[error("{}", model::NameTooLong { actual: *actual as u64, unit, most: *most as u64 })]
    TooLong {
        /// The length of the text.
        actual: usize,
        /// The longest length that is allowed.
        most: usize,
        /// The unit of both lengths.
        unit: &'static str,
    },
    /// The text has a character that is not allowed.
    #[error("{}", model::NameCharacter { found: &format!("{found:?}"), name })]
    Character {
        /// The first such character.
        found: char,
        /// The kind of name, which says what is allowed: `campaign`, `app-id`, `activity-id`, `coupon-meta-id` or
        /// `open-id`.
        name: &'static str,
    },
    /// The text is not in NFC: other bytes may look the same.
    #[error("{}", model::NameNotComposed)]
    NotComposed,
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $parse:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Box<str>);

        impl $name {
            /// The name as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl TryFrom<String> for $name {
            type Error = NameError;
            fn try_from(text: String) -> Result<Self, NameError> {
                Self::$parse(&text)
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> String {
                name.0.into()
            }
        }
    };
}

name! {
    /// A campaign's permanent identity, part of every `merchant_coupon_id`: letters of any script in NFC and lower
    /// case, digits and `-`, 1 to 64 bytes. An occurrence of a recurring campaign has a date after it: `tea@2026-06-01`.
    CampaignName, parse_kept
}
name! {
    /// A mini-app's id: letters, digits, `-` and `_`, 1 to 64 bytes.
    AppId, parse
}
name! {
    /// An activity's id: 1 to 32 decimal digits. It is kept as text because a float would round it.
    ActivityId, parse
}
name! {
    /// The id of a coupon template: 1 to 32 decimal digits, kept as text like an [`ActivityId`].
    CouponMetaId, parse
}
name! {
    /// A user's id within one mini-app, an opaque text: 1 to 128 printable characters without spaces.
    OpenId, parse
}

fn bounded(text: &str, most: usize, unit: &'static str, length: usize) -> Result<(), NameError> {
    if text.is_empty() {
        return Err(NameError::Empty);
    }
    if length > most {
        return Err(NameError::TooLong {
            actual: length,
            most,
            unit,
        });
    }
    Ok(())
}

fn only(text: &str, name: &'static str, allowed: impl Fn(char) -> bool) -> Result<(), NameError> {
    match text.chars().find(|c| !allowed(*c)) {
        Some(found) => Err(NameError::Character { found, name }),
        None => Ok(()),
    }
}

/// The character before the date in the name of an occurrence. No name in a file has it.
const BEFORE_DATE: char = '@';

impl CampaignName {
    /// Parses the name that a campaign file gives. It is never the name of an occurrence.
    ///
    /// # Errors
    /// If the text breaks the rule of [`CampaignName`].
    pub fn parse(text: &str) -> Result<Self, NameError> {
        bounded(text, 64, "bytes", text.len())?;
        if !is_nfc(text) {
            return Err(NameError::NotComposed);
        }
        only(text, "campaign", |c| {
            !is_ignorable(c) && (c == '-' || c.is_numeric() || is_lower_case(c) || is_mark(c))
        })?;
        Ok(Self(text.into()))
    }

    /// Parses the name of a ledger: one that a file gives, or that of an occurrence.
    ///
    /// # Errors
    /// If the text is neither.
    pub fn parse_kept(text: &str) -> Result<Self, NameError> {
        let Some((name, written)) = text.split_once(BEFORE_DATE) else {
            return Self::parse(text);
        };
        let name = Self::parse(name)?;
        let date = written.parse().ok().map(|date| name.occurrence(date));
        let is_same = |name: &Self| name.as_str() == text && written.len() == "2026-06-01".len();
        date.filter(is_same).ok_or(NameError::Character {
            found: BEFORE_DATE,
            name: "campaign",
        })
    }

    /// Returns the name of the occurrence on a date.
    #[must_use]
    pub fn occurrence(&self, date: Date) -> Self {
        Self(format!("{}{BEFORE_DATE}{date}", self.series()).into())
    }

    /// Returns the date of an occurrence. `None` for any other campaign.
    #[must_use]
    pub fn date(&self) -> Option<Date> {
        self.0.split_once(BEFORE_DATE)?.1.parse().ok()
    }

    /// Returns the name that the campaign file gives: that of an occurrence without its date.
    #[must_use]
    pub fn series(&self) -> &str {
        self.0.split_once(BEFORE_DATE).map_or(&self.0, |(name, _)| name)
    }

    /// Proposes the nearest name that is allowed; `None` if no character of the text can be kept.
    #[must_use]
    pub fn nearest(text: &str) -> Option<Self> {
        let folded: String = text
            .nfc()
            .flat_map(char::to_lowercase)
            .map(|c| {
                if c.is_whitespace() || matches!(c, '_' | '.' | BEFORE_DATE) {
                    '-'
                } else {
                    c
                }
            })
            .nfc()
            .filter(|c| Self::parse(c.encode_utf8(&mut [0; 4])).is_ok())
            .collect();
        Self::parse(folded.trim_matches('-')).ok()
    }
}

/// Letters, and letters of scripts without upper case.
fn is_lower_case(c: char) -> bool {
    c.is_alphabetic() && c.to_lowercase().eq([c])
}

/// Combining marks, which some scripts need in every word, such as the vowel signs of Devanagari.
fn is_mark(c: char) -> bool {
    unicode_normalization::char::is_combining_mark(c)
}

impl AppId {
    /// Parses an app's id.
    ///
    /// # Errors
    /// If the text breaks the rule of [`AppId`].
    pub fn parse(text: &str) -> Result<Self, NameError> {
        only(text, "app-id", |c| c.is_ascii_alphanumeric() || c == '-' || c == '_')?;
        bounded(text, 64, "bytes", text.len())?;
        Ok(Self(text.into()))
    }
}

impl ActivityId {
    /// Parses an activity's id.
    ///
    /// # Errors
    /// If the text is not 1 to 32 decimal digits.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        // The bytes of other characters would be counted as digits.
        only(text, "activity-id", |c| c.is_ascii_digit())?;
        bounded(text, 32, "digits", text.len())?;
        Ok(Self(text.into()))
    }
}

impl ActivityId {
    /// The id of an activity that does not exist yet, in a plan and in a simulation. The platform gives no such id, and
    /// nothing is sent under it.
    #[must_use]
    pub fn not_created() -> Self {
        Self("0".into())
    }

    /// Returns the id as a person reads it.
    #[must_use]
    pub fn shown(&self) -> String {
        if self.is_not_created() {
            return model::ActivityNotCreated.to_string();
        }
        self.to_string()
    }

    /// Whether it is the id of an activity that does not exist yet.
    #[must_use]
    pub fn is_not_created(&self) -> bool {
        *self.0 == *"0"
    }
}

impl CouponMetaId {
    /// Parses the id of a coupon template.
    ///
    /// # Errors
    /// If the text is not 1 to 32 decimal digits.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        only(text, "coupon-meta-id", |c| c.is_ascii_digit())?;
        bounded(text, 32, "digits", text.len())?;
        Ok(Self(text.into()))
    }
}

impl OpenId {
    /// The longest open_id, in characters.
    pub const MOST_CHARACTERS: usize = 128;

    /// Parses a user's id after trimming white space.
    ///
    /// # Errors
    /// If the text breaks the rule of [`OpenId`].
    pub fn parse(text: &str) -> Result<Self, NameError> {
        Self::check(text).map(|text| Self(text.into()))
    }

    /// Checks a user's id and returns it trimmed. It does not allocate: an audience has millions of ids, and most of
    /// them are already known.
    ///
    /// # Errors
    /// If the text breaks the rule of [`OpenId`].
    pub fn check(text: &str) -> Result<&str, NameError> {
        // Without an early end, the processor checks many characters at a time.
        let is_graphic = || text.bytes().fold(true, |all, byte| all & byte.is_ascii_graphic());
        if (1..=Self::MOST_CHARACTERS).contains(&text.len()) && is_graphic() {
            return Ok(text);
        }
        let text = text.trim();
        bounded(text, Self::MOST_CHARACTERS, "characters", text.chars().count())?;
        only(text, "open-id", is_printable)?;
        Ok(text)
    }
}

/// Whether a reader who compares two lists sees the character. Controls, spaces, and invisible characters that change
/// the direction or the look of the text are not printable.
fn is_printable(c: char) -> bool {
    !(c.is_control()
        || c.is_whitespace()
        || matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff0}'..='\u{fffb}'))
}

/// Whether Unicode lets a program show nothing for the character, at every place: the property
/// `Default_Ignorable_Code_Point`.
#[must_use]
pub const fn is_ignorable(c: char) -> bool {
    matches!(
        c,
        '\u{ad}'
            | '\u{34f}'
            | '\u{61c}'
            | '\u{115f}'..='\u{1160}'
            | '\u{17b4}'..='\u{17b5}'
            | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}'
            | '\u{ffa0}'
            | '\u{fff0}'..='\u{fff8}'
            | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}'
    )
}

/// Whether a URL points to a loopback address of this machine.
#[must_use]
pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// The platform that a ledger belongs to. Every rehearsal has the name `sandbox`, whatever its port, so a rehearsal
/// never marks a real delivery.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PlatformName {
    /// The fake platform of a rehearsal.
    FakePlatform,
    /// A platform that gives coupons: its base URL without a trailing slash. A loopback address may be a sidecar or a
    /// tunnel to the real platform.
    Live(String),
}

impl PlatformName {
    /// Whether it is a live platform on a loopback address of this machine.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        match self {
            Self::FakePlatform => false,
            Self::Live(base_url) => Url::parse(base_url).is_ok_and(|url| is_loopback(&url)),
        }
    }
}

impl fmt::Display for PlatformName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::FakePlatform => f.write_str("sandbox"),
            Self::Live(base_url) => f.write_str(base_url),
        }
    }
}

/// The identity of a ledger: one campaign of one app on one platform.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// The campaign's name.
    pub campaign: CampaignName,
    /// The app whose users receive the coupons.
    pub app_id: AppId,
    /// The platform that issues the coupons.
    pub platform: PlatformName,
}

impl Identity {
    /// Reads an identity that a manifest or a record has kept. `None` if a name is not valid.
    #[must_use]
    pub fn parse_kept(campaign: &str, app_id: &str, platform: &str) -> Option<Self> {
        Some(Self {
            campaign: CampaignName::parse_kept(campaign).ok()?,
            app_id: AppId::parse(app_id).ok()?,
            platform: if platform == PlatformName::FakePlatform.to_string() {
                PlatformName::FakePlatform
            } else {
                PlatformName::Live(platform.to_owned())
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_keep_their_rules() {
        for good in ["summer-2026", "奶茶", "été", "a", "हिन्दी"] {
            assert_eq!(CampaignName::parse(good).map(|n| n.to_string()), Ok(good.to_owned()));
        }
        for bad in [
            "",
            "Summer",
            "a b",
            "a/b",
            "..",
            "e\u{301}te",
            "a\u{fe0f}",
            "a\u{3164}",
            "a\u{34f}b",
            &"a".repeat(65),
        ] {
            assert!(CampaignName::parse(bad).is_err(), "{bad:?}");
        }
        assert!(AppId::parse("tt_1-A").is_ok() && AppId::parse("tt.1").is_err());
        assert!(ActivityId::parse("0071").is_ok() && ActivityId::parse("7e3").is_err());
        for bad in ["", "  ", "a b", "a\u{202e}b", "a\0", "\u{feff}x", &"x".repeat(129)] {
            assert!(OpenId::parse(bad).is_err(), "{bad:?}");
        }
        assert_eq!(
            OpenId::parse(" Cv4PoJXaTPn63rNu\t").map(|o| o.to_string()),
            Ok("Cv4PoJXaTPn63rNu".into())
        );
    }

    #[test]
    fn the_name_of_an_occurrence_is_none_that_a_file_can_give() {
        let date = jiff::civil::date(2026, 6, 1);
        let longest = "a".repeat(64);
        for name in ["summer-2026", "奶茶", &longest] {
            let name = CampaignName::parse(name).unwrap();
            let occurrence = name.occurrence(date);
            assert_eq!(occurrence.as_str(), format!("{name}@2026-06-01"));
            assert_eq!((occurrence.series(), occurrence.date()), (name.as_str(), Some(date)));
            assert_eq!((name.series(), name.date()), (name.as_str(), None));
            assert!(CampaignName::parse(occurrence.as_str()).is_err());
            assert_eq!(CampaignName::parse_kept(occurrence.as_str()), Ok(occurrence.clone()));
            assert_eq!(CampaignName::try_from(occurrence.to_string()), Ok(occurrence));
        }
        for bad in [
            "@2026-06-01",
            "a@",
            "a@2026-6-1",
            "a@2026-06-31",
            "a@20260601",
            "a@2026-06-01T10:00",
            "a@2026-06-01@2026-06-01",
            "a@-002026-06-01",
            "a/b@2026-06-01",
            "A@2026-06-01",
        ] {
            assert!(CampaignName::parse_kept(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn the_nearest_name_is_proposed() {
        assert_eq!(
            CampaignName::nearest("Summer 2026!").map(|n| n.to_string()),
            Some("summer-2026".into())
        );
        assert_eq!(CampaignName::nearest("!!"), None);
    }
}
