//! `runner resolve`: appends a person's decision about deliveries to the ledger, as a fact.

mod choose;
mod status;
mod text;

use std::num::NonZeroU8;

use clap::{ArgGroup, Args, ValueEnum};
use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::ledger::lock::Purpose;
use crate::ledger::{Fact, ManualDecision};
use crate::model::delivery::{DeliveryKey, Resolution, StateName};
use crate::model::problem::Problem;
use crate::plan::Plan;
use crate::report::times::{grouped, rfc3339};

use super::app_lock::this_process;
use super::exit::Exit;
use super::failure::Failure;
use super::locked_ledger::{LockedLedger, OpenLedger, again, ledger_dir};
use super::readonly_ledger::{self, CampaignArgs};
use super::witness::{self, Testimony};
use super::{Context, Output, elsewhere, question, validate};
use choose::{Chosen, Selection, Trouble, Who, choose};

const EXAMPLES: &str = "\
Examples:
  runner resolve campaigns/summer.yaml --held --code 990000001 --as owed --note 'ticket 812'
      send again what was held by one code
  runner resolve campaigns/summer.yaml Cv4PoJXaTPn63rNu --as refused --note 'no coupon, they say'
      settle one user's doubt, once the platform has said what became of it

What is issued is never reopened. What is pending, deferred or skipped is decided by the audience and the campaign file; what is in flight, by its answer. While an apply runs nothing can be resolved: stop it, resolve, apply again.";

const USAGE: &str =
    "runner resolve [OPTIONS] <FILE> <OPEN_ID...|--held|--in-doubt|--refused> --as <DECISION> --note <TEXT>";

/// The longest note, in characters.
const LONGEST_NOTE: usize = 1000;

/// The arguments of `runner resolve`.
#[derive(Clone, Debug, Args)]
#[command(after_help = EXAMPLES, override_usage = USAGE)]
#[command(group = ArgGroup::new("which").required(true).args(["open_ids", "held", "in_doubt", "refused"]))]
pub struct ResolveArgs {
    /// Which campaign.
    #[command(flatten)]
    pub campaign: CampaignArgs,
    /// Which of its deliveries.
    #[command(flatten)]
    pub which: WhichArgs,
    /// What is decided of them.
    #[command(flatten)]
    pub decision: DecisionArgs,
}

/// Which deliveries are resolved.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Which")]
pub struct WhichArgs {
    /// Users: those of their coupons that are held, in doubt or refused
    #[arg(value_name = "OPEN_ID", help_heading = "Arguments")]
    pub open_ids: Vec<String>,
    /// Only this coupon of each of them, from 1
    #[arg(long, value_name = "N", conflicts_with_all = ["held", "in_doubt", "refused"])]
    pub ordinal: Option<NonZeroU8>,
    /// Everything that is held
    #[arg(long)]
    pub held: bool,
    /// Everything that is in doubt
    #[arg(long)]
    pub in_doubt: bool,
    /// Everything that was refused
    #[arg(long)]
    pub refused: bool,
    /// Of these, only what the platform answered last with this code
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub code: Option<i64>,
}

/// What is decided of deliveries.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Decision")]
pub struct DecisionArgs {
    /// The user has the coupon; has none and gets none; or is owed it, and the next apply sends it
    #[arg(long = "as", value_name = "issued|refused|owed", hide_possible_values = true)]
    pub to: To,
    /// Why, for whoever asks later; kept in the ledger
    #[arg(long, value_name = "TEXT", value_parser = note)]
    pub note: String,
    /// Accept that a doubt that is sent again may become a second coupon
    #[arg(long)]
    pub may_double: bool,
    /// Do not ask before it is done
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
    let Some(parsed) = validate::usable(&args.campaign.file, context) else {
        return Ok(Exit::Input);
    };
    let plan = readonly_ledger::plan_of(&parsed, &args.campaign.rehearsal)?;
    super::wait(resolve(args, context, &plan, &parsed.campaign.timezone))?
}

