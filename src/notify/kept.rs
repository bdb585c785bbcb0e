//! The file of halts and ends that are not sent yet, so that the end of a process loses none.
//!
//! Each process has a file of its own and holds a lock on it. The next process takes over the files that nobody holds. A file
//! has a line for each notice, and one when that notice needs no more: a kill in the middle of a line loses only that line.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;
use serde::{Deserialize, Serialize};

use super::block::Block;

/// The end of the names of these files.
const SUFFIX: &str = ".jsonl";
/// The most bytes of a file that are read. A file has a few lines.
const MOST_BYTES: u64 = 1 << 20;
/// The most ends that a file takes over from those of earlier processes.
const MOST_ENDS: usize = 100;

/// One line of a file.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Line {
    /// A notice that is to be sent.
    Kept {
        /// The label of its channel.
        channel: String,
        /// The notice.
        block: Block,
    },
    /// The notice with this id needs no more.
    Done {
        /// The label of its channel.
        channel: String,
        /// The id of the notice.
        id: String,
    },
    /// The process ended in order.
    Over,
}

/// A notice of an earlier process.
#[derive(Debug, PartialEq)]
pub struct Left {
    /// The label of its channel.
    pub channel: String,
    /// The notice.
    pub block: Block,
}

/// The file of this process in the directory of a campaign.
#[derive(Debug)]
pub struct KeptFile {
    path: PathBuf,
    file: File,
    /// The notices in it that are not done.
    open: Vec<(String, String)>,
    /// The ends of complete campaigns that processes kept which were killed, sent or not, each with its channel.
    ends: Vec<(String, Block)>,
}

impl KeptFile {
    /// Creates the file of this process for a campaign, and takes over what earlier processes left for it.
    ///
    /// # Errors
    /// If the directory cannot be read or written.
    pub fn open(directory: &Path, campaign: &str) -> io::Result<(Self, Vec<Left>)> {
        // Names of campaigns have no dot.
        let prefix = format!("{campaign}.notices-");
        let (path, file) = create(directory, &prefix)?;
        let mut kept = Self {
            path,
            file,
            open: Vec::new(),
            ends: Vec::new(),
        };
        let mut all = Vec::new();
        for entry in fs::read_dir(directory)? {
            let path = entry?.path();
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
            let is_one = name.is_some_and(|name| name.starts_with(&prefix) && name.ends_with(SUFFIX));
            if !is_one || path == kept.path {
                continue;
            }
            // What cannot be read is left as it is.
            if let Ok(Some(left)) = take_over(&path, &mut kept) {
                all.extend(left);
            }
        }
        Ok((kept, all))
    }

    /// Keeps a notice.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn keep(&mut self, channel: &str, block: &Block) -> io::Result<()> {
        self.open.push((channel.to_owned(), block.id.clone()));
        self.write(&Line::Kept {
            channel: channel.to_owned(),
            block: block.clone(),
        })
    }

    /// Notes that a notice needs no more.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn done(&mut self, channel: &str, id: &str) -> io::Result<()> {
        self.open.retain(|(label, known)| !(label == channel && known == id));
        self.write(&Line::Done {
            channel: channel.to_owned(),
            id: id.to_owned(),
        })
    }

    /// Whether a process that was killed kept this end for a channel: that of the same complete campaign, with the same counts.
    #[must_use]
    pub fn has_end(&self, channel: &str, block: &Block) -> bool {
        let is_same = |(label, known): &(String, Block)| label == channel && known.is_same_end(block);
        self.ends.iter().any(is_same)
    }

    fn write(&mut self, line: &Line) -> io::Result<()> {
        let mut bytes = serde_json::to_vec(line)?;
        bytes.push(b'\n');
        self.file.write_all(&bytes)?;
        self.file.sync_data()
    }
}

impl Drop for KeptFile {
    /// A file without notices is removed.
    fn drop(&mut self) {
        // A file that stays is read and removed by the next process. Without its last line that one takes this one for killed.
        let _ = if self.open.is_empty() {
            fs::remove_file(&self.path)
        } else {
            self.write(&Line::Over)
        };
    }
}

fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options
        .mode(0o600)
        .custom_flags((OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed());
    options
}

/// Creates a file with a new name and locks it. The lock is taken before the name has the ending that others look for.
fn create(directory: &Path, prefix: &str) -> io::Result<(PathBuf, File)> {
    let name = format!("{prefix}{}-{:08x}", std::process::id(), fastrand::u32(..));
    let hidden = directory.join(format!("{name}.new"));
    let path = directory.join(format!("{name}{SUFFIX}"));
    let file = options().append(true).create_new(true).open(&hidden)?;
    file.try_lock().map_err(io::Error::other)?;
    fs::rename(&hidden, &path)?;
    Ok((path, file))
}

/// Takes over the file of a process that has ended. `None` if its process is alive.
fn take_over(path: &Path, kept: &mut KeptFile) -> io::Result<Option<Vec<Left>>> {
    let file = options().read(true).open(path)?;
    if !file.metadata()?.is_file() || file.try_lock().is_err() {
        return Ok(None);
    }
    // Another process may have taken it over and removed it while this one waited for nothing.
    let is_there = fs::symlink_metadata(path).is_ok_and(|found| {
        let opened = file.metadata();
        opened.is_ok_and(|opened| (opened.dev(), opened.ino()) == (found.dev(), found.ino()))
    });
    if !is_there {
        return Ok(None);
    }
    let mut text = Vec::new();
    (&file).take(MOST_BYTES).read_to_end(&mut text)?;
    let text = String::from_utf8_lossy(&text);
    let left = unsent(&text);
    // The latest ends count.
    for Left { channel, block } in ends(&text).into_iter().rev() {
        if kept.ends.len() >= MOST_ENDS {
            break;
        }
        if !left
            .iter()
            .any(|left| (&left.channel, &left.block.id) == (&channel, &block.id))
        {
            kept.keep(&channel, &block)?;
            kept.done(&channel, &block.id)?;
        }
        kept.ends.push((channel, block));
    }
    for notice in &left {
        kept.keep(&notice.channel, &notice.block)?;
    }
    fs::remove_file(path)?;
    Ok(Some(left))
}

/// Returns the ends of complete campaigns in the file of a process that was killed, done or not. A process that ended in order has
/// nothing to say again.
fn ends(text: &str) -> Vec<Left> {
    let lines = text.lines().filter_map(|line| serde_json::from_str(line).ok());
    let mut ends = Vec::new();
    for line in lines {
        match line {
            Line::Kept { channel, block } if block.is_complete_end() => ends.push(Left { channel, block }),
            Line::Kept { .. } | Line::Done { .. } => {}
            Line::Over => return Vec::new(),
        }
    }
    ends
}

