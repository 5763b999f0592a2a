//! Scripts that exercise much with few requests.
//!
//! Requests are what a real endpoint costs, and most of them go into reaching a state. A *tour* reaches a state once and
//! makes every call there that leaves it as it is (refused ones, dry runs), each with its reads; then it goes on to a state
//! further along the same way; the call that changes something comes last. Which calls to make, and on which tour, is
//! decided greedily: whatever exercises the most new requirements for each request that it adds. So tours also try the
//! cheap and telling first.
//!
//! Calls of one tour cannot disturb each other as long as the endpoint does what the model says; where it does not, the
//! first difference ends the judging of the tour, and later cases, which have one aim each, find what it hid.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
    sync::Arc,
};

use serde_json::Value;

use super::{
    beside,
    candidates::Surroundings,
    exercise::{Doubt, is_about_others, is_about_staying},
    goal::{Goal, goals},
    join::Joiner,
    plan::{Plan, is_plain},
    readback, simulate,
};
use crate::{
    model::{Answer, Caller, Choices, Resource, State, outcomes_with},
    sequence::{Command, Script},
    spec::{Operation, SpecSet, service::OpRef},
};

/// Most commands of a tour: longer ones hide more when something is wrong early.
const LONGEST: usize = 40;
/// Most calls in a state that changes by itself: it should not have changed before the last of them.
const MOST_IN_PASSING: usize = 1;
/// States that other calls are tried in.
const MOST_STATES: usize = 12;
/// Resources in a batch that is to be done whole: with two, there is none in the middle.
const SEVERAL: usize = 3;
/// What starting anew costs, in requests: something has to be removed once more.
const ANEW: usize = 3;
/// What waiting costs, in requests.
const WAIT: usize = 2;

/// What a request costs, in arguments.
const REQUEST: usize = 8;

/// Whether a call leaves the state as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Noise {
    /// It does, however open questions are answered.
    Quiet,
    /// It does, should open questions be answered as is likely.
    Doubtful,
    Loud,
}

/// A call in a state.
struct Stop {
    setup: Rc<[Command]>,
    before: State,
    call: Command,
    /// What it shows, and how sure that is.
    shows: BTreeMap<Goal, Doubt>,
    noise: Noise,
    requests: usize,
}

#[derive(Default)]
struct Tour {
    path: Vec<Command>,
    /// Number of set-up commands before it, index of the stop, what it is there for.
    stops: Vec<(usize, usize, BTreeSet<Goal>)>,
    /// Its last stop changes something.
    closed: bool,
    n_commands: usize,
}

/// What tours are made of.
pub struct Material<'a> {
    pub set: &'a SpecSet,
    pub at: OpRef,
    pub plans: &'a [&'a Plan],
    /// Requirements to exercise.
    pub aims: &'a BTreeSet<usize>,
    /// Whether an endpoint can be asked to do this.
    pub admits: &'a dyn Fn(&Command) -> bool,
    /// Whether to go on when every requirement has been exercised.
    pub beyond: bool,
    /// Chooses unknown ids.
    pub seed: u64,
}

