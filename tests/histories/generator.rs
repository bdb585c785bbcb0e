//! Drawing a story from a seed. Most stories are short and have a few things go wrong; some have many.

use fastrand::Rng;
use runner::model::outcome::Class;

use crate::scenario::{
    Accepts, Act, Apply, Campaign, Fate, Happening, Repeated, Rules, Said, Says, Scenario, What, code,
};

const SECOND: u64 = 1_000;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;
const DAY_MS: i64 = 86_400_000;
/// Statuses that a wrong address gives.
const WRONG_ADDRESS: [u16; 4] = [302, 401, 403, 404];

/// The story of a seed.
pub fn scenario(seed: u64) -> Scenario {
    let rng = &mut Rng::with_seed(seed);
    let users = [3, 4, 5, 6, 8, 12, 20, 40][rng.usize(0..8).min(rng.usize(0..8))];
    let several = 1 + usize::from(rng.u8(0..100) < 25) + usize::from(rng.u8(0..100) < 5);
    let campaigns: Vec<_> = (0..several).map(|_| rules(rng)).collect();
    let midnight = rng.u8(0..4) == 0;
    let begins = if midnight {
        rng.i64(DAY_MS - 600_000..DAY_MS)
    } else {
        rng.i64(0..DAY_MS)
    };
    let mut fates = fates(rng, users, campaigns[0].timeout);
    fates.splice(0..0, mixed(seed, users, campaigns[0].timeout));
    let runs = 1 + rng.usize(1..8).min(rng.usize(1..8));
    let mut drawn: Vec<_> = (0..several)
        .map(|number| campaign(rng, number, users, begins))
        .collect();
    // Of those with windows, some begin just before the first one closes.
    let begins = match drawn[0].said.hours.first() {
        Some((_, until)) if rng.bool() => i64::from(*until) * 60_000 - rng.i64(1_000..4_000),
        _ => begins,
    };
    let wild = rng.f64();
    let mut applies = Vec::new();
    for n in 0..runs {
        if n > 0 {
            for campaign in &mut drawn {
                edit(rng, &mut campaign.said);
                people(rng, users, campaign);
            }
        }
        for (_, ago) in drawn.iter_mut().flat_map(|campaign| &mut campaign.listed) {
            *ago = rng.i64(0..20 * 3_600);
        }
        let mut campaigns = drawn.clone();
        campaigns.retain(|_| rng.u8(0..100) < 85);
        if campaigns.is_empty() {
            campaigns.push(drawn[rng.usize(0..several)].clone());
        }
        let ((gap, jump), happens) = (between(rng, n), happens(rng, wild, several));
        applies.push(Apply {
            gap,
            jump,
            campaigns,
            accepts: Accepts::only_changes(rng.u8(0..10) > 0),
            at_most: (rng.u8(0..10) == 0).then(|| rng.u64(1..10)),
            no_wait: rng.u8(0..10) == 0,
            kill: (rng.u8(0..3) > 0).then(|| kill(rng)),
            closes: rng.bool(),
            happens,
        });
    }
    let mut scenario = Scenario {
        seed,
        begins,
        campaigns,
        fates,
        applies,
    };
    unsure(&mut scenario, users);
    same_coupon(&mut scenario, users);
    vanish(&mut scenario);
    put_back(&mut scenario);
    scenario
}

/// A source of its own for a part of a story, so that a seed tells what else it always told.
fn apart(scenario: &Scenario, part: u64) -> Rng {
    Rng::with_seed(scenario.seed ^ (part << 48))
}

/// In one of four stories the platform answers a code that is in no table, whether or not it gave the coupon, and the file
/// names that code later. Between applies the activity changes too, and somebody is excluded for a while.
fn unsure(scenario: &mut Scenario, users: u8) {
    let rng = &mut apart(scenario, 1);
    if rng.u8(0..4) > 0 {
        return;
    }
    for _ in 0..rng.u8(1..5) {
        let user = rng.u8(0..users);
        let act = Act {
            gives: at_times(rng, 70, |rng| rng.u64(0..400)),
            ..answer(rng, Says::Code(code::UNSURE))
        };
        let nth = one(rng, &[0, 1, 1, 1, 2, 2, 3]);
        scenario.fates.insert(0, Fate { user, nth, act });
        let stops = |rng: &mut Rng| one(rng, &[code::STOP, code::WAIT]);
        if let Some(stop) = at_times(rng, 30, stops).filter(|_| nth > 0) {
            let act = answer(rng, Says::Code(stop));
            scenario.fates.insert(
                0,
                Fate {
                    user,
                    nth: nth + 1,
                    act,
                },
            );
        }
        let excluded = at_times(rng, 20, |rng| rng.usize(0..scenario.applies.len()));
        if let Some(apply) = excluded.and_then(|at| scenario.applies.get_mut(at)) {
            let campaigns = apply.campaigns.iter_mut();
            campaigns.for_each(|campaign| campaign.excluded.push(user));
        }
    }
    // Some have just enough coupons for everybody who is named at first.
    let enough = at_times(rng, 25, |rng| rng.u64(0..3));
    let (mut class, mut further) = (None, 0);
    for apply in scenario.applies.iter_mut().skip(1) {
        if rng.u8(0..100) < 40 {
            class = one(rng, &[None, Some(Class::Retry), Some(Class::Retry), Some(Class::Hold)]);
        }
        further += u8::from(rng.u8(0..100) < 25);
        for campaign in &mut apply.campaigns {
            campaign.said.unsure = class;
            campaign.said.activity += further;
        }
    }
    let campaigns = scenario.applies.iter_mut().flat_map(|apply| &mut apply.campaigns);
    for campaign in campaigns {
        let owed = u64::from(users) * u64::from(campaign.said.coupons);
        campaign.said.most = enough.map(|more| owed + more).or(campaign.said.most);
        campaign.excluded.sort_unstable();
        campaign.excluded.dedup();
    }
}

