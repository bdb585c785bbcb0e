//! Texts that terminals, pages and JSON output share: why a run waits, stopped or halted, and what a person has to do.

use jiff::tz::TimeZone;

use crate::catalogue::{Grouped, approval, envelope, money, wording};
use crate::model::delivery::{Counts, Skipped, StateName};
use crate::model::envelope::{Envelope, Excess};
use crate::model::event::{AppLockHolder, DrainReason, Ending, Halted, TakenOver, UnusableKind};
use crate::model::money::{Money, Worth};
use crate::model::outcome::Classifier;
use crate::model::problem::Problem;
use crate::model::run_command::Requester;

use super::attempt_detail::attempt_detail;
use super::run_stats::{CodeCount, RunStats};
use super::text::visible;
use super::times;

/// Why no further attempt starts, in a few words.
#[must_use]
pub fn drain_reason(why: &DrainReason) -> String {
    match why {
        DrainReason::Stopped { by } => wording::DrainStopped { by: &requester(by) }.to_string(),
        DrainReason::AppIdTaken { holder } => {
            let holder = app_lock_holder(holder, None);
            wording::DrainAppIdTaken { holder: &holder }.to_string()
        }
        DrainReason::NotApproved { done } => approval::Draining { done: (*done).into() }.to_string(),
        DrainReason::HandedOver => wording::DrainHandedOver.to_string(),
        DrainReason::Interrupted => wording::DrainInterrupted.to_string(),
        DrainReason::Halted => wording::DrainHalted.to_string(),
        DrainReason::End => wording::DrainEnd.to_string(),
        DrainReason::AtMost => wording::DrainAtMost.to_string(),
        DrainReason::GaveUp => wording::DrainGaveUp.to_string(),
        DrainReason::NothingLeft => wording::DrainNothingLeft.to_string(),
        DrainReason::NotStarted => wording::DrainNotStarted.to_string(),
        DrainReason::OutsideHours => wording::DrainOutsideHours.to_string(),
        DrainReason::DayUsedUp => wording::DrainDayUsedUp.to_string(),
        DrainReason::NoWindow => wording::DrainNoWindow.to_string(),
        DrainReason::NoWave => wording::DrainNoWave.to_string(),
        DrainReason::BetweenWaves => wording::DrainBetweenWaves.to_string(),
    }
}

/// Who gave a command: the person if `--by` names one, the process and its user.
#[must_use]
pub fn requester(by: &Requester) -> String {
    let (pid, user, host) = (&by.pid, &visible(&by.user), &visible(&by.host));
    match &by.name {
        Some(name) => wording::RequesterNamed {
            name: &visible(name),
            pid,
            user,
            host,
        }
        .to_string(),
        None => wording::Requester { pid, user, host }.to_string(),
    }
}

/// Which process has the lock of the app id, and what can be done about one that should not have it. `since` is the time since
/// when a process has it that describes itself.
#[must_use]
pub fn app_lock_holder(holder: &AppLockHolder, since: Option<&str>) -> String {
    let process = match holder.pid {
        Some(pid) => wording::HolderPid { pid: &pid }.to_string(),
        None if holder.is_silent => wording::HolderUnnamed.to_string(),
        None => wording::HolderInContainer.to_string(),
    };
    if let Some(user) = &holder.other_user {
        return wording::HolderOfOtherUser {
            user: &visible(user),
            pid: &process,
        }
        .to_string();
    }
    let text = match (&holder.owner, since) {
        // A worker of a fleet does not tell others its command line.
        (Some(owner), Some(since)) if owner.command.is_empty() => wording::HolderWorker {
            process: &process,
            host: &visible(&owner.host),
            since: &since,
        }
        .to_string(),
        (Some(owner), Some(since)) => wording::HolderKnownSince {
            process: &process,
            host: &visible(&owner.host),
            since: &since,
            command: &visible(&owner.command),
        }
        .to_string(),
        (Some(owner), None) => wording::HolderKnown {
            process: &process,
            host: &visible(&owner.host),
            command: &visible(&owner.command),
        }
        .to_string(),
        (None, _) => wording::HolderUnknown { process: &process }.to_string(),
    };
    if holder.is_silent {
        wording::HolderSilent { holder: &text }.to_string()
    } else {
        text
    }
}

/// Why a run ended before its campaign was complete. `cause` is why the last attempt has no code, where that is why the run ended.
#[must_use]
pub fn stopped(why: &DrainReason, cause: Option<&str>) -> String {
    match (why, cause) {
        (DrainReason::GaveUp, Some(cause)) => wording::DrainGaveUpCause {
            cause: &visible(&attempt_detail(cause)),
        }
        .to_string(),
        _ => drain_reason(why),
    }
}

