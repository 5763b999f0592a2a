//! `aswritten spec show`.

mod json;
mod page;

use std::path::Path;

use serde_json::Value;

use crate::{
    cli::{args::Format, exit_code::ExitCode, failure::Failure, specs, terminal},
    spec::{SpecSet, diagnostic::did_you_mean, service::OpRef},
};

/// What an id names.
#[derive(Clone, Copy)]
enum Thing {
    Service(usize),
    Operation(OpRef),
    Requirement(OpRef, usize),
}

pub fn run(folder: Option<&Path>, id: &str, format: Format) -> Result<ExitCode, Failure> {
    let set = specs::load(folder)?;
    let thing = find(&set, id)?;
    terminal::print(&match format {
        Format::Human => page::text(&set, thing),
        Format::Json => format!("{:#}\n", json(&set, thing)),
    });
    Ok(ExitCode::Fine)
}

fn find(set: &SpecSet, id: &str) -> Result<Thing, Failure> {
    let service = set.services.iter().position(|service| service.name == id).map(Thing::Service);
    let operation = || set.find(id).map(Thing::Operation);
    let requirement = || {
        let found = set.requirements().find(|(_, _, requirement)| requirement.id == id);
        found.map(|(at, index, _)| Thing::Requirement(at, index))
    };
    service.or_else(operation).or_else(requirement).ok_or_else(|| {
        let services = set.services.iter().map(|service| &*service.name);
        let operations = set.operations().map(|(_, operation)| &*operation.id);
        let requirements =
            set.requirements().map(|(_, _, requirement)| &*requirement.id).filter(|_| id.matches('/').count() > 1);
        let help = did_you_mean(id, services.chain(operations).chain(requirements));
        let help = if help.starts_with("valid") { "`aswritten spec list` lists what there is".into() } else { help };
        Failure::new(ExitCode::Nothing, format!("the specs have no `{id}`")).help(help)
    })
}

fn json(set: &SpecSet, thing: Thing) -> Value {
    match thing {
        Thing::Service(service) => json::service(&set.services[service]),
        Thing::Operation(at) => json::operation(set, at),
        Thing::Requirement(at, index) => json::requirement(&set.operation(at).requirements[index]),
    }
}
