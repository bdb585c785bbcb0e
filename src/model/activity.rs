//! The activity that a campaign declares: what the platform is asked for, what it answered, and how the activity ends.
//!
//! Creating an activity takes its stock from the template, so a campaign never asks for a second one by itself. Each request
//! has an idempotency key that is a pure function of the campaign and the activity's number, so a lost answer is resolved by the
//! same request. [`ActivityLog::apply`] is the one table of transitions.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::identity::{ActivityId, AppId, CampaignName, CouponMetaId};
use super::merchant_coupon_id::idempotency_key;
use super::mutants::mutant;

/// The idempotency key of the creation of an activity: 20 characters of Crockford's base-32 alphabet in lower case.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct MerchantActivityId([u8; 20]);

impl MerchantActivityId {
    /// Derives the key of a campaign's activity with this number.
    #[must_use]
    pub fn derive(campaign: &CampaignName, app_id: &AppId, number: u32) -> Self {
        let number = number.to_string();
        let domain = "runner/merchant_activity_id/v1";
        Self(idempotency_key(&[domain, campaign.as_str(), app_id.as_str(), &number]))
    }

    /// The key as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Display for MerchantActivityId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for MerchantActivityId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The longest name of an activity, in characters. The platform states no limit.
pub const MOST_NAME: usize = 64;

/// When the stock that is left goes back to the template.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum ReleaseRule {
    /// Only when a person asks for it.
    #[default]
    Never,
    /// By the apply that finds every delivery settled.
    WhenSettled,
}

impl ReleaseRule {
    /// The word in the campaign file.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Never => "never",
            Self::WhenSettled => "when_settled",
        }
    }
}

/// The activity that a campaign file declares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeclaredActivity {
    /// The template.
    pub coupon_meta_id: CouponMetaId,
    /// How many coupons it may give.
    pub stock: u64,
    /// The name that the platform's console shows.
    pub name: String,
    /// When what is left goes back to the template.
    pub release: ReleaseRule,
}

impl DeclaredActivity {
    /// Returns the request for the activity with this number.
    #[must_use]
    pub fn order(&self, number: u32, stock: u64) -> ActivityOrder {
        ActivityOrder {
            number,
            coupon_meta_id: self.coupon_meta_id.clone(),
            stock,
            name: self.name.clone(),
        }
    }
}

/// What the platform is asked to create.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActivityOrder {
    /// The number among the campaign's activities, from 1.
    pub number: u32,
    /// The template.
    pub coupon_meta_id: CouponMetaId,
    /// How many coupons it may give.
    pub stock: u64,
    /// The name that the platform's console shows.
    pub name: String,
}

/// What came back of a request, as far as it is worth keeping.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AnswerNote {
    /// The code. `None` if no answer with a code came.
    pub code: Option<i64>,
    /// The message of the code, or why there is no answer.
    pub message: String,
    /// The platform's id of the request. Empty if it is not known.
    pub log_id: String,
}

/// Who says that an activity exists.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Source {
    /// The platform's answer, with its id of the request.
    Platform {
        /// The platform's id of the request.
        log_id: String,
    },
    /// A person, as `user@host`.
    Person(String),
}

/// One step in the life of a declared activity. The ledger has the positions of the variants, so a new one comes last.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ActivityStep {
    /// A request for this activity is about to leave.
    Intended(ActivityOrder),
    /// The request certainly created nothing.
    NotCreated(AnswerNote),
    /// Whether the request created an activity is unknown.
    Unknown(AnswerNote),
    /// The activity exists.
    Created {
        /// Its id.
        activity_id: ActivityId,
        /// Who says so.
        source: Source,
    },
    /// A person says that no request created anything, as `user@host`.
    Dismissed(String),
    /// A request to release what is left of the newest activity is about to leave. Nothing is sent under it any more.
    ReleaseIntended,
    /// The request certainly released nothing.
    NotReleased(AnswerNote),
    /// Whether the request released anything is unknown.
    ReleaseUnknown(AnswerNote),
    /// The activity is released.
    Released {
        /// The platform's id of the request.
        log_id: String,
    },
}

/// A contradiction between a step and those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IllegalStep;

/// An activity that was asked for, and of which nothing proves yet whether it exists.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenOrder {
    /// What was asked for last.
    pub order: ActivityOrder,
    /// Whether a request is on its way, or was when its process ended.
    pub is_attempting: bool,
    /// Whether some earlier request may have created the activity.
    pub is_in_doubt: bool,
    /// When the last request was recorded.
    pub asked_at: Option<Timestamp>,
    /// The last answer. `None` before the first.
    pub answer: Option<AnswerNote>,
}

impl OpenOrder {
    /// Whether the activity may exist. Then only the same request may follow.
    #[must_use]
    pub const fn may_exist(&self) -> bool {
        self.is_in_doubt || self.is_attempting
    }
}

