//! The halts and ends that are not sent yet are kept, so that the end of a process loses none.
//!
//! Each process has lines of its own: one for each notice, and one when that notice needs no more. The next process takes over the
//! lines of those that have ended. In files, a process holds a lock on its file, and a kill in the middle of a line loses only that
//! line. A service of a fleet keeps its lines in the database, where each machine finds them.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::OFlags;
use serde::{Deserialize, Serialize};

use super::block::Block;
use super::notice::Origin;

/// What the name of the file of the channels of all campaigns begins with. It has a directory of its own.
const ALL_CAMPAIGNS: &str = "service";
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

/// Lines of processes that are kept outside of this machine, so that a process on another one finds them.
pub trait KeptElsewhere: Send + Sync {
    /// Begins the lines of this process about a campaign. `None` for the messages to the channels of all campaigns.
    ///
    /// # Errors
    /// If they cannot be kept there.
    fn begin(&self, campaign: Option<&Origin>) -> io::Result<Box<dyn KeptLines>>;
}

/// The lines of this process, and those of earlier ones.
pub trait KeptLines: Send {
    /// Adds a line. It is durable then.
    ///
    /// # Errors
    /// If it cannot be written.
    fn add(&mut self, line: &str) -> io::Result<()>;

    /// The lines of the next process that has ended, as one text. `None` after the last one.
    ///
    /// # Errors
    /// If they cannot be read.
    fn next_left(&mut self) -> io::Result<Option<String>>;

    /// Removes the lines that [`KeptLines::next_left`] returned last. Otherwise the next process finds them again.
    ///
    /// # Errors
    /// If they cannot be removed.
    fn remove_left(&mut self) -> io::Result<()>;

    /// Removes the lines of this process. Nothing is added any more.
    ///
    /// # Errors
    /// If they cannot be removed.
    fn remove(&mut self) -> io::Result<()>;
}

/// Where the notices of a campaign are kept.
#[derive(Clone)]
pub struct KeptPlace {
    /// The directory of their files on this machine.
    pub directory: PathBuf,
    /// Where they are kept for other machines. `None` if they are kept on this one.
    pub elsewhere: Option<Arc<dyn KeptElsewhere>>,
}

/// The notices of a campaign that this process keeps.
pub struct KeptNotices {
    lines: Box<dyn KeptLines>,
    /// The notices in them that are not done.
    open: Vec<(String, String)>,
    /// The ends of complete campaigns that processes kept which were killed, sent or not, each with its channel.
    ends: Vec<(String, Block)>,
}

impl KeptNotices {
    /// Begins to keep the notices of a campaign, and takes over what earlier processes left for it: on this machine, and in the other
    /// place. Notices are kept on this machine if the other place cannot be used. `None` for the messages to the channels of all
    /// campaigns.
    ///
    /// # Errors
    /// If the directory cannot be read or written.
    pub fn open(place: &KeptPlace, campaign: Option<&Origin>) -> io::Result<(Self, Vec<Left>)> {
        // Names of campaigns have no dot.
        let name = campaign.map_or(ALL_CAMPAIGNS, |origin| origin.campaign.as_str());
        let prefix = format!("{name}.notices-");
        let files = FileLines::begin(&place.directory, &prefix);
        let elsewhere = place.elsewhere.as_ref().map(|elsewhere| {
            let lines = elsewhere.begin(campaign)?;
            Self::begin(lines)
        });
        match elsewhere {
            Some(Ok((mut kept, mut all))) => {
                // A directory that cannot be read has nothing for this process.
                if let Ok(mut files) = files {
                    kept.take_over(&mut files, &mut all)?;
                    files.remove()?;
                }
                return Ok((kept, all));
            }
            Some(Err(error)) => {
                tracing::warn!("messages that are not sent are kept on this machine alone: {error}");
            }
            None => {}
        }
        Self::begin(Box::new(files?))
    }

    /// Begins with these lines, and takes over those of earlier processes beside them.
    fn begin(lines: Box<dyn KeptLines>) -> io::Result<(Self, Vec<Left>)> {
        let mut kept = Self {
            lines,
            open: Vec::new(),
            ends: Vec::new(),
        };
        let mut all = Vec::new();
        while let Some(text) = kept.lines.next_left()? {
            all.extend(kept.take_over_text(&text)?);
            kept.lines.remove_left()?;
        }
        Ok((kept, all))
    }

