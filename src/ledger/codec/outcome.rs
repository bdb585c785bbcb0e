//! An outcome in two parts: one that many outcomes have in common, and its own. The common part is written in full once and
//! by its number in a dictionary from then on. With a million coupons of one template it is the larger part.

use std::time::Duration;

use hashbrown::HashMap;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::primitives::{PackedText, Reader, Writer};
use crate::model::clock::from_ms;
use crate::model::delivery::Decision;
use crate::model::outcome::{Answer, Class, Classifier, Coupon, NotIssued, Outcome, Proof, Unknown};

/// The limits of the dictionary. Further or longer common parts are written in full each time, so that an odd platform does
/// not fill the memory.
const MOST: usize = 4096;
const LONGEST: usize = 1024;

/// The common parts so far, by number.
#[derive(Clone, Debug, Default)]
pub(super) struct Dictionary {
    entries: Vec<Common>,
    numbers: HashMap<Box<[u8]>, usize>,
    /// The last common part that is not in the dictionary.
    unlisted: Option<Common>,
}

impl Dictionary {
    /// The entries as bytes, by number.
    pub(super) fn to_bytes(&self) -> Vec<Vec<u8>> {
        let mut entries = vec![Vec::new(); self.entries.len()];
        for (bytes, number) in &self.numbers {
            if let Some(slot) = entries.get_mut(*number) {
                *slot = bytes.to_vec();
            }
        }
        entries
    }

    /// Reads what [`Dictionary::to_bytes`] returned. `None` for other bytes.
    pub(super) fn from_bytes(entries: &[Vec<u8>]) -> Option<Self> {
        let mut dictionary = Self::default();
        for bytes in entries {
            dictionary.add(bytes);
        }
        (dictionary.entries.len() == entries.len()).then_some(dictionary)
    }

    pub(super) fn is_same(&self, other: &Self) -> bool {
        self.numbers == other.numbers
    }

    fn add(&mut self, bytes: &[u8]) {
        if self.entries.len() >= MOST || bytes.len() > LONGEST || self.numbers.contains_key(bytes) {
            return;
        }
        if let Ok(common) = postcard::from_bytes(bytes) {
            self.numbers.insert(bytes.into(), self.entries.len());
            self.entries.push(common);
        }
    }

    /// Writes a common part as its number, from 1, or as 0 and its bytes.
    fn write(&mut self, writer: &mut Writer, common: &[u8]) {
        if let Some(number) = self.numbers.get(common) {
            return writer.number(*number as u64 + 1);
        }
        writer.number(0);
        writer.bytes(common);
        self.add(common);
    }

