//! A user's trace for programs: a `recipient`, then a `delivery` for each coupon with its history and what happens next.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;

use crate::app::campaign::LoadedCampaign;
use crate::engine::delivery_forecast::Next;
use crate::history::recipient::{Attempt, Decided, End, EntryKind, HistoryEntry, Reading};
use crate::history::row::{Object, Times};
use crate::ledger::{Evidence, Found};
use crate::model::delivery::{Away, Resolution, Transition};
use crate::model::identity::ActivityId;
use crate::model::outcome::Class;

use super::{Trace, next_words};

#[derive(Serialize)]
struct Recipient<'a> {
    r#type: &'static str,
    campaign: &'a str,
    app_id: &'a str,
    open_id: &'a str,
    listed: bool,
    history: Vec<Entry<'a>>,
}

/// What a delivery's object has beside its fields.
#[derive(Serialize)]
#[serde(untagged)]
enum More<'a> {
    History(Vec<Entry<'a>>),
    Next(NextBody),
}

#[derive(Serialize)]
struct Entry<'a> {
    at: String,
    what: &'static str,
    #[serde(flatten)]
    body: Body<'a>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Body<'a> {
    Alone {},
    Reading { generation: u32, listed: u64 },
    Attempt(AttemptBody<'a>),
    Reread { to: &'static str },
    ManualDecision(DecisionBody<'a>),
    Found(FoundBody<'a>),
}

#[derive(Serialize)]
struct FoundBody<'a> {
    coupon_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    bill: Option<String>,
}

#[derive(Serialize)]
struct AttemptBody<'a> {
    attempt: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    activity_id: Option<&'a str>,
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    ended_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    class: Option<Class>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    log_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    latency: Option<f64>,
}

#[derive(Serialize)]
struct DecisionBody<'a> {
    by: &'a str,
    note: &'a str,
    from: &'static str,
    to: &'static str,
    may_double: bool,
    selection: &'a str,
}

#[derive(Serialize)]
struct NextBody {
    what: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<String>,
    why: String,
}

/// The objects of one user, each as a line of JSON.
#[must_use]
pub fn object_lines(trace: &Trace, campaign: &LoadedCampaign) -> Vec<String> {
    let zone = &campaign.parsed.campaign.timezone;
    let times = Times::new(zone.clone());
    let identity = &campaign.plan.identity;
    let history = |ordinal: Option<u8>| {
        let these = trace
            .history
            .history()
            .iter()
            .filter(move |it| it.what.ordinal() == ordinal);
        these.map(|entry| entry_body(trace, entry, &times)).collect::<Vec<_>>()
    };
    let mut lines = Vec::new();
    push(
        &mut lines,
        &Recipient {
            r#type: "recipient",
            campaign: identity.campaign.as_str(),
            app_id: identity.app_id.as_str(),
            open_id: trace.open_id(),
            listed: trace.ledger_state().away(trace.recipient) != Some(Away::Gone),
            history: history(None),
        },
    );
    for ordinal in trace.ordinals() {
        let row = trace.row(ordinal);
        let next = next_body(trace.next(campaign, ordinal), trace.present.now, zone, &times);
        push(
            &mut lines,
            &Object {
                row: &row,
                identity,
                times: &times,
                more: &[
                    ("history", More::History(history(Some(ordinal)))),
                    ("next", More::Next(next)),
                ],
            },
        );
    }
    lines
}

fn push(lines: &mut Vec<String>, object: &impl Serialize) {
    match serde_json::to_string(object) {
        Ok(line) => lines.push(line),
        Err(error) => tracing::error!("an object could not be written as JSON: {error}"),
    }
}

fn entry_body<'a>(trace: &'a Trace, entry: &'a HistoryEntry, times: &Times) -> Entry<'a> {
    let reading = |reading: &Reading| Body::Reading {
        generation: reading.generation,
        listed: reading.listed,
    };
    let (what, body) = match &entry.what {
        EntryKind::Came(of) => ("came", reading(of)),
        EntryKind::Away(Away::Gone, of) => ("left", reading(of)),
        EntryKind::Away(why, of) => (why.skipped().word(), reading(of)),
        EntryKind::Lapsed => ("lapsed", Body::Alone {}),
        EntryKind::Returned(of) => ("returned", reading(of)),
        EntryKind::Attempt(attempt) => ("attempt", Body::Attempt(attempted(trace, attempt, times))),
        EntryKind::Reread { step, .. } => ("reread", Body::Reread { to: reread(step) }),
        EntryKind::Decided(decided) => ("decision", Body::ManualDecision(decision(decided))),
        EntryKind::Found(found) => ("found", Body::Found(found_body(found))),
    };
    Entry {
        at: times.text(entry.at),
        what,
        body,
    }
}

fn found_body(found: &Found) -> FoundBody<'_> {
    FoundBody {
        coupon_id: &found.coupon.coupon_id,
        bill: match found.evidence {
            Evidence::Bill(day) => Some(day.to_string()),
            Evidence::Coupons => None,
        },
    }
}

