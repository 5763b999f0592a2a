//! What a call exercises in a state.
//!
//! More than claiming it: what is seen must prove the requirement, whichever of the permitted outcomes comes.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    model::{Answer, Aspect, Choices, Claim, Outcome, Refused, Request, State, goes_first, outcomes_with},
    sequence::{Command, Script},
    spec::{
        Operation, SpecSet,
        expression::Expr,
        operation::{Basics, Code, Expectation},
    },
    value::is_given,
};

/// A requirement that a call exercises, should open questions be answered so.
#[derive(Debug, Clone, PartialEq)]
pub struct Exercise {
    pub requirement: usize,
    pub assumed: Choices,
    /// Rows that are due then.
    pub due: BTreeSet<usize>,
}

/// What it depends on whether a call exercises a requirement, the worst first.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Doubt {
    /// Open questions that would have to be answered in an unlikely way, and other things that had better not be.
    unlikely: usize,
    /// Open questions, however answered: their answers may not be known by then.
    open: usize,
    /// What is under way may be over before the call comes.
    pub passing: bool,
}

impl Doubt {
    pub fn of(operation: &Operation, requirement: usize, assumed: &Choices, before: &State) -> Self {
        let own = |question: usize| operation.questions[question].requirement == requirement;
        let open: Vec<usize> =
            assumed.iter().filter(|(question, _)| !own(*question)).map(|(_, choice)| choice).collect();
        Self { unlikely: open.iter().filter(|choice| **choice > 0).count(), open: open.len(), ..Self::in_state(before) }
    }

    /// What depends on no open question.
    pub fn in_state(before: &State) -> Self {
        Self { unlikely: 0, open: 0, passing: !before.pending.is_empty() }
    }

    /// It takes no unlikely answer.
    pub fn is_likely(&self) -> bool {
        self.unlikely == 0
    }

    /// The same where it is one of so many answers that may come: the fewer they are, the more it tells. It tells least where
    /// what is due once something is over is one of them.
    pub fn among(&mut self, n_answers: usize) {
        self.open = n_answers;
        self.unlikely += usize::from(self.passing);
    }
}

/// Everything that a call exercises, once for each outcome that does.
pub fn exercises(set: &SpecSet, state: &State, call: &Command) -> Vec<Exercise> {
    let request = call.request(set, &Script::home());
    exercised(set, state, &request, &outcomes_with(set, state, &request, &Choices::default(), |_, due| due))
}

/// The same, where what is due is known, whatever open questions are answered.
pub fn exercised(set: &SpecSet, state: &State, request: &Request, permitted: &[Outcome]) -> Vec<Exercise> {
    let operation = set.operation(request.operation);
    let mut together: BTreeMap<&Choices, BTreeSet<usize>> = BTreeMap::new();
    for outcome in permitted {
        together.entry(&outcome.choices).or_default().extend(row_of(outcome));
    }
    let mut found = Vec::new();
    let told = Told {
        operation,
        permitted: permitted.iter().map(|outcome| (outcome, outcome.choices.unlikely().collect())).collect(),
    };
    for (outcome, assumed) in &told.permitted {
        let due = &together[&outcome.choices];
        for claim in &outcome.claims {
            if is_provable(set, state, request, outcome, claim, due)
                && told.is_informative(outcome, assumed, claim.requirement)
            {
                let (assumed, due) = (outcome.choices.clone(), due.clone());
                found.push(Exercise { requirement: claim.requirement, assumed, due });
            }
        }
    }
    found
}

/// Whether a call may exercise a requirement at all, be it provable or not.
pub fn may_exercise(set: &SpecSet, state: &State, call: &Command, requirement: usize) -> bool {
    let request = call.request(set, &Script::home());
    let permitted = outcomes_with(set, state, &request, &Choices::default(), |_, due| due);
    let mut due = permitted.iter().filter(|outcome| outcome.due);
    due.any(|outcome| outcome.claims.iter().any(|claim| claim.requirement == requirement))
}

/// Questions that a requirement's own rules ask.
pub fn matters(operation: &Operation, requirement: usize) -> Vec<usize> {
    let rows = operation.rows.iter().filter(|row| row.requirement == Some(requirement));
    let rules = rows.flat_map(|row| row.due.iter()).chain(
        operation
            .promises
            .iter()
            .filter(|promise| promise.requirement == requirement)
            .filter_map(|promise| promise.when.as_ref()),
    );
    let own = operation.questions.iter().position(|question| question.requirement == requirement);
    rules.flat_map(Expr::questions).chain(own).collect()
}

/// Requirements of the questions that a requirement's own rules ask.
pub fn depends(operation: &Operation, requirement: usize) -> impl Iterator<Item = usize> + '_ {
    matters(operation, requirement).into_iter().map(|question| operation.questions[question].requirement)
}

/// The row that answers.
pub fn row_of(outcome: &Outcome) -> Option<usize> {
    match outcome.answer {
        Answer::Refused(Refused::Row(row)) => Some(row),
        _ => None,
    }
}

