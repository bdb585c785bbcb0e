//! The checks of the database of a fleet.

use crate::catalogue::{doctor as text, failure, fleet};
use crate::fleet::postgres::{Findings, StandbyState};
use crate::fleet::{Database, DatabaseUrl, Examination, SchemaError, Server};
use crate::model::clock::Clock;
use crate::model::error_chain::error_chain;
use crate::model::problem::Ends;

use super::check::{Check, Subject};

/// A worker waits for a round trip, and for one to the standby, with each batch of facts. A longer one slows it down.
const LONG_TRIP_MS: u128 = 50;
/// A clock that differs by more is wrong. Leases do not depend on it; times that people read do.
const SAME_TIME_MS: i64 = 5_000;

/// Checks the database.
pub(super) async fn database(url: &DatabaseUrl, clock: &Clock) -> Vec<Check> {
    match Database::examine(url, clock).await {
        Ok(examination) => judge(&examination),
        Err(error) => {
            let mut chain: Vec<_> = error_chain(&error).map(ToString::to_string).collect();
            chain.dedup();
            vec![Check::failed(Subject::Database, Ends::Error, &chain.join(": ")).help(&failure::DatabaseAgain)]
        }
    }
}

/// Judges what was found in a database.
fn judge(examination: &Examination) -> Vec<Check> {
    let Examination {
        place,
        has_tls,
        is_local,
        findings,
        round_trip,
        ahead_ms,
    } = examination;
    let version = &findings.version;
    let reached = match (has_tls, is_local) {
        (true, _) => Check::good(Subject::Database, &text::DatabaseGood { place, version }),
        (false, true) => Check::good(Subject::Database, &text::DatabaseLocal { place, version }),
        (false, false) => {
            Check::warning(Subject::Database, &text::DatabaseOpen { place, version }).help(&text::DatabaseOpenHelp)
        }
    };
    let mut checks = vec![reached, tables(findings)];
    if let Ok(server) = &findings.server {
        checks.push(standby(server, findings.standby));
        checks.push(rights(&findings.lacking));
    }
    let ms = &format!("{:.1}", round_trip.as_secs_f64() * 1_000.0);
    checks.push(if round_trip.as_millis() < LONG_TRIP_MS {
        Check::good(Subject::RoundTrip, &text::RoundTripGood { ms })
    } else {
        Check::warning(Subject::RoundTrip, &text::RoundTripLong { ms }).help(&text::RoundTripHelp)
    });
    let seconds = ahead_ms.unsigned_abs() / 1_000;
    checks.push(if ahead_ms.abs() <= SAME_TIME_MS {
        Check::good(Subject::DatabaseClock, &text::DatabaseClockGood)
    } else if *ahead_ms > 0 {
        Check::warning(Subject::DatabaseClock, &text::DatabaseClockAhead { seconds }).help(&text::DatabaseClockHelp)
    } else {
        Check::warning(Subject::DatabaseClock, &text::DatabaseClockBehind { seconds }).help(&text::DatabaseClockHelp)
    });
    checks
}

/// Judges whether the server and its tables can be used.
fn tables(findings: &Findings) -> Check {
    let subject = Subject::Tables;
    let server = match &findings.server {
        Ok(server) => server,
        Err(error) => {
            return match error {
                SchemaError::Missing | SchemaError::WithoutFiles | SchemaError::WithoutNotices => {
                    Check::failed(subject, Ends::Input, error).help(&failure::CreateTables)
                }
                SchemaError::Format { .. } => Check::failed(subject, Ends::Input, error).help(&failure::SameVersion),
                SchemaError::NotSynchronous { .. } => {
                    Check::failed(subject, Ends::Error, error).help(&failure::SynchronousCommit)
                }
                SchemaError::Standby => Check::failed(subject, Ends::Error, error).help(&failure::NamePrimary),
                SchemaError::Statement(_) => Check::failed(subject, Ends::Error, error).help(&failure::DatabaseAgain),
            };
        }
    };
    if server.may_have_lost() {
        return Check::failed(subject, Ends::Person, &text::TablesOther).help(&failure::OtherServer);
    }
    if !findings.keeps_files {
        return Check::warning(subject, &fleet::WithoutFiles).help(&failure::CreateTables);
    }
    if !findings.keeps_notices {
        return Check::warning(subject, &fleet::WithoutNotices).help(&failure::CreateTables);
    }
    match &server.identity {
        Some(_) => Check::good(subject, &text::TablesGood),
        None => Check::warning(subject, &text::TablesNoIdentity).help(&text::TablesNoIdentityHelp),
    }
}

