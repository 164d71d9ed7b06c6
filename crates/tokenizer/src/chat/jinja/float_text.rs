//! Floats as Python spells and rounds them.

/// A float as `repr` spells it: the shortest digits that give it back, with an exponent below 10^-4
/// and from 10^16 on.
pub(super) fn repr(value: f64) -> String {
    if value.is_nan() {
        return "nan".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "inf" } else { "-inf" }.to_owned();
    }
    // Rust's debug form has the same digits and the same borders; only the exponent is spelled
    // differently.
    let text = format!("{value:?}");
    match text.split_once('e') {
        Some((digits, exponent)) => {
            // Python leaves out the fraction `.0` in front of an exponent.
            let digits = digits.strip_suffix(".0").unwrap_or(digits);
            format!("{digits}e{}", exponent_text(exponent))
        }
        None => text,
    }
}

/// An exponent with its sign and at least two digits.
pub(super) fn exponent_text(exponent: &str) -> String {
    match exponent.strip_prefix('-') {
        Some(digits) => format!("-{digits:0>2}"),
        None => format!("+{exponent:0>2}"),
    }
}

/// Python's `round(value, digits)` of a float: half to even, of the exact value.
pub(super) fn round(value: f64, digits: i128) -> f64 {
    if !value.is_finite() || digits > 323 {
        return value;
    }
    if digits < -308 {
        return 0.0_f64.copysign(value);
    }
    if digits >= 0 {
        let text = format!("{value:.*}", digits as usize);
        return text.parse().unwrap_or(value);
    }
    // The digits of the whole part, and whether something stands behind the place that is rounded.
    let whole = format!("{:.0}", value.abs().trunc());
    let cut = -digits as usize;
    let padded = format!("{whole:0>width$}", width = cut + 1);
    let (kept, dropped) = padded.split_at(padded.len() - cut);
    let half = format!("5{}", "0".repeat(cut - 1));
    let has_rest = value.fract() != 0.0;
    let is_odd = kept.bytes().last().is_some_and(|digit| digit % 2 == 1);
    let rounds_up = match dropped.cmp(&half) {
        std::cmp::Ordering::Less => false,
        std::cmp::Ordering::Equal => has_rest || is_odd,
        std::cmp::Ordering::Greater => true,
    };
    let mut digits: Vec<u8> = kept.bytes().collect();
    if rounds_up {
        let mut at = digits.len();
        loop {
            if at == 0 {
                digits.insert(0, b'1');
                break;
            }
            at -= 1;
            if digits[at] == b'9' {
                digits[at] = b'0';
            } else {
                digits[at] += 1;
                break;
            }
        }
    }
    let mut text = String::from_utf8(digits).unwrap_or_default();
    text.push_str(&"0".repeat(cut));
    let rounded: f64 = text.parse().unwrap_or(value);
    rounded.copysign(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_are_spelled_as_in_python() {
        for (value, expected) in [
            (0.0, "0.0"),
            (-0.0, "-0.0"),
            (0.0001, "0.0001"),
            (0.000_099_9, "9.99e-05"),
            (9_999_999_999_999_998.0, "9999999999999998.0"),
            (1e16, "1e+16"),
            (1.5e300, "1.5e+300"),
            (5e-324, "5e-324"),
            (f64::INFINITY, "inf"),
            (f64::NAN, "nan"),
        ] {
            assert_eq!(repr(value), expected);
        }
    }

    #[test]
    fn rounding_is_half_to_even_of_the_exact_value() {
        for (value, digits, expected) in [
            (2.5, 0, 2.0),
            (3.5, 0, 4.0),
            (-2.5, 0, -2.0),
            (2.675, 2, 2.67),
            (0.15, 1, 0.1),
            (1250.0, -2, 1200.0),
            (1350.0, -2, 1400.0),
            (1250.5, -2, 1300.0),
            (999.9, -2, 1000.0),
            (4.0, -1, 0.0),
        ] {
            assert_eq!(round(value, digits), expected, "{value} {digits}");
        }
    }
}