/// The problem that needs a person; `None` if the same command continues or nothing is left to do.
#[must_use]
pub fn problem(stats: &RunStats) -> Option<Problem> {
    if stats.ended?.ending != Ending::NeedsPerson {
        return None;
    }
    if let Some(why) = &stats.halted {
        return Some(why.problem());
    }
    Some(match stats.drain_reason {
        Some(DrainReason::End | DrainReason::NoWindow | DrainReason::NoWave) => Problem::PastEnd,
        _ if stats.counts.audience() == 0 => Problem::EmptyAudience,
        _ => Problem::LeftToPerson,
    })
}

/// What deliveries are worth, for people.
#[must_use]
pub fn worth(worth: &Worth) -> String {
    let open = worth.open + worth.held;
    if worth.unpriced > 0 {
        return money::WorthUnpriced {
            issued: &worth.issued,
            unpriced: worth.unpriced,
        }
        .to_string();
    }
    if open == Money::default() {
        return money::Worth {
            issued: &worth.issued,
            owed: &worth.owed,
        }
        .to_string();
    }
    money::WorthOpen {
        issued: &worth.issued,
        owed: &worth.owed,
        open: &open,
        at_most: &worth.at_most(),
    }
    .to_string()
}

/// What a run has spent so far and can come to spend, in a few words.
#[must_use]
pub fn spending(worth: &Worth) -> String {
    if worth.unpriced > 0 {
        return money::SpentUnpriced {
            spent: &worth.issued,
            unpriced: worth.unpriced,
        }
        .to_string();
    }
    money::Spent {
        spent: &worth.issued,
        at_most: &worth.at_most(),
    }
    .to_string()
}

/// What is left when nothing more may be sent now.
#[must_use]
pub fn left_over(owed: u64, in_doubt: u64, held: u64) -> String {
    match (in_doubt, held) {
        (0, 0) => wording::LeftOwed { n: &Grouped(owed) }.to_string(),
        (doubt, 0) => wording::LeftInDoubt { n: &Grouped(doubt) }.to_string(),
        (0, held) => wording::LeftHeld { n: &Grouped(held) }.to_string(),
        (doubt, held) => wording::LeftInDoubtAndHeld {
            doubt: &Grouped(doubt),
            held: &Grouped(held),
        }
        .to_string(),
    }
}

/// That an audience has nobody.
#[must_use]
pub fn empty_audience() -> String {
    wording::StopEmptyAudience.to_string()
}

/// What a person has to do.
#[must_use]
pub fn advice(stats: &RunStats) -> Vec<String> {
    let counts = &stats.counts;
    if let Some(halted) = &stats.halted {
        let mut advice = vec![remedy(halted)];
        if matches!(halted, Halted::Http { .. }) && counts.count(StateName::InDoubt) > 0 {
            advice.push(wording::AdviceGateway.to_string());
        }
        return advice;
    }
    let mut advice = Vec::new();
    match stats.drain_reason {
        Some(DrainReason::End) => advice.push(wording::AdviceEnd.to_string()),
        Some(DrainReason::NoWindow) => advice.push(wording::AdviceNoWindow.to_string()),
        Some(DrainReason::NoWave) => advice.push(wording::AdviceNoWave.to_string()),
        _ => {}
    }
    if counts.audience() == 0 {
        advice.push(wording::AdviceEmptyAudience.to_string());
    }
    if counts.count(StateName::Held) > 0 {
        advice.push(wording::AdviceHeld.to_string());
    }
    if counts.count(StateName::InDoubt) > 0 {
        advice.push(wording::AdviceInDoubt.to_string());
    }
    advice
}

