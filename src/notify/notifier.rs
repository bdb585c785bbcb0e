//! Sends what happens in the runs of a process to their channels, on a thread of its own. A run never waits for it.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Notify, mpsc, oneshot};
use tokio::task::JoinSet;

use crate::catalogue::{Text, notify as text};
use crate::model::clock::{Clock, monotonic_now};
use crate::model::event::Event;
use crate::model::problem::Problem;
use crate::report::reporter::Listener;
use crate::report::run_stats::RunStats;

use super::block::Block;
use super::channel::Channel;
use super::client::{Ended, Post};
use super::fault_text::fault;
use super::kept::KeptFile;
use super::notice::{Notice, Origin, What};
use super::outbox::{Next, Outbox, Queued};
use super::post::post;
use super::verdict::{Verdict, verdict};
use super::watch::RunWatch;

/// How long the end of the process waits for the last messages.
pub const LAST: Duration = Duration::from_secs(10);
/// How much longer it waits for the thread itself, whose disk may stall.
const THREAD: Duration = Duration::from_secs(1);
/// The most notices that wait for the thread. There are a few for each run.
const QUEUE: usize = 4_096;

/// A run whose notices are sent.
pub struct NotifiedRun {
    /// Its campaign.
    pub origin: Origin,
    /// The channels of its file.
    pub channels: Vec<Channel>,
}

/// Receives warnings about channels: the run, by its place in the list of runs, and the text.
pub type Warn = Arc<dyn Fn(usize, Text) + Send + Sync>;

/// The sender of notices of a process.
pub struct Notifier {
    sender: mpsc::Sender<Input>,
    unsent: oneshot::Receiver<Vec<Unsent>>,
}

/// A channel that did not take its last message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsent {
    /// Its label.
    pub channel: String,
    /// Whether the next apply sends the message.
    pub is_kept: bool,
}

/// What the thread receives.
enum Input {
    /// The directory in which a run may keep what is not sent.
    KeepIn(usize, PathBuf),
    /// A notice of a run.
    Notice(usize, Box<Notice>),
    /// The process ends.
    End,
}

/// The events of one run, on their way to its channels.
pub struct RunNotices {
    run: usize,
    watch: Arc<Mutex<RunWatch>>,
    sender: mpsc::Sender<Input>,
    /// Wakes the thread when a notice is due earlier.
    earlier: Arc<Notify>,
    clock: Clock,
}

fn lock(watch: &Mutex<RunWatch>) -> MutexGuard<'_, RunWatch> {
    watch.lock().unwrap_or_else(PoisonError::into_inner)
}

impl RunNotices {
    /// Keeps halts and ends that are not sent in `directory`, and sends what earlier processes left there.
    pub fn keep_in(&self, directory: PathBuf) {
        self.post(Input::KeepIn(self.run, directory));
    }

    /// Sends a notice that the run failed.
    pub fn failed(&self, problem: Problem, exit: u8) {
        if let Some(notice) = lock(&self.watch).failed(self.clock.now(), problem, exit) {
            self.post(Input::Notice(self.run, Box::new(notice)));
        }
    }

    /// Sends a notice that follows from no event of a run.
    pub fn announce(&self, what: What) {
        let notice = Notice {
            at: self.clock.now(),
            what,
            counts: None,
            codes: Vec::new(),
        };
        self.post(Input::Notice(self.run, Box::new(notice)));
    }

    fn post(&self, input: Input) {
        if self.sender.try_send(input).is_err() {
            tracing::warn!("a message about a run is lost: too many wait, or the process ends");
        }
    }
}

impl Listener for RunNotices {
    fn listen(&self, event: &Event, stats: &RunStats, now: Instant) {
        let mut watch = lock(&self.watch);
        let before = watch.due();
        let notices = watch.observe(event, stats, now);
        let after = watch.due();
        drop(watch);
        for notice in notices {
            self.post(Input::Notice(self.run, Box::new(notice)));
        }
        let is_earlier = after.is_some_and(|after| before.is_none_or(|before| after < before));
        if is_earlier {
            self.earlier.notify_one();
        }
    }
}

impl Notifier {
    /// Starts the thread. Returns the listeners of the runs.
    ///
    /// # Errors
    /// If the thread cannot be started.
    pub fn start(
        runs: Vec<NotifiedRun>,
        way: impl Post,
        clock: &Clock,
        warn: Warn,
    ) -> io::Result<(Self, Vec<Arc<RunNotices>>)> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (sender, task, listeners) = Task::new(runs, Arc::new(way), clock, warn);
        let (done, unsent) = oneshot::channel();
        std::thread::Builder::new().name("notify".to_owned()).spawn(move || {
            let left = runtime.block_on(task.run());
            // The process may have given up the wait.
            let _ = done.send(left);
            runtime.shutdown_background();
        })?;
        Ok((Self { sender, unsent }, listeners))
    }

    /// Sends the last messages, in at most [`LAST`]. Returns the channels that did not take theirs.
    pub async fn finish(self) -> Vec<Unsent> {
        if self.sender.send(Input::End).await.is_err() {
            return Vec::new();
        }
        let Ok(left) = tokio::time::timeout(LAST + THREAD, self.unsent).await else {
            tracing::warn!("the disk of kept messages stalls");
            return Vec::new();
        };
        left.unwrap_or_default()
    }
}

