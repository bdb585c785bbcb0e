//! The report's charts and their captions.

use std::ops::Range;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use maud::{Markup, PreEscaped, html};

use crate::catalogue::page as texts;
use crate::model::delivery::{Counts, StateName};
use crate::report::history::{History, Slots};
use crate::report::times::grouped;

use super::chart::{self, Across, Bar, ChartError, ChartSize, NARROW, WIDE};

/// The maximum number of bars; more would be too thin to tell apart.
pub(super) const MOST_BARS: i64 = 120;

pub(super) fn all(history: &History, counts: Counts, zone: &TimeZone) -> Result<Markup, ChartError> {
    let offset = history
        .span
        .map_or(0, |(first, _)| i64::from(zone.to_offset(first).seconds()));
    let slots = history.slots(MOST_BARS, offset);
    let over_time = over_time(&slots, offset, (0, counts))?;
    let latency = latency(history)?;
    Ok(html! {
        section { h2 { (texts::WhenSent) } (over_time) }
        section { h2 { (texts::HowLong) } (latency) }
    })
}

/// The charts of answers and of issued coupons over time; `before` were issued before the first slot.
pub(super) fn over_time(slots: &Slots, offset: i64, (before, counts): (u64, Counts)) -> Result<Markup, ChartError> {
    let axis = Axis::new(slots, offset);
    let sends = sends(slots, &axis)?;
    let cumulative = cumulative(slots, &axis, (before, counts))?;
    Ok(html! { (sends) (cumulative) })
}

/// A time axis in a unit whose round numbers are round times.
struct Axis {
    offset: i64,
    zero: i64,
    unit: i64,
    across: Range<f64>,
    first: i64,
    end: i64,
    format: &'static str,
}

/// The possible distances of two labels, in seconds. From a day on, whole days.
const STEPS: [i64; 29] = [
    1,
    2,
    5,
    10,
    15,
    30,
    60,
    120,
    300,
    600,
    900,
    1_800,
    3_600,
    7_200,
    10_800,
    21_600,
    43_200,
    86_400,
    172_800,
    259_200,
    432_000,
    604_800,
    1_209_600,
    2_419_200,
    4_838_400,
    7_862_400,
    15_724_800,
    31_449_600,
    157_248_000,
];

impl Axis {
    fn new(slots: &Slots, offset: i64) -> Self {
        let first = slots.slots.keys().next().copied().unwrap_or_default();
        let end = slots.slots.keys().next_back().copied().unwrap_or_default() + slots.length;
        let day = 86_400;
        let zero = (first + offset).div_euclid(day) * day - offset;
        let several_days = (end + offset - 1).div_euclid(day) > (first + offset).div_euclid(day);
        let (unit, format) = match end - first {
            0..=600 if several_days => (1, "%m-%d %H:%M:%S"),
            0..=600 => (1, "%H:%M:%S"),
            601..=21_600 => (60, if several_days { "%m-%d %H:%M" } else { "%H:%M" }),
            21_601..=259_200 => (3_600, if several_days { "%m-%d %H:%M" } else { "%H:%M" }),
            _ => (day, "%m-%d"),
        };
        let mut axis = Self {
            offset,
            zero,
            unit,
            across: 0.0..1.0,
            first,
            end,
            format,
        };
        axis.across = axis.at(first)..axis.at(end);
        axis
    }

    /// The places of at most `most` labels, at round times of the clock.
    fn ticks(&self, most: usize) -> Vec<f64> {
        let most = i64::try_from(most).unwrap_or(1).max(1);
        let fits = |step: &i64| step % self.unit == 0 && (self.end - self.first) / step < most;
        let last = STEPS[STEPS.len() - 1];
        let step = STEPS.into_iter().find(fits).unwrap_or(last);
        let from = (self.first - self.zero + step - 1).div_euclid(step);
        let until = (self.end - self.zero).div_euclid(step);
        (from..=until).map(|n| self.at(self.zero + n * step)).collect()
    }

    fn at(&self, second: i64) -> f64 {
        number((second - self.zero).unsigned_abs()) / number(self.unit.unsigned_abs())
    }

