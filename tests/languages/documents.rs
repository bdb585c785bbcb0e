//! Each document says the same in both languages.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::texts::Texts;

/// A document in one language, taken apart.
struct Document {
    /// The lines of its code blocks, without comments.
    code: Vec<String>,
    /// The texts in back quotes.
    spans: BTreeSet<String>,
    /// The kind of each of its blocks.
    shape: Vec<String>,
}

fn document(path: &Path) -> Document {
    let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut code = Code::default();
    let mut prose = String::new();
    let mut fenced = false;
    let mut after_blank = true;
    let mut indented = false;
    for line in text.lines() {
        let fence = line.trim_start().starts_with("```");
        indented = !fenced && line.starts_with("    ") && (after_blank || indented);
        if fence || fenced || indented {
            code.add(line, fence);
            fenced ^= fence;
        } else {
            prose.push_str(line);
            prose.push('\n');
        }
        after_blank = line.trim().is_empty();
    }
    // Links to the other language are beside the text.
    let prose: String = prose
        .lines()
        .filter(|line| !line.contains("**English**") && !line.contains("**简体中文**"))
        .collect::<Vec<_>>()
        .join("\n");
    let mut spans = BTreeSet::new();
    for paragraph in prose.split("\n\n") {
        for span in paragraph.split('`').skip(1).step_by(2) {
            spans.insert(span.split_whitespace().collect::<Vec<_>>().join(" "));
        }
    }
    let shape = prose
        .split("\n\n")
        .map(str::trim_start)
        .filter(|block| !block.trim().is_empty())
        .map(|block| match block {
            block if block.starts_with('#') => "#".repeat(block.len() - block.trim_start_matches('#').len()),
            block if block.starts_with("- ") => format!(
                "list of {}",
                block.lines().filter(|line| line.starts_with("- ")).count()
            ),
            block if block.starts_with('|') => format!("table of {}", block.lines().count()),
            _ => "paragraph".to_owned(),
        });
    Document {
        code: code.lines,
        spans,
        shape: shape.collect(),
    }
}

/// Collects the lines of the code blocks of a document.
#[derive(Default)]
struct Code {
    lines: Vec<String>,
    /// Whether the block is a screen, of which only the commands are collected: the tests in `examples` compare the rest with
    /// what the program prints.
    is_screen: bool,
    is_command: bool,
}

impl Code {
    fn add(&mut self, line: &str, is_fence: bool) {
        if is_fence {
            self.is_screen = line.trim() == "```text";
            self.is_command = false;
        }
        if self.is_screen && !is_fence {
            self.is_command = line.starts_with("$ ")
                || (self.is_command && self.lines.last().is_some_and(|last| last.ends_with('\\')));
            if !self.is_command {
                return;
            }
        }
        // An indented screen folds long lines.
        match self.lines.last_mut() {
            Some(message) if line.starts_with("      ") && is_message(message) => {
                message.push(' ');
                message.push_str(line.trim());
            }
            _ => self.lines.push(without_prose(line)),
        }
    }
}

/// What begins the lines of an error, in both languages.
const LABELS: [[&str; 2]; 3] = [["error[", "错误["], ["caused by: ", "原因: "], ["help: ", "处理办法: "]];

fn is_message(line: &str) -> bool {
    let line = line.trim_start();
    LABELS.iter().flatten().any(|label| line.starts_with(label))
}

/// A line without what the other language says in other words: its comment, and the text of a note.
fn without_prose(line: &str) -> String {
    let line = match line.find(" # ") {
        _ if line.trim_start().starts_with("# ") => "#",
        Some(at) => line[..at].trim_end(),
        None => line.trim_end(),
    };
    match line.split_once("--note '") {
        Some((command, note)) => format!(
            "{command}--note ''{}",
            note.split_once('\'').map_or("", |(_, rest)| rest)
        ),
        None => line.to_owned(),
    }
}

/// A line of a screen without the code of a problem at its beginning.
fn without_code(line: &str) -> &str {
    let is_code = |code: &str| {
        let digits = code.strip_prefix('E').unwrap_or_default();
        digits.len() == 4 && digits.chars().all(|c| c.is_ascii_digit())
    };
    match line.split_at_checked(5) {
        Some((code, rest)) if is_code(code) => rest.trim_start_matches([']', ':', '：', ' ']),
        _ => line,
    }
}

/// What is the same in every language: the words with a digit, such as ids, amounts and times.
fn figures(line: &str) -> Vec<&str> {
    let words = line.split(|c: char| !c.is_ascii_alphanumeric() && !"_.".contains(c));
    let mut figures: Vec<_> = words
        .map(|word| word.trim_matches('.'))
        .filter(|word| word.contains(|c: char| c.is_ascii_digit()))
        .collect();
    figures.sort_unstable();
    figures
}

/// Whether two lines of code are the same in both languages. What the program prints is in the language of the document.
fn agree(english: &str, chinese: &str, [in_english, in_chinese]: &[Texts; 2]) -> bool {
    let labels = LABELS.iter().find(|[label, _]| english.trim_start().starts_with(label));
    let lines = match labels {
        Some([label, translated]) => (
            english.trim_start().strip_prefix(label),
            chinese.trim_start().strip_prefix(translated),
        ),
        None => (Some(english.trim_start()), Some(chinese.trim_start())),
    };
    let (Some(english), Some(chinese)) = lines else {
        return false;
    };
    let english_text = without_code(english);
    if !in_english.has(english_text) {
        return english == chinese;
    }
    let names = in_chinese.names(without_code(chinese));
    let is_translated = in_english.names(english_text).iter().any(|name| names.contains(name));
    is_translated && figures(english) == figures(chinese)
}

#[test]
fn each_document_says_the_same_in_both_languages() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let names = |dir: &Path| -> BTreeSet<String> {
        let entries = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
        entries
            .filter(|path| path.is_file())
            .map(|path| path.file_name().unwrap().to_string_lossy().into_owned())
            .collect()
    };
    let mut pairs = vec![(root.join("README.md"), root.join("README.zh-CN.md"))];
    for folder in ["docs", "docs/problems"] {
        let english = root.join(folder);
        let chinese = root.join(folder.replace("docs", "docs/zh-CN"));
        assert_eq!(
            names(&english),
            names(&chinese),
            "{folder} has the same pages in both languages"
        );
        pairs.extend(
            names(&english)
                .into_iter()
                .map(|name| (english.join(&name), chinese.join(&name))),
        );
    }
    let texts = [Texts::read("en"), Texts::read("zh-CN")];
    let mut different = Vec::new();
    for (english, chinese) in pairs {
        let place = english.display();
        let (english, chinese) = (document(&english), document(&chinese));
        assert_eq!(
            english.code.len(),
            chinese.code.len(),
            "the lines of the examples of {place}"
        );
        let examples = english.code.iter().zip(&chinese.code);
        let disagreeing = examples.filter(|(english, chinese)| !agree(english, chinese, &texts));
        different.extend(disagreeing.map(|(english, chinese)| format!("{place}\n{english}\n{chinese}")));
        let differing: Vec<_> = english.spans.symmetric_difference(&chinese.spans).collect();
        assert!(
            differing.is_empty(),
            "back quotes in one language only, of {place}: {differing:?}"
        );
        assert_eq!(english.shape, chinese.shape, "the blocks of {place}");
    }
    assert!(different.is_empty(), "{}", different.join("\n\n"));
}
