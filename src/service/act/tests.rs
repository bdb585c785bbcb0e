//! The table of roles, and what each act depends on.

use super::*;
use crate::service::policy::{AskedBy, Effect, MetRule, Requirement};

fn on() -> Subject {
    Subject {
        file: "tea.yaml".to_owned(),
        campaign: "tea".to_owned(),
        app_id: "tt1".to_owned(),
    }
}

/// One act of each kind.
pub(in crate::service) fn one_of_each_kind() -> Vec<Act> {
    vec![
        Act::See,
        Act::SeeDeliveries { on: on() },
        Act::Plan { on: on(), fresh: false },
        Act::Approve {
            on: on(),
            fingerprint: "a-b-first".to_owned(),
            accept: Vec::new(),
            fresh: false,
            envelope: None,
        },
        Act::Request {
            on: on(),
            fingerprint: "a-b-first".to_owned(),
            accept: Vec::new(),
            fresh: false,
        },
        Act::GiveApproval {
            on: on(),
            fingerprint: "a-b-first".to_owned(),
            accept: Vec::new(),
            fresh: false,
        },
        Act::Reject {
            on: on(),
            fingerprint: "a-b-first".to_owned(),
            note: "too many".to_owned(),
        },
        Act::Apply {
            on: on(),
            fingerprint: "a-b-first".to_owned(),
            accept: Vec::new(),
            fresh: false,
            by: vec!["zhao".to_owned()],
            envelope: None,
            spent: None,
        },
        Act::Pause { on: on() },
        Act::Resume { on: on() },
        Act::Stop { on: on() },
        Act::StopAll,
        Act::Freeze {
            note: "double 11".to_owned(),
        },
        Act::Unfreeze,
        Act::ApproveWave { on: on(), wave: 1 },
        Act::Resolve {
            on: on(),
            decision: BulkDecision {
                state: Some(Undecided::Held),
                code: Some(5),
                to: Some(DecidedState::Owed),
                may_double: false,
                count: 3,
                note: "ticket 812".to_owned(),
            },
        },
        Act::Erase {
            on: on(),
            platform: "https://open.douyin.com".to_owned(),
            retain: "400d".to_owned(),
        },
    ]
}

/// The service erases by itself, also what has no campaign file any more. What is under way stays.
#[test]
fn only_a_ledger_of_which_nothing_is_under_way_is_erased() {
    let erase = || one_of_each_kind().remove(16);
    let decided = |campaign: Option<CampaignSituation>| {
        let situation = Situation {
            campaign,
            ..Situation::default()
        };
        gate(erase(), Who::retention(), &situation).map(drop)
    };
    assert_eq!(decided(None), Ok(()), "its file is gone");
    let idle = CampaignSituation::default;
    assert_eq!(decided(Some(idle())), Ok(()));
    for applier in [Applier::Service, Applier::OtherProcess] {
        let running = CampaignSituation { applier, ..idle() };
        assert_eq!(decided(Some(running)), Err(Denied::Running));
    }
    for campaign in [None, Some(idle())] {
        let situation = Situation {
            campaign,
            is_under_way: true,
            ..Situation::default()
        };
        let decided = gate(erase(), Who::retention(), &situation).map(drop);
        assert_eq!(decided, Err(Denied::UnderWay));
    }
    let by_operator = gate(erase(), Who::scheduler(), &Situation::default()).map(drop);
    assert_eq!(by_operator, Err(Denied::Role), "an administrator has set the time");
}

/// A situation in which an act of this kind is possible.
fn possible(kind: ActKind) -> Situation {
    let runs = matches!(
        kind,
        ActKind::Pause | ActKind::Resume | ActKind::Stop | ActKind::ApproveWave
    );
    Situation {
        campaign: Some(CampaignSituation {
            applier: if runs { Applier::Service } else { Applier::Nobody },
            is_paused: kind == ActKind::Resume,
            has_file: true,
            plan: Some(PlanSituation {
                fingerprint: "a-b-first".to_owned(),
                sends: true,
                policy: of_policy(kind),
                ..PlanSituation::default()
            }),
            ..CampaignSituation::default()
        }),
        is_frozen: kind == ActKind::Unfreeze,
        ..Situation::default()
    }
}

