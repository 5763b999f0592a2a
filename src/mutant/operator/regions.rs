//! Calls that mind the wrong region, or none.

use std::sync::Arc;

use super::{Draft, Subject, tokens::each_condition};
use crate::{
    mock::{fault::Situation, service::choose},
    model::{Outcome, Request, State},
    mutant::fault::Outcomes,
    spec::{
        Service,
        expression::{Expr, Fact},
        resource::Scope,
    },
    value::Atom,
};

/// The operation finds resources of other regions.
pub fn leak(subject: &Subject<'_>) -> Vec<Draft> {
    let regional = subject.operation.bindings.iter().map(|binding| binding.kind);
    let regional: Vec<usize> = regional.filter(|kind| subject.service.kinds[*kind].scope == Scope::Region).collect();
    let Some(breaks) = elsewhere(subject).filter(|_| has_regions(subject) && !regional.is_empty()) else {
        return Vec::new();
    };
    let text = "finds what is in another region than the call's";
    let rewrite = move |service: &mut Service, _: usize| {
        for kind in &regional {
            service.kinds[*kind].scope = Scope::Account;
        }
    };
    vec![Draft {
        local: "other".into(),
        breaks,
        text: text.into(),
        bug: super::Bug::Rewrite(Arc::new(rewrite), Arc::new(|_, _| true)),
    }]
}

/// Every call is for the home region.
pub fn ignore(subject: &Subject<'_>) -> Vec<Draft> {
    let home = subject.service.given("region").map(|given| Arc::<str>::from(given.default.as_str()));
    let Some(home) = home.filter(|_| has_regions(subject)) else { return Vec::new() };
    let at = subject.at;
    let text = "works in the home region, whichever the call names";
    let breaks = elsewhere(subject).unwrap_or(subject.basics.effect);
    vec![Draft::behaviour("home", breaks, text, move || {
        let home = home.clone();
        Outcomes(at, move |situation: &Situation<'_>, state: &State, _: &Outcome| {
            let mut here: Request = situation.request.clone();
            here.region = home.clone();
            choose(situation.set, state, &here, situation.choices, situation.reversed)
        })
    })]
}

/// Regions that do not exist are accepted.
pub fn accept(subject: &Subject<'_>) -> Vec<Draft> {
    let Some(breaks) = subject.rule_about(|expr| *expr == Expr::RegionKnown) else { return Vec::new() };
    let text = "takes every region for one that exists";
    vec![Draft::rewrite("unknown", breaks, text, |operation| {
        each_condition(operation, &|expr| (*expr == Expr::RegionKnown).then_some(Expr::Constant(Atom::Bool(true))));
    })]
}

/// What a call earns that looks in the wrong region.
fn elsewhere(subject: &Subject<'_>) -> Option<usize> {
    subject.rule_about(|expr| matches!(expr, Expr::Fact { fact: Fact::Elsewhere | Fact::Missing, .. }))
}

fn has_regions(subject: &Subject<'_>) -> bool {
    subject.operation.region.is_some() && subject.service.given("second_region").is_some()
}
