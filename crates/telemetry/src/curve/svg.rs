//! Writing the picture.

use std::fmt::Write;

use super::layout::{
    Axes, BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH, drawable, is_drawable, thinned,
};
use super::{CurveOptions, Series, SeriesStyle};
use crate::report::escape;
use crate::ticks::label;

/// Strips of the picture that answer the pointer.
const HOVER_STRIPS: usize = 60;

/// Series with at most so many points show them.
const MAX_MARKED_POINTS: usize = 40;

/// Width of the piece of line in a legend.
const LEGEND_SAMPLE: f64 = 22.0;

/// A generous width of one column of legend text.
const LEGEND_COLUMN: f64 = 9.0;

/// Where the title and the unit of y begin.
const TEXT_LEFT: f64 = 4.0;

/// Height of the title line of a standalone picture.
const TITLE_HEIGHT: f64 = 26.0;

/// The looks of every picture, once per page. Colours are told apart by people who see red and green alike.
pub(crate) const STYLE: &str = "\
.curve{--ink:#1c2128;--pale:#5c6570;--grid:#e3e6ea;--paper:#ffffff;--one:#0b63b0;--two:#b4540a;\
font:13px system-ui,sans-serif;max-width:100%;height:auto}
@media (prefers-color-scheme:dark){.curve{--ink:#e6e9ee;--pale:#a2abb6;--grid:#2d333b;--paper:#14171c;\
--one:#6cb2f5;--two:#f0a35e}}
.curve text{fill:var(--pale)}.curve .title{fill:var(--ink);font-weight:600;font-size:15px}
.curve .grid{stroke:var(--grid);stroke-width:1}.curve .axis{stroke:var(--pale);stroke-width:1}
.curve .line{fill:none;stroke-width:2;stroke-linejoin:round}.curve .faint{fill:none;stroke-width:1;stroke-opacity:.5}
.curve .reference{stroke:var(--pale);stroke-width:1.3;stroke-dasharray:6 4}
.curve .on{paint-order:stroke;stroke:var(--paper);stroke-width:4px;stroke-linejoin:round}
.curve .one{stroke:var(--one)}.curve .two{stroke:var(--two)}
.curve .dot{stroke:var(--paper);stroke-width:1.5}.curve .dot.one{fill:var(--one)}.curve .dot.two{fill:var(--two)}
.curve .strip{fill:var(--ink);fill-opacity:0}.curve .strip:hover{fill-opacity:.08}
";

pub(super) fn draw_standalone(series: &[Series], options: &CurveOptions) -> String {
    let height = HEIGHT + TITLE_HEIGHT;
    let title = escape(&options.title);
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"curve\" viewBox=\"0 0 {WIDTH} {height}\" \
         width=\"{WIDTH}\" height=\"{height}\" role=\"img\" aria-label=\"{title}\">\n<title>{title}</title>\n\
         <style>\n{STYLE}</style>\n<rect width=\"{WIDTH}\" height=\"{height}\" style=\"fill:var(--paper)\"/>\n\
         <text class=\"title\" x=\"{TEXT_LEFT}\" y=\"22\">{title}</text>\n\
         <g transform=\"translate(0 {TITLE_HEIGHT})\">\n{}</g>\n</svg>\n",
        body(series, options)
    )
}

/// The picture for a page that has [`STYLE`] and shows the title itself.
pub(crate) fn draw_inline(series: &[Series], options: &CurveOptions) -> String {
    format!(
        "<svg class=\"curve\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" width=\"{WIDTH}\" height=\"{HEIGHT}\" role=\"img\" \
         aria-label=\"{}\">\n{}</svg>\n",
        escape(&options.title),
        body(series, options)
    )
}

fn body(series: &[Series], options: &CurveOptions) -> String {
    let mut out = Picture::default();
    let Some(axes) = Axes::around(series, options) else {
        let (x, y) = (f64::midpoint(LEFT, RIGHT), f64::midpoint(TOP, BOTTOM));
        out.text("", x, y, "middle", "nothing was recorded");
        return out.svg;
    };
    let shown = series
        .iter()
        .filter(|series| drawable(series, options.y_scale).next().is_some())
        .collect::<Vec<_>>();
    draw_axes(&mut out, &axes, options);
    out.text("", TEXT_LEFT, 20.0, "start", &options.y_label);
    draw_legend(&mut out, &shown);
    let lines = options
        .reference_lines
        .iter()
        .filter(|line| is_drawable(line.value, options.y_scale));
    for line in lines.clone() {
        let y = axes.y(line.value);
        out.add(format_args!(
            "<line class=\"reference\" x1=\"{LEFT}\" x2=\"{RIGHT}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>"
        ));
    }
    for (series, colour) in shown.iter().zip(colours(&shown)) {
        draw_series(&mut out, &axes, series, colour, options);
    }
    let ends: Vec<f64> = shown
        .iter()
        .filter_map(|series| drawable(series, options.y_scale).last())
        .map(|(_, value)| axes.y(value))
        .collect();
    let mut labels = lines
        .map(|line| {
            let y = axes.y(line.value);
            let text = format!("{} {}", line.label, label(line.value));
            (y + beside(y, &ends), text)
        })
        .collect();
    spread(&mut labels);
    for (y, text) in labels {
        out.text("on", RIGHT - 4.0, y, "end", &text);
    }
    draw_hover(&mut out, &axes, &shown, options);
    out.svg
}

fn draw_axes(out: &mut Picture, axes: &Axes, options: &CurveOptions) {
    for tick in axes.y_ticks() {
        let y = axes.y(tick);
        out.add(format_args!(
            "<line class=\"grid\" x1=\"{LEFT}\" x2=\"{RIGHT}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>"
        ));
        out.text("", LEFT - 8.0, y + 4.5, "end", &label(tick));
    }
    out.add(format_args!(
        "<line class=\"axis\" x1=\"{LEFT}\" x2=\"{RIGHT}\" y1=\"{BOTTOM}\" y2=\"{BOTTOM}\"/>"
    ));
    for tick in axes.x_ticks() {
        let x = axes.x(tick);
        let end = BOTTOM + 5.0;
        out.add(format_args!(
            "<line class=\"axis\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{BOTTOM}\" y2=\"{end}\"/>"
        ));
        let anchor = if x > RIGHT - 16.0 { "end" } else { "middle" };
        out.text("", x.min(RIGHT + 8.0), BOTTOM + 20.0, anchor, &label(tick));
    }
    out.text(
        "",
        f64::midpoint(LEFT, RIGHT),
        HEIGHT - 6.0,
        "middle",
        &options.x_label,
    );
}

/// Only where there is something to tell apart. From the right edge leftwards.
fn draw_legend(out: &mut Picture, shown: &[&Series]) {
    if shown.len() < 2 {
        return;
    }
    let mut right = RIGHT;
    for (series, colour) in shown.iter().zip(colours(shown)).rev() {
        let class = class(series.style);
        // The sample stands right of its words, where their width, unknown without a font, cannot reach it.
        let start = right - LEGEND_SAMPLE;
        out.add(format_args!("<line class=\"{class} {colour}\" x1=\"{start:.0}\" x2=\"{right:.0}\" y1=\"15.5\" y2=\"15.5\"/>"));
        out.text("", start - 6.0, 20.0, "end", &series.label);
        right = start
            - 24.0
            - crate::display_width::display_width(&series.label) as f64 * LEGEND_COLUMN;
    }
}

fn draw_series(
    out: &mut Picture,
    axes: &Axes,
    series: &Series,
    colour: &str,
    options: &CurveOptions,
) {
    let class = class(series.style);
    // A gap in the values is a gap in the line.
    for part in series
        .points
        .split(|&(x, y)| !(x.is_finite() && is_drawable(y, options.y_scale)))
    {
        if part.is_empty() {
            continue;
        }
        let mut path = String::new();
        for (order, (x, y)) in thinned(part).into_iter().enumerate() {
            let letter = if order == 0 { 'M' } else { 'L' };
            write!(path, "{letter}{:.1} {:.1}", axes.x(x), axes.y(y))
                .expect("a String takes any text");
        }
        out.add(format_args!(
            "<path class=\"{class} {colour}\" d=\"{path}\"/>"
        ));
    }
    if series.style == SeriesStyle::Line && series.points.len() <= MAX_MARKED_POINTS {
        for (x, y) in drawable(series, options.y_scale) {
            let (x, y) = (axes.x(x), axes.y(y));
            out.add(format_args!(
                "<circle class=\"dot {colour}\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"4\"/>"
            ));
        }
    }
}

fn draw_hover(out: &mut Picture, axes: &Axes, shown: &[&Series], options: &CurveOptions) {
    let strip = (RIGHT - LEFT) / HOVER_STRIPS as f64;
    let mut previous = None;
    for number in 0..HOVER_STRIPS {
        let left = LEFT + strip * number as f64;
        let middle = left + strip / 2.0;
        let nearest = |series: &&Series| {
            drawable(series, options.y_scale).min_by(|a, b| {
                (axes.x(a.0) - middle)
                    .abs()
                    .total_cmp(&(axes.x(b.0) - middle).abs())
            })
        };
        let Some(at) = shown.last().and_then(nearest).map(|(x, _)| x) else {
            continue;
        };
        // Where points are far apart the strips between them all answer with the nearest.
        if previous.as_ref().is_none_or(|(x, _)| *x != at) {
            let mut title = format!("{} {}", options.x_label, label(at));
            for series in shown {
                if let Some((_, y)) = nearest(series) {
                    write!(title, "\n{}: {}", series.label, label(y))
                        .expect("a String takes any text");
                }
            }
            previous = Some((at, escape(&title)));
        }
        if let Some((_, title)) = &previous {
            let height = BOTTOM - TOP;
            out.add(format_args!(
                "<rect class=\"strip\" x=\"{left:.1}\" y=\"{TOP}\" width=\"{strip:.1}\" height=\"{height}\">\
                 <title>{title}</title></rect>"
            ));
        }
    }
}

/// A label stands above its line, or below where a curve ends just above it: the last points are what people look for.
fn beside(y: f64, ends: &[f64]) -> f64 {
    const ABOVE: f64 = -5.0;
    const BELOW: f64 = 14.0;
    const NEAR: f64 = 30.0;
    let is_in_the_way = ends.iter().any(|end| (0.0..NEAR).contains(&(y - end)));
    if is_in_the_way && y + BELOW < BOTTOM {
        BELOW
    } else {
        ABOVE
    }
}

/// Labels that would overlap move apart.
fn spread(labels: &mut Vec<(f64, String)>) {
    const LINE_HEIGHT: f64 = 16.0;
    labels.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut lowest_free = TOP + 2.0;
    for (y, _) in labels {
        *y = y.max(lowest_free);
        lowest_free = *y + LINE_HEIGHT;
    }
}

/// A faint series has the colour of the line that it lies behind.
fn colours(shown: &[&Series]) -> Vec<&'static str> {
    let mut lines = 0;
    let mut colours = Vec::with_capacity(shown.len());
    for series in shown {
        colours.push(if lines == 0 { "one" } else { "two" });
        lines += usize::from(series.style == SeriesStyle::Line);
    }
    colours
}

