//! An operation's file → [`Operation`].

use std::collections::BTreeSet;

use serde_json::Value;

use super::{check_arguments, check_places, check_value, level, resolve, status};
use crate::{
    spec::{
        diagnostic::{Diagnostics, did_you_mean},
        expression::{Comparison, Expr, Function, Names, compile, parse},
        operation::{
            Action, Basics, Binding, Choice, Code, Document, Effect, Expectation, Field, FieldType, Operation,
            Override, Param, ParamType, Promise, Question, Role, Row, Showable, Shown, Source, Spelling, Use, View,
        },
        reading::{Data, Entry, Word},
        requirement::{Kind, Level, Requirement},
        resource::AttributeType,
        service::Service,
        source::Span,
    },
    value::Atom,
};

/// Limits of parameters.
const LIMITS: &[&str] = &["required", "max_length", "max_count", "ascii"];

pub fn lower(file: &Entry, stem: &str, service: &Service, problems: &mut Diagnostics) -> Option<Operation> {
    let head = file.table("operation")?;
    let name = head.word("name")?;
    let edition = head.word("edition").map(|word| word.text);
    let expected = edition.as_ref().map_or(name.text.clone(), |edition| format!("{}@{edition}", name.text));
    if stem != expected {
        problems.report(
            "file-name",
            &name.span,
            format!("the file `{stem}.toml` describes `{expected}`"),
            "the operation",
            format!("rename the file to `{expected}.toml`"),
        );
    }
    let document = head.table("document");
    let text = |key: &str| document.map(|document| document.text(key)).unwrap_or_default();
    let operation = Operation {
        id: format!("{}/{expected}", service.name),
        name: name.text,
        edition,
        role: if head.text("role") == "documented" { Role::Documented } else { Role::Companion },
        summary: head.text("summary"),
        document: Document { title: text("title"), updated: text("updated"), page: text("page") },
        span: head.span.clone(),
        params: Vec::new(),
        fields: Vec::new(),
        bindings: Vec::new(),
        rows: Vec::new(),
        overrides: Vec::new(),
        questions: Vec::new(),
        promises: Vec::new(),
        effects: Vec::new(),
        views: Vec::new(),
        uses: Vec::new(),
        token: None,
        region: None,
        requirements: Vec::new(),
        basics: None,
    };
    Some(Lowering { file, service, problems, operation, names: Names::default(), created: Vec::new() }.run(head))
}

struct Lowering<'a> {
    file: &'a Entry,
    service: &'a Service,
    problems: &'a mut Diagnostics,
    operation: Operation,
    names: Names<'a>,
    /// Kinds of the variables that effects create.
    created: Vec<(String, usize)>,
}

