//! What a trace says, in words, for a terminal and for a page.

use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::app::campaign::LoadedCampaign;
use crate::catalogue::trace as texts;
use crate::history::recipient::{Attempt, Decided, End, EntryKind, HistoryEntry};
use crate::ledger::{Evidence, Found};
use crate::model::delivery::Resolution;
use crate::model::money::Money;
use crate::model::outcome::{Answer, Coupon, Outcome, Proof};
use crate::report::attempt_detail::attempt_detail;
use crate::report::lists::joined;
use crate::report::text::visible;
use crate::report::times::duration;

use super::Trace;
use super::next_words::{next_words, reread};

/// What is known about a user, in words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TraceWords {
    /// The campaign and the user.
    pub headline: String,
    /// What happened to the user.
    pub history: Vec<TimedWords>,
    /// The user's coupons.
    pub coupons: Vec<CouponWords>,
}

/// A coupon of a user, in words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CouponWords {
    /// The coupon with its state and its id.
    pub headline: String,
    /// What happened to it.
    pub history: Vec<TimedWords>,
    /// What happens next.
    pub next: String,
}

/// Something that happened, in words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TimedWords {
    /// When, by the clocks of the campaign.
    pub at: String,
    /// What.
    pub lines: Vec<String>,
}

impl Trace {
    fn headline(&self, campaign: &LoadedCampaign) -> String {
        let title = campaign.parsed.campaign.names.title.as_deref();
        let title = title.map(|title| format!(" {}", visible(title)));
        let open_id = visible(self.open_id()).into_owned();
        let name = &campaign.plan.identity.campaign;
        let campaign_name = format!("{name}{}", title.unwrap_or_default());
        match self.ledger_state().away(self.recipient) {
            None => texts::Headline {
                user: &open_id,
                campaign: &campaign_name,
            }
            .to_string(),
            Some(why) => texts::HeadlineAway {
                user: &open_id,
                campaign: &campaign_name,
                away: &why.skipped().word(),
            }
            .to_string(),
        }
    }

    /// What is known about the user, in words.
    #[must_use]
    pub fn words(&self, campaign: &LoadedCampaign) -> TraceWords {
        let coupons = self.ordinals().map(|ordinal| CouponWords {
            headline: self.coupon_line(ordinal),
            history: self.timed(Some(ordinal), campaign),
            next: next_words(
                self.next(campaign, ordinal),
                self.present.now,
                &campaign.parsed.campaign.timezone,
            ),
        });
        TraceWords {
            headline: self.headline(campaign),
            history: self.timed(None, campaign),
            coupons: coupons.collect(),
        }
    }

    /// The history of the user, or of one of the user's deliveries.
    fn timed(&self, ordinal: Option<u8>, campaign: &LoadedCampaign) -> Vec<TimedWords> {
        let zone = &campaign.parsed.campaign.timezone;
        let entries = self.history.history().iter();
        let own = entries.filter(move |entry| entry.what.ordinal() == ordinal);
        own.map(|entry| TimedWords {
            at: stamp(entry.at, zone),
            lines: self.lines(entry, zone),
        })
        .collect()
    }

    fn coupon_line(&self, ordinal: u8) -> String {
        let row = self.row(ordinal);
        let id = row.merchant_coupon_id.map(|id| id.to_string()).unwrap_or_default();
        texts::Coupon {
            ordinal: &ordinal,
            state: &row.state,
            id: &id,
        }
        .to_string()
    }

    fn lines(&self, entry: &HistoryEntry, zone: &TimeZone) -> Vec<String> {
        let line = match &entry.what {
            EntryKind::Came(reading) => texts::Came {
                generation: &reading.generation,
                users: reading.listed,
            }
            .to_string(),
            EntryKind::Away(why, reading) => texts::Left {
                how: &why.skipped().word(),
                generation: &reading.generation,
                users: reading.listed,
            }
            .to_string(),
            EntryKind::Lapsed => texts::LapsedAtTurn.to_string(),
            EntryKind::Returned(reading) => texts::Returned {
                generation: &reading.generation,
                users: reading.listed,
            }
            .to_string(),
            EntryKind::Reread { step, .. } => texts::CodeReread { result: &reread(step) }.to_string(),
            EntryKind::Attempt(attempt) => return self.attempted(attempt, zone),
            EntryKind::Decided(decided) => return decision(decided),
            EntryKind::Found(found) => return found_lines(found, zone),
        };
        vec![line]
    }

