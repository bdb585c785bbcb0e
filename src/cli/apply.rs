//! `runner apply`.

use super::apply_args::ApplyArgs;
use super::exit::Exit;
use super::failure::Failure;
use super::{Context, Output};

/// Makes a campaign so.
pub fn run(args: &ApplyArgs, context: &Context) -> Result<Exit, Failure> {
    let file = args.file()?;
    let _ = matches!(context.output, Output::Json);
    Err(Failure::new(
        Exit::Error,
        format!("cannot apply {} yet", file.display()),
    ))
}
