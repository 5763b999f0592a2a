//! How long it takes to judge overlapping calls, against their number, and against trying every order one by one.
//!
//! `cargo bench --bench overlap`. The calls are of one image, and all of them overlap: deletions, and reads between them.
//! Trying every order judges one sequence for each permutation; it is done for as many calls as that takes seconds.

use std::{
    env,
    sync::Arc,
    time::{Duration, Instant},
};

use aswritten::{
    endpoint::in_process::InProcess,
    execute::{Givens, Surroundings, execute},
    generate::{Generator, Options},
    history::History,
    mock::{Mock, Policy},
    oracle::judge,
    sequence::{Command, Script},
    spec::{self, SpecSet},
};

const OPERATION: &str = "cvm/DeleteImages";
const CALLS: [u8; 4] = [4, 8, 12, 16];
/// Orders that are tried one by one.
const MOST_ORDERS: u64 = 50_000;
/// Each judgement is repeated for about so long.
const LONG_ENOUGH: Duration = Duration::from_millis(500);

fn main() {
    // Test runners call benches with `--test` or `--list`; there is nothing to measure then.
    if env::args().any(|argument| argument == "--test" || argument == "--list") {
        return;
    }
    let set = Arc::new(spec::embedded().expect("the specs are sound"));
    println!("{:>5}  {:>14}  {:>14}  {:>22}", "calls", "one operation", "mixed", "every order one by one");
    for n_calls in CALLS {
        let alike = measured(&set, n_calls, false);
        let mixed = measured(&set, n_calls, true);
        println!(
            "{n_calls:>5}  {:>14}  {:>14}  {:>22}",
            shown(alike.0),
            shown(mixed.0),
            by_force(&set, &mixed.1, &mixed.2)
        );
    }
}

/// Time to judge so many overlapping calls, with what was judged.
fn measured(set: &Arc<SpecSet>, n_calls: u8, mixed: bool) -> (Duration, Script, History) {
    let (script, history) = crowd(set, n_calls, mixed);
    let judged = judge(set, &script, &history);
    assert!(judged.findings.is_empty() && judged.reasons.is_empty(), "{:?} {:?}", judged.findings, judged.reasons);
    let n_calls = u64::from(n_calls);
    assert_eq!(judged.races.overlapped, n_calls * (n_calls - 1) / 2);
    let (began, mut times) = (Instant::now(), 0);
    while began.elapsed() < LONG_ENOUGH {
        judge(set, &script, &history);
        times += 1;
    }
    (began.elapsed() / times, script, history)
}

/// Calls on one image, each in a lane of its own; with reads, two of three calls are deletions.
fn crowd(set: &Arc<SpecSet>, n_calls: u8, mixed: bool) -> (Script, History) {
    let at = set.find(OPERATION).expect("it is specified");
    let generator = Generator::new(set, &[at], "overlap", Options::default());
    let is_pair =
        |script: &Script| matches!(&script.commands[script.race()], [one, other] if one.arguments == other.arguments);
    let race = generator.planned_races().find(is_pair).expect("a call races with itself");
    let lanes = race.race();
    let (delete, read) = (&race.commands[lanes.start], &race.commands[lanes.end]);
    let call = |lane: u8| {
        let command = if mixed && lane.is_multiple_of(3) { read } else { delete };
        Command { lane: Some(lane), until: None, ..command.clone() }
    };
    let before = race.commands[..lanes.start].iter().cloned();
    let after = race.commands[lanes.end..].iter().cloned();
    let commands = before.chain((1..=n_calls).map(call)).chain(after).collect();
    let script = Script::new(commands, Vec::new());
    let mock = Mock::new(set.clone(), Policy::new(set, 500));
    let around = Surroundings {
        givens: Givens::defaults(set),
        run: "overlap".into(),
        patience_ms: 10_000,
        linger_ms: 100,
        clean: false,
        pace: Default::default(),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let history = runtime.block_on(execute(set, &script, &InProcess::new(mock), &around, "crowd"));
    (script, history)
}

/// Time to judge every order as a sequence.
fn by_force(set: &SpecSet, script: &Script, history: &History) -> String {
    let race = script.race();
    let n_orders: u64 = (1..=race.len() as u64).product();
    if n_orders > MOST_ORDERS {
        return format!("({n_orders} orders)");
    }
    let mut plain = script.clone();
    plain.commands.iter_mut().for_each(|command| command.lane = None);
    let first = history.exchanges.iter().position(|one| one.command >= race.start).expect("the race was run");
    let mut order: Vec<usize> = (first..first + race.len()).collect();
    let (began, mut explaining) = (Instant::now(), 0_u64);
    let mut visit = |order: &[usize]| {
        let mut history = history.clone();
        let racing: Vec<_> = order.iter().map(|index| history.exchanges[*index].clone()).collect();
        history.exchanges.splice(first..first + race.len(), racing);
        explaining += u64::from(judge(set, &plain, &history).findings.is_empty());
    };
    permutations(&mut order, 0, &mut visit);
    format!("{} ({n_orders} orders)", shown(began.elapsed()))
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

fn shown(time: Duration) -> String {
    format!("{:.3} ms", time.as_secs_f64() * 1_000.0)
}
