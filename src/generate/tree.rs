//! Smaller scripts to try, when one fails: lanes first, then chunks, then single commands, then arguments.
//!
//! Two resources of one kind may be one. A race is smaller with fewer lanes, and with fewer commands in them: a
//! command that need not overlap others moves out, to where the race begins or ends.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::join::made_or_used;
use crate::{
    sequence::{Command, Purpose, Script, Until, command::stem},
    spec::SpecSet,
    value::{Arguments, Key},
};

/// Scripts that are smaller than this one, the boldest first. The commands at `keep` stay.
pub fn smaller(set: &SpecSet, script: &Script, keep: &[usize]) -> Vec<Script> {
    let n_commands = script.commands.len();
    let mut found: Vec<Script> = Vec::new();
    let mut add = |candidate: Option<Script>| {
        if let Some(candidate) = candidate
            && candidate.commands.len() + argument_weight(&candidate) < n_commands + argument_weight(script)
            && !found.contains(&candidate)
        {
            found.push(candidate);
        }
    };
    let lanes = script.lanes();
    for lane in &lanes {
        add(without(script, lane.iter().copied().filter(|index| !keep.contains(index)).collect(), keep));
    }
    let mut size = n_commands / 2;
    while size > 0 {
        let mut start = 0;
        while start < n_commands {
            let doomed: BTreeSet<usize> =
                (start..(start + size).min(n_commands)).filter(|index| !keep.contains(index)).collect();
            add(without(script, doomed, keep));
            start += size;
        }
        size /= 2;
    }
    for (one, other) in alike(script) {
        add(merged(script, &one, &other, keep));
    }
    for candidate in waiting_later(script, keep) {
        add(candidate);
    }
    for lane in &lanes {
        let first = lane.first().map(|first| (*first, false));
        for (position, to_end) in first.into_iter().chain(lane.last().map(|last| (*last, true))) {
            add(Some(moved_out(script, position, to_end)));
        }
    }
    for (index, command) in script.commands.iter().enumerate() {
        // The ways to call companions are as simple as their specs have them.
        if !set.operation(command.operation).is_documented() {
            continue;
        }
        for arguments in simpler_arguments(set, command) {
            let mut candidate = script.clone();
            candidate.commands[index].arguments = arguments;
            add(Some(candidate));
        }
    }
    found
}

/// A script that was made from another one.
pub struct Derived {
    pub script: Script,
    /// Where each of its commands stands in the other one; none for one that was added.
    pub origins: Vec<Option<usize>>,
}

/// The script without one of its calls, and without all that depends on it; none when what shows something would go too.
pub fn without_call(script: &Script, call: usize, shows: usize) -> Option<Derived> {
    removed(script, BTreeSet::from([call]), &[shows])
}

/// Scripts of what the kept commands are about, for a start: without what is about anything else, and without mere looks.
pub fn focused(script: &Script, keep: &[usize]) -> Vec<Script> {
    let about = without_others(script, keep, |_| false);
    let looks = (0..script.commands.len()).filter(|index| !keep.contains(index) && is_look(&script.commands[*index]));
    about.into_iter().chain(without(script, looks.collect(), keep)).collect()
}

/// The script without what is about anything else than the kept commands, and without what is dispensable.
pub fn without_others(script: &Script, keep: &[usize], is_dispensable: impl Fn(&Command) -> bool) -> Option<Script> {
    let mut concerned: BTreeSet<Key> =
        keep.iter().filter_map(|index| script.commands.get(*index)).flat_map(Command::uses).collect();
    for command in script.commands.iter().rev() {
        if command.creates.iter().any(|key| concerned.contains(key)) {
            concerned.extend(command.uses());
        }
    }
    let is_about = |command: &Command| {
        let mut keys = command.creates.iter().cloned().chain(command.uses()).peekable();
        keys.peek().is_some() && keys.all(|key| concerned.contains(&key))
    };
    let commands = script.commands.iter().enumerate().filter(|(index, _)| !keep.contains(index));
    let doomed = commands.filter(|(_, command)| is_dispensable(command) || !is_about(command));
    without(script, doomed.map(|(index, _)| index).collect(), keep)
}

