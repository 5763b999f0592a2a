//! The reads that prove what a call did, or did not do.

use serde_json::Value;

use super::moves::{read, read_set, wait_for};
use crate::{
    model::{Answer, Change, Choices, Pending, Request, State, outcomes_with},
    sequence::{Command, Expected, Purpose, Script, Until, Wait},
    spec::{
        SpecSet,
        operation::{Action, Effect},
    },
    value::{Atom, Key, is_given},
};

/// Most resources that are read back after one call.
const MOST_READS: usize = 4;

/// The same commands with one read in place of several in a row, where the endpoint shows several resources at once.
pub fn joined(set: &SpecSet, commands: Vec<Command>) -> Vec<Command> {
    let mut all: Vec<Command> = Vec::with_capacity(commands.len());
    for command in commands {
        match all.last_mut().and_then(|last| Some((both(set, last, &command)?, last))) {
            Some((both, last)) => *last = both,
            None => all.push(command),
        }
    }
    all
}

/// One read that shows what two show; none where it takes two.
fn both(set: &SpecSet, one: &Command, other: &Command) -> Option<Command> {
    let until = until_both(one.until.as_ref(), other.until.as_ref())?;
    let operation = set.operation(one.operation);
    let param = operation.bindings[operation.list()?].param;
    let rest = |command: &Command| {
        let mut rest = Command { until: None, ..command.clone() };
        rest.arguments[param] = None;
        rest
    };
    let are_reads = one.purpose == Purpose::Read && one.operation == other.operation;
    if !are_reads || rest(one) != rest(other) {
        return None;
    }
    let ids = |command: &Command| command.arguments[param].as_ref()?.as_array().cloned();
    let mut all = ids(one)?;
    let further: Vec<Value> = ids(other)?.into_iter().filter(|id| !all.contains(id)).collect();
    all.extend(further);
    (all.len() <= MOST_READS).then(|| {
        let mut both = Command { until, ..one.clone() };
        both.arguments[param] = Some(Value::Array(all));
        both
    })
}

/// What a read waits for in place of two, if it can: a look at once is none a while later.
fn until_both(one: Option<&Until>, other: Option<&Until>) -> Option<Option<Until>> {
    match (one, other) {
        (None, None) => Some(None),
        (Some(one), None) => (one.wait == Wait::Linger).then(|| Some(one.clone())),
        (None, Some(_)) => None,
        // What one of several calls did is waited for, and what another did not do may not come about.
        (Some(one), Some(_)) if one.wait == Wait::AfterSuccessOrLinger => None,
        (Some(one), Some(other)) => {
            let mut keys = one.keys.clone();
            keys.extend(other.keys.iter().filter(|key| !one.keys.contains(key)).cloned());
            let with_all = |until: &Until| Until { keys: keys.clone(), ..until.clone() };
            (with_all(one) == with_all(other)).then(|| Some(with_all(one)))
        }
    }
}

/// Reads of everything that a call names and of what hangs on it. What the call removes is awaited.
///
/// `before` is the state that the call meets, in one likely course of events. With `watch_all`, what should stay is watched
/// for a while: it may go later.
pub fn after(set: &SpecSet, before: &State, call: &Command, assumed: &Choices, watch_all: bool) -> Vec<Command> {
    let service = call.operation.service;
    // A caller who proves nothing may be refused, and obeyed all the same a while later; so may a dry run.
    let is_dry = || set.operation(call.operation).switched(&call.arguments, |param| param.dry).is_some();
    let watch_all = watch_all || !call.caller.is_authentic() || is_dry();
    let request = call.request(set, &Script::home());
    let mut named: Vec<&Key> =
        request.targets.iter().flatten().filter(|key| before.resource(key).is_some() && !is_given(key)).collect();
    named.dedup();
    let removes = removals(set, before, &request, assumed);
    let watched = refused_removals(set, before, &request);
    let mut reads = Vec::new();
    // Work on the resource that is still under way after the call shows that it was under way during it. That is looked at
    // before anything is waited for.
    for key in &named {
        for (referrer, _) in before.referrers(key).filter(|(referrer, _)| !is_settled(before, referrer)) {
            reads.extend(read(set, service, before, referrer));
        }
    }
    for key in named {
        if reads.len() >= MOST_READS {
            break;
        }
        let awaited = removes.iter().find(|pending| pending.key == *key);
        let watched = watched.iter().find(|pending| pending.key == *key);
        // Whether work on it was under way when the call came shows only at once.
        if awaited.is_some() && !is_settled(before, key) {
            reads.extend(read(set, service, before, key));
        }
        let command = match awaited.or(watched) {
            Some(pending) => wait_for(set, service, before, pending).map(|mut command| {
                if let Some(until) = &mut command.until {
                    until.wait = match (awaited, watched) {
                        (Some(_), Some(_)) => Wait::AfterSuccessOrLinger,
                        (Some(_), None) => Wait::AfterSuccess,
                        _ => Wait::Linger,
                    };
                }
                command
            }),
            None if watch_all => watch(set, service, before, key),
            None => read(set, service, before, key),
        };
        reads.extend(command);
        if awaited.is_none() {
            reads.extend(sets(set, service, before, key));
        }
    }
    reads.truncate(MOST_READS);
    for command in &mut reads {
        command.purpose = Purpose::Read;
    }
    reads
}

