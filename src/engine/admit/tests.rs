//! Promises of convergence, against a small ledger in memory that folds by the real table of transitions.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::audience::{CsvSource, Encoding, Source};
use crate::clock::from_ms;
use crate::delivery::{ActivityNo, Skipped, Verdict};
use crate::identity::{ActivityId, AppId, CampaignName, Identity, PlatformName};
use crate::plan::{Bounds, Guard, Halt, InDoubt, Pace, Retry, Schedule};

const CODE: i64 = 29_005_099;

/// A ledger that tells only facts and folds them.
#[derive(Clone, Debug, Default)]
struct Memory {
    open_ids: Vec<String>,
    gone: Vec<bool>,
    deliveries: Vec<Vec<Standing>>,
    generation: Option<Generation>,
    replays: bool,
}

impl Book for Memory {
    fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for standing in self.deliveries.iter().flatten() {
            counts.add(standing.state.name(), 1);
        }
        counts
    }
    fn recipients(&self) -> u32 {
        u32::try_from(self.open_ids.len()).expect("a small ledger")
    }
    fn find(&self, open_id: &str) -> Option<u32> {
        let place = self.open_ids.iter().position(|known| known == open_id)?;
        u32::try_from(place).ok()
    }
    fn is_gone(&self, recipient: u32) -> bool {
        self.gone[recipient as usize]
    }
    fn most_coupons(&self) -> u8 {
        self.deliveries
            .first()
            .map_or(0, |all| u8::try_from(all.len()).expect("at most 20"))
    }
    fn standing(&self, key: DeliveryKey) -> Standing {
        self.deliveries[key.recipient as usize][usize::from(key.ordinal) - 1]
    }
    fn generation(&self) -> Option<&Generation> {
        self.generation.as_ref()
    }
    fn accepts_replays(&self) -> bool {
        self.replays
    }
}

impl Memory {
    fn take(&mut self, converged: &Converged, plan: &Plan) {
        for open_id in converged.admitted.iter() {
            self.open_ids.push(open_id.to_owned());
            self.gone.push(false);
            self.deliveries.push(Vec::new());
        }
        for (key, step) in &converged.reread {
            self.step(*key, *step);
        }
        for recipient in &converged.left {
            assert!(
                !std::mem::replace(&mut self.gone[*recipient as usize], true),
                "who left was there"
            );
        }
        for recipient in &converged.returned {
            assert!(
                std::mem::replace(&mut self.gone[*recipient as usize], false),
                "who returned was gone"
            );
        }
        self.replays |= converged.accepted.contains(&Accept::Replays);
        self.generation = Some(Generation {
            activity_id: plan.activity_id.clone(),
            coupons_per_user: plan.coupons_per_user,
        });
        self.close(plan.coupons_per_user);
    }

    /// A closed generation decides for every delivery whether it is owed.
    fn close(&mut self, coupons: u8) {
        let most = self.most_coupons().max(coupons);
        for (deliveries, gone) in self.deliveries.iter_mut().zip(&self.gone) {
            deliveries.resize(usize::from(most), Standing::PENDING);
            let mut refused = false;
            for (ordinal, standing) in (1..).zip(deliveries.iter_mut()) {
                let why = match () {
                    () if *gone => Some(Skipped::Gone),
                    () if ordinal > coupons => Some(Skipped::CouponsPerUser),
                    () if refused => Some(Skipped::EarlierRefused),
                    () => None,
                };
                let step = match (why, standing.state) {
                    (Some(why), State::Pending | State::Deferred { .. } | State::Held { .. } | State::Skipped(_)) => {
                        Some(Step::Skip(why))
                    }
                    (None, State::Skipped(_)) => Some(Step::Owe),
                    _ => None,
                };
                if let Some(step) = step {
                    *standing = standing.next(step).expect("the table has the step");
                }
                refused |= matches!(standing.state, State::Refused { .. });
            }
        }
    }

    fn step(&mut self, key: DeliveryKey, step: Step) {
        let standing = &mut self.deliveries[key.recipient as usize][usize::from(key.ordinal) - 1];
        *standing = standing.next(step).expect("the table has the step");
    }

    /// Sends one delivery, if it can be sent, with this end.
    fn send(&mut self, key: DeliveryKey, verdict: Verdict) {
        if self.standing(key).state == State::Pending {
            self.step(
                key,
                Step::Intent {
                    at: from_ms(0),
                    activity: ActivityNo(0),
                },
            );
            self.step(key, Step::Ended(verdict));
        }
    }

