//! The platform of a simulation: from the options to the settings of the fake platform, and in words.

use std::time::Duration;

use clap::Args;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::catalogue::help;
use crate::cli::failure::Failure;
use crate::cli::sandbox::{FaultArgs, RuleArgs};
use crate::fake_platform::{Repeat, Settings, StreamerPlan};
use crate::report::times::{counted, duration, grouped};
use crate::simulation::{Outage, Outages, World};

use super::times::{self, WrittenOutage};

/// The options that say what the platform is like: the stand-in's own, and outages.
#[derive(Clone, Debug, Args)]
pub struct WorldArgs {
    #[arg(help = help::WorldSeed.to_string())]
    #[arg(long, default_value_t = 0)]
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
            },
            outages: Outages::new(outages.collect()),
        })
    }
}

/// Describes the platform in a few lines.
pub fn words(world: &World, zone: &TimeZone) -> Vec<String> {
    let Settings { rules, faults, seed } = &world.settings;
    let mut quota = format!(
        "at most {} a second",
        counted(rules.per_second.into(), "request", "requests")
    );
    if rules.foreign_load > 0 {
        quota = format!(
            "{quota}, {} of them another sender's",
            grouped(rules.foreign_load.into())
        );
    }
    let (shortest, longest) = faults.latency;
    let answers = if shortest == longest {
        format!("answers in {}", brief(shortest))
    } else {
        format!("answers in {} to {}", brief(shortest), brief(longest))
    };
    let mut users = Vec::new();
    if rules.refuse > 0.0 {
        users.push(format!("{} of users refused", percent(rules.refuse)));
    }
    if rules.inactive > 0.0 {
        users.push(format!("{} of users not active", percent(rules.inactive)));
    }
    if let Some(stock) = rules.stock {
        users.push(format!("{} in stock", counted(stock, "coupon", "coupons")));
    }
    match rules.repeat {
        Repeat::Replay => {}
        Repeat::Duplicate => users.push("a repeated id is answered as a duplicate".to_owned()),
        Repeat::Ignore => users.push("a repeated id is one more coupon".to_owned()),
    }
    match rules.streamer_plan {
        StreamerPlan::None => {}
        StreamerPlan::For(long) => users.push(format!("a streamer's plan for the first {}", duration(long))),
        StreamerPlan::Always => users.push("a streamer's plan that never ends".to_owned()),
    }
    let strikes = faults.shares.iter();
    let strikes: Vec<_> = strikes
        .map(|(fault, share)| format!("{} {}", percent(*share), fault.word()))
        .collect();
    let mut words = vec![format!("{quota}, {answers}, seed {seed}")];
    words.extend((!users.is_empty()).then(|| users.join(", ")));
    words.extend((!strikes.is_empty()).then(|| format!("of all requests {}", strikes.join(", "))));
    words.extend(world.outages.iter().map(|outage| out_of_reach(outage, zone)));
    words
}

fn out_of_reach(outage: &Outage, zone: &TimeZone) -> String {
    let from = outage
        .from
        .to_zoned_datetime(zone.clone())
        .strftime("%a %Y-%m-%d %H:%M");
    let long = crate::model::clock::until(outage.from, outage.until).unwrap_or_default();
    format!("out of reach from {from} on, for {}", duration(long))
}

fn brief(time: Duration) -> String {
    match time.as_millis() {
        ms @ 0..1_000 => format!("{ms} ms"),
        _ => duration(time),
    }
}

fn percent(share: f64) -> String {
    format!("{} %", (share * 1e6).round() / 1e4)
}
