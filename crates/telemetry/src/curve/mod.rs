//! Curves as SVG made here: axes with round ticks, a legend, reference lines, and a title under the pointer.

mod layout;
mod svg;

pub(crate) use svg::{STYLE, draw_inline};

/// A curve or a cloud around one.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// Shown in the legend and under the pointer.
    pub label: String,
    /// (x, y) by rising x; points that are not finite are gaps.
    pub points: Vec<(f64, f64)>,
    /// How it is drawn.
    pub style: SeriesStyle,
}

/// How a series is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SeriesStyle {
    /// A strong line; its points are marked when they are few.
    Line,
    /// A thin pale line, for raw values behind smoothed ones.
    Faint,
}

/// A value to compare a curve with, drawn across it.
#[derive(Debug, Clone, PartialEq)]
pub struct ReferenceLine {
    /// Shown at the line.
    pub label: String,
    /// Where on the y axis.
    pub value: f64,
}

/// How y becomes height.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum YScale {
    /// Equal differences are equally far apart.
    #[default]
    Linear,
    /// Equal ratios are; values that are not positive are left out.
    Log,
}

/// What stands around the curves.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct CurveOptions {
    /// Title of the picture, also read to people who do not see it.
    pub title: String,
    /// What x counts: `step`.
    pub x_label: String,
    /// What y is, with its unit: `nats per target`.
    pub y_label: String,
    /// How y becomes height.
    pub y_scale: YScale,
    /// Values to compare with.
    pub reference_lines: Vec<ReferenceLine>,
}

/// A standalone SVG file of the curves: no font, script or picture from elsewhere; light and dark as the viewer
/// prefers. Series without a finite point are left out; with none at all the picture says so.
pub fn curve_svg(series: &[Series], options: &CurveOptions) -> String {
    svg::draw_standalone(series, options)
}
