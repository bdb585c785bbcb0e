//! `runner explain`: shows the page of a problem's code, or what is known about a code of the platform.

use std::fmt::Write as _;

use anstyle::Style;
use clap::Args;
use serde::Serialize;

use crate::campaign::Code;
use crate::douyin::codes::{Codes, Row};
use crate::model::outcome::Class;
use crate::model::problem::Problem;
use crate::report::text::{visible, wrap};

use super::context::Context;
use super::exit::Exit;
use super::failure::Failure;
use super::global_args::Output;
use super::terminal;

const EXAMPLES: &str = "\
Examples:
  runner explain E0310
      what this problem is, why it comes, and what to do about it
  runner explain 28001045
      what the built-in table knows of a code of the platform's
  runner explain
      every problem, a line each";

/// The arguments of `runner explain`.
#[derive(Clone, Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct ExplainArgs {
    /// The code of a problem, as in `error[E0310]`, or of the platform; none lists all problems
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

/// Returns the pages of all problems, sorted by code.
pub fn pages() -> impl Iterator<Item = Page> {
    let mistakes = Code::ALL.iter().map(|code| Page::new(code.as_str(), None, code.page()));
    let problems = Problem::ALL.iter().map(|problem| {
        let exit = Exit::from(problem.ends()).code();
        Page::new(problem.code(), Some(exit), problem.page())
    });
    mistakes.chain(problems)
}

impl Page {
    fn new(code: &'static str, exit: Option<u8>, page: &'static str) -> Self {
        let heading = page.lines().next().unwrap_or_default();
        Self {
            r#type: "problem",
            code,
            title: heading.split_once(": ").map_or(heading, |(_, title)| title),
            exit,
            page,
        }
    }
}

/// What is known about a code of the platform.
#[derive(Clone, Copy, Debug, Serialize)]
struct PlatformCode {
    r#type: &'static str,
    code: i64,
    class: Class,
    meaning: &'static str,
    source: &'static str,
}

/// Explains one code, or lists all of them.
pub fn run(args: &ExplainArgs, context: &Context) -> Result<Exit, Failure> {
    let Some(asked) = &args.code else {
        return list(context);
    };
    let asked = asked.trim();
    if let Some(page) = pages().find(|page| page.code == written(asked)) {
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
        pages().for_each(|page| context.lines.write(&page));
        return Ok(Exit::Done);
    }
    let mut text = String::new();
    let mut group = "";
    for page in pages() {
        if group != &page.code[..3] {
            group = &page.code[..3];
            let _ = writeln!(
                text,
                "{}{BOLD}{}{BOLD:#}",
                if text.is_empty() { "" } else { "\n" },
                subject(group)
            );
        }
        let _ = writeln!(text, "  {}  {}", page.code, page.title);
    }
    text.push_str("\n`runner explain CODE` says more of one\n");
    context.data(&text).map(|()| Exit::Done)
}

/// Returns the subject of a range of problems.
fn subject(group: &str) -> &'static str {
    match group {
        "E01" => "The campaign file",
        "E02" => "The command line, and files that it names",
        "E03" => "The ledger",
        "E04" => "The audience",
        "E05" => "The platform and its stand-in",
        "E06" => "A run",
        "E07" => "Why a run stopped and wants a person",
        _ => "More",
    }
}

const BOLD: Style = Style::new().bold();
/// The longest line of prose. Longer lines are hard to read.
const MOST_COLUMNS: usize = 88;

fn width() -> usize {
    terminal::width().min(MOST_COLUMNS)
}

/// Formats a page for people: without the marks of Markdown, wrapped to the terminal's width.
fn shown(page: &Page, width: usize) -> String {
    let mut text = String::new();
    for block in page.page.trim_end().split("\n\n") {
        if !text.is_empty() {
            text.push('\n');
        }
        if let Some(heading) = block.strip_prefix('#') {
            let _ = writeln!(text, "{BOLD}{}{BOLD:#}", heading.trim_start_matches(['#', ' ']));
        } else if block.starts_with("    ") {
            let _ = writeln!(text, "{block}");
        } else {
            text.push_str(&wrapped(block, width));
        }
    }
    if let Some(exit) = page.exit {
        let _ = writeln!(text, "\nThe process ends with {exit}.");
    }
    text
}

/// Wraps a paragraph at `width` columns. A longer word has its own line.
fn wrapped(paragraph: &str, width: usize) -> String {
    let words: Vec<_> = paragraph.split_whitespace().collect();
    format!("{}\n", wrap(&words.join(" "), width, 0))
}

const fn platform_code(row: &Row) -> PlatformCode {
    PlatformCode {
        r#type: "platform_code",
        code: row.code,
        class: row.class,
        meaning: row.meaning,
        source: row.source.words(),
    }
}

fn of_the_platform(row: &Row, width: usize) -> String {
    let Row {
        code,
        class,
        meaning,
        source,
    } = row;
    let word = class.word();
    let known = format!(
        "A code of the platform's, known from {}. Its class in the built-in table is `{word}`: {}.",
        source.words(),
        follows(*class)
    );
    let own = match code {
        0 => String::new(),
        _ => wrapped(
            &format!("A campaign file can classify it otherwise under `codes:`, as in `codes: {{{code}: {word}}}`."),
            width,
        ),
    };
    let sep = if own.is_empty() { "" } else { "\n" };
    format!(
        "{BOLD}{code}: {meaning}{BOLD:#}\n\n{}{sep}{own}",
        wrapped(&known, width)
    )
}

/// Describes what the program does after an answer of a class.
const fn follows(class: Class) -> &'static str {
    match class {
        Class::Issued => "the coupon is the user's",
        Class::Retry => {
            "the platform does not say whether it issued the coupon, so the delivery is in doubt and is sent again by the \
             same id"
        }
        Class::Throttle => "nothing was issued; the pace is lowered and the delivery is sent again",
        Class::Token => "nothing was issued; another access token is fetched and the delivery is sent again",
        Class::Refuse => "this user is refused for good",
        Class::Hold => "the delivery is held until a person says what the code means",
        Class::Wait => "nothing was issued; the campaign as a whole waits, and asks again now and then",
        Class::Halt => "nothing more is sent until a person has acted",
    }
}

fn unknown(asked: &str) -> Failure {
    let upper = asked.to_uppercase();
    let mut near: Vec<_> = pages()
        .map(|page| (strsim::osa_distance(&upper, page.code), page.code))
        .filter(|(distance, _)| *distance <= 1)
        .collect();
    near.sort_unstable();
    near.truncate(3);
    let near: Vec<_> = near.into_iter().map(|(_, code)| code).collect();
    let failure = Failure::new(
        Problem::UnknownCode,
        format!("nobody knows the code `{}`", visible(asked)),
    );
    if !near.is_empty() {
        return failure.help(format!("did you mean {}?", near.join(" or ")));
    }
    if asked.parse::<i64>().is_ok() {
        return failure.help(format!(
            "the built-in table of the platform's codes does not have it: such an answer is held. ask the platform what it \
             means and write that into the campaign file, as in `codes: {{{asked}: refuse}}`"
        ));
    }
    failure.help("`runner explain` alone lists every problem")
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
        for page in pages() {
            for width in [20, 80] {
                for line in shown(&page, width).lines().filter(|line| !line.starts_with("    ")) {
                    let line = anstream::adapter::strip_str(line).to_string();
                    let one_word = !line.contains(' ');
                    let heading = page.page.lines().any(|own| own.trim_start_matches(['#', ' ']) == line);
                    let closing = line.starts_with("The process ends");
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
