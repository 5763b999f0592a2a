//! What a call can show.
//!
//! Requirements come first. But one way to exercise a requirement leaves much of it untried: a row may be due for several
//! reasons, a refusal does no harm where there is nothing to be harmed, and a question that was asked once can still be
//! answered otherwise. Those are goals of their own, for when all requirements have been exercised.

use std::{
    cell::LazyCell,
    collections::{BTreeMap, BTreeSet},
};

use serde_json::Value;

use super::{
    exercise::{Doubt, Exercise, exercised, is_about_going, is_about_others, is_about_staying, row_of},
    readback::bystanding,
};
use crate::{
    model::{Answer, Caller, Choices, Deciding, Outcome, Refused, Request, Resource, State, deciding, outcomes_with},
    sequence::{Command, Script},
    spec::{Kind, Operation, SpecSet, operation::Basics},
    value::{Key, is_given},
};

/// Something that a call shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Goal {
    /// It exercises a requirement.
    Requirement(usize),
    /// This row answers, whatever for.
    Row(usize),
    /// An open question is asked once more, of something of this sort: the answer should be the same.
    Again { requirement: usize, of: Sort },
    /// This part of a row's condition decides, alone.
    Decides { row: usize, place: usize },
    /// A row is due, and there is something that a wrong endpoint would change all the same.
    Harmless(usize),
    /// The same for a question, where its likely answer is a refusal and nothing else is in the way.
    HarmlessOpen(usize),
    /// A call is refused that names something with an attribute that is not as it was made.
    Kept(usize),
    /// A row is due for a batch of which another part is all right; that comes first, or last.
    Mixed { row: usize, last: bool },
    /// Two rows are due at once, and nothing else: which answers, and does it answer so again?
    Both { one: usize, other: usize },
    /// A row is due although a switch is on.
    Despite { row: usize, param: usize },
    /// A switch that is not given would make a difference if it were on.
    Default(usize),
    /// A text is as long as it may be, and would be refused if it were longer.
    Limit(usize),
    /// A call is answered beside a resource of the same kind, which is not to change: one that exists, or one with an
    /// attribute that is not as it was made.
    Beside { refused: bool, changed: Option<usize> },
    /// A call is done to something with an attribute that is not as it was made: a copy, an import.
    Done(usize),
    /// A batch of more than two is done whole.
    Many,
    /// A token that was used comes again, beside something else.
    Repeated,
    /// A row is no longer due, for what was in the way has been taken back, or is over.
    Freed(usize),
}

/// What a call names first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sort {
    Nothing,
    /// There is, or was, such a thing.
    Known,
    /// There may be.
    Unknown,
    /// No id looks like that.
    Strange,
}

impl Sort {
    fn of(set: &SpecSet, before: &State, request: &Request) -> Self {
        let Some(key) = request.targets.first().and_then(|keys| keys.first()) else { return Self::Nothing };
        let (service, operation) = (set.service(request.operation), set.operation(request.operation));
        match before.resource(key) {
            Some(_) => Self::Known,
            None if request.shape(service, operation, 0, 0).proper => Self::Unknown,
            None => Self::Strange,
        }
    }
}

impl Goal {
    /// The requirement that it exercises.
    pub fn requirement(&self) -> Option<usize> {
        match self {
            Self::Requirement(requirement) => Some(*requirement),
            _ => None,
        }
    }

    /// The row that it is about.
    pub fn row(&self) -> Option<usize> {
        match self {
            Self::Decides { row, .. } | Self::Mixed { row, .. } | Self::Despite { row, .. } | Self::Harmless(row) => {
                Some(*row)
            }
            _ => None,
        }
    }

