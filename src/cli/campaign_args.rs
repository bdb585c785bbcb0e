//! The arguments of a command about one campaign.

use std::path::PathBuf;

use clap::Args;

use crate::catalogue::help;

use super::occurrence_args::OccurrenceArgs;
use super::rehearsal::RehearsalArgs;

/// Which campaign a command is about.
#[derive(Clone, Debug, Args)]
pub struct CampaignArgs {
    #[arg(help = help::CampaignFile.to_string())]
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    #[command(flatten)]
    pub occurrence: OccurrenceArgs,
    #[command(flatten)]
    pub rehearsal: RehearsalArgs,
}
