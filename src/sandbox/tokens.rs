//! Access tokens as the platform hands them out: they end after their life, and only the newest two of a client live.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

/// A client key or secret that the stand-in does not know, so that people can rehearse it. Any other is accepted.
pub const WRONG: &str = "wrong";

/// How long a token outlives the one that follows it.
const OVERLAP: Duration = Duration::from_mins(5);
/// So many calls for one key are answered in [`CALLS_WITHIN`].
const MOST_CALLS: usize = 500;
const CALLS_WITHIN: Duration = Duration::from_mins(5);

/// Which endpoint is asked for a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenKind {
    /// The same token while it is valid.
    Stable,
    /// A new token at each call.
    Client,
}

/// What a token is worth at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// It lets a request in.
    Live,
    /// It is one of the newest two, and its time is over.
    Expired,
    /// It was never handed out, or has been followed by two newer ones.
    Unknown,
}

#[derive(Clone, Debug)]
struct Token {
    value: String,
    ends: Duration,
}

/// What is kept for one client key.
#[derive(Debug, Default)]
struct Client {
    /// The newest two, the newest last.
    tokens: VecDeque<Token>,
    calls: VecDeque<Duration>,
}

/// Every token that was handed out.
#[derive(Debug)]
pub(super) struct Tokens {
    life: Duration,
    /// A token that is valid from the start without having been handed out.
    given: Option<String>,
    clients: HashMap<String, Client>,
}

impl Tokens {
    pub(super) fn new(life: Duration, given: Option<String>) -> Self {
        Self {
            life,
            given,
            clients: HashMap::new(),
        }
    }

    /// Whether this client may call once more now; if so, the call is counted.
    pub(super) fn admit(&mut self, client: &str, now: Duration) -> bool {
        let calls = &mut self.clients.entry(client.to_owned()).or_default().calls;
        while calls
            .front()
            .is_some_and(|call| now.saturating_sub(*call) >= CALLS_WITHIN)
        {
            calls.pop_front();
        }
        if calls.len() >= MOST_CALLS {
            return false;
        }
        calls.push_back(now);
        true
    }

    /// The client's newest token while it has a second to live, with what is left of its life.
    pub(super) fn valid(&self, client: &str, now: Duration) -> Option<(String, Duration)> {
        let newest = self.clients.get(client)?.tokens.back()?;
        let left = newest.ends.checked_sub(now)?;
        (left >= Duration::from_secs(1)).then(|| (newest.value.clone(), left))
    }

    /// Makes `value` the client's newest token: the one before it has five more minutes, older ones end.
    pub(super) fn hand_out(&mut self, client: &str, value: String, now: Duration) -> (String, Duration) {
        let tokens = &mut self.clients.entry(client.to_owned()).or_default().tokens;
        if let Some(previous) = tokens.back_mut() {
            previous.ends = previous.ends.min(now + OVERLAP);
        }
        tokens.push_back(Token {
            value: value.clone(),
            ends: now + self.life,
        });
        if tokens.len() > 2 {
            tokens.pop_front();
        }
        (value, self.life)
    }

    pub(super) fn standing(&self, value: &str, now: Duration) -> Standing {
        let given = self.given.as_deref().filter(|given| *given == value).map(|_| self.life);
        let mut handed_out = self.clients.values().flat_map(|client| &client.tokens);
        match given.or_else(|| handed_out.find(|token| token.value == value).map(|token| token.ends)) {
            Some(ends) if now < ends => Standing::Live,
            Some(_) => Standing::Expired,
            None => Standing::Unknown,
        }
    }
}
