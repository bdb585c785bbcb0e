//! The fingerprint of a plan, in parts, so that a message can name the part that changed.
//!
//! A fingerprint is three short words, `FILE-AUDIENCE-SINCE`: hashes of the meaning of the campaign file, of the
//! audience, and of the plan that was applied last when this one was made. The third word is there because a plan is a
//! change of what was applied before: after another apply, the same plan changes something else. A run's own progress
//! is not hashed, so a run that continues a plan keeps its fingerprint, however many deliveries are settled.

use std::fmt;
use std::str::FromStr;

use sha2::{Digest, Sha256};

use crate::catalogue::plan as texts;
use crate::model::approval::WaveWait;
use crate::model::calendar::Calendar;
use crate::model::identity::PlatformName;

use super::{ExpiryRule, Guard, InDoubt, Plan, TurnOrder, Wave};

/// Domain prefixes of the hashes, so that none equals any other hash of this program.
const OF_FILE: &str = "runner/plan/v2/file";
const OF_AUDIENCE: &str = "runner/plan/v2/audience";
const OF_LAST: &str = "runner/plan/v2/last";
/// The number of hexadecimal digits in a part.
const DIGITS: usize = 10;
/// The third part when nothing was applied before.
const FIRST: &str = "first";

/// The fingerprint of a plan and its audience that the ledger records for each apply. It leaves out the options of one
/// run (its bounds), so that a run which continues an agreed plan is recognised.
#[must_use]
pub fn fingerprint(plan: &Plan, audience: &[u8; 32]) -> String {
    format!(
        "{}-{}",
        file(plan),
        part(OF_AUDIENCE, |meaning| meaning.bytes(audience))
    )
}

/// Like [`fingerprint`], for a plan that takes over the audience of the generation with the fingerprint `last`.
#[must_use]
pub fn fingerprint_of_admitted(plan: &Plan, last: &str) -> String {
    format!("{}-{}", file(plan), audience_of(last))
}

/// The second part of a [`fingerprint`].
fn audience_of(last: &str) -> &str {
    last.split_once('-').map_or("", |(_, audience)| audience)
}

/// The fingerprint of a plan for review.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fingerprint {
    file: String,
    audience: String,
    since: String,
}

/// What changed since the review.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Difference {
    /// The meaning of the campaign file.
    File,
    /// The users that the source names.
    Audience,
    /// Another plan was applied in the meantime.
    Applied,
    /// The ledger had an apply before, and has none now.
    LedgerGone,
}

/// The error of parsing a fingerprint.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", crate::catalogue::campaign::FingerprintForm)]
pub struct NoFingerprint;

impl Fingerprint {
    /// The fingerprint of a plan for a ledger whose last apply recorded `last`, a [`fingerprint`]; `None` when nothing
    /// was applied.
    #[must_use]
    pub fn new(plan: &Plan, audience: &[u8; 32], last: Option<&str>) -> Self {
        Self {
            file: file(plan),
            audience: part(OF_AUDIENCE, |meaning| meaning.bytes(audience)),
            since: since(last),
        }
    }

    /// Like [`Self::new`], for a plan that takes over the audience of the last apply.
    #[must_use]
    pub fn of_admitted(plan: &Plan, last: &str) -> Self {
        Self {
            file: file(plan),
            audience: audience_of(last).to_owned(),
            since: since(Some(last)),
        }
    }

    /// The first part: the hash of the meaning of the campaign file.
    #[must_use]
    pub fn file(&self) -> &str {
        &self.file
    }

    /// What changed between the reviewed fingerprint and `now`. Empty if `now` is equal or continues the reviewed plan.
    #[must_use]
    pub fn differences(&self, now: &Self) -> Vec<Difference> {
        let mut found = Vec::new();
        if self.file != now.file {
            found.push(Difference::File);
        }
        if self.audience != now.audience {
            found.push(Difference::Audience);
        }
        // The reviewed plan itself may have been applied in part.
        let own = since(Some(&format!("{}-{}", self.file, self.audience)));
        if now.since != self.since && now.since != own {
            found.push(if now.since == FIRST {
                Difference::LedgerGone
            } else {
                Difference::Applied
            });
        }
        found
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File => texts::DiffersInFile.fmt(f),
            Self::Audience => texts::DiffersInAudience.fmt(f),
            Self::Applied => texts::DiffersAfterApply.fmt(f),
            Self::LedgerGone => texts::DiffersWithoutLedger.fmt(f),
        }
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}-{}", self.file, self.audience, self.since)
    }
}

impl FromStr for Fingerprint {
    type Err = NoFingerprint;

