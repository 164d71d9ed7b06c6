//! The time that `strftime_now` formats.
//!
//! Python's `strftime` in the C locale, as far as templates go. Dates are counted from days since 1970 in the proleptic
//! Gregorian calendar (Howard Hinnant's algorithm `civil_from_days`), so that no time-zone library is needed: a caller who
//! wants local time gives it.

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
        let (hour, minute, second) = (
            self.second_of_day / 3600,
            self.second_of_day / 60 % 60,
            self.second_of_day % 60,
        );
        let hour12 = (hour + 11) % 12 + 1;
        let half = if hour < 12 { "AM" } else { "PM" };
        let (weekday, month) = (
            WEEKDAYS[self.weekday() as usize],
            MONTHS[self.month as usize - 1],
        );
        let mut out = String::new();
        let mut chars = pattern.chars();
        while let Some(c) = chars.next() {
            if c != '%' {
                out.push(c);
                continue;
            }
            let mut directive = chars.next();
            let unpadded = directive == Some('-');
            if unpadded {
                directive = chars.next();
            }
            let mut number = |value: u32, width: usize| {
                let width = if unpadded { 0 } else { width };
                let _ = write!(out, "{value:0width$}");
            };
            match directive {
                Some('Y') => number(self.year as u32, 4),
                Some('y') => number((self.year % 100) as u32, 2),
                Some('m') => number(self.month, 2),
                Some('d') => number(self.day, 2),
                Some('H') => number(hour, 2),
                Some('I') => number(hour12, 2),
                Some('M') => number(minute, 2),
                Some('S') => number(second, 2),
                Some('j') => number(self.day_of_year(), 3),
                Some('w') => number(self.weekday(), 1),
                Some('u') => number((self.weekday() + 6) % 7 + 1, 1),
                Some('U') => number((self.day_of_year() + 6 - self.weekday()) / 7, 2),
                Some('W') => number((self.day_of_year() + 6 - (self.weekday() + 6) % 7) / 7, 2),
                Some(plain) if !unpadded => match plain {
                    'B' => out.push_str(month),
                    'b' | 'h' => out.push_str(&month[..3]),
                    'A' => out.push_str(weekday),
                    'a' => out.push_str(&weekday[..3]),
                    'p' => out.push_str(half),
                    'e' => _ = write!(out, "{:2}", self.day),
                    'F' => out.push_str(&self.format("%Y-%m-%d")?),
                    'T' | 'X' => out.push_str(&self.format("%H:%M:%S")?),
                    'D' | 'x' => out.push_str(&self.format("%m/%d/%y")?),
                    'R' => out.push_str(&self.format("%H:%M")?),
                    'c' => out.push_str(&self.format("%a %b %e %H:%M:%S %Y")?),
                    // A time without a zone has no name for it.
                    'Z' | 'z' => {}
                    'n' => out.push('\n'),
                    't' => out.push('\t'),
                    '%' => out.push('%'),
                    other => return Err(format!("%{other}")),
                },
                Some(other) => return Err(format!("%-{other}")),
                None => return Err("% at the end".to_owned()),
            }
        }
        Ok(out)
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
        assert_eq!(time.format("%Q").unwrap_err(), "%Q");
        assert_eq!(time.format("%").unwrap_err(), "% at the end");
    }
}
