//! Races: calls that overlap, around what one of them needs.
//!
//! A race *begins* in a state that plans lead to: something that can be removed, something that is refused for one of the
//! documented reasons, two of them, or one that is gone. Then two or three *lanes* leave together: pairs of calls on one
//! resource first, for they are what races; the documented call with itself, with each companion that makes sense there,
//! with reads; batches that share an id; one token twice; and calls that have nothing to do with each other. In the *end*
//! everything is read back.
//!
//! Calls can meet in several ways (see [`Script::turns`]). Each race is first run in both ways in which its calls change what
//! the other one has seen; runs after that take the other ways, and make larger races of it.
//!
//! What a race is aimed at follows from what its calls have in common: the laws of overlapping calls that the document has,
//! and its rows that only such calls can earn.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{
    dice::Dice,
    goal::Due,
    moves::{companions, read, wait_for},
    plan::Plan,
    readback, simulate,
};
use crate::{
    model::{Answer, Change, Choices, Request, State},
    sequence::{Command, Purpose, Script, Wait, command::stem},
    spec::{
        Operation, SpecSet,
        operation::{Law, ParamType},
        service::OpRef,
    },
    value::Key,
};

/// Of a hundred races that are run again, so many get a third lane.
const THIRD_LANE_PERCENT: usize = 30;
/// Of a hundred races that are run again, so many get a second command in a lane.
const SECOND_COMMAND_PERCENT: usize = 30;
/// Most resources of a kind that companions make beside those of the beginning.
const OF_A_KIND: usize = 3;

/// A race.
#[derive(Debug, Clone, PartialEq)]
pub struct Race {
    /// The sequential beginning.
    pub setup: Vec<Command>,
    pub lanes: Vec<Vec<Command>>,
    /// Requirements that it may exercise.
    pub aims: BTreeSet<usize>,
}

/// Where a race may begin.
struct Start {
    setup: Vec<Command>,
    state: State,
    /// What documented calls name.
    keys: Vec<Key>,
}

/// What races of one operation are made of.
pub struct Material<'a> {
    pub set: &'a SpecSet,
    pub at: OpRef,
    /// A way to something that can be removed.
    pub removable: &'a Plan,
    /// Ways to something that is refused.
    pub refused: &'a [&'a Plan],
}

/// All races of an operation, those with few lanes on one resource first.
pub fn races(material: &Material<'_>) -> Vec<Race> {
    let maker = Maker::new(material);
    let mut found: Vec<Race> = Vec::new();
    let mut add = |race: Option<Race>| {
        found.extend(race.filter(|race| !race.aims.is_empty()).filter(|race| !found.contains(race)));
    };
    let Some(free) = maker.start(&material.removable.setup) else { return found };
    let refused: Vec<Start> = material
        .refused
        .iter()
        .filter_map(|plan| maker.start(&plan.setup))
        .filter(|start| start.state.pending.is_empty())
        .collect();
    let gone = maker.gone(&free);
    let two = maker.beside(&free, &free);
    maker.on_one(&free, &mut add);
    if let Some(two) = &two {
        maker.on_two(two, &mut add);
    }
    for start in &refused {
        maker.on_one(start, &mut add);
        if let Some(mixed) = maker.beside(start, &free) {
            maker.on_two(&mixed, &mut add);
        }
    }
    if let Some(gone) = &gone {
        maker.on_gone(gone, &mut add);
    }
    if let Some(three) = two.as_ref().and_then(|two| maker.beside(two, &free)) {
        maker.on_three(&three, &mut add);
    }
    if let Some(two) = &two {
        maker.with_one_token(two, &mut add);
    }
    found
}

struct Maker<'a> {
    set: &'a SpecSet,
    at: OpRef,
    operation: &'a Operation,
    likely: Choices,
    /// The plain call, whatever it names.
    plain: Command,
}

