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

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{
    exercise::{Doubt, Exercise, exercises, is_about_others, is_about_staying},
    moves::referrers,
    plan::Plan,
    readback, simulate,
};
use crate::{
    model::{Caller, Choices, Outcome, State, outcomes},
    sequence::{Command, Script},
    spec::{Operation, SpecSet, service::OpRef},
    value::Key,
};

/// Most commands of a tour: longer ones hide more when something is wrong early.
const LONGEST: usize = 40;
/// Most commands of tours that share a part of their set-up.
const LONGEST_JOINED: usize = 80;
/// Most calls in a state that changes by itself: it should not have changed before the last of them.
const MOST_IN_PASSING: usize = 1;
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
struct Stop<'a> {
    setup: &'a [Command],
    before: State,
    call: &'a Command,
    /// Requirements that it exercises, and how sure that is.
    shows: BTreeMap<usize, Doubt>,
    noise: Noise,
    requests: usize,
}

#[derive(Default)]
struct Tour {
    path: Vec<Command>,
    /// Number of set-up commands before it, index of the stop, requirements that it is there for.
    stops: Vec<(usize, usize, BTreeSet<usize>)>,
    /// Its last stop changes something.
    closed: bool,
    n_commands: usize,
}

/// Tours of one operation that exercise every one of these requirements that the plans can, as likely endpoints answer.
pub fn tours(set: &SpecSet, at: OpRef, plans: &[&Plan], aims: &BTreeSet<usize>) -> Vec<Script> {
    let initial = State::initial(set.service(at), &Script::home());
    let operation = set.operation(at);
    let likely = (0..operation.questions.len()).fold(Choices::default(), |likely, question| likely.with(question, 0));
    let mut stops: Vec<Stop<'_>> = Vec::new();
    for plan in plans {
        if !stops.iter().any(|stop| stop.call == &plan.call && stop.setup == plan.setup) {
            stops.extend(stop(set, operation, plan, &initial, &likely));
        }
    }
    // A requirement is best shown where that depends on the least; what depends on more may fail to show it.
    let mut surest: BTreeMap<usize, Doubt> = BTreeMap::new();
    for (requirement, doubt) in stops.iter().flat_map(|stop| &stop.shows) {
        surest.entry(*requirement).and_modify(|least| *least = doubt.min(least).clone()).or_insert(doubt.clone());
    }
    for stop in &mut stops {
        stop.shows.retain(|requirement, doubt| surest.get(requirement) == Some(doubt));
    }
    let mut open = aims.clone();
    let mut tours: Vec<Tour> = Vec::new();
    while let Some((index, place)) = best(&stops, &tours, &open) {
        let stop = &stops[index];
        let new: BTreeSet<usize> = stop.shows.keys().filter(|shown| open.contains(shown)).copied().collect();
        open.retain(|requirement| !new.contains(requirement));
        if place == tours.len() {
            tours.push(Tour::default());
        }
        tours[place].add(stop, index, new);
    }
    thin_out(&stops, &mut tours);
    let ends: Vec<State> = tours.iter().map(|tour| tour.end(set, &initial, &stops, &likely)).collect();
    let mut scripts: Vec<(usize, Script)> = Vec::new();
    for (place, tour) in tours.iter().enumerate() {
        let script = tour.script(set, at, &stops, &likely);
        let made = simulate::run(set, &initial, &tour.path, &likely);
        let shared = scripts.iter_mut().map(|(before, known)| {
            let common = tours[*before].path.iter().zip(&tour.path).take_while(|(left, right)| left == right).count();
            let kept = (1..=common).rev().find(|kept| is_untouched(&made[*kept], &ends[*before])).unwrap_or(0);
            (kept, before, known)
        });
        let shared = shared
            .filter(|(kept, _, known)| *kept > 0 && known.commands.len() + script.commands.len() <= LONGEST_JOINED);
        match shared.max_by_key(|(kept, ..)| *kept) {
            Some((kept, before, known)) => {
                append(known, script, &tour.path[..kept]);
                *before = place;
            }
            None => scripts.push((place, script)),
        }
    }
    scripts.into_iter().map(|(_, script)| script).collect()
}

