//! Decides when a channel gets which message. Pure: the time and the answers are arguments.
//!
//! All campaigns of a process that use one URL share one outbox, because a bot counts the messages of all of them. What waits
//! is merged: a newer notice of a campaign replaces an older one of the same kind, and a message carries several notices.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use sha2::{Digest as _, Sha256};

use crate::model::clock::Moment;

use super::block::Block;
use super::channel::Channel;
use super::message::{Form, count_fitting, limit};
use super::verdict::{Fault, Verdict};

/// The least time between two messages. Bots take 20 a minute.
pub const GAP: Duration = Duration::from_millis(3_500);
/// The most messages in [`MINUTE`].
pub const MOST_A_MINUTE: usize = 15;
/// The time for [`MOST_A_MINUTE`] messages.
pub const MINUTE: Duration = Duration::from_mins(1);
/// Everybody's timers send at the full and at the half hour, and bots refuse messages then.
const HALF_HOUR: u64 = 1_800;
/// The first and the last second after it at which messages may start again. Each URL has its own.
const BUSY: std::ops::Range<u64> = 7..41;
/// How long an outbox waits after it was asked to slow down for the second time in a row.
const SLOW_AGAIN: Duration = Duration::from_mins(10);
/// How long it waits after a first unknown answer; three times as long after each further one.
const FIRST_DELAY: Duration = Duration::from_secs(5);
/// The longest wait after an unknown answer.
const MOST_DELAY: Duration = Duration::from_mins(10);
/// How often a notice that the end of the process loses is tried.
const MOST_TRIES: u32 = 4;
/// How long a channel is left alone that refuses every message.
const DEAD: Duration = Duration::from_mins(30);

/// A notice on its way to a channel.
#[derive(Clone, Debug)]
pub struct Queued {
    /// The channel.
    pub channel: Arc<Channel>,
    /// The run whose channel it is, as the caller counts them. `None` if it is a channel of all runs.
    pub run: Option<usize>,
    /// The notice.
    pub block: Block,
    /// How often it was sent without a success.
    pub tries: u32,
}

impl Queued {
    /// Whether both are of one campaign and go to one channel.
    fn is_beside(&self, other: &Self) -> bool {
        self.block.campaign == other.block.campaign && self.channel == other.channel
    }

    /// Whether it has no meaning once `newer` waits.
    fn is_superseded_by(&self, newer: &Self) -> bool {
        let replaces = self.block.slot == newer.block.slot;
        let ends = newer.block.is_kept() && self.block.ends_with_run();
        self.is_beside(newer) && (replaces || ends)
    }
}

/// What an outbox does next.
#[derive(Clone, Debug)]
pub enum Next {
    /// Sends these notices in one message of this form.
    Send {
        /// The channel.
        channel: Arc<Channel>,
        /// The notices in their order.
        blocks: Vec<Block>,
        /// The form of the message.
        form: Form,
    },
    /// Waits until this moment.
    At(Instant),
    /// Waits for a notice or an answer.
    Nothing,
}

/// What an answer changed.
#[derive(Debug, Default)]
pub struct Settled {
    /// The notices that the channel has.
    pub sent: Vec<Queued>,
    /// The notices that are given up.
    pub dropped: Vec<Queued>,
    /// What is wrong with the channel. `None` if it took the message or asked to slow down.
    pub fault: Option<Fault>,
}

/// The notices that wait for one URL.
#[derive(Debug)]
pub struct Outbox {
    /// How long after a full or half hour nothing starts.
    busy: Duration,
    waiting: Vec<Queued>,
    in_flight: Vec<Queued>,
    /// The last starts, the oldest first.
    starts: VecDeque<Instant>,
    not_before: Option<Instant>,
    unknown: u32,
    throttled: u32,
    form: Form,
}

impl Outbox {
    /// Creates the outbox of a URL.
    #[must_use]
    pub fn new(url: &str) -> Self {
        let hash = Sha256::digest(url.as_bytes());
        let draw = u64::from(hash.first().copied().unwrap_or_default()) % (BUSY.end - BUSY.start);
        Self {
            busy: Duration::from_secs(BUSY.start + draw),
            waiting: Vec::new(),
            in_flight: Vec::new(),
            starts: VecDeque::new(),
            not_before: None,
            unknown: 0,
            throttled: 0,
            form: Form::Rich,
        }
    }

    /// Adds a notice. Returns those that have no meaning any more.
    pub fn push(&mut self, queued: Queued) -> Vec<Queued> {
        let superseded = self.waiting.extract_if(.., |older| older.is_superseded_by(&queued));
        let superseded = superseded.collect();
        self.waiting.push(queued);
        superseded
    }

    /// Returns the notices that wait or are on their way.
    pub fn rest(&self) -> impl Iterator<Item = &Queued> {
        self.waiting.iter().chain(&self.in_flight)
    }

