//! Reading a campaign file: from the disk, within limits, without showing a secret, and without failing on any content.

use std::fs;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use runner::campaign::{Code, Diagnostic, MOST_BYTES, Parsed, Severity, Source, load, parse, render_human};
use runner::model::identity::ActivityId;

const SUMMER: &str = include_str!("../campaigns/summer.yaml");
const EXAMPLES: [&str; 3] = [
    SUMMER,
    include_str!("../examples/first-campaign.yaml"),
    include_str!("../examples/new-activity.yaml"),
];

fn found(bytes: &[u8]) -> Vec<Diagnostic> {
    match parse(Path::new("c.yaml"), bytes) {
        Ok(parsed) => parsed.warnings,
        Err(found) => found,
    }
}

// ── the disk ──

#[test]
fn a_file_that_cannot_be_read_is_a_diagnostic() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let say = |path: &Path| {
        let found = load(path).err().expect("it cannot be used");
        assert_eq!(found.len(), 1);
        render_human(&found, false).replace(&dir.path().display().to_string(), "DIR")
    };
    let large = dir.path().join("large.yaml");
    let most = usize::try_from(MOST_BYTES).expect("it fits");
    fs::write(&large, vec![b'#'; 2 * most]).expect("it is written");
    let binary = dir.path().join("binary.yaml");
    fs::write(&binary, [0, 1, 2, 0xff]).expect("it is written");
    let said = [
        say(&dir.path().join("absent.yaml")),
        say(dir.path()),
        say(&large),
        say(&binary),
        say(Path::new("/dev/zero")),
    ];
    insta::assert_snapshot!(said.join("----\n"));
}

#[test]
fn a_file_that_may_not_be_read_says_so() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().expect("a temporary folder");
    let path = dir.path().join("c.yaml");
    fs::write(&path, SUMMER).expect("it is written");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o000)).expect("it is closed");
    // Root can read this file.
    if fs::read(&path).is_ok() {
        return;
    }
    let found = load(&path).err().expect("it cannot be used");
    assert_eq!(found[0].code, Code::Unreadable);
    assert_eq!(found[0].cause.as_deref(), Some("Permission denied (os error 13)"));
}

#[test]
fn paths_begin_at_the_folder_of_the_file() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let path = dir.path().join("c.yaml");
    fs::write(&path, SUMMER).expect("it is written");
    let parsed = load(&path)
        .map_err(|found| render_human(&found, false))
        .expect("it parses");
    assert_eq!(audience(&parsed), dir.path().join("audience/summer.csv"));
    let absolute = SUMMER.replace("audience/summer.csv", "/srv/summer.csv");
    let parsed = parse(&path, absolute.as_bytes())
        .map_err(|found| render_human(&found, false))
        .expect("it parses");
    assert_eq!(audience(&parsed), Path::new("/srv/summer.csv"));
}

