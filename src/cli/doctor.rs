//! `runner doctor`: checks what a run needs, and sends nothing.

use clap::Args;
use serde::Serialize;
use std::fmt::Write as _;

use crate::app::apply::start_fake_platform;
use crate::app::campaign_files::Neighbours;
use crate::app::doctor::{self, Check, Subject, Verdict};
use crate::app::occurrences::{self, Choice, SingleCampaign};
use crate::app::{LoadedCampaign, credentials};
use crate::catalogue::doctor as text;
use crate::catalogue::help;
use crate::plan::RunOptions;
use crate::report::render::terminal::styles::{BAD, GOOD, HELP, WARN};
use crate::report::text::{columns, left, visible, wrap};

use super::campaign_args::CampaignArgs;
use super::context::Context;
use super::exit::Exit;
use super::failure::Failure;
use super::global_args::Output;
use super::load;
use super::runtime::block_on;
use super::terminal;

/// The arguments of `runner doctor`.
#[derive(Clone, Debug, Args)]
#[command(after_help = help::DoctorExamples.to_string())]
pub struct DoctorArgs {
    #[command(flatten)]
    pub campaign: CampaignArgs,
}

/// Checks what a run of the campaign needs.
pub fn run(args: &DoctorArgs, context: &Context) -> Result<Exit, Failure> {
    let file = load::file(&args.campaign.file, context)?;
    let Some(parsed) = load::usable(&file, context, &mut Neighbours::default()) else {
        return Ok(Exit::Input);
    };
    let at = context.campaign(&file, &args.campaign.rehearsal);
    let at = args.campaign.occurrence.of(at);
    block_on(async {
        let resolved = occurrences::resolve(at, parsed, &context.environment, Choice::DueOrNext).await?;
        let (SingleCampaign { at, parsed }, _) = resolved;
        let fake_platform = start_fake_platform(&at.rehearsal).await?;
        let options = RunOptions {
            sandbox: fake_platform.as_ref().map(|running| running.base_url().to_owned()),
            ..RunOptions::default()
        };
        let credentials = credentials::resolve(&parsed, &at.rehearsal);
        let campaign = LoadedCampaign::with_options(at, parsed, context.environment.clone(), options)?;
        let mut counts = Counts::default();
        doctor::examine(&campaign, credentials, |check| {
            counts.add(&check);
            match context.output {
                Output::Json => context.lines.write(&CheckObject::new(&campaign, &check)),
                Output::Human => context.say(&screen(&check, terminal::stdout_width_or_any())),
            }
        })
        .await;
        if let Some(fake_platform) = fake_platform {
            fake_platform.stop().await;
        }
        if context.output == Output::Human {
            context.say(&format!("\n{}\n", counts.summary()));
        }
        Ok(Exit::of_several(counts.exits))
    })?
}

/// The results so far.
#[derive(Debug, Default)]
struct Counts {
    all: u64,
    warnings: u64,
    exits: Vec<Exit>,
}

impl Counts {
    fn add(&mut self, check: &Check) {
        self.all += 1;
        match check.verdict {
            Verdict::Good => {}
            Verdict::Warning => self.warnings += 1,
            Verdict::Failed(ends) => self.exits.push(ends.into()),
        }
    }

    fn summary(&self) -> String {
        let warnings = self.warnings;
        match (self.exits.len() as u64, warnings) {
            (0, 0) => text::SummaryGood.to_string(),
            (0, _) => text::SummaryWarned { warnings }.to_string(),
            (failures, _) => text::SummaryFailed {
                failures,
                warnings,
                all: self.all,
            }
            .to_string(),
        }
    }
}

const fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Good => "ok",
        Verdict::Warning => "warn",
        Verdict::Failed(_) => "fail",
    }
}

