//! The catalogue of texts: Fluent files in `locales/LANGUAGE/AREA.ftl`. Each area becomes a module, each message a type with a
//! field for each argument, whose `Display` writes the text in the language of the moment.
//!
//! An argument is text, or a number if it selects between plural forms or its comment says `$name (number)`. Numbers are written with
//! separators.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use fluent_syntax::ast::{Entry, Expression, InlineExpression, Message, Pattern, PatternElement, Variant, VariantKey};
use fluent_syntax::parser;

/// The directories of the languages, with their variants of `catalogue::Language`. The first language decides the types of arguments.
pub const LANGUAGES: [(&str, &str); 2] = [("en", "English"), ("zh-CN", "Chinese")];

/// The files of one language: their texts by area.
pub type Files = BTreeMap<String, String>;

/// Reads the files of all languages, in the order of [`LANGUAGES`].
pub fn read(root: &Path) -> Result<Vec<Files>, Vec<String>> {
    let mut languages = Vec::new();
    for (directory, _) in LANGUAGES {
        let directory = root.join(directory);
        let mut files = Files::new();
        let entries =
            fs::read_dir(&directory).map_err(|error| vec![format!("cannot read {}: {error}", directory.display())])?;
        for entry in entries {
            let path = entry
                .map_err(|error| vec![format!("cannot read {}: {error}", directory.display())])?
                .path();
            let area = path.file_stem().unwrap_or_default().to_string_lossy().replace('-', "_");
            let text =
                fs::read_to_string(&path).map_err(|error| vec![format!("cannot read {}: {error}", path.display())])?;
            files.insert(area, text);
        }
        languages.push(files);
    }
    Ok(languages)
}

/// What an argument is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Text,
    Number,
}

/// A message in one language.
struct Parsed<'a> {
    pattern: Pattern<&'a str>,
    numbers: BTreeSet<String>,
}

type Messages<'a> = BTreeMap<String, Parsed<'a>>;

/// Generates the Rust code of the catalogue, or names every mistake.
pub fn generate(languages: &[Files]) -> Result<String, Vec<String>> {
    let mut mistakes = Vec::new();
    let mut code = String::new();
    let areas: BTreeSet<&String> = languages.iter().flat_map(BTreeMap::keys).collect();
    for area in areas {
        let parsed: Vec<Messages<'_>> = languages
            .iter()
            .zip(LANGUAGES)
            .map(|(files, (language, _))| {
                parse(
                    files.get(area).map_or("", String::as_str),
                    &format!("{language}/{area}.ftl"),
                    &mut mistakes,
                )
            })
            .collect();
        let _ = writeln!(code, "/// The texts of `{area}.ftl`.\npub mod {area} {{");
        let ids: BTreeSet<&String> = parsed.iter().flat_map(BTreeMap::keys).collect();
        for id in ids {
            write_message(&mut code, area, id, &parsed, &mut mistakes);
        }
        code.push_str("}\n");
    }
    if mistakes.is_empty() { Ok(code) } else { Err(mistakes) }
}

/// Parses one file. Adds what is wrong with it to `mistakes`.
fn parse<'a>(text: &'a str, file: &str, mistakes: &mut Vec<String>) -> Messages<'a> {
    let resource = parser::parse(text).unwrap_or_else(|(resource, errors)| {
        for error in errors {
            let line = text[..error.pos.start.min(text.len())].lines().count();
            mistakes.push(format!("{file}:{line}: {error}"));
        }
        resource
    });
    let mut messages = Messages::new();
    for entry in resource.body {
        match entry {
            Entry::Message(Message {
                id,
                value: Some(pattern),
                attributes,
                comment,
            }) if attributes.is_empty() => {
                let comment = comment.map(|comment| comment.content.join("\n")).unwrap_or_default();
                let mut numbers: BTreeSet<String> = comment.lines().filter_map(number_in_comment).collect();
                find_numbers(&pattern, &mut numbers);
                if messages
                    .insert(id.name.to_owned(), Parsed { pattern, numbers })
                    .is_some()
                {
                    mistakes.push(format!("{file}: {} stands twice", id.name));
                }
            }
            Entry::Message(message) => mistakes.push(format!("{file}: {} has attributes or no text", message.id.name)),
            Entry::Term(term) => mistakes.push(format!("{file}: -{} is a term; write its text", term.id.name)),
            Entry::Comment(_) | Entry::GroupComment(_) | Entry::ResourceComment(_) => {}
            Entry::Junk { content } => mistakes.push(format!(
                "{file}: cannot read {:?}",
                content.lines().next().unwrap_or_default()
            )),
        }
    }
    messages
}

