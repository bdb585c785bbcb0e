//! When something started: the quota of every second, windows, one request for one user at a time, and the bounds of a run.

use std::collections::BTreeSet;

use crate::env::{Disk, Removal};
use crate::scenario::{AnswerKind, Apply, IncidentKind, MONDAY, Scenario, Settings};
use crate::trace::{Nanos, Request, SECOND, Trace};

use super::reference_state::Wrong;
use super::{CampaignApply, DoubtSince, Resends, day_of, minute_of};

/// A start of ours or of another process.
#[derive(Clone, Copy)]
struct Start {
    at: Nanos,
    /// The pace of its campaign at that time, in thousandths.
    pace: u64,
    /// In which run, and of which campaign; `None` for one of another process.
    by: Option<(usize, usize)>,
}

/// Judges the starts of one campaign in one run.
pub fn check(context: CampaignApply<'_>, trace: &Trace, (new, resends): (&[Request], &Resends)) -> Result<(), Wrong> {
    let began = trace.began.last().copied().unwrap_or_default();
    for request in new {
        within(&context.campaign.settings, request)?;
        ordered(context, request, began)?;
        let again = resends.get(&(request.key, request.attempt));
        owed(context, trace, (request, again.map(|since| age(*since, request, new))))?;
    }
    per_day(context, trace, new)?;
    let deliveries: BTreeSet<_> = new.iter().map(|request| request.key).collect();
    if context.apply.at_most.is_some_and(|most| deliveries.len() as u64 > most) {
        return Err(("--at-most", format!("{} deliveries", deliveries.len())));
    }
    Ok(())
}

/// A run whose ledger is gone stops at once: nothing starts when it was told so, and it ends when its attempts are over.
pub fn stopped(context: CampaignApply<'_>, new: &[Request], (disk, gone): (&Disk, Removal)) -> Result<(), Wrong> {
    let wrong = |how| Err(("a run whose ledger is gone stops at once", how));
    let ms = 1_000_000;
    let late = |request: &&Request| context.made(request) && gone.told.is_some_and(|told| request.start > told);
    if let Some(request) = new.iter().find(late) {
        return wrong(format!("u{} was sent to after it was gone", request.user));
    }
    let latest = gone.since + 2 * (context.rules.timeout + disk.stalled) * ms + SECOND;
    match disk.closed {
        Some(closed) if closed > latest => wrong(format!("it went on for {} ms", (closed - gone.since) / ms)),
        _ => Ok(()),
    }
}

/// Judges the starts of all campaigns in one run, which are the last ones that were seen.
pub fn check_together((scenario, apply): (&Scenario, &Apply), trace: &Trace, new: &[Request]) -> Result<(), Wrong> {
    paced((scenario, apply), trace, new.len())?;
    for request in new {
        let (user, start) = (request.user, request.start);
        if trace
            .others
            .iter()
            .any(|(from, until)| (*from..*until).contains(&start))
        {
            return Err((
                "one process has the app id",
                format!("u{user} was sent to while another had it"),
            ));
        }
        alone(scenario, trace, request)?;
    }
    Ok(())
}

/// So many in so long: a pace that is no whole number is rounded up, and its window is longer than a second in proportion. What
/// started at another pace is held to the plain second.
fn window(pace: u64, same: bool) -> (usize, Nanos) {
    let most = pace.div_ceil(1_000);
    let long = most * 1_000 * SECOND / pace;
    let within = if same || pace < 1_000 { long } else { SECOND };
    (usize::try_from(most).unwrap_or(usize::MAX), within)
}

