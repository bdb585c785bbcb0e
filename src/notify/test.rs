//! A test message to one channel.

use crate::model::clock::Clock;

use super::block::Block;
use super::channel::Channel;
use super::client::Post;
use super::message::Form;
use super::notice::{Notice, Origin, What};
use super::post::post;
use super::verdict::{Verdict, verdict};

/// Sends a test message and returns what its answer proves. A channel that refuses the form gets plain text.
pub async fn send_test(origin: &Origin, channel: &Channel, way: &dyn Post, clock: &Clock) -> Verdict {
    let notice = Notice {
        at: clock.now(),
        what: What::Test,
        counts: None,
        codes: Vec::new(),
    };
    let blocks = [Block::new(origin, &notice, channel.language)];
    let sent = verdict(channel.kind, &post(way, channel, &blocks, Form::Rich, clock).await);
    if !matches!(sent, Verdict::Unfit(_)) {
        return sent;
    }
    verdict(channel.kind, &post(way, channel, &blocks, Form::Plain, clock).await)
}