/// In one of twelve stories the platform takes a coupon that a user has for another one now and then.
fn same_coupon(scenario: &mut Scenario, users: u8) {
    let rng = &mut apart(scenario, 2);
    let many = if rng.u8(0..12) == 0 { rng.u8(1..4) } else { 0 };
    for _ in 0..many {
        let fate = Fate {
            user: rng.u8(0..users),
            nth: one(rng, &[1, 1, 2]),
            act: answer(rng, Says::SameCoupon),
        };
        scenario.fates.insert(0, fate);
    }
}

/// One of several campaigns that share some of their users.
fn campaign(rng: &mut Rng, number: usize, users: u8, begins: i64) -> Campaign {
    let named = |user: &u8| number == 0 || !(user + u8::try_from(number).unwrap_or_default()).is_multiple_of(4);
    Campaign {
        number,
        said: said(rng, begins),
        listed: (0..users).filter(named).map(|user| (user, 0)).collect(),
        excluded: Vec::new(),
        put_back: None,
    }
}

/// One of some, each as likely as any other.
fn one<T: Copy>(rng: &mut Rng, of: &[T]) -> T {
    of[rng.usize(0..of.len())]
}

/// Something with a chance in percent.
fn at_times<T>(rng: &mut Rng, percent: u8, what: impl FnOnce(&mut Rng) -> T) -> Option<T> {
    (rng.u8(0..100) < percent).then(|| what(rng))
}

fn kill(rng: &mut Rng) -> u64 {
    let most = one(rng, &[10, 40, 150, 400]);
    rng.u64(1..most)
}

