//! Asks the platform for the template of a campaign's coupons before the first send, and compares it with the campaign.

use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::catalogue::{Text, template as text};
use crate::douyin::client::HttpPlatform;
use crate::douyin::records::{CouponTemplate, NO_TEMPLATE};
use crate::engine::app_limiter::{AppLimiter, NotTaken};
use crate::model::activity::DeclaredActivity;
use crate::model::clock::later;
use crate::model::identity::CouponMetaId;
use crate::plan::Plan;
use crate::report::feasibility::Reason;
use crate::report::plan_view::TemplateNote;
use crate::report::text::visible;
use crate::report::times::{date_time, grouped};

use super::activity::{NextStep, next_step};
use super::campaign::LoadedCampaign;
use super::credentials;
use super::doctor::with_causes;
use super::reconcile::{NotAsked, connect, connect_in_run};
use crate::ledger::LedgerState;

/// Coupons that end this soon after the campaign are hardly used.
const SHORT: std::time::Duration = std::time::Duration::from_hours(24);

/// What the platform says about a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TemplateAnswer {
    /// The template.
    Known(CouponTemplate),
    /// There is no such template.
    Unknown {
        /// The platform's id of the exchange.
        log_id: String,
    },
    /// Nothing, because of this.
    NotAsked(String),
}

/// What a campaign needs of its template.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TemplateNeeds {
    /// The stock of the activity that an apply would create. `None` if it creates none.
    pub stock: Option<u64>,
    /// The earliest first send.
    pub from: Timestamp,
    /// The end of the campaign. [`Timestamp::MAX`] without one.
    pub until: Timestamp,
}

impl TemplateNeeds {
    /// Returns what a campaign needs that sends from now on.
    #[must_use]
    pub fn new(plan: &Plan, ledger_state: &LedgerState, now: Timestamp) -> Self {
        let order = |declared: &DeclaredActivity| match next_step(ledger_state.activities_asked_for(), declared) {
            NextStep::Create(order) => Some(order.stock),
            NextStep::Send(_) | NextStep::Released(_) => None,
        };
        Self {
            stock: plan.activity.as_ref().and_then(order),
            from: now.max(plan.schedule.start),
            until: plan.schedule.end,
        }
    }
}

/// Something about a template that does not fit the campaign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Misfit {
    /// There is no such template.
    Unknown,
    /// Users cannot receive its coupons any more.
    Ended(Timestamp),
    /// Users cannot receive its coupons until the campaign ends.
    EndsBefore(Timestamp),
    /// Users cannot receive its coupons when the campaign begins.
    BeginsAfter(Timestamp),
    /// It may give fewer coupons than the activity needs.
    StockShort(u64),
}

/// What follows from the answer about a template.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TemplateVerdict {
    /// What certainly prevents the campaign.
    pub misfits: Vec<Misfit>,
    /// When coupons end, if that is within a day of the end of the campaign or before it.
    pub ends_soon: Option<Timestamp>,
}

/// Compares the answer about a template with what the campaign needs. Pure.
#[must_use]
pub fn judge(answer: &TemplateAnswer, needs: TemplateNeeds) -> TemplateVerdict {
    let template = match answer {
        TemplateAnswer::Known(template) => template,
        TemplateAnswer::Unknown { .. } => {
            return TemplateVerdict {
                misfits: vec![Misfit::Unknown],
                ends_soon: None,
            };
        }
        TemplateAnswer::NotAsked(_) => return TemplateVerdict::default(),
    };
    let mut misfits = Vec::new();
    if let Some(until) = template.receive_until {
        if until <= needs.from {
            misfits.push(Misfit::Ended(until));
        } else if needs.until < Timestamp::MAX && until < needs.until {
            misfits.push(Misfit::EndsBefore(until));
        }
    }
    misfits.extend(
        template
            .receive_from
            .filter(|from| *from > needs.from)
            .map(Misfit::BeginsAfter),
    );
    let is_short = |has: &u64| needs.stock.is_some_and(|stock| stock > *has);
    misfits.extend(template.stock_number.filter(is_short).map(Misfit::StockShort));
    let end = if needs.until < Timestamp::MAX {
        needs.until
    } else {
        needs.from
    };
    TemplateVerdict {
        misfits,
        ends_soon: template.valid_until.filter(|until| *until <= later(end, SHORT)),
    }
}

