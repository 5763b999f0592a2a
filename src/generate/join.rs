//! One script after another.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::{
    sequence::{Command, Purpose, Script, command::stem},
    value::Key,
};

/// What tokens begin with.
const TOKEN: &str = "$token";

/// One script that does both, one after the other, each with things of its own; none where both overlap calls.
pub fn one_after_the_other(first: &Script, second: &Script) -> Option<Script> {
    if !first.race().is_empty() && !second.race().is_empty() {
        return None;
    }
    let mut script = first.clone();
    script.commands.extend(renamed(&first.commands, &second.commands));
    script.aims.extend(&second.aims);
    Some(script)
}

/// The script with its last documented call made twice, and what comes after that once; none where calls overlap.
pub fn call_after_itself(script: &Script) -> Option<Script> {
    let call = script.commands.iter().rposition(|command| command.purpose == Purpose::Call)?;
    let mut commands = script.commands.clone();
    commands.insert(call, commands[call].clone());
    script.race().is_empty().then(|| script.with(commands))
}

/// Commands that come after others, with names of their own for what both make or use up.
pub fn renamed(first: &[Command], second: &[Command]) -> Vec<Command> {
    let names = with_fresh(BTreeMap::new(), first, second);
    second.iter().map(|command| command.renamed(&names)).collect()
}

/// Names besides for what further commands make, and for tokens of theirs that were used before.
pub fn with_fresh<'a>(
    mut names: BTreeMap<Key, Key>,
    before: &[Command],
    further: impl IntoIterator<Item = &'a Command> + Clone,
) -> BTreeMap<Key, Key> {
    let taken = made_or_used(before);
    let own = made_or_used(further);
    for key in own.intersection(&taken) {
        if names.contains_key(key) {
            continue;
        }
        let is_free =
            |name: &Key| !taken.contains(name) && !own.contains(name) && !names.values().any(|known| known == name);
        let free = (1..).map(|number| numbered(key, number)).find(is_free);
        names.extend(free.map(|free| (key.clone(), free)));
    }
    names
}

/// The same handle or token with another number. A token that is as long as its place stays so.
fn numbered(key: &Key, number: usize) -> Key {
    let is_digit = |letter: char| letter.is_ascii_digit();
    let Some(rest) = key.strip_prefix(TOKEN) else {
        return format!("{}{number}", stem(key)).as_str().into();
    };
    let form = rest.trim_start_matches(is_digit);
    let other = format!("{TOKEN}{number}{form}");
    let too_long = other.len().saturating_sub(key.len());
    if form.ends_with('=') { other[..other.len() - too_long].into() } else { other.as_str().into() }
}

/// Handles of what commands make, and tokens that they use.
pub fn made_or_used<'a>(commands: impl IntoIterator<Item = &'a Command>) -> BTreeSet<Key> {
    let mut found = BTreeSet::new();
    for command in commands {
        found.extend(command.creates.iter().cloned());
        let texts = command.arguments.iter().flatten().filter_map(Value::as_str);
        found.extend(texts.filter(|text| text.starts_with(TOKEN)).map(Key::from));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::numbered;

    #[test]
    fn names_are_numbered_in_their_form() {
        let check = |key: &str, number: usize, expected: &str| assert_eq!(&*numbered(&key.into(), number), expected);
        check("$image1", 2, "$image2");
        check("$image12", 3, "$image3");
        check("$token1", 12, "$token12");
        check("$token3~é", 4, "$token4~é");
        check("$token3======", 4, "$token4======");
        check("$token3======", 14, "$token14=====");
    }
}
