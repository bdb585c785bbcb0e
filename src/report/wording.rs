//! Texts that terminals, pages and JSON output share: why a run waits, stopped or halted, and what a person has to do.

use std::borrow::Cow;

use crate::model::delivery::{Counts, Skipped, StateName};
use crate::model::event::{AppLockHolder, DrainReason, Ending, Halted, UnusableKind};
use crate::model::outcome::Classifier;
use crate::model::problem::Problem;

use super::run_stats::{CodeCount, RunStats};
use super::text::visible;
use super::times::{counted, grouped};

/// Why no further attempt starts, in a few words.
#[must_use]
pub fn drain_reason(why: &DrainReason) -> Cow<'static, str> {
    let why = match why {
        DrainReason::Stopped { by } => return format!("it was stopped by {}", visible(&by.to_string())).into(),
        DrainReason::AppIdTaken { holder } => {
            return format!("{}, and --no-wait is given", app_lock_holder(holder, None)).into();
        }
        DrainReason::Interrupted => "it was interrupted",
        DrainReason::Halted => "it halted",
        DrainReason::End => "schedule.end is past",
        DrainReason::AtMost => "--at-most is reached",
        DrainReason::GaveUp => "the platform was out of reach for longer than retry.give_up",
        DrainReason::NothingLeft => "nothing is left that may be sent now",
        DrainReason::NotStarted => "schedule.start is ahead, and --no-wait is given",
        DrainReason::OutsideHours => "it is outside schedule.hours, and --no-wait is given",
        DrainReason::DayUsedUp => "as many attempts began today as pace.per_day allows, and --no-wait is given",
        DrainReason::NoWindow => "no window opens before schedule.end",
        DrainReason::NoWave => "the next wave cannot begin before schedule.end",
        DrainReason::BetweenWaves => "the next wave has to wait, and --no-wait is given",
    };
    why.into()
}

/// Which process has the lock of the app id, and what can be done about one that should not have it. `since` is the time since
/// when a process has it that describes itself.
#[must_use]
pub fn app_lock_holder(holder: &AppLockHolder, since: Option<&str>) -> String {
    let pid = match holder.pid {
        Some(pid) => format!("pid {pid}"),
        None if holder.is_silent => "the system does not say which".to_owned(),
        None => "a process of another container".to_owned(),
    };
    if let Some(user) = &holder.other_user {
        let user = visible(user);
        return format!("the user {user} has this app id's lock: {pid}; only {user} or root can end that process");
    }
    let described = match &holder.owner {
        Some(owner) => {
            let since = since.map_or_else(String::new, |since| format!(" since {since}"));
            format!(" on {}{since} ({})", visible(&owner.host), visible(&owner.command))
        }
        None => String::new(),
    };
    let silent = if holder.is_silent {
        "; it does not answer and may be suspended"
    } else {
        ""
    };
    format!("another run sends for this app id: {pid}{described}{silent}")
}

/// The platform's message for text after a code; empty without a message.
#[must_use]
pub fn platform_message(message: &str) -> String {
    if message.is_empty() {
        String::new()
    } else {
        format!(": {}", visible(message))
    }
}

/// ": " and why the last attempt has no code; empty if it has one.
#[must_use]
pub fn last_failure(stats: &RunStats) -> String {
    let failure = stats.unanswered.as_deref();
    failure.map_or_else(String::new, |failure| format!(": {}", visible(failure)))
}

