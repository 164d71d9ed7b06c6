//! Bar charts as SVG made here: groups of bars side by side, each with its value.

use std::fmt::Write;

use crate::curve::STYLE;
use crate::report::escape;

/// Bars that belong together, one for each series.
#[derive(Debug, Clone, PartialEq)]
pub struct BarGroup {
    /// Shown at the group.
    pub label: String,
    /// A value for each series, none of them negative; `None` where there is nothing to show.
    pub values: Vec<Option<f64>>,
}

/// The widest a picture is, in pixels.
const WIDTH: f64 = 860.0;

/// Height of a bar, and of the gap between groups.
const BAR: f64 = 18.0;
const GAP: f64 = 14.0;

/// A generous width of a letter; Hangul is twice as wide.
const LETTER: f64 = 7.6;

/// Colours told apart by people who see red and green alike, after the palette of Okabe and Ito (2008).
const COLOURS: [&str; 7] = [
    "#0072b2", "#e69f00", "#56b4e9", "#d55e00", "#009e73", "#cc79a7", "#8c8c8c",
];

/// A standalone SVG file: no font, script or picture from elsewhere; light and dark as the viewer prefers. `series` names the bars
/// of each group, `title` says what their length is.
pub fn bars_svg(title: &str, series: &[String], groups: &[BarGroup]) -> String {
    let left = groups
        .iter()
        .map(|group| width(&group.label))
        .fold(60.0, f64::max)
        .min(WIDTH / 3.0)
        + 16.0;
    let values = || {
        groups
            .iter()
            .flat_map(|group| group.values.iter().flatten().copied())
    };
    let longest = values().fold(0.0, f64::max).max(f64::MIN_POSITIVE);
    let scale = (WIDTH - left - 60.0) / longest;
    let legend = 34.0 + 20.0 * series.len() as f64;
    // Writing to a string cannot fail.
    let mut body = String::new();
    let colour = |index: usize| COLOURS[index % COLOURS.len()];
    for (index, name) in series.iter().enumerate() {
        let y = 38.0 + 20.0 * index as f64;
        let _ = writeln!(
            body,
            "<rect x=\"4\" y=\"{y:.1}\" width=\"14\" height=\"12\" fill=\"{}\"/>\n<text x=\"26\" y=\"{:.1}\">{}</text>",
            colour(index),
            y + 11.0,
            escape(name)
        );
    }
    let mut y = legend + GAP;
    for group in groups {
        let middle = y + BAR * group.values.len() as f64 / 2.0 + 4.5;
        let _ = writeln!(
            body,
            "<text x=\"{:.1}\" y=\"{middle:.1}\" text-anchor=\"end\">{}</text>",
            left - 8.0,
            escape(&shortened(&group.label, left - 16.0))
        );
        for (index, value) in group.values.iter().enumerate() {
            let name = series.get(index).map_or("", String::as_str);
            let text = value.map_or_else(|| "-".to_owned(), |value| format!("{value:.2}"));
            let length = value.unwrap_or(0.0) * scale;
            let _ = writeln!(
                body,
                "<rect x=\"{left:.1}\" y=\"{:.1}\" width=\"{length:.1}\" height=\"{:.1}\" fill=\"{}\"><title>{}, {}: {text}</title></rect>\n\
                 <text x=\"{:.1}\" y=\"{:.1}\">{text}</text>",
                y + 1.0,
                BAR - 2.0,
                colour(index),
                escape(&group.label),
                escape(name),
                left + length + 6.0,
                y + BAR - 4.5
            );
            y += BAR;
        }
        y += GAP;
    }
    let title = escape(title);
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"curve\" viewBox=\"0 0 {WIDTH} {y:.0}\" width=\"{WIDTH}\" height=\"{y:.0}\" \
         role=\"img\" aria-label=\"{title}\">\n<title>{title}</title>\n<style>\n{STYLE}</style>\n\
         <rect width=\"{WIDTH}\" height=\"{y:.0}\" style=\"fill:var(--paper)\"/>\n\
         <text class=\"title\" x=\"4\" y=\"22\">{title}</text>\n{body}</svg>\n"
    )
}

fn width(text: &str) -> f64 {
    text.chars()
        .map(|c| if c.is_ascii() { LETTER } else { 2.0 * LETTER })
        .sum()
}

/// The end of a label that is too long: paths differ there.
fn shortened(label: &str, room: f64) -> String {
    if width(label) <= room {
        return label.to_owned();
    }
    let characters: Vec<char> = label.chars().collect();
    let start = (0..characters.len())
        .find(|start| width(&characters[*start..].iter().collect::<String>()) + LETTER <= room)
        .unwrap_or(characters.len());
    let end: String = characters[start..].iter().collect();
    format!("…{end}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_value_is_a_bar_as_long_as_it_says() {
        let series = ["ours".to_owned(), "<theirs>".to_owned()];
        let group = |label: &str, values: [Option<f64>; 2]| BarGroup {
            label: label.to_owned(),
            values: values.to_vec(),
        };
        let svg = bars_svg(
            "bytes per token",
            &series,
            &[
                group("law", [Some(4.0), Some(2.0)]),
                group(
                    "a/very/long/path/to/a/file/of/many/documents/that/is/shortened.jsonl",
                    [None, Some(0.0)],
                ),
            ],
        );
        let widths: Vec<f64> = svg
            .split("<rect ")
            .skip(1)
            .filter(|rect| rect.contains("\"><title>"))
            .map(|rect| {
                rect.split("width=\"")
                    .nth(1)
                    .unwrap()
                    .split('"')
                    .next()
                    .unwrap()
                    .parse()
                    .unwrap()
            })
            .collect();
        assert!((widths[0] - 2.0 * widths[1]).abs() < 0.2, "{widths:?}");
        assert_eq!(widths[2..], [0.0, 0.0]);
        assert!(
            svg.contains(">4.00<") && svg.contains("&lt;theirs&gt;") && !svg.contains("<theirs>")
        );
        assert!(svg.contains(">…"));
    }

    #[test]
    fn nothing_to_show_is_still_a_picture() {
        let svg = bars_svg("bytes per token", &[], &[]);
        assert!(svg.starts_with("<svg") && svg.ends_with("</svg>\n") && !svg.contains("NaN"));
    }
}
