//! Prepares the campaigns of an apply: each usable file with its plan and its secrets. All mistakes of the other files are
//! found before any campaign starts.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use crate::app::app_lock::{ProcessAppLock, quota_owner};
use crate::app::campaign::LoadedCampaign;
use crate::app::campaign_ref::CampaignRef;
use crate::app::credentials;
use crate::app::environment::Environment;
use crate::app::error::AppError;
use crate::app::process::this_process;
use crate::campaign::{Code, Diagnostic, Parsed};
use crate::catalogue::app as text;
pub use crate::douyin::token::TokenView;
use crate::douyin::token::{Credentials, Tokens};
use crate::engine::app_limiter::AppLimiter;
use crate::model::clock::Clock;
use crate::model::identity::AppId;
use crate::plan::{Plan, RunOptions};

/// A campaign that can be applied.
pub struct ReadyCampaign {
    /// The name that the process shows for this campaign, unique among those given.
    pub name: String,
    /// The campaign.
    pub loaded: LoadedCampaign,
    /// What the campaign shares with the other campaigns of its app id.
    pub(super) limiter: Arc<AppLimiter>,
    pub(super) tokens: Tokens,
}

impl ReadyCampaign {
    /// What is known of the access token of its app, from now on.
    #[must_use]
    pub fn token(&self) -> AppToken {
        AppToken(self.tokens.clone())
    }
}

/// The access token of an app, without its value.
#[derive(Clone)]
pub struct AppToken(Tokens);

impl AppToken {
    /// What is known of it now.
    #[must_use]
    pub fn view(&self) -> TokenView {
        self.0.view()
    }
}

/// A campaign file that was read.
pub struct ReadFile {
    /// Which campaign it is.
    pub at: CampaignRef,
    /// The parsed file. `None` if it cannot be used, which the caller knows.
    pub parsed: Option<Parsed>,
}

/// A campaign file after all checks.
pub enum Prepared {
    /// It can be applied.
    Ready(Box<ReadyCampaign>),
    /// It cannot be applied.
    Unusable(UnusableFile),
}

/// A campaign file that cannot be applied.
pub struct UnusableFile {
    /// The file.
    pub file: PathBuf,
    /// Its mistakes, without those that were found when it was read.
    pub mistakes: Vec<Diagnostic>,
    /// Why it cannot be planned.
    pub error: Option<AppError>,
}

/// Plans the files for a run with these `options`, reads their secrets, and finds the files that contradict each other.
#[must_use]
pub fn prepare(files: Vec<ReadFile>, options: &RunOptions, environment: &Environment) -> Vec<Prepared> {
    prepare_beside(files, options, environment, &Mutex::default())
}

/// Like [`prepare`], for runs beside others in the same process: campaigns of one app id share its limiter and its tokens with those
/// that run already.
#[must_use]
pub fn prepare_beside(
    files: Vec<ReadFile>,
    options: &RunOptions,
    environment: &Environment,
    limiters: &Mutex<AppLimiters>,
) -> Vec<Prepared> {
    let limiters = || limiters.lock().unwrap_or_else(PoisonError::into_inner);
    limiters().drop_unused();
    let planned: Vec<_> = files
        .into_iter()
        .map(|file| PlannedFile::new(file, options, environment))
        .collect();
    let campaigns: Vec<_> = planned
        .iter()
        .filter_map(|planned| planned.campaign.as_ref().ok())
        .collect();
    let mut mistakes = namesakes(&campaigns);
    if campaigns.iter().all(|campaign| !campaign.at.rehearsal.is_on()) {
        mistakes.extend(other_credentials(&campaigns));
    }
    let names: Vec<_> = campaigns.iter().map(|campaign| name(campaign, &campaigns)).collect();
    let mut names = names.into_iter();
    let mut prepared = |planned: PlannedFile| {
        let unusable = |mistakes, error| {
            Prepared::Unusable(UnusableFile {
                file: planned.file.clone(),
                mistakes,
                error,
            })
        };
        let loaded = match planned.campaign {
            Ok(loaded) => loaded,
            Err(error) => return unusable(Vec::new(), error),
        };
        let name = names.next().unwrap_or_default();
        let mistakes: Vec<_> = mistakes
            .extract_if(.., |mistake| mistake.file == planned.file.display().to_string())
            .collect();
        if !mistakes.is_empty() {
            return unusable(mistakes, None);
        }
        let credentials = match credentials::resolve(&loaded.parsed, &loaded.at.rehearsal) {
            Ok(credentials) => credentials,
            Err(mistake) => return unusable(vec![*mistake], None),
        };
        // Secrets may be in files that do not answer, so nothing is locked while they are read.
        let (limiter, tokens) = limiters().shared_by(&loaded.plan, credentials, &environment.clock);
        Prepared::Ready(Box::new(ReadyCampaign {
            name,
            loaded,
            limiter,
            tokens,
        }))
    };
    planned.into_iter().map(&mut prepared).collect()
}

/// A file with its campaign, or why it has none.
struct PlannedFile {
    file: PathBuf,
    /// The error is `None` if the caller knows it.
    campaign: Result<LoadedCampaign, Option<AppError>>,
}

impl PlannedFile {
    fn new(ReadFile { at, parsed }: ReadFile, options: &RunOptions, environment: &Environment) -> Self {
        let file = at.file.path().to_owned();
        let campaign = parsed.ok_or(None).and_then(|parsed| {
            let loaded = LoadedCampaign::with_options(at, parsed, environment.clone(), options.clone());
            loaded.map_err(|error| Some(error.into()))
        });
        Self { file, campaign }
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
    let message = text::NamesakeGiven { path: &other.file() }.to_string();
    let help = text::NamesakeGivenHelp.to_string();
    parsed.mistake("campaign", Code::Contradiction, message, Some(help))
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
                let path = &other.file();
                let message = text::OtherCredentials { path, app_id }.to_string();
                let help = text::OtherCredentialsHelp.to_string();
                mistakes.push(parsed.mistake("credentials", Code::OtherCredentials, message, Some(help)));
            }
        }
    }
    mistakes
}

/// What the campaigns of each app id on each platform share.
#[derive(Default)]
pub struct AppLimiters {
    limiters: HashMap<(String, AppId), Arc<AppLimiter>>,
    tokens: HashMap<(String, AppId), Tokens>,
}

impl AppLimiters {
    /// Drops what no run uses any longer. The next run of the app reads its secrets again.
    fn drop_unused(&mut self) {
        self.limiters.retain(|_, limiter| Arc::strong_count(limiter) > 1);
        let limiters = &self.limiters;
        self.tokens
            .retain(|(base_url, app_id), _| limiters.contains_key(&(quota_owner(base_url), app_id.clone())));
    }

    fn shared_by(&mut self, plan: &Plan, credentials: Credentials, clock: &Clock) -> (Arc<AppLimiter>, Tokens) {
        let app_id = &plan.identity.app_id;
        let quota_owner = quota_owner(&plan.base_url);
        let limiter = self
            .limiters
            .entry((quota_owner.clone(), app_id.clone()))
            .or_insert_with(|| {
                let owner = this_process(clock.now());
                AppLimiter::new(ProcessAppLock::new(quota_owner, app_id.clone(), owner))
            });
        let tokens = self.tokens.entry((plan.base_url.clone(), app_id.clone()));
        let tokens = tokens.or_insert_with(|| Tokens::new(credentials, clock.clone()));
        (Arc::clone(limiter), tokens.clone())
    }
}
