//! Calls that overlap, judged.
//!
//! The lanes of a script are taken together. Calls that have nothing to do with each other are put into groups of their own,
//! and for each group every order is tried ([`order`]). What the worlds of all orders agree on is known; when
//! no order explains the answers, a sentence was broken: that of the one call which fits nowhere, or else what the document
//! promises of calls that overlap.
//!
//! A call whose answer was lost may take effect at any time after it was sent, or never. It also counts as work under way
//! from then on: nobody has heard that it ended.

use std::{
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
};

use super::{
    attempt::{Attempt, reads},
    belief::{Belief, Moment, World},
    blame::{self, Changed},
    course::fixed,
    explain::{Standing, explains, matches, standing},
    finding::{Finding, Nature, Races, Reason, ReqRef},
    judge::{Judge, Turn},
    order::{self, Found, Unknown, predecessors, search},
    shown::contradiction,
};
use crate::{
    history::{Exchange, History, Reply, Stamps},
    model::{Choices, Outcome, Request, outcomes, view},
    sequence::Script,
    spec::{
        Operation, SpecSet,
        operation::{Law, View},
    },
    value::{Atom, Key},
};

/// Positions of commands that were under way at the same time as other work on what they name.
pub fn overlapped(set: &SpecSet, script: &Script, history: &History) -> BTreeSet<usize> {
    let laned = |exchange: &Exchange| script.commands.get(exchange.command).and_then(|command| command.lane);
    let lost = |exchange: &&Exchange| matches!(exchange.reply, Reply::Trouble(_));
    let suspects: Vec<&Exchange> =
        history.exchanges.iter().filter(|exchange| laned(exchange).is_some() || lost(exchange)).collect();
    if suspects.is_empty() {
        return BTreeSet::new();
    }
    let request = |exchange: &Exchange| Some(script.commands.get(exchange.command)?.request(set, &Script::home()));
    let works = |other: &Exchange, exchange: &Exchange| {
        let changes = script.commands.get(other.command).is_some_and(|found| set.operation(found.operation).changes());
        let later = other.stamps.start < exchange.stamps.end || other.command < exchange.command;
        let lost = matches!(other.reply, Reply::Trouble(_)) && later;
        let meets = laned(other).is_some()
            && laned(exchange).is_some()
            && laned(other) != laned(exchange)
            && other.stamps.overlaps(&exchange.stamps);
        other.command != exchange.command && changes && (lost || meets)
    };
    let is_overlapped = |exchange: &&Exchange| {
        let mut others = suspects.iter().filter(|other| works(other, exchange)).peekable();
        others.peek().is_some()
            && request(exchange).is_some_and(|own| {
                others.any(|other| request(other).is_some_and(|other| !common(&own, &other).is_empty()))
            })
    };
    history.exchanges.iter().filter(is_overlapped).map(|exchange| exchange.command).collect()
}

/// Resources that two calls name.
fn common(one: &Request, other: &Request) -> Vec<Key> {
    let others: BTreeSet<&Key> = other.targets.iter().flatten().collect();
    one.targets.iter().flatten().filter(|key| others.contains(key)).cloned().collect()
}

/// How calls of different lanes are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lanes {
    /// They were answered in the order in which they stand.
    Ignored,
    /// Each took effect once, at some moment between its start and its end.
    Overlapping,
    /// Each that was answered may have arrived once more.
    Repeating,
}

/// How a call of a race is treated.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Sort {
    /// Answered, to be judged.
    Definite,
    /// It may have happened or not.
    Doubtful,
}

/// One call of a race.
pub struct Racer<'a> {
    pub turn: Turn<'a>,
    pub sort: Sort,
    pub stamps: Stamps,
}

