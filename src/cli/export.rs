//! `runner export`: one row a delivery, for spreadsheets, programs and databases.

mod csv;
mod jsonl;
mod parquet;

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::os::fd::AsFd;
use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, ValueEnum};

use crate::history::row::{Row, Times};
use crate::history::rows;
use crate::model::delivery::StateName;
use crate::model::identity::Identity;
use crate::model::problem::Problem;
use crate::report::times::counted;

use self::csv::Csv;
use self::jsonl::Jsonl;
use self::parquet::Parquet;
use super::exit::Exit;
use super::failure::Failure;
use super::readonly_ledger::{self, CampaignArgs};
use super::whole_file::{self, WholeFile};
use super::{Context, Output, signals, validate};

const EXAMPLES: &str = "\
Examples:
  runner export campaigns/summer.yaml --state issued -o issued.csv
      who has a coupon, which, and until when it is valid
  runner export campaigns/summer.yaml --format jsonl | jq 'select(.state == \"held\")'
      every delivery as an object, for a program

The fields are those of a `delivery`, in the same order in every format; times have the campaign's offset, in Parquet UTC. Rows come in the order in which deliveries were last answered, those that never were behind them. Ids are the same in every format, so an export can be read as an audience or as an exclude list. In CSV, a message, a name or a reason that a spreadsheet would run as a formula has a ' before it.";

/// The arguments of `runner export`.
#[derive(Clone, Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct ExportArgs {
    /// Which campaign.
    #[command(flatten)]
    pub campaign: CampaignArgs,
    /// The form of the rows; by default what FILE ends in, else csv
    #[arg(
        long,
        value_name = "csv|jsonl|parquet",
        hide_possible_values = true,
        help_heading = "What is written"
    )]
    pub format: Option<Format>,
    /// Only deliveries in these states, separated by commas
    #[arg(long, value_name = "STATE", value_delimiter = ',', value_parser = states(), help_heading = "What is written")]
    pub state: Vec<StateName>,
    /// Write to FILE, which is there as a whole or not at all, instead of to stdout
    #[arg(short = 'o', value_name = "FILE", help_heading = "What is written")]
    pub out: Option<PathBuf>,
    /// Begin a CSV with a byte order mark, by which Excel reads Chinese text
    #[arg(long, help_heading = "What is written")]
    pub bom: bool,
}

/// Progress and an interruption are checked after each such number of rows.
const TOLD_EVERY: u64 = 1 << 14;

/// The form of the rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Comma-separated values with a header.
    Csv,
    /// JSON objects, one a line.
    Jsonl,
    /// Apache Parquet.
    Parquet,
}

/// A writer of rows in one format.
trait Table: Send {
    /// Writes one delivery.
    fn row(&mut self, row: &Row<'_>) -> io::Result<()>;
    /// Writes what follows the last row.
    fn end(&mut self) -> io::Result<()>;
}

/// Exports a campaign's deliveries.
pub fn run(args: &ExportArgs, context: &Context) -> Result<Exit, Failure> {
    let format = args.format(context)?;
    let Some(parsed) = validate::usable(&args.campaign.file, context) else {
        return Ok(Exit::Input);
    };
    let times = Times::new(parsed.campaign.timezone.clone());
    let plan = readonly_ledger::plan_of(&parsed, &args.campaign.rehearsal)?;
    super::wait(async {
        let stop =
            signals::stopped(context.console.clone()).map_err(|error| Failure::from_error(Problem::System, &error))?;
        let mut view = readonly_ledger::opened(context, &args.campaign, &plan).await?;
        let mut out = Out::open(args, context)?;
        let table = table(format, args.bom, &mut out, &plan.identity, times);
        let mut writing = Writing {
            table: table.map_err(|error| args.failed(&error))?,
            rows: 0,
            failed: None,
        };
        // Rows on a terminal are a sign of progress themselves.
        let busy = (args.out.is_some() || !context.terminal.stdout).then(|| context.busy(readonly_ledger::READING));
        let show = |row: &Row<'_>| {
            let pauses = writing.rows.is_multiple_of(TOLD_EVERY);
            if let Some(busy) = busy.as_ref().filter(|_| pauses) {
                busy.say(|| format!("{} written", counted(writing.rows, "delivery", "deliveries")));
            }
            !(pauses && *stop.borrow()) && writing.row(row)
        };
        rows::each(&mut view.ledger, &args.states(), show).await?;
        drop(busy);
        if *stop.borrow() {
            context.talk(if args.out.is_some() {
                "interrupted: nothing was kept of what was written\n"
            } else {
                "interrupted: not every delivery was written\n"
            });
            return Ok(Exit::Incomplete);
        }
        let (rows, ended) = writing.end();
        match ended {
            Err(error) if args.out.is_none() && error.kind() == io::ErrorKind::BrokenPipe => return Ok(Exit::Done),
            Err(error) => return Err(args.failed(&error)),
            Ok(()) => {}
        }
        out.keep()?;
        if let Some(file) = &args.out {
            context.talk(&format!(
                "wrote {} to {}\n",
                counted(rows, "delivery", "deliveries"),
                file.display()
            ));
        }
        Ok(Exit::Done)
    })?
}

