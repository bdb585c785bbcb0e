//! Histories of the rules of a service: requests, approvals, freezes, budgets and restarts, for some campaigns of one app. The
//! decisions are the program's: the gate, the policy, the folds of the service log, the envelope. What is checked is kept apart: who
//! approved what and when, when nothing may be sent, and which run sent each coupon.

use std::path::Path;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use runner::campaign::{Policy, ServerFile, parse_server};
use runner::ledger::Head;
use runner::model::clock::from_ms;
use runner::model::envelope::{Envelope, Usage};
use runner::model::money::{Money, Worth};
use runner::model::run_state::EndState;
use runner::model::user::Role;
use runner::service::act::{
    Act, Applier, CampaignSituation, Door, PlanSituation, PolicySituation, RequestSituation, Situation, Subject, Who,
    gate,
};
use runner::service::budget::{CampaignSpend, Reservations};
use runner::service::freeze::{self, ManualFreeze};
use runner::service::policy::{PlanFacts, PolicyRules};
use runner::service::record::{Charge, Charges, Entry, Record, VERSION};
use runner::service::requests::{OpenRequest, Requests};

use crate::env::Violation;
use crate::scenario::MONDAY;

/// How many histories a plain `cargo test` runs.
const HISTORIES: u64 = 1_000;
const STEPS: u32 = 120;
const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;
/// The value of each coupon, in fen.
const EACH: u64 = 500;
const USERS: [&str; 4] = ["li", "wang", "zhao", "han"];
const NAMES: [&str; 3] = ["tea", "milk", "double11-tea"];

const APPROVED: &str = "nothing begins without its approvals";
const REMEMBERED: &str = "no approval is forgotten";
const FROZEN: &str = "nothing is sent in a freeze";
const BUDGET: &str = "a budget is never exceeded";
const ENVELOPE: &str = "each coupon lies inside the approval";

/// A time in which nothing is sent.
struct Freeze {
    from: i64,
    until: i64,
    excepts_double11: bool,
}

/// What one seed fixes: the file of the service.
struct Rules {
    approvals: u8,
    expires_hours: i64,
    budget: Option<u64>,
    freezes: Vec<Freeze>,
}

impl Rules {
    fn new(rng: &mut fastrand::Rng) -> Self {
        let freezes = (0..rng.u8(0..3)).map(|_| {
            let from = rng.i64(0..20) * 6 * HOUR;
            Freeze {
                from,
                until: from + rng.i64(1..30) * HOUR,
                excepts_double11: rng.bool(),
            }
        });
        Self {
            freezes: freezes.collect(),
            approvals: rng.u8(0..4),
            expires_hours: rng.i64(3..60),
            budget: rng.bool().then(|| rng.u64(10..200)),
        }
    }

    fn file(&self) -> ServerFile {
        let local = |ms: i64| {
            let shanghai = TimeZone::get("Asia/Shanghai").unwrap();
            shanghai
                .to_datetime(from_ms(MONDAY + ms))
                .strftime("%Y-%m-%dT%H:%M")
                .to_string()
        };
        let freezes = self.freezes.iter().map(|freeze| {
            let except = if freeze.excepts_double11 {
                ", except: [\"double11-*\"]"
            } else {
                ""
            };
            let from = local(freeze.from);
            let until = local(freeze.until);
            format!("{{name: sale, from: {from}, until: {until}{except}}}")
        });
        let freezes = freezes.collect::<Vec<_>>().join(", ");
        let budget = self
            .budget
            .map(|coupons| format!("{{app: \"tt*\", per: month, worth: {} CNY}}", coupons * EACH / 100));
        let budget = budget.unwrap_or_default();
        let users = USERS.map(|name| format!("{{name: {name}, roles: [author, operator, approver, admin]}}"));
        let approvals = self.approvals;
        let expires = self.expires_hours;
        let text = format!(
            "version: 1\ntimezone: Asia/Shanghai\nusers: [{}]\nproxy_auth: {{header: X-Auth-User, secret: {{env: PROXY}}}}\n\
             policy:\n  default: {{approvals: {approvals}}}\n  expires: {expires}h\n  budgets: [{budget}]\n  \
             freezes: [{freezes}]\n",
            users.join(", ")
        );
        let parsed = parse_server(Path::new("server.yaml"), text.as_bytes());
        parsed.unwrap_or_else(|mistakes| panic!("{text}{mistakes:?}")).content
    }

