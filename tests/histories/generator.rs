//! Generates a scenario from a seed. Most scenarios are short and have a few faults; some have many.

use fastrand::Rng;
use runner::model::delivery::{Resolution, StateName};
use runner::model::outcome::Class;

use crate::scenario::{
    Acceptance, ActiveWithin, AnswerKind, Apply, Campaign, EnvelopeSettings, FixedSettings, Incident, IncidentKind,
    ListedUser, RepeatAnswer, Response, Scenario, ScriptedResponse, Settings, WaveSettings, Window, WorthSettings,
    code,
};

const SECOND: u64 = 1_000;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;
const DAY_MS: i64 = 86_400_000;
const WRONG_ADDRESS: [u16; 4] = [302, 401, 403, 404];

pub fn scenario(seed: u64) -> Scenario {
    let rng = &mut Rng::with_seed(seed);
    let users = [3, 4, 5, 6, 8, 12, 20, 40][rng.usize(0..8).min(rng.usize(0..8))];
    let several = 1 + usize::from(rng.u8(0..100) < 25) + usize::from(rng.u8(0..100) < 5);
    let campaigns: Vec<_> = (0..several).map(|_| rules(rng)).collect();
    let midnight = rng.u8(0..4) == 0;
    let start_ms = if midnight {
        rng.i64(DAY_MS - 600_000..DAY_MS)
    } else {
        rng.i64(0..DAY_MS)
    };
    let mut responses = responses(rng, users, campaigns[0].timeout);
    responses.splice(0..0, mixed(seed, users, campaigns[0].timeout));
    let runs = 1 + rng.usize(1..8).min(rng.usize(1..8));
    let mut drawn: Vec<_> = (0..several)
        .map(|number| campaign(rng, number, users, start_ms))
        .collect();
    // Some campaigns with windows start just before the first one closes.
    let start_ms = match drawn[0].settings.hours.first() {
        Some(window) if rng.bool() => i64::from(window.until) * 60_000 - rng.i64(1_000..4_000),
        _ => start_ms,
    };
    let wild = rng.f64();
    let mut applies = Vec::new();
    for n in 0..runs {
        if n > 0 {
            for campaign in &mut drawn {
                edit_settings(rng, &mut campaign.settings);
                edit_audience(rng, users, campaign);
            }
        }
        for row in drawn.iter_mut().flat_map(|campaign| &mut campaign.listed) {
            row.inactive_for = rng.i64(0..20 * 3_600);
        }
        let mut campaigns = drawn.clone();
        campaigns.retain(|_| rng.u8(0..100) < 85);
        if campaigns.is_empty() {
            campaigns.push(drawn[rng.usize(0..several)].clone());
        }
        let (gap, clock_step) = gap_and_step(rng, n);
        let incidents = incidents(rng, wild, several);
        applies.push(Apply {
            gap,
            clock_step,
            campaigns,
            accepts: Acceptance::only_changes(rng.u8(0..10) > 0),
            approved: false,
            at_most: (rng.u8(0..10) == 0).then(|| rng.u64(1..10)),
            no_wait: rng.u8(0..10) == 0,
            kill_at_step: (rng.u8(0..3) > 0).then(|| kill(rng)),
            closes_ledger: rng.bool(),
            incidents,
        });
    }
    let mut scenario = Scenario {
        seed,
        start_ms,
        campaigns,
        responses,
        is_fleet: false,
        applies,
    };
    unsure(&mut scenario, users);
    same_coupon(&mut scenario, users);
    remove_ledger(&mut scenario);
    restore_ledger(&mut scenario);
    stalled_connects(&mut scenario);
    approvals(&mut scenario, users);
    decisions(&mut scenario);
    worth(&mut scenario);
    fleet(&mut scenario);
    envelope(&mut scenario);
    scenario
}

/// A random source for one addition, so that the rest of a seed's scenario stays as it was.
fn rng_for(scenario: &Scenario, context: u64) -> Rng {
    Rng::with_seed(scenario.seed ^ (context << 48))
}

