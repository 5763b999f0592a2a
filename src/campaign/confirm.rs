//! Calls that earned no answer: bad luck, or does the same call never earn one?
//!
//! A case in which an answer was lost is judged as far as it goes, and not run again: it may be long, and when answers are
//! lost at random, some other one is lost the next time. Only the call itself is sent again, after the few commands that it
//! needs. One answer settles that there was nothing but bad luck; when none ever comes, the promise is broken.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    control,
    tally::{Case, First, Tally},
};
use crate::{
    endpoint::Endpoint,
    execute::{Surroundings, execute},
    history::{History, Reply},
    oracle::{
        Finding, Judged, Nature, blame,
        finding::{Promised, Reason, ReqRef},
        judge,
    },
    sequence::{Command, Script, Wait},
    spec::SpecSet,
    value::{Key, plain},
};

/// Times that a call has to earn no answer again, before that is called a failure.
pub const CONFIRM: u32 = 5;
/// How long to wait where nothing is answered, in milliseconds.
const PAUSE_MS: u64 = 200;
/// Executions for one call; those in which its set-up failed say nothing.
pub const ATTEMPTS: u32 = 2 * CONFIRM;
/// Executions for all calls with one promise.
const EXECUTIONS: u32 = 5 * ATTEMPTS;
/// Why nothing is known of a promise.
const NOT_SENT_AGAIN: &str =
    "a call earned no answer that is documented, and was not sent again often enough to say that it never does";

/// A call that earned no answer, although one was promised.
pub struct Doubt {
    /// The case in which that happened.
    pub number: u64,
    /// Requests of that case, this call included.
    shown_after: u64,
    promised: ReqRef,
    /// What it needs, and the call.
    pub script: Script,
}

/// What came of sending it again.
pub struct Confirmed {
    pub number: u64,
    pub promised: ReqRef,
    pub executions: u32,
    pub requests: u64,
    /// It earned one after all.
    pub answered: bool,
    /// It never earned an answer.
    pub failure: Option<First>,
}

/// Calls to be confirmed. They come in the order of their cases, whichever worker was first.
#[derive(Default)]
pub struct Doubts {
    /// By case and position of the call.
    waiting: BTreeMap<(u64, usize), Doubt>,
    known: BTreeMap<ReqRef, Known>,
    /// Requests of a case until a call earned no answer.
    shown_after: BTreeMap<(u64, ReqRef), u64>,
}

/// What is known of calls with one promise.
#[derive(Default)]
struct Known {
    cases: u64,
    executions: u32,
    answered: bool,
    under_way: bool,
    /// Key of the failure that it was found to be.
    key: Option<String>,
}

impl Known {
    fn is_settled(&self) -> bool {
        self.key.is_some() || self.executions >= EXECUTIONS
    }

    /// Nobody knows whether it earns one: it has not, and was not sent again as often as it takes on a bad day.
    fn is_open(&self) -> bool {
        !self.answered && self.executions < ATTEMPTS
    }
}

impl Doubts {
    /// Takes note of what earned no answer in a case.
    pub fn add(&mut self, set: &SpecSet, case: &Case) {
        let mut seen = BTreeSet::new();
        for reason in &case.judged.reasons {
            let promised = reason.promised.as_ref().map(|promised| promised.requirement);
            let Some(promised) = promised.filter(|promised| seen.insert(*promised)) else { continue };
            let known = self.known.entry(promised).or_default();
            known.cases += 1;
            if !known.is_settled() {
                let script = needed(set, &case.script, &case.history, reason.command);
                let until = case.history.exchanges.iter().filter(|exchange| exchange.command <= reason.command);
                let shown_after = until.count() as u64;
                self.shown_after.insert((case.number, promised), shown_after);
                let doubt = Doubt { number: case.number, shown_after, promised, script };
                self.waiting.insert((case.number, reason.command), doubt);
            }
        }
    }

