//! One-time keys of links, and the sessions that they are exchanged for. Only hashes of both are kept.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Read as _};
use std::time::{Duration, Instant};

use sha2::{Digest as _, Sha256};

/// How long a key can be used.
const KEY_LASTS: Duration = Duration::from_hours(24);
/// How long a session lasts without a request.
const SESSION_LASTS: Duration = Duration::from_hours(12);
/// How many keys can be used at a time. One more ends the oldest.
const MOST_KEYS: usize = 8;
/// How many sessions there can be. One more ends the one without a request for longest.
const MOST_SESSIONS: usize = 256;

type Hash = [u8; 32];

/// The keys and the sessions.
#[derive(Debug, Default)]
pub struct Sessions {
    keys: HashMap<Hash, Instant>,
    sessions: HashMap<Hash, Instant>,
}

impl Sessions {
    /// Creates a key for a link, which can be used once.
    pub fn new_key(&mut self, now: Instant) -> io::Result<String> {
        drop_oldest(&mut self.keys, MOST_KEYS);
        let key = random()?;
        self.keys.insert(hash(&key), now);
        Ok(key)
    }

    /// Exchanges a key for a session. Returns `None` if it was used, is too old, or was never made.
    pub fn exchange(&mut self, key: &str, now: Instant) -> io::Result<Option<String>> {
        let made = self.keys.remove(&hash(key));
        if made.is_none_or(|made| now.saturating_duration_since(made) > KEY_LASTS) {
            return Ok(None);
        }
        drop_oldest(&mut self.sessions, MOST_SESSIONS);
        let session = random()?;
        self.sessions.insert(hash(&session), now);
        Ok(Some(session))
    }

    /// Whether there is such a session. If so, it lasts longer.
    pub fn is_valid(&mut self, session: &str, now: Instant) -> bool {
        self.sessions
            .retain(|_, used| now.saturating_duration_since(*used) <= SESSION_LASTS);
        match self.sessions.get_mut(&hash(session)) {
            Some(used) => {
                *used = now;
                true
            }
            None => false,
        }
    }

    /// Ends a session.
    pub fn end(&mut self, session: &str) {
        self.sessions.remove(&hash(session));
    }
}

fn drop_oldest(all: &mut HashMap<Hash, Instant>, most: usize) {
    while all.len() >= most {
        let Some(oldest) = all.iter().min_by_key(|(_, at)| **at).map(|(hash, _)| *hash) else {
            return;
        };
        all.remove(&oldest);
    }
}

fn hash(secret: &str) -> Hash {
    Sha256::digest(secret.as_bytes()).into()
}

/// Returns 256 random bits of the system, as hexadecimal digits.
fn random() -> io::Result<String> {
    let mut bytes = [0_u8; 32];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    let mut digits = String::new();
    for byte in bytes {
        // Writing to a string cannot fail.
        let _ = write!(digits, "{byte:02x}");
    }
    Ok(digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_exchanged_once() {
        let mut sessions = Sessions::default();
        let now = Instant::now();
        let key = sessions.new_key(now).unwrap();
        assert_eq!(key.len(), 64);
        assert_eq!(sessions.exchange("another", now).unwrap(), None);
        let session = sessions.exchange(&key, now).unwrap().unwrap();
        assert_eq!(sessions.exchange(&key, now).unwrap(), None, "it was used");
        assert!(sessions.is_valid(&session, now) && !sessions.is_valid(&key, now));
        sessions.end(&session);
        assert!(!sessions.is_valid(&session, now));
    }

    #[test]
    fn keys_and_sessions_end_with_time() {
        let mut sessions = Sessions::default();
        let now = Instant::now();
        let key = sessions.new_key(now).unwrap();
        let late = now + KEY_LASTS + Duration::from_secs(1);
        assert_eq!(sessions.exchange(&key, late).unwrap(), None);
        let key = sessions.new_key(now).unwrap();
        let session = sessions.exchange(&key, now).unwrap().unwrap();
        let used = now + SESSION_LASTS;
        assert!(sessions.is_valid(&session, used));
        assert!(
            sessions.is_valid(&session, used + SESSION_LASTS),
            "a request makes it last longer"
        );
        assert!(!sessions.is_valid(&session, used + SESSION_LASTS * 2 + Duration::from_secs(1)));
    }

    #[test]
    fn only_the_newest_keys_can_be_used() {
        let mut sessions = Sessions::default();
        let now = Instant::now();
        let first = sessions.new_key(now).unwrap();
        for after in 1..=MOST_KEYS as u64 {
            sessions.new_key(now + Duration::from_secs(after)).unwrap();
        }
        assert_eq!(sessions.exchange(&first, now).unwrap(), None);
    }
}
