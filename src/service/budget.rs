//! What campaigns may still spend, and what they have spent: a fold over the records of the service log and the ledgers as they are
//! now. No total is kept.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::campaign::{Budget, Period};
use crate::ledger::Head;
use crate::model::calendar::Day;
use crate::model::money::{Money, Worth};
use crate::model::mutants::mutant;

use super::act::Act;
use super::record::{Entry, Record};

/// What one run of a campaign may spend.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Reservation {
    /// The number of the record that began the run.
    sequence: u64,
    /// When that was.
    at: Timestamp,
    /// What the campaign may have spent before.
    before: Money,
    /// The most that it may have spent at the end.
    max: Money,
    /// What it may have spent when the run ended. `None` before that.
    after: Option<Money>,
}

/// The reservations of each campaign, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reservations {
    all: BTreeMap<(String, String), Vec<Reservation>>,
}

/// What is known of a campaign now.
#[derive(Clone, Copy, Debug, Default)]
pub struct CampaignSpend {
    /// What its coupons are worth, by its run or its ledger. `None` if neither is known.
    pub worth: Option<Worth>,
    /// The number of the record that began the run that may go on. `None` if none may.
    pub running: Option<u64>,
}

/// How a budget is used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BudgetUse {
    /// The worth of the coupons that were issued.
    pub spent: Money,
    /// The worth of those that may have been issued.
    pub open: Money,
    /// What the runs that may go on can still spend.
    pub reserved: Money,
}

/// Why a budget has no room for a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoRoom {
    /// Nobody says what its coupons are worth.
    Unknown,
    /// Its coupons are worth more than what is left.
    Over {
        /// What they are worth.
        needs: Money,
        /// What is left.
        left: Money,
    },
}

impl Reservations {
    /// Adds a record, which has this place in the log.
    pub fn apply(&mut self, at: Head, record: &Record) {
        match &record.entry {
            Entry::Act {
                act:
                    Act::Apply {
                        on,
                        envelope: Some(envelope),
                        spent: Some(before),
                        ..
                    },
                refused: None,
                ..
            } => {
                let reservation = Reservation {
                    sequence: at.sequence,
                    at: record.at,
                    before: *before,
                    max: envelope.worth.unwrap_or(*before),
                    after: None,
                };
                self.all.entry(on.key()).or_default().push(reservation);
            }
            Entry::RunEnded {
                on, spent: Some(spent), ..
            } => {
                let last = self.all.get_mut(&on.key()).and_then(|all| all.last_mut());
                if let Some(last) = last {
                    last.after = Some(*spent);
                }
            }
            _ => {}
        }
    }

    /// How a budget is used in the period of `now`. `of_campaign` says what is known of a campaign by its app and its name.
    pub fn usage(
        &self,
        budget: &Budget,
        zone: &TimeZone,
        now: Timestamp,
        of_campaign: impl Fn(&str, &str) -> CampaignSpend,
    ) -> BudgetUse {
        let since = period_start(budget.per(), zone, now);
        let mut usage = BudgetUse::default();
        for ((app_id, campaign), all) in &self.all {
            if !budget.app.iter().any(|pattern| pattern.is_match(app_id)) {
                continue;
            }
            let known = of_campaign(app_id, campaign);
            for (at, reservation) in all.iter().enumerate().filter(|(_, own)| own.at >= since) {
                match all.get(at + 1) {
                    // What came later is the next run's.
                    Some(next) => usage.spent = usage.spent + minus(next.before, reservation.before),
                    None => usage.add_last(reservation, known),
                }
            }
        }
        usage
    }
}

impl BudgetUse {
    fn add_last(&mut self, last: &Reservation, known: CampaignSpend) {
        let of_record = last.after.unwrap_or(last.before);
        let committed = known.worth.map_or(of_record, |worth| worth.committed());
        let all = minus(committed, last.before);
        let open = known.worth.map_or(Money::default(), |worth| worth.open + worth.held);
        let open = open.min(all);
        self.open = self.open + open;
        self.spent = self.spent + minus(all, open);
        if known.running == Some(last.sequence) && !mutant!(BudgetUnreserved) {
            self.reserved = self.reserved + minus(last.max, committed);
        }
    }

    /// Everything that counts.
    #[must_use]
    pub fn total(&self) -> Money {
        self.spent + self.open + self.reserved
    }

    /// Checks that a budget of `max` has room for a plan whose coupons are worth `needs`; `None` if nobody says that.
    ///
    /// # Errors
    /// Why it has none.
    pub fn check(&self, max: Money, needs: Option<Money>) -> Result<(), NoRoom> {
        let left = self.left(max);
        match needs {
            None => Err(NoRoom::Unknown),
            Some(needs) if needs > left => Err(NoRoom::Over { needs, left }),
            Some(_) => Ok(()),
        }
    }

    /// What is left of a budget.
    #[must_use]
    pub fn left(&self, max: Money) -> Money {
        minus(max, self.total())
    }
}

fn minus(from: Money, less: Money) -> Money {
    Money::from_fen(from.fen().saturating_sub(less.fen()))
}

