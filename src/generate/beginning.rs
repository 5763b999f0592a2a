//! What fits of a script into what is left of a budget.
//!
//! A tour begins with what tells the most, so its beginning is worth more than a smaller case that fits whole.

use std::collections::BTreeSet;

use super::{case::Generator, exercise::exercises, permit, simulate};
use crate::{
    model::Choices,
    sequence::{Purpose, Script},
    spec::service::OpRef,
};

impl Generator<'_> {
    /// What is worth having of a case that is too large for so many requests: of a tour the beginning, of another case nothing,
    /// for it has but one aim.
    pub fn part(&self, number: u64, script: &Script, requests: u64) -> Option<Script> {
        if number < self.n_tours() { self.beginning(script, requests) } else { None }
    }

    /// The longest beginning of a script that so many requests suffice for, by [`permit::requests`]; it ends with a documented
    /// call, or with reads of what one did, and has calls that overlap whole or not at all. Of the aims it keeps those that its
    /// calls exercise. None where no documented call fits.
    fn beginning(&self, script: &Script, requests: u64) -> Option<Script> {
        let mut costs = script.commands.iter().scan(0, |spent, command| {
            *spent += permit::requests(command);
            Some(*spent)
        });
        let mut end = costs.position(|spent| spent > requests).unwrap_or(script.commands.len());
        let race = script.race();
        if race.contains(&end) {
            end = race.start;
        }
        let is_setup = |purpose| purpose == Purpose::Setup;
        let mut last = script.commands[..end].iter().rposition(|command| !is_setup(command.purpose))?;
        // A lane may end with a companion operation.
        if race.contains(&last) {
            last = race.end - 1;
        }
        let commands = script.commands[..=last].to_vec();
        let mut calls = commands.iter().enumerate().filter(|(_, command)| command.purpose == Purpose::Call).peekable();
        let at = calls.peek()?.1.operation;
        let states = simulate::run(self.set, &self.initial(at), &commands, &Choices::likely(self.set.operation(at)));
        let shown: BTreeSet<usize> = calls
            .flat_map(|(index, call)| exercises(self.set, &states[index], call))
            .map(|exercise| exercise.requirement)
            .collect();
        let is_raced =
            |requirement: usize| self.set.operation(at).requirements[requirement].overlap && race.end <= last + 1;
        let is_met = |aim: &(OpRef, usize)| aim.0 == at && (shown.contains(&aim.1) || is_raced(aim.1));
        let aims = script.aims.iter().copied().filter(is_met).collect();
        Some(Script { aims, ..script.with(commands) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{generate::Options, spec::embedded};

    #[test]
    fn a_beginning_is_as_long_as_requests_suffice_for() {
        let set = embedded().expect("the specs are sound");
        for operation in ["swas/DeleteCustomImages", "ecs/DeleteImage@legacy", "cvm/DeleteImages"] {
            let at = set.find(operation).expect("there is one");
            let generator = Generator::new(&set, &[at], "1", Options::default());
            let of_race = generator.planned_races();
            for script in (0..generator.n_tours()).filter_map(|number| generator.case(number)).chain(of_race) {
                let cost = |commands: &[_]| commands.iter().map(permit::requests).sum::<u64>();
                let whole = cost(&script.commands);
                assert!(generator.beginning(&script, whole) == Some(script.clone()), "{operation}: {:?}", script.aims);
                assert!(generator.beginning(&script, 0).is_none());
                let mut longest = 0;
                for requests in 0..whole {
                    let Some(part) = generator.beginning(&script, requests) else {
                        assert_eq!(longest, 0, "{requests}");
                        continue;
                    };
                    let n = part.commands.len();
                    assert!(n >= longest && cost(&part.commands) <= requests, "{operation} {requests}");
                    longest = n;
                    assert_eq!(part.commands, script.commands[..n]);
                    assert!(part.commands.iter().any(|command| command.purpose == Purpose::Call));
                    assert!(part.commands[n - 1].purpose != Purpose::Setup || part.race().end == n);
                    assert!(part.race().is_empty() || part.race() == script.race());
                    assert!(part.aims.iter().all(|aim| script.aims.contains(aim)));
                    // Nothing more would have fit.
                    let next = script.commands[n..].iter().position(|command| command.purpose != Purpose::Setup);
                    let next = next
                        .map(|next| if script.race().contains(&(n + next)) { script.race().end } else { n + next + 1 });
                    assert!(
                        next.is_none_or(|next| cost(&script.commands[..next]) > requests),
                        "{operation} {requests}"
                    );
                }
            }
        }
    }

    #[test]
    fn a_beginning_aims_at_what_its_calls_show() {
        let set = embedded().expect("the specs are sound");
        let at = set.find("swas/DeleteCustomImages").expect("there is one");
        let generator = Generator::new(&set, &[at], "1", Options::default());
        let tour = generator.case(0).expect("there is a tour");
        let check = |requests: u64, expected: &[&str]| {
            let part = generator.part(0, &tour, requests).expect("a call fits");
            let id = |aim: &(OpRef, usize)| &*set.operation(at).requirements[aim.1].id;
            let aims: Vec<&str> = part.aims.iter().map(id).collect();
            let short: Vec<&str> =
                aims.iter().map(|id| id.rsplit_once("DeleteCustomImages/").map_or(*id, |(_, id)| id)).collect();
            assert_eq!(short, expected, "{requests}");
        };
        check(1, &["error/InvalidImageId.NotFound"]);
        let more = ["success", "open/empty-id", "error/InvalidImageId.NotFound", "param/ImageIds/required"];
        check(3, &[&more[..], &["response/RequestId"]].concat());
        // No other case is worth anything without its end.
        assert_eq!(generator.part(generator.n_tours(), &tour, 3), None);
    }
}