/// The lines of one check.
fn screen(check: &Check, width: usize) -> String {
    let label = |verdict: &'static str| text::Verdict { verdict: &verdict }.to_string();
    let verdicts = ["ok", "warn", "fail"].map(|verdict| columns(&label(verdict)));
    let subject = |subject: Subject| {
        text::Subject {
            subject: &subject.word(),
        }
        .to_string()
    };
    let subjects = Subject::ALL.map(|known| columns(&subject(known)));
    let verdicts = verdicts.into_iter().max().unwrap_or_default();
    let subjects = subjects.into_iter().max().unwrap_or_default();
    let style = match check.verdict {
        Verdict::Good => GOOD,
        Verdict::Warning => WARN,
        Verdict::Failed(_) => BAD,
    };
    let indent = verdicts + subjects + 4;
    let finding = wrap(&visible(&check.finding), width, indent);
    let verdict = left(&label(word(check.verdict)), verdicts);
    let mut lines = format!(
        "{style}{verdict}{style:#}  {}  {finding}\n",
        left(&subject(check.subject), subjects)
    );
    if let Some(help) = &check.help {
        let help = text::Help { help: &visible(help) }.to_string();
        let spaces = " ".repeat(indent);
        let _ = writeln!(lines, "{spaces}{HELP}{}{HELP:#}", wrap(&help, width, indent));
    }
    lines
}

/// The JSON object `check`, in schema 1.0.
#[derive(Debug, Serialize)]
struct CheckObject<'c> {
    r#type: &'static str,
    campaign: &'c str,
    app_id: &'c str,
    check: &'static str,
    result: &'static str,
    message: &'c str,
    #[serde(skip_serializing_if = "Option::is_none")]
    help: Option<&'c str>,
}

impl<'c> CheckObject<'c> {
    fn new(campaign: &'c LoadedCampaign, check: &'c Check) -> Self {
        let identity = &campaign.plan.identity;
        Self {
            r#type: "check",
            campaign: identity.campaign.as_str(),
            app_id: identity.app_id.as_str(),
            check: check.subject.word(),
            result: word(check.verdict),
            message: &check.finding,
            help: check.help.as_deref(),
        }
    }
}

#[cfg(test)]
mod tests {

    use anstream::adapter::strip_str;

    use super::*;
    use crate::catalogue::Language;
    use crate::model::problem::Ends;

    /// Every text that no test with a fake platform brings about is here too.
    #[test]
    fn a_check_fits_the_width_in_both_languages() {
        let check = |subject, verdict, finding: String, help: Option<String>| Check {
            subject,
            verdict,
            finding,
            help,
        };
        let mut shown = String::new();
        for language in Language::ALL {
            for width in [60, 80, 120] {
                let lines = language.scope(|| {
                    let checks = [
                        check(
                            Subject::OpenFiles,
                            Verdict::Warning,
                            text::FilesFew {
                                most: 256,
                                needed: 1_044,
                            }
                            .to_string(),
                            Some(text::FilesHelp { needed: &1_044 }.to_string()),
                        ),
                        check(Subject::Token, Verdict::Warning, text::TokenGiven.to_string(), None),
                        check(
                            Subject::Clock,
                            Verdict::Failed(Ends::Error),
                            text::ClockBehind { seconds: 3_600 }.to_string(),
                            Some(text::ClockHelp.to_string()),
                        ),
                    ];
                    checks.iter().map(|check| screen(check, width)).collect::<String>()
                });
                let lines = strip_str(&lines).to_string();
                assert!(lines.lines().all(|line| columns(line) <= width), "{lines}");
                let _ = writeln!(shown, "{width}\n{lines}");
            }
        }
        insta::assert_snapshot!(shown);
    }

    #[test]
    fn the_summary_counts_failures_and_warnings() {
        let counts = |warnings, failures| Counts {
            all: 13,
            warnings,
            exits: vec![Exit::Error; failures],
        };
        let all = [counts(0, 0), counts(2, 0), counts(1, 3)];
        let shown = Language::ALL.map(|language| language.scope(|| all.each_ref().map(Counts::summary).join("\n")));
        insta::assert_snapshot!(shown.join("\n"));
    }
}
