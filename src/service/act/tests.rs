//! The table of roles, and what each act depends on.

use super::*;

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
        Act::Pause { on: on() },
        Act::Resume { on: on() },
        Act::Stop { on: on() },
        Act::StopAll,
        Act::ApproveWave { on: on(), wave: 1 },
        Act::Resolve {
            on: on(),
            decision: BulkDecision {
                state: "held".to_owned(),
                code: Some(5),
                to: "owed".to_owned(),
                may_double: false,
                count: 3,
                note: "ticket 812".to_owned(),
            },
        },
    ]
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
                ..PlanSituation::default()
            }),
            ..CampaignSituation::default()
        }),
        ..Situation::default()
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
    let table: [(ActKind, &[Role]); 10] = [
        (ActKind::See, &[Viewer, Support, Author, Operator, Approver, Admin]),
        (ActKind::SeeDeliveries, &[Support, Operator, Approver, Admin]),
        (ActKind::Plan, &[Author, Operator, Admin]),
        // An approval applies the plan at once, so an approver needs to be an operator, too.
        (ActKind::Approve, &[Admin]),
        (ActKind::Pause, &[Support, Author, Operator, Approver, Admin]),
        (ActKind::Resume, &[Operator, Admin]),
        (ActKind::Stop, &[Support, Author, Operator, Approver, Admin]),
        (ActKind::StopAll, &[Support, Author, Operator, Approver, Admin]),
        (ActKind::ApproveWave, &[Approver, Admin]),
        (ActKind::Resolve, &[Operator, Admin]),
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
    for act in one_of_each_kind() {
        let kind = act.kind();
        let situation = Situation {
            is_read_only: true,
            ..possible(kind)
        };
        let decided = gate(act, who(&Role::ALL), &situation).map(drop);
        let expected = matches!(kind, ActKind::See | ActKind::Pause | ActKind::Stop | ActKind::StopAll);
        assert_eq!(
            decided,
            if expected { Ok(()) } else { Err(Denied::ReadOnly) },
            "{kind:?}"
        );
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
        let decided = gate(act, who(&Role::ALL), &Situation::default()).map(drop);
        assert_eq!(decided, if is_about_one { Err(Denied::Unknown) } else { Ok(()) });
    }
}
