//! Writes deliveries as a workbook for spreadsheets: ids as text, amounts in yuan, times as dates in the campaign's zone, and
//! headers, states and reasons in the language of the moment. The last sheet has the sums of the campaign.
//!
//! The library keeps the rows in temporary files, so memory does not grow with them. It panics if such a file cannot be
//! written.

use std::io::{self, Write};
use std::panic::AssertUnwindSafe;
use std::path::PathBuf;

use jiff::Timestamp;
use jiff::civil::{Time, date};
use jiff::tz::TimeZone;
use rust_xlsxwriter::{DocProperties, ExcelDateTime, Format, Workbook, Worksheet, XlsxError};

use crate::catalogue::{export, worth as worth_texts};
use crate::history::row::{COLUMNS, Cell, FIELDS, Kind, Row};
use crate::ledger::ManualDecision;
use crate::model::delivery::{Skipped, StateName};
use crate::model::quiet_panic::catch_panic;
use crate::report::attempt_detail::attempt_detail;
use crate::report::wording::skip_reason;
use crate::report::worth::WorthView;

use super::table::Table;

/// How many rows a sheet can hold, its header included.
const ROWS: u32 = 1_048_576;
/// How many characters a cell can hold.
const CHARACTERS: usize = 32_767;
/// The last column.
const LAST_COLUMN: u16 = 22;
const _: () = assert!(LAST_COLUMN as usize + 1 == FIELDS);
/// The columns with amounts, which the platform gives in fen.
const AMOUNTS: [&str; 2] = ["discount_amount", "min_pay_amount"];
/// Whole numbers from here on are not exact in a spreadsheet.
const INEXACT: u64 = 1 << 53;

/// What the last sheet says of the whole campaign.
pub struct Sums {
    /// The campaign.
    pub campaign: String,
    /// Its title.
    pub title: Option<String>,
    /// Its deliveries, and what their coupons are worth.
    pub worth: WorthView,
    /// Whether every delivery has a row.
    pub is_of_all_rows: bool,
}

/// A workbook being written.
pub struct Xlsx<W> {
    out: W,
    zone: TimeZone,
    now: Timestamp,
    sums: Sums,
    workbook: Workbook,
    /// The sheet that is not full yet.
    sheet: Worksheet,
    /// Its number, from 1.
    number: u64,
    /// Its next row.
    next: u32,
    /// How many rows a sheet gets.
    rows: u32,
    formats: Formats,
}

struct Formats {
    header: Format,
    time: Format,
    amount: Format,
}

impl<W: Write> Xlsx<W> {
    /// Begins the workbook. Its temporary files are in the first of `scratch` that can be written.
    pub fn begin(out: W, (zone, now): (TimeZone, Timestamp), sums: Sums, scratch: &[PathBuf]) -> io::Result<Self> {
        Self::with_rows(out, (zone, now), sums, scratch, ROWS)
    }

    fn with_rows(
        out: W,
        (zone, now): (TimeZone, Timestamp),
        sums: Sums,
        scratch: &[PathBuf],
        rows: u32,
    ) -> io::Result<Self> {
        let mut workbook = Workbook::new();
        let mut chosen = Ok(());
        for dir in scratch {
            chosen = guarded(|| workbook.set_tempdir(dir).map(drop));
            if chosen.is_ok() {
                break;
            }
        }
        chosen?;
        // Without a time of its own, the library would read the wall clock.
        let made = ExcelDateTime::from_timestamp(now.as_second()).map_err(error)?;
        workbook.set_properties(&DocProperties::new().set_creation_datetime(&made));
        let formats = Formats {
            header: Format::new().set_bold(),
            time: Format::new().set_num_format("yyyy-mm-dd hh:mm:ss"),
            amount: Format::new().set_num_format("#,##0.00"),
        };
        let number = 1;
        let sheet = new_sheet(&mut workbook, number, &zone, &formats)?;
        Ok(Self {
            out,
            zone,
            now,
            sums,
            workbook,
            sheet,
            number,
            next: 1,
            rows,
            formats,
        })
    }

    /// Adds the sheet to the workbook and begins the next one.
    fn next_sheet(&mut self) -> io::Result<()> {
        self.number += 1;
        let next = new_sheet(&mut self.workbook, self.number, &self.zone, &self.formats)?;
        self.end_sheet(next)
    }

