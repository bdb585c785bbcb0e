//! `runner history`: shows what persons did to a campaign, when, and from where.

use clap::Args;
use jiff::tz::TimeZone;
use serde::Serialize;

use crate::app::history::{self, Author, EntryKind, HistoryEntry};
use crate::campaign::share_written;
use crate::catalogue::history as texts;
use crate::model::money::Money;
use crate::report::text::{Align, Columns, visible, wrap};
use crate::report::times::rfc3339;
use crate::report::wording::envelope_text;

use super::busy::{self, Busy};
use super::campaign_args::CampaignArgs;
use super::context::Context;
use super::exit::Exit;
use super::failure::Failure;
use super::global_args::Output;
use super::runtime::block_on;
use super::{load, terminal};

/// The arguments of `runner history`.
#[derive(Clone, Debug, Args)]
#[command(after_help = texts::Examples.to_string())]
pub struct HistoryArgs {
    #[command(flatten)]
    pub campaign: CampaignArgs,
}

/// Shows the history of a campaign.
pub fn run(args: &HistoryArgs, context: &Context) -> Result<Exit, Failure> {
    let Some(campaign) = load::campaign(&args.campaign, context)? else {
        return Ok(Exit::Input);
    };
    let busy = Busy::new(&busy::reading(), context);
    let entries = block_on(history::history(&campaign))??;
    drop(busy);
    let identity = &campaign.plan.identity;
    let zone = &campaign.parsed.campaign.timezone;
    match context.output {
        Output::Json => {
            for entry in &entries {
                let mut object = HistoryObject::new(entry, zone);
                object.campaign = identity.campaign.as_str();
                object.app_id = identity.app_id.as_str();
                context.lines.write(&object);
            }
        }
        Output::Human => {
            context.data(&text(&entries, zone, terminal::stdout_width_or_any()))?;
        }
    }
    Ok(Exit::Done)
}

/// The history as lines of at most `width` columns.
fn text(entries: &[HistoryEntry], zone: &TimeZone, width: usize) -> String {
    let cells: Vec<_> = entries
        .iter()
        .map(|entry| {
            let at = entry.at.to_zoned_datetime(zone.clone());
            let author = match &entry.kind {
                EntryKind::OwnerChanged(owner) => visible(&owner.host).to_string(),
                EntryKind::RunApproved(approval) => visible(&approval.by.join(", ")).to_string(),
                _ => author(entry.by.as_ref()),
            };
            [at.strftime("%F %T").to_string(), author]
        })
        .collect();
    let table = Columns::new([Align::Left, Align::Left], cells.iter()).fit(usize::MAX, 5, usize::MAX);
    let mut text = String::new();
    for (cells, entry) in cells.iter().zip(entries) {
        let what = wrap(&what(&entry.kind, zone), width, table.width() + 2);
        text.push_str(table.cells(cells).join("  ").as_str());
        text.push_str("  ");
        text.push_str(&what);
        text.push('\n');
    }
    text
}

fn author(by: Option<&Author>) -> String {
    let Some(by) = by else {
        return texts::Unknown.to_string();
    };
    let from = &visible(&by.from);
    if from.split('@').next() == Some(by.name.as_str()) {
        from.to_string()
    } else {
        texts::NamedAuthor {
            name: &visible(&by.name),
            from,
        }
        .to_string()
    }
}

fn what(kind: &EntryKind, zone: &TimeZone) -> String {
    match kind {
        EntryKind::Applied => texts::Applied.to_string(),
        EntryKind::Accepted(words) => texts::Accepted {
            words: &words.join(", "),
        }
        .to_string(),
        EntryKind::Approved { share } if *share > 0.0 => texts::Approved {
            share: &share_written(*share),
        }
        .to_string(),
        EntryKind::Approved { .. } => texts::ApprovedTesters.to_string(),
        EntryKind::Paused => texts::Paused.to_string(),
        EntryKind::Resumed => texts::Resumed.to_string(),
        EntryKind::Stopped => texts::Stopped.to_string(),
        EntryKind::Reconciled => texts::Reconciled.to_string(),
        EntryKind::StoppedBySignal(signal) => texts::StoppedBySignal { signal }.to_string(),
        EntryKind::Resolved {
            deliveries,
            from,
            to,
            note,
        } => texts::Resolved {
            deliveries: *deliveries,
            from,
            to: &to.word(),
            note: &visible(note),
        }
        .to_string(),
        EntryKind::Erased { users } => texts::Erased { users: *users }.to_string(),
        EntryKind::OwnerChanged(owner) => texts::OwnerChanged {
            term: &owner.term,
            worker: &visible(&owner.worker),
        }
        .to_string(),
        EntryKind::RunApproved(approval) => texts::RunApproved {
            record: approval.sequence,
            envelope: &envelope_text(&approval.envelope, zone),
        }
        .to_string(),
    }
}

/// One act, for programs.
#[derive(Serialize)]
struct HistoryObject<'a> {
    r#type: &'static str,
    campaign: &'a str,
    app_id: &'a str,
    at: String,
    act: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    by: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    command: Option<&'a str>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    accepted: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    signal: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    wave: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    deliveries: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    users: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resolution: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    term: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    worker: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    host: Option<&'a str>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    approved_by: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    record: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fingerprint: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    coupons: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    worth_fen: Option<u64>,
}

