//! What only the platform itself can tell: a probe gives one coupon to one person, of an activity with a stock of one, and
//! repeats its requests. Pure: the log of a probe says what comes next, and what its answers mean.
//!
//! The stock bounds what a probe can cost: after the first coupon, the platform has none to give under this activity.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::clock::{later, until};
use super::merchant_coupon_id::idempotency_key;

/// The stock of the activity that a probe creates.
pub const STOCK: u64 = 1;
/// The shortest and the longest wait between two counts.
const BETWEEN_COUNTS: (Duration, Duration) = (Duration::from_secs(1), Duration::from_mins(5));

/// A request of a probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// Creates the activity.
    Create,
    /// Repeats that request.
    CreateAgain,
    /// Sends the coupon.
    Send,
    /// Repeats that request.
    SendAgain,
    /// Sends another coupon, which the stock does not have.
    SendAnother,
    /// Asks for the coupon by its id.
    ReadCoupon,
    /// Asks for the count of the activity.
    Count,
    /// Deletes the activity.
    Delete,
    /// Deletes the activity that the repeat has created, if it has.
    DeleteOther,
    /// Repeats the deletion.
    DeleteAgain,
    /// Sends a coupon of the deleted activity.
    SendAfterDeletion,
}

impl Step {
    /// Every step.
    pub const ALL: [Self; 11] = [
        Self::Create,
        Self::CreateAgain,
        Self::Send,
        Self::SendAgain,
        Self::SendAnother,
        Self::ReadCoupon,
        Self::Count,
        Self::Delete,
        Self::DeleteOther,
        Self::DeleteAgain,
        Self::SendAfterDeletion,
    ];

    /// The word in the journal, in JSON, and for texts.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::CreateAgain => "create_again",
            Self::Send => "send",
            Self::SendAgain => "send_again",
            Self::SendAnother => "send_another",
            Self::ReadCoupon => "read_coupon",
            Self::Count => "count",
            Self::Delete => "delete",
            Self::DeleteOther => "delete_other",
            Self::DeleteAgain => "delete_again",
            Self::SendAfterDeletion => "send_after_deletion",
        }
    }
}

/// What the platform answered to a step: a code, and what else the answer says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepAnswer {
    /// The code; 0 is a success.
    pub code: i64,
    /// The message of the code.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub message: String,
    /// The platform's id of the exchange; empty if absent.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub log_id: String,
    /// The activity that was created.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub activity_id: Option<String>,
    /// The coupon that was issued, or that was asked for and is shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub coupon_id: Option<String>,
    /// The state of that coupon, as the platform numbers it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub coupon_status: Option<i64>,
    /// How many coupons of the activity the platform counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub received: Option<u64>,
}

/// What a probe is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProbeSubject {
    /// The campaign whose file is used.
    pub campaign: String,
    /// The app.
    pub app_id: String,
    /// The platform's address.
    pub platform: String,
    /// The person who gets the coupon.
    pub open_id: String,
    /// The template.
    pub coupon_meta_id: String,
}

/// An answer with its time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answered {
    /// When it came.
    pub at: Timestamp,
    /// What it says.
    pub answer: StepAnswer,
}

/// One probe: its requests so far, with their answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProbeLog {
    /// What it is about.
    pub subject: ProbeSubject,
    /// Its number among the probes of this journal, from 1.
    pub round: u32,
    answers: BTreeMap<Step, Vec<Answered>>,
    /// How many requests of each step were about to leave.
    asked: BTreeMap<Step, u32>,
}

/// What a probe does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Makes the request of this step.
    Ask(Step),
    /// Waits until this time.
    Wait(Timestamp),
    /// Nothing: it is over.
    Done,
}

impl ProbeLog {
    /// Begins a probe.
    #[must_use]
    pub const fn new(subject: ProbeSubject, round: u32) -> Self {
        Self {
            subject,
            round,
            answers: BTreeMap::new(),
            asked: BTreeMap::new(),
        }
    }

    /// Takes that a request is about to leave.
    pub fn ask(&mut self, step: Step) {
        *self.asked.entry(step).or_default() += 1;
    }

    /// Takes an answer.
    pub fn take(&mut self, step: Step, at: Timestamp, answer: StepAnswer) {
        self.answers.entry(step).or_default().push(Answered { at, answer });
    }

    /// The last answer to a step. `None` if there is none.
    #[must_use]
    pub fn answer(&self, step: Step) -> Option<&Answered> {
        self.answers.get(&step)?.last()
    }

