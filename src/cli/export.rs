//! `runner export`: one row a delivery, for spreadsheets, programs and databases.

use std::fmt::{Display, Write as _};
use std::fs::File;
use std::io::{self, BufWriter, LineWriter, Read, Seek, Write};
use std::path::PathBuf;

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};

use crate::app::export::{self, ExportOptions, Exported, Format};
use crate::app::{AppError, readonly_ledger};
use crate::catalogue::{export as texts, help};
use crate::ledger::temporary_directories;
use crate::model::delivery::StateName;
use crate::model::problem::Problem;
use crate::report::outlet::Outlet;
use crate::report::text::{visible, visible_path};
use crate::report::wording;

use super::busy::{self, Busy};
use super::campaign_args::CampaignArgs;
use super::context::Context;
use super::exit::Exit;
use super::failure::Failure;
use super::global_args::Output;
use super::runtime::block_on;
use super::whole_file::{self, WholeFile};
use super::{load, signals};

/// The arguments of `runner export`.
#[derive(Clone, Debug, Args)]
#[command(after_help = help::ExportExamples.to_string())]
pub struct ExportArgs {
    #[command(flatten)]
    pub campaign: CampaignArgs,
    #[arg(help = help::ExportFormat.to_string())]
    #[arg(
        long,
        value_name = "csv|jsonl|parquet|xlsx",
        hide_possible_values = true,
        value_parser = formats(),
        help_heading = help::HeadingWhatIsWritten.to_string()
    )]
    pub format: Option<Format>,
    #[arg(help = help::ExportState.to_string())]
    #[arg(long, value_name = "STATE", value_delimiter = ',', value_parser = states(), help_heading = help::HeadingWhatIsWritten.to_string())]
    pub state: Vec<StateName>,
    #[arg(help = help::ExportOut.to_string())]
    #[arg(short = 'o', value_name = "FILE", help_heading = help::HeadingWhatIsWritten.to_string())]
    pub out: Option<PathBuf>,
    #[arg(help = help::ExportForExcel.to_string())]
    #[arg(long, alias = "bom", help_heading = help::HeadingWhatIsWritten.to_string())]
    pub for_excel: bool,
}

/// Exports a campaign's deliveries.
pub fn run(args: &ExportArgs, context: &Context) -> Result<Exit, Failure> {
    let options = args.options(context)?;
    let Some(campaign) = load::campaign(&args.campaign, context)? else {
        return Ok(Exit::Input);
    };
    block_on(async {
        let stop =
            signals::stopped(context.console.clone()).map_err(|error| Failure::from_error(Problem::System, &error))?;
        let busy = Busy::new(&busy::reading(), context);
        let mut view = readonly_ledger::open_existing(&campaign).await?;
        drop(busy);
        let mut out = Rows::begin(args, context)?;
        // Rows on a terminal are a sign of progress themselves.
        let busy = (args.out.is_some() || !context.terminal.stdout).then(|| Busy::new(&busy::reading(), context));
        let go_on = |rows| {
            if let Some(busy) = &busy {
                busy.say(|| texts::Written { rows }.to_string());
            }
            !*stop.borrow()
        };
        let exported = export::write(&campaign, &mut view, &options, &mut out, go_on).await;
        drop(busy);
        let worth = export::worth(&campaign, &view);
        // The reader of the rows may take long, and other processes wait for the ledger.
        view.release().await;
        // JSON that is still buffered must come first.
        context.lines.flush();
        let exported = match exported {
            Ok(Exported::All(rows)) => match out.deliver(|| *stop.borrow()) {
                Ok(true) => Ok(Exported::All(rows)),
                Ok(false) => Ok(Exported::Interrupted),
                Err(_) if *stop.borrow() => Ok(Exported::Interrupted),
                Err(error) => Err(AppError::Rows(error)),
            },
            exported => exported,
        };
        let rows = match exported {
            Ok(Exported::All(rows)) => rows,
            Ok(Exported::Interrupted) => {
                let interrupted: &dyn Display = if args.out.is_some() {
                    &texts::InterruptedFile
                } else {
                    &texts::Interrupted
                };
                context.talk(&format!("{interrupted}\n"));
                return Ok(Exit::Incomplete);
            }
            Err(AppError::Rows(error)) if args.out.is_none() && error.kind() == io::ErrorKind::BrokenPipe => {
                return Ok(Exit::Done);
            }
            Err(AppError::Rows(error)) => return Err(args.failed(&error)),
            Err(error) => return Err(error.into()),
        };
        out.keep()?;
        if let Some(file) = &args.out {
            let file = visible_path(file);
            let mut said = format!("{}\n", texts::Wrote { rows, file: &file });
            if let Some(worth) = worth.valuation.known_worth(&worth.counts) {
                let worth = texts::Worth {
                    worth: &wording::worth(&worth),
                };
                let _ = writeln!(said, "{worth}");
            }
            context.talk(&said);
        }
        Ok(Exit::Done)
    })?
}

impl ExportArgs {
    /// Chooses the format of the rows, and checks that the destination can take it.
    fn options(&self, context: &Context) -> Result<ExportOptions, Failure> {
        let json = context.output == Output::Json && self.out.is_none();
        let usual = if json { Format::Jsonl } else { Format::Csv };
        let format = self.format.or(self.format_of_file()?).unwrap_or(usual);
        if json && format != Format::Jsonl {
            return Err(refused(&texts::StdoutIsJson));
        }
        if !format.is_text() && self.out.is_none() && context.terminal.stdout {
            return Err(refused(&texts::NotText { format: &format.word() }));
        }
        // A workbook is for Excel anyway.
        if self.for_excel && !matches!(format, Format::Csv | Format::Xlsx) {
            return Err(refused(&texts::ForExcel { format: &format.word() }));
        }
        Ok(ExportOptions {
            format,
            states: match self.state.as_slice() {
                [] => StateName::ALL.to_vec(),
                some => some.to_vec(),
            },
            bom: self.for_excel,
            scratch: temporary_directories(),
        })
    }