    fn take_over(&mut self, lines: &mut dyn KeptLines, all: &mut Vec<Left>) -> io::Result<()> {
        while let Some(text) = lines.next_left()? {
            all.extend(self.take_over_text(&text)?);
            lines.remove_left()?;
        }
        Ok(())
    }

    /// Takes over the lines of a process that has ended.
    fn take_over_text(&mut self, text: &str) -> io::Result<Vec<Left>> {
        let left = unsent(text);
        // The latest ends count.
        for Left { channel, block } in ends(text).into_iter().rev() {
            if self.ends.len() >= MOST_ENDS {
                break;
            }
            if !left
                .iter()
                .any(|left| (&left.channel, &left.block.id) == (&channel, &block.id))
            {
                self.keep(&channel, &block)?;
                self.done(&channel, &block.id)?;
            }
            self.ends.push((channel, block));
        }
        for notice in &left {
            self.keep(&notice.channel, &notice.block)?;
        }
        Ok(left)
    }

    /// Keeps a notice.
    ///
    /// # Errors
    /// If it cannot be written.
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
    /// If that cannot be written.
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
        self.lines.add(&serde_json::to_string(line)?)
    }
}

impl Drop for KeptNotices {
    /// Lines without notices are removed.
    fn drop(&mut self) {
        // Lines that stay are read and removed by the next process. Without the last one it takes this process for killed.
        let _ = if self.open.is_empty() {
            self.lines.remove()
        } else {
            self.write(&Line::Over)
        };
    }
}

/// The file of this process in the directory of a campaign, and those of earlier ones.
struct FileLines {
    path: PathBuf,
    file: File,
    /// The files of other processes that were not looked at.
    others: Vec<PathBuf>,
    /// The file whose lines were returned last, which this process holds.
    taken: Option<(PathBuf, File)>,
}

impl FileLines {
    /// Creates the file of this process.
    fn begin(directory: &Path, prefix: &str) -> io::Result<Self> {
        let (path, file) = create(directory, prefix)?;
        let mut others = Vec::new();
        for entry in fs::read_dir(directory)? {
            let other = entry?.path();
            let name = other.file_name().map(|name| name.to_string_lossy().into_owned());
            if other != path && name.is_some_and(|name| name.starts_with(prefix) && name.ends_with(SUFFIX)) {
                others.push(other);
            }
        }
        Ok(Self {
            path,
            file,
            others,
            taken: None,
        })
    }
}

impl KeptLines for FileLines {
    fn add(&mut self, line: &str) -> io::Result<()> {
        self.file.write_all(format!("{line}\n").as_bytes())?;
        self.file.sync_data()
    }

    fn next_left(&mut self) -> io::Result<Option<String>> {
        while let Some(path) = self.others.pop() {
            // What cannot be read is left as it is.
            if let Ok(Some((file, text))) = take(&path) {
                self.taken = Some((path, file));
                return Ok(Some(text));
            }
        }
        Ok(None)
    }

    fn remove_left(&mut self) -> io::Result<()> {
        match self.taken.take() {
            Some((path, _held)) => fs::remove_file(path),
            None => Ok(()),
        }
    }

