//! The channels that receive messages about a run: bots of chat groups, and webhooks. A channel's URL is a secret, because
//! a person who knows it can write to the group.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Value as Json, json};

use crate::catalogue::{Language, campaign as text};
use crate::model::secret::SecretRef;

use super::credentials::Reference;
use super::diagnostic::Code;
use super::diagnostics::Diagnostics;
use super::key::{Key, KeyKind};
use super::keys::{KeyType, Keys, Nested, keys};
use super::text::Text;
use super::tree::Kind;
use super::value::Value;
use super::word::{Word, Words as _, words};

/// The most channels of a campaign.
const MOST: usize = 20;

/// A channel of a campaign file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Channel {
    /// The kind of its receiver.
    pub kind: ChannelKind,
    /// The reference to its URL.
    pub url: SecretRef,
    /// The reference to the secret that signs its messages.
    pub secret: Option<SecretRef>,
    /// The word that the bot demands in each message.
    pub keyword: Option<String>,
    /// What it receives messages about.
    pub on: Vec<Topic>,
    /// The language of its messages.
    pub language: Language,
}

/// The label of a channel among those of its file: its kind, and the reference to its URL.
impl fmt::Display for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind.word(), self.url.written())
    }
}

/// The kinds of receivers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ChannelKind {
    /// A custom bot of a group in Feishu or Lark.
    Feishu,
    /// A custom robot of a group in DingTalk.
    Dingtalk,
    /// A robot of a group in WeCom.
    Wecom,
    /// Any HTTP server, by the rules of Standard Webhooks.
    Webhook,
}

impl ChannelKind {
    /// All kinds.
    pub const ALL: [Self; 4] = [Self::Feishu, Self::Dingtalk, Self::Wecom, Self::Webhook];

    /// Returns the key of the kind in a campaign file.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Feishu => "feishu",
            Self::Dingtalk => "dingtalk",
            Self::Wecom => "wecom",
            Self::Webhook => "webhook",
        }
    }
}

words! {
    /// What a message is about.
    pub enum Topic {
        /// The run halted and needs a person.
        Halted = "halted",
        /// The run ended, complete or not.
        Ended = "ended",
        /// The run has waited for a person or for another process for over 10 minutes.
        Waiting = "waiting",
        /// A wave has ended and the next one needs an approval, or a plan needs one in `runner serve`.
        Approval = "approval",
        /// The platform has been out of reach or slow for over 10 minutes, and the end of that.
        Outage = "outage",
        /// A wave has ended.
        Wave = "wave",
        /// Nothing was settled for 30 minutes although sending is allowed.
        Stalled = "stalled",
        /// An occurrence of a recurring campaign was missed. Only `runner serve` notices that.
        Missed = "missed",
        /// A run has made a budget of a service be used to 80 % or more. Only `runner serve` has budgets.
        Budget = "budget",
        /// The platform's own records differ from the ledger. Only `runner reconcile --watch` notices that.
        Differs = "differs",
    }
}

impl Topic {
    /// The topics of a channel that names none: all that ask for attention, and the end.
    pub const USUAL: [Self; 9] = [
        Self::Halted,
        Self::Ended,
        Self::Waiting,
        Self::Approval,
        Self::Outage,
        Self::Stalled,
        Self::Missed,
        Self::Budget,
        Self::Differs,
    ];

    /// Returns the word in a campaign file.
    #[must_use]
    pub fn word(self) -> &'static str {
        let known = Self::words().into_iter().find(|(_, topic)| *topic == self);
        known.map_or("", |(word, _)| word)
    }
}

words! {
    /// The language of messages.
    pub enum MessageLanguage {
        /// Chinese.
        Chinese = "zh",
        /// English.
        English = "en",
    }
}

keys! {
    /// A bot of a chat group that can check a signature and a keyword.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct SignedBot {
        /// A reference to the URL of the bot, which anyone who knows it can use.
        url: SecretRef = Reference, required "{env: HOOK_URL}";
        /// A reference to the secret that signs each message. Leave it out if the bot checks no signature.
        secret: SecretRef = Reference, optional "{env: HOOK_SECRET}";
        /// The word that the bot demands in each message. Leave it out if it demands none.
        keyword: String = Text(&text::WantKeyword), optional;
    }
}

keys! {
    /// A bot of a chat group whose URL is its only secret.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct PlainBot {
        /// A reference to the URL of the bot, which anyone who knows it can use.
        url: SecretRef = Reference, required "{env: HOOK_URL}";
    }
}

keys! {
    /// A server that receives JSON by the rules of Standard Webhooks.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct Webhook {
        /// A reference to the URL of the server.
        url: SecretRef = Reference, required "{env: HOOK_URL}";
        /// A reference to the secret that signs each message, such as `whsec_…`. Without it, messages have no signature.
        secret: SecretRef = Reference, optional "{env: HOOK_SECRET}";
    }
}

keys! {
    /// A receiver of messages about a run: exactly one of the kinds.
    #[derive(Debug)]
    struct ChannelKeys as "Channel" {
        /// A custom bot of a group in Feishu or Lark.
        feishu: SignedBot = Nested, optional;
        /// A custom robot of a group in DingTalk.
        dingtalk: SignedBot = Nested, optional;
        /// A robot of a group in WeCom.
        wecom: PlainBot = Nested, optional;
        /// A server that receives JSON by the rules of Standard Webhooks.
        webhook: Webhook = Nested, optional;
        /// The topics of the messages that it receives.
        on: Vec<Topic> = Topics, default Topic::USUAL.to_vec();
        /// The language of the messages.
        language: MessageLanguage = Word, default MessageLanguage::Chinese;
    }
}

/// A list of topics.
struct Topics;