    /// Returns what to do at `now`. At the end of the process, full and half hours do not matter.
    pub fn next(&mut self, now: Moment, is_ending: bool) -> Next {
        if self.waiting.is_empty() || !self.in_flight.is_empty() {
            return Next::Nothing;
        }
        if let Some(at) = self.not_before(now, is_ending).filter(|at| *at > now.instant) {
            return Next::At(at);
        }
        self.waiting.sort_by_key(|queued| (queued.block.slot, queued.block.at));
        let Some(channel) = self.waiting.first().map(|queued| Arc::clone(&queued.channel)) else {
            return Next::Nothing;
        };
        let same: Vec<_> = self.waiting.iter().filter(|queued| queued.channel == channel).collect();
        let blocks: Vec<_> = same.iter().map(|queued| &queued.block).collect();
        let mut left = count_fitting(&blocks, limit(channel.kind, self.form));
        let taken = self.waiting.extract_if(.., |queued| {
            let is_taken = left > 0 && queued.channel == channel;
            left -= usize::from(is_taken);
            is_taken
        });
        self.in_flight = taken.collect();
        if self.starts.len() == MOST_A_MINUTE {
            self.starts.pop_front();
        }
        self.starts.push_back(now.instant);
        Next::Send {
            channel,
            blocks: self.in_flight.iter().map(|queued| queued.block.clone()).collect(),
            form: self.form,
        }
    }

    /// Returns the earliest start of the next message. `None` if it may start at any time.
    fn not_before(&self, now: Moment, is_ending: bool) -> Option<Instant> {
        let gap = self.starts.back().map(|last| *last + GAP);
        let full = self.starts.len() == MOST_A_MINUTE;
        let minute = self.starts.front().filter(|_| full).map(|first| *first + MINUTE);
        let busy = until_quiet(now, self.busy).filter(|_| !is_ending);
        [gap, minute, busy, self.not_before].into_iter().flatten().max()
    }

    /// Takes the verdict on the message that is on its way.
    pub fn answered(&mut self, verdict: Verdict, now: Instant) -> Settled {
        let mut settled = Settled::default();
        if !matches!(verdict, Verdict::Throttled(_)) {
            self.throttled = 0;
        }
        match verdict {
            Verdict::Sent => {
                self.unknown = 0;
                self.not_before = None;
                settled.sent = std::mem::take(&mut self.in_flight);
            }
            Verdict::Throttled(wait) => {
                let wait = if self.throttled == 0 {
                    wait
                } else {
                    wait.max(SLOW_AGAIN)
                };
                self.throttled += 1;
                self.not_before = Some(now + wait);
                settled.dropped = self.put_back(u32::MAX);
            }
            Verdict::Unknown(fault) => {
                let delay = FIRST_DELAY.saturating_mul(3_u32.saturating_pow(self.unknown));
                self.unknown += 1;
                self.not_before = Some(now + delay.min(MOST_DELAY));
                settled.dropped = self.put_back(MOST_TRIES);
                settled.fault = Some(fault);
            }
            Verdict::Unfit(fault) if self.form == Form::Plain => {
                self.not_before = Some(now + DEAD);
                settled.dropped = self.put_back(0);
                settled.fault = Some(fault);
            }
            Verdict::Unfit(_) => {
                self.form = Form::Plain;
                settled.dropped = self.put_back(u32::MAX);
            }
            Verdict::Dead(fault) => {
                self.not_before = Some(now + DEAD);
                settled.dropped = self.put_back(0);
                settled.fault = Some(fault);
            }
        }
        settled
    }

    /// Puts the notices on their way back, unless a newer one replaces them. Returns those that are given up: what the end of the
    /// process loses is tried `most` times.
    fn put_back(&mut self, most: u32) -> Vec<Queued> {
        let mut dropped = Vec::new();
        for mut queued in std::mem::take(&mut self.in_flight) {
            queued.tries += 1;
            let is_old = self.waiting.iter().any(|newer| queued.is_superseded_by(newer));
            let is_given_up = !queued.block.is_kept() && queued.tries >= most;
            if is_old || is_given_up {
                dropped.push(queued);
            } else {
                self.waiting.push(queued);
            }
        }
        dropped
    }
}

/// Returns when the busy time after a full or half hour is over. `None` if it is not such a time.
fn until_quiet(now: Moment, busy: Duration) -> Option<Instant> {
    let milliseconds = now.wall.as_millisecond().rem_euclid(1_000 * HALF_HOUR.cast_signed());
    let since = Duration::from_millis(milliseconds.unsigned_abs());
    busy.checked_sub(since)
        .filter(|left| !left.is_zero())
        .map(|left| now.instant + left)
}

#[cfg(test)]
mod tests;