impl<'a> Judge<'a> {
    /// Judges the exchanges of all lanes; false when nothing after them can be judged.
    pub fn race(&mut self, exchanges: &'a [Exchange]) -> bool {
        self.judged.races += races(self.script, exchanges);
        let Some(racers) = self.racers(exchanges) else { return false };
        let mut budget = order::BUDGET;
        let known = self.belief.answers();
        let mut belief = std::mem::take(&mut self.belief);
        for group in self.groups(&racers, &belief) {
            let group: Vec<&Racer<'a>> = group.into_iter().map(|index| &racers[index]).collect();
            let before = predecessors(&group.iter().map(|racer| racer.stamps).collect::<Vec<_>>());
            let mut attempt = Attempt::new(self, &group);
            let found = search(belief, &before, &mut attempt, &mut budget);
            match found {
                Err(Unknown) => {
                    let text = format!("{} overlapping calls have too many orders to try", group.len());
                    let command = group.first().map_or(0, |racer| racer.turn.exchange.command);
                    self.judged.reasons.push(Reason { command, text, promised: None });
                    return false;
                }
                Ok(found) if found.belief.worlds.is_empty() => {
                    self.unexplained_race(&group, &before, &found);
                    return false;
                }
                Ok(found) => belief = found.belief,
            }
        }
        self.belief = belief;
        self.seen_ms = exchanges.iter().map(|exchange| exchange.started_ms).max().unwrap_or(self.seen_ms);
        for racer in racers.iter().filter(|racer| racer.sort == Sort::Definite) {
            self.notice(&racer.turn);
            if racer.turn.operation.is_documented() {
                self.note(&racer.turn, &known);
                self.fields(&racer.turn);
            }
        }
        self.met(&racers);
        true
    }

