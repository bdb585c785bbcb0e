//! What a plan needs before it is sent, by the policy of the service. Pure: a verdict follows from the policy, the plan, the approvals
//! that there are, and the time.

use std::collections::BTreeMap;
use std::fmt;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::app::LoadedCampaign;
use crate::app::plan::PlanPreview;
use crate::campaign::{Need, Policy, Schedule, ServerFile, When, share_written};
use crate::catalogue::{Text, policy as texts};
use crate::model::calendar::{Calendar, Hours, Window};
use crate::model::money::Money;
use crate::model::mutants::mutant;
use crate::model::name_pattern::NamePattern;
use crate::model::user::UserName;

/// How far ahead the send windows of a plan are compared with the hours of a rule.
const AHEAD: SignedDuration = SignedDuration::from_hours(31 * 24);
/// The most send windows that are compared.
const MOST_WINDOWS: usize = 200;

/// A policy with what its words mean.
#[derive(Clone, Copy, Debug)]
pub struct PolicyRules<'a> {
    /// The policy.
    pub policy: &'a Policy,
    /// The groups of users.
    pub groups: &'a BTreeMap<UserName, Vec<UserName>>,
    /// The zone of hours and days.
    pub zone: &'a TimeZone,
}

/// A plan, as far as a policy depends on it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PlanFacts {
    /// The name of the campaign.
    pub campaign: String,
    /// The app.
    pub app_id: String,
    /// The coupons that the campaign has sent, may have sent, and would send.
    pub coupons: u64,
    /// What they are worth. `None` if nobody says what a coupon is worth.
    pub worth: Option<Money>,
    /// What the coupons of one user are worth. `None` if nobody says what a coupon is worth.
    pub worth_per_user: Option<Money>,
    /// The users of the source at the last apply. `None` before the first one.
    pub listed_before: Option<u64>,
    /// The users of the source now.
    pub listed: u64,
    /// When it may send.
    pub windows: Vec<Window>,
    /// Whether it has a wave that waits for an approval.
    pub has_approval_wave: bool,
    /// Whether no other campaign of the app has a ledger here.
    pub is_new_app: bool,
    /// The approvals that the campaign file asks for. `None` if it leaves that to the policy.
    pub approvals: Option<u8>,
}

/// An approval that was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GivenApproval {
    /// The user.
    pub by: String,
    /// When.
    pub at: Timestamp,
}

/// What the policy says of a plan.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// The rules that the plan meets, in the order of the file.
    pub met: Vec<MetRule>,
    /// The approvals that it needs. Those that need nobody are left out.
    pub requirements: Vec<Requirement>,
}

/// A rule that a plan meets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MetRule {
    /// Its name.
    pub name: String,
    /// Why it is met: each of its conditions.
    pub why: Vec<Reason>,
    /// What comes of it besides approvals.
    pub effect: Effect,
}

/// What a rule does besides asking for approvals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Nothing.
    None,
    /// The campaign needs a wave that waits for an approval, and has none.
    WaveMissing,
    /// The plan is not sent at all.
    Denied,
}

/// Approvals that a plan needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Requirement {
    /// What asks for them.
    pub asked_by: AskedBy,
    /// How many users have to approve.
    pub approvals: u8,
    /// The groups whose approvals count; empty if all count.
    pub from: Vec<UserName>,
    /// The users whose approvals count.
    pub given: Vec<String>,
}

/// What asks for approvals.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AskedBy {
    /// What every plan needs.
    Default,
    /// The rule with this name.
    Rule(String),
    /// The campaign file.
    File,
}

impl AskedBy {
    /// Its word in JSON.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::Rule(_) => "rule",
            Self::File => "file",
        }
    }

    /// The name of the rule. `None` if no rule asks.
    #[must_use]
    pub fn rule(&self) -> Option<&str> {
        match self {
            Self::Rule(name) => Some(name),
            Self::Default | Self::File => None,
        }
    }
}

/// What holds a plan back, the strictest last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Hold {
    /// Nothing.
    Nothing,
    /// Approvals are missing.
    Approvals,
    /// The campaign needs a wave that waits for an approval.
    Wave,
    /// A rule does not allow it.
    Denied,
}

impl Hold {
    /// Its word in JSON.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::Approvals => "approvals",
            Self::Wave => "wave",
            Self::Denied => "denied",
        }
    }
}

