//! What a program reads after a command to a run, here or in a service.

use serde::Serialize;

/// A command that was accepted, for programs.
#[derive(Serialize)]
pub(super) struct ReceivedObject<'a> {
    pub(super) r#type: &'static str,
    pub(super) campaign: &'a str,
    pub(super) app_id: &'a str,
    pub(super) order: &'static str,
    pub(super) pid: u32,
    /// The machine of the process, if it is another one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) host: Option<&'a str>,
}

/// An approval, for programs.
#[derive(Serialize)]
pub(super) struct ApprovalObject<'a> {
    pub(super) r#type: &'static str,
    pub(super) campaign: &'a str,
    pub(super) app_id: &'a str,
    pub(super) result: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) wave: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) by: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) from: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) pid: Option<u32>,
}
