//! The texts of the catalogue as patterns, to find the text that a document quotes.

use std::fs;
use std::path::Path;

use fluent_syntax::ast::{Entry, Expression, InlineExpression, PatternElement};
use fluent_syntax::parser;

/// A shorter text matches every line.
const SHORTEST: usize = 4;
/// A shorter text also matches lines that no message has written.
const DISTINCT: usize = 6;

/// One form of a message: what it says before, between and after its arguments.
struct Text {
    name: String,
    parts: Vec<String>,
}

impl Text {
    /// How much it says between its arguments. A Chinese character says as much as two letters.
    fn length(&self) -> usize {
        let letters = self.parts.iter().flat_map(|part| part.chars());
        letters
            .filter(|c| c.is_alphabetic())
            .map(|c| if c.is_ascii() { 1 } else { 2 })
            .sum()
    }

    fn matches(&self, line: &str) -> bool {
        let Some((first, rest)) = self.parts.split_first() else {
            return false;
        };
        let Some(mut line) = line.strip_prefix(first.as_str()) else {
            return false;
        };
        let Some((last, between)) = rest.split_last() else {
            return line.is_empty();
        };
        for part in between {
            match line.split_once(part.as_str()) {
                Some((_, after)) => line = after,
                None => return false,
            }
        }
        line.ends_with(last.as_str())
    }
}

/// All texts of one language.
pub struct Texts(Vec<Text>);

impl Texts {
    pub fn read(language: &str) -> Self {
        let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("locales").join(language);
        let mut texts = Vec::new();
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            let area = path.file_stem().unwrap().to_string_lossy().into_owned();
            let text = fs::read_to_string(&path).unwrap();
            for entry in parser::parse(text.as_str()).unwrap().body {
                let Entry::Message(message) = entry else {
                    continue;
                };
                let name = format!("{area}.{}", message.id.name);
                let Some(pattern) = message.value else { continue };
                texts.extend(forms(&pattern.elements).into_iter().map(|parts| Text {
                    name: name.clone(),
                    parts,
                }));
            }
        }
        texts.retain(|text| text.length() >= SHORTEST);
        Self(texts)
    }

    fn matching(&self, line: &str) -> impl Iterator<Item = &Text> {
        // The first column of a table may be a name, such as an open_id.
        let row = line.split_once("  ").map(|(_, row)| row);
        let is_match = move |text: &&Text| text.matches(line) || row.is_some_and(|row| text.matches(row));
        self.0.iter().filter(is_match)
    }

    /// Whether a message has written this line.
    pub fn has(&self, line: &str) -> bool {
        self.matching(line).any(|text| text.length() >= DISTINCT)
    }

    /// The names of all messages that may have written this line.
    pub fn names(&self, line: &str) -> Vec<&str> {
        self.matching(line).map(|text| text.name.as_str()).collect()
    }
}

/// Every form that a pattern has by its selectors.
fn forms(elements: &[PatternElement<&str>]) -> Vec<Vec<String>> {
    let mut all = vec![vec![String::new()]];
    for element in elements {
        match element {
            PatternElement::TextElement { value }
            | PatternElement::Placeable {
                expression: Expression::Inline(InlineExpression::StringLiteral { value }),
            } => {
                for parts in &mut all {
                    parts.last_mut().unwrap().push_str(value);
                }
            }
            PatternElement::Placeable {
                expression: Expression::Inline(_),
            } => {
                for parts in &mut all {
                    parts.push(String::new());
                }
            }
            PatternElement::Placeable {
                expression: Expression::Select { variants, .. },
            } => {
                let mut longer = Vec::new();
                for variant in variants {
                    for form in forms(&variant.value.elements) {
                        for parts in &all {
                            longer.push(joined(parts, &form));
                        }
                    }
                }
                all = longer;
            }
        }
    }
    all
}

fn joined(parts: &[String], form: &[String]) -> Vec<String> {
    let mut parts = parts.to_vec();
    let (first, rest) = form.split_first().unwrap();
    parts.last_mut().unwrap().push_str(first);
    parts.extend_from_slice(rest);
    parts
}

#[test]
fn a_text_is_found_with_its_arguments() {
    let english = Texts::read("en");
    let chinese = Texts::read("zh-CN");
    let name = "ledger.in-use";
    let line = "cannot open the ledger's store at a/b: another process has it open";
    assert!(english.names(line).contains(&name));
    assert!(!english.names(&line.replace("open", "closed")).contains(&name));
    let line = "无法打开账本存储 a/b：另一个进程正在使用它";
    assert!(chinese.names(line).contains(&name));
}
