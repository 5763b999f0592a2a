//! Mutants: listed, hunted, and served.
//!
//! `ASWRITTEN_SERVED=1 cargo test --test cli a_sample_of_mutants` serves every mutant in place of a sample.

use std::{env, fs, thread};

use serde_json::Value;

use crate::{
    process::{has_fields, run, run_in},
    served::Served,
};

#[test]
fn mutants_are_listed() {
    let ended = run(&["mutants", "ecs/DeleteImage", "--list"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let lines = "ecs/DeleteImage/drop-condition/ImageUseShared\n  breaks ecs/DeleteImage/error/ImageUseShared: ";
    assert!(ended.stdout.contains(lines) && !ended.stdout.contains("legacy"), "{}", ended.stdout);
    let ended = run(&["mutants", "ecs/DeleteImage/error/ImageUseShared", "--list", "--format", "json"]);
    let listed: Value = serde_json::from_str(&ended.stdout).expect("one object");
    let listed = listed["mutants"].as_array().expect("a list");
    assert!(listed.len() > 3);
    for mutant in listed {
        has_fields(mutant, &["id", "operator", "operation", "breaks", "text"]);
        assert_eq!(mutant["breaks"], "ecs/DeleteImage/error/ImageUseShared");
    }
}

#[test]
fn the_kill_table_is_complete() {
    let folder = tempfile::tempdir().expect("a folder");
    let arguments = [
        "mutants",
        "ecs/DeleteImage/*/ImageUseShared",
        "--format",
        "json",
        "--report",
        "human=out.txt",
        "--seeds",
        "2",
    ];
    let table = run_in(&arguments, folder.path()).json(0);
    has_fields(
        &table,
        &[
            "schema",
            "seeds",
            "n_mutants",
            "killed",
            "survived",
            "not_struck",
            "allowed",
            "requests_to_failure",
            "shrunk_commands",
            "shrink_requests",
            "kills",
            "blamed_rightly",
            "operations",
            "operators",
        ],
    );
    let mutants = table["mutants"].as_array().expect("a list");
    assert_eq!(
        (&table["seeds"], mutants.len()),
        (&serde_json::json!(["1", "2"]), table["n_mutants"].as_u64().map_or(0, |n| n as usize))
    );
    for mutant in mutants {
        let fields = [
            "id",
            "operator",
            "operation",
            "breaks",
            "status",
            "by",
            "blamed",
            "requests_to_failure",
            "shrunk_commands",
            "shrink_requests",
            "struck",
            "trials",
        ];
        has_fields(mutant, &fields);
        assert_eq!(mutant["trials"].as_array().map(Vec::len), Some(2));
    }
    let human = fs::read_to_string(folder.path().join("out.txt")).expect("the other report");
    assert!(human.contains("drop-condition") && !human.contains('\u{1b}'), "{human}");
    assert!(human.lines().last().is_some_and(|line| line.starts_with("none survived: ")), "{human}");
}

#[test]
fn a_survivor_fails_the_hunt() {
    // One case has one answer, and a value that is always the same shows itself in two.
    let ended = run(&["mutants", "ecs/DeleteImage/constant-field/RequestId", "--max-requests", "7", "--seed", "1"]);
    assert_eq!(ended.code, Some(1), "{}{}", ended.stdout, ended.stderr);
    for text in
        ["survived", "ecs/DeleteImage/constant-field/RequestId", "the suite could have seen", "too weak: 1 mutant:"]
    {
        assert!(ended.stdout.contains(text), "no `{text}`: {}", ended.stdout);
    }
}

/// A tour goes on after what was wrong in it; shrinking begins without that, so that its requests suffice.
#[test]
fn what_comes_after_a_failure_costs_shrinking_nothing() {
    let mutant = "ecs/DeleteImage@legacy/drop-guard/OperationDenied.ImageCopying";
    let table = run(&["mutants", mutant, "--seed", "1", "--format", "json"]).json(0);
    let commands = table["mutants"][0]["shrunk_commands"].as_u64().expect("a number");
    assert!(commands <= 8, "{table}");
}

/// A deletion that comes a while after the answer, when other calls have come as well: whoever was the last is not to blame,
/// neither in the run nor in its record.
#[test]
fn what_comes_late_is_held_against_the_call_that_began_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let served = Served::start(&["--mutant", "ecs/DeleteImage/change-on-dry-run/DryRun", "--settle", "30ms"]);
    let found = |arguments: &[&str]| {
        let report = run_in(&[arguments, &["--format", "json"]].concat(), folder.path()).json(1);
        let told = |finding: &Value| {
            let n_commands = finding["script"].as_array().map(Vec::len);
            let numbers = ["cases", "requests_to_failure", "shrink_requests"].map(|name| finding[name].as_u64());
            (finding["requirement"].to_string(), finding["stable"].as_bool(), n_commands, numbers)
        };
        report["findings"].as_array().expect("a list").iter().map(told).collect::<Vec<_>>()
    };
    let amount = ["--seed", "1", "--cases", "8", "--patience", "250ms", "--events", "events.jsonl"];
    let run = found(&[&["run", "ecs/DeleteImage", "--endpoint", &served.url], &amount[..]].concat());
    let [(requirement, stable, n_commands, _)] = &run[..] else { panic!("{run:?}") };
    assert_eq!(requirement, "\"ecs/DeleteImage/promise/dry-run-changes-nothing\"");
    assert_eq!((*stable, *n_commands), (Some(true), Some(4)));
    assert_eq!(found(&["judge", "events.jsonl"]), run);
}

/// A refused call takes away what it was refused for, and the next one succeeds: that one did as documented.
#[test]
fn what_a_refused_call_took_away_is_not_held_against_the_next() {
    let folder = tempfile::tempdir().expect("a folder");
    let served = Served::start(&["--mutant", "cvm/DeleteImages/change-on-refusal/accounts"]);
    let words = ["run", "cvm/DeleteImages", "--endpoint", &served.url, "--seed", "1", "--cases", "2"];
    let report = run_in(&[&words[..], &["--patience", "300ms", "--format", "json"]].concat(), folder.path()).json(1);
    let findings = report["findings"].as_array().expect("a list");
    let keys: Vec<&str> = findings.iter().filter_map(|finding| finding["key"].as_str()).collect();
    assert!(keys.contains(&"cvm/DeleteImages/unchanged#something changed"), "{keys:?}");
    assert!(keys.iter().all(|key| !key.ends_with("#answered success")), "{keys:?}");
}

/// Cases that run at the same time meet what a bug does to all of the account. What none of them shows again alone is held against
/// nobody, in the run and in its record.
#[test]
fn what_another_case_may_have_done_is_no_violation() {
    let folder = tempfile::tempdir().expect("a folder");
    let served = Served::start(&["--mutant", "ecs/DeleteImage/delete-neighbour/success"]);
    let words = ["run", "ecs/DeleteImage", "--endpoint", &served.url, "--seed", "3", "--cases", "10", "--workers", "8"];
    let reports = ["--patience", "300ms", "--shrink-requests", "60", "--events", "events.jsonl", "--format", "json"];
    let told = |arguments: &[&str]| {
        let ended = run_in(arguments, folder.path());
        assert!(matches!(ended.code, Some(1 | 6)), "{:?} {}", ended.code, ended.stderr);
        let report = ended.json(ended.code.unwrap_or_default());
        let findings = list(&report, "findings").iter();
        let told = findings.map(|one| (text(one, "requirement").to_owned(), one["counts"] == true)).collect::<Vec<_>>();
        (report["verdict"].to_string(), told)
    };
    let (verdict, findings) = told(&[&words[..], &reports[..]].concat());
    let blamed = findings.iter().filter(|(_, counts)| *counts).map(|(requirement, _)| &**requirement);
    assert!(blamed.eq(findings.iter().any(|(_, counts)| *counts).then_some("ecs/DeleteImage/others")), "{findings:?}");
    assert_eq!(told(&["judge", "events.jsonl", "--format", "json"]), (verdict, findings));
}

/// Whether a call never earns an answer is known when it was sent again several times. Where nothing is left for that, nobody
/// may say that the endpoint conforms.
#[test]
fn what_was_not_answered_and_not_sent_again_is_inconclusive() {
    let folder = tempfile::tempdir().expect("a folder");
    let served = Served::start(&["--mutant", "ens/DeleteImage/broken-answer/cut"]);
    let words = ["run", "ens/DeleteImage", "--endpoint", &served.url, "--seed", "1", "--events", "events.jsonl"];
    let check = |arguments: &[&str], code: i32, verdict: &str| {
        let report = run_in(&[arguments, &["--format", "json"]].concat(), folder.path()).json(code);
        let requirements = report["operations"][0]["requirements"].as_array().expect("a list");
        let success = requirements.iter().find(|one| one["id"] == "ens/DeleteImage/success").expect("it is one");
        assert_eq!((&report["verdict"], &success["verdict"]), (&verdict.into(), &verdict.into()), "{success}");
        success["reason"].to_string()
    };
    let few = check(&[&words[..], &["--max-requests", "24"]].concat(), 6, "inconclusive");
    assert!(few.contains("was not sent again often enough"), "{few}");
    check(&["judge", "events.jsonl"], 6, "inconclusive");
    // Of more, some are left, as not all cases run at the same time.
    check(&[&words[..], &["--max-requests", "110"]].concat(), 1, "violates");
}

/// Whatever takes hold of a call: what becomes of it, who makes it, how its answer is written.
#[test]
fn a_mutant_that_is_served_is_found() {
    let check = |operation: &str, mutant: &str, requirement: &str| {
        let served = Served::start(&["--mutant", &format!("{operation}/{mutant}")]);
        let selector = format!("{operation}/{requirement}");
        let arguments =
            ["run", &selector, "--endpoint", &served.url, "--cases", "2", "--seed", "cli", "--patience", "500ms"];
        let ended = run(&arguments);
        assert_eq!(ended.code, Some(1), "{mutant}: {}{}", ended.stdout, ended.stderr);
        assert!(ended.stdout.contains(&format!("]: {selector}")), "{mutant}: {}", ended.stdout);
    };
    check("ecs/DeleteImage", "drop-condition/ImageUseShared", "error/ImageUseShared");
    check("ens/DeleteImage", "skip-check/used-nonce", "access/used-nonce");
    check("ens/DeleteImage", "skip-check/restricted", "error/NoPermission");
    check("swas/DeleteCustomImages", "drop-condition/access.stale-time", "access/stale-time");
    check("swas/DeleteCustomImages", "effect-on-refusal/access.forged-signature", "access/forged-signature");
    check("cvm/DeleteImages", "drop-condition/access.no-signature", "access/no-signature");
    check("cvm/DeleteImages", "skip-check/unknown-key", "access/unknown-key");
    check("ens/DeleteImage", "broken-answer/cut", "success");
}

/// The kill table is made in process: of every so many mutants that are found there, one is served, and judged by a run of what
/// it breaks. What an undocumented code says nobody knows, and a race that shows once and not again proves nothing: of such a
/// mutant there is a finding, and the run is inconclusive.
#[test]
fn a_sample_of_mutants_is_found_when_served() {
    const EACH: usize = 97;
    const AT_ONCE: usize = 2;
    let each = env::var("ASWRITTEN_SERVED").ok().and_then(|text| text.parse().ok()).unwrap_or(EACH).max(1);
    let listed = run(&["mutants", "--list", "--format", "json"]).json(0);
    let sample: Vec<&str> = list(&listed, "mutants").iter().step_by(each).map(|mutant| text(mutant, "id")).collect();
    let hunt = [&["mutants"], &sample[..], &["--aimed", "--seed", "1", "--format", "json"]].concat();
    let table = run(&hunt).json(0);
    let found = list(&table, "mutants").iter().filter(|mutant| mutant["status"] == "killed");
    let found: Vec<(&str, &str)> = found.map(|mutant| (text(mutant, "id"), text(mutant, "breaks"))).collect();
    assert!(found.len() > sample.len() / 2, "{} of {}", found.len(), sample.len());
    let is_overlooked = |(mutant, broken): &&(&str, &str)| {
        let served = Served::start(&["--mutant", mutant, "--settle", "100ms"]);
        let words = ["run", broken, "--endpoint", &served.url, "--cases", "60", "--seed", "1", "--paid"];
        let ended = run(&[&words[..], &["--patience", "600ms", "--format", "json"]].concat());
        let report: Value = serde_json::from_str(&ended.stdout).unwrap_or_default();
        let is_found = matches!(ended.code, Some(1 | 6)) && !list(&report, "findings").is_empty();
        if !is_found {
            eprintln!("{mutant} by {broken}: {:?} {}", ended.code, ended.stderr);
        }
        !is_found
    };
    let overlooked: Vec<&str> = thread::scope(|scope| {
        let hunted = |part: usize| {
            let own = found.iter().skip(part).step_by(AT_ONCE);
            scope.spawn(move || own.filter(is_overlooked).map(|(mutant, _)| *mutant).collect::<Vec<_>>())
        };
        let parts: Vec<_> = (0..AT_ONCE).map(hunted).collect();
        parts.into_iter().flat_map(|part| part.join().expect("no hunt panics")).collect()
    });
    assert!(overlooked.is_empty(), "of {} served: {overlooked:#?}", found.len());
}

fn list<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    value[name].as_array().map_or(&[], Vec::as_slice)
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_else(|| panic!("`{name}` is a text: {value}"))
}