/// Returns the notices of a file that are not done. Lines that cannot be read are passed over.
fn unsent(text: &str) -> Vec<Left> {
    let mut left: Vec<Left> = Vec::new();
    for line in text.lines() {
        match serde_json::from_str(line) {
            Ok(Line::Kept { channel, block }) => left.push(Left { channel, block }),
            Ok(Line::Done { channel, id }) => {
                left.retain(|notice| !(notice.channel == channel && notice.block.id == id));
            }
            Ok(Line::Over) | Err(_) => {}
        }
    }
    left
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::notify::block::Word;

    fn block(id: &str) -> Block {
        Block {
            id: id.to_owned(),
            campaign: "c tt1".to_owned(),
            slot: Word::Ended,
            at: Timestamp::UNIX_EPOCH,
            title: "c：已完成".to_owned(),
            lines: vec!["一行".to_owned()],
            command: "runner status c.yaml".to_owned(),
            object: serde_json::json!({"type": "notice"}),
        }
    }

    fn ids(left: &[Left]) -> Vec<&str> {
        left.iter().map(|left| left.block.id.as_str()).collect()
    }

    fn files(directory: &Path) -> usize {
        fs::read_dir(directory).unwrap().count()
    }

    /// Leaves the file as a killed process does.
    fn kill(kept: KeptFile) {
        let path = kept.path.clone();
        let text = fs::read(&path).unwrap();
        drop(kept);
        fs::write(&path, text).unwrap();
    }

    #[test]
    fn what_a_killed_process_did_not_send_is_taken_over_once() {
        let dir = tempfile::tempdir().unwrap();
        let (mut first, left) = KeptFile::open(dir.path(), "c").unwrap();
        assert_eq!(left, []);
        first.keep("feishu env:A", &block("1")).unwrap();
        first.keep("wecom env:B", &block("1")).unwrap();
        first.keep("feishu env:A", &block("2")).unwrap();
        first.done("feishu env:A", "1").unwrap();
        // Its process lives.
        let (second, left) = KeptFile::open(dir.path(), "c").unwrap();
        assert_eq!(left, []);
        drop(second);
        kill(first);
        let (mut third, left) = KeptFile::open(dir.path(), "c").unwrap();
        assert_eq!(ids(&left), ["1", "2"]);
        let (fourth, left) = KeptFile::open(dir.path(), "c").unwrap();
        assert_eq!(left, []);
        drop(fourth);
        third.done("wecom env:B", "1").unwrap();
        kill(third);
        let (mut fifth, left) = KeptFile::open(dir.path(), "c").unwrap();
        assert_eq!(ids(&left), ["2"]);
        fifth.done("feishu env:A", "2").unwrap();
        drop(fifth);
        assert_eq!(files(dir.path()), 0);
    }

    #[test]
    fn the_end_of_a_complete_campaign_is_known_after_two_kills() {
        let end = |id: &str, state: &str, issued: u64| Block {
            object: serde_json::json!({"state": state, "counts": {"issued": issued}}),
            ..block(id)
        };
        let dir = tempfile::tempdir().unwrap();
        let (mut first, _) = KeptFile::open(dir.path(), "c").unwrap();
        first.keep("feishu env:A", &end("1", "complete", 5)).unwrap();
        first.done("feishu env:A", "1").unwrap();
        first.keep("feishu env:A", &end("2", "halted", 5)).unwrap();
        assert!(!first.has_end("feishu env:A", &end("3", "complete", 5)), "its own end");
        kill(first);
        let (second, left) = KeptFile::open(dir.path(), "c").unwrap();
        assert_eq!(ids(&left), ["2"]);
        kill(second);
        let (third, left) = KeptFile::open(dir.path(), "c").unwrap();
        assert_eq!(ids(&left), ["2"]);
        assert!(third.has_end("feishu env:A", &end("4", "complete", 5)));
        assert!(
            !third.has_end("wecom env:B", &end("4", "complete", 5)),
            "another channel"
        );
        assert!(
            !third.has_end("feishu env:A", &end("4", "complete", 6)),
            "more was sent"
        );
        assert!(
            !third.has_end("feishu env:A", &end("4", "halted", 5)),
            "a person continued it, and it halted again"
        );
    }

    #[test]
    fn an_end_that_a_process_kept_which_ended_in_order_is_said_again() {
        let end = |id: &str| Block {
            object: serde_json::json!({"state": "complete", "counts": {"issued": 5}}),
            ..block(id)
        };
        let dir = tempfile::tempdir().unwrap();
        let (mut first, _) = KeptFile::open(dir.path(), "c").unwrap();
        first.keep("feishu env:A", &end("1")).unwrap();
        drop(first);
        let (second, left) = KeptFile::open(dir.path(), "c").unwrap();
        assert_eq!(ids(&left), ["1"]);
        assert!(!second.has_end("feishu env:A", &end("2")));
    }

    #[test]
    fn a_line_that_a_kill_cut_off_loses_only_itself() {
        let dir = tempfile::tempdir().unwrap();
        let (mut kept, _) = KeptFile::open(dir.path(), "c").unwrap();
        kept.keep("feishu env:A", &block("1")).unwrap();
        kept.keep("feishu env:A", &block("2")).unwrap();
        let text = fs::read_to_string(&kept.path).unwrap();
        drop(kept);
        for end in 0..=text.len() {
            if text.is_char_boundary(end) {
                let wanted = text[..end].matches("}}\n").count();
                assert!(unsent(&text[..end]).len() >= wanted);
            }
        }
        assert_eq!(unsent(&format!("garbage\n{text}")).len(), 2);
    }
}