impl<'a> HistoryObject<'a> {
    fn new(entry: &'a HistoryEntry, zone: &TimeZone) -> Self {
        let by = entry.by.as_ref();
        let mut object = Self {
            r#type: "history",
            campaign: "",
            app_id: "",
            at: rfc3339(entry.at, zone),
            act: "applied",
            by: by.map(|by| by.name.as_str()),
            from: by.map(|by| by.from.as_str()),
            command: by.and_then(|by| by.command.as_deref()),
            accepted: &[],
            signal: None,
            wave: None,
            deliveries: None,
            users: None,
            state: None,
            resolution: None,
            note: None,
            term: None,
            worker: None,
            host: None,
            approved_by: &[],
            record: None,
            fingerprint: None,
            coupons: None,
            worth_fen: None,
        };
        match &entry.kind {
            EntryKind::Applied => {}
            EntryKind::Accepted(words) => {
                object.act = "accepted";
                object.accepted = words;
            }
            EntryKind::Approved { share } => {
                object.act = "approved";
                let testers = "testers".to_owned();
                object.wave = Some(if *share > 0.0 { share_written(*share) } else { testers });
            }
            EntryKind::Paused => object.act = "paused",
            EntryKind::Resumed => object.act = "resumed",
            EntryKind::Stopped => object.act = "stopped",
            EntryKind::Reconciled => object.act = "reconciled",
            EntryKind::StoppedBySignal(signal) => {
                object.act = "stopped";
                object.signal = Some(signal);
            }
            EntryKind::Resolved {
                deliveries,
                from,
                to,
                note,
            } => {
                object.act = "resolved";
                object.deliveries = Some(*deliveries);
                object.state = Some(from.word());
                object.resolution = Some(to.word());
                object.note = Some(note);
            }
            EntryKind::Erased { users } => {
                object.act = "erased";
                object.users = Some(*users);
            }
            EntryKind::OwnerChanged(owner) => {
                object.act = "owner_changed";
                object.term = Some(owner.term);
                object.worker = Some(&owner.worker);
                object.host = Some(&owner.host);
            }
            EntryKind::RunApproved(approval) => {
                object.act = "run_approved";
                object.approved_by = &approval.by;
                object.record = Some(approval.sequence);
                object.fingerprint = Some(&approval.fingerprint);
                object.coupons = Some(approval.envelope.coupons);
                object.worth_fen = approval.envelope.worth.map(Money::fen);
            }
        }
        object
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::catalogue::Language;
    use crate::ledger::TermOwner;
    use crate::model::delivery::{Resolution, StateName};
    use crate::model::envelope::{Envelope, RunApproval};

    fn entries() -> Vec<HistoryEntry> {
        let by = |name: &str| {
            Some(Author {
                name: name.to_owned(),
                from: "ann@till-3".to_owned(),
                command: Some("runner apply summer.yaml".to_owned()),
            })
        };
        let kinds = [
            (None, EntryKind::Applied),
            (by("ann"), EntryKind::Applied),
            (
                by("ann"),
                EntryKind::Accepted(vec!["activity_id".to_owned(), "clock".to_owned()]),
            ),
            (by("李娜"), EntryKind::Approved { share: 0.0 }),
            (by("Li Na"), EntryKind::Approved { share: 0.01 }),
            (by("ann"), EntryKind::Paused),
            (by("Li Na"), EntryKind::Resumed),
            (by("ann"), EntryKind::Stopped),
            (
                by("ann").map(|by| Author { command: None, ..by }),
                EntryKind::StoppedBySignal("SIGINT".to_owned()),
            ),
            (
                by("ann"),
                EntryKind::Resolved {
                    deliveries: 1_812,
                    from: StateName::Held,
                    to: Resolution::Refused,
                    note: "the platform says: no coupon was given, ticket 812".to_owned(),
                },
            ),
            (
                None,
                EntryKind::RunApproved(Box::new(RunApproval {
                    sequence: 17,
                    link: [7; 8],
                    at: Timestamp::UNIX_EPOCH,
                    by: vec!["wang".to_owned(), "李娜".to_owned()],
                    fingerprint: "0a1b2c3d4e-5f60718293-first".to_owned(),
                    envelope: Envelope {
                        coupons: 12_000,
                        worth: Some(Money::from_fen(12_000_000)),
                        coupon_value: None,
                        per_user: 1,
                        from: Timestamp::UNIX_EPOCH,
                        until: Timestamp::from_second(1_780_900_000).ok(),
                        audience: Some(12_600),
                    },
                    is_required: true,
                })),
            ),
            (
                None,
                EntryKind::OwnerChanged(TermOwner {
                    term: 3,
                    worker: "5f0c7a2be1d94c3f8a6b5d4e3c2b1a09".to_owned(),
                    host: "till-4".to_owned(),
                }),
            ),
            (by("Li Na"), EntryKind::Erased { users: 12_000 }),
        ];
        let at = |n: i64| Timestamp::from_second(1_780_000_000 + n * 3_725).unwrap();
        (0..)
            .zip(kinds)
            .map(|(n, (by, kind))| HistoryEntry { at: at(n), by, kind })
            .collect()
    }

    fn shown() -> String {
        let zone = TimeZone::get("Asia/Shanghai").unwrap();
        [60, 80, 120]
            .map(|width| format!("{width}\n{}", text(&entries(), &zone, width)))
            .join("\n")
    }

    #[test]
    fn the_history_in_english() {
        insta::assert_snapshot!(shown());
    }

    #[test]
    fn the_history_in_chinese() {
        insta::assert_snapshot!(Language::Chinese.scope(shown));
    }

    #[test]
    fn the_history_for_programs() {
        let zone = TimeZone::get("Asia/Shanghai").unwrap();
        let entries = entries();
        let objects = entries.iter().map(|entry| HistoryObject::new(entry, &zone));
        let lines: Vec<_> = objects.map(|object| serde_json::to_string(&object).unwrap()).collect();
        insta::assert_snapshot!(lines.join("\n"));
    }
}
