//! The question before anything is sent, asked once for all campaigns of the process that need it. A campaign without a
//! question (because its plan was agreed to before, for example) gives up its seat: it does not wait, and nothing waits for
//! it.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::{mpsc, oneshot, watch};

use crate::app::error::AppError;
use crate::model::identity::{ActivityId, AppId, CampaignName};
use crate::model::money::Money;
use crate::model::run_command::RunCommand;

use super::owner;

/// Puts the question before a send to a person.
pub trait Confirm: Send + Sync {
    /// Asks about these campaigns at once. Blocks until there is an answer or `stopped` returns true.
    fn confirm(&self, questions: &[&Question], stopped: &dyn Fn() -> bool) -> io::Result<Answer>;
}

/// The facts that decide whether a person is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "five independent facts of one moment, each read once"
)]
pub struct Facts {
    /// Whether stdin and stderr are both terminals.
    pub can_ask: bool,
    /// How many deliveries may be sent.
    pub to_send: u64,
    /// Whether `--yes` is given.
    pub yes: bool,
    /// Whether `--sandbox` is given.
    pub sandbox: bool,
    /// Whether the ledger says that sends of this plan were agreed to before.
    pub agreed: bool,
}

/// Returns whether a person is asked. Without terminals, never: there the campaign file is the authority.
#[must_use]
pub const fn needs_question(facts: &Facts) -> bool {
    facts.can_ask && facts.to_send > 0 && !facts.yes && !facts.sandbox && !facts.agreed
}

/// What is about to happen in one campaign.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// The campaign.
    pub campaign: CampaignName,
    /// The campaign's title.
    pub title: Option<String>,
    /// The app id.
    pub app_id: AppId,
    /// The activity.
    pub activity_id: ActivityId,
    /// Where requests go.
    pub base_url: String,
    /// How many coupons may be sent.
    pub to_send: u64,
    /// What these are worth. `None` if nobody has stated the value of a coupon of this activity.
    pub worth: Option<Money>,
    /// How many of them were held and are owed again because the activity changed.
    pub owed_again: u64,
    /// Where the ledger is.
    pub ledger: PathBuf,
    /// Whether the ledger is new.
    pub new_ledger: bool,
    /// What is known of an earlier ledger.
    pub earlier: Option<String>,
}

/// The answer to the question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Send.
    Yes,
    /// Do not send: anything but a clear yes.
    No,
    /// The run was stopped before an answer.
    Stopped,
}

/// A campaign's right to have its question asked. The question is asked once each seat has been used or dropped.
pub(super) struct ConfirmationSeat {
    /// The campaign's position among those given.
    number: usize,
    requests: mpsc::Sender<SeatRequest>,
    alone: bool,
}

/// The request of one campaign for a person's agreement.
struct SeatRequest {
    number: usize,
    question: Question,
    commands: watch::Receiver<RunCommand>,
    answer: oneshot::Sender<Result<Answer, Arc<io::Error>>>,
}

/// Asks the question for all seats.
pub(super) struct Confirmation(mpsc::Receiver<SeatRequest>);

/// Creates `many` seats and the asker that serves them.
pub(super) fn seats(many: usize) -> (Vec<ConfirmationSeat>, Confirmation) {
    let (requests, received) = mpsc::channel(many.max(1));
    let seat = |number| ConfirmationSeat {
        number,
        requests: requests.clone(),
        alone: many == 1,
    };
    ((0..many).map(seat).collect(), Confirmation(received))
}

impl ConfirmationSeat {
    /// Asks a person about this campaign and waits for the answer. Returns [`Answer::Stopped`] when the run is stopped
    /// first.
    pub(super) async fn ask(
        self,
        question: Question,
        commands: watch::Receiver<RunCommand>,
    ) -> Result<Answer, AppError> {
        let (answer, answered) = oneshot::channel();
        let request = SeatRequest {
            number: self.number,
            question,
            commands: commands.clone(),
            answer,
        };
        let sent = self.requests.send(request).await.is_ok();
        // The asker waits until every sender is dropped.
        drop(self.requests);
        let stopped = async {
            // With one campaign the question itself watches for an order to stop.
            if self.alone {
                std::future::pending::<()>().await;
            }
            owner::stopped(commands).await;
        };
        tokio::select! {
            answer = answered, if sent => answer.unwrap_or(Ok(Answer::Stopped)).map_err(AppError::Question),
            () = stopped => Ok(Answer::Stopped),
            else => Ok(Answer::Stopped),
        }
    }
}

