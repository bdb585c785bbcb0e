//! Compares the platform's count of the declared activity with the run while it sends, so that a wrong count is noticed early.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::app::reconcile::COUNT_DELAY;
use crate::catalogue::{Text, activity as text};
use crate::douyin::client::HttpPlatform;
use crate::douyin::records::CountQuery;
use crate::engine::app_limiter::AppLimiter;
use crate::model::activity::CreatedActivity;
use crate::model::clock::Clock;
use crate::model::delivery::StateName;
use crate::model::event::{Emit as _, Event, EventKind};
use crate::model::identity::{ActivityId, AppId};
use crate::report::reporter::Reporter;
use crate::report::run_stats::RunStats;
use crate::report::times::grouped;

/// How often the platform is asked.
pub const EVERY: Duration = Duration::from_mins(5);

/// What the run knows of the coupons of its activity.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OwnCoupons {
    /// Those that the platform confirmed.
    pub confirmed: u64,
    /// Those that it may have given.
    pub at_most: u64,
    /// The attempts of the run, which say whether it has sent since the last count.
    pub attempts: u64,
}

impl OwnCoupons {
    /// What a run knows by its statistics. `elsewhere` is how many coupons of other activities it began with, issued or not known.
    #[must_use]
    pub fn new(stats: &RunStats, elsewhere: u64) -> Self {
        let RunStats { counts, valuation, .. } = stats;
        let issued = counts.count(StateName::Issued);
        Self {
            confirmed: issued.saturating_sub(elsewhere),
            at_most: issued + counts.unknown() + valuation.reopened,
            attempts: stats.sends.attempts,
        }
    }
}

/// Why a count is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WrongCount {
    /// The platform counts more coupons than the campaign can have sent.
    More {
        /// What it counts.
        received: u64,
        /// The most that the campaign can have sent.
        at_most: u64,
    },
    /// The platform counts fewer coupons than it had confirmed long before.
    Fewer {
        /// What it counts.
        received: u64,
        /// What it had confirmed.
        confirmed: u64,
    },
}

impl WrongCount {
    /// What is wrong, and what to do.
    #[must_use]
    pub fn text(self, activity_id: &ActivityId) -> Text {
        let activity: &dyn Display = activity_id;
        match self {
            Self::More { received, at_most } => Text::new(&text::CountMore {
                activity,
                received: &grouped(received),
                most: &grouped(at_most),
            }),
            Self::Fewer { received, confirmed } => Text::new(&text::CountFewer {
                activity,
                received: &grouped(received),
                confirmed: &grouped(confirmed),
            }),
        }
    }
}

/// Judges the counts of a run. Each kind of wrong count is reported once.
#[derive(Debug, Default)]
pub struct CountJudge {
    /// What was confirmed, and when.
    confirmed: VecDeque<(Instant, u64)>,
    has_told_more: bool,
    has_told_fewer: bool,
}

impl CountJudge {
    /// Judges a count. `own` is what the run knew when the answer was there, so it has each coupon that the count can have.
    pub fn judge(&mut self, now: Instant, own: OwnCoupons, received: u64) -> Option<WrongCount> {
        self.confirmed.push_back((now, own.confirmed));
        let mut settled = None;
        while let Some((at, confirmed)) = self.confirmed.front().copied()
            && now.duration_since(at) >= COUNT_DELAY.unsigned_abs()
        {
            self.confirmed.pop_front();
            settled = Some(confirmed);
        }
        let at_most = own.at_most;
        if received > at_most && !std::mem::replace(&mut self.has_told_more, received > at_most) {
            return Some(WrongCount::More { received, at_most });
        }
        let confirmed = settled.filter(|confirmed| received < *confirmed)?;
        let is_first = !std::mem::replace(&mut self.has_told_fewer, true);
        is_first.then_some(WrongCount::Fewer { received, confirmed })
    }
}

/// A run whose count is compared.
pub trait Counted: Sync {
    /// What the run knows.
    fn own(&self) -> OwnCoupons;

    /// Asks the platform for its count. `None` without an answer.
    fn count(&self) -> impl Future<Output = Option<u64>> + Send;

    /// Reports a wrong count.
    fn tell(&self, wrong: WrongCount);
}

/// Asks for the count every five minutes in which the run has sent. Never returns.
pub async fn watch(run: impl Counted) -> Infallible {
    let mut judge = CountJudge::default();
    let mut attempts = None;
    loop {
        tokio::time::sleep(EVERY).await;
        let before = attempts.replace(run.own().attempts);
        if before == attempts {
            continue;
        }
        let Some(received) = run.count().await else { continue };
        if let Some(wrong) = judge.judge(Instant::now(), run.own(), received) {
            run.tell(wrong);
        }
    }
}

