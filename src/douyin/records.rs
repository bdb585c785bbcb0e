//! The platform's own records: what is asked, and what each answer says. Pure. What an answer does not say stays unknown.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value};

use super::codes::{Codes, Envelope, coupon, integer};
use super::wire::{BILL_PATH, COUNT_PATH, COUPONS_PATH, TEMPLATE_PATH};
use crate::model::identity::{ActivityId, AppId, CouponMetaId, OpenId};
use crate::model::outcome::{Class, Coupon, UNUSED_COUPON};
use crate::model::redactor::Redactor;
use crate::model::secret::Secret;

/// The platform does not know a template.
pub const NO_TEMPLATE: i64 = 29_005_013;
/// The platform has no bill of a day on which no coupon of the app was received.
pub const NO_BILL: i64 = 29_005_077;
/// The only kind of bill that the platform documents.
const RECEIVE_RECORD: &str = "receive_record";

/// A question about the platform's records.
pub trait Query: Serialize {
    /// What the answer says.
    type Content;

    /// The path of the endpoint.
    fn path(&self) -> &'static str;

    /// Reads an answer. `None` if it is not one of this endpoint.
    fn read(&self, answer: &Map<String, Value>, code: i64, secrets: &Redactor) -> Option<Self::Content>;
}

/// Asks how many coupons of an activity the platform counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[expect(clippy::struct_field_names, reason = "these are the platform's names")]
pub struct CountQuery {
    app_id: String,
    coupon_meta_id: String,
    activity_id: String,
}

/// How many coupons of an activity the platform counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// The coupons that users received. `None` if the answer has no row, or several, of the activity.
    pub received: Option<u64>,
    /// The coupons that users used. `None` likewise.
    pub consumed: Option<u64>,
}

/// Asks for the unused coupons of a user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CouponsQuery {
    app_id: String,
    open_id: String,
    coupon_status: i64,
}

/// Asks for one coupon of a user, whatever became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[expect(clippy::struct_field_names, reason = "these are the platform's names")]
pub struct CouponQuery {
    app_id: String,
    open_id: String,
    coupon_id: String,
}

/// Asks for a coupon template.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TemplateQuery {
    coupon_meta_id: String,
}

/// A coupon template, as far as a campaign has to fit it. What the answer does not say is `None`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CouponTemplate {
    /// The name that users see.
    pub coupon_name: Option<String>,
    /// The largest number of coupons, used ones included.
    pub stock_number: Option<u64>,
    /// The first moment at which users can receive a coupon.
    pub receive_from: Option<Timestamp>,
    /// The last moment.
    pub receive_until: Option<Timestamp>,
    /// When coupons with fixed dates end.
    pub valid_until: Option<Timestamp>,
    /// Its state, as a number that no document explains.
    pub status: Option<i64>,
}

/// The unused coupons of a user. A coupon that is missing proves nothing: it may be used, expired, or late.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UserCoupons {
    /// The coupons.
    pub coupons: Vec<UserCoupon>,
    /// Whether the answer has a coupon that cannot be read.
    pub is_partly_unreadable: bool,
}

/// One coupon of a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserCoupon {
    /// The coupon.
    pub coupon: Coupon,
    /// Whether a streamer gave it, so that no campaign of this program did.
    pub is_of_streamer: bool,
}

/// Asks for the list of all coupons of the app that were received on a day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BillQuery {
    app_id: String,
    bill_date: String,
    bill_type: &'static str,
}

/// Where the bill of a day is.
#[derive(Clone, Debug)]
pub enum BillPlace {
    /// The platform is still making it.
    NotReady,
    /// The platform has no data of that day.
    NoData,
    /// It can be downloaded. The address may carry a signature, so it is a secret.
    Ready(Secret),
}

impl CountQuery {
    /// Creates the query.
    #[must_use]
    pub fn new(app_id: &AppId, coupon_meta_id: &CouponMetaId, activity_id: &ActivityId) -> Self {
        Self {
            app_id: app_id.to_string(),
            coupon_meta_id: coupon_meta_id.to_string(),
            activity_id: activity_id.to_string(),
        }
    }
}

impl Query for CountQuery {
    type Content = Count;

