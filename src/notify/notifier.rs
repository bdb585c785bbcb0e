//! Sends what happens in the runs of a process to their channels, on a thread of its own. A run never waits for it.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
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
use super::kept::{KeptNotices, KeptPlace, Left};
use super::notice::{Notice, Origin, ServiceNotice, What};
use super::outbox::{Next, Outbox, Queued};
use super::post::post;
use super::verdict::{Verdict, verdict};
use super::watch::RunWatch;

/// How long the end of the process waits for the last messages.
pub const LAST: Duration = Duration::from_secs(10);
/// How much longer it waits for the thread itself, whose disk may stall.
const THREAD: Duration = Duration::from_secs(1);
/// How long the end of a run waits until its notices are kept.
const KEPT_WITHIN: Duration = Duration::from_secs(2);
/// The most notices that wait for the thread. There are a few for each run.
const QUEUE: usize = 4_096;

/// A run whose notices are sent.
pub struct NotifiedRun {
    /// Its campaign.
    pub origin: Origin,
    /// The channels of its file.
    pub channels: Vec<Channel>,
    /// Learns which of its channels do not take messages.
    pub warn: Warn,
}

/// The channels that receive notices about every run.
pub struct SharedChannels {
    /// The channels.
    pub channels: Vec<Channel>,
    /// Learns which of them do not take messages.
    pub warn: Warn,
    /// Where halts and ends that are not sent are kept.
    pub place: KeptPlace,
}

/// Receives the label of a channel with why it does not take messages, or with `None` once it takes them again.
pub type Warn = Arc<dyn Fn(&str, Option<Text>) + Send + Sync>;

/// The sender of notices of a process.
pub struct Notifier {
    handle: NotifierHandle,
    unsent: oneshot::Receiver<Vec<Unsent>>,
}

/// Adds runs and channels to a [`Notifier`].
#[derive(Clone)]
pub struct NotifierHandle {
    sender: mpsc::Sender<Input>,
    earlier: Arc<Notify>,
    clock: Clock,
    runs: Arc<AtomicUsize>,
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
    /// A run begins.
    Run(usize, Box<Run>),
    /// The channels of all runs are these.
    Share(Box<SharedChannels>),
    /// The place in which a run may keep what is not sent.
    KeepIn(usize, KeptPlace),
    /// A notice of a run.
    Notice(usize, Box<Notice>),
    /// A notice that is about no campaign.
    Service(Box<ServiceNotice>),
    /// A run has no more notices.
    Over(usize),
    /// Somebody waits until the inputs before are taken, so that their notices are kept.
    Kept(oneshot::Sender<()>),
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
    /// Keeps halts and ends that are not sent in `place`, and sends what earlier processes left there.
    pub fn keep_in(&self, place: KeptPlace) {
        self.post(Input::KeepIn(self.run, place));
    }

    /// Waits until the notices so far are kept, but not for a disk that stalls.
    pub async fn kept(&self) {
        let (sender, kept) = oneshot::channel();
        self.post(Input::Kept(sender));
        let _ = tokio::time::timeout(KEPT_WITHIN, kept).await;
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

    /// Ends the watch: what is on its way is still sent.
    pub fn over(&self) {
        self.post(Input::Over(self.run));
    }

    fn post(&self, input: Input) {
        post_to(&self.sender, input);
    }
}

fn post_to(sender: &mpsc::Sender<Input>, input: Input) {
    if sender.try_send(input).is_err() {
        tracing::warn!("a message about a run is lost: too many wait, or the process ends");
    }
}

impl NotifierHandle {
    /// Adds a run. Returns the listener to its events.
    #[must_use]
    pub fn add(&self, run: NotifiedRun) -> Arc<RunNotices> {
        let place = self.runs.fetch_add(1, Ordering::Relaxed);
        let watch = Arc::new(Mutex::new(RunWatch::new(run.origin.clone())));
        let added = Run {
            watch: Arc::clone(&watch),
            origin: run.origin,
            channels: run.channels.into_iter().map(Arc::new).collect(),
            warn: run.warn,
            kept: None,
            is_over: false,
        };
        post_to(&self.sender, Input::Run(place, Box::new(added)));
        Arc::new(RunNotices {
            run: place,
            watch,
            sender: self.sender.clone(),
            earlier: Arc::clone(&self.earlier),
            clock: self.clock.clone(),
        })
    }

    /// Sends the notices of every run to these channels, too, in place of those before. What an earlier process kept for them is sent.
    pub fn share(&self, shared: SharedChannels) {
        post_to(&self.sender, Input::Share(Box::new(shared)));
    }

