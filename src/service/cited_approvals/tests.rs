//! Tests of the comparison of cited approvals with the service log.

use jiff::SignedDuration;

use super::*;
use crate::ledger::Fact;
use crate::ledger::memory::MemoryStore;
use crate::ledger::service_log::ServiceLog;
use crate::model::clock::from_ms;
use crate::model::envelope::{Envelope, RunApproval};
use crate::model::identity::{AppId, CampaignName, PlatformName};
use crate::service::act::{Subject, Who};
use crate::service::record::{Charge, Charges, VERSION};

fn identity() -> Identity {
    Identity {
        campaign: CampaignName::parse("tea").unwrap(),
        app_id: AppId::parse("tt1").unwrap(),
        platform: PlatformName::FakePlatform,
    }
}

fn on(campaign: &str) -> Subject {
    Subject {
        file: format!("{campaign}.yaml"),
        campaign: campaign.to_owned(),
        app_id: "tt1".to_owned(),
    }
}

fn envelope() -> Envelope {
    Envelope {
        coupons: 40,
        worth: None,
        coupon_value: None,
        per_user: 1,
        from: from_ms(1000),
        until: None,
        audience: None,
    }
}

fn by(name: &str, act: Act) -> Entry {
    Entry::Act {
        who: Who::local(name, "127.0.0.1"),
        act,
        refused: None,
    }
}

fn request() -> Entry {
    by(
        "li",
        Act::Request {
            on: on("tea"),
            fingerprint: "a".to_owned(),
            accept: Vec::new(),
            fresh: false,
        },
    )
}

fn give(name: &str) -> Entry {
    by(
        name,
        Act::GiveApproval {
            on: on("tea"),
            fingerprint: "a".to_owned(),
            accept: Vec::new(),
            fresh: false,
        },
    )
}

fn apply(names: &[&str]) -> Entry {
    by(
        "service",
        Act::Apply {
            on: on("tea"),
            fingerprint: "a".to_owned(),
            accept: Vec::new(),
            fresh: false,
            by: names.iter().map(|name| (*name).to_owned()).collect(),
            envelope: Some(Box::new(envelope())),
            spent: None,
        },
    )
}

fn approve(campaign: &str) -> Entry {
    by(
        "li",
        Act::Approve {
            on: on(campaign),
            fingerprint: "a".to_owned(),
            accept: Vec::new(),
            fresh: false,
            envelope: Some(Box::new(envelope())),
        },
    )
}

/// A log with these records, one a second.
async fn log(entries: &[Entry]) -> LogCheck {
    let store = MemoryStore::default();
    let (mut log, _) = ServiceLog::read(store.clone()).await.unwrap();
    for (entry, seconds) in entries.iter().zip(1..) {
        let record = Record {
            version: VERSION,
            at: from_ms(1000) + SignedDuration::from_secs(seconds),
            entry: entry.clone(),
        };
        log.append(&serde_json::to_vec(&record).unwrap()).await.unwrap();
    }
    ServiceLog::read(store).await.unwrap().1
}

/// What a run cites that the service begins after the last record.
fn cited(log: &LogCheck, campaign: &str) -> RunApproval {
    let mut charges = Charges::default();
    for logged in log.records() {
        charges.apply(head(logged), &read(logged).unwrap());
    }
    let Some(Charge::Run(plan)) = charges.of(campaign, "tt1") else {
        panic!("nothing to run: {charges:?}");
    };
    RunApproval::clone(plan.approval.as_ref().unwrap())
}

fn citations(approvals: &[&RunApproval]) -> Citations {
    let mut citations = Citations::default();
    for (approval, hour) in approvals.iter().zip(1..) {
        let fact: Fact = Fact::RunApproved {
            at: from_ms(hour * 3_600_000),
            approval: Box::new((*approval).clone()),
        };
        citations.add(&fact);
    }
    citations
}

fn why(log: &LogCheck, approval: &RunApproval) -> Option<CitationFault> {
    let wrong = first_wrong(log, &identity(), &citations(&[approval]))?;
    assert_eq!(wrong.citation.approval, *approval);
    Some(wrong.why)
}

#[tokio::test]
async fn what_the_service_approved_is_in_its_log() {
    let alone = log(&[approve("tea"), Entry::ServiceEnded]).await;
    assert_eq!(why(&alone, &cited(&alone, "tea")), None);
    let team = log(&[request(), give("wang"), give("zhao"), apply(&["wang", "zhao"])]).await;
    assert_eq!(why(&team, &cited(&team, "tea")), None);
    let nobody = log(&[apply(&[])]).await;
    assert_eq!(why(&nobody, &cited(&nobody, "tea")), None);
    assert_eq!(
        first_wrong(&LogCheck::default(), &identity(), &Citations::default()),
        None
    );
}