    fn all(&self) -> impl Iterator<Item = DeliveryKey> + use<> {
        let most = self.most_coupons();
        (0..self.recipients())
            .flat_map(move |recipient| (1..=most).map(move |ordinal| DeliveryKey { recipient, ordinal }))
    }
}

fn plan() -> Plan {
    let guard = Guard { over: 0.5, after: 200 };
    Plan {
        identity: Identity {
            campaign: CampaignName::parse("summer").expect("a campaign's name"),
            app_id: AppId::parse("tt1").expect("an app id"),
            platform: PlatformName::Sandbox,
        },
        activity_id: ActivityId::parse("7218").expect("an activity's id"),
        base_url: "http://127.0.0.1:1".into(),
        coupons_per_user: 1,
        max_coupons: u64::MAX,
        schedule: Schedule {
            start: Timestamp::MIN,
            end: Timestamp::MAX,
        },
        pace: Pace {
            per_second: 98.0,
            max_in_flight: 64,
        },
        retry: Retry {
            attempts: 6,
            first_delay: Duration::from_millis(500),
            max_delay: Duration::from_secs(60),
            timeout: Duration::from_secs(10),
            in_doubt: InDoubt::Resend,
            resend_within: Duration::from_hours(24),
            give_up: Duration::from_hours(12),
        },
        halt: Halt {
            refused: guard,
            held: guard,
            same_code: 20,
        },
        codes: BTreeMap::new(),
        run: Bounds {
            at_most: u64::MAX,
            no_wait: false,
        },
    }
}

/// One apply: what the file says, what the source names, what was accepted.
#[derive(Clone)]
struct Apply {
    plan: Plan,
    audience: Audience,
    rows: Vec<Result<String, UnusableKind>>,
    accepted: Vec<Accept>,
    rehearsal: bool,
    class: Class,
}

impl Apply {
    fn of<S: ToString>(open_ids: impl IntoIterator<Item = S>) -> Self {
        let source = Source::Csv(CsvSource {
            path: PathBuf::new(),
            open_id: "open_id".into(),
            encoding: Encoding::Utf8,
            delimiter: None,
        });
        Self {
            plan: plan(),
            audience: Audience {
                source,
                limit: u32::MAX,
                allow_empty: false,
                max_unusable: 0.01,
            },
            rows: open_ids.into_iter().map(|open_id| Ok(open_id.to_string())).collect(),
            accepted: Vec::new(),
            rehearsal: false,
            class: Class::Hold,
        }
    }

    fn accepting(mut self, accepted: &[Accept]) -> Self {
        self.accepted = accepted.to_vec();
        self
    }

    fn with(mut self, change: impl FnOnce(&mut Plan)) -> Self {
        change(&mut self.plan);
        self
    }

    fn decide(&self, book: &Memory) -> Result<Converged, Vec<Refusal>> {
        let mut admission = Admission::new(book);
        for (line, open_id) in (2..).zip(&self.rows) {
            admission.row(&Row {
                line,
                open_id: open_id.as_deref().map_err(|kind| *kind),
            });
        }
        let totals = Totals {
            rows: self.rows.len() as u64,
            bytes: 0,
            hash: [0; 32],
        };
        admission.decide(&Terms {
            plan: &self.plan,
            audience: &self.audience,
            totals,
            accepted: &self.accepted,
            rehearsal: self.rehearsal,
            class: &|_| self.class,
            now: from_ms(1_000),
        })
    }

    /// Applies and lets the ledger take it.
    fn to(&self, book: &mut Memory) -> Converged {
        let converged = self.decide(book).expect("the audience is let in");
        book.take(&converged, &self.plan);
        assert_eq!(book.counts(), converged.counts, "the counts that were foretold");
        converged
    }

    fn refused(&self, book: &Memory) -> String {
        let refusals = self.decide(book).expect_err("the audience is not let in");
        let told = refusals.iter().map(|refusal| match refusal.help() {
            Some(help) => format!("{refusal}\n  help: {help}"),
            None => refusal.to_string(),
        });
        told.collect::<Vec<_>>().join("\n")
    }
}

fn key(recipient: u32) -> DeliveryKey {
    DeliveryKey { recipient, ordinal: 1 }
}

