//! Deliveries as comma-separated values.

use std::fmt::Write as _;
use std::io::{self, Write};

use csv::Writer;

use crate::story::row::{COLUMNS, Cell, Row, Times};

use super::Table;

const BOM: &[u8] = "\u{feff}".as_bytes();

/// A CSV that is being written.
pub struct Csv<W: Write> {
    out: Writer<W>,
    times: Times,
    cell: String,
}

impl<W: Write> Csv<W> {
    /// Writes the header, behind a byte order mark where one is wanted.
    pub fn begin(mut out: W, times: Times, bom: bool) -> io::Result<Self> {
        if bom {
            out.write_all(BOM)?;
        }
        let mut out = Writer::from_writer(out);
        out.write_record(COLUMNS.map(|(name, _)| name))?;
        Ok(Self {
            out,
            times,
            cell: String::new(),
        })
    }
}

impl<W: Write + Send> Table for Csv<W> {
    fn row(&mut self, row: &Row<'_>) -> io::Result<()> {
        for cell in row.cells() {
            self.cell.clear();
            match cell {
                Cell::Absent => {}
                Cell::Text(text) if runs(text) => {
                    self.cell.push('\'');
                    self.cell.push_str(text);
                }
                Cell::Text(text) => {
                    self.out.write_field(text)?;
                    continue;
                }
                // A string takes whatever is written to it.
                Cell::Number(number) => drop(write!(self.cell, "{number}")),
                Cell::Time(at) => self.times.write(at, &mut self.cell),
                Cell::Flag(flag) => self.cell.push_str(if flag { "true" } else { "false" }),
            }
            self.out.write_field(&self.cell)?;
        }
        Ok(self.out.write_record(None::<&[u8]>)?)
    }

    fn end(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// Whether a spreadsheet would take the text for a formula: those of the characters that begin one, their full-width
/// twins, and white space that spreadsheets drop before they look. Numbers are written as numbers, whatever their sign.
fn runs(text: &str) -> bool {
    text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_begins_a_formula_is_known() {
        for formula in ["=1+1", "+1", "-cmd", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1"] {
            assert!(runs(formula), "{formula:?}");
        }
        for text in ["", "a=b", "券", "'=1", "1-2"] {
            assert!(!runs(text), "{text:?}");
        }
    }
}
