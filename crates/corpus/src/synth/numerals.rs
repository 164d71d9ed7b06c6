//! Numbers as Korean text writes and reads them: native and Sino-Korean numerals, money in 만 and 억, dates and times.

const ONES: [&str; 10] = [
    "", "한", "두", "세", "네", "다섯", "여섯", "일곱", "여덟", "아홉",
];
const TENS: [&str; 10] = [
    "", "열", "스물", "서른", "마흔", "쉰", "예순", "일흔", "여든", "아흔",
];
const SINO: [&str; 10] = ["", "일", "이", "삼", "사", "오", "육", "칠", "팔", "구"];
const WEEKDAYS: [&str; 7] = [
    "월요일",
    "화요일",
    "수요일",
    "목요일",
    "금요일",
    "토요일",
    "일요일",
];

/// How a number is written out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    /// 1,250
    Comma,
    /// 2025: no separators.
    Raw,
    /// 세, 스무, 스물한: before a counter. Sino-Korean from 100 on.
    Native,
    /// 이백오십
    Sino,
    /// 3억 2,500만 원
    Won,
    /// Tenths: 35 is 3.5.
    Tenths,
    /// Hundredths: 325 is 3.25.
    Hundredths,
    /// Minutes since midnight: 오후 3시 20분.
    Clock,
    /// Minutes: 1시간 20분.
    Duration,
    /// Days since 2000-01-01: 3월 14일.
    Date,
    /// Days since 2000-01-01: 2025년 3월 14일.
    FullDate,
    /// Days since 2000-01-01: 금요일.
    Weekday,
    /// Days since 2000-01-01: 3월.
    Month,
    /// Days since 2000-01-01: 2025.
    Year,
    /// 첫 번째, 두 번째
    Ordinal,
    /// English words up to twelve, digits above.
    English,
    /// Circled number of a clause: ①.
    Circled,
}

impl Format {
    pub(super) fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "comma" => Self::Comma,
            "raw" => Self::Raw,
            "native" => Self::Native,
            "sino" => Self::Sino,
            "won" => Self::Won,
            "tenths" => Self::Tenths,
            "hundredths" => Self::Hundredths,
            "clock" => Self::Clock,
            "duration" => Self::Duration,
            "date" => Self::Date,
            "fulldate" => Self::FullDate,
            "weekday" => Self::Weekday,
            "month" => Self::Month,
            "year" => Self::Year,
            "ordinal" => Self::Ordinal,
            "english" => Self::English,
            "circled" => Self::Circled,
            _ => return None,
        })
    }

    pub(super) fn write(self, out: &mut String, n: i64) {
        match self {
            Self::Comma => comma(out, n),
            Self::Raw => digits(out, n),
            Self::Native => native(out, n),
            Self::Sino => sino(out, n),
            Self::Won => won(out, n),
            Self::Tenths => fraction(out, n, 10),
            Self::Hundredths => fraction(out, n, 100),
            Self::Clock => clock(out, n),
            Self::Duration => duration(out, n),
            Self::Date | Self::FullDate | Self::Month | Self::Year => date(out, n, self),
            // 2000-01-01 was a Saturday.
            Self::Weekday => out.push_str(WEEKDAYS[(n + 5).rem_euclid(7) as usize]),
            Self::Ordinal => {
                if n == 1 {
                    out.push('첫');
                } else {
                    native(out, n);
                }
                out.push_str(" 번째");
            }
            Self::English => {
                const WORDS: [&str; 13] = [
                    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine",
                    "ten", "eleven", "twelve",
                ];
                match usize::try_from(n).ok().and_then(|at| WORDS.get(at)) {
                    Some(word) => out.push_str(word),
                    None => comma(out, n),
                }
            }
            Self::Circled => out.extend(char::from_u32(0x2460 + (n.clamp(1, 20) - 1) as u32)),
        }
    }
}

fn digits(out: &mut String, n: i64) {
    use std::fmt::Write;
    let _ = write!(out, "{n}");
}

fn comma(out: &mut String, n: i64) {
    if n < 0 {
        out.push('-');
    }
    let n = n.unsigned_abs();
    if n < 1000 {
        digits(out, n as i64);
    } else {
        comma(out, (n / 1000) as i64);
        out.push(',');
        let rest = n % 1000;
        for divisor in [100, 10, 1] {
            out.push(char::from(b'0' + (rest / divisor % 10) as u8));
        }
    }
}

fn native(out: &mut String, n: i64) {
    if !(1..100).contains(&n) {
        sino(out, n);
    } else if n == 20 {
        out.push_str("스무");
    } else {
        out.push_str(TENS[(n / 10) as usize]);
        out.push_str(ONES[(n % 10) as usize]);
    }
}

fn sino(out: &mut String, n: i64) {
    if n <= 0 {
        out.push_str(if n == 0 { "영" } else { "마이너스 " });
        if n < 0 {
            sino(out, n.saturating_neg());
        }
        return;
    }
    let groups = [
        (1_0000_0000_0000, "조"),
        (1_0000_0000, "억"),
        (1_0000, "만"),
        (1, ""),
    ];
    for (unit, name) in groups {
        let group = n / unit % 1_0000;
        // 만, not 일만; 일억 and 일조 keep their 일.
        if group == 0 {
            continue;
        }
        if !(group == 1 && unit == 1_0000) {
            for (place, word) in [(1000, "천"), (100, "백"), (10, "십"), (1, "")] {
                let digit = group / place % 10;
                if digit > 1 || (digit == 1 && place == 1) {
                    out.push_str(SINO[digit as usize]);
                }
                if digit > 0 {
                    out.push_str(word);
                }
            }
        }
        out.push_str(name);
    }
}

