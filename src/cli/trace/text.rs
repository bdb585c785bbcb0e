//! A user's trace for people.

use std::fmt::Write as _;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::engine::next::{Next, Waits};
use crate::history::recipient::{Attempt, Decided, End, EntryKind, HistoryEntry, Reading};
use crate::model::delivery::{Away, Resolution, Skipped, Transition};
use crate::model::outcome::{Coupon, Outcome, Proof};
use crate::report::text::{visible, wrapped};
use crate::report::times::{clock_time, counted, duration};

use super::Trace;

/// The indent of the details below a time.
const BESIDE_TIME: usize = 27;

/// Formats everything about one user.
pub(super) fn text(trace: &Trace<'_>) -> String {
    let mut text = String::new();
    let title = trace.title.map(|title| format!(" {}", visible(title)));
    let open_id = visible(&trace.ledger_state.open_id(trace.recipient)).into_owned();
    let campaign = &trace.plan.identity.campaign;
    let gone = match trace.ledger_state.away(trace.recipient) {
        None => "",
        Some(Away::Gone) => ", no longer in the audience",
        Some(Away::Excluded) => ", excluded",
        Some(Away::ControlGroup) => ", in the control group",
        Some(Away::Lapsed) => ", last active too long ago",
        Some(Away::Limit) => ", beyond audience.limit",
    };
    let _ = writeln!(text, "{open_id} in {campaign}{}{gone}\n", title.unwrap_or_default());
    for entry in trace.person.history().iter().filter(|it| it.what.ordinal().is_none()) {
        write_entry(&mut text, trace, entry);
    }
    for ordinal in trace.ordinals() {
        let row = trace.person.row(trace.ledger_state, ordinal);
        let id = row.merchant_coupon_id.map(|id| id.to_string()).unwrap_or_default();
        let _ = writeln!(text, "\ncoupon {ordinal}: {}, merchant_coupon_id {id}", row.state);
        let of_this = |it: &&HistoryEntry| it.what.ordinal() == Some(ordinal);
        for entry in trace.person.history().iter().filter(of_this) {
            write_entry(&mut text, trace, entry);
        }
        let next = next_words(trace.next(ordinal), trace.present.now, trace.zone);
        let mut before = "  next: ";
        for line in wrapped(&next, trace.width.saturating_sub(before.len())) {
            let _ = writeln!(text, "{before}{line}");
            before = "        ";
        }
    }
    text
}

fn write_entry(text: &mut String, trace: &Trace<'_>, entry: &HistoryEntry) {
    let at = stamp(entry.at, trace.zone);
    let lines = lines(trace, entry);
    let width = trace.width.saturating_sub(BESIDE_TIME);
    let mut before = format!("  {at}  ");
    for line in lines.iter().flat_map(|line| wrapped(line, width)) {
        let _ = writeln!(text, "{before}{line}");
        before = " ".repeat(BESIDE_TIME);
    }
}

fn stamp(at: Timestamp, zone: &TimeZone) -> String {
    let at = at.to_zoned_datetime(zone.clone());
    at.strftime("%Y-%m-%d %H:%M:%S%.3f").to_string()
}

fn lines(trace: &Trace<'_>, entry: &HistoryEntry) -> Vec<String> {
    let generation = |what: &str, reading: &Reading| {
        let listed = counted(reading.listed, "user", "users");
        vec![format!(
            "{what} by generation {}, which names {listed}",
            reading.generation
        )]
    };
    match &entry.what {
        EntryKind::Came(reading) => generation("named", reading),
        EntryKind::Away(Away::Gone, reading) => generation("no longer named", reading),
        EntryKind::Away(Away::Excluded, reading) => generation("excluded", reading),
        EntryKind::Away(Away::ControlGroup, reading) => generation("drawn into the control group", reading),
        EntryKind::Away(Away::Lapsed, reading) => generation("found to be last active too long ago", reading),
        EntryKind::Away(Away::Limit, reading) => generation("cut at the limit", reading),
        EntryKind::Lapsed => vec!["last active too long ago when the turn came".to_owned()],
        EntryKind::Returned(reading) => generation("named again", reading),
        EntryKind::Attempt(attempt) => attempted(trace, attempt),
        EntryKind::Reread { step, .. } => vec![format!(
            "its code was read again by the campaign file: {}",
            reread(step)
        )],
        EntryKind::Decided(decided) => decision(decided),
    }
}