/// Judges the rights that this user lacks.
fn rights(lacking: &[String]) -> Check {
    if lacking.is_empty() {
        return Check::good(Subject::Rights, &text::RightsGood);
    }
    let rights = &lacking.join(", ");
    Check::failed(Subject::Rights, Ends::Error, &text::RightsLacking { rights }).help(&text::RightsHelp)
}

/// Judges the standby that a commit is to wait for.
fn standby(server: &Server, state: StandbyState) -> Check {
    let subject = Subject::Standby;
    match (server.has_standby, state) {
        (true, StandbyState::Connected) => Check::good(subject, &text::StandbyGood),
        (true, StandbyState::NotShown) => Check::good(subject, &text::StandbyNotShown),
        (true, StandbyState::Missing) => {
            Check::failed(subject, Ends::Error, &text::StandbyMissing).help(&text::StandbyMissingHelp)
        }
        (false, _) if server.accepts_single_copy => {
            Check::warning(subject, &text::StandbyAccepted).help(&text::StandbyHelp)
        }
        (false, _) => Check::failed(subject, Ends::Person, &text::StandbyNone).help(&failure::SingleCopy),
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;
    use std::time::Duration;

    use super::*;
    use crate::catalogue::Language;
    use crate::fleet::ServerIdentity;

    fn server() -> Server {
        let identity = Some(ServerIdentity {
            system: "7312345678901234567".to_owned(),
            timeline: 3,
        });
        Server {
            version: "15.20".to_owned(),
            has_standby: true,
            accepts_single_copy: false,
            identity: identity.clone(),
            recorded: identity,
            is_doubted: false,
        }
    }

    fn examination(server: Result<Server, SchemaError>, standby: StandbyState) -> Examination {
        Examination {
            place: "db.example:5432/coupons".to_owned(),
            has_tls: true,
            is_local: false,
            findings: Findings {
                version: "15.20".to_owned(),
                server,
                standby,
                lacking: Vec::new(),
                keeps_files: true,
                keeps_notices: true,
            },
            round_trip: Duration::from_micros(1_250),
            ahead_ms: -40,
        }
    }

    /// Every verdict on a database, with what to do about it.
    #[test]
    fn a_database_is_judged_in_both_languages() {
        let all = || {
            let mut plain = examination(Ok(server()), StandbyState::NotShown);
            plain.has_tls = false;
            plain.findings.lacking = vec!["runner_log (INSERT)".to_owned()];
            plain.round_trip = Duration::from_millis(80);
            plain.ahead_ms = 61_000;
            let mut local = examination(
                Ok(Server {
                    has_standby: false,
                    identity: None,
                    ..server()
                }),
                StandbyState::Missing,
            );
            local.has_tls = false;
            local.is_local = true;
            local.ahead_ms = -61_000;
            let mut older = examination(
                Ok(Server {
                    has_standby: false,
                    accepts_single_copy: true,
                    ..server()
                }),
                StandbyState::Missing,
            );
            older.findings.keeps_files = false;
            let mut without_notices = examination(Ok(server()), StandbyState::Connected);
            without_notices.findings.keeps_notices = false;
            let doubted = Server {
                is_doubted: true,
                ..server()
            };
            vec![
                examination(Ok(server()), StandbyState::Connected),
                plain,
                local,
                older,
                without_notices,
                examination(Ok(doubted), StandbyState::Missing),
                examination(Err(SchemaError::Missing), StandbyState::Missing),
                examination(Err(SchemaError::Format { found: 9 }), StandbyState::Missing),
                examination(
                    Err(SchemaError::NotSynchronous {
                        found: "off".to_owned(),
                    }),
                    StandbyState::Missing,
                ),
            ]
        };
        let mut shown = String::new();
        for language in Language::ALL {
            language.scope(|| {
                for examination in all() {
                    for check in judge(&examination) {
                        let subject = check.subject.word();
                        let _ = writeln!(shown, "{subject} {:?}: {}", check.verdict, check.finding);
                        if let Some(help) = &check.help {
                            let _ = writeln!(shown, "  {help}");
                        }
                    }
                    shown.push('\n');
                }
            });
        }
        insta::assert_snapshot!(shown);
    }
}