/// One scenario in four: the platform answers with an unlisted code, whether or not it issued the coupon, and the file
/// classifies that code later. Between applies the activity changes too, and some users are excluded for a while.
fn unsure(scenario: &mut Scenario, users: u8) {
    let rng = &mut rng_for(scenario, 1);
    if rng.u8(0..4) > 0 {
        return;
    }
    for _ in 0..rng.u8(1..5) {
        let user = rng.u8(0..users);
        let response = Response {
            issues_after: maybe(rng, 70, |rng| rng.u64(0..400)),
            ..answer(rng, AnswerKind::Code(code::UNSURE))
        };
        let nth = choose(rng, &[0, 1, 1, 1, 2, 2, 3]);
        scenario.responses.insert(0, ScriptedResponse { user, nth, response });
        let stops = |rng: &mut Rng| choose(rng, &[code::STOP, code::WAIT]);
        if let Some(stop) = maybe(rng, 30, stops).filter(|_| nth > 0) {
            let response = answer(rng, AnswerKind::Code(stop));
            scenario.responses.insert(
                0,
                ScriptedResponse {
                    user,
                    nth: nth + 1,
                    response,
                },
            );
        }
        let excluded = maybe(rng, 20, |rng| rng.usize(0..scenario.applies.len()));
        if let Some(apply) = excluded.and_then(|at| scenario.applies.get_mut(at)) {
            let campaigns = apply.campaigns.iter_mut();
            campaigns.for_each(|campaign| campaign.excluded.push(user));
        }
    }
    // Sometimes `max_coupons` is just enough for the users of the first apply.
    let enough = maybe(rng, 25, |rng| rng.u64(0..3));
    let mut class = None;
    let mut further = 0;
    for apply in scenario.applies.iter_mut().skip(1) {
        if rng.u8(0..100) < 40 {
            class = choose(rng, &[None, Some(Class::Retry), Some(Class::Retry), Some(Class::Hold)]);
        }
        further += u8::from(rng.u8(0..100) < 25);
        for campaign in &mut apply.campaigns {
            campaign.settings.unsure = class;
            campaign.settings.activity += further;
        }
    }
    let campaigns = scenario.applies.iter_mut().flat_map(|apply| &mut apply.campaigns);
    for campaign in campaigns {
        let owed = u64::from(users) * u64::from(campaign.settings.coupons_per_user);
        campaign.settings.max_coupons = enough.map(|more| owed + more).or(campaign.settings.max_coupons);
        campaign.excluded.sort_unstable();
        campaign.excluded.dedup();
    }
}

/// One scenario in twelve: some answers name a coupon that the user, or another one, already has.
fn same_coupon(scenario: &mut Scenario, users: u8) {
    let rng = &mut rng_for(scenario, 2);
    let many = if rng.u8(0..12) == 0 { rng.u8(1..4) } else { 0 };
    for _ in 0..many {
        let fate = ScriptedResponse {
            user: rng.u8(0..users),
            nth: choose(rng, &[1, 1, 2]),
            response: answer(rng, AnswerKind::SameCoupon),
        };
        scenario.responses.insert(0, fate);
    }
}

/// The campaigns share some of their users.
fn campaign(rng: &mut Rng, number: usize, users: u8, start_ms: i64) -> Campaign {
    let named = |user: &u8| number == 0 || !(user + u8::try_from(number).unwrap_or_default()).is_multiple_of(4);
    Campaign {
        number,
        settings: settings(rng, start_ms),
        listed: (0..users).filter(named).map(ListedUser::new).collect(),
        excluded: Vec::new(),
        restored_without: None,
    }
}

/// Returns one of several values with equal probability.
fn choose<T: Copy>(rng: &mut Rng, of: &[T]) -> T {
    of[rng.usize(0..of.len())]
}

/// Returns a value with a probability in percent.
fn maybe<T>(rng: &mut Rng, percent: u8, what: impl FnOnce(&mut Rng) -> T) -> Option<T> {
    (rng.u8(0..100) < percent).then(|| what(rng))
}

fn kill(rng: &mut Rng) -> u64 {
    let most = choose(rng, &[10, 40, 150, 400]);
    rng.u64(1..most)
}

