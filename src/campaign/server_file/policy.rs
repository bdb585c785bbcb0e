//! What the plans of a service need before they are sent: approvals, and rules that ask for more.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::RangeInclusive;
use std::time::Duration;

use jiff::Timestamp;
use schemars::{Schema, SchemaGenerator, json_schema};

use crate::campaign::diagnostic::Code;
use crate::campaign::diagnostics::Diagnostics;
use crate::campaign::duration::DurationRange;
use crate::campaign::hours::OneWindow;
use crate::campaign::key::{Key, KeyKind};
use crate::campaign::keys::{KeyType, Keys, Nested, keys};
use crate::campaign::line_index::Span;
use crate::campaign::money::Amount;
use crate::campaign::number::IntegerRange;
use crate::campaign::share::Share;
use crate::campaign::text::Text;
use crate::campaign::time::LocalTime;
use crate::campaign::tree::Kind;
use crate::campaign::value::{Value, nearest, quoted};
use crate::campaign::word::{Boolean, Word, words};
use crate::catalogue::{campaign as shared, policy as text};
use crate::model::calendar::Hours;
use crate::model::money::Money;
use crate::model::name_pattern::NamePattern;
use crate::model::user::{Role, UserName};

use super::members::Name;
use super::users::User;

const MINUTE: Duration = Duration::from_mins(1);
const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);

/// How many approvals can be asked for.
const APPROVALS: RangeInclusive<u64> = 0..=20;

keys! {
    /// What every plan needs, and what some need in addition, before the service sends it.
    #[derive(Clone, Debug, PartialEq)]
    pub struct Policy {
        /// What every plan needs.
        default: BaseNeed = Nested, filled BaseNeed::default();
        /// What plans need in addition that meet a condition. Every rule that is met counts.
        rules: Vec<Rule> = Rules, filled Vec::new();
        /// The most that the coupons of apps may be worth in a day or a month.
        budgets: Vec<Budget> = Budgets, filled Vec::new();
        /// Times in which nothing is sent.
        freezes: Vec<Freeze> = Freezes, filled Vec::new();
        /// How long an approval, or a request without one, lasts while nothing is sent.
        expires: Duration = DurationRange(MINUTE..=90 * DAY), default 48 * HOUR;
    }
}

keys! {
    /// What every plan needs.
    #[derive(Clone, Debug, Default, PartialEq, Eq)]
    pub struct BaseNeed {
        /// How many users have to approve. With 0, a plan is sent as soon as it is made and nothing else holds it.
        approvals: u8 = IntegerRange(APPROVALS), default 1;
        /// The groups whose approvals count; all without this key.
        from: Vec<UserName> = GroupNames, filled Vec::new();
    }
}

keys! {
    /// What a plan needs in addition if it meets a condition.
    #[derive(Clone, Debug, PartialEq)]
    pub struct Rule {
        /// Its name, for pages and the log.
        name: String = Text(&text::WantRuleName), required "large";
        /// The conditions. The rule is met if all of them are.
        when: When = Nested, required "{worth_over: 100000 CNY}";
        /// What the plan needs: approvals, waves, or `again`.
        need: Need = NeedOrAgain, optional "{approvals: 2}";
        /// Whether the service does not send such a plan at all.
        deny: bool = Boolean, default false;
    }
    check |map, diagnostics| {
        let is_denied = deny == Some(true);
        match (map.get("need"), map.get("deny")) {
            (Some(_), Some(value)) if is_denied => {
                let message = text::NeedAndDeny { path: &value.path };
                diagnostics.error(Code::Choice, value.mark(), message).help(text::NeedOrDenyHelp);
            }
            (None, None) => {
                let at = map.get("name").or(map.get("when")).map(Value::mark);
                if let Some(at) = at {
                    diagnostics.error(Code::Choice, at, text::NoNeed).help(text::NeedOrDenyHelp);
                }
            }
            (None, Some(value)) if deny == Some(false) => {
                diagnostics.error(Code::Choice, value.mark(), text::NoNeed).help(text::NeedOrDenyHelp);
            }
            _ => {}
        }
        if let Some(value) = map.get("when").filter(|value| value.is_empty()) {
            let message = text::NoCondition { path: &value.path };
            diagnostics.error(Code::NoValue, value.mark(), message).help(text::NoConditionHelp);
        }
    }
}