/// Tours of one operation: first those that exercise every requirement that the plans can, as likely endpoints answer,
/// then those that reach what else can be shown, if that is wanted.
pub fn tours(material: &Material<'_>) -> (Vec<Script>, Vec<Script>) {
    let Material { set, at, plans, aims, beyond, .. } = *material;
    let initial = State::initial(set.service(at), &Script::home());
    let operation = set.operation(at);
    let likely = Choices::likely(operation);
    let mut stops: Vec<Stop> = Vec::new();
    for plan in plans {
        if !stops.iter().any(|stop| stop.call == plan.call && *stop.setup == *plan.setup) {
            let before = simulate::run(set, &initial, &plan.setup, &likely).pop();
            stops.extend(
                before.map(|before| stop(set, plan.setup.as_slice().into(), before, plan.call.clone(), &likely)),
            );
        }
    }
    keep_surest(&mut stops);
    let course = Course { set, at, initial: &initial, likely: &likely };
    let wanted: BTreeSet<Goal> = aims.iter().map(|requirement| Goal::Requirement(*requirement)).collect();
    let first = cover(&course, &stops, wanted);
    if !beyond {
        return (first.0, Vec::new());
    }
    // Everything that the first tours make happen is shown; only questions are asked again. But nobody looked at what the
    // calls left alone, nor at what was not shown yet when they came.
    let shown = first.1.iter().map(|index| &stops[*index]);
    let seen: BTreeSet<Goal> =
        shown.flat_map(|stop| stop.shows.keys().filter(|goal| !goal.needs_looks(stop.passing()))).copied().collect();
    stops.extend(varied(material, &course));
    stops.extend(batch(material, &course));
    stops.extend(freed(material, &course));
    keep_surest(&mut stops);
    let is_new = |goal: &Goal| match goal {
        Goal::Requirement(_) => false,
        Goal::Again(requirement) => aims.contains(requirement),
        goal => !seen.contains(goal),
    };
    let wanted: BTreeSet<Goal> = stops.iter().flat_map(|stop| stop.shows.keys().copied()).filter(is_new).collect();
    let second = cover(&course, &stops, wanted);
    (first.0, second.0)
}

/// Candidate calls in the states that plans lead to, and beside something else.
fn varied(material: &Material<'_>, course: &Course<'_>) -> Vec<Stop> {
    let Material { set, at, plans, admits, seed, .. } = *material;
    let mut setups: Vec<Rc<[Command]>> = plans.iter().map(|plan| plan.setup.as_slice().into()).collect();
    setups.sort_by_key(|setup| setup.len());
    setups.dedup();
    let mut looks: Vec<Vec<Arc<Resource>>> = Vec::new();
    let mut states: Vec<(Rc<[Command]>, State)> = Vec::new();
    let mut add = |setup: Rc<[Command]>, most: usize| {
        let Some(before) = simulate::run(set, course.initial, &setup, course.likely).pop() else { return };
        // States that look alike show the same.
        let own = before.resources.iter().filter(|(key, _)| !key.starts_with("$given."));
        let look: Vec<Arc<Resource>> = own.map(|(_, found)| found.clone()).collect();
        if looks.len() < most && !looks.contains(&look) {
            looks.push(look);
            states.push((setup, before));
        }
    };
    let kind = set.operation(at).bindings.first().map(|binding| binding.kind);
    let beside = kind.map(|kind| beside::setups(set, kind, course.initial, course.likely, &setups)).unwrap_or_default();
    setups.into_iter().for_each(|setup| add(setup, MOST_STATES));
    beside.into_iter().for_each(|setup| add(setup.into(), usize::MAX));
    let mut stops = Vec::new();
    for (setup, before) in states {
        let around = Surroundings { set, at, state: &before, probes: &[], seed, all: true };
        for call in around.calls().into_iter().filter(|call| admits(call)) {
            stops.push(stop(set, setup.clone(), before.clone(), call, course.likely));
        }
    }
    stops
}

/// A batch of some resources that nothing blocks.
fn batch(material: &Material<'_>, course: &Course<'_>) -> Option<Stop> {
    let (set, at) = (course.set, course.at);
    let binding = set.operation(at).list()?;
    let (plain, mut call) = plain(material, course)?;
    let binding = &set.operation(at).bindings[binding];
    let setup = beside::several(set, binding.kind, &plain, SEVERAL);
    let before = simulate::run(set, course.initial, &setup, course.likely).pop()?;
    let made = setup.iter().flat_map(|command| &command.creates);
    let named = made.filter(|key| before.living(key).is_some_and(|found| found.kind == binding.kind));
    call.arguments[binding.param] = Some(named.map(|key| Value::String(key.to_string())).collect());
    Some(stop(set, setup.into(), before, call, course.likely).showing(Goal::Many))
}