/// A policy under which an act of this kind is possible. `None` if it needs none.
fn of_policy(kind: ActKind) -> Option<PolicySituation> {
    let request = RequestSituation {
        by: "author".to_owned(),
        approved_by: vec!["zhao".to_owned()],
    };
    let of = |request| PolicySituation {
        verdict: Verdict::default(),
        request,
        waits: None,
        is_undisturbed: false,
    };
    match kind {
        ActKind::Request => Some(of(None)),
        ActKind::GiveApproval | ActKind::Apply => Some(of(Some(request))),
        ActKind::Reject => Some(of(Some(RequestSituation {
            by: "li".to_owned(),
            ..request
        }))),
        _ => None,
    }
}

fn who(roles: &[Role]) -> Who {
    Who {
        roles: roles.to_vec(),
        ..Who::local("li", "127.0.0.1")
    }
}

#[test]
fn each_role_may_do_what_the_table_says() {
    use Role::{Admin, Approver, Author, Operator, Support, Viewer};
    let table: [(ActKind, &[Role]); 17] = [
        (ActKind::See, &[Viewer, Support, Author, Operator, Approver, Admin]),
        (ActKind::SeeDeliveries, &[Support, Operator, Approver, Admin]),
        (ActKind::Plan, &[Author, Operator, Admin]),
        // An approval applies the plan at once, so an approver needs to be an operator, too.
        (ActKind::Approve, &[Admin]),
        (ActKind::Request, &[Author, Operator, Admin]),
        (ActKind::GiveApproval, &[Approver, Admin]),
        // An author who has requested the plan takes that back.
        (ActKind::Reject, &[Author, Operator, Approver, Admin]),
        (ActKind::Apply, &[Operator, Admin]),
        (ActKind::Pause, &[Support, Author, Operator, Approver, Admin]),
        (ActKind::Resume, &[Operator, Admin]),
        (ActKind::Stop, &[Support, Author, Operator, Approver, Admin]),
        (ActKind::StopAll, &[Support, Author, Operator, Approver, Admin]),
        (ActKind::Freeze, &[Operator, Approver, Admin]),
        (ActKind::Unfreeze, &[Admin]),
        (ActKind::ApproveWave, &[Approver, Admin]),
        (ActKind::Resolve, &[Operator, Admin]),
        (ActKind::Erase, &[Admin]),
    ];
    for (act, (kind, allowed)) in one_of_each_kind().into_iter().zip(table) {
        assert_eq!(act.kind(), kind);
        for role in Role::ALL {
            let decided = gate(act.clone(), who(&[role]), &possible(kind));
            assert_eq!(
                decided.is_ok(),
                allowed.contains(&role),
                "{role:?} {kind:?} {decided:?}"
            );
        }
    }
    let approve = one_of_each_kind().remove(3);
    assert!(gate(approve, who(&[Approver, Operator]), &possible(ActKind::Approve)).is_ok());
}

#[test]
fn without_a_log_only_what_holds_back_is_allowed() {
    let situations = [
        (LogSituation::Unusable, Denied::ReadOnly),
        (LogSituation::Away, Denied::StoreAway),
    ];
    for (act, (log, denied)) in one_of_each_kind()
        .into_iter()
        .flat_map(|act| situations.clone().map(|situation| (act.clone(), situation)))
    {
        let kind = act.kind();
        let situation = Situation { log, ..possible(kind) };
        let decided = gate(act, who(&Role::ALL), &situation).map(drop);
        let expected = matches!(
            kind,
            ActKind::See | ActKind::Pause | ActKind::Stop | ActKind::StopAll | ActKind::Freeze
        );
        assert_eq!(decided, if expected { Ok(()) } else { Err(denied) }, "{kind:?}");
    }
}

