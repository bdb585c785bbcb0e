//! The styles of text on a terminal.

use anstyle::{AnsiColor, Style};

use crate::model::delivery::StateName;

/// What goes well.
pub const GOOD: Style = AnsiColor::Green.on_default();
/// What may be applied.
pub const FEASIBLE: Style = AnsiColor::Green.on_default().bold();
/// What a person may want to look at.
pub const WARN: Style = AnsiColor::Yellow.on_default();
/// The label of a warning.
pub const WARNING: Style = AnsiColor::Yellow.on_default().bold();
/// What stops a campaign.
pub const BAD: Style = AnsiColor::Red.on_default().bold();
/// The label of advice.
pub const HELP: Style = AnsiColor::Cyan.on_default().bold();
/// A heading or a total.
pub const STRONG: Style = Style::new().bold();
/// What matters less.
pub const FAINT: Style = Style::new().dimmed();
/// Anything else.
pub const PLAIN: Style = Style::new();

/// The style of the state of a run, by its word.
#[must_use]
pub fn of_run(state: &str) -> Style {
    match state {
        "sending" | "draining" | "complete" => GOOD,
        "halted" | "ended" | "failed" | "unusable" | "taken" => BAD,
        "paused" | "incomplete" | "not_begun" => WARN,
        _ => PLAIN,
    }
}

/// The style of a number of deliveries in this state.
#[must_use]
pub const fn of_count(state: StateName, n: u64) -> Style {
    match state {
        _ if n == 0 => PLAIN,
        StateName::Issued => GOOD,
        StateName::InDoubt | StateName::Held => WARN,
        StateName::Pending | StateName::InFlight | StateName::Deferred | StateName::Refused | StateName::Skipped => {
            PLAIN
        }
    }
}
