//! Times on the command line of a simulation: a local time, and an outage with its length. The campaign gives the time
//! zone.

use std::time::Duration;

use jiff::civil::{DateTime, Time};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

use crate::catalogue::simulation as texts;
use crate::model::clock::later;
use crate::simulation::Outage;

use super::super::sandbox::time as length;

const FORMS: [&str; 2] = ["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"];

/// An outage as given on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WrittenOutage {
    begins: Begins,
    lasts: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Begins {
    /// On the first day on which it has an effect.
    At(Time),
    On(DateTime),
}

impl WrittenOutage {
    /// Returns the outage on the clocks of `zone`. Without a date, it is on the first day on which it is not over at
    /// `from`. `None` if that is beyond the calendar.
    #[must_use]
    pub fn outage(&self, zone: &TimeZone, from: Timestamp) -> Option<Outage> {
        match self.begins {
            Begins::On(at) => self.on(at, zone),
            Begins::At(time) => {
                let today = from.to_zoned_datetime(zone.clone()).date();
                // It may have begun yesterday, or may begin tomorrow.
                let days = (-1..=1_i64).filter_map(|days| today.checked_add(days.days()).ok());
                days.filter_map(|day| self.on(day.to_datetime(time), zone))
                    .find(|outage| outage.until > from)
            }
        }
    }

    fn on(&self, at: DateTime, zone: &TimeZone) -> Option<Outage> {
        let from = moment(at, zone)?;
        Some(Outage {
            from,
            until: later(from, self.lasts),
        })
    }
}

/// Returns when the clocks of `zone` show this time. Of two moments it takes the earlier; a time in a gap is moved after
/// the gap by as much as it lies within it. `None` beyond the calendar.
#[must_use]
pub fn moment(at: DateTime, zone: &TimeZone) -> Option<Timestamp> {
    zone.to_ambiguous_timestamp(at).compatible().ok()
}

/// Parses a local time.
pub fn local(text: &str) -> Result<DateTime, String> {
    let read = FORMS.iter().find_map(|form| DateTime::strptime(form, text).ok());
    read.ok_or_else(|| texts::LocalTime.to_string())
}

/// Parses an outage.
pub fn outage(text: &str) -> Result<WrittenOutage, String> {
    let wanted = || texts::OutageTime.to_string();
    let (begins, lasts) = text.split_once('+').ok_or_else(wanted)?;
    let begins = match Time::strptime("%H:%M", begins) {
        Ok(time) => Begins::At(time),
        Err(_) => Begins::On(local(begins).map_err(|_| wanted())?),
    };
    let lasts = length(lasts).ok().filter(|lasts| *lasts > Duration::ZERO);
    let lasts = lasts.ok_or_else(wanted)?;
    Ok(WrittenOutage { begins, lasts })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn berlin(text: &str, from: &str) -> Option<String> {
        let zone = TimeZone::get("Europe/Berlin").unwrap();
        let from = moment(local(from).unwrap(), &zone).unwrap();
        let outage = outage(text).unwrap().outage(&zone, from)?;
        let shown = |at: Timestamp| {
            at.to_zoned_datetime(zone.clone())
                .strftime("%m-%d %H:%M%:::z")
                .to_string()
        };
        Some(format!("{} {}", shown(outage.from), shown(outage.until)))
    }

    #[test]
    fn an_outage_without_a_date_is_the_first_that_is_not_over() {
        let cases = [
            ("14:00+2h", "2026-06-01T09:00", "06-01 14:00+02 06-01 16:00+02"),
            ("14:00+2h", "2026-06-01T15:59", "06-01 14:00+02 06-01 16:00+02"),
            ("14:00+2h", "2026-06-01T16:00", "06-02 14:00+02 06-02 16:00+02"),
            ("23:00+3h", "2026-06-02T01:00", "06-01 23:00+02 06-02 02:00+02"),
            (
                "2026-06-05T14:00+30m",
                "2026-06-01T16:00",
                "06-05 14:00+02 06-05 14:30+02",
            ),
            // The clocks are put forward during the outage, and back.
            (
                "2026-03-29T02:30+1h",
                "2026-03-01T00:00",
                "03-29 03:30+02 03-29 04:30+02",
            ),
            (
                "2026-10-25T02:30+1h",
                "2026-10-01T00:00",
                "10-25 02:30+02 10-25 02:30+01",
            ),
        ];
        for (text, from, means) in cases {
            assert_eq!(berlin(text, from).as_deref(), Some(means), "{text} at {from}");
        }
    }

    #[test]
    fn what_is_no_outage_is_refused() {
        for text in [
            "14:00",
            "14+2h",
            "14:00+",
            "14:00+0",
            "25:00+1h",
            "2026-06-31T14:00+1h",
            "14:00-2h",
        ] {
            assert!(outage(text).unwrap_err().contains("14:00+2h"), "{text}");
        }
        assert!(local("2026-06-01").unwrap_err().contains("2026-06-01T10:00"));
    }
}
