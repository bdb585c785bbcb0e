//! `runner explain`: shows the page of a problem's code, or what is known about a code of the platform.

use std::fmt::Write as _;

use anstyle::Style;
use clap::Args;
use serde::Serialize;

use crate::campaign::Code;
use crate::catalogue::{Language, explain as text, help};
use crate::douyin::codes::{Codes, Row};
use crate::model::outcome::Class;
use crate::model::problem::Problem;
use crate::report::text::{visible, wrap};

use super::context::Context;
use super::exit::Exit;
use super::failure::Failure;
use super::global_args::Output;
use super::terminal;

/// The arguments of `runner explain`.
#[derive(Clone, Debug, Args)]
#[command(after_help = help::ExplainExamples.to_string())]
pub struct ExplainArgs {
    #[arg(help = help::ExplainCode.to_string())]
    #[arg(value_name = "CODE")]
    pub code: Option<String>,
}

/// The page of a problem.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Page {
    r#type: &'static str,
    /// The problem's code.
    pub code: &'static str,
    /// The problem's title.
    pub title: &'static str,
    /// The exit code of this problem. `None` where it depends on the command.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exit: Option<u8>,
    /// The whole page, in Markdown.
    pub page: &'static str,
}

/// Returns the pages of all problems in one language, sorted by code.
pub fn pages(language: Language) -> impl Iterator<Item = Page> {
    let mistakes = Code::ALL
        .iter()
        .map(move |code| Page::new(code.as_str(), None, code.page(language)));
    let problems = Problem::ALL.iter().map(move |problem| {
        let exit = Exit::from(problem.ends()).code();
        Page::new(problem.code(), Some(exit), problem.page(language))
    });
    mistakes.chain(problems)
}

impl Page {
    fn new(code: &'static str, exit: Option<u8>, page: &'static str) -> Self {
        let heading = page.lines().next().unwrap_or_default();
        Self {
            r#type: "problem",
            code,
            title: heading
                .split_once(": ")
                .or_else(|| heading.split_once('：'))
                .map_or(heading, |(_, title)| title),
            exit,
            page,
        }
    }
}

/// What is known about a code of the platform.
#[derive(Clone, Debug, Serialize)]
struct PlatformCode {
    r#type: &'static str,
    code: i64,
    class: Class,
    meaning: String,
    source: String,
}

/// Explains one code, or lists all of them.
pub fn run(args: &ExplainArgs, context: &Context) -> Result<Exit, Failure> {
    let Some(asked) = &args.code else {
        return list(context);
    };
    let asked = asked.trim();
    if let Some(page) = pages(Language::current()).find(|page| page.code == written(asked)) {
        say(context, &page, || shown(&page, width()))
    } else if let Some(row) = asked.parse().ok().and_then(Codes::find) {
        say(context, &platform_code(row), || of_the_platform(row, width()))
    } else {
        Err(unknown(asked))
    }
}

fn say(context: &Context, object: &impl Serialize, text: impl FnOnce() -> String) -> Result<Exit, Failure> {
    match context.output {
        Output::Json => context.lines.write(object),
        Output::Human => context.data(&text())?,
    }
    Ok(Exit::Done)
}

/// Completes a problem's code to an E and four digits. Longer numbers are codes of the platform.
fn written(asked: &str) -> String {
    let digits = asked.trim_start_matches(['E', 'e']);
    let bare = digits.len() == asked.len();
    let number = !digits.is_empty() && digits.len() <= 4 && digits.chars().all(|c| c.is_ascii_digit());
    if number && (!bare || digits.len() >= 3) {
        format!("E{digits:0>4}")
    } else {
        asked.to_owned()
    }
}

fn list(context: &Context) -> Result<Exit, Failure> {
    if context.output == Output::Json {
        pages(Language::current()).for_each(|page| context.lines.write(&page));
        return Ok(Exit::Done);
    }
    let mut list = String::new();
    let mut group = "";
    for page in pages(Language::current()) {
        if group != &page.code[..3] {
            group = &page.code[..3];
            let _ = writeln!(
                list,
                "{}{BOLD}{}{BOLD:#}",
                if list.is_empty() { "" } else { "\n" },
                subject(group)
            );
        }
        let _ = writeln!(list, "  {}  {}", page.code, page.title);
    }
    let _ = writeln!(list, "\n{}", text::MoreOfOne);
    context.data(&list).map(|()| Exit::Done)
}

