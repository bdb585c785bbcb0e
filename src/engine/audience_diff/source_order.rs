//! The order in which the source names users, and when they were last active. Both use memory only if they differ from the
//! usual case: most sources name the known users first, in the order of their numbers.

/// The order in which users were named for the first time.
#[derive(Debug, Default)]
pub(super) struct Sequence {
    last: Option<u32>,
    /// All users in order; `None` as long as that is the order of their numbers.
    named: Option<Vec<u32>>,
}

impl Sequence {
    /// Adds a user at their first row. `before` returns all users named before, ascending.
    pub(super) fn add(&mut self, user: u32, before: impl FnOnce() -> Vec<u32>) {
        if let Some(named) = &mut self.named {
            named.push(user);
        } else if self.last.is_some_and(|last| last > user) {
            let mut named = before();
            named.push(user);
            self.named = Some(named);
        }
        self.last = Some(user);
    }

    pub(super) const fn is_ascending(&self) -> bool {
        self.named.is_none()
    }

    /// The named users below `bound`, in order. If that is the order of their numbers, unnamed users are among them.
    pub(super) fn users(&self, bound: u32) -> impl Iterator<Item = u32> {
        let ascending = if self.named.is_some() { 0..0 } else { 0..bound };
        self.named.iter().flatten().copied().chain(ascending)
    }
}

/// When users were last active, by their numbers, in seconds since the Unix epoch. Empty for a campaign without
/// `active_within`.
#[derive(Debug, Default)]
pub(super) struct LastActive {
    dated: bool,
    known: Vec<u32>,
    new: Vec<u32>,
}

impl LastActive {
    pub(super) fn new(known: u32, dated: bool) -> Self {
        Self {
            dated,
            known: vec![0; if dated { known as usize } else { 0 }],
            new: Vec::new(),
        }
    }

    /// Makes room for the newcomers.
    pub(super) fn reserve(&mut self, newcomers: usize) {
        self.new.reserve_exact(if self.dated { newcomers } else { 0 });
    }

    /// Adds the time of a row. The latest row of a user counts.
    pub(super) fn add(&mut self, user: u32, seconds: u32) {
        if !self.dated {
            return;
        }
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
            *last = (*last).max(seconds);
        }
    }

    /// 0 if it is not known.
    pub(super) fn last(&self, user: u32) -> u32 {
        let newcomer = (user as usize).checked_sub(self.known.len());
        let slot = newcomer.map_or_else(|| self.known.get(user as usize), |newcomer| self.new.get(newcomer));
        slot.copied().unwrap_or_default()
    }

    /// By recipient, after the newcomers that are not kept are removed.
    pub(super) fn numbered(self, kept: impl Fn(u32) -> bool) -> Vec<u32> {
        let Self { mut known, mut new, .. } = self;
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
