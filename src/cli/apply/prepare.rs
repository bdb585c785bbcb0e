//! Prepares a run: the fake platform of a rehearsal, the plan, the credentials, and the server of metrics.

use std::error::Error as _;
use std::sync::Arc;

use crate::campaign::{Code, Diagnostic, Parsed};
use crate::douyin::token::Credentials;
use crate::fake_platform;
use crate::model::identity::AppId;
use crate::model::problem::Problem;
use crate::model::secret::{Secret, SecretError};
use crate::plan::{Plan, RunOptions};
use crate::report::render::prometheus::Metrics;
use crate::report::reporter::metrics_server::MetricsServer;

use crate::app::credentials::NO_CREDENTIALS;
use crate::cli::apply_args::ApplyArgs;
use crate::cli::context::Context;
use crate::cli::failure::Failure;
use crate::cli::load;

/// Starts the fake platform inside this process. `None` unless the rehearsal needs one here.
pub(super) async fn fake_platform(args: &ApplyArgs) -> Result<Option<fake_platform::Running>, Failure> {
    if !args.rehearsal.rehearsal().is_inside() {
        return Ok(None);
    }
    let started = fake_platform::start(fake_platform::Settings::default()).await;
    let failed = |error| Failure::new(Problem::StandIn, "cannot start the stand-in of the platform").caused_by(&error);
    started.map(Some).map_err(failed)
}

/// Returns the options of this run.
pub(super) fn options(args: &ApplyArgs, fake_platform: Option<&fake_platform::Running>) -> RunOptions {
    RunOptions {
        at_most: args.at_most,
        no_wait: args.no_wait,
        sandbox: fake_platform.map(|running| running.base_url().to_owned()),
    }
}

/// Reads all secrets before anything else happens. Returns `None` if one is missing, after reporting it. A rehearsal needs
/// none.
pub(super) fn credentials(args: &ApplyArgs, context: &Context, parsed: &Parsed) -> Option<Credentials> {
    if args.rehearsal.rehearsal().is_on() {
        return Some(rehearsed(&parsed.campaign.names.app_id));
    }
    let mistake = if let Some(written) = &parsed.campaign.credentials {
        let error = match Credentials::resolve(written) {
            Ok(credentials) => return Some(credentials),
            Err(error) => error,
        };
        let cause = error.source().map(ToString::to_string);
        let mistake = parsed.mistake("credentials", Code::Absent, error.to_string(), Some(help(&error)));
        Diagnostic { cause, ..mistake }
    } else {
        parsed.mistake(
            "credentials",
            Code::MissingKey,
            NO_CREDENTIALS.message.to_owned(),
            Some(NO_CREDENTIALS.help.to_owned()),
        )
    };
    load::show(&[mistake], context);
    None
}

/// Listens for requests for metrics before anything is sent, and serves the metrics of these campaigns. Returns them in the
/// order of the campaigns, each `None` without `--metrics`.
pub(super) async fn metrics(
    args: &ApplyArgs,
    context: &Context,
    campaigns: &[&Plan],
    alone: bool,
) -> Result<Vec<Option<Arc<Metrics>>>, Failure> {
    let Some(address) = args.metrics else {
        return Ok(campaigns.iter().map(|_| None).collect());
    };
    let failed = |error: &dyn std::error::Error| {
        Failure::new(Problem::MetricsAddress, format!("cannot serve metrics at {address}"))
            .caused_by(error)
            .help("name another port with --metrics; `ss -ltnp` shows who has one. nothing was sent")
    };
    let server = MetricsServer::bind(address).await.map_err(|error| failed(&error))?;
    let metrics: Result<Vec<_>, _> = campaigns
        .iter()
        .map(|plan| {
            let app_id = (!alone).then_some(&plan.identity.app_id);
            Metrics::new(&plan.identity.campaign, app_id, plan.pace.per_second).map(Arc::new)
        })
        .collect();
    let metrics = metrics.map_err(|error| failed(&error))?;
    let reach = if address.ip().is_loopback() {
        ""
    } else {
        "; whoever reaches this address can read the campaign's counts"
    };
    context.talk(&format!("metrics at http://{}/metrics{reach}\n", server.address()));
    server.serve(metrics.clone());
    Ok(metrics.into_iter().map(Some).collect())
}

/// Returns what to do about a secret that cannot be read.
fn help(error: &SecretError) -> String {
    match error {
        SecretError::Unset(name) => format!("set {name}, or refer to another place under `credentials:`"),
        SecretError::NotText(_) => "store the secret as one line of plain text".to_owned(),
        SecretError::Unreadable { .. } => "check the path under `credentials:` and who may read it".to_owned(),
        SecretError::Empty(path) => format!("write the secret into {}", path.display()),
    }
}

/// Returns the credentials of a rehearsal. The fake platform accepts any. Each app has its own key, because the number of
/// token calls is limited for each key.
fn rehearsed(app_id: &AppId) -> Credentials {
    Credentials::Client {
        key: Secret::new(&format!("rehearsal of {app_id}")),
        secret: Secret::new("rehearsal"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// With one key for all, a rehearsal of five hundred apps waits minutes for its tokens.
    #[test]
    fn apps_are_rehearsed_by_keys_of_their_own() {
        let key = |app_id| match rehearsed(&AppId::parse(app_id).unwrap()) {
            Credentials::Client { key, .. } => key,
            Credentials::Token { token, .. } => token,
        };
        assert_ne!(key("tt1"), key("tt2"));
    }
}
