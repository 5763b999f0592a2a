//! Judging by orders, against brute force.

use std::{
    collections::BTreeMap,
    sync::Mutex,
    time::{Duration, Instant},
};

use aswritten::{
    history::{Exchange, History, Reply, Stamps},
    oracle::{is_explained_by_repetition, judge},
    sequence::{Command, Script},
};
use proptest::{prelude::*, test_runner::Config};

use crate::{SET, SETTLE_MS, executed, find, generator, pair, policy, told, wanted};

/// The race of a script with other answers and other times.
#[derive(Debug, Clone)]
struct Twisted {
    id: &'static str,
    race: prop::sample::Index,
    schedule: u32,
    /// For each call: start, length, and whose answer it has.
    calls: Vec<(u8, u8, Option<prop::sample::Index>)>,
}

fn twisted() -> impl Strategy<Value = Twisted> {
    let ids = prop::sample::select(vec!["ecs/DeleteImage", "ens/DeleteImage", "swas/DeleteCustomImages"]);
    let call = (0_u8..20, 1_u8..20, prop::option::weighted(0.3, any::<prop::sample::Index>()));
    (ids, any::<prop::sample::Index>(), 0_u32..40, prop::collection::vec(call, 8))
        .prop_map(|(id, race, schedule, calls)| Twisted { id, race, schedule, calls })
}

/// One history for each order that the stamps allow, with its calls one after the other.
fn sequences(script: &Script, history: &History) -> Vec<(Script, History)> {
    let race = script.race();
    let racing: Vec<&Exchange> = history.exchanges.iter().filter(|one| race.contains(&one.command)).collect();
    let mut found = Vec::new();
    let mut order: Vec<usize> = (0..racing.len()).collect();
    permutations(&mut order, 0, &mut |order| {
        let in_time = order.iter().enumerate().all(|(place, one)| {
            order[place + 1..].iter().all(|later| !racing[*later].stamps.precedes(&racing[*one].stamps))
        });
        if !in_time {
            return;
        }
        let mut plain = script.clone();
        plain.commands.iter_mut().for_each(|command| command.lane = None);
        let before = history.exchanges.iter().filter(|one| one.command < race.start).cloned();
        let after = history.exchanges.iter().filter(|one| one.command >= race.end).cloned();
        let within = order.iter().map(|index| racing[*index].clone());
        let exchanges = before.chain(within).chain(after).collect();
        found.push((plain, History { exchanges, ..history.clone() }));
    });
    found
}

fn permutations(order: &mut Vec<usize>, from: usize, visit: &mut dyn FnMut(&[usize])) {
    if from == order.len() {
        visit(order);
        return;
    }
    for index in from..order.len() {
        order.swap(from, index);
        permutations(order, from + 1, visit);
        order.swap(from, index);
    }
}

/// The history of a race, twisted.
fn twist(script: &Script, history: &mut History, calls: &[(u8, u8, Option<prop::sample::Index>)]) {
    let race = script.race();
    let at: Vec<usize> =
        (0..history.exchanges.len()).filter(|index| race.contains(&history.exchanges[*index].command)).collect();
    let replies: Vec<Reply> = at.iter().map(|index| history.exchanges[*index].reply.clone()).collect();
    let mut lanes: BTreeMap<u8, u64> = BTreeMap::new();
    for (place, index) in at.iter().enumerate() {
        let (start, length, other) = &calls[place % calls.len()];
        let exchange = &mut history.exchanges[*index];
        // Calls of one lane come one after the other.
        let lane = script.commands[exchange.command].lane.unwrap_or(0);
        let from = lanes.get(&lane).copied().unwrap_or(1_000) + u64::from(*start);
        exchange.stamps = Stamps { start: from, end: from + u64::from(*length) };
        lanes.insert(lane, exchange.stamps.end + 1);
        // Answers of calls of one operation may be mixed up.
        let operation = script.commands[exchange.command].operation;
        let alike: Vec<&Reply> = at
            .iter()
            .zip(&replies)
            .filter(|(one, _)| script.commands[history.exchanges[**one].command].operation == operation)
            .map(|(_, reply)| reply)
            .collect();
        if let Some(other) = other {
            history.exchanges[*index].reply = alike[other.index(alike.len())].clone();
        }
    }
}