fn rules(rng: &mut Rng) -> FixedSettings {
    let asks_person = rng.u8(0..5) == 0;
    let waves = maybe(rng, 20, |rng| {
        let first = rng.u8(5..60);
        let wait = |rng: &mut Rng| choose(rng, &[0, 20 * SECOND, 5 * MINUTE]);
        let halts = |rng: &mut Rng| choose(rng, &[100, 100, 40]);
        let mut waves = vec![WaveSettings {
            share: first,
            wait: wait(rng),
            approval: false,
            halt_share: halts(rng),
        }];
        if rng.bool() {
            waves.push(WaveSettings {
                share: rng.u8(first + 1..100),
                wait: wait(rng),
                approval: false,
                halt_share: halts(rng),
            });
        }
        waves
    });
    let timeout = choose(rng, &[500, 2 * SECOND, 10 * SECOND]);
    let (first_delay, max_delay) = choose(rng, &[(50, 200), (500, 60 * SECOND), (SECOND, 5 * SECOND)]);
    FixedSettings {
        timeout,
        first_delay,
        max_delay,
        attempts: choose(rng, &[1, 2, 6, 6]),
        asks_person,
        resend_within: choose(rng, &[20 * MINUTE, 24 * HOUR, 24 * HOUR]),
        max_in_flight: choose(rng, &[1, 2, 4, 64, 64]),
        waves: waves.unwrap_or_default(),
        testers: Vec::new(),
        active_within: maybe(rng, 15, |rng| ActiveWithin {
            seconds: rng.u64(12 * 3_600..24 * 3_600),
            expiring_first: rng.bool(),
        }),
        strict_halts: rng.u8(0..5) == 0,
        on_repeat: choose(
            rng,
            &[
                RepeatAnswer::Success,
                RepeatAnswer::Success,
                RepeatAnswer::Duplicate,
                RepeatAnswer::Unlisted,
            ],
        ),
    }
}

fn pace(rng: &mut Rng) -> u64 {
    match rng.u8(0..10) {
        0 => rng.u64(100..1_000),
        1 => rng.u64(1_000..4_000),
        2..=6 => rng.u64(1..8) * 1_000,
        7 | 8 => rng.u64(8..40) * 1_000,
        _ => rng.u64(40..99) * 1_000,
    }
}

/// Windows of some minutes around the start, so that no history waits for hours.
fn hours(rng: &mut Rng, start_ms: i64) -> Vec<Window> {
    let begin = u16::try_from(start_ms / 60_000).unwrap_or_default();
    let mut at = begin.saturating_sub(rng.u16(0..10));
    let mut windows = Vec::new();
    for _ in 0..rng.u8(1..6) {
        let until = at + rng.u16(1..6);
        if until >= 24 * 60 {
            break;
        }
        windows.push(Window { from: at, until });
        at = until + rng.u16(1..8);
    }
    windows.push(Window {
        from: at.min(24 * 60 - 2),
        until: 24 * 60,
    });
    windows.push(Window {
        from: 0,
        until: begin.min(at).saturating_sub(10).max(1),
    });
    windows
}

fn settings(rng: &mut Rng, start_ms: i64) -> Settings {
    let hours = maybe(rng, 30, |rng| hours(rng, start_ms)).unwrap_or_default();
    let closed = maybe(rng, 4, |rng| vec![rng.i64(0..3)]).unwrap_or_default();
    let start = maybe(rng, 8, |rng| start_ms + rng.i64(-60_000..600_000));
    let end = maybe(rng, 8, |rng| start_ms + rng.i64(5_000..3_600_000));
    Settings {
        activity: 1,
        coupons_per_user: choose(rng, &[1, 1, 2, 3]),
        milli_pace: pace(rng),
        per_day: maybe(rng, 10, |rng| rng.u64(4..60)),
        hours,
        closed,
        start,
        end,
        max_coupons: maybe(rng, 5, |rng| rng.u64(5..100)),
        worth: None,
        envelope: None,
        control_percent: maybe(rng, 15, |rng| rng.u8(5..60)).unwrap_or_default(),
        unlisted: None,
        unsure: None,
    }
}

/// Edits the file between two applies. Most draws change nothing.
fn edit_settings(rng: &mut Rng, settings: &mut Settings) {
    match rng.u8(0..30) {
        0 | 1 => settings.activity += 1,
        2 => settings.coupons_per_user = rng.u8(1..4),
        3 => settings.milli_pace = pace(rng),
        4 => settings.control_percent = rng.u8(0..50),
        5 => settings.hours.clear(),
        6 => settings.per_day = None,
        7 => settings.max_coupons = None,
        8 => {
            settings.start = None;
            settings.end = None;
        }
        9..=11 => {
            let classes = [Class::Refuse, Class::Issued, Class::Retry, Class::Hold, Class::Wait];
            settings.unlisted = Some(choose(rng, &classes));
        }
        _ => {}
    }
}

