//! One worker: renews its lease, watches the others, claims its share of the app ids, and hands them over.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::Timing;
use super::lease::Lease;
use super::share::{first, rank};
use super::silence::Silence;
use super::statement::{Answer, AppKey, Statement, View, WorkerId};
use crate::model::mutants::mutant;

/// For how long a worker waits for each worker that comes before it to claim an app id. The campaigns of an app may be known to a
/// few workers only.
const TURN: Duration = Duration::from_secs(3);

/// For how long another worker has to work before an app id of its share is handed over to it.
const SETTLED: Duration = Duration::from_secs(20);

/// The most app ids that are handed over at the same time.
const HAND_OVERS: usize = 4;

/// An input of a worker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// The time came that the worker awaited.
    Tick,
    /// The app ids for which it has campaigns.
    Wanted(BTreeSet<AppKey>),
    /// A statement was answered.
    Answered {
        /// The statement.
        statement: Statement,
        /// When it was sent.
        sent: Duration,
        /// The answer. `None` if it failed, if nobody knows whether it was executed, or if it may be lost.
        answer: Option<Answer>,
    },
    /// Nothing is prepared or in flight for an app id any more, and every outcome is in the log.
    Drained(AppKey),
    /// The worker is to hand over everything and end.
    Stop,
}

/// An action that follows from an input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Execute a statement.
    Execute(Statement),
    /// The campaigns of an app id may run.
    Grant {
        /// The app id.
        app: AppKey,
        /// The term of the ownership.
        term: u64,
        /// When the first attempt may start.
        not_before: Duration,
    },
    /// Stop to prepare attempts for an app id; say when it is drained.
    Drain(AppKey),
    /// The worker is fenced: it starts nothing, and records nothing more.
    Lost,
    /// Everything is handed over.
    Ended,
}

/// An app id that this worker owns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Owned {
    term: u64,
    is_draining: bool,
}

/// What is known of an app id that nobody owns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Free {
    since: Duration,
    /// The term of the last owner.
    term: u64,
    /// Whether its last owner gave it up with nothing in flight.
    is_clean: bool,
}

/// A worker. See the module.
#[derive(Debug)]
pub struct Worker {
    id: WorkerId,
    timing: Timing,
    lease: Lease,
    silence: Silence,
    stage: Stage,
    wanted: BTreeSet<AppKey>,
    owned: BTreeMap<AppKey, Owned>,
    free: BTreeMap<AppKey, Free>,
    /// Since when each live worker is known.
    known: BTreeMap<WorkerId, Duration>,
    /// The workers that did not claim an app id which was handed over to them.
    declined: BTreeSet<(AppKey, WorkerId)>,
    handed_to: BTreeMap<AppKey, WorkerId>,
    /// When the last release of each app id was answered.
    released: BTreeMap<AppKey, Duration>,
    /// The statements under way.
    under_way: Vec<Statement>,
    next_renewal: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Registers,
    Works,
    Stops,
    /// Owns nothing, and is about to fence itself.
    Leaves,
    Ended,
}

impl Worker {
    /// A worker that has not registered yet. `id` was never used before.
    #[must_use]
    pub fn new(id: WorkerId, timing: Timing) -> Self {
        Self {
            id,
            timing,
            lease: Lease::default(),
            silence: Silence::default(),
            stage: Stage::Registers,
            wanted: BTreeSet::new(),
            owned: BTreeMap::new(),
            free: BTreeMap::new(),
            known: BTreeMap::new(),
            declined: BTreeSet::new(),
            handed_to: BTreeMap::new(),
            released: BTreeMap::new(),
            under_way: Vec::new(),
            next_renewal: Duration::ZERO,
        }
    }

    /// Until when this worker may start attempts. Each attempt compares it with the clock right before its first byte leaves.
    #[must_use]
    pub const fn trusted_until(&self) -> Duration {
        self.lease.trusted_until()
    }

    /// When the worker wants its next [`Input::Tick`]. `None` once it has ended.
    #[must_use]
    pub fn next_tick(&self) -> Option<Duration> {
        match self.stage {
            Stage::Leaves | Stage::Ended => None,
            Stage::Registers | Stage::Works | Stage::Stops => Some(self.next_renewal),
        }
    }

