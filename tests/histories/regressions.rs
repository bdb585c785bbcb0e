//! Stories that once broke a promise, in their shortest form.

use crate::scenario::{
    Acceptance, AnswerKind, Apply, Campaign, FixedSettings, Incident, IncidentKind, RepeatAnswer, Response, Scenario,
    ScriptedResponse, Settings, code,
};
use crate::violation_in;

/// One apply to these users by the plainest file, in which nothing goes wrong.
fn plain(users: &[u8]) -> Scenario {
    let settings = Settings {
        activity: 1,
        coupons: 1,
        pace: 10_000,
        per_day: None,
        hours: Vec::new(),
        closed: Vec::new(),
        between: (None, None),
        most: None,
        control: 0,
        unlisted: None,
        unsure: None,
    };
    let campaign = Campaign {
        number: 0,
        settings,
        listed: users.iter().map(|user| (*user, 0)).collect(),
        excluded: Vec::new(),
        restored_without: None,
    };
    let apply = Apply {
        gap: 0,
        jump: 0,
        campaigns: vec![campaign],
        accepts: Acceptance::only_changes(true),
        at_most: None,
        no_wait: false,
        kill: None,
        closes_ledger: false,
        incidents: Vec::new(),
    };
    let rules = FixedSettings {
        timeout: 2_000,
        delays: (500, 60_000),
        attempts: 6,
        asks_person: false,
        resend_within: 86_400_000,
        in_flight: 64,
        waves: Vec::new(),
        active_within: None,
        strict_halts: false,
        on_repeat: RepeatAnswer::Success,
    };
    Scenario {
        seed: 0,
        begins: 36_000_000,
        campaigns: vec![rules],
        responses: Vec::new(),
        applies: vec![apply],
    }
}

/// The only campaign in the first apply.
fn first(scenario: &mut Scenario) -> &mut Campaign {
    &mut scenario.applies[0].campaigns[0]
}

fn holds(scenario: &Scenario) {
    let (broken, (_, requests)) = violation_in(scenario);
    assert_eq!(broken, None);
    assert!(requests > 0, "something was sent");
}

/// The second it waits for the app id lies between the intent and the start, so a timeout behind the intent is too soon.
#[test]
fn a_doubt_of_a_killed_run_is_resent_a_timeout_behind_its_start() {
    for kill in 1..60 {
        let mut scenario = plain(&[1, 2]);
        first(&mut scenario).settings.coupons = 3;
        scenario.applies[0].kill = Some(kill);
        holds(&scenario);
    }
}

/// The app id is let go of while a platform's wait is waited for; taking it anew must not pick what is beyond the bound.
#[test]
fn at_most_holds_behind_a_wait_that_let_go_of_the_app_id() {
    let mut scenario = plain(&[0, 2, 3]);
    first(&mut scenario).settings.coupons = 3;
    first(&mut scenario).settings.pace = 4_000;
    scenario.applies[0].at_most = Some(5);
    scenario.responses.push(ScriptedResponse {
        user: 2,
        nth: 1,
        act: Response {
            gives: None,
            says: AnswerKind::Code(code::WAIT),
            after: 145,
        },
    });
    holds(&scenario);
}

/// A doubt that was chosen before another process let go of the app id may be too old by then.
#[test]
fn a_doubt_that_waited_for_the_app_id_is_not_resent_when_it_is_too_old() {
    for kill in 1..40 {
        let mut scenario = plain(&[1, 2]);
        scenario.campaigns[0].resend_within = 1_200_000;
        scenario.applies[0].kill = Some(kill);
        let mut later = scenario.applies[0].clone();
        (later.gap, later.kill) = (1_190_000, None);
        later.incidents.push(Incident {
            after: 9,
            campaign: 0,
            kind: IncidentKind::OtherProcess(30_000),
        });
        scenario.applies.push(later);
        holds(&scenario);
    }
}

/// The one that decides waits for the disk and does not see the order; what is armed must not start all the same.
#[test]
fn a_pause_holds_while_the_disk_stalls() {
    let mut scenario = plain(&[2, 3]);
    let settings = &mut first(&mut scenario).settings;
    (settings.pace, settings.coupons) = (2_000, 2);
    let stall = IncidentKind::DiskStall {
        ms: 920,
        after_write: false,
    };
    scenario.applies[0].incidents = [(1_273, stall), (1_390, IncidentKind::Pause)]
        .map(|(after, kind)| Incident {
            after,
            campaign: 0,
            kind,
        })
        .to_vec();
    holds(&scenario);
}

