//! `runner reconcile --watch`: compares after each day, and sends a message when the platform and the ledger differ.

use std::sync::Arc;
use std::time::Duration;

use crate::app::LoadedCampaign;
use crate::app::notify;
use crate::app::reconcile::{Compared, Turn, differences, is_over, next_comparison};
use crate::catalogue::{Text, reconcile as text};
use crate::model::problem::Problem;
use crate::notify::notice::What;
use crate::notify::notifier::{NotifiedRun, Notifier};
use crate::report::lists::joined;
use crate::report::text::visible;
use crate::report::times::date_time;

use crate::cli::context::Context;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::load;

/// One comparison.
pub(super) struct Reconciled {
    pub(super) compared: Compared,
    /// Whether every delivery of the campaign has its outcome.
    pub(super) is_complete: bool,
}

/// Compares again and again until nothing is left to compare. A kill between two comparisons loses nothing.
pub(super) async fn watch(
    context: &Context,
    campaign: &LoadedCampaign,
    compare: impl AsyncFn() -> Result<Option<Reconciled>, Failure>,
    end: impl Fn(&Compared) -> Result<Exit, Failure>,
) -> Result<Exit, Failure> {
    let clock = &campaign.environment.clock;
    let bill_zone = &campaign.parsed.campaign.bill.timezone;
    let zone = &campaign.parsed.campaign.timezone;
    let mut last_sent: Vec<Text> = Vec::new();
    loop {
        let turn = match compare().await {
            Err(failure) if failure.exit == Exit::Taken => Turn::Busy,
            Err(failure) => return Err(failure),
            Ok(None) => return Ok(Exit::Input),
            Ok(Some(reconciled)) => {
                let compared = &reconciled.compared;
                let differences = differences(compared);
                if !differences.is_empty() && differences != last_sent {
                    send(campaign, &differences, context).await?;
                }
                last_sent = differences;
                let is_rehearsal = campaign.at.rehearsal.is_on();
                if is_rehearsal {
                    context.talk(&format!("{}\n", text::WatchRehearsal));
                }
                if is_rehearsal || is_over(compared, reconciled.is_complete, clock.now(), bill_zone) {
                    return end(compared);
                }
                if compared.can_go_on() {
                    Turn::Waits
                } else {
                    Turn::Settled
                }
            }
        };
        let now = clock.now();
        let next = next_comparison(now, bill_zone, turn);
        let at = &date_time(next, zone);
        let said = match turn {
            Turn::Busy => text::WatchBusy { at }.to_string(),
            Turn::Waits | Turn::Settled => text::WatchNext { at }.to_string(),
        };
        context.talk(&format!("{said}\n"));
        let wait = Duration::try_from(next.duration_since(now)).unwrap_or_default();
        tokio::time::sleep(wait).await;
    }
}

/// Sends a message to the channels of the campaign. A rehearsal sends none. A channel that does not take it is a warning.
async fn send(campaign: &LoadedCampaign, differences: &[Text], context: &Context) -> Result<(), Failure> {
    if campaign.at.rehearsal.is_on() {
        return Ok(());
    }
    let channels = match notify::channels(&campaign.parsed) {
        Ok(channels) if channels.is_empty() => return Ok(()),
        Ok(channels) => channels,
        Err(mistakes) => {
            load::show(&mistakes, context);
            return Ok(());
        }
    };
    let way = notify::way(&channels)?;
    let console = context.clone();
    let warn = move |_: &str, message: Option<Text>| {
        if let Some(message) = message {
            console.warn(&visible(&message.to_string()));
        }
    };
    let started = Notifier::start(Arc::new(way), &campaign.environment.clock);
    let notifier = started.map_err(|error| Failure::from_error(Problem::System, &error))?;
    let run = notifier.handle().add(NotifiedRun {
        origin: notify::campaign_origin(campaign),
        channels,
        warn: Arc::new(warn),
    });
    let why = Text::from_fn(|| joined(differences.iter().map(ToString::to_string)));
    run.announce(What::Differs { why });
    for unsent in notifier.finish().await {
        context.warn(&text::WatchUnsent {
            channel: &visible(&unsent.channel),
        });
    }
    Ok(())
}
