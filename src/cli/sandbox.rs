//! `runner sandbox`: serves the fake platform, for rehearsals and tests.

use std::fmt::Write as _;
use std::io;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use jiff::SignedDuration;
use serde::Serialize;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use crate::catalogue::{help, sandbox as text};
use crate::fake_platform::{
    BillForm, BillLie, Fault, FaultSettings, RecordSettings, Repeat, RepeatedActivity, RuleSettings, ServeError,
    Settings, StreamerPlan, TemplateSettings, Totals, serve,
};

use crate::report::times::grouped;

use super::context::Context;
use super::global_args::Output;
use super::number::whole;

/// The options of `runner sandbox`.
#[derive(Clone, Debug, Args)]
#[command(after_help = help::SandboxExamples.to_string())]
pub struct SandboxArgs {
    #[arg(help = help::SandboxPort.to_string())]
    #[arg(long, default_value_t = 8080, value_parser = whole(0..=u16::MAX))]
    pub port: u16,
    #[arg(help = help::SandboxSeed.to_string())]
    #[arg(long, default_value_t = 0, value_parser = whole(0..=u64::MAX))]
    pub seed: u64,
    #[arg(help = help::SandboxLog.to_string())]
    #[arg(long, value_name = "FILE")]
    pub log: Option<PathBuf>,
    #[command(flatten)]
    pub rules: RuleArgs,
    #[arg(help = help::SandboxAccessToken.to_string())]
    #[arg(long, value_name = "TOKEN", help_heading = help::HeadingRules.to_string())]
    pub access_token: Option<String>,
    #[arg(help = help::RuleRepeatActivity.to_string())]
    #[arg(long, value_name = "replay|duplicate", default_value = "replay", value_parser = repeat_activity, help_heading = help::HeadingRules.to_string())]
    pub repeat_activity: RepeatedActivity,
    #[arg(help = help::RuleTemplateStock.to_string())]
    #[arg(long, value_name = "N", value_parser = whole(0..=u64::MAX), help_heading = help::HeadingRules.to_string())]
    pub template_stock: Option<u64>,
    #[arg(help = help::RuleTemplateBegins.to_string())]
    #[arg(long, value_name = "TIME", default_value = "0", value_parser = time, help_heading = help::HeadingRules.to_string())]
    pub template_begins: Duration,
    #[arg(help = help::RuleTemplateEnds.to_string())]
    #[arg(long, value_name = "TIME", value_parser = time, help_heading = help::HeadingRules.to_string())]
    pub template_ends: Option<Duration>,
    #[arg(help = help::RuleNoTemplate.to_string())]
    #[arg(long, help_heading = help::HeadingRules.to_string())]
    pub no_template: bool,
    #[command(flatten)]
    pub faults: FaultArgs,
    #[command(flatten)]
    pub records: RecordArgs,
}

/// How strict the sandbox is.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = help::HeadingRules.to_string())]
pub struct RuleArgs {
    #[arg(help = help::RulePerSecond.to_string())]
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = whole(1..=u32::MAX))]
    pub per_second: u32,
    #[arg(help = help::RuleForeignLoad.to_string())]
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = whole(0..=u32::MAX))]
    pub foreign_load: u32,
    #[arg(help = help::RuleTokenTtl.to_string())]
    #[arg(long, value_name = "TIME", default_value = "2h", value_parser = time)]
    pub token_ttl: Duration,
    #[arg(help = help::RuleNoStableToken.to_string())]
    #[arg(long)]
    pub no_stable_token: bool,
    #[arg(help = help::RuleRefuse.to_string())]
    #[arg(long, value_name = "SHARE", default_value = "2%", value_parser = share)]
    pub refuse: f64,
    #[arg(help = help::RuleInactive.to_string())]
    #[arg(long, value_name = "SHARE", default_value = "0%", value_parser = share)]
    pub inactive: f64,
    #[arg(help = help::RuleStock.to_string())]
    #[arg(long, value_name = "N", value_parser = whole(0..=u64::MAX))]
    pub stock: Option<u64>,
    #[arg(help = help::RuleRepeat.to_string())]
    #[arg(long, value_name = "replay|duplicate|ignore", default_value = "replay", value_parser = repeat)]
    pub repeat: Repeat,
    #[arg(help = help::RuleStreamerPlan.to_string())]
    #[arg(long, value_name = "TIME", num_args = 0..=1, require_equals = true, default_missing_value = "always", value_parser = streamer_plan)]
    pub streamer_plan: Option<StreamerPlan>,
}