impl<'a> Maker<'a> {
    fn new(material: &Material<'a>) -> Self {
        let operation = material.set.operation(material.at);
        let mut plain = material.removable.call.clone();
        if let Some(token) = operation.token {
            plain.arguments[token] = None;
        }
        Self { set: material.set, at: material.at, operation, likely: Choices::likely(operation), plain }
    }

    fn request(&self, command: &Command) -> Request {
        command.request(self.set, &Script::home())
    }

    /// The state that a way leads to, with what the operation can name there.
    fn start(&self, setup: &[Command]) -> Option<Start> {
        let initial = State::initial(self.set.service(self.at), &Script::home());
        let state = simulate::run(self.set, &initial, setup, &self.likely).pop()?;
        let kind = self.operation.bindings.first()?.kind;
        let made: BTreeSet<&Key> = setup.iter().flat_map(|command| &command.creates).collect();
        let keys: Vec<Key> = state
            .resources
            .iter()
            .filter(|(key, found)| found.kind == kind && !found.deleted && made.contains(key))
            .map(|(key, _)| key.clone())
            .collect();
        (!keys.is_empty()).then(|| Start { setup: setup.to_vec(), state, keys })
    }

    /// One beginning after another, on resources of its own. What both are made from is made once.
    fn beside(&self, one: &Start, other: &Start) -> Option<Start> {
        let taken: BTreeSet<&Key> = one.setup.iter().flat_map(|command| &command.creates).collect();
        let mut names: BTreeMap<Key, Key> = BTreeMap::new();
        let is_common = |(own, others): &(&Command, &Command)| {
            let names_it = |keys: &[Key]| own.creates.iter().chain(&own.uses()).any(|key| keys.contains(key));
            own == others && !names_it(&one.keys) && !names_it(&other.keys)
        };
        let n_common = one.setup.iter().zip(&other.setup).take_while(is_common).count();
        let own = &other.setup[n_common..];
        for key in own.iter().flat_map(|command| &command.creates) {
            let stem = stem(key);
            let is_free = |name: &Key| !taken.contains(name) && !names.values().any(|known| known == name);
            let fresh = (1..).map(|number| Key::from(format!("{stem}{number}").as_str())).find(is_free)?;
            names.insert(key.clone(), fresh);
        }
        let further = own.iter().map(|command| command.renamed(&names));
        let setup: Vec<Command> = one.setup.iter().cloned().chain(further).collect();
        let mut start = self.start(&setup)?;
        start.keys.retain(|key| one.keys.contains(key) || other.keys.iter().any(|own| names.get(own) == Some(key)));
        Some(start)
    }

    /// The beginning after which what could be removed is gone.
    fn gone(&self, free: &Start) -> Option<Start> {
        let key = free.keys.first()?.clone();
        let mut call = self.call(std::slice::from_ref(&key));
        call.purpose = Purpose::Setup;
        let (after, _) = simulate::step(self.set, &free.state, &call, &self.likely);
        let is_removal = |change: &Change| matches!(change, Change::Delete(_));
        let pending = after.pending.iter().find(|pending| pending.changes.iter().any(is_removal))?;
        let wait = wait_for(self.set, self.at.service, &after, pending)?;
        let state = simulate::after_waiting(&after, &wait);
        let setup = free.setup.iter().cloned().chain([call, wait]).collect();
        Some(Start { setup, state, keys: vec![key] })
    }

    /// The plain call for these resources.
    fn call(&self, keys: &[Key]) -> Command {
        let mut call = self.plain.clone();
        call.purpose = Purpose::Call;
        let Some(binding) = self.operation.bindings.first() else { return call };
        let ids = keys.iter().map(|key| Value::String(key.to_string()));
        let is_list = self.operation.params[binding.param].kind == ParamType::Texts;
        call.arguments[binding.param] =
            if is_list { Some(Value::Array(ids.collect())) } else { ids.into_iter().next() };
        call
    }

    fn with_token(&self, mut call: Command) -> Option<Command> {
        call.arguments[self.operation.token?] = Some("$token1".into());
        Some(call)
    }

