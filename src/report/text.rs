//! Text on a terminal: its width, padding and cutting by columns, tables, and escapes for characters that deceive a
//! reader.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicBool, Ordering};

use anstream::adapter::strip_str;
use textwrap::WordSeparator;
use textwrap::core::Word;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::model::visible;

pub use crate::model::visible::{is_trick, visible, visible_path};

/// The size of a terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TerminalSize {
    /// The number of columns.
    pub columns: usize,
    /// The number of rows.
    pub rows: usize,
}

/// Returns foreign text of several lines as it is shown: each line like [`visible()`].
#[must_use]
pub fn visible_lines(text: &str) -> String {
    text.split('\n').map(visible).collect::<Vec<_>>().join("\n")
}

/// The text of a line of JSON with every such character escaped as JSON allows, so that it can be shown on a terminal and
/// means the same to a program.
#[must_use]
pub fn visible_json(line: &str) -> Cow<'_, str> {
    if !line.chars().any(is_trick) {
        return Cow::Borrowed(line);
    }
    let mut shown = String::with_capacity(line.len() + 8);
    for c in line.chars() {
        if is_trick(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                // Writing to a string cannot fail.
                let _ = write!(shown, "\\u{unit:04x}");
            }
        } else {
            shown.push(c);
        }
    }
    Cow::Owned(shown)
}

/// Returns `text` with every character escaped that a terminal would obey, except line ends, tabs, and the styles that
/// this program writes. The last step before a terminal: foreign text within has passed [`visible()`] already.
#[must_use]
pub fn printable(text: &str) -> Cow<'_, str> {
    if !text.chars().any(|c| is_trick(c) && !matches!(c, '\n' | '\t')) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 8);
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let style = style_length(rest);
        let (taken, after) = rest.split_at(style.unwrap_or(c.len_utf8()));
        if style.is_some() || matches!(c, '\n' | '\t') {
            shown.push_str(taken);
        } else {
            visible::push(&mut shown, c);
        }
        rest = after;
    }
    Cow::Owned(shown)
}

/// The length of the style at the start of `text`: bold, dimmed, underlined, a bright colour, or the reset. `None` for any
/// other text, and for styles that hide what follows.
fn style_length(text: &str) -> Option<usize> {
    const SIMPLE: [&str; 4] = ["0", "1", "2", "4"];
    let parameters = text.strip_prefix("\x1b[")?;
    let parameters = parameters.split_once('m')?.0;
    let is_simple = parameters.is_empty() || SIMPLE.contains(&parameters);
    let is_colour = parameters
        .parse::<u8>()
        .is_ok_and(|colour| matches!(colour, 31..=37 | 39 | 91..=97) && parameters.len() == 2);
    (is_simple || is_colour).then_some(parameters.len() + 3)
}

/// The width of `text` in columns.
#[must_use]
pub fn columns(text: &str) -> usize {
    text.width()
}

/// Pads `text` with spaces at its end to `width` columns.
#[must_use]
pub fn left(text: &str, width: usize) -> String {
    format!("{text}{}", " ".repeat(width.saturating_sub(columns(text))))
}

/// Pads `text` with spaces at its beginning to `width` columns.
#[must_use]
pub fn right(text: &str, width: usize) -> String {
    format!("{}{text}", " ".repeat(width.saturating_sub(columns(text))))
}

/// Cuts `text` to `width` columns, with `…` at the end if it was longer, or `..` where only ASCII signs are wanted.
#[must_use]
pub fn cut(text: &str, width: usize) -> Cow<'_, str> {
    if columns(text) <= width {
        return Cow::Borrowed(text);
    }
    let sign = if wants_ascii() { ".." } else { "…" };
    let sign = &sign[..sign.len().min(width * sign.len() / columns(sign))];
    let mut shown = String::new();
    let mut used = 0;
    for c in text.chars() {
        let wide = c.width().unwrap_or(0);
        if used + wide + columns(sign) > width {
            break;
        }
        used += wide;
        shown.push(c);
    }
    shown.push_str(sign);
    Cow::Owned(shown)
}

/// Whether signs are written in ASCII: `RUNNER_ASCII`, for terminals that draw some signs two columns wide.
static ASCII: AtomicBool = AtomicBool::new(false);

