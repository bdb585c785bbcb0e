//! `runner reconcile`: compares a ledger with the platform's own records.

mod columns_text;
mod objects;
mod screens;
mod watch;

use clap::{Args, ValueEnum};

use crate::app::occurrences::Choice;
use crate::app::reconcile::{AcceptedRecords, BillVerdict, Compared, Comparison, Request, Step, Why, preview};
use crate::app::{LoadedCampaign, credentials};
use crate::campaign::{Bill, BillColumns};
use crate::catalogue::reconcile as text;
use crate::model::problem::Problem;
use crate::report::text::{visible, wrap_prose};

use super::busy::Busy;
use super::by_args::ByArgs;
use super::campaign_args::CampaignArgs;
use super::context::Context;
use super::exit::Exit;
use super::failure::Failure;
use super::global_args::Output;
use super::load;
use super::number::whole;
use super::runtime::block_on;
use super::terminal::stdout_width_or_any;
use super::typed::again;

use self::watch::{Reconciled, watch};

/// A larger sample is no spot check.
const MOST_SAMPLE: usize = 100_000;

/// The arguments of `runner reconcile`.
#[derive(Clone, Debug, Args)]
#[command(after_help = text::Examples.to_string())]
pub struct ReconcileArgs {
    #[command(flatten)]
    campaign: CampaignArgs,
    #[arg(help = text::OptionDryRun.to_string())]
    #[arg(long, conflicts_with_all = ["accept", "columns"])]
    dry_run: bool,
    #[arg(help = text::OptionAccept.to_string())]
    #[arg(long, value_name = "count|bill", value_delimiter = ',', hide_possible_values = true)]
    accept: Vec<Accepts>,
    #[arg(help = text::OptionColumns.to_string())]
    #[arg(long, value_name = "NAME=COLUMN,...", value_parser = columns)]
    columns: Option<BillColumns>,
    #[arg(help = text::OptionSample.to_string())]
    #[arg(long, value_name = "N", default_value_t = 10, hide_default_value = true, value_parser = whole(0..=MOST_SAMPLE))]
    sample: usize,
    #[arg(help = text::OptionWatch.to_string())]
    #[arg(long, conflicts_with = "dry_run")]
    watch: bool,
    #[command(flatten)]
    by: ByArgs,
}

/// A record that a person accepts as proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Accepts {
    /// The platform's count.
    Count,
    /// The absence from every bill.
    Bill,
}

/// Compares a ledger with the platform's own records.
pub fn run(args: &ReconcileArgs, context: &Context) -> Result<Exit, Failure> {
    let Some(campaign) = load::campaign_at(&args.campaign, Choice::Only, context)? else {
        return Ok(Exit::Input);
    };
    block_on(Box::pin(async {
        if args.dry_run {
            return Box::pin(show_preview(context, &campaign, args.sample)).await;
        }
        if args.watch {
            let compare = async || Box::pin(reconcile(args, context, &campaign)).await;
            let end = |compared: &Compared| end(&campaign, compared);
            return Box::pin(watch(context, &campaign, compare, end)).await;
        }
        let reconciled = Box::pin(reconcile(args, context, &campaign)).await?;
        reconciled.map_or(Ok(Exit::Input), |reconciled| end(&campaign, &reconciled.compared))
    }))?
}

async fn show_preview(context: &Context, campaign: &LoadedCampaign, sample: usize) -> Result<Exit, Failure> {
    let preview = Box::pin(preview(campaign, sample)).await?;
    match context.output {
        Output::Json => context.lines.write(&objects::PreviewObject::new(campaign, &preview)),
        Output::Human => {
            let shown = screens::preview(campaign, &preview, stdout_width_or_any());
            context.data(&wrap_prose(&shown, stdout_width_or_any()))?;
        }
    }
    Ok(Exit::Done)
}

