//! Prints what a use case reports while it works.

use crate::app::Notice;
use crate::catalogue::run;
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
            let pid = &owner.pid;
            let command = &visible(&owner.command);
            let text = if is_stopped {
                run::WaitsForStoppedReader { pid, command }.to_string()
            } else {
                run::WaitsForReader { pid, command }.to_string()
            };
            console.print(&format!("{text}\n"));
        }
        Notice::WaitsForOwner(why) => {
            let text = run::WaitsForOwner { why: &visible(why) };
            console.print(&format!("{text}\n"));
        }
        Notice::NobodyAsked => console.print(&format!("{}\n", run::NobodyAsked)),
        Notice::Remark(remark) => console.print(&format!("{}\n", visible(remark))),
        Notice::ReadsLedger
        | Notice::ChecksLedger
        | Notice::ReadsAudience
        | Notice::Rows(_)
        | Notice::SkipsWaits(_)
        | Notice::StoppedEarly(_)
        | Notice::StoppedWaiting(_)
        | Notice::Simulates { .. }
        | Notice::AudienceRead => {}
    }
}
