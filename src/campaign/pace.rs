//! The rate of attempts.

use schemars::JsonSchema;

use super::diagnostic::Code;
use super::diagnostics::Diagnostics;
use super::keys::{Complete, Key};
use super::number::{LEAST_RATE, MOST_RATE};
use super::value::{Value, Whole};

pub(super) const KEYS: &[Key] = &[
    Key::optional("per_second"),
    Key::optional("per_day"),
    Key::optional("max_in_flight"),
];

/// The default rate: two below the platform's limit, because its clock and ours differ.
pub const PER_SECOND: f64 = 98.0;
/// The default number of deliveries in flight.
pub const MAX_IN_FLIGHT: u16 = 64;

/// The platform's documented limit for one app id, per second.
const PLATFORM_LIMIT: f64 = 100.0;
const PER_DAY_BOUNDS: Whole = Whole {
    least: 1,
    most: 1_000_000_000,
};
const MAX_IN_FLIGHT_BOUNDS: Whole = Whole { least: 1, most: 1024 };

/// How fast attempts start for the app id.
#[derive(Clone, Debug, Default, PartialEq, JsonSchema)]
#[schemars(deny_unknown_fields, transform = Complete(KEYS))]
pub struct Pace {
    /// Attempts that start in any rolling second, also below 1. The platform's documented limit is 100.
    #[schemars(extend("minimum" = LEAST_RATE, "maximum" = MOST_RATE, "default" = PER_SECOND))]
    pub per_second: Option<f64>,
    /// Attempts in one calendar day of the campaign's time zone, retries and resends included; kept across restarts.
    #[schemars(extend("minimum" = PER_DAY_BOUNDS.least, "maximum" = PER_DAY_BOUNDS.most))]
    pub per_day: Option<u64>,
    /// The most requests under way at once.
    #[schemars(extend("minimum" = MAX_IN_FLIGHT_BOUNDS.least, "maximum" = MAX_IN_FLIGHT_BOUNDS.most, "default" = MAX_IN_FLIGHT))]
    pub max_in_flight: Option<u16>,
}

impl Pace {
    pub(super) fn read(value: &Value<'_>, diagnostics: &mut Diagnostics) -> Option<Self> {
        let map = value.mapping(KEYS, diagnostics)?;
        let per_second = map.get("per_second").and_then(|value| {
            let rate = value.rate(diagnostics)?;
            if rate > PLATFORM_LIMIT {
                let message = format!(
                    "`{}` is over the platform's documented limit of 100 for one app id",
                    value.path
                );
                let note = diagnostics.warning(Code::OverLimit, value.span(), message);
                note.help("write at most `98`, unless the platform has granted this app id more");
            }
            Some(rate)
        });
        let per_day = map
            .get("per_day")
            .and_then(|value| value.whole(PER_DAY_BOUNDS, diagnostics));
        let max_in_flight = map
            .get("max_in_flight")
            .and_then(|value| value.whole(MAX_IN_FLIGHT_BOUNDS, diagnostics));
        Some(Self {
            per_second,
            per_day,
            max_in_flight: max_in_flight.and_then(|n| u16::try_from(n).ok()),
        })
    }
}