    fn path(&self) -> &'static str {
        COUNT_PATH
    }

    fn read(&self, answer: &Map<String, Value>, _: i64, _: &Redactor) -> Option<Count> {
        let rows = answer
            .get("data")
            .and_then(|data| data.get("activity_stats")?.as_array());
        let is_ours = |row: &&Value| is_id(row.get("activity_id"), &self.activity_id);
        let mut ours = rows.into_iter().flatten().filter(is_ours);
        let (Some(row), None) = (ours.next(), ours.next()) else {
            return Some(Count::default());
        };
        let number = |name| integer(row.get(name)).and_then(|number| u64::try_from(number).ok());
        Some(Count {
            received: number("received_num"),
            consumed: number("consumed_num"),
        })
    }
}

/// Whether a value is this id, as text or as a number.
fn is_id(value: Option<&Value>, id: &str) -> bool {
    match value {
        Some(Value::String(text)) => text.trim() == id,
        Some(Value::Number(number)) => number.to_string() == id,
        _ => false,
    }
}

impl CouponsQuery {
    /// Creates the query.
    #[must_use]
    pub fn new(app_id: &AppId, open_id: &OpenId) -> Self {
        Self {
            app_id: app_id.to_string(),
            open_id: open_id.to_string(),
            coupon_status: UNUSED_COUPON,
        }
    }
}

impl Query for CouponsQuery {
    type Content = UserCoupons;

    fn path(&self) -> &'static str {
        COUPONS_PATH
    }

    fn read(&self, answer: &Map<String, Value>, _: i64, secrets: &Redactor) -> Option<UserCoupons> {
        user_coupons(answer, secrets)
    }
}

impl CouponQuery {
    /// Creates the query.
    #[must_use]
    pub fn new(app_id: &AppId, open_id: &OpenId, coupon_id: &str) -> Self {
        Self {
            app_id: app_id.to_string(),
            open_id: open_id.to_string(),
            coupon_id: coupon_id.to_owned(),
        }
    }
}

impl Query for CouponQuery {
    type Content = UserCoupons;

    fn path(&self) -> &'static str {
        COUPONS_PATH
    }

    fn read(&self, answer: &Map<String, Value>, _: i64, secrets: &Redactor) -> Option<UserCoupons> {
        user_coupons(answer, secrets)
    }
}

fn user_coupons(answer: &Map<String, Value>, secrets: &Redactor) -> Option<UserCoupons> {
    let data = answer.get("data");
    let list = match data.and_then(|data| data.get("coupon_receive_list")) {
        None | Some(Value::Null) => return Some(UserCoupons::default()),
        Some(list) => list.as_array()?,
    };
    let read: Vec<_> = list.iter().map(|info| user_coupon(info, secrets)).collect();
    Some(UserCoupons {
        is_partly_unreadable: read.iter().any(Option::is_none),
        coupons: read.into_iter().flatten().collect(),
    })
}

fn user_coupon(info: &Value, secrets: &Redactor) -> Option<UserCoupon> {
    let is_set = |name| match info.get(name) {
        None | Some(Value::Null) => false,
        Some(Value::String(text)) => !text.is_empty(),
        Some(_) => true,
    };
    Some(UserCoupon {
        coupon: coupon(info, secrets)?,
        is_of_streamer: is_set("talent_open_id") || is_set("talent_account"),
    })
}

impl TemplateQuery {
    /// Creates the query.
    #[must_use]
    pub fn new(coupon_meta_id: &CouponMetaId) -> Self {
        Self {
            coupon_meta_id: coupon_meta_id.to_string(),
        }
    }
}

impl Query for TemplateQuery {
    type Content = CouponTemplate;

    fn path(&self) -> &'static str {
        TEMPLATE_PATH
    }

    fn read(&self, answer: &Map<String, Value>, _: i64, secrets: &Redactor) -> Option<CouponTemplate> {
        // The page has it beside the code; other endpoints have their content in `data`.
        let beside = answer.get("coupon_meta");
        let template = beside.or_else(|| answer.get("data")?.get("coupon_meta"))?.as_object()?;
        let number = |name| integer(template.get(name));
        let time = |name| Timestamp::from_second(number(name).filter(|seconds| *seconds > 0)?).ok();
        let name = template.get("coupon_name").and_then(Value::as_str);
        Some(CouponTemplate {
            coupon_name: name.map(|name| secrets.redact(name).into_owned()),
            stock_number: number("stock_number").and_then(|number| u64::try_from(number).ok()),
            receive_from: time("receive_begin_time"),
            receive_until: time("receive_end_time"),
            valid_until: time("valid_end_time"),
            status: number("status"),
        })
    }
}

