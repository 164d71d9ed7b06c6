//! The curves of a report, from the records of a run.

use super::input::Baseline;
use crate::curve::draw_inline;
use crate::{CurveOptions, Metrics, ReferenceLine, Series, SeriesStyle, Timings, YScale};

/// Each point of a smoothed curve is the mean over this share of the run.
const SMOOTHING_SHARE: f64 = 0.02;

/// The drawn curves with their titles, those without any data left out.
pub(super) fn charts(
    metrics: &Metrics,
    timings: &Timings,
    baselines: &[Baseline],
) -> Vec<(String, String)> {
    let steps = |value: fn(&crate::StepMetrics) -> f64| {
        metrics
            .steps
            .iter()
            .map(|step| (step.step as f64, value(step)))
            .collect::<Vec<_>>()
    };
    let validations = metrics
        .validations
        .iter()
        .map(|record| (record.step as f64, record.bits_per_byte))
        .collect::<Vec<_>>();
    let speed = timings
        .steps
        .iter()
        .map(|step| (step.step as f64, step.timing.tokens_per_second))
        .collect::<Vec<_>>();
    let reference_lines = baselines
        .iter()
        .map(|baseline| ReferenceLine {
            label: baseline.name.clone(),
            value: baseline.bits_per_byte,
        })
        .collect();

    let mut charts = Vec::new();
    let mut add = |series: Vec<Series>, options: CurveOptions| {
        if series.iter().any(|series| !series.points.is_empty()) {
            charts.push((options.title.clone(), draw_inline(&series, &options)));
        }
    };
    add(
        vec![line("validation", validations)],
        CurveOptions {
            reference_lines,
            ..options("Validation", "bits per byte")
        },
    );
    add(
        raw_and_smoothed(steps(|step| step.loss)),
        options("Training loss", "nats per target"),
    );
    add(
        vec![line("learning rate", steps(|step| step.learning_rate))],
        options("Learning rate", "per update"),
    );
    add(
        raw_and_smoothed(steps(|step| step.gradient_norm)),
        CurveOptions {
            y_scale: YScale::Log,
            ..options("Gradient norm", "L2, before clipping (log scale)")
        },
    );
    add(
        raw_and_smoothed(speed),
        options("Speed", "tokens per second"),
    );
    charts
}

fn options(title: &str, y_label: &str) -> CurveOptions {
    CurveOptions {
        title: title.to_owned(),
        x_label: "step".to_owned(),
        y_label: y_label.to_owned(),
        ..CurveOptions::default()
    }
}

fn line(label: &str, points: Vec<(f64, f64)>) -> Series {
    Series {
        label: label.to_owned(),
        points,
        style: SeriesStyle::Line,
    }
}

fn raw_and_smoothed(points: Vec<(f64, f64)>) -> Vec<Series> {
    let smooth = smoothed(&points);
    vec![
        Series {
            label: "each step".to_owned(),
            points,
            style: SeriesStyle::Faint,
        },
        line("smoothed", smooth),
    ]
}

/// The mean of each point and its neighbours, as many on either side, so that the curve does not lag behind;
/// values that are not finite are passed over.
fn smoothed(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let finite = points
        .iter()
        .copied()
        .filter(|(_, value)| value.is_finite())
        .collect::<Vec<_>>();
    // Sums up to each point keep this linear in the length of the run.
    let mut sums = vec![0.0];
    for (_, value) in &finite {
        sums.push(sums[sums.len() - 1] + value);
    }
    let radius = (finite.len() as f64 * SMOOTHING_SHARE / 2.0) as usize;
    (0..finite.len())
        .map(|place| {
            let reach = radius.min(place).min(finite.len() - 1 - place);
            let window = place - reach..place + reach + 1;
            let mean = (sums[window.end] - sums[window.start]) / window.len() as f64;
            (finite[place].0, mean)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn smoothing_keeps_a_constant_and_skips_gaps() {
        let mut points = (0..500).map(|x| (f64::from(x), 3.0)).collect::<Vec<_>>();
        points[7].1 = f64::NAN;
        let smooth = smoothed(&points);
        assert_eq!(smooth.len(), 499);
        assert!(smooth.iter().all(|(_, value)| (value - 3.0).abs() < 1e-12));
        assert_eq!(
            smoothed(&[(1.0, 4.0), (2.0, 2.0)]),
            [(1.0, 4.0), (2.0, 2.0)],
            "a short run is not smoothed"
        );
    }
}
