//! Too little done, too much done, done when it should not be.

use super::{Draft, Subject, conditions};
use crate::{
    mock::{fault::Situation, service::choose},
    model::{Answer, Change, Outcome, Refused, Request, Resource, State},
    mutant::{
        condition::Edit,
        fault::{Outcomes, done_nothing, named, neighbours, removes, with_changes},
    },
    spec::{
        expression::{Expr, Fact, Function},
        operation::{Action, Expectation, ParamType, Showable},
        resource::AttributeType,
    },
    value::{Atom, Key},
};

/// Success is announced, and nothing happens.
pub fn none(subject: &Subject<'_>) -> Vec<Draft> {
    if !subject.operation.effects.iter().any(|effect| !effect.on_refusal) {
        return Vec::new();
    }
    let breaks = subject.promise(Expectation::Gone, subject.basics.effect);
    vec![Draft::rewrite("all", breaks, "answers success and does nothing", |operation| {
        operation.effects.retain(|effect| effect.on_refusal);
    })]
}

/// What is refused is deleted all the same, one mutant for each documented reason.
pub fn on_refusal(subject: &Subject<'_>) -> Vec<Draft> {
    if !deletes(subject) {
        return Vec::new();
    }
    let at = subject.at;
    let rows = subject.due().filter(|(_, row, due)| row.requirement.is_some() && names_something(subject, due));
    rows.map(|(index, row, _)| {
        let name = subject.row_name(row);
        let text = format!("refuses with {name}, and deletes what the call names");
        // Of who cannot prove who calls, it is said in one sentence that he earns a refusal and changes nothing.
        let breaks = row.requirement.filter(|_| row.access).unwrap_or(subject.basics.unchanged);
        Draft::behaviour(name, breaks, text, move || {
            Outcomes(at, move |situation: &Situation<'_>, state: &State, healthy: &Outcome| {
                let refused = healthy.answer == Answer::Refused(Refused::Row(index));
                refused.then(|| with_changes(healthy, named(situation, state).into_iter().map(Change::Delete)))
            })
        })
    })
    .collect()
}

/// A call that is refused for this reason may name something that is there.
fn names_something(subject: &Subject<'_>, due: &Expr) -> bool {
    let operation = subject.operation;
    let is_list = operation.bindings.iter().any(|binding| operation.params[binding.param].kind == ParamType::Texts);
    let named = |param: &usize| operation.params[*param].binding.is_some();
    let is_empty = |expr: &Expr| match expr {
        Expr::Call(Function::Missing, param) => named(param),
        Expr::Fact { fact: Fact::Missing, .. } => !is_list,
        _ => false,
    };
    !subject.settled(due).mentions(is_empty)
}

/// What is refused is changed in some other way, one mutant for each attribute that reads show.
pub fn change_on_refusal(subject: &Subject<'_>) -> Vec<Draft> {
    let at = subject.at;
    let shown = shown(subject);
    let drafts = shown.into_iter().map(|(attribute, name, kind)| {
        let text = format!("changes {name} of what the call names whenever it refuses");
        Draft::behaviour(name, subject.basics.unchanged, text, move || {
            let kind = kind.clone();
            Outcomes(at, move |situation: &Situation<'_>, state: &State, healthy: &Outcome| {
                let keys = named(situation, state);
                let changes = keys.iter().filter_map(|key| change(state.living(key)?, key, attribute, &kind));
                (healthy.answer != Answer::Success).then(|| with_changes(healthy, changes))
            })
        })
    });
    drafts.collect()
}

/// A dry run does what it should only check, whatever it answers.
pub fn on_dry_run(subject: &Subject<'_>) -> Vec<Draft> {
    let at = subject.at;
    let mut drafts = Vec::new();
    for (dry, param) in subject.operation.params.iter().enumerate().filter(|(_, param)| param.dry) {
        let text = format!("does with {} what it does without", param.name);
        let breaks = subject.dry_promise(dry).unwrap_or(subject.basics.unchanged);
        drafts.push(Draft::behaviour(param.name.clone(), breaks, text, move || {
            Outcomes(at, move |situation: &Situation<'_>, state: &State, healthy: &Outcome| {
                let mut wet: Request = situation.request.clone();
                wet.arguments[dry].take()?;
                let real = choose(situation.set, state, &wet, situation.choices, situation.reversed)?;
                Some(Outcome { changes: real.changes, later: real.later, ..healthy.clone() })
            })
        }));
    }
    drafts
}

/// Something else goes too: with a success, and with a refusal.
pub fn neighbour(subject: &Subject<'_>) -> Vec<Draft> {
    if !deletes(subject) {
        return Vec::new();
    }
    let at = subject.at;
    let drafts = [("success", true), ("refusal", false)].map(|(name, on_success)| {
        let text = format!("deletes with each {name} what the call does not name");
        Draft::behaviour(name, subject.basics.others, text, move || {
            Outcomes(at, move |situation: &Situation<'_>, state: &State, healthy: &Outcome| {
                let fits = (healthy.answer == Answer::Success) == on_success;
                fits.then(|| with_changes(healthy, neighbours(situation, state).into_iter().map(Change::Delete)))
            })
        })
    });
    drafts.into()
}

