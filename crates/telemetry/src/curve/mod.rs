//! Line charts as SVG: axes with round ticks, a legend, reference lines, and tooltips.

mod layout;
mod svg;

pub(crate) use svg::{HEAD, STYLE, draw_inline};

/// A curve, or the raw values behind a smoothed curve.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// The label in the legend and in tooltips.
    pub label: String,
    /// Points (x, y) in increasing x; a point that is not finite is a gap.
    pub points: Vec<(f64, f64)>,
    /// The drawing style.
    pub style: SeriesStyle,
}

/// The drawing style of a series.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SeriesStyle {
    /// A strong line; if there are few points, they are marked.
    Line,
    /// A thin pale line, for raw values behind smoothed ones.
    Faint,
}

/// A horizontal line for comparison.
#[derive(Debug, Clone, PartialEq)]
pub struct ReferenceLine {
    /// The label of the line.
    pub label: String,
    /// The y value.
    pub value: f64,
}

/// The scale of the y axis.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum YScale {
    /// Equal differences have equal distances.
    #[default]
    Linear,
    /// Equal ratios have equal distances; values that are not positive are left out.
    Log,
}

/// Title, labels and axes of a chart.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct CurveOptions {
    /// Title of the chart, also used by screen readers.
    pub title: String,
    /// Label of the x axis, such as `step`.
    pub x_label: String,
    /// Label of the y axis with its unit, such as `nats per target`.
    pub y_label: String,
    /// The scale of the y axis.
    pub y_scale: YScale,
    /// Horizontal lines for comparison.
    pub reference_lines: Vec<ReferenceLine>,
}

/// Returns a standalone SVG file of the curves without external fonts, scripts or images, in light
/// or dark colours as the viewer prefers. Series without a finite point are left out. If no series
/// remains, the picture says so.
pub fn curve_svg(series: &[Series], options: &CurveOptions) -> String {
    svg::draw_standalone(series, options)
}

/// Whether a file with these first bytes is a picture of [`curve_svg`] or
/// [`bars_svg`](crate::bars_svg), so that it may be replaced.
pub fn is_picture(head: &[u8]) -> bool {
    head.starts_with(HEAD.as_bytes())
}
