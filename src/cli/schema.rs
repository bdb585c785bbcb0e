//! `runner schema`: prints the JSON Schema of a campaign file or of the file of a service, for editors.

use clap::{Args, ValueEnum};
use serde::Serialize;

use crate::campaign;
use crate::catalogue::{Language, help};

use super::context::Context;
use super::exit::Exit;
use super::failure::Failure;
use super::global_args::{Lang, Output};

/// The arguments of `runner schema`.
#[derive(Clone, Copy, Debug, Args)]
#[command(after_help = help::SchemaExamples.to_string())]
pub struct SchemaArgs {
    #[arg(help = help::SchemaOf.to_string())]
    #[arg(value_enum, value_name = "FILE", default_value_t, hide_possible_values = true)]
    of: SchemaOf,
}

/// The kinds of files.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum SchemaOf {
    /// A campaign file.
    #[default]
    Campaign,
    /// The file of a service.
    Server,
}

#[derive(Serialize)]
struct Object {
    r#type: &'static str,
    schema: serde_json::Value,
}

/// Prints the schema. It is a file for programs, so only the option `lang` chooses another language than English.
pub fn run(args: SchemaArgs, lang: Option<Lang>, context: &Context) -> Result<Exit, Failure> {
    let lang = lang.filter(|_| context.output == Output::Human);
    let language = lang.map_or(Language::English, Language::from);
    let schema = language.scope(|| match args.of {
        SchemaOf::Campaign => campaign::schema(),
        SchemaOf::Server => campaign::server_schema(),
    });
    match context.output {
        Output::Json => context.lines.write(&Object {
            r#type: "schema",
            schema,
        }),
        Output::Human => context.data(&format!("{schema:#}\n"))?,
    }
    Ok(Exit::Done)
}