    /// How many requests of a step have no answer.
    #[must_use]
    pub fn unanswered(&self, step: Step) -> u32 {
        let answered = self.answers.get(&step).map_or(0, Vec::len);
        let asked = self.asked.get(&step).copied().unwrap_or_default();
        asked.saturating_sub(u32::try_from(answered).unwrap_or(u32::MAX))
    }

    /// The activity that was created. `None` if none was.
    #[must_use]
    pub fn activity_id(&self) -> Option<&str> {
        self.answer(Step::Create)?.answer.activity_id.as_deref()
    }

    /// The activity that the repeat of the creation has created. `None` if it has created none.
    #[must_use]
    pub fn other_activity_id(&self) -> Option<&str> {
        let other = self.answer(Step::CreateAgain)?.answer.activity_id.as_deref()?;
        (Some(other) != self.activity_id()).then_some(other)
    }

    /// The coupon of the first send. `None` if it issued none.
    #[must_use]
    pub fn coupon_id(&self) -> Option<&str> {
        self.answer(Step::Send)?.answer.coupon_id.as_deref()
    }

    /// The idempotency key of the activity.
    #[must_use]
    pub fn activity_key(&self) -> String {
        let domain = "runner/probe/merchant_activity_id/v1";
        self.key(domain, 1)
    }

    /// The idempotency key of a send. A repeat has that of the first. `None` if the step sends nothing.
    #[must_use]
    pub fn coupon_key(&self, step: Step) -> Option<String> {
        let number = match step {
            Step::Send | Step::SendAgain => 1,
            Step::SendAnother => 2,
            Step::SendAfterDeletion => 3,
            _ => return None,
        };
        Some(self.key("runner/probe/merchant_coupon_id/v1", number))
    }

    fn key(&self, domain: &str, number: u32) -> String {
        let ProbeSubject {
            campaign,
            app_id,
            open_id,
            coupon_meta_id,
            ..
        } = &self.subject;
        let round = self.round.to_string();
        let number = number.to_string();
        let key = idempotency_key(&[domain, campaign, app_id, open_id, coupon_meta_id, &round, &number]);
        String::from_utf8_lossy(&key).into_owned()
    }

    /// What comes next. The count is asked for until it has the coupon, for `patience` at most.
    #[must_use]
    pub fn next(&self, now: Timestamp, patience: Duration) -> Next {
        let is_open = |step: Step| self.answer(step).is_none();
        if is_open(Step::Create) {
            return Next::Ask(Step::Create);
        }
        if self.activity_id().is_none() {
            return Next::Done;
        }
        let first = [Step::CreateAgain, Step::Send];
        let of_coupon = [Step::SendAgain, Step::SendAnother, Step::ReadCoupon, Step::Count];
        let of_coupon = of_coupon.into_iter().filter(|_| self.coupon_id().is_some());
        if let Some(step) = first.into_iter().chain(of_coupon).find(|step| is_open(*step)) {
            return Next::Ask(step);
        }
        if let Some(next) = self.next_count(now, patience) {
            return next;
        }
        let other = Some(Step::DeleteOther).filter(|_| self.other_activity_id().is_some());
        let is_deleted = self.answer(Step::Delete).is_some_and(|last| last.answer.code == 0);
        let after = [Step::DeleteAgain, Step::SendAfterDeletion];
        let after = after.into_iter().filter(|_| is_deleted);
        let last = std::iter::once(Step::Delete).chain(other).chain(after);
        last.into_iter()
            .find(|step| is_open(*step))
            .map_or(Next::Done, Next::Ask)
    }

    /// The next count. `None` if the count has the coupon, or was waited for long enough.
    fn next_count(&self, now: Timestamp, patience: Duration) -> Option<Next> {
        let sent = self.answer(Step::Send).filter(|sent| sent.answer.coupon_id.is_some())?;
        let last = self.answer(Step::Count)?;
        let end = later(sent.at, patience);
        if last.answer.code != 0 || last.answer.received >= Some(1) || last.at >= end {
            return None;
        }
        let (shortest, longest) = BETWEEN_COUNTS;
        let due = later(last.at, (patience / 6).clamp(shortest, longest)).min(end);
        Some(if due <= now {
            Next::Ask(Step::Count)
        } else {
            Next::Wait(due)
        })
    }

    /// Whether the probe has nothing more to ask.
    #[must_use]
    pub fn is_done(&self, now: Timestamp, patience: Duration) -> bool {
        self.next(now, patience) == Next::Done
    }

