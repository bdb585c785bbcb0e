//! The HTTP request of a message, with its signature.

use aws_lc_rs::hmac::{HMAC_SHA256, Key, sign};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde_json::Value as Json;
use url::Url;

use crate::campaign::ChannelKind;
use crate::model::secret::Secret;

use super::block::Block;
use super::channel::Channel;
use super::message::{Form, body};

/// A request to a channel. Its URL and its headers are secrets, so it has no `Debug`.
#[derive(Clone)]
pub struct Request {
    /// The URL, with its signature if the channel wants it there.
    pub url: Secret,
    /// The headers beside the content type.
    pub headers: Vec<(&'static str, String)>,
    /// The JSON body.
    pub body: String,
}

/// Returns the request that sends `blocks` at `now`.
#[must_use]
pub fn request(blocks: &[Block], channel: &Channel, form: Form, now: Timestamp) -> Request {
    let mut json = body(blocks, channel, form);
    let mut url = channel.url.clone();
    if let Some(secret) = &channel.secret {
        match channel.kind {
            ChannelKind::Feishu => sign_feishu(&mut json, secret, now.as_second()),
            ChannelKind::Dingtalk => url = sign_dingtalk(&url, secret, now.as_millisecond()),
            ChannelKind::Wecom | ChannelKind::Webhook => {}
        }
    }
    let body = json.to_string();
    let mut headers = Vec::new();
    if channel.kind == ChannelKind::Webhook {
        let id = blocks.first().map_or("", |block| block.id.as_str());
        headers = webhook_headers(&ascii(id), now.as_second(), &body, channel.secret.as_ref());
    }
    Request { url, headers, body }
}

/// Returns a text as a header may have it.
fn ascii(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_ascii_graphic() { c } else { '-' })
        .collect()
}

fn hmac(key: &[u8], message: &[u8]) -> String {
    STANDARD.encode(sign(&Key::new(HMAC_SHA256, key), message))
}

/// The key is the time with the secret, and the message is empty.
fn feishu_signature(secret: &Secret, seconds: i64) -> String {
    hmac(format!("{seconds}\n{}", secret.expose()).as_bytes(), b"")
}

fn sign_feishu(body: &mut Json, secret: &Secret, seconds: i64) {
    body["timestamp"] = seconds.to_string().into();
    body["sign"] = feishu_signature(secret, seconds).into();
}

/// The key is the secret, and the message is the time with the secret.
fn dingtalk_signature(secret: &Secret, milliseconds: i64) -> String {
    let message = format!("{milliseconds}\n{}", secret.expose());
    hmac(secret.expose().as_bytes(), message.as_bytes())
}

/// Adds the time and the signature, which is encoded once.
fn sign_dingtalk(url: &Secret, secret: &Secret, milliseconds: i64) -> Secret {
    let Ok(mut signed) = Url::parse(url.expose()) else {
        return url.clone();
    };
    signed
        .query_pairs_mut()
        .append_pair("timestamp", &milliseconds.to_string())
        .append_pair("sign", &dingtalk_signature(secret, milliseconds));
    Secret::new(signed.as_str())
}

/// Returns the key of a secret of Standard Webhooks: base64 after `whsec_`, or the text itself.
fn webhook_key(secret: &Secret) -> Vec<u8> {
    let encoded = secret.expose().strip_prefix("whsec_");
    let key = encoded.and_then(|encoded| STANDARD.decode(encoded).ok());
    key.unwrap_or_else(|| secret.expose().as_bytes().to_vec())
}

fn webhook_headers(id: &str, seconds: i64, body: &str, secret: Option<&Secret>) -> Vec<(&'static str, String)> {
    let mut headers = vec![
        ("webhook-id", id.to_owned()),
        ("webhook-timestamp", seconds.to_string()),
    ];
    if let Some(secret) = secret {
        let signed = format!("{id}.{seconds}.{body}");
        let signature = format!("v1,{}", hmac(&webhook_key(secret), signed.as_bytes()));
        headers.push(("webhook-signature", signature));
    }
    headers
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The values that other implementations of each rule produce.
    #[test]
    fn a_signature_is_the_one_that_the_receiver_computes() {
        assert_eq!(
            feishu_signature(&Secret::new("demo"), 1_599_360_473),
            "l1N0gAcBjdwBvGm1xMjOF0XSyaLRpR7tuO5dHfhAYc8="
        );
        let secret = Secret::new("SECdemo");
        assert_eq!(
            dingtalk_signature(&secret, 1_599_360_473_000),
            "tGWkA5eQOQNCNPDgphtxIoNLO+/gD8Lcb705KQoRzeY="
        );
        let url = Secret::new("https://oapi.dingtalk.com/robot/send?access_token=t");
        assert_eq!(
            sign_dingtalk(&url, &secret, 1_599_360_473_000).expose(),
            "https://oapi.dingtalk.com/robot/send?access_token=t&timestamp=1599360473000\
             &sign=tGWkA5eQOQNCNPDgphtxIoNLO%2B%2FgD8Lcb705KQoRzeY%3D"
        );
        let secret = Secret::new("whsec_cnVubmVyLXdlYmhvb2sta2V5LTAxMjM0NTY3ODlhYg==");
        let headers = webhook_headers("msg_1", 1_599_360_473, r#"{"type":"test"}"#, Some(&secret));
        assert_eq!(
            headers.last().map(|(_, value)| value.as_str()),
            Some("v1,NkwIB/Vs29K3BdvBFynPXLbQQEfL9fCVvJeEhWQ0fwE=")
        );
    }
}