    /// Handles an input.
    pub fn step(&mut self, input: Input, now: Duration) -> Vec<Action> {
        let mut actions = Vec::new();
        if self.stage == Stage::Ended {
            return actions;
        }
        match input {
            Input::Tick => {}
            Input::Wanted(wanted) => self.wanted = wanted,
            Input::Answered {
                statement,
                sent,
                answer,
            } => self.answered(&statement, sent, answer, now, &mut actions),
            Input::Drained(app) => {
                if let Some(owned) = self.owned.get(&app).filter(|owned| owned.is_draining) {
                    let term = owned.term;
                    self.execute(Statement::Release { app, term }, &mut actions);
                }
            }
            Input::Stop => {
                self.stage = Stage::Stops;
                let apps: Vec<_> = self.owned.keys().cloned().collect();
                for app in apps {
                    self.drain(&app, &mut actions);
                }
            }
        }
        self.act(now, &mut actions);
        actions
    }

    fn act(&mut self, now: Duration, actions: &mut Vec<Action>) {
        if self.stage == Stage::Ended {
            return;
        }
        if self.stage == Stage::Registers {
            if now >= self.next_renewal {
                self.next_renewal = now + self.timing.renew;
                self.execute(Statement::Register, actions);
            }
            return;
        }
        if self.stage == Stage::Stops && self.owned.is_empty() && self.under_way.is_empty() {
            self.stage = Stage::Leaves;
            self.execute(Statement::Leave, actions);
            return;
        }
        if self.stage == Stage::Leaves {
            return;
        }
        if now >= self.next_renewal {
            self.next_renewal = now + self.timing.renew;
            self.execute(Statement::Renew, actions);
        }
    }

    /// Executes a statement, unless the same one is under way.
    fn execute(&mut self, statement: Statement, actions: &mut Vec<Action>) {
        if !self.under_way.contains(&statement) {
            self.under_way.push(statement.clone());
            actions.push(Action::Execute(statement));
        }
    }

    fn answered(
        &mut self,
        statement: &Statement,
        sent: Duration,
        answer: Option<Answer>,
        now: Duration,
        actions: &mut Vec<Action>,
    ) {
        self.under_way.retain(|other| other != statement);
        match (statement, answer) {
            (Statement::Register, Some(_)) if self.stage == Stage::Registers => {
                self.stage = Stage::Works;
                self.next_renewal = now;
            }
            (Statement::Renew, Some(Answer::Seen(view))) => {
                self.lease.renew(&self.timing, sent, now);
                self.look(&view, sent, now, actions);
            }
            (Statement::Renew, Some(_)) => self.lose(actions),
            (Statement::Renew, None) => self.silence.fail(),
            // Its app ids are free: read at once which of them this worker claims.
            (Statement::Fence { .. }, Some(Answer::Done)) => self.next_renewal = now,
            // If it failed, other workers fence this one soon.
            (Statement::Leave, _) => {
                self.stage = Stage::Ended;
                actions.push(Action::Ended);
            }
            // The answer to a fence or to a claim that was lost is in the next view.
            (Statement::Claim { app, .. }, Some(Answer::Claimed { term })) => self.claimed(app, term, now, actions),
            (Statement::Release { app, .. }, Some(_)) => {
                self.owned.remove(app);
                self.released.insert(app.clone(), now);
            }
            (Statement::Release { app, .. }, None) => {
                if let Some(owned) = self.owned.get(app) {
                    let term = owned.term;
                    let app = app.clone();
                    self.execute(Statement::Release { app, term }, actions);
                }
            }
            _ => {}
        }
    }

    /// The worker was fenced.
    fn lose(&mut self, actions: &mut Vec<Action>) {
        self.lease.lose();
        self.owned.clear();
        self.stage = Stage::Ended;
        actions.push(Action::Lost);
    }

    fn look(&mut self, view: &View, sent: Duration, now: Duration, actions: &mut Vec<Action>) {
        for (id, beat) in self.silence.read(view, self.id, &self.timing, sent, now) {
            self.execute(Statement::Fence { id, beat }, actions);
        }
        let live: BTreeSet<_> = view.workers.keys().copied().filter(|id| view.is_live(*id)).collect();
        self.known.retain(|id, _| live.contains(id));
        for id in &live {
            self.known.entry(*id).or_insert(now);
        }
        self.find_free(view, now);
        if self.stage == Stage::Works {
            self.claim(view, &live, sent, now, actions);
            self.hand_over(&live, now, actions);
        }
    }

