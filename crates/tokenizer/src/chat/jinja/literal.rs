//! Literals: texts with Python's escapes, and numbers.

use super::ast::Const;
use super::fault::{Fault, Res, unsupported_fault};

/// The text of a string literal, from what stands between its quotes.
///
/// Jinja reads it as Python's codec `unicode-escape` does, after every character beyond ASCII was
/// escaped itself: a backslash in front of such a character therefore gives the escape as text.
pub(super) fn text(inside: &str, line: u32) -> Res<String> {
    let mut out = String::with_capacity(inside.len());
    let mut chars = inside.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        let Some(escaped) = chars.next() else {
            return Err(Fault::syntax(line, "a string ends with a lone backslash"));
        };
        match escaped {
            '\n' => {}
            '\\' | '\'' | '"' => out.push(escaped),
            'a' => out.push('\x07'),
            'b' => out.push('\x08'),
            'f' => out.push('\x0c'),
            'n' => out.push('\n'),
            'r' => out.push('\r'),
            't' => out.push('\t'),
            'v' => out.push('\x0b'),
            '0'..='7' => {
                let rest = chars.as_str();
                let more = rest
                    .bytes()
                    .take(2)
                    .take_while(|b| matches!(b, b'0'..=b'7'));
                let more = more.count();
                let digits = format!("{escaped}{}", &rest[..more]);
                chars = rest[more..].chars();
                out.push(code_point(&digits, 8, line)?);
            }
            'x' | 'u' | 'U' => {
                let width = match escaped {
                    'x' => 2,
                    'u' => 4,
                    _ => 8,
                };
                let rest = chars.as_str();
                let digits = rest
                    .get(..width)
                    .filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()));
                let Some(digits) = digits else {
                    let reason = format!("`\\{escaped}` needs {width} hexadecimal digits");
                    return Err(Fault::syntax(line, reason));
                };
                chars = rest[width..].chars();
                out.push(code_point(digits, 16, line)?);
            }
            'N' => {
                return Err(unsupported_fault("the escape `\\N` of a character's name").at(line));
            }
            c if c.is_ascii() => out.extend(['\\', c]),
            c => {
                let code = u32::from(c);
                out.push('\\');
                out.push_str(&match code {
                    0..=0xff => format!("x{code:02x}"),
                    0x100..=0xffff => format!("u{code:04x}"),
                    _ => format!("U{code:08x}"),
                });
            }
        }
    }
    Ok(out)
}

fn code_point(digits: &str, radix: u32, line: u32) -> Res<char> {
    let code = u32::from_str_radix(digits, radix).unwrap_or(u32::MAX);
    match char::from_u32(code) {
        Some(c) => Ok(c),
        None if code <= 0xffff => {
            Err(unsupported_fault(format!("the lone surrogate U+{code:04X}")).at(line))
        }
        None => Err(Fault::syntax(line, "an escape beyond U+10FFFF")),
    }
}

