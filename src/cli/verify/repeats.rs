//! Shows the ids that occur in the answers to several deliveries.

use std::fmt::Write as _;

use serde::Serialize;

use crate::catalogue::verify as texts;
use crate::cli::failure::Failure;
use crate::ledger::repeated_ids::{DeliveryOfId, RepeatedId, RepeatedIds, Repeats};
use crate::model::problem::Problem;
use crate::report::text::{Align, Columns, cut, visible};

use crate::app::verify::certificate::Certificate;

/// The widest open_id in the list.
const OPEN_ID: usize = 40;

/// Describes the repeated ids in one line.
pub fn line(repeats: &Repeats) -> String {
    match (repeats.coupon_ids.ids, repeats.log_ids.ids) {
        (0, 0) => texts::NoRepeats.to_string(),
        (ids, 0) => texts::CouponIds { ids }.to_string(),
        (0, ids) => texts::LogIds { ids }.to_string(),
        (coupon_ids, log_ids) => texts::BothIds { coupon_ids, log_ids }.to_string(),
    }
}

/// Lists the first repeated ids. Empty if no id repeats.
pub fn list(repeats: &Repeats) -> String {
    let mut text = String::new();
    for (repeated, kind) in [(&repeats.coupon_ids, "coupon_id"), (&repeats.log_ids, "log_id")] {
        for RepeatedId { id, deliveries, first } in &repeated.first {
            let belongs = texts::IdBelongs {
                kind: &kind,
                id: &visible(id),
                deliveries: *deliveries,
            };
            let _ = writeln!(text, "\n{belongs}");
            rows(&mut text, first);
            let more = deliveries.saturating_sub(first.len() as u64);
            if more > 0 {
                let _ = writeln!(text, "  {}", texts::MoreDeliveries { more });
            }
        }
        let more = repeated.ids.saturating_sub(repeated.first.len() as u64);
        if more > 0 {
            let _ = writeln!(text, "\n{}", texts::MoreIds { more, kind: &kind });
        }
    }
    text
}

fn rows(text: &mut String, deliveries: &[DeliveryOfId]) {
    let row = |delivery: &DeliveryOfId| {
        let DeliveryOfId {
            open_id,
            ordinal,
            merchant_coupon_id,
            state,
        } = delivery;
        let delivery = texts::Delivery {
            ordinal,
            merchant_coupon_id,
            state,
        };
        [cut(&visible(open_id), OPEN_ID).into_owned(), delivery.to_string()]
    };
    let rows: Vec<_> = deliveries.iter().map(row).collect();
    let table = Columns::new([Align::Left; 2], &rows);
    for row in &rows {
        let _ = writeln!(text, "  {}", table.line(row));
    }
}

/// Returns why a sound ledger needs a person. `None` if no id repeats.
pub fn failure(repeats: &Repeats) -> Option<Failure> {
    (!repeats.is_empty()).then(|| {
        let message = texts::Repeated {
            repeats: &line(repeats),
        };
        Failure::new(Problem::RepeatedIds, message).help(texts::RepeatedHelp)
    })
}

/// The repeated ids, for programs.
#[derive(Serialize)]
pub struct Object<'a> {
    r#type: &'static str,
    campaign: &'a str,
    app_id: &'a str,
    coupon_ids: KindObject<'a>,
    log_ids: KindObject<'a>,
}

#[derive(Serialize)]
struct KindObject<'a> {
    ids: u64,
    deliveries: u64,
    first: Vec<IdObject<'a>>,
}

#[derive(Serialize)]
struct IdObject<'a> {
    id: &'a str,
    deliveries: u64,
    first: Vec<DeliveryObject<'a>>,
}

#[derive(Serialize)]
struct DeliveryObject<'a> {
    #[serde(skip_serializing_if = "str::is_empty")]
    open_id: &'a str,
    ordinal: u8,
    merchant_coupon_id: String,
    state: &'static str,
}

impl<'a> Object<'a> {
    /// Creates the object. `None` if no id repeats.
    pub fn new(certificate: &'a Certificate, repeats: &'a Repeats) -> Option<Self> {
        (!repeats.is_empty()).then(|| Self {
            r#type: "repeats",
            campaign: &certificate.campaign,
            app_id: &certificate.app_id,
            coupon_ids: KindObject::new(&repeats.coupon_ids),
            log_ids: KindObject::new(&repeats.log_ids),
        })
    }
}

impl<'a> KindObject<'a> {
    fn new(repeated: &'a RepeatedIds) -> Self {
        let delivery = |delivery: &'a DeliveryOfId| DeliveryObject {
            open_id: &delivery.open_id,
            ordinal: delivery.ordinal,
            merchant_coupon_id: delivery.merchant_coupon_id.to_string(),
            state: delivery.state.word(),
        };
        let id = |repeated: &'a RepeatedId| IdObject {
            id: &repeated.id,
            deliveries: repeated.deliveries,
            first: repeated.first.iter().map(delivery).collect(),
        };
        Self {
            ids: repeated.ids,
            deliveries: repeated.deliveries,
            first: repeated.first.iter().map(id).collect(),
        }
    }
}