impl Effect {
    /// Its word in JSON.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::WaveMissing => "wave_missing",
            Self::Denied => "denied",
        }
    }
}

/// A condition that a plan meets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// All coupons are worth more.
    Worth {
        /// What they are worth. `None` if that is unknown.
        worth: Option<Money>,
        /// The limit.
        max: Money,
    },
    /// The coupons of one user are worth more.
    WorthPerUser {
        /// What they are worth. `None` if that is unknown.
        worth: Option<Money>,
        /// The limit.
        max: Money,
    },
    /// There are more coupons.
    Coupons {
        /// How many.
        coupons: u64,
        /// The limit.
        max: u64,
    },
    /// It may send outside these hours.
    Outside {
        /// The hours, as a file writes them.
        hours: String,
    },
    /// The audience has grown by more.
    Grew {
        /// The share, as a file writes it.
        share: String,
        /// The limit, as a file writes it.
        max: String,
    },
    /// Whether the app is new here.
    App {
        /// Whether it is.
        is_new: bool,
    },
    /// The name of the campaign fits.
    Campaign {
        /// The pattern.
        pattern: String,
    },
    /// The id of the app fits.
    AppNamed {
        /// The pattern.
        pattern: String,
    },
}

impl<'a> PolicyRules<'a> {
    /// The policy of a file. `None` if the file has none.
    #[must_use]
    pub fn of(file: &'a ServerFile) -> Option<Self> {
        Some(Self {
            policy: file.policy.as_ref()?,
            groups: &file.groups,
            zone: &file.timezone,
        })
    }

    /// Decides what a plan needs, and what of it there is at `now`. An approval that has expired does not count, nor a second one of
    /// the same user.
    #[must_use]
    pub fn judge(&self, facts: &PlanFacts, approvals: &[GivenApproval], now: Timestamp) -> Verdict {
        let expires = self.expires();
        let mut given: Vec<&str> = approvals
            .iter()
            .filter(|approval| now.duration_since(approval.at) < expires || mutant!(ExpiredCounts))
            .map(|approval| approval.by.as_str())
            .collect();
        given.sort_unstable();
        given.dedup();
        let require = |asked_by, approvals: u8, from: &[UserName]| Requirement {
            asked_by,
            approvals,
            from: from.to_vec(),
            given: given
                .iter()
                .filter(|by| self.is_one_of(by, from))
                .map(|by| (*by).to_owned())
                .collect(),
        };
        let default = &self.policy.default;
        let mut requirements = vec![require(AskedBy::Default, default.approvals(), &default.from)];
        // The file adds to what the policy asks for, so it never asks for less.
        requirements.extend(facts.approvals.map(|approvals| require(AskedBy::File, approvals, &[])));
        let mut met = Vec::new();
        for rule in &self.policy.rules {
            let Some(why) = self.reasons(&rule.when, facts) else {
                continue;
            };
            let needs_wave = rule.need.as_ref().is_some_and(Need::waves);
            let effect = if rule.deny() {
                Effect::Denied
            } else if needs_wave && !facts.has_approval_wave {
                Effect::WaveMissing
            } else {
                Effect::None
            };
            if let Some(need) = &rule.need {
                let asked_by = AskedBy::Rule(rule.name.clone());
                requirements.push(require(asked_by, need.count(), &need.from));
            }
            met.push(MetRule {
                name: rule.name.clone(),
                why,
                effect,
            });
        }
        requirements.retain(|needed| needed.approvals > 0);
        Verdict { met, requirements }
    }

    /// How long an approval lasts that nobody uses.
    #[must_use]
    pub fn expires(&self) -> SignedDuration {
        SignedDuration::try_from(self.policy.expires()).unwrap_or(SignedDuration::MAX)
    }