/// Positions of all that concerns the kept commands: each command that names what they are about, or what those have made of
/// it, and whatever is needed to make the things that it names besides. Less would leave out what decides how a call ends.
pub fn concerning(script: &Script, keep: &[usize]) -> BTreeSet<usize> {
    let named = |index: usize| {
        let command = &script.commands[index];
        command.uses().into_iter().chain(made_or_used([command])).collect::<BTreeSet<Key>>()
    };
    let is_call = |index: usize| script.commands[index].purpose == Purpose::Call;
    let mut kept: BTreeSet<usize> = keep.iter().copied().collect();
    let mut concerned: BTreeSet<Key> = keep.iter().flat_map(|index| named(*index)).collect();
    loop {
        let further = (0..script.commands.len()).filter(|index| !kept.contains(index));
        let further: Vec<usize> = further.filter(|index| !named(*index).is_disjoint(&concerned)).collect();
        if further.is_empty() {
            break;
        }
        for index in further {
            kept.insert(index);
            // What a mere look or a set-up takes besides is not what they are about; what it makes is.
            let creates = script.commands[index].creates.iter().cloned();
            concerned.extend(if is_call(index) { named(index) } else { creates.collect() });
        }
    }
    let mut left: Vec<usize> = kept.iter().copied().collect();
    while let Some(index) = left.pop() {
        let uses = script.commands[index].uses();
        let makes = |other: &usize| script.commands[*other].creates.iter().any(|key| uses.contains(key));
        let makers: Vec<usize> = (0..index).filter(makes).filter(|maker| kept.insert(*maker)).collect();
        left.extend(makers);
    }
    kept
}

/// A read that waits for nothing.
fn is_look(command: &Command) -> bool {
    command.purpose == Purpose::Read && command.until.is_none()
}

/// Resources of one kind: the first, and a later one.
fn alike(script: &Script) -> Vec<(Key, Key)> {
    let single = |command: &Command| command.creates.first().filter(|_| command.creates.len() == 1).cloned();
    let made: Vec<Key> = script.commands.iter().filter_map(single).collect();
    let mut pairs = Vec::new();
    for (position, one) in made.iter().enumerate() {
        let later = made[position + 1..].iter().filter(|other| stem(other) == stem(one));
        pairs.extend(later.map(|other| (one.clone(), other.clone())));
    }
    pairs
}

/// The script with the first resource in place of the other, which is not made.
fn merged(script: &Script, one: &Key, other: &Key, keep: &[usize]) -> Option<Script> {
    let maker = script.commands.iter().position(|command| command.creates.contains(other));
    let maker = maker.filter(|maker| !keep.contains(maker))?;
    let names = BTreeMap::from([(other.clone(), one.clone())]);
    let mut commands: Vec<Command> = Vec::new();
    for (index, command) in script.commands.iter().enumerate().filter(|(index, _)| *index != maker) {
        let command = command.renamed(&names);
        // Nobody has to look twice.
        if keep.contains(&index) || commands.last() != Some(&command) {
            commands.push(command);
        }
    }
    Some(script.with(commands))
}

/// Scripts in which a later look at something else does the waiting: that takes one read, where a wait and a look take two.
fn waiting_later<'a>(script: &'a Script, keep: &'a [usize]) -> impl Iterator<Item = Option<Script>> + 'a {
    let commands = || script.commands.iter().enumerate();
    let waits = commands().filter(|(index, command)| command.until.is_some() && !keep.contains(index));
    waits.flat_map(move |(wait, waiting)| {
        // Nothing waits while other calls overlap it.
        let is_same = |look: &Command| {
            is_look(look) && look.lane.is_none() && look.operation == waiting.operation && !look.uses().is_empty()
        };
        let looks = commands().skip(wait + 1).filter(move |(_, look)| is_same(look));
        looks.map(move |(look, looking)| {
            let mut later = script.clone();
            later.commands[look].until = waiting.until.clone().map(|until| Until { keys: looking.uses(), ..until });
            without(&later, BTreeSet::from([wait]), keep)
        })
    })
}

/// The script with a command of a lane before or after the race.
fn moved_out(script: &Script, index: usize, to_end: bool) -> Script {
    let race = script.race();
    let mut commands = script.commands.clone();
    let mut command = commands.remove(index);
    command.lane = None;
    commands.insert(if to_end { race.end - 1 } else { race.start }, command);
    script.with(commands)
}

/// The script without these commands and all that depend on them; none when a kept command would go too.
pub(super) fn without(script: &Script, doomed: BTreeSet<usize>, keep: &[usize]) -> Option<Script> {
    removed(script, doomed, keep).map(|left| left.script)
}