/// How far the release of an activity is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Release {
    /// It was not asked for.
    None,
    /// It was asked for, and certainly did not happen.
    Refused(AnswerNote),
    /// It was asked for, and may have happened.
    Asked {
        /// Whether some earlier request may have released it.
        is_in_doubt: bool,
        /// The last answer. `None` before the first.
        answer: Option<AnswerNote>,
    },
    /// It is done. What was left of the stock is in the template again.
    Done,
}

/// An activity that exists, or existed until its release.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreatedActivity {
    /// What was asked for.
    pub order: ActivityOrder,
    /// Its id.
    pub activity_id: ActivityId,
    /// Who says that it exists.
    pub source: Source,
    /// When this was recorded.
    pub at: Option<Timestamp>,
    /// How many coupons were issued under it, as answers to attempts, the platform's own records and persons say.
    pub issued: u64,
    /// How far its release is.
    pub release: Release,
}

impl CreatedActivity {
    /// Whether coupons may be sent under it.
    #[must_use]
    pub fn is_open(&self) -> bool {
        matches!(self.release, Release::None | Release::Refused(_))
    }
}

/// The activities of one campaign.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActivityLog {
    created: Vec<CreatedActivity>,
    open: Option<OpenOrder>,
}

impl ActivityLog {
    /// The activities that exist or existed, in the order of their numbers.
    #[must_use]
    pub fn created(&self) -> &[CreatedActivity] {
        &self.created
    }

    /// The newest activity that exists or existed. `None` before the first.
    #[must_use]
    pub fn newest(&self) -> Option<&CreatedActivity> {
        self.created.last()
    }

    /// The activity that was asked for and is not known to exist. `None` if there is none.
    #[must_use]
    pub const fn open(&self) -> Option<&OpenOrder> {
        self.open.as_ref()
    }

    /// The number of the next activity.
    #[must_use]
    pub fn next_number(&self) -> u32 {
        let lost = self.open.as_ref().is_some_and(OpenOrder::may_exist) && mutant!(LostCreatedAgain);
        let before = self.created.len() + usize::from(lost);
        u32::try_from(before).map_or(u32::MAX, |before| before.saturating_add(1))
    }

    /// Counts a coupon that was issued under an activity.
    pub fn count_issued(&mut self, activity_id: &ActivityId) {
        let is_it = |created: &&mut CreatedActivity| created.activity_id == *activity_id;
        if let Some(created) = self.created.iter_mut().find(is_it) {
            created.issued += 1;
        }
    }

    /// Applies one step.
    ///
    /// # Errors
    /// When the step contradicts those before it. Nothing changes then.
    pub fn apply(&mut self, step: ActivityStep, at: Timestamp) -> Result<(), IllegalStep> {
        match step {
            ActivityStep::Intended(order) => self.intend(order, at),
            ActivityStep::NotCreated(answer) => self.attempting()?.end(answer, false),
            ActivityStep::Unknown(answer) => self.attempting()?.end(answer, true),
            ActivityStep::Created { activity_id, source } => self.create(activity_id, source, at),
            ActivityStep::Dismissed(_) => self.open.take().map(drop).ok_or(IllegalStep),
            ActivityStep::ReleaseIntended => self.release(|release| match release {
                // A request whose answer is not recorded may have released it.
                Release::Asked { answer, .. } => Some(Release::Asked {
                    is_in_doubt: true,
                    answer,
                }),
                Release::None => Some(Release::Asked {
                    is_in_doubt: false,
                    answer: None,
                }),
                Release::Refused(note) => Some(Release::Asked {
                    is_in_doubt: false,
                    answer: Some(note),
                }),
                Release::Done => None,
            }),
            ActivityStep::NotReleased(note) => self.release(|release| match release {
                Release::Asked { is_in_doubt: false, .. } => Some(Release::Refused(note)),
                Release::Asked { is_in_doubt: true, .. } => Some(Release::Asked {
                    is_in_doubt: true,
                    answer: Some(note),
                }),
                Release::None | Release::Refused(_) | Release::Done => None,
            }),
            ActivityStep::ReleaseUnknown(note) => self.release(|release| match release {
                Release::Asked { .. } => Some(Release::Asked {
                    is_in_doubt: true,
                    answer: Some(note),
                }),
                Release::None | Release::Refused(_) | Release::Done => None,
            }),
            ActivityStep::Released { .. } => {
                self.release(|release| matches!(release, Release::Asked { .. }).then_some(Release::Done))
            }
        }
    }

