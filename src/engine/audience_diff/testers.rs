//! The testers of an audience: users who are sent to before everybody else.

use sha2::{Digest, Sha256};

/// The users that a campaign names as testers, by the numbers of the rows, ascending.
#[derive(Debug, Default)]
pub(super) struct Testers {
    users: Vec<u32>,
    /// How many the campaign names, those included that a list excludes.
    pub(super) named: u64,
    /// Their open_ids, to hash.
    open_ids: Vec<String>,
}

impl Testers {
    /// Adds the open_id of a tester.
    pub(super) fn name(&mut self, open_id: &str) {
        self.named += 1;
        self.open_ids.push(open_id.to_owned());
    }

    /// Adds the user of a tester. One that a list excludes and the ledger does not know has none.
    pub(super) fn add(&mut self, user: u32) {
        if let Err(place) = self.users.binary_search(&user) {
            self.users.insert(place, user);
        }
    }

    /// The open_ids of the testers that were named last.
    pub(super) fn named_last(&self, many: usize) -> &[String] {
        self.open_ids.get(self.open_ids.len() - many..).unwrap_or_default()
    }

    pub(super) fn contains(&self, user: u32) -> bool {
        self.users.binary_search(&user).is_ok()
    }

    pub(super) fn users(&self) -> &[u32] {
        &self.users
    }

    /// The hash of an audience with these testers. That of an audience without testers stays as it is.
    pub(super) fn hash(&self, audience: [u8; 32]) -> [u8; 32] {
        if self.open_ids.is_empty() {
            return audience;
        }
        let mut open_ids = self.open_ids.clone();
        open_ids.sort_unstable();
        open_ids.dedup();
        let mut hash = Sha256::new();
        hash.update(b"testers");
        hash.update(audience);
        for open_id in open_ids {
            hash.update((open_id.len() as u64).to_be_bytes());
            hash.update(open_id);
        }
        hash.finalize().into()
    }
}
