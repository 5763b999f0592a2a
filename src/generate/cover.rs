//! Scripts that exercise much with few requests.
//!
//! Requests are what a real endpoint costs, and most of them go into reaching a state. A *tour* makes one call after
//! another, each from where the last one has left it: the ones that leave everything as it is first, then one call that
//! takes something back, or what is left of a way to the next state. Which call comes next is decided greedily: whatever
//! shows the most that is new, weighed by in how many ways an endpoint can miss it, for each request that it adds. So tours
//! also try the cheap and telling first.
//!
//! What is best at each step need not be best in the end. So what comes after the first calls is chosen several times, each
//! time with a [`Bias`] for some stops and against others, and the course that takes the fewest requests is kept, with the
//! races that have to come and what it takes to remove what is left.
//!
//! Calls of one tour cannot disturb each other as long as the endpoint does what the model says; where it does not, the
//! first difference ends the judging of the tour, and later cases, which have one aim each, find what it hid.

use std::{
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
    sync::OnceLock,
};

use super::{
    aimed,
    approach::Ground,
    dice::Dice,
    exercise::{Doubt, depends},
    goal::Goal,
    permit::Permit,
    plan::Plan,
    raced::{self, Guest},
    races::{self, Race},
    spot::Spots,
    stop::{self, Noise, Stop, Variety},
    tour::{Passage, Tour},
};
use crate::{
    model::{Choices, State},
    sequence::{Command, Script},
    spec::{SpecSet, service::OpRef},
};

/// What a request costs, in arguments.
const REQUEST: usize = 8;

/// What can fail in so many ways is not put off to spare requests.
const URGENT: usize = 16;

/// Choices of biases: of a few, those that lead to the fewest requests with the embedded specs.
const SERIES: u64 = 6;
/// Biased courses that are tried.
const TRIES: u64 = 200;
/// So many of them differ much from the best so far; the others differ little.
const ADVENTURES: u64 = 30;
/// After so many tries that made nothing cheaper, none is expected to.
const MOST_VAIN: u64 = 80;
/// So many calls come first without any bias: they tell the most.
const UNBIASED: usize = 12;
/// What a bias makes of a stop's worth, in percent.
const LEAST_BIAS: usize = 40;
const MOST_BIAS: usize = 160;

/// What tours are made of.
pub struct Material<'a> {
    pub set: &'a SpecSet,
    pub at: OpRef,
    /// Ways to what is to be exercised.
    pub plans: &'a [&'a Plan],
    /// Ways to all that can be.
    pub known: &'a [&'a Plan],
    /// Requirements to exercise.
    pub aims: &'a BTreeSet<usize>,
    /// Races that meet what only overlapping calls can, on the first tours or after them.
    pub needed: &'a [&'a Race],
    /// More of them, for what depends on chance.
    pub races: &'a [&'a Race],
    pub variety: Variety<'a>,
    pub permit: &'a Permit,
    /// All other calls that tours may make. They depend on none of the aims, so whoever asks for one requirement after the
    /// other works them out once.
    pub further: &'a OnceLock<Vec<Stop>>,
    /// Where nothing but the aims is of interest: the questions that the document leaves open on which races depend.
    pub only: Option<&'a BTreeSet<usize>>,
}

/// Tours of one operation.
#[derive(Default)]
pub struct Tours {
    /// Those that exercise every requirement that the plans can, as likely endpoints answer; some end with a race.
    pub first: Vec<Script>,
    /// The other races.
    pub races: Vec<Script>,
    /// Those that reach what else can be shown, of the aims where nothing else is of interest.
    pub further: Vec<Script>,
}

