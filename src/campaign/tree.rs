//! Parses the file into a tree of YAML values with places, before their meaning is known.
//!
//! The tree is flat in memory, is built without recursion, and is limited in size and depth, with every alias counted
//! at its full size. So no file takes more than a second or 64 MiB.

use std::borrow::Cow;

use serde_yaml::granit_parser::{ErrorKind, Event, Parser, ScalarStyle, ScanError, options};

use crate::catalogue::campaign as text;

use super::diagnostic::Code;
use super::diagnostics::Diagnostics;
use super::line_index::Span;
use super::syntax;

/// The deepest nesting of values.
const MOST_DEPTH: usize = 64;
/// The most values, with aliases expanded.
const MOST_VALUES: u64 = 20_000;

/// All values of a file.
pub(super) struct Tree<'i> {
    nodes: Vec<Node<'i>>,
    root: Child,
}

struct Node<'i> {
    kind: Kind<'i>,
    /// The place where the value is written out; aliases to it have places of their own.
    span: Span,
    /// The number of values in it, with aliases expanded; 0 while it is parsed.
    weight: u64,
    /// The depth of its nesting, itself included.
    height: usize,
}

pub(super) enum Kind<'i> {
    Scalar(Scalar<'i>),
    List(Vec<Child>),
    Map(Vec<(Child, Child)>),
}

pub(super) struct Scalar<'i> {
    pub(super) text: Cow<'i, str>,
    /// Whether it is written without quotes.
    pub(super) plain: bool,
}

/// A value with its place; for an alias, the alias's place.
#[derive(Clone, Copy)]
pub(super) struct Child {
    pub(super) span: Span,
    node: usize,
}

impl<'i> Tree<'i> {
    pub(super) fn root(&self) -> Child {
        self.root
    }

    pub(super) fn kind(&self, child: Child) -> &Kind<'i> {
        &self.nodes[child.node].kind
    }

    /// Returns every place at which part of a value is written, including the places that its aliases refer to. Every
    /// alias counts, so the limit of the tree applies to this list too.
    pub(super) fn places(&self, value: Child) -> Vec<Span> {
        let mut places = Vec::new();
        let mut rest = vec![value];
        while let Some(child) = rest.pop() {
            let node = &self.nodes[child.node];
            places.extend([child.span, node.span]);
            match &node.kind {
                Kind::Scalar(_) => {}
                Kind::List(values) => rest.extend(values),
                Kind::Map(entries) => rest.extend(entries.iter().flat_map(|(key, value)| [*key, *value])),
            }
        }
        places
    }
}

/// Parses `text`; `None` if it is not one YAML document within the limits. The mistake that ended the parsing is then
/// reported.
pub(super) fn parse<'i>(text: &'i str, diagnostics: &mut Diagnostics) -> Option<Tree<'i>> {
    match Builder::build(text) {
        Ok(tree) => Some(tree),
        Err(error) => {
            error.report(text, diagnostics);
            None
        }
    }
}

#[derive(Default)]
struct Builder<'i> {
    nodes: Vec<Node<'i>>,
    open: Vec<Open>,
    anchors: std::collections::HashMap<usize, usize>,
    root: Option<Child>,
    documents: usize,
    aliased: Option<Span>,
}

/// A list or mapping that is still open.
struct Open {
    at: Child,
    key: Option<Child>,
    weight: u64,
    height: usize,
}

