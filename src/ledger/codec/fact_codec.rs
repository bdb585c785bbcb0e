//! Encodes and decodes facts. Each fact is encoded relative to those before it in the log: times and recipients as
//! differences, the common part of outcomes as a number. So a log can be read only from its beginning, or with the codec's
//! state at a batch.
//!
//! The first byte of a fact has its kind in the lower half. The upper half has the ordinal; for the start of a run, the
//! version of the rules; for rare kinds, which of them it is.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::outcome::{self, Dictionary, PackedEnd};
use super::packed_open_ids::PackedOpenIds;
use super::primitives::{Reader, Writer};
use crate::ledger::erased_recipients::ErasedRecipients;
use crate::ledger::fact::{Answered, Fact, FactView};
use crate::ledger::fact_rules::Rules;
use crate::ledger::kept_out_sample::{KeptOut, Sample};
use crate::model::delivery::{ActivityNo, Away, DeliveryKey, Transition};

const RUN_BEGAN: u8 = 0;
const ADMITTED: u8 = 1;
const AWAY: u8 = 2;
const RETURNED: u8 = 3;
const CLOSED: u8 = 4;
const INTENT: u8 = 5;
const WITHDRAWN: u8 = 6;
const ENDED: u8 = 7;
const REREAD: u8 = 8;
const DECIDED: u8 = 9;
const LAPSED: u8 = 10;
const WAVE_ENDED: u8 = 11;
const WAVE_HALTED: u8 = 12;
const KEPT_OUT: u8 = 13;
/// Kinds that are rare. The upper half of the byte says which.
const RARE: u8 = 14;

const ACTED: u8 = 0;
const TESTERS: u8 = 1;
const OWNER_CHANGED: u8 = 2;
const RUN_APPROVED: u8 = 3;
const RECORDED: u8 = 4;
const FOUND: u8 = 5;
const ORIGIN: u8 = 6;
const LAST_ACTIVE: u8 = 7;
const ACTIVITY: u8 = 8;
const ERASED: u8 = 9;
const ADMITTED_ERASED: u8 = 10;

const OWE: u8 = 0;
const REFUSED: u8 = 1;
const ISSUED: u8 = 2;
const RESEND: u8 = 3;
const UNKNOWN: u8 = 4;
const OWE_UNDER_NEW_ACTIVITY: u8 = 5;

/// The most numbers in one fact. A longer list is written as several facts, which together mean the same.
const MOST_NUMBERS: usize = 1 << 20;

/// The encoder and the decoder. Both have the same state after the same facts.
#[derive(Clone, Debug, Default)]
pub(in crate::ledger) struct Codec {
    dictionary: Dictionary,
    /// The last time, in milliseconds.
    last_at: i64,
    last_intent: u32,
    last_ended: u32,
}

/// The state of a [`Codec`] in a snapshot.
#[derive(Debug, Serialize, Deserialize)]
pub(in crate::ledger) struct CodecState {
    dictionary: Vec<Vec<u8>>,
    last: i64,
    last_intent: u32,
    last_ended: u32,
}

impl Codec {
    pub(in crate::ledger) fn to_state(&self) -> CodecState {
        // Destructured, so that a new field is not forgotten here.
        let Self {
            dictionary,
            last_at,
            last_intent,
            last_ended,
        } = self;
        CodecState {
            dictionary: dictionary.to_bytes(),
            last: *last_at,
            last_intent: *last_intent,
            last_ended: *last_ended,
        }
    }

    /// `None` for a state that no codec can have.
    pub(in crate::ledger) fn from_state(codec_state: CodecState) -> Option<Self> {
        let CodecState {
            dictionary,
            last,
            last_intent,
            last_ended,
        } = codec_state;
        Some(Self {
            dictionary: Dictionary::from_bytes(&dictionary)?,
            last_at: last,
            last_intent,
            last_ended,
        })
    }

    /// Whether both have the same state, so that each decodes what the other encodes.
    pub(in crate::ledger) fn is_in_step_with(&self, other: &Self) -> bool {
        self.dictionary.is_same(&other.dictionary)
            && (self.last_at, self.last_intent, self.last_ended) == (other.last_at, other.last_intent, other.last_ended)
    }

