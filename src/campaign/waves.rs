//! Waves: shares of the audience that are sent first, each followed by a wait.

use std::time::Duration;

use schemars::JsonSchema;

use super::diagnostic::Code;
use super::diagnostics::Diagnostics;
use super::duration::{self, Bounds};
use super::keys::{Complete, Key};
use super::share;
use super::value::Value;

pub(super) const WAVE: &[Key] = &[
    Key::required("share", "1%"),
    Key::required("wait", "30m"),
    Key::optional("halt_if_not_issued"),
];

/// The most waves of a campaign.
pub(super) const MOST: usize = 100;

const WAIT: Bounds = Bounds {
    least: Duration::ZERO,
    most: Duration::from_hours(30 * 24),
    usual: Duration::from_mins(30),
};

/// A share of the audience, drawn by a stable hash, that has its turn before the others.
#[derive(Clone, Copy, Debug, PartialEq, JsonSchema)]
#[schemars(deny_unknown_fields, transform = Complete(WAVE))]
pub struct Wave {
    /// The part of the audience that has had its turn when this wave has ended, those of the waves before included.
    #[schemars(schema_with = "share::schema")]
    pub share: f64,
    /// How long nothing more starts after its end.
    #[schemars(schema_with = "duration::schema")]
    pub wait: Duration,
    /// Stops the run when more than this share of the wave's answers are something else than a coupon.
    #[schemars(schema_with = "share::schema")]
    pub halt_if_not_issued: Option<f64>,
}

impl Wave {
    /// Reads all waves of a file; `None` after reporting a mistake.
    pub(super) fn read_all(value: &Value<'_>, diagnostics: &mut Diagnostics) -> Option<Vec<Self>> {
        let entries = value.list("write a list of waves, such as `[{share: 1%, wait: 30m}]`", diagnostics)?;
        if entries.len() > MOST {
            let message = format!("`{}` has {} waves, more than {MOST}", value.path, entries.len());
            diagnostics
                .error(Code::Number, value.mark(), message)
                .help("write fewer waves");
            return None;
        }
        // Every entry is parsed, so that all mistakes are reported at once.
        let mut before = 0.0;
        let read: Vec<_> = entries
            .iter()
            .map(|entry| Self::read(entry, &mut before, diagnostics))
            .collect();
        read.into_iter().collect()
    }

    fn read(value: &Value<'_>, before: &mut f64, diagnostics: &mut Diagnostics) -> Option<Self> {
        let map = value.mapping(WAVE, diagnostics)?;
        let share = map.get("share").and_then(|value| {
            let share = value.share(diagnostics)?;
            if share > *before {
                *before = share;
                return Some(share);
            }
            let least = share::written(*before);
            let (message, help) = if *before > 0.0 {
                let message = format!("`{}` is no more than the wave before it has, {least}", value.path);
                (
                    message,
                    format!("shares are cumulative: write more than `{least}`, or leave the wave out"),
                )
            } else {
                (
                    format!("`{}` is nobody", value.path),
                    "write a share above `0%`, or leave the wave out".to_owned(),
                )
            };
            diagnostics.error(Code::IllegalFact, value.span(), message).help(help);
            None
        });
        let wait = map.get("wait").and_then(|value| value.duration(WAIT, diagnostics));
        let halt = map.get("halt_if_not_issued").map(|value| value.share(diagnostics));
        Some(Self {
            share: share?,
            wait: wait?,
            halt_if_not_issued: halt.map_or(Some(None), |halt| halt.map(Some))?,
        })
    }
}
