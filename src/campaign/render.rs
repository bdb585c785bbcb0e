//! Renders diagnostics for people.

use annotate_snippets::{AnnotationKind, Element, Level, Origin, Renderer, Snippet};

use super::diagnostic::{Diagnostic, Severity};
use crate::catalogue::campaign as text;
use crate::model::visible::visible;

/// Renders diagnostics as text: each with its code, its place, the line with a caret under the place, and what to write
/// instead. `color` adds terminal colours. The text ends in a line break unless it is empty.
#[must_use]
pub fn render_human(diagnostics: &[Diagnostic], color: bool) -> String {
    let renderer = if color { Renderer::styled() } else { Renderer::plain() };
    let mut out = String::new();
    for diagnostic in diagnostics {
        if !out.is_empty() {
            out.push('\n');
        }
        out.push_str(&render_one(diagnostic, &renderer));
        out.push('\n');
    }
    out
}

fn render_one(diagnostic: &Diagnostic, renderer: &Renderer) -> String {
    let diagnostic = &visible_diagnostic(diagnostic);
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR.with_name(text::LabelError.to_string()),
        Severity::Warning => Level::WARNING.with_name(text::LabelWarning.to_string()),
    };
    let title = level.primary_title(&diagnostic.message).id(diagnostic.code.as_str());
    let diagnostics = [
        diagnostic
            .cause
            .as_ref()
            .map(|cause| Level::NOTE.with_name(text::LabelCause.to_string()).message(cause)),
        diagnostic
            .help
            .as_ref()
            .map(|help| Level::HELP.with_name(text::LabelHelp.to_string()).message(help)),
    ];
    let diagnostics = diagnostics.into_iter().flatten().map(Element::from);
    renderer.render(&[title.element(place(diagnostic)).elements(diagnostics)])
}

/// Makes the texts of a diagnostic visible. The renderer does that with the lines of the file.
fn visible_diagnostic(diagnostic: &Diagnostic) -> Diagnostic {
    let lines = |text: &String| text.split('\n').map(visible).collect::<Vec<_>>().join("\n");
    Diagnostic {
        message: lines(&diagnostic.message),
        file: visible(&diagnostic.file).into_owned(),
        cause: diagnostic.cause.as_ref().map(lines),
        help: diagnostic.help.as_ref().map(lines),
        ..diagnostic.clone()
    }
}

fn place(diagnostic: &Diagnostic) -> Element<'_> {
    let origin = Origin::path(&diagnostic.file);
    let Some(place) = diagnostic.place else {
        return origin.into();
    };
    let Some(excerpt) = &diagnostic.excerpt else {
        let origin = origin.line(place.line as usize);
        return origin.char_column(place.column as usize).into();
    };
    let mut mark = AnnotationKind::Primary.span(excerpt.mark.clone());
    if !excerpt.label.is_empty() {
        mark = mark.label(&excerpt.label);
    }
    let snippet = Snippet::source(&excerpt.text).path(&diagnostic.file);
    snippet.line_start(place.line as usize).annotation(mark).into()
}
