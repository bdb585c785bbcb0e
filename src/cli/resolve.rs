//! `runner resolve`: records a person's decision about deliveries in the ledger, as a fact.

mod screens;

use std::fmt::Display;
use std::num::NonZeroU8;

use crate::app::LoadedCampaign;
use crate::app::apply::confirmation::Answer;
use crate::app::occurrences::Choice;
use crate::app::process::person;
use crate::app::resolve::{self, Preview};
use crate::catalogue::{app, help, resolve as text};
use crate::model::delivery::{Resolution, StateName};
use crate::model::problem::Problem;
use crate::model::resolve::{ResolveRequest, Selection, Which};
use crate::report::text::{visible, wrap_prose};
use clap::{ArgGroup, Args, ValueEnum};

use super::by_args::ByArgs;
use super::campaign_args::CampaignArgs;
use super::context::Context;
use super::exit::Exit;
use super::failure::Failure;
use super::global_args::Output;
use super::number::whole;
use super::runtime::block_on;
use super::terminal::stdout_width_or_any;
use super::typed::again;
use super::{load, question};

const USAGE: &str =
    "runner resolve [OPTIONS] <FILE> <OPEN_ID...|--held|--in-doubt|--refused> --as <DECISION> --note <TEXT>";

/// The longest note, in characters.
const LONGEST_NOTE: usize = 1000;

/// The arguments of `runner resolve`.
#[derive(Clone, Debug, Args)]
#[command(after_help = help::ResolveExamples.to_string(), override_usage = USAGE)]
#[command(group = ArgGroup::new("which").required(true).args(["open_ids", "held", "in_doubt", "refused"]))]
pub struct ResolveArgs {
    #[command(flatten)]
    pub campaign: CampaignArgs,
    #[command(flatten)]
    pub which: WhichArgs,
    #[command(flatten)]
    pub decision: DecisionArgs,
    #[command(flatten)]
    pub by: ByArgs,
}

/// Which deliveries are resolved.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = help::HeadingWhich.to_string())]
pub struct WhichArgs {
    #[arg(help = help::WhichOpenIds.to_string())]
    #[arg(value_name = "OPEN_ID", help_heading = help::HeadingArguments.to_string())]
    pub open_ids: Vec<String>,
    #[arg(help = help::WhichOrdinal.to_string())]
    #[arg(long, value_name = "N", value_parser = whole(NonZeroU8::MIN..=NonZeroU8::MAX), conflicts_with_all = ["held", "in_doubt", "refused"])]
    pub ordinal: Option<NonZeroU8>,
    #[arg(help = help::WhichHeld.to_string())]
    #[arg(long)]
    pub held: bool,
    #[arg(help = help::WhichInDoubt.to_string())]
    #[arg(long)]
    pub in_doubt: bool,
    #[arg(help = help::WhichRefused.to_string())]
    #[arg(long)]
    pub refused: bool,
    #[arg(help = help::WhichCode.to_string())]
    #[arg(long, value_name = "N", value_parser = whole(i64::MIN..=i64::MAX), allow_negative_numbers = true)]
    pub code: Option<i64>,
}

/// What is decided of deliveries.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = help::HeadingDecision.to_string())]
pub struct DecisionArgs {
    #[arg(help = help::DecisionTo.to_string())]
    #[arg(long = "as", value_name = "issued|refused|owed", hide_possible_values = true)]
    pub to: To,
    #[arg(help = help::DecisionNote.to_string())]
    #[arg(long, value_name = "TEXT", value_parser = note)]
    pub note: String,
    #[arg(help = help::DecisionMayDouble.to_string())]
    #[arg(long)]
    pub may_double: bool,
    #[arg(help = help::DecisionYes.to_string())]
    #[arg(short, long)]
    pub yes: bool,
}

/// What deliveries become.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum To {
    /// The user has the coupon.
    Issued,
    /// The user gets none.
    Refused,
    /// It is sent by the next apply.
    Owed,
}

/// Resolves all selected deliveries, or none.
pub fn run(args: &ResolveArgs, context: &Context) -> Result<Exit, Failure> {
    let Some(campaign) = load::campaign_at(&args.campaign, Choice::Only, context)? else {
        return Ok(Exit::Input);
    };
    block_on(resolve(args, context, &campaign))?
}

