//! The platform: sends requests, and reads what their answers prove.

pub mod activity;
pub mod bill_download;
pub mod client;
mod client_error;
pub mod codes;
mod http;
mod platform;
mod platform_clock;
pub mod probe_send;
mod proxy;
pub mod records;
pub mod token;
mod transport;
pub mod wire;

pub use client_error::ClientError;
pub use http::{Http as HttpWay, client_for};
pub use platform::{NotReady, Platform, Sent};
pub use proxy::ProxyError;
pub use transport::{Connection, Exchange, Way};

#[cfg(test)]
mod texts;
