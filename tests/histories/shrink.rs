//! Cutting a story down to what breaks a promise: whatever can be left out, is.

use crate::scenario::{FixedSettings, Scenario, Settings};

/// So many tries at most.
const TRIES: usize = 3_000;

/// The shortest story found that breaks the same promise, and in how many tries.
pub fn shortest(scenario: &Scenario, promise: &str) -> (Scenario, usize) {
    let (mut shortest, mut tries) = (scenario.clone(), 0);
    'again: loop {
        for shorter in shorter(&shortest) {
            tries += 1;
            if tries > TRIES {
                return (shortest, tries);
            }
            if crate::violation_in(&shorter)
                .0
                .is_some_and(|broken| broken.promise == promise)
            {
                shortest = shorter;
                continue 'again;
            }
        }
        return (shortest, tries);
    }
}

/// Every story that is a little shorter or plainer, the ones that lack most first.
fn shorter(scenario: &Scenario) -> Vec<Scenario> {
    let mut all = Vec::new();
    for at in 0..scenario.applies.len().max(1) {
        with(&mut all, scenario, |scenario| {
            if scenario.applies.len() > 1 {
                scenario.applies.remove(at);
            }
        });
    }
    for number in 0..scenario.campaigns.len() {
        with(&mut all, scenario, |scenario| without_campaign(scenario, number));
        for at in 0..scenario.applies.len() {
            with(&mut all, scenario, |scenario| {
                let campaigns = &mut scenario.applies[at].campaigns;
                campaigns.retain(|campaign| campaign.number != number);
            });
        }
    }
    let campaigns = scenario.applies.iter().flat_map(|apply| &apply.campaigns);
    let users = campaigns.flat_map(|campaign| &campaign.listed).map(|(user, _)| *user);
    let users: std::collections::BTreeSet<_> = users.collect();
    let (half, half_of) = (
        users.iter().nth(users.len() / 2).copied().unwrap_or_default(),
        users.len() > 3,
    );
    with(&mut all, scenario, |scenario| {
        without(scenario, |user| half_of && user >= half);
    });
    with(&mut all, scenario, |scenario| {
        without(scenario, |user| half_of && user < half);
    });
    for user in &users {
        with(&mut all, scenario, |scenario| without(scenario, |of| of == *user));
    }
    for at in 0..scenario.responses.len() {
        with(&mut all, scenario, |scenario| {
            scenario.responses.remove(at);
        });
    }
    for (at, apply) in scenario.applies.iter().enumerate() {
        for happening in 0..apply.incidents.len() {
            with(&mut all, scenario, |scenario| {
                scenario.applies[at].incidents.remove(happening);
            });
        }
        with(&mut all, scenario, |scenario| scenario.applies[at].kill = None);
        with(&mut all, scenario, |scenario| {
            scenario.applies[at].closes_ledger = false;
        });
        for number in 0..apply.campaigns.len() {
            with(&mut all, scenario, |scenario| {
                scenario.applies[at].campaigns[number].excluded.clear();
            });
            with(&mut all, scenario, |scenario| {
                scenario.applies[at].campaigns[number].restored_without = None;
            });
        }
        with(&mut all, scenario, |scenario| {
            (scenario.applies[at].gap, scenario.applies[at].jump) = (0, 0);
        });
        with(&mut all, scenario, |scenario| {
            (scenario.applies[at].at_most, scenario.applies[at].no_wait) = (None, false);
        });
        with(&mut all, scenario, |scenario| {
            scenario.applies[at].accepts.changes = true;
        });
        if at > 0 {
            for number in 0..apply.campaigns.len() {
                with(&mut all, scenario, |scenario| {
                    let before = scenario.applies[at - 1].campaigns.get(number).cloned();
                    let campaign = &mut scenario.applies[at].campaigns[number];
                    if let Some(before) = before.filter(|before| before.number == campaign.number) {
                        campaign.settings = before.settings;
                    }
                });
            }
        }
    }
    file(&mut all, scenario);
    all.retain(|shorter| {
        let mut campaigns = shorter.applies.iter().flat_map(|apply| &apply.campaigns);
        let each_has_some = shorter.applies.iter().all(|apply| !apply.campaigns.is_empty());
        each_has_some && campaigns.any(|campaign| !campaign.listed.is_empty())
    });
    all
}

/// Plainer campaign files.
fn file(all: &mut Vec<Scenario>, scenario: &Scenario) {
    let plain: [fn(&mut FixedSettings); 5] = [
        |rules| rules.waves.clear(),
        |rules| rules.active_within = None,
        |rules| rules.strict_halts = false,
        |rules| rules.in_flight = 64,
        |rules| rules.attempts = 6,
    ];
    for plain in plain {
        with(all, scenario, |scenario| scenario.campaigns.iter_mut().for_each(plain));
    }
    let plain: [fn(&mut Settings); 9] = [
        |said| said.hours.clear(),
        |said| said.closed.clear(),
        |said| said.between = (None, None),
        |said| said.per_day = None,
        |said| said.most = None,
        |said| said.control = 0,
        |said| said.coupons = 1,
        |said| said.unlisted = None,
        |said| said.unsure = None,
    ];
    for plain in plain {
        with(all, scenario, |scenario| {
            let campaigns = scenario.applies.iter_mut().flat_map(|apply| &mut apply.campaigns);
            campaigns.for_each(|campaign| plain(&mut campaign.settings));
        });
    }
}

/// Adds what a cut makes of a story, if that is another one.
fn with(all: &mut Vec<Scenario>, scenario: &Scenario, cut: impl FnOnce(&mut Scenario)) {
    let mut shorter = scenario.clone();
    cut(&mut shorter);
    if shorter != *scenario {
        all.push(shorter);
    }
}

fn without(scenario: &mut Scenario, left_out: impl Fn(u8) -> bool) {
    scenario.responses.retain(|fate| !left_out(fate.user));
    for campaign in scenario.applies.iter_mut().flat_map(|apply| &mut apply.campaigns) {
        campaign.listed.retain(|(user, _)| !left_out(*user));
        campaign.excluded.retain(|user| !left_out(*user));
    }
}

/// Leaves a campaign out, if there is another one.
fn without_campaign(scenario: &mut Scenario, number: usize) {
    if scenario.campaigns.len() == 1 {
        return;
    }
    scenario.campaigns.remove(number);
    for apply in &mut scenario.applies {
        apply.campaigns.retain(|campaign| campaign.number != number);
        apply.incidents.retain(|happening| happening.campaign != number);
        let campaigns = apply.campaigns.iter_mut().map(|campaign| &mut campaign.number);
        let happens = apply.incidents.iter_mut().map(|happening| &mut happening.campaign);
        for later in campaigns.chain(happens).filter(|later| **later > number) {
            *later -= 1;
        }
    }
    scenario.applies.retain(|apply| !apply.campaigns.is_empty());
}