    /// Encodes facts, with times to the millisecond. `None` if one of them cannot be a fact: a `Reread` with another kind of
    /// step.
    pub(in crate::ledger) fn encode(&mut self, facts: &[Fact]) -> Option<Vec<u8>> {
        let mut writer = Writer::default();
        facts.iter().try_for_each(|fact| self.write(&mut writer, fact))?;
        Some(writer.0)
    }

    /// Decodes facts and calls `each` for each. `None` for bytes that no encoder wrote.
    pub(in crate::ledger) fn decode<E>(
        &mut self,
        bytes: &[u8],
        mut each: impl FnMut(FactView<'_>) -> Result<(), E>,
    ) -> Option<Result<(), E>> {
        let mut reader = Reader(bytes);
        while !reader.is_at_end() {
            if let Err(error) = each(self.read(&mut reader)?) {
                return Some(Err(error));
            }
        }
        Some(Ok(()))
    }

    fn write(&mut self, writer: &mut Writer, fact: &Fact) -> Option<()> {
        match fact {
            Fact::RunBegan { at, timeout, rules } => {
                writer.byte(rules.number() << 4 | RUN_BEGAN);
                writer.time(*at, &mut self.last_at);
                writer.number(u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX));
            }
            Fact::Admitted { recipients } => {
                writer.byte(ADMITTED);
                writer.number(recipients.len() as u64);
                for open_id in recipients {
                    writer.text(open_id.as_str());
                }
            }
            // The reason has the place of the ordinal.
            Fact::Away { why, recipients } => write_numbers(writer, why.number() << 4 | AWAY, recipients),
            Fact::Returned { recipients } => write_numbers(writer, RETURNED, recipients),
            Fact::Testers { recipients } => write_numbers(writer, TESTERS << 4 | RARE, recipients),
            Fact::Origin(origin) => {
                writer.byte(ORIGIN << 4 | RARE);
                writer.bytes(&postcard::to_stdvec(origin).ok()?);
            }
            Fact::LastActive { seconds } => {
                writer.byte(LAST_ACTIVE << 4 | RARE);
                let bytes = seconds.iter().flat_map(|second| second.to_le_bytes());
                writer.bytes(&bytes.collect::<Vec<_>>());
            }
            Fact::Lapsed { recipient, at } => {
                write_recipient(writer, LAPSED, *recipient, &mut self.last_ended);
                writer.time(*at, &mut self.last_at);
            }
            Fact::KeptOut(KeptOut { list, people }) => {
                writer.byte(KEPT_OUT);
                writer.text(list);
                // Hashes are random, so differences would be no shorter.
                let hashes = people.hashes().iter().flat_map(|hash| hash.to_le_bytes());
                writer.bytes(&hashes.collect::<Vec<_>>());
            }
            Fact::Closed(generation) => {
                writer.byte(CLOSED);
                writer.bytes(&postcard::to_stdvec(generation).ok()?);
            }
            Fact::Intent { key, at, activity } => {
                write_key(writer, INTENT, *key, &mut self.last_intent);
                writer.time(*at, &mut self.last_at);
                writer.number(activity.0.into());
            }
            Fact::Withdrawn { key } => write_key(writer, WITHDRAWN, *key, &mut self.last_ended),
            Fact::Ended { key, decision, outcome } => {
                write_key(writer, ENDED, *key, &mut self.last_ended);
                outcome::write(writer, &mut self.dictionary, decision, outcome, &mut self.last_at);
            }
            Fact::Reread { key, step, at } => {
                write_key(writer, REREAD, *key, &mut self.last_ended);
                writer.time(*at, &mut self.last_at);
                self.write_step(writer, step)?;
            }
            Fact::Decided { keys, decision } => {
                writer.byte(DECIDED);
                write_keys(writer, keys);
                writer.bytes(&postcard::to_stdvec(decision).ok()?);
            }
            Fact::WaveEnded { share, at } => self.write_wave(writer, WAVE_ENDED, *share, *at),
            Fact::WaveHalted { share, at, answered } => {
                self.write_wave(writer, WAVE_HALTED, *share, *at);
                writer.number(answered.all);
                writer.number(answered.not_issued);
            }
            Fact::Acted { at, act } => {
                writer.byte(ACTED << 4 | RARE);
                writer.time(*at, &mut self.last_at);
                writer.bytes(&postcard::to_stdvec(act).ok()?);
            }
            Fact::OwnerChanged { at, timeout, owner } => {
                writer.byte(OWNER_CHANGED << 4 | RARE);
                writer.time(*at, &mut self.last_at);
                writer.number(u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX));
                writer.bytes(&postcard::to_stdvec(owner).ok()?);
            }
            Fact::RunApproved { at, approval } => {
                writer.byte(RUN_APPROVED << 4 | RARE);
                writer.time(*at, &mut self.last_at);
                writer.bytes(&postcard::to_stdvec(approval).ok()?);
            }
            Fact::Recorded { at, record } => {
                writer.byte(RECORDED << 4 | RARE);
                writer.time(*at, &mut self.last_at);
                writer.bytes(&postcard::to_stdvec(record).ok()?);
            }
            Fact::Found { at, found } => {
                writer.byte(FOUND << 4 | RARE);
                writer.time(*at, &mut self.last_at);
                writer.bytes(&postcard::to_stdvec(found).ok()?);
            }
            Fact::Activity { at, step } => {
                writer.byte(ACTIVITY << 4 | RARE);
                writer.time(*at, &mut self.last_at);
                writer.bytes(&postcard::to_stdvec(step).ok()?);
            }
            Fact::AdmittedErased(recipients) => {
                writer.byte(ADMITTED_ERASED << 4 | RARE);
                writer.byte(recipients.coupons());
                writer.bytes(&recipients.to_bytes());
            }
            Fact::Erased { at, erasure } => {
                writer.byte(ERASED << 4 | RARE);
                writer.time(*at, &mut self.last_at);
                writer.bytes(&postcard::to_stdvec(erasure).ok()?);
            }
        }
        Some(())
    }

    fn write_wave(&mut self, writer: &mut Writer, kind: u8, share: f64, at: Timestamp) {
        writer.byte(kind);
        writer.number(share.to_bits());
        writer.time(at, &mut self.last_at);
    }

    fn write_step(&self, writer: &mut Writer, step: &Transition) -> Option<()> {
        match step {
            Transition::Owe => writer.byte(OWE),
            Transition::RereadRefused => writer.byte(REFUSED),
            Transition::RereadIssued => writer.byte(ISSUED),
            Transition::RereadResend { due } => {
                writer.byte(RESEND);
                writer.near(due.as_millisecond().wrapping_sub(self.last_at));
            }
            Transition::RereadUnknown { due } => {
                writer.byte(UNKNOWN);
                writer.near(due.as_millisecond().wrapping_sub(self.last_at));
            }
            Transition::OweUnderNewActivity => writer.byte(OWE_UNDER_NEW_ACTIVITY),
            Transition::Intent { .. }
            | Transition::Withdrawn
            | Transition::Ended(_)
            | Transition::Interrupted { .. }
            | Transition::Skip(_)
            | Transition::Return
            | Transition::Found
            | Transition::Resolved(_)
            | Transition::Undate => return None,
        }
        Some(())
    }

    fn read<'c, 'a: 'c>(&'c mut self, reader: &mut Reader<'a>) -> Option<FactView<'c>> {
        let first = reader.byte()?;
        let ordinal = first >> 4;
        Some(match first & 0xf {
            RUN_BEGAN => Fact::RunBegan {
                rules: Rules::numbered(first >> 4)?,
                at: reader.time(&mut self.last_at)?,
                timeout: Duration::from_millis(reader.number()?),
            },
            ADMITTED => Fact::Admitted {
                recipients: PackedOpenIds::read(reader)?,
            },
            AWAY => Fact::Away {
                why: Away::numbered(ordinal)?,
                recipients: read_numbers(reader)?,
            },
            RETURNED => Fact::Returned {
                recipients: read_numbers(reader)?,
            },
            LAPSED => Fact::Lapsed {
                recipient: read_recipient(reader, &mut self.last_ended)?,
                at: reader.time(&mut self.last_at)?,
            },
            KEPT_OUT => Fact::KeptOut(KeptOut {
                list: reader.packed()?.text(),
                people: Sample::from_hashes(read_hashes(reader.bytes()?)?)?,
            }),
            CLOSED => Fact::Closed(postcard::from_bytes(reader.bytes()?).ok()?),
            INTENT => Fact::Intent {
                key: read_key(reader, ordinal, &mut self.last_intent)?,
                at: reader.time(&mut self.last_at)?,
                activity: ActivityNo(u16::try_from(reader.number()?).ok()?),
            },
            WITHDRAWN => Fact::Withdrawn {
                key: read_key(reader, ordinal, &mut self.last_ended)?,
            },
            ENDED => {
                let key = read_key(reader, ordinal, &mut self.last_ended)?;
                let PackedEnd { decision, outcome } = outcome::read(reader, &mut self.dictionary, &mut self.last_at)?;
                Fact::Ended { key, decision, outcome }
            }
            REREAD => Fact::Reread {
                key: read_key(reader, ordinal, &mut self.last_ended)?,
                at: reader.time(&mut self.last_at)?,
                step: match reader.byte()? {
                    OWE => Transition::Owe,
                    REFUSED => Transition::RereadRefused,
                    ISSUED => Transition::RereadIssued,
                    RESEND => Transition::RereadResend {
                        due: reader.time(&mut self.last_at.clone())?,
                    },
                    UNKNOWN => Transition::RereadUnknown {
                        due: reader.time(&mut self.last_at.clone())?,
                    },
                    OWE_UNDER_NEW_ACTIVITY => Transition::OweUnderNewActivity,
                    _ => return None,
                },
            },
            DECIDED => Fact::Decided {
                keys: read_keys(reader)?,
                decision: postcard::from_bytes(reader.bytes()?).ok()?,
            },
            WAVE_ENDED => Fact::WaveEnded {
                share: read_share(reader)?,
                at: reader.time(&mut self.last_at)?,
            },
            WAVE_HALTED => Fact::WaveHalted {
                share: read_share(reader)?,
                at: reader.time(&mut self.last_at)?,
                answered: Answered {
                    all: reader.number()?,
                    not_issued: reader.number()?,
                },
            },
            RARE => match first >> 4 {
                ACTED => Fact::Acted {
                    at: reader.time(&mut self.last_at)?,
                    act: postcard::from_bytes(reader.bytes()?).ok()?,
                },
                TESTERS => Fact::Testers {
                    recipients: read_numbers(reader)?,
                },
                OWNER_CHANGED => Fact::OwnerChanged {
                    at: reader.time(&mut self.last_at)?,
                    timeout: Duration::from_millis(reader.number()?),
                    owner: postcard::from_bytes(reader.bytes()?).ok()?,
                },
                RUN_APPROVED => Fact::RunApproved {
                    at: reader.time(&mut self.last_at)?,
                    approval: postcard::from_bytes(reader.bytes()?).ok()?,
                },
                RECORDED => Fact::Recorded {
                    at: reader.time(&mut self.last_at)?,
                    record: postcard::from_bytes(reader.bytes()?).ok()?,
                },
                FOUND => Fact::Found {
                    at: reader.time(&mut self.last_at)?,
                    found: postcard::from_bytes(reader.bytes()?).ok()?,
                },
                ORIGIN => Fact::Origin(postcard::from_bytes(reader.bytes()?).ok()?),
                LAST_ACTIVE => Fact::LastActive {
                    seconds: read_seconds(reader.bytes()?)?,
                },
                ACTIVITY => Fact::Activity {
                    at: reader.time(&mut self.last_at)?,
                    step: postcard::from_bytes(reader.bytes()?).ok()?,
                },
                ADMITTED_ERASED => {
                    let coupons = reader.byte()?;
                    Fact::AdmittedErased(ErasedRecipients::from_bytes(coupons, reader.bytes()?)?)
                }
                ERASED => Fact::Erased {
                    at: reader.time(&mut self.last_at)?,
                    erasure: postcard::from_bytes(reader.bytes()?).ok()?,
                },
                _ => return None,
            },
            _ => return None,
        })
    }
}