/// G4, for the last `many` starts.
fn paced((scenario, apply): (&Scenario, &Apply), trace: &Trace, many: usize) -> Result<(), Wrong> {
    let campaigns_of = |run: usize| &scenario.applies.get(run).unwrap_or(apply).campaigns;
    let pace_of = |request: &Request| {
        let mut campaigns = campaigns_of(request.run).iter();
        let campaign = campaigns.find(|campaign| campaign.number == request.campaign);
        campaign.map_or(1, |campaign| campaign.settings.pace)
    };
    let start_of = |request: &Request| Start {
        at: request.start,
        pace: pace_of(request),
        by: Some((request.run, request.campaign)),
    };
    let mut starts: Vec<_> = trace.requests.iter().map(start_of).collect();
    let first = starts.len() - many;
    let ours: BTreeSet<_> = starts[first..].iter().map(|start| start.at).collect();
    let pace = apply
        .campaigns
        .iter()
        .map(|campaign| campaign.settings.pace)
        .max()
        .unwrap_or(1);
    for (from, until) in &trace.others {
        let (most, within) = window(pace, false);
        let apart = within / most as u64;
        let times = (1..=most as u64).map(|n| until.saturating_sub(n * apart - apart + 1));
        let times = times.filter(|at| *at >= from + within);
        starts.extend(times.map(|at| Start { at, pace, by: None }));
    }
    starts.sort_by_key(|start| start.at);
    for (last, start) in starts.iter().enumerate().filter(|(_, start)| ours.contains(&start.at)) {
        let near = |within: Nanos| {
            let before = starts[..=last].iter().rev();
            before.take_while(move |before| start.at - before.at + 1 < within)
        };
        let (_, widest) = window(start.pace.min(1_000), true);
        let fastest = near(widest).map(|start| start.pace).max().unwrap_or(start.pace);
        let run_of = |start: &Start| start.by.map(|(run, _)| run);
        let one_pace = run_of(start).is_some_and(|run| {
            let mut campaigns = campaigns_of(run).iter();
            campaigns.all(|campaign| campaign.settings.pace == start.pace)
        });
        let same = one_pace && near(2 * SECOND).all(|other| run_of(other) == run_of(start));
        let (most, within) = window(fastest, same);
        let many = near(within).count();
        let too_many = |many: usize, pace: u64, within: Nanos| {
            let within = within / 1_000_000;
            let how = format!("{many} starts within {within} ms, at {pace} in a thousand seconds");
            Err(("G4: no rolling second has more starts than the pace", how))
        };
        if many > most {
            return too_many(many, fastest, within);
        }
        // From one start of a campaign to its next ones, it sends, and the pace of all is no faster than its own.
        let (most, within) = window(start.pace, false);
        let of_campaign = near(within).enumerate().filter(|(_, other)| other.by == start.by);
        let many = of_campaign.last().map_or(0, |(before, _)| before + 1);
        if many > most {
            return too_many(many, start.pace, within);
        }
    }
    Ok(())
}

/// Nothing starts in a pause, or behind an order to stop.
fn ordered(context: CampaignApply<'_>, request: &Request, began: Nanos) -> Result<(), Wrong> {
    let mut order = IncidentKind::Resume;
    for happening in context
        .apply
        .incidents
        .iter()
        .filter(|it| it.campaign == request.campaign)
    {
        let (what, at) = (happening.kind, began + happening.after * 1_000_000);
        // What comes in one moment may come in either order.
        let heard = match what {
            IncidentKind::Pause | IncidentKind::Stop => at < request.start,
            IncidentKind::Resume => at <= request.start,
            _ => false,
        };
        if heard && order != IncidentKind::Stop {
            order = what;
        }
    }
    if order != IncidentKind::Resume {
        let how = format!("u{} was sent to though {order}", request.user);
        return Err(("nothing starts in a pause or behind a stop", how));
    }
    Ok(())
}

/// The schedule, by the wall at the start.
fn within(settings: &Settings, request: &Request) -> Result<(), Wrong> {
    let wall = request.wall;
    let (start, end) = settings.between;
    let (day, minute) = (day_of(wall) - day_of(MONDAY), minute_of(wall));
    let open = |(from, until): &(u16, u16)| (i64::from(*from)..i64::from(*until)).contains(&minute);
    let shut = start.is_some_and(|at| wall < MONDAY + at)
        || end.is_some_and(|at| wall >= MONDAY + at)
        || settings.closed.contains(&day)
        || !(settings.hours.is_empty() || settings.hours.iter().any(open));
    if shut {
        let how = format!("u{} was sent to at {}", request.user, crate::print::time(wall));
        return Err(("nothing starts outside the schedule", how));
    }
    Ok(())
}