/// Whether everything that was made on the way here is at the end as it was, and nothing else hangs on it.
fn is_untouched(here: &State, end: &State) -> bool {
    let own = here.resources.iter().filter(|(key, _)| !key.starts_with("$given."));
    here.pending.is_empty()
        && own.clone().count() > 0
        && own.into_iter().all(|(key, found)| {
            end.living(key) == Some(&**found)
                && !end.pending.iter().any(|pending| pending.key == *key)
                && referrers(end, key).all(|(referrer, _)| here.resources.contains_key(referrer))
        })
}

/// Goes on with another script after this one, which has done the first part of its set-up already.
fn append(script: &mut Script, more: Script, done: &[Command]) {
    let mut done = done.iter().peekable();
    let mut further: Vec<Command> = more.commands;
    further.retain(|command| done.next_if(|next| *next == command).is_none());
    let taken: BTreeSet<Key> = script.commands.iter().flat_map(|command| command.creates.clone()).collect();
    let mut names: BTreeMap<Key, Key> = BTreeMap::new();
    for key in further.iter().flat_map(|command| &command.creates).filter(|key| taken.contains(*key)) {
        let stem = key.trim_end_matches(|last: char| last.is_ascii_digit());
        let is_free = |name: &Key| !taken.contains(name) && !names.values().any(|known| known == name);
        let fresh = (1..).map(|number| Key::from(format!("{stem}{number}").as_str())).find(is_free);
        names.extend(fresh.map(|fresh| (key.clone(), fresh)));
    }
    script.commands.extend(further.iter().map(|command| command.renamed(&names)));
    script.aims.extend(more.aims);
}

/// Takes out stops whose requirements others show as well: what seemed worth it early may not be in the end.
fn thin_out(stops: &[Stop<'_>], tours: &mut Vec<Tour>) {
    for place in (0..tours.len()).rev() {
        for position in (0..tours[place].stops.len()).rev() {
            let (_, index, shown) = tours[place].stops[position].clone();
            let elsewhere: Option<Vec<(usize, usize, usize)>> = shown
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
        let longest = tour.stops.iter().map(|(_, index, _)| stops[*index].setup).max_by_key(|setup| setup.len());
        tour.path = longest.unwrap_or_default().to_vec();
    }
}

impl Stop<'_> {
    /// The state will change by itself.
    fn passing(&self) -> bool {
        !self.before.pending.is_empty()
    }
}

/// Sees what a plan's call exercises besides what the plan is for.
fn stop<'a>(
    set: &SpecSet,
    operation: &Operation,
    plan: &'a Plan,
    initial: &State,
    likely: &Choices,
) -> Option<Stop<'a>> {
    let before = simulate::run(set, initial, &plan.setup, likely).pop()?;
    let request = plan.call.request(set, &Script::home());
    let changes = |choices: &Choices| {
        let permitted = outcomes(set, &before, &request, choices);
        let changes = |outcome: &Outcome| !(outcome.changes.is_empty() && outcome.later.is_empty());
        permitted.iter().filter(|outcome| outcome.due).any(changes)
    };
    let noise = match (changes(likely), changes(&Choices::default())) {
        (true, _) => Noise::Loud,
        (false, true) => Noise::Doubtful,
        (false, false) => Noise::Quiet,
    };
    let mut shows = BTreeMap::new();
    for Exercise { requirement, assumed, .. } in exercises(set, &before, &plan.call) {
        let doubt = Doubt::of(operation, requirement, &assumed, &before);
        let known = shows.entry(requirement).or_insert(doubt.clone());
        *known = doubt.min(known.clone());
    }
    let requests = 1 + readback::after(set, &before, &plan.call, likely, false).len();
    Some(Stop { setup: &plan.setup, before, call: &plan.call, shows, noise, requests })
}

