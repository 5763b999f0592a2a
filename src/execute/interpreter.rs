//! One script on one endpoint.

use std::{
    collections::BTreeSet,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use serde_json::Map;

use super::{
    binding::{Binding, Surroundings},
    clean::clean,
    lanes::{Lane, Turns, together},
};
use crate::{
    endpoint::{Call, Endpoint, Noted, named},
    history::{Exchange, History, Reply, Stamps},
    model::view,
    sequence::{Command, Expected, Purpose, Script, Until, Wait},
    spec::{Operation, SpecSet, operation::Effect, service::Means},
    value::{Key, as_text, field_at, plain},
};

/// Pause after the first look of a repeated read, at least and at most; in between, this part of the patience.
const FIRST_PAUSE_MS: (u64, u64) = (20, 1_000);
const FIRST_PAUSE_PART: u64 = 50;
/// Longest pause of a repeated read.
const LONGEST_PAUSE_MS: u64 = 30_000;
/// Times that a read is repeated whose answer was lost.
const LOST_READS: u32 = 2;

/// Runs a script. `execution` tells this run of it apart from others.
pub async fn execute(
    set: &SpecSet,
    script: &Script,
    endpoint: &dyn Endpoint,
    around: &Surroundings,
    execution: &str,
) -> History {
    let Some(first) = script.commands.first() else { return History::default() };
    let service = first.operation.service;
    let mut run = Run {
        set,
        endpoint,
        around,
        binding: Binding::new(around, service, execution.to_owned()),
        history: History {
            patience_ms: around.patience_ms,
            linger_ms: around.linger_ms,
            lag_ms: around.pace.lag_ms(),
            ..History::default()
        },
        began_ms: endpoint.now_ms(),
        stamps: AtomicU64::new(1),
        last_call_succeeded: true,
        spared: BTreeSet::new(),
        making: Latest { succeeded: true, at_ms: None },
        removal: Latest { succeeded: true, at_ms: None },
        gone: BTreeSet::new(),
        changed_ms: None,
    };
    let race = script.race();
    for (index, command) in script.commands.iter().enumerate() {
        if index == race.start && !race.is_empty() {
            run.race(script, execution).await;
        }
        if !race.contains(&index) {
            run.command(index, command).await;
        }
    }
    if around.clean {
        clean(set, script, &run.history, endpoint, &run.binding, &run.gone).await;
    }
    run.history.filled = run.binding.filled;
    run.history
}

struct Run<'a> {
    set: &'a SpecSet,
    endpoint: &'a dyn Endpoint,
    around: &'a Surroundings,
    binding: Binding<'a>,
    history: History,
    began_ms: u64,
    /// Number of the next stamp.
    stamps: AtomicU64,
    last_call_succeeded: bool,
    /// What only refused calls named, where the last calls ran side by side.
    spared: BTreeSet<Key>,
    /// The last command that makes or changes something, whosever it was.
    making: Latest,
    /// The last command that removes something.
    removal: Latest,
    /// Resources that went, as the latest read of them shows: there is nothing to remove.
    gone: BTreeSet<Key>,
    /// When the last call was answered that changes something, or should not have.
    changed_ms: Option<u64>,
}

/// What became of the latest change of a sort.
struct Latest {
    succeeded: bool,
    /// When the latest one that succeeded was answered.
    at_ms: Option<u64>,
}

/// What a repeated read shows of what it waits for; of several things, that which takes longest.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Sight {
    /// It has come about, or never will.
    Settled,
    /// The resource that should show it is not there at all.
    Missing,
    NotYet,
}

