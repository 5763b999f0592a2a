//! What a call answers: fields of a success, and what a read shows.

use super::super::{check_value, level, resolve};
use super::Lowering;
use crate::{
    spec::{
        diagnostic::did_you_mean,
        operation::{Field, FieldType, Showable, Shown, View},
        reading::{Entry, Word},
        requirement::Kind,
    },
    value::Atom,
};

impl Lowering<'_> {
    pub(super) fn fields(&mut self) {
        for entry in self.file.tables("field") {
            let name = entry.text("name");
            let creates = entry.word("names").and_then(|word| {
                let n_bindings = self.operation.bindings.len();
                let created = &self.created;
                resolve(&word, created, |(name, _)| name, "created resource", self.problems)
                    .map(|(index, _)| n_bindings + index)
            });
            let kind = match entry.text("type").as_str() {
                "integer" => FieldType::Integer,
                "boolean" => FieldType::Boolean,
                "list" => FieldType::List,
                "object" => FieldType::Object,
                _ => FieldType::Text,
            };
            let value = entry.value("value").cloned();
            if let (Some(value), Some(item)) = (&value, entry.item("value"))
                && !kind.admits(value)
            {
                self.problems.report(
                    "default",
                    &item.span,
                    format!("the value of `{name}` is not of type `{}`", kind.name()),
                    "not of the field's type",
                    "write a value of that type, or change the type",
                );
            }
            let requirement = self.requirement(&format!("response/{name}"), Kind::Response, entry, level(entry));
            let described = requirement.and_then(|index| self.operation.requirements.get_mut(index));
            if let Some(untold) = described.filter(|described| described.text.is_empty()) {
                untold.text = format!("{name}: an answer has it as it is described");
            }
            self.operation.fields.push(Field {
                name,
                kind,
                optional: entry.flag("optional"),
                value,
                unique: entry.flag("unique"),
                creates,
                text: entry.text("text"),
                requirement,
            });
        }
    }

    pub(super) fn views(&mut self) {
        for entry in self.file.tables("view") {
            let Some(word) = entry.word("of") else { continue };
            let kinds = &self.service.kinds;
            let Some((kind, resource)) = resolve(&word, kinds, |kind| &kind.name, "kind of resource", self.problems)
            else {
                continue;
            };
            let set = entry.word("set").and_then(|word| {
                resolve(&word, &resource.attributes, |attribute| &attribute.name, "attribute", self.problems)
                    .map(|(index, _)| index)
            });
            self.names.variables.push((resource.name.clone(), kind));
            let when = self.condition(entry, "when");
            self.names.variables.pop();
            let mut fields = Vec::new();
            if let Some(table) = entry.table("fields") {
                for (field, _) in table.items() {
                    let Some(shown) = table.table(field) else { continue };
                    let Some(of) = shown.word("of") else { continue };
                    if let Some(shown) = self.shown(field, shown, &of, kind) {
                        fields.push(shown);
                    }
                }
            }
            let fail = entry.table("fail").map(|table| {
                let texts = |name: &str| table.texts(name).into_iter().map(|word| word.text).collect();
                table.items().into_iter().map(|(name, _)| (name.to_owned(), texts(name))).collect()
            });
            let fixed = entry.table("static").map(|table| {
                table
                    .items()
                    .into_iter()
                    .filter_map(|(name, _)| Some((name.to_owned(), table.value(name)?.clone())))
                    .collect()
            });
            self.operation.views.push(View {
                kind,
                list: entry.text("list"),
                id: entry.text("id"),
                set,
                when,
                fields,
                fail: fail.unwrap_or_default(),
                total: entry.word("total").map(|word| word.text),
                name: entry.word("name").map(|word| word.text),
                tags: entry.word("tags").map(|word| word.text),
                fixed: fixed.unwrap_or_default(),
            });
        }
    }

    fn shown(&mut self, field: &str, entry: &Entry, of: &Word, kind: usize) -> Option<Shown> {
        let resource = &self.service.kinds[kind];
        let attribute = resource.attributes.iter().position(|attribute| attribute.name == of.text);
        let derived = resource.derived.iter().position(|derived| derived.name == of.text);
        let attribute = match (attribute, derived) {
            (Some(index), _) => Showable::Attribute(index),
            (None, Some(index)) => Showable::Derived(index),
            (None, None) => {
                let known = resource
                    .attributes
                    .iter()
                    .map(|attribute| attribute.name.as_str())
                    .chain(resource.derived.iter().map(|derived| derived.name.as_str()));
                let help = did_you_mean(&of.text, known);
                let message = format!("`{}` has no attribute `{}`", resource.name, of.text);
                self.problems.report("unknown-attribute", &of.span, message, "unknown", help);
                return None;
            }
        };
        if let (Showable::Attribute(index), Some(table)) = (attribute, entry.table("as")) {
            for (word, item) in table.items() {
                check_value(&resource.attributes[index], &Atom::text(word), &item.key, self.problems);
            }
        }
        let spellings = entry.table("as").map(|table| {
            let texts = |name: &str| table.texts(name).into_iter().map(|word| word.text).collect();
            table.items().into_iter().map(|(name, _)| (name.to_owned(), texts(name))).collect()
        });
        Some(Shown { field: field.into(), attribute, spellings: spellings.unwrap_or_default() })
    }
}
