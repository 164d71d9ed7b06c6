//! Round numbers along an axis, and how they are written.

/// At most about `count` multiples of 1, 2 or 5 times a power of ten between `low` and `high`.
pub(crate) fn linear(low: f64, high: f64, count: usize) -> Vec<f64> {
    let span = high - low;
    if !(span.is_finite() && span > 0.0) {
        return vec![low];
    }
    let rough = span / count.max(1) as f64;
    let power = 10_f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0]
        .map(|multiple| multiple * power)
        .into_iter()
        .find(|&step| step >= rough * 0.999)
        .unwrap_or(rough);
    let (first, last) = (
        (low / step - 1e-6).ceil() as i64,
        (high / step + 1e-6).floor() as i64,
    );
    // Each from its own product: a running sum would drift off the round numbers.
    (first..=last)
        .take(count * 4 + 2)
        .map(|multiple| multiple as f64 * step)
        .collect()
}

/// Powers of ten between `low` and `high`, with 2 and 5 times them where there are few.
pub(crate) fn logarithmic(low: f64, high: f64) -> Vec<f64> {
    if !(low > 0.0 && high > low && high.is_finite()) {
        return vec![low];
    }
    let decades = (low.log10().floor() as i32)..=(high.log10().ceil() as i32);
    let within = |multiples: &[f64]| {
        decades
            .clone()
            .flat_map(|decade| {
                multiples
                    .iter()
                    .map(move |multiple| multiple * 10_f64.powi(decade))
            })
            .filter(|tick| (low * 0.999..=high * 1.001).contains(tick))
            .collect::<Vec<_>>()
    };
    let coarse = within(&[1.0]);
    let ticks = if coarse.len() >= 3 {
        coarse
    } else {
        within(&[1.0, 2.0, 5.0])
    };
    if ticks.len() >= 2 {
        ticks
    } else {
        linear(low, high, 4)
    }
}

/// A number with four significant digits and no needless zeros: `1,203`, `3.214`, `0.0003`, `3e-5`.
pub(crate) fn label(value: f64) -> String {
    if !value.is_finite() {
        return "none".to_owned();
    }
    let size = value.abs();
    if size < 1e-300 {
        return "0".to_owned();
    }
    if !(1e-4..1e15).contains(&size) {
        let written = format!("{value:.3e}");
        return match written.split_once('e') {
            Some((digits, exponent)) => format!("{}e{exponent}", trim(digits)),
            None => written,
        };
    }
    let decimals = (3 - size.log10().floor() as i32).clamp(0, 8) as usize;
    let written = format!("{size:.decimals$}");
    let written = if written.contains('.') {
        trim(&written).to_owned()
    } else {
        written
    };
    let (whole, fraction) = written.split_once('.').unwrap_or((&written, ""));
    let whole = whole
        .parse()
        .map_or_else(|_| whole.to_owned(), crate::human_units::with_separators);
    let sign = if value < 0.0 { "−" } else { "" };
    if fraction.is_empty() {
        format!("{sign}{whole}")
    } else {
        format!("{sign}{whole}.{fraction}")
    }
}

fn trim(decimal: &str) -> &str {
    if decimal.contains('.') {
        decimal.trim_end_matches('0').trim_end_matches('.')
    } else {
        decimal
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn labels(ticks: &[f64]) -> String {
        ticks
            .iter()
            .map(|&tick| label(tick))
            .collect::<Vec<_>>()
            .join(" ")
    }

    #[test]
    fn ticks_are_round() {
        for (low, high, expected) in [
            (0.0, 1000.0, "0 200 400 600 800 1,000"),
            (2.13, 9.04, "4 6 8"),
            (0.0, 3e-4, "0 0.0001 0.0002 0.0003"),
            (0.0, 3e-5, "0 1e-5 2e-5 3e-5"),
            (1150.0, 1260.0, "1,150 1,200 1,250"),
            (-0.3, 0.31, "−0.2 0 0.2"),
        ] {
            assert_eq!(labels(&linear(low, high, 5)), expected, "{low}..{high}");
        }
        assert_eq!(labels(&logarithmic(0.3, 40.0)), "0.5 1 2 5 10 20");
        assert_eq!(
            labels(&logarithmic(0.01, 4000.0)),
            "0.01 0.1 1 10 100 1,000"
        );
    }

    #[test]
    fn labels_have_four_digits() {
        for (value, expected) in [
            (0.0, "0"),
            (3.214_15, "3.214"),
            (12_345.6, "12,346"),
            (2.999_99e-4, "0.0003"),
            (f64::NAN, "none"),
            (-1.5, "−1.5"),
            (999.96, "1,000"),
        ] {
            assert_eq!(label(value), expected, "{value}");
        }
    }

    proptest! {
        #[test]
        fn ticks_lie_on_the_axis_in_order(low in -1e9..1e9_f64, span in 1e-3..1e9_f64, count in 2..8_usize) {
            let high = low + span;
            let ticks = linear(low, high, count);
            let slack = span * 1e-5 + low.abs() * 1e-12;
            prop_assert!(ticks.iter().all(|&tick| tick >= low - slack && tick <= high + slack));
            prop_assert!(ticks.windows(2).all(|pair| pair[0] < pair[1]));
            prop_assert!(ticks.len() <= count + 1);
        }

        #[test]
        fn any_bounds_are_survived(low in any::<f64>(), high in any::<f64>()) {
            for tick in linear(low, high, 5).into_iter().chain(logarithmic(low, high)) {
                prop_assert!(!label(tick).is_empty());
            }
        }
    }
}
