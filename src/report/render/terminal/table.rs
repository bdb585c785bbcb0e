//! A table of campaigns: a line each; with long names on lines of their own where there is less room; or else the cells of each
//! with their names. Nothing in it is cut.

use std::fmt::Write as _;

use anstyle::Style;

use crate::report::text::{Align, Columns, columns, folded};

use super::spans::{Span, flow};
use super::styles::{FAINT, PLAIN};

/// The indent of the lines of a row after its first.
const INDENT: usize = 2;
/// The least width of the column of names.
const LEAST_NAME: usize = 12;

/// A row of a table. The first cell is the campaign's name, the second its state.
#[derive(Clone, Debug)]
pub struct TableRow<const N: usize> {
    /// The cells.
    pub cells: [String; N],
    /// What may follow the name where there is room.
    pub title: String,
    /// The styles of the cells.
    pub styles: [Style; N],
    /// Texts below the cells.
    pub below: Vec<String>,
}

impl<const N: usize> TableRow<N> {
    /// A row without a title, styles or texts below it.
    pub const fn new(cells: [String; N]) -> Self {
        Self {
            cells,
            title: String::new(),
            styles: [PLAIN; N],
            below: Vec::new(),
        }
    }

    fn titled(&self) -> [String; N] {
        let mut cells = self.cells.clone();
        if !self.title.is_empty() {
            cells[0] = format!("{} {}", cells[0], self.title);
        }
        cells
    }

    /// The cells in columns, with their styles. A name that is too long for its column is above the others.
    fn line(&self, table: &Columns<N>, cells: &[String; N]) -> String {
        if columns(&cells[0]) > table.widths()[0] {
            let style = self.styles[0];
            let mut others = cells.clone();
            others[0].clear();
            return format!("{style}{}{style:#}\n{}", cells[0], self.line(table, &others));
        }
        let shown = cells
            .iter()
            .rposition(|cell| !cell.is_empty())
            .map_or(0, |last| last + 1);
        let mut line = String::new();
        let padded = table.cells(cells);
        for (at, (cell, style)) in padded.iter().zip(&self.styles).take(shown).enumerate() {
            let gap = if at == 0 { "" } else { "  " };
            let cell = if at + 1 == shown { cell.trim_end() } else { cell };
            let _ = write!(line, "{gap}{style}{cell}{style:#}");
        }
        line
    }

    /// The name and the state in the first line, and the named cells below it.
    fn stacked(&self, header: &[String; N], width: usize) -> Vec<String> {
        let span = |at: usize| Span::new(self.styles[at], self.cells[at].clone());
        let mut head = vec![span(0)];
        if !self.title.is_empty() {
            head.push(Span::plain(self.title.clone()));
        }
        head.extend((1..2).filter(|at| !self.cells[*at].is_empty()).map(span));
        let mut lines = flow(&head, width);
        let named: Vec<_> = (2..N)
            .filter(|at| !self.cells[*at].is_empty())
            .map(|at| Span::new(self.styles[at], format!("{} {}", header[at], self.cells[at])))
            .collect();
        if !named.is_empty() {
            let within = width.saturating_sub(INDENT);
            lines.extend(flow(&named, within).iter().map(|line| indented(line)));
        }
        lines
    }
}

/// Renders the table in lines of at most `width` columns. Texts below a row are wrapped; a longer word stays whole.
#[must_use]
pub fn table<const N: usize>(header: [String; N], align: [Align; N], rows: &[TableRow<N>], width: usize) -> String {
    let head = TableRow {
        styles: [FAINT; N],
        ..TableRow::new(header)
    };
    let titled: Vec<_> = rows.iter().map(TableRow::titled).collect();
    let untitled: Vec<_> = rows.iter().map(|row| row.cells.clone()).collect();
    let fits = |cells: &Vec<[String; N]>| {
        let columns = Columns::new(align, cells.iter().chain([&head.cells]));
        (columns.width() <= width).then_some(columns)
    };
    let is_short = |cells: &Vec<[String; N]>| cells.iter().all(|cells| columns(&cells[0]) <= width);
    let names_above = |cells: &Vec<[String; N]>| {
        let columns = Columns::new(align, cells.iter().chain([&head.cells]));
        let others = columns.width() - columns.widths()[0];
        let room = width.checked_sub(others).filter(|room| *room >= LEAST_NAME)?;
        is_short(cells).then(|| columns.narrow(room))
    };
    let layout = fits(&titled).map(|columns| (&titled, columns));
    let layout = layout.or_else(|| fits(&untitled).map(|columns| (&untitled, columns)));
    let fitting = layout.or_else(|| names_above(&untitled).map(|columns| (&untitled, columns)));
    let mut text = String::new();
    if let Some((_, columns)) = &fitting {
        let _ = writeln!(text, "{}", head.line(columns, &head.cells));
    }
    for (at, row) in rows.iter().enumerate() {
        let lines = match &fitting {
            Some((cells, columns)) => vec![row.line(columns, &cells[at])],
            None => row.stacked(&head.cells, width),
        };
        for line in lines {
            let _ = writeln!(text, "{line}");
        }
        for below in &row.below {
            for line in folded(below, width.saturating_sub(INDENT)) {
                let _ = writeln!(text, "{}", indented(&line));
            }
        }
    }
    text
}

fn indented(line: &str) -> String {
    format!("{:INDENT$}{line}", "")
}
