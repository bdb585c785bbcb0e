//! Asks the platform for its own records, at a small part of the campaign's pace.

use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use jiff::civil::Date;

use crate::catalogue::reconcile as text;
use crate::douyin::NotReady;
use crate::douyin::Way;
use crate::douyin::bill_download::{DownloadError, Downloaded, download};
use crate::douyin::client::{Client, QueryError};
use crate::douyin::records::{
    Answered, BillPlace, BillQuery, Count, CountQuery, CouponQuery, CouponTemplate, CouponsQuery, NotAnswered, Query,
    TemplateQuery, UserCoupons,
};
use crate::engine::query_pace::QueryPace;
use crate::model::identity::{ActivityId, AppId, CouponMetaId, OpenId};
use crate::model::secret::Secret;

/// How often a query is made that gets no answer.
const TRIES: u32 = 4;
/// The wait before the second try. It doubles from there.
const FIRST_WAIT: Duration = Duration::from_secs(1);

/// The platform's own records.
pub trait Records {
    /// Asks how many coupons of an activity the platform counts.
    fn count(
        &self,
        coupon_meta_id: &CouponMetaId,
        activity_id: &ActivityId,
    ) -> impl Future<Output = Result<Answered<Count>, NotAsked>> + Send;

    /// Asks for the unused coupons of a user.
    fn coupons(&self, open_id: &OpenId) -> impl Future<Output = Result<Answered<UserCoupons>, NotAsked>> + Send;

    /// Asks for one coupon of a user.
    fn coupon(
        &self,
        open_id: &OpenId,
        coupon_id: &str,
    ) -> impl Future<Output = Result<Answered<UserCoupons>, NotAsked>> + Send;

    /// Asks for the bill of a day.
    fn bill(&self, day: Date) -> impl Future<Output = Result<Answered<BillPlace>, NotAsked>> + Send;

    /// Downloads a bill, and passes its bytes to `keep`.
    fn download(
        &self,
        url: &Secret,
        keep: impl FnMut(&[u8]) -> io::Result<()> + Send,
    ) -> impl Future<Output = Result<Downloaded, DownloadError>> + Send;
}

/// Why a query has no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAsked {
    /// The platform does not accept the credentials, or its certificate does not verify. No other query would be answered.
    #[error("{0}")]
    Never(String),
    /// The platform refuses the query.
    #[error("{}", refused(*code, message, log_id))]
    Refused {
        /// The code.
        code: i64,
        /// Its message.
        message: String,
        /// The platform's id of the exchange; empty if absent.
        log_id: String,
    },
    /// No answer came, or not one of the platform.
    #[error("{0}")]
    NoAnswer(String),
}

fn refused(code: i64, message: &str, log_id: &str) -> String {
    text::QueryRefused {
        code: &code,
        message: &message,
        log_id: &log_id,
    }
    .to_string()
}

/// The records of the platform that a client reaches.
pub struct PlatformRecords<W> {
    client: Arc<Client<W>>,
    app_id: AppId,
    pace: QueryPace,
    is_platform_here: bool,
}

impl<W: Way> PlatformRecords<W> {
    /// Creates them. `is_platform_here` says that the platform's address is on this machine.
    #[must_use]
    pub const fn new(client: Arc<Client<W>>, app_id: AppId, pace: QueryPace, is_platform_here: bool) -> Self {
        Self {
            client,
            app_id,
            pace,
            is_platform_here,
        }
    }

    /// Asks for a template.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn template(&self, coupon_meta_id: &CouponMetaId) -> Result<Answered<CouponTemplate>, NotAsked> {
        self.ask(&TemplateQuery::new(coupon_meta_id)).await
    }

    /// Makes a query, and again if it gets no answer.
    async fn ask<Q: Query + Sync>(&self, query: &Q) -> Result<Answered<Q::Content>, NotAsked> {
        let mut wait = FIRST_WAIT;
        for _ in 1..TRIES {
            match self.ask_once(query).await {
                Err(Failed::Again(_)) => {
                    tokio::time::sleep(wait).await;
                    wait *= 2;
                }
                Err(Failed::Final(why)) => return Err(why),
                Ok(answered) => return Ok(answered),
            }
        }
        self.ask_once(query).await.map_err(|failed| match failed {
            Failed::Again(why) | Failed::Final(why) => why,
        })
    }

    async fn ask_once<Q: Query + Sync>(&self, query: &Q) -> Result<Answered<Q::Content>, Failed> {
        self.pace.start().await;
        self.client.query(query).await.map_err(|error| match error {
            QueryError::NotReady(why @ NotReady::OutOfReach { .. }) => {
                Failed::Again(NotAsked::NoAnswer(why.to_string()))
            }
            QueryError::NotReady(why) => Failed::Final(NotAsked::Never(why.to_string())),
            QueryError::NoAnswer(why) => Failed::Again(NotAsked::NoAnswer(why)),
            QueryError::NotAnswered {
                status,
                what: NotAnswered::Unreadable,
            } => Failed::Again(NotAsked::NoAnswer(
                text::QueryUnreadable { status: &status }.to_string(),
            )),
            QueryError::NotAnswered {
                what:
                    NotAnswered::Code {
                        code,
                        class,
                        message,
                        log_id,
                    },
                ..
            } => {
                let why = NotAsked::Refused { code, message, log_id };
                if class.is_passing() {
                    Failed::Again(why)
                } else {
                    Failed::Final(why)
                }
            }
        })
    }
}

/// A query without an answer.
enum Failed {
    /// The next try may succeed.
    Again(NotAsked),
    /// No other try will.
    Final(NotAsked),
}

impl<W: Way> Records for PlatformRecords<W> {
    async fn count(
        &self,
        coupon_meta_id: &CouponMetaId,
        activity_id: &ActivityId,
    ) -> Result<Answered<Count>, NotAsked> {
        self.ask(&CountQuery::new(&self.app_id, coupon_meta_id, activity_id))
            .await
    }

    async fn coupons(&self, open_id: &OpenId) -> Result<Answered<UserCoupons>, NotAsked> {
        self.ask(&CouponsQuery::new(&self.app_id, open_id)).await
    }

    async fn coupon(&self, open_id: &OpenId, coupon_id: &str) -> Result<Answered<UserCoupons>, NotAsked> {
        self.ask(&CouponQuery::new(&self.app_id, open_id, coupon_id)).await
    }

    async fn bill(&self, day: Date) -> Result<Answered<BillPlace>, NotAsked> {
        self.ask(&BillQuery::new(&self.app_id, day)).await
    }

    async fn download(
        &self,
        url: &Secret,
        keep: impl FnMut(&[u8]) -> io::Result<()> + Send,
    ) -> Result<Downloaded, DownloadError> {
        self.pace.start().await;
        download(url, self.is_platform_here, keep).await
    }
}
