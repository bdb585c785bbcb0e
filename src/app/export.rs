//! Exports deliveries, one row each, to a writer of the caller.

mod csv;
mod jsonl;
mod parquet;
mod table;
mod xlsx;

use std::io::{self, Write};
use std::path::PathBuf;

use crate::history::row::{Row, Times};
use crate::history::rows;
use crate::model::delivery::StateName;
use crate::report::worth::WorthView;

use self::csv::Csv;
use self::jsonl::Jsonl;
use self::parquet::Parquet;
use self::table::Table;
use self::xlsx::{Sums, Xlsx};
use super::campaign::LoadedCampaign;
use super::error::AppError;
use super::readonly_ledger::ReadonlyLedger;

/// How many rows are written between two calls that ask whether to go on.
const ROWS_BETWEEN_CALLS: u64 = 1 << 14;

/// The format of the rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Comma-separated values with a header.
    Csv,
    /// JSON objects, one a line.
    Jsonl,
    /// Apache Parquet.
    Parquet,
    /// A workbook for spreadsheets (Office Open XML).
    Xlsx,
}

impl Format {
    /// Every format.
    pub const ALL: [Self; 4] = [Self::Csv, Self::Jsonl, Self::Parquet, Self::Xlsx];

    /// Returns the format's name, which is also the extension of its files.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Jsonl => "jsonl",
            Self::Parquet => "parquet",
            Self::Xlsx => "xlsx",
        }
    }

    /// Whether its files are text.
    #[must_use]
    pub const fn is_text(self) -> bool {
        matches!(self, Self::Csv | Self::Jsonl)
    }

    /// Returns the format with this name. `None` if there is no such format.
    #[must_use]
    pub fn named(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.word() == word)
    }
}

/// What is exported, and how.
#[derive(Clone, Debug)]
pub struct ExportOptions {
    /// The format of the rows.
    pub format: Format,
    /// Only deliveries in these states.
    pub states: Vec<StateName>,
    /// Whether a CSV begins with a byte order mark.
    pub bom: bool,
    /// Directories for temporary files, the best first.
    pub scratch: Vec<PathBuf>,
}

/// How an export ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exported {
    /// All rows were written: this many.
    All(u64),
    /// The caller ended it early.
    Interrupted,
}

/// What the coupons of the whole campaign are worth, whichever deliveries are exported.
#[must_use]
pub fn worth(campaign: &LoadedCampaign, view: &ReadonlyLedger) -> WorthView {
    let plan = &campaign.plan;
    let ledger_state = view.ledger.state();
    WorthView {
        counts: ledger_state.counts(),
        valuation: ledger_state.valuation(&plan.activity_id, plan.coupon_value),
        max_worth: plan.max_worth,
    }
}

/// Writes the selected deliveries of a ledger to `out`. Calls `go_on` regularly with the number of rows so far; it ends the
/// export early by returning false.
pub async fn write(
    campaign: &LoadedCampaign,
    view: &mut ReadonlyLedger,
    options: &ExportOptions,
    out: &mut (dyn Write + Send),
    mut go_on: impl FnMut(u64) -> bool + Send,
) -> Result<Exported, AppError> {
    let sums = Sums {
        campaign: campaign.parsed.campaign.names.campaign.to_string(),
        title: campaign.parsed.campaign.names.title.clone(),
        worth: worth(campaign, view),
        is_of_all_rows: StateName::ALL.iter().all(|state| options.states.contains(state)),
    };
    let table = table(campaign, sums, options, out).map_err(AppError::Rows)?;
    let mut written = WrittenRows {
        table,
        rows: 0,
        failed: None,
    };
    let each = |row: &Row<'_>| {
        let asks = written.rows.is_multiple_of(ROWS_BETWEEN_CALLS);
        (!asks || go_on(written.rows)) && written.row(row)
    };
    rows::each(&mut view.ledger, &options.states, each).await?;
    if !go_on(written.rows) {
        return Ok(Exported::Interrupted);
    }
    written.end().map(Exported::All).map_err(AppError::Rows)
}

/// The rows written so far. Nothing is written after a failure.
struct WrittenRows<'o> {
    table: Box<dyn Table + 'o>,
    rows: u64,
    failed: Option<io::Error>,
}

impl WrittenRows<'_> {
    /// Writes one row. Returns whether more are wanted.
    fn row(&mut self, row: &Row<'_>) -> bool {
        self.failed = self.table.row(row).err();
        self.rows += 1;
        self.failed.is_none()
    }

    /// Writes what follows the last row. Returns the number of rows.
    fn end(mut self) -> io::Result<u64> {
        match self.failed {
            Some(error) => Err(error),
            None => self.table.end().map(|()| self.rows),
        }
    }
}

fn table<'o>(
    campaign: &LoadedCampaign,
    sums: Sums,
    options: &ExportOptions,
    out: &'o mut (dyn Write + Send),
) -> io::Result<Box<dyn Table + 'o>> {
    let times = Times::new(campaign.parsed.campaign.timezone.clone());
    let identity = &campaign.plan.identity;
    Ok(match options.format {
        Format::Csv => Box::new(Csv::begin(out, times, options.bom)?),
        Format::Jsonl => Box::new(Jsonl::new(out, identity.clone(), times)),
        Format::Parquet => Box::new(Parquet::begin(out, identity)?),
        Format::Xlsx => {
            let zone = campaign.parsed.campaign.timezone.clone();
            let now = campaign.environment.clock.now();
            Box::new(Xlsx::begin(out, (zone, now), sums, &options.scratch)?)
        }
    })
}