/// Compares, and shows the result. `None` if a secret is missing, which was shown.
async fn reconcile(
    args: &ReconcileArgs,
    context: &Context,
    campaign: &LoadedCampaign,
) -> Result<Option<Reconciled>, Failure> {
    let Ok(credentials) = credentials::resolve(&campaign.parsed, &campaign.at.rehearsal)
        .map_err(|mistake| load::show(&[*mistake], context))
    else {
        return Ok(None);
    };
    let settings = &campaign.parsed.campaign;
    let request = Request {
        coupon_meta_id: settings.names.coupon_meta_id.clone(),
        bill: Bill {
            columns: args.columns.clone().or_else(|| settings.bill.columns.clone()),
            ..settings.bill.clone()
        },
        timeout: campaign.plan.retry.timeout,
        accepted: AcceptedRecords {
            count: args.accept.contains(&Accepts::Count),
            bill: args.accept.contains(&Accepts::Bill),
        },
        sample: args.sample,
        by: args.by.actor(),
        is_rehearsal: campaign.at.rehearsal.is_on(),
        clock: campaign.environment.clock.clone(),
    };
    let mut comparison = Comparison::begin(campaign).await?;
    let result = async {
        let records = comparison.connect(credentials).await?;
        let busy = Busy::new("", context);
        let line = busy.text();
        comparison
            .compare(&records, &request, &mut |step| line.say(doing(step)))
            .await
    }
    .await;
    let compared = match result {
        Ok(compared) => compared,
        Err(error) => {
            Box::pin(comparison.release()).await;
            return Err(error.into());
        }
    };
    let is_complete = comparison.ledger_state().counts().complete();
    // The ledger is released before anything is written: a reader of stdout may be slow.
    match context.output {
        Output::Json => {
            let objects = objects::objects(campaign, &compared, comparison.ledger_state());
            Box::pin(comparison.release()).await;
            for object in &objects {
                context.lines.write(object);
            }
        }
        Output::Human => {
            let shown = screens::compared(
                campaign,
                &request,
                &compared,
                comparison.ledger_state(),
                stdout_width_or_any(),
            );
            Box::pin(comparison.release()).await;
            context.data(&wrap_prose(&shown, stdout_width_or_any()))?;
        }
    }
    Ok(Some(Reconciled { compared, is_complete }))
}

/// What is done at the moment.
fn doing(step: Step) -> String {
    match step {
        Step::Counts => text::DoingCounts.to_string(),
        Step::Users { asked, all } => text::DoingUsers { asked, all }.to_string(),
        Step::Spots { asked, all } => text::DoingSpots { asked, all }.to_string(),
        Step::Bill(day) => text::DoingBill { day: &day }.to_string(),
        Step::Comparing => text::DoingComparing.to_string(),
    }
}

/// How the command ends: a record that contradicts the ledger is a failure, and so is a question that only a person can answer.
fn end(campaign: &LoadedCampaign, compared: &Compared) -> Result<Exit, Failure> {
    let is_bad = |verdict: &BillVerdict| matches!(verdict, BillVerdict::Lacks { .. } | BillVerdict::Flawed(_));
    let bad = compared
        .bills
        .iter()
        .filter_map(|bill| bill.read.as_ref())
        .find(|read| is_bad(&read.verdict));
    if let Some(bad) = bad {
        return Err(
            Failure::new(Problem::UntrustedBill, text::UntrustedBill { day: &bad.day })
                .because([screens::bill_verdict(&bad.verdict, bad.rows)])
                .help(text::UntrustedBillHelp),
        );
    }
    if !compared.spots.differ.is_empty() {
        let n = compared.spots.differ.len() as u64;
        return Err(Failure::new(Problem::CouponsDiffer, text::CouponsDiffer { n }).help(text::CouponsDifferHelp));
    }
    if compared.open.iter().any(|open| open.why == Why::NoColumns) {
        let failure = Failure::new(Problem::BillColumns, text::ColumnsUnconfirmed);
        return Err(match &compared.proposal {
            Some(proposal) => failure.help(text::ColumnsHelp {
                command: &format!(
                    "{} --columns '{}'",
                    again("reconcile", &campaign.at),
                    columns_text::written(proposal)
                ),
            }),
            None => failure.help(text::ColumnsUnknownHelp),
        });
    }
    let is_settled = compared.in_doubt() == 0;
    Ok(match (is_settled, compared.can_go_on()) {
        (true, _) => Exit::Done,
        (false, true) => Exit::Incomplete,
        (false, false) => Exit::NeedsPerson,
    })
}

/// Parses the columns of bills: `coupon_id=券ID,open_id=2`.
fn columns(typed: &str) -> Result<BillColumns, String> {
    let mut columns = BillColumns::default();
    for pair in typed.split(',').filter(|pair| !pair.trim().is_empty()) {
        let (name, column) = pair
            .split_once('=')
            .ok_or_else(|| text::ColumnsForm { pair: &visible(pair) }.to_string())?;
        let column = column.trim().to_owned();
        if column.is_empty() {
            return Err(text::ColumnsForm { pair: &visible(pair) }.to_string());
        }
        match name.trim() {
            "coupon_id" => columns.coupon_id = column,
            "open_id" => columns.open_id = column,
            "receive_time" => columns.receive_time = Some(column),
            "merchant_meta_no" => columns.merchant_meta_no = Some(column),
            "coupon_meta_id" => columns.coupon_meta_id = Some(column),
            "activity_id" => columns.activity_id = Some(column),
            other => return Err(text::ColumnsName { name: &visible(other) }.to_string()),
        }
    }
    if columns.coupon_id.is_empty() || columns.open_id.is_empty() {
        return Err(text::ColumnsRequired.to_string());
    }
    Ok(columns)
}
