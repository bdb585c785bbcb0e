//! Every row of the table, every way that an attempt ends, and what arbitrary bodies may prove.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::model::outcome::{Coupon, NotIssued, Outcome, Proof, Unknown};
use crate::model::redactor::Redactor;

const NOW: i64 = 1_780_000_000;

fn timing() -> Timing {
    Timing {
        began: Timestamp::from_second(NOW).unwrap(),
        at: Timestamp::from_second(NOW + 2).unwrap(),
        latency: Duration::from_secs(2),
        expected: None,
    }
}

fn judged(codes: &Codes, reply: Reply) -> Outcome {
    outcome(&HttpResult::Answered(reply), codes, &Redactor::default(), timing())
}

fn said(status: u16, body: &str) -> Outcome {
    let reply = Reply {
        status,
        body: body.into(),
        ..Reply::default()
    };
    judged(&Codes::default(), reply)
}

fn proof_of(body: &serde_json::Value) -> Proof {
    said(200, &body.to_string()).proof
}

fn with_receive_time(seconds: i64, date: Option<&str>) -> bool {
    let body = json!({"err_no": 0, "data": {"coupon_info": {"coupon_id": "7", "receive_time": seconds}}});
    let reply = Reply {
        status: 200,
        date: date.map(Into::into),
        body: body.to_string().into(),
        ..Reply::default()
    };
    match judged(&Codes::default(), reply).proof {
        Proof::Issued { replay, .. } => replay,
        other => panic!("{other:?}"),
    }
}

/// What each class proves on a code other than 0.
fn expected(class: Class) -> Proof {
    match class {
        Class::Issued => Proof::Duplicate,
        Class::Retry => Proof::Unknown(Unknown::SystemError),
        Class::Throttle => Proof::NotIssued(NotIssued::Throttled),
        Class::Token => Proof::NotIssued(NotIssued::Token),
        Class::Refuse => Proof::Refused,
        Class::Hold => Proof::Held,
        Class::Wait => Proof::NotIssued(NotIssued::Wait),
        Class::Halt => Proof::NotIssued(NotIssued::Halt),
    }
}

#[test]
fn the_table_is_as_it_was_reviewed() {
    let lines: Vec<String> = Codes::table()
        .iter()
        .map(|row| format!("{} {} | {} | {}", row.code, row.class.word(), row.meaning(), row.source))
        .collect();
    insta::assert_snapshot!(lines.join("\n"));
    let codes: Vec<i64> = Codes::table().iter().map(|row| row.code).collect();
    assert!(codes.is_sorted() && codes.iter().collect::<BTreeSet<_>>().len() == codes.len());
}

#[test]
fn every_row_proves_what_its_class_says_whatever_the_status() {
    for row in Codes::table().iter().filter(|row| row.code != 0) {
        for status in [200, 302, 401, 404, 429, 502] {
            let whole = json!({"err_no": row.code, "err_msg": "说明", "log_id": "L1"});
            let outcome = said(status, &whole.to_string());
            assert_eq!(outcome.proof, expected(row.class), "{}", row.code);
            assert!(!outcome.wrong_address() && outcome.detail.is_none());
            let answer = outcome.answer.expect("a code is an answer");
            assert_eq!(
                (
                    answer.code,
                    answer.class,
                    answer.classifier,
                    answer.message.as_str(),
                    answer.log_id.as_str()
                ),
                (row.code, row.class, Classifier::Table, "说明", "L1")
            );
        }
    }
}

#[test]
fn every_class_of_the_file_goes_before_the_table_except_for_success() {
    for class in Class::ALL {
        let codes = Codes::new(BTreeMap::from([(28_001_045, class), (77, class), (0, class)]));
        for code in [28_001_045, 77] {
            assert_eq!(codes.classify(code), (class, Classifier::File));
            let reply = Reply {
                status: 200,
                body: json!({"err_no": code}).to_string().into(),
                ..Reply::default()
            };
            assert_eq!(judged(&codes, reply).proof, expected(class));
        }
        assert_eq!(codes.classify(0), (Class::Issued, Classifier::Table));
    }
    assert_eq!(Codes::default().classify(77), (Class::Hold, Classifier::Nobody));
    assert_eq!(proof_of(&json!({"err_no": 77})), Proof::Held);
}