/// Why the run halted, in a few words.
#[must_use]
pub fn halt_reason(halted: &Halted) -> String {
    match halted {
        Halted::Code { code, message, .. } if message.is_empty() => wording::HaltCode { code }.to_string(),
        Halted::Code { code, message, .. } => wording::HaltCodeMessage {
            code,
            message: &visible(message),
        }
        .to_string(),
        Halted::Http { detail } => wording::HaltHttp {
            detail: &visible(&attempt_detail(detail)),
        }
        .to_string(),
        Halted::Certificate { detail } => visible(&detail.to_string()).into_owned(),
        Halted::Refused { n, of } => wording::HaltRefused { n, of }.to_string(),
        Halted::Held { n, of } => wording::HaltHeld { n, of }.to_string(),
        Halted::Wave { wave, not_issued, of } => wording::HaltWave {
            wave,
            n: *not_issued,
            of: *of,
        }
        .to_string(),
        Halted::SameCode { code, message, n } if message.is_empty() => wording::HaltSameCode { code, n }.to_string(),
        Halted::SameCode { code, message, n } => wording::HaltSameCodeMessage {
            code,
            n,
            message: &visible(message),
        }
        .to_string(),
        Halted::AnotherLedger {
            open_id,
            merchant_coupon_id,
        } => wording::HaltAnotherLedger {
            open_id,
            coupon: merchant_coupon_id,
        }
        .to_string(),
        Halted::MixedAnswers {
            open_id,
            merchant_coupon_id,
            id,
            other,
        } => wording::HaltMixedAnswers {
            open_id,
            coupon: merchant_coupon_id,
            id: &visible(id),
            other,
        }
        .to_string(),
        Halted::Credentials { why } => visible(&why.to_string()).into_owned(),
        Halted::MaxCoupons { max } => wording::HaltMaxCoupons { max: &Grouped(*max) }.to_string(),
        Halted::MaxWorth { max, each: Some(each) } => money::MaxWorthReached { max, each }.to_string(),
        Halted::MaxWorth { max, each: None } => money::MaxWorthUnknown { max }.to_string(),
        Halted::Envelope { excess } => excess_reason(excess),
    }
}

/// What a person has to do about a halt.
#[must_use]
pub fn remedy(halted: &Halted) -> String {
    match halted {
        Halted::Code { log_id, .. } if log_id.is_empty() => wording::RemedyCode.to_string(),
        Halted::Code { log_id, .. } => wording::RemedyCodeQuote {
            log_id: &visible(log_id),
        }
        .to_string(),
        Halted::Http { .. } => wording::RemedyHttp.to_string(),
        Halted::Certificate { .. } => wording::RemedyCertificate.to_string(),
        Halted::Refused { .. } => wording::RemedyRefused.to_string(),
        Halted::Held { .. } => wording::RemedyHeld.to_string(),
        Halted::Wave { .. } => wording::RemedyWave.to_string(),
        Halted::SameCode { code, .. } => wording::RemedySameCode { code }.to_string(),
        Halted::AnotherLedger { .. } => wording::RemedyAnotherLedger.to_string(),
        Halted::MixedAnswers { .. } => wording::RemedyMixedAnswers.to_string(),
        Halted::Credentials { .. } => wording::RemedyCredentials.to_string(),
        Halted::MaxCoupons { .. } => wording::RemedyMaxCoupons.to_string(),
        Halted::MaxWorth { each: Some(_), .. } => money::RaiseMaxWorth.to_string(),
        Halted::MaxWorth { each: None, .. }
        | Halted::Envelope {
            excess: Excess::Worth { each: None, .. },
        } => money::WriteCouponValue.to_string(),
        Halted::Envelope { .. } => envelope::Remedy.to_string(),
    }
}

/// Why another coupon would be outside an approval.
#[must_use]
pub fn excess_reason(excess: &Excess) -> String {
    match excess {
        Excess::Coupons { max } => envelope::Coupons { max: *max }.to_string(),
        Excess::Worth { max, each: Some(each) } => envelope::Worth { max, each }.to_string(),
        Excess::Worth { max, each: None } => envelope::WorthUnknown { max }.to_string(),
        Excess::PerUser { max } => envelope::PerUser { max: u64::from(*max) }.to_string(),
        Excess::Early { from } => envelope::Early {
            from: &times::rfc3339(*from, &TimeZone::UTC),
        }
        .to_string(),
        Excess::Late { until } => envelope::Late {
            until: &times::rfc3339(*until, &TimeZone::UTC),
        }
        .to_string(),
        Excess::Audience { max, listed } => envelope::Audience {
            max: *max,
            listed: *listed,
        }
        .to_string(),
    }
}

/// The bounds of an approval.
#[must_use]
pub fn envelope_text(bounds: &Envelope, zone: &TimeZone) -> String {
    let none = || "none".to_owned();
    let worth = bounds.worth.map_or_else(none, |worth| worth.to_string());
    let audience = bounds.audience.map_or_else(none, times::grouped);
    let until = bounds.until.map_or_else(none, |until| times::date_time(until, zone));
    envelope::Bounds {
        coupons: bounds.coupons,
        worth: &worth,
        per_user: u64::from(bounds.per_user),
        audience: &audience,
        until: &until,
    }
    .to_string()
}