fn removed(script: &Script, mut doomed: BTreeSet<usize>, keep: &[usize]) -> Option<Derived> {
    // What reads several things still shows the others.
    let mut commands = script.commands.clone();
    loop {
        let lost: BTreeSet<&Key> = doomed.iter().flat_map(|index| &script.commands[*index].creates).collect();
        let is_dependent = |command: &Command| command.uses().iter().any(|key| lost.contains(key));
        let left = commands.iter_mut().enumerate().filter(|(index, _)| !doomed.contains(index));
        let dependent: Vec<usize> = left
            .filter(|(_, command)| is_dependent(command))
            .filter_map(|(index, command)| match command.without(&lost) {
                Some(spared) => {
                    *command = spared;
                    None
                }
                None => Some(index),
            })
            .collect();
        if dependent.is_empty() {
            break;
        }
        doomed.extend(dependent);
    }
    if keep.iter().any(|kept| doomed.contains(kept)) || doomed.is_empty() {
        return None;
    }
    let left: Vec<usize> = (0..script.commands.len()).filter(|index| !doomed.contains(index)).collect();
    let commands = left.iter().map(|index| commands[*index].clone()).collect();
    let script = script.with(commands);
    Some(Derived { script, origins: left.into_iter().map(Some).collect() })
}

/// The same command with less said, or said more simply.
fn simpler_arguments(set: &SpecSet, command: &Command) -> Vec<Arguments> {
    let operation = set.operation(command.operation);
    let mut found = Vec::new();
    for (index, param) in operation.params.iter().enumerate() {
        let Some(value) = &command.arguments[index] else { continue };
        let mut replace = |value: Option<Value>| {
            let mut arguments = command.arguments.clone();
            arguments[index] = value;
            found.push(arguments);
        };
        if !param.required && !param.region && param.value.as_ref() != Some(value) {
            replace(None);
        }
        if let Value::Array(list) = value {
            if list.len() > 2 {
                replace(Some(Value::Array(list[..list.len() / 2].to_vec())));
            }
            for position in 0..list.len().min(8) {
                let mut shorter = list.clone();
                shorter.remove(position);
                if !shorter.is_empty() {
                    replace(Some(Value::Array(shorter)));
                }
            }
        }
        if let Value::String(text) = value
            && !text.starts_with('$')
            && text.chars().count() > 8
            && param.binding.is_none()
        {
            replace(Some(Value::String(text.chars().take(text.chars().count() / 2).collect())));
        }
    }
    found
}

/// What a lane weighs: more than anything that a command may say.
const LANE: usize = 5_000;