fn attempted(trace: &Trace<'_>, attempt: &Attempt) -> Vec<String> {
    let activity = trace
        .ledger_state
        .activity(attempt.activity)
        .map_or_else(String::new, |activity| format!("activity {activity}"));
    let mut lines = Vec::new();
    match &attempt.end {
        End::UnderWay => lines.push("is under way".to_owned()),
        End::Withdrawn => lines.push("called off before a byte left".to_owned()),
        End::Interrupted(found) => {
            let found = stamp(*found, trace.zone);
            lines.push("nobody knows: the process ended during it".to_owned());
            lines.push(format!("found by the run of {found}"));
        }
        End::Ended(_, outcome) => ended(outcome, trace.zone, &mut lines),
    }
    if let Some(first) = lines.first_mut() {
        *first = format!("attempt {}: {first}", attempt.number);
    }
    let took = match &attempt.end {
        End::Ended(_, outcome) if outcome.latency.as_millis() < 1_000 => {
            format!(", {} ms", outcome.latency.as_millis())
        }
        End::Ended(_, outcome) => format!(", {}", duration(outcome.latency)),
        _ => String::new(),
    };
    lines.push(format!("{activity}{took}"));
    lines
}

fn ended(outcome: &Outcome, zone: &TimeZone, lines: &mut Vec<String>) {
    let proof = match &outcome.proof {
        Proof::Unknown(_) => "nobody knows whether it was issued".to_owned(),
        Proof::Issued { replay: true, .. } => "issued, before this attempt".to_owned(),
        other => other.word().replace('_', " "),
    };
    match &outcome.answer {
        Some(answer) => {
            let class = match &outcome.proof {
                Proof::Issued { .. } => String::new(),
                _ => format!(", {}", answer.class.word()),
            };
            let said = if answer.message.is_empty() {
                String::new()
            } else {
                format!(": {}", visible(&answer.message))
            };
            lines.push(format!("{proof} (code {}{class}){said}", answer.code));
            if !answer.log_id.is_empty() {
                lines.push(format!("log_id {}", visible(&answer.log_id)));
            }
        }
        None => lines.push(proof),
    }
    if let Some(detail) = &outcome.detail {
        lines.push(visible(detail).into_owned());
    }
    if let Proof::Issued { coupon: trace, .. } = &outcome.proof {
        coupon(trace, zone, lines);
    }
}

fn coupon(coupon: &Coupon, zone: &TimeZone, lines: &mut Vec<String>) {
    let name = coupon.coupon_name.as_deref().map(visible).unwrap_or_default();
    let named = if name.is_empty() {
        String::new()
    } else {
        format!(", {name}")
    };
    lines.push(format!("coupon {}{named}", visible(&coupon.coupon_id)));
    let fen = |fen: i64| format!("{}.{:02} yuan", fen / 100, fen.unsigned_abs() % 100);
    let mut worth = Vec::new();
    worth.extend(coupon.discount_amount.map(|amount| format!("{} off", fen(amount))));
    worth.extend(coupon.min_pay_amount.map(|least| format!("from {}", fen(least))));
    let until = coupon.valid_end_time.filter(|until| *until > 0);
    if let Some(Ok(until)) = until.map(Timestamp::from_second) {
        let until = until.to_zoned_datetime(zone.clone()).strftime("%Y-%m-%d %H:%M");
        worth.push(format!("valid until {until}"));
    }
    if !worth.is_empty() {
        lines.push(worth.join(", "));
    }
}

const fn reread(step: &Transition) -> &'static str {
    match step {
        Transition::Owe => "owed again",
        Transition::OweUnderNewActivity => "owed again, under another activity",
        Transition::RereadRefused => "refused",
        Transition::RereadIssued => "issued",
        Transition::RereadUnknown { .. } => "in doubt",
        _ => "sent again",
    }
}

fn decision(decided: &Decided) -> Vec<String> {
    let may_double = match decided.to {
        Resolution::Owed { may_double: true } => " (--may-double)",
        _ => "",
    };
    vec![
        format!(
            "resolved as {}{may_double} by {}, was {}",
            decided.to.word(),
            visible(&decided.by),
            decided.from
        ),
        format!("chosen by {}", visible(&decided.selection)),
        format!("note: {}", visible(&decided.note)),
    ]
}

