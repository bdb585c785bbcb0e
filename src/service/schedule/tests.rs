//! The life of a recurring campaign in a service: persons who approve early, late or never, clocks that are put forward and back,
//! machines that sleep for a week, and crashes.

use jiff::civil::{Weekday, date, time};
use jiff::tz::TimeZoneDatabase;
use proptest::prelude::*;

use super::*;
use crate::model::calendar::Days;
use crate::model::recurrence::{MissedRule, PUNCTUAL, Rule};

fn recurrence(rule: Rule, zone: &str, missed: MissedRule) -> Recurrence {
    Recurrence {
        rule,
        at: time(2, 30, 0, 0),
        zone: TimeZoneDatabase::bundled().get(zone).unwrap(),
        closed: BTreeSet::new(),
        from: Timestamp::MIN,
        until: None,
        end: Timestamp::MAX,
        missed,
    }
}

fn mondays(missed: MissedRule) -> Recurrence {
    let rule = Rule::Weekly(Days::range(Weekday::Monday, Weekday::Monday));
    recurrence(rule, "UTC", missed)
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// The dates that are shown, with their states.
fn shown(recurrence: &Recurrence, begun: &[Date], charged: &[Date], now: &str) -> Vec<String> {
    let facts = SeriesFacts {
        recurrence,
        begun: &begun.iter().copied().collect(),
        charged: &charged.iter().copied().collect(),
        found: at("2026-06-01T00:00Z"),
        is_rehearsal: false,
    };
    let schedule = facts.schedule(at(now));
    let turns = schedule.turns.iter();
    turns
        .map(|turn| format!("{} {}", turn.occurrence.date, turn.state.word()))
        .collect()
}

#[test]
fn an_occurrence_is_planned_ahead_asked_for_an_hour_and_then_missed() {
    let skip = mondays(MissedRule::Skip);
    let none: [Date; 0] = [];
    assert_eq!(shown(&skip, &[], &[], "2026-06-07T14:29Z"), ["2026-06-01 missed"]);
    let ahead = shown(&skip, &[], &[], "2026-06-07T14:30Z");
    assert_eq!(ahead, ["2026-06-01 missed", "2026-06-08 coming"]);
    assert_eq!(
        shown(&skip, &none, &none, "2026-06-08T03:29Z"),
        ["2026-06-01 missed", "2026-06-08 due"]
    );
    assert_eq!(shown(&skip, &[], &[], "2026-06-08T03:30Z"), ["2026-06-08 missed"]);
    let once = mondays(MissedRule::Once);
    assert_eq!(
        shown(&once, &[], &[], "2026-06-10T00:00Z"),
        ["2026-06-01 missed", "2026-06-08 due"]
    );
}

#[test]
fn an_approval_that_a_crash_kept_from_its_ledger_begins_nothing_late() {
    let skip = mondays(MissedRule::Skip);
    let monday = date(2026, 6, 8);
    assert_eq!(shown(&skip, &[], &[monday], "2026-06-08T03:31Z"), ["2026-06-08 missed"]);
    let begun = shown(&skip, &[monday], &[monday], "2026-06-09T00:00Z");
    assert_eq!(begun, ["2026-06-08 due"], "it was begun, so it goes on");
    // The next one was approved ahead; both have a ledger.
    let next = date(2026, 6, 15);
    let both = shown(&skip, &[monday, next], &[monday, next], "2026-06-14T20:00Z");
    assert_eq!(both, ["2026-06-08 due", "2026-06-15 coming"]);
    let both = shown(&skip, &[monday, next], &[next], "2026-06-15T02:30Z");
    assert_eq!(both, ["2026-06-08 past", "2026-06-15 due"]);
}

#[test]
fn an_occurrence_before_the_service_knew_the_file_is_not_missed() {
    let skip = mondays(MissedRule::Skip);
    let facts = SeriesFacts {
        recurrence: &skip,
        begun: &BTreeSet::new(),
        charged: &BTreeSet::new(),
        found: at("2026-06-03T00:00Z"),
        is_rehearsal: false,
    };
    let schedule = facts.schedule(at("2026-06-03T00:00Z"));
    assert_eq!((schedule.turns.len(), schedule.missed.len()), (0, 0));
    assert_eq!(schedule.next.map(|next| next.date), Some(date(2026, 6, 8)));
    let rehearsed = SeriesFacts {
        is_rehearsal: true,
        ..facts
    };
    let schedule = rehearsed.schedule(at("2026-06-03T00:00Z"));
    assert_eq!(
        schedule.turns.len(),
        1,
        "a rehearsal of the next one does not wait for its time"
    );
}

/// What happens to the service between two looks at the clock.
#[derive(Clone, Copy, Debug)]
enum Happening {
    /// Time passes, or the machine sleeps.
    Pass(i64),
    /// The clock is corrected.
    Correct(i64),
    /// A person approves the first occurrence that may begin. A crash may come before its ledger exists.
    Approve { crashes: bool },
    /// A run ends.
    End,
    /// The service starts again.
    Restart,
}

fn happenings() -> impl Strategy<Value = Vec<Happening>> {
    let one = prop_oneof![
        4 => (1..40_i64).prop_map(Happening::Pass),
        3 => (60..3_000_i64).prop_map(Happening::Pass),
        1 => Just(Happening::Pass(7 * 24 * 60)),
        2 => (-3_000..3_000_i64).prop_map(Happening::Correct),
        1 => prop_oneof![Just(60_i64), Just(-60)].prop_map(Happening::Correct),
        5 => any::<bool>().prop_map(|crashes| Happening::Approve { crashes }),
        2 => Just(Happening::End),
        2 => Just(Happening::Restart),
    ];
    proptest::collection::vec(one, 1..60)
}

fn rules() -> impl Strategy<Value = Recurrence> {
    let rule = prop_oneof![
        Just(Rule::Daily),
        Just(Rule::Weekly(Days::range(Weekday::Monday, Weekday::Monday))),
        Just(Rule::Weekly(Days::range(Weekday::Friday, Weekday::Sunday))),
    ];
    let zone = prop_oneof![
        Just("Asia/Shanghai"),
        Just("America/New_York"),
        Just("Australia/Lord_Howe")
    ];
    let missed = prop_oneof![Just(MissedRule::Skip), Just(MissedRule::Once)];
    (rule, zone, missed).prop_map(|(rule, zone, missed)| recurrence(rule, zone, missed))
}

/// A service with one recurring campaign, and what its ledgers and its log say.
struct Service {
    recurrence: Recurrence,
    now: Timestamp,
    found: Timestamp,
    begun: BTreeSet<Date>,
    charged: BTreeSet<Date>,
}

impl Service {
    fn schedule(&self) -> Schedule {
        let facts = SeriesFacts {
            recurrence: &self.recurrence,
            begun: &self.begun,
            charged: &self.charged,
            found: self.found,
            is_rehearsal: false,
        };
        facts.schedule(self.now)
    }

    fn begin(&mut self, turn: &Turn) -> Result<(), TestCaseError> {
        let is_new = self.begun.insert(turn.occurrence.date);
        let late = self.now.duration_since(turn.occurrence.start);
        let may_be_late = self.recurrence.missed == MissedRule::Once;
        prop_assert!(!is_new || may_be_late || late < PUNCTUAL, "begun {late:#} late");
        prop_assert!(self.now < turn.occurrence.end);
        Ok(())
    }

    fn happen(&mut self, happening: Happening) -> Result<(), TestCaseError> {
        let schedule = self.schedule();
        match happening {
            Happening::Pass(minutes) | Happening::Correct(minutes) => {
                self.now += SignedDuration::from_mins(minutes);
            }
            Happening::Approve { crashes } => {
                let asks = |turn: &&Turn| turn.may_send() && !self.charged.contains(&turn.occurrence.date);
                if let Some(turn) = schedule.turns.iter().find(asks) {
                    self.charged.insert(turn.occurrence.date);
                    if !crashes {
                        self.begin(turn)?;
                    }
                }
            }
            Happening::End => {
                let ended = self.charged.intersection(&self.begun).next().copied();
                ended.map(|ended| self.charged.remove(&ended));
            }
            Happening::Restart => {
                for turn in &schedule.turns {
                    let date = turn.occurrence.date;
                    if !self.charged.contains(&date) {
                    } else if turn.may_send() {
                        self.begin(turn)?;
                    } else {
                        self.charged.remove(&date);
                    }
                }
            }
        }
        Ok(())
    }

    fn check(&self) -> Result<(), TestCaseError> {
        let schedule = self.schedule();
        let turns = &schedule.turns;
        let due = turns.iter().filter(|turn| turn.state == OccurrenceState::Due).count();
        prop_assert!(due <= 1, "two are due: {turns:?}");
        for pair in turns.windows(2) {
            prop_assert!(
                pair[0].occurrence.end <= pair[1].occurrence.start,
                "they overlap: {turns:?}"
            );
        }
        let latest = self.begun.last();
        for turn in turns {
            let date = turn.occurrence.date;
            let is_begun = self.begun.contains(&date);
            let is_repeated = turn.may_send() && !is_begun && latest.is_some_and(|latest| date < *latest);
            let is_ahead = turn.state == OccurrenceState::Coming;
            prop_assert!(
                !is_repeated || is_ahead,
                "{date} would begin after a later one: {turns:?}"
            );
            prop_assert!(
                self.charged
                    .is_subset(&turns.iter().map(|turn| turn.occurrence.date).collect())
            );
        }
        // Nothing is lost: each occurrence since the file was found was begun, is due or is missed.
        let all = self.recurrence.begun_by(self.now);
        for occurrence in all.take_while(|occurrence| occurrence.start >= self.found) {
            let is_due = turns
                .iter()
                .any(|turn| turn.occurrence == occurrence && turn.state == OccurrenceState::Due);
            let is_missed = schedule.missed.contains(&occurrence);
            let is_begun = self.begun.contains(&occurrence.date);
            prop_assert!(
                is_begun != (is_due || is_missed) || (is_begun && is_due && !is_missed),
                "{}: begun {is_begun}, due {is_due}, missed {is_missed}",
                occurrence.date
            );
        }
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn occurrences_begin_in_time_never_overlap_and_none_is_lost(recurrence in rules(), life in happenings()) {
        let now = at("2026-03-06T12:00Z");
        let mut service = Service {
            recurrence,
            now,
            found: now,
            begun: BTreeSet::new(),
            charged: BTreeSet::new(),
        };
        for happening in life {
            service.happen(happening)?;
            service.check()?;
        }
    }
}
