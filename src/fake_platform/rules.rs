//! The platform's rules: the quota, which users get a coupon, and the answer to a repeated id.

#[cfg(test)]
mod tests;

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::Offset;
use serde::Serialize;
use serde_json::{Value, json};

use super::activities::{Activities, Refused, RepeatedActivity};
use super::records::{NO_BILL, Receipt, RecordSettings, Records};
use super::template::{NO_TEMPLATE, TemplateSettings};
use super::tokens::{TokenKind, TokenStatus, Tokens, WRONG};
use super::{COUPON_NAME, Moment, draw, fraction};
use crate::douyin::wire::{
    BILL_PATH, COUNT_PATH, COUPONS_PATH, CreateActivityRequest, DeleteActivityRequest, SendRequest, TEMPLATE_PATH,
    TokenRequest,
};

/// The codes of the sandbox's answers.
pub mod code {
    /// The coupon was issued.
    pub const SUCCESS: i64 = 0;
    /// The token is not one of the newest two.
    pub const TOKEN_INVALID: i64 = 28_001_003;
    /// The token has expired.
    pub const TOKEN_EXPIRED: i64 = 28_001_008;
    /// An error of the platform itself.
    pub const SYSTEM_ERROR: i64 = 28_001_005;
    /// An error of the platform's network.
    pub const NETWORK_ERROR: i64 = 28_001_006;
    /// A field is missing or malformed.
    pub const BAD_PARAMETER: i64 = 28_001_007;
    /// No such path.
    pub const UNKNOWN_URI: i64 = 28_001_017;
    /// The user has closed the account.
    pub const ACCOUNT_CLOSED: i64 = 28_001_045;
    /// More requests of one app id than its quota.
    pub const TOO_FREQUENT: i64 = 29_005_012;

    // No document gives codes for these cases. They are the sandbox's own, and its messages say so.

    /// The user has not used the mini-app within seven days.
    pub const INACTIVE: i64 = 990_000_001;
    /// The activity has no coupon left.
    pub const OUT_OF_STOCK: i64 = 990_000_002;
    /// This id already has its coupon.
    pub const DUPLICATE: i64 = 990_000_003;
    /// A streamer's giving plan for the template is in progress.
    pub const STREAMER_PLAN: i64 = 990_000_004;
    /// This id was used for another user.
    pub const FOREIGN_ID: i64 = 990_000_005;
    /// The activity was deleted, or was never made.
    pub const ACTIVITY_GONE: i64 = 990_000_006;
    /// The template has less stock than an activity asks for.
    pub const TEMPLATE_STOCK: i64 = 990_000_007;
    /// This key has made an activity before.
    pub const ACTIVITY_REPEATED: i64 = 990_000_008;
    /// Users can receive no coupon of the template now.
    pub const TEMPLATE_CLOSED: i64 = 990_000_009;
}

/// The answer to an id that already has its coupon.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Repeat {
    /// The first success again, with its time of receipt.
    Replay,
    /// A code for duplicates.
    Duplicate,
    /// Another coupon, as if the id were new: the platform behaviour against which the runner must protect users.
    Ignore,
}

/// Whether a streamer's giving plan is in progress, which refuses all other requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamerPlan {
    /// No plan is in progress.
    None,
    /// It lasts this long from the start of the sandbox.
    For(Duration),
    /// It never ends.
    Always,
}

/// How strict the platform is. Shares are from 0 to 1.
#[derive(Clone, Debug, PartialEq)]
pub struct RuleSettings {
    /// Requests per sliding second and app id; at least 1.
    pub per_second: u32,
    /// How many of these another sender of the same app id uses, evenly, at any time.
    pub foreign_load: u32,
    /// How long an access token lives.
    pub token_ttl: Duration,
    /// Whether the endpoint of the stable token exists.
    pub stable_token: bool,
    /// An access token that is valid from the start, for `token_ttl`, without a request for it.
    pub access_token: Option<String>,
    /// The share of users who have closed their account.
    pub refuse: f64,
    /// The share of users who have not used the mini-app within seven days.
    pub inactive: f64,
    /// How many coupons each activity has; unlimited if `None`.
    pub stock: Option<u64>,
    /// The answer to a repeated id.
    pub repeat: Repeat,
    /// The answer to a repeated key of an activity.
    pub repeated_activity: RepeatedActivity,
    /// The templates.
    pub template: TemplateSettings,
    /// Whether a streamer's plan is in progress.
    pub streamer_plan: StreamerPlan,
}

