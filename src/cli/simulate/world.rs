//! The platform of a simulation: from the options to the settings of the fake platform, and in words.

use std::time::Duration;

use clap::Args;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::catalogue::{help, simulation as texts};
use crate::cli::failure::Failure;
use crate::cli::number::whole;
use crate::cli::sandbox::{FaultArgs, RuleArgs};
use crate::fake_platform::{Repeat, Settings, StreamerPlan};
use crate::model::clock::until;
use crate::report::lists::joined;
use crate::report::render::terminal::simulation::day_and_time;
use crate::report::times::duration;
use crate::simulation::{Outage, Outages, World};

use super::times::{self, WrittenOutage};

/// The options that say what the platform is like: the sandbox's own, and outages.
#[derive(Clone, Debug, Args)]
pub struct WorldArgs {
    #[arg(help = help::WorldSeed.to_string())]
    #[arg(long, default_value_t = 0, value_parser = whole(0..=u64::MAX))]
    pub seed: u64,
    #[command(flatten)]
    rules: RuleArgs,
    #[command(flatten)]
    faults: FaultArgs,
    #[arg(help = help::WorldOutage.to_string())]
    #[arg(long, value_name = "TIME+LENGTH", value_parser = times::outage, help_heading = help::HeadingFaults.to_string())]
    outage: Vec<WrittenOutage>,
}

impl WorldArgs {
    /// Converts the options to settings, for a campaign in `zone` that does not begin before `begins`.
    pub fn world(&self, zone: &TimeZone, begins: Timestamp) -> Result<World, Failure> {
        let outages = self.outage.iter().filter_map(|outage| outage.outage(zone, begins));
        Ok(World {
            settings: Settings {
                seed: self.seed,
                rules: self.rules.settings(),
                faults: self.faults.settings()?,
                ..Settings::default()
            },
            outages: Outages::new(outages.collect()),
        })
    }
}

/// Describes the platform in a few lines.
pub fn words(world: &World, zone: &TimeZone) -> Vec<String> {
    let Settings {
        rules, faults, seed, ..
    } = &world.settings;
    let (shortest, longest) = faults.latency;
    let latency = if shortest == longest {
        brief(shortest)
    } else {
        texts::LatencyBetween {
            shortest: &brief(shortest),
            longest: &brief(longest),
        }
        .to_string()
    };
    let requests = rules.per_second.into();
    let quota = match rules.foreign_load.into() {
        0 => texts::Quota {
            requests,
            latency: &latency,
            seed,
        }
        .to_string(),
        foreign => texts::QuotaShared {
            requests,
            foreign,
            latency: &latency,
            seed,
        }
        .to_string(),
    };
    let mut users = Vec::new();
    if rules.refuse > 0.0 {
        let share = percent(rules.refuse);
        users.push(texts::UsersRefused { share: &share }.to_string());
    }
    if rules.inactive > 0.0 {
        let share = percent(rules.inactive);
        users.push(texts::UsersInactive { share: &share }.to_string());
    }
    users.extend(rules.stock.map(|coupons| texts::Stock { coupons }.to_string()));
    match rules.repeat {
        Repeat::Replay => {}
        Repeat::Duplicate => users.push(texts::RepeatDuplicate.to_string()),
        Repeat::Ignore => users.push(texts::RepeatIgnored.to_string()),
    }
    match rules.streamer_plan {
        StreamerPlan::None => {}
        StreamerPlan::For(long) => {
            let long = duration(long);
            users.push(texts::StreamerPlanFor { long: &long }.to_string());
        }
        StreamerPlan::Always => users.push(texts::StreamerPlanAlways.to_string()),
    }
    let strikes = joined(faults.shares.iter().map(|(fault, share)| {
        texts::Fault {
            share: &percent(*share),
            fault: &fault.word(),
        }
        .to_string()
    }));
    let users = joined(users);
    let mut words = vec![quota];
    words.extend((!users.is_empty()).then_some(users));
    words.extend((!strikes.is_empty()).then(|| texts::Faults { faults: &strikes }.to_string()));
    words.extend(world.outages.iter().map(|outage| out_of_reach(outage, zone)));
    words
}

fn out_of_reach(outage: &Outage, zone: &TimeZone) -> String {
    texts::OutOfReach {
        from: &day_and_time(outage.from, zone),
        long: &duration(until(outage.from, outage.until).unwrap_or_default()),
    }
    .to_string()
}

fn brief(time: Duration) -> String {
    match time.as_millis() {
        ms @ 0..1_000 => texts::Milliseconds { ms: &ms }.to_string(),
        _ => duration(time),
    }
}

fn percent(share: f64) -> String {
    format!("{} %", (share * 1e6).round() / 1e4)
}
