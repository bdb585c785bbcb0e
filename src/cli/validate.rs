//! `runner validate`: reports every mistake in campaign files and in the file of a service. It opens no socket and reads no audience.

use std::fmt::Display;
use std::path::{Path, PathBuf};

use clap::Args;

use crate::app::CampaignFile;
use crate::app::campaign_files::Neighbours;
use crate::app::occurrences;
use crate::campaign::{Campaign, Diagnostic, ServerFile, Severity};
use crate::catalogue::{cli as text, help};
use crate::report::render::json::OccurrenceObject;
use crate::report::render::terminal::occurrences::text as text_of_occurrences;
use crate::report::text::visible_path;

use super::context::Context;
use super::exit::Exit;
use super::failure::Failure;
use super::global_args::Output;
use super::load;
use super::terminal::stdout_width_or_any;

/// The arguments of `runner validate`.
#[derive(Clone, Debug, Args)]
#[command(after_help = help::ValidateExamples.to_string())]
pub struct ValidateArgs {
    #[arg(help = help::ValidatePaths.to_string())]
    #[arg(value_name = "FILE|DIR", required = true)]
    pub paths: Vec<PathBuf>,
}

/// Checks files and reports their mistakes.
pub fn run(args: &ValidateArgs, context: &Context) -> Result<Exit, Failure> {
    let files = load::files(&args.paths, context)?;
    let mut neighbours = Neighbours::default();
    let mut unusable = 0;
    let mut mistakes = Vec::new();
    for file in &files {
        let (content, diagnostics) = check(file, &mut neighbours);
        load::show(&diagnostics, context);
        let errors = diagnostics.iter().filter(|it| it.severity == Severity::Error);
        mistakes.extend(errors.map(|it| it.code));
        match content {
            Some(Content::Campaign(campaign)) => praise(file.path(), &campaign, context),
            Some(Content::Server(server)) => praise_server(file.path(), &server, context),
            None => unusable += 1,
        }
    }
    if unusable == 0 {
        return Ok(Exit::Done);
    }
    let n = mistakes.len() as u64;
    let code: &dyn Display = &mistakes.first().map_or("CODE", |code| code.as_str());
    context.talk(&match files.len() {
        1 => format!("\n{}\n", text::ValidateOneFile { n, code }),
        files => format!(
            "\n{}\n",
            text::ValidateSeveralFiles {
                n,
                unusable: &unusable,
                files: &files,
                code
            }
        ),
    });
    Ok(Exit::Input)
}

/// What a file without errors describes.
enum Content {
    Campaign(Box<Campaign>),
    Server(Box<ServerFile>),
}

/// Checks one file. Returns what it describes if the file can be used, and the diagnostics.
fn check(file: &CampaignFile, neighbours: &mut Neighbours) -> (Option<Content>, Vec<Diagnostic>) {
    if let Some(server) = load::server_file(file) {
        return match server {
            Ok(parsed) => (Some(Content::Server(Box::new(parsed.content))), parsed.warnings),
            Err(diagnostics) => (None, diagnostics),
        };
    }
    match file.load() {
        Ok(parsed) => {
            let mut diagnostics = neighbours.mistakes(file, &parsed);
            diagnostics.extend(parsed.warnings.iter().cloned());
            let usable = diagnostics
                .iter()
                .all(|diagnostic| diagnostic.severity != Severity::Error);
            (
                usable.then(|| Content::Campaign(Box::new(parsed.campaign))),
                diagnostics,
            )
        }
        Err(diagnostics) => (None, diagnostics),
    }
}

fn praise_server(file: &Path, server: &ServerFile, context: &Context) {
    if context.output == Output::Human {
        let usable = text::ValidateServer {
            path: &visible_path(file),
            address: &server.listen(),
            users: server.users.len() as u64,
            tokens: server.tokens.len() as u64,
        };
        context.say(&format!("{usable}\n"));
    }
}

fn praise(file: &Path, campaign: &Campaign, context: &Context) {
    let coming = occurrences::coming(campaign, context.now());
    if context.output == Output::Human {
        let names = &campaign.names;
        let usable = text::ValidateUsable {
            path: &visible_path(file),
            campaign: &names.campaign,
            app_id: &names.app_id,
        };
        context.say(&format!("{usable}\n"));
        if let Some(coming) = &coming {
            context.say(&text_of_occurrences(coming, stdout_width_or_any()));
        }
    } else if let Some(coming) = &coming {
        let rows = coming.rows.iter();
        rows.for_each(|row| context.lines.write(&OccurrenceObject::new(coming, row)));
    }
}