/// Writes the ordinal in the same byte as the kind if it fits, else after it, and the recipient as the distance from the
/// one before.
fn write_key(writer: &mut Writer, kind: u8, key: DeliveryKey, last: &mut u32) {
    if (1..16).contains(&key.ordinal) {
        writer.byte(key.ordinal << 4 | kind);
    } else {
        writer.byte(kind);
        writer.byte(key.ordinal);
    }
    write_distance(writer, key.recipient, last);
}

fn write_recipient(writer: &mut Writer, kind: u8, recipient: u32, last: &mut u32) {
    writer.byte(kind);
    write_distance(writer, recipient, last);
}

fn write_distance(writer: &mut Writer, recipient: u32, last: &mut u32) {
    writer.near(i64::from(recipient) - i64::from(*last));
    *last = recipient;
}

fn read_recipient(reader: &mut Reader<'_>, last: &mut u32) -> Option<u32> {
    *last = u32::try_from(i64::from(*last).checked_add(reader.near()?)?).ok()?;
    Some(*last)
}

fn read_key(reader: &mut Reader<'_>, ordinal: u8, last: &mut u32) -> Option<DeliveryKey> {
    let ordinal = if ordinal == 0 { reader.byte()? } else { ordinal };
    let recipient = read_recipient(reader, last)?;
    Some(DeliveryKey { recipient, ordinal })
}