async fn resolve(args: &ResolveArgs, context: &Context, campaign: &LoadedCampaign) -> Result<Exit, Failure> {
    let to = args.decision.resolution();
    let typed = args.which.typed();
    let note = &args.decision.note;
    let selection = args.which.selection();
    let preview = Preview::read(campaign, &selection, to).await?;
    let nothing_selected = || {
        let selection = &visible(&typed);
        context.talk(&format!("{}\n", text::NothingSelected { selection }));
        Ok(Exit::Done)
    };
    if preview.selected().is_empty() {
        return nothing_selected();
    }
    let decision = screens::DecisionNote {
        campaign: &campaign.plan.identity.campaign,
        selection: &typed,
        note,
        to,
    };
    let is_asked = !args.decision.yes && !campaign.at.rehearsal.is_on();
    if is_asked {
        if !context.terminal.can_ask {
            check_without_question(&preview, to)?;
        } else if !agreed(&screens::question(&decision, &preview), context)? {
            context.talk(&format!("{}\n", text::NothingChanged));
            return Ok(Exit::Incomplete);
        }
    }
    let request = ResolveRequest {
        to,
        note: note.clone(),
        typed: typed.clone(),
        by: person(args.by.name()),
        expect: is_asked.then(|| preview.expected()),
        selection,
    };
    drop(preview);
    let decided = Box::pin(resolve::resolve(campaign, &request)).await?;
    if decided.resolved.deliveries.is_empty() {
        return nothing_selected();
    }
    match context.output {
        Output::Json => {
            for object in &screens::objects(&decided.resolved, &campaign.plan, to) {
                context.lines.write(object);
            }
        }
        Output::Human => {
            let done = screens::done(&decision, &decided, &again("apply", &campaign.at));
            context.data(&wrap_prose(&done, stdout_width_or_any()))?;
        }
    }
    Ok(Exit::Done)
}

/// Checks that the decision needs no question: it is about one delivery, and gives nobody a second coupon.
fn check_without_question(preview: &Preview, to: Resolution) -> Result<(), Failure> {
    let n = preview.selected().len() as u64;
    let refused = |message: &dyn Display| Err(Failure::new(Problem::NeedsYes, message).help(text::AddYes));
    if matches!(to, Resolution::Owed { may_double: true }) {
        return refused(&text::NeedsYesForDouble);
    }
    if n > 1 {
        return refused(&text::NeedsYesForSeveral { n });
    }
    Ok(())
}

fn agreed(question: &str, context: &Context) -> Result<bool, Failure> {
    // There is nothing to shut down in order, so a signal ends the process.
    question::ask_person(&context.console, question, || false)
        .map(|answer| answer == Answer::Yes)
        .map_err(|error| Failure::new(Problem::Question, app::CannotAsk).caused_by(&error))
}

impl WhichArgs {
    fn selection(&self) -> Selection {
        let which = if self.held {
            Which::All(StateName::Held)
        } else if self.in_doubt {
            Which::All(StateName::InDoubt)
        } else if self.refused {
            Which::All(StateName::Refused)
        } else {
            Which::Users {
                open_ids: self.open_ids.clone(),
                ordinal: self.ordinal.map(NonZeroU8::get),
            }
        };
        Selection { which, code: self.code }
    }

    /// Returns the selection as it was typed. Of many users it gives only the number: the fact has their list.
    fn typed(&self) -> String {
        let mut typed = Vec::new();
        for (given, flag) in [
            (self.held, "--held"),
            (self.in_doubt, "--in-doubt"),
            (self.refused, "--refused"),
        ] {
            typed.extend(given.then(|| flag.to_owned()));
        }
        match self.open_ids.as_slice() {
            [] => {}
            [one] => typed.push(one.trim().to_owned()),
            many => typed.push(format!("{} open_ids", many.len())),
        }
        typed.extend(self.ordinal.map(|ordinal| format!("--ordinal {ordinal}")));
        typed.extend(self.code.map(|code| format!("--code {code}")));
        typed.join(" ")
    }
}

impl DecisionArgs {
    const fn resolution(&self) -> Resolution {
        match self.to {
            To::Issued => Resolution::Issued,
            To::Refused => Resolution::Refused,
            To::Owed => Resolution::Owed {
                may_double: self.may_double,
            },
        }
    }
}

/// Parses a note, which must not be empty.
fn note(typed: &str) -> Result<String, String> {
    let typed = typed.trim();
    match typed.chars().count() {
        0 => Err(text::NoteEmpty.to_string()),
        length if length > LONGEST_NOTE => Err(text::NoteTooLong {
            length: &length,
            most: &LONGEST_NOTE,
        }
        .to_string()),
        _ => Ok(typed.to_owned()),
    }
}
