//! What a spec lacks where no way leads to a requirement: the search knows only that it found none.

use crate::spec::{Operation, SpecSet, operation::Action, service::OpRef};

/// Why nothing of what an operation's calls name can be reached or seen, if that is so.
pub fn gap(set: &SpecSet, at: OpRef) -> Option<String> {
    let service = set.service(at);
    let kinds = || set.operation(at).bindings.iter().map(|binding| binding.kind);
    let any = |is: &dyn Fn(&Operation) -> bool| service.operations.iter().any(is);
    let is_made = |kind: usize| {
        let creates = |operation: &Operation| {
            operation
                .effects
                .iter()
                .any(|effect| matches!(effect.action, Action::Create { kind: made, .. } if made == kind))
        };
        any(&creates) || service.givens.iter().any(|given| given.resource.as_ref().is_some_and(|(of, _)| *of == kind))
    };
    let is_shown = |kind: usize| {
        any(&|operation| {
            operation.views.iter().any(|view| view.kind == kind && view.set.is_none())
                && operation.uses.iter().any(|way| way.read)
        })
    };
    let name = |kind: usize| &service.kinds[kind].name;
    if let Some(kind) = kinds().find(|kind| !is_made(*kind)) {
        return Some(format!("no operation of {} creates `{}`", service.name, name(kind)));
    }
    let unseen = kinds().find(|kind| !is_shown(*kind))?;
    Some(format!(
        "no read of {} shows `{}`, which takes a `[[view]]` of it, and a `[[use]]` with `read = true`",
        service.name,
        name(unseen)
    ))
}

#[cfg(test)]
mod tests {
    use super::gap;
    use crate::spec::{Operation, SpecSet, embedded};

    #[test]
    fn what_a_spec_lacks_is_named() {
        let check = |strip: fn(&mut SpecSet), expected: Option<&str>| {
            let mut set = embedded().expect("the embedded specs are sound");
            strip(&mut set);
            let at = set.find("swas/DeleteCustomImages").expect("it is specified");
            assert_eq!(gap(&set, at).as_deref(), expected);
        };
        check(|_| {}, None);
        check(
            |set| operations(set).for_each(|operation| operation.effects.clear()),
            Some("no operation of swas creates `image`"),
        );
        let unread =
            "no read of swas shows `image`, which takes a `[[view]]` of it, and a `[[use]]` with `read = true`";
        check(|set| operations(set).for_each(|operation| operation.views.clear()), Some(unread));
        check(|set| operations(set).for_each(|operation| operation.uses.clear()), Some(unread));
    }

    fn operations(set: &mut SpecSet) -> impl Iterator<Item = &mut Operation> {
        set.services.iter_mut().flat_map(|service| &mut service.operations)
    }
}
