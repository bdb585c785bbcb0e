//! The platform over HTTP: requests about activities wait for the app lock, the token and the pace, as sends do.

use std::sync::Arc;
use std::time::Duration;

use crate::douyin::activity::{ActivityAnswer, ActivityRequest};
use crate::douyin::client::HttpPlatform;
use crate::douyin::token::Access;
use crate::douyin::{NotReady as NoToken, Platform};
use crate::engine::app_limiter::{AppLimiter, Caller, NotTaken};
use crate::model::activity::AnswerNote;
use crate::model::event::AppLockHolder;
use crate::plan::Plan;

use super::{ActivityPlatform, NotReady};
use crate::app::doctor::with_causes;
use crate::catalogue::activity as text;

/// How often the app lock is asked for while another process has it.
const ASK_AGAIN: Duration = Duration::from_secs(1);

/// The platform over HTTP.
pub struct LivePlatform<'a> {
    client: &'a HttpPlatform,
    limiter: &'a Arc<AppLimiter>,
    plan: &'a Plan,
    /// Called when another process has the app id.
    waits: &'a (dyn Fn(&AppLockHolder) + Sync),
}

/// A token and the app lock.
pub struct Ready {
    access: Access,
    caller: Caller,
}

impl<'a> LivePlatform<'a> {
    /// Creates it. `waits` is called while another process has the app id; with `no_wait` of the plan, that is an error.
    #[must_use]
    pub fn new(
        client: &'a HttpPlatform,
        limiter: &'a Arc<AppLimiter>,
        plan: &'a Plan,
        waits: &'a (dyn Fn(&AppLockHolder) + Sync),
    ) -> Self {
        Self {
            client,
            limiter,
            plan,
            waits,
        }
    }

    async fn caller(&self) -> Result<Caller, NotReady> {
        let plan = self.plan;
        loop {
            let taken = self.limiter.take_for_calls(plan.pace.per_second, plan.retry.timeout);
            match taken.await {
                Ok(caller) => return Ok(caller),
                Err(NotTaken::By(holder)) => {
                    (self.waits)(&holder);
                    if plan.run.no_wait {
                        let why = text::AppIdTaken.to_string();
                        return Err(NotReady { is_passing: false, why });
                    }
                    tokio::time::sleep(ASK_AGAIN).await;
                }
                Err(NotTaken::Failed(error)) => {
                    let why = with_causes(&*error);
                    return Err(NotReady { is_passing: false, why });
                }
            }
        }
    }
}

impl ActivityPlatform for LivePlatform<'_> {
    type Ready = Ready;

    async fn ready(&self) -> Result<Ready, NotReady> {
        let caller = self.caller().await?;
        match self.client.ready().await {
            Ok(access) => Ok(Ready { access, caller }),
            Err(error) => Err(NotReady {
                is_passing: matches!(error, NoToken::OutOfReach { .. }),
                why: error.to_string(),
            }),
        }
    }

    async fn request(&self, Ready { access, caller }: Ready, request: &ActivityRequest) -> ActivityAnswer {
        caller.start().await;
        // The last check before the request leaves: the lease of a worker may end at any moment.
        if !self.client.is_current(&access) || !caller.is_trusted() {
            let note = AnswerNote {
                message: text::NotAllowedAnyMore.to_string(),
                ..AnswerNote::default()
            };
            return ActivityAnswer::NotDone { is_passing: true, note };
        }
        self.client.request_activity(&access, request).await
    }
}
