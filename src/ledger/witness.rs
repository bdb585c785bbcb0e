//! A witness: a small file outside the state directory that names a durable batch of a ledger. A ledger that ends before its
//! witness was restored from an older copy, and would send again to users that it no longer knows.
//!
//! It is under `XDG_STATE_HOME`, else under `~/.local/state`, in `runner/witness/`. Its name has a hash of the campaign, app
//! and platform, and the ledger's id.

use std::fs::{self, DirBuilder, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use rustix::fs::{Access, access};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::catalogue::ledger;
use crate::model::identity::Identity;

use super::known_files;
use crate::ledger::log::head::Head;
use crate::ledger::log::record::Link;

/// The format that this program writes.
const FORMAT: u32 = 1;
/// A witness is shorter.
const LONGEST: u64 = 64 * 1024;

/// The content of a witness.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Witness {
    format: u32,
    /// The ledger's own id.
    pub ledger: String,
    /// The campaign's name.
    pub campaign: String,
    /// The app's id.
    pub app_id: String,
    /// The platform.
    pub platform: String,
    /// The campaign file, by its real path.
    pub file: String,
    /// The ledger's directory, by its real path.
    pub directory: String,
    /// The number of the last batch that was durable.
    pub sequence: u64,
    #[serde(with = "hex")]
    link: Link,
    /// When this was written.
    pub written: Timestamp,
}

/// The ledger of a witness.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// The campaign, the app and the platform.
    pub identity: Identity,
    /// The ledger's own id.
    pub ledger: String,
    /// The campaign file, by its real path.
    pub file: PathBuf,
    /// The ledger's directory, by its real path.
    pub directory: PathBuf,
}

impl Subject {
    /// The witness of this ledger at `written`, when `head` is durable.
    #[must_use]
    pub fn witness(&self, head: Head, written: Timestamp) -> Witness {
        Witness {
            format: FORMAT,
            ledger: self.ledger.clone(),
            campaign: self.identity.campaign.to_string(),
            app_id: self.identity.app_id.to_string(),
            platform: self.identity.platform.to_string(),
            file: self.file.to_string_lossy().into_owned(),
            directory: self.directory.to_string_lossy().into_owned(),
            sequence: head.sequence,
            link: head.link,
            written,
        }
    }
}

impl Witness {
    /// The last batch that was durable.
    #[must_use]
    pub const fn head(&self) -> Head {
        Head {
            sequence: self.sequence,
            link: self.link,
        }
    }

    fn belongs_to(&self, identity: &Identity) -> bool {
        self.campaign == identity.campaign.as_str()
            && self.app_id == identity.app_id.as_str()
            && self.platform == identity.platform.to_string()
    }
}

/// The witness of a log that no campaign has, such as that of a service: how far the log in a directory was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogWitness {
    format: u32,
    /// The log's directory, by its real path.
    pub log: String,
    /// The number of the last record that was durable.
    pub sequence: u64,
    #[serde(with = "hex")]
    link: Link,
    /// When this was written.
    pub written: Timestamp,
}

impl LogWitness {
    /// The witness of the log in `directory` at `written`, when `head` is durable.
    #[must_use]
    pub fn new(directory: &Path, head: Head, written: Timestamp) -> Self {
        Self {
            format: FORMAT,
            log: directory.to_string_lossy().into_owned(),
            sequence: head.sequence,
            link: head.link,
            written,
        }
    }

    /// The last record that was durable.
    #[must_use]
    pub const fn head(&self) -> Head {
        Head {
            sequence: self.sequence,
            link: self.link,
        }
    }
}

/// The directory of witnesses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Witnesses(PathBuf);

impl Witnesses {
    /// The witnesses of a user, by the values of `XDG_STATE_HOME` and `HOME`. `None` if neither is an absolute path.
    #[must_use]
    pub fn of_user(state_home: Option<PathBuf>, home: Option<PathBuf>) -> Option<Self> {
        let state_home = state_home.filter(|path| path.is_absolute());
        let home = home.filter(|path| path.is_absolute());
        let state = state_home.or_else(|| Some(home?.join(".local/state")))?;
        Some(Self(state.join("runner/witness")))
    }

