//! What a call changes.

use super::super::{check_value, resolve};
use super::Lowering;
use crate::{
    spec::{
        diagnostic::did_you_mean,
        operation::{Action, Effect, Source},
        reading::{Data, Entry, Word},
        resource::AttributeType,
    },
    value::Atom,
};

impl Lowering<'_> {
    pub(super) fn effects(&mut self) {
        for entry in self.file.tables("effect") {
            let Some((action, kind)) = self.action(entry) else { continue };
            // What is created can be named by the effects after it, and by its own condition.
            let when = self.condition(entry, "when");
            let region = entry.word("region").and_then(|word| {
                resolve(&word, &self.operation.params, |param| &param.name, "parameter", self.problems)
                    .map(|(index, _)| index)
            });
            let effect = Effect {
                action,
                on_refusal: entry.text("on") == "refusal",
                when,
                region,
                set: self.assignments(entry, "set", kind),
                add: self.assignments(entry, "add", kind),
                remove: self.assignments(entry, "drop", kind),
                later: entry.flag("later"),
                span: entry.span.clone(),
            };
            self.operation.effects.push(effect);
        }
    }

    fn action(&mut self, entry: &Entry) -> Option<(Action, usize)> {
        let given: Vec<(&str, Word)> =
            ["create", "update", "delete"].iter().filter_map(|key| Some((*key, entry.word(key)?))).collect();
        if given.is_empty() && ["create", "update", "delete"].iter().any(|key| entry.has(key)) {
            return None;
        }
        let [(key, word)] = given.as_slice() else {
            self.problems.report(
                "effect",
                &entry.span,
                if given.is_empty() { "an effect that does nothing" } else { "an effect that does several things" },
                "this effect",
                "write exactly one of `create`, `update` and `delete`",
            );
            return None;
        };
        if *key == "create" {
            let kinds = &self.service.kinds;
            let (kind, _) = resolve(word, kinds, |kind| &kind.name, "kind of resource", self.problems)?;
            let taken = self.names.variables.iter().any(|(name, _)| *name == word.text);
            let name = if taken { format!("new_{}", word.text) } else { word.text.clone() };
            let var = self.names.variables.len();
            self.names.variables.push((name.clone(), kind));
            self.created.push((name, kind));
            return Some((Action::Create { kind, var }, kind));
        }
        let variables = self.names.variables.clone();
        let (var, (_, kind)) = resolve(word, &variables, |(name, _)| name, "resource of this call", self.problems)?;
        let action = if *key == "update" { Action::Update(var) } else { Action::Delete(var) };
        Some((action, *kind))
    }

    fn assignments(&mut self, entry: &Entry, key: &str, kind: usize) -> Vec<(usize, Source)> {
        let Some(table) = entry.table(key) else { return Vec::new() };
        let mut list = Vec::new();
        for (name, item) in table.items() {
            let word = Word { text: name.into(), span: item.key.clone() };
            let attributes = &self.service.kinds[kind].attributes;
            let known = resolve(&word, attributes, |attribute| &attribute.name, "attribute", self.problems);
            let (Some((index, attribute)), Data::Any(value)) = (known, &item.data) else { continue };
            if key != "set" && attribute.kind != AttributeType::Set {
                self.problems.report(
                    "attribute",
                    &item.span,
                    format!("`{name}` is not a set"),
                    "here",
                    "use `set` for what holds one value",
                );
                continue;
            }
            let source = match value.as_str().and_then(|text| text.strip_prefix('$')) {
                Some(place) => {
                    let param = self.operation.param(place).map(Source::Param);
                    let var = self.names.variables.iter().position(|(known, _)| known == place).map(Source::Var);
                    let Some(source) = param.or(var) else {
                        let params = self.operation.params.iter().map(|param| &param.name);
                        let names = params.chain(self.names.variables.iter().map(|(name, _)| name));
                        let known: Vec<String> = names.map(|name| format!("${name}")).collect();
                        let help = did_you_mean(&format!("${place}"), known.iter().map(String::as_str));
                        self.problems.report(
                            "unknown-place",
                            &item.span,
                            format!("nothing fills `${place}`"),
                            "a place to fill",
                            help,
                        );
                        continue;
                    };
                    source
                }
                None => Source::Literal(Atom::from_json(value)),
            };
            if let Source::Literal(value) = &source
                && !check_value(attribute, value, &item.span, self.problems)
            {
                continue;
            }
            list.push((index, source));
        }
        list
    }
}
