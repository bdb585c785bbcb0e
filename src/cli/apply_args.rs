//! The arguments of `runner apply`.

use std::path::{Path, PathBuf};

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use url::{Host, Url};

use crate::engine::admit::Accept;

use super::exit::Exit;
use super::failure::Failure;

const EXAMPLES: &str = "\
Examples:
  runner apply campaigns/summer.yaml --sandbox
      rehearse: the campaign's file, audience and pace against a stand-in of the platform
  runner apply campaigns/summer.yaml --events events.jsonl
      send what is owed, and keep a record of every attempt

It ends with 0 when complete, 3 when the same command goes on, 4 when a person must look, 5 when another process has it.";

/// The arguments of `runner apply`.
#[derive(Clone, Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct ApplyArgs {
    /// The campaign's file; one at a time in this version
    #[arg(value_name = "FILE", required = true)]
    pub files: Vec<PathBuf>,

    /// Rehearse: send to a stand-in of the platform inside this process, or to the one that runs at URL
    #[arg(long, value_name = "URL", num_args = 0..=1, require_equals = true, value_parser = stand_in)]
    #[arg(help_heading = "Rehearsal")]
    pub sandbox: Option<Option<Url>>,
    /// Begin the rehearsal anew: forget what earlier ones did
    #[arg(long, requires = "sandbox", help_heading = "Rehearsal")]
    pub fresh: bool,

    /// Allow a change since the last apply that could surprise; several, separated by commas
    #[arg(long, value_name = "CHANGE", value_delimiter = ',', value_parser = changes(), help_heading = "What may happen")]
    pub accept: Vec<Accept>,
    /// Attempt at most so many deliveries in this run
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    #[arg(help_heading = "What may happen")]
    pub at_most: Option<u64>,
    /// Leave instead of waiting for the start (with 3) or for another run (with 5)
    #[arg(long, help_heading = "What may happen")]
    pub no_wait: bool,
    /// Do not ask before sending
    #[arg(short, long, help_heading = "What may happen")]
    pub yes: bool,

    /// Write every attempt and everything else that happens to FILE, one JSON object a line
    #[arg(long, value_name = "FILE", help_heading = "Record")]
    pub events: Option<PathBuf>,
}

impl ApplyArgs {
    /// The one campaign file.
    pub fn file(&self) -> Result<&Path, Failure> {
        match self.files.as_slice() {
            [file] => Ok(file),
            files => Err(Failure::new(
                Exit::Input,
                format!(
                    "cannot apply {} campaign files at once: several campaigns in one process are not supported in \
                     this version",
                    files.len()
                ),
            )
            .help("apply them one after the other: they share the app id's pace anyway")),
        }
    }
}

/// Reads the address of a stand-in. It has to be this machine's own: a rehearsal must never reach a real platform.
fn stand_in(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| format!("{error}; write it like http://127.0.0.1:8080"))?;
    let loopback = match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    };
    if url.scheme() != "http" || !loopback {
        return Err("a stand-in runs on this machine: write it like http://127.0.0.1:8080".to_owned());
    }
    Ok(url)
}

/// Reads a word of `--accept`, and lets help list them all.
fn changes() -> impl TypedValueParser<Value = Accept> {
    PossibleValuesParser::new(Accept::ALL.map(Accept::word)).try_map(|word| word.parse::<Accept>())
}
