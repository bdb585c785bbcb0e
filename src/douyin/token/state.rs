//! The token in use, and whether a new one may be fetched: a state machine without a clock and without I/O.
//!
//! A call for a token follows an earlier one within a minute only if the earlier token's own life is shorter, and each
//! failed call doubles the wait. So calls cannot storm, however many sends wait and whatever their answers are.

use std::time::Duration;

use tokio::time::Instant;

use crate::catalogue::{Text, platform};
use crate::douyin::NotReady;
use crate::model::secret::Secret;

/// The least time between two tokens, unless the first one's own life is shorter.
pub(super) const APART: Duration = Duration::from_mins(1);
/// How long before its end a token with a long life is renewed.
const AHEAD: Duration = Duration::from_mins(5);
/// The least time between two calls, however short the life of the first one's token.
const SHORTEST_GAP: Duration = Duration::from_secs(1);
/// The platform states a life in whole seconds, so a token may end this much earlier.
const ROUNDING: Duration = Duration::from_secs(1);
/// The longest life that is believed. A longer one is taken for this.
const MOST: Duration = Duration::from_hours(24 * 30);
/// The wait after the first failed call; it doubles after each further one.
const FIRST_WAIT: Duration = Duration::from_secs(5);
/// The longest wait by doubling.
const LAST_WAIT: Duration = Duration::from_mins(2);
/// The longest wait at the request of the endpoint.
const MOST_WAIT: Duration = Duration::from_mins(10);

/// An access token and its version, counted from 1.
#[derive(Clone, Debug)]
pub struct Access {
    pub(in crate::douyin) token: Secret,
    pub(in crate::douyin) version: u64,
    /// `None` when only a refusal by the platform shows that it has ended.
    ends: Option<Instant>,
}

impl Access {
    /// Whether the token is within its life.
    pub(in crate::douyin) fn is_live(&self, now: Instant) -> bool {
        self.ends.is_none_or(|ends| now < ends)
    }
}

/// What a send has to do next.
#[derive(Debug)]
pub(super) enum Next {
    /// Use this token.
    Use(Access),
    /// Use this token and start a refresh: it is near its end.
    Ahead(Access),
    /// Get a token first.
    Get,
    /// Wait, and then fetch a token.
    Wait {
        /// Why there is no token.
        why: Text,
        /// How long.
        wait: Duration,
    },
    /// Stop: no token can be had.
    Never(NotReady),
}

/// What is known of the token, without its value.
#[derive(Debug)]
pub(super) enum View {
    /// None was asked for.
    None,
    /// It can be used for so long. `None` when only a refusal by the platform shows that it has ended.
    Ends(Option<Duration>),
    /// There is none that can be used, and why.
    Missing(Text),
}

/// The state of the token.
#[derive(Debug, Default)]
pub(super) struct State {
    current: Option<Current>,
    versions: u64,
    /// The earliest time of the next call.
    from: Option<Instant>,
    failures: u32,
    /// Why the last call failed.
    failed: Text,
    never: Option<NotReady>,
}

#[derive(Debug)]
struct Current {
    token: Secret,
    version: u64,
    /// `None` when only a refusal by the platform shows that it has ended.
    life: Option<Life>,
    /// Whether any send with it was answered by something other than a refusal of the token.
    proven: bool,
    /// The platform's message when it refused the token.
    refused: Option<Text>,
}

#[derive(Clone, Copy, Debug)]
struct Life {
    ends: Instant,
    renewed_from: Instant,
}

impl Life {
    fn new(asked: Instant, length: Duration) -> Self {
        let length = length.min(MOST);
        let most_of_it = length / 6 * 5;
        let ahead = most_of_it.max(length.saturating_sub(AHEAD)).max(apart(length));
        Self {
            ends: asked + length,
            renewed_from: asked + ahead,
        }
    }
}

/// How long after a token with this remaining life the next one may be fetched.
fn apart(life: Duration) -> Duration {
    if life > APART {
        APART
    } else {
        (life / 6 * 5).max(SHORTEST_GAP)
    }
}

impl State {
    /// A state with a token that another program keeps fresh.
    pub(super) fn given(token: Secret) -> Self {
        let mut state = Self::default();
        state.replace(token, None);
        state
    }

    /// What to do now.
    pub(super) fn next(&self, now: Instant) -> Next {
        if let Some(never) = &self.never {
            return Next::Never(never.clone());
        }
        let wait = self
            .from
            .map_or(Duration::ZERO, |from| from.saturating_duration_since(now));
        let usable = self.current.as_ref().filter(|current| current.is_usable(now));
        match usable {
            Some(current) if wait.is_zero() && current.is_near_its_end(now) => Next::Ahead(current.access()),
            Some(current) => Next::Use(current.access()),
            None if wait.is_zero() => Next::Get,
            None => Next::Wait { why: self.why(), wait },
        }
    }

