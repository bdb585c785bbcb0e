//! When something started: the quota of every second, windows, one request for one user at a time, and the bounds of a run.

use std::collections::BTreeSet;

use crate::seen::{At, Request, SECOND, Seen};
use crate::story::{Apply, MONDAY, Says, Story, What};

use super::claims::Wrong;
use super::{Resends, day_of, minute_of};

/// A start of ours or of another process, and the pace of its time in thousandths.
#[derive(Clone, Copy)]
struct Start {
    at: At,
    pace: u64,
}

/// Judges the starts of one run, which are the last ones that were seen.
pub fn judge(
    (story, apply): (&Story, &Apply),
    seen: &Seen,
    (new, resends): (&[Request], &Resends),
) -> Result<(), Wrong> {
    paced(story, apply, seen, new.len())?;
    let began = seen.began.last().copied().unwrap_or_default();
    for request in new {
        within(apply, request)?;
        ordered(apply, request, began)?;
        let (user, start) = (request.user, request.start);
        if seen.others.iter().any(|(from, until)| (*from..*until).contains(&start)) {
            return Err((
                "one process has the app id",
                format!("u{user} was sent to while another had it"),
            ));
        }
        alone(story, seen, request)?;
        let again = resends.get(&(request.key, request.attempt)).copied();
        owed((story, apply), seen, (request, again))?;
    }
    per_day(story, apply, seen, new)?;
    let deliveries: BTreeSet<_> = new.iter().map(|request| request.key).collect();
    if apply.at_most.is_some_and(|most| deliveries.len() as u64 > most) {
        return Err(("--at-most", format!("{} deliveries", deliveries.len())));
    }
    Ok(())
}

/// So many in so long: a pace that is no whole number is rounded up, and its window is longer than a second in proportion. What
/// started at another pace is held to the plain second.
fn window(pace: u64, same: bool) -> (usize, At) {
    let most = pace.div_ceil(1_000);
    let long = most * 1_000 * SECOND / pace;
    let within = if same || pace < 1_000 { long } else { SECOND };
    (usize::try_from(most).unwrap_or(usize::MAX), within)
}

/// G4, for the last `many` starts.
fn paced(story: &Story, apply: &Apply, seen: &Seen, many: usize) -> Result<(), Wrong> {
    let pace_of = |run: usize| story.applies.get(run).map_or(apply.said.pace, |apply| apply.said.pace);
    let mut starts: Vec<_> = seen
        .requests
        .iter()
        .map(|request| {
            (
                Start {
                    at: request.start,
                    pace: pace_of(request.run),
                },
                request.run,
            )
        })
        .collect();
    let first = starts.len() - many;
    let ours: BTreeSet<_> = starts[first..].iter().map(|(start, _)| start.at).collect();
    for (from, until) in &seen.others {
        let (most, within) = window(apply.said.pace, false);
        let apart = within / most as u64;
        let times = (1..=most as u64).map(|n| until.saturating_sub(n * apart - apart + 1));
        let times = times.filter(|at| *at >= from + within);
        starts.extend(times.map(|at| {
            (
                Start {
                    at,
                    pace: apply.said.pace,
                },
                usize::MAX,
            )
        }));
    }
    starts.sort_by_key(|(start, _)| start.at);
    for (last, (start, run)) in starts
        .iter()
        .enumerate()
        .filter(|(_, (start, _))| ours.contains(&start.at))
    {
        let near = |within: At| {
            let before = starts[..=last].iter().rev();
            before.take_while(move |(before, _)| start.at - before.at + 1 < within)
        };
        let (_, widest) = window(start.pace.min(1_000), true);
        let fastest = near(widest).map(|(start, _)| start.pace).max().unwrap_or(start.pace);
        let same = near(2 * SECOND).all(|(_, other)| other == run);
        let (most, within) = window(fastest, same);
        let many = near(within).count();
        if many > most {
            let how = format!(
                "{many} starts within {} ms, at {fastest} in a thousand seconds",
                within / 1_000_000
            );
            return Err(("G4: no rolling second has more starts than the pace", how));
        }
    }
    Ok(())
}

