//! Parses hours of the week: `mon-fri 10:00-21:00`, in the file's time zone.

use jiff::civil::Weekday;
use schemars::{Schema, SchemaGenerator, json_schema};

use crate::catalogue::campaign as text;
use crate::model::calendar::{DAY, DAYS, Days, Hours};

use super::diagnostic::Code;
use super::diagnostics::Diagnostics;
use super::keys::KeyType;
use super::value::{Value, nearest, quoted};

/// A list of windows of the week.
pub(super) struct WeekHours;

impl KeyType<Vec<Hours>> for WeekHours {
    fn read(&self, value: &Value<'_>, diagnostics: &mut Diagnostics) -> Option<Vec<Hours>> {
        let windows = value.list(text::HoursHelp, diagnostics, window)?;
        if windows.is_empty() {
            let message = text::NoHours { path: &value.path };
            return value.refuse(Code::Hours, message, text::NoHoursHelp, diagnostics);
        }
        Some(windows)
    }

    fn describe(&self) -> String {
        text::Hours.to_string()
    }

    fn schema(&self, _: &mut SchemaGenerator) -> Schema {
        let day = format!("({})", DAYS.join("|"));
        let days = format!("{day}(-{day})?");
        let clock = "([01][0-9]|2[0-3]):[0-5][0-9]";
        json_schema!({
            "type": "array",
            "minItems": 1,
            "items": {"type": "string", "pattern": format!("^{days}(,{days})* {clock}-({clock}|24:00)$")},
            "examples": [["mon-fri 10:00-21:00", "sat,sun 09:00-24:00"]]
        })
    }
}

fn window(value: &Value<'_>, diagnostics: &mut Diagnostics) -> Option<Hours> {
    let path = &value.path;
    let wanted = &text::WantHours;
    let written = &*value.scalar(wanted, diagnostics)?.text;
    match parse(written) {
        Ok(hours) => Some(hours),
        Err(WindowError::Empty(days)) => {
            let help = text::EmptyHoursHelp { days: &days };
            value.refuse(Code::Hours, text::EmptyHours { path }, help, diagnostics)
        }
        Err(WindowError::Form) => {
            let message = text::NotHours {
                path,
                value: &quoted(written),
            };
            let help = near(written).map_or_else(
                || text::Write { wanted }.to_string(),
                |near| text::WriteValue { value: &near }.to_string(),
            );
            value.refuse(Code::Hours, message, help, diagnostics)
        }
    }
}

/// One window. Without days it is on every day: `09:00-21:00`.
pub(super) struct OneWindow;

impl KeyType<Hours> for OneWindow {
    fn read(&self, value: &Value<'_>, diagnostics: &mut Diagnostics) -> Option<Hours> {
        let written = value.as_scalar().map(|scalar| &*scalar.text);
        let daily = written.and_then(|written| parse(&format!("mon-sun {written}")).ok());
        daily.or_else(|| window(value, diagnostics))
    }

    fn describe(&self) -> String {
        text::OneWindow.to_string()
    }

    fn schema(&self, _: &mut SchemaGenerator) -> Schema {
        let clock = "([01][0-9]|2[0-3]):[0-5][0-9]";
        json_schema!({"type": "string", "pattern": format!("({clock})-({clock}|24:00)$")})
    }
}

/// The reason why a text is not a window.
enum WindowError {
    /// The form is wrong.
    Form,
    /// The window on these days ends when it begins.
    Empty(Days),
}

/// Parses a window.
fn parse(text: &str) -> Result<Hours, WindowError> {
    let parts = text.split_once(' ').and_then(|(days, times)| {
        let (from, until) = times.split_once('-')?;
        Some((self::days(days)?, minute(from)?, minute(until)?))
    });
    let (days, from, until) = parts.ok_or(WindowError::Form)?;
    if from == until {
        return Err(WindowError::Empty(days));
    }
    Hours::new(days, from, until).ok_or(WindowError::Form)
}

/// Parses days: `mon`, `mon-fri`, `sat,sun`; `None` for any other form.
fn days(text: &str) -> Option<Days> {
    let each = text.split(',').map(|part| {
        let (from, to) = part.split_once('-').unwrap_or((part, part));
        Some(Days::range(day(from)?, day(to)?))
    });
    each.reduce(|all, days| Some(all?.and(days?))).flatten()
}

