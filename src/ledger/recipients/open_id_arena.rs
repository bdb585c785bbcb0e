//! Open_ids by number, packed like in the log, in pieces. The pieces are in memory, or in a spill file once they exceed the
//! memory limit.

use std::io::{self, Read, Write};
use std::sync::Arc;
use std::vec;

use crate::ledger::codec::primitives::{PackedText, pack_onto, skip, unpack, unpack_onto};
use crate::ledger::framing::{read_bytes, write_bytes};
use crate::ledger::recipients::spill::{Spill, Spilled};

/// The number of open_ids from one mark to the next. To find one, those after its mark are skipped one by one.
const PER_MARK: u32 = 16;

/// Replaces `packed` by the packed text. Equal texts have equal bytes.
pub(crate) fn pack(text: &str, packed: &mut Vec<u8>) {
    packed.clear();
    pack_onto(text, packed);
}

/// Open_ids, numbered from 0.
#[derive(Clone, Debug, Default)]
pub(crate) struct OpenIdArena {
    spill: Arc<Spill>,
    /// All but the last are full.
    pieces: Vec<Piece>,
    len: u32,
    spilled: Output,
}

#[derive(Clone, Debug)]
struct Piece {
    bytes: Bytes,
    /// The offset of every [`PER_MARK`]th open_id.
    marks: Vec<u32>,
}

/// Bytes in memory or in a spill file.
#[derive(Clone, Debug)]
pub(super) enum Bytes {
    Memory(Vec<u8>),
    File { file: Arc<Spilled>, at: u64, length: u32 },
}

/// The spill file that an arena writes to, and its length. A clone of the arena reads the file, and writes to its own.
#[derive(Debug, Default)]
struct Output(Option<(Arc<Spilled>, u64)>);

impl Clone for Output {
    fn clone(&self) -> Self {
        Self(None)
    }
}

impl Bytes {
    /// `None` if they are in a spill file.
    fn in_memory(&self) -> Option<&[u8]> {
        match self {
            Self::Memory(bytes) => Some(bytes),
            Self::File { .. } => None,
        }
    }
}

impl Piece {
    fn length(&self) -> u32 {
        match &self.bytes {
            Bytes::Memory(bytes) => length(bytes),
            Bytes::File { length, .. } => *length,
        }
    }
}

impl OpenIdArena {
    pub(crate) fn new(spill: Arc<Spill>) -> Self {
        Self {
            spill,
            ..Self::default()
        }
    }

    pub(crate) const fn spill(&self) -> &Arc<Spill> {
        &self.spill
    }

    pub(crate) const fn len(&self) -> u32 {
        self.len
    }

    pub(crate) fn open_id(&self, number: u32) -> Option<String> {
        self.with(number, unpack)
    }

    /// Calls `show` with the packed open_id of a number.
    pub(super) fn with<R>(&self, number: u32, show: impl FnOnce(&[u8]) -> R) -> Option<R> {
        if number >= self.len {
            return None;
        }
        let piece = self.pieces.get((number / self.per_piece()) as usize)?;
        let within = number % self.per_piece();
        let mark = (within / PER_MARK) as usize;
        let from = *piece.marks.get(mark)?;
        let to = piece.marks.get(mark + 1).copied().unwrap_or_else(|| piece.length());
        let skipped = within % PER_MARK;
        match &piece.bytes {
            Bytes::Memory(bytes) => Some(show(nth(bytes.get(from as usize..to as usize)?, skipped)?)),
            Bytes::File { file, at, .. } => {
                let length = to.checked_sub(from)? as usize;
                let show = |some: &[u8]| nth(some, skipped).map(show);
                self.spill.show(file, at + u64::from(from), length, show).flatten()
            }
        }
    }

    pub(super) fn is(&self, number: u32, packed: &[u8]) -> bool {
        self.with(number, |known| known == packed).unwrap_or_default()
    }

    /// Adds a packed open_id and returns its number. The caller has checked that a number is left.
    pub(crate) fn push(&mut self, packed: &[u8]) -> u32 {
        self.add(|bytes| bytes.extend_from_slice(packed))
    }

    /// Like [`OpenIdArena::push`], for an open_id of the log: an older version may have packed it in another way.
    pub(in crate::ledger) fn push_repacked(&mut self, open_id: PackedText<'_>) -> u32 {
        self.add(|bytes| open_id.pack_again(bytes))
    }

    fn add(&mut self, put: impl FnOnce(&mut Vec<u8>)) -> u32 {
        let number = self.len;
        let within = number % self.per_piece();
        if within == 0 {
            self.begin_piece();
        }
        if let Some(Piece {
            bytes: Bytes::Memory(bytes),
            marks,
        }) = self.pieces.last_mut()
        {
            if within.is_multiple_of(PER_MARK) {
                marks.push(length(bytes));
            }
            put(bytes);
            self.len += 1;
        }
        number
    }

