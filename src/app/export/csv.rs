//! Writes deliveries as comma-separated values.

use std::io::{self, Write};

use csv::Writer;

use crate::history::row::{COLUMNS, Cell, Row, Times};

use super::table::Table;

/// The digits of the largest number.
const MOST_DIGITS: usize = 19;
const BOM: &[u8] = "\u{feff}".as_bytes();

/// A CSV being written.
pub struct Csv<W: Write> {
    out: Writer<W>,
    times: Times,
    cell: String,
}

impl<W: Write> Csv<W> {
    /// Writes the header, after a byte order mark if `bom` is set.
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
                // A prefixed id would be a different id: an export is also read back as an exclude list.
                Cell::Id(text) | Cell::Text(text) => {
                    self.out.write_field(text)?;
                    continue;
                }
                Cell::Number(number) => push_number(number, &mut self.cell),
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

/// Appends a number in decimal digits. Each row has seven numbers, and the general formatter takes several times longer.
fn push_number(number: i64, text: &mut String) {
    if number < 0 {
        text.push('-');
    }
    let mut digits = [b'0'; MOST_DIGITS];
    let mut begin = MOST_DIGITS - 1;
    let mut left = number.unsigned_abs();
    loop {
        digits[begin] = b'0' + (left % 10).to_le_bytes()[0];
        left /= 10;
        if left == 0 {
            break;
        }
        begin -= 1;
    }
    text.push_str(str::from_utf8(&digits[begin..]).unwrap_or_default());
}

/// Returns whether a spreadsheet would read the text as a formula: it starts with a formula character, its full-width form,
/// or white space that spreadsheets strip first. Numbers are written as numbers, with any sign.
fn runs(text: &str) -> bool {
    text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'])
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use jiff::tz::TimeZone;
    use proptest::prelude::*;

    use super::*;
    use crate::app::export::table::pending;
    use crate::audience::{Columns, CsvSource, Encoding, Input, Source, find_artefact, read};
    use crate::model::identity::OpenId;

    fn exported(open_ids: &[String], bom: bool) -> tempfile::NamedTempFile {
        let mut file = tempfile::NamedTempFile::new().expect("a temporary file");
        let mut csv = Csv::begin(&mut file, Times::new(TimeZone::UTC), bom).expect("the header is written");
        for open_id in open_ids {
            let row = Row {
                reason: Some("=1+1".to_owned()),
                ..pending(open_id)
            };
            csv.row(&row).expect("the row is written");
        }
        csv.end().expect("the rows are flushed");
        drop(csv);
        file
    }

    /// Returns the open_ids of a CSV file, as an exclude list reads them.
    fn listed(file: &tempfile::NamedTempFile) -> Vec<String> {
        let source = Source::Csv(CsvSource {
            input: Input::Files(file.path().into()),
            columns: Columns {
                open_id: "open_id".to_owned(),
                last_active: None,
                zone: TimeZone::UTC,
                present: Timestamp::UNIX_EPOCH,
            },
            encoding: Encoding::Utf8,
            delimiter: None,
        });
        let mut listed = Vec::new();
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        let reading = read(&source, |batch| {
            listed.extend(batch.rows().map(|row| row.open_id.map(str::to_owned)));
        });
        runtime
            .expect("a runtime")
            .block_on(reading)
            .expect("the export is read");
        listed
            .into_iter()
            .collect::<Result<_, _>>()
            .expect("every row is usable")
    }

    fn open_id() -> impl Strategy<Value = String> {
        let text = prop_oneof![
            "[=+\\-@'\"＝＋－＠][!-~]{0,20}",
            "[!-~]{1,128}",
            "\\PC{1,128}",
            "[,;\"']{1,5}",
        ];
        text.prop_filter("an open_id", |text| {
            let artefact = text.contains(char::REPLACEMENT_CHARACTER) || find_artefact(text, "open_id").is_some();
            OpenId::check(text).is_ok_and(|open_id| open_id == text && !artefact)
        })
    }

    proptest! {
        #[test]
        fn an_export_read_as_an_exclude_list_names_the_same_users(
            open_ids in prop::collection::vec(open_id(), 1..20),
            bom: bool,
        ) {
            prop_assert_eq!(listed(&exported(&open_ids, bom)), open_ids);
        }
    }

    proptest! {
        #[test]
        fn a_number_is_written_as_it_is_formatted(number in prop_oneof![-100..100_i64, any::<i64>()]) {
            let mut text = String::new();
            push_number(number, &mut text);
            prop_assert_eq!(text, number.to_string());
        }
    }

    #[test]
    fn the_least_and_the_greatest_number_have_room() {
        for number in [i64::MIN, i64::MAX, 0] {
            let mut text = String::new();
            push_number(number, &mut text);
            assert_eq!(text, number.to_string());
        }
    }

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
