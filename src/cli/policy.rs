//! `runner policy test`: says what the policy of a service asks of campaigns. It sends nothing and changes no ledger.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use serde::Serialize;

use crate::app::campaign_files::Neighbours;
use crate::app::occurrences::{self, Choice};
use crate::app::plan::{self, PlanRequest};
use crate::app::{AppError, CampaignFile, LoadedCampaign};
use crate::campaign::{Parsed, load_server};
use crate::catalogue::{help, policy as text};
use crate::model::problem::Problem;
use crate::model::user::UserName;
use crate::report::text::{visible, visible_path, wrap};
use crate::service::policy::{PlanFacts, PolicyRules, Verdict};

use super::context::Context;
use super::exit::Exit;
use super::failure::Failure;
use super::global_args::Output;
use super::load;
use super::rehearsal::RehearsalArgs;
use super::runtime::block_on;
use super::serve::CONFIG;
use super::terminal::stdout_width_or_any;

/// The arguments of `runner policy`.
#[derive(Clone, Debug, Args)]
#[command(after_help = text::Examples.to_string(), disable_help_subcommand = true)]
pub struct PolicyArgs {
    #[command(subcommand)]
    command: PolicyCommand,
}

#[derive(Clone, Debug, Subcommand)]
enum PolicyCommand {
    #[command(about = text::CommandTest.to_string())]
    Test(TestArgs),
}

/// The arguments of `runner policy test`.
#[derive(Clone, Debug, Args)]
struct TestArgs {
    #[arg(help = help::PlanPaths.to_string())]
    #[arg(value_name = "FILE|DIR", required = true)]
    paths: Vec<PathBuf>,
    #[arg(help = text::TestConfig.to_string())]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(flatten)]
    rehearsal: RehearsalArgs,
}

/// What the policy says of a campaign, as JSON.
#[derive(Serialize)]
struct VerdictObject<'a> {
    r#type: &'static str,
    campaign: &'a str,
    app_id: &'a str,
    file: String,
    hold: &'static str,
    rules: Vec<RuleObject<'a>>,
    needs: Vec<NeedObject<'a>>,
}

#[derive(Serialize)]
struct RuleObject<'a> {
    name: &'a str,
    why: Vec<String>,
    effect: &'static str,
}

#[derive(Serialize)]
struct NeedObject<'a> {
    approvals: u8,
    from: Vec<&'a str>,
    asked_by: &'static str,
    rule: Option<&'a str>,
}

/// Tests the policy.
pub fn run(args: &PolicyArgs, context: &Context) -> Result<Exit, Failure> {
    let PolicyCommand::Test(args) = &args.command;
    let files = load::files(&args.paths, context)?;
    let path = config_path(args, &files);
    let server = match load_server(&path) {
        Ok(server) => server,
        Err(mistakes) => {
            load::show(&mistakes, context);
            return Ok(Exit::Input);
        }
    };
    load::show(&server.warnings, context);
    let Some(rules) = PolicyRules::of(&server.content) else {
        return Err(no_policy(&path));
    };
    block_on(test_all(args, &files, &rules, context))?
}

fn no_policy(path: &Path) -> Failure {
    let path = &visible_path(path);
    Failure::new(Problem::CommandLine, text::NoPolicy { path }).help(text::NoPolicyHelp)
}

/// The file of the service: the one that is named, or the one that `runner serve` finds for the directory of the first file.
fn config_path(args: &TestArgs, files: &[CampaignFile]) -> PathBuf {
    args.config.clone().unwrap_or_else(|| {
        let folder = files.first().and_then(|file| file.path().parent());
        let folder = folder
            .filter(|folder| !folder.as_os_str().is_empty())
            .unwrap_or(Path::new("."));
        let absolute = folder.canonicalize().ok();
        let beside = absolute
            .as_deref()
            .and_then(Path::parent)
            .map(|beside| beside.join(CONFIG));
        beside.unwrap_or_else(|| PathBuf::from(CONFIG))
    })
}