/// The plain call for what was refused before, once nothing is in the way any more.
fn freed(material: &Material<'_>, course: &Course<'_>) -> Vec<Stop> {
    let Some((plain, call)) = plain(material, course) else { return Vec::new() };
    let end = |setup: &[Command]| simulate::run(course.set, course.initial, setup, course.likely).pop();
    let Some(wanted) = end(&plain) else { return Vec::new() };
    let joiner = Joiner { set: course.set, at: course.at, initial: course.initial, likely: course.likely };
    let mut found = BTreeMap::new();
    let mut setups: Vec<(&[Command], usize)> = Vec::new();
    for plan in material.plans {
        setups.extend(plan.due.iter().map(|row| (&plan.setup[..], *row)));
    }
    setups.sort_by_key(|(setup, _)| setup.len());
    // The same call again, when what was under way is over.
    let later = material.plans.iter().filter_map(|plan| {
        let (before, waits) = joiner.settled(&end(&plan.setup)?).filter(|(_, waits)| !waits.is_empty())?;
        let setup: Vec<Command> = plan.setup.iter().cloned().chain(waits).collect();
        Some(stop(course.set, setup.into(), before, plan.call.clone(), course.likely))
    });
    let later: Vec<Stop> = later.collect();
    for (setup, row) in setups.into_iter().filter(|(setup, _)| setup.len() >= plain.len()) {
        if found.contains_key(&row) {
            continue;
        }
        let restored = end(setup).and_then(|end| joiner.restored(&end, &wanted));
        let Some((undo, names)) = restored.filter(|(undo, _)| !undo.is_empty()) else { continue };
        let setup: Vec<Command> = setup.iter().cloned().chain(undo).collect();
        let Some(before) = end(&setup) else { continue };
        let call = call.renamed(&names);
        found.insert(row, stop(course.set, setup.into(), before, call, course.likely).showing(Goal::Freed(row)));
    }
    found.into_values().chain(later).collect()
}

/// The shortest way to something that the operation removes, and the call that does so.
fn plain(material: &Material<'_>, course: &Course<'_>) -> Option<(Vec<Command>, Command)> {
    let operation = course.set.operation(course.at);
    let kind = operation.bindings.first()?.kind;
    let setups: Vec<Rc<[Command]>> = material.plans.iter().map(|plan| plan.setup.as_slice().into()).collect();
    let setup = beside::plain(course.set, kind, course.initial, course.likely, &setups)?;
    let is_plain = |plan: &&&Plan| plan.setup == setup && is_plain(operation, &plan.call);
    let plan = material.plans.iter().filter(is_plain).find(|plan| {
        let before = simulate::run(course.set, course.initial, &plan.setup, course.likely).pop();
        before.is_some_and(|before| {
            simulate::step(course.set, &before, &plan.call, course.likely).1.answer == Answer::Success
        })
    })?;
    Some((setup.to_vec(), plan.call.clone()))
}

/// Where tours are made.
struct Course<'a> {
    set: &'a SpecSet,
    at: OpRef,
    initial: &'a State,
    /// How open questions are answered in all likelihood.
    likely: &'a Choices,
}

/// A goal is best shown where that depends on the least; what depends on more may fail to show it.
fn keep_surest(stops: &mut [Stop]) {
    let mut surest: BTreeMap<Goal, Doubt> = BTreeMap::new();
    for (goal, doubt) in stops.iter().flat_map(|stop| &stop.shows) {
        surest.entry(*goal).and_modify(|least| *least = doubt.min(least).clone()).or_insert(doubt.clone());
    }
    for stop in stops {
        stop.shows.retain(|goal, doubt| surest.get(goal) == Some(doubt));
    }
}

