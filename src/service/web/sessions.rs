//! One-time keys of links, and the sessions that they are exchanged for. Only hashes of both are kept.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read as _};
use std::time::{Duration, Instant};

use crate::model::hexadecimal::hexadecimal;
use crate::model::user::UserName;
use crate::service::accounts::{Hash, digest};

/// How long a key can be used.
const KEY_LASTS: Duration = Duration::from_hours(24);
/// How long the session of a link lasts without a request.
const SESSION_LASTS: Duration = Duration::from_hours(12);
/// How long the session of a link lasts at most.
const SESSION_ENDS: Duration = Duration::from_hours(24 * 7);
/// How long a session of a password lasts without a request.
const SIGNED_IN_LASTS: Duration = Duration::from_hours(2);
/// How long a session of a password lasts at most.
const SIGNED_IN_ENDS: Duration = Duration::from_hours(12);
/// How many keys can be used at a time. One more ends the oldest.
const MOST_KEYS: usize = 8;
/// How many sessions there can be. One more ends the one without a request for longest.
const MOST_SESSIONS: usize = 256;
/// How many sessions a user can have, so that one user does not end those of others.
const MOST_OF_USER: usize = 16;

/// Who has a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Holder {
    /// The person who opened a link.
    Link,
    /// A user who has signed in.
    User {
        /// The name.
        name: UserName,
        /// That of the password. A session ends when the user has another one.
        stamp: Hash,
    },
}

#[derive(Clone, Debug)]
struct Session {
    holder: Holder,
    began: Instant,
    used: Instant,
}

impl Session {
    fn is_over(&self, now: Instant) -> bool {
        let (lasts, ends) = match self.holder {
            Holder::Link => (SESSION_LASTS, SESSION_ENDS),
            Holder::User { .. } => (SIGNED_IN_LASTS, SIGNED_IN_ENDS),
        };
        now.saturating_duration_since(self.used) > lasts || now.saturating_duration_since(self.began) > ends
    }

    fn is_of(&self, name: &UserName) -> bool {
        matches!(&self.holder, Holder::User { name: other, .. } if other == name)
    }
}

/// The keys and the sessions.
#[derive(Debug, Default)]
pub struct Sessions {
    keys: HashMap<Hash, Instant>,
    sessions: HashMap<Hash, Session>,
}

impl Sessions {
    /// Creates a key for a link, which can be used once.
    pub fn new_key(&mut self, now: Instant) -> io::Result<String> {
        drop_oldest(&mut self.keys, MOST_KEYS, |made| *made);
        let key = random()?;
        self.keys.insert(digest(&key), now);
        Ok(key)
    }

    /// Exchanges a key for a session. Returns `None` if it was used, is too old, or was never made.
    pub fn exchange(&mut self, key: &str, now: Instant) -> io::Result<Option<String>> {
        let made = self.keys.remove(&digest(key));
        if made.is_none_or(|made| now.saturating_duration_since(made) > KEY_LASTS) {
            return Ok(None);
        }
        self.begin(Holder::Link, now).map(Some)
    }

    /// Begins a session of a user who has signed in.
    pub fn sign_in(&mut self, name: &UserName, stamp: Hash, now: Instant) -> io::Result<String> {
        while self.sessions.values().filter(|session| session.is_of(name)).count() >= MOST_OF_USER {
            let own = self.sessions.iter().filter(|(_, session)| session.is_of(name));
            let Some(oldest) = own.min_by_key(|(_, session)| session.used).map(|(hash, _)| *hash) else {
                break;
            };
            self.sessions.remove(&oldest);
        }
        let name = name.clone();
        self.begin(Holder::User { name, stamp }, now)
    }

    fn begin(&mut self, holder: Holder, now: Instant) -> io::Result<String> {
        self.sessions.retain(|_, session| !session.is_over(now));
        drop_oldest(&mut self.sessions, MOST_SESSIONS, |session| session.used);
        let session = random()?;
        let began = Session {
            holder,
            began: now,
            used: now,
        };
        self.sessions.insert(digest(&session), began);
        Ok(session)
    }