    fn attempted(&self, attempt: &Attempt, zone: &TimeZone) -> Vec<String> {
        let mut lines = Vec::new();
        match &attempt.end {
            End::UnderWay => lines.push(texts::UnderWay.to_string()),
            End::Withdrawn => lines.push(texts::Withdrawn.to_string()),
            End::Interrupted(found) => {
                let at = stamp(*found, zone);
                lines.push(texts::Interrupted.to_string());
                lines.push(texts::FoundBy { at: &at }.to_string());
            }
            End::Ended(_, outcome) => ended(outcome, zone, &mut lines),
        }
        if let Some(first) = lines.first_mut() {
            *first = texts::Attempt {
                number: &attempt.number,
                result: first,
            }
            .to_string();
        }
        if let Some(activity) = self.ledger_state().activity(attempt.activity) {
            lines.push(match &attempt.end {
                End::Ended(_, outcome) => texts::ActivityAndTime {
                    activity,
                    took: &precise(outcome.latency),
                }
                .to_string(),
                _ => texts::Activity { activity }.to_string(),
            });
        }
        lines
    }
}

fn found_lines(found: &Found, zone: &TimeZone) -> Vec<String> {
    let mut lines = vec![match found.evidence {
        Evidence::Coupons => texts::FoundInCoupons.to_string(),
        Evidence::Bill(day) => texts::FoundInBill { day: &day }.to_string(),
    }];
    coupon(&found.coupon, zone, &mut lines);
    lines
}

fn precise(latency: Duration) -> String {
    match latency.as_millis() {
        ms @ 0..1_000 => texts::Milliseconds { ms: &ms }.to_string(),
        _ => duration(latency),
    }
}

/// A time to the millisecond.
fn stamp(at: Timestamp, zone: &TimeZone) -> String {
    let at = at.to_zoned_datetime(zone.clone());
    at.strftime("%Y-%m-%d %H:%M:%S%.3f").to_string()
}

fn ended(outcome: &Outcome, zone: &TimeZone, lines: &mut Vec<String>) {
    let word = match &outcome.proof {
        Proof::Issued { replay: true, .. } => "replay",
        other => other.word(),
    };
    let proof = texts::Proof { proof: &word };
    match &outcome.answer {
        Some(answer) => {
            lines.push(answered(&proof, &outcome.proof, answer));
            if !answer.log_id.is_empty() {
                let log_id = visible(&answer.log_id);
                lines.push(texts::LogId { log_id: &log_id }.to_string());
            }
        }
        None => lines.push(proof.to_string()),
    }
    if let Some(detail) = &outcome.detail {
        lines.push(visible(&attempt_detail(detail)).into_owned());
    }
    if let Proof::Issued { coupon: trace, .. } = &outcome.proof {
        coupon(trace, zone, lines);
    }
}

fn answered(proof: &texts::Proof<'_>, outcome: &Proof, answer: &Answer) -> String {
    let code = &answer.code;
    let class = &answer.class.word();
    let message = &visible(&answer.message);
    match (outcome, answer.message.is_empty()) {
        (Proof::Issued { .. }, true) => texts::Answered { proof, code }.to_string(),
        (Proof::Issued { .. }, false) => texts::AnsweredMessage { proof, code, message }.to_string(),
        (_, true) => texts::Classified { proof, code, class }.to_string(),
        (_, false) => texts::ClassifiedMessage {
            proof,
            code,
            class,
            message,
        }
        .to_string(),
    }
}

fn coupon(coupon: &Coupon, zone: &TimeZone, lines: &mut Vec<String>) {
    let id = &visible(&coupon.coupon_id);
    let name = coupon.coupon_name.as_deref().filter(|name| !name.is_empty());
    lines.push(match name {
        None => texts::CouponId { id }.to_string(),
        Some(name) => texts::CouponNamed {
            id,
            name: &visible(name),
        }
        .to_string(),
    });
    let fen = |fen: i64| {
        let amount = Money::from_fen(fen.unsigned_abs());
        if fen < 0 {
            format!("-{amount}")
        } else {
            amount.to_string()
        }
    };
    let off = coupon.discount_amount;
    let off = off.map(|off| texts::AmountOff { amount: &fen(off) }.to_string());
    let least = coupon.min_pay_amount;
    let least = least.map(|least| texts::AmountFrom { amount: &fen(least) }.to_string());
    let until = coupon.valid_end_time.filter(|until| *until > 0);
    let until = until.and_then(|until| Timestamp::from_second(until).ok()).map(|until| {
        let until = until.to_zoned_datetime(zone.clone()).strftime("%Y-%m-%d %H:%M");
        texts::ValidUntil { until: &until }.to_string()
    });
    let worth = joined(off.into_iter().chain(least).chain(until));
    if !worth.is_empty() {
        lines.push(worth);
    }
}

fn decision(decided: &Decided) -> Vec<String> {
    let to = &decided.to.word();
    let by = &visible(&decided.by);
    let from = &decided.from;
    let resolved = match decided.to {
        Resolution::Owed { may_double: true } => texts::ResolvedMayDouble { to, by, from }.to_string(),
        _ => texts::Resolved { to, by, from }.to_string(),
    };
    let selection = visible(&decided.selection);
    let note = visible(&decided.note);
    vec![
        resolved,
        texts::ChosenBy { selection: &selection }.to_string(),
        texts::Note { note: &note }.to_string(),
    ]
}