    fn is_frozen(&self, campaign: usize, now: i64) -> bool {
        self.freezes.iter().any(|freeze| {
            let is_excepted = freeze.excepts_double11 && NAMES[campaign].starts_with("double11-");
            (freeze.from..freeze.until).contains(&now) && !is_excepted
        })
    }
}

/// A campaign, as its file and its ledger are.
#[derive(Default)]
struct Campaign {
    /// The version of its plan.
    version: u32,
    owed: u64,
    issued: u64,
    in_doubt: u64,
}

impl Campaign {
    const fn used(&self) -> u64 {
        self.issued + self.in_doubt
    }

    fn worth(&self) -> Worth {
        Worth {
            issued: Money::from_fen(self.issued * EACH),
            open: Money::from_fen(self.in_doubt * EACH),
            owed: Money::from_fen(self.owed * EACH),
            ..Worth::default()
        }
    }
}

/// What a service knows, all of it from its log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Known {
    requests: Requests,
    charges: Charges,
    reservations: Reservations,
}

impl Known {
    fn apply(&mut self, sequence: u64, record: &Record) {
        let head = Head { sequence, link: [7; 8] };
        self.requests.apply(head, record);
        self.charges.apply(head, record);
        self.reservations.apply(head, record);
    }
}

/// A run, as it really was.
struct TrueRun {
    campaign: usize,
    began: i64,
    sent: u64,
    /// The most coupons of the campaign that were approved for it.
    most: u64,
    is_over: bool,
}

/// An approval that somebody gave.
#[derive(Clone, Debug, PartialEq, Eq)]
struct TrueApproval {
    by: &'static str,
    at: i64,
}