/// Returns the argument that a line of a comment declares as a number, as in `$users (number)`.
fn number_in_comment(line: &str) -> Option<String> {
    line.trim()
        .strip_prefix('$')?
        .strip_suffix("(number)")
        .map(|name| name.trim().to_owned())
}

/// Adds the arguments that select plural forms.
fn find_numbers(pattern: &Pattern<&str>, numbers: &mut BTreeSet<String>) {
    for_each_expression(pattern, &mut |expression| {
        if let Expression::Select {
            selector: InlineExpression::VariableReference { id },
            variants,
        } = expression
            && variants.iter().all(|variant| is_plural(&variant.key))
        {
            numbers.insert(id.name.to_owned());
        }
    });
}

fn is_plural(key: &VariantKey<&str>) -> bool {
    matches!(
        key,
        VariantKey::NumberLiteral { .. } | VariantKey::Identifier { name: "one" | "other" }
    )
}

fn for_each_expression<'p>(pattern: &'p Pattern<&'p str>, act: &mut impl FnMut(&'p Expression<&'p str>)) {
    for element in &pattern.elements {
        if let PatternElement::Placeable { expression } = element {
            act(expression);
            if let Expression::Select { variants, .. } = expression {
                for variant in variants {
                    for_each_expression(&variant.value, act);
                }
            }
        }
    }
}

/// Returns the names of the arguments that a text uses.
fn arguments(pattern: &Pattern<&str>) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for_each_expression(pattern, &mut |expression| {
        if let Expression::Inline(InlineExpression::VariableReference { id })
        | Expression::Select {
            selector: InlineExpression::VariableReference { id },
            ..
        } = expression
        {
            names.insert(id.name.to_owned());
        }
    });
    names
}

/// Writes the type of one message, or adds why it cannot be written to `mistakes`.
fn write_message(code: &mut String, area: &str, id: &str, languages: &[Messages<'_>], mistakes: &mut Vec<String>) {
    let mut found = Vec::new();
    for (messages, (language, variant)) in languages.iter().zip(LANGUAGES) {
        match messages.get(id) {
            Some(parsed) => found.push((parsed, language, variant)),
            None => mistakes.push(format!("{language}/{area}.ftl: {id} is missing")),
        }
    }
    if found.len() < languages.len() {
        return;
    }
    let names = arguments(&found[0].0.pattern);
    let numbers: BTreeSet<&String> = found.iter().flat_map(|(parsed, ..)| &parsed.numbers).collect();
    for (parsed, language, _) in &found[1..] {
        let theirs = arguments(&parsed.pattern);
        for name in names.symmetric_difference(&theirs) {
            let place = if names.contains(name) {
                *language
            } else {
                LANGUAGES[0].0
            };
            mistakes.push(format!("{place}/{area}.ftl: {id} does not use ${name}"));
        }
    }
    for name in numbers.iter().filter(|name| !names.contains(**name)) {
        mistakes.push(format!(
            "{area}.ftl: a comment of {id} names ${name}, which it does not use"
        ));
    }
    let kind = |name: &str| {
        if numbers.contains(&name.to_owned()) {
            Kind::Number
        } else {
            Kind::Text
        }
    };
    let mut bodies = String::new();
    for (parsed, language, variant) in &found {
        let place = format!("{language}/{area}.ftl: {id}");
        let mut writer = Writer {
            kind: &kind,
            plural_one: *language == "en",
            place: &place,
            mistakes,
        };
        let _ = writeln!(
            bodies,
            "Language::{variant} => {{ {} }}",
            writer.pattern(&parsed.pattern)
        );
    }
    let name = type_name(id);
    let doc = plain(&found[0].0.pattern);
    let lifetime = names.iter().any(|name| kind(name) == Kind::Text);
    let fields: Vec<String> = names
        .iter()
        .map(|name| {
            let kind = if kind(name) == Kind::Number {
                "u64"
            } else {
                "&'a dyn std::fmt::Display"
            };
            format!("#[doc = \"`${name}`\"] pub {}: {kind},", field(name))
        })
        .collect();
    let body = if fields.is_empty() {
        ";".to_owned()
    } else {
        format!(" {{ {} }}", fields.join(" "))
    };
    let (declared, used) = if lifetime { ("<'a>", "<'_>") } else { ("", "") };
    let _ = writeln!(
        code,
        "#[doc = {doc:?}]\n#[derive(Clone, Copy)]\npub struct {name}{declared}{body}\n\
         impl std::fmt::Display for {name}{used} {{\n\
         fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {{\n\
         use crate::catalogue::Language;\nmatch Language::current() {{\n{bodies}}}\nOk(())\n}}\n}}"
    );
}

/// Writes the statements that write a text.
struct Writer<'a, K> {
    kind: &'a K,
    /// Whether the language has a form for one.
    plural_one: bool,
    place: &'a str,
    mistakes: &'a mut Vec<String>,
}

