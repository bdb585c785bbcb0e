//! Prints what a use case reports while it works.

use crate::app::Notice;
use crate::report::console::Console;
use crate::report::text::visible;

/// Prints a notice that people see whatever else is shown. Progress is shown by the command that has a place for it.
pub fn print(console: &Console, notice: Notice<'_>) {
    match notice {
        Notice::WaitsForReader {
            reader: owner,
            is_stopped,
        } => {
            tracing::info!(
                pid = owner.pid,
                command = owner.command,
                "waiting for a process that reads the ledger"
            );
            let pid = owner.pid;
            let stopped = if is_stopped {
                format!(" and was stopped (`kill -CONT {pid}` lets it go on)")
            } else {
                String::new()
            };
            let command = visible(&owner.command);
            console.print(&format!(
                "waiting for process {pid}, which reads the ledger{stopped}: {command}\n"
            ));
        }
        Notice::WaitsForOwner(why) => console.print(&format!("waiting for its turn: {}\n", visible(why))),
        Notice::Remark(remark) => console.print(&format!("{}\n", visible(remark))),
        Notice::ReadsLedger
        | Notice::ChecksLedger
        | Notice::ReadsAudience
        | Notice::Rows(_)
        | Notice::SkipsWaits(_)
        | Notice::StoppedEarly(_)
        | Notice::Simulates { .. }
        | Notice::AudienceRead => {}
    }
}
