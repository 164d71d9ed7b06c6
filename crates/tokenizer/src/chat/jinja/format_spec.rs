//! Numbers and texts laid out as Python's `format` does, and the digits that `%` shares with it.

use super::fault::{Res, failed, unsupported};
use super::float_text::exponent_text;
use super::interpreter::Interpreter;
use super::operators::Number;
use super::value::Value;

/// The widest field and the longest precision: what it pads is paid for, but digits are not made of
/// nothing.
const MAX_WIDTH: usize = u16::MAX as usize;

/// `[[fill]align][sign][z][#][0][width][grouping][.precision][type]`
#[derive(Debug, Default)]
struct Spec {
    fill: Option<char>,
    align: Option<char>,
    sign: Option<char>,
    is_alternate: bool,
    has_zero: bool,
    width: usize,
    grouping: Option<char>,
    precision: Option<usize>,
    kind: Option<char>,
}

/// A number of a width or precision.
pub(super) fn small_number(digits: &str, what: &str) -> Res<usize> {
    match digits.parse() {
        Ok(number) if number <= MAX_WIDTH => Ok(number),
        _ => unsupported(format!("{what} above {MAX_WIDTH}")),
    }
}

impl Spec {
    fn parse(text: &str) -> Res<Self> {
        let mut spec = Self::default();
        let is_align = |c: &char| matches!(c, '<' | '>' | '=' | '^');
        let mut rest: Vec<char> = text.chars().collect();
        rest.reverse();
        let second = rest.len().checked_sub(2).map(|at| rest[at]);
        if second.as_ref().is_some_and(is_align) {
            spec.fill = rest.pop();
            spec.align = rest.pop();
        } else if rest.last().is_some_and(is_align) {
            spec.align = rest.pop();
        }
        if matches!(rest.last(), Some('+' | '-' | ' ')) {
            spec.sign = rest.pop();
        }
        if rest.last() == Some(&'z') {
            return unsupported("the option `z` of a format");
        }
        if rest.last() == Some(&'#') {
            spec.is_alternate = true;
            rest.pop();
        }
        if rest.last() == Some(&'0') {
            spec.has_zero = true;
            rest.pop();
        }
        let digits = |rest: &mut Vec<char>| {
            let mut digits = String::new();
            while rest.last().is_some_and(char::is_ascii_digit) {
                digits.extend(rest.pop());
            }
            digits
        };
        let width = digits(&mut rest);
        if !width.is_empty() {
            spec.width = small_number(&width, "a width")?;
        }
        if matches!(rest.last(), Some(',' | '_')) {
            spec.grouping = rest.pop();
        }
        if rest.last() == Some(&'.') {
            rest.pop();
            let precision = digits(&mut rest);
            if precision.is_empty() {
                return failed("format specifier missing precision");
            }
            spec.precision = Some(small_number(&precision, "a precision")?);
        }
        spec.kind = rest.pop();
        if !rest.is_empty() {
            return failed("invalid format specifier");
        }
        Ok(spec)
    }

    fn unknown<T>(&self, value: &Value) -> Res<T> {
        failed(format!(
            "unknown format code '{}' for object of type '{}'",
            self.kind.unwrap_or(' '),
            value.type_name()
        ))
    }
}

impl Interpreter<'_> {
    /// Python's `format(value, spec)`.
    pub(super) fn format_value(&self, value: &Value, spec: &str) -> Res<String> {
        if spec.is_empty() {
            return Ok(self.str(value)?.to_string());
        }
        let parsed = match value {
            Value::Str(_) | Value::Int(_) | Value::Bool(_) | Value::Float(_) => Spec::parse(spec)?,
            other => {
                return failed(format!(
                    "unsupported format string passed to {}.__format__",
                    other.type_name()
                ));
            }
        };
        self.meter.make(parsed.width.saturating_mul(4))?;
        self.meter.make(parsed.precision.unwrap_or(0))?;
        match value {
            Value::Str(text) => format_text(&text.text, &parsed, value),
            _ => match Number::of(value) {
                Some(Number::Int(number)) => format_int(number, &parsed, value),
                Some(Number::Float(number)) => format_float(number, &parsed, value),
                None => failed("not a number"),
            },
        }
    }
}