    fn begin_piece(&mut self) {
        let expected = self.pieces.last().map_or(0, Piece::length) as usize;
        let bytes = self.spill_pieces().unwrap_or_else(|| {
            if let Some(Piece {
                bytes: Bytes::Memory(full),
                ..
            }) = self.pieces.last_mut()
            {
                full.shrink_to_fit();
            }
            Vec::with_capacity(expected)
        });
        self.pieces.push(Piece {
            bytes: Bytes::Memory(bytes),
            marks: Vec::new(),
        });
    }

    /// Moves all pieces to the spill file, if they exceed the memory limit. Those that cannot be written stay. Returns the
    /// empty buffer of the last one.
    fn spill_pieces(&mut self) -> Option<Vec<u8>> {
        let in_memory = |piece: &Piece| match &piece.bytes {
            Bytes::Memory(bytes) => bytes.len() as u64,
            Bytes::File { .. } => 0,
        };
        if self.spilled.0.is_none() {
            if self.pieces.iter().map(in_memory).sum::<u64>() <= self.spill.limit() {
                return None;
            }
            self.spilled.0 = Some((Arc::new(self.spill.create()?), 0));
        }
        let (file, at) = self.spilled.0.as_mut()?;
        let mut buffer = None;
        for piece in &mut self.pieces {
            let Bytes::Memory(bytes) = &mut piece.bytes else {
                continue;
            };
            if self.spill.check().is_err() || !self.spill.write(file, bytes, *at) {
                return None;
            }
            let length = length(bytes);
            let mut bytes = std::mem::take(bytes);
            bytes.clear();
            buffer = Some(bytes);
            piece.bytes = Bytes::File {
                file: Arc::clone(file),
                at: *at,
                length,
            };
            *at += u64::from(length);
        }
        buffer
    }

    /// Removes the open_ids from number `len` on. Their part of the spill file is not used again.
    pub(in crate::ledger) fn truncate(&mut self, len: u32) {
        if len >= self.len {
            return;
        }
        self.len = len;
        let full = len / self.per_piece();
        let part = len % self.per_piece();
        self.pieces.truncate(len.div_ceil(self.per_piece()) as usize);
        let Some(last) = self.pieces.get_mut(full as usize) else {
            return;
        };
        let mut bytes = load(&self.spill, &mut last.bytes, Vec::new()).unwrap_or_default();
        let mark = last.marks.get((part / PER_MARK) as usize);
        let mark = mark.map_or(bytes.len(), |mark| *mark as usize);
        let left = bytes.get(mark..).and_then(|from| skip_some(from, part % PER_MARK));
        bytes.truncate(bytes.len() - left.map_or(0, <[u8]>::len));
        last.bytes = Bytes::Memory(bytes);
        last.marks.truncate(part.div_ceil(PER_MARK) as usize);
    }

    /// The open_ids from `number` on, in order.
    pub(crate) fn from(&self, number: u32) -> Cursor<'_> {
        Cursor {
            arena: self,
            number,
            piece: None,
            loaded: Vec::new(),
            at: 0,
        }
    }

    /// The open_ids in order. Each piece is freed as soon as it is read.
    pub(crate) fn drain(self) -> DrainedIds {
        DrainedIds {
            spill: self.spill,
            pieces: self.pieces.into_iter(),
            bytes: Vec::new(),
            at: 0,
            number: 0,
        }
    }

    fn per_piece(&self) -> u32 {
        self.spill.per_piece()
    }

    pub(in crate::ledger) fn write(&self, to: &mut dyn Write) -> io::Result<()> {
        to.write_all(&self.len.to_le_bytes())?;
        let mut loaded = Vec::new();
        for piece in &self.pieces {
            match &piece.bytes {
                Bytes::Memory(bytes) => write_bytes(to, bytes)?,
                Bytes::File { file, at, length } => {
                    loaded.resize(*length as usize, 0);
                    if !self.spill.read(file, &mut loaded, *at) {
                        return Err(io::ErrorKind::Other.into());
                    }
                    write_bytes(to, &loaded)?;
                }
            }
        }
        Ok(())
    }

    /// Reads what [`OpenIdArena::write`] wrote. `None` for other bytes.
    pub(in crate::ledger) fn read(from: &mut dyn Read, spill: Arc<Spill>) -> Option<Self> {
        let mut len = [0; 4];
        from.read_exact(&mut len).ok()?;
        let len = u32::from_le_bytes(len);
        let mut arena = Self::new(spill);
        while arena.len < len {
            let bytes = read_bytes(from)?;
            let mut rest = &bytes[..];
            if rest.is_empty() {
                return None;
            }
            while !rest.is_empty() {
                let after = skip(rest).filter(|_| arena.len < len)?;
                arena.push(&rest[..rest.len() - after.len()]);
                rest = after;
            }
        }
        Some(arena)
    }
}

/// Reads open_ids in order.
#[derive(Debug)]
pub(crate) struct Cursor<'a> {
    arena: &'a OpenIdArena,
    number: u32,
    piece: Option<u32>,
    /// The piece, if it is in the spill file.
    loaded: Vec<u8>,
    at: usize,
}