    fn end_sheet(&mut self, next: Worksheet) -> io::Result<()> {
        let mut sheet = std::mem::replace(&mut self.sheet, next);
        guarded(|| sheet.autofilter(0, 0, self.next - 1, LAST_COLUMN).map(drop))?;
        self.workbook.push_worksheet(sheet);
        self.next = 1;
        Ok(())
    }

    /// Makes the sheet of the sums.
    fn sums_sheet(&mut self) -> Result<Worksheet, XlsxError> {
        let Self {
            zone,
            now,
            sums,
            formats,
            ..
        } = self;
        let mut sheet = self.workbook.new_worksheet_with_constant_memory()?;
        sheet.set_name(export::SumsSheet.to_string())?;
        for (at, width) in (0_u16..).zip([26.0, 18.0, 18.0, 48.0]) {
            sheet.set_column_width(at, width)?;
        }
        let header = |sheet: &mut Worksheet, row, titles: &[String]| {
            for (title, at) in titles.iter().zip(0_u16..) {
                sheet.write_string_with_format(row, at, title, &formats.header)?;
            }
            Ok::<_, XlsxError>(())
        };
        sheet.write_string_with_format(0, 0, export::SumsCampaign.to_string(), &formats.header)?;
        sheet.write_string(0, 1, &sums.campaign)?;
        if let Some(title) = &sums.title {
            sheet.write_string(0, 2, title)?;
        }
        let at = export::ColumnInZone {
            column: &export::SumsAt,
            zone: &zone.iana_name().unwrap_or("UTC"),
        };
        sheet.write_string_with_format(1, 0, at.to_string(), &formats.header)?;
        write_cell(&mut sheet, (1, 1), ("", Cell::Time(*now)), zone, formats)?;
        if !sums.is_of_all_rows {
            sheet.write_string(2, 0, export::SumsOfAll.to_string())?;
        }
        let state = title("state", Kind::Id, zone);
        header(&mut sheet, 4, &[state, export::SumsDeliveries.to_string()])?;
        let mut row = 5;
        let counts = &sums.worth.counts;
        let by_state = StateName::ALL.map(|state| (state.to_string(), counts.count(state)));
        for (name, n) in by_state
            .into_iter()
            .chain([(export::SumsAll.to_string(), counts.audience())])
        {
            sheet.write_string(row, 0, name)?;
            write_count(&mut sheet, (row, 1), n)?;
            row += 1;
        }
        let worth = sums.worth.rows();
        if worth.is_empty() {
            return Ok(sheet);
        }
        row += 1;
        let titles = [
            worth_texts::Title.to_string(),
            export::SumsCoupons.to_string(),
            export::SumsAmount.to_string(),
        ];
        header(&mut sheet, row, &titles)?;
        for part in worth {
            row += 1;
            sheet.write_string(row, 0, part.name)?;
            if let Some(coupons) = part.coupons {
                write_count(&mut sheet, (row, 1), coupons)?;
            }
            match i64::try_from(part.amount.fen()) {
                Ok(fen) if part.amount.fen() < INEXACT => {
                    sheet.write_number_with_format(row, 2, exact(fen) / 100.0, &formats.amount)?;
                }
                _ => {
                    sheet.write_string(row, 2, part.amount.written())?;
                }
            }
            sheet.write_string(row, 3, part.meaning)?;
        }
        for note in sums.worth.notes() {
            row += 1;
            sheet.write_string(row, 0, note.replace('`', ""))?;
        }
        Ok(sheet)
    }
}

/// Makes a sheet with its header.
fn new_sheet(workbook: &mut Workbook, number: u64, zone: &TimeZone, formats: &Formats) -> io::Result<Worksheet> {
    guarded(|| {
        let mut sheet = workbook.new_worksheet_with_constant_memory()?;
        sheet.set_name(export::Sheet { number }.to_string())?;
        sheet.set_freeze_panes(1, 0)?;
        for ((name, kind), at) in COLUMNS.into_iter().zip(0_u16..) {
            sheet.set_column_width(at, width(name, kind))?;
            sheet.write_string_with_format(0, at, title(name, kind, zone), &formats.header)?;
        }
        Ok(sheet)
    })
}

