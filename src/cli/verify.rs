//! `runner verify`: checks the ledger from its first byte and certifies its contents.

mod repeats;

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;
use jiff::tz::TimeZone;
use serde::Serialize;

use crate::app::Notice;
use crate::app::verify::certificate::{Certificate, CertifiedApproval, Difference};
use crate::app::verify::{self, Checked};
use crate::campaign::Parsed;
use crate::catalogue::{approval, help};
use crate::ledger::witness::Witness;
use crate::model::problem::Problem;
use crate::report::text::{visible, visible_path};
use crate::report::times::{counted, grouped, rfc3339};
use crate::report::wording::counts_sum;

use super::busy::{self, Busy};
use super::campaign_args::CampaignArgs;
use super::context::Context;
use super::exit::Exit;
use super::failure::Failure;
use super::global_args::Output;
use super::load;
use super::runtime::block_on;
use super::whole_file::{self, WholeFile};

/// The arguments of `runner verify`.
#[derive(Clone, Debug, Args)]
#[command(after_help = help::VerifyExamples.to_string())]
pub struct VerifyArgs {
    #[command(flatten)]
    pub campaign: CampaignArgs,
    #[arg(help = help::VerifyCertificate.to_string())]
    #[arg(long, value_name = "FILE", help_heading = help::HeadingCertificate.to_string())]
    pub certificate: Option<PathBuf>,
    #[arg(help = help::VerifyAgainst.to_string())]
    #[arg(long, value_name = "FILE", help_heading = help::HeadingCertificate.to_string())]
    pub against: Option<PathBuf>,
}

/// Checks a ledger.
pub fn run(args: &VerifyArgs, context: &Context) -> Result<Exit, Failure> {
    let Some(mut campaign) = load::campaign(&args.campaign, context)? else {
        return Ok(Exit::Input);
    };
    let zone = campaign.parsed.campaign.timezone.clone();
    let before = args.against.as_deref().map(read_certificate).transpose()?;
    let writing = args.certificate.as_deref();
    let writing = writing
        .map(|path| WholeFile::begin(path, &context.console))
        .transpose()?;
    block_on(async {
        let busy = Busy::new("", context);
        let line = busy.text();
        campaign.environment = context.environment_with(move |notice| match notice {
            Notice::ReadsLedger => line.say(busy::reading()),
            Notice::ChecksLedger => line.say("checking every batch of the ledger"),
            _ => {}
        });
        let checked = verify::check(&campaign).await?;
        drop(busy);
        let certificate = Certificate::new(&checked, &campaign.plan, |at| rfc3339(at, &zone), context.now());
        if let (Some(mut file), Some(path)) = (writing, &args.certificate) {
            certificate
                .write(&mut file)
                .map_err(|error| whole_file::failed(path, &error))?;
            file.keep()?;
        }
        let differences = before.as_ref().map(|before| certificate.differences(before));
        match context.output {
            Output::Json => {
                context.lines.write(&certificate);
                if let Some(witness) = &checked.witness {
                    context
                        .lines
                        .write(&WitnessObject::new(&certificate, witness, &checked, &zone));
                }
                if let Some(repeats) = repeats::Object::new(&certificate, &checked.repeats) {
                    context.lines.write(&repeats);
                }
                if let Some(differences) = &differences {
                    context.lines.write(&Compared::new(&certificate, differences));
                }
            }
            Output::Human => {
                let mut text = sound(&checked, &certificate, &campaign.parsed);
                text.push_str(&repeats::list(&checked.repeats));
                if let (Some(differences), Some(path), Some(before)) = (&differences, &args.against, &before) {
                    text.push_str(&compared(differences, path, before));
                }
                context.data(&text)?;
            }
        }
        if let Some(failure) = repeats::failure(&checked.repeats) {
            return Err(failure);
        }
        let same = differences.is_none_or(|differences| differences.is_empty());
        let fine = same && checked.older.is_none();
        Ok(if fine { Exit::Done } else { Exit::NeedsPerson })
    })?
}

