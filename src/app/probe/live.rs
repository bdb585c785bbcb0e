//! The platform over HTTP, for a probe.

use std::sync::Arc;

use crate::app::doctor::with_causes;
use crate::catalogue::activity as text;
use crate::douyin::Platform;
use crate::douyin::activity::{ActivityAnswer, ActivityRequest};
use crate::douyin::client::{HttpPlatform, QueryError};
use crate::douyin::probe_send::ProbeAnswer;
use crate::douyin::records::{CountQuery, CouponQuery, NotAnswered, Query};
use crate::douyin::token::Access;
use crate::douyin::wire::{CreateActivityRequest, DeleteActivityRequest, SendRequest};
use crate::engine::query_pace::QueryPace;
use crate::model::activity::AnswerNote;
use crate::model::identity::{ActivityId, AppId, CouponMetaId, OpenId};
use crate::model::probe::{ProbeLog, STOCK, Step, StepAnswer};

/// The name of the activity in the platform's console.
const ACTIVITY_NAME: &str = "runner probe";

/// The platform of a probe.
pub struct LiveProbe {
    client: Arc<HttpPlatform>,
    pace: QueryPace,
}

/// What came back of a step.
#[derive(Clone, Debug, PartialEq)]
pub enum StepResult {
    /// An answer that the same request would get again.
    Clear(StepAnswer),
    /// None that says what happened.
    Unclear(AnswerNote),
}

/// A step whose request cannot be made, because the log has no valid id for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unaskable;

impl LiveProbe {
    /// Creates it.
    #[must_use]
    pub const fn new(client: Arc<HttpPlatform>, pace: QueryPace) -> Self {
        Self { client, pace }
    }

    /// Waits for a token and for the pace. The error says what prevents the request.
    pub async fn ready(&self) -> Result<Access, String> {
        self.pace.start().await;
        self.client.ready().await.map_err(|error| with_causes(&error))
    }

    /// Makes the request of a step, which the journal has.
    pub async fn ask(&self, access: &Access, log: &ProbeLog, step: Step) -> Result<StepResult, Unaskable> {
        // The last check before the request leaves: the lease of a worker may end at any moment.
        if !self.pace.is_trusted() {
            return Ok(StepResult::Unclear(AnswerNote {
                message: text::NotAllowedAnyMore.to_string(),
                ..AnswerNote::default()
            }));
        }
        let subject = &log.subject;
        let app_id = AppId::parse(&subject.app_id).map_err(|_| Unaskable)?;
        let open_id = OpenId::parse(&subject.open_id).map_err(|_| Unaskable)?;
        let template = CouponMetaId::parse(&subject.coupon_meta_id).map_err(|_| Unaskable)?;
        let activity_id = || log.activity_id().ok_or(Unaskable);
        Ok(match step {
            Step::Create | Step::CreateAgain => {
                let request = CreateActivityRequest {
                    app_id: subject.app_id.clone(),
                    coupon_meta_id: subject.coupon_meta_id.clone(),
                    coupon_stock_number: STOCK,
                    merchant_activity_id: log.activity_key(),
                    activity_name: ACTIVITY_NAME.to_owned(),
                };
                self.about_activity(access, ActivityRequest::Create(request)).await
            }
            Step::Delete | Step::DeleteAgain => self.delete(access, &app_id, activity_id()?).await,
            Step::DeleteOther => {
                let other = log.other_activity_id().ok_or(Unaskable)?;
                self.delete(access, &app_id, other).await
            }
            Step::Send | Step::SendAgain | Step::SendAnother | Step::SendAfterDeletion => {
                let request = SendRequest {
                    app_id: subject.app_id.clone(),
                    open_id: subject.open_id.clone(),
                    activity_id: activity_id()?.to_owned(),
                    merchant_coupon_id: log.coupon_key(step).ok_or(Unaskable)?,
                };
                sent(self.client.send_for_probe(access, &request).await)
            }
            Step::ReadCoupon => {
                let coupon_id = log.coupon_id().ok_or(Unaskable)?;
                let query = CouponQuery::new(&app_id, &open_id, coupon_id);
                self.query(&query, |coupons, answer| {
                    let is_it = |shown: &&crate::douyin::records::UserCoupon| shown.coupon.coupon_id == coupon_id;
                    let shown = coupons.coupons.iter().find(is_it);
                    answer.coupon_id = shown.map(|shown| shown.coupon.coupon_id.clone());
                    answer.coupon_status = shown.and_then(|shown| shown.coupon.coupon_status);
                })
                .await
            }
            Step::Count => {
                let activity_id = ActivityId::parse(activity_id()?).map_err(|_| Unaskable)?;
                let query = CountQuery::new(&app_id, &template, &activity_id);
                self.query(&query, |count, answer| answer.received = count.received)
                    .await
            }
        })
    }

