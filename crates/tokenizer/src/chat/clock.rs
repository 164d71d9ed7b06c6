//! The time that `strftime_now` formats.
//!
//! Python's `strftime` in the C locale, as far as templates go. Dates are counted from days since
//! 1970 in the proleptic Gregorian calendar (Howard Hinnant's algorithm `civil_from_days`), so that
//! no time-zone library is needed: a caller who wants local time gives it.

use std::fmt::Write as _;
use std::time::{SystemTime, UNIX_EPOCH};

/// A date and a time of day, without a time zone. Ordered in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct LocalTime {
    year: i64,
    month: u32,
    day: u32,
    second_of_day: u32,
}

const WEEKDAYS: [&str; 7] = [
    "Sunday",
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
];
const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

impl LocalTime {
    /// A moment of the years 1000 to 9999; `None` for a day or an hour that does not exist.
    pub fn new(
        year: i64,
        month: u32,
        day: u32,
        hour: u32,
        minute: u32,
        second: u32,
    ) -> Option<Self> {
        let valid = (1000..=9999).contains(&year)
            && (1..=12).contains(&month)
            && (1..=days_in_month(year, month)).contains(&day)
            && hour < 24
            && minute < 60
            && second < 60;
        valid.then_some(Self {
            year,
            month,
            day,
            second_of_day: (hour * 60 + minute) * 60 + second,
        })
    }

