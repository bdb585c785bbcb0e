//! A plan as it is shown: what would be sent and what not, what has changed, when it would be done, what it would cost, and
//! whether it can be done at all.

pub mod json;
mod lapse;
mod screen;
pub mod verdict;

use std::collections::BTreeMap;
use std::path::PathBuf;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::calendar::{Calendar, Window};
use crate::delivery::{Counts, Skipped, StateName};
use crate::event::Reading;
use crate::identity::{ActivityId, AppId, CampaignName};
use crate::plan::forecast::Forecast;
use crate::plan::forecast::lapse::Comparison;

pub(super) use screen::judgement;
pub use screen::{requests, text};
use verdict::Reason;

/// A plan, as it is shown.
#[derive(Clone, Debug)]
pub struct Proposal {
    /// Of what it is.
    pub about: About,
    /// The ledger that it was made for.
    pub ledger: LedgerNote,
    /// Where everything would stand, and what would be sent.
    pub stand: Stand,
    /// What is otherwise than at the last apply.
    pub changes: Vec<ChangeNote>,
    /// How fast it is sent, and when.
    pub pace: PaceNote,
    /// When it would be done.
    pub forecast: Forecast,
    /// Who would have lapsed before their turn; none where nobody ever does.
    pub lapse: Option<Comparison>,
    /// What it is worth.
    pub money: Money,
    /// Why it cannot be made so, if it cannot.
    pub reasons: Vec<Reason>,
    /// What tells it from any other.
    pub fingerprint: String,
    /// The command that applies it and nothing else, as one would type it.
    pub apply: String,
}

/// Of what a plan is, and when and for whom it is shown.
#[derive(Clone, Debug)]
pub struct About {
    /// The campaign.
    pub campaign: CampaignName,
    /// Its title.
    pub title: Option<String>,
    /// The app.
    pub app_id: AppId,
    /// The activity.
    pub activity_id: ActivityId,
    /// Where requests would go.
    pub platform: String,
    /// By which clocks times are shown.
    pub zone: TimeZone,
    /// The present.
    pub now: Timestamp,
}

/// The ledger that a plan was made for.
#[derive(Clone, Debug)]
pub struct LedgerNote {
    /// Where it is or would be.
    pub dir: PathBuf,
    /// When it was begun; none when there is none yet.
    pub begun: Option<Timestamp>,
    /// When the last audience was let in.
    pub applied: Option<Timestamp>,
    /// A ledger that the campaign had before, where this one is new.
    pub earlier: Option<EarlierLedger>,
    /// Whether no witness of it can be kept.
    pub no_witness: bool,
}

/// A ledger of the same campaign, by its witness.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EarlierLedger {
    /// Its directory.
    pub dir: String,
    /// Its last batch.
    pub batch: u64,
    /// When that was seen.
    pub at: Timestamp,
}

/// Where everything would stand, and what would be sent.
#[derive(Clone, Debug)]
pub struct Stand {
    /// Where deliveries would stand once the audience is admitted.
    pub counts: Counts,
    /// Skipped ones by reason.
    pub skipped: BTreeMap<Skipped, u64>,
    /// What the source says.
    pub reading: Reading,
    /// Doubts that would be sent again.
    pub resent: u64,
    /// Owed, but behind a coupon of the same user that waits for a person.
    pub behind: u64,
    /// Owed, but to users who will have lapsed before their turn.
    pub lapsing: u64,
    /// The most that the run may attempt, where it was told.
    pub at_most: Option<u64>,
}

impl Stand {
    /// How many would be sent for the first time or again because they surely were not.
    #[must_use]
    pub const fn owed(&self) -> u64 {
        self.counts.owed().saturating_sub(self.behind + self.lapsing)
    }

    /// How many would be sent, doubts included.
    #[must_use]
    pub const fn to_send(&self) -> u64 {
        self.owed() + self.resent
    }

    /// Whether something waits for a person.
    #[must_use]
    pub const fn waits(&self) -> bool {
        self.counts.of(StateName::Held) + self.counts.of(StateName::InDoubt) > self.resent
    }
}

/// Something that is otherwise than at the last apply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangeNote {
    /// What.
    pub what: &'static str,
    /// What it was; none when that is not known.
    pub from: Option<String>,
    /// What it is now; none when there is no word for it.
    pub to: Option<String>,
    /// More about it.
    pub note: Option<String>,
    /// How many held deliveries it makes owed again, if any.
    pub held: Option<u64>,
    /// The word of `--accept` that it needs.
    pub accept: Option<&'static str>,
    /// Whether that was given.
    pub accepted: bool,
}

/// How fast a plan is sent, and when.
#[derive(Clone, Debug)]
pub struct PaceNote {
    /// Starts per second.
    pub per_second: f64,
    /// The most in flight.
    pub max_in_flight: u16,
    /// The most attempts in a day, where there is a limit.
    pub per_day: Option<u64>,
    /// How many of today began already.
    pub begun_today: u64,
    /// Nothing starts before.
    pub start: Option<Timestamp>,
    /// Nothing starts from here on.
    pub end: Option<Timestamp>,
    /// The windows.
    pub calendar: Calendar,
}

impl PaceNote {
    /// The window that is open at `now`, or else the next one; none where there are no hours outside windows, or none opens
    /// before the end.
    fn window(&self, now: Timestamp) -> Option<Window> {
        let from = self.start.map_or(now, |start| now.max(start));
        let next = self
            .calendar
            .windows(from)
            .next()
            .filter(|_| !self.calendar.is_always())?;
        self.end.is_none_or(|end| next.opens < end).then_some(next)
    }
}

/// What coupons are worth, in fen, as far as the platform told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Money {
    /// What all of those together take off whose value was told.
    pub given: u64,
    /// How many those are.
    pub told: u64,
    /// What the latest one of this activity takes off.
    pub each: Option<u64>,
}

/// A request as it would go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestNote {
    /// To whom.
    pub open_id: String,
    /// Which of their coupons, from 1.
    pub ordinal: u8,
    /// By which idempotency key.
    pub merchant_coupon_id: String,
    /// The method.
    pub method: String,
    /// The whole address.
    pub url: String,
    /// The headers by name, in order, without the token.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: String,
}

#[cfg(test)]
mod tests;
