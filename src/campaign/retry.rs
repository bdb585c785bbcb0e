//! The rules for retries and resends.

use std::time::Duration;

use schemars::JsonSchema;

use super::diagnostic::Code;
use super::diagnostics::Diagnostics;
use super::duration::{self, Bounds, written};
use super::keys::{Complete, Key};
use super::value::{Value, Whole};

pub(super) const KEYS: &[Key] = &[
    Key::optional("attempts"),
    Key::optional("first_delay"),
    Key::optional("max_delay"),
    Key::optional("timeout"),
    Key::optional("in_doubt"),
    Key::optional("resend_within"),
    Key::optional("give_up"),
];

/// The default number of attempts of one delivery in one run.
pub const ATTEMPTS: u32 = 6;
/// The default first delay between attempts.
pub const FIRST_DELAY: Duration = Duration::from_millis(500);
/// The default longest delay between attempts.
pub const MAX_DELAY: Duration = Duration::from_mins(1);
/// The default time limit of one attempt.
pub const TIMEOUT: Duration = Duration::from_secs(10);
/// The default time during which a doubt may be sent again.
pub const RESEND_WITHIN: Duration = Duration::from_hours(24);
/// The default longest outage.
pub const GIVE_UP: Duration = Duration::from_hours(12);

const YEAR: Duration = Duration::from_hours(24 * 365);
const ATTEMPTS_BOUNDS: Whole = Whole { least: 1, most: 1000 };
const FIRST_DELAY_BOUNDS: Bounds = Bounds {
    least: Duration::from_millis(1),
    most: Duration::from_hours(1),
    usual: FIRST_DELAY,
};
const MAX_DELAY_BOUNDS: Bounds = Bounds {
    least: Duration::from_millis(1),
    most: Duration::from_hours(24),
    usual: MAX_DELAY,
};
const TIMEOUT_BOUNDS: Bounds = Bounds {
    least: Duration::from_millis(10),
    most: Duration::from_mins(10),
    usual: TIMEOUT,
};
const RESEND_WITHIN_BOUNDS: Bounds = Bounds {
    least: Duration::from_secs(1),
    most: YEAR,
    usual: RESEND_WITHIN,
};
const GIVE_UP_BOUNDS: Bounds = Bounds {
    least: Duration::from_secs(1),
    most: YEAR,
    usual: GIVE_UP,
};

/// What is tried again, when and how often.
#[derive(Clone, Debug, Default, PartialEq, Eq, JsonSchema)]
#[schemars(deny_unknown_fields, transform = Complete(KEYS))]
pub struct Retry {
    /// Attempts of one delivery in one run.
    #[schemars(extend("minimum" = ATTEMPTS_BOUNDS.least, "maximum" = ATTEMPTS_BOUNDS.most, "default" = ATTEMPTS))]
    pub attempts: Option<u32>,
    /// The first delay between two attempts; it doubles from there, with full jitter.
    #[schemars(schema_with = "duration::schema", extend("default" = written(FIRST_DELAY)))]
    pub first_delay: Option<Duration>,
    /// The longest delay that doubling reaches.
    #[schemars(schema_with = "duration::schema", extend("default" = written(MAX_DELAY)))]
    pub max_delay: Option<Duration>,
    /// For how long one attempt may take.
    #[schemars(schema_with = "duration::schema", extend("default" = written(TIMEOUT)))]
    pub timeout: Option<Duration>,
    /// What happens to a delivery whose outcome is unknown.
    #[schemars(extend("default" = "resend"))]
    pub in_doubt: Option<InDoubt>,
    /// For how long after its first unknown outcome a delivery may be sent again; after that a person decides.
    #[schemars(schema_with = "duration::schema", extend("default" = written(RESEND_WITHIN)))]
    pub resend_within: Option<Duration>,
    /// How long an outage of the platform may last before the run ends.
    #[schemars(schema_with = "duration::schema", extend("default" = written(GIVE_UP)))]
    pub give_up: Option<Duration>,
}

/// What happens to a delivery whose outcome is unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, JsonSchema)]
#[schemars(rename_all = "snake_case")]
pub enum InDoubt {
    /// It is sent again with the same id.
    Resend,
    /// It waits for a person.
    Ask,
}

impl InDoubt {
    const WORDS: [(&str, Self); 2] = [("resend", Self::Resend), ("ask", Self::Ask)];
}

impl Retry {
    pub(super) fn read(value: &Value<'_>, diagnostics: &mut Diagnostics) -> Option<Self> {
        let map = value.mapping(KEYS, diagnostics)?;
        let attempts = map
            .get("attempts")
            .and_then(|value| value.whole(ATTEMPTS_BOUNDS, diagnostics));
        let mut duration = |name, bounds| map.get(name).and_then(|value| value.duration(bounds, diagnostics));
        let retry = Self {
            attempts: attempts.and_then(|n| u32::try_from(n).ok()),
            first_delay: duration("first_delay", FIRST_DELAY_BOUNDS),
            max_delay: duration("max_delay", MAX_DELAY_BOUNDS),
            timeout: duration("timeout", TIMEOUT_BOUNDS),
            in_doubt: None,
            resend_within: duration("resend_within", RESEND_WITHIN_BOUNDS),
            give_up: duration("give_up", GIVE_UP_BOUNDS),
        };
        let in_doubt = map
            .get("in_doubt")
            .and_then(|value| value.word(&InDoubt::WORDS, diagnostics));
        let first = retry.first_delay.unwrap_or(FIRST_DELAY);
        let most = retry.max_delay.unwrap_or(MAX_DELAY);
        if first > most
            && let Some(at) = map.get("max_delay").or_else(|| map.get("first_delay"))
        {
            let message = format!(
                "`retry.first_delay`, {}, is longer than `retry.max_delay`, {}",
                written(first),
                written(most)
            );
            diagnostics
                .error(Code::IllegalFact, at.span(), message)
                .help(format!("write `max_delay: {}` or more", written(first)));
        }
        Some(Self { in_doubt, ..retry })
    }
}
