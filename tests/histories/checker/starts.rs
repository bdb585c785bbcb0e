//! Checks when attempts started: the quota of every second, windows, one request per user at a time, and the limits of
//! a run.

use std::collections::BTreeSet;

use crate::env::{Disk, Removal, Violation};
use crate::scenario::{AnswerKind, Apply, IncidentKind, MONDAY, Scenario, Settings, Window, WorthSettings};
use crate::trace::{Nanos, OtherOwner, ReceivedAnswer, Request, SECOND, Trace};

use super::{CampaignApply, DoubtSince, Resends, day_of, minute_of};

/// A start of this program or of another process.
#[derive(Clone, Copy)]
struct Start {
    at: Nanos,
    /// The pace of its campaign at that time, in thousandths.
    pace: u64,
    /// The run and the campaign. `None` for another process.
    by: Option<(usize, usize)>,
}

/// Checks the starts of one campaign in one run.
pub fn check(context: CampaignApply<'_>, trace: &Trace, new: &[Request], resends: &Resends) -> Result<(), Violation> {
    let began = trace.run_starts.last().copied().unwrap_or_default();
    for request in new {
        check_schedule(&context.campaign.settings, request)?;
        check_commands(context, request, began)?;
        let again = resends.get(&(request.key, request.attempt));
        check_owed(context, trace, request, again.map(|since| age(*since, request, new)))?;
    }
    check_daily_limit(context, trace, new)?;
    let deliveries: BTreeSet<_> = new.iter().map(|request| request.key).collect();
    if context.apply.at_most.is_some_and(|most| deliveries.len() as u64 > most) {
        return Err(Violation::new("--at-most", format!("{} deliveries", deliveries.len())));
    }
    Ok(())
}

/// A run whose ledger is removed stops at once: nothing starts after it noticed, and it ends once its attempts have
/// ended.
pub fn check_stopped(context: CampaignApply<'_>, new: &[Request], disk: &Disk, gone: Removal) -> Result<(), Violation> {
    let wrong = |details| Err(Violation::new("a run whose ledger is gone stops at once", details));
    let ms = 1_000_000;
    let late = |request: &&Request| context.made(request) && gone.noticed.is_some_and(|told| request.start > told);
    if let Some(request) = new.iter().find(late) {
        return wrong(format!("u{} was sent to after it was gone", request.user));
    }
    let latest = gone.since + 2 * (context.rules.timeout + disk.longest_stall_ms) * ms + SECOND;
    match disk.closed_at {
        Some(closed) if closed > latest => wrong(format!("it went on for {} ms", (closed - gone.since) / ms)),
        _ => Ok(()),
    }
}

/// Checks the starts of all campaigns in the last run.
pub fn check_together(scenario: &Scenario, apply: &Apply, trace: &Trace, new: &[Request]) -> Result<(), Violation> {
    check_pace(scenario, apply, trace, new.len())?;
    for request in new {
        let user = request.user;
        let start = request.start;
        if trace
            .others
            .iter()
            .any(|other| (other.from..other.until).contains(&start))
        {
            return Err(Violation::new(
                "one process has the app id",
                format!("u{user} was sent to while another had it"),
            ));
        }
        // An end of the lease and a start at the same moment may come in either order.
        if trace
            .without_lease
            .iter()
            .any(|other| other.from < start && start < other.until)
        {
            return Err(Violation::new(
                "one process has the app id",
                format!("u{user} was sent to without a lease"),
            ));
        }
        if start < trace.term_begins {
            return Err(Violation::new(
                "a new owner waits for the previous one",
                format!(
                    "u{user} was sent to {} ms early",
                    (trace.term_begins - start) / 1_000_000
                ),
            ));
        }
        check_one_request(scenario, trace, request)?;
    }
    Ok(())
}

/// The limit of a pace: the most starts, and the time in which they are allowed. A pace that is not a whole number is
/// rounded up, and the time is longer than a second in proportion. Starts of different paces are limited per second.
fn window(pace: u64, same: bool) -> (usize, Nanos) {
    let most = pace.div_ceil(1_000);
    let long = most * 1_000 * SECOND / pace;
    let within = if same || pace < 1_000 { long } else { SECOND };
    (usize::try_from(most).unwrap_or(usize::MAX), within)
}