    /// The next call to confirm, of cases before this one: those from there on are not judged yet.
    pub fn next(&mut self, before: Option<u64>) -> Option<Doubt> {
        let known = &mut self.known;
        self.waiting.retain(|_, doubt| !known.get(&doubt.promised).is_some_and(Known::is_settled));
        let mut earlier = self.waiting.iter().filter(|((number, _), _)| before.is_none_or(|before| *number < before));
        let is_free = |doubt: &Doubt| !known.get(&doubt.promised).is_some_and(|known| known.under_way);
        let (at, promised) = earlier.find_map(|(at, doubt)| is_free(doubt).then_some((*at, doubt.promised)))?;
        known.entry(promised).or_default().under_way = true;
        self.waiting.remove(&at)
    }

    /// Requests of a case until a call with this promise earned no answer.
    pub fn shown_after(&self, number: u64, promised: ReqRef) -> u64 {
        self.shown_after.get(&(number, promised)).copied().unwrap_or(0)
    }

    /// Takes note of what came of it.
    pub fn settle(&mut self, confirmed: &Confirmed) {
        let known = self.known.entry(confirmed.promised).or_default();
        known.under_way = false;
        known.executions += confirmed.executions;
        known.answered |= confirmed.answered;
        let key = confirmed.failure.as_ref().map(|failure| failure.finding.key.clone());
        known.key = key.or_else(|| known.key.take());
    }

    /// Adds the cases of each failure to it, once all are known. What was never answered, and was not sent again often enough
    /// to be a failure, is not known to be kept.
    pub fn count(&self, tally: &mut Tally) {
        for (promised, known) in &self.known {
            if let Some(failure) = known.key.as_ref().and_then(|key| tally.failures.get_mut(key)) {
                failure.cases += known.cases;
            } else if known.is_open() && !tally.is_exercised(*promised) {
                tally.inconclusive(*promised, NOT_SENT_AGAIN.into());
            }
        }
    }
}

/// What one execution says.
enum Sign {
    /// The set-up failed, or the call was refused before it was looked at.
    None,
    Answered,
    Unanswered(Promised, String),
}

/// Sends the call again, so many times at most.
pub async fn confirm(
    set: &SpecSet,
    doubt: Doubt,
    endpoint: &dyn Endpoint,
    around: &Surroundings,
    attempts: u32,
) -> Confirmed {
    let mut confirmed = Confirmed {
        number: doubt.number,
        promised: doubt.promised,
        executions: 0,
        requests: 0,
        answered: false,
        failure: None,
    };
    let mut unanswered = 0;
    while confirmed.executions < attempts {
        confirmed.executions += 1;
        let requirement = &set.operation(doubt.promised.0).requirements[doubt.promised.1];
        let name = format!("{}-{}-{}", doubt.number, requirement.id, confirmed.executions);
        let history = execute(set, &doubt.script, endpoint, around, &name).await;
        confirmed.requests += history.exchanges.len() as u64;
        match sign(&judge(set, &doubt.script, &history), doubt.script.commands.len() - 1) {
            Sign::None => {}
            Sign::Answered => {
                confirmed.answered = true;
                break;
            }
            Sign::Unanswered(promised, text) => {
                // While nothing is answered at all, this call says nothing.
                confirmed.requests += 1;
                if !control::answers(set, promised.requirement.0.service, &around.givens, endpoint, &name).await {
                    endpoint.wait(PAUSE_MS).await;
                    continue;
                }
                unanswered += 1;
                if unanswered == CONFIRM {
                    let finding = no_answer(set, promised, &text, &history, doubt.script.commands.len() - 1);
                    let Doubt { number, shown_after, script, .. } = doubt;
                    confirmed.failure = Some(First::new(number, shown_after, finding, script, history));
                    break;
                }
            }
        }
    }
    confirmed
}

fn sign(judged: &Judged, call: usize) -> Sign {
    let is_setup = |command: usize| command < call;
    let mut commands = judged.reasons.iter().map(|reason| reason.command);
    if commands.any(is_setup) || judged.findings.iter().any(|finding| is_setup(finding.command)) {
        return Sign::None;
    }
    match judged.reasons.iter().find(|reason| reason.command == call) {
        None => Sign::Answered,
        Some(Reason { promised: Some(promised), text, .. }) => Sign::Unanswered(promised.clone(), text.clone()),
        Some(_) => Sign::None,
    }
}

