//! Tests of reading: every row is returned once with its line, or the reading fails with a place.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;

use jiff::tz::TimeZone;
use proptest::prelude::*;
use sha2::{Digest, Sha256};

use super::*;
use crate::model::event::UnusableKind;
use crate::model::identity::OpenId;

type Shown = (u64, Result<String, UnusableKind>);

pub(super) fn columns() -> Columns {
    Columns {
        open_id: "open_id".into(),
        last_active: None,
        zone: TimeZone::get("Asia/Shanghai").expect("the zone is bundled"),
        present: "2026-06-01T02:00:00Z".parse().expect("a time"),
    }
}

fn source(path: &Path) -> CsvSource {
    CsvSource {
        input: Input::Files(path.into()),
        columns: columns(),
        encoding: Encoding::Utf8,
        delimiter: None,
    }
}

fn file(bytes: &[u8]) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().expect("a temporary file");
    file.write_all(bytes).expect("the file is written");
    file
}

/// Reads a source to its end, blocking.
pub(super) fn read_through(source: &Source, on_rows: impl FnMut(&Batch)) -> Result<Totals, AudienceError> {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.expect("a runtime").block_on(read(source, on_rows))
}

fn read_all(source: CsvSource) -> Result<(Vec<Shown>, Totals), AudienceError> {
    let mut shown = Vec::new();
    let totals = read_through(&Source::Csv(source), |batch| {
        shown.extend(batch.rows().map(|row| (row.place.number, row.open_id.map(Into::into))));
    })?;
    Ok((shown, totals))
}

/// Returns the rows of a UTF-8 file with the column `open_id`.
fn rows(bytes: &[u8]) -> Vec<Shown> {
    let file = file(bytes);
    read_all(source(file.path())).expect("the file is read").0
}

fn users(rows: &[Shown]) -> Vec<(u64, &str)> {
    rows.iter()
        .map(|(line, open_id)| (*line, open_id.as_deref().expect("a usable row")))
        .collect()
}

/// Formats an error as the user sees it, with the file's path shortened to its name.
fn told(error: &AudienceError, path: &Path) -> String {
    let mut text = error.to_string();
    if let Some(cause) = std::error::Error::source(error) {
        write!(text, "\n  caused by: {cause}").expect("a string takes it");
    }
    if let Some(help) = error.help() {
        write!(text, "\n  help: {help}").expect("a string takes it");
    }
    text.replace(&path.display().to_string(), "audience.csv")
}

#[test]
fn byte_order_mark_line_ends_quotes_and_blank_lines_are_read_right() {
    let expected = [(3, "u1"), (4, "u2"), (7, "u3"), (9, "u4"), (11, "u5")];
    let text = "\u{feff}\nname,\"open_id\"\n\"a \"\"b\"\"\",u1\n,u2 \n\n\n\"two\nlines, in\", u3\nc,\"u4\"\n\nd,u5";
    let unix = rows(text.as_bytes());
    assert_eq!(users(&unix), expected);
    let windows = rows(text.replace('\n', "\r\n").as_bytes());
    assert_eq!(users(&windows), expected);
}

#[test]
fn the_delimiter_is_the_one_that_shows_the_column() {
    for text in [
        "a,b;c;open_id\nx,y;z;u1\n",
        "a\topen_id\nx\tu1\n",
        "a,open_id\nx,u1\n",
        "open_id\nu1\n",
        "\u{feff}\"open_id\"\nu1\n",
    ] {
        assert_eq!(users(&rows(text.as_bytes())), [(2, "u1")], "{text:?}");
    }
    let file = file(b"a;b,open_id\nx;y,u1\n");
    let semicolon = CsvSource {
        delimiter: Some(b';'),
        ..source(file.path())
    };
    assert!(matches!(read_all(semicolon), Err(AudienceError::NoColumn { found, .. }) if found.len() == 2));
}

#[test]
fn unusable_rows_are_shown_with_their_kind() {
    let long = "x".repeat(129);
    let text = format!(
        "open_id,n\n ,1\n{long},1\na b,1\nu1\nu2,1,2\nu\u{fffd},1\nu\u{200b},1\n{},1\n",
        "x".repeat(128)
    );
    let mut bytes = text.into_bytes();
    bytes.extend(b"\xffx,1\n");
    let kinds: Vec<_> = rows(&bytes)
        .into_iter()
        .map(|(line, open_id)| (line, open_id.err()))
        .collect();
    assert_eq!(
        kinds,
        [
            (2, Some(UnusableKind::Empty)),
            (3, Some(UnusableKind::TooLong)),
            (4, Some(UnusableKind::NotPrintable)),
            (5, Some(UnusableKind::WrongFields)),
            (6, Some(UnusableKind::WrongFields)),
            (7, Some(UnusableKind::NotText)),
            (8, Some(UnusableKind::NotPrintable)),
            (9, None),
            (10, Some(UnusableKind::NotText)),
        ]
    );
}

