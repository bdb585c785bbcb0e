//! What each condition means, and what holds for all policies.

use std::path::Path;

use jiff::civil::date;
use proptest::prelude::*;

use super::*;
use crate::campaign::parse_server;
use crate::model::clock::from_ms;

const USERS: &str = "users:\n  - {name: li, password: {env: A}, roles: [author]}\n  \
    - {name: wang, password: {env: A}, roles: [approver]}\n  - {name: zhao, password: {env: A}, roles: [approver]}\n  \
    - {name: qian, password: {env: A}, roles: [admin]}\n";

fn file(policy: &str) -> ServerFile {
    let text = format!("version: 1\n{USERS}groups: {{finance: [wang, qian], legal: [zhao]}}\npolicy:\n{policy}");
    let parsed = parse_server(Path::new("server.yaml"), text.as_bytes());
    parsed.unwrap_or_else(|found| panic!("{found:#?}\n{text}")).content
}

fn verdict(policy: &str, facts: &PlanFacts, by: &[&str]) -> Verdict {
    let file = file(policy);
    let rules = PolicyRules::of(&file).unwrap();
    let given: Vec<_> = by
        .iter()
        .map(|by| GivenApproval {
            by: (*by).to_owned(),
            at: from_ms(0),
        })
        .collect();
    rules.judge(facts, &given, from_ms(1000))
}

/// A plan that meets no condition of these tests.
fn small() -> PlanFacts {
    PlanFacts {
        campaign: "tea".to_owned(),
        app_id: "tt1".to_owned(),
        coupons: 100,
        worth: Some(Money::from_fen(100_000)),
        worth_per_user: Some(Money::from_fen(1_000)),
        listed_before: Some(100),
        listed: 105,
        windows: vec![window(10, 20)],
        ..PlanFacts::default()
    }
}

fn window(from: i8, until: i8) -> Window {
    let at = |hour| {
        let shanghai = TimeZone::get("Asia/Shanghai").unwrap();
        let local = date(2026, 6, 1).at(hour, 0, 0, 0);
        shanghai.to_ambiguous_timestamp(local).compatible().unwrap()
    };
    Window {
        opens: at(from),
        closes: at(until),
    }
}

fn is_met(when: &str, facts: &PlanFacts) -> bool {
    let policy = format!("  rules: [{{name: rule, when: {{{when}}}, need: {{approvals: 2}}}}]\n");
    !verdict(&policy, facts, &[]).met.is_empty()
}

#[test]
fn a_campaign_file_adds_to_what_the_policy_asks_for() {
    let asks = |approvals| PlanFacts {
        approvals: Some(approvals),
        ..small()
    };
    let needs = |default: u8, asked: u8, by: &[&str]| {
        let policy = format!("  default: {{approvals: {default}}}\n");
        verdict(&policy, &asks(asked), by).hold()
    };
    assert_eq!(needs(0, 1, &[]), Hold::Approvals, "it does not send itself");
    assert_eq!(needs(1, 2, &["wang"]), Hold::Approvals);
    assert_eq!(needs(1, 2, &["wang", "zhao"]), Hold::Nothing);
    assert_eq!(needs(2, 1, &["wang"]), Hold::Approvals, "a file asks for less");
    let shown = verdict("  default: {approvals: 0}\n", &asks(2), &[]);
    assert_eq!(shown.needs_text(), "2 approvals (by the campaign file)");
}