    /// Changes the release of the newest activity. `None` of `change` means that the step is illegal.
    fn release(&mut self, change: impl FnOnce(Release) -> Option<Release>) -> Result<(), IllegalStep> {
        let newest = self.created.last_mut().ok_or(IllegalStep)?;
        newest.release = change(newest.release.clone()).ok_or(IllegalStep)?;
        Ok(())
    }

    fn intend(&mut self, order: ActivityOrder, at: Timestamp) -> Result<(), IllegalStep> {
        let number = self.next_number();
        let before = self.open.as_ref();
        let may_exist = before.is_some_and(OpenOrder::may_exist);
        // With other numbers, the answer to a repeated key would prove nothing about the first request.
        let is_repeat = before.is_none_or(|open| !may_exist || open.order == order || mutant!(LostCreatedAgain));
        if order.number != number || order.stock == 0 || !is_repeat {
            return Err(IllegalStep);
        }
        let answer = self.open.take().and_then(|open| open.answer);
        self.open = Some(OpenOrder {
            order,
            is_attempting: true,
            is_in_doubt: may_exist,
            asked_at: kept(at),
            answer,
        });
        Ok(())
    }

    fn create(&mut self, activity_id: ActivityId, source: Source, at: Timestamp) -> Result<(), IllegalStep> {
        let is_known = self.created.iter().any(|known| known.activity_id == activity_id);
        let is_answered = match (&source, &self.open) {
            (_, None) => false,
            (Source::Platform { .. }, Some(open)) => open.is_attempting,
            (Source::Person(_), Some(_)) => true,
        };
        if is_known || !is_answered {
            return Err(IllegalStep);
        }
        let open = self.open.take().ok_or(IllegalStep)?;
        self.created.push(CreatedActivity {
            order: open.order,
            activity_id,
            source,
            at: kept(at),
            issued: 0,
            release: Release::None,
        });
        Ok(())
    }

    fn attempting(&mut self) -> Result<&mut OpenOrder, IllegalStep> {
        self.open.as_mut().filter(|open| open.is_attempting).ok_or(IllegalStep)
    }
}

/// The smallest time cannot be serialized.
fn kept(at: Timestamp) -> Option<Timestamp> {
    Some(at).filter(|at| *at != Timestamp::MIN)
}

