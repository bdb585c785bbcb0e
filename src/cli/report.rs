//! `runner report`: writes one page about how a campaign went.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use crate::delivery::{DeliveryKey, Standing, StateName};
use crate::engine::next::{Next, Waits, next};
use crate::identity::{AppId, CampaignName, OpenId};
use crate::ledger::{Book, Fact};
use crate::plan::Plan;
use crate::problem::Problem;
use crate::report::html::history::History;
use crate::report::html::{self, About, Open, Report};

use super::exit::Exit;
use super::failure::Failure;
use super::home::again;
use super::view::{self, CampaignArgs, View};
use super::{Context, Output, validate, whole_file};

/// How many deliveries are listed one by one. An export has all of them.
const MOST_LISTED: usize = 100;

const EXAMPLES: &str = "\
Examples:
  runner report campaigns/summer.yaml -o report.html
      how the campaign went, as one page that needs nothing else
  runner report campaigns/summer.yaml --sandbox -o rehearsal.html
      the same of its rehearsal";

/// The arguments of `runner report`.
#[derive(Clone, Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct ReportArgs {
    /// Which campaign.
    #[command(flatten)]
    pub campaign: CampaignArgs,
    /// Where the page goes; what was there is replaced once it is whole
    #[arg(short, value_name = "PAGE", required = true)]
    pub out: PathBuf,
}

#[derive(Serialize)]
struct Object<'a> {
    r#type: &'static str,
    campaign: &'a CampaignName,
    app_id: &'a AppId,
    file: String,
}

/// Writes the page.
pub fn run(args: &ReportArgs, context: &Context) -> Result<Exit, Failure> {
    let Some(parsed) = validate::usable(&args.campaign.file, context) else {
        return Ok(Exit::Input);
    };
    let plan = view::plan_of(&parsed, &args.campaign.rehearsal)?;
    let names = &parsed.campaign.names;
    let report = super::wait(async {
        let mut view = view::opened(context, &args.campaign, &plan).await?;
        let about = About {
            campaign: names.campaign.clone(),
            title: names.title.clone(),
            app_id: names.app_id.clone(),
            activity_id: names.activity_id.clone(),
            platform: plan.identity.platform.clone(),
            ledger: view.dir.clone(),
            zone: parsed.campaign.timezone.clone(),
            now: context.clock.now(),
            per_second: plan.pace.per_second,
            again: again("apply", &args.campaign.rehearsal, context, &args.campaign.file),
        };
        let _busy = context.busy(view::READING);
        of(&mut view, &plan, about).await
    })??;
    let page = html::page(&report)
        .map_err(|error| Failure::new(Problem::OutputFile, "cannot draw the report's charts").caused_by(&error))?;
    whole_file::write(&args.out, page.as_bytes())?;
    let file = args.out.display().to_string();
    match context.output {
        Output::Json => context.lines.write(&Object {
            r#type: "report",
            campaign: &names.campaign,
            app_id: &names.app_id,
            file,
        }),
        Output::Human => context.talk(&format!("wrote {file}\n")),
    }
    Ok(Exit::Done)
}

/// Collects the contents of the page in one reading of the facts.
async fn of(view: &mut View, plan: &Plan, about: About) -> Result<Report, Failure> {
    let listed = listed(view.ledger.book());
    let mut history = History::new(listed.iter().map(|(key, _)| *key));
    view.ledger.facts(|_, fact| note(&mut history, &fact)).await?;
    let book = view.ledger.book();
    let present = book.present_of_apply(about.now);
    let open = listed.into_iter().filter_map(|(key, standing)| {
        Some(Open {
            state: standing.state.name(),
            open_id: OpenId::parse(&book.open_id(key.recipient)).ok()?,
            ordinal: key.ordinal,
            attempts: standing.attempts,
            since: standing.doubt.and_then(|doubt| doubt.since),
            last: history.last(key).cloned().unwrap_or_default(),
            next: next_words(next(book, plan, key, present)),
        })
    });
    Ok(Report {
        waves: book
            .waves()
            .iter()
            .filter_map(|wave| Some((wave.share, wave.ended?)))
            .collect(),
        counts: book.counts(),
        skipped: book.skipped().clone(),
        attempts: attempts(book),
        open: open.collect(),
        history,
        about,
    })
}

/// Adds one fact to the history, if it says how the campaign went.
fn note(history: &mut History, fact: &Fact) {
    match fact {
        Fact::RunBegan { .. } => history.run_began(),
        Fact::Intent { at, .. } => history.intended(*at),
        Fact::Withdrawn { .. } => history.withdrawn(),
        Fact::Ended { key, verdict, outcome } => history.ended(*key, *verdict, outcome),
        // The ledger state has these already.
        Fact::Admitted { .. }
        | Fact::Away { .. }
        | Fact::Returned { .. }
        | Fact::KeptOut(_)
        | Fact::Closed(_)
        | Fact::Lapsed { .. }
        | Fact::Reread { .. }
        | Fact::Decided { .. }
        | Fact::WaveEnded { .. }
        | Fact::WaveHalted { .. } => {}
    }
}

/// Returns the first deliveries that may need a person's attention. Those that wait for a decision come first.
fn listed(book: &Book) -> Vec<(DeliveryKey, Standing)> {
    let rank = |standing: &Standing| match standing.state.name() {
        StateName::Held => Some(0),
        StateName::InDoubt if standing.doubt.is_some_and(|doubt| doubt.stuck) => Some(1),
        StateName::InDoubt => Some(2),
        StateName::InFlight => Some(3),
        _ => None,
    };
    let mut listed = Vec::new();
    for wanted in 0..4 {
        let more = book.unsettled().filter(|(_, standing)| rank(standing) == Some(wanted));
        listed.extend(more.take(MOST_LISTED - listed.len()));
    }
    listed
}

/// Describes what happens next to a listed delivery.
const fn next_words(next: Next) -> &'static str {
    match next {
        Next::Person(Waits::Held { .. }) => "waits for its code to be classified",
        Next::Person(Waits::Answered { .. }) => "a person asks the platform",
        Next::Person(Waits::Ask) => "a person decides: retry.in_doubt is ask",
        Next::Person(Waits::Old { .. }) => "a person asks the platform: retry.resend_within is over",
        Next::Person(Waits::Undated) => "a person asks the platform: nobody knows how old it is",
        Next::Person(Waits::Excluded) => "a person decides: the user is excluded",
        Next::Person(Waits::Beyond) => "a person decides: coupons_per_user no longer reaches it",
        Next::Person(Waits::End { .. }) => "is not sent again: schedule.end comes first",
        Next::InFlight => "is in doubt from the next run on",
        Next::Reread(_) | Next::Doubted { .. } => "the next run reads its code again",
        Next::Sent { .. } => "sent again by the next run",
        Next::Issued | Next::Refused | Next::Skipped { .. } | Next::Behind { .. } | Next::Wave(_) => "",
    }
}

/// Returns how many deliveries had each number of attempts.
fn attempts(book: &Book) -> BTreeMap<u32, u64> {
    let mut attempts = BTreeMap::new();
    for recipient in 0..book.recipients() {
        for ordinal in 1..=book.ordinals() {
            let standing = book.standing(DeliveryKey { recipient, ordinal });
            if standing.attempts > 0 {
                *attempts.entry(standing.attempts).or_default() += 1;
            }
        }
    }
    attempts
}
