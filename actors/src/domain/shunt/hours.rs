//! Business hours: when a reception group takes customers, in a time zone of its own.
//!
//! A line is `{days} {from}-{to}`: days are `mon` to `sun`, one or a range (`fri-mon` goes over the weekend),
//! times are `00:00` to `24:00`. A line whose end is not after its beginning goes on after midnight.

use chrono::{DateTime, Datelike, Timelike, Utc};
use chrono_tz::Tz;

use crate::domain::ids::Millis;

/// Minutes of a day.
const DAY: u32 = 24 * 60;

/// The days as they are written, Monday first.
const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// The hours of one group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hours {
    zone: Tz,
    lines: Vec<Line>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Line {
    first_day: u32,
    last_day: u32,
    from: u32,
    to: u32,
}

impl Hours {
    /// Reads hours as they were put; no lines = always open, no zone = UTC.
    ///
    /// # Errors
    /// Which line, or that the zone, cannot be read, and what is allowed.
    pub fn read(lines: &[String], zone: &str) -> Result<Self, String> {
        let lines = lines.iter().map(|line| line_of(line)).collect::<Result<_, _>>()?;
        Ok(Self { zone: zone_of(zone)?, lines })
    }

    /// Whether customers are taken at `at`.
    pub fn is_open(&self, at: Millis) -> bool {
        if self.lines.is_empty() {
            return true;
        }
        let Some(utc) = DateTime::<Utc>::from_timestamp_millis(at) else { return true };
        let local = utc.with_timezone(&self.zone);
        let day = local.weekday().num_days_from_monday();
        let minute = local.hour() * 60 + local.minute();
        self.lines.iter().any(|line| line.covers(day, minute))
    }
}

impl Line {
    fn covers(self, day: u32, minute: u32) -> bool {
        let yesterday = (day + 6) % 7;
        if self.from < self.to {
            return self.has_day(day) && (self.from..self.to).contains(&minute);
        }
        (self.has_day(day) && minute >= self.from) || (self.has_day(yesterday) && minute < self.to)
    }

    const fn has_day(self, day: u32) -> bool {
        if self.first_day <= self.last_day {
            return self.first_day <= day && day <= self.last_day;
        }
        day >= self.first_day || day <= self.last_day
    }
}

/// The zone of an IANA name.
///
/// # Errors
/// What came and what is allowed.
pub fn zone_of(name: &str) -> Result<Tz, String> {
    if name.is_empty() {
        return Ok(Tz::UTC);
    }
    name.parse().map_err(|_| "must be an IANA time zone, for example Asia/Shanghai".to_owned())
}

fn line_of(text: &str) -> Result<Line, String> {
    let allowed = || format!("holds {text:?}; allowed is, for example, \"mon-fri 09:00-18:00\"");
    let (days, times) = text.trim().split_once(' ').ok_or_else(allowed)?;
    let (first, last) = days.split_once('-').unwrap_or((days, days));
    let (from, to) = times.trim().split_once('-').ok_or_else(allowed)?;
    let line = (day_of(first), day_of(last), minute_of(from), minute_of(to));
    let (Some(first_day), Some(last_day), Some(from), Some(to)) = line else { return Err(allowed()) };
    if from == DAY {
        return Err(allowed());
    }
    Ok(Line { first_day, last_day, from, to })
}

fn day_of(text: &str) -> Option<u32> {
    let place = DAYS.iter().position(|day| day.eq_ignore_ascii_case(text))?;
    u32::try_from(place).ok()
}

fn minute_of(text: &str) -> Option<u32> {
    let (hour, minute) = text.split_once(':')?;
    let two_digits = |part: &str| part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit());
    if !two_digits(hour) || !two_digits(minute) {
        return None;
    }
    let (hour, minute): (u32, u32) = (hour.parse().ok()?, minute.parse().ok()?);
    let minutes = hour * 60 + minute;
    (minute < 60 && minutes <= DAY).then_some(minutes)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot read its own input has failed")]

    use super::*;

    /// Thursday, 2026-01-01T00:00:00Z.
    const NEW_YEAR: Millis = 1_767_225_600_000;
    const HOUR: Millis = 3_600_000;

    fn hours(lines: &[&str], zone: &str) -> Hours {
        let lines: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
        Hours::read(&lines, zone).unwrap()
    }

    #[test]
    fn without_lines_a_group_is_always_open() {
        assert!(hours(&[], "").is_open(NEW_YEAR));
    }

    #[test]
    fn hours_are_those_of_their_zone() {
        let shanghai = hours(&["mon-fri 09:00-18:00"], "Asia/Shanghai");
        assert!(!shanghai.is_open(NEW_YEAR + HOUR - 1), "08:59 there");
        assert!(shanghai.is_open(NEW_YEAR + HOUR), "09:00 there");
        assert!(shanghai.is_open(NEW_YEAR + 10 * HOUR - 1));
        assert!(!shanghai.is_open(NEW_YEAR + 10 * HOUR), "18:00 there");
        assert!(!shanghai.is_open(NEW_YEAR + 50 * HOUR), "a Saturday");
    }

    #[test]
    fn hours_follow_summer_time() {
        let berlin = hours(&["mon-sun 09:00-10:00"], "Europe/Berlin");
        let july = NEW_YEAR + 181 * 24 * HOUR;
        assert!(berlin.is_open(NEW_YEAR + 8 * HOUR) && !berlin.is_open(NEW_YEAR + 7 * HOUR));
        assert!(berlin.is_open(july + 7 * HOUR) && !berlin.is_open(july + 8 * HOUR));
    }

    #[test]
    fn a_night_belongs_to_the_day_it_begins_on() {
        let night = hours(&["thu 22:00-02:00"], "");
        assert!(!night.is_open(NEW_YEAR + HOUR), "that would be Wednesday's night");
        assert!(night.is_open(NEW_YEAR + 22 * HOUR) && night.is_open(NEW_YEAR + 25 * HOUR));
        assert!(!night.is_open(NEW_YEAR + 26 * HOUR));
        let weekend = hours(&["fri-mon 00:00-24:00"], "");
        assert!(!weekend.is_open(NEW_YEAR) && weekend.is_open(NEW_YEAR + 96 * HOUR), "Monday");
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        for line in
            ["", "mon", "mon 9-18", "mon 09:00", "xyz 09:00-18:00", "mon 09:60-10:00", "mon 24:00-01:00"]
        {
            let problem = Hours::read(&[line.to_owned()], "").unwrap_err();
            assert!(problem.contains("mon-fri 09:00-18:00"), "{problem}");
        }
        assert!(Hours::read(&[], "Mars/Base").unwrap_err().contains("IANA"));
    }
}
