//! Which codes of the vendor's common list fit a call.

use super::{Caller, outcome::Step};
use crate::{spec::service::Means, value::Atom};

impl Step<'_> {
    /// Common codes whose meaning fits what is wrong with the call.
    pub(super) fn fitting(&self) -> Vec<usize> {
        let request = self.request;
        let mut means = Vec::new();
        for (index, param) in self.operation.params.iter().enumerate() {
            match request.argument(index) {
                None if param.required => means.push(Means::Missing),
                None => {}
                Some(value) => {
                    // Empty values, long lists and values of other types are what open questions are about: there, their
                    // answers say what is accepted, and a common code must not blur which one it was. The same goes for
                    // a region that nobody has.
                    let text = value.as_str();
                    let long =
                        param.max_length.is_some_and(|limit| text.is_some_and(|text| text.chars().count() > limit));
                    let foreign = param.ascii && text.is_some_and(|text| !text.is_ascii());
                    if long || foreign {
                        means.push(Means::Invalid);
                    }
                }
            }
        }
        for (var, binding) in self.operation.bindings.iter().enumerate() {
            let kind = &self.service.kinds[binding.kind];
            let place = kind.attributes.iter().position(|attribute| attribute.name == "owner");
            for (index, key) in request.targets[var].iter().enumerate() {
                if self.state.resource(key).is_none() && !request.shape(self.service, self.operation, var, index).exact
                {
                    means.push(Means::Invalid);
                }
                // What an open question is about is told by its answers here as well.
                if let Some(place) = place
                    && let Some(owner) = self.state.living(key).and_then(|found| found.attributes.get(place))
                    && !matches!(owner, Atom::Text(owner) if &**owner == "self")
                    && !self.operation.leaves_open(var, place, owner)
                {
                    means.push(Means::Unauthorized);
                }
            }
        }
        let region_given = self.operation.region.is_some_and(|param| request.argument(param).is_some());
        if region_given && !self.state.regions.contains(&request.region) && !self.operation.leaves_region_open() {
            means.extend([Means::UnknownRegion, Means::Invalid]);
        }
        if request.caller != Caller::Main {
            means.push(Means::Unauthorized);
        }
        if means.is_empty() {
            return Vec::new();
        }
        let list = self.service.common.iter().enumerate();
        list.filter(|(_, common)| means.contains(&common.means)).map(|(index, _)| index).collect()
    }
}
