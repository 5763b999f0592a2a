//! The morning after: what a run leaves behind can be read, judged again, put together, and compared.

use std::{fs, path::Path, process::Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::{
    process::{command, done, ended, run_in},
    served::Served,
};

/// A few cases of one operation, in virtual time.
const SHORT: [&str; 7] = ["run", "ecs/DeleteImage", "--endpoint", "in-process", "--seed", "5", "--cases"];

fn short<'a>(cases: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    SHORT.iter().copied().chain([cases]).chain(more.iter().copied()).collect()
}

fn folder() -> TempDir {
    tempfile::tempdir().expect("a folder")
}

fn read(folder: &Path, name: &str) -> String {
    fs::read_to_string(folder.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn json(folder: &Path, name: &str) -> Value {
    serde_json::from_str(&read(folder, name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Verdicts by requirement, and whether each was exercised.
fn verdicts(report: &Value) -> Vec<(String, String, bool)> {
    let operations = report["operations"].as_array().expect("operations");
    let requirements = operations.iter().flat_map(|operation| operation["requirements"].as_array().expect("a list"));
    requirements
        .map(|found| {
            let text = |name: &str| found[name].as_str().unwrap_or_default().to_owned();
            (text("id"), text("verdict"), found["exercised"].as_u64() > Some(0))
        })
        .collect()
}

fn keys(report: &Value) -> Vec<&str> {
    report["findings"].as_array().expect("a list").iter().filter_map(|found| found["key"].as_str()).collect()
}

#[test]
fn a_record_is_judged_as_the_run_was() {
    let folder = folder();
    let folder = folder.path();
    let ran = done(&short("60", &["--events", "night.jsonl", "--report", "json=run.json"]), folder, 0);
    let judged = done(&["judge", "night.jsonl", "--report", "json=judged.json"], folder, 0);
    assert_eq!(judged.stdout, ran.stdout);
    assert_eq!(json(folder, "judged.json"), json(folder, "run.json"));
    let record = read(folder, "night.jsonl");
    let lines: Vec<Value> = record.lines().map(|line| serde_json::from_str(line).expect("a line is JSON")).collect();
    assert_eq!(lines[0]["event"], "run");
    assert_eq!((&lines[0]["schema"], &lines[0]["seed"]), (&1.into(), &"5".into()));
    assert_eq!(lines[0]["specs"].as_str().map(str::len), Some(64), "a digest");
    let count = |event: &str| lines.iter().filter(|line| line["event"] == event).count() as u64;
    let report = json(folder, "run.json");
    assert_eq!((count("case"), count("judged"), count("end")), (60, 60, 1));
    assert_eq!(Some(count("exchange")), report["requests"].as_u64(), "each request has its line");
    let again = done(&["judge", "night.jsonl", "--report", "json=again.json"], folder, 0);
    assert_eq!((again.stdout, json(folder, "again.json")), (judged.stdout, json(folder, "judged.json")));
}

#[test]
fn findings_are_judged_again_with_their_counterexamples() {
    for (bug, says) in [
        ("drop-condition/ImageUseShared", "violation[must]: ecs/DeleteImage/error/ImageUseShared"),
        // Whether anything is answered at all is looked at beside the cases.
        ("failure-instead/ImageUseShared", "earned no answer that is documented, 6 times of 6"),
    ] {
        judged_again(&format!("ecs/DeleteImage/{bug}"), says);
    }
}

fn judged_again(mutant: &str, says: &str) {
    let served = Served::start(&["--mutant", mutant]);
    let folder = folder();
    let folder = folder.path();
    let arguments =
        ["run", "ecs/DeleteImage", "--endpoint", &served.url, "--seed", "5", "--cases", "60", "--events", "e.jsonl"];
    let ran = done(&[&arguments[..], &["--report", "json=run.json"]].concat(), folder, 1);
    drop(served);
    let record = read(folder, "e.jsonl");
    let sent = |event: &str| {
        let lines = record.lines().map(|line| serde_json::from_str::<Value>(line).expect("a line is JSON"));
        lines.filter(|line| line["event"] == event && line["reply"]["not-sent"].is_null()).count() as u64
    };
    assert!(sent("own") > 0, "ids are looked up, and lists are read");
    let used = &json(folder, "run.json")["account"]["requests"]["used"];
    assert_eq!(Some(sent("exchange") + sent("own")), used.as_u64(), "each request has its line");
    let judged = done(&["judge", "e.jsonl"], folder, 1);
    assert!(judged.stdout.contains(says), "{}", judged.stdout);
    // What a run did to an account is not judged.
    let without_account = |text: &str| -> Vec<String> {
        let is_account = |line: &&str| ["budget ", "at once ", "account "].iter().any(|name| line.starts_with(name));
        let mut lines: Vec<String> = text.lines().filter(|line| !is_account(line)).map(str::to_owned).collect();
        lines.dedup_by(|next, line| next.is_empty() && line.is_empty());
        lines
    };
    assert_eq!(without_account(&judged.stdout), without_account(&ran.stdout));
}

/// What stopped a run is known from its record as well.
#[test]
fn a_run_that_was_stopped_says_by_what_the_morning_after() {
    let folder = folder();
    let words = ["run", "ecs/DeleteImage", "--endpoint", "in-process", "--seed", "5", "--max-requests", "40"];
    let ran = done(&[&words[..], &["--events", "e.jsonl"]].concat(), folder.path(), 0);
    let judged = done(&["judge", "e.jsonl"], folder.path(), 0);
    let words: Vec<&str> = ran.stdout.split_whitespace().collect();
    assert!(words.join(" ").contains("the requests that were left did not suffice"), "{}", ran.stdout);
    assert_eq!(judged.stdout, ran.stdout);
}

/// Two answers to one question, seen in several cases, are put into one short script that shows them, and can be replayed.
#[test]
fn a_question_that_is_answered_in_two_ways_is_shown_by_one_script() {
    let served = Served::start(&["--mutant", "ecs/DeleteImage/change-of-mind/missing-image.ignored"]);
    let folder = folder();
    let words = ["run", "ecs/DeleteImage", "--endpoint", &served.url, "--cases", "60", "--seed", "3", "--quiet"];
    done(&[&words[..], &["--report", "json=r.json", "--events", "events.jsonl"]].concat(), folder.path(), 1);
    let report = json(folder.path(), "r.json");
    let found = report["findings"].as_array().into_iter().flatten();
    let found: Vec<&Value> =
        found.filter(|finding| finding["requirement"] == "ecs/DeleteImage/open/missing-image").collect();
    assert_eq!(found.len(), 1, "{found:#?}");
    let length = found[0]["script"].as_array().map_or(0, Vec::len);
    assert!(found[0]["stable"] == true && length <= 3, "{:#}", found[0]);
    let file = found[0]["replay"].as_str().expect("a file");
    let replayed = done(&["replay", file, "--endpoint", &served.url], folder.path(), 1);
    assert!(replayed.stdout.contains("in two ways"), "{}", replayed.stdout);
    done(&["judge", "events.jsonl", "--quiet", "--report", "json=again.json"], folder.path(), 1);
    assert_eq!(verdicts(&report), verdicts(&json(folder.path(), "again.json")));
    assert_eq!(keys(&report), keys(&json(folder.path(), "again.json")));
}

/// A case of a bad night: of seven calls in a row nobody knows whether they happened, and reads lag. Each may double what
/// explains the rest.
#[test]
fn what_has_too_many_explanations_is_given_up() {
    let folder = folder();
    let night = format!("{}/tests/data/burst.jsonl", env!("CARGO_MANIFEST_DIR"));
    let judged = done(&["judge", &night, "-v"], folder.path(), 130);
    assert!(judged.stdout.contains("in more than 2000 ways"), "{}", judged.stdout);
}

#[test]
fn a_record_that_was_cut_anywhere_can_be_read() {
    let folder = folder();
    let folder = folder.path();
    done(&short("40", &["--events", "night.jsonl"]), folder, 0);
    let whole = fs::read(folder.join("night.jsonl")).expect("a record");
    let first = whole.iter().position(|byte| *byte == b'\n').expect("lines");
    for part in 1..=8 {
        let end = first + 2 + (whole.len() - first - 3) * part / 9;
        fs::write(folder.join("cut.jsonl"), &whole[..end]).expect("a file");
        let judged = done(&["judge", "cut.jsonl", "--format", "json"], folder, 130);
        let report: Value = serde_json::from_str(&judged.stdout).expect("a report");
        assert_eq!(report["interrupted"], true);
        assert_ne!(report["verdict"], "conforms", "what is not whole does not conform");
        let reason = report["reasons"][0]["reason"].as_str().expect("a reason");
        assert!(reason.contains("ends before the run did"), "{reason}");
    }
    // A line that is broken in the middle is no accident of the end.
    let mut broken = whole.clone();
    broken[first + 3] = b'#';
    fs::write(folder.join("broken.jsonl"), &broken).expect("a file");
    let refused = done(&["judge", "broken.jsonl"], folder, 2);
    assert!(refused.stderr.contains("line 2"), "{}", refused.stderr);
}

#[test]
fn a_run_that_was_killed_leaves_whole_lines() {
    let folder = folder();
    let folder = folder.path();
    let served = Served::start(&[]);
    let arguments = ["run", "ecs/DeleteImage", "--endpoint", &served.url, "--cases", "100000", "--events", "e.jsonl"];
    let mut child =
        command(&arguments, folder).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the binary starts");
    let path = folder.join("e.jsonl");
    while fs::read(&path).map_or(0, |bytes| bytes.iter().filter(|byte| **byte == b'\n').count()) < 200 {
        assert!(child.try_wait().expect("a child").is_none(), "it goes on until it is killed");
        std::thread::yield_now();
    }
    child.kill().expect("it is killed");
    child.wait().expect("it ends");
    let record = read(folder, "e.jsonl");
    assert!(record.ends_with('\n') && record.lines().all(|line| serde_json::from_str::<Value>(line).is_ok()));
    let judged = done(&["judge", "e.jsonl"], folder, 130);
    assert!(judged.stdout.contains("ends before the run did"), "{}", judged.stdout);
}

#[test]
fn shards_add_up_to_the_whole_run() {
    let folder = folder();
    let folder = folder.path();
    done(&short("90", &["--report", "json=whole.json"]), folder, 0);
    for (shard, name) in [("1/3", "a.jsonl"), ("2/3", "b.jsonl"), ("3/3", "c.jsonl")] {
        // A shard may conform, or have too little to say so.
        run_in(&short("90", &["--shard", shard, "--events", name]), folder);
    }
    done(&["merge", "c.jsonl", "a.jsonl", "b.jsonl", "--report", "json=merged.json"], folder, 0);
    let (whole, merged) = (json(folder, "whole.json"), json(folder, "merged.json"));
    assert_eq!(verdicts(&merged), verdicts(&whole));
    assert_eq!(merged["operations"][0]["coverage"], whole["operations"][0]["coverage"]);
    assert_eq!((&merged["verdict"], &merged["cases"]), (&whole["verdict"], &whole["cases"]));
    let choices = |report: &Value| -> Vec<(Value, Value)> {
        let seen = report["observations"].as_array().expect("a list");
        seen.iter().map(|seen| (seen["question"].clone(), seen["choice"].clone())).collect()
    };
    assert_eq!(choices(&merged), choices(&whole));

    let partial = done(&["merge", "a.jsonl", "c.jsonl", "--format", "json"], folder, 6);
    assert!(partial.stdout.contains("there is no record of shard 2/3"), "a missing shard is no conformance");
    fs::write(folder.join("empty.jsonl"), "").expect("a file");
    for (arguments, says) in [
        (&["merge", "a.jsonl", "a.jsonl"][..], "both shard 1/3"),
        (&["judge", "empty.jsonl"], "it is empty"),
        (&["merge", "a.jsonl", "whole.json"], "does not begin as a record"),
        (&["merge", "nothing.jsonl"], "nothing.jsonl"),
    ] {
        let refused = done(arguments, folder, 2);
        assert!(refused.stderr.contains(says), "{}", refused.stderr);
    }
    let mut other = short("90", &["--shard", "2/3", "--events", "other.jsonl"]);
    other[5] = "6";
    run_in(&other, folder);
    let refused = done(&["merge", "a.jsonl", "other.jsonl"], folder, 2);
    assert!(refused.stderr.contains("their seed differ"), "{}", refused.stderr);
}

#[test]
fn shards_of_an_endpoint_that_breaks_a_promise_find_the_same() {
    let mutant = "ecs/DeleteImage/drop-condition/ImageUseShared";
    let folder = folder();
    let folder = folder.path();
    let run_against = |more: &[&str]| {
        let served = Served::start(&["--mutant", mutant]);
        let mut arguments = vec!["run", "ecs/DeleteImage", "--endpoint", &served.url, "--seed", "5", "--cases", "40"];
        arguments.extend(more);
        run_in(&arguments, folder);
    };
    run_against(&["--report", "json=whole.json"]);
    run_against(&["--shard", "1/2", "--events", "a.jsonl"]);
    run_against(&["--shard", "2/2", "--events", "b.jsonl"]);
    // The two servers are one after the other, and their answers have the same ids: that is not the merge's fault.
    run_in(&["merge", "a.jsonl", "b.jsonl", "--report", "json=merged.json"], folder);
    let (whole, merged) = (json(folder, "whole.json"), json(folder, "merged.json"));
    let key = "ecs/DeleteImage/error/ImageUseShared#answered success";
    assert!(keys(&whole).contains(&key), "{:?}", keys(&whole));
    // What else its races show depends on chance.
    assert!(keys(&merged).contains(&key), "{:?}", keys(&merged));
    let shared = |report: &Value| {
        let mut findings = report["findings"].as_array().expect("a list").iter();
        findings.find(|finding| finding["key"] == key).expect("the finding").clone()
    };
    assert!(shared(&merged)["script"].as_array().is_some_and(|script| script.len() <= 6), "the shortest one is kept");
    assert_eq!(shared(&merged)["stable"], true);
}

#[test]
fn three_nights() {
    let folder = folder();
    let folder = folder.path();
    let night = |mutant: &[&str], more: &[&str], code: i32| {
        let served = Served::start(mutant);
        let mut arguments = vec!["run", "ecs/DeleteImage", "--endpoint", &served.url, "--seed", "9", "--cases", "50"];
        arguments.extend(more);
        done(&arguments, folder, code)
    };
    let mutant = ["--mutant", "ecs/DeleteImage/drop-condition/ImageUseShared"];
    night(&[], &["--events", "1.jsonl"], 0);
    let reports =
        ["--report", "markdown=2.md", "--report", "junit=2.xml", "--report", "github=-", "--report", "json=2.json"];
    let second = night(&mutant, &[&["--events", "2.jsonl", "--baseline", "1.jsonl"][..], &reports].concat(), 1);
    let markdown = read(folder, "2.md");
    let id = "ecs/DeleteImage/error/ImageUseShared";
    assert!(markdown.contains(&format!("- **new violation**: {id}: DeleteImage answered success")), "{markdown}");
    let new = markdown.split("## New violations").nth(1).expect("a section");
    assert!(new.contains(&format!("### `{id}`")) && new.contains("ModifyImageSharePermission"), "{new}");
    assert!(new.contains("DeleteImage(ImageId=$image1)") && new.contains("aswritten replay .aswritten/"), "{new}");
    assert!(second.stdout.contains("since 1.jsonl (seed 9)") && second.stdout.contains("new violation"));
    let annotation = second.stdout.lines().find(|line| line.starts_with("::error")).expect("an annotation");
    let place = "file=specs/alibaba/ecs/DeleteImage.toml,line=";
    assert!(annotation.contains(place) && annotation.contains("title=new%3A ecs/DeleteImage"), "{annotation}");
    let line: usize =
        annotation.split(place).nth(1).and_then(|rest| rest.split(',').next()?.parse().ok()).expect("a line");
    let spec = fs::read_to_string("specs/alibaba/ecs/DeleteImage.toml").expect("the spec");
    let near: Vec<&str> = spec.lines().skip(line - 1).take(3).collect();
    assert!(near.iter().any(|line| line.contains("ImageUseShared")), "line {line}: {near:?}");
    assert!(read(folder, "2.xml").contains("message=\"new: DeleteImage answered "));
    assert_eq!(json(folder, "2.json")["changes"]["new"][0]["requirement"], id);

    // A report as JSON does as well as the events.
    for (baseline, name) in [("2.jsonl", "3.md"), ("2.json", "3b.md")] {
        let report = format!("markdown={name}");
        let third = night(&[], &["--baseline", baseline, "--report", &report], 0);
        let markdown = read(folder, name);
        assert!(markdown.contains(&format!("- **fixed**: {id}: DeleteImage answered success")), "{markdown}");
        assert!(!markdown.contains("new violation"), "{markdown}");
        assert!(third.stdout.contains("fixed"), "{}", third.stdout);
    }

    // With cases that do not exercise it, nothing is known to be fixed.
    let served = Served::start(&[]);
    let few = [
        "run",
        "ecs/DeleteImage",
        "--endpoint",
        &served.url,
        "--cases",
        "1",
        "--max-requests",
        "1",
        "--baseline",
        "2.jsonl",
    ];
    let few = run_in(&few, folder);
    assert!(few.stdout.contains("unseen") && !few.stdout.contains("  fixed"), "{}", few.stdout);
}

#[test]
fn baselines_that_are_none() {
    let folder = folder();
    let folder = folder.path();
    fs::write(folder.join("text"), "hello").expect("a file");
    fs::write(folder.join("object"), "{}").expect("a file");
    for (name, says) in [("text", "not JSON"), ("object", "schema"), ("missing", "missing")] {
        let ended = done(&short("1", &["--baseline", name]), folder, 2);
        assert!(ended.stderr.contains(says), "{}", ended.stderr);
    }
}

#[test]
fn specs_that_changed_judge_what_was_recorded() {
    let folder = folder();
    let folder = folder.path();
    done(&short("60", &["--events", "night.jsonl", "--report", "json=then.json"]), folder, 0);
    copy(Path::new("specs"), &folder.join("specs"));
    let path = folder.join("specs/alibaba/ecs/DeleteImage.toml");
    let spec = fs::read_to_string(&path).expect("the spec");
    let row = spec.find("code = \"ImageUseShared\"").expect("the row");
    let status = row + spec[row..].find("status = 403").expect("its status");
    let changed = format!("{}status = 409{}", &spec[..status], &spec[status + "status = 403".len()..]);
    fs::write(&path, changed).expect("a file");
    let task = folder.join("specs/alibaba/ecs/DescribeTasks.toml");
    let text = fs::read_to_string(&task).expect("the spec");
    fs::remove_file(&task).expect("it is removed");
    let renamed = text.replace("name = \"DescribeTasks\"", "name = \"ListTasks\"");
    fs::write(task.with_file_name("ListTasks.toml"), renamed).expect("a file");
    let judged = done(&["judge", "night.jsonl", "--specs", "specs", "--baseline", "then.json"], folder, 1);
    assert!(judged.stderr.contains("the specs have changed"), "{}", judged.stderr);
    assert!(judged.stderr.contains("the specs have no operation `ecs/DescribeTasks`"), "{}", judged.stderr);
    assert!(judged.stdout.contains("no longer fits the specs"), "{}", judged.stdout);
    assert!(judged.stdout.contains("status 409") || judged.stdout.contains("409 ImageUseShared"), "{}", judged.stdout);
    assert!(judged.stdout.contains("new violation"), "{}", judged.stdout);
    let refused = done(&["merge", "night.jsonl", "--specs", "specs"], folder, 2);
    assert!(refused.stderr.contains("other specs"), "{}", refused.stderr);
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder") {
        let path = entry.expect("an entry").path();
        let target = to.join(path.file_name().expect("a name"));
        if path.is_dir() {
            copy(&path, &target);
        } else {
            fs::copy(&path, &target).expect("a copy");
        }
    }
}

#[test]
fn secrets_are_taken_out_of_records() {
    let served = Served::start(&["--credentials", "me:hush\"marked\\secret"]);
    let folder = folder();
    let folder = folder.path();
    // The secret is also what the images are shared with, so that it does travel.
    let arguments = [
        "run",
        "ecs/DeleteImage",
        "--endpoint",
        &served.url,
        "--cases",
        "20",
        "--events",
        "e.jsonl",
        "--given",
        "account=hush\"marked\\secret",
    ];
    let mut command = command(&arguments, folder);
    command.env("ALIBABA_CLOUD_ACCESS_KEY_ID", "me").env("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "hush\"marked\\secret");
    ended(&mut command);
    let record = read(folder, "e.jsonl");
    assert!(record.contains("[secret]"), "it would have been there");
    assert!(!record.contains("marked"), "the secret is in the record");
    assert!(record.lines().all(|line| serde_json::from_str::<Value>(line).is_ok()), "lines are still JSON");
}

/// What the schema of Ant's reports demands: element, attributes that it must have, children in their order.
const JUNIT: &[(&str, &[&str], &[&str])] = &[
    ("testsuites", &[], &["testsuite"]),
    (
        "testsuite",
        &["package", "id", "name", "timestamp", "hostname", "tests", "failures", "errors", "time"],
        &["properties", "testcase", "system-out", "system-err"],
    ),
    ("properties", &[], &["property"]),
    ("property", &["name", "value"], &[]),
    ("testcase", &["name", "classname", "time"], &["skipped", "failure"]),
    ("skipped", &["message"], &[]),
    ("failure", &["type", "message"], &[]),
    ("system-out", &[], &[]),
    ("system-err", &[], &[]),
];

#[test]
fn junit_is_as_its_schema_has_it() {
    use quick_xml::{Reader, events::Event};

    let served = Served::start(&["--mutant", "ecs/DeleteImage/drop-condition/ImageUseShared"]);
    let folder = folder();
    let folder = folder.path();
    let arguments = [
        "run",
        "ecs/DeleteImage",
        "ens/DeleteImage",
        "--endpoint",
        &served.url,
        "--cases",
        "80",
        "--seed",
        "5",
        "--report",
        "junit=r.xml",
        "--report",
        "json=r.json",
        "--color",
        "always",
    ];
    done(&arguments, folder, 1);
    let xml = read(folder, "r.xml");
    assert!(xml.chars().all(|letter| letter == '\n' || !letter.is_control()), "no colours in XML");
    let mut reader = Reader::from_str(&xml);
    // Open elements, each with the position of its latest child, and how many of each it had.
    let mut open: Vec<(String, usize)> = Vec::new();
    let mut count = std::collections::BTreeMap::<String, u64>::new();
    let mut promised = Vec::new();
    loop {
        let event = reader.read_event().expect("it is XML");
        let (start, ends) = match &event {
            Event::Start(start) => (start, false),
            Event::Empty(start) => (start, true),
            Event::End(_) => {
                open.pop();
                continue;
            }
            Event::Eof => break,
            _ => continue,
        };
        let name = String::from_utf8_lossy(start.name().as_ref()).into_owned();
        *count.entry(name.clone()).or_default() += 1;
        let (_, required, _) = JUNIT.iter().find(|(known, ..)| *known == name).expect("a known element");
        let attribute = |wanted: &str| {
            let found = start.try_get_attribute(wanted).expect("sound attributes");
            found.map(|found| String::from_utf8_lossy(&found.value).into_owned())
        };
        for wanted in *required {
            assert!(attribute(wanted).is_some(), "{name} has no {wanted}");
        }
        if let Some((parent, latest)) = open.last_mut() {
            let (_, _, children) = JUNIT.iter().find(|(known, ..)| known == parent).expect("a known element");
            let position = children.iter().position(|child| *child == name);
            let position = position.unwrap_or_else(|| panic!("{parent} cannot have {name}"));
            assert!(position >= *latest, "{name} comes too late in {parent}");
            *latest = position;
        }
        if name == "testsuite" {
            let number = |name: &str| attribute(name).and_then(|text| text.parse::<u64>().ok()).expect(name);
            promised.push((number("tests"), number("failures"), number("skipped")));
            let time = attribute("timestamp").expect("a time");
            let shape: String = time.chars().map(|letter| if letter.is_ascii_digit() { '0' } else { letter }).collect();
            assert_eq!(shape, "0000-00-00T00:00:00", "the schema wants no zone");
        }
        if !ends {
            open.push((name, 0));
        }
    }
    let sum = |which: fn(&(u64, u64, u64)) -> u64| promised.iter().map(which).sum::<u64>();
    let counted = |name: &str| count.get(name).copied().unwrap_or(0);
    assert_eq!(sum(|suite| suite.0), counted("testcase"));
    assert_eq!(sum(|suite| suite.1), counted("failure"));
    assert_eq!(sum(|suite| suite.2), counted("skipped"));
    let report = json(folder, "r.json");
    let of = |verdict: &str| verdicts(&report).iter().filter(|(_, found, _)| found == verdict).count() as u64;
    assert_eq!((counted("failure"), of("violates")), (of("violates"), counted("failure")));
    assert!(counted("failure") > 0);
    assert_eq!(counted("skipped"), of("not-exercised") + of("inconclusive"));
}
