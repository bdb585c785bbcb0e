//! A ledger in memory, and one apply to it.

use std::path::PathBuf;
use std::time::Duration;

use super::super::*;
use crate::audience::{CsvSource, Encoding, Source};
use crate::clock::from_ms;
use crate::delivery::{ActivityNo, Skipped, Verdict};
use crate::identity::{ActivityId, AppId, CampaignName, Identity, PlatformName};
use crate::plan::{Bounds, Guard, Halt, InDoubt, Pace, Retry, Schedule};

pub(super) const CODE: i64 = 29_005_099;

/// A ledger that tells only facts and folds them.
#[derive(Clone, Debug, Default)]
pub(super) struct Memory {
    pub(super) open_ids: Vec<String>,
    gone: Vec<bool>,
    deliveries: Vec<Vec<Standing>>,
    generation: Option<Generation>,
    replays: bool,
}

impl Book for Memory {
    fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for standing in self.deliveries.iter().flatten() {
            counts.add(standing.state.name(), 1);
        }
        counts
    }
    fn recipients(&self) -> u32 {
        u32::try_from(self.open_ids.len()).expect("a small ledger")
    }
    fn find(&self, open_id: &str) -> Option<u32> {
        let place = self.open_ids.iter().position(|known| known == open_id)?;
        u32::try_from(place).ok()
    }
    fn is_gone(&self, recipient: u32) -> bool {
        self.gone[recipient as usize]
    }
    fn most_coupons(&self) -> u8 {
        self.deliveries
            .first()
            .map_or(0, |all| u8::try_from(all.len()).expect("at most 20"))
    }
    fn standing(&self, key: DeliveryKey) -> Standing {
        self.deliveries[key.recipient as usize][usize::from(key.ordinal) - 1]
    }
    fn generation(&self) -> Option<&Generation> {
        self.generation.as_ref()
    }
    fn accepts_replays(&self) -> bool {
        self.replays
    }
}

impl Memory {
    fn take(&mut self, converged: &Converged, plan: &Plan) {
        for open_id in converged.admitted.iter() {
            self.open_ids.push(open_id.to_owned());
            self.gone.push(false);
            self.deliveries.push(Vec::new());
        }
        for (key, step) in &converged.reread {
            self.step(*key, *step);
        }
        for recipient in &converged.left {
            assert!(
                !std::mem::replace(&mut self.gone[*recipient as usize], true),
                "who left was there"
            );
        }
        for recipient in &converged.returned {
            assert!(
                std::mem::replace(&mut self.gone[*recipient as usize], false),
                "who returned was gone"
            );
        }
        self.replays |= converged.accepted.contains(&Accept::Replays);
        self.generation = Some(Generation {
            activity_id: plan.activity_id.clone(),
            coupons_per_user: plan.coupons_per_user,
        });
        self.close(plan.coupons_per_user);
    }

    /// A closed generation decides for every delivery whether it is owed.
    pub(super) fn close(&mut self, coupons: u8) {
        let most = self.most_coupons().max(coupons);
        for (deliveries, gone) in self.deliveries.iter_mut().zip(&self.gone) {
            deliveries.resize(usize::from(most), Standing::PENDING);
            let mut refused = false;
            for (ordinal, standing) in (1..).zip(deliveries.iter_mut()) {
                let why = match () {
                    () if *gone => Some(Skipped::Gone),
                    () if ordinal > coupons => Some(Skipped::CouponsPerUser),
                    () if refused => Some(Skipped::EarlierRefused),
                    () => None,
                };
                let step = match (why, standing.state) {
                    (Some(why), State::Pending | State::Deferred { .. } | State::Held { .. } | State::Skipped(_)) => {
                        Some(Step::Skip(why))
                    }
                    (None, State::Skipped(_)) => Some(Step::Owe),
                    _ => None,
                };
                if let Some(step) = step {
                    *standing = standing.next(step).expect("the table has the step");
                }
                refused |= matches!(standing.state, State::Refused { .. });
            }
        }
    }

    fn step(&mut self, key: DeliveryKey, step: Step) {
        let standing = &mut self.deliveries[key.recipient as usize][usize::from(key.ordinal) - 1];
        *standing = standing.next(step).expect("the table has the step");
    }

    /// Sends one delivery, if it can be sent, with this end.
    pub(super) fn send(&mut self, key: DeliveryKey, verdict: Verdict) {
        if self.standing(key).state == State::Pending {
            self.step(
                key,
                Step::Intent {
                    at: from_ms(0),
                    activity: ActivityNo(0),
                },
            );
            self.step(key, Step::Ended(verdict));
        }
    }