#[test]
fn judging_agrees_with_brute_force() {
    let cases = u32::try_from(wanted("ASWRITTEN_BRUTE", 400)).expect("there are not so many");
    let scripts: BTreeMap<&str, Vec<Script>> = ["ecs/DeleteImage", "ens/DeleteImage", "swas/DeleteCustomImages"]
        .into_iter()
        .map(|id| (id, generator(find(id)).planned_races().collect()))
        .collect();
    let tally = Mutex::new([0_u32; 2]);
    proptest!(Config { cases, failure_persistence: None, ..Config::default() }, |(twisted in twisted())| {
        let at = find(twisted.id);
        let script = twisted.race.get(&scripts[twisted.id]);
        let mut history = executed(script, policy(at, SETTLE_MS, true), &twisted.schedule.to_string());
        twist(script, &mut history, &twisted.calls);
        let judged = judge(&SET, script, &history);
        let explained =
            sequences(script, &history).iter().any(|(script, history)| judge(&SET, script, history).findings.is_empty());
        prop_assert_eq!(judged.findings.is_empty(), explained, "{:?}\n{}", judged.findings, told(script, &history));
        tally.lock().expect("nobody panics")[usize::from(explained)] += 1;
    });
    let [broken, explained] = tally.into_inner().expect("nobody panics");
    println!("{explained} histories have an explaining order, {broken} have none");
    assert!(explained > cases / 10 && broken > cases / 20, "{explained} explained, {broken} not");
}

/// A dozen calls on one resource are judged in well under a second.
#[test]
fn a_dozen_calls_are_judged_at_once() {
    let (script, history) = crowd("ecs/DeleteImage", 12);
    let began = Instant::now();
    let judged = judge(&SET, &script, &history);
    assert!(judged.findings.is_empty() && judged.reasons.is_empty(), "{:?} {:?}", judged.findings, judged.reasons);
    assert_eq!(judged.races.overlapped, 66);
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
}

/// When there are too many orders, nothing is claimed.
#[test]
fn too_many_orders_are_no_verdict() {
    let (script, history) = crowd("ecs/DeleteImage", 70);
    let judged = judge(&SET, &script, &history);
    assert!(judged.findings.is_empty());
    assert!(judged.reasons.iter().any(|reason| reason.text.contains("too many orders")), "{:?}", judged.reasons);
    assert!(!judged.exercised.iter().any(|(at, index)| SET.operation(*at).requirements[*index].overlap));
}

/// Nor are more orders than can be tried an explanation.
#[test]
fn too_many_orders_explain_nothing() {
    let (script, mut history) = crowd("cvm/DeleteImages", 12);
    let is_refused = |exchange: &&Exchange| matches!(exchange.reply, Reply::Refused { .. });
    let refusal = history.exchanges.iter().find(is_refused).expect("one is told that another is at it").reply.clone();
    for exchange in history.exchanges.iter_mut().filter(|exchange| script.race().contains(&exchange.command)) {
        exchange.reply = refusal.clone();
    }
    assert!(!judge(&SET, &script, &history).findings.is_empty(), "all were refused, and the image is gone");
    assert!(!is_explained_by_repetition(&SET, &script, &history));
}

/// So many deletions of one image that all overlap, in lanes of their own.
fn crowd(id: &str, n_calls: u8) -> (Script, History) {
    let at = find(id);
    let pair = pair(at);
    let race = pair.race();
    let call = pair.commands[race.start].clone();
    let mut commands = pair.commands[..race.start].to_vec();
    commands.extend((0..n_calls).map(|lane| Command { lane: Some(lane + 1), ..call.clone() }));
    commands.extend_from_slice(&pair.commands[race.end..]);
    let script = Script::new(commands, Vec::new());
    let history = executed(&script, policy(at, SETTLE_MS, true), "crowd");
    (script, history)
}
