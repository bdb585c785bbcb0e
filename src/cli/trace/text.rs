//! A user's trace for people.

use std::fmt::Write as _;

use jiff::tz::TimeZone;

use crate::app::LoadedCampaign;
use crate::app::trace::{Trace, stamp};
use crate::catalogue::trace as texts;
use crate::report::text::{columns, wrapped};

/// The indent of the details below a time.
const BESIDE_TIME: usize = 27;

/// Formats everything about one user.
pub(super) fn text(trace: &Trace, campaign: &LoadedCampaign, width: usize) -> String {
    let zone = &campaign.parsed.campaign.timezone;
    let mut text = format!("{}\n\n", trace.headline(campaign));
    write_entries(&mut text, trace, None, zone, width);
    for ordinal in trace.ordinals() {
        let _ = writeln!(text, "\n{}", trace.coupon_line(ordinal));
        write_entries(&mut text, trace, Some(ordinal), zone, width);
        let mut before = format!("  {}", texts::Next);
        let indent = columns(&before);
        for line in wrapped(&trace.next_line(campaign, ordinal), width.saturating_sub(indent)) {
            let _ = writeln!(text, "{before}{line}");
            before = " ".repeat(indent);
        }
    }
    text
}

fn write_entries(text: &mut String, trace: &Trace, ordinal: Option<u8>, zone: &TimeZone, width: usize) {
    for (at, lines) in trace.entries(ordinal, zone) {
        let width = width.saturating_sub(BESIDE_TIME);
        let mut before = format!("  {}  ", stamp(at, zone));
        for line in lines.iter().flat_map(|line| wrapped(line, width)) {
            let _ = writeln!(text, "{before}{line}");
            before = " ".repeat(BESIDE_TIME);
        }
    }
}