#[test]
fn gb18030_is_read_as_text_when_the_source_says_so() {
    let (bytes, _, _) = encoding_rs::GB18030.encode("昵称,用户,open_id\n小明,𠮷,用户一\n\"小,红\",乙,u2\n");
    let file = file(&bytes);
    let gb18030 = |column: &str| CsvSource {
        encoding: Encoding::Gb18030,
        columns: Columns {
            open_id: column.into(),
            ..columns()
        },
        ..source(file.path())
    };
    let read = |source| read_all(source).expect("the file is read").0;
    assert_eq!(users(&read(gb18030("open_id"))), [(2, "用户一"), (3, "u2")]);
    assert_eq!(users(&read(gb18030("用户"))), [(2, "𠮷"), (3, "乙")]);
    assert_eq!(
        read(source(file.path())),
        [(2, Err(UnusableKind::NotText)), (3, Ok("u2".into()))]
    );
}

#[test]
fn the_hash_is_that_of_every_byte() {
    for text in ["\u{feff}open_id\nu1", "open_id\r\nu1\r\n", "open_id\n"] {
        let file = file(text.as_bytes());
        let totals = read_all(source(file.path())).expect("the file is read").1;
        assert_eq!(totals.hash, <[u8; 32]>::from(Sha256::digest(text)));
        assert_eq!(totals.bytes, text.len() as u64);
    }
}

#[test]
fn what_cannot_be_read_is_told_with_its_place() {
    let long = format!("open_id,n\nu1,1\nu2,{}\nu3,1\n", "x".repeat(3 << 20));
    let long_quote = format!("open_id,n\nu1,1\nu2,\"{}\nu3,1\n", "x\n".repeat(2 << 20));
    let just_too_long = format!("open_id\n{}\n", "x".repeat((1 << 20) + 1));
    let cases: [(&str, &[u8]); 17] = [
        ("empty", b""),
        ("blank", b"\xef\xbb\xbf\r\n\n"),
        ("no such column", b"id,Open_ID,name\n1,u1,a\n"),
        ("nothing near", b"id;name\n1;a\n"),
        ("twice the column", b"\nopen_id,name,open_id\nu1,a,u2\n"),
        ("unclosed quote", b"open_id,n\r\nu1,\"a\r\nb\"\r\nu2,\"c\r\nu3,d\r\n"),
        ("unclosed quote, far from the end", long_quote.as_bytes()),
        ("unclosed quote in the header", b"\"open_id,n\nu1,1\n"),
        ("unpaired quote", b"open_id,n\nu1,\"bob\nu2,alice\nu3,\"carol\"\n"),
        ("NUL", b"open_id\nu1\n\nu\0\n"),
        ("NUL in the header", b"open\0_id\nu1\n"),
        ("a spreadsheet", b"PK\x03\x04\x14\0\x06\0"),
        ("UTF-16", b"\xff\xfeo\0p\0e\0n\0"),
        ("long row", long.as_bytes()),
        ("row one byte too long", just_too_long.as_bytes()),
        ("lone carriage returns", b"open_id\ru1\ru2\r"),
        ("another encoding", b"\xc3\xfb\xd7\xd6,id\na,1\n"),
    ];
    let mut text = String::new();
    for (name, bytes) in cases {
        let file = file(bytes);
        let error = read_all(source(file.path())).expect_err(name);
        writeln!(text, "# {name}\n{}\n", told(&error, file.path())).expect("a string takes it");
    }
    let dir = tempfile::tempdir().expect("a temporary folder");
    for path in [dir.path().to_owned(), dir.path().join("absent"), "/dev/null".into()] {
        let error = read_all(source(&path)).expect_err("it is no file");
        writeln!(text, "{}\n", told(&error, &path)).expect("a string takes it");
    }
    insta::assert_snapshot!(text);
}

/// The reason for checking quotes: the parser alone reads three recipients as one, silently.
#[test]
fn the_parser_alone_would_swallow_rows() {
    let text = "open_id,n\nu1,\"bob\nu2,alice\nu3,\"carol\"\n";
    let lenient = ::csv::ReaderBuilder::new()
        .flexible(true)
        .from_reader(text.as_bytes())
        .byte_records()
        .count();
    assert_eq!(lenient, 1);
}

