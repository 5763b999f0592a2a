//! Calls that tours may make: what each shows, and what it takes.

use std::{
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
    sync::Arc,
};

use serde_json::Value;

use super::{
    approach::{Ground, Way},
    beside,
    candidates::Surroundings,
    exercise::Doubt,
    goal::{Due, Goal, goals},
    join::renamed,
    plan::{Plan, is_plain},
    readback, simulate,
};
use crate::{
    model::{Answer, Outcome, Resource},
    sequence::{Command, Script},
    spec::SpecSet,
    value::{Key, is_given},
};

/// States that other calls are tried in.
const MOST_STATES: usize = 12;
/// Resources in a batch that is to be done whole: with two, there is none in the middle.
const SEVERAL: usize = 3;

/// Whether a call leaves the state as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Noise {
    /// It does, however open questions are answered.
    Quiet,
    /// It does, should open questions be answered as is likely.
    Doubtful,
    Loud,
}

/// A call at the end of a way.
#[derive(Clone)]
pub struct Stop {
    pub way: Arc<Way>,
    pub call: Command,
    /// What it names that is gone.
    pub gone: Arc<[Key]>,
    /// Questions that the document leaves open on which it depends what comes, by requirement.
    pub asks: BTreeSet<usize>,
    /// How many different answers may come.
    pub n_answers: usize,
    /// What it shows, and how sure that is.
    pub shows: BTreeMap<Goal, Doubt>,
    /// Of that, what no look at the call and the state tells, but only how they came about.
    pub story: Option<Goal>,
    pub noise: Noise,
    /// Reads that prove what it did.
    pub n_reads: usize,
    /// What it makes go is looked at once more in the end.
    pub looks_last: bool,
    /// It shows more than how a question is answered.
    pub is_aimed: bool,
}

impl Stop {
    /// Sees what a call shows.
    pub fn new(ground: &Ground<'_>, way: Arc<Way>, call: Command) -> Self {
        let due = Due::of(ground.set, way.end(), &call, ground.likely);
        let noise = noise(&due);
        let shows = goals(ground.set, way.end(), &call, &due, ground.likely);
        let n_reads = readback::after(ground.set, way.end(), &call, ground.likely, false).len();
        let gone = way.gone([&call]).into();
        let asks = due.asks(ground.set.operation(ground.at)).collect();
        let n_answers = due.n_answers();
        let (story, looks_last, is_aimed) = (None, false, true);
        Self { way, call, gone, asks, n_answers, shows, story, noise, n_reads, looks_last, is_aimed }
    }

    /// It shows this as well.
    fn showing(mut self, goal: Goal) -> Self {
        self.shows.insert(goal, Doubt::in_state(self.way.end()));
        self.story = Some(goal);
        self
    }

    /// It takes calls that cost money.
    pub fn is_paid(&self, set: &SpecSet) -> bool {
        self.way.commands.iter().any(|command| set.operation(command.operation).paid)
    }

    /// The state will change by itself.
    pub fn passing(&self) -> bool {
        !self.way.end().pending.is_empty()
    }
}

fn noise(due: &Due) -> Noise {
    let changes = |outcome: &Outcome| !(outcome.changes.is_empty() && outcome.later.is_empty());
    if due.likely.iter().any(changes) {
        Noise::Loud
    } else if due.any.iter().any(changes) {
        Noise::Doubtful
    } else {
        Noise::Quiet
    }
}

/// The calls of plans, each once.
pub fn planned(ground: &Ground<'_>, plans: &[&Plan]) -> Vec<Stop> {
    let mut ways: Vec<Arc<Way>> = Vec::new();
    let mut stops: Vec<Stop> = Vec::new();
    for plan in plans {
        let known = ways.iter().find(|way| way.commands == plan.setup).cloned();
        let way = known.unwrap_or_else(|| {
            ways.push(Arc::new(Way::new(ground, plan.setup.clone())));
            ways[ways.len() - 1].clone()
        });
        if !stops.iter().any(|stop| Arc::ptr_eq(&stop.way, &way) && stop.call == plan.call) {
            stops.push(Stop::new(ground, way, plan.call.clone()));
        }
    }
    stops
}