    async fn delete(&self, access: &Access, app_id: &AppId, activity_id: &str) -> StepResult {
        let request = DeleteActivityRequest {
            app_id: app_id.to_string(),
            activity_id: activity_id.to_owned(),
        };
        self.about_activity(access, ActivityRequest::Delete(request)).await
    }

    async fn about_activity(&self, access: &Access, request: ActivityRequest) -> StepResult {
        match self.client.request_activity(access, &request).await {
            ActivityAnswer::Done { activity_id, log_id } => StepResult::Clear(StepAnswer {
                log_id,
                activity_id: activity_id.map(|id| id.to_string()),
                ..StepAnswer::default()
            }),
            ActivityAnswer::NotDone { is_passing, note } | ActivityAnswer::Unknown { is_passing, note } => {
                match note.code.filter(|_| !is_passing) {
                    Some(code) => StepResult::Clear(coded(code, note)),
                    None => StepResult::Unclear(note),
                }
            }
        }
    }

    async fn query<Q: Query + Sync>(
        &self,
        query: &Q,
        read: impl FnOnce(&Q::Content, &mut StepAnswer) + Send,
    ) -> StepResult {
        let unclear = |message: String| {
            StepResult::Unclear(AnswerNote {
                message,
                ..AnswerNote::default()
            })
        };
        match self.client.query(query).await {
            Ok(answered) => {
                let mut answer = StepAnswer {
                    log_id: answered.log_id,
                    ..StepAnswer::default()
                };
                read(&answered.content, &mut answer);
                StepResult::Clear(answer)
            }
            Err(QueryError::NotReady(error)) => unclear(with_causes(&error)),
            Err(QueryError::NoAnswer(why)) => unclear(why),
            Err(QueryError::NotAnswered { status, what }) => match what {
                NotAnswered::Unreadable => unclear(format!("HTTP {status}")),
                NotAnswered::Code {
                    code,
                    class,
                    message,
                    log_id,
                } => {
                    let note = AnswerNote {
                        code: Some(code),
                        message,
                        log_id,
                    };
                    if class.is_passing() {
                        StepResult::Unclear(note)
                    } else {
                        StepResult::Clear(coded(code, note))
                    }
                }
            },
        }
    }
}

fn sent(answer: ProbeAnswer) -> StepResult {
    match answer {
        ProbeAnswer::Issued { coupon, log_id } => StepResult::Clear(StepAnswer {
            log_id,
            coupon_id: Some(coupon.coupon_id),
            coupon_status: coupon.coupon_status,
            ..StepAnswer::default()
        }),
        ProbeAnswer::Code(note) => match note.code {
            Some(code) => StepResult::Clear(coded(code, note)),
            None => StepResult::Unclear(note),
        },
        ProbeAnswer::Unclear(note) => StepResult::Unclear(note),
    }
}

fn coded(code: i64, note: AnswerNote) -> StepAnswer {
    StepAnswer {
        code,
        message: note.message,
        log_id: note.log_id,
        ..StepAnswer::default()
    }
}
