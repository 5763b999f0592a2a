//! Services, operations and requirements for people.

use super::{super::code, Thing, json::attribute_type};
use crate::{
    report::{
        citation, count, document,
        human::{WIDTH, wrap},
    },
    spec::{Operation, Requirement, Service, SpecSet, service::OpRef},
    value::plain,
};

pub fn text(set: &SpecSet, thing: Thing) -> String {
    let mut page = Page::default();
    match thing {
        Thing::Service(index) => service(&mut page, &set.services[index]),
        Thing::Operation(at) => operation(&mut page, set, at),
        Thing::Requirement(at, index) => {
            requirement(&mut page, set.operation(at), &set.operation(at).requirements[index])
        }
    }
    page.text
}

/// Lines below headings.
#[derive(Default)]
struct Page {
    text: String,
    /// Of what comes next, if anything does.
    heading: Option<String>,
}

impl Page {
    fn heading(&mut self, text: &str) {
        self.heading = Some(text.to_owned());
    }

    /// A text at an indent; what does not fit follows two columns further in.
    fn line(&mut self, indent: usize, text: &str) {
        if let Some(heading) = self.heading.take() {
            let bold = anstyle::Style::new().bold();
            let space = if self.text.is_empty() { "" } else { "\n" };
            self.text.push_str(&format!("{space}{bold}{heading}{bold:#}\n"));
        }
        for (index, line) in wrap(text, WIDTH - indent - 2).iter().enumerate() {
            let indent = if index == 0 { indent } else { indent + 2 };
            self.text.push_str(&format!("{:indent$}{line}\n", ""));
        }
    }
}

fn operation(page: &mut Page, set: &SpecSet, at: OpRef) {
    let operation = set.operation(at);
    let service = set.service(at);
    page.heading(&format!("{} ({})", operation.id, service.version));
    if !operation.summary.is_empty() {
        page.line(2, &operation.summary);
    }
    page.line(2, &format!("{} {}", document(&operation.document), operation.document.page));
    page.line(2, &operation.span.to_string());
    page.heading("parameters");
    for (param, carried) in operation.listed() {
        let mut facts = vec![param.kind.name().to_owned()];
        facts.extend(param.required.then(|| "required".into()));
        facts.extend(param.default.as_ref().map(|value| format!("default {}", plain(value))));
        let kind = param.binding.map(|binding| &service.kinds[operation.bindings[binding].kind].name);
        facts.extend(kind.map(|kind| format!("of kind {kind}")));
        facts.extend(param.max_length.map(|most| format!("at most {}", count(most as u64, "character"))));
        facts.extend(param.max_count.map(|most| format!("at most {most}")));
        facts.extend(param.ascii.then(|| "ASCII".into()));
        facts.extend((!param.words.is_empty()).then(|| format!("one of {}", param.words.join(", "))));
        let value = param.value.as_ref().filter(|_| carried);
        facts.extend(value.map(|value| format!("sent by the protocol: {}", plain(value))));
        page.line(2, &format!("{} ({})", param.name, facts.join(", ")));
        if !param.text.is_empty() {
            page.line(4, &param.text);
        }
    }
    page.heading("response");
    for field in &operation.fields {
        let optional = if field.optional { ", optional" } else { "" };
        page.line(2, &format!("{} ({}{optional}) {}", field.name, field.kind.name(), field.text));
    }
    errors(page, operation);
    questions(page, operation);
    if !operation.requirements.is_empty() {
        page.heading("requirements");
        for found in &operation.requirements {
            page.line(2, &format!("{} [{}]", found.id, found.level));
            page.line(4, &found.text);
        }
    }
}

fn errors(page: &mut Page, operation: &Operation) {
    let rows: Vec<_> = operation.rows.iter().filter(|row| row.documented).collect();
    if rows.is_empty() {
        return;
    }
    page.heading("errors");
    for row in rows {
        let codes: Vec<String> = row.codes.iter().map(code).collect();
        let status = row.status.map(|status| format!("{status} ")).unwrap_or_default();
        page.line(2, &format!("{status}{}", codes.join(" or ")));
        if !row.text.is_empty() {
            page.line(4, &format!("when: {}", row.text));
        }
        if !row.message.is_empty() {
            page.line(4, &format!("message: {}", row.message));
        }
        let source = row.requirement.map_or("", |index| &*operation.requirements[index].source);
        if !source.is_empty() {
            page.line(4, &format!("source: {source} ({})", row.span));
        }
    }
}