/// What goes wrong, each with a share of all requests. A resend has a fate of its own.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = help::HeadingFaults.to_string())]
pub struct FaultArgs {
    #[arg(help = help::FaultLatency.to_string())]
    #[arg(long, value_name = "TIME[..TIME]", default_value = "40ms..100ms", value_parser = latency)]
    pub latency: (Duration, Duration),
    #[arg(help = help::FaultBusy.to_string())]
    #[arg(long, value_name = "SHARE", value_parser = share)]
    pub busy: Option<f64>,
    #[arg(help = help::FaultNetworkError.to_string())]
    #[arg(long, value_name = "SHARE", value_parser = share)]
    pub network_error: Option<f64>,
    #[arg(help = help::FaultDrop.to_string())]
    #[arg(long, value_name = "SHARE", value_parser = share)]
    pub drop: Option<f64>,
    #[arg(help = help::FaultLoseAnswers.to_string())]
    #[arg(long, value_name = "SHARE", value_parser = share)]
    pub lose_answers: Option<f64>,
    #[arg(help = help::FaultCutBody.to_string())]
    #[arg(long, value_name = "SHARE", value_parser = share)]
    pub cut_body: Option<f64>,
    #[arg(help = help::FaultGarbage.to_string())]
    #[arg(long, value_name = "SHARE", value_parser = share)]
    pub garbage: Option<f64>,
    #[arg(help = help::FaultBadGateway.to_string())]
    #[arg(long, value_name = "SHARE", value_parser = share)]
    pub bad_gateway: Option<f64>,
    #[arg(help = help::FaultHang.to_string())]
    #[arg(long, value_name = "SHARE", value_parser = share)]
    pub hang: Option<f64>,
    #[arg(help = help::FaultThrottle.to_string())]
    #[arg(long, value_name = "SHARE", value_parser = share)]
    pub throttle: Option<f64>,
    #[arg(help = help::FaultRepeatAnswers.to_string())]
    #[arg(long, value_name = "SHARE", value_parser = share)]
    pub repeat_answers: Option<f64>,
}

/// How the sandbox answers about its records.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = help::HeadingRecords.to_string())]
pub struct RecordArgs {
    #[arg(help = help::RecordCountDelay.to_string())]
    #[arg(long, value_name = "TIME", default_value = "0", value_parser = time)]
    pub count_delay: Duration,
    #[arg(help = help::RecordBillAfter.to_string())]
    #[arg(long, value_name = "TIME", default_value = "0", value_parser = time)]
    pub bill_after: Duration,
    #[arg(help = help::RecordBillForm.to_string())]
    #[arg(long, value_name = "FORM", default_value = "plain", value_parser = bill_form)]
    pub bill_form: BillForm,
    #[arg(help = help::RecordBillLie.to_string())]
    #[arg(long, value_name = "LIE", default_value = "none", value_parser = bill_lie)]
    pub bill_lie: BillLie,
    #[arg(help = help::RecordUsed.to_string())]
    #[arg(long, value_name = "SHARE", default_value = "0%", value_parser = share)]
    pub used: f64,
    #[arg(help = help::RecordStreamerCoupons.to_string())]
    #[arg(long, value_name = "SHARE", default_value = "0%", value_parser = share)]
    pub streamer_coupons: f64,
    #[arg(help = help::RecordOtherCoupons.to_string())]
    #[arg(long, value_name = "SHARE", default_value = "0%", value_parser = share)]
    pub other_coupons: f64,
}

impl RecordArgs {
    /// Converts the options to settings.
    #[must_use]
    pub fn settings(&self) -> RecordSettings {
        RecordSettings {
            count_delay: self.count_delay,
            bill_after: self.bill_after,
            bill_form: self.bill_form,
            bill_lie: self.bill_lie,
            used: self.used,
            streamer_coupons: self.streamer_coupons,
            other_coupons: self.other_coupons,
            ..RecordSettings::default()
        }
    }
}

