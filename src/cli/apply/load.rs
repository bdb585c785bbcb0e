//! Selects the campaigns to apply: the usable files, each with its plan and its secrets. All mistakes of the other files
//! are reported before any campaign starts.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use crate::app::LoadedCampaign;
use crate::app::app_lock::{ProcessAppLock, quota_owner};
use crate::app::campaign_files::Neighbours;
use crate::app::process::this_process;
use crate::campaign::{Code, Diagnostic, Parsed};
use crate::cli::apply_args::ApplyArgs;
use crate::cli::context::Context;
use crate::cli::failure::Failure;
use crate::cli::load;
use crate::douyin::token::{Credentials, Tokens};
use crate::engine::app_limiter::AppLimiter;
use crate::fake_platform;
use crate::model::identity::AppId;
use crate::plan::Plan;

use super::prepare;

/// A campaign that can be applied.
pub(super) struct Campaign {
    /// The name that the process shows for this campaign, unique among those given.
    pub(super) name: String,
    pub(super) loaded: LoadedCampaign,
    /// What the campaign shares with the other campaigns of its app id.
    pub(super) limiter: Arc<AppLimiter>,
    pub(super) tokens: Tokens,
}

/// A campaign file, parsed if it is usable. Its mistakes have been reported.
pub(super) struct Read {
    pub(super) file: PathBuf,
    pub(super) parsed: Option<Parsed>,
}

/// A campaign file after all checks.
pub(super) enum Given {
    Campaign(Box<Campaign>),
    /// An unusable file, with the failure if it has not been reported yet.
    Unusable(PathBuf, Option<Failure>),
}

/// Reads the files and reports their mistakes.
pub(super) fn read(files: Vec<PathBuf>, context: &Context) -> Vec<Read> {
    let mut neighbours = Neighbours::default();
    let read = |file: PathBuf| Read {
        parsed: load::usable(&file, context, &mut neighbours),
        file,
    };
    files.into_iter().map(read).collect()
}

/// Plans the files for this run, with their secrets, and reports the files that contradict each other.
pub(super) fn campaigns(
    args: &ApplyArgs,
    context: &Context,
    read: Vec<Read>,
    fake_platform: Option<&fake_platform::Running>,
) -> Vec<Given> {
    let planned: Vec<_> = read
        .into_iter()
        .map(|read| Planned::new(args, context, read, fake_platform))
        .collect();
    let plans: Vec<_> = planned
        .iter()
        .filter_map(|planned| planned.plan.as_ref().ok())
        .collect();
    let mut mistakes = namesakes(&plans);
    if !args.rehearsal.rehearsal().is_on() {
        mistakes.extend(other_credentials(&plans));
    }
    let names: Vec<_> = plans.iter().map(|plan| name(plan, &plans)).collect();
    let mut limiters = AppLimiters::default();
    let mut names = names.into_iter();
    let mut usable = |planned: Planned| {
        let loaded = match planned.plan {
            Ok(loaded) => loaded,
            Err(failure) => return Given::Unusable(planned.file, failure),
        };
        let name = names.next().unwrap_or_default();
        let told: Vec<_> = mistakes
            .extract_if(.., |mistake| mistake.file == planned.file.display().to_string())
            .collect();
        load::show(&told, context);
        let credentials = if told.is_empty() {
            prepare::credentials(args, context, &loaded.parsed)
        } else {
            None
        };
        let Some(credentials) = credentials else {
            return Given::Unusable(planned.file, None);
        };
        let (limiter, tokens) = limiters.shared_by(&loaded.plan, credentials, context);
        Given::Campaign(Box::new(Campaign {
            name,
            loaded,
            limiter,
            tokens,
        }))
    };
    planned.into_iter().map(&mut usable).collect()
}

/// A file with its plan, or with the failure if that has not been reported yet.
struct Planned {
    file: PathBuf,
    plan: Result<LoadedCampaign, Option<Failure>>,
}