    /// What is known of the token now.
    pub(super) fn view(&self, now: Instant) -> View {
        if let Some(never) = &self.never {
            return View::Missing(Text::new(never));
        }
        match self.current.as_ref().filter(|current| current.is_usable(now)) {
            Some(current) => View::Ends(current.life.map(|life| life.ends.saturating_duration_since(now))),
            None if self.current.is_none() && self.failures == 0 => View::None,
            None => View::Missing(self.why()),
        }
    }

    /// Whether there ever was a token.
    pub(super) const fn had_one(&self) -> bool {
        self.versions > 0
    }

    /// The token in use, also when it was refused or has ended. `None` when there never was one.
    pub(super) fn token(&self) -> Option<&Secret> {
        self.current.as_ref().map(|current| &current.token)
    }

    /// The platform's message when it refused the token in use. `None` when it has not.
    pub(super) fn refusal(&self) -> Option<&Text> {
        self.current.as_ref()?.refused.as_ref()
    }

    /// Records that a call at `asked` yielded a token that lives for `length` from then. Returns whether the token is new.
    pub(super) fn fetched(&mut self, token: Secret, length: Duration, asked: Instant, now: Instant) -> bool {
        let life = Life::new(asked, length);
        self.failures = 0;
        let from = asked + apart(length);
        // The stable endpoint may return a token in the last second of its life, and the answer may take longer than that.
        let dead = life.ends <= now;
        self.from = Some(if dead { from.max(now + SHORTEST_GAP) } else { from });
        match &mut self.current {
            // The stable endpoint returns the same token while it is valid.
            Some(current) if current.refused.is_none() && current.token == token => {
                current.life = Some(life);
                false
            }
            _ => {
                self.replace(token, Some(life));
                true
            }
        }
    }

    /// Records a token that another program renewed.
    pub(super) fn renewed(&mut self, token: Secret) {
        self.failures = 0;
        self.from = None;
        self.replace(token, None);
    }

    /// Records a failed call that may be repeated: after a wait that doubles each time, and not before `least`.
    pub(super) fn failed(&mut self, why: Text, least: Duration, now: Instant) {
        let doubled = FIRST_WAIT.saturating_mul(2_u32.saturating_pow(self.failures.min(16)));
        self.failures = self.failures.saturating_add(1);
        self.from = Some(now + doubled.min(LAST_WAIT).max(least.min(MOST_WAIT)));
        self.failed = why;
    }

    /// Records that no token can be had.
    pub(super) fn give_up(&mut self, why: NotReady) {
        self.never = Some(why);
    }

    /// Records that a send with this token was not answered by a refusal of the token.
    pub(super) fn accepted(&mut self, version: u64) {
        if let Some(current) = self.current_at(version) {
            current.proven = true;
        }
    }

    /// Records that a send with this token was answered at `now` by a refusal of the token. Ignores refusals of older
    /// tokens.
    pub(super) fn refused(&mut self, version: u64, why: &Text, now: Instant) {
        let Some(current) = self.current_at(version) else {
            return;
        };
        // The refusal of an expired token proves nothing about the credentials.
        let live = current.life.is_some_and(|life| now + ROUNDING < life.ends);
        let fresh = !current.proven && current.refused.is_none();
        current.refused.get_or_insert_with(|| why.clone());
        if fresh && live {
            self.give_up(NotReady::Refused {
                why: Text::new(&platform::TokenRefusedAtOnce { why }),
            });
        }
    }

    fn current_at(&mut self, version: u64) -> Option<&mut Current> {
        self.current.as_mut().filter(|current| current.version == version)
    }

    fn replace(&mut self, token: Secret, life: Option<Life>) {
        self.versions += 1;
        self.current = Some(Current {
            token,
            version: self.versions,
            life,
            proven: false,
            refused: None,
        });
    }

    fn why(&self) -> Text {
        match self.refusal() {
            _ if self.failures > 0 => self.failed.clone(),
            Some(why) => Text::new(&platform::TokenRefusedLately { why }),
            None => Text::new(&platform::TokenEnded),
        }
    }
}

impl Current {
    fn access(&self) -> Access {
        Access {
            token: self.token.clone(),
            version: self.version,
            ends: self.life.map(|life| life.ends),
        }
    }

    fn is_usable(&self, now: Instant) -> bool {
        self.refused.is_none() && self.life.is_none_or(|life| now < life.ends)
    }

    fn is_near_its_end(&self, now: Instant) -> bool {
        self.life.is_some_and(|life| now >= life.renewed_from)
    }
}
