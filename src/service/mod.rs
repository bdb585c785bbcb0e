//! `runner serve`: one process that watches a directory of campaign files, plans them, asks a person, applies what was approved, and
//! shows everything on pages.
//!
//! [`config`] is the file of the service, and [`accounts`] who may use it.
//! [`policy`] says what a plan needs before it is sent.
//! [`act`] decides on everything that changes something, in one pure function. [`record`] is the service log, from which a service
//! that restarts learns what it has to do. [`scan`] says which files count, and [`schedule`] which occurrences of a
//! recurring campaign. [`supervisor`] connects these with the use cases, and
//! [`web`] with browsers; [`pages`] are pure functions of [`state`], which the supervisor keeps. This room prints nothing.

pub mod accounts;
pub mod act;
mod approval_envelope;
pub mod budget;
pub mod campaign_entry;
pub mod cited_approvals;
mod comparison;
pub mod config;
mod directory;
pub mod error;
pub mod fault;
pub mod freeze;
pub mod link_socket;
pub mod log_check;
mod log_place;
pub mod log_socket;
mod messages;
pub mod pages;
pub mod passwords;
pub mod person;
pub mod policy;
pub mod record;
pub mod requests;
pub mod scan;
pub mod schedule;
pub mod series;
pub mod settings;
pub mod state;
pub mod supervisor;
pub mod tls;
pub mod web;