impl Default for RuleSettings {
    fn default() -> Self {
        Self {
            per_second: 100,
            foreign_load: 0,
            token_ttl: Duration::from_hours(2),
            stable_token: true,
            access_token: None,
            refuse: 0.02,
            inactive: 0.0,
            stock: None,
            repeat: Repeat::Replay,
            repeated_activity: RepeatedActivity::default(),
            template: TemplateSettings::default(),
            streamer_plan: StreamerPlan::None,
        }
    }
}

/// What a request changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// The user has one more coupon.
    Issued,
    /// An earlier success was answered again.
    Replayed,
    /// Nothing.
    Nothing,
}

/// One answer of the platform.
#[derive(Clone, Debug, PartialEq)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// The code: `err_no`, or `data.error_code` of an answer about tokens.
    pub code: i64,
    /// The message of the code; empty on success.
    pub message: String,
    /// The JSON body.
    pub body: String,
    /// What the request changed.
    pub effect: Effect,
}

/// The body of an answer to a request for a coupon. Each request needs one, so it is serialized without an intermediate
/// value.
#[derive(Serialize)]
struct Body<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<Data<'a>>,
    err_msg: &'a str,
    err_no: i64,
    log_id: &'a str,
}

#[derive(Serialize)]
struct Data<'a> {
    coupon_info: CouponInfo<'a>,
}

#[derive(Serialize)]
struct CouponInfo<'a> {
    coupon_id: &'a str,
    coupon_name: &'a str,
    coupon_status: i64,
    discount_amount: i64,
    discount_type: i64,
    merchant_meta_no: &'a str,
    min_pay_amount: i64,
    receive_time: i64,
    valid_begin_time: i64,
    valid_end_time: i64,
}

impl Body<'_> {
    fn reply(&self, effect: Effect) -> Reply {
        Reply {
            status: 200,
            code: self.err_no,
            message: self.err_msg.to_owned(),
            // Strings and numbers under fixed names always serialize.
            body: serde_json::to_string(self).unwrap_or_default(),
            effect,
        }
    }
}

/// An issued coupon: only what cannot be derived again.
#[derive(Clone, Debug)]
struct Issued {
    open_id: String,
    coupon_id: u64,
    receive_time: i64,
}

/// One activity of one app.
#[derive(Debug, Default)]
struct Activity {
    /// The latest coupon of each id.
    by_id: HashMap<String, Issued>,
    coupons: u64,
}

/// The platform's state.
#[derive(Debug)]
pub struct Rules {
    seed: u64,
    settings: RuleSettings,
    tokens: Tokens,
    /// The accepted requests of the last second, per app id.
    arrivals: HashMap<String, VecDeque<Duration>>,
    /// How many requests of the other sender were accepted or refused so far, per app id.
    foreign: HashMap<String, u64>,
    /// By app id and activity.
    activities: HashMap<[String; 2], Activity>,
    /// Those that were made here. Sends under other activities are answered too.
    pub(super) activities_made: Activities,
    coupons: u64,
    answers: u64,
    latest: Duration,
    records: Records,
}

impl Rules {
    /// Like `with_records`, without any.
    #[must_use]
    pub fn new(seed: u64, settings: RuleSettings) -> Self {
        Self::with_records(seed, settings, RecordSettings::default(), false)
    }

    /// A platform that has issued nothing yet. The seed decides which users it refuses, and the ids in its answers.
    #[must_use]
    pub(super) fn with_records(seed: u64, settings: RuleSettings, records: RecordSettings, are_kept: bool) -> Self {
        Self {
            seed,
            tokens: Tokens::new(settings.token_ttl, settings.access_token.clone()),
            settings,
            arrivals: HashMap::new(),
            foreign: HashMap::new(),
            activities: HashMap::new(),
            activities_made: Activities::default(),
            coupons: 0,
            answers: 0,
            latest: Duration::ZERO,
            records: Records::new(seed, records, are_kept),
        }
    }

    /// Answers one request for a coupon.
    pub fn send(&mut self, request: &SendRequest, token: Option<&str>, now: Moment) -> Reply {
        match self.admit(&request.app_id, now) {
            Ok(()) => self.process(request, token, now),
            Err(reply) => reply,
        }
    }

