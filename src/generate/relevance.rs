//! Which operations have to do with a requirement.

use std::collections::BTreeSet;

use crate::spec::{Operation, Service, SpecSet, expression::Expr, operation::Action, service::OpRef};

/// What a condition looks at: an attribute of a kind, or whether any resource of the kind exists.
type Seen = (usize, Option<usize>);

/// Operations whose effects a requirement depends on, directly or through what they need themselves.
pub fn related(set: &SpecSet, at: OpRef, requirement: usize) -> BTreeSet<usize> {
    let service = set.service(at);
    let operation = set.operation(at);
    let mut seen: BTreeSet<Seen> = BTreeSet::new();
    for expr in rules(operation, requirement) {
        look(service, operation, expr, &mut seen);
    }
    seen.extend(operation.bindings.iter().map(|binding| (binding.kind, None)));
    let mut related = BTreeSet::new();
    loop {
        let before = related.len();
        for (index, candidate) in service.operations.iter().enumerate() {
            if related.contains(&index) || candidate.is_documented() || !touches(candidate, &seen) {
                continue;
            }
            related.insert(index);
            // What it names must exist.
            seen.extend(candidate.bindings.iter().map(|binding| (binding.kind, None)));
        }
        if related.len() == before {
            return related;
        }
    }
}

fn rules(operation: &Operation, requirement: usize) -> Vec<&Expr> {
    let question = operation.questions.iter().position(|question| question.requirement == requirement);
    let asks = |expr: &&Expr| question.is_some_and(|question| expr.questions().contains(&question));
    let own_rows =
        operation.rows.iter().filter(|row| row.requirement == Some(requirement)).filter_map(|row| row.due.as_ref());
    let promises = operation.promises.iter().filter(|promise| promise.requirement == requirement);
    own_rows
        .chain(promises.filter_map(|promise| promise.when.as_ref()))
        .chain(operation.rows.iter().filter_map(|row| row.due.as_ref()).filter(asks))
        .chain(operation.overrides.iter().map(|rule| &rule.when).filter(asks))
        .chain(operation.effects.iter().filter_map(|effect| effect.when.as_ref()).filter(asks))
        .collect()
}

fn look(service: &Service, operation: &Operation, expr: &Expr, seen: &mut BTreeSet<Seen>) {
    expr.walk(&mut |expr| match expr {
        Expr::Attribute { var, attribute } => {
            // Other variables go over what a binding names.
            if let Some(binding) = operation.bindings.get(*var).or(operation.bindings.first()) {
                seen.insert((binding.kind, Some(*attribute)));
            }
        }
        Expr::Any { kind, .. } => {
            seen.insert((*kind, None));
        }
        Expr::Derived { kind, derived, .. } => {
            if let Some(rule) = service.kinds.get(*kind).and_then(|kind| kind.derived.get(*derived)) {
                derive(&rule.expr, *kind, seen);
            }
        }
        _ => {}
    });
}

/// A derived attribute looks at its own resource (variable 0) and at kinds.
fn derive(expr: &Expr, own: usize, seen: &mut BTreeSet<Seen>) {
    expr.walk(&mut |expr| match expr {
        Expr::Attribute { var: 0, attribute } => {
            seen.insert((own, Some(*attribute)));
        }
        Expr::Any { kind, .. } => {
            seen.insert((*kind, None));
        }
        _ => {}
    });
}

fn touches(operation: &Operation, seen: &BTreeSet<Seen>) -> bool {
    operation.effects.iter().any(|effect| {
        let var_kind = |var: usize| operation.bindings.get(var).map(|binding| binding.kind);
        match effect.action {
            Action::Create { kind, .. } => seen.contains(&(kind, None)),
            Action::Delete(var) => var_kind(var).is_some_and(|kind| seen.contains(&(kind, None))),
            Action::Update(var) => {
                let mut changed =
                    effect.set.iter().chain(&effect.add).chain(&effect.remove).map(|(attribute, _)| *attribute);
                var_kind(var).is_some_and(|kind| changed.any(|attribute| seen.contains(&(kind, Some(attribute)))))
            }
        }
    })
}