/// Never two requests for one user at once, as far as the client can know.
fn alone(scenario: &Scenario, trace: &Trace, request: &Request) -> Result<(), Wrong> {
    let before = trace.requests.iter().take_while(|before| before.start < request.start);
    for before in before.filter(|before| before.user == request.user && knows_of(trace, request, before)) {
        let timeout = scenario.campaigns[before.campaign].timeout * 1_000_000;
        let until = match before.answer {
            Some((end, says))
                if !matches!(
                    says,
                    AnswerKind::NoAnswer
                        | AnswerKind::Cut
                        | AnswerKind::Unreadable
                        | AnswerKind::OtherDelivery
                        | AnswerKind::SameCoupon
                ) =>
            {
                end
            }
            // Between two runs, whoever puts the wall forward takes that from the wait.
            answer if before.run != request.run && scenario.steps_clock() => {
                answer.map_or(before.start, |(end, _)| end)
            }
            _ => before.start + timeout,
        };
        if request.start < until {
            let ms = (until - request.start) / 1_000_000;
            let of = match before.campaign {
                same if same == request.campaign => String::new(),
                other => format!(" of campaign {}", other + 1),
            };
            let how = format!(
                "u{}: the one before{of} may be under way for {ms} ms more",
                request.user
            );
            return Err(("never two requests for one user at once", how));
        }
    }
    Ok(())
}

/// Whether the run that made a request knows of one before it.
fn knows_of(trace: &Trace, request: &Request, before: &Request) -> bool {
    if before.campaign == request.campaign {
        return before.attempt < request.attempt && !before.lost;
    }
    // A process keeps the turn for as long as an answer to it may be lost, unless it is killed. The next one knows only what
    // the ledgers say, and may have intents before it has opened all of them.
    before.run == request.run || !trace.killed.contains(&before.run)
}

/// How old a doubt was at least when it was sent again, in milliseconds. Between runs that goes by the wall. Within a run it goes
/// by the clock that nobody corrects, here from the run's first start on.
fn age(since: DoubtSince, request: &Request, new: &[Request]) -> u64 {
    let ms_from = |start: Nanos| (request.start - start) / 1_000_000;
    match since {
        DoubtSince::Before(age) => age + new.first().map_or(0, |first| ms_from(first.start)),
        DoubtSince::Attempt(attempt) => {
            let mut of_key = new.iter().filter(|first| first.key == request.key);
            let first = of_key.find(|first| first.attempt == attempt);
            first.map_or(0, |first| ms_from(first.start))
        }
    }
}

/// Whom a run may send to at all, by the story's own words. A doubt of so many milliseconds is sent again.
fn owed(context: CampaignApply<'_>, trace: &Trace, (request, again): (&Request, Option<u64>)) -> Result<(), Wrong> {
    let CampaignApply { rules, campaign, .. } = context;
    let (user, settings) = (request.user, &campaign.settings);
    let listed = campaign.listed.iter().find(|(listed, _)| *listed == user);
    let wrong = |promise, how: &str| Err((promise, format!("u{user} {how}")));
    if campaign.excluded.contains(&user) {
        return wrong("nobody who is excluded is sent to", "is excluded");
    }
    if let Some(age) = again {
        return if age > rules.resend_within {
            wrong("a doubt is resent within resend_within", "was sent to too late")
        } else {
            Ok(())
        };
    }
    let Some((_, ago)) = listed else {
        return wrong("nobody is sent to whom the source does not name", "is gone");
    };
    if request.activity != settings.activity {
        return wrong(
            "what is new goes under the file's activity",
            "was sent to under another",
        );
    }
    if let Some((within, _)) = rules.active_within
        && MONDAY - ago * 1_000 + i64::try_from(within * 1_000).unwrap_or(i64::MAX) < request.wall
    {
        return wrong("who lapsed is not sent to", "had lapsed");
    }
    let others = trace.requests.iter().filter(|before| {
        context.made(before) && before.start < request.start && before.gives.is_some() && !before.lost
    });
    let given: BTreeSet<_> = others.map(|before| (before.id, before.activity)).collect();
    if settings.most.is_some_and(|most| given.len() as u64 >= most) {
        return wrong("max_coupons", "is one too many");
    }
    Ok(())
}

/// Starts on a day by the wall, where nobody ever puts that back.
fn per_day(context: CampaignApply<'_>, trace: &Trace, new: &[Request]) -> Result<(), Wrong> {
    let (Some(most), false) = (context.campaign.settings.per_day, context.scenario.steps_clock()) else {
        return Ok(());
    };
    for day in new.iter().map(|request| day_of(request.wall)).collect::<BTreeSet<_>>() {
        let on_day = |request: &&Request| context.made(request) && day_of(request.wall) == day && !request.lost;
        let many = trace.requests.iter().filter(on_day).count() as u64;
        if many > most {
            return Err(("per_day", format!("{many} starts on a day")));
        }
    }
    Ok(())
}