/// Tours that reach these goals, and the stops that they make.
fn cover(course: &Course<'_>, stops: &[Stop], mut open: BTreeSet<Goal>) -> (Vec<Script>, Vec<usize>) {
    let Course { set, initial, likely, .. } = *course;
    let mut tours: Vec<Tour> = Vec::new();
    while let Some((index, place)) = best(stops, &tours, &open) {
        let stop = &stops[index];
        let new: BTreeSet<Goal> = stop.shows.keys().filter(|shown| open.contains(shown)).copied().collect();
        open.retain(|goal| !new.contains(goal));
        if place == tours.len() {
            tours.push(Tour::default());
        }
        tours[place].add(stop, index, new);
    }
    thin_out(stops, &mut tours);
    riskiest_first(set.operation(course.at), stops, &mut tours);
    let made = tours.iter().flat_map(|tour| tour.stops.iter().map(|(_, index, _)| *index)).collect();
    let joiner = Joiner { set, at: course.at, initial, likely };
    let mut scripts: Vec<Script> = Vec::new();
    for tour in &tours {
        let script = tour.script(course, stops);
        let left = joiner.add(&mut scripts, script);
        scripts.extend(left);
    }
    (scripts, made)
}

/// Takes out stops whose requirements others show as well: what seemed worth it early may not be in the end.
fn thin_out(stops: &[Stop], tours: &mut Vec<Tour>) {
    for place in (0..tours.len()).rev() {
        for position in (0..tours[place].stops.len()).rev() {
            let (_, index, shown) = tours[place].stops[position].clone();
            let elsewhere: Option<Vec<(usize, usize, Goal)>> = shown
                .iter()
                .map(|requirement| {
                    let mut others = tours.iter().enumerate().flat_map(|(place, tour)| {
                        tour.stops.iter().enumerate().map(move |(position, (_, other, _))| (place, position, *other))
                    });
                    let (place, position, _) = others
                        .find(|(_, _, other)| *other != index && stops[*other].shows.contains_key(requirement))?;
                    Some((place, position, *requirement))
                })
                .collect();
            let Some(elsewhere) = elsewhere else { continue };
            for (place, position, requirement) in elsewhere {
                tours[place].stops[position].2.insert(requirement);
            }
            tours[place].stops.remove(position);
        }
    }
    tours.retain(|tour| !tour.stops.is_empty());
    for tour in tours {
        let longest = tour.stops.iter().map(|(_, index, _)| &stops[*index].setup).max_by_key(|setup| setup.len());
        tour.path = longest.map(|setup| setup.to_vec()).unwrap_or_default();
        let calls: usize = tour.stops.iter().map(|(_, index, _)| stops[*index].requests).sum();
        tour.n_commands = tour.path.len() + calls;
    }
}

/// Sorts tours by what can fail in them for each request. What can fail less waits for a later tour that passes by.
fn riskiest_first(operation: &Operation, stops: &[Stop], tours: &mut [Tour]) {
    let sort = |tours: &mut [Tour]| {
        // A stable sort keeps the order of choice between equals.
        tours.sort_by(|left, right| {
            let (ours, theirs) = (left.risk(operation) * right.n_commands, right.risk(operation) * left.n_commands);
            theirs.cmp(&ours)
        });
    };
    sort(tours);
    for place in 0..tours.len() {
        for position in (0..tours[place].stops.len()).rev() {
            let (_, index, shown) = tours[place].stops[position].clone();
            let (stop, tour) = (&stops[index], &tours[place]);
            let delays = risk_of(operation, &shown) * tour.n_commands < tour.risk(operation) * stop.requests;
            // Whatever leads on from here is not shortened.
            if !delays || *stop.setup == *tour.path {
                continue;
            }
            if let Some(later) = (place + 1..tours.len()).find(|later| tours[*later].detour(stop) == Some(0)) {
                tours[place].stops.remove(position);
                tours[place].n_commands -= stop.requests;
                tours[later].add(stop, index, shown);
            }
        }
    }
    sort(tours);
}

fn risk_of(operation: &Operation, shown: &BTreeSet<Goal>) -> usize {
    shown.iter().map(|goal| goal.risk(operation)).sum()
}

impl Stop {
    /// It shows this as well.
    fn showing(mut self, goal: Goal) -> Self {
        self.shows.insert(goal, Doubt::in_state(&self.before));
        self
    }

