//! Tours with a race in them.
//!
//! What a race begins with is often there when a tour ends, and much of what a race costs goes into reaching that. It may also
//! be there on the way: then the tour goes on after the race, if that leaves everything as it was. A script has one race at
//! most.

use super::{
    approach::{Ground, Standing, Way},
    races::{self, Race},
};
use crate::{
    model::State,
    sequence::{Command, Purpose, Script},
};

/// Lets tours end with races, where that spares requests; hands out the others.
pub fn race_at_the_end<'r>(ground: &Ground<'_>, tours: &mut [Script], races: &[&'r Race]) -> Vec<&'r Race> {
    hosted(ground, tours, races, |tour| vec![tour.commands.len()])
}

/// Lets races take place on the way, where that spares requests; hands out the others.
pub fn race_on_the_way<'r>(ground: &Ground<'_>, tours: &mut [Script], races: &[&'r Race]) -> Vec<&'r Race> {
    // What a call did is looked at before anything else happens.
    let is_free = |tour: &Script, place: &usize| tour.commands[*place].purpose == Purpose::Setup;
    hosted(ground, tours, races, |tour| (1..tour.commands.len()).filter(|place| is_free(tour, place)).collect())
}

/// Puts each race where it spares the most, of some places in each tour.
fn hosted<'r>(
    ground: &Ground<'_>,
    tours: &mut [Script],
    races: &[&'r Race],
    places: impl Fn(&Script) -> Vec<usize>,
) -> Vec<&'r Race> {
    let mut others = Vec::new();
    for race in races {
        let way = Way::new(ground, race.setup.clone());
        let free = tours.iter_mut().filter(|tour| tour.race().is_empty());
        let at_best = |tour: &Script| {
            let hosting = places(tour).into_iter().filter_map(|place| with_race(ground, tour, place, &way, race));
            // Of those that spare the same, the first.
            hosting.reduce(|best, other| if other.1 > best.1 { other } else { best })
        };
        match free.filter_map(|tour| Some((at_best(tour)?, tour))).max_by_key(|((_, spared), _)| *spared) {
            Some(((hosting, _), tour)) => *tour = hosting,
            None => others.push(*race),
        }
    }
    others
}

/// A tour with a race at this place, and what is spared; none where that is nothing, or too much for an account, or the rest
/// of the tour would find something else than without the race.
fn with_race(ground: &Ground<'_>, tour: &Script, place: usize, way: &Way, race: &Race) -> Option<(Script, usize)> {
    let (before, after) = tour.commands.split_at(place);
    let state = ground.end(ground.initial, before);
    // What the rest needs is not taken back.
    let standing = if after.is_empty() { Standing::new(ground, &state) } else { Standing::as_is(&state) };
    let further: Vec<Command> = race.lanes.iter().flatten().cloned().collect();
    let approach = standing.approach(ground, way, &way.gone(&further));
    let spared = ground.cost(&way.commands).checked_sub(approach.requests).filter(|spared| *spared > 0)?;
    let (commands, names) = standing.commands(&approach, &tour.commands, way, &further);
    let setup: Vec<Command> = before.iter().cloned().chain(commands).collect();
    let renamed = |lane: &Vec<Command>| lane.iter().map(|command| command.renamed(&names)).collect();
    let lanes: Vec<Vec<Command>> = race.lanes.iter().map(renamed).collect();
    let mut script = races::script(ground.set, ground.at, &Race { setup, lanes, aims: race.aims.clone() }, None);
    if !after.is_empty() && !keeps(&ground.end(ground.initial, &script.commands), &state) {
        return None;
    }
    script.commands.extend_from_slice(after);
    script.aims.splice(..0, tour.aims.iter().copied());
    ground.permit.needs_of(ground.set, &script.commands).is_empty().then_some((script, spared))
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