#[test]
fn each_condition_is_met_beyond_its_limit() {
    let plan = small();
    assert!(!is_met("worth_over: 1000 CNY", &plan) && is_met("worth_over: 999.99 CNY", &plan));
    assert!(!is_met("worth_per_user_over: 10 CNY", &plan) && is_met("worth_per_user_over: 9.99 CNY", &plan));
    assert!(!is_met("coupons_over: 100", &plan) && is_met("coupons_over: 99", &plan));
    assert!(!is_met("audience_grew: 5%", &plan) && is_met("audience_grew: 4.9%", &plan));
    assert!(!is_met("new_app: true", &plan) && is_met("new_app: false", &plan));
    assert!(!is_met("campaign: milk-*", &plan) && is_met("campaign: [milk-*, te*]", &plan));
    assert!(!is_met("app: [tt2, \"*3\"]", &plan) && is_met("app: tt1", &plan));
    assert!(!is_met("sends_outside: \"10:00-20:00\"", &plan) && is_met("sends_outside: \"10:00-19:59\"", &plan));
    assert!(
        is_met("sends_outside: \"tue-sun 10:00-20:00\"", &plan),
        "it is a Monday"
    );
    let night = PlanFacts {
        windows: vec![window(1, 2), window(22, 23)],
        ..small()
    };
    assert!(!is_met("sends_outside: \"21:00-03:00\"", &night) && is_met("sends_outside: \"22:00-01:30\"", &night));
    let unknown = PlanFacts {
        worth: None,
        worth_per_user: None,
        listed_before: None,
        ..small()
    };
    assert!(is_met("worth_over: 1000000 CNY", &unknown) && is_met("worth_per_user_over: 1000000 CNY", &unknown));
    assert!(
        !is_met("audience_grew: 0%", &unknown),
        "nothing has grown before the first apply"
    );
    assert!(
        !is_met("coupons_over: 99, campaign: milk", &plan),
        "all conditions of a rule count"
    );
}

#[test]
fn approvals_are_of_different_users_of_the_groups_and_expire() {
    let two = "  default: {approvals: 2}\n  rules: [{name: large, when: {coupons_over: 1}, need: {from: [finance]}}]\n";
    let hold = |by: &[&str]| verdict(two, &small(), by).hold();
    assert_eq!(hold(&[]), Hold::Approvals);
    assert_eq!(hold(&["wang", "wang"]), Hold::Approvals);
    assert_eq!(hold(&["zhao", "zhao", "qian"]), Hold::Nothing);
    assert_eq!(hold(&["zhao", "li"]), Hold::Approvals, "none is from finance");
    let file = file("  default: {approvals: 1}\n  expires: 1h\n");
    let rules = PolicyRules::of(&file).unwrap();
    let given = [GivenApproval {
        by: "wang".to_owned(),
        at: from_ms(0),
    }];
    let at = |ms| rules.judge(&small(), &given, from_ms(ms)).hold();
    assert_eq!(at(3_599_999), Hold::Nothing);
    assert_eq!(at(3_600_000), Hold::Approvals);
}

#[test]
fn a_rule_denies_or_asks_for_a_wave_whoever_approves() {
    let by = ["wang", "zhao", "qian"];
    let deny = "  rules: [{name: user, when: {coupons_over: 1}, deny: true}]\n";
    assert_eq!(verdict(deny, &small(), &by).hold(), Hold::Denied);
    let waves = "  rules: [{name: first, when: {new_app: false}, need: {waves: true}}]\n";
    assert_eq!(verdict(waves, &small(), &by).hold(), Hold::Wave);
    let with_wave = PlanFacts {
        has_approval_wave: true,
        ..small()
    };
    assert_eq!(verdict(waves, &with_wave, &by).hold(), Hold::Nothing);
}

#[test]
fn a_plan_that_needs_nobody_goes_by_itself_unless_a_rule_asks_again() {
    let none = "  default: {approvals: 0}\n  rules: [{name: grew, when: {audience_grew: 5%}, need: again}]\n";
    assert_eq!(verdict(none, &small(), &[]).hold(), Hold::Nothing);
    let more = PlanFacts { listed: 106, ..small() };
    assert_eq!(verdict(none, &more, &[]).hold(), Hold::Approvals);
    assert_eq!(verdict(none, &more, &["wang"]).hold(), Hold::Nothing);
}

fn a_condition() -> impl Strategy<Value = String> {
    prop_oneof![
        (0..3_u64).prop_map(|n| format!("worth_over: {}.01 CNY", n * 500)),
        (0..3_u64).prop_map(|n| format!("worth_per_user_over: {}.01 CNY", n * 5)),
        (0..3_u64).prop_map(|n| format!("coupons_over: {}", n * 60)),
        (0..3_u64).prop_map(|n| format!("audience_grew: {}%", n * 4)),
        any::<bool>().prop_map(|is_new| format!("new_app: {is_new}")),
        prop_oneof![Just("09:00-21:00"), Just("21:00-09:00"), Just("12:00-13:00")]
            .prop_map(|hours| format!("sends_outside: \"{hours}\"")),
        prop_oneof![Just("te*"), Just("milk")].prop_map(|name| format!("campaign: \"{name}\"")),
    ]
}

