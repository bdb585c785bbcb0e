//! From a campaign file and its CSV to a ledger that owes exactly the users in the CSV, after any edit between two applies.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use runner::audience::{AudienceError, Source, Totals};
use runner::campaign;
use runner::engine::audience_diff::{Accept, Admission, DiffBuilder, Refusal, Terms};
use runner::ledger::memory::MemoryStore;
use runner::ledger::{Fact, Ledger, LedgerState, Spill, StoreError};
use runner::model::delivery::{DeliveryKey, StateName};
use runner::model::event::{Rows, UnusableKind};
use runner::model::outcome::Class;
use runner::plan::{self, RunOptions, fingerprint};
use sha2::{Digest, Sha256};

struct Campaign {
    folder: tempfile::TempDir,
    store: MemoryStore,
    source: Source,
    plan: plan::Plan,
}

impl Campaign {
    fn new(csv: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let text = format!(
            "version: 1\ncampaign: summer\napp_id: tt1\nactivity_id: 7218\ncredentials:\n  access_token: {{env: TOKEN}}\n\
             audience:\n  source:\n    csv: {csv}\n  max_unusable: 50%\n"
        );
        let parsed = campaign::parse(&folder.path().join("summer.yaml"), text.as_bytes());
        let said = parsed.unwrap_or_else(|mistakes| panic!("{mistakes:?}")).campaign;
        let plan = plan::build(
            &said,
            RunOptions {
                at_most: None,
                no_wait: false,
                sandbox: None,
            },
        )
        .expect("a plan");
        Self {
            source: Source::new(&said.audience.source, &said.timezone, Timestamp::UNIX_EPOCH),
            folder,
            store: MemoryStore::default(),
            plan,
        }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("audience.csv")
    }

    async fn open(&self) -> Ledger<MemoryStore> {
        let mut ledger = Ledger::open(self.store.clone(), self.plan.identity.clone())
            .await
            .expect("it opens");
        let began = Fact::run_began(Timestamp::UNIX_EPOCH, Duration::from_secs(10));
        ledger.append(vec![began]).await.expect("it is told");
        ledger
    }

    async fn decide(
        &self,
        ledger: &Ledger<MemoryStore>,
        accepted: &[Accept],
    ) -> (Totals, Result<Admission, Vec<Refusal>>) {
        let mut admission = DiffBuilder::new(ledger.state(), &self.plan);
        let totals = admission
            .read(&self.source, |_| {})
            .await
            .expect("the audience is read");
        let admission = admission.decide(&Terms {
            plan: &self.plan,
            totals: &totals,
            accepted,
            rehearsal: false,
            class: &|_| Class::Hold,
            wall: Timestamp::UNIX_EPOCH,
        });
        (totals, admission)
    }

    /// Applies this file with this audience up to its admission.
    async fn apply(&self, text: &[u8], accepted: &[Accept]) -> (Admission, Ledger<MemoryStore>) {
        fs::write(self.path(), text).expect("the audience is written");
        let mut ledger = self.open().await;
        let (totals, admission) = self.decide(&ledger, accepted).await;
        let admission = admission.expect("the audience is admitted");
        for batch in admission.changes.clone().into_batches() {
            let batch = batch.expect("everybody can be read");
            ledger.append(batch).await.expect("it is told");
        }
        let closed = ledger.state().generation().expect("a generation was closed");
        assert_eq!(closed.source, <[u8; 32]>::from(Sha256::digest(text)));
        assert_eq!(closed.fingerprint, fingerprint(&self.plan, &totals.hash));
        (admission, ledger)
    }
}

/// `count` rows, each with a different user.
fn rows(name: &str, count: u32) -> String {
    let names: Vec<_> = (0..count).map(|n| format!("{name}{n}")).collect();
    names.join("\n")
}

fn lines(rows: &Rows) -> Vec<u64> {
    rows.first.iter().map(|place| place.number).collect()
}

fn owed(ledger: &Ledger<MemoryStore>) -> Vec<String> {
    let ledger_state = ledger.state();
    let pending = |recipient: &u32| {
        ledger_state
            .status(DeliveryKey {
                recipient: *recipient,
                ordinal: 1,
            })
            .state
            .name()
            == StateName::Pending
    };
    (0..ledger_state.recipients())
        .filter(pending)
        .map(|recipient| ledger_state.open_id(recipient))
        .collect()
}

#[tokio::test]
async fn an_edited_file_is_admitted() {
    let campaign = Campaign::new("{path: audience.csv, open_id: user}");
    let text = "\u{feff}name;user\r\n\"Li; Na\";u1\r\n\r\nWang;u2\r\nZhao;\r\nagain;u1\r\n";
    let (admission, ledger) = campaign.apply(text.as_bytes(), &[]).await;
    assert_eq!(owed(&ledger), ["u1", "u2"]);
    assert_eq!(
        (admission.reading.listed, lines(&admission.reading.repeated)),
        (2, vec![6])
    );
    let (kind, rows) = &admission.reading.unusable[0];
    assert_eq!((*kind, lines(rows)), (UnusableKind::Empty, vec![5]));
    let (_, ledger) = campaign.apply(b"user\nu3\nu2\n", &[]).await;
    assert_eq!(owed(&ledger), ["u2", "u3"]);
    let (_, ledger) = campaign.apply(b"user\nu3\nu2\nu1\n", &[]).await;
    assert_eq!(owed(&ledger), ["u1", "u2", "u3"]);
}