#[test]
fn a_success_is_kept_whole() {
    let body = r#"{"err_no": 0, "err_msg": "", "log_id": "2023A", "data": {"new": [1], "coupon_info": {
        "coupon_id": "709", "coupon_status": 10, "discount_amount": "1000", "discount_type": 2, "merchant_meta_no": "45ed",
        "min_pay_amount": 2000, "valid_begin_time": "1685686441", "coupon_name": "奶茶立减10元券",
        "receive_time": 1685686482, "valid_end_time": 1685772841, "unheard_of": {}}}}"#;
    let outcome = said(200, body);
    let Proof::Issued { coupon, replay } = outcome.proof else {
        panic!("{:?}", outcome.proof)
    };
    assert_eq!(
        *coupon,
        Coupon {
            coupon_id: "709".into(),
            merchant_meta_no: Some("45ed".into()),
            coupon_name: Some("奶茶立减10元券".into()),
            coupon_status: Some(10),
            discount_type: Some(2),
            discount_amount: Some(1000),
            min_pay_amount: Some(2000),
            receive_time: Some(1_685_686_482),
            valid_begin_time: Some(1_685_686_441),
            valid_end_time: Some(1_685_772_841),
        }
    );
    assert!(!replay, "a receive_time of years ago is no time");
    assert_eq!(outcome.answer.map(|answer| answer.log_id), Some("2023A".into()));
}

#[test]
fn a_success_needs_err_no_0_and_a_coupon_id() {
    let info = json!({"coupon_info": {"coupon_id": "7"}});
    assert!(matches!(
        proof_of(&json!({"err_no": "0", "data": info})),
        Proof::Issued { .. }
    ));
    let number = json!({"err_no": 0, "data": {"coupon_info": {"coupon_id": 70_924}}});
    assert!(matches!(proof_of(&number), Proof::Issued { coupon, .. } if coupon.coupon_id == "70924"));
    let status = json!({"err_no": 0, "data": {"coupon_info": {"coupon_id": "7", "coupon_status": 30}}});
    assert!(matches!(proof_of(&status), Proof::Issued { .. }));
    for without_coupon in [
        json!({"err_no": 0}),
        json!({"err_no": 0, "data": ""}),
        json!({"err_no": 0, "data": null}),
        json!({"err_no": 0, "data": []}),
        json!({"err_no": 0, "data": {"coupon_info": null}}),
        json!({"err_no": 0, "data": {"coupon_info": {"coupon_id": ""}}}),
        json!({"err_no": 0, "data": {"coupon_info": {"coupon_id": " "}}}),
        json!({"err_no": 0, "data": {"coupon_info": {"coupon_id": 0}}}),
        json!({"err_no": 0, "data": {"coupon_info": {"coupon_id": null}}}),
        json!({"errno": 0, "data": info}),
        json!({"data": {"error_code": 0, "coupon_info": {"coupon_id": "7"}}}),
    ] {
        for status in [200, 204, 302, 401, 403, 404, 429, 502] {
            let outcome = said(status, &without_coupon.to_string());
            assert_eq!(outcome.proof, Proof::Unknown(Unknown::NoCoupon), "{without_coupon}");
            assert!(
                !outcome.wrong_address(),
                "the code decides, whatever the status: {status}"
            );
            assert_eq!(outcome.answer, None, "read again, it would pass for a proof");
        }
    }
    for without_code in [
        json!({"data": info}),
        json!({"err_no": null, "data": info}),
        json!({"err_no": 0.5, "data": info}),
        json!({"err_no": true, "data": info}),
    ] {
        assert_eq!(
            proof_of(&without_code),
            Proof::Unknown(Unknown::Unreadable),
            "{without_code}"
        );
    }
}

#[test]
fn codes_come_in_three_envelopes_and_as_text() {
    for (body, code, message) in [
        (
            json!({"err_no": " 28001045 ", "err_msg": "x", "data": ""}),
            28_001_045,
            "x",
        ),
        (json!({"errno": 40006, "message": "ip"}), 40_006, "ip"),
        (json!({"errno": "40006", "err_no": null}), 40_006, ""),
        (
            json!({"data": {"error_code": 2_190_008, "description": "old"}, "message": "error"}),
            2_190_008,
            "old",
        ),
        (json!({"err_no": 28_001_003, "errno": 0}), 28_001_003, ""),
        (json!({"err_no": 77, "err_msg": 5, "log_id": 6}), 77, ""),
    ] {
        let answer = said(200, &body.to_string()).answer.expect("it has a code");
        assert_eq!((answer.code, answer.message.as_str()), (code, message), "{body}");
    }
}

#[test]
fn a_status_without_a_code_proves_little() {
    for body in [
        "",
        "<html>",
        "[]",
        "7",
        "null",
        "{}",
        "{\"err_no\":\"x\"}",
        "{\"err_no\":0",
        "{\"err_no\":1e3}",
    ] {
        for status in [200, 204, 301, 302, 400, 401, 403, 404, 418, 500, 502, 503] {
            let outcome = said(status, body);
            assert_eq!(outcome.proof, Proof::Unknown(Unknown::Unreadable), "{status} {body}");
            let wrong = matches!(status, 301 | 302 | 401 | 403 | 404);
            assert_eq!(outcome.wrong_address(), wrong, "{status}");
        }
        assert_eq!(said(429, body).proof, Proof::NotIssued(NotIssued::Throttled));
    }
}