keys! {
    /// The conditions of a rule.
    #[derive(Clone, Debug, Default, PartialEq)]
    pub struct When {
        /// All coupons of the campaign are worth more than this, those that it has sent included; or nobody says what one is worth.
        worth_over: Money = Amount, optional "100000 CNY";
        /// The coupons of one user are worth more than this, or nobody says what one is worth.
        worth_per_user_over: Money = Amount, optional "50 CNY";
        /// The campaign gives more coupons than this, those that it has sent included.
        coupons_over: u64 = IntegerRange(0..=1_000_000_000_000), optional "10000";
        /// The schedule allows a send outside these hours, by the clocks of `timezone`.
        sends_outside: Hours = OneWindow, optional "\"09:00-21:00\"";
        /// The audience has grown by more than this share since the last apply.
        audience_grew: f64 = Share, optional "5%";
        /// No other campaign of the app has a ledger here.
        new_app: bool = Boolean, optional "true";
        /// The campaign has one of these names; `*` matches any characters.
        campaign: Vec<NamePattern> = Patterns, filled Vec::new();
        /// The app has one of these ids; `*` matches any characters.
        app: Vec<NamePattern> = Patterns, filled Vec::new();
    }
}

keys! {
    /// What a plan needs.
    #[derive(Clone, Debug, Default, PartialEq, Eq)]
    pub struct Need {
        /// How many users have to approve. One if only `from` is given.
        approvals: u8 = IntegerRange(1..=20), optional "2";
        /// The groups whose approvals count; all without this key.
        from: Vec<UserName> = GroupNames, filled Vec::new();
        /// Whether somebody has to approve even if `default` asks for nobody.
        again: bool = Boolean, default false;
        /// Whether the campaign needs a wave that waits for an approval.
        waves: bool = Boolean, default false;
    }
}

impl Need {
    /// How many users have to approve.
    #[must_use]
    pub fn count(&self) -> u8 {
        let least = u8::from(self.again() || !self.from.is_empty());
        self.approvals.unwrap_or(least)
    }
}

keys! {
    /// A time in which nothing is sent.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct Freeze {
        /// Its name, for pages and the log.
        name: String = Text(&text::WantFreezeName), required "double 11";
        /// Its first moment, by the clocks of `timezone`.
        from: Timestamp = LocalTime, required "2026-11-10T20:00";
        /// The first moment after it, by the clocks of `timezone`.
        until: Timestamp = LocalTime, required "2026-11-12T00:00";
        /// The campaigns that it does not hold back; `*` matches any characters.
        except: Vec<NamePattern> = Patterns, filled Vec::new();
    }
    check |map, diagnostics| {
        if let (Some(from), Some(until), Some(value)) = (from, until, map.get("until"))
            && until <= from
        {
            let message = text::FreezeEndsFirst { path: &value.path };
            diagnostics.error(Code::Contradiction, value.mark(), message).help(text::FreezeEndsFirstHelp);
        }
    }
}

/// A list of freezes.
struct Freezes;

impl KeyType<Vec<Freeze>> for Freezes {
    fn read(&self, value: &Value<'_>, diagnostics: &mut Diagnostics) -> Option<Vec<Freeze>> {
        value.list(text::FreezesHelp, diagnostics, Freeze::read)
    }

    fn describe(&self) -> String {
        text::Freezes.to_string()
    }

    fn schema(&self, generator: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "array", "items": generator.subschema_for::<Freeze>()})
    }

    fn keys(&self) -> Vec<Key> {
        Freeze::keys()
    }

    fn kind(&self) -> KeyKind {
        KeyKind::List
    }
}

words! {
    /// The time that a budget is for, by the clocks of `timezone`.
    pub enum Period {
        /// A day.
        Day = "day",
        /// A month.
        Month = "month",
    }
}

