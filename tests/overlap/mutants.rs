//! Bugs that only overlapping calls show.

use std::sync::Arc;

use aswritten::{
    campaign::{Outcome, Settings, Verdict, outcome::FindingResult, run_planned},
    endpoint::{Endpoint, in_process::InProcess},
    mock::Mock,
    mutant::{self, Hunt, Mutant, kill::hunt},
    spec::service::OpRef,
};

use crate::{SET, SETTLE_MS, around, find, generator, policy, runtime, wanted};

/// Seeds of the hunt.
const SEEDS: u64 = 2;
/// Mutants that race, and that every seed has to kill.
const KILLED: &[&str] = &[
    "cvm/DeleteImages/check-then-act/deletion",
    "cvm/DeleteImages/answer-early/success",
    "cvm/DeleteImages/lost-update/state",
    "cvm/DeleteImages/double-success/success",
    "cvm/DeleteImages/leave-to-other/shared",
    "cvm/DeleteImages/stale-read/read",
    "cvm/DeleteImages/exclude-all/elsewhere",
    "cvm/DeleteImages/exclude-and-do/deletion",
    "cvm/DeleteImages/forget-second/second",
    "ecs/DeleteImage/check-then-act/deletion",
    "ens/DeleteImage/lost-update/state",
    "cvm/DeleteImages/item-by-item/first",
    "swas/DeleteCustomImages/leave-to-other/shared",
    "swas/DeleteCustomImages/late-token/overlapping",
];

fn mutants(ids: &[&str]) -> Vec<Mutant> {
    let all = mutant::derive(&SET);
    let find = |id: &&str| all.iter().find(|mutant| mutant.id == *id).unwrap_or_else(|| panic!("no mutant is {id}"));
    ids.iter().map(|id| find(id).clone()).collect()
}

#[test]
fn racing_mutants_are_killed_with_every_seed() {
    let seeds: Vec<String> = (1..=wanted("ASWRITTEN_RACE_MUTANT_SEEDS", SEEDS)).map(|seed| seed.to_string()).collect();
    let settings = Hunt {
        seeds: seeds.clone(),
        cases: None,
        max_requests: None,
        workers: 2,
        prove: false,
        aimed: false,
        shortest: false,
        interrupted: Arc::default(),
    };
    let chosen = mutants(KILLED);
    assert!(chosen.iter().all(Mutant::is_of_overlap));
    let table = hunt(&SET, &chosen, &settings, &|_| {}).expect("threads");
    for result in &table.results {
        assert_eq!(result.kills().count(), seeds.len(), "{} is not killed with every seed", result.mutant.id);
    }
}

/// A race is shrunk to two lanes of one or two commands, and its report says which orders were tried.
#[test]
fn races_are_shrunk() {
    let at = find("cvm/DeleteImages");
    let (mut small, mut all) = (0, 0);
    for id in ["check-then-act/deletion", "lost-update/state", "leave-to-other/shared", "exclude-all/elsewhere"] {
        let mutant = &mutants(&[&format!("cvm/DeleteImages/{id}")])[0];
        let mock = Mock::new(SET.clone(), policy(at, SETTLE_MS, true)).with(mutant.plant(&SET));
        let outcome = campaign(at, Arc::new(InProcess::new(mock)));
        assert_eq!(outcome.verdict, Verdict::Violates, "{id}");
        for result in outcome.findings.iter().filter(|result| result.counts) {
            assert!(!result.script.race().is_empty(), "{id}: {} takes no race", result.finding.key);
            assert!(!result.finding.orders.is_empty(), "{id}: no order was tried for {}", result.finding.key);
            assert!(result.again.times >= 10, "{id}: nobody has seen how often {} shows", result.finding.key);
            all += 1;
            small += usize::from(is_small(result));
        }
    }
    println!("{small} of {all} findings have at most two lanes of two commands");
    // Some things only show between three.
    assert!(small * 5 >= all * 4, "{small} of {all}");
}

fn is_small(result: &FindingResult) -> bool {
    let lanes = result.script.lanes();
    lanes.len() <= 2 && lanes.iter().all(|lane| lane.len() <= 2)
}

fn campaign(at: OpRef, endpoint: Arc<dyn Endpoint>) -> Outcome {
    let generator = generator(at);
    let settings =
        Settings { cases: Some(generator.n_tours() + 2 * generator.n_races()), ..Settings::new("races", at, around()) };
    runtime().block_on(run_planned(&SET, &settings, generator, &[endpoint], &|_| {}))
}