/// Decides whether signs are written in ASCII from now on.
pub fn set_ascii(wanted: bool) {
    ASCII.store(wanted, Ordering::Relaxed);
}

fn wants_ascii() -> bool {
    ASCII.load(Ordering::Relaxed)
}

/// Returns `text` with this program's signs of ambiguous width in ASCII, if that is wanted.
#[must_use]
pub fn ascii_if_wanted(text: &str) -> Cow<'_, str> {
    if wants_ascii() {
        ascii_signs(text)
    } else {
        Cow::Borrowed(text)
    }
}

fn ascii_signs(text: &str) -> Cow<'_, str> {
    let sign = |c: char| {
        Some(match c {
            '…' => "...",
            '━' => "=",
            '─' | '–' | '—' => "-",
            '█' | '▉' | '▊' | '▋' => "#",
            '▌' | '▍' | '▎' | '▏' => " ",
            '·' => ".",
            '●' => "*",
            '↑' => "^",
            '→' => ">",
            '×' => "x",
            '“' | '”' => "\"",
            '‘' | '’' => "'",
            _ => return None,
        })
    };
    if !text.chars().any(|c| sign(c).is_some()) {
        return Cow::Borrowed(text);
    }
    let mut ascii = String::with_capacity(text.len());
    for c in text.chars() {
        match sign(c) {
            Some(sign) => ascii.push_str(sign),
            None => ascii.push(c),
        }
    }
    Cow::Owned(ascii)
}

/// The side of its column at which a cell is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Align {
    /// Text.
    Left,
    /// Numbers.
    Right,
}

/// The columns of a table, two spaces apart.
#[derive(Clone, Debug)]
pub struct Columns<const N: usize> {
    align: [Align; N],
    widths: [usize; N],
}

impl<const N: usize> Columns<N> {
    /// Columns for these rows, each as wide as its widest cell.
    #[must_use]
    pub fn new<'a>(align: [Align; N], rows: impl IntoIterator<Item = &'a [String; N]>) -> Self {
        let mut widths = [0; N];
        for row in rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(columns(cell));
            }
        }
        Self { align, widths }
    }

    /// Narrows the first column so that a row fits `width` columns. The first column keeps at least `least` and at most
    /// `most` columns.
    #[must_use]
    pub fn fit(mut self, width: usize, least: usize, most: usize) -> Self {
        let others = self.width() - self.widths[0];
        let room = width.saturating_sub(others);
        self.widths[0] = self.widths[0].min(room).clamp(least, most);
        self
    }

    /// Narrows the first column to at most `width` columns.
    #[must_use]
    pub fn narrow(mut self, width: usize) -> Self {
        self.widths[0] = self.widths[0].min(width);
        self
    }

    /// The width of each column.
    #[must_use]
    pub const fn widths(&self) -> &[usize; N] {
        &self.widths
    }

    /// The width of a row.
    #[must_use]
    pub fn width(&self) -> usize {
        self.widths.iter().sum::<usize>() + 2 * (N - 1)
    }

    /// The cells of a row, cut and padded to their columns.
    #[must_use]
    pub fn cells(&self, row: &[String; N]) -> [String; N] {
        std::array::from_fn(|at| {
            let cell = cut(&row[at], self.widths[at]);
            match self.align[at] {
                Align::Left => left(&cell, self.widths[at]),
                Align::Right => right(&cell, self.widths[at]),
            }
        })
    }

    /// A row as a line, without spaces at its end.
    #[must_use]
    pub fn line(&self, row: &[String; N]) -> String {
        self.cells(row).join("  ").trim_end().to_owned()
    }
}

/// Wraps `text` at spaces into lines of at most `width` columns, with `indent` spaces before each line but the first. A
/// longer word, such as a path, stays whole, so that it can be copied.
#[must_use]
pub fn wrap(text: &str, width: usize, indent: usize) -> String {
    let spaces = " ".repeat(indent);
    let options = lines_of(width).initial_indent(&spaces).subsequent_indent(&spaces);
    let lines = textwrap::fill(text, options);
    lines.get(indent..).unwrap_or_default().to_owned()
}

