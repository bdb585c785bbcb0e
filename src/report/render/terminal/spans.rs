//! Parts of lines with styles, laid out in lines of a width.

use std::fmt::Write as _;

use anstyle::Style;

use crate::report::text::{columns, cut};
use crate::report::times::grouped;

use super::styles::PLAIN;

/// A part of a line, with its style.
#[derive(Clone, Debug)]
pub struct Span {
    /// The style.
    pub style: Style,
    /// The text.
    pub text: String,
}

impl Span {
    /// Text without a style.
    pub fn plain(text: impl Into<String>) -> Self {
        Self::new(PLAIN, text)
    }

    /// Text with a style.
    pub fn new(style: Style, text: impl Into<String>) -> Self {
        let text = text.into();
        Self { style, text }
    }

    /// A named number.
    pub fn count(style: Style, name: impl std::fmt::Display, n: u64) -> Self {
        Self::new(style, format!("{name} {}", grouped(n)))
    }
}

/// Lays out spans in lines of at most `width` columns, two spaces apart. A span is not broken; a longer one is cut.
#[must_use]
pub fn flow(spans: &[Span], width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    let mut used = 0;
    for Span { style, text } in spans {
        let text = cut(text, width);
        let wide = columns(&text);
        if used > 0 && used + 2 + wide > width {
            lines.push(std::mem::take(&mut line));
            used = 0;
        }
        if used > 0 {
            line.push_str("  ");
            used += 2;
        }
        let _ = write!(line, "{style}{text}{style:#}");
        used += wide;
    }
    lines.push(line);
    lines
}
