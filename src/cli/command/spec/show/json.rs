//! Services, operations and requirements as JSON. Fields are only ever added.

use serde_json::{Value, json};

use super::super::code;
use crate::spec::{
    Operation, Requirement, Service, SpecSet,
    operation::{Param, Question},
    resource::AttributeType,
    service::OpRef,
};

pub fn operation(set: &SpecSet, at: OpRef) -> Value {
    let service = set.service(at);
    let operation = set.operation(at);
    let fields: Vec<Value> = operation
        .fields
        .iter()
        .map(|field| json!({ "name": field.name, "type": field.kind.name(), "optional": field.optional, "text": field.text }))
        .collect();
    json!({
        "id": operation.id,
        "version": service.version,
        "params": operation.listed().map(|(found, carried)| param(service, operation, found, carried)).collect::<Vec<_>>(),
        "response": fields,
        "errors": errors(operation),
        "requirements": operation.requirements.iter().map(requirement).collect::<Vec<_>>(),
        "summary": operation.summary,
        "documented": operation.is_documented(),
        "edition": operation.edition,
        "document": {
            "title": operation.document.title,
            "updated": operation.document.updated,
            "page": operation.document.page,
        },
        "questions": operation.questions.iter().map(question).collect::<Vec<_>>(),
    })
}

fn param(service: &Service, operation: &Operation, param: &Param, carried: bool) -> Value {
    let names = param.binding.map(|binding| &service.kinds[operation.bindings[binding].kind].name);
    json!({
        "name": param.name,
        "type": param.kind.name(),
        "required": param.required,
        "default": param.default,
        "carried": carried.then_some(&param.value),
        "names": names,
        "words": param.words,
        "max_length": param.max_length,
        "max_count": param.max_count,
        "ascii": param.ascii,
        "text": param.text,
        "source": param.source,
    })
}

fn errors(operation: &Operation) -> Vec<Value> {
    let rows = operation.rows.iter().filter(|row| row.documented);
    let each = rows.flat_map(|row| {
        let source = row.requirement.map_or_else(|| row.span.to_string(), |index| operation.requirements[index].source.clone());
        row.codes.iter().map(move |found| {
            json!({ "code": code(found), "status": row.status, "message": row.message, "source": source, "text": row.text })
        })
    });
    each.collect()
}

fn question(question: &Question) -> Value {
    let answers: Vec<Value> = question
        .answers
        .iter()
        .map(|answer| json!({ "id": &*answer.id, "text": answer.text, "source": answer.source }))
        .collect();
    json!({ "id": question.id, "question": question.question, "varies": question.varies, "answers": answers })
}

pub fn requirement(requirement: &Requirement) -> Value {
    json!({
        "id": requirement.id,
        "kind": requirement.kind.name(),
        "level": requirement.level.name(),
        "text": requirement.text,
        "document": requirement.document,
        "source": requirement.source,
        "file": requirement.span.to_string(),
        "unreachable": requirement.unreachable,
        "overlap": requirement.overlap,
    })
}

pub fn service(service: &Service) -> Value {
    let givens: Vec<Value> = service
        .givens
        .iter()
        .map(|given| json!({ "name": given.name, "default": given.default, "text": given.text, "probe": given.probe }))
        .collect();
    let resources: Vec<Value> = service
        .kinds
        .iter()
        .map(|kind| {
            let attributes: Vec<Value> = kind
                .attributes
                .iter()
                .map(|attribute| json!({ "name": attribute.name, "type": attribute_type(&attribute.kind) }))
                .collect();
            let derived: Vec<&str> = kind.derived.iter().map(|derived| &*derived.name).collect();
            json!({ "name": kind.name, "id": kind.id, "attributes": attributes, "derived": derived })
        })
        .collect();
    let common: Vec<Value> = service
        .common
        .iter()
        .map(|common| json!({ "code": common.text, "status": common.status, "message": common.message, "source": common.source }))
        .collect();
    let access: Vec<Value> = service
        .access
        .iter()
        .map(|access| {
            let codes: Vec<String> = access.codes.iter().map(code).collect();
            json!({ "caller": access.caller.name(), "codes": codes, "text": access.text, "document": access.document, "source": access.source })
        })
        .collect();
    json!({
        "name": service.name,
        "title": service.title,
        "version": service.version,
        "protocol": service.protocol,
        "signing": service.signing,
        "endpoint": service.endpoint,
        "patience_ms": service.patience_ms,
        "credentials": { "id": service.credentials.id, "secret": service.credentials.secret, "token": service.credentials.token },
        "givens": givens,
        "resources": resources,
        "common": common,
        "access": access,
        "operations": service.operations.iter().map(|operation| &*operation.id).collect::<Vec<_>>(),
    })
}

/// The type of an attribute, in words.
pub fn attribute_type(kind: &AttributeType) -> String {
    match kind {
        AttributeType::Word(words) => words.join(" | "),
        AttributeType::Boolean => "boolean".into(),
        AttributeType::Text => "text".into(),
        AttributeType::Set => "set".into(),
        AttributeType::Resource(name) => {
            let article = if name.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" };
            format!("{article} {name}")
        }
    }
}
