//! Removes what a script left: what uses others first.

use std::{cell::LazyCell, collections::BTreeSet};

use serde_json::Value;

use super::{binding::Binding, left::Left};
use crate::{
    endpoint::{Call, Endpoint, Noted, named},
    history::{Exchange, History, Reply},
    model::Caller,
    sequence::{Script, command::templated},
    spec::{SpecSet, operation::Action, service::OpRef},
    value::Key,
};

/// Calls the `remove` templates for every bound resource that was not seen to go, the latest first. Answers are not judged.
pub async fn clean(
    set: &SpecSet,
    script: &Script,
    history: &History,
    endpoint: &dyn Endpoint,
    binding: &Binding<'_>,
    gone: &BTreeSet<Key>,
) {
    let (service, around) = (binding.service, binding.around);
    let described = &set.services[service];
    let done = LazyCell::new(|| Left::of(set, script, history));
    let mut left = Vec::new();
    for (key, kind, region) in made(set, script, binding).into_iter().rev() {
        let Some(id) = binding.filled.get(&key).filter(|_| !gone.contains(&key)) else { continue };
        left.push(id.clone());
        for template in &described.kinds[kind].remove {
            let Some(operation) = described.action(&template.operation, None) else { continue };
            let at = OpRef { service, operation };
            let was_called = || script.commands.iter().any(|command| command.operation == at);
            if template.undo && !(was_called() && done.may_undo(set, at, template, &key)) {
                continue;
            }
            let mut fill_in = |place: &str| match place {
                "$self" => Some(id.clone()),
                "$region" => Some(region.clone()),
                place => {
                    let name = place.strip_prefix("$given.")?;
                    around.givens.get(service, name).map(str::to_owned)
                }
            };
            let Some(arguments) = templated(set.operation(at), template, &region, &mut fill_in) else { continue };
            let call = Call { operation: at, arguments, region: Some(region.as_str().into()), caller: Caller::Main };
            if let Reply::Trouble(_) = send(set, &call, endpoint, &binding.execution).await {
                // One more try; what is left then is left.
                let _ = send(set, &call, endpoint, &binding.execution).await;
            }
        }
    }
    // What was refused because something else was still in the way, and whether all of it went.
    if !left.is_empty() {
        endpoint.tidy(service, left).await;
    }
}

/// Sends a call that belongs to an execution, and is not judged.
pub async fn send(set: &SpecSet, call: &Call, endpoint: &dyn Endpoint, execution: &str) -> Reply {
    let started_ms = endpoint.now_ms();
    let reply = endpoint.send(call).await;
    let arguments = named(set.operation(call.operation), &call.arguments);
    let ended_ms = endpoint.now_ms();
    let exchange = Exchange { command: 0, arguments, started_ms, ended_ms, stamps: Default::default(), reply };
    endpoint.note(&Noted { execution, operation: call.operation, cleaning: true, exchange: &exchange });
    exchange.reply
}

/// Handles that were bound, in order of creation, with kind and region.
fn made(set: &SpecSet, script: &Script, binding: &Binding<'_>) -> Vec<(Key, usize, String)> {
    let mut list = Vec::new();
    for command in &script.commands {
        let operation = set.operation(command.operation);
        let creates = operation.effects.iter().filter_map(|effect| match effect.action {
            Action::Create { kind, .. } => Some((kind, effect.region)),
            _ => None,
        });
        for (key, (kind, region)) in command.creates.iter().zip(creates) {
            let param = region.or(operation.region);
            let place = param.and_then(|param| command.arguments.get(param)?.as_ref());
            let place = place.map(|value| match value {
                Value::Array(list) => list.first().map(crate::value::plain).unwrap_or_default(),
                value => crate::value::plain(value),
            });
            let filled = place.and_then(|place| binding.filled.get(place.as_str()).cloned());
            let home = || binding.home.as_deref().unwrap_or_default().to_owned();
            if binding.filled.contains_key(key) {
                list.push((key.clone(), kind, filled.unwrap_or_else(home)));
            }
        }
    }
    list
}
