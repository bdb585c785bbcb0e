//! How often somebody may try to sign in: for each name, and for each address. Time is an argument.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::time::{Duration, Instant};

/// How many attempts an address or a name has at once.
const BURST: u32 = 10;
/// How soon an address has another attempt.
const ADDRESS_EVERY: Duration = Duration::from_secs(6);
/// How soon a name has another attempt, from all addresses together.
const NAME_EVERY: Duration = Duration::from_secs(30);
/// How many names or addresses are remembered. More share one allowance.
const MOST: usize = 4096;

/// The attempts so far: for each key, the time at which its allowance is full again.
struct Allowance<K> {
    every: Duration,
    full_at: HashMap<Option<K>, Instant>,
}

impl<K: Eq + Hash> Allowance<K> {
    fn new(every: Duration) -> Self {
        Self {
            every,
            full_at: HashMap::new(),
        }
    }

    /// How long to wait for the next attempt. Zero if it is allowed now.
    #[expect(clippy::ref_option, reason = "it is the key of the map")]
    fn wait(&mut self, key: &Option<K>, now: Instant) -> Duration {
        self.full_at.retain(|_, full_at| *full_at > now);
        let full_at = self.full_at.get(key).copied().unwrap_or(now);
        let next = full_at + self.every;
        next.saturating_duration_since(now + self.every * BURST)
    }

    fn take(&mut self, key: Option<K>, now: Instant) {
        let full_at = self.full_at.entry(key).or_insert(now);
        *full_at = (*full_at).max(now) + self.every;
    }

    fn key(&self, key: K) -> Option<K> {
        let key = Some(key);
        if self.full_at.len() < MOST || self.full_at.contains_key(&key) {
            key
        } else {
            None
        }
    }
}

/// The attempts to sign in.
pub struct LoginThrottle {
    names: Allowance<String>,
    addresses: Allowance<IpAddr>,
}

impl Default for LoginThrottle {
    fn default() -> Self {
        Self {
            names: Allowance::new(NAME_EVERY),
            addresses: Allowance::new(ADDRESS_EVERY),
        }
    }
}

impl LoginThrottle {
    /// Counts an attempt.
    ///
    /// # Errors
    /// How long to wait, if there were too many. The attempt is then not counted.
    pub fn attempt(&mut self, name: &str, address: IpAddr, now: Instant) -> Result<(), Duration> {
        let name = self.names.key(name.to_owned());
        let address = self.addresses.key(network(address));
        let wait = self.names.wait(&name, now).max(self.addresses.wait(&address, now));
        if !wait.is_zero() {
            return Err(wait);
        }
        self.names.take(name, now);
        self.addresses.take(address, now);
        Ok(())
    }
}

/// The network of an address: a provider gives each customer a whole /64 of IPv6.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::from((u128::from(address) & !u128::from(u64::MAX)).to_be_bytes()),
        address @ IpAddr::V4(_) => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOME: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 1));

    #[test]
    fn a_name_is_guessed_at_rarely_from_all_addresses_together() {
        let mut throttle = LoginThrottle::default();
        let now = Instant::now();
        let from = |last: u8| IpAddr::from([10, 0, 0, last]);
        for last in 0..10 {
            assert_eq!(throttle.attempt("li", from(last), now), Ok(()));
        }
        assert_eq!(throttle.attempt("li", from(99), now), Err(NAME_EVERY));
        assert_eq!(
            throttle.attempt("wang", from(99), now),
            Ok(()),
            "another name is not affected"
        );
        assert_eq!(throttle.attempt("li", from(99), now + NAME_EVERY), Ok(()));
        assert!(throttle.attempt("li", from(98), now + NAME_EVERY).is_err());
    }

    #[test]
    fn an_address_tries_few_names() {
        let mut throttle = LoginThrottle::default();
        let now = Instant::now();
        for user in 0..10 {
            assert_eq!(throttle.attempt(&format!("user-{user}"), HOME, now), Ok(()));
        }
        assert_eq!(throttle.attempt("li", HOME, now), Err(ADDRESS_EVERY));
        let near: [IpAddr; 2] = ["2001:db8::1".parse().unwrap(), "2001:db8::ffff".parse().unwrap()];
        assert_eq!(network(near[0]), network(near[1]));
        assert_eq!(network("::ffff:10.0.0.1".parse().unwrap()), HOME);
    }

    #[test]
    fn many_names_do_not_fill_the_memory() {
        let mut throttle = LoginThrottle::default();
        let now = Instant::now();
        for user in 0..20_000_u32 {
            let _ = throttle.attempt(&format!("user-{user}"), IpAddr::from(user.to_be_bytes()), now);
        }
        assert!(throttle.names.full_at.len() <= MOST + 1);
        assert!(throttle.attempt("one more", HOME, now).is_err());
    }
}
