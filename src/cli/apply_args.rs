//! The arguments of `runner apply`.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};

use crate::catalogue::{cli, help, metrics};
use crate::engine::audience_diff::Accept;
use crate::model::problem::Problem;
use crate::plan::Fingerprint;
use crate::report::text::visible_path;

use super::by_args::ByArgs;
use super::failure::Failure;
use super::number::whole;
use super::occurrence_args::OccurrenceArgs;
use super::rehearsal::RehearsalArgs;
use super::sandbox::time;

/// The arguments of `runner apply`.
#[derive(Clone, Debug, Args)]
#[command(after_help = help::ApplyExamples.to_string())]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub struct ApplyArgs {
    #[arg(help = help::ApplyFiles.to_string())]
    #[arg(value_name = "FILE|DIR", required = true)]
    pub files: Vec<PathBuf>,

    #[command(flatten)]
    pub occurrence: OccurrenceArgs,
    #[command(flatten)]
    pub rehearsal: RehearsalArgs,
    #[arg(help = help::ApplyFresh.to_string())]
    #[arg(long, requires = "sandbox", help_heading = help::HeadingRehearsal.to_string())]
    pub fresh: bool,

    #[arg(help = help::ApplyNotify.to_string())]
    #[arg(long, requires = "sandbox", help_heading = help::HeadingRehearsal.to_string())]
    pub notify: bool,

    #[arg(help = help::ApplyAccept.to_string())]
    #[arg(long, value_name = "CHANGE", value_delimiter = ',', value_parser = changes(), help_heading = help::HeadingWhatMayHappen.to_string())]
    pub accept: Vec<Accept>,
    #[arg(help = help::ApplyExpect.to_string())]
    #[arg(long, value_name = "FINGERPRINT", help_heading = help::HeadingWhatMayHappen.to_string())]
    pub expect: Option<Fingerprint>,
    #[arg(help = help::ApplyAtMost.to_string())]
    #[arg(long, value_name = "N", value_parser = whole(1..=u64::MAX))]
    #[arg(help_heading = help::HeadingWhatMayHappen.to_string())]
    pub at_most: Option<u64>,
    #[arg(help = help::ApplyNoWait.to_string())]
    #[arg(long, help_heading = help::HeadingWhatMayHappen.to_string())]
    pub no_wait: bool,
    #[arg(help = help::ApplyYes.to_string())]
    #[arg(short, long, help_heading = help::HeadingWhatMayHappen.to_string())]
    pub yes: bool,

    #[command(flatten)]
    pub by: ByArgs,

    #[command(flatten)]
    pub dry: DryRunArgs,

    #[arg(help = help::ApplyEvents.to_string())]
    #[arg(long, value_name = "FILE", help_heading = help::HeadingRecord.to_string())]
    pub events: Option<PathBuf>,
    #[arg(help = help::ApplyMetrics.to_string())]
    #[arg(long, value_name = "ADDR", value_parser = address, help_heading = help::HeadingRecord.to_string())]
    pub metrics: Option<SocketAddr>,
    #[arg(help = help::ApplyMetricsLinger.to_string())]
    #[arg(long, value_name = "DURATION", value_parser = time, requires = "metrics", help_heading = help::HeadingRecord.to_string())]
    pub metrics_linger: Option<Duration>,
    #[arg(help = help::ApplyMetricsFile.to_string())]
    #[arg(long, value_name = "PATH", value_parser = prometheus_file, help_heading = help::HeadingRecord.to_string())]
    pub metrics_file: Option<PathBuf>,
}

/// Whether an apply only shows what it would do.
#[derive(Clone, Copy, Debug, Args)]
#[command(next_help_heading = help::HeadingDryRun.to_string())]
pub struct DryRunArgs {
    #[arg(help = help::DryRunDryRun.to_string())]
    #[arg(long)]
    pub dry_run: bool,
    #[arg(help = help::DryRunShow.to_string())]
    #[arg(long, value_name = "N", default_value_t = 3, requires = "dry_run", value_parser = whole(0..=usize::MAX))]
    pub show: usize,
}

impl ApplyArgs {
    /// Checks that `--expect` is not given for several files.
    pub fn fit(&self, files: usize) -> Result<(), Failure> {
        if self.expect.is_none() || files == 1 {
            return Ok(());
        }
        let message = cli::ExpectOneCampaign { files: &files };
        Err(Failure::new(Problem::CommandLine, message).help(cli::ExpectOneCampaignHelp))
    }
}

/// Parses an address to listen on. A port alone means loopback, so that other machines can read the metrics only if the
/// address says so.
fn address(text: &str) -> Result<SocketAddr, String> {
    if let Ok(port) = text.parse::<u16>() {
        return Ok(SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
    }
    text.parse().map_err(|_| cli::WriteAddress.to_string())
}

/// Parses the path of a file of metrics. Collectors read only files with their own ending.
fn prometheus_file(text: &str) -> Result<PathBuf, String> {
    let path = PathBuf::from(text);
    if path.extension().is_some_and(|ending| ending == "prom") {
        return Ok(path);
    }
    Err(metrics::NotProm {
        path: &visible_path(&path),
    }
    .to_string())
}

/// Parses a word of `--accept`. Help lists all words.
pub(super) fn changes() -> impl TypedValueParser<Value = Accept> {
    PossibleValuesParser::new(Accept::ALL.map(Accept::word)).try_map(|word| word.parse::<Accept>())
}
