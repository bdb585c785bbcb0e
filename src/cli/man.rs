//! `runner man`: the manual pages, one for each command.

use std::fs;
use std::path::PathBuf;

use clap::{Args, Command};
use clap_mangen::Man;

use crate::catalogue::{cli as text, help};
use crate::model::problem::Problem;
use crate::report::text::visible_path;

use super::context::Context;
use super::exit::Exit;
use super::failure::Failure;
use super::whole_file;

/// The arguments of `runner man`.
#[derive(Clone, Debug, Args)]
#[command(after_help = help::ManExamples.to_string())]
pub struct ManArgs {
    #[arg(help = help::ManOut.to_string())]
    #[arg(short, value_name = "DIR")]
    pub out: Option<PathBuf>,
}

/// Prints the pages, or writes each to a file.
pub fn run(args: &ManArgs, cli: Command, context: &Context) -> Result<Exit, Failure> {
    let pages = pages(cli)?;
    let Some(dir) = &args.out else {
        let all: Vec<_> = pages.into_iter().map(|(_, page)| page).collect();
        return context.data(&all.concat()).map(|()| Exit::Done);
    };
    fs::create_dir_all(dir).map_err(|error| {
        let path = &visible_path(dir);
        Failure::new(Problem::OutputFile, text::CannotCreateDirectory { path })
            .caused_by(&error)
            .help(text::NameWritableDirectory)
    })?;
    for (name, page) in &pages {
        whole_file::write(&dir.join(name), whole_file::PUBLIC, page.as_bytes(), &context.console)?;
    }
    let wrote = text::ManWrote {
        n: pages.len() as u64,
        path: &visible_path(dir),
    };
    context.talk(&format!("{wrote}\n"));
    Ok(Exit::Done)
}

/// Returns each page with its file name, the program's own page first.
fn pages(mut cli: Command) -> Result<Vec<(String, String)>, Failure> {
    cli.build();
    let commands: Vec<Command> = cli.get_subcommands().cloned().collect();
    let mut pages = Vec::new();
    for man in std::iter::once(cli).chain(commands).map(Man::new) {
        let mut page = Vec::new();
        man.render(&mut page)
            .map_err(|error| Failure::new(Problem::OutputFile, text::CannotMakeMan).caused_by(&error))?;
        pages.push((man.get_filename(), String::from_utf8_lossy(&page).into_owned()));
    }
    Ok(pages)
}