/// Writes each key as other facts have theirs, with the kind 0.
fn write_keys(writer: &mut Writer, keys: &[DeliveryKey]) {
    writer.number(keys.len() as u64);
    let mut last = 0;
    for key in keys {
        write_key(writer, 0, *key, &mut last);
    }
}

fn read_keys(reader: &mut Reader<'_>) -> Option<Vec<DeliveryKey>> {
    let count = reader.number()?;
    let mut keys = Vec::new();
    let mut last = 0;
    for _ in 0..count {
        let ordinal = reader.byte()? >> 4;
        keys.push(read_key(reader, ordinal, &mut last)?);
    }
    Some(keys)
}

fn read_hashes(bytes: &[u8]) -> Option<Vec<u64>> {
    let (hashes, rest) = bytes.as_chunks::<8>();
    rest.is_empty()
        .then(|| hashes.iter().map(|hash| u64::from_le_bytes(*hash)).collect())
}

fn read_seconds(bytes: &[u8]) -> Option<Vec<u32>> {
    let (seconds, rest) = bytes.as_chunks::<4>();
    rest.is_empty()
        .then(|| seconds.iter().map(|second| u32::from_le_bytes(*second)).collect())
}

fn read_share(reader: &mut Reader<'_>) -> Option<f64> {
    Some(f64::from_bits(reader.number()?)).filter(|share| (0.0..=1.0).contains(share))
}

