//! The texts of the errors of this room, in both languages.

use std::fmt::Display;
use std::io;

use super::certificate::CertificateFault;
use super::delivery::{DeliveryStatus, Transition};
use super::event::{PlaceUnit, RowPlace};
use super::identity::{ActivityId, AppId, CampaignName, NameError, OpenId};
use super::run_command::Requester;
use super::secret::{SecretError, SecretFlaw, SecretRef};
use super::shortage;
use crate::catalogue::{Text, in_both_languages};

fn texts<E: Display>(errors: &[E]) -> String {
    in_both_languages(errors.iter().map(|error| error as &dyn Display))
}

#[test]
fn the_errors_of_names_are_in_both_languages() {
    let long = "a".repeat(2_000);
    let errors = [
        CampaignName::parse("").unwrap_err(),
        CampaignName::parse("Summer").unwrap_err(),
        CampaignName::parse(&long).unwrap_err(),
        CampaignName::parse("e\u{301}").unwrap_err(),
        AppId::parse("tt 1").unwrap_err(),
        ActivityId::parse("7x").unwrap_err(),
        ActivityId::parse(&"7".repeat(40)).unwrap_err(),
        OpenId::parse("a b").unwrap_err(),
        OpenId::parse(&long).unwrap_err(),
    ];
    assert!(errors.iter().any(|error| matches!(error, NameError::NotComposed)));
    insta::assert_snapshot!(texts(&errors));
}

#[test]
fn the_errors_of_secrets_and_certificates_are_in_both_languages() {
    let variable = || SecretRef::Env("DOUYIN_SECRET".to_owned());
    let file = || SecretRef::File("/run/secrets/douyin".into());
    let flaws = [
        SecretFlaw::NotUtf8,
        SecretFlaw::Lines,
        SecretFlaw::Space,
        SecretFlaw::Control,
        SecretFlaw::NotAscii,
    ];
    let secrets = [
        SecretError::Unset("DOUYIN_SECRET".to_owned()),
        SecretError::Unreadable {
            path: "/run/secrets/douyin".into(),
            source: io::Error::from(io::ErrorKind::PermissionDenied),
        },
        SecretError::Empty("/run/secrets/douyin".into()),
        SecretError::TooShort(variable()),
        SecretError::TooShort(file()),
    ];
    let flaws = flaws.map(|flaw| SecretError::NotText(file(), flaw));
    let faults = [
        CertificateFault::Untrusted,
        CertificateFault::Authority,
        CertificateFault::Expired,
        CertificateFault::NotYetValid,
        CertificateFault::OtherName,
        CertificateFault::Other("BadSignature".to_owned()),
    ];
    insta::assert_snapshot!([texts(&secrets), texts(&flaws), texts(&faults)].join("\n"));
}

#[test]
fn the_other_texts_are_in_both_languages() {
    let place = |unit, value: Option<&str>| RowPlace {
        within: "summer.csv".to_owned(),
        unit,
        number: 1042,
        value: value.map(str::to_owned),
    };
    let places = [place(PlaceUnit::Line, None), place(PlaceUnit::Row, Some("31.06.2026"))];
    let by = Requester {
        pid: 4711,
        user: "安".to_owned(),
        host: "till-3".to_owned(),
        name: None,
        command: String::new(),
    };
    let status = DeliveryStatus::PENDING;
    let illegal = status.next(Transition::Withdrawn).unwrap_err();
    let shortages = [24, 23, 12].map(|code| {
        let error = io::Error::from_raw_os_error(code);
        Text::from_fn(|| shortage::help(&error).unwrap_or_default())
    });
    let all = [texts(&places), texts(&[by]), texts(&[illegal]), texts(&shortages)];
    insta::assert_snapshot!(all.join("\n"));
}
