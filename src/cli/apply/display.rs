//! Where the messages of one or several runs are shown.

use std::sync::Arc;

use crate::app::{Environment, Notice};
use crate::catalogue::run as texts;
use crate::cli::context::Context;
use crate::cli::failure::Failure;
use crate::cli::global_args::Output;
use crate::report::reporter::Display;

/// The display of the process.
pub(super) struct RunDisplay {
    pub(super) context: Context,
    pub(super) display: Display,
    /// Whether only one campaign was given.
    pub(super) is_alone: bool,
}

impl RunDisplay {
    /// Returns the environment of a campaign, whose notices are shown here.
    pub(super) fn environment(self: &Arc<Self>, campaign: &str) -> Environment {
        let display = Arc::clone(self);
        let campaign = campaign.to_owned();
        self.context
            .environment_with(move |notice| display.show(&campaign, notice))
    }

    fn show(&self, campaign: &str, notice: Notice<'_>) {
        match notice {
            Notice::SkipsWaits(times) => self.print(campaign, &texts::RehearsalSkips { times: &times }.to_string()),
            Notice::StoppedEarly(by) if self.is_alone => {
                self.print(campaign, &texts::StoppedEarly { by: &by }.to_string());
            }
            Notice::StoppedWaiting(by) if self.is_alone => {
                self.print(campaign, &texts::StoppedWaiting { by: &by }.to_string());
            }
            _ => {}
        }
    }

    fn print(&self, campaign: &str, text: &str) {
        if self.is_alone {
            self.context.talk(&format!("{text}\n"));
        } else {
            self.display.print(format!("{campaign}: {text}"));
        }
    }

    /// Shows the failure of one of several campaigns.
    pub(super) fn show_failure(&self, failure: &Failure) {
        match self.context.output {
            Output::Json => self.context.lines.write(&failure.diagnostic()),
            Output::Human => self.display.print(failure.to_string()),
        }
    }
}
