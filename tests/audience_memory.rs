//! A hundred megabytes in one field end in an error with a place, and never lie in memory. A process of its own, whose
//! most resident memory nothing else raises.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::io::Write;
use std::path::Path;

use jiff::tz::TimeZone;
use runner::audience::{AudienceError, Columns, CsvSource, Encoding, Flaw, Input, JsonlSource, Source, read};

/// So much more, in KiB, is allowed for batches, buffers and whatever the allocator keeps.
const MOST: u64 = 32 << 10;

fn endless(path: &Path, head: &str) {
    let file = std::fs::File::create(path).unwrap();
    let mut encoder = flate2::write::GzEncoder::new(file, flate2::Compression::fast());
    encoder.write_all(head.as_bytes()).unwrap();
    let much = vec![b'x'; 1 << 20];
    for _ in 0..100 {
        encoder.write_all(&much).unwrap();
    }
    encoder.finish().unwrap();
}

/// The most memory that this process had resident, in KiB.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    peak.split_whitespace().next().unwrap().parse().unwrap()
}

#[tokio::test]
async fn one_endless_field() {
    let folder = tempfile::tempdir().unwrap();
    let (text, lines) = (folder.path().join("a.csv"), folder.path().join("a.jsonl"));
    endless(&text, "open_id\nu1\n");
    endless(&lines, "{\"open_id\":\"u1\"}\n{\"open_id\":\"");
    let columns = || Columns {
        open_id: "open_id".into(),
        last_active: None,
        zone: TimeZone::UTC,
    };
    let csv = Source::Csv(CsvSource {
        input: Input::Files(text.as_path().into()),
        columns: columns(),
        encoding: Encoding::Utf8,
        delimiter: None,
    });
    let jsonl = Source::Jsonl(JsonlSource {
        input: Input::Files(lines.as_path().into()),
        columns: columns(),
    });
    let before = resident();
    for (source, line) in [(csv, 3), (jsonl, 2)] {
        let error = read(&source, |_| {}).await.unwrap_err();
        let at = matches!(error, AudienceError::Malformed { line: at, flaw: Flaw::TooLong, .. } if at == line);
        assert!(at, "{error:?}");
    }
    let more = resident() - before;
    assert!(more < MOST, "{more} KiB more than before");
}
