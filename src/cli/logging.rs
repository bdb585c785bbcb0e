//! The log for diagnosis, separate from what the user is shown.

use std::fmt;
use std::io::{self, Write};
use std::path::Path;
use std::time::Duration;

use tracing::{Event, Subscriber};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::writer::BoxMakeWriter;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields, MakeWriter};
use tracing_subscriber::registry::LookupSpan;

use crate::catalogue::{Language, cli};
use crate::model::problem::Problem;
use crate::report::console::Console;
use crate::report::outlet::{Outlet, Patience};
use crate::report::text::{visible, visible_json, visible_path};

use super::append_file;
use super::failure::Failure;
use super::global_args::{GlobalArgs, LogFormat};

/// Starts the log for the rest of the process. On stderr it goes through `console`, so that it does not break a bar or a
/// question. Returns the log's file; `None` without one. Nobody waits for a log that cannot be written.
pub fn start(args: &GlobalArgs, console: &Console) -> Result<Option<Outlet>, Failure> {
    let filter = EnvFilter::try_new(filter(args)).map_err(|error| {
        Failure::new(Problem::LogFilter, cli::CannotReadLogFilter)
            .caused_by(&error)
            .help(cli::WriteLogFilter)
    })?;
    let file = args.log_file.as_deref().map(|path| open(path, console)).transpose()?;
    let writer = BoxMakeWriter::new(Entries {
        to: match &file {
            Some(file) => Target::File(file.clone()),
            None => Target::Console(console.clone()),
        },
        format: args.log_format,
    });
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(writer);
    // A test may run two commands in one process. The first log stays.
    let _ = match args.log_format {
        LogFormat::Text => log.with_ansi(false).map_event_format(InEnglish).try_init(),
        LogFormat::Json => log.json().map_event_format(InEnglish).try_init(),
    };
    Ok(file)
}

/// Returns the filter. `-v` adds levels above warnings; a log file starts one level deeper, because the user asked for it.
/// `RUNNER_LOG` replaces both.
fn filter(args: &GlobalArgs) -> String {
    match std::env::var("RUNNER_LOG") {
        Ok(filter) if !filter.trim().is_empty() => return filter,
        _ => {}
    }
    let level = args.verbose.saturating_add(u8::from(args.log_file.is_some()));
    match level {
        // The user is shown problems in this program's own words, and not a second time in those of a library.
        0 => "runner=warn",
        1 => "warn,runner=info",
        2 => "info,runner=debug",
        _ => "debug,runner=trace",
    }
    .to_owned()
}

fn open(path: &Path, console: &Console) -> Result<Outlet, Failure> {
    let file = append_file::open(path).map_err(|error| {
        let help = append_file::help(&error);
        let path = &visible_path(path);
        Failure::new(Problem::LogFile, cli::CannotWriteLog { path })
            .caused_by(&error)
            .help(help)
    })?;
    Ok(console.outlet(file, Patience::AtMost(Duration::ZERO)))
}

/// Writes entries of the log. Foreign text within them cannot command a terminal or begin a line.
#[derive(Clone)]
struct Entries {
    to: Target,
    format: LogFormat,
}

/// Formats entries in English, whatever the language of the user.
struct InEnglish<F>(F);

impl<S, N, F> FormatEvent<S, N> for InEnglish<F>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
    F: FormatEvent<S, N>,
{
    fn format_event(&self, context: &FmtContext<'_, S, N>, writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        Language::English.scope(|| self.0.format_event(context, writer, event))
    }
}

#[derive(Clone)]
enum Target {
    Console(Console),
    File(Outlet),
}

impl MakeWriter<'_> for Entries {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

/// The subscriber writes each entry in one call.
impl Write for Entries {
    fn write(&mut self, entry: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(entry);
        let text = text.trim_end_matches('\n');
        let text = match self.format {
            LogFormat::Text => visible(text),
            LogFormat::Json => visible_json(text),
        };
        let line = format!("{text}\n");
        match &self.to {
            Target::Console(console) => console.log(&line),
            Target::File(file) => Outlet::write(file, line.as_bytes())?,
        }
        Ok(entry.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