#[tokio::test]
async fn a_truncated_export_is_not_admitted() {
    let campaign = Campaign::new("{path: audience.csv, open_id: user, encoding: gb18030, delimiter: ','}");
    let rows = rows("用户", 1_000);
    let (text, _, _) = encoding_rs::GB18030.encode(&rows);
    let text = [b"user\n", text.as_ref()].concat();
    let (_, ledger) = campaign.apply(&text, &[]).await;
    assert_eq!((owed(&ledger).len(), &*owed(&ledger)[7]), (1_000, "用户7"));
    let before = campaign.store.records();
    fs::write(campaign.path(), &text[..text.len() / 2]).expect("the audience is written");
    let (_, refused) = campaign.decide(&ledger, &[]).await;
    let refusals = refused.expect_err("half of them are gone");
    assert!(
        matches!(refusals.as_slice(), [Refusal::Change(change)] if change.what == Accept::SmallerAudience),
        "{refusals:?}"
    );
    assert_eq!(campaign.store.records(), before);
}

#[tokio::test]
async fn a_long_reading_reports_its_progress() {
    let campaign = Campaign::new("{path: audience.csv, open_id: user}");
    let rows = rows("u", 150_000);
    fs::write(campaign.path(), format!("user\n{rows}")).expect("the audience is written");
    let ledger = campaign.open().await;
    let mut told = Vec::new();
    let mut admission = DiffBuilder::new(ledger.state(), &campaign.plan);
    let totals = admission.read(&campaign.source, |rows| told.push(rows)).await;
    assert_eq!(totals.expect("the audience is read").rows, 150_000);
    assert!(
        told.len() > 10 && told.is_sorted() && told.last() == Some(&150_000),
        "{told:?}"
    );
}

#[tokio::test]
async fn many_newcomers_are_admitted_in_chunks_and_count_only_when_the_last_batch_is_durable() {
    let campaign = Campaign::new("{path: audience.csv, open_id: user}");
    let rows = rows("u", 10_000);
    fs::write(campaign.path(), format!("user\n{rows}")).expect("the audience is written");
    let mut ledger = campaign.open().await;
    let changes = campaign
        .decide(&ledger, &[])
        .await
        .1
        .expect("the audience is admitted")
        .changes;
    let batches = changes.into_batches().collect::<Result<Vec<_>, _>>();
    let batches = batches.expect("everybody can be read");
    assert!(batches.len() > 2, "{} batches", batches.len());
    for fact in batches.iter().flatten() {
        if let Fact::Admitted { recipients } = fact {
            assert!(recipients.len() <= Fact::CHUNK);
        }
    }
    let (last, draft) = batches.split_last().expect("there is one");
    for batch in draft {
        ledger.append(batch.clone()).await.expect("it is told");
    }
    assert_eq!((ledger.state().recipients(), ledger.state().generation()), (0, None));
    ledger.append(last.clone()).await.expect("it is told");
    assert_eq!(owed(&ledger).len(), 10_000);
}

#[tokio::test]
async fn the_source_of_the_shipped_campaign_is_read() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let file = root.join("campaigns/summer.yaml");
    let bytes = fs::read(&file).expect("the file is there");
    let said = campaign::parse(&file, &bytes)
        .unwrap_or_else(|mistakes| panic!("{mistakes:?}"))
        .campaign;
    let mut usable = 0;
    let source = Source::new(&said.audience.source, &said.timezone, Timestamp::UNIX_EPOCH);
    let totals = runner::audience::read(&source, |batch| {
        usable += batch.rows().filter(|row| row.open_id.is_ok()).count() as u64;
    });
    let totals = totals.await.expect("the audience is read");
    assert!(usable >= 600 && usable < totals.rows, "{usable} of {}", totals.rows);
}

#[tokio::test]
async fn an_audience_for_whose_open_ids_there_is_no_room_is_not_admitted() {
    let campaign = Campaign::new("{path: audience.csv, open_id: open_id}");
    fs::write(campaign.path(), format!("open_id\n{}\n", rows("user", 3))).expect("the audience is written");
    let nowhere = campaign.folder.path().join("none");
    let spill = Arc::new(Spill::beyond(0, 1, nowhere));
    let ledger_state = LedgerState::spilling(campaign.plan.identity.clone(), Arc::clone(&spill));
    let mut admission = DiffBuilder::new(&ledger_state, &campaign.plan);
    let read = admission.read(&campaign.source, |_| {}).await;
    assert!(matches!(read, Err(AudienceError::BrokenOff)), "{read:?}");
    assert!(matches!(spill.check(), Err(StoreError::Spill { .. })));
    let admission = admission.decide(&Terms {
        plan: &campaign.plan,
        totals: &Totals::default(),
        accepted: &[],
        rehearsal: false,
        class: &|_| Class::Hold,
        wall: Timestamp::UNIX_EPOCH,
    });
    let mut batches = admission.expect("nobody asked").changes.into_batches();
    assert!(
        batches.all(|batch| batch.is_err()),
        "whoever goes on all the same can tell the ledger nothing"
    );
}
