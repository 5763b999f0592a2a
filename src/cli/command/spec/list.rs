//! `aswritten spec list`.

use std::path::Path;

use serde_json::{Value, json};

use crate::{
    cli::{args::Format, exit_code::ExitCode, failure::Failure, specs, terminal},
    report::{
        document,
        human::{WIDTH, wrap},
    },
    spec::{Operation, Service, SpecSet},
};

pub fn run(folder: Option<&Path>, format: Format) -> Result<ExitCode, Failure> {
    let set = specs::load(folder)?;
    terminal::print(&match format {
        Format::Human => human(&set),
        Format::Json => format!("{:#}\n", json(&set)),
    });
    Ok(ExitCode::Fine)
}

fn human(set: &SpecSet) -> String {
    let width = set.operations().map(|(_, operation)| operation.id.len()).max().unwrap_or(0);
    let mut out = String::new();
    for service in &set.services {
        out.push_str(&format!("{} ({}, {})\n", service.title, service.version, service.protocol));
        for operation in service.operations.iter().filter(|operation| operation.is_documented()) {
            let requirements = operation.requirements.len();
            let document = document(&operation.document);
            out.push_str(&format!("  {:<width$}  {requirements:>3} requirements  {document}\n", operation.id));
        }
        let companions: Vec<&str> = service
            .operations
            .iter()
            .filter(|operation| !operation.is_documented())
            .map(|operation| &*operation.name)
            .collect();
        for line in wrap(&format!("companions: {}", companions.join(", ")), WIDTH - 2) {
            out.push_str(&format!("  {line}\n"));
        }
    }
    out
}

fn json(set: &SpecSet) -> Value {
    json!({ "services": set.services.iter().map(service).collect::<Vec<_>>() })
}

fn service(service: &Service) -> Value {
    json!({
        "name": service.name,
        "title": service.title,
        "version": service.version,
        "protocol": service.protocol,
        "operations": service.operations.iter().map(operation).collect::<Vec<_>>(),
    })
}

fn operation(operation: &Operation) -> Value {
    json!({
        "id": operation.id,
        "documented": operation.is_documented(),
        "edition": operation.edition,
        "summary": operation.summary,
        "document": {
            "title": operation.document.title,
            "updated": operation.document.updated,
            "page": operation.document.page,
        },
        "requirements": operation.requirements.len(),
    })
}
