//! Occurrences on the calendar, in zones whose clocks are put forward and back, and what a scheduler makes of them.

use std::collections::BTreeSet;

use jiff::civil::{Date, Weekday, date, time};
use jiff::tz::{TimeZone, TimeZoneDatabase};
use jiff::{SignedDuration, Timestamp, ToSpan};
use proptest::prelude::*;

use super::*;

fn zone(name: &str) -> TimeZone {
    TimeZoneDatabase::bundled().get(name).unwrap()
}

fn every(rule: Rule, at: Time, zone_name: &str) -> Recurrence {
    Recurrence {
        rule,
        at,
        zone: zone(zone_name),
        closed: BTreeSet::new(),
        from: Timestamp::MIN,
        until: None,
        end: Timestamp::MAX,
        missed: MissedRule::Skip,
    }
}

fn weekly(day: Weekday) -> Rule {
    Rule::Weekly(Days::range(day, day))
}

fn mondays() -> Recurrence {
    every(weekly(Weekday::Monday), time(10, 0, 0, 0), "Asia/Shanghai")
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// The dates of the first occurrences after a moment, each with its time by the clocks.
fn coming(recurrence: &Recurrence, now: &str, many: usize) -> Vec<String> {
    let shown = |occurrence: Occurrence| {
        let begins = recurrence.zone.to_datetime(occurrence.start);
        format!("{} {}", occurrence.date, begins.strftime("%d %H:%M"))
    };
    recurrence.after(at(now)).take(many).map(shown).collect()
}

#[test]
fn a_month_without_the_day_has_no_occurrence() {
    let days = |numbers: &[u8]| {
        let days = numbers.iter().filter_map(|number| MonthDays::day(*number));
        days.fold(MonthDays::default(), MonthDays::and)
    };
    let noon = time(12, 0, 0, 0);
    let late = every(Rule::Monthly(days(&[29, 31])), noon, "UTC");
    assert_eq!(
        coming(&late, "2026-01-30T00:00Z", 4),
        [
            "2026-01-31 31 12:00",
            "2026-03-29 29 12:00",
            "2026-03-31 31 12:00",
            "2026-04-29 29 12:00"
        ]
    );
    let last = every(Rule::Monthly(days(&[31]).and(MonthDays::LAST)), noon, "UTC");
    assert_eq!(
        coming(&last, "2028-01-30T00:00Z", 3),
        ["2028-01-31 31 12:00", "2028-02-29 29 12:00", "2028-03-31 31 12:00"]
    );
    assert_eq!((MonthDays::day(0), MonthDays::day(32)), (None, None));
}

#[test]
fn a_skipped_time_is_later_and_a_repeated_one_is_the_first() {
    let nights = every(Rule::Daily, time(2, 30, 0, 0), "America/New_York");
    assert_eq!(
        coming(&nights, "2026-03-07T12:00Z", 2),
        ["2026-03-08 08 03:30", "2026-03-09 09 02:30"]
    );
    let again = every(Rule::Daily, time(1, 30, 0, 0), "America/New_York");
    let repeated = again.occurrence(date(2026, 11, 1)).unwrap();
    assert_eq!(repeated.start, at("2026-11-01T01:30-04:00"));
    // Apia skipped a whole day: that day has no occurrence.
    let apia = every(Rule::Daily, time(10, 0, 0, 0), "Pacific/Apia");
    assert_eq!(
        coming(&apia, "2011-12-29T12:00Z", 2),
        ["2011-12-29 29 10:00", "2011-12-31 31 10:00"]
    );
    assert_eq!(apia.occurrence(date(2011, 12, 30)), None);
}

#[test]
fn an_occurrence_ends_when_the_next_one_begins() {
    let occurrence = mondays().occurrence(date(2026, 6, 1)).unwrap();
    assert_eq!(occurrence.start, at("2026-06-01T10:00+08"));
    assert_eq!(occurrence.end, at("2026-06-08T10:00+08"));
    // The last one has as much time as the others.
    let short = Recurrence {
        until: Some(date(2026, 6, 1)),
        ..mondays()
    };
    assert_eq!(short.occurrence(date(2026, 6, 1)), Some(occurrence));
    assert_eq!(short.after(occurrence.start).next(), None);
    let ended = Recurrence {
        end: at("2026-06-02T00:00+08"),
        ..mondays()
    };
    assert_eq!(ended.occurrence(date(2026, 6, 1)).unwrap().end, ended.end);
    assert!(ended.has(date(2026, 6, 1)) && !ended.has(date(2026, 6, 8)));
    // A closed day has none, and the occurrence before it has its time.
    let closed = Recurrence {
        closed: [date(2026, 6, 8)].into(),
        ..mondays()
    };
    assert_eq!(
        closed.occurrence(date(2026, 6, 1)).unwrap().end,
        at("2026-06-15T10:00+08")
    );
    assert!(!closed.has(date(2026, 6, 8)));
    let later = Recurrence {
        from: at("2026-06-01T10:01+08"),
        ..mondays()
    };
    assert!(!later.has(date(2026, 6, 1)) && later.has(date(2026, 6, 8)));
}

/// The dates that are due, missed and next.
fn shown(agenda: &Agenda) -> (Option<Date>, Vec<Date>, Option<Date>) {
    (
        agenda.due.map(|due| due.date),
        agenda.missed.iter().map(|missed| missed.date).collect(),
        agenda.next.map(|next| next.date),
    )
}

#[test]
fn an_occurrence_is_due_for_an_hour_or_while_it_has_a_ledger() {
    let since = at("2026-06-01T00:00+08");
    let look = |now: &str, begun: &[Date]| {
        let begun = begun.iter().copied().collect();
        shown(&mondays().agenda(at(now), since, &begun))
    };
    let first = date(2026, 6, 1);
    let next = date(2026, 6, 8);
    assert_eq!(look("2026-06-01T09:59:59+08", &[]), (None, vec![], Some(first)));
    assert_eq!(look("2026-06-01T10:00+08", &[]), (Some(first), vec![], Some(next)));
    assert_eq!(look("2026-06-01T10:59:59+08", &[]), (Some(first), vec![], Some(next)));
    assert_eq!(look("2026-06-01T11:00+08", &[]), (None, vec![first], Some(next)));
    assert_eq!(look("2026-06-05T11:00+08", &[first]), (Some(first), vec![], Some(next)));
    assert_eq!(
        look("2026-06-08T10:00+08", &[first]),
        (Some(next), vec![], Some(date(2026, 6, 15)))
    );
    // The clock was put back after the second one began: nothing is due before it.
    assert_eq!(look("2026-06-01T10:00+08", &[next]).0, None);
    assert_eq!(look("2026-06-05T10:00+08", &[first, next]).0, None);
}

#[test]
fn after_a_week_asleep_at_most_the_latest_occurrence_is_begun() {
    let daily = |missed| Recurrence {
        missed,
        ..every(Rule::Daily, time(10, 0, 0, 0), "Asia/Shanghai")
    };
    let since = at("2026-06-01T00:00+08");
    let woken = at("2026-06-08T09:00+08");
    let begun = [date(2026, 6, 1)].into();
    let days = |from: i8, to: i8| (from..=to).map(|day| date(2026, 6, day)).collect::<Vec<_>>();
    assert_eq!(
        shown(&daily(MissedRule::Skip).agenda(woken, since, &begun)),
        (None, days(2, 7), Some(date(2026, 6, 8)))
    );
    assert_eq!(
        shown(&daily(MissedRule::Once).agenda(woken, since, &begun)),
        (Some(date(2026, 6, 7)), days(2, 6), Some(date(2026, 6, 8)))
    );
    // Occurrences before the campaign was there are not missed.
    assert_eq!(
        shown(&daily(MissedRule::Once).agenda(woken, woken, &BTreeSet::new())),
        (None, vec![], Some(date(2026, 6, 8)))
    );
}

#[test]
fn an_occurrence_of_an_earlier_rule_goes_on_until_the_next_one_begins() {
    let tuesdays = Recurrence {
        rule: weekly(Weekday::Tuesday),
        ..mondays()
    };
    let monday = date(2026, 6, 1);
    let begun = [monday].into();
    assert!(!tuesdays.has(monday));
    let since = Timestamp::MIN;
    assert_eq!(
        shown(&tuesdays.agenda(at("2026-06-01T20:00+08"), at("2026-06-01T00:00+08"), &begun)).0,
        Some(monday)
    );
    let agenda = tuesdays.agenda(at("2026-06-02T10:00+08"), since, &begun);
    assert_eq!(agenda.due.map(|due| due.date), Some(date(2026, 6, 2)));
    assert_eq!(agenda.missed.len(), MOST_MISSED);
}

fn any_rule() -> impl Strategy<Value = Rule> {
    let month = (any::<u32>(), any::<bool>()).prop_filter_map("a day", |(days, last)| {
        let days = MonthDays { days: days & !1, last };
        (days != MonthDays::default()).then_some(Rule::Monthly(days))
    });
    let week = proptest::collection::vec(0..7_i8, 1..4).prop_map(|days| {
        let days = days
            .into_iter()
            .filter_map(|day| Weekday::from_monday_zero_offset(day).ok());
        Rule::Weekly(days.fold(Days::default(), |all, day| all.and(Days::range(day, day))))
    });
    prop_oneof![Just(Rule::Daily), week, month]
}

fn any_recurrence() -> impl Strategy<Value = Recurrence> {
    let zones = [
        "Asia/Shanghai",
        "UTC",
        "America/New_York",
        "Europe/London",
        "Australia/Lord_Howe",
        "America/Sao_Paulo",
        "Africa/Casablanca",
        "Pacific/Apia",
        "America/Scoresbysund",
    ];
    let closed = proptest::collection::btree_set(0..800_i32, 0..40);
    let limits = (
        proptest::option::of(0..800_i32),
        proptest::option::of(0..800_i32),
        proptest::option::of(0..800_i32),
    );
    (
        any_rule(),
        0..24 * 60_u16,
        proptest::sample::select(zones.to_vec()),
        closed,
        limits,
        any::<bool>(),
    )
        .prop_map(|(rule, minute, name, closed, (from, until, end), is_once)| {
            let day = |days: i32| date(2010, 12, 1).checked_add(days.days()).unwrap();
            let midnight = |days: i32| {
                let midnight = day(days).at(0, 0, 0, 0);
                zone(name).to_ambiguous_timestamp(midnight).compatible().unwrap()
            };
            Recurrence {
                rule,
                at: time(
                    i8::try_from(minute / 60).unwrap(),
                    i8::try_from(minute % 60).unwrap(),
                    0,
                    0,
                ),
                zone: zone(name),
                closed: closed.into_iter().map(day).collect(),
                from: from.map_or(Timestamp::MIN, midnight),
                until: until.map(day),
                end: end.map_or(Timestamp::MAX, midnight),
                missed: if is_once { MissedRule::Once } else { MissedRule::Skip },
            }
        })
}

fn any_moment() -> impl Strategy<Value = Timestamp> {
    (0..70_000_000_i64).prop_map(|seconds| Timestamp::from_second(1_291_000_000 + seconds).unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn occurrences_follow_each_other_and_never_overlap(recurrence in any_recurrence(), now in any_moment()) {
        let coming: Vec<_> = recurrence.after(now).take(20).collect();
        for (one, next) in coming.iter().zip(coming.iter().skip(1)) {
            prop_assert!(one.date < next.date && one.start < one.end && one.end == next.start);
        }
        // No day is left out, and none is added.
        let first = recurrence.zone.to_datetime(now).date().yesterday().unwrap();
        let days = first.series(1.day()).take(100);
        let by_day: Vec<_> = days
            .filter(|day| recurrence.has(*day))
            .filter_map(|day| recurrence.occurrence(day))
            .filter(|found| found.start > now)
            .collect();
        let many = by_day.len().min(coming.len());
        prop_assert_eq!(&by_day[..many], &coming[..many]);
        prop_assert!(many == coming.len() || many == by_day.len());
        // Backwards they are the same.
        if let (Some(last), true) = (coming.last(), coming.len() > 1) {
            let mut back: Vec<_> = recurrence.begun_by(last.start).take(coming.len()).collect();
            back.reverse();
            prop_assert_eq!(back, coming);
        }
    }

    /// A scheduler looks at any moments, also when the clock is put back or the machine has slept, and begins what is due.
    #[test]
    fn nothing_begins_late_or_twice_or_beside_another(
        recurrence in any_recurrence(),
        since in any_moment(),
        steps in proptest::collection::vec(prop_oneof![
            8 => 0..200_000_i64,
            2 => 200_000..2_000_000_i64,
            1 => -1_000_000..0_i64,
        ], 1..60),
    ) {
        let mut now = since;
        let mut begun = BTreeSet::new();
        for step in steps {
            now = now.checked_add(SignedDuration::from_secs(step)).unwrap();
            let Agenda { due, missed, next } = recurrence.agenda(now, since, &begun);
            prop_assert!(next.is_none_or(|next| next.start > now));
            prop_assert!(missed.iter().all(|missed| missed.start <= now && !begun.contains(&missed.date)));
            if let Some(due) = due {
                prop_assert!(due.start <= now && now < due.end);
                prop_assert!(begun.last().is_none_or(|latest| *latest <= due.date));
                prop_assert!(!missed.contains(&due));
                if begun.insert(due.date) {
                    let late = now.duration_since(due.start);
                    prop_assert!(recurrence.has(due.date));
                    prop_assert!(late < PUNCTUAL || (recurrence.missed == MissedRule::Once && due.start >= since));
                }
            } else if let Some(current) = recurrence.begun_by(now).next()
                && current.start >= since
                && begun.iter().all(|begun| *begun < current.date)
            {
                prop_assert!(missed.contains(&current));
            }
        }
    }
}
