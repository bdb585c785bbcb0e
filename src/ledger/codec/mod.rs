//! Facts as bytes.

mod fact_codec;
pub(super) mod outcome;
pub(super) mod packed_open_ids;
pub(super) mod primitives;

pub(super) use fact_codec::{Codec, CodecState};