    /// How many of these users may give the approvals of a requirement.
    #[must_use]
    pub fn approvers<'u>(&self, needed: &Requirement, users: impl Iterator<Item = &'u str>) -> usize {
        users.filter(|user| self.is_one_of(user, &needed.from)).count()
    }

    fn is_one_of(&self, user: &str, groups: &[UserName]) -> bool {
        let has_user = |group| {
            let members: Option<&Vec<UserName>> = self.groups.get(group);
            members.is_some_and(|members| members.iter().any(|member| member.as_str() == user))
        };
        groups.is_empty() || groups.iter().any(has_user)
    }

    /// Why the conditions are met. `None` if one of them is not.
    fn reasons(&self, when: &When, facts: &PlanFacts) -> Option<Vec<Reason>> {
        let is_over = |worth: Option<Money>, max: Money| worth.is_none_or(|worth| worth > max);
        let mut why = Vec::new();
        if let Some(max) = when.worth_over {
            let worth = facts.worth;
            why.push(is_over(worth, max).then_some(Reason::Worth { worth, max }));
        }
        if let Some(max) = when.worth_per_user_over {
            let worth = facts.worth_per_user;
            why.push(is_over(worth, max).then_some(Reason::WorthPerUser { worth, max }));
        }
        if let Some(max) = when.coupons_over {
            let coupons = facts.coupons;
            why.push((coupons > max).then_some(Reason::Coupons { coupons, max }));
        }
        if let Some(hours) = when.sends_outside {
            let hours_text = || hours.to_string();
            why.push(
                self.sends_outside(hours, facts)
                    .then(|| Reason::Outside { hours: hours_text() }),
            );
        }
        if let Some(max) = when.audience_grew {
            why.push(grew(facts, max));
        }
        if let Some(is_new) = when.new_app {
            why.push((facts.is_new_app == is_new).then_some(Reason::App { is_new }));
        }
        let fitting = |patterns: &[NamePattern], name: &str| {
            let fits = patterns.iter().find(|pattern| pattern.is_match(name));
            fits.map(ToString::to_string)
        };
        if !when.campaign.is_empty() {
            why.push(fitting(&when.campaign, &facts.campaign).map(|pattern| Reason::Campaign { pattern }));
        }
        if !when.app.is_empty() {
            why.push(fitting(&when.app, &facts.app_id).map(|pattern| Reason::AppNamed { pattern }));
        }
        why.into_iter().collect()
    }

    fn sends_outside(&self, hours: Hours, facts: &PlanFacts) -> bool {
        let inside = Calendar::new(self.zone.clone(), &[hours], &[]);
        let is_inside = |window: &Window| {
            inside.is_open(window.opens)
                && inside
                    .next_change(window.opens)
                    .is_none_or(|closes| window.closes <= closes)
        };
        !facts.windows.iter().all(is_inside)
    }
}

#[expect(clippy::cast_precision_loss, reason = "a share needs no more digits")]
fn grew(facts: &PlanFacts, max: f64) -> Option<Reason> {
    let before = facts.listed_before.filter(|before| *before < facts.listed)?;
    let share = if before == 0 {
        f64::INFINITY
    } else {
        (facts.listed - before) as f64 / before as f64
    };
    (share > max).then(|| Reason::Grew {
        share: if share.is_finite() {
            share_written(share)
        } else {
            "∞".to_owned()
        },
        max: share_written(max),
    })
}

impl PlanFacts {
    /// What a policy depends on in a plan that was made at `now`. `is_new_app` says whether no other campaign of the app has a ledger.
    #[must_use]
    pub fn new(campaign: &LoadedCampaign, preview: &PlanPreview, is_new_app: bool, now: Timestamp) -> Self {
        let plan = &campaign.plan;
        let usage = &preview.usage;
        let settings = &campaign.parsed.campaign;
        // The sandbox states values of its own.
        let is_real = !campaign.at.rehearsal.is_on();
        let each = usage.each.filter(|_| is_real).or(plan.coupon_value);
        let sent = usage.coupons + usage.held;
        let before = if is_real {
            Some(usage.worth)
        } else {
            each.map(|each| each.times(sent))
        };
        let worth = each.zip(before).map(|(each, before)| before + each.times(preview.owed));
        Self {
            campaign: plan.identity.campaign.to_string(),
            app_id: plan.identity.app_id.to_string(),
            coupons: (sent + preview.owed).min(plan.max_coupons.saturating_add(usage.held)),
            worth: [worth, plan.max_worth].into_iter().flatten().min(),
            worth_per_user: each.map(|each| each.times(u64::from(plan.coupons_per_user))),
            listed_before: preview.listed_before,
            listed: usage.listed,
            windows: windows(&settings.schedule, &settings.timezone, now),
            has_approval_wave: plan.schedule.waves.iter().any(|wave| wave.wait.is_approval()),
            is_new_app,
            approvals: settings.approval.map(|approval| approval.approvals),
        }
    }
}