/// What calls can be varied with.
#[derive(Clone, Copy)]
pub struct Variety<'a> {
    /// Things of other people that a batch may name.
    pub probes: &'a [Key],
    /// Whether an endpoint can be asked to do this.
    pub admits: &'a dyn Fn(&Command) -> bool,
    /// Chooses unknown ids.
    pub seed: u64,
}

/// All calls that tours may make besides what plans are about.
pub fn further(ground: &Ground<'_>, plans: &[&Plan], variety: Variety<'_>) -> Vec<Stop> {
    let mut stops = varied(ground, plans, variety);
    stops.extend(batch(ground, plans));
    stops.extend(repeated(ground, plans));
    stops.extend(freed(ground, plans));
    stops.extend(mixed(ground, plans));
    stops
}

/// Candidate calls in the states that plans lead to, and beside something else.
fn varied(ground: &Ground<'_>, plans: &[&Plan], variety: Variety<'_>) -> Vec<Stop> {
    let Ground { set, at, initial, likely, .. } = *ground;
    let Variety { probes, admits, seed } = variety;
    let mut setups = setups(plans);
    setups.sort_by_key(|setup| setup.len());
    setups.dedup();
    let kind = set.operation(at).bindings.first().map(|binding| binding.kind);
    let beside = kind.map(|kind| beside::setups(set, kind, initial, likely, &setups)).unwrap_or_default();
    let mut looks: Vec<Vec<Arc<Resource>>> = Vec::new();
    let mut ways: Vec<Arc<Way>> = Vec::new();
    let mut add = |setup: Vec<Command>, most: usize| {
        let way = Way::new(ground, setup);
        // States that look alike show the same.
        let own = way.end().resources.iter().filter(|(key, _)| !is_given(key));
        let look: Vec<Arc<Resource>> = own.map(|(_, found)| found.clone()).collect();
        if looks.len() < most && !looks.contains(&look) {
            looks.push(look);
            ways.push(Arc::new(way));
        }
    };
    setups.into_iter().for_each(|setup| add(setup.to_vec(), MOST_STATES));
    beside.into_iter().for_each(|setup| add(setup, usize::MAX));
    let mut stops = Vec::new();
    for way in ways {
        let around = Surroundings { set, at, state: way.end(), probes: &[], mixed: probes, seed, all: true };
        let calls = around.calls().into_iter().filter(|call| admits(call));
        stops.extend(calls.map(|call| Stop::new(ground, way.clone(), call)));
    }
    stops
}

/// A batch of some resources that nothing blocks.
fn batch(ground: &Ground<'_>, plans: &[&Plan]) -> Option<Stop> {
    let (set, at) = (ground.set, ground.at);
    let binding = set.operation(at).list()?;
    let (plain, mut call) = plain(ground, plans)?;
    let binding = &set.operation(at).bindings[binding];
    let way = Way::new(ground, beside::several(set, binding.kind, &plain, SEVERAL));
    let made = way.commands.iter().flat_map(|command| &command.creates);
    let named = made.filter(|key| way.end().living(key).is_some_and(|found| found.kind == binding.kind));
    call.arguments[binding.param] = Some(named.map(|key| Value::String(key.to_string())).collect());
    Some(Stop::new(ground, Arc::new(way), call).showing(Goal::Many))
}

/// For each row that blocks something, for a while or until something is done, the shortest way to that: batches of it and of
/// something that nothing blocks.
fn mixed(ground: &Ground<'_>, plans: &[&Plan]) -> Vec<Stop> {
    let (set, at) = (ground.set, ground.at);
    let Some(binding) = set.operation(at).list() else { return Vec::new() };
    let Some((plain, call)) = plain(ground, plans) else { return Vec::new() };
    let param = set.operation(at).bindings[binding].param;
    let blocked = |plan: &Plan| {
        let uses = plan.call.uses();
        let is_made = |key: &Key| plan.setup.iter().any(|command| command.creates.contains(key));
        is_plain(set.operation(at), &plan.call) && matches!(&uses[..], [key] if is_made(key))
    };
    let mut shortest: BTreeMap<(usize, bool), &Plan> = BTreeMap::new();
    for plan in plans.iter().filter(|plan| blocked(plan)) {
        for row in &plan.due {
            let known = shortest.entry((*row, plan.doubt.passing)).or_insert(plan);
            if plan.setup.len() < known.setup.len() {
                *known = plan;
            }
        }
    }
    let mut stops = Vec::new();
    for plan in shortest.into_values() {
        // What blocks it may pass, so it comes last.
        let mut setup: Vec<Command> = plan.setup.iter().cloned().chain([plan.call.clone()]).collect();
        setup = renamed(&plain, &setup);
        let Some(one) = setup.pop() else { continue };
        let way = Arc::new(Way::new(ground, [plain.clone(), setup].concat()));
        let [blocked, sound] = [&one, &call].map(|call| call.uses().first().map(|key| Value::from(&**key)));
        for pair in [[blocked.clone(), sound.clone()], [sound, blocked]] {
            let mut both = one.clone();
            both.arguments[param] = Some(pair.into_iter().flatten().collect());
            stops.push(Stop::new(ground, way.clone(), both));
        }
    }
    stops
}

