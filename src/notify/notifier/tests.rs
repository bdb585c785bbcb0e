//! The thread of notices in virtual time, with a scripted bot.

use std::future::Future;
use std::pin::Pin;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use tokio::time::Instant as TokioInstant;

use super::*;
use crate::campaign::{ChannelKind, Topic};
use crate::catalogue::Language;
use crate::model::identity::{AppId, CampaignName};
use crate::model::secret::Secret;
use crate::notify::request::Request;
use crate::notify::verdict::Answer;

/// A bot that does not answer its first requests, and then takes every message.
struct Bot {
    silent: Mutex<usize>,
    arrived: Arc<Mutex<Vec<(Duration, String)>>>,
    began: TokioInstant,
}

impl Post for Bot {
    fn post<'a>(&'a self, _: &'a Channel, request: Request) -> Pin<Box<dyn Future<Output = Ended> + Send + 'a>> {
        self.arrived.lock().unwrap().push((self.began.elapsed(), request.body));
        let is_silent = {
            let mut silent = self.silent.lock().unwrap();
            let is_silent = *silent > 0;
            *silent = silent.saturating_sub(1);
            is_silent
        };
        Box::pin(async move {
            if is_silent {
                std::future::pending::<()>().await;
            }
            Ok(Answer {
                status: 200,
                retry_after: None,
                body: r#"{"errcode":0}"#.to_owned(),
            })
        })
    }
}

fn run(campaign: &str) -> NotifiedRun {
    NotifiedRun {
        origin: Origin {
            campaign: CampaignName::parse(campaign).unwrap(),
            title: None,
            app_id: AppId::parse("tt1").unwrap(),
            zone: TimeZone::UTC,
            file: format!("{campaign}.yaml"),
            is_rehearsal: false,
            is_shared: false,
            page: None,
        },
        channels: vec![Channel {
            kind: ChannelKind::Wecom,
            label: "wecom env:HOOK".to_owned(),
            url: Secret::new("https://example.com/hook"),
            secret: None,
            keyword: None,
            on: Topic::USUAL.to_vec(),
            language: Language::Chinese,
        }],
        warn: Arc::new(|_, _| {}),
    }
}

/// What arrived at the bot, and what the end of the process left.
async fn told(silent: usize, campaigns: &[&str]) -> (Vec<(Duration, String)>, Vec<Unsent>, Duration) {
    let start = Timestamp::UNIX_EPOCH + Duration::from_mins(10);
    let clock = Clock::simulated(start);
    let began = TokioInstant::now();
    let arrived = Arc::default();
    let bot = Bot {
        silent: Mutex::new(silent),
        arrived: Arc::clone(&arrived),
        began,
    };
    let (handle, task) = Task::new(Arc::new(bot), &clock);
    let runs = campaigns.iter().map(|campaign| run(campaign));
    let listeners: Vec<_> = runs.map(|run| handle.add(run)).collect();
    let task = tokio::spawn(task.run());
    for listener in &listeners {
        listener.failed(Problem::Lock, 1);
        tokio::task::yield_now().await;
    }
    handle.sender.send(Input::End).await.unwrap();
    let unsent = task.await.unwrap();
    let arrived = arrived.lock().unwrap().clone();
    (arrived, unsent, began.elapsed())
}

#[tokio::test(start_paused = true)]
async fn campaigns_with_one_bot_share_its_limits_and_its_messages() {
    let campaigns = ["a", "b", "c", "d", "e"];
    let (arrived, unsent, took) = told(0, &campaigns).await;
    assert_eq!(unsent, []);
    assert!(arrived.len() <= 2, "{arrived:?}");
    let all: String = arrived.iter().map(|(_, body)| body.as_str()).collect();
    for campaign in campaigns {
        assert_eq!(all.matches(&format!("{campaign}：执行失败")).count(), 1, "{all}");
    }
    assert!(took < Duration::from_secs(4), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn the_end_of_the_process_waits_for_a_silent_bot_for_ten_seconds() {
    let (arrived, unsent, took) = told(usize::MAX, &["a"]).await;
    assert_eq!(arrived.len(), 1);
    assert_eq!(unsent.len(), 1);
    assert_eq!(took, LAST);
}