keys! {
    /// The most that the coupons of apps may be worth in a day or a month. A run counts in the one in which it began.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct Budget {
        /// The ids of its apps, which share it; `*` matches any characters.
        app: Vec<NamePattern> = Patterns, required "ttec789ac573xxxxxx01";
        /// The time that it is for.
        per: Period = Word, default Period::Month;
        /// The most that the coupons may be worth.
        worth: Money = Amount, required "300000 CNY";
    }
}

/// A list of budgets.
struct Budgets;

impl KeyType<Vec<Budget>> for Budgets {
    fn read(&self, value: &Value<'_>, diagnostics: &mut Diagnostics) -> Option<Vec<Budget>> {
        value.list(text::BudgetsHelp, diagnostics, Budget::read)
    }

    fn describe(&self) -> String {
        text::Budgets.to_string()
    }

    fn schema(&self, generator: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "array", "items": generator.subschema_for::<Budget>()})
    }

    fn keys(&self) -> Vec<Key> {
        Budget::keys()
    }

    fn kind(&self) -> KeyKind {
        KeyKind::List
    }
}

/// What a plan needs; the word `again` is `{again: true}`.
struct NeedOrAgain;

const AGAIN: &str = "again";

impl KeyType<Need> for NeedOrAgain {
    fn read(&self, value: &Value<'_>, diagnostics: &mut Diagnostics) -> Option<Need> {
        if let Some(scalar) = value.as_scalar() {
            if scalar.text == AGAIN {
                return Some(Need {
                    again: Some(true),
                    ..Need::default()
                });
            }
            let message = shared::CannotBe {
                path: &value.path,
                value: &quoted(&scalar.text),
            };
            return value.refuse(Code::Word, message, text::NeedHelp, diagnostics);
        }
        let need = Need::read(value, diagnostics)?;
        if need.count() == 0 && !need.waves() {
            let message = text::EmptyNeed { path: &value.path };
            return value.refuse(Code::NoValue, message, text::NeedHelp, diagnostics);
        }
        Some(need)
    }

    fn describe(&self) -> String {
        text::NeedKeys.to_string()
    }

    fn schema(&self, generator: &mut SchemaGenerator) -> Schema {
        json_schema!({"anyOf": [generator.subschema_for::<Need>(), {"const": AGAIN}]})
    }

    fn keys(&self) -> Vec<Key> {
        Need::keys()
    }

    fn kind(&self) -> KeyKind {
        KeyKind::Section
    }
}

/// A list of rules.
struct Rules;

impl KeyType<Vec<Rule>> for Rules {
    fn read(&self, value: &Value<'_>, diagnostics: &mut Diagnostics) -> Option<Vec<Rule>> {
        let mut names: HashMap<String, Span> = HashMap::new();
        value.list(text::RulesHelp, diagnostics, |entry, diagnostics| {
            let rule = Rule::read(entry, diagnostics)?;
            if let Some(first) = names.get(&rule.name) {
                let at = entry.find("name").map_or(entry.mark(), |name| name.mark());
                let line = diagnostics.line(*first);
                let message = text::RepeatedRule {
                    name: &quoted(&rule.name),
                };
                let note = diagnostics.error(Code::RepeatedKey, at, message);
                note.help(text::RepeatedRuleHelp { line: &line });
            }
            names.entry(rule.name.clone()).or_insert_with(|| entry.mark());
            Some(rule)
        })
    }

    fn describe(&self) -> String {
        text::Rules.to_string()
    }

    fn schema(&self, generator: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "array", "items": generator.subschema_for::<Rule>()})
    }

    fn keys(&self) -> Vec<Key> {
        Rule::keys()
    }

    fn kind(&self) -> KeyKind {
        KeyKind::List
    }
}

/// A list of groups.
struct GroupNames;

impl KeyType<Vec<UserName>> for GroupNames {
    fn read(&self, value: &Value<'_>, diagnostics: &mut Diagnostics) -> Option<Vec<UserName>> {
        value.list(text::FromHelp, diagnostics, |entry, diagnostics| {
            Name.read(entry, diagnostics)
        })
    }

    fn describe(&self) -> String {
        text::From.to_string()
    }

    fn schema(&self, _: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "array", "items": {"type": ["string", "integer"]}})
    }
}

/// One pattern of names, or a list of them.
pub(super) struct Patterns;