    fn from_str(text: &str) -> Result<Self, NoFingerprint> {
        let hex = |part: &str| part.len() == DIGITS && part.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        let parts: Vec<_> = text.trim().split('-').collect();
        match parts.as_slice() {
            [file, audience, since] if hex(file) && hex(audience) && (hex(since) || *since == FIRST) => Ok(Self {
                file: (*file).to_owned(),
                audience: (*audience).to_owned(),
                since: (*since).to_owned(),
            }),
            _ => Err(NoFingerprint),
        }
    }
}

fn since(last: Option<&str>) -> String {
    last.map_or_else(|| FIRST.to_owned(), |last| part(OF_LAST, |meaning| meaning.text(last)))
}

/// One part: the first digits of a hash over some fields.
fn part(domain: &str, fields: impl FnOnce(&mut Meaning)) -> String {
    let mut meaning = Meaning::default();
    meaning.text(domain);
    fields(&mut meaning);
    let hash = meaning.0.finalize();
    let first = hash
        .iter()
        .take(DIGITS / 2)
        .fold(0, |first: u64, byte| (first << 8) | u64::from(*byte));
    format!("{first:0DIGITS$x}")
}

fn file(plan: &Plan) -> String {
    part(OF_FILE, |meaning| meaning.plan(plan))
}

/// Hashes each field after its length, so that different lists of fields never hash the same bytes.
#[derive(Default)]
struct Meaning(Sha256);

impl Meaning {
    fn bytes(&mut self, bytes: &[u8]) {
        self.0.update((bytes.len() as u64).to_be_bytes());
        self.0.update(bytes);
    }

    fn text(&mut self, text: &str) {
        self.bytes(text.as_bytes());
    }

    fn number(&mut self, number: u64) {
        self.bytes(&number.to_be_bytes());
    }

    fn real(&mut self, number: f64) {
        self.bytes(&number.to_bits().to_be_bytes());
    }

    fn plan(&mut self, plan: &Plan) {
        self.text(plan.identity.campaign.as_str());
        self.text(plan.identity.app_id.as_str());
        match &plan.identity.platform {
            // Each rehearsal may have another port, so its URL is left out.
            PlatformName::FakePlatform => self.text("sandbox"),
            PlatformName::Live(_) => {
                self.text("live");
                self.text(&plan.base_url);
            }
        }
        match &plan.activity {
            None => self.text(plan.activity_id.as_str()),
            // The id of a declared activity is not part of the file's meaning, and becomes known only with the first apply.
            Some(activity) => {
                self.text("activity");
                self.text(activity.coupon_meta_id.as_str());
                self.number(activity.stock);
                self.text(&activity.name);
                self.text(activity.release.word());
            }
        }
        self.number(plan.coupons_per_user.into());
        self.number(plan.max_coupons);
        self.number(plan.audience.limit);
        self.number(plan.audience.allow_empty.into());
        self.real(plan.audience.max_unusable);
        self.bytes(&plan.schedule.start.as_millisecond().to_be_bytes());
        self.bytes(&plan.schedule.end.as_millisecond().to_be_bytes());
        self.real(plan.pace.per_second);
        self.number(plan.pace.max_in_flight.into());
        self.behaviour(plan);
        self.number(plan.codes.len() as u64);
        for (code, class) in &plan.codes {
            self.bytes(&code.to_be_bytes());
            self.text(class.word());
        }
        self.selection(plan);
    }

    /// Optional keys: each is hashed by its name and only when it is set, so that a new key leaves older fingerprints
    /// unchanged.
    fn selection(&mut self, plan: &Plan) {
        for (key, money) in [("coupon_value", plan.coupon_value), ("max_worth", plan.max_worth)] {
            if let Some(money) = money {
                self.text(key);
                self.number(money.fen());
            }
        }
        if plan.audience.order == TurnOrder::ExpiringFirst {
            self.text("expiring_first");
        }
        if plan.audience.control_group > 0.0 {
            self.text("control_group");
            self.real(plan.audience.control_group);
        }
        if let ExpiryRule::After(within) = plan.audience.lapse {
            self.text("active_within");
            self.bytes(&within.as_nanos().to_be_bytes());
        }
        if plan.pace.per_day < u64::MAX {
            self.text("per_day");
            self.number(plan.pace.per_day);
            self.text(plan.schedule.zone.iana_name().unwrap_or_default());
        }
        let hours = &plan.schedule.hours;
        if !hours.is_always() {
            self.text("hours");
            self.calendar(hours);
        }
        if !plan.schedule.waves.is_empty() {
            self.text("waves");
            self.number(plan.schedule.waves.len() as u64);
        }
        for Wave {
            share,
            wait,
            not_issued,
        } in &plan.schedule.waves
        {
            self.real(*share);
            match wait {
                WaveWait::For(wait) => self.bytes(&wait.as_nanos().to_be_bytes()),
                WaveWait::Approval => self.text("approval"),
            }
            self.real(*not_issued);
        }
    }

