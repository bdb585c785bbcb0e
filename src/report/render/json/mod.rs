//! The JSON objects for programs, in schema 1.0. A minor version only adds to them. Unknown values are omitted, never
//! null.

mod counts;
mod occurrences;
mod plan;
mod run;
mod schema;
mod simulation;
mod status;
mod total;
mod worth;

pub use occurrences::OccurrenceObject;
pub use plan::{PlanObject, PlanTotalObject, RequestObject};
pub use run::RunObject;
pub use schema::{SCHEMA, Versioned};
pub use simulation::{HourObject, RefusedObject, SimulationObject};
pub use status::{Status, StatusError, StatusOwner, StockLeft};
pub use total::TotalObject;
pub use worth::WorthBody;