/// Changes the audience: users are added, removed, reordered, excluded and included again.
fn edit_audience(rng: &mut Rng, users: u8, campaign: &mut Campaign) {
    let Campaign { listed, excluded, .. } = campaign;
    match rng.u8(0..12) {
        0 => listed.retain(|_| rng.u8(0..4) > 0),
        1 => *listed = (0..users + rng.u8(0..4)).map(ListedUser::new).collect(),
        2 => rng.shuffle(listed),
        3 => excluded.push(rng.u8(0..users)),
        4 => {
            excluded.pop();
        }
        _ => {}
    }
    excluded.sort_unstable();
    excluded.dedup();
}

/// The gap before the next apply, and the step of the wall clock meanwhile.
fn gap_and_step(rng: &mut Rng, n: usize) -> (u64, i64) {
    if n == 0 {
        return (0, 0);
    }
    let gap = match rng.u8(0..12) {
        0..=4 => 0,
        5 | 6 => rng.u64(1..2 * SECOND),
        7..=9 => rng.u64(SECOND..5 * MINUTE),
        10 => rng.u64(MINUTE..3 * HOUR),
        _ => rng.u64(HOUR..26 * HOUR),
    };
    (gap, maybe(rng, 6, clock_step).unwrap_or_default())
}

fn clock_step(rng: &mut Rng) -> i64 {
    let most = choose(rng, &[2_000, 60_000, 3_600_000, DAY_MS]);
    rng.i64(-most..most)
}

fn incidents(rng: &mut Rng, wild: f64, several: usize) -> Vec<Incident> {
    let mut incidents = Vec::new();
    let many = if wild < 0.3 {
        0
    } else {
        rng.usize(0..5).min(rng.usize(0..6))
    };
    for _ in 0..many {
        let until = choose(rng, &[10, 2 * SECOND, 10 * SECOND, MINUTE]);
        let after = rng.u64(0..until);
        let campaign = if several > 1 { rng.usize(0..several) } else { 0 };
        let and = |incidents: &mut Vec<_>, later: u64, kind| {
            incidents.push(Incident {
                after: after + later,
                campaign,
                kind,
            });
        };
        match rng.u8(0..17) {
            0 => {
                and(&mut incidents, 0, IncidentKind::Pause);
                and(&mut incidents, rng.u64(1..2 * MINUTE), IncidentKind::Resume);
            }
            1 => and(&mut incidents, 0, IncidentKind::Stop),
            2 => and(&mut incidents, 0, IncidentKind::ClockStep(clock_step(rng))),
            3..=6 => {
                let ms = rng.u64(1..2 * SECOND);
                let after_write = rng.bool();
                and(&mut incidents, 0, IncidentKind::DiskStall { ms, after_write });
                and(
                    &mut incidents,
                    rng.u64(1..20 * SECOND),
                    IncidentKind::DiskStall { ms: 0, after_write },
                );
            }
            7 => and(&mut incidents, 0, IncidentKind::DiskFailure { durable: rng.bool() }),
            8 => and(&mut incidents, 0, IncidentKind::TokenOutage(rng.u64(1..3 * MINUTE))),
            9 => and(&mut incidents, 0, IncidentKind::TokenRefused),
            10 | 11 => and(&mut incidents, 0, IncidentKind::SlowToken(rng.u64(0..3 * SECOND))),
            12 | 13 => and(&mut incidents, 0, IncidentKind::PlatformOutage(rng.u64(1..5 * MINUTE))),
            14 => {
                let ms = rng.u64(1..MINUTE);
                let status = choose(rng, &WRONG_ADDRESS);
                and(&mut incidents, 0, IncidentKind::WrongAddress { ms, status });
            }
            _ => and(&mut incidents, 0, IncidentKind::OtherProcess(rng.u64(1..MINUTE))),
        }
    }
    incidents.sort_by_key(|happening| happening.after);
    incidents
}

