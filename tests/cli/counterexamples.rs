//! Violations: shown, written, and replayed.

use std::{fs, path::Path};

use serde_json::Value;

use crate::{
    process::{changed_specs, has_fields, run_in},
    served::Served,
};

#[test]
fn replay_files_that_are_none() {
    let folder = tempfile::tempdir().expect("a folder");
    let cases = [
        ("{", "it is not JSON"),
        ("{}", "not a counterexample"),
        ("[1, 2]", "not a counterexample"),
        (r#"{"kind": "aswritten counterexample", "format": 99}"#, "format 1"),
        (r#"{"kind": "aswritten counterexample", "format": 1, "script": []}"#, "script is empty"),
        (
            r#"{"kind": "aswritten counterexample", "format": 1, "script": [{"operation": "ecs/Fly"}]}"#,
            "no operation `ecs/Fly`",
        ),
    ];
    for (text, says) in cases {
        fs::write(folder.path().join("file.json"), text).expect("a file");
        let ended = run_in(&["replay", "file.json"], folder.path());
        assert_eq!(ended.code, Some(2), "{text}");
        assert!(
            ended.stderr.contains("cannot replay file.json") && ended.stderr.contains(says),
            "{text}: {}",
            ended.stderr
        );
    }
}

#[test]
fn a_violation_is_shown_written_and_replayed() {
    let specs = changed_specs("when = \"own and image.shared\"", "when = \"own and image.shared and image.in_use\"");
    // The shortest script waits for nothing, so nothing should take its time.
    let served = Served::start(&["--specs", &specs.path().to_string_lossy(), "--settle", "0ms"]);
    let folder = tempfile::tempdir().expect("a folder");
    let selector = "ecs/DeleteImage/error/ImageUseShared";
    let arguments = [
        "run",
        selector,
        "--endpoint",
        &served.url,
        "--cases",
        "1",
        "--seed",
        "cli",
        "--patience",
        "500ms",
        "--report",
        "json=r.json",
    ];
    let shown = run_in(&arguments, folder.path());
    assert_eq!(shown.code, Some(1), "{}{}", shown.stdout, shown.stderr);
    for text in [
        "violation[must]: ecs/DeleteImage/error/ImageUseShared",
        "promised",
        "Error codes, row 2",
        "expected",
        "403 ImageUseShared",
        "aswritten replay",
        "Authorization: <signed>",
    ] {
        assert!(shown.stdout.contains(text), "no `{text}`: {}", shown.stdout);
    }
    assert!(!shown.stdout.contains("aswritten-main"), "{}", shown.stdout);
    let report: Value =
        serde_json::from_str(&fs::read_to_string(folder.path().join("r.json")).expect("a report")).expect("one object");
    let finding = &report["findings"][0];
    has_fields(
        finding,
        &["key", "requirement", "level", "summary", "expected", "actual", "script", "stable", "replay"],
    );
    let file = finding["replay"].as_str().expect("a path");
    let again = run_in(&["replay", file, "--endpoint", &served.url, "--times", "1"], folder.path());
    assert_eq!(again.code, Some(1), "{}{}", again.stdout, again.stderr);
    let elsewhere = run_in(&["replay", file, "--endpoint", "in-process", "--times", "2"], folder.path());
    assert_eq!(elsewhere.code, Some(0), "{}{}", elsewhere.stdout, elsewhere.stderr);
    assert!(elsewhere.stdout.contains("did not show itself"), "{}", elsewhere.stdout);
    replays_are_reported(file, &served.url, finding, folder.path());
}

/// A replay that shows the finding of a run, and one that does not, in both formats.
fn replays_are_reported(file: &str, url: &str, finding: &Value, folder: &Path) {
    let replay = |endpoint: &str, report: &str, code: i32| -> Value {
        let arguments =
            ["replay", file, "--endpoint", endpoint, "--times", "2", "--format", "json", "--report", report, "-q"];
        let report = run_in(&arguments, folder).json(code);
        has_fields(
            &report,
            &[
                "schema", "verdict", "reason", "endpoint", "cases", "requests", "seconds", "replayed", "findings",
                "reasons",
            ],
        );
        has_fields(&report["replayed"], &["file", "key", "requirement", "summary", "times", "shown"]);
        assert_eq!((&report["replayed"]["file"], &report["replayed"]["key"]), (&file.into(), &finding["key"]));
        assert_eq!((&report["schema"], &report["cases"]), (&1.into(), &2.into()));
        assert!(report["requests"].as_u64() > Some(0), "{report}");
        report
    };
    let shown = replay(url, "human=again.txt", 1);
    assert_eq!((&shown["verdict"], &shown["replayed"]["shown"]), (&"violates".into(), &2.into()));
    let again = &shown["findings"][0];
    let names: Vec<&String> = finding.as_object().expect("an object").keys().collect();
    assert_eq!(
        again.as_object().expect("an object").keys().collect::<Vec<_>>(),
        names,
        "the fields of a run's finding"
    );
    for same in ["key", "requirement", "level", "summary", "promised", "source", "expected", "script", "replay"] {
        assert_eq!(again[same], finding[same], "{same}");
    }
    let told = fs::read_to_string(folder.join("again.txt")).expect("a report");
    assert!(told.contains("showed itself 2 of 2 times") && !told.contains('\u{1b}'), "{told}");
    let gone = replay("in-process", "json=gone.json", 0);
    assert_eq!(
        (&gone["verdict"], &gone["replayed"]["shown"], &gone["reason"]),
        (&"conforms".into(), &0.into(), &Value::Null)
    );
    assert_eq!(gone["findings"], Value::Array(Vec::new()));
    let written = fs::read_to_string(folder.join("gone.json")).expect("a report");
    assert_eq!(serde_json::from_str::<Value>(&written).expect("one object"), gone);
    let nowhere = run_in(&["replay", file, "--endpoint", "in-process", "--report", "json=no/such/r.json"], folder);
    assert_eq!((nowhere.code, &*nowhere.stdout), (Some(2), ""), "{}", nowhere.stderr);
    assert!(nowhere.stderr.contains("cannot write the report"), "{}", nowhere.stderr);
}

#[test]
fn a_replay_that_cannot_be_judged_says_why() {
    let folder = tempfile::tempdir().expect("a folder");
    // On a mock of our own nobody used a nonce before.
    let file = r#"{ "kind": "aswritten counterexample", "format": 1, "summary": "let in",
        "requirement": "ecs/DeleteImage/access/used-nonce", "key": "ecs/DeleteImage/access/used-nonce#let in",
        "script": [{ "operation": "ecs/DeleteImage", "caller": "used-nonce", "arguments": { "ImageId": "m-bp1" } }] }"#;
    fs::write(folder.path().join("file.json"), file).expect("a file");
    let human = run_in(&["replay", "file.json"], folder.path());
    assert_eq!(human.code, Some(6), "{}{}", human.stdout, human.stderr);
    assert!(human.stdout.starts_with("cannot be judged: no request succeeded lately"), "{}", human.stdout);
    let json = run_in(&["replay", "file.json", "--format", "json"], folder.path());
    assert_eq!(json.code, Some(6), "{}{}", json.stdout, json.stderr);
    let report: Value = serde_json::from_str(&json.stdout).expect("one object");
    assert_eq!(report["verdict"], "inconclusive");
    assert!(report["reason"].as_str().is_some_and(|reason| reason.contains("nonce")), "{report}");
    assert_eq!(report["reasons"][0]["times"], 3);
}