/// Watches the count of a run, if there is one to watch. Never returns.
pub async fn watch_if_any(run: Option<impl Counted>) -> Infallible {
    match run {
        Some(run) => watch(run).await,
        None => std::future::pending().await,
    }
}

/// A run that sends under the activity that its campaign declares.
pub struct DeclaredRun {
    /// The pace of the campaign, in starts a second.
    pub per_second: f64,
    /// The longest time of a request.
    pub timeout: Duration,
    /// The mini-app.
    pub app_id: AppId,
    /// The client.
    pub platform: Arc<HttpPlatform>,
    /// What the runs of the app id share.
    pub limiter: Arc<AppLimiter>,
    /// The activity.
    pub activity: CreatedActivity,
    /// How many coupons of other activities the run began with, issued or not known.
    pub elsewhere: u64,
    /// The run.
    pub reporter: Arc<Reporter>,
    /// The wall clock.
    pub clock: Clock,
}

impl Counted for DeclaredRun {
    fn own(&self) -> OwnCoupons {
        OwnCoupons::new(&self.reporter.stats(), self.elsewhere)
    }

    /// The question takes one start of the app id's pace. It is not asked while another process sends for the app id.
    async fn count(&self) -> Option<u64> {
        let caller = self.limiter.take_for_calls(self.per_second, self.timeout).await.ok()?;
        caller.start().await;
        if !caller.is_trusted() {
            return None;
        }
        let CreatedActivity { order, activity_id, .. } = &self.activity;
        let query = CountQuery::new(&self.app_id, &order.coupon_meta_id, activity_id);
        self.platform.query(&query).await.ok()?.content.received
    }

    fn tell(&self, wrong: WrongCount) {
        let message = wrong.text(&self.activity.activity_id);
        let at = self.clock.now();
        let kind = EventKind::Warning { message };
        self.reporter.emit(Event { at, kind });
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    fn own(confirmed: u64, unknown: u64) -> OwnCoupons {
        OwnCoupons {
            confirmed,
            at_most: confirmed + unknown,
            attempts: confirmed + unknown,
        }
    }

    #[test]
    fn a_count_is_wrong_above_what_was_sent_and_below_what_was_confirmed_an_hour_ago() {
        let mut judge = CountJudge::default();
        let began = Instant::now();
        let at = |minutes: u64| began + Duration::from_mins(minutes);
        assert_eq!(judge.judge(at(5), own(100, 7), 107), None, "all doubts may be issued");
        assert_eq!(judge.judge(at(10), own(200, 7), 3), None, "a count may be late");
        let more = WrongCount::More {
            received: 308,
            at_most: 307,
        };
        assert_eq!(judge.judge(at(15), own(300, 7), 308), Some(more));
        assert_eq!(judge.judge(at(20), own(300, 7), 309), None, "it is reported once");
        assert_eq!(
            judge.judge(at(65), own(900, 0), 100),
            None,
            "it has what was confirmed an hour ago"
        );
        let fewer = WrongCount::Fewer {
            received: 199,
            confirmed: 200,
        };
        assert_eq!(judge.judge(at(70), own(900, 0), 199), Some(fewer));
        assert_eq!(judge.judge(at(85), own(900, 0), 199), None, "it is reported once");
    }

    /// A run that sends ten coupons a minute, except in the minutes 12 to 37.
    struct Played {
        began: Instant,
        asked: Mutex<Vec<u64>>,
        told: Mutex<Vec<WrongCount>>,
    }

    impl Counted for &Played {
        fn own(&self) -> OwnCoupons {
            let minutes = self.began.elapsed().as_secs() / 60;
            let idle = minutes.clamp(12, 38) - 12;
            own((minutes - idle) * 10, 0)
        }

        async fn count(&self) -> Option<u64> {
            let minute = self.began.elapsed().as_secs() / 60;
            self.asked.lock().unwrap().push(minute);
            Some(self.own().confirmed + 1)
        }

        fn tell(&self, wrong: WrongCount) {
            self.told.lock().unwrap().push(wrong);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_platform_is_asked_every_five_minutes_in_which_the_run_has_sent() {
        let run = Played {
            began: Instant::now(),
            asked: Mutex::default(),
            told: Mutex::default(),
        };
        let ends = tokio::time::sleep(Duration::from_mins(58));
        tokio::select! {
            _ = watch(&run) => {}
            () = ends => {}
        }
        assert_eq!(*run.asked.lock().unwrap(), [5, 10, 15, 40, 45, 50, 55]);
        assert_eq!(run.told.lock().unwrap().len(), 1);
    }
}
