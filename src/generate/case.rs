//! Test cases: tours, then planned ones with one aim each, woven or not, and free ones.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, OnceLock},
};

use super::{
    cover::{Material, Tours, in_turns, tours},
    dice::Dice,
    exercise::is_about_staying,
    gap::gap,
    options::Options,
    permit::{Cost, Need, Permit},
    plan::{Plan, Plans, is_plain, search},
    races::{self, Race},
    readback, simulate,
    stop::{Stop, Variety},
};
use crate::{
    model::{Caller, Choices, State},
    sequence::{Command, Script},
    spec::{Kind, SpecSet, service::OpRef},
    value::{Key, is_given},
};

/// Of a hundred cases, so many are free walks: they reach what nobody planned for.
const FREE_PERCENT: usize = 20;
/// Of a hundred planned cases, so many get random moves woven in.
const WOVEN_PERCENT: usize = 60;
/// Of a hundred calls, so many are followed by another read at the end: what was gone may come back.
const LAST_READ_PERCENT: usize = 30;
/// Of a hundred calls that ask what the document leaves open, so many are made twice: the answer has to be the same.
const TWICE_PERCENT: usize = 40;
/// Times that each race is run at least and at most, and how many races there are in between: calls can meet in several ways,
/// and where the endpoint is elsewhere, chance decides in which.
const RACE_ROUNDS: (u64, u64) = (4, 12);
const ENOUGH_RACES: u64 = 150;
/// Races that come first for a row that only overlapping calls can earn.
const ROW_RACES: usize = 3;

/// Makes the cases of a run.
#[derive(Clone)]
pub struct Generator<'a> {
    pub(super) set: &'a SpecSet,
    pub(super) seed: String,
    options: Options,
    operations: Vec<OpRef>,
    /// Chooses the unknown ids of plans and tours: with another seed for the cases they stay as they are.
    number: u64,
    plans: BTreeMap<OpRef, Arc<Plans>>,
    /// Plans of an account that has everything, to say what this one lacks.
    ideal: BTreeMap<OpRef, Arc<Plans>>,
    /// By requirement: plans of it that lack nothing.
    usable: BTreeMap<(OpRef, usize), Vec<Usable>>,
    /// Requirements that have a plan, in the order in which they are aimed at.
    aims: Vec<(OpRef, usize)>,
    /// The first cases: everything that is aimed at, with few requests. They are made when they are first needed.
    tours: Arc<OnceLock<Vec<Script>>>,
    /// Calls that tours may make besides; the same for whatever is aimed at.
    stops: Stops,
    /// Overlapping calls: so many of the first meet each of their aims, and so many as often as is worth it before the rest.
    pub(super) races: Vec<(OpRef, Race)>,
    n_needed_races: usize,
    n_first_races: u64,
    /// Why the others have none.
    pub unplanned: BTreeMap<(OpRef, usize), String>,
}

/// By operation.
type Stops = BTreeMap<OpRef, Arc<OnceLock<Vec<Stop>>>>;

/// A plan that lacks nothing.
#[derive(Clone)]
struct Usable {
    /// Its place among all plans for its requirement.
    index: usize,
    /// The states before each command of its set-up, and the last; worked out when a case first needs them.
    states: OnceLock<Vec<State>>,
}

impl<'a> Generator<'a> {
    /// Plans for these operations.
    pub fn new(set: &'a SpecSet, operations: &[OpRef], seed: &str, options: Options) -> Self {
        let number = Dice::new(seed, u64::MAX).number();
        let ideal = search_each(set, operations, number, &Permit::default());
        let plans = if options.permit.is_free() {
            ideal.clone()
        } else {
            search_each(set, operations, number, &options.permit)
        };
        let generator = Self {
            set,
            seed: seed.into(),
            options,
            operations: operations.to_vec(),
            number,
            stops: fresh(operations),
            plans,
            ideal,
            usable: BTreeMap::new(),
            aims: Vec::new(),
            tours: Arc::default(),
            races: Vec::new(),
            n_needed_races: 0,
            n_first_races: 0,
            unplanned: BTreeMap::new(),
        };
        generator.planned()
    }