impl ExportArgs {
    /// Chooses the format of the rows, and checks that the destination can take it.
    fn format(&self, context: &Context) -> Result<Format, Failure> {
        let named = self.out.as_ref().and_then(|file| file.extension()).and_then(|end| {
            let end = end.to_string_lossy();
            Format::value_variants().iter().copied().find(|format| {
                Some(&*end)
                    == format
                        .to_possible_value()
                        .as_ref()
                        .map(clap::builder::PossibleValue::get_name)
            })
        });
        let json = context.output == Output::Json && self.out.is_none();
        let usual = if json { Format::Jsonl } else { Format::Csv };
        let format = self.format.or(named).unwrap_or(usual);
        let trouble = match format {
            Format::Csv | Format::Parquet if json => "stdout is a stream of JSON objects with `--output json`",
            Format::Parquet if self.out.is_none() && context.terminal.stdout => {
                "parquet is no text, and stdout is a terminal"
            }
            Format::Jsonl | Format::Parquet if self.bom => "only a CSV begins with a byte order mark",
            _ => return Ok(format),
        };
        let help = "name a file with -o, or another --format";
        Err(Failure::new(Problem::ExportForm, format!("cannot export so: {trouble}")).help(help))
    }

    fn states(&self) -> Vec<StateName> {
        match self.state.as_slice() {
            [] => StateName::ALL.to_vec(),
            some => some.to_vec(),
        }
    }

    fn failed(&self, error: &io::Error) -> Failure {
        match &self.out {
            Some(file) => whole_file::failed(file, error),
            None => Failure::new(Problem::Stdout, "cannot write to stdout").caused_by(error),
        }
    }
}

/// Parses a state's word. Help lists all words.
fn states() -> impl TypedValueParser<Value = StateName> {
    let named = |word: String| StateName::ALL.into_iter().find(|state| state.word() == word);
    PossibleValuesParser::new(StateName::ALL.map(StateName::word))
        .try_map(move |word| named(word).ok_or("no such state"))
}

/// The rows written so far. Nothing is written after a failure.
struct Writing<'o> {
    table: Box<dyn Table + 'o>,
    rows: u64,
    failed: Option<io::Error>,
}

impl Writing<'_> {
    /// Writes one row. Returns whether more are wanted.
    fn row(&mut self, row: &Row<'_>) -> bool {
        self.failed = self.table.row(row).err();
        self.rows += 1;
        self.failed.is_none()
    }

    fn end(mut self) -> (u64, io::Result<()>) {
        let ended = match self.failed {
            Some(error) => Err(error),
            None => self.table.end(),
        };
        (self.rows, ended)
    }
}

/// The destination of the rows.
enum Out {
    Stdout(BufWriter<File>),
    File(BufWriter<WholeFile>),
}

impl Out {
    fn open(args: &ExportArgs, context: &Context) -> Result<Self, Failure> {
        const AT_ONCE: usize = 256 * 1024;
        if let Some(file) = &args.out {
            return Ok(Self::File(BufWriter::with_capacity(AT_ONCE, WholeFile::begin(file)?)));
        }
        // JSON that is still buffered must come first. The rows bypass the buffer of `io::stdout`, which searches for line
        // ends, and would retry a write after the reader has closed.
        context.lines.flush();
        let stdout = io::stdout().as_fd().try_clone_to_owned();
        let stdout = stdout.map_err(|error| args.failed(&error))?;
        Ok(Self::Stdout(BufWriter::with_capacity(AT_ONCE, stdout.into())))
    }

    fn keep(self) -> Result<(), Failure> {
        match self {
            Self::Stdout(_) => Ok(()),
            Self::File(file) => match file.into_inner() {
                Ok(file) => file.keep(),
                Err(error) => Err(Failure::new(Problem::Stdout, "cannot write the last rows").caused_by(error.error())),
            },
        }
    }
}

impl Write for Out {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Stdout(out) => out.write(bytes),
            Self::File(out) => out.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Stdout(out) => out.flush(),
            Self::File(out) => out.flush(),
        }
    }
}

fn table<'o>(
    format: Format,
    bom: bool,
    out: &'o mut Out,
    identity: &Identity,
    times: Times,
) -> io::Result<Box<dyn Table + 'o>> {
    Ok(match format {
        Format::Csv => Box::new(Csv::begin(out, times, bom)?),
        Format::Jsonl => Box::new(Jsonl::new(out, identity.clone(), times)),
        Format::Parquet => Box::new(Parquet::begin(out, identity)?),
    })
}