fn rules(rng: &mut Rng) -> Rules {
    let ask = rng.u8(0..5) == 0;
    let waves = at_times(rng, 20, |rng| {
        let first = rng.u8(5..60);
        let wait = |rng: &mut Rng| one(rng, &[0, 20 * SECOND, 5 * MINUTE]);
        let halts = |rng: &mut Rng| one(rng, &[100, 100, 40]);
        let mut waves = vec![(first, wait(rng), halts(rng))];
        if rng.bool() {
            waves.push((rng.u8(first + 1..100), wait(rng), halts(rng)));
        }
        waves
    });
    Rules {
        timeout: one(rng, &[500, 2 * SECOND, 10 * SECOND]),
        delays: one(rng, &[(50, 200), (500, 60 * SECOND), (SECOND, 5 * SECOND)]),
        attempts: one(rng, &[1, 2, 6, 6]),
        ask,
        resend_within: one(rng, &[20 * MINUTE, 24 * HOUR, 24 * HOUR]),
        in_flight: one(rng, &[1, 2, 4, 64, 64]),
        waves: waves.unwrap_or_default(),
        active_within: at_times(rng, 15, |rng| (rng.u64(12 * 3_600..24 * 3_600), rng.bool())),
        guards: rng.u8(0..5) == 0,
        repeated: one(
            rng,
            &[
                Repeated::Success,
                Repeated::Success,
                Repeated::Duplicate,
                Repeated::Unlisted,
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

/// Windows of some minutes around the beginning, so that no story waits for hours.
fn hours(rng: &mut Rng, begins: i64) -> Vec<(u16, u16)> {
    let begin = u16::try_from(begins / 60_000).unwrap_or_default();
    let mut at = begin.saturating_sub(rng.u16(0..10));
    let mut windows = Vec::new();
    for _ in 0..rng.u8(1..6) {
        let until = at + rng.u16(1..6);
        if until >= 24 * 60 {
            break;
        }
        windows.push((at, until));
        at = until + rng.u16(1..8);
    }
    windows.push((at.min(24 * 60 - 2), 24 * 60));
    windows.push((0, begin.min(at).saturating_sub(10).max(1)));
    windows
}

fn said(rng: &mut Rng, begins: i64) -> Said {
    let hours = at_times(rng, 30, |rng| hours(rng, begins)).unwrap_or_default();
    let closed = at_times(rng, 4, |rng| vec![rng.i64(0..3)]).unwrap_or_default();
    let start = at_times(rng, 8, |rng| begins + rng.i64(-60_000..600_000));
    let end = at_times(rng, 8, |rng| begins + rng.i64(5_000..3_600_000));
    Said {
        activity: 1,
        coupons: one(rng, &[1, 1, 2, 3]),
        pace: pace(rng),
        per_day: at_times(rng, 10, |rng| rng.u64(4..60)),
        hours,
        closed,
        between: (start, end),
        most: at_times(rng, 5, |rng| rng.u64(5..100)),
        control: at_times(rng, 15, |rng| rng.u8(5..60)).unwrap_or_default(),
        unlisted: None,
        unsure: None,
    }
}

/// Changes the file between two applies, mostly by nothing.
fn edit(rng: &mut Rng, said: &mut Said) {
    match rng.u8(0..30) {
        0 | 1 => said.activity += 1,
        2 => said.coupons = rng.u8(1..4),
        3 => said.pace = pace(rng),
        4 => said.control = rng.u8(0..50),
        5 => said.hours.clear(),
        6 => said.per_day = None,
        7 => said.most = None,
        8 => said.between = (None, None),
        9..=11 => {
            let classes = [Class::Refuse, Class::Issued, Class::Retry, Class::Hold, Class::Wait];
            said.unlisted = Some(one(rng, &classes));
        }
        _ => {}
    }
}

/// People come, go, come back, are named in another order, and say no.
fn people(rng: &mut Rng, users: u8, campaign: &mut Campaign) {
    let Campaign { listed, excluded, .. } = campaign;
    match rng.u8(0..12) {
        0 => listed.retain(|_| rng.u8(0..4) > 0),
        1 => *listed = (0..users + rng.u8(0..4)).map(|user| (user, 0)).collect(),
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

/// How long it is to the next apply, and how the wall is put meanwhile.
fn between(rng: &mut Rng, n: usize) -> (u64, i64) {
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
    (gap, at_times(rng, 6, jump).unwrap_or_default())
}

fn jump(rng: &mut Rng) -> i64 {
    let most = one(rng, &[2_000, 60_000, 3_600_000, DAY_MS]);
    rng.i64(-most..most)
}

fn happens(rng: &mut Rng, wild: f64, several: usize) -> Vec<Happening> {
    let mut happens = Vec::new();
    let many = if wild < 0.3 {
        0
    } else {
        rng.usize(0..5).min(rng.usize(0..6))
    };
    for _ in 0..many {
        let until = one(rng, &[10, 2 * SECOND, 10 * SECOND, MINUTE]);
        let after = rng.u64(0..until);
        let campaign = if several > 1 { rng.usize(0..several) } else { 0 };
        let and = |happens: &mut Vec<_>, later: u64, what| {
            happens.push(Happening {
                after: after + later,
                campaign,
                what,
            });
        };
        match rng.u8(0..17) {
            0 => {
                and(&mut happens, 0, What::Pause);
                and(&mut happens, rng.u64(1..2 * MINUTE), What::Resume);
            }
            1 => and(&mut happens, 0, What::Stop),
            2 => and(&mut happens, 0, What::Jump(jump(rng))),
            3..=6 => {
                let (ms, told_late) = (rng.u64(1..2 * SECOND), rng.bool());
                and(&mut happens, 0, What::Stall { ms, told_late });
                and(&mut happens, rng.u64(1..20 * SECOND), What::Stall { ms: 0, told_late });
            }
            7 => and(&mut happens, 0, What::Fail { written: rng.bool() }),
            8 => and(&mut happens, 0, What::NoToken(rng.u64(1..3 * MINUTE))),
            9 => and(&mut happens, 0, What::TokenRefused),
            10 | 11 => and(&mut happens, 0, What::SlowToken(rng.u64(0..3 * SECOND))),
            12 | 13 => and(&mut happens, 0, What::Outage(rng.u64(1..5 * MINUTE))),
            14 => {
                let (ms, status) = (rng.u64(1..MINUTE), one(rng, &WRONG_ADDRESS));
                and(&mut happens, 0, What::WrongAddress { ms, status });
            }
            _ => and(&mut happens, 0, What::Other(rng.u64(1..MINUTE))),
        }
    }
    happens.sort_by_key(|happening| happening.after);
    happens
}

fn fates(rng: &mut Rng, users: u8, timeout: u64) -> Vec<Fate> {
    let mut fates = Vec::new();
    let share = one(rng, &[0, 10, 25, 60]);
    for user in 0..users {
        if rng.u8(0..100) < 5 {
            let code = one(rng, &[code::REFUSED, code::UNLISTED]);
            let act = answer(rng, Says::Code(code));
            fates.push(Fate { user, nth: 0, act });
        }
        for nth in 1..5 {
            if rng.u8(0..100) < share {
                let act = act(rng, timeout);
                fates.push(Fate { user, nth, act });
            }
        }
    }
    fates
}

/// In one of twenty stories answers are mixed up now and then. It is drawn apart from the rest, so that a seed tells what else it
/// always told.
fn mixed(seed: u64, users: u8, timeout: u64) -> Vec<Fate> {
    let rng = &mut Rng::with_seed(!seed);
    let many = if rng.u8(0..20) == 0 { rng.usize(1..4) } else { 0 };
    let fate = |_| {
        let gives = at_times(rng, 50, |rng| rng.u64(0..timeout));
        let after = rng.u64(1..200);
        Fate {
            user: rng.u8(0..users),
            nth: rng.u32(1..3),
            act: Act {
                gives,
                says: Says::Another,
                after,
            },
        }
    };
    (0..many).map(fate).collect()
}

/// In one of eight stories a ledger is gone in the middle of a run.
fn vanish(scenario: &mut Scenario) {
    let rng = &mut apart(scenario, 3);
    if rng.u8(0..8) > 0 {
        return;
    }
    let (apply, campaign) = (
        rng.usize(0..scenario.applies.len()),
        rng.usize(0..scenario.campaigns.len()),
    );
    let happens = &mut scenario.applies[apply].happens;
    let until = one(rng, &[2 * SECOND, 10 * SECOND, MINUTE]);
    happens.push(Happening {
        after: rng.u64(0..until),
        campaign,
        what: What::Vanish { written: rng.bool() },
    });
    happens.sort_by_key(|happening| happening.after);
}

/// In one of eight stories a ledger is put back from an older copy between two applies, mostly a while after what it lacks.
fn put_back(scenario: &mut Scenario) {
    let rng = &mut apart(scenario, 4);
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
    let most = one(rng, &[2, 5, 20, 60]);
    let campaign = rng.usize(0..apply.campaigns.len());
    apply.campaigns[campaign].put_back = Some(rng.u64(1..most));
}

fn answer(rng: &mut Rng, says: Says) -> Act {
    let after = rng.u64(1..200);
    Act {
        gives: None,
        says,
        after,
    }
}

/// Something that goes wrong with a request.
fn act(rng: &mut Rng, timeout: u64) -> Act {
    let gives = |rng: &mut Rng| at_times(rng, 60, |rng| rng.u64(0..3 * timeout));
    match rng.u8(0..20) {
        0..=3 => Act {
            gives: gives(rng),
            says: Says::Nothing,
            after: timeout,
        },
        4 => Act {
            gives: gives(rng),
            says: Says::Cut,
            after: rng.u64(1..timeout),
        },
        5 => Act {
            gives: gives(rng),
            says: Says::Garbage,
            after: rng.u64(1..timeout),
        },
        6 | 7 => {
            let after = rng.u64(timeout..2 * timeout);
            Act {
                gives: Some(rng.u64(0..=after)),
                says: Says::Given,
                after,
            }
        }
        8 | 9 => Act {
            gives: gives(rng),
            says: Says::Code(code::SYSTEM_ERROR),
            after: rng.u64(1..timeout),
        },
        10 => answer(rng, Says::Code(code::TOO_FAST)),
        11 => {
            let rest = rng.u64(1..30 * SECOND);
            answer(rng, Says::SlowDown(rest))
        }
        12 => answer(rng, Says::Code(code::TOKEN)),
        13 => answer(rng, Says::Code(code::WAIT)),
        14 if rng.u8(0..4) == 0 => answer(rng, Says::Code(code::STOP)),
        14..=16 => answer(rng, Says::Code(code::REFUSED)),
        17 => answer(rng, Says::Code(code::UNLISTED)),
        18 if rng.bool() => {
            let status = one(rng, &WRONG_ADDRESS);
            Act {
                gives: gives(rng),
                ..answer(rng, Says::Status(status))
            }
        }
        18 => {
            let code = one(rng, &[code::REFUSED, code::SYSTEM_ERROR, code::TOKEN, code::UNLISTED]);
            let status = one(rng, &WRONG_ADDRESS);
            answer(rng, Says::CodeUnder { code, status })
        }
        _ => answer(rng, Says::NotSent),
    }
}
