//! What a probe found, for programs.

use serde::Serialize;

use crate::model::probe::{CouponState, ProbeLog, Refusal, Repeat, Step, StepAnswer};

/// One object of a probe.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Object<'a> {
    /// The last answer to a step.
    ProbeAnswer {
        campaign: &'a str,
        app_id: &'a str,
        step: Step,
        at: String,
        #[serde(flatten)]
        answer: &'a StepAnswer,
    },
    /// What the answers mean.
    Probed {
        campaign: &'a str,
        app_id: &'a str,
        /// Of a creation.
        create_repeat: &'static str,
        /// Of a send.
        repeat: &'static str,
        #[serde(skip_serializing_if = "Option::is_none")]
        stock_used_up_code: Option<i64>,
        #[serde(skip_serializing_if = "Option::is_none")]
        deleted_code: Option<i64>,
        #[serde(skip_serializing_if = "Option::is_none")]
        coupon_status: Option<i64>,
        #[serde(skip_serializing_if = "Option::is_none")]
        counted_after: Option<f64>,
        codes: Vec<ClassOfCode>,
    },
}

/// A class for a code in the campaign file.
#[derive(Serialize)]
pub(super) struct ClassOfCode {
    code: i64,
    class: &'static str,
    step: Step,
}

/// Returns the objects of a probe.
pub(super) fn objects(log: &ProbeLog) -> Vec<Object<'_>> {
    let campaign = log.subject.campaign.as_str();
    let app_id = log.subject.app_id.as_str();
    let findings = log.findings();
    let answers = Step::ALL.into_iter().filter_map(|step| {
        let answered = log.answer(step)?;
        Some(Object::ProbeAnswer {
            campaign,
            app_id,
            step,
            at: answered.at.to_string(),
            answer: &answered.answer,
        })
    });
    let code = |refusal: Refusal| match refusal {
        Refusal::Code(code) => Some(code),
        Refusal::None | Refusal::Unknown => None,
    };
    let probed = Object::Probed {
        campaign,
        app_id,
        create_repeat: repeat_word(findings.created_again),
        repeat: repeat_word(findings.repeat),
        stock_used_up_code: code(findings.used_up),
        deleted_code: code(findings.deleted),
        coupon_status: match findings.coupon {
            CouponState::Shown(status) => status,
            CouponState::NotAsked | CouponState::NotShown => None,
        },
        counted_after: findings
            .count
            .and_then(|count| count.at_most)
            .map(|after| after.as_secs_f64()),
        codes: findings
            .codes()
            .into_iter()
            .map(|key| ClassOfCode {
                code: key.code,
                class: key.class,
                step: key.step,
            })
            .collect(),
    };
    answers.chain(std::iter::once(probed)).collect()
}

const fn repeat_word(repeat: Repeat) -> &'static str {
    match repeat {
        Repeat::Replays => "replays",
        Repeat::Code(_) => "code",
        Repeat::Unclear(_) => "unclear",
        Repeat::Another => "another",
        Repeat::Unknown => "unknown",
    }
}