fn responses(rng: &mut Rng, users: u8, timeout: u64) -> Vec<ScriptedResponse> {
    let mut responses = Vec::new();
    let share = choose(rng, &[0, 10, 25, 60]);
    for user in 0..users {
        if rng.u8(0..100) < 5 {
            let code = choose(rng, &[code::REFUSED, code::UNLISTED]);
            let response = answer(rng, AnswerKind::Code(code));
            responses.push(ScriptedResponse { user, nth: 0, response });
        }
        for nth in 1..5 {
            if rng.u8(0..100) < share {
                let response = faulty_response(rng, timeout);
                responses.push(ScriptedResponse { user, nth, response });
            }
        }
    }
    responses
}

/// One scenario in twenty: some answers are those of another delivery.
fn mixed(seed: u64, users: u8, timeout: u64) -> Vec<ScriptedResponse> {
    let rng = &mut Rng::with_seed(!seed);
    let many = if rng.u8(0..20) == 0 { rng.usize(1..4) } else { 0 };
    let fate = |_| {
        let issues_after = maybe(rng, 50, |rng| rng.u64(0..timeout));
        let after = rng.u64(1..200);
        ScriptedResponse {
            user: rng.u8(0..users),
            nth: rng.u32(1..3),
            response: Response {
                issues_after,
                answer: AnswerKind::OtherDelivery,
                after,
            },
        }
    };
    (0..many).map(fate).collect()
}

/// One scenario in eight: a ledger is removed during a run.
fn remove_ledger(scenario: &mut Scenario) {
    let rng = &mut rng_for(scenario, 3);
    if rng.u8(0..8) > 0 {
        return;
    }
    let apply = rng.usize(0..scenario.applies.len());
    let campaign = rng.usize(0..scenario.campaigns.len());
    let incidents = &mut scenario.applies[apply].incidents;
    let until = choose(rng, &[2 * SECOND, 10 * SECOND, MINUTE]);
    incidents.push(Incident {
        after: rng.u64(0..until),
        campaign,
        kind: IncidentKind::LedgerRemoved { durable: rng.bool() },
    });
    incidents.sort_by_key(|happening| happening.after);
}

/// One scenario in eight: connects stall for a while and then complete together.
fn stalled_connects(scenario: &mut Scenario) {
    let rng = &mut rng_for(scenario, 5);
    if rng.u8(0..8) > 0 {
        return;
    }
    let apply = rng.usize(0..scenario.applies.len());
    let incidents = &mut scenario.applies[apply].incidents;
    incidents.push(Incident {
        after: rng.u64(0..10 * SECOND),
        campaign: 0,
        kind: IncidentKind::StalledConnects(rng.u64(SECOND..5 * SECOND)),
    });
    incidents.sort_by_key(|incident| incident.after);
}

/// One scenario in six: the coupons have a value, and there is a limit of it, which is sometimes raised.
fn worth(scenario: &mut Scenario) {
    let rng = &mut rng_for(scenario, 7);
    if rng.u8(0..6) > 0 {
        return;
    }
    let each = choose(rng, &[1, 500, 1_000]);
    let is_in_file = rng.bool();
    let is_stated = rng.u8(0..3) > 0;
    let mut coupons = rng.u64(0..60);
    for apply in &mut scenario.applies {
        if rng.u8(0..3) == 0 {
            coupons += rng.u64(0..40);
        }
        for campaign in &mut apply.campaigns {
            campaign.settings.worth = Some(WorthSettings {
                each,
                is_in_file,
                is_stated,
                most: (each * coupons + rng.u64(0..each)).max(1),
            });
        }
    }
}

/// One scenario in four: the applies go by approvals of the service, whose bounds are sometimes too narrow and sometimes wider in a
/// later apply.
fn envelope(scenario: &mut Scenario) {
    let rng = &mut rng_for(scenario, 9);
    if rng.u8(0..4) > 0 {
        return;
    }
    let mut coupons = rng.u64(1..60);
    let start_ms = scenario.start_ms;
    for apply in &mut scenario.applies {
        if rng.u8(0..3) == 0 {
            coupons += rng.u64(0..40);
        }
        let is_approved = rng.u8(0..8) > 0;
        let until = maybe(rng, 40, |rng| start_ms + rng.i64(2_000..3_600_000));
        let audience = maybe(rng, 30, |rng| rng.u64(2..45));
        for campaign in &mut apply.campaigns {
            let settings = &mut campaign.settings;
            let each = settings.worth.map_or(1, |worth| worth.each);
            settings.envelope = is_approved.then_some(EnvelopeSettings {
                coupons,
                most: maybe(rng, 50, |rng| each * rng.u64(1..60)),
                until,
                audience,
            });
        }
    }
}