    /// Returns the format that the file's ending names. `None` without a file or an ending.
    fn format_of_file(&self) -> Result<Option<Format>, Failure> {
        let Some(file) = &self.out else { return Ok(None) };
        let Some(ending) = file.extension() else {
            return Ok(None);
        };
        let ending = ending.to_string_lossy().to_lowercase();
        let named = Format::named(&ending);
        let file = visible_path(file);
        match (named, self.format) {
            (Some(named), Some(format)) if named != format => Err(refused(&texts::OtherEnding {
                file: &file,
                named: &named.word(),
                format: &format.word(),
            })),
            (None, None) => Err(Failure::new(
                Problem::ExportForm,
                texts::UnknownEnding {
                    file: &file,
                    ending: &visible(&ending),
                }
                .to_string(),
            )
            .help(texts::UnknownEndingHelp.to_string())),
            (named, _) => Ok(named),
        }
    }

    fn failed(&self, error: &io::Error) -> Failure {
        match &self.out {
            Some(file) => whole_file::failed(file, error),
            None => Failure::new(Problem::Stdout, texts::Stdout.to_string()).caused_by(error),
        }
    }
}

fn refused(why: &dyn Display) -> Failure {
    Failure::new(Problem::ExportForm, texts::Cannot { why }.to_string()).help(texts::CannotHelp.to_string())
}

/// Parses the name of a format.
fn formats() -> impl TypedValueParser<Value = Format> {
    PossibleValuesParser::new(Format::ALL.map(Format::word))
        .try_map(|word| Format::named(&word).ok_or("no such format"))
}

/// Parses a state's word. Help lists all words.
fn states() -> impl TypedValueParser<Value = StateName> {
    let named = |word: String| StateName::ALL.into_iter().find(|state| state.word() == word);
    PossibleValuesParser::new(StateName::ALL.map(StateName::word))
        .try_map(move |word| named(word).ok_or("no such state"))
}

/// How many bytes are written at a time.
const AT_ONCE: usize = 256 * 1024;

/// Rows on the way to their destination. While the ledger is locked they go to a file: the destination itself, or a
/// temporary file if the destination has a reader, who may be slow.
enum Rows {
    File(BufWriter<WholeFile>),
    Temporary { rows: BufWriter<File>, to: Reader },
}

/// A destination with a reader.
enum Reader {
    /// A terminal.
    Terminal(Box<dyn Write + Send>),
    Stdout(Outlet),
    File(WholeFile),
}

impl Rows {
    fn begin(args: &ExportArgs, context: &Context) -> Result<Self, Failure> {
        let to = match &args.out {
            Some(file) => match WholeFile::begin(file, &context.console)? {
                file if file.is_on_disk() => return Ok(Self::File(BufWriter::with_capacity(AT_ONCE, file))),
                file => Reader::File(file),
            },
            // A line writer keeps characters whole.
            None if context.terminal.stdout => {
                Reader::Terminal(Box::new(LineWriter::with_capacity(AT_ONCE, context.console.stdout())))
            }
            None => Reader::Stdout(context.console.stdout_of_data()),
        };
        let rows = temporary_file().map_err(|error| {
            Failure::new(Problem::Temporary, texts::Temporary.to_string())
                .caused_by(&error)
                .help(texts::TemporaryHelp.to_string())
        })?;
        let rows = BufWriter::with_capacity(AT_ONCE, rows);
        Ok(Self::Temporary { rows, to })
    }

    /// Hands the rows to the reader, if there is one. Returns `false` if `stopped` did before the end.
    fn deliver(&mut self, stopped: impl Fn() -> bool) -> io::Result<bool> {
        let Self::Temporary { rows, to } = self else {
            return self.flush().map(|()| true);
        };
        rows.flush()?;
        let rows = rows.get_mut();
        rows.rewind()?;
        let mut bytes = vec![0; AT_ONCE];
        loop {
            if stopped() {
                return Ok(false);
            }
            let read = match rows.read(&mut bytes) {
                Ok(0) => break,
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            to.write_all(&bytes[..read])?;
        }
        to.flush().map(|()| !stopped())
    }

    fn keep(self) -> Result<(), Failure> {
        match self {
            Self::File(file) => match file.into_inner() {
                Ok(file) => file.keep(),
                Err(error) => Err(Failure::new(Problem::Stdout, texts::LastRows.to_string()).caused_by(error.error())),
            },
            Self::Temporary {
                to: Reader::File(file), ..
            } => file.keep(),
            Self::Temporary { .. } => Ok(()),
        }
    }
}

/// Makes a file without a name, where spill files of ledgers are.
fn temporary_file() -> io::Result<File> {
    let mut failed = io::Error::from(io::ErrorKind::NotFound);
    for dir in temporary_directories() {
        match tempfile::tempfile_in(dir) {
            Ok(file) => return Ok(file),
            Err(error) => failed = error,
        }
    }
    Err(failed)
}

impl Write for Rows {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::File(out) => out.write(bytes),
            Self::Temporary { rows, .. } => rows.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::File(out) => out.flush(),
            Self::Temporary { rows, .. } => rows.flush(),
        }
    }
}

impl Write for Reader {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Terminal(out) => out.write(bytes),
            Self::Stdout(out) => Write::write(out, bytes),
            Self::File(out) => out.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Terminal(out) => out.flush(),
            Self::Stdout(out) => Write::flush(out),
            Self::File(out) => out.flush(),
        }
    }
}