/// Length of the number that `rest` begins with, and whether it is a float. A dot in front makes it
/// an index.
pub(super) fn number_length(rest: &str, behind_dot: bool) -> Option<(usize, bool)> {
    let bytes = rest.as_bytes();
    let whole = digits(bytes);
    if whole > 0 && !behind_dot {
        let fraction = match bytes.get(whole) {
            Some(b'.') => match digits(&bytes[whole + 1..]) {
                0 => 0,
                more => 1 + more,
            },
            _ => 0,
        };
        let exponent = exponent(&bytes[whole + fraction..]);
        if fraction + exponent > 0 {
            return Some((whole + fraction + exponent, true));
        }
    }
    let radix_digits = |is_digit: fn(&u8) -> bool| {
        let mut end = 2;
        loop {
            let digit = end + usize::from(bytes.get(end) == Some(&b'_'));
            if !bytes.get(digit).is_some_and(is_digit) {
                break;
            }
            end = digit + 1;
        }
        (end > 2).then_some((end, false))
    };
    let prefixed = match (bytes.first(), bytes.get(1).map(u8::to_ascii_lowercase)) {
        (Some(b'0'), Some(b'b')) => radix_digits(|b| matches!(b, b'0' | b'1')),
        (Some(b'0'), Some(b'o')) => radix_digits(|b| matches!(b, b'0'..=b'7')),
        (Some(b'0'), Some(b'x')) => radix_digits(u8::is_ascii_hexdigit),
        _ => None,
    };
    if prefixed.is_some() {
        return prefixed;
    }
    match bytes.first() {
        Some(b'1'..=b'9') => Some((whole, false)),
        // A zero in front of other digits is a number of its own.
        Some(b'0') => {
            let zeros = bytes[..whole]
                .iter()
                .take_while(|b| matches!(b, b'0' | b'_'));
            let zeros = zeros.count();
            let end = if bytes[zeros - 1] == b'_' {
                zeros - 1
            } else {
                zeros
            };
            Some((end, false))
        }
        _ => None,
    }
}

/// Digits with single underscores between them.
fn digits(bytes: &[u8]) -> usize {
    let mut end = 0;
    loop {
        let digit = end + usize::from(end > 0 && bytes.get(end) == Some(&b'_'));
        if !bytes.get(digit).is_some_and(u8::is_ascii_digit) {
            return end;
        }
        end = digit + 1;
    }
}

fn exponent(bytes: &[u8]) -> usize {
    if !matches!(bytes.first(), Some(b'e' | b'E')) {
        return 0;
    }
    let sign = usize::from(matches!(bytes.get(1), Some(b'+' | b'-')));
    match digits(&bytes[1 + sign..]) {
        0 => 0,
        more => 1 + sign + more,
    }
}

/// The value of a number that [`number_length`] found.
pub(super) fn number(spelling: &str, is_float: bool, line: u32) -> Res<Const> {
    let plain = spelling.replace('_', "");
    if is_float {
        let value = plain.parse().unwrap_or(f64::INFINITY);
        return Ok(Const::Float(value));
    }
    let radix = match plain.get(..2).map(str::to_ascii_lowercase).as_deref() {
        Some("0b") => 2,
        Some("0o") => 8,
        Some("0x") => 16,
        _ => 10,
    };
    let digits = if radix == 10 { &plain[..] } else { &plain[2..] };
    i128::from_str_radix(digits, radix)
        .map(Const::Int)
        .map_err(|_| unsupported_fault("an integer of more than 127 bits").at(line))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_pythons() {
        for (inside, expected) in [
            (r"a\n\t\\\'\x41\u00e9\101\7", "a\n\t\\'AéA\x07"),
            (r"\d\é\한\😀", r"\d\xe9\ud55c\U0001f600"),
            ("a\\\nb", "ab"),
        ] {
            assert_eq!(text(inside, 1).unwrap(), expected);
        }
        for refused in [r"\x4", r"\ud800", r"\N{BULLET}", r"\U00110000", "\\"] {
            assert!(text(refused, 1).is_err(), "{refused}");
        }
    }

    #[test]
    fn numbers_are_pythons() {
        for (rest, expected) in [
            ("12", Some((2, false))),
            ("1_000_", Some((5, false))),
            ("1.5e3x", Some((5, true))),
            ("1.e3", Some((1, false))),
            ("1e", Some((1, false))),
            ("007", Some((2, false))),
            ("0x1Fg", Some((4, false))),
            ("0b12", Some((3, false))),
            ("x", None),
        ] {
            assert_eq!(number_length(rest, false), expected, "{rest}");
        }
        assert_eq!(number_length("0.1", true), Some((1, false)));
        assert_eq!(number("1_0.5", true, 1).unwrap(), Const::Float(10.5));
        assert_eq!(number("0xff", false, 1).unwrap(), Const::Int(255));
    }
}
