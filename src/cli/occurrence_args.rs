//! `--occurrence`: which occurrence of a recurring campaign a command is about.

use clap::Args;
use jiff::civil::Date;

use crate::app::CampaignRef;
use crate::catalogue::{help, recurrence};

/// Which occurrence of a recurring campaign is meant.
#[derive(Clone, Copy, Debug, Default, Args)]
pub struct OccurrenceArgs {
    #[arg(help = help::Occurrence.to_string())]
    #[arg(long, value_name = "DATE", value_parser = date)]
    pub occurrence: Option<Date>,
}

impl OccurrenceArgs {
    /// Returns the campaign with the occurrence that the option names.
    #[must_use]
    pub fn of(self, at: CampaignRef) -> CampaignRef {
        CampaignRef {
            occurrence: self.occurrence,
            ..at
        }
    }
}

/// Parses a date as the names of occurrences have it.
fn date(text: &str) -> Result<Date, String> {
    let date = text.parse::<Date>().ok().filter(|date| date.to_string() == text);
    date.ok_or_else(|| recurrence::WriteDate.to_string())
}
