//! The supervisor without browsers: restarts, and the occurrences of a recurring campaign on a clock that the test sets.

use std::fs;
use std::path::Path;

use super::*;
use crate::app::Environment;
use crate::ledger::witness::Witnesses;
use crate::model::clock::Clock;
use crate::model::envelope::Envelope;
use crate::model::money::Money;
use crate::model::problem::Problem;
use crate::model::run_state::EndState;
use crate::service::act::{Act, Denied, Subject, Who};
use crate::service::campaign_entry::{Attention, CampaignEntry, PlanState};
use crate::service::error::ActError;
use crate::service::log_check::verify_log;
use crate::service::record::Charge;
use crate::service::scan::Scanner;

fn settings(directory: &Path) -> ServiceSettings {
    ServiceSettings {
        directory: directory.to_owned(),
        state_dir: None,
        is_rehearsal: false,
        environment: Environment::new(Clock::system()),
        config: Arc::new(ConfigFile::without()),
        classify: |_| Problem::Defect,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_version_starts_nothing_that_a_newer_one_may_have_stopped() {
    let directory = tempfile::tempdir().unwrap();
    let (older, resources) = Supervisor::open(settings(directory.path())).await.unwrap();
    assert_eq!(older.state().read_only, None);
    let newer = Record {
        version: VERSION + 1,
        at: older.now(),
        entry: Entry::ServiceEnded,
    };
    let body = serde_json::to_vec(&newer).unwrap();
    older.stop("SIGTERM", resources).await;
    drop(older);
    let settings_of_newer = settings(directory.path());
    let lock = settings_of_newer.lock().await.unwrap();
    let store = settings_of_newer.place().open(&lock).await.unwrap();
    let (mut log, _) = ServiceLog::read(store).await.unwrap();
    log.append(&body).await.unwrap();
    log.close().await;
    drop(lock);
    let (older, _resources) = Supervisor::open(settings(directory.path())).await.unwrap();
    let why = older.state().read_only.clone().unwrap();
    assert!(why.english().contains("a newer version"), "{}", why.english());
}

fn write_weekly(directory: &Path, more: &str) {
    let text = format!(
        "version: 1\ncampaign: tea\ntitle: 奶茶\napp_id: ttec789ac573xxxxxx01\nactivity_id: \"7218071234565644204\"\n\
         timezone: Asia/Shanghai\nrepeat: {{every: week, on: [mon], at: \"10:00\"{more}}}\n\
         audience: {{source: {{csv: {{path: tea.csv, open_id: open_id}}}}}}\n\
         credentials: {{access_token: {{env: RUNNER_TEST_NO_TOKEN}}}}\n"
    );
    fs::write(directory.join("tea.yaml"), text).unwrap();
    fs::write(directory.join("tea.csv"), "open_id\nuser-1\n").unwrap();
}

/// A service that looks when the test says so, on a clock that the test sets.
struct Stepped {
    supervisor: Arc<Supervisor>,
    resources: ServiceResources,
    scanner: Scanner,
    clock: Clock,
}

impl Stepped {
    async fn open(directory: &Path, clock: &Clock) -> Self {
        Self::open_with(settings(directory), clock).await
    }

    async fn open_with(settings: ServiceSettings, clock: &Clock) -> Self {
        let settings = ServiceSettings {
            environment: Environment::new(clock.clone()),
            ..settings
        };
        let (supervisor, resources) = Supervisor::open(settings).await.unwrap();
        let mut stepped = Self {
            supervisor,
            resources,
            scanner: Scanner::default(),
            clock: clock.clone(),
        };
        stepped.look().await;
        stepped.look().await;
        stepped
    }

    async fn look(&mut self) {
        self.supervisor.scan(&mut self.scanner).await;
        self.supervisor.schedule_occurrences().await;
    }

    /// Sets the clock to a time of June 2026, UTC, and looks.
    async fn at(&mut self, time: &str) -> Vec<String> {
        let to: Timestamp = format!("2026-06-{time}Z").parse().unwrap();
        self.clock
            .shift_ms(to.as_millisecond() - self.clock.now().as_millisecond());
        self.look().await;
        self.shown()
    }

    /// The campaigns, with what each occurrence is.
    fn shown(&self) -> Vec<String> {
        let state = self.supervisor.state();
        let shown = |entry: &CampaignEntry| match &entry.occurrence {
            Some(occurrence) => format!("{} {}", entry.file, occurrence.turn.state.word()),
            None => entry.file.clone(),
        };
        state.entries.values().map(shown).collect()
    }

    /// How often the log says that an occurrence was missed.
    fn missed(&self) -> Vec<String> {
        let state = self.supervisor.state();
        let missed = state
            .records
            .iter()
            .filter_map(|numbered| match &numbered.record.entry {
                Entry::OccurrenceMissed { on } => Some(on.campaign.clone()),
                _ => None,
            });
        missed.collect()
    }

    async fn record(&self, entry: Entry) {
        self.supervisor.record(entry).await.unwrap();
    }

    async fn end(self) {
        self.supervisor.stop("SIGTERM", self.resources).await;
    }
}

fn june(time: &str) -> Clock {
    Clock::simulated(format!("2026-06-{time}Z").parse().unwrap())
}

fn approve(on: Subject, fingerprint: &str) -> Act {
    Act::Approve {
        on,
        fingerprint: fingerprint.to_owned(),
        accept: Vec::new(),
        fresh: false,
        envelope: None,
    }
}

fn on(date: &str) -> Subject {
    Subject {
        file: format!("tea.yaml@{date}"),
        campaign: format!("tea@{date}"),
        app_id: "ttec789ac573xxxxxx01".to_owned(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_occurrence_is_a_campaign_that_is_planned_ahead_and_missed_once() {
    let directory = tempfile::tempdir().unwrap();
    write_weekly(directory.path(), "");
    let clock = june("03T00:00");
    let mut service = Stepped::open(directory.path(), &clock).await;
    assert_eq!(
        service.shown(),
        ["tea.yaml"],
        "the one of June 1 is not missed: nobody knew the file"
    );
    assert_eq!(
        service.at("07T14:00").await,
        ["tea.yaml", "tea.yaml@2026-06-08 coming"],
        "12 hours ahead"
    );
    {
        let state = service.supervisor.state();
        let entry = &state.entries["tea.yaml@2026-06-08"];
        assert_eq!(entry.subject(), on("2026-06-08"));
        assert!(matches!(entry.plan, PlanState::Planning | PlanState::Ready(_)));
    }
    assert_eq!(service.at("08T02:59").await, ["tea.yaml", "tea.yaml@2026-06-08 due"]);
    assert!(service.missed().is_empty());
    assert_eq!(service.at("08T03:00").await, ["tea.yaml", "tea.yaml@2026-06-08 missed"]);
    // The page that a person had open is too old.
    let approve = approve(on("2026-06-08"), "");
    let denied = service.supervisor.perform(approve, Who::local("li", "127.0.0.1")).await;
    assert!(matches!(denied, Err(ActError::Denied(Denied::Missed))), "{denied:?}");
    // The clock was wrong, and is put back and forward again: it is recorded once.
    service.at("08T02:30").await;
    service.at("09T00:00").await;
    assert_eq!(service.missed(), ["tea@2026-06-08"]);
    service.end().await;
    // So it is after a restart and a sleep of a week.
    let mut service = Stepped::open(directory.path(), &clock).await;
    assert_eq!(service.at("16T00:00").await, ["tea.yaml", "tea.yaml@2026-06-15 missed"]);
    assert_eq!(service.missed(), ["tea@2026-06-08", "tea@2026-06-15"]);
    {
        let state = service.supervisor.state();
        let inbox = state.entries["tea.yaml"].attention(None, None);
        let last = jiff::civil::date(2026, 6, 15);
        assert_eq!(inbox, [Attention::Missed { count: 2, last }]);
    }
    // With another rule, the same one is due until the next.
    write_weekly(directory.path(), ", missed: once");
    service.look().await;
    assert_eq!(
        service.at("17T00:00").await,
        ["tea.yaml", "tea.yaml@2026-06-08 missed", "tea.yaml@2026-06-15 due"]
    );
    fs::write(directory.path().join("other.yaml"), "").unwrap();
    fs::remove_file(directory.path().join("tea.yaml")).unwrap();
    for _ in 0..3 {
        service.look().await;
    }
    assert_eq!(
        service.shown(),
        ["other.yaml"],
        "a file that vanished has no occurrences"
    );
    service.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approval_that_a_crash_delayed_beyond_its_hour_begins_nothing() {
    let directory = tempfile::tempdir().unwrap();
    write_weekly(directory.path(), "");
    let clock = june("08T02:30");
    let service = Stepped::open(directory.path(), &clock).await;
    // The record is durable, and the process is killed before the ledger exists.
    let act = approve(on("2026-06-08"), "a-b-first");
    let who = Who::local("li", "127.0.0.1");
    service
        .record(Entry::Act {
            who,
            act,
            refused: None,
        })
        .await;
    service.end().await;
    clock.shift_ms(40 * 60 * 1000);
    let service = Stepped::open(directory.path(), &clock).await;
    assert_eq!(service.shown(), ["tea.yaml", "tea.yaml@2026-06-08 missed"]);
    service.supervisor.continue_charges().await;
    {
        let state = service.supervisor.state();
        assert!(state.entries.values().all(|entry| entry.run.is_none()));
        assert_eq!(state.charges.all().count(), 0);
        let last = state.records.back().map(|last| last.record.entry.clone());
        assert!(matches!(last, Some(Entry::RunEnded { state, .. }) if state == EndState::Missed));
    }
    service.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_is_prepared_while_a_person_stops_its_campaign_does_not_begin() {
    for is_stopped in [false, true] {
        let directory = tempfile::tempdir().unwrap();
        write_weekly(directory.path(), "");
        let text = fs::read_to_string(directory.path().join("tea.yaml")).unwrap();
        let once: Vec<_> = text.lines().filter(|line| !line.starts_with("repeat")).collect();
        fs::write(directory.path().join("tea.yaml"), once.join("\n")).unwrap();
        let settings = ServiceSettings {
            is_rehearsal: true,
            ..settings(directory.path())
        };
        let (supervisor, resources) = Supervisor::open(settings).await.unwrap();
        let mut scanner = Scanner::default();
        for _ in 0..2 {
            supervisor.scan(&mut scanner).await;
        }
        let on = Subject {
            file: "tea.yaml".to_owned(),
            campaign: "tea".to_owned(),
            app_id: "ttec789ac573xxxxxx01".to_owned(),
        };
        let who = Who::local("li", "127.0.0.1");
        let act = |act| Entry::Act {
            who: who.clone(),
            act,
            refused: None,
        };
        supervisor
            .record(act(approve(on.clone(), "0a1b2c3d4e-5f60718293-first")))
            .await
            .unwrap();
        let Some(Charge::Run(plan)) = supervisor.state().charges.of("tea", &on.app_id).cloned() else {
            panic!("an approved campaign is to be sent");
        };
        if is_stopped {
            supervisor.record(act(Act::Stop { on: on.clone() })).await.unwrap();
        }
        // While the campaign is kept for an act, others leave it alone.
        let reservation = supervisor.reserve(&mut supervisor.state(), "tea.yaml").unwrap();
        let plans = Act::Plan {
            on: on.clone(),
            fresh: false,
        };
        supervisor.perform(plans, who.clone()).await.unwrap();
        assert!(supervisor.state().entries["tea.yaml"].is_reserved);
        drop(reservation);
        assert!(!supervisor.state().entries["tea.yaml"].is_reserved);
        supervisor.start_run("tea.yaml", &plan, false, &who).await.unwrap();
        let has_begun = {
            let state = supervisor.state();
            let entry = &state.entries["tea.yaml"];
            entry.run.is_some() || entry.ended.is_some()
        };
        assert_eq!(has_begun, !is_stopped);
        supervisor.stop("SIGTERM", resources).await;
    }
}

/// The approved plan of a campaign that takes place once, which may spend 100 CNY.
fn applied() -> Entry {
    let envelope = Envelope {
        coupons: 10,
        worth: Some(Money::from_fen(10_000)),
        coupon_value: Some(Money::from_fen(1_000)),
        per_user: 1,
        from: Timestamp::UNIX_EPOCH,
        until: None,
        audience: None,
    };
    let act = Act::Apply {
        on: Subject {
            file: "milk.yaml".to_owned(),
            campaign: "milk".to_owned(),
            app_id: "ttec789ac573xxxxxx01".to_owned(),
        },
        fingerprint: "a-b-first".to_owned(),
        accept: Vec::new(),
        fresh: false,
        by: vec!["wang".to_owned()],
        envelope: Some(Box::new(envelope)),
        spent: Some(Money::default()),
    };
    Entry::Act {
        who: Who::scheduler(),
        act,
        refused: None,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approval_whose_run_a_crash_kept_from_beginning_lapses_with_what_it_reserved() {
    let beside = tempfile::tempdir().unwrap();
    let config = beside.path().join("server.yaml");
    fs::write(
        &config,
        "version: 1\npolicy: {budgets: [{app: \"tt*\", worth: 1000 CNY}]}\n",
    )
    .unwrap();
    // The run fails because it has no access token: so it was begun.
    for (hours, has_file, ended) in [
        (47, true, EndState::Failed),
        (48, true, EndState::Lapsed),
        (1, false, EndState::Lapsed),
    ] {
        let directory = tempfile::tempdir().unwrap();
        write_weekly(directory.path(), "");
        let text = fs::read_to_string(directory.path().join("tea.yaml")).unwrap();
        let mut once: Vec<_> = text.lines().filter(|line| !line.starts_with("repeat")).collect();
        once[1] = "campaign: milk";
        fs::write(directory.path().join("milk.yaml"), once.join("\n")).unwrap();
        let clock = june("08T02:30");
        let open = async || {
            let settings = ServiceSettings {
                config: Arc::new(ConfigFile::open(&config, true).unwrap()),
                ..settings(directory.path())
            };
            Stepped::open_with(settings, &clock).await
        };
        let reserved = |service: &Stepped| {
            let config = service.supervisor.config().current();
            let state = service.supervisor.state();
            let budgets = state.budgets("ttec789ac573xxxxxx01", &config, clock.now());
            budgets[0].1.reserved
        };
        // The record is durable, and the process is killed before the run begins.
        let service = open().await;
        service.record(applied()).await;
        assert_eq!(reserved(&service), Money::from_fen(10_000));
        service.end().await;
        clock.shift_ms(hours * 3_600_000);
        if !has_file {
            fs::remove_file(directory.path().join("milk.yaml")).unwrap();
        }
        let service = open().await;
        service.supervisor.continue_charges().await;
        let state = service
            .supervisor
            .state()
            .records
            .iter()
            .rev()
            .find_map(|record| match &record.record.entry {
                Entry::RunEnded { state, .. } => Some(*state),
                _ => None,
            });
        assert_eq!(state, Some(ended), "{hours} {has_file}");
        assert_eq!(reserved(&service), Money::default());
        service.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_lost_its_end_continues_nothing_and_says_so() {
    let directory = tempfile::tempdir().unwrap();
    let state = tempfile::tempdir().unwrap();
    let with_witness = || ServiceSettings {
        environment: Environment {
            witnesses: Witnesses::of_user(Some(state.path().to_owned()), None),
            ..Environment::new(Clock::system())
        },
        ..settings(directory.path())
    };
    let log = directory.path().join(".runner/service/log");
    let copy = directory.path().join("copy");
    let (service, resources) = Supervisor::open(with_witness()).await.unwrap();
    let act = approve(on("2026-06-08"), "a-b-first");
    let who = Who::local("li", "127.0.0.1");
    let approved = Entry::Act {
        who: who.clone(),
        act,
        refused: None,
    };
    service.record(approved).await.unwrap();
    service.stop("SIGTERM", resources).await;
    drop(service);
    copy_tree(&log, &copy);
    // A person stops it in the next service, and then an older copy of the log is put back.
    let (service, resources) = Supervisor::open(with_witness()).await.unwrap();
    assert_eq!(service.state().lost_records, None);
    assert_eq!(service.state().charges.all().count(), 1);
    let beside = verify_log(&with_witness()).await.unwrap();
    assert_eq!(
        (beside.records, beside.older_than, beside.losses),
        (4, None, 0),
        "it is read beside the service"
    );
    let act = Act::Stop { on: on("2026-06-08") };
    service
        .record(Entry::Act {
            who,
            act,
            refused: None,
        })
        .await
        .unwrap();
    service.stop("SIGTERM", resources).await;
    drop(service);
    fs::remove_dir_all(&log).unwrap();
    copy_tree(&copy, &log);
    let checked = verify_log(&with_witness()).await.unwrap();
    assert_eq!(
        (checked.records, checked.older_than.map(|witness| witness.sequence)),
        (3, Some(6))
    );
    let (service, resources) = Supervisor::open(with_witness()).await.unwrap();
    assert_eq!(service.state().lost_records, Some((4, 6)));
    assert_eq!(service.state().charges.all().count(), 0);
    service.stop("SIGTERM", resources).await;
    drop(service);
    // It is recorded, and the next start is an ordinary one.
    let checked = verify_log(&with_witness()).await.unwrap();
    assert_eq!((checked.older_than, checked.losses), (None, 1));
    let (service, resources) = Supervisor::open(with_witness()).await.unwrap();
    assert_eq!(service.state().lost_records, None);
    service.stop("SIGTERM", resources).await;
}

fn copy_tree(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_tree(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}