impl Lowering<'_> {
    fn run(mut self, head: &Entry) -> Operation {
        self.params(head);
        self.names.kinds = &self.service.kinds;
        self.names.params = self.operation.params.iter().map(|param| param.name.clone()).collect();
        self.names.variables =
            self.operation.bindings.iter().map(|binding| (binding.name.clone(), binding.kind)).collect();
        self.names.token = self.operation.token.is_some();
        self.basics(head);
        self.questions();
        self.definitions();
        self.rows();
        self.limits();
        self.overrides();
        self.effects();
        self.fields();
        self.promises();
        self.access();
        self.views();
        self.uses();
        self.unique_requirements();
        self.unused();
        self.operation
    }

    fn params(&mut self, head: &Entry) {
        for entry in self.file.tables("param") {
            let mut param = param(entry);
            // A missing name is reported already.
            let mut known = self.operation.params.iter().filter(|known| !known.name.is_empty());
            if let Some(first) = known.find(|first| first.name == param.name) {
                let name = first.name.clone();
                self.duplicate(entry, &format!("parameter `{name}`"));
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

    fn basics(&mut self, head: &Entry) {
        if !self.operation.is_documented() {
            return;
        }
        let title = self.operation.document.title.clone();
        let mut add = |id: &str, level, text: &str, source: &str| {
            let requirement = Requirement {
                id: format!("{}/{id}", self.operation.id),
                kind: Kind::Promise,
                level,
                text: text.into(),
                document: None,
                source: format!("{title}, {source}"),
                span: head.span.clone(),
                unreachable: None,
                overlap: false,
            };
            self.operation.requirements.push(requirement);
            self.operation.requirements.len() - 1
        };
        self.operation.basics = Some(Basics {
            success: add("success", Level::Must, "a call that no documented condition forbids succeeds", "description"),
            effect: add("effect", Level::Must, "what a success announces is then shown by reads", "description"),
            unchanged: add("unchanged", Level::Should, "a refused call changes nothing", "error codes"),
            others: add(
                "others",
                Level::Should,
                "resources that the call does not name stay as they are",
                "description",
            ),
        });
    }

    fn requirement(&mut self, local: &str, kind: Kind, entry: &Entry, level: Level) -> Option<usize> {
        if !self.operation.is_documented() {
            return None;
        }
        let text = ["text", "question", "message"].iter().map(|key| entry.text(key)).find(|text| !text.is_empty());
        self.operation.requirements.push(Requirement {
            id: format!("{}/{local}", self.operation.id),
            kind,
            level,
            text: text.unwrap_or_default(),
            document: None,
            source: entry.text("source"),
            span: entry.span.clone(),
            unreachable: entry.word("unreachable").map(|word| word.text),
            overlap: entry.flag("overlap"),
        });
        Some(self.operation.requirements.len() - 1)
    }

    fn questions(&mut self) {
        for entry in self.file.tables("open") {
            let Some(id) = entry.word("id") else { continue };
            let answers: Vec<Choice> = entry
                .tables("answers")
                .iter()
                .map(|answer| Choice {
                    id: answer.text("id").as_str().into(),
                    text: answer.text("text"),
                    source: answer.text("source"),
                })
                .collect();
            if !id.text.contains('-') && !entry.flag("precedence") {
                self.problems.report(
                    "question-id",
                    &id.span,
                    format!("the question `{}` has no hyphen", id.text),
                    "its id",
                    "questions have a hyphen, so that nobody takes them for a parameter or resource",
                );
            }
            if answers.len() < 2 {
                self.problems.report(
                    "one-answer",
                    &entry.span,
                    format!("`{}` has {} answer", id.text, if answers.is_empty() { "no" } else { "only one" }),
                    "not open",
                    "a question has at least two answers; what has one is a promise or an error row",
                );
            }
            if entry.flag("precedence") {
                for answer in entry.tables("answers").iter().filter_map(|answer| answer.word("id")) {
                    if !["listed", "reversed"].contains(&answer.text.as_str()) {
                        self.problems.report(
                            "unknown-value",
                            &answer.span,
                            format!("`{}` is no order of codes", answer.text),
                            "not an order",
                            "the answers of a question of precedence are `listed` and `reversed`",
                        );
                    }
                }
            }
            if let Some(twice) = repeated(answers.iter().map(|answer| &*answer.id)) {
                let message = format!("two answers of `{}` are called `{twice}`", id.text);
                self.problems.report("duplicate", &entry.span, message, "the question", "rename one");
            }
            if self.operation.questions.iter().any(|question| question.id == id.text) {
                self.duplicate(entry, &format!("question `{}`", id.text));
                continue;
            }
            let requirement = self.requirement(&format!("open/{}", id.text), Kind::Open, entry, Level::Open);
            self.names.questions.push((id.text.clone(), answers.iter().map(|answer| answer.id.to_string()).collect()));
            self.operation.questions.push(Question {
                id: id.text,
                question: entry.text("question"),
                answers,
                precedence: entry.flag("precedence"),
                varies: entry.flag("varies"),
                requirement: requirement.unwrap_or_default(),
            });
        }
    }

    fn definitions(&mut self) {
        let Some(table) = self.file.table("define") else { return };
        self.names.later = table.items().into_iter().map(|(name, _)| name.to_owned()).collect();
        for (name, _) in table.items() {
            let Some(word) = table.word(name) else { continue };
            let expr = compile(&word, &self.names, self.problems);
            self.names.later.retain(|later| later != name);
            self.names.defined.push((name.to_owned(), expr));
        }
    }

    fn condition(&mut self, entry: &Entry, key: &str) -> Option<Expr> {
        let word = entry.word(key)?;
        Some(compile(&word, &self.names, self.problems))
    }

    fn rows(&mut self) {
        for entry in self.file.tables("error") {
            let code = entry.text("code");
            let requirement = self.requirement(&format!("error/{code}"), Kind::Error, entry, level(entry));
            let (due, may) = (self.condition(entry, "when"), self.condition(entry, "may"));
            let unreachable = entry.item("unreachable").is_some();
            let excused = unreachable || entry.flag("overlap") || code.is_empty() || !self.operation.is_documented();
            if !entry.has("when") && !entry.has("may") && !excused {
                self.problems.report(
                    "no-condition",
                    &entry.span,
                    format!("`{code}` has no condition"),
                    "never due",
                    "add `when`, or `unreachable` with the reason why no caller can earn it",
                );
            }
            self.push_row(entry, code.clone(), vec![Code::parse(&code)], due, may, requirement, true);
        }
        for entry in self.file.tables("refusal") {
            let id = entry.word("id");
            let requirement = id
                .as_ref()
                .and_then(|id| self.requirement(&format!("promise/{}", id.text), Kind::Promise, entry, level(entry)));
            if let Some(id) = &id
                && !entry.has("source")
            {
                self.problems.report(
                    "missing-key",
                    &entry.span,
                    format!("the promise `{}` has no `source`", id.text),
                    "in this table",
                    "add `source`: the place in the document",
                );
            }
            let due = self.condition(entry, "when");
            let codes: Vec<Code> = entry.texts("codes").iter().map(|word| Code::parse(&word.text)).collect();
            if let Some(item) = entry.item("codes")
                && codes.is_empty()
            {
                self.problems.report(
                    "empty",
                    &item.span,
                    "a refusal without codes",
                    "no code",
                    "list codes, or `*` for any",
                );
            }
            let key = id.map_or_else(|| entry.text("key"), |id| id.text);
            self.push_row(entry, key, codes, due, None, requirement, false);
        }
    }

    #[allow(clippy::too_many_arguments)]
    fn push_row(
        &mut self,
        entry: &Entry,
        key: String,
        codes: Vec<Code>,
        due: Option<Expr>,
        may: Option<Expr>,
        requirement: Option<usize>,
        documented: bool,
    ) {
        let n_bindings = self.operation.bindings.len();
        let each = due.as_ref().map(|due| due.bindings(n_bindings)).unwrap_or_default();
        let may_each = may.as_ref().map(|may| may.bindings(n_bindings)).unwrap_or_default();
        self.operation.rows.push(Row {
            key,
            codes,
            status: status(entry),
            message: entry.text("message"),
            text: entry.text("text"),
            due,
            may,
            each,
            may_each,
            requirement,
            overlap: entry.flag("overlap"),
            access: false,
            otherwise: entry.flag("otherwise"),
            unprovokable: entry.item("unreachable").is_some(),
            documented,
            span: entry.span.clone(),
        });
    }

    /// Limits of parameters are refusals of their own.
    fn limits(&mut self) {
        for entry in self.file.tables("param") {
            let Some(param) = self.operation.param(&entry.text("name")) else { continue };
            let unchecked: Vec<String> = entry.texts("unchecked").into_iter().map(|word| word.text).collect();
            for word in entry.texts("unchecked").iter().filter(|word| !LIMITS.contains(&word.text.as_str())) {
                let message = format!("no limit is called `{}`", word.text);
                let help = did_you_mean(&word.text, LIMITS.iter().copied());
                self.problems.report("unknown-word", &word.span, message, "not a limit", help);
            }
            let call = |function| Expr::Call(function, param);
            let more = |function, limit: Option<i64>| {
                limit.map(|limit| {
                    let limit = Expr::Constant(Atom::Integer(limit));
                    Expr::Compare(Comparison::More, Box::new(call(function)), Box::new(limit))
                })
            };
            let limits = [
                ("required", entry.flag("required").then(|| call(Function::Missing)), "a call without it is refused"),
                ("max_length", more(Function::Length, entry.integer("max_length")), "a longer text is refused"),
                ("max_count", more(Function::Count, entry.integer("max_count")), "a longer list is refused"),
                (
                    "ascii",
                    entry.flag("ascii").then(|| Expr::Not(Box::new(call(Function::Ascii)))),
                    "other characters are refused",
                ),
            ];
            for (limit, due, text) in limits {
                let Some(due) = due else { continue };
                if unchecked.iter().any(|name| name == limit) {
                    continue;
                }
                let name = entry.text("name");
                let level =
                    if limit == "required" && entry.item("level").is_none() { Level::Should } else { level(entry) };
                let requirement = self.requirement(&format!("param/{name}/{limit}"), Kind::Param, entry, level);
                if let Some(requirement) = requirement {
                    self.operation.requirements[requirement].text = format!("{name}: {text}");
                }
                let mut codes: Vec<Code> = entry.texts("refusal").iter().map(|word| Code::parse(&word.text)).collect();
                if codes.is_empty() {
                    codes.push(Code::Any);
                }
                self.push_row(entry, format!("{name}/{limit}"), codes, Some(due), None, requirement, false);
            }
        }
    }

    fn overrides(&mut self) {
        for entry in self.file.tables("override") {
            let Some(when) = self.condition(entry, "when") else { continue };
            let skips = entry.texts("skips");
            for skip in &skips {
                if skip.text != "*" && !self.operation.rows.iter().any(|row| row.key == skip.text) {
                    let help = did_you_mean(&skip.text, self.operation.rows.iter().map(|row| row.key.as_str()));
                    let message = format!("nothing here is refused with `{}`", skip.text);
                    self.problems.report("unknown-name", &skip.span, message, "lifts nothing", help);
                }
            }
            let each = when.bindings(self.operation.bindings.len());
            self.operation.overrides.push(Override {
                when,
                each,
                skips: skips.into_iter().map(|word| word.text).collect(),
                source: entry.text("source"),
                span: entry.span.clone(),
            });
        }
    }

    fn effects(&mut self) {
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

    fn fields(&mut self) {
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

    fn promises(&mut self) {
        for entry in self.file.tables("promise") {
            let Some(id) = entry.word("id") else { continue };
            if !entry.has("expect") && !entry.has("unreachable") {
                self.problems.report(
                    "unchecked",
                    &entry.span,
                    format!("nothing checks the promise `{}`", id.text),
                    "this promise",
                    "add `expect`, or `unreachable` with the reason",
                );
            }
            let when = self.condition(entry, "when");
            let expect = match entry.text("expect").as_str() {
                "success" => Some(Expectation::Success),
                "refusal" => Some(Expectation::Refusal),
                "unchanged" => Some(Expectation::Unchanged),
                "gone" => Some(Expectation::Gone),
                "others" => Some(Expectation::Others),
                "kept" => Some(Expectation::Kept),
                _ => None,
            };
            if let Some(requirement) =
                self.requirement(&format!("promise/{}", id.text), Kind::Promise, entry, level(entry))
            {
                let each = when.as_ref().map(|when| when.bindings(self.operation.bindings.len())).unwrap_or_default();
                self.operation.promises.push(Promise { when, each, expect, requirement });
            }
        }
    }

    /// What the service refuses whatever is asked, as a requirement of this operation.
    fn access(&mut self) {
        if !self.operation.is_documented() {
            return;
        }
        for access in &self.service.access {
            let name = access.caller.name();
            self.operation.requirements.push(Requirement {
                id: format!("{}/access/{name}", self.operation.id),
                kind: Kind::Access,
                level: access.level,
                text: access.text.clone(),
                document: Some(access.document.clone()),
                source: access.source.clone(),
                span: access.span.clone(),
                unreachable: None,
                overlap: false,
            });
            let called_so = Box::new(Expr::Constant(Atom::text(name)));
            self.operation.rows.push(Row {
                key: format!("access/{name}"),
                codes: access.codes.clone(),
                status: access.status,
                message: access.message.clone(),
                text: access.text.clone(),
                due: Some(Expr::Compare(Comparison::Equal, Box::new(Expr::Caller), called_so)),
                may: None,
                each: Vec::new(),
                may_each: Vec::new(),
                requirement: Some(self.operation.requirements.len() - 1),
                overlap: false,
                access: true,
                otherwise: false,
                unprovokable: false,
                documented: false,
                span: access.span.clone(),
            });
        }
    }

    fn views(&mut self) {
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

    fn uses(&mut self) {
        for entry in self.file.tables("use") {
            check_arguments(entry, &self.operation, self.problems);
            let mut arguments = Vec::new();
            if let Some(table) = entry.table("arguments") {
                let bindings: Vec<&str> = self.operation.bindings.iter().map(|binding| binding.name.as_str()).collect();
                for (name, item) in table.items() {
                    if let (Some(param), Data::Any(value)) = (self.operation.param(name), &item.data) {
                        check_places(value, &item.span, self.service, &bindings, self.problems);
                        arguments.push((param, value.clone()));
                    }
                }
            }
            let when = self.condition(entry, "when");
            if self.operation.uses.iter().any(|known| known.id == entry.text("id")) {
                self.duplicate(entry, &format!("use `{}`", entry.text("id")));
                continue;
            }
            self.operation.uses.push(Use {
                id: entry.text("id"),
                arguments,
                when,
                read: entry.flag("read"),
                weight: entry.integer("weight").map_or(5, |weight| weight.clamp(0, 10) as u32),
            });
        }
        if self.operation.uses.is_empty() && !self.operation.is_documented() {
            self.operation.uses.push(Use {
                id: "default".into(),
                arguments: Vec::new(),
                when: None,
                read: false,
                weight: 5,
            });
        }
    }

    fn unique_requirements(&mut self) {
        // An entry without a name is reported already.
        let named = |requirement: &Requirement| !requirement.id.contains("//") && !requirement.id.ends_with('/');
        for (index, requirement) in self.operation.requirements.iter().enumerate().filter(|(_, found)| named(found)) {
            if let Some(first) = self.operation.requirements[..index].iter().find(|first| first.id == requirement.id) {
                let (mut first, mut requirement) = (first, requirement);
                if requirement.span.range.start < first.span.range.start {
                    std::mem::swap(&mut first, &mut requirement);
                }
                self.problems.report(
                    "duplicate",
                    &requirement.span,
                    format!("`{}` is required twice", requirement.id),
                    "the second",
                    format!("the first is in line {}; join them, or give this one another id", first.span.line()),
                );
            }
        }
    }

    /// A question that nothing asks is never answered.
    fn unused(&mut self) {
        // What a broken condition would have asked is unknown.
        let tables = ["error", "refusal", "override", "effect", "promise"];
        let entries = tables.iter().flat_map(|table| self.file.tables(table));
        let mut texts: Vec<Word> =
            entries.flat_map(|entry| [entry.word("when"), entry.word("may")]).flatten().collect();
        if let Some(table) = self.file.table("define") {
            texts.extend(table.items().into_iter().filter_map(|(name, _)| table.word(name)));
        }
        if self.file.is_doubtful() || texts.iter().any(|word| parse(&word.text).is_err()) {
            return;
        }
        let operation = &self.operation;
        let conditions = operation
            .rows
            .iter()
            .flat_map(|row| row.due.iter().chain(&row.may))
            .chain(operation.overrides.iter().map(|rule| &rule.when))
            .chain(operation.effects.iter().filter_map(|effect| effect.when.as_ref()))
            .chain(operation.promises.iter().filter_map(|promise| promise.when.as_ref()));
        let asked: BTreeSet<usize> = conditions.flat_map(Expr::questions).collect();
        for (index, question) in operation.questions.iter().enumerate() {
            let excused = question.precedence
                || operation.requirements.get(question.requirement).is_some_and(|found| found.unreachable.is_some());
            if asked.contains(&index) || excused {
                continue;
            }
            let Some(entry) = self.file.tables("open").iter().find(|entry| entry.text("id") == question.id) else {
                continue;
            };
            self.problems.report(
                "unasked",
                &entry.span,
                format!("no condition asks `{}`", question.id),
                "never answered",
                "use it in a condition, such as `… and missing-image is refused`, or say why it is `unreachable`",
            );
        }
    }

    fn duplicate(&mut self, entry: &Entry, what: &str) {
        self.problems.report(
            "duplicate",
            &entry.span,
            format!("{what} is described twice"),
            "the second",
            "rename or remove one",
        );
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
        words: entry.texts("enum").into_iter().map(|word| word.text).collect(),
        max_length: count("max_length"),
        max_count: count("max_count"),
        ascii: entry.flag("ascii"),
        value: entry.value("value").cloned(),
        text: entry.text("text"),
        source: entry.text("source"),
    }
}

fn repeated<'a>(mut names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let mut seen = BTreeSet::new();
    names.find(|name| !seen.insert(*name))
}
