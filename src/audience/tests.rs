//! Tests of reading: every row is returned once with its line, or the reading fails with a place.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;

use jiff::tz::TimeZone;
use proptest::prelude::*;
use sha2::{Digest, Sha256};

use super::*;
use crate::catalogue::Language;
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
fn a_file_in_another_encoding_than_it_is_declared_names_its_own() {
    let text = "用户ID,姓名\nu1,小明\n";
    let (gb18030, _, _) = encoding_rs::GB18030.encode(text);
    let marked = format!("\u{feff}{text}");
    let mut said = String::new();
    for (bytes, encoding) in [
        (&*gb18030, Encoding::Utf8),
        (text.as_bytes(), Encoding::Gb18030),
        (marked.as_bytes(), Encoding::Gb18030),
        (text.as_bytes(), Encoding::Utf8),
    ] {
        let file = file(bytes);
        let of_users = CsvSource {
            encoding,
            columns: Columns {
                open_id: "用户ID".into(),
                ..columns()
            },
            ..source(file.path())
        };
        let read = match read_all(of_users) {
            Ok((rows, _)) => format!("{rows:?}"),
            Err(error) => told(&error, file.path()),
        };
        writeln!(said, "{read}\n").expect("a string takes it");
    }
    insta::assert_snapshot!(said);
}

/// A value that is not a time is shown as a person can read it.
#[test]
fn an_unreadable_time_of_an_undeclared_encoding_is_shown_in_it() {
    let (bytes, _, _) = encoding_rs::GB18030.encode("open_id,seen\nu1,昨天\n");
    let file = file(&bytes);
    let dated = CsvSource {
        columns: Columns {
            last_active: Some("seen".into()),
            ..columns()
        },
        ..source(file.path())
    };
    let mut seen = Vec::new();
    let read = read_through(&Source::Csv(dated), |batch| {
        seen.extend(batch.rows().map(|row| format!("{:?}", row.last_active)));
    });
    read.expect("the file is read");
    assert_eq!(seen, ["Unreadable(\"昨天\")"]);
}

#[test]
fn what_spreadsheets_add_to_a_file_does_not_hide_the_column() {
    for text in [
        "sep=;\nopen_id;name\nu1;a\n",
        "\u{feff}\"SEP=,\"\r\nopen_id,name\r\nu1,a\r\n",
        "sep=|\nname|open_id\na|u1\n",
        "sep=\t\nname\topen_id\na\tu1\n",
        "open_id\t\nu1\ta,b\n",
        "name,\u{a0}open_id\u{3000}\n\na,u1\n",
        "name,\u{200b}\u{feff}open_id\u{200b}\n\na,u1\n",
    ] {
        let users: Vec<_> = rows(text.as_bytes()).into_iter().map(|(_, open_id)| open_id).collect();
        assert_eq!(users, [Ok("u1".to_owned())], "{text:?}");
    }
    assert_eq!(
        users(&rows(b"sep=;\nopen_id;name\nu1;a\n")),
        [(3, "u1")],
        "lines are counted as an editor counts"
    );
}

/// Empty rows at the end are like blank lines. Elsewhere they may have lost their ids.
#[test]
fn empty_rows_count_except_at_the_end() {
    let empty = |line| (line, Err(UnusableKind::Empty));
    let user = |line, name: &str| (line, Ok(name.to_owned()));
    for (text, expected) in [
        ("open_id,n,\nu1,1,\n,,\n,,\n", vec![user(2, "u1")]),
        ("open_id,n\r\nu1,1\r\n,\r\n , \r\n,,,\r\n\r\n", vec![user(2, "u1")]),
        (
            "open_id,n\nu1,1\n,\n,\nu2,1\n,\n",
            vec![user(2, "u1"), empty(3), empty(4), user(5, "u2")],
        ),
        ("open_id,n\nu1,1\n,\n\n,\n", vec![user(2, "u1"), empty(3)]),
        ("open_id,n\n,\n,\n", vec![empty(2), empty(3)]),
    ] {
        assert_eq!(rows(text.as_bytes()), expected, "{text:?}");
    }
}

