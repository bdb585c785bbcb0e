//! How long open_ids are kept.

use std::time::Duration;

use crate::campaign::diagnostic::Code;
use crate::campaign::diagnostics::Diagnostics;
use crate::campaign::value::Value;
use crate::catalogue::server_file as text;

/// A day: a service looks once a day.
pub(super) const LEAST: Duration = Duration::from_hours(24);
/// A hundred years.
pub(super) const MOST: Duration = Duration::from_hours(24 * 36_500);

/// Refuses the key for ledgers in a database, where open_ids are not erased.
pub(super) fn refuse_store(value: &Value<'_>, diagnostics: &mut Diagnostics) {
    diagnostics
        .error(Code::Contradiction, value.mark(), text::RetainInDatabase)
        .help(text::RetainInDatabaseHelp);
}