    /// Counts a request at its arrival, or returns an error when it exceeds the quota. A refused request does not count:
    /// otherwise a client that was once too fast would be refused for ever.
    pub(super) fn admit(&mut self, app_id: &str, now: Moment) -> Result<(), Reply> {
        let at = self.clock(now);
        self.admit_foreign(app_id, at);
        if self.has_room(app_id, at) {
            Ok(())
        } else {
            Err(self.error(code::TOO_FREQUENT, "请求太频繁,请稍后再试", now))
        }
    }

    /// Counts the requests of the other sender since the last request, as far as they still matter.
    fn admit_foreign(&mut self, app_id: &str, at: Duration) {
        const SECOND: u64 = 1_000_000_000;
        let load = u64::from(self.settings.foreign_load);
        if load == 0 {
            return;
        }
        let nth_at = |nth: u64| Duration::from_nanos(nth.saturating_mul(SECOND) / load);
        let recent = at.as_secs().saturating_sub(1) * load;
        let mut nth = self.foreign.get(app_id).copied().unwrap_or_default().max(recent);
        while nth_at(nth) <= at {
            self.has_room(app_id, nth_at(nth));
            nth += 1;
        }
        self.foreign.insert(app_id.to_owned(), nth);
    }

    /// Counts a request in the present second. Returns `false` when the quota is used up.
    fn has_room(&mut self, app_id: &str, at: Duration) -> bool {
        let most = usize::try_from(self.settings.per_second).unwrap_or(usize::MAX);
        let arrivals = self.arrivals.entry(app_id.to_owned()).or_default();
        while arrivals
            .front()
            .is_some_and(|arrival| at.saturating_sub(*arrival) >= Duration::from_secs(1))
        {
            arrivals.pop_front();
        }
        let room = arrivals.len() < most;
        if room {
            arrivals.push_back(at);
        }
        room
    }

    /// Answers a request within the quota.
    pub(super) fn process(&mut self, request: &SendRequest, token: Option<&str>, now: Moment) -> Reply {
        if let Some(reply) = self.refused_token(token, now) {
            return reply;
        }
        let at = self.clock(now);
        if let Some(mistake) = mistake(request) {
            return self.error(code::BAD_PARAMETER, &format!("参数错误: {mistake}"), now);
        }
        if let Some(reply) = self.repeated(request, now) {
            return reply;
        }
        match self.obstacle(request, at) {
            Some((code, message)) => self.error(code, message, now),
            None => self.issue(request, now),
        }
    }

    /// Answers a request to create an activity.
    pub(super) fn create_activity(
        &mut self,
        request: &CreateActivityRequest,
        token: Option<&str>,
        now: Moment,
    ) -> Reply {
        if let Some(reply) = self.refused_token(token, now) {
            return reply;
        }
        let RuleSettings {
            repeated_activity,
            template,
            ..
        } = self.settings;
        let made = self
            .activities_made
            .create(request, repeated_activity, template, self.seed);
        match made {
            Ok(activity_id) => self.done(&json!({"activity_id": activity_id}), now),
            Err(refused) => self.refused(refused, now),
        }
    }

    /// Answers a request to delete an activity.
    pub(super) fn delete_activity(
        &mut self,
        request: &DeleteActivityRequest,
        token: Option<&str>,
        now: Moment,
    ) -> Reply {
        if let Some(reply) = self.refused_token(token, now) {
            return reply;
        }
        match self.activities_made.delete(request) {
            Ok(()) => self.done(&Value::Null, now),
            Err(refused) => self.refused(refused, now),
        }
    }

    fn refused(&mut self, refused: Refused, now: Moment) -> Reply {
        match refused {
            Refused::Parameter(mistake) => self.error(code::BAD_PARAMETER, &format!("参数错误: {mistake}"), now),
            Refused::Repeated => self.error(code::ACTIVITY_REPEATED, "merchant_activity_id 重复 (sandbox)", now),
            Refused::NoTemplate => self.error(NO_TEMPLATE, "券模板不存在", now),
            Refused::TemplateStock => self.error(code::TEMPLATE_STOCK, "券模板库存不足 (sandbox)", now),
            Refused::Gone => self.error(code::ACTIVITY_GONE, "活动不存在或已删除 (sandbox)", now),
        }
    }