async fn resolve(args: &ResolveArgs, context: &Context, plan: &Plan, zone: &TimeZone) -> Result<Exit, Failure> {
    let campaign = &args.campaign;
    let none_yet = || readonly_ledger::none_yet(context, campaign, plan);
    if ledger_dir(context, &campaign.file, plan).look()?.is_none() {
        return Err(none_yet());
    }
    if let Some(other) = elsewhere::find(context, &campaign.file, plan)? {
        return Err(other.failure());
    }
    let locked = LockedLedger::take(context, &campaign.file, plan, Purpose::Apply).await;
    let locked = locked.map_err(not_while_it_is_applied)?;
    let testimony = Testimony::new(context, &campaign.file, plan);
    let opened = locked.open(&testimony).await?.ok_or_else(none_yet)?;
    witness::accepted(&[], opened.older.as_ref())?;
    let OpenLedger { mut ledger, id, .. } = opened;
    ledger.accept_older();

    let selection = args.which.selection();
    let to = args.decision.resolution();
    let chosen = choose(ledger.state(), &selection, to).map_err(|troubles| refused(&troubles))?;
    if chosen.is_empty() {
        let what = args.which.typed();
        context.talk(&format!("nothing is to be resolved by {what}; nothing was changed\n"));
        return Ok(Exit::Done);
    }
    let about = text::About {
        campaign: &plan.identity.campaign,
        ledger: locked.dir(),
        selection: &args.which.typed(),
        note: &args.decision.note,
        to,
    };
    let asks = context.terminal.can_ask && !args.decision.yes && !campaign.rehearsal.on();
    if asks && !agreed(&text::question(&about, &chosen, ledger.state()), context)? {
        context.talk("nothing was changed\n");
        return Ok(Exit::Incomplete);
    }
    let facts = facts(args, &chosen, to, context.clock.now());
    ledger.append(facts).await?;
    let head = *ledger.store().heads().borrow();
    testimony.write(&id, head, context.clock.now()).await;
    let decided = format!(
        "{} resolved as {} by {}",
        grouped(chosen.len() as u64),
        to.word(),
        person(context.clock.now())
    );
    status::tell(
        &locked,
        plan,
        &ledger.state().counts(),
        rfc3339(context.clock.now(), zone),
        decided,
    );
    match context.output {
        Output::Json => text::objects(&chosen, ledger.state(), plan, to, &context.lines),
        Output::Human => {
            let again = again("apply", &campaign.rehearsal, context, &campaign.file);
            context.data(&text::done(&about, &chosen, ledger.state(), &again))?;
        }
    }
    Ok(Exit::Done)
}

fn agreed(question: &str, context: &Context) -> Result<bool, Failure> {
    // There is nothing to shut down in order, so a signal ends the process.
    question::ask_person(&context.console, question, || false)
        .map(|answer| answer == question::Answer::Yes)
        .map_err(|error| Failure::new(Problem::Question, "cannot ask on the terminal").caused_by(&error))
}

/// Returns the facts of one decision: one or more for each state of the deliveries, in chunks.
fn facts(args: &ResolveArgs, chosen: &[Chosen], to: Resolution, at: Timestamp) -> Vec<Fact> {
    let by = person(at);
    let mut facts = Vec::new();
    for from in [StateName::InDoubt, StateName::Held, StateName::Refused] {
        let these: Vec<DeliveryKey> = chosen.iter().filter(|it| it.from == from).map(|it| it.key).collect();
        for keys in these.chunks(Fact::CHUNK) {
            let decision = ManualDecision {
                at,
                by: by.clone(),
                note: args.decision.note.clone(),
                from,
                to,
                selection: args.which.typed(),
            };
            facts.push(Fact::Decided {
                keys: keys.to_vec(),
                decision: Box::new(decision),
            });
        }
    }
    facts
}

/// Returns who decides, as far as the system knows.
fn person(now: Timestamp) -> String {
    let named = ["USER", "LOGNAME"].iter().find_map(|name| std::env::var(name).ok());
    let user = named.filter(|name| !name.is_empty());
    let user = user.unwrap_or_else(|| format!("uid-{}", rustix::process::getuid().as_raw()));
    format!("{user}@{}", this_process(now).host)
}

impl WhichArgs {
    fn selection(&self) -> Selection {
        let who = if self.held {
            Who::All(StateName::Held)
        } else if self.in_doubt {
            Who::All(StateName::InDoubt)
        } else if self.refused {
            Who::All(StateName::Refused)
        } else {
            Who::Users {
                open_ids: self.open_ids.clone(),
                ordinal: self.ordinal.map(NonZeroU8::get),
            }
        };
        Selection { who, code: self.code }
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
fn note(text: &str) -> Result<String, String> {
    let text = text.trim();
    match text.chars().count() {
        0 => Err("it is empty: say why, for whoever asks later".to_owned()),
        long if long > LONGEST_NOTE => Err(format!("it has {long} characters; at most {LONGEST_NOTE} are kept")),
        _ => Ok(text.to_owned()),
    }
}

/// Returns every reason why nothing was resolved, as one failure.
fn refused(troubles: &[Trouble]) -> Failure {
    const MOST_TOLD: usize = 10;
    let only_doubts = troubles
        .iter()
        .all(|trouble| matches!(trouble, Trouble::MayDouble { .. }));
    let problem = if only_doubts {
        Problem::MayDouble
    } else {
        Problem::CannotResolve
    };
    let mut failure = Failure::new(problem, "cannot resolve all that was chosen; nothing was changed");
    failure.causes = troubles.iter().take(MOST_TOLD).map(ToString::to_string).collect();
    if troubles.len() > MOST_TOLD {
        failure
            .causes
            .push(format!("{} more like these", troubles.len() - MOST_TOLD));
    }
    let mut helps: Vec<_> = troubles.iter().filter_map(Trouble::help).collect();
    helps.dedup();
    helps.truncate(3);
    if helps.is_empty() {
        return failure;
    }
    failure.help(helps.join("\n"))
}

/// Explains why no decision is possible during an apply: the apply would not know of it.
fn not_while_it_is_applied(failure: Failure) -> Failure {
    if failure.exit == Exit::Taken {
        return failure.help("nothing was changed. end the run by `runner stop`, resolve, and apply again");
    }
    failure
}
