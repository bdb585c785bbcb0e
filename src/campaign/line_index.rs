//! The lines of the file's text, and the excerpts that messages show.

use std::ops::Range;

use super::diagnostic::Place;

/// A byte range of the text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Span {
    pub(super) start: usize,
    pub(super) end: usize,
}

impl Span {
    pub(super) fn new(range: Range<usize>) -> Self {
        let Range { start, end } = range;
        Self {
            start,
            end: end.max(start),
        }
    }

    pub(super) const fn point(at: usize) -> Self {
        Self { start: at, end: at }
    }

    /// Returns the range from here to the end of `other`.
    pub(super) fn to(self, other: Self) -> Self {
        Self::new(self.start..other.end)
    }

    /// Returns at most the first `bytes` bytes.
    pub(super) fn first(self, bytes: usize) -> Self {
        Self::new(self.start..self.end.min(self.start.saturating_add(bytes)))
    }
}

/// The longest excerpt of a line, in characters.
const MOST_SHOWN: usize = 160;
/// How many characters precede the mark in a line that is cut.
const SHOWN_BEFORE: usize = 60;

/// The starts of the lines of a text. A line ends at a line feed, a carriage return, or both.
#[derive(Clone)]
pub(super) struct LineIndex {
    starts: Vec<usize>,
}

impl LineIndex {
    pub(super) fn new(text: &str) -> Self {
        let bytes = text.as_bytes();
        let mut starts = vec![0];
        for (at, byte) in bytes.iter().enumerate() {
            let alone = *byte == b'\r' && bytes.get(at + 1) != Some(&b'\n');
            if *byte == b'\n' || alone {
                starts.push(at + 1);
            }
        }
        Self { starts }
    }

    /// Returns the line of the byte `at`, from 0.
    fn index(&self, at: usize) -> usize {
        self.starts.partition_point(|start| *start <= at).saturating_sub(1)
    }

    /// Returns the line of the byte `at`, from 1.
    pub(super) fn number(&self, at: usize) -> u32 {
        u32::try_from(self.index(at) + 1).unwrap_or(u32::MAX)
    }

    fn start(&self, index: usize) -> usize {
        self.starts.get(index).copied().unwrap_or_default()
    }

    /// Returns the place of `span` in lines and characters. `text` must be the text of these lines. `known` is the last
    /// counted place and becomes this one: counting continues from there, so that a thousand places in one long line do
    /// not cost a thousand times its length.
    pub(super) fn place(&self, text: &str, span: Span, known: &mut CountedColumn) -> Place {
        let span = within(text, span);
        let start = self.count(text, span.start, *known);
        let end = self.count(text, span.end, start);
        *known = start;
        Place {
            line: self.number(span.start),
            column: start.column + 1,
            end_line: self.number(span.end),
            end_column: end.column + 1,
        }
    }

    fn count(&self, text: &str, at: usize, known: CountedColumn) -> CountedColumn {
        let line = self.start(self.index(at));
        let known = if (line..=at).contains(&known.at) {
            known
        } else {
            CountedColumn { at: line, column: 0 }
        };
        let between = text.get(known.at..at).unwrap_or_default().chars().count();
        let column = known.column + u32::try_from(between).unwrap_or(u32::MAX);
        CountedColumn { at, column }
    }

    /// Returns the line on which `span` begins, and the range of the mark in it. A long line is cut around the mark.
    pub(super) fn excerpt(&self, text: &str, span: Span) -> (String, Range<usize>) {
        let span = within(text, span);
        let index = self.index(span.start);
        let start = self.start(index);
        let next = self.starts.get(index + 1).copied();
        let line = text.get(start..next.unwrap_or(text.len())).unwrap_or_default();
        let line = line.trim_end_matches(['\n', '\r']);
        let end = start + line.len();
        cut(line, span.start.min(end) - start..span.end.min(end) - start)
    }
}

/// A byte of the text, and the number of characters before it on its line.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct CountedColumn {
    at: usize,
    column: u32,
}

/// Clamps `span` to the text and to whole characters.
fn within(text: &str, span: Span) -> Span {
    let start = text.floor_char_boundary(span.start);
    let end = text.ceil_char_boundary(span.end.max(start).min(text.len()));
    Span::new(start..end)
}

fn cut(line: &str, mark: Range<usize>) -> (String, Range<usize>) {
    if line.chars().nth(MOST_SHOWN).is_none() {
        return (line.to_owned(), mark);
    }
    let before = line.get(..mark.start).unwrap_or_default();
    let from = before.char_indices().rev().nth(SHOWN_BEFORE).map_or(0, |(at, _)| at);
    let rest = line.get(from..).unwrap_or_default();
    let to = rest
        .char_indices()
        .nth(MOST_SHOWN)
        .map_or(line.len(), |(at, _)| from + at);
    let left = if from > 0 { "…" } else { "" };
    let right = if to < line.len() { "…" } else { "" };
    let shown = line.get(from..to).unwrap_or_default();
    let shift = |at: usize| (at.clamp(from, to) - from) + left.len();
    (format!("{left}{shown}{right}"), shift(mark.start)..shift(mark.end))
}
