//! The use cases: everything that can be done with a campaign, as functions that return typed results and errors. The command
//! line calls them, and so can any other program.
//!
//! This room prints nothing, asks nothing and knows no command line. What a caller may want to show meanwhile arrives as a
//! [`environment::Notice`] or as an event of the run; a question is put to the caller through a trait.

pub mod activity;
mod app_lock;
mod applied_settings;
pub mod apply;
pub mod approve;
pub mod audience_origin;
pub mod audience_reader;
pub mod campaign;
pub mod campaign_file;
pub mod campaign_files;
mod campaign_ref;
pub mod campaign_store;
pub mod credentials;
pub mod decisions;
pub mod doctor;
pub mod environment;
pub mod erase;
mod erased;
pub mod error;
mod exclude_cycles;
mod excluded;
pub mod export;
pub mod find_other_ledger;
mod fleet_commands;
mod fleet_origin;
mod fleet_runs;
mod fleet_status;
pub mod fleet_worker;
pub mod history;
pub mod kept_messages;
pub mod lists_elsewhere;
pub mod locked_ledger;
mod nearest;
pub mod notify;
pub mod occurrences;
pub mod older_ledger;
pub mod other_ledger;
mod person_ledger;
pub mod plan;
pub mod probe;
pub mod process;
pub mod push;
pub mod pushed_files;
pub mod readonly_ledger;
pub mod reconcile;
pub mod rehearsal;
pub mod report;
pub mod resolve;
pub mod run_command;
pub mod running;
pub mod service_client;
pub mod service_ownership;
pub mod shared_ownership;
pub mod simulate;
pub mod status;
mod status_update;
pub mod store;
mod template;
pub mod trace;
pub mod verify;
pub mod witness;
mod write_term;
pub mod wrong_clock;

pub use campaign::LoadedCampaign;
pub use campaign_file::CampaignFile;
pub use campaign_ref::CampaignRef;
pub use environment::{Environment, Notice};
pub use error::AppError;
pub use rehearsal::Rehearsal;
