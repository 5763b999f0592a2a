//! Races at the end of tours.
//!
//! What a race begins with is often there when a tour ends, and much of what a race costs goes into reaching that. A script
//! has one race at most, and nothing comes after it but its reads.

use super::{
    approach::{Ground, Standing, Way},
    races::{self, Race},
};
use crate::sequence::{Command, Script};

/// Lets tours end with races, where that spares requests; hands out the scripts of the other races.
pub fn race_at_the_end(ground: &Ground<'_>, tours: &mut [Script], races: &[&Race]) -> Vec<Script> {
    let script = |race: &Race| races::script(ground.set, ground.at, race, None);
    let mut others = Vec::new();
    for race in races {
        let way = Way::new(ground, race.setup.clone());
        let open = tours.iter_mut().filter(|tour| tour.race().is_empty());
        let ended = open.filter_map(|tour| Some((ended(ground, tour, &way, race)?, tour)));
        match ended.max_by_key(|((_, spared), _)| *spared) {
            Some(((race, _), tour)) => {
                let aims = std::mem::take(&mut tour.aims);
                *tour = script(&race);
                tour.aims.splice(..0, aims);
            }
            None => others.push(script(race)),
        }
    }
    others
}

/// A race after a tour, and what is spared; none where that is nothing, or too much for an account.
fn ended(ground: &Ground<'_>, tour: &Script, way: &Way, race: &Race) -> Option<(Race, usize)> {
    let state = ground.end(ground.initial, &tour.commands);
    let standing = Standing::new(ground, &state);
    let further: Vec<Command> = race.lanes.iter().flatten().cloned().collect();
    let approach = standing.approach(ground, way, &way.gone(&further));
    let spared = ground.cost(&way.commands).checked_sub(approach.requests).filter(|spared| *spared > 0)?;
    let (commands, names) = standing.commands(&approach, &tour.commands, way, &further);
    let setup: Vec<Command> = tour.commands.iter().cloned().chain(commands).collect();
    let renamed = |lane: &Vec<Command>| lane.iter().map(|command| command.renamed(&names)).collect();
    let lanes: Vec<Vec<Command>> = race.lanes.iter().map(renamed).collect();
    let is_permitted = ground.permit.needs_of(ground.set, setup.iter().chain(lanes.iter().flatten())).is_empty();
    is_permitted.then(|| (Race { setup, lanes, aims: race.aims.clone() }, spared))
}
