//! When a campaign takes place again and again. Each occurrence is a campaign of its own.

use std::collections::BTreeSet;

use jiff::Timestamp;
use jiff::civil::{Date, Time, Weekday};
use jiff::tz::TimeZone;
use schemars::{Schema, SchemaGenerator, json_schema};

use crate::catalogue::campaign as text;
use crate::model::calendar::{DAYS, Days};
use crate::model::recurrence::{MissedRule, MonthDays, Recurrence, Rule};

use super::diagnostic::Code;
use super::diagnostics::Diagnostics;
use super::hours;
use super::keys::{KeyType, keys};
use super::schedule::Schedule;
use super::time::{OneDate, TimeOfDay};
use super::tree::Kind;
use super::value::{Mapping, Value, nearest, quoted};
use super::word::{Word, words};

/// The last day of a month as an entry of `on`.
const LAST: &str = "last";

words! {
    /// How often a campaign takes place.
    pub enum Every {
        /// Every day.
        Day = "day",
        /// On some days of every week.
        Week = "week",
        /// On some days of every month.
        Month = "month",
    }
}

words! {
    /// What happens to an occurrence that was not begun within an hour of its time.
    pub enum Missed {
        /// It is shown, and begins only if a person applies it.
        Skip = "skip",
        /// The latest one begins late, as long as the next one has not begun.
        Once = "once",
    }
}

keys! {
    /// When the campaign takes place again and again. Each occurrence is a campaign of its own, with its own coupon ids, ledger and
    /// plan. It may send from its time on until the next one begins.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct Repeat {
        /// How often it takes place.
        every: Every = Word, required "week";
        /// The days: of the week, `mon` to `sun`; or of the month, 1 to 31 or `last`. A month without a day leaves it out.
        on: Vec<RepeatDay> = RepeatDays, optional "[mon]";
        /// The time of day at which an occurrence begins, by the clocks of `timezone`.
        at: Time = TimeOfDay, required "\"10:00\"";
        /// The last day on which an occurrence may begin.
        until: Date = OneDate, optional;
        /// What happens to an occurrence that was not begun within an hour of its time.
        missed: Missed = Word, default Missed::Skip;
    }
    check |map, diagnostics| {
        if let Some(every) = every {
            check_days(every, map, diagnostics);
        }
    }
}

/// A day on which an occurrence begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RepeatDay {
    /// A day of the week.
    Week(Weekday),
    /// A day of the month, from 1 to 31.
    Month(u8),
    /// The last day of the month.
    LastOfMonth,
}

impl Repeat {
    /// Returns the rule, with the limits of a schedule and by the clocks of a zone.
    pub(super) fn recurrence(&self, schedule: &Schedule, zone: &TimeZone) -> Recurrence {
        let on = self.on.as_deref().unwrap_or_default();
        let rule = match self.every {
            Every::Day => Rule::Daily,
            Every::Week => Rule::Weekly(on.iter().fold(Days::default(), |days, day| match day {
                RepeatDay::Week(day) => days.and(Days::range(*day, *day)),
                RepeatDay::Month(_) | RepeatDay::LastOfMonth => days,
            })),
            Every::Month => Rule::Monthly(on.iter().fold(MonthDays::default(), |days, day| match day {
                RepeatDay::Month(day) => MonthDays::day(*day).map_or(days, |day| days.and(day)),
                RepeatDay::LastOfMonth => days.and(MonthDays::LAST),
                RepeatDay::Week(_) => days,
            })),
        };
        Recurrence {
            rule,
            at: self.at,
            zone: zone.clone(),
            closed: schedule.closed.iter().flatten().copied().collect::<BTreeSet<_>>(),
            from: schedule.start.unwrap_or(Timestamp::MIN),
            until: self.until,
            end: schedule.end.unwrap_or(Timestamp::MAX),
            missed: match self.missed() {
                Missed::Skip => MissedRule::Skip,
                Missed::Once => MissedRule::Once,
            },
        }
    }

    /// Reports a campaign that never takes place.
    pub(super) fn check_any(&self, value: &Value<'_>, recurrence: &Recurrence, diagnostics: &mut Diagnostics) {
        let has_days = self.every == Every::Day || self.on.as_ref().is_some_and(|on| !on.is_empty());
        if has_days && recurrence.after(Timestamp::MIN).next().is_none() {
            let message = text::NeverRepeats { path: &value.path };
            diagnostics
                .error(Code::Repeat, value.mark(), message)
                .help(text::NeverRepeatsHelp);
        }
    }
}

/// Reports days that do not fit how often the campaign takes place.
fn check_days(every: Every, map: &Mapping<'_>, diagnostics: &mut Diagnostics) {
    let wanted = match every {
        Every::Day => None,
        Every::Week => Some(text::WantWeekday.to_string()),
        Every::Month => Some(text::WantMonthDay.to_string()),
    };
    let word = match every {
        Every::Day => "day",
        Every::Week => "week",
        Every::Month => "month",
    };
    match (wanted, map.get("on")) {
        (None, Some(on)) => {
            let message = text::DaysOfDaily { path: &on.path };
            diagnostics
                .error(Code::Repeat, on.mark(), message)
                .help(text::DaysOfDailyHelp);
        }
        (Some(_), None) => {
            let Some(value) = map.get("every") else { return };
            let message = text::NoDays { every: &word };
            let help = match every {
                Every::Month => text::NoDaysOfMonthHelp.to_string(),
                Every::Week | Every::Day => text::NoDaysOfWeekHelp.to_string(),
            };
            diagnostics.error(Code::Repeat, value.mark(), message).help(help);
        }
        (Some(wanted), Some(on)) => check_each(every, word, &wanted, on, diagnostics),
        (None, None) => {}
    }
}

