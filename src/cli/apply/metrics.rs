//! The metrics of an apply: served during the apply and for a while after it, and written to a file.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::{Instant, sleep, timeout};

use crate::catalogue::metrics as text;
use crate::cli::apply_args::ApplyArgs;
use crate::cli::context::Context;
use crate::cli::failure::Failure;
use crate::cli::signals::Signal;
use crate::cli::whole_file::{self, PUBLIC};
use crate::model::problem::Problem;
use crate::plan::Plan;
use crate::report::console::Console;
use crate::report::render::prometheus::{Metrics, text as prometheus_text};
use crate::report::reporter::metrics_server::{MetricsServer, Scrapes};
use crate::report::text::{visible, visible_path};
use crate::report::times::duration;

/// How long metrics are served after the end if no scraper came twice: two scrapes, if it comes every 15 seconds.
const WITHOUT_SCRAPES: Duration = Duration::from_secs(30);
/// The longest time that follows from the scrapes. Somebody who looked twice in a day is no scraper.
const LONGEST: Duration = Duration::from_mins(5);
/// How often the file is written. Collectors read it every fifteen seconds or more.
const WRITE_EVERY: Duration = Duration::from_secs(5);
/// How long the end waits for the last write.
const LAST_WRITE: Duration = Duration::from_secs(3);

/// The metrics of the campaigns of an apply, and where they go.
pub(super) struct Published {
    metrics: Vec<Arc<Metrics>>,
    server: Option<(String, Scrapes)>,
    file: Option<MetricsFile>,
}

/// Listens for requests for metrics and writes their file for the first time, before anything is sent.
pub(super) async fn publish(
    args: &ApplyArgs,
    context: &Context,
    campaigns: &[&Plan],
    alone: bool,
) -> Result<Published, Failure> {
    let mut published = Published {
        metrics: Vec::new(),
        server: None,
        file: None,
    };
    if args.metrics.is_none() && args.metrics_file.is_none() {
        return Ok(published);
    }
    let metrics = campaigns.iter().map(|plan| {
        let app_id = (!alone).then_some(&plan.identity.app_id);
        Metrics::new(&plan.identity.campaign, app_id, plan.pace.per_second).map(Arc::new)
    });
    let metrics: Result<Vec<_>, _> = metrics.collect();
    // A name of a metric that is not valid is a defect of this program.
    published.metrics = metrics.map_err(|error| Failure::from_error(Problem::Defect, &error))?;
    if let Some(address) = args.metrics {
        let bound = MetricsServer::bind(address).await.map_err(|error| {
            Failure::new(
                Problem::MetricsAddress,
                text::CannotServe { address: &address }.to_string(),
            )
            .caused_by(&error)
            .help(text::CannotServeHelp.to_string())
        })?;
        let url = format!("http://{}/metrics", bound.address());
        let line = if address.ip().is_loopback() {
            text::ServedAt { url: &url }.to_string()
        } else {
            text::ServedToAll { url: &url }.to_string()
        };
        context.talk(&format!("{line}\n"));
        published.server = Some((url, bound.serve(published.metrics.clone())));
    }
    if let Some(path) = &args.metrics_file {
        published.file = Some(MetricsFile::start(path, &published.metrics, &context.console)?);
    }
    Ok(published)
}

impl Published {
    /// Returns the metrics in the order of the campaigns, each `None` if nobody wants metrics.
    pub(super) fn of_campaigns(&self, campaigns: usize) -> Vec<Option<Arc<Metrics>>> {
        (0..campaigns).map(|place| self.metrics.get(place).cloned()).collect()
    }

    /// Writes the file for the last time.
    pub(super) async fn write_last(&mut self, context: &Context) {
        let Some(file) = self.file.take() else { return };
        file.regular.abort();
        let path = visible_path(&file.path);
        let write = spawn_blocking(move || file.writer.write());
        let why = match timeout(LAST_WRITE, write).await {
            Ok(Ok(Ok(()))) => return,
            Ok(Ok(Err(failure))) => failure.causes.first().cloned().unwrap_or(failure.message),
            Ok(Err(error)) => error.to_string(),
            Err(_) => text::DiskDoesNotAnswer {
                seconds: LAST_WRITE.as_secs(),
            }
            .to_string(),
        };
        context.talk(&format!(
            "{}\n",
            text::FileIsOld {
                path: &path,
                why: &visible(&why),
            }
        ));
    }

    /// How long the metrics are served from now on, and where. `None` if they are not, or if no run has begun.
    pub(super) fn lingers(&self, args: &ApplyArgs) -> Option<(&str, Duration)> {
        let (url, scrapes) = self.server.as_ref()?;
        let time = args.metrics_linger.unwrap_or_else(|| linger(scrapes.interval()));
        let has_begun = self.metrics.iter().any(|metrics| metrics.has_begun());
        (has_begun && !time.is_zero()).then_some((url, time))
    }
}

/// How long metrics are served after the end, by the time between the last two scrapes.
fn linger(interval: Option<Duration>) -> Duration {
    interval.map_or(WITHOUT_SCRAPES, |interval| interval.saturating_mul(2).min(LONGEST))
}

/// Serves the metrics for a while after the end, so that what the run came to is scraped. A signal ends that at once, also one
/// that came before.
pub(super) async fn serve_end(
    (url, time): (&str, Duration),
    context: &Context,
    mut signalled: watch::Receiver<Option<Signal>>,
) {
    if signalled.borrow().is_some() {
        return;
    }
    let ends = Instant::now() + time;
    context.talk(&format!(
        "{}\n",
        text::ServedAfterEnd {
            url: &url,
            time: &duration(time),
        }
    ));
    tokio::select! {
        () = tokio::time::sleep_until(ends) => {}
        _ = signalled.wait_for(Option::is_some) => {}
    }
}

/// A file of metrics that is written regularly.
struct MetricsFile {
    path: PathBuf,
    writer: Arc<Writer>,
    regular: JoinHandle<()>,
}

impl MetricsFile {
    fn start(path: &Path, metrics: &[Arc<Metrics>], console: &Console) -> Result<Self, Failure> {
        let writer = Arc::new(Writer {
            path: path.to_owned(),
            metrics: metrics.to_vec(),
            console: console.clone(),
        });
        writer.write()?;
        let regular = Arc::clone(&writer);
        let regular = tokio::spawn(async move {
            loop {
                sleep(WRITE_EVERY).await;
                let writer = Arc::clone(&regular);
                // A disk that stalls delays the next write, and nothing else.
                if let Ok(Err(failure)) = spawn_blocking(move || writer.write()).await {
                    tracing::warn!("{}: {}", failure.message, failure.causes.join(": "));
                }
            }
        });
        Ok(Self {
            path: path.to_owned(),
            writer,
            regular,
        })
    }
}

struct Writer {
    path: PathBuf,
    metrics: Vec<Arc<Metrics>>,
    console: Console,
}

impl Writer {
    /// Replaces the file. A reader sees the file before or the whole new one.
    fn write(&self) -> Result<(), Failure> {
        let written = prometheus_text(&self.metrics, Instant::now().into_std());
        let written = written.map_err(|error| Failure::from_error(Problem::Defect, &error))?;
        whole_file::write(&self.path, PUBLIC, written.as_bytes(), &self.console)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_are_served_for_two_scrapes_after_the_end() {
        let seconds = |interval: Option<u64>| linger(interval.map(Duration::from_secs)).as_secs();
        assert_eq!(seconds(None), 30);
        assert_eq!(seconds(Some(10)), 20);
        assert_eq!(seconds(Some(60)), 120);
        assert_eq!(seconds(Some(86_400)), 300);
    }
}