/// Reads of the sets of a resource that have members, such as the accounts that it is shared with.
fn sets<'a>(
    set: &'a SpecSet,
    service: usize,
    state: &'a State,
    key: &'a Key,
) -> impl Iterator<Item = Command> + use<'a> {
    let attributes = state.living(key).map(|found| found.attributes.iter().enumerate()).into_iter().flatten();
    let filled = attributes.filter(|(_, value)| matches!(value, Atom::Set(members) if !members.is_empty()));
    filled.filter_map(move |(attribute, _)| read_set(set, service, state, key, attribute))
}

/// Reads of what a call names, and of what it does not, where nobody has looked yet: what was never shown cannot be missed
/// afterwards.
pub fn before(set: &SpecSet, state: &State, setup: &[Command], call: &Command) -> Vec<Command> {
    let request = call.request(set, &Script::home());
    let is_shown = |key: &Key| {
        setup.iter().any(|command| {
            command.until.as_ref().is_some_and(|until| until.keys.contains(key))
                || (command.purpose == Purpose::Read && command.uses().contains(key))
        })
    };
    let beside = bystanding(set, state, call);
    let mut keys: Vec<&Key> = request.targets.iter().flatten().chain(beside).collect();
    keys.retain(|key| state.living(key).is_some() && !is_given(key) && !is_shown(key));
    keys.dedup();
    let reads = keys.into_iter().take(MOST_READS).filter_map(|key| read(set, call.operation.service, state, key));
    reads
        .map(|mut command| {
            command.purpose = Purpose::Read;
            command
        })
        .collect()
}

/// Looks at everything that a call names, and at what hangs on it, each a while after what was done before: whatever that began
/// has come about.
pub fn watches(set: &SpecSet, before: &State, call: &Command) -> Vec<Command> {
    let request = call.request(set, &Script::home());
    let mut named: Vec<&Key> = request.targets.iter().flatten().filter(|key| !is_given(key)).collect();
    named.dedup();
    let service = call.operation.service;
    let looks = |key| watch(set, service, before, key).into_iter().chain(sets(set, service, before, key));
    named.into_iter().flat_map(looks).map(|command| Command { purpose: Purpose::Read, ..command }).collect()
}

/// The same read a while later; none where it waits for something anyway, or is about nothing that was made.
pub fn late(set: &SpecSet, read: &Command) -> Option<Command> {
    let operation = set.operation(read.operation);
    let key = read.uses().into_iter().next().filter(|_| read.until.is_none() && operation.only_reads())?;
    // What it lingers for is the worst that may have come about; everything else is looked at as well.
    let expected = match operation.views.first()?.set {
        Some(_) => Expected::Member { member: key.clone(), present: true },
        None => Expected::Gone,
    };
    Some(Command { until: Some(Until { view: 0, keys: vec![key], expected, wait: Wait::Linger }), ..read.clone() })
}

/// A read that looks for a while whether a resource goes that should stay.
fn watch(set: &SpecSet, service: usize, before: &State, key: &Key) -> Option<Command> {
    let gone = Pending {
        since_ms: 0,
        origin: 0,
        key: key.clone(),
        changes: vec![Change::Delete(key.clone())],
        unless_changed: Vec::new(),
    };
    let mut command = wait_for(set, service, before, &gone)?;
    if let Some(until) = &mut command.until {
        until.wait = Wait::Linger;
    }
    Some(command)
}

/// Reads of something that the call does not name.
pub fn bystander(set: &SpecSet, before: &State, call: &Command) -> Vec<Command> {
    let service = call.operation.service;
    let Some(key) = bystanding(set, before, call) else { return Vec::new() };
    read(set, service, before, key).into_iter().chain(sets(set, service, before, key)).collect()
}

/// Something that the call does not name and that can be read, of the kind that it names where there is one.
pub fn bystanding<'a>(set: &SpecSet, before: &'a State, call: &Command) -> Option<&'a Key> {
    let request = call.request(set, &Script::home());
    let kind = set.operation(call.operation).bindings.first().map(|binding| binding.kind);
    let others = before.resources.iter().filter(|(key, found)| {
        !found.deleted && !is_given(key) && !request.targets.iter().flatten().any(|named| named == *key)
    });
    let mut others: Vec<_> = others.collect();
    others.sort_by_key(|(_, found)| Some(found.kind) != kind);
    others.into_iter().map(|(key, _)| key).find(|key| read(set, call.operation.service, before, key).is_some())
}

