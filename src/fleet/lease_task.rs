//! The task that runs the state machine of a worker: it executes its statements, and offers app ids that the worker owns.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, oneshot, watch};
use tokio::time::{Instant, sleep, sleep_until};

use super::Timing;
use super::boot_clock::boot_now;
use super::ownership::{Owned, Ownership, Stage, Trust};
use super::postgres::{Channel, Me, StatementError, execute};
use super::statement::{Answer, AppKey, Statement, View};
use super::worker::{Action, Input, Worker};

/// How long a worker that stops tries to leave, after everything is drained.
const LEAVE: Duration = Duration::from_secs(10);

/// What the campaigns of this process ask of the task.
#[derive(Debug, Default)]
pub struct Requests {
    /// The wanted app ids, if they changed.
    pub wanted: Option<BTreeSet<AppKey>>,
    /// Who waits for which app id.
    pub own: Vec<(AppKey, oneshot::Sender<Offer>)>,
    /// The app ids that are drained, with the term.
    drained: Vec<(AppKey, u64)>,
    /// Whether the worker is to hand over everything and leave.
    pub is_stopping: bool,
    /// Whether nobody uses the worker any more.
    pub is_abandoned: bool,
}

/// An ownership that is offered. If nobody accepts it, the next one who waits gets it.
#[derive(Debug)]
pub struct Offer(Option<Ownership>);

impl Offer {
    /// Takes the ownership.
    #[must_use]
    pub fn accept(mut self) -> Option<Ownership> {
        self.0.take()
    }
}

impl Drop for Offer {
    fn drop(&mut self) {
        if let Some(ownership) = self.0.take() {
            ownership.drained();
        }
    }
}

/// An app id that the worker owns.
#[derive(Debug)]
struct Grant {
    term: u64,
    not_before: Duration,
    is_draining: bool,
    /// The ownership in use.
    owned: Option<Arc<Owned>>,
}

/// What others watch of the task.
#[derive(Debug)]
pub struct Watched {
    /// All workers and owners, as of the last renewal.
    pub views: watch::Receiver<Arc<View>>,
    /// Why the last renewal failed.
    pub failure: watch::Receiver<Option<Arc<StatementError>>>,
    /// Whether the worker is fenced. It is closed when the task ends.
    pub lost: watch::Receiver<bool>,
}

struct Watching {
    views: watch::Sender<Arc<View>>,
    failure: watch::Sender<Option<Arc<StatementError>>>,
    lost: watch::Sender<bool>,
}

/// The result of a statement.
struct Executed {
    statement: Statement,
    sent: Duration,
    result: Result<Option<Answer>, StatementError>,
}

type Executing = Pin<Box<dyn Future<Output = Executed> + Send>>;

/// Executes statements one at a time, over a channel of its own.
struct Executor {
    channel: Channel,
    me: Me,
    waiting: VecDeque<Statement>,
    executing: Option<Executing>,
}

impl Executor {
    fn new(channel: Channel, me: Me) -> Self {
        Self {
            channel,
            me,
            waiting: VecDeque::new(),
            executing: None,
        }
    }

    /// Waits for the next result. Never ends without a statement. It may be dropped and called again.
    async fn next(&mut self) -> Executed {
        if self.executing.is_none()
            && let Some(statement) = self.waiting.pop_front()
        {
            let executing = execute_one(self.channel.clone(), self.me.clone(), statement);
            self.executing = Some(Box::pin(executing));
        }
        match &mut self.executing {
            None => std::future::pending().await,
            Some(executing) => {
                let executed = executing.await;
                self.executing = None;
                executed
            }
        }
    }
}

async fn execute_one(channel: Channel, me: Me, statement: Statement) -> Executed {
    // If there is no connection, nothing is sent.
    let mut sent = boot_now();
    let result = async {
        let acquired = channel.acquire().await?;
        sent = boot_now();
        let answer = execute(acquired.connection(), &me, &statement).await?;
        acquired.release();
        Ok(answer)
    };
    let result = result.await;
    Executed {
        statement,
        sent,
        result,
    }
}

/// The task that executes the statements of a worker and offers its app ids.
pub struct LeaseTask {
    worker: Worker,
    /// Renewals have a channel of their own: a fence waits for the appends of the other worker.
    renewals: Executor,
    others: Executor,
    requests: Arc<Mutex<Requests>>,
    changed: Arc<Notify>,
    trust: Arc<Trust>,
    grants: BTreeMap<AppKey, Grant>,
    waiting: Vec<(AppKey, oneshot::Sender<Offer>)>,
    watching: Watching,
    /// The time over which the platform counts requests.
    window: Duration,
    is_stopping: bool,
    leave_by: Option<Instant>,
    is_over: bool,
}

impl LeaseTask {
    /// A task that does not run yet. It renews the lease over the first channel.
    pub fn new(
        me: Me,
        timing: Timing,
        [renewals, others]: [Channel; 2],
        requests: Arc<Mutex<Requests>>,
        changed: Arc<Notify>,
        trust: Arc<Trust>,
    ) -> (Self, Watched) {
        let (views, views_seen) = watch::channel(Arc::default());
        let (failure, failure_seen) = watch::channel(None);
        let (lost, lost_seen) = watch::channel(false);
        let task = Self {
            worker: Worker::new(me.id, timing),
            renewals: Executor::new(renewals, me.clone()),
            others: Executor::new(others, me),
            requests,
            changed,
            trust,
            grants: BTreeMap::new(),
            waiting: Vec::new(),
            watching: Watching { views, failure, lost },
            window: timing.window,
            is_stopping: false,
            leave_by: None,
            is_over: false,
        };
        let watched = Watched {
            views: views_seen,
            failure: failure_seen,
            lost: lost_seen,
        };
        (task, watched)
    }

