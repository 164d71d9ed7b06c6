//! Where things go: the range of the axes, the way from values to pixels, and how many points are worth drawing.

use super::{CurveOptions, Series, YScale};
use crate::ticks;

pub(super) const WIDTH: f64 = 560.0;
pub(super) const HEIGHT: f64 = 290.0;
pub(super) const LEFT: f64 = 72.0;
pub(super) const RIGHT: f64 = WIDTH - 14.0;
pub(super) const TOP: f64 = 36.0;
pub(super) const BOTTOM: f64 = HEIGHT - 46.0;

/// More points than this are drawn as the smallest and largest of each group.
const MAX_POINTS: usize = 700;

/// The axes of one picture.
pub(super) struct Axes {
    x: (f64, f64),
    y: (f64, f64),
    scale: YScale,
}

impl Axes {
    /// `None` when there is nothing to draw.
    pub(super) fn around(series: &[Series], options: &CurveOptions) -> Option<Self> {
        let scale = options.y_scale;
        let visible = || series.iter().flat_map(|series| drawable(series, scale));
        let (x_low, x_high) = bounds(visible().map(|(x, _)| x))?;
        let lines = options
            .reference_lines
            .iter()
            .map(|line| line.value)
            .filter(|value| is_drawable(*value, scale));
        let (y_low, y_high) = bounds(visible().map(|(_, y)| y).chain(lines))?;
        let x_low = if x_low > 0.0 && x_low <= x_high * 0.1 {
            0.0
        } else {
            x_low
        };
        let x = if x_high > x_low {
            (x_low, x_high)
        } else {
            (x_low - 0.5, x_low + 0.5)
        };
        let mut y = padded(y_low, y_high, scale);
        if scale == YScale::Linear && !options.reference_lines.is_empty() {
            // Room for a label below the lowest line.
            y.0 -= 0.05 * (y.1 - y.0);
        }
        Some(Self { x, y, scale })
    }

    pub(super) fn x(&self, value: f64) -> f64 {
        LEFT + (value - self.x.0) / (self.x.1 - self.x.0) * (RIGHT - LEFT)
    }

    pub(super) fn y(&self, value: f64) -> f64 {
        let height = |value: f64| match self.scale {
            YScale::Linear => value,
            YScale::Log => value.ln(),
        };
        let (low, high) = (height(self.y.0), height(self.y.1));
        BOTTOM - (height(value) - low) / (high - low) * (BOTTOM - TOP)
    }

    pub(super) fn x_ticks(&self) -> Vec<f64> {
        ticks::linear(self.x.0, self.x.1, 5)
    }

    pub(super) fn y_ticks(&self) -> Vec<f64> {
        match self.scale {
            YScale::Linear => ticks::linear(self.y.0, self.y.1, 5),
            YScale::Log => ticks::logarithmic(self.y.0, self.y.1),
        }
    }
}

/// The points of a series that have a place on the axes.
pub(super) fn drawable(series: &Series, scale: YScale) -> impl Iterator<Item = (f64, f64)> {
    series
        .points
        .iter()
        .copied()
        .filter(move |&(x, y)| x.is_finite() && is_drawable(y, scale))
}

pub(super) fn is_drawable(y: f64, scale: YScale) -> bool {
    y.is_finite() && (scale == YScale::Linear || y > 0.0)
}

/// Few enough points to draw that no peak is lost: of each group the first, lowest, highest and last.
pub(super) fn thinned(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    if points.len() <= MAX_POINTS {
        return points.to_vec();
    }
    let group = points.len().div_ceil(MAX_POINTS / 4);
    let mut kept = Vec::with_capacity(MAX_POINTS);
    for chunk in points.chunks(group) {
        let lowest = (0..chunk.len())
            .min_by(|&a, &b| chunk[a].1.total_cmp(&chunk[b].1))
            .unwrap_or(0);
        let highest = (0..chunk.len())
            .max_by(|&a, &b| chunk[a].1.total_cmp(&chunk[b].1))
            .unwrap_or(0);
        let mut places = [0, lowest, highest, chunk.len() - 1];
        places.sort_unstable();
        for (order, &place) in places.iter().enumerate() {
            if order == 0 || places[order - 1] != place {
                kept.push(chunk[place]);
            }
        }
    }
    kept
}

fn bounds(values: impl Iterator<Item = f64>) -> Option<(f64, f64)> {
    values
        .map(|value| (value, value))
        .reduce(|(low, high), (value, _)| (low.min(value), high.max(value)))
}

/// A little air above and below, but no further than zero where all values are on one side of it.
fn padded(low: f64, high: f64, scale: YScale) -> (f64, f64) {
    match scale {
        YScale::Log => (low / 1.1, high * 1.1),
        YScale::Linear if high > low => {
            let air = (high - low) * 0.05;
            let bottom = if low >= 0.0 {
                (low - air).max(0.0)
            } else {
                low - air
            };
            // A curve that comes close to zero is read more easily with zero in the picture.
            let bottom = if low > 0.0 && low < high * 0.15 {
                0.0
            } else {
                bottom
            };
            (bottom, high + air)
        }
        YScale::Linear => {
            let air = if low == 0.0 { 1.0 } else { low.abs() * 0.1 };
            (low - air, high + air)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thinning_keeps_order_ends_and_peaks() {
        let mut points = (0..10_000)
            .map(|x| (f64::from(x), f64::from(x % 7)))
            .collect::<Vec<_>>();
        points[4321].1 = 99.0;
        points[8765].1 = -99.0;
        let kept = thinned(&points);
        assert!(kept.len() <= MAX_POINTS, "{}", kept.len());
        assert!(kept.windows(2).all(|pair| pair[0].0 < pair[1].0));
        assert_eq!((kept[0], kept[kept.len() - 1]), (points[0], points[9999]));
        assert!(kept.contains(&points[4321]) && kept.contains(&points[8765]));
        assert_eq!(thinned(&points[..10]), points[..10]);
    }
}