fn read_certificate(path: &Path) -> Result<Certificate, Failure> {
    const HELP: &str = "name a file that `runner verify --certificate FILE` wrote";
    let path_shown = visible_path(path);
    let text = fs::read_to_string(path).map_err(|error| {
        Failure::new(
            Problem::Certificate,
            format!("cannot read the certificate {path_shown}"),
        )
        .caused_by(&error)
        .help(HELP)
    })?;
    Certificate::parse(&text).map_err(|error| {
        Failure::new(Problem::Certificate, format!("{path_shown} is no certificate"))
            .because([error.to_string()])
            .help(HELP)
    })
}

fn sound(checked: &Checked, certificate: &Certificate, parsed: &Parsed) -> String {
    let names = &parsed.campaign.names;
    let title = names.title.as_deref().map(|title| format!(" {}", visible(title)));
    let repeats = if checked.repeats.is_empty() {
        ""
    } else {
        ", but ids repeat that the platform gives once"
    };
    let mut text = format!(
        "the ledger of {}{} is sound{repeats}\n\n  {}\n\n",
        names.campaign,
        title.unwrap_or_default(),
        counts_sum(&checked.counts)
    );
    let lines = [
        (
            "checked",
            format!(
                "{} in {}: every checksum, every transition, the sum",
                counted(checked.facts, "fact", "facts"),
                counted(checked.batches, "batch", "batches")
            ),
        ),
        ("settled", format!("{}, by SHA-256", grouped(checked.settled.many))),
        ("", certificate.sha256.clone()),
        ("ids", repeats::line(&checked.repeats)),
        ("ledger", visible_path(&checked.dir)),
        ("begun", certificate.ledger_created.clone()),
    ];
    for (name, value) in lines {
        let _ = writeln!(text, "  {name:<9} {value}");
    }
    for approval in certificate.approvals() {
        let CertifiedApproval { wave, by, from, at } = approval;
        let said = approval::VerifyApproval {
            wave,
            by: &visible(by),
            from: &visible(from),
            at,
        };
        let _ = writeln!(text, "  {:<9} {said}", approval::VerifyApproved.to_string());
    }
    if let Some(witness) = &checked.witness {
        let saw = format!(
            "saw batch {} at {}",
            grouped(witness.sequence),
            rfc3339(witness.written, &parsed.campaign.timezone)
        );
        let said = match &checked.older {
            None => format!("{saw}, which is in the ledger"),
            Some(older) => format!("{saw}: {older}"),
        };
        let _ = writeln!(text, "  {:<9} {said}", "witness");
    }
    text
}

/// What the ledger's witness says, for programs.
#[derive(Serialize)]
struct WitnessObject<'a> {
    r#type: &'static str,
    campaign: &'a str,
    app_id: &'a str,
    batch: u64,
    at: String,
    older: bool,
}

impl<'a> WitnessObject<'a> {
    fn new(certificate: &'a Certificate, witness: &Witness, checked: &Checked, zone: &TimeZone) -> Self {
        Self {
            r#type: "witness",
            campaign: &certificate.campaign,
            app_id: &certificate.app_id,
            batch: witness.sequence,
            at: rfc3339(witness.written, zone),
            older: checked.older.is_some(),
        }
    }
}

fn compared(differences: &[Difference], path: &Path, before: &Certificate) -> String {
    let path = visible_path(path);
    let of_then = format!("{path} of {}", visible(&before.at));
    if differences.is_empty() {
        return format!("\nit says the same as {of_then}\n");
    }
    let mut text = format!("\nit differs from {of_then}\n");
    let widest = differences.iter().map(|it| it.what.len()).max().unwrap_or_default();
    for Difference { what, then, now } in differences {
        let then = visible(then);
        let now = visible(now);
        // Two checksums do not fit on one line of a terminal.
        let _ = if then.len() + now.len() > 50 {
            writeln!(text, "  {what}\n    then {then}\n    now  {now}")
        } else {
            writeln!(text, "  {what:<widest$}  {then} then, {now} now")
        };
    }
    text
}

#[derive(Serialize)]
struct Compared<'a> {
    r#type: &'static str,
    campaign: &'a str,
    app_id: &'a str,
    same: bool,
    differences: &'a [Difference],
}

impl<'a> Compared<'a> {
    fn new(certificate: &'a Certificate, differences: &'a [Difference]) -> Self {
        Self {
            r#type: "compared",
            campaign: &certificate.campaign,
            app_id: &certificate.app_id,
            same: differences.is_empty(),
            differences,
        }
    }
}
