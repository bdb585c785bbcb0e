//! Turns a parsed campaign file into a plan. Pure: it reads no file, clock or environment.

use jiff::Timestamp;

use crate::campaign::{self, BaseUrl, BaseUrlError, Campaign};
use crate::catalogue::{campaign as text, recurrence};
use crate::model::calendar::Calendar;
use crate::model::identity::{ActivityId, CampaignName, Identity, PlatformName};

use super::{AsOf, Audience, Bounds, ExpiryRule, Guard, Halt, InDoubt, Pace, Plan, Retry, Schedule, TurnOrder, Wave};

/// The options of one run, given besides the campaign file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunOptions {
    /// The most deliveries that this run may attempt.
    pub at_most: Option<u64>,
    /// Whether to end instead of waiting for the start, a window, the next day, a wave or another run.
    pub no_wait: bool,
    /// For a rehearsal: the URL of the sandbox, which replaces the file's platform.
    pub sandbox: Option<String>,
}

/// Why a plan cannot be built.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// The campaign recurs, and only one of its occurrences can be planned.
    #[error("{}", recurrence::NoneChosen { campaign })]
    Recurring {
        /// The campaign.
        campaign: CampaignName,
    },
    /// The sandbox's URL is invalid.
    #[error("{}", text::RehearsalUrl { url })]
    SandboxUrl {
        /// The URL as given.
        url: String,
        /// Why it cannot be used.
        source: BaseUrlError,
    },
    /// The sandbox's URL is on another machine, which may be the real platform.
    #[error("{}", text::RehearsalElsewhere { url })]
    SandboxElsewhere {
        /// The URL as given.
        url: String,
    },
}

/// Builds a plan: applies the defaults and resolves everything that the file leaves open.
///
/// A rehearsal ignores times: its schedule has no start and no end, users are judged as of the start, and windows are
/// only shown. Its platform is the sandbox, on any port. A file's own `base_url` counts as a live platform also when it
/// is a loopback address.
///
/// # Errors
/// When a rehearsal's URL cannot be used, or the campaign recurs: see [`Campaign::at_occurrence`].
pub fn build(campaign: &Campaign, options: RunOptions) -> Result<Plan, PlanError> {
    let RunOptions {
        at_most,
        no_wait,
        sandbox,
    } = options;
    if campaign.repeat.is_some() {
        let campaign = campaign.names.campaign.clone();
        return Err(PlanError::Recurring { campaign });
    }
    let rehearsal = sandbox.is_some();
    let (base_url, platform) = platform(campaign, sandbox)?;
    let names = &campaign.names;
    Ok(Plan {
        identity: Identity {
            campaign: names.campaign.clone(),
            app_id: names.app_id.clone(),
            platform,
        },
        activity_id: names.activity_id.clone().unwrap_or_else(ActivityId::not_created),
        activity: campaign.declared_activity(),
        base_url,
        coupons_per_user: campaign.coupons.per_user(),
        max_coupons: campaign.coupons.most.unwrap_or(u64::MAX),
        coupon_value: campaign.coupons.value,
        max_worth: campaign.coupons.max_worth,
        audience: audience(campaign, rehearsal),
        schedule: schedule(campaign, rehearsal),
        pace: pace(&campaign.pace),
        retry: retry(&campaign.retry),
        halt: halt(&campaign.halt),
        codes: campaign.codes.clone(),
        run: Bounds {
            at_most: at_most.unwrap_or(u64::MAX),
            no_wait,
        },
    })
}

fn platform(campaign: &Campaign, sandbox: Option<String>) -> Result<(String, PlatformName), PlanError> {
    if let Some(url) = sandbox {
        let base_url = BaseUrl::parse(&url).map_err(|source| PlanError::SandboxUrl {
            url: url.clone(),
            source,
        })?;
        if !base_url.is_loopback() {
            return Err(PlanError::SandboxElsewhere { url });
        }
        return Ok((base_url.as_str().to_owned(), PlatformName::FakePlatform));
    }
    let base_url = campaign.platform.base_url().as_str().to_owned();
    Ok((base_url.clone(), PlatformName::Live(base_url)))
}

fn audience(campaign: &Campaign, rehearsal: bool) -> Audience {
    let said = &campaign.audience;
    Audience {
        limit: said.limit.unwrap_or(u64::MAX),
        order: match said.order() {
            campaign::Order::ExpiringFirst => TurnOrder::ExpiringFirst,
            campaign::Order::AsListed => TurnOrder::AsListed,
        },
        control_group: said.control_group.unwrap_or_default(),
        lapse: said.active_within.map_or(ExpiryRule::Never, ExpiryRule::After),
        as_of: match campaign.schedule.start {
            Some(start) if rehearsal => AsOf::From(start),
            _ => AsOf::Wall,
        },
        allow_empty: said.allow_empty(),
        max_unusable: said.max_unusable(),
    }
}

fn schedule(campaign: &Campaign, rehearsal: bool) -> Schedule {
    let said = &campaign.schedule;
    let hours = said.calendar(&campaign.timezone);
    let waves = said.waves.iter().flatten().map(|wave| Wave {
        share: wave.share,
        wait: wave.wait,
        not_issued: wave.halt_if_not_issued.unwrap_or(1.0),
    });
    let testers = campaign.audience.testers.as_ref().map(|_| Wave::TESTERS);
    let waves = testers.into_iter().chain(waves).collect();
    if rehearsal {
        return Schedule {
            start: Timestamp::MIN,
            end: Timestamp::MAX,
            hours: Calendar::always(),
            shown: hours,
            zone: campaign.timezone.clone(),
            waves,
            waits: false,
            approvals: false,
        };
    }
    Schedule {
        start: said.start.unwrap_or(Timestamp::MIN),
        end: said.end.unwrap_or(Timestamp::MAX),
        hours,
        shown: Calendar::always(),
        zone: campaign.timezone.clone(),
        waves,
        waits: true,
        approvals: true,
    }
}

fn pace(said: &campaign::Pace) -> Pace {
    Pace {
        per_second: said.per_second(),
        max_in_flight: said.max_in_flight(),
        per_day: said.per_day.unwrap_or(u64::MAX),
    }
}

fn retry(said: &campaign::Retry) -> Retry {
    Retry {
        attempts: said.attempts(),
        first_delay: said.first_delay(),
        max_delay: said.max_delay(),
        timeout: said.timeout(),
        in_doubt: match said.in_doubt() {
            campaign::InDoubt::Resend => InDoubt::Resend,
            campaign::InDoubt::Ask => InDoubt::Ask,
        },
        resend_within: said.resend_within(),
        give_up: said.give_up(),
    }
}

fn halt(said: &campaign::Halt) -> Halt {
    let guard = |said: campaign::Guard| Guard {
        over: said.over,
        after: said.after,
    };
    Halt {
        refused: guard(said.refused()),
        held: guard(said.held()),
        same_code: said.same_code(),
    }
}

#[cfg(test)]
mod tests;
