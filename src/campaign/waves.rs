//! Waves: shares of the audience that are sent first, each followed by a wait.

use std::time::Duration;

use schemars::{Schema, SchemaGenerator, json_schema};

use super::diagnostic::Code;
use super::diagnostics::Diagnostics;
use super::duration::DurationRange;
use super::key::Key;
use super::keys::{KeyType, Keys, keys};
use super::share::{self, Share};
use super::tree::Kind;
use super::value::Value;

/// The most waves of a campaign.
const MOST: usize = 100;
const MONTH: Duration = Duration::from_hours(30 * 24);

keys! {
    /// A share of the audience, drawn by a stable hash, that has its turn before the others.
    #[derive(Clone, Copy, Debug, PartialEq)]
    pub struct Wave {
        /// The part of the audience that has had its turn when this wave has ended, those of the waves before included.
        share: f64 = Share, required "1%";
        /// How long nothing more starts after its end.
        wait: Duration = DurationRange(Duration::ZERO..=MONTH), required "30m";
        /// Stops the run when more than this share of the wave's answers are something else than a coupon.
        halt_if_not_issued: f64 = Share, optional;
    }
}

/// The waves of a campaign, with growing shares.
pub(super) struct Waves;

impl KeyType<Vec<Wave>> for Waves {
    fn read(&self, value: &Value<'_>, diagnostics: &mut Diagnostics) -> Option<Vec<Wave>> {
        if let Kind::List(entries) = value.kind()
            && entries.len() > MOST
        {
            let what = format!("has {} waves, more than {MOST}", entries.len());
            return value.refuse(Code::Number, what, "write fewer waves", diagnostics);
        }
        let wanted = "write a list of waves, such as `[{share: 1%, wait: 30m}]`";
        let mut before = 0.0;
        value.list(wanted, diagnostics, |entry, diagnostics| {
            if let Some(value) = entry.find("share") {
                before = check_share(&value, before, diagnostics);
            }
            Wave::read(entry, diagnostics)
        })
    }

    fn describe(&self) -> String {
        format!("a list of at most {MOST} waves")
    }

    fn schema(&self, generator: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "array", "items": generator.subschema_for::<Wave>(), "maxItems": MOST})
    }

    fn keys(&self) -> Vec<Key> {
        Wave::keys()
    }
}

/// Reports a share that is not larger than `before`, the share of the waves before it. Returns the larger one. A value
/// that is no share is reported elsewhere.
fn check_share(value: &Value<'_>, before: f64, diagnostics: &mut Diagnostics) -> f64 {
    let share = value.as_scalar().and_then(|scalar| share::parse(&scalar.text));
    let Some(share) = share.filter(|share| *share <= 1.0) else {
        return before;
    };
    if share > before {
        return share;
    }
    let least = share::written(before);
    let (what, help) = if before > 0.0 {
        (
            format!("is no more than the wave before it has, {least}"),
            format!("shares are cumulative: write more than `{least}`, or leave the wave out"),
        )
    } else {
        (
            "is nobody".to_owned(),
            "write a share above `0%`, or leave the wave out".to_owned(),
        )
    };
    value
        .refuse(Code::IllegalFact, what, help, diagnostics)
        .unwrap_or(before)
}
