//! Answers that arrive late while a worker gives up an app id: it is granted once a term, and not after it was given up.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use runner::fleet::statement::{Answer, AppRow, Statement, View, WorkerRow};
use runner::fleet::worker::{Action, Input};
use runner::fleet::{AppKey, Timing, Worker, WorkerId};

const ME: WorkerId = WorkerId(1);

fn app() -> AppKey {
    AppKey {
        platform: "live".to_owned(),
        app: "tt".to_owned(),
    }
}

/// What a worker reads. `None` if the app id was never claimed.
fn view(row: Option<(Option<WorkerId>, u64)>) -> Answer {
    let row = row.map(|(owner, term)| (app(), AppRow { owner, term }));
    let me = WorkerRow { beat: 1, fenced: false };
    Answer::Seen(View {
        workers: BTreeMap::from([(ME, me)]),
        apps: row.into_iter().collect(),
    })
}

fn claim(after: u64) -> Statement {
    Statement::Claim { app: app(), after }
}

fn release(term: u64) -> Statement {
    Statement::Release { app: app(), term }
}

/// A worker, and the seconds of its clock.
struct Driven {
    worker: Worker,
    now: u64,
}

impl Driven {
    fn new() -> Self {
        let mut worker = Self {
            worker: Worker::new(ME, Timing::default()),
            now: 0,
        };
        worker.step(Input::Tick);
        worker.want(true);
        worker.answer(Statement::Register, 0, Answer::Done);
        worker
    }

    fn step(&mut self, input: Input) -> Vec<Action> {
        self.now += 1;
        self.worker.step(input, Duration::from_secs(self.now))
    }

    fn answer(&mut self, statement: Statement, sent: u64, answer: Answer) -> Vec<Action> {
        let sent = Duration::from_secs(sent);
        self.step(Input::Answered {
            statement,
            sent,
            answer: Some(answer),
        })
    }

    /// Reads at once.
    fn read(&mut self, row: Option<(Option<WorkerId>, u64)>) -> Vec<Action> {
        self.answer(Statement::Renew, self.now, view(row))
    }

    fn want(&mut self, is_wanted: bool) {
        let wanted = is_wanted.then(app).into_iter().collect::<BTreeSet<_>>();
        self.step(Input::Wanted(wanted));
    }

    /// Drains the app id and asks for its release, then wants it again.
    fn give_up(&mut self) {
        self.want(false);
        let drains = self.read(Some((Some(ME), 1)));
        assert!(drains.contains(&Action::Drain(app())), "{drains:?}");
        let releases = self.step(Input::Drained(app()));
        assert!(releases.contains(&Action::Execute(release(1))), "{releases:?}");
        self.want(true);
    }
}

fn granted(actions: &[Action]) -> Option<u64> {
    actions.iter().find_map(|action| match action {
        Action::Grant { term, .. } => Some(*term),
        _ => None,
    })
}

#[test]
fn an_app_id_is_not_claimed_before_its_release_is_answered() {
    let mut worker = Driven::new();
    worker.read(None);
    assert_eq!(
        granted(&worker.answer(claim(0), 1, Answer::Claimed { term: 1 })),
        Some(1)
    );
    worker.give_up();
    // The release was executed, and its answer is slow.
    let actions = worker.read(Some((None, 1)));
    assert!(!actions.contains(&Action::Execute(claim(1))), "{actions:?}");
    worker.answer(release(1), 1, Answer::Done);
    let actions = worker.read(Some((None, 1)));
    assert!(actions.contains(&Action::Execute(claim(1))), "{actions:?}");
    assert_eq!(
        granted(&worker.answer(claim(1), 1, Answer::Claimed { term: 2 })),
        Some(2)
    );
    assert_eq!(granted(&worker.read(Some((Some(ME), 2)))), None);
}

#[test]
fn a_view_from_before_a_release_grants_nothing() {
    let mut worker = Driven::new();
    worker.read(None);
    worker.answer(claim(0), 1, Answer::Claimed { term: 1 });
    worker.give_up();
    let sent = worker.now;
    worker.answer(release(1), 1, Answer::Done);
    let actions = worker.answer(Statement::Renew, sent, view(Some((Some(ME), 1))));
    assert_eq!(granted(&actions), None);
    // A fail-over has undone the release: the app id is this worker's again.
    assert_eq!(granted(&worker.read(Some((Some(ME), 1)))), Some(1));
}

#[test]
fn a_claim_that_is_answered_after_the_release_grants_nothing() {
    let mut worker = Driven::new();
    worker.read(None);
    assert_eq!(
        granted(&worker.read(Some((Some(ME), 1)))),
        Some(1),
        "it is seen in the view"
    );
    worker.give_up();
    worker.answer(release(1), 1, Answer::Done);
    worker.read(Some((None, 1)));
    assert_eq!(granted(&worker.answer(claim(0), 1, Answer::Claimed { term: 1 })), None);
    assert_eq!(
        granted(&worker.answer(claim(1), 1, Answer::Claimed { term: 2 })),
        Some(2)
    );
}
