//! Facts as bytes. Each is written against those before it in the whole log: times and recipients as differences, and
//! what many outcomes have in common by a number. So a log is read from its beginning or not at all.
//!
//! The first byte of a fact says which it is, and of which ordinal; of a run's beginning, by which rules.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::outcome::{self, Dictionary, Told};
use super::wire::{Packed, Reader, Writer};
use crate::ledger::fact::{Answered, Fact, Generation, ManualDecision};
use crate::ledger::kept_out::{KeptOut, Sample};
use crate::ledger::rules::Rules;
use crate::model::delivery::{ActivityNo, Away, Decision, DeliveryKey, Transition};
use crate::model::identity::OpenId;

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

const OWE: u8 = 0;
const REFUSED: u8 = 1;
const ISSUED: u8 = 2;
const RESEND: u8 = 3;
const UNKNOWN: u8 = 4;
const OWE_UNDER_NEW_ACTIVITY: u8 = 5;

/// The most numbers in one fact; a list that is longer becomes several facts, which mean the same.
const MOST_NUMBERS: usize = 1 << 20;

/// The last time that was written, in milliseconds.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Times(pub(super) i64);

impl Times {
    pub(super) fn write(&mut self, writer: &mut Writer, at: Timestamp) {
        let at = at.as_millisecond();
        writer.near(at.wrapping_sub(self.0));
        self.0 = at;
    }
}

/// What the facts so far have taught, on the writing and on the reading side alike.
#[derive(Clone, Debug, Default)]
pub(in crate::ledger) struct Codec {
    dictionary: Dictionary,
    last: Times,
    last_intent: u32,
    last_ended: u32,
}

/// The same, to be kept.
#[derive(Debug, Serialize, Deserialize)]
pub(in crate::ledger) struct CodecState {
    dictionary: Vec<Vec<u8>>,
    last: i64,
    last_intent: u32,
    last_ended: u32,
}

impl Codec {
    /// What it was taught.
    pub(in crate::ledger) fn codec_state(&self) -> CodecState {
        // Taken apart, so that whoever adds to it has to add here.
        let Self {
            dictionary,
            last,
            last_intent,
            last_ended,
        } = self;
        CodecState {
            dictionary: dictionary.known(),
            last: last.0,
            last_intent: *last_intent,
            last_ended: *last_ended,
        }
    }

    /// A codec that was taught this; nothing when it cannot have been.
    pub(in crate::ledger) fn having(codec_state: CodecState) -> Option<Self> {
        let CodecState {
            dictionary,
            last,
            last_intent,
            last_ended,
        } = codec_state;
        Some(Self {
            dictionary: Dictionary::knowing(&dictionary)?,
            last: Times(last),
            last_intent,
            last_ended,
        })
    }

    /// Writes facts, times to the millisecond. Nothing when one of them is no fact: a reading again that takes a step of
    /// another kind.
    pub(in crate::ledger) fn encode(&mut self, facts: &[Fact]) -> Option<Vec<u8>> {
        let mut writer = Writer::default();
        facts.iter().try_for_each(|fact| self.write(&mut writer, fact))?;
        Some(writer.0)
    }

