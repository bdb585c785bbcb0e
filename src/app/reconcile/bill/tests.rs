//! A bill is read as it was written, or refused.

use std::fs;

use proptest::prelude::*;

use super::*;
use crate::model::clock::from_ms;

/// The rows of a bill, as texts, or the flaw.
fn rows(bytes: &[u8]) -> Result<Vec<Vec<String>>, Flaw> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("bill.csv");
    fs::write(&path, bytes).unwrap();
    let mut rows = Vec::new();
    let read = read(
        &path,
        |_, _| Ok(()),
        |row| {
            rows.push((0..row.width()).map(|column| row.cell(column).into_owned()).collect());
            Ok(())
        },
    );
    read.map(|_| rows)
}

fn titles(bytes: &[u8]) -> Option<Vec<String>> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("bill.csv");
    fs::write(&path, bytes).unwrap();
    let mut found = None;
    let header = |titles: Option<&BillRow<'_>>, width: usize| {
        found = titles.map(|titles| (0..width).map(|column| titles.cell(column).into_owned()).collect());
        Ok(())
    };
    read(&path, header, |_| Ok(())).unwrap();
    found
}

#[test]
fn what_spreadsheets_and_exports_put_around_ids_is_removed() {
    let text = "coupon,user\r\n'7300000000000000001,\tu1\r\n\"=\"\"7300000000000000002\"\"\",`u2\r\n ７ , u3 \r\n";
    let read = rows(text.as_bytes()).unwrap();
    assert_eq!(
        read,
        [
            ["7300000000000000001", "u1"],
            ["7300000000000000002", "u2"],
            ["７", "u3"]
        ]
    );
}

#[test]
fn a_number_that_a_spreadsheet_wrote_is_no_id() {
    for changed in ["7.30012E+18", "7.3e18", "7300120000000000000.0", "7,300,120", "7E+18"] {
        assert!(is_changed_id(changed), "{changed}");
    }
    for id in [
        "7300120000000000000",
        "Cv4PoJXaTPn63rNu",
        "ba253642-0590-40bc-a1b2",
        "1e5",
        "-",
        "",
        "E5F6",
    ] {
        assert!(!is_changed_id(id), "{id}");
    }
}

#[test]
fn times_are_read_in_the_zone_of_the_bill() {
    let shanghai = TimeZone::get("Asia/Shanghai").unwrap();
    let at = from_ms(1_780_000_000_000);
    for written in [
        "1780000000",
        "1780000000000",
        "2026-05-29 04:26:40",
        "2026/05/29 04:26:40",
        "2026-05-29T04:26:40",
        "2026-05-29 04:26:40.0",
        "2026年05月29日 04:26:40",
        "20260529042640",
        "2026-05-28T20:26:40Z",
    ] {
        assert_eq!(time(written, &shanghai), Some(at), "{written}");
    }
    for none in ["", "soon", "178000000", "05/29/2026", "-", "2026-13-01 00:00:00"] {
        assert_eq!(time(none, &shanghai), None, "{none}");
    }
}

#[test]
fn a_row_of_titles_has_no_long_number() {
    assert_eq!(
        titles("coupon_id,open_id\n7300000000000000001,u1\n".as_bytes()),
        Some(vec!["coupon_id".to_owned(), "open_id".to_owned()])
    );
    assert_eq!(titles("7300000000000000001\tu1\n".as_bytes()), None);
    assert_eq!(titles(b""), None);
}

#[test]
fn encodings_and_separators_are_recognised() {
    let text = "券ID;用户\n7300000000000000001;张三\n";
    let gb18030 = GB18030.encode(text).0.into_owned();
    let mut utf16 = vec![0xff, 0xfe];
    utf16.extend(text.encode_utf16().flat_map(u16::to_le_bytes));
    for bytes in [
        text.as_bytes().to_vec(),
        format!("\u{feff}{text}").into_bytes(),
        gb18030,
        utf16,
    ] {
        assert_eq!(rows(&bytes).unwrap(), [["7300000000000000001", "张三"]]);
    }
    assert_eq!(rows("1234567|u1\n".as_bytes()).unwrap(), [["1234567", "u1"]]);
}

#[test]
fn a_table_that_is_not_whole_is_a_flaw() {
    let width = rows(b"a,b\n1234567,u1\n1234568\n").unwrap_err();
    assert_eq!(
        width,
        Flaw::Width {
            row: 3,
            columns: 1,
            expected: 2
        }
    );
    assert_eq!(rows(&[0x81, 0x00, 0xff, 0xff]).unwrap_err(), Flaw::NotText);
    let quote = format!("a,b\n1234567,\"u1\n{}", "1234568,u2\n".repeat(1_000));
    assert!(matches!(
        rows(quote.as_bytes()),
        Err(Flaw::NotATable { .. } | Flaw::Width { .. })
    ));
}

#[test]
fn the_last_row_may_be_cut_if_its_line_does_not_end() {
    let cut = |text: &str| {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("bill.csv");
        fs::write(&path, text).unwrap();
        let mut cut = Vec::new();
        let each = |row: BillRow<'_>| {
            cut.push(row.may_be_cut);
            Ok(())
        };
        read(&path, |_, _| Ok(()), each).unwrap();
        cut
    };
    assert_eq!(cut("1234567,u1\n1234568,u2\n"), [false, false]);
    assert_eq!(cut("1234567,u1\n1234568,u"), [false, true]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    /// Any bytes are read or refused, and a bill that was cut anywhere has no row that the whole bill does not have, except for
    /// its last one.
    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let _ = rows(&bytes);
    }

    #[test]
    fn a_bill_that_is_cut_anywhere_has_no_other_rows(
        ids in prop::collection::vec(7_300_000_000_000_000_000_u64..7_300_000_000_000_999_999, 1..8),
        cut in 0..1_000_usize,
        guarded in any::<bool>(),
    ) {
        let row = |id: &u64| if guarded { format!("'{id},user-{id},1780000000\n") } else { format!("{id},user-{id},1780000000\n") };
        let whole: String = ids.iter().map(row).collect();
        let all = rows(whole.as_bytes()).unwrap();
        prop_assert_eq!(all.len(), ids.len());
        let part = whole.as_bytes().get(..cut % (whole.len() + 1)).unwrap();
        match rows(part) {
            Ok(read) => {
                let complete = read.len().saturating_sub(1);
                prop_assert_eq!(read.get(..complete), all.get(..complete));
            }
            Err(Flaw::Width { .. }) => {}
            Err(other) => prop_assert!(false, "{:?}", other),
        }
    }
}