impl<K: Fn(&str) -> Kind> Writer<'_, K> {
    fn pattern(&mut self, pattern: &Pattern<&str>) -> String {
        let mut code = String::new();
        for element in &pattern.elements {
            match element {
                PatternElement::TextElement { value } => {
                    let _ = writeln!(code, "f.write_str({value:?})?;");
                }
                PatternElement::Placeable { expression } => code.push_str(&self.expression(expression)),
            }
        }
        code
    }

    fn expression(&mut self, expression: &Expression<&str>) -> String {
        match expression {
            Expression::Inline(InlineExpression::StringLiteral { value }) => {
                let mut text = String::new();
                match fluent_syntax::unicode::unescape_unicode(&mut text, value) {
                    Ok(()) => format!("f.write_str({text:?})?;\n"),
                    Err(error) => self.mistake(&format!("cannot read {value:?}: {error}")),
                }
            }
            Expression::Inline(InlineExpression::VariableReference { id }) => match (self.kind)(id.name) {
                Kind::Text => format!("std::fmt::Display::fmt(self.{}, f)?;\n", field(id.name)),
                Kind::Number => format!(
                    "std::fmt::Display::fmt(&crate::catalogue::Grouped(self.{}), f)?;\n",
                    field(id.name)
                ),
            },
            Expression::Inline(_) => self.mistake("only arguments, selections and quoted text may stand in braces"),
            Expression::Select {
                selector: InlineExpression::VariableReference { id },
                variants,
            } => self.select(id.name, variants),
            Expression::Select { .. } => self.mistake("only an argument may select"),
        }
    }

    fn select(&mut self, name: &str, variants: &[Variant<&str>]) -> String {
        let mut code = String::new();
        if (self.kind)(name) == Kind::Text {
            let _ = writeln!(code, "let selector = self.{}.to_string();", field(name));
        }
        let mut default = String::new();
        for variant in variants {
            let body = self.pattern(&variant.value);
            if variant.default {
                default = body;
                continue;
            }
            let condition = match ((self.kind)(name), &variant.key) {
                (Kind::Number, VariantKey::NumberLiteral { value }) => format!("self.{} == {value}", field(name)),
                (Kind::Number, VariantKey::Identifier { name: "one" }) if self.plural_one => {
                    format!("self.{} == 1", field(name))
                }
                (Kind::Text, VariantKey::Identifier { name: key }) => format!("selector == {key:?}"),
                (_, VariantKey::Identifier { name: key } | VariantKey::NumberLiteral { value: key }) => {
                    self.mistake(&format!("${name} never selects [{key}] in this language"));
                    continue;
                }
            };
            let _ = write!(code, "if {condition} {{ {body} }} else ");
        }
        let _ = writeln!(code, "{{ {default} }}");
        format!("{{ {code} }}")
    }

    fn mistake(&mut self, text: &str) -> String {
        self.mistakes.push(format!("{}: {text}", self.place));
        String::new()
    }
}

/// Returns a text for its doc comment: arguments by name, the default of each selection.
fn plain(pattern: &Pattern<&str>) -> String {
    let mut text = String::from("`");
    for element in &pattern.elements {
        match element {
            PatternElement::TextElement { value } => text.push_str(&value.replace('`', "'").replace('\n', " ")),
            PatternElement::Placeable {
                expression: Expression::Inline(InlineExpression::VariableReference { id }),
            } => {
                let _ = write!(text, "{{{}}}", id.name);
            }
            PatternElement::Placeable {
                expression: Expression::Select { variants, .. },
            } => {
                let default = variants.iter().find(|variant| variant.default);
                text.push_str(
                    default
                        .map(|variant| plain(&variant.value))
                        .unwrap_or_default()
                        .trim_matches('`'),
                );
            }
            PatternElement::Placeable { .. } => {}
        }
    }
    text.push('`');
    text
}

fn type_name(id: &str) -> String {
    id.split('-')
        .map(|word| {
            let mut letters = word.chars();
            letters
                .next()
                .map(|first| first.to_ascii_uppercase())
                .into_iter()
                .chain(letters)
                .collect::<String>()
        })
        .collect()
}

fn field(name: &str) -> String {
    let name = name.replace('-', "_");
    if matches!(name.as_str(), "type" | "ref" | "in" | "for" | "where") {
        format!("r#{name}")
    } else {
        name
    }
}
