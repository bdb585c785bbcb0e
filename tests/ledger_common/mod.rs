//! Shared code of the ledger's tests: short histories, and a comparable copy of a ledger state.
#![allow(dead_code, reason = "each test uses its part")]

pub mod turns;

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use runner::ledger::{
    ApprovedAttempts, Excluded, Fact, Generation, KeptOut, LedgerState, ManualDecision, Rules, Sample, TermOwner, Wave,
};
use runner::model::clock::{from_ms, later};
use runner::model::delivery::{
    ActivityNo, Away, Counts, Decision, DeliveryKey, DeliveryStatus, Resolution, Skipped, State, StateName,
};
use runner::model::envelope::RunApproval;
use runner::model::event::Owner;
use runner::model::identity::{ActivityId, AppId, CampaignName, Identity, OpenId, PlatformName};
use runner::model::outcome::{Answer, Class, Classifier, Coupon, Outcome, Proof, Unknown};

pub fn identity() -> Identity {
    Identity {
        campaign: CampaignName::parse("summer").unwrap(),
        app_id: AppId::parse("tt1").unwrap(),
        platform: PlatformName::FakePlatform,
    }
}

pub fn owner() -> Owner {
    Owner {
        host: "here".to_owned(),
        pid: std::process::id(),
        since: from_ms(0),
        command: "a test".to_owned(),
    }
}

pub const FIRST: ActivityNo = ActivityNo(0);

pub const fn key(recipient: u32, ordinal: u8) -> DeliveryKey {
    DeliveryKey { recipient, ordinal }
}

pub fn open_id(number: u32) -> OpenId {
    OpenId::parse(&format!("user-{number}")).unwrap()
}

pub fn admitted(numbers: std::ops::Range<u32>) -> Fact {
    Fact::Admitted {
        recipients: numbers.map(open_id).collect(),
    }
}

pub fn closed(at: Timestamp, coupons_per_user: u8, activity: u32) -> Fact {
    Fact::Closed(Box::new(Generation {
        at,
        listed: 0,
        source: [0; 32],
        activity_id: ActivityId::parse(&(7000 + activity).to_string()).unwrap(),
        coupons_per_user,
        fingerprint: "f".to_owned(),
        control_group: "0%".to_owned(),
        excluded: Vec::new(),
        accepted: Vec::new(),
    }))
}

/// The exclude lists that a generation may have.
pub const LISTS: [&str; 3] = ["csv a.csv", "csv b.csv", "campaign spring"];

/// Like `closed`, with the lists whose bits are set.
pub fn closed_with_lists(fact: Fact, lists: u8) -> Fact {
    let Fact::Closed(mut generation) = fact else {
        return fact;
    };
    let named = (0..).zip(LISTS).filter(|(bit, _)| lists >> bit & 1 == 1);
    generation.excluded = named
        .map(|(_, list)| Excluded {
            list: list.to_owned(),
            people: 9,
        })
        .collect();
    Fact::Closed(generation)
}

/// Marks the change as accepted by a person.
pub fn accepting(fact: Fact, change: &str) -> Fact {
    let Fact::Closed(mut generation) = fact else {
        return fact;
    };
    generation.accepted.push(change.to_owned());
    Fact::Closed(generation)
}

/// The fact that a list excluded `people` users.
pub fn kept_out(list: &str, people: u8) -> Fact {
    Fact::KeptOut(KeptOut {
        list: list.to_owned(),
        people: Sample::from_hashes((0..people.into()).collect()).unwrap(),
    })
}

pub fn began(at: Timestamp) -> Fact {
    Fact::run_began(at, Duration::from_secs(10))
}

/// The start of a run of an earlier version.
pub fn began_by_first_rules(at: Timestamp) -> Fact {
    Fact::RunBegan {
        at,
        timeout: Duration::from_secs(10),
        rules: Rules::V0,
    }
}

pub fn intent(key: DeliveryKey, at: Timestamp) -> Fact {
    Fact::Intent {
        key,
        at,
        activity: FIRST,
    }
}