/// Describes what happens next.
pub(super) fn next_words(next: Next, now: Timestamp, zone: &TimeZone) -> String {
    let time = |at| clock_time(at, now, zone);
    match next {
        Next::Issued => "nothing: it is issued".to_owned(),
        Next::Refused => "nothing: it is refused; `runner resolve … --as owed` reopens it".to_owned(),
        Next::Skipped { why, held } => {
            let again = match (held, why) {
                (true, _) => "; it was held before, and is held again when that changes",
                (false, Skipped::Gone) => "; owed again when it does",
                (false, Skipped::Lapsed) => "; owed again when that changes",
                (false, _) => "",
            };
            format!("nothing: {}{again}", skipped(why))
        }
        Next::InFlight => {
            "its attempt ends; if no apply runs, the next one finds it in doubt and sends it again by the same id"
                .to_owned()
        }
        Next::Sent { at, until: None } if at <= now => "sent by the next apply".to_owned(),
        Next::Sent { at, until: None } => format!("sent by an apply from {} on", time(at)),
        Next::Sent { at, until: Some(until) } => {
            let from = if at <= now {
                String::new()
            } else {
                format!(" from {} on", time(at))
            };
            format!("sent again by an apply{from}, by the same id, until {}", time(until))
        }
        Next::Reread(step) => format!(
            "the next apply reads its code again by the campaign file: {}",
            reread(&step)
        ),
        Next::Doubted { resend } => {
            let then = match resend {
                Ok(until) => format!("sent again by the same id, until {}", time(until)),
                Err(why) => format!("waits for a person: {}", waits(why, now, zone)),
            };
            format!("the next apply reads its code again by the campaign file: in doubt, then {then}")
        }
        Next::Wave(Some(wave)) => format!("its turn comes with wave {wave}, when those before it have ended"),
        Next::Wave(None) => "its turn comes when all waves have ended".to_owned(),
        Next::Behind { ordinal, state } => format!("waits for coupon {ordinal}, which is {state}"),
        Next::Person(why) => format!("waits for a person: {}", waits(why, now, zone)),
    }
}

const fn skipped(why: Skipped) -> &'static str {
    match why {
        Skipped::Gone => "the audience no longer names the user",
        Skipped::CouponsPerUser => "coupons_per_user no longer reaches it",
        Skipped::EarlierRefused => "an earlier coupon of the user was refused",
        Skipped::Excluded => "a list of the excluded names the user",
        Skipped::ControlGroup => "the user is in the control group, which is never sent to",
        Skipped::Lapsed => "the user was last active longer ago than audience.active_within",
        Skipped::Limit => "audience.limit has no place for the user",
    }
}

fn waits(why: Waits, now: Timestamp, zone: &TimeZone) -> String {
    let resolve = "or `runner resolve` it";
    match why {
        Waits::Held { code } => format!("say what {code} means under `codes:` in the campaign file, {resolve}"),
        Waits::Answered { code } => {
            let code = code.map_or_else(String::new, |code| format!(", by {code}"));
            format!(
                "it may have been issued and was refused or held since{code}: ask the platform and `runner resolve` it"
            )
        }
        Waits::Old { since } => format!(
            "in doubt since {}, longer than retry.resend_within: ask the platform and `runner resolve` it",
            clock_time(since, now, zone)
        ),
        Waits::Undated => {
            "in doubt, and nobody knows for how long, because a run was made under a wrong clock (E0716): ask \
                           the platform and `runner resolve` it"
                .to_owned()
        }
        Waits::Ask => "`retry.in_doubt` is `ask`: ask the platform and `runner resolve` it".to_owned(),
        Waits::Excluded => "in doubt, and the user is excluded by now: `runner resolve` it".to_owned(),
        Waits::Beyond => "in doubt, and coupons_per_user no longer reaches it: `runner resolve` it".to_owned(),
        Waits::End { end } => {
            let tense = if end > now { "is" } else { "was" };
            let end = clock_time(end, now, zone);
            format!("schedule.end {tense} {end}, before it may be sent: put it later, or leave it unsent")
        }
    }
}