fn approval(fingerprint: &str, accept: &[&str], change: impl Fn(&mut CampaignSituation)) -> Result<(), Denied> {
    let act = Act::Approve {
        on: on(),
        fingerprint: fingerprint.to_owned(),
        accept: accept.iter().map(|word| (*word).to_owned()).collect(),
        fresh: false,
        envelope: None,
    };
    let mut situation = possible(ActKind::Approve);
    situation.campaign.iter_mut().for_each(change);
    gate(act, who(&Role::ALL), &situation).map(drop)
}

#[test]
fn an_approval_is_bound_to_the_plan_that_was_shown() {
    let with_need = |campaign: &mut CampaignSituation| {
        campaign
            .plan
            .iter_mut()
            .for_each(|plan| plan.needs = vec!["activity_id".to_owned()]);
    };
    assert_eq!(approval("a-b-first", &[], |_| {}), Ok(()));
    assert_eq!(approval("a-c-first", &[], |_| {}), Err(Denied::OtherPlan));
    assert_eq!(
        approval("a-b-first", &["replays"], with_need),
        Err(Denied::NotAccepted(vec!["activity_id".to_owned()]))
    );
    assert_eq!(approval("a-b-first", &["activity_id"], with_need), Ok(()));
    assert_eq!(
        approval("a-b-first", &[], |campaign| campaign.plan = None),
        Err(Denied::NoPlan)
    );
    assert_eq!(
        approval("a-b-first", &[], |campaign| campaign.has_file = false),
        Err(Denied::NoFile)
    );
    for applier in [Applier::Service, Applier::OtherProcess] {
        assert_eq!(
            approval("a-b-first", &[], |campaign| campaign.applier = applier),
            Err(Denied::Running)
        );
    }
    let sends_nothing = |campaign: &mut CampaignSituation| {
        campaign.plan.iter_mut().for_each(|plan| plan.sends = false);
    };
    assert_eq!(approval("a-b-first", &[], sends_nothing), Err(Denied::NothingToSend));
}

#[test]
fn a_campaign_whose_file_is_gone_is_not_resumed() {
    for applier in [Applier::Nobody, Applier::Service] {
        let mut situation = possible(ActKind::Resume);
        situation.campaign.iter_mut().for_each(|campaign| {
            campaign.applier = applier;
            campaign.has_file = false;
        });
        let on = Subject {
            file: "tea.yaml".to_owned(),
            campaign: "tea".to_owned(),
            app_id: "tt1".to_owned(),
        };
        let resumed = gate(Act::Resume { on }, who(&Role::ALL), &situation);
        assert_eq!(resumed.map(drop), Err(Denied::NoFile), "{applier:?}");
    }
}

#[test]
fn a_file_that_asks_for_approvals_is_not_sent_without_a_policy() {
    let asks = |campaign: &mut CampaignSituation| {
        campaign.plan.iter_mut().for_each(|plan| plan.approvals = Some(2));
    };
    assert_eq!(approval("a-b-first", &[], asks), Err(Denied::FileApprovals(2)));
}

/// Asks the gate about a plan with this request, and a verdict that needs one approval.
fn asked(act: Act, name: &str, policy: Option<&PolicySituation>) -> Result<(), Denied> {
    let who = Who {
        name: name.to_owned(),
        ..who(&Role::ALL)
    };
    gate(act, who, &with_policy(policy)).map(drop)
}

/// A plan of which the policy says this.
fn with_policy(policy: Option<&PolicySituation>) -> Situation {
    let mut situation = possible(ActKind::Approve);
    for plan in situation
        .campaign
        .iter_mut()
        .filter_map(|campaign| campaign.plan.as_mut())
    {
        plan.policy = policy.cloned();
    }
    situation
}