/// The stop, and the tour for it, that exercise the most for each request.
fn best(stops: &[Stop<'_>], tours: &[Tour], open: &BTreeSet<usize>) -> Option<(usize, usize)> {
    let mut best: Option<(usize, usize, usize, usize)> = None;
    for (index, stop) in stops.iter().enumerate() {
        let gain = stop.shows.keys().filter(|shown| open.contains(shown)).count();
        if gain == 0 {
            continue;
        }
        let anew = (tours.len(), cost(stop.setup) + if stop.setup.is_empty() { 0 } else { ANEW });
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

fn cost(commands: &[Command]) -> usize {
    commands.iter().map(|command| if command.until.is_some() { WAIT } else { 1 }).sum()
}

impl Tour {
    /// Requests of set-up that a stop adds here; none when it has no place.
    fn detour(&self, stop: &Stop<'_>) -> Option<usize> {
        if self.n_commands + stop.requests > LONGEST {
            return None;
        }
        if let Some(further) = stop.setup.strip_prefix(self.path.as_slice())
            && (!further.is_empty() || stop.noise == Noise::Loud)
        {
            return (!self.closed).then(|| cost(further));
        }
        let passing = self.stops.iter().filter(|(position, ..)| *position == stop.setup.len()).count();
        let in_time = !stop.passing() || passing < MOST_IN_PASSING;
        let on_the_way = self.path.starts_with(stop.setup) && stop.noise != Noise::Loud && in_time;
        on_the_way.then_some(0)
    }

    fn add(&mut self, stop: &Stop<'_>, index: usize, new: BTreeSet<usize>) {
        if stop.setup.len() > self.path.len() {
            self.n_commands += stop.setup.len() - self.path.len();
            self.path = stop.setup.to_vec();
        }
        self.closed |= stop.noise == Noise::Loud;
        self.n_commands += stop.requests;
        self.stops.push((stop.setup.len(), index, new));
    }

    /// The state that it leaves, in a likely course of events.
    fn end(&self, set: &SpecSet, initial: &State, stops: &[Stop<'_>], likely: &Choices) -> State {
        let calls = self.stops.iter().map(|(_, index, _)| &stops[*index]).filter(|stop| stop.noise != Noise::Quiet);
        let script: Vec<Command> = self.path.iter().chain(calls.map(|stop| stop.call)).cloned().collect();
        simulate::run(set, initial, &script, likely).pop().unwrap_or_default()
    }

    /// Where a stop comes: after so many commands of set-up. A used nonce is that of a request that succeeded, so one has
    /// to come first.
    fn place(&self, position: usize, stop: &Stop<'_>) -> usize {
        if stop.call.caller == Caller::Replayed { self.path.len() } else { position }
    }

    fn script(&self, set: &SpecSet, at: OpRef, stops: &[Stop<'_>], likely: &Choices) -> Script {
        let operation = set.operation(at);
        let mut order: Vec<(usize, usize, &BTreeSet<usize>)> =
            self.stops.iter().map(|(at, index, new)| (self.place(*at, &stops[*index]), *index, new)).collect();
        order.sort_by_key(|(position, index, _)| (*position, stops[*index].noise));
        let mut commands = Vec::new();
        let mut aims = Vec::new();
        let mut last = None;
        let mut done = 0;
        for (number, (position, index, new)) in order.into_iter().enumerate() {
            commands.extend_from_slice(&self.path[done..position]);
            done = position;
            let stop = &stops[index];
            let mut call = stop.call.clone();
            self.freshen(&mut call, number);
            let watch = new.iter().any(|requirement| is_about_staying(operation, *requirement));
            let mut reads = readback::after(set, &stop.before, &call, likely, watch);
            let looks_around = new.iter().any(|requirement| is_about_others(operation, *requirement));
            let bystander = readback::bystander(set, &stop.before, &call).filter(|_| looks_around);
            reads.extend(bystander.filter(|bystander| !reads.contains(bystander)));
            let removes = operation.basics.is_some_and(|basics| new.contains(&basics.effect));
            last = reads.first().cloned().filter(|_| removes);
            commands.push(call);
            commands.extend(reads);
            aims.extend(new.iter().map(|requirement| (at, *requirement)));
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