/// The next windows of a schedule as a file has it. A rehearsal waits for none of them.
fn windows(schedule: &Schedule, zone: &TimeZone, now: Timestamp) -> Vec<Window> {
    let calendar = schedule.calendar(zone);
    let from = schedule.start.map_or(now, |start| start.max(now));
    let end = schedule.end.unwrap_or(Timestamp::MAX);
    let last = from.checked_add(AHEAD).unwrap_or(Timestamp::MAX).min(end);
    let clip = |window: Window| Window {
        closes: window.closes.min(end),
        ..window
    };
    calendar
        .windows(from)
        .take_while(|window| window.opens < last)
        .take(MOST_WINDOWS)
        .map(clip)
        .collect()
}

impl Verdict {
    /// What holds the plan back.
    #[must_use]
    pub fn hold(&self) -> Hold {
        let of_rules = self.met.iter().map(|rule| match rule.effect {
            Effect::None => Hold::Nothing,
            Effect::WaveMissing => Hold::Wave,
            Effect::Denied => Hold::Denied,
        });
        let of_needs = self.requirements.iter().map(|needed| {
            if needed.is_met() {
                Hold::Nothing
            } else {
                Hold::Approvals
            }
        });
        of_rules.chain(of_needs).max().unwrap_or(Hold::Nothing)
    }

    /// The approvals that the plan needs, each with the rule that asks for them.
    #[must_use]
    pub fn needs_text(&self) -> String {
        let needs: Vec<_> = self.requirements.iter().map(Requirement::text).collect();
        if needs.is_empty() {
            texts::SendsByItself.to_string()
        } else {
            needs.join(&texts::Separator.to_string())
        }
    }

    /// Why nobody can approve the plan. `None` if approvals can make it go on.
    #[must_use]
    pub fn refusal(&self) -> Option<Text> {
        let named = |effect: Effect| {
            let rules = self.met.iter().filter(|rule| rule.effect == effect);
            let names: Vec<_> = rules.map(|rule| rule.name.as_str()).collect();
            names.join(", ")
        };
        match self.hold() {
            Hold::Denied => Some(Text::new(&texts::Denied {
                rules: &named(Effect::Denied),
            })),
            Hold::Wave => Some(Text::new(&texts::WavesMissing {
                rules: &named(Effect::WaveMissing),
            })),
            Hold::Approvals | Hold::Nothing => None,
        }
    }
}

impl Requirement {
    /// How many approvals, from whom, and what asks for them.
    #[must_use]
    pub fn text(&self) -> String {
        let why = match &self.asked_by {
            AskedBy::Rule(rule) => texts::ByRule { rule }.to_string(),
            AskedBy::Default => texts::ByDefault.to_string(),
            AskedBy::File => texts::ByFile.to_string(),
        };
        texts::NeededBy {
            needed: self,
            why: &why,
        }
        .to_string()
    }

    /// Whether enough users have approved.
    #[must_use]
    pub fn is_met(&self) -> bool {
        self.given.len() >= usize::from(self.approvals)
    }
}

/// How many approvals, and from whom.
impl fmt::Display for Requirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let approvals = u64::from(self.approvals);
        if self.from.is_empty() {
            return texts::ApprovalsNeeded { approvals }.fmt(f);
        }
        let groups: Vec<_> = self.from.iter().map(ToString::to_string).collect();
        let groups = &groups.join(", ");
        texts::ApprovalsNeededFrom { approvals, groups }.fmt(f)
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Worth {
                worth: Some(worth),
                max,
            } => texts::WorthOver { worth, max }.fmt(f),
            Self::WorthPerUser {
                worth: Some(worth),
                max,
            } => texts::WorthPerUserOver { worth, max }.fmt(f),
            Self::Worth { worth: None, max } | Self::WorthPerUser { worth: None, max } => {
                texts::WorthUnknown { max }.fmt(f)
            }
            Self::Coupons { coupons, max } => texts::CouponsOver {
                coupons: *coupons,
                max: *max,
            }
            .fmt(f),
            Self::Outside { hours } => texts::SendsOutside { hours }.fmt(f),
            Self::Grew { share, max } => texts::AudienceGrew { share, max }.fmt(f),
            Self::App { is_new: true } => texts::NewApp.fmt(f),
            Self::App { is_new: false } => texts::KnownApp.fmt(f),
            Self::Campaign { pattern } => texts::CampaignNamed { pattern }.fmt(f),
            Self::AppNamed { pattern } => texts::AppNamed { pattern }.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests;
