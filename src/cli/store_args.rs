//! The database of `--store` and of RUNNER_STORE.

use std::path::PathBuf;

use crate::catalogue::store as text;
use crate::fleet::DatabaseUrl;
use crate::model::problem::Problem;
use crate::model::secret::{Secret, SecretError, SecretRef};

use super::failure::Failure;

/// The variable whose value is the URL itself.
const VARIABLE: &str = "RUNNER_STORE";

/// Parses the value of `--store`: a reference, so that no password is in the list of processes.
pub fn parse(text: &str) -> Result<SecretRef, String> {
    match text.split_once(':') {
        Some(("env", name)) if !name.is_empty() => Ok(SecretRef::Env(name.to_owned())),
        Some(("file", path)) if !path.is_empty() => Ok(SecretRef::File(PathBuf::from(path))),
        Some(("postgres" | "postgresql", _)) => Err(text::UrlOnCommandLine.to_string()),
        _ => Err(text::NotAReference.to_string()),
    }
}

/// Returns the database of `given`, or else of the variable. `None` without both: ledgers are in files.
pub fn database(given: Option<&SecretRef>) -> Result<Option<DatabaseUrl>, Failure> {
    let variable = SecretRef::Env(VARIABLE.to_owned());
    let (reference, url) = match given {
        Some(reference) => (reference, reference.resolve()),
        None => match variable.resolve() {
            Err(SecretError::Unset(_)) => return Ok(None),
            url => (&variable, url),
        },
    };
    let url = url.map_err(|error| unusable(reference).caused_by(&error))?;
    let parsed = DatabaseUrl::parse(Secret::expose(&url));
    parsed.map(Some).map_err(|error| unusable(reference).caused_by(&error))
}

fn unusable(reference: &SecretRef) -> Failure {
    Failure::new(Problem::DatabaseUrl, text::UnusableUrl { reference }).help(text::UrlHelp)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_is_given_by_reference_only() {
        assert_eq!(parse("env:DB"), Ok(SecretRef::Env("DB".to_owned())));
        assert_eq!(parse("file:/run/db url"), Ok(SecretRef::File("/run/db url".into())));
        for wrong in ["postgres://u:hunter2@db/x", "DB", "env:", "file:", ""] {
            let error = parse(wrong).expect_err(wrong);
            assert!(!error.contains("hunter2"), "{error}");
        }
    }
}