/// Returns the subject of a range of problems.
fn subject(group: &str) -> String {
    match group {
        "E01" => text::SubjectCampaignFile.to_string(),
        "E02" => text::SubjectCommandLine.to_string(),
        "E03" => text::SubjectLedger.to_string(),
        "E04" => text::SubjectAudience.to_string(),
        "E05" => text::SubjectPlatform.to_string(),
        "E06" => text::SubjectRun.to_string(),
        "E07" => text::SubjectStopped.to_string(),
        _ => text::SubjectOther.to_string(),
    }
}

const BOLD: Style = Style::new().bold();
/// The longest line of prose. Longer lines are hard to read.
const MOST_COLUMNS: usize = 88;

fn width() -> usize {
    terminal::stdout_width().min(MOST_COLUMNS)
}

/// Formats a page for people: without the marks of Markdown, wrapped to the terminal's width.
fn shown(page: &Page, width: usize) -> String {
    let mut shown = String::new();
    for block in page.page.trim_end().split("\n\n") {
        if !shown.is_empty() {
            shown.push('\n');
        }
        if let Some(heading) = block.strip_prefix('#') {
            let _ = writeln!(shown, "{BOLD}{}{BOLD:#}", heading.trim_start_matches(['#', ' ']));
        } else if block.starts_with("    ") {
            let _ = writeln!(shown, "{block}");
        } else if let Some(items) = block.strip_prefix("- ") {
            for item in items.split("\n- ") {
                let _ = writeln!(shown, "- {}", wrapped(item, width, 2));
            }
        } else {
            let _ = writeln!(shown, "{}", wrapped(block, width, 0));
        }
    }
    if let Some(exit) = page.exit {
        let _ = writeln!(shown, "\n{}", text::EndsWith { exit: &exit });
    }
    shown
}

/// Wraps a paragraph at `width` columns; lines after the first are indented. A longer word has its own line.
fn wrapped(paragraph: &str, width: usize, indent: usize) -> String {
    let words: Vec<_> = paragraph.split_whitespace().collect();
    wrap(&words.join(" "), width, indent)
}

fn platform_code(row: &Row) -> PlatformCode {
    PlatformCode {
        r#type: "platform_code",
        code: row.code,
        class: row.class,
        meaning: row.meaning(),
        source: row.source.to_string(),
    }
}

fn of_the_platform(row: &Row, width: usize) -> String {
    let Row { code, class, source } = row;
    let meaning = row.meaning();
    let word = class.word();
    let known = text::KnownCode { source, class: &word };
    let own = match code {
        0 => String::new(),
        _ => format!(
            "\n{}\n",
            wrapped(&text::OwnClass { code, class: &word }.to_string(), width, 0)
        ),
    };
    let known = wrapped(&known.to_string(), width, 0);
    format!("{BOLD}{code}: {meaning}{BOLD:#}\n\n{known}\n{own}")
}

fn unknown(asked: &str) -> Failure {
    let upper = asked.to_uppercase();
    let mut near: Vec<_> = pages(Language::current())
        .map(|page| (strsim::osa_distance(&upper, page.code), page.code))
        .filter(|(distance, _)| *distance <= 1)
        .collect();
    near.sort_unstable();
    near.truncate(3);
    let near: Vec<_> = near.into_iter().map(|(_, code)| code).collect();
    let failure = Failure::new(
        Problem::UnknownCode,
        text::UnknownCode { code: &visible(asked) }.to_string(),
    );
    if !near.is_empty() {
        return failure.help(
            text::DidYouMean {
                codes: &near.join(", "),
            }
            .to_string(),
        );
    }
    if asked.parse::<i64>().is_ok() {
        return failure.help(text::NotInTable { code: &asked }.to_string());
    }
    failure.help(text::ListAll.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::text::columns;

    #[test]
    fn codes_are_found_however_they_are_typed() {
        let typed = ["E0102", "e0102", "0102", "102", "E102", "28001045", "0", "E", "x"].map(written);
        assert_eq!(
            typed,
            ["E0102", "E0102", "E0102", "E0102", "E0102", "28001045", "0", "E", "x"]
        );
    }

    #[test]
    fn prose_is_as_wide_as_the_terminal_and_examples_are_as_they_are() {
        for page in Language::ALL.into_iter().flat_map(pages) {
            for width in [20, 80] {
                for line in shown(&page, width).lines().filter(|line| !line.starts_with("    ")) {
                    let line = anstream::adapter::strip_str(line).to_string();
                    let one_word = !line.trim_start_matches([' ', '-']).contains(' ');
                    let heading = page.page.lines().any(|own| own.trim_start_matches(['#', ' ']) == line);
                    let closing = page.exit.is_some() && line.ends_with(['.', '。']);
                    assert!(
                        columns(&line) <= width || one_word || heading || closing,
                        "{}: {line}",
                        page.code
                    );
                }
            }
        }
    }
}
