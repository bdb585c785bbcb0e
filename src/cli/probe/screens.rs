//! What a probe does and finds, for people.

use std::fmt::Write as _;
use std::path::Path;

use crate::app::LoadedCampaign;
use crate::app::probe::Progress;
use crate::catalogue::probe as text;
use crate::cli::failure::probe::{answer, note, said};
use crate::cli::question::labelled;
use crate::model::probe::{CountDelay, CouponState, Findings, ProbeLog, ProbeSubject, Refusal, Repeat, Step};
use crate::report::text::{visible, visible_path};
use crate::report::times::duration;

/// What the probe may cost, before it begins.
pub(super) fn costs(subject: &ProbeSubject, goes_on: bool) -> String {
    let mut shown = String::new();
    if goes_on {
        let _ = writeln!(shown, "{}", text::GoesOn);
    }
    let activity = text::CostsActivity {
        template: &visible(&subject.coupon_meta_id),
    };
    let coupon = text::CostsCoupon {
        open_id: &visible(&subject.open_id),
    };
    let _ = writeln!(
        shown,
        "{}\n  {activity}\n  {coupon}\n  {}",
        text::CostsTitle,
        text::CostsEnd
    );
    shown
}

/// What happens now.
pub(super) fn progress(progress: Progress<'_>) -> String {
    match progress {
        Progress::Asking(step) => format!("{}\n", text::Step { step: &step.word() }),
        Progress::Answered(_, answered) => {
            let answer = &answer(answered);
            format!("  {}\n", text::Answered { answer })
        }
        Progress::Again(_, unclear) => {
            let answer = &note(unclear);
            format!("  {}\n", text::Again { answer })
        }
        Progress::Waiting => format!("  {}\n", text::Waiting),
    }
}

/// What the probe found, and what to write into the campaign file.
pub(super) fn report(campaign: &LoadedCampaign, log: &ProbeLog, journal: &Path) -> String {
    let findings = log.findings();
    let mut shown = format!(
        "{}\n\n",
        text::Title {
            campaign: &campaign.plan.identity.campaign
        }
    );
    shown.push_str(&labelled(rows(log, &findings)));
    shown.push('\n');
    shown.push_str(&keys(&findings));
    let file = &visible_path(journal);
    let _ = writeln!(shown, "\n{}", text::Journal { file });
    shown
}

fn rows(log: &ProbeLog, findings: &Findings) -> Vec<(String, String)> {
    let said = |step: Step| {
        let answer = log.answer(step).map(|answered| answered.answer.message.as_str());
        said(answer.unwrap_or_default())
    };
    let mut rows = Vec::new();
    if let Some(code) = &findings.not_created {
        let message = &said(Step::Create);
        let refused = text::NotCreated { code, message }.to_string();
        rows.push((text::LabelNotCreated.to_string(), refused));
        return rows;
    }
    if let Some(code) = &findings.not_sent {
        let message = &said(Step::Send);
        let refused = text::NotSent { code, message }.to_string();
        rows.push((text::LabelNotSent.to_string(), refused));
    }
    let created = match &findings.created_again {
        Repeat::Replays => text::CreatedReplays.to_string(),
        Repeat::Code(code) | Repeat::Unclear(code) => {
            let message = &said(Step::CreateAgain);
            text::CreatedCode { code, message }.to_string()
        }
        Repeat::Another => text::CreatedAnother.to_string(),
        Repeat::Unknown => text::NotAsked.to_string(),
    };
    let repeat = match &findings.repeat {
        Repeat::Replays => text::RepeatReplays.to_string(),
        Repeat::Code(code) => {
            let message = &said(Step::SendAgain);
            text::RepeatCode { code, message }.to_string()
        }
        Repeat::Unclear(code) => {
            let message = &said(Step::SendAgain);
            text::RepeatUnclear { code, message }.to_string()
        }
        Repeat::Another => text::RepeatAnother.to_string(),
        Repeat::Unknown => text::NotAsked.to_string(),
    };
    let used_up = match &findings.used_up {
        Refusal::Code(code) => {
            let message = &said(Step::SendAnother);
            text::UsedUpCode { code, message }.to_string()
        }
        Refusal::None => text::UsedUpNone.to_string(),
        Refusal::Unknown => text::NotAsked.to_string(),
    };
    let deleted = match (&findings.deleted, log.answer(Step::SendAfterDeletion)) {
        (Refusal::Code(code), _) => {
            let message = &said(Step::SendAfterDeletion);
            text::DeletedCode { code, message }.to_string()
        }
        (Refusal::None, _) => text::DeletedNone.to_string(),
        (Refusal::Unknown, Some(sent)) => {
            let message = &said(Step::SendAfterDeletion);
            let code = &sent.answer.code;
            text::DeletedUnclear { code, message }.to_string()
        }
        (Refusal::Unknown, None) => text::NotAsked.to_string(),
    };
    let deleted_again = match &findings.deleted_again {
        Some(0) => text::DeletedAgainSuccess.to_string(),
        Some(code) => {
            let message = &said(Step::DeleteAgain);
            text::DeletedAgainCode { code, message }.to_string()
        }
        None => text::NotAsked.to_string(),
    };
    let status = match &findings.coupon {
        CouponState::NotAsked => text::NotAsked.to_string(),
        CouponState::NotShown => text::StatusNotShown.to_string(),
        CouponState::Shown(None) => text::StatusAbsent.to_string(),
        CouponState::Shown(Some(status)) => text::StatusShown { status }.to_string(),
    };
    rows.extend([
        (text::LabelCreated.to_string(), created),
        (text::LabelRepeat.to_string(), repeat),
        (text::LabelStock.to_string(), used_up),
        (text::LabelDeleted.to_string(), deleted),
        (text::LabelDeletedAgain.to_string(), deleted_again),
        (text::LabelStatus.to_string(), status),
        (text::LabelCount.to_string(), count(findings.count)),
    ]);
    rows
}

fn count(count: Option<CountDelay>) -> String {
    match count {
        None => text::NotAsked.to_string(),
        Some(CountDelay {
            longer_than,
            at_most: Some(at_most),
        }) => {
            let at_most = &duration(at_most);
            match longer_than {
                None => text::CountWithin { at_most }.to_string(),
                Some(longer_than) => {
                    let longer_than = &duration(longer_than);
                    text::CountBetween { longer_than, at_most }.to_string()
                }
            }
        }
        Some(CountDelay { longer_than, .. }) => {
            let longer_than = &duration(longer_than.unwrap_or_default());
            text::CountLonger { longer_than }.to_string()
        }
    }
}

/// The keys for the campaign file.
fn keys(findings: &Findings) -> String {
    let codes = findings.codes();
    let is_unsafe = findings.is_resend_safe() == Some(false);
    if codes.is_empty() && !is_unsafe {
        return format!("{}\n", text::NothingToWrite);
    }
    let mut shown = format!("{}\n\n", text::KeysTitle);
    if !codes.is_empty() {
        shown.push_str("  codes:\n");
    }
    for key in codes {
        let step = &key.step.word();
        let _ = writeln!(
            shown,
            "    {}: {}  # {}",
            key.code,
            key.class,
            text::KeyComment { step }
        );
    }
    if is_unsafe {
        let _ = writeln!(shown, "  retry:\n    in_doubt: ask  # {}", text::KeyAsk);
    }
    shown
}