/// What really happened.
#[derive(Default)]
struct Truth {
    /// For each campaign: the plan that was requested, who requested it, and who approved it since.
    asked: [Option<(u32, &'static str, Vec<TrueApproval>)>; NAMES.len()],
    runs: Vec<TrueRun>,
    frozen_by_person: bool,
}

struct History {
    rng: fastrand::Rng,
    rules: Rules,
    file: ServerFile,
    now: i64,
    campaigns: [Campaign; NAMES.len()],
    log: Vec<String>,
    known: Known,
    manual: Option<ManualFreeze>,
    truth: Truth,
    trail: Vec<String>,
}

fn on(campaign: usize) -> Subject {
    Subject {
        file: format!("{}.yaml", NAMES[campaign]),
        campaign: NAMES[campaign].to_owned(),
        app_id: "tt1".to_owned(),
    }
}

fn user(name: &str) -> Who {
    Who {
        name: name.to_owned(),
        roles: vec![Role::Author, Role::Operator, Role::Approver, Role::Admin],
        door: Door::Web,
        from: String::new(),
    }
}

impl History {
    fn new(seed: u64) -> Self {
        let mut rng = fastrand::Rng::with_seed(seed);
        let rules = Rules::new(&mut rng);
        let file = rules.file();
        let mut campaigns: [Campaign; NAMES.len()] = Default::default();
        for campaign in &mut campaigns {
            campaign.owed = rng.u64(1..60);
        }
        Self {
            rng,
            rules,
            file,
            now: 0,
            campaigns,
            log: Vec::new(),
            known: Known::default(),
            manual: None,
            truth: Truth::default(),
            trail: Vec::new(),
        }
    }

    fn at(&self) -> Timestamp {
        from_ms(MONDAY + self.now)
    }

    fn policy(&self) -> &Policy {
        self.file.policy.as_ref().unwrap()
    }

    fn fingerprint(&self, campaign: usize) -> String {
        format!("{}-{}", NAMES[campaign], self.campaigns[campaign].version)
    }

    /// Writes a record, as a service does before the effect.
    fn record(&mut self, entry: Entry) {
        let record = Record {
            version: VERSION,
            at: self.at(),
            entry,
        };
        self.log.push(serde_json::to_string(&record).unwrap());
        self.known.apply(self.log.len() as u64, &record);
    }

    /// The charge of a campaign that may send: the number of the record, and the envelope.
    fn running(&self, campaign: usize) -> Option<(u64, Envelope, bool)> {
        let (plan, is_paused) = match self.known.charges.of(NAMES[campaign], "tt1")? {
            Charge::Run(plan) => (plan, false),
            Charge::Paused { plan, .. } => (plan, true),
            Charge::Stopped { .. } => return None,
        };
        let approval = plan.approval.as_ref()?;
        Some((approval.sequence, approval.envelope.clone(), is_paused))
    }

    fn spend(&self, name: &str) -> CampaignSpend {
        let campaign = NAMES.iter().position(|known| *known == name).unwrap();
        CampaignSpend {
            worth: Some(self.campaigns[campaign].worth()),
            running: self.running(campaign).map(|(sequence, ..)| sequence),
        }
    }

    /// Whether a budget has no room for the rest of a campaign.
    fn is_over_budget(&self, campaign: usize) -> bool {
        let needs = Money::from_fen(self.campaigns[campaign].owed * EACH);
        let budgets = self.policy().budgets.iter();
        let mut used = budgets.map(|budget| {
            let of_campaign = |_: &str, name: &str| self.spend(name);
            let usage = self
                .known
                .reservations
                .usage(budget, &self.file.timezone, self.at(), of_campaign);
            usage.check(budget.worth, Some(needs))
        });
        used.any(|room| room.is_err())
    }

    fn is_frozen(&self, campaign: usize) -> bool {
        freeze::find(Some(self.policy()), self.manual.as_ref(), NAMES[campaign], self.at()).is_some()
    }

    /// What the gate learns, as a service puts it together.
    fn situation(&self, act: &Act) -> Situation {
        let campaign = act
            .on()
            .and_then(|on| NAMES.iter().position(|name| *name == on.campaign));
        Situation {
            is_frozen: self.manual.is_some(),
            campaign: campaign.map(|campaign| self.campaign_situation(campaign)),
            ..Situation::default()
        }
    }

    fn campaign_situation(&self, campaign: usize) -> CampaignSituation {
        let rules = PolicyRules::of(&self.file).unwrap();
        let subject = on(campaign);
        let fingerprint = self.fingerprint(campaign);
        let request = self.known.requests.of(&subject);
        let request = request.filter(|request| request.fingerprint == fingerprint);
        let given = request.map(OpenRequest::given).unwrap_or_default();
        let facts = PlanFacts {
            campaign: subject.campaign.clone(),
            app_id: subject.app_id.clone(),
            ..PlanFacts::default()
        };
        let charge = self.known.charges.of(NAMES[campaign], "tt1");
        let frozen = self.is_frozen(campaign).then(|| "frozen".into());
        let waits = frozen
            .clone()
            .or_else(|| self.is_over_budget(campaign).then(|| "no room".into()));
        let policy = PolicySituation {
            verdict: rules.judge(&facts, &given, self.at()),
            request: request.map(|request| RequestSituation {
                by: request.by.name.clone(),
                approved_by: given.into_iter().map(|given| given.by).collect(),
            }),
            waits,
            is_undisturbed: charge.is_none() && !self.known.requests.is_unfinished(&subject),
        };
        let running = self.running(campaign);
        let is_paused = running.as_ref().is_some_and(|(.., is_paused)| *is_paused);
        CampaignSituation {
            applier: if running.is_some() {
                Applier::Service
            } else {
                Applier::Nobody
            },
            is_paused,
            has_file: true,
            plan: Some(PlanSituation {
                fingerprint,
                needs: Vec::new(),
                sends: self.campaigns[campaign].owed > 0,
                is_fresh: false,
                policy: Some(policy),
                approvals: None,
            }),
            frozen,
            ..CampaignSituation::default()
        }
    }

    /// Asks the gate, and records what it decides. Whether the act is allowed.
    fn perform(&mut self, act: Act, who: Who) -> bool {
        let refused = gate(act.clone(), who.clone(), &self.situation(&act)).err();
        self.trail
            .push(format!("{} {}: {act:?}, {refused:?}", self.now / MINUTE, who.name));
        let refused = refused.map(|denied| denied.to_string());
        let is_allowed = refused.is_none();
        self.record(Entry::Act { who, act, refused });
        is_allowed
    }

    fn step(&mut self) -> Result<(), Violation> {
        let campaign = self.rng.usize(0..NAMES.len());
        let name = USERS[self.rng.usize(0..USERS.len())];
        let subject = on(campaign);
        let fingerprint = self.fingerprint(campaign);
        match self.rng.u8(0..24) {
            0..=2 => self.now += self.rng.i64(1..90) * MINUTE,
            3 => self.now += self.rng.i64(1..40) * HOUR,
            4 => self.edit(campaign),
            5..=7 => self.request(campaign, name),
            8..=11 => self.approve(campaign, name)?,
            12 => {
                let note = String::new();
                let act = Act::Reject {
                    on: subject,
                    fingerprint,
                    note,
                };
                if self.perform(act, user(name)) {
                    self.truth.asked[campaign] = None;
                }
            }
            13..=15 => self.apply(campaign)?,
            16 => drop(self.perform(Act::Pause { on: subject }, user(name))),
            17 => self.resume(campaign, name)?,
            18 if self.rng.bool() => {
                if self.perform(Act::Stop { on: subject }, user(name)) {
                    self.end_run(campaign, EndState::Incomplete);
                }
            }
            19 => self.freeze(name),
            20 => self.lapse(),
            21 => self.restart()?,
            _ => self.send(campaign)?,
        }
        self.check_remembered()?;
        self.check_budget()
    }

    fn edit(&mut self, campaign: usize) {
        if self.running(campaign).is_none() {
            let more = self.rng.u64(0..30);
            let campaign = &mut self.campaigns[campaign];
            campaign.version += 1;
            campaign.owed += more;
        }
    }

    fn request(&mut self, campaign: usize, name: &'static str) {
        let act = Act::Request {
            on: on(campaign),
            fingerprint: self.fingerprint(campaign),
            accept: Vec::new(),
            fresh: false,
        };
        if self.perform(act, user(name)) {
            self.truth.asked[campaign] = Some((self.campaigns[campaign].version, name, Vec::new()));
        }
    }

    fn approve(&mut self, campaign: usize, name: &'static str) -> Result<(), Violation> {
        let act = Act::GiveApproval {
            on: on(campaign),
            fingerprint: self.fingerprint(campaign),
            accept: Vec::new(),
            fresh: false,
        };
        if !self.perform(act, user(name)) {
            return Ok(());
        }
        let at = self.now;
        match &mut self.truth.asked[campaign] {
            Some((version, by, approvals)) if *version == self.campaigns[campaign].version => {
                if *by == name {
                    return Err(Violation::new(APPROVED, format!("{name} approved their own request")));
                }
                approvals.push(TrueApproval { by: name, at });
                Ok(())
            }
            _ => Err(Violation::new(
                APPROVED,
                format!("{name} approved what nobody requested"),
            )),
        }
    }

    fn apply(&mut self, campaign: usize) -> Result<(), Violation> {
        let lasts = self.rng.bool().then(|| SignedDuration::from_hours(self.rng.i64(1..50)));
        let own = &self.campaigns[campaign];
        let most = own.used() + own.owed;
        let envelope = Envelope {
            coupons: most,
            worth: Some(Money::from_fen(most * EACH)),
            coupon_value: Some(Money::from_fen(EACH)),
            per_user: 1,
            from: self.at(),
            until: lasts.map(|lasts| self.at() + lasts),
            audience: None,
        };
        let act = Act::Apply {
            on: on(campaign),
            fingerprint: self.fingerprint(campaign),
            accept: Vec::new(),
            fresh: false,
            by: Vec::new(),
            envelope: Some(Box::new(envelope)),
            spent: Some(Money::from_fen(own.used() * EACH)),
        };
        let version = own.version;
        if !self.perform(act, Who::scheduler()) {
            return Ok(());
        }
        let expires = self.rules.expires_hours * HOUR;
        let asked = self.truth.asked[campaign].take().filter(|(of, ..)| *of == version);
        let given = asked.map(|(.., given)| given).unwrap_or_default();
        let valid = given.iter().filter(|approval| self.now - approval.at < expires);
        let mut names: Vec<_> = valid.map(|approval| approval.by).collect();
        names.sort_unstable();
        names.dedup();
        if names.len() < usize::from(self.rules.approvals) {
            let details = format!("{} began with {names:?} of {}", NAMES[campaign], self.rules.approvals);
            return Err(Violation::new(APPROVED, details));
        }
        self.check_frozen(campaign, "began")?;
        self.truth.runs.push(TrueRun {
            campaign,
            began: self.now,
            sent: 0,
            most,
            is_over: false,
        });
        Ok(())
    }

    fn resume(&mut self, campaign: usize, name: &str) -> Result<(), Violation> {
        if self.perform(Act::Resume { on: on(campaign) }, user(name)) {
            self.check_frozen(campaign, "was resumed")?;
        }
        Ok(())
    }

    fn check_frozen(&self, campaign: usize, what: &str) -> Result<(), Violation> {
        if self.truth.frozen_by_person || self.rules.is_frozen(campaign, self.now) {
            return Err(Violation::new(FROZEN, format!("{} {what}", NAMES[campaign])));
        }
        Ok(())
    }

    fn freeze(&mut self, name: &str) {
        if self.rng.u8(0..3) == 0 {
            let note = String::new();
            if self.perform(Act::Freeze { note }, user(name)) {
                self.truth.frozen_by_person = true;
                let by = user(name);
                let at = self.at();
                self.manual = Some(ManualFreeze {
                    by,
                    at,
                    note: String::new(),
                });
            }
        } else if self.perform(Act::Unfreeze, user(name)) {
            self.truth.frozen_by_person = false;
            self.manual = None;
        }
    }

    /// Records what has lapsed, as a service does from time to time.
    fn lapse(&mut self) {
        let expires = PolicyRules::of(&self.file).unwrap().expires();
        while let Some((on, of)) = self.known.requests.first_lapsed(self.at(), expires) {
            self.record(Entry::Lapsed { on, of });
        }
        for asked in &mut self.truth.asked {
            let is_old = |at: i64| self.now - at >= self.rules.expires_hours * HOUR;
            if let Some((.., approvals)) = asked {
                approvals.retain(|approval| !is_old(approval.at));
            }
        }
    }

    /// A run sends, as far as its pause, a freeze and its envelope allow it, and ends sometimes.
    fn send(&mut self, campaign: usize) -> Result<(), Violation> {
        for _ in 0..self.rng.u8(1..12) {
            let Some((_, envelope, false)) = self.running(campaign) else {
                return Ok(());
            };
            if self.is_frozen(campaign) {
                return Ok(());
            }
            let own = &self.campaigns[campaign];
            if own.owed == 0 {
                self.end_run(campaign, EndState::Complete);
                return Ok(());
            }
            let usage = Usage {
                coupons: own.used(),
                worth: own.worth().committed(),
                each: Some(Money::from_fen(EACH)),
                stated: own.issued,
                per_user: 1,
                ..Usage::default()
            };
            if envelope.check(&usage, 0, self.at()).is_err() {
                self.end_run(campaign, EndState::Halted);
                return Ok(());
            }
            self.check_frozen(campaign, "sent")?;
            let is_doubt = self.rng.u8(0..6) == 0;
            let own = &mut self.campaigns[campaign];
            own.owed -= 1;
            if is_doubt {
                own.in_doubt += 1;
            } else {
                own.issued += 1;
            }
            let used = own.used();
            let now = self.now;
            let ends = envelope.until.map(Timestamp::as_millisecond);
            let run = self
                .truth
                .runs
                .iter_mut()
                .rfind(|run| run.campaign == campaign && !run.is_over);
            let Some(run) = run else {
                return Err(Violation::new(
                    APPROVED,
                    format!("{} sent without a run", NAMES[campaign]),
                ));
            };
            run.sent += 1;
            if used > run.most || ends.is_some_and(|ends| MONDAY + now >= ends) {
                return Err(Violation::new(ENVELOPE, format!("{used} of {}", run.most)));
            }
        }
        if self.rng.u8(0..4) == 0 && self.running(campaign).is_some() {
            self.end_run(campaign, EndState::Incomplete);
        }
        Ok(())
    }

    fn end_run(&mut self, campaign: usize, state: EndState) {
        let spent = Some(self.campaigns[campaign].worth().committed());
        self.trail.push(format!(
            "{} the run of {} ends: {state}",
            self.now / MINUTE,
            NAMES[campaign]
        ));
        self.record(Entry::RunEnded {
            on: on(campaign),
            state,
            why: None,
            spent,
        });
        for run in self.truth.runs.iter_mut().filter(|run| run.campaign == campaign) {
            run.is_over = true;
        }
    }

    /// The process is killed, and another one reads the log.
    fn restart(&mut self) -> Result<(), Violation> {
        self.trail.push("a restart".to_owned());
        let mut known = Known::default();
        for (sequence, line) in (1..).zip(&self.log) {
            known.apply(sequence, &serde_json::from_str(line).unwrap());
        }
        if known != self.known {
            return Err(Violation::new(REMEMBERED, format!("{known:?}, not {:?}", self.known)));
        }
        self.record(Entry::ServiceBegan {
            host: "here".to_owned(),
            pid: 1,
            user: "root".to_owned(),
        });
        Ok(())
    }

    /// The service knows each approval that was given and has not lapsed.
    fn check_remembered(&self) -> Result<(), Violation> {
        for (campaign, asked) in self.truth.asked.iter().enumerate() {
            let Some((_, _, approvals)) = asked else { continue };
            let known = self.known.requests.of(&on(campaign));
            let is_old = |approval: &&TrueApproval| self.now - approval.at >= self.rules.expires_hours * HOUR;
            for approval in approvals.iter().filter(|approval| !is_old(approval)) {
                let is_known = known.is_some_and(|request| request.is_approved_by(approval.by));
                if !is_known {
                    let details = format!("that of {} for {}", approval.by, NAMES[campaign]);
                    return Err(Violation::new(REMEMBERED, details));
                }
            }
        }
        Ok(())
    }

    /// What the runs of this month sent, and what those that go on may still send, is within the budget.
    fn check_budget(&self) -> Result<(), Violation> {
        let Some(most) = self.rules.budget else { return Ok(()) };
        let sent: u64 = self.truth.runs.iter().map(|run| run.sent).sum();
        let open = self.truth.runs.iter().filter(|run| !run.is_over);
        let reserved: u64 = open.map(|run| run.most - self.campaigns[run.campaign].used()).sum();
        if sent + reserved > most {
            let first = self.truth.runs.first().map_or(0, |run| run.began);
            let details = format!("{sent} sent and {reserved} reserved of {most} since {first}");
            return Err(Violation::new(BUDGET, details));
        }
        Ok(())
    }
}

/// Runs a history. Returns what it violates, with what happened before.
fn run(seed: u64) -> Result<u64, (Violation, Vec<String>)> {
    let mut history = History::new(seed);
    for _ in 0..STEPS {
        if let Err(violation) = history.step() {
            return Err((violation, history.trail));
        }
    }
    Ok(history.truth.runs.iter().map(|run| run.sent).sum())
}

#[test]
fn no_history_of_a_service_violates_its_rules() {
    let mut sent = 0;
    for seed in 0..HISTORIES {
        match run(seed) {
            Ok(coupons) => sent += u64::from(coupons > 0),
            Err((violation, trail)) => {
                panic!(
                    "history {seed} of a service violates a guarantee: {violation:?}\n{}",
                    trail.join("\n")
                )
            }
        }
    }
    assert!(sent > HISTORIES / 4, "only {sent} histories sent anything");
}

#[cfg(debug_assertions)]
mod mutants {
    use runner::model::mutants::{Mutant, enable};

    use super::{APPROVED, BUDGET, FROZEN, HISTORIES, REMEMBERED, run};

    /// Finds a history in which a mutant violates this guarantee.
    fn found(mutant: Mutant, guarantee: &str) {
        enable(Some(mutant));
        let violates = |seed: &u64| run(*seed).is_err_and(|(violation, _)| violation.guarantee == guarantee);
        let first = (0..HISTORIES).find(violates);
        enable(None);
        let first = first.unwrap_or_else(|| panic!("none of {HISTORIES} histories found {mutant:?}"));
        println!("history {first} of a service found {mutant:?}");
    }

    #[test]
    fn an_approval_that_a_restart_forgets_is_found() {
        found(Mutant::ApprovalForgotten, REMEMBERED);
    }

    #[test]
    fn an_approval_of_ones_own_request_is_found() {
        found(Mutant::OwnApproval, APPROVED);
    }

    #[test]
    fn a_plan_that_is_sent_with_too_few_approvals_is_found() {
        found(Mutant::ApprovalsUncounted, APPROVED);
    }

    #[test]
    fn an_approval_that_counts_after_its_time_is_found() {
        found(Mutant::ExpiredCounts, APPROVED);
    }

    #[test]
    fn a_freeze_of_the_policy_that_holds_nothing_is_found() {
        found(Mutant::FreezeUnheard, FROZEN);
    }

    #[test]
    fn a_run_that_reserves_nothing_is_found() {
        found(Mutant::BudgetUnreserved, BUDGET);
    }
}