    /// An endpoint that misses it may break this requirement, which the same call exercises: whether something stays, or goes,
    /// what becomes of the rest, and what is answered, each shows itself in other ways.
    pub fn is_about(&self, operation: &Operation, requirement: usize) -> bool {
        if let Some(own) = self.requirement() {
            return own == requirement;
        }
        let stays = matches!(self, Self::Harmless(_) | Self::HarmlessOpen(_) | Self::Kept(_));
        let others = matches!(self, Self::Beside { .. } | Self::Repeated);
        let basic = operation.basics.is_some_and(|basics| basics.unchanged == requirement);
        match operation.requirements[requirement].kind {
            // What is said of who may call is said of both.
            Kind::Access | Kind::Open => true,
            _ if basic => stays || matches!(self, Self::Mixed { .. }),
            // Other promises of this sort have conditions of their own.
            _ if is_about_staying(operation, requirement) => !others,
            _ if is_about_others(operation, requirement) => others,
            _ if is_about_going(operation, requirement) => {
                matches!(self, Self::Done(_) | Self::Many | Self::Freed(_) | Self::Beside { refused: false, .. })
            }
            _ => !stays && !others,
        }
    }

    /// It is shown only by reads before the call as well: of what the call leaves alone, and in a state that is passing of
    /// what may not be there yet.
    pub fn needs_looks(&self, passing: bool) -> bool {
        match self {
            Self::Beside { .. } | Self::Repeated => true,
            Self::Harmless(_) | Self::HarmlessOpen(_) => passing,
            _ => false,
        }
    }

    /// It takes the same call twice: which of two codes comes is only known to be settled when it comes again.
    pub fn is_twofold(&self, operation: &Operation) -> bool {
        matches!(self, Self::Both { one, other } if [one, other].iter().all(|row| operation.rows[**row].documented))
    }

    /// It takes nothing but the call and the reads that it needs anyway.
    pub fn is_passed_by(&self) -> bool {
        matches!(
            self,
            Self::Row(_)
                | Self::Decides { .. }
                | Self::Despite { .. }
                | Self::Mixed { .. }
                | Self::Harmless(_)
                | Self::HarmlessOpen(_)
                | Self::Kept(_)
        )
    }

    /// In how many ways an endpoint can miss it, roughly: what can fail most is tried first.
    pub fn weight(&self, operation: &Operation) -> usize {
        let requirement = match self {
            Self::Requirement(requirement) => requirement,
            // A removal can go wrong in many ways beside another resource.
            Self::Beside { refused: false, .. } | Self::Many | Self::Repeated | Self::Freed(_) => return 4,
            Self::Harmless(_) | Self::HarmlessOpen(_) => return 2,
            Self::Again { .. } => return 8,
            // Its code, its status, its envelope.
            Self::Row(row) => return if operation.rows[*row].documented { 6 } else { 0 },
            _ => return 1,
        };
        let basic = |basics: &Basics| [basics.success, basics.effect, basics.unchanged].contains(requirement);
        match operation.requirements[*requirement].kind {
            // Done or not, and whatever is in the way where nothing should be; harm of any sort.
            _ if operation.basics.as_ref().is_some_and(basic) => 8,
            Kind::Response => 4,
            Kind::Error => 4,
            Kind::Promise | Kind::Param | Kind::Access => 2,
            Kind::Open | Kind::Overlap => 1,
        }
    }
}

/// What is due for a call in a state.
pub struct Due {
    pub request: Request,
    /// Whatever open questions are answered.
    pub any: Vec<Outcome>,
    /// Should they be answered as is likely.
    pub likely: Vec<Outcome>,
}

impl Due {
    pub fn of(set: &SpecSet, before: &State, call: &Command, likely: &Choices) -> Self {
        let request = call.request(set, &Script::home());
        let due = |choices: &Choices| outcomes_with(set, before, &request, choices, |_, due| due);
        Self { any: due(&Choices::default()), likely: due(likely), request }
    }

    /// How many different answers may come.
    pub fn n_answers(&self) -> usize {
        let mut answers: Vec<&Answer> = Vec::new();
        for outcome in &self.any {
            if !answers.contains(&&outcome.answer) {
                answers.push(&outcome.answer);
            }
        }
        answers.len()
    }