    /// The UTC time of a number of seconds since 1970; `None` outside of the years 1000 to 9999.
    pub fn from_unix_seconds(seconds: i64) -> Option<Self> {
        let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
        // Years begin in March, so that the leap day is the last one; eras of 400 years repeat.
        let shifted = days + 719_468;
        let (era, day_of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
        let year_of_era =
            (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let from_march = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * from_march + 2) / 5 + 1;
        let month = if from_march < 10 {
            from_march + 3
        } else {
            from_march - 9
        };
        let year = year_of_era + era * 400 + i64::from(month <= 2);
        let second = second as u32;
        Self::new(
            year,
            month as u32,
            day as u32,
            second / 3600,
            second / 60 % 60,
            second % 60,
        )
    }

    /// The system's clock, in UTC.
    pub(super) fn now() -> Option<Self> {
        let seconds = SystemTime::now().duration_since(UNIX_EPOCH).ok()?.as_secs();
        Self::from_unix_seconds(i64::try_from(seconds).ok()?)
    }

    /// Formats as Python's `strftime`; the error is a directive that is not supported.
    pub(super) fn format(self, pattern: &str) -> Result<String, String> {
        let mut out = String::new();
        let mut chars = pattern.chars();
        while let Some(c) = chars.next() {
            if c != '%' {
                out.push(c);
                continue;
            }
            let mut directive = chars.next();
            let flag = directive.filter(|c| matches!(c, '-' | '_' | '0' | '^'));
            if flag.is_some() {
                directive = chars.next();
            }
            let Some(directive) = directive else {
                return Err("% at the end".to_owned());
            };
            match (flag, self.number(directive), self.text(directive)?) {
                (Some('-'), Some((value, ..)), _) => _ = write!(out, "{value}"),
                (Some('_'), Some((value, width, _)), _) | (None, Some((value, width, ' ')), _) => {
                    let _ = write!(out, "{value:width$}");
                }
                (Some('0') | None, Some((value, width, _)), _) => {
                    let _ = write!(out, "{value:0width$}");
                }
                (None, _, Some(text)) => out.push_str(&text),
                (Some('^'), _, Some(text)) if directive.is_ascii_alphabetic() => {
                    out.push_str(&text.to_uppercase());
                }
                (Some(flag), ..) => return Err(format!("%{flag}{directive}")),
                (None, None, None) => return Err(format!("%{directive}")),
            }
        }
        Ok(out)
    }

    fn hour(self) -> u32 {
        self.second_of_day / 3600
    }

    /// The number of a directive, its width, and what fills it up.
    fn number(self, directive: char) -> Option<(u32, usize, char)> {
        let (hour, day_of_year, weekday) = (self.hour(), self.day_of_year(), self.weekday());
        let hour12 = (hour + 11) % 12 + 1;
        let from_monday = (weekday + 6) % 7;
        let (iso_year, iso_week) = self.iso_week();
        Some(match directive {
            'Y' => (self.year as u32, 4, '0'),
            'C' => ((self.year / 100) as u32, 2, '0'),
            'y' => ((self.year % 100) as u32, 2, '0'),
            'G' => (iso_year as u32, 4, '0'),
            'g' => ((iso_year % 100) as u32, 2, '0'),
            'V' => (iso_week, 2, '0'),
            'm' => (self.month, 2, '0'),
            'd' => (self.day, 2, '0'),
            'e' => (self.day, 2, ' '),
            'H' => (hour, 2, '0'),
            'k' => (hour, 2, ' '),
            'I' => (hour12, 2, '0'),
            'l' => (hour12, 2, ' '),
            'M' => (self.second_of_day / 60 % 60, 2, '0'),
            'S' => (self.second_of_day % 60, 2, '0'),
            'j' => (day_of_year, 3, '0'),
            'w' => (weekday, 1, '0'),
            'u' => (from_monday + 1, 1, '0'),
            'U' => ((day_of_year + 6 - weekday) / 7, 2, '0'),
            'W' => ((day_of_year + 6 - from_monday) / 7, 2, '0'),
            _ => return None,
        })
    }

    /// The text of a directive that is no number.
    fn text(self, directive: char) -> Result<Option<String>, String> {
        let month = MONTHS[self.month as usize - 1];
        let weekday = WEEKDAYS[self.weekday() as usize];
        let half = if self.hour() < 12 { "AM" } else { "PM" };
        Ok(Some(match directive {
            'B' => month.to_owned(),
            'b' | 'h' => month[..3].to_owned(),
            'A' => weekday.to_owned(),
            'a' => weekday[..3].to_owned(),
            'p' => half.to_owned(),
            'P' => half.to_lowercase(),
            'F' => self.format("%Y-%m-%d")?,
            'T' | 'X' => self.format("%H:%M:%S")?,
            'r' => self.format("%I:%M:%S %p")?,
            'D' | 'x' => self.format("%m/%d/%y")?,
            'R' => self.format("%H:%M")?,
            'c' => self.format("%a %b %e %H:%M:%S %Y")?,
            // A time without a zone has no name for it.
            'Z' | 'z' => String::new(),
            'n' => "\n".to_owned(),
            't' => "\t".to_owned(),
            '%' => "%".to_owned(),
            _ => return Ok(None),
        }))
    }

    /// Year and week of ISO 8601: weeks begin on Mondays, and belong to the year that has their
    /// Thursday.
    fn iso_week(self) -> (i64, u32) {
        let day = i64::from(self.day_of_year());
        let from_monday = i64::from((self.weekday() + 6) % 7);
        let thursday = day - from_monday + 3;
        let days_in = |year| 337 + i64::from(days_in_month(year, 2));
        if thursday < 1 {
            let year = self.year - 1;
            return (year, ((thursday + days_in(year) - 1) / 7 + 1) as u32);
        }
        if thursday > days_in(self.year) {
            return (self.year + 1, 1);
        }
        (self.year, ((thursday - 1) / 7 + 1) as u32)
    }

    fn day_of_year(self) -> u32 {
        (1..self.month)
            .map(|month| days_in_month(self.year, month))
            .sum::<u32>()
            + self.day
    }

    /// 0 is Sunday.
    fn weekday(self) -> u32 {
        let before = self.year - 1;
        let days =
            before * 365 + before / 4 - before / 100 + before / 400 + i64::from(self.day_of_year());
        (days % 7) as u32
    }
}

fn days_in_month(year: i64, month: u32) -> u32 {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        2 => 28 + u32::from(leap),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_that_do_not_exist_are_refused() {
        assert!(LocalTime::new(2026, 2, 29, 0, 0, 0).is_none());
        assert!(LocalTime::new(2024, 2, 29, 23, 59, 59).is_some());
        assert!(LocalTime::new(2026, 1, 1, 24, 0, 0).is_none());
        assert!(LocalTime::from_unix_seconds(i64::MAX / 4).is_none());
    }

    #[test]
    fn seconds_since_1970_are_known_dates() {
        let check = |seconds, expected: &str| {
            let time = LocalTime::from_unix_seconds(seconds).unwrap();
            assert_eq!(time.format("%Y-%m-%d %H:%M:%S %a %j").unwrap(), expected);
        };
        check(0, "1970-01-01 00:00:00 Thu 001");
        check(-1, "1969-12-31 23:59:59 Wed 365");
        check(951_782_400, "2000-02-29 00:00:00 Tue 060");
        check(1_791_590_399, "2026-10-09 23:59:59 Fri 282");
    }

    #[test]
    fn directives_are_pythons() {
        let time = LocalTime::new(2026, 10, 9, 0, 5, 7).unwrap();
        // Values of Python 3.11 in the C locale.
        let expected =
            "09 October 2026|Fri 9 Oct 26|12:5:07 AM|5|5|40|40|Fri Oct  9 00:05:07 2026|100%";
        assert_eq!(
            time.format("%d %B %Y|%a %-d %b %y|%I:%-M:%S %p|%u|%w|%U|%W|%c|100%%")
                .unwrap(),
            expected
        );
        assert_eq!(
            time.format("%C|%k|%l|%G-%V-%g|%r|%P|%_m|%^a|%0e").unwrap(),
            "20| 0|12|2026-41-26|12:05:07 AM|am|10|FRI|09"
        );
        let iso = |year, month, day| {
            let time = LocalTime::new(year, month, day, 0, 0, 0).unwrap();
            time.format("%G-%V-%u").unwrap()
        };
        // Values of Python's `isocalendar`.
        assert_eq!(iso(2021, 1, 3), "2020-53-7");
        assert_eq!(iso(2024, 12, 30), "2025-01-1");
        assert_eq!(iso(2027, 1, 1), "2026-53-5");
        assert_eq!(time.format("%Q").unwrap_err(), "%Q");
        assert_eq!(time.format("%").unwrap_err(), "% at the end");
    }
}
