//! What an answer means in a state, worked out once for all worlds that share it.

use std::{cell::LazyCell, rc::Rc};

use super::{
    belief::{Moment, StateClaim, World},
    explain::{Fit, explains},
    judge::Turn,
};
use crate::{
    history::Reply,
    model::{Answer, Aspect, Caller, Choices, Looked, Outcome, Refused, State, goes_first, outcomes_looking},
    spec::{Operation, SpecSet, expression::Expr, service::Means},
    value::Key,
};

/// One way in which an answer came about.
pub struct Course {
    outcome: Outcome,
    /// Codes of other rows that were due as well.
    losers: Vec<String>,
    /// Resources that the call named, of those that there were.
    named: Rc<[Key]>,
}

/// The courses of one exchange, by state and by what is known of the operation's open questions.
#[derive(Default)]
pub struct Courses {
    known: Vec<Known>,
}

struct Known {
    before: Rc<Moment>,
    choices: Choices,
    /// What of the state they depend on; none where another says it.
    looked: Option<Looked>,
    courses: Rc<[Course]>,
    /// The state after each.
    after: Vec<Rc<Moment>>,
}

impl Courses {
    /// The courses that explain the answer best, in the state of a world, each with the state that it leads to.
    pub fn of(
        &mut self,
        set: &SpecSet,
        turn: &Turn<'_>,
        world: &World,
    ) -> impl ExactSizeIterator<Item = (&Course, &Rc<Moment>)> {
        let choices = fixed(turn.operation, world.known(turn.at));
        let is_it = |known: &Known| Rc::ptr_eq(&known.before, &world.state) && known.choices == choices;
        let place = self.known.iter().position(is_it).unwrap_or_else(|| {
            let known = self.work_out(set, turn, &world.state, choices);
            self.known.push(known);
            self.known.len() - 1
        });
        let Known { courses, after, .. } = &self.known[place];
        courses.iter().zip(after)
    }

    fn work_out(&self, set: &SpecSet, turn: &Turn<'_>, before: &Rc<Moment>, choices: Choices) -> Known {
        let is_alike = |known: &&Known| {
            let alike = |looked: &Looked| looked.is_alike(&turn.request, before, &known.before);
            turn.request.caller.is_authentic() && known.choices == choices && known.looked.as_ref().is_some_and(alike)
        };
        let (courses, looked) = match self.known.iter().find(is_alike) {
            Some(known) => (known.courses.clone(), None),
            None => {
                let looked = Looked::default();
                (best(set, turn, before, &choices, &looked).into(), Some(looked))
            }
        };
        let (command, ended_ms) = (turn.exchange.command, turn.exchange.ended_ms);
        let after = courses.iter().map(|course| after(before, &course.outcome, command, ended_ms)).collect();
        Known { before: before.clone(), choices, looked, courses, after }
    }
}

/// Answers that hold for good; what may vary is open each time anew.
pub fn fixed(operation: &Operation, known: &Choices) -> Choices {
    known.only(|question| !operation.questions[question].varies)
}

fn best(set: &SpecSet, turn: &Turn<'_>, before: &Rc<Moment>, known: &Choices, looked: &Looked) -> Vec<Course> {
    let fit = |answer: &Answer, due: bool| explains(turn.service, turn.operation, answer, due, &turn.exchange.reply);
    // Where a code was answered, those that lost are of interest too.
    let refused = matches!(turn.exchange.reply, Reply::Refused { .. });
    let wanted = |answer: &Answer, due: bool| (due && refused) || fit(answer, due).is_some();
    let permitted = outcomes_looking(set, before, &turn.request, known, wanted, Some(looked));
    let fits: Vec<(&Outcome, Fit)> =
        permitted.iter().filter_map(|outcome| Some((outcome, fit(&outcome.answer, outcome.due)?))).collect();
    let named: Rc<[Key]> =
        turn.request.targets.iter().flatten().filter(|key| before.living(key).is_some()).cloned().collect();
    let is_best = |outcome: &Outcome, its: Fit| {
        let beaten = |other: &Outcome| match its {
            Fit::Loose => !is_elsewhere(turn.operation, outcome, other),
            // A code that is accepted anyhow is no answer to a question.
            Fit::Permitted => other.choices == outcome.choices,
            // Nor is what whoever may not call is told, whatever the call.
            Fit::Common if is_about_caller(turn, &outcome.answer) => other.choices == outcome.choices,
            _ => true,
        };
        !fits.iter().any(|(other, better)| *better > its && beaten(other))
    };
    let explaining = fits.iter().filter(|(outcome, its)| is_best(outcome, *its));
    explaining
        .map(|(outcome, _)| Course {
            losers: losers(set, turn, before, &permitted, outcome),
            named: named.clone(),
            outcome: (*outcome).clone(),
        })
        .collect()
}

/// A common code that says that the caller may not do this, where that is so.
fn is_about_caller(turn: &Turn<'_>, answer: &Answer) -> bool {
    let Answer::Refused(Refused::Common(common)) = answer else { return false };
    turn.request.caller != Caller::Main && turn.service.common[*common].means == Means::Unauthorized
}

