//! Serves metrics during an apply.

use std::sync::Arc;

use crate::cli::apply_args::ApplyArgs;
use crate::cli::context::Context;
use crate::cli::failure::Failure;
use crate::model::problem::Problem;
use crate::plan::Plan;
use crate::report::render::prometheus::Metrics;
use crate::report::reporter::metrics_server::MetricsServer;

/// Listens for requests for metrics before anything is sent, and serves the metrics of these campaigns. Returns them in the
/// order of the campaigns, each `None` without `--metrics`.
pub(super) async fn serve(
    args: &ApplyArgs,
    context: &Context,
    campaigns: &[&Plan],
    alone: bool,
) -> Result<Vec<Option<Arc<Metrics>>>, Failure> {
    let Some(address) = args.metrics else {
        return Ok(campaigns.iter().map(|_| None).collect());
    };
    let failed = |error: &(dyn std::error::Error + 'static)| {
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