#[test]
fn an_apply_that_finds_nothing_changed_adds_nothing() {
    let mut book = Memory::default();
    Apply::of(0..10).to(&mut book);
    book.send(key(0), Verdict::Issued);
    book.send(key(1), Verdict::Refused { code: CODE });
    book.send(key(2), Verdict::Held { code: CODE });
    book.send(
        key(3),
        Verdict::Unknown {
            due: from_ms(1),
            code: Some(CODE),
        },
    );
    let again = Apply::of((0..10).rev()).to(&mut book);
    assert!(again.admitted.is_empty() && again.left.is_empty() && again.returned.is_empty() && again.reread.is_empty());
    assert!(again.accepted.is_empty() && again.needless.is_empty());
}

#[test]
fn people_come_and_go_and_come_back() {
    let mut book = Memory::default();
    Apply::of(["a", "b", "c", "d"]).to(&mut book);
    book.send(key(0), Verdict::Issued);
    book.send(
        key(1),
        Verdict::Unknown {
            due: from_ms(1),
            code: None,
        },
    );
    book.send(key(2), Verdict::Held { code: CODE });
    let gone = Apply::of(["e"]).to(&mut book);
    assert_eq!((gone.left.as_slice(), gone.admitted.len()), (&[0, 1, 2, 3][..], 1));
    let states: Vec<_> = book.all().map(|key| book.standing(key).state.name()).collect();
    let (issued, doubt, skipped, pending) = (
        StateName::Issued,
        StateName::InDoubt,
        StateName::Skipped,
        StateName::Pending,
    );
    assert_eq!(
        states,
        [issued, doubt, skipped, skipped, pending],
        "a coupon is kept, a doubt stays, the rest is skipped"
    );
    let back = Apply::of(["d", "c", "a", "b", "e"]).to(&mut book);
    assert_eq!(back.returned, [0, 1, 2, 3]);
    assert_eq!(book.counts().of(pending), 3);
}

#[test]
fn rows_are_counted_once_and_by_kind() {
    let mut apply = Apply::of(["a", "b", "a", "a"]);
    apply.rows.push(Err(UnusableKind::Empty));
    apply.audience.max_unusable = 0.2;
    let mut book = Memory::default();
    for listed in [2, 2] {
        let reading = apply.to(&mut book).reading;
        assert_eq!(reading.listed, listed);
        assert_eq!(
            reading.repeated,
            Rows {
                count: 2,
                first_lines: vec![4, 5]
            }
        );
        assert_eq!(
            reading.unusable,
            [(
                UnusableKind::Empty,
                Rows {
                    count: 1,
                    first_lines: vec![6]
                }
            )]
        );
    }
}

#[test]
fn the_limit_holds_over_the_whole_life() {
    let mut book = Memory::default();
    let limited = |open_ids: &[&str], limit| {
        let mut apply = Apply::of(open_ids);
        apply.audience.limit = limit;
        apply
    };
    assert_eq!(limited(&["a", "b", "c", "c", "d"], 2).to(&mut book).reading.cut, 2);
    assert_eq!(book.open_ids, ["a", "b"]);
    limited(&["c", "b"], 2).to(&mut book);
    assert_eq!(book.open_ids, ["a", "b"], "who is gone has had a place");
    limited(&["c", "b"], 3).to(&mut book);
    assert_eq!(book.open_ids, ["a", "b", "c"]);
    let lowered = limited(&["a", "b", "c"], 1).to(&mut book);
    assert_eq!(
        (lowered.left.as_slice(), lowered.reading.cut),
        (&[1, 2][..], 2),
        "a lower limit owes fewer"
    );
}

#[test]
fn what_could_surprise_is_asked_for() {
    let mut book = Memory::default();
    Apply::of(0..1_000).to(&mut book);
    for n in 0..300 {
        book.send(key(n), Verdict::Issued);
    }
    let surprise = Apply::of(700..1_000).with(|plan| {
        plan.activity_id = ActivityId::parse("7300").expect("an activity's id");
        plan.coupons_per_user = 2;
        plan.max_coupons = 500;
    });
    let mut spoilt = Apply::of([""; 0]);
    spoilt.rows = vec![Err(UnusableKind::WrongFields), Err(UnusableKind::NotText)];
    let mut told = format!("{}\n\n{}\n", surprise.refused(&book), spoilt.refused(&book));
    spoilt.rows.extend((0..9).map(|_| Err(UnusableKind::TooLong)));
    spoilt.rows.extend((300..1_000).map(|n| Ok(n.to_string())));
    told += &format!("\n{}", spoilt.refused(&book));
    insta::assert_snapshot!(told);

    let accepted = [Accept::SmallerAudience, Accept::CouponsPerUser, Accept::ActivityId];
    let within = surprise.with(|plan| plan.max_coupons = 900);
    let mut rehearsal = within.clone();
    rehearsal.rehearsal = true;
    rehearsal.decide(&book).expect("a rehearsal asks for nothing");
    let converged = within.clone().accepting(&accepted).to(&mut book);
    assert_eq!(
        converged.accepted,
        [Accept::ActivityId, Accept::CouponsPerUser, Accept::SmallerAudience]
    );
    within.to(&mut book);
}