impl Run<'_> {
    async fn command(&mut self, index: usize, command: &Command) {
        let arguments = match self.binding.arguments(command) {
            Ok(arguments) => arguments,
            Err(reason) => {
                let now = self.elapsed();
                let reply = Reply::NotSent { reason };
                let stamp = self.stamp();
                let exchange = Exchange {
                    command: index,
                    arguments: Map::new(),
                    started_ms: now,
                    ended_ms: now,
                    stamps: Stamps { start: stamp, end: stamp },
                    reply,
                };
                self.keep(command, exchange);
                return;
            }
        };
        let operation = self.set.operation(command.operation);
        let region = self.binding.home.clone();
        let call = Call { operation: command.operation, arguments, region, caller: command.caller };
        let until = command.until.as_ref();
        let patience_ms = until.map_or(0, |until| self.patience(until));
        let lingers = until.is_some_and(|until| self.lingers(until));
        let began = self.elapsed();
        let early = match until {
            None => 0,
            // What should not come about is looked for in the end: whether it came early does not matter.
            Some(_) if lingers => (patience_ms + 1) * u64::from(patience_ms > 0),
            // A look is worth its request once the usual time is over.
            Some(until) => {
                let over = began.saturating_sub(self.latest(until).at_ms.unwrap_or(began));
                self.usual(command, until, patience_ms).saturating_sub(over).min(patience_ms)
            }
        };
        let early = early.max(self.staleness(operation, began));
        if early > 0 {
            self.endpoint.wait(early).await;
        }
        let mut missed_ms = None;
        let mut repeats = 0;
        loop {
            let (started_ms, start) = (self.elapsed(), self.stamp());
            let reply = self.endpoint.send(&call).await;
            let (ended_ms, end) = (self.elapsed(), self.stamp());
            let exchange = |reply| Exchange {
                command: index,
                arguments: named(operation, &call.arguments),
                started_ms,
                ended_ms,
                stamps: Stamps { start, end },
                reply,
            };
            if repeats < self.worth_repeating(command, &reply).min(self.endpoint.repeats()) {
                // It is part of the history like any other: whether it did nothing is not for us to say.
                repeats += 1;
                self.keep(command, exchange(reply));
                continue;
            }
            let sight = until.map_or(Sight::Settled, |until| self.sight(operation, until, &reply));
            let settled = matches!(sight, Sight::Settled);
            self.notice(operation, until.filter(|_| settled), &reply);
            if let Some(until) = until.filter(|_| settled && !lingers) {
                let since = self.latest(until).at_ms.unwrap_or(began);
                let missed = missed_ms.map(|missed: u64| missed.saturating_sub(since));
                self.around.pace.learn(command.operation, until, started_ms.saturating_sub(since), missed);
            }
            self.learn(operation, command, &reply);
            self.keep(command, exchange(reply));
            let patience_ms = match sight {
                Sight::Settled => return,
                // What was never seen, or is gone, may have belonged to what was removed.
                Sight::Missing if self.removal.at_ms.is_some() => patience_ms.min(self.around.linger_ms),
                Sight::Missing | Sight::NotYet => patience_ms,
            };
            // The last look comes after patience has run out, so that its answer can be held against it.
            let waited = started_ms.saturating_sub(began);
            let left = (patience_ms + 1).saturating_sub(waited);
            if patience_ms == 0 || left == 0 {
                return;
            }
            // What has taken long will take a while longer: the time waited doubles with each look.
            let is_first = missed_ms.replace(started_ms).is_none();
            let guess = if is_first { self.around.pace.guess(command.operation).unwrap_or(0) } else { 0 };
            let pause = waited.max(guess).clamp(first_pause(patience_ms), LONGEST_PAUSE_MS).min(left);
            self.endpoint.wait(pause).await;
        }
    }

    /// Runs the lanes of a script side by side.
    async fn race(&mut self, script: &Script, execution: &str) {
        let (before, endpoint) = (self.history.exchanges.len(), self.endpoint);
        let name = format!("{}/{execution}", self.around.run);
        let run = Mutex::new(self);
        let lane = |commands: Vec<usize>| -> Lane<'_> {
            let run = &run;
            Box::pin(async move {
                for index in commands {
                    let command = &script.commands[index];
                    let Some(mut sent) = lock(run).depart(index, command) else { continue };
                    let reply = endpoint.send_among(&sent.call).await;
                    lock(run).arrive(command, &mut sent.exchange, reply);
                }
            })
        };
        let lanes: Vec<Lane<'_>> = script.lanes().into_iter().map(lane).collect();
        let turns = Turns::new(script.turns, lanes.len(), &name);
        together(lanes, turns).await;
        let run = run.into_inner().unwrap_or_else(PoisonError::into_inner);
        run.history.exchanges[before..].sort_by_key(|exchange| exchange.stamps);
        // Whoever waits afterwards waits for what any of them began.
        let replies = run.history.exchanges[before..].iter();
        let succeeded: Vec<usize> =
            replies.filter(|exchange| matches!(exchange.reply, Reply::Success { .. })).map(|one| one.command).collect();
        let any = |is: &dyn Fn(&Operation) -> bool| {
            succeeded.iter().any(|index| is(run.set.operation(script.commands[*index].operation)))
        };
        let uses = |index: &usize| {
            let command = &script.commands[*index];
            let is_call = run.set.operation(command.operation).is_documented();
            is_call.then(|| command.uses()).into_iter().flatten()
        };
        let served: BTreeSet<Key> = succeeded.iter().flat_map(uses).collect();
        run.spared = script.lanes().iter().flatten().flat_map(uses).filter(|key| !served.contains(key)).collect();
        let removes = |operation: &Operation| operation.effects.iter().any(Effect::removes);
        run.last_call_succeeded |= any(&|operation| operation.is_documented() && operation.changes());
        run.removal.succeeded |= any(&removes);
        run.making.succeeded |= any(&|operation| operation.changes() && !removes(operation));
    }

    /// A command of a lane is about to be sent; none when it cannot be.
    fn depart(&mut self, index: usize, command: &Command) -> Option<Departed> {
        let bound = self.binding.arguments(command);
        let (now, start) = (self.elapsed(), self.stamp());
        let stamps = Stamps { start, end: start };
        let exchange =
            |arguments, reply| Exchange { command: index, arguments, started_ms: now, ended_ms: now, stamps, reply };
        match bound {
            Ok(arguments) => {
                let named = named(self.set.operation(command.operation), &arguments);
                let (operation, region) = (command.operation, self.binding.home.clone());
                let call = Call { operation, arguments, region, caller: command.caller };
                let exchange = exchange(named, Reply::NotSent { reason: "it is on its way".into() });
                Some(Departed { call, exchange })
            }
            Err(reason) => {
                self.keep(command, exchange(Map::new(), Reply::NotSent { reason }));
                None
            }
        }
    }

    /// Its answer is there.
    fn arrive(&mut self, command: &Command, exchange: &mut Exchange, reply: Reply) {
        (exchange.ended_ms, exchange.stamps.end) = (self.elapsed(), self.stamp());
        exchange.reply = reply;
        let operation = self.set.operation(command.operation);
        self.notice(operation, None, &exchange.reply);
        self.learn(operation, command, &exchange.reply);
        self.keep(command, exchange.clone());
    }

    fn stamp(&self) -> u64 {
        self.stamps.fetch_add(1, Ordering::Relaxed)
    }

    /// Times that a call is worth repeating which the service had no time for. What only reads is also repeated when its
    /// answer was lost, though not for long: whoever never answers is not waited for each time.
    fn worth_repeating(&self, command: &Command, reply: &Reply) -> u32 {
        let operation = self.set.operation(command.operation);
        let lost = if operation.only_reads() { LOST_READS } else { 0 };
        match reply {
            Reply::Refused { status, code, .. } => match self.set.service(command.operation).means(code) {
                Some(Means::Throttled) => u32::MAX,
                Some(Means::Unavailable) => lost,
                _ if *status >= 500 => lost,
                _ => 0,
            },
            Reply::Trouble(_) => lost,
            Reply::Success { .. } | Reply::NotSent { .. } => 0,
        }
    }

    fn keep(&mut self, command: &Command, exchange: Exchange) {
        self.endpoint.note(&Noted {
            execution: &self.binding.execution,
            operation: command.operation,
            cleaning: false,
            exchange: &exchange,
        });
        self.history.exchanges.push(exchange);
    }

    fn elapsed(&self) -> u64 {
        self.endpoint.now_ms().saturating_sub(self.began_ms)
    }

    /// For how long a read may still show what was true before the last change: it would prove nothing.
    fn staleness(&self, operation: &Operation, now_ms: u64) -> u64 {
        let lag_ms = self.around.pace.lag_ms();
        if lag_ms == 0 || !operation.only_reads() {
            return 0;
        }
        self.changed_ms.map_or(0, |changed| (changed + lag_ms + 1).saturating_sub(now_ms))
    }

    /// How long a read is repeated at most.
    fn patience(&self, until: &Until) -> u64 {
        match until.wait {
            Wait::AfterSuccess if !self.called(until) => 0,
            _ if self.lingers(until) => self.around.linger_ms,
            _ => self.around.patience_ms,
        }
    }

    /// How long it usually takes until a read shows what it waits for, or may take as far as anything is known.
    fn usual(&self, read: &Command, until: &Until, patience_ms: u64) -> u64 {
        let (pace, first) = (&self.around.pace, first_pause(patience_ms));
        let guess = || pace.guess(read.operation).unwrap_or(first).min(first);
        pace.usual(read.operation, until).unwrap_or_else(guess)
    }

    /// It should not come about: one look at the end is enough.
    fn lingers(&self, until: &Until) -> bool {
        match until.wait {
            // What was refused will not come about, however long one waits.
            Wait::Patient => !self.latest(until).succeeded,
            Wait::AfterSuccess => false,
            Wait::AfterSuccessOrLinger => !self.called(until),
            Wait::Linger => true,
        }
    }

    /// The last call did something to what a wait is about, as far as answers tell.
    fn called(&self, until: &Until) -> bool {
        self.last_call_succeeded && !until.keys.iter().all(|key| self.spared.contains(key))
    }

    /// The latest change of the sort that a wait is for.
    fn latest(&self, until: &Until) -> &Latest {
        if until.expected == Expected::Gone { &self.removal } else { &self.making }
    }

    /// What a read shows to be gone, and what it shows again.
    fn notice(&mut self, operation: &Operation, until: Option<&Until>, reply: &Reply) {
        let Reply::Success { fields, .. } = reply else { return };
        if !self.gone.is_empty() {
            let seen: Vec<_> = operation.views.iter().filter_map(|shown| view::observe(shown, fields)).collect();
            let filled = &self.binding.filled;
            let is_shown = |id: &String| seen.iter().any(|view| view.elements.iter().any(|found| found.id == **id));
            self.gone.retain(|key| !filled.get(key).is_some_and(is_shown));
        }
        // A read that lags may show a time before the resource was there.
        let certain = self.around.pace.lag_ms() == 0 || self.removal.at_ms.is_some();
        let went = until.filter(|until| certain && until.expected == Expected::Gone);
        self.gone.extend(went.into_iter().flat_map(|until| until.keys.iter().cloned()));
    }

    fn learn(&mut self, operation: &Operation, command: &Command, reply: &Reply) {
        if operation.is_documented() && command.purpose != Purpose::Read {
            self.last_call_succeeded = matches!(reply, Reply::Success { .. });
            self.spared.clear();
        }
        let now = self.elapsed();
        if !operation.only_reads() {
            self.changed_ms = Some(now);
        }
        for effect in &operation.effects {
            let latest = if effect.removes() { &mut self.removal } else { &mut self.making };
            latest.succeeded = matches!(reply, Reply::Success { .. });
            if latest.succeeded {
                latest.at_ms = Some(now);
            }
        }
        let Reply::Success { fields, .. } = reply else { return };
        for field in &operation.fields {
            let Some(var) = field.creates else { continue };
            let key = command.creates.get(var - operation.bindings.len());
            if let (Some(key), Some(id)) = (key, field_at(fields, &field.name)) {
                self.binding.bind(key, plain(id));
            }
        }
    }

    /// What a reply shows. One that is no answer to the question ends the repetition too.
    fn sight(&self, operation: &Operation, until: &Until, reply: &Reply) -> Sight {
        let settled = |settled| if settled { Sight::Settled } else { Sight::NotYet };
        let Reply::Success { fields, .. } = reply else { return settled(matches!(reply, Reply::Refused { .. })) };
        let Some(shown) = operation.views.get(until.view) else { return Sight::Settled };
        let Some(seen) = view::observe(shown, fields) else { return Sight::Settled };
        let find = |key: &Key| seen.find(self.binding.filled.get(key).map_or(&**key, String::as_str));
        let sight_of = |key: &Key| {
            let element = find(key);
            if element.is_some_and(|element| shown.failure(element).is_some()) {
                return Sight::Settled;
            }
            match (&until.expected, element) {
                (Expected::Gone, element) => settled(element.is_none()),
                (Expected::Shown(_), None) => Sight::Missing,
                (Expected::Shown(fields), Some(element)) => settled(fields.iter().all(|(field, spellings)| {
                    let text = element.field(field).map(as_text).unwrap_or_default();
                    spellings.iter().any(|spelling| spelling.eq_ignore_ascii_case(&text))
                })),
                (Expected::Member { member, present }, _) => settled(find(member).is_some() == *present),
            }
        };
        until.keys.iter().map(sight_of).max().unwrap_or(Sight::Settled)
    }
}

/// Pause after the first look of a read that is repeated for so long.
fn first_pause(patience_ms: u64) -> u64 {
    (patience_ms / FIRST_PAUSE_PART).clamp(FIRST_PAUSE_MS.0, FIRST_PAUSE_MS.1)
}

/// A call of a lane, with what is known of its exchange.
struct Departed {
    call: Call,
    exchange: Exchange,
}

fn lock<'a, 'r, 'b>(run: &'a Mutex<&'r mut Run<'b>>) -> MutexGuard<'a, &'r mut Run<'b>> {
    run.lock().unwrap_or_else(PoisonError::into_inner)
}
