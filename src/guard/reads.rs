//! Calls that show things of a kind: by id, or all of them.

use std::sync::Arc;

use serde_json::Value;

use crate::{
    endpoint::Call,
    model::Caller,
    sequence::command::fill,
    spec::{
        Operation, SpecSet,
        operation::{Paging, ParamType, Use, View},
        service::OpRef,
    },
    value::Key,
};

/// Ids in one lookup, where the read takes several and says no limit of its own: less than a page.
const MOST_IDS: usize = 10;

/// A way to read.
#[derive(Debug, Clone, Copy)]
pub struct Way<'a> {
    pub at: OpRef,
    pub operation: &'a Operation,
    pub view: &'a View,
    way: &'a Use,
}

/// The read of things of a kind by their ids.
pub fn by_id(set: &SpecSet, service: usize, kind: usize) -> Option<Way<'_>> {
    ways(set, service, kind).find(|way| way.way.read)
}

/// The list of all things of a kind.
pub fn all(set: &SpecSet, service: usize, kind: usize) -> Option<Way<'_>> {
    ways(set, service, kind).find(|way| way.way.list.is_some())
}

fn ways(set: &SpecSet, service: usize, kind: usize) -> impl Iterator<Item = Way<'_>> {
    set.services[service].operations.iter().enumerate().flat_map(move |(index, operation)| {
        let at = OpRef { service, operation: index };
        let shows = |view: &&View| view.kind == kind && view.set.is_none();
        let view = operation.views.iter().find(shows).filter(|_| is_read(operation));
        view.into_iter().flat_map(move |view| operation.uses.iter().map(move |way| Way { at, operation, view, way }))
    })
}

/// It changes nothing, as far as its document goes.
pub fn is_read(operation: &Operation) -> bool {
    operation.only_reads() && !operation.views.is_empty()
}

impl Way<'_> {
    /// Ids that go into one call.
    pub fn most_ids(&self) -> usize {
        let binding = self.operation.bindings.iter().find(|binding| binding.kind == self.view.kind);
        let param = binding.map(|binding| &self.operation.params[binding.param]);
        match param {
            Some(param) if param.kind == ParamType::Texts => param.max_count.unwrap_or(MOST_IDS).min(MOST_IDS),
            _ => 1,
        }
    }

    pub fn paging(&self) -> Paging {
        self.way.list.unwrap_or(Paging::None)
    }

    /// The call for these ids; none when it cannot be filled in.
    pub fn call(&self, ids: &[&str], region: &str, piece: Option<i64>) -> Option<Call> {
        let own = self.operation.bindings.iter().find(|binding| binding.kind == self.view.kind);
        let listed = || Value::Array(ids.iter().map(|id| Value::from(*id)).collect());
        let mut arguments = Vec::with_capacity(self.operation.params.len());
        for (index, param) in self.operation.params.iter().enumerate() {
            let template = self.way.arguments.iter().find(|(named, _)| *named == index).map(|(_, value)| value);
            let names_it = own.is_some_and(|binding| binding.param == index);
            let paged = match self.paging() {
                Paging::Page(param) | Paging::Offset(param) => param == index,
                Paging::None => false,
            };
            arguments.push(if names_it && !ids.is_empty() {
                Some(if param.kind == ParamType::Texts { listed() } else { Value::from(*ids.first()?) })
            } else if names_it {
                None
            } else if paged {
                piece.map(Value::from)
            } else if param.region {
                Some(Value::from(region))
            } else if let Some(template) = template.or(param.value.as_ref()) {
                Some(fill(template, &mut |place| (place == "$region").then(|| region.to_owned()))?)
            } else if param.required {
                return None;
            } else {
                None
            });
        }
        Some(Call { operation: self.at, arguments: arguments.into(), region: region_of(region), caller: Caller::Main })
    }
}

/// Region beside the parameters; none where there are none.
pub fn region_of(region: &str) -> Option<Arc<str>> {
    (!region.is_empty()).then(|| Key::from(region))
}
