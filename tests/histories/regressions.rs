//! Scenarios that once violated a guarantee, in their shortest form.

use crate::run_caught;
use crate::scenario::{
    Acceptance, AnswerKind, Apply, Campaign, FixedSettings, Incident, IncidentKind, ListedUser, RepeatAnswer, Response,
    Scenario, ScriptedResponse, Settings, WaveSettings, Window, code,
};

/// One apply without faults to these users, with a minimal campaign file.
fn plain(users: &[u8]) -> Scenario {
    let settings = Settings {
        activity: 1,
        coupons_per_user: 1,
        milli_pace: 10_000,
        per_day: None,
        hours: Vec::new(),
        closed: Vec::new(),
        start: None,
        end: None,
        max_coupons: None,
        worth: None,
        envelope: None,
        control_percent: 0,
        unlisted: None,
        unsure: None,
    };
    let campaign = Campaign {
        number: 0,
        settings,
        listed: users.iter().copied().map(ListedUser::new).collect(),
        excluded: Vec::new(),
        restored_without: None,
    };
    let apply = Apply {
        gap: 0,
        clock_step: 0,
        campaigns: vec![campaign],
        accepts: Acceptance::only_changes(true),
        approved: false,
        at_most: None,
        no_wait: false,
        kill_at_step: None,
        closes_ledger: false,
        incidents: Vec::new(),
    };
    let rules = FixedSettings {
        timeout: 2_000,
        first_delay: 500,
        max_delay: 60_000,
        attempts: 6,
        asks_person: false,
        resend_within: 86_400_000,
        max_in_flight: 64,
        waves: Vec::new(),
        testers: Vec::new(),
        active_within: None,
        strict_halts: false,
        on_repeat: RepeatAnswer::Success,
    };
    Scenario {
        seed: 0,
        start_ms: 36_000_000,
        campaigns: vec![rules],
        responses: Vec::new(),
        is_fleet: false,
        applies: vec![apply],
    }
}

/// The only campaign of the first apply.
fn first(scenario: &mut Scenario) -> &mut Campaign {
    &mut scenario.applies[0].campaigns[0]
}

fn wave(share: u8, wait: u64, halt_share: u8) -> WaveSettings {
    WaveSettings {
        share,
        wait,
        approval: false,
        halt_share,
    }
}

fn holds(scenario: &Scenario) {
    let outcome = run_caught(scenario);
    assert_eq!(outcome.violation, None);
    assert!(outcome.requests > 0, "something was sent");
}

/// A run waits one second for the app id between the intent and the start, so a timeout counted from the intent is too
/// early.
#[test]
fn a_doubt_of_a_killed_run_is_resent_a_timeout_after_its_start() {
    for kill in 1..60 {
        let mut scenario = plain(&[1, 2]);
        first(&mut scenario).settings.coupons_per_user = 3;
        scenario.applies[0].kill_at_step = Some(kill);
        holds(&scenario);
    }
}

/// The app lock is released during a wait that the platform asked for. After it is acquired again, `--at-most` still
/// applies.
#[test]
fn at_most_holds_after_a_wait_that_released_the_app_lock() {
    let mut scenario = plain(&[0, 2, 3]);
    first(&mut scenario).settings.coupons_per_user = 3;
    first(&mut scenario).settings.milli_pace = 4_000;
    scenario.applies[0].at_most = Some(5);
    scenario.responses.push(ScriptedResponse {
        user: 2,
        nth: 1,
        response: Response {
            issues_after: None,
            answer: AnswerKind::Code(code::WAIT),
            after: 145,
        },
    });
    holds(&scenario);
}

/// A doubt that was selected before the app lock was free may be too old after the wait.
#[test]
fn a_doubt_that_waited_for_the_app_id_is_not_resent_when_it_is_too_old() {
    for kill in 1..40 {
        let mut scenario = plain(&[1, 2]);
        scenario.campaigns[0].resend_within = 1_200_000;
        scenario.applies[0].kill_at_step = Some(kill);
        let mut later = scenario.applies[0].clone();
        later.gap = 1_190_000;
        later.kill_at_step = None;
        later.incidents.push(Incident {
            after: 9,
            campaign: 0,
            kind: IncidentKind::OtherProcess(30_000),
        });
        scenario.applies.push(later);
        holds(&scenario);
    }
}

