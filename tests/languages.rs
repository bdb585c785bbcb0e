//! The program and its documents in both languages: the language is chosen as documented, and each document says the same in both.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

fn run(args: &[&str], variables: &[(&str, &str)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_runner"));
    for name in [
        "RUNNER_LOG",
        "RUNNER_STATE_DIR",
        "RUNNER_LANG",
        "LC_ALL",
        "LC_MESSAGES",
        "LANG",
        "COLUMNS",
    ] {
        command.env_remove(name);
    }
    command
        .args(args)
        .envs(variables.iter().copied())
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn the_option_then_the_variables_choose_the_language() {
    let chinese = |args: &[&str], variables: &[(&str, &str)]| {
        let mut args = args.to_vec();
        args.extend(["explain", "E0310"]);
        let output = run(&args, variables);
        assert_eq!(output.status.code(), Some(0), "{args:?}");
        stdout(&output).contains("处理办法")
    };
    assert!(!chinese(&[], &[]));
    assert!(chinese(&[], &[("LANG", "zh_CN.UTF-8")]));
    assert!(chinese(&[], &[("LANG", "en_US.UTF-8"), ("LC_MESSAGES", "zh_CN.UTF-8")]));
    assert!(!chinese(&[], &[("LANG", "zh_CN.UTF-8"), ("LC_ALL", "C.UTF-8")]));
    assert!(chinese(&[], &[("LC_ALL", "C"), ("RUNNER_LANG", "zh")]));
    assert!(!chinese(&["--lang", "en"], &[("RUNNER_LANG", "zh")]));
    assert!(chinese(&["--lang=zh"], &[("RUNNER_LANG", "en")]));
    assert!(chinese(&["--lang", "zh-CN"], &[]));
    assert!(!chinese(&[], &[("LANG", "de_DE.UTF-8")]));
}

#[test]
fn an_unknown_language_is_refused() {
    let output = run(&["--lang", "fr", "explain"], &[]);
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn the_comments_of_a_first_campaign_are_in_the_language() {
    for (variable, comment) in [("en", "# A first campaign"), ("zh", "# 第一个发券任务")] {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().to_str().unwrap();
        let output = run(&["init", path], &[("RUNNER_LANG", variable)]);
        assert_eq!(output.status.code(), Some(0), "{variable}");
        let file = fs::read_to_string(dir.path().join("first.yaml")).unwrap();
        assert!(file.starts_with(comment), "{file}");
    }
}

/// The schema is a file for programs, so the environment alone does not translate it.
#[test]
fn the_option_translates_the_schema() {
    let english = stdout(&run(&["schema"], &[("RUNNER_LANG", "zh")]));
    assert!(english.contains("The version of this format."), "{english}");
    let chinese = stdout(&run(&["schema", "--lang", "zh"], &[]));
    assert!(chinese.contains("任务文件格式的版本。"), "{chinese}");
}

#[test]
fn what_programs_read_is_never_translated() {
    for args in [
        &["explain", "28001045", "--output", "json"][..],
        &["explain", "E0310", "--output=json"],
        &["schema"],
    ] {
        let chinese = run(args, &[("RUNNER_LANG", "zh")]);
        assert_eq!(chinese.status.code(), Some(0), "{args:?}");
        assert_eq!(stdout(&chinese), stdout(&run(args, &[])), "{args:?}");
    }
}

#[test]
fn help_in_chinese() {
    let mut shown = stdout(&run(&["--help"], &[("RUNNER_LANG", "zh")]));
    let commands: Vec<String> = runner::cli::command()
        .get_subcommands()
        .map(|command| command.get_name().to_owned())
        .collect();
    for command in &commands {
        let _ = writeln!(shown, "\n$ runner {command} --help");
        let output = run(&[command, "--help"], &[("RUNNER_LANG", "zh")]);
        assert_eq!(output.status.code(), Some(0));
        shown.push_str(&stdout(&output));
    }
    for english in [
        "Usage:",
        "Options:",
        "Arguments:",
        "Commands:",
        "[default",
        "[env",
        "[possible",
        "Print help",
    ] {
        assert!(!shown.contains(english), "{english} is not translated");
    }
    insta::assert_snapshot!(shown);
}

#[test]
fn explain_in_chinese() {
    let shown = [
        &["explain"][..],
        &["explain", "E0716"],
        &["explain", "28001045"],
        &["explain", "0"],
    ]
    .map(|args| stdout(&run(args, &[("RUNNER_LANG", "zh")])));
    insta::assert_snapshot!(shown.join("\n--\n"));
}

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
    let mut code = Vec::new();
    let mut prose = String::new();
    let mut fenced = false;
    let mut after_blank = true;
    let mut indented = false;
    for line in text.lines() {
        let fence = line.trim_start().starts_with("```");
        indented = !fenced && line.starts_with("    ") && (after_blank || indented);
        if fence || fenced || indented {
            code.push(without_comment(line));
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
        code,
        spans,
        shape: shape.collect(),
    }
}

fn without_comment(line: &str) -> String {
    match line.find(" # ") {
        _ if line.trim_start().starts_with("# ") => "#".to_owned(),
        Some(at) => line[..at].trim_end().to_owned(),
        None => line.trim_end().to_owned(),
    }
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
    for (english, chinese) in pairs {
        let place = english.display();
        let (english, chinese) = (document(&english), document(&chinese));
        assert_eq!(english.code, chinese.code, "the examples of {place}");
        let differing: Vec<_> = english.spans.symmetric_difference(&chinese.spans).collect();
        assert!(
            differing.is_empty(),
            "back quotes in one language only, of {place}: {differing:?}"
        );
        assert_eq!(english.shape, chinese.shape, "the blocks of {place}");
    }
}
