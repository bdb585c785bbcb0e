//! A user's trace for people.

use std::fmt::Write as _;

use crate::app::trace::{TimedWords, TraceWords};
use crate::catalogue::trace as texts;
use crate::report::text::{columns, wrapped};

/// The indent of the details below a time.
const BESIDE_TIME: usize = 27;

/// Formats everything about one user.
pub fn text(words: &TraceWords, width: usize) -> String {
    let mut text = format!("{}\n\n", words.headline);
    write_entries(&mut text, &words.history, width);
    for coupon in &words.coupons {
        let _ = writeln!(text, "\n{}", coupon.headline);
        write_entries(&mut text, &coupon.history, width);
        let mut before = format!("  {}", texts::Next);
        let indent = columns(&before);
        for line in wrapped(&coupon.next, width.saturating_sub(indent)) {
            let _ = writeln!(text, "{before}{line}");
            before = " ".repeat(indent);
        }
    }
    text
}

fn write_entries(text: &mut String, entries: &[TimedWords], width: usize) {
    for entry in entries {
        let width = width.saturating_sub(BESIDE_TIME);
        let mut before = format!("  {}  ", entry.at);
        for line in entry.lines.iter().flat_map(|line| wrapped(line, width)) {
            let _ = writeln!(text, "{before}{line}");
            before = " ".repeat(BESIDE_TIME);
        }
    }
}
