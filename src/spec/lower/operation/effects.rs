//! What a call changes.

use super::super::{check_value, resolve};
use super::Lowering;
use crate::{
    spec::{
        diagnostic::did_you_mean,
        operation::{Action, Effect, Source},
        reading::{Data, Entry, Word},
        resource::{Attribute, AttributeType},
        source::Span,
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

    /// What refers to a resource gets one of its kind, and nothing else gets a resource.
    fn check_reference(&mut self, attribute: &Attribute, place: &Source, span: &Span) -> bool {
        let kind_of = |var: usize| &*self.service.kinds[self.names.variables[var].1].name;
        let of_kind = |wanted: &str| {
            let variables = (0..self.names.variables.len()).filter(|var| kind_of(*var) == wanted);
            variables.map(|var| self.names.variables[var].0.clone()).collect::<Vec<_>>()
        };
        let (problem, help) = match (&attribute.kind, place) {
            (AttributeType::Resource(wanted), Source::Var(var)) if kind_of(*var) != wanted => {
                let problem = format!("`{}` refers to `{wanted}`, and this is `{}`", attribute.name, kind_of(*var));
                (problem, of_kind(wanted))
            }
            (AttributeType::Resource(wanted), Source::Param(_)) => {
                (format!("`{}` refers to `{wanted}`, and a parameter is only text", attribute.name), of_kind(wanted))
            }
            (AttributeType::Word(_) | AttributeType::Boolean | AttributeType::Text, Source::Var(var)) => {
                let params = self.operation.params.iter().map(|param| param.name.clone());
                (format!("`{}` refers to nothing, and this is `{}`", attribute.name, kind_of(*var)), params.collect())
            }
            _ => return true,
        };
        let help = match help.as_slice() {
            [] => "nothing here fits: is the attribute what it should be?".to_owned(),
            names => {
                format!("write {}", names.iter().map(|name| format!("`${name}`")).collect::<Vec<_>>().join(" or "))
            }
        };
        self.problems.report("attribute", span, problem, "here", help);
        false
    }

    fn assignments(&mut self, entry: &Entry, key: &str, kind: usize) -> Vec<(usize, Source)> {
        let Some(table) = entry.table(key) else { return Vec::new() };
        let attributes = &self.service.kinds[kind].attributes;
        let mut list = Vec::new();
        for (name, item) in table.items() {
            let word = Word { text: name.into(), span: item.key.clone() };
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
            let fits = match &source {
                Source::Literal(value) => check_value(attribute, value, &item.span, self.problems),
                place => self.check_reference(attribute, place, &item.span),
            };
            if fits {
                list.push((index, source));
            }
        }
        list
    }
}