/// The class of the code, and its source unless that is the built-in table.
#[must_use]
pub fn class_text(count: &CodeCount, outcome: &str) -> String {
    let Some(class) = count.class else {
        return wording::OutcomeWithoutCode { outcome: &outcome }.to_string();
    };
    match count.classifier {
        Some(Classifier::Nobody) => wording::ClassUnlisted { class: &class.word() }.to_string(),
        Some(Classifier::File) => wording::ClassOfFile { class: &class.word() }.to_string(),
        Some(Classifier::Table) | None => class.word().to_owned(),
    }
}

/// Why a row of the audience is unusable.
#[must_use]
pub fn unusable_kind(kind: UnusableKind) -> String {
    match kind {
        UnusableKind::Empty => wording::UnusableEmpty.to_string(),
        UnusableKind::TooLong => wording::UnusableTooLong.to_string(),
        UnusableKind::NotPrintable => wording::UnusableNotPrintable.to_string(),
        UnusableKind::WrongFields => wording::UnusableWrongFields.to_string(),
        UnusableKind::NotText => wording::UnusableNotText.to_string(),
        UnusableKind::Missing => wording::UnusableMissing.to_string(),
        UnusableKind::NoLastActive => wording::UnusableNoLastActive.to_string(),
        UnusableKind::UnreadableLastActive => wording::UnusableUnreadableLastActive.to_string(),
        UnusableKind::WrongType => wording::UnusableWrongType.to_string(),
        UnusableKind::NoValue => wording::UnusableNoValue.to_string(),
        UnusableKind::SpreadsheetError => wording::UnusableSpreadsheetError.to_string(),
        UnusableKind::Formula => wording::UnusableFormula.to_string(),
        UnusableKind::Apostrophe => wording::UnusableApostrophe.to_string(),
        UnusableKind::Fraction => wording::UnusableFraction.to_string(),
        UnusableKind::Exponent => wording::UnusableExponent.to_string(),
        UnusableKind::FullWidth => wording::UnusableFullWidth.to_string(),
        UnusableKind::Header => wording::UnusableHeader.to_string(),
        UnusableKind::Boolean => wording::UnusableBoolean.to_string(),
        UnusableKind::Date => wording::UnusableDate.to_string(),
        UnusableKind::Grouped => wording::UnusableGrouped.to_string(),
        UnusableKind::Quoted => wording::UnusableQuoted.to_string(),
        UnusableKind::Masked => wording::UnusableMasked.to_string(),
        UnusableKind::Total => wording::UnusableTotal.to_string(),
    }
}

/// "600 = 588 issued + 12 refused": the states with deliveries, final ones first.
#[must_use]
pub fn counts_sum(counts: &Counts) -> String {
    counts_sum_of(counts, count_in_state)
}

/// Like [`counts_sum`], with each term written by `term`.
pub fn counts_sum_of(counts: &Counts, term: impl Fn(u64, StateName) -> String) -> String {
    let order = [
        StateName::Issued,
        StateName::Refused,
        StateName::Skipped,
        StateName::Pending,
        StateName::Deferred,
        StateName::InFlight,
        StateName::InDoubt,
        StateName::Held,
    ];
    let terms: Vec<_> = order
        .into_iter()
        .filter(|state| counts.count(*state) > 0)
        .map(|state| term(counts.count(state), state))
        .collect();
    if terms.is_empty() {
        return wording::NoCoupons.to_string();
    }
    wording::CountsSum {
        coupons: counts.audience(),
        terms: &terms.join(" + "),
    }
    .to_string()
}

/// "588 issued".
#[must_use]
pub fn count_in_state(n: u64, state: StateName) -> String {
    wording::CountInState {
        n: &Grouped(n),
        state: &state,
    }
    .to_string()
}

/// Why a delivery is not owed at present, for people.
#[must_use]
pub fn skip_reason(why: Skipped) -> String {
    match why {
        Skipped::Gone => wording::SkippedGone.to_string(),
        Skipped::CouponsPerUser => wording::SkippedCouponsPerUser.to_string(),
        Skipped::EarlierRefused => wording::SkippedEarlierRefused.to_string(),
        Skipped::Excluded => wording::SkippedExcluded.to_string(),
        Skipped::ControlGroup => wording::SkippedControlGroup.to_string(),
        Skipped::Lapsed => wording::SkippedLapsed.to_string(),
        Skipped::Limit => wording::SkippedLimit.to_string(),
    }
}