pub fn ended(key: DeliveryKey, decision: Decision, at: Timestamp) -> Fact {
    let answer = |code| Answer {
        code,
        message: format!("message of {code}"),
        log_id: "20230602141441E708D3A77C64701C88EB".to_owned(),
        class: Class::Hold,
        classifier: Classifier::Nobody,
    };
    let (proof, answer) = match decision {
        Decision::Issued => {
            let coupon = Coupon {
                coupon_id: format!("72{:017}", u64::from(key.recipient) * 20 + u64::from(key.ordinal)),
                receive_time: Some(at.as_second()),
                ..Coupon::default()
            };
            let coupon = Box::new(coupon);
            (Proof::Issued { coupon, replay: false }, Some(answer(0)))
        }
        Decision::Refused { code } => (Proof::Refused, Some(answer(code))),
        Decision::Held { code } => (Proof::Held, Some(answer(code))),
        Decision::NotIssued { code, .. } | Decision::Unknown { code, .. } => {
            (Proof::Unknown(Unknown::SystemError), code.map(answer))
        }
    };
    let outcome = Outcome {
        proof,
        answer,
        status: Some(200),
        detail: None,
        retry_after: None,
        latency: Duration::from_millis(50),
        at,
    };
    Fact::Ended {
        key,
        decision,
        outcome: Box::new(outcome),
    }
}

pub const RESOLUTIONS: [Resolution; 4] = [
    Resolution::Issued,
    Resolution::Refused,
    Resolution::Owed { may_double: false },
    Resolution::Owed { may_double: true },
];

/// A person's decision about one delivery, from its present state.
pub fn decided(ledger_state: &LedgerState, key: DeliveryKey, to: Resolution, at: Timestamp) -> Fact {
    let decision = ManualDecision {
        at,
        by: "li@ops".to_owned(),
        note: "asked the platform".to_owned(),
        from: ledger_state.status(key).state.name(),
        to,
        selection: ledger_state.open_id(key.recipient),
    };
    Fact::Decided {
        keys: vec![key],
        decision: Box::new(decision),
    }
}

/// The next facts that bring a ledger to its end: interrupted attempts are settled by a person, and what is owed is sent. Some
/// answers name users. Empty if the ledger is complete.
pub fn towards_the_end(ledger_state: &LedgerState) -> Vec<Fact> {
    let at = later(ledger_state.newest().max(from_ms(0)), Duration::from_secs(1));
    if ledger_state.generation().is_none() || ledger_state.recipients() == 0 {
        return vec![began(at), admitted(0..5), closed(at, 2, 0)];
    }
    let mut facts = Vec::new();
    if ledger_state.counts().count(StateName::InFlight) > 0 {
        facts.push(began(at));
        return facts;
    }
    let current = ledger_state.current_activity().unwrap();
    for recipient in 0..ledger_state.recipients() {
        for ordinal in 1..=ledger_state.ordinals() {
            let key = key(recipient, ordinal);
            match ledger_state.status(key).state {
                State::InDoubt | State::Held { .. } => {
                    facts.push(decided(ledger_state, key, Resolution::Issued, at));
                    break;
                }
                State::Pending | State::Deferred { .. } => {
                    facts.push(Fact::Intent {
                        key,
                        at,
                        activity: current,
                    });
                    let refused = Decision::Refused { code: 28_001_046 };
                    facts.push(naming_users(ended(key, refused, at), ledger_state, recipient));
                    break;
                }
                _ => {}
            }
        }
    }
    facts
}

/// The same answer, with a message that names its user and another one.
fn naming_users(fact: Fact, ledger_state: &LedgerState, recipient: u32) -> Fact {
    let Fact::Ended {
        key,
        decision,
        mut outcome,
    } = fact
    else {
        return fact;
    };
    if let Some(answer) = outcome.answer.as_mut().filter(|_| recipient.is_multiple_of(3)) {
        let names = [recipient, 0].map(|recipient| ledger_state.open_id(recipient));
        answer.message = format!("user \"{}\" is banned, unlike {} himself", names[0], names[1]);
    }
    Fact::Ended { key, decision, outcome }
}