    /// The directory.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.0
    }

    /// Whether a witness can be written. Creates nothing.
    #[must_use]
    pub fn is_writable(&self) -> bool {
        let exists = self.0.ancestors().find(|path| path.exists());
        exists.is_some_and(|path| path.is_dir() && access(path, Access::WRITE_OK | Access::EXEC_OK).is_ok())
    }

    /// The witness of one ledger. `None` if there is none.
    ///
    /// # Errors
    /// When it cannot be read, or belongs to another ledger.
    pub fn read(&self, identity: &Identity, ledger: &str) -> io::Result<Option<Witness>> {
        let witness: Witness = match read(&self.path(identity, ledger)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            read => read?,
        };
        if witness.ledger != ledger || !witness.belongs_to(identity) {
            return Err(io::Error::other(ledger::OtherWitness.to_string()));
        }
        Ok(Some(witness))
    }

    /// All witnesses of a campaign's ledgers, newest first, except those that cannot be read.
    #[must_use]
    pub fn of_campaign(&self, identity: &Identity) -> Vec<Witness> {
        let prefix = format!("{}-", hash(identity));
        self.named(&prefix, |witness| witness.belongs_to(identity))
    }

    /// All witnesses of ledgers whose place begins like this, newest first, except those that cannot be read.
    #[must_use]
    pub fn of_place(&self, place: &str) -> Vec<Witness> {
        self.named("", |witness| witness.directory.starts_with(place))
    }

    fn named(&self, prefix: &str, is_it: impl Fn(&Witness) -> bool) -> Vec<Witness> {
        let entries = fs::read_dir(&self.0).into_iter().flatten().flatten();
        let named = entries.filter(|entry| {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            name.starts_with(prefix) && name.ends_with(".json")
        });
        let mut found: Vec<_> = named
            .filter_map(|entry| read::<Witness>(&entry.path()).ok())
            .filter(is_it)
            .collect();
        found.sort_by_key(|witness| std::cmp::Reverse(witness.written));
        found
    }

    /// Replaces the witness of a ledger, and makes it durable. The batch that it names must be durable already.
    ///
    /// # Errors
    /// When it cannot be written. The one before stays.
    pub fn write(&self, identity: &Identity, witness: &Witness) -> io::Result<()> {
        self.replace(&self.path(identity, &witness.ledger), witness)
    }

    /// The witness of the log in a directory, which is a real path. `None` if there is none.
    ///
    /// # Errors
    /// When it cannot be read, or belongs to another log.
    pub fn read_log(&self, directory: &Path) -> io::Result<Option<LogWitness>> {
        let witness: LogWitness = match read(&self.log_path(directory)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            read => read?,
        };
        if witness.log != directory.to_string_lossy() {
            return Err(io::Error::other(ledger::OtherWitness.to_string()));
        }
        Ok(Some(witness))
    }

    /// Replaces the witness of a log, and makes it durable. The record that it names must be durable already.
    ///
    /// # Errors
    /// When it cannot be written. The one before stays.
    pub fn write_log(&self, witness: &LogWitness) -> io::Result<()> {
        self.replace(&self.log_path(Path::new(&witness.log)), witness)
    }

    fn log_path(&self, directory: &Path) -> PathBuf {
        let hash = short_hash([directory.to_string_lossy().as_ref()]);
        self.0.join(format!("log-{hash}.json"))
    }

    fn replace(&self, path: &Path, witness: &impl Serialize) -> io::Result<()> {
        DirBuilder::new().recursive(true).mode(0o700).create(&self.0)?;
        // Two processes can write for two copies of one ledger.
        let new = path.with_extension(format!("{}.new", std::process::id()));
        let mut options = known_files::options();
        options.write(true).create(true).truncate(true);
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let written = known_files::open(&options, &new).and_then(|mut file| {
            serde_json::to_writer_pretty(&mut file, witness)?;
            file.write_all(b"\n")?;
            file.sync_all()?;
            fs::rename(&new, path)
        });
        if let Err(error) = written {
            let _ = fs::remove_file(&new);
            return Err(error);
        }
        File::open(&self.0)?.sync_all()
    }

    fn path(&self, identity: &Identity, ledger: &str) -> PathBuf {
        // An id is 32 hexadecimal digits. An edited one must not lead out of the directory.
        let ledger: String = ledger.chars().filter(char::is_ascii_alphanumeric).take(64).collect();
        self.0.join(format!("{}-{ledger}.json", hash(identity)))
    }
}

