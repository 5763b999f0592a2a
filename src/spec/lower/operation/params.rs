//! What a call takes: parameters, the resources that they name, the token, the region.

use serde_json::Value;

use super::super::{check_places, resolve};
use super::Lowering;
use crate::spec::{
    operation::{Binding, Operation, Param, ParamType, Spelling},
    reading::Entry,
    source::Span,
};

impl Lowering<'_> {
    pub(super) fn params(&mut self, head: &Entry) {
        for entry in self.file.tables("param") {
            let mut param = param(entry);
            // A missing name is reported already.
            let Operation { params, carried, .. } = &self.operation;
            let mut known = params.iter().chain(carried).filter(|known| !known.name.is_empty());
            if let Some(first) = known.find(|first| first.name == param.name) {
                let name = first.name.clone();
                self.duplicate(entry, &format!("parameter `{name}`"));
                continue;
            }
            if entry.flag("carried") {
                self.operation.carried.push(param);
                continue;
            }
            if let Some(kind_word) = entry.word("names") {
                let kinds = &self.service.kinds;
                if let Some((kind, _)) =
                    resolve(&kind_word, kinds, |kind| &kind.name, "kind of resource", self.problems)
                {
                    let name = entry.word("as").map_or(kind_word.text, |word| word.text);
                    if self.operation.bindings.iter().any(|binding| binding.name == name) {
                        self.problems.report(
                            "duplicate",
                            &entry.span,
                            format!("two parameters name `{name}`"),
                            "the second",
                            "give this one another name with `as`",
                        );
                    }
                    param.binding = Some(self.operation.bindings.len());
                    self.operation.bindings.push(Binding { name, kind, param: self.operation.params.len() });
                }
            }
            if param.region {
                self.operation.region = Some(self.operation.params.len());
            }
            if let (Some(default), Some(item)) = (&param.default, entry.item("default")) {
                self.check_default(&param, default, &item.span);
            }
            if let (Some(value), Some(item)) = (&param.value, entry.item("value")) {
                check_places(value, &item.span, self.service, &[], self.problems);
            }
            self.operation.params.push(param);
        }
        if let Some(word) = head.word("token") {
            let params = &self.operation.params;
            self.operation.token =
                resolve(&word, params, |param| &param.name, "parameter", self.problems).map(|(index, _)| index);
        }
        let lists = self
            .operation
            .bindings
            .iter()
            .filter(|binding| self.operation.params[binding.param].kind == ParamType::Texts)
            .count();
        if lists > 1 {
            self.problems.report(
                "two-lists",
                &head.span,
                "two parameters are lists of ids",
                "the operation",
                "conditions can range over one list; give the other one no `names`",
            );
        }
    }

    fn check_default(&mut self, param: &Param, default: &Value, span: &Span) {
        let fits = match param.kind {
            ParamType::Boolean => default.is_boolean(),
            ParamType::Integer => default.is_i64(),
            ParamType::Text => default.is_string(),
            ParamType::Texts | ParamType::Objects => default.is_array(),
        };
        if !fits {
            self.problems.report(
                "default",
                span,
                format!("the default of `{}` is not of type `{}`", param.name, param.kind.name()),
                "not of the parameter's type",
                "write a value of that type, or change the type",
            );
        }
    }
}

fn param(entry: &Entry) -> Param {
    let count = |key: &str| entry.integer(key).and_then(|number| usize::try_from(number).ok());
    Param {
        name: entry.text("name"),
        kind: match entry.text("type").as_str() {
            "integer" => ParamType::Integer,
            "boolean" => ParamType::Boolean,
            "texts" => ParamType::Texts,
            "objects" => ParamType::Objects,
            _ => ParamType::Text,
        },
        spelling: match entry.text("spelling").as_str() {
            "json" => Spelling::Json,
            "comma" => Spelling::Comma,
            _ => Spelling::Native,
        },
        members: entry.tables("members").iter().map(param).collect(),
        header: entry.flag("header"),
        required: entry.flag("required"),
        default: entry.value("default").cloned(),
        binding: None,
        region: entry.flag("region"),
        dry: entry.flag("dry"),
        takes_along: entry.flag("takes_along"),
        words: entry.texts("enum").into_iter().map(|word| word.text).collect(),
        max_length: count("max_length"),
        max_count: count("max_count"),
        ascii: entry.flag("ascii"),
        value: entry.value("value").cloned(),
        text: entry.text("text"),
        source: entry.text("source"),
    }
}