fn a_need() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("deny: true".to_owned()),
        Just("need: again".to_owned()),
        Just("need: {waves: true}".to_owned()),
        (1..=3_u8).prop_map(|n| format!("need: {{approvals: {n}}}")),
        Just("need: {approvals: 2, from: [finance]}".to_owned()),
        Just("need: {from: [legal], waves: true}".to_owned()),
    ]
}

fn rules() -> impl Strategy<Value = Vec<String>> {
    prop::collection::vec((a_condition(), a_need()), 0..4).prop_map(|rules| {
        let rules = rules.iter().enumerate();
        rules
            .map(|(at, (when, need))| format!("    - {{name: r{at}, when: {{{when}}}, {need}}}\n"))
            .collect()
    })
}

fn policy(default: u8, rules: &[String]) -> String {
    let list = if rules.is_empty() {
        "  rules: []\n".to_owned()
    } else {
        format!("  rules:\n{}", rules.concat())
    };
    format!("  default: {{approvals: {default}}}\n{list}")
}

fn facts() -> impl Strategy<Value = PlanFacts> {
    let money = || prop::option::of(0..2000_u64);
    (
        money(),
        money(),
        0..200_u64,
        prop::option::of(0..120_u64),
        0..120_u64,
        any::<(bool, bool)>(),
        prop::collection::vec((0..12_i8, 12..24_i8), 0..3),
    )
        .prop_map(
            |(worth, each, coupons, listed_before, listed, (wave, new), windows)| PlanFacts {
                worth: worth.map(|yuan| Money::from_fen(yuan * 100)),
                worth_per_user: each.map(Money::from_fen),
                coupons,
                listed_before,
                listed,
                has_approval_wave: wave,
                is_new_app: new,
                windows: windows.into_iter().map(|(from, until)| window(from, until)).collect(),
                ..small()
            },
        )
}

fn approvers() -> impl Strategy<Value = Vec<&'static str>> {
    prop::collection::vec(prop_oneof![Just("wang"), Just("zhao"), Just("qian")], 0..4)
}

proptest! {
    #[test]
    fn a_rule_more_never_lowers_what_is_needed(
        default in 0..=3_u8,
        mut rules in rules(),
        more in (a_condition(), a_need()),
        facts in facts(),
        by in approvers(),
    ) {
        let before = verdict(&policy(default, &rules), &facts, &by);
        rules.push(format!("    - {{name: more, when: {{{}}}, {}}}\n", more.0, more.1));
        let after = verdict(&policy(default, &rules), &facts, &by);
        prop_assert!(after.hold() >= before.hold());
        prop_assert!(before.requirements.iter().all(|needed| after.requirements.contains(needed)));
        prop_assert!(before.met.iter().all(|rule| after.met.contains(rule)));
    }

    #[test]
    fn an_unknown_worth_counts_as_over(default in 0..=3_u8, rules in rules(), facts in facts(), by in approvers()) {
        let policy = policy(default, &rules);
        let unknown = PlanFacts { worth: None, worth_per_user: None, ..facts.clone() };
        let known = verdict(&policy, &facts, &by);
        let unknown = verdict(&policy, &unknown, &by);
        prop_assert!(unknown.hold() >= known.hold());
        prop_assert!(known.met.iter().all(|rule| unknown.met.iter().any(|other| other.name == rule.name)));
    }

    #[test]
    fn an_approval_more_never_holds_back(
        default in 0..=3_u8,
        rules in rules(),
        facts in facts(),
        mut by in approvers(),
        more in prop_oneof![Just("wang"), Just("zhao"), Just("qian")],
    ) {
        let policy = policy(default, &rules);
        let before = verdict(&policy, &facts, &by).hold();
        by.push(more);
        prop_assert!(verdict(&policy, &facts, &by).hold() <= before);
    }
}