    /// A success with this data, and without data if it is null.
    fn done(&mut self, data: &Value, now: Moment) -> Reply {
        let log_id = self.log_id(now.wall);
        let mut body = json!({"err_no": 0, "err_msg": "", "log_id": log_id});
        if !data.is_null() {
            body["data"] = data.clone();
        }
        Reply {
            status: 200,
            code: code::SUCCESS,
            message: String::new(),
            body: body.to_string(),
            effect: Effect::Nothing,
        }
    }

    /// The answer to a token that is not valid. `None` when it is.
    pub(super) fn refused_token(&mut self, token: Option<&str>, now: Moment) -> Option<Reply> {
        let at = self.clock(now);
        match token.map_or(TokenStatus::Unknown, |token| self.tokens.standing(token, at)) {
            TokenStatus::Live => None,
            TokenStatus::Expired => Some(self.error(code::TOKEN_EXPIRED, "access_token 已过期", now)),
            TokenStatus::Unknown => Some(self.error(code::TOKEN_INVALID, "access_token 不可用", now)),
        }
    }

    /// An answer with a code and without an effect.
    pub(super) fn error(&mut self, code: i64, message: &str, now: Moment) -> Reply {
        let log_id = self.log_id(now.wall);
        let body = Body {
            data: None,
            err_msg: message,
            err_no: code,
            log_id: &log_id,
        };
        body.reply(Effect::Nothing)
    }

    pub(super) fn unknown_uri(&mut self, now: Moment) -> Reply {
        Reply {
            status: 404,
            ..self.error(code::UNKNOWN_URI, "URI 不存在", now)
        }
    }

    /// Answers one request for a token.
    pub fn token(&mut self, kind: TokenKind, request: &TokenRequest, now: Moment) -> Reply {
        let at = self.clock(now);
        if kind == TokenKind::Stable && !self.settings.stable_token {
            return self.unknown_uri(now);
        }
        let client = request.client_key.as_str();
        if request.grant_type != "client_credential" || client.is_empty() || request.client_secret.is_empty() {
            return token_error(10_002, "参数错误");
        }
        if client == WRONG {
            return token_error(10_003, "client_key 错误");
        }
        if request.client_secret == WRONG {
            return token_error(10_013, "client_secret 错误");
        }
        if !self.tokens.admit(client, at) {
            return token_error(10_020, "调用太频繁");
        }
        let valid = (kind == TokenKind::Stable)
            .then(|| self.tokens.valid(client, at))
            .flatten();
        let (value, left) = valid.unwrap_or_else(|| {
            let value = self.token_value(client);
            self.tokens.hand_out(client, value, at)
        });
        let data = json!({"access_token": value, "expires_in": left.as_secs(), "error_code": 0, "description": ""});
        of_token(0, "", &json!({"data": data, "message": "success"}))
    }

    /// The answer to an id for which this activity has issued a coupon. `None` when it has not, or ids are ignored.
    fn repeated(&mut self, request: &SendRequest, now: Moment) -> Option<Reply> {
        let activity = self.activities.get(&ids_of(request))?;
        let issued = activity.by_id.get(&request.merchant_coupon_id)?.clone();
        match self.settings.repeat {
            Repeat::Ignore => None,
            _ if issued.open_id != request.open_id => {
                Some(self.error(code::FOREIGN_ID, "merchant_coupon_id 已用于其他用户 (sandbox)", now))
            }
            Repeat::Duplicate => Some(self.error(code::DUPLICATE, "merchant_coupon_id 重复 (sandbox)", now)),
            Repeat::Replay => Some(self.success(request, &issued, Effect::Replayed, now)),
        }
    }