    /// Notes since when the app ids that this worker wants have no live owner.
    fn find_free(&mut self, view: &View, now: Duration) {
        let mut free = BTreeMap::new();
        for app in &self.wanted {
            let row = view.apps.get(app);
            let is_clean = row.is_none_or(|row| row.owner.is_none());
            let is_owned = row.and_then(|row| row.owner).is_some_and(|owner| view.is_live(owner));
            if is_owned {
                if let Some(to) = self.handed_to.get(app)
                    && row.and_then(|row| row.owner) == Some(*to)
                {
                    self.handed_to.remove(app);
                }
                continue;
            }
            let term = row.map_or(0, |row| row.term);
            let known = self.free.get(app).filter(|free| free.term == term);
            let since = known.map_or(now, |free| free.since);
            free.insert(app.clone(), Free { since, term, is_clean });
        }
        self.free = free;
    }

    fn claim(
        &mut self,
        view: &View,
        live: &BTreeSet<WorkerId>,
        sent: Duration,
        now: Duration,
        actions: &mut Vec<Action>,
    ) {
        // A claim whose answer was lost counts from the view that shows it. A view that was requested before a release was answered
        // may predate that release, so it grants nothing.
        for app in self.wanted.clone() {
            let is_old = self.released.get(&app).is_some_and(|released| sent < *released);
            let is_new = !is_old && !self.owned.contains_key(&app);
            let row = view.apps.get(&app);
            if let Some(row) = row.filter(|row| is_new && row.owner == Some(self.id)) {
                self.free.insert(
                    app.clone(),
                    Free {
                        since: now,
                        term: row.term.saturating_sub(1),
                        is_clean: false,
                    },
                );
                self.claimed(&app, row.term, now, actions);
            }
        }
        for (app, free) in self.free.clone() {
            // Its release is not answered yet, or the view is from before the claim.
            if self.owned.contains_key(&app) {
                continue;
            }
            // Most workers do not serve, so none is waited for.
            let before = if app.is_service() {
                0
            } else {
                rank(self.id, &app, live.iter().copied())
            };
            if now.saturating_sub(free.since) >= TURN * before {
                if let Some(to) = self.handed_to.remove(&app) {
                    self.declined.insert((app.clone(), to));
                }
                let after = free.term;
                self.execute(Statement::Claim { app, after }, actions);
            }
        }
    }

    fn claimed(&mut self, app: &AppKey, term: u64, now: Duration, actions: &mut Vec<Action>) {
        // The answer to a claim can come when the app id was seen, and released, since.
        if self.owned.contains_key(app) || self.free.get(app).is_none_or(|free| term != free.term + 1) {
            return;
        }
        let Some(free) = self.free.remove(app) else { return };
        // A request of the previous owner may be on its way. An owner that gave up the app id had waited for its requests.
        let wait = if free.is_clean {
            self.timing.window
        } else {
            self.timing.delay + self.timing.window
        };
        let from = if free.is_clean { now } else { free.since };
        let not_before = if mutant!(NoWaitAfterFence) { now } else { from + wait };
        self.owned.insert(
            app.clone(),
            Owned {
                term,
                is_draining: false,
            },
        );
        actions.push(Action::Grant {
            app: app.clone(),
            term,
            not_before,
        });
        if self.stage == Stage::Stops {
            self.drain(app, actions);
        }
    }

