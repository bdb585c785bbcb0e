//! Open_ids by number, packed as the ledger packs them, side by side in pieces. A piece is in memory, or in a file once they
//! are more than memory is to hold.

use std::io::{self, Read, Write};
use std::sync::Arc;
use std::vec;

use crate::ledger::codec::{Packed, pack_behind, skip, unpack, unpack_behind};
use crate::ledger::recipients::spill::{Spill, Spilled};
use crate::ledger::snapshot::{read_bytes, write_bytes};

/// So many open_ids lie behind one mark; from there on they are counted off.
const BETWEEN_MARKS: u32 = 16;

/// Packs a text in place of what `packed` was: the same text is always the same bytes.
pub(crate) fn pack(text: &str, packed: &mut Vec<u8>) {
    packed.clear();
    pack_behind(text, packed);
}

/// Open_ids, numbered from 0.
#[derive(Clone, Debug, Default)]
pub(crate) struct OpenIdArena {
    spill: Arc<Spill>,
    /// All are full but the last.
    pieces: Vec<Piece>,
    all: u32,
    /// Where the next piece goes once this has a file.
    file: Writing,
}

#[derive(Clone, Debug)]
struct Piece {
    bytes: Bytes,
    /// Where every [`BETWEEN_MARKS`]th begins.
    marks: Vec<u32>,
}

#[derive(Clone, Debug)]
enum Bytes {
    Here(Vec<u8>),
    ScratchCopy { file: Arc<Spilled>, at: u64, length: u32 },
}

/// A file to which one list writes, and how far it is. A copy of the list reads it, and writes to one of its own.
#[derive(Debug, Default)]
struct Writing(Option<(Arc<Spilled>, u64)>);

impl Clone for Writing {
    fn clone(&self) -> Self {
        Self(None)
    }
}

