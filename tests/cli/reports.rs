//! What a run reports.

use std::{collections::BTreeSet, fs};

use serde_json::Value;

use crate::{
    process::{has_fields, run, run_in},
    served::Served,
};

#[test]
fn the_json_report_is_complete() {
    let folder = tempfile::tempdir().expect("a folder");
    let arguments = [
        "run",
        "ecs/DeleteImage",
        "--endpoint",
        "in-process",
        "--cases",
        "12",
        "--seed",
        "cli",
        "--format",
        "json",
        "--report",
        "human=out.txt",
    ];
    let report = run_in(&arguments, folder.path()).json(0);
    has_fields(
        &report,
        &[
            "schema",
            "verdict",
            "seed",
            "endpoint",
            "cases",
            "requests",
            "seconds",
            "operations",
            "observations",
            "findings",
        ],
    );
    assert_eq!(
        (&report["schema"], &report["verdict"], &report["seed"]),
        (&1.into(), &"conforms".into(), &"cli".into())
    );
    assert_eq!((&report["endpoint"], &report["cases"]), (&"in-process".into(), &12.into()));
    let operation = &report["operations"][0];
    assert_eq!(operation["id"], "ecs/DeleteImage");
    for requirement in operation["requirements"].as_array().expect("requirements") {
        has_fields(requirement, &["id", "kind", "level", "source", "exercised", "verdict", "reason"]);
    }
    for observation in report["observations"].as_array().expect("observations") {
        has_fields(observation, &["question", "answer", "times"]);
    }
    let human = fs::read_to_string(folder.path().join("out.txt")).expect("the other report");
    assert!(human.contains("ecs/DeleteImage") && !human.contains('\u{1b}'), "{human}");
    assert!(human.lines().last().is_some_and(|line| line.starts_with("conforms: 1 operation, ")), "{human}");
    assert!(!folder.path().join(".aswritten").exists(), "there is nothing to replay");
    let again: Value = serde_json::from_str(&run(&arguments[..10]).stdout).expect("one object");
    assert_eq!(report["operations"], again["operations"], "the same seed says the same");
}

/// What was answered to another question, or to a caller who may not call at all, is no answer to a question.
#[test]
fn answers_to_questions_are_those_that_decided_them() {
    let arguments =
        ["run", "swas", "ecs/DeleteImage@legacy", "--endpoint", "in-process", "--seed", "1", "--format", "json"];
    let report: Value = serde_json::from_str(&run(&arguments).stdout).expect("one object");
    let answers = |question: &str| -> BTreeSet<&str> {
        let seen = report["observations"].as_array().expect("observations").iter();
        seen.filter(|seen| seen["question"] == question).filter_map(|seen| seen["answer"].as_str()).collect()
    };
    for (question, expected) in [
        ("ecs/DeleteImage@legacy/open/community-image", "deleted"),
        ("ecs/DeleteImage@legacy/open/missing-image", "InvalidImageId.NotFound"),
        ("swas/DeleteCustomImages/open/creating-image", "deleted"),
        ("swas/DeleteCustomImages/open/over-fifteen", "InvalidImageIds.TooMany"),
        // Of a batch whose later image is the one that is shared.
        ("swas/DeleteCustomImages/open/precedence", "CustomImageInShare before InvalidImageId.NotFound"),
    ] {
        let answers = answers(question);
        assert!(answers.contains(expected), "{question}: {answers:?}");
        let of_others = ["SignatureNonceUsed", "MissingParameter", "IdempotentParameterMismatch"];
        assert!(of_others.iter().all(|code| !answers.contains(code)), "{question}: {answers:?}");
    }
}

/// Requests are what a real endpoint costs: the first few hundred exercise everything that can be reached.
#[test]
fn few_requests_exercise_everything() {
    let report =
        run(&["run", "--endpoint", "in-process", "--max-requests", "400", "--seed", "few", "--format", "json"]).json(0);
    assert!(report["requests"].as_u64().is_some_and(|requests| requests <= 400), "{}", report["requests"]);
    let requirements = report["operations"].as_array().into_iter().flatten();
    let requirements = requirements.flat_map(|operation| operation["requirements"].as_array().into_iter().flatten());
    // What no run can reach says so in the specs; what this run did not try, or tried in vain, says otherwise.
    let missed: Vec<&Value> = requirements
        .filter(|one| one["exercised"] == 0)
        .filter(|one| {
            let reason = one["reason"].as_str().unwrap_or_default();
            let beginnings = ["no case aimed at it", "the requests that were left"];
            reason.ends_with("cases)")
                || reason.ends_with("case)")
                || beginnings.iter().any(|one| reason.starts_with(one))
        })
        .collect();
    assert!(missed.is_empty(), "{missed:?}");
}