#[test]
fn an_acceptance_that_is_not_needed_is_a_remark() {
    let mut book = Memory::default();
    let converged = Apply::of(0..3).accepting(&Accept::ALL).to(&mut book);
    assert_eq!(
        converged.accepted,
        [Accept::Replays],
        "this one is a fact of the ledger from here on"
    );
    assert_eq!(converged.needless.len(), 5);
    assert_eq!(
        Apply::of(0..3).accepting(&[Accept::Replays]).to(&mut book).needless,
        [Accept::Replays]
    );
    assert!(
        Accept::ALL
            .into_iter()
            .all(|change| change.word().parse() == Ok(change))
    );
    assert!("activity".parse::<Accept>().is_err());
}

#[test]
fn few_people_gone_are_no_surprise() {
    let mut book = Memory::default();
    Apply::of(0..1_000).to(&mut book);
    for n in 0..10 {
        book.send(key(n), Verdict::Issued);
    }
    Apply::of(99..1_000).decide(&book).expect("89 are fewer than 100");
    Apply::of(109..1_000).decide(&book).expect("99 are fewer than 100");
    Apply::of(110..1_000)
        .decide(&book)
        .expect_err("100 of 990 are over 10 %");
    let mut large = Memory::default();
    Apply::of(0..2_000).to(&mut large);
    Apply::of(200..2_000)
        .decide(&large)
        .expect("200 of 2000 are not over 10 %");
    Apply::of(201..2_000).decide(&large).expect_err("201 of 2000 are");
}

#[test]
fn another_activity_is_free_while_nothing_was_sent_and_owes_the_held_again() {
    let mut book = Memory::default();
    Apply::of(["a", "b", "c"]).to(&mut book);
    book.send(key(0), Verdict::Held { code: CODE });
    book.send(key(1), Verdict::Refused { code: CODE });
    let other = |to: &str| {
        let id = ActivityId::parse(to).expect("an activity's id");
        Apply::of(["a", "b", "c"]).with(|plan| plan.activity_id = id)
    };
    let converged = other("7300").to(&mut book);
    assert_eq!(converged.reread, [(key(0), Step::Owe)]);
    book.send(
        key(2),
        Verdict::Unknown {
            due: from_ms(1),
            code: None,
        },
    );
    other("7400").decide(&book).expect_err("a doubt may be a coupon");
}

#[test]
fn codes_are_read_again_whoever_is_named() {
    let mut book = Memory::default();
    Apply::of(["a", "b", "c"]).to(&mut book);
    book.send(key(0), Verdict::Held { code: CODE });
    book.send(key(1), Verdict::Held { code: CODE });
    let read_as = |class, named: &[&str]| Apply {
        class,
        ..Apply::of(named)
    };
    let converged = read_as(Class::Retry, &["a"])
        .decide(&book)
        .expect("the audience is let in");
    assert_eq!(converged.reread, [(key(0), Step::Owe)], "who is gone is not owed again");
    let converged = read_as(Class::Refuse, &["a"]).to(&mut book);
    assert_eq!(
        converged.reread,
        [(key(0), Step::RereadRefused), (key(1), Step::RereadRefused)]
    );
}

#[test]
fn the_sum_of_max_coupons_counts_every_coupon_still_possible() {
    let mut book = Memory::default();
    let apply = |max, coupons| {
        Apply::of(["a", "b", "c"]).with(|plan| {
            plan.coupons_per_user = coupons;
            plan.max_coupons = max;
        })
    };
    apply(6, 2).to(&mut book);
    book.send(key(0), Verdict::Refused { code: CODE });
    book.close(2);
    apply(3, 2).decide(&book).expect_err("two users are owed two each");
    apply(4, 2).to(&mut book);
    apply(2, 1).to(&mut book);
}