impl KeyType<Vec<Topic>> for Topics {
    fn read(&self, value: &Value<'_>, diagnostics: &mut Diagnostics) -> Option<Vec<Topic>> {
        let topics = value.list(text::TopicsHelp, diagnostics, |entry, diagnostics| {
            Word.read(entry, diagnostics)
        })?;
        if topics.is_empty() {
            let message = text::NoTopic { path: &value.path };
            return value.refuse(Code::NoValue, message, text::NoTopicHelp, diagnostics);
        }
        Some(topics)
    }

    fn describe(&self) -> String {
        let topics = KeyType::<Topic>::describe(&Word);
        text::TopicsDescription { topics: &topics }.to_string()
    }

    fn schema(&self, generator: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "array", "items": generator.subschema_for::<Topic>(), "minItems": 1})
    }

    fn write(&self, value: &Vec<Topic>) -> Option<Json> {
        Some(value.iter().map(|topic| topic.word()).collect())
    }
}

/// A list of channels.
pub(super) struct Channels;

impl KeyType<Vec<Channel>> for Channels {
    fn read(&self, value: &Value<'_>, diagnostics: &mut Diagnostics) -> Option<Vec<Channel>> {
        if let Kind::List(entries) = value.kind()
            && entries.len() > MOST
        {
            let message = text::TooManyChannels {
                path: &value.path,
                n: &entries.len(),
                most: &MOST,
            };
            return value.refuse(Code::Number, message, text::TooManyChannelsHelp, diagnostics);
        }
        if value.as_scalar().is_some() {
            // A URL in place of the list is a secret.
            value.conceal(diagnostics);
        }
        value.list(text::ChannelsHelp, diagnostics, read_channel)
    }

    fn describe(&self) -> String {
        text::Channels { most: &MOST }.to_string()
    }

    fn schema(&self, generator: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "array", "items": generator.subschema_for::<Channel>(), "maxItems": MOST})
    }

    fn keys(&self) -> Vec<Key> {
        ChannelKeys::keys()
    }

    fn kind(&self) -> KeyKind {
        KeyKind::List
    }
}

impl JsonSchema for Channel {
    fn schema_name() -> Cow<'static, str> {
        ChannelKeys::schema_name()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut schema = ChannelKeys::object(generator);
        let kinds = ChannelKind::ALL.map(|kind| json!({"required": [kind.word()]}));
        schema.insert("oneOf".into(), kinds.to_vec().into());
        schema
    }
}

/// Marks everything in a channel that may be the URL or the secret: single values in place of mappings, and the values of
/// unknown keys.
fn conceal_secrets(entry: &Value<'_>, diagnostics: &mut Diagnostics) {
    if entry.as_scalar().is_some() {
        return entry.conceal(diagnostics);
    }
    let known = ChannelKeys::keys();
    conceal_unknown(entry, &known, diagnostics);
    for kind in ChannelKind::ALL {
        let Some(bot) = entry.find(kind.word()) else { continue };
        if bot.as_scalar().is_some() {
            bot.conceal(diagnostics);
        } else if let Some(declared) = known.iter().find(|key| key.name == kind.word()) {
            conceal_unknown(&bot, &(declared.keys)(), diagnostics);
        }
    }
}

/// Marks the values of unknown keys as possible secrets.
pub(super) fn conceal_unknown(value: &Value<'_>, known: &[Key], diagnostics: &mut Diagnostics) {
    let Kind::Map(entries) = value.kind() else { return };
    for (key, under) in entries {
        let name = value.under("", *key);
        let is_known = name
            .as_scalar()
            .is_some_and(|name| known.iter().any(|key| key.name == name.text));
        if !is_known {
            value.under("", *under).conceal(diagnostics);
        }
    }
}

fn read_channel(entry: &Value<'_>, diagnostics: &mut Diagnostics) -> Option<Channel> {
    conceal_secrets(entry, diagnostics);
    let map = entry.mapping(&ChannelKeys::keys(), diagnostics)?;
    let read = ChannelKeys::read_keys(&map, diagnostics)?;
    let is_kind = |name: &str| ChannelKind::ALL.iter().any(|kind| kind.word() == name);
    let mut kinds = map.present().filter(|(name, _)| is_kind(name));
    let first = kinds.next();
    if let Some((second, span)) = kinds.next() {
        let message = text::SecondChannel {
            path: &entry.path,
            kind: &second,
        };
        diagnostics
            .error(Code::Choice, span, message)
            .help(text::SecondChannelHelp);
        return None;
    }
    if first.is_none() {
        // An unknown key was reported and is probably the kind.
        let is_reported = matches!(entry.kind(), Kind::Map(entries) if entries.len() > map.present().count());
        if !is_reported {
            let message = text::NoChannelKind { path: &entry.path };
            return entry.refuse(Code::Choice, message, text::NoChannelKindHelp, diagnostics);
        }
        return None;
    }
    let on = read.on();
    let language = match read.language() {
        MessageLanguage::Chinese => Language::Chinese,
        MessageLanguage::English => Language::English,
    };
    let channel = |kind, url, secret, keyword| Channel {
        kind,
        url,
        secret,
        keyword,
        on: on.clone(),
        language,
    };
    let signed = |kind, bot: SignedBot| channel(kind, bot.url, bot.secret, bot.keyword);
    let feishu = read.feishu.map(|bot| signed(ChannelKind::Feishu, bot));
    let dingtalk = read.dingtalk.map(|bot| signed(ChannelKind::Dingtalk, bot));
    let wecom = read.wecom.map(|bot| channel(ChannelKind::Wecom, bot.url, None, None));
    let webhook = read
        .webhook
        .map(|hook| channel(ChannelKind::Webhook, hook.url, hook.secret, None));
    feishu.or(dingtalk).or(wecom).or(webhook)
}