/// A code that comes where nothing asks for it breaks whatever else is due there: told in full once, and in short for the rest.
#[test]
fn what_breaks_several_requirements_in_one_way_is_told_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let served = Served::start(&["--mutant", "ens/DeleteImage/drop-guard/Error.DeleteImage"]);
    let words = ["run", "ens/DeleteImage", "--endpoint", &served.url, "--seed", "1", "--cases", "12"];
    let reports = ["--patience", "300ms", "--events", "events.jsonl", "--format", "json"];
    let report = run_in(&[&words[..], &reports[..]].concat(), folder.path()).json(1);
    let findings = report["findings"].as_array().expect("a list");
    let (own, like): (Vec<&Value>, Vec<&Value>) = findings.iter().partition(|finding| finding["like"].is_null());
    let keys = |findings: &[&Value]| findings.iter().map(|finding| finding["key"].clone()).collect::<Vec<_>>();
    assert_eq!(keys(&own), ["ens/DeleteImage/success#answered Error.DeleteImage"], "{:?}", keys(&like));
    assert!(!like.is_empty() && like.iter().all(|finding| finding["like"] == own[0]["key"]), "{:?}", keys(&like));
    let told = |more: &[&str]| {
        let ended = run_in(&[&["judge", "events.jsonl"], more].concat(), folder.path());
        let n = |text: &str| ended.stdout.lines().filter(|line| line.trim_start().starts_with(text)).count();
        (n("violation["), n("like      as for ens/DeleteImage/success"), n("call "))
    };
    assert_eq!(told(&[]), (findings.len(), like.len(), 1));
    assert_eq!(told(&["-v"]), (findings.len(), 0, findings.len()));
}