    /// The same plans with another seed or other options: planning is what takes time. Tours are plans as well, so with the
    /// same options they stay as they are.
    pub fn again(&self, seed: &str, options: Options) -> Self {
        let again = Self { seed: seed.into(), ..self.clone() };
        if options == self.options {
            return again;
        }
        let differs_in_aims = options == Options { only: options.only.clone(), ..self.options.clone() };
        let stops = if differs_in_aims { self.stops.clone() } else { fresh(&self.operations) };
        Self { options, stops, ..again }.planned()
    }

    /// For single operations, as if the account had other things.
    pub fn permitting(&self, operations: &[OpRef], permit: Permit) -> Self {
        let ideal: BTreeMap<OpRef, Arc<Plans>> =
            operations.iter().filter_map(|at| Some((*at, self.ideal.get(at)?.clone()))).collect();
        let plans =
            if permit.is_free() { ideal.clone() } else { search_each(self.set, operations, self.number, &permit) };
        let options = Options { permit, ..self.options.clone() };
        let (operations, stops) = (operations.to_vec(), fresh(operations));
        Self { options, operations, stops, plans, ideal, ..self.clone() }.planned()
    }

    /// Sees what the plans are good for, with these options.
    fn planned(mut self) -> Self {
        self.tours = Arc::default();
        self.usable = self.find_usable();
        self.plan_races();
        self.choose_aims();
        self
    }

    /// What it was told of the endpoint.
    pub fn options(&self) -> &Options {
        &self.options
    }

    fn choose_aims(&mut self) {
        (self.aims, self.unplanned) = Default::default();
        let mut by_operation: Vec<Vec<(OpRef, usize)>> = Vec::new();
        for at in &self.operations {
            let mut aims = Vec::new();
            for (index, requirement) in self.set.operation(*at).requirements.iter().enumerate() {
                let aim = (*at, index);
                if !self.options.only.is_empty() && !self.options.only.contains(&aim) {
                    continue;
                }
                let reason = match (&requirement.unreachable, requirement.overlap) {
                    (Some(reason), _) => Some(reason.clone()),
                    (None, true) if self.races.iter().any(|(of, race)| of == at && race.aims.contains(&index)) => {
                        continue;
                    }
                    (None, true) => Some(self.why_no_race(*at)),
                    (None, false) if self.usable(aim).is_empty() => Some(self.why_unusable(aim)),
                    (None, false) => None,
                };
                match reason {
                    Some(reason) => {
                        self.unplanned.insert(aim, reason);
                    }
                    None => aims.push(aim),
                }
            }
            by_operation.push(aims);
        }
        // Operations take turns, so that a short run sees all of them.
        let longest = by_operation.iter().map(Vec::len).max().unwrap_or(0);
        for position in 0..longest {
            self.aims.extend(by_operation.iter().filter_map(|aims| aims.get(position)));
        }
    }