/// Returns the day with this name, `mon` to `sun`.
pub(super) fn day(word: &str) -> Option<Weekday> {
    let place = DAYS.iter().position(|day| *day == word)?;
    Weekday::from_monday_zero_offset(i8::try_from(place).ok()?).ok()
}

/// Parses a time of day into minutes: `00:00` to `24:00`, with two digits each; `None` for any other form.
pub(super) fn minute(text: &str) -> Option<u16> {
    let (hour, minute) = text.split_once(':')?;
    let number = |part: &str| {
        let digits = part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit());
        part.parse::<u16>().ok().filter(|_| digits)
    };
    clock(number(hour)?, number(minute)?)
}

fn clock(hour: u16, minute: u16) -> Option<u16> {
    let at = hour.checked_mul(60)?.checked_add(minute)?;
    (minute < 60 && at <= DAY).then_some(at)
}

/// Returns the window that was probably meant; `None` if no valid window can be read.
fn near(text: &str) -> Option<String> {
    if text.trim().is_empty() || text.chars().count() > 60 {
        return None;
    }
    let folded: String = text.to_lowercase().chars().map(plain).collect();
    let folded = folded.replace(" to ", "-").replace("o'clock", "");
    let begin = folded.find(|c: char| c.is_ascii_digit()).unwrap_or(folded.len());
    let (days, times) = folded.split_at(begin);
    let days = near_days(days)?;
    let times: String = times.split_whitespace().collect();
    let (from, until) = match times.split_once('-') {
        Some((from, until)) => (near_minute(from)?, near_minute(until)?),
        None if times.is_empty() => (0, DAY),
        None => return None,
    };
    Hours::new(days, from, until).map(|hours| hours.to_string())
}

/// Maps alternative signs to those of the exact form.
fn plain(c: char) -> char {
    match c {
        '：' => ':',
        '，' | '、' | '/' | '&' | '+' | ';' => ',',
        '–' | '—' | '−' | '~' | '～' | '至' | '到' => '-',
        c if c.is_whitespace() || c == '_' => ' ',
        c => c,
    }
}

/// Parses days in any common spelling; all days for an empty text.
fn near_days(text: &str) -> Option<Days> {
    let all = Days::range(Weekday::Monday, Weekday::Sunday);
    let text = text.trim().trim_end_matches([':', ',', '-']).trim();
    if text.is_empty() {
        return Some(all);
    }
    let tight = text
        .replace(", ", ",")
        .replace(" ,", ",")
        .replace("- ", "-")
        .replace(" -", "-");
    let parts = tight
        .split([',', ' '])
        .filter(|part| !part.is_empty() && *part != "and");
    let each = parts.map(|part| match part {
        "daily" | "everyday" | "every" | "day" | "always" | "all" | "days" | "每天" | "每日" | "天天" => {
            Some(all)
        }
        "weekdays" | "weekday" | "workdays" | "工作日" => Some(Days::range(Weekday::Monday, Weekday::Friday)),
        "weekend" | "weekends" | "周末" => Some(Days::range(Weekday::Saturday, Weekday::Sunday)),
        part => {
            let (from, to) = part.split_once('-').unwrap_or((part, part));
            Some(Days::range(near_day(from)?, near_day(to)?))
        }
    });
    each.reduce(|all, days| Some(all?.and(days?))).flatten()
}

/// Returns the day of the week that was probably meant; `None` if no day can be read.
pub(super) fn near_day(word: &str) -> Option<Weekday> {
    const CHINESE: [char; 7] = ['一', '二', '三', '四', '五', '六', '日'];
    const FULL: [&str; 7] = [
        "monday",
        "tuesday",
        "wednesday",
        "thursday",
        "friday",
        "saturday",
        "sunday",
    ];
    let word = word.trim().trim_end_matches('.');
    let place = |place: Option<usize>| place.and_then(|place| DAYS.get(place));
    let short = ["周", "星期", "礼拜"]
        .iter()
        .find_map(|pre| word.strip_prefix(pre))
        .unwrap_or(word);
    let mut chars = short.chars();
    if let (Some(one), None) = (chars.next(), chars.next()) {
        let one = if one == '天' { '日' } else { one };
        return place(CHINESE.iter().position(|day| *day == one)).and_then(|word| day(word));
    }
    let begins = |full: &&str| word.len() >= 2 && full.starts_with(word.trim_end_matches('s'));
    let full = FULL.iter().filter(|full| full.len() >= word.len()).position(begins);
    let full =
        full.or_else(|| nearest(word, FULL.into_iter()).and_then(|near| FULL.iter().position(|full| *full == near)));
    let near = || nearest(word, DAYS.into_iter());
    place(full).copied().or_else(near).and_then(day)
}

