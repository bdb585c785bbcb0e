//! Facts as bytes.

mod fact_codec;
pub(super) mod open_ids;
pub(super) mod outcome;
pub(super) mod wire;

pub(super) use fact_codec::{Codec, CodecState};
