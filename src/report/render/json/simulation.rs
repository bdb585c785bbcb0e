//! The JSON objects `hour` and `simulation`, in schema 1.0.

use std::collections::BTreeMap;
use std::path::Path;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;

use crate::model::event::Ending;
use crate::model::identity::{AppId, CampaignName};
use crate::report::feasibility::Reason;
use crate::report::run_view::state_at_end;
use crate::report::simulation::SimulationView;
use crate::report::simulation::hours::Hour;
use crate::report::times::rfc3339;

use super::counts::{CodeBody, CountsBody, StopReasonBody, codes, other_codes, tenths};

/// The result of a simulation.
#[derive(Debug, Serialize)]
pub struct SimulationObject<'a> {
    r#type: &'static str,
    campaign: &'a CampaignName,
    app_id: &'a AppId,
    from: String,
    ends_at: String,
    state: &'static str,
    #[serde(flatten)]
    stopped: StopReasonBody,
    counts: CountsBody,
    codes: Vec<CodeBody<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    other_codes: Option<u64>,
    #[serde(flatten)]
    sends: SendsBody,
    #[serde(flatten)]
    settings: SettingsBody<'a>,
    exit: u8,
}

#[derive(Debug, Serialize)]
struct SendsBody {
    attempts: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    rate_per_second: Option<f64>,
    peak_rolling_second: u64,
}

#[derive(Debug, Serialize)]
struct SettingsBody<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    ledger: Option<&'a Path>,
    world: &'a [String],
    seed: u64,
}

impl<'a> SimulationObject<'a> {
    /// The object of a simulation; `None` unless its run has ended.
    #[must_use]
    pub fn new(simulated: &'a SimulationView) -> Option<Self> {
        let settings = &simulated.settings;
        let stats = &simulated.stats;
        let run = stats.run.as_ref()?;
        let ended = stats.ended?;
        Some(Self {
            r#type: "simulation",
            campaign: &run.campaign,
            app_id: &run.app_id,
            from: rfc3339(settings.from, &settings.zone),
            ends_at: rfc3339(ended.at, &settings.zone),
            state: state_at_end(stats, ended.ending).word(),
            stopped: StopReasonBody::new(stats),
            counts: CountsBody::from_stats(stats),
            codes: codes(stats),
            other_codes: other_codes(stats),
            sends: SendsBody {
                attempts: stats.sends.attempts,
                rate_per_second: stats.sends.reached().map(tenths),
                peak_rolling_second: stats.sends.second.most(),
            },
            settings: SettingsBody {
                ledger: settings.ledger.as_deref(),
                world: &settings.world,
                seed: settings.seed,
            },
            exit: ended.ending.exit_code(),
        })
    }
}

/// An apply that would be refused before it sends.
#[derive(Debug, Serialize)]
pub struct RefusedObject<'a> {
    r#type: &'static str,
    campaign: &'a CampaignName,
    app_id: &'a AppId,
    from: String,
    state: &'static str,
    reasons: Vec<&'a str>,
    exit: u8,
}

impl<'a> RefusedObject<'a> {
    /// The refusal for these reasons.
    #[must_use]
    pub fn new(
        (campaign, app_id): (&'a CampaignName, &'a AppId),
        (from, zone): (Timestamp, &TimeZone),
        reasons: &'a [Reason],
    ) -> Self {
        Self {
            r#type: "simulation",
            campaign,
            app_id,
            from: rfc3339(from, zone),
            state: "incomplete",
            reasons: reasons.iter().map(|reason| reason.text.as_str()).collect(),
            exit: Ending::NeedsPerson.exit_code(),
        }
    }
}

/// One hour, or a longer time in which nothing happened.
#[derive(Debug, Serialize)]
pub struct HourObject<'a> {
    r#type: &'static str,
    campaign: &'a CampaignName,
    app_id: &'a AppId,
    from: String,
    until: String,
    sent: u64,
    issued: u64,
    refused: u64,
    in_doubt: u64,
    held: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    rate_per_second: Option<f64>,
    sending: f64,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    waited: BTreeMap<&'static str, f64>,
}

impl<'a> HourObject<'a> {
    /// The objects of all hours, in order.
    pub fn all(simulated: &'a SimulationView) -> impl Iterator<Item = Self> {
        let run = simulated.stats.run.as_ref();
        let of = move |hour| run.map(|run| Self::new((&run.campaign, &run.app_id), hour, &simulated.settings.zone));
        simulated.hours.iter().filter_map(of)
    }

    fn new((campaign, app_id): (&'a CampaignName, &'a AppId), hour: &Hour, zone: &TimeZone) -> Self {
        Self {
            r#type: "hour",
            campaign,
            app_id,
            from: rfc3339(hour.from, zone),
            until: rfc3339(hour.until, zone),
            sent: hour.sent,
            issued: hour.issued,
            refused: hour.refused,
            in_doubt: hour.in_doubt,
            held: hour.held,
            rate_per_second: hour.rate().map(tenths),
            sending: hour.sending.as_secs_f64(),
            waited: hour
                .waited
                .iter()
                .map(|(word, long)| (*word, long.as_secs_f64()))
                .collect(),
        }
    }
}