    /// What the answers mean.
    #[must_use]
    pub fn findings(&self) -> Findings {
        let code = |step: Step| Some(self.answer(step)?.answer.code).filter(|code| *code != 0);
        let used_up = match self.answer(Step::SendAnother) {
            None => Refusal::Unknown,
            Some(another) if another.answer.coupon_id.is_some() => Refusal::None,
            Some(another) => Refusal::Code(another.answer.code),
        };
        let repeat = self.repeat();
        let deleted = match self.answer(Step::SendAfterDeletion) {
            None => Refusal::Unknown,
            Some(sent) if sent.answer.coupon_id.is_some() => Refusal::None,
            // The stock is used up as well, so this code says nothing about the deletion.
            Some(sent) if used_up == Refusal::Code(sent.answer.code) => Refusal::Unknown,
            Some(sent) => Refusal::Code(sent.answer.code),
        };
        let created_again = match (self.answer(Step::CreateAgain), self.other_activity_id()) {
            (None, _) => Repeat::Unknown,
            (Some(_), Some(_)) => Repeat::Another,
            (Some(again), None) if again.answer.activity_id.is_some() => Repeat::Replays,
            (Some(again), None) => Repeat::Code(again.answer.code),
        };
        Findings {
            not_created: code(Step::Create),
            not_sent: code(Step::Send),
            created_again,
            repeat,
            used_up,
            deleted,
            deleted_again: self.answer(Step::DeleteAgain).map(|again| again.answer.code),
            coupon: match self.answer(Step::ReadCoupon) {
                None => CouponState::NotAsked,
                Some(read) if read.answer.coupon_id.is_none() => CouponState::NotShown,
                Some(read) => CouponState::Shown(read.answer.coupon_status),
            },
            count: self.count(),
        }
    }

    fn repeat(&self) -> Repeat {
        let Some(again) = self.answer(Step::SendAgain) else {
            return Repeat::Unknown;
        };
        let another = self.answer(Step::SendAnother).map(|another| &another.answer);
        match &again.answer.coupon_id {
            Some(coupon_id) if Some(coupon_id.as_str()) == self.coupon_id() => Repeat::Replays,
            Some(_) => Repeat::Another,
            // A new id was answered in the same way, so the code says nothing about the repeat.
            None if another.is_none_or(|another| another.code == again.answer.code) => {
                Repeat::Unclear(again.answer.code)
            }
            None => Repeat::Code(again.answer.code),
        }
    }

    fn count(&self) -> Option<CountDelay> {
        let sent = self.answer(Step::Send).filter(|sent| sent.answer.coupon_id.is_some())?;
        let counts = self.answers.get(&Step::Count)?;
        let after = |at: Timestamp| until(sent.at, at).unwrap_or_default();
        let has_it = |count: &&Answered| count.answer.received >= Some(1);
        let first = counts.iter().find(has_it).map(|count| after(count.at));
        let without = counts.iter().take_while(|count| !has_it(count)).last();
        Some(CountDelay {
            longer_than: without.map(|count| after(count.at)),
            at_most: first,
        })
    }
}

/// What a repeat of a request does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repeat {
    /// The first result again.
    Replays,
    /// A code of its own, and nothing else.
    Code(i64),
    /// A code that a request with a new key gets, too.
    Unclear(i64),
    /// Another result: the key protects from nothing.
    Another,
    /// It was not asked.
    Unknown,
}

/// How the platform refuses a coupon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// By this code.
    Code(i64),
    /// Not at all: it issued the coupon.
    None,
    /// It was not asked, or the answer may have another reason.
    Unknown,
}

/// What the platform shows of a coupon that is asked for by its id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CouponState {
    /// It was not asked.
    NotAsked,
    /// Nothing.
    NotShown,
    /// The coupon, with its `coupon_status`. `None` if the answer has none.
    Shown(Option<i64>),
}

/// How long it takes until a coupon is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CountDelay {
    /// The count did not have it after this time. `None` if the first count had it.
    pub longer_than: Option<Duration>,
    /// The count had it after this time. `None` if it never had.
    pub at_most: Option<Duration>,
}

/// What a probe found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Findings {
    /// The code of a creation that was refused.
    pub not_created: Option<i64>,
    /// The code of the first send, if it issued nothing.
    pub not_sent: Option<i64>,
    /// What a repeat of the creation does.
    pub created_again: Repeat,
    /// What a repeat of a `merchant_coupon_id` does.
    pub repeat: Repeat,
    /// The answer when the stock is used up.
    pub used_up: Refusal,
    /// The answer when the activity is deleted.
    pub deleted: Refusal,
    /// The code of a second deletion. `None` if it was not asked.
    pub deleted_again: Option<i64>,
    /// The state of the coupon, which nobody has used yet.
    pub coupon: CouponState,
    /// When the coupon is counted. `None` if it was not asked.
    pub count: Option<CountDelay>,
}

