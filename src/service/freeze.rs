//! Times in which nothing is sent: those of the policy, and the one that a person began. Pure: the time is an argument.

use jiff::Timestamp;

use crate::campaign::{Freeze, Policy};
use crate::model::mutants::mutant;

use super::act::Who;

/// A freeze that a person began. It lasts until a person ends it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManualFreeze {
    /// Who.
    pub by: Who,
    /// When.
    pub at: Timestamp,
    /// Why. May be empty.
    pub note: String,
}

/// What freezes a campaign at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Frozen<'a> {
    /// A person.
    By(&'a ManualFreeze),
    /// The policy.
    Until(&'a Freeze),
}

/// What freezes a campaign at `now`. `None` if nothing does.
#[must_use]
pub fn find<'a>(
    policy: Option<&'a Policy>,
    manual: Option<&'a ManualFreeze>,
    campaign: &str,
    now: Timestamp,
) -> Option<Frozen<'a>> {
    let freezes = policy.map(|policy| policy.freezes.iter()).into_iter().flatten();
    let holds = |freeze: &&Freeze| freeze.from <= now && now < freeze.until && !is_excepted(freeze, campaign);
    let of_policy = freezes
        .filter(holds)
        .filter(|_| !mutant!(FreezeUnheard))
        .max_by_key(|freeze| freeze.until);
    manual.map(Frozen::By).or(of_policy.map(Frozen::Until))
}

/// Every freeze of the policy at `now`, whatever campaigns it excepts.
pub fn all(policy: Option<&Policy>, now: Timestamp) -> impl Iterator<Item = &Freeze> {
    let freezes = policy.map(|policy| policy.freezes.iter()).into_iter().flatten();
    freezes.filter(move |freeze| freeze.from <= now && now < freeze.until)
}

/// The next moment after `now` at which a freeze of the policy begins or ends. `None` if none does.
#[must_use]
pub fn next_change(policy: &Policy, now: Timestamp) -> Option<Timestamp> {
    let moments = policy.freezes.iter().flat_map(|freeze| [freeze.from, freeze.until]);
    moments.filter(|moment| *moment > now).min()
}

/// Whether a freeze leaves a campaign alone. An occurrence has the name of its series, too.
fn is_excepted(freeze: &Freeze, campaign: &str) -> bool {
    let series = campaign.rsplit_once('@').map_or(campaign, |(series, _)| series);
    let fits = |name: &str| freeze.except.iter().any(|pattern| pattern.is_match(name));
    fits(campaign) || fits(series)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::campaign::parse_server;

    const POLICY: &str = "version: 1\ntimezone: Asia/Shanghai\npolicy:\n  freezes:\n    \
        - {name: double 11, from: 2026-11-10T20:00, until: 2026-11-12T00:00, except: [\"double11-*\"]}\n    \
        - {name: audit, from: 2026-11-11T00:00, until: 2026-11-13T00:00, except: tea}\n";

    fn policy() -> Policy {
        let parsed = parse_server(Path::new("server.yaml"), POLICY.as_bytes());
        parsed.unwrap().content.policy.unwrap()
    }

    fn name(campaign: &str, at: &str) -> Option<String> {
        let policy = policy();
        match find(Some(&policy), None, campaign, at.parse().unwrap())? {
            Frozen::Until(freeze) => Some(freeze.name.clone()),
            Frozen::By(_) => None,
        }
    }

    #[test]
    fn a_freeze_holds_from_its_first_moment_to_its_last() {
        let of = |at| name("milk", at);
        assert_eq!(of("2026-11-10T19:59:59.999+08:00"), None);
        assert_eq!(of("2026-11-10T20:00+08:00").as_deref(), Some("double 11"));
        assert_eq!(
            of("2026-11-11T12:00+08:00").as_deref(),
            Some("audit"),
            "the one that ends last"
        );
        assert_eq!(of("2026-11-12T23:59:59.999+08:00").as_deref(), Some("audit"));
        assert_eq!(of("2026-11-13T00:00+08:00"), None);
        assert_eq!(name("double11-tea", "2026-11-10T20:00+08:00"), None);
        assert_eq!(
            name("tea@2026-11-11", "2026-11-11T12:00+08:00").as_deref(),
            Some("double 11")
        );
        assert_eq!(
            name("tea@2026-11-12", "2026-11-12T12:00+08:00"),
            None,
            "an occurrence is excepted with its series"
        );
    }

    #[test]
    fn a_person_freezes_everything() {
        let policy = policy();
        let manual = ManualFreeze {
            by: Who::local("wang", ""),
            at: Timestamp::UNIX_EPOCH,
            note: String::new(),
        };
        let found = find(Some(&policy), Some(&manual), "double11-tea", Timestamp::UNIX_EPOCH);
        assert_eq!(found, Some(Frozen::By(&manual)));
        assert!(find(None, Some(&manual), "tea", Timestamp::UNIX_EPOCH).is_some());
    }

    #[test]
    fn each_beginning_and_end_is_a_change() {
        let policy = policy();
        let mut at = Timestamp::UNIX_EPOCH;
        let mut changes = 0;
        while let Some(next) = next_change(&policy, at) {
            assert!(next > at);
            at = next;
            changes += 1;
        }
        assert_eq!(changes, 4);
    }
}
