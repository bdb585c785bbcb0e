//! In which order the source names users, and when it says that they were last active. Both take memory only where they
//! tell something: most sources name those who are known first and in the order of their numbers.

use jiff::Timestamp;

use crate::engine::send_order;

/// The order in which users were named for the first time.
#[derive(Debug, Default)]
pub(super) struct Sequence {
    last: Option<u32>,
    /// Everybody in order, once somebody was named before one with a smaller number.
    named: Option<Vec<u32>>,
}

impl Sequence {
    /// Takes a user who is named for the first time. `before` tells all who were named before, ascending.
    pub(super) fn name(&mut self, user: u32, before: impl FnOnce() -> Vec<u32>) {
        if let Some(named) = &mut self.named {
            named.push(user);
        } else if self.last.is_some_and(|last| last > user) {
            let mut named = before();
            named.push(user);
            self.named = Some(named);
        }
        self.last = Some(user);
    }

    /// Whether users were named in the order of their numbers.
    pub(super) const fn is_ascending(&self) -> bool {
        self.named.is_none()
    }

    /// All users below `bound` who were named, in order; where they are in the order of their numbers, those who were not
    /// named are among them.
    pub(super) fn users(&self, bound: u32) -> impl Iterator<Item = u32> {
        let ascending = if self.named.is_some() { 0..0 } else { 0..bound };
        self.named.iter().flatten().copied().chain(ascending)
    }
}

/// When users were last active, by their numbers, in seconds since the Unix epoch. Nothing is kept of a campaign in which
/// nobody lapses.
#[derive(Debug, Default)]
pub(super) struct Active {
    known: Vec<u32>,
    new: Vec<u32>,
}

impl Active {
    /// Room for those whom the ledger knows.
    pub(super) fn new(known: u32) -> Self {
        Self {
            known: vec![0; known as usize],
            new: Vec::new(),
        }
    }

    /// Takes what a row says of a user: the latest of several counts.
    pub(super) fn at(&mut self, user: u32, at: Timestamp) {
        let newcomer = (user as usize).checked_sub(self.known.len());
        let slot = match newcomer {
            None => self.known.get_mut(user as usize),
            Some(newcomer) => {
                if newcomer == self.new.len() {
                    self.new.push(0);
                }
                self.new.get_mut(newcomer)
            }
        };
        if let Some(last) = slot {
            *last = (*last).max(send_order::seconds(at));
        }
    }

    /// When a user was last active; 0 for one of whom nothing is known.
    pub(super) fn last(&self, user: u32) -> u32 {
        let newcomer = (user as usize).checked_sub(self.known.len());
        let slot = newcomer.map_or_else(|| self.known.get(user as usize), |newcomer| self.new.get(newcomer));
        slot.copied().unwrap_or_default()
    }

    /// The same by the numbers that the ledger gives, where `kept` says which newcomers it has.
    pub(super) fn numbered(self, kept: impl Fn(u32) -> bool) -> Vec<u32> {
        let Self { mut known, mut new } = self;
        let mut newcomer = 0;
        new.retain(|_| {
            newcomer += 1;
            kept(newcomer - 1)
        });
        if known.is_empty() {
            return new;
        }
        known.append(&mut new);
        known
    }
}
