//! A delivery as a row of an export. The fields and their order are a contract.

use std::borrow::Cow;
use std::sync::Arc;

use jiff::fmt::temporal::DateTimePrinter;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::ser::{Serialize, SerializeMap, Serializer};

use crate::ledger::{Found, ManualDecision};
use crate::model::delivery::StateName;
use crate::model::identity::{ActivityId, Identity};
use crate::model::merchant_coupon_id::MerchantCouponId;
use crate::model::outcome::{Coupon, Outcome, Proof};

/// How many fields a delivery has.
pub const FIELDS: usize = 23;

/// The type of a field, for formats with a schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An identifier or a fixed word. Every format writes it unchanged, so that it can be looked up.
    Id,
    /// Text that the platform or a person wrote.
    Text,
    /// A whole number.
    Number,
    /// A point in time.
    Time,
    /// A boolean.
    Flag,
}

/// The fields of a delivery, in their order.
pub const COLUMNS: [(&str, Kind); FIELDS] = [
    ("open_id", Kind::Id),
    ("ordinal", Kind::Number),
    ("merchant_coupon_id", Kind::Id),
    ("state", Kind::Id),
    ("code", Kind::Number),
    ("message", Kind::Text),
    ("log_id", Kind::Id),
    ("coupon_id", Kind::Id),
    ("merchant_meta_no", Kind::Id),
    ("activity_id", Kind::Id),
    ("attempts", Kind::Number),
    ("unknown_attempts", Kind::Number),
    ("first_attempt_at", Kind::Time),
    ("settled_at", Kind::Time),
    ("receive_time", Kind::Time),
    ("valid_begin_time", Kind::Time),
    ("valid_end_time", Kind::Time),
    ("coupon_name", Kind::Text),
    ("coupon_status", Kind::Number),
    ("discount_amount", Kind::Number),
    ("min_pay_amount", Kind::Number),
    ("replay", Kind::Flag),
    ("reason", Kind::Text),
];

/// A `receive_time` further from the answer than this is implausible, and shown as absent.
const FURTHEST: SignedDuration = SignedDuration::from_hours(366 * 24);

/// The value of one field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cell<'a> {
    /// The value is unknown or does not apply.
    Absent,
    /// See [`Kind::Id`].
    Id(&'a str),
    /// See [`Kind::Text`].
    Text(&'a str),
    /// See [`Kind::Number`].
    Number(i64),
    /// See [`Kind::Time`].
    Time(Timestamp),
    /// See [`Kind::Flag`].
    Flag(bool),
}

/// The present state of one delivery.
#[derive(Clone, Debug)]
pub struct Row<'a> {
    /// The recipient. Empty if the open_ids were erased.
    pub open_id: String,
    /// Which of the recipient's coupons, from 1.
    pub ordinal: u8,
    /// Its idempotency key.
    pub merchant_coupon_id: Option<MerchantCouponId>,
    /// Its state.
    pub state: StateName,
    /// The activity of its last attempt.
    pub activity_id: Option<&'a ActivityId>,
    /// How many attempts were made.
    pub attempts: u32,
    /// How many attempts ended with an unknown outcome.
    pub unknown_attempts: u32,
    /// When its first attempt began.
    pub first_attempt_at: Option<Timestamp>,
    /// When it was issued or refused.
    pub settled_at: Option<Timestamp>,
    /// The outcome of the last attempt that ended.
    pub outcome: Option<Cow<'a, Outcome>>,
    /// Why it is in this state, when no answer of the platform says so: in English, for programs.
    pub reason: Option<String>,
    /// The person's decision that `reason` describes. `None` if it describes none.
    pub decision: Option<Arc<ManualDecision>>,
    /// The coupon that the platform's own records show. `None` if an answer showed it, or nothing did.
    pub found: Option<Arc<Found>>,
}

impl Row<'_> {
    /// The values of the fields, in the order of [`COLUMNS`].
    #[must_use]
    pub fn cells(&self) -> [Cell<'_>; FIELDS] {
        let outcome = self.outcome.as_deref();
        let answer = outcome.and_then(|outcome| outcome.answer.as_ref());
        let (coupon, replay) = match outcome.map(|outcome| &outcome.proof) {
            Some(Proof::Issued { coupon, replay }) => (Some(&**coupon), Cell::Flag(*replay)),
            _ => (self.found.as_deref().map(|found| &found.coupon), Cell::Absent),
        };
        let said = match answer {
            Some(answer) => Some(answer.message.as_str()),
            None => outcome.and_then(|outcome| outcome.detail.as_deref()),
        };
        let number = |of: fn(&Coupon) -> Option<i64>| coupon.and_then(of).map_or(Cell::Absent, Cell::Number);
        let validity = |of: fn(&Coupon) -> Option<i64>| coupon.and_then(of).map_or(Cell::Absent, seconds);
        let seen = outcome.map(|outcome| outcome.at).or(self.settled_at);
        let received = seen
            .zip(coupon)
            .map_or(Cell::Absent, |(seen, coupon)| received(coupon.receive_time, seen));
        [
            id(Some(&self.open_id)),
            Cell::Number(self.ordinal.into()),
            id(self.merchant_coupon_id.as_ref().map(MerchantCouponId::as_str)),
            Cell::Id(self.state.word()),
            answer.map_or(Cell::Absent, |answer| Cell::Number(answer.code)),
            text(said),
            id(answer.map(|answer| answer.log_id.as_str())),
            id(coupon.map(|coupon| coupon.coupon_id.as_str())),
            id(coupon.and_then(|coupon| coupon.merchant_meta_no.as_deref())),
            id(self.activity_id.map(ActivityId::as_str)),
            Cell::Number(self.attempts.into()),
            Cell::Number(self.unknown_attempts.into()),
            self.first_attempt_at.map_or(Cell::Absent, Cell::Time),
            self.settled_at.map_or(Cell::Absent, Cell::Time),
            received,
            validity(|coupon| coupon.valid_begin_time),
            validity(|coupon| coupon.valid_end_time),
            text(coupon.and_then(|coupon| coupon.coupon_name.as_deref())),
            number(|coupon| coupon.coupon_status),
            number(|coupon| coupon.discount_amount),
            number(|coupon| coupon.min_pay_amount),
            replay,
            text(self.reason.as_deref()),
        ]
    }
}