/// The dispatcher waits for the disk and does not see the command. Prepared attempts must not start nevertheless.
#[test]
fn a_pause_holds_while_the_disk_stalls() {
    let mut scenario = plain(&[2, 3]);
    let settings = &mut first(&mut scenario).settings;
    settings.milli_pace = 2_000;
    settings.coupons_per_user = 2;
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

/// Below one start a second, one second after the last start of a killed run is too early.
#[test]
fn a_slow_pace_is_kept_over_a_kill() {
    for kill in 10..40 {
        let mut scenario = plain(&[0, 1]);
        first(&mut scenario).settings.milli_pace = 431;
        scenario.applies[0].kill_at_step = Some(kill);
        holds(&scenario);
    }
}

/// A user who is added to a wave that has ended is sent to before the present wave, which has not ended by that.
#[test]
fn a_wave_does_not_end_while_users_are_added_to_an_earlier_one() {
    let mut scenario = plain(&[3, 4]);
    scenario.campaigns[0].waves = vec![wave(58, 20_000, 100), wave(97, 300_000, 100)];
    scenario.applies[0].no_wait = true;
    let mut later = scenario.applies[0].clone();
    later.gap = 10_000_000;
    later.campaigns[0].listed = [3, 4, 5].map(ListedUser::new).to_vec();
    scenario.applies.push(later);
    holds(&scenario);
}

/// Like the test above, with the added user waiting for a window.
#[test]
fn a_wave_does_not_end_while_an_added_user_waits_for_a_window() {
    let mut scenario = plain(&[2, 3]);
    scenario.campaigns[0].waves = vec![wave(20, 0, 100), wave(43, 20_000, 40)];
    scenario.responses.push(ScriptedResponse {
        user: 2,
        nth: 1,
        response: Response {
            issues_after: None,
            answer: AnswerKind::Code(code::REFUSED),
            after: 19,
        },
    });
    scenario.start_ms = 7 * 3_600_000 + 117_262;
    first(&mut scenario).settings.milli_pace = 4_000;
    first(&mut scenario).settings.hours = [(419, 422), (428, 1_440), (0, 410)]
        .map(|(from, until)| Window { from, until })
        .to_vec();
    let mut later = scenario.applies[0].clone();
    later.gap = 681;
    later.clock_step = 24_882;
    later.campaigns[0].listed = [2, 3, 5].map(ListedUser::new).to_vec();
    scenario.applies.push(later);
    holds(&scenario);
}

/// A late user of a wave that has ended waits until another campaign's attempt for that user has ended. The later wave must not
/// end before that user was attempted, because its share includes all earlier ones.
#[test]
fn a_wave_does_not_end_while_another_campaign_sends_to_a_user_added_to_an_earlier_one() {
    let mut scenario = plain(&[0, 1, 2, 4, 5, 6]);
    scenario.applies.push(scenario.applies[0].clone());
    add_campaign(&mut scenario);
    scenario.campaigns[1].waves = vec![wave(40, 0, 100), wave(58, 0, 100)];
    scenario.applies[0].campaigns.remove(0);
    let later = &mut scenario.applies[1];
    later.campaigns[0].listed = [8].map(ListedUser::new).to_vec();
    later.campaigns[1].listed = [3, 8].map(ListedUser::new).to_vec();
    scenario.responses.push(ScriptedResponse {
        user: 8,
        nth: 1,
        response: Response {
            issues_after: Some(10),
            answer: AnswerKind::Issued,
            after: 1_500,
        },
    });
    holds(&scenario);
}

/// Adds a campaign with the users of the first one to all applies.
fn add_campaign(scenario: &mut Scenario) {
    let number = scenario.campaigns.len();
    scenario.campaigns.push(scenario.campaigns[0].clone());
    for apply in &mut scenario.applies {
        let mut campaign = apply.campaigns[0].clone();
        campaign.number = number;
        apply.campaigns.push(campaign);
    }
}

/// The slow campaign shares the app lock that the fast one acquired. Its own pace limits the next process too.
#[test]
fn a_slow_campaign_that_shares_the_app_lock_keeps_its_pace_over_the_end_of_a_process() {
    let mut scenario = plain(&[1, 2]);
    scenario.applies.push(scenario.applies[0].clone());
    add_campaign(&mut scenario);
    scenario.applies[0].campaigns.remove(0);
    scenario.applies[0].at_most = Some(1);
    for apply in &mut scenario.applies {
        let slow = apply.campaigns.iter_mut().find(|campaign| campaign.number == 1);
        slow.unwrap().settings.milli_pace = 445;
    }
    scenario.applies[1].incidents.push(Incident {
        after: 6,
        campaign: 0,
        kind: IncidentKind::Stop,
    });
    holds(&scenario);
}

/// The wall clock is stepped back before the newest time, so no further run makes a doubt older that was too old before
/// it was due.
#[test]
fn a_doubt_that_is_due_too_late_waits_for_a_person_while_the_wall_clock_is_set_back() {
    for kill in 1..40 {
        let mut scenario = plain(&[0, 3]);
        let rules = &mut scenario.campaigns[0];
        rules.timeout = 10_000;
        rules.first_delay = 1_000;
        rules.max_delay = 5_000;
        rules.attempts = 1;
        scenario.responses = [0, 3]
            .map(|user| ScriptedResponse {
                user,
                nth: 1,
                response: Response {
                    issues_after: None,
                    answer: AnswerKind::NoAnswer,
                    after: 0,
                },
            })
            .to_vec();
        first(&mut scenario).settings.milli_pace = 1_000;
        let mut applies = vec![scenario.applies[0].clone(); 4];
        applies[1].kill_at_step = Some(kill);
        applies[2].gap = 86_369_575;
        applies[3].gap = 1_041;
        applies[3].clock_step = -2_508_963;
        scenario.applies = applies;
        holds(&scenario);
    }
}