    /// The state will change by itself.
    fn passing(&self) -> bool {
        !self.before.pending.is_empty()
    }
}

/// Sees what a call shows.
fn stop(set: &SpecSet, setup: Rc<[Command]>, before: State, call: Command, likely: &Choices) -> Stop {
    let request = call.request(set, &Script::home());
    let changes = |choices: &Choices| {
        let due = outcomes_with(set, &before, &request, choices, |_, due| due);
        due.iter().any(|outcome| !(outcome.changes.is_empty() && outcome.later.is_empty()))
    };
    let noise = if changes(likely) {
        Noise::Loud
    } else if changes(&Choices::default()) {
        Noise::Doubtful
    } else {
        Noise::Quiet
    };
    let shows = goals(set, &before, &call, likely);
    let requests = 1 + readback::after(set, &before, &call, likely, false).len();
    Stop { setup, before, call, shows, noise, requests }
}

/// The stop, and the tour for it, that exercise the most for each request.
fn best(stops: &[Stop], tours: &[Tour], open: &BTreeSet<Goal>) -> Option<(usize, usize)> {
    let mut best: Option<(usize, usize, usize, usize)> = None;
    for (index, stop) in stops.iter().enumerate() {
        let gain: usize = stop.shows.keys().filter(|shown| open.contains(shown)).map(|goal| goal.worth()).sum();
        if gain == 0 {
            continue;
        }
        let anew =
            (tours.len(), stop.setup.iter().map(cost).sum::<usize>() + if stop.setup.is_empty() { 0 } else { ANEW });
        let places = tours.iter().enumerate().filter_map(|(place, tour)| Some((place, tour.detour(stop)?)));
        let Some((place, detour)) = places.chain([anew]).min_by_key(|(_, detour)| *detour) else { continue };
        // Between calls that are worth the same, the one with fewer arguments is the more probable one.
        let n_arguments = stop.call.arguments.iter().flatten().count();
        let cost = (detour + stop.requests) * REQUEST + n_arguments;
        let better = best.is_none_or(|(known_gain, known_cost, _, _)| gain * known_cost > known_gain * cost);
        if better {
            best = Some((gain, cost, index, place));
        }
    }
    best.map(|(_, _, index, place)| (index, place))
}

/// Requests that a command of the set-up takes.
pub fn cost(command: &Command) -> usize {
    if command.until.is_some() { WAIT } else { 1 }
}

impl Tour {
    /// In how many ways an endpoint can miss what it shows.
    fn risk(&self, operation: &Operation) -> usize {
        self.stops.iter().map(|(_, _, new)| risk_of(operation, new)).sum()
    }

    /// Requests of set-up that a stop adds here; none when it has no place.
    fn detour(&self, stop: &Stop) -> Option<usize> {
        // Calls that need no set-up are cheap: they wait for none.
        let is_free = |setup: &[Command]| setup.is_empty();
        let mixes = !self.stops.is_empty() && is_free(&stop.setup) != is_free(&self.path);
        if mixes || self.n_commands + stop.requests > LONGEST {
            return None;
        }
        if let Some(further) = stop.setup.strip_prefix(self.path.as_slice())
            && (!further.is_empty() || stop.noise == Noise::Loud)
        {
            return (!self.closed).then(|| further.iter().map(cost).sum());
        }
        let passing = self.stops.iter().filter(|(position, ..)| *position == stop.setup.len()).count();
        let in_time = !stop.passing() || passing < MOST_IN_PASSING;
        let on_the_way = self.path.starts_with(&stop.setup) && stop.noise != Noise::Loud && in_time;
        on_the_way.then_some(0)
    }

    fn add(&mut self, stop: &Stop, index: usize, new: BTreeSet<Goal>) {
        if stop.setup.len() > self.path.len() {
            self.n_commands += stop.setup.len() - self.path.len();
            self.path = stop.setup.to_vec();
        }
        self.closed |= stop.noise == Noise::Loud;
        self.n_commands += stop.requests;
        self.stops.push((stop.setup.len(), index, new));
    }

