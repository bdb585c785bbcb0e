//! What a comparison found, for programs.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::app::LoadedCampaign;
use crate::app::reconcile::{BillState, BillVerdict, Compared, CountVerdict, Misfit, Preview, Why};
use crate::ledger::{Evidence, LedgerState};
use crate::model::delivery::DeliveryKey;
use crate::model::hexadecimal::hexadecimal;

use super::columns_text::written;

/// One object of a comparison.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Object {
    /// The count of an activity.
    Count {
        campaign: String,
        app_id: String,
        activity_id: String,
        confirmed: u64,
        in_doubt: u64,
        other: u64,
        #[serde(skip_serializing_if = "Option::is_none")]
        received: Option<u64>,
        says: &'static str,
        repeated: bool,
        #[serde(skip_serializing_if = "Option::is_none")]
        why: Option<String>,
    },
    /// The users that were asked about.
    Users {
        campaign: String,
        app_id: String,
        asked: u64,
        found: u64,
        #[serde(skip_serializing_if = "Option::is_none")]
        why: Option<String>,
    },
    /// The spot check of issued coupons.
    Spots {
        campaign: String,
        app_id: String,
        asked: u64,
        not_shown: u64,
        /// How many coupons have each `coupon_status`.
        statuses: BTreeMap<String, u64>,
        #[serde(skip_serializing_if = "Option::is_none")]
        why: Option<String>,
    },
    /// An issued coupon that the platform shows otherwise.
    Differs {
        campaign: String,
        app_id: String,
        coupon_id: String,
        open_id: String,
        ordinal: u8,
        what: &'static str,
    },
    /// The bill of a day.
    Bill {
        campaign: String,
        app_id: String,
        day: String,
        state: &'static str,
        #[serde(skip_serializing_if = "Option::is_none")]
        sha256: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        file: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        rows: Option<u64>,
        #[serde(skip_serializing_if = "Option::is_none")]
        says: Option<&'static str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        why: Option<String>,
    },
    /// What the columns of bills probably hold.
    Columns {
        campaign: String,
        app_id: String,
        columns: String,
    },
    /// A delivery that was settled.
    Settled {
        campaign: String,
        app_id: String,
        open_id: String,
        ordinal: u8,
        #[serde(skip_serializing_if = "Option::is_none")]
        merchant_coupon_id: Option<String>,
        state: &'static str,
        #[serde(skip_serializing_if = "Option::is_none")]
        coupon_id: Option<String>,
        by: String,
    },
    /// A delivery that is still open.
    Open {
        campaign: String,
        app_id: String,
        open_id: String,
        ordinal: u8,
        #[serde(skip_serializing_if = "Option::is_none")]
        merchant_coupon_id: Option<String>,
        state: &'static str,
        why: &'static str,
        #[serde(skip_serializing_if = "Option::is_none")]
        day: Option<String>,
    },
    /// A coupon that the ledger does not know.
    Foreign {
        campaign: String,
        app_id: String,
        coupon_id: String,
        open_id: String,
        day: String,
    },
    /// The end.
    Reconciled {
        campaign: String,
        app_id: String,
        found: u64,
        accepted: u64,
        in_doubt: u64,
        foreign: u64,
    },
}

