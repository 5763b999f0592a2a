//! What the model proposes in place of a failing script: often the answer, at the price of one try.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    case::Generator,
    dice::Dice,
    exercise::{is_about_staying, may_exercise},
    join::renamed,
    plan::Plan,
    races, readback, simulate,
    tree::{Derived, without},
};
use crate::{
    model::{Choices, State},
    sequence::{Command, Purpose, Script, command::stem},
    spec::{id::mint, resource::Given, service::OpRef},
    value::{Key, given_place},
};

/// Plans that are proposed in place of a failing script.
const MOST_PLANS: usize = 3;
/// Races that are proposed in place of a failing one.
const MOST_RACES: usize = 4;

impl Generator<'_> {
    /// The model's shortest scripts for what a failing script broke: its plans for the requirement, and its plans for the
    /// same kind of call.
    pub fn shortest(&self, aim: (OpRef, usize), culprit: Option<&Command>, with_reads: bool) -> Vec<Script> {
        let script = |plan: &Plan| {
            let states = simulate::run(self.set, &self.initial(aim.0), &plan.setup, &plan.assumed);
            // What an answer shows needs no reads.
            let before = states.last().filter(|_| with_reads);
            let mut commands = plan.setup.clone();
            let looks = before.map(|before| readback::before(self.set, before, &plan.setup, &plan.call));
            commands.extend(looks.unwrap_or_default());
            commands.push(plan.call.clone());
            commands.extend(before.map(|before| self.reads(aim, plan, before)).unwrap_or_default());
            Script::new(commands, vec![aim])
        };
        let mut scripts: Vec<Script> = self.usable(aim).into_iter().map(script).collect();
        // Plans whose call is most like the one that failed come first.
        scripts.sort_by_key(|proposed| {
            let call = proposed.commands.iter().find(|command| command.purpose == Purpose::Call);
            (call.map(|call| &call.arguments) != culprit.map(|culprit| &culprit.arguments), proposed.commands.len())
        });
        scripts.truncate(MOST_PLANS);
        // Nothing is shorter than the call alone.
        let alone = culprit.filter(|_| !with_reads).and_then(|culprit| self.alone(aim, culprit));
        scripts.splice(0..0, alone);
        scripts.splice(0..0, self.beside(aim).as_ref().filter(|_| with_reads).map(script));
        let racing = self.races.iter().filter(|(at, race)| *at == aim.0 && race.aims.contains(&aim.1));
        let mut races: Vec<Script> = racing.map(|(at, race)| races::script(self.set, *at, race, None)).collect();
        races.sort_by_key(|script| script.commands.len());
        scripts.extend(races.into_iter().take(MOST_RACES));
        scripts
    }

    /// The shortest plan whose call does something, with one more of what it begins with, where the requirement is that the call
    /// leaves that alone.
    fn beside(&self, (at, requirement): (OpRef, usize)) -> Option<Plan> {
        let basics = self.set.operation(at).basics.filter(|basics| basics.others == requirement)?;
        let plan = self.usable((at, basics.effect)).into_iter().min_by_key(|plan| plan.setup.len())?;
        let maker = plan.setup.first().filter(|maker| maker.creates.len() == 1 && maker.uses().is_empty())?;
        let another = renamed(&plan.setup, std::slice::from_ref(maker));
        Some(Plan { setup: [another, plan.setup.clone()].concat(), ..plan.clone() })
    }

    /// What shows that the call of a plan broke a requirement; `before` is the state that it meets.
    fn reads(&self, (at, requirement): (OpRef, usize), plan: &Plan, before: &State) -> Vec<Command> {
        let operation = self.set.operation(at);
        if operation.basics.is_some_and(|basics| basics.others == requirement) {
            // It may change later than what the call is about.
            let looks = readback::bystander(self.set, before, &plan.call).into_iter();
            return looks.map(|look| readback::late(self.set, &look).unwrap_or(look)).collect();
        }
        readback::after(self.set, before, &plan.call, &plan.assumed, is_about_staying(operation, requirement))
    }

    /// Whether a call may exercise a requirement where it stands in a script, by the model; none where it does not stand there.
    pub fn asks(&self, script: &Script, call: &Command, aim: (OpRef, usize)) -> Option<bool> {
        let position = script.commands.iter().rposition(|command| command == call && call.operation == aim.0)?;
        let states = self.likely_states(aim.0, &script.commands[..position]);
        let before = states.last()?;
        // What is under way may be over by then.
        let mut over = before.clone();
        while !over.pending.is_empty() {
            over.fire(0);
        }
        Some([before, &over].into_iter().any(|state| may_exercise(self.set, state, call, aim.1)))
    }

    /// Scripts in which documented calls name what others have in place of something that was made. Nobody makes that, nor looks
    /// at it.
    pub fn of_others(&self, script: &Script, keep: &[usize]) -> Vec<Script> {
        let mut found = Vec::new();
        for (maker, command) in script.commands.iter().enumerate() {
            let [made] = command.creates.as_slice() else { continue };
            let service = self.set.service(command.operation);
            let kind = service.kind(stem(made).trim_start_matches('$'));
            let names_it = |command: &Command| {
                self.set.operation(command.operation).is_documented() && command.uses().contains(made)
            };
            let calls: Vec<usize> =
                (0..script.commands.len()).filter(|index| names_it(&script.commands[*index])).collect();
            let does_harm = |call: &usize| self.options().careful && !self.is_dry(&script.commands[*call]);
            if calls.is_empty() || calls.iter().any(does_harm) {
                continue;
            }
            let of_kind = |given: &&Given| kind.is_some() && given.resource.as_ref().map(|(of, _)| *of) == kind;
            let others = service.givens.iter().filter(of_kind).map(|given| given_place(&given.name));
            for other in others.filter(|other| self.options().probes.contains(other)) {
                let names = BTreeMap::from([(made.clone(), other)]);
                let mut named = script.clone();
                for call in &calls {
                    named.commands[*call] = named.commands[*call].renamed(&names);
                }
                found.extend(without(&named, BTreeSet::from([maker]), keep));
            }
        }
        found
    }

    /// The states before each of these commands, and the last, in one likely course of events.
    fn likely_states(&self, at: OpRef, commands: &[Command]) -> Vec<State> {
        simulate::run(self.set, &self.initial(at), commands, &Choices::likely(self.set.operation(at)))
    }

    /// A script that looks at everything that one of its calls names, shortly before that call and before each documented one
    /// from another position on; none where there is nothing to look at.
    pub fn looking_first(&self, script: &Script, from: usize, position: usize) -> Option<Derived> {
        let call = &script.commands[position];
        let states = self.likely_states(call.operation, &script.commands[..position]);
        let mut looking = Script::new(Vec::new(), script.aims.clone());
        let mut origins = Vec::new();
        for (index, command) in script.commands.iter().enumerate() {
            if (from..=position).contains(&index) && self.set.operation(command.operation).is_documented() {
                looking.commands.extend(readback::watches(self.set, &states[index], call));
            }
            origins.resize(looking.commands.len(), None);
            looking.commands.push(command.clone());
            origins.push(Some(index));
        }
        (origins.len() > script.commands.len()).then_some(Derived { script: looking, origins })
    }

    /// A call without anything before it, which names what does not exist in place of what was made.
    fn alone(&self, aim: (OpRef, usize), call: &Command) -> Option<Script> {
        let operation = self.set.operation(call.operation);
        let binding = operation.bindings.first().filter(|_| operation.is_documented())?;
        let number = Dice::new(&self.seed, u64::MAX).number();
        let unknown = mint(&self.set.service(call.operation).kinds[binding.kind].id, number);
        let names = call.uses().into_iter().map(|key| (key, Key::from(unknown.as_str()))).collect();
        let call = Command { lane: None, ..call.renamed(&names) };
        Some(Script::new(vec![call], vec![aim]))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::{
        generate::{Generator, Options},
        sequence::{Command, Script, command::line},
        spec::embedded,
        value::given_place,
    };

    #[test]
    fn what_others_have_stands_for_what_was_made() {
        let set = embedded().expect("the specs are sound");
        let at = set.find("ens/DeleteImage").expect("there is one");
        let probes = [given_place("foreign_image")].into_iter().collect();
        let options = Options { probes, careful: false, ..Options::default() };
        let check = |options: Options, reads: &[serde_json::Value], keep: &[usize], expected: &[&str]| {
            let generator = Generator::new(&set, &[at], "1", options);
            let image = json!({ "ImageId": "$image1" });
            let mut commands = vec![
                json!({ "operation": "ens/CreateImage", "creates": ["$image1"], "purpose": "setup" }),
                json!({ "operation": "ens/DescribeSelfImages", "arguments": image, "purpose": "read" }),
                json!({ "operation": "ens/DeleteImage", "arguments": image, "purpose": "call" }),
            ];
            commands.extend_from_slice(reads);
            let script = Script::from_json(&set, &commands.into()).expect("they are commands");
            let found = generator.of_others(&script, keep);
            let lines = |script: &Script| script.commands.iter().map(|command: &Command| line(&set, command)).collect();
            let found: Vec<Vec<String>> = found.iter().map(lines).collect();
            assert_eq!(found.concat(), expected);
        };
        check(options.clone(), &[], &[2], &["DeleteImage(ImageId=$given.foreign_image)"]);
        // Nobody looks at what others have.
        let look =
            json!({ "operation": "ens/DescribeSelfImages", "arguments": { "ImageId": "$image1" }, "purpose": "read" });
        check(options.clone(), std::slice::from_ref(&look), &[2], &["DeleteImage(ImageId=$given.foreign_image)"]);
        check(options.clone(), &[look], &[2, 3], &[]);
        // Where a wrong endpoint would do harm, and where nothing is known of others.
        check(Options { careful: true, ..options.clone() }, &[], &[2], &[]);
        check(Options { probes: Default::default(), ..options }, &[], &[2], &[]);
    }

    #[test]
    fn what_a_call_leaves_alone_is_made_beside_what_it_takes() {
        let set = embedded().expect("the specs are sound");
        let check = |operation: &str, expected: &[&str]| {
            let at = set.find(operation).expect("there is one");
            let others = set.operation(at).basics.expect("it is documented").others;
            let generator = Generator::new(&set, &[at], "1", Options::default());
            let script = generator.shortest((at, others), None, true).remove(0);
            let lines: Vec<String> = script.commands.iter().map(|command| line(&set, command)).collect();
            let names: Vec<&str> =
                lines.iter().map(|line| line.split_once('(').map_or(line.as_str(), |(name, _)| name)).collect();
            assert_eq!(names, expected, "{lines:?}");
        };
        check(
            "ecs/DeleteImage",
            &["CreateImage", "CreateImage", "DescribeImages", "DescribeImages", "DeleteImage", "DescribeImages"],
        );
    }
}