const fn reread(step: &Transition) -> &'static str {
    match step {
        Transition::Owe | Transition::OweUnderNewActivity => "owed",
        Transition::RereadRefused => "refused",
        Transition::RereadIssued => "issued",
        Transition::RereadUnknown { .. } => "in_doubt",
        _ => "resend",
    }
}

fn decision(decided: &Decided) -> DecisionBody<'_> {
    DecisionBody {
        by: &decided.by,
        note: &decided.note,
        from: decided.from.word(),
        to: decided.to.word(),
        may_double: decided.to == Resolution::Owed { may_double: true },
        selection: &decided.selection,
    }
}

fn attempted<'a>(trace: &'a Trace, attempt: &'a Attempt, times: &Times) -> AttemptBody<'a> {
    let outcome = match &attempt.end {
        End::Ended(_, outcome) => Some(outcome),
        _ => None,
    };
    let answer = outcome.and_then(|outcome| outcome.answer.as_ref());
    let said = match answer {
        Some(answer) => Some(answer.message.as_str()),
        None => outcome.and_then(|outcome| outcome.detail.as_deref()),
    };
    let ended_at: Option<Timestamp> = outcome.map(|outcome| outcome.at);
    let told_text = |text: &&str| !text.is_empty();
    AttemptBody {
        attempt: attempt.number,
        activity_id: trace.ledger_state().activity(attempt.activity).map(ActivityId::as_str),
        outcome: match &attempt.end {
            End::UnderWay => "under_way",
            End::Withdrawn => "withdrawn",
            End::Interrupted(_) => "interrupted",
            End::Ended(_, outcome) => outcome.proof.word(),
        },
        ended_at: ended_at.map(|at| times.text(at)),
        code: answer.map(|answer| answer.code),
        class: answer.map(|answer| answer.class),
        message: said.filter(told_text),
        log_id: answer.map(|answer| answer.log_id.as_str()).filter(told_text),
        latency: outcome.map(|outcome| outcome.latency.as_secs_f64()),
    }
}

fn next_body(next: Next, now: Timestamp, zone: &TimeZone, times: &Times) -> NextBody {
    let (at, until) = match next {
        Next::Sent { at, until } => (Some(at).filter(|at| *at > now), until),
        Next::Doubted { resend: Ok(until) } => (None, Some(until)),
        _ => (None, None),
    };
    NextBody {
        what: match next {
            Next::Issued | Next::Refused | Next::Skipped { .. } => "nothing",
            Next::InFlight => "in_flight",
            Next::Sent { .. } => "send",
            Next::Reread(_) | Next::Doubted { .. } => "reread",
            Next::Behind { .. } | Next::Wave(_) | Next::Approval { .. } => "waits",
            Next::Person(_) => "person",
        },
        at: at.map(|at| times.text(at)),
        until: until.map(|until| times.text(until)),
        why: next_words(next, now, zone),
    }
}