/// What the call may remove although it is refused, by some answer to an open question.
fn refused_removals(set: &SpecSet, before: &State, request: &Request) -> Vec<Pending> {
    let is_removal = |effect: &Effect| effect.on_refusal && effect.later && matches!(effect.action, Action::Delete(_));
    if !set.operation(request.operation).effects.iter().any(is_removal) {
        return Vec::new();
    }
    outcomes_with(set, before, request, &Choices::default(), |answer, due| due && *answer != Answer::Success)
        .into_iter()
        .flat_map(|outcome| outcome.later)
        .filter(|pending| pending.changes.iter().any(|change| matches!(change, Change::Delete(_))))
        .collect()
}

fn is_settled(state: &State, key: &Key) -> bool {
    !state.pending.iter().any(|pending| pending.key == *key)
}

/// What a successful call would remove, whatever open questions are answered.
fn removals(set: &SpecSet, before: &State, request: &Request, assumed: &Choices) -> Vec<Pending> {
    let successes = outcomes_with(set, before, request, assumed, |answer, _| *answer == Answer::Success);
    let deletes = |pending: &&Pending| pending.changes.iter().any(|change| matches!(change, Change::Delete(_)));
    let Some(first) = successes.first() else { return Vec::new() };
    first
        .later
        .iter()
        .filter(deletes)
        .filter(|pending| successes.iter().all(|outcome| outcome.later.iter().any(|other| other.key == pending.key)))
        .cloned()
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::joined;
    use crate::{sequence::Script, spec::embedded};

    #[test]
    fn one_read_shows_what_several_in_a_row_do() {
        let set = embedded().expect("the embedded specs are sound");
        // Of images, in which region, and how each waits.
        let look = |images: &[&str], wait: Option<&str>, region: &str| {
            let mut read = json!({
                "operation": "cvm/DescribeImages",
                "arguments": { "Region": region, "ImageIds": images },
                "purpose": "read",
            });
            if let Some(wait) = wait {
                read["until"] = json!({ "view": 0, "key": images, "gone": true, "wait": wait });
            }
            read
        };
        let here = |images: &[&str], wait: Option<&str>| look(images, wait, "$given.region");
        let check = |reads: Vec<Value>, expected: Vec<Value>| {
            let script =
                |reads: Vec<Value>| Script::from_json(&set, &reads.into()).expect("they are commands").commands;
            assert_eq!(joined(&set, script(reads.clone())), script(expected), "{reads:?}");
        };
        let same = |reads: Vec<Value>| check(reads.clone(), reads);
        check(vec![here(&["$image1"], None), here(&["$image2"], None)], vec![here(&["$image1", "$image2"], None)]);
        check(vec![here(&["$image1"], None), here(&["$image1"], None)], vec![here(&["$image1"], None)]);
        let wait = |wait: &'static str| [Some(wait); 2];
        for [one, other] in [wait("linger"), wait("patient"), wait("after-success")] {
            check(vec![here(&["$image1"], one), here(&["$image2"], other)], vec![here(&["$image1", "$image2"], one)]);
        }
        // A look at once is no look a while later, and what may stay is not waited for with what goes.
        same(vec![here(&["$image1"], None), here(&["$image2"], Some("linger"))]);
        same(vec![here(&["$image1"], Some("patient")), here(&["$image2"], None)]);
        let [one, other] = wait("after-success-or-linger");
        same(vec![here(&["$image1"], one), here(&["$image2"], other)]);
        same(vec![here(&["$image1"], Some("linger")), here(&["$image2"], Some("patient"))]);
        same(vec![here(&["$image1"], None), look(&["$image2"], None, "$given.second_region")]);
        same(vec![here(&["$image1", "$image2", "$image3", "$image4"], None), here(&["$image5"], None)]);
        // Where it takes no list, there is nothing to join.
        let single = |image: &str| json!({ "operation": "ecs/DescribeImages", "arguments": { "ImageId": image }, "purpose": "read" });
        same(vec![single("$image1"), single("$image2")]);
    }

    #[test]
    fn what_waited_a_while_also_shows_what_was_only_looked_at() {
        let set = embedded().expect("the embedded specs are sound");
        let read = |images: &[&str], lingers: bool| {
            let mut read =
                json!({ "operation": "swas/ListCustomImages", "arguments": { "ImageIds": images }, "purpose": "read" });
            if lingers {
                read["until"] = json!({ "view": 0, "key": images[0], "gone": true, "wait": "linger" });
            }
            read
        };
        let script = |reads: Value| Script::from_json(&set, &reads).expect("they are commands").commands;
        let reads = script(json!([read(&["$image1"], true), read(&["$image2"], false)]));
        assert_eq!(joined(&set, reads), script(json!([read(&["$image1", "$image2"], true)])));
    }
}
