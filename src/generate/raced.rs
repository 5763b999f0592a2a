//! Tours with a race in them.
//!
//! What a race begins with is often there when a tour ends, and much of what a race costs goes into reaching that. It may also
//! be there on the way: then the tour goes on after the race, if that leaves everything as it was. A script has one race at
//! most.

use std::cmp::Reverse;

use super::{
    approach::{Approach, Ground, Standing, Way},
    races::{self, Race},
    simulate,
};
use crate::{
    model::State,
    sequence::{Command, Purpose, Script},
    value::Key,
};

/// A race that may come into a tour, with what does not depend on where.
pub struct Guest<'r> {
    race: &'r Race,
    way: Way,
    /// What its lanes name that is gone when they leave.
    gone: Vec<Key>,
    /// By itself.
    pub script: Script,
}

impl<'r> Guest<'r> {
    pub fn new(ground: &Ground<'_>, race: &'r Race) -> Self {
        let way = Way::new(ground, race.setup.clone());
        let gone = way.gone(race.lanes.iter().flatten());
        Self { race, way, gone, script: races::script(ground.set, ground.at, race, None) }
    }
}

/// Lets tours end with races, where that spares requests; hands out the others.
pub fn race_at_the_end<'g>(ground: &Ground<'_>, tours: &mut [Script], guests: &[&'g Guest<'g>]) -> Vec<&'g Guest<'g>> {
    hosted(ground, tours, guests, |tour| vec![tour.commands.len()])
}

/// Lets races take place on the way, where that spares requests; hands out the others.
pub fn race_on_the_way<'g>(ground: &Ground<'_>, tours: &mut [Script], guests: &[&'g Guest<'g>]) -> Vec<&'g Guest<'g>> {
    // What a call did is looked at before anything else happens.
    let is_free = |tour: &Script, place: &usize| tour.commands[*place].purpose == Purpose::Setup;
    hosted(ground, tours, guests, |tour| (1..tour.commands.len()).filter(|place| is_free(tour, place)).collect())
}

/// A place in a tour where a race may come.
struct Place {
    /// Number of the tour.
    tour: usize,
    /// Commands before it.
    at: usize,
    state: State,
    standing: Standing,
}

/// Puts each race where it spares the most, of some places in each tour.
fn hosted<'g>(
    ground: &Ground<'_>,
    tours: &mut [Script],
    guests: &[&'g Guest<'g>],
    places: impl Fn(&Script) -> Vec<usize>,
) -> Vec<&'g Guest<'g>> {
    let mut free: Vec<Place> = Vec::new();
    for (number, tour) in tours.iter().enumerate().filter(|(_, tour)| tour.race().is_empty()) {
        let states = simulate::run(ground.set, ground.initial, &tour.commands, ground.likely);
        free.extend(places(tour).into_iter().map(|at| {
            let state = states[at].clone();
            // What the rest needs is not taken back.
            let is_end = at == tour.commands.len();
            let standing = if is_end { Standing::new(ground, &state) } else { Standing::as_is(&state) };
            Place { tour: number, at, state, standing }
        }));
    }
    let mut others = Vec::new();
    for guest in guests {
        let dear = ground.cost(&guest.way.commands);
        let mut spared: Vec<(usize, &Place, Approach)> = free
            .iter()
            .map(|place| (place, place.standing.approach(ground, &guest.way, &guest.gone)))
            .filter(|(_, approach)| approach.requests < dear)
            .map(|(place, approach)| (dear - approach.requests, place, approach))
            .collect();
        // Of those that spare the same, the last tour, and its first place.
        spared.sort_by_key(|(spared, place, _)| Reverse((*spared, place.tour, Reverse(place.at))));
        let hosting = spared.into_iter().find_map(|(_, place, approach)| {
            Some((place.tour, with_race(ground, &tours[place.tour], place, &approach, guest)?))
        });
        match hosting {
            Some((number, hosting)) => {
                tours[number] = hosting;
                free.retain(|place| place.tour != number);
            }
            None => others.push(*guest),
        }
    }
    others
}

/// A tour with a race at this place; none where that is too much for an account, or the rest of the tour would find something
/// else than without the race.
fn with_race(
    ground: &Ground<'_>,
    tour: &Script,
    place: &Place,
    approach: &Approach,
    guest: &Guest<'_>,
) -> Option<Script> {
    let Guest { race, way, .. } = guest;
    let (before, after) = tour.commands.split_at(place.at);
    let further: Vec<Command> = race.lanes.iter().flatten().cloned().collect();
    let (commands, names) = place.standing.commands(approach, &tour.commands, way, &further);
    let setup: Vec<Command> = before.iter().cloned().chain(commands).collect();
    let renamed = |lane: &Vec<Command>| lane.iter().map(|command| command.renamed(&names)).collect();
    let lanes: Vec<Vec<Command>> = race.lanes.iter().map(renamed).collect();
    let mut script = races::script(ground.set, ground.at, &Race { setup, lanes, aims: race.aims.clone() }, None);
    if !after.is_empty() && !keeps(&ground.end(ground.initial, &script.commands), &place.state) {
        return None;
    }
    script.commands.extend_from_slice(after);
    script.aims.splice(..0, tour.aims.iter().copied());
    ground.permit.needs_of(ground.set, &script.commands).is_empty().then_some(script)
}

/// Whether a state has everything that another one has, with nothing under way besides.
fn keeps(state: &State, earlier: &State) -> bool {
    state.pending == earlier.pending
        && state.tokens == earlier.tokens
        && earlier.resources.iter().all(|(key, found)| state.resource(key).is_some_and(|now| now == &**found))
}

#[cfg(test)]
mod tests {
    use crate::{
        generate::{Generator, Options, simulate},
        model::{Choices, State},
        sequence::{Command, Purpose, Script},
        spec::embedded,
    };

    #[test]
    fn a_race_on_the_way_leaves_everything_as_it_was() {
        let set = embedded().expect("the embedded specs are sound");
        let mut n_hosting = 0;
        for (at, operation) in set.operations().filter(|(_, operation)| operation.is_documented()) {
            let generator = Generator::new(&set, &[at], "1", Options::default());
            let (initial, likely) = (State::initial(set.service(at), &Script::home()), Choices::likely(operation));
            let states = |commands: &[Command]| simulate::run(&set, &initial, commands, &likely);
            for script in (0..generator.n_tours()).filter_map(|number| generator.case(number)) {
                let race = script.race();
                let after = script.commands[race.end..].iter().position(|command| command.purpose != Purpose::Read);
                let Some(after) = after.filter(|_| !race.is_empty()) else { continue };
                n_hosting += 1;
                let without = [&script.commands[..race.start], &script.commands[race.end + after..]].concat();
                let (with, without) = (states(&script.commands), states(&without));
                for (here, command) in script.commands.iter().enumerate().skip(race.end + after) {
                    let there = here - (race.end + after - race.start);
                    for key in command.uses() {
                        let (now, otherwise) = (with[here].resource(&key), without[there].resource(&key));
                        assert_eq!(now, otherwise, "{key} before {command:?} of {}", operation.name);
                    }
                }
            }
        }
        assert!(n_hosting > 0, "no tour goes on after a race");
    }
}