fn audience(parsed: &Parsed) -> PathBuf {
    match &parsed.campaign.audience.source {
        Source::Csv(csv) => csv.path.folder.join(&csv.path.path),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_byte_order_mark_and_windows_line_ends_change_nothing() {
    let windows = format!("\u{feff}{}", SUMMER.replace('\n', "\r\n"));
    let read = |text: &str| {
        parse(Path::new("c.yaml"), text.as_bytes())
            .map_err(|found| render_human(&found, false))
            .expect("it parses")
            .campaign
    };
    assert_eq!(read(&windows), read(SUMMER));
    let places = |text: &str| {
        found(text.replace("per_second: 98", "per_second: x").as_bytes())
            .iter()
            .map(|one| one.place)
            .collect::<Vec<_>>()
    };
    assert_eq!(places(&windows), places(SUMMER));
}

#[test]
fn a_later_mistake_finds_the_place_of_its_key() {
    let parsed = parse(Path::new("c.yaml"), SUMMER.as_bytes())
        .map_err(|found| render_human(&found, false))
        .expect("it parses");
    let message = "the audience has no column `open_id`".to_owned();
    let placed = parsed.mistake(
        "audience.source.csv.open_id",
        Code::Absent,
        message,
        Some("its columns are `user`".into()),
    );
    let whole = parsed.mistake("platform.base_url", Code::Absent, "nobody answers".into(), None);
    insta::assert_snapshot!(render_human(&[placed, whole], false));
}

#[test]
fn diagnostics_are_objects_with_positions() {
    let found = found("title: 夏日\nshedule: 1\n".as_bytes());
    let last = found.last().expect("there is one");
    insta::assert_json_snapshot!(last);
}

// ── aliases, and names as they are written ──

#[test]
fn aliases_are_what_they_stand_for() {
    let file = format!("{SUMMER}halt:\n  refused: &guard {{over: 10%, after: 50}}\n  held: *guard\n");
    let parsed = parse(Path::new("c.yaml"), file.as_bytes())
        .map_err(|found| render_human(&found, false))
        .expect("it parses");
    assert_eq!(parsed.campaign.halt.held, parsed.campaign.halt.refused);
    assert!(parsed.campaign.halt.held.is_some());
}

#[test]
fn identifiers_arrive_as_they_are_written() {
    for (written, meant) in [
        ("0071", "0071"),
        ("no", "no"),
        ("null", "null"),
        ("1e3", "1e3"),
        ("0x1f", "0x1f"),
        ("\"7\"", "7"),
    ] {
        let file = SUMMER.replace("ttec789ac573xxxxxx01", written);
        let parsed = parse(Path::new("c.yaml"), file.as_bytes())
            .map_err(|found| render_human(&found, false))
            .expect("it parses");
        assert_eq!(parsed.campaign.names.app_id.as_str(), meant);
    }
    let file = SUMMER.replace("\"7218071234565644204\"", "00072180712345656442041234567890");
    let parsed = parse(Path::new("c.yaml"), file.as_bytes())
        .map_err(|found| render_human(&found, false))
        .expect("it parses");
    assert_eq!(
        parsed.campaign.names.activity_id,
        ActivityId::parse("00072180712345656442041234567890").ok()
    );
}

// ── secrets ──

/// Every known way to write a secret into the file. `CANARY` is the secret.
const LEAKS: [&str; 40] = [
    "credentials: CANARY\n",
    "credentials:\n  CANARY\n",
    "credentials: [CANARY]\n",
    "credentials: {CANARY: 1}\n",
    "credentials: {client_key: CANARY, client_secret: CANARY}\n",
    "credentials: {client_key: {env: K}, client_secret: CANARY, colour: red}\n",
    "credentials:\n  client_key: CANARY\n  client_secret: 'CANARY'\n",
    "credentials:\n  access_token: \"CANARY\" # CANARY\n",
    "credentials:\n  access_token: |\n    CANARY\n    CANARY\n",
    "credentials:\n  access_token: >-\n    CANARY\n",
    "credentials:\n  access_token:\n    CANARY\n",
    "credentials:\n  access_token:\n    - CANARY\n",
    "credentials:\n  access_token: {CANARY}\n",
    "credentials:\n  access_token: {value: CANARY}\n",
    "credentials:\n  access_token: {env: CANARY-1}\n",
    "credentials:\n  access_token: {env: $CANARY}\n",
    "credentials:\n  access_token: {env: [CANARY]}\n",
    "credentials:\n  access_token: {env: aCANARY0123456789}\n",
    "credentials:\n  app_secret: CANARY\n",
    "credentials:\n  CANARY: x\n",
    "credentials:\n  access_token: CANARY: x\n",
    "credentials:\n  access_token: CANARY\n   x: y\n",
    "credentials:\n  access_token: {env: \"CANARY\n",
    "credentials:\n\taccess_token: CANARY\n",
    "client_secret: CANARY\n",
    "secret: {a: CANARY, b: CANARY}\n",
    "x: &s CANARY\ncredentials: {access_token: *s}\n",
    "x: &s [CANARY, {b: CANARY}]\ncredentials: {access_token: *s}\n",
    "x: &s CANARY\ny: &t [*s]\ncredentials: {access_token: {env: *t}}\n",
    "x: &s {CANARY: 1}\ncredentials: {client_key: *s}\n",
    "platform: {base_url: https://CANARY:CANARY@host}\n",
    "platform: {base_url: 'https://user:CANARY@ho st'}\n",
    "title2: clt.CANARY\napp_id: clt.CANARY!\nclt.CANARY: 1\n",
    "audience: {source: {postgres: {url: 'postgres://u:CANARY@db/x'}}}\n",
    "audience: {source: {postgres: {url: 'postgres://db/x?password=CANARY'}}}\n",
    "audience: {source: {postgres: {url: {env: 'postgres://db/x?password=CANARY'}}}}\n",
    "audience: {source: {postgres: {url: {postgres://db/CANARY: x}}}}\n",
    "audience: {source: {mysql: 'mysql://db/x?password=CANARY'}}\n",
    "audience: {source: 'mysql://db/x?password=CANARY'}\n",
    "audience: {source: {mysql: {url: [mysql://db/CANARY]}}}\n",
];

#[test]
fn a_secret_in_clear_is_never_shown() {
    let mut said = String::new();
    for leak in LEAKS {
        for file in [
            format!("{leak}version: 1\n"),
            format!("version: 1\n{leak}"),
            leak.trim_end().to_owned(),
        ] {
            let file = file.replace("CANARY", "zQ9xCanary31");
            let found = parse(Path::new("c.yaml"), file.as_bytes())
                .err()
                .expect("it is refused");
            let json = serde_json::to_string(&found).expect("it is JSON");
            let human = render_human(&found, false);
            let debug = format!("{found:?}");
            for text in [&human, &json, &debug] {
                assert!(!text.contains("anary31"), "{file}\n{text}");
            }
            if file.starts_with("cred") && file.ends_with("version: 1\n") {
                let about: Vec<_> = found.into_iter().filter(|one| one.code != Code::MissingKey).collect();
                said.push_str(&render_human(&about, false));
                said.push_str("----\n");
            }
        }
    }
    insta::assert_snapshot!(said);
}

// ── arbitrary content ──

/// Checks what must be true of the diagnostics of any bytes.
fn sound(bytes: &[u8]) {
    let found = found(bytes);
    let text = String::from_utf8_lossy(bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes));
    let lines = u32::try_from(text.split(['\n', '\r']).count()).expect("it is small");
    assert!(found.len() <= 101, "{} diagnostics", found.len());
    let places: Vec<_> = found.iter().filter_map(|one| one.place).collect();
    assert!(
        places.is_sorted_by_key(|place| (place.line, place.column)),
        "{places:?}"
    );
    for one in &found {
        assert!(
            !one.message.is_empty() && one.help.as_ref().is_none_or(|help| !help.is_empty()),
            "{one:?}"
        );
        let first = one.message.chars().next().unwrap_or_default();
        assert!(!first.is_uppercase(), "{}", one.message);
        if let Some(place) = one.place {
            assert!(place.line >= 1 && place.column >= 1, "{place:?}");
            assert!(place.end_line <= lines, "{place:?} of {lines}");
            assert!(
                (place.line, place.column) <= (place.end_line, place.end_column),
                "{place:?}"
            );
        }
        if let Some(excerpt) = &one.excerpt {
            assert!(excerpt.text.get(excerpt.mark.clone()).is_some(), "{excerpt:?}");
        }
    }
    let human = render_human(&found, false);
    assert!(human.is_empty() == found.is_empty());
    assert!(human.len() <= found.len() * 4096, "{} bytes", human.len());
}

/// One edit of a file by bytes or by lines.
#[derive(Clone, Debug)]
enum Edit {
    Byte(usize, u8),
    Insert(usize, Vec<u8>),
    Remove(usize, usize),
    Repeat(usize, usize),
    Swap(usize, usize),
    Indent(usize, usize),
}

fn edits() -> impl Strategy<Value = Vec<Edit>> {
    let at = 0_usize..4000;
    let pieces = prop::sample::select(vec![
        "\t", "  ", ": ", "- ", "{", "}", "[", "]", "\"", "'", "&a ", "*a", "!!int ", "|\n", ">\n", "#", "---\n",
        "...\n", "%", "<<: ", "\u{feff}", "夏", "\r\n", "\0", "\u{85}", "? ", "~",
    ]);
    let edit = prop_oneof![
        (at.clone(), any::<u8>()).prop_map(|(at, byte)| Edit::Byte(at, byte)),
        (at.clone(), pieces).prop_map(|(at, piece)| Edit::Insert(at, piece.as_bytes().to_vec())),
        (at.clone(), 1_usize..40).prop_map(|(at, n)| Edit::Remove(at, n)),
        (at.clone(), 1_usize..5).prop_map(|(at, n)| Edit::Repeat(at, n)),
        (at.clone(), at.clone()).prop_map(|(a, b)| Edit::Swap(a, b)),
        (at, 0_usize..6).prop_map(|(at, n)| Edit::Indent(at, n)),
    ];
    prop::collection::vec(edit, 1..8)
}

fn apply(text: &str, edits: &[Edit]) -> Vec<u8> {
    let mut bytes = text.as_bytes().to_vec();
    for edit in edits {
        let len = bytes.len().max(1);
        match edit {
            Edit::Byte(at, byte) => {
                if let Some(old) = bytes.get_mut(at % len) {
                    *old = *byte;
                }
            }
            Edit::Insert(at, piece) => {
                let at = (at % len).min(bytes.len());
                bytes.splice(at..at, piece.iter().copied());
            }
            Edit::Remove(at, n) => {
                let at = (at % len).min(bytes.len());
                bytes.drain(at..(at + n).min(bytes.len()));
            }
            Edit::Repeat(..) | Edit::Swap(..) | Edit::Indent(..) => bytes = by_lines(&bytes, edit),
        }
    }
    bytes
}

fn by_lines(bytes: &[u8], edit: &Edit) -> Vec<u8> {
    let mut lines: Vec<Vec<u8>> = bytes.split(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
    let count = lines.len();
    match edit {
        Edit::Repeat(at, n) => {
            let line = lines[at % count].clone();
            lines.splice(at % count..at % count, std::iter::repeat_n(line, *n));
        }
        Edit::Swap(a, b) => lines.swap(a % count, b % count),
        Edit::Indent(at, n) => {
            let line = lines[at % count].trim_ascii_start().to_vec();
            lines[at % count] = [vec![b' '; *n], line].concat();
        }
        _ => {}
    }
    lines.join(&b'\n')
}

/// Keys for every kind of value.
const KEYS: [&str; 13] = [
    "campaign",
    "app_id",
    "activity_id",
    "timezone",
    "coupons_per_user",
    "max_coupons",
    "schedule: {start",
    "pace: {per_second",
    "retry: {timeout",
    "retry: {resend_within",
    "halt: {refused: {over",
    "platform: {base_url",
    "credentials: {access_token: {env",
];

/// One line with a value under a key.
fn under(key: &str, value: &str) -> String {
    format!("{key}: {value}{}\n", "}".repeat(key.matches('{').count()))
}

/// The replacement that the first diagnostic proposes literally. `None` without one.
fn proposed(found: &[Diagnostic]) -> Option<String> {
    let about = found.iter().find(|one| one.code != Code::MissingKey)?;
    let form = about.help.as_ref()?.strip_prefix("write `")?.strip_suffix('`')?;
    (!form.contains('`')).then(|| form.to_owned())
}

/// Values that are almost valid.
fn almost() -> impl Strategy<Value = String> {
    let number = "(-|\\+)?[0-9]{1,6}([.,_][0-9]{1,4})?(e[0-9])?";
    let unit = "( ?(ms|s|m|h|d|w|sec|min|hours|days|%|percent|/s|/min|k|万|qps))?";
    prop_oneof![
        (number, unit).prop_map(|(number, unit)| number + &unit),
        "[0-9]{1,2}h ?[0-9]{1,3}m",
        "20[0-9]{2}[-/.][0-9]{1,2}[-/.][0-9]{1,2}([ T][0-9]{1,2}:[0-9]{1,2}(:[0-9]{2})?(Z|[+]0[0-9]:00)?)?",
        "[A-Za-z][a-z]{0,8}[ _./-][A-Z]?[a-z]{0,8}",
        prop::sample::select(vec![
            "asia/tokyo",
            "UTC+8",
            "Europe/Belrin",
            "Beijing",
            "America/New York",
            "open.douyin.com",
            "http://open.douyin.com/x",
            "Été d'or"
        ])
        .prop_map(str::to_owned),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(1000) })]

    #[test]
    fn an_edited_file_is_read_or_refused_soundly(which in 0..EXAMPLES.len(), edits in edits()) {
        sound(&apply(EXAMPLES[which], &edits));
    }

    #[test]
    fn any_bytes_are_read_or_refused_soundly(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        sound(&bytes);
    }

    #[test]
    fn any_value_under_any_key_is_read_or_refused_soundly(value in "\\PC{0,30}|[0-9:TZ +-]{1,25}", key in prop::sample::select(&KEYS[..])) {
        sound(under(key, &format!("'{}'", value.replace('\'', "''"))).as_bytes());
        sound(under(key, &value).as_bytes());
    }

    #[test]
    fn what_is_proposed_is_accepted(value in almost(), key in prop::sample::select(&KEYS[..])) {
        if let Some(form) = proposed(&found(under(key, &value).as_bytes())) {
            let again = found(under(key, &form).as_bytes());
            let about: Vec<_> = again.iter().filter(|one| !matches!(one.code, Code::MissingKey | Code::OverLimit)).collect();
            prop_assert!(about.is_empty(), "{key}: {value} -> {form}: {about:?}");
        }
    }
}

#[test]
fn severities_are_words() {
    assert_eq!(
        serde_json::to_string(&Severity::Warning).expect("it is JSON"),
        "\"warning\""
    );
    let codes: Vec<_> = Code::ALL.iter().map(|code| code.as_str()).collect();
    assert!(codes.is_sorted_by(|a, b| a < b), "{codes:?}");
}
