//! Bytes, durations and counts in words: three significant digits, decimal prefixes.

const BYTE_UNITS: [&str; 7] = ["B", "kB", "MB", "GB", "TB", "PB", "EB"];
const COUNT_UNITS: [&str; 7] = ["", " k", " M", " B", " T", " P", " E"];

/// `634_000_000` is `634 MB`.
pub fn human_bytes(bytes: u64) -> String {
    let (digits, unit) = scaled(bytes, &BYTE_UNITS);
    format!("{digits} {unit}")
}

/// Exact with separators below ten thousand (`1,203`), then `32.5 M`; `B` is a thousand million.
pub fn human_count(count: u64) -> String {
    if count < 10_000 {
        return with_separators(count);
    }
    let (digits, unit) = scaled(count, &COUNT_UNITS);
    format!("{digits}{unit}")
}

/// Every digit, in groups of three: `12,345,678`.
pub fn with_separators(count: u64) -> String {
    let digits = count.to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// The two largest units that matter: `420 ms`, `12.3 s`, `2 min 5 s`, `3 h 12 min`, `2 d 4 h`; `unknown` for what
/// is not a duration.
pub fn human_duration(seconds: f64) -> String {
    if !seconds.is_finite() || seconds < 0.0 {
        return "unknown".to_owned();
    }
    if seconds < 0.9995 {
        return format!("{} ms", (seconds * 1e3).round());
    }
    if seconds < 59.95 {
        return format!("{} s", trimmed(format!("{seconds:.1}")));
    }
    let whole = seconds.round() as u64;
    // Rounded to the smaller of the two units first, so that no `60 min` appears.
    let minutes = (whole + 30) / 60;
    let hours = (whole + 1800) / 3600;
    if whole < 3600 {
        pair(whole / 60, "min", whole % 60, "s")
    } else if minutes < 24 * 60 {
        pair(minutes / 60, "h", minutes % 60, "min")
    } else {
        pair(hours / 24, "d", hours % 24, "h")
    }
}

fn pair(large: u64, large_unit: &str, small: u64, small_unit: &str) -> String {
    if small == 0 {
        format!("{large} {large_unit}")
    } else {
        format!("{large} {large_unit} {small} {small_unit}")
    }
}

fn scaled(value: u64, units: &[&'static str; 7]) -> (String, &'static str) {
    let (mut scaled, mut unit) = (value as f64, 0);
    // 999.5 would be shown as 1000.
    while scaled >= 999.5 && unit + 1 < units.len() {
        scaled /= 1000.0;
        unit += 1;
    }
    let digits = if unit == 0 || scaled >= 99.95 {
        format!("{scaled:.0}")
    } else if scaled >= 9.995 {
        trimmed(format!("{scaled:.1}"))
    } else {
        trimmed(format!("{scaled:.2}"))
    };
    (digits, units[unit])
}

/// `2.50` as `2.5`, `2.0` as `2`.
fn trimmed(decimal: String) -> String {
    if decimal.contains('.') {
        decimal
            .trim_end_matches('0')
            .trim_end_matches('.')
            .to_owned()
    } else {
        decimal
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes() {
        for (bytes, expected) in [
            (0, "0 B"),
            (999, "999 B"),
            (1_000, "1 kB"),
            (1_500, "1.5 kB"),
            (99_960, "100 kB"),
            (999_499, "999 kB"),
            (999_500, "1 MB"),
            (634_000_000, "634 MB"),
            (1_234_000_000, "1.23 GB"),
            (80_000_000_000, "80 GB"),
            (u64::MAX, "18.4 EB"),
        ] {
            assert_eq!(human_bytes(bytes), expected, "{bytes}");
        }
    }

    #[test]
    fn counts() {
        for (count, expected) in [
            (0, "0"),
            (661, "661"),
            (9_999, "9,999"),
            (10_000, "10 k"),
            (999_999, "1 M"),
            (32_508_416, "32.5 M"),
            (1_279_391_488, "1.28 B"),
        ] {
            assert_eq!(human_count(count), expected, "{count}");
        }
        assert_eq!(with_separators(12_345_678), "12,345,678");
        assert_eq!(with_separators(100), "100");
    }

    #[test]
    fn durations() {
        for (seconds, expected) in [
            (0.0, "0 ms"),
            (0.42, "420 ms"),
            (0.9999, "1 s"),
            (12.34, "12.3 s"),
            (59.96, "1 min"),
            (125.0, "2 min 5 s"),
            (3599.6, "1 h"),
            (11_520.0, "3 h 12 min"),
            (86_399.0, "1 d"),
            (187_200.0, "2 d 4 h"),
            (f64::NAN, "unknown"),
            (f64::INFINITY, "unknown"),
            (-1.0, "unknown"),
        ] {
            assert_eq!(human_duration(seconds), expected, "{seconds}");
        }
    }
}