/// Whether seeing the outcome, and reading back what can be read, would exercise the requirement.
fn is_provable(
    set: &SpecSet,
    state: &State,
    request: &Request,
    outcome: &Outcome,
    claim: &Claim,
    due: &BTreeSet<usize>,
) -> bool {
    let operation = set.operation(request.operation);
    let Claim { requirement, aspect } = *claim;
    let named = || request.targets.iter().flatten();
    // What is on its way out may earn anything.
    if named().any(|key| state.is_leaving(key)) {
        return false;
    }
    let precedence =
        operation.questions.iter().any(|question| question.precedence && question.requirement == requirement);
    match aspect {
        // The first row that is due is likely to answer.
        Aspect::Answer if precedence => {
            let mut due = due.iter().copied().filter(|row| operation.rows[*row].documented);
            let first = due.next();
            let tells = |rows| goes_first(set, state, request, &outcome.choices, rows);
            first.is_some_and(|winner| due.any(|loser| tells((winner, loser))))
        }
        // A row shows itself only when no other may answer in its place.
        Aspect::Answer => {
            let own = operation.rows.iter().find(|row| row.requirement == Some(requirement));
            own.is_none_or(|own| due.iter().all(|row| operation.rows[*row].codes == own.codes))
        }
        Aspect::Unchanged | Aspect::Gone => named().any(|key| state.living(key).is_some() && !is_given(key)),
        Aspect::Others => state
            .resources
            .iter()
            .any(|(key, found)| !found.deleted && !is_given(key) && !named().any(|named| named == key)),
    }
}

/// What the outcomes of a call tell of open questions.
struct Told<'a> {
    operation: &'a Operation,
    /// What may come, each with the unlikely answers that it depends on.
    permitted: Vec<(&'a Outcome, Vec<(usize, usize)>)>,
}

impl Told<'_> {
    /// Whether the call tells two answers to a question apart, whichever of its outcomes comes; for other requirements always.
    ///
    /// Other questions are taken to be answered as is likely, or as this outcome assumes.
    fn is_informative(&self, outcome: &Outcome, assumed: &[(usize, usize)], requirement: usize) -> bool {
        let questions = &self.operation.questions;
        let question =
            questions.iter().position(|question| question.requirement == requirement && !question.precedence);
        let Some(question) = question else { return true };
        let Some(own) = outcome.choices.get(question) else { return true };
        let is_assumed = |answer: &(usize, usize)| answer.0 == question || assumed.contains(answer);
        let mut by_choice: Vec<Vec<&Outcome>> = vec![Vec::new(); questions[question].answers.len()];
        for (other, unlikely) in &self.permitted {
            // Its own answer may be one that is not assumed.
            if unlikely.len() <= assumed.len() + 1
                && unlikely.iter().all(is_assumed)
                && let Some(choice) = other.choices.get(question)
            {
                by_choice[choice].push(other);
            }
        }
        let is_told = |theirs: &[&Outcome]| {
            let same = |one: &&Outcome| theirs.iter().any(|other| self.are_alike(one, other));
            !theirs.is_empty() && !by_choice[own].iter().any(same)
        };
        by_choice.iter().enumerate().any(|(choice, theirs)| choice != own && is_told(theirs))
    }

    /// Nobody can tell one from the other. Two rows may be answered with one code.
    fn are_alike(&self, left: &Outcome, right: &Outcome) -> bool {
        let codes = |outcome: &Outcome| row_of(outcome).map(|row| &self.operation.rows[row].codes);
        let shared = || {
            let both = codes(left).zip(codes(right));
            both.is_some_and(|(left, right)| left.iter().any(|code| *code != Code::Any && right.contains(code)))
        };
        (left.answer == right.answer || shared()) && left.changes == right.changes && left.later == right.later
    }
}

/// The requirement promises that something stays as it is, which takes a longer look.
pub fn is_about_staying(operation: &Operation, requirement: usize) -> bool {
    promises(operation, requirement, &[Expectation::Unchanged, Expectation::Kept], |basics| basics.unchanged)
}

/// The requirement promises that something goes, which may come back.
pub fn is_about_going(operation: &Operation, requirement: usize) -> bool {
    promises(operation, requirement, &[Expectation::Gone], |basics| basics.effect)
}

/// The requirement promises something about resources that the call does not name.
pub fn is_about_others(operation: &Operation, requirement: usize) -> bool {
    promises(operation, requirement, &[Expectation::Others], |basics| basics.others)
}

/// The requirement is the basic one of a sort, or a promise of that sort.
fn promises(operation: &Operation, requirement: usize, sort: &[Expectation], basic: fn(&Basics) -> usize) -> bool {
    let mut promises = operation.promises.iter().filter(|promise| promise.requirement == requirement);
    promises.any(|promise| promise.expect.is_some_and(|expect| sort.contains(&expect)))
        || operation.basics.as_ref().is_some_and(|basics| basic(basics) == requirement)
}
