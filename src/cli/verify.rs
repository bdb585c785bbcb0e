//! `runner verify`: checks the ledger from its first byte and certifies its contents.

mod approved;
mod cited;
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
use crate::catalogue::{approval, help, reconcile, verify as texts};
use crate::ledger::RecordedErasure;
use crate::ledger::witness::Witness;
use crate::model::problem::Problem;
use crate::report::approvals;
use crate::report::text::{columns, left, visible, visible_path, wrap, wrap_prose};
use crate::report::times::rfc3339;
use crate::report::wording::counts_sum;

use self::cited::ComparedApprovals;
use super::busy::{self, Busy};
use super::campaign_args::CampaignArgs;
use super::context::Context;
use super::exit::Exit;
use super::failure::Failure;
use super::global_args::Output;
use super::load;
use super::runtime::block_on;
use super::serve;
use super::terminal::stdout_width_or_any;
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
    let file = &args.campaign.file;
    if file.is_dir() {
        return serve::verify(file, args.campaign.rehearsal.rehearsal().is_on(), context);
    }
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
            Notice::ChecksLedger => line.say(texts::Checking.to_string()),
            _ => {}
        });
        let checked = verify::check(&campaign).await?;
        // The log is read after the ledger, so it has whatever a run cites.
        let approvals = cited::compare(&campaign, &checked.citations).await;
        drop(busy);
        let certificate = Certificate::new(
            &checked,
            cited::verdict(approvals.as_ref()),
            &campaign.plan,
            |at| rfc3339(at, &zone),
            context.now(),
        );
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
                let width = stdout_width_or_any();
                let mut text = sound(&checked, &certificate, approvals.as_ref(), &campaign.parsed, width);
                text.push_str(&repeats::list(&checked.repeats));
                if let (Some(differences), Some(path), Some(before)) = (&differences, &args.against, &before) {
                    text.push_str(&compared(differences, path, before));
                }
                context.data(&wrap_prose(&text, width))?;
            }
        }
        if let Some(failure) = repeats::failure(&checked.repeats) {
            return Err(failure);
        }
        if let Some(failure) = approved::failure(&checked.approved, &zone) {
            return Err(failure);
        }
        if let Some(failure) = approvals.and_then(|approvals| cited::failure(approvals, &zone)) {
            return Err(failure);
        }
        let same = differences.is_none_or(|differences| differences.is_empty());
        let fine = same && checked.older.is_none();
        Ok(if fine { Exit::Done } else { Exit::NeedsPerson })
    })?
}

fn read_certificate(path: &Path) -> Result<Certificate, Failure> {
    let file = visible_path(path);
    let text = fs::read_to_string(path).map_err(|error| {
        Failure::new(Problem::Certificate, texts::CannotRead { file: &file })
            .caused_by(&error)
            .help(texts::CertificateHelp)
    })?;
    Certificate::parse(&text).map_err(|error| {
        Failure::new(Problem::Certificate, texts::NotACertificate { file: &file })
            .because([error.to_string()])
            .help(texts::CertificateHelp)
    })
}

/// The columns between the beginning of a line and its value.
const LEAST_LABEL: usize = 9;

fn sound(
    checked: &Checked,
    certificate: &Certificate,
    compared: Option<&ComparedApprovals>,
    parsed: &Parsed,
    width: usize,
) -> String {
    let names = &parsed.campaign.names;
    let title = names.title.as_deref().map(|title| format!(" {}", visible(title)));
    let campaign = format!("{}{}", names.campaign, title.unwrap_or_default());
    let headline = if checked.repeats.is_empty() {
        texts::Sound { campaign: &campaign }.to_string()
    } else {
        texts::SoundWithRepeats { campaign: &campaign }.to_string()
    };
    let counts = wrap(&counts_sum(&checked.counts), width, 2);
    let mut text = format!("{headline}\n\n  {counts}\n\n");
    let facts = texts::Checked {
        facts: checked.facts,
        batches: checked.batches,
    };
    let settled = texts::Settled {
        settled: checked.settled.many,
    };
    let mut lines = vec![
        (texts::LabelChecked.to_string(), facts.to_string()),
        (texts::LabelSettled.to_string(), settled.to_string()),
        (String::new(), certificate.sha256.clone()),
        (texts::LabelIds.to_string(), repeats::line(&checked.repeats)),
        (texts::LabelLedger.to_string(), visible_path(&checked.dir)),
        (texts::LabelBegun.to_string(), certificate.ledger_created.clone()),
    ];
    for approved in certificate.approvals() {
        let CertifiedApproval { wave, by, from, at } = approved;
        let said = approval::VerifyApproval {
            wave,
            by: &visible(by),
            from: &visible(from),
            at,
        };
        lines.push((approval::VerifyApproved.to_string(), said.to_string()));
    }
    lines.extend(approved::lines(&checked.approved, &parsed.campaign.timezone));
    if let Some(compared) = compared {
        lines.push((String::new(), cited::line(compared)));
    }
    if let Some(records) = certificate.records() {
        let said = reconcile::VerifyRecords {
            at: &records.at,
            found: records.found,
            bills: records.bills.len() as u64,
        };
        lines.push((reconcile::VerifyLabel.to_string(), said.to_string()));
    }
    if let Some(RecordedErasure { at, erasure }) = &checked.erasure {
        let said = texts::Erased {
            users: u64::from(erasure.recipients),
            at: &rfc3339(*at, &parsed.campaign.timezone),
            by: &approvals::actor(&erasure.by),
        };
        lines.push((texts::LabelErased.to_string(), said.to_string()));
    }
    if let Some(witness) = &checked.witness {
        let batch = witness.sequence;
        let at = rfc3339(witness.written, &parsed.campaign.timezone);
        let saw = match &checked.older {
            None => texts::WitnessSame { batch, at: &at }.to_string(),
            Some(older) => texts::WitnessOlder { batch, at: &at, older }.to_string(),
        };
        lines.push((texts::LabelWitness.to_string(), saw));
    }
    for (label, value) in lines {
        let label = left(&label, LEAST_LABEL);
        let value = wrap(&value, width, columns(&label) + 3);
        let _ = writeln!(text, "  {label} {value}");
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
    let file = &visible_path(path);
    let at = &visible(&before.at);
    if differences.is_empty() {
        return format!("\n{}\n", texts::Same { file, at });
    }
    let mut text = format!("\n{}\n", texts::Differs { file, at });
    let widest = differences.iter().map(|it| it.what.len()).max().unwrap_or_default();
    for Difference { what, then, now } in differences {
        let then = &visible(then);
        let now = &visible(now);
        // Two checksums do not fit on one line of a terminal.
        let _ = if then.len() + now.len() > 50 {
            let labels = [texts::Then.to_string(), texts::Now.to_string()];
            let wide = labels.iter().map(|label| columns(label)).max().unwrap_or_default();
            let [then_label, now_label] = labels.map(|label| left(&label, wide));
            writeln!(text, "  {what}\n    {then_label} {then}\n    {now_label} {now}")
        } else {
            writeln!(text, "  {what:<widest$}  {}", texts::ThenAndNow { then, now })
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
