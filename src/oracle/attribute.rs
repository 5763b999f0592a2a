//! Which law of overlapping calls a finding is about, and which orders were tried.

use std::collections::BTreeSet;

use super::{
    finding::{Finding, Judged, Nature, Order},
    judge::{Turn, in_order},
    order::{self, predecessors},
    race::{Lanes, is_success, shared_law},
};
use crate::{
    history::{Exchange, History, Stamps},
    sequence::Script,
    spec::{Operation, SpecSet, operation::Law},
};

/// Orders that a finding tells of.
const MOST_ORDERS: usize = 24;

/// Says of findings about overlapping calls which law was broken, and which orders were tried.
pub fn attribute(set: &SpecSet, script: &Script, history: &History, overlapped: &BTreeSet<usize>, judged: &mut Judged) {
    let race = script.race();
    let orders = tried(set, script, history, overlapped);
    for finding in &mut judged.findings {
        if race.contains(&finding.culprit) || race.contains(&finding.command) {
            finding.orders.clone_from(&orders);
            rename(set, script, history, finding);
        }
    }
}

/// What later reads hold against an overlapping call breaks a law of overlapping calls.
fn rename(set: &SpecSet, script: &Script, history: &History, finding: &mut Finding) {
    let command = &script.commands[finding.culprit];
    let operation = set.operation(command.operation);
    let race = script.race();
    if finding.nature != Nature::Violation {
        return;
    }
    // A read of the race does not see what was done before.
    if let (true, Some(requirement)) =
        (race.contains(&finding.command) && finding.culprit < race.start, operation.law(Law::Seen))
    {
        blame_law(operation, requirement, finding);
        return;
    }
    if finding.command < race.end || finding.requirement.0 != command.operation {
        return;
    }
    let turns: Vec<Turn<'_>> = history
        .exchanges
        .iter()
        .filter(|exchange| script.race().contains(&exchange.command))
        .filter_map(|exchange| {
            let at = script.commands.get(exchange.command)?.operation;
            let request = script.commands[exchange.command].request(set, &Script::home());
            Some(Turn { at, service: set.service(at), operation: set.operation(at), request, exchange })
        })
        .collect();
    let documented: Vec<&Turn<'_>> = turns.iter().filter(|turn| turn.operation.is_documented()).collect();
    let Some(own) = documented.iter().find(|turn| turn.exchange.command == finding.culprit) else { return };
    let meets = |turn: &&Turn<'_>| {
        let lane = |turn: &Turn<'_>| script.commands[turn.exchange.command].lane;
        lane(turn) != lane(own) && turn.exchange.stamps.overlaps(&own.exchange.stamps)
    };
    if !turns.iter().any(|turn| meets(&turn)) {
        return;
    }
    let law = shared_law(&documented, finding.culprit).unwrap_or(if is_success(own) { Law::Seen } else { Law::Stays });
    if let Some(requirement) = operation.law(law) {
        blame_law(operation, requirement, finding);
    }
}

/// The same finding under another requirement of its operation.
fn blame_law(operation: &Operation, requirement: usize, finding: &mut Finding) {
    let what = finding.what().to_owned();
    finding.requirement.1 = requirement;
    finding.key = format!("{}#{what}", operation.requirements[requirement].id);
}

/// Orders of the overlapping calls, each judged as if the calls had come one after the other.
fn tried(set: &SpecSet, script: &Script, history: &History, overlapped: &BTreeSet<usize>) -> Vec<Order> {
    let race = script.race();
    let is_racing = |exchange: &&Exchange| race.contains(&exchange.command);
    let racing: Vec<&Exchange> = history.exchanges.iter().filter(is_racing).collect();
    let stamps: Vec<Stamps> = racing.iter().map(|exchange| exchange.stamps).collect();
    let orders = order::orders(&predecessors(&stamps), MOST_ORDERS);
    orders
        .into_iter()
        .map(|order| {
            let in_turn = order.iter().map(|index| racing[*index].clone());
            let before = history.exchanges.iter().filter(|exchange| exchange.command < race.start).cloned();
            let after = history.exchanges.iter().filter(|exchange| exchange.command >= race.end).cloned();
            let exchanges = before.chain(in_turn).chain(after).collect();
            let judged = in_order(set, script, &History { exchanges, ..history.clone() }, overlapped, Lanes::Ignored);
            let finding = judged.findings.first();
            let why = finding.map(|finding| format!("{}: {}", finding.command + 1, finding.summary));
            let why = why.or_else(|| judged.reasons.first().map(|reason| reason.text.clone()));
            Order {
                commands: order.iter().map(|index| racing[*index].command).collect(),
                why: why.unwrap_or_else(|| "together with the rest it explains nothing".into()),
            }
        })
        .collect()
}
