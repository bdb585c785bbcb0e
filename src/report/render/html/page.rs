//! What all pages have: the frame, the style, and text from outside.
//!
//! Text from the audience or the platform is shown as text only: the templating library escapes it, direction marks are
//! shown as escapes, and each piece is isolated with `<bdi>`, so that it cannot reorder the text around it.

use std::fmt::Display;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::catalogue::Language;
use crate::report::text::visible;

const STYLE: &str = include_str!("page.css");
/// Forbids scripts and requests, as a second line of defence after escaping.
const POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'";

/// Renders a self-contained page.
#[must_use]
pub fn frame(title: &str, body: &Markup) -> String {
    let page = html! {
        (DOCTYPE)
        html lang=(Language::current().html()) {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="referrer" content="no-referrer";
                link rel="icon" href="data:,";
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body { (body) }
        }
    };
    page.into_string()
}

/// Text from outside, escaped and isolated.
#[must_use]
pub fn theirs(text: &str) -> Markup {
    html! { bdi { (with_escapes(&visible(text))) } }
}

/// Text in which escapes such as `\u{202e}` keep their order, also within text that runs from right to left.
fn with_escapes(text: &str) -> Markup {
    let mut parts = text.split("\\u{");
    let before = parts.next().unwrap_or_default();
    html! {
        (before)
        @for part in parts {
            @if let Some((code, after)) = part.split_once('}') {
                bdi dir="ltr" { "\\u{" (code) "}" } (after)
            } @else {
                "\\u{" (part)
            }
        }
    }
}

/// A command to be typed. A line ends between two words, not at a hyphen of an option.
#[must_use]
pub fn command(text: &str) -> Markup {
    html! {
        code.command {
            @for (at, word) in text.split(' ').enumerate() {
                @if at > 0 { " " }
                span { (theirs(word)) }
            }
        }
    }
}

/// Text with parts from outside, isolated as a whole. Code is between backticks.
#[must_use]
pub fn theirs_with_code(text: &str) -> Markup {
    let text = visible(text);
    html! {
        bdi {
            @for (at, part) in text.split('`').enumerate() {
                @if at % 2 == 0 { (with_escapes(part)) } @else { code { (with_escapes(part)) } }
            }
        }
    }
}

/// A table that scrolls sideways if it is too wide, also by the keyboard. `label` names it for screen readers.
pub fn scrolling(label: &impl Display, table: &Markup) -> Markup {
    html! { div.scroll role="region" tabindex="0" aria-label=(label) { (table) } }
}

/// A text of the catalogue, in which code is between backticks.
pub fn with_code(text: &impl Display) -> Markup {
    let text = text.to_string();
    html! {
        @for (at, part) in text.split('`').enumerate() {
            @if at % 2 == 0 { (part) } @else { code { (theirs(part)) } }
        }
    }
}

/// The time with its date and its offset.
#[must_use]
pub fn time(at: Timestamp, zone: &TimeZone) -> String {
    at.to_zoned_datetime(zone.clone())
        .strftime("%Y-%m-%d %H:%M:%S %:z")
        .to_string()
}

/// A percentage that is never rounded to 0 % or 100 % when it is neither.
#[must_use]
pub fn share(n: u64, of: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "a percentage for showing")]
    let percent = n as f64 * 100.0 / of.max(1) as f64;
    match (n, percent) {
        (n, _) if n == of => "100 %".to_owned(),
        (_, percent) if percent > 99.9 => "> 99.9 %".to_owned(),
        (n, percent) if n > 0 && percent < 0.1 => "< 0.1 %".to_owned(),
        (_, percent) => format!("{percent:.1} %"),
    }
}
