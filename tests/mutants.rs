//! The suite can fail: bugs that are planted in the mock are found.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, LazyLock},
};

use aswritten::{
    mutant::{
        self, Fate, Hunt, KillTable, Mutant, OPERATORS,
        kill::{MutantResult, hunt},
    },
    report::kills::json,
    spec::{self, SpecSet},
};

static SET: LazyLock<Arc<SpecSet>> = LazyLock::new(|| Arc::new(spec::embedded().expect("the specs are sound")));
static MUTANTS: LazyLock<Vec<Mutant>> = LazyLock::new(|| mutant::derive(&SET));

fn settings() -> Hunt {
    Hunt {
        seeds: vec!["1".into()],
        cases: None,
        max_requests: None,
        workers: 2,
        prove: true,
        aimed: false,
        shortest: false,
        interrupted: Arc::default(),
    }
}

fn hunted(mutants: &[Mutant], prove: bool) -> KillTable {
    hunt(&SET, mutants, &Hunt { prove, ..settings() }, &|_| {}).expect("threads")
}

fn chosen(ids: &[&str]) -> Vec<Mutant> {
    let find = |id: &&str| MUTANTS.iter().find(|mutant| mutant.id == *id);
    ids.iter().map(|id| find(id).unwrap_or_else(|| panic!("no mutant is called {id}")).clone()).collect()
}

#[test]
fn operators_make_mutants_of_every_document() {
    let operators: BTreeSet<&str> = MUTANTS.iter().map(|mutant| mutant.operator).collect();
    let barren: Vec<&str> =
        OPERATORS.iter().map(|operator| operator.name).filter(|name| !operators.contains(name)).collect();
    assert!(barren.is_empty(), "operators that make nothing: {barren:?}");
    assert!(operators.len() >= 25, "{} operators", operators.len());
    assert!(MUTANTS.len() >= 300, "{} mutants", MUTANTS.len());
    let mut by_operation: BTreeMap<_, BTreeSet<&str>> = BTreeMap::new();
    for mutant in MUTANTS.iter() {
        by_operation.entry(mutant.at).or_default().insert(mutant.operator);
    }
    for (at, operation) in SET.operations().filter(|(_, operation)| operation.is_documented()) {
        let operators = by_operation.get(&at).map_or(0, BTreeSet::len);
        assert!(operators >= 25, "{operators} operators make mutants of {}", operation.id);
    }
}

#[test]
fn mutants_say_what_they_break() {
    let mut ids = BTreeSet::new();
    for mutant in MUTANTS.iter() {
        assert!(ids.insert(&mutant.id), "{} twice", mutant.id);
        let operation = SET.operation(mutant.at);
        assert!(mutant.id.starts_with(&format!("{}/{}/", operation.id, mutant.operator)), "{}", mutant.id);
        assert!(!mutant.id.contains(' ') && !mutant.text.is_empty(), "{}: {}", mutant.id, mutant.text);
        let broken = &operation.requirements[mutant.breaks];
        assert!(
            broken.unreachable.is_none() && broken.overlap == mutant.is_of_overlap(),
            "{} breaks {}",
            mutant.id,
            broken.id
        );
    }
}

#[test]
fn what_is_broken_is_what_no_longer_holds() {
    let check = |mutant: &str, expected: &str| {
        let [found] = &chosen(&[mutant])[..] else { panic!("{mutant} is one") };
        let operation = &SET.operation(found.at).id;
        assert_eq!(found.broken(&SET), format!("{operation}/{expected}"), "{mutant}: {}", found.text);
    };
    // Where a condition is denied, less of it is more of the whole.
    check("ecs/DeleteImage@legacy/drop-case/InvalidImageId.NotFound~10", "success");
    check("ecs/DeleteImage/drop-case/InvalidImageId.NotFound~10", "error/InvalidImageId.NotFound");
    check("swas/DeleteCustomImages/drop-guard/InvalidImageId.NotFound~9", "error/InvalidImageId.NotFound");
    check("ecs/DeleteImage/drop-guard/ImageIsExporting", "success");
    // Who cannot prove who calls is refused, and changes nothing, by one sentence.
    check("ens/DeleteImage/effect-on-refusal/access.forged-signature", "access/forged-signature");
    check("ecs/DeleteImage/effect-on-refusal/ImageUseShared", "unchanged");
    // A dry run that is none.
    check("cvm/DeleteImages/effect-case/success~2", "promise/dry-run");
    check("ecs/DeleteImage/ignore-argument/DryRun", "promise/dry-run-changes-nothing");
    // What the call does not look at.
    check("cvm/DeleteImages/one-of-batch/last", "error/InvalidImageId.NotFound");
    check("swas/DeleteCustomImages/ignore-region/home", "error/InvalidImageId.NotFound");
}

