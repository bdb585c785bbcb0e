//! A user's trace for people.

use std::fmt::Write as _;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::app::LoadedCampaign;
use crate::app::trace::Trace;
use crate::history::recipient::{Attempt, Decided, End, EntryKind, HistoryEntry, Reading};
use crate::model::delivery::{Away, Resolution};
use crate::model::outcome::{Coupon, Outcome, Proof};
use crate::report::text::{visible, wrapped};
use crate::report::times::{counted, duration};

use super::next_words::{next_words, reread};

/// The indent of the details below a time.
const BESIDE_TIME: usize = 27;

/// Formats everything about one user.
pub(super) fn text(trace: &Trace, campaign: &LoadedCampaign, width: usize) -> String {
    let screen = Screen {
        trace,
        zone: &campaign.parsed.campaign.timezone,
        width,
    };
    let names = &campaign.parsed.campaign.names;
    let mut text = String::new();
    let title = names.title.as_deref().map(|title| format!(" {}", visible(title)));
    let open_id = visible(&trace.open_id()).into_owned();
    let name = &campaign.plan.identity.campaign;
    let gone = match trace.ledger_state().away(trace.recipient) {
        None => "",
        Some(Away::Gone) => ", no longer in the audience",
        Some(Away::Excluded) => ", excluded",
        Some(Away::ControlGroup) => ", in the control group",
        Some(Away::Lapsed) => ", last active too long ago",
        Some(Away::Limit) => ", beyond audience.limit",
    };
    let _ = writeln!(text, "{open_id} in {name}{}{gone}\n", title.unwrap_or_default());
    for entry in trace.history.history().iter().filter(|it| it.what.ordinal().is_none()) {
        screen.write_entry(&mut text, entry);
    }
    for ordinal in trace.ordinals() {
        let row = trace.row(ordinal);
        let id = row.merchant_coupon_id.map(|id| id.to_string()).unwrap_or_default();
        let _ = writeln!(text, "\ncoupon {ordinal}: {}, merchant_coupon_id {id}", row.state);
        let of_this = |it: &&HistoryEntry| it.what.ordinal() == Some(ordinal);
        for entry in trace.history.history().iter().filter(of_this) {
            screen.write_entry(&mut text, entry);
        }
        let next = next_words(trace.next(campaign, ordinal), trace.present.now, screen.zone);
        let mut before = "  next: ";
        for line in wrapped(&next, width.saturating_sub(before.len())) {
            let _ = writeln!(text, "{before}{line}");
            before = "        ";
        }
    }
    text
}

/// A trace and how it is shown.
struct Screen<'t> {
    trace: &'t Trace,
    zone: &'t TimeZone,
    /// The width of lines, in columns.
    width: usize,
}

impl Screen<'_> {
    fn write_entry(&self, text: &mut String, entry: &HistoryEntry) {
        let at = stamp(entry.at, self.zone);
        let lines = self.lines(entry);
        let width = self.width.saturating_sub(BESIDE_TIME);
        let mut before = format!("  {at}  ");
        for line in lines.iter().flat_map(|line| wrapped(line, width)) {
            let _ = writeln!(text, "{before}{line}");
            before = " ".repeat(BESIDE_TIME);
        }
    }

    fn lines(&self, entry: &HistoryEntry) -> Vec<String> {
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
            EntryKind::Attempt(attempt) => self.attempted(attempt),
            EntryKind::Reread { step, .. } => vec![format!(
                "its code was read again by the campaign file: {}",
                reread(step)
            )],
            EntryKind::Decided(decided) => decision(decided),
        }
    }

    fn attempted(&self, attempt: &Attempt) -> Vec<String> {
        let activity = self
            .trace
            .ledger_state()
            .activity(attempt.activity)
            .map_or_else(String::new, |activity| format!("activity {activity}"));
        let mut lines = Vec::new();
        match &attempt.end {
            End::UnderWay => lines.push("is under way".to_owned()),
            End::Withdrawn => lines.push("called off before a byte left".to_owned()),
            End::Interrupted(found) => {
                let found = stamp(*found, self.zone);
                lines.push("nobody knows: the process ended during it".to_owned());
                lines.push(format!("found by the run of {found}"));
            }
            End::Ended(_, outcome) => ended(outcome, self.zone, &mut lines),
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
}

fn stamp(at: Timestamp, zone: &TimeZone) -> String {
    let at = at.to_zoned_datetime(zone.clone());
    at.strftime("%Y-%m-%d %H:%M:%S%.3f").to_string()
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