impl Planned {
    fn new(args: &ApplyArgs, context: &Context, read: Read, fake_platform: Option<&fake_platform::Running>) -> Self {
        let plan = read.parsed.ok_or(None).and_then(|parsed| {
            let at = context.campaign(&read.file, &args.rehearsal);
            let options = prepare::options(args, fake_platform);
            let loaded = LoadedCampaign::with_options(at, parsed, context.environment.clone(), options);
            loaded.map_err(|error| Some(error.into()))
        });
        Self { file: read.file, plan }
    }
}

/// Returns the campaign's name, with its app id if another given campaign has the same name.
fn name(LoadedCampaign { plan, .. }: &LoadedCampaign, all: &[&LoadedCampaign]) -> String {
    let campaign = &plan.identity.campaign;
    let app_id = &plan.identity.app_id;
    let others = all.iter().filter(|other| other.plan.identity.campaign == *campaign);
    if others.count() > 1 {
        format!("{campaign} ({app_id})")
    } else {
        campaign.to_string()
    }
}

/// Returns a mistake for each file that names the same campaign and app as another given file. Files in one folder were
/// already reported when they were read.
fn namesakes(plans: &[&LoadedCampaign]) -> Vec<Diagnostic> {
    let mut first: HashMap<_, &Parsed> = HashMap::new();
    let mut mistakes = Vec::new();
    for LoadedCampaign { parsed, plan, .. } in plans {
        let identity = (&plan.identity.campaign, &plan.identity.app_id);
        if let Some(other) = first.get(&identity) {
            mistakes.push(namesake(parsed, other));
            mistakes.push(namesake(other, parsed));
        } else {
            first.insert(identity, parsed);
        }
    }
    mistakes
}

fn namesake(parsed: &Parsed, other: &Parsed) -> Diagnostic {
    let message = format!("{} is of the same campaign and app, and is given too", other.file());
    let help =
        "a campaign's name is its identity for ever: give one of them another, or apply one file of each campaign";
    parsed.mistake("campaign", Code::IllegalFact, message, Some(help.to_owned()))
}

/// Returns a mistake for each file whose credentials differ from those of another file of the same app: the program cannot
/// know which are right.
fn other_credentials(plans: &[&LoadedCampaign]) -> Vec<Diagnostic> {
    let mut apps: HashMap<_, Vec<&Parsed>> = HashMap::new();
    for LoadedCampaign { parsed, plan, .. } in plans {
        if parsed.campaign.credentials.is_some() {
            apps.entry((&plan.base_url, &plan.identity.app_id))
                .or_default()
                .push(parsed);
        }
    }
    let mut mistakes = Vec::new();
    for ((_, app_id), files) in apps {
        for parsed in &files {
            let other = files
                .iter()
                .find(|other| other.campaign.credentials != parsed.campaign.credentials);
            if let Some(other) = other {
                let message = format!("{} has other `credentials` for {app_id}", other.file());
                let help = "campaigns of one app that are applied together share one access token: write the same references \
                            into all of them, or apply them by commands of their own";
                let code = Code::OtherCredentials;
                mistakes.push(parsed.mistake("credentials", code, message, Some(help.to_owned())));
            }
        }
    }
    mistakes
}

/// What the campaigns of each app id on each platform share.
#[derive(Default)]
struct AppLimiters {
    limiters: HashMap<(String, AppId), Arc<AppLimiter>>,
    tokens: HashMap<(String, AppId), Tokens>,
}

impl AppLimiters {
    fn shared_by(&mut self, plan: &Plan, credentials: Credentials, context: &Context) -> (Arc<AppLimiter>, Tokens) {
        let app_id = &plan.identity.app_id;
        let quota_owner = quota_owner(&plan.base_url);
        let limiter = self
            .limiters
            .entry((quota_owner.clone(), app_id.clone()))
            .or_insert_with(|| {
                let owner = this_process(context.now());
                AppLimiter::new(ProcessAppLock::new(quota_owner, app_id.clone(), owner))
            });
        let tokens = self.tokens.entry((plan.base_url.clone(), app_id.clone()));
        let tokens = tokens.or_insert_with(|| Tokens::new(credentials, context.environment.clock.clone()));
        (Arc::clone(limiter), tokens.clone())
    }
}
