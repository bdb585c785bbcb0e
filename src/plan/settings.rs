//! The settings of a plan by the keys of the campaign file, so that a later plan can name each one that changed. They cover what
//! the fingerprint of the file covers; settings that have their default of no limit are left out.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

use crate::campaign::{share_written, written_duration};
use crate::model::approval::WaveWait;

use super::{ExpiryRule, Guard, InDoubt, Plan, TurnOrder, Wave};

/// The settings in the order of the campaign file: keys with values, both as the file writes them.
pub type Settings = Vec<(String, String)>;

/// Returns the settings of a plan.
#[must_use]
pub fn settings(plan: &Plan) -> Settings {
    let mut list = List::default();
    match &plan.activity {
        None => list.add("activity_id", &plan.activity_id),
        Some(activity) => {
            list.add("coupon_meta_id", &activity.coupon_meta_id);
            list.add("activity.stock", &activity.stock);
            list.add("activity.name", &activity.name);
            list.add("activity.release", &activity.release.word());
        }
    }
    list.add("coupons_per_user", &plan.coupons_per_user);
    list.add_limit("max_coupons", plan.max_coupons);
    for (key, money) in [("coupon_value", plan.coupon_value), ("max_worth", plan.max_worth)] {
        if let Some(money) = money {
            list.add(key, &money.written());
        }
    }
    list.add_audience(plan);
    list.add_schedule(plan);
    list.add("pace.per_second", &plan.pace.per_second);
    list.add("pace.max_in_flight", &plan.pace.max_in_flight);
    list.add_limit("pace.per_day", plan.pace.per_day);
    list.add_retry(plan);
    list.add_guard("halt.refused", plan.halt.refused);
    list.add_guard("halt.held", plan.halt.held);
    list.add("halt.same_code", &plan.halt.same_code);
    for (code, class) in &plan.codes {
        list.0.push((format!("codes.{code}"), class.word().to_owned()));
    }
    list.0
}

/// A setting that differs: its key, the value before and the value now. A value is `None` where the setting is left out.
pub type SettingDifference = (String, Option<String>, Option<String>);

/// Returns the settings that differ, in the order of the campaign file.
#[must_use]
pub fn differences(before: &Settings, now: &Settings) -> Vec<SettingDifference> {
    let old: BTreeMap<_, _> = before.iter().map(|(key, value)| (key, value)).collect();
    let new: BTreeMap<_, _> = now.iter().map(|(key, value)| (key, value)).collect();
    let gone = before.iter().filter(|(key, _)| !new.contains_key(key));
    now.iter()
        .chain(gone)
        .map(|(key, _)| (key, old.get(key), new.get(key)))
        .filter(|(_, from, to)| from != to)
        .map(|(key, from, to)| (key.clone(), from.map(ToString::to_string), to.map(ToString::to_string)))
        .collect()
}

#[derive(Default)]
struct List(Settings);

impl List {
    fn add(&mut self, key: &str, value: &impl ToString) {
        self.0.push((key.to_owned(), value.to_string()));
    }

    fn add_limit(&mut self, key: &str, limit: u64) {
        if limit < u64::MAX {
            self.add(key, &limit);
        }
    }

    fn add_duration(&mut self, key: &str, duration: Duration) {
        self.add(key, &written_duration(duration));
    }

    fn add_guard(&mut self, key: &str, Guard { over, after }: Guard) {
        self.add(&format!("{key}.over"), &share_written(over));
        self.add(&format!("{key}.after"), &after);
    }

    fn add_audience(&mut self, plan: &Plan) {
        let audience = &plan.audience;
        self.add_limit("audience.limit", audience.limit);
        if audience.order == TurnOrder::ExpiringFirst {
            self.add("audience.order", &"expiring_first");
        }
        if audience.control_group > 0.0 {
            self.add("audience.control_group", &share_written(audience.control_group));
        }
        if let ExpiryRule::After(within) = audience.lapse {
            self.add_duration("audience.active_within", within);
        }
        self.add("audience.allow_empty", &audience.allow_empty);
        self.add("audience.max_unusable", &share_written(audience.max_unusable));
    }

    fn add_schedule(&mut self, plan: &Plan) {
        let schedule = &plan.schedule;
        if let Some(zone) = schedule.zone.iana_name() {
            self.add("timezone", &zone);
        }
        let local = |at: Timestamp| {
            at.to_zoned_datetime(schedule.zone.clone())
                .strftime("%Y-%m-%dT%H:%M:%S")
        };
        if schedule.start > Timestamp::MIN {
            self.add("schedule.start", &local(schedule.start));
        }
        if schedule.end < Timestamp::MAX {
            self.add("schedule.end", &local(schedule.end));
        }
        self.add_list("schedule.hours", schedule.hours.hours());
        self.add_list("schedule.closed", schedule.hours.closed());
        let waves: Vec<_> = schedule.waves.iter().map(wave).collect();
        self.add_list("schedule.waves", &waves);
    }

