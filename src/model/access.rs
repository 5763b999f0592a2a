//! Calls that do not prove who sends them: they are refused before anything else of them is looked at.

use std::cell::{Cell, RefCell};

use super::{
    choices::Choices,
    evaluate::Scope,
    outcome::{Answer, Aspect, Claim, Outcome, Refused},
    request::Request,
    state::State,
};
use crate::spec::{Operation, SpecSet, operation::Row, service::Means};

/// What such a call may earn; none where the documents say nothing of it, and of all other calls.
///
/// Which check comes first is documented nowhere, and a gateway may make them: every common code that means credentials is
/// as right as those of the row.
pub fn outcomes(set: &SpecSet, state: &State, request: &Request, known: &Choices) -> Option<Vec<Outcome>> {
    if request.caller.is_authentic() {
        return None;
    }
    let (service, operation) = (set.service(request.operation), set.operation(request.operation));
    let scope = Scope {
        service,
        operation,
        state,
        request,
        choices: known,
        obstructed: &[],
        variables: RefCell::default(),
        chose: Cell::new(false),
        defined: None,
        looked: None,
    };
    let is_due = |row: &Row| row.access && row.due.as_ref().is_some_and(|due| scope.holds(due) == Ok(true));
    let (index, row) = operation.rows.iter().enumerate().find(|(_, row)| is_due(row))?;
    let common = service.common.iter().enumerate().filter(|(_, common)| common.means == Means::Credentials);
    let refused = std::iter::once(Refused::Row(index)).chain(common.map(|(index, _)| Refused::Common(index)));
    Some(
        refused
            .map(|refused| Outcome {
                due: refused == Refused::Row(index),
                answer: Answer::Refused(refused),
                changes: Vec::new(),
                later: Vec::new(),
                token: None,
                choices: known.clone(),
                claims: claims(operation, row),
            })
            .collect(),
    )
}

/// That it is refused, and that it changes nothing.
fn claims(operation: &Operation, row: &Row) -> Vec<Claim> {
    let requirement = row.requirement.filter(|_| operation.is_documented());
    let aspects = [Aspect::Answer, Aspect::Unchanged];
    requirement.into_iter().flat_map(|requirement| aspects.map(|aspect| Claim { requirement, aspect })).collect()
}