impl Cursor<'_> {
    /// The next number and packed open_id. `None` after the last.
    pub(crate) fn next(&mut self) -> Option<(u32, &[u8])> {
        self.enter()?;
        let from = bytes(self.arena, self.number, &self.loaded)?.get(self.at..)?;
        let packed = from.get(..from.len() - skip(from)?.len())?;
        self.at += packed.len();
        self.number += 1;
        Some((self.number - 1, packed))
    }

    /// Finds a packed open_id among the next `most` of the same piece, and moves on to the one after it. `None` if it is not among
    /// them. Then the cursor stays, or leaves out the rest of a piece that has fewer.
    pub(crate) fn skip_to(&mut self, packed: &[u8], most: u32) -> Option<u32> {
        self.enter()?;
        let all = bytes(self.arena, self.number, &self.loaded)?;
        let mut from = all.get(self.at..)?;
        for number in self.number..self.number.saturating_add(most) {
            // No packed open_id is the start of another one.
            if let Some(after) = from.strip_prefix(packed) {
                self.at = all.len() - after.len();
                self.number = number + 1;
                return Some(number);
            }
            let Some(after) = skip(from) else {
                self.number = number;
                return None;
            };
            from = after;
        }
        None
    }

    /// Enters the piece of the next open_id. `None` if there is none, or the piece cannot be read.
    fn enter(&mut self) -> Option<()> {
        let arena = self.arena;
        if self.number >= arena.len {
            return None;
        }
        let nth_piece = self.number / arena.per_piece();
        if self.piece == Some(nth_piece) {
            return Some(());
        }
        let piece = arena.pieces.get(nth_piece as usize)?;
        if let Bytes::File { file, at, length } = &piece.bytes {
            self.loaded.resize(*length as usize, 0);
            if !arena.spill.read(file, &mut self.loaded, *at) {
                return None;
            }
        }
        let bytes = piece.bytes.in_memory().unwrap_or(&self.loaded);
        let within = self.number % arena.per_piece();
        let mark = *piece.marks.get((within / PER_MARK) as usize)? as usize;
        let from = skip_some(bytes.get(mark..)?, within % PER_MARK)?;
        self.at = bytes.len() - from.len();
        self.piece = Some(nth_piece);
        Some(())
    }

    /// Replaces `text` by the next open_id. Returns whether there is one.
    pub(crate) fn next_text(&mut self, text: &mut String) -> bool {
        text.clear();
        self.next().map(|(_, packed)| unpack_onto(packed, text)).is_some()
    }
}

/// The bytes of the piece of an open_id. `loaded` has them if they are in the spill file.
fn bytes<'b>(arena: &'b OpenIdArena, number: u32, loaded: &'b [u8]) -> Option<&'b [u8]> {
    let piece = arena.pieces.get((number / arena.per_piece()) as usize)?;
    Some(piece.bytes.in_memory().unwrap_or(loaded))
}

/// Returns open_ids in order and frees them.
#[derive(Debug)]
pub(crate) struct DrainedIds {
    spill: Arc<Spill>,
    pieces: vec::IntoIter<Piece>,
    bytes: Vec<u8>,
    at: usize,
    number: u32,
}

impl DrainedIds {
    /// The next open_id whose number `counts` accepts. `None` after the last, and if a piece cannot be read: then
    /// [`Spill::check`] is an error.
    pub(crate) fn next(&mut self, counts: impl Fn(u32) -> bool) -> Option<String> {
        loop {
            if self.at >= self.bytes.len() {
                let mut piece = self.pieces.next()?;
                self.bytes = load(&self.spill, &mut piece.bytes, std::mem::take(&mut self.bytes))?;
                self.at = 0;
            }
            let from = self.bytes.get(self.at..)?;
            let packed = from.get(..from.len() - skip(from)?.len())?;
            let number = self.number;
            self.at += packed.len();
            self.number += 1;
            if counts(number) {
                return Some(unpack(packed));
            }
        }
    }
}

/// Takes the bytes of a piece. Those in the spill file are read into `buffer`.
pub(super) fn load(spill: &Spill, bytes: &mut Bytes, mut buffer: Vec<u8>) -> Option<Vec<u8>> {
    match bytes {
        Bytes::Memory(bytes) => Some(std::mem::take(bytes)),
        Bytes::File { file, at, length } => {
            buffer.resize(*length as usize, 0);
            spill.read(file, &mut buffer, *at).then_some(buffer)
        }
    }
}

/// A piece is much shorter than 4 GiB: its open_ids have about a hundred bytes each.
pub(super) fn length(bytes: &[u8]) -> u32 {
    u32::try_from(bytes.len()).unwrap_or(u32::MAX)
}

/// The bytes after the first `count` packed open_ids.
fn skip_some(mut bytes: &[u8], count: u32) -> Option<&[u8]> {
    for _ in 0..count {
        bytes = skip(bytes)?;
    }
    Some(bytes)
}

/// The packed open_id after `count` others.
fn nth(bytes: &[u8], count: u32) -> Option<&[u8]> {
    let from = skip_some(bytes, count)?;
    from.get(..from.len() - skip(from)?.len())
}
