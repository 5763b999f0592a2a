//! Does the service answer at all at the moment?

use serde_json::Value;

use crate::{
    endpoint::{Call, Endpoint},
    execute::{Givens, clean},
    history::Reply,
    model::Caller,
    spec::{SpecSet, service::OpRef},
};

/// The plainest read of a service: nothing but the region is required.
pub fn plain_read(set: &SpecSet, service: usize, givens: &Givens) -> Option<Call> {
    let region = givens.get(service, "region").unwrap_or_default();
    set.services[service].operations.iter().enumerate().find_map(|(index, operation)| {
        if operation.is_documented() || !operation.uses.iter().any(|way| way.read) {
            return None;
        }
        let arguments = operation.params.iter().map(|param| {
            let plain = param.value.as_ref().filter(|value| !value.to_string().contains('$'));
            match plain {
                _ if param.region => Some(Some(Value::from(region))),
                Some(value) if param.required => Some(Some(value.clone())),
                None if param.required => None,
                _ => Some(None),
            }
        });
        let arguments = arguments.collect::<Option<_>>()?;
        let operation = OpRef { service, operation: index };
        let region = (!region.is_empty()).then(|| region.into());
        Some(Call { operation, arguments, region, caller: Caller::Main })
    })
}

/// Whether the service answers a plain read of an execution; one that has none is taken to answer.
pub async fn answers(set: &SpecSet, service: usize, givens: &Givens, endpoint: &dyn Endpoint, execution: &str) -> bool {
    let Some(call) = plain_read(set, service, givens) else { return true };
    matches!(clean::send(set, &call, endpoint, execution).await, Reply::Success { .. })
}