impl OpenOrder {
    #[expect(clippy::unnecessary_wraps, reason = "each step returns whether it is legal")]
    fn end(&mut self, answer: AnswerNote, is_unknown: bool) -> Result<(), IllegalStep> {
        self.is_attempting = false;
        self.is_in_doubt |= is_unknown;
        self.answer = Some(answer);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn order(number: u32, stock: u64) -> ActivityOrder {
        ActivityOrder {
            number,
            coupon_meta_id: CouponMetaId::parse("72").unwrap(),
            stock,
            name: "summer".to_owned(),
        }
    }

    fn created(id: &str) -> ActivityStep {
        ActivityStep::Created {
            activity_id: ActivityId::parse(id).unwrap(),
            source: Source::Platform { log_id: "log".into() },
        }
    }

    fn by_person(id: &str) -> ActivityStep {
        ActivityStep::Created {
            activity_id: ActivityId::parse(id).unwrap(),
            source: Source::Person("ann@till".into()),
        }
    }

    fn folded(steps: &[ActivityStep]) -> Result<ActivityLog, usize> {
        let mut log = ActivityLog::default();
        for (at, step) in steps.iter().enumerate() {
            log.apply(step.clone(), Timestamp::UNIX_EPOCH).map_err(|_| at)?;
        }
        Ok(log)
    }

    #[test]
    fn the_key_of_an_activity_is_that_of_its_number() {
        let key = |campaign: &str, number| {
            let campaign = CampaignName::parse(campaign).unwrap();
            MerchantActivityId::derive(&campaign, &AppId::parse("tt1").unwrap(), number).to_string()
        };
        let keys = ["summer-2026", "奶茶"].map(|campaign| format!("{} {}", key(campaign, 1), key(campaign, 2)));
        insta::assert_snapshot!(keys.join("\n"), @"
        11mma4dx3teafvetj1fz 7svq2hymr5pqfnk3rg3k
        3n32nbz106at5sz3cm80 vcfq1ajx8h4dvk0467k3
        ");
        assert!(keys.iter().all(|key| key.len() == 41));
    }

    #[test]
    fn a_lost_answer_is_resolved_by_the_same_request_only() {
        use ActivityStep::{Dismissed, Intended, NotCreated, Unknown};
        let lost = |again| {
            vec![
                Intended(order(1, 100)),
                Unknown(AnswerNote::default()),
                Intended(again),
                created("7"),
            ]
        };
        assert!(folded(&lost(order(1, 100))).is_ok());
        assert_eq!(folded(&lost(order(1, 200))), Err(2));
        assert_eq!(folded(&lost(order(2, 100))), Err(2));
        // A process that died may have sent its request.
        assert_eq!(folded(&[Intended(order(1, 100)), Intended(order(1, 200))]), Err(1));
        // A doubt stays, whatever the next answer is.
        let mut refused = vec![
            Intended(order(1, 100)),
            Unknown(AnswerNote::default()),
            Intended(order(1, 100)),
            NotCreated(AnswerNote::default()),
            Intended(order(1, 200)),
        ];
        assert_eq!(folded(&refused), Err(4));
        refused.insert(4, Dismissed("ann@till".into()));
        assert!(folded(&refused).is_ok());
        // Nothing was created, so the file may be corrected.
        let corrected = [
            Intended(order(1, 100)),
            NotCreated(AnswerNote::default()),
            Intended(order(1, 90)),
            created("7"),
        ];
        assert_eq!(folded(&corrected).unwrap().newest().unwrap().order.stock, 90);
    }

    #[test]
    fn a_released_activity_is_never_open_again() {
        use ActivityStep::{Intended, NotReleased, ReleaseIntended, ReleaseUnknown, Released};
        let log_id = || Released { log_id: String::new() };
        let is_open = |steps: &[ActivityStep]| folded(steps).unwrap().newest().unwrap().is_open();
        let mut steps = vec![Intended(order(1, 1)), created("7"), ReleaseIntended];
        assert!(!is_open(&steps));
        steps.push(NotReleased(AnswerNote::default()));
        assert!(
            is_open(&steps),
            "the platform refused the first request, so it released nothing"
        );
        steps.extend([ReleaseIntended, ReleaseUnknown(AnswerNote::default())]);
        steps.extend([ReleaseIntended, NotReleased(AnswerNote::default())]);
        assert!(!is_open(&steps), "the request before may have released it");
        steps.extend([ReleaseIntended, log_id()]);
        assert_eq!(folded(&steps).unwrap().newest().unwrap().release, Release::Done);
        steps.push(ReleaseIntended);
        assert_eq!(folded(&steps), Err(10));
        assert_eq!(folded(&[Intended(order(1, 1)), created("7"), log_id()]), Err(2));
        // The answer for a second activity must not be the first one.
        let repeated = [Intended(order(1, 1)), created("7"), Intended(order(2, 1)), created("7")];
        assert_eq!(folded(&repeated), Err(3));
    }

    fn any_step() -> impl Strategy<Value = ActivityStep> {
        use ActivityStep::{
            Dismissed, Intended, NotCreated, NotReleased, ReleaseIntended, ReleaseUnknown, Released, Unknown,
        };
        prop_oneof![
            4 => (1..4_u32, 1..3_u64).prop_map(|(number, stock)| Intended(order(number, stock))),
            1 => Just(NotCreated(AnswerNote::default())),
            1 => Just(Unknown(AnswerNote::default())),
            2 => (1..5_u32).prop_map(|id| created(&id.to_string())),
            1 => (1..5_u32).prop_map(|id| by_person(&id.to_string())),
            1 => Just(Dismissed("ann@till".into())),
            1 => Just(ReleaseIntended),
            1 => Just(NotReleased(AnswerNote::default())),
            1 => Just(ReleaseUnknown(AnswerNote::default())),
            1 => Just(Released { log_id: String::new() }),
        ]
    }

    proptest! {
        /// Whatever comes in which order: numbers have no gap, ids are never repeated, and a request for the next activity never
        /// follows one that may have created the activity before.
        #[test]
        fn no_order_of_steps_makes_a_second_activity(steps in proptest::collection::vec(any_step(), 0..40)) {
            let mut log = ActivityLog::default();
            let mut doubtful: Option<ActivityOrder> = None;
            for step in steps {
                let before = log.clone();
                let intended = match &step {
                    ActivityStep::Intended(order) => Some(order.clone()),
                    _ => None,
                };
                let unknown = matches!(step, ActivityStep::Unknown(_));
                let ends = matches!(step, ActivityStep::Created { .. } | ActivityStep::Dismissed(_));
                if log.apply(step, Timestamp::UNIX_EPOCH).is_err() {
                    prop_assert_eq!(&log, &before);
                    continue;
                }
                if let (Some(intended), Some(doubtful)) = (&intended, &doubtful) {
                    prop_assert_eq!(intended, doubtful);
                }
                if unknown {
                    doubtful = log.open().map(|open| open.order.clone());
                } else if ends {
                    doubtful = None;
                }
                let numbers = log.created().iter().map(|created| created.order.number);
                prop_assert!(numbers.eq(1..log.next_number()));
                let mut ids: Vec<_> = log.created().iter().map(|created| &created.activity_id).collect();
                ids.sort();
                ids.dedup();
                prop_assert_eq!(ids.len(), log.created().len());
            }
        }
    }
}