    /// The calls that anything follows from; none where what comes next cannot be judged.
    fn racers(&mut self, exchanges: &'a [Exchange]) -> Option<Vec<Racer<'a>>> {
        let mut racers = Vec::new();
        for exchange in exchanges {
            let Some(turn) = self.turn(exchange) else { continue };
            let mut stamps = exchange.stamps;
            let sort = match standing(turn.service, turn.operation, turn.request.caller, &exchange.reply) {
                Standing::Definite if turn.operation.is_documented() && self.hindsight.awaits(&turn.request) => {
                    return None;
                }
                Standing::Definite if self.failed(&turn) => return None,
                Standing::Definite => Sort::Definite,
                Standing::Unauthenticated(text) => {
                    self.reason(&turn, format!("credentials refused: {text}"));
                    continue;
                }
                Standing::Denied(text) => {
                    self.reason(&turn, text);
                    continue;
                }
                Standing::Inconclusive(text) => {
                    self.reason(&turn, text);
                    if matches!(exchange.reply, Reply::NotSent { .. }) {
                        continue;
                    }
                    Sort::Doubtful
                }
                Standing::Failed(text) => {
                    let promised = self.promised(&turn);
                    self.judged.reasons.push(Reason { command: exchange.command, text, promised });
                    self.hindsight.lose(turn.operation, &turn.request, exchange.command);
                    // Nobody has heard that it ended.
                    stamps.end = u64::MAX;
                    Sort::Doubtful
                }
            };
            let again = if self.may_repeat(&turn, sort) { self.turn(exchange) } else { None };
            racers.push(Racer { turn, sort, stamps });
            // Whoever sent it once more may have taken his time.
            let stamps = Stamps { end: u64::MAX, ..stamps };
            racers.extend(again.map(|turn| Racer { turn, sort: Sort::Doubtful, stamps }));
        }
        Some(racers)
    }

    /// Something may have come of a call that its answer does not tell, because it arrived twice.
    fn may_repeat(&self, turn: &Turn<'_>, sort: Sort) -> bool {
        self.repeating && sort == Sort::Definite && turn.operation.changes() && turn.request.created.is_empty()
    }

    /// A read says that making something failed: nothing is known of it any more.
    fn failed(&mut self, turn: &Turn<'_>) -> bool {
        let Reply::Success { fields, .. } = &turn.exchange.reply else { return false };
        let found = turn.operation.views.iter().find_map(|shown| {
            let seen = view::observe(shown, fields)?;
            seen.elements.iter().find_map(|element| {
                let (field, value) = shown.failure(element)?;
                Some(format!("{} failed: {field} is {value}", self.history.place_of(&element.id)?))
            })
        });
        found.is_some_and(|text| {
            self.reason(turn, text);
            true
        })
    }

    /// Takes note of what a read shows.
    fn notice(&mut self, turn: &Turn<'_>) {
        let Reply::Success { fields, .. } = &turn.exchange.reply else { return };
        for seen in turn.operation.views.iter().filter_map(|shown| view::observe(shown, fields)) {
            let places = seen.elements.iter().filter_map(|element| self.history.place_of(&element.id));
            self.shown.extend(places.cloned());
        }
        self.hindsight.awaited.retain(|key| !self.shown.contains(key));
    }

    /// Calls by what they have to do with each other: what they name and make, and what refers to that.
    fn groups(&self, racers: &[Racer<'a>], belief: &Belief) -> Vec<Vec<usize>> {
        let mut named: Vec<Vec<Key>> = Vec::new();
        for racer in racers {
            let request = &racer.turn.request;
            let mut keys: Vec<Key> = request.targets.iter().flatten().chain(&request.created).cloned().collect();
            keys.extend(request.token(racer.turn.operation));
            named.push(keys);
        }
        // Who names nothing may be about everything.
        if named.iter().any(Vec::is_empty) {
            return if racers.is_empty() { Vec::new() } else { vec![(0..racers.len()).collect()] };
        }
        let states = belief.worlds.iter().map(|world| &world.state);
        let references = states.flat_map(|state| {
            state.resources.iter().flat_map(|(key, found)| {
                let values = found.attributes.iter();
                let referred = values.filter_map(|value| if let Atom::Ref(other) = value { Some(other) } else { None });
                referred.map(|other| (key.clone(), other.clone()))
            })
        });
        let linked: BTreeSet<(Key, Key)> = references.collect();
        order::groups(&named, &linked.into_iter().collect::<Vec<_>>())
    }

    /// No order explains the answers.
    fn unexplained_race(&mut self, group: &[&Racer<'a>], before: &[u64], found: &Found) {
        let tried = found
            .reached
            .iter()
            .fold(0, |tried, (done, _)| order::open(*done, before).fold(tried, |tried, (call, _)| tried | 1 << call));
        // A call that fits nowhere broke a sentence of its own, whatever overlapped it.
        let misfit = (0..group.len()).find(|call| tried & !found.fitted & (1 << call) != 0);
        if let Some(call) = misfit {
            let worlds: Vec<World> = found
                .reached
                .iter()
                .filter(|(done, _)| order::open(*done, before).any(|(open, _)| open == call))
                .flat_map(|(_, belief)| belief.worlds.iter().cloned())
                .collect();
            if self.misfit(&group[call].turn, worlds) {
                return;
            }
        }
        // All calls but one fit together, and that one would with another answer to an open question.
        let changed = found.reached.iter().filter(|(done, _)| done.count_ones() as usize + 1 == group.len());
        let changed =
            changed.flat_map(|(done, belief)| order::open(*done, before).map(move |(call, _)| (call, belief)));
        let changed = changed
            .filter(|(call, _)| group[*call].sort == Sort::Definite && group[*call].turn.operation.is_documented())
            .find_map(|(call, belief)| Some((call, self.changed(&group[call].turn, &belief.worlds)?)));
        if let Some((call, changed)) = changed {
            self.change_of_mind(&group[call].turn, &changed);
            return;
        }
        let turns: Vec<&Turn<'a>> = group.iter().map(|racer| &racer.turn).collect();
        let (law, culprit) = self.broken(group, before, found);
        let accused = self.set.operation(self.script.commands[culprit].operation);
        let (Some(requirement), Some(first)) = (law_or_basics(accused, law), turns.first()) else {
            let text = "no order explains what was read, and no documented call is known to be the cause";
            self.reason(turns[0], text.into());
            return;
        };
        let (at, service) = (self.script.commands[culprit].operation, first.service);
        let id = &accused.requirements[requirement].id;
        let answers = turns.iter().map(|turn| format!("{} {}", turn.operation.name, turn.exchange.reply.brief()));
        let first = found.reached.first().and_then(|(_, belief)| belief.worlds.first());
        let finding = Finding {
            key: format!("{id}#no order"),
            nature: Nature::Violation,
            requirement: (at, requirement),
            summary: format!("no order of {} overlapping calls explains their answers", group.len()),
            expected: vec!["what some order of the calls would earn".into()],
            actual: answers.collect::<Vec<_>>().join(", ").into(),
            command: culprit,
            culprit,
            before: blame::describe(service, first.map(|world| &**world.state)),
            orders: Vec::new(),
        };
        self.judged.exercised.push(finding.requirement);
        self.judged.findings.push(finding);
    }

    /// A call whose answer no world explains, after whatever calls.
    fn misfit(&mut self, turn: &Turn<'a>, worlds: Vec<World>) -> bool {
        if let (Reply::Success { fields, .. }, false) = (&turn.exchange.reply, reads(turn).is_empty()) {
            let found = worlds.iter().filter_map(|world| {
                let differs = |(shown, seen): &(&View, view::Observation<'_>)| {
                    contradiction(self.set, turn, shown, seen, self.history, &world.state)
                };
                let found = reads(turn).iter().find_map(differs)?;
                Some((world.clone(), found))
            });
            let found: Vec<_> = found.collect();
            if !found.is_empty() {
                self.contradicted(turn, found, fields);
                return true;
            }
        }
        if !turn.operation.is_documented() {
            self.reason(turn, format!("{} answered {}", turn.operation.name, turn.exchange.reply.brief()));
            return true;
        }
        let accused = turn.accused(self.set);
        if let Some(changed) = self.changed(turn, &worlds) {
            self.change_of_mind(turn, &changed);
            return true;
        }
        let mut seen: Vec<(Rc<Moment>, Choices)> = Vec::new();
        let mut permitted = Vec::new();
        for world in &worlds {
            let known = fixed(turn.operation, world.known(turn.at));
            if seen.iter().any(|(state, choices)| *state == world.state && *choices == known) {
                continue;
            }
            permitted.extend(self.permitted(turn, world, &known));
            seen.push((world.state.clone(), known));
        }
        let Some(mut finding) = blame::answer(&accused, &Belief::of(worlds), &permitted) else { return false };
        if let (true, Some(law)) = (answers_overlap(turn), turn.operation.law(Law::Exclusive)) {
            finding.requirement = (turn.at, law);
            finding.key = format!("{}#nothing overlaps", turn.operation.requirements[law].id);
        }
        self.judged.exercised.push(finding.requirement);
        self.judged.findings.push(finding);
        true
    }

    /// An open question that this call answers in another way than calls before it did.
    fn changed(&self, turn: &Turn<'_>, worlds: &[World]) -> Option<Changed> {
        worlds.iter().find_map(|world| {
            let permitted = outcomes(self.set, &world.state, &turn.request, &Choices::default());
            let fits = |outcome: &&Outcome| {
                explains(turn.service, turn.operation, &outcome.answer, outcome.due, &turn.exchange.reply).is_some()
            };
            let known = fixed(turn.operation, world.known(turn.at));
            Changed::of(turn.operation, &known, permitted.iter().find(fits)?)
        })
    }

    /// The law that calls broke together, and the call that is to blame.
    fn broken(&self, group: &[&Racer<'a>], before: &[u64], found: &Found) -> (Law, usize) {
        let documented: Vec<&Turn<'a>> = group
            .iter()
            .filter(|racer| racer.sort == Sort::Definite && racer.turn.operation.is_documented())
            .map(|racer| &racer.turn)
            .collect();
        let last = |is: &dyn Fn(&Turn<'_>) -> bool| {
            documented.iter().filter(|turn| is(turn)).map(|turn| turn.exchange.command).max()
        };
        // Where only reads overlapped, they are about what was done before.
        let before_all = || {
            let earlier = self.script.commands[..self.script.race().start].iter();
            earlier.into_iter().rposition(|command| self.set.operation(command.operation).is_documented())
        };
        let culprit = last(&is_success).or(last(&|_| true)).or_else(before_all);
        let culprit = culprit.unwrap_or(group[0].turn.exchange.command);
        if let Some(law) = shared_law(&documented, culprit) {
            return (law, culprit);
        }
        // Were it not for the clock, some order would do: a call has not seen what was over before it began.
        let initial = found.reached.iter().find(|(done, _)| *done == 0).map(|(_, belief)| belief.clone());
        if before.iter().any(|before| *before != 0)
            && let Some(initial) = initial
        {
            let mut attempt = Attempt::new(self, group);
            let free = search(initial, &vec![0; before.len()], &mut attempt, &mut order::BUDGET.clone());
            if free.is_ok_and(|found| !found.belief.worlds.is_empty()) {
                return (Law::Seen, culprit);
            }
        }
        if documented.iter().filter(|turn| is_success(turn)).count() > 1 {
            return (Law::Once, culprit);
        }
        (Law::Stays, culprit)
    }

    /// Takes note of the laws that overlapping calls have met, for later reads to prove.
    fn met(&mut self, racers: &[Racer<'a>]) {
        let mut met: BTreeMap<ReqRef, BTreeSet<Key>> = BTreeMap::new();
        let definite: Vec<&Racer<'a>> = racers.iter().filter(|racer| racer.sort == Sort::Definite).collect();
        for one in definite.iter().filter(|racer| racer.turn.operation.is_documented()) {
            let turn = &one.turn;
            let mut add = |law: Law, keys: &[Key]| {
                if let Some(requirement) = turn.operation.law(law) {
                    met.entry((turn.at, requirement)).or_default().extend(keys.iter().cloned());
                }
            };
            let success = is_success(turn);
            let told = if success { Law::Seen } else { Law::Stays };
            for other in definite.iter().filter(|other| self.is_overlapping(one, other)) {
                let keys = common(&turn.request, &other.turn.request);
                let both = other.turn.operation.is_documented();
                if keys.is_empty() {
                    if both && !answers_overlap(turn) && !answers_overlap(&other.turn) {
                        add(Law::Exclusive, &[]);
                    }
                    if both {
                        add(told, &turn.request.targets.concat());
                    }
                    continue;
                }
                if !other.turn.operation.changes() {
                    add(Law::Seen, &keys);
                    continue;
                }
                add(told, &keys);
                if both && (success || is_success(&other.turn)) {
                    add(Law::Once, &keys);
                }
                if both && is_batch(turn) {
                    add(Law::Batch, &turn.request.targets.concat());
                }
            }
            for other in definite.iter().filter(|other| self.is_overlapping(one, other)) {
                let token = turn.request.token(turn.operation);
                if token.is_some() && other.turn.at == turn.at && other.turn.request.token(turn.operation) == token {
                    add(Law::Token, &turn.request.targets.concat());
                }
            }
            let row = turn.operation.rows.iter().find(|row| row.overlap && answers_overlap(turn));
            // Work that was merely never heard of again may have been over.
            let is_met = racers.iter().any(|other| {
                let stamps = &other.turn.exchange.stamps;
                self.lane(one) != self.lane(other)
                    && stamps.overlaps(&one.turn.exchange.stamps)
                    && other.turn.operation.changes()
                    && !common(&turn.request, &other.turn.request).is_empty()
            });
            if let Some(requirement) = row.and_then(|row| row.requirement).filter(|_| is_met) {
                self.judged.exercised.push((turn.at, requirement));
            }
        }
        for (requirement, keys) in met {
            if keys.is_empty() {
                self.judged.exercised.push(requirement);
            } else {
                self.unproved.push((requirement, keys.into_iter().collect()));
            }
        }
    }

    fn is_overlapping(&self, one: &Racer<'_>, other: &Racer<'_>) -> bool {
        self.lane(one) != self.lane(other) && one.stamps.overlaps(&other.stamps)
    }

    fn lane(&self, racer: &Racer<'_>) -> Option<u8> {
        self.script.commands[racer.turn.exchange.command].lane
    }
}

pub fn is_success(turn: &Turn<'_>) -> bool {
    matches!(turn.exchange.reply, Reply::Success { .. })
}

fn is_batch(turn: &Turn<'_>) -> bool {
    turn.request.is_batch()
}

/// The answer is that other work is under way.
fn answers_overlap(turn: &Turn<'_>) -> bool {
    let Reply::Refused { code, .. } = &turn.exchange.reply else { return false };
    turn.operation.rows.iter().any(|row| row.overlap && matches(&row.codes, code))
}

/// The law about what overlapping calls have in common with a call: its token, or a part of its batch.
pub fn shared_law(turns: &[&Turn<'_>], culprit: usize) -> Option<Law> {
    let own = turns.iter().find(|turn| turn.exchange.command == culprit)?;
    let mut others = turns.iter().filter(|turn| turn.exchange.command != culprit && turn.at == own.at);
    let token = own.request.token(own.operation);
    if token.is_some() && others.clone().any(|turn| turn.request.token(turn.operation) == token) {
        return Some(Law::Token);
    }
    let shares =
        |turn: &&Turn<'_>| !common(&own.request, &turn.request).is_empty() && (is_batch(own) || is_batch(turn));
    others.any(shares).then_some(Law::Batch)
}

/// The requirement of a law, or the basic one that it follows from.
fn law_or_basics(operation: &Operation, law: Law) -> Option<usize> {
    let basics = operation.basics?;
    let otherwise = match law {
        Law::Stays => basics.unchanged,
        Law::Seen => basics.effect,
        _ => basics.success,
    };
    operation.law(law).or(Some(otherwise))
}

/// Pairs of calls of different lanes.
fn races(script: &Script, exchanges: &[Exchange]) -> Races {
    let lane = |exchange: &Exchange| script.commands.get(exchange.command).and_then(|command| command.lane);
    let sent: Vec<&Exchange> =
        exchanges.iter().filter(|exchange| !matches!(exchange.reply, Reply::NotSent { .. })).collect();
    let mut races = Races::default();
    for (index, one) in sent.iter().enumerate() {
        for other in sent[index + 1..].iter().filter(|other| lane(other) != lane(one)) {
            races.pairs += 1;
            races.overlapped += u64::from(one.stamps.overlaps(&other.stamps));
        }
    }
    races
}

/// A read after the race shows what some of its laws are about.
pub fn prove(judge: &mut Judge<'_>, turn: &Turn<'_>) {
    let Some(world) = judge.belief.worlds.first().filter(|_| !judge.unproved.is_empty()) else { return };
    let views = turn.operation.views.iter();
    let subjects: BTreeSet<Key> =
        views.flat_map(|shown| view::subjects(turn.operation, shown, &world.state, &turn.request)).collect();
    let (proved, left): (Vec<_>, Vec<_>) = std::mem::take(&mut judge.unproved)
        .into_iter()
        .partition(|(_, keys)| keys.iter().any(|key| subjects.contains(key)));
    judge.unproved = left;
    judge.judged.exercised.extend(proved.into_iter().map(|(requirement, _)| requirement));
}

#[cfg(test)]
mod tests {
    use super::{Law, law_or_basics};
    use crate::model::shop::{DELETE, shop};

    #[test]
    fn laws_that_no_document_has_follow_from_basic_sentences() {
        let check = |tables: &str, law: Law, expected: &str| {
            let set = shop(tables);
            let operation = set.operation(DELETE);
            let found = law_or_basics(operation, law).map(|requirement| &*operation.requirements[requirement].id);
            assert_eq!(found, Some(&*format!("shop/Delete/{expected}")), "{law:?}");
        };
        check("", Law::Stays, "unchanged");
        check("", Law::Seen, "effect");
        check("", Law::Once, "success");
        check("", Law::Batch, "success");
        let law = "[[overlap]]\nlaw = \"seen\"\ntext = \"So.\"\nsource = \"Text\"\n";
        check(law, Law::Seen, "overlap/seen");
        check(law, Law::Stays, "unchanged");
    }
}