/// The platform's empty texts count as missing.
fn text(text: Option<&str>) -> Cell<'_> {
    text.filter(|text| !text.is_empty()).map_or(Cell::Absent, Cell::Text)
}

fn id(text: Option<&str>) -> Cell<'_> {
    text.filter(|text| !text.is_empty()).map_or(Cell::Absent, Cell::Id)
}

fn seconds(seconds: i64) -> Cell<'static> {
    match Timestamp::from_second(seconds) {
        Ok(at) if seconds > 0 => Cell::Time(at),
        _ => Cell::Absent,
    }
}

fn received(receive_time: Option<i64>, answered: Timestamp) -> Cell<'static> {
    match receive_time.map(seconds) {
        Some(Cell::Time(at)) if answered.duration_since(at).abs() <= FURTHEST => Cell::Time(at),
        _ => Cell::Absent,
    }
}

/// Writes times as RFC 3339 with a zone's offset, to the millisecond.
#[derive(Clone, Debug)]
pub struct Times {
    zone: TimeZone,
}

impl Times {
    /// A writer of times in `zone`.
    #[must_use]
    pub const fn new(zone: TimeZone) -> Self {
        Self { zone }
    }

    /// Appends `at` to `into`.
    pub fn write(&self, at: Timestamp, into: &mut String) {
        const PRINTER: DateTimePrinter = DateTimePrinter::new().precision(Some(3));
        // Writing to a `String` cannot fail.
        let _ = PRINTER.print_timestamp_with_offset(&at, self.zone.to_offset(at), into);
    }

    /// `at` as text.
    #[must_use]
    pub fn text(&self, at: Timestamp) -> String {
        let mut text = String::with_capacity(32);
        self.write(at, &mut text);
        text
    }
}

/// A delivery as a JSON object of type `delivery`. Unknown fields are omitted.
pub struct Object<'a, M> {
    /// The delivery.
    pub row: &'a Row<'a>,
    /// The identity of its campaign.
    pub identity: &'a Identity,
    /// The writer of its times.
    pub times: &'a Times,
    /// Additional fields, by name.
    pub more: &'a [(&'a str, M)],
}

impl<M: Serialize> Serialize for Object<'_, M> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("type", "delivery")?;
        map.serialize_entry("campaign", self.identity.campaign.as_str())?;
        map.serialize_entry("app_id", self.identity.app_id.as_str())?;
        for ((name, _), cell) in COLUMNS.iter().zip(self.row.cells()) {
            match cell {
                Cell::Absent => {}
                Cell::Id(text) | Cell::Text(text) => map.serialize_entry(name, text)?,
                Cell::Number(number) => map.serialize_entry(name, &number)?,
                Cell::Time(at) => map.serialize_entry(name, &self.times.text(at))?,
                Cell::Flag(flag) => map.serialize_entry(name, &flag)?,
            }
        }
        for (name, more) in self.more {
            map.serialize_entry(name, more)?;
        }
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::clock::from_ms;

    #[test]
    fn a_receive_time_that_can_be_none_is_unknown() {
        let answered = from_ms(1_780_000_000_000);
        let at = Timestamp::from_second(1_779_999_000).unwrap();
        assert_eq!(received(Some(1_779_999_000), answered), Cell::Time(at));
        for none in [
            None,
            Some(0),
            Some(-1),
            Some(1),
            Some(1_780_000_000_000),
            Some(i64::MAX),
        ] {
            assert_eq!(received(none, answered), Cell::Absent, "{none:?}");
        }
    }

    #[test]
    fn a_time_has_its_zone_s_offset_and_milliseconds() {
        let times = Times::new(TimeZone::get("Asia/Shanghai").unwrap());
        assert_eq!(times.text(from_ms(1_780_000_000_000)), "2026-05-29T04:26:40.000+08:00");
        assert_eq!(times.text(from_ms(1_780_000_000_012)), "2026-05-29T04:26:40.012+08:00");
    }
}