fn questions(page: &mut Page, operation: &Operation) {
    if operation.questions.is_empty() {
        return;
    }
    page.heading("open questions");
    for question in &operation.questions {
        page.line(2, &format!("{}: {}", question.id, question.question));
        for answer in &question.answers {
            let source = if answer.source.is_empty() { String::new() } else { format!(" ({})", answer.source) };
            page.line(4, &format!("{}: {}{source}", answer.id, answer.text));
        }
    }
}

fn requirement(page: &mut Page, operation: &Operation, requirement: &Requirement) {
    page.heading(&format!("{} [{}]", requirement.id, requirement.level));
    page.line(2, &requirement.text);
    page.line(2, &citation(operation, requirement));
    page.line(2, &requirement.span.to_string());
    if let Some(reason) = &requirement.unreachable {
        page.line(2, &format!("cannot be exercised: {reason}"));
    }
    if requirement.overlap {
        page.line(2, "only overlapping calls can exercise it");
    }
    let row = operation
        .rows
        .iter()
        .find(|row| row.requirement.is_some_and(|index| operation.requirements[index].id == requirement.id));
    if let Some(row) = row {
        let codes: Vec<String> = row.codes.iter().map(code).collect();
        let status = row.status.map(|status| format!("{status} ")).unwrap_or_default();
        page.line(2, &format!("answer: {status}{}", codes.join(" or ")));
        if !row.message.is_empty() {
            page.line(2, &format!("message: {}", row.message));
        }
    }
    let asked =
        operation.questions.iter().find(|question| operation.requirements[question.requirement].id == requirement.id);
    for answer in asked.into_iter().flat_map(|question| &question.answers) {
        page.line(2, &format!("{}: {}", answer.id, answer.text));
    }
}

fn service(page: &mut Page, service: &Service) {
    page.heading(&format!("{}: {} ({})", service.name, service.title, service.version));
    page.line(2, &format!("protocol {}, signed with {}", service.protocol, service.signing.join(" or ")));
    page.line(2, &format!("endpoint {}", service.endpoint));
    let credentials = &service.credentials;
    page.line(2, &format!("credentials from {} and {}", credentials.id.join(" or "), credentials.secret.join(" or ")));
    page.heading("given (--given NAME=VALUE)");
    for given in &service.givens {
        let probe = if given.probe { " (someone else's)" } else { "" };
        page.line(2, &format!("{} = {}", given.name, given.default));
        page.line(4, &format!("{}{probe}", given.text));
    }
    page.heading("resources");
    for kind in &service.kinds {
        page.line(2, &kind.name);
        for attribute in &kind.attributes {
            page.line(4, &format!("{}: {}", attribute.name, attribute_type(&attribute.kind)));
        }
        if !kind.derived.is_empty() {
            let derived: Vec<&str> = kind.derived.iter().map(|derived| &*derived.name).collect();
            page.line(4, &format!("derived: {}", derived.join(", ")));
        }
    }
    page.heading("common codes");
    for common in &service.common {
        let status = common.status.map(|status| format!("{status} ")).unwrap_or_default();
        page.line(2, &format!("{status}{}: {}", common.text, common.message));
    }
    page.heading("refused, whatever is asked");
    for access in &service.access {
        let codes: Vec<String> = access.codes.iter().map(code).collect();
        page.line(2, &format!("{}: {}", access.caller.name(), codes.join(" or ")));
        page.line(4, &access.text);
        page.line(4, &format!("{}, {}", access.document, access.source));
    }
    page.heading("operations");
    for operation in &service.operations {
        let role = if operation.is_documented() { "documented" } else { "companion" };
        page.line(2, &format!("{} ({role}) {}", operation.id, operation.summary));
    }
}
