//! The summary of a run that has ended: counts, codes, rates, why it stopped, and what to do next.

use std::fmt::Write as _;

use crate::model::delivery::{Counts, StateName};
use crate::model::event::{
    DrainReason, Ending, FileShare, Halted, PlaceUnit, READABLE_TIMES, Reading, RowPlace, Rows, UnusableKind,
};
use crate::model::outcome::Classifier;
use crate::model::problem::Problem;

use super::progress::{Look, drained, said};
use super::run_stats::{CodeCount, RunStats};
use super::text::{columns, cut, left, right, visible};
use super::times::{counted, duration, grouped, rate};

/// The maximum width of a message in the table of codes.
const MESSAGE: usize = 48;
/// The usual width of a terminal. In a wider table, log_ids get lines of their own: a wrapped log_id cannot be copied.
const WIDTH: usize = 80;

/// Renders the summary of a run that has ended; empty before the end.
#[must_use]
pub fn text(look: &Look<'_>) -> String {
    let stats = look.stats;
    let (Some(run), Some(ended)) = (&stats.run, stats.ended) else {
        return String::new();
    };
    let mut text = String::new();
    let title = run.title.as_deref().map(|title| format!(" {}", visible(title)));
    let _ = writeln!(
        text,
        "\n{}{}: {}\n\n  {}\n",
        run.campaign,
        title.unwrap_or_default(),
        headline(stats, ended.ending),
        sum(&stats.counts)
    );
    text.push_str(&codes(stats));
    for (name, value) in facts(look) {
        let _ = writeln!(text, "  {name:<9} {value}");
    }
    if let Some(counted) = ended.miscounted {
        let _ = writeln!(
            text,
            "\nthe events that were reported add up to something else ({counted:?}); the ledger's sum, shown above, is right"
        );
    }
    text.push('\n');
    for line in next(look, ended.ending) {
        let _ = writeln!(text, "{line}");
    }
    text
}

fn headline(stats: &RunStats, ending: Ending) -> &'static str {
    match ending {
        Ending::Complete if stats.counts.audience() == 0 => "complete, with an empty audience",
        Ending::Complete => "complete",
        Ending::Incomplete => "not complete; the same command goes on",
        Ending::NeedsPerson => "not complete; a person must look",
    }
}