    /// The call with a switch on.
    fn switched(&self, call: &Command) -> Vec<Command> {
        let params = self.operation.params.iter().enumerate();
        let switches = params.filter(|(_, param)| param.is_switch());
        switches
            .map(|(index, _)| {
                let mut call = call.clone();
                call.arguments[index] = Some(true.into());
                call
            })
            .collect()
    }

    /// Companions that name a resource, one for each way to call them.
    fn companions(&self, state: &State, key: &Key) -> Vec<Command> {
        let all = companions(self.set, self.at.service, state, OF_A_KIND).into_iter();
        let naming = all.filter(|command| self.request(command).targets.iter().flatten().any(|named| named == key));
        let mut found: Vec<Command> = Vec::new();
        for command in naming {
            if !found.contains(&command) {
                found.push(command);
            }
        }
        found
    }

    fn read(&self, state: &State, key: &Key) -> Option<Command> {
        read(self.set, self.at.service, state, key)
    }

    fn on_one(&self, start: &Start, add: &mut dyn FnMut(Option<Race>)) {
        let key = &start.keys[0];
        let call = self.call(std::slice::from_ref(key));
        let race = |lanes: Vec<Vec<Command>>| self.race(start, lanes);
        add(race(vec![vec![call.clone()], vec![call.clone()]]));
        for companion in self.companions(&start.state, key) {
            add(race(vec![vec![call.clone()], vec![companion]]));
        }
        for other in self.switched(&call) {
            add(race(vec![vec![call.clone()], vec![other]]));
        }
        if let Some(token) = self.with_token(call.clone()) {
            add(race(vec![vec![token.clone()], vec![token]]));
        }
        add(race(vec![vec![call.clone()], vec![call.clone()], vec![call.clone()]]));
        if let Some(read) = self.read(&start.state, key) {
            add(race(vec![vec![call.clone(), read.clone()], vec![call, read]]));
        }
    }

    fn on_two(&self, start: &Start, add: &mut dyn FnMut(Option<Race>)) {
        let [one, other] = &start.keys[..] else { return };
        let single = |key: &Key| self.call(std::slice::from_ref(key));
        add(self.race(start, vec![vec![single(one)], vec![single(other)]]));
        if self.operation.list().is_none() {
            return;
        }
        let both = self.call(&start.keys);
        let reversed = self.call(&[other.clone(), one.clone()]);
        for lane in [single(one), single(other), reversed] {
            add(self.race(start, vec![vec![both.clone()], vec![lane]]));
        }
        for companion in [other, one].into_iter().flat_map(|key| self.companions(&start.state, key)) {
            add(self.race(start, vec![vec![both.clone()], vec![companion]]));
        }
    }

    /// One token for different things: what that earns is often left open, so such races come last.
    fn with_one_token(&self, start: &Start, add: &mut dyn FnMut(Option<Race>)) {
        let [one, other] = &start.keys[..] else { return };
        let tokened = |key: &Key| self.with_token(self.call(std::slice::from_ref(key)));
        if let (Some(first), Some(second)) = (tokened(one), tokened(other)) {
            add(self.race(start, vec![vec![first], vec![second]]));
        }
    }

    fn on_three(&self, start: &Start, add: &mut dyn FnMut(Option<Race>)) {
        let [one, two, three] = &start.keys[..] else { return };
        let single = |key: &Key| self.call(std::slice::from_ref(key));
        add(self.race(start, vec![vec![single(one)], vec![single(two)], vec![single(three)]]));
        if self.operation.list().is_some() {
            let batches = [[one, two], [two, three]].map(|keys| vec![self.call(&keys.map(Clone::clone))]);
            add(self.race(start, batches.into()));
        }
    }

    fn on_gone(&self, start: &Start, add: &mut dyn FnMut(Option<Race>)) {
        let key = &start.keys[0];
        let call = self.call(std::slice::from_ref(key));
        add(self.race(start, vec![vec![call.clone()], vec![call.clone()]]));
        if let Some(read) = self.read(&start.state, key) {
            add(self.race(start, vec![vec![call, read.clone()], vec![read.clone(), read]]));
        }
    }

