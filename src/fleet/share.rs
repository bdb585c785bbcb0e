//! Which worker takes which app id: rendezvous hashing, so that a worker that joins or leaves moves only its own share.

use sha2::{Digest, Sha256};

use super::statement::{AppKey, WorkerId};

fn weight(id: WorkerId, app: &AppKey) -> u64 {
    let mut hash = Sha256::new();
    hash.update(id.0.to_be_bytes());
    for text in [&app.platform, &app.app] {
        hash.update((text.len() as u64).to_be_bytes());
        hash.update(text);
    }
    let digest = hash.finalize();
    digest
        .iter()
        .take(8)
        .fold(0, |number, byte| (number << 8) | u64::from(*byte))
}

/// How many of `workers` come before `me` for an app id: 0 if it belongs to this worker's share.
#[must_use]
pub fn rank(me: WorkerId, app: &AppKey, workers: impl Iterator<Item = WorkerId>) -> u32 {
    let mine = (weight(me, app), me);
    let before = workers.filter(|other| (weight(*other, app), *other) > mine).count();
    u32::try_from(before).unwrap_or(u32::MAX)
}

/// The worker whose share an app id belongs to. `None` without workers.
#[must_use]
pub fn first(app: &AppKey, workers: impl Iterator<Item = WorkerId>) -> Option<WorkerId> {
    workers.max_by_key(|id| (weight(*id, app), *id))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn app(n: u32) -> AppKey {
        AppKey {
            platform: "https://open.douyin.com".to_owned(),
            app: format!("tt{n}"),
        }
    }

    proptest! {
        #[test]
        fn a_worker_that_leaves_moves_only_its_own_share(ids in prop::collection::btree_set(any::<u128>(), 2..8), gone in any::<prop::sample::Index>()) {
            let ids: Vec<_> = ids.into_iter().map(WorkerId).collect();
            let gone = *gone.get(&ids);
            for app in (0..50).map(app) {
                let before = first(&app, ids.iter().copied());
                let after = first(&app, ids.iter().copied().filter(|id| *id != gone));
                prop_assert!(before == Some(gone) || before == after);
                let ranks: Vec<_> = ids.iter().map(|id| rank(*id, &app, ids.iter().copied())).collect();
                prop_assert_eq!(ranks.iter().filter(|rank| **rank == 0).count(), 1);
                prop_assert_eq!(before, ids.iter().zip(&ranks).find(|(_, rank)| **rank == 0).map(|(id, _)| *id));
            }
        }
    }

    #[test]
    fn shares_are_even() {
        let ids = [1, 2, 3, 4].map(WorkerId);
        let mut shares = [0_u32; 4];
        for app in (0..4_000).map(app) {
            let first = first(&app, ids.into_iter());
            let at = ids.iter().position(|id| Some(*id) == first).expect("one of them");
            shares[at] += 1;
        }
        assert!(shares.iter().all(|share| (900..1_100).contains(share)), "{shares:?}");
    }
}
