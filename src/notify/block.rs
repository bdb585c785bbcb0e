//! A notice as a channel receives it: lines for people, and an object for programs.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json, json};

use crate::catalogue::{Language, notify as text};
use crate::model::delivery::StateName;
use crate::model::event::Ending;
use crate::model::problem::Problem;
use crate::report::times::{date_time, duration, rfc3339};
use crate::report::wording::counts_sum;

use super::notice::{CodeLine, Notice, Origin, ServiceEvent, ServiceNotice, Slot, What};

/// What notices that are about no campaign have in place of its name.
const SERVICE: &str = "service";
/// The longest text of a platform in a message, in characters.
const MOST_FOREIGN: usize = 200;

/// A notice as one channel receives it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Block {
    /// Identifies the notice; stable over all tries.
    pub id: String,
    /// The campaign, as `NAME APP_ID`.
    pub campaign: String,
    /// The word of [`Slot`].
    pub slot: Word,
    /// When it happened.
    pub at: Timestamp,
    /// The first line: the campaign and what happened.
    pub title: String,
    /// The other lines.
    pub lines: Vec<String>,
    /// The command that shows more.
    pub command: String,
    /// The object for programs.
    pub object: Json,
}

/// A [`Slot`] in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Word {
    /// [`Slot::Halted`].
    Halted,
    /// [`Slot::Ended`].
    Ended,
    /// Any other slot. It is not kept in files.
    #[serde(skip)]
    Other(Slot),
}

impl From<Slot> for Word {
    fn from(slot: Slot) -> Self {
        match slot {
            Slot::Halted => Self::Halted,
            Slot::Ended => Self::Ended,
            other => Self::Other(other),
        }
    }
}

impl Block {
    /// Writes a notice in a language.
    #[must_use]
    pub fn new(origin: &Origin, notice: &Notice, language: Language) -> Self {
        let id = notice_id(origin.campaign.as_str(), notice.what.slot(), notice.at);
        let object = Language::English.scope(|| object(origin, notice, &id));
        language.scope(|| Self {
            id,
            campaign: format!("{} {}", origin.campaign, origin.app_id),
            slot: notice.what.slot().into(),
            at: notice.at,
            title: title(origin, &notice.what),
            lines: lines(origin, notice),
            command: command(origin, &notice.what),
            object,
        })
    }

    /// Writes a notice that is about no campaign in a language.
    #[must_use]
    pub fn of_service(notice: &ServiceNotice, language: Language) -> Self {
        let slot = notice.what.slot();
        let id = notice_id(SERVICE, slot, notice.at);
        let command = match &notice.origin.url {
            Some(url) => url.clone(),
            None => format!("runner validate {}", neutral(&notice.origin.file)),
        };
        let object = service_object(notice, &id, &command);
        language.scope(|| {
            let time = &date_time(notice.at, &notice.origin.zone);
            let time = text::ServiceTime { time }.to_string();
            let (title, line) = match &notice.what {
                ServiceEvent::ReadOnly { why } => {
                    let why = neutral(&why.to_string());
                    (
                        text::TitleReadOnly.to_string(),
                        text::ReadOnlyLine { why: &why }.to_string(),
                    )
                }
                ServiceEvent::Test => (text::TitleServiceTest.to_string(), text::TestLine.to_string()),
            };
            Self {
                id,
                campaign: SERVICE.to_owned(),
                slot: slot.into(),
                at: notice.at,
                title,
                lines: vec![time, line],
                command,
                object,
            }
        })
    }

    /// Whether it is kept until it is sent, over the end of the process.
    #[must_use]
    pub const fn is_kept(&self) -> bool {
        matches!(self.slot, Word::Halted | Word::Ended)
    }

    /// Whether it says that a campaign is complete.
    #[must_use]
    pub fn is_complete_end(&self) -> bool {
        self.slot == Word::Ended && self.object["state"] == "complete"
    }

