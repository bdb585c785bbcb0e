//! The arguments of `runner apply`.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};

use crate::engine::audience_diff::Accept;
use crate::model::problem::Problem;
use crate::plan::Fingerprint;

use super::failure::Failure;
use super::rehearsal::RehearsalArgs;

const EXAMPLES: &str = "\
Examples:
  runner apply campaigns/summer.yaml --sandbox
      rehearse: the campaign's file, audience and pace against a stand-in of the platform
  runner apply campaigns/summer.yaml --events events.jsonl
      send what is owed, and keep a record of every attempt
  runner apply campaigns
      every campaign of a directory at once; one that cannot go on holds up no other

It ends with 0 when complete, 3 when the same command goes on, 4 when a person must look, 5 when another process has it; \
of several campaigns, with the first of 1, 2, 4, 5, 3, 0 that one of them has.";

/// The arguments of `runner apply`.
#[derive(Clone, Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct ApplyArgs {
    /// Campaign files, or directories of them: all are applied at once, each with a ledger of its own
    #[arg(value_name = "FILE|DIR", required = true)]
    pub files: Vec<PathBuf>,

    /// Whether it is a rehearsal.
    #[command(flatten)]
    pub rehearsal: RehearsalArgs,
    /// Begin the rehearsal anew: forget what earlier ones did
    #[arg(long, requires = "sandbox", help_heading = "Rehearsal")]
    pub fresh: bool,

    /// Allow a change since the last apply that could surprise, in each campaign; several, separated by commas
    #[arg(long, value_name = "CHANGE", value_delimiter = ',', value_parser = changes(), help_heading = "What may happen")]
    pub accept: Vec<Accept>,
    /// Apply only the plan that was reviewed: `runner plan` shows its fingerprint. Going on with that plan is the same plan. For one campaign alone
    #[arg(long, value_name = "FINGERPRINT", help_heading = "What may happen")]
    pub expect: Option<Fingerprint>,
    /// Attempt at most so many deliveries in this run, of each campaign
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    #[arg(help_heading = "What may happen")]
    pub at_most: Option<u64>,
    /// Leave instead of waiting for the start, a window or a wave (with 3), or for another run (with 5)
    #[arg(long, help_heading = "What may happen")]
    pub no_wait: bool,
    /// Do not ask before sending
    #[arg(short, long, help_heading = "What may happen")]
    pub yes: bool,

    /// Whether it is a dry run.
    #[command(flatten)]
    pub dry: DryRunArgs,

    /// Write every attempt and everything else that happens to FILE, one JSON object a line
    #[arg(long, value_name = "FILE", help_heading = "Record")]
    pub events: Option<PathBuf>,
    /// Serve metrics for Prometheus at ADDR, as in `127.0.0.1:9464`; a port alone is on this machine only
    #[arg(long, value_name = "ADDR", value_parser = address, help_heading = "Record")]
    pub metrics: Option<SocketAddr>,
}

/// Whether an apply only shows what it would do.
#[derive(Clone, Copy, Debug, Args)]
#[command(next_help_heading = "Dry run")]
pub struct DryRunArgs {
    /// Send nothing and change nothing: show the plan, and the first requests as they would go; needs no credentials
    #[arg(long)]
    pub dry_run: bool,
    /// Show so many requests
    #[arg(long, value_name = "N", default_value_t = 3, requires = "dry_run")]
    pub show: usize,
}

impl ApplyArgs {
    /// Checks that `--expect` is not given for several files.
    pub fn fit(&self, files: usize) -> Result<(), Failure> {
        if self.expect.is_none() || files == 1 {
            return Ok(());
        }
        let message = format!("--expect names the plan of one campaign, and {files} campaign files are given");
        Err(Failure::new(Problem::CommandLine, message)
            .help("apply the campaign that was reviewed by a command of its own"))
    }
}

/// Parses an address to listen on. A port alone means loopback, so that other machines can read the metrics only if the
/// address says so.
fn address(text: &str) -> Result<SocketAddr, String> {
    if let Ok(port) = text.parse::<u16>() {
        return Ok(SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
    }
    text.parse()
        .map_err(|_| "write an address and a port, as in 127.0.0.1:9464 or [::1]:9464, or a port alone".to_owned())
}

/// Parses a word of `--accept`. Help lists all words.
pub(super) fn changes() -> impl TypedValueParser<Value = Accept> {
    PossibleValuesParser::new(Accept::ALL.map(Accept::word)).try_map(|word| word.parse::<Accept>())
}