/// Makes the tours of one operation.
pub fn tours(material: &Material<'_>) -> Tours {
    let Material { set, at, plans, known, aims, needed, races, variety, permit, further, only } = *material;
    let initial = State::initial(set.service(at), &Script::home());
    let likely = Choices::likely(set.operation(at));
    let ground = Ground { set, at, initial: &initial, likely: &likely, permit };
    let mut stops = stop::planned(&ground, plans);
    let is_aim = |goal: &Goal| goal.requirement().is_some_and(|requirement| aims.contains(&requirement));
    let cover = Cover::new(&ground, &stops, is_aim, Goal::is_passed_by);
    let guests: Vec<Guest<'_>> = needed.iter().map(|race| Guest::new(&ground, race)).collect();
    let Raced { first, alone, visited, .. } = cover.cheapest(&guests);
    let alone = alone.iter().map(|guest| guest.script.clone());
    // Where it depends on a question what comes, nothing is known until that is answered.
    let asks = |raced: &BTreeSet<usize>| stops.iter().flat_map(|stop| &stop.asks).chain(raced).copied().collect();
    let asked: BTreeSet<usize> = only.map(asks).unwrap_or_default();
    let repeated: BTreeSet<usize> = aims.iter().flat_map(|aim| depends(set.operation(at), *aim)).collect();
    let races = alone.chain(races.iter().map(|race| races::script(set, at, race, None))).collect();
    stops.extend_from_slice(further.get_or_init(|| stop::further(&ground, known, variety)));
    if only.is_some() {
        stops.extend(stop::planned(&ground, known));
        aimed::narrow(&ground, &mut stops, aims, &asked);
    }
    // Everything that the first tours make happen is shown; only questions are asked again. But nobody looked at what the
    // calls left alone, nor at what was not shown yet when they came.
    let shown = visited.iter().map(|index| &stops[*index]);
    let seen: BTreeSet<Goal> =
        shown.flat_map(|stop| stop.shows.keys().filter(|goal| !goal.needs_looks(stop.passing()))).copied().collect();
    // What a question is answered is known only where nothing else has to be answered in an unlikely way first.
    let surely = |goal: &Goal| visited.iter().any(|index| stops[*index].shows.get(goal).is_some_and(Doubt::is_likely));
    let is_new = |goal: &Goal| match goal {
        Goal::Row(_) => false,
        Goal::Requirement(requirement) => asked.contains(requirement) && !surely(goal),
        Goal::Again { requirement, .. } => {
            aims.contains(requirement) || only.is_some() && repeated.contains(requirement)
        }
        goal => !seen.contains(goal),
    };
    let cover = Cover { is_strict: only.is_some(), ..Cover::new(&ground, &stops, is_new, |_| false) };
    let Covered { scripts: mut further, visited } = cover.made(&Bias::NONE);
    if only.is_some() {
        further.extend(aimed::alone(&ground, visited.iter().map(|index| &stops[*index]), &further));
    }
    Tours { first, races, further }
}

/// Goals, and stops that show them.
struct Cover<'a> {
    ground: &'a Ground<'a>,
    stops: &'a [Stop],
    goals: Vec<Numbered>,
    numbers: BTreeMap<Goal, usize>,
    /// By stop: numbers of the goals that it shows as surely as any.
    shown: Vec<Vec<usize>>,
    /// By goal: the stops that show it so.
    showing: Vec<Vec<usize>>,
    /// What a stop shows by chance, coming from elsewhere, does not count.
    is_strict: bool,
    spots: Rc<Spots>,
}

/// A goal by its number.
struct Numbered {
    goal: Goal,
    /// How sure it can be: what depends on more may fail to show it.
    surest: Doubt,
    weight: usize,
    is_wanted: bool,
}

struct Covered {
    scripts: Vec<Script>,
    /// Stops that they make.
    visited: Vec<usize>,
}

/// Tours, some of which have a race in them, and the other races.
struct Raced<'g> {
    first: Vec<Script>,
    alone: Vec<&'g Guest<'g>>,
    visited: Vec<usize>,
    /// What all of them cost, in half requests.
    cost: usize,
}

/// What makes one course differ from another, by stop: how much of its worth counts, in percent; nothing where all of it does.
struct Bias(Vec<usize>);

/// A course that is being chosen.
struct Course<'a> {
    bias: &'a Bias,
    /// The last of them may go on; the others are full.
    tours: Vec<Tour>,
    /// The next one.
    fresh: Tour,
    /// By goal: nothing has shown it yet.
    open: Vec<bool>,
    /// By stop: what it shows that nobody has seen.
    gains: Vec<Gain>,
    /// Stops that were made, with the goals that each showed first.
    visits: Vec<(usize, Vec<usize>)>,
    /// Stops that turned out to show nothing from where the last tour stands, or anew.
    vain: BTreeSet<(usize, bool)>,
    /// Not even the last tour goes on.
    is_closed: bool,
}

/// What a stop shows that is new.
#[derive(Clone, Copy, Default)]
struct Gain {
    weight: usize,
    /// So many goals of it are wanted; without any, the rest is worth nothing.
    n_wanted: usize,
}

