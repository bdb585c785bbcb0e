//! Charts as inline SVG. A colour only marks the kind of an element: the page's style sheet replaces it, so that a
//! chart follows the page's light or dark scheme.

use std::ops::Range;

use plotters::backend::SVGBackend;
use plotters::chart::ChartBuilder;
use plotters::coord::ranged1d::{DefaultFormatting, KeyPointHint, Ranged};
use plotters::coord::types::RangedCoordf64;
use plotters::drawing::{DrawingAreaErrorKind, IntoDrawingArea};
use plotters::element::{PathElement, Rectangle};
use plotters::style::{Color, IntoFont, RGBColor, ShapeStyle};

/// Marks deliveries that were issued.
pub const ISSUED: RGBColor = RGBColor(1, 0, 0);
/// Marks deliveries that were refused.
pub const REFUSED: RGBColor = RGBColor(2, 0, 0);
/// Marks other answers.
pub const OTHER: RGBColor = RGBColor(3, 0, 0);
/// Marks axes and reference lines.
const QUIET: RGBColor = RGBColor(4, 0, 0);
const TEXT: RGBColor = RGBColor(5, 0, 0);

/// The size of a chart. A page has each chart in both sizes and shows the one that fits.
#[derive(Clone, Copy, Debug)]
pub struct ChartSize {
    /// The CSS class of the drawing.
    pub class: &'static str,
    wide: u32,
    high: u32,
    labels: usize,
}

impl ChartSize {
    /// A copy with room for more labels, which are short.
    #[must_use]
    pub const fn with_short_labels(self) -> Self {
        Self {
            labels: self.labels + 3,
            ..self
        }
    }
}

/// For wide screens and paper.
pub const WIDE: ChartSize = ChartSize {
    class: "wide",
    wide: 960,
    high: 240,
    labels: 9,
};
/// For telephones.
pub const NARROW: ChartSize = ChartSize {
    class: "narrow",
    wide: 360,
    high: 200,
    labels: 4,
};

/// A stacked bar.
pub struct Bar {
    /// Its start and end on the horizontal axis.
    pub across: Range<f64>,
    /// Its parts from the bottom up: a height and a colour.
    pub parts: Vec<(f64, RGBColor)>,
}

/// The formatter of an axis' values.
pub type Label<'a> = &'a dyn Fn(f64) -> String;

/// The horizontal axis of a chart.
pub struct Across<'a> {
    /// Its start and end.
    pub range: Range<f64>,
    /// The places of its labels, at most as many as the argument.
    pub ticks: &'a dyn Fn(usize) -> Vec<f64>,
    /// The text at such a place.
    pub label: Label<'a>,
}

/// Why a chart could not be drawn; does not occur with finite numbers.
pub type ChartError = DrawingAreaErrorKind<std::io::Error>;

/// Draws bars over a range of the horizontal axis, as SVG.
pub fn bars(size: ChartSize, across: &Across<'_>, bars: &[Bar], label: Label<'_>) -> Result<String, ChartError> {
    let sum = |bar: &Bar| bar.parts.iter().map(|(n, _)| n).sum::<f64>();
    let highest = bars.iter().map(sum).fold(0.0, f64::max);
    let rectangles = bars.iter().flat_map(|bar| {
        let mut below = 0.0;
        bar.parts.iter().filter(|(n, _)| *n > 0.0).map(move |(n, colour)| {
            let from = below;
            below += n;
            let corners = [(bar.across.start, from), (bar.across.end, below)];
            Rectangle::new(corners, ShapeStyle::from(*colour).filled())
        })
    });
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, (size.wide, size.high)).into_drawing_area();
        let mut chart = framed(&area, size, across, highest, label)?;
        chart.draw_series(rectangles)?;
        area.present()?;
    }
    Ok(svg)
}

/// Draws a rising line and the level that it should reach, as SVG.
pub fn rising(
    size: ChartSize,
    across: &Across<'_>,
    line: Vec<(f64, f64)>,
    mark: f64,
    label: Label<'_>,
) -> Result<String, ChartError> {
    let ends = [(across.range.start, mark), (across.range.end, mark)];
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, (size.wide, size.high)).into_drawing_area();
        let mut chart = framed(&area, size, across, mark, label)?;
        chart.draw_series([PathElement::new(ends, QUIET.stroke_width(2))])?;
        chart.draw_series([PathElement::new(line, ISSUED.stroke_width(3))])?;
        area.present()?;
    }
    Ok(svg)
}

/// A range with labels at given places.
struct Labelled {
    range: RangedCoordf64,
    ticks: Vec<f64>,
}

impl Ranged for Labelled {
    type FormatOption = DefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, limit: (i32, i32)) -> i32 {
        self.range.map(value, limit)
    }

    fn key_points<Hint: KeyPointHint>(&self, hint: Hint) -> Vec<f64> {
        if hint.weight().allow_light_points() {
            Vec::new()
        } else {
            self.ticks.clone()
        }
    }

    fn range(&self) -> Range<f64> {
        self.range.range()
    }
}

type Area<'a> = plotters::drawing::DrawingArea<SVGBackend<'a>, plotters::coord::Shift>;
type Plane = plotters::coord::cartesian::Cartesian2d<Labelled, RangedCoordf64>;
type Chart<'a, 'b> = plotters::chart::ChartContext<'b, SVGBackend<'a>, Plane>;

/// Draws the axes with their labels, a little higher than the highest value.
fn framed<'a, 'b>(
    area: &'b Area<'a>,
    size: ChartSize,
    across: &Across<'_>,
    highest: f64,
    label: Label<'_>,
) -> Result<Chart<'a, 'b>, ChartError> {
    let labelled = Labelled {
        range: across.range.clone().into(),
        ticks: (across.ticks)(size.labels),
    };
    let top = if highest > 0.0 { highest * 1.08 } else { 1.0 };
    let mut chart = ChartBuilder::on(area)
        .margin(8)
        .margin_right(24)
        .x_label_area_size(28)
        .y_label_area_size(56)
        .build_cartesian_2d(labelled, 0.0..top)?;
    let font = ("sans-serif", 14).into_font().color(&TEXT);
    chart
        .configure_mesh()
        .disable_x_mesh()
        .light_line_style(QUIET.mix(0.0))
        .bold_line_style(QUIET.mix(0.35))
        .axis_style(QUIET)
        .label_style(font)
        .x_labels(size.labels)
        .y_labels(5)
        .x_label_formatter(&|at| (across.label)(*at))
        .y_label_formatter(&|at| label(*at))
        .draw()?;
    Ok(chart)
}