/// Something else goes in place of what is named.
pub fn other(subject: &Subject<'_>) -> Vec<Draft> {
    if !deletes(subject) {
        return Vec::new();
    }
    let at = subject.at;
    let breaks = subject.promise(Expectation::Gone, subject.basics.effect);
    let text = "deletes what the call does not name, and not what it names, where there is something else";
    vec![Draft::behaviour("success", breaks, text, move || {
        Outcomes(at, move |situation: &Situation<'_>, state: &State, healthy: &Outcome| {
            let removed = removes(&healthy.changes) || healthy.later.iter().any(|pending| removes(&pending.changes));
            let others = neighbours(situation, state);
            (removed && !others.is_empty())
                .then(|| with_changes(&done_nothing(healthy), others.into_iter().map(Change::Delete)))
        })
    })]
}

/// Something else is changed with each success.
pub fn change_neighbour(subject: &Subject<'_>) -> Vec<Draft> {
    let at = subject.at;
    let drafts = shown(subject).into_iter().map(|(attribute, name, kind)| {
        let text = format!("changes {name} of what the call does not name with each success");
        Draft::behaviour(name, subject.basics.others, text, move || {
            let kind = kind.clone();
            Outcomes(at, move |situation: &Situation<'_>, state: &State, healthy: &Outcome| {
                let keys = neighbours(situation, state);
                let changes = keys.iter().filter_map(|key| change(state.living(key)?, key, attribute, &kind));
                (healthy.answer == Answer::Success).then(|| with_changes(healthy, changes))
            })
        })
    });
    drafts.collect()
}

/// The condition of an effect is wider or narrower.
pub fn edited(subject: &Subject<'_>) -> Vec<Draft> {
    let mut drafts = Vec::new();
    for (index, effect) in subject.operation.effects.iter().enumerate() {
        let Some(when) = &effect.when else { continue };
        for (edit, verb, does_more) in [
            (&conditions::both as &dyn Fn(&Expr) -> Vec<(Expr, Expr)>, "does not ask whether", true),
            (&conditions::either, "overlooks", false),
        ] {
            for Edit { expr, from, negated } in conditions::distinct(subject, when, edit) {
                let dry = || from.params().into_iter().find_map(|param| subject.dry_promise(param));
                let breaks = match effect.on_refusal {
                    true => subject.basics.unchanged,
                    false => dry().filter(|_| does_more != negated).unwrap_or(subject.basics.effect),
                };
                let text = format!("doing what it does, {verb} {}", subject.words(&subject.settled(&from)));
                let local = if effect.on_refusal { "refusal" } else { "success" };
                drafts.push(Draft::rewrite(local, breaks, text, move |operation| {
                    operation.effects[index].when = Some(expr.clone());
                }));
            }
        }
    }
    drafts
}

/// The operation deletes something that it names.
pub fn deletes(subject: &Subject<'_>) -> bool {
    subject.operation.effects.iter().any(|effect| matches!(effect.action, Action::Delete(_)))
}

/// Attributes of the named kind that reads show: index, name, type.
pub fn shown(subject: &Subject<'_>) -> Vec<(usize, String, AttributeType)> {
    let Some(binding) = subject.operation.bindings.first() else { return Vec::new() };
    let views = subject.service.operations.iter().flat_map(|operation| &operation.views);
    let mut indices: Vec<usize> = Vec::new();
    for view in views.filter(|view| view.kind == binding.kind) {
        indices.extend(view.set);
        indices.extend(view.fields.iter().filter_map(|shown| match shown.attribute {
            Showable::Attribute(attribute) => Some(attribute),
            Showable::Derived(_) => None,
        }));
    }
    indices.sort_unstable();
    indices.dedup();
    let attributes = &subject.service.kinds[binding.kind].attributes;
    indices.into_iter().map(|index| (index, attributes[index].name.clone(), attributes[index].kind.clone())).collect()
}

/// Another value of an attribute, where there is one.
pub fn change(found: &Resource, key: &Key, attribute: usize, kind: &AttributeType) -> Option<Change> {
    let current = found.attributes.get(attribute)?;
    let value = match (kind, current) {
        (AttributeType::Word(words), current) => {
            Atom::Text(words.iter().find(|word| Atom::Text((*word).clone()) != *current)?.clone())
        }
        (AttributeType::Boolean, current) => Atom::Bool(!current.truth()),
        // Something of a set is lost.
        (AttributeType::Set, Atom::Set(members)) => Atom::Set(members.get(1..)?.to_vec()),
        (AttributeType::Text, Atom::Text(text)) => Atom::text(&format!("{text}-changed")),
        _ => return None,
    };
    Some(Change::Set { key: key.clone(), attribute, value })
}