/// How much is said, in characters; less is simpler.
fn argument_weight(script: &Script) -> usize {
    let said = |command: &Command| -> usize {
        let arguments: usize = command.arguments.iter().flatten().map(|value| 1 + value.to_string().len()).sum();
        arguments + usize::from(command.until.is_some()) + LANE * usize::from(command.lane.is_some())
    };
    // One character must never outweigh a command.
    script.commands.iter().map(said).sum::<usize>() + script.commands.len() * 10_000
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{focused, smaller, without_call};
    use crate::{sequence::Script, spec::embedded};

    /// `make 1`, `copy 1 2`, `look 1`, `wait 1`, `delete 1` on images of ECS; `delete` alone names nothing that was made.
    fn script(words: &[&str]) -> Script {
        let set = embedded().expect("the specs are sound");
        let commands = words.iter().map(|words| {
            let words: Vec<&str> = words.split(' ').collect();
            let image = |word: usize| words.get(word).map_or("m-none".to_owned(), |number| format!("$image{number}"));
            let named = json!({ "ImageId": image(1) });
            match words[0] {
                "make" => json!({ "operation": "ecs/CreateImage", "creates": [image(1)], "purpose": "setup" }),
                "copy" => {
                    json!({ "operation": "ecs/CopyImage", "arguments": named, "creates": [image(2)], "purpose": "setup" })
                }
                "look" => json!({ "operation": "ecs/DescribeImages", "arguments": named, "purpose": "read" }),
                "wait" => {
                    let until = json!({ "view": 0, "key": image(1), "gone": true, "wait": "patient" });
                    json!({ "operation": "ecs/DescribeImages", "arguments": named, "purpose": "read", "until": until })
                }
                _ => json!({ "operation": "ecs/DeleteImage", "arguments": named, "purpose": "call" }),
            }
        });
        Script::from_json(&set, &commands.collect()).expect("they are commands")
    }

    #[test]
    fn what_is_about_something_else_and_mere_looks_go_first() {
        let check = |words: &[&str], keep: &[usize], expected: &[&[&str]]| {
            let expected: Vec<Script> = expected.iter().map(|words| script(words)).collect();
            assert_eq!(focused(&script(words), keep), expected, "{words:?}");
        };
        check(
            &["make 1", "look 1", "make 2", "delete", "delete 1", "look 2", "look 1"],
            &[4, 6],
            &[&["make 1", "look 1", "delete 1", "look 1"], &["make 1", "make 2", "delete", "delete 1", "look 1"]],
        );
        // What it was made of stays, and so does what was done to that.
        check(
            &["make 1", "wait 1", "copy 1 2", "make 3", "delete 1", "delete 2"],
            &[5],
            &[&["make 1", "wait 1", "copy 1 2", "delete 1", "delete 2"]],
        );
        check(&["make 1", "delete 1"], &[1], &[]);
        check(&["delete", "delete"], &[1], &[&["delete"]]);
    }

    #[test]
    fn one_read_does_for_two_and_one_thing_for_two_of_a_kind() {
        let set = embedded().expect("the specs are sound");
        let check = |words: &[&str], expected: &[&str]| {
            let found = smaller(&set, &script(words), &[]);
            assert!(found.contains(&script(expected)), "{words:?}");
        };
        // What is looked at later is waited for then, and what was made before is there by then.
        check(&["make 1", "wait 1", "make 2", "look 2", "delete 1"], &["make 1", "make 2", "wait 2", "delete 1"]);
        check(&["make 1", "copy 1 2", "delete 2"], &["make 1", "delete 1"]);
        check(&["make 1", "make 2", "look 1", "look 2", "delete 2"], &["make 1", "look 1", "delete 1"]);
    }

    #[test]
    fn no_smaller_race_waits() {
        let set = embedded().expect("the specs are sound");
        let mut race = script(&["make 1", "wait 1", "make 2", "look 2", "delete 1"]);
        for (lane, command) in (1..).zip(&mut race.commands[3..]) {
            command.lane = Some(lane);
        }
        let waits = |script: &Script| script.commands.iter().any(|one| one.lane.is_some() && one.until.is_some());
        assert!(!smaller(&set, &race, &[]).iter().any(waits));
    }

    #[test]
    fn a_read_of_several_things_still_shows_the_others() {
        let set = embedded().expect("the specs are sound");
        let script = |made: &[&str], read: &[&str], waits: &[&str]| {
            let make = |image: &&str| json!({ "operation": "cvm/CreateImage", "creates": [image], "purpose": "setup" });
            let mut look =
                json!({ "operation": "cvm/DescribeImages", "arguments": { "ImageIds": read }, "purpose": "read" });
            if !waits.is_empty() {
                look["until"] = json!({ "view": 0, "key": waits, "gone": true, "wait": "patient" });
            }
            let commands = made.iter().map(make).chain([look]);
            Script::from_json(&set, &commands.collect()).expect("they are commands")
        };
        let both = ["$image1", "$image2"];
        let check = |waits: &[&str], gone: usize, expected: Option<Script>| {
            let found = without_call(&script(&both, &both, waits), gone, 2).map(|found| found.script);
            assert_eq!(found, expected, "{waits:?}");
        };
        check(&[], 1, Some(script(&["$image1"], &["$image1"], &[])));
        check(&both, 0, Some(script(&["$image2"], &["$image2"], &["$image2"])));
        // What it waited for alone cannot come about any more.
        check(&["$image2"], 1, None);
    }

    #[test]
    fn a_call_goes_with_what_depends_on_it() {
        let check = |words: &[&str], call: usize, shows: usize, expected: Option<&[&str]>| {
            let found = without_call(&script(words), call, shows).map(|found| found.script);
            assert_eq!(found, expected.map(script), "{words:?}");
        };
        check(&["make 1", "delete 1", "look 1"], 1, 2, Some(&["make 1", "look 1"]));
        check(&["make 1", "copy 1 2", "delete 2", "look 1"], 1, 3, Some(&["make 1", "look 1"]));
        check(&["make 1", "copy 1 2", "look 2"], 1, 2, None);
    }
}
