//! The catalogue of texts does not build if a language lacks a text, or if the languages disagree about its arguments.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "../build/catalogue.rs"]
mod catalogue;

use std::path::Path;

use catalogue::{Files, generate, read};

fn mistakes(english: &str, chinese: &str) -> Vec<String> {
    let file = |text: &str| Files::from([("plan".to_owned(), text.to_owned())]);
    generate(&[file(english), file(chinese)]).err().unwrap_or_default()
}

#[test]
fn the_catalogue_of_the_program_is_complete() {
    let languages = read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("locales")).unwrap();
    assert!(generate(&languages).is_ok());
}

#[test]
fn a_text_must_be_in_every_language() {
    assert_eq!(mistakes("done = Done", ""), ["zh-CN/plan.ftl: done is missing"]);
    assert_eq!(mistakes("", "done = 已完成"), ["en/plan.ftl: done is missing"]);
}

#[test]
fn a_text_uses_the_same_arguments_in_every_language() {
    assert_eq!(
        mistakes("done = { $n } of { $all }", "done = 已完成 { $n }，{ $rest }"),
        [
            "zh-CN/plan.ftl: done does not use $all",
            "en/plan.ftl: done does not use $rest"
        ]
    );
    assert_eq!(
        mistakes("done = { $n } of { $all }", "done = { $all } 中已完成 { $n }"),
        [""; 0]
    );
}

#[test]
fn a_plural_form_that_a_language_does_not_have_is_refused() {
    let english = "sent = { $n ->\n    [one] one coupon\n   *[other] { $n } coupons\n}";
    assert_eq!(mistakes(english, "sent = { $n } 张券"), [""; 0]);
    assert_eq!(
        mistakes(english, "sent = { $n ->\n    [one] 一张券\n   *[other] { $n } 张券\n}"),
        ["zh-CN/plan.ftl: sent: $n never selects [one] in this language"]
    );
}

#[test]
fn what_cannot_be_read_is_named() {
    for (text, part) in [
        ("done = Done\ndone = Done again", "done stands twice"),
        ("done Done", "plan.ftl:1:"),
        ("-name = Runner", "-name is a term"),
        ("done = Done\n    .title = Title", "done has attributes"),
        ("done = { DATETIME($at) }", "only arguments"),
        ("# $m (number)\ndone = Done", "names $m, which it does not use"),
    ] {
        let found = mistakes(text, "done = 已完成");
        assert!(
            found.iter().any(|mistake| mistake.contains(part)),
            "{text:?}: {found:?}"
        );
    }
}