    /// Hashes what the windows cover, not how the file writes them.
    fn calendar(&mut self, calendar: &Calendar) {
        self.text(calendar.zone().iana_name().unwrap_or_default());
        for day in calendar.week() {
            self.number(day.len() as u64);
            for (from, until) in day {
                self.number((*from).into());
                self.number((*until).into());
            }
        }
        self.number(calendar.closed().len() as u64);
        for day in calendar.closed() {
            self.text(&day.to_string());
        }
    }

    fn behaviour(&mut self, plan: &Plan) {
        let retry = &plan.retry;
        self.number(retry.attempts.into());
        for duration in [
            retry.first_delay,
            retry.max_delay,
            retry.timeout,
            retry.resend_within,
            retry.give_up,
        ] {
            self.bytes(&duration.as_nanos().to_be_bytes());
        }
        self.text(match retry.in_doubt {
            InDoubt::Resend => "resend",
            InDoubt::Ask => "ask",
        });
        for Guard { over, after } in [plan.halt.refused, plan.halt.held] {
            self.real(over);
            self.number(after.into());
        }
        self.number(plan.halt.same_code.into());
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::campaign::parse;
    use crate::plan::{RunOptions, build};

    fn plan(activity_id: &str) -> Plan {
        let text = format!(
            "{{version: 1, campaign: summer, app_id: tt1, activity_id: {activity_id}, \
             audience: {{source: {{csv: {{path: a.csv, open_id: id}}}}}}}}"
        );
        let parsed = parse(Path::new("c.yaml"), text.as_bytes()).unwrap_or_else(|found| panic!("{found:?}"));
        build(&parsed.campaign, RunOptions::default()).expect("it can be planned")
    }

    const LIST: [u8; 32] = [1; 32];

    #[test]
    fn a_fingerprint_is_read_as_it_is_written() {
        let last = fingerprint(&plan("70"), &LIST);
        let plan = plan("71");
        for print in [
            Fingerprint::new(&plan, &LIST, None),
            Fingerprint::new(&plan, &LIST, Some(&last)),
        ] {
            assert_eq!(print.to_string().parse(), Ok(print.clone()));
            assert_eq!(format!(" {print}\n").parse(), Ok(print.clone()));
            assert!(print.to_string().starts_with(&fingerprint(&plan, &LIST)));
        }
        for text in [
            "",
            "first",
            "0a1b2c3d4e-5f60718293",
            "0A1B2C3D4E-5f60718293-first",
            "0a1b2c3d4e-first-first",
            "0a1b2c3d4-5f60718293-first",
        ] {
            assert_eq!(text.parse::<Fingerprint>(), Err(NoFingerprint), "{text}");
        }
    }

    #[test]
    fn each_part_that_differs_is_named() {
        let old = plan("70");
        let new = plan("71");
        let before = fingerprint(&old, &LIST);
        let reviewed = Fingerprint::new(&new, &LIST, Some(&before));
        let now = |plan: &Plan, list: &[u8; 32], last: Option<&str>| {
            reviewed.differences(&Fingerprint::new(plan, list, last))
        };
        assert_eq!(now(&new, &LIST, Some(&before)), []);
        assert_eq!(now(&old, &LIST, Some(&before)), [Difference::File]);
        assert_eq!(now(&new, &[2; 32], Some(&before)), [Difference::Audience]);
        assert_eq!(
            now(&new, &LIST, Some(&fingerprint(&old, &[2; 32]))),
            [Difference::Applied]
        );
        assert_eq!(now(&new, &LIST, None), [Difference::LedgerGone]);
        let part_of_it = fingerprint(&new, &LIST);
        assert_eq!(now(&new, &[2; 32], Some(&part_of_it)), [Difference::Audience]);
        let all = [Difference::File, Difference::Audience, Difference::LedgerGone];
        assert_eq!(now(&old, &[2; 32], None), all);
    }

    #[test]
    fn going_on_with_the_reviewed_plan_is_no_difference() {
        let old = plan("70");
        let new = plan("71");
        let applied = fingerprint(&new, &LIST);
        let going_on = Fingerprint::new(&new, &LIST, Some(&applied));
        for reviewed in [
            Fingerprint::new(&new, &LIST, None),
            Fingerprint::new(&new, &LIST, Some(&fingerprint(&old, &LIST))),
            going_on.clone(),
        ] {
            assert_eq!(reviewed.differences(&going_on), []);
        }
        // Another plan was applied later: going back to this one is a change that nobody reviewed.
        let back = Fingerprint::new(&new, &LIST, Some(&fingerprint(&old, &LIST)));
        assert_eq!(going_on.differences(&back), [Difference::Applied]);
        assert_eq!(
            Fingerprint::new(&new, &LIST, None).differences(&back),
            [Difference::Applied]
        );
    }
}