#[test]
fn an_attempt_without_an_answer_proves_only_what_was_surely_not_sent() {
    let within = Duration::from_secs(10);
    let why = || "reset".to_owned();
    let all = [
        (
            HttpResult::TooLarge { status: 200 },
            Proof::Unknown(Unknown::Unreadable),
        ),
        (
            HttpResult::NoRoom {
                status: 200,
                usual: 16_384,
            },
            Proof::Unknown(Unknown::Unreadable),
        ),
        (
            HttpResult::TooLarge { status: 429 },
            Proof::Unknown(Unknown::Unreadable),
        ),
        (
            HttpResult::Cut {
                status: None,
                why: why(),
            },
            Proof::Unknown(Unknown::Cut),
        ),
        (
            HttpResult::Cut {
                status: Some(429),
                why: why(),
            },
            Proof::Unknown(Unknown::Cut),
        ),
        (
            HttpResult::TimedOut { status: None, within },
            Proof::Unknown(Unknown::TimedOut),
        ),
        (HttpResult::NotSent { why: why() }, Proof::NotIssued(NotIssued::NotSent)),
        (
            HttpResult::BadCertificate { why: why().into() },
            Proof::NotIssued(NotIssued::Halt),
        ),
    ];
    let mut details = Vec::new();
    for (ended, proof) in all {
        let outcome = outcome(&ended, &Codes::default(), &Redactor::default(), timing());
        assert_eq!(outcome.proof, proof, "{ended:?}");
        assert_eq!((outcome.at, outcome.latency), (timing().at, timing().latency));
        details.push(outcome.detail.expect("no code says it"));
    }
    details.push(said(502, "<html>").detail.expect("no code says it"));
    details.push(
        said(200, "{\"err_no\":0,\"log_id\":\"L\"}")
            .detail
            .expect("no code says it"),
    );
    insta::assert_snapshot!(details.join("\n"));
}

#[test]
fn a_coupon_that_is_older_than_its_attempt_is_a_replay() {
    assert!(!with_receive_time(NOW, None));
    assert!(!with_receive_time(NOW - 120, None), "120 s are not more than 120 s");
    assert!(with_receive_time(NOW - 121, None));
    assert!(!with_receive_time(NOW + 600, None), "the future is no past");
    for unknown in [0, -1, NOW - 366 * 86_400, NOW * 1000, i64::MAX, i64::MIN] {
        assert!(!with_receive_time(unknown, None), "{unknown}");
    }
}

#[test]
fn clocks_are_corrected_by_the_answers_date() {
    let date = |seconds: i64| {
        let at = Timestamp::from_second(seconds).unwrap();
        at.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
    };
    // The local clock is an hour ahead: the attempt began at NOW - 3600 of the platform's clock, and took 2 s.
    let theirs = date(NOW - 3_600 + 2);
    assert!(!with_receive_time(NOW - 3_600, Some(&theirs)));
    assert!(!with_receive_time(NOW - 3_720, Some(&theirs)));
    assert!(with_receive_time(NOW - 3_721, Some(&theirs)));
    // The local clock is an hour slow.
    assert!(with_receive_time(NOW + 1_800, Some(&date(NOW + 3_602))));
    // Or the answer's date is an hour ahead: the coupon is fresh by the local clock.
    assert!(!with_receive_time(NOW, Some(&date(NOW + 3_602))));
    // A date that is invalid or years away corrects nothing.
    for useless in ["yesterday", "", &date(NOW - 3 * 366 * 86_400)] {
        assert!(with_receive_time(NOW - 121, Some(useless)) && !with_receive_time(NOW - 120, Some(useless)));
    }
}