    /// Tours of all operations, which take turns: first for every requirement, also those that take races, then for what else
    /// can be shown.
    fn plan_tours(&self) -> Vec<Script> {
        let of_operation = |at: &OpRef| {
            let aims: BTreeSet<usize> = self
                .aims
                .iter()
                .filter(|(operation, _)| operation == at)
                .map(|(_, requirement)| *requirement)
                .collect();
            let plans: Vec<&Plan> = aims.iter().flat_map(|requirement| self.usable((*at, *requirement))).collect();
            let all = 0..self.set.operation(*at).requirements.len();
            let known: Vec<&Plan> = all.flat_map(|requirement| self.usable((*at, requirement))).collect();
            let admits = |call: &Command| {
                (call.caller != Caller::Restricted || self.options.restricted.contains(&at.service))
                    && self.why_no_probe(call).is_none()
            };
            // Whoever stops early has seen what takes overlapping calls as well.
            let (needed, others) = self.races[..self.n_first_races as usize].split_at(self.n_needed_races);
            let [needed, others] = [needed, others]
                .map(|races| races.iter().filter(|(of, _)| of == at).map(|(_, race)| race).collect::<Vec<_>>());
            // Whoever asks for single requirements asks for nothing else.
            let asked = (!self.options.only.is_empty()).then(|| {
                let own = self.races.iter().filter(|(of, _)| of == at);
                own.flat_map(|(_, race)| races::asks(self.set, *at, race)).collect::<BTreeSet<usize>>()
            });
            tours(&Material {
                set: self.set,
                at: *at,
                plans: &plans,
                known: &known,
                aims: &aims,
                needed: &needed,
                races: &others,
                variety: Variety { probes: &self.options.probes, admits: &admits, seed: self.number },
                permit: &self.options.permit,
                further: &self.stops[at],
                only: asked.as_ref(),
            })
        };
        let mut parts: [Vec<Vec<Script>>; 3] = Default::default();
        for Tours { first, races, further } in side_by_side(&self.operations, of_operation) {
            [first, races, further].into_iter().zip(&mut parts).for_each(|(scripts, part)| part.push(scripts));
        }
        let mut tours: Vec<Script> = parts.into_iter().flat_map(in_turns).collect();
        if self.options.permit.thrifty {
            let cost = |script: &Script| {
                let cost = Cost::of(self.set, script);
                (cost.paid, !cost.made.is_empty())
            };
            tours.sort_by_key(cost);
        }
        tours
    }

    /// Races of all operations: first those that meet every aim, then the others.
    fn plan_races(&mut self) {
        let permit = &self.options.permit;
        let only = &self.options.only;
        let is_asked = |at: OpRef, aim: usize| only.is_empty() || only.contains(&(at, aim));
        let is_wanted = |at: OpRef, race: &Race| {
            (only.is_empty() || races::about(self.set, at, race).iter().any(|aim| is_asked(at, *aim)))
                && permit.needs_of(self.set, &races::script(self.set, at, race, None).commands).is_empty()
        };
        let (mut first, mut further, mut others) = (Vec::new(), Vec::new(), Vec::new());
        for at in &self.operations {
            let operation = self.set.operation(*at);
            let Some(basics) = operation.basics else { continue };
            let Some(removable) =
                self.usable((*at, basics.effect)).into_iter().find(|plan| is_plain(operation, &plan.call))
            else {
                continue;
            };
            let rows = operation.rows.iter().filter(|row| row.documented).filter_map(|row| row.requirement);
            // What a race is about is its own.
            let own = |row| self.usable((*at, row)).into_iter().find(|plan| !plan.setup.is_empty());
            let refused: Vec<&Plan> = rows.filter_map(own).collect();
            let material = races::Material { set: self.set, at: *at, removable, refused: &refused };
            let mut races = races::races(&material);
            races.retain(|race| is_wanted(*at, race));
            let mut met: BTreeMap<usize, usize> = BTreeMap::new();
            for race in races::needed(self.set, *at, &mut races, |aim| is_asked(*at, aim)) {
                race.aims.iter().for_each(|aim| *met.entry(*aim).or_default() += 1);
                first.push((*at, race));
            }
            races::alternate(&mut races);
            // Whether a row of overlapping work is answered depends on chance.
            let wanted = |aim: usize| if operation.requirements[aim].kind == Kind::Error { ROW_RACES } else { 1 };
            for race in races {
                let is_met =
                    |aim: &usize| !is_asked(*at, *aim) || met.get(aim).is_some_and(|times| *times >= wanted(*aim));
                let list = if race.aims.iter().all(is_met) { &mut others } else { &mut further };
                race.aims.iter().for_each(|aim| *met.entry(*aim).or_default() += 1);
                list.push((*at, race));
            }
        }
        self.n_needed_races = first.len();
        self.n_first_races = (first.len() + further.len()) as u64;
        self.races = first.into_iter().chain(further).chain(others).collect();
    }

