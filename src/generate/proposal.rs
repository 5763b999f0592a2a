//! What the model proposes in place of a failing script: often the answer, at the price of one try.

use super::{
    case::Generator,
    dice::Dice,
    exercise::{is_about_staying, may_exercise},
    races, readback, simulate,
    tree::Derived,
};
use crate::{
    model::{Choices, State},
    sequence::{Command, Purpose, Script},
    spec::{id::mint, service::OpRef},
    value::Key,
};

/// Plans that are proposed in place of a failing script.
const MOST_PLANS: usize = 3;
/// Races that are proposed in place of a failing one.
const MOST_RACES: usize = 4;

impl Generator<'_> {
    /// The model's shortest scripts for what a failing script broke: its plans for the requirement, and its plans for the
    /// same kind of call.
    pub fn shortest(&self, aim: (OpRef, usize), culprit: Option<&Command>, with_reads: bool) -> Vec<Script> {
        let plans = self.usable(aim);
        let mut scripts: Vec<Script> = plans
            .into_iter()
            .map(|plan| {
                let states = simulate::run(self.set, &self.initial(aim.0), &plan.setup, &plan.assumed);
                let mut commands = plan.setup.clone();
                let reads = states.last().map(|before| {
                    readback::after(
                        self.set,
                        before,
                        &plan.call,
                        &plan.assumed,
                        is_about_staying(self.set.operation(aim.0), aim.1),
                    )
                });
                if let Some(before) = states.last().filter(|_| with_reads) {
                    commands.extend(readback::before(self.set, before, &plan.setup, &plan.call));
                }
                commands.push(plan.call.clone());
                // What an answer shows needs no reads.
                if with_reads {
                    commands.extend(reads.unwrap_or_default());
                }
                Script::new(commands, vec![aim])
            })
            .collect();
        // Plans whose call is most like the one that failed come first.
        scripts.sort_by_key(|proposed| {
            let call = proposed.commands.iter().find(|command| command.purpose == Purpose::Call);
            (call.map(|call| &call.arguments) != culprit.map(|culprit| &culprit.arguments), proposed.commands.len())
        });
        scripts.truncate(MOST_PLANS);
        // Nothing is shorter than the call alone.
        let alone = culprit.filter(|_| !with_reads).and_then(|culprit| self.alone(aim, culprit));
        scripts.splice(0..0, alone);
        let racing = self.races.iter().filter(|(at, race)| *at == aim.0 && race.aims.contains(&aim.1));
        let mut races: Vec<Script> = racing.map(|(at, race)| races::script(self.set, *at, race, None)).collect();
        races.sort_by_key(|script| script.commands.len());
        scripts.extend(races.into_iter().take(MOST_RACES));
        scripts
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
