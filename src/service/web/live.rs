//! The live parts of pages: rendered from memory, at most twice a second for each topic, language and user,
//! whatever the number of tabs.

use std::collections::HashMap;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use axum::body::Bytes;
use futures_core::Stream;
use jiff::Timestamp;
use serde::Serialize;
use tokio::sync::{mpsc, watch};
use tokio::time::MissedTickBehavior;

use crate::catalogue::Language;
use crate::model::user::Role;
use crate::service::act::Who;

use super::live_topic::Topic;

/// The shortest time between two updates.
const EVERY: Duration = Duration::from_millis(500);
/// How often a comment shows that the connection lives.
const COMMENT: Duration = Duration::from_secs(15);

/// What the script receives.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Update {
    /// Later updates have higher numbers.
    pub sequence: u64,
    /// The title of the page.
    pub title: String,
    /// How many items wait for a person.
    pub waiting: usize,
    /// Changes when the rest of the page is out of date.
    pub version: String,
    /// The live part.
    pub html: String,
}

/// For whom an update is rendered.
type Audience = (Topic, Language, Vec<Role>, String);

/// The updates that were rendered last.
pub struct LiveCache {
    sequence: AtomicU64,
    rendered: Mutex<HashMap<Audience, Rendered>>,
}

/// An update, and when it was rendered.
struct Rendered {
    at: Instant,
    update: Arc<Update>,
}

impl LiveCache {
    /// A cache whose numbers begin after the milliseconds of `now`. A page that stays open while another process takes over ignores
    /// updates with lower numbers than the last one, and a process renders fewer updates than it lasts milliseconds.
    #[must_use]
    pub fn new(now: Timestamp) -> Self {
        Self {
            sequence: AtomicU64::new(now.as_millisecond().unsigned_abs()),
            rendered: Mutex::default(),
        }
    }

    /// The number of the last update. A page that is rendered after this is at least as new.
    pub fn sequence(&self) -> u64 {
        self.sequence.load(Ordering::SeqCst)
    }

    /// The present update of a topic: the last one, or what `render` returns.
    pub fn get(
        &self,
        topic: &Topic,
        language: Language,
        who: &Who,
        render: impl FnOnce() -> Option<Update>,
    ) -> Option<Arc<Update>> {
        let key = (topic.clone(), language, who.roles.clone(), who.name.clone());
        let now = Instant::now();
        let mut rendered = self.rendered.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(last) = rendered.get(&key)
            && now.saturating_duration_since(last.at) < EVERY
        {
            return Some(Arc::clone(&last.update));
        }
        // A page that is rendered from now on has a lower number than this update, and may show it.
        let sequence = self.sequence.fetch_add(1, Ordering::SeqCst) + 1;
        let mut update = render()?;
        update.sequence = sequence;
        let update = Arc::new(update);
        rendered.retain(|_, last| now.saturating_duration_since(last.at) < COMMENT);
        let last = Rendered {
            at: now,
            update: Arc::clone(&update),
        };
        rendered.insert(key, last);
        Some(update)
    }
}

/// The body of a stream of events.
pub struct EventBody(mpsc::Receiver<Bytes>);

impl Stream for EventBody {
    type Item = Result<Bytes, Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_recv(cx).map(|bytes| bytes.map(Ok))
    }
}

/// Streams what `update` returns until the client leaves or the service stops. An update that says the same as the one before is
/// left out.
pub fn stream(
    update: impl Fn() -> Option<Arc<Update>> + Send + 'static,
    mut stopping: watch::Receiver<bool>,
) -> EventBody {
    // A client that reads slowly misses updates; it needs only the last one.
    let (sender, receiver) = mpsc::channel(1);
    tokio::spawn(async move {
        let mut ticks = tokio::time::interval(EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut last: Option<Arc<Update>> = None;
        let mut spoke = Instant::now();
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                () = sender.closed() => return,
                _ = stopping.wait_for(|stopping| *stopping) => return,
            }
            let Some(update) = update() else { return };
            let is_same = last.as_ref().is_some_and(|last| {
                (&last.html, &last.title, &last.version) == (&update.html, &update.title, &update.version)
            });
            let text = if !is_same {
                let json = serde_json::to_string(&*update).unwrap_or_default();
                format!("data: {json}\n\n")
            } else if spoke.elapsed() >= COMMENT {
                ": the connection lives\n\n".to_owned()
            } else {
                continue;
            };
            // A full channel means that the client has not read the one before.
            if sender.try_send(Bytes::from(text)).is_ok() {
                spoke = Instant::now();
                last = Some(update);
            }
        }
    });
    EventBody(receiver)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::act::Who;

    #[test]
    fn a_page_that_was_open_before_a_take_over_shows_the_updates_after_it() {
        let who = Who::local("li", "127.0.0.1");
        let update = |cache: &LiveCache, topic: &Topic| {
            let rendered = || {
                Some(Update {
                    sequence: 0,
                    title: String::new(),
                    waiting: 0,
                    version: String::new(),
                    html: String::new(),
                })
            };
            cache.get(topic, Language::English, &who, rendered).unwrap().sequence
        };
        let began = Timestamp::from_second(1_800_000_000).unwrap();
        let before = LiveCache::new(began);
        let first = update(&before, &Topic::Inbox);
        let last = update(&before, &Topic::Apps);
        assert!(first < last);
        let after = LiveCache::new(began + Duration::from_secs(1));
        assert!(update(&after, &Topic::Inbox) > last);
    }
}
