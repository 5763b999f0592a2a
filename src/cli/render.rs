//! Problems of specs, as a compiler shows them.

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};

use crate::spec::diagnostic::Diagnostic;

/// A problem with its place, the underlined text and what to do.
pub fn diagnostic(problem: &Diagnostic) -> String {
    let title = Level::ERROR.primary_title(&*problem.message).id(problem.code);
    let mut group = match &problem.span {
        Some(span) => {
            let length = span.file.text.len();
            let range = span.range.start.min(length)..span.range.end.min(length);
            let annotation = AnnotationKind::Primary.span(range);
            let annotation = if problem.label.is_empty() { annotation } else { annotation.label(&*problem.label) };
            title.element(Snippet::source(&*span.file.text).path(&*span.file.path).annotation(annotation))
        }
        None => annotate_snippets::Group::with_title(title),
    };
    if !problem.help.is_empty() {
        group = group.element(Level::HELP.message(&*problem.help));
    }
    let mut text = Renderer::styled().render(&[group]);
    text.push('\n');
    text
}
