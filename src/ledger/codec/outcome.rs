//! An outcome in two parts: what it has in common with many others, and what it has for itself. The common part is kept
//! once and named by its number ever after; with a million coupons of one template that is most of it.

use std::time::Duration;

use hashbrown::HashMap;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::fact_codec::Times;
use super::wire::{Packed, Reader, Writer};
use crate::model::clock::from_ms;
use crate::model::delivery::Decision;
use crate::model::outcome::{Answer, Class, Classifier, Coupon, NotIssued, Outcome, Proof, Unknown};

/// More common parts, or longer ones, are written out each time: an odd platform must not fill the memory.
const MOST: usize = 4096;
const LONGEST: usize = 1024;

/// The common parts that were written so far.
#[derive(Clone, Debug, Default)]
pub(super) struct Dictionary {
    known: Vec<Common>,
    numbers: HashMap<Box<[u8]>, usize>,
    /// The last one that was not worth keeping.
    one_more: Option<Common>,
}

impl Dictionary {
    /// The common parts that are known, by number.
    pub(super) fn known(&self) -> Vec<Vec<u8>> {
        let mut known = vec![Vec::new(); self.known.len()];
        for (bytes, number) in &self.numbers {
            if let Some(slot) = known.get_mut(*number) {
                *slot = bytes.to_vec();
            }
        }
        known
    }

    /// Those that know these; nothing when they are not what anybody knew.
    pub(super) fn knowing(known: &[Vec<u8>]) -> Option<Self> {
        let mut dictionary = Self::default();
        for bytes in known {
            dictionary.learn(bytes);
        }
        (dictionary.known.len() == known.len()).then_some(dictionary)
    }

    fn learn(&mut self, bytes: &[u8]) {
        if self.known.len() >= MOST || bytes.len() > LONGEST || self.numbers.contains_key(bytes) {
            return;
        }
        if let Ok(common) = postcard::from_bytes(bytes) {
            self.numbers.insert(bytes.into(), self.known.len());
            self.known.push(common);
        }
    }

    /// By its number from 1 on, or 0 and in full.
    fn write(&mut self, writer: &mut Writer, common: &[u8]) {
        if let Some(number) = self.numbers.get(common) {
            return writer.number(*number as u64 + 1);
        }
        writer.number(0);
        writer.bytes(common);
        self.learn(common);
    }

    fn read(&mut self, reader: &mut Reader<'_>) -> Option<&Common> {
        if let Some(number) = reader.number()?.checked_sub(1) {
            return self.known.get(usize::try_from(number).ok()?);
        }
        let bytes = reader.bytes()?;
        let before = self.known.len();
        self.learn(bytes);
        if self.known.len() > before {
            return self.known.last();
        }
        self.one_more = Some(postcard::from_bytes(bytes).ok()?);
        self.one_more.as_ref()
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(in crate::ledger) struct Common {
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
    /// Whether it has a receive_time, valid_begin_time, valid_end_time.
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

/// Writes a verdict and its outcome.
pub(super) fn write(
    writer: &mut Writer,
    dictionary: &mut Dictionary,
    decision: &Decision,
    outcome: &Outcome,
    last: &mut Times,
) {
    let common = postcard::to_stdvec(&Common::new(decision, outcome)).unwrap_or_default();
    dictionary.write(writer, &common);
    last.write(writer, outcome.at);
    writer.number(u64::try_from(outcome.latency.as_millis()).unwrap_or(u64::MAX));
    if let Decision::NotIssued { due, .. } | Decision::Unknown { due, .. } = decision {
        writer.near(due.as_millisecond().wrapping_sub(last.0));
    }
    if let Some(answer) = &outcome.answer {
        writer.text(&answer.log_id);
    }
    if let Proof::Issued { coupon, .. } = &outcome.proof {
        writer.text(&coupon.coupon_id);
        // Each near the one before: received when it was answered, valid from then on, for some days.
        let mut before = last.0.div_euclid(1000);
        for time in times(coupon).into_iter().flatten() {
            writer.near(time.wrapping_sub(before));
            before = time;
        }
    }
}

/// An outcome as it lies there: most of those who fold it need no more than when it was.
#[derive(Clone, Debug)]
pub(in crate::ledger) struct Told<'a> {
    common: &'a Common,
    pub(in crate::ledger) at: Timestamp,
    /// Behind the time.
    rest: Reader<'a>,
}

/// Reads a verdict, and passes over its outcome.
pub(super) fn read<'c, 'a: 'c>(
    reader: &mut Reader<'a>,
    dictionary: &'c mut Dictionary,
    last: &mut Times,
) -> Option<(Decision, Told<'c>)> {
    let common = dictionary.read(reader)?;
    let at = reader.time(&mut last.0)?;
    let rest = reader.clone();
    let told = Told { common, at, rest };
    let own = told.own(reader)?;
    let due = own.due.map(|from_at| from_ms(last.0.wrapping_add(from_at)));
    let decision = match common.decision {
        CommonDecision::Issued => Decision::Issued,
        CommonDecision::Refused { code } => Decision::Refused { code },
        CommonDecision::Held { code } => Decision::Held { code },
        CommonDecision::NotIssued { code } => Decision::NotIssued { due: due?, code },
        CommonDecision::Unknown { code } => Decision::Unknown { due: due?, code },
    };
    Some((decision, told))
}

/// What an outcome has for itself.
struct Own<'a> {
    latency: Duration,
    /// How many milliseconds after the outcome it is due again.
    due: Option<i64>,
    log_id: Option<Packed<'a>>,
    coupon_id: Option<Packed<'a>>,
    times: [Option<i64>; 3],
}

/// What the platform names an answer and its coupon by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::ledger) struct AnswerIds {
    pub(in crate::ledger) log_id: Option<String>,
    pub(in crate::ledger) coupon_id: Option<String>,
}

impl Told<'_> {
    /// The ids of the answer.
    pub(in crate::ledger) fn ids(&self) -> Option<AnswerIds> {
        let own = self.own(&mut self.rest.clone())?;
        let text = |packed: Packed<'_>| Some(packed.text()).filter(|id| !id.is_empty());
        Some(AnswerIds {
            log_id: own.log_id.and_then(text),
            coupon_id: own.coupon_id.and_then(text),
        })
    }

    /// All of it. Nothing when it is an issued one without a coupon, which nobody writes.
    pub(in crate::ledger) fn outcome(&self) -> Option<Outcome> {
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

    fn own<'a>(&self, reader: &mut Reader<'a>) -> Option<Own<'a>> {
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