    /// Why this user cannot get a coupon now. `None` when the user can.
    fn obstacle(&mut self, request: &SendRequest, at: Duration) -> Option<(i64, &'static str)> {
        let under_way = match self.settings.streamer_plan {
            StreamerPlan::None => false,
            StreamerPlan::For(time) => at < time,
            StreamerPlan::Always => true,
        };
        let used = self
            .activities
            .get(&ids_of(request))
            .map_or(0, |activity| activity.coupons);
        let made = self.activities_made.find(&request.app_id, &request.activity_id);
        let stock = match made {
            Some(made) if made.is_deleted => {
                made.asked_after_deletion += 1;
                return Some((code::ACTIVITY_GONE, "活动不存在或已删除 (sandbox)"));
            }
            Some(made) => Some(made.stock),
            None => self.settings.stock,
        };
        let falls_in = |what, share: f64| share > 0.0 && fraction(self.seed, what, &[&request.open_id]) < share;
        if falls_in("closed account", self.settings.refuse) {
            Some((code::ACCOUNT_CLOSED, "用户已注销账号"))
        } else if falls_in("inactive", self.settings.inactive) {
            Some((code::INACTIVE, "用户近七日未访问小程序 (sandbox)"))
        } else if !self.settings.template.is_open(at) {
            Some((code::TEMPLATE_CLOSED, "不在券模板的领取时间内 (sandbox)"))
        } else if under_way {
            Some((code::STREAMER_PLAN, "券模板有主播计划进行中 (sandbox)"))
        } else if stock.is_some_and(|stock| used >= stock) {
            Some((code::OUT_OF_STOCK, "活动库存已用完 (sandbox)"))
        } else {
            None
        }
    }

    fn issue(&mut self, request: &SendRequest, now: Moment) -> Reply {
        self.coupons += 1;
        let issued = Issued {
            open_id: request.open_id.clone(),
            coupon_id: coupon_id(self.coupons, now.wall),
            receive_time: now.wall.as_second(),
        };
        self.records.add(Receipt {
            app_id: request.app_id.clone(),
            activity_id: request.activity_id.clone(),
            open_id: request.open_id.clone(),
            coupon_id: issued.coupon_id.to_string(),
            merchant_meta_no: self.merchant_meta_no(&request.activity_id),
            receive_time: issued.receive_time,
        });
        let activity = self.activities.entry(ids_of(request)).or_default();
        activity.coupons += 1;
        if let Some(made) = self.activities_made.find(&request.app_id, &request.activity_id) {
            made.issued += 1;
        }
        activity
            .by_id
            .insert(request.merchant_coupon_id.clone(), issued.clone());
        self.success(request, &issued, Effect::Issued, now)
    }

    /// The merchant's number of the template of an activity.
    fn merchant_meta_no(&self, activity_id: &str) -> String {
        let template = draw(self.seed, "template", &[activity_id]);
        format!("{:04x}-{:04x}", template & 0xffff, (template >> 16) & 0xffff)
    }

    /// Answers a query about the records. `None` for another path.
    pub(super) fn query(
        &mut self,
        path: &str,
        body: &[u8],
        token: Option<&str>,
        host: &str,
        now: Moment,
    ) -> Option<Reply> {
        if !matches!(path, COUNT_PATH | COUPONS_PATH | BILL_PATH | TEMPLATE_PATH) {
            return None;
        }
        let at = self.clock(now);
        match token.map_or(TokenStatus::Unknown, |token| self.tokens.standing(token, at)) {
            TokenStatus::Live => {}
            TokenStatus::Expired => return Some(self.error(code::TOKEN_EXPIRED, "access_token 已过期", now)),
            TokenStatus::Unknown => return Some(self.error(code::TOKEN_INVALID, "access_token 不可用", now)),
        }
        let Ok(body) = serde_json::from_slice::<Value>(body) else {
            return Some(self.error(code::BAD_PARAMETER, "参数错误", now));
        };
        let mut more = json!({});
        let data = match path {
            COUNT_PATH => self.records.count(&body, now.wall),
            COUPONS_PATH => self.records.coupons(&body),
            TEMPLATE_PATH if self.settings.template.is_missing => {
                return Some(self.error(NO_TEMPLATE, "券模板不存在", now));
            }
            TEMPLATE_PATH => {
                more = json!({"coupon_meta": self.settings.template.described(&body, at, now.wall)});
                Value::Null
            }
            _ => {
                let text = |name: &str| body.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
                let name = format!("{}_{}_coupon_record.csv", text("bill_date"), text("app_id"));
                let is_ready = self.records.are_bills_ready(at);
                if is_ready && self.bill(&name).is_none() {
                    return Some(self.error(NO_BILL, "资源不存在", now));
                }
                more = json!({"is_generated": is_ready});
                if is_ready {
                    json!({"bill_download_url": format!("http://{host}/bills/{name}?sign=sandbox")})
                } else {
                    json!({})
                }
            }
        };
        let mut whole = json!({"err_no": 0, "err_msg": "", "log_id": self.log_id(now.wall)});
        if !data.is_null() {
            whole["data"] = data;
        }
        if let (Some(whole), Some(more)) = (whole.as_object_mut(), more.as_object()) {
            whole.extend(more.clone());
        }
        Some(of_token(code::SUCCESS, "", &whole))
    }