    /// Runs until the worker is fenced or has left.
    pub async fn run(mut self) {
        self.step(Input::Tick);
        while !self.is_over {
            let wakes = self.worker.next_tick().map(|at| at.saturating_sub(boot_now()));
            let leave_by = self.leave_by;
            let tick = async {
                match wakes {
                    Some(wait) => sleep(wait).await,
                    None => std::future::pending().await,
                }
            };
            let gives_up = async {
                match leave_by {
                    Some(at) => sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                executed = self.renewals.next() => self.executed(executed),
                executed = self.others.next() => self.executed(executed),
                () = self.changed.notified() => self.take_requests(),
                () = tick => self.step(Input::Tick),
                () = gives_up => {
                    tracing::warn!("the worker could not leave in order; others fence it");
                    self.is_over = true;
                }
            }
            self.offer();
        }
        self.trust.set(Duration::ZERO);
        for grant in self.grants.values() {
            if let Some(owned) = &grant.owned {
                owned.advance(Stage::Lost);
            }
        }
    }

    fn executed(&mut self, executed: Executed) {
        let Executed {
            statement,
            sent,
            result,
        } = executed;
        let is_renewal = statement == Statement::Renew;
        let answer = match result {
            Ok(answer) => {
                if let Some(Answer::Seen(view)) = &answer {
                    self.watching.views.send_replace(Arc::new(view.clone()));
                }
                if is_renewal {
                    let failure = answer.is_none().then(|| Arc::new(StatementError::NotReplicated));
                    self.watching.failure.send_replace(failure);
                }
                answer
            }
            Err(error) => {
                tracing::warn!(%error, ?statement, "a statement of the worker failed");
                if is_renewal || statement == Statement::Register {
                    self.watching.failure.send_replace(Some(Arc::new(error)));
                }
                None
            }
        };
        self.step(Input::Answered {
            statement,
            sent,
            answer,
        });
    }

    fn take_requests(&mut self) {
        let requests = {
            let mut requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::take(&mut *requests)
        };
        self.waiting.extend(requests.own);
        if let Some(wanted) = requests.wanted {
            self.step(Input::Wanted(wanted));
        }
        for (app, term) in requests.drained {
            self.drained(&app, term);
        }
        if requests.is_stopping && !self.is_stopping {
            self.is_stopping = true;
            self.step(Input::Stop);
        }
        if requests.is_abandoned {
            self.is_over = true;
        }
        if self.is_stopping {
            // Nobody can say that an ownership is drained which was dropped before.
            let is_used = |grant: &Grant| {
                grant
                    .owned
                    .as_ref()
                    .is_some_and(|owned| owned.stage() != Stage::Abandoned)
            };
            let in_use = self.grants.values().any(is_used);
            self.leave_by = (!in_use).then(|| Instant::now() + LEAVE);
        }
    }

    fn step(&mut self, input: Input) {
        let actions = self.worker.step(input, boot_now());
        self.trust.set(self.worker.trusted_until());
        for action in actions {
            match action {
                Action::Execute(statement @ (Statement::Renew | Statement::Register)) => {
                    self.renewals.waiting.push_back(statement);
                }
                Action::Execute(statement) => self.others.waiting.push_back(statement),
                Action::Grant { app, term, not_before } => {
                    let grant = Grant {
                        term,
                        not_before,
                        is_draining: false,
                        owned: None,
                    };
                    self.grants.insert(app, grant);
                }
                Action::Drain(app) => self.drain(&app),
                Action::Lost => {
                    self.watching.lost.send_replace(true);
                    self.is_over = true;
                }
                Action::Ended => self.is_over = true,
            }
        }
    }

    fn drain(&mut self, app: &AppKey) {
        let Some(grant) = self.grants.get_mut(app) else { return };
        grant.is_draining = true;
        if let Some(owned) = &grant.owned {
            owned.advance(Stage::HandOver);
        } else {
            self.release(app);
        }
    }

    /// The campaigns of an app id have ended.
    fn drained(&mut self, app: &AppKey, term: u64) {
        let Some(grant) = self.grants.get_mut(app).filter(|grant| grant.term == term) else {
            return;
        };
        grant.owned = None;
        // The next ownership of this term has a pace of its own, which does not know the last starts of this one.
        grant.not_before = grant.not_before.max(boot_now() + self.window);
        if grant.is_draining {
            self.release(app);
        }
    }

    fn release(&mut self, app: &AppKey) {
        self.grants.remove(app);
        self.step(Input::Drained(app.clone()));
    }

    /// Offers the app ids that nobody uses to those who wait for them.
    fn offer(&mut self) {
        for (app, waiting) in std::mem::take(&mut self.waiting) {
            if waiting.is_closed() {
                continue;
            }
            let grant = self.grants.get_mut(&app);
            let Some(grant) = grant.filter(|grant| !grant.is_draining && grant.owned.is_none()) else {
                self.waiting.push((app, waiting));
                continue;
            };
            let requests = Arc::clone(&self.requests);
            let changed = Arc::clone(&self.changed);
            let on_end = move |app: &AppKey, term, stage| {
                if stage == Stage::Drained {
                    let mut requests = requests.lock().unwrap_or_else(PoisonError::into_inner);
                    requests.drained.push((app.clone(), term));
                }
                changed.notify_one();
            };
            let owned = Owned::new(app, grant.term, grant.not_before, Arc::clone(&self.trust), on_end);
            let owned = Arc::new(owned);
            grant.owned = Some(Arc::clone(&owned));
            // A receiver that was dropped since drops the offer, which is reported as drained.
            let _ = waiting.send(Offer(Some(Ownership::new(owned))));
        }
    }
}