/// Why the run stopped before it was complete; `None` if it did not.
#[must_use]
pub fn stop_reason(stats: &RunStats) -> Option<String> {
    let ended = stats.ended?;
    if ended.ending == Ending::Complete {
        return None;
    }
    if let Some(why) = &stats.halted {
        return Some(halt_reason(why));
    }
    match &stats.drain_reason {
        None | Some(DrainReason::NothingLeft) if stats.counts.audience() == 0 => {
            Some("the audience is empty".to_owned())
        }
        None | Some(DrainReason::NothingLeft) => left_over(stats),
        Some(DrainReason::GaveUp) => Some(drain_reason(&DrainReason::GaveUp).into_owned() + &last_failure(stats)),
        Some(why) => Some(drain_reason(why).into_owned()),
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

/// What is left when nothing more may be sent now; `None` if nothing is.
#[must_use]
pub fn left_over(stats: &RunStats) -> Option<String> {
    let doubt = stats.counts.count(StateName::InDoubt);
    let held = stats.counts.count(StateName::Held);
    match (doubt, held) {
        (0, 0) if stats.counts.owed() > 0 => Some(format!("{} still owed", grouped(stats.counts.owed()))),
        (0, 0) => None,
        (doubt, 0) => Some(format!("{} in doubt", grouped(doubt))),
        (0, held) => Some(format!("{} held", grouped(held))),
        (doubt, held) => Some(format!("{} in doubt and {} held", grouped(doubt), grouped(held))),
    }
}

/// What a person has to do.
#[must_use]
pub fn advice(stats: &RunStats) -> Vec<String> {
    let counts = &stats.counts;
    if let Some(halted) = &stats.halted {
        let mut advice = vec![remedy(halted)];
        if matches!(halted, Halted::Http { .. }) && counts.count(StateName::InDoubt) > 0 {
            advice.push(
                "a gateway may answer so after it passed the request on, so those in doubt may have their coupon: the next \
                 apply sends them again, each by its own id and under its own activity, as `retry.in_doubt` and \
                 `retry.resend_within` in the campaign file say"
                    .to_owned(),
            );
        }
        return advice;
    }
    let mut advice = Vec::new();
    match stats.drain_reason {
        Some(DrainReason::End) => {
            advice.push("put schedule.end later in the campaign file, or leave the rest unsent".to_owned());
        }
        Some(DrainReason::NoWindow) => advice.push(
            "put schedule.end later in the campaign file, widen schedule.hours, or leave the rest unsent".to_owned(),
        ),
        Some(DrainReason::NoWave) => advice.push(
            "put schedule.end later in the campaign file, shorten the waits of schedule.waves, or leave the rest unsent"
                .to_owned(),
        ),
        _ => {}
    }
    if counts.audience() == 0 {
        advice.push(
            "check that the audience file is the right one; an audience that may be empty says `allow_empty: true`"
                .to_owned(),
        );
    }
    if counts.count(StateName::Held) > 0 {
        advice.push(
            "say in the campaign file, under `codes:`, what the held codes above mean: refuse, retry, issued or halt; or \
             decide once, with `runner resolve FILE --held`"
                .to_owned(),
        );
    }
    if counts.count(StateName::InDoubt) > 0 {
        advice.push(
            "whether those in doubt have their coupon is not known. one that was refused or held since is not sent again: ask \
             the platform, by its log_id, and settle it with `runner resolve`; the others are sent again, each by its own id, as `retry.in_doubt` and \
             `retry.resend_within` in the campaign file say"
                .to_owned(),
        );
    }
    advice
}

/// Why the run halted, in a few words.
#[must_use]
pub fn halt_reason(halted: &Halted) -> String {
    match halted {
        Halted::Code { code, message, .. } => format!("the platform answered {code}{}", platform_message(message)),
        Halted::Http { detail } => format!("the platform's answer is none of this endpoint: {}", visible(detail)),
        Halted::Certificate { detail } => visible(detail).into_owned(),
        Halted::Refused { n, of } => format!("{n} of the last {of} users were refused, more than halt.refused allows"),
        Halted::Held { n, of } => format!("{n} of the last {of} deliveries are held, more than halt.held allows"),
        Halted::Wave {
            wave,
            not_issued,
            of: all,
        } => format!(
            "in wave {wave}, {} of {} were not issued, more than its halt_if_not_issued allows",
            grouped(*not_issued),
            counted(*all, "answered delivery", "answered deliveries")
        ),
        Halted::SameCode { code, message, n } => {
            format!(
                "the platform answered {code} {n} times in a row{}",
                platform_message(message)
            )
        }
        Halted::AnotherLedger {
            open_id,
            merchant_coupon_id,
        } => {
            format!("another ledger has sent this campaign: user {open_id} already had the coupon {merchant_coupon_id}")
        }
        Halted::MixedAnswers {
            open_id,
            merchant_coupon_id,
            id,
            other,
        } => format!(
            "an answer is another delivery's: the one for user {open_id} ({merchant_coupon_id}) has the {} of {other}",
            visible(id)
        ),
        Halted::Credentials { why } => visible(why).into_owned(),
        Halted::MaxCoupons { max } => format!("max_coupons is reached: {}", grouped(*max)),
    }
}

/// What a person has to do about a halt.
#[must_use]
pub fn remedy(halted: &Halted) -> String {
    match halted {
        Halted::Code { log_id, .. } => {
            let quote = if log_id.is_empty() {
                String::new()
            } else {
                format!(" (in a complaint, quote log_id {})", visible(log_id))
            };
            format!("put right what the message names, on the platform{quote}")
        }
        Halted::Http { .. } => {
            "check platform.base_url, the app's permissions, and any proxy between here and the platform".to_owned()
        }
        Halted::Certificate { .. } => {
            "if the authority is your own, or the network inspects TLS, set SSL_CERT_FILE to a file with the authority's \
             certificate. if the certificate has expired or is not valid yet, check the date and time of this machine. \
             if it is the certificate of an authority itself, the server needs one of its own (CA:FALSE). \
             otherwise check platform.base_url, the proxy, and the server"
                .to_owned()
        }
        Halted::Refused { .. } => {
            "check that the audience is of this app and the activity is the right one; raise halt.refused if this is \
             expected"
                .to_owned()
        }
        Halted::Held { .. } => {
            "find out what the codes above mean and say so in the campaign file, under `codes:`".to_owned()
        }
        Halted::Wave { .. } => {
            "look at the codes above. what was answered until now counts no more: a new apply halts by its own answers; \
             raise halt_if_not_issued of the wave if this is expected"
                .to_owned()
        }
        Halted::SameCode { code, .. } => format!(
            "find out what {code} means. if the activity has ended or its stock is used up, name a new one as activity_id \
             and apply with `--accept activity_id`; otherwise say what it means, as in `codes: {{{code}: refuse}}`"
        ),
        Halted::AnotherLedger { .. } => {
            "find that ledger and go on with it; if it is lost, `--accept replays` takes over what the platform still \
             answers for"
                .to_owned()
        }
        Halted::MixedAnswers { .. } => {
            "find out what mixes up or repeats answers: a proxy or gateway between here and the platform, or a platform that gives \
             one coupon for two deliveries of a user (then set coupons_per_user to 1). then apply again: what is in doubt is \
             sent again by its own id"
                .to_owned()
        }
        Halted::Credentials { .. } => {
            "check the key and the secret, or the token, that the file's credentials refer to, and platform.base_url"
                .to_owned()
        }
        Halted::MaxCoupons { .. } => "raise max_coupons in the campaign file, if more may be given".to_owned(),
    }
}

/// The class of the code, and its source unless that is the built-in table.
#[must_use]
pub fn class_text(count: &CodeCount, outcome: &str) -> String {
    let Some(class) = count.class else {
        return outcome.replace('_', " ");
    };
    match count.classifier {
        Some(Classifier::Nobody) => format!("{} (unlisted)", class.word()),
        Some(Classifier::File) => format!("{} (this file)", class.word()),
        Some(Classifier::Table) | None => class.word().to_owned(),
    }
}

/// Why a row of the audience is unusable.
#[must_use]
pub const fn unusable_kind(kind: UnusableKind) -> &'static str {
    match kind {
        UnusableKind::Empty => "the open_id is empty",
        UnusableKind::TooLong => "the open_id has over 128 characters",
        UnusableKind::NotPrintable => "spaces or unprintable characters in the open_id",
        UnusableKind::WrongFields => "it has more or fewer fields than the header",
        UnusableKind::NotText => "it is not text in the file's encoding",
        UnusableKind::Missing => "there is no open_id",
        UnusableKind::NoLastActive => "it does not say when the user was last active",
        UnusableKind::UnreadableLastActive => "its last_active is no time from 2016 to tomorrow",
        UnusableKind::WrongType => "the open_id is neither text nor a whole number",
        UnusableKind::NoValue => "the open_id is a word or a sign for no value, such as NULL or -",
        UnusableKind::SpreadsheetError => "the open_id is an error of a spreadsheet, such as #REF!",
        UnusableKind::Formula => "the open_id is a formula of a spreadsheet, =\"…\"",
        UnusableKind::Apostrophe => "the open_id begins with an apostrophe",
        UnusableKind::Fraction => "the open_id is a number that ends in .0",
        UnusableKind::Exponent => "the open_id is a number with lost digits, such as 7.21E+18",
        UnusableKind::FullWidth => "the open_id has full-width characters",
        UnusableKind::Header => "the header stands there again",
        UnusableKind::Boolean => "the open_id is TRUE or FALSE",
        UnusableKind::Date => "the open_id is a date",
        UnusableKind::Grouped => "the open_id has separators of thousands, such as 7,218,071",
        UnusableKind::Quoted => "the open_id is in quotes",
        UnusableKind::Masked => "the open_id is covered in part or cut off, such as Cv4P****3rNu",
        UnusableKind::Total => "the open_id is the label of a sum, such as 合计",
    }
}

/// "600 = 588 issued + 12 refused": the states with deliveries, final ones first.
#[must_use]
pub fn counts_sum(counts: &Counts) -> String {
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
        .map(|state| format!("{} {state}", grouped(counts.count(state))))
        .collect();
    if terms.is_empty() {
        return "0 coupons".to_owned();
    }
    format!(
        "{} = {}",
        counted(counts.audience(), "coupon", "coupons"),
        terms.join(" + ")
    )
}

/// Why a delivery is not owed at present, for people.
#[must_use]
pub const fn skip_reason(why: Skipped) -> &'static str {
    match why {
        Skipped::Gone => "gone from the source",
        Skipped::CouponsPerUser => "above coupons_per_user",
        Skipped::EarlierRefused => "behind a refused coupon of the same user",
        Skipped::Excluded => "excluded",
        Skipped::ControlGroup => "in the control group",
        Skipped::Lapsed => "last active too long ago",
        Skipped::Limit => "beyond audience.limit",
    }
}

/// What a run waits for, in a few words, by its word among [`crate::model::event::Waiting::WORDS`].
#[must_use]
pub const fn waited_for(word: &str) -> &str {
    match word.as_bytes() {
        b"start" => "before schedule.start",
        b"window" => "outside schedule.hours",
        b"day" => "pace.per_day used up",
        b"wave" => "the wait behind a wave",
        b"app_id" => "another sender of the app id",
        b"due" => "retries not due yet",
        b"outage" => "platform out of reach",
        b"platform" => "the platform asks to wait",
        b"token" => "no access token",
        _ => word,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::clock::from_ms;
    use crate::model::event::Owner;

    #[test]
    fn a_holder_of_the_app_lock_is_named_as_far_as_it_is_known() {
        let owner = Owner {
            host: "till-3".into(),
            pid: 4711,
            since: from_ms(0),
            command: "runner apply autumn.yaml\x1b[31m".into(),
        };
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
        let holders = [known, suspended, of_another_user, in_another_container, with_full_queue];
        let texts = holders.map(|holder| app_lock_holder(&holder, Some("11:58:02")));
        insta::assert_snapshot!(texts.join("\n"));
    }
}