/// Where an audience was read that is taken over from the ledger.
#[must_use]
pub fn taken_over(taken_over: &TakenOver, zone: &TimeZone) -> String {
    let host = &visible(&taken_over.host);
    let at = &times::date_time(taken_over.at, zone);
    match taken_over.unread {
        Some(_) => wording::TakenOverUnread { host, at }.to_string(),
        None => wording::TakenOver { host, at }.to_string(),
    }
}

/// What a run waits for, in a few words, by its word among [`crate::model::event::Waiting::WORDS`].
#[must_use]
pub fn waited_for(word: &str) -> String {
    match word {
        "start" => wording::WaitedStart.to_string(),
        "window" => wording::WaitedWindow.to_string(),
        "day" => wording::WaitedDay.to_string(),
        "wave" => wording::WaitedWave.to_string(),
        "app_id" => wording::WaitedAppId.to_string(),
        "user" => wording::WaitedUser.to_string(),
        "previous_owner" => wording::WaitedPreviousOwner.to_string(),
        "lease" => wording::WaitedLease.to_string(),
        "lists" => wording::WaitedLists.to_string(),
        "source" => wording::WaitedSource.to_string(),
        "due" => wording::WaitedDue.to_string(),
        "outage" => wording::WaitedOutage.to_string(),
        "platform" => wording::WaitedPlatform.to_string(),
        "token" => wording::WaitedToken.to_string(),
        _ => word.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::Language;
    use crate::model::clock::from_ms;
    use crate::model::event::{Owner, Waiting};

    #[test]
    fn a_holder_of_the_app_lock_is_named_as_far_as_it_is_known() {
        let owner = Owner {
            host: "till-3".into(),
            pid: 4711,
            since: from_ms(0),
            command: "runner apply autumn.yaml\x1b[31m".into(),
        };
        let worker = AppLockHolder::from(Owner {
            command: String::new(),
            ..owner.clone()
        });
        let known = AppLockHolder::from(owner);
        let suspended = AppLockHolder {
            is_silent: true,
            ..known.clone()
        };
        let of_another_user = AppLockHolder {
            pid: Some(12),
            other_user: Some("nobody".into()),
            ..AppLockHolder::default()
        };
        let in_another_container = AppLockHolder::default();
        let with_full_queue = AppLockHolder {
            is_silent: true,
            ..AppLockHolder::default()
        };
        let holders = [
            known,
            suspended,
            of_another_user,
            in_another_container,
            with_full_queue,
            worker,
        ];
        let texts = || {
            holders
                .iter()
                .map(|holder| app_lock_holder(holder, Some("11:58:02")))
                .collect::<Vec<_>>()
                .join("\n")
        };
        insta::assert_snapshot!(texts());
        insta::assert_snapshot!(Language::Chinese.scope(texts));
    }

    #[test]
    fn every_reason_has_a_text_in_chinese() {
        let by = Requester {
            pid: 5170,
            user: "ops".into(),
            host: "till-3".into(),
            name: None,
            command: String::new(),
        };
        let drains = [
            DrainReason::Stopped { by },
            DrainReason::AppIdTaken {
                holder: AppLockHolder::default(),
            },
            DrainReason::HandedOver,
            DrainReason::Interrupted,
            DrainReason::Halted,
            DrainReason::End,
            DrainReason::AtMost,
            DrainReason::GaveUp,
            DrainReason::NothingLeft,
            DrainReason::NotStarted,
            DrainReason::OutsideHours,
            DrainReason::DayUsedUp,
            DrainReason::NoWindow,
            DrainReason::NoWave,
            DrainReason::BetweenWaves,
        ];
        let skips = [
            Skipped::Gone,
            Skipped::CouponsPerUser,
            Skipped::EarlierRefused,
            Skipped::Excluded,
            Skipped::ControlGroup,
            Skipped::Lapsed,
            Skipped::Limit,
        ];
        let mut counts = Counts::default();
        let mut n = 1;
        for state in StateName::ALL {
            counts.add(state, n);
            n *= 7;
        }
        let texts = || {
            let mut texts: Vec<_> = drains.iter().map(drain_reason).collect();
            texts.extend(skips.into_iter().map(skip_reason));
            texts.extend(Waiting::WORDS.into_iter().map(waited_for));
            texts.push(counts_sum(&counts));
            texts.push(counts_sum(&Counts::default()));
            texts.join("\n")
        };
        insta::assert_snapshot!(Language::Chinese.scope(texts));
    }
}