/// A run as the thread knows it.
struct Run {
    origin: Origin,
    channels: Vec<Arc<Channel>>,
    watch: Arc<Mutex<RunWatch>>,
    kept: Option<KeptFile>,
}

/// The end of a request.
struct Posted {
    url: String,
    channel: Arc<Channel>,
    ended: Ended,
}

struct Task {
    receiver: mpsc::Receiver<Input>,
    earlier: Arc<Notify>,
    runs: Vec<Run>,
    /// By URL.
    outboxes: HashMap<String, Outbox>,
    way: Arc<dyn Post>,
    posts: JoinSet<Posted>,
    clock: Clock,
    warn: Warn,
    /// The labels of the channels that a warning named.
    warned: Vec<String>,
    /// When the process no longer waits. `None` before its end.
    deadline: Option<Instant>,
}

impl Task {
    fn new(
        runs: Vec<NotifiedRun>,
        way: Arc<dyn Post>,
        clock: &Clock,
        warn: Warn,
    ) -> (mpsc::Sender<Input>, Self, Vec<Arc<RunNotices>>) {
        let (sender, receiver) = mpsc::channel(QUEUE);
        let earlier = Arc::new(Notify::new());
        let runs: Vec<_> = runs
            .into_iter()
            .map(|run| Run {
                watch: Arc::new(Mutex::new(RunWatch::new(run.origin.clone()))),
                origin: run.origin,
                channels: run.channels.into_iter().map(Arc::new).collect(),
                kept: None,
            })
            .collect();
        let listener = |(at, run): (usize, &Run)| {
            Arc::new(RunNotices {
                run: at,
                watch: Arc::clone(&run.watch),
                sender: sender.clone(),
                earlier: Arc::clone(&earlier),
                clock: clock.clone(),
            })
        };
        let listeners = runs.iter().enumerate().map(listener).collect();
        let task = Self {
            receiver,
            earlier: Arc::clone(&earlier),
            runs,
            outboxes: HashMap::new(),
            way,
            posts: JoinSet::new(),
            clock: clock.clone(),
            warn,
            warned: Vec::new(),
            deadline: None,
        };
        (sender, task, listeners)
    }

    /// Runs until the process ends. Returns the channels that did not take their last message.
    async fn run(mut self) -> Vec<Unsent> {
        loop {
            self.tick();
            let wake = self.send();
            if self.is_done(wake) {
                return self.unsent();
            }
            let wake = [wake, self.deadline].into_iter().flatten().min();
            let sleep = async {
                match wake {
                    Some(at) => tokio::time::sleep_until(at.into()).await,
                    None => std::future::pending().await,
                }
            };
            let earlier = Arc::clone(&self.earlier);
            tokio::select! {
                input = self.receiver.recv(), if self.deadline.is_none() => self.take(input),
                Some(posted) = self.posts.join_next() => match posted {
                    Ok(posted) => self.answered(&posted),
                    Err(error) => tracing::error!("sending a message broke: {error}"),
                },
                () = earlier.notified() => {}
                () = sleep => {}
            }
        }
    }

    fn take(&mut self, input: Option<Input>) {
        match input {
            Some(Input::KeepIn(run, directory)) => self.keep_in(run, &directory),
            Some(Input::Notice(run, notice)) => self.add(run, &notice),
            // All senders are gone with the process.
            Some(Input::End) | None => {
                // Nothing that was queued before is left behind.
                self.deadline = Some(monotonic_now() + LAST);
            }
        }
    }

    /// Adds the notices of what has lasted.
    fn tick(&mut self) {
        if self.deadline.is_some() {
            return;
        }
        let now = self.clock.moment();
        for run in 0..self.runs.len() {
            let notices = self.runs.get(run).map(|run| lock(&run.watch).tick(now));
            for notice in notices.into_iter().flatten() {
                self.add(run, &notice);
            }
        }
    }

    /// Starts to keep the notices of a run, and takes over what earlier processes left.
    fn keep_in(&mut self, at: usize, directory: &Path) {
        let Some(run) = self.runs.get_mut(at) else { return };
        let campaign = run.origin.campaign.to_string();
        let (kept, left) = match KeptFile::open(directory, &campaign) {
            Ok(opened) => opened,
            Err(error) => {
                tracing::warn!("messages that are not sent are lost with the process: {error}");
                return;
            }
        };
        let channels = run.channels.clone();
        run.kept = Some(kept);
        for left in left {
            match channels.iter().find(|channel| channel.label == left.channel) {
                Some(channel) => self.queue(at, Arc::clone(channel), left.block),
                None => self.forget(at, &left.channel, &left.block.id),
            }
        }
    }

