//! The arguments of a command about one campaign.

use std::path::PathBuf;

use clap::Args;

use super::rehearsal::RehearsalArgs;

/// Which campaign a command is about.
#[derive(Clone, Debug, Args)]
pub struct CampaignArgs {
    /// The campaign's file
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Whether its rehearsal is meant.
    #[command(flatten)]
    pub rehearsal: RehearsalArgs,
}
