//! Tests of a ledger's directory.

use std::os::unix::fs::PermissionsExt;

use super::*;
use crate::ledger::lock::Purpose;
use crate::ledger::log::record::Chain;
use crate::ledger::{Head, ReadPage, Store};
use crate::model::clock::from_ms;
use crate::model::identity::{AppId, CampaignName};

fn identity(campaign: &str, platform: PlatformName) -> Identity {
    Identity {
        campaign: CampaignName::parse(campaign).unwrap(),
        app_id: AppId::parse("tt1").unwrap(),
        platform,
    }
}

fn live() -> Identity {
    identity("奶茶", PlatformName::Live("https://open.douyin.com".to_owned()))
}

fn owner() -> Owner {
    Owner {
        host: "here".to_owned(),
        pid: 1,
        since: from_ms(0),
        command: "runner apply".to_owned(),
    }
}

async fn begun(root: &Path) -> LedgerDir {
    let ledger_dir = LedgerDir::new(root, &live());
    let lock = ledger_dir.lock(&owner(), Purpose::Apply).unwrap();
    let mut store = ledger_dir.create(&lock, from_ms(0)).await.unwrap();
    store.append(Chain::default().seal(b"facts")).await.unwrap();
    ledger_dir
}

fn refusal(ledger_dir: &LedgerDir) -> String {
    let root = ledger_dir.root.parent().unwrap().display().to_string();
    ledger_dir.look().unwrap_err().to_string().replace(&root, "")
}

#[tokio::test]
async fn a_ledger_is_private_and_says_whose_it_is() {
    let root = tempfile::tempdir().unwrap();
    let ledger_dir = begun(root.path()).await;
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert!(ledger_dir.dir().ends_with(".runner/live/tt1/奶茶"));
    assert_eq!(
        (mode(&root.path().join(".runner")), mode(ledger_dir.dir())),
        (0o700, 0o700)
    );
    assert_eq!(
        fs::read_to_string(root.path().join(".runner/.gitignore")).unwrap(),
        "*\n"
    );
    let manifest = ledger_dir.look().unwrap().unwrap();
    assert_eq!(
        (manifest.campaign.as_str(), manifest.platform.as_str()),
        ("奶茶", "https://open.douyin.com")
    );
    assert!(!ledger_dir.dir().with_extension("new").exists());
}

#[tokio::test]
async fn what_was_appended_is_there_for_the_next_opener() {
    let root = tempfile::tempdir().unwrap();
    let ledger_dir = begun(root.path()).await;
    let lock = ledger_dir.lock(&owner(), Purpose::Apply).unwrap();
    let mut store = ledger_dir.create(&lock, from_ms(1)).await.unwrap();
    let ReadPage::Page(page) = store.read(Head::default()).await.unwrap() else {
        panic!("there is a batch");
    };
    let read: Vec<_> = page
        .records()
        .map(|(sequence, record)| (sequence, record.len()))
        .collect();
    assert_eq!(read, [(1, 9 + 5)]);
    let end = store.read(page.last().unwrap()).await.unwrap();
    assert!(matches!(end, ReadPage::End));
}

#[tokio::test]
async fn a_part_of_a_ledger_is_damage_and_never_begun_anew() {
    for part in PARTS {
        let root = tempfile::tempdir().unwrap();
        let ledger_dir = begun(root.path()).await;
        let path = ledger_dir.dir().join(part);
        let aside = root.path().join("aside");
        fs::rename(&path, &aside).unwrap();
        assert_eq!(
            refusal(&ledger_dir),
            format!("the ledger at /.runner/live/tt1/奶茶 is damaged: `{part}` is missing")
        );
        let lock = ledger_dir.lock(&owner(), Purpose::Apply).unwrap();
        assert!(ledger_dir.create(&lock, from_ms(0)).await.is_err());
        fs::rename(&aside, &path).unwrap();
        assert!(ledger_dir.look().is_ok());
    }
}

#[tokio::test]
async fn what_belongs_to_another_is_refused() {
    let root = tempfile::tempdir().unwrap();
    let ledger_dir = begun(root.path()).await;
    let path = ledger_dir.dir().join(MANIFEST);
    let text = fs::read_to_string(&path).unwrap();
    let mut refusals = Vec::new();
    for (from, to) in [
        ("奶茶", "红茶"),
        ("tt1", "tt2"),
        ("https://open.douyin.com", "https://example.com"),
        ("\"format\": 1", "\"format\": 2, \"more\": true"),
        ("\"id\"", "\"di\""),
        ("{", "["),
    ] {
        fs::write(&path, text.replace(from, to)).unwrap();
        refusals.push(refusal(&ledger_dir));
    }
    insta::assert_snapshot!(refusals.join("\n"), @r"
    the ledger at /.runner/live/tt1/奶茶 belongs to campaign 红茶, not to 奶茶
    the ledger at /.runner/live/tt1/奶茶 belongs to app_id tt2, not to tt1
    the ledger at /.runner/live/tt1/奶茶 belongs to platform https://example.com, not to https://open.douyin.com
    the ledger at /.runner/live/tt1/奶茶 has format 2, and this program knows formats up to 1
    cannot read whose ledger it is from /.runner/live/tt1/奶茶/ledger.json: missing field `id`
    cannot read whose ledger it is from /.runner/live/tt1/奶茶/ledger.json: expected `,` or `]` at line 2 column 11
    ");
}

#[tokio::test]
async fn only_a_rehearsal_is_begun_anew() {
    let root = tempfile::tempdir().unwrap();
    let ledger_dir = begun(root.path()).await;
    let lock = ledger_dir.lock(&owner(), Purpose::Apply).unwrap();
    assert!(matches!(ledger_dir.discard(&lock), Err(LedgerDirError::Real { .. })));
    assert!(ledger_dir.look().unwrap().is_some());

    let rehearsal = LedgerDir::new(root.path(), &identity("奶茶", PlatformName::FakePlatform));
    assert!(rehearsal.look().unwrap().is_none());
    let lock = rehearsal.lock(&owner(), Purpose::Apply).unwrap();
    rehearsal.discard(&lock).unwrap();
    drop(rehearsal.create(&lock, from_ms(0)).await.unwrap());
    let first = rehearsal.look().unwrap().unwrap();
    fs::remove_file(rehearsal.dir().join("head")).unwrap();
    rehearsal.discard(&lock).unwrap();
    assert!(rehearsal.look().unwrap().is_none());
    drop(rehearsal.create(&lock, from_ms(0)).await.unwrap());
    assert_ne!(rehearsal.look().unwrap().unwrap().id, first.id);
}

#[test]
fn a_second_process_is_told_who_has_it() {
    let root = tempfile::tempdir().unwrap();
    let ledger_dir = LedgerDir::new(root.path(), &live());
    let _lock = ledger_dir.lock(&owner(), Purpose::Apply).unwrap();
    let second = ledger_dir.lock(&owner(), Purpose::Apply).unwrap_err();
    assert!(
        matches!(second, LedgerDirError::Lock(LockError::Taken { owner: Some(_), .. })),
        "{second}"
    );
}

#[cfg(target_os = "linux")]
#[test]
fn network_file_systems_are_known_by_name() {
    assert_eq!(network(0x6969), Some("NFS"));
    assert_eq!(network(0xef53), None, "ext4");
    assert_eq!(network(0x6573_5546), None, "FUSE");
}
