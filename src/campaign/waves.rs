//! Waves: shares of the audience that are sent first, each followed by a wait.

use std::time::Duration;

use schemars::{Schema, SchemaGenerator, json_schema};
use serde_json::Value as Json;

use crate::model::approval::WaveWait;

use crate::catalogue::{approval, campaign as text};

use super::diagnostic::Code;
use super::diagnostics::Diagnostics;
use super::duration::DurationRange;
use super::key::{Key, KeyKind};
use super::keys::{KeyType, Keys, keys};
use super::share::{self, Share};
use super::tree::Kind;
use super::value::Value;

/// The most waves of a campaign.
const MOST: usize = 100;
const MONTH: Duration = Duration::from_hours(30 * 24);

keys! {
    /// A share of the audience, chosen by a stable hash, that is sent to before the others.
    #[derive(Clone, Copy, Debug, PartialEq)]
    pub struct Wave {
        /// The cumulative share of the audience at the end of this wave, those of the waves before included.
        share: f64 = Share, required "1%";
        /// How long nothing more starts after its end: for a time, or until `runner approve`.
        wait: WaveWait = Wait, required "30m";
        /// Stops the run when more than this share of the wave's answers are not a coupon.
        halt_if_not_issued: f64 = Share, optional;
    }
}

/// A wait for a time or for an approval.
struct Wait;

const APPROVAL: &str = "approval";
const TIMES: DurationRange = DurationRange(Duration::ZERO..=MONTH);

impl KeyType<WaveWait> for Wait {
    fn read(&self, value: &Value<'_>, diagnostics: &mut Diagnostics) -> Option<WaveWait> {
        if value.as_scalar().is_some_and(|scalar| scalar.text == APPROVAL) {
            return Some(WaveWait::Approval);
        }
        TIMES.read(value, diagnostics).map(WaveWait::For)
    }

    fn describe(&self) -> String {
        approval::WaitDescription {
            duration: &TIMES.describe(),
        }
        .to_string()
    }

    fn schema(&self, generator: &mut SchemaGenerator) -> Schema {
        json_schema!({"anyOf": [TIMES.schema(generator), {"const": APPROVAL}]})
    }

    fn write(&self, value: &WaveWait) -> Option<Json> {
        match value {
            WaveWait::For(wait) => TIMES.write(wait),
            WaveWait::Approval => Some(APPROVAL.into()),
        }
    }
}

/// The waves of a campaign, with growing shares.
pub(super) struct Waves;

impl KeyType<Vec<Wave>> for Waves {
    fn read(&self, value: &Value<'_>, diagnostics: &mut Diagnostics) -> Option<Vec<Wave>> {
        if let Kind::List(entries) = value.kind()
            && entries.len() > MOST
        {
            let message = text::TooManyWaves {
                path: &value.path,
                n: &entries.len(),
                most: &MOST,
            };
            return value.refuse(Code::Number, message, text::TooManyWavesHelp, diagnostics);
        }
        let mut before = 0.0;
        value.list(text::WavesHelp, diagnostics, |entry, diagnostics| {
            if let Some(value) = entry.find("share") {
                before = check_share(&value, before, diagnostics);
            }
            Wave::read(entry, diagnostics)
        })
    }

    fn describe(&self) -> String {
        text::Waves { most: &MOST }.to_string()
    }

    fn schema(&self, generator: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "array", "items": generator.subschema_for::<Wave>(), "maxItems": MOST})
    }

    fn keys(&self) -> Vec<Key> {
        Wave::keys()
    }

    fn kind(&self) -> KeyKind {
        KeyKind::List
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
    let path = &value.path;
    let refused: Option<f64> = if before > 0.0 {
        let before = &share::written(before);
        let help = text::WaveNotLargerHelp { before };
        value.refuse(
            Code::Contradiction,
            text::WaveNotLarger { path, before },
            help,
            diagnostics,
        )
    } else {
        let help = text::WaveOfNobodyHelp;
        value.refuse(Code::Contradiction, text::WaveOfNobody { path }, help, diagnostics)
    };
    refused.unwrap_or(before)
}