    /// Reads facts, and shows each. Nothing when they cannot be read.
    pub(in crate::ledger) fn decode<E>(
        &mut self,
        bytes: &[u8],
        mut each: impl FnMut(Entry<'_>) -> Result<(), E>,
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
                self.last.write(writer, *at);
                writer.number(u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX));
            }
            Fact::Admitted { recipients } => {
                writer.byte(ADMITTED);
                writer.number(recipients.len() as u64);
                for open_id in recipients {
                    writer.text(open_id.as_str());
                }
            }
            // Beside the kind stands the reason, where others have the ordinal.
            Fact::Away { why, recipients } => write_numbers(writer, why.number() << 4 | AWAY, recipients),
            Fact::Returned { recipients } => write_numbers(writer, RETURNED, recipients),
            Fact::Lapsed { recipient, at } => {
                write_recipient(writer, LAPSED, *recipient, &mut self.last_ended);
                self.last.write(writer, *at);
            }
            Fact::KeptOut(KeptOut { list, people }) => {
                writer.byte(KEPT_OUT);
                writer.text(list);
                // Hashes have nothing in common that would make them shorter.
                let hashes = people.hashes().iter().flat_map(|hash| hash.to_le_bytes());
                writer.bytes(&hashes.collect::<Vec<_>>());
            }
            Fact::Closed(generation) => {
                writer.byte(CLOSED);
                writer.bytes(&postcard::to_stdvec(generation).ok()?);
            }
            Fact::Intent { key, at, activity } => {
                write_key(writer, INTENT, *key, &mut self.last_intent);
                self.last.write(writer, *at);
                writer.number(activity.0.into());
            }
            Fact::Withdrawn { key } => write_key(writer, WITHDRAWN, *key, &mut self.last_ended),
            Fact::Ended { key, decision, outcome } => {
                write_key(writer, ENDED, *key, &mut self.last_ended);
                outcome::write(writer, &mut self.dictionary, decision, outcome, &mut self.last);
            }
            Fact::Reread { key, step, at } => {
                write_key(writer, REREAD, *key, &mut self.last_ended);
                self.last.write(writer, *at);
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
        }
        Some(())
    }

    fn write_wave(&mut self, writer: &mut Writer, kind: u8, share: f64, at: Timestamp) {
        writer.byte(kind);
        writer.number(share.to_bits());
        self.last.write(writer, at);
    }

    fn write_step(&self, writer: &mut Writer, step: &Transition) -> Option<()> {
        match step {
            Transition::Owe => writer.byte(OWE),
            Transition::RereadRefused => writer.byte(REFUSED),
            Transition::RereadIssued => writer.byte(ISSUED),
            Transition::RereadResend { due } => {
                writer.byte(RESEND);
                writer.near(due.as_millisecond().wrapping_sub(self.last.0));
            }
            Transition::RereadUnknown { due } => {
                writer.byte(UNKNOWN);
                writer.near(due.as_millisecond().wrapping_sub(self.last.0));
            }
            Transition::OweUnderNewActivity => writer.byte(OWE_UNDER_NEW_ACTIVITY),
            Transition::Intent { .. }
            | Transition::Withdrawn
            | Transition::Ended(_)
            | Transition::Interrupted { .. }
            | Transition::Skip(_)
            | Transition::Return
            | Transition::Resolved(_)
            | Transition::Undate => return None,
        }
        Some(())
    }

    fn read<'c, 'a: 'c>(&'c mut self, reader: &mut Reader<'a>) -> Option<Entry<'c>> {
        let first = reader.byte()?;
        let ordinal = first >> 4;
        Some(match first & 0xf {
            RUN_BEGAN => Entry::RunBegan {
                rules: Rules::numbered(first >> 4)?,
                at: reader.time(&mut self.last.0)?,
                timeout: Duration::from_millis(reader.number()?),
            },
            ADMITTED => Entry::Admitted(read_open_ids(reader)?),
            AWAY => Entry::Away(Away::numbered(ordinal)?, read_numbers(reader)?),
            RETURNED => Entry::Returned(read_numbers(reader)?),
            LAPSED => Entry::Lapsed {
                recipient: read_recipient(reader, &mut self.last_ended)?,
                at: reader.time(&mut self.last.0)?,
            },
            KEPT_OUT => Entry::KeptOut(KeptOut {
                list: reader.packed()?.text(),
                people: Sample::from_hashes(read_hashes(reader.bytes()?)?)?,
            }),
            CLOSED => Entry::Closed(postcard::from_bytes(reader.bytes()?).ok()?),
            INTENT => Entry::Intent {
                key: read_key(reader, ordinal, &mut self.last_intent)?,
                at: reader.time(&mut self.last.0)?,
                activity: ActivityNo(u16::try_from(reader.number()?).ok()?),
            },
            WITHDRAWN => Entry::Withdrawn {
                key: read_key(reader, ordinal, &mut self.last_ended)?,
            },
            ENDED => {
                let key = read_key(reader, ordinal, &mut self.last_ended)?;
                let (decision, told) = outcome::read(reader, &mut self.dictionary, &mut self.last)?;
                Entry::Ended { key, decision, told }
            }
            REREAD => Entry::Reread {
                key: read_key(reader, ordinal, &mut self.last_ended)?,
                at: reader.time(&mut self.last.0)?,
                step: match reader.byte()? {
                    OWE => Transition::Owe,
                    REFUSED => Transition::RereadRefused,
                    ISSUED => Transition::RereadIssued,
                    RESEND => Transition::RereadResend {
                        due: reader.time(&mut self.last.0.clone())?,
                    },
                    UNKNOWN => Transition::RereadUnknown {
                        due: reader.time(&mut self.last.0.clone())?,
                    },
                    OWE_UNDER_NEW_ACTIVITY => Transition::OweUnderNewActivity,
                    _ => return None,
                },
            },
            DECIDED => Entry::Decided {
                keys: read_keys(reader)?,
                decision: postcard::from_bytes(reader.bytes()?).ok()?,
            },
            WAVE_ENDED => Entry::WaveEnded {
                share: read_share(reader)?,
                at: reader.time(&mut self.last.0)?,
            },
            WAVE_HALTED => Entry::WaveHalted {
                share: read_share(reader)?,
                at: reader.time(&mut self.last.0)?,
                answered: Answered {
                    all: reader.number()?,
                    not_issued: reader.number()?,
                },
            },
            _ => return None,
        })
    }
}

