//! Self-contained pages for a browser.

mod chart;
mod figures;
pub mod page;
#[cfg(test)]
pub mod page_text;
mod report;
mod report_view;
mod simulation;
pub mod tables;

pub use chart::ChartError;
pub use report::page as report_page;
pub use report_view::{EndedWave, OpenDelivery, ReportHeader, ReportView, RunNote};
pub use simulation::{page as simulation_page, summary as simulation_summary};