    /// A race with its aims; none where two calls would make one handle.
    fn race(&self, start: &Start, lanes: Vec<Vec<Command>>) -> Option<Race> {
        let mut made = BTreeSet::new();
        let fresh = lanes.iter().flatten().flat_map(|command| &command.creates).all(|key| made.insert(key.clone()));
        let aims = self.aims(&start.state, &lanes);
        fresh.then(|| Race { setup: start.setup.clone(), lanes, aims })
    }

    /// What the calls have in common.
    fn aims(&self, state: &State, lanes: &[Vec<Command>]) -> BTreeSet<usize> {
        let calls =
            || lanes.iter().enumerate().flat_map(|(lane, commands)| commands.iter().map(move |one| (lane, one)));
        let mut aims = BTreeSet::new();
        let mut laws: BTreeSet<Law> = BTreeSet::new();
        for (lane, one) in calls().filter(|(_, one)| one.operation == self.at) {
            let request = self.request(one);
            let named: BTreeSet<&Key> = request.targets.iter().flatten().collect();
            let (_, outcome) = simulate::step(self.set, state, one, &self.likely);
            let success = outcome.answer == Answer::Success;
            for (_, other) in calls().filter(|(other, _)| *other != lane) {
                let others = self.request(other);
                let both = other.operation == self.at;
                let token = request.token(self.operation);
                if both && token.is_some() && token == others.token(self.operation) {
                    laws.insert(Law::Token);
                }
                let told = if success { Law::Seen } else { Law::Stays };
                if !others.targets.iter().flatten().any(|key| named.contains(key)) {
                    if both {
                        laws.extend([Law::Exclusive, told]);
                    }
                    continue;
                }
                if !self.set.operation(other.operation).changes() {
                    laws.insert(Law::Seen);
                    continue;
                }
                laws.insert(told);
                if both && success {
                    laws.insert(Law::Once);
                }
                if both && named.len() > 1 {
                    laws.insert(Law::Batch);
                }
                if success {
                    let rows = self.operation.rows.iter().filter(|row| row.overlap);
                    aims.extend(rows.filter_map(|row| row.requirement));
                }
            }
        }
        aims.extend(laws.into_iter().filter_map(|law| self.operation.law(law)));
        aims
    }
}

/// A call by what it gives, and how much it names.
type Part = (OpRef, Vec<usize>, usize);

/// Puts the first of each shape before the second of any, the short ones first: the same lanes from another beginning often
/// show the same, and so do more of the same lanes.
pub fn alternate(races: &mut [Race]) {
    let mut known: BTreeMap<(BTreeSet<Vec<Part>>, bool), usize> = BTreeMap::new();
    let part = |command: &Command| {
        let given = command.arguments.iter().enumerate().filter(|(_, value)| value.is_some());
        (command.operation, given.map(|(param, _)| param).collect(), command.uses().len())
    };
    races.sort_by_cached_key(|race| {
        let lanes = race.lanes.iter().map(|lane| lane.iter().map(part).collect()).collect();
        let named: BTreeSet<Vec<Key>> = race.lanes.iter().flatten().map(Command::uses).collect();
        let times = known.entry((lanes, named.len() > 1)).or_default();
        *times += 1;
        (*times, race.setup.len() + race.lanes.iter().map(Vec::len).sum::<usize>())
    });
}

/// The state that the lanes of a race leave from.
fn beginning(set: &SpecSet, at: OpRef, race: &Race, likely: &Choices) -> State {
    let initial = State::initial(set.service(at), &Script::home());
    simulate::run(set, &initial, &race.setup, likely).pop().unwrap_or_default()
}