    fn label(&self, at: f64) -> String {
        #[expect(clippy::cast_possible_truncation, reason = "seconds within a campaign")]
        let second = (at * number(self.unit.unsigned_abs())).round() as i64 + self.zero;
        let offset = i32::try_from(self.offset).unwrap_or_default();
        match (Timestamp::from_second(second), jiff::tz::Offset::from_seconds(offset)) {
            (Ok(at), Ok(offset)) => offset.to_datetime(at).strftime(self.format).to_string(),
            _ => String::new(),
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "numbers for drawing")]
const fn number(n: u64) -> f64 {
    n as f64
}

fn count(at: f64) -> String {
    if at.fract().abs() > 0.001 {
        return format!("{at:.1}");
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "counts are never negative"
    )]
    grouped(at.round() as u64)
}

/// A short form of a count, for an axis label.
fn brief(at: f64) -> String {
    if at < 1_000_000.0 {
        return count(at);
    }
    let n = (at / 100_000.0).round() / 10.0;
    texts::Millions { n: &n }.to_string()
}

/// Attempts a minute, or a second for a short campaign.
fn sends(slots: &Slots, axis: &Axis) -> Result<Markup, ChartError> {
    let short = axis.unit == 1;
    let scale = number(if short { 1 } else { 60 }) / number(slots.length.unsigned_abs());
    let bars: Vec<_> = slots
        .slots
        .iter()
        .map(|(at, slot)| Bar {
            across: axis.at(*at)..axis.at(at + slots.length),
            parts: vec![
                (number(slot.issued) * scale, chart::ISSUED),
                (number(slot.refused) * scale, chart::REFUSED),
                (number(slot.other) * scale, chart::OTHER),
            ],
        })
        .collect();
    let most = slots.slots.values().map(|slot| slot.all()).max().unwrap_or_default();
    let span = span(slots.length);
    let most = count(number(most) * scale);
    let (title, caption) = if short {
        let caption = texts::CaptionPerSecond {
            span: &span,
            most: &most,
        };
        (texts::EndedPerSecond.to_string(), caption.to_string())
    } else {
        let caption = texts::CaptionPerMinute {
            span: &span,
            most: &most,
        };
        (texts::EndedPerMinute.to_string(), caption.to_string())
    };
    let across = Across {
        range: axis.across.clone(),
        ticks: &|most| axis.ticks(most),
        label: &|at| axis.label(at),
    };
    let draw = |size| chart::bars(size, &across, &bars, &brief);
    let key = [
        ("issued", texts::KeyIssued.to_string()),
        ("refused", texts::KeyRefused.to_string()),
        ("other", texts::KeyOther.to_string()),
    ];
    figure(&title, &caption, &key, draw)
}

/// The name of a slot's length.
fn span(seconds: i64) -> String {
    match seconds.unsigned_abs() {
        n @ 0..=59 => texts::SpanSeconds { n }.to_string(),
        n @ 60..=3_599 => texts::SpanMinutes { n: n / 60 }.to_string(),
        n @ 3_600..=86_399 => texts::SpanHours { n: n / 3_600 }.to_string(),
        n => texts::SpanDays { n: n / 86_400 }.to_string(),
    }
}

/// The number of issued coupons over time.
fn cumulative(slots: &Slots, axis: &Axis, (before, counts): (u64, Counts)) -> Result<Markup, ChartError> {
    let mut issued = before;
    let mut line = vec![(axis.across.start, number(before))];
    for (at, slot) in &slots.slots {
        line.push((axis.at(*at), number(issued)));
        issued += slot.issued;
        line.push((axis.at(at + slots.length), number(issued)));
    }
    let of = number(counts.audience().max(issued));
    let caption = texts::IssuedCaption {
        issued: counts.count(StateName::Issued),
        all: counts.audience(),
    };
    let caption = caption.to_string();
    let across = Across {
        range: axis.across.clone(),
        ticks: &|most| axis.ticks(most),
        label: &|at| axis.label(at),
    };
    let draw = |size| chart::rising(size, &across, line.clone(), of, &brief);
    figure(&texts::IssuedSoFar.to_string(), &caption, &[], draw)
}