/// A fact as it is read: without what only those need who ask how something came about.
#[derive(Debug)]
pub(in crate::ledger) enum Entry<'a> {
    RunBegan {
        at: Timestamp,
        timeout: Duration,
        rules: Rules,
    },
    Admitted(OpenIds<'a>),
    Away(Away, Vec<u32>),
    Returned(Vec<u32>),
    KeptOut(KeptOut),
    Closed(Box<Generation>),
    Lapsed {
        recipient: u32,
        at: Timestamp,
    },
    Intent {
        key: DeliveryKey,
        at: Timestamp,
        activity: ActivityNo,
    },
    Withdrawn {
        key: DeliveryKey,
    },
    Ended {
        key: DeliveryKey,
        decision: Decision,
        told: Told<'a>,
    },
    Reread {
        key: DeliveryKey,
        step: Transition,
        at: Timestamp,
    },
    Decided {
        keys: Vec<DeliveryKey>,
        decision: Box<ManualDecision>,
    },
    WaveEnded {
        share: f64,
        at: Timestamp,
    },
    WaveHalted {
        share: f64,
        at: Timestamp,
        answered: Answered,
    },
}

impl Entry<'_> {
    /// Which kind of fact it is, in a word.
    pub(in crate::ledger) const fn kind(&self) -> &'static str {
        match self {
            Self::RunBegan { .. } => "run_began",
            Self::Admitted(_) => "admitted",
            Self::Away(..) => "away",
            Self::Returned(_) => "returned",
            Self::KeptOut(_) => "kept_out",
            Self::Closed(_) => "closed",
            Self::Lapsed { .. } => "lapsed",
            Self::Intent { .. } => "intent",
            Self::Withdrawn { .. } => "withdrawn",
            Self::Ended { .. } => "ended",
            Self::Reread { .. } => "reread",
            Self::Decided { .. } => "decided",
            Self::WaveEnded { .. } => "wave_ended",
            Self::WaveHalted { .. } => "wave_halted",
        }
    }

    /// Whether what was passed over can be read as well.
    pub(in crate::ledger) fn is_whole(&self) -> bool {
        match self {
            Self::Admitted(open_ids) => open_ids.clone().all(|packed| OpenId::check(&packed.text()).is_ok()),
            Self::Ended { told, .. } => told.outcome().is_some(),
            _ => true,
        }
    }

    /// The whole fact. Nothing when it is none that anybody writes.
    pub(in crate::ledger) fn fact(self) -> Option<Fact> {
        Some(match self {
            Self::RunBegan { at, timeout, rules } => Fact::RunBegan { at, timeout, rules },
            Self::Admitted(open_ids) => Fact::Admitted {
                recipients: open_ids
                    .map(|packed| OpenId::parse(&packed.text()).ok())
                    .collect::<Option<_>>()?,
            },
            Self::Away(why, recipients) => Fact::Away { why, recipients },
            Self::Returned(recipients) => Fact::Returned { recipients },
            Self::KeptOut(kept_out) => Fact::KeptOut(kept_out),
            Self::Closed(generation) => Fact::Closed(generation),
            Self::Lapsed { recipient, at } => Fact::Lapsed { recipient, at },
            Self::Intent { key, at, activity } => Fact::Intent { key, at, activity },
            Self::Withdrawn { key } => Fact::Withdrawn { key },
            Self::Ended { key, decision, told } => Fact::Ended {
                key,
                decision,
                outcome: Box::new(told.outcome()?),
            },
            Self::Reread { key, step, at } => Fact::Reread { key, step, at },
            Self::Decided { keys, decision } => Fact::Decided { keys, decision },
            Self::WaveEnded { share, at } => Fact::WaveEnded { share, at },
            Self::WaveHalted { share, at, answered } => Fact::WaveHalted { share, at, answered },
        })
    }
}