    fn remove(&mut self) -> io::Result<()> {
        fs::remove_file(&self.path)
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

/// Holds and reads the file of a process that has ended. `None` if its process is alive.
fn take(path: &Path) -> io::Result<Option<(File, String)>> {
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
    let text = String::from_utf8_lossy(&text).into_owned();
    Ok(Some((file, text)))
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
    use std::collections::BTreeMap;
    use std::sync::Mutex;

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

    fn place(directory: &Path) -> KeptPlace {
        KeptPlace {
            directory: directory.to_owned(),
            elsewhere: None,
        }
    }

    fn files(directory: &Path) -> Vec<PathBuf> {
        let entries = fs::read_dir(directory).unwrap();
        entries.map(|entry| entry.unwrap().path()).collect()
    }

    /// Leaves the only file as a killed process does.
    fn kill(directory: &Path, kept: KeptNotices) {
        let [path] = files(directory).try_into().unwrap();
        let text = fs::read(&path).unwrap();
        drop(kept);
        fs::write(&path, text).unwrap();
    }

    /// Lines in memory. A process is a number; the current one is alive.
    #[derive(Clone, Default)]
    struct Memory(Arc<Mutex<MemoryState>>);

    #[derive(Default)]
    struct MemoryState {
        process: u32,
        lines: BTreeMap<u32, String>,
        fails: bool,
        /// It can be read, and takes no line.
        fails_to_add: bool,
    }

    struct MemoryLines {
        memory: Memory,
        process: u32,
    }

    impl KeptElsewhere for Memory {
        fn begin(&self, _campaign: Option<&Origin>) -> io::Result<Box<dyn KeptLines>> {
            let mut state = self.0.lock().unwrap();
            if state.fails {
                return Err(io::Error::other("away"));
            }
            state.process += 1;
            let process = state.process;
            let memory = self.clone();
            Ok(Box::new(MemoryLines { memory, process }))
        }
    }

    impl KeptLines for MemoryLines {
        fn add(&mut self, line: &str) -> io::Result<()> {
            let mut state = self.memory.0.lock().unwrap();
            if state.fails_to_add {
                return Err(io::Error::other("away"));
            }
            let lines = state.lines.entry(self.process).or_default();
            lines.push_str(line);
            lines.push('\n');
            Ok(())
        }

        fn next_left(&mut self) -> io::Result<Option<String>> {
            let state = self.memory.0.lock().unwrap();
            let left = state.lines.range(..self.process).next();
            Ok(left.map(|(_, text)| text.clone()))
        }

        fn remove_left(&mut self) -> io::Result<()> {
            let mut state = self.memory.0.lock().unwrap();
            let first = state.lines.pop_first();
            assert!(first.is_some_and(|(process, _)| process < self.process));
            Ok(())
        }

        fn remove(&mut self) -> io::Result<()> {
            self.memory.0.lock().unwrap().lines.remove(&self.process);
            Ok(())
        }
    }

    /// A machine with a directory of its own, and lines that all machines find.
    fn machine(directory: &Path, memory: &Memory) -> KeptPlace {
        KeptPlace {
            elsewhere: Some(Arc::new(memory.clone())),
            ..place(directory)
        }
    }

    #[test]
    fn what_a_killed_process_kept_elsewhere_is_taken_over_on_another_machine() {
        let [one, two] = [(); 2].map(|()| tempfile::tempdir().unwrap());
        let memory = Memory::default();
        let (mut first, _) = KeptNotices::open(&machine(one.path(), &memory), None).unwrap();
        first.keep("feishu env:A", &block("1")).unwrap();
        // It is killed.
        std::mem::forget(first);
        let (mut second, left) = KeptNotices::open(&machine(two.path(), &memory), None).unwrap();
        assert_eq!(ids(&left), ["1"]);
        second.done("feishu env:A", "1").unwrap();
        drop(second);
        assert_eq!(memory.0.lock().unwrap().lines.len(), 0);
        let nothing: [PathBuf; 0] = [];
        assert_eq!(files(two.path()), nothing);
    }

    #[test]
    fn a_failure_while_lines_are_taken_over_loses_none() {
        let dir = tempfile::tempdir().unwrap();
        let memory = Memory::default();
        let (mut first, _) = KeptNotices::open(&machine(dir.path(), &memory), None).unwrap();
        first.keep("feishu env:A", &block("1")).unwrap();
        // It is killed. Nothing is left on its machine.
        std::mem::forget(first);
        for path in files(dir.path()) {
            fs::remove_file(path).unwrap();
        }
        memory.0.lock().unwrap().fails_to_add = true;
        let (mut second, left) = KeptNotices::open(&machine(dir.path(), &memory), None).unwrap();
        assert_eq!(left, []);
        second.keep("feishu env:A", &block("2")).unwrap();
        kill(dir.path(), second);
        memory.0.lock().unwrap().fails_to_add = false;
        let (_third, left) = KeptNotices::open(&machine(dir.path(), &memory), None).unwrap();
        assert_eq!(ids(&left), ["1", "2"]);
    }

    #[test]
    fn what_cannot_be_kept_elsewhere_is_kept_on_the_machine_until_it_can() {
        let dir = tempfile::tempdir().unwrap();
        let memory = Memory::default();
        memory.0.lock().unwrap().fails = true;
        let (mut first, _) = KeptNotices::open(&machine(dir.path(), &memory), None).unwrap();
        first.keep("feishu env:A", &block("1")).unwrap();
        kill(dir.path(), first);
        memory.0.lock().unwrap().fails = false;
        let (second, left) = KeptNotices::open(&machine(dir.path(), &memory), None).unwrap();
        assert_eq!(ids(&left), ["1"]);
        let nothing: [PathBuf; 0] = [];
        assert_eq!(files(dir.path()), nothing, "it is kept elsewhere now");
        drop(second);
        let (_third, left) = KeptNotices::open(&machine(dir.path(), &memory), None).unwrap();
        assert_eq!(ids(&left), ["1"]);
    }

    #[test]
    fn what_a_killed_process_did_not_send_is_taken_over_once() {
        let dir = tempfile::tempdir().unwrap();
        let (mut first, left) = KeptNotices::open(&place(dir.path()), None).unwrap();
        assert_eq!(left, []);
        first.keep("feishu env:A", &block("1")).unwrap();
        first.keep("wecom env:B", &block("1")).unwrap();
        first.keep("feishu env:A", &block("2")).unwrap();
        first.done("feishu env:A", "1").unwrap();
        // Its process lives.
        let (second, left) = KeptNotices::open(&place(dir.path()), None).unwrap();
        assert_eq!(left, []);
        drop(second);
        kill(dir.path(), first);
        let (mut third, left) = KeptNotices::open(&place(dir.path()), None).unwrap();
        assert_eq!(ids(&left), ["1", "2"]);
        let (fourth, left) = KeptNotices::open(&place(dir.path()), None).unwrap();
        assert_eq!(left, []);
        drop(fourth);
        third.done("wecom env:B", "1").unwrap();
        kill(dir.path(), third);
        let (mut fifth, left) = KeptNotices::open(&place(dir.path()), None).unwrap();
        assert_eq!(ids(&left), ["2"]);
        fifth.done("feishu env:A", "2").unwrap();
        drop(fifth);
        assert_eq!(files(dir.path()).len(), 0);
    }

    #[test]
    fn the_end_of_a_complete_campaign_is_known_after_two_kills() {
        let end = |id: &str, state: &str, issued: u64| Block {
            object: serde_json::json!({"state": state, "counts": {"issued": issued}}),
            ..block(id)
        };
        let dir = tempfile::tempdir().unwrap();
        let (mut first, _) = KeptNotices::open(&place(dir.path()), None).unwrap();
        first.keep("feishu env:A", &end("1", "complete", 5)).unwrap();
        first.done("feishu env:A", "1").unwrap();
        first.keep("feishu env:A", &end("2", "halted", 5)).unwrap();
        assert!(!first.has_end("feishu env:A", &end("3", "complete", 5)), "its own end");
        kill(dir.path(), first);
        let (second, left) = KeptNotices::open(&place(dir.path()), None).unwrap();
        assert_eq!(ids(&left), ["2"]);
        kill(dir.path(), second);
        let (third, left) = KeptNotices::open(&place(dir.path()), None).unwrap();
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
        let (mut first, _) = KeptNotices::open(&place(dir.path()), None).unwrap();
        first.keep("feishu env:A", &end("1")).unwrap();
        drop(first);
        let (second, left) = KeptNotices::open(&place(dir.path()), None).unwrap();
        assert_eq!(ids(&left), ["1"]);
        assert!(!second.has_end("feishu env:A", &end("2")));
    }

    #[test]
    fn a_line_that_a_kill_cut_off_loses_only_itself() {
        let dir = tempfile::tempdir().unwrap();
        let (mut kept, _) = KeptNotices::open(&place(dir.path()), None).unwrap();
        kept.keep("feishu env:A", &block("1")).unwrap();
        kept.keep("feishu env:A", &block("2")).unwrap();
        let [path] = files(dir.path()).try_into().unwrap();
        let text = fs::read_to_string(path).unwrap();
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