/// Checks the last `many` starts.
fn check_pace(scenario: &Scenario, apply: &Apply, trace: &Trace, many: usize) -> Result<(), Violation> {
    let campaigns_of = |run: usize| &scenario.applies.get(run).unwrap_or(apply).campaigns;
    let pace_of = |request: &Request| {
        let mut campaigns = campaigns_of(request.run).iter();
        let campaign = campaigns.find(|campaign| campaign.number == request.campaign);
        campaign.map_or(1, |campaign| campaign.settings.milli_pace)
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
        .map(|campaign| campaign.settings.milli_pace)
        .max()
        .unwrap_or(1);
    for OtherOwner { from, until } in &trace.others {
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
            campaigns.all(|campaign| campaign.settings.milli_pace == start.pace)
        });
        let same = one_pace && near(2 * SECOND).all(|other| run_of(other) == run_of(start));
        let (most, within) = window(fastest, same);
        let many = near(within).count();
        let too_many = |many: usize, pace: u64, within: Nanos| {
            let within = within / 1_000_000;
            let details = format!("{many} starts within {within} ms, at {pace} in a thousand seconds");
            Err(Violation::new(
                "G4: no rolling second has more starts than the pace",
                details,
            ))
        };
        if many > most {
            return too_many(many, fastest, within);
        }
        // Between two starts of a campaign, it sends, and the common pace is not faster than its own.
        let (most, within) = window(start.pace, false);
        let of_campaign = near(within).enumerate().filter(|(_, other)| other.by == start.by);
        let many = of_campaign.last().map_or(0, |(before, _)| before + 1);
        if many > most {
            return too_many(many, start.pace, within);
        }
    }
    Ok(())
}

/// Nothing starts during a pause or after a stop.
fn check_commands(context: CampaignApply<'_>, request: &Request, began: Nanos) -> Result<(), Violation> {
    let mut order = IncidentKind::Resume;
    for incident in context
        .apply
        .incidents
        .iter()
        .filter(|it| it.campaign == request.campaign)
    {
        let what = incident.kind;
        let at = began + incident.after * 1_000_000;
        // Two things at the same moment may come in either order.
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
        let details = format!("u{} was sent to though {order}", request.user);
        return Err(Violation::new("nothing starts in a pause or after a stop", details));
    }
    Ok(())
}

/// Checks the schedule by the wall clock at the start.
fn check_schedule(settings: &Settings, request: &Request) -> Result<(), Violation> {
    let wall = request.wall;
    let day = day_of(wall) - day_of(MONDAY);
    let minute = minute_of(wall);
    let open = |window: &Window| (i64::from(window.from)..i64::from(window.until)).contains(&minute);
    let shut = settings.start.is_some_and(|at| wall < MONDAY + at)
        || settings.end.is_some_and(|at| wall >= MONDAY + at)
        || settings.closed.contains(&day)
        || !(settings.hours.is_empty() || settings.hours.iter().any(open));
    if shut {
        let details = format!("u{} was sent to at {}", request.user, crate::print::time(wall));
        return Err(Violation::new("nothing starts outside the schedule", details));
    }
    Ok(())
}

/// Two requests for one user are never under way at once, as far as the client can know.
fn check_one_request(scenario: &Scenario, trace: &Trace, request: &Request) -> Result<(), Violation> {
    let before = trace.requests.iter().take_while(|before| before.start < request.start);
    for before in before.filter(|before| before.user == request.user && knows_of(scenario, trace, request, before)) {
        let timeout = scenario.campaigns[before.campaign].timeout * 1_000_000;
        let until = match before.answer {
            Some(ReceivedAnswer { at: end, kind })
                if !matches!(
                    kind,
                    AnswerKind::NoAnswer
                        | AnswerKind::Cut
                        | AnswerKind::Unreadable
                        | AnswerKind::OtherDelivery
                        | AnswerKind::SameCoupon
                ) =>
            {
                end
            }
            // Between two runs, a step of the wall clock shortens the wait.
            answer if before.run != request.run && scenario.steps_clock() => {
                answer.map_or(before.start, |answer| answer.at)
            }
            _ => before.start + timeout,
        };
        if request.start < until {
            let ms = (until - request.start) / 1_000_000;
            let of = match before.campaign {
                same if same == request.campaign => String::new(),
                other => format!(" of campaign {}", other + 1),
            };
            let details = format!(
                "u{}: the one before{of} may be under way for {ms} ms more",
                request.user
            );
            return Err(Violation::new("never two requests for one user at once", details));
        }
    }
    Ok(())
}