/// Writes numbers as runs: the distance from the end of the run before, and the length. The recipients that a truncated
/// source lacks are one run.
fn write_numbers(writer: &mut Writer, kind: u8, numbers: &[u32]) {
    if numbers.len() > MOST_NUMBERS {
        return numbers
            .chunks(MOST_NUMBERS)
            .for_each(|some| write_numbers(writer, kind, some));
    }
    writer.byte(kind);
    let runs: Vec<&[u32]> = numbers.chunk_by(|a, b| a.checked_add(1) == Some(*b)).collect();
    writer.number(runs.len() as u64);
    let mut end = 0;
    for run in runs {
        let first = run.first().copied().unwrap_or_default();
        writer.near(i64::from(first) - end);
        writer.number(run.len() as u64);
        end = i64::from(first) + i64::try_from(run.len()).unwrap_or_default();
    }
}

fn read_numbers(reader: &mut Reader<'_>) -> Option<Vec<u32>> {
    let runs = reader.number()?;
    let mut numbers = Vec::new();
    let mut end = 0_i64;
    for _ in 0..runs {
        let first = end.checked_add(reader.near()?)?;
        end = first.checked_add(i64::try_from(reader.number()?).ok()?)?;
        let first = u32::try_from(first).ok()?;
        let last = u32::try_from(end.checked_sub(1)?).ok()?;
        // Checked first, because a run of a few bytes may name enough numbers to fill the memory.
        let count = u64::from(last).checked_sub(u64::from(first))? + numbers.len() as u64;
        if count >= MOST_NUMBERS as u64 {
            return None;
        }
        numbers.extend(first..=last);
    }
    Some(numbers)
}

#[cfg(test)]
mod tests;
