//! Tests of windows in real time zones: against a model that checks every minute, and by examples.

use jiff::civil::date;
use proptest::prelude::*;

use super::*;

const ZONES: [&str; 9] = [
    "Asia/Shanghai",
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "Africa/Casablanca",
    "Pacific/Apia",
    "America/Sao_Paulo",
    "Asia/Kathmandu",
    "UTC",
];

fn zone(name: &str) -> TimeZone {
    TimeZone::get(name).expect("it is bundled")
}

fn begin_of(zone: &TimeZone, day: Date) -> Timestamp {
    zone.to_timestamp(day.at(0, 0, 0, 0)).expect("it is in the calendar")
}

fn days(mask: u8) -> Days {
    Days(mask)
}

fn hours(mask: u8, from: u16, until: u16) -> Hours {
    Hours::new(days(mask), from, until).expect("it has a length")
}

const MON_FRI: u8 = 0b001_1111;
const EVERY: u8 = 0b111_1111;

/// Whether one of the windows, each checked by itself, contains the local time.
fn naive(zone: &TimeZone, hours: &[Hours], closed: &[Date], at: Timestamp) -> bool {
    let shown = at.to_zoned_datetime(zone.clone());
    let now = i32::from(shown.hour()) * 60 + i32::from(shown.minute());
    let day = |date: Date| DAYS[usize::try_from(date.weekday().to_monday_zero_offset()).expect("it is positive")];
    let today = shown.date();
    let before = shown.date().yesterday().expect("there is one");
    let begins = |hours: &Hours, date: Date| {
        !closed.contains(&date)
            && DAYS
                .iter()
                .zip(0..)
                .any(|(name, at)| *name == day(date) && hours.days.has(at))
    };
    if hours.is_empty() {
        return !closed.contains(&today);
    }
    hours.iter().any(|one| {
        let from = i32::from(one.from);
        let until = i32::from(one.until);
        (begins(one, today) && from <= now && now < until) || (begins(one, before) && now + 1440 < until)
    })
}

fn some_hours() -> impl Strategy<Value = Vec<Hours>> {
    let minute = prop_oneof![
        0..=DAY,
        (0..=24_u16).prop_map(|hour| hour * 60),
        Just(0_u16),
        Just(DAY),
        Just(150)
    ];
    let one = (prop_oneof![Just(EVERY), 1..=EVERY], minute.clone(), minute)
        .prop_filter_map("it has a length", |(mask, from, until)| {
            Hours::new(days(mask), from, until)
        });
    prop::collection::vec(one, 0..4)
}

