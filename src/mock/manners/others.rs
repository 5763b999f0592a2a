//! Resources that are there already, and are someone else's.

use std::sync::Arc;

use crate::{
    model::{Resource, State},
    spec::{
        Service,
        id::mint,
        operation::{Action, Source},
        resource::AttributeType,
    },
    value::{Atom, Key},
};

/// Numbers of ids that a mock does not reach by itself.
const FIRST: u64 = 1 << 40;

/// Puts so many resources of each kind that can be created into a state, and others like each given one. They refer to each
/// other as their kinds say: an instance of a stranger runs from a stranger's image.
pub fn others(service: &Service, state: &mut State, givens: &[Key], home: &Arc<str>, each: usize) -> Vec<Key> {
    let mut made: Vec<(usize, Key)> = Vec::new();
    let mut serial = FIRST;
    let mut fresh = |kind: usize| {
        serial += 1;
        Key::from(mint(&service.kinds[kind].id, serial).as_str())
    };
    for _ in 0..each {
        for (kind, described) in service.kinds.iter().enumerate() {
            // What nobody can remove belongs to something else.
            if described.is_removable() {
                made.push((kind, fresh(kind)));
            }
        }
    }
    for (index, (kind, key)) in made.iter().enumerate() {
        let mut resource = Resource::new(service, *kind, home.clone());
        for (attribute, value) in service.kinds[*kind].attributes.iter().zip(&mut resource.attributes) {
            match &attribute.kind {
                AttributeType::Resource(name) if *name != service.kinds[*kind].name => {
                    let mut same = made.iter().filter(|(other, _)| service.kinds[*other].name == *name);
                    *value = same.next().map_or(Atom::None, |(_, key)| Atom::Ref(key.clone()));
                }
                AttributeType::Text => *value = Atom::Text(format!("production-{index}").into()),
                _ => {}
            }
        }
        for (attribute, value) in finished(service, *kind) {
            resource.attributes[attribute] = value;
        }
        state.resources.insert(key.clone(), Arc::new(resource));
    }
    let given: Vec<(usize, Resource)> =
        givens.iter().filter_map(|key| state.resource(key)).map(|found| (found.kind, found.clone())).collect();
    for (kind, resource) in given {
        for _ in 0..each {
            let key = fresh(kind);
            state.resources.insert(key.clone(), Arc::new(resource.clone()));
            made.push((kind, key));
        }
    }
    made.into_iter().map(|(_, key)| key).collect()
}

/// What a resource of a kind has when everything that its creation began is done.
fn finished(service: &Service, kind: usize) -> Vec<(usize, Atom)> {
    for operation in &service.operations {
        let created = operation.effects.iter().find_map(|effect| match effect.action {
            Action::Create { kind: made, var } if made == kind => Some(var),
            _ => None,
        });
        let Some(var) = created else { continue };
        let later = operation.effects.iter().filter(|effect| effect.later && effect.action == Action::Update(var));
        let literal = later.flat_map(|effect| &effect.set).filter_map(|(attribute, source)| match source {
            Source::Literal(value) => Some((*attribute, value.clone())),
            Source::Param(_) | Source::Var(_) => None,
        });
        return literal.collect();
    }
    Vec::new()
}