/// At less than one start a second, a second behind the start of a killed run is too soon for the next one.
#[test]
fn a_slow_pace_is_kept_over_a_kill() {
    for kill in 10..40 {
        let mut scenario = plain(&[0, 1]);
        first(&mut scenario).settings.pace = 431;
        scenario.applies[0].kill = Some(kill);
        holds(&scenario);
    }
}

/// Somebody who comes late to a wave that has ended has a turn before those of the present one, which has not ended by that.
#[test]
fn a_wave_does_not_end_while_others_come_late_to_the_one_before() {
    let mut scenario = plain(&[3, 4]);
    scenario.campaigns[0].waves = vec![(58, 20_000, 100), (97, 300_000, 100)];
    scenario.applies[0].no_wait = true;
    let mut later = scenario.applies[0].clone();
    later.gap = 10_000_000;
    later.campaigns[0].listed = vec![(3, 0), (4, 0), (5, 0)];
    scenario.applies.push(later);
    holds(&scenario);
}

/// The same while they wait for a window.
#[test]
fn a_wave_does_not_end_while_who_came_late_waits_for_a_window() {
    let mut scenario = plain(&[2, 3]);
    scenario.campaigns[0].waves = vec![(20, 0, 100), (43, 20_000, 40)];
    scenario.responses.push(ScriptedResponse {
        user: 2,
        nth: 1,
        act: Response {
            gives: None,
            says: AnswerKind::Code(code::REFUSED),
            after: 19,
        },
    });
    scenario.begins = 7 * 3_600_000 + 117_262;
    first(&mut scenario).settings.pace = 4_000;
    first(&mut scenario).settings.hours = vec![(419, 422), (428, 1_440), (0, 410)];
    let mut later = scenario.applies[0].clone();
    (later.gap, later.jump) = (681, 24_882);
    later.campaigns[0].listed = vec![(2, 0), (3, 0), (5, 0)];
    scenario.applies.push(later);
    holds(&scenario);
}

/// Adds a campaign to all applies, with the users of the first one.
fn add_campaign(scenario: &mut Scenario) {
    let number = scenario.campaigns.len();
    scenario.campaigns.push(scenario.campaigns[0].clone());
    for apply in &mut scenario.applies {
        let mut campaign = apply.campaigns[0].clone();
        campaign.number = number;
        apply.campaigns.push(campaign);
    }
}

/// The slow campaign shares the app id's turn, which the fast one took, and no process may start two within its distance.
#[test]
fn a_slow_campaign_that_shares_a_turn_keeps_its_pace_over_the_end_of_a_process() {
    let mut scenario = plain(&[1, 2]);
    scenario.applies.push(scenario.applies[0].clone());
    add_campaign(&mut scenario);
    scenario.applies[0].campaigns.remove(0);
    scenario.applies[0].at_most = Some(1);
    for apply in &mut scenario.applies {
        let slow = apply.campaigns.iter_mut().find(|campaign| campaign.number == 1);
        slow.unwrap().settings.pace = 445;
    }
    scenario.applies[1].incidents.push(Incident {
        after: 6,
        campaign: 0,
        kind: IncidentKind::Stop,
    });
    holds(&scenario);
}

/// The wall is put back behind the newest time, so no further run makes a doubt older that was too old before it was due.
#[test]
fn a_doubt_that_is_due_too_late_waits_for_a_person_while_the_wall_is_behind() {
    for kill in 1..40 {
        let mut scenario = plain(&[0, 3]);
        let rules = &mut scenario.campaigns[0];
        (rules.timeout, rules.delays, rules.attempts) = (10_000, (1_000, 5_000), 1);
        scenario.responses = [0, 3]
            .map(|user| ScriptedResponse {
                user,
                nth: 1,
                act: Response {
                    gives: None,
                    says: AnswerKind::NoAnswer,
                    after: 0,
                },
            })
            .to_vec();
        first(&mut scenario).settings.pace = 1_000;
        let mut applies = vec![scenario.applies[0].clone(); 4];
        applies[1].kill = Some(kill);
        applies[2].gap = 86_369_575;
        (applies[3].gap, applies[3].jump) = (1_041, -2_508_963);
        scenario.applies = applies;
        holds(&scenario);
    }
}
