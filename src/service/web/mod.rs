//! The service over HTTP: pages for a browser on the same machine.
//!
//! Every request passes the [`mod@guard`] first, and every route is in one table ([`routes`]) that says who may use it.

mod api;
mod api_document;
mod api_person;
pub mod api_responses;
mod api_views;
pub mod app;
pub mod encryption;
mod form_fields;
pub mod forward;
pub mod forwarded;
pub mod guard;
pub mod live;
pub mod live_topic;
mod login;
mod owner_tls;
pub mod routes;
pub mod server;
pub mod sessions;
pub mod standby;
pub mod throttle;

pub use api_views::{StatusObject, StatusesObject};
