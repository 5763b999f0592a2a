//! What an answer changes.

use std::sync::{Arc, LazyLock};

use super::{
    evaluate::{Ask, Scope, Target, Variables, members},
    outcome::{Answer, Refused, Step},
    state::{Change, Pending, Resource},
};
use crate::{
    spec::operation::{Action, Effect, Source},
    value::{Atom, Key},
};

/// Changes at once, and those that come later.
pub type Effects = (Vec<Change>, Vec<Pending>);

/// Key of what a call makes without saying how it is called.
static NAMELESS: LazyLock<Key> = LazyLock::new(|| Key::from(""));

impl Step<'_> {
    /// What the call changes at once, and what later.
    pub fn effects<'s>(&'s self, answer: &Answer, scope: &Scope<'s>) -> Result<Effects, Ask> {
        let refused = *answer != Answer::Success;
        let (mut changes, mut later) = (Vec::new(), Vec::new());
        // Whoever is told that something else is under way has not begun.
        if let Answer::Refused(Refused::Row(row)) = answer
            && self.operation.rows[*row].overlap
        {
            return Ok((changes, later));
        }
        let mut effects = self.operation.effects.iter().filter(|effect| effect.on_refusal == refused).peekable();
        // Effects see what effects before them created.
        let mut after = None;
        while let Some(effect) = effects.next() {
            let before = changes.len();
            match &after {
                None => self.effect(scope, effect, &mut changes, &mut later)?,
                Some(state) => {
                    let variables = Variables::of(scope.named_in(state)).into();
                    let scope =
                        Scope { state, variables, defined: None, ..self.scope(scope.choices, scope.obstructed) };
                    self.effect(&scope, effect, &mut changes, &mut later)?;
                }
            }
            let creates = changes.len() > before && matches!(effect.action, Action::Create { .. });
            if creates && effects.peek().is_some() {
                let mut state = self.state.clone();
                changes.iter().for_each(|change| state.apply(change));
                after = Some(state);
            }
        }
        Ok((changes, later))
    }

    fn effect<'s>(
        &'s self,
        scope: &Scope<'s>,
        effect: &Effect,
        changes: &mut Vec<Change>,
        later: &mut Vec<Pending>,
    ) -> Result<(), Ask> {
        let (var, keys) = match effect.action {
            Action::Create { var, .. } => (var, None),
            Action::Update(var) | Action::Delete(var) => (var, self.request.targets.get(var)),
        };
        let keys = keys.map_or_else(|| std::slice::from_ref(self.created(var)), Vec::as_slice);
        for (index, key) in keys.iter().enumerate() {
            scope.standing(var, Target::new(scope.state, key, index), || {
                if effect.when.as_ref().map_or(Ok(true), |when| scope.holds(when))? {
                    self.apply(scope, effect, key, changes, later);
                }
                Ok(())
            })?;
        }
        Ok(())
    }

    fn created(&self, var: usize) -> &Key {
        self.request.created.get(var - self.operation.bindings.len()).unwrap_or(&NAMELESS)
    }

    fn apply(
        &self,
        scope: &Scope<'_>,
        effect: &Effect,
        key: &Key,
        changes: &mut Vec<Change>,
        later: &mut Vec<Pending>,
    ) {
        let value = |source: &Source| match source {
            Source::Literal(atom) => atom.clone(),
            Source::Param(param) => self.request.argument(*param).map(Atom::from_json).unwrap_or_default(),
            Source::Var(var) => scope.target(*var).map_or(Atom::None, |target| Atom::Ref(target.key.clone())),
        };
        let mut list = Vec::new();
        if let Action::Create { kind, .. } = effect.action {
            let region = effect.region.and_then(|param| self.request.argument(param)).map_or_else(
                || self.request.region.clone(),
                |region| {
                    members(&Atom::from_json(region)).first().cloned().unwrap_or_else(|| self.request.region.clone())
                },
            );
            let mut resource = Resource::new(self.service, kind, region);
            for (attribute, source) in &effect.set {
                resource.attributes[*attribute] = value(source);
            }
            list.push(Change::Create(key.clone(), Arc::new(resource)));
        } else {
            let created = changes.iter().any(|change| matches!(change, Change::Create(created, _) if created == key));
            if !created && self.state.living(key).is_none() {
                return;
            }
            if let Action::Delete(_) = effect.action {
                list.push(Change::Delete(key.clone()));
            }
            for (attribute, source) in &effect.set {
                list.push(Change::Set { key: key.clone(), attribute: *attribute, value: value(source) });
            }
        }
        for (attribute, source) in &effect.add {
            list.push(Change::Add { key: key.clone(), attribute: *attribute, members: members(&value(source)) });
        }
        for (attribute, source) in &effect.remove {
            list.push(Change::Remove { key: key.clone(), attribute: *attribute, members: members(&value(source)) });
        }
        if !effect.later {
            changes.extend(list);
            return;
        }
        // What is set later is set only if nothing else has set it meanwhile.
        let current = |attribute: usize| {
            let set = changes.iter().rev().find_map(|change| match change {
                Change::Create(created, resource) if created == key => Some(resource.attributes[attribute].clone()),
                Change::Set { key: set, attribute: found, value } if set == key && *found == attribute => {
                    Some(value.clone())
                }
                _ => None,
            });
            set.or_else(|| self.state.living(key).map(|found| found.attributes[attribute].clone())).unwrap_or_default()
        };
        let unless_changed = effect.set.iter().map(|(attribute, _)| (*attribute, current(*attribute))).collect();
        later.push(Pending { since_ms: 0, origin: 0, key: key.clone(), changes: list, unless_changed });
    }
}
