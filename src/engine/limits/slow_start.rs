//! The slow start: one request in flight until a send is settled, then twice as many after each answered round. So a wrong
//! activity costs few sends.

use crate::model::clock::Moment;
use crate::model::event::Halted;

use super::limit::{Allowance, Limit, RunEvent, View};

/// Limits the number of attempts in flight.
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

    /// Whether the start is over: a send was settled, and the limit is at its most.
    #[must_use]
    pub const fn is_over(&self) -> bool {
        self.proven && self.allowed == self.most
    }

    /// Counts a real answer; `settled` if it issued or refused.
    fn answered(&mut self, settled: bool) {
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

    /// Starts again, for example after an outage.
    const fn restart(&mut self) {
        self.allowed = 1;
        self.answered = 0;
        self.proven = false;
    }
}

impl Limit for SlowStart {
    fn allowance(&mut self, _view: &View<'_>) -> Allowance {
        // With one request at a time, each answer is judged before the next request starts. After the slow start, attempts
        // are prepared beside those in flight, so that a free slot waits for no flush.
        let beside = if self.is_over() { self.allowed - 1 } else { 0 };
        Allowance {
            in_flight: self.allowed + beside,
            ..Allowance::FREE
        }
    }

    fn observe(&mut self, event: &RunEvent<'_>, _now: Moment) -> Option<Halted> {
        match event {
            RunEvent::Answered { settled } => self.answered(*settled),
            RunEvent::OutageEnded | RunEvent::Recovered => self.restart(),
            _ => {}
        }
        None
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
        assert_eq!((slow_start.allowed, slow_start.is_over()), (1, false));
        let mut seen = vec![];
        for _ in 0..128 {
            slow_start.answered(true);
            seen.push(slow_start.allowed);
        }
        assert_eq!(
            (seen[0], seen[2], seen[6], seen[14], seen[30], seen[62], seen[127]),
            (2, 4, 8, 16, 32, 64, 64)
        );
        assert!(slow_start.is_over());
        slow_start.restart();
        assert_eq!((slow_start.allowed, slow_start.is_over()), (1, false));
        let mut one = SlowStart::new(1);
        assert!(!one.is_over(), "nothing was settled yet");
        one.answered(true);
        assert!(one.is_over());
    }
}
