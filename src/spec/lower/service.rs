//! `service.toml` → [`Service`].

use regex_lite::Regex;

use super::{arc, check_arguments, check_places, check_value, level, rate, resolve, status, template};
use crate::{
    spec::{
        Caller,
        diagnostic::{Diagnostics, did_you_mean},
        expression::{Expr, Names, compile},
        operation::Code,
        reading::{Data, Entry, Item, Word},
        resource::{Attribute, AttributeType, Derived, Given, ResourceKind, Scope},
        service::{Access, Common, CredentialFile, Means, RegionTravel, Service, Variables},
    },
    value::Atom,
};

pub fn lower(file: &Entry, problems: &mut Diagnostics) -> Option<Service> {
    let head = file.table("service")?;
    let mut kinds: Vec<ResourceKind> = file.tables("resource").iter().map(|entry| kind(entry, problems)).collect();
    check_references(file, &kinds, problems);
    unique_givens(file, problems);
    let derived: Vec<Vec<Expr>> = file
        .tables("resource")
        .iter()
        .enumerate()
        .map(|(index, entry)| derive(entry, index, &kinds, problems))
        .collect();
    for (kind, exprs) in kinds.iter_mut().zip(derived) {
        for (derived, expr) in kind.derived.iter_mut().zip(exprs) {
            derived.expr = expr;
        }
    }
    let givens = file.tables("given").iter().map(|entry| given(entry, &kinds, problems)).collect();
    let words = |entry: Option<&Entry>, key: &str| -> Vec<String> {
        entry.map(|entry| entry.texts(key).into_iter().map(|word| word.text).collect()).unwrap_or_default()
    };
    let credentials = file.table("credentials");
    let common: Vec<Common> = file.tables("common").iter().map(common).collect();
    if let Some(entry) = credentials {
        tells_apart(entry, &common, problems);
    }
    let access = access(file, &common, problems);
    Some(Service {
        name: head.text("name"),
        title: head.text("title"),
        version: head.text("version"),
        protocol: head.text("protocol"),
        signing: words(Some(head), "signing"),
        span: head.span.clone(),
        product: head.text("product"),
        endpoint: head.text("endpoint"),
        region: match head.text("region").as_str() {
            "header" => RegionTravel::Header,
            "none" => RegionTravel::None,
            _ => RegionTravel::Parameter,
        },
        patience_ms: head.integer("patience").unwrap_or(600_000).unsigned_abs(),
        rate: rate(head, "rate", problems),
        rate_each: rate(head, "rate_each", problems),
        retry_after: head.word("retry_after").map(|word| word.text),
        credentials: Variables {
            id: words(credentials, "id"),
            secret: words(credentials, "secret"),
            token: words(credentials, "token"),
        },
        credential_files: credentials
            .map(|entry| entry.tables("file").iter().map(credential_file).collect())
            .unwrap_or_default(),
        givens,
        kinds,
        common,
        access,
        operations: Vec::new(),
    })
}

/// Whoever is let in by credentials may be kept out for reasons that have nothing to do with the call. Without their codes, such
/// an answer would be held against the document.
fn tells_apart(credentials: &Entry, common: &[Common], problems: &mut Diagnostics) {
    for (word, what) in [("credentials", "credentials are refused"), ("throttled", "there were too many calls")] {
        if !common.iter().any(|common| common.means == Means::parse(word)) {
            problems.report(
                "common",
                &credentials.span,
                format!("no code says that {what}: such an answer would be taken for a wrong one"),
                "those who use these",
                format!("add the vendor's codes for it, each as `[[common]]` with `means = \"{word}\"`"),
            );
        }
    }
}

/// Templates name operations, which are known only after the operations' files.
pub fn check_templates(file: &Entry, service: &Service, problems: &mut Diagnostics) {
    let removals =
        file.tables("resource").iter().flat_map(|entry| entry.tables("remove").iter().chain(entry.tables("stop")));
    let discoveries = file.tables("given").iter().filter_map(|entry| entry.table("discover"));
    for entry in removals.chain(discoveries) {
        let Some(name) = entry.word("operation") else { continue };
        let known = &service.operations;
        if let Some((_, operation)) = resolve(&name, known, |operation| &operation.name, "operation", problems) {
            check_arguments(entry, operation, problems);
        }
        if let Some(arguments) = entry.table("arguments") {
            for (_, item) in arguments.items() {
                if let Data::Any(value) = &item.data {
                    check_places(value, &item.span, service, &["self"], problems);
                }
            }
        }
    }
}

