//! One message on its way, and its answer without secrets.

use crate::model::clock::Clock;
use crate::model::redactor::Redactor;

use super::block::Block;
use super::channel::Channel;
use super::client::{Ended, Post};
use super::message::Form;
use super::request::request;

/// Sends `blocks` as one message.
pub async fn post(way: &dyn Post, channel: &Channel, blocks: &[Block], form: Form, clock: &Clock) -> Ended {
    let request = request(blocks, channel, form, clock.now());
    let ended = way.post(channel, request).await;
    let redactor = Redactor::new(std::iter::once(&channel.url).chain(&channel.secret));
    ended.map(|mut answer| {
        // A bot may quote the request.
        answer.body = redactor.redact(&answer.body).into_owned();
        answer
    })
}