/// Says what prevents the campaign, with the remedies. `needs` are those that were judged.
#[must_use]
pub fn reasons(
    answer: &TemplateAnswer,
    needs: TemplateNeeds,
    coupon_meta_id: &CouponMetaId,
    zone: &TimeZone,
) -> Vec<Reason> {
    let time = |at: Timestamp| date_time(at, zone);
    let reason = |misfit: Misfit| match misfit {
        Misfit::Unknown => {
            let log_id = match answer {
                TemplateAnswer::Unknown { log_id } => visible(log_id).into_owned(),
                _ => String::new(),
            };
            let unknown = text::Unknown {
                template: coupon_meta_id,
                log_id: &log_id,
            };
            (unknown.to_string(), text::UnknownHelp.to_string())
        }
        Misfit::Ended(until) => {
            let ended = text::Ended { until: &time(until) };
            (ended.to_string(), text::EndsHelp.to_string())
        }
        Misfit::EndsBefore(until) => {
            let ends = text::EndsBefore {
                until: &time(until),
                end: &time(needs.until),
            };
            (ends.to_string(), text::EndsHelp.to_string())
        }
        Misfit::BeginsAfter(from) => {
            let begins = text::BeginsAfter {
                from: &time(from),
                start: &time(needs.from),
            };
            (begins.to_string(), text::BeginsHelp.to_string())
        }
        Misfit::StockShort(has) => {
            let short = text::StockShort {
                has: &grouped(has),
                needs: &grouped(needs.stock.unwrap_or_default()),
            };
            (short.to_string(), text::StockHelp.to_string())
        }
    };
    let misfits = judge(answer, needs).misfits.into_iter();
    misfits
        .map(reason)
        .map(|(text, help)| Reason { text, help: Some(help) })
        .collect()
}

/// Says what a person should know although it prevents nothing.
#[must_use]
pub fn warnings(answer: &TemplateAnswer, needs: TemplateNeeds, zone: &TimeZone) -> Vec<Text> {
    let not_checked = match answer {
        TemplateAnswer::NotAsked(why) => Some(Text::new(&text::NotChecked { why: &visible(why) })),
        _ => None,
    };
    let ends_soon = judge(answer, needs).ends_soon.map(|until| {
        let until = &date_time(until, zone);
        Text::new(&text::EndsSoon { until })
    });
    not_checked.into_iter().chain(ends_soon).collect()
}

/// Describes the template in a plan.
#[must_use]
pub fn note(
    answer: &TemplateAnswer,
    needs: TemplateNeeds,
    coupon_meta_id: &CouponMetaId,
    zone: &TimeZone,
) -> TemplateNote {
    let template = match answer {
        TemplateAnswer::Known(template) => template.clone(),
        TemplateAnswer::Unknown { .. } | TemplateAnswer::NotAsked(_) => CouponTemplate::default(),
    };
    let is_known = matches!(answer, TemplateAnswer::Known(_));
    TemplateNote {
        coupon_meta_id: coupon_meta_id.clone(),
        is_known,
        name: template.coupon_name,
        stock: template.stock_number,
        receive_from: template.receive_from,
        receive_until: template.receive_until,
        status: template.status,
        warnings: warnings(answer, needs, zone).iter().map(ToString::to_string).collect(),
    }
}

/// Asks for the template as a command of its own.
pub async fn ask_online(campaign: &LoadedCampaign, coupon_meta_id: &CouponMetaId) -> TemplateAnswer {
    if campaign.database().is_some() {
        return TemplateAnswer::NotAsked(text::NotInFleet.to_string());
    }
    let credentials = match credentials::resolve(&campaign.parsed, &campaign.at.rehearsal) {
        Ok(credentials) => credentials,
        Err(mistake) => return TemplateAnswer::NotAsked(mistake.message),
    };
    match connect(campaign, credentials).await {
        Ok(records) => answered(records.template(coupon_meta_id).await),
        Err(error) => TemplateAnswer::NotAsked(with_causes(&error)),
    }
}

