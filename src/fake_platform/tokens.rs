//! The platform's access tokens: they expire, and only the newest two of a client are valid.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

/// A client key or secret that the sandbox rejects, so that people can rehearse that. It accepts all others.
pub const WRONG: &str = "wrong-secret";

/// How long a token outlives the one that follows it.
const OVERLAP: Duration = Duration::from_mins(5);
/// The most calls with one key that are answered in [`CALLS_WITHIN`].
const MOST_CALLS: usize = 500;
const CALLS_WITHIN: Duration = Duration::from_mins(5);

/// An endpoint for tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenKind {
    /// The same token while it is valid.
    Stable,
    /// A new token at each call.
    Client,
}

/// The validity of a token at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TokenStatus {
    /// It is valid.
    Live,
    /// It is one of the newest two, and has expired.
    Expired,
    /// It was never issued, or two newer ones followed.
    Unknown,
}

#[derive(Clone, Debug)]
struct Token {
    value: String,
    ends: Duration,
}

/// The state of one client key.
#[derive(Debug, Default)]
struct Client {
    /// The newest two, oldest first.
    tokens: VecDeque<Token>,
    calls: VecDeque<Duration>,
}

/// All tokens.
#[derive(Debug)]
pub(super) struct Tokens {
    life: Duration,
    /// A token that is valid from the start without a request for it.
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

    /// Whether this client may call once more now; if so, counts the call.
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

    /// The client's newest token and its remaining life. `None` when less than a second of it is left.
    pub(super) fn valid(&self, client: &str, now: Duration) -> Option<(String, Duration)> {
        let newest = self.clients.get(client)?.tokens.back()?;
        let left = newest.ends.checked_sub(now)?;
        (left >= Duration::from_secs(1)).then(|| (newest.value.clone(), left))
    }

    /// Makes `value` the client's newest token: the previous one is valid for five more minutes, older ones end.
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

    pub(super) fn standing(&self, value: &str, now: Duration) -> TokenStatus {
        let given = self.given.as_deref().filter(|given| *given == value).map(|_| self.life);
        let mut handed_out = self.clients.values().flat_map(|client| &client.tokens);
        match given.or_else(|| handed_out.find(|token| token.value == value).map(|token| token.ends)) {
            Some(ends) if now < ends => TokenStatus::Live,
            Some(_) => TokenStatus::Expired,
            None => TokenStatus::Unknown,
        }
    }
}