/// Some open_ids, one behind another.
#[derive(Clone, Debug)]
pub(in crate::ledger) struct OpenIds<'a> {
    left: u64,
    reader: Reader<'a>,
}

impl<'a> Iterator for OpenIds<'a> {
    type Item = Packed<'a>;

    fn next(&mut self) -> Option<Packed<'a>> {
        self.left = self.left.checked_sub(1)?;
        self.reader.packed()
    }
}

/// The ordinal beside the kind where it fits there, else behind it; the recipient by its distance from the one before.
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

/// Keys as other facts have theirs, of no kind: two or three bytes for each of many.
fn write_keys(writer: &mut Writer, keys: &[DeliveryKey]) {
    writer.number(keys.len() as u64);
    let mut last = 0;
    for key in keys {
        write_key(writer, 0, *key, &mut last);
    }
}

fn read_keys(reader: &mut Reader<'_>) -> Option<Vec<DeliveryKey>> {
    let many = reader.number()?;
    let (mut keys, mut last) = (Vec::new(), 0);
    for _ in 0..many {
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

fn read_share(reader: &mut Reader<'_>) -> Option<f64> {
    Some(f64::from_bits(reader.number()?)).filter(|share| (0.0..=1.0).contains(share))
}

fn read_open_ids<'a>(reader: &mut Reader<'a>) -> Option<OpenIds<'a>> {
    let left = reader.number()?;
    let open_ids = OpenIds {
        left,
        reader: reader.clone(),
    };
    for _ in 0..left {
        reader.packed()?;
    }
    Some(open_ids)
}

/// Numbers as runs: how far from the end of the run before, and how many. Those of a cut-off source are one run.
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
    let (mut numbers, mut end) = (Vec::new(), 0_i64);
    for _ in 0..runs {
        let first = end.checked_add(reader.near()?)?;
        end = first.checked_add(i64::try_from(reader.number()?).ok()?)?;
        let (first, last) = (u32::try_from(first).ok()?, u32::try_from(end.checked_sub(1)?).ok()?);
        // Before they are made: a run says in a few bytes what may fill the memory.
        let many = u64::from(last).checked_sub(u64::from(first))? + numbers.len() as u64;
        if many >= MOST_NUMBERS as u64 {
            return None;
        }
        numbers.extend(first..=last);
    }
    Some(numbers)
}

#[cfg(test)]
mod tests;
