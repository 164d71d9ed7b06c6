//! Products that would be subnormal count as zero, in loops that the compiler vectorizes.
//!
//! Intel's processors take some 150 cycles for an instruction with a subnormal operand or result,
//! in any of its lanes. So the factors are tested before they are multiplied: flushing the result
//! would come too late. The tests are comparisons and selections, which vectorize. Products in the
//! normal range keep their bits, with one exception: [`product`] leaves headroom, so that a further
//! factor down to 2⁻¹⁶ needs no test of its own.

#![expect(
    clippy::inline_always,
    reason = "code is compiled for the wider instructions only where it is inlined into `vectorized`"
)]

/// Twice the smallest normal number: what the floors below keep a product above.
const SMALLEST: f32 = 2.0 * f32::MIN_POSITIVE;
const EXPONENT: u32 = 0x7f80_0000;
const SIGN: u32 = 0x8000_0000;

/// Below this magnitude, 2⁻⁶³, a square is subnormal.
pub(crate) const SQUARE_FLOOR: f32 = f32::from_bits((127 - 63) << 23);
/// Below this magnitude, 2⁻¹⁰⁰, a number times a sine or cosine may be subnormal: a table's
/// smallest are above 2⁻²⁵.
pub(crate) const ROTATION_FLOOR: f32 = f32::from_bits((127 - 100) << 23);

/// A number, or zero where its magnitude is below `floor`. NaN stays.
#[inline(always)]
pub(crate) fn above(value: f32, floor: f32) -> f32 {
    if value.abs() < floor {
        f32::from_bits(value.to_bits() & SIGN)
    } else {
        value
    }
}

/// The magnitude below which a product with `factor` may be subnormal: to be computed once for many
/// products. Never subnormal itself.
#[inline(always)]
pub(crate) fn floor_for(factor: f32) -> f32 {
    SMALLEST / factor.abs().min(1.0)
}

/// A number, or zero where it is subnormal.
#[inline(always)]
pub(crate) fn flushed(value: f32) -> f32 {
    above(value, f32::MIN_POSITIVE)
}

/// `a b`, or zero where its magnitude may be below 2⁻¹⁰⁹. NaN and infinities stay.
#[inline(always)]
pub(crate) fn product(a: f32, b: f32) -> f32 {
    /// With biased exponents `e` and `f`, a product of normal numbers is at least 2^(e + f - 254).
    const FEWEST: u32 = (254 - 109) << 23;
    let (a_bits, b_bits) = (a.to_bits(), b.to_bits());
    let is_small = (a_bits & EXPONENT) + (b_bits & EXPONENT) < FEWEST;
    let a = if is_small {
        f32::from_bits(a_bits & SIGN)
    } else {
        a
    };
    a * b
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn any_number() -> impl Strategy<Value = f32> {
        any::<u32>().prop_map(f32::from_bits)
    }

    fn same(a: f32, b: f32) -> bool {
        a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan())
    }

    proptest! {
        #[test]
        fn a_product_keeps_its_bits_or_is_zero(a in any_number(), b in any_number()) {
            let (got, exact) = (product(a, b), a * b);
            prop_assert!(!got.is_subnormal());
            if same(got, exact) {
                return Ok(());
            }
            prop_assert_eq!(got, 0.0);
            prop_assert!(exact.abs() < f32::from_bits((127 - 107) << 23), "{} {}", a, b);
        }

        #[test]
        fn a_product_with_a_factor_keeps_its_bits_or_is_zero(a in any_number(), factor in any_number()) {
            prop_assume!(factor.is_normal() && factor.abs() > 1e-30);
            let (got, exact) = (above(a, floor_for(factor)) * factor, a * factor);
            prop_assert!(!got.is_subnormal());
            prop_assert!(same(got, exact) || (got == 0.0 && exact.abs() < 4.0 * f32::MIN_POSITIVE));
        }
    }

    #[test]
    fn squares_are_normal_or_zero() {
        for exponent in -126..64 {
            let value = 2f32.powi(exponent);
            let square = above(value, SQUARE_FLOOR) * above(value, SQUARE_FLOOR);
            assert!(square == 0.0 || square.is_normal(), "2^{exponent}");
            assert!(exponent < -63 || square > 0.0, "2^{exponent}");
        }
    }
}