/// One scenario in four: the applies are those of workers of a fleet. Leases end, are renewed late or not at all, and the app id is
/// handed over.
fn fleet(scenario: &mut Scenario) {
    let rng = &mut rng_for(scenario, 8);
    if rng.u8(0..4) > 0 {
        return;
    }
    scenario.is_fleet = true;
    let several = scenario.campaigns.len();
    let mut is_next_at_once = false;
    // The campaign that the next apply leaves out, because it was the only one of the apply before.
    let mut left_out = None;
    for apply in &mut scenario.applies {
        if is_next_at_once {
            apply.gap = 0;
        }
        if let Some(left_out) = left_out.take() {
            retain_some(apply, |campaign| campaign.number != left_out);
        }
        apply
            .incidents
            .retain(|incident| !matches!(incident.kind, IncidentKind::OtherProcess(_)));
        // Nothing is sent in the first three seconds of most terms.
        let until = choose(rng, &[SECOND, 4 * SECOND, MINUTE]);
        let after = choose(rng, &[0, 3 * SECOND, 3 * SECOND]) + rng.u64(0..until);
        let mut add = |later: u64, kind| {
            apply.incidents.push(Incident {
                after: after + later,
                campaign: 0,
                kind,
            });
        };
        let drawn = rng.u8(0..10);
        match drawn {
            0..=4 => {
                add(0, IncidentKind::LeaseEnds);
                let later = choose(rng, &[0, 300, 3 * SECOND]);
                let is_cut_off = rng.u8(0..3) > 0;
                add(rng.u64(0..=later), IncidentKind::Fenced { is_cut_off });
            }
            5 | 6 => {
                add(0, IncidentKind::LeaseEnds);
                add(rng.u64(1..20 * SECOND), IncidentKind::LeaseRenewed);
            }
            7 | 8 => add(0, IncidentKind::HandOver),
            _ => {}
        }
        is_next_at_once = drawn <= 4 && rng.u8(0..3) > 0;
        if drawn <= 4 && several > 1 && rng.bool() {
            let only = rng.usize(0..several);
            retain_some(apply, |campaign| campaign.number == only);
            left_out = Some(only);
        }
        apply.incidents.sort_by_key(|incident| incident.after);
    }
}

/// Removes campaigns from an apply, unless none would be left.
fn retain_some(apply: &mut Apply, is_kept: impl Fn(&Campaign) -> bool) {
    if apply.campaigns.iter().any(&is_kept) {
        apply.campaigns.retain(is_kept);
    }
}

/// One scenario in five: a person decides about deliveries during the applies.
fn decisions(scenario: &mut Scenario) {
    let rng = &mut rng_for(scenario, 9);
    if rng.u8(0..5) > 0 {
        return;
    }
    let several = scenario.campaigns.len();
    for apply in &mut scenario.applies {
        for _ in 0..rng.u8(0..4) {
            let until = choose(rng, &[SECOND, 10 * SECOND, MINUTE, 10 * MINUTE]);
            let states = [StateName::Held, StateName::InDoubt, StateName::Refused];
            let owed = Resolution::Owed { may_double: true };
            apply.incidents.push(Incident {
                after: rng.u64(0..until),
                campaign: rng.usize(0..several),
                kind: IncidentKind::Resolve {
                    state: choose(rng, &states),
                    to: choose(rng, &[Resolution::Issued, Resolution::Refused, owed, owed]),
                },
            });
        }
        apply.incidents.sort_by_key(|incident| incident.after);
    }
}