/// Parses a time of day in any common spelling, into minutes.
pub(super) fn near_minute(text: &str) -> Option<u16> {
    let (text, later) = match (text.strip_suffix("pm"), text.strip_suffix("am")) {
        (Some(rest), _) => (rest, Some(true)),
        (_, Some(rest)) => (rest, Some(false)),
        _ => (text.trim_end_matches(['h', '点', '时']), None),
    };
    let parts: Vec<_> = text.split([':', '.', 'h', '点', '时']).collect();
    let number = |part: &str| part.parse::<u16>().ok();
    let (hour, minute) = match parts.as_slice() {
        [four] if four.len() == 4 => (number(four.get(..2)?)?, number(four.get(2..)?)?),
        [hour] => (number(hour)?, 0),
        [hour, minute] | [hour, minute, "00"] => (number(hour)?, number(minute.trim_end_matches('分'))?),
        _ => return None,
    };
    let hour = match later {
        Some(_) if hour > 12 || hour == 0 => return None,
        Some(true) => hour % 12 + 12,
        Some(false) => hour % 12,
        None => hour,
    };
    clock(hour, minute)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_was_meant_is_guessed() {
        for (text, meant) in [
            ("Mon-Fri 10:00-21:00", Some("mon-fri 10:00-21:00")),
            ("monday 10-21", Some("mon 10:00-21:00")),
            ("mom-fri 10:00-21:00", Some("mon-fri 10:00-21:00")),
            ("thurs,fri 10:00-21:00", Some("thu,fri 10:00-21:00")),
            ("tu 9:30 - 18:00", Some("tue 09:30-18:00")),
            ("mon, wed, fri 10.00–12.00", Some("mon,wed,fri 10:00-12:00")),
            ("weekdays 9am-5pm", Some("mon-fri 09:00-17:00")),
            ("weekend 10:00-12:00", Some("sat,sun 10:00-12:00")),
            ("every day 10:00-12:00", Some("mon-sun 10:00-12:00")),
            ("10:00-21:00", Some("mon-sun 10:00-21:00")),
            ("mon-fri", Some("mon-fri 00:00-24:00")),
            ("周一至周五 10：00～21：00", Some("mon-fri 10:00-21:00")),
            ("周末 10点-21点30分", Some("sat,sun 10:00-21:30")),
            ("wednesdays 0800-1200", Some("wed 08:00-12:00")),
            ("fri 10:00 to 12:00", Some("fri 10:00-12:00")),
            ("mon 25:00-26:00", None),
            ("mon 10:00", None),
            ("someday 10:00-12:00", None),
            ("mon 12am-12pm", Some("mon 00:00-12:00")),
            ("", None),
            ("9", None),
        ] {
            assert_eq!(near(text).as_deref(), meant, "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_and_what_is_proposed_too(text in prop_oneof![
            "(mon|tue|fri|sat)([-,](sun|wed|thu))? [0-2][0-9]:[0-5][0-9]-[0-2][0-9]:[0-5][0-9]",
            "[MmFfSs][a-z]{1,5}( ?[-,/] ?[a-z]{2,4})? [0-9]{1,2}([:.][0-9]{1,2})?(am|pm|h)? ?[-~] ?[0-9]{1,2}([:.][0-9]{2})?(am|pm)?",
            "\\PC{0,30}",
        ]) {
            if let Ok(hours) = parse(&text) {
                let written = hours.to_string();
                let again = parse(&written).ok();
                prop_assert_eq!(again, Some(hours), "{}", written);
            }
            if let Some(form) = near(&text) {
                prop_assert!(parse(&form).is_ok(), "{} -> {}", text, form);
            }
        }
    }
}
