//! The contents of a report.

use std::collections::BTreeMap;
use std::path::PathBuf;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::model::delivery::{Counts, Skipped, StateName};
use crate::model::identity::{ActivityId, AppId, CampaignName, OpenId, PlatformName};
use crate::model::money::{Money, Valuation};
use crate::report::history::{History, LastAnswer};
use crate::report::worth::WorthView;

/// The contents of a report.
#[derive(Debug)]
pub struct ReportView {
    /// The campaign.
    pub header: ReportHeader,
    /// All deliveries by state.
    pub counts: Counts,
    /// What is known of the value of their coupons.
    pub valuation: Valuation,
    /// The most that they may be worth together. `None` without a limit.
    pub max_worth: Option<Money>,
    /// The skipped deliveries by reason.
    pub skipped: BTreeMap<Skipped, u64>,
    /// How many deliveries took how many attempts; without those that were never attempted.
    pub attempts: BTreeMap<u32, u64>,
    /// The first few deliveries that may need a person.
    pub open: Vec<OpenDelivery>,
    /// The fold of the ledger's facts.
    pub history: History,
    /// The waves that have ended.
    pub waves: Vec<EndedWave>,
    /// What the last run does or why it ended; `None` if it is complete or not known.
    pub run: Option<RunNote>,
}

impl ReportView {
    /// What the coupons are worth.
    #[must_use]
    pub const fn worth(&self) -> WorthView {
        WorthView {
            counts: self.counts,
            valuation: self.valuation,
            max_worth: self.max_worth,
        }
    }
}

/// What the last run of a campaign does, or why it ended.
#[derive(Clone, Debug)]
pub struct RunNote {
    /// Its state, as a word of the JSON schema.
    pub state: String,
    /// The reason for the state.
    pub why: Option<String>,
    /// The time of this state; `None` if it is not known.
    pub at: Option<Timestamp>,
    /// Whether the ledger has changed since.
    pub is_outdated: bool,
    /// Whether a process applies the campaign.
    pub is_running: bool,
}

/// The campaign of a report.
#[derive(Debug)]
pub struct ReportHeader {
    /// Its name.
    pub campaign: CampaignName,
    /// Its title.
    pub title: Option<String>,
    /// The app.
    pub app_id: AppId,
    /// The activity of new deliveries.
    pub activity_id: ActivityId,
    /// The platform.
    pub platform: PlatformName,
    /// The directory of the ledger.
    pub ledger: PathBuf,
    /// The time zone of displayed times.
    pub zone: TimeZone,
    /// When the report was made.
    pub now: Timestamp,
    /// The plan's pace.
    pub per_second: f64,
    /// The command that continues, ready to be typed.
    pub again: String,
}

/// A delivery that is neither settled nor pending.
#[derive(Debug)]
pub struct OpenDelivery {
    /// Its state.
    pub state: StateName,
    /// The recipient.
    pub open_id: OpenId,
    /// Which of the recipient's coupons.
    pub ordinal: u8,
    /// How many attempts were made.
    pub attempts: u32,
    /// Since when it is in doubt; `None` if it is not.
    pub since: Option<Timestamp>,
    /// The last answer.
    pub last: LastAnswer,
    /// What happens next.
    pub next: String,
}

/// A wave that has ended.
#[derive(Clone, Copy, Debug)]
pub struct EndedWave {
    /// Its share of the audience.
    pub share: f64,
    /// When it ended.
    pub ended: Timestamp,
}
