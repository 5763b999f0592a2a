use serde_json::{Value, json};

use super::*;

/// What was answered, and the alternatives that it leaves.
type Seen<'a> = &'a [(&'a str, Option<&'a str>)];
/// Messages with how often their code was earned: before, and now; and whether that is a change.
type Worded<'a> = (&'a [&'a str], u64, &'a [&'a str], u64, bool);

fn run(requirements: Value, findings: Value, observations: Value, messages: Value) -> Summary {
    let report = json!({
        "schema": 1, "seed": "1", "endpoint": "mock",
        "operations": [{ "id": "s/Op", "requirements": requirements }],
        "findings": findings, "observations": observations, "messages": messages,
    });
    Summary::of(&report).expect("it is a report")
}

fn requirement(id: &str, exercised: u64, verdict: &str) -> Value {
    json!({ "id": id, "selected": true, "exercised": exercised, "verdict": verdict, "reason": "why" })
}

fn finding(key: &str) -> Value {
    json!({ "key": key, "requirement": key.split('#').next(), "summary": "told", "counts": true })
}

fn answers(list: &[(&str, Option<&str>)]) -> Summary {
    let seen =
        list.iter().map(|(answer, choice)| json!({ "question": "s/Op/open/q", "answer": answer, "choice": choice }));
    run(json!([]), json!([]), seen.collect(), json!([]))
}

fn messages(list: &[&str], exercised: u64) -> Summary {
    let seen = list.iter().map(|text| json!({ "operation": "s/Op", "code": "C", "message": text }));
    run(json!([requirement("s/Op/error/C", exercised, "conforms")]), json!([]), json!([]), seen.collect())
}

#[test]
fn violations_are_new_fixed_or_unseen() {
    let bad = |key: &str| {
        run(json!([requirement("s/Op/error/C", 1, "violates")]), json!([finding(key)]), json!([]), json!([]))
    };
    let fine = run(json!([requirement("s/Op/error/C", 1, "conforms")]), json!([]), json!([]), json!([]));
    let blind = run(json!([requirement("s/Op/error/C", 0, "not-exercised")]), json!([]), json!([]), json!([]));
    let count = |before: &Summary, now: &Summary| {
        let changes = Changes::since("b", before, now);
        (changes.new.len(), changes.fixed.len(), changes.unseen.len(), changes.lost.len(), changes.gained.len())
    };
    let (one, other) = (bad("s/Op/error/C#a"), bad("s/Op/error/C#b"));
    assert_eq!(count(&fine, &one), (1, 0, 0, 0, 0));
    assert_eq!(count(&one, &fine), (0, 1, 0, 0, 0));
    assert_eq!(count(&one, &one), (0, 0, 0, 0, 0));
    assert_eq!(count(&one, &blind), (0, 0, 1, 1, 0), "what was not exercised is not known to be fixed");
    assert_eq!(count(&one, &other), (1, 0, 1, 0, 0), "another violation of it is no proof that the first is gone");
    assert_eq!(count(&blind, &fine), (0, 0, 0, 0, 1));
}

#[test]
fn answers_change_only_where_nothing_explains_both() {
    let cases: &[(Seen<'_>, Seen<'_>, bool)] = &[
        (&[("NotFound", Some("refused"))], &[("ignored", Some("ignored"))], true),
        (&[("NotFound", Some("refused"))], &[("NotFound", Some("refused"))], false),
        (&[("NotFound", Some("refused"))], &[("Gone", Some("refused"))], true),
        (&[("NotFound", Some("refused"))], &[("refused", Some("refused"))], false),
        (&[("a or b", Some("a or b"))], &[("a", Some("a"))], false),
        (&[("a or b", Some("a or b"))], &[("c", Some("c"))], true),
        (&[("NotFound", Some("refused or new"))], &[("Used", Some("refused"))], false),
        (&[("A before B", None)], &[("A before C", None)], false),
        (&[("A before B", None)], &[("B before A", None)], true),
        (&[("a", Some("a"))], &[], false),
    ];
    for (before, now, expected) in cases {
        let changes = Changes::since("b", &answers(before), &answers(now));
        assert_eq!(!changes.answers.is_empty(), *expected, "{before:?} {now:?}");
    }
}

#[test]
fn messages_change_by_their_words() {
    let cases: &[Worded<'_>] = &[
        (&["no image m-1"], 1, &["no image m-2"], 1, false),
        (&["no image m-1"], 1, &["image m-1 is not there"], 1, true),
        (&[], 1, &["reworded"], 1, true),
        (&[], 0, &["reworded"], 1, false),
        (&["reworded"], 1, &[], 1, true),
        (&["reworded"], 1, &[], 0, false),
    ];
    for (before, earned, now, earns, expected) in cases {
        let changes = Changes::since("b", &messages(before, *earned), &messages(now, *earns));
        assert_eq!(!changes.messages.is_empty(), *expected, "{before:?} {now:?}");
    }
    let elsewhere = json!({ "schema": 1, "operations": [{ "id": "s/Other", "requirements": [] }] });
    let elsewhere = Summary::of(&elsewhere).expect("it is a report");
    for (before, now) in [(&elsewhere, &messages(&["reworded"], 1)), (&messages(&["reworded"], 1), &elsewhere)] {
        assert!(Changes::since("b", before, now).messages.is_empty(), "only one of the runs has the operation");
    }
}

#[test]
fn requirements_of_other_operations_are_no_lost_coverage() {
    let of = |id: &str, requirement: &str| {
        let report = json!({ "schema": 1, "operations": [{ "id": id, "requirements": [
            { "id": requirement, "exercised": 1, "verdict": "conforms" }] }] });
        Summary::of(&report).expect("it is a report")
    };
    let changes = Changes::since("b", &of("s/A", "s/A/error/X"), &of("s/B", "s/B/error/X"));
    assert!(changes.lost.is_empty() && changes.dropped.is_empty() && changes.added.is_empty());
    assert_eq!(changes.operations, (vec!["s/A".to_owned()], vec!["s/B".to_owned()]));
    let changes = Changes::since("b", &of("s/A", "s/A/error/X"), &of("s/A", "s/A/error/Y"));
    assert_eq!((changes.dropped.len(), changes.added.len()), (1, 1));
}

#[test]
fn other_schemas_are_refused() {
    for report in [json!({}), json!({ "schema": 2, "operations": [] }), json!({ "schema": 1 }), json!([])] {
        assert!(Summary::of(&report).is_err(), "{report}");
    }
}