    /// Whether both say that the same campaign is complete, with the same counts.
    #[must_use]
    pub fn is_same_end(&self, other: &Self) -> bool {
        let is_same = self.campaign == other.campaign && self.object["counts"] == other.object["counts"];
        is_same && self.is_complete_end() && other.is_complete_end()
    }

    /// Whether the end of its run makes it meaningless.
    #[must_use]
    pub const fn ends_with_run(&self) -> bool {
        matches!(self.slot, Word::Other(slot) if slot.ends_with_run())
    }
}

/// Returns an id for a notice that is never given again.
fn notice_id(about: &str, slot: Slot, at: Timestamp) -> String {
    let random = fastrand::u32(..);
    format!("{about}.{}.{}.{random:08x}", slot.word(), at.as_millisecond())
}

/// Returns the object of schema 1.0 of a notice that is about no campaign.
fn service_object(notice: &ServiceNotice, id: &str, command: &str) -> Json {
    let mut object = Map::new();
    let mut put = |key: &str, value: Json| object.insert(key.to_owned(), value);
    put("type", "notice".into());
    put("id", id.into());
    put("topic", notice.what.slot().word().into());
    put("at", rfc3339(notice.at, &notice.origin.zone).into());
    if let ServiceEvent::ReadOnly { why } = &notice.what {
        put("state", "read_only".into());
        put("why", why.english().into());
    }
    put("command", command.into());
    object.into()
}

/// Returns foreign text in the form that a message may have: in one line, without characters that mention people, make markdown or
/// deceive a reader.
#[must_use]
pub fn neutral(text: &str) -> String {
    let is_word = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
    let visible = crate::report::text::visible(text);
    let mut before = None;
    let mut out = String::with_capacity(visible.len());
    let mut chars = visible.chars().peekable();
    let mut taken = 0;
    while let Some(c) = chars.next() {
        if taken == MOST_FOREIGN {
            out.push('…');
            break;
        }
        taken += 1;
        let plain = match c {
            '@' => '＠',
            '<' => '＜',
            '>' => '＞',
            '*' => '＊',
            '`' => '｀',
            '[' => '［',
            ']' => '］',
            '#' => '＃',
            '~' => '～',
            '|' => '｜',
            '\\' => '＼',
            // Within a word it makes no markdown, and names of files have it.
            '_' if !is_word(before) || !is_word(chars.peek().copied()) => '＿',
            other => other,
        };
        out.push(plain);
        before = Some(c);
    }
    out
}

fn title(origin: &Origin, what: &What) -> String {
    let mut name = origin.campaign.to_string();
    if let Some(title) = &origin.title {
        name = format!("{name} {}", neutral(title));
    }
    if origin.is_rehearsal {
        name = text::Rehearsal { name: &name }.to_string();
    }
    let name = &name;
    match what {
        What::Halted { .. } => text::TitleHalted { name }.to_string(),
        What::Ended {
            ending: Ending::Complete,
            ..
        } => text::TitleComplete { name }.to_string(),
        What::Ended {
            ending: Ending::Incomplete,
            ..
        } => text::TitleIncomplete { name }.to_string(),
        What::Ended {
            ending: Ending::NeedsPerson,
            ..
        } => text::TitleNeedsPerson { name }.to_string(),
        What::Failed { .. } => text::TitleFailed { name }.to_string(),
        What::WaveEnded { wave: Some(wave), .. } => text::TitleWave { name, wave }.to_string(),
        What::WaveEnded { wave: None, .. } => text::TitleLastWave { name }.to_string(),
        What::NeedsApproval { .. } | What::PlanWaits { .. } => text::TitleApproval { name }.to_string(),
        What::Waits { .. } => text::TitleWaits { name }.to_string(),
        What::Outage { .. } => text::TitleOutage { name }.to_string(),
        What::OutageOver { .. } => text::TitleOutageOver { name }.to_string(),
        What::Stalled { .. } => text::TitleStalled { name }.to_string(),
        What::Missed { .. } => text::TitleMissed { name }.to_string(),
        What::Budget { .. } => text::TitleBudget { name }.to_string(),
        What::Differs { .. } => text::TitleDiffers { name }.to_string(),
        What::Test => text::TitleTest { name }.to_string(),
    }
}