    fn read(&mut self, reader: &mut Reader<'_>) -> Option<&Common> {
        if let Some(number) = reader.number()?.checked_sub(1) {
            return self.entries.get(usize::try_from(number).ok()?);
        }
        let bytes = reader.bytes()?;
        let before = self.entries.len();
        self.add(bytes);
        if self.entries.len() > before {
            return self.entries.last();
        }
        self.unlisted = Some(postcard::from_bytes(bytes).ok()?);
        self.unlisted.as_ref()
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Common {
    decision: CommonDecision,
    proof: CommonProof,
    coupon: Option<CommonCoupon>,
    answer: Option<CommonAnswer>,
    status: Option<u16>,
    detail: Option<String>,
    retry_after: Option<Duration>,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
enum CommonDecision {
    Issued,
    Refused { code: i64 },
    Held { code: i64 },
    NotIssued { code: Option<i64> },
    Unknown { code: Option<i64> },
}

#[derive(Clone, Debug, Serialize, Deserialize)]
enum CommonProof {
    Issued { replay: bool },
    Duplicate,
    Refused,
    Held,
    NotIssued(NotIssued),
    Unknown(Unknown),
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct CommonCoupon {
    merchant_meta_no: Option<String>,
    coupon_name: Option<String>,
    coupon_status: Option<i64>,
    discount_type: Option<i64>,
    discount_amount: Option<i64>,
    min_pay_amount: Option<i64>,
    /// Whether the coupon has a receive_time, a valid_begin_time and a valid_end_time.
    has_times: [bool; 3],
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct CommonAnswer {
    code: i64,
    message: String,
    class: Class,
    classifier: Classifier,
}

impl Common {
    fn new(decision: &Decision, outcome: &Outcome) -> Self {
        let coupon = match &outcome.proof {
            Proof::Issued { coupon, .. } => Some(CommonCoupon {
                merchant_meta_no: coupon.merchant_meta_no.clone(),
                coupon_name: coupon.coupon_name.clone(),
                coupon_status: coupon.coupon_status,
                discount_type: coupon.discount_type,
                discount_amount: coupon.discount_amount,
                min_pay_amount: coupon.min_pay_amount,
                has_times: times(coupon).map(|time| time.is_some()),
            }),
            _ => None,
        };
        Self {
            decision: match *decision {
                Decision::Issued => CommonDecision::Issued,
                Decision::Refused { code } => CommonDecision::Refused { code },
                Decision::Held { code } => CommonDecision::Held { code },
                Decision::NotIssued { code, .. } => CommonDecision::NotIssued { code },
                Decision::Unknown { code, .. } => CommonDecision::Unknown { code },
            },
            proof: match outcome.proof {
                Proof::Issued { replay, .. } => CommonProof::Issued { replay },
                Proof::Duplicate => CommonProof::Duplicate,
                Proof::Refused => CommonProof::Refused,
                Proof::Held => CommonProof::Held,
                Proof::NotIssued(why) => CommonProof::NotIssued(why),
                Proof::Unknown(why) => CommonProof::Unknown(why),
            },
            coupon,
            answer: outcome.answer.as_ref().map(|answer| CommonAnswer {
                code: answer.code,
                message: answer.message.clone(),
                class: answer.class,
                classifier: answer.classifier,
            }),
            status: outcome.status,
            detail: outcome.detail.clone(),
            retry_after: outcome.retry_after,
        }
    }
}

const fn times(coupon: &Coupon) -> [Option<i64>; 3] {
    [coupon.receive_time, coupon.valid_begin_time, coupon.valid_end_time]
}

pub(super) fn write(
    writer: &mut Writer,
    dictionary: &mut Dictionary,
    decision: &Decision,
    outcome: &Outcome,
    last: &mut i64,
) {
    let common = postcard::to_stdvec(&Common::new(decision, outcome)).unwrap_or_default();
    dictionary.write(writer, &common);
    writer.time(outcome.at, last);
    writer.number(u64::try_from(outcome.latency.as_millis()).unwrap_or(u64::MAX));
    if let Decision::NotIssued { due, .. } | Decision::Unknown { due, .. } = decision {
        writer.near(due.as_millisecond().wrapping_sub(*last));
    }
    if let Some(answer) = &outcome.answer {
        writer.text(&answer.log_id);
    }
    if let Proof::Issued { coupon, .. } = &outcome.proof {
        writer.text(&coupon.coupon_id);
        // Each time is near the one before: a coupon is received when the answer arrives, and valid for some days from then.
        let mut before = last.div_euclid(1000);
        for time in times(coupon).into_iter().flatten() {
            writer.near(time.wrapping_sub(before));
            before = time;
        }
    }
}

/// An outcome that stays packed, except for its time: the ledger state needs no more.
#[derive(Clone, Debug)]
pub struct PackedOutcome<'a> {
    common: &'a Common,
    pub(in crate::ledger) at: Timestamp,
    /// The bytes after the time.
    rest: Reader<'a>,
}

/// The end of an attempt.
pub(super) struct PackedEnd<'a> {
    pub(super) decision: Decision,
    pub(super) outcome: PackedOutcome<'a>,
}

pub(super) fn read<'c, 'a: 'c>(
    reader: &mut Reader<'a>,
    dictionary: &'c mut Dictionary,
    last: &mut i64,
) -> Option<PackedEnd<'c>> {
    let common = dictionary.read(reader)?;
    let at = reader.time(last)?;
    let rest = reader.clone();
    let outcome = PackedOutcome { common, at, rest };
    let own = outcome.own(reader)?;
    let due = own.due.map(|from_at| from_ms(last.wrapping_add(from_at)));
    let decision = match common.decision {
        CommonDecision::Issued => Decision::Issued,
        CommonDecision::Refused { code } => Decision::Refused { code },
        CommonDecision::Held { code } => Decision::Held { code },
        CommonDecision::NotIssued { code } => Decision::NotIssued { due: due?, code },
        CommonDecision::Unknown { code } => Decision::Unknown { due: due?, code },
    };
    Some(PackedEnd { decision, outcome })
}

/// The part of an outcome that is not in the dictionary.
struct Own<'a> {
    latency: Duration,
    /// When the delivery is due again, in milliseconds after the outcome.
    due: Option<i64>,
    log_id: Option<PackedText<'a>>,
    coupon_id: Option<PackedText<'a>>,
    times: [Option<i64>; 3],
}