async fn test_all(
    args: &TestArgs,
    files: &[CampaignFile],
    rules: &PolicyRules<'_>,
    context: &Context,
) -> Result<Exit, Failure> {
    let mut exits = Vec::new();
    let mut neighbours = Neighbours::default();
    for file in files {
        let Some(parsed) = load::usable(file, context, &mut neighbours) else {
            exits.push(Exit::Input);
            continue;
        };
        match Box::pin(test(args, file, parsed, rules, context)).await {
            Ok(exit) => exits.push(exit),
            Err(failure) if files.len() == 1 => return Err(failure),
            Err(failure) => {
                exits.push(failure.exit);
                context.show(&failure.of_file(file.path()));
            }
        }
    }
    Ok(Exit::of_several(exits))
}

/// Plans one campaign, of a recurring one the occurrence that is due or else the next one, and shows what it needs.
async fn test(
    args: &TestArgs,
    file: &CampaignFile,
    parsed: Parsed,
    rules: &PolicyRules<'_>,
    context: &Context,
) -> Result<Exit, Failure> {
    let at = context.campaign(file, &args.rehearsal);
    let resolved = occurrences::resolve(at, parsed, &context.environment, Choice::DueOrNext);
    let (single, _) = Box::pin(resolved).await?;
    let campaign: LoadedCampaign = single.load(&context.environment)?;
    let preview = Box::pin(plan::plan(&campaign, &PlanRequest::default())).await?;
    let is_new_app = !campaign.ledger_dir().has_other_of_app().map_err(AppError::from)?;
    let now = context.now();
    let facts = PlanFacts::new(&campaign, &preview, is_new_app, now);
    let verdict = rules.judge(&facts, &[], now);
    match context.output {
        Output::Human => context.data(&shown(&verdict, &facts.campaign, file.path(), stdout_width_or_any()))?,
        Output::Json => context.lines.write(&object(&verdict, &facts, file.path())),
    }
    Ok(if verdict.refusal().is_some() {
        Exit::NeedsPerson
    } else {
        Exit::Done
    })
}

/// A verdict as lines of at most `width` columns.
fn shown(verdict: &Verdict, campaign: &str, file: &Path, width: usize) -> String {
    let mut shown = format!("{} ({})\n", visible(campaign), visible_path(file));
    let mut line = |text: &str| {
        let _ = writeln!(shown, "  {}", wrap(text, width, 4));
    };
    if verdict.met.is_empty() {
        line(&text::MeetsNothing.to_string());
    }
    for rule in &verdict.met {
        let why: Vec<_> = rule.why.iter().map(ToString::to_string).collect();
        line(
            &text::RuleLine {
                rule: &visible(&rule.name),
                why: &why.join(&text::Separator.to_string()),
            }
            .to_string(),
        );
    }
    let needs = &verdict.needs_text();
    line(&text::NeedsLine { needs }.to_string());
    if let Some(why) = verdict.refusal() {
        line(&format!("→ {why}"));
    }
    shown
}

fn object<'a>(verdict: &'a Verdict, facts: &'a PlanFacts, file: &Path) -> VerdictObject<'a> {
    VerdictObject {
        r#type: "policy",
        campaign: &facts.campaign,
        app_id: &facts.app_id,
        file: visible_path(file),
        hold: verdict.hold().word(),
        rules: verdict
            .met
            .iter()
            .map(|rule| RuleObject {
                name: &rule.name,
                why: rule.why.iter().map(ToString::to_string).collect(),
                effect: rule.effect.word(),
            })
            .collect(),
        needs: verdict
            .requirements
            .iter()
            .map(|needed| NeedObject {
                approvals: needed.approvals,
                from: needed.from.iter().map(UserName::as_str).collect(),
                asked_by: needed.asked_by.word(),
                rule: needed.asked_by.rule(),
            })
            .collect(),
    }
}
