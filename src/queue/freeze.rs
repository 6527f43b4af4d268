//! When the queue rests by the clock.

use chrono::{DateTime, Datelike, Duration, Timelike, Utc, Weekday};

use super::config::{Day, Freezes, WeeklyFreeze};

/// The reason of the scheduled freeze at `now`, if there is one.
pub(super) fn scheduled(freezes: &Freezes, now: DateTime<Utc>) -> Option<&str> {
    let period = freezes.periods.iter().find(|period| period.from <= now && now < period.until);
    let weekly = || freezes.weekly.iter().find(|weekly| is_in(weekly, now));
    period.map(|period| &*period.reason).or_else(|| weekly().map(|weekly| &*weekly.reason))
}

/// The minute of the day that `HH:MM` names.
pub(super) fn minutes(clock: &str) -> Option<u32> {
    let (hours, minutes) = clock.split_once(':')?;
    let number = |text: &str, below: u32| {
        let plain = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse::<u32>().ok().filter(|&number| plain && number < below)
    };
    match (hours, minutes) {
        ("24", "00") => Some(24 * 60),
        _ => Some(number(hours, 24)? * 60 + number(minutes, 60)?),
    }
}

fn is_in(weekly: &WeeklyFreeze, now: DateTime<Utc>) -> bool {
    let (Some(from), Some(to)) = (minutes(&weekly.from), minutes(&weekly.to)) else { return false };
    let Some(there) = now.checked_add_signed(Duration::minutes(weekly.utc_offset_minutes.into())) else { return false };
    let minute = there.hour() * 60 + there.minute();
    let begins_on = |day: Weekday| weekly.days.iter().any(|&listed| weekday(listed) == day);
    match from < to {
        true => begins_on(there.weekday()) && (from..to).contains(&minute),
        false => begins_on(there.weekday()) && minute >= from || begins_on(there.weekday().pred()) && minute < to,
    }
}

fn weekday(day: Day) -> Weekday {
    match day {
        Day::Mon => Weekday::Mon,
        Day::Tue => Weekday::Tue,
        Day::Wed => Weekday::Wed,
        Day::Thu => Weekday::Thu,
        Day::Fri => Weekday::Fri,
        Day::Sat => Weekday::Sat,
        Day::Sun => Weekday::Sun,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn a_weekend_begins_on_friday_and_ends_in_the_night() {
        let weekly = WeeklyFreeze {
            days: vec![Day::Fri],
            from: "16:00".into(),
            to: "06:30".into(),
            utc_offset_minutes: 120,
            reason: "weekend".into(),
        };
        let freezes = Freezes { weekly: vec![weekly], ..Freezes::default() };
        let cases = [
            ("2026-01-02T13:59:59Z", false),
            ("2026-01-02T14:00:00Z", true),
            ("2026-01-03T04:29:59Z", true),
            ("2026-01-03T04:30:00Z", false),
            ("2026-01-04T04:00:00Z", false),
        ];
        for (now, frozen) in cases {
            assert_eq!(scheduled(&freezes, at(now)).is_some(), frozen, "{now}");
        }
    }

    #[test]
    fn a_clock_has_four_digits() {
        assert_eq!([minutes("00:00"), minutes("23:59"), minutes("24:00")], [Some(0), Some(1439), Some(1440)]);
        for wrong in ["", "1:00", "24:01", "12:60", "+1:00", "12:0", "noon"] {
            assert_eq!(minutes(wrong), None, "{wrong}");
        }
    }
}
