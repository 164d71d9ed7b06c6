//! Small loops that the compiler turns into vector instructions of the processor at hand.

#![expect(
    clippy::inline_always,
    reason = "code is compiled for the wider instructions only where it is inlined into `vectorized`"
)]

/// Independent partial sums of a reduction: enough for two AVX-512 registers, and a fixed order of additions.
pub(crate) const LANES: usize = 32;

/// Runs `work` compiled for the widest vector instructions this processor has, chosen at run time.
///
/// A closure must be `#[inline(always)]`: one that the compiler keeps as a function of its own is compiled without them.
#[inline]
pub(crate) fn vectorized<T>(work: impl FnOnce() -> T) -> T {
    struct Work<F>(F);
    impl<T, F: FnOnce() -> T> pulp::NullaryFnOnce for Work<F> {
        type Output = T;
        #[inline(always)]
        fn call(self) -> T {
            (self.0)()
        }
    }
    pulp::Arch::new().dispatch(Work(work))
}

/// `Σ a b` in [`LANES`] partial sums.
#[inline(always)]
pub(crate) fn sum_of_products(a: &[f32], b: &[f32]) -> f32 {
    let mut partial = [0.0f32; LANES];
    let (a_lanes, b_lanes) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    let tail: f32 = a_lanes
        .remainder()
        .iter()
        .zip(b_lanes.remainder())
        .map(|(a, b)| a * b)
        .sum();
    for (a, b) in a_lanes.zip(b_lanes) {
        for lane in 0..LANES {
            partial[lane] += a[lane] * b[lane];
        }
    }
    partial.iter().sum::<f32>() + tail
}

/// Largest element; `-inf` of nothing.
#[inline(always)]
pub(crate) fn maximum(values: &[f32]) -> f32 {
    let mut partial = [f32::NEG_INFINITY; LANES];
    let lanes = values.chunks_exact(LANES);
    let tail = lanes
        .remainder()
        .iter()
        .copied()
        .fold(f32::NEG_INFINITY, larger);
    for values in lanes {
        for lane in 0..LANES {
            partial[lane] = larger(partial[lane], values[lane]);
        }
    }
    partial.into_iter().fold(tail, larger)
}

#[inline(always)]
fn larger(a: f32, b: f32) -> f32 {
    if a > b { a } else { b }
}

/// `Σ exp(value - shift)`, leaving the exponentials in `values`.
#[inline(always)]
pub(crate) fn exponentials(values: &mut [f32], shift: f32) -> f32 {
    let mut partial = [0.0f32; LANES];
    let mut lanes = values.chunks_exact_mut(LANES);
    for values in &mut lanes {
        for lane in 0..LANES {
            values[lane] = exp(values[lane] - shift);
            partial[lane] += values[lane];
        }
    }
    let mut tail = 0.0;
    for value in lanes.into_remainder() {
        *value = exp(*value - shift);
        tail += *value;
    }
    partial.iter().sum::<f32>() + tail
}

/// `eˣ` without a branch, so that loops over it become vector code; relative error below 3e-7, arguments clamped to
/// the range of normal numbers.
///
/// `x = n ln 2 + r` with `|r| <= ln 2 / 2`, then the Taylor series of `eʳ` to the seventh order (its rest is below 6e-9).
#[inline(always)]
pub(crate) fn exp(x: f32) -> f32 {
    const LOG2_E: f32 = std::f32::consts::LOG2_E;
    // ln 2 in two parts (Cody and Waite): the first has trailing zeros, so n times it is exact.
    const LN_2_HIGH: f32 = 0.693_359_4;
    const LN_2_LOW: f32 = -2.121_944_4e-4;
    // Adding 1.5 * 2^23 leaves the nearest integer in the low bits of the mantissa.
    const ROUNDER: f32 = 12_582_912.0;
    let x = x.clamp(-87.0, 88.0);
    let shifted = x * LOG2_E + ROUNDER;
    let n = shifted - ROUNDER;
    let r = x - n * LN_2_HIGH - n * LN_2_LOW;
    let series = 1.0 / 5040.0;
    let series = series * r + 1.0 / 720.0;
    let series = series * r + 1.0 / 120.0;
    let series = series * r + 1.0 / 24.0;
    let series = series * r + 1.0 / 6.0;
    let series = series * r + 0.5;
    let series = series * r + 1.0;
    let series = series * r + 1.0;
    let exponent = shifted
        .to_bits()
        .wrapping_sub(ROUNDER.to_bits())
        .wrapping_add(127)
        << 23;
    series * f32::from_bits(exponent)
}

/// Rounds to bfloat16 (nearest, ties to even) and back, the value a bf16 operand has in a product summed in f32.
pub(crate) fn round_to_bf16(values: &[f32]) -> Vec<f32> {
    let mut out = vec![0.0; values.len()];
    vectorized(
        #[inline(always)]
        || {
            for (out, value) in out.iter_mut().zip(values) {
                *out = rounded_to_bf16(*value);
            }
        },
    );
    out
}

/// See [`round_to_bf16`].
#[inline(always)]
pub(crate) fn rounded_to_bf16(value: f32) -> f32 {
    let bits = value.to_bits();
    let rounded = bits.wrapping_add(0x7fff + ((bits >> 16) & 1)) & 0xffff_0000;
    if value.is_nan() {
        value
    } else {
        f32::from_bits(rounded)
    }
}

/// `1 / (1 + e⁻ˣ)`.
#[inline(always)]
pub(crate) fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + exp(-x))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exp_is_within_three_ten_millionths() {
        for step in 0..200_000 {
            let x = -86.9 + step as f32 * (174.8 / 200_000.0);
            let expected = f64::from(x).exp();
            let error = (f64::from(exp(x)) - expected).abs() / expected;
            assert!(error < 3e-7, "exp({x}) is off by {error}");
        }
        assert!(exp(-1e30) < 1e-37 && exp(-1e30) >= 0.0);
        assert!((sigmoid(0.0) - 0.5).abs() < 1e-7);
    }

    #[test]
    fn reductions_cover_the_tail() {
        for len in [0, 1, 31, 32, 33, 100] {
            let values: Vec<f32> = (0..len).map(|i| (i as f32 * 0.7).sin()).collect();
            let squares: f32 = values.iter().map(|v| v * v).sum();
            assert!((sum_of_products(&values, &values) - squares).abs() < 1e-4);
            assert_eq!(
                maximum(&values),
                values.iter().copied().fold(f32::NEG_INFINITY, f32::max)
            );
        }
    }
}