#[tokio::test]
async fn a_record_that_is_not_there_or_is_another_one_is_named() {
    let team = log(&[request(), give("wang"), apply(&["wang"])]).await;
    let approval = cited(&team, "tea");
    let shorter = log(&[request(), give("wang")]).await;
    assert_eq!(why(&shorter, &approval), Some(CitationFault::Missing { records: 2 }));
    let other = log(&[request(), give("zhao"), apply(&["zhao"])]).await;
    assert_eq!(why(&other, &approval), Some(CitationFault::OtherRecord));
    // The first of two runs is named, with its time.
    let good = log(&[approve("tea"), approve("tea")]).await;
    let second = cited(&good, "tea");
    let first_record = log(&[approve("tea")]).await;
    let both = citations(&[&approval, &second, &cited(&first_record, "tea"), &approval]);
    let wrong = first_wrong(&good, &identity(), &both).unwrap();
    assert_eq!(wrong.citation.run, from_ms(3_600_000));
    assert_eq!(both.all().len(), 3, "each once");
}

#[tokio::test]
async fn a_record_that_approves_something_else_is_named() {
    let good = log(&[request(), give("wang"), apply(&["wang"])]).await;
    let approval = cited(&good, "tea");
    let records: Vec<_> = good.records().to_vec();
    let at = |place: usize| RunApproval {
        sequence: records[place].sequence,
        link: records[place].link,
        ..approval.clone()
    };
    assert_eq!(why(&good, &at(1)), Some(CitationFault::NoApproval));
    let more = RunApproval {
        envelope: Envelope {
            coupons: 41,
            ..envelope()
        },
        ..approval.clone()
    };
    let others = RunApproval {
        by: vec!["zhao".to_owned()],
        ..approval.clone()
    };
    let plan = RunApproval {
        fingerprint: "b".to_owned(),
        ..approval.clone()
    };
    let later = RunApproval {
        at: approval.at + SignedDuration::from_millis(1),
        ..approval.clone()
    };
    let needless = RunApproval {
        is_required: false,
        ..approval.clone()
    };
    for altered in [more, others, plan, later, needless] {
        assert_eq!(why(&good, &altered), Some(CitationFault::OtherApproval), "{altered:?}");
    }
    let milk = log(&[approve("milk")]).await;
    let of_milk = cited(&milk, "milk");
    assert_eq!(
        why(&milk, &of_milk),
        Some(CitationFault::OtherCampaign {
            campaign: "milk".to_owned(),
            app_id: "tt1".to_owned()
        })
    );
    let Entry::Act { who, act, .. } = approve("tea") else {
        unreachable!()
    };
    let refused = Entry::Act {
        who,
        act,
        refused: Some("the plan changed".to_owned()),
    };
    let refused = log(&[refused]).await;
    let of_refused = RunApproval {
        sequence: 1,
        link: refused.records()[0].link,
        ..approval
    };
    assert_eq!(why(&refused, &of_refused), Some(CitationFault::NoApproval));
}

#[tokio::test]
async fn an_approval_that_lapsed_or_was_rejected_does_not_count() {
    let not_given = || Some(CitationFault::NotGiven { by: "wang".to_owned() });
    let without = log(&[request(), give("zhao"), apply(&["wang", "zhao"])]).await;
    assert_eq!(why(&without, &cited(&without, "tea")), not_given());
    let lapsed = Entry::Lapsed { on: on("tea"), of: 2 };
    let lapsed = log(&[request(), give("wang"), give("zhao"), lapsed, apply(&["wang", "zhao"])]).await;
    assert_eq!(why(&lapsed, &cited(&lapsed, "tea")), not_given());
    let reject = by(
        "zhao",
        Act::Reject {
            on: on("tea"),
            fingerprint: "a".to_owned(),
            note: String::new(),
        },
    );
    let rejected = log(&[request(), give("wang"), reject, apply(&["wang"])]).await;
    assert_eq!(why(&rejected, &cited(&rejected, "tea")), not_given());
}

#[tokio::test]
async fn a_record_of_a_newer_version_is_not_judged() {
    let good = log(&[approve("tea")]).await;
    let approval = cited(&good, "tea");
    let store = MemoryStore::default();
    let (mut newer, _) = ServiceLog::read(store.clone()).await.unwrap();
    let head = newer.append(b"{\"version\":9}").await.unwrap();
    let (_, newer) = ServiceLog::read(store).await.unwrap();
    let of_newer = RunApproval {
        link: head.link,
        ..approval
    };
    assert_eq!(why(&newer, &of_newer), Some(CitationFault::Newer));
}