#[test]
fn nobody_approves_a_wave_of_what_they_requested() {
    let of = |name: &str, is_local| {
        let mut situation = possible(ActKind::ApproveWave);
        if let Some(campaign) = &mut situation.campaign {
            campaign.authors = vec!["li".to_owned(), "wang".to_owned()];
            campaign.is_local = is_local;
        }
        let who = Who {
            name: name.to_owned(),
            ..who(&Role::ALL)
        };
        gate(Act::ApproveWave { on: on(), wave: 1 }, who, &situation).map(drop)
    };
    assert_eq!(of("li", false), Err(Denied::OwnRequest));
    assert_eq!(of("wang", false), Err(Denied::OwnRequest));
    assert_eq!(of("zhao", false), Ok(()));
    assert_eq!(of("li", true), Ok(()), "the only user of a service asks nobody");
}

fn policy(given: &[&str], request: Option<(&str, &[&str])>) -> PolicySituation {
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    PolicySituation {
        verdict: Verdict {
            met: Vec::new(),
            requirements: vec![Requirement {
                asked_by: AskedBy::Default,
                approvals: 1,
                from: Vec::new(),
                given: names(given),
            }],
        },
        request: request.map(|(by, approved_by)| RequestSituation {
            by: by.to_owned(),
            approved_by: names(approved_by),
        }),
        waits: None,
        is_undisturbed: false,
    }
}

#[test]
fn under_a_policy_another_user_than_the_author_approves_once() {
    let [.., request, approve, reject, apply] = {
        let all = one_of_each_kind();
        [
            all[3].clone(),
            all[4].clone(),
            all[5].clone(),
            all[6].clone(),
            all[7].clone(),
        ]
    };
    let direct = one_of_each_kind().remove(3);
    let of = |act: &Act, name: &str, policy: &PolicySituation| asked(act.clone(), name, Some(policy));
    let none = policy(&[], None);
    let open = policy(&[], Some(("li", &[])));
    let approved = policy(&["wang"], Some(("li", &["wang"])));
    assert_eq!(
        of(&direct, "wang", &none),
        Err(Denied::NoRequest),
        "nobody passes by the request"
    );
    assert_eq!(of(&request, "li", &none), Ok(()));
    assert_eq!(of(&request, "wang", &open), Err(Denied::Requested("li".to_owned())));
    assert_eq!(of(&approve, "wang", &none), Err(Denied::NoRequest));
    assert_eq!(
        of(&approve, "li", &open),
        Err(Denied::OwnRequest),
        "whatever their roles"
    );
    assert_eq!(of(&approve, "wang", &open), Ok(()));
    assert_eq!(of(&approve, "wang", &approved), Err(Denied::ApprovedBefore));
    assert_eq!(of(&approve, "zhao", &approved), Ok(()));
    assert!(matches!(of(&apply, "service", &open), Err(Denied::Approvals(_))));
    assert_eq!(of(&apply, "service", &approved), Ok(()));
    assert!(matches!(
        of(&apply, "service", &policy(&["wang"], None)),
        Err(Denied::Approvals(_))
    ));
    assert_eq!(of(&reject, "wang", &none), Err(Denied::NoRequest));
    assert_eq!(of(&reject, "wang", &open), Ok(()));
    // The only user of a service asks nobody.
    let mut local = with_policy(Some(&none));
    local.campaign.iter_mut().for_each(|campaign| campaign.is_local = true);
    assert_eq!(gate(approve.clone(), who(&Role::ALL), &local).map(drop), Ok(()));
    // Without a policy there is nothing to request.
    assert_eq!(asked(request, "li", None), Err(Denied::NoPolicy));
    assert_eq!(asked(approve, "wang", None), Err(Denied::NoPolicy));
}

