//! Damage of compressed data.

/// Truncated or damaged compressed data, as the cause of an [`std::io::Error`] on its way through a parser.
#[derive(Debug, thiserror::Error)]
#[error("{}", if *cut { "the data ends too early" } else { "the data is damaged" })]
pub(super) struct Damage {
    pub(super) how: &'static str,
    pub(super) cut: bool,
}