impl BillQuery {
    /// Creates the query for a day.
    #[must_use]
    pub fn new(app_id: &AppId, day: jiff::civil::Date) -> Self {
        Self {
            app_id: app_id.to_string(),
            bill_date: day.strftime("%Y%m%d").to_string(),
            bill_type: RECEIVE_RECORD,
        }
    }
}

impl Query for BillQuery {
    type Content = BillPlace;

    fn path(&self) -> &'static str {
        BILL_PATH
    }

    fn read(&self, answer: &Map<String, Value>, code: i64, _: &Redactor) -> Option<BillPlace> {
        if code == NO_BILL {
            return Some(BillPlace::NoData);
        }
        let data = answer.get("data");
        let url = data.and_then(|data| data.get("bill_download_url")?.as_str());
        let url = url.map(str::trim).filter(|url| !url.is_empty());
        // The platform's own sample lacks `is_generated`.
        match (answer.get("is_generated").and_then(Value::as_bool), url) {
            (Some(false), _) | (None, None) => Some(BillPlace::NotReady),
            (Some(true) | None, Some(url)) => Some(BillPlace::Ready(Secret::new(url))),
            (Some(true), None) => None,
        }
    }
}

/// What the platform answered to a query.
#[derive(Clone, Debug)]
pub struct Answered<T> {
    /// What the answer says.
    pub content: T,
    /// The platform's id of the exchange; empty if absent.
    pub log_id: String,
}

/// A body that does not answer a query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotAnswered {
    /// The platform refuses the query with this code.
    Code {
        /// The code.
        code: i64,
        /// Its class.
        class: Class,
        /// Its message.
        message: String,
        /// The platform's id of the exchange; empty if absent.
        log_id: String,
    },
    /// It is not an answer of this endpoint.
    Unreadable,
}