fn kind(entry: &Entry, problems: &mut Diagnostics) -> ResourceKind {
    let attributes = entry
        .table("attribute")
        .map(|table| table.items().into_iter().filter_map(|(name, item)| attribute(name, item, problems)).collect());
    let derived = entry.table("derived").map(|table| {
        table
            .items()
            .into_iter()
            .map(|(name, _)| Derived { name: name.into(), expr: Expr::Constant(Atom::Bool(false)) })
            .collect()
    });
    ResourceKind {
        name: entry.text("name"),
        id: entry.text("id"),
        exact: entry.word("id").and_then(|word| regex(&word, problems)),
        shape: entry.word("shape").and_then(|word| regex(&word, problems)),
        scope: if entry.text("scope") == "account" { Scope::Account } else { Scope::Region },
        attributes: attributes.unwrap_or_default(),
        derived: derived.unwrap_or_default(),
        remove: entry.tables("remove").iter().map(template).collect(),
        stop: entry.tables("stop").iter().map(template).collect(),
    }
}

fn credential_file(entry: &Entry) -> CredentialFile {
    let word = |key: &str| entry.word(key).map(|word| word.text);
    let words = |key: &str| entry.texts(key).into_iter().map(|word| word.text).collect();
    CredentialFile {
        path: entry.text("path"),
        path_variable: word("path_variable"),
        is_ini: entry.text("format") == "ini",
        profiles: word("profiles"),
        name: word("name"),
        current: word("current"),
        profile_variable: word("profile_variable"),
        off: words("off"),
        mode: word("mode"),
        modes: words("modes"),
        id: entry.text("id"),
        secret: entry.text("secret"),
        token: word("token"),
    }
}

fn regex(word: &Word, problems: &mut Diagnostics) -> Option<Regex> {
    match Regex::new(&format!("^(?:{})$", word.text)) {
        Ok(regex) => Some(regex),
        Err(error) => {
            problems.report(
                "regex",
                &word.span,
                format!("`{}` is not a regular expression", word.text),
                error.to_string(),
                "write one such as `m-[a-z0-9]{20}`",
            );
            None
        }
    }
}

fn attribute(name: &str, item: &Item, problems: &mut Diagnostics) -> Option<Attribute> {
    let Data::Any(value) = &item.data else { return None };
    let kind = match value {
        serde_json::Value::Array(words) if !words.is_empty() && words.iter().all(|word| word.is_string()) => {
            AttributeType::Word(words.iter().filter_map(|word| word.as_str()).map(arc).collect())
        }
        serde_json::Value::String(word) => match word.as_str() {
            "boolean" => AttributeType::Boolean,
            "text" => AttributeType::Text,
            "set" => AttributeType::Set,
            kind => AttributeType::Resource(kind.into()),
        },
        _ => {
            problems.report(
                "attribute",
                &item.span,
                format!("attribute `{name}` has no type"),
                "not a type",
                "write a list of words, or \"boolean\", \"text\", \"set\", or the name of a kind of resource",
            );
            return None;
        }
    };
    Some(Attribute { name: name.into(), kind })
}

fn check_references(file: &Entry, kinds: &[ResourceKind], problems: &mut Diagnostics) {
    for (index, (entry, kind)) in file.tables("resource").iter().zip(kinds).enumerate() {
        if kinds[..index].iter().any(|first| first.name == kind.name) {
            problems.report(
                "duplicate",
                &entry.span,
                format!("resource `{}` is described twice", kind.name),
                "the second",
                "rename or remove one",
            );
        }
        for attribute in &kind.attributes {
            if let AttributeType::Resource(name) = &attribute.kind
                && !kinds.iter().any(|kind| kind.name == *name)
                && let Some(item) = entry.table("attribute").and_then(|table| table.item(&attribute.name))
            {
                let known = kinds.iter().map(|kind| kind.name.as_str()).chain(["boolean", "text", "set"]);
                problems.report(
                    "unknown-name",
                    &item.span,
                    format!("`{name}` is neither a type nor a kind of resource"),
                    "unknown",
                    did_you_mean(name, known),
                );
            }
        }
    }
}