/// Returns the objects of a comparison.
pub(super) fn objects(campaign: &LoadedCampaign, compared: &Compared, state: &LedgerState) -> Vec<Object> {
    let identity = &campaign.plan.identity;
    let names = || (identity.campaign.to_string(), identity.app_id.to_string());
    let id = |key: DeliveryKey| state.merchant_coupon_id(key).map(|id| id.to_string());
    let mut objects = Vec::new();
    for count in &compared.counts {
        let (campaign, app_id) = names();
        objects.push(Object::Count {
            campaign,
            app_id,
            activity_id: count.activity_id.to_string(),
            confirmed: count.account.certain,
            in_doubt: count.account.in_doubt,
            other: count.account.other,
            received: count.received,
            says: count_word(count.verdict),
            repeated: count.is_confirmed,
            why: count.failed.as_ref().map(ToString::to_string),
        });
    }
    let (name, app_id) = names();
    objects.push(Object::Users {
        campaign: name,
        app_id,
        asked: compared.users.asked,
        found: compared.users.found,
        why: compared.users.failed.as_ref().map(ToString::to_string),
    });
    let (name, app_id) = names();
    let spots = &compared.spots;
    let status = |status: &Option<i64>| status.map_or_else(|| "absent".to_owned(), |status| status.to_string());
    objects.push(Object::Spots {
        campaign: name,
        app_id,
        asked: spots.asked,
        not_shown: spots.not_shown,
        statuses: spots.statuses.iter().map(|(key, n)| (status(key), *n)).collect(),
        why: spots.failed.as_ref().map(ToString::to_string),
    });
    for (key, coupon_id, misfit) in &spots.differ {
        let (campaign, app_id) = names();
        objects.push(Object::Differs {
            campaign,
            app_id,
            coupon_id: coupon_id.clone(),
            open_id: state.open_id(key.recipient),
            ordinal: key.ordinal,
            what: match misfit {
                Misfit::ReceiveTime => "receive_time",
                Misfit::Template => "merchant_meta_no",
                Misfit::Streamer => "streamer",
            },
        });
    }
    for bill in &compared.bills {
        let (campaign, app_id) = names();
        let kept = match &bill.state {
            BillState::Kept(kept) => Some(kept),
            _ => None,
        };
        objects.push(Object::Bill {
            campaign,
            app_id,
            day: bill.day.to_string(),
            state: match &bill.state {
                BillState::Kept(_) => "kept",
                BillState::NoData => "no_data",
                BillState::NotReady => "not_ready",
                BillState::TooEarly => "too_early",
                BillState::Failed(_) => "failed",
            },
            sha256: kept.map(|kept| hexadecimal(&kept.content.sha256)),
            file: kept.map(|kept| kept.path.to_string_lossy().into_owned()),
            rows: bill.read.as_ref().map(|read| read.rows),
            says: bill.read.as_ref().map(|read| match read.verdict {
                BillVerdict::Trusted => "complete",
                BillVerdict::Unchecked => "unchecked",
                BillVerdict::Lacks { .. } => "lacks_known_coupons",
                BillVerdict::Flawed(_) => "unusable",
            }),
            why: match &bill.state {
                BillState::Failed(why) => Some(why.clone()),
                _ => None,
            },
        });
    }
    if let Some(proposal) = &compared.proposal {
        let (campaign, app_id) = names();
        objects.push(Object::Columns {
            campaign,
            app_id,
            columns: written(proposal),
        });
    }
    let settled = compared.settled.iter().map(|settled| {
        let by = match settled.evidence {
            Evidence::Coupons => "coupons".to_owned(),
            Evidence::Bill(day) => format!("bill {day}"),
        };
        (settled.key, Some(settled.coupon_id.clone()), by)
    });
    let accepted = compared
        .accepted
        .iter()
        .map(|(key, _)| (*key, None, "accepted".to_owned()));
    for (key, coupon_id, by) in settled.chain(accepted) {
        let (campaign, app_id) = names();
        objects.push(Object::Settled {
            campaign,
            app_id,
            open_id: state.open_id(key.recipient),
            ordinal: key.ordinal,
            merchant_coupon_id: id(key),
            state: state.state_name(key).word(),
            coupon_id,
            by,
        });
    }
    for open in &compared.open {
        let (campaign, app_id) = names();
        objects.push(Object::Open {
            campaign,
            app_id,
            open_id: state.open_id(open.key.recipient),
            ordinal: open.key.ordinal,
            merchant_coupon_id: id(open.key),
            state: open.state.word(),
            why: word(&open.why),
            day: match open.why {
                Why::NoBill(day) | Why::BadBill(day) => Some(day.to_string()),
                _ => None,
            },
        });
    }
    for foreign in &compared.foreign {
        let (campaign, app_id) = names();
        objects.push(Object::Foreign {
            campaign,
            app_id,
            coupon_id: foreign.coupon_id.clone(),
            open_id: foreign.open_id.clone(),
            day: foreign.day.to_string(),
        });
    }
    let (name, app_id) = names();
    objects.push(Object::Reconciled {
        campaign: name,
        app_id,
        found: compared.settled.len() as u64,
        accepted: compared.accepted.len() as u64,
        in_doubt: compared.in_doubt() as u64,
        foreign: compared.foreign_count,
    });
    objects
}

const fn count_word(verdict: CountVerdict) -> &'static str {
    match verdict {
        CountVerdict::Unknown => "unknown",
        CountVerdict::Behind => "fewer_than_confirmed",
        CountVerdict::NoneOfDoubts => "none_of_the_doubts",
        CountVerdict::SomeOfDoubts => "some_of_the_doubts",
        CountVerdict::AllOfDoubts => "all_of_the_doubts",
        CountVerdict::More => "more",
    }
}

/// The word for why a delivery is open.
pub(super) const fn word(why: &Why) -> &'static str {
    match why {
        Why::NotAsked => "not_asked",
        Why::Undated => "undated",
        Why::UnknownTemplate => "unknown_template",
        Why::Several => "several",
        Why::Unclear => "unclear",
        Why::IdOfAnother => "id_of_another",
        Why::NoBill(_) => "no_bill",
        Why::BadBill(_) => "bad_bill",
        Why::NoColumns => "no_columns",
        Why::NoTemplate => "no_template",
        Why::CountUnknown => "count_unknown",
        Why::CountDisagrees => "count_disagrees",
        Why::Absent => "absent",
        Why::Held => "held",
    }
}

/// What a comparison would ask for.
#[derive(Serialize)]
pub(super) struct PreviewObject {
    r#type: &'static str,
    campaign: String,
    app_id: String,
    activities: Vec<String>,
    users: u64,
    sample: u64,
    bills: Vec<String>,
}

impl PreviewObject {
    pub(super) fn new(campaign: &LoadedCampaign, preview: &Preview) -> Self {
        let identity = &campaign.plan.identity;
        Self {
            r#type: "reconcile_preview",
            campaign: identity.campaign.to_string(),
            app_id: identity.app_id.to_string(),
            activities: preview.activities.iter().map(ToString::to_string).collect(),
            users: preview.users,
            sample: preview.sample,
            bills: preview.days.iter().map(ToString::to_string).collect(),
        }
    }
}