/// Wraps each line of `text` at spaces into lines of at most `width` columns. An indented line stays whole, because it is a
/// command or a part of a table, unless it is the note of a mistake, which begins with `=`. Styles count nothing.
#[must_use]
pub fn wrap_prose(text: &str, width: usize) -> String {
    let mut wrapped_text = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        let bare = line.trim_end_matches('\n');
        let plain = strip_str(bare).to_string();
        let note = plain.trim_start().starts_with("= ");
        if columns(&plain) <= width || (plain.starts_with(' ') && !note) {
            wrapped_text.push_str(line);
            continue;
        }
        let label = plain.find(": ").filter(|_| note).map(|at| columns(&plain[..at]) + 2);
        let indent = " ".repeat(label.unwrap_or(0));
        let lines = textwrap::wrap(bare, lines_of(width).subsequent_indent(&indent));
        wrapped_text.push_str(&lines.join("\n"));
        wrapped_text.push_str(&line[bare.len()..]);
    }
    wrapped_text
}

/// Wraps `text` between words into lines of at most `width` columns. A longer word, such as a log_id, stays whole, so
/// that it can be copied.
#[must_use]
pub fn wrapped(text: &str, width: usize) -> Vec<Cow<'_, str>> {
    textwrap::wrap(text, lines_of(width))
}

/// Like [`wrapped`], with longer words broken: no line is wider than `width`.
#[must_use]
pub fn folded(text: &str, width: usize) -> Vec<String> {
    let width = width.max(2);
    let mut lines = Vec::new();
    for line in wrapped(text, width) {
        let mut rest = line.as_ref();
        while columns(rest) > width {
            let mut used = 0;
            let end = rest.char_indices().find_map(|(at, c)| {
                used += c.width().unwrap_or(0);
                (used > width).then_some(at)
            });
            let (head, tail) = rest.split_at(end.unwrap_or(rest.len()));
            lines.push(head.to_owned());
            rest = tail;
        }
        lines.push(rest.to_owned());
    }
    lines
}

fn lines_of(width: usize) -> textwrap::Options<'static> {
    textwrap::Options::new(width)
        .break_words(false)
        .word_separator(WordSeparator::Custom(words))
        .word_splitter(textwrap::WordSplitter::NoHyphenation)
}

/// Splits a line where Unicode allows it to end. Each piece has the spaces after it.
pub fn breakable_pieces(line: &str) -> impl Iterator<Item = &str> {
    let mut rest = line;
    WordSeparator::UnicodeBreakProperties.find_words(line).map(move |word| {
        let (piece, after) = rest.split_at(word.word.len() + word.whitespace.len());
        rest = after;
        piece
    })
}

/// Splits a line after spaces and beside Chinese characters, where Unicode allows it. A path stays whole.
fn words(line: &str) -> Box<dyn Iterator<Item = Word<'_>> + '_> {
    let mut rest = line;
    let words = WordSeparator::AsciiSpace.find_words(line).flat_map(move |word| {
        let (whole, after) = rest.split_at(word.word.len() + word.whitespace.len());
        rest = after;
        beside_wide(whole)
    });
    Box::new(words)
}