fn lines(origin: &Origin, notice: &Notice) -> Vec<String> {
    let time = &date_time(notice.at, &origin.zone);
    let app_id = &neutral(&origin.app_id.to_string());
    let mut lines = vec![text::AppAndTime { app_id, time }.to_string()];
    lines.extend(reason(origin, &notice.what));
    if let Some(counts) = &notice.counts {
        lines.push(
            text::Counts {
                counts: &counts_sum(counts),
            }
            .to_string(),
        );
    }
    lines.extend(notice.codes.iter().map(code));
    lines.extend(exit(&notice.what).map(|exit| text::Exit { exit: &exit }.to_string()));
    lines
}

/// Returns why it happened. `None` if the title says it all.
fn reason(origin: &Origin, what: &What) -> Option<String> {
    let because = |why: &str| text::Because { why: &neutral(why) }.to_string();
    let lasts = |why: &str, took| {
        text::Lasts {
            why: &neutral(why),
            took: &duration(took),
        }
        .to_string()
    };
    match what {
        What::Halted { why, problem } => Some(because(&text::WithCode { why, code: problem }.to_string())),
        What::Ended { why, .. } => why.as_ref().map(|why| because(&why.to_string())),
        What::Failed { problem, .. } => {
            let why = &page_title(*problem);
            Some(because(&text::WithCode { why, code: problem }.to_string()))
        }
        What::WaveEnded { until, .. } => until.map(|until| {
            let at = &date_time(until, &origin.zone);
            text::NextWave { at }.to_string()
        }),
        What::NeedsApproval { done: 0 } => Some(text::TestersDone.to_string()),
        What::NeedsApproval { done } => Some(text::WaveDone { wave: done }.to_string()),
        What::PlanWaits { to_send, changes: 0 } => Some(text::PlanWaits { to_send: *to_send }.to_string()),
        What::PlanWaits { to_send, changes } => {
            let to_send = *to_send;
            let changes = *changes;
            Some(text::PlanWaitsWithChanges { to_send, changes }.to_string())
        }
        What::Waits { why, took } | What::Outage { why, took } => Some(lasts(&why.to_string(), *took)),
        What::OutageOver { took } => Some(text::Took { took: &duration(*took) }.to_string()),
        What::Stalled { took } => Some(text::NothingSettled { took: &duration(*took) }.to_string()),
        What::Missed { start } => {
            let at = &date_time(*start, &origin.zone);
            Some(text::MissedLine { at }.to_string())
        }
        What::Budget { used, max } => Some(text::BudgetLine { used, max }.to_string()),
        What::Differs { why } => Some(because(&why.to_string())),
        What::Test => Some(text::TestLine.to_string()),
    }
}

fn code(line: &CodeLine) -> String {
    let message = &neutral(&line.message);
    let log_id = &neutral(&line.log_id);
    let has_log_id = if line.log_id.is_empty() { "no" } else { "yes" };
    text::CodeLine {
        code: &line.code,
        n: line.count,
        message,
        log_id,
        has_log_id: &has_log_id,
    }
    .to_string()
}

fn exit(what: &What) -> Option<u8> {
    match what {
        What::Ended { ending, .. } => Some(ending.exit_code()),
        What::Failed { exit, .. } => Some(*exit),
        _ => None,
    }
}

