//! Damage of compressed data.

use crate::catalogue::audience;

/// Truncated or damaged compressed data, as the cause of an [`std::io::Error`] on its way through a parser.
#[derive(Debug, thiserror::Error)]
#[error("{}", damage(*cut))]
pub(super) struct Damage {
    pub(super) how: &'static str,
    pub(super) cut: bool,
}

fn damage(cut: bool) -> String {
    if cut {
        audience::DataEndsEarly.to_string()
    } else {
        audience::DataIsDamaged.to_string()
    }
}