/// Splits a word beside Chinese characters.
fn beside_wide(word: &str) -> Vec<Word<'_>> {
    let is_wide = |c: Option<char>| c.and_then(UnicodeWidthChar::width) == Some(2);
    let mut words = Vec::new();
    let mut start = 0;
    let mut end = 0;
    for part in WordSeparator::UnicodeBreakProperties.find_words(word) {
        // A unit stays with its number: "12/秒".
        if end > start
            && !word[..end].ends_with('/')
            && (is_wide(word[..end].chars().next_back()) || is_wide(word[end..].chars().next()))
        {
            words.push(Word::from(&word[start..end]));
            start = end;
        }
        end += part.word.len() + part.whitespace.len();
    }
    words.push(Word::from(&word[start..]));
    words
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_styles_and_line_ends_of_this_program_reach_a_terminal() {
        let styled = "\x1b[1m\x1b[31merror\x1b[0m: a\tb\n";
        assert_eq!(printable(styled), styled);
        assert_eq!(
            printable("\x1b[8mx\x1b[30m\x1b[1;31m\x1b[2J\x1b]0;t\x07\u{9b}1m\u{202e}\x1b[31"),
            "\\u{1b}[8mx\\u{1b}[30m\\u{1b}[1;31m\\u{1b}[2J\\u{1b}]0;t\\u{7}\\u{9b}1m\\u{202e}\\u{1b}[31"
        );
    }

    #[test]
    fn lines_break_at_spaces_and_between_chinese_characters_only() {
        let text = "写入 /var/lib/a-b/c.yaml，并保存 https://example.com/a?b=c-d，然后再次执行。";
        assert_eq!(
            wrap(text, 20, 0),
            "写入\n/var/lib/a-b/c.yaml，\n并保存\nhttps://example.com/a?b=c-d，\n然后再次执行。"
        );
        assert_eq!(wrap("a-b/c d", 2, 0), "a-b/c\nd");
    }

    #[test]
    fn signs_of_ambiguous_width_have_a_form_in_ascii() {
        assert_eq!(ascii_signs("━━── 2 h… “券” █▌"), "==-- 2 h... \"券\" # ");
        assert!(matches!(ascii_signs("夏日立减券: 12 %"), Cow::Borrowed(_)));
    }

    #[test]
    fn prose_is_wrapped_and_an_indented_line_stays_whole() {
        let text = "\x1b[1merror\x1b[0m: cannot read it\n\n  runner apply a.yaml --sandbox\n发放前需要确认人群";
        assert_eq!(
            wrap_prose(text, 14),
            "\x1b[1merror\x1b[0m: cannot\nread it\n\n  runner apply a.yaml --sandbox\n发放前需要确认\n人群"
        );
        assert_eq!(wrap_prose(text, usize::MAX), text);
        assert_eq!(wrap_prose("done\n", 4), "done\n");
        assert_eq!(
            wrap_prose("   = help: write one of these", 20),
            "   = help: write one\n           of these"
        );
    }

    proptest! {
        #[test]
        fn text_is_padded_and_cut_to_the_column(text in "[a-z券立减…]{0,12}", width in 0_usize..20) {
            prop_assert!(columns(&cut(&text, width)) <= width);
            if columns(&text) <= width {
                prop_assert_eq!(columns(&left(&text, width)), width);
                prop_assert_eq!(columns(&right(&text, width)), width);
                prop_assert_eq!(&cut(&text, width), &text);
            }
        }

        #[test]
        fn the_cells_of_a_table_have_the_width_of_their_columns(
            cells in prop::collection::vec("[a-z券立减…]{0,12}", 6), room in 0_usize..40, least in 0_usize..9,
        ) {
            let rows: Vec<[String; 2]> = cells.chunks(2).map(|row| [row[0].clone(), row[1].clone()]).collect();
            let table = Columns::new([Align::Left, Align::Right], &rows).fit(room, least, 9);
            for row in &rows {
                let cells = table.cells(row);
                prop_assert_eq!(cells.each_ref().map(|cell| columns(cell)), *table.widths());
                prop_assert_eq!(&cells[1].trim_start(), &row[1]);
            }
            prop_assert!((least..=9).contains(&table.widths()[0]));
        }

        #[test]
        fn wrapped_text_keeps_its_words_and_its_width(text in "[a-z券立]{1,9}( [a-z券立]{1,9}){0,12}", width in 24_usize..60) {
            let wrapped = wrap(&text, width, 4);
            let bare = |text: &str| text.split_whitespace().collect::<String>();
            prop_assert_eq!(bare(&wrapped), bare(&text));
            for (at, line) in wrapped.lines().enumerate() {
                prop_assert!(columns(line) + if at == 0 { 4 } else { 0 } <= width, "{}", line);
            }
        }

        #[test]
        fn a_line_of_json_without_tricks_means_the_same(text in any::<String>()) {
            let line = serde_json::to_string(&text).unwrap();
            let shown = visible_json(&line);
            prop_assert!(!shown.chars().any(is_trick));
            prop_assert_eq!(serde_json::from_str::<String>(&shown).unwrap(), text);
        }
    }
}
