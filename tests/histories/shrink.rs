//! Reduces a scenario that violates a guarantee to its shortest form.

use crate::scenario::{FixedSettings, Scenario, Settings};

const TRIES: usize = 3_000;

pub struct Shrunk {
    pub scenario: Scenario,
    pub tries: usize,
}

/// The shortest scenario found that violates the same guarantee.
pub fn shortest(scenario: &Scenario, guarantee: &str) -> Shrunk {
    let mut shortest = scenario.clone();
    let mut tries = 0;
    'again: loop {
        for shorter in shorter(&shortest) {
            tries += 1;
            if tries > TRIES {
                break 'again;
            }
            let violation = crate::run_caught(&shorter).violation;
            if violation.is_some_and(|violation| violation.guarantee == guarantee) {
                shortest = shorter;
                continue 'again;
            }
        }
        break;
    }
    Shrunk {
        scenario: shortest,
        tries,
    }
}

/// All scenarios with one part removed or simplified, the largest cuts first.
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
    let users = campaigns
        .flat_map(|campaign| &campaign.listed)
        .map(|listed| listed.user);
    let users: std::collections::BTreeSet<_> = users.collect();
    let half = users.iter().nth(users.len() / 2).copied().unwrap_or_default();
    let half_of = users.len() > 3;
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
        for incident in 0..apply.incidents.len() {
            with(&mut all, scenario, |scenario| {
                scenario.applies[at].incidents.remove(incident);
            });
        }
        with(&mut all, scenario, |scenario| scenario.applies[at].kill_at_step = None);
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
            scenario.applies[at].gap = 0;
            scenario.applies[at].clock_step = 0;
        });
        with(&mut all, scenario, |scenario| {
            scenario.applies[at].at_most = None;
            scenario.applies[at].no_wait = false;
        });
        with(&mut all, scenario, |scenario| scenario.applies[at].approved = false);
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
    with(&mut all, scenario, |scenario| scenario.is_fleet = false);
    file(&mut all, scenario);
    all.retain(|shorter| {
        let mut campaigns = shorter.applies.iter().flat_map(|apply| &apply.campaigns);
        let each_has_some = shorter.applies.iter().all(|apply| !apply.campaigns.is_empty());
        each_has_some && campaigns.any(|campaign| !campaign.listed.is_empty())
    });
    all
}

/// Simplifies the campaign files.
fn file(all: &mut Vec<Scenario>, scenario: &Scenario) {
    let plain: [fn(&mut FixedSettings); 7] = [
        |rules| rules.testers.clear(),
        |rules| rules.waves.clear(),
        |rules| rules.waves.iter_mut().for_each(|wave| wave.approval = false),
        |rules| rules.active_within = None,
        |rules| rules.strict_halts = false,
        |rules| rules.max_in_flight = 64,
        |rules| rules.attempts = 6,
    ];
    for plain in plain {
        with(all, scenario, |scenario| scenario.campaigns.iter_mut().for_each(plain));
    }
    let plain: [fn(&mut Settings); 12] = [
        |settings| settings.hours.clear(),
        |settings| settings.closed.clear(),
        |settings| settings.start = None,
        |settings| settings.end = None,
        |settings| settings.per_day = None,
        |settings| settings.max_coupons = None,
        |settings| settings.worth = None,
        |settings| settings.envelope = None,
        |settings| settings.control_percent = 0,
        |settings| settings.coupons_per_user = 1,
        |settings| settings.unlisted = None,
        |settings| settings.unsure = None,
    ];
    for plain in plain {
        with(all, scenario, |scenario| {
            let campaigns = scenario.applies.iter_mut().flat_map(|apply| &mut apply.campaigns);
            campaigns.for_each(|campaign| plain(&mut campaign.settings));
        });
    }
}

/// Adds the scenario with a cut, unless the cut changes nothing.
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
        campaign.listed.retain(|listed| !left_out(listed.user));
        campaign.excluded.retain(|user| !left_out(*user));
    }
}

/// Removes a campaign, unless it is the only one.
fn without_campaign(scenario: &mut Scenario, number: usize) {
    if scenario.campaigns.len() == 1 {
        return;
    }
    scenario.campaigns.remove(number);
    for apply in &mut scenario.applies {
        apply.campaigns.retain(|campaign| campaign.number != number);
        apply.incidents.retain(|incident| incident.campaign != number);
        let campaigns = apply.campaigns.iter_mut().map(|campaign| &mut campaign.number);
        let happens = apply.incidents.iter_mut().map(|incident| &mut incident.campaign);
        for later in campaigns.chain(happens).filter(|later| **later > number) {
            *later -= 1;
        }
    }
    scenario.applies.retain(|apply| !apply.campaigns.is_empty());
}
