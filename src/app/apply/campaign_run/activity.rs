//! The activity that a campaign declares, while the campaign runs.

use std::fmt::Display;
use std::sync::Arc;

use crate::app::activity::{self, Activities, BeforeSends, LivePlatform, ReleaseResult};
use crate::app::campaign_store::CampaignStore;
use crate::app::doctor::with_causes;
use crate::app::error::AppError;
use crate::app::reconcile::{Records, connect_in_run};
use crate::catalogue::{Text, activity as activity_text};
use crate::douyin::client::HttpPlatform;
use crate::engine::audience_diff::Admission;
use crate::ledger::{Ledger, LedgerState};
use crate::model::activity::DeclaredActivity;
use crate::model::delivery::StateName;
use crate::model::event::{AppLockHolder, EventKind, Phase, Waiting};
use crate::model::identity::ActivityId;
use crate::report::text::visible;
use crate::report::times::grouped;

use super::super::count_watch::DeclaredRun;
use super::super::owner;
use super::StartedRun;

impl StartedRun<'_> {
    /// Returns the activity that the campaign declares, and creates it if something is owed and it does not exist yet.
    pub(super) async fn declared_activity(
        &self,
        declared: &DeclaredActivity,
        ledger: &mut Ledger<CampaignStore>,
        admission: &Admission,
        platform: &Arc<HttpPlatform>,
    ) -> Result<ActivityId, AppError> {
        let to_send = admission.counts.owed() + admission.counts.count(StateName::InDoubt);
        let before = activity::before_sends(ledger.state().activities_asked_for(), declared, to_send);
        let order = match before.map_err(|error| activity::failed(&self.campaign.loaded, error))? {
            BeforeSends::GoOn(activity_id) => return Ok(activity_id),
            BeforeSends::Create(order) => order,
        };
        let created = self.with_activities(ledger, platform, async |mut activities| activities.create(&order).await);
        let created = created
            .await
            .map_err(|error| activity::failed(&self.campaign.loaded, error))?;
        let activity_id = created.activity_id;
        self.emit(EventKind::ActivityCreated {
            number: created.order.number,
            activity_id: activity_id.clone(),
            stock: created.order.stock,
        });
        Ok(activity_id)
    }

    /// Makes requests about the campaign's activity.
    async fn with_activities<T>(
        &self,
        ledger: &mut Ledger<CampaignStore>,
        platform: &HttpPlatform,
        request: impl AsyncFnOnce(Activities<'_, CampaignStore, LivePlatform<'_>>) -> T,
    ) -> T {
        let loaded = &self.campaign.loaded;
        let waits = |holder: &AppLockHolder| {
            let why = Waiting::AppId { holder: holder.clone() };
            self.emit(EventKind::Phase(Phase::Waiting { why, until: None }));
        };
        let live = LivePlatform::new(platform, &self.limiter, &loaded.plan, &waits);
        let activities = Activities {
            ledger,
            platform: &live,
            retry: &loaded.plan.retry,
            clock: &loaded.environment.clock,
        };
        request(activities).await
    }

    /// Says after a halt whether the platform counts as many coupons as the activity has: no document gives a code for that.
    pub(super) async fn explain_stock(&self, ledger_state: &LedgerState, platform: &Arc<HttpPlatform>) {
        let plan = &self.campaign.loaded.plan;
        let newest = ledger_state.activities_asked_for().newest();
        let Some(newest) = newest.filter(|_| plan.activity.is_some()) else {
            return;
        };
        let count = async {
            let records = connect_in_run(plan, platform, &self.limiter).await.ok()?;
            let counted = records.count(&newest.order.coupon_meta_id, &newest.activity_id).await;
            counted.ok()?.content.received
        };
        let received = tokio::select! {
            received = count => received,
            () = owner::stopped(self.commands.clone()) => None,
        };
        let Some(received) = received else { return };
        let stock = newest.order.stock;
        let activity: &dyn Display = &newest.activity_id;
        let message = if received >= stock {
            Text::new(&activity_text::StockUsedUp {
                activity,
                received: &grouped(received),
            })
        } else {
            Text::new(&activity_text::StockNotUsedUp {
                activity,
                received: &grouped(received),
                stock: &grouped(stock),
            })
        };
        self.emit(EventKind::Warning { message });
    }

    /// This run, whose activity the platform is asked to count. `None` if the campaign file names its activity.
    pub(super) fn counted_run(&self, ledger_state: &LedgerState, platform: &Arc<HttpPlatform>) -> Option<DeclaredRun> {
        let loaded = &self.campaign.loaded;
        let plan = &loaded.plan;
        let newest = ledger_state.activities_asked_for().newest();
        let activity = newest.filter(|_| plan.activity.is_some())?.clone();
        let counts = ledger_state.counts();
        let own = activity.issued + ledger_state.unknown_under(&activity.activity_id);
        Some(DeclaredRun {
            per_second: plan.pace.per_second,
            timeout: plan.retry.timeout,
            app_id: plan.identity.app_id.clone(),
            platform: Arc::clone(platform),
            limiter: Arc::clone(&self.limiter),
            activity,
            elsewhere: (counts.count(StateName::Issued) + counts.unknown()).saturating_sub(own),
            reporter: Arc::clone(&self.reporter),
            clock: loaded.environment.clock.clone(),
        })
    }

    /// Releases the activity if the campaign file wants that, and nothing needs it any more. A failure is a warning, because each
    /// delivery has its outcome; the next apply asks again.
    pub(super) async fn release_activity(&self, ledger: &mut Ledger<CampaignStore>, platform: &HttpPlatform) {
        let Some(declared) = &self.campaign.loaded.plan.activity else {
            return;
        };
        if !activity::is_release_due(declared, ledger.state()) {
            return;
        }
        let released = self.with_activities(ledger, platform, async |mut activities| activities.release().await);
        let stopped = owner::stopped(self.commands.clone());
        let released = tokio::select! {
            released = released => released,
            () = stopped => return,
        };
        let why = match released {
            Ok(ReleaseResult::Released(activity_id)) => return self.emit(EventKind::ActivityReleased { activity_id }),
            Ok(ReleaseResult::Before) => return,
            Ok(ReleaseResult::NotReleased(note)) => note.message,
            Err(error) => with_causes(&error),
        };
        let message = Text::new(&activity_text::ReleaseFailed { why: &visible(&why) });
        self.emit(EventKind::Warning { message });
    }
}
