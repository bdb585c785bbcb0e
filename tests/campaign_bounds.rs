//! The largest cost of reading a campaign file with any content. This test is alone in its file because it measures its
//! process.

use std::path::Path;

use runner::campaign::{MOST_BYTES, parse, render_human};

/// The limit of additional memory, in KiB.
const MOST_KIB: u64 = 64 * 1024;
/// The limit of processor time without optimisation, on any machine; with optimisation the use is a tenth of that. A
/// quadratic parser needs a thousand times more.
const MOST_TICKS: u64 = 500;

/// Reads a number about this process from the kernel.
fn status(key: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("the kernel tells");
    let line = status.lines().find(|line| line.starts_with(key)).expect("it is there");
    line.split_whitespace()
        .nth(1)
        .and_then(|number| number.parse().ok())
        .expect("it is a number")
}

/// The processor time that this process has used, in hundredths of a second.
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

/// Shapes that are costly for parsers, each as large as a file may be.
#[test]
#[cfg(target_os = "linux")]
fn every_shape_of_file_is_read_within_its_bounds() {
    let shapes: Vec<_> = texts().into_iter().chain(trees()).collect();
    // Memory that the allocator keeps from one shape to the next counts too.
    let before = status("VmRSS:");
    for (name, shape) in shapes {
        assert!(shape.len() as u64 <= MOST_BYTES, "{name}");
        // Reset the peak.
        std::fs::write("/proc/self/clear_refs", "5").expect("the kernel lets us");
        let began = ticks();
        let found = match parse(Path::new("c.yaml"), &shape) {
            Ok(parsed) => parsed.warnings,
            Err(found) => found,
        };
        let said = render_human(&found, false);
        let kib = status("VmHWM:").saturating_sub(before);
        let took = ticks() - began;
        println!("{name}: {took} ticks, {kib} KiB, {} bytes said", said.len());
        assert!(kib <= MOST_KIB, "{name}: {kib} KiB");
        assert!(took <= MOST_TICKS, "{name}: {took} hundredths of a second");
    }
}

/// Repeats `piece` up to the size limit of a file.
fn full(piece: &str) -> Vec<u8> {
    line("", piece)
}

/// `head` and then `piece` as often as it fits, with room for the closing characters.
fn line(head: &str, piece: &str) -> Vec<u8> {
    let most = usize::try_from(MOST_BYTES).expect("it fits") - head.len() - 2;
    format!("{head}{}", piece.repeat(most / piece.len())).into_bytes()
}

/// Such a line in a closed mapping.
fn closed(head: &str, piece: &str) -> Vec<u8> {
    [line(head, piece), b"}".to_vec()].concat()
}

/// `head` and then numbered pieces, at most `most` and as many as fit.
fn numbered(head: &str, most: usize, piece: impl Fn(usize) -> String) -> Vec<u8> {
    let mut out = head.as_bytes().to_vec();
    for n in 1..=most {
        let piece = piece(n);
        if (out.len() + piece.len() + 2) as u64 > MOST_BYTES {
            break;
        }
        out.extend(piece.into_bytes());
    }
    out
}

/// Shapes that are hard for a scanner.
fn texts() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("flow lists", full("[")),
        ("flow mappings", full("{a: ")),
        ("block lists", full("- ")),
        ("keys", full("? ")),
        (
            "indents",
            numbered("", usize::MAX, |n| format!("{}a:\n", " ".repeat(n))),
        ),
        ("empty lines", full("\n")),
        ("spaces", full(" ")),
        ("tabs", full("\t")),
        ("carriage returns", full("\r")),
        ("byte order marks", full("\u{feff}")),
        ("comments", full("#\n")),
        ("one comment", line("#", "x")),
        ("one word", line("a: ", "x")),
        ("one quoted text", line("a: \"", "x")),
        ("one quote after the other", line("a: '", "''")),
        ("escapes", line("a: \"", "\\u4e2d")),
        ("a literal text", line("a: |\n", " x\n")),
        ("a folded text", line("a: >\n", " x\n\n")),
        ("a text over many lines", line("a: x\n", " x\n")),
        ("colons", line("a: ", ":")),
        ("colons and spaces", line("a", ": ")),
        ("commas", line("[", ",")),
        ("values", line("[", "a,")),
        ("a long key", line("? ", "k")),
        ("unknown aliases", full("*a ")),
        ("tags", full("!!str ")),
        ("directives", full("%YAML 1.2\n")),
        ("documents", full("---\n")),
        ("ends of documents", full("...\n")),
    ]
}

/// Shapes that are hard for the checks of a tree, within its size limits and beyond them.
fn trees() -> Vec<(&'static str, Vec<u8>)> {
    const KEPT: usize = 9000;
    vec![
        (
            "keys beyond the bound",
            numbered("", usize::MAX, |n| format!("k{n}: 1\n")),
        ),
        ("anchors", numbered("[", usize::MAX, |n| format!("&a{n} x,"))),
        ("one alias", line("a: &a x\nb: [", "*a,")),
        ("unknown keys", numbered("", KEPT, |n| format!("k{n}: 1\n"))),
        ("one key", numbered("", KEPT, |_| "retry: 1\n".into())),
        ("almost a key", numbered("", KEPT, |n| format!("retri{n}: 1\n"))),
        ("codes", numbered("codes:\n", KEPT, |n| format!(" {n}: hold\n"))),
        ("bad codes", numbered("codes:\n", KEPT, |n| format!(" {n}: holt\n"))),
        ("one code", numbered("codes:\n", KEPT, |_| " 7: hold\n".into())),
        (
            "long keys in one line",
            [
                numbered("{", KEPT, |_| format!("{}: 1,", "k".repeat(105))),
                b"}".to_vec(),
            ]
            .concat(),
        ),
        (
            "wide keys in one line",
            [
                numbered("{", KEPT, |_| format!("{}: 1,", "夏".repeat(35))),
                b"}".to_vec(),
            ]
            .concat(),
        ),
        ("a long zone", line("timezone: ", "x")),
        ("a long number", line("max_coupons: ", "9")),
        ("a long duration", closed("retry: {timeout: ", "9")),
        ("a long rate", closed("pace: {per_second: 0.", "0")),
        ("a long share", closed("halt: {refused: {after: 1, over: 0.", "0")),
        ("a long time", closed("schedule: {start: ", "1-")),
        ("a long name", line("campaign: ", "A")),
        ("many marks", line("campaign: ", "\u{301}")),
        ("a long address", closed("platform: {base_url: https://", "a.")),
        ("secrets", full("client_secret: x\n")),
        ("secrets in one line", full("token: clt.x ")),
        ("passwords in one line", full("://a@b ")),
    ]
}
