//! The texts of the errors of this room, in both languages.

use std::fmt::Display;
use std::io;
use std::path::PathBuf;

use super::ControlError;
use super::wire::Unclear;
use crate::catalogue::in_both_languages;

#[test]
fn the_errors_of_a_request_to_the_owner_are_in_both_languages() {
    let path = || PathBuf::from("/srv/.runner/live/summer.sock");
    let source = || io::Error::from(io::ErrorKind::ConnectionRefused);
    let garbage = serde_json::from_str::<u8>("GET / HTTP/1.1").unwrap_err();
    let unclear = [Unclear::CutShort, Unclear::Newer(9), Unclear::Garbage(garbage)];
    let errors = [
        ControlError::Nobody {
            path: path(),
            source: source(),
        },
        ControlError::Io {
            path: path(),
            source: source(),
        },
        ControlError::Unclear {
            path: path(),
            why: "…".to_owned(),
        },
        ControlError::Newer {
            path: path(),
            why: "…".to_owned(),
        },
        ControlError::Busy {
            message: "16 other commands are reading its ledger".to_owned(),
        },
        ControlError::Refused {
            message: "…".to_owned(),
        },
    ];
    let unclear = unclear.iter().map(|error| error as &dyn Display);
    insta::assert_snapshot!(in_both_languages(
        errors.iter().map(|error| error as &dyn Display).chain(unclear)
    ));
}
