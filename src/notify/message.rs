//! One message to a channel: several blocks, cut to the size that the channel takes.

use serde_json::{Value as Json, json};

use crate::campaign::ChannelKind;
use crate::catalogue::notify as text;

use super::block::Block;
use super::channel::Channel;

/// The most blocks of a message.
const MOST_BLOCKS: usize = 20;
/// The longest title that a phone shows, in bytes.
const MOST_TITLE: usize = 200;
/// The most commands in the last line.
const MOST_COMMANDS: usize = 5;

/// How a message is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Form {
    /// With a title and markdown, if the channel has them.
    #[default]
    Rich,
    /// As plain text, in at most half of the size: the channel refused the rich form.
    Plain,
}

/// Returns the most bytes of a message's text.
#[must_use]
pub const fn limit(kind: ChannelKind, form: Form) -> usize {
    match (kind, form) {
        (ChannelKind::Wecom, Form::Rich) => 4_000,
        (ChannelKind::Wecom, Form::Plain) => 1_000,
        (_, Form::Rich) => 18_000,
        (_, Form::Plain) => 9_000,
    }
}

/// Returns how many of `blocks`, which are in the order of sending, fit into one message. It is at least one, if there is one.
#[must_use]
pub fn count_fitting(blocks: &[&Block], limit: usize) -> usize {
    let mut bytes = 0;
    let fits = |block: &&&Block| {
        bytes += block.title.len() + block.command.len() + 8;
        bytes += block.lines.iter().map(|line| line.len() + 3).sum::<usize>();
        bytes <= limit
    };
    let fitting = blocks.iter().take(MOST_BLOCKS).take_while(fits).count();
    fitting.max(blocks.len().min(1))
}

/// The text of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// The first line. It is never cut away.
    pub title: String,
    /// The other lines.
    pub lines: Vec<String>,
}

impl Message {
    /// Writes blocks as one message of at most `limit` bytes. Lines are cut away as a whole; the last line names the command to
    /// type.
    #[must_use]
    pub fn new(blocks: &[Block], channel: &Channel, limit: usize) -> Self {
        channel.language.scope(|| {
            let first = blocks.first().map_or("", |block| block.title.as_str());
            let title = cut_bytes(&with_keyword(first, blocks, channel), MOST_TITLE);
            let last = last_line(blocks);
            let mut lines = Vec::new();
            for (at, block) in blocks.iter().enumerate() {
                if at > 0 {
                    lines.push(block.title.clone());
                }
                lines.extend(block.lines.iter().cloned());
            }
            // A line break is three bytes in some channels.
            let cost = |line: &str| line.len() + 3;
            let room = limit.saturating_sub(cost(&title) + cost(&last) + cost("…"));
            let mut bytes = 0;
            let fits = |line: &&String| {
                bytes += cost(line);
                bytes <= room
            };
            let kept = lines.iter().take_while(fits).count();
            if kept < lines.len() {
                lines.truncate(kept);
                lines.push("…".to_owned());
            }
            lines.push(last);
            Self { title, lines }
        })
    }

    fn joined(&self, between: &str) -> String {
        let all: Vec<_> = std::iter::once(self.title.as_str())
            .chain(self.lines.iter().map(String::as_str))
            .collect();
        all.join(between)
    }
}

/// Returns the title with the keyword of the bot, unless a line that is never cut away has it.
fn with_keyword(title: &str, blocks: &[Block], channel: &Channel) -> String {
    match &channel.keyword {
        Some(keyword) if !title.contains(keyword) && !last_line(blocks).contains(keyword) => {
            format!("{keyword} {title}")
        }
        _ => title.to_owned(),
    }
}

fn last_line(blocks: &[Block]) -> String {
    let mut commands: Vec<&str> = Vec::new();
    for block in blocks {
        if !commands.contains(&block.command.as_str()) {
            commands.push(&block.command);
        }
    }
    commands.truncate(MOST_COMMANDS);
    let commands = commands.join(&text::Separator.to_string());
    cut_bytes(&text::Look { commands: &commands }.to_string(), 2 * MOST_TITLE)
}

/// Returns the first whole characters of `text` in at most `most` bytes.
fn cut_bytes(text: &str, most: usize) -> String {
    if text.len() <= most {
        return text.to_owned();
    }
    let end = text
        .char_indices()
        .map(|(at, _)| at)
        .take_while(|at| at + '…'.len_utf8() <= most)
        .last()
        .unwrap_or_default();
    format!("{}…", &text[..end])
}

/// Returns the JSON body of a message, without what a signature adds.
#[must_use]
pub fn body(blocks: &[Block], channel: &Channel, form: Form) -> Json {
    let message = || Message::new(blocks, channel, limit(channel.kind, form));
    match (channel.kind, form) {
        (ChannelKind::Webhook, _) => {
            let notices: Vec<_> = blocks.iter().map(|block| &block.object).collect();
            json!({"type": "notices", "schema": "1.0", "notices": notices})
        }
        (ChannelKind::Feishu, Form::Rich) => {
            let message = message();
            let lines: Vec<_> = message
                .lines
                .iter()
                .map(|line| json!([{"tag": "text", "text": line}]))
                .collect();
            let post = json!({"title": message.title, "content": lines});
            json!({"msg_type": "post", "content": {"post": {"zh_cn": post}}})
        }
        (ChannelKind::Feishu, Form::Plain) => {
            json!({"msg_type": "text", "content": {"text": message().joined("\n")}})
        }
        (ChannelKind::Dingtalk, Form::Rich) => {
            let message = message();
            // Two spaces before the end of a line keep it.
            let text = format!("**{}**  \n{}", message.title, message.lines.join("  \n"));
            json!({"msgtype": "markdown", "markdown": {"title": message.title, "text": text}})
        }
        (ChannelKind::Dingtalk, Form::Plain) => {
            let at = json!({"atMobiles": [], "isAtAll": false});
            json!({"msgtype": "text", "text": {"content": message().joined("\n")}, "at": at})
        }
        (ChannelKind::Wecom, Form::Rich) => {
            let message = message();
            let text = format!("**{}**\n{}", message.title, message.lines.join("\n"));
            json!({"msgtype": "markdown", "markdown": {"content": text}})
        }
        (ChannelKind::Wecom, Form::Plain) => {
            json!({"msgtype": "text", "text": {"content": message().joined("\n")}})
        }
    }
}