    /// Cases that are races.
    pub fn n_races(&self) -> u64 {
        let n_races = self.races.len() as u64;
        n_races * (ENOUGH_RACES / n_races.max(1)).clamp(RACE_ROUNDS.0, RACE_ROUNDS.1)
    }

    /// Every race once, as it was planned.
    pub fn planned_races(&self) -> impl Iterator<Item = Script> + '_ {
        self.races.iter().map(|(at, race)| races::script(self.set, *at, race, None))
    }

    /// The race of this number.
    fn race(&self, number: u64) -> Option<Script> {
        let n_races = self.races.len() as u64;
        let (round, index) = (number / n_races, number % n_races);
        let (at, race) = self.races.get(index as usize)?;
        // At first it is as it was planned: each call changes what the other has seen, once; the second lane what the first has
        // seen before that the other way round, for that is where most goes wrong. Then the other ways take turns with what
        // chance makes of it.
        let way = if round < 2 { 1 - round } else { 1 + round / 2 };
        let planned = || Script { turns: Some(way), ..races::script(self.set, *at, race, None) };
        if round < 2 || round.is_multiple_of(2) {
            return Some(planned());
        }
        let mut dice = Dice::new(&format!("{}/race", self.seed), number);
        let varied = races::script(self.set, *at, race, Some(&mut dice));
        // What is woven around a race may ask for more than was agreed to.
        let is_permitted = self.options.permit.needs_of(self.set, &varied.commands).is_empty();
        Some(if is_permitted { varied } else { planned() })
    }

    fn all_plans(&self, (at, requirement): (OpRef, usize)) -> &[Plan] {
        self.plans.get(&at).and_then(|plans| plans.by_requirement.get(&requirement)).map_or(&[], Vec::as_slice)
    }

    fn find_usable(&self) -> BTreeMap<(OpRef, usize), Vec<Usable>> {
        let all =
            self.plans.iter().flat_map(|(at, plans)| plans.by_requirement.iter().map(|(aim, all)| (*at, *aim, all)));
        let usable = |at: OpRef, plans: &[Plan]| {
            let lacks_nothing = |index: &usize| self.why_not(at, &plans[*index]).is_none();
            let indices = (0..plans.len()).filter(lacks_nothing);
            indices.map(|index| Usable { index, states: OnceLock::new() }).collect()
        };
        all.map(|(at, aim, plans)| ((at, aim), usable(at, plans))).collect()
    }

    pub(super) fn usable(&self, aim: (OpRef, usize)) -> Vec<&Plan> {
        let (plans, usable) = (self.all_plans(aim), self.usable.get(&aim));
        usable.into_iter().flatten().filter_map(|usable| plans.get(usable.index)).collect()
    }

    fn why_unusable(&self, aim: (OpRef, usize)) -> String {
        let reasons = self.all_plans(aim).iter().filter_map(|plan| self.why_not(aim.0, plan)).next();
        let lacking = || {
            let needs = self.needs(aim).into_iter().min_by_key(BTreeSet::len).filter(|needs| !needs.is_empty())?;
            let texts: Vec<String> = needs.iter().map(|need| need.text(self.set)).collect();
            Some(format!("needs {}", texts.join(", and ")))
        };
        let no_way = || {
            let why = gap(self.set, aim.0).map(|gap| format!(": {gap}")).unwrap_or_default();
            format!("the search found no sequence of calls that leads there{why}")
        };
        reasons.or_else(lacking).unwrap_or_else(no_way)
    }

    /// Races begin with something that can be removed.
    fn why_no_race(&self, at: OpRef) -> String {
        let removal = self.set.operation(at).basics.map(|basics| (at, basics.effect));
        let missing = removal.filter(|removal| self.usable(*removal).is_empty());
        missing.map_or_else(|| "no race of calls leads there".into(), |removal| self.why_unusable(removal))
    }

    /// What an account with everything would have to lend this one, for each way to a requirement.
    pub fn needs(&self, aim: (OpRef, usize)) -> Vec<BTreeSet<Need>> {
        let plans = self.ideal.get(&aim.0).and_then(|plans| plans.by_requirement.get(&aim.1));
        let of_plan = |plan: &Plan| {
            let commands = plan.setup.iter().chain(std::iter::once(&plan.call));
            let mut needs = self.options.permit.needs_of(self.set, commands);
            if plan.call.caller == Caller::Restricted && !self.options.restricted.contains(&aim.0.service) {
                needs.insert(Need::Restricted(aim.0.service));
            }
            for probe in self.probes(&plan.call) {
                if !self.options.probes.contains(&probe) {
                    needs.insert(Need::Given(aim.0.service, probe.trim_start_matches("$given.").to_owned()));
                }
                if self.options.careful && !self.is_dry(&plan.call) {
                    needs.insert(Need::DryRun);
                }
            }
            needs
        };
        plans.into_iter().flatten().map(of_plan).collect()
    }

    /// What an endpoint lacks for a plan.
    fn why_not(&self, at: OpRef, plan: &Plan) -> Option<String> {
        if plan.call.caller == Caller::Restricted && !self.options.restricted.contains(&at.service) {
            return Some(
                "needs a second credential whose policy denies the call (a profile names one under `restricted`)"
                    .into(),
            );
        }
        let commands = plan.setup.iter().chain(std::iter::once(&plan.call));
        if let Some(need) = self.options.permit.needs_of(self.set, commands).first() {
            return Some(format!("needs {}", need.text(self.set)));
        }
        self.why_no_probe(&plan.call)
    }

    /// Why a call must not name the things of other people that it names.
    fn why_no_probe(&self, call: &Command) -> Option<String> {
        let probes = self.probes(call);
        let is_missing = |probe: &&Key| !self.options.probes.contains(probe);
        if let Some(probe) = probes.iter().find(is_missing) {
            let name = probe.trim_start_matches("$given.");
            return Some(format!("needs someone else's resource (see `--given {name}=ID`)"));
        }
        let harmless = probes.is_empty() || !self.options.careful || self.is_dry(call);
        (!harmless).then(|| "a wrong endpoint would change someone else's resource".into())
    }

    /// Other people's resources that a call names.
    pub(super) fn probes(&self, call: &Command) -> Vec<Key> {
        let request = call.request(self.set, &Script::home());
        request.targets.into_iter().flatten().filter(|key| is_given(key)).collect()
    }

    pub(super) fn is_dry(&self, call: &Command) -> bool {
        self.set.operation(call.operation).is_dry(&call.arguments)
    }

    /// Requirements that cases are aimed at.
    pub fn aims(&self) -> &[(OpRef, usize)] {
        &self.aims
    }

    /// Requirements that cases can exercise, those of overlapping calls among them.
    pub fn reachable(&self) -> BTreeSet<(OpRef, usize)> {
        let raced = self.races.iter().flat_map(|(at, race)| race.aims.iter().map(|aim| (*at, *aim)));
        self.aims.iter().copied().chain(raced).collect()
    }

    /// There is nothing to exercise.
    pub fn is_aimless(&self) -> bool {
        self.aims.is_empty() && self.races.is_empty()
    }

    /// Number of the first cases, which exercise every aim with few requests.
    pub fn n_tours(&self) -> u64 {
        self.tours().len() as u64
    }

    fn tours(&self) -> &[Script] {
        self.tours.get_or_init(|| self.plan_tours())
    }

    /// The case of this number.
    pub fn case(&self, number: u64) -> Option<Script> {
        let Some(number) = number.checked_sub(self.n_tours()) else {
            return self.tours().get(number as usize).cloned();
        };
        let n_aims = self.aims.len() as u64;
        // The other races and cases take turns, as long as there are races.
        let n_races = self.n_races().saturating_sub(self.n_first_races);
        let number = match (number % 2, n_aims) {
            (0, _) | (_, 0) if number < 2 * n_races => {
                let position = if n_aims == 0 { number } else { number / 2 };
                return if position < n_races { self.race(self.n_first_races + position) } else { None };
            }
            (_, 0) => return None,
            _ => number - n_races.min(number.div_ceil(2)),
        };
        let mut dice = Dice::new(&self.seed, number);
        let round = number / n_aims;
        let aim = self.aims[(number % n_aims) as usize];
        if dice.percent(FREE_PERCENT) {
            return Some(self.walk(aim.0, &mut dice));
        }
        let plans = &self.usable[&aim];
        let Usable { index, states } = &plans[(round as usize) % plans.len()];
        let plan = &self.all_plans(aim)[*index];
        let mut setup = plan.setup.clone();
        let mut call = plan.call.clone();
        let states = states.get_or_init(|| simulate::run(self.set, &self.initial(aim.0), &setup, &plan.assumed));
        let mut states = Cow::Borrowed(states.as_slice());
        if dice.percent(WOVEN_PERCENT) {
            self.weave(aim, plan, &mut setup, states.to_mut(), &mut call, &mut dice);
        }
        let Some(before) = states.last() else { return Some(Script::new(setup, vec![aim])) };
        Some(self.finish(aim, plan, before, setup, call, &mut dice))
    }

    /// Answers to open questions under which plans exercise a requirement.
    pub fn assumed(&self, aim: (OpRef, usize)) -> impl Iterator<Item = &Choices> {
        self.usable(aim).into_iter().map(|plan| &plan.assumed)
    }

    pub(super) fn initial(&self, at: OpRef) -> State {
        State::initial(self.set.service(at), &Script::home())
    }

    /// Adds the reads, and now and then a last look; `before` is the state that the call meets.
    fn finish(
        &self,
        aim: (OpRef, usize),
        plan: &Plan,
        before: &State,
        setup: Vec<Command>,
        call: Command,
        dice: &mut Dice,
    ) -> Script {
        let mut commands = setup;
        let watch = is_about_staying(self.set.operation(aim.0), aim.1);
        let mut reads = readback::after(self.set, before, &call, &plan.assumed, watch);
        let beside = readback::bystander(self.set, before, &call);
        reads.extend(beside.into_iter().filter(|read| !reads.contains(read)).collect::<Vec<_>>());
        let last = reads.first().cloned().filter(|_| dice.percent(LAST_READ_PERCENT));
        let looks = readback::before(self.set, before, &commands, &call);
        commands.extend(looks);
        let is_open = self.set.operation(aim.0).requirements[aim.1].kind == Kind::Open;
        let again: Vec<Command> = if is_open && dice.percent(TWICE_PERCENT) {
            std::iter::once(&call).chain(&reads).cloned().collect()
        } else {
            Vec::new()
        };
        commands.push(call);
        commands.extend(reads);
        commands.extend(again);
        commands.extend(last.map(|mut command| {
            command.until = None;
            command
        }));
        Script::new(commands, vec![aim])
    }
}

/// Plans of each operation.
fn search_each(set: &SpecSet, operations: &[OpRef], seed: u64, permit: &Permit) -> BTreeMap<OpRef, Arc<Plans>> {
    let plans = side_by_side(operations, |at| Arc::new(search(set, *at, seed, permit)));
    operations.iter().copied().zip(plans).collect()
}

fn fresh(operations: &[OpRef]) -> Stops {
    operations.iter().map(|at| (*at, Arc::default())).collect()
}

/// Does something for each operation, on a thread of its own: planning is most of what a short run takes.
fn side_by_side<T: Send>(operations: &[OpRef], make: impl Fn(&OpRef) -> T + Sync) -> Vec<T> {
    let make = &make;
    std::thread::scope(|scope| {
        let threads: Vec<_> = operations.iter().map(|at| scope.spawn(move || make(at))).collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect()
    })
}