impl KeyType<Vec<NamePattern>> for Patterns {
    fn read(&self, value: &Value<'_>, diagnostics: &mut Diagnostics) -> Option<Vec<NamePattern>> {
        let one = |value: &Value<'_>, diagnostics: &mut Diagnostics| {
            NamePattern::parse(&value.text(&text::WantPattern, diagnostics)?)
        };
        if value.as_scalar().is_some() {
            return one(value, diagnostics).map(|pattern| vec![pattern]);
        }
        let patterns = value.list(text::PatternsHelp, diagnostics, one)?;
        if patterns.is_empty() {
            let message = text::NoPattern { path: &value.path };
            return value.refuse(Code::NoValue, message, text::PatternsHelp, diagnostics);
        }
        Some(patterns)
    }

    fn describe(&self) -> String {
        text::Patterns.to_string()
    }

    fn schema(&self, _: &mut SchemaGenerator) -> Schema {
        let one = json_schema!({"type": "string", "minLength": 1});
        json_schema!({"anyOf": [one, {"type": "array", "items": one, "minItems": 1}]})
    }
}

/// Who can give the approvals of a policy.
pub(super) struct Approvers<'a> {
    pub(super) users: &'a [User],
    pub(super) groups: &'a BTreeMap<UserName, Vec<UserName>>,
}

impl Approvers<'_> {
    /// Reports needs that nobody can meet: groups that there are not, and more approvals than there are approvers.
    pub(super) fn check(&self, policy: &Policy, value: &Value<'_>, diagnostics: &mut Diagnostics) {
        if let Some(value) = value.find("default") {
            let default = &policy.default;
            self.check_need(default.approvals(), &default.from, &value, diagnostics);
        }
        let Some(rules) = value.find("rules") else { return };
        let Kind::List(entries) = rules.kind() else {
            return;
        };
        for (at, (rule, entry)) in policy.rules.iter().zip(entries).enumerate() {
            let entry = rules.under(&at.to_string(), *entry);
            if let (Some(need), Some(value)) = (&rule.need, entry.find("need")) {
                self.check_need(need.count(), &need.from, &value, diagnostics);
            }
        }
    }

    fn check_need(&self, count: u8, from: &[UserName], value: &Value<'_>, diagnostics: &mut Diagnostics) {
        let mut are_groups_known = true;
        if let Some(list) = value.find("from") {
            let Kind::List(entries) = list.kind() else {
                return;
            };
            for (at, (name, entry)) in from.iter().zip(entries).enumerate() {
                if self.groups.contains_key(name) {
                    continue;
                }
                are_groups_known = false;
                let entry = list.under(&at.to_string(), *entry);
                let message = text::UnknownGroup { path: &list.path, name };
                let help = match nearest(name.as_str(), self.groups.keys().map(UserName::as_str)) {
                    Some(near) => shared::DidYouMean { value: &near }.to_string(),
                    None => text::UnknownGroupHelp.to_string(),
                };
                diagnostics.error(Code::Contradiction, entry.mark(), message).help(help);
            }
        }
        let many = self.count(from);
        if are_groups_known && usize::from(count) > many {
            let message = text::TooFewApprovers {
                path: &value.path,
                needed: u64::from(count),
                many: many as u64,
            };
            diagnostics
                .error(Code::Policy, value.mark(), message)
                .help(text::TooFewApproversHelp);
        }
    }

    /// How many users can approve, of these groups or of all.
    fn count(&self, from: &[UserName]) -> usize {
        if self.users.is_empty() {
            // The one whose process it is may do everything.
            return usize::from(from.is_empty());
        }
        let may_approve = |name: &UserName| {
            let user = self.users.iter().find(|user| user.name == *name);
            user.is_some_and(|user| {
                user.roles
                    .iter()
                    .any(|role| matches!(role, Role::Approver | Role::Admin))
            })
        };
        let named: BTreeSet<&UserName> = if from.is_empty() {
            self.users.iter().map(|user| &user.name).collect()
        } else {
            from.iter()
                .filter_map(|group| self.groups.get(group))
                .flatten()
                .collect()
        };
        named.into_iter().filter(|name| may_approve(name)).count()
    }
}
