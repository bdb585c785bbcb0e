//! Audiences: one file per kind of source. A source is read as a stream of rows, never as a list, and each row has
//! either a usable open_id or the reason why it is unusable.
//!
//! A kind of source is a type that implements `row_sink::RowSource`, and a variant of [`Source`].

mod activity;
mod artefact;
mod batch;
mod cell;
mod columns;
mod csv;
mod damage;
mod database_error;
mod error;
mod expected;
mod input;
mod jsonl;
mod mysql;
mod neighbour;
mod parquet;
mod postgres;
mod query;
mod quote_validator;
mod reading;
mod row_sink;
mod server_url;
mod source;
mod sqlite;
mod syntax_error;
mod totals;

pub use self::parquet::{PageFault, ParquetFault, ParquetSource, TooLarge};
pub use crate::campaign::{Encoding, Files};
#[cfg(test)]
pub(crate) use artefact::find as find_artefact;
pub use batch::{Activity, Batch, Place, Row};
pub use columns::Columns;
pub use csv::CsvSource;
pub use database_error::{DatabaseAction, DatabaseCause, DatabaseHelp, DatabaseName, QueryMistake, Responsible};
pub use error::{AudienceError, HeaderHint, Lacks, Role};
pub use input::{Input, are_here};
pub use jsonl::JsonlSource;
pub use neighbour::Neighbour;
pub use query::{Limits, Query, Server};
pub use reading::{Next, Reading, read};
pub use server_url::{ParameterHelp, UrlMistake, ValueKind};
pub use source::Source;
pub use sqlite::SqliteSource;
pub use syntax_error::{Archive, Document, Foreign, SaveAs, SyntaxError};
pub use totals::Totals;

#[cfg(test)]
mod tests;