fn format_text(text: &str, spec: &Spec, value: &Value) -> Res<String> {
    if !matches!(spec.kind, None | Some('s')) {
        return spec.unknown(value);
    }
    if spec.sign.is_some()
        || spec.is_alternate
        || spec.align == Some('=')
        || spec.grouping.is_some()
    {
        return failed("sign, `#`, `=` and grouping are not allowed in a string format specifier");
    }
    let shown: String = text
        .chars()
        .take(spec.precision.unwrap_or(usize::MAX))
        .collect();
    let fill = spec.fill.unwrap_or(if spec.has_zero { '0' } else { ' ' });
    Ok(pad(&shown, spec.width, fill, spec.align.unwrap_or('<'), 0))
}

fn format_int(number: i128, spec: &Spec, value: &Value) -> Res<String> {
    let kind = spec.kind.unwrap_or('d');
    if matches!(kind, 'e' | 'E' | 'f' | 'F' | 'g' | 'G' | '%') {
        return format_float(number as f64, spec, value);
    }
    if spec.precision.is_some() {
        return failed("precision not allowed in integer format specifier");
    }
    let magnitude = number.unsigned_abs();
    let (digits, prefix, group) = match kind {
        'd' | 'n' => (magnitude.to_string(), "", 3),
        'b' => (format!("{magnitude:b}"), "0b", 4),
        'o' => (format!("{magnitude:o}"), "0o", 4),
        'x' => (format!("{magnitude:x}"), "0x", 4),
        'X' => (format!("{magnitude:X}"), "0X", 4),
        'c' => {
            let c = u32::try_from(number).ok().and_then(char::from_u32);
            let Some(c) = c else {
                return failed("%c arg not in range(0x110000)");
            };
            if spec.sign.is_some() || spec.is_alternate || spec.grouping.is_some() {
                return failed("sign, `#` and grouping are not allowed with the format code `c`");
            }
            let fill = spec.fill.unwrap_or(if spec.has_zero { '0' } else { ' ' });
            return Ok(pad(
                &c.to_string(),
                spec.width,
                fill,
                spec.align.unwrap_or('<'),
                0,
            ));
        }
        _ => return spec.unknown(value),
    };
    if kind == 'n' && spec.grouping.is_some() || spec.grouping == Some(',') && group == 4 {
        return failed(format!("cannot specify grouping with '{kind}'"));
    }
    let prefix = if spec.is_alternate { prefix } else { "" };
    Ok(lay_out(number < 0, prefix, &digits, "", group, spec))
}

fn format_float(number: f64, spec: &Spec, value: &Value) -> Res<String> {
    let is_negative = number.is_sign_negative() && !number.is_nan();
    let magnitude = number.abs();
    let mut suffix = "";
    let text = match spec.kind {
        None => match spec.precision {
            None => {
                let text = super::float_text::repr(magnitude);
                if spec.is_alternate && !text.contains('.') && magnitude.is_finite() {
                    return unsupported("the option `#` of a float without a type");
                }
                text
            }
            Some(precision) => general(magnitude, precision, spec.is_alternate, true),
        },
        Some('f' | 'F') => fixed(magnitude, spec.precision.unwrap_or(6), spec.is_alternate),
        Some('e' | 'E') => scientific(magnitude, spec.precision.unwrap_or(6), spec.is_alternate),
        Some('g' | 'G' | 'n') => general(
            magnitude,
            spec.precision.unwrap_or(6),
            spec.is_alternate,
            false,
        ),
        Some('%') => {
            suffix = "%";
            fixed(
                magnitude * 100.0,
                spec.precision.unwrap_or(6),
                spec.is_alternate,
            )
        }
        Some(_) => return spec.unknown(value),
    };
    if spec.kind == Some('n') && spec.grouping.is_some() {
        return failed("cannot specify grouping with 'n'");
    }
    let text = if matches!(spec.kind, Some('F' | 'E' | 'G')) {
        text.to_uppercase()
    } else {
        text
    };
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (whole, rest) = text.split_at(digits);
    let rest = format!("{rest}{suffix}");
    Ok(lay_out(is_negative, "", whole, &rest, 3, spec))
}

