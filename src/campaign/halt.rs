//! The rules that halt a run, so that a mistake costs little.

use schemars::JsonSchema;

use super::diagnostics::Diagnostics;
use super::keys::{Complete, Key};
use super::share;
use super::value::{Value, Whole};

pub(super) const KEYS: &[Key] = &[
    Key::optional("refused"),
    Key::optional("held"),
    Key::optional("same_code"),
];
pub(super) const GUARD: &[Key] = &[Key::required("over", "50%"), Key::required("after", "200")];

/// The default limit of refused users.
pub const REFUSED: Guard = Guard { over: 0.5, after: 200 };
/// The default limit of held deliveries.
pub const HELD: Guard = Guard { over: 0.2, after: 500 };
/// The default limit of one code in a row.
pub const SAME_CODE: u32 = 20;

const MANY: Whole = Whole {
    least: 1,
    most: 1_000_000,
};

/// What stops a run.
#[derive(Clone, Debug, Default, PartialEq, JsonSchema)]
#[schemars(deny_unknown_fields, transform = Complete(KEYS))]
pub struct Halt {
    /// Too many users refused by the built-in table of codes. When absent: over 50% of 200.
    pub refused: Option<Guard>,
    /// Too many deliveries held. When absent: over 20% of 500.
    pub held: Option<Guard>,
    /// One unlisted or held code so often in a row.
    #[schemars(extend("minimum" = MANY.least, "maximum" = MANY.most, "default" = SAME_CODE))]
    pub same_code: Option<u32>,
}

/// A share of the last deliveries answered that is too much.
#[derive(Clone, Copy, Debug, PartialEq, JsonSchema)]
#[schemars(deny_unknown_fields, transform = Complete(GUARD))]
pub struct Guard {
    /// The share; more than this stops the run.
    #[schemars(schema_with = "share::schema")]
    pub over: f64,
    /// Of how many deliveries; with fewer it is never judged.
    #[schemars(extend("minimum" = MANY.least, "maximum" = MANY.most))]
    pub after: u32,
}

impl Halt {
    pub(super) fn read(value: &Value<'_>, diagnostics: &mut Diagnostics) -> Option<Self> {
        let map = value.mapping(KEYS, diagnostics)?;
        let refused = map.get("refused").and_then(|value| Guard::read(value, diagnostics));
        let held = map.get("held").and_then(|value| Guard::read(value, diagnostics));
        let same_code = map.get("same_code").and_then(|value| value.whole(MANY, diagnostics));
        Some(Self {
            refused,
            held,
            same_code: same_code.and_then(|n| u32::try_from(n).ok()),
        })
    }
}

impl Guard {
    fn read(value: &Value<'_>, diagnostics: &mut Diagnostics) -> Option<Self> {
        let map = value.mapping(GUARD, diagnostics)?;
        let over = map.get("over").and_then(|value| value.share(diagnostics));
        let after = map.get("after").and_then(|value| value.whole(MANY, diagnostics));
        Some(Self {
            over: over?,
            after: u32::try_from(after?).ok()?,
        })
    }
}