fn unique_givens(file: &Entry, problems: &mut Diagnostics) {
    let entries = file.tables("given");
    for (index, entry) in entries.iter().enumerate() {
        let Some(name) = entry.word("name") else { continue };
        if entries[..index].iter().any(|first| first.text("name") == name.text) {
            let message = format!("given `{}` is described twice", name.text);
            problems.report("duplicate", &entry.span, message, "the second", "rename or remove one");
        }
    }
}

fn derive(entry: &Entry, own: usize, kinds: &[ResourceKind], problems: &mut Diagnostics) -> Vec<Expr> {
    let Some(table) = entry.table("derived") else { return Vec::new() };
    let names = Names { kinds, variables: vec![("self".into(), own)], own: Some(0), ..Names::default() };
    table
        .items()
        .into_iter()
        .filter_map(|(name, _)| table.word(name))
        .map(|word| compile(&word, &names, problems))
        .collect()
}

fn given(entry: &Entry, kinds: &[ResourceKind], problems: &mut Diagnostics) -> Given {
    let resource = entry.word("resource").and_then(|word| {
        let (kind, found) = resolve(&word, kinds, |kind| &kind.name, "kind of resource", problems)?;
        let mut attributes = Vec::new();
        if let Some(with) = entry.table("with") {
            for (name, item) in with.items() {
                let word = Word { text: name.into(), span: item.key.clone() };
                let known = resolve(&word, &found.attributes, |attribute| &attribute.name, "attribute", problems);
                if let (Some((index, attribute)), Some(value)) = (known, with.value(name)) {
                    let value = Atom::from_json(value);
                    check_value(attribute, &value, &item.span, problems);
                    attributes.push((index, value));
                }
            }
        }
        Some((kind, attributes))
    });
    Given {
        name: entry.text("name"),
        default: entry.text("default"),
        text: entry.text("text"),
        resource,
        probe: entry.flag("probe"),
        real: entry.flag("real"),
        discover: entry.table("discover").map(template),
    }
}

fn common(entry: &Entry) -> Common {
    Common {
        code: Code::parse(&entry.text("code")),
        text: entry.text("code"),
        status: status(entry),
        message: entry.text("message"),
        means: Means::parse(&entry.text("means")),
        source: entry.text("source"),
    }
}

fn access(file: &Entry, common: &[Common], problems: &mut Diagnostics) -> Vec<Access> {
    let mut list: Vec<Access> = Vec::new();
    for entry in file.tables("access") {
        let Some(caller) = Caller::parse(&entry.text("caller")) else { continue };
        if list.iter().any(|known| known.caller == caller) {
            let message = format!("what `{}` earns is described twice", caller.name());
            problems.report("duplicate", &entry.span, message, "the second", "join them, or remove one");
            continue;
        }
        let words = entry.texts("codes");
        if let Some(item) = entry.item("codes")
            && words.is_empty()
        {
            let message = "a refusal without codes";
            problems.report("empty", &item.span, message, "no code", "list codes of the common list");
        }
        let is_common =
            |word: &Word| common.iter().any(|common| common.text == word.text || common.code.matches(&word.text));
        for word in words.iter().filter(|word| !is_common(word)) {
            let help = did_you_mean(&word.text, common.iter().map(|common| common.text.as_str()));
            let message = format!("the common list has no code `{}`", word.text);
            problems.report("unknown-name", &word.span, message, "not a common code", help);
        }
        let first = words.first().and_then(|word| Common::of(common, &word.text));
        list.push(Access {
            caller,
            text: entry.text("text"),
            codes: words.iter().map(|word| Code::parse(&word.text)).collect(),
            status: status(entry),
            message: first.map(|common| common.message.clone()).unwrap_or_default(),
            document: entry.text("document"),
            source: entry.text("source"),
            level: level(entry),
            span: entry.span.clone(),
        });
    }
    list
}
