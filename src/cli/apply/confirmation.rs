//! The question before anything is sent, asked once for all campaigns of the process that need it. A campaign without a
//! question (because its plan was agreed to before, for example) gives up its seat: it does not wait, and nothing waits for
//! it.

use tokio::sync::{mpsc, oneshot, watch};

use crate::cli::failure::Failure;
use crate::cli::question::{self, About, Answer};
use crate::model::problem::Problem;
use crate::model::run_command::RunCommand;

use super::{Common, owner};

/// A campaign's right to have its question asked. The question is asked once each seat has been used or dropped.
pub(super) struct ConfirmationSeat {
    /// The campaign's position among those given.
    number: usize,
    wants: mpsc::Sender<Wants>,
    alone: bool,
}

/// The request of one campaign for a person's agreement.
struct Wants {
    number: usize,
    about: About,
    commands: watch::Receiver<RunCommand>,
    answer: oneshot::Sender<Result<Answer, Failure>>,
}

/// Asks the question for all seats.
pub(super) struct Confirmation(mpsc::Receiver<Wants>);

/// Creates `many` seats and the asker that serves them.
pub(super) fn seats(many: usize) -> (Vec<ConfirmationSeat>, Confirmation) {
    let (wants, asked) = mpsc::channel(many.max(1));
    let seat = |number| ConfirmationSeat {
        number,
        wants: wants.clone(),
        alone: many == 1,
    };
    ((0..many).map(seat).collect(), Confirmation(asked))
}

impl ConfirmationSeat {
    /// Asks a person about this campaign and waits for the answer. Returns [`Answer::Stopped`] when the run is stopped
    /// first.
    pub(super) async fn ask(self, about: About, commands: watch::Receiver<RunCommand>) -> Result<Answer, Failure> {
        let (answer, answered) = oneshot::channel();
        let wants = Wants {
            number: self.number,
            about,
            commands: commands.clone(),
            answer,
        };
        let sent = self.wants.send(wants).await.is_ok();
        // The asker waits until every sender is dropped.
        drop(self.wants);
        let stopped = async {
            // With one campaign the question itself watches for an order to stop.
            if self.alone {
                std::future::pending::<()>().await;
            }
            owner::stopped(commands).await;
        };
        tokio::select! {
            answer = answered, if sent => answer.unwrap_or(Ok(Answer::Stopped)),
            () = stopped => Ok(Answer::Stopped),
            else => Ok(Answer::Stopped),
        }
    }
}

impl Confirmation {
    /// Waits until each seat is used or dropped. Returns the requests of the campaigns that were not stopped, in the order
    /// in which the campaigns were given.
    async fn gather(mut self) -> Vec<Wants> {
        let mut all = Vec::new();
        while let Some(wants) = self.0.recv().await {
            all.push(wants);
        }
        all.retain(|wants| !wants.commands.borrow().stops());
        // Campaigns finish reading their audiences in any order.
        all.sort_by_key(|wants| wants.number);
        all
    }

    /// Asks one question for all campaigns that need it, once no other campaign can.
    pub(super) async fn ask(self, common: &Common) {
        let all = self.gather().await;
        if all.is_empty() {
            return;
        }
        let answer = tokio::task::block_in_place(|| put(&all, common));
        for wants in all {
            // A campaign that was stopped in the meantime has dropped its receiver.
            let _ = wants.answer.send(answer.clone());
        }
    }
}

fn put(all: &[Wants], common: &Common) -> Result<Answer, Failure> {
    let about: Vec<_> = all.iter().map(|wants| &wants.about).collect();
    let stopped = || all.iter().all(|wants| wants.commands.borrow().stops());
    let answer = question::ask_person(&common.context.console, &question::to_send(&about), stopped);
    if let Ok(Answer::No) = answer {
        let of = if common.alone {
            ""
        } else {
            " for those that were asked about"
        };
        common
            .context
            .talk(&format!("nothing was sent and nothing was changed{of}\n"));
    }
    answer.map_err(|error| Failure::new(Problem::Question, "cannot ask on the terminal").caused_by(&error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::identity::{ActivityId, AppId, CampaignName};

    fn about(campaign: &str) -> About {
        About {
            campaign: CampaignName::parse(campaign).unwrap(),
            title: None,
            app_id: AppId::parse("tt1").unwrap(),
            activity_id: ActivityId::parse("7218071234565644204").unwrap(),
            base_url: "https://open.douyin.com".into(),
            to_send: 1,
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
        let asking = tokio::spawn(seat().ask(about("asks"), go.1.clone()));
        let stopped = tokio::spawn(seat().ask(about("stopped"), stop.1));
        drop(seat());
        let mut gathering = Box::pin(asker.gather());
        let early = std::future::poll_fn(|cx| std::task::Poll::Ready(gathering.as_mut().poll(cx).is_ready()));
        assert!(!early.await, "a seat is still taken");
        stop.0.send_replace(RunCommand::Stop { by: None });
        assert_eq!(stopped.await.unwrap(), Ok(Answer::Stopped));
        let last = tokio::spawn(slow.ask(about("slow"), go.1.clone()));
        let all = gathering.await;
        let names: Vec<_> = all.iter().map(|wants| wants.about.campaign.to_string()).collect();
        assert_eq!(names, ["slow", "asks"]);
        for wants in all {
            let _ = wants.answer.send(Ok(Answer::Yes));
        }
        assert_eq!(
            (asking.await.unwrap(), last.await.unwrap()),
            (Ok(Answer::Yes), Ok(Answer::Yes))
        );
    }
}