/// Requirements that a race may exercise, also those that it does only where another lane goes first: what a call is told then
/// may be something else.
pub fn about(set: &SpecSet, at: OpRef, race: &Race) -> BTreeSet<usize> {
    let operation = set.operation(at);
    let likely = Choices::likely(operation);
    let before = beginning(set, at, race, &likely);
    let excludes = operation.rows.iter().any(|row| row.overlap);
    let mut laws = BTreeSet::new();
    for (lane, others) in race.lanes.iter().enumerate() {
        let after = others.iter().fold(before.clone(), |state, other| simulate::step(set, &state, other, &likely).0);
        let touched: BTreeSet<Key> = others.iter().flat_map(Command::uses).collect();
        let later = race.lanes.iter().enumerate().filter(|(other, _)| *other != lane);
        for call in later.flat_map(|(_, commands)| commands).filter(|call| call.operation == at) {
            let named = call.uses();
            laws.extend((named.len() > 1 && named.iter().any(|key| touched.contains(key))).then_some(Law::Batch));
            let (_, outcome) = simulate::step(set, &after, call, &likely);
            let refused = outcome.answer != Answer::Success;
            laws.extend((refused || excludes).then_some(Law::Stays));
            laws.extend((!refused).then_some(Law::Seen));
        }
    }
    let turned = laws.into_iter().filter_map(|law| operation.law(law));
    race.aims.iter().copied().chain(turned).collect()
}

/// Requirements of the open questions on which it depends what the calls of a race are told, whichever goes first.
pub fn asks(set: &SpecSet, at: OpRef, race: &Race) -> BTreeSet<usize> {
    let operation = set.operation(at);
    let likely = Choices::likely(operation);
    let before = beginning(set, at, race, &likely);
    let calls = || race.lanes.iter().flatten();
    let mut states: Vec<State> = calls().map(|call| simulate::step(set, &before, call, &likely).0).collect();
    states.push(before);
    let documented = || calls().filter(|call| call.operation == at);
    let due = states.iter().flat_map(|state| documented().map(|call| Due::of(set, state, call, &likely)));
    due.flat_map(|due| due.asks(operation).collect::<Vec<usize>>()).collect()
}

/// Takes out races that meet all aims that are wanted together with the fewest commands.
pub fn needed(set: &SpecSet, at: OpRef, races: &mut Vec<Race>, is_wanted: impl Fn(usize) -> bool) -> Vec<Race> {
    let aims = |race: &Race| -> BTreeSet<usize> { race.aims.iter().copied().filter(|aim| is_wanted(*aim)).collect() };
    let costs: Vec<usize> = races.iter().map(|race| script(set, at, race, None).commands.len()).collect();
    // For what can be met with the races so far: the cheapest of them that meet it, the earliest where several do.
    let mut cheapest: BTreeMap<BTreeSet<usize>, (usize, Vec<usize>)> =
        BTreeMap::from([(BTreeSet::new(), (0, Vec::new()))]);
    for (index, race) in races.iter().enumerate() {
        let with_it = |(met, (cost, chosen)): (&BTreeSet<usize>, &(usize, Vec<usize>))| {
            let chosen: Vec<usize> = chosen.iter().copied().chain([index]).collect();
            (met | &aims(race), (cost + costs[index], chosen))
        };
        for (met, (cost, chosen)) in cheapest.iter().map(with_it).collect::<Vec<_>>() {
            if cheapest.get(&met).is_none_or(|(known, _)| cost < *known) {
                cheapest.insert(met, (cost, chosen));
            }
        }
    }
    let all: BTreeSet<usize> = races.iter().flat_map(aims).collect();
    let (_, chosen) = cheapest.remove(&all).unwrap_or_default();
    let is_chosen = |index: usize| chosen.contains(&index);
    let mut number = 0..;
    races.extract_if(.., |_| number.next().is_some_and(is_chosen)).collect()
}

