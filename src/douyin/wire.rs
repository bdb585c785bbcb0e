//! The endpoints' messages on the wire. Facts are from the platform's document of `send_coupon_to_designated_user` and its
//! pages on tokens.

use serde::{Deserialize, Serialize};

use crate::model::activity::{ActivityOrder, MerchantActivityId};
use crate::model::identity::{ActivityId, AppId, Identity, OpenId};
use crate::model::merchant_coupon_id::MerchantCouponId;

/// The path for sending coupons. It ends in a slash: without it the platform redirects, and a redirect is an error.
pub const SEND_PATH: &str = "/api/promotion/v1/coupon/send_coupon_to_designated_user/";
/// The path for a token that stays the same while it is valid.
pub const STABLE_TOKEN_PATH: &str = "/oauth/stable_client_token/";
/// The path for a new token at each call. Each new token invalidates older ones.
pub const CLIENT_TOKEN_PATH: &str = "/oauth/client_token/";
/// The path for the number of coupons of an activity.
pub const COUNT_PATH: &str = "/api/promotion/v1/coupon/get_coupon_meta_statistics/";
/// The path for the unused coupons of a user.
pub const COUPONS_PATH: &str = "/api/promotion/v1/coupon/get_coupon_receive_info/";
/// The path for a coupon template.
pub const TEMPLATE_PATH: &str = "/api/promotion/v2/coupon/query_coupon_meta/";
/// The path for the address of a day's bill.
pub const BILL_PATH: &str = "/api/promotion/v1/coupon/get_bill_download_url/";
/// The user agent of this program, for the platform and for proxies.
pub(super) const PROGRAM: &str = concat!("runner/", env!("CARGO_PKG_VERSION"));
/// The header of the token.
pub const ACCESS_TOKEN_HEADER: &str = "access-token";

/// One request to send one coupon.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SendRequest {
    /// The mini-app.
    pub app_id: String,
    /// The user within it.
    pub open_id: String,
    /// The activity, as text: it is a 19-digit number, too long for a float.
    pub activity_id: String,
    /// The idempotency key; never empty.
    pub merchant_coupon_id: String,
}

impl SendRequest {
    /// Creates a request for one coupon.
    #[must_use]
    pub fn new(
        app_id: &AppId,
        open_id: &OpenId,
        activity_id: &ActivityId,
        merchant_coupon_id: MerchantCouponId,
    ) -> Self {
        Self {
            app_id: app_id.to_string(),
            open_id: open_id.to_string(),
            activity_id: activity_id.to_string(),
            merchant_coupon_id: merchant_coupon_id.to_string(),
        }
    }
}

/// One request for a token.
#[derive(Clone, Serialize, Deserialize)]
pub struct TokenRequest {
    /// Always `client_credential`.
    pub grant_type: String,
    /// The app's key.
    pub client_key: String,
    /// The app's secret.
    pub client_secret: String,
}

/// The path for creating an activity.
pub const CREATE_ACTIVITY_PATH: &str = "/api/promotion/v1/coupon/create_developer_activity/";
/// The path for deleting an activity, which gives what is left of its stock back to the template.
pub const DELETE_ACTIVITY_PATH: &str = "/api/promotion/v1/coupon/delete_developer_activity/";

/// One request to create an activity.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreateActivityRequest {
    /// The mini-app.
    pub app_id: String,
    /// The template, as text: it is a 19-digit number.
    pub coupon_meta_id: String,
    /// How many coupons the activity may give.
    pub coupon_stock_number: u64,
    /// The idempotency key; never empty.
    pub merchant_activity_id: String,
    /// The name that the console shows.
    pub activity_name: String,
}

impl CreateActivityRequest {
    /// Creates the request for one activity of a campaign.
    #[must_use]
    pub fn new(identity: &Identity, order: &ActivityOrder) -> Self {
        let Identity { campaign, app_id, .. } = identity;
        Self {
            app_id: app_id.to_string(),
            coupon_meta_id: order.coupon_meta_id.to_string(),
            coupon_stock_number: order.stock,
            merchant_activity_id: MerchantActivityId::derive(campaign, app_id, order.number).to_string(),
            activity_name: order.name.clone(),
        }
    }
}

/// One request to delete an activity.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeleteActivityRequest {
    /// The mini-app.
    pub app_id: String,
    /// The activity, as text.
    pub activity_id: String,
}