/// Reads the body of an answer to a query.
///
/// # Errors
/// When the body has another code than that of success, or cannot be read.
pub fn read<Q: Query>(
    query: &Q,
    body: &[u8],
    codes: &Codes,
    secrets: &Redactor,
) -> Result<Answered<Q::Content>, NotAnswered> {
    let envelope = Envelope::read(body, secrets).ok_or(NotAnswered::Unreadable)?;
    let whole: Map<String, Value> = serde_json::from_slice(body).map_err(|_| NotAnswered::Unreadable)?;
    let Envelope {
        code, message, log_id, ..
    } = envelope;
    if code != 0 && code != NO_BILL {
        let (class, _) = codes.classify(code);
        return Err(NotAnswered::Code {
            code,
            class,
            message,
            log_id,
        });
    }
    let content = query.read(&whole, code, secrets).ok_or(NotAnswered::Unreadable)?;
    Ok(Answered { content, log_id })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered<Q: Query>(query: &Q, body: &str) -> Result<Answered<Q::Content>, NotAnswered> {
        read(query, body.as_bytes(), &Codes::default(), &Redactor::default())
    }

    fn app() -> AppId {
        AppId::parse("tt1").unwrap()
    }

    fn count(rows: &str) -> Option<u64> {
        let query = CountQuery::new(
            &app(),
            &CouponMetaId::parse("72").unwrap(),
            &ActivityId::parse("7001").unwrap(),
        );
        let body = format!(r#"{{"err_no":0,"err_msg":"","log_id":"x","data":{{{rows}}}}}"#);
        answered(&query, &body).unwrap().content.received
    }

    #[test]
    fn only_the_row_of_the_activity_counts_and_a_missing_one_is_unknown() {
        assert_eq!(count(""), None);
        assert_eq!(count(r#""activity_stats":null"#), None);
        assert_eq!(
            count(r#""activity_stats":[{"activity_id":"7002","received_num":4}]"#),
            None
        );
        assert_eq!(
            count(r#""activity_stats":[{"activity_id":"7001","received_num":"4"}]"#),
            Some(4)
        );
        assert_eq!(
            count(r#""activity_stats":[{"activity_id":7001,"received_num":0}]"#),
            Some(0)
        );
        assert_eq!(count(r#""activity_stats":[{"activity_id":"7001"}]"#), None);
        let twice = r#"{"activity_id":"7001","received_num":4}"#;
        assert_eq!(count(&format!(r#""activity_stats":[{twice},{twice}]"#)), None);
    }

    fn coupons(body: &str) -> UserCoupons {
        let query = CouponsQuery::new(&app(), &OpenId::parse("u1").unwrap());
        answered(&query, body).unwrap().content
    }

    #[test]
    fn coupons_of_streamers_are_told_apart_and_a_coupon_without_an_id_is_unreadable() {
        let body = r#"{"err_no":0,"data":{"coupon_receive_list":[
            {"coupon_id":"1","receive_time":5,"talent_open_id":""},
            {"coupon_id":"2","talent_account":"t"},
            {"coupon_id":""}]}}"#;
        let read = coupons(body);
        let ids: Vec<_> = read
            .coupons
            .iter()
            .map(|it| (it.coupon.coupon_id.as_str(), it.is_of_streamer))
            .collect();
        assert_eq!(ids, [("1", false), ("2", true)]);
        assert!(read.is_partly_unreadable);
        assert_eq!(coupons(r#"{"err_no":0,"data":""}"#), UserCoupons::default());
    }

    #[test]
    fn a_template_is_read_beside_the_code_and_what_it_does_not_say_is_unknown() {
        let query = TemplateQuery::new(&CouponMetaId::parse("72").unwrap());
        let read = |body: &str| answered(&query, body).map(|answered| answered.content);
        let whole = r#"{"err_no":0,"coupon_meta":{"coupon_meta_id":"72","coupon_name":"Tea","stock_number":"1000",
            "receive_begin_time":1676984342,"receive_end_time":1676984442,"valid_end_time":0,"status":2}}"#;
        let template = CouponTemplate {
            coupon_name: Some("Tea".to_owned()),
            stock_number: Some(1000),
            receive_from: Some(Timestamp::from_second(1_676_984_342).unwrap()),
            receive_until: Some(Timestamp::from_second(1_676_984_442).unwrap()),
            valid_until: None,
            status: Some(2),
        };
        assert_eq!(read(whole), Ok(template));
        let little = r#"{"err_no":0,"data":{"coupon_meta":{"stock_number":-1}}}"#;
        assert_eq!(read(little), Ok(CouponTemplate::default()));
        assert_eq!(read(r#"{"err_no":0,"data":""}"#), Err(NotAnswered::Unreadable));
        let unknown = r#"{"err_no":29005013,"err_msg":"no such template","log_id":"L"}"#;
        assert!(matches!(
            read(unknown),
            Err(NotAnswered::Code { code: NO_TEMPLATE, .. })
        ));
    }

    fn bill(body: &str) -> Result<&'static str, NotAnswered> {
        let query = BillQuery::new(&app(), jiff::civil::date(2026, 6, 1));
        answered(&query, body).map(|answered| match answered.content {
            BillPlace::NotReady => "not ready",
            BillPlace::NoData => "no data",
            BillPlace::Ready(_) => "ready",
        })
    }

    #[test]
    fn a_bill_is_ready_if_it_has_an_address() {
        assert_eq!(bill(r#"{"err_no":0,"is_generated":false}"#), Ok("not ready"));
        assert_eq!(bill(r#"{"err_no":0,"data":""}"#), Ok("not ready"));
        assert_eq!(
            bill(r#"{"err_no":0,"data":{"bill_download_url":"https://x/y"}}"#),
            Ok("ready")
        );
        let ready = r#"{"err_no":0,"is_generated":true,"data":{"bill_download_url":"https://x/y"}}"#;
        assert_eq!(bill(ready), Ok("ready"));
        assert_eq!(
            bill(r#"{"err_no":0,"is_generated":true}"#),
            Err(NotAnswered::Unreadable)
        );
        assert_eq!(bill(r#"{"err_no":29005077,"err_msg":"no"}"#), Ok("no data"));
        assert!(matches!(
            bill(r#"{"err_no":28001005}"#),
            Err(NotAnswered::Code {
                class: Class::Retry,
                ..
            })
        ));
        assert_eq!(bill("<html>"), Err(NotAnswered::Unreadable));
    }
}
