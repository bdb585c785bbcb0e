//! Facts as bytes.

mod fact_codec;
mod outcome;
mod wire;

pub(super) use fact_codec::{Codec, CodecState, Entry};
pub(super) use outcome::AnswerIds;
pub(super) use wire::{Packed, pack_behind, skip, unpack, unpack_behind};