fn class(style: SeriesStyle) -> &'static str {
    match style {
        SeriesStyle::Line => "line",
        SeriesStyle::Faint => "faint",
    }
}

#[derive(Default)]
struct Picture {
    svg: String,
}

impl Picture {
    fn add(&mut self, element: std::fmt::Arguments<'_>) {
        writeln!(self.svg, "{element}").expect("a String takes any text");
    }

    fn text(&mut self, class: &str, x: f64, y: f64, anchor: &str, text: &str) {
        let text = escape(text);
        self.add(format_args!(
            "<text class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{text}</text>"
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ReferenceLine, YScale, curve_svg};

    fn series(points: Vec<(f64, f64)>) -> Series {
        Series {
            label: "<script>loss</script>".into(),
            points,
            style: SeriesStyle::Line,
        }
    }

    #[test]
    fn picture_is_standalone_and_escaped() {
        let options = CurveOptions {
            title: "<script>\"t\"</script>".into(),
            x_label: "step".into(),
            y_label: "a & b".into(),
            reference_lines: vec![ReferenceLine {
                label: "<b>unigram".into(),
                value: 4.4,
            }],
            ..CurveOptions::default()
        };
        let svg = curve_svg(
            &[series(vec![(0.0, 5.9), (10.0, f64::NAN), (20.0, 2.1)])],
            &options,
        );
        assert!(svg.starts_with("<svg xmlns="));
        assert!(!svg.contains("<script") && !svg.contains("<b>") && !svg.contains("a & b"));
        assert!(!svg.contains("NaN") && !svg.contains("href") && !svg.contains("url("));
        assert_eq!(svg.matches("<path").count(), 2, "the gap splits the line");
        assert_eq!(
            svg.matches("<title>step 20").count() + svg.matches("<title>step 0").count(),
            HOVER_STRIPS
        );
    }

    #[test]
    fn nothing_to_draw_says_so() {
        for points in [vec![], vec![(1.0, f64::NAN)]] {
            assert!(
                curve_svg(&[series(points)], &CurveOptions::default())
                    .contains("nothing was recorded")
            );
        }
        let log = CurveOptions {
            y_scale: YScale::Log,
            ..CurveOptions::default()
        };
        assert!(
            curve_svg(&[series(vec![(1.0, 0.0), (2.0, -1.0)])], &log)
                .contains("nothing was recorded")
        );
    }

    #[test]
    fn odd_values_stay_finite() {
        for y_scale in [YScale::Linear, YScale::Log] {
            for points in [
                vec![(5.0, 3.0)],
                vec![(0.0, 1e-300), (1.0, 1e300)],
                vec![(0.0, 7.0), (0.0, 7.0)],
            ] {
                let options = CurveOptions {
                    y_scale,
                    ..CurveOptions::default()
                };
                let svg = curve_svg(&[series(points.clone())], &options);
                assert!(
                    !svg.contains("NaN") && !svg.contains("inf"),
                    "{points:?} {y_scale:?}"
                );
            }
        }
    }

    #[test]
    fn labels_keep_clear_of_where_curves_end() {
        assert_eq!(beside(100.0, &[150.0]), -5.0, "the curve ends below");
        assert_eq!(beside(100.0, &[90.0]), 14.0, "the curve ends just above");
        assert_eq!(beside(BOTTOM - 2.0, &[BOTTOM - 9.0]), -5.0, "no room below");
    }

    #[test]
    fn close_labels_move_apart() {
        let mut labels = vec![
            (100.0, "b".to_owned()),
            (98.0, "a".to_owned()),
            (200.0, "c".to_owned()),
        ];
        spread(&mut labels);
        let places = labels.iter().map(|(y, _)| *y).collect::<Vec<_>>();
        assert_eq!(places, [98.0, 114.0, 200.0]);
    }
}