impl<'i> Builder<'i> {
    fn build(text: &'i str) -> Result<Tree<'i>, TreeError> {
        let options = options! {
            emit_comments: false,
            flow_nesting_limit: MOST_DEPTH,
            block_nesting_limit: MOST_DEPTH,
        };
        let mut builder = Self::default();
        for event in Parser::new_from_str_with_options(text, options) {
            let (event, span) = event.map_err(|error| TreeError::Scan(Box::new(error)))?;
            if event.tag().is_some() {
                let tag = span.tag_span().unwrap_or(span);
                return Err(TreeError::Tag(Span::new(tag.byte_range().unwrap_or_default())));
            }
            builder.take(event, Span::new(span.byte_range().unwrap_or_default()))?;
        }
        let root = builder.root.ok_or(TreeError::Empty)?;
        let nodes = builder.nodes;
        match &nodes[root.node].kind {
            Kind::Scalar(scalar) if scalar.plain && scalar.text.is_empty() => Err(TreeError::Empty),
            _ => Ok(Tree { nodes, root }),
        }
    }

    fn take(&mut self, event: Event<'i>, span: Span) -> Result<(), TreeError> {
        match event {
            Event::DocumentStart(..) => {
                self.documents += 1;
                if self.documents > 1 {
                    return Err(TreeError::Documents(span));
                }
            }
            Event::Scalar(text, style, anchor, _) => {
                let plain = style == ScalarStyle::Plain;
                // The parser writes `~` for an absent value.
                let text = if plain && span.start == span.end {
                    Cow::Borrowed("")
                } else {
                    text
                };
                let at = self.add(Kind::Scalar(Scalar { text, plain }), span, anchor)?;
                self.close(at, 1, 1)?;
            }
            Event::SequenceStart(_, anchor, _) => self.begin(Kind::List(Vec::new()), span, anchor)?,
            Event::MappingStart(_, anchor, _) => self.begin(Kind::Map(Vec::new()), span, anchor)?,
            Event::SequenceEnd | Event::MappingEnd => {
                if let Some(mut open) = self.open.pop() {
                    open.at.span = open.at.span.to(span);
                    self.close(open.at, open.weight, open.height)?;
                }
            }
            Event::Alias(anchor) => {
                let node = *self.anchors.get(&anchor).ok_or(TreeError::Inside(span))?;
                let Node { weight, height, .. } = self.nodes[node];
                if weight == 0 {
                    return Err(TreeError::Inside(span));
                }
                self.aliased = Some(span);
                self.place(Child { span, node }, weight, height)?;
            }
            _ => {}
        }
        Ok(())
    }

    fn begin(&mut self, kind: Kind<'i>, span: Span, anchor: usize) -> Result<(), TreeError> {
        let at = self.add(kind, span, anchor)?;
        self.open.push(Open {
            at,
            key: None,
            weight: 1,
            height: 1,
        });
        if self.open.len() > MOST_DEPTH {
            Err(TreeError::Deep(span))
        } else {
            Ok(())
        }
    }

    fn add(&mut self, kind: Kind<'i>, span: Span, anchor: usize) -> Result<Child, TreeError> {
        let node = self.nodes.len();
        if node as u64 >= MOST_VALUES {
            return Err(TreeError::Many(span));
        }
        self.nodes.push(Node {
            kind,
            span,
            weight: 0,
            height: 0,
        });
        if anchor != 0 {
            self.anchors.insert(anchor, node);
        }
        Ok(Child { span, node })
    }

    fn close(&mut self, at: Child, weight: u64, height: usize) -> Result<(), TreeError> {
        let node = &mut self.nodes[at.node];
        node.span = at.span;
        node.weight = weight;
        node.height = height;
        self.place(at, weight, height)
    }

    /// Adds a finished value to its parent.
    fn place(&mut self, child: Child, weight: u64, height: usize) -> Result<(), TreeError> {
        let depth = self.open.len();
        let Some(open) = self.open.last_mut() else {
            self.root = Some(child);
            return Ok(());
        };
        open.weight = open.weight.saturating_add(weight);
        open.height = open.height.max(height + 1);
        if depth + height > MOST_DEPTH + 1 {
            return Err(TreeError::Deep(child.span));
        }
        if open.weight > MOST_VALUES {
            return Err(self.aliased.map_or(TreeError::Many(child.span), TreeError::Bomb));
        }
        match &mut self.nodes[open.at.node].kind {
            Kind::Map(entries) => match open.key.take() {
                None => open.key = Some(child),
                Some(key) => entries.push((key, child)),
            },
            Kind::List(values) => values.push(child),
            Kind::Scalar(_) => {}
        }
        Ok(())
    }
}

/// The reason why a text is not accepted as a tree.
enum TreeError {
    Scan(Box<ScanError>),
    Empty,
    Tag(Span),
    Documents(Span),
    /// An alias inside of the value that it refers to.
    Inside(Span),
    Deep(Span),
    Many(Span),
    Bomb(Span),
}

impl TreeError {
    fn report(self, source: &str, diagnostics: &mut Diagnostics) {
        let kind = &diagnostics.file();
        match self {
            Self::Scan(error) if matches!(error.kind(), ErrorKind::RecursionLimitExceeded) => {
                let at = error.marker().byte_offset().unwrap_or_default();
                Self::Deep(Span::point(at)).report(source, diagnostics);
            }
            Self::Scan(error) => syntax::report(&error, source, diagnostics),
            Self::Empty => {
                let note = diagnostics.error(Code::Empty, Span::point(0), text::EmptyFile);
                note.help(text::EmptyFileHelp { kind });
            }
            Self::Tag(span) => {
                diagnostics
                    .error(Code::Exotic, span, text::Tag { kind })
                    .help(text::TagHelp);
            }
            Self::Documents(span) => {
                let note = diagnostics.error(Code::Exotic, span.first(3), text::SecondDocument);
                note.help(text::SecondDocumentHelp { kind });
            }
            Self::Inside(span) => {
                let note = diagnostics.error(Code::TooMany, span, text::EndlessAlias);
                note.help(text::EndlessAliasHelp);
            }
            Self::Deep(span) => {
                let most: &dyn std::fmt::Display = &MOST_DEPTH;
                let note = diagnostics.error(Code::TooDeep, span.first(1), text::TooDeep { most });
                note.help(text::TooDeepHelp { kind });
            }
            Self::Many(span) => {
                let note = diagnostics.error(Code::TooMany, span, text::TooManyValues { most: MOST_VALUES });
                note.help(text::AudienceInItsOwnFile { kind });
            }
            Self::Bomb(span) => {
                let note = diagnostics.error(Code::TooMany, span, text::AliasBomb { most: MOST_VALUES });
                note.help(text::AliasBombHelp);
            }
        }
    }
}