/// The script of a race, whose lanes take turns in the first way. `dice` make another of it, and leave that to chance.
pub fn script(set: &SpecSet, at: OpRef, race: &Race, dice: Option<&mut Dice>) -> Script {
    let likely = Choices::likely(set.operation(at));
    let before = beginning(set, at, race, &likely);
    let mut lanes = race.lanes.clone();
    let turns = dice.is_none().then_some(0);
    if let Some(dice) = dice {
        vary(set, at, &before, &mut lanes, dice);
    }
    let mut commands = race.setup.clone();
    if let Some(call) = lanes.iter().flatten().find(|command| command.operation == at) {
        let looks = readback::before(set, &before, &commands, call);
        commands.extend(looks);
    }
    let reads = end(set, at, &before, &lanes, &likely);
    for (lane, command) in
        lanes.into_iter().enumerate().flat_map(|(lane, list)| list.into_iter().map(move |one| (lane, one)))
    {
        commands.push(Command { lane: u8::try_from(lane + 1).ok(), ..command });
    }
    commands.extend(reads);
    Script { commands, aims: race.aims.iter().map(|requirement| (at, *requirement)).collect(), turns }
}

/// A third lane, or a second command in one.
fn vary(set: &SpecSet, at: OpRef, before: &State, lanes: &mut Vec<Vec<Command>>, dice: &mut Dice) {
    let named: Vec<Key> =
        lanes.iter().flatten().flat_map(Command::uses).filter(|key| before.living(key).is_some()).collect();
    let Some(key) = dice.pick(&named).cloned() else { return };
    let mut further: Vec<Command> = lanes.iter().flatten().filter(|command| command.operation == at).cloned().collect();
    further.extend(read(set, at.service, before, &key));
    let others = companions(set, at.service, before, OF_A_KIND).into_iter();
    further.extend(others.filter(|command| command.uses().contains(&key)));
    let made: BTreeSet<Key> = lanes.iter().flatten().flat_map(|command| command.creates.clone()).collect();
    further.retain(|command| !command.creates.iter().any(|key| made.contains(key)));
    let third = dice.percent(THIRD_LANE_PERCENT);
    let second = dice.percent(SECOND_COMMAND_PERCENT);
    let lane = dice.below(lanes.len());
    if let Some(command) = dice.pick(&further).cloned() {
        match (third, second) {
            (true, _) => lanes.push(vec![command]),
            (false, true) => lanes[lane].push(command),
            (false, false) => {}
        }
    }
}