    /// Requirements of the open questions on which it depends what comes.
    pub fn asks<'d>(&'d self, operation: &'d Operation) -> impl Iterator<Item = usize> + 'd {
        let questions = self.any.iter().flat_map(|outcome| outcome.choices.iter());
        questions.map(|(question, _)| operation.questions[question].requirement)
    }
}

/// Everything that a call shows in a state, and how sure that is.
pub fn goals(set: &SpecSet, before: &State, call: &Command, due: &Due, likely: &Choices) -> BTreeMap<Goal, Doubt> {
    let operation = set.operation(call.operation);
    let mut goals: BTreeMap<Goal, Doubt> = BTreeMap::new();
    let mut add = |goal: Goal, doubt: Doubt| {
        let known = goals.entry(goal).or_insert(doubt.clone());
        *known = doubt.min(known.clone());
    };
    let mut asked: Vec<usize> = Vec::new();
    let Due { request, any, likely: permitted } = due;
    let of = Sort::of(set, before, request);
    for Exercise { requirement, assumed, .. } in exercised(set, before, request, any) {
        let doubt = Doubt::of(operation, requirement, &assumed, before);
        if operation.questions.iter().any(|question| question.requirement == requirement && !question.varies) {
            add(Goal::Again { requirement, of }, doubt.clone());
            asked.push(requirement);
        }
        add(Goal::Requirement(requirement), doubt);
    }
    let doubt = Doubt::in_state(before);
    let own = |key: &&Key| !is_given(key) && before.living(key).is_some();
    let targets: Vec<&Key> = request.targets.iter().flatten().collect();
    let named: Vec<&Key> = targets.iter().copied().filter(own).collect();
    let changed = |found: &Resource| {
        let attributes = &set.service(call.operation).kinds[found.kind].attributes;
        let differs = |index: &usize| found.attributes[*index] != attributes[*index].kind.initial();
        (0..attributes.len()).filter(differs).collect::<Vec<usize>>().into_iter()
    };
    if named.iter().any(|key| before.is_leaving(key)) {
        return goals;
    }
    let beside = bystanding(set, before, call).and_then(|key| before.living(key)).filter(|found| {
        let kind = operation.bindings.first().map(|binding| binding.kind);
        kind == Some(found.kind)
    });
    // In a batch, which code comes may follow the order of the list.
    let rows: BTreeSet<usize> = permitted.iter().filter(|outcome| outcome.due).filter_map(row_of).collect();
    if let [one, other] = rows.into_iter().collect::<Vec<_>>()[..]
        && !request.is_batch()
        && operation.rows[one].codes != operation.rows[other].codes
    {
        add(Goal::Both { one, other }, doubt.clone());
    }
    if let [Outcome { answer: Answer::Refused(Refused::Row(row)), .. }] = permitted[..] {
        add(Goal::Row(row), doubt.clone());
    }
    for (param, described) in operation.params.iter().enumerate() {
        let (goal, other) = match &call.arguments[param] {
            None if described.is_switch() => (Goal::Default(param), true.into()),
            Some(Value::String(text)) if described.max_length == Some(text.chars().count()) => {
                (Goal::Limit(param), format!("{text}=").into())
            }
            _ => continue,
        };
        if is_telling(set, before, call, any, param, other) {
            add(goal, doubt.clone());
        }
    }
    let sound = LazyCell::new(|| sound_end(set, before, request, likely));
    for outcome in permitted {
        if let Some(found) = beside {
            let refused = outcome.answer != Answer::Success;
            add(Goal::Beside { refused, changed: None }, doubt.clone());
            for attribute in changed(found) {
                add(Goal::Beside { refused, changed: Some(attribute) }, doubt.clone());
            }
        }
        if outcome.answer == Answer::Success {
            for found in named.iter().filter_map(|key| before.living(key)) {
                changed(found).for_each(|attribute| add(Goal::Done(attribute), doubt.clone()));
            }
            continue;
        }
        for found in named.iter().filter_map(|key| before.living(key)) {
            changed(found).for_each(|attribute| add(Goal::Kept(attribute), doubt.clone()));
        }
        if named.len() == targets.len() && !asked.is_empty() && would_succeed(set, before, call, &named, likely) {
            asked.iter().for_each(|requirement| add(Goal::HarmlessOpen(*requirement), doubt.clone()));
        }
        let Answer::Refused(Refused::Row(row)) = outcome.answer else { continue };
        if !named.is_empty() {
            add(Goal::Harmless(row), doubt.clone());
        }
        if let Some(last) = *sound {
            add(Goal::Mixed { row, last }, doubt.clone());
        }
        let is_switched = |param: &usize| {
            call.arguments[*param] == Some(true.into()) && operation.params[*param].value != Some(true.into())
        };
        let mut switched = (0..operation.params.len()).filter(is_switched);
        let alone = permitted.iter().all(|other| other.answer == outcome.answer);
        if let (Some(param), None, true) = (switched.next(), switched.next(), alone) {
            add(Goal::Despite { row, param }, doubt.clone());
        }
    }
    for Deciding { row, place, .. } in deciding(set, before, request, likely) {
        add(Goal::Decides { row, place }, doubt.clone());
    }
    goals
}