/// The failure that an execution stands for, of a call that had been sent often enough; the call comes last.
pub fn unanswered(set: &SpecSet, script: &Script, history: &History) -> Option<Finding> {
    let call = script.commands.len().checked_sub(1)?;
    match sign(&judge(set, script, history), call) {
        Sign::Unanswered(promised, text) => Some(no_answer(set, promised, &text, history, call)),
        Sign::None | Sign::Answered => None,
    }
}

/// The same call earned no answer every time: whatever was promised there is broken.
pub fn no_answer(set: &SpecSet, promised: Promised, text: &str, history: &History, call: usize) -> Finding {
    let Promised { requirement, expected } = promised;
    let operation = set.operation(requirement.0);
    let described = &operation.requirements[requirement.1];
    let exchange = history.exchanges.iter().find(|exchange| exchange.command == call);
    let times = CONFIRM + 1;
    Finding {
        key: format!("{}{}", described.id, blame::NO_ANSWER),
        nature: Nature::Violation,
        requirement,
        summary: format!("{} earned no answer that is documented, {times} times of {times}: {text}", operation.name),
        expected,
        actual: exchange.map(|exchange| exchange.reply.to_json()).unwrap_or_default(),
        command: call,
        culprit: call,
        before: Vec::new(),
        orders: Vec::new(),
    }
}

/// The call at this position, after the commands that make what it names, that changed it, and that waited for it.
///
/// What was refused changed nothing, and what earned no answer is a doubt of its own.
fn needed(set: &SpecSet, script: &Script, history: &History, call: usize) -> Script {
    let commands = &script.commands;
    let succeeded: BTreeSet<usize> = history
        .exchanges
        .iter()
        .filter(|exchange| matches!(exchange.reply, Reply::Success { .. }))
        .map(|exchange| exchange.command)
        .collect();
    let changes = |index: usize| set.operation(commands[index].operation).changes() && succeeded.contains(&index);
    // What the call names, and what was made of it; then also what that was made of, however it was changed later.
    let mut named: BTreeSet<Key> = touched(set, script, call).into_iter().collect();
    let mut required = named.clone();
    let mut kept = BTreeSet::new();
    loop {
        let next = (0..call).rev().filter(|index| !kept.contains(index) && changes(*index)).find_map(|index| {
            let changed = touched(set, script, index).iter().any(|key| named.contains(key));
            let made = commands[index].creates.iter().any(|key| required.contains(key));
            (changed || made).then_some((index, changed))
        });
        let Some((index, changed)) = next else { break };
        kept.insert(index);
        required.extend(commands[index].uses());
        required.extend(commands[index].creates.iter().cloned());
        if changed {
            named.extend(commands[index].creates.iter().cloned());
        }
    }
    for (index, command) in commands.iter().enumerate().take(call) {
        let Some(until) = command.until.as_ref().filter(|until| until.wait != Wait::Linger) else { continue };
        let concerns = |earlier: &usize| {
            let earlier = &commands[*earlier];
            let used = earlier.uses();
            until.keys.iter().any(|key| earlier.creates.contains(key) || used.contains(key))
        };
        // Waiting for what is not begun would take all patience.
        let cause = (0..index).rev().filter(|earlier| changes(*earlier)).find(concerns);
        if cause.is_some_and(|cause| kept.contains(&cause)) && command.uses().iter().all(|key| required.contains(key)) {
            kept.insert(index);
        }
    }
    kept.insert(call);
    let alone = |index: usize| Command { lane: None, ..commands[index].clone() };
    Script::new(kept.into_iter().map(alone).collect(), Vec::new())
}

/// Handles that a command uses, and its idempotency token.
fn touched(set: &SpecSet, script: &Script, index: usize) -> Vec<Key> {
    let command = &script.commands[index];
    let token = set.operation(command.operation).token.and_then(|param| command.arguments.get(param)?.as_ref());
    command.uses().into_iter().chain(token.map(|value| Key::from(plain(value).as_str()))).collect()
}