    /// The bill of this name. `None` if there is none.
    pub(super) fn bill(&self, name: &str) -> Option<Vec<u8>> {
        let (day, rest) = name.split_once('_')?;
        let app_id = rest.strip_suffix("_coupon_record.csv")?;
        self.records.bill(app_id, Date::strptime("%Y%m%d", day).ok()?)
    }

    fn success(&mut self, request: &SendRequest, issued: &Issued, effect: Effect, now: Moment) -> Reply {
        let log_id = self.log_id(now.wall);
        let coupon_info = CouponInfo {
            coupon_id: &issued.coupon_id.to_string(),
            coupon_name: COUPON_NAME,
            coupon_status: 10,
            discount_amount: 500,
            discount_type: 2,
            merchant_meta_no: &self.merchant_meta_no(&request.activity_id),
            min_pay_amount: 2000,
            receive_time: issued.receive_time,
            valid_begin_time: issued.receive_time,
            valid_end_time: issued.receive_time + 7 * 86_400,
        };
        let body = Body {
            data: Some(Data { coupon_info }),
            err_msg: "",
            err_no: code::SUCCESS,
            log_id: &log_id,
        };
        body.reply(effect)
    }

    /// The platform's id of a request: the time in China to the second, then 20 hexadecimal digits. Another sandbox with
    /// the same seed gives other ids at other times.
    fn log_id(&mut self, wall: Timestamp) -> String {
        self.answers += 1;
        let number = self.answers.to_string();
        let at = wall.as_millisecond().to_string();
        let high = draw(self.seed, "log_id", &[&number, &at]);
        let low = self.answers & 0xffff;
        let time = Offset::constant(8).to_datetime(wall).strftime("%Y%m%d%H%M%S");
        format!("{time}{high:016X}{low:04X}")
    }

    fn token_value(&mut self, client: &str) -> String {
        self.answers += 1;
        let number = self.answers.to_string();
        let bits = ["token a", "token b", "token c"].map(|part| draw(self.seed, part, &[client, &number]));
        let [a, b, c] = bits;
        format!("clt.{a:016x}{b:016x}{c:016x}")
    }

    /// The time for the rules: it never goes back, even if requests overtake each other.
    fn clock(&mut self, now: Moment) -> Duration {
        self.latest = self.latest.max(now.since_start);
        self.latest
    }
}

/// The id of the `number`th coupon: 19 digits, of the millisecond and 20 bits of the number. So neither this sandbox nor a
/// later one gives an id twice.
fn coupon_id(number: u64, wall: Timestamp) -> u64 {
    const FIRST: u64 = 7_300_000_000_000_000_000;
    let ms = wall.as_millisecond().cast_unsigned() & 0xff_ffff_ffff;
    FIRST + ((ms << 20) | (number & 0xf_ffff))
}

/// The app and the activity of a request.
fn ids_of(request: &SendRequest) -> [String; 2] {
    [request.app_id.clone(), request.activity_id.clone()]
}

/// What is wrong with a request's fields. `None` when nothing is.
fn mistake(request: &SendRequest) -> Option<String> {
    let fields = [
        ("app_id", &request.app_id),
        ("open_id", &request.open_id),
        ("activity_id", &request.activity_id),
        ("merchant_coupon_id", &request.merchant_coupon_id),
    ];
    if let Some((name, _)) = fields.iter().find(|(_, text)| text.is_empty()) {
        return Some(format!("{name} 为空"));
    }
    let digits = request.activity_id.bytes().all(|byte| byte.is_ascii_digit());
    (!digits).then(|| "activity_id 不是数字".to_owned())
}

fn token_error(code: i64, description: &str) -> Reply {
    let data = json!({"error_code": code, "description": description});
    of_token(code, description, &json!({"data": data, "message": "error"}))
}

/// An answer about tokens.
fn of_token(code: i64, message: &str, body: &Value) -> Reply {
    Reply {
        status: 200,
        code,
        message: message.to_owned(),
        body: body.to_string(),
        effect: Effect::Nothing,
    }
}
