//! Everything that a mock has, as data.

use serde_json::{Map, Value, json};

use crate::{model::State, spec::Service, value::Key};

/// The resources of a state. Whose each is: `given`, `other` (it was there, and is someone else's), or `created` by a call.
/// What was someone else's and is gone is listed as such.
pub fn inventory(service: &Service, state: &State, givens: &[Key], others: &[Key]) -> Value {
    let resources = state.resources.iter().filter(|(_, found)| !found.deleted).map(|(key, found)| {
        let kind = &service.kinds[found.kind];
        let attributes: Map<String, Value> = kind
            .attributes
            .iter()
            .zip(&found.attributes)
            .map(|(attribute, value)| (attribute.name.clone(), value.to_json()))
            .collect();
        let whose = match () {
            () if others.contains(key) => "other",
            () if givens.contains(key) => "given",
            () => "created",
        };
        json!({ "id": &**key, "kind": kind.name, "region": &*found.region, "whose": whose, "attributes": attributes })
    });
    let gone = others.iter().filter(|key| state.living(key).is_none());
    json!({
        "resources": resources.collect::<Vec<_>>(),
        "others_gone": gone.map(|key| key.to_string()).collect::<Vec<_>>(),
    })
}