/// A class for a code in the campaign file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CodeKey {
    /// The code.
    pub code: i64,
    /// The word of its class.
    pub class: &'static str,
    /// The step that was answered by it.
    pub step: Step,
}

impl Findings {
    /// Whether the probe has what it was made for.
    #[must_use]
    pub const fn is_whole(&self) -> bool {
        self.not_created.is_none() && self.not_sent.is_none()
    }

    /// The classes of codes to write into the campaign file.
    #[must_use]
    pub fn codes(&self) -> Vec<CodeKey> {
        let key = |code, class, step| CodeKey { code, class, step };
        let mut codes = Vec::new();
        if let Repeat::Code(code) = self.repeat {
            codes.push(key(code, "issued", Step::SendAgain));
        }
        if let Refusal::Code(code) = self.used_up {
            codes.push(key(code, "halt", Step::SendAnother));
        }
        if let Refusal::Code(code) = self.deleted {
            codes.push(key(code, "halt", Step::SendAfterDeletion));
        }
        codes
    }

    /// Whether a delivery in doubt may be sent again by itself: a repeat gives no second coupon.
    #[must_use]
    pub const fn is_resend_safe(&self) -> Option<bool> {
        match self.repeat {
            Repeat::Replays | Repeat::Code(_) => Some(true),
            Repeat::Unclear(_) | Repeat::Another => Some(false),
            Repeat::Unknown => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PATIENCE: Duration = Duration::from_mins(1);

    fn log() -> ProbeLog {
        let subject = ProbeSubject {
            campaign: "summer".into(),
            app_id: "tt1".into(),
            platform: "https://open.douyin.com".into(),
            open_id: "me".into(),
            coupon_meta_id: "72".into(),
        };
        ProbeLog::new(subject, 1)
    }

    fn coded(code: i64) -> StepAnswer {
        StepAnswer {
            code,
            ..StepAnswer::default()
        }
    }

    fn issued(coupon_id: &str) -> StepAnswer {
        StepAnswer {
            coupon_id: Some(coupon_id.into()),
            ..StepAnswer::default()
        }
    }

    fn created(activity_id: &str) -> StepAnswer {
        StepAnswer {
            activity_id: Some(activity_id.into()),
            ..StepAnswer::default()
        }
    }

    fn counted(received: u64) -> StepAnswer {
        StepAnswer {
            received: Some(received),
            ..StepAnswer::default()
        }
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    /// Goes through a probe whose steps are answered by `answer`. Returns the steps in order.
    fn run(answer: impl Fn(Step, u32) -> StepAnswer) -> (ProbeLog, Vec<Step>) {
        let mut log = log();
        let mut steps = Vec::new();
        let mut now = at(0);
        let mut counts = 0;
        loop {
            match log.next(now, PATIENCE) {
                Next::Done => return (log, steps),
                Next::Wait(until) => now = until,
                Next::Ask(step) => {
                    counts += u32::from(step == Step::Count);
                    log.ask(step);
                    log.take(step, now, answer(step, counts));
                    steps.push(step);
                    assert!(steps.len() < 40, "{steps:?}");
                }
            }
        }
    }

    fn honest(step: Step) -> StepAnswer {
        match step {
            Step::Create | Step::CreateAgain => created("7001"),
            Step::Send | Step::SendAgain => issued("1"),
            Step::SendAnother => coded(11),
            Step::SendAfterDeletion => coded(12),
            Step::DeleteAgain => coded(13),
            Step::ReadCoupon => StepAnswer {
                coupon_status: Some(10),
                ..issued("1")
            },
            Step::Count => counted(1),
            Step::Delete | Step::DeleteOther => coded(0),
        }
    }

    #[test]
    fn an_honest_platform_is_asked_each_question_once() {
        let (log, steps) = run(|step, _| honest(step));
        let once = Step::ALL.into_iter().filter(|step| *step != Step::DeleteOther);
        assert_eq!(steps, once.collect::<Vec<_>>());
        let findings = log.findings();
        assert_eq!(findings.repeat, Repeat::Replays);
        assert_eq!(findings.created_again, Repeat::Replays);
        assert_eq!(findings.coupon, CouponState::Shown(Some(10)));
        let codes: Vec<_> = findings.codes().iter().map(|key| (key.code, key.class)).collect();
        assert_eq!(codes, [(11, "halt"), (12, "halt")]);
        assert_eq!(findings.is_resend_safe(), Some(true));
    }

    #[test]
    fn a_code_means_a_repeat_only_if_a_new_id_gets_another_one() {
        let repeat = |again: StepAnswer| {
            let (log, _) = run(|step, _| match step {
                Step::SendAgain => again.clone(),
                other => honest(other),
            });
            log.findings()
        };
        assert_eq!(repeat(coded(20)).repeat, Repeat::Code(20));
        assert_eq!(repeat(coded(20)).codes().first().map(|key| key.class), Some("issued"));
        assert_eq!(repeat(coded(11)).repeat, Repeat::Unclear(11));
        assert_eq!(repeat(coded(11)).is_resend_safe(), Some(false));
        assert_eq!(repeat(issued("2")).repeat, Repeat::Another);
    }

    #[test]
    fn a_second_activity_is_deleted_too() {
        let (log, steps) = run(|step, _| match step {
            Step::CreateAgain => created("7002"),
            other => honest(other),
        });
        assert!(steps.contains(&Step::DeleteOther));
        assert_eq!(log.findings().created_again, Repeat::Another);
    }

    #[test]
    fn a_user_who_gets_no_coupon_ends_the_probe_and_the_activity() {
        let (log, steps) = run(|step, _| match step {
            Step::Send => coded(9),
            other => honest(other),
        });
        assert!(!steps.contains(&Step::SendAgain) && steps.contains(&Step::Delete));
        assert_eq!(log.findings().not_sent, Some(9));
        assert!(!log.findings().is_whole());
        let (_, steps) = run(|step, _| if step == Step::Create { coded(8) } else { honest(step) });
        assert_eq!(steps, [Step::Create]);
    }

    #[test]
    fn the_count_is_asked_for_until_it_has_the_coupon_or_the_time_is_up() {
        let (log, _) = run(|step, counts| match step {
            Step::Count => counted(u64::from(counts > 3)),
            other => honest(other),
        });
        let delay = CountDelay {
            longer_than: Some(Duration::from_secs(20)),
            at_most: Some(Duration::from_secs(30)),
        };
        assert_eq!(log.findings().count, Some(delay));
        let (log, _) = run(|step, _| if step == Step::Count { counted(0) } else { honest(step) });
        let never = CountDelay {
            longer_than: Some(PATIENCE),
            at_most: None,
        };
        assert_eq!(log.findings().count, Some(never));
    }

    #[test]
    fn a_deletion_says_nothing_if_the_stock_has_the_same_code() {
        let (log, _) = run(|step, _| match step {
            Step::SendAfterDeletion => coded(11),
            other => honest(other),
        });
        assert_eq!(log.findings().deleted, Refusal::Unknown);
        assert_eq!(log.findings().codes().len(), 1);
    }

    #[test]
    fn keys_differ_between_sends_and_rounds_and_a_repeat_has_the_key_of_the_first() {
        let first = log();
        let second = ProbeLog { round: 2, ..log() };
        let keys = [Step::Send, Step::SendAnother, Step::SendAfterDeletion];
        let mut all: Vec<_> = [&first, &second]
            .into_iter()
            .flat_map(|log| keys.map(|step| log.coupon_key(step)))
            .collect();
        assert_eq!(first.coupon_key(Step::Send), first.coupon_key(Step::SendAgain));
        assert_eq!(first.coupon_key(Step::Create), None);
        all.sort();
        all.dedup();
        assert_eq!(all.len(), 6);
        assert_eq!(first.activity_key().len(), 20);
        assert_ne!(first.activity_key(), second.activity_key());
    }

    fn any_answer() -> impl Strategy<Value = StepAnswer> {
        (
            0..3_i64,
            prop::option::of(0..3_u8),
            prop::option::of(0..3_u8),
            prop::option::of(0..2_u64),
        )
            .prop_map(|(code, activity, coupon, received)| StepAnswer {
                code,
                activity_id: activity.map(|id| id.to_string()),
                coupon_id: coupon.map(|id| id.to_string()),
                received,
                ..StepAnswer::default()
            })
    }

    proptest! {
        /// Whatever the platform answers, a probe ends, asks for at most four coupons, and deletes what it has created.
        #[test]
        fn every_probe_ends_and_leaves_no_activity(answers in prop::collection::vec(any_answer(), Step::ALL.len())) {
            let answer = |step: Step| {
                let at = Step::ALL.iter().position(|other| *other == step);
                at.and_then(|at| answers.get(at)).cloned().unwrap_or_default()
            };
            let (log, steps) = run(|step, _| answer(step));
            let sends = steps.iter().filter(|step| log.coupon_key(**step).is_some()).count();
            prop_assert!(sends <= 4);
            if log.activity_id().is_some() {
                prop_assert!(steps.contains(&Step::Delete));
            }
            prop_assert_eq!(steps.contains(&Step::DeleteOther), log.other_activity_id().is_some());
            let _ = log.findings();
        }
    }
}