/// A sample of what `aswritten mutants --aimed` hunts: each is found by who asks for nothing but what it breaks, and soon.
#[test]
fn a_requirement_that_is_tried_alone_is_tried_well() {
    const MOST_REQUESTS: u64 = 150;
    let sample: Vec<Mutant> = MUTANTS.iter().step_by(37).cloned().collect();
    let table = hunt(&SET, &sample, &Hunt { aimed: true, ..settings() }, &|_| {}).expect("threads");
    assert!(table.aimed);
    let mut n_killed = 0;
    for result in &table.results {
        let fate = result.worst().map_or("none", |trial| trial.fate.name());
        assert!(matches!(fate, "killed" | "allowed"), "{} {fate}", result.mutant.id);
        for kill in result.kills() {
            n_killed += 1;
            assert!(kill.requests_to_failure <= MOST_REQUESTS, "{}: {}", result.mutant.id, kill.requests_to_failure);
        }
    }
    assert!(n_killed > sample.len() / 2, "{n_killed} of {}", sample.len());
}

/// An operator whose mutants never make a difference proves nothing. Of each, the first mutants of each document will do.
#[test]
fn every_operator_strikes() {
    const EACH: usize = 2;
    let mut taken: BTreeMap<(&str, _), usize> = BTreeMap::new();
    let sample: Vec<Mutant> = MUTANTS
        .iter()
        .filter(|mutant| {
            let known = taken.entry((mutant.operator, mutant.at)).or_default();
            *known += 1;
            *known <= EACH
        })
        .cloned()
        .collect();
    let table = hunted(&sample, false);
    let mut struck: BTreeMap<&str, u64> = OPERATORS.iter().map(|operator| (operator.name, 0)).collect();
    let mut killed: BTreeSet<&str> = BTreeSet::new();
    for result in &table.results {
        *struck.entry(result.mutant.operator).or_default() += result.struck();
        killed.extend(result.kills().map(|_| result.mutant.operator));
    }
    let idle: Vec<_> = struck.iter().filter(|(_, times)| **times == 0).collect();
    assert!(idle.is_empty(), "operators that never strike: {idle:?}");
    let harmless: Vec<_> = struck.keys().filter(|name| !killed.contains(*name) && !PERMITTED.contains(name)).collect();
    assert!(harmless.is_empty(), "operators of which no mutant is found: {harmless:?}");
}

/// What these do, the documents leave open.
const PERMITTED: &[&str] = &["forget-token", "replay-any", "accept-region"];

#[test]
fn a_sample_of_the_kill_table() {
    // Mutant, what becomes of it, what is blamed.
    let expected = [
        ("ecs/DeleteImage/drop-condition/ImageUseShared", "killed", "ecs/DeleteImage/error/ImageUseShared"),
        ("ecs/DeleteImage/drop-override/override-1", "killed", "ecs/DeleteImage/promise/force"),
        ("ecs/DeleteImage/missing-field/RequestId", "killed", "ecs/DeleteImage/response/RequestId"),
        ("ecs/DeleteImage/no-effect/all", "killed", "ecs/DeleteImage/promise/delete"),
        ("ecs/DeleteImage/accept-region/unknown", "allowed", ""),
        ("ens/DeleteImage/other-value/Code", "killed", "ens/DeleteImage/response/Code"),
        ("ens/DeleteImage/skip-check/restricted", "killed", "ens/DeleteImage/error/NoPermission"),
        ("ens/DeleteImage/wrong-envelope/NoPermission", "killed", "ens/DeleteImage/error/NoPermission"),
    ];
    let ids: Vec<&str> = expected.iter().map(|(id, ..)| *id).collect();
    let table = hunted(&chosen(&ids), true);
    let blamed = |result: &MutantResult| {
        let kill = result.kills().next()?;
        Some(SET.operation(kill.by.0).requirements[kill.by.1].id.clone())
    };
    let found: Vec<(String, &str, String)> = table
        .results
        .iter()
        .map(|result| {
            let fate = result.worst().map_or("", |trial| trial.fate.name());
            (result.mutant.id.clone(), fate, blamed(result).unwrap_or_default())
        })
        .collect();
    let expected: Vec<(String, &str, String)> =
        expected.iter().map(|(id, fate, by)| ((*id).to_owned(), *fate, (*by).to_owned())).collect();
    assert_eq!(found, expected);
}

#[test]
fn what_is_found_is_shrunk_to_a_few_commands() {
    let expected = [
        // What others have is there without being made.
        ("ens/DeleteImage/drop-condition/NoPermission", 1),
        // What is left alone is made beside what is deleted; the same wait does for both.
        ("ecs/DeleteImage/delete-neighbour/success", 5),
        ("ens/DeleteImage/hide-neighbour/success", 5),
        // The same call again is another asking.
        ("cvm/DeleteImages/change-of-mind/unfinished-copy.refused", 5),
        ("cvm/DeleteImages/come-back/success", 6),
        // What comes by turns needs one more asking before, and of many askings two are enough.
        ("cvm/DeleteImages/change-of-mind/shared-image.refused", 2),
        ("ecs/DeleteImage/change-of-mind/creating-image.deleted", 5),
        ("ens/DeleteImage/change-of-mind/shared-image.refused", 6),
    ];
    let ids: Vec<&str> = expected.iter().map(|(id, _)| *id).collect();
    let table = hunted(&chosen(&ids), false);
    let commands =
        |result: &MutantResult| result.kills().filter_map(|kill| kill.shrunk).map(|shrunk| shrunk.commands).sum();
    let found: Vec<(&str, usize)> =
        table.results.iter().map(|result| (result.mutant.id.as_str(), commands(result))).collect();
    assert_eq!(found, expected);
}