/// What happens between two applies, and what the next one finds.
#[derive(Clone, Debug)]
struct Turn {
    named: Vec<u8>,
    limit: u32,
    coupons: u8,
    class: Class,
    sends: Vec<(usize, u8)>,
    crash: bool,
}

fn turn() -> impl Strategy<Value = Turn> {
    (
        prop::collection::vec(0_u8..12, 0..20),
        prop_oneof![Just(u32::MAX), 0_u32..12],
        1_u8..=3,
        prop::sample::select(Class::ALL.to_vec()),
        prop::collection::vec((0_usize..40, 0_u8..5), 0..12),
        prop::bool::weighted(0.2),
    )
        .prop_map(|(named, limit, coupons, class, sends, crash)| Turn {
            named,
            limit,
            coupons,
            class,
            sends,
            crash,
        })
}

/// What the promises say of one apply, thought anew from sets each time: who is gone, and which deliveries are owed or
/// skipped. Nothing here looks at what convergence decided.
struct Naive {
    order: Vec<String>,
    present: BTreeSet<String>,
}

impl Naive {
    fn apply(&mut self, turn: &Turn) {
        let named: Vec<_> = turn.named.iter().map(u8::to_string).collect();
        for open_id in &named {
            if !self.order.contains(open_id) && self.order.len() < turn.limit as usize {
                self.order.push(open_id.clone());
            }
        }
        let within = self.order.iter().take(turn.limit as usize);
        self.present = within.filter(|open_id| named.contains(open_id)).cloned().collect();
    }

    /// Whether a delivery that is neither settled nor in doubt is owed.
    fn owes(&self, book: &Memory, key: DeliveryKey, coupons: u8) -> bool {
        let refused = |ordinal| {
            matches!(
                book.standing(DeliveryKey { ordinal, ..key }).state,
                State::Refused { .. }
            )
        };
        self.present.contains(&self.order[key.recipient as usize])
            && key.ordinal <= coupons
            && !(1..key.ordinal).any(refused)
    }
}

fn verdict(kind: u8) -> Verdict {
    match kind {
        0 => Verdict::Issued,
        1 => Verdict::Refused { code: CODE },
        2 => Verdict::Held { code: CODE },
        3 => Verdict::NotIssued {
            due: from_ms(1),
            code: None,
        },
        _ => Verdict::Unknown {
            due: from_ms(1),
            code: Some(CODE),
        },
    }
}

proptest! {
    /// Several applies with edits, sends and crashes between them end where sets and vectors say.
    #[test]
    fn applies_converge_to_what_the_source_names(turns in prop::collection::vec(turn(), 1..6)) {
        let mut book = Memory::default();
        let mut naive = Naive { order: Vec::new(), present: BTreeSet::new() };
        for turn in turns {
            let mut apply = Apply::of(&turn.named).accepting(&Accept::ALL).with(|plan| plan.coupons_per_user = turn.coupons);
            (apply.audience.limit, apply.audience.allow_empty, apply.class) = (turn.limit, true, turn.class);
            let before = book.clone();
            let converged = apply.to(&mut book);
            prop_assert_eq!(converged.reading.listed, turn.named.iter().collect::<BTreeSet<_>>().len() as u64);
            if turn.crash {
                // The generation was not closed: the ledger is as it was, and the same apply decides the same.
                book = before;
                prop_assert_eq!(apply.to(&mut book).admitted, converged.admitted);
            }
            naive.apply(&turn);
            prop_assert_eq!(&book.open_ids, &naive.order);
            for key in book.all() {
                let open_id = &naive.order[key.recipient as usize];
                prop_assert_eq!(book.is_gone(key.recipient), !naive.present.contains(open_id));
                match book.standing(key).state {
                    State::Pending | State::Deferred { .. } | State::Held { .. } => prop_assert!(naive.owes(&book, key, turn.coupons)),
                    State::Skipped(_) => prop_assert!(!naive.owes(&book, key, turn.coupons)),
                    State::Attempting { .. } | State::InDoubt | State::Issued | State::Refused { .. } => {}
                }
            }
            let again = apply.to(&mut book);
            prop_assert!(again.admitted.is_empty() && again.left.is_empty() && again.returned.is_empty() && again.reread.is_empty());
            let keys: Vec<_> = book.all().collect();
            for (place, kind) in turn.sends {
                if let Some(key) = keys.get(place) {
                    book.send(*key, verdict(kind));
                }
            }
            book.close(turn.coupons);
        }
    }
}