impl Confirmation {
    /// Waits until each seat is used or dropped. Returns the requests of the campaigns that were not stopped, in the order
    /// in which the campaigns were given.
    async fn gather(mut self) -> Vec<SeatRequest> {
        let mut all = Vec::new();
        while let Some(request) = self.0.recv().await {
            all.push(request);
        }
        all.retain(|request| !request.commands.borrow().stops());
        // Campaigns finish reading their audiences in any order.
        all.sort_by_key(|request| request.number);
        all
    }

    /// Asks one question for all campaigns that need it, once no other campaign can.
    pub(super) async fn ask(self, confirm: &dyn Confirm) {
        let all = self.gather().await;
        if all.is_empty() {
            return;
        }
        let questions: Vec<_> = all.iter().map(|request| &request.question).collect();
        let stopped = || all.iter().all(|request| request.commands.borrow().stops());
        let answer = tokio::task::block_in_place(|| confirm.confirm(&questions, &stopped)).map_err(Arc::new);
        for request in all {
            // A campaign that was stopped in the meantime has dropped its receiver.
            let _ = request.answer.send(answer.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question(campaign: &str) -> Question {
        Question {
            campaign: CampaignName::parse(campaign).unwrap(),
            title: None,
            app_id: AppId::parse("tt1").unwrap(),
            activity_id: ActivityId::parse("7218071234565644204").unwrap(),
            base_url: "https://open.douyin.com".into(),
            to_send: 1,
            worth: None,
            owed_again: 0,
            ledger: "ledger".into(),
            new_ledger: true,
            earlier: None,
        }
    }

    /// One campaign asks, one is stopped while it waits, one has nothing to ask, and the last asks late.
    #[tokio::test]
    async fn the_question_comes_once_each_seat_is_used_or_given_up() {
        let (mut seats, asker) = seats(4);
        // The slow campaign is the first of those given, and asks last.
        let slow = seats.remove(0);
        let mut seat = || seats.remove(0);
        let go = watch::channel(RunCommand::Go);
        let stop = watch::channel(RunCommand::Go);
        let asking = tokio::spawn(seat().ask(question("asks"), go.1.clone()));
        let stopped = tokio::spawn(seat().ask(question("stopped"), stop.1));
        drop(seat());
        let mut gathering = Box::pin(asker.gather());
        let early = std::future::poll_fn(|cx| std::task::Poll::Ready(gathering.as_mut().poll(cx).is_ready()));
        assert!(!early.await, "a seat is still taken");
        stop.0.send_replace(RunCommand::Stop { by: None });
        assert_eq!(stopped.await.unwrap().unwrap(), Answer::Stopped);
        let last = tokio::spawn(slow.ask(question("slow"), go.1.clone()));
        let all = gathering.await;
        let names: Vec<_> = all
            .iter()
            .map(|request| request.question.campaign.to_string())
            .collect();
        assert_eq!(names, ["slow", "asks"]);
        for request in all {
            let _ = request.answer.send(Ok(Answer::Yes));
        }
        assert_eq!(
            (asking.await.unwrap().unwrap(), last.await.unwrap().unwrap()),
            (Answer::Yes, Answer::Yes)
        );
    }

    const ASKED: Facts = Facts {
        can_ask: true,
        to_send: 1,
        yes: false,
        sandbox: false,
        agreed: false,
    };

    #[test]
    fn a_person_is_asked_unless_one_thing_says_otherwise() {
        assert!(needs_question(&ASKED));
        for facts in [
            Facts {
                can_ask: false,
                ..ASKED
            },
            Facts { to_send: 0, ..ASKED },
            Facts { yes: true, ..ASKED },
            Facts { sandbox: true, ..ASKED },
            Facts { agreed: true, ..ASKED },
        ] {
            assert!(!needs_question(&facts), "{facts:?}");
        }
    }
}