/// A call with a token that was used for the same before, after another one, beside something that was made since.
fn repeated(ground: &Ground<'_>, plans: &[&Plan]) -> Option<Stop> {
    let operation = ground.set.operation(ground.at);
    let (plain, _) = plain(ground, plans)?;
    let repeats = |plan: &&&Plan| {
        let request = plan.call.request(ground.set, &Script::home());
        request.used_before(operation, &ground.end(ground.initial, &plan.setup)).next().is_some()
    };
    let plan = plans.iter().filter(repeats).min_by_key(|plan| plan.setup.len())?;
    let setup = [renamed(&plan.setup, &plan.setup), plan.setup.clone()].concat();
    let setup = [setup.clone(), renamed(&setup, &plain)].concat();
    Some(Stop::new(ground, Arc::new(Way::new(ground, setup)), plan.call.clone()).showing(Goal::Repeated))
}

/// The plain call for what was refused before, once nothing is in the way any more.
fn freed(ground: &Ground<'_>, plans: &[&Plan]) -> Vec<Stop> {
    let Some((plain, call)) = plain(ground, plans) else { return Vec::new() };
    let end = |setup: &[Command]| ground.end(ground.initial, setup);
    let wanted = end(&plain);
    // The same call again, when what was under way is over.
    let later = plans.iter().filter_map(|plan| {
        let (_, waits) = ground.settled(&end(&plan.setup)).filter(|(_, waits)| !waits.is_empty())?;
        let setup = plan.setup.iter().cloned().chain(waits).collect();
        Some(Stop::new(ground, Arc::new(Way::new(ground, setup)), plan.call.clone()))
    });
    let later: Vec<Stop> = later.collect();
    let mut setups: Vec<(&[Command], usize)> =
        plans.iter().flat_map(|plan| plan.due.iter().map(|row| (&plan.setup[..], *row))).collect();
    setups.sort_by_key(|(setup, _)| setup.len());
    let mut found = BTreeMap::new();
    for (setup, row) in setups.into_iter().filter(|(setup, _)| setup.len() >= plain.len()) {
        if found.contains_key(&row) {
            continue;
        }
        let restored = ground.restored(&end(setup), &wanted);
        let Some((undo, names)) = restored.filter(|(undo, _)| !undo.is_empty()) else { continue };
        let setup: Vec<Command> = setup.iter().cloned().chain(undo).collect();
        let way = Arc::new(Way::new(ground, setup));
        found.insert(row, Stop::new(ground, way, call.renamed(&names)).showing(Goal::Freed(row)));
    }
    found.into_values().chain(later).collect()
}

/// The shortest way to something that the operation removes, and the call that does so.
fn plain(ground: &Ground<'_>, plans: &[&Plan]) -> Option<(Vec<Command>, Command)> {
    let Ground { set, at, initial, likely, .. } = *ground;
    let operation = set.operation(at);
    let kind = operation.bindings.first()?.kind;
    let setups = setups(plans);
    let setup = beside::plain(set, kind, initial, likely, &setups)?;
    let removes = |plan: &&&Plan| {
        let before = ground.end(initial, &plan.setup);
        simulate::step(set, &before, &plan.call, likely).1.answer == Answer::Success
    };
    let mut candidates = plans.iter().filter(|plan| plan.setup == setup && is_plain(operation, &plan.call));
    candidates.find(removes).map(|plan| (setup.to_vec(), plan.call.clone()))
}

fn setups(plans: &[&Plan]) -> Vec<Rc<[Command]>> {
    plans.iter().map(|plan| plan.setup.as_slice().into()).collect()
}