/// Everything that a ledger state says.
#[derive(Debug, PartialEq)]
pub struct Open {
    pub counts: Counts,
    pub skipped: BTreeMap<Skipped, u64>,
    pub generation: Option<Generation>,
    pub newest: Timestamp,
    /// The numbers of attempts that began in the last days and in the last day.
    pub begun: [u64; 2],
    pub accepts_replays: bool,
    pub owner: Option<TermOwner>,
    pub run_approvals: Vec<RunApproval>,
    pub run_approval: Option<RunApproval>,
    pub needs_run_approval: bool,
    pub approved_attempts: ApprovedAttempts,
    pub reopened_doubts: u64,
    pub reopened_held: u64,
    pub waves: Vec<Wave>,
    pub kept_out: Vec<Option<Sample>>,
    pub unsettled: Vec<(DeliveryKey, DeliveryStatus)>,
    pub people: Vec<(String, Option<Away>)>,
    pub ever_owed: u32,
    pub statuses: Vec<(DeliveryKey, DeliveryStatus)>,
}

pub fn open(ledger_state: &LedgerState) -> Open {
    let recipients = 0..ledger_state.recipients();
    let keys = recipients
        .clone()
        .flat_map(|recipient| (1..=ledger_state.ordinals()).map(move |ordinal| key(recipient, ordinal)));
    Open {
        counts: ledger_state.counts(),
        skipped: ledger_state.skipped().clone(),
        generation: ledger_state.generation().cloned(),
        ever_owed: ledger_state.ever_owed(),
        newest: ledger_state.newest(),
        begun: [Timestamp::MIN, ledger_state.newest()].map(|since| ledger_state.begun_since(since)),
        accepts_replays: ledger_state.accepts_replays(),
        owner: ledger_state.owner().cloned(),
        run_approvals: ledger_state.run_approvals().to_vec(),
        run_approval: ledger_state.run_approval().cloned(),
        needs_run_approval: ledger_state.needs_run_approval(),
        approved_attempts: ledger_state.approved_attempts(),
        reopened_doubts: ledger_state.reopened_doubts(),
        reopened_held: ledger_state.reopened_held(),
        waves: ledger_state.waves().to_vec(),
        kept_out: LISTS.map(|list| ledger_state.kept_out(list).cloned()).into(),
        unsettled: ledger_state.unsettled().collect(),
        people: recipients
            .map(|recipient| (ledger_state.open_id(recipient), ledger_state.away(recipient)))
            .collect(),
        statuses: keys.map(|key| (key, ledger_state.status(key))).collect(),
    }
}

/// Checks what must be true of every ledger state.
pub fn check(ledger_state: &LedgerState) {
    assert_eq!(
        ledger_state.counts(),
        ledger_state.recount(),
        "the counts that are kept and those counted anew"
    );
    assert_eq!(
        ledger_state.counts().count(StateName::Skipped),
        ledger_state.skipped().values().sum::<u64>()
    );
    let places = (0..ledger_state.recipients()).filter(|recipient| ledger_state.was_ever_owed(*recipient));
    assert_eq!(u64::from(ledger_state.ever_owed()), places.count() as u64);
    let all = u64::from(ledger_state.recipients()) * u64::from(ledger_state.ordinals());
    assert_eq!(ledger_state.counts().audience(), all, "everybody has every delivery");
    for recipient in 0..ledger_state.recipients() {
        assert_eq!(ledger_state.find(&ledger_state.open_id(recipient)), Some(recipient));
        assert!(ledger_state.was_ever_owed(recipient) || ledger_state.away(recipient).is_some());
        let mut refused = false;
        for ordinal in 1..=ledger_state.ordinals() {
            let delivery_status = ledger_state.status(key(recipient, ordinal));
            let state = delivery_status.state;
            if let State::Held { code } = state {
                assert_eq!(
                    delivery_status.held.map(|held| held.code),
                    Some(code),
                    "its attempt is known"
                );
            }
            let why = if let Some(away) = ledger_state.away(recipient) {
                Some(away.skipped())
            } else if ordinal > ledger_state.coupons_per_user() {
                Some(Skipped::CouponsPerUser)
            } else {
                refused.then_some(Skipped::EarlierRefused)
            };
            match state {
                State::Skipped(because) => assert_eq!(why, Some(because), "recipient {recipient}, coupon {ordinal}"),
                State::Pending | State::Deferred { .. } => {
                    assert_eq!(why, None, "recipient {recipient}, coupon {ordinal} is {state:?}");
                }
                _ => {}
            }
            refused |= matches!(state, State::Refused { .. });
        }
    }
}