/// Reports each day that is of another kind, and a list without any day. Other values are reported elsewhere.
fn check_each(every: Every, word: &str, wanted: &str, on: &Value<'_>, diagnostics: &mut Diagnostics) {
    let Kind::List(entries) = on.kind() else { return };
    for (nth, entry) in entries.iter().enumerate() {
        let entry = on.under(&nth.to_string(), *entry);
        let Some(day) = entry.as_scalar().and_then(|scalar| parse(&scalar.text)) else {
            continue;
        };
        let fits = match every {
            Every::Week => matches!(day, RepeatDay::Week(_)),
            Every::Month => !matches!(day, RepeatDay::Week(_)),
            Every::Day => true,
        };
        if !fits {
            let message = text::OtherDay {
                path: &entry.path,
                every: &word,
            };
            diagnostics
                .error(Code::Repeat, entry.mark(), message)
                .help(text::Write { wanted: &wanted });
        }
    }
    if entries.is_empty() {
        let message = text::NoDaysInList { path: &on.path };
        diagnostics.error(Code::Repeat, on.mark(), message).help(text::DaysHelp);
    }
}

/// A list of days of the week or of the month.
struct RepeatDays;

impl KeyType<Vec<RepeatDay>> for RepeatDays {
    fn read(&self, value: &Value<'_>, diagnostics: &mut Diagnostics) -> Option<Vec<RepeatDay>> {
        value.list(text::DaysHelp, diagnostics, |entry, diagnostics| {
            let wanted = &text::WantDay;
            let written = &*entry.scalar(wanted, diagnostics)?.text;
            parse(written).or_else(|| {
                let message = text::NotDay {
                    path: &entry.path,
                    value: &quoted(written),
                };
                let help = near(written).map_or_else(
                    || text::Write { wanted }.to_string(),
                    |near| text::DidYouMean { value: &near }.to_string(),
                );
                entry.refuse(Code::Repeat, message, help, diagnostics)
            })
        })
    }

    fn describe(&self) -> String {
        text::Days.to_string()
    }

    fn schema(&self, _: &mut SchemaGenerator) -> Schema {
        let words: Vec<_> = DAYS.into_iter().chain([LAST]).collect();
        json_schema!({
            "type": "array",
            "minItems": 1,
            "items": {"anyOf": [{"enum": words}, {"type": "integer", "minimum": 1, "maximum": 31}]},
            "examples": [["mon"], [1, "last"]]
        })
    }
}

/// Parses a day: `mon` to `sun`, `1` to `31`, or `last`; `None` for any other form.
fn parse(text: &str) -> Option<RepeatDay> {
    if text == LAST {
        return Some(RepeatDay::LastOfMonth);
    }
    if let Some(day) = hours::day(text) {
        return Some(RepeatDay::Week(day));
    }
    let number: u8 = text.parse().ok()?;
    let is_day = (1..=31).contains(&number) && number.to_string() == text;
    is_day.then_some(RepeatDay::Month(number))
}

/// Returns the day that was probably meant: another spelling, in Chinese too; `None` if no day can be read.
fn near(text: &str) -> Option<String> {
    if text.chars().count() > 20 {
        return None;
    }
    let folded = text.trim().to_lowercase();
    if ["最后一天", "月末", "月底", "end", "-1"].contains(&&*folded) {
        return Some(LAST.to_owned());
    }
    let bare = folded.trim_end_matches(['日', '号', '.']);
    let bare = ["st", "nd", "rd", "th"]
        .iter()
        .find_map(|end| bare.strip_suffix(end))
        .unwrap_or(bare);
    let number = bare.trim_start_matches('0').parse().ok();
    if let Some(number) = number.filter(|number: &u8| (1..=31).contains(number)) {
        return Some(number.to_string());
    }
    let word = nearest(&folded, [LAST].into_iter()).map(str::to_owned);
    let day = || hours::near_day(&folded).map(|day| Days::range(day, day).to_string());
    word.or_else(day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_day_that_was_meant_is_guessed() {
        for (text, meant) in [
            ("Monday", Some("mon")),
            ("周一", Some("mon")),
            ("星期天", Some("sun")),
            ("tues", Some("tue")),
            ("01", Some("1")),
            ("15号", Some("15")),
            ("3rd", Some("3")),
            ("Last", Some("last")),
            ("lst", Some("last")),
            ("月底", Some("last")),
            ("32", None),
            ("0", None),
            ("", None),
            ("someday", None),
        ] {
            assert_eq!(near(text).as_deref(), meant, "{text}");
            assert!(meant.is_none_or(|meant| parse(meant).is_some()), "{text}");
        }
    }
}
