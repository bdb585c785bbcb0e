//! `runner trace`: shows everything that is known about one user, and what happens to their coupons next.

mod objects;
mod text;

use clap::Args;
use jiff::tz::TimeZone;

use crate::engine::next::{Next, next};
use crate::history::recipient::RecipientHistory;
use crate::ledger::{LedgerState, Present};
use crate::model::delivery::DeliveryKey;
use crate::model::problem::Problem;
use crate::plan::Plan;
use crate::report::text::visible;

use super::exit::Exit;
use super::failure::Failure;
use super::locked_ledger::again;
use super::readonly_ledger::{self, CampaignArgs};
use super::{Context, Output, terminal, validate};

const EXAMPLES: &str = "\
Examples:
  runner trace campaigns/summer.yaml ba253642-0590-40bc-a1b2-93c4d5e6f708
      why somebody has no coupon, or which, and by which log_id to ask the platform
  runner trace campaigns/summer.yaml ba253642-0590-40bc-a1b2-93c4d5e6f708 --output json
      the same for a program: a `delivery` for each coupon, with its history and what is next";

/// The arguments of `runner trace`.
#[derive(Clone, Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct TraceArgs {
    /// Which campaign.
    #[command(flatten)]
    pub campaign: CampaignArgs,
    /// The user
    #[arg(value_name = "OPEN_ID")]
    pub open_id: String,
}

/// What a trace of one user shows.
struct Trace<'t> {
    ledger_state: &'t LedgerState,
    plan: &'t Plan,
    title: Option<&'t str>,
    recipient: u32,
    person: &'t RecipientHistory,
    zone: &'t TimeZone,
    /// The present of an apply.
    present: Present,
    /// The width of lines, in columns.
    width: usize,
}

impl Trace<'_> {
    fn ordinals(&self) -> std::ops::RangeInclusive<u8> {
        1..=self.ledger_state.ordinals()
    }

    fn next(&self, ordinal: u8) -> Next {
        let key = DeliveryKey {
            recipient: self.recipient,
            ordinal,
        };
        next(self.ledger_state, self.plan, key, self.present)
    }
}

/// Shows what is known about one user.
pub fn run(args: &TraceArgs, context: &Context) -> Result<Exit, Failure> {
    let Some(parsed) = validate::usable(&args.campaign.file, context) else {
        return Ok(Exit::Input);
    };
    let plan = readonly_ledger::plan_of(&parsed, &args.campaign.rehearsal)?;
    super::wait(async {
        let mut view = readonly_ledger::opened(context, &args.campaign, &plan).await?;
        let found = view.ledger.state().find(args.open_id.trim());
        let recipient = found.ok_or_else(|| unknown(view.ledger.state(), &plan, args, context))?;
        let busy = context.busy(readonly_ledger::READING);
        let person = RecipientHistory::new(&mut view.ledger, recipient).await?;
        drop(busy);
        let ledger_state = view.ledger.state();
        let trace = Trace {
            ledger_state,
            plan: &plan,
            title: parsed.campaign.names.title.as_deref(),
            recipient,
            person: &person,
            zone: &parsed.campaign.timezone,
            present: ledger_state.present_of_apply(context.clock.now()),
            width: if context.terminal.stdout {
                terminal::width()
            } else {
                usize::MAX
            },
        };
        match context.output {
            Output::Human => context.data(&text::text(&trace))?,
            Output::Json => objects::write(&trace, &context.lines),
        }
        Ok(Exit::Done)
    })?
}

fn unknown(ledger_state: &LedgerState, plan: &Plan, args: &TraceArgs, context: &Context) -> Failure {
    let campaign = &plan.identity.campaign;
    let message = format!("the ledger of {campaign} has no user {}", visible(&args.open_id));
    let help = nearest(ledger_state, args.open_id.trim()).map_or_else(
        || {
            let every = again("export", &args.campaign.rehearsal, context, &args.campaign.file);
            format!("`{every}` names everybody who ever was in the audience")
        },
        |near| format!("did you mean {}?", visible(&near)),
    );
    Failure::new(Problem::UnknownUser, message).help(help)
}

/// Returns the known open_id that is most like `typed`: equal but for letter case, or a few characters different. `None` if
/// none is similar.
pub(super) fn nearest(ledger_state: &LedgerState, typed: &str) -> Option<String> {
    const FURTHEST: usize = 3;
    /// Two similar open_ids share at least this many characters at one end.
    const SAME: usize = 4;
    let alike = |known: &str| {
        let a = typed.as_bytes();
        let b = known.as_bytes();
        let same_end = a.len() >= SAME
            && b.len() >= SAME
            && (a[..SAME].eq_ignore_ascii_case(&b[..SAME])
                || a[a.len() - SAME..].eq_ignore_ascii_case(&b[b.len() - SAME..]));
        (same_end || typed.eq_ignore_ascii_case(known)) && a.len().abs_diff(b.len()) <= FURTHEST
    };
    let lower = typed.to_lowercase();
    (0..ledger_state.recipients())
        .map(|recipient| ledger_state.open_id(recipient))
        .filter(|known| alike(known))
        .map(|known| (strsim::osa_distance(&lower, &known.to_lowercase()), known))
        .filter(|(distance, known)| *distance <= FURTHEST && distance * 3 < known.len())
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, known)| known)
}
