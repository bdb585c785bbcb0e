//! The binary: parses the command line, runs the command, exits.

use std::process::ExitCode;

fn main() -> ExitCode {
    runner::cli::main()
}
