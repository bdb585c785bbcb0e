//! One request to a user at a time, among all campaigns of the app id.

use std::time::{Duration, Instant};

use super::app_share::{AppShare, Report};
use super::limit::{Candidate, Limit, Reserved, View};
use super::reservations::User;

/// Reserves the user of each attempt. The reservations belong to the app limiter.
#[derive(Debug)]
pub struct UserLimit;

impl Limit for UserLimit {
    fn reserve(&mut self, candidate: Candidate, view: &View<'_>, app: &mut dyn AppShare) -> Reserved {
        match app.reserve(candidate.user, view.now.instant) {
            Ok(()) => Reserved::Yes,
            Err(busy) => Reserved::Busy(busy),
        }
    }

    fn release(&mut self, user: User, rest: Duration, now: Instant, app: &mut dyn AppShare) {
        app.report(Report::Freed { user, end: now + rest }, now);
    }
}