    fn add_list(&mut self, key: &str, items: &[impl ToString]) {
        let items: Vec<_> = items.iter().map(ToString::to_string).collect();
        if !items.is_empty() {
            self.add(key, &items.join(", "));
        }
    }

    fn add_retry(&mut self, plan: &Plan) {
        let retry = &plan.retry;
        self.add("retry.attempts", &retry.attempts);
        self.add_duration("retry.first_delay", retry.first_delay);
        self.add_duration("retry.max_delay", retry.max_delay);
        self.add_duration("retry.timeout", retry.timeout);
        let in_doubt = match retry.in_doubt {
            InDoubt::Resend => "resend",
            InDoubt::Ask => "ask",
        };
        self.add("retry.in_doubt", &in_doubt);
        self.add_duration("retry.resend_within", retry.resend_within);
        self.add_duration("retry.give_up", retry.give_up);
    }
}

/// A wave as the campaign file writes it.
fn wave(wave: &Wave) -> String {
    let share = share_written(wave.share);
    let wait = match wave.wait {
        WaveWait::For(wait) => written_duration(wait),
        WaveWait::Approval => "approval".to_owned(),
    };
    if wave.not_issued < 1.0 {
        let not_issued = share_written(wave.not_issued);
        format!("{{share: {share}, wait: {wait}, halt_if_not_issued: {not_issued}}}")
    } else {
        format!("{{share: {share}, wait: {wait}}}")
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;
    use std::path::Path;

    use super::*;
    use crate::campaign::parse;
    use crate::plan::{Fingerprint, RunOptions, build};

    /// A plan of a file with these additional lines.
    fn plan(audience: &str, more: &str) -> Plan {
        let text = format!(
            "version: 1\ncampaign: summer\napp_id: tt1\n\
             audience: {{source: {{csv: {{path: a.csv, open_id: id, last_active: seen}}}}, {audience}}}\n{more}\n"
        );
        let parsed = parse(Path::new("c.yaml"), text.as_bytes()).unwrap_or_else(|found| panic!("{text}{found:?}"));
        build(&parsed.campaign, RunOptions::default()).expect("it can be planned")
    }

    #[test]
    fn every_setting_of_the_fingerprint_is_named_when_it_changes() {
        let activity = "activity_id: \"70\"";
        let before = plan("limit: 500", activity);
        let with = |more: &str| plan("limit: 500", &format!("{activity}\n{more}"));
        let of_audience = |audience: &str| plan(audience, activity);
        let print = |plan: &Plan| Fingerprint::new(plan, &[0; 32], None).file().to_owned();
        let mut text = String::new();
        let changed = vec![
            plan("limit: 500", "activity_id: \"71\""),
            plan(
                "limit: 500",
                "coupon_meta_id: 5\nactivity: {stock: 10, name: Tea, release: when_settled}",
            ),
            with("coupons_per_user: 2"),
            with("max_coupons: 1000"),
            with("coupon_value: 10 CNY\nmax_worth: 300 CNY"),
            of_audience("limit: 600"),
            of_audience("allow_empty: false"),
            of_audience("limit: 500, order: expiring_first, active_within: 30d"),
            of_audience("limit: 500, control_group: 5%"),
            of_audience("limit: 500, allow_empty: true"),
            of_audience("limit: 500, max_unusable: 2.5%"),
            with("schedule: {start: 2026-06-01T10:00, end: 2026-06-07T22:00}"),
            with("schedule: {hours: [\"mon-fri 10:00-21:00\"], closed: [2026-06-03]}"),
            with("schedule: {waves: [{share: 1%, wait: approval}, {share: 10%, wait: 1h, halt_if_not_issued: 5%}]}"),
            with("pace: {per_second: 50}"),
            with("pace: {max_in_flight: 8}"),
            with("pace: {per_day: 5000}"),
            with("retry: {attempts: 2, first_delay: 1s, max_delay: 2m}"),
            with("retry: {timeout: 5s, in_doubt: ask}"),
            with("retry: {resend_within: 1h, give_up: 2h}"),
            with("halt: {refused: {over: 10%, after: 100}}"),
            with("halt: {held: {over: 10%, after: 100}, same_code: 7}"),
            with("codes: {29005013: refuse}"),
        ];
        for now in changed {
            assert_ne!(print(&now), print(&before));
            for (key, from, to) in differences(&settings(&before), &settings(&now)) {
                let _ = writeln!(text, "{key}: {from:?} → {to:?}");
            }
            text.push('\n');
        }
        insta::assert_snapshot!(text);
        assert_eq!(differences(&settings(&before), &settings(&before)), []);
    }
}