/// Whether the run that made a request knows of an earlier one.
fn knows_of(scenario: &Scenario, trace: &Trace, request: &Request, before: &Request) -> bool {
    if before.campaign == request.campaign {
        return before.attempt < request.attempt && !before.lost;
    }
    // A new owner reads all ledgers of the app id first.
    if scenario.is_fleet {
        return !before.lost;
    }
    // A process keeps the app lock while an answer may be lost, unless it is killed. The next process knows only its
    // own ledgers, and may write intents before it has opened all of them.
    before.run == request.run || !trace.killed_runs.contains(&before.run)
}

/// The least age of a doubt at its resend, in milliseconds: by the wall clock between runs, and by the monotonic clock
/// within a run, here from the first start of the run.
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

/// Checks that the scenario allows a send to this user. `again` is the age of the doubt, for a resend.
fn check_owed(
    context: CampaignApply<'_>,
    trace: &Trace,
    request: &Request,
    again: Option<u64>,
) -> Result<(), Violation> {
    let CampaignApply { rules, campaign, .. } = context;
    let user = request.user;
    let settings = &campaign.settings;
    let listed = campaign.listed.iter().find(|listed| listed.user == user);
    let wrong = |guarantee, details: &str| Err(Violation::new(guarantee, format!("u{user} {details}")));
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
    let until = settings.envelope.and_then(|bounds| bounds.until);
    if until.is_some_and(|until| request.wall >= MONDAY + until) {
        return wrong(super::ENVELOPE, "was sent to after its end");
    }
    let is_tester = rules.testers.contains(&user);
    if listed.is_none() && !is_tester {
        return wrong("only users of the source are sent to", "is gone");
    }
    if request.activity != settings.activity {
        return wrong("a new delivery has the file's activity", "was sent to under another");
    }
    if let (Some(active_within), Some(listed), false) = (&rules.active_within, listed, is_tester)
        && MONDAY - listed.inactive_for * 1_000 + i64::try_from(active_within.seconds * 1_000).unwrap_or(i64::MAX)
            < request.wall
    {
        return wrong("a lapsed user is not sent to", "had lapsed");
    }
    let others = trace.requests.iter().filter(|before| {
        context.made(before) && before.start < request.start && before.coupon_at.is_some() && !before.lost
    });
    let is_told_wrong = context.scenario.calls_refused();
    let given: BTreeSet<_> = others.map(|before| (before.id, before.activity)).collect();
    if settings.max_coupons.is_some_and(|most| given.len() as u64 >= most) && !is_told_wrong {
        return wrong("max_coupons", "is one too many");
    }
    // Without a value in the file, the value may be learned after a delivery that was held has been skipped: it may hide a coupon,
    // and only the check before a run counts it.
    let is_worth_too_much =
        |worth: WorthSettings| worth.is_in_file && (given.len() as u64 + 1) * worth.each > worth.most;
    if settings.worth.is_some_and(is_worth_too_much) && !is_told_wrong {
        return wrong("max_worth", "is worth too much");
    }
    Ok(())
}

/// Checks the daily limit by the wall clock, if that is never stepped.
fn check_daily_limit(context: CampaignApply<'_>, trace: &Trace, new: &[Request]) -> Result<(), Violation> {
    let (Some(most), false) = (context.campaign.settings.per_day, context.scenario.steps_clock()) else {
        return Ok(());
    };
    for day in new.iter().map(|request| day_of(request.wall)).collect::<BTreeSet<_>>() {
        let on_day = |request: &&Request| context.made(request) && day_of(request.wall) == day && !request.lost;
        let many = trace.requests.iter().filter(on_day).count() as u64;
        if many > most {
            return Err(Violation::new("per_day", format!("{many} starts on a day")));
        }
    }
    Ok(())
}