/// One scenario in six: testers and waves need approvals, which come during the applies or between them.
fn approvals(scenario: &mut Scenario, users: u8) {
    let rng = &mut rng_for(scenario, 6);
    if rng.u8(0..6) > 0 {
        return;
    }
    for rules in &mut scenario.campaigns {
        if rules.waves.is_empty() {
            rules.waves.push(WaveSettings {
                share: rng.u8(5..60),
                wait: 0,
                approval: false,
                halt_share: 100,
            });
        }
        for wave in &mut rules.waves {
            wave.approval = rng.u8(0..3) > 0;
        }
        if rng.bool() {
            rules.testers = (0..rng.u8(1..4)).map(|_| rng.u8(0..users + 3)).collect();
            rules.testers.sort_unstable();
            rules.testers.dedup();
        }
    }
    let several = scenario.campaigns.len();
    for apply in &mut scenario.applies {
        apply.approved = rng.u8(0..3) == 0;
        for _ in 0..rng.u8(0..4) {
            let until = choose(rng, &[2 * SECOND, 10 * SECOND, MINUTE, 10 * MINUTE]);
            apply.incidents.push(Incident {
                after: rng.u64(0..until),
                campaign: rng.usize(0..several),
                kind: IncidentKind::Approve,
            });
        }
        apply.incidents.sort_by_key(|incident| incident.after);
    }
}

/// One scenario in eight: a ledger is restored from an older copy between two applies, mostly some minutes after the
/// lost batches.
fn restore_ledger(scenario: &mut Scenario) {
    let rng = &mut rng_for(scenario, 4);
    if rng.u8(0..8) > 0 || scenario.applies.len() < 2 {
        return;
    }
    let at = rng.usize(1..scenario.applies.len());
    for apply in &mut scenario.applies[at..] {
        apply.accepts.older_ledger = rng.u8(0..100) < 60;
        apply.accepts.replays = rng.bool();
    }
    let apply = &mut scenario.applies[at];
    if rng.u8(0..3) > 0 {
        apply.gap += rng.u64(MINUTE..30 * MINUTE);
    }
    let most = choose(rng, &[2, 5, 20, 60]);
    let campaign = rng.usize(0..apply.campaigns.len());
    apply.campaigns[campaign].restored_without = Some(rng.u64(1..most));
}

fn answer(rng: &mut Rng, answer: AnswerKind) -> Response {
    let after = rng.u64(1..200);
    Response {
        issues_after: None,
        answer,
        after,
    }
}

fn faulty_response(rng: &mut Rng, timeout: u64) -> Response {
    let issues_after = |rng: &mut Rng| maybe(rng, 60, |rng| rng.u64(0..3 * timeout));
    match rng.u8(0..20) {
        0..=3 => Response {
            issues_after: issues_after(rng),
            answer: AnswerKind::NoAnswer,
            after: timeout,
        },
        4 => Response {
            issues_after: issues_after(rng),
            answer: AnswerKind::Cut,
            after: rng.u64(1..timeout),
        },
        5 => Response {
            issues_after: issues_after(rng),
            answer: AnswerKind::Unreadable,
            after: rng.u64(1..timeout),
        },
        6 | 7 => {
            let after = rng.u64(timeout..2 * timeout);
            Response {
                issues_after: Some(rng.u64(0..=after)),
                answer: AnswerKind::Issued,
                after,
            }
        }
        8 | 9 => Response {
            issues_after: issues_after(rng),
            answer: AnswerKind::Code(code::SYSTEM_ERROR),
            after: rng.u64(1..timeout),
        },
        10 => answer(rng, AnswerKind::Code(code::TOO_FAST)),
        11 => {
            let rest = rng.u64(1..30 * SECOND);
            answer(rng, AnswerKind::SlowDown(rest))
        }
        12 => answer(rng, AnswerKind::Code(code::TOKEN)),
        13 => answer(rng, AnswerKind::Code(code::WAIT)),
        14 if rng.u8(0..4) == 0 => answer(rng, AnswerKind::Code(code::STOP)),
        14..=16 => answer(rng, AnswerKind::Code(code::REFUSED)),
        17 => answer(rng, AnswerKind::Code(code::UNLISTED)),
        18 if rng.bool() => {
            let status = choose(rng, &WRONG_ADDRESS);
            Response {
                issues_after: issues_after(rng),
                ..answer(rng, AnswerKind::Status(status))
            }
        }
        18 => {
            let code = choose(rng, &[code::REFUSED, code::SYSTEM_ERROR, code::TOKEN, code::UNLISTED]);
            let status = choose(rng, &WRONG_ADDRESS);
            answer(rng, AnswerKind::CodeWithStatus { code, status })
        }
        _ => answer(rng, AnswerKind::NotSent),
    }
}