    /// Where a stop comes: after so many commands of set-up. A used nonce is that of a request that succeeded, so one has
    /// to come first.
    fn place(&self, position: usize, stop: &Stop) -> usize {
        if stop.call.caller == Caller::Replayed { self.path.len() } else { position }
    }

    fn script(&self, course: &Course<'_>, stops: &[Stop]) -> Script {
        let Course { set, at, likely, .. } = *course;
        let operation = set.operation(at);
        let mut order: Vec<(usize, usize, &BTreeSet<Goal>)> =
            self.stops.iter().map(|(at, index, new)| (self.place(*at, &stops[*index]), *index, new)).collect();
        order.sort_by_key(|(position, index, new)| (*position, stops[*index].noise, Reverse(risk_of(operation, new))));
        let mut commands = Vec::new();
        let mut aims = Vec::new();
        let mut last = None;
        let mut done = 0;
        // Where the reads after a call begin that leaves everything as it is.
        let mut unread = usize::MAX;
        for (number, (position, index, new)) in order.into_iter().enumerate() {
            commands.extend_from_slice(&self.path[done..position]);
            if done != position {
                unread = usize::MAX;
            }
            done = position;
            let stop = &stops[index];
            let mut call = stop.call.clone();
            self.freshen(&mut call, number);
            let requirements = || {
                new.iter().filter_map(|goal| match goal {
                    Goal::Requirement(requirement) => Some(*requirement),
                    _ => None,
                })
            };
            let watch = requirements().any(|requirement| is_about_staying(operation, requirement));
            let mut reads = readback::after(set, &stop.before, &call, likely, watch);
            // What several calls in a row leave as it is is looked at once, after the last of them.
            let read = commands.split_off(commands.len().min(unread));
            commands.extend(read.into_iter().filter(|before| !reads.iter().any(|read| read.covers(before))));
            if new.iter().any(|goal| goal.needs_looks(stop.passing())) {
                let looks = readback::before(set, &stop.before, &commands, &call);
                commands.extend(looks);
            }
            let looks_around = new.iter().any(|goal| matches!(goal, Goal::Beside { .. }))
                || requirements().any(|requirement| is_about_others(operation, requirement));
            if looks_around {
                let beside = readback::bystander(set, &stop.before, &call);
                reads.extend(beside.into_iter().filter(|read| !reads.contains(read)).collect::<Vec<_>>());
            }
            let removes = operation.basics.is_some_and(|basics| new.contains(&Goal::Requirement(basics.effect)));
            last = reads.first().cloned().filter(|_| removes);
            if new.iter().any(|goal| goal.is_twofold(operation)) {
                commands.push(call.clone());
            }
            commands.push(call);
            unread = if stop.noise == Noise::Quiet { commands.len() } else { usize::MAX };
            commands.extend(reads);
            aims.extend(requirements().map(|requirement| (at, requirement)));
        }
        // What was gone may come back.
        commands.extend(last.map(|command| Command { until: None, ..command }));
        Script { commands, aims }
    }

    /// Tokens of one stop are not those of another, unless the set-up used them.
    fn freshen(&self, call: &mut Command, number: usize) {
        let used = |token: &str| {
            self.path.iter().flat_map(|command| &command.arguments).flatten().any(|value| *value == token)
        };
        for value in call.arguments.iter_mut().flatten() {
            let Value::String(text) = value else { continue };
            if used(text) {
                continue;
            }
            if let Some(rest) = text.strip_prefix("$token") {
                *text = format!("$token{}{rest}", number + 1);
            }
        }
    }
}

/// One of each, then the next of each.
pub fn in_turns(lists: Vec<Vec<Script>>) -> Vec<Script> {
    let mut lists: Vec<_> = lists.into_iter().map(Vec::into_iter).collect();
    let mut all = Vec::new();
    loop {
        let before = all.len();
        all.extend(lists.iter_mut().filter_map(Iterator::next));
        if all.len() == before {
            return all;
        }
    }
}
