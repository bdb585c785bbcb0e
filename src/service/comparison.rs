//! Compares a ledger with the platform's own records, for a person or after each day with attempts.

use jiff::{SignedDuration, Timestamp};

use crate::app::reconcile::{AcceptedRecords, Comparison, Request, connect, differences};
use crate::app::{AppError, LoadedCampaign, credentials};
use crate::catalogue::Text;
use crate::model::actor::Actor;
use crate::model::calendar::Day;

use super::fault::{Classify, Fault};

/// How many issued coupons are asked for by their ids.
const SAMPLE: usize = 10;
/// How long after the end of a day its coupons are compared: the platform's count may be late.
const AFTER_DAY: SignedDuration = SignedDuration::from_hours(1);
/// How soon a comparison that failed is tried again.
const AGAIN: SignedDuration = SignedDuration::from_hours(6);

/// Compares, and records every answer in the ledger. A person's acceptance is needed for what the records do not prove; it is given by
/// `runner reconcile`. Returns in what the records differ from the ledger.
///
/// # Errors
/// When the ledger or the app id is in use, the credentials cannot be read, or the platform accepts no query.
pub async fn compare(campaign: &LoadedCampaign, by: Actor, classify: Classify) -> Result<Vec<Text>, Fault> {
    let credentials = credentials::resolve(&campaign.parsed, &campaign.at.rehearsal)
        .map_err(|mistake| Fault::of_mistakes(vec![*mistake]))?;
    let settings = &campaign.parsed.campaign;
    let request = Request {
        coupon_meta_id: settings.names.coupon_meta_id.clone(),
        bill: settings.bill.clone(),
        timeout: campaign.plan.retry.timeout,
        accepted: AcceptedRecords::default(),
        sample: SAMPLE,
        by,
        is_rehearsal: campaign.at.rehearsal.is_on(),
        clock: campaign.environment.clock.clone(),
    };
    let fault = |error: AppError| Fault::new(error, classify);
    let mut comparison = Comparison::begin(campaign).await.map_err(fault)?;
    let compared = async {
        let records = connect(campaign, credentials).await?;
        comparison.compare(&records, &request, &mut |_| {}).await
    }
    .await;
    Box::pin(comparison.release()).await;
    compared.map(|compared| differences(&compared)).map_err(fault)
}

/// What decides whether a comparison is due.
#[derive(Clone, Copy, Debug)]
pub struct LastTimes {
    /// The last comparison. `None` if there was none.
    pub compared: Option<Timestamp>,
    /// When this service last began a comparison. `None` if it did not.
    pub tried: Option<Timestamp>,
}

/// Whether the attempts of a day that has ended are to be compared. `day` is that of the last attempt.
#[must_use]
pub fn is_due(times: LastTimes, day: Day, now: Timestamp) -> bool {
    let is_over = now.duration_since(day.ends) >= AFTER_DAY;
    let is_compared = times
        .compared
        .is_some_and(|compared| compared.duration_since(day.ends) >= AFTER_DAY);
    let is_tried = times.tried.is_some_and(|tried| now.duration_since(tried) < AGAIN);
    is_over && !is_compared && !is_tried
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;

    use super::*;

    #[test]
    fn each_day_with_attempts_is_compared_once() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let times = |compared: Option<&str>, tried: Option<&str>| LastTimes {
            compared: compared.map(at),
            tried: tried.map(at),
        };
        let day = Day::new(at("2026-06-01T10:00:00Z"), &TimeZone::UTC);
        let due = |compared, tried, now| is_due(times(compared, tried), day, at(now));
        assert!(!due(None, None, "2026-06-01T23:00:00Z"), "the day is not over");
        assert!(!due(None, None, "2026-06-02T00:59:00Z"), "the count may be late");
        assert!(due(None, None, "2026-06-02T01:00:00Z"));
        assert!(
            due(Some("2026-06-01T12:00:00Z"), None, "2026-06-02T01:00:00Z"),
            "it was compared before the day was over"
        );
        assert!(!due(Some("2026-06-02T01:00:00Z"), None, "2026-06-05T01:00:00Z"));
        let tried = Some("2026-06-02T01:00:00Z");
        assert!(!due(None, tried, "2026-06-02T06:59:00Z"), "it failed just now");
        assert!(due(None, tried, "2026-06-02T07:00:00Z"));
    }
}
