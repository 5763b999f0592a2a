//! Calls that overlap: scripts with lanes, real overlap, judging by orders, and bugs that only overlapping calls show.
//!
//! `ASWRITTEN_RACE_SEEDS` and `ASWRITTEN_RACE_MUTANT_SEEDS` ask for longer hunts.

mod alarms;
mod mutants;
mod orders;
mod scripts;
#[path = "../support/throttled.rs"]
mod throttled;
mod verdicts;

use std::sync::{Arc, LazyLock, OnceLock};

use aswritten::{
    endpoint::in_process::InProcess,
    execute::{Givens, Surroundings, execute},
    generate::{Generator, Options},
    history::{Exchange, History},
    mock::{Mock, Policy},
    sequence::Script,
    spec::{self, SpecSet, service::OpRef},
};

const SETTLE_MS: u64 = 20;
const PATIENCE_MS: u64 = 2_000;

static SET: LazyLock<Arc<SpecSet>> = LazyLock::new(|| Arc::new(spec::embedded().expect("the specs are sound")));

/// Documented operations, each with its plans.
static GENERATORS: LazyLock<Vec<(OpRef, OnceLock<Generator<'static>>)>> = LazyLock::new(|| {
    let documented = SET.operations().filter(|(_, operation)| operation.is_documented());
    documented.map(|(at, _)| (at, OnceLock::new())).collect()
});

fn generator(at: OpRef) -> &'static Generator<'static> {
    let (_, made) = GENERATORS.iter().find(|(known, _)| *known == at).expect("it is documented");
    made.get_or_init(|| Generator::new(&SET, &[at], "races", Options::default()))
}

/// The race of one call with itself, whose lanes take turns by chance.
fn pair(at: OpRef) -> Script {
    let is_pair = |script: &Script| {
        let [first, second] = &script.commands[script.race()] else { return false };
        (first.operation, &first.arguments) == (second.operation, &second.arguments)
            && first.uses().iter().all(|key| script.commands.iter().any(|command| command.creates.contains(key)))
    };
    let planned = generator(at).planned_races().find(is_pair).expect("it is one of the races");
    Script { turns: None, ..planned }
}

fn find(id: &str) -> OpRef {
    SET.find(id).expect("it is specified")
}

fn wanted(variable: &str, otherwise: u64) -> u64 {
    std::env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

fn around() -> Surroundings {
    Surroundings {
        givens: Givens::defaults(&SET),
        run: "races".into(),
        patience_ms: PATIENCE_MS,
        linger_ms: 100,
        clean: true,
        pace: Default::default(),
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime")
}

fn policy(at: OpRef, settle_ms: u64, exclusive: bool) -> Policy {
    let mut policy = Policy::new(&SET, settle_ms);
    policy.exclusive = exclusive;
    let operation = SET.operation(at);
    if operation.edition.is_some() {
        policy.edition(&SET, &operation.id).expect("it is an edition");
    }
    policy
}

/// Executes a script on a fresh mock.
fn executed(script: &Script, policy: Policy, name: &str) -> History {
    let endpoint = InProcess::new(Mock::new(SET.clone(), policy));
    runtime().block_on(execute(&SET, script, &endpoint, &around(), name))
}

/// What was sent and answered, in a line each.
fn told(script: &Script, history: &History) -> String {
    let line = |exchange: &Exchange| {
        let command = &script.commands[exchange.command];
        let stamps = exchange.stamps;
        format!(
            "{:?} {} [{} {}] {} -> {}",
            command.lane,
            exchange.command + 1,
            stamps.start,
            stamps.end,
            aswritten::sequence::command::line(&SET, command),
            exchange.reply.brief()
        )
    };
    history.exchanges.iter().map(line).collect::<Vec<_>>().join("\n")
}
