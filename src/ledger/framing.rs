//! Byte strings after their lengths.

use std::io::{self, Read, Write};

pub(super) fn write_bytes(to: &mut dyn Write, bytes: &[u8]) -> io::Result<()> {
    to.write_all(&(bytes.len() as u64).to_le_bytes())?;
    to.write_all(bytes)
}

/// Reads what [`write_bytes`] wrote. `None` if there is less.
pub(super) fn read_bytes(from: &mut dyn Read) -> Option<Vec<u8>> {
    let mut length = [0; 8];
    from.read_exact(&mut length).ok()?;
    let length = u64::from_le_bytes(length);
    let mut bytes = Vec::new();
    // A damaged length may be more than the memory holds.
    bytes.try_reserve_exact(usize::try_from(length).ok()?).ok()?;
    let read = from.take(length).read_to_end(&mut bytes).ok()?;
    (read as u64 == length).then_some(bytes)
}
