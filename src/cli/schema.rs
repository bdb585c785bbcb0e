//! `runner schema`: prints the JSON Schema of a campaign file, for editors.

use clap::Args;
use serde::Serialize;

use crate::campaign;
use crate::catalogue::help;

use super::context::Context;
use super::exit::Exit;
use super::failure::Failure;
use super::global_args::Output;

/// The arguments of `runner schema`: none.
#[derive(Clone, Copy, Debug, Args)]
#[command(after_help = help::SchemaExamples.to_string())]
pub struct SchemaArgs {}

#[derive(Serialize)]
struct Object {
    r#type: &'static str,
    schema: serde_json::Value,
}

/// Prints the schema.
pub fn run(_: SchemaArgs, context: &Context) -> Result<Exit, Failure> {
    let schema = campaign::schema();
    match context.output {
        Output::Json => context.lines.write(&Object {
            r#type: "schema",
            schema,
        }),
        Output::Human => context.data(&format!("{schema:#}\n"))?,
    }
    Ok(Exit::Done)
}