/// Random weeks, including weeks with clock changes and skipped days.
fn some_weeks() -> impl Strategy<Value = Date> {
    let turns = prop::sample::select(vec![
        date(2026, 3, 27),
        date(2026, 10, 23),
        date(2026, 3, 6),
        date(2025, 10, 31),
        date(2026, 4, 3),
        date(2026, 10, 2),
        date(2025, 2, 21),
        date(2026, 2, 13),
        date(2011, 12, 28),
        date(2018, 2, 16),
        date(2018, 11, 2),
    ]);
    prop_oneof![
        turns,
        (2010_i16..2037, 1_i8..13, 1_i8..29).prop_map(|(year, month, day)| date(year, month, day))
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn it_is_open_and_changes_just_as_a_look_at_every_minute_says(
        name in prop::sample::select(&ZONES[..]), hours in some_hours(), first in some_weeks(),
        closed in prop::collection::vec(-1_i32..9, 0..5), seconds in 0_i64..86_400,
    ) {
        let zone = zone(name);
        let closed: Vec<_> = closed.iter().map(|day| first.saturating_add(day.days())).collect();
        let calendar = Calendar::new(zone.clone(), &hours, &closed);
        let begin = begin_of(&zone, first);
        let begin = begin + SignedDuration::from_secs(seconds / 60 * 60);
        let minutes = 8 * 24 * 60;
        let at = |minute: i64| begin + SignedDuration::from_mins(minute);
        let open: Vec<_> = (0..minutes).map(|minute| naive(&zone, &hours, &closed, at(minute))).collect();
        let mut expected = None;
        for minute in (0..minutes).rev() {
            let here = open[usize::try_from(minute).expect("it is positive")];
            let next = open.get(usize::try_from(minute + 1).expect("it is positive"));
            if next.is_some_and(|next| *next != here) {
                expected = Some(at(minute + 1));
            }
            prop_assert_eq!(calendar.is_open(at(minute)), here, "{}", at(minute));
            if minute % 97 == 0 || expected == Some(at(minute + 1)) {
                let within = at(minute) + SignedDuration::from_secs(seconds % 60);
                let change = calendar.next_change(within);
                match expected {
                    Some(expected) => prop_assert_eq!(change, Some(expected), "after {}", within),
                    None => prop_assert!(change.is_none_or(|change| change >= at(minutes)), "{:?} after {}", change, within),
                }
            }
        }
    }

    #[test]
    fn windows_follow_each_other_and_are_open_from_end_to_end(
        name in prop::sample::select(&ZONES[..]), hours in some_hours(), first in some_weeks(),
        closed in prop::collection::vec(0_i32..30, 0..9),
    ) {
        let zone = zone(name);
        let closed: Vec<_> = closed.iter().map(|day| first.saturating_add(day.days())).collect();
        let calendar = Calendar::new(zone.clone(), &hours, &closed);
        let mut at = begin_of(&zone, first);
        for window in calendar.windows(at).take(30) {
            prop_assert!(at <= window.opens && window.opens < window.closes);
            prop_assert!(calendar.is_open(window.opens));
            if window.closes < Timestamp::MAX {
                prop_assert!(!calendar.is_open(window.closes));
                let last = window.closes - SignedDuration::from_secs(1);
                prop_assert!(calendar.is_open(last), "{}", last);
            }
            at = window.closes;
        }
    }

    /// Any set of days is parsed back from its text.
    #[test]
    fn days_are_written_in_runs(mask in 1..=EVERY) {
        let text = days(mask).to_string();
        let one = |word: &str| DAYS.iter().position(|day| *day == word).expect("it is a day");
        let mut read = Days::default();
        for part in text.split(',') {
            let (from, to) = part.split_once('-').unwrap_or((part, part));
            let many = (one(to) + 7 - one(from)) % 7;
            read = (0..=many).fold(read, |days, day| days.and(Days(1 << ((one(from) + day) % 7))));
        }
        prop_assert_eq!(read, days(mask), "{}", text);
    }
}

/// The first windows after a time, in local time.
fn seen(name: &str, hours: &[Hours], closed: &[Date], from: &str, many: usize) -> Vec<String> {
    let zone = zone(name);
    let from = zone.to_timestamp(from.parse().expect("a time")).expect("it is there");
    let calendar = Calendar::new(zone.clone(), hours, closed);
    let shown = |at: Timestamp| {
        at.to_zoned_datetime(zone.clone())
            .strftime("%a %d. %H:%M %:z")
            .to_string()
    };
    let windows = calendar.windows(from).take(many);
    windows
        .map(|Window { opens, closes }| {
            if closes == Timestamp::MAX {
                format!("{} for ever", shown(opens))
            } else {
                format!("{} to {}", shown(opens), shown(closes))
            }
        })
        .collect()
}

#[test]
fn windows_over_midnight_belong_to_their_first_day() {
    let night = [hours(0b001_0000, 22 * 60, 2 * 60)];
    let all = seen("Asia/Shanghai", &night, &[], "2026-06-01T00:00", 2);
    assert_eq!(
        all,
        [
            "Fri 05. 22:00 +08:00 to Sat 06. 02:00 +08:00",
            "Fri 12. 22:00 +08:00 to Sat 13. 02:00 +08:00"
        ]
    );
    // Saturday is closed: the window of Friday continues.
    let kept = seen("Asia/Shanghai", &night, &[date(2026, 6, 6)], "2026-06-01T00:00", 1);
    assert_eq!(kept, all[..1]);
    // Friday is closed: its window has no part on Saturday either.
    let gone = seen("Asia/Shanghai", &night, &[date(2026, 6, 5)], "2026-06-01T00:00", 1);
    assert_eq!(gone, all[1..]);
}

#[test]
fn windows_that_touch_or_overlap_are_one() {
    let said = [
        hours(MON_FRI, 9 * 60, 12 * 60),
        hours(MON_FRI, 11 * 60, 15 * 60),
        hours(MON_FRI, 15 * 60, 18 * 60),
        hours(MON_FRI, 20 * 60, DAY),
    ];
    assert_eq!(
        seen("UTC", &said, &[], "2026-06-01T00:00", 2),
        [
            "Mon 01. 09:00 +00:00 to Mon 01. 18:00 +00:00",
            "Mon 01. 20:00 +00:00 to Tue 02. 00:00 +00:00"
        ]
    );
    let all_day = [hours(0b000_0011, 0, DAY)];
    assert_eq!(
        seen("UTC", &all_day, &[], "2026-06-01T08:00", 1),
        ["Mon 01. 08:00 +00:00 to Wed 03. 00:00 +00:00"]
    );
}

#[test]
fn closed_days_alone_leave_all_other_hours() {
    let closed = [date(2026, 6, 3), date(2026, 6, 2), date(2026, 6, 3)];
    assert_eq!(
        seen("Asia/Shanghai", &[], &closed, "2026-06-01T10:00", 2),
        [
            "Mon 01. 10:00 +08:00 to Tue 02. 00:00 +08:00",
            "Thu 04. 00:00 +08:00 for ever"
        ]
    );
    assert_eq!(
        seen("UTC", &[], &[], "2026-06-01T10:00", 1),
        ["Mon 01. 10:00 +00:00 for ever"]
    );
    assert!(Calendar::always().is_always());
}

#[test]
fn hours_that_the_clocks_leave_out_or_show_twice() {
    // The clocks go forward from 02:00 to 03:00.
    let lost = [hours(EVERY, 2 * 60, 3 * 60)];
    assert_eq!(
        seen("Europe/Berlin", &lost, &[], "2026-03-28T00:00", 2),
        [
            "Sat 28. 02:00 +01:00 to Sat 28. 03:00 +01:00",
            "Mon 30. 02:00 +02:00 to Mon 30. 03:00 +02:00"
        ]
    );
    let across = [hours(EVERY, 90, 4 * 60)];
    assert_eq!(
        seen("Europe/Berlin", &across, &[], "2026-03-29T00:00", 1),
        ["Sun 29. 01:30 +01:00 to Sun 29. 04:00 +02:00"]
    );
    // The clocks go back from 03:00 to 02:00: 02:30 occurs twice.
    let twice = [hours(EVERY, 60, 150)];
    assert_eq!(
        seen("Europe/Berlin", &twice, &[], "2026-10-25T00:00", 3),
        [
            "Sun 25. 01:00 +02:00 to Sun 25. 02:30 +02:00",
            "Sun 25. 02:00 +01:00 to Sun 25. 02:30 +01:00",
            "Mon 26. 01:00 +01:00 to Mon 26. 02:30 +01:00"
        ]
    );
    // A whole day is skipped: the window of the day before ends at its start.
    let night = [hours(0b000_1000, 22 * 60, 4 * 60)];
    assert_eq!(
        seen("Pacific/Apia", &night, &[], "2011-12-28T00:00", 1),
        ["Thu 29. 22:00 -10:00 to Sat 31. 00:00 +14:00"]
    );
}

#[test]
fn closed_days_without_end_and_times_at_the_edge_of_all_calendars_are_no_trouble() {
    let closed: Vec<_> = (0..20_000)
        .map(|day| date(2026, 1, 1).saturating_add(day.days()))
        .collect();
    let calendar = Calendar::new(zone("Europe/Berlin"), &[hours(1, 600, 660)], &closed);
    let opens = calendar
        .opens("2026-01-01T00:00:00Z".parse().expect("a time"))
        .expect("it opens");
    assert_eq!(
        opens
            .to_zoned_datetime(zone("Europe/Berlin"))
            .strftime("%Y-%m-%d %H:%M")
            .to_string(),
        "2080-10-07 10:00"
    );
    // One window a week, closed every time for four hundred years.
    let fridays: Vec<_> = (0..20_000)
        .map(|week| date(2026, 1, 2).saturating_add((7 * week).days()))
        .collect();
    let calendar = Calendar::new(zone("Europe/Berlin"), &[hours(0b001_0000, 600, 660)], &fridays);
    let opens = calendar
        .opens("2026-01-01T00:00:00Z".parse().expect("a time"))
        .expect("it opens");
    assert_eq!(opens.to_zoned_datetime(zone("Europe/Berlin")).date(), date(2409, 4, 24));
    let last = Calendar::new(zone("Europe/Berlin"), &[], &[date(9999, 12, 30)]);
    assert!(last.next_change(Timestamp::UNIX_EPOCH).is_some());
    for at in [Timestamp::MIN, Timestamp::MAX] {
        for name in ZONES {
            let calendar = Calendar::new(zone(name), &[hours(1, 600, 660)], &[]);
            let _ = (
                calendar.is_open(at),
                calendar.next_change(at),
                calendar.windows(at).take(3).count(),
            );
        }
    }
}

#[test]
fn hours_are_written_as_they_are_read() {
    for (one, text) in [
        (hours(MON_FRI, 600, 1260), "mon-fri 10:00-21:00"),
        (hours(0b110_0000, 540, DAY), "sat,sun 09:00-24:00"),
        (hours(EVERY, 0, DAY), "mon-sun 00:00-24:00"),
        (hours(0b110_0001, 1320, 120), "sat-mon 22:00-02:00"),
        (hours(0b001_0000, 1320, 0), "fri 22:00-24:00"),
        (hours(0b001_0101, 5, 6), "mon,wed,fri 00:05-00:06"),
    ] {
        assert_eq!(one.to_string(), text);
    }
    for (from, until) in [(600, 600), (0, 0), (DAY, 60), (600, DAY + 1), (DAY, DAY)] {
        assert_eq!(Hours::new(days(1), from, until), None, "{from} {until}");
    }
    assert_eq!(Days::range(Weekday::Saturday, Weekday::Monday), days(0b110_0001));
    assert_eq!(Days::range(Weekday::Monday, Weekday::Sunday), days(EVERY));
}
