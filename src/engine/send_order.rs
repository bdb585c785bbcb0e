//! The roll of a run: in which order recipients have their turn, and when each of them lapses. Both follow the source as it
//! was read by this apply, so neither is in the ledger.

use std::time::Duration;

use jiff::Timestamp;

use crate::model::clock::{from_ms, later};
use crate::plan::AsOf;

/// Who comes when. By default everybody in the order of admission, and nobody lapses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SendOrder {
    /// Recipients in the order of their turns; the order of admission when there is none.
    order: Option<Vec<u32>>,
    activity: Option<Activity>,
}

/// When everybody was last active.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Activity {
    /// By recipient, in seconds since the Unix epoch: a hundred years fit, in half of the memory.
    last: Vec<u32>,
    within: Duration,
}

impl SendOrder {
    /// A roll in this order.
    #[must_use]
    pub fn ordered(order: Option<Vec<u32>>) -> Self {
        Self { order, activity: None }
    }

    /// The same, where everybody lapses so long after they were last active, which is said by recipient and in seconds.
    #[must_use]
    pub fn with_expiry(self, last: Vec<u32>, within: Duration) -> Self {
        let activity = Some(Activity { last, within });
        Self { activity, ..self }
    }

    /// The recipients in the order of their turns; none when that is the order of admission.
    #[must_use]
    pub fn order(&self) -> Option<&[u32]> {
        self.order.as_deref()
    }

    /// Takes that order out.
    pub(super) fn take_order(&mut self) -> Option<Vec<u32>> {
        self.order.take()
    }

    /// The last moment at which a recipient may be sent to; none when there is no such moment.
    #[must_use]
    pub fn lapses(&self, recipient: u32) -> Option<Timestamp> {
        let activity = self.activity.as_ref()?;
        let last = activity.last.get(recipient as usize)?;
        Some(lapses(*last, activity.within))
    }
}

/// When everybody lapses, for a look at a whole roll, by the wall clock.
#[derive(Clone, Copy, Debug)]
pub(super) struct Dates<'r> {
    last: &'r [u32],
    within: Duration,
    ahead: i64,
}

impl<'r> Dates<'r> {
    /// Those of a run that would begin when the wall clock says `wall`; none of a roll in which nobody lapses.
    pub(super) fn new(send_order: &'r SendOrder, as_of: AsOf, wall: Timestamp) -> Option<Self> {
        let Activity { last, within } = send_order.activity.as_ref()?;
        Some(Self {
            last,
            within: *within,
            ahead: ahead(as_of, wall),
        })
    }

    /// How many recipients there are.
    pub(super) fn recipients(&self) -> u32 {
        u32::try_from(self.last.len()).unwrap_or(u32::MAX)
    }

    /// When a recipient was last active, in seconds since the Unix epoch; never, for one of whom nothing is known.
    pub(super) fn last(&self, recipient: u32) -> u32 {
        self.last.get(recipient as usize).copied().unwrap_or_default()
    }

    /// The last moment at which somebody who was last active then may be sent to.
    pub(super) fn latest(&self, last: u32) -> Timestamp {
        from_ms(lapses(last, self.within).as_millisecond().saturating_sub(self.ahead))
    }
}

/// How far the present that a plan goes by is ahead of the wall, in milliseconds.
pub(super) fn ahead(as_of: AsOf, wall: Timestamp) -> i64 {
    match as_of {
        AsOf::Wall => 0,
        AsOf::From(start) => start.as_millisecond() - wall.as_millisecond(),
    }
}

/// The last moment at which somebody who was last active then may be sent to.
#[must_use]
pub(super) fn lapses(last_active: u32, within: Duration) -> Timestamp {
    later(from_ms(i64::from(last_active) * 1000), within)
}

/// A moment as it is kept: whole seconds, rounded down, so that nobody lapses later than they do.
#[must_use]
pub(super) fn seconds(at: Timestamp) -> u32 {
    u32::try_from(at.as_second().max(0)).unwrap_or(u32::MAX)
}