/// Rows that all end with a delimiter have one field more than the header.
#[test]
fn rows_with_empty_fields_after_the_last_column_are_read() {
    assert_eq!(users(&rows(b"open_id,n\r\nu1,a,\r\nu2,b,\r\n")), [(2, "u1"), (3, "u2")]);
    let wrong = |line| (line, Err(UnusableKind::WrongFields));
    // A comma within a value moves the open_id.
    assert_eq!(
        rows(b"n,open_id\na,u1\nLi,Wei,\nLi,Wei,u2\n"),
        [(2, Ok("u1".to_owned())), wrong(3), wrong(4)]
    );
    assert_eq!(
        rows(b"n,open_id\nLi,Wei,u1\na,u2\nb\n"),
        [wrong(2), (3, Ok("u2".to_owned())), wrong(4)]
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
    let tar = [&b"members.csv"[..], &[0; 246], b"ustar\x0000"].concat();
    let cases: [(&str, &[u8]); 36] = [
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
        (
            "lines before the header",
            "夏日活动名单,\n导出：小明,\nopen_id,name\nu1,a\n".as_bytes(),
        ),
        ("files put together", b"u1,a\nopen_id,name\nu2,b\n"),
        ("another delimiter", b"open_id|name\nu1|a\n"),
        ("a full-width comma", "姓名，open_id\n小明，u1\n".as_bytes()),
        (
            "no header",
            b"ba253642-0590-40bc-a1b2-93c4d5e6f708,a\nCv4PoJXaTPn63rNu,b\n",
        ),
        ("full-width letters", "ｏｐｅｎ＿ｉｄ,name\nu1,a\n".as_bytes()),
        ("the column twice, once with a space", b"open_id, open_id \nu1,u2\n"),
        ("UTF-16 without a mark", b"o\0p\0e\0n\0"),
        ("UTF-16 without a mark, the other way round", b"\0o\0p\0e\0n"),
        ("JSON lines", b"\xef\xbb\xbf{ \"open_id\": \"u1\"}\n"),
        ("a JSON array", b"[\n  {\"open_id\": \"u1\"}]\n"),
        ("an old workbook", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1\0\0"),
        ("HTML", b"\xef\xbb\xbf\n<TABLE><tr><td>open_id</td></tr></TABLE>"),
        ("XML", b"<?xml version=\"1.0\"?><Workbook/>"),
        ("PDF", b"%PDF-1.4\n"),
        ("RTF", b"{\\rtf1\\ansi open_id}"),
        ("RAR", b"Rar!\x1a\x07\x01\0"),
        ("Avro", b"Obj\x01\x04\x16avro.schema"),
        ("tar", &tar),
    ];
    let mut text = String::new();
    let mut chinese = String::new();
    let mut add = |name: &str, error: &AudienceError, path: &Path| {
        writeln!(text, "# {name}\n{}\n", told(error, path)).expect("a string takes it");
        let told = Language::Chinese.scope(|| told(error, path));
        writeln!(chinese, "# {name}\n{told}\n").expect("a string takes it");
    };
    for (name, bytes) in cases {
        let file = file(bytes);
        let error = read_all(source(file.path())).expect_err(name);
        add(name, &error, file.path());
    }
    let dir = tempfile::tempdir().expect("a temporary folder");
    for (name, path) in [
        ("a directory", dir.path().to_owned()),
        ("an absent file", dir.path().join("absent")),
        ("a device", "/dev/null".into()),
    ] {
        let error = read_all(source(&path)).expect_err("it is no file");
        add(name, &error, &path);
    }
    insta::assert_snapshot!(text);
    insta::assert_snapshot!("what_cannot_be_read_is_told_in_chinese", chinese);
}

/// Returns errors of every kind that the test above does not meet.
fn other_errors() -> Vec<AudienceError> {
    let path = || std::path::PathBuf::from("audience.csv");
    let name = || "open_ids".to_owned();
    let names = || vec!["id".to_owned(), "open\u{200b}_id".to_owned()];
    let url = |server: &'static str, mistakes| AudienceError::Url {
        server,
        reference: crate::model::secret::SecretRef::Env("AUDIENCE_URL".into()),
        mistakes,
    };
    let database = |action, blame, source| AudienceError::Database {
        action,
        database: DatabaseName::PostgreSql,
        blame,
        source,
    };
    let parquet = |row, why| AudienceError::BadParquet { path: path(), row, why };
    let mut all = vec![
        AudienceError::Pattern {
            path: path(),
            why: "recursive wildcards must form a single path component",
        },
        AudienceError::NoMatch { path: path() },
        AudienceError::Terminal,
        AudienceError::no_line("audience.csv"),
        AudienceError::NoKey {
            path: path(),
            key: name(),
            line: 2,
            found: names(),
            nearest: Some("open\u{200b}_id".into()),
        },
        AudienceError::NoKey {
            path: path(),
            key: name(),
            line: 2,
            found: Vec::new(),
            nearest: None,
        },
        AudienceError::NoSuchColumn {
            path: Some(path()),
            column: name(),
            found: (0..30).map(|n| format!("column{n}")).collect(),
            nearest: None,
        },
        AudienceError::NoSuchColumn {
            path: None,
            column: name(),
            found: names(),
            nearest: Some("id".into()),
        },
        AudienceError::Ambiguous {
            column: name(),
            times: 2,
        },
        AudienceError::NotParquet { path: path() },
        AudienceError::NotSqlite { path: path() },
        AudienceError::NoFooter { path: path() },
        parquet(0, ParquetFault::Encrypted),
        parquet(7, ParquetFault::Contradicts),
        parquet(7, ParquetFault::NotSupported("LZO".into())),
        parquet(7, ParquetFault::Library("Invalid Parquet file".into())),
        AudienceError::LongValue {
            path: Some(path()),
            row: 3,
        },
        AudienceError::LongValue { path: None, row: 3 },
        AudienceError::Secret {
            server: "MySQL",
            source: crate::model::secret::SecretError::Unset("AUDIENCE_URL".into()),
        },
        AudienceError::Changed { path: path() },
        AudienceError::BrokenOff,
        AudienceError::NoThread {
            source: std::io::ErrorKind::OutOfMemory.into(),
        },
        AudienceError::Broken,
    ];
    let kinds = [
        Neighbour::Marker,
        Neighbour::Checksum,
        Neighbour::Unfinished,
        Neighbour::Copy,
        Neighbour::Windows,
        Neighbour::MacOs,
        Neighbour::Lock,
    ];
    all.extend(kinds.map(|what| AudienceError::Neighbour {
        pattern: "data/*".into(),
        path: "data/other".into(),
        what,
        narrower: "data/*.csv".into(),
    }));
    for (line, cut) in [(0, true), (4, true), (0, false), (4, false)] {
        all.push(AudienceError::Damaged {
            path: path(),
            line,
            how: "gzip",
            cut,
        });
    }
    let rare = [
        Foreign::Parquet,
        Foreign::Sqlite,
        Foreign::Gzip,
        Foreign::Zstd,
        Foreign::Archive(Archive::GzipWithin),
        Foreign::Archive(Archive::ZstdWithin),
        Foreign::Archive(Archive::Bzip2),
        Foreign::Archive(Archive::Xz),
        Foreign::Archive(Archive::SevenZip),
    ];
    all.extend(rare.map(|what| AudienceError::Foreign { path: path(), what }));
    for (role, path, found) in [
        (Role::OpenId, Some(path()), Some("DOUBLE".to_owned())),
        (Role::OpenId, None, Some("BOOL".to_owned())),
        (Role::LastActive, Some(path()), None),
        (Role::LastActive, None, Some("UUID".to_owned())),
    ] {
        all.push(AudienceError::ColumnType {
            path,
            column: name(),
            found,
            role,
        });
    }
    let flaws = [
        SyntaxError::Utf16 { save_as: SaveAs::Utf8 },
        SyntaxError::NotUtf8,
        SyntaxError::CutJson,
        SyntaxError::JsonArray,
        SyntaxError::NotJson { column: 9 },
        SyntaxError::NoObject,
    ];
    all.extend(flaws.map(|flaw| AudienceError::Malformed {
        path: path(),
        line: 3,
        flaw,
    }));
    let pages = [
        PageFault::FewerRows,
        PageFault::BeyondFile,
        PageFault::WithoutSize,
        PageFault::UnpacksToMore,
        PageFault::LongNumber,
        PageFault::UnnamedEncoding,
        PageFault::MoreValues,
        PageFault::MixedEncodings,
        PageFault::MalformedLengths,
        PageFault::CutLengths,
    ];
    all.extend(pages.map(|fault| parquet(7, ParquetFault::Page(fault))));
    for part in TooLarge::of_every_part() {
        all.push(AudienceError::TooLarge {
            path: path(),
            row: 7,
            part,
        });
    }
    let why = [QueryMistake::Several, QueryMistake::Parameters, QueryMistake::NoRows];
    all.extend(why.map(|why| AudienceError::NoQuery { why }));
    let parameter = || "sslmode".to_owned();
    for mistake in [
        UrlMistake::NotUrl(url::ParseError::EmptyHost),
        UrlMistake::Scheme("postgres"),
        UrlMistake::SeveralHosts,
        UrlMistake::Value(parameter(), ValueKind::Port),
        UrlMistake::Value(parameter(), ValueKind::Address),
        UrlMistake::Value(parameter(), ValueKind::Seconds),
        UrlMistake::Value(parameter(), ValueKind::OneOf(&["disable", "require"])),
        UrlMistake::UnsupportedValue(parameter(), ParameterHelp::UseTls),
        UrlMistake::Unsupported(parameter(), ParameterHelp::UseVerifyFull),
        UrlMistake::Unsupported(parameter(), ParameterHelp::WriteHost),
        UrlMistake::Unsupported(parameter(), ParameterHelp::WritePassword),
        UrlMistake::Unsupported(parameter(), ParameterHelp::WriteSslmode),
        UrlMistake::Unsupported(parameter(), ParameterHelp::PlainKey),
        UrlMistake::Foreign {
            name: parameter(),
            server: "PostgreSQL",
        },
        UrlMistake::Near {
            name: Some("sslmod".into()),
            near: "sslmode",
        },
        UrlMistake::Near {
            name: None,
            near: "sslmode",
        },
        UrlMistake::Hidden(2),
        UrlMistake::NumberSign,
        UrlMistake::Unencoded(vec![('@', "%40"), ('/', "%2F")]),
        UrlMistake::File {
            name: "sslrootcert".into(),
            error: "No such file or directory (os error 2)".into(),
        },
        UrlMistake::Authorities {
            path: "/no/such.pem".into(),
            error: "No such file or directory (os error 2)".into(),
        },
        UrlMistake::ShortPassword,
    ] {
        all.push(url("PostgreSQL", vec![mistake]));
    }
    let two = vec![
        UrlMistake::Hidden(1),
        UrlMistake::Unsupported(parameter(), ParameterHelp::Remove),
    ];
    all.push(url("MySQL", two));
    let actions = [
        DatabaseAction::Connect,
        DatabaseAction::Begin,
        DatabaseAction::Ask,
        DatabaseAction::Read(0),
        DatabaseAction::Read(5),
    ];
    let causes = [
        DatabaseCause::NoAnswer(10.0),
        DatabaseCause::WrongRole {
            found: "standby",
            wanted: "primary".into(),
        },
        DatabaseCause::BadValue,
        DatabaseCause::NotDone(3630),
        DatabaseCause::Closed,
    ];
    for (action, cause) in actions.into_iter().zip(causes) {
        all.push(database(action, Responsible::Server(DatabaseHelp::Nothing), cause));
    }
    for found in ["primary", "read-only", "writable"] {
        let wanted = "standby".to_owned();
        all.push(database(
            DatabaseAction::Begin,
            Responsible::Server(DatabaseHelp::Role),
            DatabaseCause::WrongRole { found, wanted },
        ));
    }
    for help in [
        DatabaseHelp::Again,
        DatabaseHelp::Binding,
        DatabaseHelp::Damaged,
        DatabaseHelp::Database,
        DatabaseHelp::Disk,
        DatabaseHelp::Host,
        DatabaseHelp::Locked,
        DatabaseHelp::Memory,
        DatabaseHelp::MysqlTls,
        DatabaseHelp::Parameters,
        DatabaseHelp::Pooler,
        DatabaseHelp::PostgresTls,
        DatabaseHelp::Query,
        DatabaseHelp::Reach,
        DatabaseHelp::ReadOnly,
        DatabaseHelp::Startup,
        DatabaseHelp::TooSlow,
        DatabaseHelp::User,
    ] {
        all.push(AudienceError::Database {
            action: DatabaseAction::Read(0),
            database: DatabaseName::Sqlite("members.db".into()),
            blame: Responsible::File(help),
            source: DatabaseCause::Message("message of the database".into()),
        });
    }
    all
}

#[test]
fn every_other_error_is_told_in_both_languages() {
    let mut text = String::new();
    for error in other_errors() {
        let english = told(&error, Path::new("audience.csv"));
        let chinese = Language::Chinese.scope(|| told(&error, Path::new("audience.csv")));
        writeln!(text, "{english}\n{chinese}\n").expect("a string takes it");
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

/// Returns how many rows at the end are empty and on consecutive lines. 0 if all rows are empty.
fn empty_at_end(table: &[(String, String)]) -> usize {
    let is_empty =
        |(open_id, other): &(String, String)| open_id.trim_ascii().is_empty() && other.trim_ascii().is_empty();
    let is_one_line = |(open_id, other): &(String, String)| !open_id.contains('\n') && !other.contains('\n');
    if table.iter().all(is_empty) {
        return 0;
    }
    let mut from_end = table.iter().rev().enumerate();
    let end = from_end.position(|(at, row)| !is_empty(row) || at > 0 && !is_one_line(row));
    end.unwrap_or_default()
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
        let expected = &expected[..table.len() - empty_at_end(&table)];
        let read: Vec<_> = rows(&bytes).into_iter().map(|(line, open_id)| (line, open_id.ok())).collect();
        prop_assert_eq!(read.as_slice(), expected);
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
