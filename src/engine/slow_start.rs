//! The slow start: one in flight until a send was settled, then twice as many with each answered round. A wrong activity
//! then costs a handful of sends and not a whole window of them.

/// How many deliveries may be in flight.
#[derive(Debug)]
pub struct SlowStart {
    most: u32,
    allowed: u32,
    answered: u32,
    proven: bool,
}

impl SlowStart {
    /// Begins with one, and ends at `most`.
    #[must_use]
    pub fn new(most: u16) -> Self {
        Self {
            most: u32::from(most).max(1),
            allowed: 1,
            answered: 0,
            proven: false,
        }
    }

    /// How many may be in flight now.
    #[must_use]
    pub const fn allowed(&self) -> u32 {
        self.allowed
    }

    /// Whether the start is over: sends are known to be settled, and as many may be in flight as ever.
    #[must_use]
    pub const fn is_over(&self) -> bool {
        self.proven && self.allowed == self.most
    }

    /// Tells of a real answer; `settled` when it issued or refused.
    pub fn answered(&mut self, settled: bool) {
        self.proven |= settled;
        if !self.proven {
            return;
        }
        self.answered += 1;
        if self.answered >= self.allowed {
            self.allowed = self.allowed.saturating_mul(2).min(self.most);
            self.answered = 0;
        }
    }

    /// Begins anew, as after an outage.
    pub const fn restart(&mut self) {
        self.allowed = 1;
        self.answered = 0;
        self.proven = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_until_something_is_settled_then_doubling_by_rounds() {
        let mut slow_start = SlowStart::new(64);
        for _ in 0..30 {
            slow_start.answered(false);
        }
        assert_eq!((slow_start.allowed(), slow_start.is_over()), (1, false));
        let mut seen = vec![];
        for _ in 0..128 {
            slow_start.answered(true);
            seen.push(slow_start.allowed());
        }
        assert_eq!(
            (seen[0], seen[2], seen[6], seen[14], seen[30], seen[62], seen[127]),
            (2, 4, 8, 16, 32, 64, 64)
        );
        assert!(slow_start.is_over());
        slow_start.restart();
        assert_eq!((slow_start.allowed(), slow_start.is_over()), (1, false));
        let mut one = SlowStart::new(1);
        assert!(!one.is_over(), "nothing was settled yet");
        one.answered(true);
        assert!(one.is_over());
    }
}
