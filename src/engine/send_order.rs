//! The send order of a run, and when each recipient expires. Both follow the source as this apply read it. The ledger of a fleet has
//! when each recipient was last active, and none has the order.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use crate::model::clock::{from_ms, later};
use crate::plan::AsOf;

/// The send order, and when each recipient expires. By default the order of admission, and nobody expires.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SendOrder {
    /// Recipients in send order. `None` for the order of admission.
    order: Option<Vec<u32>>,
    activity: Option<Activity>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Activity {
    /// By recipient, in seconds since the Unix epoch. `u32` is enough until 2106 and takes half of the memory.
    last: Arc<[u32]>,
    within: Duration,
}

impl SendOrder {
    /// A send order in which nobody expires.
    #[must_use]
    pub fn ordered(order: Option<Vec<u32>>) -> Self {
        Self { order, activity: None }
    }

    /// Adds expiry: a recipient expires `within` after their time in `last`, which is by recipient and in seconds.
    #[must_use]
    pub fn with_expiry(self, last: Vec<u32>, within: Duration) -> Self {
        let last = last.into();
        let activity = Some(Activity { last, within });
        Self { activity, ..self }
    }

    /// Recipients in send order. `None` for the order of admission.
    #[must_use]
    pub fn order(&self) -> Option<&[u32]> {
        self.order.as_deref()
    }

    pub(super) fn take_order(&mut self) -> Option<Vec<u32>> {
        self.order.take()
    }

    /// When each recipient was last active, in seconds since the Unix epoch. `None` if nobody expires.
    #[must_use]
    pub fn last_active(&self) -> Option<Arc<[u32]>> {
        self.activity.as_ref().map(|activity| Arc::clone(&activity.last))
    }

    /// The last moment at which a recipient may be sent to. `None` if the recipient does not expire.
    #[must_use]
    pub fn lapses(&self, recipient: u32) -> Option<Timestamp> {
        let activity = self.activity.as_ref()?;
        let last = activity.last.get(recipient as usize)?;
        Some(lapses(*last, activity.within))
    }
}

/// When recipients expire by the wall clock, for a forecast over all of them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Dates<'r> {
    last: &'r [u32],
    within: Duration,
    ahead: i64,
}

impl<'r> Dates<'r> {
    /// For a run that begins at `wall`. `None` if nobody expires.
    pub(super) fn new(send_order: &'r SendOrder, as_of: AsOf, wall: Timestamp) -> Option<Self> {
        let Activity { last, within } = send_order.activity.as_ref()?;
        Some(Self {
            last,
            within: *within,
            ahead: ahead(as_of, wall),
        })
    }

    pub(super) fn recipients(&self) -> u32 {
        u32::try_from(self.last.len()).unwrap_or(u32::MAX)
    }

    /// When a recipient was last active, in seconds since the Unix epoch. 0 if it is unknown.
    pub(super) fn last(&self, recipient: u32) -> u32 {
        self.last.get(recipient as usize).copied().unwrap_or_default()
    }

    /// The last moment at which a user with this last activity may be sent to.
    pub(super) fn latest(&self, last: u32) -> Timestamp {
        from_ms(lapses(last, self.within).as_millisecond().saturating_sub(self.ahead))
    }
}

/// How far the present of a plan is ahead of the wall clock, in milliseconds.
pub(super) fn ahead(as_of: AsOf, wall: Timestamp) -> i64 {
    match as_of {
        AsOf::Wall => 0,
        AsOf::From(start) => start.as_millisecond() - wall.as_millisecond(),
    }
}

/// The last moment at which a user with this last activity may be sent to.
#[must_use]
pub(super) fn lapses(last_active: u32, within: Duration) -> Timestamp {
    later(from_ms(i64::from(last_active) * 1000), within)
}

/// A moment in whole seconds, rounded down so that no recipient expires late.
#[must_use]
pub(super) fn seconds(at: Timestamp) -> u32 {
    u32::try_from(at.as_second().max(0)).unwrap_or(u32::MAX)
}