const BOUNDS: [(u64, &str); 10] = [
    (10_000, "10 ms"),
    (25_000, "25 ms"),
    (50_000, "50 ms"),
    (100_000, "100 ms"),
    (250_000, "250 ms"),
    (500_000, "500 ms"),
    (1_000_000, "1 s"),
    (2_500_000, "2.5 s"),
    (5_000_000, "5 s"),
    (10_000_000, "10 s"),
];

/// The distribution of latencies.
fn latency(history: &History) -> Result<Markup, ChartError> {
    let counts = history.latencies.by_bounds(&BOUNDS.map(|(bound, _)| bound));
    let bars: Vec<_> = (0_u32..)
        .zip(&counts)
        .map(|(at, n)| Bar {
            across: f64::from(at) + 0.08..f64::from(at) + 0.92,
            parts: vec![(number(*n), chart::ISSUED)],
        })
        .collect();
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "an index of a dozen bars"
    )]
    let bound = |at: f64| match BOUNDS.get((at.round() as usize).wrapping_sub(1)) {
        Some((_, text)) if (at - at.round()).abs() < 0.01 => (*text).to_owned(),
        _ => String::new(),
    };
    let across = Across {
        range: 0.0..number(counts.len() as u64),
        ticks: &|most| {
            let step = BOUNDS.len().div_ceil(most.max(1));
            (step..=BOUNDS.len()).step_by(step).map(|n| number(n as u64)).collect()
        },
        label: &bound,
    };
    let draw = |size: ChartSize| chart::bars(size.with_short_labels(), &across, &bars, &brief);
    figure(
        &texts::AnswersByTime.to_string(),
        &texts::AnswersCaption.to_string(),
        &[],
        draw,
    )
}

/// A chart in both sizes, with a description in words for screen readers.
fn figure(
    title: &str,
    caption: &str,
    key: &[(&str, String)],
    draw: impl Fn(ChartSize) -> Result<String, ChartError>,
) -> Result<Markup, ChartError> {
    let drawn = [WIDE, NARROW].map(|size| draw(size).map(|svg| (size.class, svg)));
    let described = texts::Figure {
        title: &title,
        caption: &caption,
    };
    let described = described.to_string();
    let mut sizes = Vec::new();
    for drawing in drawn {
        sizes.push(drawing?);
    }
    Ok(html! {
        figure {
            figcaption {
                b { (title) } " " (caption)
                @if !key.is_empty() {
                    span.key { @for (class, word) in key { span { span.dot.(class) {} (word) } } }
                }
            }
            @for (class, svg) in sizes {
                div.chart.(class) role="img" aria-label=(described) { (PreEscaped(svg)) }
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::report::history::Slot;

    fn labels(from: &str, seconds: i64, most: usize) -> Vec<String> {
        let from: Timestamp = from.parse().unwrap();
        let first = from.as_second();
        let slots = [first, first + seconds - 1].map(|at| (at, Slot::default()));
        let slots = Slots {
            length: 1,
            slots: BTreeMap::from(slots),
        };
        let axis = Axis::new(&slots, 28_800);
        axis.ticks(most).into_iter().map(|at| axis.label(at)).collect()
    }

    #[test]
    fn the_labels_of_time_are_round_and_differ() {
        let spans = [2, 15, 600, 5_400, 21_600, 86_400, 259_200, 864_000, 31_536_000];
        let text: Vec<_> = spans
            .iter()
            .flat_map(|span| [9, 4].map(|most| labels("2026-06-01T09:58:30+08:00", *span, most).join(" | ")))
            .collect();
        insta::assert_snapshot!(text.join("\n"));
        for (span, most) in spans.iter().flat_map(|span| [(span, 9), (span, 4)]) {
            let labels = labels("2026-06-01T09:58:30+08:00", *span, most);
            let mut distinct = labels.clone();
            distinct.dedup();
            assert_eq!(distinct, labels);
            assert!(labels.len() <= most + 1, "{labels:?}");
        }
    }
}