/// Another outcome is one of an endpoint that answers questions otherwise which this refusal is not about: what explains
/// a reply better there says nothing of this one. A code that one answer to a question names is not that of another
/// answer to it, for which any code would do; but it may well be what the endpoint answers for quite another reason.
fn is_elsewhere(operation: &Operation, outcome: &Outcome, other: &Outcome) -> bool {
    let Answer::Refused(Refused::Row(row)) = outcome.answer else { return false };
    let about = LazyCell::new(|| operation.rows[row].due.as_ref().map(Expr::questions).unwrap_or_default());
    let differs = |(question, choice): (usize, usize)| other.choices.get(question).is_some_and(|known| known != choice);
    outcome.choices.iter().any(|answer| differs(answer) && !about.contains(&answer.0))
}

/// The state after an outcome of the command at this position.
pub fn after(before: &Rc<Moment>, outcome: &Outcome, command: usize, now_ms: u64) -> Rc<Moment> {
    if outcome.changes.is_empty() && outcome.later.is_empty() && outcome.token.is_none() {
        return before.clone();
    }
    let mut next = State::clone(before);
    outcome.changes.iter().for_each(|change| next.apply(change));
    for pending in &outcome.later {
        // Asking for the same again starts nothing new.
        if !next.pending.iter().any(|known| known.key == pending.key && known.changes == pending.changes) {
            let mut pending = pending.clone();
            pending.since_ms = now_ms;
            pending.origin = command;
            next.pending.push(pending.into());
        }
    }
    next.tokens.extend(outcome.token.clone());
    Moment::new(next)
}

impl Course {
    /// The world after it, in this state. What the outcome claims becomes a mark, or a claim that reads must show.
    pub fn lead(&self, world: &World, state: &Rc<Moment>, turn: &Turn<'_>, lag_ms: u64) -> World {
        let mut after = world.becoming(state.clone(), turn.exchange.ended_ms, lag_ms);
        after.learn(turn.at, &self.outcome.choices);
        if self.outcome.claims.is_empty() && self.losers.is_empty() {
            return after;
        }
        let command = turn.exchange.command;
        let evidence = Rc::make_mut(&mut after.evidence);
        evidence.beaten.extend(self.losers.iter().map(|code| (command, code.clone())));
        for claim in &self.outcome.claims {
            let requirement = claim.requirement;
            match claim.aspect {
                Aspect::Answer => {
                    evidence.marks.insert((command, requirement));
                }
                Aspect::Unchanged | Aspect::Gone if self.named.is_empty() => {}
                aspect => evidence.claims.push(StateClaim { command, requirement, aspect, named: self.named.clone() }),
            }
        }
        after
    }
}

/// Codes of other rows that were due in the same world.
fn losers(set: &SpecSet, turn: &Turn<'_>, before: &State, permitted: &[Outcome], winner: &Outcome) -> Vec<String> {
    let operation = turn.operation;
    let key = |outcome: &Outcome| match outcome.answer {
        Answer::Refused(Refused::Row(row)) => Some(row),
        _ => None,
    };
    let Some(won) = key(winner).filter(|row| winner.due && operation.rows[*row].documented) else { return Vec::new() };
    let mut losers: Vec<String> = permitted
        .iter()
        .filter(|outcome| outcome.due && outcome.choices == winner.choices)
        .filter_map(key)
        .filter(|row| goes_first(set, before, &turn.request, &winner.choices, (won, *row)))
        .map(|row| &operation.rows[row])
        .filter(|row| row.documented && row.key != operation.rows[won].key && row.requirement.is_some())
        .filter(|row| {
            permitted
                .iter()
                .any(|outcome| outcome.claims.iter().any(|claim| Some(claim.requirement) == row.requirement))
        })
        .map(|row| row.key.clone())
        .collect();
    losers.sort();
    losers.dedup();
    losers
}

#[cfg(test)]
mod tests {
    use super::{Moment, after};
    use crate::model::{
        Caller, Change, Choices, Resource, outcomes,
        shop::{DELETE, call, param, shop},
    };

    #[test]
    fn asking_for_the_same_again_starts_nothing_new() {
        let set =
            shop(&(param("Image", "text", "names = \"image\"") + "[[effect]]\ndelete = \"image\"\nlater = true\n"));
        let (mut state, request) = call(&set, &[Some("img-aaaa".into())], Caller::Main);
        for key in ["img-aaaa", "img-bbbb"] {
            let image = Resource::new(set.service(DELETE), 0, "here".into());
            state.apply(&Change::Create(key.into(), image.into()));
        }
        let outcome = |key: &str| {
            let request = request.naming(0, vec![key.into()]);
            outcomes(&set, &state, &request, &Choices::default()).swap_remove(0)
        };
        let once = after(&Moment::new(state.clone()), &outcome("img-aaaa"), 3, 100);
        let again = after(&once, &outcome("img-aaaa"), 4, 200);
        let other = after(&again, &outcome("img-bbbb"), 5, 300);
        let under_way: Vec<_> =
            other.pending.iter().map(|pending| (&*pending.key, pending.origin, pending.since_ms)).collect();
        assert_eq!(under_way, [("img-aaaa", 3, 100), ("img-bbbb", 5, 300)]);
    }
}