/// The delivery stays in doubt, also where the code could be guessed from the bytes around what is unreadable.
#[test]
fn a_body_that_cannot_be_read_says_why() {
    let body = r#"{"err_no": 28001045, "err_msg": "closed", "log_id": "x", "data": {}}"#.as_bytes();
    let gbk = b"{\"err_no\": 28001045, \"err_msg\": \"\xd3\xc3\xbb\xa7\", \"log_id\": \"x\", \"data\": {}}";
    let marked = [b"\xef\xbb\xbf", body].concat();
    let mut details = Vec::new();
    for (encoding, body) in [
        (None, gbk.to_vec()),
        (None, marked.clone()),
        (Some("gzip"), b"\x1f\x8b\x08".to_vec()),
        (None, b"\x1f\x8b\x08".to_vec()),
        (Some("br"), body.to_vec()),
        (None, b"<html>please log in</html>".to_vec()),
        (None, b"ok".to_vec()),
        (None, b"{}".to_vec()),
        (None, Vec::new()),
    ] {
        let reply = Reply {
            status: 200,
            content_encoding: encoding.map(Into::into),
            body,
            ..Reply::default()
        };
        let outcome = judged(&Codes::default(), reply);
        if encoding == Some("br") {
            assert!(outcome.answer.is_some(), "a body that is readable is read");
            continue;
        }
        assert_eq!(outcome.proof, Proof::Unknown(Unknown::Unreadable));
        details.push(outcome.detail.unwrap());
    }
    insta::assert_snapshot!(details.join("\n"));
}

#[test]
fn a_retry_after_is_seconds_or_a_date() {
    let now = "2026-06-01T10:00:00Z".parse().unwrap();
    let after = |header| retry_after(header, now);
    assert_eq!(after(" 12 "), Some(Duration::from_secs(12)));
    assert_eq!(after("Mon, 01 Jun 2026 10:00:30 GMT"), Some(Duration::from_secs(30)));
    assert_eq!(after("Mon, 01 Jun 2026 09:00:30 GMT"), Some(Duration::ZERO));
    for useless in ["", "soon", "-5", "1.5", "99999999999999999999"] {
        assert_eq!(after(useless), None, "{useless}");
    }
    let reply = Reply {
        status: 429,
        retry_after: Some("3".into()),
        ..Reply::default()
    };
    assert_eq!(
        judged(&Codes::default(), reply).retry_after,
        Some(Duration::from_secs(3))
    );
}

#[test]
fn a_foreign_text_is_bounded_and_cannot_act_on_a_terminal() {
    assert_eq!(
        excerpt("奶\u{1b}[2J\r\n\u{202e}b", &Redactor::default()),
        "奶\\u{1b}[2J\\r\\n\\u{202e}b"
    );
    let long = excerpt(&"奶".repeat(MOST_KEPT), &Redactor::default());
    assert_eq!(long.len(), MOST_KEPT / 3 * 3);
    let answer = said(
        200,
        &json!({"err_no": 7, "err_msg": "\u{7}x".repeat(5_000)}).to_string(),
    )
    .answer;
    let message = answer.expect("it has a code").message;
    assert!(message.len() <= MOST_KEPT && !message.contains('\u{7}'));
}

fn bodies() -> impl Strategy<Value = Vec<u8>> {
    let number = prop_oneof![
        Just(json!(0)),
        Just(json!("0")),
        Just(json!(28_001_045)),
        Just(json!(null)),
        any::<i64>().prop_map(|n| json!(n)),
        any::<f64>().prop_map(|n| json!(n)),
        ".{0,4}".prop_map(|s| json!(s)),
        Just(json!({})),
    ];
    let id = prop_oneof![
        Just(json!("7")),
        Just(json!("")),
        Just(json!(0)),
        Just(json!(9)),
        Just(json!(null)),
        Just(json!([]))
    ];
    let named = (number.clone(), number.clone(), number, id).prop_map(|(err_no, errno, receive_time, id)| {
        let data = json!({"error_code": errno, "coupon_info": {"coupon_id": id, "receive_time": receive_time}});
        json!({"err_no": err_no, "errno": errno, "err_msg": receive_time, "data": data})
            .to_string()
            .into_bytes()
    });
    prop_oneof![named, proptest::collection::vec(any::<u8>(), 0..200)]
}

proptest! {
    #[test]
    fn no_answer_panics_and_none_is_issued_without_its_proof(
        body in bodies(), status in any::<u16>(), date in proptest::option::of(".{0,40}"), after in proptest::option::of(".{0,40}"),
    ) {
        let read = serde_json::from_slice::<serde_json::Value>(&body).unwrap_or_default();
        let reply = Reply { status, retry_after: after, date, body, content_encoding: None };
        let outcome = judged(&Codes::default(), reply);
        if let Proof::Issued { coupon, .. } = &outcome.proof {
            prop_assert!(read["err_no"] == json!(0) || read["err_no"].as_str().is_some_and(|n| n.trim().parse() == Ok(0)));
            let id = &read["data"]["coupon_info"]["coupon_id"];
            let id = id.as_str().map_or_else(|| id.to_string(), str::to_owned);
            prop_assert_eq!(&id, &coupon.coupon_id);
            prop_assert!(!coupon.coupon_id.is_empty());
        }
        let issued = matches!(outcome.proof, Proof::Issued { .. });
        prop_assert!(issued || outcome.answer.is_none_or(|answer| answer.code != 0));
    }
}