fn won(out: &mut String, n: i64) {
    let mut rest = n;
    let mut first = true;
    for (unit, name) in [
        (1_0000_0000_0000, "조"),
        (1_0000_0000, "억"),
        (1_0000, "만"),
        (1, ""),
    ] {
        let group = rest / unit;
        rest %= unit;
        if group != 0 || (unit == 1 && first) {
            if !first {
                out.push(' ');
            }
            comma(out, group);
            out.push_str(name);
            first = false;
        }
    }
    out.push_str(if out.ends_with(|c: char| c.is_ascii_digit()) {
        "원"
    } else {
        " 원"
    });
}

fn fraction(out: &mut String, n: i64, base: i64) {
    if n < 0 {
        out.push('-');
    }
    let n = n.abs();
    comma(out, n / base);
    out.push('.');
    if base == 100 {
        out.push(char::from(b'0' + (n % 100 / 10) as u8));
    }
    out.push(char::from(b'0' + (n % 10) as u8));
}

fn clock(out: &mut String, minutes: i64) {
    let minutes = minutes.rem_euclid(24 * 60);
    let hour = minutes / 60;
    out.push_str(if hour < 12 { "오전 " } else { "오후 " });
    digits(out, if hour % 12 == 0 { 12 } else { hour % 12 });
    out.push('시');
    match minutes % 60 {
        0 => {}
        30 => out.push_str(" 반"),
        minute => {
            out.push(' ');
            digits(out, minute);
            out.push('분');
        }
    }
}

fn duration(out: &mut String, minutes: i64) {
    let (hours, rest) = (minutes / 60, minutes % 60);
    if hours > 0 {
        digits(out, hours);
        out.push_str("시간");
    }
    if rest > 0 || hours == 0 {
        if hours > 0 {
            out.push(' ');
        }
        digits(out, rest);
        out.push('분');
    }
}

fn date(out: &mut String, day: i64, format: Format) {
    let (year, month, day) = civil(day);
    match format {
        Format::Year => return digits(out, year),
        Format::FullDate => {
            digits(out, year);
            out.push_str("년 ");
        }
        _ => {}
    }
    digits(out, month);
    out.push('월');
    if format != Format::Month {
        out.push(' ');
        digits(out, day);
        out.push('일');
    }
}

/// Year, month, day of the day number `day` counted from 2000-01-01, by the era method of the proleptic Gregorian calendar.
fn civil(day: i64) -> (i64, i64, i64) {
    // 730425 days lie between 0000-03-01 and 2000-01-01.
    let shifted = day + 730_425;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * of_year + 2) / 153;
    let month = if shifted_month < 10 {
        shifted_month + 3
    } else {
        shifted_month - 9
    };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, of_year - (153 * shifted_month + 2) / 5 + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_koreans_write_them() {
        let table = [
            (Format::Comma, 999, "999"),
            (Format::Comma, 1_204_005, "1,204,005"),
            (Format::Comma, -4_500, "-4,500"),
            (Format::Raw, 2025, "2025"),
            (Format::Native, 1, "한"),
            (Format::Native, 20, "스무"),
            (Format::Native, 21, "스물한"),
            (Format::Native, 34, "서른네"),
            (Format::Native, 99, "아흔아홉"),
            (Format::Native, 120, "백이십"),
            (Format::Sino, 0, "영"),
            (Format::Sino, 3, "삼"),
            (Format::Sino, 16, "십육"),
            (Format::Sino, 111, "백십일"),
            (Format::Sino, 10_000, "만"),
            (Format::Sino, 25_300, "이만오천삼백"),
            (Format::Sino, 320_000_000, "삼억이천만"),
            (Format::Won, 325_000_000, "3억 2,500만 원"),
            (Format::Won, 12_500, "1만 2,500원"),
            (Format::Won, 900, "900원"),
            (Format::Won, 0, "0원"),
            (Format::Won, 50_000, "5만 원"),
            (Format::Tenths, 35, "3.5"),
            (Format::Tenths, -7, "-0.7"),
            (Format::Hundredths, 305, "3.05"),
            (Format::Clock, 0, "오전 12시"),
            (Format::Clock, 15 * 60 + 20, "오후 3시 20분"),
            (Format::Clock, 12 * 60 + 30, "오후 12시 반"),
            (Format::Duration, 80, "1시간 20분"),
            (Format::Duration, 120, "2시간"),
            (Format::Duration, 45, "45분"),
            (Format::FullDate, 0, "2000년 1월 1일"),
            (Format::FullDate, 59, "2000년 2월 29일"),
            (Format::FullDate, 9131, "2024년 12월 31일"),
            (Format::Weekday, 0, "토요일"),
            (Format::Weekday, 9131, "화요일"),
            (Format::Month, 31, "2월"),
            (Format::Year, 366, "2001"),
            (Format::Ordinal, 1, "첫 번째"),
            (Format::Ordinal, 2, "두 번째"),
            (Format::English, 12, "twelve"),
            (Format::English, 13, "13"),
            (Format::Circled, 3, "③"),
        ];
        for (format, n, expected) in table {
            let mut out = String::new();
            format.write(&mut out, n);
            assert_eq!(out, expected, "{n} as {format:?}");
        }
    }
}