    /// Hands app ids over to workers that have joined, a few at a time, and those that are not wanted any more.
    fn hand_over(&mut self, live: &BTreeSet<WorkerId>, now: Duration, actions: &mut Vec<Action>) {
        let draining = self.owned.values().filter(|owned| owned.is_draining).count();
        let mut room = HAND_OVERS.saturating_sub(draining);
        let settled = |id: &WorkerId| {
            self.known
                .get(id)
                .is_some_and(|since| now.saturating_sub(*since) >= SETTLED)
        };
        let serves = self.wanted.iter().any(AppKey::is_service);
        let mut moves = Vec::new();
        for (app, owned) in &self.owned {
            if owned.is_draining || room == 0 {
                continue;
            }
            if !self.wanted.contains(app) {
                moves.push((app.clone(), None));
                room -= 1;
                continue;
            }
            // Only the owner of the service applies its campaigns, so others would have to give the app id back.
            if serves {
                continue;
            }
            let takers = live.iter().copied().filter(|id| *id == self.id || settled(id));
            let takers = takers.filter(|id| !self.declined.contains(&(app.clone(), *id)));
            if let Some(to) = first(app, takers).filter(|to| *to != self.id) {
                moves.push((app.clone(), Some(to)));
                room -= 1;
            }
        }
        for (app, to) in moves {
            if let Some(to) = to {
                self.handed_to.insert(app.clone(), to);
            }
            self.drain(&app, actions);
        }
    }

    fn drain(&mut self, app: &AppKey, actions: &mut Vec<Action>) {
        if let Some(owned) = self.owned.get_mut(app).filter(|owned| !owned.is_draining) {
            owned.is_draining = true;
            actions.push(Action::Drain(app.clone()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fleet::statement::{AppRow, WorkerRow};

    const ME: WorkerId = WorkerId(1);

    fn app(platform: &str, app: &str) -> AppKey {
        AppKey {
            platform: platform.to_owned(),
            app: app.to_owned(),
        }
    }

    /// A worker with these app ids among others, and what it does when it reads that it owns them, or that nobody does, at second 0 and at
    /// second 60.
    fn actions(wanted: &[AppKey], is_owner: bool) -> (Vec<Action>, Vec<Action>) {
        let timing = Timing::default();
        let mut worker = Worker::new(ME, timing);
        worker.step(Input::Wanted(wanted.iter().cloned().collect()), Duration::ZERO);
        let mut answer = |statement: Statement, answer, second| {
            let sent = Duration::from_secs(second);
            let answer = Some(answer);
            let answered = Input::Answered {
                statement,
                sent,
                answer,
            };
            worker.step(answered, sent)
        };
        answer(Statement::Register, Answer::Done, 0);
        let row = WorkerRow { beat: 1, fenced: false };
        let apps = wanted.iter().map(|app| {
            let owner = is_owner.then_some(ME);
            (app.clone(), AppRow { owner, term: 1 })
        });
        let view = View {
            workers: (1..20).map(|id| (WorkerId(id), row)).collect(),
            apps: apps.collect(),
        };
        let first = answer(Statement::Renew, Answer::Seen(view.clone()), 0);
        // The others have renewed their leases since.
        let workers = view
            .workers
            .into_iter()
            .map(|(id, row)| (id, WorkerRow { beat: 2, ..row }));
        let workers = workers.collect();
        (
            first,
            answer(Statement::Renew, Answer::Seen(View { workers, ..view }), 60),
        )
    }

    fn claims(actions: &[Action]) -> Vec<&AppKey> {
        let claimed = actions.iter().filter_map(|action| match action {
            Action::Execute(Statement::Claim { app, .. }) => Some(app),
            _ => None,
        });
        claimed.collect()
    }

    #[test]
    fn the_service_is_claimed_before_the_turn_of_any_other_worker() {
        let service = AppKey::of_service();
        let all: Vec<_> = (0..20)
            .map(|n| app("https://open.douyin.com", &format!("tt{n}")))
            .collect();
        let with_service: Vec<_> = all.iter().cloned().chain([service.clone()]).collect();
        let (first, _) = actions(&with_service, false);
        assert!(claims(&first).contains(&&service));
        assert!(claims(&first).len() < all.len(), "app ids wait for their turn");
    }

    #[test]
    fn a_service_hands_nothing_over_to_workers_that_join() {
        let all: Vec<_> = (0..20)
            .map(|n| app("https://open.douyin.com", &format!("tt{n}")))
            .collect();
        let drains = |wanted: &[AppKey]| {
            let (_, later) = actions(wanted, true);
            later.iter().any(|action| matches!(action, Action::Drain(_)))
        };
        assert!(drains(&all), "other workers get their share");
        let with_service: Vec<_> = all.into_iter().chain([AppKey::of_service()]).collect();
        assert!(!drains(&with_service));
    }
}