/// A budget is kept, however small, and where it came to an end is said.
#[test]
fn a_budget_of_requests_is_kept() {
    // The last of them suffices for everything.
    for (budget, is_short) in [("1", true), ("10", true), ("40", true), ("60", true), ("100", false)] {
        let arguments = ["run", "ecs/DeleteImage", "--endpoint", "in-process", "--seed", "7", "--format", "json"];
        let report = run(&[&arguments[..], &["--max-requests", budget]].concat()).json(0);
        let requests = report["requests"].as_u64().expect("a number");
        assert!(requests <= budget.parse().expect("a number"), "{requests} of {budget}");
        let requirements = report["operations"][0]["requirements"].as_array().expect("a list");
        let reason = "the requests that were left did not suffice for a case";
        assert_eq!(requirements.iter().any(|one| one["reason"] == reason), is_short, "{budget}: {requirements:?}");
    }
}

/// What a budget does not suffice for whole is begun: the first sequence of this operation has more requests than this.
#[test]
fn a_small_budget_is_spent_on_what_tells_the_most() {
    let words = ["run", "swas", "--endpoint", "in-process", "--seed", "1", "--max-requests", "40"];
    let report = run(&[&words[..], &["--format", "json"]].concat()).json(0);
    let requirements = report["operations"][0]["requirements"].as_array().expect("a list");
    let n_exercised = requirements.iter().filter(|one| one["exercised"] != 0).count();
    assert!(n_exercised > 20, "{n_exercised}");
    // A dry plan begins it as well, and stays within the budget.
    let planned = run(&[&words[..], &["--dry-plan"]].concat());
    assert_eq!(planned.code, Some(0), "{}{}", planned.stdout, planned.stderr);
    let n_calls = planned.stdout.lines().filter(|line| line.starts_with("  * ")).count();
    let n_commands = planned.stdout.lines().filter(|line| line.starts_with("  ")).count();
    assert!(n_calls > 15 && n_commands <= 40, "{}", planned.stdout);
}

/// A budget is for cases; what shrinking took on top is not told as if it were of it.
#[test]
fn what_shrinking_took_is_told_beside_the_budget() {
    let check = |more: &[&str], code: i32, is_shrunk: bool| {
        let folder = tempfile::tempdir().expect("a folder");
        let served = Served::start(&[&["--settle", "30ms"], more].concat());
        let words = ["run", "ens/DeleteImage", "--endpoint", &served.url, "--seed", "1", "--max-requests", "60"];
        let reports = ["--format", "json", "--report", "human=out.txt"];
        let report = run_in(&[&words[..], &reports[..]].concat(), folder.path()).json(code);
        let requests = &report["account"]["requests"];
        let number = |name: &str| requests[name].as_u64().unwrap_or_else(|| panic!("`{name}` is a number: {requests}"));
        let (cases, used) = (number("cases"), number("used"));
        let human = fs::read_to_string(folder.path().join("out.txt")).expect("the other report");
        let told = if is_shrunk {
            format!(
                "{cases} of 60 requests for cases and {} more to shrink failures, all with clean-up (",
                used - cases
            )
        } else {
            format!("{used} of 60 requests (")
        };
        assert!(human.contains(&told), "no `{told}`: {human}");
        assert_eq!((number("planned"), used > cases), (60, is_shrunk));
    };
    check(&[], 0, false);
    check(&["--mutant", "ens/DeleteImage/other-status/MissingParameter"], 1, true);
}

#[test]
fn a_requirement_alone() {
    let ended =
        run(&["run", "ecs/DeleteImage/error/ImageUse*", "--endpoint", "in-process", "--cases", "4", "--seed", "cli"]);
    assert_eq!(ended.code, Some(0), "{}{}", ended.stdout, ended.stderr);
    assert!(ended.stdout.contains("1 of 1 requirements exercised"), "{}", ended.stdout);
}
