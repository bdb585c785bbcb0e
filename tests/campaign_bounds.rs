//! What reading a campaign file costs at most, whatever is in it. Alone in its file, because it measures its process.

use std::path::Path;

use runner::campaign::{MOST_BYTES, parse, render_human};

/// What reading may cost beyond the file itself, in KiB.
const MOST_KIB: u64 = 64 * 1024;
/// What a test without optimisation may take of the processor, on a machine of any speed; optimised it is a tenth. A
/// parser that takes the square of a file's length is a thousand times above it.
const MOST_TICKS: u64 = 500;

/// A number of this process as the kernel keeps it.
fn status(key: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("the kernel tells");
    let line = status.lines().find(|line| line.starts_with(key)).expect("it is there");
    line.split_whitespace()
        .nth(1)
        .and_then(|number| number.parse().ok())
        .expect("it is a number")
}

/// The processor's time that this process has used, in hundredths of a second.
fn ticks() -> u64 {
    let stat = std::fs::read_to_string("/proc/self/stat").expect("the kernel tells");
    let fields: Vec<_> = stat
        .rsplit(')')
        .next()
        .expect("there is a rest")
        .split_whitespace()
        .collect();
    fields[11..13]
        .iter()
        .map(|field| field.parse::<u64>().expect("it is a number"))
        .sum()
}

/// Shapes that cost parsers more than they seem to, each as large as a file may be.
#[test]
#[cfg(target_os = "linux")]
fn every_shape_of_file_is_read_within_its_bounds() {
    let most = usize::try_from(MOST_BYTES).expect("it fits");
    for (name, shape) in shapes(most) {
        assert!(shape.len() <= most, "{name}");
        // From here on the peak is counted anew.
        std::fs::write("/proc/self/clear_refs", "5").expect("the kernel lets us");
        let (before, began) = (status("VmRSS:"), ticks());
        let found = match parse(Path::new("c.yaml"), &shape) {
            Ok(parsed) => parsed.warnings,
            Err(found) => found,
        };
        let said = render_human(&found, false);
        let (kib, took) = (status("VmHWM:").saturating_sub(before), ticks() - began);
        println!("{name}: {took} ticks, {kib} KiB, {} bytes said", said.len());
        assert!(kib <= MOST_KIB, "{name}: {kib} KiB");
        assert!(took <= MOST_TICKS, "{name}: {took} hundredths of a second");
    }
}

#[cfg(target_os = "linux")]
fn shapes(most: usize) -> Vec<(&'static str, Vec<u8>)> {
    let full = |piece: &str| piece.repeat(most / piece.len()).into_bytes();
    let line =
        |head: &str, piece: &str| format!("{head}{}", piece.repeat((most - head.len() - 2) / piece.len())).into_bytes();
    let numbered = |make: &dyn Fn(usize) -> String| {
        let mut out = String::new();
        for n in 0.. {
            let piece = make(n);
            if out.len() + piece.len() > most {
                break;
            }
            out.push_str(&piece);
        }
        out.into_bytes()
    };
    vec![
        ("flow lists", full("[")),
        ("flow mappings", full("{a: ")),
        ("block lists", full("- ")),
        ("keys", full("? ")),
        ("empty lines", full("\n")),
        ("spaces", full(" ")),
        ("tabs", full("\t")),
        ("carriage returns", full("\r")),
        ("comments", full("#\n")),
        ("one comment", line("#", "x")),
        ("one word", line("a: ", "x")),
        ("one quoted", line("a: \"", "x")),
        ("one unclosed single", line("a: '", "''")),
        ("escapes", line("a: \"", "\\u4e2d")),
        ("literal", line("a: |\n", " x\n")),
        ("folded", line("a: >\n", " x\n\n")),
        ("plain lines", line("a: x\n", " x\n")),
        ("colons", line("a: ", ":")),
        ("colon spaces", line("a", ": ")),
        ("commas", line("[", ",")),
        ("values", line("[", "a,")),
        ("small keys", numbered(&|n| format!("k{n}: 1\n"))),
        ("one key", full("retry: 1\n")),
        ("near keys", full("retri: 1\n")),
        (
            "codes",
            numbered(&|n| {
                if n == 0 {
                    "codes:\n".into()
                } else {
                    format!(" {n}: hold\n")
                }
            }),
        ),
        (
            "bad codes",
            numbered(&|n| {
                if n == 0 {
                    "codes:\n".into()
                } else {
                    format!(" {n}: holt\n")
                }
            }),
        ),
        (
            "repeated codes",
            numbered(&|n| if n == 0 { "codes:\n".into() } else { " 1: hold\n".into() }),
        ),
        (
            "bad codes in one line",
            numbered(&|n| {
                if n == 0 {
                    "codes: {".into()
                } else {
                    format!("{n}: holt,")
                }
            }),
        ),
        (
            "anchors",
            numbered(&|n| if n == 0 { "[".into() } else { format!("&a{n} x,") }),
        ),
        (
            "one anchor",
            numbered(&|n| if n == 0 { "a: &a x\nb: [".into() } else { "*a,".into() }),
        ),
        (
            "unknown keys, as many as are kept",
            (0..9000).flat_map(|n| format!("k{n}: 1\n").into_bytes()).collect(),
        ),
        ("one key as often", "retry: 1\n".repeat(9000).into_bytes()),
        (
            "near keys as many",
            (0..9000).flat_map(|n| format!("retri{n}: 1\n").into_bytes()).collect(),
        ),
        (
            "bad codes as many",
            ["codes:\n", &" 77: holt\n".repeat(9000)].concat().into_bytes(),
        ),
        (
            "good codes as many",
            (0..9000)
                .flat_map(|n| {
                    if n == 0 {
                        "codes:\n".into()
                    } else {
                        format!(" {n}: hold\n")
                    }
                    .into_bytes()
                })
                .collect(),
        ),
        (
            "long keys in one line",
            ["{", &format!("{}: 1,", "k".repeat(105)).repeat(9000), "}"]
                .concat()
                .into_bytes(),
        ),
        (
            "wide keys in one line",
            ["{", &format!("{}: 1,", "夏".repeat(35)).repeat(9000), "}"]
                .concat()
                .into_bytes(),
        ),
        ("long zone", line("timezone: ", "x")),
        ("long number", line("max_coupons: ", "9")),
        (
            "long duration",
            [line("retry: {timeout: ", "9"), b"}".to_vec()].concat(),
        ),
        (
            "long rate",
            [line("pace: {per_second: 0.", "0"), b"}".to_vec()].concat(),
        ),
        ("long name", line("campaign: ", "A")),
        ("long marks", line("campaign: ", "\u{301}")),
        (
            "long url",
            [line("platform: {base_url: https://", "a."), b"}".to_vec()].concat(),
        ),
        ("aliases unknown", full("*a ")),
        ("tags", full("!!str ")),
        ("directives", full("%YAML 1.2\n")),
        ("documents", full("---\n")),
        ("ends", full("...\n")),
        ("long key", line("? ", "k")),
        (
            "wide key",
            numbered(&|n| {
                if n == 0 {
                    "{".into()
                } else {
                    format!("{}: 1,", "夏".repeat(300))
                }
            }),
        ),
        ("secrets", full("client_secret: x\n")),
        ("secrets in one line", full("token: clt.x ")),
        ("urls", full("://a@b ")),
        ("indents", numbered(&|n| format!("{}a:\n", " ".repeat(n)))),
        ("bom", full("\u{feff}")),
    ]
}