fn read<W: DeserializeOwned>(path: &Path) -> io::Result<W> {
    let mut text = Vec::new();
    known_files::open_to_read(path)?.take(LONGEST).read_to_end(&mut text)?;
    let value: serde_json::Value = serde_json::from_slice(&text)?;
    match value.get("format").and_then(serde_json::Value::as_u64) {
        Some(format) if format > u64::from(FORMAT) => Err(io::Error::other(
            ledger::NewerRecord {
                found: &format,
                known: &FORMAT,
            }
            .to_string(),
        )),
        _ => Ok(serde_json::from_value(value)?),
    }
}

/// A short hash of campaign, app and platform.
fn hash(identity: &Identity) -> String {
    let Identity {
        campaign,
        app_id,
        platform,
    } = identity;
    short_hash([campaign.as_str(), app_id.as_str(), &platform.to_string()])
}

fn short_hash<'p>(parts: impl IntoIterator<Item = &'p str>) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    let digest = hash.finalize();
    let number = digest
        .iter()
        .take(8)
        .fold(0, |number, byte| number << 8 | u64::from(*byte));
    format!("{number:016x}")
}

/// A link as hexadecimal digits.
mod hex {
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    use super::Link;

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
    pub(in crate::ledger) fn serialize<S: Serializer>(link: &Link, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&format!("{:016x}", u64::from_be_bytes(*link)))
    }

    pub(in crate::ledger) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Link, D::Error> {
        let text = String::deserialize(deserializer)?;
        let number = u64::from_str_radix(&text, 16).map_err(D::Error::custom)?;
        Ok(number.to_be_bytes())
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;
    use crate::model::clock::from_ms;
    use crate::model::identity::{AppId, CampaignName, PlatformName};

    fn subject(campaign: &str, ledger: &str) -> Subject {
        Subject {
            identity: Identity {
                campaign: CampaignName::parse(campaign).unwrap(),
                app_id: AppId::parse("tt1").unwrap(),
                platform: PlatformName::Live("https://open.douyin.com".to_owned()),
            },
            ledger: ledger.to_owned(),
            file: "/campaigns/summer.yaml".into(),
            directory: "/campaigns/.runner/live/tt1/summer".into(),
        }
    }

    fn head(sequence: u64) -> Head {
        Head {
            sequence,
            link: [0, 1, 2, 3, 4, 5, 6, 0xff],
        }
    }

    #[test]
    fn what_is_written_is_read_and_private() {
        let root = tempfile::tempdir().unwrap();
        let state = root.path().join("state");
        let witnesses = Witnesses::of_user(Some(state.clone()), None).unwrap();
        let summer = subject("summer", "0a");
        let read = || witnesses.read(&summer.identity, "0a").unwrap();
        assert_eq!((read(), witnesses.is_writable()), (None, true));
        assert!(!state.exists(), "looking makes nothing");
        for sequence in [1, 1400] {
            let witness = summer.witness(head(sequence), from_ms(1));
            witnesses.write(&summer.identity, &witness).unwrap();
            assert_eq!(read(), Some(witness));
        }
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        let path = witnesses.path(&summer.identity, "0a");
        assert_eq!((mode(witnesses.directory()), mode(&path)), (0o700, 0o600));
        assert_eq!(fs::read_dir(witnesses.directory()).unwrap().count(), 1);

        // A witness under the name of another ledger's proves nothing.
        fs::rename(&path, witnesses.path(&summer.identity, "0b")).unwrap();
        assert!(witnesses.read(&summer.identity, "0b").is_err());
    }

    #[test]
    fn witnesses_of_a_campaign_are_found_newest_first() {
        let root = tempfile::tempdir().unwrap();
        let witnesses = Witnesses::of_user(Some(root.path().to_owned()), None).unwrap();
        for (campaign, ledger, at) in [
            ("summer", "0a", 1),
            ("summer", "0b", 3),
            ("winter", "0c", 5),
            ("summer", "0d", 2),
        ] {
            let subject = subject(campaign, ledger);
            witnesses
                .write(&subject.identity, &subject.witness(head(1), from_ms(at)))
                .unwrap();
        }
        let found = witnesses.of_campaign(&subject("summer", "").identity);
        let ids: Vec<_> = found.iter().map(|witness| witness.ledger.as_str()).collect();
        assert_eq!(ids, ["0b", "0d", "0a"]);
        let of_place = |place| witnesses.of_place(place).len();
        assert_eq!((of_place("/campaigns/.runner/"), of_place("postgres://db/")), (4, 0));
    }

    #[test]
    fn a_witness_that_is_a_link_or_garbage_or_newer_is_an_error() {
        let root = tempfile::tempdir().unwrap();
        let witnesses = Witnesses::of_user(Some(root.path().to_owned()), None).unwrap();
        let summer = subject("summer", "0a");
        let witness = summer.witness(head(1), from_ms(1));
        witnesses.write(&summer.identity, &witness).unwrap();
        let path = witnesses.path(&summer.identity, "0a");
        let text = fs::read_to_string(&path).unwrap();
        let moved = root.path().join("aside");
        fs::rename(&path, &moved).unwrap();
        symlink(&moved, &path).unwrap();
        assert!(witnesses.read(&summer.identity, "0a").is_err());
        fs::remove_file(&path).unwrap();
        for altered in [
            text.replace("\"format\": 1", "\"format\": 2"),
            text[..20].to_owned(),
            String::new(),
        ] {
            fs::write(&path, altered).unwrap();
            assert!(witnesses.read(&summer.identity, "0a").is_err());
            assert!(witnesses.of_campaign(&summer.identity).is_empty());
        }
        // A link is replaced, not written through.
        fs::remove_file(&path).unwrap();
        symlink(&moved, &path).unwrap();
        witnesses
            .write(&summer.identity, &summer.witness(head(2), from_ms(2)))
            .unwrap();
        assert_eq!(fs::read_to_string(&moved).unwrap(), text);
    }

    #[test]
    fn the_witness_of_a_log_is_beside_those_of_ledgers_and_none_of_them() {
        let root = tempfile::tempdir().unwrap();
        let witnesses = Witnesses::of_user(Some(root.path().to_owned()), None).unwrap();
        let directory = Path::new("/campaigns/.runner/service");
        assert_eq!(witnesses.read_log(directory).unwrap(), None);
        for sequence in [1, 7] {
            let witness = LogWitness::new(directory, head(sequence), from_ms(1));
            witnesses.write_log(&witness).unwrap();
            assert_eq!(witnesses.read_log(directory).unwrap(), Some(witness));
        }
        assert_eq!(witnesses.read_log(Path::new("/other/.runner/service")).unwrap(), None);
        assert_eq!(witnesses.of_place("/campaigns").len(), 0);
    }

    #[test]
    fn the_place_is_that_of_the_user_s_state() {
        let of = |state: Option<&str>, home: Option<&str>| {
            Witnesses::of_user(state.map(Into::into), home.map(Into::into)).map(|found| found.0)
        };
        assert_eq!(of(Some("/s"), Some("/h")), Some("/s/runner/witness".into()));
        assert_eq!(of(Some("s"), Some("/h")), Some("/h/.local/state/runner/witness".into()));
        assert_eq!(of(None, Some("/h")), Some("/h/.local/state/runner/witness".into()));
        assert_eq!(of(Some(""), Some("")), None);
        assert_eq!(of(None, None), None);
    }
}