/// Reads of everything that the lanes are about: what may be removed is waited for, then what was begun, then all is looked
/// at.
fn end(set: &SpecSet, at: OpRef, before: &State, lanes: &[Vec<Command>], likely: &Choices) -> Vec<Command> {
    let calls = lanes.iter().flatten();
    let mut after = before.clone();
    for command in calls.clone().filter(|command| !set.operation(command.operation).is_documented()) {
        let (next, outcome) = simulate::step(set, &after, command, &Choices::default());
        if outcome.answer == Answer::Success {
            after = next;
        }
    }
    let mut waits: Vec<Command> = Vec::new();
    let mut looks: Vec<Command> = Vec::new();
    let documented: Vec<&Command> = calls.filter(|command| command.operation == at).collect();
    for call in &documented {
        for state in [before, &after] {
            for read in readback::after(set, state, call, likely, false) {
                let list = if read.until.is_some() { &mut waits } else { &mut looks };
                if !list.contains(&read) {
                    list.push(read);
                }
            }
        }
    }
    for pending in &after.pending {
        let begun = wait_for(set, at.service, &after, pending);
        waits.extend(
            begun.map(|command| Command { purpose: Purpose::Read, ..command }).filter(|wait| !waits.contains(wait)),
        );
    }
    // What should stay may go later.
    let named: BTreeSet<Key> = documented.iter().flat_map(|call| call.uses()).collect();
    for key in named.iter().filter(|key| before.living(key).is_some()) {
        looks.extend(read(set, at.service, before, key).filter(|read| !looks.contains(read)));
    }
    waits.sort_by_key(|wait| wait.until.as_ref().is_some_and(|until| until.wait == Wait::Patient));
    // Whoever waits for it looks at it last, also for what should not come about.
    for wait in waits.iter_mut().flat_map(|wait| &mut wait.until).filter(|until| until.wait == Wait::AfterSuccess) {
        wait.wait = Wait::AfterSuccessOrLinger;
    }
    looks.retain(|look| !waits.iter().any(|wait| wait.covers(look)));
    readback::joined(set, waits.into_iter().chain(looks).collect())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{Material, Race, about, alternate, needed, races};
    use crate::{
        generate::{permit::Permit, plan::search},
        spec::{embedded, operation::Law},
    };

    #[test]
    fn races_that_differ_come_first() {
        let set = embedded().expect("the embedded specs are sound");
        let at = set.find("cvm/DeleteImages").expect("it is specified");
        let plans = search(&set, at, 1, &Permit::default());
        let operation = set.operation(at);
        let effect = operation.basics.expect("it has basics").effect;
        let removable = &plans.by_requirement[&effect][0];
        let mut all = races(&Material { set: &set, at, removable, refused: &[] });
        // A companion that puts something in the way makes a refusal of it, if it goes first.
        let law = |law: Law| operation.law(law).expect("the document has it");
        let blocks = |race: &&Race| {
            let second = race.lanes[1][0].operation;
            set.operation(second).name == "RunInstances" && race.lanes[0][0].uses().len() == 1
        };
        let blocked = all.iter().find(blocks).expect("a race has it");
        assert!(!blocked.aims.contains(&law(Law::Stays)) && about(&set, at, blocked).contains(&law(Law::Stays)));
        assert!(all.iter().all(|race| race.aims.is_subset(&about(&set, at, race))));
        // A second race of the same calls is put off; some differ in their arguments only.
        alternate(&mut all);
        let calls = |race: &Race| -> BTreeSet<String> {
            let lanes =
                race.lanes.iter().map(|lane| lane.iter().map(|one| (one.operation, one.uses().len())).collect());
            lanes.map(|lane: Vec<_>| format!("{lane:?}")).collect()
        };
        let n_kinds = all.iter().map(calls).collect::<BTreeSet<_>>().len();
        let first: BTreeSet<BTreeSet<String>> = all[..n_kinds].iter().map(calls).collect();
        assert!(first.len() + 3 > n_kinds, "{} of {n_kinds}", first.len());
    }

    #[test]
    fn a_race_is_spared_where_others_meet_its_aims_as_well() {
        let set = embedded().expect("the embedded specs are sound");
        let at = set.find("cvm/DeleteImages").expect("it is specified");
        let plans = search(&set, at, 1, &Permit::default());
        let effect = set.operation(at).basics.expect("it has basics").effect;
        let plan = &plans.by_requirement[&effect][0];
        // So many more commands in front make a race dearer.
        let race = |n_more: usize, aims: &[usize]| {
            let more = std::iter::repeat_n(plan.setup[plan.setup.len() - 1].clone(), n_more);
            let setup = plan.setup.iter().cloned().chain(more).collect();
            Race { setup, lanes: vec![vec![plan.call.clone()]; 2], aims: aims.iter().copied().collect() }
        };
        let check = |races: &[(usize, &[usize])], expected: &[&[usize]]| {
            let mut all: Vec<Race> = races.iter().map(|(n_more, aims)| race(*n_more, aims)).collect();
            let chosen: Vec<BTreeSet<usize>> =
                needed(&set, at, &mut all, |_| true).into_iter().map(|race| race.aims).collect();
            assert_eq!(chosen, expected.iter().map(|aims| aims.iter().copied().collect()).collect::<Vec<_>>());
            assert_eq!(all.len() + chosen.len(), races.len(), "none is lost");
        };
        check(&[], &[]);
        check(&[(0, &[1, 2]), (0, &[3])], &[&[1, 2], &[3]]);
        check(&[(9, &[1]), (0, &[1])], &[&[1]]);
        // The first one is the cheapest for what it meets, until the second has to come anyway.
        check(&[(0, &[1, 2]), (9, &[1, 2, 3])], &[&[1, 2, 3]]);
        check(&[(0, &[1, 2]), (9, &[1, 3]), (9, &[2, 4])], &[&[1, 3], &[2, 4]]);
    }
}