impl Piece {
    fn length(&self) -> u32 {
        match &self.bytes {
            Bytes::Here(bytes) => length(bytes),
            Bytes::ScratchCopy { length, .. } => *length,
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

    pub(crate) const fn all(&self) -> u32 {
        self.all
    }

    /// The open_id with a number.
    pub(crate) fn open_id(&self, number: u32) -> Option<String> {
        self.with(number, unpack)
    }

    /// Shows the packed open_id with a number.
    pub(super) fn with<R>(&self, number: u32, show: impl FnOnce(&[u8]) -> R) -> Option<R> {
        if number >= self.all {
            return None;
        }
        let piece = self.pieces.get((number / self.together()) as usize)?;
        let within = number % self.together();
        let mark = (within / BETWEEN_MARKS) as usize;
        let from = *piece.marks.get(mark)?;
        let to = piece.marks.get(mark + 1).copied().unwrap_or_else(|| piece.length());
        let behind = within % BETWEEN_MARKS;
        match &piece.bytes {
            Bytes::Here(bytes) => Some(show(nth(bytes.get(from as usize..to as usize)?, behind)?)),
            Bytes::ScratchCopy { file, at, .. } => {
                let length = to.checked_sub(from)? as usize;
                let show = |some: &[u8]| nth(some, behind).map(show);
                self.spill.show(file, at + u64::from(from), length, show).flatten()
            }
        }
    }

    /// Whether an open_id is this packed one.
    pub(super) fn is(&self, number: u32, packed: &[u8]) -> bool {
        self.with(number, |known| known == packed).unwrap_or_default()
    }

    /// Adds what is packed, and says which number it has. There is one left.
    pub(crate) fn push(&mut self, packed: &[u8]) -> u32 {
        self.add(|bytes| bytes.extend_from_slice(packed))
    }

    /// The same of what the ledger told: what an older program packed in a lesser way would not be found as it lies there.
    pub(in crate::ledger) fn push_told(&mut self, open_id: Packed<'_>) -> u32 {
        self.add(|bytes| open_id.pack_again(bytes))
    }

    fn add(&mut self, put: impl FnOnce(&mut Vec<u8>)) -> u32 {
        let (number, within) = (self.all, self.all % self.together());
        if within == 0 {
            self.begin_piece();
        }
        if let Some(Piece {
            bytes: Bytes::Here(bytes),
            marks,
        }) = self.pieces.last_mut()
        {
            if within.is_multiple_of(BETWEEN_MARKS) {
                marks.push(length(bytes));
            }
            put(bytes);
            self.all += 1;
        }
        number
    }

    fn begin_piece(&mut self) {
        let usual = self.pieces.last().map_or(0, Piece::length) as usize;
        let bytes = self.put_aside().unwrap_or_else(|| {
            if let Some(Piece {
                bytes: Bytes::Here(full),
                ..
            }) = self.pieces.last_mut()
            {
                full.shrink_to_fit();
            }
            Vec::with_capacity(usual)
        });
        self.pieces.push(Piece {
            bytes: Bytes::Here(bytes),
            marks: Vec::new(),
        });
    }

    /// Moves all pieces into the file, where there are too many for the memory. What cannot be written stays. Yields the
    /// room that the last one had.
    fn put_aside(&mut self) -> Option<Vec<u8>> {
        let here = |piece: &Piece| match &piece.bytes {
            Bytes::Here(bytes) => bytes.len() as u64,
            Bytes::ScratchCopy { .. } => 0,
        };
        if self.file.0.is_none() {
            if self.pieces.iter().map(here).sum::<u64>() <= self.spill.bytes() {
                return None;
            }
            self.file.0 = Some((Arc::new(self.spill.begin()?), 0));
        }
        let (file, at) = self.file.0.as_mut()?;
        let mut room = None;
        for piece in &mut self.pieces {
            let Bytes::Here(bytes) = &mut piece.bytes else { continue };
            if self.spill.check().is_err() || !self.spill.write(file, bytes, *at) {
                return None;
            }
            let length = length(bytes);
            let mut bytes = std::mem::take(bytes);
            bytes.clear();
            room = Some(bytes);
            piece.bytes = Bytes::ScratchCopy {
                file: Arc::clone(file),
                at: *at,
                length,
            };
            *at += u64::from(length);
        }
        room
    }

    /// Takes back all from `all` on. What they had of the file is not used again.
    pub(in crate::ledger) fn truncate(&mut self, all: u32) {
        if all >= self.all {
            return;
        }
        self.all = all;
        let (full, part) = (all / self.together(), all % self.together());
        self.pieces.truncate(all.div_ceil(self.together()) as usize);
        let Some(last) = self.pieces.get_mut(full as usize) else {
            return;
        };
        let mut bytes = load(&self.spill, &mut last.bytes, Vec::new()).unwrap_or_default();
        let mark = last.marks.get((part / BETWEEN_MARKS) as usize);
        let mark = mark.map_or(bytes.len(), |mark| *mark as usize);
        let left = bytes.get(mark..).and_then(|from| behind(from, part % BETWEEN_MARKS));
        bytes.truncate(bytes.len() - left.map_or(0, <[u8]>::len));
        last.bytes = Bytes::Here(bytes);
        last.marks.truncate(part.div_ceil(BETWEEN_MARKS) as usize);
    }

    /// All from a number on, in order, with their numbers.
    pub(crate) fn from(&self, number: u32) -> Cursor<'_> {
        Cursor {
            names: self,
            number,
            piece: None,
            loaded: Vec::new(),
            at: 0,
        }
    }

    /// All of them, in order, with their numbers. Each piece is given back as soon as it was told.
    pub(crate) fn told(self) -> DrainedIds {
        DrainedIds {
            spill: self.spill,
            pieces: self.pieces.into_iter(),
            bytes: Vec::new(),
            at: 0,
            number: 0,
        }
    }

    /// How many lie in one piece.
    fn together(&self) -> u32 {
        self.spill.together()
    }

    pub(in crate::ledger) fn write(&self, to: &mut dyn Write) -> io::Result<()> {
        to.write_all(&self.all.to_le_bytes())?;
        let mut loaded = Vec::new();
        for piece in &self.pieces {
            match &piece.bytes {
                Bytes::Here(bytes) => write_bytes(to, bytes)?,
                Bytes::ScratchCopy { file, at, length } => {
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

    /// Reads what [`OpenIdArena::write`] wrote.
    pub(in crate::ledger) fn read(from: &mut dyn Read, spill: Arc<Spill>) -> Option<Self> {
        let mut all = [0; 4];
        from.read_exact(&mut all).ok()?;
        let all = u32::from_le_bytes(all);
        let mut names = Self::new(spill);
        while names.all < all {
            let bytes = read_bytes(from)?;
            let mut rest = &bytes[..];
            if rest.is_empty() {
                return None;
            }
            while !rest.is_empty() {
                let behind = skip(rest).filter(|_| names.all < all)?;
                names.push(&rest[..rest.len() - behind.len()]);
                rest = behind;
            }
        }
        Some(names)
    }
}

/// Goes through open_ids in order.
#[derive(Debug)]
pub(crate) struct Cursor<'n> {
    names: &'n OpenIdArena,
    number: u32,
    /// Which piece it is in.
    piece: Option<u32>,
    /// That piece, where it does not lie in memory.
    loaded: Vec<u8>,
    at: usize,
}

impl Cursor<'_> {
    /// The next packed one, with its number; nothing behind the last.
    pub(in crate::ledger) fn next(&mut self) -> Option<(u32, &[u8])> {
        let (names, number) = (self.names, self.number);
        if number >= names.all {
            return None;
        }
        let nth_piece = number / names.together();
        let piece = names.pieces.get(nth_piece as usize)?;
        let enters = self.piece != Some(nth_piece);
        if enters && let Bytes::ScratchCopy { file, at, length } = &piece.bytes {
            self.loaded.resize(*length as usize, 0);
            if !names.spill.read(file, &mut self.loaded, *at) {
                return None;
            }
        }
        let bytes = match &piece.bytes {
            Bytes::Here(bytes) => &bytes[..],
            Bytes::ScratchCopy { .. } => &self.loaded[..],
        };
        if enters {
            let within = number % names.together();
            let mark = *piece.marks.get((within / BETWEEN_MARKS) as usize)? as usize;
            let from = behind(bytes.get(mark..)?, within % BETWEEN_MARKS)?;
            self.at = bytes.len() - from.len();
            self.piece = Some(nth_piece);
        }
        let from = bytes.get(self.at..)?;
        let packed = from.get(..from.len() - skip(from)?.len())?;
        self.at += packed.len();
        self.number += 1;
        Some((number, packed))
    }

    /// The next one, in place of what `text` was; says whether there is one.
    pub(crate) fn next_text(&mut self, text: &mut String) -> bool {
        text.clear();
        self.next().map(|(_, packed)| unpack_behind(packed, text)).is_some()
    }
}

/// Hands open_ids out, and lets go of them.
#[derive(Debug)]
pub(crate) struct DrainedIds {
    spill: Arc<Spill>,
    pieces: vec::IntoIter<Piece>,
    bytes: Vec<u8>,
    at: usize,
    number: u32,
}

impl DrainedIds {
    /// The next of those that `counts` says count. Nothing behind the last, and where one cannot be read: then
    /// [`Spill::check`] says so.
    pub(crate) fn next(&mut self, counts: impl Fn(u32) -> bool) -> Option<String> {
        loop {
            if self.at >= self.bytes.len() {
                let mut piece = self.pieces.next()?;
                self.bytes = load(&self.spill, &mut piece.bytes, std::mem::take(&mut self.bytes))?;
                self.at = 0;
            }
            let from = self.bytes.get(self.at..)?;
            let packed = from.get(..from.len() - skip(from)?.len())?;
            let (number, open_id) = (self.number, packed);
            self.at += packed.len();
            self.number += 1;
            if counts(number) {
                return Some(unpack(open_id));
            }
        }
    }
}

/// Takes the bytes of a piece; those in a file are read into `room`.
fn load(spill: &Spill, bytes: &mut Bytes, mut room: Vec<u8>) -> Option<Vec<u8>> {
    match bytes {
        Bytes::Here(bytes) => Some(std::mem::take(bytes)),
        Bytes::ScratchCopy { file, at, length } => {
            room.resize(*length as usize, 0);
            spill.read(file, &mut room, *at).then_some(room)
        }
    }
}

/// A piece has fewer bytes than four gigabytes: its open_ids have some hundred each.
fn length(bytes: &[u8]) -> u32 {
    u32::try_from(bytes.len()).unwrap_or(u32::MAX)
}

/// What lies behind the first so many packed open_ids.
fn behind(mut bytes: &[u8], many: u32) -> Option<&[u8]> {
    for _ in 0..many {
        bytes = skip(bytes)?;
    }
    Some(bytes)
}

/// The packed open_id behind so many others.
fn nth(bytes: &[u8], many: u32) -> Option<&[u8]> {
    let from = behind(bytes, many)?;
    from.get(..from.len() - skip(from)?.len())
}
