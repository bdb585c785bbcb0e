//! Open_ids as the log has them.

use super::primitives::{PackedText, Reader};

/// Open_ids that stay packed until they are asked for.
#[derive(Clone, Debug)]
pub struct PackedOpenIds<'a> {
    left: u64,
    reader: Reader<'a>,
}

impl<'a> PackedOpenIds<'a> {
    pub(super) fn read(reader: &mut Reader<'a>) -> Option<Self> {
        let left = reader.number()?;
        let open_ids = Self {
            left,
            reader: reader.clone(),
        };
        for _ in 0..left {
            reader.packed()?;
        }
        Some(open_ids)
    }
}

impl<'a> Iterator for PackedOpenIds<'a> {
    type Item = PackedText<'a>;

    fn next(&mut self) -> Option<PackedText<'a>> {
        self.left = self.left.checked_sub(1)?;
        self.reader.packed()
    }
}