/// Sign, prefix, digits with groups, and what follows, in a field.
fn lay_out(
    is_negative: bool,
    prefix: &str,
    digits: &str,
    rest: &str,
    group: usize,
    spec: &Spec,
) -> String {
    let sign = match (is_negative, spec.sign) {
        (true, _) => "-",
        (false, Some('+')) => "+",
        (false, Some(' ')) => " ",
        _ => "",
    };
    let fill = spec.fill.unwrap_or(if spec.has_zero { '0' } else { ' ' });
    let align = spec.align.unwrap_or(if spec.has_zero { '=' } else { '>' });
    let mut digits = digits.to_owned();
    let around = sign.len() + prefix.len() + rest.chars().count();
    let grouped = |digits: &str| match spec.grouping {
        Some(sign) => with_groups(digits, group, sign),
        None => digits.to_owned(),
    };
    if fill == '0' && align == '=' && !digits.is_empty() {
        let inside = spec.width.saturating_sub(around);
        if spec.grouping.is_none() {
            digits = format!("{digits:0>inside$}");
        }
        while grouped(&digits).len() < inside {
            let missing = inside - grouped(&digits).len();
            // A group of digits takes one place more than it has digits.
            let more = (missing * group / (group + 1)).max(1);
            digits.insert_str(0, &"0".repeat(more));
        }
    }
    let number = format!("{sign}{prefix}{}{rest}", grouped(&digits));
    pad(&number, spec.width, fill, align, sign.len() + prefix.len())
}

fn with_groups(digits: &str, group: usize, sign: char) -> String {
    let mut out = String::with_capacity(digits.len() * 2);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(group) {
            out.push(sign);
        }
        out.push(digit);
    }
    out
}

/// Fills a text up to `width` characters; with `=`, behind its first `front` bytes.
pub(super) fn pad(text: &str, width: usize, fill: char, align: char, front: usize) -> String {
    let missing = width.saturating_sub(text.chars().count());
    let fill = |count: usize| fill.to_string().repeat(count);
    match align {
        '<' => format!("{text}{}", fill(missing)),
        '^' => format!("{}{text}{}", fill(missing / 2), fill(missing - missing / 2)),
        '=' => format!("{}{}{}", &text[..front], fill(missing), &text[front..]),
        _ => format!("{}{text}", fill(missing)),
    }
}

fn not_finite(value: f64) -> Option<String> {
    if value.is_nan() {
        return Some("nan".to_owned());
    }
    value.is_infinite().then(|| "inf".to_owned())
}

/// `%f` of a number that is not negative.
pub(super) fn fixed(value: f64, precision: usize, is_alternate: bool) -> String {
    not_finite(value).unwrap_or_else(|| {
        let text = format!("{value:.precision$}");
        if precision == 0 && is_alternate {
            return text + ".";
        }
        text
    })
}

/// `%e` of a number that is not negative.
pub(super) fn scientific(value: f64, precision: usize, is_alternate: bool) -> String {
    not_finite(value).unwrap_or_else(|| {
        let text = format!("{value:.precision$e}");
        let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let point = if precision == 0 && is_alternate {
            "."
        } else {
            ""
        };
        format!("{digits}{point}e{}", exponent_text(exponent))
    })
}

/// `%g` of a number that is not negative; with `keeps_fraction`, a whole number keeps `.0`.
pub(super) fn general(
    value: f64,
    precision: usize,
    is_alternate: bool,
    keeps_fraction: bool,
) -> String {
    if let Some(text) = not_finite(value) {
        return text;
    }
    let precision = precision.max(1);
    let exact = format!("{value:.*e}", precision - 1);
    let exponent: i64 = exact
        .split_once('e')
        .and_then(|(_, exponent)| exponent.parse().ok())
        .unwrap_or(0);
    let limit = precision as i64 - i64::from(keeps_fraction);
    let trim = |text: &str| {
        if is_alternate || !text.contains('.') {
            return text.to_owned();
        }
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    };
    if exponent < -4 || exponent >= limit {
        let text = scientific(value, precision - 1, is_alternate);
        let (digits, exponent) = text.split_once('e').unwrap_or((&text, ""));
        return format!("{}e{exponent}", trim(digits));
    }
    let decimals = (precision as i64 - 1 - exponent).max(0) as usize;
    let text = trim(&fixed(value, decimals, is_alternate));
    if keeps_fraction && !text.contains('.') {
        return text + ".0";
    }
    text
}