/// Why the run stopped before it was complete; `None` if it did not.
#[must_use]
pub fn why(stats: &RunStats) -> Option<String> {
    let ended = stats.ended?;
    if ended.ending == Ending::Complete {
        return None;
    }
    if let Some(why) = &stats.halted {
        return Some(halted(why));
    }
    match &stats.doing.drained {
        None | Some(DrainReason::NothingLeft) if stats.counts.audience() == 0 => {
            Some("the audience is empty".to_owned())
        }
        None | Some(DrainReason::NothingLeft) => left_over(stats),
        Some(why) => Some(drained(why).into_owned()),
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
    Some(match stats.doing.drained {
        Some(DrainReason::End | DrainReason::NoWindow | DrainReason::NoWave) => Problem::PastEnd,
        _ if stats.counts.audience() == 0 => Problem::EmptyAudience,
        _ => Problem::LeftToPerson,
    })
}

/// What is left when nothing more may be sent now; `None` if nothing is.
pub(super) fn left_over(stats: &RunStats) -> Option<String> {
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

/// "600 = 588 issued + 12 refused": the states with deliveries, final ones first.
#[must_use]
pub fn sum(counts: &Counts) -> String {
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

/// The table of codes, with an empty line after it; empty without an answer.
pub(super) fn codes(stats: &RunStats) -> String {
    if stats.codes.is_empty() {
        return String::new();
    }
    let mut rows = vec![["code", "class", "answers", "message", "log_id"].map(str::to_owned)];
    let (bare, coded): (Vec<_>, Vec<_>) = stats.codes.iter().partition(|((code, _), _)| code.is_none());
    for ((code, outcome), count) in coded.into_iter().chain(bare) {
        rows.push([
            code.map_or_else(|| "none".to_owned(), |code| code.to_string()),
            class(count, outcome),
            grouped(count.count),
            cut(&visible(&count.message), MESSAGE).into_owned(),
            visible(&count.log_id).into_owned(),
        ]);
    }
    let mut widths = [0; 5];
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(columns(cell));
        }
    }
    let before_message = widths.iter().take(3).map(|width| width + 2).sum::<usize>() + 2;
    let wide = before_message + widths[3] + 2 + widths[4] > WIDTH;
    let mut text = String::new();
    for (at, [code, class, answers, message, log_id]) in rows.into_iter().enumerate() {
        let mut line = format!(
            "  {}  {}  {}  ",
            right(&code, widths[0]),
            left(&class, widths[1]),
            right(&answers, widths[2]),
        );
        if !wide {
            let _ = write!(line, "{}  {log_id}", left(&message, widths[3]));
        } else if at == 0 {
            line.push_str("message / log_id");
        } else {
            let below = format!("\n{:before_message$}{log_id}", "");
            line.push_str(&cut(&message, WIDTH.saturating_sub(before_message)));
            line.push_str(if message.is_empty() { &log_id } else { &below });
        }
        let _ = writeln!(text, "{}", line.trim_end());
    }
    text.push('\n');
    text
}

/// The class of the code, and its source unless that is the built-in table.
pub(super) fn class(count: &CodeCount, outcome: &str) -> String {
    let Some(class) = count.class else {
        return outcome.replace('_', " ");
    };
    match count.classifier {
        Some(Classifier::Nobody) => format!("{} (unlisted)", class.word()),
        Some(Classifier::File) => format!("{} (this file)", class.word()),
        Some(Classifier::Table) | None => class.word().to_owned(),
    }
}

/// Names and values about the course of the run.
fn facts(look: &Look<'_>) -> Vec<(&'static str, String)> {
    let stats = look.stats;
    let sends = &stats.sends;
    let mut facts = Vec::new();
    if let Some(why) = why(stats) {
        let coded = problem(stats).map_or_else(|| why.clone(), |problem| format!("{problem}: {why}"));
        facts.push(("stopped", coded));
    }
    let mut took = duration(stats.took(look.now.instant));
    if let Some(reached) = sends.reached() {
        let _ = write!(took, ", {} reached", rate(reached));
    }
    facts.push(("took", took));
    if sends.attempts > 0 {
        let text = format!(
            "{}, at most {} in any one second",
            grouped(sends.attempts),
            grouped(sends.second.most())
        );
        facts.push(("attempts", text));
    }
    if let Some(reading) = &stats.audience.reading {
        facts.push(("audience", counted(reading.listed, "user", "users")));
        if reading.shares.len() > 1 {
            facts.push(("", shares(&reading.shares)));
        }
        for (users, why) in [
            (reading.excluded, "excluded"),
            (reading.control_group, "in the control group, never sent to"),
            (reading.lapsed, "last active too long ago"),
        ] {
            if users > 0 {
                facts.push(("", format!("{} {why}", grouped(users))));
            }
        }
        if reading.cut > 0 {
            facts.push(("", format!("{} beyond audience.limit", grouped(reading.cut))));
        }
        facts.extend(excludes(reading));
        if reading.repeated.count > 0 {
            facts.push(("repeated", rows(&reading.repeated, reading)));
        }
        for (at, (kind, unusable)) in reading.unusable.iter().enumerate() {
            let name = if at == 0 { "unusable" } else { "" };
            facts.push((name, format!("{}: {}", rows(unusable, reading), unusable_kind(*kind))));
        }
        if reading.undated.count > 0 {
            let rows = rows(&reading.undated, reading);
            let why = format!("{rows}: last_active is left out, for it is not {READABLE_TIMES}");
            facts.push(("undated", why));
        }
    }
    if let Some(run) = &stats.run {
        facts.push(("ledger", visible(&run.ledger.display().to_string()).into_owned()));
    }
    facts
}

/// The effect of each exclude list: "csv opted-out.csv: 1,200 people, 34 of them in the audience".
pub(super) fn excludes(reading: &Reading) -> impl Iterator<Item = (&'static str, String)> {
    reading.excludes.iter().enumerate().map(|(nth, list)| {
        let excluded = match list.excluded {
            0 => "none".to_owned(),
            some => grouped(some),
        };
        let people = counted(list.people, "person", "people");
        let text = format!("{}: {people}, {excluded} of them in the audience", visible(&list.list));
        (if nth == 0 { "exclude" } else { "" }, text)
    })
}

/// "7 rows (lines 3, 9, 12, 40, 41, …)"; with file names if there are several files.
pub(super) fn rows(rows: &Rows, reading: &Reading) -> String {
    let more = if rows.count > rows.first.len() as u64 {
        ", …"
    } else {
        ""
    };
    let count = counted(rows.count, "row", "rows");
    if reading.shares.len() > 1 {
        let places: Vec<_> = rows
            .first
            .iter()
            .map(|place| visible(&place.to_string()).into_owned())
            .collect();
        return format!("{count} ({}{more})", places.join(", "));
    }
    let word = match rows.first.first().map(|place| place.unit) {
        Some(PlaceUnit::Row) => "row",
        Some(PlaceUnit::Line) | None => "line",
    };
    let plural = if rows.count == 1 { "" } else { "s" };
    let number = |place: &RowPlace| match &place.value {
        Some(value) => format!("{} {}", place.number, visible(&format!("{value:?}"))),
        None => place.number.to_string(),
    };
    let numbers: Vec<_> = rows.first.iter().map(number).collect();
    format!("{count} ({word}{plural} {}{more})", numbers.join(", "))
}

/// The rows of each file: "3 files: a.csv 1,200 rows, b.csv 7 rows, c.csv 1 row".
fn shares(shares: &[FileShare]) -> String {
    const SHOWN: usize = 10;
    let each = |share: &FileShare| format!("{} {}", visible(&share.name), counted(share.rows, "row", "rows"));
    let mut said: Vec<_> = shares.iter().take(SHOWN).map(each).collect();
    if let Some(rest) = shares.get(SHOWN..).filter(|rest| !rest.is_empty()) {
        let rows = rest.iter().map(|share| share.rows).sum();
        said.push(format!("{} more {}", rest.len(), counted(rows, "row", "rows")));
    }
    format!("{}: {}", counted(shares.len() as u64, "file", "files"), said.join(", "))
}

pub(super) const fn unusable_kind(kind: UnusableKind) -> &'static str {
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
        UnusableKind::NoValue => "the open_id is a word for no value, such as NULL",
        UnusableKind::SpreadsheetError => "the open_id is an error of a spreadsheet, such as #REF!",
        UnusableKind::Formula => "the open_id is a formula of a spreadsheet, =\"…\"",
        UnusableKind::Apostrophe => "the open_id begins with an apostrophe",
        UnusableKind::Fraction => "the open_id is a number that ends in .0",
        UnusableKind::Exponent => "the open_id is a number with lost digits, such as 7.21E+18",
        UnusableKind::FullWidth => "the open_id has full-width characters",
        UnusableKind::Header => "the header stands there again",
    }
}

/// What to do next, in lines.
fn next(look: &Look<'_>, ending: Ending) -> Vec<String> {
    let again = format!("  {}", look.setup.again);
    match ending {
        Ending::Complete => vec!["nothing is left to do: every delivery is settled".to_owned()],
        Ending::Incomplete => vec!["to go on where this run stopped:".to_owned(), again],
        Ending::NeedsPerson => {
            let mut lines: Vec<_> = advice(look.stats)
                .into_iter()
                .map(|line| format!("help: {line}"))
                .collect();
            if let Some(problem) = problem(look.stats) {
                lines.push(format!("      `runner explain {problem}` says more"));
            }
            lines.push("then, to go on:".to_owned());
            lines.push(again);
            lines
        }
    }
}

/// What a person has to do.
pub(super) fn advice(stats: &RunStats) -> Vec<String> {
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
    match stats.doing.drained {
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
pub fn halted(halted: &Halted) -> String {
    match halted {
        Halted::Code { code, message, .. } => format!("the platform answered {code}{}", said(message)),
        Halted::Http { detail } => format!("the platform's answer is none of this endpoint: {}", visible(detail)),
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
            format!("the platform answered {code} {n} times in a row{}", said(message))
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

#[cfg(test)]
mod tests;
