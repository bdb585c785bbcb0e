//! `runner init`: writes a first campaign and its audience, to read, rehearse and change.

use std::fmt::Display;
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use clap::Args;

use crate::catalogue::{Language, cli, help};
use crate::model::problem::Problem;

use crate::app::{CampaignRef, Rehearsal};
use crate::report::text::visible_path;

use super::context::Context;
use super::exit::Exit;
use super::failure::Failure;
use super::global_args::Output;
use super::typed::again;

const CAMPAIGN: &str = include_str!("init/first.yaml");
const CAMPAIGN_IN_CHINESE: &str = include_str!("init/first.zh-CN.yaml");
const AUDIENCE: &str = include_str!("init/first.csv");

/// The arguments of `runner init`.
#[derive(Clone, Debug, Args)]
#[command(after_help = help::InitExamples.to_string())]
pub struct InitArgs {
    #[arg(help = help::InitDir.to_string())]
    #[arg(value_name = "DIR", default_value = ".", hide_default_value = true)]
    pub dir: PathBuf,
}

/// Writes both files, or none.
pub fn run(args: &InitArgs, context: &Context) -> Result<Exit, Failure> {
    let campaign = args.dir.join("first.yaml");
    let audience = args.dir.join("first.csv");
    for path in [&campaign, &audience] {
        if path.symlink_metadata().is_ok() {
            return Err(exists(path));
        }
    }
    fs::create_dir_all(&args.dir).map_err(|error| {
        let path = &visible_path(&args.dir);
        failed(cli::CannotCreateDirectory { path }, &error)
    })?;
    let text = match Language::current() {
        Language::English => CAMPAIGN,
        Language::Chinese => CAMPAIGN_IN_CHINESE,
    };
    write(&campaign, text)?;
    write(&audience, AUDIENCE).inspect_err(|_| {
        // This process just created it, and a campaign without its audience is useless.
        let _ = fs::remove_file(&campaign);
    })?;
    if context.output == Output::Human {
        let rehearsed = CampaignRef {
            file: campaign.clone().into(),
            occurrence: None,
            rehearsal: Rehearsal::Inside,
            state_dir: context.state_dir.clone(),
            store: None,
        };
        let wrote = cli::InitWrote {
            campaign: &visible_path(&campaign),
            audience: &visible_path(&audience),
            command: &again("apply", &rehearsed),
        };
        context.say(&format!("{wrote}\n"));
    }
    Ok(Exit::Done)
}

fn write(path: &Path, text: &str) -> Result<(), Failure> {
    let written = OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(path)
        .and_then(|mut file| {
            let written = file.write_all(text.as_bytes());
            if written.is_err() {
                let _ = fs::remove_file(path);
            }
            written
        });
    written.map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => exists(path),
        _ => failed(
            cli::CannotWrite {
                path: &visible_path(path),
            },
            &error,
        ),
    })
}

fn exists(path: &Path) -> Failure {
    let path = &visible_path(path);
    Failure::new(Problem::IsThere, cli::InitExists { path }).help(cli::InitAnotherDirectory)
}

fn failed(message: impl Display, error: &io::Error) -> Failure {
    Failure::new(Problem::OutputFile, message)
        .caused_by(error)
        .help(cli::InitWritableDirectory)
}