impl<W: Write + Send> Table for Xlsx<W> {
    fn row(&mut self, row: &Row<'_>) -> io::Result<()> {
        if self.next == self.rows {
            self.next_sheet()?;
        }
        let Self {
            sheet,
            next,
            zone,
            formats,
            ..
        } = self;
        let resolved = row.decision.as_deref().map(resolved);
        // Without an answer, the message is this program's own.
        let unanswered = row.outcome.as_deref().filter(|outcome| outcome.answer.is_none());
        let detail = unanswered
            .and_then(|outcome| outcome.detail.as_deref())
            .map(attempt_detail);
        guarded(|| {
            for (((name, _), cell), at) in COLUMNS.into_iter().zip(row.cells()).zip(0_u16..) {
                let cell = match &resolved {
                    Some(resolved) if name == "reason" => Cell::Text(resolved),
                    _ if name == "message" => detail.as_deref().map_or(cell, Cell::Text),
                    _ => cell,
                };
                write_cell(sheet, (*next, at), (name, cell), zone, formats)?;
            }
            Ok(())
        })?;
        self.next += 1;
        Ok(())
    }

    fn end(&mut self) -> io::Result<()> {
        self.end_sheet(Worksheet::new())?;
        let sheet = guarded(|| self.sums_sheet())?;
        self.workbook.push_worksheet(sheet);
        guarded(|| self.workbook.save_to_writer(&mut self.out))?;
        self.out.flush()
    }
}

fn write_count(sheet: &mut Worksheet, (row, column): (u32, u16), n: u64) -> Result<(), XlsxError> {
    match i64::try_from(n) {
        Ok(number) if n < INEXACT => sheet.write_number(row, column, exact(number)).map(drop),
        _ => sheet.write_string(row, column, n.to_string()).map(drop),
    }
}

/// A person's decision as a person reads it.
fn resolved(decision: &ManualDecision) -> String {
    let text = export::Resolved {
        to: &decision.to.word(),
        by: &decision.by,
        note: &decision.note,
    };
    text.to_string()
}