#[test]
fn a_file_that_changes_meanwhile_is_refused() {
    type Change = fn(&Path);
    let append: Change = |path| {
        let mut file = std::fs::OpenOptions::new()
            .append(true)
            .open(path)
            .expect("the file opens");
        file.write_all(b"u4\n").expect("the file is written");
    };
    let cut: Change = |path| {
        let file = std::fs::OpenOptions::new()
            .write(true)
            .open(path)
            .expect("the file opens");
        file.set_len(10).expect("the file is cut");
    };
    let replace: Change = |path| {
        let other = path.with_extension("new");
        std::fs::copy(path, &other)
            .and_then(|_| std::fs::rename(&other, path))
            .expect("the file is replaced");
    };
    let remove: Change = |path| std::fs::remove_file(path).expect("the file is removed");
    for change in [append, cut, replace, remove] {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let path = dir.path().join("audience.csv");
        std::fs::write(&path, many()).expect("the file is written");
        let mut changed = false;
        let result = read_through(&Source::Csv(source(&path)), |_| {
            if !std::mem::replace(&mut changed, true) {
                change(&path);
            }
        });
        assert!(matches!(result, Err(AudienceError::Changed { .. })), "{result:?}");
    }
}

/// Returns more rows than a reading is ever ahead.
fn many() -> String {
    (0..100_000).fold("open_id\n".to_owned(), |text, n| text + &format!("u{n}\n"))
}

/// A source reads only a few batches ahead of its consumer, and ends when the reading is dropped.
#[tokio::test]
async fn a_reading_is_bounded_and_can_be_dropped() {
    let file = file(many().as_bytes());
    let mut reading = Reading::begin(&Source::Csv(source(file.path()))).expect("a thread");
    let Ok(Next::Rows(first)) = reading.next().await else {
        panic!("there are rows");
    };
    assert!(first.len() < 10_000, "{}", first.len());
    drop(reading);
}

/// A field that a correct CSV writer may write.
fn field() -> impl Strategy<Value = String> {
    prop_oneof!["[a-z0-9]{1,6}", "[ -~\n\r\t]{0,8}", "[一-龥]{1,4}"]
}

proptest! {
    /// The output of a correct CSV writer is read back, at any position relative to the parser's buffers.
    #[test]
    fn what_is_written_by_the_rules_is_read_back(
        table in prop::collection::vec((field(), field()), 0..40),
        filler in 0_usize..3,
        windows: bool,
        delimiter in prop::sample::select(vec![b',', b';', b'\t']),
    ) {
        let mut writer = ::csv::WriterBuilder::new()
            .delimiter(delimiter)
            .terminator(if windows { ::csv::Terminator::CRLF } else { ::csv::Terminator::Any(b'\n') })
            .from_writer(Vec::new());
        let padding = "x".repeat(filler * 70_000);
        writer.write_record([b"open_id", padding.as_bytes()]).expect("memory takes it");
        for (open_id, other) in &table {
            writer.write_record([open_id, other]).expect("memory takes it");
        }
        let bytes = writer.into_inner().expect("memory takes it");
        let mut line = 2;
        let expected: Vec<_> = table.iter().map(|(open_id, other)| {
            let id = OpenId::parse(open_id).ok().map(|open_id| open_id.to_string());
            let row = (line, id.filter(|id| artefact::find(id, "open_id").is_none()));
            line += 1 + [open_id, other].map(|text| text.matches('\n').count() as u64).iter().sum::<u64>();
            row
        }).collect();
        let read: Vec<_> = rows(&bytes).into_iter().map(|(line, open_id)| (line, open_id.ok())).collect();
        prop_assert_eq!(read, expected);
    }

    /// Any bytes end in rows or an error, never in a panic.
    #[test]
    fn any_bytes_end_in_rows_or_in_an_error(bytes in prop::collection::vec(prop::sample::select(b"a\",;\t\n\r\0 \xff\xe4".to_vec()), 0..60)) {
        let mut text = b"open_id,n\n".to_vec();
        text.extend(&bytes);
        let file = file(&text);
        if let Ok((rows, totals)) = read_all(source(file.path())) {
            prop_assert_eq!(rows.len() as u64, totals.rows);
            prop_assert!(rows.windows(2).all(|pair| pair[0].0 < pair[1].0), "lines ascend");
        }
        let _ = read_all(CsvSource { encoding: Encoding::Gb18030, ..source(file.path()) });
    }
}
