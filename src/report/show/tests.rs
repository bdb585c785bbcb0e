//! What is displayed when, with the time as an argument.

use anstream::adapter::strip_str;
use jiff::Timestamp;

use crate::model::clock::from_ms;
use crate::model::event::{Ending, Halted};

use super::super::testing::{ISSUED, Story, instant, moment, shanghai};
use super::*;

/// What is written about a story without a terminal, with a tick every second.
fn pieces(story: &Story, until: Timestamp) -> Vec<Piece> {
    let mut show = Show::new(story.setup.clone(), true);
    let mut stats = RunStats::default();
    let mut pieces = vec![];
    let mut clock = shanghai("12:00:00").as_millisecond();
    let mut events = story.events.iter().peekable();
    while clock <= until.as_millisecond() {
        while let Some(event) = events.next_if(|event| event.at.as_millisecond() <= clock) {
            stats.fold(event, instant(event.at));
            pieces.append(&mut show.event(&stats, event, instant(event.at)));
        }
        pieces.append(&mut show.tick(&stats, moment(from_ms(clock))));
        clock += 1_000;
    }
    pieces.append(&mut show.finish(&stats, moment(until), 7));
    pieces
}

fn lines(story: &Story, until: Timestamp) -> Vec<String> {
    let pieces = pieces(story, until).into_iter();
    pieces
        .filter_map(|piece| match piece {
            Piece::Line(line) => Some(strip_str(&line).to_string()),
            _ => None,
        })
        .collect()
}

#[test]
fn a_line_every_ten_seconds_and_at_each_change() {
    let mut story = Story::new();
    story.begin().wait(2_000).admit(3_000);
    let until = Some(shanghai("12:00:25"));
    story.phase(Phase::Waiting {
        why: Waiting::Start,
        until,
    });
    story.wait(23_000).phase(Phase::Sending);
    for _ in 0..300 {
        story.send(1, 50, ISSUED);
        // Short waits between retries get no lines.
        let until = Some(from_ms(story.now.as_millisecond() + 50));
        story
            .phase(Phase::Waiting {
                why: Waiting::Due,
                until,
            })
            .wait(50)
            .phase(Phase::Sending);
    }
    for (per_second, recovers) in [
        (49.0, Some("12:03:10")),
        (24.5, Some("12:04:10")),
        (60.0, Some("12:04:10")),
        (98.0, None),
    ] {
        let until = recovers.map(shanghai);
        story.tell(EventKind::PaceChanged { per_second, until });
    }
    story.tell(EventKind::Warning {
        message: "one\ntwo".into(),
    });
    story.tell(EventKind::Halted(Halted::MaxCoupons { max: 300 }));
    story.end(Ending::NeedsPerson);
    insta::assert_snapshot!(lines(&story, shanghai("12:01:30")).join("\n"));
}

/// The waits of a schedule, in a run that waits and in a rehearsal.
#[test]
fn windows_and_waves_come_and_go() {
    let mut story = Story::new();
    story.begin().wait(2_000).admit(3_000);
    let window = |open, until, skipped| EventKind::Window {
        open,
        until: Some(shanghai(until)),
        skipped,
    };
    let wave = |wave, ended, until: Option<&str>, skipped| EventKind::Wave {
        wave,
        ended,
        until: until.map(shanghai),
        skipped,
    };
    let until = Some(shanghai("12:00:22"));
    story.tell(window(false, "12:00:22", None)).phase(Phase::Waiting {
        why: Waiting::Window,
        until,
    });
    story.now = shanghai("12:00:22");
    story.tell(window(true, "21:00:00", None)).phase(Phase::Sending);
    story.tell(wave(Some(1), false, None, None)).send(1, 50, ISSUED);
    story.tell(wave(Some(1), true, Some("12:00:45"), None));
    let until = Some(shanghai("12:00:45"));
    story.phase(Phase::Waiting {
        why: Waiting::Wave { done: 1, next: None },
        until,
    });
    story.now = shanghai("12:00:45");
    story.tell(wave(None, false, None, None)).phase(Phase::Sending);
    let hours = |hours: u64| Some(Duration::from_millis(hours * 3_600_000 - 300));
    story.tell(wave(Some(2), true, Some("15:30:00"), hours(1)));
    story.tell(window(false, "20:30:00", hours(5)));
    let shown = lines(&story, shanghai("12:00:50"));
    let told = pieces(&story, shanghai("12:00:50"))
        .into_iter()
        .filter_map(|piece| match piece {
            Piece::Record(object) if object.contains(r#""type":"w"#) => Some(object),
            _ => None,
        });
    insta::assert_snapshot!(shown.into_iter().chain(told).collect::<Vec<_>>().join("\n"));
}

#[test]
fn a_reading_is_told_with_its_rate_from_its_first_second() {
    let mut story = Story::new();
    let of = Some(20_000_000);
    story.begin().tell(EventKind::AudienceRead { rows: 0, of });
    for second in 1..=16 {
        story.wait(1_000).tell(EventKind::AudienceRead {
            rows: second * 800_000,
            of,
        });
    }
    story.wait(1_000).admit(3_000);
    insta::assert_snapshot!(lines(&story, shanghai("12:00:17")).join("\n"));
}

#[test]
fn a_clock_set_back_changes_nothing_of_when_it_is_said() {
    let mut story = Story::new();
    story.begin();
    let stats = story.stats();
    let mut show = Show::new(story.setup.clone(), true);
    let mut tick = |wall, real| {
        let now = Moment::awake(shanghai(wall), instant(shanghai(real)));
        show.tick(&stats, now)
    };
    assert_eq!(tick("12:00:00", "12:00:00").len(), 4);
    assert_eq!(tick("12:00:09", "12:00:09"), [Piece::Moving]);
    assert_eq!(tick("11:00:09", "12:00:09"), [Piece::Moving]);
    assert_eq!(tick("11:00:10", "12:00:10").len(), 4);
}

/// One of several campaigns has no line every ten seconds, but one at each change, under its name.
#[test]
fn among_several_a_line_comes_at_each_change_and_no_oftener() {
    let mut story = Story::new();
    story.begin().wait(2_000).admit(300);
    story.phase(Phase::Waiting {
        why: Waiting::Start,
        until: Some(shanghai("12:00:25")),
    });
    story.wait(23_000).phase(Phase::Sending).send(300, 50, ISSUED);
    story.tell(EventKind::Warning {
        message: "3 rows are repeated".into(),
    });
    story.end(Ending::Complete);
    let mut show = Show::among(story.setup.clone(), true);
    let mut stats = RunStats::default();
    let mut lines = Vec::new();
    let mut told = |pieces: Vec<Piece>| {
        lines.extend(pieces.into_iter().filter_map(|piece| match piece {
            Piece::Line(line) => Some(strip_str(&line).to_string()),
            _ => None,
        }));
    };
    for event in &story.events {
        stats.fold(event, instant(event.at));
        told(show.event(&stats, event, instant(event.at)));
        told(show.tick(&stats, moment(event.at)));
    }
    told(show.finish(&stats, moment(story.now), 7));
    insta::assert_snapshot!(lines.join("\n"));
}