#[test]
fn what_needs_nobody_goes_by_itself_unless_a_person_held_it_back() {
    let [apply] = [one_of_each_kind().remove(7)];
    let free = |is_undisturbed| PolicySituation {
        verdict: Verdict::default(),
        is_undisturbed,
        ..policy(&[], None)
    };
    assert_eq!(asked(apply.clone(), "service", Some(&free(true))), Ok(()));
    assert!(asked(apply.clone(), "service", Some(&free(false))).is_err());
    let denied = Verdict {
        met: vec![MetRule {
            name: "dear".to_owned(),
            why: Vec::new(),
            effect: Effect::Denied,
        }],
        requirements: Vec::new(),
    };
    let denied = PolicySituation {
        verdict: denied,
        ..free(true)
    };
    assert!(matches!(asked(apply, "service", Some(&denied)), Err(Denied::Policy(_))));
}

#[test]
fn a_request_is_taken_back_by_its_author_and_rejected_by_an_approver() {
    let reject = one_of_each_kind().remove(6);
    let as_author = |by: &str| {
        let mut situation = possible(ActKind::Reject);
        for plan in situation
            .campaign
            .iter_mut()
            .filter_map(|campaign| campaign.plan.as_mut())
        {
            plan.policy = Some(policy(&[], Some((by, &[]))));
        }
        gate(reject.clone(), who(&[Role::Author]), &situation).map(drop)
    };
    assert_eq!(as_author("li"), Ok(()));
    assert_eq!(as_author("wu"), Err(Denied::Role));
}

#[test]
fn an_occurrence_that_was_missed_or_would_overlap_is_not_begun() {
    for (found, why) in [
        (OccurrenceSituation::Missed, Denied::Missed),
        (OccurrenceSituation::Overlaps, Denied::Overlaps),
    ] {
        let change = |campaign: &mut CampaignSituation| campaign.occurrence = found;
        assert_eq!(approval("a-b-first", &[], change), Err(why.clone()));
        // A pause that a restart found: a resume begins it.
        let mut situation = possible(ActKind::Resume);
        if let Some(campaign) = &mut situation.campaign {
            campaign.occurrence = found;
            campaign.applier = Applier::Nobody;
        }
        let resumed = gate(Act::Resume { on: on() }, who(&Role::ALL), &situation).map(drop);
        assert_eq!(resumed, Err(why));
    }
}

#[test]
fn an_act_on_a_campaign_that_is_not_known_is_refused() {
    for act in one_of_each_kind() {
        let is_about_one = act.on().is_some();
        let expected = match act {
            Act::Unfreeze => Err(Denied::NotFrozen),
            // Its file may be gone.
            Act::Erase { .. } => Ok(()),
            _ if is_about_one => Err(Denied::Unknown),
            _ => Ok(()),
        };
        let decided = gate(act, who(&Role::ALL), &Situation::default()).map(drop);
        assert_eq!(decided, expected);
    }
}

#[test]
fn a_freeze_forbids_what_leads_to_coupons_and_nothing_else() {
    for act in one_of_each_kind() {
        let kind = act.kind();
        let mut situation = possible(kind);
        if let Some(campaign) = &mut situation.campaign {
            campaign.frozen = Some(Text::from("double 11"));
        }
        let decided = gate(act, who(&Role::ALL), &situation).map(drop);
        let begins = matches!(
            kind,
            ActKind::Approve | ActKind::Apply | ActKind::Resume | ActKind::ApproveWave
        );
        let expected = if begins {
            Err(Denied::Frozen(Text::from("double 11")))
        } else {
            Ok(())
        };
        assert_eq!(decided, expected, "{kind:?}");
    }
}

#[test]
fn a_record_with_a_word_that_decides_nothing_can_be_read() {
    let decision = r#"{"state":"lost","code":null,"to":"free","may_double":false,"count":1,"note":""}"#;
    let decision: BulkDecision = serde_json::from_str(decision).unwrap();
    assert_eq!((decision.state, decision.to), (None, None));
    let again = serde_json::to_string(&decision).unwrap();
    assert_eq!(serde_json::from_str::<BulkDecision>(&again).unwrap(), decision);
}