/// Why `runner sandbox` failed.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// The shares of faults add up to more than 100%.
    #[error("{}", text::FaultShares { percent: &format_args!("{percent:.1}") })]
    Shares {
        /// Their sum.
        percent: f64,
    },
    /// The port is in use or not allowed.
    #[error("{}", text::CannotListen { port })]
    Listen {
        /// The port.
        port: u16,
        /// The system's error.
        source: io::Error,
    },
    /// The process cannot listen for signals.
    #[error("{}", text::CannotListenForSignals)]
    Signals(#[source] io::Error),
    /// The address could not be written to stdout.
    #[error("{}", text::CannotPrintAddress)]
    Stdout(#[source] io::Error),
    /// Serving failed.
    #[error(transparent)]
    Serve(#[from] ServeError),
}

impl SandboxArgs {
    /// Converts the options to settings.
    pub fn settings(&self) -> Result<Settings, SandboxError> {
        Ok(Settings {
            seed: self.seed,
            rules: RuleSettings {
                access_token: self.access_token.clone(),
                repeated_activity: self.repeat_activity,
                template: TemplateSettings {
                    stock: self.template_stock,
                    begins: self.template_begins,
                    ends: self.template_ends,
                    is_missing: self.no_template,
                },
                ..self.rules.settings()
            },
            faults: self.faults.settings()?,
            records: self.records.settings(),
        })
    }
}

impl RuleArgs {
    /// Converts the options to settings.
    #[must_use]
    pub fn settings(&self) -> RuleSettings {
        RuleSettings {
            per_second: self.per_second,
            foreign_load: self.foreign_load,
            token_ttl: self.token_ttl,
            stable_token: !self.no_stable_token,
            access_token: None,
            refuse: self.refuse,
            inactive: self.inactive,
            stock: self.stock,
            repeat: self.repeat,
            repeated_activity: RepeatedActivity::default(),
            template: TemplateSettings::default(),
            streamer_plan: self.streamer_plan.unwrap_or(StreamerPlan::None),
        }
    }
}

impl FaultArgs {
    /// Converts the options to settings.
    pub fn settings(&self) -> Result<FaultSettings, SandboxError> {
        let given = [
            (Fault::Busy, self.busy),
            (Fault::NetworkError, self.network_error),
            (Fault::Drop, self.drop),
            (Fault::LoseAnswer, self.lose_answers),
            (Fault::CutBody, self.cut_body),
            (Fault::Garbage, self.garbage),
            (Fault::BadGateway, self.bad_gateway),
            (Fault::Hang, self.hang),
            (Fault::Throttle, self.throttle),
            (Fault::RepeatAnswer, self.repeat_answers),
        ];
        let shares: Vec<_> = given
            .into_iter()
            .filter_map(|(fault, share)| Some((fault, share?)))
            .collect();
        let sum: f64 = shares.iter().map(|(_, share)| share).sum();
        // Ten times 0.1 is not exactly 1.
        if sum > 1.0 + 1e-9 {
            return Err(SandboxError::Shares { percent: sum * 100.0 });
        }
        Ok(FaultSettings {
            latency: self.latency,
            shares,
        })
    }
}

/// Serves until ^C or SIGTERM. Prints one line, `listening on URL`, once requests are answered, and totals on stderr at the
/// end.
pub async fn run(args: &SandboxArgs, context: &Context) -> Result<(), SandboxError> {
    let settings = args.settings()?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(SandboxError::Signals)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(SandboxError::Signals)?;
    let refused = |source| SandboxError::Listen {
        port: args.port,
        source,
    };
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, args.port))
        .await
        .map_err(refused)?;
    let address = listener.local_addr().map_err(refused)?;
    say(&format!("http://{address}"), context).map_err(SandboxError::Stdout)?;
    let told = async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    };
    let totals = serve(listener, settings, args.log.clone(), told).await?;
    context.console.print(&summary(&totals));
    Ok(())
}

#[derive(Serialize)]
struct Listening<'a> {
    r#type: &'static str,
    url: &'a str,
}

fn say(url: &str, context: &Context) -> io::Result<()> {
    if context.output == Output::Json {
        context.lines.write(&Listening {
            r#type: "listening",
            url,
        });
        context.lines.flush();
        return Ok(());
    }
    context.console.out(&format!("{}\n", text::Listening { url: &url }))?;
    context.talk(&format!("{}\n", text::WhatNext { url: &url }));
    Ok(())
}

fn summary(totals: &Totals) -> String {
    let requests = text::SummaryRequests {
        requests: totals.requests,
        within_second: totals.harshest_second,
    };
    let coupons = text::SummaryCoupons {
        coupons: totals.issued,
        with_coupon: totals.users_with_coupon,
        users: totals.users,
    };
    let repeats = text::SummaryRepeats {
        replayed: totals.replayed,
        twice: totals.ids_issued_twice,
    };
    let mut summary = format!("{requests}\n{coupons}\n{repeats}\n");
    for count in &totals.codes {
        let code = text::SummaryCode {
            code: &count.code,
            message: &count.message,
        };
        // Writing to a string cannot fail.
        let _ = writeln!(summary, "  {:>9}  {code}", grouped(count.n));
    }
    for (fault, n) in &totals.faults {
        let _ = writeln!(summary, "  {:>9}  {}", grouped(*n), text::SummaryFault { fault });
    }
    summary
}

