//! Turns the catalogue of texts in `locales/` into the types of `src/catalogue`. A text that is missing in a language, or that has other
//! arguments there, does not build.

#[path = "build/catalogue.rs"]
mod catalogue;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

fn main() -> ExitCode {
    println!("cargo::rerun-if-changed=locales");
    println!("cargo::rerun-if-changed=build");
    match catalogue::read(Path::new("locales")).and_then(|files| catalogue::generate(&files)) {
        Ok(code) => {
            let out = std::env::var_os("OUT_DIR")
                .map(PathBuf::from)
                .unwrap_or_default()
                .join("texts.rs");
            match std::fs::write(&out, code) {
                Ok(()) => ExitCode::SUCCESS,
                Err(error) => {
                    println!("cargo::error=cannot write {}: {error}", out.display());
                    ExitCode::FAILURE
                }
            }
        }
        Err(mistakes) => {
            for mistake in mistakes {
                println!("cargo::error={mistake}");
            }
            ExitCode::FAILURE
        }
    }
}
