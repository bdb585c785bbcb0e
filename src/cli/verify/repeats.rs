//! Shows the ids that occur in the answers to several deliveries.

use std::fmt::Write as _;

use serde::Serialize;

use crate::cli::failure::Failure;
use crate::ledger::repeated_ids::{DeliveryOfId, RepeatedId, RepeatedIds, Repeats};
use crate::model::problem::Problem;
use crate::report::text::{Align, Columns, cut, visible};
use crate::report::times::counted;

use crate::app::verify::certificate::Certificate;

/// The widest open_id in the list.
const OPEN_ID: usize = 40;

/// Describes the repeated ids in one line.
pub fn line(repeats: &Repeats) -> String {
    if repeats.is_empty() {
        return "no coupon_id or log_id belongs to two deliveries".to_owned();
    }
    format!("{} to several deliveries", belong(repeats))
}

fn belong(repeats: &Repeats) -> String {
    let Repeats { coupon_ids, log_ids } = repeats;
    let many = [
        (coupon_ids.ids, "coupon_id", "coupon_ids"),
        (log_ids.ids, "log_id", "log_ids"),
    ];
    let named = many.into_iter().filter(|(ids, ..)| *ids > 0);
    let named: Vec<_> = named.map(|(ids, one, several)| counted(ids, one, several)).collect();
    let belong = if coupon_ids.ids + log_ids.ids == 1 {
        "belongs"
    } else {
        "belong"
    };
    format!("{} {belong}", named.join(" and "))
}

/// Lists the first repeated ids. Empty if no id repeats.
pub fn list(repeats: &Repeats) -> String {
    let mut text = String::new();
    let kinds = [
        (&repeats.coupon_ids, "coupon_id", "coupon_ids"),
        (&repeats.log_ids, "log_id", "log_ids"),
    ];
    for (repeated, one, several) in kinds {
        for RepeatedId { id, deliveries, first } in &repeated.first {
            let deliveries_of_it = counted(*deliveries, "delivery", "deliveries");
            let _ = writeln!(text, "\n{one} {} belongs to {deliveries_of_it}", visible(id));
            rows(&mut text, first);
            more(
                &mut text,
                *deliveries,
                first.len(),
                "  … and",
                ("delivery", "deliveries"),
            );
        }
        more(&mut text, repeated.ids, repeated.first.len(), "\n… and", (one, several));
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
        [
            cut(&visible(open_id), OPEN_ID).into_owned(),
            format!("coupon {ordinal}  {merchant_coupon_id}  {state}"),
        ]
    };
    let rows: Vec<_> = deliveries.iter().map(row).collect();
    let table = Columns::new([Align::Left; 2], &rows);
    for row in &rows {
        let _ = writeln!(text, "  {}", table.line(row));
    }
}

fn more(text: &mut String, all: u64, shown: usize, begin: &str, (one, several): (&str, &str)) {
    let rest = all.saturating_sub(shown as u64);
    if rest > 0 {
        let _ = writeln!(text, "{begin} {} more", counted(rest, one, several));
    }
}

/// Returns why a sound ledger needs a person. `None` if no id repeats.
pub fn failure(repeats: &Repeats) -> Option<Failure> {
    let message = format!(
        "{} to several deliveries, and the platform gives each of them once",
        belong(repeats)
    );
    let help = "some of these users may have no coupon: compare them with the platform's records. `runner export` has the ids \
                of all deliveries, and `runner explain E0323` says how this comes";
    (!repeats.is_empty()).then(|| Failure::new(Problem::RepeatedIds, message).help(help))
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