/// Parses a duration.
pub(super) fn time(typed: &str) -> Result<Duration, String> {
    if typed == "0" {
        return Ok(Duration::ZERO);
    }
    let time = typed.parse::<SignedDuration>().ok();
    time.and_then(|time| Duration::try_from(time).ok())
        .ok_or_else(|| text::WriteTime.to_string())
}

fn latency(typed: &str) -> Result<(Duration, Duration), String> {
    let (shortest, longest) = typed.split_once("..").unwrap_or((typed, typed));
    let shortest = time(shortest)?;
    let longest = time(longest)?;
    if shortest > longest {
        return Err(text::ShortestFirst.to_string());
    }
    Ok((shortest, longest))
}

fn share(typed: &str) -> Result<f64, String> {
    let share = match typed.strip_suffix('%') {
        Some(percent) => percent.parse::<f64>().map(|percent| percent / 100.0),
        None => typed.parse(),
    };
    let share = share.ok().filter(|share| (0.0..=1.0).contains(share));
    share.ok_or_else(|| text::WriteShare.to_string())
}

fn repeat(typed: &str) -> Result<Repeat, String> {
    match typed {
        "replay" => Ok(Repeat::Replay),
        "duplicate" => Ok(Repeat::Duplicate),
        "ignore" => Ok(Repeat::Ignore),
        _ => Err(text::WriteRepeat.to_string()),
    }
}

fn bill_form(typed: &str) -> Result<BillForm, String> {
    let found = BillForm::ALL.into_iter().find(|form| form.word() == typed);
    found.ok_or_else(|| {
        text::WriteWord {
            words: &BillForm::ALL.map(BillForm::word).join(", "),
        }
        .to_string()
    })
}

fn bill_lie(typed: &str) -> Result<BillLie, String> {
    let found = BillLie::ALL.into_iter().find(|lie| lie.word() == typed);
    found.ok_or_else(|| {
        text::WriteWord {
            words: &BillLie::ALL.map(BillLie::word).join(", "),
        }
        .to_string()
    })
}

fn repeat_activity(typed: &str) -> Result<RepeatedActivity, String> {
    match typed {
        "replay" => Ok(RepeatedActivity::Replay),
        "duplicate" => Ok(RepeatedActivity::Duplicate),
        _ => Err(text::WriteRepeatActivity.to_string()),
    }
}

fn streamer_plan(typed: &str) -> Result<StreamerPlan, String> {
    match typed {
        "always" => Ok(StreamerPlan::Always),
        _ => time(typed).map(StreamerPlan::For),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        args: SandboxArgs,
    }

    fn settings(flags: &str) -> Settings {
        let line = Line::try_parse_from(std::iter::once("sandbox").chain(flags.split_whitespace()));
        line.unwrap().args.settings().unwrap()
    }

    fn refused(flags: &str) -> String {
        match Line::try_parse_from(std::iter::once("sandbox").chain(flags.split_whitespace())) {
            Err(error) => error.to_string(),
            Ok(line) => line.args.settings().unwrap_err().to_string(),
        }
    }

    #[test]
    fn without_options_it_is_the_sandbox_of_a_rehearsal() {
        assert_eq!(settings(""), Settings::default());
    }

    #[test]
    fn options_mean_what_they_say() {
        let all = settings("--latency 5ms --busy 2% --hang 0.5 --streamer-plan=10m --stock 7 --refuse 0% --seed 9");
        assert_eq!(all.faults.latency, (Duration::from_millis(5), Duration::from_millis(5)));
        assert_eq!(all.faults.shares, [(Fault::Busy, 0.02), (Fault::Hang, 0.5)]);
        assert_eq!(all.rules.streamer_plan, StreamerPlan::For(Duration::from_mins(10)));
        assert_eq!((all.rules.stock, all.seed), (Some(7), 9));
        assert!(all.rules.refuse.abs() < f64::EPSILON);
        assert_eq!(settings("--streamer-plan").rules.streamer_plan, StreamerPlan::Always);
        assert_eq!(settings("--latency 0").faults.latency.1, Duration::ZERO);
    }

    #[test]
    fn nonsense_is_refused_with_what_to_write() {
        for (flags, help) in [
            ("--busy 101%", "0% to 100%"),
            ("--busy NaN", "0% to 100%"),
            ("--latency 100ms..40ms", "shortest time comes first"),
            ("--latency soon", "such as 40ms"),
            ("--token-ttl=-5s", "such as 40ms"),
            ("--repeat twice", "replay, duplicate or ignore"),
            ("--per-second 0", "1"),
            ("--port 65536", "65535"),
            ("--busy 60% --drop 60%", "120.0%"),
        ] {
            let text = refused(flags);
            assert!(text.contains(help), "{flags}: {text}");
        }
    }
}
