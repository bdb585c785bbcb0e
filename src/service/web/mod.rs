//! The service over HTTP: pages for a browser on the same machine.
//!
//! Every request passes the [`mod@guard`] first, and every route is in one table ([`routes`]) that says who may use it.

pub mod answers;
mod api;
mod api_document;
mod api_views;
pub mod app;
pub mod encryption;
mod fields;
pub mod guard;
pub mod live;
mod login;
pub mod routes;
pub mod server;
pub mod sessions;
pub mod throttle;
pub mod topic;

pub use api_views::{StatusObject, StatusesObject};