    /// Sends a doubt again, with this end.
    pub(super) fn retry(&mut self, key: DeliveryKey, verdict: Verdict) {
        self.step(
            key,
            Step::Intent {
                at: from_ms(2),
                activity: ActivityNo(0),
            },
        );
        self.step(key, Step::Ended(verdict));
    }

    pub(super) fn all(&self) -> impl Iterator<Item = DeliveryKey> + use<> {
        let most = self.most_coupons();
        (0..self.recipients())
            .flat_map(move |recipient| (1..=most).map(move |ordinal| DeliveryKey { recipient, ordinal }))
    }
}

fn plan() -> Plan {
    let guard = Guard { over: 0.5, after: 200 };
    Plan {
        identity: Identity {
            campaign: CampaignName::parse("summer").expect("a campaign's name"),
            app_id: AppId::parse("tt1").expect("an app id"),
            platform: PlatformName::Sandbox,
        },
        activity_id: ActivityId::parse("7218").expect("an activity's id"),
        base_url: "http://127.0.0.1:1".into(),
        coupons_per_user: 1,
        max_coupons: u64::MAX,
        schedule: Schedule {
            start: Timestamp::MIN,
            end: Timestamp::MAX,
        },
        pace: Pace {
            per_second: 98.0,
            max_in_flight: 64,
        },
        retry: Retry {
            attempts: 6,
            first_delay: Duration::from_millis(500),
            max_delay: Duration::from_mins(1),
            timeout: Duration::from_secs(10),
            in_doubt: InDoubt::Resend,
            resend_within: Duration::from_hours(24),
            give_up: Duration::from_hours(12),
        },
        halt: Halt {
            refused: guard,
            held: guard,
            same_code: 20,
        },
        codes: BTreeMap::new(),
        run: Bounds {
            at_most: u64::MAX,
            no_wait: false,
        },
    }
}

/// One apply: what the file says, what the source names, what was accepted.
#[derive(Clone)]
pub(super) struct Apply {
    pub(super) plan: Plan,
    pub(super) audience: Audience,
    pub(super) rows: Vec<Result<String, UnusableKind>>,
    pub(super) accepted: Vec<Accept>,
    pub(super) rehearsal: bool,
    pub(super) class: Class,
}

impl Apply {
    pub(super) fn of<S: ToString>(open_ids: impl IntoIterator<Item = S>) -> Self {
        let source = Source::Csv(CsvSource {
            path: PathBuf::new(),
            open_id: "open_id".into(),
            encoding: Encoding::Utf8,
            delimiter: None,
        });
        Self {
            plan: plan(),
            audience: Audience {
                source,
                limit: u32::MAX,
                allow_empty: false,
                max_unusable: 0.01,
            },
            rows: open_ids.into_iter().map(|open_id| Ok(open_id.to_string())).collect(),
            accepted: Vec::new(),
            rehearsal: false,
            class: Class::Hold,
        }
    }

    pub(super) fn accepting(mut self, accepted: &[Accept]) -> Self {
        self.accepted = accepted.to_vec();
        self
    }

    pub(super) fn with(mut self, change: impl FnOnce(&mut Plan)) -> Self {
        change(&mut self.plan);
        self
    }

    pub(super) fn decide(&self, book: &Memory) -> Result<Converged, Vec<Refusal>> {
        let mut admission = Admission::new(book);
        for (line, open_id) in (2..).zip(&self.rows) {
            admission.row(&Row {
                line,
                open_id: open_id.as_deref().map_err(|kind| *kind),
            });
        }
        let totals = Totals {
            rows: self.rows.len() as u64,
            bytes: 0,
            hash: [0; 32],
        };
        admission.decide(&Terms {
            plan: &self.plan,
            audience: &self.audience,
            totals,
            accepted: &self.accepted,
            rehearsal: self.rehearsal,
            class: &|_| self.class,
            now: from_ms(1_000),
        })
    }

    /// Applies and lets the ledger take it.
    pub(super) fn to(&self, book: &mut Memory) -> Converged {
        let converged = self.decide(book).expect("the audience is let in");
        book.take(&converged, &self.plan);
        assert_eq!(book.counts(), converged.counts, "the counts that were foretold");
        converged
    }

    pub(super) fn refused(&self, book: &Memory) -> String {
        let refusals = self.decide(book).expect_err("the audience is not let in");
        let told = refusals.iter().map(|refusal| match refusal.help() {
            Some(help) => format!("{refusal}\n  help: {help}"),
            None => refusal.to_string(),
        });
        told.collect::<Vec<_>>().join("\n")
    }
}