/// A stop that may be made next.
#[derive(Clone, Copy)]
struct Choice {
    index: usize,
    gain: usize,
    cost: usize,
    /// On a new tour.
    anew: bool,
}

impl Gain {
    fn worth(self) -> usize {
        if self.n_wanted > 0 { self.weight } else { 0 }
    }
}

impl Bias {
    const NONE: Self = Self(Vec::new());

    /// The same for so many of a hundred stops, and any for the others.
    fn varied(&self, n_stops: usize, kept_percent: usize, dice: &mut Dice) -> Self {
        let any = |dice: &mut Dice| LEAST_BIAS + dice.below(MOST_BIAS - LEAST_BIAS);
        let is_kept = |dice: &mut Dice| !self.0.is_empty() && dice.percent(kept_percent);
        Self((0..n_stops).map(|stop| if is_kept(dice) { self.0[stop] } else { any(dice) }).collect())
    }
}

impl Course<'_> {
    /// What a stop is worth in percent of what it shows.
    fn bias(&self, stop: usize) -> usize {
        self.bias.0.get(stop).copied().filter(|_| self.visits.len() >= UNBIASED).unwrap_or(100)
    }
}

impl<'a> Cover<'a> {
    /// For goals that are wanted; others count where something else is.
    fn new(
        ground: &'a Ground<'a>,
        stops: &'a [Stop],
        is_wanted: impl Fn(&Goal) -> bool,
        counts: impl Fn(&Goal) -> bool,
    ) -> Self {
        let mut surest: BTreeMap<Goal, &Doubt> = BTreeMap::new();
        for (goal, doubt) in stops.iter().flat_map(|stop| &stop.shows) {
            if !is_wanted(goal) && !counts(goal) {
                continue;
            }
            surest.entry(*goal).and_modify(|least| *least = doubt.min(*least)).or_insert(doubt);
        }
        let operation = ground.set.operation(ground.at);
        let numbers = surest.keys().copied().zip(0..).collect();
        let numbered = |(goal, doubt): (Goal, &Doubt)| Numbered {
            goal,
            surest: doubt.clone(),
            weight: goal.weight(operation),
            is_wanted: is_wanted(&goal),
        };
        let goals = surest.into_iter().map(numbered).collect();
        let (shown, showing, spots) = (Vec::new(), Vec::new(), Rc::default());
        let mut cover = Self { ground, stops, goals, numbers, shown, showing, is_strict: false, spots };
        cover.shown = stops.iter().map(|stop| cover.surely(&stop.shows)).collect();
        cover.showing = vec![Vec::new(); cover.goals.len()];
        for (index, shown) in cover.shown.iter().enumerate() {
            shown.iter().for_each(|number| cover.showing[*number].push(index));
        }
        cover
    }

    /// Numbers of the goals that are shown as surely as any stop shows them.
    fn surely(&self, shows: &BTreeMap<Goal, Doubt>) -> Vec<usize> {
        let numbered = shows.iter().filter_map(|(goal, doubt)| Some((*self.numbers.get(goal)?, doubt)));
        numbered.filter(|(number, doubt)| **doubt <= self.goals[*number].surest).map(|(number, _)| number).collect()
    }