/// The ids that the platform gives once. They are not empty.
#[derive(Clone, Copy, Debug)]
pub(in crate::ledger) struct AnswerIds<'a> {
    pub(in crate::ledger) log_id: Option<PackedText<'a>>,
    pub(in crate::ledger) coupon_id: Option<PackedText<'a>>,
}

impl<'a> PackedOutcome<'a> {
    /// When the attempt ended.
    #[must_use]
    pub const fn at(&self) -> Timestamp {
        self.at
    }

    /// The ids of the answer. `None` for bytes that no encoder wrote.
    pub(in crate::ledger) fn ids(&self) -> Option<AnswerIds<'a>> {
        let own = self.own(&mut self.rest.clone())?;
        let is_some_id = |id: &PackedText<'_>| !id.is_empty();
        Some(AnswerIds {
            log_id: own.log_id.filter(is_some_id),
            coupon_id: own.coupon_id.filter(is_some_id),
        })
    }

    /// The value of the coupon, in fen. `None` if the platform stated none.
    pub(in crate::ledger) fn discount_amount(&self) -> Option<i64> {
        self.common.coupon.as_ref()?.discount_amount
    }

    /// Whether [`PackedOutcome::decode`] succeeds. Its own part can be decoded, or it would not have been read.
    pub(in crate::ledger) const fn can_be_decoded(&self) -> bool {
        let is_issued = matches!(self.common.proof, CommonProof::Issued { .. });
        !is_issued || self.common.coupon.is_some()
    }

    /// Decodes the whole outcome. `None` for bytes that no encoder wrote, such as an issued outcome without a coupon.
    pub(crate) fn decode(&self) -> Option<Outcome> {
        let common = self.common;
        let own = self.own(&mut self.rest.clone())?;
        let proof = match common.proof {
            CommonProof::Issued { replay } => Proof::Issued {
                coupon: Box::new(self.coupon(&own)?),
                replay,
            },
            CommonProof::Duplicate => Proof::Duplicate,
            CommonProof::Refused => Proof::Refused,
            CommonProof::Held => Proof::Held,
            CommonProof::NotIssued(why) => Proof::NotIssued(why),
            CommonProof::Unknown(why) => Proof::Unknown(why),
        };
        let answer = common.answer.as_ref().map(|answer| Answer {
            code: answer.code,
            message: answer.message.clone(),
            log_id: own.log_id.map(|packed| packed.text()).unwrap_or_default(),
            class: answer.class,
            classifier: answer.classifier,
        });
        Some(Outcome {
            proof,
            answer,
            status: common.status,
            detail: common.detail.clone(),
            retry_after: common.retry_after,
            latency: own.latency,
            at: self.at,
        })
    }

    fn own<'r>(&self, reader: &mut Reader<'r>) -> Option<Own<'r>> {
        let common = self.common;
        let mut own = Own {
            latency: Duration::from_millis(reader.number()?),
            due: None,
            log_id: None,
            coupon_id: None,
            times: [None; 3],
        };
        if let CommonDecision::NotIssued { .. } | CommonDecision::Unknown { .. } = common.decision {
            own.due = Some(reader.near()?);
        }
        if common.answer.is_some() {
            own.log_id = Some(reader.packed()?);
        }
        if let Some(coupon) = &common.coupon {
            own.coupon_id = Some(reader.packed()?);
            let mut before = self.at.as_millisecond().div_euclid(1000);
            for (time, has) in own.times.iter_mut().zip(coupon.has_times) {
                if has {
                    before = before.wrapping_add(reader.near()?);
                    *time = Some(before);
                }
            }
        }
        Some(own)
    }

    fn coupon(&self, own: &Own<'_>) -> Option<Coupon> {
        let common = self.common.coupon.as_ref()?;
        let [receive_time, valid_begin_time, valid_end_time] = own.times;
        Some(Coupon {
            coupon_id: own.coupon_id?.text(),
            merchant_meta_no: common.merchant_meta_no.clone(),
            coupon_name: common.coupon_name.clone(),
            coupon_status: common.coupon_status,
            discount_type: common.discount_type,
            discount_amount: common.discount_amount,
            min_pay_amount: common.min_pay_amount,
            receive_time,
            valid_begin_time,
            valid_end_time,
        })
    }
}