/// Whether the last of a batch is all right, and the first is not; or the other way round.
fn sound_end(set: &SpecSet, before: &State, request: &Request, likely: &Choices) -> Option<bool> {
    let binding = set.operation(request.operation).list()?;
    let [first, .., last] = request.targets.get(binding)?.as_slice() else { return None };
    let is_sound = |key: &Key| {
        let due = outcomes_with(set, before, &request.naming(binding, vec![key.clone()]), likely, |_, due| due);
        !due.is_empty() && due.iter().all(|outcome| outcome.answer == Answer::Success)
    };
    let (first, last) = (is_sound(first), is_sound(last));
    (first != last).then_some(last)
}

/// Whether a call has one answer, and another one with this argument, whatever is open.
fn is_telling(set: &SpecSet, before: &State, call: &Command, any: &[Outcome], param: usize, other: Value) -> bool {
    let Some((own, more)) = any.split_first() else { return false };
    if more.iter().any(|other| other.answer != own.answer) {
        return false;
    }
    let mut call = call.clone();
    call.arguments[param] = Some(other);
    let request = call.request(set, &Script::home());
    let others = outcomes_with(set, before, &request, &Choices::default(), |_, due| due);
    others.iter().all(|other| other.answer != own.answer)
}

/// Whether the call, with nothing but what it must have, would do something to what it names.
fn would_succeed(set: &SpecSet, before: &State, call: &Command, named: &[&Key], likely: &Choices) -> bool {
    let Some(found) = named.first().and_then(|key| before.living(key)) else { return false };
    let params = &set.operation(call.operation).params;
    let plain = params.iter().zip(&call.arguments).map(|(param, value)| {
        if param.region {
            Some(found.region.to_string().into())
        } else if param.binding.is_some() {
            value.clone()
        } else {
            param.value.clone()
        }
    });
    let plain = Command { arguments: plain.collect(), caller: Caller::Main, ..call.clone() };
    let request = plain.request(set, &Script::home());
    let due = outcomes_with(set, before, &request, likely, |_, due| due);
    !due.is_empty() && due.iter().all(|outcome| outcome.answer == Answer::Success)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{Due, Goal, goals};
    use crate::{
        generate::{permit::Permit, plan::search, simulate},
        model::{Choices, State},
        sequence::Script,
        spec::embedded,
    };

    /// Whether a call shows a goal of this parameter: by requirement, after its surest plan by the end of which so many rows
    /// are due at least, and with which argument.
    fn check(operation: &str, param: &str, goal: fn(usize) -> Goal, cases: &[(&str, usize, Option<Value>, bool)]) {
        let set = embedded().expect("the embedded specs are sound");
        let at = set.find(operation).expect("it is specified");
        let described = set.operation(at);
        let (initial, likely) = (State::initial(set.service(at), &Script::home()), Choices::likely(described));
        let plans = search(&set, at, 1, &Permit::default());
        let param = described.param(param).expect("it is a parameter");
        for (requirement, n_due, argument, expected) in cases {
            let id = format!("{operation}/{requirement}");
            let index = described.requirements.iter().position(|one| one.id == id).expect("it is a requirement");
            let plans = plans.by_requirement[&index].iter().filter(|plan| plan.due.len() >= *n_due);
            let plan = plans.min_by_key(|plan| &plan.doubt).expect("there is a plan");
            let mut call = plan.call.clone();
            call.arguments[param].clone_from(argument);
            let state = simulate::run(&set, &initial, &plan.setup, &likely).pop().expect("there is a last state");
            let due = Due::of(&set, &state, &call, &likely);
            let shown = goals(&set, &state, &call, &due, &likely).contains_key(&goal(param));
            assert_eq!(shown, *expected, "{requirement}, {argument:?}");
        }
    }

    #[test]
    fn what_is_left_out_is_told_where_it_would_make_a_difference() {
        check(
            "ecs/DeleteImage@legacy",
            "Force",
            Goal::Default,
            &[
                ("error/ImageUsingByInstance", 1, None, true),
                ("error/ImageUsingByInstance", 1, Some(false.into()), false),
                ("error/ImageUseShared", 1, None, false),
                ("promise/delete", 0, None, false),
                // With another reason to refuse it, the same code may come all the same.
                ("open/precedence", 2, None, false),
            ],
        );
    }

    #[test]
    fn goals_are_about_what_an_endpoint_breaks_that_misses_them() {
        let set = embedded().expect("the embedded specs are sound");
        let operation = set.operation(set.find("ecs/DeleteImage").expect("it is specified"));
        let check = |goal: Goal, expected: &[&str]| {
            let about = operation.requirements.iter().enumerate().filter(|(index, _)| goal.is_about(operation, *index));
            let about: Vec<&str> =
                about.filter_map(|(_, one)| one.id.split_once('/')?.1.split_once('/')).map(|(_, id)| id).collect();
            for id in ["success", "effect", "unchanged", "others", "promise/delete", "error/ImageUseShared"] {
                assert_eq!(about.contains(&id), expected.contains(&id), "{goal:?} {id}");
            }
        };
        let basics = operation.basics.expect("it has basics");
        check(Goal::Requirement(basics.others), &["others"]);
        check(Goal::Harmless(0), &["unchanged"]);
        check(Goal::Mixed { row: 0, last: true }, &["unchanged", "success", "error/ImageUseShared"]);
        check(Goal::Decides { row: 0, place: 1 }, &["success", "error/ImageUseShared"]);
        check(Goal::Beside { refused: true, changed: None }, &["others"]);
        check(Goal::Beside { refused: false, changed: None }, &["others", "effect", "promise/delete"]);
        check(Goal::Many, &["effect", "promise/delete", "success", "error/ImageUseShared"]);
    }

    #[test]
    fn a_text_is_at_its_limit_where_a_longer_one_would_earn_something_else() {
        let token = |length: usize| Some(json!("t".repeat(length)));
        check(
            "swas/DeleteCustomImages",
            "ClientToken",
            Goal::Limit,
            &[
                ("promise/delete", 0, token(64), true),
                ("promise/delete", 0, token(63), false),
                ("promise/delete", 0, token(65), false),
                // What is missing may be refused first, however long the token is.
                ("error/InvalidImageId.NotFound", 1, token(64), false),
            ],
        );
    }
}