    /// The tours and races that reach what is wanted with the fewest requests, of those that are tried. They are always the
    /// same.
    fn cheapest<'g>(&self, guests: &'g [Guest<'g>]) -> Raced<'g> {
        let mut dice = Dice::new("courses", SERIES);
        // The race that comes first has the choice of the places.
        let mut order: Vec<&Guest<'_>> = guests.iter().collect();
        let (mut best, mut bias) = (self.raced(&Bias::NONE, &order), Bias::NONE);
        let mut n_vain = 0;
        for number in 0..TRIES {
            let kept_percent = if number < ADVENTURES { 50 } else { 80 };
            let other = bias.varied(self.stops.len(), kept_percent, &mut dice);
            let mut others = order.clone();
            if number % 2 == 0 {
                others.sort_by_cached_key(|_| dice.number());
            }
            let raced = self.raced(&other, &others);
            n_vain = if raced.cost < best.cost { 0 } else { n_vain + 1 };
            if raced.cost <= best.cost {
                (best, bias, order) = (raced, other, others);
            }
            if n_vain >= MOST_VAIN {
                break;
            }
        }
        best
    }

    /// Tours, and the races that come after them.
    fn raced<'g>(&self, bias: &Bias, guests: &[&'g Guest<'g>]) -> Raced<'g> {
        let Covered { scripts: mut first, visited } = self.made(bias);
        let others = raced::race_at_the_end(self.ground, &mut first, guests);
        let alone = raced::race_on_the_way(self.ground, &mut first, &others);
        let scripts = first.iter().chain(alone.iter().map(|guest| &guest.script));
        let cost = scripts.map(|script| self.ground.whole_cost(&script.commands)).sum();
        Raced { first, alone, visited, cost }
    }

    /// Tours that reach what is wanted.
    fn made(&self, bias: &Bias) -> Covered {
        let all: Vec<usize> = (0..self.stops.len()).collect();
        let course = self.course(&all, bias);
        // What seemed worth it early may not be in the end: others show it as well.
        let mut course = self.course(&self.needed(&course.visits), bias);
        self.go_on(&mut course, &all);
        let visited = course.visits.iter().map(|(index, _)| *index).collect();
        let scripts = course.tours.into_iter().flat_map(|tour| tour.scripts(self.ground)).collect();
        Covered { scripts, visited }
    }

    /// A course over these stops.
    fn course<'b>(&self, stops: &[usize], bias: &'b Bias) -> Course<'b> {
        let fresh = Tour::new(self.ground, &self.spots);
        let mut course = Course {
            bias,
            tours: Vec::new(),
            fresh,
            open: vec![true; self.goals.len()],
            gains: self.shown.iter().map(|shown| self.gain(shown)).collect(),
            visits: Vec::new(),
            vain: BTreeSet::new(),
            is_closed: false,
        };
        if self.ground.permit.thrifty {
            // What costs money waits for the rest.
            let is_free = |index: &&usize| !self.stops[**index].is_paid(self.ground.set);
            let free: Vec<usize> = stops.iter().filter(is_free).copied().collect();
            self.go_on(&mut course, &free);
            course.is_closed = true;
        }
        self.go_on(&mut course, stops);
        course
    }

    /// Makes these stops, as long as they show something new.
    fn go_on(&self, course: &mut Course<'_>, stops: &[usize]) {
        course.vain.clear();
        while let Some(Choice { index, anew, .. }) = self.best(course, stops) {
            let stop = &self.stops[index];
            let passage = if anew { Some(&mut course.fresh) } else { course.tours.last_mut() };
            let Some(passage) = passage.map(|tour| tour.passage(self.ground, stop)) else { return };
            let Some(new) = self.news(course, index, &passage) else {
                course.vain.insert((index, anew));
                continue;
            };
            if anew {
                course.tours.push(std::mem::replace(&mut course.fresh, Tour::new(self.ground, &self.spots)));
                course.is_closed = false;
            }
            let Some(tour) = course.tours.last_mut() else { return };
            let call = tour.go(self.ground, passage);
            if stop.noise != Noise::Quiet {
                // What is there is used before it may be gone.
                self.stay(course, stops, index);
            }
            // That may have shown what it was to show.
            let new: Vec<usize> = new.into_iter().filter(|number| course.open[*number]).collect();
            if new.iter().any(|number| self.goals[*number].is_wanted) {
                self.make(course, index, call, new);
            }
        }
    }

    /// Makes all other stops where the last tour stands that leave everything as it is.
    fn stay(&self, course: &mut Course<'_>, stops: &[usize], index: usize) {
        while let Some(other) = self.here(course, stops).filter(|other| *other != index) {
            let Some(tour) = course.tours.last_mut() else { return };
            let passage = tour.passage(self.ground, &self.stops[other]);
            let Some(new) = self.news(course, other, &passage) else {
                course.vain.insert((other, false));
                continue;
            };
            let Some(tour) = course.tours.last_mut() else { return };
            let call = tour.go(self.ground, passage);
            self.make(course, other, call, new);
        }
    }

    /// What a stop shows for the first time; nothing where none of that is wanted.
    fn news(&self, course: &Course<'_>, index: usize, passage: &Passage) -> Option<Vec<usize>> {
        let is_shown = |number: &usize| passage.shows.contains_key(&self.goals[*number].goal);
        let mut new: Vec<usize> = self.shown[index].iter().copied().filter(is_shown).collect();
        if !self.is_strict {
            new.extend(self.surely(&passage.shows).into_iter().filter(|number| !self.shown[index].contains(number)));
        }
        new.retain(|number| course.open[*number]);
        new.iter().any(|number| self.goals[*number].is_wanted).then_some(new)
    }

    /// Makes the call of a stop where the last tour has arrived.
    fn make(&self, course: &mut Course<'_>, index: usize, call: Command, new: Vec<usize>) {
        let Some(tour) = course.tours.last_mut() else { return };
        let wanted = new.iter().map(|number| &self.goals[*number]).filter(|numbered| numbered.is_wanted);
        let goals = wanted.map(|numbered| numbered.goal).collect();
        tour.make(self.ground, &self.stops[index], call, &goals);
        for number in &new {
            course.open[*number] = false;
            let Numbered { weight, is_wanted, .. } = self.goals[*number];
            for stop in &self.showing[*number] {
                course.gains[*stop].weight -= weight;
                course.gains[*stop].n_wanted -= usize::from(is_wanted);
            }
        }
        course.visits.push((index, new));
        course.vain.clear();
    }

    /// A stop where the last tour stands that leaves everything as it is, and could not be made just as well elsewhere.
    fn here(&self, course: &mut Course<'_>, stops: &[usize]) -> Option<usize> {
        let mut best: Option<(usize, usize)> = None;
        for index in stops {
            let stop = &self.stops[*index];
            let gain = course.gains[*index].worth();
            let is_best = gain > best.map_or(0, |(most, _)| most);
            if !is_best || stop.noise != Noise::Quiet || stop.way.commands.is_empty() {
                continue;
            }
            let tour = course.tours.last_mut()?;
            if !course.vain.contains(&(*index, false))
                && tour.is_at(self.ground, stop)
                && tour.requests(self.ground, stop).is_some()
            {
                best = Some((gain, *index));
            }
        }
        best.map(|(_, index)| index)
    }

    /// What goals are worth as long as nobody has seen them.
    fn gain(&self, shown: &[usize]) -> Gain {
        let shown = || shown.iter().map(|number| &self.goals[*number]);
        let weight = shown().map(|numbered| numbered.weight).sum();
        Gain { weight, n_wanted: shown().filter(|numbered| numbered.is_wanted).count() }
    }

    /// The stop that shows the most for each request.
    fn best(&self, course: &mut Course<'_>, stops: &[usize]) -> Option<Choice> {
        let mut best: Option<Choice> = None;
        for index in stops {
            let stop = &self.stops[*index];
            let gain = course.gains[*index].worth() * course.bias(*index);
            // Between calls that are worth the same, the one with fewer arguments is the more probable one.
            let n_arguments = stop.call.arguments.iter().flatten().count();
            let cost = |requests: usize| requests * REQUEST + n_arguments;
            let is_better = |cost: usize| best.is_none_or(|best| gain * best.cost > best.gain * cost);
            if gain == 0 || !is_better(cost(1)) {
                continue;
            }
            let is_open = !course.is_closed && !course.vain.contains(&(*index, false));
            let here = course.tours.last_mut().filter(|_| is_open);
            let here = here.and_then(|tour| Some((tour.requests(self.ground, stop)?, false)));
            let mut anew = || Some((course.fresh.requests(self.ground, stop)?, true));
            let Some((requests, anew)) = here.or_else(&mut anew) else { continue };
            let cost = cost(requests);
            if is_better(cost) && !course.vain.contains(&(*index, anew)) {
                best = Some(Choice { index: *index, gain, cost, anew });
            }
        }
        best
    }

    /// Stops that are needed: without those whose goals others show as well.
    fn needed(&self, visits: &[(usize, Vec<usize>)]) -> Vec<usize> {
        let mut needed: Vec<usize> = visits.iter().map(|(index, _)| *index).collect();
        let mut n_shown = vec![0; self.goals.len()];
        for (index, first) in visits {
            let own =
                self.shown[*index].iter().chain(first.iter().filter(|number| !self.shown[*index].contains(number)));
            own.for_each(|number| n_shown[*number] += 1);
        }
        for (index, first) in visits.iter().rev() {
            if first.iter().map(|number| self.goals[*number].weight).sum::<usize>() >= URGENT {
                continue;
            }
            let is_elsewhere = |number: &usize| n_shown[*number] > 1 || !self.goals[*number].is_wanted;
            if first.iter().chain(&self.shown[*index]).all(is_elsewhere) {
                self.shown[*index].iter().for_each(|number| n_shown[*number] -= 1);
                needed.retain(|one| one != index);
            }
        }
        needed
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
