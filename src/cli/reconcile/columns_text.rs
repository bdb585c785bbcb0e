//! A mapping of the columns of bills, as it is typed and shown.

use crate::campaign::BillColumns;

/// Returns a mapping of columns as it is typed.
pub(super) fn written(named: &BillColumns) -> String {
    pairs(named)
        .iter()
        .map(|(name, column)| format!("{name}={column}"))
        .collect::<Vec<_>>()
        .join(",")
}

/// Returns the columns that are named, in the order of the documentation.
pub(super) fn pairs(named: &BillColumns) -> Vec<(&'static str, &str)> {
    let optional = [
        ("receive_time", &named.receive_time),
        ("merchant_meta_no", &named.merchant_meta_no),
        ("coupon_meta_id", &named.coupon_meta_id),
        ("activity_id", &named.activity_id),
    ];
    let mut pairs = vec![
        ("coupon_id", named.coupon_id.as_str()),
        ("open_id", named.open_id.as_str()),
    ];
    pairs.extend(
        optional
            .into_iter()
            .filter_map(|(name, column)| Some((name, column.as_deref()?))),
    );
    pairs
}