/// Returns the command that shows more, or goes on.
fn command(origin: &Origin, what: &What) -> String {
    if let (What::NeedsApproval { .. } | What::PlanWaits { .. }, Some(page)) = (what, &origin.page) {
        let is_plan = matches!(what, What::PlanWaits { .. });
        return format!("{page}{}", if is_plan { "/plan" } else { "" });
    }
    let verb = match what {
        What::PlanWaits { .. } => "plan",
        What::NeedsApproval { .. } => "approve",
        What::Differs { .. } => "reconcile",
        What::Ended {
            ending: Ending::Incomplete,
            ..
        } => "apply",
        _ => "status",
    };
    let sandbox = if origin.is_rehearsal { " --sandbox" } else { "" };
    let file = neutral(&origin.file);
    let file = if file.contains(char::is_whitespace) {
        format!("'{file}'")
    } else {
        file
    };
    format!("runner {verb} {file}{sandbox}")
}

/// Returns the first line of the page of a problem, without its code.
fn page_title(problem: Problem) -> String {
    let page = problem.page(Language::current());
    let title = page.lines().next().unwrap_or_default();
    let title = title.trim_start_matches("# ").trim_start_matches(problem.code());
    title.trim_start_matches([':', '：', ' ']).to_owned()
}

/// Returns the object of schema 1.0. A value that is not known is absent.
fn object(origin: &Origin, notice: &Notice, id: &str) -> Json {
    let mut object = Map::new();
    let mut put = |key: &str, value: Json| object.insert(key.to_owned(), value);
    put("type", "notice".into());
    put("id", id.into());
    put("topic", notice.what.slot().word().into());
    put("campaign", origin.campaign.to_string().into());
    if let Some(title) = &origin.title {
        put("title", title.as_str().into());
    }
    put("app_id", origin.app_id.to_string().into());
    put("at", rfc3339(notice.at, &origin.zone).into());
    if origin.is_rehearsal {
        put("rehearsal", true.into());
    }
    if let Some(counts) = &notice.counts {
        let mut states = Map::new();
        states.insert("audience".to_owned(), counts.audience().into());
        for state in StateName::ALL {
            states.insert(state.word().to_owned(), counts.count(state).into());
        }
        put("counts", states.into());
    }
    if !notice.codes.is_empty() {
        let codes = notice
            .codes
            .iter()
            .map(|line| json!({"code": line.code, "message": line.message, "log_id": line.log_id, "n": line.count}));
        put("codes", codes.collect());
    }
    match &notice.what {
        What::Halted { why, problem } => {
            put("state", "halted".into());
            put("why", why.english().into());
            put("problem", problem.code().into());
        }
        What::Ended { state, why, .. } => {
            put("state", (*state).into());
            if let Some(why) = why {
                put("why", why.english().into());
            }
        }
        What::Failed { problem, .. } => {
            put("state", "failed".into());
            put("why", page_title(*problem).into());
            put("problem", problem.code().into());
        }
        What::WaveEnded { wave, until } => {
            if let Some(wave) = wave {
                put("wave", (*wave).into());
            }
            if let Some(until) = until {
                put("until", rfc3339(*until, &origin.zone).into());
            }
        }
        What::NeedsApproval { done } => {
            put("wave", (*done).into());
        }
        What::PlanWaits { to_send, changes } => {
            put("to_send", (*to_send).into());
            put("changes", (*changes).into());
        }
        What::Waits { why, took } | What::Outage { why, took } => {
            put("why", why.english().into());
            put("seconds", took.as_secs().into());
        }
        What::OutageOver { took } => {
            put("over", true.into());
            put("seconds", took.as_secs().into());
        }
        What::Stalled { took } => {
            put("seconds", took.as_secs().into());
        }
        What::Budget { used, max } => {
            put("used", used.written().into());
            put("budget", max.written().into());
        }
        What::Missed { start } => {
            put("start", rfc3339(*start, &origin.zone).into());
        }
        What::Differs { why } => {
            put("why", why.english().into());
        }
        What::Test => {}
    }
    if let Some(exit) = exit(&notice.what) {
        put("exit", exit.into());
    }
    put("command", command(origin, &notice.what).into());
    object.into()
}