    /// Who has a session. `None` if there is no such session. A session that is used lasts longer.
    pub fn find(&mut self, session: &str, is_used: bool, now: Instant) -> Option<Holder> {
        let hash = digest(session);
        if self.sessions.get(&hash)?.is_over(now) {
            self.sessions.remove(&hash);
            return None;
        }
        let found = self.sessions.get_mut(&hash)?;
        if is_used {
            found.used = now;
        }
        Some(found.holder.clone())
    }

    /// Ends a session.
    pub fn end(&mut self, session: &str) {
        self.sessions.remove(&digest(session));
    }
}

fn drop_oldest<T>(all: &mut HashMap<Hash, T>, most: usize, at: impl Fn(&T) -> Instant) {
    while all.len() >= most {
        let Some(oldest) = all.iter().min_by_key(|(_, item)| at(item)).map(|(hash, _)| *hash) else {
            return;
        };
        all.remove(&oldest);
    }
}

/// Returns 256 random bits of the system, as hexadecimal digits.
pub fn random() -> io::Result<String> {
    let mut bytes = [0_u8; 32];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(hexadecimal(&bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_valid(sessions: &mut Sessions, session: &str, now: Instant) -> bool {
        sessions.find(session, true, now).is_some()
    }

    #[test]
    fn a_key_is_exchanged_once() {
        let mut sessions = Sessions::default();
        let now = Instant::now();
        let key = sessions.new_key(now).unwrap();
        assert_eq!(key.len(), 64);
        assert_eq!(sessions.exchange("another", now).unwrap(), None);
        let session = sessions.exchange(&key, now).unwrap().unwrap();
        assert_eq!(sessions.exchange(&key, now).unwrap(), None, "it was used");
        assert!(is_valid(&mut sessions, &session, now) && !is_valid(&mut sessions, &key, now));
        sessions.end(&session);
        assert!(!is_valid(&mut sessions, &session, now));
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
        assert!(is_valid(&mut sessions, &session, used));
        assert!(
            is_valid(&mut sessions, &session, used + SESSION_LASTS),
            "a request makes it last longer"
        );
        assert!(!is_valid(
            &mut sessions,
            &session,
            used + SESSION_LASTS * 2 + Duration::from_secs(1)
        ));
    }

    #[test]
    fn a_password_is_asked_again_after_twelve_hours_at_most() {
        let mut sessions = Sessions::default();
        let now = Instant::now();
        let li = UserName::parse("li").unwrap();
        let session = sessions.sign_in(&li, [7; 32], now).unwrap();
        let mut at = now;
        while at < now + SIGNED_IN_ENDS {
            let holder = sessions.find(&session, true, at).unwrap();
            assert_eq!(
                holder,
                Holder::User {
                    name: li.clone(),
                    stamp: [7; 32]
                }
            );
            at += SIGNED_IN_LASTS / 2;
        }
        assert_eq!(sessions.find(&session, true, at + Duration::from_secs(1)), None);
        let idle = sessions.sign_in(&li, [7; 32], now).unwrap();
        let late = now + SIGNED_IN_LASTS + Duration::from_secs(1);
        assert!(sessions.find(&idle, false, now + SIGNED_IN_LASTS).is_some());
        assert_eq!(
            sessions.find(&idle, true, late),
            None,
            "a look does not make it last longer"
        );
    }

    #[test]
    fn a_user_with_many_sessions_ends_none_of_another() {
        let mut sessions = Sessions::default();
        let now = Instant::now();
        let li = UserName::parse("li").unwrap();
        let wang = UserName::parse("wang").unwrap();
        let first = sessions.sign_in(&wang, [1; 32], now).unwrap();
        let all: Vec<_> = (1..=300)
            .map(|after| {
                sessions
                    .sign_in(&li, [2; 32], now + Duration::from_secs(after))
                    .unwrap()
            })
            .collect();
        let later = now + Duration::from_secs(301);
        let left = all.iter().filter(|session| is_valid(&mut sessions, session, later));
        assert_eq!(left.count(), MOST_OF_USER);
        assert!(is_valid(&mut sessions, &first, later));
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