    /// Sends a notice that is about no campaign to the channels of all runs.
    pub fn announce(&self, notice: ServiceNotice) {
        post_to(&self.sender, Input::Service(Box::new(notice)));
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
    /// Starts the thread.
    ///
    /// # Errors
    /// If the thread cannot be started.
    pub fn start(way: Arc<dyn Post>, clock: &Clock) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (handle, task) = Task::new(way, clock);
        let (done, unsent) = oneshot::channel();
        std::thread::Builder::new().name("notify".to_owned()).spawn(move || {
            let left = runtime.block_on(task.run());
            // The process may have given up the wait.
            let _ = done.send(left);
            runtime.shutdown_background();
        })?;
        Ok(Self { handle, unsent })
    }

    /// Returns what adds runs and channels.
    #[must_use]
    pub const fn handle(&self) -> &NotifierHandle {
        &self.handle
    }

    /// Sends the last messages, in at most [`LAST`]. Returns the channels that did not take theirs.
    pub async fn finish(self) -> Vec<Unsent> {
        if self.handle.sender.send(Input::End).await.is_err() {
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
    warn: Warn,
    kept: Option<KeptNotices>,
    /// Whether it has no more notices.
    is_over: bool,
}

/// The channels of all runs, as the thread knows them.
#[derive(Default)]
struct Shared {
    channels: Vec<Arc<Channel>>,
    /// `None` while there are none.
    warn: Option<Warn>,
    kept: Option<KeptNotices>,
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
    runs: BTreeMap<usize, Run>,
    shared: Shared,
    /// By URL.
    outboxes: HashMap<String, Outbox>,
    way: Arc<dyn Post>,
    posts: JoinSet<Posted>,
    clock: Clock,
    /// The labels of the channels that a warning named and that have taken no message since.
    warned: Vec<String>,
    /// When the process no longer waits. `None` before its end.
    deadline: Option<Instant>,
}

impl Task {
    fn new(way: Arc<dyn Post>, clock: &Clock) -> (NotifierHandle, Self) {
        let (sender, receiver) = mpsc::channel(QUEUE);
        let earlier = Arc::new(Notify::new());
        let task = Self {
            receiver,
            earlier: Arc::clone(&earlier),
            runs: BTreeMap::new(),
            shared: Shared::default(),
            outboxes: HashMap::new(),
            way,
            posts: JoinSet::new(),
            clock: clock.clone(),
            warned: Vec::new(),
            deadline: None,
        };
        let handle = NotifierHandle {
            sender,
            earlier,
            clock: clock.clone(),
            runs: Arc::default(),
        };
        (handle, task)
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
            Some(Input::Run(run, added)) => {
                self.runs.insert(run, *added);
            }
            Some(Input::Share(shared)) => self.share(*shared),
            Some(Input::KeepIn(run, place)) => self.keep_in(run, &place),
            Some(Input::Notice(run, notice)) => self.add(run, &notice),
            Some(Input::Service(notice)) => self.add_of_service(&notice),
            Some(Input::Over(run)) => {
                if let Some(run) = self.runs.get_mut(&run) {
                    run.is_over = true;
                }
                self.drop_runs();
            }
            // The other end may have given up.
            Some(Input::Kept(waiting)) => drop(waiting.send(())),
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
        let mut lasted = Vec::new();
        for (at, run) in &self.runs {
            let notices = lock(&run.watch).tick(now);
            lasted.extend(notices.into_iter().map(|notice| (*at, notice)));
        }
        for (at, notice) in lasted {
            self.add(at, &notice);
        }
    }

    /// Starts to keep the notices of a run, and takes over what earlier processes left.
    fn keep_in(&mut self, at: usize, place: &KeptPlace) {
        let Some(run) = self.runs.get_mut(&at).filter(|run| !run.channels.is_empty()) else {
            return;
        };
        let Some((kept, left)) = open_kept(place, Some(&run.origin)) else {
            return;
        };
        let channels = run.channels.clone();
        run.kept = Some(kept);
        self.queue_left(Some(at), &channels, left);
    }

    fn share(&mut self, shared: SharedChannels) {
        self.shared.channels = shared.channels.into_iter().map(Arc::new).collect();
        self.shared.warn = Some(shared.warn);
        if self.shared.kept.is_none()
            && let Some((kept, left)) = open_kept(&shared.place, None)
        {
            let channels = self.shared.channels.clone();
            self.shared.kept = Some(kept);
            self.queue_left(None, &channels, left);
        }
    }

    fn queue_left(&mut self, owner: Option<usize>, channels: &[Arc<Channel>], left: Vec<Left>) {
        for left in left {
            match channels.iter().find(|channel| channel.label == left.channel) {
                Some(channel) => self.queue(owner, Arc::clone(channel), left.block),
                None => self.forget(owner, &left.channel, &left.block.id),
            }
        }
    }

    /// Adds a notice for each channel that wants it. A URL receives it once, as the file of the campaign says.
    fn add(&mut self, at: usize, notice: &Notice) {
        let Some(run) = self.runs.get(&at) else { return };
        let is_wanted = |channel: &&Arc<Channel>| notice.what.is_wanted(&channel.on);
        let own: Vec<_> = run.channels.iter().filter(is_wanted).cloned().collect();
        let is_new = |channel: &&Arc<Channel>| own.iter().all(|own| own.url != channel.url);
        let shared = self.shared.channels.iter().filter(is_wanted).filter(is_new);
        let shared: Vec<_> = shared.cloned().map(|channel| (channel, None)).collect();
        let origin = run.origin.clone();
        let own = own.into_iter().map(|channel| (channel, Some(at)));
        for (channel, owner) in own.chain(shared) {
            let block = Block::new(&origin, notice, channel.language);
            // A kill kept the end of the run from the log of a service, so the run went on and ended again.
            let is_known = self
                .kept(owner)
                .is_some_and(|kept| kept.has_end(&channel.label, &block));
            if !is_known {
                self.keep_and_queue(owner, channel, block);
            }
        }
    }

    /// Adds a notice that is about no campaign.
    fn add_of_service(&mut self, notice: &ServiceNotice) {
        for channel in self.shared.channels.clone() {
            if notice.what.is_wanted(&channel.on) {
                let block = Block::of_service(notice, channel.language);
                self.keep_and_queue(None, channel, block);
            }
        }
    }

    fn keep_and_queue(&mut self, owner: Option<usize>, channel: Arc<Channel>, block: Block) {
        if let Some(kept) = self.kept(owner).filter(|_| block.is_kept())
            && let Err(error) = kept.keep(&channel.label, &block)
        {
            tracing::warn!("a message that is not sent is lost with the process: {error}");
        }
        self.queue(owner, channel, block);
    }

    /// What keeps the notices to the channels of a run, or of all runs.
    fn kept(&mut self, owner: Option<usize>) -> Option<&mut KeptNotices> {
        match owner {
            Some(run) => self.runs.get_mut(&run)?.kept.as_mut(),
            None => self.shared.kept.as_mut(),
        }
    }

    fn queue(&mut self, owner: Option<usize>, channel: Arc<Channel>, block: Block) {
        let url = channel.url.expose().to_owned();
        let outbox = self.outboxes.entry(url).or_insert_with_key(|url| Outbox::new(url));
        let superseded = outbox.push(Queued {
            channel,
            run: owner,
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
        self.drop_runs();
    }

    fn forget(&mut self, owner: Option<usize>, label: &str, id: &str) {
        if let Some(Err(error)) = self.kept(owner).map(|kept| kept.done(label, id)) {
            tracing::warn!("a message may be sent again by the next apply: {error}");
        }
    }

    /// Drops the runs that are over and have nothing left to send.
    fn drop_runs(&mut self) {
        let outboxes = &self.outboxes;
        let is_waiting = |at: usize| {
            outboxes
                .values()
                .flat_map(Outbox::rest)
                .any(|queued| queued.run == Some(at))
        };
        self.runs.retain(|at, run| !run.is_over || is_waiting(*at));
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
        let due = self.runs.values().filter_map(|run| lock(&run.watch).due());
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
        let is_sent = !settled.sent.is_empty();
        // Before runs are dropped with their last message.
        let warns = self.warns_of(&posted.channel);
        self.forget_all(&settled.sent);
        self.forget_all(&settled.dropped);
        if is_sent && let Some(at) = self.warned.iter().position(|known| known == label) {
            self.warned.swap_remove(at);
            for warn in &warns {
                warn(label, None);
            }
        }
        let Some(found) = settled.fault else { return };
        if self.warned.contains(label) {
            return;
        }
        self.warned.push(label.clone());
        let warning = Text::from_fn(|| {
            text::NotSent {
                channel: label,
                why: &fault(posted.channel.kind, &found),
            }
            .to_string()
        });
        for warn in &warns {
            warn(label, Some(warning.clone()));
        }
    }

    /// Who learns of a channel: each run that has it, and the owner of the channels of all runs.
    fn warns_of(&self, channel: &Arc<Channel>) -> Vec<Warn> {
        let runs = self.runs.values().filter(|run| run.channels.contains(channel));
        let shared = self
            .shared
            .warn
            .iter()
            .filter(|_| self.shared.channels.contains(channel));
        runs.map(|run| &run.warn).chain(shared).cloned().collect()
    }

    fn unsent(&self) -> Vec<Unsent> {
        let mut unsent: Vec<Unsent> = Vec::new();
        for queued in self.outboxes.values().flat_map(Outbox::rest) {
            let has_place = match queued.run {
                Some(run) => self.runs.get(&run).is_some_and(|run| run.kept.is_some()),
                None => self.shared.kept.is_some(),
            };
            let is_kept = queued.block.is_kept() && has_place;
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

/// Begins to keep notices. `None` if they cannot be kept.
fn open_kept(place: &KeptPlace, campaign: Option<&Origin>) -> Option<(KeptNotices, Vec<Left>)> {
    match KeptNotices::open(place, campaign) {
        Ok(opened) => Some(opened),
        Err(error) => {
            tracing::warn!("messages that are not sent are lost with the process: {error}");
            None
        }
    }
}

#[cfg(test)]
mod tests;