/// The first moment of the day or of the month of `now`.
fn period_start(period: Period, zone: &TimeZone, now: Timestamp) -> Timestamp {
    let day = match period {
        Period::Day => return Day::new(now, zone).begins,
        Period::Month => zone.to_datetime(now).date().first_of_month(),
    };
    let midnight = zone.to_ambiguous_timestamp(day.at(0, 0, 0, 0)).compatible();
    midnight.unwrap_or(now)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::campaign::parse_server;
    use crate::model::envelope::Envelope;
    use crate::model::run_state::EndState;
    use crate::service::act::{Subject, Who};
    use crate::service::record::VERSION;

    fn yuan(yuan: u64) -> Money {
        Money::from_fen(yuan * 100)
    }

    fn budget() -> Budget {
        let text = "version: 1\npolicy: {budgets: [{app: \"tt*\", worth: 1000 CNY}]}\n";
        let parsed = parse_server(Path::new("server.yaml"), text.as_bytes()).unwrap();
        parsed.content.policy.unwrap().budgets.remove(0)
    }

    fn on(app_id: &str, campaign: &str) -> Subject {
        Subject {
            file: format!("{campaign}.yaml"),
            campaign: campaign.to_owned(),
            app_id: app_id.to_owned(),
        }
    }

    fn begins(on: Subject, before: u64, max: u64) -> Entry {
        let envelope = Envelope {
            coupons: 100,
            worth: Some(yuan(max)),
            coupon_value: Some(yuan(1)),
            per_user: 1,
            from: Timestamp::UNIX_EPOCH,
            until: None,
            audience: None,
        };
        let act = Act::Apply {
            on,
            fingerprint: "a-b-first".to_owned(),
            accept: Vec::new(),
            fresh: false,
            by: Vec::new(),
            envelope: Some(Box::new(envelope)),
            spent: Some(yuan(before)),
        };
        Entry::Act {
            who: Who::scheduler(),
            act,
            refused: None,
        }
    }

    fn ended(on: Subject, spent: u64) -> Entry {
        Entry::RunEnded {
            on,
            state: EndState::Incomplete,
            why: None,
            spent: Some(yuan(spent)),
        }
    }

    fn usage(records: &[(&str, Entry)], now: &str, known: CampaignSpend) -> [u64; 3] {
        let mut reservations = Reservations::default();
        for (sequence, (at, entry)) in (1..).zip(records) {
            let record = Record {
                version: VERSION,
                at: at.parse().unwrap(),
                entry: entry.clone(),
            };
            reservations.apply(Head { sequence, link: [7; 8] }, &record);
        }
        let zone = TimeZone::get("Asia/Shanghai").unwrap();
        let used = reservations.usage(&budget(), &zone, now.parse().unwrap(), |_, _| known);
        [used.spent, used.open, used.reserved].map(|money| money.fen() / 100)
    }

    const MAY: &str = "2026-05-31T23:59:59+08:00";
    const JUNE: &str = "2026-06-01T00:00:00+08:00";
    const LATER: &str = "2026-06-10T12:00:00+08:00";

    #[test]
    fn a_run_reserves_what_it_may_spend_and_gives_back_what_it_did_not() {
        let tea = || on("tt1", "tea");
        let begun = [(JUNE, begins(tea(), 0, 500))];
        let running = |worth| CampaignSpend {
            worth,
            running: Some(1),
        };
        assert_eq!(usage(&begun, LATER, running(None)), [0, 0, 500]);
        let worth = Worth {
            issued: yuan(100),
            open: yuan(30),
            held: yuan(20),
            owed: yuan(350),
            unpriced: 0,
        };
        assert_eq!(usage(&begun, LATER, running(Some(worth))), [100, 50, 350]);
        // What is in doubt stays when the run has ended.
        let idle = |worth| CampaignSpend { worth, running: None };
        assert_eq!(usage(&begun, LATER, idle(Some(worth))), [100, 50, 0]);
        // Without its file, the record of its end says what it spent.
        let over = [begun[0].clone(), (LATER, ended(tea(), 180))];
        assert_eq!(usage(&over, LATER, idle(None)), [180, 0, 0]);
        assert_eq!(usage(&begun, LATER, idle(None)), [0, 0, 0], "it never sent");
    }

    #[test]
    fn a_run_counts_in_the_month_in_which_it_began() {
        let tea = || on("tt1", "tea");
        let records = [
            (MAY, begins(tea(), 0, 500)),
            (LATER, ended(tea(), 200)),
            (LATER, begins(tea(), 200, 500)),
        ];
        let known = CampaignSpend {
            worth: Some(Worth {
                issued: yuan(260),
                ..Worth::default()
            }),
            running: Some(3),
        };
        assert_eq!(usage(&records, LATER, known), [60, 0, 240]);
        assert_eq!(usage(&records[..2], LATER, CampaignSpend::default()), [0, 0, 0]);
        assert_eq!(usage(&records[..2], MAY, CampaignSpend::default()), [200, 0, 0]);
        let other = [(JUNE, begins(on("aa1", "tea"), 0, 500))];
        let running = CampaignSpend {
            worth: None,
            running: Some(1),
        };
        assert_eq!(usage(&other, LATER, running), [0, 0, 0], "another app");
    }
}
