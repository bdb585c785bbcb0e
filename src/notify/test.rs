//! A test message to one channel.

use jiff::Timestamp;

use crate::catalogue::Language;
use crate::model::clock::Clock;

use super::block::Block;
use super::channel::Channel;
use super::client::Post;
use super::message::Form;
use super::notice::{Notice, Origin, ServiceEvent, ServiceNotice, ServiceOrigin, What};
use super::post::post;
use super::verdict::{Verdict, verdict};

/// What a test message is about.
#[derive(Clone, Debug)]
pub enum TestOrigin {
    /// The campaign of a file.
    Campaign(Box<Origin>),
    /// A service.
    Service(ServiceOrigin),
}

impl TestOrigin {
    fn block(&self, at: Timestamp, language: Language) -> Block {
        match self {
            Self::Campaign(origin) => {
                let notice = Notice {
                    at,
                    what: What::Test,
                    counts: None,
                    codes: Vec::new(),
                };
                Block::new(origin, &notice, language)
            }
            Self::Service(origin) => {
                let notice = ServiceNotice {
                    origin: origin.clone(),
                    at,
                    what: ServiceEvent::Test,
                };
                Block::of_service(&notice, language)
            }
        }
    }
}

/// Sends a test message and returns what its answer proves. A channel that refuses the form gets plain text.
pub async fn send_test(origin: &TestOrigin, channel: &Channel, way: &dyn Post, clock: &Clock) -> Verdict {
    let blocks = [origin.block(clock.now(), channel.language)];
    let sent = verdict(channel.kind, &post(way, channel, &blocks, Form::Rich, clock).await);
    if !matches!(sent, Verdict::Unfit(_)) {
        return sent;
    }
    verdict(channel.kind, &post(way, channel, &blocks, Form::Plain, clock).await)
}