fn write_cell(
    sheet: &mut Worksheet,
    (row, column): (u32, u16),
    (name, cell): (&str, Cell<'_>),
    zone: &TimeZone,
    formats: &Formats,
) -> Result<(), XlsxError> {
    match cell {
        Cell::Absent => Ok(()),
        // A string cell is never a formula, and keeps every digit of an id.
        Cell::Id(text) | Cell::Text(text) => sheet.write_string(row, column, value(name, text)).map(drop),
        Cell::Number(fen) if AMOUNTS.contains(&name) => sheet
            .write_number_with_format(row, column, exact(fen) / 100.0, &formats.amount)
            .map(drop),
        Cell::Number(number) if number.unsigned_abs() >= INEXACT => {
            sheet.write_string(row, column, number.to_string()).map(drop)
        }
        Cell::Number(number) => sheet.write_number(row, column, exact(number)).map(drop),
        Cell::Time(at) => match serial(at, zone) {
            Some(days) => sheet
                .write_number_with_format(row, column, days, &formats.time)
                .map(drop),
            None => sheet.write_string(row, column, at.to_string()).map(drop),
        },
        Cell::Flag(flag) => sheet.write_boolean(row, column, flag).map(drop),
    }
}

/// The header of a column. The times name their zone.
fn title(name: &str, kind: Kind, zone: &TimeZone) -> String {
    let title = export::Column { name: &name };
    match kind {
        Kind::Time => export::ColumnInZone {
            column: &title,
            zone: &zone.iana_name().unwrap_or("UTC"),
        }
        .to_string(),
        _ => title.to_string(),
    }
}

/// A width at which usual values can be read.
fn width(name: &str, kind: Kind) -> f64 {
    match (name, kind) {
        ("open_id" | "merchant_coupon_id", _) => 38.0,
        ("state", _) => 14.0,
        (_, Kind::Id) => 24.0,
        (_, Kind::Text) => 30.0,
        (_, Kind::Time) => 28.0,
        (_, Kind::Number | Kind::Flag) => 16.0,
    }
}

/// A text as a person reads it: states and reasons are words of the language, all others are unchanged.
fn value(name: &str, text: &str) -> String {
    let state = StateName::ALL.into_iter().find(|state| state.word() == text);
    let skipped = Skipped::ALL.into_iter().find(|why| why.word() == text);
    match (name, state, skipped) {
        ("state", Some(state), _) => state.to_string(),
        ("reason", _, Some(why)) => skip_reason(why),
        _ if text.chars().count() > CHARACTERS => {
            let most = text.chars().take(CHARACTERS - 1);
            most.chain(['…']).collect()
        }
        _ => text.to_owned(),
    }
}

#[expect(clippy::cast_precision_loss, reason = "larger numbers are written as text")]
const fn exact(number: i64) -> f64 {
    number as f64
}

/// A time on the clocks of `zone` as a spreadsheet counts it: days since the end of 1899. `None` if it has no such number.
fn serial(at: Timestamp, zone: &TimeZone) -> Option<f64> {
    // Before March 1900 spreadsheets disagree about the day.
    let known = date(1900, 3, 1)..=date(9999, 12, 31);
    let local = at.to_zoned_datetime(zone.clone());
    if !known.contains(&local.date()) {
        return None;
    }
    let days = local.date().duration_since(date(1899, 12, 30)).as_hours() / 24;
    let time = local.time().duration_since(Time::midnight());
    Some(exact(days) + time.as_secs_f64() / 86_400.0)
}

/// Calls the library. Its panics are errors: it panics when a temporary file cannot be written.
fn guarded<T>(work: impl FnOnce() -> Result<T, XlsxError>) -> io::Result<T> {
    match catch_panic(AssertUnwindSafe(work)) {
        Ok(result) => result.map_err(error),
        Err(text) => Err(error_of_panic(&text)),
    }
}

fn error(error: XlsxError) -> io::Error {
    match error {
        XlsxError::IoError(error) | XlsxError::TempFileError(_, error) => error,
        error => io::Error::other(error),
    }
}

/// The error of the system that the text of a panic shows, as in `Os { code: 28, kind: StorageFull }`.
fn error_of_panic(text: &str) -> io::Error {
    let code = text
        .split_once("Os { code: ")
        .and_then(|(_, rest)| rest.split_once(','));
    match code.and_then(|(code, _)| code.parse().ok()) {
        Some(code) => io::Error::from_raw_os_error(code),
        None => io::Error::other(text.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;
    use std::fmt::Write as _;
    use std::io::{Cursor, Read};
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;
    use crate::app::export::table::pending as row;
    use crate::catalogue::Language;
    use crate::model::delivery::Resolution;
    use crate::model::identity::ActivityId;
    use crate::model::outcome::{Coupon, Outcome, Proof, Unknown};
    use crate::report::worth::tests::every_state;

    fn workbook(rows: u32, deliveries: &[Row<'_>]) -> Vec<u8> {
        let zone = TimeZone::get("Asia/Shanghai").unwrap();
        let now = Timestamp::from_second(1_780_272_000).unwrap();
        let mut bytes = Vec::new();
        let sums = Sums {
            campaign: "summer-2026".to_owned(),
            title: Some("=夏日立减券".to_owned()),
            worth: every_state(),
            is_of_all_rows: false,
        };
        let mut xlsx = Xlsx::with_rows(&mut bytes, (zone, now), sums, &[std::env::temp_dir()], rows).unwrap();
        for row in deliveries {
            xlsx.row(row).unwrap();
        }
        xlsx.end().unwrap();
        drop(xlsx);
        bytes
    }

    /// The sheets of a workbook: a line for each cell, with its place, its type and its value.
    fn cells(bytes: &[u8]) -> String {
        let mut zip = zip::ZipArchive::new(Cursor::new(bytes)).unwrap();
        let mut read = |name: &str| {
            let mut text = String::new();
            zip.by_name(name).ok()?.read_to_string(&mut text).ok().map(|_| text)
        };
        let mut text = String::new();
        let workbook = read("xl/workbook.xml").unwrap();
        let names: Vec<_> = workbook.split("<sheet name=\"").skip(1).collect();
        for (name, number) in names.iter().zip(1..) {
            let _ = writeln!(text, "{}", name.split('"').next().unwrap());
            let sheet = read(&format!("xl/worksheets/sheet{number}.xml")).unwrap();
            for cell in sheet.split("<c r=\"").skip(1) {
                let (place, rest) = cell.split_once('"').unwrap();
                let kind = rest.split_once("t=\"").and_then(|(_, rest)| rest.split_once('"'));
                let kind = kind.filter(|_| rest.find("t=\"") < rest.find('>'));
                let value = rest.split_once("<t>").or(rest.split_once("<v>")).unwrap().1;
                let value = value.split('<').next().unwrap();
                let _ = writeln!(text, "  {place} {} {value}", kind.map_or("number", |(kind, _)| kind));
            }
        }
        text
    }

    #[test]
    fn a_person_reads_every_value_in_a_spreadsheet() {
        let activity = ActivityId::parse("7218071234565644204").unwrap();
        let coupon = Coupon {
            coupon_id: "7218071234565644205".to_owned(),
            coupon_name: Some("=1+1 夏日立减券".to_owned()),
            discount_amount: Some(1_250),
            min_pay_amount: Some(0),
            valid_begin_time: Some(1_780_272_000),
            ..Coupon::default()
        };
        let at = "2026-06-01T08:00:00.250+08:00".parse().unwrap();
        let issued = Row {
            state: StateName::Issued,
            activity_id: Some(&activity),
            attempts: 1,
            first_attempt_at: Some(at),
            settled_at: Some(at),
            outcome: Some(Cow::Owned(Outcome {
                proof: Proof::Issued {
                    coupon: Box::new(coupon),
                    replay: false,
                },
                answer: None,
                status: Some(200),
                detail: None,
                retry_after: None,
                latency: Duration::from_millis(40),
                at,
            })),
            ..row("7218071234565644206")
        };
        let skipped = Row {
            state: StateName::Skipped,
            reason: Some("control_group".to_owned()),
            ..row("+86")
        };
        let decision = ManualDecision {
            at,
            by: "li@ops".to_owned(),
            note: "活动延期".to_owned(),
            from: StateName::Held,
            to: Resolution::Owed { may_double: false },
            selection: "--held".to_owned(),
        };
        let owed_again = Row {
            reason: Some("resolved as owed by li@ops: 活动延期".to_owned()),
            decision: Some(Arc::new(decision)),
            ..row("owed-again")
        };
        let unanswered = Row {
            state: StateName::InDoubt,
            outcome: Some(Cow::Owned(Outcome {
                proof: Proof::Unknown(Unknown::TimedOut),
                answer: None,
                status: None,
                detail: Some("no answer within 10s".to_owned()),
                retry_after: None,
                latency: Duration::from_secs(10),
                at,
            })),
            ..row("unanswered")
        };
        let rows = [issued, skipped, owed_again, unanswered];
        let texts = Language::ALL.map(|language| language.scope(|| cells(&workbook(ROWS, &rows))));
        insta::assert_snapshot!(texts.join("\n"));
    }

    #[test]
    fn more_rows_than_a_sheet_holds_continue_in_the_next_sheet() {
        let open_ids = ["a", "b", "c", "d", "e"];
        let rows = open_ids.map(row);
        let text = cells(&workbook(3, &rows));
        let ids: Vec<_> = text
            .lines()
            .take_while(|line| *line != "Sums")
            .filter(|line| line.starts_with("Deliveries") || (line.starts_with("  A") && !line.starts_with("  A1 ")))
            .collect();
        insta::assert_snapshot!(ids.join("\n"));
    }

    #[test]
    fn a_panic_of_the_library_is_the_error_of_the_system() {
        let full = guarded::<()>(|| panic!("Couldn't write: Os {{ code: 28, kind: StorageFull, message: \"full\" }}"));
        assert_eq!(full.unwrap_err().raw_os_error(), Some(28));
        let other = guarded::<()>(|| panic!("something else"));
        assert_eq!(other.unwrap_err().to_string(), "something else");
    }

    #[test]
    fn a_text_that_is_too_long_for_a_cell_is_cut() {
        let long = "券".repeat(CHARACTERS + 1);
        let cut = value("message", &long);
        assert_eq!(cut.chars().count(), CHARACTERS);
        assert!(cut.ends_with("券…"));
    }
}