/// Nothing starts in a pause, or behind an order to stop.
fn ordered(apply: &Apply, request: &Request, began: At) -> Result<(), Wrong> {
    let mut order = What::Resume;
    for happening in &apply.happens {
        let (what, at) = (happening.what, began + happening.after * 1_000_000);
        // What comes in one moment may come in either order.
        let heard = match what {
            What::Pause | What::Stop => at < request.start,
            What::Resume => at <= request.start,
            _ => false,
        };
        if heard && order != What::Stop {
            order = what;
        }
    }
    if order != What::Resume {
        let how = format!("u{} was sent to though {order}", request.user);
        return Err(("nothing starts in a pause or behind a stop", how));
    }
    Ok(())
}

/// The schedule, by the wall at the start.
fn within(apply: &Apply, request: &Request) -> Result<(), Wrong> {
    let (said, wall) = (&apply.said, request.wall);
    let (start, end) = said.between;
    let (day, minute) = (day_of(wall) - day_of(MONDAY), minute_of(wall));
    let open = |(from, until): &(u16, u16)| (i64::from(*from)..i64::from(*until)).contains(&minute);
    let shut = start.is_some_and(|at| wall < MONDAY + at)
        || end.is_some_and(|at| wall >= MONDAY + at)
        || said.closed.contains(&day)
        || !(said.hours.is_empty() || said.hours.iter().any(open));
    if shut {
        let how = format!("u{} was sent to at {}", request.user, crate::words::time(wall));
        return Err(("nothing starts outside the schedule", how));
    }
    Ok(())
}

/// Never two requests for one user at once, as far as the client can know.
fn alone(story: &Story, seen: &Seen, request: &Request) -> Result<(), Wrong> {
    let timeout = story.rules.timeout * 1_000_000;
    let before = seen.requests.iter().take_while(|before| before.start < request.start);
    for before in before.filter(|before| before.user == request.user && before.attempt < request.attempt) {
        let until = match before.answer {
            Some((end, says)) if !matches!(says, Says::Nothing | Says::Cut | Says::Garbage) => end,
            // Whoever puts the wall forward takes that from the wait.
            answer if story.jumps() => answer.map_or(before.start, |(end, _)| end),
            _ => before.start + timeout,
        };
        if request.start < until {
            let ms = (until - request.start) / 1_000_000;
            let how = format!("u{}: the one before may be under way for {ms} ms more", request.user);
            return Err(("never two requests for one user at once", how));
        }
    }
    Ok(())
}

/// Whom a run may send to at all, by the story's own words.
fn owed((story, apply): (&Story, &Apply), seen: &Seen, (request, again): (&Request, Option<i64>)) -> Result<(), Wrong> {
    let user = request.user;
    let listed = apply.listed.iter().find(|(listed, _)| *listed == user);
    let wrong = |promise, how: &str| Err((promise, format!("u{user} {how}")));
    if apply.excluded.contains(&user) {
        return wrong("nobody who said no is sent to", "is excluded");
    }
    if let Some(since) = again {
        let old = request.wall - since > i64::try_from(story.rules.resend_within).unwrap_or(i64::MAX);
        return if old {
            wrong("a doubt is resent within resend_within", "was sent to too late")
        } else {
            Ok(())
        };
    }
    let Some((_, ago)) = listed else {
        return wrong("nobody is sent to whom the source does not name", "is gone");
    };
    if request.activity != apply.said.activity {
        return wrong(
            "what is new goes under the file's activity",
            "was sent to under another",
        );
    }
    if let Some((within, _)) = story.rules.active_within
        && MONDAY - ago * 1_000 + i64::try_from(within * 1_000).unwrap_or(i64::MAX) < request.wall
    {
        return wrong("who lapsed is not sent to", "had lapsed");
    }
    let others = seen
        .requests
        .iter()
        .filter(|before| before.start < request.start && before.gives.is_some());
    let given: BTreeSet<_> = others.map(|before| before.id).collect();
    if apply.said.most.is_some_and(|most| given.len() as u64 >= most) {
        return wrong("max_coupons", "is one too many");
    }
    Ok(())
}

/// Starts on a day by the wall, where nobody ever puts that back.
fn per_day(story: &Story, apply: &Apply, seen: &Seen, new: &[Request]) -> Result<(), Wrong> {
    let (Some(most), false) = (apply.said.per_day, story.jumps()) else {
        return Ok(());
    };
    for day in new.iter().map(|request| day_of(request.wall)).collect::<BTreeSet<_>>() {
        let on_day = |request: &&Request| day_of(request.wall) == day;
        let many = seen.requests.iter().filter(on_day).count() as u64;
        if many > most {
            return Err(("per_day", format!("{many} starts on a day")));
        }
    }
    Ok(())
}