/// Asks for the template as a part of a run. Waits for no other process.
pub async fn ask_in_run(
    plan: &Plan,
    platform: &Arc<HttpPlatform>,
    limiter: &Arc<AppLimiter>,
    coupon_meta_id: &CouponMetaId,
) -> TemplateAnswer {
    match connect_in_run(plan, platform, limiter).await {
        Ok(records) => answered(records.template(coupon_meta_id).await),
        Err(NotTaken::By(_)) => TemplateAnswer::NotAsked(text::AppIdTaken.to_string()),
        Err(NotTaken::Failed(error)) => TemplateAnswer::NotAsked(with_causes(&*error)),
    }
}

fn answered(answer: Result<crate::douyin::records::Answered<CouponTemplate>, NotAsked>) -> TemplateAnswer {
    match answer {
        Ok(answered) => TemplateAnswer::Known(answered.content),
        Err(NotAsked::Refused {
            code: NO_TEMPLATE,
            log_id,
            ..
        }) => TemplateAnswer::Unknown { log_id },
        Err(why) => TemplateAnswer::NotAsked(why.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    const NEEDS: TemplateNeeds = TemplateNeeds {
        stock: Some(100),
        from: Timestamp::UNIX_EPOCH,
        until: Timestamp::MAX,
    };

    fn needs(until: i64) -> TemplateNeeds {
        TemplateNeeds {
            from: at(1_000_000),
            until: at(until),
            ..NEEDS
        }
    }

    fn template(receive: [i64; 2], stock: u64) -> TemplateAnswer {
        TemplateAnswer::Known(CouponTemplate {
            receive_from: Some(at(receive[0])),
            receive_until: Some(at(receive[1])),
            stock_number: Some(stock),
            ..CouponTemplate::default()
        })
    }

    fn misfits(answer: &TemplateAnswer, needs: TemplateNeeds) -> Vec<Misfit> {
        judge(answer, needs).misfits
    }

    #[test]
    fn a_template_fits_if_its_period_covers_the_campaign_and_its_stock_the_activity() {
        let needs = needs(2_000_000);
        assert_eq!(misfits(&template([1_000_000, 2_000_000], 100), needs), []);
        assert_eq!(
            misfits(&template([1_000_001, 1_999_999], 99), needs),
            [
                Misfit::EndsBefore(at(1_999_999)),
                Misfit::BeginsAfter(at(1_000_001)),
                Misfit::StockShort(99),
            ]
        );
        assert_eq!(
            misfits(&template([0, 1_000_000], 100), needs),
            [Misfit::Ended(at(1_000_000))]
        );
    }

    #[test]
    fn what_the_platform_does_not_say_prevents_nothing() {
        let silent = TemplateAnswer::Known(CouponTemplate::default());
        assert_eq!(judge(&silent, needs(2_000_000)), TemplateVerdict::default());
        let not_asked = TemplateAnswer::NotAsked(String::new());
        assert_eq!(judge(&not_asked, NEEDS), TemplateVerdict::default());
        let unknown = TemplateAnswer::Unknown { log_id: String::new() };
        assert_eq!(misfits(&unknown, NEEDS), [Misfit::Unknown]);
    }

    #[test]
    fn without_an_end_only_a_period_that_is_over_prevents_the_campaign() {
        let open = TemplateNeeds {
            from: at(1_000_000),
            ..NEEDS
        };
        assert_eq!(misfits(&template([0, 1_000_001], 100), open), []);
        assert_eq!(
            misfits(&template([0, 1_000_000], 100), open),
            [Misfit::Ended(at(1_000_000))]
        );
        let exists = TemplateNeeds { stock: None, ..open };
        assert_eq!(misfits(&template([0, 1_000_001], 1), exists), []);
    }

    #[test]
    fn coupons_that_end_within_a_day_of_the_campaign_are_warned_of() {
        let ends = |valid: i64, needs| {
            let template = CouponTemplate {
                valid_until: Some(at(valid)),
                ..CouponTemplate::default()
            };
            judge(&TemplateAnswer::Known(template), needs).ends_soon.is_some()
        };
        assert!(ends(2_000_000 + 86_400, needs(2_000_000)));
        assert!(!ends(2_000_000 + 86_401, needs(2_000_000)));
        assert!(ends(86_400, NEEDS));
    }
}