    /// Adds a notice for each channel that wants it.
    fn add(&mut self, at: usize, notice: &Notice) {
        let Some(run) = self.runs.get_mut(at) else { return };
        let channels: Vec<_> = run
            .channels
            .iter()
            .filter(|channel| notice.what.is_wanted(&channel.on))
            .cloned()
            .collect();
        for channel in channels {
            let Some(run) = self.runs.get_mut(at) else { return };
            let block = Block::new(&run.origin, notice, channel.language);
            if let Some(kept) = run.kept.as_mut().filter(|_| block.is_kept())
                && let Err(error) = kept.keep(&channel.label, &block)
            {
                tracing::warn!("a message that is not sent is lost with the process: {error}");
            }
            self.queue(at, channel, block);
        }
    }

    fn queue(&mut self, run: usize, channel: Arc<Channel>, block: Block) {
        let url = channel.url.expose().to_owned();
        let outbox = self.outboxes.entry(url).or_insert_with_key(|url| Outbox::new(url));
        let superseded = outbox.push(Queued {
            channel,
            run,
            block,
            tries: 0,
        });
        self.forget_all(&superseded);
    }

    /// Notes that notices need no more.
    fn forget_all(&mut self, settled: &[Queued]) {
        for queued in settled.iter().filter(|queued| queued.block.is_kept()) {
            self.forget(queued.run, &queued.channel.label, &queued.block.id);
        }
    }

    fn forget(&mut self, run: usize, label: &str, id: &str) {
        let kept = self.runs.get_mut(run).and_then(|run| run.kept.as_mut());
        if let Some(Err(error)) = kept.map(|kept| kept.done(label, id)) {
            tracing::warn!("a message may be sent again by the next apply: {error}");
        }
    }

    /// Sends what may be sent now. Returns when there is more to do; `None` if only an input can change that.
    fn send(&mut self) -> Option<Instant> {
        let now = self.clock.moment();
        let is_ending = self.deadline.is_some();
        let mut wake = None;
        for (url, outbox) in &mut self.outboxes {
            match outbox.next(now, is_ending) {
                Next::Send { channel, blocks, form } => {
                    let way = Arc::clone(&self.way);
                    let url = url.clone();
                    let clock = self.clock.clone();
                    self.posts.spawn(async move {
                        let ended = post(&*way, &channel, &blocks, form, &clock).await;
                        Posted { url, channel, ended }
                    });
                }
                Next::At(at) => wake = [wake, Some(at)].into_iter().flatten().min(),
                Next::Nothing => {}
            }
        }
        let due = self.runs.iter().filter_map(|run| lock(&run.watch).due());
        let due = due.min().filter(|_| !is_ending);
        [wake, due].into_iter().flatten().min()
    }

    /// Whether nothing more can be sent before the process ends.
    fn is_done(&self, wake: Option<Instant>) -> bool {
        let Some(deadline) = self.deadline else { return false };
        let waits = !self.posts.is_empty() || wake.is_some_and(|wake| wake < deadline);
        !waits || monotonic_now() >= deadline
    }

    fn answered(&mut self, posted: &Posted) {
        let verdict = verdict(posted.channel.kind, &posted.ended);
        let is_throttled = matches!(verdict, Verdict::Throttled(_));
        let Some(outbox) = self.outboxes.get_mut(&posted.url) else {
            return;
        };
        let settled = outbox.answered(verdict, monotonic_now());
        let label = &posted.channel.label;
        tracing::debug!(
            channel = label,
            sent = settled.sent.len(),
            is_throttled,
            "a message to a channel has its answer"
        );
        self.forget_all(&settled.sent);
        self.forget_all(&settled.dropped);
        let Some(found) = settled.fault else { return };
        if self.warned.contains(label) {
            return;
        }
        self.warned.push(label.clone());
        let run = self.runs.iter().position(|run| run.channels.contains(&posted.channel));
        let warning = Text::from_fn(|| {
            text::NotSent {
                channel: label,
                why: &fault(posted.channel.kind, &found),
            }
            .to_string()
        });
        (self.warn)(run.unwrap_or_default(), warning);
    }

    fn unsent(&self) -> Vec<Unsent> {
        let mut unsent: Vec<Unsent> = Vec::new();
        for queued in self.outboxes.values().flat_map(Outbox::rest) {
            let has_file = self.runs.get(queued.run).is_some_and(|run| run.kept.is_some());
            let is_kept = queued.block.is_kept() && has_file;
            match unsent.iter_mut().find(|known| known.channel == queued.channel.label) {
                Some(known) => known.is_kept |= is_kept,
                None => unsent.push(Unsent {
                    channel: queued.channel.label.clone(),
                    is_kept,
                }),
            }
        }
        unsent.sort_by(|one, other| one.channel.cmp(&other.channel));
        unsent
    }
}

#[cfg(test)]
mod tests;