#[test]
fn the_same_seed_kills_the_same_way() {
    let mutants = chosen(&[
        "ens/DeleteImage/delete-neighbour/success",
        "ens/DeleteImage/come-back/success",
        "ens/DeleteImage/never-done/success",
    ]);
    let table = || {
        let mut table = json::value(&SET, &hunted(&mutants, false));
        table["seconds"].take();
        table
    };
    assert_eq!(table(), table());
}

#[test]
fn a_healthy_mock_is_never_struck() {
    // What a fault says is compared with what would have been done; a spec that is rewritten into itself changes nothing.
    let mutants = chosen(&["ens/DeleteImage/drop-guard/InvalidParameter.%s~3"]);
    let table = hunted(&mutants, true);
    let fates: Vec<_> = table.results.iter().flat_map(|result| &result.trials).collect();
    assert!(fates.iter().all(|trial| trial.struck == 0 && matches!(trial.fate, Fate::Allowed(_))), "{fates:?}");
}

/// A spec that is rewritten has no say in whether a resource is taken: mutants that change nothing else stay unstruck when
/// calls overlap.
#[test]
fn a_rewritten_spec_leaves_what_is_taken_taken() {
    let mutants = chosen(&["cvm/DeleteImages/drop-guard/InvalidImageId.InShared"]);
    let table = hunted(&mutants, true);
    let fates: Vec<_> = table.results.iter().flat_map(|result| &result.trials).collect();
    assert!(fates.iter().all(|trial| matches!(trial.fate, Fate::Allowed(_))), "{fates:?}");
}

/// Each of these was not found once: the suite did not know of a second code when the first came, did not look before the
/// call, did not read sets, did not compare cases, counted a limit as exercised by another refusal, took any status for a
/// documented code, had no batch of something blocked and something sound, or let what was on its way out excuse the rest.
#[test]
fn what_was_missed_once_is_found() {
    let mutants = chosen(&[
        "cvm/DeleteImages/change-of-order/precedence",
        "ecs/DeleteImage/effect-on-refusal/OperationDenied.ImageCopying",
        "ecs/DeleteImage/effect-on-refusal/ImageIsImporting",
        "ens/DeleteImage/delete-neighbour/success",
        "ens/DeleteImage/hide-neighbour/success",
        "ecs/DeleteImage/change-on-refusal/accounts",
        "ecs/DeleteImage/constant-field/RequestId",
        "ecs/DeleteImage/accept-argument/RegionId.required",
        "swas/DeleteCustomImages/accept-argument/ClientToken.ascii",
        "swas/DeleteCustomImages/accept-argument/ClientToken.max_length.by-one",
        "swas/DeleteCustomImages/refuse-argument/ClientToken.max_length.by-one",
        "ens/DeleteImage/other-status/Error.DeleteImage",
        "ens/DeleteImage/wrong-http-status/MissingParameter",
        "swas/DeleteCustomImages/overlook-in-batch/CustomImageInShare.first",
        "cvm/DeleteImages/overlook-in-batch/InvalidImageId.IncorrectState.first",
        "cvm/DeleteImages/overlook-in-batch/InvalidParameterValue.InvalidImageId.last",
    ]);
    let table = hunted(&mutants, false);
    let missed = table.results.iter().filter(|result| result.kills().next().is_none());
    let missed: Vec<&str> = missed.map(|result| &*result.mutant.id).collect();
    assert!(missed.is_empty(), "{missed:?}");
}

/// The same for who asks for nothing but what they break: a question was taken for answered where an unlikely answer to
/// another one would have come first, and a state that passes for one that tells as much.
#[test]
fn what_was_missed_alone_is_found() {
    let mutants = chosen(&[
        "ecs/DeleteImage/drop-condition/OperationDenied.ImageCopying",
        "cvm/DeleteImages/overlook-in-batch/InvalidImageId.InShared.last",
        "cvm/DeleteImages/overlook-in-batch/InvalidImageId.IncorrectState.first",
    ]);
    let table = hunt(&SET, &mutants, &Hunt { aimed: true, prove: false, ..settings() }, &|_| {}).expect("threads");
    let missed = table.results.iter().filter(|result| result.kills().next().is_none());
    let missed: Vec<&str> = missed.map(|result| &*result.mutant.id).collect();
    assert!(missed.is_empty(), "{missed:?}");
}
